//! What a person agreed to on the way: each with its time and the language in which it was shown.

use serde::{Deserialize, Serialize};

/// What a person agrees to.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Consent {
    /// After the warning of a charge for each SMS (clauses 12, 22; R31, R55, R79).
    SmsCharge,
    /// That they answer for the safe use (clause 31; R74).
    Responsibility,
    /// That the new number takes the place of the one known so far (clauses 14, 24; R35, R59).
    OtherNumber,
    /// That the number stays in their cabinet alone and is removed from all others (R36, R60).
    OtherCabinets,
    /// That biometrics are taken and compared; giving them is consent to the charge as well (R32, R33).
    Biometrics,
}

impl Consent {
    /// All.
    pub const ALL: [Self; 5] =
        [Self::SmsCharge, Self::Responsibility, Self::OtherNumber, Self::OtherCabinets, Self::Biometrics];

    /// Its name in the store and in forms.
    pub const fn name(self) -> &'static str {
        match self {
            Self::SmsCharge => "sms_charge",
            Self::Responsibility => "responsibility",
            Self::OtherNumber => "other_number",
            Self::OtherCabinets => "other_cabinets",
            Self::Biometrics => "biometrics",
        }
    }

    /// The consent of that name.
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|consent| consent.name() == name)
    }
}

/// A consent that was given.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Consented {
    /// To what.
    pub to: Consent,
    /// The tag of the language in which it was shown.
    pub language: String,
    /// What one SMS costs, in tiyin, where the warning named a sum.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tiyin: Option<i64>,
    /// When it was shown, in milliseconds since the Unix epoch.
    pub shown_at_ms: i64,
    /// When it was given.
    pub given_at_ms: i64,
}

/// Adds consents to those given before: one that was given stays as it was.
pub(super) fn add(given: &mut Vec<Consented>, more: &[Consented]) {
    for consent in more {
        if !given.iter().any(|known| known.to == consent.to) {
            given.push(consent.clone());
        }
    }
}
