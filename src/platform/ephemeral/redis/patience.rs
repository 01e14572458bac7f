//! How long an answer is waited for. A thread that has more to do than it can reads answers late; that is not taken for
//! a Redis that does not answer, or a busy node would refuse everything just when it is needed most.

use std::pin::pin;
use std::time::Duration;

use tokio::time::{Instant, timeout_at};

/// A thread that looks at its timers later than this has been busy.
const LATE: Duration = Duration::from_millis(20);

/// How often a busy thread waits anew.
const TIMES: usize = 8;

/// What `work` yields within `limit`; a thread that was too busy to look in time waits as long again, a few times.
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
