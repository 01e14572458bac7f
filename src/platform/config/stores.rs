use super::Secret;

/// `[database]`: the durable store.
#[derive(Clone, Debug)]
pub struct Database {
    /// `sqlite:<path>` or `postgres://…`; secret, since it may carry a password.
    pub url: Secret,
    /// Largest number of connections of one node.
    pub max_connections: u32,
    /// Longest wait for a connection, in milliseconds, before answering 503.
    pub acquire_timeout_ms: u32,
}

impl Database {
    /// Whether the store is a file of this node alone.
    pub fn is_embedded(&self) -> bool {
        self.url.expose().starts_with("sqlite:")
    }
}

/// `[redis]`: the short-lived store.
#[derive(Clone, Debug)]
pub struct Redis {
    /// `redis://…` or `rediss://…`; without it the state lives in this process.
    pub url: Option<Secret>,
    /// Longest wait for an answer, in milliseconds, before answering 503.
    pub timeout_ms: u32,
}
