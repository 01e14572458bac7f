//! `/desk/revoke`: a person's identification ends at their own request (R81, R85, R89, cl. 35): the original document is shown, the
//! member checks that it is theirs and takes a photo. There is no fee, no code and no fingerprint, and the phone is not needed.

use actix_web::web::{Bytes, Data};
use actix_web::{HttpRequest, HttpResponse};
use askama::Template;

use super::presence::{Head, Shown, Wrong, is_on_file};
use super::shell::Shell;
use super::steps::with_camera;
use super::visit::{Right, Visit, with_return};
use super::{Desk, paths};
use crate::life_events::Ground34;
use crate::platform::web::frame::Frame;
use crate::platform::web::params::Params;
use crate::platform::web::respond::{self, CspSources};
use crate::staff::{What, Why};

#[derive(Template)]
#[template(path = "desk/revoke.html")]
struct RevokePage<'a> {
    frame: Frame<'a>,
    shell: Shell,
    shown: Shown,
    done: bool,
}

/// Shows the form.
pub(super) async fn get(desk: Data<Desk>, request: HttpRequest) -> HttpResponse {
    desk.show_proved(&request, Right::Revoke, async |visit| {
        let done = visit.said() == Some("revoked");
        Ok(form(visit, &Params::default(), Wrong::default(), done))
    })
    .await
}

fn form(visit: &Visit<'_>, given: &Params, wrong: Wrong, done: bool) -> HttpResponse {
    let status = wrong.status();
    let (frame, shell) = (visit.frame(), Shell::of(visit, paths::REVOKE));
    let page = RevokePage { frame, shell, shown: Shown::of(given, wrong), done };
    with_camera(respond::page(status, &page, &CspSources::default()))
}

/// Revokes.
pub(super) async fn post(desk: Data<Desk>, request: HttpRequest, body: Bytes) -> HttpResponse {
    desk.uploaded(&request, (paths::REVOKE, Right::Revoke, body), async |visit, upload| {
        if !desk.has_proved(visit) {
            return Ok(respond::see_other(&with_return(paths::PROVE, paths::REVOKE)));
        }
        let refused = |wrong| Ok(form(visit, &upload.fields, wrong, false));
        let came = match desk.head(visit, upload, Vec::new()).await? {
            Head::GoesOn(came) => came,
            Head::Wrong(wrong) => return refused(wrong),
            Head::Elsewhere(page) => return Ok(page),
        };
        let not_enrolled = || Wrong::at("pinfl", visit.context.text().get("desk.wrong_not_enrolled"));
        let people = &desk.enrolments.life_events.people;
        // A locked account or a blocked number is no obstacle: the phone may be stolen.
        let Some((person, record)) = people.record_of(&came.pinfl).await? else {
            return refused(not_enrolled());
        };
        if !is_on_file(&record, &upload.fields) && upload.fields.get("other_document").is_none() {
            return refused(Wrong::other_document());
        }
        let (photo, kept) = desk.staff.photo(&came.photo);
        let (row, event) = desk.staff.action(&visit.acting, What::Revoked, &photo, Why::OwnRequest).parts();
        let also = vec![kept, row];
        if !desk.enrolments.life_events.end_enrolment(&person, Ground34::Request, also).await? {
            return refused(not_enrolled());
        }
        desk.staff.acted(event);
        Ok(visit.done(paths::REVOKE, "revoked"))
    })
    .await
}
