//! Passkeys of people (Web Authentication): how one is added, how it proves who somebody is, and the table of public keys.
//!
//! Whoever uses a passkey was verified by its authenticator each time: it is something that a person has and something that they know
//! or are. What is read of browsers and authenticators is in `platform::webauthn`. Each challenge is used once, at the browser and for
//! the purpose that it was made for.

mod store;

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::{Accounts, AddedBy, Ground, Kind, MeansId, NewMeans, RemovedBy};
use crate::audit::{Audit, Event, Kind as AuditKind};
use crate::notices::inbox::{Inbox, NewNotice, NoticeKind};
use crate::people::{ConfirmedBy, PersonId};
use crate::platform::bytes::{self, Digest};
use crate::platform::clock::{Clock, Timestamp};
use crate::platform::db::{Db, DbError, Statement};
use crate::platform::ephemeral::{Ephemeral, KeySpace};
use crate::platform::plain_text::is_shown_as_written;
use crate::platform::seal::Mac;
use crate::platform::service_error::ServiceError;
use crate::platform::webauthn::{Asked, Challenges, Credential, Given, NotTaken, RelyingParty};

pub(super) use store::TABLE;

/// Ceremonies of people's passkeys that began, each under its challenge.
pub const PASSKEY_CEREMONIES: KeySpace = KeySpace::new(b'P', "ceremonies of people's passkeys");

/// Passkeys that a person may have at a time.
pub const MOST: usize = 10;

/// The longest name that a person gives a passkey, in characters.
pub const LONGEST_LABEL: usize = 60;

/// How an authenticator may be reached, in the words of Web Authentication Level 3 §5.8.4; browsers that say others say nothing.
const TRANSPORTS: [&str; 6] = ["usb", "nfc", "ble", "smart-card", "hybrid", "internal"];

/// A passkey, as its person sees it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Passkey {
    /// The means that it is.
    pub id: MeansId,
    /// The credential's identifier, in base64url.
    pub credential: String,
    /// Whether it can be copied to other devices of its person, by the maker of their device; otherwise it is on one device.
    pub may_be_copied: bool,
    /// How its authenticator is reached.
    pub transports: Vec<String>,
    /// How the person calls it; may be empty.
    pub label: String,
    /// When it was added.
    pub added_at: Timestamp,
    /// From when on it can be used.
    pub counts_from: Timestamp,
    /// When it was last used.
    pub used_at: Option<Timestamp>,
}

/// Who proved that they are there.
#[derive(Clone, Debug)]
pub struct Proved {
    /// Whose passkey it is.
    pub person: PersonId,
    /// Whether the key may be copied, so that software protects it; otherwise the hardware of one device does.
    pub may_be_copied: bool,
}

/// A passkey of which somebody has a copy.
pub struct CopiedPasskey {
    /// Whose it is.
    pub person: PersonId,
    /// What removes it and tells its person, for the transaction that ends everything that may have begun with the copy.
    pub then: Vec<Statement>,
    /// Its identifier.
    pub credential: String,
}

/// Why a passkey proved nothing.
pub enum NotProved {
    /// What was given is of no passkey, another ceremony, site or person; or it was given before.
    Refused,
    /// The authenticator counted less than it had before: somebody may have a copy of it. The passkey is to be removed.
    Copied(Box<CopiedPasskey>),
    /// It was added on a code by SMS alone, and cannot be used before then.
    Waits(Timestamp),
}

/// What became of a new passkey.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Added {
    /// It was stored.
    Done,
    /// It is no new passkey of this ceremony.
    Refused,
    /// The person has [`MOST`] already, or the credential is known.
    TooMany,
}

/// How a passkey is added, and what else is stored with it.
pub struct Adding<'a> {
    /// How the person calls it.
    pub label: &'a str,
    /// How the browser says that its authenticator is reached.
    pub transports: &'a str,
    /// The classes of the session in which it is added.
    pub rests_on: &'a [&'a str],
    /// Whether that session rests on a code by SMS and no more.
    pub on_a_code_alone: bool,
    /// What is stored in the same transaction.
    pub also: Vec<Statement>,
}

/// A ceremony that began, as it is kept under its challenge.
#[derive(Serialize, Deserialize, PartialEq, Eq, Debug)]
enum Ceremony {
    /// A sign-in at this browser, as a person who is known already or as whoever it is.
    SignIn { attempt: Digest, browser: Digest, person: Option<PersonId> },
    /// The person of this session adds a passkey.
    Add { session: Digest, person: PersonId },
}

/// People's passkeys. Cheap to clone.
#[derive(Clone)]
pub struct Passkeys {
    accounts: Accounts,
    db: Db,
    clock: Clock,
    audit: Audit,
    inbox: Inbox,
    /// What an authenticator keeps of whose passkey it is: a keyed digest, which says nothing of the person.
    users: Arc<Mac>,
    challenges: Challenges,
}

impl Passkeys {
    /// Those in `db`, at pages of `party`.
    pub fn new(
        accounts: Accounts,
        (db, clock): (Db, Clock),
        (audit, inbox): (Audit, Inbox),
        users: Mac,
        (ephemeral, party): (Ephemeral, RelyingParty),
    ) -> Self {
        let challenges = Challenges::new(ephemeral, PASSKEY_CEREMONIES, party);
        Self { accounts, db, clock, audit, inbox, users: Arc::new(users), challenges }
    }

    /// Those that a person has, the oldest first.
    ///
    /// # Errors
    /// [`DbError`].
    pub async fn of_person(&self, person: &PersonId) -> Result<Vec<Passkey>, DbError> {
        store::of_person(&self.db, person).await
    }

    /// Begins a sign-in: with any passkey that the browser has for this site, or as a second factor with one of `person`'s.
    ///
    /// # Errors
    /// [`ServiceError`].
    pub async fn begin_sign_in(
        &self,
        attempt: Digest,
        browser: Digest,
        person: Option<&PersonId>,
    ) -> Result<Asked, ServiceError> {
        let known = match person {
            Some(person) => self.known(person).await?,
            None => Vec::new(),
        };
        let ceremony = Ceremony::SignIn { attempt, browser, person: person.cloned() };
        self.challenges.begin(&ceremony, None, known).await
    }

    /// Begins the making of a passkey in a session; `name` is what the person's device shows.
    ///
    /// # Errors
    /// [`ServiceError`].
    pub async fn begin_adding(
        &self,
        session: Digest,
        person: &PersonId,
        name: &str,
    ) -> Result<Asked, ServiceError> {
        let known = self.known(person).await?;
        let user = (bytes::encode(&self.user(person)), name.to_owned());
        let ceremony = Ceremony::Add { session, person: person.clone() };
        self.challenges.begin(&ceremony, Some(user), known).await
    }

    /// Who proved that they are there, in the sign-in and at the browser that began.
    ///
    /// # Errors
    /// [`ServiceError`].
    pub async fn proved(
        &self,
        attempt: Digest,
        browser: Digest,
        person: Option<&PersonId>,
        given: &Given,
    ) -> Result<Result<Proved, NotProved>, ServiceError> {
        let wanted = Ceremony::SignIn { attempt, browser, person: person.cloned() };
        let challenge = match self.challenges.taken(&wanted, given).await? {
            Ok(challenge) => challenge,
            Err(why) => return Ok(Err(self.refused("sign_in", None, why))),
        };
        let Some(known) = store::find(&self.db, &given.credential).await? else {
            return Ok(Err(self.refused("sign_in", None, NotTaken("the passkey is nobody's"))));
        };
        let refused = |why| Ok(Err(self.refused("sign_in", Some(&known.person), why)));
        if person.is_some_and(|person| *person != known.person)
            || (!given.user.is_empty() && !bytes::same(&given.user, &self.user(&known.person)))
        {
            return refused(NotTaken("the passkey is another person's"));
        }
        let parts = (&given.client_data[..], &given.data[..], &given.signature[..]);
        let seen = match self.challenges.party.proved(&challenge, &known.key, parts) {
            Ok(seen) => seen,
            Err(why) => return refused(why),
        };
        // Level 3 §7.2: whether it may be copied never changes.
        if seen.may_be_copied != known.may_be_copied {
            return refused(NotTaken("whether it may be copied has changed"));
        }
        let now = self.clock.now();
        if known.counts_from > now {
            self.refused("sign_in", Some(&known.person), NotTaken("it was added on a code alone, and waits"));
            return Ok(Err(NotProved::Waits(known.counts_from)));
        }
        let grow = store::grow(&given.credential, seen);
        if self.db.guarded(grow, vec![Accounts::using(&known.means, now)]).await?.is_some() {
            return Ok(Ok(Proved { person: known.person, may_be_copied: known.may_be_copied }));
        }
        // The signature is right and the count is not: one of two that have the key is not the person.
        let mut then = vec![Accounts::removing(&known.means, &known.person, RemovedBy::Copied, now)];
        then.extend(self.inbox.rows(&known.person, &NewNotice::new(NoticeKind::PasskeyCopied)));
        let credential = given.credential.clone();
        Ok(Err(NotProved::Copied(Box::new(CopiedPasskey { person: known.person, then, credential }))))
    }

    /// Records that a passkey was removed because somebody has a copy of it.
    pub fn copied(&self, person: &PersonId, credential: &str) {
        let event = Event::new(AuditKind::PasskeyRemoved).person(person.as_str());
        self.audit.record(event.reason("copied").detail(short(credential)));
    }

    /// Stores the passkey that was made in a session.
    ///
    /// # Errors
    /// [`ServiceError`].
    pub async fn added(
        &self,
        (session, person): (Digest, &PersonId),
        adding: Adding<'_>,
        given: &Given,
    ) -> Result<Added, ServiceError> {
        let wanted = Ceremony::Add { session, person: person.clone() };
        let made = match self.challenges.taken(&wanted, given).await? {
            Ok(challenge) => self.challenges.party.created(&challenge, &given.client_data, &given.data),
            Err(why) => Err(why),
        };
        let new = match made {
            Ok(new) => new,
            Err(why) => {
                self.refused("adding", Some(person), why);
                return Ok(Added::Refused);
            }
        };
        let (now, id) = (self.clock.now(), MeansId::random());
        let credential = bytes::encode(&new.id);
        let transports: Vec<&str> = adding
            .transports
            .split_ascii_whitespace()
            .filter_map(|said| TRANSPORTS.into_iter().find(|known| *known == said))
            .take(TRANSPORTS.len())
            .collect();
        let add = store::add((&id, person), (&credential, &new.key, new.seen), &transports.join(" "));
        let label = label(adding.label);
        let means = NewMeans {
            id: &id,
            person,
            kind: Kind::Passkey,
            label: &label,
            by: AddedBy::Person,
            rests_on: adding.rests_on,
            on_a_code_alone: adding.on_a_code_alone,
        };
        let then = self.accounts.adding(&means, now).into_iter().chain(adding.also).collect();
        if self.db.guarded(add, then).await?.is_none() {
            return Ok(Added::TooMany);
        }
        let event = Event::new(AuditKind::PasskeyAdded).person(person.as_str()).detail(short(&credential));
        let on = if adding.on_a_code_alone { "code" } else { "stronger" };
        self.audit.record(event.reason(on));
        Ok(Added::Done)
    }

    /// Gives a passkey another name; `false` if the person has none of that identifier.
    ///
    /// # Errors
    /// [`DbError`].
    pub async fn rename(&self, person: &PersonId, id: &MeansId, to: &str) -> Result<bool, DbError> {
        Ok(self.db.change(store::rename(id, person, &label(to))).await?.is_some())
    }

    /// From when on a passkey could be used that is added now.
    pub fn would_count_from(&self, on_a_code_alone: bool) -> Timestamp {
        let now = self.clock.now();
        if on_a_code_alone { now.plus(self.accounts.settings.counts_after) } else { now }
    }

    /// Whether a person who has one passkey would have no means of signing in without it.
    ///
    /// # Errors
    /// [`DbError`].
    pub async fn is_last(&self, person: &PersonId) -> Result<bool, DbError> {
        match self.accounts.confirmation(person).await? {
            Some(Ground::MobileId | Ground::Other(ConfirmedBy::Eri | ConfirmedBy::Face, _)) => Ok(false),
            _ => Ok(self.accounts.means_of(person).await?.len() <= 1),
        }
    }

    /// Whether a person has a means that makes more than a code by SMS of it, by a row of their account.
    ///
    /// # Errors
    /// [`DbError`].
    pub async fn has_stronger(&self, person: &PersonId) -> Result<bool, DbError> {
        let now = self.clock.now();
        Ok(self.accounts.means_of(person).await?.iter().any(|held| held.counts_from <= now))
    }

    /// Takes a passkey away, with whatever else is stored then; `false` if the person has none of that identifier, or it may not go
    /// ([`Accounts::remove_own`]).
    ///
    /// # Errors
    /// [`DbError`].
    pub async fn remove(
        &self,
        person: &PersonId,
        id: &MeansId,
        also: Vec<Statement>,
    ) -> Result<bool, DbError> {
        if !self.accounts.remove_own((id, Kind::Passkey, person), also, self.clock.now()).await? {
            return Ok(false);
        }
        self.audit.record(Event::new(AuditKind::PasskeyRemoved).person(person.as_str()).reason("person"));
        Ok(true)
    }

    async fn known(&self, person: &PersonId) -> Result<Vec<Credential>, DbError> {
        let known = self.of_person(person).await?.into_iter();
        Ok(known.map(|one| Credential { id: one.credential, transports: one.transports }).collect())
    }

    fn user(&self, person: &PersonId) -> [u8; 32] {
        self.users.digest(&[person.as_str().as_bytes()]).0
    }

    fn refused(&self, ceremony: &'static str, person: Option<&PersonId>, why: NotTaken) -> NotProved {
        let event = Event::new(AuditKind::PasskeyRefused).reason(ceremony).detail(why.0);
        self.audit.record(match person {
            Some(person) => event.person(person.as_str()),
            None => event,
        });
        NotProved::Refused
    }
}

/// Enough of a credential's identifier to tell it from others on record.
fn short(credential: &str) -> String {
    credential.chars().take(12).collect()
}

/// A name as far as a page shows it as it was written.
fn label(typed: &str) -> String {
    let label: String = typed.trim().chars().take(LONGEST_LABEL).collect();
    if is_shown_as_written(&label) { label } else { String::new() }
}
