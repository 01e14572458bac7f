//! SQL of the tables `signing_keys` and `later_signing_keys`. The second has the keys of algorithms that were added later: a node
//! of the version before reads every row of the first, and stops at one that it does not know.

use super::Alg;
use crate::platform::clock::Timestamp;
use crate::platform::db::{self, Db, DbError, Row, Statement};
use crate::platform::seal::Sealer;
use zeroize::Zeroizing;

/// The tables of this store.
pub(crate) const TABLES: &[&str] = &[TABLE, "later_signing_keys"];

const TABLE: &str = "signing_keys";

/// A statement on the table that has the keys of an algorithm.
macro_rules! of_alg {
    ($alg:expr, $before:literal, $after:literal) => {
        if $alg.came_later() {
            db::statement(concat!($before, "later_signing_keys", $after))
        } else {
            db::statement(concat!($before, "signing_keys", $after))
        }
    };
}

/// A stored key, decrypted.
pub(super) struct StoredKey {
    pub(super) kid: String,
    pub(super) alg: Alg,
    pub(super) pkcs8: Zeroizing<Vec<u8>>,
    pub(super) created_at: Timestamp,
    pub(super) active_from: Timestamp,
    pub(super) retire_at: Option<Timestamp>,
}

/// The keys at `now`, and those that retired after `since`. One of these that cannot be read is left out: what is in use must
/// not depend on it.
pub(super) async fn all(
    db: &Db,
    sealer: &Sealer,
    (now, since): (Timestamp, Timestamp),
) -> Result<Vec<StoredKey>, DbError> {
    let rows = db
        .read_all(
            db::statement(
                "SELECT kid, alg, sealed, created_at, active_from, retire_at FROM (\
                 SELECT kid, alg, sealed, created_at, active_from, retire_at FROM signing_keys \
                 UNION ALL SELECT kid, alg, sealed, created_at, active_from, retire_at FROM later_signing_keys) k \
                 WHERE retire_at IS NULL OR retire_at > $1 ORDER BY created_at, kid",
            )
            .bind(since.0.max(0)),
        )
        .await?;
    let mut keys = Vec::with_capacity(rows.len());
    for row in &rows {
        let retire_at = db::maybe_int(row, TABLE, "retire_at")?.map(Timestamp);
        let alg = db::text(row, TABLE, "alg")?;
        if Alg::parse(&alg).is_none() {
            // While nodes are replaced one by one, a newer version has keys of an algorithm that this one does not serve.
            tracing::warn!(event = "key.unknown", %alg, "a signing key of an algorithm that this version does not know is left out");
            continue;
        }
        match read(row, sealer, retire_at) {
            Ok(key) => keys.push(key),
            Err(error) if retire_at.is_some_and(|at| at <= now) => {
                tracing::warn!(event = "key.unreadable", %error, "a signing key that has retired cannot be read");
            }
            Err(error) => return Err(error),
        }
    }
    Ok(keys)
}

fn read(row: &Row, sealer: &Sealer, retire_at: Option<Timestamp>) -> Result<StoredKey, DbError> {
    let kid = db::text(row, TABLE, "kid")?;
    let alg = Alg::parse(&db::text(row, TABLE, "alg")?)
        .ok_or_else(|| row.corrupt(TABLE, "alg", "it is no algorithm of this version"))?;
    let pkcs8 = sealer
        .open_text(kid.as_bytes(), &db::text(row, TABLE, "sealed")?)
        .map_err(|_| row.corrupt(TABLE, "sealed", "this keyring is not the one that sealed it"))?;
    Ok(StoredKey {
        alg,
        pkcs8: Zeroizing::new(pkcs8),
        created_at: Timestamp(db::int(row, TABLE, "created_at")?),
        active_from: Timestamp(db::int(row, TABLE, "active_from")?),
        retire_at,
        kid,
    })
}

/// The list that nodes take a number of when they make first keys: they wait for each other, and the later one finds
/// the keys of the earlier one.
const LIST: &str = "signing_keys";

/// The statement that stores the first key of an algorithm.
macro_rules! first {
    ($table:literal) => {
        concat!(
            "INSERT INTO ",
            $table,
            " (kid, alg, sealed, created_at, active_from) SELECT $1, $2, $3, $4, $5 WHERE NOT EXISTS (SELECT 1 FROM ",
            $table,
            " WHERE alg = $6 AND retire_at IS NULL)"
        )
    };
}

/// Stores the first key of an algorithm. Returns whether there was none.
pub(super) async fn insert(db: &Db, sealer: &Sealer, key: &StoredKey) -> Result<bool, DbError> {
    let insertion = if key.alg.came_later() {
        db::statement(first!("later_signing_keys"))
    } else {
        db::statement(first!("signing_keys"))
    };
    let insertion = with_key(insertion, sealer, key).bind(key.alg.name());
    db.guarded(db::take_number(LIST), vec![insertion]).await?;
    let stored = of_alg!(key.alg, "SELECT kid FROM ", " WHERE kid = $1").bind(&key.kid);
    Ok(db.read_optional(stored).await?.is_some())
}

/// Stores a successor of the keys of its algorithm that were created before `created_before`, and sets when those leave the
/// published set: both or neither. Returns whether it did. Of several nodes one does: the others wait for its rows and
/// then find nothing left to succeed.
pub(super) async fn succeed(
    db: &Db,
    sealer: &Sealer,
    key: &StoredKey,
    created_before: Timestamp,
    retire_at: Timestamp,
) -> Result<bool, DbError> {
    let retirement = of_alg!(
        key.alg,
        "UPDATE ",
        " SET retire_at = $1 WHERE alg = $2 AND retire_at IS NULL AND created_at < $3 RETURNING kid"
    )
    .bind(retire_at.0)
    .bind(key.alg.name())
    .bind(created_before.0);
    db.guarded(retirement, vec![insertion(sealer, key)]).await.map(|row| row.is_some())
}

/// Stores a key in the place of all others of its algorithm, which retire as if they always had: both or neither.
pub(super) async fn replace(db: &Db, sealer: &Sealer, key: &StoredKey) -> Result<(), DbError> {
    let retirement = of_alg!(key.alg, "UPDATE ", " SET retire_at = 0 WHERE alg = $1").bind(key.alg.name());
    db.all_or_nothing(vec![retirement, insertion(sealer, key)]).await
}

/// The keys of an algorithm that are accepted nowhere any more.
pub(super) async fn withdrawn(db: &Db, alg: Alg) -> Result<Vec<String>, DbError> {
    let found = of_alg!(alg, "SELECT kid FROM ", " WHERE alg = $1 AND retire_at = 0 ORDER BY created_at");
    let rows = db.read_all(found.bind(alg.name())).await?;
    rows.iter().map(|row| db::text(row, TABLE, "kid")).collect()
}

fn insertion(sealer: &Sealer, key: &StoredKey) -> Statement {
    let insertion = of_alg!(
        key.alg,
        "INSERT INTO ",
        " (kid, alg, sealed, created_at, active_from) VALUES ($1, $2, $3, $4, $5)"
    );
    with_key(insertion, sealer, key)
}

fn with_key(statement: Statement, sealer: &Sealer, key: &StoredKey) -> Statement {
    statement
        .bind(&key.kid)
        .bind(key.alg.name())
        .bind(sealer.seal_text(key.kid.as_bytes(), &key.pkcs8))
        .bind(key.created_at.0)
        .bind(key.active_from.0)
}

/// A number that changes whenever one of the tables does.
pub(super) async fn version(db: &Db) -> Result<(i64, i64), DbError> {
    let row = db
        .read_one(db::statement(
            "SELECT CAST(COUNT(*) AS BIGINT) AS n, CAST(COALESCE(SUM(COALESCE(retire_at, 0)), 0) AS BIGINT) AS r \
             FROM (SELECT retire_at FROM signing_keys UNION ALL SELECT retire_at FROM later_signing_keys) k",
        ))
        .await?;
    Ok((db::int(&row, TABLE, "n")?, db::int(&row, TABLE, "r")?))
}
