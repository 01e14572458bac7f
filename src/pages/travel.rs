//! What is asked of a person who seems to be in many places at once (`docs/risk.md`), on the page of means: a further factor where they have
//! one, otherwise a wait. Until then what they proved is this attempt's alone: no session is opened, and the browser stays unknown.

use actix_web::HttpResponse;
use actix_web::http::header;

use super::Pages;
use super::step::{Flow, Read, StepContext};
use super::toll::Tolled;
use super::view::TollReason;
use super::visitor::Visitor;
use crate::audit::Kind;
use crate::notices::inbox::{NewNotice, NoticeKind};
use crate::people::Account;
use crate::platform::ephemeral::Batch;
use crate::platform::service_error::ServiceError;
use crate::platform::telemetry::client_of;
use crate::platform::web::params::Params;
use crate::platform::web::user_agent::described;
use crate::sign_in::risk::DEAREST;
use crate::sign_in::{Authenticated, Limit, Means, Page, is_single_factor, masked_network};

/// Counts that somebody signs in from a network, in the batch that opens their session; `false` when it is known before that it was one too
/// many, which is asked only where something is recorded before that batch.
///
/// # Errors
/// [`ServiceError`] when short-lived state is unavailable.
pub(super) async fn arrives_in(
    pages: &Pages,
    visitor: &Visitor,
    (authenticated, account): (&Authenticated, &Account),
    records: bool,
    batch: &mut Batch<'_>,
) -> Result<bool, ServiceError> {
    let sign_in = &pages.sign_in;
    if visitor.waited || !sign_in.looks_at_networks(authenticated, &visitor.known, &visitor.network) {
        return Ok(true);
    }
    if records && sign_in.is_elsewhere(authenticated, &visitor.network).await? {
        return Ok(false);
    }
    sign_in.arrive_in(batch, authenticated, account, &visitor.network);
    Ok(true)
}

/// Counts that somebody went on who was asked for more.
pub(super) fn went_on(pages: &Pages, step: &StepContext<'_>, visitor: &Visitor) {
    let outcome = match (visitor.waited, step.open.attempt.is_doubted()) {
        (true, _) => "waited",
        (false, true) => "further",
        (false, false) => return,
    };
    pages.sign_in.metrics.sign_ins("networks", outcome).inc();
}

/// Asks for more than `authenticated`; whatever was prepared for another end of the attempt is forgotten.
///
/// # Errors
/// [`ServiceError`] when a store is unavailable; then nobody is signed in.
pub(super) async fn doubt(
    pages: &Pages,
    step: &mut StepContext<'_>,
    authenticated: Authenticated,
) -> Result<Flow, ServiceError> {
    let found = match StepContext::find(pages, step.context.request, Read::Attempt).await {
        Ok(found) => found,
        Err(instead) => return Ok(instead.into()),
    };
    *step = found;
    let now = pages.sign_in.clock.now();
    if step.open.attempt.doubt(authenticated.clone(), now).is_err()
        // It is kept in the store from here on: its address does not carry what was proved.
        || !pages.sign_in.attempts.store_again(&mut step.open).await?
    {
        return Ok(Flow::Due);
    }
    pages.sign_in.metrics.sign_ins("networks", "asked").inc();
    step.record(pages, Kind::SignInDoubted, Some(&authenticated), |event| event);
    let headers = step.context.request.headers();
    let device = headers.get(header::USER_AGENT).and_then(|said| said.to_str().ok()).and_then(described);
    let notice = NewNotice::new(NoticeKind::ManyNetworks).service(step.client.id.as_str()).device(device);
    let notice = notice.place(masked_network(client_of(step.context.request).ip()));
    pages.sign_in.tell_of_networks(&authenticated.person_id, notice).await?;
    Ok(step.go(Page::Means).into())
}

/// The means of those that the person has which make a second factor here. `None` where there is none that is surely in their hands: not
/// everybody has a key for signatures, or a camera.
pub(super) fn further(step: &StepContext<'_>, able: Vec<Means>) -> Option<Vec<Means>> {
    let base = step.open.attempt.stage().base()?;
    let adds = |means: &Means| !is_single_factor(&[&base.means[..], &[*means]].concat());
    let further: Vec<Means> = able.into_iter().filter(adds).collect();
    let own = |means: &Means| matches!(means, Means::MobileId | Means::Password | Means::Passkey);
    further.iter().any(own).then_some(further)
}

/// The page on which a person waits who has no further factor.
pub(super) fn page(pages: &Pages, step: &StepContext<'_>) -> HttpResponse {
    let form = Params::default();
    let due = waiting(&form).due(pages, step, DEAREST, None);
    due.unwrap_or_else(|| step.too_many(Limit::Toll(DEAREST), Page::Means))
}

/// The toll of that page.
pub(super) fn waiting(form: &Params) -> Tolled<'_> {
    Tolled::read(form, Page::Means, TollReason::Networks, ("doubted", "1"))
}
