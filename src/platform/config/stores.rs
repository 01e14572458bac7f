use url::Url;

use super::Secret;
use super::key::{Fallback, Key, Kind};
use super::network::is_private;
use super::{Context, Problems, Values};

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

impl Database {
    pub(super) const KEYS: &[Key] = &[
        Key::new(
            "database.url",
            Kind::Secret,
            Fallback::Required,
            "`sqlite:<path>` for a single node, or `postgres://user:password@host/name`; add `?sslmode=verify-full` when the server is beyond your own network.",
        ),
        Key::new(
            "database.max_connections",
            Kind::count(1, 1000, "connections"),
            Fallback::Value("16"),
            "Largest number of connections of one node.",
        ),
        Key::new(
            "database.acquire_timeout_ms",
            Kind::milliseconds(10, 60_000),
            Fallback::Value("2000"),
            "Longest wait for a connection before the answer is 503.",
        ),
    ];

    pub(super) fn read(values: &Values) -> Self {
        Self {
            url: values.secret("database.url").unwrap_or_else(|| Secret::new("")),
            max_connections: values.number("database.max_connections"),
            acquire_timeout_ms: values.number("database.acquire_timeout_ms"),
        }
    }

    pub(super) fn validate(&self, context: &Context, problems: &mut Problems) {
        let key = "database.url";
        if problems.concern(key) {
            return;
        }
        if let Some(path) = self.url.expose().strip_prefix("sqlite:") {
            if context.nodes > 1 {
                let wrong = format!("is an embedded store, which {} nodes cannot share", context.nodes);
                problems.report(key, wrong, "use a postgres:// URL, or nodes = 1");
            }
            let path = path.trim_start_matches("//");
            if path.is_empty() || (path.contains("memory") && path.contains([':', '='])) {
                let wrong = "keeps the database in memory, where each connection has its own";
                problems.report(key, wrong, "name a file: sqlite:var/yagona.db");
            }
            return;
        }
        let Some(url) = Url::parse(self.url.expose())
            .ok()
            .filter(|url| matches!(url.scheme(), "postgres" | "postgresql"))
        else {
            problems.report(key, "is neither sqlite:<path> nor a postgres:// URL", "use one of the two");
            return;
        };
        if url.path().len() < 2 {
            problems.report(
                key,
                "names no database",
                "end it with the database's name: postgres://host/yagona",
            );
        }
        let mode = url.query_pairs().find(|(name, _)| matches!(&**name, "sslmode" | "ssl-mode"));
        let encrypted =
            mode.is_some_and(|(_, mode)| matches!(&*mode, "require" | "verify-ca" | "verify-full"));
        if context.production && !encrypted && !is_private(&url) {
            let wrong = "reaches beyond the private network without demanding TLS";
            problems.report(key, wrong, "add ?sslmode=verify-full to the URL");
        }
    }
}

impl Redis {
    pub(super) const KEYS: &[Key] = &[
        Key::new(
            "redis.url",
            Kind::Secret,
            Fallback::Nothing("none: the state lives in this process, for one node"),
            "`redis://…`, or `rediss://…` for TLS.",
        ),
        Key::new(
            "redis.timeout_ms",
            Kind::milliseconds(10, 60_000),
            Fallback::Value("1000"),
            "Longest wait for an answer before the answer is 503.",
        ),
    ];

    pub(super) fn read(values: &Values) -> Self {
        Self { url: values.secret("redis.url"), timeout_ms: values.number("redis.timeout_ms") }
    }

    pub(super) fn validate(&self, context: &Context, problems: &mut Problems) {
        let key = "redis.url";
        if problems.concern(key) {
            return;
        }
        let Some(secret) = &self.url else {
            if context.nodes > 1 {
                let wrong =
                    format!("is missing, and {} nodes cannot share this process's memory", context.nodes);
                problems.report(key, wrong, "set it, or nodes = 1");
            }
            return;
        };
        let url = Url::parse(secret.expose()).ok();
        match url.filter(|url| matches!(url.scheme(), "redis" | "rediss" | "unix" | "redis+unix")) {
            None => {
                problems.report(key, "is not a redis:// or rediss:// URL", "write it like redis://host:6379")
            }
            Some(url) if context.production && url.scheme() == "redis" && !is_private(&url) => {
                let wrong = "reaches beyond the private network without TLS";
                problems.report(key, wrong, "use rediss://");
            }
            Some(_) => {}
        }
    }
}
