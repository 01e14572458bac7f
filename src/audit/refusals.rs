//! What was refused, as operators look for it: of one client, or by the code of a problem page.

use serde_json::Value;

use super::{Audit, store};
use crate::platform::clock::Timestamp;
use crate::platform::db::DbError;

/// A request that was refused.
#[derive(Clone, Debug)]
pub struct Refused {
    /// The number of its row.
    pub seq: i64,
    /// When.
    pub at: Timestamp,
    /// The event's name, which names the endpoint.
    pub event: String,
    /// The client, as it said or proved.
    pub client: Option<String>,
    /// The error code of the answer.
    pub error: Option<String>,
    /// Why.
    pub reason: Option<String>,
    /// What was sent against what is registered.
    pub detail: Option<String>,
    /// The `X-Request-Id` of the answer.
    pub request: Option<String>,
}

/// Rows that are read at once when a code is looked for.
const AT_ONCE: i64 = 2000;

/// Rows that are looked through for a code at most.
const MOST: i64 = 200_000;

impl Audit {
    /// The last requests of a client that were refused since a moment, the newest first, `most` at most.
    ///
    /// # Errors
    /// [`DbError`].
    pub async fn refused(&self, client: &str, since: Timestamp, most: i64) -> Result<Vec<Refused>, DbError> {
        // The client is the first field of a row.
        let pattern = format!(
            "{{\"client.id\":\"{}\"%",
            client.replace('!', "!!").replace('_', "!_").replace('%', "!%")
        );
        let rows =
            store::refused(&self.0.db, (i64::MAX, since.0.saturating_mul(1_000_000)), &pattern, most).await?;
        Ok(rows.iter().map(read).collect())
    }

    /// The newest request since a moment that was refused and of which `is_it` is true.
    ///
    /// # Errors
    /// [`DbError`].
    pub async fn find_refused(
        &self,
        since: Timestamp,
        is_it: impl Fn(&Refused) -> bool,
    ) -> Result<Option<Refused>, DbError> {
        let (mut before, mut seen) = (i64::MAX, 0);
        while seen < MOST {
            let from = (before, since.0.saturating_mul(1_000_000));
            let rows = store::refused(&self.0.db, from, "%", AT_ONCE).await?;
            let Some(last) = rows.last() else { return Ok(None) };
            before = last.seq;
            seen += AT_ONCE;
            if let Some(found) = rows.iter().map(read).find(&is_it) {
                return Ok(Some(found));
            }
        }
        Ok(None)
    }
}

fn read(row: &store::RefusedRow) -> Refused {
    let content: Value = serde_json::from_str(&row.content).unwrap_or_default();
    let text = |name: &str| content[name].as_str().map(str::to_owned);
    Refused {
        seq: row.seq,
        at: Timestamp(row.time_us.div_euclid(1_000_000)),
        event: row.event.clone(),
        client: text("client.id"),
        error: text("oidc.error"),
        reason: text("reason"),
        detail: text("detail"),
        request: text("request.id"),
    }
}
