//! SQLite has one writer at a time, and every commit waits for the disk. So one thread makes all changes, and waiting
//! changes are committed as a group: one flush for all, before any caller gets its result.

use std::sync::Arc;
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};
use std::thread::JoinHandle;

use tokio::sync::oneshot;

use super::session::{Session, classify};
use crate::platform::db::statement::Statement;
use crate::platform::db::{DbError, Done};

/// Maximum number of changes in one commit.
const BATCH: usize = 64;

/// Maximum length of the queue; further changes fail.
const QUEUE: usize = 4096;

/// A change to be made.
pub(in crate::platform::db) enum Work {
    /// One statement.
    Statement(Statement),
    /// Several statements, all or none of them; with a guard, only if it touches a row. The rows are the guard's.
    Transaction {
        /// Made first: others that begin with the same wait.
        hold: Vec<Statement>,
        /// Decides whether the others are made.
        guard: Option<Statement>,
        /// The others.
        then: Vec<Statement>,
    },
}

type Answer = Result<Done, DbError>;

struct Job {
    work: Work,
    reply: oneshot::Sender<Answer>,
}

enum Message {
    /// Boxed, so that queue entries are small.
    Job(Box<Job>),
    Close(oneshot::Sender<()>),
}

/// The queue of changes.
pub(super) struct Queue(SyncSender<Message>);

/// Starts the writer thread. It ends when the queue is closed or dropped.
pub(super) fn start(session: Session) -> std::io::Result<(Queue, JoinHandle<()>)> {
    let (sender, receiver) = sync_channel(QUEUE);
    let thread = std::thread::Builder::new()
        .name("sqlite-writer".to_owned())
        .spawn(move || write(session, &receiver))?;
    Ok((Queue(sender), thread))
}

impl Queue {
    /// Queues a change; its result is sent once it is durable. It is made even if the caller no longer waits.
    pub(super) fn add(&self, work: Work) -> Result<oneshot::Receiver<Answer>, DbError> {
        let (reply, answer) = oneshot::channel();
        let job = Box::new(Job { work, reply });
        self.0.try_send(Message::Job(job)).map_err(|error| match error {
            TrySendError::Full(_) => DbError::unavailable("the write queue is full"),
            TrySendError::Disconnected(_) => DbError::unavailable("the writer thread has ended"),
        })?;
        Ok(answer)
    }

    /// Finishes waiting changes and ends the thread.
    pub(super) async fn close(&self) {
        let (reply, closed) = oneshot::channel();
        if self.0.send(Message::Close(reply)).is_ok() {
            // The thread may end without a reply.
            let _ = closed.await;
        }
    }
}

/// Writes until the queue is closed or dropped.
fn write(session: Session, queue: &Receiver<Message>) {
    while let Ok(first) = queue.recv() {
        let (mut batch, mut next) = (Vec::new(), Some(first));
        while let Some(Message::Job(job)) = next {
            batch.push(*job);
            next = if batch.len() < BATCH { queue.try_recv().ok() } else { None };
        }
        commit(&session, batch);
        if let Some(Message::Close(reply)) = next {
            if let Err(error) = session.command("PRAGMA wal_checkpoint(TRUNCATE)") {
                tracing::warn!(event = "database.checkpoint", %error, "the write-ahead log was not merged into the database file");
            }
            drop(session);
            let _ = reply.send(());
            return;
        }
    }
}

/// Makes the changes of a batch and sends all results.
fn commit(session: &Session, mut batch: Vec<Job>) {
    if batch.is_empty() {
        return;
    }
    if batch.len() == 1
        && let Some(job) = batch.pop_if(|job| matches!(job.work, Work::Statement(_)))
    {
        // A statement alone is its own transaction.
        let answer = perform(session, &job.work).map_err(classify);
        let _ = job.reply.send(answer);
        return;
    }
    if let Err(error) = session.command("BEGIN IMMEDIATE") {
        return refuse(batch.into_iter().map(|job| job.reply), error);
    }
    let mut answers = Vec::with_capacity(batch.len());
    let mut batch = batch.into_iter();
    for job in batch.by_ref() {
        match perform(session, &job.work) {
            // After some errors (disk full, out of memory) SQLite rolls back the whole transaction, not the statement.
            Err(error) if !session.in_transaction() => {
                let replies = answers.into_iter().map(|(reply, _)| reply).chain([job.reply]);
                return refuse(replies.chain(batch.map(|job| job.reply)), error);
            }
            done => answers.push((job.reply, done.map_err(classify))),
        }
    }
    if let Err(error) = session.command("COMMIT") {
        // The next transaction must not become part of a leftover one.
        let _ = session.command("ROLLBACK");
        return refuse(answers.into_iter().map(|(reply, _)| reply), error);
    }
    for (reply, answer) in answers {
        // The caller may have stopped waiting.
        let _ = reply.send(answer);
    }
}

/// Makes one change in the batch's transaction. If it fails, only it is rolled back.
fn perform(session: &Session, work: &Work) -> Result<Done, rusqlite::Error> {
    let (hold, guard, then) = match work {
        Work::Statement(statement) => return session.run(statement, usize::MAX),
        Work::Transaction { hold, guard, then } => (hold, guard, then),
    };
    session.command("SAVEPOINT job")?;
    let done = all(session, (hold, guard.as_ref()), then);
    let undone = done.as_ref().map_or(true, |done| guard.is_some() && done.rows.is_empty());
    if undone && session.in_transaction() {
        session.command("ROLLBACK TO job")?;
    }
    if session.in_transaction() {
        session.command("RELEASE job")?;
    }
    done
}

fn all(
    session: &Session,
    (hold, guard): (&[Statement], Option<&Statement>),
    then: &[Statement],
) -> Result<Done, rusqlite::Error> {
    let mut done = Done::default();
    for hold in hold {
        session.run(hold, usize::MAX)?;
    }
    if let Some(guard) = guard {
        done = session.run(guard, usize::MAX)?;
        if done.rows.is_empty() {
            return Ok(done);
        }
    }
    for statement in then {
        done.touched += session.run(statement, usize::MAX)?.touched;
    }
    Ok(done)
}

/// Sends all callers the error that nothing was written.
fn refuse(replies: impl Iterator<Item = oneshot::Sender<Answer>>, why: rusqlite::Error) {
    let why = Arc::new(why);
    for reply in replies {
        let _ = reply.send(Err(DbError::unavailable(Arc::clone(&why))));
    }
}
