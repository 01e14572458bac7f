//! `/sign-in/face`: a face, which MyID compares. The browser is sent there and comes back to `/sign-in/face/return`, which leads to the page of
//! its attempt.

use actix_web::http::StatusCode;
use actix_web::web::{Bytes, Data};
use actix_web::{HttpRequest, HttpResponse};

use super::Pages;
use super::drive::{posted, show};
use super::proof::{self, Proof};
use super::step::{Flow, Read, StepContext};
use super::view::FacePage;
use super::visitor::Visitor;
use crate::audit::Kind;
use crate::platform::service_error::ServiceError;
use crate::platform::web::page_context::{PageContext, Problem};
use crate::platform::web::params::Params;
use crate::platform::web::problem::ProblemKind;
use crate::platform::web::respond;
use crate::registries::myid::{FaceProblem, came_back};
use crate::sign_in::{Amr, Away, BrowserId, Event, Face, Means, Page, Proving, Stage};

/// Shows the page, or takes what the browser came back with.
pub(super) async fn get(pages: Data<Pages>, request: HttpRequest) -> HttpResponse {
    let back = Params::parse(request.query_string()).ok().filter(|query| query.get("n").is_some());
    let visitor = match &back {
        None => None,
        Some(_) => match Visitor::admitted(&pages, &request) {
            Ok(visitor) => Some(visitor),
            Err(instead) => return instead,
        },
    };
    show(&pages, &request, Page::Face, async |step| {
        let Some(face) = face(&pages, step) else { return Ok(step.instead_of_means()) };
        match (&back, &visitor) {
            (Some(back), Some(visitor)) => take(&pages, step, visitor, &face, back).await,
            _ => Ok(shown(&pages, step, &face).into()),
        }
    })
    .await
}

/// Sends the browser to MyID.
pub(super) async fn post(pages: Data<Pages>, request: HttpRequest, body: Bytes) -> HttpResponse {
    if let Err(instead) = Visitor::admitted(&pages, &request) {
        return instead;
    }
    let form = Params::of_form(&request, &body);
    posted(&pages, &request, (Page::Face, Read::Attempt), form, async |step, _| {
        let Some(face) = face(&pages, step) else { return Ok(step.instead_of_means()) };
        let now = pages.sign_in.clock.now();
        let away = Away::random();
        let proving = Proving::new(Means::Face, &away, (now, now.plus(face.away)))?;
        let begun = step.open.attempt.advance(Event::ProofBegun(proving), false, now);
        if begun.is_err() || !step.keep(&pages).await? {
            return Ok(Flow::Due);
        }
        let left = face.leave(step.path(Page::Face), (&away, step.open.attempt.browser)).await?;
        Ok(left
            .map_or_else(|_| step.go_saying(Page::Face, "down"), |url| respond::see_other(url.as_str()))
            .into())
    })
    .await
}

/// `GET /sign-in/face/return`: leads to the page of the attempt, in the browser that left it.
pub(super) async fn come_back(pages: Data<Pages>, request: HttpRequest) -> HttpResponse {
    let query = Params::parse(request.query_string()).unwrap_or_default();
    let browser = pages.cookies.read(&request, BrowserId::COOKIE).and_then(BrowserId::parse);
    let context = PageContext::new(&request, pages.cookies, None);
    let back = match (&pages.face, browser) {
        (Some(face), Some(browser)) => {
            face.back(query.get("state").unwrap_or_default(), &browser.digest()).await
        }
        _ => Ok(None),
    };
    let back = match back {
        Ok(Some(back)) => back,
        Ok(None) => return context.problem(ProblemKind::OtherBrowser, &Problem::default()),
        Err(error) => return context.or_failure(Err(error.into())),
    };
    let mut more = url::form_urlencoded::Serializer::new(String::new());
    more.append_pair("n", &back.nonce);
    let reason = query.get("result_code").or_else(|| query.get("reason_code"));
    match came_back(query.get("code"), reason) {
        Ok(code) => more.append_pair("code", code),
        Err(problem) => more.append_pair("r", &problem.code().to_string()),
    };
    respond::see_other(&format!("{}&{}", back.path, more.finish()))
}

/// Faces, where they are offered and can lead to what the service accepts.
fn face(pages: &Pages, step: &StepContext<'_>) -> Option<Face> {
    pages.face.clone().filter(|_| step.leads(pages, Means::Face))
}

async fn take(
    pages: &Pages,
    step: &mut StepContext<'_>,
    visitor: &Visitor,
    face: &Face,
    back: &Params,
) -> Result<Flow, ServiceError> {
    let now = pages.sign_in.clock.now();
    let away = match step.open.attempt.stage() {
        Stage::Proving(proving, _) if proving.expires_at > now => proving.state::<Away>(Means::Face),
        _ => None,
    };
    // It came back twice, too late, or to another attempt.
    if !away.is_some_and(|away| away.is(back.get("n").unwrap_or_default())) {
        return Ok(step.go_saying(Page::Face, "0").into());
    }
    let found = match back.get("code") {
        Some(code) => face.recognised(code).await,
        None => Ok(Err(back
            .get("r")
            .and_then(|code| code.parse().ok())
            .map_or(FaceProblem::Unknown, FaceProblem::of))),
    };
    let recognised = match found {
        Ok(Ok(recognised)) => recognised,
        Ok(Err(problem)) => {
            step.record(pages, Kind::FaceRefused, None, |event| event.reason(problem.code().to_string()));
            return Ok(step.go_saying(Page::Face, &problem.code().to_string()).into());
        }
        Err(_) => return Ok(step.go_saying(Page::Face, "down").into()),
    };
    let Some(person) = pages.sign_in.people.account_of(&recognised.pinfl).await? else {
        return Ok(step.go_saying(Page::Face, "no_account").into());
    };
    let proof = Proof {
        person,
        means: Means::Face,
        amr: vec![Amr::Face],
        organisation: None,
        counts: true,
        read: None,
    };
    proof::proved(pages, step, visitor, proof).await
}

fn shown(pages: &Pages, step: &StepContext<'_>, face: &Face) -> HttpResponse {
    let text = step.context.text();
    let (action, cancel) = (step.path(Page::Face), step.cancel_path(Page::Face));
    let error = step.said("e").map(|word| match word {
        "down" => text.get("face.later"),
        "no_account" => text.get("face.no_account"),
        code => text.get(code.parse().map_or(FaceProblem::Unknown, FaceProblem::of).advice().sentence()),
    });
    let page = FacePage {
        frame: step.frame(Page::Face, &action),
        error,
        others: step.other_means(pages, Means::Face),
        cancel: &cancel,
    };
    let mut sources = step.csp_sources();
    // Browsers hold the policy against the redirect that follows the form.
    sources.forms.extend(face.origin());
    respond::page(StatusCode::OK, &page, &sources)
}
