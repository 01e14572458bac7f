//! The redirect URI, and what only a proven one makes possible: telling the client what happened.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::{PageError, Rejection, request_object};
use crate::clients::{Client, RedirectUri};
use crate::oidc::error::{ErrorCode, OAuthError};
use crate::platform::web::params::Params;

/// How the answer travels.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum ResponseMode {
    /// In the redirect URI's query (OAuth 2.0 Multiple Response Type Encoding Practices §2.1).
    Query,
    /// In a form posted by the browser (OAuth 2.0 Form Post Response Mode).
    FormPost,
}

/// A redirect URI that the client registered, with what an answer to it must contain. Only [`verify`] makes one from a
/// request, and [`VerifiedRedirect::restore`] from an attempt that was begun with one.
#[derive(Clone, Debug)]
pub(crate) struct VerifiedRedirect {
    client: Arc<Client>,
    target: RedirectTarget,
}

/// A verified redirect as an attempt keeps it.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct RedirectTarget {
    uri: RedirectUri,
    mode: ResponseMode,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    state: Option<String>,
}

/// An error that goes back to the client through the browser. Only a proven redirect URI makes one.
#[derive(Debug)]
pub(crate) struct ClientError {
    /// Where to.
    pub redirect: VerifiedRedirect,
    /// What.
    pub error: OAuthError,
}

/// Longest `state` that is accepted, in bytes; a longer one is refused, never cut.
const LONGEST_STATE: usize = 2048;

impl VerifiedRedirect {
    /// Whose it is.
    pub(crate) fn client(&self) -> &Arc<Client> {
        &self.client
    }

    /// Where to.
    pub(crate) fn uri(&self) -> &RedirectUri {
        &self.target.uri
    }

    /// How.
    pub(crate) fn mode(&self) -> ResponseMode {
        self.target.mode
    }

    /// The client's state, as it came.
    pub(crate) fn state(&self) -> Option<&str> {
        self.target.state.as_deref()
    }

    /// The form in which an attempt keeps it.
    pub(crate) fn target(&self) -> &RedirectTarget {
        &self.target
    }

    /// The redirect of an attempt that was begun with one; `None` when the client no longer has that URI.
    pub(crate) fn restore(client: &Arc<Client>, target: &RedirectTarget) -> Option<Self> {
        let registered = client.redirects.redirect_uris.contains(&target.uri);
        registered.then(|| Self { client: Arc::clone(client), target: target.clone() })
    }

    /// An error for the client.
    pub(crate) fn reject(&self, error: OAuthError) -> Rejection {
        Rejection::Client(Box::new(ClientError { redirect: self.clone(), error }))
    }
}

/// RFC 9700 §4.1.3: exact string comparison with the registered URIs; OpenID Connect Core §3.1.2.1: it is required.
pub(super) fn verify(client: Arc<Client>, params: &Params) -> Result<VerifiedRedirect, Rejection> {
    let page = |technical: &str| {
        Rejection::Page(PageError::BadReturnAddress, format!("invalid redirect_uri: {technical}"))
    };
    if params.is_repeated("redirect_uri") {
        return Err(page("redirect_uri is repeated"));
    }
    let given = params.get("redirect_uri").ok_or_else(|| page("redirect_uri is missing"))?;
    let uri = client
        .redirects
        .redirect_uris
        .iter()
        .find(|registered| registered.as_str() == given)
        .ok_or_else(|| page("redirect_uri is not registered for this client, character for character"))?
        .clone();
    let inside = request_object::answer_wanted(params);
    let state = params.get("state").map(str::to_owned).or(inside.state);
    let state = state.filter(|_| !params.is_repeated("state"));
    let mode = match params.get("response_mode").or(inside.response_mode.as_deref()) {
        Some("form_post") => ResponseMode::FormPost,
        _ => ResponseMode::Query,
    };
    let mut redirect = VerifiedRedirect { client, target: RedirectTarget { uri, mode, state } };
    let invalid = |description| OAuthError::new(ErrorCode::InvalidRequest, description);
    if !matches!(params.get("response_mode"), None | Some("query" | "form_post")) {
        return Err(redirect.reject(invalid("response_mode must be query or form_post")));
    }
    if redirect.state().is_some_and(|state| state.len() > LONGEST_STATE) {
        redirect.target.state = None;
        return Err(redirect.reject(invalid("state is too long")));
    }
    Ok(redirect)
}
