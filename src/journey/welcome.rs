//! `/`: what Yagona is, and signing out for who is signed in.

use actix_web::http::StatusCode;
use actix_web::web::Data;
use actix_web::{HttpRequest, HttpResponse};

use super::Journey;
use super::consent::person_name;
use super::view::WelcomePage;
use crate::oidc;
use crate::platform::fault::Fault;
use crate::platform::web::cookies::Name;
use crate::platform::web::frame::{Frame, LanguageLink};
use crate::platform::web::locale::Language;
use crate::platform::web::params::Params;
use crate::platform::web::respond::{self, Reach};
use crate::platform::web::visit::Visit;
use crate::sign_in::SessionId;

/// Shows the page.
pub async fn get(journey: Data<Journey>, request: HttpRequest) -> HttpResponse {
    let query = Params::parse(request.query_string()).unwrap_or_default();
    let chosen = query.get("lang").and_then(Language::parse);
    let visit = Visit::new(&request, journey.oidc.cookies, chosen.map(Language::tag));
    match show(&journey, &visit).await {
        Ok(response) => match chosen {
            Some(language) => {
                let cookies = journey.oidc.cookies.set(Name::Language, language.tag(), Some(365 * 86_400));
                respond::with_cookies(response, cookies)
            }
            None => response,
        },
        Err(fault) => visit.fault(&fault),
    }
}

async fn show(journey: &Journey, visit: &Visit<'_>) -> Result<HttpResponse, Fault> {
    let cookie = journey.oidc.cookies.read(visit.request, Name::Session).and_then(SessionId::parse);
    let mut signed_in_as = None;
    let mut action = String::new();
    if let Some(id) = cookie
        && let Some(session) = journey.oidc.sessions.find(id.digest()).await?
        && let Some(account) = journey.oidc.release.people().find(&session.person_id).await?
    {
        signed_in_as = Some(person_name(&account, visit.language));
        let token = oidc::confirm_token(&journey.sign_out, &id.digest());
        action = format!("/sign-out?confirm={token}&lang={}", visit.language.tag());
    }
    let languages = Language::ALL
        .into_iter()
        .map(|language| LanguageLink {
            language,
            href: format!("/?lang={}", language.tag()),
            current: language == visit.language,
        })
        .collect();
    let page = WelcomePage {
        frame: Frame { text: visit.text(), service: None, languages, form_action: &action },
        signed_in_as,
    };
    Ok(respond::page(StatusCode::OK, &page, &Reach::default()))
}
