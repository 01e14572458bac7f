use secrecy::{ExposeSecret, SecretString};
use url::Url;

use crate::platform::config::{Loader, settings};
use crate::platform::outbound::is_private;

settings! {
    /// The short-lived store: its loss costs people a restart of their sign-in, never more.
    [redis]
    pub struct RedisSettings {
        /// `redis://…`, or `rediss://…` for TLS.
        url: Option<SecretString>, otherwise("none: the state lives in this process, for one node");
        /// Longest wait for an answer before the answer is 503.
        timeout_ms: u32 = 1000, count(10..=60_000, "milliseconds");
    }
}

impl RedisSettings {
    /// `nodes` is how many share the store.
    pub(crate) fn check(&self, nodes: u32, loader: &mut Loader) {
        let key = "redis.url";
        if loader.concern(key) {
            return;
        }
        let Some(secret) = &self.url else {
            if nodes > 1 {
                let wrong = format!("is missing, and {nodes} nodes cannot share this process's memory");
                loader.report(key, wrong, "set it, or nodes = 1");
            }
            return;
        };
        let url = Url::parse(secret.expose_secret()).ok();
        match url.filter(|url| matches!(url.scheme(), "redis" | "rediss" | "unix" | "redis+unix")) {
            None => {
                loader.report(key, "is not a redis:// or rediss:// URL", "write it like redis://host:6379");
            }
            Some(url) if loader.production && url.scheme() == "redis" && !is_private(&url) => {
                loader.report(key, "reaches beyond the private network without TLS", "use rediss://");
            }
            Some(_) => {}
        }
    }
}
