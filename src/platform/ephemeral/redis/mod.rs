//! Short-lived state in Redis.

mod breaker;
#[cfg(test)]
mod faults;
mod inspect;
mod link;
mod patience;
mod script;

use std::sync::Arc;
use std::time::Duration;

use redis::{Cmd, ErrorKind, FromRedisValue, ServerErrorKind};
use tokio::time::Instant;

use self::breaker::{Breaker, Permit};
use self::link::{Link, Links};
use self::patience::within;
use self::script::Script;
use super::batch::{Applied, Change, Group};
use super::key::Name;
use super::unavailable::Cause;
use super::{EphemeralKey, Stored};
use crate::platform::clock::Timestamp;
use crate::platform::telemetry::Metrics;

pub use inspect::{RedisReport, inspect};

/// Redis could not be used from the start: its URL is wrong, or it refuses or does not answer.
#[derive(Debug, thiserror::Error)]
#[error("Redis cannot be used: {0}")]
pub struct RedisError(#[source] Cause);

/// Whether a command may be sent again when its connection broke and nobody knows whether it was carried out.
#[derive(Clone, Copy, PartialEq)]
enum Again {
    Yes,
    No,
}

pub(super) struct Redis {
    links: Links,
    breaker: Breaker,
    /// How long an answer is waited for.
    timeout: Duration,
    metrics: Arc<Metrics>,
}

impl Redis {
    pub(super) async fn connect(
        url: &str,
        timeout: Duration,
        metrics: Arc<Metrics>,
    ) -> Result<Self, RedisError> {
        let links = Links::new(url, timeout).map_err(|error| RedisError(error.into()))?;
        let redis = Self { links, breaker: Breaker::default(), timeout, metrics };
        redis.links.get(None).await.map_err(RedisError)?;
        Ok(redis)
    }

    pub(super) async fn put(&self, name: Name, value: &Stored) -> Result<(), Cause> {
        let mut set = redis::cmd("SET");
        set.arg(&name[..]).arg(&value.bytes).arg("EX").arg(value.ttl);
        self.ask(&set, Again::Yes).await
    }

    pub(super) async fn get(&self, name: Name) -> Result<Option<Vec<u8>>, Cause> {
        self.ask(redis::cmd("GET").arg(&name[..]), Again::Yes).await
    }

    pub(super) async fn get_all(&self, names: &[Name]) -> Result<Vec<Option<Vec<u8>>>, Cause> {
        let mut get = redis::cmd("MGET");
        for name in names {
            get.arg(&name[..]);
        }
        self.ask(&get, Again::Yes).await
    }

    pub(super) async fn take(&self, name: Name) -> Result<Option<Vec<u8>>, Cause> {
        self.ask(redis::cmd("GETDEL").arg(&name[..]), Again::No).await
    }

    pub(super) async fn count_all(
        &self,
        windows: &[(EphemeralKey, i64, u64)],
        now: Timestamp,
    ) -> Result<Vec<u64>, Cause> {
        let mut call = Script::Count.call(windows.len());
        for (key, ..) in windows {
            call.arg(&key.name()[..]);
        }
        call.arg(now.0).arg(0);
        for (_, window, by) in windows {
            call.arg(*window).arg(*by);
        }
        self.run(Script::Count, &call).await
    }

    pub(super) async fn give_back(
        &self,
        windows: &[(EphemeralKey, i64)],
        now: Timestamp,
    ) -> Result<(), Cause> {
        let mut call = Script::Count.call(windows.len());
        for (key, _) in windows {
            call.arg(&key.name()[..]);
        }
        call.arg(now.0).arg(0);
        for (_, window) in windows {
            call.arg(*window).arg(-1);
        }
        self.run::<Vec<u64>>(Script::Count, &call).await.map(|_| ())
    }

    pub(super) async fn get_and_count(
        &self,
        name: Name,
        counter: Name,
        window: i64,
        now: Timestamp,
    ) -> Result<(Option<Vec<u8>>, u64), Cause> {
        let mut call = Script::Count.call(2);
        call.arg(&name[..]).arg(&counter[..]).arg(now.0).arg(1).arg(window).arg(1);
        self.run(Script::Count, &call).await
    }

    pub(super) async fn apply(
        &self,
        groups: &[Group],
        changes: &[Change],
        now: Timestamp,
    ) -> Result<Applied, Cause> {
        let limits = || groups.iter().flat_map(|group| &group.limits);
        let mut call = Script::Apply.call(limits().count() + changes.len());
        for name in limits().map(|limit| &limit.name).chain(changes.iter().map(Change::name)) {
            call.arg(&name[..]);
        }
        call.arg(now.0).arg(groups.len());
        for group in groups {
            call.arg(group.limits.len()).arg(u8::from(group.marked));
            for limit in &group.limits {
                call.arg(limit.window).arg(limit.cap).arg(u8::from(limit.counts));
            }
        }
        for change in changes {
            match change {
                Change::Swap { seen, value, .. } => {
                    call.arg("s").arg(seen.bytes()).arg(&value.bytes).arg(value.ttl)
                }
                Change::Put { value, .. } => call.arg("p").arg(&value.bytes).arg(value.ttl),
                Change::Remove { .. } => call.arg("r"),
            };
        }
        let (outcome, group, index): (u8, usize, usize) = self.run(Script::Apply, &call).await?;
        Ok(match outcome {
            0 => Applied::Done,
            1 => Applied::Exceeded { group: group.saturating_sub(1), index: index.saturating_sub(1) },
            _ => Applied::Conflict,
        })
    }

    /// Asks for a write: a server that is full or has become a replica still answers a `PING`.
    pub(super) async fn probe(&self) -> Result<(), Cause> {
        self.ask(redis::cmd("SET").arg("probe").arg(1).arg("EX").arg(60), Again::Yes).await
    }

    /// Its time, in milliseconds.
    pub(super) async fn time(&self) -> Result<i64, Cause> {
        let (seconds, micros): (i64, i64) = self.ask(&redis::cmd("TIME"), Again::Yes).await?;
        Ok(seconds.saturating_mul(1000).saturating_add(micros / 1000))
    }

    /// Calls a script by its hash. A server that has lost it since the connection was made is given it again.
    async fn run<T: FromRedisValue>(&self, script: Script, call: &Cmd) -> Result<T, Cause> {
        match self.ask(call, Again::No).await {
            Err(Cause::Redis(error)) if error.kind() == ErrorKind::Server(ServerErrorKind::NoScript) => {
                let _: String = self.ask(&script.load(), Again::Yes).await?;
                self.ask(call, Again::No).await
            }
            other => other,
        }
    }

    /// Sends a command and waits for its answer: one round trip.
    async fn ask<T: FromRedisValue>(&self, command: &Cmd, again: Again) -> Result<T, Cause> {
        let permit = self.breaker.permit(Instant::now()).ok_or(Cause::BreakerOpen)?;
        match self.attempt(command, &permit).await {
            // A connection that broke while nothing was asked over it, such as by a restart of Redis, is noticed only now.
            Err(Cause::Redis(error)) if again == Again::Yes && error.is_connection_dropped() => {
                self.attempt(command, &permit).await
            }
            other => other,
        }
    }

    async fn attempt<T: FromRedisValue>(&self, command: &Cmd, permit: &Permit<'_>) -> Result<T, Cause> {
        // Where Redis has just failed nobody waits longer than for an answer; the connection goes on being made.
        let patience = (!permit.is_usual()).then_some(self.timeout);
        let link = self.links.get(patience).await.inspect_err(|_| permit.unreachable(Instant::now()))?;
        self.metrics.count_redis();
        let mut connection = link.connection.clone();
        let asked = command.query_async(&mut connection);
        let answer = within(self.timeout, asked, || Some(link.last_answer())).await;
        match answer {
            Some(Ok(answer)) => {
                link.answered();
                permit.answered();
                Ok(answer)
            }
            Some(Err(error)) => {
                refused(&link, permit, &error);
                Err(error.into())
            }
            None => {
                // Of all requests that waited for this connection, the first one says that it failed.
                if link.give_up_all() || !permit.is_usual() {
                    permit.unanswered(Instant::now());
                }
                Err(Cause::NoAnswer(self.timeout))
            }
        }
    }
}

/// What follows from an answer that is an error: that the connection is to be made anew, or that Redis is there.
fn refused(link: &Link, permit: &Permit<'_>, error: &redis::RedisError) {
    // A server that has become a replica takes no writes for as long as the connection leads to it. One that dropped this
    // connection has probably dropped those of other threads: what must not be sent twice would fail there for nothing.
    let is_replica = error.kind() == ErrorKind::Server(ServerErrorKind::ReadOnly);
    if is_replica || error.is_connection_dropped() {
        link.give_up_all();
    } else if error.is_unrecoverable_error() {
        link.give_up();
    } else {
        link.answered();
        permit.answered();
    }
}
