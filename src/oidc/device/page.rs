//! `/device` (RFC 8628 §3.3): the person enters the code that the device shows, sees which service asks and where that began, and
//! only then signs in.
//!
//! A code in the address (`verification_uri_complete`, §3.3.1) is only typed for the person, who may have been sent the
//! address by a stranger: nothing goes on without the two buttons, and the page says what to look at (§5.4). Codes that do
//! not exist, have expired or are being used look the same.

use actix_web::http::StatusCode;
use actix_web::web::{Bytes, Data};
use actix_web::{HttpRequest, HttpResponse};
use askama::Template;
use serde_json::value::to_raw_value;

use super::answer::ReplyState;
use super::user_code::UserCode;
use super::{Asked, Devices};
use crate::clients::DataRequest;
use crate::oidc::claims::{ClaimsRequest, requested};
use crate::oidc::paths;
use crate::platform::ephemeral::EphemeralKey;
use crate::platform::service_error::ServiceError;
use crate::platform::telemetry::client_of;
use crate::platform::web::cookies::Cookies;
use crate::platform::web::frame::{Frame, LanguageLink};
use crate::platform::web::page_context::{PageContext, Problem};
use crate::platform::web::params::Params;
use crate::platform::web::problem::ProblemKind;
use crate::platform::web::respond::{self, CspSources};
use crate::sign_in::{AskAgain, Means, Protocol, Reply, SignInRequest, WINDOWS, reachable};

/// Codes that may be entered at one address (IPv6: its /64) in [`WINDOW`]: few enough that 34 bits are not guessed, and
/// enough for those who share an address.
const MOST_ENTERED: u64 = 100;

/// Seconds in which they are counted.
const WINDOW: i64 = 300;

/// Asks for the code.
#[derive(Template)]
#[template(path = "oidc/device.html")]
pub(super) struct EnterPage<'a> {
    pub(super) frame: Frame<'a>,
    /// What was typed, or stands in the address.
    pub(super) typed: &'a str,
    /// Whether there is no such code.
    pub(super) wrong: bool,
}

/// Shows who asks.
#[derive(Template)]
#[template(path = "oidc/device_confirm.html")]
pub(super) struct ConfirmPage<'a> {
    pub(super) frame: Frame<'a>,
    /// The code, as the device shows it.
    pub(super) code: &'a str,
    /// The address that the device's request came from.
    pub(super) address: &'a str,
    /// How long ago that was, in words.
    pub(super) ago: &'a str,
}

/// `GET /device`.
pub(in crate::oidc) async fn get(devices: Data<Devices>, request: HttpRequest) -> HttpResponse {
    let query = Params::parse(request.query_string()).unwrap_or_default();
    let context = devices.context(&request, &query);
    // Only what may be a code is typed for the person: nobody's words.
    let typed = query.get("user_code").and_then(UserCode::parse).map(|code| code.shown());
    let page = enter(&context, typed.as_deref().unwrap_or_default(), false);
    context.remember_language(page)
}

/// `POST /device`: a code was entered.
pub(in crate::oidc) async fn post(devices: Data<Devices>, request: HttpRequest, body: Bytes) -> HttpResponse {
    let query = Params::parse(request.query_string()).unwrap_or_default();
    let context = devices.context(&request, &query);
    let answered = devices.entered(&context, &body).await;
    context.or_failure(answered)
}

/// `POST /device/continue`: the person goes on with what the page showed.
pub(in crate::oidc) async fn confirmed(
    devices: Data<Devices>,
    request: HttpRequest,
    body: Bytes,
) -> HttpResponse {
    let query = Params::parse(request.query_string()).unwrap_or_default();
    let context = devices.context(&request, &query);
    let answered = devices.confirmed(&context, &body).await;
    context.or_failure(answered)
}

fn enter(context: &PageContext<'_>, typed: &str, wrong: bool) -> HttpResponse {
    let status = if wrong { StatusCode::UNPROCESSABLE_ENTITY } else { StatusCode::OK };
    let action = format!("{}?lang={}", paths::DEVICE, context.language.tag());
    let languages = LanguageLink::all(context.language, |language| {
        let code = if typed.is_empty() { String::new() } else { format!("user_code={typed}&") };
        format!("{}?{code}lang={}", paths::DEVICE, language.tag())
    });
    // What was typed and is no code is shown in its field, and never part of an address.
    let languages = if wrong { Vec::new() } else { languages };
    let frame = Frame { form_action: &action, ..context.frame(None, languages) };
    respond::page(status, &EnterPage { frame, typed, wrong }, &CspSources::default())
}

impl Devices {
    fn context<'r>(&self, request: &'r HttpRequest, query: &Params) -> PageContext<'r> {
        let cookies = Cookies { https: self.provider.issuer.starts_with("https:") };
        PageContext::new(request, cookies, query.get("lang"))
    }

    async fn entered(&self, context: &PageContext<'_>, body: &[u8]) -> Result<HttpResponse, ServiceError> {
        let (typed, code) = match self.form(context, body).await? {
            Ok(form) => form,
            Err(instead) => return Ok(instead),
        };
        let Some(code) = code else { return Ok(enter(context, &typed, true)) };
        let Some(asked) = self.find(&code).await? else { return Ok(enter(context, &typed, true)) };
        let Some(client) = self.provider.clients.find(&asked.client_id).filter(|client| !client.disabled)
        else {
            return Ok(enter(context, &typed, true));
        };
        let action = format!("{}?lang={}", paths::DEVICE_CONTINUE, context.language.tag());
        let frame = context.frame(Some(client.shown(context.language)), Vec::new());
        let frame = Frame { form_action: &action, ..frame };
        let seconds = self.provider.clock.now().since(asked.began).max(0);
        let ago = context.text().lasting(u32::try_from(seconds).unwrap_or(u32::MAX).max(1));
        let (code, address) = (code.shown(), asked.address.as_str());
        let page = ConfirmPage { frame, code: &code, address, ago: &ago };
        Ok(respond::page(StatusCode::OK, &page, &CspSources::default()))
    }

    async fn confirmed(&self, context: &PageContext<'_>, body: &[u8]) -> Result<HttpResponse, ServiceError> {
        let (typed, code) = match self.form(context, body).await? {
            Ok(form) => form,
            Err(instead) => return Ok(instead),
        };
        let Some(code) = code else { return Ok(enter(context, &typed, true)) };
        let session = self.sign_in.sessions.of_browser(context.request, context.cookies).await?;
        // From here on the code is this browser's.
        let Some(asked) = self.take(&code).await? else { return Ok(enter(context, &typed, true)) };
        let Some(client) = self.provider.clients.find(&asked.client_id).filter(|client| !client.disabled)
        else {
            return Ok(enter(context, &typed, true));
        };
        let until = asked.expires_at;
        let request = neutral(&client, &asked)?;
        let begun =
            self.sign_in.begin(context, (&client, &self.provider.subject_ids), request, session, Some(until));
        begun.ok_or_else(|| ServiceError::Internal("a device's request is too large".to_owned()))
    }

    /// What a form of this page holds, unless there were too many from there or it is none of ours.
    async fn form(
        &self,
        context: &PageContext<'_>,
        body: &[u8],
    ) -> Result<Result<(String, Option<UserCode>), HttpResponse>, ServiceError> {
        let problem = |kind| Ok(Err(context.problem(kind, &Problem::default())));
        if !respond::is_same_origin(context.request, &self.origin) {
            return problem(ProblemKind::BadRequest);
        }
        let Ok(form) = Params::of_form(context.request, body) else {
            return problem(ProblemKind::BadRequest);
        };
        let address = client_of(context.request).network().to_string();
        let network = self.networks.digest(&[b"user-code", address.as_bytes()]).encode();
        let window = EphemeralKey::of(WINDOWS, &format!("user-code/{network}"));
        if self.ephemeral.count(window, WINDOW).await? > MOST_ENTERED {
            let problem = Problem { retry_after: Some(WINDOW), ..Problem::default() };
            return Ok(Err(context.problem(ProblemKind::TooManyRequests, &problem)));
        }
        let typed = form.get("user_code").unwrap_or_default().chars().take(64).collect::<String>();
        let code = UserCode::parse(&typed);
        Ok(Ok((typed, code)))
    }
}

/// What the device asks, in words that no protocol owns. The browser goes back to no service.
fn neutral(client: &crate::clients::Client, asked: &Asked) -> Result<SignInRequest, ServiceError> {
    let state =
        ReplyState { device: asked.device, scopes: asked.scopes.clone(), expires_at: asked.expires_at };
    let state = to_raw_value(&state).map_err(|error| ServiceError::Internal(error.to_string()))?;
    let offline = asked.scopes.iter().any(|scope| scope == "offline_access");
    let sets = requested(&asked.scopes, &ClaimsRequest::default());
    Ok(SignInRequest {
        client_id: client.id.clone(),
        data: DataRequest::allowed(client, &sets, offline),
        // Whoever typed a code that a stranger sent is to notice before the stranger's device is in: no session and nothing
        // on record, not even a law, lets a device in without a code from an SMS and a page.
        ask_again: AskAgain { sign_in: true, consent: true, decision: true },
        max_age: client.sessions.default_max_age,
        acr: reachable(&Means::OFFERED, client),
        expected_sub: None,
        return_to: None,
        reply: Reply { protocol: Protocol::Device, state },
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::platform::web::markup::{assert_sound, has_id};
    use crate::platform::web::site::Site;
    use crate::platform::web::{locale::Language, text::Text};

    #[test]
    fn the_pages_are_sound_in_every_language_whatever_is_typed() {
        let site = Box::leak(Box::new(Site::default()));
        let hostile = r#""><script>alert('x')</script>"#;
        for language in Language::ALL {
            let frame = || Frame {
                text: Text::new(language),
                site,
                service: None,
                languages: Vec::new(),
                form_action: "/device",
            };
            for (typed, wrong) in [("", false), ("WDJB-MJHT", false), (hostile, true)] {
                let html = EnterPage { frame: frame(), typed, wrong }.render().unwrap();
                assert_sound(&html, language);
                assert!(has_id(&html, "user-code") && has_id(&html, "continue"));
                assert_eq!(has_id(&html, "error"), wrong);
            }
            let page = ConfirmPage { frame: frame(), code: "WDJB-MJHT", address: hostile, ago: hostile };
            let html = page.render().unwrap();
            assert_sound(&html, language);
            assert!(has_id(&html, "continue") && has_id(&html, "leave"));
        }
    }
}
