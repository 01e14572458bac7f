//! Signing in: the steps a person takes to prove who they are, the limits on them, and SSO sessions.
//!
//! A [`SignInAttempt`] is one service's request ([`SignInRequest`]) on its way to an answer, and says how far the person
//! got ([`Stage`]). `flow.rs` is the table of steps; each step has a file of its own. Pages are in `pages`, protocols in
//! `oidc`, consent in `release`.

mod approval;
mod assurance;
mod attempt;
mod begin;
mod brake;
mod choice;
mod code;
mod counted;
mod device;
mod ended_sessions;
mod eri;
mod face;
mod flood;
mod flow;
mod forgotten;
mod freshness;
mod history;
mod identifier;
mod known_browsers;
mod limits;
mod network;
mod notice;
mod number;
mod password;
mod permission;
mod proofs;
mod proving;
mod purpose;
mod qr;
mod recorded;
mod reply;
mod request;
pub mod risk;
mod sending;
mod session;
mod settings;
mod short_code;
mod travel;
mod unlocking;
mod untold_ends;
mod waiting;

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::accounts::Accounts;
use crate::audit::Audit;
use crate::notices::Outbox;
use crate::notices::inbox::Inbox;
use crate::people::{Delays, People};
use crate::platform::clock::Clock;
use crate::platform::ephemeral::{Ephemeral, KeySpace};
use crate::platform::seal::Mac;
use crate::platform::telemetry::Metrics;
use risk::{Tolls, TravelRules};

pub use approval::{MuteOutcome, NotAsked};
pub use assurance::{
    Acr, Amr, Means, UNLOCKING, can_lead, classes, is_single_factor, reachable, told, unlocks,
};
pub use attempt::{
    AttemptName, Authenticated, Challenge, CodeSent, MOST_BYTES, OpenAttempt, Opening, SignInAttempt,
    SignInAttempts, Told, WrongCodes,
};
pub use begin::Beginning;
pub use brake::{Brake, BrakeRules, Guessed};
pub use choice::{LAST_MEANS, LAST_MEANS_SECONDS};
pub use code::{CodeOutcome, CountedTry, Over, TypedCode};
pub use counted::{Counted, Limit};
pub use device::Device;
pub use ended_sessions::{EndOfOthers, EndedSessions};
pub use eri::{
    Eri, EriAsked, EriPolicy, EriProblem, EriProof, EriProofs, EriSettings, EriSigned, eri_payload,
};
pub use face::{AWAY, Away, Back, Face, FaceSettings, RETURN_PATH};
pub use flood::{Flood, FormCaps};
pub use flow::{
    Agreement, Base, Event, Illegal, Outcome, Page, Precondition, Purpose, Refusal, Requirements, Stage,
    StepInfo, Undo, cancel_path,
};
pub use forgotten::{Forgotten, ForgottenBrowsers};
pub use freshness::{Reason, Situation, known};
pub use history::{History, PastSignIn, SeenBrowser};
pub use identifier::{AttemptId, BrowserId, SessionId};
pub use known_browsers::{KnownBrowsers, KnownPersons, Newness};
pub use limits::{ApprovalCaps, Caps, Guess, Limits, Wish};
pub use network::{ClientNetwork, NamedNetwork, NamedNetworks, masked_network};
pub use number::{NumberOutcome, ResendOutcome};
pub use permission::{by_click, needs_code};
pub use proofs::Proofs;
pub use proving::Proving;
pub use purpose::Beside;
pub use qr::{
    CHOICES, Choice, QR_CODES, QR_SECONDS, QR_TOLD, QrCodes, QrRequest, QrSecret, QrState, SharedNetwork,
    WordPair,
};
pub use reply::Reply as SmsReply;
pub use request::{AskAgain, Protocol, Reply, SignInRequest};
pub use sending::Sender;
pub use session::{OpenSession, Session, SessionBounds, Sessions, session_cookie};
pub use settings::{LimitSettings, SignInSettings};
pub use short_code::ShortCode;
pub use unlocking::{UNLOCK, UnlockProof, UnlockProofs};
pub use untold_ends::UntoldEnd;

pub use crate::people::Organisation;
/// An error that the person did not cause: 503 or 500, never an outcome.
pub use crate::platform::service_error::ServiceError;

/// What the stores in here keep their data in.
pub(crate) const TABLES: &[&str] =
    &[ended_sessions::TABLE, forgotten::TABLE, history::TABLE, untold_ends::TABLE, waiting::TABLE];

/// Sign-in attempts.
pub const ATTEMPTS: KeySpace = KeySpace::new(b't', "sign-in attempt");
/// Services that a person can mute by the message that they got.
pub const MUTABLE: KeySpace = KeySpace::new(b'q', "service that may be muted");
/// What a code opens when its phone sends it by SMS.
pub const REPLIES: KeySpace = KeySpace::new(b'Y', "answer by SMS");
/// SSO sessions.
pub const SESSIONS: KeySpace = KeySpace::new(b's', "session");
/// Counted events of a window of time.
pub const WINDOWS: KeySpace = KeySpace::new(b'w', "window");

/// What the steps need. Cheap to clone.
#[derive(Clone)]
pub struct SignIn {
    /// Time.
    pub clock: Clock,
    /// Settings of the steps.
    pub settings: Arc<Settings>,
    /// Where attempts, sessions and messages under way are stored together.
    pub ephemeral: Ephemeral,
    /// Attempts in progress.
    pub attempts: SignInAttempts,
    /// SSO sessions.
    pub sessions: Sessions,
    /// Where and for what people signed in.
    pub history: History,
    /// Persons and numbers.
    pub people: People,
    /// Their other means of signing in.
    pub accounts: Accounts,
    /// Where codes are sent from.
    pub outbox: Outbox,
    /// What people are told in their cabinets.
    pub inbox: Inbox,
    /// Limits on messages.
    pub limits: Limits,
    /// Limits on what is looked at.
    pub flood: Flood,
    /// What codes cost where somebody asks for more of them than people do.
    pub tolls: Tolls,
    /// The brake on spread guessing of codes.
    pub brake: Brake,
    /// That of passwords.
    pub password_brake: Brake,
    /// In which browsers people signed in before.
    pub known: KnownBrowsers,
    /// Which of them their persons forgot.
    pub forgotten: ForgottenBrowsers,
    /// That somebody may unlock their account.
    pub unlocking: UnlockProofs,
    /// Keyed digests of codes.
    pub codes: Arc<Mac>,
    /// Counters for operators.
    pub metrics: Arc<Metrics>,
    /// What happened.
    pub audit: Audit,
}

/// Settings of the steps.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Host in the last line of an SMS, by which phones tie the code to the page.
    pub host: String,
    /// Scheme, host and, if it is not the usual one, port of this provider's pages, as an SMS writes their address.
    pub address: String,
    /// Short number at which SMS from phones are read, if there is one.
    pub reply_number: Option<String>,
    /// Lifetime of a code, in seconds.
    pub code_seconds: i64,
    /// Tries that a code allows.
    pub code_tries: u64,
    /// Seconds before the first, second, … resend; no more resends than entries.
    pub resend_after: Vec<i64>,
    /// How wrong codes in a row delay the next try.
    pub delays: Delays,
    /// Messages that a number may get in a day, for each side.
    pub daily_cap: i64,
    /// Networks with limits of their own.
    pub networks: NamedNetworks,
    /// When a person seems to be in many places at once.
    pub travel: TravelRules,
    /// Test numbers with a constant code; empty outside the sandbox.
    pub constant_codes: BTreeMap<String, String>,
    /// Whether numbers with a constant code are exempt from limits, for automated runs.
    pub relaxed_limits: bool,
    /// Whether numbers of the test code 00 are accepted.
    pub test_numbers: bool,
    /// Whether people can register on-line, so that pages lead there.
    pub registers: bool,
    /// The means of signing in that this installation offers, in their order.
    pub offered: Vec<Means>,
}
