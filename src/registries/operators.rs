//! Subscribers of mobile operators (679 A3-5). Numbers move between operators, so the prefix tells nobody's operator: whoever answers for all
//! of them is asked.

use serde_json::{Value, json};

use super::error::{Contradiction, ErrorKind, RegisterName, RegistryError};
use super::line::Repeat;
use super::query::SubscriberQuery;
use super::wire::{self, Flag, Heard};
use super::{Answer, Asker, Registries};
use crate::people::{CivilDate, PhoneNumber, Pinfl};

/// What operators know of a number.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Subscriber {
    /// The number.
    pub number: PhoneNumber,
    /// In whose name it is; `None` for a legal entity's, and for one that is nobody's.
    pub owner: Option<Pinfl>,
    /// The operator that has it now.
    pub operator: String,
    /// What it can do.
    pub state: SubscriberState,
    /// Since when it is in that state, if the operator says it.
    pub since: Option<CivilDate>,
}

/// The state of a number at its operator.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SubscriberState {
    /// In use, with money (R6).
    Active,
    /// In use, without money.
    NoBalance,
    /// Blocked for a while; it stays its owner's (R84).
    Frozen,
    /// Given back to the operator (R84).
    Returned,
}

impl SubscriberState {
    /// Its name on the wire.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Active => "active",
            Self::NoBalance => "no_balance",
            Self::Frozen => "frozen",
            Self::Returned => "returned",
        }
    }

    /// The state that a word names, in exchange files as well.
    pub fn parse(word: &str) -> Option<Self> {
        [Self::Active, Self::NoBalance, Self::Frozen, Self::Returned]
            .into_iter()
            .find(|state| state.name() == word)
    }
}

/// `resultCode` 3000 says that number and person belong together, where that is seen in public.
const FLAGS: [Flag; 1] = [Flag("resultCode", &["3000", "0"])];

impl Registries {
    /// A number: whose it is and what it can do (R54, R102).
    ///
    /// # Errors
    /// [`RegistryError`]; [`ErrorKind::NotFound`] for a number that no operator has given out.
    pub async fn subscriber(
        &self,
        number: &PhoneNumber,
        asker: &Asker,
    ) -> Result<Answer<Subscriber>, RegistryError> {
        let query = SubscriberQuery::Number(number.clone());
        let answer = self.subscribers(&query, asker).await?;
        let other =
            RegistryError::new(RegisterName::Operators, ErrorKind::Contradiction(Contradiction::OtherNumber));
        let found = answer.value.iter().position(|subscriber| subscriber.number == *number).ok_or(other)?;
        Ok(answer.map(|mut all| all.swap_remove(found)))
    }

    /// The numbers of a person, or the one number that was asked for (R102, R111). Who has none is an empty list.
    ///
    /// # Errors
    /// [`RegistryError`].
    pub async fn subscribers(
        &self,
        query: &SubscriberQuery,
        asker: &Asker,
    ) -> Result<Answer<Vec<Subscriber>>, RegistryError> {
        let line = self.line(RegisterName::Operators)?;
        let (name, value) = match query {
            SubscriberQuery::Number(number) => ("msisdn", number.digits()),
            SubscriberQuery::Pinfl(pinfl) => ("pinfl", pinfl.digits()),
        };
        let call = line.post("/subscriber/v1", json!({ name: value }), Repeat::May);
        self.ask(line, asker, &["subscriber", name, value], call, |heard| read(heard, query)).await
    }
}

fn read(heard: &Heard, query: &SubscriberQuery) -> Result<Vec<Subscriber>, ErrorKind> {
    let data = match wire::judged(heard, &FLAGS, &["data"]) {
        Ok((data, _)) => data,
        Err(ErrorKind::NotFound) if matches!(query, SubscriberQuery::Pinfl(_)) => return Ok(Vec::new()),
        Err(other) => return Err(other),
    };
    let entries = data.as_array().ok_or(ErrorKind::Contradiction(Contradiction::Form))?;
    let all = entries.iter().take(256).map(subscriber).collect::<Result<Vec<_>, _>>()?;
    for one in &all {
        match query {
            SubscriberQuery::Number(number) if one.number != *number => {
                return Err(ErrorKind::Contradiction(Contradiction::OtherNumber));
            }
            SubscriberQuery::Pinfl(pinfl) if one.owner.as_ref() != Some(pinfl) => {
                return Err(ErrorKind::Contradiction(Contradiction::OtherPerson));
            }
            _ => {}
        }
    }
    Ok(all)
}

/// Reads an answer to either question, for tests and fuzzing.
#[cfg(any(test, fuzzing))]
pub(super) fn read_any(heard: &Heard) {
    use super::query::Given;
    let by_pinfl = Given { pinfl: Some("41405882050012"), ..Given::default() };
    let by_number = Given { number: Some("998007000001"), ..Given::default() };
    for given in [by_pinfl, by_number] {
        if let Ok(query) = SubscriberQuery::parse(&given) {
            let _ = read(heard, &query);
        }
    }
}

fn subscriber(entry: &Value) -> Result<Subscriber, ErrorKind> {
    const FORM: ErrorKind = ErrorKind::Contradiction(Contradiction::Form);
    let number = wire::text(entry, "msisdn").ok_or(FORM)?;
    let number = PhoneNumber::from_digits(number.trim_start_matches('+')).map_err(|_| FORM)?;
    let owner = wire::text(entry, "pinfl").map(|text| Pinfl::from_registry(&text)).transpose();
    let state =
        wire::text(entry, "state").and_then(|word| SubscriberState::parse(&word.to_ascii_lowercase()));
    Ok(Subscriber {
        number,
        owner: owner.map_err(|_| FORM)?,
        operator: wire::text(entry, "operator").unwrap_or_default(),
        state: state.ok_or(FORM)?,
        since: wire::day(entry, "since"),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use reqwest::StatusCode;

    #[test]
    fn r102_answers_are_about_who_and_what_was_asked_for() {
        let number = PhoneNumber::from_digits("998001112233").unwrap();
        let pinfl = Pinfl::parse("41204902040015").unwrap();
        let by_number = SubscriberQuery::Number(number.clone());
        let by_pinfl = SubscriberQuery::Pinfl(pinfl.clone());
        let body = |code: u32, entries: Value| Heard {
            status: StatusCode::OK,
            body: json!({"resultCode": code, "data": entries}),
        };
        let entry = |number: &str, pinfl: Value, state: &str| json!([{"msisdn": number, "pinfl": pinfl, "operator": "Ucell", "state": state, "since": "2024-01-02"}]);
        let own = body(3000, entry("+998001112233", json!(pinfl.digits()), "active"));
        let found = read(&own, &by_number).unwrap();
        assert_eq!((found[0].owner.as_ref(), found[0].state), (Some(&pinfl), SubscriberState::Active));
        assert_eq!(read(&own, &by_pinfl).unwrap().len(), 1);
        let nobody = body(3000, entry("998001112233", Value::Null, "RETURNED"));
        assert_eq!(read(&nobody, &by_number).unwrap()[0].state, SubscriberState::Returned);
        let contradiction = |what| Err(ErrorKind::Contradiction(what));
        assert_eq!(read(&nobody, &by_pinfl), contradiction(Contradiction::OtherPerson));
        let other = body(3000, entry("998002223344", Value::Null, "active"));
        assert_eq!(read(&other, &by_number), contradiction(Contradiction::OtherNumber));
        let odd = body(3000, entry("998001112233", Value::Null, "sleeping"));
        assert_eq!(read(&odd, &by_number), contradiction(Contradiction::Form));
        let none = body(3000, json!([]));
        assert_eq!(
            (read(&none, &by_pinfl), read(&none, &by_number)),
            (Ok(Vec::new()), Err(ErrorKind::NotFound))
        );
    }
}
