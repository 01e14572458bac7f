//! How a Redis server is configured, as far as it matters here.

use std::sync::Arc;
use std::time::Duration;

use super::{Again, Redis, RedisError};
use crate::platform::ephemeral::unavailable::{Cause, Unavailable};
use crate::platform::telemetry::Metrics;

/// What a Redis server says of itself.
pub struct RedisReport {
    /// Why it takes no writes, if it does not.
    pub refuses_writes: Option<Unavailable>,
    /// What it removes when its memory is full (`maxmemory-policy`); `None` if it does not say.
    pub eviction: Option<String>,
    /// Whether it writes its data to disk (`save`, `appendonly`); `None` if it does not say.
    pub persists: Option<bool>,
}

/// Asks the Redis at `url`. Apart from a probe that expires within a minute nothing is written.
///
/// # Errors
/// [`RedisError`] if it cannot be reached or does not answer within `timeout`.
pub async fn inspect(url: &str, timeout: Duration, metrics: Arc<Metrics>) -> Result<RedisReport, RedisError> {
    let redis = Redis::connect(url, timeout, metrics).await?;
    let refuses_writes = redis.probe().await.err().map(Unavailable::from);
    let memory = redis.info("memory").await.map_err(RedisError)?;
    let eviction = field(&memory, "maxmemory_policy").map(str::to_owned);
    let appends = redis.info("persistence").await.ok();
    let appends = appends.as_deref().and_then(|info| Some(field(info, "aof_enabled")? == "1"));
    // Servers that others run often refuse this command.
    let saves = redis.setting("save").await.ok().flatten().map(|schedule| !schedule.is_empty());
    let persists = match (appends, saves) {
        (Some(true), _) | (_, Some(true)) => Some(true),
        (Some(false), Some(false)) => Some(false),
        _ => None,
    };
    Ok(RedisReport { refuses_writes, eviction, persists })
}

impl Redis {
    async fn info(&self, section: &str) -> Result<String, Cause> {
        self.ask(redis::cmd("INFO").arg(section), Again::Yes).await
    }

    /// A parameter of its configuration.
    async fn setting(&self, name: &str) -> Result<Option<String>, Cause> {
        let pair: Vec<String> = self.ask(redis::cmd("CONFIG").arg("GET").arg(name), Again::Yes).await?;
        Ok(pair.into_iter().nth(1))
    }
}

fn field<'a>(info: &'a str, name: &str) -> Option<&'a str> {
    info.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':')).map(str::trim)
}
