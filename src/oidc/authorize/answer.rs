//! The way back to the client: a code or an error, by redirect or form, always with `iss` (RFC 9207), and signed, and
//! encrypted, where the client wants it so (JARM).

use std::sync::Arc;

use actix_web::HttpResponse;
use serde::Deserialize;
use serde_json::value::{RawValue, to_raw_value};
use serde_json::{Map, Value};
use url::form_urlencoded;

use super::begin::ReplyState;
use super::response_mode::Carrier;
use super::{Authorization, ClientError, RedirectTarget, VerifiedRedirect, form_post};
use crate::applications::Confirmed;
use crate::clients::Client;
use crate::grants::{self, GrantDetails};
use crate::oidc::code::CodeContent;
use crate::oidc::error::{ErrorCode, OAuthError, TokenError};
use crate::oidc::{encryption, signature};
use crate::platform::bytes::Digest;
use crate::platform::ephemeral::Batch;
use crate::platform::jose::UNTYPED;
use crate::platform::service_error::ServiceError;
use crate::platform::web::page_context::PageContext;
use crate::platform::web::problem::ProblemKind;
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
    fn new(redirect: &VerifiedRedirect, fields: Vec<(&'static str, String)>) -> Self {
        // The registered URI is kept character for character: parsing and writing it again could change it.
        let uri = redirect.uri().as_str();
        let encoded = |fields| form_urlencoded::Serializer::new(String::new()).extend_pairs(fields).finish();
        match redirect.mode().carrier() {
            Carrier::Form => Self::Form { action: uri.to_owned(), fields },
            // No registered URI has a fragment.
            Carrier::Fragment => Self::Redirect(format!("{uri}#{}", encoded(fields))),
            Carrier::Query => {
                let joint = match (uri.contains('?'), uri.ends_with('?') || uri.ends_with('&')) {
                    (_, true) => "",
                    (true, false) => "&",
                    (false, false) => "?",
                };
                Self::Redirect(format!("{uri}{joint}{}", encoded(fields)))
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

/// For how long a signed answer may be taken, in seconds (JARM §2.1 recommends ten minutes at most).
const SIGNED_SECONDS: i64 = 300;

impl Authorization {
    /// The answer with these fields, the client's state and the issuer.
    ///
    /// # Errors
    /// [`ServiceError`] when it is to be signed and no key does, or to be encrypted and the client's keys cannot be had: it never
    /// goes out plain instead.
    pub(super) async fn answer(
        &self,
        redirect: &VerifiedRedirect,
        mut fields: Vec<(&'static str, String)>,
    ) -> Result<Answer, ServiceError> {
        if let Some(state) = redirect.state() {
            fields.push(("state", state.to_owned()));
        }
        let issuer = &*self.provider.issuer;
        if !redirect.mode().is_signed() {
            fields.push(("iss", issuer.to_owned()));
            return Ok(Answer::new(redirect, fields));
        }
        // JARM §2.1: the issuer stands in the token, and nothing beside it.
        let (client, now) = (redirect.client(), self.provider.clock.now());
        let mut claims: Map<String, Value> =
            fields.into_iter().map(|(name, value)| (name.to_owned(), value.into())).collect();
        claims.insert("iss".to_owned(), issuer.into());
        claims.insert("aud".to_owned(), client.id.as_str().into());
        claims.insert("exp".to_owned(), now.plus(SIGNED_SECONDS).0.into());
        let later = |error: TokenError| {
            ServiceError::Unavailable(format!("client {}: {}", client.id, error.description))
        };
        let recipient =
            encryption::recipient(&self.provider, client, client.answers.authorization_encryption);
        let recipient = recipient.await.map_err(later)?;
        let keys = self.provider.keys.current();
        let key = signature::key(&keys, client.requests.response_alg, now).map_err(later)?;
        let token = encryption::nested(key.sign(UNTYPED, &claims), recipient.as_ref())?;
        Ok(Answer::new(redirect, vec![("response", token)]))
    }

    /// The answer with a code for `authenticated`. The code exists once the batch is applied. The second value is what
    /// [`Authorization::again`] needs to send the same answer again.
    ///
    /// # Errors
    /// [`ServiceError`] when the request was stored by another version, or cannot be written as JSON.
    pub async fn answer_in(
        &self,
        request: &SignInRequest,
        client: &Arc<Client>,
        authenticated: &Authenticated,
        consent: Option<Consent>,
        batch: &mut Batch<'_>,
    ) -> Result<(Answer, Box<RawValue>), ServiceError> {
        let (state, redirect) = Self::restore(request, client)?;
        let about = (&**client, &*self.provider.subject_ids);
        let granted = GrantDetails::of(request, about, authenticated, consent, &state.scopes);
        let at = self.provider.clock.now();
        let confirmed =
            request.application.clone().map(|application| Confirmed { application: *application, at });
        let details = GrantDetails {
            confirmed: confirmed.map(Box::new),
            resources: state.resources.clone(),
            claims: state.claims.clone(),
            managed: state.managed.clone(),
            ..granted
        };
        let content = CodeContent {
            client_id: client.id.clone(),
            redirect_uri: redirect.uri().clone(),
            code_challenge: state.code_challenge.clone(),
            nonce: state.nonce.clone(),
            dpop_jkt: state.dpop_jkt,
            session: authenticated.session,
            number: authenticated.number,
            details,
        };
        let seconds =
            client.requests.longest_code.map_or(self.code_seconds, |most| most.min(self.code_seconds));
        let code = self.codes.issue_in(batch, &content, seconds);
        if let Some(pushed) = state.pushed {
            self.pushed.spend_in(batch, pushed, None);
        }
        self.provider.metrics.sign_ins("answer", "code").inc();
        let stored = to_raw_value(&code).map_err(|error| ServiceError::Internal(error.to_string()))?;
        Ok((self.answer(&redirect, vec![("code", code)]).await?, stored))
    }

    /// The error that tells a client of a refusal.
    ///
    /// # Errors
    /// [`ServiceError`] when the request was stored by another version.
    pub async fn refuse(
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
        self.error(&ClientError { redirect, error: OAuthError { code, description } }).await
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
        self.answer(&redirect, vec![("code", code)]).await.map(Some)
    }

    /// Spends the pushed request that a sign-in was begun by, if it was, together with the rest of a batch: a request that was
    /// answered by an error is answered as well. Where its person cancels it, the attempt is `cancelled`.
    ///
    /// # Errors
    /// [`ServiceError`] when the request was stored by another version.
    pub fn spend_in(
        &self,
        request: &SignInRequest,
        cancelled: Option<Digest>,
        batch: &mut Batch<'_>,
    ) -> Result<(), ServiceError> {
        if let Some(pushed) = reply_state(request)?.pushed {
            self.pushed.spend_in(batch, pushed, cancelled);
        }
        Ok(())
    }

    /// Whether that its person cancelled this attempt was the answer to its pushed request.
    ///
    /// # Errors
    /// [`ServiceError`] when a store is unavailable.
    pub async fn is_cancelled(&self, request: &SignInRequest, attempt: Digest) -> Result<bool, ServiceError> {
        match reply_state(request)?.pushed {
            Some(pushed) => Ok(self.pushed.is_cancelled(pushed, attempt).await?),
            None => Ok(false),
        }
    }

    /// Whether the pushed request that a sign-in was begun by was answered before, in another browser or tab.
    ///
    /// # Errors
    /// [`ServiceError`] when a store is unavailable.
    pub async fn is_spent(&self, request: &SignInRequest) -> Result<bool, ServiceError> {
        match reply_state(request)?.pushed {
            Some(pushed) => Ok(self.pushed.is_spent(pushed).await?),
            None => Ok(false),
        }
    }

    /// Why the request cannot be answered any more, if its client lost the redirect URI that it was begun with: a page for the
    /// person, and words for the client's developers.
    pub fn withdrawn(
        &self,
        request: &SignInRequest,
        client: &Arc<Client>,
    ) -> Option<(ProblemKind, &'static str)> {
        /// Nothing else of a request is needed to know.
        #[derive(Deserialize)]
        struct Where {
            redirect: RedirectTarget,
        }
        let state: Where = serde_json::from_str(request.reply.state.get()).ok()?;
        let restored = VerifiedRedirect::restore(client, &state.redirect);
        restored
            .is_none()
            .then_some((ProblemKind::BadReturnAddress, "redirect_uri is not registered any more"))
    }

    /// The identifier of the grant that an answer leads to, once its code is redeemed.
    pub fn grant_of(&self, stored: &RawValue) -> String {
        serde_json::from_str::<String>(stored.get()).map(|code| grants::id_of(&code)).unwrap_or_default()
    }

    fn restore(
        request: &SignInRequest,
        client: &Arc<Client>,
    ) -> Result<(ReplyState, VerifiedRedirect), ServiceError> {
        let state = reply_state(request)?;
        let redirect = VerifiedRedirect::restore(client, &state.redirect).ok_or_else(|| {
            ServiceError::Internal(format!(
                "client {} no longer has the redirect URI of the request",
                client.id
            ))
        })?;
        Ok((state, redirect))
    }
}

fn reply_state(request: &SignInRequest) -> Result<ReplyState, ServiceError> {
    serde_json::from_str(request.reply.state.get()).map_err(|error| ServiceError::Internal(error.to_string()))
}
