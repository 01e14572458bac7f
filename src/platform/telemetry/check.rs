//! A question to one part of the provider, asked when its health is asked for.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Mutex;
use tokio::time::Instant;

/// Asks one part of the provider whether it works; the error is for operators and carries no secret.
pub type Check = Arc<dyn Fn() -> Pin<Box<dyn Future<Output = Result<(), String>> + Send>> + Send + Sync>;

/// What a check found.
type Answer = Result<(), String>;

/// Makes a [`Check`] of an async closure.
pub fn check<F, R>(ask: F) -> Check
where
    F: Fn() -> R + Send + Sync + 'static,
    R: Future<Output = Result<(), String>> + Send + 'static,
{
    Arc::new(move || Box::pin(ask()))
}

/// A [`Check`] that asks at most once in `pause`: whoever asks meanwhile is given the same answer.
pub fn shared(pause: Duration, check: Check) -> Check {
    let last: Arc<Mutex<Option<(Instant, Answer)>>> = Arc::default();
    Arc::new(move || {
        let (last, check) = (Arc::clone(&last), Arc::clone(&check));
        Box::pin(async move {
            // Those who come while it is asked wait for that answer.
            let mut last = last.lock().await;
            if let Some((at, answer)) = &*last
                && at.elapsed() < pause
            {
                return answer.clone();
            }
            let answer = check().await;
            *last = Some((Instant::now(), answer.clone()));
            answer
        })
    })
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;

    #[tokio::test]
    async fn many_who_ask_at_once_share_one_answer_and_the_next_one_is_asked_for_later() {
        let asked = Arc::<AtomicUsize>::default();
        let counter = Arc::clone(&asked);
        let counted = check(move || {
            let count = counter.fetch_add(1, Ordering::SeqCst);
            async move {
                tokio::task::yield_now().await;
                if count == 0 { Err("not yet".to_owned()) } else { Ok(()) }
            }
        });
        let long = shared(Duration::from_secs(3600), Arc::clone(&counted));
        let answers = futures_util::future::join_all((0..20).map(|_| long())).await;
        assert!(answers.iter().all(Result::is_err) && long().await.is_err());
        assert_eq!(asked.load(Ordering::SeqCst), 1);
        let short = shared(Duration::ZERO, counted);
        assert!(short().await.is_ok() && short().await.is_ok());
        assert_eq!(asked.load(Ordering::SeqCst), 3);
    }
}
