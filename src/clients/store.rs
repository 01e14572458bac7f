//! SQL of the table `clients`.

use std::collections::HashSet;

use super::{Registration, SecretDigest, contracts, dynamic};
use crate::platform::clock::Timestamp;
use crate::platform::db::{self, Db, DbError, Row, Statement};

/// What this store keeps its data in.
pub(crate) const TABLES: &[&str] = &[
    TABLE,
    ICONS,
    dynamic::TABLES[0],
    dynamic::TABLES[1],
    contracts::TABLES[0],
    contracts::TABLES[1],
    contracts::TABLES[2],
];

const TABLE: &str = "clients";
const ICONS: &str = "client_icons";

/// A stored client.
pub(super) struct StoredClient {
    pub(super) client_id: String,
    /// What was registered; an error if the row is malformed, which concerns no other client.
    pub(super) registration: Result<Registration, DbError>,
    pub(super) secret: Option<SecretDigest>,
    /// The secret before that one, and until when it works.
    pub(super) former_secret: Option<(SecretDigest, Timestamp)>,
    /// The two secrets themselves, sealed, of a client that signs with them.
    pub(super) sealed: Option<String>,
    pub(super) former_sealed: Option<String>,
    /// Since when an operator has disabled it.
    pub(super) disabled_at: Option<Timestamp>,
    /// Whether it registered itself and nobody has approved it.
    pub(super) pending: bool,
}

pub(super) async fn all(db: &Db) -> Result<Vec<StoredClient>, DbError> {
    let rows = db
        .read_all(db::statement(
            "SELECT client_id, metadata, secret_digest, former_secret_digest, former_secret_until, secret_sealed, \
             former_secret_sealed, disabled_at, pending_at, barred_at FROM clients WHERE deleted_at IS NULL ORDER BY client_id",
        ))
        .await?;
    Ok(rows.iter().map(stored).collect())
}

fn stored(row: &Row) -> StoredClient {
    let mut client = StoredClient {
        client_id: String::new(),
        registration: db::json(row, TABLE, "metadata"),
        secret: None,
        former_secret: None,
        sealed: None,
        former_sealed: None,
        disabled_at: None,
        pending: true,
    };
    if let Err(error) = read_columns(row, &mut client) {
        client.registration = Err(error);
    }
    client
}

fn read_columns(row: &Row, client: &mut StoredClient) -> Result<(), DbError> {
    let digest = |column| {
        db::maybe_text(row, TABLE, column).map(|text| text.as_deref().and_then(SecretDigest::decode))
    };
    client.client_id = db::text(row, TABLE, "client_id")?;
    client.secret = digest("secret_digest")?;
    let until = db::maybe_int(row, TABLE, "former_secret_until")?.map(Timestamp);
    client.former_secret = digest("former_secret_digest")?.zip(until);
    client.sealed = db::maybe_text(row, TABLE, "secret_sealed")?;
    client.former_sealed = db::maybe_text(row, TABLE, "former_secret_sealed")?;
    client.pending = db::maybe_int(row, TABLE, "pending_at")?.is_some();
    // Whoever waits is disabled for that reason alone; what an operator said stands apart.
    let disabled = if client.pending { "barred_at" } else { "disabled_at" };
    client.disabled_at = db::maybe_int(row, TABLE, disabled)?.map(Timestamp);
    Ok(())
}

/// Stores a registration; with `secret` also its new secret, otherwise the former one stays; with `disabled` also whether it
/// is disabled. A client whose method has no secret keeps none, so that an old one does not come back with another method. Sealed
/// secrets are kept for a client that signs with its secret alone.
pub(super) fn upsert(
    registration: &Registration,
    (secret, sealed): (Option<&SecretDigest>, Option<&str>),
    disabled: Option<bool>,
    now_ms: i64,
) -> Result<Statement, DbError> {
    let metadata = db::to_json(registration)?;
    let switched = disabled.map_or(-1, i64::from);
    Ok(db::statement(
        "INSERT INTO clients (client_id, metadata, secret_digest, created_at, updated_at_ms, disabled_at, \
         secret_sealed) VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT (client_id) DO UPDATE SET metadata = excluded.metadata, \
         secret_digest = CASE $8 WHEN 1 THEN COALESCE(excluded.secret_digest, clients.secret_digest) END, \
         former_secret_digest = CASE WHEN $9 = 1 AND excluded.secret_digest IS NULL THEN clients.former_secret_digest END, \
         secret_sealed = CASE $10 WHEN 1 THEN COALESCE(excluded.secret_sealed, clients.secret_sealed) END, \
         former_secret_sealed = CASE WHEN $11 = 1 AND excluded.secret_digest IS NULL THEN clients.former_secret_sealed END, \
         disabled_at = CASE WHEN clients.pending_at IS NOT NULL OR $12 = -1 THEN clients.disabled_at WHEN $13 = 0 THEN NULL \
         ELSE COALESCE(clients.disabled_at, excluded.disabled_at) END, \
         barred_at = CASE WHEN clients.pending_at IS NULL OR $14 = 0 THEN NULL WHEN $15 = -1 THEN clients.barred_at \
         ELSE COALESCE(clients.barred_at, excluded.disabled_at) END, updated_at_ms = excluded.updated_at_ms \
         WHERE clients.deleted_at IS NULL",
    )
    .bind(&registration.client_id)
    .bind(metadata)
    .bind(secret.map(SecretDigest::encode))
    .bind(now_ms / 1000)
    .bind(now_ms)
    .bind((disabled == Some(true)).then_some(now_ms / 1000))
    .bind(sealed)
    .bind(i64::from(registration.authentication.has_secret()))
    .bind(i64::from(registration.authentication.has_secret()))
    .bind(i64::from(registration.authentication.signs_with_secret()))
    .bind(i64::from(registration.authentication.signs_with_secret()))
    .bind(switched)
    .bind(switched)
    .bind(switched)
    .bind(switched))
}

/// Gives a client a new secret; the one before works until `former_until`.
pub(super) async fn set_secret(
    db: &Db,
    id: &str,
    (secret, sealed): (&SecretDigest, Option<&str>),
    former_until: Timestamp,
    now_ms: i64,
) -> Result<bool, DbError> {
    let keeps = i64::from(former_until.0 > now_ms / 1000);
    let changed = db
        .execute(
            db::statement(
                "UPDATE clients SET former_secret_digest = CASE $1 WHEN 1 THEN secret_digest END, former_secret_until = $2, \
                 secret_digest = $3, former_secret_sealed = CASE $4 WHEN 1 THEN secret_sealed END, secret_sealed = $5, \
                 updated_at_ms = $6 WHERE client_id = $7",
            )
            .bind(keeps)
            .bind(former_until.0)
            .bind(secret.encode())
            .bind(keeps)
            .bind(sealed)
            .bind(now_ms)
            .bind(id),
        )
        .await?;
    Ok(changed == 1)
}

/// Deletes a disabled client with its secrets and its icon, but for its identifier; `false` when there is none that is disabled.
pub(super) async fn delete(db: &Db, id: &str, now_ms: i64) -> Result<bool, DbError> {
    let delete = db::statement(
        "UPDATE clients SET deleted_at = $1, secret_digest = NULL, former_secret_digest = NULL, secret_sealed = NULL, \
         former_secret_sealed = NULL, management_digest = NULL, held_metadata = NULL, held_at = NULL, updated_at_ms = $2 \
         WHERE client_id = $3 AND disabled_at IS NOT NULL AND pending_at IS NULL AND deleted_at IS NULL RETURNING client_id",
    );
    let icons = [
        db::statement("DELETE FROM client_icons WHERE client_id = $1").bind(id),
        db::statement("DELETE FROM held_icons WHERE client_id = $1").bind(id),
    ];
    let deleted = db.guarded(delete.bind(now_ms / 1000).bind(now_ms).bind(id), icons.into()).await?;
    Ok(deleted.is_some())
}

/// The identifiers of deleted clients.
pub(super) async fn deleted(db: &Db) -> Result<HashSet<String>, DbError> {
    let rows =
        db.read_all(db::statement("SELECT client_id FROM clients WHERE deleted_at IS NOT NULL")).await?;
    rows.iter().map(|row| db::text(row, TABLE, "client_id")).collect()
}

/// Disables a client or enables it again; of one that waits, says what it will be once it is approved.
pub(super) async fn set_disabled(db: &Db, id: &str, disabled: bool, now_ms: i64) -> Result<bool, DbError> {
    let since = disabled.then_some(now_ms / 1000);
    let statement = db::statement(
        "UPDATE clients SET disabled_at = CASE WHEN pending_at IS NULL THEN $1 ELSE disabled_at END, \
         barred_at = CASE WHEN pending_at IS NULL THEN NULL ELSE $2 END, updated_at_ms = $3 \
         WHERE client_id = $4 AND deleted_at IS NULL",
    );
    Ok(db.execute(statement.bind(since).bind(since).bind(now_ms).bind(id)).await? == 1)
}

/// An icon without its body.
pub(super) struct StoredIcon {
    pub(super) client_id: String,
    /// Where it was fetched from.
    pub(super) uri: String,
    /// Digest of its body.
    pub(super) digest: String,
}

/// All icons, without their bodies.
pub(super) async fn icons(db: &Db) -> Result<Vec<StoredIcon>, DbError> {
    let rows = db.read_all(db::statement("SELECT client_id, uri, digest FROM client_icons")).await?;
    rows.iter()
        .map(|row| {
            Ok(StoredIcon {
                client_id: db::text(row, ICONS, "client_id")?,
                uri: db::text(row, ICONS, "uri")?,
                digest: db::text(row, ICONS, "digest")?,
            })
        })
        .collect()
}

/// The body of an icon with that digest, in base64.
pub(super) async fn icon(db: &Db, digest: &str) -> Result<Option<String>, DbError> {
    let one = "SELECT body FROM client_icons WHERE digest = $1 LIMIT 1";
    let row = db.read_optional(db::statement(one).bind(digest)).await?;
    row.map(|row| db::text(&row, ICONS, "body")).transpose()
}

/// Stores or replaces a client's icon, and lets all nodes read it.
pub(super) async fn put_icon(
    db: &Db,
    icon: &StoredIcon,
    (media_type, body): (&str, String),
    now_ms: i64,
) -> Result<(), DbError> {
    db.all_or_nothing(vec![
        db::statement(
            "INSERT INTO client_icons (client_id, uri, digest, media_type, body, fetched_at) \
             VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT (client_id) DO UPDATE SET uri = excluded.uri, \
             digest = excluded.digest, media_type = excluded.media_type, body = excluded.body, \
             fetched_at = excluded.fetched_at",
        )
        .bind(&icon.client_id)
        .bind(&icon.uri)
        .bind(&icon.digest)
        .bind(media_type)
        .bind(body)
        .bind(now_ms / 1000),
        db::statement("UPDATE clients SET updated_at_ms = $1 WHERE client_id = $2")
            .bind(now_ms)
            .bind(&icon.client_id),
    ])
    .await
}

/// Numbers that change whenever the table or the contracts do.
pub(super) async fn version(db: &Db) -> Result<(i64, i64, i64), DbError> {
    let row = db
        .read_one(db::statement(
            "SELECT CAST(COALESCE(SUM(updated_at_ms), 0) AS BIGINT) AS changed, CAST(COUNT(*) AS BIGINT) AS n, \
             (SELECT seq FROM sequences WHERE list = 'contracts') AS contracts FROM clients",
        ))
        .await?;
    let number = |column| db::int(&row, TABLE, column);
    Ok((number("changed")?, number("n")?, number("contracts")?))
}
