//! Tokens that bring their key along in the header (`jwk`, RFC 7515 §4.1.3), such as proofs of possession (RFC 9449 §4.2):
//! what they show is that whoever made them has the key with this thumbprint.

use jsonwebtoken::DecodingKey;
use jsonwebtoken::jwk::{AlgorithmParameters, Jwk};
use serde_json::{Map, Value};

use super::super::provider;
use super::registered::PRIVATE;
use super::{ForeignAlg, ForeignError, ForeignKey, ForeignKeys, Policy, is_type, unverified};
use crate::platform::bytes::Digest;

/// What a token says that was signed with the key in its own header.
#[derive(Debug)]
pub struct Embedded {
    /// The key's thumbprint (RFC 7638).
    pub key: Digest,
    /// The claims.
    pub claims: Map<String, Value>,
}

/// Reads the claims of a compact JWS that the key in its own header signed.
///
/// # Errors
/// [`ForeignError`] if the policy does not allow it.
pub fn verify_embedded(token: &str, policy: &Policy<'_>) -> Result<Embedded, ForeignError> {
    if token.len() > policy.max_bytes {
        return Err(ForeignError::TooLong);
    }
    let (header, _) = unverified(token).ok_or(ForeignError::NoJws)?;
    if policy.typ.is_some_and(|typ| {
        !header.get("typ").and_then(Value::as_str).is_some_and(|given| is_type(given, typ))
    }) {
        return Err(ForeignError::UnexpectedType);
    }
    let alg = header.get("alg").and_then(Value::as_str).and_then(ForeignAlg::parse);
    let alg = alg.filter(|alg| policy.algs.contains(alg)).ok_or(ForeignError::AlgorithmNotAllowed)?;
    if header.contains_key("crit") {
        return Err(ForeignError::Critical);
    }
    provider::install();
    let jwk = header.get("jwk").filter(|jwk| jwk.is_object()).ok_or(ForeignError::NoEmbeddedKey)?;
    if PRIVATE.iter().any(|member| jwk.get(*member).is_some()) {
        return Err(ForeignError::PrivateKey);
    }
    let jwk: Jwk = serde_json::from_value(jwk.clone()).map_err(|_| ForeignError::NoEmbeddedKey)?;
    let key = ForeignKey::read(&jwk).ok_or(ForeignError::NoEmbeddedKey)?;
    let thumbprint = key.thumbprint.ok_or(ForeignError::NoEmbeddedKey)?;
    if !key.algs.contains(&alg) {
        return Err(ForeignError::WrongUse);
    }
    // The only key, whatever `kid` the header names.
    let claims = ForeignKeys::decode(token, alg, &[&key])?.claims;
    Ok(Embedded { key: thumbprint, claims })
}

/// RFC 7638 §3.2: SHA-256 of the key's required members in the order of their names. `None` for keys of other types.
pub(super) fn thumbprint(jwk: &Jwk) -> Option<Digest> {
    // What can be decoded is base64url, and needs no escape in JSON.
    DecodingKey::from_jwk(jwk).ok()?;
    let canonical = match &jwk.algorithm {
        AlgorithmParameters::EllipticCurve(key) => {
            let curve = serde_json::to_string(&key.curve).ok()?;
            format!(r#"{{"crv":{curve},"kty":"EC","x":"{}","y":"{}"}}"#, key.x, key.y)
        }
        AlgorithmParameters::RSA(key) => format!(r#"{{"e":"{}","kty":"RSA","n":"{}"}}"#, key.e, key.n),
        AlgorithmParameters::OctetKeyPair(key) => {
            let curve = serde_json::to_string(&key.curve).ok()?;
            format!(r#"{{"crv":{curve},"kty":"OKP","x":"{}"}}"#, key.x)
        }
        _ => return None,
    };
    Some(Digest::of(canonical.as_bytes()))
}

#[cfg(test)]
mod tests {
    use super::super::tests::{PARTY, with};
    use super::*;
    use crate::platform::jose::Alg;
    use serde_json::json;

    const PROOF: Policy<'_> = Policy {
        algs: &[ForeignAlg::PS256, ForeignAlg::ES256, ForeignAlg::EdDSA],
        typ: Some("dpop+jwt"),
        max_bytes: 4096,
    };

    fn proof(members: &Value) -> String {
        let mut jwk = PARTY.jwk(Alg::RS256);
        jwk.as_object_mut().unwrap().remove("alg");
        let header = with(json!({"alg": "PS256", "typ": "dpop+jwt", "jwk": jwk}), members);
        PARTY.sign_ps256(&header, b"{\"jti\":\"1\"}")
    }

    fn refusal(members: &Value) -> ForeignError {
        verify_embedded(&proof(members), &PROOF).unwrap_err()
    }

    #[test]
    fn rfc7638_3_1_the_thumbprint_of_the_example_is_that_of_the_standard() {
        let jwk = json!({"kty": "RSA", "alg": "RS256", "kid": "2011-04-29", "e": "AQAB", "n":
            "0vx7agoebGcQSuuPiLJXZptN9nndrQmbXEps2aiAFbWhM78LhWx4cbbfAAtVT86zwu1RK7aPFFxuhDR1L6tSoc_BJECPebWKRXjBZCiFV4n3oknjhMstn64tZ_2W-5JsGY4Hc5n9yBXArwl93lqt7_RN5w6Cf0h4QyQ5v-65YGjQR0_FDW2QvzqY368QQMicAtaSqzs8KJZgnYb9c7d0zgdAZHzu6qMQvRL5hajrn1n91CbOpbISD08qNLyrdkt-bFTWhAI4vMQFh6WeZu0fM4lFd2NcRwr3XPksINHaQ-G_xBniIqbw0Ls1jF44-csFCur-kEgU8awapJzKnqDKgw"});
        let digest = thumbprint(&serde_json::from_value(jwk).unwrap()).unwrap();
        assert_eq!(digest.encode(), "NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs");
    }

    #[test]
    fn rfc8037_a_3_so_is_that_of_an_ed25519_key() {
        let jwk = json!({"kty": "OKP", "crv": "Ed25519", "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"});
        let digest = thumbprint(&serde_json::from_value(jwk).unwrap()).unwrap();
        assert_eq!(digest.encode(), "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k");
    }

    #[test]
    fn a_token_is_verified_with_the_key_that_it_brings() {
        let embedded = verify_embedded(&proof(&json!({"kid": "unheard of"})), &PROOF).unwrap();
        assert_eq!(embedded.claims["jti"], "1");
        let jwk: Jwk = serde_json::from_value(PARTY.jwk(Alg::RS256)).unwrap();
        assert_eq!(Some(embedded.key), thumbprint(&jwk));
    }

    #[test]
    fn rfc9449_4_3_what_proves_no_possession_is_refused_for_its_own_reason() {
        let rs256 = json!({"alg": "RS256"});
        assert!(matches!(refusal(&rs256), ForeignError::AlgorithmNotAllowed));
        for alg in [json!("none"), json!("HS256"), json!(null), json!(5)] {
            assert!(matches!(refusal(&json!({"alg": alg})), ForeignError::AlgorithmNotAllowed));
        }
        for typ in [json!("JWT"), json!(null), json!("dpop")] {
            assert!(matches!(refusal(&json!({"typ": typ})), ForeignError::UnexpectedType), "{typ}");
        }
        for jwk in [json!(null), json!("x"), json!({}), json!({"kty": "RSA"})] {
            assert!(matches!(refusal(&json!({"jwk": jwk})), ForeignError::NoEmbeddedKey), "{jwk}");
        }
        let private = with(PARTY.jwk(Alg::RS256), &json!({"d": "AQAB"}));
        assert!(matches!(refusal(&json!({"jwk": private})), ForeignError::PrivateKey));
        assert!(matches!(refusal(&json!({"jwk": PARTY.jwk(Alg::ES256)})), ForeignError::WrongUse));
        assert!(matches!(refusal(&json!({"crit": ["b64"]})), ForeignError::Critical));
        let mut altered = proof(&json!({}));
        altered.truncate(altered.len() - 4);
        altered.push_str("AAAA");
        assert!(matches!(verify_embedded(&altered, &PROOF), Err(ForeignError::WrongSignature)));
        assert!(matches!(verify_embedded("nothing", &PROOF), Err(ForeignError::NoJws)));
        assert!(matches!(verify_embedded(&"x".repeat(4097), &PROOF), Err(ForeignError::TooLong)));
    }
}
