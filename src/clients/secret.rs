//! Client secrets: long and random, shown once, stored as a digest.

use crate::platform::bytes::{self, Digest};

/// A secret in plain, only on its way to the client's owner or from the client.
pub struct ClientSecret(zeroize::Zeroizing<String>);

/// What is stored of a secret. A random secret needs no slow hash (OWASP ASVS 5.0 §6.5.2).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct SecretDigest(Digest);

impl ClientSecret {
    /// A new secret: 256 bits in 43 characters.
    pub fn generate() -> Self {
        Self(zeroize::Zeroizing::new(bytes::random_text::<32>()))
    }

    /// A secret that the client sent or an operator brought along.
    pub fn given(text: &str) -> Self {
        Self(zeroize::Zeroizing::new(text.to_owned()))
    }

    /// The secret itself, to be shown once.
    pub fn expose(&self) -> &str {
        &self.0
    }

    /// What may be stored.
    pub fn digest(&self) -> SecretDigest {
        SecretDigest(Digest::of(self.0.as_bytes()))
    }
}

impl SecretDigest {
    /// Whether `secret` is the one, in constant time.
    pub fn matches(&self, secret: &ClientSecret) -> bool {
        self.0.matches(&secret.digest().0)
    }

    /// base64url, for storage and export.
    pub fn encode(&self) -> String {
        self.0.encode()
    }

    /// Reads what [`SecretDigest::encode`] wrote.
    pub fn decode(text: &str) -> Option<Self> {
        Digest::try_from(text.to_owned()).ok().map(Self)
    }
}
