//! JSON Web Signature and Key (RFC 7515, 7517, 7518), with `jsonwebtoken`: signing with keys that are parsed once,
//! verifying our own and third-party (`foreign.rs`) signatures, encryption for others (`encrypt.rs`, RFC 7516), the published key set and key rotation. The content of
//! tokens is decided by `oidc`.

mod encrypt;
pub mod foreign;
mod key;
mod keys;
mod provider;
mod store;

pub use encrypt::{CONTENT as CONTENT_ENCRYPTION, EncryptionFailed, KeyManagement, RecipientKey};
pub use key::{Alg, KeyError, SigningKey, UNTYPED};
pub use keys::{KeyInfo, KeySet, PUBLISH_AHEAD, SigningKeys, SigningKeysError, VerifyError};
pub(crate) use store::TABLES;
