//! Applications that people confirmed by a code of their own (R67, R68, R72): of each a receipt, which the service gets and the
//! person keeps. It is a JWS, signed by a key of its own (`keys.rs`), and can be verified for as long as anybody has it and the
//! published keys (`verify.rs`): nothing is asked of this provider for that.
//!
//! A receipt is stored in the transaction that redeems what the person confirmed, with the row of the ledger and the notice that
//! tell of it. Its identifier is a digest of the grant, so that whatever is repeated makes no second one.

mod keys;
mod store;
mod verify;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

pub use keys::{PUBLISH_AHEAD, ReceiptKey, ReceiptKeys, ReceiptKeysError};
pub(crate) use store::TABLES;
pub use store::{Receipt, Receipts};
pub use verify::{InvalidReceipt, verify};

use crate::clients::{Application, Client};
use crate::people::PersonId;
use crate::platform::bytes::{self, Digest};
use crate::platform::clock::Timestamp;
use crate::platform::jose::SigningKey;
use crate::sign_in::{Acr, Amr};

/// The header type of a receipt.
pub const TYPE: &str = "application-receipt+jwt";

/// An application that a person confirmed.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Confirmed {
    /// What was shown.
    pub application: Application,
    /// When the code was entered.
    pub at: Timestamp,
}

/// What a receipt is made of.
#[derive(Clone, Copy)]
pub struct NewReceipt<'a> {
    /// Identifier of the grant that it is redeemed with.
    pub grant: &'a str,
    /// The service.
    pub client: &'a Client,
    /// Who confirmed.
    pub person: &'a PersonId,
    /// What the service calls them.
    pub sub: &'a str,
    /// What they confirmed.
    pub confirmed: &'a Confirmed,
    /// What they did to prove who they are.
    pub acr: Acr,
    /// By which methods.
    pub amr: &'a [Amr],
}

impl NewReceipt<'_> {
    /// Its identifier: of one grant there is one.
    fn id(&self) -> String {
        id_of(self.grant)
    }

    /// Signs it.
    fn sign(&self, key: &SigningKey, issuer: &str, now: Timestamp) -> String {
        let Application { title, summary, document, reference } = &self.confirmed.application;
        let claims = json!({
            "iss": issuer,
            "aud": self.client.id.as_str(),
            "iat": now,
            "jti": self.id(),
            "sub": self.sub,
            "confirmed_at": self.confirmed.at,
            "acr": self.acr.name(),
            "amr": self.amr.iter().map(|method| method.name()).collect::<Vec<_>>(),
            // Resolution 479, clause 30: a one-time code, made for this application alone and sent to the enrolled number.
            "method": "sms_code",
            "application": {
                "title": texts(title),
                "summary": texts(summary),
                "document_hash": {"alg": "sha-256", "value": document.encode()},
                "reference": reference,
            },
        });
        key.sign(TYPE, &claims)
    }
}

/// The identifier of the receipt that belongs to a grant.
fn id_of(grant: &str) -> String {
    bytes::encode(&Digest::of(format!("receipt {grant}").as_bytes()).0[..20])
}

/// A text alone, or by language.
fn texts(texts: &std::collections::BTreeMap<String, String>) -> Value {
    match (texts.len(), texts.get("")) {
        (1, Some(text)) => text.as_str().into(),
        _ => texts
            .iter()
            .map(|(tag, text)| {
                (if tag.is_empty() { "default" } else { tag }.to_owned(), Value::from(text.as_str()))
            })
            .collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clients::application_tests::kindergarten;
    use crate::platform::clock::Clock;
    use crate::platform::db::test_db::TestDb;
    use crate::platform::seal::Keyring;

    #[actix_web::test]
    async fn a_key_that_succeeds_another_signs_from_its_time_and_every_receipt_verifies_for_good() {
        let (db, clock) = (TestDb::migrated().await, Clock::manual(Timestamp(1_800_000_000)));
        let keyring = Keyring::read_or_create(&db.folder().join("keyring.toml")).unwrap();
        let load = async || ReceiptKeys::load(db.clone(), &keyring, clock.clone()).await.unwrap();
        let (keys, other) = (load().await, load().await);
        assert_eq!((keys.list().len(), keys.jwks()), (1, other.jwks()), "one key, of whoever came first");
        let confirmed = Confirmed { application: kindergarten(), at: clock.now() };
        let claims = json!({"application": confirmed.application.reference});
        let first = keys.with(|key| key.sign(TYPE, &claims)).unwrap();
        keys.rotate(clock.now().plus(60)).await.unwrap();
        let early = keys.with(|key| key.sign(TYPE, &claims)).unwrap();
        assert!(clock.advance(1));
        keys.rotate(clock.now()).await.unwrap();
        let second = keys.with(|key| key.sign(TYPE, &claims)).unwrap();
        other.refresh().await.unwrap();
        let kid = |text: &str| crate::platform::jose::foreign::unverified(text).unwrap().0["kid"].clone();
        assert_eq!(kid(&first), kid(&early), "published ahead");
        assert_ne!(kid(&first), kid(&second));
        for text in [&first, &early, &second] {
            assert_eq!(verify(text, &other.jwks()).unwrap()["application"], "AB-2026/17");
        }
        let token = keys.with(|key| key.sign("JWT", &claims)).unwrap();
        assert!(verify(&token, &keys.jwks()).is_err(), "another kind of token");
        assert!(verify(&first, br#"{"keys":[]}"#).is_err() && verify(&first, b"x").is_err());
    }
}
