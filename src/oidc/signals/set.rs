//! Security event tokens (RFC 8417) as SSF 1.0 §4 profiles them: no `sub` and no `exp`, the subject in `sub_id` (RFC 9493).

use serde_json::{Value, json};

use super::Transmitter;
use crate::clients::Client;
use crate::platform::db::DbError;
use crate::signals::Waiting;

/// What becomes of an event when it is to be told.
pub(super) enum Made {
    /// The token that tells of it.
    Token(String),
    /// The service wants no events about this person.
    Excluded,
    /// No key signs for this client now.
    NoKey,
}

impl Transmitter {
    /// Makes the token of an event. It is made for each try, with the same `jti`.
    ///
    /// # Errors
    /// [`DbError`].
    pub(super) async fn make(&self, client: &Client, event: &Waiting) -> Result<Made, DbError> {
        let provider = &self.provider;
        let subject = match &event.person {
            None => json!({ "format": "opaque", "id": event.stream_id }),
            Some(person) => {
                let sub = provider.subject_ids.of(client, person);
                if self.signals.is_excluded(&event.stream_id, &sub).await? {
                    return Ok(Made::Excluded);
                }
                json!({ "format": "iss_sub", "iss": &*provider.issuer, "sub": sub })
            }
        };
        let keys = provider.keys.current();
        let Some(key) = keys.signing(client.tokens.id_token_alg, provider.clock.now()) else {
            return Ok(Made::NoKey);
        };
        let payload: Value = serde_json::from_str(&event.payload).unwrap_or_else(|_| json!({}));
        let claims = json!({
            "iss": &*provider.issuer,
            "aud": client.id.as_str(),
            "iat": event.created_at.0,
            "jti": event.jti,
            "txn": event.txn,
            "sub_id": subject,
            "events": { event.event.as_str(): payload },
        });
        Ok(Made::Token(key.sign("secevent+jwt", &claims)))
    }
}
