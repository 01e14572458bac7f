//! The form of an answer: JSON, or a token that the service can keep as proof, in the manner of RFC 9701.

use actix_web::http::StatusCode;
use actix_web::http::header::ACCEPT;
use actix_web::{HttpRequest, HttpResponse};
use serde_json::{Value, json};

use super::super::error::TokenError;
use super::super::{Provider, encryption, introspection, signature};
use crate::clients::Client;
use crate::platform::jose::RecipientKey;
use crate::platform::web::respond;

/// The media type of a signed answer.
pub(super) const MEDIA_TYPE: &str = "application/jwt";

/// The type in its header, so that it is taken for no other token.
const TYPE: &str = "personal-data+jwt";

/// In which form a client gets an answer. To be made before anything is used up or written down: the keys may have to be fetched.
pub(super) struct Form {
    signed: bool,
    recipient: Option<RecipientKey>,
}

impl Form {
    /// What the request asks for and the registration demands: where it has UserInfo encrypted, data go no other way.
    ///
    /// # Errors
    /// [`TokenError`] when there is no key to sign with or to encrypt for.
    pub(super) async fn of(
        provider: &Provider,
        client: &Client,
        request: &HttpRequest,
    ) -> Result<Self, TokenError> {
        let accept = request.headers().get_all(ACCEPT).filter_map(|value| value.to_str().ok());
        let recipient = encryption::recipient(provider, client, client.answers.userinfo_encryption).await?;
        let signed = recipient.is_some() || introspection::wants(accept, MEDIA_TYPE);
        if signed {
            let alg = client.answers.userinfo_alg.unwrap_or(client.answers.introspection_alg);
            signature::key(&provider.keys.current(), alg, provider.clock.now())?;
        }
        Ok(Self { signed, recipient })
    }

    /// The answer. Of a token the content stands in a claim of its own, as in RFC 9701 §5: nobody takes it for a token of access or
    /// identity.
    ///
    /// # Errors
    /// [`TokenError`] when the key was withdrawn in this moment, or cryptography fails.
    pub(super) fn answer(
        &self,
        provider: &Provider,
        client: &Client,
        (claim, content): (&str, Value),
    ) -> Result<HttpResponse, TokenError> {
        if !self.signed {
            return Ok(respond::json(StatusCode::OK, &content));
        }
        let (keys, now) = (provider.keys.current(), provider.clock.now());
        let alg = client.answers.userinfo_alg.unwrap_or(client.answers.introspection_alg);
        let key = signature::key(&keys, alg, now)?;
        let claims =
            json!({"iss": &*provider.issuer, "aud": client.id.as_str(), "iat": now.0, claim: content});
        let token = encryption::nested(key.sign(TYPE, &claims), self.recipient.as_ref())?;
        Ok(respond::token(MEDIA_TYPE, token))
    }
}
