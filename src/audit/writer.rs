//! Writing what waits: one task per process, one commit per batch, one chain for all processes.

use std::time::Duration;

use super::chain::{Entry, Link, StoredRow};
use super::{Event, Inner, Kind, store};
use crate::platform::bytes;
use crate::platform::clock::Timestamp;
use crate::platform::db::DbError;
use crate::platform::telemetry;

/// How long a batch gathers.
const GATHER: Duration = Duration::from_millis(80);

/// How often a batch that could not be written is tried again, and a checkpoint is looked at.
const TICK: Duration = Duration::from_secs(1);

/// Maximum number of rows of one commit.
const BATCH: usize = 1024;

/// Tries of one batch when other processes were quicker.
const TRIES: u32 = 20;

/// Seconds between checkpoints in the log.
const CHECKPOINT: i64 = 60;

/// What only the writing task knows.
#[derive(Default)]
pub(super) struct Writer {
    /// Taken from the queue and not known to be written.
    batch: Vec<Entry>,
    /// The end of the chain when it was last seen.
    seen: Option<Link>,
    /// When a checkpoint was last logged, and of what.
    checkpoint: Option<(Timestamp, i64)>,
    failing: bool,
}

/// Writes until the process ends.
pub(super) async fn run(inner: &Inner) {
    let cause = inner.metrics.route("audit");
    loop {
        // Waits that end by the clock alone look at checkpoints, and at what could not be written.
        if tokio::time::timeout(TICK, inner.queue.filled()).await.is_ok() {
            tokio::time::sleep(GATHER).await;
        }
        let mut writer = inner.writer.lock().await;
        let written = telemetry::on_account_of(&cause, writer.write_all(inner)).await;
        writer.log_checkpoint(inner.clock.now());
        match written {
            Ok(()) if writer.failing => {
                writer.failing = false;
                tracing::info!(event = "audit.available", "the audit log is written again");
            }
            Err(error) if !writer.failing => {
                writer.failing = true;
                tracing::warn!(event = "audit.unwritten", %error, "the audit log cannot be written: events wait");
            }
            _ => {}
        }
        let failing = writer.failing;
        drop(writer);
        if failing {
            tokio::time::sleep(TICK).await;
        }
    }
}

/// Writes everything that waits.
pub(super) async fn drain(inner: &Inner) -> Result<(), DbError> {
    let cause = inner.metrics.route("audit");
    let mut writer = inner.writer.lock().await;
    telemetry::on_account_of(&cause, writer.write_all(inner)).await?;
    writer.checkpoint = None;
    writer.log_checkpoint(inner.clock.now());
    Ok(())
}

impl Writer {
    async fn write_all(&mut self, inner: &Inner) -> Result<(), DbError> {
        loop {
            if self.batch.is_empty() {
                self.batch = inner.queue.take(BATCH, inner.clock.now_us());
            }
            let waiting = self.batch.len() + inner.queue.len();
            inner.metrics.audit_waiting.set(i64::try_from(waiting).unwrap_or(i64::MAX));
            if self.batch.is_empty() {
                return Ok(());
            }
            self.write_batch(inner).await?;
        }
    }

    /// Appends the batch. Who loses against another process reads the new end and tries again.
    async fn write_batch(&mut self, inner: &Inner) -> Result<(), DbError> {
        for attempt in 0..TRIES {
            let head = store::head(&inner.db, &inner.node_id).await?;
            // What an earlier try has written although its outcome was unknown.
            self.batch.retain(|entry| entry.node_seq > head.written);
            self.look_back(inner, &head.link);
            if self.batch.is_empty() {
                return Ok(());
            }
            let rows = chained(inner, &head.link, &self.batch);
            if store::append(&inner.db, &head.link, &rows).await? {
                inner.metrics.audit_rows.inc_by(rows.len() as u64);
                self.seen = rows.last().map(|row| Link { seq: row.seq, hash: row.hash.clone() });
                self.batch.clear();
                return Ok(());
            }
            // Processes that lost together must not meet again.
            let longest = 1 << attempt.min(6);
            tokio::time::sleep(Duration::from_millis(u64::from(bytes::random::<1>()[0]) % longest)).await;
        }
        Err(DbError::unavailable("other processes were quicker each time"))
    }

    /// Takes entries as if they were a batch whose outcome is not known.
    #[cfg(test)]
    pub(super) fn repeat(&mut self, entries: Vec<(i64, Kind)>) {
        let entry = |(node_seq, kind): (i64, Kind)| Entry {
            time_us: 0,
            node_seq,
            event: kind.name(),
            content: "{}".to_owned(),
        };
        self.batch = entries.into_iter().map(entry).collect();
    }

    /// Notices a chain that ends before where it had ended.
    fn look_back(&mut self, inner: &Inner, head: &Link) {
        let Some(seen) = self.seen.as_ref().filter(|seen| head.seq < seen.seq) else { return };
        let event = Event::new(Kind::RolledBack).seq(head.seq).count(seen.seq - head.seq);
        event.log();
        inner.queue.add(Kind::RolledBack, inner.clock.now_us(), event.content());
        self.seen = Some(head.clone());
    }

    /// Logs the end of the chain, at most once a minute and only when it has moved: who keeps the log can tell whether rows
    /// were cut off since.
    fn log_checkpoint(&mut self, now: Timestamp) {
        let Some(seen) = &self.seen else { return };
        let due = self
            .checkpoint
            .is_none_or(|(at, seq)| seq != seen.seq && (now.since(at) >= CHECKPOINT || now < at));
        if due {
            tracing::info!(
                event = "audit.checkpoint",
                audit.seq = seen.seq,
                audit.hash = seen.hash,
                "the audit log has come this far"
            );
            self.checkpoint = Some((now, seen.seq));
        }
    }
}

fn chained(inner: &Inner, head: &Link, batch: &[Entry]) -> Vec<StoredRow> {
    let mut former = head.clone();
    let mut rows = Vec::with_capacity(batch.len());
    for entry in batch {
        let mut row = StoredRow {
            seq: former.seq + 1,
            time_us: entry.time_us,
            node_id: inner.node_id.clone(),
            node_seq: entry.node_seq,
            event: entry.event.to_owned(),
            content: entry.content.clone(),
            hash: String::new(),
        };
        row.hash = inner.keys.hash(&former.hash, &row);
        former = Link { seq: row.seq, hash: row.hash.clone() };
        rows.push(row);
    }
    rows
}
