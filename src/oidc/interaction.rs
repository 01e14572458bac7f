//! Whether a request can rest on the browser's session: the reasons to ask the person to prove themselves, as a list.

use super::Oidc;
use super::error::ErrorCode;
use super::request::{AuthorizationRequest, Prompt};
use crate::clients::Client;
use crate::platform::clock::Timestamp;
use crate::platform::service_error::ServiceError;
use crate::release::{Decision, decide};
use crate::sign_in::{Authenticated, Session};

/// What a client that forbade questions is told (OpenID Connect Core §3.1.2.6).
pub type SilentError = (ErrorCode, &'static str);

/// The session's person, if the request may rest on it.
pub fn known(
    oidc: &Oidc,
    client: &Client,
    request: &AuthorizationRequest,
    session: Option<(&Session, Authenticated)>,
) -> Option<Authenticated> {
    let now = oidc.clock.now();
    let (session, authenticated) = session?;
    let bounds = oidc.sessions.bounds.tightened(client.session_idle_max, client.session_absolute_max);
    let must_sign_in = [
        // The client may be stricter than the provider about sessions.
        !session.holds(bounds, now),
        request.prompt.contains(&Prompt::Login),
        is_too_old(request, session.auth_time, now),
        // The client means somebody else.
        request.subject.as_ref().is_some_and(|sub| *sub != oidc.subject_ids.of(client, &session.person_id)),
    ];
    (!must_sign_in.contains(&true)).then_some(authenticated)
}

/// What may be answered without a question (`prompt=none`).
///
/// # Errors
/// [`ServiceError`] when a store is away.
pub async fn silently(
    oidc: &Oidc,
    client: &Client,
    request: &AuthorizationRequest,
    known: Option<&Authenticated>,
) -> Result<Result<Decision, SilentError>, ServiceError> {
    const NOT_SIGNED_IN: SilentError =
        (ErrorCode::LoginRequired, "the person is not signed in, or not recently enough");
    let Some(authenticated) = known else { return Ok(Err(NOT_SIGNED_IN)) };
    let Some(subject) = oidc.release.consent_context(&authenticated.person_id, client).await? else {
        return Ok(Err(NOT_SIGNED_IN));
    };
    Ok(
        match decide(
            client,
            &request.release.available(&subject.account),
            subject.consent.as_ref(),
            oidc.clock.now(),
        ) {
            Decision::Ask => Err((ErrorCode::ConsentRequired, "the person has not consented")),
            decision => Ok(decision),
        },
    )
}

/// OpenID Connect Core §3.1.2.1: `max_age=0` is like `prompt=login`. Both moments are cut to whole seconds, and only this
/// comparison never lets more than `max_age` pass.
fn is_too_old(request: &AuthorizationRequest, auth_time: Timestamp, now: Timestamp) -> bool {
    request.max_age.is_some_and(|most| now.since(auth_time) >= most)
}
