//! Giving entries their places in the log: one node by lease, a batch at a time, every second.

use super::{Ledger, Tampering, store};
use crate::platform::db::DbError;
use crate::platform::telemetry;
use crate::platform::tlog::{Appended, Hash};

/// Entries of one batch.
const BATCH: i64 = 1000;

/// Batches of one look.
const BATCHES: usize = 50;

/// Seconds after which an entry that waits is an alarm.
const LATE: i64 = 10;

/// What the task knows from one look to the next.
#[derive(Default)]
pub(super) struct Sequencer {
    late: bool,
    failing: bool,
}

impl Sequencer {
    /// One look: reads the head, and gives places if this node leads. Failures are logged, and tried again at the next look.
    pub(super) async fn look(&mut self, ledger: &Ledger) {
        let cause = ledger.0.metrics.route("ledger");
        let looked = telemetry::on_account_of(&cause, ledger.give_places()).await;
        match looked {
            Ok(waiting_ms) => {
                if self.failing {
                    self.failing = false;
                    tracing::info!(
                        event = "ledger.available",
                        "entries of the ledger get their places again"
                    );
                }
                self.measure(ledger, waiting_ms.div_euclid(1000));
            }
            Err(error) if !self.failing => {
                self.failing = true;
                tracing::warn!(event = "ledger.unsequenced", %error, "entries of the ledger get no places: they wait");
            }
            Err(_) => {}
        }
    }

    fn measure(&mut self, ledger: &Ledger, waiting: i64) {
        ledger.0.metrics.ledger_waiting_seconds.set(waiting);
        if waiting > LATE && !self.late {
            tracing::error!(
                event = "ledger.late",
                count = waiting,
                "an entry of the ledger has waited for its place for so many seconds"
            );
        }
        self.late = waiting > LATE;
    }
}

impl Ledger {
    /// Gives places to entries that wait, if this node leads. Returns for how long the oldest that still waits has done so, in
    /// milliseconds.
    ///
    /// # Errors
    /// [`DbError`].
    pub(super) async fn give_places(&self) -> Result<i64, DbError> {
        let inner = &*self.0;
        let now_ms = inner.clock.now_ms();
        let (mut head, leads) = inner.log.lead(now_ms).await?;
        let mut after = (i64::MIN, String::new());
        for _ in 0..if leads { BATCHES } else { 0 } {
            // Read after the head: what has no place now got none by a change of the head that this one does not know.
            let waiting = store::waiting(&inner.db, &after, BATCH).await?;
            let Some(last) = waiting.last() else { break };
            let full = waiting.len() as i64 == BATCH;
            after = (last.at_ms, last.id.clone());
            let (own, forged): (Vec<_>, Vec<_>) = waiting.into_iter().partition(|row| self.is_own(row));
            for row in forged {
                tracing::error!(
                    event = "ledger.forged",
                    reason = %Tampering::Forged(row.id),
                    "an entry of the ledger gets no place"
                );
            }
            if !own.is_empty() {
                let leaves: Vec<Hash> = own.iter().map(|row| Hash::of_leaf(row.leaf.as_bytes())).collect();
                let names: Vec<&str> = own.iter().map(|row| row.id.as_str()).collect();
                let places = store::place(inner.db.engine(), head.size, &names)?;
                if inner.log.append(&head, &leaves, vec![places]).await? == Appended::No {
                    break;
                }
                inner.metrics.ledger_entries.inc_by(own.len() as u64);
                head = inner.log.head().await?;
            }
            if !full {
                break;
            }
        }
        inner.published.publish(head);
        let oldest = store::oldest_waiting(&inner.db).await?;
        Ok(oldest.map_or(0, |at_ms| now_ms.saturating_sub(at_ms).max(0)))
    }
}
