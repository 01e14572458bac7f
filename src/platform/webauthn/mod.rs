//! Passkeys as the W3C's Web Authentication has them, for whoever has any: what a page asks of a browser, challenges that are used
//! once, and how what comes back is held against them. Whose passkeys there are, and where they are kept, is known above.

mod cbor;
mod verify;

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::platform::bytes;
use crate::platform::ephemeral::{Ephemeral, EphemeralKey, KeySpace};
use crate::platform::service_error::ServiceError;
use crate::platform::web::params::Params;

use verify::ALGORITHMS;
pub use verify::{NewCredential, NotTaken, PublicKey, RelyingParty, Use};

/// How long a ceremony may take, in seconds.
const CEREMONY: i64 = 300;

/// What a page asks of a browser and its authenticator.
#[derive(Clone, Debug, Serialize)]
pub struct Asked {
    /// What is to be signed: used once.
    pub challenge: String,
    /// The host that passkeys are bound to.
    pub rp: String,
    /// Of a new passkey: for whom, by identifier and name.
    pub user: Option<(String, String)>,
    /// Credentials that may be used, or of a new passkey those that its holder has already; empty where any may be.
    pub credentials: Vec<Credential>,
    /// COSE numbers of algorithms.
    pub algorithms: Vec<i64>,
}

/// A credential that a browser is told of.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct Credential {
    /// Its identifier, in base64url.
    pub id: String,
    /// How its authenticator is reached, as the browser said when it was made; nothing where it did not say.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub transports: Vec<String>,
}

impl Credential {
    /// One of which nothing is known but its identifier.
    pub const fn new(id: String) -> Self {
        Self { id, transports: Vec::new() }
    }
}

/// What a browser gives back.
#[derive(Clone, Debug, Default)]
pub struct Given {
    /// The credential's identifier, in base64url.
    pub credential: String,
    /// What the browser says, as JSON.
    pub client_data: Vec<u8>,
    /// What the authenticator says; of a new passkey the attestation object.
    pub data: Vec<u8>,
    /// The signature; of a new passkey nothing.
    pub signature: Vec<u8>,
    /// Whose passkey the authenticator says it is; may be nothing.
    pub user: Vec<u8>,
}

impl Given {
    /// What a script put into a form.
    pub fn of(form: &Params) -> Self {
        let decoded = |name: &str| form.get(name).and_then(bytes::decode).unwrap_or_default();
        Self {
            credential: form.get("credential").unwrap_or_default().to_owned(),
            client_data: decoded("client_data"),
            data: decoded("data"),
            signature: decoded("signature"),
            user: decoded("user"),
        }
    }
}

/// Ceremonies that began, each under its challenge. Cheap to clone.
#[derive(Clone)]
pub struct Challenges {
    ephemeral: Ephemeral,
    space: KeySpace,
    /// Whom they are for.
    pub party: RelyingParty,
}

impl Challenges {
    /// Ceremonies at pages of `party`, kept in `space`.
    pub const fn new(ephemeral: Ephemeral, space: KeySpace, party: RelyingParty) -> Self {
        Self { ephemeral, space, party }
    }

    /// Begins a ceremony: `what` says which one, and for whom.
    ///
    /// # Errors
    /// [`ServiceError`].
    pub async fn begin<C: Serialize>(
        &self,
        what: &C,
        user: Option<(String, String)>,
        credentials: Vec<Credential>,
    ) -> Result<Asked, ServiceError> {
        let challenge = bytes::random_text::<32>();
        self.ephemeral.put(EphemeralKey::of(self.space, &challenge), what, CEREMONY).await?;
        let algorithms = ALGORITHMS.to_vec();
        Ok(Asked { challenge, rp: self.party.id.clone(), user, credentials, algorithms })
    }

    /// The challenge that was answered, if it is one of this ceremony. It is used up, whatever comes of it.
    ///
    /// # Errors
    /// [`ServiceError`].
    pub async fn taken<C: DeserializeOwned + PartialEq>(
        &self,
        wanted: &C,
        given: &Given,
    ) -> Result<Result<String, NotTaken>, ServiceError> {
        let Some(challenge) = verify::challenge_of(&given.client_data) else {
            return Ok(Err(NotTaken("there are no client data")));
        };
        let begun: Option<C> = self.ephemeral.take(EphemeralKey::of(self.space, &challenge)).await?;
        Ok(match begun {
            Some(begun) if begun == *wanted => Ok(challenge),
            Some(_) => Err(NotTaken("the challenge was another ceremony's")),
            None => Err(NotTaken("the challenge is unknown, used or too old")),
        })
    }
}
