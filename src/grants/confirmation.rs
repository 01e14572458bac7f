//! What a token is bound to (`cnf`, RFC 7800): nobody can use it who cannot show that they have the key.

use serde::{Deserialize, Serialize};

use crate::platform::bytes::Digest;

/// What a token is bound to. In JSON it is the value of `cnf`.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub enum Confirmation {
    /// Thumbprint of the key that makes the proofs (RFC 9449 §6.1).
    #[serde(rename = "jkt")]
    Key(Digest),
    /// SHA-256 of the certificate of the TLS connection (RFC 8705 §3.1).
    #[serde(rename = "x5t#S256")]
    Certificate(Digest),
}

impl Confirmation {
    /// How a token that is bound so is used (`token_type`).
    pub const fn token_type(self) -> &'static str {
        match self {
            Self::Key(_) => "DPoP",
            Self::Certificate(_) => "Bearer",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rfc9449_6_1_it_is_written_as_the_standard_has_it() {
        let key = Confirmation::Key(Digest([7; 32]));
        let written = serde_json::to_value(key).unwrap();
        assert_eq!(written, serde_json::json!({"jkt": Digest([7; 32]).encode()}));
        assert_eq!(serde_json::from_value::<Confirmation>(written).unwrap(), key);
        let written = serde_json::to_value(Confirmation::Certificate(Digest([7; 32]))).unwrap();
        assert_eq!(written, serde_json::json!({"x5t#S256": Digest([7; 32]).encode()}));
    }
}
