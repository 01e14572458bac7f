//! JSON Web Signature and Key (RFC 7515, 7517, 7518), by `jsonwebtoken`: signing with keys that are parsed once and kept,
//! checking our own signatures and those of others (`foreign.rs`), the published key set and the keys' life. What a token
//! says is decided by the protocols above.

pub mod foreign;
mod key;
mod keys;
mod provider;
mod store;

pub use key::{Alg, KeyError, SigningKey};
pub use keys::{KeyInfo, KeySet, PUBLISH_AHEAD, SigningKeys, SigningKeysError, VerifyError};
pub(crate) use store::TABLES;
