//! `/`: what Yagona is, and signing out for who is signed in.

use actix_web::http::StatusCode;
use actix_web::web::Data;
use actix_web::{HttpRequest, HttpResponse};

use super::Pages;
use super::consent::person_name;
use super::view::WelcomePage;
use crate::oidc;
use crate::platform::service_error::ServiceError;
use crate::platform::web::frame::{Frame, LanguageLink};
use crate::platform::web::locale::Language;
use crate::platform::web::page_context::PageContext;
use crate::platform::web::params::Params;
use crate::platform::web::respond::{self, CspSources};
use crate::sign_in::SessionId;

/// Shows the page.
pub async fn get(pages: Data<Pages>, request: HttpRequest) -> HttpResponse {
    let query = Params::parse(request.query_string()).unwrap_or_default();
    let chosen = query.get("lang").and_then(Language::parse);
    let context = PageContext::new(&request, pages.oidc.cookies, chosen.map(Language::tag));
    match show(&pages, &context).await {
        Ok(response) => match chosen {
            Some(language) => {
                let cookies = pages.oidc.cookies.set(Language::COOKIE, language.tag(), Some(365 * 86_400));
                respond::with_cookies(response, cookies)
            }
            None => response,
        },
        Err(fault) => context.failure(&fault),
    }
}

async fn show(pages: &Pages, context: &PageContext<'_>) -> Result<HttpResponse, ServiceError> {
    let cookie = pages.oidc.cookies.read(context.request, SessionId::COOKIE).and_then(SessionId::parse);
    let mut signed_in_as = None;
    let mut action = String::new();
    if let Some(id) = cookie
        && let Some(session) = pages.oidc.sessions.find(id.digest()).await?
        && let Some(account) = pages.oidc.release.people().find(&session.person_id).await?
    {
        signed_in_as = Some(person_name(&account, context.language));
        let token = oidc::confirm_token(&pages.sign_out, &id.digest());
        action = format!("/sign-out?confirm={token}&lang={}", context.language.tag());
    }
    let languages = Language::ALL
        .into_iter()
        .map(|language| LanguageLink {
            language,
            href: format!("/?lang={}", language.tag()),
            current: language == context.language,
        })
        .collect();
    let page = WelcomePage {
        frame: Frame { text: context.text(), service: None, languages, form_action: &action },
        signed_in_as,
    };
    Ok(respond::page(StatusCode::OK, &page, &CspSources::default()))
}
