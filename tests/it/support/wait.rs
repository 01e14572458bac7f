//! Waiting for conditions, never for time to pass.

use std::time::Duration;

use tokio::time::{Instant, sleep};

/// Timeout of a condition on a busy machine.
const PATIENCE: Duration = Duration::from_secs(60);

/// Polls until there is a value, and panics with `what` on timeout.
pub(crate) async fn until<T>(what: &str, mut ask: impl AsyncFnMut() -> Option<T>) -> T {
    let begun = Instant::now();
    loop {
        if let Some(answer) = ask().await {
            return answer;
        }
        assert!(begun.elapsed() < PATIENCE, "waited in vain for {what}");
        sleep(Duration::from_millis(10)).await;
    }
}
