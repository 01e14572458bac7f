//! Who pays half: the register of social protection, and disability of group I or II (479 cl. 6).

use serde_json::{Value, json};

use super::error::{Contradiction, ErrorKind, RegisterName, RegistryError};
use super::line::Repeat;
use super::query::AskedDocument;
use super::wire::{self, Flag, Heard};
use super::{Answer, Asker, Registries};
use crate::people::Pinfl;

/// A group of disability.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DisabilityGroup {
    /// I.
    First,
    /// II.
    Second,
    /// III, which gives no discount.
    Third,
}

/// What two registers say of a discount; each may have failed by itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Discount {
    /// Whether the person is in the register of social protection.
    pub social_register: Result<bool, RegistryError>,
    /// The group of disability that is in force, if there is one.
    pub disability: Result<Option<DisabilityGroup>, RegistryError>,
}

impl Discount {
    /// Whether there is a ground for the discount (R14). Where it is one, the point still must be a service centre.
    ///
    /// # Errors
    /// The first [`RegistryError`], where what was answered is no ground and something was not answered.
    pub fn applies(&self) -> Result<bool, RegistryError> {
        let group = |group: &Option<DisabilityGroup>| {
            matches!(group, Some(DisabilityGroup::First | DisabilityGroup::Second))
        };
        if self.social_register == Ok(true) || self.disability.as_ref().is_ok_and(group) {
            return Ok(true);
        }
        self.social_register?;
        self.disability?;
        Ok(false)
    }
}

const SOCIAL_FLAGS: [Flag; 2] = [Flag("success", &["true", "1"]), Flag("result_code", &["1"])];
const DISABILITY_FLAGS: [Flag; 2] = [Flag("pResult", &["1"]), Flag("result_code", &["1"])];

impl Registries {
    /// What speaks for a discount (R14). The two registers are asked at once. Commissions on disability look people up by a
    /// document of theirs; without one they are asked by the PINFL alone.
    pub async fn discount(&self, pinfl: &Pinfl, document: Option<&AskedDocument>, asker: &Asker) -> Discount {
        let (social_register, disability) =
            futures_util::future::join(self.social(pinfl, asker), self.disability(pinfl, document, asker))
                .await;
        Discount {
            social_register: social_register.map(|answer| answer.value),
            disability: disability.map(|answer| answer.value),
        }
    }

    /// Whether the person is in the register of social protection.
    ///
    /// # Errors
    /// [`RegistryError`].
    pub async fn social(&self, pinfl: &Pinfl, asker: &Asker) -> Result<Answer<bool>, RegistryError> {
        let line = self.line(RegisterName::Social)?;
        let body = json!({ "pinfl": pinfl.digits() });
        let call = line.post("/ihma/get-reestr-family/v1", body, Repeat::May);
        self.ask(line, asker, &["social", pinfl.digits()], call, |heard| read_social(heard, pinfl)).await
    }

    /// The group of disability that is in force.
    ///
    /// # Errors
    /// [`RegistryError`].
    pub async fn disability(
        &self,
        pinfl: &Pinfl,
        document: Option<&AskedDocument>,
        asker: &Asker,
    ) -> Result<Answer<Option<DisabilityGroup>>, RegistryError> {
        let line = self.line(RegisterName::Disability)?;
        let number = document.map_or("", |document| document.number.as_str());
        let body = json!({
            "transaction_id": 1,
            "pin": self.sender(asker),
            "purpose": asker.why().name(),
            "consent": asker.flag(),
            "pinfl": pinfl.digits(),
            "passport": number,
        });
        let call = line.post("/minzdrav/vtek/v4/passport", body, Repeat::May);
        let question = ["disability", pinfl.digits(), number];
        self.ask(line, asker, &question, call, |heard| read_disability(heard, pinfl)).await
    }
}

/// Whether somebody of the family that was found is the person, and is in the register now.
pub(super) fn read_social(heard: &Heard, pinfl: &Pinfl) -> Result<bool, ErrorKind> {
    let data = match wire::judged(heard, &SOCIAL_FLAGS, &["data", "items"]) {
        Ok((data, _)) => data,
        Err(ErrorKind::NotFound) => return Ok(false),
        Err(other) => return Err(other),
    };
    let form = ErrorKind::Contradiction(Contradiction::Form);
    let in_register = wire::truth(data, "in_register").ok_or(form)?;
    let members = wire::member(data, "members").and_then(Value::as_array).ok_or(form)?;
    let is_member = |entry: &Value| wire::text(entry, "pinfl").as_deref() == Some(pinfl.digits());
    if members.iter().any(is_member) {
        Ok(in_register)
    } else {
        Err(ErrorKind::Contradiction(Contradiction::OtherPerson))
    }
}

pub(super) fn read_disability(heard: &Heard, pinfl: &Pinfl) -> Result<Option<DisabilityGroup>, ErrorKind> {
    let data = match wire::judged(heard, &DISABILITY_FLAGS, &["data", "items"]) {
        Ok((data, _)) => data,
        Err(ErrorKind::NotFound) => return Ok(None),
        Err(other) => return Err(other),
    };
    let form = ErrorKind::Contradiction(Contradiction::Form);
    if wire::text(data, "pinfl").ok_or(form)? != pinfl.digits() {
        return Err(ErrorKind::Contradiction(Contradiction::OtherPerson));
    }
    if !wire::truth(data, "in_force").unwrap_or(true) {
        return Ok(None);
    }
    match wire::text(data, "group").as_deref() {
        Some("1" | "I") => Ok(Some(DisabilityGroup::First)),
        Some("2" | "II") => Ok(Some(DisabilityGroup::Second)),
        Some("3" | "III") => Ok(Some(DisabilityGroup::Third)),
        None => Ok(None),
        Some(_) => Err(form),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::platform::clock::Timestamp;
    use reqwest::StatusCode;

    fn heard(body: Value) -> Heard {
        Heard { status: StatusCode::OK, body }
    }

    #[test]
    fn r14_only_a_present_entry_of_the_person_themselves_counts() {
        let pinfl = Pinfl::parse("41204902040015").unwrap();
        let social = |inside: bool, member: &str| {
            let body =
                json!({"success": true, "data": {"in_register": inside, "members": [{"pinfl": member}]}});
            read_social(&heard(body), &pinfl)
        };
        assert_eq!(social(true, pinfl.digits()), Ok(true));
        assert_eq!(social(false, pinfl.digits()), Ok(false));
        assert_eq!(social(true, "30109952050028"), Err(ErrorKind::Contradiction(Contradiction::OtherPerson)));
        let nobody = heard(json!({"success": false, "message": "Ma'lumot topilmadi"}));
        assert_eq!(read_social(&nobody, &pinfl), Ok(false));
        let disability = |group: Value, in_force: bool| {
            let data = json!({"pinfl": pinfl.digits(), "group": group, "in_force": in_force});
            read_disability(&heard(json!({"pResult": "1", "data": data})), &pinfl)
        };
        assert_eq!(disability(json!("II"), true), Ok(Some(DisabilityGroup::Second)));
        assert_eq!(disability(json!(1), false), Ok(None));
        assert_eq!(disability(json!(9), true), Err(ErrorKind::Contradiction(Contradiction::Form)));
    }

    #[test]
    fn r14_one_ground_is_enough_and_silence_is_none() {
        let down = |register| {
            let kind = ErrorKind::Unavailable { since: Timestamp(1) };
            RegistryError::new(register, kind)
        };
        let (social, disability) = (down(RegisterName::Social), down(RegisterName::Disability));
        let applies = |social_register, disability| Discount { social_register, disability }.applies();
        assert_eq!(applies(Ok(true), Err(disability)), Ok(true));
        assert_eq!(applies(Err(social), Ok(Some(DisabilityGroup::First))), Ok(true));
        assert_eq!(applies(Ok(false), Ok(Some(DisabilityGroup::Third))), Ok(false));
        assert_eq!(applies(Ok(false), Err(disability)), Err(disability));
        assert_eq!(applies(Err(social), Ok(None)), Err(social));
    }
}
