use jsonwebtoken::errors::ErrorKind;
use jsonwebtoken::{Algorithm, EncodingKey, Header, encode};
use proptest::prelude::*;
use serde_json::json;
use std::sync::LazyLock;

use super::*;
use crate::platform::db::{self, test_db::TestDb};

const NOW: Timestamp = Timestamp(1_700_000_000);

fn stored(alg: Alg, active_from: Timestamp) -> StoredKey {
    new_key(alg, 2048, NOW, active_from)
}

static KEYS: LazyLock<KeySet> =
    LazyLock::new(|| KeySet::build(Alg::ALL.map(|alg| stored(alg, NOW)).into(), NOW, (0, 0)).unwrap());

fn sign(alg: Alg, typ: &'static str) -> String {
    KEYS.signing(alg, NOW).unwrap().sign(typ, &json!({"sub": "s", "exp": 1, "aud": "a"}))
}

#[test]
fn our_own_tokens_verify_under_their_type_whether_or_not_they_have_expired() {
    for alg in Alg::ALL {
        let token = sign(alg, "at+jwt");
        assert_eq!(KEYS.verify(&token, "at+jwt").unwrap()["sub"], "s");
        assert!(matches!(KEYS.verify(&token, "JWT"), Err(VerifyError::UnexpectedHeader)));
    }
}

#[test]
fn tokens_of_others_do_not_verify() {
    let others = KeySet::build(vec![stored(Alg::ES256, NOW)], NOW, (0, 0)).unwrap();
    assert!(matches!(others.verify(&sign(Alg::ES256, "JWT"), "JWT"), Err(VerifyError::UnknownKey)));
    // The same name, another key.
    let kid = KEYS.signing(Alg::ES256, NOW).unwrap().kid();
    let der = SigningKey::generate(Alg::ES256, 2048);
    let forged = SigningKey::from_pkcs8(kid, Alg::ES256, &der).unwrap().sign("JWT", &json!({}));
    let Err(VerifyError::Invalid(error)) = KEYS.verify(&forged, "JWT") else { panic!("it verifies") };
    assert_eq!(*error.kind(), ErrorKind::InvalidSignature);
}

#[test]
fn a_header_may_only_agree_with_its_key() {
    let (rsa, ec) = (KEYS.signing(Alg::RS256, NOW).unwrap(), KEYS.signing(Alg::ES256, NOW).unwrap());
    let public = serde_json::to_vec(rsa.public_jwk()).unwrap();
    let hmac = |kid: &str| {
        let mut header = Header::new(Algorithm::HS256);
        header.kid = Some(kid.to_owned());
        encode(&header, &json!({}), &EncodingKey::from_secret(&public)).unwrap()
    };
    assert!(matches!(KEYS.verify(&hmac(rsa.kid()), "JWT"), Err(VerifyError::UnexpectedHeader)));
    let signed = sign(Alg::RS256, "JWT");
    let (_, rest) = signed.split_once('.').unwrap();
    let under = |header: serde_json::Value| {
        KEYS.verify(&format!("{}.{rest}", bytes::encode(header.to_string().as_bytes())), "JWT")
    };
    assert!(matches!(
        under(json!({"alg": "none", "kid": rsa.kid(), "typ": "JWT"})),
        Err(VerifyError::Invalid(_))
    ));
    for header in [
        json!({"alg": "PS256", "kid": rsa.kid(), "typ": "JWT"}),
        json!({"alg": "RS256", "kid": KEYS.signing(Alg::PS256, NOW).unwrap().kid(), "typ": "JWT"}),
        json!({"alg": "RS256", "kid": ec.kid(), "typ": "JWT"}),
        json!({"alg": "RS256", "kid": rsa.kid()}),
        json!({"alg": "RS256", "kid": rsa.kid(), "typ": "JWT", "crit": ["exp"]}),
    ] {
        assert!(matches!(under(header.clone()), Err(VerifyError::UnexpectedHeader)), "{header}");
    }
    assert!(matches!(under(json!({"alg": "RS256", "typ": "JWT"})), Err(VerifyError::UnknownKey)));
}

#[test]
fn long_tokens_are_not_looked_at() {
    let token = KEYS.signing(Alg::ES256, NOW).unwrap().sign("JWT", &json!({"long": "x".repeat(MAX_BYTES)}));
    assert!(matches!(KEYS.verify(&token, "JWT"), Err(VerifyError::TooLong)));
}

#[test]
fn the_newest_active_key_signs_and_all_are_published() {
    let later = NOW.plus(PUBLISH_AHEAD);
    let (old, new) = (stored(Alg::ES256, NOW), stored(Alg::ES256, later));
    let (old_kid, new_kid) = (old.kid.clone(), new.kid.clone());
    let keys = KeySet::build(vec![old, new], NOW, (2, 0)).unwrap();
    assert_eq!(keys.signing(Alg::ES256, NOW).unwrap().kid(), old_kid);
    assert_eq!(keys.signing(Alg::ES256, later).unwrap().kid(), new_kid);
    assert!(keys.signing(Alg::RS256, later).is_none());
    let published: Value = serde_json::from_slice(&keys.jwks()).unwrap();
    let kids: Vec<_> = published["keys"].as_array().unwrap().iter().map(|key| key["kid"].clone()).collect();
    assert_eq!(kids, [old_kid, new_kid]);
}

#[test]
fn a_retired_key_is_not_published_and_verifies_hints_alone() {
    let old = StoredKey { retire_at: Some(NOW), ..stored(Alg::ES256, NOW) };
    let again = StoredKey { kid: old.kid.clone(), pkcs8: old.pkcs8.clone(), ..stored(Alg::ES256, NOW) };
    let before = KeySet::build(vec![old], NOW.minus(1), (1, 0)).unwrap();
    let after = KeySet::build(vec![StoredKey { retire_at: Some(NOW), ..again }], NOW, (1, 0)).unwrap();
    let token = before.signing(Alg::ES256, NOW).unwrap().sign("JWT", &json!({"sub": "s"}));
    assert!(before.verify(&token, "JWT").is_ok() && before.verify_hint(&token).is_ok());
    assert!(matches!(after.verify(&token, "JWT"), Err(VerifyError::UnknownKey)));
    assert_eq!(after.verify_hint(&token).unwrap()["sub"], "s");
    assert!(after.signing(Alg::ES256, NOW).is_none() && after.list(NOW).is_empty());
    assert_eq!(*after.jwks(), *br#"{"keys":[]}"#);
}

#[test]
fn a_key_that_does_not_parse_is_named() {
    let mut broken = stored(Alg::ES256, NOW);
    broken.pkcs8.truncate(20);
    let kid = broken.kid.clone();
    let Err(error) = KeySet::build(vec![broken], NOW, (1, 0)) else { panic!("it parses") };
    assert!(error.to_string().contains(&kid), "{error}");
    assert!(std::error::Error::source(&error).is_some());
}

proptest! {
    #[test]
    fn garbage_is_refused_without_a_panic(token in "\\PC{0,200}") {
        prop_assert!(KEYS.verify(&token, "JWT").is_err());
    }

    #[test]
    fn a_token_with_a_byte_changed_never_verifies(alg in 0..Alg::ALL.len(), at in any::<prop::sample::Index>(), by in 1..=255_u8) {
        let mut token = sign(Alg::ALL[alg], "JWT").into_bytes();
        let at = at.index(token.len());
        token[at] ^= by;
        if let Ok(token) = String::from_utf8(token) {
            prop_assert!(KEYS.verify(&token, "JWT").is_err(), "{token}");
        }
    }
}

#[actix_web::test]
async fn a_leaked_key_and_all_before_it_verify_nothing() {
    let db = TestDb::migrated().await;
    let keyring = Keyring::read_or_create(&db.folder().join("keyring.toml")).unwrap();
    let clock = Clock::manual(Timestamp(1_000_000));
    let keys = SigningKeys::load(db.clone(), &keyring, clock.clone(), 2048).await.unwrap();
    let sign = |alg| keys.current().signing(alg, clock.now()).unwrap().sign("JWT", &json!({"sub": "s"}));
    let (first, other) = (sign(Alg::ES256), sign(Alg::EdDSA));
    keys.rotate(Alg::ES256, 2048, 0).await.unwrap();
    clock.advance(2 * 86_400);
    keys.refresh().await.unwrap();
    let second = sign(Alg::ES256);
    assert!(keys.current().verify(&first, "JWT").is_err() && keys.current().verify_hint(&first).is_ok());

    // A row of a retired key that cannot be read stops nothing.
    db.execute(db::statement("UPDATE signing_keys SET sealed = 'x' WHERE retire_at IS NOT NULL"))
        .await
        .unwrap();
    let stored = KeySet::stored(&db, &keyring, clock.now()).await.unwrap();
    assert!(stored.verify_hint(&first).is_err() && stored.verify(&second, "JWT").is_ok());

    let (new, withdrawn) = keys.replace_leaked(Alg::ES256, 2048).await.unwrap();
    let current = keys.current();
    let kid = |token: &str| jsonwebtoken::decode_header(token).unwrap().kid.unwrap();
    assert_eq!(withdrawn, [kid(&first), kid(&second)]);
    let behind = current.signing(Alg::ES256, clock.now().minus(5)).map(|key| key.kid().to_owned());
    assert_eq!(behind.as_deref(), Some(new.as_str()), "a node whose clock is behind signs as well");
    assert!(current.verify_hint(&first).is_err() && current.verify_hint(&second).is_err());
    assert!(current.verify(&second, "JWT").is_err() && current.verify(&other, "JWT").is_ok());
    assert!(current.verify(&sign(Alg::ES256), "JWT").is_ok(), "the new one signs at once");
    let of_alg = current.list(clock.now()).into_iter().filter(|key| key.alg == Alg::ES256);
    assert_eq!(of_alg.count(), 1, "nothing else is published");

    clock.advance(HINTS_FOR + 3 * 86_400);
    keys.rotate(Alg::EdDSA, 2048, 0).await.unwrap();
    clock.advance(HINTS_FOR + 3 * 86_400);
    let later = KeySet::stored(&db, &keyring, clock.now()).await.unwrap();
    assert!(later.verify_hint(&other).is_err(), "no hint is that old");
}

#[actix_web::test]
async fn a_key_and_the_end_of_its_predecessor_are_stored_together() {
    let db = TestDb::migrated().await;
    let keyring = Keyring::read_or_create(&db.folder().join("keyring.toml")).unwrap();
    let clock = Clock::manual(Timestamp(1_000_000));
    let keys = SigningKeys::load(db.clone(), &keyring, clock.clone(), 2048).await.unwrap();
    let of_alg = |alg| {
        let list = keys.current().list(Timestamp(i64::MAX));
        list.into_iter().filter(move |key| key.alg == alg).collect::<Vec<_>>()
    };
    db.execute(db::statement(
        "CREATE TRIGGER refuse BEFORE UPDATE ON signing_keys BEGIN SELECT RAISE(ABORT, 'refused'); END",
    ))
    .await
    .unwrap();
    clock.advance(2 * 86_400);
    assert!(keys.rotate(Alg::ES256, 2048, 10).await.is_err());
    assert!(keys.rotate_old(2048, 1, |_, _| ()).await.is_err());
    let all = db.read_one(db::statement("SELECT COUNT(*) AS n FROM signing_keys")).await.unwrap();
    assert_eq!(db::int(&all, "signing_keys", "n").unwrap(), 3, "no key without the other's end");

    db.execute(db::statement("DROP TRIGGER refuse")).await.unwrap();
    let new = keys.rotate(Alg::ES256, 2048, 10).await.unwrap();
    let keys = of_alg(Alg::ES256);
    assert_eq!(keys.len(), 2);
    for key in keys {
        assert_eq!(key.kid == new, key.retire_at.is_none(), "{}", key.kid);
    }
}

#[actix_web::test]
async fn an_algorithm_that_came_later_gets_a_key_of_its_own_at_the_next_start_and_only_one() {
    let db = TestDb::migrated().await;
    let keyring = Keyring::read_or_create(&db.folder().join("keyring.toml")).unwrap();
    let clock = Clock::manual(Timestamp(1_000_000));
    let load = || SigningKeys::load(db.clone(), &keyring, clock.clone(), 2048);
    let first = load().await.unwrap();
    let kid = |keys: &SigningKeys, alg| {
        keys.current().signing(alg, clock.now()).map(|key| key.kid().to_owned()).unwrap_or_default()
    };
    let before = Alg::ALL.map(|alg| kid(&first, alg));
    // As a version left it that did not know the algorithm.
    db.execute(db::statement("DELETE FROM later_signing_keys")).await.unwrap();
    clock.advance(86_400);
    let (one, other) = futures_util::future::join(load(), load()).await;
    let (one, other) = (one.unwrap(), other.unwrap());
    assert_eq!(one.created().len() + other.created().len(), 1, "one of the two makes it");
    other.refresh().await.unwrap();
    one.refresh().await.unwrap();
    assert_eq!(kid(&one, Alg::PS256), "", "nodes of the version before do not publish it");
    let published: Value = serde_json::from_slice(&one.current().jwks()).unwrap();
    let published = published["keys"].as_array().unwrap().iter().filter(|key| key["alg"] == "PS256");
    assert_eq!(published.count(), 1, "it is published before it signs");
    clock.advance(PUBLISH_AHEAD);
    for (alg, before) in Alg::ALL.into_iter().zip(before) {
        assert_eq!(kid(&one, alg), kid(&other, alg), "{alg:?}");
        assert_eq!(kid(&one, alg) == before, alg != Alg::PS256, "the others go on: {alg:?}");
    }
    assert!(!kid(&one, Alg::PS256).is_empty());
    // It need not wait: an operator may have it sign sooner, and it is rotated and withdrawn as the others are.
    let next = one.rotate(Alg::PS256, 2048, 0).await.unwrap();
    assert_eq!(kid(&one, Alg::PS256), next);
    other.refresh().await.unwrap();
    assert_eq!(kid(&other, Alg::PS256), next, "other nodes follow");
    let (new, withdrawn) = one.replace_leaked(Alg::PS256, 2048).await.unwrap();
    assert_eq!((kid(&one, Alg::PS256), withdrawn.len()), (new, 2));

    // The other way round: a row of a later version keeps no node from reading its own.
    db.execute(db::statement("UPDATE later_signing_keys SET alg = 'ML-DSA-65'")).await.unwrap();
    let stored = KeySet::stored(&db, &keyring, clock.now()).await.unwrap();
    assert!(
        stored.signing(Alg::ES256, clock.now()).is_some()
            && stored.signing(Alg::PS256, clock.now()).is_none()
    );
}

#[actix_web::test]
async fn the_version_before_finds_no_key_that_it_cannot_read() {
    let db = TestDb::migrated().await;
    let keyring = Keyring::read_or_create(&db.folder().join("keyring.toml")).unwrap();
    let keys = SigningKeys::load(db.clone(), &keyring, Clock::manual(NOW), 2048).await.unwrap();
    for alg in Alg::ALL {
        keys.rotate(alg, 2048, 0).await.unwrap();
        keys.replace_leaked(alg, 2048).await.unwrap();
    }
    // It reads the whole table, and stops at any other algorithm.
    let rows =
        db.read_all(db::statement("SELECT DISTINCT alg FROM signing_keys ORDER BY alg")).await.unwrap();
    let known: Vec<_> = rows.iter().map(|row| db::text(row, "signing_keys", "alg").unwrap()).collect();
    assert_eq!(known, ["ES256", "EdDSA", "RS256"]);
}
