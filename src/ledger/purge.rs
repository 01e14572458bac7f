//! Removing the contents of entries that are older than they have to be kept. Their hashes stay, so everything still verifies.

use super::{Ledger, Tampering, store};
use crate::platform::clock::Timestamp;
use crate::platform::db::DbError;
use crate::platform::tlog::TILE;

/// Why nothing was removed.
#[derive(Debug, thiserror::Error)]
pub enum PurgeError {
    /// The database.
    #[error(transparent)]
    Db(#[from] DbError),
    /// The entries are not what was written: removing them would remove the trace of that.
    #[error("{0}: nothing is removed; run `yagona ledger verify`")]
    Tampered(#[from] Tampering),
}

impl Ledger {
    /// Removes the contents of entries of before `expiry`, from the first place on, `most` at most; returns how many went. An entry that
    /// was written late keeps those after it a little longer.
    ///
    /// # Errors
    /// [`PurgeError`]: what does not verify is not removed.
    pub async fn purge(&self, expiry: Timestamp, most: i64) -> Result<u64, PurgeError> {
        let (inner, expiry_ms) = (&*self.0, expiry.0.saturating_mul(1000));
        let head = inner.log.head().await?;
        // Nearly always nothing has expired: the oldest entry tells.
        let Some(first) = store::from_place(&inner.db, head.base, 1).await?.pop() else { return Ok(0) };
        if first.at_ms >= expiry_ms {
            return Ok(0);
        }
        if !inner.log.is_base_authentic(&head) {
            return Err(Tampering::Log(crate::platform::tlog::Finding::Base(head.base)).into());
        }
        let rows = store::from_place(&inner.db, head.base, most).await?;
        let mut to = head.base;
        let mut tile = (u64::MAX, Vec::new());
        for row in rows.iter().take_while(|row| row.at_ms < expiry_ms) {
            if row.position != Some(to.cast_signed()) {
                return Err(Tampering::Removed(to).into());
            }
            let number = to / TILE as u64;
            if tile.0 != number {
                let width = (head.size - number * TILE as u64).min(TILE as u64) as usize;
                tile = (number, inner.log.tile((0, number), width).await?.unwrap_or_default());
            }
            let hash = tile.1.get((to % TILE as u64) as usize);
            if !hash.is_some_and(|hash| self.is_leaf(row, *hash)) {
                return Err(Tampering::Changed(to).into());
            }
            to += 1;
        }
        if to == head.base {
            return Ok(0);
        }
        let remove = store::remove(head.base, to);
        let cut = inner.db.guarded(inner.log.cut(&head, to), vec![remove]).await?;
        // Otherwise another node is at it.
        Ok(if cut.is_some() { to - head.base } else { 0 })
    }
}
