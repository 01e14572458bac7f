use secrecy::{ExposeSecret, SecretString};
use url::Url;

use crate::platform::config::{Loader, settings};
use crate::platform::outbound::is_private;

settings! {
    /// The database: durable state.
    [database]
    pub struct DatabaseSettings {
        /// `sqlite:<path>` for a single node, or `postgres://user:password@host/name`; add `?sslmode=verify-full` if
        /// the server is outside your private network.
        url: SecretString;
        /// Maximum number of connections of one node.
        max_connections: u32 = 16, count(1..=1000, "connections");
        /// Timeout for a connection from the pool; then the response is 503.
        acquire_timeout_ms: u32 = 2000, count(10..=60_000, "milliseconds");
    }
}

impl DatabaseSettings {
    /// Whether the database is embedded, a file of this node.
    pub fn is_embedded(&self) -> bool {
        self.url.expose_secret().starts_with("sqlite:")
    }

    /// `nodes` is the number of nodes that share the database.
    pub(crate) fn check(&self, nodes: u32, loader: &mut Loader) {
        let key = "database.url";
        if loader.concern(key) {
            return;
        }
        let text = self.url.expose_secret();
        if let Some(path) = text.strip_prefix("sqlite:") {
            if nodes > 1 {
                let wrong = format!("is an embedded store, which {nodes} nodes cannot share");
                loader.report(key, wrong, "use a postgres:// URL, or nodes = 1");
            }
            let path = path.trim_start_matches("//");
            if path.is_empty() || (path.contains("memory") && path.contains([':', '='])) {
                let wrong = "keeps the database in memory, where each connection has its own";
                loader.report(key, wrong, "use a file: sqlite:var/yagona.db");
            }
            return;
        }
        let url = Url::parse(text).ok().filter(|url| matches!(url.scheme(), "postgres" | "postgresql"));
        let Some(url) = url else {
            loader.report(key, "is neither sqlite:<path> nor a postgres:// URL", "use one of the two");
            return;
        };
        if url.path().len() < 2 {
            let remedy = "end it with the database name: postgres://host/yagona";
            loader.report(key, "has no database name", remedy);
        }
        let mode = url.query_pairs().find(|(name, _)| matches!(&**name, "sslmode" | "ssl-mode"));
        let encrypted =
            mode.is_some_and(|(_, mode)| matches!(&*mode, "require" | "verify-ca" | "verify-full"));
        if loader.production && !encrypted && !is_private(&url) {
            let wrong = "is outside the private network and does not require TLS";
            loader.report(key, wrong, "add ?sslmode=verify-full to the URL");
        }
    }
}
