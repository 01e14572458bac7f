//! Proof of possession (RFC 9449): a client shows with each request that it has the key that its tokens are bound to, so
//! that a stolen token is of no use.

mod nonce;
mod proof;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use actix_web::http::header::{HeaderName, HeaderValue};
use actix_web::{HttpRequest, HttpResponse};
use url::Url;

use self::nonce::Nonces;
use self::proof::{Expected, Proof, Refusal};
use super::error::{ErrorCode, TokenError};
use super::single_use::SingleUse;
use crate::clients::Client;
use crate::platform::bytes::Digest;
use crate::platform::clock::Clock;
use crate::platform::seal::Keyring;

pub(super) use proof::ALGS;

/// The request header with the proof.
const PROOF: HeaderName = HeaderName::from_static("dpop");

/// The response header with the nonce to use from now on.
pub(super) const NONCE: HeaderName = HeaderName::from_static("dpop-nonce");

/// Checks proofs. Cheap to clone.
#[derive(Clone)]
pub struct Proofs {
    /// What the provider is called by, without trailing slash.
    bases: Arc<[String]>,
    clock: Clock,
    nonces: Arc<Nonces>,
    single_use: SingleUse,
}

impl Proofs {
    /// Proofs for endpoints below one of `bases`.
    pub fn new(bases: &[&str], keyring: &Keyring, clock: Clock, single_use: SingleUse) -> Self {
        let bases = bases.iter().map(|base| (*base).to_owned()).collect();
        Self { bases, clock, nonces: Arc::new(Nonces::new(keyring)), single_use }
    }

    /// Thumbprint of the key by whose proof a client asks for tokens; `None` without a proof.
    ///
    /// # Errors
    /// `invalid_dpop_proof`, also where the client's tokens are bound to its certificate; `use_dpop_nonce` with the nonce to
    /// use.
    pub(super) async fn of_client(
        &self,
        request: &HttpRequest,
        client: &Client,
    ) -> Result<Option<Digest>, TokenError> {
        if !request.headers().contains_key(PROOF) {
            return Ok(None);
        }
        if client.tokens.certificate_bound {
            let words = "the access tokens of this client are bound to its certificate: send no DPoP proof";
            return Err(TokenError::new(ErrorCode::InvalidDpopProof, words));
        }
        self.checked(request, None, client.tokens.dpop_require_nonce).await.map(Some)
    }

    /// Thumbprint of the key by whose proof an access token is used.
    ///
    /// # Errors
    /// As [`Proofs::of_client`]; also without a proof.
    pub(super) async fn of_token(
        &self,
        request: &HttpRequest,
        token: &str,
        nonce_required: bool,
    ) -> Result<Digest, TokenError> {
        self.checked(request, Some(token), nonce_required).await
    }

    /// An answer to a client that must use nonces, with the one to use from now on (RFC 9449 §8.2).
    pub(super) fn renewed(&self, mut answer: HttpResponse, client: &Client) -> HttpResponse {
        if client.tokens.dpop_require_nonce
            && let Ok(nonce) = HeaderValue::from_str(&self.nonces.at(self.clock.now()))
        {
            answer.headers_mut().insert(NONCE, nonce);
        }
        answer
    }

    async fn checked(
        &self,
        request: &HttpRequest,
        token: Option<&str>,
        nonce_required: bool,
    ) -> Result<Digest, TokenError> {
        let invalid = |words| TokenError::new(ErrorCode::InvalidDpopProof, words);
        let mut headers = request.headers().get_all(PROOF);
        let text = match (headers.next(), headers.next()) {
            (Some(text), None) => text.to_str().map_err(|_| invalid("the DPoP header is not ASCII"))?,
            (None, _) => return Err(invalid("the request has no DPoP proof")),
            (Some(_), Some(_)) => return Err(invalid("the DPoP header is repeated")),
        };
        let addresses: Vec<Url> = self
            .bases
            .iter()
            .filter_map(|base| Url::parse(&format!("{base}{}", request.path())).ok())
            .collect();
        let method = request.method().as_str();
        let expected = Expected { method, addresses: &addresses, token, nonce_required };
        let now = self.clock.now();
        let with_nonce = |error: TokenError| TokenError { dpop_nonce: Some(self.nonces.at(now)), ..error };
        let Proof { key, id, seconds } =
            proof::check(text, &expected, (&self.nonces, now)).map_err(|refusal| match refusal {
                Refusal::Invalid(words) => invalid(words),
                Refusal::WrongTime(words) => with_nonce(invalid(words)),
                Refusal::Nonce(words) => with_nonce(TokenError::new(ErrorCode::UseDpopNonce, words)),
            })?;
        if !self.single_use.of_proof(&key, &id, seconds).await? {
            return Err(invalid("the DPoP proof was used before: its jti must be new"));
        }
        Ok(key)
    }
}
