//! SQL that redeems: the row of a grant and its entries of the ledger, all or nothing.

use super::Grant;
use super::store::{TABLE, numbered, read};
use crate::ledger::{Rows, rows_after};
use crate::people::account_holds;
use crate::platform::bytes::Digest;
use crate::platform::clock::Timestamp;
use crate::platform::db::{self, Db, DbError, Engine, Statement};

/// The statement that redeems, with what locks the consent that is read, and what else must be so.
macro_rules! redeem {
    ($lock:literal, $more:literal) => {
        concat!(
            "INSERT INTO grants (grant_id, client_id, person_id, details, created_at, \
             refresh_generation, refreshed_at, expires_at, person_epoch, redemption, managed_id) \
             SELECT $1, $2, $3, $4, $5, $6, $7, $8, $9, $10, NULLIF($17, '') \
             WHERE EXISTS (SELECT 1 FROM persons WHERE person_id = $11 AND epoch = $12) \
             AND CASE WHEN $13 = '' THEN ",
            account_holds!("$11", "$11", "$11"),
            " ELSE EXISTS (SELECT 1 FROM phone_numbers \
             WHERE number_index = $13 AND person_id = $14 AND status = 'enrolled') END \
             AND ($15 = '' OR EXISTS (SELECT 1 FROM consents WHERE consent_id = $16 AND ended_at IS NULL",
            $lock,
            "))",
            $more,
            " ON CONFLICT (grant_id) DO NOTHING RETURNING grant_id"
        )
    };
}

/// The same on PostgreSQL: the row of a consent that is read is locked, so that a consent that ends at the same moment ends this grant
/// as well, and so is what else must be so. Entries of the ledger are written by the same statement.
macro_rules! redeem_at_server {
    ($more:literal, $rows:literal) => {
        (
            redeem!(" FOR SHARE", $more),
            concat!(
                "WITH done AS (",
                redeem!(" FOR SHARE", $more),
                ")",
                rows_after!($rows),
                " SELECT grant_id FROM done"
            ),
        )
    };
}

/// Redeems a code: stores what it granted with what the ledger says of it, unless the same code was redeemed before, or in the
/// meantime everything of the person was ended, the number by which they signed in is no longer enrolled as theirs (or, where they
/// signed in without one, their account can no longer be used), or the consent
/// was ended. One statement, one winner; nothing in it comes from a cache. `redemption` names this request. A grant that changes
/// one which its client manages takes its place and its name in the same transaction, unless the client has ended that one; so does
/// `then`.
pub(super) async fn redeem(
    db: &Db,
    (grant, told, then): (&Grant, &Rows, &[Statement]),
    redemption: &str,
    number: Option<&Digest>,
    (now, now_ms): (Timestamp, i64),
) -> Result<bool, DbError> {
    let details = db::to_json(&grant.details)?;
    let consent = grant.details.consent_id.as_deref().unwrap_or_default();
    let managed = grant.details.managed.as_deref().unwrap_or_default();
    let follows = !managed.is_empty() && managed != grant.id;
    let (text, telling) = match (db.engine(), follows) {
        (Engine::Sqlite, false) => (redeem!("", ""), ""),
        (Engine::Sqlite, true) => (
            redeem!(
                "",
                " AND EXISTS (SELECT 1 FROM grants f WHERE f.managed_id = $18 AND f.client_id = $19 AND f.person_id = $20)"
            ),
            "",
        ),
        (Engine::Postgres, false) => redeem_at_server!("", "$18"),
        (Engine::Postgres, true) => redeem_at_server!(
            " AND EXISTS (SELECT 1 FROM grants f WHERE f.managed_id = $18 AND f.client_id = $19 AND f.person_id = $20 \
             FOR UPDATE)",
            "$21"
        ),
    };
    let (client, person) = (&grant.client_id, &grant.details.person_id);
    let at_server = db.engine() == Engine::Postgres && !told.is_empty();
    let rows = if at_server { told.json()? } else { String::new() };
    let insert = || {
        let insert = db::statement(if at_server { telling } else { text })
            .bind(&grant.id)
            .bind(client.as_str())
            .bind(person.as_str())
            .bind(&details)
            .bind(now.0)
            .bind(grant.generation)
            .bind(now.0)
            .bind(grant.expires_at.0)
            .bind(grant.details.epoch.0)
            .bind(redemption)
            .bind(person.as_str())
            .bind(grant.details.epoch.0)
            .bind(number.map(Digest::encode).unwrap_or_default())
            .bind(person.as_str())
            .bind(consent)
            .bind(consent)
            .bind(managed);
        let insert =
            if follows { insert.bind(managed).bind(client.as_str()).bind(person.as_str()) } else { insert };
        if at_server { insert.bind(&rows) } else { insert }
    };
    let told = || {
        let mut after = if at_server { Vec::new() } else { told.statements() };
        after.extend(then.iter().cloned());
        after
    };
    if !follows {
        let told = told();
        let redeemed =
            if told.is_empty() { db.change(insert()).await? } else { db.guarded(insert(), told).await? };
        return Ok(redeemed.is_some());
    }
    // While this one waits for the row that has the name, another redemption may take it over: a second try finds that one's row.
    let tries = match db.engine() {
        Engine::Sqlite => 1,
        Engine::Postgres => 2,
    };
    for _ in 0..tries {
        let mark = db::statement(
            "UPDATE grants SET revoked_at_ms = COALESCE(revoked_at_ms, $1), managed_id = NULL \
             WHERE managed_id = $2 AND client_id = $3 AND grant_id <> $4",
        );
        let mark = mark.bind(now_ms).bind(managed).bind(client.as_str()).bind(&grant.id);
        let then = numbered(mark, (person, client)).into_iter().chain(told()).collect();
        if db.guarded(insert(), then).await?.is_some() {
            return Ok(true);
        }
    }
    Ok(false)
}

/// The statement that takes a grant over.
macro_rules! take_over {
    () => {
        concat!(
            "UPDATE grants SET redemption = $1 WHERE grant_id = $2 AND redemption = $3 AND client_id = $4 \
         AND revoked_at_ms IS NULL AND refresh_generation <= 1 \
         AND person_epoch = (SELECT p.epoch FROM persons p WHERE p.person_id = grants.person_id) \
         AND CASE WHEN $5 = '' THEN ",
            account_holds!("grants.person_id", "grants.person_id", "grants.person_id"),
            " ELSE EXISTS (SELECT 1 FROM phone_numbers n \
         WHERE n.number_index = $5 AND n.person_id = grants.person_id AND n.status = 'enrolled') END \
         AND ($6 = '' OR EXISTS (SELECT 1 FROM consents WHERE consent_id = $7 AND ended_at IS NULL)) \
         RETURNING grant_id, client_id, details, refresh_generation, refreshed_at, expires_at, revoked_at_ms"
        )
    };
}

/// Takes over a grant from the request that redeemed its code, under the conditions of [`redeem`]: one statement, one winner. What
/// the ledger says of it is there already, as far as it is the same.
pub(super) async fn take_over(
    db: &Db,
    (grant, told): (&Grant, &Rows),
    (former, redemption): (&str, &str),
    number: Option<&Digest>,
) -> Result<Option<Grant>, DbError> {
    let consent = grant.details.consent_id.as_deref().unwrap_or_default();
    let at_server = db.engine() == Engine::Postgres && !told.is_empty();
    let telling = concat!("WITH done AS (", take_over!(), ")", rows_after!("$8"), " SELECT * FROM done");
    let take = db::statement(if at_server { telling } else { take_over!() })
        .bind(redemption)
        .bind(&grant.id)
        .bind(former)
        .bind(grant.client_id.as_str())
        .bind(number.map(Digest::encode).unwrap_or_default())
        .bind(consent)
        .bind(consent);
    let row = if at_server {
        db.change(take.bind(told.json()?)).await?
    } else {
        db.guarded(take, told.statements()).await?
    };
    row.map(|row| read(&row)).transpose()
}

/// Which request redeemed the code of a grant that `client` holds; `None` also for grants of before version 0.2.
pub(super) async fn redemption_of(db: &Db, grant: &Grant) -> Result<Option<String>, DbError> {
    let row = db
        .read_optional(
            db::statement("SELECT redemption FROM grants WHERE grant_id = $1 AND client_id = $2")
                .bind(&grant.id)
                .bind(grant.client_id.as_str()),
        )
        .await?;
    Ok(row.map(|row| db::maybe_text(&row, TABLE, "redemption")).transpose()?.flatten())
}
