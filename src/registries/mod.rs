//! State registers, operators, unified billing, E-IMZO's server and MyID: who is asked what, in their own wire formats
//! (`docs/registries.md`).
//!
//! Questions are types ([`PersonQuery`] and others), so that nothing outside annex 3 of resolution 679 can be asked (R112). Each register has a
//! line of its own: connections, a bound on calls at once, a timeout and a circuit breaker; a slow or dead one costs those who ask it
//! their answer and nobody else anything. Nothing on a sign-in's path asks a register. What was answered may be used again for a
//! while (`kept.rs`), as long as the register's settings say. Answers are bounded, their differing flags of success made one, and what is
//! odd about a record is kept beside it ([`Oddity`]), not thrown away. No identifier of a person is logged.
//!
//! There is no rule of identification here: what follows from an answer is for `mobile_id`.

mod asker;
mod biometrics;
mod breaker;
mod check;
mod civil;
mod countries;
mod employment;
mod error;
mod interior;
mod kept;
mod line;
mod live;
mod oddity;
mod operators;
mod person;
mod query;
#[cfg(any(test, fuzzing))]
mod readers;
mod settings;
mod social;
mod tax;
mod token;
mod wire;

pub mod billing;
pub mod eimzo;
pub mod myid;

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

use crate::platform::clock::{Clock, Timestamp};
use crate::platform::ephemeral::Ephemeral;
use crate::platform::seal::Keyring;
use crate::platform::telemetry::Metrics;
use kept::Kept;
use line::{Credentials, Line};
use token::Tokens;
use wire::Heard;

pub use asker::{Asker, Why};
pub use billing::Billing;
pub use biometrics::{
    Comparison, FaceVerdict, FingerprintVerdict, LARGEST_FINGERPRINT, LARGEST_PHOTO, is_fingerprint, is_photo,
};
pub use check::Checked;
pub use civil::Death;
pub use eimzo::Eimzo;
pub use employment::Job;
pub use error::{Contradiction, ErrorKind, RegisterName, RegistryError};
pub use interior::Addresses;
pub use kept::REGISTRY_ANSWERS;
pub use myid::MyId;
pub use oddity::Oddity;
pub use operators::{Subscriber, SubscriberState};
pub use person::{CivilRecord, KnownDocument, Residence, ShownBy};
pub use query::{
    AddressQuery, AskedDocument, Given, JobQuery, PersonQuery, QueryError, SubscriberQuery, TinQuery,
};
#[cfg(fuzzing)]
pub use readers::read_everything;
pub use settings::RegistriesSettings;
pub use social::{DisabilityGroup, Discount};
pub use tax::CardCertificate;

/// Everything that is connected. Cheap to clone.
#[derive(Clone)]
pub struct Registries(Arc<Connected>);

struct Connected {
    lines: [Option<Line>; RegisterName::ALL.len()],
    kept: Option<Kept>,
    sender_pinfl: String,
    /// The site's name at E-IMZO.
    eimzo_site: Option<String>,
    myid: Option<myid::Account>,
    clock: Clock,
    metrics: Arc<Metrics>,
}

/// An answer, and of when it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer<T> {
    /// What was answered.
    pub value: T,
    /// By which register.
    pub register: RegisterName,
    /// When it was answered.
    pub as_of: Timestamp,
    /// Whether it is an earlier answer that is still fresh.
    pub kept: bool,
}

impl<T> Answer<T> {
    /// The same answer with another value.
    pub fn map<U>(self, change: impl FnOnce(T) -> U) -> Answer<U> {
        Answer { value: change(self.value), register: self.register, as_of: self.as_of, kept: self.kept }
    }
}

impl Registries {
    /// The lines to what the settings connect.
    ///
    /// # Errors
    /// When the system's TLS roots cannot be read.
    pub fn new(
        settings: &RegistriesSettings,
        (ephemeral, keyring): (Ephemeral, &Keyring),
        (clock, metrics): (Clock, Arc<Metrics>),
    ) -> Result<Self, reqwest::Error> {
        let kept = Kept::new(ephemeral, keyring, clock.clone());
        Self::connect(settings, Some(kept), (clock, metrics))
    }

    /// The same without answers that are used again, for a check: it needs neither keys nor stores.
    ///
    /// # Errors
    /// As [`Registries::new`].
    pub fn for_check(
        settings: &RegistriesSettings,
        clock: Clock,
        metrics: Arc<Metrics>,
    ) -> Result<Self, reqwest::Error> {
        Self::connect(settings, None, (clock, metrics))
    }

    fn connect(
        settings: &RegistriesSettings,
        kept: Option<Kept>,
        (clock, metrics): (Clock, Arc<Metrics>),
    ) -> Result<Self, reqwest::Error> {
        let client = line::client()?;
        let tokens = settings.gateway.clone();
        let tokens = tokens.map(|gateway| Arc::new(Tokens::new(client.clone(), gateway)));
        let mut lines = [const { None }; RegisterName::ALL.len()];
        for register in RegisterName::ALL {
            let Some(own) = settings.line(register) else { continue };
            let gateway = settings.gateway.as_ref().map(|gateway| gateway.base_url.as_str());
            let Some(base) = own.base_url.as_ref().map(url::Url::as_str).or(gateway) else { continue };
            let credentials = match (&own.token, &own.base_url, &tokens) {
                (Some(token), ..) => Credentials::Bearer(token.clone()),
                (None, None, Some(tokens)) => Credentials::Gateway(Arc::clone(tokens)),
                (None, ..) => Credentials::None,
            };
            lines[register as usize] = Some(Line::new(
                register,
                (client.clone(), base),
                credentials,
                &own,
                (settings.failures, settings.rest_seconds.into()),
                (clock.clone(), Arc::clone(&metrics)),
            ));
        }
        let sender_pinfl = settings.gateway.as_ref().map(|gateway| gateway.sender_pinfl.clone());
        Ok(Self(Arc::new(Connected {
            lines,
            kept,
            sender_pinfl: sender_pinfl.unwrap_or_default(),
            eimzo_site: settings.eimzo.as_ref().and_then(|eimzo| eimzo.site.clone()),
            myid: settings.myid.clone().map(myid::Account::new),
            clock,
            metrics,
        })))
    }

    /// Whether a register is configured.
    pub fn is_connected(&self, register: RegisterName) -> bool {
        self.0.lines[register as usize].is_some()
    }

    /// Unified billing, over the same lines.
    pub fn billing(&self) -> Billing {
        Billing::new(self.clone())
    }

    /// E-IMZO's server, over the same lines.
    pub fn eimzo(&self) -> Eimzo {
        Eimzo::new(self.clone())
    }

    /// MyID, over the same lines.
    pub fn myid(&self) -> MyId {
        MyId::new(self.clone())
    }

    fn line(&self, register: RegisterName) -> Result<&Line, RegistryError> {
        let not_connected = RegistryError::new(register, ErrorKind::NotConnected);
        self.0.lines[register as usize].as_ref().ok_or(not_connected)
    }

    /// Whose PINFL the gateway is told.
    fn sender<'a>(&'a self, asker: &'a Asker) -> &'a str {
        asker.pinfl().map_or(&self.0.sender_pinfl, |pinfl| pinfl.digits())
    }

    /// The answer to a question: a fresh one of before, or what `call` brings, read by `read`. What cannot be read is not kept. An
    /// empty `question` is never answered from memory.
    async fn ask<T>(
        &self,
        line: &Line,
        asker: &Asker,
        question: &[&str],
        call: impl Future<Output = Result<Heard, RegistryError>>,
        read: impl Fn(&Heard) -> Result<T, ErrorKind>,
    ) -> Result<Answer<T>, RegistryError> {
        let register = line.name;
        let kept = self.0.kept.as_ref().filter(|_| !question.is_empty() && line.fresh > 0);
        let kept = kept.map(|kept| (kept, kept.key(register, question)));
        if let Some((kept, key)) = kept
            && let Some((heard, as_of)) = kept.get(key).await
            && let Ok(value) = read(&heard)
        {
            self.0.metrics.registry_calls(register.name(), "kept").inc();
            log(register, asker, "kept", Duration::ZERO);
            return Ok(Answer { value, register, as_of, kept: true });
        }
        let begun = Instant::now();
        let heard = call.await;
        let as_of = self.0.clock.now();
        let took = begun.elapsed();
        let (outcome, answer) = match heard {
            Err(error) => (error.kind.name(), Err(error)),
            Ok(heard) => {
                let read = read(&heard);
                let outcome = read.as_ref().map_or_else(|kind| kind.name(), |_| "answered");
                self.0.metrics.registry_calls(register.name(), outcome).inc();
                self.0.metrics.registry_seconds(register.name()).observe(took.as_secs_f64());
                if let (Some((kept, key)), Ok(_)) = (kept, &read) {
                    kept.put(key, heard, line.fresh).await;
                }
                (outcome, read.map_err(|kind| RegistryError::new(register, kind)))
            }
        };
        log(register, asker, outcome, took);
        Ok(Answer { value: answer?, register, as_of, kept: false })
    }
}

/// Who asked what, and what came of it: without whom it was about.
fn log(register: RegisterName, asker: &Asker, outcome: &'static str, took: Duration) {
    tracing::info!(
        event = "registry.asked",
        register = register.name(),
        outcome,
        asker = asker.label(),
        asker.kind = asker.kind(),
        why = asker.why().name(),
        ms = u64::try_from(took.as_millis()).unwrap_or(u64::MAX),
        "a register was asked"
    );
}
