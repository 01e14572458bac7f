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

/// How long before midnight a test that counts by the day is not begun, in seconds.
const LATE: i64 = 240;

/// Waits until midnight in Tashkent is past, if it is near: what is counted by the day must not be counted over two of them.
pub(crate) async fn a_whole_day() {
    let left = 86_400 - (super::signer::now() + 5 * 3600).rem_euclid(86_400);
    if left <= LATE {
        sleep(Duration::from_secs(left.unsigned_abs() + 1)).await;
    }
}
