//! Whether a number may sign in: enrolment, and the delay or lockout after wrong codes.

use serde::{Deserialize, Serialize};

use super::{DataSet, Person, PersonId, PhoneNumber};
use crate::platform::clock::Timestamp;

/// A mobile number's state in Mobile-ID.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum NumberStatus {
    /// Enrolled: its holder can sign in.
    Enrolled,
    /// Known, but not (or no longer) enrolled in Mobile-ID.
    NotEnrolled,
    /// Blocked.
    Blocked,
}

impl NumberStatus {
    /// Its name in the store.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Enrolled => "enrolled",
            Self::NotEnrolled => "not_enrolled",
            Self::Blocked => "blocked",
        }
    }

    /// The state of that name.
    pub fn parse(name: &str) -> Option<Self> {
        [Self::Enrolled, Self::NotEnrolled, Self::Blocked].into_iter().find(|status| status.name() == name)
    }
}

/// How often everything of a person was ended: sessions, grants and tokens that began under another epoch than the
/// account's have ended.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Epoch(pub i64);

/// The state of an account, which decides whether a sign-in attempt is allowed.
#[derive(Clone, Debug)]
pub struct AccountState {
    /// The person.
    pub person_id: PersonId,
    /// State of the number.
    pub status: NumberStatus,
    /// Consecutive wrong codes.
    pub failures: i64,
    /// End of the delay: no code is accepted before.
    pub locked_until: Timestamp,
    /// What began under another epoch has ended.
    pub epoch: Epoch,
}

impl AccountState {
    /// Whether a code may be sent and tried at `now`.
    pub fn may_try(&self, now: Timestamp) -> bool {
        self.status == NumberStatus::Enrolled && self.locked_until <= now
    }
}

/// A person with their number and account state.
#[derive(Clone, Debug)]
pub struct Account {
    /// The record.
    pub person: Person,
    /// The enrolled number.
    pub phone: PhoneNumber,
    /// State of the account.
    pub account_state: AccountState,
}

impl Account {
    /// Whether the record has any value of a data set.
    pub fn has(&self, set: DataSet) -> bool {
        set != DataSet::Address || self.person.address.is_some()
    }
}

/// Locked out until an operator unlocks the account.
pub(super) const NEVER: Timestamp = Timestamp(i64::MAX);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_an_enrolled_number_outside_a_delay_may_try() {
        let account_state = |status, until| AccountState {
            person_id: PersonId::random(),
            status,
            failures: 0,
            locked_until: Timestamp(until),
            epoch: Epoch::default(),
        };
        assert!(account_state(NumberStatus::Enrolled, 0).may_try(Timestamp(10)));
        assert!(!account_state(NumberStatus::Enrolled, 11).may_try(Timestamp(10)));
        assert!(!account_state(NumberStatus::Blocked, 0).may_try(Timestamp(10)));
        assert!(!account_state(NumberStatus::NotEnrolled, 0).may_try(Timestamp(10)));
    }
}
