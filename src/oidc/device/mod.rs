//! Signing in on a device without a browser of its own (RFC 8628): the device gets two codes, the person enters the short one at
//! any browser, and the device asks until there is an answer.
//!
//! What a device asked is short-lived state, and so is the answer; that it was redeemed is durable, as for authorization
//! codes (`grants`). The person's part is an ordinary sign-in that leads back to no service.

mod answer;
mod authorization;
mod limits;
mod page;

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::Provider;
use super::polls::{INTERVAL, Polls};
use crate::clients::{ClientId, PersonalData};
use crate::grants::{GrantDetails, Grants};
use crate::platform::bytes::{self, Digest};
use crate::platform::clock::Timestamp;
use crate::platform::ephemeral::{Ephemeral, EphemeralKey, KeySpace, Unavailable, Version};
use crate::platform::seal::{Keyring, Mac};
use crate::sign_in::{ShortCode as UserCode, SignIn};

pub(super) use authorization::post as authorize;
pub(super) use page::{confirmed, get as enter, post as entered};

/// Devices that wait.
pub const DEVICES: KeySpace = KeySpace::new(b'g', "device request");
/// What people decided for devices: written once.
pub const DECISIONS: KeySpace = KeySpace::new(b'e', "device decision");
/// What devices asked, by the codes that people enter.
pub const USER_CODES: KeySpace = KeySpace::new(b'y', "user code");

/// For how long a device may wait, in seconds.
const LIFETIME: i64 = 600;

/// For how long after that its code is known as expired, in seconds.
const REMEMBERED: i64 = 600;

/// Seconds in which a second redemption of a code is answered by an error and ends nothing: a device that lost patience, or asks
/// two nodes at once, must not lose what it just got.
pub(super) const TOGETHER: i64 = 10;

/// What a device asked, as the page reads it. One browser takes it, and keeps it until the person has decided.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct Asked {
    /// Digest of the device's code.
    device: Digest,
    client_id: ClientId,
    /// Scopes that are understood.
    scopes: Vec<String>,
    /// The resource servers that access tokens are to be for (RFC 8707).
    resources: Vec<String>,
    /// Data with a purpose of their own (RFC 9396).
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    details: Vec<PersonalData>,
    /// Digest of the identifier of the browser that took it.
    taken_by: Option<Digest>,
    /// When it began, and from which address.
    began: Timestamp,
    address: String,
    /// Expiry time (exclusive).
    expires_at: Timestamp,
}

/// A device that waits, as it reads it.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct Waiting {
    client_id: ClientId,
    /// Expiry time (exclusive).
    expires_at: Timestamp,
}

/// What the person decided.
#[derive(Clone, Debug, Serialize, Deserialize)]
enum Outcome {
    /// The person refused.
    Denied,
    /// The person agreed.
    Allowed(Box<Allowed>),
}

/// What a person let a device have.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Allowed {
    /// Digest of the session in which they agreed.
    session: Digest,
    /// Blind index of the number by which the person signed in.
    pub(super) number: Option<Digest>,
    /// What is granted.
    pub(super) details: GrantDetails,
}

/// What a device that asks is told.
pub(super) enum Polled {
    /// It asks too often.
    TooSoon,
    /// The person has not decided.
    Pending,
    /// The person refused.
    Denied,
    /// Nobody decided in time.
    Expired,
    /// There is no such code, or it is another client's.
    Unknown,
    /// The person agreed, and has signed out since.
    SignedOut,
    /// The person agreed.
    Allowed(Box<Allowed>),
}

/// Devices that wait, and the people who decide. Cheap to clone.
#[derive(Clone)]
pub struct Devices {
    /// What all endpoints share.
    provider: Provider,
    sign_in: SignIn,
    grants: Grants,
    ephemeral: Ephemeral,
    polls: Arc<Polls>,
    /// Digests of networks, by which limits count.
    networks: Arc<Mac>,
    /// This provider's origin, which its own forms are posted from.
    origin: Arc<str>,
}

impl Devices {
    /// Devices at this provider.
    pub fn new(
        provider: Provider,
        sign_in: SignIn,
        grants: Grants,
        keyring: &Keyring,
        origin: Arc<str>,
    ) -> Self {
        let networks = Arc::new(keyring.mac("client-network"));
        let ephemeral = sign_in.ephemeral.clone();
        Self { provider, sign_in, grants, ephemeral, polls: Arc::default(), networks, origin }
    }

    /// What the client that shows a device's code is told. Whoever asks too often costs no round trip.
    ///
    /// # Errors
    /// [`Unavailable`].
    pub(super) async fn poll(&self, code: &str, client: &ClientId) -> Result<Polled, Unavailable> {
        let device = Digest::of(code.as_bytes());
        if code.len() > 128 {
            return Ok(Polled::Unknown);
        }
        if !self.polls.admit(device, self.provider.clock.now_ms()) {
            return Ok(Polled::TooSoon);
        }
        let (waiting, outcome) =
            self.ephemeral.get_pair::<Waiting, Outcome>(key(device), decision(device)).await?;
        let Some((waiting, _)) = waiting.filter(|(waiting, _)| waiting.client_id == *client) else {
            return Ok(Polled::Unknown);
        };
        let over = waiting.expires_at <= self.provider.clock.now();
        if over || outcome.is_some() {
            // RFC 8628 §3.5: only who may go on polling is told to slow down.
            self.polls.forget(&device);
        }
        Ok(match outcome {
            Some((Outcome::Denied, _)) => Polled::Denied,
            _ if over => Polled::Expired,
            None => Polled::Pending,
            // Only the poll that gets the answer looks whether the session goes on, as for a code.
            Some((Outcome::Allowed(allowed), _)) if self.is_in_session(&allowed).await? => {
                Polled::Allowed(allowed)
            }
            Some((Outcome::Allowed(_), _)) => Polled::SignedOut,
        })
    }

    /// Whether the session goes on in which a person agreed.
    async fn is_in_session(&self, allowed: &Allowed) -> Result<bool, Unavailable> {
        let open = self.sign_in.sessions.find(allowed.session).await?;
        Ok(open.is_some_and(|open| {
            let (session, details) = (&open.session, &allowed.details);
            session.person_id == details.person_id && session.epoch == details.epoch
        }))
    }

    /// What a person who entered a code may decide on at this browser: nobody took it, or this browser did.
    ///
    /// # Errors
    /// [`Unavailable`].
    async fn find(
        &self,
        code: &UserCode,
        browser: Option<&Digest>,
    ) -> Result<Option<(Asked, Version)>, Unavailable> {
        let found = self.ephemeral.get::<Asked>(EphemeralKey::of(USER_CODES, code.as_str())).await?;
        let now = self.provider.clock.now();
        Ok(found.filter(|(asked, _)| {
            let own = asked.taken_by.as_ref().is_none_or(|by| browser.is_some_and(|it| it.matches(by)));
            own && asked.expires_at > now
        }))
    }

    /// Takes what was found for `browser`; whether it is that browser's now.
    ///
    /// # Errors
    /// [`Unavailable`].
    async fn take(
        &self,
        code: &UserCode,
        browser: &Digest,
        (asked, seen): (&Asked, Version),
    ) -> Result<bool, Unavailable> {
        if asked.taken_by.is_some() {
            return Ok(true);
        }
        let taken = Asked { taken_by: Some(*browser), ..asked.clone() };
        let left = asked.expires_at.since(self.provider.clock.now()).max(1);
        let key = EphemeralKey::of(USER_CODES, code.as_str());
        if self.ephemeral.swap(key, seen, &taken, left).await?.is_some() {
            return Ok(true);
        }
        // Somebody else was quicker, or this browser itself in another tab.
        let now = self.find(code, Some(browser)).await?;
        Ok(now.is_some_and(|(asked, _)| asked.taken_by.is_some()))
    }
}

fn key(device: Digest) -> EphemeralKey {
    EphemeralKey::from_digest(DEVICES, device)
}

fn decision(device: Digest) -> EphemeralKey {
    EphemeralKey::from_digest(DECISIONS, device)
}

/// The identifier of the grant of a device's code, by the code's digest: as [`crate::grants::id_of`] makes it.
fn grant_of(device: &Digest) -> String {
    bytes::encode(&device.0[..20])
}

/// What fuzz targets reach of user codes: whatever is read is written as people read it, and read again.
#[cfg(fuzzing)]
pub(super) fn fuzz_user_code(typed: &str) {
    if let Some(code) = UserCode::parse(typed) {
        assert_eq!(UserCode::parse(&code.shown()), Some(code));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_grant_of_a_code_is_named_by_its_digest() {
        assert_eq!(grant_of(&Digest::of(b"code")), crate::grants::id_of("code"));
    }
}
