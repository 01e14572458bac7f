//! Signing out: here at once, then at the provider (OpenID Connect RP-Initiated Logout 1.0), then back here.

use actix_web::{Error, HttpRequest, HttpResponse, web};
use openidconnect::core::CoreIdToken;
use openidconnect::{ClientId, CsrfToken, LogoutRequest, PostLogoutRedirectUrl};
use serde::Deserialize;

use super::sessions::SignedIn;
use super::{Portal, cookies, now, page, random_id};

/// Parameters of the post-logout redirect (§3).
#[derive(Deserialize)]
pub(super) struct Back {
    state: Option<String>,
}

pub(super) async fn leave(
    portal: web::Data<Portal>,
    index: web::Path<usize>,
    request: HttpRequest,
) -> HttpResponse {
    let index = *index;
    let name = cookies::session_name(index);
    let session = cookies::read(&request, &name).and_then(|id| portal.sessions.end(id, index));
    let Some(session) = session else { return page::to_service(index, &[]) };
    let forget = [cookies::forget(&name, portal.is_https())];
    let url = logout_url(&portal, &session).await;
    page::redirect(url.unwrap_or_else(|| portal.url("/signed-out")), &forget)
}

/// `None` if the provider is unavailable; then only this portal's session has ended.
async fn logout_url(portal: &Portal, session: &SignedIn) -> Option<String> {
    let metadata = portal.provider.metadata(now()).await.ok()?;
    let endpoint = metadata.additional_metadata().end_session_endpoint.clone()?;
    let hint: CoreIdToken = session.id_token.parse().ok()?;
    let back = PostLogoutRedirectUrl::new(portal.url("/signed-out")).ok()?;
    let state = random_id();
    portal.departures.begin(state.clone(), session.party);
    let url = LogoutRequest::from(endpoint)
        .set_id_token_hint(&hint)
        .set_client_id(ClientId::new(portal.party(session.party)?.client_id.clone()))
        .set_post_logout_redirect_uri(back)
        .set_state(CsrfToken::new(state))
        .http_get_url();
    Some(url.into())
}

pub(super) async fn left(
    portal: web::Data<Portal>,
    back: Result<web::Query<Back>, Error>,
    request: HttpRequest,
) -> HttpResponse {
    let state = back.ok().and_then(|back| back.into_inner().state);
    let confirmed = state.and_then(|state| portal.departures.finish(&state));
    page::signed_out(&portal, confirmed.unwrap_or(0), &request, confirmed.is_some())
}
