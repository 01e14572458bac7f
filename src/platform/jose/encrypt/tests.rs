//! The vectors of RFC 7518, and the way back, which only tests go: by `decrypt`, apart from the code that encrypts.

use std::sync::LazyLock;

use aws_lc_rs::encoding::{AsBigEndian, AsDer, EcPrivateKeyBin, Pkcs8V1Der};
use aws_lc_rs::rsa::{KeySize, OaepPrivateDecryptingKey, PrivateDecryptingKey};
use aws_lc_rs::signature::{KeyPair as _, RsaKeyPair};
use proptest::prelude::*;

use super::*;

/// A recipient, with its private half.
pub(crate) struct Recipient {
    pub(crate) jwk: Value,
    private: Private,
}

enum Private {
    Elliptic(PrivateKey),
    Rsa(OaepPrivateDecryptingKey),
}

pub(crate) static ELLIPTIC: LazyLock<Recipient> = LazyLock::new(|| {
    let private = PrivateKey::generate(&ECDH_P256).unwrap();
    let public = private.compute_public_key().unwrap();
    let (x, y) = public.as_ref()[1..].split_at(32);
    let jwk = json!({"kty": "EC", "crv": "P-256", "x": bytes::encode(x), "y": bytes::encode(y), "use": "enc", "kid": "ec"});
    Recipient { jwk, private: Private::Elliptic(private) }
});

pub(crate) static RSA: LazyLock<Recipient> = LazyLock::new(|| {
    let private = PrivateDecryptingKey::generate(KeySize::Rsa2048).unwrap();
    let der = AsDer::<Pkcs8V1Der<'_>>::as_der(&private).unwrap();
    let pair = RsaKeyPair::from_pkcs8(der.as_ref()).unwrap();
    let n = bytes::encode(pair.public_key().modulus().big_endian_without_leading_zero());
    let e = bytes::encode(pair.public_key().exponent().big_endian_without_leading_zero());
    let jwk = json!({"kty": "RSA", "n": n, "e": e, "use": "enc", "kid": "rsa"});
    Recipient { jwk, private: Private::Rsa(OaepPrivateDecryptingKey::new(private).unwrap()) }
});

impl Recipient {
    pub(crate) fn key(&self) -> RecipientKey {
        RecipientKey::read(&self.jwk).unwrap()
    }

    /// Header and content of a compact JWE; `None` if it is not for this recipient or was changed.
    pub(crate) fn decrypt(&self, token: &str) -> Option<(Value, Vec<u8>)> {
        let parts: Vec<&str> = token.split('.').collect();
        let [header, key, nonce, content, tag] = parts[..] else { return None };
        let aad = header.as_bytes();
        let header: Value = serde_json::from_slice(&bytes::decode(header)?).ok()?;
        let key = bytes::decode(key)?;
        let key: Vec<u8> = match &self.private {
            Private::Elliptic(private) => {
                let epk = &header["epk"];
                let number = |name: &str| bytes::decode(epk[name].as_str()?);
                let point = [vec![4], number("x")?, number("y")?].concat();
                let own = header["alg"] == "ECDH-ES" && key.is_empty();
                own.then(|| agreed(private, &point).ok())?.map(|key| key.to_vec())?
            }
            Private::Rsa(private) => {
                let mut out = vec![0; private.min_output_size()];
                private.decrypt(&OAEP_SHA256_MGF1SHA256, &key, &mut out, None).ok()?.to_vec()
            }
        };
        let opening = LessSafeKey::new(UnboundKey::new(&AES_256_GCM, &key).ok()?);
        let nonce = Nonce::try_assume_unique_for_key(&bytes::decode(nonce)?).ok()?;
        let mut sealed = [bytes::decode(content)?, bytes::decode(tag)?].concat();
        let opened = opening.open_in_place(nonce, Aad::from(aad), &mut sealed).ok()?.to_vec();
        Some((header, opened))
    }
}

fn with(jwk: &Value, members: &Value) -> Value {
    let mut jwk = jwk.clone();
    for (name, value) in members.as_object().unwrap() {
        jwk[name] = value.clone();
    }
    jwk.as_object_mut().unwrap().retain(|_, value| !value.is_null());
    jwk
}

#[test]
fn rfc7518_appendix_c_the_key_that_alice_and_bob_agree_on() {
    let d = bytes::decode("0_NxaRPUMQoAJt50Gz8YiTr8gRTwyEaCumd-MToTmIo").unwrap();
    let alice = PrivateKey::from_private_key(&ECDH_P256, &d).unwrap();
    let public = alice.compute_public_key().unwrap();
    assert_eq!(bytes::encode(&public.as_ref()[1..33]), "gI0GAILBdu7T53akrFmMyGcsF3n5dO7MmwNBHKW5SV0");
    let private: EcPrivateKeyBin<'_> = alice.as_be_bytes().unwrap();
    assert_eq!(private.as_ref(), d);
    let (x, y) =
        ("weNJy2HscCSM6AEDTDg04biOvhFhyyWvOHQfeF_PxMQ", "e8lnCO-AlStT-NJVX-crhB7QRYhiix03illJOVAOyck");
    let point = [vec![4], bytes::decode(x).unwrap(), bytes::decode(y).unwrap()].concat();
    let bob = UnparsedPublicKey::new(&ECDH_P256, point);
    let derived = agree(&alice, bob, EncryptionFailed, |secret| {
        // The vector is of A128GCM, whose key is half as long.
        Ok(concat_kdf(secret, "A128GCM", (b"Alice", b"Bob"), 128))
    });
    assert_eq!(bytes::encode(&derived.unwrap()[..16]), "VqqN6vgjbSBcIijNcacQGg");
}

#[test]
fn rfc7516_4_1_a_nested_token_says_by_what_and_for_which_key_it_is_encrypted() {
    for (recipient, alg) in [(&*ELLIPTIC, "ECDH-ES"), (&*RSA, "RSA-OAEP-256")] {
        let token = recipient.key().nest("a.b.c").unwrap();
        let (mut header, content) = recipient.decrypt(&token).unwrap();
        assert_eq!(content, b"a.b.c");
        let epk = header.as_object_mut().unwrap().remove("epk");
        assert_eq!(epk.is_some(), alg == "ECDH-ES");
        assert_eq!(header, json!({"alg": alg, "enc": "A256GCM", "kid": recipient.jwk["kid"], "cty": "JWT"}));
        let (named, _) =
            recipient.decrypt(&recipient.key().nest_of("a.b.c", "https://id.uz").unwrap()).unwrap();
        assert_eq!((&named["iss"], &named["cty"]), (&json!("https://id.uz"), &json!("JWT")));
        // Nobody else opens it, and no two are alike.
        assert_ne!(token, recipient.key().nest("a.b.c").unwrap());
    }
    assert!(RSA.decrypt(&ELLIPTIC.key().nest("a.b.c").unwrap()).is_none());
}

#[test]
fn rfc7517_4_2_only_what_is_meant_for_encryption_encrypts() {
    for recipient in [&*ELLIPTIC, &*RSA] {
        let read = |members: Value| RecipientKey::read(&with(&recipient.jwk, &members)).is_some();
        let alg = recipient.key().alg().name();
        for good in [
            json!({}),
            json!({"kid": null}),
            json!({"alg": alg}),
            json!({"alg": alg, "use": null}),
            json!({"key_ops": ["deriveBits", "wrapKey"]}),
        ] {
            assert!(read(good.clone()), "{good}");
        }
        for bad in [
            json!({"use": null}),
            json!({"use": "sig"}),
            json!({"use": 1}),
            json!({"use": "sig", "alg": alg}),
            json!({"alg": "ECDH-ES+A256KW"}),
            json!({"alg": "RSA-OAEP"}),
            json!({"alg": "RSA1_5"}),
            json!({"alg": "ES256"}),
            json!({"alg": 1}),
            json!({"key_ops": ["verify"]}),
            json!({"key_ops": "deriveKey"}),
            json!({"kty": "OKP"}),
            json!({"kty": null}),
            json!({"x": null, "n": null}),
            json!({"x": "AAAA", "n": "AAAA"}),
        ] {
            assert!(!read(bad.clone()), "{bad}");
        }
    }
    // No point of the curve, and another curve.
    for members in [
        json!({"x": bytes::encode(&[1; 32])}),
        json!({"crv": "P-384"}),
        json!({"y": bytes::encode(&[0; 32])}),
    ] {
        assert!(RecipientKey::read(&with(&ELLIPTIC.jwk, &members)).is_none(), "{members}");
    }
    // 1024 bits are too few.
    let short = json!({"n": bytes::encode(&[0xC1; 128])});
    assert!(RecipientKey::read(&with(&RSA.jwk, &short)).is_none());
}

proptest! {
    #[test]
    fn whatever_is_encrypted_comes_out_for_its_recipient(content in prop::collection::vec(any::<u8>(), 0..3000)) {
        for recipient in [&*ELLIPTIC, &*RSA] {
            let token = recipient.key().encrypt(&[], &content).unwrap();
            let (header, opened) = recipient.decrypt(&token).unwrap();
            prop_assert_eq!(&opened, &content);
            prop_assert!(header.get("cty").is_none());
        }
    }

    #[test]
    fn a_token_with_a_byte_changed_never_opens(at in any::<prop::sample::Index>(), by in 1..=255_u8) {
        let mut token = ELLIPTIC.key().nest("a.b.c").unwrap().into_bytes();
        let at = at.index(token.len());
        token[at] ^= by;
        // The last character of a part may have bits that count for nothing; then it is no base64url any more.
        if let Ok(token) = String::from_utf8(token) {
            prop_assert!(ELLIPTIC.decrypt(&token).is_none(), "{}", token);
        }
    }

    #[test]
    fn any_key_is_read_or_refused_without_a_panic(
        kty in "EC|RSA|OKP|oct", x in "[A-Za-z0-9_-]{0,60}", y in "[A-Za-z0-9_-]{43}", more in "enc|sig|",
    ) {
        let jwk = json!({"kty": kty, "crv": "P-256", "x": x, "y": y, "n": x, "e": "AQAB", "use": more});
        prop_assert!(RecipientKey::read(&jwk).is_none());
    }
}
