//! Addresses: the Ministry of Internal Affairs (679 A3-2).

use serde_json::{Value, json};

use super::error::{Contradiction, ErrorKind, RegisterName, RegistryError};
use super::line::Repeat;
use super::query::AddressQuery;
use super::wire::{self, Flag, Heard};
use super::{Answer, Asker, Registries};
use crate::people::{Address, CivilDate};

/// Where somebody is registered.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Addresses {
    /// For good.
    pub permanent: Option<Address>,
    /// Since when.
    pub permanent_since: Option<CivilDate>,
    /// For a time: the latest registration.
    pub temporary: Option<Address>,
    /// Until when.
    pub temporary_until: Option<CivilDate>,
}

const FLAGS: [Flag; 1] = [Flag("AnswereId", &["1"])];

impl Registries {
    /// Where a person is registered (R111).
    ///
    /// # Errors
    /// [`RegistryError`].
    pub async fn address(
        &self,
        query: &AddressQuery,
        asker: &Asker,
    ) -> Result<Answer<Addresses>, RegistryError> {
        let line = self.line(RegisterName::Interior)?;
        let (path, name, value) = match query {
            AddressQuery::Pinfl(pinfl) => ("/mvd/services/address/info/pin/v1", "pinpp", pinfl.digits()),
            AddressQuery::Document(document) => {
                ("/mvd/services/address/info/document/v1", "document", document.number.as_str())
            }
        };
        let call = line.post(path, json!({ name: value }), Repeat::May);
        self.ask(line, asker, &["address", name, value], call, read).await
    }
}

pub(super) fn read(heard: &Heard) -> Result<Addresses, ErrorKind> {
    let (data, _) = wire::judged(heard, &FLAGS, &["Data"])?;
    let permanent = wire::member(data, "PermanentRegistration").filter(|value| value.is_object());
    let list = ["TemproaryRegistrations", "TemporaryRegistrations"];
    let list = list.iter().find_map(|name| wire::member(data, name)).and_then(Value::as_array);
    let latest = list.into_iter().flatten().take(64).max_by_key(|entry| wire::day(entry, "RegistrationDate"));
    let addresses = Addresses {
        permanent: permanent.and_then(address),
        permanent_since: permanent.and_then(|entry| wire::day(entry, "RegistrationDate")),
        temporary: latest.and_then(address),
        temporary_until: latest.and_then(|entry| wire::day(entry, "ValidDate")),
    };
    if addresses.permanent.is_none() && addresses.temporary.is_none() {
        let said = permanent.is_some() || latest.is_some();
        return Err(if said { ErrorKind::Contradiction(Contradiction::Form) } else { ErrorKind::NotFound });
    }
    Ok(addresses)
}

/// An address needs its region and district; the whole line that the register writes stands in for a street.
fn address(entry: &Value) -> Option<Address> {
    let part = |name: &str| match wire::member(entry, name)? {
        Value::Object(_) => wire::text(wire::member(entry, name)?, "Value"),
        other => wire::plain(other),
    };
    Some(Address {
        region: part("Region")?,
        district: part("District")?,
        street: part("Address").or_else(|| part("Street"))?,
        postal_code: part("PostalCode")
            .filter(|code| code.len() == 6 && code.bytes().all(|b| b.is_ascii_digit())),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use reqwest::StatusCode;

    fn heard(body: Value) -> Heard {
        Heard { status: StatusCode::OK, body }
    }

    #[test]
    fn r111_the_registers_own_form_is_read_with_its_own_spelling() {
        let body = json!({"Data": {
            "PermanentRegistration": {
                "Cadastre": "12:08:05:01:07:0035",
                "Country": {"Id": 182, "Value": "ЎЗБЕКИСТОН", "IdValue": "(182) ЎЗБЕКИСТОН"},
                "Region": {"Id": 12, "Value": "СИРДАРЁ ВИЛОЯТИ"}, "District": {"Id": 1205, "Value": "ХОВОС ТУМАНИ"},
                "Address": "МУРУВВАТ КЎЧАСИ, 20-УЙ", "RegistrationDate": "2021-12-27T00:00:00"},
            "TemproaryRegistrations": [
                {"Region": {"Value": "TOSHKENT"}, "District": {"Value": "CHILONZOR"}, "Address": "A",
                 "RegistrationDate": "2020-01-01T00:00:00"},
                {"Region": {"Value": "TOSHKENT"}, "District": {"Value": "YUNUSOBOD"}, "Address": "B",
                 "RegistrationDate": "2026-01-01T00:00:00", "ValidDate": "2027-01-01T00:00:00"}]},
            "AnswereId": 1, "AnswereMessage": "Ok", "AnswereComment": ""});
        let found = read(&heard(body)).unwrap();
        assert_eq!(found.permanent.unwrap().district, "ХОВОС ТУМАНИ");
        assert_eq!(found.permanent_since.unwrap().to_string(), "2021-12-27");
        assert_eq!(found.temporary.unwrap().district, "YUNUSOBOD");
        assert_eq!(found.temporary_until.unwrap().to_string(), "2027-01-01");
    }

    #[test]
    fn odd_answers_are_told_apart() {
        let kind = |body: Value| read(&heard(body)).unwrap_err();
        assert_eq!(
            kind(json!({"AnswereId": 0, "AnswereMessage": "Маълумот топилмади", "Data": null})),
            ErrorKind::NotFound
        );
        let empty =
            json!({"AnswereId": 1, "Data": {"PermanentRegistration": null, "TemproaryRegistrations": null}});
        assert_eq!(kind(empty), ErrorKind::NotFound);
        let shapeless = json!({"AnswereId": 1, "Data": {"PermanentRegistration": {"Region": 7}}});
        assert_eq!(kind(shapeless), ErrorKind::Contradiction(Contradiction::Form));
    }
}
