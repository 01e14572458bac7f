//! The pages: one for each step, each a plain form; whichever address is opened, the page that is due is shown.

use actix_web::http::StatusCode;
use actix_web::web::{Bytes, Data};
use actix_web::{HttpRequest, HttpResponse};
use askama::Template;

use super::code::{RESEND_AFTER, Tried};
use super::draft::{COOKIE, Draft, SECONDS, Sent, State, Ticket};
use super::form::{DOCUMENTS, Form, Typed};
use super::{PATH, SignUp, paths};
use crate::mobile_id::{Field, FieldError};
use crate::platform::service_error::ServiceError;
use crate::platform::telemetry::client_of;
use crate::platform::web::frame::Frame;
use crate::platform::web::page_context::{PageContext, Problem};
use crate::platform::web::params::Params;
use crate::platform::web::problem::ProblemKind;
use crate::platform::web::respond::{self, CspSources};
use crate::sign_in::{ClientNetwork, Limit};

/// How soon a page that waits for registers looks again by itself, in seconds.
const LOOK: u32 = 2;

/// The longest name of a sign-in that is gone back to: it may be sealed in the address.
const LONGEST_BACK: usize = 4400;

/// The form.
#[derive(Template)]
#[template(path = "sign_up/form.html")]
struct FormPage<'a> {
    frame: Frame<'a>,
    typed: Typed,
    documents: Vec<(&'static str, &'static str, bool)>,
    /// Fields that are wrong, with what is wrong.
    wrong: Vec<(&'static str, &'static str)>,
    back: String,
}

impl FormPage<'_> {
    /// What is wrong with a field.
    fn error(&self, name: &str) -> Option<&'static str> {
        self.wrong.iter().find(|(field, _)| *field == name).map(|(_, words)| *words)
    }
}

/// Registers are asked, or said no.
#[derive(Template)]
#[template(path = "sign_up/check.html")]
struct CheckPage<'a> {
    frame: Frame<'a>,
    due: Due,
    back: String,
    look: u32,
}

/// What is due while no code was sent.
enum Due {
    Asking,
    Stopped(Vec<&'static str>),
    Unanswered,
    Limited,
}

/// The code is expected.
#[derive(Template)]
#[template(path = "sign_up/code.html")]
struct CodePage<'a> {
    frame: Frame<'a>,
    number: String,
    lasts: String,
    error: Option<String>,
    /// Seconds until a new code may be asked for; `None` when now.
    resend_in: Option<String>,
    over: bool,
}

/// What came of it.
#[derive(Template)]
#[template(path = "sign_up/done.html")]
struct DonePage<'a> {
    frame: Frame<'a>,
    opened: bool,
    /// Where one signs in.
    go_on: String,
}

impl SignUp {
    fn network(&self, request: &HttpRequest) -> ClientNetwork {
        let digest = |text: &str| self.networks.digest(&[text.as_bytes()]);
        ClientNetwork::of(client_of(request).ip(), &self.sign_in.settings.networks, digest)
    }

    /// A form of these pages; `None` when it is another site's, or none at all.
    fn posted(&self, request: &HttpRequest, body: &[u8]) -> Option<Params> {
        let form = Params::of_form(request, body).ok()?;
        respond::is_same_origin(request, &self.origin).then_some(form)
    }
}

/// What a page of a sign-in calls itself, so that registering leads back to it.
fn back(given: Option<&str>) -> String {
    let given = given.unwrap_or_default();
    let plain = given.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_.~".contains(&byte));
    if plain && given.len() <= LONGEST_BACK { given.to_owned() } else { String::new() }
}

/// `GET /register`: the form.
pub(super) async fn form(own: Data<SignUp>, request: HttpRequest) -> HttpResponse {
    let context = PageContext::new(&request, own.cookies, None);
    if !own.settings.offered {
        return context.problem(ProblemKind::NotFound, &Problem::default());
    }
    let query = Params::parse(request.query_string()).unwrap_or_default();
    let page = form_page(&context, Typed::default(), Vec::new(), back(query.get("t")));
    context.remember_language(page)
}

/// `POST /register`: the form is right in itself, and registers are asked.
pub(super) async fn begin(own: Data<SignUp>, request: HttpRequest, body: Bytes) -> HttpResponse {
    let context = PageContext::new(&request, own.cookies, None);
    if !own.settings.offered {
        return context.problem(ProblemKind::NotFound, &Problem::default());
    }
    let Some(form) = own.posted(&request, &body) else {
        return context.problem(ProblemKind::BadRequest, &Problem::default());
    };
    let network = own.network(&request);
    if !own.sign_in.flood.admits(&network, None, own.sign_in.clock.now()) {
        return too_often(&context, Limit::Forms);
    }
    let answered = begun(&own, &context, &form, network).await;
    context.or_failure(answered)
}

async fn begun(
    own: &SignUp,
    context: &PageContext<'_>,
    form: &Params,
    network: ClientNetwork,
) -> Result<HttpResponse, ServiceError> {
    let (typed, back) = (Typed::of(form), back(form.get("back")));
    let parsed = Form::parse(&typed, own.sign_in.settings.test_numbers);
    let mut wrong: Vec<(Field, FieldError)> = Vec::new();
    let parsed = parsed.map_err(|errors| wrong = errors).ok();
    let agreed = form.get("agree").is_some();
    let text = context.text();
    let (Some(parsed), true) = (parsed, agreed) else {
        let mut told: Vec<_> = wrong.iter().map(|(field, error)| (field.name(), error.words(text))).collect();
        if !agreed {
            told.push(("agree", text.get("sign_up.error_agree")));
        }
        return Ok(form_page(context, typed, told, back));
    };
    if let Some(limit) = own.count_beginning(&network, &parsed.pinfl).await? {
        return Ok(too_often(context, limit));
    }
    let ticket = Ticket::random();
    let language = context.language.tag().to_owned();
    let draft = Draft { form: parsed, language, back, state: State::Unanswered };
    own.start_check(&ticket, draft, network).await?;
    let cookie = own.cookies.set(COOKIE, ticket.as_str(), Some(SECONDS));
    Ok(respond::with_cookies(respond::see_other(paths::CHECK), cookie))
}

/// `GET /register/check`: how far the check is.
pub(super) async fn check(own: Data<SignUp>, request: HttpRequest) -> HttpResponse {
    due(&own, &request, paths::CHECK).await
}

/// `POST /register/check`: registers are asked once more.
pub(super) async fn check_again(own: Data<SignUp>, request: HttpRequest, body: Bytes) -> HttpResponse {
    let context = PageContext::new(&request, own.cookies, None);
    if own.posted(&request, &body).is_none() {
        return context.problem(ProblemKind::BadRequest, &Problem::default());
    }
    let network = own.network(&request);
    let answered = async {
        let Some((ticket, draft)) = own.draft(&request).await? else { return Ok(respond::see_other(PATH)) };
        if !matches!(draft.state, State::Unanswered | State::Limited) {
            return Ok(respond::see_other(paths::CHECK));
        }
        if let Some(limit) = own.count_beginning(&network, &draft.form.pinfl).await? {
            return Ok(too_often(&context, limit));
        }
        own.start_check(&ticket, draft, network).await?;
        Ok::<_, ServiceError>(respond::see_other(paths::CHECK))
    };
    let answered = answered.await;
    context.or_failure(answered)
}

/// `GET /register/code`: the page of the code.
pub(super) async fn code(own: Data<SignUp>, request: HttpRequest) -> HttpResponse {
    due(&own, &request, paths::CODE).await
}

/// `GET /register/done`: what came of it.
pub(super) async fn done(own: Data<SignUp>, request: HttpRequest) -> HttpResponse {
    due(&own, &request, paths::DONE).await
}

/// `POST /register/code`: a code was entered.
pub(super) async fn enter(own: Data<SignUp>, request: HttpRequest, body: Bytes) -> HttpResponse {
    let context = PageContext::new(&request, own.cookies, None);
    let Some(form) = own.posted(&request, &body) else {
        return context.problem(ProblemKind::BadRequest, &Problem::default());
    };
    if !own.sign_in.flood.admits(&own.network(&request), None, own.sign_in.clock.now()) {
        return too_often(&context, Limit::Forms);
    }
    let answered = entered(&own, &context, &form).await;
    context.or_failure(answered)
}

async fn entered(
    own: &SignUp,
    context: &PageContext<'_>,
    form: &Params,
) -> Result<HttpResponse, ServiceError> {
    let Some((ticket, mut draft)) = own.draft(context.request).await? else {
        return Ok(respond::see_other(PATH));
    };
    let State::Code(sent) = &draft.state else { return Ok(respond::see_other(paths::CHECK)) };
    let sent = sent.clone();
    let text = context.text();
    let typed = form.get("code").unwrap_or_default();
    if typed.trim().is_empty() {
        return Ok(code_page(
            own,
            context,
            &draft,
            &sent,
            Some(text.get("code.error_empty").to_owned()),
            false,
        ));
    }
    match own.try_code(&draft, &sent, typed).await? {
        Tried::Right { opened } => {
            draft.state = State::Done { opened };
            own.keep(&ticket, &draft).await?;
            Ok(respond::see_other(paths::DONE))
        }
        Tried::Wrong { left } => {
            let left = u32::try_from(left).unwrap_or(u32::MAX);
            let keys = ["code.error_wrong_one", "code.error_wrong_few", "code.error_wrong_many"];
            let over = left == 0;
            let error =
                if over { text.get("code.error_used_up").to_owned() } else { text.counted(left, keys) };
            Ok(code_page(own, context, &draft, &sent, Some(error), over))
        }
        Tried::Over => {
            let error = text.get("code.error_expired").to_owned();
            Ok(code_page(own, context, &draft, &sent, Some(error), true))
        }
    }
}

/// `POST /register/code/resend`: a new code, in the place of the one before.
pub(super) async fn resend(own: Data<SignUp>, request: HttpRequest, body: Bytes) -> HttpResponse {
    let context = PageContext::new(&request, own.cookies, None);
    if own.posted(&request, &body).is_none() {
        return context.problem(ProblemKind::BadRequest, &Problem::default());
    }
    let network = own.network(&request);
    let answered = async {
        let Some((ticket, mut draft)) = own.draft(&request).await? else {
            return Ok(respond::see_other(PATH));
        };
        let State::Code(sent) = &draft.state else { return Ok(respond::see_other(paths::CHECK)) };
        if own.sign_in.clock.now().since(sent.sent_at) < RESEND_AFTER {
            return Ok(respond::see_other(paths::CODE));
        }
        let record = sent.record.clone();
        draft.state = own.send_code(&draft, record, &network).await?;
        own.keep(&ticket, &draft).await?;
        Ok::<_, ServiceError>(respond::see_other(paths::CHECK))
    };
    let answered = answered.await;
    context.or_failure(answered)
}

/// A page that exists, asked for by a method that it is not opened by.
pub(super) async fn wrong_method(own: Data<SignUp>, request: HttpRequest) -> HttpResponse {
    PageContext::new(&request, own.cookies, None).problem(ProblemKind::MethodNotAllowed, &Problem::default())
}

/// Shows the page that is due, at its own address.
async fn due(own: &SignUp, request: &HttpRequest, here: &str) -> HttpResponse {
    let context = PageContext::new(request, own.cookies, None);
    let found = match own.draft(request).await {
        Ok(found) => found,
        Err(error) => return context.failure(&error.into()),
    };
    let Some((_, draft)) = found else { return respond::see_other(PATH) };
    let place = match &draft.state {
        State::Code(_) => paths::CODE,
        State::Done { .. } => paths::DONE,
        State::Checking { .. } | State::Stopped(_) | State::Unanswered | State::Limited => paths::CHECK,
    };
    if place != here {
        return respond::see_other(place);
    }
    let text = context.text();
    let page = match &draft.state {
        State::Code(sent) => code_page(own, &context, &draft, sent, None, false),
        State::Done { opened } => {
            let go_on = if draft.back.is_empty() {
                "/cabinet".to_owned()
            } else {
                format!("/sign-in/number?t={}", draft.back)
            };
            let frame = context.frame(None, context.languages_here());
            respond::page(StatusCode::OK, &DonePage { frame, opened: *opened, go_on }, &CspSources::default())
        }
        State::Checking { .. } => check_page(&context, Due::Asking, &draft.back),
        State::Stopped(obstacles) => {
            let words = obstacles.iter().map(|obstacle| obstacle.words(text)).collect();
            check_page(&context, Due::Stopped(words), &draft.back)
        }
        State::Unanswered => check_page(&context, Due::Unanswered, &draft.back),
        State::Limited => check_page(&context, Due::Limited, &draft.back),
    };
    context.remember_language(page)
}

fn check_page(context: &PageContext<'_>, due: Due, back: &str) -> HttpResponse {
    let frame = context.frame(None, context.languages_here());
    let page = CheckPage { frame, due, back: back.to_owned(), look: LOOK };
    respond::page(StatusCode::OK, &page, &CspSources::default())
}

fn code_page(
    own: &SignUp,
    context: &PageContext<'_>,
    draft: &Draft,
    sent: &Sent,
    error: Option<String>,
    over: bool,
) -> HttpResponse {
    let (text, now) = (context.text(), own.sign_in.clock.now());
    let wait = RESEND_AFTER - now.since(sent.sent_at);
    let seconds = |seconds: i64| u32::try_from(seconds.max(0)).unwrap_or(0);
    let over = over || sent.expires_at <= now;
    let error = error.or_else(|| over.then(|| text.get("code.error_expired").to_owned()));
    let status = if error.is_some() { StatusCode::UNPROCESSABLE_ENTITY } else { StatusCode::OK };
    let page = CodePage {
        frame: context.frame(None, context.languages_here()),
        number: draft.form.number.written_out(),
        lasts: text.lasting(seconds(sent.expires_at.since(now))),
        error,
        resend_in: (wait > 0).then(|| text.waiting(seconds(wait))),
        over,
    };
    respond::page(status, &page, &CspSources::default())
}

fn form_page(
    context: &PageContext<'_>,
    typed: Typed,
    wrong: Vec<(&'static str, &'static str)>,
    back: String,
) -> HttpResponse {
    let text = context.text();
    let documents =
        DOCUMENTS.map(|(kind, key)| (kind.name(), text.get(key), kind.name() == typed.document)).into();
    let status = if wrong.is_empty() { StatusCode::OK } else { StatusCode::UNPROCESSABLE_ENTITY };
    let page =
        FormPage { frame: context.frame(None, context.languages_here()), typed, documents, wrong, back };
    respond::page(status, &page, &CspSources::default())
}

fn too_often(context: &PageContext<'_>, limit: Limit) -> HttpResponse {
    let retry_after = match limit {
        Limit::Person => 86_400,
        Limit::Forms => limit.retry_after(),
        _ => 3600,
    };
    let problem = Problem { retry_after: Some(retry_after), ..Problem::default() };
    context.problem(ProblemKind::TooManyRequests, &problem)
}
