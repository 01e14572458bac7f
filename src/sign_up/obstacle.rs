//! What keeps a person from registering on-line, and which way works instead.

use serde::{Deserialize, Serialize};

use crate::platform::web::text::Text;

/// What keeps a person from registering on-line, as registers see it.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Obstacle {
    /// Nobody has this PINFL with this document.
    Nobody,
    /// The person has died.
    Deceased,
    /// The document is no longer in force.
    DocumentEnded,
    /// The certificate of the signature is in another name than the person has now (R114).
    OtherName,
    /// The number belongs to nobody.
    NumberUnknown,
    /// The number is frozen by its operator.
    NumberFrozen,
    /// The number is in another's name (R115).
    OtherOwner,
    /// The same, of somebody who is not of age.
    MinorsNumber,
}

impl Obstacle {
    /// What it is, and which way works instead.
    pub(super) fn words(self, text: Text) -> &'static str {
        text.get(match self {
            Self::Nobody => "sign_up.nobody",
            Self::Deceased => "sign_up.deceased",
            Self::DocumentEnded => "sign_up.document_ended",
            Self::OtherName => "sign_up.other_name",
            Self::NumberUnknown => "sign_up.number_unknown",
            Self::NumberFrozen => "sign_up.number_frozen",
            Self::OtherOwner => "sign_up.other_owner",
            Self::MinorsNumber => "sign_up.minors_number",
        })
    }

    /// Its name in metrics.
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Nobody => "nobody",
            Self::Deceased => "deceased",
            Self::DocumentEnded => "document_ended",
            Self::OtherName => "other_name",
            Self::NumberUnknown => "number_unknown",
            Self::NumberFrozen => "number_frozen",
            Self::OtherOwner => "other_owner",
            Self::MinorsNumber => "minors_number",
        }
    }
}
