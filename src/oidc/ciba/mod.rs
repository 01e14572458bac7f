//! Asking a person who is not at the service's site (OpenID Connect CIBA Core 1.0, and its FAPI profile): the service names them,
//! they get an SMS with a code, decide on a page of this provider, and the service learns the answer at the token endpoint. The
//! modes `poll` and `ping` are served; `push` is not.
//!
//! That a service waits is short-lived state. What was decided is durable, and decided once (`decisions.rs`); so is that it was
//! redeemed, as for authorization codes (`grants`). The person's part is an attempt that no browser began (`sign_in/approval.rs`): no session comes of it, and
//! none admits it.

mod answer;
mod authentication;
mod binding_message;
mod decisions;
mod hint;
mod ping;
mod signed_request;

use std::sync::Arc;

use serde::{Deserialize, Serialize};

pub use answer::{Became, Done, MuteForm};
pub(super) use authentication::post as authorize;
#[cfg(fuzzing)]
pub(super) use binding_message::fuzz as fuzz_binding_message;
pub(super) use decisions::TABLE;
use decisions::{Decided, Decisions, Verdict};
use ping::Pings;

use super::Provider;
use super::polls::Polls;
use crate::audit::{Event, Kind};
use crate::clients::ClientId;
use crate::grants::GrantDetails;
use crate::people::PersonId;
use crate::platform::bytes::{self, Digest};
use crate::platform::clock::Timestamp;
use crate::platform::db::{Db, DbError};
use crate::platform::ephemeral::{Ephemeral, EphemeralKey, KeySpace};
use crate::platform::outbound::Outbound;
use crate::platform::seal::{Keyring, Mac, Sealer};
use crate::platform::service_error::ServiceError;
use crate::sign_in::{ApprovalCaps, SignIn};

/// Services that wait for a person.
pub const APPROVALS: KeySpace = KeySpace::new(b'a', "request to approve");
/// Whether what people decided for them was recorded, and the service told.
pub const VERDICTS: KeySpace = KeySpace::new(b'v', "verdict that was told");

/// For how long after its end a request is known as expired, in seconds.
const REMEMBERED: i64 = 600;

/// For how long after its end a request that was approved in time may be fetched, in seconds: a person who was told that it is
/// approved must not have been told wrong because the service asks, or is told, a moment later.
const COLLECTED: i64 = 60;

/// Seconds in which a second redemption is answered by an error and ends nothing: a service that lost patience, or asks two nodes
/// at once, must not lose what it just got.
pub(super) const TOGETHER: i64 = 10;

/// A service that waits, as it reads it.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct Waiting {
    client_id: ClientId,
    /// Expiry time (exclusive).
    expires_at: Timestamp,
}

/// What a person let a service have.
#[derive(Clone, Debug)]
pub(super) struct Approved {
    /// Blind index of the number whose code was entered.
    pub(super) number: Option<Digest>,
    /// What is granted.
    pub(super) details: GrantDetails,
}

/// What a service that asks is told.
pub(super) enum Polled {
    /// It asks too often.
    TooSoon,
    /// The person has not decided.
    Pending,
    /// The person refused.
    Denied,
    /// Nobody decided in time.
    Expired,
    /// There is no such request, or it is another client's.
    Unknown,
    /// The person approved.
    Approved(Box<Approved>),
}

/// Services that wait, and the people who decide. Cheap to clone.
#[derive(Clone)]
pub struct Ciba {
    /// What all endpoints share.
    provider: Provider,
    sign_in: SignIn,
    ephemeral: Ephemeral,
    decisions: Decisions,
    polls: Arc<Polls>,
    pings: Pings,
    /// Digests of networks and hints.
    networks: Arc<Mac>,
    /// Seals who a person is into their ID tokens, and what a page says when it comes back.
    hints: Arc<Sealer>,
    caps: ApprovalCaps,
    /// For how long a service is muted, in seconds.
    mute: i64,
}

impl Ciba {
    /// Services at this provider, told by `outbound`; a person may mute one for so many seconds.
    pub fn new(
        (provider, sign_in): (Provider, SignIn),
        (keyring, db): (&Keyring, Db),
        outbound: Outbound,
        (caps, mute): (ApprovalCaps, i64),
    ) -> Self {
        Self {
            ephemeral: sign_in.ephemeral.clone(),
            decisions: Decisions::new(db, keyring.sealer("approval-decision")),
            polls: Arc::default(),
            pings: Pings::new(outbound, provider.audit.clone()),
            networks: Arc::new(keyring.mac("client-network")),
            hints: Arc::new(keyring.sealer("ciba-hint")),
            provider,
            sign_in,
            caps,
            mute,
        }
    }

    /// What names a person in the ID tokens of a client that may ask for them later (`id_token_hint`): a `sub` is a digest, which
    /// leads back to nobody.
    pub(super) fn hint(&self, client: &ClientId, person: &PersonId) -> String {
        self.hints.seal_text(&hint::place(client), person.as_str().as_bytes())
    }

    /// What the client that shows the name of a request is told. Whoever asks too often costs no round trip.
    ///
    /// # Errors
    /// [`ServiceError`] when a store is unavailable.
    pub(super) async fn poll(&self, id: &str, client: &ClientId) -> Result<Polled, ServiceError> {
        let request = Digest::of(id.as_bytes());
        if id.len() > 128 {
            return Ok(Polled::Unknown);
        }
        // Nobody else's polls slow a client down.
        let pace = Digest::of(format!("{client} {id}").as_bytes());
        if !self.polls.admit(pace, self.provider.clock.now_ms()) {
            return Ok(Polled::TooSoon);
        }
        let now = self.provider.clock.now();
        let decided = match self.decisions.find(&request, client).await? {
            Some(decided) => decided,
            None => {
                let waiting = self.ephemeral.get::<Waiting>(key(request)).await?;
                let waiting = waiting.map(|(waiting, _)| waiting).filter(|it| it.client_id == *client);
                let Some(waiting) = waiting else { return Ok(Polled::Unknown) };
                if waiting.expires_at > now {
                    return Ok(Polled::Pending);
                }
                self.lapse(&request, client, waiting.expires_at).await?
            }
        };
        // Nothing is waited for, so nobody has to slow down: §11 has an error for each end.
        self.polls.forget(&pace);
        let lost = decided.until.plus(COLLECTED) <= now;
        Ok(match decided.verdict {
            Verdict::Denied => Polled::Denied,
            Verdict::Approved(approved) if !lost => Polled::Approved(approved),
            Verdict::Approved(_) | Verdict::Lapsed => Polled::Expired,
        })
    }

    /// Notes that nobody decided in time: nobody does any more, and it is recorded once. Returns what was decided by then.
    async fn lapse(&self, request: &Digest, client: &ClientId, until: Timestamp) -> Result<Decided, DbError> {
        let lapsed = Decided { verdict: Verdict::Lapsed, until };
        let times = (self.provider.clock.now(), until);
        let verdict = (&lapsed.verdict, None);
        if self.decisions.decide((request, client), verdict, times, Vec::new()).await? {
            self.provider.metrics.sign_ins("answer", "lapsed").inc();
            self.provider.audit.record(Event::new(Kind::ApprovalLapsed).client(client.as_str()));
            return Ok(lapsed);
        }
        // Somebody decided in the same moment.
        Ok(self.decisions.find(request, client).await?.unwrap_or(lapsed))
    }

    /// Removes decisions that no service asks for any more; returns how many rows went.
    ///
    /// # Errors
    /// [`DbError`].
    pub async fn purge(&self, before: Timestamp, most: i64) -> Result<u64, DbError> {
        self.decisions.purge(before, most).await
    }
}

fn key(request: Digest) -> EphemeralKey {
    EphemeralKey::from_digest(APPROVALS, request)
}

/// Where it is noted that what was decided was recorded, and that the service is being told.
fn told(request: Digest) -> EphemeralKey {
    EphemeralKey::of(VERDICTS, &format!("told/{}", request.encode()))
}

/// The identifier of the grant of a request, by the digest of its name: as [`crate::grants::id_of`] makes it.
fn grant_of(request: &Digest) -> String {
    bytes::encode(&request.0[..20])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_grant_of_a_request_is_named_by_its_digest() {
        assert_eq!(grant_of(&Digest::of(b"request")), crate::grants::id_of("request"));
    }
}
