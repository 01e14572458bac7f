//! A service that has things encrypted for it: its keys, and the way back (RFC 7516), apart from the provider's own code.

use std::sync::LazyLock;

use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, Nonce, UnboundKey};
use aws_lc_rs::agreement::{ECDH_P256, PrivateKey, UnparsedPublicKey, agree};
use aws_lc_rs::digest::{SHA256, digest};
use aws_lc_rs::encoding::{AsBigEndian as _, AsDer as _, EcPrivateKeyBin, Pkcs8V1Der};
use aws_lc_rs::rsa::{KeySize, OAEP_SHA256_MGF1SHA256, OaepPrivateDecryptingKey, PrivateDecryptingKey};
use aws_lc_rs::signature::{KeyPair as _, RsaKeyPair};
use base64::Engine as _;
use base64::prelude::{BASE64_STANDARD, BASE64_URL_SAFE_NO_PAD};
use serde_json::{Value, json};

use super::jwt::encode;

/// A key pair for encryption.
pub(crate) struct Recipient {
    public: Value,
    private: Private,
}

enum Private {
    Elliptic(PrivateKey),
    /// With itself as PKCS #8.
    Rsa(OaepPrivateDecryptingKey, Vec<u8>),
}

/// A P-256 key.
pub(crate) static ELLIPTIC: LazyLock<Recipient> = LazyLock::new(|| {
    let private = PrivateKey::generate(&ECDH_P256).expect("a key");
    let public = private.compute_public_key().expect("its public half");
    let (x, y) = public.as_ref()[1..].split_at(32);
    let public =
        json!({"kty": "EC", "crv": "P-256", "x": encode(x), "y": encode(y), "use": "enc", "kid": "for-me"});
    Recipient { public, private: Private::Elliptic(private) }
});

/// An RSA key.
pub(crate) static RSA: LazyLock<Recipient> = LazyLock::new(|| {
    let private = PrivateDecryptingKey::generate(KeySize::Rsa2048).expect("a key");
    let der: Pkcs8V1Der<'_> = private.as_der().expect("a document");
    let pair = RsaKeyPair::from_pkcs8(der.as_ref()).expect("the same key");
    let n = encode(pair.public_key().modulus().big_endian_without_leading_zero());
    let e = encode(pair.public_key().exponent().big_endian_without_leading_zero());
    let public = json!({"kty": "RSA", "n": n, "e": e, "alg": "RSA-OAEP-256", "kid": "for-me-too"});
    let der = der.as_ref().to_vec();
    Recipient { public, private: Private::Rsa(OaepPrivateDecryptingKey::new(private).expect("a key"), der) }
});

fn decode(part: &str) -> Vec<u8> {
    BASE64_URL_SAFE_NO_PAD.decode(part).unwrap_or_else(|error| panic!("{part}: {error}"))
}

fn number(jwk: &Value, name: &str) -> Vec<u8> {
    decode(jwk[name].as_str().unwrap_or_else(|| panic!("no {name} in {jwk}")))
}

impl Recipient {
    /// Its public half.
    pub(crate) fn jwk(&self) -> Value {
        self.public.clone()
    }

    /// The whole key, of an elliptic one.
    pub(crate) fn private_jwk(&self) -> Value {
        let Private::Elliptic(private) = &self.private else { panic!("no elliptic key") };
        let d: EcPrivateKeyBin<'_> = private.as_be_bytes().expect("its number");
        let mut jwk = self.jwk();
        jwk["d"] = encode(d.as_ref()).into();
        jwk
    }

    /// The whole key in PEM, of an RSA one.
    pub(crate) fn private_pem(&self) -> String {
        let Private::Rsa(_, der) = &self.private else { panic!("no RSA key") };
        let body = BASE64_STANDARD.encode(der);
        format!("-----BEGIN PRIVATE KEY-----\n{body}\n-----END PRIVATE KEY-----\n")
    }

    /// Header and content of a compact JWE.
    pub(crate) fn decrypt(&self, token: &str) -> (Value, String) {
        let parts: Vec<&str> = token.split('.').collect();
        let [head, key, nonce, content, tag] = parts[..] else { panic!("no compact JWE: {token}") };
        let header: Value = serde_json::from_slice(&decode(head)).expect("JSON");
        assert_eq!(header["enc"], "A256GCM", "{header}");
        assert_eq!(header["kid"], self.public["kid"], "{header}");
        let key = match &self.private {
            Private::Elliptic(private) => {
                assert_eq!((&header["alg"], key), (&json!("ECDH-ES"), ""), "{header}");
                let epk = &header["epk"];
                let point = [vec![4], number(epk, "x"), number(epk, "y")].concat();
                let public = UnparsedPublicKey::new(&ECDH_P256, point);
                agree(private, public, (), |secret| {
                    // RFC 7518 §4.6.2: one round; no party has information of its own.
                    let info = [&[0, 0, 0, 7][..], b"A256GCM", &[0; 4], &[0; 4], &[0, 0, 1, 0]].concat();
                    let input = [&[0, 0, 0, 1][..], secret, &info].concat();
                    Ok(digest(&SHA256, &input).as_ref().to_vec())
                })
                .expect("a secret")
            }
            Private::Rsa(private, _) => {
                assert_eq!(header["alg"], "RSA-OAEP-256", "{header}");
                let mut out = vec![0; private.min_output_size()];
                let key = private.decrypt(&OAEP_SHA256_MGF1SHA256, &decode(key), &mut out, None);
                key.expect("a key").to_vec()
            }
        };
        let opening = LessSafeKey::new(UnboundKey::new(&AES_256_GCM, &key).expect("a key of 32 bytes"));
        let nonce = Nonce::try_assume_unique_for_key(&decode(nonce)).expect("twelve bytes");
        let mut sealed = [decode(content), decode(tag)].concat();
        let opened = opening.open_in_place(nonce, Aad::from(head.as_bytes()), &mut sealed);
        let text = opened.expect("the content is authentic").to_vec();
        (header, String::from_utf8(text).expect("text"))
    }

    /// The token in a nested one (RFC 7519 §5.2).
    pub(crate) fn nested(&self, token: &str) -> String {
        let (header, text) = self.decrypt(token);
        assert_eq!(header["cty"], "JWT", "{header}");
        text
    }
}
