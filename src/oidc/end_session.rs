//! RP-initiated logout (OpenID Connect RP-Initiated Logout 1.0): what a request to `/oidc/logout` means. The pages are
//! in `pages`.

use std::sync::Arc;

use super::Oidc;
use crate::clients::{Client, ClientId, RedirectUri};
use crate::platform::bytes::Digest;
use crate::platform::seal::Mac;
use crate::platform::service_error::ServiceError;
use crate::platform::web::params::Params;
use crate::sign_in::Session;

/// What a logout request means.
pub enum LogoutDecision {
    /// The client has shown that it knows this person: no question.
    AtOnce(PostLogout),
    /// Anybody can link here: the person is asked first.
    Ask(PostLogout),
    /// The request is wrong; nothing is ended and nobody is sent anywhere.
    Wrong(String),
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

/// Reads a logout request against the browser's session.
pub fn leave(oidc: &Oidc, params: &Params, session: Option<&Session>) -> LogoutDecision {
    if params.repeated().is_some() {
        return LogoutDecision::Wrong("invalid_request: a parameter is repeated".to_owned());
    }
    let to = params.get("post_logout_redirect_uri");
    let Some(hint) = params.get("id_token_hint") else {
        // Without a hint nothing proves that the client knows the person: no redirect.
        return match to {
            Some(_) => LogoutDecision::Wrong(
                "invalid_request: post_logout_redirect_uri without id_token_hint".to_owned(),
            ),
            None => {
                let named = params.get("client_id").and_then(ClientId::parse);
                let client = named.and_then(|id| oidc.clients.find(&id));
                LogoutDecision::Ask(PostLogout { client, ..PostLogout::default() })
            }
        };
    };
    let Ok(claims) = oidc.keys.current().verify(hint, "JWT") else {
        return LogoutDecision::Wrong(
            "invalid_request: id_token_hint is not an ID token of this provider".to_owned(),
        );
    };
    let aud = claims["aud"].as_str().unwrap_or_default();
    let client = ClientId::parse(aud).and_then(|id| oidc.clients.find(&id));
    let Some(client) = client.filter(|_| params.get("client_id").is_none_or(|id| id == aud)) else {
        return LogoutDecision::Wrong(
            "invalid_request: id_token_hint was issued to another client".to_owned(),
        );
    };
    let to = match to {
        None => None,
        Some(given) => match client.post_logout_redirect_uris.iter().find(|uri| uri.as_str() == given) {
            Some(uri) => Some(uri.clone()),
            None => {
                return LogoutDecision::Wrong(
                    "invalid_request: post_logout_redirect_uri is not registered for this client".to_owned(),
                );
            }
        },
    };
    let state = to.as_ref().and_then(|_| params.get("state")).map(str::to_owned);
    let same_person =
        session.is_none_or(|session| claims["sub"] == oidc.subject_ids.of(&client, &session.person_id));
    let farewell = PostLogout { client: Some(client), to, state };
    if same_person { LogoutDecision::AtOnce(farewell) } else { LogoutDecision::Ask(farewell) }
}

/// Ends a session and tells the services that were told of it.
///
/// # Errors
/// [`ServiceError`] when a store is away; then the session goes on.
pub async fn end(oidc: &Oidc, session: Digest) -> Result<(), ServiceError> {
    if let Some(ended) = oidc.sessions.end(session).await? {
        oidc.logout.tell(oidc, &ended);
    }
    Ok(())
}

/// What a confirmation form must hold: it proves that the form was shown to this session.
pub fn confirm_token(mac: &Mac, session: &Digest) -> String {
    mac.digest(&[b"sign-out", &session.0]).encode()
}
