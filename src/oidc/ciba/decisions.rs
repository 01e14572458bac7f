//! SQL of the table `approval_decisions`: what became of each request, decided once. A decision that a person was told of is
//! durable: neither a lost store nor a killed node lets anybody decide again, or leaves the service waiting.

use std::sync::Arc;
use std::time::Duration;

use crate::clients::ClientId;
use crate::grants::GrantDetails;
use crate::platform::bytes::{self, Digest};
use crate::platform::clock::Timestamp;
use crate::platform::db::{self, Db, DbError, Row, Statement};
use crate::platform::seal::Sealer;

use super::ping::Ping;
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

/// A decision that was not recorded, or of which the service was not told: the node that was to do it is gone.
pub(super) struct Untold {
    pub(super) request: Digest,
    pub(super) client: ClientId,
    pub(super) decided: Decided,
    pub(super) ping: Option<Ping>,
}

/// For how long a node has to record a decision and to tell the service, in seconds: longer than all tries take.
const TELLING: i64 = 120;

/// For how long a service is told of a decision at most, waiting for its turn included: less than [`TELLING`].
pub(super) const LONGEST_TELLING: Duration = Duration::from_secs(100);

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
    /// before; then nothing is written. What a person decided is then to be told, by `ping` where the service wants that, and
    /// noted as [`told`](Self::told).
    ///
    /// # Errors
    /// [`DbError`]; when the database became unavailable, nobody knows, and asking again is safe.
    pub(super) async fn decide(
        &self,
        (request, client): (&Digest, &ClientId),
        (verdict, ping): (&Verdict, Option<&Ping>),
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
        let telling = match verdict {
            Verdict::Lapsed => None,
            Verdict::Denied | Verdict::Approved(_) => {
                Some(self.sealer.seal_text(telling(&id).as_bytes(), db::to_json(&ping)?.as_bytes()))
            }
        };
        let insert = db::statement(
            "INSERT INTO approval_decisions (request_id, client_id, decision, sealed, decided_at, until_at, telling, tell_after) \
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8) ON CONFLICT (request_id) DO NOTHING RETURNING request_id",
        )
        .bind(&id)
        .bind(client.as_str())
        .bind(verdict.name())
        .bind(sealed)
        .bind(now.0)
        .bind(until.0)
        .bind(telling)
        .bind(now.plus(TELLING).0);
        Ok(self.db.guarded(insert, then).await?.is_some())
    }

    /// Notes that a decision was recorded and the service told, or that it cannot be.
    ///
    /// # Errors
    /// [`DbError`]; then it is told once more.
    pub(super) async fn told(&self, request: &Digest) -> Result<(), DbError> {
        let told = db::statement("UPDATE approval_decisions SET telling = NULL WHERE request_id = $1");
        self.db.execute(told.bind(request.encode())).await.map(|_| ())
    }

    /// Takes up to `most` decisions that nobody recorded and told in time: each is taken by one caller, and again only when that one
    /// did not finish either.
    ///
    /// # Errors
    /// [`DbError`].
    pub(super) async fn untold(&self, now: Timestamp, most: i64) -> Result<Vec<Untold>, DbError> {
        let any = "SELECT request_id FROM approval_decisions WHERE telling IS NOT NULL AND tell_after <= $1 LIMIT 1";
        if self.db.read_optional(db::statement(any).bind(now.0)).await?.is_none() {
            return Ok(Vec::new());
        }
        let take = "UPDATE approval_decisions SET tell_after = $1 WHERE telling IS NOT NULL AND tell_after <= $2 \
                    AND request_id IN (SELECT request_id FROM approval_decisions WHERE telling IS NOT NULL \
                    AND tell_after <= $3 ORDER BY tell_after LIMIT $4) \
                    RETURNING request_id, client_id, decision, sealed, until_at, telling";
        let take = db::statement(take).bind(now.plus(TELLING).0).bind(now.0).bind(now.0).bind(most);
        let rows = self.db.change_all(take).await?;
        Ok(db::readable(&rows, |row| self.read_untold(row)))
    }

    fn read_untold(&self, row: &Row) -> Result<Untold, DbError> {
        let (id, client) = (db::text(row, TABLE, "request_id")?, db::text(row, TABLE, "client_id")?);
        let plain = self.sealer.open_text(telling(&id).as_bytes(), &db::text(row, TABLE, "telling")?);
        // Where it does not open, the service asks, and the decision is recorded all the same.
        let ping = plain.ok().and_then(|plain| serde_json::from_slice::<Option<Ping>>(&plain).ok());
        Ok(Untold {
            request: digest(&id).ok_or_else(|| row.corrupt(TABLE, "request_id", "it is no digest"))?,
            client: ClientId::parse(&client)
                .ok_or_else(|| row.corrupt(TABLE, "client_id", "it is no identifier"))?,
            decided: self.read(row)?,
            ping: ping.flatten(),
        })
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
                match serde_json::from_slice::<(Option<Digest>, GrantDetails)>(&plain) {
                    Ok((number, details)) => Verdict::Approved(Box::new(Approved { number, details })),
                    // What another version stored counts as lost: the service is told that it expired, and may ask again.
                    Err(error) => {
                        tracing::warn!(
                            event = "ciba.lost",
                            %error,
                            "another version stored an approval: it counts as expired"
                        );
                        Verdict::Lapsed
                    }
                }
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

/// Where it is sealed how a service is told.
fn telling(id: &str) -> String {
    format!("telling/{id}")
}

fn digest(id: &str) -> Option<Digest> {
    bytes::decode(id)?.try_into().ok().map(Digest)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::platform::db::test_db::TestDb;
    use crate::platform::seal::Keyring;

    const NOW: Timestamp = Timestamp(1_795_244_400);

    async fn decisions() -> (Decisions, ClientId, TestDb) {
        let db = TestDb::migrated().await;
        let keyring = Keyring::read_or_create(&db.folder().join("keyring.toml")).unwrap();
        let client = ClientId::parse("counter").unwrap();
        (Decisions::new(db.clone(), keyring.sealer("approval-decision")), client, db)
    }

    #[actix_web::test]
    async fn what_a_killed_node_did_not_tell_is_told_by_one_other() {
        let (decisions, client, _db) = decisions().await;
        let (denied, lapsed) = (Digest::of(b"denied"), Digest::of(b"lapsed"));
        let ping = Ping { auth_req_id: "a".to_owned(), token: "t".to_owned() };
        let times = (NOW, NOW.plus(60));
        let decide = async |request, verdict, ping| {
            decisions.decide((request, &client), (&verdict, ping), times, Vec::new()).await.unwrap()
        };
        assert!(decide(&denied, Verdict::Denied, Some(&ping)).await);
        assert!(decide(&lapsed, Verdict::Lapsed, None).await);
        let untold = async |at| decisions.untold(at, 10).await.unwrap();
        assert!(untold(NOW.plus(TELLING - 1)).await.is_empty(), "the node that took it is at it");
        let taken = untold(NOW.plus(TELLING)).await;
        assert_eq!((taken.len(), taken[0].request), (1, denied), "whoever learns of a lapse records it");
        assert_eq!(taken[0].ping.as_ref().map(|ping| ping.auth_req_id.as_str()), Some("a"));
        assert!(untold(NOW.plus(TELLING)).await.is_empty(), "by one");
        assert_eq!(untold(NOW.plus(2 * TELLING)).await.len(), 1, "that one was killed as well");
        decisions.told(&denied).await.unwrap();
        assert!(untold(NOW.plus(9 * TELLING)).await.is_empty());
        assert!(matches!(decisions.find(&denied, &client).await.unwrap().unwrap().verdict, Verdict::Denied));
    }

    #[actix_web::test]
    async fn an_approval_in_the_shape_of_another_version_counts_as_lost() {
        let (decisions, client, db) = decisions().await;
        let (request, times) = (Digest::of(b"request"), (NOW, NOW.plus(60)));
        let about = (&request, &client);
        decisions.decide(about, (&Verdict::Denied, None), times, Vec::new()).await.unwrap();
        let id = request.encode();
        let sealed = decisions.sealer.seal_text(id.as_bytes(), b"[1, {}]");
        let other = "UPDATE approval_decisions SET decision = 'approved', sealed = $1";
        db.execute(db::statement(other).bind(sealed)).await.unwrap();
        let found = decisions.find(&request, &client).await.unwrap().unwrap();
        assert!(matches!(found.verdict, Verdict::Lapsed));
    }

    #[actix_web::test]
    async fn a_decision_that_cannot_be_read_keeps_back_no_other() {
        let (decisions, client, db) = decisions().await;
        let times = (NOW, NOW.plus(60));
        for request in [Digest::of(b"odd"), Digest::of(b"well")] {
            let about = (&request, &client);
            assert!(decisions.decide(about, (&Verdict::Denied, None), times, Vec::new()).await.unwrap());
        }
        let damage = "UPDATE approval_decisions SET decision = 'none that there is' WHERE request_id = $1";
        db.execute(db::statement(damage).bind(Digest::of(b"odd").encode())).await.unwrap();
        let untold = decisions.untold(NOW.plus(TELLING), 10).await.unwrap();
        assert_eq!(untold.iter().map(|untold| untold.request).collect::<Vec<_>>(), [Digest::of(b"well")]);
    }
}
