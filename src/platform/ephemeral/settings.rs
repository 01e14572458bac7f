use secrecy::{ExposeSecret, SecretString};
use url::Url;

use crate::platform::config::{Loader, settings};
use crate::platform::outbound::is_private;

settings! {
    /// Short-lived state: if it is lost, people sign in again; nothing else is lost.
    [redis]
    pub struct RedisSettings {
        /// `redis://…`, or `rediss://…` for TLS.
        url: Option<SecretString>, otherwise("none: in-process, for one node");
        /// Timeout for a Redis response; then the HTTP response is 503. Where it is silent, the first requests wait for it
        /// twice, and then nobody does.
        timeout_ms: u32 = 100, count(10..=60_000, "milliseconds");
    }
}

impl RedisSettings {
    /// `nodes` is the number of nodes that share Redis.
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
                loader.report(
                    key,
                    "is not a redis:// or rediss:// URL",
                    "use a URL such as redis://host:6379",
                );
            }
            Some(url) if loader.production && url.scheme() == "redis" && !is_private(&url) => {
                loader.report(key, "is outside the private network and has no TLS", "use rediss://");
            }
            Some(_) => {}
        }
    }
}
