//! `/desk/revoke`: a person's identification ends at their own request (R81, R85, R89, cl. 35): the original document is shown, the
//! member checks that it is theirs and takes a photo. There is no fee, no code and no fingerprint, and the phone is not needed.

use actix_web::http::StatusCode;
use actix_web::web::{Bytes, Data};
use actix_web::{HttpRequest, HttpResponse};
use askama::Template;

use super::shell::Shell;
use super::steps::{image, with_camera};
use super::visit::{Right, Upload, Visit, with_return};
use super::{Desk, paths};
use crate::life_events::Ground34;
use crate::mobile_id::FieldError;
use crate::people::{Person, Pinfl};
use crate::platform::web::frame::Frame;
use crate::platform::web::params::Params;
use crate::platform::web::respond::{self, CspSources};
use crate::staff::{What, Why};

#[derive(Template)]
#[template(path = "desk/revoke.html")]
struct RevokePage<'a> {
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

/// Shows the form.
pub(super) async fn get(desk: Data<Desk>, request: HttpRequest) -> HttpResponse {
    desk.show_proved(&request, Right::Revoke, async |visit| {
        let done = visit.said() == Some("revoked");
        Ok(form(visit, &Params::default(), (Vec::new(), false, false), done))
    })
    .await
}

fn form(
    visit: &Visit<'_>,
    given: &Params,
    (wrong, other_document, close): (Vec<(&'static str, &'static str)>, bool, bool),
    done: bool,
) -> HttpResponse {
    let fine = wrong.is_empty() && !other_document && !close;
    let page = RevokePage {
        frame: visit.frame(),
        shell: Shell::of(visit, paths::REVOKE),
        pinfl: given.get("pinfl").unwrap_or_default().to_owned(),
        document_number: given.get("document_number").unwrap_or_default().to_owned(),
        wrong,
        other_document,
        close,
        done,
    };
    let status = if fine { StatusCode::OK } else { StatusCode::UNPROCESSABLE_ENTITY };
    with_camera(respond::page(status, &page, &CspSources::default()))
}

/// Revokes.
pub(super) async fn post(desk: Data<Desk>, request: HttpRequest, body: Bytes) -> HttpResponse {
    desk.uploaded(&request, (paths::REVOKE, Right::Revoke, body), async |visit, upload| {
        if !desk.has_proved(visit) {
            return Ok(respond::see_other(&with_return(paths::PROVE, paths::REVOKE)));
        }
        let text = visit.context.text();
        let (pinfl, photo, mut wrong) = read(visit, upload);
        let Some((pinfl, photo)) = pinfl.zip(photo).filter(|_| wrong.is_empty()) else {
            return Ok(form(visit, &upload.fields, (wrong, false, false), false));
        };
        if desk.refuses_closeness(visit, &pinfl).await? {
            return Ok(form(visit, &upload.fields, (Vec::new(), false, true), false));
        }
        if desk.staff.stop_if_unusual(&visit.acting).await?.is_some() {
            return Ok(respond::see_other(paths::HELD));
        }
        // That somebody was looked up is recorded before anything is said of them.
        let whom = desk.staff.pseudonym(&pinfl);
        desk.staff.reads(&visit.acting, What::Read, &whom, Why::OwnRequest).await?;
        let people = &desk.enrolments.life_events.people;
        // A locked account or a blocked number is no obstacle: the phone may be stolen.
        let Some((person, record)) = people.record_of(&pinfl).await? else {
            wrong.push(("pinfl", text.get("desk.wrong_not_enrolled")));
            return Ok(form(visit, &upload.fields, (wrong, false, false), false));
        };
        if !is_on_file(&record, &upload.fields) && upload.fields.get("other_document").is_none() {
            return Ok(form(visit, &upload.fields, (wrong, true, false), false));
        }
        let (photo, kept) = desk.staff.photo(&photo);
        let (row, event) = desk.staff.action(&visit.acting, What::Revoked, &photo, Why::OwnRequest).parts();
        let also = vec![kept, row];
        if !desk.enrolments.life_events.end_enrolment(&person, Ground34::Request, also).await? {
            wrong.push(("pinfl", text.get("desk.wrong_not_enrolled")));
            return Ok(form(visit, &upload.fields, (wrong, false, false), false));
        }
        desk.staff.acted(event);
        Ok(visit.done(paths::REVOKE, "revoked"))
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

/// Whether the document that was shown is the one on file. People get new ones, so another one is no obstacle by itself.
fn is_on_file(record: &Person, fields: &Params) -> bool {
    let document = &record.document;
    let typed = fields.get("document_number").unwrap_or_default();
    crate::people::DocumentNumber::parse(document.kind, typed).is_ok_and(|typed| typed == document.number)
}
