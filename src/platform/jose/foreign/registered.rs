//! A key set that somebody hands in by value, read strictly: what is wrong with it can be said, so nothing is ignored.

use std::collections::HashSet;

use jsonwebtoken::DecodingKey;
use jsonwebtoken::jwk::{Jwk, PublicKeyUse};
use serde_json::Value;

use super::{ForeignKey, ForeignKeys, MOST_KEYS, serving};
use crate::platform::jose::RecipientKey;

/// Members of private and symmetric keys (RFC 7518 §6.2.2, §6.3.2, §6.4.1).
pub(super) const PRIVATE: [&str; 8] = ["d", "p", "q", "dp", "dq", "qi", "oth", "k"];

/// The longest set, in bytes.
const LONGEST: usize = 64 * 1024;

impl ForeignKeys {
    /// Reads a JWK set of which every key must be public and of use: RSA of 2048 to 8192 bits, P-256 or Ed25519, each with
    /// a `kid` of its own where there are several.
    ///
    /// # Errors
    /// What is wrong with it, for whoever handed it in.
    pub fn parse_strictly(set: &Value) -> Result<Self, String> {
        let keys = set.get("keys").and_then(Value::as_array);
        let keys = keys.ok_or("must be a JWK set: an object with the list `keys` (RFC 7517 §5)")?;
        if !(1..=MOST_KEYS).contains(&keys.len()) {
            return Err(format!("must hold 1 to {MOST_KEYS} keys"));
        }
        if set.to_string().len() > LONGEST {
            return Err(format!("is longer than {LONGEST} bytes"));
        }
        let (mut kids, mut read) = (HashSet::new(), Vec::new());
        for (at, jwk) in keys.iter().enumerate() {
            let kid = match jwk.get("kid") {
                None if keys.len() > 1 => {
                    return Err(format!("key {}: several keys need a `kid` each", at + 1));
                }
                None => None,
                Some(Value::String(kid)) if (1..=256).contains(&kid.len()) => Some(kid),
                Some(_) => return Err(format!("key {}: `kid` must be a text of 1 to 256 bytes", at + 1)),
            };
            if let Some(kid) = kid
                && !kids.insert(kid)
            {
                return Err(format!("key {}: another key has its `kid`", at + 1));
            }
            read.push(usable(jwk).map_err(|why| format!("key {}: {why}", at + 1))?);
        }
        Ok(Self(read))
    }
}

fn usable(jwk: &Value) -> Result<ForeignKey, String> {
    if let Some(member) = PRIVATE.iter().find(|member| jwk.get(**member).is_some()) {
        return Err(format!("`{member}` belongs to a private or symmetric key: hand in public keys alone"));
    }
    let parsed: Option<Jwk> = serde_json::from_value(jwk.clone()).ok();
    let decoded = parsed.as_ref().and_then(|jwk| DecodingKey::from_jwk(jwk).ok());
    let (Some(parsed), Some(decoded)) = (parsed, decoded) else {
        return Err("it is no public key of RFC 7518 §6 or RFC 8037 §2".to_owned());
    };
    if serving(&parsed, &decoded).is_empty() {
        return Err("only RSA of 2048 to 8192 bits, P-256 and Ed25519 are served".to_owned());
    }
    let key = ForeignKey::read(&parsed).ok_or("it is no public key")?;
    let key = ForeignKey { recipient: RecipientKey::read(jwk), ..key };
    let for_encryption = matches!(parsed.common.public_key_use, Some(PublicKeyUse::Encryption));
    if key.algs.is_empty() && key.recipient.is_none() && !for_encryption {
        return Err(
            "its `use`, `key_ops` and `alg` let it verify no signature of RS256, PS256, ES256 or EdDSA"
                .to_owned(),
        );
    }
    Ok(key)
}

#[cfg(test)]
mod tests {
    use super::super::tests::{PARTY, with, without};
    use super::*;
    use crate::platform::jose::Alg;
    use serde_json::json;

    fn strictly(keys: &[Value]) -> Result<ForeignKeys, String> {
        ForeignKeys::parse_strictly(&json!({"keys": keys}))
    }

    fn refusal(keys: &[Value]) -> String {
        strictly(keys).err().unwrap_or_else(|| panic!("accepted: {keys:?}"))
    }

    #[test]
    fn rfc7517_5_a_set_of_public_keys_is_read_whole() {
        let all = Alg::ALL.map(|alg| PARTY.jwk(alg));
        assert_eq!(strictly(&all).unwrap().0.len(), Alg::ALL.len());
        assert!(strictly(&[without(PARTY.jwk(Alg::ES256), &["kid", "use", "alg"])]).is_ok());
        assert!(strictly(&[with(without(PARTY.jwk(Alg::RS256), &["alg"]), &json!({"use": "enc"}))]).is_ok());
    }

    #[test]
    fn rfc7517_9_3_private_and_symmetric_keys_are_refused() {
        let secret = json!({"kty": "oct", "k": "c2VjcmV0", "kid": "s"});
        assert!(refusal(&[secret]).contains("`k` belongs to a private or symmetric key"));
        for member in ["d", "p", "q", "dp", "dq", "qi", "oth"] {
            let key = with(PARTY.jwk(Alg::RS256), &json!({member: "AQAB"}));
            assert!(refusal(&[key]).contains(&format!("`{member}` belongs")), "{member}");
        }
    }

    #[test]
    fn keys_that_cannot_be_told_apart_or_used_are_refused() {
        let key = || PARTY.jwk(Alg::ES256);
        assert!(refusal(&[]).contains("1 to 32 keys"));
        assert!(ForeignKeys::parse_strictly(&json!([key()])).is_err());
        assert!(refusal(&vec![key(); 33]).contains("1 to 32 keys"));
        assert!(refusal(&[key(), key()]).contains("another key has its `kid`"));
        assert!(refusal(&[key(), without(key(), &["kid"])]).contains("several keys need a `kid` each"));
        assert!(refusal(&[with(key(), &json!({"kid": 5}))]).contains("must be a text"));
        assert!(refusal(&[with(key(), &json!({"kid": ""}))]).contains("must be a text"));
        for odd in [json!(5), json!({}), json!({"kty": "RSA"}), without(key(), &["y"])] {
            assert!(refusal(&[odd]).contains("no public key"));
        }
        assert!(refusal(&[with(key(), &json!({"crv": "P-384"}))]).contains("are served"));
        for members in [json!({"alg": "RS256"}), json!({"alg": "ES384"}), json!({"key_ops": ["sign"]})] {
            assert!(refusal(&[with(key(), &members)]).contains("verify no signature"), "{members}");
        }
    }

    #[test]
    fn a_short_rsa_key_is_no_longer_for_zeros_in_front_of_its_modulus() {
        let modulus = |bytes: &[u8]| crate::platform::bytes::encode(bytes);
        let short = [&[0; 128][..], &[0xff; 128][..]].concat();
        let nearly = [&[0x7f][..], &[0xff; 255][..]].concat();
        for n in [&short[..], &[0xff; 128], &nearly, &[0xff; 1025], &[0; 256]] {
            let key = with(PARTY.jwk(Alg::RS256), &json!({"n": modulus(n)}));
            assert!(refusal(&[key]).contains("2048"), "{} bytes", n.len());
        }
        assert!(strictly(&[with(PARTY.jwk(Alg::RS256), &json!({"n": modulus(&[0xff; 256])}))]).is_ok());
    }
}
