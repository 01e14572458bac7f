//! Client files: TOML with an array `clients`, in and out.

use serde::{Deserialize, Serialize};

use super::Registration;

/// A file of registrations.
#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ClientFile {
    /// The registrations.
    #[serde(default)]
    pub clients: Vec<Registration>,
}

/// The file is not a client file.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct FileError(String);

impl ClientFile {
    /// Reads a file's text.
    ///
    /// # Errors
    /// [`FileError`] with the place in the file.
    pub fn parse(text: &str) -> Result<Self, FileError> {
        let file: Self = toml::from_str(text).map_err(|error| FileError(error.to_string()))?;
        if file.clients.is_empty() {
            return Err(FileError(
                "there is no client in it: a file holds one or more [[clients]] tables".to_owned(),
            ));
        }
        Ok(file)
    }

    /// The file's text.
    ///
    /// # Errors
    /// [`FileError`] when a registration cannot be written as TOML.
    pub fn write(&self) -> Result<String, FileError> {
        toml::to_string(self).map_err(|error| FileError(error.to_string()))
    }
}
