//! What goes wrong on our side: told apart only by whether trying again may help.

use super::db::DbError;
use super::ephemeral::Unavailable;

/// A fault of the provider or of what it stands on. Its text is for the log; people and clients get 503 or 500.
#[derive(Debug)]
pub enum ServiceError {
    /// A store is away: 503, try again.
    Unavailable(String),
    /// A defect: 500.
    Internal(String),
}

impl std::fmt::Display for ServiceError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Unavailable(why) | Self::Internal(why) => f.write_str(why),
        }
    }
}

impl std::error::Error for ServiceError {}

impl From<DbError> for ServiceError {
    fn from(error: DbError) -> Self {
        match error {
            DbError::Unavailable(_) => Self::Unavailable(error.to_string()),
            DbError::Corrupt { .. } | DbError::Statement(_) => Self::Internal(error.to_string()),
        }
    }
}

impl From<Unavailable> for ServiceError {
    fn from(error: Unavailable) -> Self {
        Self::Unavailable(error.to_string())
    }
}
