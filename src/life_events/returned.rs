//! Numbers that were returned to their operators (clause 34, R84, R87): whose enrolment that ends.

use super::{Ground34, LifeEvents};
use crate::mobile_id::exchange::{Operator, ReturnedRow, State};
use crate::people::Holding;
use crate::platform::service_error::ServiceError;

/// What a row of an operator's list came to.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Returned {
    /// The enrolment has ended.
    Ended,
    /// The number is frozen: nothing ends (R84).
    Frozen,
    /// The number is not enrolled, or was ended before.
    NotEnrolled,
    /// It was enrolled again after it was returned: whoever has it now keeps it.
    EnrolledSince,
    /// It is of another operator's codes: nothing ends.
    OtherOperator,
}

impl Returned {
    /// All.
    pub const ALL: [Self; 5] =
        [Self::Ended, Self::Frozen, Self::NotEnrolled, Self::EnrolledSince, Self::OtherOperator];

    /// Its name in reports.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Ended => "ended",
            Self::Frozen => "frozen",
            Self::NotEnrolled => "not_enrolled",
            Self::EnrolledSince => "enrolled_since",
            Self::OtherOperator => "other_operator",
        }
    }

    /// What it means, for whoever reads the report.
    pub const fn words(self) -> &'static str {
        match self {
            Self::Ended => "the enrolment has ended",
            Self::Frozen => "the number is frozen: nothing ends",
            Self::NotEnrolled => "the number is not enrolled",
            Self::EnrolledSince => "the number was enrolled again after that moment: nothing ends",
            Self::OtherOperator => "the number is of another operator's codes: nothing ends",
        }
    }

    /// Whether an operator should look at it: their list has what it should not have.
    pub const fn is_odd(self) -> bool {
        matches!(self, Self::EnrolledSince | Self::OtherOperator)
    }
}

impl LifeEvents {
    /// Applies a row of an operator's list.
    ///
    /// # Errors
    /// [`ServiceError`]; then it is not known whether it was applied, and applying it again is safe.
    pub async fn number_returned(
        &self,
        row: &ReturnedRow,
        operator: &Operator,
    ) -> Result<Returned, ServiceError> {
        let number = self.people.number_index(&row.number);
        let holding = self.people.holding(&number).await?;
        let what = verdict(row, operator, holding.as_ref());
        // Whoever it reaches without being enrolled, too: its next holder may read nothing of theirs.
        if matches!(what, Returned::Ended | Returned::NotEnrolled) {
            self.people.number_left(&number, row.at).await?;
        }
        let (Returned::Ended, Some(holding)) = (what, holding) else { return Ok(what) };
        let ground = Ground34::NumberReturned { number, at: row.at };
        // Whoever enrolled the number in between keeps it: the end itself looks once more.
        let ended = self.end_enrolment(&holding.person, ground, Vec::new()).await?;
        Ok(if ended { Returned::Ended } else { Returned::NotEnrolled })
    }
}

/// What a row means for a number that is held so.
fn verdict(row: &ReturnedRow, operator: &Operator, holding: Option<&Holding>) -> Returned {
    if !operator.has(&row.number) {
        return Returned::OtherOperator;
    }
    if row.state == State::Frozen {
        return Returned::Frozen;
    }
    match holding {
        Some(Holding { enrolled: true, since, .. }) => match since {
            Some(since) if *since > row.at => Returned::EnrolledSince,
            // Where it is unknown since when, the operator's word counts: a next holder must not sign in as the former one.
            _ => Returned::Ended,
        },
        _ => Returned::NotEnrolled,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mobile_id::exchange::Operators;
    use crate::people::{PersonId, PhoneNumber};
    use crate::platform::clock::Timestamp;
    use crate::platform::config::SettingValue;

    #[test]
    fn r84_only_a_returned_number_of_the_operator_that_was_not_enrolled_again_ends() {
        let raw: toml::Table = toml::from_str(r#"o = { beeline = ["90"], ucell = ["93"] }"#).unwrap();
        let operators = Operators::read(&raw["o"], Operators::KIND).ok().unwrap();
        let row = |state| ReturnedRow {
            line: 2,
            number: PhoneNumber::from_digits("998901234567").unwrap(),
            state,
            at: Timestamp(100),
        };
        let held = |enrolled, since: Option<i64>| {
            Some(Holding { person: PersonId::random(), enrolled, since: since.map(Timestamp) })
        };
        let of = |operator, state, holding: Option<Holding>| {
            verdict(&row(state), operators.find(operator).unwrap(), holding.as_ref())
        };
        assert_eq!(of("beeline", State::Returned, held(true, Some(99))), Returned::Ended);
        assert_eq!(of("beeline", State::Returned, held(true, Some(100))), Returned::Ended);
        assert_eq!(of("beeline", State::Returned, held(true, None)), Returned::Ended, "unknown since when");
        assert_eq!(of("beeline", State::Returned, held(true, Some(101))), Returned::EnrolledSince);
        assert_eq!(of("beeline", State::Frozen, held(true, Some(99))), Returned::Frozen);
        assert_eq!(of("beeline", State::Returned, held(false, Some(99))), Returned::NotEnrolled);
        assert_eq!(of("beeline", State::Returned, None), Returned::NotEnrolled);
        assert_eq!(of("ucell", State::Returned, held(true, Some(99))), Returned::OtherOperator);
    }
}
