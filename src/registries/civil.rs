//! Deaths: the civil registry's archive (FHDYo; 479 cl. 34).

use serde_json::{Value, json};

use super::error::{Contradiction, ErrorKind, RegisterName, RegistryError};
use super::line::Repeat;
use super::wire::{self, Flag, Heard};
use super::{Answer, Asker, Registries};
use crate::people::{CivilDate, Pinfl};

/// A recorded death.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Death {
    /// When the person died, if the archive says it.
    pub died_on: Option<CivilDate>,
    /// Series and number of the certificate, if there is one.
    pub certificate: Option<String>,
}

const FLAGS: [Flag; 2] = [Flag("result_code", &["1"]), Flag("status", &["1", "200"])];

impl Registries {
    /// The death of a person, if one is recorded (R86).
    ///
    /// # Errors
    /// [`RegistryError`].
    pub async fn death(&self, pinfl: &Pinfl, asker: &Asker) -> Result<Answer<Option<Death>>, RegistryError> {
        let line = self.line(RegisterName::CivilRegistry)?;
        let body = json!({ "id": 1, "pin": pinfl.digits() });
        let call = line.post("/justice/service/death/v1", body, Repeat::May);
        self.ask(line, asker, &["death", pinfl.digits()], call, |heard| read(heard, pinfl)).await
    }
}

pub(super) fn read(heard: &Heard, pinfl: &Pinfl) -> Result<Option<Death>, ErrorKind> {
    let data = match wire::judged(heard, &FLAGS, &["items", "data"]) {
        Ok((data, _)) => data,
        Err(ErrorKind::NotFound) => return Ok(None),
        Err(other) => return Err(other),
    };
    let first = match data {
        Value::Array(items) => items.first().ok_or(ErrorKind::Contradiction(Contradiction::Form))?,
        one => one,
    };
    // Somebody else's death must not end anybody's identification.
    if wire::text(first, "pin").ok_or(ErrorKind::Contradiction(Contradiction::Form))? != pinfl.digits() {
        return Err(ErrorKind::Contradiction(Contradiction::OtherPerson));
    }
    let certificate = match (wire::text(first, "cert_series"), wire::text(first, "cert_number")) {
        (Some(series), Some(number)) => Some(format!("{series} {number}")),
        (None, number) => number,
        _ => None,
    };
    Ok(Some(Death { died_on: wire::day(first, "death_date"), certificate }))
}

#[cfg(test)]
mod tests {
    use super::*;
    use reqwest::StatusCode;

    #[test]
    fn r86_a_death_is_of_who_was_asked_for_or_it_is_none() {
        let pinfl = Pinfl::parse("41204902040015").unwrap();
        let read = |body: Value| read(&Heard { status: StatusCode::OK, body }, &pinfl);
        let item = json!({"pin": pinfl.digits(), "death_date": "2025-05-06", "cert_series": "I-TN", "cert_number": 7});
        let found = read(json!({"result_code": 1, "items": [item]})).unwrap().unwrap();
        assert_eq!(found.died_on.unwrap().to_string(), "2025-05-06");
        assert_eq!(found.certificate.as_deref(), Some("I-TN 7"));
        assert_eq!(read(json!({"result_code": 1, "items": []})), Ok(None));
        assert_eq!(read(json!({"result_code": 0, "result_message": "x", "message": "topilmadi"})), Ok(None));
        assert_eq!(
            read(json!({"result_code": 1, "items": [{"pin": "30109952050028"}]})),
            Err(ErrorKind::Contradiction(Contradiction::OtherPerson))
        );
        assert_eq!(read(json!({"result_code": 5})), Err(ErrorKind::Refused));
    }
}
