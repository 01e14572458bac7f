//! `/desk/recover`: somebody lost their password (R107, R120, D-n), at every kind of place. The original document is shown, the member
//! checks that it is theirs and takes a photo, which the State Personalisation Centre compares; a temporary password goes to the number that
//! is the person's own, and nobody at the place sees it. Whom no number reaches gets it on paper. Their cabinet tells what was done.

use actix_web::http::StatusCode;
use actix_web::web::{Bytes, Data, Path};
use actix_web::{HttpRequest, HttpResponse};
use askama::Template;

use super::accounts::saw;
use super::paper::{Content, paper};
use super::presence::{Head, Shown, Wrong, is_on_file};
use super::shell::Shell;
use super::steps::with_camera;
use super::visit::{Right, Visit, with_return};
use super::walks::{Clear, Done, State, Walk, WalkId, check_page, walk_path};
use super::{Desk, paths};
use crate::people::CivilDate;
use crate::platform::web::frame::Frame;
use crate::platform::web::locale::Language;
use crate::platform::web::params::Params;
use crate::platform::web::respond::{self, CspSources};
use crate::release::names_in;
use crate::staff::{What, Why};

#[derive(Template)]
#[template(path = "desk/recover.html")]
struct RecoverPage<'a> {
    frame: Frame<'a>,
    shell: Shell,
    shown: Shown,
    done: bool,
}

/// The face was compared, or cannot be.
#[derive(Template)]
#[template(path = "desk/recover_ready.html")]
struct ReadyPage<'a> {
    frame: Frame<'a>,
    shell: Shell,
    reference: String,
    by_eye: bool,
    missing: bool,
    proved: bool,
    prove: String,
    to: String,
}

/// A paper is to be printed.
#[derive(Template)]
#[template(path = "desk/recover_paper.html")]
struct PaperPage<'a> {
    frame: Frame<'a>,
    shell: Shell,
    reference: String,
    sheet: String,
}

/// Shows the form.
pub(super) async fn get(desk: Data<Desk>, request: HttpRequest) -> HttpResponse {
    desk.show_proved(&request, Right::Recover, async |visit| {
        let done = visit.said() == Some("recovered");
        Ok(form(visit, &Params::default(), Wrong::default(), done))
    })
    .await
}

fn form(visit: &Visit<'_>, given: &Params, wrong: Wrong, done: bool) -> HttpResponse {
    let status = wrong.status();
    let (frame, shell) = (visit.frame(), Shell::of(visit, paths::RECOVER));
    let page = RecoverPage { frame, shell, shown: Shown::of(given, wrong), done };
    with_camera(respond::page(status, &page, &CspSources::default()))
}

/// Has the face compared of somebody who lost their password.
pub(super) async fn post(desk: Data<Desk>, request: HttpRequest, body: Bytes) -> HttpResponse {
    desk.uploaded(&request, (paths::RECOVER, Right::Recover, body), async |visit, upload| {
        if !desk.has_proved(visit) {
            return Ok(respond::see_other(&with_return(paths::PROVE, paths::RECOVER)));
        }
        let text = visit.context.text();
        let refused = |wrong| Ok(form(visit, &upload.fields, wrong, false));
        let agreed = upload.fields.get("agree").is_some();
        let also = if agreed { Vec::new() } else { vec![("agree", text.get("desk.wrong_agree"))] };
        let came = match desk.head(visit, upload, also).await? {
            Head::GoesOn(came) => came,
            Head::Wrong(wrong) => return refused(wrong),
            Head::Elsewhere(page) => return Ok(page),
        };
        let no_account = || Wrong::at("pinfl", text.get("desk.wrong_no_account"));
        let people = &desk.enrolments.life_events.people;
        let Some((person, record)) = people.record_of(&came.pinfl).await? else {
            return refused(no_account());
        };
        if people.find(&person).await?.is_none() {
            return refused(no_account());
        }
        if !is_on_file(&record, &upload.fields) && upload.fields.get("other_document").is_none() {
            return refused(Wrong::other_document());
        }
        let photo = desk.staff.keep_photo(&visit.acting, &came.photo).await?;
        let (id, walk) = (WalkId::random(), Walk::new(&visit.acting, &came.pinfl, photo, None));
        let path = walk_path(paths::RECOVER, &id);
        desk.start(visit, (id, walk), came.photo).await?;
        Ok(respond::see_other(&path))
    })
    .await
}

/// Shows the step that is due.
pub(super) async fn due(desk: Data<Desk>, request: HttpRequest, id: Path<String>) -> HttpResponse {
    desk.show(&request, Right::Recover, async |visit| {
        let Some((id, walk)) = desk.walk(visit, &id, false).await? else { return Ok(visit.nothing()) };
        Ok(match &walk.state {
            State::Clear(clear) => ready(&desk, visit, (&id, clear), false),
            State::Done(_) => paper_due(visit, &id),
            _ => {
                let title = visit.context.text().get("desk.recover");
                check_page(visit, (&id, &walk), (title, paths::RECOVER))
            }
        })
    })
    .await
}

fn ready(desk: &Desk, visit: &Visit<'_>, (id, clear): (&WalkId, &Clear), missing: bool) -> HttpResponse {
    let path = walk_path(paths::RECOVER, id);
    let page = ReadyPage {
        frame: visit.frame(),
        shell: Shell::of(visit, paths::RECOVER),
        reference: id.reference().to_string(),
        by_eye: clear.compared.is_none(),
        missing,
        proved: desk.has_proved(visit),
        prove: with_return(paths::PROVE, &path),
        to: path,
    };
    let status = if missing { StatusCode::UNPROCESSABLE_ENTITY } else { StatusCode::OK };
    respond::page(status, &page, &CspSources::default())
}

/// What is to be printed for somebody whom no number reaches.
fn paper_due(visit: &Visit<'_>, id: &WalkId) -> HttpResponse {
    let page = PaperPage {
        frame: visit.frame(),
        shell: Shell::of(visit, paths::RECOVER),
        reference: id.reference().to_string(),
        sheet: format!("{}/sheet", walk_path(paths::RECOVER, id)),
    };
    respond::page(StatusCode::OK, &page, &CspSources::default())
}

/// Has the Centre asked once more, after it did not answer.
pub(super) async fn again(
    desk: Data<Desk>,
    request: HttpRequest,
    id: Path<String>,
    body: Bytes,
) -> HttpResponse {
    desk.ask_again(&request, (paths::RECOVER, Right::Recover), (&id, &body)).await
}

/// Sends a temporary password, or has it ready for the paper where no number reaches the person.
pub(super) async fn finish(
    desk: Data<Desk>,
    request: HttpRequest,
    id: Path<String>,
    body: Bytes,
) -> HttpResponse {
    let from = format!("{}/{id}", paths::RECOVER);
    desk.posted_proved(&request, (&from, Right::Recover, &body), async |visit, given| {
        let Some((id, walk)) = desk.walk(visit, &id, false).await? else { return Ok(visit.nothing()) };
        let State::Clear(clear) = &walk.state else { return Ok(respond::see_other(&from)) };
        let mut clear = clear.clone();
        if !saw(&mut clear, given) {
            return Ok(ready(&desk, visit, (&id, &clear), true));
        }
        let text = visit.context.text();
        let no_account = || {
            let wrong = Wrong::at("pinfl", text.get("desk.wrong_no_account"));
            Ok(form(visit, &Params::default(), wrong, false))
        };
        let people = &desk.enrolments.life_events.people;
        let Some((person, _)) = people.record_of(&walk.pinfl()?).await? else { return no_account() };
        let Some(account) = people.find(&person).await? else { return no_account() };
        let action = |what, about: &str| desk.staff.action(&visit.acting, what, about, Why::OwnRequest);
        let mut actions = vec![action(What::Recovered, &walk.photo).parts()];
        if clear.by_eye {
            actions.push(action(What::FaceSeen, &walk.photo).parts());
        }
        let (also, events): (Vec<_>, Vec<_>) = actions.into_iter().unzip();
        let language = people.preferred_language(&person).await?.unwrap_or(Language::UzLatn);
        let place = visit.acting.place_name(language).to_owned();
        let by = (visit.acting.staff.as_str(), place.as_str());
        let done = match account.number() {
            Some(number) => desk.recoveries.in_person((&account, number), by, language, also).await?,
            None => match desk.recoveries.on_paper(&account, by, also).await? {
                Some(password) => {
                    desk.keep_for_paper(&id, password.as_str()).await?;
                    true
                }
                None => false,
            },
        };
        if !done {
            return no_account();
        }
        events.into_iter().for_each(|event| desk.staff.acted(event));
        desk.keep(&id, &walk.at(State::Done(Done::Recovered))).await?;
        let by_sms = account.number().is_some();
        Ok(if by_sms { visit.done(paths::RECOVER, "recovered") } else { respond::see_other(&from) })
    })
    .await
}

/// The paper with the temporary password: that is printed once.
pub(super) async fn sheet(
    desk: Data<Desk>,
    request: HttpRequest,
    id: Path<String>,
    body: Bytes,
) -> HttpResponse {
    let from = format!("{}/{id}", paths::RECOVER);
    desk.posted(&request, (&from, Right::Recover, &body), async |visit, _| {
        let Some((id, walk)) = desk.walk(visit, &id, false).await? else { return Ok(visit.nothing()) };
        if !matches!(walk.state, State::Done(_)) {
            return Ok(respond::see_other(&from));
        }
        let people = &desk.enrolments.life_events.people;
        let reference = id.reference().to_string();
        desk.staff.reads(&visit.acting, What::Printed, &reference, Why::OwnRequest).await?;
        let (language, name) = match people.record_of(&walk.pinfl()?).await? {
            Some((person, record)) => {
                let language = people.preferred_language(&person).await?.unwrap_or(Language::UzLatn);
                (language, Some(names_in(&record.names, language)))
            }
            None => (Language::UzLatn, None),
        };
        let secret = desk.for_paper(&id).await?;
        let day = CivilDate::of(visit.now).begins();
        Ok(paper(visit, language, |theirs| Content {
            title: theirs.get("desk.account_password"),
            reference,
            facts: name
                .map(|name| (theirs.get("desk.account_person"), name))
                .into_iter()
                .chain([
                    (theirs.get("desk.account_login"), theirs.get("desk.account_login_own").to_owned()),
                    (theirs.get("desk.day"), theirs.date(day.0)),
                ])
                .collect(),
            sentences: secret.is_some().then(|| theirs.get("desk.account_paper_then")).into_iter().collect(),
            secret: secret.map(|secret| (theirs.get("desk.account_password"), secret)),
            signed_by: vec![theirs.get("desk.signed_person"), theirs.get("desk.signed_member")],
            back: from.clone(),
        }))
    })
    .await
}
