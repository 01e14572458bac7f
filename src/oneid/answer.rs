//! The way back to the service: `code` and `state`, or `error` and `state`, in the query of the redirect URI.

use std::sync::Arc;

use actix_web::HttpResponse;
use serde::{Deserialize, Serialize};
use serde_json::value::{RawValue, to_raw_value};
use url::form_urlencoded;

use super::OneId;
use super::code::{CodeContent, Codes};
use super::uuid::Uuid;
use crate::clients::{Client, RedirectUri};
use crate::grants::{self, GrantDetails};
use crate::platform::ephemeral::Batch;
use crate::platform::service_error::ServiceError;
use crate::platform::web::problem::ProblemKind;
use crate::platform::web::respond;
use crate::release::Consent;
use crate::sign_in::{Authenticated, Refusal, SignInRequest};

/// What the answer is made from, as the attempt carries it.
#[derive(Serialize, Deserialize)]
pub(super) struct ReplyState {
    /// Where the answer goes.
    pub(super) redirect_uri: RedirectUri,
    /// The client's state, as it stands in a query.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) state: Option<String>,
    /// The scope as it came.
    pub(super) scope: String,
}

/// Where an answer goes: a redirect URI of the client's registration, and its state.
#[derive(Clone)]
pub(super) struct Target {
    pub(super) redirect_uri: RedirectUri,
    pub(super) state: Option<String>,
}

impl Target {
    fn send(&self, fields: &[(&str, &str)]) -> HttpResponse {
        // The registered URI is kept character for character: parsing and writing it again could change it.
        let uri = self.redirect_uri.as_str();
        let joint = match (uri.contains('?'), uri.ends_with('?') || uri.ends_with('&')) {
            (_, true) => "",
            (true, false) => "&",
            (false, false) => "?",
        };
        let query = form_urlencoded::Serializer::new(String::new()).extend_pairs(fields).finish();
        let state = self.state.as_ref().map(|state| format!("&state={state}")).unwrap_or_default();
        respond::see_other(&format!("{uri}{joint}{query}{state}"))
    }

    fn code(&self, code: &Uuid) -> HttpResponse {
        self.send(&[("code", code.as_str())])
    }

    /// The answer with an error. OneID's own form is not documented; clients take any `error` for a failure.
    pub(super) fn error(&self, error: &str, description: &str) -> HttpResponse {
        self.send(&[("error", error), ("error_description", description)])
    }
}

impl OneId {
    /// The answer with a code for `authenticated`. The code exists once the batch is applied. The second value is what
    /// [`OneId::again`] needs to send the same answer again.
    ///
    /// # Errors
    /// [`ServiceError`] when the request was stored by another version, or its client's registration no longer allows it.
    pub fn answer_in(
        &self,
        request: &SignInRequest,
        client: &Arc<Client>,
        authenticated: &Authenticated,
        consent: Option<Consent>,
        batch: &mut Batch<'_>,
    ) -> Result<(HttpResponse, Box<RawValue>), ServiceError> {
        let (target, scope) = restore(request, client)?;
        // OneID's scopes mean nothing, and none of OAuth was granted.
        let granted = GrantDetails::of(request, (client, &self.subject_ids), authenticated, consent, &[]);
        let details = GrantDetails { session: Some(authenticated.sid_key), ..granted };
        let content = CodeContent {
            client_id: client.id.clone(),
            redirect_uri: target.redirect_uri.clone(),
            scope,
            session: authenticated.session,
            number: authenticated.number,
            details,
        };
        let code = Codes::issue_in(batch, &content, self.code_seconds);
        self.metrics.sign_ins("answer", "code").inc();
        let stored =
            to_raw_value(code.as_str()).map_err(|error| ServiceError::Internal(error.to_string()))?;
        Ok((target.code(&code), stored))
    }

    /// The error that tells a service of a refusal.
    ///
    /// # Errors
    /// As [`OneId::answer_in`].
    pub fn refuse(
        &self,
        request: &SignInRequest,
        client: &Arc<Client>,
        refusal: Refusal,
    ) -> Result<HttpResponse, ServiceError> {
        let (target, _) = restore(request, client)?;
        let (error, description) = match refusal {
            Refusal::Denied => ("access_denied", "the person refused"),
            Refusal::OtherPerson => ("login_required", "another person than the expected one signed in"),
            Refusal::Acr => ("auth_method_not_available", "what was done to sign in is not accepted"),
        };
        self.metrics.sign_ins("answer", error).inc();
        Ok(target.error(error, description))
    }

    /// An answer that was stored and may never have reached the service; `None` once its code was redeemed or expired.
    ///
    /// # Errors
    /// [`ServiceError`] when a store is unavailable.
    pub async fn again(
        &self,
        request: &SignInRequest,
        client: &Arc<Client>,
        stored: &RawValue,
    ) -> Result<Option<HttpResponse>, ServiceError> {
        let Some(code) = code_of(stored) else { return Ok(None) };
        let found = self.codes.find(&code).await?;
        let token = self.codes.token_of(&code);
        if !found.is_some_and(|found| found.in_session) || self.grants.is_redeemed(token.as_str()).await? {
            return Ok(None);
        }
        let (target, _) = restore(request, client)?;
        Ok(Some(target.code(&code)))
    }

    /// Why the request cannot be answered any more, if its client lost what it was begun with: a page for the person, and words
    /// for the service's developers.
    pub fn withdrawn(&self, request: &SignInRequest, client: &Client) -> Option<(ProblemKind, &'static str)> {
        lost(client, &reply_state(request).ok()?.redirect_uri)
    }

    /// The identifier of the grant that an answer leads to, once its code is redeemed.
    pub fn grant_of(&self, stored: &RawValue) -> String {
        let token = code_of(stored).map(|code| self.codes.token_of(&code));
        token.map(|token| grants::id_of(token.as_str())).unwrap_or_default()
    }
}

fn code_of(stored: &RawValue) -> Option<Uuid> {
    Uuid::parse(&serde_json::from_str::<String>(stored.get()).ok()?)
}

fn reply_state(request: &SignInRequest) -> Result<ReplyState, ServiceError> {
    serde_json::from_str(request.reply.state.get()).map_err(|error| ServiceError::Internal(error.to_string()))
}

/// What the client lost of what the request was begun with.
fn lost(client: &Client, redirect_uri: &RedirectUri) -> Option<(ProblemKind, &'static str)> {
    if client.oneid.is_none() {
        return Some((ProblemKind::ServiceDisabled, "the registration does not have oneid = true any more"));
    }
    let registered = client.redirects.redirect_uris.contains(redirect_uri);
    (!registered).then_some((ProblemKind::BadReturnAddress, "redirect_uri is not registered any more"))
}

/// Where the answer goes and the scope that it was asked with, if the registration still allows both: pages make sure of
/// that ([`OneId::withdrawn`]).
fn restore(request: &SignInRequest, client: &Arc<Client>) -> Result<(Target, String), ServiceError> {
    let ReplyState { redirect_uri, state, scope } = reply_state(request)?;
    match lost(client, &redirect_uri) {
        None => Ok((Target { redirect_uri, state }, scope)),
        Some((_, why)) => Err(ServiceError::Internal(format!("client {}: {why}", client.id))),
    }
}
