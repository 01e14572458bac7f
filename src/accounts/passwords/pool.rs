//! Threads for hashes, and a bounded queue before them: a flood of guesses fills this queue and nothing else. They have the lowest
//! priority, so that whatever else this machine has to do comes first.

use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex, PoisonError};

use thread_priority::{ThreadPriority, set_current_thread_priority};
use tokio::sync::{Semaphore, oneshot};

use super::hash::Memory;

type Job = Box<dyn FnOnce(&mut Memory) + Send>;

/// The queue is full: whoever asks tries again later.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Busy;

/// The threads. They end when the last copy of this is dropped.
#[derive(Clone)]
pub(super) struct Pool {
    jobs: Sender<Job>,
    places: Arc<Semaphore>,
}

impl Pool {
    /// Starts `threads`, before which `queue` may wait.
    pub(super) fn start(threads: usize, queue: usize) -> std::io::Result<Self> {
        let (jobs, receiver) = channel::<Job>();
        let receiver = Arc::new(Mutex::new(receiver));
        for number in 0..threads {
            let jobs = Arc::clone(&receiver);
            std::thread::Builder::new().name(format!("passwords-{number}")).spawn(move || work(&jobs))?;
        }
        Ok(Self { jobs, places: Arc::new(Semaphore::new(threads + queue)) })
    }

    /// Does `job` on one of the threads, unless nobody waits for it any more by then.
    ///
    /// # Errors
    /// [`Busy`], at once, when all places are taken.
    pub(super) async fn run<T: Send + 'static>(
        &self,
        job: impl FnOnce(&mut Memory) -> T + Send + 'static,
    ) -> Result<T, Busy> {
        // It is given back when the job is over, and not when nobody waits for it any more: that still takes its turn.
        let place = Arc::clone(&self.places).try_acquire_owned().map_err(|_| Busy)?;
        self.run_in_turn(move |memory| {
            let done = job(memory);
            drop(place);
            done
        })
        .await
    }

    /// As [`Pool::run`], without a bound: only for what cannot be asked for by many.
    ///
    /// # Errors
    /// [`Busy`] when there are no threads.
    pub(super) async fn run_in_turn<T: Send + 'static>(
        &self,
        job: impl FnOnce(&mut Memory) -> T + Send + 'static,
    ) -> Result<T, Busy> {
        let (reply, answer) = oneshot::channel();
        let job: Job = Box::new(move |memory| {
            if !reply.is_closed() {
                let _ = reply.send(job(memory));
            }
        });
        self.jobs.send(job).map_err(|_| Busy)?;
        answer.await.map_err(|_| Busy)
    }
}

fn work(jobs: &Mutex<Receiver<Job>>) {
    if let Err(error) = set_current_thread_priority(ThreadPriority::Min) {
        tracing::warn!(event = "passwords.priority", ?error, "passwords are hashed at the usual priority");
    }
    let mut memory = Memory::default();
    loop {
        let next = jobs.lock().unwrap_or_else(PoisonError::into_inner).recv();
        let Ok(job) = next else { return };
        job(&mut memory);
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;

    use futures_util::FutureExt as _;

    use super::*;

    #[actix_web::test]
    async fn a_full_queue_is_said_at_once_and_what_waits_is_done() {
        let pool = Pool::start(1, 1).unwrap();
        let (begun, begins) = oneshot::channel();
        let (release, held) = mpsc::channel::<()>();
        let first = pool.run(move |_| (begun.send(()), held.recv().is_err()));
        let second = pool.run(|_| 2);
        let refused_meanwhile = async {
            begins.await.unwrap();
            let refused = pool.run(|_| 3).await;
            drop(release);
            refused
        };
        let (first, second, refused) = tokio::join!(first, second, refused_meanwhile);
        assert_eq!((first.map(|(_, over)| over), second, refused), (Ok(true), Ok(2), Err(Busy)));
        assert_eq!(pool.run(|_| 4).await, Ok(4), "the places are free again");
    }

    #[actix_web::test]
    async fn what_nobody_waits_for_any_more_is_not_done() {
        let pool = Pool::start(1, 9).unwrap();
        let (release, held) = mpsc::channel::<()>();
        let mut first = Box::pin(pool.run(move |_| held.recv().is_err()));
        assert!((&mut first).now_or_never().is_none());
        let (done, does) = mpsc::channel();
        let mut gone = Box::pin(pool.run(move |_| done.send(()).is_ok()));
        assert!((&mut gone).now_or_never().is_none());
        drop(gone);
        drop(release);
        assert_eq!(first.await, Ok(true));
        assert_eq!(pool.run(move |_| does.try_recv().is_err()).await, Ok(true));
    }
}
