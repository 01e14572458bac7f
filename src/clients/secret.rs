//! Client secrets: long and random, shown once, stored as a digest.

use std::collections::HashSet;
use std::sync::{Arc, LazyLock};

use secrecy::{ExposeSecret as _, SecretString};

use crate::platform::bytes::{self, Digest};
use crate::platform::seal::Sealer;

/// A secret in plain, only on its way to the client's owner or from the client. It does not print itself, and its memory
/// is wiped.
#[derive(Debug)]
pub struct ClientSecret(SecretString);

/// What is stored of a secret. A random secret needs no slow hash (OWASP ASVS 5.0 §6.5.2).
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct SecretDigest(Digest);

/// The files of this repository that hold secrets of clients, for the sandbox and the certification suite.
const PUBLISHED: [&str; 2] =
    [include_str!("../../config/demo-clients.toml"), include_str!("../../config/conformance-clients.toml")];

/// The digests of the secrets in them.
static PUBLISHED_DIGESTS: LazyLock<HashSet<SecretDigest>> = LazyLock::new(|| {
    let lines = PUBLISHED.iter().flat_map(|file| file.lines());
    let values = lines.filter_map(|line| line.strip_prefix("client_secret = \"")?.strip_suffix('"'));
    values.map(|secret| ClientSecret::given(secret).digest()).collect()
});

impl ClientSecret {
    /// A new secret: 256 bits in 43 characters.
    pub fn generate() -> Self {
        Self(bytes::random_text::<32>().into())
    }

    /// A secret that the client sent or an operator brought along.
    pub fn given(text: &str) -> Self {
        Self(text.into())
    }

    /// The secret itself, to be shown once.
    pub fn expose(&self) -> &str {
        self.0.expose_secret()
    }

    /// What may be stored.
    pub fn digest(&self) -> SecretDigest {
        SecretDigest(Digest::of(self.expose().as_bytes()))
    }
}

/// Seals the secrets of clients that sign with them: whoever verifies such a signature needs the secret itself.
pub(super) struct Sealed(Sealer);

impl Sealed {
    pub(super) const fn by(sealer: Sealer) -> Self {
        Self(sealer)
    }

    /// The secret of a client, to be stored.
    pub(super) fn seal(&self, client_id: &str, secret: &ClientSecret) -> String {
        self.0.seal_text(place(client_id).as_bytes(), secret.expose().as_bytes())
    }

    /// The secret that [`Sealed::seal`] sealed for that client, if one is stored.
    pub(super) fn open(
        &self,
        client_id: &str,
        sealed: Option<&str>,
    ) -> Result<Option<Arc<ClientSecret>>, String> {
        let Some(sealed) = sealed else { return Ok(None) };
        let plain =
            self.0.open_text(place(client_id).as_bytes(), sealed).map_err(|error| error.to_string())?;
        let plain = zeroize::Zeroizing::new(plain);
        let text = std::str::from_utf8(&plain).map_err(|error| error.to_string())?;
        Ok(Some(Arc::new(ClientSecret::given(text))))
    }
}

fn place(client_id: &str) -> String {
    format!("clients/secret/{client_id}")
}

impl SecretDigest {
    /// Whether it is that of a secret in a file of this repository, which everybody can read.
    pub fn is_published(&self) -> bool {
        PUBLISHED_DIGESTS.contains(self)
    }

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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_is_told_once_and_never_printed() {
        let secret = ClientSecret::given("hunter2-hunter2");
        assert_eq!(secret.expose(), "hunter2-hunter2");
        assert!(!format!("{secret:?}").contains("hunter"));
        assert_eq!(ClientSecret::generate().expose().len(), 43);
    }

    #[test]
    fn every_secret_in_the_files_of_this_repository_is_known() {
        let written: usize = PUBLISHED.iter().map(|file| file.matches("client_secret = ").count()).sum();
        assert!(written >= 5 && PUBLISHED_DIGESTS.len() == written, "{written}");
        assert!(ClientSecret::given("conformance-secret-known-to-everybody").digest().is_published());
        assert!(!ClientSecret::generate().digest().is_published());
    }

    #[test]
    fn a_digest_matches_its_secret_only_and_survives_storage() {
        let (secret, other) = (ClientSecret::generate(), ClientSecret::generate());
        let digest = SecretDigest::decode(&secret.digest().encode()).unwrap();
        assert!(digest.matches(&secret) && !digest.matches(&other));
        assert!(SecretDigest::decode(secret.expose()).is_some_and(|other| !other.matches(&secret)));
        assert!(SecretDigest::decode("short").is_none());
    }
}
