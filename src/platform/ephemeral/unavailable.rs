//! The error of unavailable short-lived state.

use std::time::Duration;

/// The store is unavailable: a distinct error, never "not found".
#[derive(Debug, thiserror::Error)]
#[error("short-lived state is unavailable: {0}")]
pub struct Unavailable(#[source] Cause);

/// Why the store is unavailable.
#[derive(Debug, thiserror::Error)]
pub(in crate::platform::ephemeral) enum Cause {
    /// Redis, or the connection to it, failed.
    #[error("{0}")]
    Redis(#[from] redis::RedisError),
    /// A command timed out.
    #[error("Redis did not respond within {0:?}")]
    Timeout(Duration),
    /// Connecting timed out.
    #[error("no connection to Redis within {0:?}")]
    ConnectTimeout(Duration),
    /// The connecting task ended with its thread.
    #[error("the connection to Redis was abandoned")]
    Abandoned,
    /// The circuit breaker is open.
    #[error("Redis failed a moment ago (circuit breaker open)")]
    BreakerOpen,
    /// The limit of in-process state is reached.
    #[error("the limit of in-process short-lived state is reached")]
    Full,
    /// A value cannot be serialised as JSON.
    #[error("a value cannot be serialised: {0}")]
    Value(#[from] serde_json::Error),
    /// An error that the caller found.
    #[error("{0}")]
    Caller(&'static str),
}

impl Unavailable {
    /// An error found by the caller, not the store: state that changes too often or was not read in time.
    pub const fn because(reason: &'static str) -> Self {
        Self(Cause::Caller(reason))
    }
}

impl<E: Into<Cause>> From<E> for Unavailable {
    fn from(cause: E) -> Self {
        Self(cause.into())
    }
}
