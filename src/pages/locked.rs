//! What follows a proof of somebody who locked their account themselves, by a means that unlocks it: a page with one button. Anybody else
//! whose account cannot be used now reads no more than that. Nobody is signed in either way.

use actix_web::HttpResponse;
use actix_web::http::StatusCode;

use super::Pages;
use super::step::StepContext;
use super::view::LockedPage;
use crate::people::PersonId;
use crate::platform::service_error::ServiceError;
use crate::platform::web::respond;
use crate::sign_in::{Means, Page, UNLOCK, unlocks};

/// What lets the person unlock their account in this browser; `None` where they did not lock it, the means does not unlock it, or the lock
/// is not all that keeps it out of use.
///
/// # Errors
/// [`ServiceError`] when a store is unavailable.
pub(super) async fn proof(
    pages: &Pages,
    step: &StepContext<'_>,
    (person, means): (&PersonId, Means),
) -> Result<Option<String>, ServiceError> {
    if !unlocks(means) {
        return Ok(None);
    }
    let lock = pages.sign_in.people.own_lock(person).await?.filter(|lock| lock.alone);
    Ok(lock.map(|lock| {
        pages.sign_in.metrics.sign_ins("unlock", "offered").inc();
        let browser = &step.open.attempt.browser;
        pages.sign_in.unlocking.seal((person, lock.epoch), means, browser)
    }))
}

/// The page with the button.
pub(super) fn page(step: &StepContext<'_>, proof: &str) -> HttpResponse {
    let cancel = step.cancel_path(Page::Means);
    let page = LockedPage { frame: step.frame(Page::Means, UNLOCK), proof, cancel: &cancel };
    respond::page(StatusCode::OK, &page, &step.csp_sources())
}
