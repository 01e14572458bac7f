//! The embedded database: one file, read by every thread with a connection of its own, changed by one thread.
//!
//! A read crosses to no other thread: it costs microseconds, less than waking one. A change crosses once to the thread
//! that writes and once back.

mod session;
mod writer;

use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use thread_local::ThreadLocal;

use super::availability::Availability;
use super::statement::Statement;
use super::{DbError, Done};
use session::{Session, classify};
use writer::Queue;

pub(super) use session::{Purpose, open};
pub(super) use writer::Work;

/// The embedded database.
pub(super) struct Embedded {
    path: String,
    longest: Duration,
    readers: ThreadLocal<Session>,
    queue: Queue,
    writer: Mutex<Option<JoinHandle<()>>>,
    availability: Arc<Availability>,
}

impl Embedded {
    /// Opens the file at `path`, made with its folder if it is not there, and starts the thread that writes. No
    /// statement takes more than `longest`.
    pub(super) fn open(
        path: &str,
        longest: Duration,
        availability: Arc<Availability>,
    ) -> Result<Self, DbError> {
        if let Some(folder) = Path::new(path.split('?').next().unwrap_or(path)).parent() {
            std::fs::create_dir_all(folder).map_err(DbError::unavailable)?;
        }
        let session = Session::open(path, Purpose::Write, longest).map_err(classify)?;
        let (queue, writer) = writer::start(session).map_err(DbError::unavailable)?;
        let writer = Mutex::new(Some(writer));
        Ok(Self { path: path.to_owned(), longest, readers: ThreadLocal::new(), queue, writer, availability })
    }

    /// Reads up to `most` rows on the calling thread.
    pub(super) fn read(&self, statement: &Statement, most: usize) -> Result<Done, DbError> {
        let reader = self.readers.get_or_try(|| Session::open(&self.path, Purpose::Read, self.longest));
        reader.and_then(|reader| reader.run(statement, most)).map_err(classify)
    }

    /// Makes a change and waits until it is durable, `longest` at most.
    pub(super) async fn write(&self, work: Work) -> Result<Done, DbError> {
        let done = self.queue.add(work)?;
        match tokio::time::timeout(self.longest, done).await {
            Ok(Ok(done)) => done,
            Ok(Err(_)) => {
                self.availability.lost();
                Err(DbError::unavailable("the thread that writes has ended"))
            }
            Err(late) => {
                self.availability.lost();
                Err(DbError::unavailable(late))
            }
        }
    }

    /// The file that was opened.
    pub(super) fn path(&self) -> &str {
        &self.path
    }

    /// Lets the changes that wait finish, brings them all into the file itself and ends the thread that writes.
    pub(super) async fn close(&self) {
        if tokio::time::timeout(2 * self.longest, self.queue.close()).await.is_err() {
            tracing::error!(event = "database.writer", "the thread that writes does not come to an end");
            return;
        }
        let writer = self.writer.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(writer) = writer
            && writer.join().is_err()
        {
            tracing::error!(event = "database.writer", "the thread that writes had broken down");
        }
    }
}
