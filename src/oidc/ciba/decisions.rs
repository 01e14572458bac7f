//! SQL of the table `approval_decisions`: what became of each request, decided once. A decision that a person was told of is
//! durable: neither a lost store nor a killed node lets anybody decide again, or leaves the service waiting.

use std::sync::Arc;

use crate::clients::ClientId;
use crate::grants::GrantDetails;
use crate::platform::bytes::Digest;
use crate::platform::clock::Timestamp;
use crate::platform::db::{self, Db, DbError, Row, Statement};
use crate::platform::seal::Sealer;

use super::{Approved, REMEMBERED};

/// What this store keeps its data in.
pub(in crate::oidc) const TABLE: &str = "approval_decisions";

/// What became of a request.
#[derive(Clone, Debug)]
pub(super) enum Verdict {
    /// The person refused.
    Denied,
    /// The service learned that nobody decided in time.
    Lapsed,
    /// The person approved.
    Approved(Box<Approved>),
}

impl Verdict {
    const fn name(&self) -> &'static str {
        match self {
            Self::Denied => "denied",
            Self::Lapsed => "lapsed",
            Self::Approved(_) => "approved",
        }
    }
}

/// A verdict that was stored.
pub(super) struct Decided {
    pub(super) verdict: Verdict,
    /// When the service stops waiting (exclusive).
    pub(super) until: Timestamp,
}

/// The decisions. Cheap to clone.
#[derive(Clone)]
pub(super) struct Decisions {
    db: Db,
    /// Seals what tokens are made of.
    sealer: Arc<Sealer>,
}

impl Decisions {
    pub(super) fn new(db: Db, sealer: Sealer) -> Self {
        Self { db, sealer: Arc::new(sealer) }
    }

    /// Decides on a client's request that ends at `until`, together with `then`, all or nothing. `false` when something was decided
    /// before; then nothing is written.
    ///
    /// # Errors
    /// [`DbError`]; when the database became unavailable, nobody knows, and asking again is safe.
    pub(super) async fn decide(
        &self,
        (request, client): (&Digest, &ClientId),
        verdict: &Verdict,
        (now, until): (Timestamp, Timestamp),
        then: Vec<Statement>,
    ) -> Result<bool, DbError> {
        let id = request.encode();
        let sealed = match verdict {
            Verdict::Approved(approved) => {
                let plain = db::to_json(&(&approved.number, &approved.details))?;
                Some(self.sealer.seal_text(id.as_bytes(), plain.as_bytes()))
            }
            Verdict::Denied | Verdict::Lapsed => None,
        };
        let insert = db::statement(
            "INSERT INTO approval_decisions (request_id, client_id, decision, sealed, decided_at, until_at) \
             VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT (request_id) DO NOTHING RETURNING request_id",
        )
        .bind(&id)
        .bind(client.as_str())
        .bind(verdict.name())
        .bind(sealed)
        .bind(now.0)
        .bind(until.0);
        Ok(self.db.guarded(insert, then).await?.is_some())
    }

    /// What was decided on a client's request, if anything.
    ///
    /// # Errors
    /// [`DbError`].
    pub(super) async fn find(&self, request: &Digest, client: &ClientId) -> Result<Option<Decided>, DbError> {
        let find = db::statement(
            "SELECT request_id, decision, sealed, until_at FROM approval_decisions WHERE request_id = $1 AND client_id = $2",
        );
        let row = self.db.read_optional(find.bind(request.encode()).bind(client.as_str())).await?;
        row.map(|row| self.read(&row)).transpose()
    }

    fn read(&self, row: &Row) -> Result<Decided, DbError> {
        let verdict = match db::text(row, TABLE, "decision")?.as_str() {
            "denied" => Verdict::Denied,
            "lapsed" => Verdict::Lapsed,
            "approved" => {
                let (id, sealed) = (db::text(row, TABLE, "request_id")?, db::text(row, TABLE, "sealed")?);
                let plain = self.sealer.open_text(id.as_bytes(), &sealed);
                let plain = plain.map_err(|error| row.corrupt(TABLE, "sealed", error))?;
                let (number, details): (Digest, GrantDetails) = serde_json::from_slice(&plain)
                    .map_err(|_| row.corrupt(TABLE, "sealed", "it has another shape"))?;
                Verdict::Approved(Box::new(Approved { number, details }))
            }
            _ => return Err(row.corrupt(TABLE, "decision", "it is none that there is")),
        };
        Ok(Decided { verdict, until: Timestamp(db::int(row, TABLE, "until_at")?) })
    }

    /// Removes what no service asks for any more; returns how many rows went.
    ///
    /// # Errors
    /// [`DbError`].
    pub(super) async fn purge(&self, before: Timestamp, most: i64) -> Result<u64, DbError> {
        let purge = db::statement(
            "DELETE FROM approval_decisions WHERE request_id IN \
             (SELECT request_id FROM approval_decisions WHERE until_at < $1 LIMIT $2)",
        );
        self.db.execute(purge.bind(before.minus(REMEMBERED).0).bind(most)).await
    }
}
