//! Whether a number may sign in: enrolment, and the delay after wrong codes.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::{DataSet, Organisation, Person, PersonId, PhoneNumber};
use crate::platform::clock::Timestamp;
use crate::platform::web::locale::Language;

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

/// From which side a person's account is approached. What happens on one side costs nothing on the other, so that
/// strangers who know a number cannot keep its holder out.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Side {
    /// A browser in which this person never signed in, or not under their present epoch.
    #[default]
    Stranger,
    /// A browser in which this person signed in before.
    Known,
    /// The page of a request to approve, which only who has its message reaches: what strangers do at a sign-in costs nothing
    /// here.
    Approval,
}

/// Wrong codes on one side of an account.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Failures {
    /// Consecutive wrong codes.
    pub count: i64,
    /// End of the delay: no code is accepted before.
    pub locked_until: Timestamp,
}

impl Default for Failures {
    /// None.
    fn default() -> Self {
        Self { count: 0, locked_until: Timestamp(0) }
    }
}

/// How wrong codes in a row delay the next try.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Delays {
    /// After so many, each further one begins the long delay (NIST SP 800-63B-4 §3.2.2: 100 at most).
    pub most: i64,
    /// The long delay, in seconds.
    pub long: i64,
}

impl Delays {
    /// The delay after the `wrong`-th wrong code in a row, in seconds, if there is one: as [`super::People::record_failure`]
    /// sets it.
    pub fn after(&self, wrong: i64) -> Option<i64> {
        if wrong >= self.most {
            return Some(self.long);
        }
        let doubled = u32::try_from(wrong / 5 - 1).ok().filter(|_| wrong % 5 == 0)?;
        Some((30 << doubled.min(7)).min(3600))
    }
}

/// The state of an account, which decides whether a sign-in attempt is allowed.
#[derive(Clone, Debug)]
pub struct AccountState {
    /// The language that the person chose for messages that no page of theirs asks for; read where such a message is sent.
    pub language: Option<Language>,
    /// The person.
    pub person_id: PersonId,
    /// State of the number.
    pub status: NumberStatus,
    /// Wrong codes of strangers.
    pub strangers: Failures,
    /// Wrong codes in browsers in which the person signed in before.
    pub known: Failures,
    /// Wrong codes at requests to approve.
    pub approvals: Failures,
    /// What began under another epoch has ended.
    pub epoch: Epoch,
}

impl AccountState {
    /// Wrong codes on a side.
    pub const fn failures(&self, side: Side) -> Failures {
        match side {
            Side::Stranger => self.strangers,
            Side::Known => self.known,
            Side::Approval => self.approvals,
        }
    }

    /// Whether a code may be sent to a side and tried there at `now`.
    pub fn may_try(&self, side: Side, now: Timestamp) -> bool {
        self.status == NumberStatus::Enrolled && self.failures(side).locked_until <= now
    }
}

/// A person with their number and account state.
#[derive(Clone, Debug)]
pub struct Account {
    /// The record.
    pub person: Person,
    /// The enrolled number; `None` where the person signs in by other means alone.
    pub phone: Option<PhoneNumber>,
    /// A number in the person's own name by which they can be reached although it is not enrolled.
    pub contact: Option<PhoneNumber>,
    /// Whether something other than an enrolled number confirms that the account is this person's.
    pub confirmed: bool,
    /// State of the account.
    pub account_state: AccountState,
    /// The legal entity for which the person acts in the session or grant that this is read for; none on record.
    pub organisation: Option<Box<Organisation>>,
}

impl Account {
    /// The account of somebody who acts for an organisation, until their certificate ends, or for themselves.
    pub fn acting_for(self: Arc<Self>, organisation: Option<&Organisation>, now: Timestamp) -> Arc<Self> {
        match organisation.filter(|one| one.until.is_none_or(|until| now < until)) {
            None => self,
            Some(one) => Arc::new(Self { organisation: Some(Box::new(one.clone())), ..Self::clone(&self) }),
        }
    }

    /// Whether it is known that whoever uses the account is this person ("Tasdiqlangan foydalanuvchi", R3): a number is enrolled, or something
    /// else confirmed it. An account that was opened on-line with a document and a phone is not.
    pub const fn is_confirmed(&self) -> bool {
        self.phone.is_some() || self.confirmed
    }

    /// The number by which the person can be reached: the enrolled one where there is one.
    pub fn number(&self) -> Option<&PhoneNumber> {
        self.phone.as_ref().or(self.contact.as_ref())
    }

    /// Every number by which the person can be reached: the enrolled one, and another one of theirs.
    pub fn numbers(&self) -> impl Iterator<Item = &PhoneNumber> {
        let other = self.contact.as_ref().filter(|contact| self.phone.as_ref() != Some(*contact));
        self.phone.iter().chain(other)
    }

    /// Whether the record has any value of a data set.
    pub fn has(&self, set: DataSet) -> bool {
        if set == DataSet::LegalEntity {
            return self.organisation.is_some();
        }
        self.person.has(set) && (set != DataSet::Phone || self.number().is_some())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_fifth_wrong_code_delays_twice_as_long_up_to_an_hour_and_after_the_last_each_does() {
        let delays = Delays { most: 50, long: 30 * 86_400 };
        let after: Vec<i64> = (0..50).filter_map(|wrong| delays.after(wrong)).collect();
        assert_eq!(after, [30, 60, 120, 240, 480, 960, 1920, 3600, 3600]);
        assert_eq!((delays.after(4), delays.after(5)), (None, Some(30)));
        assert_eq!([50, 51].map(|wrong| delays.after(wrong)), [Some(delays.long); 2]);
    }

    #[test]
    fn only_an_enrolled_number_outside_a_delay_may_try() {
        let account_state = |status, until| AccountState {
            language: None,
            person_id: PersonId::random(),
            status,
            strangers: Failures { count: 5, locked_until: Timestamp(until) },
            known: Failures::default(),
            approvals: Failures::default(),
            epoch: Epoch::default(),
        };
        let may_try = |status, until, side| account_state(status, until).may_try(side, Timestamp(10));
        assert!(may_try(NumberStatus::Enrolled, 0, Side::Stranger));
        assert!(!may_try(NumberStatus::Enrolled, 11, Side::Stranger));
        assert!(may_try(NumberStatus::Enrolled, 11, Side::Known), "strangers delay strangers");
        for side in [Side::Stranger, Side::Known] {
            assert!(!may_try(NumberStatus::Blocked, 0, side));
            assert!(!may_try(NumberStatus::NotEnrolled, 0, side));
        }
    }
}
