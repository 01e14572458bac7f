//! A registration under way: short-lived state, sealed, found by a cookie of its browser.

use actix_web::HttpRequest;
use serde::{Deserialize, Serialize};

use super::SignUp;
use super::form::Form;
use super::obstacle::Obstacle;
use crate::people::{Person, PersonId};
use crate::platform::bytes::{self, Digest};
use crate::platform::clock::Timestamp;
use crate::platform::ephemeral::{EphemeralKey, KeySpace, Unavailable};
use crate::platform::web::cookies::CookieName;

/// Registrations under way.
pub const SIGN_UPS: KeySpace = KeySpace::new(b'x', "registration");

/// The browser's registration.
pub(super) const COOKIE: CookieName = CookieName::new("__Host-yagona-register");

/// How long a registration lasts, in seconds.
pub(super) const SECONDS: i64 = 1800;

/// Registers take at most so long; a check that says nothing for longer was lost with its node, in seconds.
const LOST: i64 = 60;

/// A registration.
#[derive(Clone, Serialize, Deserialize)]
pub(super) struct Draft {
    /// What was typed.
    pub(super) form: Form,
    /// The tag of the language of its messages.
    pub(super) language: String,
    /// The sign-in that it goes back to; empty for none.
    pub(super) back: String,
    pub(super) state: State,
}

/// How far it got.
#[derive(Clone, Serialize, Deserialize)]
pub(super) enum State {
    /// Registers are being asked.
    Checking { since: Timestamp },
    /// They say that this cannot be.
    Stopped(Vec<Obstacle>),
    /// One of them does not answer.
    Unanswered,
    /// Registers agree, and no code may be sent now: too many were. The record is kept, so that trying again only sends.
    Limited(Box<Person>),
    /// A code was sent.
    Code(Box<Sent>),
    /// The right code was entered.
    Done(Outcome),
}

/// What a registration came to.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Outcome {
    /// The account is open.
    Opened,
    /// It was open, and nobody has signed in yet: its first credential was sent anew.
    SentAgain,
    /// There was one before, and nothing has changed.
    Known,
}

impl Outcome {
    /// Its name in metrics.
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Opened => "opened",
            Self::SentAgain => "sent_again",
            Self::Known => "known",
        }
    }
}

/// A code that was sent.
#[derive(Clone, Serialize, Deserialize)]
pub(super) struct Sent {
    /// Its keyed digest, bound to its message and to the number.
    pub(super) digest: String,
    pub(super) message_id: String,
    pub(super) sent_at: Timestamp,
    pub(super) expires_at: Timestamp,
    /// The record that registers gave.
    pub(super) record: Person,
    /// Who has an account already.
    pub(super) known: Option<PersonId>,
}

/// What opens a registration: kept in the cookie alone.
#[derive(Clone)]
pub(super) struct Ticket(String);

impl Ticket {
    pub(super) fn random() -> Self {
        Self(bytes::random_text::<32>())
    }

    /// The one of a browser.
    pub(super) fn of(own: &SignUp, request: &HttpRequest) -> Option<Self> {
        let value = own.cookies.read(request, COOKIE)?;
        let plain = value.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_');
        (value.len() == 43 && plain).then(|| Self(value.to_owned()))
    }

    pub(super) fn as_str(&self) -> &str {
        &self.0
    }

    pub(super) fn key(&self) -> EphemeralKey {
        EphemeralKey::from_digest(SIGN_UPS, Digest::of(format!("register {}", self.0).as_bytes()))
    }
}

impl SignUp {
    /// The registration of a browser.
    pub(super) async fn draft(&self, request: &HttpRequest) -> Result<Option<(Ticket, Draft)>, Unavailable> {
        let Some(ticket) = Ticket::of(self, request) else { return Ok(None) };
        let found = self.sign_in.ephemeral.get::<Draft>(ticket.key()).await?;
        let now = self.sign_in.clock.now();
        Ok(found.map(|(mut draft, _)| {
            if matches!(draft.state, State::Checking { since } if now.since(since) > LOST) {
                draft.state = State::Unanswered;
            }
            (ticket, draft)
        }))
    }

    pub(super) async fn keep(&self, ticket: &Ticket, draft: &Draft) -> Result<(), Unavailable> {
        self.sign_in.ephemeral.put(ticket.key(), draft, SECONDS).await
    }
}
