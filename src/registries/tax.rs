//! The Tax Committee: taxpayer numbers (679 A3-3), and to whom a certificate on an ID-card belongs (479 cl. 23).

use serde_json::json;

use super::error::{Contradiction, ErrorKind, RegisterName, RegistryError};
use super::line::Repeat;
use super::query::TinQuery;
use super::wire::{self, Flag, Heard};
use super::{Answer, Asker, Registries};
use crate::people::{Pinfl, Tin};

const FLAGS: [Flag; 2] = [Flag("success", &["true", "1"]), Flag("result_code", &["1"])];
/// The longest serial number of a certificate, in hexadecimal digits (RFC 5280 §4.1.2.2: 20 octets).
const LONGEST_SERIAL: usize = 40;

/// What the Tax Committee says of a certificate.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CardCertificate {
    /// It is of this person's ID-card, and in force.
    Confirmed,
    /// It knows the certificate, as another's or no longer in force.
    Denied,
    /// It does not know it: it is no ID-card's.
    Unknown,
}

impl Registries {
    /// A person's taxpayer number (R111).
    ///
    /// # Errors
    /// [`RegistryError`].
    pub async fn tin(&self, query: &TinQuery, asker: &Asker) -> Result<Answer<Tin>, RegistryError> {
        let line = self.line(RegisterName::Tax)?;
        let (name, value) = match query {
            TinQuery::Pinfl(pinfl) => ("pinfl", pinfl.digits()),
            TinQuery::Document(document) => ("passport", document.number.as_str()),
        };
        let call = line.post("/gnk/service/tin/v1", json!({ name: value }), Repeat::May);
        self.ask(line, asker, &["tin", name, value], call, |heard| read_tin(heard, query)).await
    }

    /// Whether the Tax Committee's data say that a certificate is of this person's ID-card and in force (R58). The answer is never
    /// used again.
    ///
    /// # Errors
    /// As [`Registries::tax_certificate`].
    pub async fn tax_confirms(
        &self,
        pinfl: &Pinfl,
        serial_number: &str,
        asker: &Asker,
    ) -> Result<Answer<bool>, RegistryError> {
        let Answer { value, register, as_of, kept } =
            self.tax_certificate(pinfl, serial_number, asker).await?;
        Ok(Answer { value: value == CardCertificate::Confirmed, register, as_of, kept })
    }

    /// What the Tax Committee's data say of a certificate. The answer is never used again.
    ///
    /// # Errors
    /// [`RegistryError`]; a serial number that can be none is [`ErrorKind::Refused`] without a call.
    pub async fn tax_certificate(
        &self,
        pinfl: &Pinfl,
        serial_number: &str,
        asker: &Asker,
    ) -> Result<Answer<CardCertificate>, RegistryError> {
        let line = self.line(RegisterName::Tax)?;
        let length = serial_number.len();
        let fits =
            (1..=LONGEST_SERIAL).contains(&length) && serial_number.bytes().all(|b| b.is_ascii_hexdigit());
        if !fits {
            return Err(RegistryError::new(RegisterName::Tax, ErrorKind::Refused));
        }
        let body = json!({ "pinfl": pinfl.digits(), "serial_number": serial_number });
        let call = line.post("/gnk/service/eri/check/v1", body, Repeat::May);
        let read = |heard: &Heard| read_certificate(heard, pinfl, serial_number);
        self.ask(line, asker, &[], call, read).await
    }
}

pub(super) fn read_tin(heard: &Heard, query: &TinQuery) -> Result<Tin, ErrorKind> {
    let (data, _) = wire::judged(heard, &FLAGS, &["data"])?;
    if let (TinQuery::Pinfl(asked), Some(told)) = (query, wire::text(data, "pinfl"))
        && told != asked.digits()
    {
        return Err(ErrorKind::Contradiction(Contradiction::OtherPerson));
    }
    let tin = wire::text(data, "tin").ok_or(ErrorKind::NotFound)?;
    Tin::try_from(tin).map_err(|_| ErrorKind::Contradiction(Contradiction::Form))
}

pub(super) fn read_certificate(
    heard: &Heard,
    pinfl: &Pinfl,
    serial_number: &str,
) -> Result<CardCertificate, ErrorKind> {
    let data = match wire::judged(heard, &FLAGS, &["data"]) {
        Ok((data, _)) => data,
        Err(ErrorKind::NotFound) => return Ok(CardCertificate::Unknown),
        Err(other) => return Err(other),
    };
    let form = ErrorKind::Contradiction(Contradiction::Form);
    let serial = wire::text(data, "serial_number").ok_or(form)?;
    if !serial.eq_ignore_ascii_case(serial_number) {
        return Err(ErrorKind::Contradiction(Contradiction::OtherPerson));
    }
    let theirs = wire::text(data, "pinfl").ok_or(form)? == pinfl.digits();
    let in_force = wire::truth(data, "in_force").ok_or(form)?;
    Ok(if theirs && in_force { CardCertificate::Confirmed } else { CardCertificate::Denied })
}

#[cfg(test)]
mod tests {
    use super::*;
    use reqwest::StatusCode;
    use serde_json::Value;

    fn heard(body: Value) -> Heard {
        Heard { status: StatusCode::OK, body }
    }

    #[test]
    fn r111_a_tin_is_nine_digits_of_who_was_asked_for_or_none() {
        let query = TinQuery::Pinfl(Pinfl::parse("41204902040015").unwrap());
        let read = |data: Value| read_tin(&heard(json!({"success": true, "data": data})), &query);
        assert_eq!(read(json!({"tin": 512_345_678})).unwrap().digits(), "512345678");
        assert_eq!(read(json!({"tin": null})), Err(ErrorKind::NotFound));
        assert_eq!(read(json!({"tin": "12"})), Err(ErrorKind::Contradiction(Contradiction::Form)));
        assert_eq!(
            read(json!({"tin": "512345678", "pinfl": "30109952050028"})),
            Err(ErrorKind::Contradiction(Contradiction::OtherPerson))
        );
    }

    #[test]
    fn r58_a_certificate_is_confirmed_only_for_its_person_and_while_in_force() {
        let pinfl = Pinfl::parse("41204902040015").unwrap();
        let read = |body: Value| read_certificate(&heard(body), &pinfl, "77A1");
        let body = |pinfl: &str, in_force: bool, serial: &str| json!({"success": true, "data": {"pinfl": pinfl, "serial_number": serial, "in_force": in_force}});
        assert_eq!(read(body(pinfl.digits(), true, "77a1")), Ok(CardCertificate::Confirmed));
        assert_eq!(read(body(pinfl.digits(), false, "77A1")), Ok(CardCertificate::Denied));
        assert_eq!(read(body("30109952050028", true, "77A1")), Ok(CardCertificate::Denied));
        assert_eq!(read(json!({"success": false, "message": "topilmadi"})), Ok(CardCertificate::Unknown));
        assert_eq!(
            read(body(pinfl.digits(), true, "77A2")),
            Err(ErrorKind::Contradiction(Contradiction::OtherPerson))
        );
        assert_eq!(read(json!({"success": false, "message": "xato"})), Err(ErrorKind::Refused));
    }
}
