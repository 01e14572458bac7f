//! That a person has a password, as one of the means of their account.

use crate::accounts::{Accounts, AddedBy, Kind, MeansId, NewMeans, RemovedBy};
use crate::people::PersonId;
use crate::platform::clock::Timestamp;
use crate::platform::db::Statement;

/// On what a new password rests.
#[derive(Clone, Copy, Debug)]
pub struct Rests<'a> {
    /// The classes of the session that set it, or what else it is.
    pub classes: &'a [&'a str],
    /// Whether that is a code by SMS and no more: then it counts as a further factor after a wait only.
    pub on_a_code_alone: bool,
}

impl Rests<'_> {
    /// On a document that staff saw, and a message: whoever has the phone reads it, so it is no second factor beside the phone at once.
    pub const IN_PERSON: Self = Self { classes: &["in_person"], on_a_code_alone: true };
}

impl Accounts {
    /// The statements that note that a person has a password, added now: it takes the place of the one before, and counts as a further
    /// factor only when its own time has come.
    pub fn password_added(
        &self,
        person: &PersonId,
        (by, rests): (AddedBy, Rests<'_>),
        now: Timestamp,
    ) -> Vec<Statement> {
        let removed = match by {
            AddedBy::Recovery | AddedBy::Staff => RemovedBy::Recovery,
            AddedBy::Enrolment | AddedBy::Registration | AddedBy::Person => RemovedBy::Replaced,
        };
        let new = NewMeans {
            id: &MeansId::random(),
            person,
            kind: Kind::Password,
            label: "",
            by,
            rests_on: rests.classes,
            on_a_code_alone: rests.on_a_code_alone,
        };
        let mut rows = Vec::with_capacity(3);
        // An account that is opened has none before.
        if !matches!(by, AddedBy::Enrolment | AddedBy::Registration) {
            rows.push(Self::removing_all(Kind::Password, person, removed, now));
        }
        rows.extend(self.adding(&new, now));
        rows
    }
}
