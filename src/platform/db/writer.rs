//! SQLite has one writer at a time, and every commit waits for the disk. So changes queue here, and those that wait
//! together are committed together: one flush for all, and nobody is answered before it.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use sqlx::any::{AnyArguments, AnyRow};
use sqlx::{AnyConnection, AnyPool, Execute as _, SqlStr};
use tokio::sync::oneshot;

use super::Statement;

/// Most changes in one commit.
const BATCH: usize = 64;

/// Changes that may wait; further ones are refused.
const QUEUE: usize = 4096;

/// What a change did.
pub(super) struct Done {
    pub(super) rows: Vec<AnyRow>,
    pub(super) touched: u64,
}

/// Whether a change is asked for its rows, or for how many it touched.
#[derive(Clone, Copy)]
pub(super) enum Wanted {
    Rows,
    Count,
}

struct Job {
    sql: SqlStr,
    arguments: AnyArguments,
    wanted: Wanted,
    reply: oneshot::Sender<Result<Done, sqlx::Error>>,
}

/// The queue of changes. Cheap to clone.
#[derive(Clone)]
pub(super) struct Writer {
    pool: AnyPool,
    queue: Arc<Queue>,
}

#[derive(Default)]
struct Queue {
    waiting: Mutex<VecDeque<Job>>,
    /// Whether somebody is writing what waits.
    busy: AtomicBool,
}

/// Lets the next one write, even if this one was dropped half-way with its runtime.
struct Turn<'q>(&'q Queue);

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        self.0.busy.store(false, Ordering::Release);
    }
}

impl Writer {
    /// A queue in front of a pool of one connection.
    pub(super) fn new(pool: AnyPool) -> Self {
        Self { pool, queue: Arc::default() }
    }

    /// Makes a change and waits until it is durable. Whoever finds nobody writing writes for all that wait, on a task of
    /// its own, so that a caller who goes away takes nobody's change along.
    pub(super) async fn change(
        &self,
        mut statement: Statement<'_>,
        wanted: Wanted,
    ) -> Result<Done, sqlx::Error> {
        let arguments = statement.take_arguments().map_err(sqlx::Error::Encode)?.unwrap_or_default();
        let (reply, done) = oneshot::channel();
        let job = Job { sql: statement.sql(), arguments, wanted, reply };
        {
            let mut waiting = self.queue.lock();
            if waiting.len() >= QUEUE {
                return Err(sqlx::Error::PoolTimedOut);
            }
            waiting.push_back(job);
        }
        if !self.queue.busy.swap(true, Ordering::AcqRel) {
            tokio::spawn(write(self.pool.clone(), Arc::clone(&self.queue)));
        }
        done.await.map_err(|_| sqlx::Error::PoolClosed)?
    }
}

impl Queue {
    fn lock(&self) -> MutexGuard<'_, VecDeque<Job>> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn next(&self) -> Vec<Job> {
        let mut waiting = self.lock();
        let most = waiting.len().min(BATCH);
        waiting.drain(..most).collect()
    }
}

/// Writes until nothing waits.
async fn write(pool: AnyPool, queue: Arc<Queue>) {
    loop {
        {
            let _turn = Turn(&queue);
            loop {
                let batch = queue.next();
                if batch.is_empty() {
                    break;
                }
                match pool.acquire().await {
                    Ok(mut connection) => commit(&mut connection, batch.into_iter()).await,
                    Err(error) => refuse(batch.into_iter().map(|job| job.reply), &error),
                }
            }
        }
        // A change may have come after the last look, by somebody who saw this turn not yet over.
        if queue.lock().is_empty() || queue.busy.swap(true, Ordering::AcqRel) {
            return;
        }
    }
}

/// Makes the changes of a batch and answers them all. A statement that fails undoes itself alone.
async fn commit(connection: &mut AnyConnection, batch: impl ExactSizeIterator<Item = Job>) {
    let together = batch.len() > 1;
    if together && let Err(error) = sqlx::query("BEGIN IMMEDIATE").execute(&mut *connection).await {
        return refuse(batch.map(|job| job.reply), &error);
    }
    let mut answers = Vec::with_capacity(batch.len());
    for job in batch {
        let done = run(connection, job.sql, job.arguments, job.wanted).await;
        answers.push((job.reply, done));
    }
    if together && let Err(error) = sqlx::query("COMMIT").execute(&mut *connection).await {
        // Whatever is left of the transaction must not swallow the next one.
        let _ = sqlx::query("ROLLBACK").execute(&mut *connection).await;
        return refuse(answers.into_iter().map(|(reply, _)| reply), &error);
    }
    for (reply, done) in answers {
        // Who does not wait any more need not be told.
        let _ = reply.send(done);
    }
}

async fn run(
    connection: &mut AnyConnection,
    sql: SqlStr,
    arguments: AnyArguments,
    wanted: Wanted,
) -> Result<Done, sqlx::Error> {
    let statement = sqlx::query_with(sql, arguments);
    match wanted {
        // `fetch_all` runs the statement to its end, which is what makes the change.
        Wanted::Rows => {
            let rows = statement.fetch_all(connection).await?;
            Ok(Done { touched: rows.len() as u64, rows })
        }
        Wanted::Count => {
            let done = statement.execute(connection).await?;
            Ok(Done { rows: Vec::new(), touched: done.rows_affected() })
        }
    }
}

fn refuse(replies: impl Iterator<Item = oneshot::Sender<Result<Done, sqlx::Error>>>, why: &sqlx::Error) {
    for reply in replies {
        let _ = reply.send(Err(sqlx::Error::Io(std::io::Error::other(why.to_string()))));
    }
}

#[cfg(test)]
mod tests {
    use crate::platform::bytes;
    use crate::platform::db::{DbError, connect, int};
    use crate::platform::telemetry::Metrics;
    use std::time::Duration;

    #[actix_web::test]
    async fn of_many_changes_at_once_each_is_made_and_a_wrong_one_undoes_itself_alone() {
        let folder = std::env::temp_dir().join(format!("yagona-writer-{}", bytes::random_text::<8>()));
        let url = format!("sqlite:{}", folder.join("w.db").display());
        let db = connect(&url, 2, Duration::from_secs(5), Metrics::new()).await.unwrap();
        db.execute(sqlx::query("CREATE TABLE t (k BIGINT PRIMARY KEY, n BIGINT NOT NULL)")).await.unwrap();
        db.execute(sqlx::query("INSERT INTO t VALUES (0, 0)")).await.unwrap();
        let changes = (0..100_i64).map(|i| {
            let db = db.clone();
            async move {
                if i % 10 == 9 {
                    db.execute(sqlx::query("INSERT INTO t VALUES (0, $1)").bind(i)).await.map(|_| ())
                } else {
                    db.change(sqlx::query("UPDATE t SET n = n + 1 WHERE k = 0 RETURNING n")).await.map(|_| ())
                }
            }
        });
        let done = futures_util::future::join_all(changes).await;
        assert_eq!(done.iter().filter(|done| matches!(done, Err(DbError::Statement(_)))).count(), 10);
        let row = db.read_optional(sqlx::query("SELECT n FROM t WHERE k = 0")).await.unwrap().unwrap();
        assert_eq!(int(&row, "t", "n").unwrap(), 90);
        std::fs::remove_dir_all(folder).unwrap();
    }

    #[actix_web::test]
    async fn of_fifty_redemptions_at_once_one_wins() {
        let folder = std::env::temp_dir().join(format!("yagona-writer-{}", bytes::random_text::<8>()));
        let url = format!("sqlite:{}", folder.join("w.db").display());
        let db = connect(&url, 2, Duration::from_secs(5), Metrics::new()).await.unwrap();
        db.execute(sqlx::query("CREATE TABLE t (k BIGINT PRIMARY KEY)")).await.unwrap();
        let redeem = || {
            let db = db.clone();
            async move {
                db.change(sqlx::query("INSERT INTO t VALUES (1) ON CONFLICT (k) DO NOTHING RETURNING k"))
                    .await
            }
        };
        let done = futures_util::future::join_all((0..50).map(|_| redeem())).await;
        assert_eq!(done.into_iter().filter(|done| matches!(done, Ok(Some(_)))).count(), 1);
        std::fs::remove_dir_all(folder).unwrap();
    }
}
