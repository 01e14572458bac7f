//! SQL of the tables `grants` and `revoked_tokens`.

use super::{Confirmation, Grant, GrantDetails, used};
use crate::clients::ClientId;
use crate::ledger::{Rows, rows_after};
use crate::people::{PersonId, account_holds};
use crate::platform::clock::Timestamp;
use crate::platform::db::{self, Db, DbError, Engine, Statement};

/// What this store keeps its data in.
pub(crate) const TABLES: &[&str] = &[TABLE, "revoked_tokens", used::TABLE];

pub(super) const TABLE: &str = "grants";

/// The list of revocations, which all nodes follow.
const REVOCATIONS: &str = "revocations";

/// Whether `client` holds a grant, ended or not.
pub(super) async fn is_held(db: &Db, grant: &str, client: &ClientId) -> Result<bool, DbError> {
    let held = db::statement("SELECT grant_id FROM grants WHERE grant_id = $1 AND client_id = $2");
    Ok(db.read_optional(held.bind(grant).bind(client.as_str())).await?.is_some())
}

/// Revokes a grant, with every token that came of it. Nothing is to follow it under the name that its client may have for it.
pub(super) async fn revoke(db: &Db, grant: &str, now_ms: i64) -> Result<(), DbError> {
    let mark = db::statement(
        "UPDATE grants SET revoked_at_ms = $1, managed_id = NULL \
         WHERE grant_id = $2 AND revoked_at_ms IS NULL RETURNING grant_id",
    );
    let number = db::statement(
        "UPDATE grants SET revoked_seq = (SELECT seq FROM sequences WHERE list = 'revocations') WHERE grant_id = $1",
    );
    let then = vec![db::take_number(REVOCATIONS), number.bind(grant)];
    db.guarded(mark.bind(now_ms).bind(grant), then).await.map(|_| ())
}

/// Revokes access tokens of a person that began before their epoch was raised, in the transaction that raises it.
pub(super) fn revoke_former_epoch(person: &PersonId, now_ms: i64, expires_at: Timestamp) -> Vec<Statement> {
    let revoke = db::statement(
        "INSERT INTO revoked_tokens (token_id, revoked_at_ms, expires_at, revoked_seq) \
         SELECT 'person/' || person_id || '/' || CAST(epoch - 1 AS TEXT), $1, $2, \
         (SELECT seq FROM sequences WHERE list = 'revocations') FROM persons WHERE person_id = $3 \
         ON CONFLICT (token_id) DO NOTHING",
    );
    vec![db::take_number(REVOCATIONS), revoke.bind(now_ms).bind(expires_at.0).bind(person.as_str())]
}

/// Revokes what a client holds of the person who gave it a consent, in the transaction that ends that consent, apart from what rests
/// on consents that stand beside others; of one that stands beside others, what rests on it alone. Identifiers of consents are
/// letters and digits.
pub(super) fn revoke_of_consent(consent: &str, now_ms: i64) -> Vec<Statement> {
    let mark = db::statement(
        "UPDATE grants SET revoked_at_ms = $1 WHERE revoked_at_ms IS NULL AND EXISTS (SELECT 1 FROM consents c \
         WHERE c.consent_id = $2 AND c.person_id = grants.person_id AND c.client_id = grants.client_id \
         AND (grants.details LIKE '%\"consent_id\":\"' || c.consent_id || '\"%' OR (c.once = 0 AND NOT EXISTS \
         (SELECT 1 FROM consents b WHERE b.person_id = c.person_id AND b.client_id = c.client_id AND b.once = 1 \
         AND b.ended_at IS NULL AND grants.details LIKE '%\"consent_id\":\"' || b.consent_id || '\"%'))))",
    );
    let take = db::statement(
        "UPDATE sequences SET seq = seq + 1 WHERE list = 'revocations' AND EXISTS (SELECT 1 FROM grants g \
         JOIN consents c ON c.person_id = g.person_id AND c.client_id = g.client_id \
         WHERE c.consent_id = $1 AND g.revoked_at_ms IS NOT NULL AND g.revoked_seq IS NULL)",
    );
    let number = db::statement(
        "UPDATE grants SET revoked_seq = (SELECT seq FROM sequences WHERE list = 'revocations') \
         WHERE revoked_at_ms IS NOT NULL AND revoked_seq IS NULL AND EXISTS (SELECT 1 FROM consents c \
         WHERE c.consent_id = $1 AND c.person_id = grants.person_id AND c.client_id = grants.client_id)",
    );
    vec![mark.bind(now_ms).bind(consent), take.bind(consent), number.bind(consent)]
}

/// Revokes what a client holds of a person, apart from what rests on a consent that stands beside others.
pub(super) fn revoke_general((person, client): (&PersonId, &ClientId), now_ms: i64) -> Vec<Statement> {
    let mark = db::statement(
        "UPDATE grants SET revoked_at_ms = $1 WHERE person_id = $2 AND client_id = $3 AND revoked_at_ms IS NULL \
         AND NOT EXISTS (SELECT 1 FROM consents c WHERE c.person_id = grants.person_id AND c.client_id = grants.client_id \
         AND c.once = 1 AND c.ended_at IS NULL AND grants.details LIKE '%\"consent_id\":\"' || c.consent_id || '\"%')",
    );
    numbered(mark.bind(now_ms).bind(person.as_str()).bind(client.as_str()), (person, client))
}

/// Revokes what a client holds of a person by their sign-ins in one session, which `sid` names to the client. Where its
/// letters are wildcards, all others must be the same: it is a digest.
pub(super) fn revoke_of_session(
    (person, client): (&PersonId, &ClientId),
    sid: &str,
    now_ms: i64,
) -> Vec<Statement> {
    let mark = db::statement(
        "UPDATE grants SET revoked_at_ms = $1 WHERE person_id = $2 AND client_id = $3 AND revoked_at_ms IS NULL \
         AND details LIKE $4",
    );
    let mark = mark.bind(now_ms).bind(person.as_str()).bind(client.as_str());
    numbered(mark.bind(format!("%\"sid\":\"{sid}\"%")), (person, client))
}

/// Revokes what a client holds of a person by consents that have ended. Their identifiers are letters and digits.
pub(super) fn revoke_of_ended((person, client): (&PersonId, &ClientId), now_ms: i64) -> Vec<Statement> {
    let mark = db::statement(
        "UPDATE grants SET revoked_at_ms = $1 \
         WHERE person_id = $2 AND client_id = $3 AND revoked_at_ms IS NULL AND EXISTS (SELECT 1 FROM consents c \
         WHERE c.person_id = grants.person_id AND c.client_id = grants.client_id AND c.ended_at IS NOT NULL \
         AND grants.details LIKE '%\"consent_id\":\"' || c.consent_id || '\"%')",
    );
    numbered(mark.bind(now_ms).bind(person.as_str()).bind(client.as_str()), (person, client))
}

/// A change that marks grants of a person and a client as revoked, with the number that they get. Where none is marked, no
/// number is taken: most consents revoke nothing, and need not wait for each other.
pub(super) fn numbered(mark: Statement, (person, client): (&PersonId, &ClientId)) -> Vec<Statement> {
    let take = db::statement(
        "UPDATE sequences SET seq = seq + 1 WHERE list = 'revocations' AND EXISTS (SELECT 1 FROM grants \
         WHERE person_id = $1 AND client_id = $2 AND revoked_at_ms IS NOT NULL AND revoked_seq IS NULL)",
    );
    let number = db::statement(
        "UPDATE grants SET revoked_seq = (SELECT seq FROM sequences WHERE list = 'revocations') \
         WHERE person_id = $1 AND client_id = $2 AND revoked_at_ms IS NOT NULL AND revoked_seq IS NULL",
    );
    let of = |statement: Statement| statement.bind(person.as_str()).bind(client.as_str());
    vec![mark, of(take), of(number)]
}

/// The grants of a person and a client that were revoked at a moment or since.
pub(super) async fn revoked_of(
    db: &Db,
    (person, client): (&PersonId, &ClientId),
    since_ms: i64,
) -> Result<Vec<String>, DbError> {
    let rows = db
        .read_all(
            db::statement(
                "SELECT grant_id FROM grants WHERE person_id = $1 AND client_id = $2 AND revoked_at_ms >= $3",
            )
            .bind(person.as_str())
            .bind(client.as_str())
            .bind(since_ms),
        )
        .await?;
    rows.iter().map(|row| db::text(row, TABLE, "grant_id")).collect()
}

/// The statement that uses up a generation of a refresh token, with what else it sets.
macro_rules! rotate {
    ($more:literal) => {
        concat!(
            "UPDATE grants SET refresh_generation = refresh_generation + $7, refreshed_at = $1",
            $more,
            " WHERE grant_id = $2 AND refresh_generation = $3 AND client_id = $4 AND revoked_at_ms IS NULL \
             AND expires_at > $5 AND refreshed_at > $6 \
             AND person_epoch = (SELECT p.epoch FROM persons p WHERE p.person_id = grants.person_id) \
             AND ",
            account_holds!("grants.person_id", "grants.person_id", "grants.person_id"),
            " RETURNING grant_id, client_id, details, refresh_generation, refreshed_at, expires_at, revoked_at_ms"
        )
    };
}

/// The same, which binds a grant that is bound to nothing. The details are an object in JSON: a member is added at its end, unless it
/// is there.
macro_rules! bind {
    () => {
        rotate!(
            ", details = CASE WHEN details LIKE '%\"bound_to\":%' THEN details \
             ELSE SUBSTR(details, 1, LENGTH(details) - 1) || $8 END"
        )
    };
}

/// Uses up one generation of a refresh token, with what the ledger says of it, and binds a grant that is bound to nothing to `binds`. One statement, one
/// winner; nothing when it is not the current one, or the person's account can no longer be used.
pub(super) async fn rotate(
    db: &Db,
    grant: &str,
    (generation, rotates, binds): (i64, bool, Option<Confirmation>),
    client: &ClientId,
    (idle_limit, now): (Timestamp, Timestamp),
    (told, mut then): (&Rows, Vec<Statement>),
) -> Result<Option<Grant>, DbError> {
    let at_server = db.engine() == Engine::Postgres && !told.is_empty();
    let text = match (binds, at_server) {
        (None, false) => rotate!(""),
        (Some(_), false) => bind!(),
        (None, true) => concat!("WITH done AS (", rotate!(""), ")", rows_after!("$8"), " SELECT * FROM done"),
        (Some(_), true) => concat!("WITH done AS (", bind!(), ")", rows_after!("$9"), " SELECT * FROM done"),
    };
    let statement = db::statement(text)
        .bind(now.0)
        .bind(grant)
        .bind(generation)
        .bind(client.as_str())
        .bind(now.0)
        .bind(idle_limit.0)
        .bind(i64::from(rotates));
    let statement = match binds {
        None => statement,
        Some(binds) => statement.bind(format!(",\"bound_to\":{}}}", serde_json::json!(binds))),
    };
    let statement = if at_server { statement.bind(told.json()?) } else { statement };
    if !at_server {
        then.splice(..0, told.statements());
    }
    let row = if then.is_empty() { db.change(statement).await? } else { db.guarded(statement, then).await? };
    row.map(|row| read(&row)).transpose()
}

/// The statement that finds a grant, with what else must be so.
macro_rules! find {
    ($more:literal) => {
        concat!(
            "SELECT grant_id, client_id, details, refresh_generation, refreshed_at, expires_at, \
             CASE WHEN person_epoch = (SELECT p.epoch FROM persons p WHERE p.person_id = grants.person_id) \
             THEN revoked_at_ms ELSE COALESCE(revoked_at_ms, 0) END AS revoked_at_ms \
             FROM grants WHERE grant_id = $1",
            $more
        )
    };
}

/// A grant by its identifier; revoked as well when everything of its person was ended.
pub(super) async fn find(db: &Db, grant: &str) -> Result<Option<Grant>, DbError> {
    let row = db.read_optional(db::statement(find!("")).bind(grant)).await?;
    row.map(|row| read(&row)).transpose()
}

/// As [`find`], if its person's account can be used now.
pub(super) async fn find_of_usable(db: &Db, grant: &str) -> Result<Option<Grant>, DbError> {
    let usable = concat!(
        find!(""),
        " AND ",
        account_holds!("grants.person_id", "grants.person_id", "grants.person_id")
    );
    let row = db.read_optional(db::statement(usable).bind(grant)).await?;
    row.map(|row| read(&row)).transpose()
}

/// The grant that goes on under the name that its client has for it.
pub(super) async fn find_managed(
    db: &Db,
    (managed, client): (&str, &ClientId),
    now: Timestamp,
) -> Result<Option<Grant>, DbError> {
    let live = db::statement(concat!(
        "SELECT grant_id, client_id, details, refresh_generation, refreshed_at, expires_at, revoked_at_ms \
         FROM grants WHERE managed_id = $1 AND client_id = $2 AND revoked_at_ms IS NULL AND expires_at > $3 \
         AND person_epoch = (SELECT p.epoch FROM persons p WHERE p.person_id = grants.person_id) \
         AND ",
        account_holds!("grants.person_id", "grants.person_id", "grants.person_id"),
    ));
    let row = db.read_optional(live.bind(managed).bind(client.as_str()).bind(now.0)).await?;
    row.map(|row| read(&row)).transpose()
}

/// Ends a grant under the name that its client has for it: nothing is to follow it, so the name goes as well.
pub(super) fn end_managed(
    (managed, client): (&str, &ClientId),
    person: &PersonId,
    now_ms: i64,
) -> Vec<Statement> {
    let mark = db::statement(
        "UPDATE grants SET revoked_at_ms = COALESCE(revoked_at_ms, $1), managed_id = NULL \
         WHERE managed_id = $2 AND client_id = $3",
    );
    numbered(mark.bind(now_ms).bind(managed).bind(client.as_str()), (person, client))
}

/// Revokes a single access token for as long as it would have lived.
pub(super) async fn revoke_token(
    db: &Db,
    token: &str,
    now_ms: i64,
    expires_at: Timestamp,
) -> Result<(), DbError> {
    let revoke = db::statement(
        "INSERT INTO revoked_tokens (token_id, revoked_at_ms, expires_at, revoked_seq) \
         SELECT $1, $2, $3, seq FROM sequences WHERE list = 'revocations' ON CONFLICT (token_id) DO NOTHING",
    );
    let revoke = revoke.bind(token).bind(now_ms).bind(expires_at.0);
    db.guarded(db::take_number(REVOCATIONS), vec![revoke]).await.map(|_| ())
}

/// The number of the last revocation.
pub(super) async fn last_revocation(db: &Db) -> Result<i64, DbError> {
    db::int(&db.read_one(db::last_number(REVOCATIONS)).await?, "sequences", "seq")
}

/// Grants and tokens revoked since a moment, by the clocks of the nodes that revoked them.
pub(super) async fn revoked_since(db: &Db, since_ms: i64) -> Result<Vec<String>, DbError> {
    let rows = db
        .read_all(
            db::statement(
                "SELECT grant_id AS id FROM grants WHERE revoked_at_ms > $1 \
                 UNION ALL SELECT token_id AS id FROM revoked_tokens WHERE revoked_at_ms > $2",
            )
            .bind(since_ms)
            .bind(since_ms),
        )
        .await?;
    rows.iter().map(|row| db::text(row, TABLE, "id")).collect()
}

/// What was revoked after a number: the last number by now, and grants and tokens. Those that nodes of the previous version
/// revoked since a moment have no number and come each time.
pub(super) async fn revoked_after(db: &Db, seq: i64, since_ms: i64) -> Result<(i64, Vec<String>), DbError> {
    let rows = db
        .read_all(
            db::statement(
                "SELECT '' AS id, seq FROM sequences WHERE list = 'revocations' \
                 UNION ALL SELECT grant_id AS id, revoked_seq AS seq FROM grants WHERE revoked_seq > $1 \
                 UNION ALL SELECT token_id AS id, revoked_seq AS seq FROM revoked_tokens WHERE revoked_seq > $2 \
                 UNION ALL SELECT grant_id AS id, 0 AS seq FROM grants \
                 WHERE revoked_seq IS NULL AND revoked_at_ms > $3 \
                 UNION ALL SELECT token_id AS id, 0 AS seq FROM revoked_tokens \
                 WHERE revoked_seq IS NULL AND revoked_at_ms > $4",
            )
            .bind(seq)
            .bind(seq)
            .bind(since_ms)
            .bind(since_ms),
        )
        .await?;
    let (mut last, mut ids) = (0, Vec::new());
    for row in &rows {
        let id = db::text(row, TABLE, "id")?;
        if id.is_empty() {
            last = db::int(row, "sequences", "seq")?;
        } else {
            ids.push(id);
        }
    }
    Ok((last, ids))
}

/// Removes grants and revocations that nothing rests on any more; returns how many went.
pub(super) async fn purge(db: &Db, before: Timestamp, most: i64) -> Result<u64, DbError> {
    let tokens = db
        .execute(
            db::statement(
                "DELETE FROM revoked_tokens WHERE token_id IN \
                 (SELECT token_id FROM revoked_tokens WHERE expires_at < $1 LIMIT $2)",
            )
            .bind(before.0)
            .bind(most),
        )
        .await?;
    let grants = db
        .execute(
            db::statement(
                "DELETE FROM grants WHERE grant_id IN (SELECT grant_id FROM grants WHERE expires_at < $1 LIMIT $2)",
            )
            .bind(before.0)
            .bind(most),
        )
        .await?;
    let details = used::purge(db, before, most).await?;
    Ok(tokens + grants + details)
}

/// How long the oldest row that should be gone has been there, in seconds.
pub(super) async fn purge_lag(db: &Db, before: Timestamp) -> Result<i64, DbError> {
    let row = db
        .read_optional(db::statement("SELECT CAST(MIN(expires_at) AS BIGINT) AS oldest FROM grants"))
        .await?;
    let oldest = row.map(|row| db::maybe_int(&row, TABLE, "oldest")).transpose()?.flatten();
    Ok(oldest.map_or(0, |oldest| (before.0 - oldest).max(0)))
}

pub(super) fn read(row: &db::Row) -> Result<Grant, DbError> {
    let client = db::text(row, TABLE, "client_id")?;
    Ok(Grant {
        id: db::text(row, TABLE, "grant_id")?,
        client_id: ClientId::parse(&client)
            .ok_or_else(|| row.corrupt(TABLE, "client_id", "it is no client identifier"))?,
        details: db::json::<GrantDetails>(row, TABLE, "details")?,
        generation: db::int(row, TABLE, "refresh_generation")?,
        refreshed_at: Timestamp(db::int(row, TABLE, "refreshed_at")?),
        expires_at: Timestamp(db::int(row, TABLE, "expires_at")?),
        revoked: db::maybe_int(row, TABLE, "revoked_at_ms")?.is_some(),
        taken_over: false,
    })
}
