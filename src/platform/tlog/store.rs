//! SQL of the tables of transparency logs.

use std::collections::BTreeSet;

use super::hash::Hash;
use super::tree::{Place, TILE, Tiles};
use crate::platform::bytes;
use crate::platform::db::{self, Db, DbError, Row, Statement};

/// What this store keeps its data in.
pub(crate) const TABLES: &[&str] = &[HEADS, "tlog_tiles", "tlog_keys"];

const HEADS: &str = "tlog_heads";
const TILES: &str = "tlog_tiles";
const KEYS: &str = "tlog_keys";

/// Tiles that one statement reads: no proof needs more.
const TOGETHER: usize = 16;

/// A row of `tlog_heads`.
#[derive(Clone, Debug)]
pub(super) struct StoredHead {
    pub(super) size: u64,
    pub(super) checkpoint: String,
    pub(super) holder: String,
    pub(super) lease_until_ms: i64,
    pub(super) base: u64,
    pub(super) base_mac: String,
}

/// The head of a log.
pub(super) async fn head(db: &Db, log: &str) -> Result<StoredHead, DbError> {
    let select = db::statement(
        "SELECT size, checkpoint, holder, lease_until_ms, base, base_mac FROM tlog_heads WHERE log = $1",
    );
    let row = db.read_one(select.bind(log)).await?;
    Ok(StoredHead {
        size: number(&row, "size")?,
        checkpoint: db::text(&row, HEADS, "checkpoint")?,
        holder: db::text(&row, HEADS, "holder")?,
        lease_until_ms: db::int(&row, HEADS, "lease_until_ms")?,
        base: number(&row, "base")?,
        base_mac: db::text(&row, HEADS, "base_mac")?,
    })
}

fn number(row: &Row, column: &str) -> Result<u64, DbError> {
    u64::try_from(db::int(row, HEADS, column)?).map_err(|error| row.corrupt(HEADS, column, error))
}

/// Takes or renews the lease of a log for `node`, unless another node holds it at `now_ms`; whether it did.
pub(super) async fn lease(
    db: &Db,
    log: &str,
    node: &str,
    (now_ms, until_ms): (i64, i64),
) -> Result<bool, DbError> {
    let take = db::statement(
        "UPDATE tlog_heads SET holder = $1, lease_until_ms = $2 \
         WHERE log = $3 AND (holder = $4 OR lease_until_ms < $5 OR lease_until_ms > $6) RETURNING log",
    );
    // One that lies further ahead than any node takes it for is of a clock that was wrong.
    let absurd = until_ms.saturating_add(until_ms - now_ms);
    let take = take.bind(node).bind(until_ms).bind(log).bind(node).bind(now_ms).bind(absurd);
    Ok(db.change(take).await?.is_some())
}

/// The change that lets a log grow from one size to another, with the checkpoint that says so: one winner.
pub(super) fn grow(log: &str, (from, to): (u64, u64), checkpoint: &str) -> Statement {
    db::statement(
        "UPDATE tlog_heads SET size = $1, checkpoint = $2 WHERE log = $3 AND size = $4 RETURNING log",
    )
    .bind(to.cast_signed())
    .bind(checkpoint)
    .bind(log)
    .bind(from.cast_signed())
}

/// The change that says from which place on a log has its leaves' contents.
pub(super) fn cut(log: &str, (from, to): (u64, u64), mac: &str) -> Statement {
    db::statement(
        "UPDATE tlog_heads SET base = $1, base_mac = $2 WHERE log = $3 AND base = $4 AND size >= $5 RETURNING log",
    )
    .bind(to.cast_signed())
    .bind(mac)
    .bind(log)
    .bind(from.cast_signed())
    .bind(to.cast_signed())
}

/// Writes a tile, or what it has become.
pub(super) fn write_tile(log: &str, (level, tile): Place, hashes: &[Hash]) -> Statement {
    let all: Vec<u8> = hashes.iter().flat_map(|hash| hash.0).collect();
    db::statement(
        "INSERT INTO tlog_tiles (log, level, tile, hashes) VALUES ($1, $2, $3, $4) \
         ON CONFLICT (log, level, tile) DO UPDATE SET hashes = $5",
    )
    .bind(log)
    .bind(i64::from(level))
    .bind(tile.cast_signed())
    .bind(bytes::encode(&all))
    .bind(bytes::encode(&all))
}

/// Reads tiles; those that there are.
pub(super) async fn tiles(db: &Db, log: &str, places: &BTreeSet<Place>) -> Result<Tiles, DbError> {
    let places: Vec<Place> = places.iter().copied().collect();
    let mut found = Tiles::new();
    for together in places.chunks(TOGETHER) {
        // Places that are left name the first again.
        let all = together.iter().chain(std::iter::repeat(&together[0])).take(TOGETHER);
        let select = db::statement(
            "SELECT level, tile, hashes FROM tlog_tiles WHERE log = $1 AND (level, tile) IN (\
             ($2, $3), ($4, $5), ($6, $7), ($8, $9), ($10, $11), ($12, $13), ($14, $15), ($16, $17), \
             ($18, $19), ($20, $21), ($22, $23), ($24, $25), ($26, $27), ($28, $29), ($30, $31), ($32, $33))",
        );
        let select = all.fold(select.bind(log), |select, (level, tile)| {
            select.bind(i64::from(*level)).bind(tile.cast_signed())
        });
        for row in &db.read_all(select).await? {
            let (place, hashes) = tile(row)?;
            found.insert(place, hashes);
        }
    }
    Ok(found)
}

/// Tiles of a level from a number on, in their order, `most` at most.
pub(super) async fn level(
    db: &Db,
    log: &str,
    (level, from): Place,
    most: i64,
) -> Result<Vec<(Place, Vec<Hash>)>, DbError> {
    let select = db::statement(
        "SELECT level, tile, hashes FROM tlog_tiles WHERE log = $1 AND level = $2 AND tile >= $3 ORDER BY tile LIMIT $4",
    );
    let select = select.bind(log).bind(i64::from(level)).bind(from.cast_signed()).bind(most);
    db.read_all(select).await?.iter().map(tile).collect()
}

fn tile(row: &Row) -> Result<(Place, Vec<Hash>), DbError> {
    let wrong = |what: &'static str| row.corrupt(TILES, "hashes", what);
    let level = u8::try_from(db::int(row, TILES, "level")?).map_err(|_| wrong("it is of no level"))?;
    let tile = u64::try_from(db::int(row, TILES, "tile")?).map_err(|_| wrong("it has no number"))?;
    let raw = bytes::decode(&db::text(row, TILES, "hashes")?).ok_or_else(|| wrong("it is not base64url"))?;
    let (hashes, rest) = raw.as_chunks::<32>();
    if !rest.is_empty() || hashes.is_empty() || hashes.len() > TILE {
        return Err(wrong("it has no whole number of hashes"));
    }
    Ok(((level, tile), hashes.iter().map(|hash| Hash(*hash)).collect()))
}

/// The name and the sealed private key of a log.
pub(super) async fn key(db: &Db, log: &str) -> Result<Option<(String, String)>, DbError> {
    let select = db::statement("SELECT name, sealed FROM tlog_keys WHERE log = $1").bind(log);
    let row = db.read_optional(select).await?;
    row.map(|row| Ok((db::text(&row, KEYS, "name")?, db::text(&row, KEYS, "sealed")?))).transpose()
}

/// Keeps a key, unless there is one.
pub(super) async fn keep_key(db: &Db, log: &str, name: &str, sealed: &str) -> Result<(), DbError> {
    let insert = db::statement(
        "INSERT INTO tlog_keys (log, name, sealed) VALUES ($1, $2, $3) ON CONFLICT (log) DO NOTHING",
    );
    db.execute(insert.bind(log).bind(name).bind(sealed)).await.map(|_| ())
}
