//! The end of a sign-in for a device: what was decided waits for it, and the person reads that they may go back to it.

use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use askama::Template;
use serde::{Deserialize, Serialize};
use serde_json::value::{RawValue, to_raw_value};

use super::{Allowed, Devices, Outcome, REMEMBERED, USER_CODES, decision, grant_of};
use crate::clients::Client;
use crate::grants::GrantDetails;
use crate::platform::bytes::Digest;
use crate::platform::clock::Timestamp;
use crate::platform::ephemeral::{Applied, Batch, EphemeralKey, Unavailable, Version};
use crate::platform::service_error::ServiceError;
use crate::platform::web::frame::Frame;
use crate::platform::web::page_context::{PageContext, Problem};
use crate::platform::web::problem::ProblemKind;
use crate::platform::web::respond::{self, CspSources};
use crate::release::Consent;
use crate::sign_in::{Authenticated, SignInRequest};

/// What the answer is made from, as the attempt carries it.
#[derive(Serialize, Deserialize)]
pub(super) struct ReplyState {
    /// Digest of the device's code.
    pub(super) device: Digest,
    /// The letters of the code that the person entered.
    pub(super) code: String,
    /// Scopes that are understood.
    pub(super) scopes: Vec<String>,
    /// The resource servers that access tokens are to be for (RFC 8707).
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(super) resources: Vec<String>,
    /// When the device stops waiting (exclusive).
    pub(super) expires_at: Timestamp,
}

/// Says that the device goes on, or that it does not.
#[derive(Template)]
#[template(path = "oidc/device_done.html")]
pub(super) struct DonePage<'a> {
    pub(super) frame: Frame<'a>,
    /// Whether the person agreed.
    pub(super) allowed: bool,
}

fn done(context: &PageContext<'_>, client: &Client, allowed: bool) -> HttpResponse {
    let frame = context.frame(Some(client.shown(context.language)), Vec::new());
    respond::page(StatusCode::OK, &DonePage { frame, allowed }, &CspSources::default())
}

fn restore(request: &SignInRequest) -> Result<ReplyState, ServiceError> {
    serde_json::from_str(request.reply.state.get()).map_err(|error| ServiceError::Internal(error.to_string()))
}

impl Devices {
    /// Lets the device have what `authenticated` agreed to, once the batch is applied, which takes place only if nothing was
    /// decided before. The second value names it.
    ///
    /// # Errors
    /// [`ServiceError`] when the request was stored by another version.
    pub fn answer_in(
        &self,
        context: &PageContext<'_>,
        (request, client): (&SignInRequest, &Client),
        authenticated: &Authenticated,
        consent: Option<Consent>,
        batch: &mut Batch<'_>,
    ) -> Result<(HttpResponse, Box<RawValue>), ServiceError> {
        let state = restore(request)?;
        let stored =
            to_raw_value(&state.device).map_err(|error| ServiceError::Internal(error.to_string()))?;
        let about = (client, &*self.provider.subject_ids);
        let granted = GrantDetails::of(request, about, authenticated, consent, &state.scopes);
        let details = GrantDetails { resources: state.resources.clone(), ..granted };
        let (session, number) = (authenticated.session, authenticated.number);
        let allowed = Box::new(Allowed { session, number, details });
        self.decide_in(batch, &state, &Outcome::Allowed(allowed));
        self.provider.metrics.sign_ins("answer", "device").inc();
        Ok((done(context, client, true), stored))
    }

    /// Decides for a device, together with the rest of a batch: once, and with that its code is nobody's any more.
    fn decide_in(&self, batch: &mut Batch<'_>, state: &ReplyState, outcome: &Outcome) {
        let left = state.expires_at.since(self.provider.clock.now()).max(0) + REMEMBERED;
        batch.swap(decision(state.device), Version::ABSENT, outcome, left);
        batch.remove(EphemeralKey::of(USER_CODES, &state.code));
    }

    /// Whether something was decided for the device already, in this attempt or in another of the same browser.
    ///
    /// # Errors
    /// [`ServiceError`] when a store is unavailable, or the request was stored by another version.
    pub async fn is_decided(&self, request: &SignInRequest) -> Result<bool, ServiceError> {
        Ok(self.decided(&restore(request)?).await?.is_some())
    }

    async fn decided(&self, state: &ReplyState) -> Result<Option<Outcome>, Unavailable> {
        Ok(self.ephemeral.get::<Outcome>(decision(state.device)).await?.map(|(outcome, _)| outcome))
    }

    /// Tells the device that the person refused, unless they agreed in another tab: what was decided stays.
    ///
    /// # Errors
    /// [`ServiceError`] when that cannot be stored, or the request was stored by another version.
    pub async fn refuse(
        &self,
        context: &PageContext<'_>,
        request: &SignInRequest,
        client: &Client,
    ) -> Result<HttpResponse, ServiceError> {
        let state = restore(request)?;
        let mut batch = Batch::new(&self.ephemeral);
        self.decide_in(&mut batch, &state, &Outcome::Denied);
        if self.ephemeral.apply(batch).await? != Applied::Done
            && !matches!(self.decided(&state).await?, Some(Outcome::Denied))
        {
            let service = Some(client.shown(context.language));
            let problem = Problem { service, ..Problem::default() };
            return Ok(context.problem(ProblemKind::AlreadyFinished, &problem));
        }
        self.provider.metrics.sign_ins("answer", "access_denied").inc();
        Ok(done(context, client, false))
    }

    /// The page of an answer that was stored; `None` when the device has had it.
    ///
    /// # Errors
    /// [`ServiceError`] when a store is unavailable.
    pub async fn again(
        &self,
        context: &PageContext<'_>,
        client: &Client,
        stored: &RawValue,
    ) -> Result<Option<HttpResponse>, ServiceError> {
        let redeemed = self.grants.find(&self.grant_of(stored)).await?.is_some();
        Ok((!redeemed).then(|| done(context, client, true)))
    }

    /// The identifier of the grant that an answer leads to, once the device has asked.
    pub fn grant_of(&self, stored: &RawValue) -> String {
        serde_json::from_str::<Digest>(stored.get()).map(|device| grant_of(&device)).unwrap_or_default()
    }
}
