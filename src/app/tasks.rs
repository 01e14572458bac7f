//! Background tasks, kept running. One that panics is begun again after a pause, which grows while it goes on panicking:
//! work that silently ended would be missed only when it is needed.

use std::collections::BTreeSet;
use std::panic::AssertUnwindSafe;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use futures_util::FutureExt as _;
use tokio::time::Instant;

use crate::platform::telemetry::Metrics;

/// The first pause. Each further one is twice as long.
const FIRST: Duration = Duration::from_millis(100);

/// The longest pause.
const LONGEST: Duration = Duration::from_secs(30);

/// A task that ran for so long is well again: its next pause is the first one.
const WELL: Duration = Duration::from_secs(60);

/// Whether a node is to be sent requests while a task is down.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Need {
    /// No: they need it at once.
    Vital,
    /// Yes: it can wait, and what makes it panic would do so at every node.
    Deferrable,
}

/// The background tasks of a node. Cheap to clone.
#[derive(Clone)]
pub(super) struct Tasks {
    metrics: Arc<Metrics>,
    /// Those that panicked and were not begun again yet.
    down: Arc<Mutex<BTreeSet<(Need, &'static str)>>>,
}

impl Tasks {
    pub(super) fn new(metrics: Arc<Metrics>) -> Self {
        Self { metrics, down: Arc::default() }
    }

    /// Runs the task that `begin` makes, on this thread, until it ends by itself.
    pub(super) fn keep<R: Future<Output = ()> + 'static>(
        &self,
        name: &'static str,
        need: Need,
        begin: impl Fn() -> R + 'static,
    ) {
        actix_web::rt::spawn(self.clone().run(name, need, FIRST, begin));
    }

    async fn run<R: Future<Output = ()>>(
        self,
        name: &'static str,
        need: Need,
        first: Duration,
        begin: impl Fn() -> R,
    ) {
        let mut pause = first;
        loop {
            let begun = Instant::now();
            // What it leaves half done is what a killed process would leave; what is kept in memory is behind locks.
            if AssertUnwindSafe(async { begin().await }).catch_unwind().await.is_ok() {
                return;
            }
            if begun.elapsed() >= WELL {
                pause = first;
            }
            self.metrics.task_failures(name).inc();
            self.down().insert((need, name));
            let pause_ms = u64::try_from(pause.as_millis()).unwrap_or(u64::MAX);
            tracing::error!(
                event = "task.died",
                task = name,
                pause_ms,
                "background work panicked and will be begun again"
            );
            tokio::time::sleep(pause).await;
            pause = (pause * 2).min(LONGEST);
            self.down().remove(&(need, name));
        }
    }

    /// Fails while a task of that need is down, and names it.
    pub(super) fn check(&self, need: Need) -> Result<(), String> {
        let down: Vec<_> = self.down().iter().filter(|(of, _)| *of == need).map(|(_, name)| *name).collect();
        if down.is_empty() {
            return Ok(());
        }
        Err(format!("{} panicked and will be begun again", down.join(", ")))
    }

    fn down(&self) -> MutexGuard<'_, BTreeSet<(Need, &'static str)>> {
        self.down.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;

    #[actix_web::test]
    async fn a_task_that_panics_is_counted_shown_and_begun_again() {
        let metrics = Metrics::new();
        let tasks = Tasks::new(Arc::clone(&metrics));
        let (runs, seen) = (Arc::<AtomicUsize>::default(), Arc::<Mutex<Vec<_>>>::default());
        let begin = {
            let (tasks, runs, seen) = (tasks.clone(), Arc::clone(&runs), Arc::clone(&seen));
            move || {
                let run = runs.fetch_add(1, Ordering::SeqCst);
                seen.lock().unwrap().push(tasks.check(Need::Vital));
                async move {
                    tokio::task::yield_now().await;
                    assert!(run >= 3, "provoked by a test");
                }
            }
        };
        let running = tasks.clone().run("outbox", Need::Vital, Duration::from_millis(1), begin);
        let watching = async {
            // Polled after each step of the task: it is seen down at least once.
            let mut down = None;
            while down.is_none() {
                down = tasks.check(Need::Vital).err();
                tokio::task::yield_now().await;
            }
            assert!(tasks.check(Need::Deferrable).is_ok());
            down.unwrap()
        };
        let ((), down) = futures_util::future::join(running, watching).await;
        assert!(down.contains("outbox"), "{down}");
        assert_eq!(runs.load(Ordering::SeqCst), 4);
        assert!(seen.lock().unwrap().iter().all(Result::is_ok), "while it runs it is not down");
        assert!(tasks.check(Need::Vital).is_ok());
        let page = metrics.encode();
        assert!(page.contains("yagona_task_failures_total{task=\"outbox\"} 3"), "{page}");
    }
}
