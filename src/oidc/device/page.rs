//! `/device` (RFC 8628 §3.3): the person enters the code that the device shows, sees which service asks and where that began, and
//! only then signs in.
//!
//! A code in the address (`verification_uri_complete`, §3.3.1) is only typed for the person, who may have been sent the
//! address by a stranger: nothing goes on without the two buttons, and the page says what to look at (§5.4). Codes that do
//! not exist, have expired or are being used look the same.

use std::sync::Arc;

use actix_web::http::StatusCode;
use actix_web::web::{Bytes, Data};
use actix_web::{HttpRequest, HttpResponse};
use askama::Template;
use serde_json::value::to_raw_value;

use super::answer::ReplyState;
use super::limits::Caps;
use super::{Asked, Devices, UserCode};
use crate::audit::{Event, Kind};
use crate::clients::{Client, DataRequest};
use crate::oidc::claims::{ClaimsRequest, requested};
use crate::oidc::paths;
use crate::platform::ephemeral::Version;
use crate::platform::service_error::ServiceError;
use crate::platform::web::cookies::Cookies;
use crate::platform::web::frame::{Frame, LanguageLink};
use crate::platform::web::page_context::{PageContext, Problem};
use crate::platform::web::params::Params;
use crate::platform::web::problem::ProblemKind;
use crate::platform::web::respond::{self, CspSources};
use crate::sign_in::{AskAgain, Beginning, BrowserId, Means, Protocol, Reply, SignInRequest, reachable};

/// Codes that stand for nothing and may be entered in [`WINDOW`]: few enough that 34 bits are not guessed, and enough for
/// the slips of those who share an address.
const WRONG: Caps = Caps { address: 100, site: 400, region: 1000, provider: 4000, named: 4000 };

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
    // What was typed and is no code is shown in its field, and never part of an address.
    let frame = context.frame(None, languages(context, if wrong { "" } else { typed }));
    let frame = Frame { form_action: &action, ..frame };
    respond::page(status, &EnterPage { frame, typed, wrong }, &CspSources::default())
}

/// The page in other languages, where a code stays typed.
fn languages(context: &PageContext<'_>, code: &str) -> Vec<LanguageLink> {
    LanguageLink::all(context.language, |language| {
        let code = if code.is_empty() { String::new() } else { format!("user_code={code}&") };
        format!("{}?{code}lang={}", paths::DEVICE, language.tag())
    })
}

impl Devices {
    fn context<'r>(&self, request: &'r HttpRequest, query: &Params) -> PageContext<'r> {
        let cookies = Cookies { https: self.provider.issuer.starts_with("https:") };
        PageContext::new(request, cookies, query.get("lang"))
    }

    async fn entered(&self, context: &PageContext<'_>, body: &[u8]) -> Result<HttpResponse, ServiceError> {
        let browser = context.cookies.read(context.request, BrowserId::COOKIE).and_then(BrowserId::parse);
        let found = match self.form(context, body) {
            Ok(typed) => self.asked(context, &typed, browser.as_ref()).await?,
            Err(instead) => return Ok(instead),
        };
        let Found { code, asked, client, .. } = match found {
            Ok(found) => found,
            Err(instead) => return Ok(instead),
        };
        let action = format!("{}?lang={}", paths::DEVICE_CONTINUE, context.language.tag());
        let code = code.shown();
        let frame = context.frame(Some(client.shown(context.language)), languages(context, &code));
        let frame = Frame { form_action: &action, ..frame };
        let seconds = self.provider.clock.now().since(asked.began).max(0);
        let ago = context.text().lasting(u32::try_from(seconds).unwrap_or(u32::MAX).max(1));
        let address = asked.address.as_str();
        let page = ConfirmPage { frame, code: &code, address, ago: &ago };
        let response = respond::page(StatusCode::OK, &page, &CspSources::default());
        if browser.is_some() {
            return Ok(response);
        }
        // What takes the code next is known by this, and may come back to it.
        let browser = BrowserId::random();
        let cookies = context.cookies.set(BrowserId::COOKIE, browser.as_str(), Some(BrowserId::SECONDS));
        Ok(respond::with_cookies(response, cookies))
    }

    async fn confirmed(&self, context: &PageContext<'_>, body: &[u8]) -> Result<HttpResponse, ServiceError> {
        let typed = match self.form(context, body) {
            Ok(typed) => typed,
            Err(instead) => return Ok(instead),
        };
        let browser = context.cookies.read(context.request, BrowserId::COOKIE).and_then(BrowserId::parse);
        let Some(browser) = browser else {
            return Ok(context.problem(ProblemKind::OtherBrowser, &Problem::default()));
        };
        let Found { code, asked, seen, client } = match self.asked(context, &typed, Some(&browser)).await? {
            Ok(found) => found,
            Err(instead) => return Ok(instead),
        };
        // From here on the code is this browser's, which may come back to it until the person has decided.
        if !self.take(&code, &browser.digest(), (&asked, seen)).await? {
            return Ok(enter(context, &typed, true));
        }
        let too_large = "a device's request is too large";
        let beginning = Beginning {
            client: &client,
            subject_ids: &self.provider.subject_ids,
            request: neutral(&client, &self.provider.offered, &code, &asked)?,
            // No session lets a device in.
            session: None,
            until: Some(asked.expires_at),
            hint: None,
            scope: None,
            too_large,
        };
        let begun = self.sign_in.begin(context, beginning);
        begun.ok_or_else(|| ServiceError::Internal(too_large.to_owned()))
    }

    /// What was typed into a form of this page.
    ///
    /// # Errors
    /// The answer, when it is none of ours.
    fn form(&self, context: &PageContext<'_>, body: &[u8]) -> Result<String, HttpResponse> {
        let bad = || context.problem(ProblemKind::BadRequest, &Problem::default());
        if !respond::is_same_origin(context.request, &self.origin) {
            return Err(bad());
        }
        let form = Params::of_form(context.request, body).map_err(|_| bad())?;
        Ok(form.get("user_code").unwrap_or_default().chars().take(64).collect())
    }

    /// What a typed code stands for at this browser; or the answer, when it stands for nothing, or too many such codes came from
    /// there. Only those are counted: whoever types the right code takes nothing from their neighbours.
    async fn asked(
        &self,
        context: &PageContext<'_>,
        typed: &str,
        browser: Option<&BrowserId>,
    ) -> Result<Result<Found, HttpResponse>, ServiceError> {
        // What cannot be a code guesses none.
        let Some(code) = UserCode::parse(typed) else { return Ok(Err(enter(context, typed, true))) };
        let browser = browser.map(BrowserId::digest);
        let found = self.find(&code, browser.as_ref()).await?.and_then(|(asked, seen)| {
            let client = self.provider.clients.find(&asked.client_id).filter(|client| !client.disabled)?;
            Some((asked, seen, client))
        });
        let wrong = u64::from(found.is_none());
        let windows = self.windows(context.request, "user-code", &WRONG);
        let counted: Vec<_> = windows.iter().map(|(key, _)| (*key, WINDOW, wrong)).collect();
        let counts = self.ephemeral.count_all(&counted).await?;
        // This one included, if it is wrong; a right one is not looked at where the next wrong one would be too many.
        let over = counts.iter().zip(&windows).any(|(count, (_, cap))| *count + (1 - wrong) > *cap);
        if over {
            self.record_code(found.as_ref().map(|(_, _, client)| client), "limited");
            let problem = Problem { retry_after: Some(WINDOW), ..Problem::default() };
            return Ok(Err(context.problem(ProblemKind::TooManyRequests, &problem)));
        }
        let Some((asked, seen, client)) = found else {
            self.record_code(None, "wrong");
            return Ok(Err(enter(context, typed, true)));
        };
        Ok(Ok(Found { code, asked, seen, client }))
    }

    /// Records that a code was not accepted, without the code.
    fn record_code(&self, client: Option<&Arc<Client>>, reason: &'static str) {
        self.provider.metrics.sign_ins("device", reason).inc();
        let event = Event::new(Kind::UserCodeRefused).reason(reason);
        self.provider.audit.record(match client {
            Some(client) => event.client(client.id.as_str()),
            None => event,
        });
    }
}

/// What a code stands for.
struct Found {
    code: UserCode,
    asked: Asked,
    seen: Version,
    client: Arc<Client>,
}

/// What the device asks, in words that no protocol owns. The browser goes back to no service.
fn neutral(
    client: &Client,
    offered: &[Means],
    code: &UserCode,
    asked: &Asked,
) -> Result<SignInRequest, ServiceError> {
    let state = ReplyState {
        device: asked.device,
        code: code.as_str().to_owned(),
        scopes: asked.scopes.clone(),
        resources: asked.resources.clone(),
        expires_at: asked.expires_at,
    };
    let state = to_raw_value(&state).map_err(|error| ServiceError::Internal(error.to_string()))?;
    let offline = asked.scopes.iter().any(|scope| scope == "offline_access");
    let sets = requested(&asked.scopes, &ClaimsRequest::default());
    Ok(SignInRequest {
        client_id: client.id.clone(),
        data: DataRequest { details: asked.details.clone(), ..DataRequest::allowed(client, &sets, offline) },
        // Whoever typed a code that a stranger sent is to notice before the stranger's device is in: no session and nothing
        // on record, not even a law, lets a device in without a code from an SMS and a page.
        application: None,
        ask_again: AskAgain { sign_in: true, consent: true, decision: true },
        max_age: client.sessions.default_max_age,
        acr: reachable(offered, client),
        represents: false,
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
