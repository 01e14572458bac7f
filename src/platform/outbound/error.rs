use std::error::Error as _;
use std::fmt::Write as _;
use std::io;

use super::MAX_RESPONSE_BYTES;

/// An outbound request failed.
#[derive(Debug, thiserror::Error)]
pub enum OutboundError {
    /// The URL is not allowed.
    #[error("it is not an http or https URL with a host and without credentials")]
    Url,
    /// The name could not be resolved.
    #[error("the name {host} cannot be resolved")]
    LookUp {
        /// The name.
        host: String,
        /// Why.
        source: io::Error,
    },
    /// The name resolves to no allowed address.
    #[error("{host} resolves to no allowed address; see outbound.allow")]
    NotAllowed {
        /// The name.
        host: String,
    },
    /// The request timed out.
    #[error("the request timed out")]
    TimedOut,
    /// The response is too long.
    #[error("the response is longer than {MAX_RESPONSE_BYTES} bytes")]
    TooLong,
    /// The HTTP client could not be created.
    #[error("the HTTP client cannot be created")]
    Client(#[source] reqwest::Error),
    /// The connection, its encryption or the protocol failed.
    #[error("the request failed")]
    Call(#[source] reqwest::Error),
}

impl From<reqwest::Error> for OutboundError {
    fn from(error: reqwest::Error) -> Self {
        // The caller knows the URL, which may contain data that must not be logged.
        Self::Call(error.without_url())
    }
}

impl OutboundError {
    /// The error and all its causes in one line, for a log.
    pub fn with_causes(&self) -> String {
        let mut line = self.to_string();
        let mut cause = self.source();
        while let Some(error) = cause {
            // Writing to a string does not fail.
            let _ = write!(line, ": {error}");
            cause = error.source();
        }
        line
    }
}
