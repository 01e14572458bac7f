//! SQL of what the table `clients` says of registrations by services themselves.

use super::Standing;
use super::tokens::InitialToken;
use crate::clients::{Registration, SecretDigest};
use crate::platform::bytes::Digest;
use crate::platform::clock::Timestamp;
use crate::platform::db::{self, Db, DbError, Row, Statement};

const TABLE: &str = "clients";

/// A client with what it, or an operator, decides by.
pub(super) struct Own {
    pub(super) client_id: String,
    /// The stored document, to the letter: a change is made to what was read, or not at all.
    metadata: String,
    pub(super) management: Option<Digest>,
    pub(super) secret: Option<SecretDigest>,
    pub(super) created_at: Timestamp,
    pub(super) pending: bool,
    /// The change that waits.
    held: Option<String>,
    /// Whether it registered by a token whose clients need no approval.
    pub(super) trusted: bool,
}

impl Own {
    pub(super) fn registration(&self) -> Result<Registration, DbError> {
        serde_json::from_str(&self.metadata).map_err(DbError::statement)
    }

    /// The registration that it would like to have.
    pub(super) fn change(&self) -> Result<Option<Registration>, DbError> {
        self.held.as_deref().map(serde_json::from_str).transpose().map_err(DbError::statement)
    }

    /// What an operator is to look at: the registration of a pending client, or the change of an approved one.
    pub(super) fn under_review(&self) -> Option<&str> {
        if self.pending { Some(&self.metadata) } else { self.held.as_deref() }
    }

    pub(super) const fn standing(&self) -> Standing {
        match (self.pending, &self.held) {
            (true, _) => Standing::Pending,
            (false, Some(_)) => Standing::ChangePending,
            (false, None) => Standing::Approved,
        }
    }
}

/// What is stored of a new client besides its registration.
pub(super) struct NewClient<'a> {
    pub(super) token: &'a InitialToken,
    pub(super) management: Digest,
    pub(super) pending: bool,
    pub(super) most_pending: i64,
}

/// The statement that reads clients by `$condition`.
macro_rules! select {
    ($condition:literal) => {
        concat!(
            "SELECT client_id, metadata, management_digest, secret_digest, created_at, pending_at, held_metadata, \
             COALESCE((SELECT approved FROM registration_tokens WHERE token_id = clients.registration_token \
             AND revoked_at IS NULL), 0) AS trusted FROM clients WHERE deleted_at IS NULL AND ",
            $condition
        )
    };
}

/// The client of that identifier.
pub(super) async fn own(db: &Db, id: &str) -> Result<Option<Own>, DbError> {
    let row = db.read_optional(db::statement(select!("client_id = $1")).bind(id)).await?;
    row.map(|row| read(&row)).transpose()
}

/// All clients that wait for an operator, or whose change does.
pub(super) async fn waiting(db: &Db) -> Result<Vec<Own>, DbError> {
    let sql = select!("(pending_at IS NOT NULL OR held_at IS NOT NULL) ORDER BY client_id");
    db.read_all(db::statement(sql)).await?.iter().map(read).collect()
}

fn read(row: &Row) -> Result<Own, DbError> {
    let digest = db::maybe_text(row, TABLE, "management_digest")?;
    Ok(Own {
        client_id: db::text(row, TABLE, "client_id")?,
        metadata: db::text(row, TABLE, "metadata")?,
        management: digest.and_then(|text| Digest::try_from(text).ok()),
        secret: db::maybe_text(row, TABLE, "secret_digest")?.as_deref().and_then(SecretDigest::decode),
        created_at: Timestamp(db::int(row, TABLE, "created_at")?),
        pending: db::maybe_int(row, TABLE, "pending_at")?.is_some(),
        held: db::maybe_text(row, TABLE, "held_metadata")?,
        trusted: db::int(row, TABLE, "trusted")? == 1,
    })
}

/// Uses the token once and stores the client by `upsert`, both or neither. `false` when the token cannot be used any more, or
/// as many clients as may wait for approval.
pub(super) async fn insert(
    db: &Db,
    id: &str,
    upsert: Statement,
    new: &NewClient<'_>,
    now: Timestamp,
) -> Result<bool, DbError> {
    let guard = db::statement(
        "UPDATE registration_tokens SET used = used + 1 WHERE token_id = $1 AND used < uses AND expires_at > $2 \
         AND revoked_at IS NULL AND ($3 = 0 OR (SELECT COUNT(*) FROM clients WHERE pending_at IS NOT NULL) < $4) \
         RETURNING token_id",
    )
    .bind(&new.token.id)
    .bind(now.0)
    .bind(i64::from(new.pending))
    .bind(new.most_pending);
    let own = db::statement(
        "UPDATE clients SET registration_token = $1, management_digest = $2, pending_at = $3 WHERE client_id = $4",
    )
    .bind(&new.token.id)
    .bind(new.management.encode())
    .bind(new.pending.then_some(now.0))
    .bind(id);
    Ok(db.guarded(guard, vec![upsert, own]).await?.is_some())
}

/// Stores a registration by `upsert`, if nobody changed or approved it since it was read.
pub(super) async fn replace(db: &Db, own: &Own, upsert: Statement) -> Result<bool, DbError> {
    Ok(db.guarded(unchanged(own), vec![upsert]).await?.is_some())
}

/// Touches the client if it is as it was read.
fn unchanged(own: &Own) -> Statement {
    db::statement(
        "UPDATE clients SET updated_at_ms = updated_at_ms + 1 WHERE client_id = $1 AND metadata = $2 \
         AND deleted_at IS NULL AND (CASE WHEN pending_at IS NULL THEN 0 ELSE 1 END) = $3 RETURNING client_id",
    )
    .bind(&own.client_id)
    .bind(&own.metadata)
    .bind(i64::from(own.pending))
}

/// Keeps a change until an operator decides; it replaces one that waits already.
pub(super) async fn hold(db: &Db, own: &Own, change: &Registration, now: Timestamp) -> Result<bool, DbError> {
    let change = db::to_json(change)?;
    let held = db::statement("UPDATE clients SET held_metadata = $1, held_at = $2 WHERE client_id = $3")
        .bind(change)
        .bind(now.0)
        .bind(&own.client_id);
    Ok(db.guarded(unchanged(own), vec![held]).await?.is_some())
}

/// Forgets a change that waits; whether there was one.
pub(super) async fn drop_held(db: &Db, id: &str) -> Result<bool, DbError> {
    let sql = "UPDATE clients SET held_metadata = NULL, held_at = NULL WHERE client_id = $1 AND held_at IS NOT NULL";
    Ok(db.execute(db::statement(sql).bind(id)).await? == 1)
}

/// Lets a client meet people, if it waits and is as it was read.
pub(super) async fn approve(db: &Db, own: &Own, now_ms: i64) -> Result<bool, DbError> {
    let sql = "UPDATE clients SET pending_at = NULL, updated_at_ms = $1 WHERE client_id = $2 AND metadata = $3 \
               AND pending_at IS NOT NULL AND deleted_at IS NULL";
    let statement = db::statement(sql).bind(now_ms).bind(&own.client_id).bind(&own.metadata);
    Ok(db.execute(statement).await? == 1)
}

/// Makes the change that waits by `upsert`, if it is the one that was read.
pub(super) async fn approve_change(db: &Db, own: &Own, upsert: Statement) -> Result<bool, DbError> {
    let guard = db::statement(
        "UPDATE clients SET held_metadata = NULL, held_at = NULL WHERE client_id = $1 AND held_metadata = $2 \
         AND metadata = $3 AND deleted_at IS NULL RETURNING client_id",
    );
    let guard = guard.bind(&own.client_id).bind(own.held.as_deref()).bind(&own.metadata);
    Ok(db.guarded(guard, vec![upsert]).await?.is_some())
}

/// Removes a client that waits for approval: nobody has met it.
pub(super) async fn remove_pending(db: &Db, id: &str) -> Result<bool, DbError> {
    let sql = "DELETE FROM clients WHERE client_id = $1 AND pending_at IS NOT NULL";
    Ok(db.execute(db::statement(sql).bind(id)).await? == 1)
}

/// Removes clients that have waited since before `before`, and tokens that had expired by then and have no client.
pub(super) async fn purge(db: &Db, before: Timestamp) -> Result<Vec<String>, DbError> {
    let sql = "DELETE FROM clients WHERE pending_at IS NOT NULL AND pending_at < $1 RETURNING client_id";
    let gone = db.change_all(db::statement(sql).bind(before.0)).await?;
    let sql = "DELETE FROM registration_tokens WHERE expires_at < $1 AND NOT EXISTS \
               (SELECT 1 FROM clients WHERE clients.registration_token = registration_tokens.token_id)";
    db.execute(db::statement(sql).bind(before.0)).await?;
    gone.iter().map(|row| db::text(row, TABLE, "client_id")).collect()
}
