//! SQL of the table `consents`, and the one reading that a decision needs: person, account_state and consent together.

use std::borrow::Borrow;
use std::sync::Arc;

use super::{Consent, DataSet, Extent, NewConsent};
use crate::audit::{Audit, Event, Kind};
use crate::clients::{Basis, Client, ClientId, Terms};
use crate::people::{
    Account, AccountState, Organisation, People, PersonId, account_columns, account_is_usable, usable_account,
};
use crate::platform::bytes;
use crate::platform::clock::{Clock, Timestamp};
use crate::platform::db::{self, Db, DbError, Row, Statement};

/// What this store keeps its data in.
pub(crate) const TABLES: &[&str] = &[TABLE];

const TABLE: &str = "consents";

/// A person in front of a service.
#[derive(Clone, Debug)]
pub struct ConsentContext {
    /// The person, as of now.
    pub account: Arc<Account>,
    /// The newest consent that was not ended, expired or not; none that stands beside the others, such as to data that
    /// are read once, which is agreed to each time.
    pub consent: Option<Consent>,
}

impl ConsentContext {
    /// The same person where they act for an organisation.
    #[must_use]
    pub fn acting_for(self, organisation: Option<&Organisation>, now: Timestamp) -> Self {
        Self { account: self.account.acting_for(organisation, now), ..self }
    }
}

impl Borrow<AccountState> for ConsentContext {
    fn borrow(&self) -> &AccountState {
        &self.account.account_state
    }
}

/// The records of consent. Cheap to clone.
#[derive(Clone)]
pub struct Release {
    db: Db,
    people: People,
    clock: Clock,
    audit: Audit,
}

impl Release {
    /// The store.
    pub fn new(db: Db, people: People, clock: Clock, audit: Audit) -> Self {
        Self { db, people, clock, audit }
    }

    /// The persons that data are of.
    pub fn people(&self) -> &People {
        &self.people
    }

    /// The person with the consent they gave `client` on the basis that it has today, in one round trip and never from memory: what is decided
    /// rests on it. `None` when they have no enrolled number any more.
    ///
    /// # Errors
    /// [`DbError`].
    pub async fn consent_context(
        &self,
        person: &PersonId,
        client: &Client,
    ) -> Result<Option<ConsentContext>, DbError> {
        let row = self
            .db
            .read_optional(
                db::statement(
                    concat!(
                        "SELECT ",
                        account_columns!(),
                        ", c.consent_id, c.extent, c.expires_at, c.terms FROM ",
                        usable_account!(),
                        " LEFT JOIN consents c ON c.person_id = p.person_id AND c.client_id = $1 AND c.basis = $2 \
                         AND c.ended_at IS NULL AND c.once = 0 WHERE p.person_id = $3 AND ",
                        account_is_usable!(),
                        " ORDER BY c.given_at DESC, c.given_at_ms DESC, c.consent_id DESC LIMIT 1"
                    ),
                )
                .bind(client.id.as_str())
                .bind(basis(client))
                .bind(person.as_str()),
            )
            .await?;
        let Some(row) = row else { return Ok(None) };
        let consent = match db::maybe_text(&row, TABLE, "consent_id")? {
            None => None,
            Some(_) => Some(consent(&row)?),
        };
        Ok(Some(ConsentContext { account: self.people.open(&row)?, consent }))
    }

    /// The newest consent of each client and basis that a person has not ended, and all that stand beside those, newest
    /// first.
    ///
    /// # Errors
    /// [`DbError`].
    pub async fn list(&self, person: &PersonId) -> Result<Vec<ListedConsent>, DbError> {
        let rows = self
            .db
            .read_all(
                db::statement(
                    "SELECT consent_id, client_id, basis, extent, given_at, expires_at, terms, permitted_by FROM consents c \
                     WHERE person_id = $1 AND ended_at IS NULL AND (c.once = 1 OR NOT EXISTS (SELECT 1 FROM consents newer \
                     WHERE newer.once = 0 AND newer.person_id = c.person_id AND newer.client_id = c.client_id \
                     AND newer.basis = c.basis AND newer.ended_at IS NULL AND (newer.given_at > c.given_at \
                     OR (newer.given_at = c.given_at AND (newer.given_at_ms > c.given_at_ms \
                     OR (newer.given_at_ms = c.given_at_ms AND newer.consent_id > c.consent_id)))))) \
                     ORDER BY given_at DESC, given_at_ms DESC, consent_id DESC",
                )
                .bind(person.as_str()),
            )
            .await?;
        rows.iter().map(listed).collect()
    }

    /// What is in force of a person now: as [`Release::list`], without what has expired, `most` at most after the first `from`.
    ///
    /// # Errors
    /// [`DbError`].
    pub async fn in_force(
        &self,
        person: &PersonId,
        from: i64,
        most: i64,
    ) -> Result<Vec<ListedConsent>, DbError> {
        let rows = self
            .db
            .read_all(
                db::statement(
                    "SELECT consent_id, client_id, basis, extent, given_at, expires_at, terms, permitted_by FROM consents c \
                     WHERE person_id = $1 AND ended_at IS NULL AND expires_at > $2 AND (c.once = 1 OR NOT EXISTS \
                     (SELECT 1 FROM consents newer \
                     WHERE newer.once = 0 AND newer.person_id = c.person_id AND newer.client_id = c.client_id \
                     AND newer.basis = c.basis AND newer.ended_at IS NULL AND (newer.given_at > c.given_at \
                     OR (newer.given_at = c.given_at AND (newer.given_at_ms > c.given_at_ms \
                     OR (newer.given_at_ms = c.given_at_ms AND newer.consent_id > c.consent_id)))))) \
                     ORDER BY given_at DESC, given_at_ms DESC, consent_id DESC LIMIT $3 OFFSET $4",
                )
                .bind(person.as_str())
                .bind(self.clock.now().0)
                .bind(most)
                .bind(from),
            )
            .await?;
        rows.iter().map(listed).collect()
    }

    /// The clients to which something of a person is in force, `most` at most.
    ///
    /// # Errors
    /// [`DbError`].
    pub async fn clients_of(&self, person: &PersonId, most: i64) -> Result<Vec<ClientId>, DbError> {
        let of = "SELECT DISTINCT client_id FROM consents \
                  WHERE person_id = $1 AND ended_at IS NULL AND expires_at > $2 ORDER BY client_id LIMIT $3";
        let of = db::statement(of).bind(person.as_str()).bind(self.clock.now().0).bind(most);
        self.db.read_all(of).await?.iter().map(client_of).collect()
    }

    /// Whether anything of a person is in force to a client: a consent, or what a law gives.
    ///
    /// # Errors
    /// [`DbError`].
    pub async fn has_any(&self, person: &PersonId, client: &ClientId) -> Result<bool, DbError> {
        let any = "SELECT client_id FROM consents \
                   WHERE person_id = $1 AND client_id = $2 AND ended_at IS NULL AND expires_at > $3 LIMIT 1";
        let any = db::statement(any).bind(person.as_str()).bind(client.as_str()).bind(self.clock.now().0);
        Ok(self.db.read_optional(any).await?.is_some())
    }

    /// Whose a consent is that a person gave and that has not ended, and to which client.
    ///
    /// # Errors
    /// [`DbError`].
    pub async fn whose(&self, consent: &str) -> Result<Option<(PersonId, ClientId)>, DbError> {
        let whose = "SELECT consent_id, person_id, client_id FROM consents \
                     WHERE consent_id = $1 AND basis = 'consent' AND ended_at IS NULL";
        let row = self.db.read_optional(db::statement(whose).bind(consent)).await?;
        row.map(|row| Ok((person_of(&row)?, client_of(&row)?))).transpose()
    }

    /// Ends a consent that a person gave, with those that it followed and `then`, all or nothing. One that stands beside others
    /// followed none. Returns whose it was and
    /// the client; `None` when there is no such consent, it was ended before, or the law and not the person lets the
    /// client have the data.
    ///
    /// # Errors
    /// [`DbError`].
    pub async fn end(
        &self,
        consent: &str,
        then: Vec<Statement>,
    ) -> Result<Option<(PersonId, ClientId)>, DbError> {
        let now = self.clock.now();
        let end = db::statement(
            "UPDATE consents SET ended_at = $1 WHERE consent_id = $2 AND basis = 'consent' AND ended_at IS NULL \
             RETURNING person_id, client_id",
        );
        let former = db::statement(
            "UPDATE consents SET ended_at = $1 WHERE ended_at IS NULL AND basis = 'consent' AND once = 0 AND EXISTS \
             (SELECT 1 FROM consents ended WHERE ended.consent_id = $2 AND ended.person_id = consents.person_id \
             AND ended.client_id = consents.client_id AND ended.once = 0 AND ended.given_at >= consents.given_at)",
        );
        let mut changes = vec![former.bind(now.0).bind(consent)];
        changes.extend(then);
        let ended = self.db.guarded(end.bind(now.0).bind(consent), changes).await?;
        let ended = ended.map(|row| Ok::<_, DbError>((person_of(&row)?, client_of(&row)?))).transpose()?;
        if let Some((person, client)) = &ended {
            let event = Event::new(Kind::ConsentEnded).client(client.as_str()).person(person.as_str());
            self.audit.record(event.consent(consent));
        }
        Ok(ended)
    }

    /// Ends up to `most` consents to a client that is being deleted; returns how many. Their rows stay, as what people once
    /// agreed to.
    ///
    /// # Errors
    /// [`DbError`].
    pub async fn end_of_client(&self, client: &str, most: i64) -> Result<u64, DbError> {
        let end = db::statement(
            "UPDATE consents SET ended_at = $1 WHERE consent_id IN (SELECT consent_id FROM consents \
             WHERE client_id = $2 AND ended_at IS NULL LIMIT $3)",
        );
        self.db.execute(end.bind(self.clock.now().0).bind(client).bind(most)).await
    }

    /// Consents to a client that were not ended, whoever gave them or whatever law did: those after the identifier `after`, in its
    /// order, at most `most`. A row that cannot be read keeps nobody from the others.
    ///
    /// # Errors
    /// [`DbError`].
    pub async fn standing_of(
        &self,
        client: &ClientId,
        after: &str,
        most: i64,
    ) -> Result<Vec<Standing>, DbError> {
        let list = db::statement(
            "SELECT consent_id, person_id, client_id, basis, extent, given_at, expires_at, terms, permitted_by, shown FROM consents \
             WHERE client_id = $1 AND ended_at IS NULL AND consent_id > $2 ORDER BY consent_id LIMIT $3",
        );
        let rows = self.db.read_all(list.bind(client.as_str()).bind(after).bind(most)).await?;
        let standing = |row: &Row| {
            let id = db::text(row, TABLE, "consent_id")?;
            Ok(Standing { id, person: person_of(row)?, given: given_for(row) })
        };
        rows.iter().map(standing).collect()
    }

    /// Whether the person gave the client another consent after this one, which stands.
    ///
    /// # Errors
    /// [`DbError`].
    pub async fn is_followed(&self, consent: &str) -> Result<bool, DbError> {
        let newer = "SELECT n.consent_id FROM consents c JOIN consents n ON n.person_id = c.person_id AND n.client_id = c.client_id \
                     WHERE c.consent_id = $1 AND n.consent_id <> c.consent_id AND n.ended_at IS NULL AND n.once = 0 \
                     AND n.given_at_ms >= c.given_at_ms LIMIT 1";
        Ok(self.db.read_optional(db::statement(newer).bind(consent)).await?.is_some())
    }

    /// Ends one consent, whatever it rests on, with `then`, all or nothing; `false` when it was ended before.
    ///
    /// # Errors
    /// [`DbError`].
    pub async fn end_by_contract(
        &self,
        (consent, contract): (&str, &str),
        then: Vec<Statement>,
    ) -> Result<bool, DbError> {
        let end = db::statement(
            "UPDATE consents SET ended_at = $1 WHERE consent_id = $2 AND ended_at IS NULL RETURNING person_id, client_id",
        );
        let ended = self.db.guarded(end.bind(self.clock.now().0).bind(consent), then).await?;
        let Some(row) = ended else { return Ok(false) };
        let (person, client) = (person_of(&row)?, client_of(&row)?);
        let event = Event::new(Kind::ConsentEnded).client(client.as_str()).person(person.as_str());
        self.audit.record(event.consent(consent).contract(contract).reason("contract"));
        Ok(true)
    }

    /// A new identifier of a consent: letters and digits, so that a command never takes it for a flag.
    pub fn new_consent_id() -> String {
        bytes::random_alphanumeric::<26>()
    }

    /// Records what a person agreed to, or what a law lets the client have, and `then`, all or nothing. Recording the
    /// same consent again changes nothing, and returns it as it was recorded.
    ///
    /// # Errors
    /// [`DbError`]; then nothing was agreed, or it is not known to be.
    pub async fn record(
        &self,
        person: &PersonId,
        client: &Client,
        new: NewConsent,
        then: Vec<Statement>,
    ) -> Result<Consent, DbError> {
        let insert = self.insert(person, client, &new)?;
        let recorded = if then.is_empty() {
            self.db.change(insert).await?
        } else {
            self.db.guarded(insert, then).await?
        };
        let Some(row) = recorded else {
            return consent(&self.db.read_one(recorded_before(&new.id)).await?);
        };
        let consent = consent(&row)?;
        self.recorded(&consent, person, client);
        Ok(consent)
    }

    /// A consent with the statement that records it, for the transaction of what rests on it. After that it is to be
    /// [`recorded`](Self::recorded).
    ///
    /// # Errors
    /// [`DbError`] when it cannot be written down.
    pub fn row(
        &self,
        person: &PersonId,
        client: &Client,
        new: NewConsent,
    ) -> Result<(Consent, Statement), DbError> {
        let insert = self.insert(person, client, &new)?;
        let NewConsent { id, extent, expires_at, terms, .. } = new;
        Ok((Consent { id, extent, expires_at, terms: Some(Box::new(terms)) }, insert))
    }

    /// Notes in the audit log that a consent was recorded.
    pub fn recorded(&self, consent: &Consent, person: &PersonId, client: &Client) {
        self.audit.record(given(consent, person, client));
    }

    fn insert(&self, person: &PersonId, client: &Client, new: &NewConsent) -> Result<Statement, DbError> {
        let now = self.clock.now();
        let insert = db::statement(
            "INSERT INTO consents (consent_id, person_id, client_id, basis, extent, given_at, expires_at, \
             terms, shown, permitted_by, code_id, given_at_ms, once) \
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13) ON CONFLICT (consent_id) DO NOTHING \
             RETURNING consent_id, extent, expires_at, terms",
        )
        .bind(&new.id)
        .bind(person.as_str())
        .bind(client.id.as_str())
        .bind(basis(client))
        .bind(db::to_json(&new.extent)?)
        .bind(now.0)
        .bind(new.expires_at.0)
        .bind(db::to_json(&new.terms)?)
        .bind(&new.shown)
        .bind(new.permitted_by.name())
        .bind(new.permitted_by.code_id())
        .bind(self.clock.now_ms())
        .bind(i64::from(new.beside || new.once));
        Ok(insert)
    }

    /// What must take place in the transaction that records a consent which goes less far than the ones before: those
    /// end, and with them the codes that rest on them and were not redeemed yet. What stands beside others stays.
    pub fn end_former(&self, person: &PersonId, client: &Client, new: &str) -> Statement {
        db::statement(
            "UPDATE consents SET ended_at = $1 WHERE person_id = $2 AND client_id = $3 AND basis = $4 \
             AND ended_at IS NULL AND once = 0 AND consent_id <> $5",
        )
        .bind(self.clock.now().0)
        .bind(person.as_str())
        .bind(client.id.as_str())
        .bind(basis(client))
        .bind(new)
    }

    /// What must take place in the transaction that records a consent which goes at least as far as `former`: what was
    /// given since that one ends.
    pub fn end_since(&self, (person, client): (&PersonId, &Client), former: &str, new: &str) -> Statement {
        db::statement(
            "UPDATE consents SET ended_at = $1 WHERE person_id = $2 AND client_id = $3 AND basis = $4 \
             AND ended_at IS NULL AND once = 0 AND consent_id <> $5 AND consent_id <> $6 AND EXISTS (SELECT 1 FROM consents f \
             WHERE f.consent_id = $7 AND consents.given_at_ms >= f.given_at_ms)",
        )
        .bind(self.clock.now().0)
        .bind(person.as_str())
        .bind(client.id.as_str())
        .bind(basis(client))
        .bind(new)
        .bind(former)
        .bind(former)
    }
}

fn recorded_before(id: &str) -> Statement {
    db::statement("SELECT consent_id, extent, expires_at, terms FROM consents WHERE consent_id = $1").bind(id)
}

fn consent(row: &Row) -> Result<Consent, DbError> {
    let terms = match db::maybe_text(row, TABLE, "terms")? {
        None => None,
        Some(_) => Some(Box::new(db::json::<Terms>(row, TABLE, "terms")?)),
    };
    Ok(Consent {
        id: db::text(row, TABLE, "consent_id")?,
        extent: db::json::<Extent>(row, TABLE, "extent")?,
        expires_at: Timestamp(db::int(row, TABLE, "expires_at")?),
        terms,
    })
}

fn given<'a>(consent: &'a Consent, person: &'a PersonId, client: &'a Client) -> Event<'a> {
    let (released, withheld) = (consent.extent.sets().into_iter(), consent.extent.withheld.iter());
    Event::new(Kind::ConsentGiven)
        .client(client.id.as_str())
        .person(person.as_str())
        .consent(consent.id.as_str())
        .basis(basis(client))
        .data_sets(released.map(DataSet::name))
        .withheld_sets(withheld.map(|set| set.name()))
        .until(consent.expires_at.0)
}

/// A consent in a list.
#[derive(Debug)]
pub struct ListedConsent {
    /// The consent.
    pub consent: Consent,
    /// Whom it lets have data.
    pub client_id: ClientId,
    /// Whether a law lets the client have the data, and not the person.
    pub statutory: bool,
    /// By what it was permitted: `code`, `click` or `law`; `None` for consents of versions that did not keep it.
    pub permitted_by: Option<String>,
    /// When it was given.
    pub given_at: Timestamp,
}

fn listed(row: &Row) -> Result<ListedConsent, DbError> {
    Ok(ListedConsent {
        consent: consent(row)?,
        client_id: client_of(row)?,
        permitted_by: db::maybe_text(row, TABLE, "permitted_by")?,
        statutory: db::text(row, TABLE, "basis")? == "statutory",
        given_at: Timestamp(db::int(row, TABLE, "given_at")?),
    })
}

/// A consent that was not ended, as far as it can be read.
#[derive(Debug)]
pub struct Standing {
    /// Its identifier.
    pub id: String,
    /// Whose it is.
    pub person: PersonId,
    /// The consent, and the purpose that the person read where they were asked. An error when the row is malformed.
    pub given: Result<(ListedConsent, Option<String>), DbError>,
}

fn given_for(row: &Row) -> Result<(ListedConsent, Option<String>), DbError> {
    #[derive(serde::Deserialize)]
    struct Shown {
        purpose: Option<String>,
    }
    let shown = db::maybe_text(row, TABLE, "shown")?.filter(|shown| !shown.is_empty());
    let shown = shown.and_then(|shown| serde_json::from_str::<Shown>(&shown).ok());
    let purpose = shown.and_then(|shown| shown.purpose).filter(|purpose| !purpose.is_empty());
    Ok((listed(row)?, purpose))
}

fn person_of(row: &Row) -> Result<PersonId, DbError> {
    Ok(PersonId::stored(db::text(row, TABLE, "person_id")?))
}

fn client_of(row: &Row) -> Result<ClientId, DbError> {
    ClientId::parse(&db::text(row, TABLE, "client_id")?)
        .ok_or_else(|| row.corrupt(TABLE, "client_id", "it is no client identifier"))
}

const fn basis(client: &Client) -> &'static str {
    match client.data.basis {
        Basis::Consent => "consent",
        Basis::Statutory => "statutory",
    }
}
