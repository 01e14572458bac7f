//! The authorization request, with PKCE (S256), `state` and `nonce`, stored under
//! its `state` and bound to the browser by a cookie. Also reached by third parties through `initiate_login_uri`
//! (OpenID Connect Core 1.0 §4), by GET and by POST.

use actix_web::http::header;
use actix_web::{Error, HttpRequest, HttpResponse, web};
use openidconnect::core::{CoreAuthPrompt, CoreAuthenticationFlow};
use openidconnect::{
    CsrfToken, LanguageTag, LoginHint, Nonce, PkceCodeChallenge, PkceCodeVerifier, RedirectUrl, Scope,
};
use serde::Deserialize;

use super::page::{self, Problem};
use super::provider::{self, Metadata};
use super::sessions::Arrival;
use super::{Portal, cookies, now, random_id};

/// Maximum length of a `login_hint` or language list of a link.
const MAX_PARAMETER_CHARS: usize = 200;

/// Parameters of a link to `/sign-in/{index}`; others are ignored.
#[derive(Default, Deserialize)]
pub(super) struct Wishes {
    /// Named by a third party that initiates the sign-in; must be this portal's provider.
    iss: Option<String>,
    login_hint: Option<String>,
    ui_locales: Option<String>,
    prompt: Option<String>,
}

type Asked<T> = Result<T, Error>;

pub(super) async fn by_link(
    portal: web::Data<Portal>,
    index: web::Path<usize>,
    wishes: Asked<web::Query<Wishes>>,
    request: HttpRequest,
) -> HttpResponse {
    begin(&portal, *index, wishes.map(web::Query::into_inner), &request).await
}

pub(super) async fn by_form(
    portal: web::Data<Portal>,
    index: web::Path<usize>,
    wishes: Asked<web::Form<Wishes>>,
    request: HttpRequest,
) -> HttpResponse {
    begin(&portal, *index, wishes.map(web::Form::into_inner), &request).await
}

async fn begin(portal: &Portal, index: usize, wishes: Asked<Wishes>, request: &HttpRequest) -> HttpResponse {
    let Ok(wishes) = wishes else { return page::problem(portal, index, request, Problem::BrokenLink) };
    if portal.party(index).is_none() {
        return page::nothing_here(portal, request);
    }
    if wishes.iss.as_deref().is_some_and(|iss| iss != portal.provider.issuer().as_str()) {
        return page::problem(portal, index, request, Problem::ForeignIssuer);
    }
    let Ok(metadata) = portal.provider.metadata(now()).await else {
        return page::problem(portal, index, request, Problem::Unreachable);
    };
    // One cookie for all tabs of a browser: each tab's sign-in has its own `state`.
    let browser = cookies::read(request, cookies::BROWSER).map_or_else(random_id, str::to_owned);
    match authorization_url(portal, &metadata, index, &wishes, &browser) {
        Some(url) => HttpResponse::SeeOther()
            .insert_header((header::LOCATION, url))
            .insert_header((header::CACHE_CONTROL, "no-store"))
            .insert_header((header::REFERRER_POLICY, "no-referrer"))
            .insert_header((header::SET_COOKIE, cookies::set(cookies::BROWSER, &browser, portal.is_https())))
            .finish(),
        None => page::nothing_here(portal, request),
    }
}

fn authorization_url(
    portal: &Portal,
    metadata: &Metadata,
    index: usize,
    wishes: &Wishes,
    browser: &str,
) -> Option<String> {
    let party = portal.party(index)?;
    let client = provider::client(metadata, party, redirect_uri(portal, index)?);
    let (challenge, verifier) = PkceCodeChallenge::new_random_sha256();
    let mut request = client
        .authorize_url(
            CoreAuthenticationFlow::AuthorizationCode,
            || CsrfToken::new(random_id()),
            || Nonce::new(random_id()),
        )
        .set_pkce_challenge(challenge);
    for scope in party.scopes.iter().filter(|scope| *scope != "openid") {
        request = request.add_scope(Scope::new(scope.clone()));
    }
    if let Some(hint) = bounded(wishes.login_hint.as_deref()).or(portal.login_hint.as_deref()) {
        request = request.set_login_hint(LoginHint::new(hint.to_owned()));
    }
    for language in bounded(wishes.ui_locales.as_deref()).unwrap_or_default().split_whitespace() {
        request = request.add_ui_locale(LanguageTag::new(language.to_owned()));
    }
    for prompt in
        bounded(wishes.prompt.as_deref()).unwrap_or_default().split_whitespace().filter_map(known_prompt)
    {
        request = request.add_prompt(prompt);
    }
    let (url, state, nonce) = request.url();
    remember(portal, index, browser, (state, nonce, verifier));
    Some(url.into())
}

fn remember(portal: &Portal, party: usize, browser: &str, secrets: (CsrfToken, Nonce, PkceCodeVerifier)) {
    let (state, nonce, verifier) = secrets;
    let arrival = Arrival {
        party,
        browser: browser.to_owned(),
        nonce: nonce.secret().clone(),
        verifier: verifier.into_secret(),
    };
    portal.arrivals.begin(state.into_secret(), arrival);
}

/// The redirect URI of this service.
pub(super) fn redirect_uri(portal: &Portal, index: usize) -> Option<RedirectUrl> {
    RedirectUrl::new(portal.url(&format!("/callback/{index}"))).ok()
}

fn bounded(value: Option<&str>) -> Option<&str> {
    value.filter(|text| !text.is_empty() && text.chars().count() <= MAX_PARAMETER_CHARS)
}

fn known_prompt(word: &str) -> Option<CoreAuthPrompt> {
    match word {
        "none" => Some(CoreAuthPrompt::None),
        "login" => Some(CoreAuthPrompt::Login),
        "consent" => Some(CoreAuthPrompt::Consent),
        "select_account" => Some(CoreAuthPrompt::SelectAccount),
        _ => None,
    }
}
