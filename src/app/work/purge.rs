//! What is removed because of its age.

use std::fmt::Display;

use super::{Upkeep, log_failure};
use crate::sign_in::KnownBrowsers;

/// Rows of one batch.
pub(super) const SWEEP: i64 = 2000;

/// Batches of one table at a time, so that the others get their turn.
const BATCHES: u32 = 50;

/// Removes a batch after the other until one is not full.
async fn sweep<E: Display>(event: &'static str, what: &'static str, batch: impl AsyncFn() -> Result<u64, E>) {
    for _ in 0..BATCHES {
        match batch().await {
            // Of the audit log, the last row of a full batch may have to stay.
            Ok(gone) if gone + 1 >= SWEEP.unsigned_abs() => {}
            other => return log_failure(event, what, other),
        }
    }
}

impl Upkeep {
    /// Deletes expired rows in bounded batches, and measures how far behind it is. Nothing goes while the clock is not to be
    /// believed.
    pub(super) async fn purge(&self) {
        let now = match self.clock_check.removal_time().await {
            Ok(Some(now)) => now,
            Ok(None) => return,
            Err(error) => return log_failure::<()>("purge.untimed", "asking for the time", Err(error)),
        };
        let grants = &self.grants;
        sweep("grants.unpurged", "purging grants", async || grants.purge(now, SWEEP).await).await;
        sweep("messages.unpurged", "purging messages", async || self.outbox.purge(now, SWEEP).await).await;
        let kept = now.minus(i64::from(self.notice_days) * 86_400);
        sweep("notices.unpurged", "purging notices", async || self.inbox.purge(kept, SWEEP).await).await;
        if let Some(emails) = &self.emails {
            sweep("mails.unpurged", "purging mails", async || emails.purge(now, SWEEP).await).await;
        }
        sweep("signals.unpurged", "purging security events", async || self.signals.purge(now, SWEEP).await)
            .await;
        let kept = now.minus(i64::from(self.charge_days) * 86_400);
        sweep("charges.unpurged", "purging records of charges", async || {
            self.charges.purge(kept, SWEEP).await
        })
        .await;
        sweep("logouts.unpurged", "purging logout deliveries", async || self.logouts.purge(now, SWEEP).await)
            .await;
        sweep("sessions.unpurged", "purging ended sessions", async || {
            self.sign_in.sessions.ended.purge(now, SWEEP).await
        })
        .await;
        sweep("staff_links.unpurged", "purging links of staff", async || {
            self.staff.purge_links(now, SWEEP).await
        })
        .await;
        sweep("password_links.unpurged", "purging links of first passwords", async || {
            self.passwords.purge_links(now, SWEEP).await
        })
        .await;
        sweep("password_failures.unpurged", "purging wrong passwords", async || {
            self.passwords.purge_failures(now, SWEEP).await
        })
        .await;
        sweep("representations.unpurged", "purging ended certificates of organisations", async || {
            self.representations.purge(now, SWEEP).await
        })
        .await;
        let kept = now.minus(i64::from(self.photo_days) * 86_400);
        sweep("desk_photos.unpurged", "purging photos of revocations", async || {
            self.staff.purge_photos(kept, SWEEP).await
        })
        .await;
        sweep("muted.unpurged", "purging muted services", async || {
            self.sign_in.people.purge_muted(now, SWEEP).await
        })
        .await;
        sweep("approvals.unpurged", "purging decisions on requests to approve", async || {
            self.ciba.purge(now, SWEEP).await
        })
        .await;
        sweep("sign_in_history.unpurged", "purging the history of sign-ins", async || {
            self.sign_in.history.purge(now, self.history_days, SWEEP).await
        })
        .await;
        let kept = now.minus(KnownBrowsers::SECONDS + 86_400);
        sweep("browsers.unpurged", "purging forgotten browsers", async || {
            self.sign_in.forgotten.purge(kept, SWEEP).await
        })
        .await;
        sweep("requests.unpurged", "purging requests that are over", async || {
            self.sign_in.history.purge_waiting(now, SWEEP).await
        })
        .await;
        sweep("audit.unpurged", "purging the audit log", async || {
            self.audit.purge(self.keep_days, SWEEP).await
        })
        .await;
        let expiry = now.minus(i64::from(self.ledger_days) * 86_400);
        sweep("ledger.unpurged", "purging the ledger", async || self.ledger.purge(expiry, SWEEP).await).await;
        let waited = now.minus(i64::from(self.pending_days) * 86_400);
        let removed = self.provider.clients.purge_pending(waited).await;
        log_failure("clients.unpurged", "removing clients that nobody approved", removed);
        match grants.purge_lag(now).await {
            Ok(lag) => {
                self.metrics.purge_lag_seconds.set(lag);
            }
            Err(error) => log_failure::<()>("lag.unknown", "measuring the purge", Err(error)),
        }
    }
}
