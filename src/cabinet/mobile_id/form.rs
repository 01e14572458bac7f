//! The form of annex 2 for another number (R53, R82): what is on file stands in it already, and the person changes what is not so.

use actix_web::http::StatusCode;
use actix_web::web::{Bytes, Data};
use actix_web::{HttpRequest, HttpResponse};
use askama::Template;

use super::super::Cabinet;
use super::super::paths::{MOBILE_ID_NUMBER as PATH, MOBILE_ID_STEP};
use super::super::shell::{Shell, frame};
use super::super::visit::{Proof, Visit};
use crate::mobile_id::{Door, Field, FieldError, IdentificationId, Opening, PersonCategory, Typed};
use crate::people::{Category, DocumentKind};
use crate::platform::service_error::ServiceError;
use crate::platform::web::frame::Frame;
use crate::platform::web::params::Params;
use crate::platform::web::respond::{self, CspSources};

/// The form.
#[derive(Template)]
#[template(path = "cabinet/mobile_id_number.html")]
struct FormPage<'a> {
    frame: Frame<'a>,
    shell: Shell,
    inputs: Vec<Input>,
    choices: Vec<Choices>,
    pinfl: String,
    /// The fields that are wrong, for the summary.
    wrong: Vec<(&'static str, &'static str)>,
}

/// A field that is typed.
struct Input {
    name: &'static str,
    label: &'static str,
    value: String,
    error: Option<&'static str>,
}

/// A field that is chosen.
struct Choices {
    name: &'static str,
    label: &'static str,
    options: Vec<(&'static str, &'static str, bool)>,
    error: Option<&'static str>,
}

/// What stands in the form.
struct Filled {
    surname: String,
    name: String,
    patronymic: String,
    number: String,
    category: String,
    document: String,
    document_number: String,
}

impl Filled {
    /// What is on file.
    fn on_file(visit: &Visit<'_>) -> Self {
        let person = &visit.account.person;
        let names = &person.names.latin;
        let category = match Category::of(&person.citizenship) {
            Category::Citizen => PersonCategory::Citizen.name(),
            Category::Foreigner | Category::Stateless => "",
        };
        Self {
            surname: names.family.clone(),
            name: names.given.clone(),
            patronymic: names.patronymic.clone().unwrap_or_default(),
            number: String::new(),
            category: category.to_owned(),
            document: person.document.kind.name().to_owned(),
            document_number: person.document.number.as_str().to_owned(),
        }
    }

    /// What was typed.
    fn typed(form: &Params) -> Self {
        let of = |name: &str| form.get(name).unwrap_or_default().to_owned();
        Self {
            surname: of("surname"),
            name: of("name"),
            patronymic: of("patronymic"),
            number: of("number"),
            category: of("category"),
            document: of("document"),
            document_number: of("document_number"),
        }
    }

    fn form<'a>(&'a self, pinfl: &'a str) -> Typed<'a> {
        Typed {
            surname: &self.surname,
            name: &self.name,
            patronymic: &self.patronymic,
            number: &self.number,
            pinfl,
            category: &self.category,
            document: &self.document,
            document_number: &self.document_number,
        }
    }
}

const DOCUMENTS: [(DocumentKind, &str); 7] = [
    (DocumentKind::BiometricPassport, "document.biometric_passport"),
    (DocumentKind::IdCard, "document.id_card"),
    (DocumentKind::ForeignTravelPassport, "document.foreign_travel_passport"),
    (DocumentKind::DrivingLicence, "document.driving_licence"),
    (DocumentKind::NationalPassport, "document.national_passport"),
    (DocumentKind::TravelDocument, "document.travel_document"),
    (DocumentKind::ResidencePermit, "document.residence_permit"),
];

fn page(visit: &Visit<'_>, filled: &Filled, errors: &[(Field, FieldError)]) -> HttpResponse {
    let text = visit.context.text();
    let wrong =
        |field: Field| errors.iter().find(|(wrong, _)| *wrong == field).map(|(_, error)| error.words(text));
    let input = |field: Field, value: &str| Input {
        name: field.name(),
        label: field.words(text),
        value: value.to_owned(),
        error: wrong(field),
    };
    let categories = PersonCategory::ALL
        .map(|category| (category.name(), category.words(text), category.name() == filled.category));
    let documents = DOCUMENTS.map(|(kind, key)| (kind.name(), text.get(key), kind.name() == filled.document));
    let page = FormPage {
        frame: frame(visit),
        shell: Shell::of(visit, super::PATH),
        inputs: vec![
            input(Field::Number, &filled.number),
            input(Field::Surname, &filled.surname),
            input(Field::Name, &filled.name),
            input(Field::Patronymic, &filled.patronymic),
            input(Field::DocumentNumber, &filled.document_number),
        ],
        choices: vec![
            Choices {
                name: Field::Category.name(),
                label: Field::Category.words(text),
                options: categories.into(),
                error: wrong(Field::Category),
            },
            Choices {
                name: Field::Document.name(),
                label: Field::Document.words(text),
                options: documents.into(),
                error: wrong(Field::Document),
            },
        ],
        pinfl: visit.account.person.pinfl.masked(),
        wrong: errors.iter().map(|(field, error)| (field.name(), error.words(text))).collect(),
    };
    let status = if errors.is_empty() { StatusCode::OK } else { StatusCode::UNPROCESSABLE_ENTITY };
    respond::page(status, &page, &CspSources::default())
}

/// Shows the form.
pub(in crate::cabinet) async fn get(cabinet: Data<Cabinet>, request: HttpRequest) -> HttpResponse {
    cabinet.show(&request, Proof::Fresh, async |visit| Ok(page(visit, &Filled::on_file(visit), &[]))).await
}

/// Opens an application by the form.
pub(in crate::cabinet) async fn post(
    cabinet: Data<Cabinet>,
    request: HttpRequest,
    body: Bytes,
) -> HttpResponse {
    cabinet
        .posted(&request, (PATH, Proof::Fresh, &body), async |visit, form| {
            // Whoever recovered the account may not be its person: the number stays until nobody can stop that any more.
            if cabinet.recoveries.passwords.open_recovery(visit.person()).await?.is_some() {
                return Ok(visit.done(super::PATH, "waits"));
            }
            let filled = Filled::typed(form);
            // Whose form it is, is known: nobody applies for somebody else (R24).
            let pinfl = visit.account.person.pinfl.digits().to_owned();
            let door = Door::Web { person: visit.person().clone() };
            let identifications = &cabinet.remote.identifications;
            let id = IdentificationId::random();
            let language = visit.context.language;
            match identifications.open(id, (door, language), &filled.form(&pinfl), Vec::new()).await? {
                Opening::Invalid(errors) => Ok(page(visit, &filled, &errors)),
                Opening::NotHere => Err(ServiceError::Internal("the web has no place".to_owned())),
                Opening::Opened(application) => {
                    identifications.start_precheck(&application).await?;
                    Ok(respond::see_other(&MOBILE_ID_STEP.replace("{id}", application.id.as_str())))
                }
            }
        })
        .await
}
