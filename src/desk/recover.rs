//! `/desk/recover`: somebody lost their password (R107, R120, D-n), at every kind of place. The original document is shown, the member
//! checks that it is theirs and takes a photo, as for the end of an identification; a temporary password goes to the number that is the
//! person's own. Nobody at the place sees it, and the person's cabinet tells what was done.

use actix_web::http::StatusCode;
use actix_web::web::{Bytes, Data};
use actix_web::{HttpRequest, HttpResponse};
use askama::Template;

use super::shell::Shell;
use super::steps::{image, with_camera};
use super::visit::{Right, Upload, Visit, with_return};
use super::{Desk, paths};
use crate::mobile_id::FieldError;
use crate::people::{DocumentNumber, Person, Pinfl};
use crate::platform::web::frame::Frame;
use crate::platform::web::locale::Language;
use crate::platform::web::params::Params;
use crate::platform::web::respond::{self, CspSources};
use crate::staff::{What, Why};

#[derive(Template)]
#[template(path = "desk/recover.html")]
struct RecoverPage<'a> {
    frame: Frame<'a>,
    shell: Shell,
    pinfl: String,
    document_number: String,
    wrong: Vec<(&'static str, &'static str)>,
    /// The document is not the one on file: the member says that they checked it.
    other_document: bool,
    /// The record is the member's own or a relative's.
    close: bool,
    done: bool,
}

/// What keeps the form from being taken.
#[derive(Default)]
struct Wrong {
    fields: Vec<(&'static str, &'static str)>,
    other_document: bool,
    close: bool,
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
    let fine = wrong.fields.is_empty() && !wrong.other_document && !wrong.close;
    let page = RecoverPage {
        frame: visit.frame(),
        shell: Shell::of(visit, paths::RECOVER),
        pinfl: given.get("pinfl").unwrap_or_default().to_owned(),
        document_number: given.get("document_number").unwrap_or_default().to_owned(),
        wrong: wrong.fields,
        other_document: wrong.other_document,
        close: wrong.close,
        done,
    };
    let status = if fine { StatusCode::OK } else { StatusCode::UNPROCESSABLE_ENTITY };
    with_camera(respond::page(status, &page, &CspSources::default()))
}

/// Sends a temporary password.
pub(super) async fn post(desk: Data<Desk>, request: HttpRequest, body: Bytes) -> HttpResponse {
    desk.uploaded(&request, (paths::RECOVER, Right::Recover, body), async |visit, upload| {
        if !desk.has_proved(visit) {
            return Ok(respond::see_other(&with_return(paths::PROVE, paths::RECOVER)));
        }
        let text = visit.context.text();
        let refused = |wrong| Ok(form(visit, &upload.fields, wrong, false));
        let (pinfl, photo, fields) = read(visit, upload);
        let Some((pinfl, photo)) = pinfl.zip(photo).filter(|_| fields.is_empty()) else {
            return refused(Wrong { fields, ..Wrong::default() });
        };
        if desk.refuses_closeness(visit, &pinfl).await? {
            return refused(Wrong { close: true, ..Wrong::default() });
        }
        if desk.staff.stop_if_unusual(&visit.acting).await?.is_some() {
            return Ok(respond::see_other(paths::HELD));
        }
        // That somebody was looked up is recorded before anything is said of them.
        let whom = desk.staff.pseudonym(&pinfl);
        desk.staff.reads(&visit.acting, What::Read, &whom, Why::OwnRequest).await?;
        let people = &desk.enrolments.life_events.people;
        let no_account =
            || Wrong { fields: vec![("pinfl", text.get("desk.wrong_no_account"))], ..Wrong::default() };
        let Some((person, record)) = people.record_of(&pinfl).await? else { return refused(no_account()) };
        let account = people.find(&person).await?;
        let Some(number) = account.as_ref().and_then(|account| account.number()) else {
            return refused(no_account());
        };
        if !is_on_file(&record, &upload.fields) && upload.fields.get("other_document").is_none() {
            return refused(Wrong { other_document: true, ..Wrong::default() });
        }
        let (photo, kept) = desk.staff.photo(&photo);
        let action = desk.staff.action(&visit.acting, What::Recovered, &photo, Why::OwnRequest);
        let (row, event) = action.parts();
        let language = people.preferred_language(&person).await?.unwrap_or(Language::UzLatn);
        let place = visit.acting.place_name(language).to_owned();
        let by = (visit.acting.staff.as_str(), place.as_str());
        let also = vec![kept, row];
        if !desk.recoveries.in_person((&person, number), by, language, also).await? {
            return refused(no_account());
        }
        desk.staff.acted(event);
        Ok(visit.done(paths::RECOVER, "recovered"))
    })
    .await
}

type Read = (Option<Pinfl>, Option<Vec<u8>>, Vec<(&'static str, &'static str)>);

fn read(visit: &Visit<'_>, upload: &Upload) -> Read {
    let (text, fields) = (visit.context.text(), &upload.fields);
    let mut wrong = Vec::new();
    let pinfl = Pinfl::parse(fields.get("pinfl").unwrap_or_default());
    let pinfl = pinfl.map_err(|error| wrong.push(("pinfl", FieldError::Pinfl(error).words(text)))).ok();
    if fields.get("document_number").is_none() {
        wrong.push(("document_number", text.get("desk.wrong_empty")));
    }
    if fields.get("original").is_none() {
        wrong.push(("original", text.get("desk.wrong_original")));
    }
    let photo = image(upload, "photo").map_err(|key| wrong.push(("photo", text.get(key)))).ok();
    (pinfl, photo, wrong)
}

/// Whether the document that was shown is the one on file.
fn is_on_file(record: &Person, fields: &Params) -> bool {
    let document = &record.document;
    let typed = fields.get("document_number").unwrap_or_default();
    DocumentNumber::parse(document.kind, typed).is_ok_and(|typed| typed == document.number)
}
