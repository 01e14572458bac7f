//! `/desk/complaints`: complaints about refusals and about staff (R92, cl. 39). Whoever is at the desk writes one down for the person;
//! a supervisor of the place answers.

use actix_web::http::StatusCode;
use actix_web::web::{Bytes, Data};
use actix_web::{HttpRequest, HttpResponse};
use askama::Template;

use super::shell::Shell;
use super::visit::Right;
use super::{Desk, paths, words};
use crate::mobile_id::Reference;
use crate::platform::web::frame::Frame;
use crate::platform::web::params::Params;
use crate::platform::web::respond::{self, CspSources};
use crate::staff::{ComplaintAbout, DeskComplaint, NewDeskComplaint, Role, Staff, StaffId, What, Why};

/// Complaints on one page.
const MOST: i64 = 50;

/// Complaints of the place, and a form for a new one.
#[derive(Template)]
#[template(path = "desk/complaints.html")]
struct ComplaintsPage<'a> {
    frame: Frame<'a>,
    shell: Shell,
    /// Those that a supervisor sees; `None` for others.
    listed: Option<Vec<Item>>,
    reference: String,
    note: String,
    contact: String,
    about: &'static str,
    /// The members of the place, whom it may be about.
    members: Vec<(String, String)>,
    member: String,
    /// Which field is missing.
    missing: Option<&'static str>,
    /// The number of the complaint that was just opened.
    opened: Option<String>,
}

impl ComplaintsPage<'_> {
    fn is_about(&self, name: &str) -> bool {
        self.about == name
    }

    fn lacks(&self, name: &str) -> bool {
        self.missing == Some(name)
    }
}

/// A complaint, in words.
struct Item {
    number: String,
    about: &'static str,
    reference: String,
    opened: String,
    note: String,
    contact: String,
    /// Whom it is about.
    member: Option<String>,
    /// It is about the reader's own work.
    own: bool,
    answer: Option<(String, String)>,
}

/// Shows the form, and to a supervisor the complaints.
pub(super) async fn get(desk: Data<Desk>, request: HttpRequest) -> HttpResponse {
    shown(&desk, &request, (Params::default(), None)).await
}

async fn shown(
    desk: &Desk,
    request: &HttpRequest,
    (form, missing): (Params, Option<&'static str>),
) -> HttpResponse {
    desk.show(request, Right::Serve, async |visit| {
        let text = visit.context.text();
        let members = desk.staff.members(Some(&visit.acting.place)).await?;
        let members: Vec<(String, String)> =
            members.into_iter().map(|member| (member.id.as_str().to_owned(), member.name)).collect();
        let listed = if visit.acting.role == Role::Supervisor {
            desk.staff.reads(&visit.acting, What::ComplaintsRead, "", Why::Complaint).await?;
            let acting = &visit.acting;
            let all = desk.staff.complaints((Some(&acting.place), Some(&acting.staff)), true, MOST).await?;
            let item = |one: DeskComplaint| Item {
                own: one.own,
                member: one.staff.and_then(|staff| {
                    members.iter().find(|(id, _)| *id == staff.as_str()).map(|(_, name)| name.clone())
                }),
                about: match one.about {
                    Some(ComplaintAbout::Refusal) => text.get("desk.about_refusal"),
                    Some(ComplaintAbout::Staff) | None => text.get("desk.about_staff"),
                },
                opened: words::moment(visit, one.opened_at),
                answer: one.answered.map(|(at, _, answer)| (words::moment(visit, at), answer)),
                number: one.number,
                reference: one.reference,
                note: one.note,
                contact: one.contact,
            };
            Some(all.into_iter().map(item).collect())
        } else {
            None
        };
        let opened = visit.query.get("number").filter(|number| {
            visit.is_proved(&[b"complaint", number.as_bytes()], visit.query.get("proof").unwrap_or_default())
        });
        let given = |name: &str| {
            form.get(name).or_else(|| visit.query.get(name)).unwrap_or_default().chars().take(2000).collect()
        };
        let about = form.get("about").and_then(ComplaintAbout::parse).unwrap_or(ComplaintAbout::Refusal);
        let page = ComplaintsPage {
            frame: visit.frame(),
            shell: Shell::of(visit, paths::COMPLAINTS),
            listed,
            reference: given("reference"),
            note: given("note"),
            contact: given("contact"),
            about: about.name(),
            member: given("staff"),
            members,
            missing,
            opened: opened.map(str::to_owned),
        };
        let status = if missing.is_some() { StatusCode::UNPROCESSABLE_ENTITY } else { StatusCode::OK };
        Ok(respond::page(status, &page, &CspSources::default()))
    })
    .await
}

/// Opens a complaint for somebody.
pub(super) async fn open(desk: Data<Desk>, request: HttpRequest, body: Bytes) -> HttpResponse {
    let form = Params::of_form(&request, &body).unwrap_or_default();
    let text = |name: &str| form.get(name).and_then(Staff::complaint_text);
    let (note, contact) = (text("note"), text("contact"));
    let missing = match (&note, &contact) {
        (None, _) => Some("note"),
        (_, None) => Some("contact"),
        _ => None,
    };
    if missing.is_some() && respond::is_same_origin(&request, &desk.origin) {
        // Nothing is written: the page comes back as it was filled in.
        return shown(&desk, &request, (form, missing)).await;
    }
    let at = (paths::COMPLAINTS, Right::Serve, &body[..]);
    desk.posted(&request, at, async |visit, form| {
        let about = form.get("about").and_then(ComplaintAbout::parse).unwrap_or(ComplaintAbout::Staff);
        let reference: String = form.get("reference").unwrap_or_default().chars().take(40).collect();
        // As what was done about the application has it.
        let reference = Reference::parse(&reference).map_or(reference, |known| known.to_string());
        let named = StaffId::stored(form.get("staff").unwrap_or_default().to_owned());
        let named = desk.staff.member(&named).await?.filter(|member| member.place == visit.acting.place);
        let new = NewDeskComplaint {
            place: visit.acting.place.clone(),
            about,
            reference,
            staff: named.map(|member| member.id),
            note: note.unwrap_or_default(),
            contact: contact.unwrap_or_default(),
            opened_by: visit.acting.staff.as_str().to_owned(),
        };
        let mut told = None;
        let number = desk
            .staff
            .open_complaint(&new, |number| {
                let action = desk.staff.action(&visit.acting, What::ComplaintOpened, number, Why::Complaint);
                let (row, event) = action.parts();
                told = Some(event);
                vec![row]
            })
            .await?;
        told.into_iter().for_each(|event| desk.staff.acted(event));
        let proof = visit.mac(&[b"complaint", number.as_bytes()]);
        Ok(visit.done(&format!("{}?number={number}&proof={proof}", paths::COMPLAINTS), "complaint"))
    })
    .await
}

/// Answers one.
pub(super) async fn answer(desk: Data<Desk>, request: HttpRequest, body: Bytes) -> HttpResponse {
    desk.posted(&request, (paths::COMPLAINTS, Right::Supervise, &body), async |visit, form| {
        let number = form.get("number").unwrap_or_default();
        let Some(answer) = form.get("answer").and_then(Staff::complaint_text) else {
            return Ok(visit.done(paths::COMPLAINTS, "untaken"));
        };
        let acting = &visit.acting;
        let (row, event) = desk.staff.action(acting, What::ComplaintAnswered, number, Why::Complaint).parts();
        let by = (acting.staff.as_str(), answer.as_str());
        let done = desk.staff.answer_complaint((number, Some(&acting.place)), by, vec![row]).await?;
        if done {
            desk.staff.acted(event);
        }
        Ok(visit.done(paths::COMPLAINTS, if done { "answered" } else { "overtaken" }))
    })
    .await
}
