//! Legal entities for which people act.

use serde::{Deserialize, Serialize};

use super::Tin;
use crate::platform::clock::Timestamp;

/// A legal entity for which a person acts, as their certificate says.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Organisation {
    /// Its taxpayer's number.
    pub tin: Tin,
    /// Its name.
    pub name: String,
    /// The person's position there, if the certificate has it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub position: Option<String>,
    /// When the certificate ends, if it says so: from then on they act for it no more.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<Timestamp>,
}
