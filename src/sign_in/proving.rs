//! A proof that one means of signing in asked for: what it gave the browser to answer, until when. What that is, only the means' own file
//! knows.

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::value::{RawValue, to_raw_value};

use super::{Means, ServiceError};
use crate::platform::clock::Timestamp;

/// A challenge that a means gave, in this attempt alone: it is answered once, or replaced by the next one.
#[derive(Clone, Serialize, Deserialize)]
pub struct Proving {
    /// Whose it is.
    pub means: Means,
    /// When it was given.
    pub began_at: Timestamp,
    /// Expiry time (exclusive).
    pub expires_at: Timestamp,
    state: Box<RawValue>,
}

impl Proving {
    /// A challenge of `means` with what that needs to judge the answer.
    ///
    /// # Errors
    /// [`ServiceError::Internal`] when that is no JSON, which no means' is.
    pub fn new<T: Serialize>(
        means: Means,
        state: &T,
        (began_at, expires_at): (Timestamp, Timestamp),
    ) -> Result<Self, ServiceError> {
        let state = to_raw_value(state).map_err(|error| ServiceError::Internal(error.to_string()))?;
        Ok(Self { means, began_at, expires_at, state })
    }

    /// What the means keeps of it; `None` when it is another means' or another version's: then the person begins again.
    pub fn state<T: DeserializeOwned>(&self, means: Means) -> Option<T> {
        if self.means != means {
            return None;
        }
        serde_json::from_str(self.state.get()).ok()
    }
}
