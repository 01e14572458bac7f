//! `POST /oidc/token` (RFC 6749 §3.2, OpenID Connect Core §3.1.3): a file per grant type, and what all of them end with.

mod authorization_code;
mod ciba;
mod client_credentials;
mod device_code;
mod issue;
mod refresh_token;
mod statutory;
mod token_exchange;

use std::sync::Arc;

use actix_web::http::StatusCode;
use actix_web::web::{Bytes, Data};
use actix_web::{HttpRequest, HttpResponse};

use self::issue::TokenResponse;
use super::error::{ErrorCode, TokenError};
use super::{Tokens, client_auth, encryption, signature};
use crate::audit::Kind;
use crate::clients::{Client, GrantType};
use crate::grants::Confirmation;
use crate::platform::jose::RecipientKey;
use crate::platform::web::params::Params;
use crate::platform::web::respond;

/// What a grant type answers.
#[derive(Clone, Copy)]
struct TokenRequest<'a> {
    tokens: &'a Tokens,
    /// Who asks; it has proven itself.
    client: &'a Client,
    params: &'a Params,
    /// What the tokens are bound to: the client has proven that it has it.
    bound_to: Option<Confirmation>,
    /// The key that its ID tokens are encrypted for, if they are and it gets one.
    recipient: Option<&'a RecipientKey>,
}

/// What fuzz targets reach of the parsers below.
#[cfg(fuzzing)]
pub(super) fn fuzz_person(text: &str) {
    statutory::fuzz(text);
}

/// Answers a token request.
pub(super) async fn post(tokens: Data<Tokens>, request: HttpRequest, body: Bytes) -> HttpResponse {
    let mut grant = "unknown";
    match exchange(&tokens, &request, &body, &mut grant).await {
        Ok((response, client)) => {
            tokens.provider.metrics.tokens(grant, "ok").inc();
            let response = respond::json(StatusCode::OK, &response);
            tokens.provider.proofs.renewed(response, &client)
        }
        Err(error) => {
            tokens.provider.metrics.tokens(grant, error.code.name()).inc();
            if !error.code.is_waiting() {
                error.record(&tokens.provider.audit, Kind::TokenRefused, Some(grant));
            }
            error.answer()
        }
    }
}

async fn exchange(
    tokens: &Tokens,
    request: &HttpRequest,
    body: &[u8],
    grant: &mut &'static str,
) -> Result<(TokenResponse, Arc<Client>), TokenError> {
    let params = client_auth::form(request, body)?;
    let client = client_auth::authenticate(&tokens.provider, request, &params).await?;
    let issued = async {
        let bound_to = possession(tokens, request, &client).await?;
        let request = TokenRequest { tokens, client: &client, params: &params, bound_to, recipient: None };
        issue(request, grant).await
    };
    let response = issued.await.map_err(|error| error.of(&client.id))?;
    Ok((response, client))
}

/// What the tokens that are asked for are bound to.
async fn possession(
    tokens: &Tokens,
    request: &HttpRequest,
    client: &Client,
) -> Result<Option<Confirmation>, TokenError> {
    let key = tokens.provider.proofs.of_client(request, client).await?;
    if client.tokens.certificate_bound {
        let shown = tokens.provider.certificates.of(request);
        let shown = shown.map(|shown| Confirmation::Certificate(shown.digest()));
        let words = "the access tokens of this client are bound to a certificate: show one, at the mtls_endpoint_aliases";
        return shown.map(Some).ok_or_else(|| TokenError::new(ErrorCode::InvalidRequest, words));
    }
    if key.is_none() && client.tokens.dpop_bound {
        let words = "the access tokens of this client are bound to a key: send a DPoP proof";
        return Err(TokenError::new(ErrorCode::InvalidDpopProof, words));
    }
    Ok(key.map(Confirmation::Key))
}

async fn issue(request: TokenRequest<'_>, grant: &mut &'static str) -> Result<TokenResponse, TokenError> {
    let (name, kind) = match request.params.get("grant_type") {
        Some("authorization_code") => ("authorization_code", GrantType::AuthorizationCode),
        Some("refresh_token") => ("refresh_token", GrantType::RefreshToken),
        Some("urn:ietf:params:oauth:grant-type:device_code") => ("device_code", GrantType::DeviceCode),
        Some("urn:ietf:params:oauth:grant-type:token-exchange") => {
            ("token_exchange", GrantType::TokenExchange)
        }
        Some("urn:openid:params:grant-type:ciba") => ("ciba", GrantType::Ciba),
        Some("client_credentials") => ("client_credentials", GrantType::ClientCredentials),
        Some(_) => {
            return Err(TokenError::new(ErrorCode::UnsupportedGrantType, "grant_type is not supported"));
        }
        None => return Err(TokenError::new(ErrorCode::InvalidRequest, "grant_type is missing")),
    };
    *grant = name;
    if !request.client.may(kind) {
        return Err(TokenError::new(
            ErrorCode::UnauthorizedClient,
            "the client is not registered for this grant_type",
        ));
    }
    // Before anything is used up: what its tokens are signed with, and the key that its ID token is encrypted for, which may have
    // to be fetched. Who gets no ID token does not depend on where that is.
    let TokenRequest { tokens, client, .. } = request;
    let provider = &tokens.provider;
    let id_token = match kind {
        GrantType::AuthorizationCode | GrantType::RefreshToken | GrantType::DeviceCode | GrantType::Ciba => {
            true
        }
        GrantType::ClientCredentials | GrantType::TokenExchange => false,
    };
    signature::of_tokens(&provider.keys.current(), client, id_token, provider.clock.now())?;
    let encryption = client.answers.id_token_encryption.filter(|_| id_token);
    let recipient = encryption::recipient(provider, client, encryption).await?;
    let request = TokenRequest { recipient: recipient.as_ref(), ..request };
    match kind {
        GrantType::AuthorizationCode => authorization_code::issue(request).await,
        GrantType::RefreshToken => refresh_token::issue(request).await,
        GrantType::DeviceCode => device_code::issue(request).await,
        GrantType::Ciba => ciba::issue(request).await,
        GrantType::ClientCredentials => client_credentials::issue(request).await,
        GrantType::TokenExchange => token_exchange::issue(request).await,
    }
}
