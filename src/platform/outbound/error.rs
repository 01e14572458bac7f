use std::error::Error as _;
use std::fmt::Write as _;
use std::io;

use super::MAX_RESPONSE_BYTES;

/// A call to an address that others named did not succeed.
#[derive(Debug, thiserror::Error)]
pub enum OutboundError {
    /// The URL is not one that is called.
    #[error("it is not an http or https URL with a host and without credentials")]
    Url,
    /// The name could not be looked up.
    #[error("the name {host} cannot be looked up")]
    LookUp {
        /// The name.
        host: String,
        /// Why.
        source: io::Error,
    },
    /// The name stands for no address that may be reached.
    #[error("{host} resolves to no address that may be reached; see outbound.allow")]
    NotAllowed {
        /// The name.
        host: String,
    },
    /// There was no whole answer in time.
    #[error("there was no answer in time")]
    TimedOut,
    /// The answer is too long.
    #[error("the answer is longer than {MAX_RESPONSE_BYTES} bytes")]
    TooLong,
    /// No client could be made.
    #[error("no HTTP client can be made")]
    Client(#[source] reqwest::Error),
    /// The connection, its encryption or the protocol failed.
    #[error("the call failed")]
    Call(#[source] reqwest::Error),
}

impl From<reqwest::Error> for OutboundError {
    fn from(error: reqwest::Error) -> Self {
        // The URL is known to the caller, and may carry what does not belong into a log.
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
