//! `/desk/accounts`: an account is opened in person, at every kind of place, post offices included, or the one that is there is confirmed
//! (R107, D-n). The original document is shown, registers are asked, the face is compared; nobody needs a number in their own name, nor any.
//! A number is proved by a code that the person tells; whoever has none gets a temporary password on paper.

use actix_web::http::StatusCode;
use actix_web::web::{Bytes, Data, Path};
use actix_web::{HttpRequest, HttpResponse};
use askama::Template;

use super::account_code::Tried;
use super::account_form::{DOCUMENTS, Form};
use super::paper::{Content, paper};
use super::presence::{Head, Shown, Wrong};
use super::shell::Shell;
use super::steps::{with_camera, wrong_code};
use super::visit::{Right, Visit, with_return};
use super::walks::{Clear, Done, State, Walk, WalkId, check_page, walk_path};
use super::{Desk, paths, words};
use crate::life_events::{AtPlace, Served};
use crate::people::{CivilDate, PersonId};
use crate::platform::service_error::ServiceError;
use crate::platform::web::frame::Frame;
use crate::platform::web::locale::Language;
use crate::platform::web::params::Params;
use crate::platform::web::respond::{self, CspSources};
use crate::release::{kind_key, names_in};
use crate::staff::{ServedOn, What, Why};

/// The form.
#[derive(Template)]
#[template(path = "desk/account.html")]
struct FormPage<'a> {
    frame: Frame<'a>,
    shell: Shell,
    shown: Shown,
    documents: Vec<(&'static str, &'static str, bool)>,
    languages: Vec<(&'static str, &'static str, bool)>,
    number: String,
    /// There is no password to print here.
    needs_number: bool,
}

/// Nothing stands in the way.
#[derive(Template)]
#[template(path = "desk/account_ready.html")]
struct ReadyPage<'a> {
    frame: Frame<'a>,
    shell: Shell,
    reference: String,
    facts: Vec<(&'static str, String)>,
    /// The number that a code goes to.
    number: Option<String>,
    /// The member compares face and document by eye.
    by_eye: bool,
    missing: bool,
    /// The passkey was used recently enough.
    proved: bool,
    prove: String,
    send: String,
    finish: String,
}

/// A code was sent.
#[derive(Template)]
#[template(path = "desk/account_code.html")]
struct CodePage<'a> {
    frame: Frame<'a>,
    shell: Shell,
    reference: String,
    number: String,
    until: String,
    expired: bool,
    proved: bool,
    prove: String,
    wrong: Option<String>,
    finish: String,
    resend: String,
}

/// What was done.
#[derive(Template)]
#[template(path = "desk/account_done.html")]
struct DonePage<'a> {
    frame: Frame<'a>,
    shell: Shell,
    title: &'static str,
    reference: String,
    sentences: Vec<&'static str>,
    sheet: Option<String>,
}

/// Shows the form.
pub(super) async fn form(desk: Data<Desk>, request: HttpRequest) -> HttpResponse {
    desk.show(&request, Right::Serve, async |visit| {
        Ok(form_page(&desk, visit, &Params::default(), Wrong::default()))
    })
    .await
}

fn form_page(desk: &Desk, visit: &Visit<'_>, given: &Params, wrong: Wrong) -> HttpResponse {
    let (text, status) = (visit.context.text(), wrong.status());
    let chosen = |name: &str, value: &str| given.get(name) == Some(value);
    let documents =
        DOCUMENTS.map(|kind| (kind.name(), text.get(kind_key(kind)), chosen("document", kind.name())));
    let language = given.get("language").and_then(Language::parse).unwrap_or(visit.context.language);
    let page = FormPage {
        frame: visit.frame(),
        shell: Shell::of(visit, paths::ACCOUNTS),
        shown: Shown::of(given, wrong),
        documents: documents.into(),
        languages: Language::ALL.map(|one| (one.tag(), one.own_name(), one == language)).into(),
        number: given.get("number").unwrap_or_default().to_owned(),
        needs_number: !desk.offers_passwords(),
    };
    with_camera(respond::page(status, &page, &CspSources::default()))
}

/// Has registers asked about somebody who came.
pub(super) async fn begin(desk: Data<Desk>, request: HttpRequest, body: Bytes) -> HttpResponse {
    desk.uploaded(&request, (paths::ACCOUNTS, Right::Serve, body), async |visit, upload| {
        let (text, fields) = (visit.context.text(), &upload.fields);
        let refused = |wrong| Ok(form_page(&desk, visit, fields, wrong));
        let rules = (desk.identifications.rules().test_numbers, !desk.offers_passwords());
        let mut also = Vec::new();
        let parsed = Form::parse(fields, rules, desk.clock.now_ms());
        let parsed = parsed.map_err(|wrong| {
            also.extend(wrong.into_iter().map(|(field, error)| (field.name(), error.words(text))));
        });
        if fields.get("agree").is_none() {
            also.push(("agree", text.get("desk.wrong_agree")));
        }
        let came = match desk.head(visit, upload, also).await? {
            Head::GoesOn(came) => came,
            Head::Wrong(wrong) => return refused(wrong),
            Head::Elsewhere(page) => return Ok(page),
        };
        let Ok(form) = parsed else { return refused(Wrong::default()) };
        let photo = desk.staff.keep_photo(&visit.acting, &came.photo).await?;
        let walk = Walk::new(&visit.acting, &came.pinfl, photo, Some(form));
        let id = WalkId::random();
        let path = walk_path(paths::ACCOUNTS, &id);
        desk.start(visit, (id, walk), came.photo).await?;
        Ok(respond::see_other(&path))
    })
    .await
}

/// Shows the step that is due.
pub(super) async fn due(desk: Data<Desk>, request: HttpRequest, id: Path<String>) -> HttpResponse {
    desk.show(&request, Right::Serve, async |visit| {
        let Some((id, walk)) = desk.walk(visit, &id, true).await? else { return Ok(visit.nothing()) };
        Ok(match (&walk.state, &walk.form) {
            (State::Clear(clear), Some(form)) if clear.code.is_some() => {
                code_page(&desk, visit, (&id, form, clear), (None, false))
            }
            (State::Clear(clear), Some(form)) => ready_page(&desk, visit, (&id, form, clear), false),
            (State::Done(done), Some(form)) => done_page(&desk, visit, (&id, form), *done),
            _ => {
                let title = visit.context.text().get("desk.account");
                check_page(visit, (&id, &walk), (title, paths::ACCOUNTS))
            }
        })
    })
    .await
}

/// Has registers asked once more, after one did not answer.
pub(super) async fn again(
    desk: Data<Desk>,
    request: HttpRequest,
    id: Path<String>,
    body: Bytes,
) -> HttpResponse {
    desk.ask_again(&request, (paths::ACCOUNTS, Right::Serve), (&id, &body)).await
}

/// Sends a code to the number: the first, or a new one.
pub(super) async fn send(
    desk: Data<Desk>,
    request: HttpRequest,
    id: Path<String>,
    body: Bytes,
) -> HttpResponse {
    let from = format!("{}/{id}", paths::ACCOUNTS);
    desk.posted(&request, (&from, Right::Serve, &body), async |visit, given| {
        let Some((id, walk)) = desk.walk(visit, &id, true).await? else { return Ok(visit.nothing()) };
        let (State::Clear(clear), Some(form)) = (&walk.state, &walk.form) else {
            return Ok(respond::see_other(&from));
        };
        let Some(number) = form.number() else { return Ok(respond::see_other(&from)) };
        let mut clear = clear.clone();
        if !saw(&mut clear, given) {
            return Ok(ready_page(&desk, visit, (&id, form, &clear), true));
        }
        if desk.staff.stop_if_unusual(&visit.acting).await?.is_some() {
            return Ok(respond::see_other(paths::HELD));
        }
        let reference = id.reference().to_string();
        desk.staff.reads(&visit.acting, What::CodeSent, &reference, Why::PersonPresent).await?;
        let former = clear.code.take();
        let sent = desk.send_code((&id, form), &number, former.as_ref()).await?;
        let Some(sent) = sent else { return Ok(visit.done(&from, "limit")) };
        clear.code = Some(sent);
        desk.keep(&id, &walk.at(State::Clear(clear))).await?;
        Ok(if former.is_some() { visit.done(&from, "resent") } else { respond::see_other(&from) })
    })
    .await
}

/// Opens the account, or confirms the one that is there: by the code that the person told, where they have a number.
pub(super) async fn finish(
    desk: Data<Desk>,
    request: HttpRequest,
    id: Path<String>,
    body: Bytes,
) -> HttpResponse {
    let from = format!("{}/{id}", paths::ACCOUNTS);
    desk.posted_proved(&request, (&from, Right::Serve, &body), async |visit, given| {
        let Some((id, walk)) = desk.walk(visit, &id, true).await? else { return Ok(visit.nothing()) };
        let (State::Clear(clear), Some(form)) = (&walk.state, &walk.form) else {
            return Ok(respond::see_other(&from));
        };
        let mut clear = clear.clone();
        if let Some(number) = form.number() {
            let Some(sent) = &clear.code else { return Ok(respond::see_other(&from)) };
            let text = visit.context.text();
            let entered = given.get("code").unwrap_or_default();
            // What is wrong with it, and whether no other can be right.
            let wrong = if entered.trim().is_empty() {
                Some((text.get("desk.wrong_code_empty").to_owned(), false))
            } else {
                match desk.try_code((&id, &number), sent, entered).await? {
                    Tried::Right => None,
                    Tried::Wrong { left } => Some((wrong_code(text, left), left == 0)),
                    Tried::Expired => Some((text.get("desk.wrong_code_expired").to_owned(), true)),
                }
            };
            if let Some((wrong, over)) = wrong {
                return Ok(code_page(&desk, visit, (&id, form, &clear), (Some(wrong), over)));
            }
        } else if !saw(&mut clear, given) {
            return Ok(ready_page(&desk, visit, (&id, form, &clear), true));
        }
        let done = desk.serve(visit, (&id, &walk), (form, &clear)).await?;
        desk.keep(&id, &walk.at(State::Done(done))).await?;
        Ok(respond::see_other(&from))
    })
    .await
}

/// The receipt, with the temporary password where one is handed over: that is printed once.
pub(super) async fn sheet(
    desk: Data<Desk>,
    request: HttpRequest,
    id: Path<String>,
    body: Bytes,
) -> HttpResponse {
    let from = format!("{}/{id}", paths::ACCOUNTS);
    desk.posted(&request, (&from, Right::Serve, &body), async |visit, _| {
        let Some((id, walk)) = desk.walk(visit, &id, true).await? else { return Ok(visit.nothing()) };
        let (State::Done(done @ (Done::Opened | Done::Confirmed)), Some(form)) = (&walk.state, &walk.form)
        else {
            return Ok(respond::see_other(&from));
        };
        let reference = id.reference().to_string();
        desk.staff.reads(&visit.acting, What::Printed, &reference, Why::PersonPresent).await?;
        let secret = desk.for_paper(&id).await?;
        let day = CivilDate::of(visit.now).begins();
        let record = desk.enrolments.life_events.people.record_of(&walk.pinfl()?).await?;
        let name = record.map(|(_, record)| names_in(&record.names, form.language()));
        Ok(paper(visit, form.language(), |theirs| {
            let done = theirs.get(word_of(*done));
            let mut facts = vec![(theirs.get("desk.account_done"), done.to_owned())];
            facts.extend(name.map(|name| (theirs.get("desk.account_person"), name)));
            let document = format!("{} {}", theirs.get(kind_key(form.document)), form.document_number());
            facts.push((theirs.get("mobile_id.document"), document));
            let login = (theirs.get("desk.account_login"), theirs.get("mobile_id.pinfl").to_owned());
            facts.extend(Some(login).filter(|_| desk.offers_passwords()));
            facts.extend(form.number().map(|number| (theirs.get("mobile_id.number"), number.masked())));
            facts.push((theirs.get("desk.day"), theirs.date(day.0)));
            let mut sentences = Vec::new();
            sentences.extend(secret.is_some().then(|| theirs.get("desk.account_paper_then")));
            sentences.push(theirs.get("desk.account_agreed"));
            sentences.push(theirs.get("desk.account_complain"));
            Content {
                title: theirs.get("desk.account_sheet"),
                reference,
                facts,
                secret: secret.map(|secret| (theirs.get("desk.account_password"), secret)),
                sentences,
                signed_by: vec![theirs.get("desk.signed_person"), theirs.get("desk.signed_member")],
                back: from.clone(),
            }
        }))
    })
    .await
}

impl Desk {
    /// Whether people sign in by password here. Where they do not, none is printed, sent or recovered.
    pub(super) fn offers_passwords(&self) -> bool {
        self.openings.first.kind.is_some()
    }

    /// Opens or confirms, with all that the place records of it.
    async fn serve(
        &self,
        visit: &Visit<'_>,
        (id, walk): (&WalkId, &Walk),
        (form, clear): (&Form, &Clear),
    ) -> Result<Done, ServiceError> {
        let Some(record) = &clear.record else {
            return Err(ServiceError::Internal("an account without a record".to_owned()));
        };
        let (language, number) = (form.language(), form.number());
        let on = ServedOn {
            name: record.names.latin.for_pages().full(),
            document: form.document,
            document_number: form.document_number().to_owned(),
            language: language.tag().to_owned(),
            agreed_at_ms: form.agreed_at_ms,
            photo: walk.photo.clone(),
            compared: clear.compared.clone().unwrap_or_default(),
            number_proved: number.is_some(),
        };
        let (staff, acting, reference) = (&self.staff, &visit.acting, id.reference().to_string());
        let records = |person: &PersonId, opened: bool| {
            let what = if opened { What::AccountOpened } else { What::AccountConfirmed };
            let (row, event) = staff.action(acting, what, &reference, Why::PersonPresent).parts();
            let served = staff.served_row(acting, (id.as_str(), &reference), (person, opened), &on)?;
            let (mut rows, mut events) = (vec![row, served], vec![event]);
            if clear.by_eye {
                let (row, event) =
                    staff.action(acting, What::FaceSeen, &walk.photo, Why::PersonPresent).parts();
                rows.push(row);
                events.push(event);
            }
            Ok((rows, events))
        };
        let place = acting.place_name(language);
        let came = AtPlace { record, number: number.as_ref(), language, place };
        Ok(match self.openings.at_place(&came, &records).await? {
            Served::Opened(_, password) => {
                if let Some(password) = password {
                    self.keep_for_paper(id, password.as_str()).await?;
                }
                Done::Opened
            }
            Served::Confirmed(_) => Done::Confirmed,
            Served::Enrolled => Done::Enrolled,
            Served::Closed => Done::Closed,
        })
    }
}

/// Whether the member compared the face by eye, where the Centre has nothing to compare with.
pub(super) fn saw(clear: &mut Clear, given: &Params) -> bool {
    clear.by_eye |= clear.compared.is_none() && given.get("face").is_some();
    clear.by_eye || clear.compared.is_some()
}

const fn word_of(done: Done) -> &'static str {
    match done {
        Done::Opened => "desk.account_opened",
        Done::Confirmed => "desk.account_confirmed",
        Done::Enrolled => "desk.account_enrolled",
        Done::Closed => "desk.account_closed",
        Done::Recovered => "desk.recovered",
    }
}

fn ready_page(
    desk: &Desk,
    visit: &Visit<'_>,
    (id, form, clear): (&WalkId, &Form, &Clear),
    missing: bool,
) -> HttpResponse {
    let (text, path) = (visit.context.text(), walk_path(paths::ACCOUNTS, id));
    let mut facts = Vec::new();
    if let Some(record) = &clear.record {
        facts.push((text.get("desk.account_person"), record.names.latin.for_pages().full()));
        facts.push((text.get("data.birth_date"), text.date(record.birth_date.begins().0)));
    }
    let document = format!("{} {}", text.get(kind_key(form.document)), form.document_number());
    facts.push((text.get("mobile_id.document"), document));
    let page = ReadyPage {
        frame: visit.frame(),
        shell: Shell::of(visit, paths::ACCOUNTS),
        reference: id.reference().to_string(),
        facts,
        number: form.number().map(|number| number.written_out()),
        by_eye: clear.compared.is_none(),
        missing,
        proved: desk.has_proved(visit),
        prove: with_return(paths::PROVE, &path),
        send: format!("{path}/code"),
        finish: format!("{path}/finish"),
    };
    let status = if missing { StatusCode::UNPROCESSABLE_ENTITY } else { StatusCode::OK };
    respond::page(status, &page, &CspSources::default())
}

fn code_page(
    desk: &Desk,
    visit: &Visit<'_>,
    (id, form, clear): (&WalkId, &Form, &Clear),
    (wrong, over): (Option<String>, bool),
) -> HttpResponse {
    let path = walk_path(paths::ACCOUNTS, id);
    let expires = clear.code.as_ref().map(|code| code.expires_at);
    let status = if wrong.is_none() { StatusCode::OK } else { StatusCode::UNPROCESSABLE_ENTITY };
    let page = CodePage {
        frame: visit.frame(),
        shell: Shell::of(visit, paths::ACCOUNTS),
        reference: id.reference().to_string(),
        number: form.number().map(|number| number.written_out()).unwrap_or_default(),
        until: expires.map(|at| words::moment(visit, at)).unwrap_or_default(),
        expired: over || expires.is_none_or(|at| at <= visit.now),
        proved: desk.has_proved(visit),
        prove: with_return(paths::PROVE, &path),
        wrong,
        finish: format!("{path}/finish"),
        resend: format!("{path}/code"),
    };
    respond::page(status, &page, &CspSources::default())
}

fn done_page(desk: &Desk, visit: &Visit<'_>, (id, form): (&WalkId, &Form), done: Done) -> HttpResponse {
    let text = visit.context.text();
    let printed = matches!(done, Done::Opened | Done::Confirmed);
    let sentences: &[&'static str] = match (done, desk.offers_passwords()) {
        (Done::Opened, false) => &["desk.account_no_passwords"],
        (Done::Opened, true) if form.number().is_some() => &["desk.account_by_sms"],
        (Done::Opened, true) => &["desk.account_on_paper"],
        (Done::Confirmed, false) => &["desk.account_confirmed_only"],
        (Done::Confirmed, true) => &["desk.account_confirmed_then"],
        (Done::Enrolled, _) => &["desk.account_enrolled_then"],
        (Done::Closed, _) => &["desk.account_closed_then"],
        (Done::Recovered, _) => &[],
    };
    let page = DonePage {
        frame: visit.frame(),
        shell: Shell::of(visit, paths::ACCOUNTS),
        title: text.get(word_of(done)),
        reference: id.reference().to_string(),
        sentences: sentences.iter().map(|key| text.get(key)).collect(),
        sheet: printed.then(|| format!("{}/sheet", walk_path(paths::ACCOUNTS, id))),
    };
    respond::page(StatusCode::OK, &page, &CspSources::default())
}
