//! Signing in at a computer by a phone on which one is signed in already: what waits under the secret that the computer shows as a QR
//! code, and what the phone may do with it. A secret lives for two minutes, is one browser's, is opened on one phone and decided once.
//!
//! Whoever relays a code to somebody else must fail: the phone's page names service, place and browser, asks which words the computer
//! shows, and where computer and phone are not on the same network it wants a proof that was given after the code was made
//! ([`QrRequest::wants_proof`]).

mod words;

use serde::{Deserialize, Serialize};

use super::identifier::identifier;
use super::{ClientNetwork, Device, Session};
use crate::clients::ClientId;
use crate::platform::bytes::Digest;
use crate::platform::clock::{Clock, Timestamp};
use crate::platform::ephemeral::{Ephemeral, EphemeralKey, KeySpace, Unavailable, Version};
use crate::platform::web::locale::Language;

pub use words::{CHOICES, Choice, WordPair};

/// What waits for a phone.
pub const QR_CODES: KeySpace = KeySpace::new(b'Q', "QR code of a sign-in");

/// How long a code may be opened and decided, in seconds.
pub const QR_SECONDS: i64 = 120;

/// How much longer the computer may learn what was decided, in seconds.
pub const QR_TOLD: i64 = 60;

identifier! {
    /// What a computer shows as a QR code. Whoever knows it may open the page of a phone, with a session of their own.
    QrSecret
}

/// The part of a network that a computer and a phone at the same place share: digests alone.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct SharedNetwork(Option<Digest>);

impl SharedNetwork {
    /// Of where a request comes from. An IPv4 address, or of IPv6 the /56 that a line has; nothing where many people share addresses.
    pub fn of(network: &ClientNetwork) -> Self {
        let own = network.line.unwrap_or(network.address);
        Self(network.named.is_none().then_some(own))
    }

    /// Whether both are known and the same.
    pub fn is(&self, other: &Self) -> bool {
        matches!((self.0, other.0), (Some(one), Some(two)) if one.matches(&two))
    }
}

/// How far it got.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub enum QrState {
    /// No phone has opened it.
    Waiting,
    /// The person of a session, by what names it to services, is reading the phone's page.
    Opened(Digest),
    /// That person chose the right words: their session is the one under this digest.
    Approved(Digest),
    /// They chose other words, or refused.
    Ended,
}

/// What a computer asks of a phone.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct QrRequest {
    /// The service that is signed in to.
    pub client: ClientId,
    /// The language in which the computer shows its words.
    pub language: Language,
    /// The computer.
    pub device: Device,
    /// Its network.
    pub network: SharedNetwork,
    /// The words.
    pub choice: Choice,
    /// When it was made.
    pub began_at: Timestamp,
    /// Until when a phone may decide (exclusive).
    pub expires_at: Timestamp,
    /// The service accepts no proof that is older: of what was asked of it and `max_age`.
    pub not_before: Option<Timestamp>,
    /// How far it got.
    pub state: QrState,
}

impl QrRequest {
    /// Whether a phone's person must prove anew who they are before they may approve: the phone is on another network than the
    /// computer, or the service accepts no proof as old as theirs.
    pub fn wants_proof(&self, phone: &SharedNetwork, auth_time: Timestamp) -> bool {
        let fresh = auth_time >= self.began_at;
        !fresh && (!self.network.is(phone) || self.not_before.is_some_and(|bound| auth_time < bound))
    }

    /// Whether the person of a session may read it: nobody else opened it.
    pub fn is_open_to(&self, session: &Session) -> bool {
        match &self.state {
            QrState::Waiting => true,
            QrState::Opened(sid_key) => sid_key.matches(&session.sid_key),
            QrState::Approved(_) | QrState::Ended => false,
        }
    }
}

/// Codes that wait. Cheap to clone.
#[derive(Clone)]
pub struct QrCodes {
    ephemeral: Ephemeral,
    clock: Clock,
}

impl QrCodes {
    /// Kept in `ephemeral`.
    pub const fn new(ephemeral: Ephemeral, clock: Clock) -> Self {
        Self { ephemeral, clock }
    }

    /// Stores a new one; returns what the computer shows.
    ///
    /// # Errors
    /// [`Unavailable`], as for all methods.
    pub async fn begin(&self, asked: &QrRequest) -> Result<QrSecret, Unavailable> {
        let secret = QrSecret::random();
        self.ephemeral.put(key(&secret), asked, QR_SECONDS + QR_TOLD).await?;
        Ok(secret)
    }

    /// What waits under a secret.
    ///
    /// # Errors
    /// [`Unavailable`].
    pub async fn find(&self, secret: &QrSecret) -> Result<Option<(QrRequest, Version)>, Unavailable> {
        self.ephemeral.get(key(secret)).await
    }

    /// What waits under a secret and may still be decided on.
    ///
    /// # Errors
    /// [`Unavailable`].
    pub async fn undecided(&self, secret: &QrSecret) -> Result<Option<(QrRequest, Version)>, Unavailable> {
        let now = self.clock.now();
        Ok(self.find(secret).await?.filter(|(asked, _)| {
            asked.expires_at > now && matches!(asked.state, QrState::Waiting | QrState::Opened(_))
        }))
    }

    /// Notes how far it got; `false` if another request did so first.
    ///
    /// # Errors
    /// [`Unavailable`].
    pub async fn advance(
        &self,
        secret: &QrSecret,
        (asked, seen): (&QrRequest, Version),
        state: QrState,
    ) -> Result<bool, Unavailable> {
        let left = asked.expires_at.plus(QR_TOLD).since(self.clock.now()).max(1);
        let asked = QrRequest { state, ..asked.clone() };
        Ok(self.ephemeral.swap(key(secret), seen, &asked, left).await?.is_some())
    }

    /// What was approved, to one caller: a second one finds nothing.
    ///
    /// # Errors
    /// [`Unavailable`].
    pub async fn take(&self, secret: &QrSecret) -> Result<Option<QrRequest>, Unavailable> {
        self.ephemeral.take(key(secret)).await
    }
}

fn key(secret: &QrSecret) -> EphemeralKey {
    EphemeralKey::from_digest(QR_CODES, secret.digest())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sign_in::NamedNetworks;

    fn network(ip: &str) -> SharedNetwork {
        let digest = |text: &str| Digest::of(text.as_bytes());
        SharedNetwork::of(&ClientNetwork::of(ip.parse().unwrap(), &NamedNetworks::default(), digest))
    }

    fn asked(ip: &str, not_before: Option<i64>) -> QrRequest {
        QrRequest {
            client: ClientId::parse("shop").unwrap(),
            language: Language::En,
            device: Device::default(),
            network: network(ip),
            choice: Choice::random(),
            began_at: Timestamp(1000),
            expires_at: Timestamp(1000 + QR_SECONDS),
            not_before: not_before.map(Timestamp),
            state: QrState::Waiting,
        }
    }

    #[test]
    fn a_phone_on_another_network_or_a_service_that_wants_it_needs_a_new_proof() {
        let old = Timestamp(900);
        let here = asked("203.0.113.9", None);
        assert!(!here.wants_proof(&network("203.0.113.9"), old));
        assert!(here.wants_proof(&network("203.0.113.10"), old));
        assert!(here.wants_proof(&network("2001:db8::1"), old));
        // A proof that was given after the code was made will do anywhere.
        assert!(!here.wants_proof(&network("203.0.113.10"), Timestamp(1000)));
        assert!(asked("203.0.113.9", Some(950)).wants_proof(&network("203.0.113.9"), old));
        assert!(!asked("203.0.113.9", Some(850)).wants_proof(&network("203.0.113.9"), old));
        // Of IPv6 one line is one place.
        assert!(!asked("2001:db8:1:200::1", None).wants_proof(&network("2001:db8:1:2ff::2"), old));
    }

    #[test]
    fn addresses_that_many_people_share_are_nobodys_place() {
        assert!(!SharedNetwork(None).is(&SharedNetwork(None)));
    }
}
