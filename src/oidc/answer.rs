//! The way back to the client: a code or an error, by redirect or form, always with `iss` (RFC 9207).

use std::collections::BTreeSet;

use super::code::{CodeContent, GrantDetails};
use super::error::{ErrorCode, ToClient};
use super::request::{AuthorizationRequest, ResponseMode, VerifiedRedirect};
use super::{Oidc, OidcAttempt};
use crate::clients::Client;
use crate::people::DataSet;
use crate::platform::service_error::ServiceError;
use crate::release::{Consent, Decision};
use crate::sign_in::Authenticated;
use url::form_urlencoded;

/// An answer ready to travel.
#[derive(Debug)]
pub enum Answer {
    /// By a redirect to this URI.
    Redirect(String),
    /// By a form posted to this URI.
    Form {
        /// The form's action.
        action: String,
        /// Its fields.
        fields: Vec<(&'static str, String)>,
    },
}

/// What came of issuing a code.
#[derive(Debug)]
pub enum IssueOutcome {
    /// The client gets this.
    Sent(Answer),
    /// The session ended in the meantime.
    SessionGone,
}

/// Issues a code for what was decided and returns the answer that carries it.
///
/// # Errors
/// [`ServiceError`] when a store is away; then the client was told nothing.
pub async fn issue(
    oidc: &Oidc,
    client: &Client,
    request: &AuthorizationRequest,
    authenticated: &Authenticated,
    decision: Decision,
) -> Result<IssueOutcome, ServiceError> {
    if !oidc.sessions.used_by(authenticated.session, &client.id).await? {
        return Ok(IssueOutcome::SessionGone);
    }
    let consent = match decision {
        Decision::Covered(consent) => Some(consent),
        Decision::Statutory(extent) => {
            Some(oidc.release.record(&authenticated.person_id, client, extent).await?)
        }
        Decision::Nothing => None,
        Decision::Ask => return Err(ServiceError::Internal("a code without consent".to_owned())),
    };
    let content = content(oidc, client, request, authenticated, consent);
    let code = oidc.codes.issue(&content, oidc.lifetimes.code).await?;
    oidc.metrics.sign_ins("answer", "code").inc();
    Ok(IssueOutcome::Sent(answer(oidc, &request.redirect, vec![("code", code)])))
}

/// The answer that carries an error.
pub fn refuse(oidc: &Oidc, error: &ToClient) -> Answer {
    oidc.metrics.sign_ins("answer", error.code.name()).inc();
    let fields =
        vec![("error", error.code.name().to_owned()), ("error_description", error.description.to_owned())];
    answer(oidc, &error.redirect, fields)
}

/// The answer to a client whose question the person refused.
pub fn deny(oidc: &Oidc, attempt: &OidcAttempt) -> Answer {
    let redirect = attempt.request.redirect.clone();
    refuse(oidc, &ToClient { redirect, code: ErrorCode::AccessDenied, description: "the person refused" })
}

fn content(
    oidc: &Oidc,
    client: &Client,
    request: &AuthorizationRequest,
    authenticated: &Authenticated,
    consent: Option<Consent>,
) -> CodeContent {
    let agreed = consent.as_ref().map(|consent| &consent.extent.released);
    let all = request.release.all().into_iter();
    let released: BTreeSet<DataSet> =
        all.filter(|set| agreed.is_some_and(|agreed| agreed.contains(set))).collect();
    // A scope says no more than was agreed: resource servers believe it.
    let offline = consent.as_ref().is_some_and(|consent| consent.extent.offline);
    let kept = |scope: &&String| match scope.as_str() {
        "openid" => true,
        "offline_access" => offline,
        scope => released.iter().any(|set| set.scope() == scope),
    };
    let scopes: Vec<&str> = request.scopes.iter().filter(kept).map(String::as_str).collect();
    let details = GrantDetails {
        person_id: authenticated.person_id.clone(),
        sub: oidc.subject_ids.of(client, &authenticated.person_id),
        scope: scopes.join(" "),
        released,
        claims: request.claims.clone(),
        auth_time: authenticated.auth_time,
        acr: authenticated.acr,
        amr: authenticated.amr.clone(),
        sid: oidc.subject_ids.sid(&client.id, &authenticated.sid_key),
        consent_until: consent.as_ref().map(|consent| consent.expires_at),
        consent_id: consent.map(|consent| consent.id),
    };
    CodeContent {
        client_id: client.id.clone(),
        redirect_uri: request.redirect.uri().clone(),
        code_challenge: request.code_challenge.clone(),
        nonce: request.nonce.clone(),
        auth_time_wanted: request.auth_time,
        details,
    }
}

fn answer(oidc: &Oidc, redirect: &VerifiedRedirect, mut fields: Vec<(&'static str, String)>) -> Answer {
    if let Some(state) = redirect.state() {
        fields.push(("state", state.to_owned()));
    }
    fields.push(("iss", oidc.issuer.to_string()));
    match redirect.mode() {
        ResponseMode::FormPost => Answer::Form { action: redirect.uri().as_str().to_owned(), fields },
        ResponseMode::Query => {
            // The registered URI is kept character for character: parsing and writing it again could change it.
            let uri = redirect.uri().as_str();
            let joint = match (uri.contains('?'), uri.ends_with('?') || uri.ends_with('&')) {
                (_, true) => "",
                (true, false) => "&",
                (false, false) => "?",
            };
            let query = form_urlencoded::Serializer::new(String::new()).extend_pairs(fields).finish();
            Answer::Redirect(format!("{uri}{joint}{query}"))
        }
    }
}
