//! JSON Web Signature and Key (RFC 7515, 7517, 7518): signing with keys parsed once and kept, checking our own
//! signatures, the published key set and the keys' life. What a token says is decided by the protocols above.

mod key;
mod keys;
mod store;

pub use key::{Alg, SigningKey, VerifyError};
pub use keys::{KeyInfo, KeySet, PUBLISH_AHEAD, SigningKeys, SigningKeysError};
pub(crate) use store::TABLES;
