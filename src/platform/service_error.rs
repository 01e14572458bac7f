//! Errors of the provider, distinguished by whether a retry may help.

use super::db::DbError;
use super::ephemeral::Unavailable;

/// A failure of the provider or of its stores. Its text is for the log; people and clients get 503 or 500.
#[derive(Debug, thiserror::Error)]
pub enum ServiceError {
    /// A store is unavailable: 503, retry.
    #[error("{0}")]
    Unavailable(String),
    /// A defect: 500.
    #[error("{0}")]
    Internal(String),
}

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
