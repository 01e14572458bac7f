//! How things are called on pages and papers, in the reader's language. The consent to charges for SMS is
//! [`charge_warning`](crate::notices::charge_warning), with the sum of the day.

use super::consent::Consent;
use super::flow::State;
use super::ground::{Ground, PlaceGround, RemoteGround};
use super::identification::Obstacle;
use super::questionnaire::{Field, FieldError, PersonCategory};
use crate::people::document::DocumentNumberError;
use crate::people::{PhoneError, PinflError};
use crate::platform::web::text::Text;

impl Field {
    /// Its label.
    pub fn words(self, text: Text) -> &'static str {
        text.get(match self {
            Self::Surname => "mobile_id.surname",
            Self::Name => "mobile_id.name",
            Self::Patronymic => "mobile_id.patronymic",
            Self::Number => "mobile_id.number",
            Self::Pinfl => "mobile_id.pinfl",
            Self::Category => "mobile_id.category",
            Self::Document => "mobile_id.document",
            Self::DocumentNumber => "mobile_id.document_number",
        })
    }
}

impl FieldError {
    /// What is wrong, in a sentence beside the field.
    pub fn words(self, text: Text) -> &'static str {
        text.get(match self {
            Self::Empty
            | Self::Phone(PhoneError::Empty)
            | Self::Pinfl(PinflError::Empty)
            | Self::DocumentNumber(DocumentNumberError::Empty) => "mobile_id.wrong_empty",
            Self::Letters => "mobile_id.wrong_letters",
            Self::TooLong => "mobile_id.wrong_too_long",
            Self::Unknown => "mobile_id.wrong_choice",
            Self::NotOfCategory => "mobile_id.wrong_pair",
            Self::Phone(_) => "mobile_id.wrong_number",
            Self::Pinfl(PinflError::Shape) => "mobile_id.wrong_pinfl",
            Self::Pinfl(PinflError::BirthDate | PinflError::Checksum) => "mobile_id.wrong_pinfl_digit",
            Self::DocumentNumber(_) => "mobile_id.wrong_document_number",
        })
    }
}

impl PersonCategory {
    /// Its name where it is chosen.
    pub fn words(self, text: Text) -> &'static str {
        text.get(match self {
            Self::Citizen => "mobile_id.citizen",
            Self::TemporaryForeigner => "mobile_id.temporary_foreigner",
            Self::TemporaryStateless => "mobile_id.temporary_stateless",
            Self::PermanentForeigner => "mobile_id.permanent_foreigner",
            Self::PermanentStateless => "mobile_id.permanent_stateless",
        })
    }
}

impl Obstacle {
    /// What registers found, in a sentence beside its field.
    pub fn words(self, text: Text) -> &'static str {
        text.get(match self {
            Self::NobodyFound => "mobile_id.nobody_found",
            Self::OtherName => "mobile_id.other_name",
            Self::OtherCategory => "mobile_id.other_category",
            Self::OtherDocument => "mobile_id.other_document",
            Self::Deceased => "mobile_id.deceased",
            Self::NumberUnknown => "mobile_id.number_unknown",
            Self::NumberFrozen => "mobile_id.number_frozen",
            Self::NoBalance => "mobile_id.no_balance",
            Self::OtherOwner => "mobile_id.other_owner",
        })
    }
}

impl Ground {
    /// The ground as it is told and printed (R92).
    pub fn words(self, text: Text) -> &'static str {
        text.get(match self {
            Self::Place(PlaceGround::Data) | Self::Remote(RemoteGround::Data) => "mobile_id.ground_data",
            Self::Place(PlaceGround::Unpaid) => "mobile_id.ground_unpaid",
            Self::Place(PlaceGround::Unfit) | Self::Remote(RemoteGround::Unfit) => "mobile_id.ground_unfit",
            Self::Place(PlaceGround::NoOriginal) => "mobile_id.ground_original",
            Self::Place(PlaceGround::Biometrics) => "mobile_id.ground_biometrics",
            Self::Place(PlaceGround::Declined) => "mobile_id.ground_declined",
            Self::Remote(RemoteGround::Proof) => "mobile_id.ground_proof",
            Self::Remote(RemoteGround::Declined) => "mobile_id.ground_proof_declined",
        })
    }
}

impl State {
    /// How far it got, in words.
    pub fn words(self, text: Text) -> &'static str {
        text.get(match self {
            Self::Open => "mobile_id.state_open",
            Self::CodeSent => "mobile_id.state_code_sent",
            Self::AwaitingPayment => "mobile_id.state_awaiting_payment",
            Self::Enrolled => "mobile_id.state_enrolled",
            Self::Refused(_) => "mobile_id.state_refused",
            Self::Withdrawn => "mobile_id.state_withdrawn",
        })
    }
}

impl Consent {
    /// What the person agrees to, in a sentence; `None` for the charge, whose warning names the sum of the day.
    pub fn words(self, text: Text) -> Option<&'static str> {
        Some(text.get(match self {
            Self::SmsCharge => return None,
            Self::Responsibility => "mobile_id.consent_responsibility",
            Self::OtherNumber => "mobile_id.consent_other_number",
            Self::OtherCabinets => "mobile_id.consent_other_cabinets",
            Self::Biometrics => "mobile_id.consent_biometrics",
        }))
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::platform::web::locale::Language;

    #[test]
    fn r92_every_ground_has_its_words_in_every_language() {
        for language in Language::ALL {
            let text = Text::new(language);
            let words: BTreeSet<&str> = Ground::ALL.iter().map(|ground| ground.words(text)).collect();
            assert_eq!(words.len(), 8, "data and clause 5 are told alike in both chapters");
            let obstacles: BTreeSet<&str> =
                Obstacle::ALL.iter().map(|obstacle| obstacle.words(text)).collect();
            assert_eq!(obstacles.len(), Obstacle::ALL.len());
            for consent in Consent::ALL {
                assert_eq!(consent.words(text).is_none(), consent == Consent::SmsCharge);
            }
        }
    }
}
