//! What keeps somebody from being served at a place (R107), as registers and this provider's records see it. Nobody needs a number in their
//! own name there, so whose it is at its operator does not matter.

use serde::{Deserialize, Serialize};

use super::account_form::Form;
use crate::people::Pinfl;
use crate::platform::web::text::Text;
use crate::registries::{CivilRecord, ShownBy, Subscriber, SubscriberState};

/// What keeps somebody from being served.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub(super) enum Obstacle {
    /// Nobody has this PINFL with this document.
    Nobody,
    /// The person has died.
    Deceased,
    /// The document is no longer in force.
    DocumentEnded,
    /// The number belongs to nobody.
    NumberUnknown,
    /// The number is frozen by its operator.
    NumberFrozen,
    /// The number reaches another account, or is enrolled as another's.
    NumberElsewhere,
    /// The face on the photo is not the person's.
    OtherFace,
    /// The photo shows no face that can be compared.
    NoFace,
}

impl Obstacle {
    /// What it is, and what to do.
    pub(super) fn words(self, text: Text) -> &'static str {
        text.get(match self {
            Self::Nobody => "desk.stop_nobody",
            Self::Deceased => "desk.stop_deceased",
            Self::DocumentEnded => "desk.stop_document",
            Self::NumberUnknown => "desk.stop_number_unknown",
            Self::NumberFrozen => "desk.stop_number_frozen",
            Self::NumberElsewhere => "desk.stop_number_elsewhere",
            Self::OtherFace => "desk.stop_face",
            Self::NoFace => "desk.wrong_face",
        })
    }
}

/// Holds what registers say against the form.
pub(super) fn obstacles(
    form: &Form,
    pinfl: &Pinfl,
    record: Option<&CivilRecord>,
    subscriber: Option<&Subscriber>,
) -> Vec<Obstacle> {
    let Some(record) = record.filter(|record| record.pinfl == *pinfl) else { return vec![Obstacle::Nobody] };
    if !record.alive {
        return vec![Obstacle::Deceased];
    }
    let mut found: Vec<Obstacle> = of_document(form, record).into_iter().collect();
    if form.number().is_some() {
        found.extend(of_number(subscriber));
    }
    found
}

fn of_document(form: &Form, record: &CivilRecord) -> Option<Obstacle> {
    let Some(asked) = form.asked() else { return Some(Obstacle::Nobody) };
    match record.shown_by(asked.kind, &asked.number) {
        ShownBy::Theirs => None,
        ShownBy::Ended => Some(Obstacle::DocumentEnded),
        ShownBy::Another => Some(Obstacle::Nobody),
    }
}

fn of_number(subscriber: Option<&Subscriber>) -> Option<Obstacle> {
    match subscriber.map(|subscriber| subscriber.state) {
        // It still gets messages.
        Some(SubscriberState::Active | SubscriberState::NoBalance) => None,
        Some(SubscriberState::Frozen) => Some(Obstacle::NumberFrozen),
        Some(SubscriberState::Returned) | None => Some(Obstacle::NumberUnknown),
    }
}
