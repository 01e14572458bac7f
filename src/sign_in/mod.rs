//! Signing in: the steps a person takes to prove who they are, the limits on them, and SSO sessions.
//!
//! A [`SignInAttempt`] is one service's question on its way to an answer; [`Progress`] is the part of it that the
//! steps change. Each step is one file: values in, an outcome out. Pages are in `pages`, protocols in `oidc`,
//! consent in `release`.

mod assurance;
mod attempt;
mod code;
mod identifier;
mod limits;
mod number;
mod session;
mod settings;

use std::sync::Arc;

use crate::notices::Outbox;
use crate::people::People;
use crate::platform::clock::Clock;
use crate::platform::ephemeral::Ephemeral;
use crate::platform::seal::Mac;
use crate::platform::telemetry::Metrics;

pub use assurance::{Acr, Amr};
pub use attempt::{Authenticated, Challenge, NumberEntered, Progress, SignInAttempt, SignInAttempts, Stage};
pub use code::{CodeOutcome, CountedTry};
pub use identifier::{AttemptId, BrowserId, SessionId};
pub use limits::{Caps, ClientNetwork, Limit, Limits};
pub use number::{NumberOutcome, PendingCode, ResendOutcome};
pub use session::{Session, SessionBounds, Sessions};
pub use settings::{LimitSettings, SignInSettings};

/// An error of a step that is nobody's fault at the keyboard: 503 or 500, never an outcome.
pub use crate::platform::service_error::ServiceError;

/// What the steps need.
#[derive(Clone)]
pub struct SignIn {
    /// Time.
    pub clock: Clock,
    /// Settings of the steps.
    pub settings: Arc<Settings>,
    /// Counters of tries.
    pub ephemeral: Ephemeral,
    /// Persons and numbers.
    pub people: People,
    /// Where codes are sent from.
    pub outbox: Outbox,
    /// Limits on sends.
    pub limits: Limits,
    /// Keyed digests of codes.
    pub codes: Arc<Mac>,
    /// Counters for operators.
    pub metrics: Arc<Metrics>,
}

/// Settings of the steps.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Host in the last line of an SMS, by which phones tie the code to the page.
    pub host: String,
    /// Seconds that a code holds.
    pub code_seconds: i64,
    /// Tries that a code allows.
    pub code_tries: u64,
    /// Seconds before the first, second, … resend; no more resends than entries.
    pub resend_after: Vec<i64>,
    /// Wrong codes in a row after which an account is shut.
    pub failures_per_account: i64,
    /// Messages that a number may have in a day.
    pub daily_cap: i64,
    /// Test numbers with a constant code; empty outside the sandbox.
    pub constant_codes: std::collections::BTreeMap<String, String>,
    /// Whether numbers with a constant code are free of limits, for automated runs.
    pub relaxed_limits: bool,
    /// Whether numbers of the code 00 are taken.
    pub test_numbers: bool,
}
