//! Beginning a sign-in attempt: the request in neutral words, and the way to the attempt's first page.

use actix_web::HttpResponse;
use serde::{Deserialize, Serialize};
use serde_json::value::to_raw_value;

use super::grant_management::Managed;
use super::{Authorization, AuthorizationRequest, Prompt, RedirectTarget};
use crate::grants::ClaimNames;
use crate::oidc::error::{ErrorCode, OAuthError};
use crate::people::PhoneNumber;
use crate::platform::bytes::Digest;
use crate::platform::service_error::ServiceError;
use crate::platform::web::locale::Language;
use crate::platform::web::page_context::PageContext;
use crate::sign_in::{
    AskAgain, Beginning, OpenSession, Opening, Protocol, Reply, SignInAttempt, SignInRequest,
};

/// What the answer is made from, as the attempt carries it.
#[derive(Serialize, Deserialize)]
pub(super) struct ReplyState {
    /// Where the answer goes.
    pub(super) redirect: RedirectTarget,
    /// Scopes that are understood.
    pub(super) scopes: Vec<String>,
    /// The resource servers that access tokens are to be for (RFC 8707).
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(super) resources: Vec<String>,
    /// OpenID Connect Core §3.1.2.1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) nonce: Option<String>,
    /// RFC 7636 §4.2.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) code_challenge: Option<String>,
    /// RFC 9449 §10.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) dpop_jkt: Option<Digest>,
    /// Claims requested by name.
    #[serde(default)]
    pub(super) claims: ClaimNames,
    /// The grant that it changes, by the name that its client has for it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) managed: Option<String>,
    /// The pushed request that it was asked by, which an answer spends.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) pushed: Option<Digest>,
}

impl AuthorizationRequest {
    /// The request in words that no protocol owns.
    ///
    /// # Errors
    /// [`ServiceError`] when it cannot be written as JSON.
    pub(super) fn neutral(&self) -> Result<SignInRequest, ServiceError> {
        let state = ReplyState {
            redirect: self.redirect.target().clone(),
            scopes: self.scopes.clone(),
            resources: self.resources.clone(),
            nonce: self.nonce.clone(),
            code_challenge: self.code_challenge.clone(),
            dpop_jkt: self.dpop_jkt,
            claims: self.claims.names.clone(),
            managed: self.managed.as_ref().map(|managed| managed.grant_id.clone()),
            pushed: self.pushed,
        };
        let state = to_raw_value(&state).map_err(|error| ServiceError::Internal(error.to_string()))?;
        Ok(SignInRequest {
            client_id: self.redirect.client().id.clone(),
            data: self.data(),
            application: self.application.clone(),
            ask_again: AskAgain {
                sign_in: self.prompt.contains(&Prompt::Login),
                consent: self.prompt.contains(&Prompt::Consent)
                    || self.managed.as_ref().is_some_and(Managed::asks_again),
                decision: false,
            },
            max_age: self.max_age,
            acr: self.acr.clone(),
            represents: false,
            expected_sub: self.expected_sub.clone(),
            return_to: Some(self.redirect.uri().csp_source()),
            reply: Reply { protocol: Protocol::Oidc, state },
        })
    }
}

/// What is refused because its address would be too long for browsers and proxies.
pub(super) const TOO_LARGE: OAuthError = OAuthError {
    code: ErrorCode::InvalidRequest,
    description: "the request is too large: send a shorter state, nonce, claims or authorization_details",
};

/// Whether the address of a sign-in attempt would hold the request.
pub(super) fn fits(
    endpoint: &Authorization,
    request: &AuthorizationRequest,
    login_hint: Option<&str>,
) -> Result<bool, ServiceError> {
    let now = endpoint.provider.clock.now();
    let lifetime = (now, now.plus(endpoint.sign_in.attempts.seconds));
    let neutral = request.neutral()?;
    let mut attempt =
        SignInAttempt::new(neutral, Digest::of(b""), Language::UzLatn, Opening::Nobody, lifetime);
    attempt.hint = hint(login_hint);
    Ok(endpoint.sign_in.attempts.begin(attempt).is_some())
}

/// A hint that is no number is no help to the person, and no error.
fn hint(login_hint: Option<&str>) -> Option<String> {
    login_hint.filter(|hint| PhoneNumber::parse_typed(hint, true).is_ok()).map(str::to_owned)
}

/// Begins an attempt and leads to its first page. A request that is too large is answered with that, which spends it if it was
/// pushed: what fitted alone may not fit with the person who is signed in.
pub(super) async fn attempt(
    endpoint: &Authorization,
    context: &PageContext<'_>,
    request: &AuthorizationRequest,
    session: Option<OpenSession>,
    login_hint: Option<&str>,
) -> Result<HttpResponse, ServiceError> {
    let client = request.redirect.client();
    let beginning = Beginning {
        client,
        subject_ids: &endpoint.provider.subject_ids,
        request: request.neutral()?,
        session,
        until: None,
        hint: hint(login_hint),
        scope: Some(request.scopes.join(" ")),
        too_large: TOO_LARGE.description,
    };
    if let Some(begun) = endpoint.sign_in.begin(context, beginning) {
        return Ok(begun);
    }
    if let Some(pushed) = request.pushed {
        endpoint.pushed.spend(pushed).await?;
    }
    // It was counted already.
    let OAuthError { code, description } = TOO_LARGE;
    let fields = vec![("error", code.name().to_owned()), ("error_description", description.to_owned())];
    Ok(endpoint.answer(&request.redirect, fields).await?.send(context, Some(client)))
}
