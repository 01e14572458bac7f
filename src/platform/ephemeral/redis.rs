//! Short-lived state in Redis, over one multiplexed connection that mends itself.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

use redis::aio::{ConnectionManager, ConnectionManagerConfig};
use redis::{Cmd, FromRedisValue, Script};

use super::envelope::Envelope;
use super::{EphemeralKey, Unavailable, Version};
use crate::platform::telemetry::Metrics;

/// Redis could not be used from the start.
#[derive(Debug)]
pub struct RedisError(String);

impl std::fmt::Display for RedisError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Redis cannot be used: {}", self.0)
    }
}

impl std::error::Error for RedisError {}

#[derive(Clone)]
pub(super) struct Redis {
    connection: ConnectionManager,
    swap: Arc<Script>,
    deadline: Duration,
    /// Until when nothing is asked of a Redis that gave no answer: requests are told at once instead of waiting.
    away: Arc<Mutex<Option<Instant>>>,
    metrics: Arc<Metrics>,
}

/// How long a Redis that gave no answer is left alone.
const PAUSE: Duration = Duration::from_millis(700);

/// Bytes 8 to 15 of a value are its version (`envelope.rs`).
const SWAP: &str = "if redis.call('GETRANGE', KEYS[1], 8, 15) == ARGV[1] then \
     redis.call('SET', KEYS[1], ARGV[2], 'EX', ARGV[3]) return 1 else return 0 end";

impl Redis {
    pub(super) async fn connect(
        url: &str,
        timeout: Duration,
        metrics: Arc<Metrics>,
    ) -> Result<Self, RedisError> {
        let client = redis::Client::open(url).map_err(|error| RedisError(error.to_string()))?;
        let config = ConnectionManagerConfig::new()
            .set_connection_timeout(Some(timeout))
            .set_response_timeout(Some(timeout))
            .set_number_of_retries(1)
            .set_min_delay(Duration::from_millis(50))
            .set_max_delay(Duration::from_millis(200));
        let connection =
            tokio::time::timeout(timeout * 2, ConnectionManager::new_with_config(client, config))
                .await
                .map_err(|_| RedisError("no answer in time".to_owned()))?
                .map_err(|error| RedisError(error.to_string()))?;
        Ok(Self {
            connection,
            swap: Arc::new(Script::new(SWAP)),
            deadline: timeout,
            away: Arc::default(),
            metrics,
        })
    }

    pub(super) async fn put(&self, name: [u8; 33], value: Envelope, ttl: i64) -> Result<(), Unavailable> {
        self.ask(redis::cmd("SET").arg(&name[..]).arg(value.raw()).arg("EX").arg(ttl.max(1))).await
    }

    pub(super) async fn get(&self, name: [u8; 33]) -> Result<Option<Envelope>, Unavailable> {
        let raw: Option<Vec<u8>> = self.ask(redis::cmd("GET").arg(&name[..])).await?;
        Ok(raw.and_then(Envelope::from_raw))
    }

    pub(super) async fn take(&self, name: [u8; 33]) -> Result<Option<Envelope>, Unavailable> {
        let raw: Option<Vec<u8>> = self.ask(redis::cmd("GETDEL").arg(&name[..])).await?;
        Ok(raw.and_then(Envelope::from_raw))
    }

    pub(super) async fn swap(
        &self,
        name: [u8; 33],
        seen: Version,
        value: Envelope,
        ttl: i64,
    ) -> Result<bool, Unavailable> {
        self.metrics.count_redis();
        let mut call = self.swap.prepare_invoke();
        call.key(&name[..]).arg(&seen.0[..]).arg(value.raw()).arg(ttl.max(1));
        let mut connection = self.connection.clone();
        let done: i64 = self.bounded(call.invoke_async(&mut connection)).await?;
        Ok(done == 1)
    }

    pub(super) async fn count_all(&self, windows: &[(EphemeralKey, i64)]) -> Result<Vec<u64>, Unavailable> {
        self.metrics.count_redis();
        let mut pipe = redis::pipe();
        for (key, window) in windows {
            let name = key.bytes();
            // The window begins with its first event; later ones do not prolong it. In this order a key that expires
            // between the two commands cannot be left without an end.
            pipe.cmd("INCR").arg(&name[..]);
            pipe.cmd("EXPIRE").arg(&name[..]).arg((*window).max(1)).arg("NX").ignore();
        }
        let mut connection = self.connection.clone();
        self.bounded(pipe.query_async(&mut connection)).await
    }

    pub(super) async fn probe(&self) -> Result<(), Unavailable> {
        let mut connection = self.connection.clone();
        let _: String = self.bounded(redis::cmd("PING").query_async(&mut connection)).await?;
        Ok(())
    }

    pub(super) async fn time(&self) -> Result<i64, Unavailable> {
        let (seconds, _): (i64, i64) = self.ask(&redis::cmd("TIME")).await?;
        Ok(seconds)
    }

    fn lock(&self) -> MutexGuard<'_, Option<Instant>> {
        self.away.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn ask<T: FromRedisValue>(&self, command: &Cmd) -> Result<T, Unavailable> {
        self.metrics.count_redis();
        let mut connection = self.connection.clone();
        self.bounded(command.query_async(&mut connection)).await
    }

    async fn bounded<T>(&self, work: impl Future<Output = redis::RedisResult<T>>) -> Result<T, Unavailable> {
        let mut away = *self.lock();
        if away.is_some_and(|until| until > Instant::now()) {
            return Err(Unavailable("Redis gave no answer a moment ago".to_owned()));
        }
        let answer = tokio::time::timeout(self.deadline, work).await;
        let seen = away.take();
        match answer {
            Ok(answer) => {
                if seen.is_some() {
                    *self.lock() = None;
                }
                answer.map_err(|error| Unavailable(error.to_string()))
            }
            Err(_) => {
                *self.lock() = Some(Instant::now() + PAUSE);
                Err(Unavailable(format!("Redis gave no answer within {:?}", self.deadline)))
            }
        }
    }
}
