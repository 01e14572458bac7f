//! Ceremonies of authenticators in software, and what is wrong with them in every way.

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::{KeySize, PublicKeyComponents};
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_ASN1_SIGNING, EcdsaKeyPair, Ed25519KeyPair, KeyPair as _, RSA_PKCS1_SHA256, RsaKeyPair,
};
use proptest::prelude::*;

use super::*;

/// The key of an authenticator.
enum Key {
    Es256(EcdsaKeyPair),
    Ed25519(Ed25519KeyPair),
    Rs256(Box<RsaKeyPair>),
}

struct Authenticator(Key);

/// A byte string in CBOR.
fn string(bytes: &[u8]) -> Vec<u8> {
    let length = u16::try_from(bytes.len()).unwrap();
    [&[0x59][..], &length.to_be_bytes(), bytes].concat()
}

impl Authenticator {
    fn new() -> Self {
        Self(Key::Es256(EcdsaKeyPair::generate(&ECDSA_P256_SHA256_ASN1_SIGNING).unwrap()))
    }

    fn cose(&self) -> Vec<u8> {
        match &self.0 {
            Key::Es256(key) => {
                let point = key.public_key().as_ref();
                let head = [0xa5, 0x01, 0x02, 0x03, 0x26, 0x20, 0x01, 0x21];
                [&head[..], &string(&point[1..33]), &[0x22], &string(&point[33..])].concat()
            }
            Key::Ed25519(key) => {
                let head = [0xa4, 0x01, 0x01, 0x03, 0x27, 0x20, 0x06, 0x21];
                [&head[..], &string(key.public_key().as_ref())].concat()
            }
            Key::Rs256(key) => {
                let parts: PublicKeyComponents<Vec<u8>> = key.public_key().into();
                let head = [0xa4, 0x01, 0x03, 0x03, 0x39, 0x01, 0x00, 0x20];
                [&head[..], &string(&parts.n), &[0x21], &string(&parts.e)].concat()
            }
        }
    }

    fn data(&self, party: &str, flags: u8, counter: u32) -> Vec<u8> {
        let mut data = Digest::of(party.as_bytes()).0.to_vec();
        data.push(flags);
        data.extend(counter.to_be_bytes());
        if flags & CREDENTIAL != 0 {
            data.extend([0; 16]);
            data.extend([0, 3, 7, 8, 9]);
            data.extend(self.cose());
        }
        data
    }

    fn attestation(&self, party: &str, flags: u8) -> Vec<u8> {
        let mut object = vec![0xa3, 0x63];
        object.extend(b"fmt\x64none\x67attStmt\xa0\x68authData");
        object.extend(string(&self.data(party, flags, 0)));
        object
    }

    fn sign(&self, data: &[u8], client: &[u8]) -> Vec<u8> {
        let message = [data, &Digest::of(client).0[..]].concat();
        match &self.0 {
            Key::Es256(key) => key.sign(&SystemRandom::new(), &message).unwrap().as_ref().to_vec(),
            Key::Ed25519(key) => key.sign(&message).as_ref().to_vec(),
            Key::Rs256(key) => {
                let mut signature = vec![0; key.public_modulus_len()];
                key.sign(&RSA_PKCS1_SHA256, &SystemRandom::new(), &message, &mut signature).unwrap();
                signature
            }
        }
    }
}

fn party() -> RelyingParty {
    RelyingParty { id: "id.uz".to_owned(), origin: "https://id.uz".to_owned() }
}

fn client(kind: &str, challenge: &str, origin: &str) -> Vec<u8> {
    format!(r#"{{"type":"{kind}","challenge":"{challenge}","origin":"{origin}"}}"#).into_bytes()
}

#[test]
fn a_passkey_of_each_algorithm_is_made_and_proves_its_holder() {
    let rsa = RsaKeyPair::generate(KeySize::Rsa2048).unwrap();
    for key in [
        Authenticator::new(),
        Authenticator(Key::Ed25519(Ed25519KeyPair::generate().unwrap())),
        Authenticator(Key::Rs256(Box::new(rsa))),
    ] {
        let made = client("webauthn.create", "c1", "https://id.uz");
        let new = party().created("c1", &made, &key.attestation("id.uz", 0x45)).unwrap();
        assert_eq!(new.id, [7, 8, 9]);
        let stored = PublicKey::parse(&new.key.write()).unwrap();
        assert_eq!(stored, new.key);
        let asked = client("webauthn.get", "c2", "https://id.uz");
        let data = key.data("id.uz", 0x05, 9);
        let signature = key.sign(&data, &asked);
        let seen = Use { counter: 9, may_be_copied: false, copied: false };
        assert_eq!(party().proved("c2", &stored, (&asked, &data, &signature)), Ok(seen));
        assert_eq!(challenge_of(&asked).as_deref(), Some("c2"));
    }
}

#[test]
fn what_may_be_copied_and_was_is_told_and_what_cannot_have_been_is_not_taken() {
    let key = Authenticator::new();
    let made = client("webauthn.create", "c1", "https://id.uz");
    let new = |flags: u8| party().created("c1", &made, &key.attestation("id.uz", flags)).map(|new| new.seen);
    let of = |may_be_copied, copied| Use { counter: 0, may_be_copied, copied };
    assert_eq!(new(0x45), Ok(of(false, false)));
    assert_eq!(new(0x4d), Ok(of(true, false)));
    assert_eq!(new(0x5d), Ok(of(true, true)));
    assert!(new(0x55).is_err());
}

#[test]
fn what_is_of_another_site_ceremony_challenge_or_key_or_unverified_is_not_taken() {
    let (key, other) = (Authenticator::new(), Authenticator::new());
    let made = client("webauthn.create", "c1", "https://id.uz");
    let stored = party().created("c1", &made, &key.attestation("id.uz", 0x45)).unwrap().key;
    let good = client("webauthn.get", "c", "https://id.uz");
    let framed = br#"{"type":"webauthn.get","challenge":"c","origin":"https://id.uz","crossOrigin":true}"#;
    let try_it = |client: &[u8], data: Vec<u8>, signer: &Authenticator| {
        let signature = signer.sign(&data, client);
        party().proved("c", &stored, (client, &data, &signature)).is_ok()
    };
    assert!(try_it(&good, key.data("id.uz", 0x05, 1), &key));
    assert!(!try_it(&good, key.data("id.uz", 0x05, 1), &other));
    assert!(!try_it(&good, key.data("evil.uz", 0x05, 1), &key));
    // Present and not verified; verified and not present.
    assert!(!try_it(&good, key.data("id.uz", 0x01, 1), &key));
    assert!(!try_it(&good, key.data("id.uz", 0x04, 1), &key));
    assert!(!try_it(&client("webauthn.get", "c", "https://evil.uz"), key.data("id.uz", 5, 1), &key));
    assert!(!try_it(&client("webauthn.get", "d", "https://id.uz"), key.data("id.uz", 5, 1), &key));
    assert!(!try_it(&client("webauthn.create", "c", "https://id.uz"), key.data("id.uz", 5, 1), &key));
    assert!(!try_it(framed, key.data("id.uz", 5, 1), &key));
    let mut longer = key.data("id.uz", 5, 1);
    longer.push(0);
    assert!(!try_it(&good, longer, &key));
    assert!(party().created("c1", &made, &key.attestation("id.uz", 0x41)).is_err());
    assert!(party().created("c1", &made, &key.attestation("id.uz", 0x05)).is_err());
}

#[test]
fn keys_that_are_too_short_or_of_other_kinds_are_not_taken() {
    let of = |cose: &[u8]| PublicKey::of_cose(&Value::whole(cose).unwrap());
    let short =
        [&[0xa4, 0x01, 0x03, 0x03, 0x39, 0x01, 0x00, 0x20][..], &string(&[7; 128]), &[0x21, 0x43, 1, 0, 1]];
    assert_eq!(of(&short.concat()), None);
    // A point of P-256 whose algorithm is another one's; one with half a coordinate.
    let point = |alg: u8, length: usize| {
        let head = [0xa5, 0x01, 0x02, 0x03, alg, 0x20, 0x01, 0x21];
        of(&[&head[..], &string(&[1; 32]), &[0x22], &string(&vec![2; length])].concat())
    };
    assert!(point(0x26, 32).is_some() && point(0x27, 32).is_none() && point(0x26, 31).is_none());
}

proptest! {
    #[test]
    fn whatever_is_sent_is_refused_and_breaks_nothing(bytes in proptest::collection::vec(any::<u8>(), 0..400)) {
        let made = client("webauthn.create", "c", "https://id.uz");
        prop_assert!(party().created("c", &made, &bytes).is_err());
        prop_assert!(party().created("c", &bytes, &bytes).is_err());
        let key = PublicKey::Es256(bytes.clone());
        prop_assert!(party().proved("c", &key, (&bytes, &bytes, &bytes)).is_err());
        let _ = challenge_of(&bytes);
        let _ = Value::read(&bytes);
        let _ = AuthenticatorData::read(&bytes);
    }

    #[test]
    fn a_passkey_with_any_bytes_changed_or_cut_breaks_nothing(
        changes in proptest::collection::vec((any::<proptest::sample::Index>(), any::<u8>()), 1..4),
        cut in proptest::option::of(any::<proptest::sample::Index>()),
    ) {
        let made = client("webauthn.create", "c", "https://id.uz");
        let mut object = Authenticator::new().attestation("id.uz", 0x45);
        for (at, byte) in changes {
            let at = at.index(object.len());
            object[at] = byte;
        }
        if let Some(cut) = cut {
            object.truncate(cut.index(object.len()));
        }
        // What is read all the same is bound to this site and was verified.
        if let Ok(new) = party().created("c", &made, &object) {
            prop_assert!(!new.id.is_empty());
        }
    }
}
