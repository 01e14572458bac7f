//! SQL of the tables `passwords`, `logins` and `password_failures`.

use std::sync::Arc;

use super::hash::HashError;
use super::login::{ChosenLogin, TypedLogin};
use crate::accounts::{AddedBy, MeansId};
use crate::people::{Delays, Epoch, Failures, People, PersonId, Side};
use crate::platform::bytes::{self, Digest};
use crate::platform::clock::Timestamp;
use crate::platform::db::{self, Db, DbError, Row, Statement};
use crate::platform::seal::{Keyring, Mac, Sealer};

/// Passwords.
pub(super) const PASSWORDS: &str = "passwords";
/// Chosen logins.
pub(super) const LOGINS: &str = "logins";
/// Wrong passwords.
pub(super) const FAILURES: &str = "password_failures";
/// Links by which first passwords are set.
pub(super) const LINKS: &str = "password_links";
/// Passwords that were lost and set anew.
pub(super) const RECOVERIES: &str = "recoveries";

/// Wrong passwords that are so long ago are forgotten, in seconds.
const FORGOTTEN: i64 = 90 * 86_400;

/// Seconds between two notices that tell a person of strangers' wrong passwords.
const BETWEEN_NOTICES: i64 = 86_400;

/// A password as it is stored.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Stored {
    /// When it was set.
    pub set_at: Timestamp,
    /// By whom.
    pub set_by: AddedBy,
    /// Which of those that were set it is.
    pub generation: i64,
    /// The end of a temporary one.
    pub temporary_until: Option<Timestamp>,
}

/// Who stands behind a login, with what a try needs.
pub(super) struct Found {
    /// A keyed digest of the login as it was typed, whoever has it.
    pub(super) login: Digest,
    /// The person, or the decoy that stands in for none.
    pub(super) account: PersonId,
    /// The person's epoch; `None` where there is nobody.
    pub(super) epoch: Option<Epoch>,
    /// The hash and what is known of it; `None` where no password was set.
    pub(super) password: Option<(String, Stored)>,
    /// From when on it counts as a further factor, and when it was last used.
    pub(super) means: Option<UsedMeans>,
    pub(super) strangers: Failures,
    pub(super) known: Failures,
}

/// What is known of a password as a means of its account.
pub(super) struct UsedMeans {
    pub(super) id: MeansId,
    pub(super) counts_from: Timestamp,
    pub(super) used_at: Option<Timestamp>,
}

/// What a counted failure came to.
pub(super) struct Counted {
    /// A delay began with it.
    pub(super) delayed: bool,
    /// The person is to be told.
    pub(super) told: bool,
}

#[derive(Clone)]
pub(super) struct Store {
    pub(super) db: Db,
    sealer: Arc<Sealer>,
    index: Arc<Mac>,
    people: People,
}

impl Store {
    pub(super) fn new(db: Db, keyring: &Keyring, people: People) -> Self {
        Self {
            db,
            sealer: Arc::new(keyring.sealer("password")),
            index: Arc::new(keyring.mac("login-index")),
            people,
        }
    }

    fn index(&self, login: &str) -> Digest {
        self.index.digest(&[login.as_bytes()])
    }

    /// Reads what stands behind a login in one statement, which has one row whether or not there is anybody.
    pub(super) async fn find(&self, login: &TypedLogin) -> Result<Found, DbError> {
        let index = self.index(login.text());
        // One of its own for each login: shared ones would have delays that no account has.
        let decoy = PersonId::stored(format!("nobody-{}", index.encode()));
        // A PINFL is the login as long as no other was chosen.
        let pinfl = match login {
            TypedLogin::Pinfl(pinfl) => self.people.pinfl_index(pinfl).encode(),
            TypedLogin::Chosen(_) | TypedLogin::Nobodys(_) => String::new(),
        };
        let find = "SELECT a.account, p.epoch, w.sealed, w.generation, w.temporary_until, w.set_at, w.set_by, \
                    s.failures, s.locked_until, k.failures AS known_failures, k.locked_until AS known_locked_until, \
                    m.means_id, m.counts_from, m.used_at FROM (SELECT COALESCE((SELECT l.person_id FROM logins l WHERE l.login_index = $1), \
                    (SELECT q.person_id FROM persons q WHERE q.pinfl_index = $2 \
                    AND NOT EXISTS (SELECT 1 FROM logins o WHERE o.person_id = q.person_id)), $3) AS account) a \
                    LEFT JOIN persons p ON p.person_id = a.account \
                    LEFT JOIN passwords w ON w.person_id = a.account \
                    LEFT JOIN account_means m ON m.person_id = a.account AND m.kind = 'password' AND m.removed_at IS NULL \
                    LEFT JOIN password_failures s ON s.account = a.account AND s.side = 'stranger' \
                    LEFT JOIN password_failures k ON k.account = a.account AND k.side = 'known'";
        let find = db::statement(find).bind(index.encode()).bind(pinfl).bind(decoy.as_str());
        let row = self.db.read_one(find).await?;
        let account = PersonId::stored(db::text(&row, "persons", "account")?);
        let password = match db::maybe_text(&row, PASSWORDS, "sealed")? {
            Some(sealed) => Some((self.open(&row, &account, &sealed)?, stored(&row)?)),
            None => None,
        };
        let means = match db::maybe_text(&row, "account_means", "means_id")? {
            Some(id) => Some(UsedMeans {
                id: MeansId::stored(id),
                counts_from: Timestamp(db::int(&row, "account_means", "counts_from")?),
                used_at: db::maybe_int(&row, "account_means", "used_at")?.map(Timestamp),
            }),
            None => None,
        };
        Ok(Found {
            login: index,
            means,
            epoch: db::maybe_int(&row, "persons", "epoch")?.map(Epoch),
            password,
            strangers: failures(&row, "failures", "locked_until")?,
            known: failures(&row, "known_failures", "known_locked_until")?,
            account,
        })
    }

    /// The password of a person, if one is set.
    pub(super) async fn of_person(&self, person: &PersonId) -> Result<Option<Stored>, DbError> {
        let of = "SELECT generation, temporary_until, set_at, set_by FROM passwords WHERE person_id = $1";
        let row = self.db.read_optional(db::statement(of).bind(person.as_str())).await?;
        row.map(|row| stored(&row)).transpose()
    }

    /// The hash of a person's password, with what is known of it.
    pub(super) async fn hash_of(&self, person: &PersonId) -> Result<Option<(String, Stored)>, DbError> {
        let of =
            "SELECT sealed, generation, temporary_until, set_at, set_by FROM passwords WHERE person_id = $1";
        let row = self.db.read_optional(db::statement(of).bind(person.as_str())).await?;
        let Some(row) = row else { return Ok(None) };
        let sealed = db::text(&row, PASSWORDS, "sealed")?;
        Ok(Some((self.open(&row, person, &sealed)?, stored(&row)?)))
    }

    fn open(&self, row: &Row, person: &PersonId, sealed: &str) -> Result<String, DbError> {
        let plain = self.sealer.open_text(place(PASSWORDS, person).as_bytes(), sealed).ok();
        let phc = plain.and_then(|plain| String::from_utf8(plain).ok());
        phc.ok_or_else(|| row.corrupt(PASSWORDS, "sealed", "it does not open with this keyring"))
    }

    fn seal(&self, person: &PersonId, phc: &str) -> String {
        self.sealer.seal_text(place(PASSWORDS, person).as_bytes(), phc.as_bytes())
    }

    /// Sets a password whatever there was.
    pub(super) fn set(
        &self,
        person: &PersonId,
        (phc, by, temporary_until): (&str, AddedBy, Option<Timestamp>),
        now: Timestamp,
    ) -> Statement {
        db::statement(
            "INSERT INTO passwords (person_id, sealed, generation, temporary_until, set_at, set_by) \
             VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT (person_id) DO UPDATE SET sealed = excluded.sealed, \
             generation = passwords.generation + 1, temporary_until = excluded.temporary_until, \
             set_at = excluded.set_at, set_by = excluded.set_by RETURNING person_id",
        )
        .bind(person.as_str())
        .bind(self.seal(person, phc))
        // No generation of a password that was taken away comes again.
        .bind(i64::from(u32::from_be_bytes(bytes::random())))
        .bind(temporary_until.map(|until| until.0))
        .bind(now.0)
        .bind(by.name())
    }

    /// Sets a password in place of the one of a generation; touches no row when that is not the present one.
    pub(super) fn replace(
        &self,
        person: &PersonId,
        (phc, by, generation): (&str, AddedBy, i64),
        now: Timestamp,
    ) -> Statement {
        db::statement(
            "UPDATE passwords SET sealed = $1, generation = generation + 1, temporary_until = NULL, set_at = $2, \
             set_by = $3 WHERE person_id = $4 AND generation = $5 RETURNING person_id",
        )
        .bind(self.seal(person, phc))
        .bind(now.0)
        .bind(by.name())
        .bind(person.as_str())
        .bind(generation)
    }

    /// Stores the same password's hash at another cost, unless another password was set meanwhile.
    pub(super) async fn store_again(
        &self,
        person: &PersonId,
        (phc, generation): (&str, i64),
    ) -> Result<(), DbError> {
        let again = "UPDATE passwords SET sealed = $1 WHERE person_id = $2 AND generation = $3";
        let again = db::statement(again).bind(self.seal(person, phc)).bind(person.as_str()).bind(generation);
        self.db.execute(again).await.map(|_| ())
    }

    /// The login that a person chose.
    pub(super) async fn login_of(&self, person: &PersonId) -> Result<Option<String>, DbError> {
        let of = "SELECT sealed FROM logins WHERE person_id = $1";
        let row = self.db.read_optional(db::statement(of).bind(person.as_str())).await?;
        let Some(row) = row else { return Ok(None) };
        let sealed = db::text(&row, LOGINS, "sealed")?;
        let plain = self.sealer.open_text(place(LOGINS, person).as_bytes(), &sealed).ok();
        let login = plain.and_then(|plain| String::from_utf8(plain).ok());
        login.map(Some).ok_or_else(|| row.corrupt(LOGINS, "sealed", "it does not open with this keyring"))
    }

    /// Sets a login with `then`, all or nothing; `false` when somebody else has it.
    pub(super) async fn choose(
        &self,
        person: &PersonId,
        login: &ChosenLogin,
        now: Timestamp,
        then: Vec<Statement>,
    ) -> Result<bool, DbError> {
        let index = self.index(login.as_str()).encode();
        let choose = db::statement(
            "INSERT INTO logins (login_index, person_id, sealed, set_at) SELECT $1, $2, $3, $4 \
             WHERE NOT EXISTS (SELECT 1 FROM logins o WHERE o.login_index = $5 AND o.person_id <> $6) \
             ON CONFLICT (person_id) DO UPDATE SET login_index = excluded.login_index, sealed = excluded.sealed, \
             set_at = excluded.set_at RETURNING person_id",
        )
        .bind(&index)
        .bind(person.as_str())
        .bind(self.sealer.seal_text(place(LOGINS, person).as_bytes(), login.as_str().as_bytes()))
        .bind(now.0)
        .bind(&index)
        .bind(person.as_str());
        match self.db.guarded(choose, then).await {
            Ok(row) => Ok(row.is_some()),
            // Two persons chose it in the same moment: the constraint lets one have it.
            Err(error @ DbError::Statement(_)) => {
                let taken = "SELECT person_id FROM logins WHERE login_index = $1 AND person_id <> $2";
                let taken = db::statement(taken).bind(&index).bind(person.as_str());
                if self.db.read_optional(taken).await?.is_some() { Ok(false) } else { Err(error) }
            }
            Err(error) => Err(error),
        }
    }

    /// Counts a wrong password on a side, with the delay that follows from it ([`Delays::after`]): one statement, the same for every
    /// account and for decoys.
    pub(super) async fn count_failure(
        &self,
        account: &PersonId,
        side: Side,
        delays: Delays,
        now: Timestamp,
    ) -> Result<Counted, DbError> {
        let count = db::statement(
            "INSERT INTO password_failures (account, side, failures, locked_until, noticed_at, changed_at) \
             VALUES ($1, $2, 1, CASE WHEN $3 <= 1 THEN $4 ELSE 0 END, 0, $5) ON CONFLICT (account, side) DO UPDATE SET \
             failures = password_failures.failures + 1, changed_at = $5, \
             locked_until = CASE WHEN password_failures.failures + 1 >= $3 THEN $4 \
             WHEN (password_failures.failures + 1) % 5 <> 0 THEN password_failures.locked_until \
             ELSE $5 + CASE (password_failures.failures + 1) / 5 WHEN 1 THEN 30 WHEN 2 THEN 60 WHEN 3 THEN 120 \
             WHEN 4 THEN 240 WHEN 5 THEN 480 WHEN 6 THEN 960 WHEN 7 THEN 1920 ELSE 3600 END END, \
             noticed_at = CASE WHEN (password_failures.failures + 1 >= $3 OR (password_failures.failures + 1) % 5 = 0) \
             AND password_failures.noticed_at <= $6 THEN $5 ELSE password_failures.noticed_at END \
             RETURNING failures, locked_until, noticed_at",
        )
        .bind(account.as_str())
        .bind(side_name(side))
        .bind(delays.most)
        .bind(now.plus(delays.long).0)
        .bind(now.0)
        .bind(now.0 - BETWEEN_NOTICES);
        let row = self.db.change(count).await?.ok_or_else(|| DbError::statement("nothing was counted"))?;
        let failures = db::int(&row, FAILURES, "failures")?;
        let delayed = delays.after(failures).is_some();
        let noticed = db::int(&row, FAILURES, "noticed_at")? == now.0;
        Ok(Counted { delayed, told: delayed && noticed && side == Side::Stranger })
    }

    /// Clears the wrong passwords of a side after a right one there.
    pub(super) async fn clear_failures(&self, account: &PersonId, side: Side) -> Result<(), DbError> {
        let clear =
            "UPDATE password_failures SET failures = 0, locked_until = 0 WHERE account = $1 AND side = $2";
        self.db.execute(db::statement(clear).bind(account.as_str()).bind(side_name(side))).await.map(|_| ())
    }

    /// Forgets the wrong passwords of all sides: what was guessed was guessed of another password.
    pub(super) fn forget_failures(account: &PersonId) -> Statement {
        db::statement("UPDATE password_failures SET failures = 0, locked_until = 0 WHERE account = $1")
            .bind(account.as_str())
    }

    /// Forgets wrong passwords that are so long ago, of accounts and of logins that are nobody's alike; returns how many rows went, `most` at
    /// most.
    pub(super) async fn purge_failures(&self, now: Timestamp, most: i64) -> Result<u64, DbError> {
        let purge = "DELETE FROM password_failures WHERE (account, side) IN (SELECT account, side FROM password_failures \
                     WHERE changed_at < $1 AND locked_until < $2 LIMIT $3)";
        let before = now.minus(FORGOTTEN);
        self.db.execute(db::statement(purge).bind(before.0).bind(now.0).bind(most)).await
    }

    /// Takes a password away.
    pub(super) fn remove(person: &PersonId) -> Statement {
        db::statement("DELETE FROM passwords WHERE person_id = $1 RETURNING person_id").bind(person.as_str())
    }
}

impl From<HashError> for crate::platform::service_error::ServiceError {
    fn from(error: HashError) -> Self {
        Self::Internal(error.to_string())
    }
}

const fn side_name(side: Side) -> &'static str {
    match side {
        Side::Known => "known",
        Side::Stranger | Side::Approval => "stranger",
    }
}

fn place(table: &str, person: &PersonId) -> String {
    format!("{table}/sealed/{}", person.as_str())
}

fn stored(row: &Row) -> Result<Stored, DbError> {
    let by = db::text(row, PASSWORDS, "set_by")?;
    Ok(Stored {
        set_at: Timestamp(db::int(row, PASSWORDS, "set_at")?),
        set_by: AddedBy::ALL
            .into_iter()
            .find(|known| known.name() == by)
            .ok_or_else(|| row.corrupt(PASSWORDS, "set_by", "it is none of this version"))?,
        generation: db::int(row, PASSWORDS, "generation")?,
        temporary_until: db::maybe_int(row, PASSWORDS, "temporary_until")?.map(Timestamp),
    })
}

fn failures(row: &Row, count: &'static str, until: &'static str) -> Result<Failures, DbError> {
    let value = |name| db::maybe_int(row, FAILURES, name).map(Option::unwrap_or_default);
    Ok(Failures { count: value(count)?, locked_until: Timestamp(value(until)?) })
}
