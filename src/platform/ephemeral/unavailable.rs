//! Why short-lived state could not be used.

use std::time::Duration;

/// The store cannot be used now: an error of its own, never "not found".
#[derive(Debug, thiserror::Error)]
#[error("short-lived state is unavailable: {0}")]
pub struct Unavailable(#[source] Cause);

/// What kept the store from being used.
#[derive(Debug, thiserror::Error)]
pub(in crate::platform::ephemeral) enum Cause {
    /// Redis, or the connection to it, failed.
    #[error("{0}")]
    Redis(#[from] redis::RedisError),
    /// Redis did not answer a command in time.
    #[error("Redis did not answer within {0:?}")]
    NoAnswer(Duration),
    /// No connection was made in time.
    #[error("no connection to Redis within {0:?}")]
    NoConnection(Duration),
    /// The task that was making the connection ended with its thread.
    #[error("the connection to Redis was abandoned")]
    Abandoned,
    /// The circuit breaker is open.
    #[error("Redis failed a moment ago, and is not asked again yet")]
    BreakerOpen,
    /// The bound of in-process state is reached.
    #[error("this process holds as much short-lived state as it may")]
    Full,
    /// A value cannot be written as JSON.
    #[error("a value cannot be serialised: {0}")]
    Value(#[from] serde_json::Error),
    /// What a caller found.
    #[error("{0}")]
    Because(&'static str),
}

impl Unavailable {
    /// An error that the caller, not the store, found: state that changes too fast or was not read in time.
    pub const fn because(reason: &'static str) -> Self {
        Self(Cause::Because(reason))
    }
}

impl<E: Into<Cause>> From<E> for Unavailable {
    fn from(cause: E) -> Self {
        Self(cause.into())
    }
}
