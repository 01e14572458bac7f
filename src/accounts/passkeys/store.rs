//! SQL of the table `account_passkeys`, each query once.

use super::{MOST, Passkey};
use crate::accounts::{Kind, MeansId};
use crate::people::PersonId;
use crate::platform::clock::Timestamp;
use crate::platform::db::{self, Db, DbError, Row, Statement};
use crate::platform::webauthn::{PublicKey, Use};

/// The name of the table.
pub(in crate::accounts) const TABLE: &str = "account_passkeys";

/// What a passkey is held against.
pub(super) struct Known {
    pub(super) means: MeansId,
    pub(super) person: PersonId,
    pub(super) key: PublicKey,
    pub(super) may_be_copied: bool,
    pub(super) counts_from: Timestamp,
}

/// The key of a credential that its person has; nothing of one that was removed.
pub(super) async fn find(db: &Db, credential: &str) -> Result<Option<Known>, DbError> {
    let one = "SELECT k.means_id, k.person_id, k.public_key, k.may_be_copied, m.counts_from FROM account_passkeys k \
               JOIN account_means m ON m.means_id = k.means_id WHERE k.credential_id = $1 AND m.removed_at IS NULL";
    let Some(row) = db.read_optional(db::statement(one).bind(credential)).await? else { return Ok(None) };
    let key = PublicKey::parse(&db::text(&row, TABLE, "public_key")?);
    Ok(Some(Known {
        means: MeansId::stored(db::text(&row, TABLE, "means_id")?),
        person: PersonId::stored(db::text(&row, TABLE, "person_id")?),
        key: key.ok_or_else(|| row.corrupt(TABLE, "public_key", "no public key"))?,
        may_be_copied: db::int(&row, TABLE, "may_be_copied")? != 0,
        counts_from: Timestamp(db::int(&row, TABLE, "counts_from")?),
    }))
}

/// The passkeys that a person has, the oldest first.
pub(super) async fn of_person(db: &Db, person: &PersonId) -> Result<Vec<Passkey>, DbError> {
    let all = "SELECT k.means_id, k.credential_id, k.may_be_copied, k.transports, m.label, m.added_at, m.counts_from, m.used_at \
               FROM account_passkeys k JOIN account_means m ON m.means_id = k.means_id \
               WHERE k.person_id = $1 AND m.removed_at IS NULL ORDER BY m.added_at, m.means_id LIMIT 100";
    let read = |row: &Row| {
        let transports = db::text(row, TABLE, "transports")?;
        Ok(Passkey {
            id: MeansId::stored(db::text(row, TABLE, "means_id")?),
            credential: db::text(row, TABLE, "credential_id")?,
            may_be_copied: db::int(row, TABLE, "may_be_copied")? != 0,
            transports: transports.split_ascii_whitespace().map(str::to_owned).collect(),
            label: db::text(row, TABLE, "label")?,
            added_at: Timestamp(db::int(row, TABLE, "added_at")?),
            counts_from: Timestamp(db::int(row, TABLE, "counts_from")?),
            used_at: db::maybe_int(row, TABLE, "used_at")?.map(Timestamp),
        })
    };
    db.read_all(db::statement(all).bind(person.as_str())).await?.iter().map(read).collect()
}

/// Stores a new one: the condition of a transaction. It takes place if nobody ever had that credential, and its person has no more
/// than [`MOST`] then.
pub(super) fn add(
    (means, person): (&MeansId, &PersonId),
    (credential, key, seen): (&str, &PublicKey, Use),
    transports: &str,
) -> Statement {
    db::statement(
        "INSERT INTO account_passkeys \
         (credential_id, means_id, person_id, public_key, counter, may_be_copied, copied, transports) \
         SELECT CAST($1 AS TEXT), CAST($2 AS TEXT), CAST($3 AS TEXT), CAST($4 AS TEXT), CAST($5 AS BIGINT), \
         CAST($6 AS BIGINT), CAST($7 AS BIGINT), CAST($8 AS TEXT) \
         WHERE (SELECT COUNT(*) FROM account_passkeys k JOIN account_means m ON m.means_id = k.means_id \
         WHERE k.person_id = $3 AND m.removed_at IS NULL) < $9 \
         ON CONFLICT (credential_id) DO NOTHING RETURNING credential_id",
    )
    .bind(credential)
    .bind(means.as_str())
    .bind(person.as_str())
    .bind(key.write())
    .bind(i64::from(seen.counter))
    .bind(i64::from(seen.may_be_copied))
    .bind(i64::from(seen.copied))
    .bind(transports)
    .bind(i64::try_from(MOST).unwrap_or(i64::MAX))
}

/// Notes a use: the condition of a transaction. It takes place if what the authenticator counts has grown, or it counts nothing.
pub(super) fn grow(credential: &str, seen: Use) -> Statement {
    db::statement(
        "UPDATE account_passkeys SET counter = $1, copied = $2 WHERE credential_id = $3 \
         AND (counter < $1 OR ($1 = 0 AND counter = 0)) \
         AND EXISTS (SELECT 1 FROM account_means m WHERE m.means_id = account_passkeys.means_id AND m.removed_at IS NULL) \
         RETURNING means_id",
    )
    .bind(i64::from(seen.counter))
    .bind(i64::from(seen.copied))
    .bind(credential)
}

/// Gives one of a person's passkeys another name; it returns its identifier if it was there.
pub(super) fn rename(means: &MeansId, person: &PersonId, label: &str) -> Statement {
    db::statement(
        "UPDATE account_means SET label = $1 WHERE means_id = $2 AND person_id = $3 AND kind = $4 AND removed_at IS NULL \
         RETURNING means_id",
    )
    .bind(label)
    .bind(means.as_str())
    .bind(person.as_str())
    .bind(Kind::Passkey.name())
}
