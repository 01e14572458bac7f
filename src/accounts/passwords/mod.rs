//! Passwords and logins: what is stored, what a new one must be, and trying one.
//!
//! A hash is Argon2id, sealed, and computed in a pool of its own (`pool.rs`). A try is the same work whether or not there is anybody
//! behind the login: the same statements, a hash of the same cost, a counted failure. Who tries too often waits, on the side from
//! which they try: a stranger's guesses never keep out a browser in which the person signed in before.

mod added;
mod filter;
mod forgotten;
mod hash;
mod links;
mod login;
mod pool;
mod recovery;
mod rules;
mod settings;
mod store;
mod temporary;

use std::sync::Arc;

pub use added::Rests;
pub use filter::Filter;
pub use hash::{Cost, HashError};
pub use links::PATH as LINK_PATH;
pub use login::{ChosenLogin, LENGTH as LOGIN_LENGTH, LoginError, TypedLogin};
pub use pool::Busy;
pub use recovery::{RecoveredBy, Recovery, STOP_PATH};
pub use rules::{LONGEST, NewPassword, Own, Rules, TypedPassword, Weak};
pub use settings::PasswordSettings;
pub use store::Stored;
pub use temporary::Temporary;

use crate::accounts::{Accounts, AddedBy};
use crate::people::{Delays, Epoch, People, PersonId, Side};
use crate::platform::bytes::Digest;
use crate::platform::clock::{Clock, Timestamp};
use crate::platform::db::{Db, DbError, Statement};
use crate::platform::seal::Keyring;
use crate::platform::service_error::ServiceError;

use pool::Pool;
use store::{Found, Store};

/// What is kept here.
pub(crate) const TABLES: &[&str] =
    &[store::PASSWORDS, store::LOGINS, store::FAILURES, store::LINKS, store::RECOVERIES];

/// Seconds after which the use of a password is noted again.
const NOTED_AGAIN: i64 = 3600;

/// Seconds after which somebody tries again who came when too many passwords waited to be hashed.
pub const BUSY_SECONDS: i64 = 5;

/// A hash that may be stored.
pub struct Hashed(String);

/// A person whose password is right.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Right {
    /// Who.
    pub person: PersonId,
    /// Under which epoch.
    pub epoch: Epoch,
    /// Which password, as [`Stored::generation`].
    pub generation: i64,
    /// Whether it is a temporary one, which only leads to a new one.
    pub temporary: bool,
    /// Whether it counts as a further factor by now.
    pub counts: bool,
}

/// What follows a login and a password.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Tried {
    /// They are right.
    Right(Right),
    /// They were right: it is a temporary password whose time is over. Nobody else learns that.
    Over,
    /// They are wrong, or there is no such login; the two are the same from outside.
    Wrong {
        /// A delay began with it, for the person if there is one.
        delayed: Option<PersonId>,
        /// Whom to tell that strangers try.
        told: Option<PersonId>,
    },
    /// Nothing was compared: there were too many wrong ones on this side until then.
    Delayed(Timestamp),
    /// Nothing was compared: too many wait.
    Busy,
}

/// A login that somebody typed, and what stands behind it.
pub struct Approached {
    found: Found,
    side: Side,
}

impl Approached {
    /// Under which its tries are counted: the account's, or the decoy's that stands in for none.
    pub fn key(&self) -> Digest {
        Digest::of(self.found.account.as_str().as_bytes())
    }

    /// A keyed digest of the login as it was typed, whoever has it.
    pub const fn login(&self) -> &Digest {
        &self.found.login
    }

    /// Whether somebody has the login.
    pub const fn is_somebodys(&self) -> bool {
        self.found.epoch.is_some()
    }

    /// From which side it is approached.
    pub const fn side(&self) -> Side {
        self.side
    }
}

/// The operations. Cheap to clone.
#[derive(Clone)]
pub struct Passwords {
    store: Store,
    pool: Pool,
    clock: Clock,
    cost: Cost,
    decoy: Arc<str>,
    delays: Delays,
    /// What a new password must be.
    pub rules: Rules,
    /// Lifetime of a temporary one, in seconds.
    pub temporary_seconds: i64,
    /// For how long a recovery can be stopped and what is dangerous waits, in seconds.
    pub recovery_seconds: i64,
}

impl Passwords {
    /// The operations over `db`, with threads of their own.
    ///
    /// # Errors
    /// [`std::io::Error`] when no thread can be started.
    pub fn start(
        (db, people, clock): (Db, People, Clock),
        keyring: &Keyring,
        settings: &PasswordSettings,
        delays: Delays,
    ) -> std::io::Result<Self> {
        let cost = settings.cost();
        Ok(Self {
            store: Store::new(db, keyring, people),
            pool: Pool::start(settings.threads as usize, settings.queue as usize)?,
            clock,
            cost,
            decoy: Arc::from(hash::decoy(cost).map_err(std::io::Error::other)?),
            delays,
            rules: settings.rules(),
            temporary_seconds: i64::from(settings.temporary_hours) * 3600,
            recovery_seconds: i64::from(settings.recovery_hours) * 3600,
        })
    }

    /// Looks up what stands behind a login, in one statement. `side` says from which side the person is approached; nobody is approached
    /// from that of strangers.
    ///
    /// # Errors
    /// [`DbError`].
    pub async fn approach(
        &self,
        login: &TypedLogin,
        side: impl FnOnce(&PersonId, Epoch) -> Side,
    ) -> Result<Approached, DbError> {
        let found = self.store.find(login).await?;
        let side = match found.epoch.map(|epoch| side(&found.account, epoch)) {
            Some(Side::Known) => Side::Known,
            _ => Side::Stranger,
        };
        Ok(Approached { found, side })
    }

    /// Compares a password with the one of a login. Nothing is asked of the store but where it is wrong, or right after wrong ones: then one
    /// statement, which commits.
    ///
    /// # Errors
    /// [`ServiceError`] when the store is unavailable.
    pub async fn compare(
        &self,
        Approached { found, side }: Approached,
        password: TypedPassword,
    ) -> Result<Tried, ServiceError> {
        let failures = if side == Side::Known { found.known } else { found.strangers };
        let now = self.clock.now();
        if failures.locked_until > now {
            return Ok(Tried::Delayed(failures.locked_until));
        }
        let phc = found.password.as_ref().map_or_else(|| self.decoy.to_string(), |(phc, _)| phc.clone());
        let (outdated, cost) = (hash::is_outdated(&phc, self.cost), self.cost);
        let compared = self.pool.run(move |memory| {
            let right = hash::verify(memory, password.bytes(), &phc)?;
            // Made while the password is at hand; nobody else's try takes longer by it.
            let again =
                if right && outdated { Some(hash::hash(memory, password.bytes(), cost)?) } else { None };
            Ok::<_, HashError>((right, again))
        });
        let (right, again) = match compared.await {
            Ok(compared) => compared?,
            Err(Busy) => return Ok(Tried::Busy),
        };
        let (Some(epoch), Some((_, stored)), true) = (found.epoch, &found.password, right) else {
            let counted =
                self.store.count_failure(&found.account, side, self.delays, self.clock.now()).await?;
            let person = found.epoch.is_some().then_some(found.account);
            return Ok(Tried::Wrong {
                told: person.clone().filter(|_| counted.told),
                delayed: person.filter(|_| counted.delayed),
            });
        };
        if failures.count > 0 {
            self.store.clear_failures(&found.account, side).await?;
        }
        if stored.temporary_until.is_some_and(|until| until <= self.clock.now()) {
            return Ok(Tried::Over);
        }
        if let Some(again) = again {
            self.store.store_again(&found.account, (&again, stored.generation)).await?;
        }
        let now = self.clock.now();
        // When it was last used is known to the hour: to know it better would cost each sign-in a commit.
        if let Some(means) = found.means.as_ref().filter(|means| is_long_ago(means.used_at, now)) {
            self.store.db.execute(Accounts::using(&means.id, now)).await?;
        }
        Ok(Tried::Right(Right {
            person: found.account,
            epoch,
            generation: stored.generation,
            temporary: stored.temporary_until.is_some(),
            counts: found.means.is_some_and(|means| means.counts_from <= now),
        }))
    }

    /// Whether a password is the person's own present one, such as a new one may not be. Counts nothing.
    ///
    /// # Errors
    /// [`ServiceError`]; [`Busy`] inside.
    pub async fn is_present(
        &self,
        person: &PersonId,
        password: TypedPassword,
    ) -> Result<Result<bool, Busy>, ServiceError> {
        let Some((phc, _)) = self.store.hash_of(person).await? else { return Ok(Ok(false)) };
        match self.pool.run(move |memory| hash::verify(memory, password.bytes(), &phc)).await {
            Ok(same) => Ok(Ok(same?)),
            Err(busy) => Ok(Err(busy)),
        }
    }

    /// The present time.
    pub fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// Hashes a password that keeps the rules.
    ///
    /// # Errors
    /// [`ServiceError`]; [`Busy`] inside.
    pub async fn hash(&self, password: NewPassword) -> Result<Result<Hashed, Busy>, ServiceError> {
        let cost = self.cost;
        match self.pool.run(move |memory| hash::hash(memory, password.0.bytes(), cost)).await {
            Ok(phc) => Ok(Ok(Hashed(phc?))),
            Err(busy) => Ok(Err(busy)),
        }
    }

    /// A temporary password of this moment, which is told to its person once and leads to a new one. It waits for its turn however many
    /// guesses do: nobody can ask for many of these.
    ///
    /// # Errors
    /// [`ServiceError`].
    pub async fn temporary(&self) -> Result<(Temporary, Hashed), ServiceError> {
        let (made, cost) = (Temporary::random(), self.cost);
        let password = TypedPassword::read(made.as_str());
        let hashed = self.pool.run_in_turn(move |memory| hash::hash(memory, password.bytes(), cost)).await;
        let phc =
            hashed.map_err(|Busy| ServiceError::Internal("no thread hashes passwords".to_owned()))??;
        Ok((made, Hashed(phc)))
    }

    /// The statement that sets a password whatever there was, with `RETURNING`.
    pub fn set(&self, person: &PersonId, hashed: &Hashed, by: AddedBy) -> Statement {
        self.store.set(person, (&hashed.0, by, None), self.clock.now())
    }

    /// The statement that sets a temporary one whatever there was.
    pub fn set_temporary(&self, person: &PersonId, hashed: &Hashed, by: AddedBy) -> Statement {
        let now = self.clock.now();
        self.store.set(person, (&hashed.0, by, Some(now.plus(self.temporary_seconds))), now)
    }

    /// The statement that sets a password in place of the one of a generation, a guard: it touches nothing once another one was set.
    pub fn replace(&self, person: &PersonId, generation: i64, hashed: &Hashed, by: AddedBy) -> Statement {
        self.store.replace(person, (&hashed.0, by, generation), self.clock.now())
    }

    /// The statement that takes a password away, a guard.
    pub fn remove(person: &PersonId) -> Statement {
        Store::remove(person)
    }

    /// The statement that ends what wrong passwords of before delay: they were guesses at another one.
    pub fn forgive(person: &PersonId) -> Statement {
        Store::forget_failures(person)
    }

    /// Makes changes that belong to a password: `guard`, and `then` only if it touched a row.
    ///
    /// # Errors
    /// [`DbError`].
    pub async fn change(&self, guard: Statement, then: Vec<Statement>) -> Result<bool, DbError> {
        Ok(self.store.db.guarded(guard, then).await?.is_some())
    }

    /// The password of a person, if one is set.
    ///
    /// # Errors
    /// [`DbError`].
    pub async fn of_person(&self, person: &PersonId) -> Result<Option<Stored>, DbError> {
        self.store.of_person(person).await
    }

    /// The login that a person chose; `None` where it is their PINFL.
    ///
    /// # Errors
    /// [`DbError`].
    pub async fn login_of(&self, person: &PersonId) -> Result<Option<String>, DbError> {
        self.store.login_of(person).await
    }

    /// Sets a login, with `then`, all or nothing (R113); `false` when somebody else has it.
    ///
    /// # Errors
    /// [`DbError`].
    pub async fn choose_login(
        &self,
        person: &PersonId,
        login: &ChosenLogin,
        then: Vec<Statement>,
    ) -> Result<bool, DbError> {
        self.store.choose(person, login, self.clock.now(), then).await
    }
}

fn is_long_ago(used: Option<Timestamp>, now: Timestamp) -> bool {
    used.is_none_or(|used| now.since(used) >= NOTED_AGAIN)
}

#[cfg(test)]
mod tests;
