//! The rows of the chain as leaves of a transparency log (`platform/tlog`), so that whoever has kept one of its signed checkpoints
//! finds what was changed, removed or reordered, also by somebody who has the keyring.
//!
//! The leaf of a row is its hash in the chain, a keyed digest: published hashes tell nothing of it, and the chain says what it stands
//! for. Row 1 has the first place, and each row the place after the one before it. One node gives places, by lease, every second.

use super::{Inner, store};
use crate::platform::db::DbError;
use crate::platform::telemetry;
use crate::platform::tlog::{Appended, Hash};

/// The name of the log in the tables, what ends its name to others, and where it is published below the issuer.
pub const LOG: &str = "audit";

/// Rows that get their places in one commit.
const BATCH: i64 = 4096;

/// Commits of one look.
const BATCHES: usize = 50;

/// What the task knows from one look to the next.
#[derive(Default)]
pub(super) struct Sequencer {
    failing: bool,
}

impl Sequencer {
    /// One look: gives places if this node leads, and follows what is published. Failures are logged, and tried again at the next look.
    pub(super) async fn look(&mut self, inner: &Inner) {
        let cause = inner.metrics.route("audit");
        match telemetry::on_account_of(&cause, give_places(inner)).await {
            Ok(waiting) => {
                inner.metrics.audit_unplaced.set(waiting);
                if std::mem::take(&mut self.failing) {
                    tracing::info!(
                        event = "audit.sequenced",
                        "rows of the audit log get their places in its tree again"
                    );
                }
            }
            Err(error) if !self.failing => {
                self.failing = true;
                tracing::warn!(event = "audit.unsequenced", %error, "rows of the audit log get no places in its tree: they wait");
            }
            Err(_) => {}
        }
    }
}

/// Gives places to the rows after the last one that has its own, if this node leads. Returns how many rows of the chain still wait.
pub(super) async fn give_places(inner: &Inner) -> Result<i64, DbError> {
    let log = inner.tree.log();
    let (mut head, leads) = log.lead(inner.clock.now_ms()).await?;
    for _ in 0..if leads { BATCHES } else { 0 } {
        let leaves = leaves(inner, head.size).await?;
        if leaves.is_empty() || log.append(&head, &leaves, Vec::new()).await? == Appended::No {
            break;
        }
        head = log.head().await?;
    }
    let size = head.size.cast_signed();
    inner.tree.publish(head);
    Ok((store::end(&inner.db).await?.seq - size).max(0))
}

/// The leaves from a place on, a batch at most. Where rows had expired before there was a tree, nothing is known of them: theirs are empty.
async fn leaves(inner: &Inner, size: u64) -> Result<Vec<Hash>, DbError> {
    let (from, base) = (size.cast_signed(), store::base(&inner.db).await?.link.seq);
    if from < base {
        let expired = (base - from).min(BATCH) as usize;
        return Ok(vec![nothing(); expired]);
    }
    let mut leaves = Vec::new();
    for (seq, hash) in store::hashes_after(&inner.db, from, BATCH).await? {
        if seq != from + 1 + leaves.len() as i64 {
            break;
        }
        leaves.push(of_row(&hash));
    }
    Ok(leaves)
}

/// The leaf of a row with this hash in the chain.
pub(super) fn of_row(hash: &str) -> Hash {
    Hash::of_leaf(hash.as_bytes())
}

/// The leaf of a row that had expired before there was a tree.
pub(super) fn nothing() -> Hash {
    Hash::of_leaf(b"")
}
