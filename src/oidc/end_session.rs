//! RP-initiated logout (OpenID Connect RP-Initiated Logout 1.0): what a request to `/oidc/logout` means. The pages are
//! in `pages`.

use std::sync::Arc;

use super::encryption::is_encrypted;
use super::{Elsewhere, LogoutNotifier, Provider};
use crate::audit::Kind;
use crate::clients::{Client, ClientId, RedirectUri};
use crate::people::PersonId;
use crate::platform::service_error::ServiceError;
use crate::platform::web::params::Params;
use crate::sign_in::{OpenSession, Session, Sessions};

/// What a logout request means.
pub enum LogoutDecision {
    /// The client has shown that it knows this person: no question.
    AtOnce(PostLogout),
    /// Anybody can link here: the person is asked first.
    Ask(PostLogout),
    /// The request is invalid; nothing is ended and the browser is redirected nowhere.
    Invalid(String),
}

/// Where a person goes after signing out.
#[derive(Default)]
pub struct PostLogout {
    /// The service that asked.
    pub client: Option<Arc<Client>>,
    /// Where to.
    pub to: Option<RedirectUri>,
    /// What to give back there.
    pub state: Option<String>,
}

impl PostLogout {
    /// The URI to go to, with the state.
    pub fn location(&self) -> Option<String> {
        let uri = self.to.as_ref()?.as_str();
        let Some(state) = &self.state else { return Some(uri.to_owned()) };
        let query = url::form_urlencoded::Serializer::new(String::new()).append_pair("state", state).finish();
        let joint = if uri.contains('?') { '&' } else { '?' };
        Some(format!("{uri}{joint}{query}"))
    }
}

/// What signing out needs. Cheap to clone.
#[derive(Clone)]
pub struct Logout {
    /// What all endpoints share.
    pub provider: Provider,
    /// SSO sessions.
    pub sessions: Sessions,
    /// Tells clients of ended sessions.
    pub notifier: LogoutNotifier,
}

impl Logout {
    /// Reads a logout request against the person of the browser's session.
    pub fn decide(&self, params: &Params, signed_in: Option<&PersonId>) -> LogoutDecision {
        let invalid = |why: &str| LogoutDecision::Invalid(format!("invalid_request: {why}"));
        if params.repeated().is_some() {
            return invalid("a parameter is repeated");
        }
        let clients = &self.provider.clients;
        let to = params.get("post_logout_redirect_uri");
        let Some(hint) = params.get("id_token_hint") else {
            // Without a hint nothing proves that the client knows the person: no redirect.
            if to.is_some() {
                return invalid("post_logout_redirect_uri without id_token_hint");
            }
            let client = params.get("client_id").and_then(ClientId::parse);
            let client = client.and_then(|id| clients.find_shown(&id));
            return LogoutDecision::Ask(PostLogout { client, ..PostLogout::default() });
        };
        if is_encrypted(hint) {
            return invalid(
                "id_token_hint is encrypted: decrypt the ID token, and send the signed one in it",
            );
        }
        let Ok(claims) = self.provider.keys.current().verify_hint(hint) else {
            return invalid("id_token_hint is not an ID token of this provider");
        };
        let aud = claims["aud"].as_str().unwrap_or_default();
        let client = ClientId::parse(aud).and_then(|id| clients.find(&id));
        let Some(client) = client.filter(|_| params.get("client_id").is_none_or(|id| id == aud)) else {
            return invalid("id_token_hint was issued to another client");
        };
        let registered = |given: &str| {
            client.redirects.post_logout_redirect_uris.iter().find(|uri| uri.as_str() == given).cloned()
        };
        let to = match to.map(registered) {
            Some(None) => return invalid("post_logout_redirect_uri is not registered for this client"),
            Some(found) => found,
            None => None,
        };
        let state = to.as_ref().and_then(|_| params.get("state")).map(str::to_owned);
        let subject_ids = &self.provider.subject_ids;
        let same_person = signed_in.is_none_or(|person| claims["sub"] == subject_ids.of(&client, person));
        // Of one that is disabled meanwhile the person gets neither name nor way back.
        let post = if client.disabled {
            PostLogout::default()
        } else {
            PostLogout { client: Some(client), to, state }
        };
        if same_person { LogoutDecision::AtOnce(post) } else { LogoutDecision::Ask(post) }
    }

    /// Ends a session. Its end, and what the clients that it was used for are told, are durable before it is taken away. Returns
    /// what is left to the browser and the person.
    ///
    /// # Errors
    /// [`ServiceError`] when a store is unavailable; then the session goes on, unless the answer was lost.
    pub async fn end(&self, open: &OpenSession) -> Result<Elsewhere, ServiceError> {
        self.notifier.store(&open.session, self.sessions.ending(&open.session).into()).await?;
        let ended = self.has_ended(open).await?;
        Ok(Elsewhere::of(&self.provider, ended.as_ref().unwrap_or(&open.session)))
    }

    /// Takes away a session whose end is durable, with what its clients are told. Returns it as it was in the end, to one caller.
    ///
    /// # Errors
    /// [`ServiceError`] when a store is unavailable; its end is known all the same.
    pub async fn has_ended(&self, open: &OpenSession) -> Result<Option<Session>, ServiceError> {
        let Some(ended) = self.sessions.end(open).await? else { return Ok(None) };
        self.provider.audit.record(ended.event(Kind::SessionEnded).reason("signed_out"));
        // It may have been used for one more client since it was read.
        if ended.clients.len() > open.session.clients.len() {
            self.notifier.store(&ended, Vec::new()).await?;
        }
        Ok(Some(ended))
    }
}
