//! The redirect URI, and what only a proven one makes possible: telling the client what happened.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::{PageError, Rejection, ResponseMode, request_object};
use crate::clients::{Client, RedirectUri};
use crate::oidc::error::{ErrorCode, OAuthError};
use crate::platform::web::params::Params;

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
        let registered = client.redirects.find(target.uri.as_str());
        registered.map(|_| Self { client: Arc::clone(client), target: target.clone() })
    }

    /// An error for the client.
    pub(crate) fn reject(&self, error: OAuthError) -> Rejection {
        Rejection::Client(Box::new(ClientError { redirect: self.clone(), error }))
    }
}

/// RFC 9700 §4.1.3: exact string comparison with the registered URIs, RFC 8252 §7.3: but for the port of an app's loopback
/// address; OpenID Connect Core §3.1.2.1: it is required.
///
/// # Errors
/// What is wrong with it.
pub(super) fn registered(client: &Client, params: &Params) -> Result<RedirectUri, &'static str> {
    if params.is_repeated("redirect_uri") {
        return Err("redirect_uri is repeated");
    }
    let given = params.get("redirect_uri").ok_or("redirect_uri is missing")?;
    client
        .redirects
        .find(given)
        .ok_or("redirect_uri is not registered for this client, character for character")
}

/// Where a redirect URI that was sent differs from the registered one that is most like it: one character of each, so that
/// nothing else of what was sent is told.
pub(super) fn difference(client: &Client, params: &Params) -> Option<String> {
    let given = params.get("redirect_uri")?;
    let same = |registered: &str| registered.bytes().zip(given.bytes()).take_while(|(a, b)| a == b).count();
    let registered = client.redirects.redirect_uris.iter().map(RedirectUri::as_str);
    let nearest = registered.max_by_key(|registered| same(registered))?;
    let at = same(nearest);
    let sign = |text: &str| match text.as_bytes().get(at) {
        None => "nothing more".to_owned(),
        Some(sign) if sign.is_ascii_graphic() && !b"\"\\<>&".contains(sign) => {
            format!("`{}`", char::from(*sign))
        }
        Some(_) => "another sign".to_owned(),
    };
    Some(format!(
        "the nearest registered one has {} at character {}, where {} was sent",
        sign(nearest),
        at + 1,
        sign(given)
    ))
}

/// The redirect of a request, with what an answer to it contains and how it travels.
pub(super) fn verify(client: Arc<Client>, params: &Params) -> Result<VerifiedRedirect, Rejection> {
    let uri = registered(&client, params).map_err(|technical| {
        let difference = difference(&client, params).map(|difference| format!("; {difference}"));
        let technical = format!("invalid redirect_uri: {technical}{}", difference.unwrap_or_default());
        Rejection::Page(PageError::BadReturnAddress, technical)
    })?;
    let inside = request_object::answer_wanted(params);
    let state = params.get("state").map(str::to_owned).or(inside.state);
    let state = state.filter(|_| !params.is_repeated("state"));
    let wanted = params.get("response_mode").or(inside.response_mode.as_deref());
    // What is refused for its mode is told in the one that the response type has by itself.
    let mode = wanted.and_then(ResponseMode::parse).unwrap_or(ResponseMode::Query);
    let signed = client.requests.signed_answers;
    let unsigned = signed && wanted.is_some() && !mode.is_signed();
    let mode = if signed { mode.signed() } else { mode };
    let mut redirect = VerifiedRedirect { client, target: RedirectTarget { uri, mode, state } };
    let invalid = |description| OAuthError::new(ErrorCode::InvalidRequest, description);
    if params.get("response_mode").is_some_and(|word| ResponseMode::parse(word).is_none()) {
        return Err(redirect.reject(invalid(
            "response_mode must be query, fragment, form_post, jwt, query.jwt, fragment.jwt or form_post.jwt",
        )));
    }
    if unsigned {
        return Err(redirect
            .reject(invalid("this client gets signed answers: response_mode must be jwt or end with .jwt")));
    }
    if redirect.state().is_some_and(|state| state.len() > LONGEST_STATE) {
        redirect.target.state = None;
        return Err(redirect.reject(invalid("state is too long")));
    }
    Ok(redirect)
}
