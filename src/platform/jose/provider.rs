//! The cryptography provider of `jsonwebtoken`: private keys are parsed once, all else is its own backend.
//!
//! `jsonwebtoken` gives its signer factory the bytes of an encoding key, and its own backend parses them for every
//! signature, which takes longer than an RSA signature. Here the bytes are a handle, and the factory returns a signer
//! for the parsed key pair of that handle.

use std::collections::HashMap;
use std::sync::{Arc, LazyLock, Once, Weak};

use arc_swap::ArcSwap;
use aws_lc_rs::error::Unspecified;
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{EcdsaKeyPair, Ed25519KeyPair, RSA_PKCS1_SHA256, RSA_PSS_SHA256, RsaKeyPair};
use jsonwebtoken::crypto::aws_lc::DEFAULT_PROVIDER;
use jsonwebtoken::crypto::{CryptoProvider, JwtSigner, KeyUtils};
use jsonwebtoken::errors::Result;
use jsonwebtoken::signature::{Error, Signer};
use jsonwebtoken::{Algorithm, EncodingKey};

use crate::platform::bytes;

/// What an encoding key contains instead of a private key: random, so that it never refers to another pair.
type Handle = [u8; 16];

/// The parsed pairs by handle. References are weak: an entry lives as long as its [`KeptPair`].
static KEPT: LazyLock<ArcSwap<HashMap<Handle, Weak<Pair>>>> = LazyLock::new(ArcSwap::default);

static PROVIDER: CryptoProvider = CryptoProvider {
    signer_factory: signer,
    verifier_factory: DEFAULT_PROVIDER.verifier_factory,
    key_utils: KeyUtils {
        rsa_pub_components_from_private_key: DEFAULT_PROVIDER.key_utils.rsa_pub_components_from_private_key,
        rsa_pub_components_from_public_key: DEFAULT_PROVIDER.key_utils.rsa_pub_components_from_public_key,
        ec_pub_components_from_private_key: DEFAULT_PROVIDER.key_utils.ec_pub_components_from_private_key,
        ed_pub_components_from_private_key: DEFAULT_PROVIDER.key_utils.ed_pub_components_from_private_key,
        compute_digest: DEFAULT_PROVIDER.key_utils.compute_digest,
    },
};

/// Installs this provider for the process. Must be called before any use of `jsonwebtoken`, whose choice is final at
/// first use.
///
/// # Panics
/// If another provider was installed before, which nothing in this crate does.
pub(super) fn install() {
    static INSTALLED: Once = Once::new();
    INSTALLED.call_once(|| {
        let installed = PROVIDER.install_default();
        assert!(installed.is_ok(), "another crypto provider of jsonwebtoken is in use in this process");
    });
}

/// A parsed private key.
pub(super) enum Pair {
    Rsa(RsaKeyPair),
    /// For RSASSA-PSS alone.
    RsaPss(RsaKeyPair),
    Ec(EcdsaKeyPair),
    Ed(Ed25519KeyPair),
}

impl Pair {
    fn algorithm(&self) -> Algorithm {
        match self {
            Self::Rsa(_) => Algorithm::RS256,
            Self::RsaPss(_) => Algorithm::PS256,
            Self::Ec(_) => Algorithm::ES256,
            Self::Ed(_) => Algorithm::EdDSA,
        }
    }

    fn sign(&self, message: &[u8]) -> std::result::Result<Vec<u8>, Unspecified> {
        let random = SystemRandom::new();
        match self {
            Self::Rsa(pair) => {
                let mut out = vec![0; pair.public_modulus_len()];
                pair.sign(&RSA_PKCS1_SHA256, &random, message, &mut out).map(|()| out)
            }
            Self::RsaPss(pair) => {
                let mut out = vec![0; pair.public_modulus_len()];
                pair.sign(&RSA_PSS_SHA256, &random, message, &mut out).map(|()| out)
            }
            Self::Ec(pair) => pair.sign(&random, message).map(|signature| signature.as_ref().to_vec()),
            Self::Ed(pair) => Ok(pair.sign(message).as_ref().to_vec()),
        }
    }
}

/// A pair that `jsonwebtoken` reaches by [`KeptPair::encoding_key`] for as long as this lives.
pub(super) struct KeptPair {
    handle: Handle,
    /// Keeps the pair alive: the registry's reference is weak.
    _pair: Arc<Pair>,
    encoding_key: EncodingKey,
}

impl KeptPair {
    pub(super) fn new(pair: Pair) -> Self {
        install();
        let (handle, pair) = (bytes::random(), Arc::new(pair));
        let encoding_key = match &*pair {
            Pair::Rsa(_) | Pair::RsaPss(_) => EncodingKey::from_rsa_der(&handle),
            Pair::Ec(_) => EncodingKey::from_ec_der(&handle),
            Pair::Ed(_) => EncodingKey::from_ed_der(&handle),
        };
        KEPT.rcu(|kept| {
            let mut kept = HashMap::clone(kept);
            kept.insert(handle, Arc::downgrade(&pair));
            kept
        });
        Self { handle, _pair: pair, encoding_key }
    }

    pub(super) fn encoding_key(&self) -> &EncodingKey {
        &self.encoding_key
    }
}

impl Drop for KeptPair {
    fn drop(&mut self) {
        KEPT.rcu(|kept| {
            let mut kept = HashMap::clone(kept);
            kept.remove(&self.handle);
            kept
        });
    }
}

struct KeptSigner(Arc<Pair>);

impl Signer<Vec<u8>> for KeptSigner {
    fn try_sign(&self, message: &[u8]) -> std::result::Result<Vec<u8>, Error> {
        self.0.sign(message).map_err(Error::from_source)
    }
}

impl JwtSigner for KeptSigner {
    fn algorithm(&self) -> Algorithm {
        self.0.algorithm()
    }
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "the type of `CryptoProvider::signer_factory`")]
fn signer(algorithm: &Algorithm, key: &EncodingKey) -> Result<Box<dyn JwtSigner>> {
    let kept = KEPT.load().get(key.as_bytes()).and_then(Weak::upgrade);
    match kept {
        Some(pair) => Ok(Box::new(KeptSigner(pair))),
        None => (DEFAULT_PROVIDER.signer_factory)(algorithm, key),
    }
}

#[cfg(test)]
mod tests {
    use aws_lc_rs::signature::Ed25519KeyPair;
    use jsonwebtoken::crypto;

    use super::*;

    fn kept() -> KeptPair {
        KeptPair::new(Pair::Ed(Ed25519KeyPair::generate().unwrap()))
    }

    #[test]
    fn a_pair_signs_for_as_long_as_it_is_kept_and_leaves_nothing_behind() {
        let pair = kept();
        let (key, handle) = (pair.encoding_key().clone(), pair.handle);
        assert!(crypto::sign(b"message", &key, Algorithm::EdDSA).is_ok());
        assert!(KEPT.load().contains_key(&handle));
        drop(pair);
        assert!(crypto::sign(b"message", &key, Algorithm::EdDSA).is_err());
        assert!(!KEPT.load().contains_key(&handle));
    }

    #[test]
    fn a_handle_leads_to_its_own_pair_only() {
        let (one, other) = (kept(), kept());
        let sign = |pair: &KeptPair| crypto::sign(b"message", pair.encoding_key(), Algorithm::EdDSA).unwrap();
        assert_eq!(sign(&one), sign(&one), "Ed25519 signatures are deterministic");
        assert_ne!(sign(&one), sign(&other));
        let unknown = EncodingKey::from_ed_der(&[0; 16]);
        assert!(crypto::sign(b"message", &unknown, Algorithm::EdDSA).is_err());
    }

    #[test]
    fn keys_that_are_not_kept_are_left_to_the_librarys_own_backend() {
        install();
        let key = EncodingKey::from_secret(b"a secret of at least thirty-two bytes");
        assert!(crypto::sign(b"message", &key, Algorithm::HS256).is_ok());
    }
}
