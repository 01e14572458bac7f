//! SQL of what the table `clients` says of registrations by services themselves.

use super::Standing;
use super::members::Template;
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
    /// Whether an operator disabled it.
    pub(super) disabled: bool,
    /// The change that waits.
    held: Option<String>,
    /// Whether it registered by a token whose clients need no approval.
    pub(super) trusted: bool,
    /// What the token that it registered by gives all its clients.
    pub(super) template: Template,
    /// The icon that waits with it, or with its change.
    pub(super) icon: Option<HeldIcon>,
}

/// An icon that waits, without its body.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct HeldIcon {
    /// Where it was fetched from.
    pub uri: String,
    /// Digest of its body.
    pub digest: String,
}

impl Own {
    pub(super) fn registration(&self) -> Result<Registration, DbError> {
        serde_json::from_str(&self.metadata).map_err(DbError::statement)
    }

    /// The registration that it would like to have.
    pub(super) fn change(&self) -> Result<Option<Registration>, DbError> {
        self.held.as_deref().map(serde_json::from_str).transpose().map_err(DbError::statement)
    }

    /// Whether an operator is to look at it: it waits, or a change of it does.
    pub(super) const fn is_under_review(&self) -> bool {
        self.pending || self.held.is_some()
    }

    fn icon_digest(&self) -> &str {
        self.icon.as_ref().map_or("", |icon| &icon.digest)
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

/// The list by which registrations are counted: each takes its number, so that none counts what another one changes.
const REGISTRATIONS: &str = "registrations";

/// What the next registration by a token would be, at one moment.
pub(super) struct Room {
    seq: i64,
    /// Whether the token can be used.
    pub(super) usable: bool,
    /// Clients that wait.
    pub(super) pending: i64,
    /// Those of them that registered by this token.
    pub(super) of_token: i64,
}

/// The statement that reads clients by `$condition`.
macro_rules! select {
    ($condition:literal) => {
        concat!(
            "SELECT clients.client_id AS client_id, metadata, management_digest, secret_digest, clients.created_at AS created_at, \
             pending_at, disabled_at, barred_at, held_metadata, approved, revoked_at, members, uri, digest_of_icon \
             FROM clients LEFT JOIN registration_tokens ON registration_tokens.token_id = clients.registration_token \
             LEFT JOIN (SELECT client_id AS icon_of, uri, digest AS digest_of_icon FROM held_icons) icons \
             ON icons.icon_of = clients.client_id WHERE clients.deleted_at IS NULL AND ",
            $condition
        )
    };
}

/// The client of that identifier.
pub(super) async fn own(db: &Db, id: &str) -> Result<Option<Own>, DbError> {
    let row = db.read_optional(db::statement(select!("clients.client_id = $1")).bind(id)).await?;
    row.map(|row| read(&row)).transpose()
}

/// All clients that wait for an operator, or whose change does.
pub(super) async fn waiting(db: &Db) -> Result<Vec<Own>, DbError> {
    let sql = select!("(pending_at IS NOT NULL OR held_at IS NOT NULL) ORDER BY clients.client_id");
    db.read_all(db::statement(sql)).await?.iter().map(read).collect()
}

fn read(row: &Row) -> Result<Own, DbError> {
    let digest = db::maybe_text(row, TABLE, "management_digest")?;
    let since = |column| db::maybe_int(row, TABLE, column).map(|at| at.is_some());
    let pending = since("pending_at")?;
    let template = match db::maybe_text(row, TABLE, "members")? {
        None => Template::default(),
        Some(text) => Template::of(serde_json::from_str(&text).map_err(DbError::statement)?),
    };
    let uri = db::maybe_text(row, "held_icons", "uri")?;
    let icon = uri.zip(db::maybe_text(row, "held_icons", "digest_of_icon")?);
    Ok(Own {
        client_id: db::text(row, TABLE, "client_id")?,
        metadata: db::text(row, TABLE, "metadata")?,
        management: digest.and_then(|text| Digest::try_from(text).ok()),
        secret: db::maybe_text(row, TABLE, "secret_digest")?.as_deref().and_then(SecretDigest::decode),
        created_at: Timestamp(db::int(row, TABLE, "created_at")?),
        pending,
        disabled: if pending { since("barred_at")? } else { since("disabled_at")? },
        held: db::maybe_text(row, TABLE, "held_metadata")?,
        trusted: db::maybe_int(row, TABLE, "approved")? == Some(1) && !since("revoked_at")?,
        template,
        icon: icon.map(|(uri, digest)| HeldIcon { uri, digest }),
    })
}

/// What the next registration by the token of that identifier would be.
pub(super) async fn room(db: &Db, token: &str, now: Timestamp) -> Result<Room, DbError> {
    let statement = db::statement(
        "SELECT seq, (SELECT COUNT(*) FROM registration_tokens WHERE token_id = $1 AND used < uses AND expires_at > $2 \
         AND revoked_at IS NULL) AS usable, (SELECT COUNT(*) FROM clients WHERE pending_at IS NOT NULL) AS pending, \
         (SELECT COUNT(*) FROM clients WHERE pending_at IS NOT NULL AND registration_token = $3) AS of_token \
         FROM sequences WHERE list = $4",
    );
    let row = db.read_one(statement.bind(token).bind(now.0).bind(token).bind(REGISTRATIONS)).await?;
    let number = |column| db::int(&row, TABLE, column);
    Ok(Room {
        seq: number("seq")?,
        usable: number("usable")? == 1,
        pending: number("pending")?,
        of_token: number("of_token")?,
    })
}

/// Uses the token once and stores the client by `upsert`, both or neither, if `room` is still what it was. `false` when
/// somebody registered in between, or the token was revoked.
pub(super) async fn insert(
    db: &Db,
    (id, upsert): (&str, Statement),
    new: &NewClient<'_>,
    room: &Room,
    now: Timestamp,
) -> Result<bool, DbError> {
    let guard = db::statement(
        "UPDATE sequences SET seq = seq + 1 WHERE list = $1 AND seq = $2 AND EXISTS (SELECT 1 FROM registration_tokens \
         WHERE token_id = $3 AND used < uses AND expires_at > $4 AND revoked_at IS NULL) RETURNING seq",
    )
    .bind(REGISTRATIONS)
    .bind(room.seq)
    .bind(&new.token.id)
    .bind(now.0);
    let used = db::statement("UPDATE registration_tokens SET used = used + 1 WHERE token_id = $1")
        .bind(&new.token.id);
    let own = db::statement(
        "UPDATE clients SET registration_token = $1, management_digest = $2, pending_at = $3, disabled_at = $4 \
         WHERE client_id = $5",
    )
    .bind(&new.token.id)
    .bind(new.management.encode())
    .bind(new.pending.then_some(now.0))
    .bind(new.pending.then_some(now.0))
    .bind(id);
    Ok(db.guarded(guard, vec![used, upsert, own]).await?.is_some())
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
    let sql = "UPDATE clients SET held_metadata = NULL, held_at = NULL WHERE client_id = $1 AND held_at IS NOT NULL \
               RETURNING client_id";
    Ok(db.guarded(db::statement(sql).bind(id), vec![drop_icon(id)]).await?.is_some())
}

/// Lets a client meet people with the icon that was looked at, if it waits and both are as they were read. One that an operator
/// disabled meanwhile stays disabled.
pub(super) async fn approve(db: &Db, own: &Own, then: Vec<Statement>, now_ms: i64) -> Result<bool, DbError> {
    let guard = db::statement(
        "UPDATE clients SET pending_at = NULL, disabled_at = barred_at, barred_at = NULL, updated_at_ms = $1 \
         WHERE client_id = $2 AND metadata = $3 AND pending_at IS NOT NULL AND deleted_at IS NULL AND \
         COALESCE((SELECT digest FROM held_icons WHERE held_icons.client_id = clients.client_id), '') = $4 \
         RETURNING client_id",
    );
    let guard = guard.bind(now_ms).bind(&own.client_id).bind(&own.metadata).bind(own.icon_digest());
    let then = take_icon(own).into_iter().chain(then).collect();
    Ok(db.guarded(guard, then).await?.is_some())
}

/// Makes the change that waits by `changes`, with its icon, if both are those that were read.
pub(super) async fn approve_change(db: &Db, own: &Own, changes: Vec<Statement>) -> Result<bool, DbError> {
    let guard = db::statement(
        "UPDATE clients SET held_metadata = NULL, held_at = NULL WHERE client_id = $1 AND held_metadata = $2 \
         AND metadata = $3 AND deleted_at IS NULL AND \
         COALESCE((SELECT digest FROM held_icons WHERE held_icons.client_id = clients.client_id), '') = $4 \
         RETURNING client_id",
    );
    let guard =
        guard.bind(&own.client_id).bind(own.held.as_deref()).bind(&own.metadata).bind(own.icon_digest());
    let mut then = take_icon(own);
    then.extend(changes);
    Ok(db.guarded(guard, then).await?.is_some())
}

/// What makes the icon that waits that of its client.
fn take_icon(own: &Own) -> Vec<Statement> {
    let drop = drop_icon(&own.client_id);
    if own.icon.is_none() {
        return vec![drop];
    }
    let take = db::statement(
        "INSERT INTO client_icons (client_id, uri, digest, media_type, body, fetched_at) \
         SELECT client_id, uri, digest, media_type, body, fetched_at FROM held_icons WHERE client_id = $1 AND digest = $2 \
         ON CONFLICT (client_id) DO UPDATE SET uri = excluded.uri, digest = excluded.digest, \
         media_type = excluded.media_type, body = excluded.body, fetched_at = excluded.fetched_at",
    );
    vec![take.bind(&own.client_id).bind(own.icon_digest()), drop]
}

/// Forgets the icon that waits.
fn drop_icon(id: &str) -> Statement {
    db::statement("DELETE FROM held_icons WHERE client_id = $1").bind(id)
}

/// Keeps an icon, with its media type and its body in base64, until an operator decides; without one, forgets what waits.
pub(super) async fn hold_icon(
    db: &Db,
    id: &str,
    icon: Option<(HeldIcon, &str, String)>,
    now: Timestamp,
) -> Result<(), DbError> {
    let Some((icon, media_type, body)) = icon else {
        db.execute(drop_icon(id)).await?;
        return Ok(());
    };
    let put = db::statement(
        "INSERT INTO held_icons (client_id, uri, digest, media_type, body, fetched_at) VALUES ($1, $2, $3, $4, $5, $6) \
         ON CONFLICT (client_id) DO UPDATE SET uri = excluded.uri, digest = excluded.digest, \
         media_type = excluded.media_type, body = excluded.body, fetched_at = excluded.fetched_at",
    );
    let put = put.bind(id).bind(icon.uri).bind(icon.digest).bind(media_type).bind(body).bind(now.0);
    db.execute(put).await?;
    Ok(())
}

/// Removes a client that waits for approval: nobody has met it.
pub(super) async fn remove_pending(db: &Db, id: &str) -> Result<bool, DbError> {
    let sql = "DELETE FROM clients WHERE client_id = $1 AND pending_at IS NOT NULL RETURNING client_id";
    Ok(db.guarded(db::statement(sql).bind(id), vec![drop_icon(id)]).await?.is_some())
}

/// Removes clients that have waited since before `before`, and tokens that had expired by then and have no client.
pub(super) async fn purge(db: &Db, before: Timestamp) -> Result<Vec<String>, DbError> {
    let sql = "DELETE FROM clients WHERE pending_at IS NOT NULL AND pending_at < $1 RETURNING client_id";
    let gone = db.change_all(db::statement(sql).bind(before.0)).await?;
    let sql = "DELETE FROM held_icons WHERE NOT EXISTS \
               (SELECT 1 FROM clients WHERE clients.client_id = held_icons.client_id)";
    db.execute(db::statement(sql)).await?;
    let sql = "DELETE FROM registration_tokens WHERE expires_at < $1 AND NOT EXISTS \
               (SELECT 1 FROM clients WHERE clients.registration_token = registration_tokens.token_id)";
    db.execute(db::statement(sql).bind(before.0)).await?;
    gone.iter().map(|row| db::text(row, TABLE, "client_id")).collect()
}
