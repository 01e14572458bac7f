use secrecy::{ExposeSecret, SecretString};
use url::Url;

use crate::platform::config::{Loader, settings};
use crate::platform::outbound::is_private;

settings! {
    /// The durable store: everything that must never be lost.
    [database]
    pub struct DatabaseSettings {
        /// `sqlite:<path>` for a single node, or `postgres://user:password@host/name`; add `?sslmode=verify-full` when
        /// the server is beyond your own network.
        url: SecretString;
        /// Largest number of connections of one node.
        max_connections: u32 = 16, count(1..=1000, "connections");
        /// Longest wait for a connection before the answer is 503.
        acquire_timeout_ms: u32 = 2000, count(10..=60_000, "milliseconds");
    }
}

impl DatabaseSettings {
    /// Whether the store is a file of this node alone.
    pub fn is_embedded(&self) -> bool {
        self.url.expose_secret().starts_with("sqlite:")
    }

    /// `nodes` is how many share the store.
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
                loader.report(key, wrong, "name a file: sqlite:var/yagona.db");
            }
            return;
        }
        let url = Url::parse(text).ok().filter(|url| matches!(url.scheme(), "postgres" | "postgresql"));
        let Some(url) = url else {
            loader.report(key, "is neither sqlite:<path> nor a postgres:// URL", "use one of the two");
            return;
        };
        if url.path().len() < 2 {
            let remedy = "end it with the database's name: postgres://host/yagona";
            loader.report(key, "names no database", remedy);
        }
        let mode = url.query_pairs().find(|(name, _)| matches!(&**name, "sslmode" | "ssl-mode"));
        let encrypted =
            mode.is_some_and(|(_, mode)| matches!(&*mode, "require" | "verify-ca" | "verify-full"));
        if loader.production && !encrypted && !is_private(&url) {
            let wrong = "reaches beyond the private network without demanding TLS";
            loader.report(key, wrong, "add ?sslmode=verify-full to the URL");
        }
    }
}
