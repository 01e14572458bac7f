//! What a browser remembers of a sign-in, and what its person is told of it.

use actix_web::HttpResponse;
use actix_web::http::header;

use super::Pages;
use super::step::StepContext;
use super::visitor::Visitor;
use crate::notices::inbox::{NewNotice, NoticeKind};
use crate::people::{Epoch, PersonId};
use crate::platform::telemetry::client_of;
use crate::platform::web::respond;
use crate::platform::web::user_agent::described;
use crate::sign_in::{
    Authenticated, BrowserId, KnownBrowsers, LAST_MEANS, LAST_MEANS_SECONDS, Means, Newness, SessionId,
    masked_network,
};

/// Lets the browser remember who signed in there, and by what.
pub(super) fn remembering(
    pages: &Pages,
    step: &StepContext<'_>,
    visitor: &Visitor,
    (id, authenticated): (&SessionId, &Authenticated),
    response: HttpResponse,
) -> HttpResponse {
    let (sign_in, used) = (&pages.sign_in, used(authenticated));
    let who = (&authenticated.person_id, authenticated.epoch);
    tell_of_the_browser(pages, step, visitor, who);
    let (browser, place) = (&step.open.attempt.browser, &visitor.network.place);
    let known = sign_in.known.remember(&visitor.known, who, (browser, place), sign_in.clock.now());
    let mut cookies = pages.cookies.set(SessionId::COOKIE, id.as_str(), None);
    cookies.extend(pages.cookies.set(KnownBrowsers::COOKIE, &known, Some(KnownBrowsers::SECONDS)));
    if sign_in.settings.offered.len() > 1 {
        cookies.extend(pages.cookies.set(LAST_MEANS, used.name(), Some(LAST_MEANS_SECONDS)));
    }
    // What is known is bound to the browser's identifier, and must not end before it.
    if let Some(browser) = pages.cookies.read(step.context.request, BrowserId::COOKIE) {
        cookies.extend(pages.cookies.set(BrowserId::COOKIE, browser, Some(BrowserId::SECONDS)));
    }
    respond::with_cookies(response, cookies)
}

/// Tells the person of a sign-in from a browser or place that was not known (security requirement: ASVS 6.3.5). It is stored a
/// moment later, so that it costs the sign-in nothing.
fn tell_of_the_browser(pages: &Pages, step: &StepContext<'_>, visitor: &Visitor, who: (&PersonId, Epoch)) {
    let kind = match pages.sign_in.known.newness(&visitor.known, who, &visitor.network.place) {
        Newness::Nothing => return,
        Newness::Browser => NoticeKind::NewDevice,
        Newness::Place => NoticeKind::NewPlace,
    };
    let headers = step.context.request.headers();
    let device = headers.get(header::USER_AGENT).and_then(|said| said.to_str().ok()).and_then(described);
    let notice = NewNotice::new(kind).service(step.client.id.as_str()).device(device);
    let notice = notice.place(masked_network(client_of(step.context.request).ip()));
    pages.sign_in.inbox.post(who.0, notice);
}

/// The means that was used now, before those of the session so far.
pub(super) fn used(authenticated: &Authenticated) -> Means {
    authenticated.means.first().copied().unwrap_or(Means::MobileId)
}
