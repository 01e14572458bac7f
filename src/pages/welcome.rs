//! `/`: what Yagona is, and signing out for who is signed in.

use actix_web::http::StatusCode;
use actix_web::web::Data;
use actix_web::{HttpRequest, HttpResponse};

use super::Pages;
use super::data::person_name;
use super::view::WelcomePage;
use crate::platform::service_error::ServiceError;
use crate::platform::web::frame::{Frame, LanguageLink};
use crate::platform::web::page_context::PageContext;
use crate::platform::web::respond::{self, CspSources};

/// Shows the page.
pub(super) async fn get(pages: Data<Pages>, request: HttpRequest) -> HttpResponse {
    let context = PageContext::new(&request, pages.cookies, None);
    let response = context.or_failure(show(&pages, &context).await);
    context.remember_language(response)
}

async fn show(pages: &Pages, context: &PageContext<'_>) -> Result<HttpResponse, ServiceError> {
    let mut signed_in_as = None;
    let mut action = String::new();
    if let Some(open) = pages.sign_in.sessions.of_browser(context.request, pages.cookies).await?
        && let Some(account) = pages.release.people().find(&open.session.person_id).await?
        && open.is_of(&account.account_state)
    {
        signed_in_as = Some(person_name(&account, context.language));
        let token = pages.sign_out.confirm_token(&open.digest);
        action = format!("/sign-out?confirm={token}&lang={}", context.language.tag());
    }
    let languages = LanguageLink::all(context.language, |language| format!("/?lang={}", language.tag()));
    let page = WelcomePage {
        frame: Frame { form_action: &action, ..context.frame(None, languages) },
        signed_in_as,
        registers: pages.sign_in.settings.registers,
    };
    Ok(respond::page(StatusCode::OK, &page, &CspSources::default()))
}
