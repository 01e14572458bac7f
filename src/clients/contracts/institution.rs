//! An institution: who has contracts.

use serde::{Deserialize, Serialize};

use super::words::Words;
use crate::clients::ClientId;
use crate::platform::plain_text::is_shown_as_written;

/// What an institution is. State bodies use the provider free of charge, all others under paid contracts (R99).
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "snake_case")]
#[value(rename_all = "snake_case")]
pub enum InstitutionKind {
    /// A state body or local authority.
    State,
    /// A business.
    Business,
    /// A non-governmental organisation.
    Ngo,
    /// A bank or another body of finance.
    Bank,
    /// An operator of mobile networks.
    Operator,
}

impl InstitutionKind {
    /// Its word in files.
    pub const fn name(self) -> &'static str {
        match self {
            Self::State => "state",
            Self::Business => "business",
            Self::Ngo => "ngo",
            Self::Bank => "bank",
            Self::Operator => "operator",
        }
    }
}

/// An institution, as a file has it.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Institution {
    /// Its identifier: as that of a client.
    pub id: String,
    /// What it is.
    pub kind: InstitutionKind,
    /// Its taxpayer number: nine digits.
    pub tin: String,
    /// Its legal name.
    pub name: Words,
    /// Whom people and operators call about its services: telephone numbers, addresses.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub contacts: Vec<String>,
}

impl Institution {
    /// Everything that is wrong with it, as `member: what is wrong`.
    pub(super) fn faults(&self) -> Vec<String> {
        let mut faults = Vec::new();
        if ClientId::parse(&self.id).is_none() {
            faults.push("id: 1 to 64 letters, digits, `-`, `.`, `_` or `~`".to_owned());
        }
        if self.tin.len() != 9 || !self.tin.bytes().all(|digit| digit.is_ascii_digit()) {
            faults.push("tin: nine digits".to_owned());
        }
        faults.extend(self.name.fault().map(|fault| format!("name: {fault}")));
        let plain =
            |text: &String| (1..=200).contains(&text.trim().chars().count()) && is_shown_as_written(text);
        if !self.contacts.iter().all(plain) {
            faults.push("contacts: each one line of 1 to 200 characters".to_owned());
        }
        faults
    }
}
