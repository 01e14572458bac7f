//! How each act of the desk for somebody who came with a document begins (cl. 35; R89, R107): PINFL and document as they were typed, the
//! original that the member saw, a photo; then whether the member may, and the row that somebody was looked up, before anything is said
//! of anybody.

use actix_web::HttpResponse;
use actix_web::http::StatusCode;

use super::steps::image;
use super::visit::{Upload, Visit};
use super::{Desk, paths};
use crate::mobile_id::FieldError;
use crate::people::{DocumentNumber, Person, Pinfl};
use crate::platform::service_error::ServiceError;
use crate::platform::web::params::Params;
use crate::platform::web::respond;
use crate::staff::{What, Why};

/// Who came, as far as the form says it.
pub(super) struct Presented {
    pub(super) pinfl: Pinfl,
    /// An image of their face.
    pub(super) photo: Vec<u8>,
}

/// How a form of this kind begins.
pub(super) enum Head {
    /// The act goes on.
    GoesOn(Presented),
    /// Something keeps the form from being taken.
    Wrong(Wrong),
    /// The member is led to another page.
    Elsewhere(HttpResponse),
}

/// What keeps the form from being taken.
#[derive(Default)]
pub(super) struct Wrong {
    /// Fields, in the order of the form: where, and what.
    pub(super) fields: Vec<(&'static str, &'static str)>,
    /// The document is not the one on file: the member says that they checked it.
    pub(super) other_document: bool,
    /// The record is the member's own or a relative's.
    pub(super) close: bool,
}

impl Wrong {
    /// One field.
    pub(super) fn at(field: &'static str, words: &'static str) -> Self {
        Self { fields: vec![(field, words)], ..Self::default() }
    }

    /// The document is not the one on file.
    pub(super) fn other_document() -> Self {
        Self { other_document: true, ..Self::default() }
    }

    /// The status of the page that tells of it.
    pub(super) fn status(&self) -> StatusCode {
        let fine = self.fields.is_empty() && !self.other_document && !self.close;
        if fine { StatusCode::OK } else { StatusCode::UNPROCESSABLE_ENTITY }
    }
}

/// The fields of the form, as the page shows them.
pub(super) struct Shown {
    pub(super) pinfl: String,
    pub(super) document_number: String,
    pub(super) wrong: Vec<(&'static str, &'static str)>,
    pub(super) other_document: bool,
    pub(super) close: bool,
}

impl Shown {
    pub(super) fn of(given: &Params, wrong: Wrong) -> Self {
        let of = |name: &str| given.get(name).unwrap_or_default().to_owned();
        Self {
            pinfl: of("pinfl"),
            document_number: of("document_number"),
            wrong: wrong.fields,
            other_document: wrong.other_document,
            close: wrong.close,
        }
    }
}

impl Desk {
    /// Reads the form and holds it against the rules: `also` is what is wrong with fields that only this form has. That somebody was
    /// looked up is recorded before it returns.
    pub(super) async fn head(
        &self,
        visit: &Visit<'_>,
        upload: &Upload,
        also: Vec<(&'static str, &'static str)>,
    ) -> Result<Head, ServiceError> {
        let (pinfl, photo, mut fields) = read(visit, upload);
        for (name, words) in also {
            if fields.iter().all(|(at, _)| *at != name) {
                fields.push((name, words));
            }
        }
        let Some((pinfl, photo)) = pinfl.zip(photo).filter(|_| fields.is_empty()) else {
            return Ok(Head::Wrong(Wrong { fields, ..Wrong::default() }));
        };
        if self.refuses_closeness(visit, &pinfl).await? {
            return Ok(Head::Wrong(Wrong { close: true, ..Wrong::default() }));
        }
        if self.staff.stop_if_unusual(&visit.acting).await?.is_some() {
            return Ok(Head::Elsewhere(respond::see_other(paths::HELD)));
        }
        let whom = self.staff.pseudonym(&pinfl);
        self.staff.reads(&visit.acting, What::Read, &whom, Why::OwnRequest).await?;
        Ok(Head::GoesOn(Presented { pinfl, photo }))
    }
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
pub(super) fn is_on_file(record: &Person, fields: &Params) -> bool {
    let document = &record.document;
    let typed = fields.get("document_number").unwrap_or_default();
    DocumentNumber::parse(document.kind, typed).is_ok_and(|typed| typed == document.number)
}
