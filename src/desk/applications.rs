//! `/desk`: the place's applications of today; `/desk/applications/new`: the form of annex 2, which the member fills in for the person
//! (R24–R29).

use actix_web::http::StatusCode;
use actix_web::web::{Bytes, Data};
use actix_web::{HttpRequest, HttpResponse};
use askama::Template;

use super::shell::Shell;
use super::visit::{Right, Visit};
use super::{Desk, PAGE, paths, steps, words};
use crate::mobile_id::{
    Door, Field, Identification, IdentificationId, Opening, PersonCategory, Questionnaire, Reference, Typed,
};
use crate::people::{CivilDate, DocumentKind};
use crate::platform::service_error::ServiceError;
use crate::platform::web::frame::Frame;
use crate::platform::web::locale::Language;
use crate::platform::web::params::Params;
use crate::platform::web::respond::{self, CspSources};
use crate::release::kind_key;
use crate::staff::{Role, What, Why};

/// The place's applications of today.
#[derive(Template)]
#[template(path = "desk/applications.html")]
struct ListPage<'a> {
    frame: Frame<'a>,
    shell: Shell,
    /// Whether people are identified for Mobile-ID here (R107).
    identifies: bool,
    rows: Vec<Row>,
    older: Option<String>,
    /// Accounts that were opened or confirmed today, the newest first.
    served: Vec<Served>,
    /// What was looked for and is not there.
    unknown: bool,
}

/// An application, in words.
struct Row {
    href: String,
    reference: String,
    name: String,
    opened: String,
    state: &'static str,
}

/// An account of today, in words.
struct Served {
    reference: String,
    name: String,
    done: &'static str,
    at: String,
}

/// The form.
#[derive(Template)]
#[template(path = "desk/new.html")]
struct NewPage<'a> {
    frame: Frame<'a>,
    shell: Shell,
    id: String,
    inputs: Vec<Input>,
    choices: Vec<Choice>,
    /// Fields that are wrong, in the order of the form: where, and what.
    wrong: Vec<(&'static str, String)>,
    /// The record is the member's own or a relative's.
    close: bool,
}

/// A field that is typed.
struct Input {
    name: &'static str,
    label: &'static str,
    hint: Option<&'static str>,
    value: String,
    wrong: Option<&'static str>,
    numeric: bool,
}

/// A field that is chosen.
struct Choice {
    name: &'static str,
    label: &'static str,
    options: Vec<(&'static str, &'static str, bool)>,
    wrong: Option<&'static str>,
}

/// Shows the list. That it is read is recorded.
pub(super) async fn list(desk: Data<Desk>, request: HttpRequest) -> HttpResponse {
    desk.show(&request, Right::Anybody, async |visit| {
        if visit.acting.role == Role::Administrator {
            return Ok(respond::see_other(paths::TEAM));
        }
        if visit.acting.held {
            return Ok(respond::see_other(paths::HELD));
        }
        let text = visit.context.text();
        let before = match visit.query.get("before").and_then(IdentificationId::parse) {
            Some(id) => desk.of_this_place(visit, &id).await?,
            None => None,
        };
        desk.staff.reads(&visit.acting, What::ListRead, "", Why::PersonPresent).await?;
        let since = CivilDate::of(visit.now).begins();
        let most = i64::try_from(PAGE).unwrap_or(i64::MAX) + 1;
        let all = desk.identifications.of_place(&visit.acting.place, (since, before.as_ref()), most).await?;
        let last = all.get(PAGE - 1).filter(|_| all.len() > PAGE);
        let older = last.map(|last| format!("{}?before={}", paths::DESK, last.id.as_str()));
        let served = desk.staff.served_since(&visit.acting.place, since, most).await?;
        let served = served.into_iter().map(|one| Served {
            reference: one.reference,
            name: one.on.name,
            at: words::moment(visit, one.at),
            done: text.get(if one.opened { "desk.account_opened" } else { "desk.account_confirmed" }),
        });
        let row = |one: &Identification| Row {
            href: paths::application(one.id.as_str()),
            reference: one.reference.to_string(),
            name: one.form.names.for_pages().full(),
            opened: words::moment(visit, one.opened_at),
            state: one.state.words(text),
        };
        let page = ListPage {
            frame: visit.frame(),
            shell: Shell::of(visit, paths::DESK),
            identifies: visit.acting.kind.identifies(),
            rows: all.iter().take(PAGE).map(row).collect(),
            older,
            served: served.collect(),
            unknown: visit.query.get("e").is_some(),
        };
        Ok(respond::page(StatusCode::OK, &page, &CspSources::default()))
    })
    .await
}

/// Leads to an application by what is printed on its papers.
pub(super) async fn find(desk: Data<Desk>, request: HttpRequest) -> HttpResponse {
    desk.show(&request, Right::Identify, async |visit| {
        let typed = visit.query.get("reference").unwrap_or_default();
        let found = match Reference::parse(typed) {
            Some(reference) => desk.identifications.by_reference(&reference).await?,
            None => None,
        };
        let here = found.filter(|one| one.door.place() == Some(&visit.acting.place));
        Ok(match here {
            Some(one) => respond::see_other(&paths::application(one.id.as_str())),
            None => respond::see_other(&format!("{}?e=unknown", paths::DESK)),
        })
    })
    .await
}

/// Shows the form.
pub(super) async fn new(desk: Data<Desk>, request: HttpRequest) -> HttpResponse {
    desk.show(&request, Right::Identify, async |visit| {
        let id = IdentificationId::random();
        Ok(form(visit, (id.as_str(), &Params::default()), &[], false))
    })
    .await
}

/// Opens an application, and has registers asked about it beside the pages.
pub(super) async fn open(desk: Data<Desk>, request: HttpRequest, body: Bytes) -> HttpResponse {
    desk.posted(&request, (paths::NEW, Right::Identify, &body), async |visit, given| {
        let Some(id) = given.get("id").and_then(IdentificationId::parse) else { return Ok(visit.nothing()) };
        let text = visit.context.text();
        let typed = typed(given);
        let parsed = Questionnaire::parse(&typed, desk.identifications.rules().test_numbers);
        let questionnaire = match parsed {
            Ok(questionnaire) => questionnaire,
            Err(wrong) => {
                let wrong = wrong.into_iter().map(|(field, error)| (field, error.words(text)));
                return Ok(form(visit, (id.as_str(), given), &wrong.collect::<Vec<_>>(), false));
            }
        };
        if desk.refuses_closeness(visit, &questionnaire.pinfl).await? {
            return Ok(form(visit, (id.as_str(), given), &[], true));
        }
        if desk.staff.stop_if_unusual(&visit.acting).await?.is_some() {
            return Ok(respond::see_other(paths::HELD));
        }
        if let Some(there) = desk.of_this_place(visit, &id).await? {
            // The same form sent twice: what was done once is recorded once.
            return Ok(respond::see_other(&steps::path(visit, &there.id, None)));
        }
        let language = given.get("language").and_then(Language::parse).unwrap_or(visit.context.language);
        let door = Door::Place {
            place: visit.acting.place.clone(),
            kind: visit.acting.kind,
            staff: visit.acting.staff.clone(),
        };
        let reference = id.reference().to_string();
        let action = desk.staff.action(&visit.acting, What::Opened, &reference, Why::PersonPresent);
        let (row, event) = action.parts();
        let opening = desk.identifications.open(id.clone(), (door, language), &typed, vec![row]).await?;
        let application = match opening {
            Opening::Opened(application) => application,
            Opening::Invalid(wrong) => {
                let wrong = wrong.into_iter().map(|(field, error)| (field, error.words(text)));
                return Ok(form(visit, (id.as_str(), given), &wrong.collect::<Vec<_>>(), false));
            }
            Opening::NotHere => return Ok(visit.nothing()),
        };
        // The identifier came from the form: one of another place opens nothing here.
        if application.door.place() != Some(&visit.acting.place) {
            return Ok(visit.nothing());
        }
        desk.staff.acted(event);
        desk.identifications.start_precheck(&application).await?;
        Ok(respond::see_other(&steps::path(visit, &application.id, None)))
    })
    .await
}

impl Desk {
    /// An application of the member's own place.
    pub(super) async fn of_this_place(
        &self,
        visit: &Visit<'_>,
        id: &IdentificationId,
    ) -> Result<Option<Identification>, ServiceError> {
        let found = self.identifications.find(id).await?;
        Ok(found.filter(|one| one.door.place() == Some(&visit.acting.place)))
    }

    /// Whether a record is the member's own or a listed relative's: that somebody wanted it is recorded.
    pub(super) async fn refuses_closeness(
        &self,
        visit: &Visit<'_>,
        pinfl: &crate::people::Pinfl,
    ) -> Result<bool, ServiceError> {
        let acting = &visit.acting;
        let close = self.staff.is_too_close(&acting.staff, pinfl).await?;
        if close {
            self.staff.refused(acting, "own_or_relative");
        }
        Ok(close)
    }
}

fn typed(given: &Params) -> Typed<'_> {
    let of = |name: &str| given.get(name).unwrap_or_default();
    Typed {
        surname: of("surname"),
        name: of("name"),
        patronymic: of("patronymic"),
        number: of("number"),
        pinfl: of("pinfl"),
        category: of("category"),
        document: of("document"),
        document_number: of("document_number"),
    }
}

/// The form with what was typed, and what is wrong with it.
fn form(
    visit: &Visit<'_>,
    (id, given): (&str, &Params),
    wrong: &[(Field, &'static str)],
    close: bool,
) -> HttpResponse {
    let text = visit.context.text();
    let of = |field: Field| wrong.iter().find(|(at, _)| *at == field).map(|(_, what)| *what);
    let input = |field: Field, hint: Option<&'static str>| Input {
        name: field.name(),
        label: field.words(text),
        hint,
        value: given.get(field.name()).unwrap_or_default().to_owned(),
        wrong: of(field),
        numeric: matches!(field, Field::Number | Field::Pinfl),
    };
    let chosen = |name: &str, value: &str| given.get(name) == Some(value);
    let categories =
        PersonCategory::ALL.map(|one| (one.name(), one.words(text), chosen("category", one.name())));
    let mut kinds: Vec<DocumentKind> = Vec::new();
    for kind in PersonCategory::ALL.iter().flat_map(|category| category.documents()) {
        if !kinds.contains(kind) {
            kinds.push(*kind);
        }
    }
    let documents = kinds
        .into_iter()
        .map(|kind| (kind.name(), text.get(kind_key(kind)), chosen("document", kind.name())));
    let language = given.get("language").and_then(Language::parse).unwrap_or(visit.context.language);
    let languages = Language::ALL.map(|one| (one.tag(), one.own_name(), one == language));
    let choices = vec![
        Choice {
            name: "category",
            label: Field::Category.words(text),
            options: categories.into(),
            wrong: of(Field::Category),
        },
        Choice {
            name: "document",
            label: Field::Document.words(text),
            options: documents.collect(),
            wrong: of(Field::Document),
        },
        Choice {
            name: "language",
            label: text.get("desk.language_of_person"),
            options: languages.into(),
            wrong: None,
        },
    ];
    let inputs = vec![
        input(Field::Surname, None),
        input(Field::Name, None),
        input(Field::Patronymic, Some(text.get("desk.patronymic_hint"))),
        input(Field::Pinfl, Some(text.get("desk.pinfl_hint"))),
        input(Field::DocumentNumber, Some(text.get("desk.document_number_hint"))),
        input(Field::Number, Some(text.get("desk.number_hint"))),
    ];
    let status = if wrong.is_empty() && !close { StatusCode::OK } else { StatusCode::UNPROCESSABLE_ENTITY };
    let page = NewPage {
        frame: visit.frame(),
        shell: Shell::of(visit, paths::DESK),
        id: id.to_owned(),
        inputs,
        choices,
        wrong: wrong
            .iter()
            .map(|(field, what)| (field.name(), format!("{}: {what}", field.words(text))))
            .collect(),
        close,
    };
    respond::page(status, &page, &CspSources::default())
}
