//! `/sign-in/means`: by which means to sign in, or which further factor to add. Only those are shown that can lead to what the service
//! accepts; where somebody has proved who they are already, only those that they have.

use actix_web::http::StatusCode;
use actix_web::web::Data;
use actix_web::{HttpRequest, HttpResponse};

use super::drive::show;
use super::step::{Flow, StepContext};
use super::view::{MeansPage, OtherMeans};
use super::{Pages, travel};
use crate::platform::service_error::ServiceError;
use crate::platform::web::respond;
use crate::platform::web::text::Text;
use crate::sign_in::{Means, Page, UNLOCK};

/// Shows the page.
pub(super) async fn get(pages: Data<Pages>, request: HttpRequest) -> HttpResponse {
    show(&pages, &request, Page::Means, async |step| {
        let means = able(&pages, step).await?;
        let unlocks = pages.sign_in.unlocks_here();
        if !step.open.attempt.is_doubted() {
            return Ok(page(step, &means, unlocks).into());
        }
        Ok(match travel::further(step, means) {
            Some(further) => page(step, &further, unlocks),
            None => travel::page(&pages, step),
        }
        .into())
    })
    .await
}

/// The means that can succeed here.
pub(super) async fn able(pages: &Pages, step: &StepContext<'_>) -> Result<Vec<Means>, ServiceError> {
    let attempt = &step.open.attempt;
    let Some(base) = attempt.stage().base() else { return Ok(pages.sign_in.choice(attempt, None)) };
    let found = pages.release.consent_context(&base.person_id, &step.client).await?;
    let held = match found {
        Some(found) => pages.sign_in.held(&found.account, attempt.request.reply.protocol).await?,
        None => Vec::new(),
    };
    Ok(pages.sign_in.choice(attempt, Some(&held)))
}

fn page(step: &StepContext<'_>, means: &[Means], unlocks: bool) -> HttpResponse {
    let text = step.context.text();
    let (action, cancel) = (step.path(Page::Means), step.cancel_path(Page::Means));
    let error = match step.said("e") {
        Some("unusable") => Some(text.get("means.unusable")),
        Some("not_yet") => Some(text.get("means.not_yet")),
        Some("other_person") => Some(text.get("means.other_person")),
        Some("expired") => Some(text.get("means.expired")),
        _ => None,
    };
    let page = MeansPage {
        frame: step.frame(Page::Means, &action),
        step_up: step.open.attempt.stage().base().is_some(),
        doubted: step.open.attempt.is_doubted(),
        means: means.iter().map(|means| other(step, *means, text)).collect(),
        error,
        unlock: (unlocks && step.said("e") == Some("unusable")).then_some(UNLOCK),
        cancel: &cancel,
    };
    respond::page(StatusCode::OK, &page, &step.csp_sources())
}

/// A way to a means' page.
fn other(step: &StepContext<'_>, means: Means, text: Text) -> OtherMeans {
    OtherMeans { href: step.path(means.page()), id: means.name(), label: text.get(label(means)) }
}

const fn label(means: Means) -> &'static str {
    match means {
        Means::MobileId => "means.mobile_id",
        Means::Password => "means.password",
        Means::Passkey => "means.passkey",
        Means::Eri => "means.eri",
        Means::Face => "means.face",
        Means::Qr => "means.qr",
    }
}

impl StepContext<'_> {
    /// The other means that lead on from the page of one: of somebody who proved who they are already, the list says which they have.
    pub(super) fn other_means(&self, pages: &Pages, this: Means) -> Vec<OtherMeans> {
        let (attempt, text) = (&self.open.attempt, self.context.text());
        if attempt.stage().base().is_some() {
            return vec![OtherMeans {
                href: self.path(Page::Means),
                id: "means",
                label: text.get("means.others"),
            }];
        }
        let others = pages.sign_in.choice(attempt, None).into_iter().filter(|means| *means != this);
        others.map(|means| other(self, means, text)).collect()
    }

    /// Whether a means can lead to what this request accepts; a page of one that cannot is not shown.
    pub(super) fn leads(&self, pages: &Pages, means: Means) -> bool {
        pages.sign_in.choice(&self.open.attempt, None).contains(&means)
    }

    /// What is due where a means cannot lead to what is accepted.
    pub(super) fn instead_of_means(&self) -> Flow {
        self.go(Page::Means).into()
    }
}
