//! What a person decided on: it waits for the service, and the person reads that the service goes on.

use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use askama::Template;
use serde::{Deserialize, Serialize};
use serde_json::value::{RawValue, to_raw_value};

use super::{Approved, Ciba, REMEMBERED, Verdict, grant_of, verdict};
use crate::audit::{Event, Kind};
use crate::clients::{Client, ClientId, Delivery, GrantType};
use crate::grants::GrantDetails;
use crate::people::PersonId;
use crate::platform::bytes::Digest;
use crate::platform::clock::Timestamp;
use crate::platform::ephemeral::{Applied, Batch, Version};
use crate::platform::service_error::ServiceError;
use crate::platform::web::frame::Frame;
use crate::platform::web::page_context::PageContext;
use crate::platform::web::respond::{self, CspSources};
use crate::release::Consent;
use crate::sign_in::{Authenticated, SignInRequest};

/// What the answer is made from, as the attempt carries it.
#[derive(Serialize, Deserialize)]
pub(super) struct ReplyState {
    /// Digest of `auth_req_id`.
    pub(super) request: Digest,
    /// Scopes that are understood.
    pub(super) scopes: Vec<String>,
    /// The resource servers that access tokens are to be for (RFC 8707).
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(super) resources: Vec<String>,
    /// What the person is to compare.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) message: Option<String>,
    /// How the service is told; only of those that are.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) ping: Option<Ping>,
    /// When the service stops waiting (exclusive).
    pub(super) expires_at: Timestamp,
}

/// What a service is told with.
#[derive(Clone, Serialize, Deserialize)]
pub(super) struct Ping {
    pub(super) auth_req_id: String,
    /// The bearer token by which the service knows this provider.
    pub(super) token: String,
}

/// What a page says that lets a person mute a service, when it comes back.
#[derive(Serialize, Deserialize)]
struct Mutable {
    client: ClientId,
    person: String,
    /// Expiry time (exclusive).
    until: Timestamp,
}

/// The place that it is bound to.
const MUTABLE: &[u8] = b"mute";

/// For how long such a page may come back, in seconds.
const MUTABLE_FOR: i64 = 3600;

/// Says that the service goes on, or that it does not.
#[derive(Template)]
#[template(path = "oidc/ciba_done.html")]
struct DonePage<'a> {
    frame: Frame<'a>,
    /// Whether the person approved.
    approved: bool,
    /// What lets the person mute the service, and until when that would be.
    mute: Option<(String, String)>,
    /// The service is muted.
    muted: bool,
}

fn restore(request: &SignInRequest) -> Result<ReplyState, ServiceError> {
    serde_json::from_str(request.reply.state.get()).map_err(|error| ServiceError::Internal(error.to_string()))
}

fn approved(context: &PageContext<'_>, client: &Client) -> HttpResponse {
    let frame = context.frame(Some(client.shown(context.language)), Vec::new());
    let page = DonePage { frame, approved: true, mute: None, muted: false };
    respond::page(StatusCode::OK, &page, &CspSources::default())
}

impl Ciba {
    /// What the person is to compare, in the service's words.
    ///
    /// # Errors
    /// [`ServiceError`] when the request was stored by another version.
    pub fn message(&self, request: &SignInRequest) -> Result<Option<String>, ServiceError> {
        Ok(restore(request)?.message)
    }

    /// Why a request can be answered no more: the client may not ask any longer. Words for its developers.
    pub fn withdrawn(&self, client: &Client) -> Option<&'static str> {
        (!client.may(GrantType::Ciba)).then_some("unauthorized_client: the client lost the CIBA grant")
    }

    /// Lets the service have what `authenticated` approved, once the batch is applied, which takes place only if nothing was
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
            to_raw_value(&state.request).map_err(|error| ServiceError::Internal(error.to_string()))?;
        let about = (client, &*self.provider.subject_ids);
        let granted = GrantDetails::of(request, about, authenticated, consent, &state.scopes);
        // No session comes of it, and none is named.
        let details = GrantDetails { resources: state.resources.clone(), sid: String::new(), ..granted };
        let approval = Box::new(Approved { number: authenticated.number, details });
        self.decide_in(batch, &state, &Verdict::Approved(approval));
        Ok((approved(context, client), stored))
    }

    /// Refuses, together with the rest of a batch, which takes place only if nothing was decided before.
    ///
    /// # Errors
    /// [`ServiceError`] when the request was stored by another version.
    pub fn deny_in(&self, request: &SignInRequest, batch: &mut Batch<'_>) -> Result<(), ServiceError> {
        self.decide_in(batch, &restore(request)?, &Verdict::Denied);
        Ok(())
    }

    fn decide_in(&self, batch: &mut Batch<'_>, state: &ReplyState, decided: &Verdict) {
        let left = state.expires_at.since(self.provider.clock.now()).max(0) + REMEMBERED;
        batch.swap(verdict(state.request), Version::ABSENT, decided, left);
    }

    /// Whether something was decided already.
    ///
    /// # Errors
    /// [`ServiceError`] when a store is unavailable, or the request was stored by another version.
    pub async fn is_decided(&self, request: &SignInRequest) -> Result<bool, ServiceError> {
        let state = restore(request)?;
        Ok(self.ephemeral.get::<Verdict>(verdict(state.request)).await?.is_some())
    }

    /// Records what was decided, and begins to tell the service, if it wants to be told.
    ///
    /// # Errors
    /// [`ServiceError`] when the request was stored by another version.
    pub fn decided(
        &self,
        request: &SignInRequest,
        client: &Client,
        (person, approved): (&PersonId, bool),
    ) -> Result<(), ServiceError> {
        let state = restore(request)?;
        let (kind, word) =
            if approved { (Kind::Approved, "ciba") } else { (Kind::ApprovalDenied, "access_denied") };
        self.provider.metrics.sign_ins("answer", word).inc();
        let event = Event::new(kind).client(client.id.as_str()).person(person.as_str());
        let event = event.reason(if approved { "approved" } else { "denied" });
        let event = if approved { event.grant(grant_of(&state.request)) } else { event };
        self.provider.audit.record(event);
        if let (Some(ping), Delivery::Ping(url)) = (state.ping, &client.backchannel.delivery) {
            self.pings.begin(client.id.clone(), url.clone(), ping);
        }
        Ok(())
    }

    /// Refuses a request by itself.
    ///
    /// # Errors
    /// [`ServiceError`] when that cannot be stored, or the request was stored by another version.
    pub async fn refuse(
        &self,
        context: &PageContext<'_>,
        request: &SignInRequest,
        client: &Client,
    ) -> Result<HttpResponse, ServiceError> {
        let mut batch = Batch::new(&self.ephemeral);
        self.deny_in(request, &mut batch)?;
        // What was decided before stays.
        let _: Applied = self.ephemeral.apply(batch).await?;
        Ok(self.denied(context, client, None))
    }

    /// The page of a refusal, which lets the person who refused mute the service.
    pub fn denied(
        &self,
        context: &PageContext<'_>,
        client: &Client,
        person: Option<&PersonId>,
    ) -> HttpResponse {
        let now = self.provider.clock.now();
        let mute = person.and_then(|person| {
            let until = now.plus(MUTABLE_FOR);
            let text = Mutable { client: client.id.clone(), person: person.as_str().to_owned(), until };
            let sealed = self.hints.seal_text(MUTABLE, &serde_json::to_vec(&text).ok()?);
            Some((sealed, context.text().date_for_suffix(now.plus(self.mute).0)))
        });
        let frame = Frame {
            form_action: "/a/mute",
            ..context.frame(Some(client.shown(context.language)), Vec::new())
        };
        let page = DonePage { frame, approved: false, mute, muted: false };
        respond::page(StatusCode::OK, &page, &CspSources::default())
    }

    /// Mutes a service, as the page of a refusal said; `None` when the page is none of ours, or too old.
    ///
    /// # Errors
    /// [`ServiceError`] when a store is unavailable.
    pub async fn mute(
        &self,
        context: &PageContext<'_>,
        sealed: &str,
    ) -> Result<Option<HttpResponse>, ServiceError> {
        let now = self.provider.clock.now();
        let said = self.hints.open_text(MUTABLE, sealed).ok();
        let said = said.and_then(|text| serde_json::from_slice::<Mutable>(&text).ok());
        let Some(said) = said.filter(|said| said.until > now) else { return Ok(None) };
        let Some(client) = self.provider.clients.find(&said.client) else { return Ok(None) };
        let (person, until) = (PersonId::stored(said.person), now.plus(self.mute));
        self.sign_in.people.mute(&person, client.id.as_str(), until).await?;
        let event = Event::new(Kind::ApprovalMuted).client(client.id.as_str()).person(person.as_str());
        self.provider.audit.record(event.reason("asked").until(until.0));
        let frame = context.frame(Some(client.shown(context.language)), Vec::new());
        let page = DonePage { frame, approved: false, mute: None, muted: true };
        Ok(Some(respond::page(StatusCode::OK, &page, &CspSources::default())))
    }

    /// The page of an answer that was stored; `None` when the service has had it.
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
        Ok((!redeemed).then(|| approved(context, client)))
    }

    /// The identifier of the grant that an answer leads to, once the service has asked.
    pub fn grant_of(&self, stored: &RawValue) -> String {
        serde_json::from_str::<Digest>(stored.get()).map(|request| grant_of(&request)).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::platform::web::locale::Language;
    use crate::platform::web::markup::{assert_sound, has_id};
    use crate::platform::web::site::Site;
    use crate::platform::web::text::Text;

    #[test]
    fn the_pages_are_sound_in_every_language() {
        let site = Box::leak(Box::new(Site::default()));
        let hostile = r#""><script>alert('x')</script>"#;
        for language in Language::ALL {
            let frame = || Frame {
                text: Text::new(language),
                site,
                service: None,
                languages: Vec::new(),
                form_action: "/a/mute",
            };
            let mute = || Some((hostile.to_owned(), hostile.to_owned()));
            for (approved, mute, muted, id) in [
                (true, None, false, "approval-done"),
                (false, mute(), false, "approval-refused"),
                (false, None, true, "approval-muted"),
            ] {
                let has_form = mute.is_some();
                let html = DonePage { frame: frame(), approved, mute, muted }.render().unwrap();
                assert_sound(&html, language);
                assert!(has_id(&html, id) && has_id(&html, "mute") == has_form, "{html}");
            }
        }
    }
}
