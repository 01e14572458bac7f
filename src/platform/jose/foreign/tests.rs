use std::sync::LazyLock;

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{RSA_PSS_SHA256, RsaKeyPair};
use jsonwebtoken::EncodingKey;
use proptest::prelude::*;
use serde_json::json;

use super::super::{Alg, SigningKey};
use super::*;
use crate::platform::bytes;

/// A party with a key of each kind, and its RSA key once more for PS256.
pub(super) struct Party {
    keys: [SigningKey; 4],
    rsa: RsaKeyPair,
}

pub(super) static PARTY: LazyLock<Party> = LazyLock::new(|| {
    let der = Alg::ALL.map(|alg| SigningKey::generate(alg, 2048));
    let key = |at: usize| SigningKey::from_pkcs8(Alg::ALL[at].name(), Alg::ALL[at], &der[at]).unwrap();
    Party { keys: [key(0), key(1), key(2), key(3)], rsa: RsaKeyPair::from_pkcs8(&der[0]).unwrap() }
});

const ANY: Policy<'_> = Policy { algs: &ForeignAlg::ALL, typ: None, max_bytes: 4096 };

impl Party {
    pub(super) fn jwk(&self, alg: Alg) -> Value {
        let key = self.keys.iter().find(|key| key.alg() == alg).unwrap();
        serde_json::to_value(key.public_jwk()).unwrap()
    }

    fn sign(&self, alg: Alg, typ: &'static str) -> String {
        self.keys.iter().find(|key| key.alg() == alg).unwrap().sign(typ, &claims())
    }

    /// A token whose header and payload are given as they are.
    pub(super) fn sign_ps256(&self, header: &Value, payload: &[u8]) -> String {
        let part = |raw: &[u8]| bytes::encode(raw);
        let message = format!("{}.{}", part(header.to_string().as_bytes()), part(payload));
        let mut signature = vec![0; self.rsa.public_modulus_len()];
        self.rsa.sign(&RSA_PSS_SHA256, &SystemRandom::new(), message.as_bytes(), &mut signature).unwrap();
        format!("{message}.{}", part(&signature))
    }
}

fn claims() -> Value {
    json!({"iss": "client", "exp": 1, "aud": ["a", "b"]})
}

fn keys(keys: &[Value]) -> ForeignKeys {
    ForeignKeys::parse(json!({"keys": keys}).to_string().as_bytes()).unwrap()
}

fn all() -> ForeignKeys {
    keys(&Alg::ALL.map(|alg| PARTY.jwk(alg)))
}

/// A JWK with other members.
pub(super) fn with(mut jwk: Value, members: &Value) -> Value {
    for (name, value) in members.as_object().unwrap() {
        jwk[name] = value.clone();
    }
    jwk
}

pub(super) fn without(mut jwk: Value, members: &[&str]) -> Value {
    jwk.as_object_mut().unwrap().retain(|name, _| !members.contains(&name.as_str()));
    jwk
}

#[test]
fn a_signature_of_each_algorithm_verifies_whatever_time_and_audience_it_names() {
    for (alg, foreign) in
        [(Alg::RS256, ForeignAlg::RS256), (Alg::ES256, ForeignAlg::ES256), (Alg::EdDSA, ForeignAlg::EdDSA)]
    {
        let verified = all().verify(&PARTY.sign(alg, "JWT"), &ANY).unwrap();
        assert_eq!((verified.alg, Value::Object(verified.claims)), (foreign, claims()));
    }
    let open = keys(&[without(PARTY.jwk(Alg::RS256), &["alg"])]);
    let token = PARTY.sign_ps256(&json!({"alg": "PS256", "kid": "RS256"}), b"{}");
    assert_eq!(open.verify(&token, &ANY).unwrap().alg, ForeignAlg::PS256);
}

#[test]
fn what_the_policy_does_not_allow_is_refused_for_its_own_reason() {
    let (keys, token) = (all(), PARTY.sign(Alg::ES256, "dpop+jwt"));
    let verify = |policy: Policy<'_>| keys.verify(&token, &policy).map(|_| ());
    assert!(verify(Policy { typ: Some("dpop+jwt"), ..ANY }).is_ok());
    let refused = verify(Policy { typ: Some("JWT"), ..ANY });
    assert!(matches!(refused, Err(ForeignError::UnexpectedType)));
    let refused = verify(Policy { algs: &[ForeignAlg::PS256, ForeignAlg::EdDSA], ..ANY });
    assert!(matches!(refused, Err(ForeignError::AlgorithmNotAllowed)));
    let refused = verify(Policy { max_bytes: token.len() - 1, ..ANY });
    assert!(matches!(refused, Err(ForeignError::TooLong)));
    assert!(verify(Policy { max_bytes: token.len(), ..ANY }).is_ok());
}

#[test]
fn a_type_is_a_media_type() {
    let open = keys(&[without(PARTY.jwk(Alg::RS256), &["alg"])]);
    let verify = |typ: Value| {
        let token = PARTY.sign_ps256(&json!({"alg": "PS256", "kid": "RS256", "typ": typ}), b"{}");
        open.verify(&token, &Policy { typ: Some("dpop+jwt"), ..ANY }).is_ok()
    };
    assert!(verify(json!("DPoP+jwt")) && verify(json!("Application/dpop+jwt")));
    assert!(!verify(json!("dpop+jwt2")) && !verify(json!("text/dpop+jwt")) && !verify(json!("€€€€€€")));
    assert!(!verify(json!(null)));
}

#[test]
fn unknown_keys_and_wrong_uses_are_told_apart() {
    let token = PARTY.sign(Alg::ES256, "JWT");
    let jwk = || PARTY.jwk(Alg::ES256);
    let verify = |set: &[Value]| keys(set).verify(&token, &ANY);
    assert!(matches!(verify(&[]), Err(ForeignError::UnknownKey)));
    assert!(matches!(verify(&[with(jwk(), &json!({"kid": "other"}))]), Err(ForeignError::UnknownKey)));
    assert!(matches!(verify(&[without(jwk(), &["kid"])]), Err(ForeignError::UnknownKey)));
    for members in [
        json!({"use": "enc"}),
        json!({"key_ops": ["sign"]}),
        json!({"alg": "ES384"}),
        json!({"alg": "ECDH-ES"}),
        json!({"crv": "P-384"}),
        json!({"x": "AAAA"}),
    ] {
        let refused = verify(&[with(jwk(), &members)]);
        assert!(matches!(refused, Err(ForeignError::WrongUse)), "{members}: {refused:?}");
    }
    let rsa_of_that_name = with(PARTY.jwk(Alg::RS256), &json!({"kid": "ES256"}));
    assert!(matches!(verify(std::slice::from_ref(&rsa_of_that_name)), Err(ForeignError::WrongUse)));
    assert!(verify(&[rsa_of_that_name, jwk()]).is_ok(), "names may be shared by keys of different kinds");
    assert!(verify(&[without(with(jwk(), &json!({"key_ops": ["verify"]})), &["use", "alg"])]).is_ok());
}

#[test]
fn keys_that_cannot_be_read_spoil_no_other() {
    let foreign = [
        json!({"kty": "AKP", "kid": "x"}),
        json!({"kty": "EC"}),
        json!(7),
        json!({"kty": "OKP", "crv": "X25519", "x": "AA"}),
    ];
    let mut set = foreign.to_vec();
    set.push(PARTY.jwk(Alg::EdDSA));
    assert!(keys(&set).verify(&PARTY.sign(Alg::EdDSA, "JWT"), &ANY).is_ok());
    for text in ["", "[]", "{}", r#"{"keys": {}}"#] {
        assert!(ForeignKeys::parse(text.as_bytes()).is_err(), "{text}");
    }
}

#[test]
fn without_a_kid_the_only_key_of_the_algorithm_is_meant() {
    let open = without(PARTY.jwk(Alg::RS256), &["alg"]);
    let token = PARTY.sign_ps256(&json!({"alg": "PS256"}), b"{}");
    assert!(keys(&[open.clone(), PARTY.jwk(Alg::ES256)]).verify(&token, &ANY).is_ok());
    let refused = keys(&[open.clone(), with(open, &json!({"kid": "2"}))]).verify(&token, &ANY);
    assert!(matches!(refused, Err(ForeignError::AmbiguousKey)));
    assert!(matches!(keys(&[]).verify(&token, &ANY), Err(ForeignError::AmbiguousKey)));
}

#[test]
fn what_must_be_understood_is_refused() {
    let open = keys(&[without(PARTY.jwk(Alg::RS256), &["alg"])]);
    let token = PARTY.sign_ps256(&json!({"alg": "PS256", "crit": ["b64"], "b64": false}), b"{}");
    assert!(matches!(open.verify(&token, &ANY), Err(ForeignError::Critical)));
}

#[test]
fn a_payload_that_is_no_object_is_malformed() {
    let open = keys(&[without(PARTY.jwk(Alg::RS256), &["alg"])]);
    for payload in [b"".as_slice(), b"[]", b"7", b"\"text\"", b"{", b"\xff"] {
        let token = PARTY.sign_ps256(&json!({"alg": "PS256"}), payload);
        assert!(matches!(open.verify(&token, &ANY), Err(ForeignError::Malformed(_))), "{payload:?}");
    }
}

#[test]
fn short_keys_and_symmetric_keys_verify_nothing() {
    // A modulus of 1024 bits.
    let short = json!({"kty": "RSA", "kid": "RS256", "n": bytes::encode(&[0xC1; 128]), "e": "AQAB"});
    let refused = keys(&[short]).verify(&PARTY.sign(Alg::RS256, "JWT"), &ANY);
    assert!(matches!(refused, Err(ForeignError::WrongUse)));
    let secret = json!({"kty": "oct", "kid": "k", "k": bytes::encode(&[7; 32]), "alg": "HS256"});
    let token = hmac(&[7; 32], "k");
    assert!(matches!(keys(&[secret]).verify(&token, &ANY), Err(ForeignError::AlgorithmNotAllowed)));
}

fn hmac(secret: &[u8], kid: &str) -> String {
    provider::install();
    let mut header = jsonwebtoken::Header::new(Algorithm::HS256);
    header.kid = Some(kid.to_owned());
    jsonwebtoken::encode(&header, &claims(), &EncodingKey::from_secret(secret)).unwrap()
}

#[test]
fn a_public_key_is_no_secret_and_none_is_no_algorithm() {
    for alg in Alg::ALL {
        let jwk = PARTY.jwk(alg);
        let public = jwk.get("n").or(jwk.get("x")).and_then(Value::as_str).unwrap();
        for secret in
            [public.as_bytes().to_vec(), bytes::decode(public).unwrap(), jwk.to_string().into_bytes()]
        {
            let refused = all().verify(&hmac(&secret, alg.name()), &ANY);
            assert!(matches!(refused, Err(ForeignError::AlgorithmNotAllowed)));
        }
        let payload = bytes::encode(claims().to_string().as_bytes());
        for none in ["none", "None", "NONE", ""] {
            let header = bytes::encode(json!({"alg": none, "kid": alg.name()}).to_string().as_bytes());
            for signature in ["", "AAAA"] {
                let refused = all().verify(&format!("{header}.{payload}.{signature}"), &ANY);
                assert!(matches!(refused, Err(ForeignError::Malformed(_))), "{refused:?}");
            }
        }
    }
}

#[test]
fn of_many_keys_and_of_many_with_one_name_few_are_looked_at() {
    let own = PARTY.jwk(Alg::ES256);
    let named = |kid: &str| with(own.clone(), &json!({"kid": kid}));
    let mut many: Vec<_> = (0..MOST_KEYS).map(|at| named(&format!("k{at}"))).collect();
    many.push(own.clone());
    let token = PARTY.sign(Alg::ES256, "JWT");
    assert!(matches!(keys(&many).verify(&token, &ANY), Err(ForeignError::UnknownKey)));
    many.swap_remove(0);
    assert!(keys(&many).verify(&token, &ANY).is_ok());
    assert_eq!(keys(&[own.clone(), own.clone(), own]).0.len(), 1);
}

#[test]
fn a_header_cannot_choose_another_algorithm_for_a_key() {
    // Each signature, under a header that names another key or another algorithm of the same key.
    for alg in Alg::ALL {
        let token = PARTY.sign(alg, "JWT");
        let (_, rest) = token.split_once('.').unwrap();
        for other in ForeignAlg::ALL.into_iter().filter(|other| other.name() != alg.name()) {
            for kid in Alg::ALL {
                let header = json!({"alg": other.name(), "kid": kid.name(), "typ": "JWT"});
                let header = bytes::encode(header.to_string().as_bytes());
                assert!(all().verify(&format!("{header}.{rest}"), &ANY).is_err());
            }
        }
    }
}

proptest! {
    #[test]
    fn garbage_is_refused_without_a_panic(token in "\\PC{0,200}", set in "\\PC{0,200}") {
        prop_assert!(all().verify(&token, &ANY).is_err());
        let _ = ForeignKeys::parse(set.as_bytes());
    }

    #[test]
    fn any_header_and_payload_are_refused_without_a_panic(
        header in "\\{\"alg\":\"(RS256|PS256|ES256|EdDSA|HS256)\",\"(kid|typ|crit|jwk|x5c)\":(\"ES256\"|1|null|\\[\\]|\\{\\})\\}",
        payload in prop::collection::vec(any::<u8>(), 0..64),
        signature in prop::collection::vec(any::<u8>(), 0..300),
    ) {
        let token = [header.as_bytes(), &payload, &signature].map(bytes::encode).join(".");
        prop_assert!(all().verify(&token, &ANY).is_err());
    }

    #[test]
    fn a_token_with_a_byte_changed_never_verifies(alg in 0..Alg::ALL.len(), at in any::<prop::sample::Index>(), by in 1..=255_u8) {
        let mut token = PARTY.sign(Alg::ALL[alg], "JWT").into_bytes();
        let at = at.index(token.len());
        token[at] ^= by;
        if let Ok(token) = String::from_utf8(token) {
            prop_assert!(all().verify(&token, &ANY).is_err(), "{token}");
        }
    }

    #[test]
    fn any_key_set_can_be_read_or_refused(
        kty in "(RSA|EC|OKP|oct|AKP)", crv in "(P-256|P-384|Ed25519|X25519)",
        value in "[A-Za-z0-9_=-]{0,90}", operation in "(sig|enc|verify|)",
    ) {
        let key = json!({"kty": kty, "crv": crv, "kid": "ES256", "x": value, "y": value, "n": value, "e": value,
            "k": value, "use": operation, "key_ops": [operation]});
        prop_assert!(keys(&[key]).verify(&PARTY.sign(Alg::ES256, "JWT"), &ANY).is_err());
    }
}

#[test]
fn rfc7516_9_an_encrypted_token_is_told_from_a_broken_one() {
    let header =
        bytes::encode(json!({"alg": "RSA-OAEP-256", "enc": "A256GCM", "cty": "JWT"}).to_string().as_bytes());
    for token in [format!("{header}.a.b.c.d"), format!("{header}..b.c.d"), "....".to_owned()] {
        assert!(matches!(all().verify(&token, &ANY), Err(ForeignError::Encrypted)), "{token}");
    }
    for token in [format!("{header}.a.b.c"), format!("{header}.a.b.c.d.e"), header] {
        assert!(matches!(all().verify(&token, &ANY), Err(ForeignError::Malformed(_))), "{token}");
    }
    assert!(!ForeignError::Encrypted.may_be_stale(), "no other key would read it");
}
