//! SQL of the tables `audit_log` and `audit_head`.

use std::sync::LazyLock;

use super::chain::{Link, StoredRow};
use crate::platform::db::{self, Db, DbError, Row, Statement};

/// What this store keeps its data in.
pub(crate) const TABLES: &[&str] = &[LOG, HEAD];

const LOG: &str = "audit_log";
const HEAD: &str = "audit_head";

/// Numbers of rows for which there is an insert: few texts, so that each is prepared once.
const SIZES: [usize; 3] = [64, 8, 1];

static INSERTS: LazyLock<[String; 3]> = LazyLock::new(|| {
    SIZES.map(|rows| {
        let row = |n: usize| {
            let values: Vec<String> = (1..=7).map(|column| format!("${}", n * 7 + column)).collect();
            format!("({})", values.join(", "))
        };
        let rows: Vec<String> = (0..rows).map(row).collect();
        format!(
            "INSERT INTO audit_log (seq, time_us, node_id, node_seq, event, content, hash) VALUES {}",
            rows.join(", ")
        )
    })
});

/// The end of the chain, and how far a process has got.
pub(super) struct Head {
    /// The last row.
    pub link: Link,
    /// The last row of the process that was asked for; 0 when it has none.
    pub written: i64,
}

/// Where the chain begins now, and what proves it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Base {
    /// The last row that was removed.
    pub link: Link,
    /// The proof.
    pub mac: String,
}

/// Reads the end of the chain and the last row of a process.
pub(super) async fn head(db: &Db, node_id: &str) -> Result<Head, DbError> {
    let row = db
        .read_one(
            db::statement(
                "SELECT seq, hash, (SELECT MAX(node_seq) FROM audit_log WHERE node_id = $1) AS written \
                 FROM audit_head WHERE head_id = 1",
            )
            .bind(node_id),
        )
        .await?;
    let written = db::maybe_int(&row, LOG, "written")?.unwrap_or(0);
    Ok(Head { link: link(&row, "seq", "hash")?, written })
}

/// Appends rows if the chain still ends at `head`: all or none of them. `false` when it ends elsewhere.
pub(super) async fn append(db: &Db, head: &Link, rows: &[StoredRow]) -> Result<bool, DbError> {
    let Some(last) = rows.last() else { return Ok(true) };
    let advance = db::statement(
        "UPDATE audit_head SET seq = $1, hash = $2 WHERE head_id = 1 AND seq = $3 AND hash = $4 RETURNING seq",
    )
    .bind(last.seq)
    .bind(&last.hash)
    .bind(head.seq)
    .bind(&head.hash);
    Ok(db.guarded(advance, inserts(rows)).await?.is_some())
}

fn inserts(rows: &[StoredRow]) -> Vec<Statement> {
    let mut statements = Vec::new();
    let mut left = rows;
    for (size, sql) in SIZES.into_iter().zip(&*INSERTS) {
        while let Some((rows, rest)) = left.split_at_checked(size) {
            left = rest;
            let bind = |statement: Statement, row: &StoredRow| {
                statement
                    .bind(row.seq)
                    .bind(row.time_us)
                    .bind(&row.node_id)
                    .bind(row.node_seq)
                    .bind(&row.event)
                    .bind(&row.content)
                    .bind(&row.hash)
            };
            statements.push(rows.iter().fold(db::statement(sql), bind));
        }
    }
    statements
}

/// Rows after `seq`, in order, `most` at most.
pub(super) async fn rows_after(db: &Db, seq: i64, most: i64) -> Result<Vec<StoredRow>, DbError> {
    let rows = db
        .read_all(
            db::statement(
                "SELECT seq, time_us, node_id, node_seq, event, content, hash FROM audit_log \
                 WHERE seq > $1 ORDER BY seq LIMIT $2",
            )
            .bind(seq)
            .bind(most),
        )
        .await?;
    rows.iter().map(read).collect()
}

/// The hashes of rows after `seq`, with their numbers, in order, `most` at most; none after the chain's end.
pub(super) async fn hashes_after(db: &Db, seq: i64, most: i64) -> Result<Vec<(i64, String)>, DbError> {
    let select = db::statement(
        "SELECT seq, hash FROM audit_log WHERE seq > $1 AND seq <= (SELECT seq FROM audit_head WHERE head_id = 1) \
         ORDER BY seq LIMIT $2",
    );
    let rows = db.read_all(select.bind(seq).bind(most)).await?;
    rows.iter().map(|row| Ok((db::int(row, LOG, "seq")?, db::text(row, LOG, "hash")?))).collect()
}

/// A row of what was refused.
pub(super) struct RefusedRow {
    pub seq: i64,
    pub time_us: i64,
    pub event: String,
    pub content: String,
}

/// Rows of what was refused, by the index of its own: those before a number and after a time whose content is like `pattern`
/// (`!` escapes), the newest first.
pub(super) async fn refused(
    db: &Db,
    (before, since_us): (i64, i64),
    pattern: &str,
    most: i64,
) -> Result<Vec<RefusedRow>, DbError> {
    let statement = db::statement(
        "SELECT seq, time_us, event, content FROM audit_log WHERE event IN ('authorization.refused', 'par.refused', \
         'token.refused', 'introspection.refused', 'revocation.refused', 'userinfo.refused', 'oneid.refused', \
         'logout.refused', 'registration.refused') AND seq < $1 AND time_us >= $2 AND content LIKE $3 ESCAPE '!' \
         ORDER BY seq DESC LIMIT $4",
    );
    let rows = db.read_all(statement.bind(before).bind(since_us).bind(pattern).bind(most)).await?;
    let read = |row: &Row| {
        Ok(RefusedRow {
            seq: db::int(row, LOG, "seq")?,
            time_us: db::int(row, LOG, "time_us")?,
            event: db::text(row, LOG, "event")?,
            content: db::text(row, LOG, "content")?,
        })
    };
    rows.iter().map(read).collect()
}

/// The number of the last row in the table; 0 when it is empty.
pub(super) async fn last_row(db: &Db) -> Result<i64, DbError> {
    let row = db.read_one(db::statement("SELECT MAX(seq) AS seq FROM audit_log")).await?;
    Ok(db::maybe_int(&row, LOG, "seq")?.unwrap_or(0))
}

/// The time of the last row, in microseconds since the Unix epoch.
pub(super) async fn newest_us(db: &Db, before_us: i64) -> Result<Option<i64>, DbError> {
    let sql = "SELECT time_us FROM audit_log WHERE time_us < $1 ORDER BY seq DESC LIMIT 1";
    let row = db.read_optional(db::statement(sql).bind(before_us)).await?;
    row.map(|row| db::int(&row, LOG, "time_us")).transpose()
}

/// The end of the chain.
pub(super) async fn end(db: &Db) -> Result<Link, DbError> {
    let row = db.read_one(db::statement("SELECT seq, hash FROM audit_head WHERE head_id = 1")).await?;
    link(&row, "seq", "hash")
}

/// Where the chain begins.
pub(super) async fn base(db: &Db) -> Result<Base, DbError> {
    let sql = "SELECT base_seq, base_hash, base_mac FROM audit_head WHERE head_id = 1";
    let row = db.read_one(db::statement(sql)).await?;
    Ok(Base { link: link(&row, "base_seq", "base_hash")?, mac: db::text(&row, HEAD, "base_mac")? })
}

/// Lets the chain begin after `to` and removes the rows up to there. `false` when it no longer began at `from`.
pub(super) async fn cut(db: &Db, from: &Base, to: &Base) -> Result<bool, DbError> {
    let advance = db::statement(
        "UPDATE audit_head SET base_seq = $1, base_hash = $2, base_mac = $3 WHERE head_id = 1 AND base_seq = $4 \
         AND seq > $5 RETURNING base_seq",
    )
    .bind(to.link.seq)
    .bind(&to.link.hash)
    .bind(&to.mac)
    .bind(from.link.seq)
    .bind(to.link.seq);
    let remove = db::statement("DELETE FROM audit_log WHERE seq <= $1").bind(to.link.seq);
    Ok(db.guarded(advance, vec![remove]).await?.is_some())
}

fn read(row: &Row) -> Result<StoredRow, DbError> {
    Ok(StoredRow {
        seq: db::int(row, LOG, "seq")?,
        time_us: db::int(row, LOG, "time_us")?,
        node_id: db::text(row, LOG, "node_id")?,
        node_seq: db::int(row, LOG, "node_seq")?,
        event: db::text(row, LOG, "event")?,
        content: db::text(row, LOG, "content")?,
        hash: db::text(row, LOG, "hash")?,
    })
}

fn link(row: &Row, seq: &str, hash: &str) -> Result<Link, DbError> {
    Ok(Link { seq: db::int(row, HEAD, seq)?, hash: db::text(row, HEAD, hash)? })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn any_number_of_rows_goes_into_few_statements() {
        let row = |seq| StoredRow {
            seq,
            time_us: 0,
            node_id: String::new(),
            node_seq: seq,
            event: String::new(),
            content: String::new(),
            hash: String::new(),
        };
        let rows: Vec<StoredRow> = (1..=151).map(row).collect();
        for (count, statements) in [(0, 0), (1, 1), (7, 7), (8, 1), (9, 2), (64, 1), (151, 2 + 2 + 7)] {
            assert_eq!(inserts(&rows[..count]).len(), statements, "{count}");
        }
    }
}
