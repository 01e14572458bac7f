//! Whether a receipt is one, by the published keys alone.

use serde_json::{Map, Value};

use super::TYPE;
use crate::platform::jose::foreign::{ForeignAlg, ForeignError, ForeignKeys, Policy};

/// The longest receipt, in bytes.
const LONGEST: usize = 16 * 1024;

/// A text is no receipt of these keys.
#[derive(Debug, thiserror::Error)]
pub enum InvalidReceipt {
    /// The keys are no JWK set.
    #[error("the keys are no JWK set: {0}")]
    Keys(#[from] serde_json::Error),
    /// It is not signed by one of them, or is another kind of JWS.
    #[error("{}", .0.description())]
    Signature(#[from] ForeignError),
}

/// What a receipt says, if one of the keys in a JWK set signed it.
///
/// # Errors
/// [`InvalidReceipt`].
pub fn verify(receipt: &str, keys: &[u8]) -> Result<Map<String, Value>, InvalidReceipt> {
    let policy = Policy { algs: &[ForeignAlg::ES256], typ: Some(TYPE), max_bytes: LONGEST };
    Ok(ForeignKeys::parse(keys)?.verify(receipt.trim(), &policy)?.claims)
}
