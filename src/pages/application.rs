//! The application that a person is asked to confirm, at the consent page's address and on the page of a request to approve: what
//! it says, in the service's words, and by what it is confirmed (R68). Nothing of it is remembered, and refusing it ends nothing.

use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use serde_json::json;

use super::Pages;
use super::finish::Present;
use super::permission;
use super::step::{Flow, StepContext};
use super::view::{ApplicationPage, Shown};
use super::visitor::Visitor;
use crate::clients::{Application, Client, DataRequest};
use crate::people::PhoneNumber;
use crate::platform::bytes::{Digest, same};
use crate::platform::service_error::ServiceError;
use crate::platform::web::locale::Language;
use crate::platform::web::params::Params;
use crate::platform::web::respond;
use crate::release::Release;
use crate::sign_in::{Agreement, Page};

/// What a page shows of an application.
pub(super) fn shown(application: &Application, language: Language) -> Shown {
    let tag = language.tag();
    Shown {
        title: application.title(tag),
        summary: application.summary(tag).lines().map(str::to_owned).collect(),
        reference: application.reference.clone(),
        hash: application.short_hash(),
    }
}

/// The text that a page shows, as JSON, and a digest of it and of all that it stands for.
pub(super) fn content(
    application: &Application,
    (client, language): (&Client, Language),
    message: Option<&str>,
) -> (String, String) {
    let service = client.shown(language);
    let text = json!({
        "language": language.tag(),
        "service": service.name,
        "owner": service.owner,
        "application": application,
        "message": message,
    });
    let text = text.to_string();
    let digest = Digest::of(text.as_bytes()).encode();
    (text, digest)
}

/// The page of a sign-in.
pub(super) fn page(step: &StepContext<'_>, application: &Application, present: &Present) -> HttpResponse {
    let language = step.context.language;
    let (_, digest) = content(application, (&step.client, language), None);
    let (action, number) =
        (step.path(Page::Consent), present.person.account.number().map(PhoneNumber::masked));
    let page = ApplicationPage {
        frame: step.frame(Page::Consent, &action),
        application: shown(application, language),
        message: None,
        shown: &digest,
        changed: step.said("e") == Some("changed"),
        code_to: Some(number.as_deref().unwrap_or_default()),
        error: None,
        typed: None,
    };
    respond::page(StatusCode::OK, &page, &step.csp_sources())
}

/// Sends the code that confirms the application that the page showed.
pub(super) async fn confirm(
    pages: &Pages,
    step: &mut StepContext<'_>,
    visitor: &Visitor,
    form: &Params,
    present: Present,
) -> Result<Flow, ServiceError> {
    let Some(application) = step.open.attempt.request.application.clone() else { return Ok(Flow::Due) };
    let (text, digest) = content(&application, (&step.client, step.context.language), None);
    if !same(form.get("shown").unwrap_or_default().as_bytes(), digest.as_bytes()) {
        return Ok(step.go_saying(Page::Consent, "changed").into());
    }
    let agreement = Agreement {
        consent_id: Release::new_consent_id(),
        by_click: false,
        asked: DataRequest::default(),
        ticked: std::collections::BTreeSet::new(),
        terms: step.client.terms.clone(),
        shown: text,
    };
    permission::ask(pages, step, visitor, (present, agreement)).await
}
