//! The timeout of a response. An overloaded thread reads responses late; that must not count as a
//! timeout of Redis, or a busy node would fail all requests.

use std::pin::pin;
use std::time::Duration;

use tokio::time::{Instant, timeout_at};

/// A thread whose timers fire later than this was busy.
const LATE: Duration = Duration::from_millis(20);

/// How often the timeout is extended on a busy thread.
const TIMES: usize = 8;

/// The result of `work` within `limit`; on a busy thread the timeout is extended a few times.
pub(super) async fn within<W: Future>(limit: Duration, work: W) -> Option<W::Output> {
    let mut work = pin!(work);
    for _ in 0..TIMES {
        let due = Instant::now() + limit;
        if let Ok(done) = timeout_at(due, &mut work).await {
            return Some(done);
        }
        if Instant::now() < due + LATE {
            return None;
        }
    }
    None
}
