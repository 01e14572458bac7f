//! SQL of the tables `person_emails`, `email_confirmations` and `mails`.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::EmailAddress;
use crate::notices::inbox::NoticeId;
use crate::people::{People, PersonId};
use crate::platform::bytes::{self, Digest};
use crate::platform::clock::{Clock, Timestamp};
use crate::platform::db::{self, Db, DbError, Row, Statement};
use crate::platform::seal::{Keyring, Sealer};

/// The tables of this store.
pub(in crate::notices) const TABLES: [&str; 3] = ["person_emails", "email_confirmations", "mails"];

const DAY: i64 = 86_400;

/// How long a link confirms, in seconds.
const LINK: i64 = DAY;

/// For how long a mail is tried, in seconds.
pub(super) const TRIED: i64 = DAY;

/// How long rows that ended stay, in seconds: longer than anything that could store the same again.
const KEPT: i64 = 2 * DAY;

/// Addresses of people, and mails to them. Cheap to clone.
#[derive(Clone)]
pub struct Emails {
    pub(super) db: Db,
    pub(super) clock: Clock,
    sealer: Arc<Sealer>,
    per_day: i64,
}

/// What came of asking for a link.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Asked {
    /// A mail with one is on its way.
    Sent,
    /// The person had as many as there are in a day.
    TooMany,
}

/// An address that waits to be confirmed.
#[derive(Clone, Debug)]
pub struct Waiting {
    /// Whose it will be.
    pub person: PersonId,
    /// Which one.
    pub address: EmailAddress,
}

/// An address that was confirmed.
#[derive(Clone, Debug)]
pub struct Confirmed {
    /// Whose it is.
    pub person: PersonId,
    /// Whether another one was in its place.
    pub replaced: bool,
}

/// What a mail tells of.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) enum What {
    /// A notice in the cabinet, of the mail's own identifier; with a link by which what it tells of is stopped, if it can be.
    Notice(Option<Sealed>),
    /// A link that confirms the address that it goes to.
    Link(Sealed),
    /// That another address is in the place of the one that it goes to, or none.
    Replaced(Sealed),
}

/// What only the mail itself says.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub(super) struct Sealed {
    /// The address.
    pub(super) to: String,
    /// What the link has; empty without one. Of a notice it is the whole link.
    #[serde(default)]
    pub(super) token: String,
    /// The tag of the language of the page that asked for it; empty where no page did.
    #[serde(default)]
    pub(super) language: String,
}

/// A mail that one node took.
pub(super) struct Taken {
    pub(super) id: String,
    pub(super) person: PersonId,
    pub(super) what: What,
    pub(super) created_at: Timestamp,
    pub(super) attempts: i64,
    pub(super) expires_at: Timestamp,
}

/// How a mail ended.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum End {
    Sent,
    Refused,
    GivenUp,
    /// There is no address any more, or nothing to tell of.
    Unwanted,
}

impl End {
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Sent => "sent",
            Self::Refused => "refused",
            Self::GivenUp => "given_up",
            Self::Unwanted => "unwanted",
        }
    }
}

impl Emails {
    /// The store; a person may ask for `per_day` links in a day.
    pub fn new(db: Db, clock: Clock, keyring: &Keyring, per_day: u32) -> Self {
        Self { db, clock, sealer: Arc::new(keyring.sealer("email")), per_day: per_day.into() }
    }

    /// The confirmed address of a person.
    ///
    /// # Errors
    /// [`DbError`].
    pub async fn of(&self, person: &PersonId) -> Result<Option<EmailAddress>, DbError> {
        let one = "SELECT person_id, sealed FROM person_emails WHERE person_id = $1";
        let row = self.db.read_optional(db::statement(one).bind(person.as_str())).await?;
        row.map(|row| self.address(&row, "person_emails")).transpose()
    }

    /// The address that waits to be confirmed, of the newest link that still works.
    ///
    /// # Errors
    /// [`DbError`].
    pub async fn waiting_of(&self, person: &PersonId) -> Result<Option<EmailAddress>, DbError> {
        let one = "SELECT person_id, sealed FROM email_confirmations WHERE person_id = $1 AND used_at IS NULL \
                   AND expires_at > $2 AND epoch = (SELECT p.epoch FROM persons p WHERE p.person_id = email_confirmations.person_id) \
                   ORDER BY asked_at DESC, digest LIMIT 1";
        let one = db::statement(one).bind(person.as_str()).bind(self.clock.now().0);
        let row = self.db.read_optional(one).await?;
        row.map(|row| self.address(&row, "email_confirmations")).transpose()
    }

    /// Asks whoever reads `address` to confirm it by a link, which takes the place of links before; one commit. The link works as long as
    /// nothing ends what the person has begun: whoever had a session of theirs, and has it no more, confirms no address.
    ///
    /// # Errors
    /// [`DbError`]; then no mail is sent.
    pub async fn ask(
        &self,
        person: &PersonId,
        address: &EmailAddress,
        language: &str,
    ) -> Result<Asked, DbError> {
        let (now, token) = (self.clock.now(), bytes::random_text::<32>());
        let digest = Digest::of(token.as_bytes()).encode();
        let guard = db::statement(
            "INSERT INTO email_confirmations (digest, person_id, sealed, asked_at, expires_at, epoch) \
             SELECT CAST($1 AS TEXT), p.person_id, CAST($2 AS TEXT), CAST($3 AS BIGINT), CAST($4 AS BIGINT), p.epoch \
             FROM persons p WHERE p.person_id = $5 AND (SELECT COUNT(*) FROM email_confirmations c \
             WHERE c.person_id = $6 AND c.asked_at > $7) < $8 RETURNING digest",
        );
        let guard = guard
            .bind(&digest)
            .bind(self.sealer.seal_text(place(person).as_bytes(), address.as_str().as_bytes()))
            .bind(now.0)
            .bind(now.plus(LINK).0)
            .bind(person.as_str())
            .bind(person.as_str())
            .bind(now.minus(DAY).0)
            .bind(self.per_day);
        let former = db::statement(
            "UPDATE email_confirmations SET used_at = $1 WHERE person_id = $2 AND used_at IS NULL AND digest <> $3",
        );
        let sealed = Sealed { to: address.as_str().to_owned(), token, language: language.to_owned() };
        let then = vec![
            former.bind(now.0).bind(person.as_str()).bind(&digest),
            self.mail(person, &What::Link(sealed), now)?,
        ];
        // Of two at once the second counts the first.
        let stored = self.db.held(vec![People::hold(person)], guard, then).await?;
        Ok(if stored.is_some() { Asked::Sent } else { Asked::TooMany })
    }

    /// What a link would confirm; `None` when it was used, replaced or is too old, or everything of its person has ended since.
    ///
    /// # Errors
    /// [`DbError`].
    pub async fn waiting(&self, token: &str) -> Result<Option<Waiting>, DbError> {
        let one = "SELECT person_id, sealed FROM email_confirmations WHERE digest = $1 AND used_at IS NULL AND expires_at > $2 \
                   AND epoch = (SELECT p.epoch FROM persons p WHERE p.person_id = email_confirmations.person_id)";
        let one = db::statement(one).bind(Digest::of(token.as_bytes()).encode()).bind(self.clock.now().0);
        let Some(row) = self.db.read_optional(one).await? else { return Ok(None) };
        let person = PersonId::stored(db::text(&row, "email_confirmations", "person_id")?);
        Ok(Some(Waiting { person, address: self.address(&row, "email_confirmations")? }))
    }

    /// Confirms an address by its link, once, with `then`, all or nothing; the address before is told. `None` when the link does not
    /// work any more.
    ///
    /// # Errors
    /// [`DbError`]; then nothing has changed.
    pub async fn confirm(
        &self,
        token: &str,
        then: impl FnOnce(&PersonId) -> Vec<Statement>,
    ) -> Result<Option<Confirmed>, DbError> {
        let Some(waiting) = self.waiting(token).await? else { return Ok(None) };
        let (now, person) = (self.clock.now(), waiting.person);
        let digest = Digest::of(token.as_bytes()).encode();
        let former = self.of(&person).await?;
        let guard = db::statement(
            "UPDATE email_confirmations SET used_at = $1 WHERE digest = $2 AND used_at IS NULL AND expires_at > $3 \
             AND epoch = (SELECT p.epoch FROM persons p WHERE p.person_id = email_confirmations.person_id) RETURNING person_id",
        );
        let guard = guard.bind(now.0).bind(&digest).bind(now.0);
        // Both are sealed for the person, so that the database can carry one over.
        let take = db::statement(
            "INSERT INTO person_emails (person_id, sealed, confirmed_at) SELECT person_id, sealed, $1 \
             FROM email_confirmations WHERE digest = $2 ON CONFLICT (person_id) DO UPDATE SET \
             sealed = excluded.sealed, confirmed_at = excluded.confirmed_at",
        );
        let mut changes = vec![take.bind(now.0).bind(&digest)];
        let replaced = former.filter(|former| *former != waiting.address);
        if let Some(former) = &replaced {
            changes.push(self.told(&person, former, now)?);
        }
        changes.extend(then(&person));
        let done = self.db.guarded(guard, changes).await?.is_some();
        Ok(done.then_some(Confirmed { person, replaced: replaced.is_some() }))
    }

    /// Removes the address of a person, with `then`, all or nothing; it is told. `false` when there is none.
    ///
    /// # Errors
    /// [`DbError`]; then nothing has changed.
    pub async fn remove(&self, person: &PersonId, then: Vec<Statement>) -> Result<bool, DbError> {
        let Some(former) = self.of(person).await? else { return Ok(false) };
        let now = self.clock.now();
        let guard = db::statement("DELETE FROM person_emails WHERE person_id = $1 RETURNING person_id")
            .bind(person.as_str());
        let links = db::statement(
            "UPDATE email_confirmations SET used_at = $1 WHERE person_id = $2 AND used_at IS NULL",
        )
        .bind(now.0)
        .bind(person.as_str());
        let mut changes = vec![links, self.told(person, &former, now)?];
        changes.extend(then);
        Ok(self.db.guarded(guard, changes).await?.is_some())
    }

    /// What takes address and links from a person of whom nothing had confirmed that whoever gave them is that person. Nobody is told by
    /// mail: it may be anybody's.
    pub fn forgetting(person: &PersonId, now: Timestamp) -> [Statement; 2] {
        let links = "UPDATE email_confirmations SET used_at = $1 WHERE person_id = $2 AND used_at IS NULL";
        [
            db::statement("DELETE FROM person_emails WHERE person_id = $1").bind(person.as_str()),
            db::statement(links).bind(now.0).bind(person.as_str()),
        ]
    }

    /// What sends a mail about a notice to whoever has an address: for the transaction that stores the notice.
    pub(in crate::notices) fn about(person: &PersonId, id: &NoticeId, now: Timestamp) -> Statement {
        db::statement(
            "INSERT INTO mails (mail_id, person_id, kind, sealed, created_at, due_at, taken_until, attempts, expires_at) \
             SELECT $1, person_id, 'notice', '', $2, $3, 0, 0, $4 FROM person_emails WHERE person_id = $5 \
             ON CONFLICT (mail_id) DO NOTHING",
        )
        .bind(id.as_str())
        .bind(now.0)
        .bind(now.0)
        .bind(now.plus(TRIED).0)
        .bind(person.as_str())
    }

    /// As [`Emails::about`], with a link by which what the notice tells of is stopped. It goes before the notice's own statement in the
    /// transaction, which then stores no second mail.
    ///
    /// # Errors
    /// [`DbError`] when the link cannot be sealed.
    pub fn about_with_link(
        &self,
        person: &PersonId,
        id: &NoticeId,
        link: String,
    ) -> Result<Statement, DbError> {
        let sealed = Sealed { to: String::new(), token: link, language: String::new() };
        let now = self.clock.now();
        Ok(db::statement(
            "INSERT INTO mails (mail_id, person_id, kind, sealed, created_at, due_at, taken_until, attempts, expires_at) \
             SELECT $1, person_id, 'notice', $2, $3, $4, 0, 0, $5 FROM person_emails WHERE person_id = $6 \
             ON CONFLICT (mail_id) DO NOTHING",
        )
        .bind(id.as_str())
        .bind(self.seal(id.as_str(), &sealed)?)
        .bind(now.0)
        .bind(now.0)
        .bind(now.plus(TRIED).0)
        .bind(person.as_str()))
    }

    fn seal(&self, id: &str, sealed: &Sealed) -> Result<String, DbError> {
        let plain = serde_json::to_vec(sealed).map_err(DbError::statement)?;
        Ok(self.sealer.seal_text(mail_place(id).as_bytes(), &plain))
    }

    /// What tells an address that it is in use no more.
    fn told(&self, person: &PersonId, former: &EmailAddress, now: Timestamp) -> Result<Statement, DbError> {
        let sealed = Sealed { to: former.as_str().to_owned(), token: String::new(), language: String::new() };
        self.mail(person, &What::Replaced(sealed), now)
    }

    fn mail(&self, person: &PersonId, what: &What, now: Timestamp) -> Result<Statement, DbError> {
        let id = bytes::random_alphanumeric::<26>();
        let (kind, sealed) = match what {
            What::Notice(sealed) => ("notice", sealed.as_ref()),
            What::Link(sealed) => ("link", Some(sealed)),
            What::Replaced(sealed) => ("replaced", Some(sealed)),
        };
        let sealed = match sealed {
            None => String::new(),
            Some(sealed) => self.seal(&id, sealed)?,
        };
        Ok(db::statement(
            "INSERT INTO mails (mail_id, person_id, kind, sealed, created_at, due_at, taken_until, attempts, expires_at) \
             VALUES ($1, $2, $3, $4, $5, $6, 0, 0, $7)",
        )
        .bind(id)
        .bind(person.as_str())
        .bind(kind)
        .bind(sealed)
        .bind(now.0)
        .bind(now.0)
        .bind(now.plus(TRIED).0))
    }

    /// Whether any mail is due: what costs less than taking none.
    pub(super) async fn is_any_due(&self, now: Timestamp) -> Result<bool, DbError> {
        let any =
            "SELECT mail_id FROM mails WHERE ended IS NULL AND due_at <= $1 AND taken_until <= $2 LIMIT 1";
        Ok(self.db.read_optional(db::statement(any).bind(now.0).bind(now.0)).await?.is_some())
    }

    /// Takes up to `most` mails that are due, until `until`: each is taken by one caller, and again only when that one did not finish.
    pub(super) async fn take(
        &self,
        now: Timestamp,
        until: Timestamp,
        most: i64,
    ) -> Result<Vec<Taken>, DbError> {
        let take = "UPDATE mails SET taken_until = $1, attempts = attempts + 1 WHERE ended IS NULL AND taken_until <= $2 \
                    AND mail_id IN (SELECT mail_id FROM mails WHERE ended IS NULL AND due_at <= $3 AND taken_until <= $4 \
                    ORDER BY due_at LIMIT $5) RETURNING mail_id, person_id, kind, sealed, created_at, attempts, expires_at";
        let take = db::statement(take).bind(until.0).bind(now.0).bind(now.0).bind(now.0).bind(most);
        let rows = self.db.change_all(take).await?;
        Ok(db::readable(&rows, |row| self.taken(row)))
    }

    fn taken(&self, row: &Row) -> Result<Taken, DbError> {
        const TABLE: &str = "mails";
        let id = db::text(row, TABLE, "mail_id")?;
        let content = db::text(row, TABLE, "sealed")?;
        let sealed = || {
            let sealed = content.as_str();
            let plain = self.sealer.open_text(mail_place(&id).as_bytes(), sealed);
            let plain = plain.map_err(|_| row.corrupt(TABLE, "sealed", UNOPENED))?;
            serde_json::from_slice::<Sealed>(&plain).map_err(|error| row.corrupt(TABLE, "sealed", error))
        };
        let what = match db::text(row, TABLE, "kind")?.as_str() {
            "link" => What::Link(sealed()?),
            "replaced" => What::Replaced(sealed()?),
            _ if content.is_empty() => What::Notice(None),
            _ => What::Notice(Some(sealed()?)),
        };
        Ok(Taken {
            what,
            person: PersonId::stored(db::text(row, TABLE, "person_id")?),
            created_at: Timestamp(db::int(row, TABLE, "created_at")?),
            attempts: db::int(row, TABLE, "attempts")?,
            expires_at: Timestamp(db::int(row, TABLE, "expires_at")?),
            id,
        })
    }

    /// Leaves a mail until a later moment.
    pub(super) async fn put_back(&self, id: &str, due_at: Timestamp) -> Result<(), DbError> {
        let back = "UPDATE mails SET taken_until = 0, due_at = $1 WHERE mail_id = $2 AND ended IS NULL";
        self.db.execute(db::statement(back).bind(due_at.0).bind(id)).await.map(|_| ())
    }

    /// Ends a mail, whose content goes.
    pub(super) async fn end(&self, id: &str, end: End) -> Result<(), DbError> {
        let end =
            db::statement("UPDATE mails SET ended = $1, sealed = '' WHERE mail_id = $2 AND ended IS NULL")
                .bind(end.name())
                .bind(id);
        self.db.execute(end).await.map(|_| ())
    }

    /// How many mails wait.
    ///
    /// # Errors
    /// [`DbError`].
    pub async fn count_waiting(&self) -> Result<i64, DbError> {
        let count = "SELECT COUNT(*) AS n FROM mails WHERE ended IS NULL";
        db::int(&self.db.read_one(db::statement(count)).await?, "mails", "n")
    }

    /// Deletes mails and links that are over; returns how many, at most `most` of each.
    ///
    /// # Errors
    /// [`DbError`].
    pub async fn purge(&self, now: Timestamp, most: i64) -> Result<u64, DbError> {
        let before = now.minus(KEPT).0;
        let mails =
            "DELETE FROM mails WHERE mail_id IN (SELECT mail_id FROM mails WHERE created_at < $1 LIMIT $2)";
        let links = "DELETE FROM email_confirmations WHERE digest IN \
                     (SELECT digest FROM email_confirmations WHERE asked_at < $1 LIMIT $2)";
        let gone = self.db.execute(db::statement(mails).bind(before).bind(most)).await?;
        Ok(gone.max(self.db.execute(db::statement(links).bind(before).bind(most)).await?))
    }

    fn address(&self, row: &Row, table: &'static str) -> Result<EmailAddress, DbError> {
        let person = PersonId::stored(db::text(row, table, "person_id")?);
        let sealed = db::text(row, table, "sealed")?;
        let plain = self.sealer.open_text(place(&person).as_bytes(), &sealed).ok();
        let address = plain.and_then(|plain| EmailAddress::parse(std::str::from_utf8(&plain).ok()?));
        address.ok_or_else(|| row.corrupt(table, "sealed", UNOPENED))
    }
}

/// The error message of a column that cannot be opened.
const UNOPENED: &str = "it does not open with this keyring";

fn place(person: &PersonId) -> String {
    format!("person_emails/sealed/{}", person.as_str())
}

fn mail_place(id: &str) -> String {
    format!("mails/sealed/{id}")
}
