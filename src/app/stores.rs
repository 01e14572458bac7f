//! Keyring and database, opened from the settings: what the provider and every command need.

use std::fs::File;
use std::path::PathBuf;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use super::settings::{Environment, Settings};
use crate::accounts::passwords::Passwords;
use crate::accounts::{AccountPolicy, Accounts};
use crate::applications::{ReceiptKeys, Receipts};
use crate::audit::{self, Audit, Event, Kind};
use crate::clients::{self, Registry, Rules};
use crate::grants::{Grants, Revocations};
use crate::ledger::Ledger;
use crate::life_events::{FirstCredentials, LifeEvents};
use crate::mobile_id::exchange::Exchange;
use crate::notices::charges::Charges;
use crate::notices::email::Emails;
use crate::notices::inbox::Inbox;
use crate::people::{self, Delays, People, test_people};
use crate::platform::clock::Clock;
use crate::platform::clock_check::ClockCheck;
use crate::platform::db::{self, Db};
use crate::platform::ephemeral::Ephemeral;
use crate::platform::jose::{self, SigningKeys};
use crate::platform::outbound::Outbound;
use crate::platform::seal::{self, Keyring};
use crate::platform::telemetry::Metrics;
use crate::platform::tlog;
use crate::registries::Registries;
use crate::release::Release;
use crate::signals::Signals;
use crate::staff::Staff;
use crate::{
    accounts, applications, cabinet, grants, ledger, mobile_id, notices, oidc, release, sign_in, signals,
    staff,
};
use secrecy::ExposeSecret;

/// The delay that many wrong passwords begin, in seconds. A day, whatever holds for codes: strangers must not keep somebody out for weeks who has
/// nothing but a password.
const LONG_PASSWORD_DELAY: i64 = 86_400;

/// Why a command failed, as a message for the operator.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct StartError(pub String);

/// Turns any error into one that prevents the start.
pub fn cannot_start(error: impl std::fmt::Display) -> StartError {
    StartError(error.to_string())
}

/// The stores and what else every command needs.
pub struct Stores {
    /// The settings.
    pub settings: Settings,
    /// Time.
    pub clock: Clock,
    /// The keyring.
    pub keyring: Keyring,
    /// The database.
    pub db: Db,
    /// Counters.
    pub metrics: Arc<Metrics>,
    /// The audit log.
    pub audit: Audit,
    /// To whom data went.
    pub ledger: Ledger,
    /// Made when it is first asked for: what was found of a register counts for all who ask it.
    registries: OnceLock<Registries>,
    /// Made when they are first asked for, with threads of their own.
    passwords: OnceLock<Passwords>,
}

/// Rows of the audit log that are younger, in milliseconds, do not show that a clock was right for long.
const SETTLED_MS: i64 = 3_600_000;

impl Stores {
    /// Opens keyring and database, which must belong together.
    ///
    /// # Errors
    /// [`StartError`].
    pub async fn open(settings: Settings) -> Result<Self, StartError> {
        let stores = Self::open_unverified(settings).await?;
        // Before the first migration there is nothing to hold the keyring against.
        let migrated = db::pending_migrations(&stores.db).await.is_ok_and(|pending| pending.is_empty());
        if migrated {
            stores.verify_keyring().await?;
        }
        Ok(stores)
    }

    /// Makes sure that the keyring's index key is the one that the database was filled with; records it if none is.
    ///
    /// # Errors
    /// [`StartError`].
    pub async fn verify_keyring(&self) -> Result<(), StartError> {
        let (db, keyring) = (&self.db, &self.keyring);
        let known = match seal::check::is_known(db, keyring).await.map_err(cannot_start)? {
            Some(known) => known,
            // A database of a version that kept no check value tells by its persons.
            None => {
                let people = People::new(db.clone(), keyring);
                people.are_found().await.map_err(cannot_start)?
                    && seal::check::record(db, keyring).await.map_err(cannot_start)?
            }
        };
        if known {
            return Ok(());
        }
        Err(StartError(format!(
            "the keyring {} is not the one of this database: with its `index` nobody would be found, and every `sub` would \
             be another one. Put the keyring back that the other nodes have, or that was kept with the backup",
            self.settings.keys.keyring.display()
        )))
    }

    /// Opens keyring and database. Only the sandbox creates a missing keyring: in production a new keyring would hide the
    /// loss of the old one.
    ///
    /// # Errors
    /// [`StartError`].
    pub async fn open_unverified(settings: Settings) -> Result<Self, StartError> {
        let sandbox = settings.environment == Environment::Sandbox;
        let path = &settings.keys.keyring;
        let keyring = if sandbox { Keyring::read_or_create(path) } else { Keyring::read(path) };
        let keyring = keyring.map_err(cannot_start)?;
        let metrics = Metrics::new();
        let acquire_timeout = Duration::from_millis(settings.database.acquire_timeout_ms.into());
        let (url, each) = (settings.database.url.expose_secret(), connections_each(&settings));
        let db = db::connect(url, each, acquire_timeout, Arc::clone(&metrics)).await.map_err(cannot_start)?;
        Ok(Self::of(settings, keyring, db, metrics))
    }

    /// Of what was opened before.
    pub fn of(settings: Settings, keyring: Keyring, db: Db, metrics: Arc<Metrics>) -> Self {
        let sandbox = settings.environment == Environment::Sandbox;
        let clock = Clock::of_process(sandbox && settings.sandbox.movable_clock);
        let address = &settings.server.issuer.url()[url::Position::BeforeHost..];
        let audit = Audit::of_provider((db.clone(), clock.clone(), Arc::clone(&metrics)), &keyring, address);
        let ledger =
            Ledger::of_provider((db.clone(), clock.clone(), Arc::clone(&metrics)), &keyring, address);
        Self {
            settings,
            clock,
            keyring,
            db,
            metrics,
            audit,
            ledger,
            registries: OnceLock::new(),
            passwords: OnceLock::new(),
        }
    }

    /// The relying parties.
    ///
    /// # Errors
    /// [`StartError`].
    pub async fn clients(&self) -> Result<Registry, StartError> {
        let (db, clock, audit) = (self.db.clone(), self.clock.clone(), self.audit.clone());
        let secrets = self.keyring.sealer("client-secret");
        let clients = Registry::load(db, clock, audit, self.rules(), secrets).await.map_err(cannot_start)?;
        let sandbox = self.settings.environment == Environment::Sandbox;
        let built_in = sandbox && !self.settings.sandbox.contracts_demanded;
        Ok(if built_in { clients.with_built_in_contract() } else { clients })
    }

    /// The signing keys.
    ///
    /// # Errors
    /// [`StartError`].
    pub async fn keys(&self) -> Result<SigningKeys, StartError> {
        let bits = self.settings.keys.rsa_bits;
        let loaded = SigningKeys::load(self.db.clone(), &self.keyring, self.clock.clone(), bits);
        let keys = loaded.await.map_err(cannot_start)?;
        for (kid, alg) in keys.created() {
            self.audit.record(Event::new(Kind::KeyCreated).key(kid.as_str()).alg(alg.name()));
        }
        Ok(keys)
    }

    /// Short-lived state: Redis, or in-process if none is configured.
    ///
    /// # Errors
    /// [`StartError`].
    pub async fn ephemeral(&self) -> Result<Ephemeral, StartError> {
        match &self.settings.redis.url {
            None => Ok(Ephemeral::in_process(self.clock.clone(), &self.keyring)),
            Some(url) => {
                let timeout = Duration::from_millis(self.settings.redis.timeout_ms.into());
                let metrics = Arc::clone(&self.metrics);
                Ephemeral::redis(url.expose_secret(), timeout, self.clock.clone(), &self.keyring, metrics)
                    .await
                    .map_err(cannot_start)
            }
        }
    }

    /// What watches this machine's clock.
    ///
    /// # Errors
    /// [`StartError`].
    pub async fn clock_check(&self, ephemeral: &Ephemeral) -> Result<ClockCheck, StartError> {
        // What a start with a wrong clock wrote a moment ago says nothing about the clock of this one.
        let before = self.clock.machine_ms().saturating_sub(SETTLED_MS);
        let newest = self.audit.newest_ms(before).await.map_err(cannot_start)?;
        let most = self.settings.server.clock_skew_seconds.into();
        let time = (self.clock.clone(), Arc::clone(&self.metrics));
        Ok(ClockCheck::new(time, (self.db.clone(), ephemeral.clone()), most, newest))
    }

    /// Requests to URLs that clients registered.
    pub fn outbound(&self) -> Outbound {
        let sandbox = self.settings.environment == Environment::Sandbox;
        Outbound::new(self.settings.outbound.clone(), sandbox)
    }

    /// The notices in people's cabinets.
    pub fn inbox(&self) -> Inbox {
        let quiet = self.settings.notices.quiet_hours();
        let inbox = Inbox::new(self.db.clone(), self.clock.clone(), quiet, &self.keyring);
        if self.settings.email.is_some() { inbox.with_mails() } else { inbox }
    }

    /// Addresses of people and mails to them, where any are sent.
    pub fn emails(&self) -> Option<Emails> {
        let per_day = self.settings.email.as_ref()?.confirmations_per_day;
        Some(Emails::new(self.db.clone(), self.clock.clone(), &self.keyring, per_day))
    }

    /// Streams of security events to services, and what waits for them.
    pub fn signals(&self) -> Signals {
        Signals::new(self.db.clone(), self.clock.clone(), &self.keyring)
    }

    /// What SMS cost, and numbers without money for them.
    pub fn charges(&self) -> Charges {
        let tariff = self.settings.charges.tariff.clone();
        Charges::new(self.db.clone(), self.clock.clone(), tariff, &self.keyring)
    }

    /// Places, members of staff, their passkeys, and what they did.
    pub fn staff(&self) -> Staff {
        let stores = (self.db.clone(), self.clock.clone());
        Staff::new(stores, &self.keyring, self.audit.clone(), &self.settings.desk)
    }

    /// State registers and what is asked in the same way; the same ones each time.
    ///
    /// # Errors
    /// [`StartError`] when an HTTP client cannot be made.
    pub fn registries(&self, ephemeral: &Ephemeral) -> Result<Registries, StartError> {
        if let Some(registries) = self.registries.get() {
            return Ok(registries.clone());
        }
        let stores = (ephemeral.clone(), &self.keyring);
        let measures = (self.clock.clone(), Arc::clone(&self.metrics));
        let made = Registries::new(&self.settings.registries, stores, measures).map_err(cannot_start)?;
        Ok(self.registries.get_or_init(|| made).clone())
    }

    /// Passwords and logins.
    ///
    /// # Errors
    /// [`StartError`] when their threads cannot be started.
    pub fn passwords(&self) -> Result<Passwords, StartError> {
        if let Some(passwords) = self.passwords.get() {
            return Ok(passwords.clone());
        }
        let people = People::new(self.db.clone(), &self.keyring);
        let stores = (self.db.clone(), people, self.clock.clone());
        let delays = Delays { long: LONG_PASSWORD_DELAY, ..self.delays() };
        let made = Passwords::start(stores, &self.keyring, &self.settings.passwords, delays)
            .map_err(cannot_start)?;
        Ok(self.passwords.get_or_init(|| made).clone())
    }

    /// The accounts of people, and their means of signing in.
    pub fn accounts(&self) -> Accounts {
        let wait = i64::from(self.settings.accounts.new_means_wait_hours) * 3600;
        let people = People::new(self.db.clone(), &self.keyring);
        Accounts::new(self.db.clone(), people, Arc::new(AccountPolicy { counts_after: wait }))
    }

    /// How wrong codes and passwords in a row delay the next try.
    pub(super) fn delays(&self) -> Delays {
        let limits = &self.settings.limits;
        Delays { most: limits.failures_per_account.into(), long: i64::from(limits.long_delay_days) * 86_400 }
    }

    /// What an account gets that is opened.
    ///
    /// # Errors
    /// As for [`Stores::passwords`].
    pub fn first_credentials(&self) -> Result<FirstCredentials, StartError> {
        let settings = &self.settings;
        let url = settings.server.issuer.url();
        Ok(FirstCredentials {
            passwords: self.passwords()?,
            accounts: self.accounts(),
            kind: settings.passwords.enabled.then_some(settings.accounts.initial_credentials),
            address: Arc::from(&url[url::Position::BeforeScheme..url::Position::AfterPort]),
        })
    }

    /// Lists that are exchanged with operators and the civil registry.
    pub fn exchange(&self) -> Exchange {
        Exchange::new(self.db.clone(), self.clock.clone(), &self.keyring)
    }

    /// The receipts of applications that people confirmed, with the keys that sign them.
    ///
    /// # Errors
    /// [`StartError`].
    pub async fn receipts(&self) -> Result<Receipts, StartError> {
        let (db, keyring, clock) = (&self.db, &self.keyring, &self.clock);
        let keys = ReceiptKeys::load(db.clone(), keyring, clock.clone()).await.map_err(cannot_start)?;
        let tell = (Ledger::new(db.clone(), clock.clone(), keyring), self.inbox());
        let issuer = Arc::from(self.settings.server.issuer.as_str());
        Ok(Receipts::new((db.clone(), clock.clone()), keyring, keys, tell, issuer))
    }

    /// What ends things of a person.
    ///
    /// # Errors
    /// [`StartError`].
    pub async fn life_events(&self) -> Result<LifeEvents, StartError> {
        let (db, clock) = (&self.db, &self.clock);
        let people = People::new(db.clone(), &self.keyring);
        let longest = self.settings.tokens.access_seconds.into();
        let ephemeral = self.ephemeral().await?;
        let revocations = Revocations::load(db.clone(), ephemeral.clone(), clock.clone(), longest);
        Ok(LifeEvents {
            grants: Grants::new(
                db.clone(),
                ephemeral,
                clock.clone(),
                revocations.await.map_err(cannot_start)?,
                self.audit.clone(),
            ),
            release: Release::new(db.clone(), people.clone(), clock.clone(), self.audit.clone()),
            inbox: self.inbox(),
            signals: self.signals(),
            clock: clock.clone(),
            people,
            audit: self.audit.clone(),
        })
    }

    /// What settings say of identification in Mobile-ID.
    pub fn identification_rules(&self) -> mobile_id::Rules {
        let (settings, sandbox) = (&self.settings.mobile_id, &self.settings.sandbox);
        mobile_id::Rules {
            code_place: settings.code_place_seconds.into(),
            code_app: settings.code_app_seconds.into(),
            tries: settings.code_tries.into(),
            codes_per_day: settings.codes_per_number_day.into(),
            bhm: settings.bhm.clone(),
            pay: i64::from(settings.pay_days) * 86_400,
            abandoned: i64::from(settings.abandoned_hours) * 3600,
            precheck: settings.precheck_seconds.into(),
            host: self.settings.server.issuer.host().to_owned(),
            test_numbers: self.settings.environment == Environment::Sandbox,
            constant_codes: sandbox.constant_codes.0.clone(),
        }
    }

    /// What registrations are held to.
    pub(super) fn rules(&self) -> Rules {
        let sandbox = self.settings.environment == Environment::Sandbox;
        Rules {
            loopback_http: sandbox,
            issuer: self.settings.server.issuer.as_str().to_owned(),
            sms_host: self.settings.server.issuer.host().to_owned(),
            shortest_secret: if sandbox { 8 } else { 32 },
            published_secrets: sandbox,
        }
    }
}

/// The number of threads that serve requests.
pub(super) fn workers(settings: &Settings) -> usize {
    match settings.server.workers {
        0 => std::thread::available_parallelism().map_or(1, usize::from),
        some => some as usize,
    }
}

/// Size of each thread's connection pool. Threads are the workers, that of the operations port, and the main thread, which
/// runs background work. A command uses the main thread's share.
fn connections_each(settings: &Settings) -> u32 {
    let threads = u32::try_from(workers(settings) + 2).unwrap_or(u32::MAX);
    (settings.database.max_connections / threads).max(1)
}

/// All tables, as the subjects declare them; those with foreign keys come first.
#[cfg_attr(not(feature = "stand-ins"), allow(dead_code, reason = "only the demo empties a database"))]
pub(crate) fn tables() -> impl Iterator<Item = &'static str> {
    let subjects = [
        accounts::TABLES,
        audit::TABLES,
        cabinet::TABLES,
        accounts::passwords::TABLES,
        staff::TABLES,
        notices::TABLES,
        oidc::TABLES,
        release::TABLES,
        applications::TABLES,
        grants::TABLES,
        ledger::TABLES,
        mobile_id::TABLES,
        mobile_id::exchange::TABLES,
        signals::TABLES,
        people::TABLES,
        clients::TABLES,
        jose::TABLES,
        sign_in::TABLES,
        seal::check::TABLES,
        db::TABLES,
        tlog::TABLES,
    ];
    subjects.into_iter().flatten().copied()
}

/// The test people of the sandbox; none in production.
///
/// # Errors
/// [`StartError`] when their file is invalid.
pub fn test_people(settings: &Settings) -> Result<Vec<test_people::TestPerson>, StartError> {
    if settings.environment != Environment::Sandbox {
        return Ok(Vec::new());
    }
    let text = match &settings.sandbox.people {
        None => test_people::BUILT_IN.to_owned(),
        Some(path) => std::fs::read_to_string(path)
            .map_err(|error| cannot_start(format!("{}: {error}", path.display())))?,
    };
    test_people::parse(&text).map_err(|why| StartError(format!("the test people cannot be read: {why}")))
}

pub(super) async fn store_test_people(stores: &Stores, people: &People) -> Result<(), StartError> {
    let all = test_people(&stores.settings)?;
    test_people::store(people, &all, stores.clock.now()).await.map_err(cannot_start)
}

/// Locks the embedded database to this node, so that a second one fails at start instead of corrupting state.
pub(super) fn only_node(stores: &Stores) -> Result<Option<File>, StartError> {
    let url = stores.settings.database.url.expose_secret();
    let Some(path) = db::embedded_file(url) else { return Ok(None) };
    let path = path.display();
    let lock = PathBuf::from(format!("{path}.node"));
    let file = File::options()
        .create(true)
        .truncate(false)
        .write(true)
        .open(&lock)
        .map_err(|error| StartError(format!("{}: {error}", lock.display())))?;
    match file.try_lock() {
        Ok(()) => Ok(Some(file)),
        Err(_) => Err(StartError(format!(
            "another node is already running on {path}: embedded stores serve one node; stop it, or use PostgreSQL and Redis"
        ))),
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::platform::db::test_db::TestDb;

    #[actix_web::test]
    async fn the_subjects_declare_the_tables_that_the_migrations_make() {
        let db = TestDb::migrated().await;
        let made = "SELECT name FROM sqlite_master WHERE type = 'table' AND name <> '_sqlx_migrations'";
        let rows = db.read_all(db::statement(made)).await.unwrap();
        let made: BTreeSet<String> =
            rows.iter().map(|row| db::text(row, "sqlite_master", "name").unwrap()).collect();
        assert_eq!(tables().map(str::to_owned).collect::<BTreeSet<_>>(), made);
        assert_eq!(tables().count(), made.len(), "each table has one owner");
    }
}
