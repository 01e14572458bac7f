//! A face as a means of signing in: the browser is sent to MyID, which compares the face with the state's photo and says whose it was
//! (`registries::myid`). The way back is bound to the attempt and to its browser, and is gone once.

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use subtle::ConstantTimeEq as _;
use url::Url;

use crate::platform::bytes::{self, Digest};
use crate::platform::config::settings;
use crate::platform::ephemeral::{Ephemeral, EphemeralKey, KeySpace, Unavailable};
use crate::registries::myid::{FaceProblem, Recognised};
use crate::registries::{Asker, Registries, RegistryError, Why};

settings! {
    /// Signing in with a face (MyID); offered where this section exists. It needs `[registries.myid]`.
    [face]
    pub struct FaceSettings {
        /// For how long somebody may be away at MyID.
        away_seconds: u32 = 600, count(60..=3600, "seconds");
    }
}

/// The path at which a browser comes back from MyID.
pub const RETURN_PATH: &str = "/sign-in/face/return";

/// Browsers that are at MyID, by what comes back with them.
pub const AWAY: KeySpace = KeySpace::new(b'f', "browser at MyID");

/// Faces as a means of signing in. Cheap to clone.
#[derive(Clone)]
pub struct Face {
    registries: Registries,
    ephemeral: Ephemeral,
    return_to: Arc<str>,
    /// For how many seconds somebody may be away.
    pub away: i64,
}

/// What an attempt keeps while its browser is at MyID.
#[derive(Serialize, Deserialize)]
pub struct Away {
    nonce: String,
}

/// Where a browser left from.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Back {
    /// The page of its attempt.
    pub path: String,
    /// By which the attempt knows that it sent the browser away.
    pub nonce: String,
    browser: Digest,
}

impl Face {
    /// Faces that `registries`' MyID compares, for the provider at `origin`.
    pub fn new(
        registries: Registries,
        settings: &FaceSettings,
        (ephemeral, origin): (Ephemeral, &str),
    ) -> Self {
        Self {
            registries,
            ephemeral,
            return_to: format!("{origin}{RETURN_PATH}").into(),
            away: settings.away_seconds.into(),
        }
    }

    /// The address at MyID to which a browser is sent from `path`, the page of its attempt.
    ///
    /// # Errors
    /// [`Unavailable`] when what comes back cannot be remembered; the inner error where MyID is not connected.
    pub async fn leave(
        &self,
        path: String,
        (away, browser): (&Away, Digest),
    ) -> Result<Result<Url, RegistryError>, Unavailable> {
        let state = bytes::random_text::<16>();
        let back = Back { path, nonce: away.nonce.clone(), browser };
        self.ephemeral.put(EphemeralKey::of(AWAY, &state), &back, self.away).await?;
        Ok(self.registries.myid().page(&self.return_to, &state))
    }

    /// MyID's origin, to which the page's form leads.
    pub fn origin(&self) -> Option<String> {
        let page = self.registries.myid().page(&self.return_to, "").ok()?;
        Some(page.origin().ascii_serialization())
    }

    /// Where the browser left from that brings `state` back, once; `None` if another one did, or none.
    ///
    /// # Errors
    /// [`Unavailable`].
    pub async fn back(&self, state: &str, browser: &Digest) -> Result<Option<Back>, Unavailable> {
        let key = EphemeralKey::of(AWAY, state);
        // Another browser that brings it takes nothing from the one that left.
        match self.ephemeral.get::<Back>(key).await? {
            Some((back, _)) if bool::from(back.browser.0.ct_eq(&browser.0)) => self.ephemeral.take(key).await,
            _ => Ok(None),
        }
    }

    /// Whose face it was, by MyID's code.
    ///
    /// # Errors
    /// [`RegistryError`] when MyID does not say.
    pub async fn recognised(&self, code: &str) -> Result<Result<Recognised, FaceProblem>, RegistryError> {
        let asker = Asker::provider(Why::SignIn).with_consent();
        self.registries.myid().by_code(code, &self.return_to, &asker).await
    }
}

impl Away {
    /// A new one.
    pub fn random() -> Self {
        Self { nonce: bytes::random_text::<16>() }
    }

    /// Whether a browser came back from where this attempt sent it.
    pub fn is(&self, nonce: &str) -> bool {
        self.nonce.as_bytes().ct_eq(nonce.as_bytes()).into()
    }
}
