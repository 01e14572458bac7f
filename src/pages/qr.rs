//! `/sign-in/qr`: what a computer shows; and `/q/{secret}`: what a phone asks on which somebody is signed in (`sign_in/qr`).
//!
//! The phone's person becomes the computer's: the computer's session has the means, the methods and the time of proof of the phone's, and
//! that another device approved it (`mca`). It is opened by the computer's own browser, which comes back by itself.

use std::sync::Arc;

use actix_web::http::StatusCode;
use actix_web::web::{Bytes, Data, Path};
use actix_web::{HttpRequest, HttpResponse};
use serde::{Deserialize, Serialize};

use super::Pages;
use super::drive::{posted, show};
use super::finish;
use super::step::{Flow, Read, StepContext};
use super::view::{QrAskPage, QrDonePage, QrPage, ShownCode};
use super::visitor::Visitor;
use crate::audit::Kind;
use crate::clients::Client;
use crate::notices::inbox::{NewNotice, NoticeKind};
use crate::people::Account;
use crate::platform::bytes;
use crate::platform::ephemeral::Version;
use crate::platform::service_error::ServiceError;
use crate::platform::web::frame::{Frame, LanguageLink};
use crate::platform::web::page_context::{PageContext, Problem};
use crate::platform::web::params::Params;
use crate::platform::web::problem::ProblemKind;
use crate::platform::web::respond::{self, CspSources};
use crate::release::person_name;
use crate::sign_in::{
    Acr, Amr, Authenticated, CHOICES, Choice, Device, Event, Means, OpenSession, Page, Proofs, Proving,
    QR_SECONDS, QR_TOLD, QrRequest, QrSecret, QrState, Reason, SessionId, SharedNetwork, Situation, Stage,
    known, told,
};

/// What an attempt keeps while a phone is awaited.
#[derive(Serialize, Deserialize)]
struct Shown {
    secret: String,
}

/// `GET /sign-in/qr`: shows a code, a new one where the former is too old; or goes on, once it was approved.
pub(super) async fn get(pages: Data<Pages>, request: HttpRequest) -> HttpResponse {
    show(&pages, &request, Page::Qr, async |step| {
        if !step.leads(&pages, Means::Qr) {
            return Ok(step.instead_of_means());
        }
        let now = pages.sign_in.clock.now();
        let Some(secret) = shown(step.open.attempt.stage()) else { return begin(&pages, step).await };
        match pages.qr.find(&secret).await? {
            Some((asked, _)) => match asked.state {
                QrState::Approved(_) => approved(&pages, step, &secret).await,
                QrState::Ended => Ok(page(&pages, step, None)),
                QrState::Waiting | QrState::Opened(_) if asked.expires_at > now => {
                    Ok(page(&pages, step, Some((&secret, &asked))))
                }
                QrState::Waiting | QrState::Opened(_) => begin(&pages, step).await,
            },
            None => begin(&pages, step).await,
        }
    })
    .await
}

/// `POST /sign-in/qr`: shows a new code.
pub(super) async fn post(pages: Data<Pages>, request: HttpRequest, body: Bytes) -> HttpResponse {
    let form = Params::of_form(&request, &body);
    posted(&pages, &request, (Page::Qr, Read::Attempt), form, async |step, _| {
        if !step.leads(&pages, Means::Qr) {
            return Ok(step.instead_of_means());
        }
        begin(&pages, step).await
    })
    .await
}

/// What is shown at a stage.
fn shown(stage: &Stage) -> Option<QrSecret> {
    let Stage::Proving(proving, _) = stage else { return None };
    QrSecret::parse(&proving.state::<Shown>(Means::Qr)?.secret)
}

/// Makes a code, and shows it at an address that can be opened again. It is stored, so that whoever wants many is counted like whoever
/// sends forms.
async fn begin(pages: &Pages, step: &mut StepContext<'_>) -> Result<Flow, ServiceError> {
    let visitor = match Visitor::admitted(pages, step.context.request) {
        Ok(visitor) => visitor,
        Err(instead) => return Ok(instead.into()),
    };
    let (now, wanted) = (pages.sign_in.clock.now(), &step.open.attempt.request);
    let oldest = [wanted.max_age, step.client.sessions.absolute_max].into_iter().flatten().min();
    // Until it is approved some time passes, which counts as well.
    let oldest = oldest.map(|age| now.minus((age - QR_SECONDS).max(0)));
    let not_before = if wanted.ask_again.sign_in { Some(now) } else { oldest };
    let asked = QrRequest {
        client: step.client.id.clone(),
        language: step.context.language,
        device: Device::of(step.context.request),
        network: SharedNetwork::of(&visitor.network),
        choice: Choice::random(),
        began_at: now,
        expires_at: now.plus(QR_SECONDS),
        not_before,
        state: QrState::Waiting,
    };
    let secret = pages.qr.begin(&asked).await?;
    let state = Shown { secret: secret.as_str().to_owned() };
    let proving = Proving::new(Means::Qr, &state, (now, asked.expires_at.plus(QR_TOLD)))?;
    if step.open.attempt.advance(Event::ProofBegun(proving), false, now).is_err() {
        return Ok(Flow::Due);
    }
    // The attempt is kept in the store from here on: its address does not carry the secret.
    if !pages.sign_in.attempts.store_again(&mut step.open).await? {
        return Ok(Flow::Due);
    }
    Ok(step.go(Page::Qr).into())
}

fn page(pages: &Pages, step: &StepContext<'_>, asked: Option<(&QrSecret, &QrRequest)>) -> Flow {
    let (action, cancel) = (step.path(Page::Qr), step.cancel_path(Page::Qr));
    let code = asked.and_then(|(secret, asked)| {
        let address = format!("{}/q/{}", pages.origin, secret.as_str());
        let (words, opened) = (asked.choice.right().written(asked.language), asked.state != QrState::Waiting);
        ShownCode::of(&address, words, asked.language.tag(), opened)
    });
    let page = QrPage {
        frame: step.frame(Page::Qr, &action),
        code,
        others: step.other_means(pages, Means::Qr),
        cancel: &cancel,
    };
    respond::page(StatusCode::OK, &page, &step.csp_sources()).into()
}

/// Goes on as the person of the phone, if their session goes on. What was approved is used up by that.
async fn approved(
    pages: &Pages,
    step: &mut StepContext<'_>,
    secret: &QrSecret,
) -> Result<Flow, ServiceError> {
    let Some(asked) = pages.qr.take(secret).await? else { return Ok(Flow::Due) };
    let QrState::Approved(session) = asked.state else { return begin(pages, step).await };
    let Some(phone) = pages.sign_in.sessions.find(session).await? else { return Ok(page(pages, step, None)) };
    let found = pages.release.consent_context(&phone.session.person_id, &step.client).await?;
    let Some(person) = found.filter(|found| phone.is_of(&found.account.account_state)) else {
        return Ok(page(pages, step, None));
    };
    let session = &phone.session;
    // What was proved for this very code is new enough for anybody; else it must be so still, by the service's own bounds.
    if session.auth_time < asked.began_at {
        let situation = Situation {
            request: &step.open.attempt.request,
            client: &step.client,
            session,
            bounds: pages.sign_in.sessions.bounds,
            subject_ids: &pages.subject_ids,
            now: pages.sign_in.clock.now(),
        };
        if matches!(known(&situation), Err(Reason::ClientBounds | Reason::Requested | Reason::MaxAge)) {
            return begin(pages, step).await;
        }
    }
    let id = SessionId::random();
    let means: Vec<Means> = std::iter::once(Means::Qr).chain(session.means.iter().copied()).collect();
    let mut amr = session.amr.clone();
    if !amr.contains(&Amr::Mca) {
        amr.push(Amr::Mca);
    }
    let authenticated = Authenticated {
        person_id: session.person_id.clone(),
        epoch: session.epoch,
        number: session.number,
        session: id.digest(),
        sid_key: id.digest(),
        auth_time: session.auth_time,
        acr: told(&means, &[]).filter(|_| !session.proofs.pending).unwrap_or(Acr::Password),
        amr,
        means,
        proofs: Proofs::at_once(session.proofs.pending),
        organisation: session.organisation.clone(),
        code: None,
    };
    let visitor = Visitor::uncounted(pages, step.context.request);
    finish::signed_in(pages, step, &visitor, (id, authenticated), &person).await
}

/// Somebody at the phone's page.
struct Phone<'r> {
    context: PageContext<'r>,
    secret: QrSecret,
    open: OpenSession,
    account: Arc<Account>,
    asked: QrRequest,
    seen: Version,
    client: Arc<Client>,
    network: SharedNetwork,
}

/// `GET /q/{secret}`: asks on the phone.
pub(super) async fn ask(pages: Data<Pages>, request: HttpRequest, secret: Path<String>) -> HttpResponse {
    let context = PageContext::new(&request, pages.cookies, None);
    match at_phone(&pages, context, &secret).await {
        Ok(phone) => phone.context.remember_language(phone.ask(&pages)),
        Err(instead) => instead,
    }
}

/// `POST /q/{secret}`: takes what the phone's person decided.
pub(super) async fn decided(
    pages: Data<Pages>,
    request: HttpRequest,
    secret: Path<String>,
    body: Bytes,
) -> HttpResponse {
    let context = PageContext::new(&request, pages.cookies, None);
    let form = Params::of_form(&request, &body).ok();
    let Some(form) = form.filter(|_| respond::is_same_origin(&request, &pages.origin)) else {
        return context.problem(ProblemKind::BadRequest, &Problem::default());
    };
    match at_phone(&pages, context, &secret).await {
        Ok(phone) => {
            let answered = phone.decide(&pages, &form).await;
            phone.context.or_failure(answered)
        }
        Err(instead) => instead,
    }
}

/// Finds who is at a phone and what a computer asks of them; only the first person who opens a code sees it.
///
/// # Errors
/// The answer to send instead.
async fn at_phone<'r>(
    pages: &Pages,
    context: PageContext<'r>,
    secret: &str,
) -> Result<Phone<'r>, HttpResponse> {
    let request = context.request;
    let Some(secret) = QrSecret::parse(secret) else { return Err(done(&context, GONE)) };
    let found = async {
        let Some(open) = pages.sign_in.sessions.of_browser(request, pages.cookies).await? else {
            return Ok(None);
        };
        let own = pages.first_party.client();
        let found = pages.release.consent_context(&open.session.person_id, own).await?;
        Ok(found.filter(|found| open.is_of(&found.account.account_state)).map(|found| (open, found.account)))
    };
    let (open, account) = match found.await {
        Ok(Some(found)) => found,
        Ok(None) => {
            let path = path(&secret);
            return Err(context.or_failure(pages.first_party.begin(&context, &path, None)));
        }
        Err(error) => return Err(context.failure(&error)),
    };
    let claimed = claim(pages, &secret, &open).await.map_err(|error| context.failure(&error))?;
    let Some((asked, seen)) = claimed else { return Err(done(&context, GONE)) };
    let own = (pages.first_party.client().id == asked.client).then(|| Arc::clone(pages.first_party.client()));
    let Some(client) = own.or_else(|| pages.clients.find(&asked.client)) else {
        return Err(done(&context, GONE));
    };
    let network = SharedNetwork::of(&Visitor::network(pages, request));
    Ok(Phone { context, secret, open, account, asked, seen, client, network })
}

/// What waits under a secret, once it is this person's to decide.
async fn claim(
    pages: &Pages,
    secret: &QrSecret,
    open: &OpenSession,
) -> Result<Option<(QrRequest, Version)>, ServiceError> {
    let mine = async || {
        let found = pages.qr.undecided(secret).await?;
        Ok::<_, ServiceError>(found.filter(|(asked, _)| asked.is_open_to(&open.session)))
    };
    let Some((asked, seen)) = mine().await? else { return Ok(None) };
    if asked.state != QrState::Waiting {
        return Ok(Some((asked, seen)));
    }
    pages.qr.advance(secret, (&asked, seen), QrState::Opened(open.session.sid_key)).await?;
    // Of two phones that open it at once the other one may have been first.
    Ok(mine().await?.filter(|(asked, _)| asked.state != QrState::Waiting))
}

impl Phone<'_> {
    fn wants_proof(&self) -> bool {
        self.asked.wants_proof(&self.network, self.open.session.auth_time)
    }

    fn token(&self, pages: &Pages) -> String {
        let session = &self.open.session.sid_key.0;
        pages.qr_forms.digest(&[self.secret.as_str().as_bytes(), session]).encode()
    }

    fn ask(&self, pages: &Pages) -> HttpResponse {
        let (asked, text) = (&self.asked, self.context.text());
        let path = path(&self.secret);
        let choices = if self.wants_proof() {
            Vec::new()
        } else {
            asked.choice.shown().map(|pair| pair.written(asked.language)).into()
        };
        let browser = match (&asked.device.browser, &asked.device.system) {
            (Some(browser), Some(system)) => format!("{browser} · {system}"),
            (Some(one), None) | (None, Some(one)) => one.clone(),
            (None, None) => text.get("cabinet.unknown_browser").to_owned(),
        };
        let languages =
            LanguageLink::all(self.context.language, |language| format!("{path}?lang={}", language.tag()));
        let shown = self.client.shown(self.context.language);
        let frame = Frame { form_action: &path, ..self.context.frame(Some(shown), languages) };
        let page = QrAskPage {
            frame,
            token: &self.token(pages),
            name: &person_name(&self.account, self.context.language),
            browser: &browser,
            address: &asked.device.address,
            same_network: asked.network.is(&self.network),
            choices,
            language: asked.language.tag(),
        };
        respond::page(StatusCode::OK, &page, &CspSources::default())
    }

    async fn decide(&self, pages: &Pages, form: &Params) -> Result<HttpResponse, ServiceError> {
        let given = form.get("form").unwrap_or_default();
        if !bytes::same(given.as_bytes(), self.token(pages).as_bytes()) {
            return Ok(respond::see_other(&path(&self.secret)));
        }
        match (form.get("action"), form.get("words")) {
            (Some("refuse"), _) => self.end(pages, "denied", REFUSED).await,
            (Some("prove"), _) => {
                let person = &self.open.session.person_id;
                pages.first_party.begin(&self.context, &path(&self.secret), Some(person))
            }
            (_, Some(place)) if !self.wants_proof() => {
                let place = place.parse().ok().filter(|place| *place < CHOICES);
                if place.is_some_and(|place| self.asked.choice.is_right(place)) {
                    self.approve(pages).await
                } else {
                    self.end(pages, "wrong_words", WRONG).await
                }
            }
            _ => Ok(respond::see_other(&path(&self.secret))),
        }
    }

    async fn approve(&self, pages: &Pages) -> Result<HttpResponse, ServiceError> {
        let state = QrState::Approved(self.open.digest);
        if !pages.qr.advance(&self.secret, (&self.asked, self.seen), state).await? {
            return Ok(done(&self.context, GONE));
        }
        self.tell(pages, NoticeKind::SignedInByQr);
        let event = self.open.session.event(Kind::QrApproved);
        pages.sign_in.audit.record(event.client(self.client.id.as_str()));
        Ok(done(&self.context, APPROVED))
    }

    async fn end(
        &self,
        pages: &Pages,
        reason: &'static str,
        said: Done,
    ) -> Result<HttpResponse, ServiceError> {
        if !pages.qr.advance(&self.secret, (&self.asked, self.seen), QrState::Ended).await? {
            return Ok(done(&self.context, GONE));
        }
        self.tell(pages, NoticeKind::QrRefused);
        let event = self.open.session.event(Kind::QrRefused);
        pages.sign_in.audit.record(event.client(self.client.id.as_str()).reason(reason));
        Ok(done(&self.context, said))
    }

    fn tell(&self, pages: &Pages, kind: NoticeKind) {
        let device = &self.asked.device;
        let named: Vec<&str> =
            [&device.browser, &device.system].into_iter().flatten().map(String::as_str).collect();
        let device = (!named.is_empty()).then(|| named.join(", "));
        let notice = NewNotice::new(kind).service(self.client.id.as_str()).device(device);
        pages.sign_in.inbox.post(&self.open.session.person_id, notice);
    }
}

/// What the phone's page says in the end: the title's name, the keys of title and sentence, whether the way to safety is shown.
type Done = (&'static str, (&'static str, &'static str), bool);

const APPROVED: Done = ("approved", ("qr.approved", "qr.approved_then"), false);
const WRONG: Done = ("wrong", ("qr.wrong", "qr.wrong_then"), true);
const REFUSED: Done = ("refused", ("qr.refused", "qr.refused_then"), true);
const GONE: Done = ("gone", ("qr.gone", "qr.gone_then"), false);

fn done(context: &PageContext<'_>, (id, words, safety): Done) -> HttpResponse {
    let status = if id == "gone" { StatusCode::GONE } else { StatusCode::OK };
    let frame = context.frame(None, Vec::new());
    respond::page(status, &QrDonePage { frame, words, id, safety }, &CspSources::default())
}

fn path(secret: &QrSecret) -> String {
    format!("/q/{}", secret.as_str())
}
