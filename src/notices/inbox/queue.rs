//! Notices of what happened on the path of a request that has no transaction to put them in: bounded, in memory, written a
//! moment later by one task per process, a batch in one commit. A process that is killed loses those of that moment.

use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::Notify;

use super::{Inbox, NewNotice};
use crate::people::PersonId;
use crate::platform::db::DbError;
use crate::platform::telemetry::{self, Metrics};

/// How many notices wait at most: minutes of a busy node without a database.
const ROOM: usize = 20_000;

/// How long a batch gathers.
const GATHER: Duration = Duration::from_millis(80);

/// How long until a batch that could not be written is tried again.
const AGAIN: Duration = Duration::from_secs(1);

/// Maximum number of notices in one commit.
const BATCH: usize = 500;

#[derive(Default)]
pub(super) struct Queue {
    waiting: Mutex<VecDeque<(PersonId, NewNotice)>>,
    filled: Notify,
    /// Held by whoever writes.
    writing: tokio::sync::Mutex<()>,
}

impl Queue {
    fn lock(&self) -> MutexGuard<'_, VecDeque<(PersonId, NewNotice)>> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Inbox {
    /// Stores a notice a moment later, where there is no transaction that it belongs to. Never waits and never fails.
    pub fn post(&self, person: &PersonId, notice: NewNotice) {
        let mut waiting = self.queue.lock();
        if waiting.len() >= ROOM {
            drop(waiting);
            let kind = notice.kind.name();
            tracing::error!(
                event = "notices.lost",
                kind,
                "a notice was not stored: too many wait for the database"
            );
            return;
        }
        waiting.push_back((person.clone(), notice));
        drop(waiting);
        self.queue.filled.notify_one();
    }

    /// Writes what was posted until the process ends.
    pub async fn run(self, metrics: &Metrics) {
        let cause = metrics.route("notices");
        loop {
            self.queue.filled.notified().await;
            tokio::time::sleep(GATHER).await;
            while let Err(error) = telemetry::on_account_of(&cause, self.write()).await {
                tracing::warn!(event = "notices.unwritten", %error, "notices wait: the database is unavailable");
                tokio::time::sleep(AGAIN).await;
            }
        }
    }

    /// Writes what was posted and not written yet, for `longest` at most: at the end of the process.
    pub async fn drain(&self, longest: Duration) {
        let why = match tokio::time::timeout(longest, self.write()).await {
            Ok(Ok(())) => return,
            Ok(Err(error)) => error.to_string(),
            Err(late) => late.to_string(),
        };
        let count = self.queue.lock().len();
        tracing::error!(event = "notices.lost", count, error = why, "notices were not stored");
    }

    /// What was written stays in the queue until that is certain: written twice, it is one notice.
    async fn write(&self) -> Result<(), DbError> {
        let _alone = self.queue.writing.lock().await;
        loop {
            let batch: Vec<(PersonId, NewNotice)> = self.queue.lock().iter().take(BATCH).cloned().collect();
            if batch.is_empty() {
                return Ok(());
            }
            let rows = batch.iter().flat_map(|(person, notice)| self.rows(person, notice)).collect();
            self.db.all_or_nothing(rows).await?;
            self.queue.lock().drain(..batch.len());
        }
    }
}
