//! Who sends a form, as limits look at it, before anything is read for it.

use actix_web::{HttpRequest, HttpResponse};

use super::Pages;
use crate::clients::Client;
use crate::platform::telemetry::client_of;
use crate::platform::web::page_context::{PageContext, Problem};
use crate::platform::web::problem::ProblemKind;
use crate::sign_in::{BrowserId, ClientNetwork, KnownBrowsers, KnownPersons, Limit, Sender};

/// Where a form comes from, and who signed in in this browser before.
pub(super) struct Visitor {
    pub(super) network: ClientNetwork,
    pub(super) known: KnownPersons,
    /// Whether they have waited because they seem to be in many places.
    pub(super) waited: bool,
}

impl Visitor {
    /// Counts a form.
    ///
    /// # Errors
    /// The answer, when there were too many from there.
    pub(super) fn admitted(pages: &Pages, request: &HttpRequest) -> Result<Self, HttpResponse> {
        let (sign_in, now) = (&pages.sign_in, pages.sign_in.clock.now());
        let network = client_network(pages, request);
        let browser = pages.cookies.read(request, BrowserId::COOKIE).and_then(BrowserId::parse);
        let browser = browser.map(|browser| browser.digest());
        let cookie = pages.cookies.read(request, KnownBrowsers::COOKIE);
        let known = browser.map(|browser| sign_in.known.read(cookie, &browser, now)).unwrap_or_default();
        let visitor = Self { network, known, waited: false };
        if sign_in.flood.admits(
            &visitor.network,
            browser.as_ref().map(|browser| (browser, &visitor.known)),
            now,
        ) {
            return Ok(visitor);
        }
        sign_in.metrics.limits(Limit::Forms.name()).inc();
        let problem = Problem { retry_after: Some(Limit::Forms.retry_after()), ..Problem::default() };
        Err(PageContext::new(request, pages.cookies, None).problem(ProblemKind::TooManyRequests, &problem))
    }

    /// As [`Visitor::admitted`], of what was counted before: it only goes on.
    pub(super) fn uncounted(pages: &Pages, request: &HttpRequest) -> Self {
        let (sign_in, now) = (&pages.sign_in, pages.sign_in.clock.now());
        let browser = pages.cookies.read(request, BrowserId::COOKIE).and_then(BrowserId::parse);
        let cookie = pages.cookies.read(request, KnownBrowsers::COOKIE);
        let known = browser.map(|browser| sign_in.known.read(cookie, &browser.digest(), now));
        let known = known.unwrap_or_default();
        Self { network: client_network(pages, request), known, waited: false }
    }

    /// Where a request comes from, which is not counted.
    pub(super) fn network(pages: &Pages, request: &HttpRequest) -> ClientNetwork {
        client_network(pages, request)
    }

    /// As who asks for a code for `client`.
    pub(super) fn sender<'a>(&'a self, client: &'a Client) -> Sender<'a> {
        Sender { client, network: &self.network, known: &self.known, paid: 0 }
    }
}

/// The client's network, as limits count it: by keyed digests, since all addresses could be tried against plain ones.
fn client_network(pages: &Pages, request: &HttpRequest) -> ClientNetwork {
    let digest = |text: &str| pages.networks.digest(&[text.as_bytes()]);
    ClientNetwork::of(client_of(request).ip(), &pages.sign_in.settings.networks, digest)
}
