//! The way back to the client: a code or an error, by redirect or form, always with `iss` (RFC 9207).

use std::collections::BTreeSet;
use std::sync::Arc;

use actix_web::HttpResponse;
use serde_json::value::{RawValue, to_raw_value};
use url::form_urlencoded;

use super::begin::ReplyState;
use super::{Authorization, ClientError, ResponseMode, VerifiedRedirect, form_post};
use crate::clients::Client;
use crate::grants::{self, GrantDetails};
use crate::oidc::code::CodeContent;
use crate::oidc::error::{ErrorCode, OAuthError};
use crate::people::DataSet;
use crate::platform::ephemeral::Batch;
use crate::platform::service_error::ServiceError;
use crate::platform::web::page_context::PageContext;
use crate::platform::web::respond;
use crate::release::Consent;
use crate::sign_in::{Authenticated, Refusal, SignInRequest};

/// An answer ready to be sent through the browser.
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

impl Answer {
    /// The answer with these fields, the client's state and the issuer.
    pub(super) fn new(
        redirect: &VerifiedRedirect,
        issuer: &str,
        mut fields: Vec<(&'static str, String)>,
    ) -> Self {
        if let Some(state) = redirect.state() {
            fields.push(("state", state.to_owned()));
        }
        fields.push(("iss", issuer.to_owned()));
        match redirect.mode() {
            ResponseMode::FormPost => Self::Form { action: redirect.uri().as_str().to_owned(), fields },
            ResponseMode::Query => {
                // The registered URI is kept character for character: parsing and writing it again could change it.
                let uri = redirect.uri().as_str();
                let joint = match (uri.contains('?'), uri.ends_with('?') || uri.ends_with('&')) {
                    (_, true) => "",
                    (true, false) => "&",
                    (false, false) => "?",
                };
                let query = form_urlencoded::Serializer::new(String::new()).extend_pairs(fields).finish();
                Self::Redirect(format!("{uri}{joint}{query}"))
            }
        }
    }

    /// Sends it through the browser.
    pub fn send(self, context: &PageContext<'_>, client: Option<&Client>) -> HttpResponse {
        match self {
            Self::Redirect(location) => respond::see_other(&location),
            Self::Form { action, fields } => {
                let service = client.map(|client| client.shown(context.language));
                form_post::page(context, service, &action, fields)
            }
        }
    }
}

impl Authorization {
    /// The answer with a code for `authenticated`. The code exists once the batch is applied. The second value is what
    /// [`Authorization::again`] needs to send the same answer again.
    ///
    /// # Errors
    /// [`ServiceError`] when the request was stored by another version, or cannot be written as JSON.
    pub fn answer_in(
        &self,
        request: &SignInRequest,
        client: &Arc<Client>,
        authenticated: &Authenticated,
        consent: Option<Consent>,
        batch: &mut Batch<'_>,
    ) -> Result<(Answer, Box<RawValue>), ServiceError> {
        let (state, redirect) = Self::restore(request, client)?;
        let content = CodeContent {
            client_id: client.id.clone(),
            redirect_uri: redirect.uri().clone(),
            code_challenge: state.code_challenge.clone(),
            nonce: state.nonce.clone(),
            dpop_jkt: state.dpop_jkt,
            session: authenticated.session,
            number: authenticated.number,
            details: self.details(request, (client, &state), authenticated, consent),
        };
        let code = self.codes.issue_in(batch, &content, self.code_seconds);
        self.provider.metrics.sign_ins("answer", "code").inc();
        let stored = to_raw_value(&code).map_err(|error| ServiceError::Internal(error.to_string()))?;
        Ok((Answer::new(&redirect, &self.provider.issuer, vec![("code", code)]), stored))
    }

    /// The error that tells a client of a refusal.
    ///
    /// # Errors
    /// [`ServiceError`] when the request was stored by another version.
    pub fn refuse(
        &self,
        request: &SignInRequest,
        client: &Arc<Client>,
        refusal: Refusal,
    ) -> Result<Answer, ServiceError> {
        let (_, redirect) = Self::restore(request, client)?;
        let (code, description) = match refusal {
            Refusal::Denied => (ErrorCode::AccessDenied, "the person refused"),
            Refusal::OtherPerson => {
                (ErrorCode::LoginRequired, "another person than the expected one signed in")
            }
            Refusal::Acr => {
                (ErrorCode::UnmetAuthenticationRequirements, "the authentication's acr is not accepted")
            }
        };
        Ok(self.error(&ClientError { redirect, error: OAuthError { code, description } }))
    }

    /// An answer that was stored and may never have reached the client; `None` once its code was redeemed or expired.
    ///
    /// # Errors
    /// [`ServiceError`] when a store is unavailable.
    pub async fn again(
        &self,
        request: &SignInRequest,
        client: &Arc<Client>,
        stored: &RawValue,
    ) -> Result<Option<Answer>, ServiceError> {
        let code: String =
            serde_json::from_str(stored.get()).map_err(|error| ServiceError::Internal(error.to_string()))?;
        let found = self.codes.find(&code).await?;
        if !found.is_some_and(|found| found.in_session) || self.grants.is_redeemed(&code).await? {
            return Ok(None);
        }
        let (_, redirect) = Self::restore(request, client)?;
        Ok(Some(Answer::new(&redirect, &self.provider.issuer, vec![("code", code)])))
    }

    /// The identifier of the grant that an answer leads to, once its code is redeemed.
    pub fn grant_of(&self, stored: &RawValue) -> String {
        serde_json::from_str::<String>(stored.get()).map(|code| grants::id_of(&code)).unwrap_or_default()
    }

    fn restore(
        request: &SignInRequest,
        client: &Arc<Client>,
    ) -> Result<(ReplyState, VerifiedRedirect), ServiceError> {
        let state: ReplyState = serde_json::from_str(request.reply.state.get())
            .map_err(|error| ServiceError::Internal(error.to_string()))?;
        let redirect = VerifiedRedirect::restore(client, &state.redirect).ok_or_else(|| {
            ServiceError::Internal(format!(
                "client {} no longer has the redirect URI of the request",
                client.id
            ))
        })?;
        Ok((state, redirect))
    }

    fn details(
        &self,
        request: &SignInRequest,
        (client, state): (&Client, &ReplyState),
        authenticated: &Authenticated,
        consent: Option<Consent>,
    ) -> GrantDetails {
        let agreed = consent.as_ref().map(|consent| &consent.extent.released);
        let all = request.data.all().into_iter();
        let released: BTreeSet<DataSet> =
            all.filter(|set| agreed.is_some_and(|agreed| agreed.contains(set))).collect();
        // A scope says no more than was agreed: resource servers rely on it.
        let offline = consent.as_ref().is_some_and(|consent| consent.extent.offline);
        let kept = |scope: &&String| match scope.as_str() {
            "openid" => true,
            "offline_access" => offline,
            scope => released.iter().any(|set| set.scope() == scope),
        };
        let scopes: Vec<&str> = state.scopes.iter().filter(kept).map(String::as_str).collect();
        let subject_ids = &self.provider.subject_ids;
        GrantDetails {
            person_id: authenticated.person_id.clone(),
            epoch: authenticated.epoch,
            sub: subject_ids.of(client, &authenticated.person_id),
            scope: scopes.join(" "),
            released,
            claims: state.claims.clone(),
            auth_time: authenticated.auth_time,
            acr: authenticated.acr,
            amr: authenticated.amr.clone(),
            sid: subject_ids.sid(&client.id, &authenticated.sid_key),
            consent_until: consent.as_ref().map(|consent| consent.expires_at),
            consent_id: consent.map(|consent| consent.id),
            bound_to: None,
        }
    }
}
