//! The pages: one for each step, each a plain form; whichever address is opened, the page that is due is shown.

use actix_web::http::StatusCode;
use actix_web::web::{Bytes, Data};
use actix_web::{HttpRequest, HttpResponse};
use askama::Template;

use super::code::{RESEND_AFTER, Sending, Tried};
use super::draft::{COOKIE, Draft, Outcome, SECONDS, Sent, State, Ticket};
use super::form::{DOCUMENTS, Form, Typed};
use super::{PATH, SignUp, paths};
use crate::accounts::InitialCredentials;
use crate::mobile_id::{Field, FieldError};
use crate::people::Person;
use crate::platform::service_error::ServiceError;
use crate::platform::telemetry::client_of;
use crate::platform::web::frame::Frame;
use crate::platform::web::page_context::{PageContext, Problem};
use crate::platform::web::params::Params;
use crate::platform::web::problem::ProblemKind;
use crate::platform::web::respond::{self, CspSources};
use crate::platform::web::text::Text;
use crate::sign_in::{BrowserId, ClientNetwork, EriProof, Limit};

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
    signed: Option<Signature>,
}

/// A signature that stands for the document: the form asks for the number alone (R114).
struct Signature {
    /// The name on its certificate.
    name: String,
    /// The proof, sealed.
    token: String,
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
    /// A new code was asked for, and too many were sent: the one before stays.
    limited: bool,
}

/// Where the form leads back to, and by what it is known who is meant.
struct Asked {
    back: String,
    signed: Option<Signature>,
}

/// What came of it.
#[derive(Template)]
#[template(path = "sign_up/done.html")]
struct DonePage<'a> {
    frame: Frame<'a>,
    outcome: Outcome,
    /// What the first credential is, and for how long.
    then: Option<String>,
    /// Where one signs in.
    go_on: String,
}

impl SignUp {
    fn network(&self, request: &HttpRequest) -> ClientNetwork {
        let digest = |text: &str| self.networks.digest(&[text.as_bytes()]);
        ClientNetwork::of(client_of(request).ip(), &self.sign_in.settings.networks, digest)
    }

    /// The proof in a token that an electronic signature gave this browser, and the token.
    fn proof(&self, request: &HttpRequest, token: Option<&str>) -> Option<(EriProof, String)> {
        let (proofs, token) = (self.proofs.as_ref()?, token.filter(|token| !token.is_empty())?);
        let browser = self.cookies.read(request, BrowserId::COOKIE).and_then(BrowserId::parse)?;
        proofs.open(token, &browser.digest()).map(|proof| (proof, token.to_owned()))
    }

    /// What a new account's first credential is, as its person is told; `None` where nobody has got one.
    fn first_then(&self, outcome: Outcome, text: Text) -> Option<String> {
        let first = &self.registrations.first;
        let key = match (outcome, first.kind?) {
            (Outcome::Known, _) => return None,
            (Outcome::Opened | Outcome::SentAgain, InitialCredentials::TemporaryPassword) => {
                "sign_up.opened_then"
            }
            (Outcome::Opened | Outcome::SentAgain, InitialCredentials::SetupLink) => "sign_up.opened_link",
        };
        let hours = u32::try_from(first.hours()).unwrap_or(u32::MAX);
        let hours = text.counted(hours, ["date.hours_one", "date.hours_few", "date.hours_many"]);
        Some(text.with(key, &[("hours", &hours)]))
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
    let asked = Asked { back: back(query.get("t")), signed: None };
    let page = match query.get("eri") {
        None => form_page(&context, Typed::default(), Vec::new(), asked),
        Some(token) => match own.proof(&request, Some(token)) {
            Some((proof, token)) => {
                let signed = Some(Signature { name: proof.name, token });
                form_page(&context, Typed::default(), Vec::new(), Asked { signed, ..asked })
            }
            None => signature_expired(&context, &asked.back),
        },
    };
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
    let test_numbers = own.sign_in.settings.test_numbers;
    let (parsed, signed) = match form.get("eri") {
        None => (Form::parse(&typed, test_numbers), None),
        Some(token) => {
            let Some((proof, token)) = own.proof(context.request, Some(token)) else {
                return Ok(signature_expired(context, &back));
            };
            let signed = Signature { name: proof.name.clone(), token };
            (Form::signed(proof, &typed, test_numbers), Some(signed))
        }
    };
    let mut wrong: Vec<(Field, FieldError)> = Vec::new();
    let parsed = parsed.map_err(|errors| wrong = errors).ok();
    let agreed = form.get("agree").is_some();
    let text = context.text();
    let (Some(parsed), true) = (parsed, agreed) else {
        let mut told: Vec<_> = wrong.iter().map(|(field, error)| (field.name(), error.words(text))).collect();
        if !agreed {
            told.push(("agree", text.get("sign_up.error_agree")));
        }
        return Ok(form_page(context, typed, told, Asked { back, signed }));
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
        let Some((ticket, mut draft)) = own.draft(&request).await? else {
            return Ok(respond::see_other(PATH));
        };
        // Registers agreed: only the code is missing.
        if let State::Limited(record) = &draft.state {
            let record = Person::clone(record);
            draft.state = own.send_code(&draft, record, &network).await?.into();
            own.keep(&ticket, &draft).await?;
            return Ok(respond::see_other(paths::CHECK));
        }
        if !matches!(draft.state, State::Unanswered) {
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
            (false, false),
        ));
    }
    match own.try_code(&draft, &sent, typed).await? {
        Tried::Right(outcome) => {
            draft.state = State::Done(outcome);
            own.keep(&ticket, &draft).await?;
            Ok(respond::see_other(paths::DONE))
        }
        Tried::Wrong { left } => {
            let left = u32::try_from(left).unwrap_or(u32::MAX);
            let keys = ["code.error_wrong_one", "code.error_wrong_few", "code.error_wrong_many"];
            let over = left == 0;
            let error =
                if over { text.get("code.error_used_up").to_owned() } else { text.counted(left, keys) };
            Ok(code_page(own, context, &draft, &sent, Some(error), (over, false)))
        }
        Tried::Over => {
            let error = text.get("code.error_expired").to_owned();
            Ok(code_page(own, context, &draft, &sent, Some(error), (true, false)))
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
        let sent = sent.clone();
        match own.send_code(&draft, sent.record.clone(), &network).await? {
            Sending::Sent(newer) => {
                draft.state = State::Code(newer);
                own.keep(&ticket, &draft).await?;
                Ok::<_, ServiceError>(respond::see_other(paths::CODE))
            }
            // The one before is as good as it was.
            Sending::Limited(_) => Ok(code_page(&own, &context, &draft, &sent, None, (false, true))),
        }
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
        State::Done(_) => paths::DONE,
        State::Checking { .. } | State::Stopped(_) | State::Unanswered | State::Limited(_) => paths::CHECK,
    };
    if place != here {
        return respond::see_other(place);
    }
    let text = context.text();
    let page = match &draft.state {
        State::Code(sent) => code_page(own, &context, &draft, sent, None, (false, false)),
        State::Done(outcome) => {
            let go_on = if draft.back.is_empty() {
                "/cabinet".to_owned()
            } else {
                format!("/sign-in/means?t={}", draft.back)
            };
            let frame = context.frame(None, context.languages_here());
            let then = own.first_then(*outcome, text);
            let page = DonePage { frame, outcome: *outcome, then, go_on };
            respond::page(StatusCode::OK, &page, &CspSources::default())
        }
        State::Checking { .. } => check_page(&context, Due::Asking, &draft.back),
        State::Stopped(obstacles) => {
            let words = obstacles.iter().map(|obstacle| obstacle.words(text)).collect();
            check_page(&context, Due::Stopped(words), &draft.back)
        }
        State::Unanswered => check_page(&context, Due::Unanswered, &draft.back),
        State::Limited(_) => check_page(&context, Due::Limited, &draft.back),
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
    (over, limited): (bool, bool),
) -> HttpResponse {
    let (text, now) = (context.text(), own.sign_in.clock.now());
    let wait = RESEND_AFTER - now.since(sent.sent_at);
    let seconds = |seconds: i64| u32::try_from(seconds.max(0)).unwrap_or(0);
    let over = over || sent.expires_at <= now;
    let error = error.or_else(|| over.then(|| text.get("code.error_expired").to_owned()));
    let status = match (&error, limited) {
        (_, true) => StatusCode::TOO_MANY_REQUESTS,
        (Some(_), false) => StatusCode::UNPROCESSABLE_ENTITY,
        (None, false) => StatusCode::OK,
    };
    let page = CodePage {
        frame: context.frame(None, context.languages_here()),
        number: draft.form.number.written_out(),
        lasts: text.lasting(seconds(sent.expires_at.since(now))),
        error,
        resend_in: (wait > 0).then(|| text.waiting(seconds(wait))),
        over,
        limited,
    };
    respond::page(status, &page, &CspSources::default())
}

fn form_page(
    context: &PageContext<'_>,
    typed: Typed,
    wrong: Vec<(&'static str, &'static str)>,
    Asked { back, signed }: Asked,
) -> HttpResponse {
    let text = context.text();
    let documents =
        DOCUMENTS.map(|(kind, key)| (kind.name(), text.get(key), kind.name() == typed.document)).into();
    let status = if wrong.is_empty() { StatusCode::OK } else { StatusCode::UNPROCESSABLE_ENTITY };
    let page = FormPage {
        frame: context.frame(None, context.languages_here()),
        typed,
        documents,
        wrong,
        back,
        signed,
    };
    respond::page(status, &page, &CspSources::default())
}

/// A signature is good for a quarter of an hour, in its browser: it is made once more.
fn signature_expired(context: &PageContext<'_>, back: &str) -> HttpResponse {
    let again = if back.is_empty() { "/cabinet".to_owned() } else { format!("/sign-in/eri?t={back}") };
    let action = Some((context.text().get("sign_up.sign_again"), again.as_str()));
    context.problem(ProblemKind::Expired, &Problem { action, ..Problem::default() })
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
