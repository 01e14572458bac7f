//! What decides whether a number may try to sign in: enrolment, and the delay after wrong codes.

use serde::{Deserialize, Serialize};

use super::{Person, PersonId, PhoneNumber};
use crate::platform::clock::Timestamp;

/// A mobile number's state in Mobile-ID.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum NumberStatus {
    /// Identified and bound: its holder can sign in.
    Enrolled,
    /// Known, but not (or no longer) identified in Mobile-ID.
    NotEnrolled,
    /// Barred.
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

/// How an account stands: what a sign-in attempt is judged by.
#[derive(Clone, Debug)]
pub struct Standing {
    /// Whose it is.
    pub person_id: PersonId,
    /// State of the number.
    pub status: NumberStatus,
    /// Wrong codes since the last right one.
    pub failures: i64,
    /// No code is accepted before this moment.
    pub locked_until: Timestamp,
}

impl Standing {
    /// Whether a code may be sent and tried at `now`.
    pub fn may_try(&self, now: Timestamp) -> bool {
        self.status == NumberStatus::Enrolled && self.locked_until <= now
    }
}

/// A person with their number and standing.
#[derive(Clone, Debug)]
pub struct Account {
    /// The record.
    pub person: Person,
    /// The enrolled number.
    pub phone: PhoneNumber,
    /// How the account stands.
    pub standing: Standing,
}

/// A moment that never comes: the account stays shut until its holder is identified anew.
pub const NEVER: Timestamp = Timestamp(i64::MAX);

/// For how long no code is accepted after the `failures`th wrong one in a row: 30 s after the fifth, twice as long
/// after every fifth more, at most an hour; for good once `most` is reached (NIST SP 800-63B §3.2.2).
pub fn delay_after(failures: i64, most: i64) -> Option<i64> {
    if failures >= most {
        return None;
    }
    if failures < 5 || failures % 5 != 0 {
        return Some(0);
    }
    let doublings = u32::try_from((failures / 5 - 1).clamp(0, 7)).unwrap_or(7);
    Some((30 * 2_i64.pow(doublings)).min(3600))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_delay_grows_to_an_hour_and_ends_for_good_at_the_hundredth_failure() {
        assert_eq!(delay_after(4, 100), Some(0));
        assert_eq!(delay_after(5, 100), Some(30));
        assert_eq!(delay_after(10, 100), Some(60));
        assert_eq!(delay_after(95, 100), Some(3600));
        assert_eq!(delay_after(100, 100), None);
    }

    #[test]
    fn only_an_enrolled_number_outside_a_delay_may_try() {
        let standing = |status, until| Standing {
            person_id: PersonId::random(),
            status,
            failures: 0,
            locked_until: Timestamp(until),
        };
        assert!(standing(NumberStatus::Enrolled, 0).may_try(Timestamp(10)));
        assert!(!standing(NumberStatus::Enrolled, 11).may_try(Timestamp(10)));
        assert!(!standing(NumberStatus::Blocked, 0).may_try(Timestamp(10)));
        assert!(!standing(NumberStatus::NotEnrolled, 0).may_try(Timestamp(10)));
    }
}
