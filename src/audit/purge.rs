//! Removing what is older than it has to be kept, so that what stays still verifies.

use super::chain::Link;
use super::store::{self, Base};
use super::verify::{self, Tampering};
use super::{Audit, Event, Kind};
use crate::platform::clock::Timestamp;
use crate::platform::db::DbError;

/// Why nothing was removed.
#[derive(Debug, thiserror::Error)]
pub enum PurgeError {
    /// The database.
    #[error(transparent)]
    Db(#[from] DbError),
    /// The rows are not what was written: removing them would remove the trace of that.
    #[error("{0}: nothing is removed; run `yagona audit verify`")]
    Tampered(#[from] Tampering),
}

pub(super) async fn run(audit: &Audit, keep_days: u32, most: i64) -> Result<u64, PurgeError> {
    let inner = &*audit.0;
    let base = store::base(&inner.db).await?;
    // Nearly always nothing has expired: the oldest row tells.
    let Some(oldest) = store::rows_after(&inner.db, base.link.seq, 1).await?.pop() else { return Ok(0) };
    let expiry = now(audit).await?.minus(i64::from(keep_days) * 86_400).0.saturating_mul(1_000_000);
    if oldest.time_us >= expiry {
        return Ok(0);
    }
    verify::check_base(&inner.keys, &base)?;
    // What has no place in the tree yet would leave a hole in it.
    let placed = inner.tree.log().head().await?.size.cast_signed();
    let rows = store::rows_after(&inner.db, base.link.seq, most).await?;
    let mut last = base.link.clone();
    for row in rows.iter().take_while(|row| row.time_us < expiry && row.seq <= placed) {
        verify::check_row(&inner.keys, &last, row)?;
        last = Link { seq: row.seq, hash: row.hash.clone() };
    }
    // The last row of all is never removed: the chain goes on from it.
    if last.seq >= store::end(&inner.db).await?.seq && last.seq > base.link.seq {
        let Some(before) = rows.iter().rev().find(|row| row.seq < last.seq) else { return Ok(0) };
        last = Link { seq: before.seq, hash: before.hash.clone() };
    }
    let gone = last.seq - base.link.seq;
    if gone <= 0 {
        return Ok(0);
    }
    let new = Base { mac: inner.keys.base(&last), link: last };
    if !store::cut(&inner.db, &base, &new).await? {
        // Another node is at it.
        return Ok(0);
    }
    audit.record(Event::new(Kind::Purged).seq(new.link.seq).count(gone));
    Ok(gone.unsigned_abs())
}

/// The time by the node and by the database, whichever is earlier: a node whose clock is ahead must not remove what has to
/// be kept. In the sandbox the clock that tests move decides.
async fn now(audit: &Audit) -> Result<Timestamp, DbError> {
    let (clock, db) = (&audit.0.clock, &audit.0.db);
    if clock.is_movable() {
        return Ok(clock.now());
    }
    Ok(clock.now().min(db.server_time().await?))
}
