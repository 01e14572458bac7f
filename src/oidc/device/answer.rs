//! The end of a sign-in for a device: what was decided waits for it, and the person reads that they may go back to it.

use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use askama::Template;
use serde::{Deserialize, Serialize};
use serde_json::value::{RawValue, to_raw_value};

use super::{Allowed, Devices, Outcome, Waiting, grant_of};
use crate::clients::Client;
use crate::grants::{ClaimNames, GrantDetails};
use crate::people::DataSet;
use crate::platform::bytes::Digest;
use crate::platform::clock::Timestamp;
use crate::platform::ephemeral::Batch;
use crate::platform::service_error::ServiceError;
use crate::platform::web::frame::Frame;
use crate::platform::web::page_context::PageContext;
use crate::platform::web::respond::{self, CspSources};
use crate::release::Consent;
use crate::sign_in::{Authenticated, SignInRequest};

/// What the answer is made from, as the attempt carries it.
#[derive(Serialize, Deserialize)]
pub(super) struct ReplyState {
    /// Digest of the device's code.
    pub(super) device: Digest,
    /// Scopes that are understood.
    pub(super) scopes: Vec<String>,
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
    /// Lets the device have what `authenticated` agreed to, once the batch is applied. The second value names it.
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
        let details = self.details((request, client), &state, authenticated, consent);
        let allowed = Box::new(Allowed { number: authenticated.number, details });
        let outcome = Outcome::Allowed(allowed);
        let waiting = Waiting { client_id: client.id.clone(), expires_at: state.expires_at, outcome };
        self.decide_in(batch, state.device, &waiting);
        self.provider.metrics.sign_ins("answer", "device").inc();
        Ok((done(context, client, true), stored))
    }

    /// Tells the device that the person refused.
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
        let (client_id, expires_at) = (client.id.clone(), state.expires_at);
        let waiting = Waiting { client_id, expires_at, outcome: Outcome::Denied };
        self.decide_in(&mut batch, state.device, &waiting);
        let _ = self.ephemeral.apply(batch).await?;
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

    fn details(
        &self,
        (request, client): (&SignInRequest, &Client),
        state: &ReplyState,
        authenticated: &Authenticated,
        consent: Option<Consent>,
    ) -> GrantDetails {
        let agreed = consent.as_ref().map(|consent| &consent.extent);
        let released = request.data.all().into_iter();
        let released: std::collections::BTreeSet<DataSet> =
            released.filter(|set| agreed.is_some_and(|agreed| agreed.released.contains(set))).collect();
        // A scope says no more than was agreed, as by a browser.
        let kept = |scope: &&String| match scope.as_str() {
            "openid" => true,
            "offline_access" => agreed.is_some_and(|agreed| agreed.offline),
            scope => released.iter().any(|set| set.scope() == scope),
        };
        let scopes: Vec<&str> = state.scopes.iter().filter(kept).map(String::as_str).collect();
        let subject_ids = &self.provider.subject_ids;
        GrantDetails {
            person_id: authenticated.person_id.clone(),
            epoch: authenticated.epoch,
            sub: subject_ids.of(client, &authenticated.person_id),
            scope: scopes.join(" "),
            released: released.clone(),
            claims: ClaimNames::default(),
            resources: Vec::new(),
            bound_to: None,
            auth_time: authenticated.auth_time,
            acr: authenticated.acr,
            amr: authenticated.amr.clone(),
            sid: subject_ids.sid(&client.id, &authenticated.sid_key),
            session: None,
            consent_until: consent.as_ref().map(|consent| consent.expires_at),
            consent_id: consent.map(|consent| consent.id),
        }
    }
}
