//! Contract files: TOML with arrays `institutions` and `contracts`, in and out.

use serde::{Deserialize, Serialize};

use super::contract::ContractDocument;
use super::institution::Institution;

/// A file of institutions and contracts.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ContractFile {
    /// Institutions.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub institutions: Vec<Institution>,
    /// Contracts.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub contracts: Vec<ContractDocument>,
}

/// The file is not a contract file.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct ContractFileError(String);

impl ContractFile {
    /// Reads a file's text.
    ///
    /// # Errors
    /// [`ContractFileError`] with the place in the file.
    pub fn parse(text: &str) -> Result<Self, ContractFileError> {
        let file: Self = toml::from_str(text).map_err(|error| ContractFileError(error.to_string()))?;
        if file.institutions.is_empty() && file.contracts.is_empty() {
            return Err(ContractFileError(
                "there is nothing in it: a file holds [[institutions]] and [[contracts]] tables".to_owned(),
            ));
        }
        Ok(file)
    }

    /// The file's text.
    ///
    /// # Errors
    /// [`ContractFileError`] when it cannot be written as TOML.
    pub fn write(&self) -> Result<String, ContractFileError> {
        toml::to_string(self).map_err(|error| ContractFileError(error.to_string()))
    }
}
