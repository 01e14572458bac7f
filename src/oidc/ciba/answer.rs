//! What a person decided on: it waits for the service, and the person reads that the service goes on.

use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use askama::Template;
use serde::{Deserialize, Serialize};
use serde_json::value::{RawValue, to_raw_value};

use super::decisions::{LONGEST_TELLING, Untold};
use super::ping::Ping;
use super::{Approved, COLLECTED, Ciba, Decided, REMEMBERED, Verdict, grant_of, told};
use crate::applications::Confirmed;
use crate::audit::{Event, Kind};
use crate::clients::{Client, ClientId, Delivery, GrantType};
use crate::grants::GrantDetails;
use crate::notices::inbox::{NewNotice, NoticeKind};
use crate::people::PersonId;
use crate::platform::bytes::Digest;
use crate::platform::clock::Timestamp;
use crate::platform::db::Statement;
use crate::platform::ephemeral::Version;
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

/// What became of a request.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Became {
    /// This person approved it.
    Approved(PersonId),
    /// Its person refused it.
    Refused,
    /// The service was told that nobody decided in time.
    Lapsed,
    /// Nothing yet.
    Open,
}

/// What became of a request, as its page says it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Done {
    /// The person approved.
    Approved,
    /// The person refused.
    Refused,
    /// Nobody can decide any more: its time is over.
    Over,
    /// Nobody can decide any more: the code has had all its tries.
    UsedUp,
    /// The person keeps the service's requests away.
    Muted,
}

/// The form by which a person mutes the service with the code of its message.
#[derive(Clone, Copy, Debug)]
pub struct MuteForm<'a> {
    /// Where it is sent.
    pub action: &'a str,
    /// What is wrong with the code that was sent.
    pub error: Option<&'a str>,
}

/// Says what became of a request.
#[derive(Template)]
#[template(path = "oidc/ciba_done.html")]
struct DonePage<'a> {
    frame: Frame<'a>,
    /// `done`, `refused`, `over`, `used_up` or `muted`.
    word: &'static str,
    title: &'static str,
    then: String,
    /// What is wrong with the code by which the service is to be muted, and until when that would be.
    mute: Option<(Option<&'a str>, String)>,
}

/// How many decisions that were not told a node tells at a time.
const UNTOLD: i64 = 100;

fn restore(request: &SignInRequest) -> Result<ReplyState, ServiceError> {
    serde_json::from_str(request.reply.state.get()).map_err(|error| ServiceError::Internal(error.to_string()))
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

    /// Lets the service have what `authenticated` approved by `consent`, together with `then`, all or nothing. What names it in the
    /// attempt; `None` when something was decided before, and then nothing is written.
    ///
    /// # Errors
    /// [`ServiceError`] when the database is unavailable: then nobody knows, and approving again is safe; or when the request was
    /// stored by another version.
    pub async fn approve(
        &self,
        (request, client): (&SignInRequest, &Client),
        authenticated: &Authenticated,
        consent: Option<Consent>,
        then: Vec<Statement>,
    ) -> Result<Option<Box<RawValue>>, ServiceError> {
        let state = restore(request)?;
        let about = (client, &*self.provider.subject_ids);
        let granted = GrantDetails::of(request, about, authenticated, consent, &state.scopes);
        // No session comes of it, and none is named.
        let at = authenticated.auth_time;
        let confirmed =
            request.application.clone().map(|application| Confirmed { application: *application, at });
        let details = GrantDetails {
            confirmed: confirmed.map(Box::new),
            resources: state.resources.clone(),
            sid: String::new(),
            ..granted
        };
        let approval = Box::new(Approved { number: authenticated.number, details });
        if !self.decide(&state, client, &Verdict::Approved(approval), then).await? {
            return Ok(None);
        }
        let stored = to_raw_value(&state.request);
        Ok(Some(stored.map_err(|error| ServiceError::Internal(error.to_string()))?))
    }

    /// Refuses; `false` when something was decided before.
    ///
    /// # Errors
    /// As for [`Ciba::approve`].
    pub async fn deny(&self, request: &SignInRequest, client: &Client) -> Result<bool, ServiceError> {
        self.decide(&restore(request)?, client, &Verdict::Denied, Vec::new()).await
    }

    async fn decide(
        &self,
        state: &ReplyState,
        client: &Client,
        verdict: &Verdict,
        then: Vec<Statement>,
    ) -> Result<bool, ServiceError> {
        let times = (self.provider.clock.now(), state.expires_at);
        let told = (verdict, state.ping.as_ref());
        Ok(self.decisions.decide((&state.request, &client.id), told, times, then).await?)
    }

    /// What became of a request by now.
    ///
    /// # Errors
    /// [`ServiceError`] when the database is unavailable, or the request was stored by another version.
    pub async fn became(&self, request: &SignInRequest, client: &Client) -> Result<Became, ServiceError> {
        let decided = self.decisions.find(&restore(request)?.request, &client.id).await?;
        Ok(match decided.map(|Decided { verdict, .. }| verdict) {
            Some(Verdict::Approved(approved)) => Became::Approved(approved.details.person_id),
            Some(Verdict::Denied) => Became::Refused,
            Some(Verdict::Lapsed) => Became::Lapsed,
            None => Became::Open,
        })
    }

    /// Records what was decided, and begins to tell the service, if it wants to be told: once, whoever finds that it is due. The
    /// reply to whoever decided may have been lost, and then the page that is opened again does it.
    ///
    /// # Errors
    /// [`ServiceError`] when the request was stored by another version.
    pub async fn decided(
        &self,
        request: &SignInRequest,
        client: &Client,
        (person, approved): (Option<&PersonId>, bool),
    ) -> Result<(), ServiceError> {
        let state = restore(request)?;
        let left = state.expires_at.since(self.provider.clock.now()).max(0) + REMEMBERED;
        let noted = self.ephemeral.swap(told(state.request), Version::ABSENT, &(), left).await;
        // What cannot be noted is told all the same: twice is better than never.
        if matches!(noted, Ok(None)) {
            return Ok(());
        }
        self.record_and_tell((state.request, &client.id, Some(client)), (person, approved), state.ping);
        Ok(())
    }

    /// Records what was decided and begins to tell the service, if it still can be told; that both are done is noted after them, so
    /// that another node does it for one that was killed.
    fn record_and_tell(
        &self,
        (request, id, client): (Digest, &ClientId, Option<&Client>),
        (person, approved): (Option<&PersonId>, bool),
        ping: Option<Ping>,
    ) {
        let (kind, word) =
            if approved { (Kind::Approved, "ciba") } else { (Kind::ApprovalDenied, "access_denied") };
        self.provider.metrics.sign_ins("answer", word).inc();
        let event = Event::new(kind).client(id.as_str());
        let event = event.maybe_person(person.map(PersonId::as_str));
        let event = event.reason(if approved { "approved" } else { "denied" });
        let event = if approved { event.grant(grant_of(&request)) } else { event };
        self.provider.audit.record(event);
        let telling = match (ping, client.map(|client| &client.backchannel.delivery)) {
            (Some(ping), Some(Delivery::Ping(url))) => Some(self.pings.tell(id.clone(), url.clone(), ping)),
            _ => None,
        };
        let decisions = self.decisions.clone();
        tokio::spawn(async move {
            if let Some(telling) = telling {
                // Another node takes it over later: two that tell at once would record it twice. Whoever was not told asks.
                let _ = tokio::time::timeout(LONGEST_TELLING, telling).await;
            }
            if let Err(error) = decisions.told(&request).await {
                tracing::warn!(event = "ciba.unnoted", %error, "that a decision was told is not noted: it is told once more");
            }
        });
    }

    /// Records decisions, and tells services of them, that the node did not where a person decided: it was killed in between.
    /// Returns how many.
    ///
    /// # Errors
    /// [`ServiceError`] when the database is unavailable.
    pub async fn tell_untold(&self) -> Result<usize, ServiceError> {
        let now = self.provider.clock.now();
        let untold = self.decisions.untold(now, UNTOLD).await?;
        let count = untold.len();
        for Untold { request, client: id, decided, ping } in untold {
            let client = self.provider.clients.find(&id);
            // Nobody waits for an answer that cannot be fetched any more.
            let ping = ping.filter(|_| decided.until.plus(COLLECTED) > now);
            let (person, approved) = match &decided.verdict {
                Verdict::Approved(approval) => (Some(&approval.details.person_id), true),
                Verdict::Denied | Verdict::Lapsed => (None, false),
            };
            let about = (request, &id, client.as_deref());
            self.record_and_tell(about, (person, approved), ping);
        }
        Ok(count)
    }

    /// The page that says what became of a request; with a form, the person may mute the service on it.
    pub fn done(
        &self,
        context: &PageContext<'_>,
        client: &Client,
        done: Done,
        form: Option<MuteForm<'_>>,
    ) -> HttpResponse {
        let text = context.text();
        let until = || text.date_for_suffix(self.provider.clock.now().plus(self.mute).0);
        let (word, title, then) = match done {
            Done::Approved => ("done", "approval.done", text.get("approval.done_then").to_owned()),
            Done::Refused => ("refused", "approval.refused", text.get("approval.refused_then").to_owned()),
            Done::Over => ("over", "approval.over", text.get("approval.over_then").to_owned()),
            Done::UsedUp => ("used-up", "code.error_used_up", text.get("approval.used_up").to_owned()),
            Done::Muted => {
                ("muted", "approval.muted", text.with("approval.muted_then", &[("until", &until())]))
            }
        };
        let status = match done {
            Done::Over => StatusCode::GONE,
            Done::Approved | Done::Refused | Done::UsedUp | Done::Muted => StatusCode::OK,
        };
        let mute = form.map(|form| (form.error, until()));
        let action = form.map_or("", |form| form.action);
        let frame = context.frame(Some(client.shown(context.language)), Vec::new());
        let frame = Frame { form_action: action, ..frame };
        let title = text.get(title);
        respond::page(status, &DonePage { frame, word, title, then, mute }, &CspSources::default())
    }

    /// Mutes a service for a person who asked for that by the code of a message of it.
    ///
    /// # Errors
    /// [`ServiceError`] when a store is unavailable.
    pub async fn mute(
        &self,
        context: &PageContext<'_>,
        client: &Client,
        person: &PersonId,
    ) -> Result<HttpResponse, ServiceError> {
        self.mute_for(&client.id, person).await?;
        Ok(self.done(context, client, Done::Muted, None))
    }

    /// Mutes a service for a person.
    ///
    /// # Errors
    /// [`ServiceError`] when a store is unavailable.
    pub async fn mute_for(&self, client: &ClientId, person: &PersonId) -> Result<(), ServiceError> {
        let until = self.provider.clock.now().plus(self.mute);
        let notice = NewNotice::new(NoticeKind::ServiceMuted).service(client.as_str()).until(until);
        let told = self.sign_in.inbox.rows(person, &notice);
        self.sign_in.people.mute(person, client.as_str(), until, told).await?;
        let event = Event::new(Kind::ApprovalMuted).client(client.as_str()).person(person.as_str());
        self.provider.audit.record(event.reason("asked").until(until.0));
        Ok(())
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
                form_action: "/a/WDJBMJHT",
            };
            for word in ["done", "refused", "over", "used-up", "muted"] {
                for mute in
                    [None, Some((None, hostile.to_owned())), Some((Some(hostile), hostile.to_owned()))]
                {
                    let (has_form, wrong) = (mute.is_some(), mute.as_ref().is_some_and(|it| it.0.is_some()));
                    let (title, then) = ("Title", hostile.to_owned());
                    let html = DonePage { frame: frame(), word, title, then, mute }.render().unwrap();
                    assert_sound(&html, language);
                    assert!(has_id(&html, &format!("approval-{word}")), "{html}");
                    assert!(
                        has_id(&html, "mute") == has_form && has_id(&html, "code-error") == wrong,
                        "{html}"
                    );
                }
            }
        }
    }
}
