//! Registration on-line (R113–R116): a person opens an account with their PINFL and document, or an electronic signature, and a number in
//! their own name.
//!
//! The form is checked in itself (`form.rs`), then registers are asked beside the page (`check.rs`); a code goes to the number only when
//! they agree that person, document and number belong together, so nobody's phone rings but that of whom the form is about. The right code opens
//! the account (`life_events::Openings`), in one transaction.
//!
//! Whether there is an account already is told to nobody who has not entered the code from that phone: until then all pages, and the message, are the
//! same (`code.rs`). The person of an account is told in their cabinet that somebody tried. What is known meanwhile is short-lived state
//! (`draft.rs`), found by a cookie.

mod check;
mod code;
mod draft;
mod form;
mod limits;
mod obstacle;
mod pages;
mod settings;

use std::sync::Arc;

use crate::life_events::Openings;
use crate::platform::seal::Mac;
use crate::platform::telemetry::Metrics;
use crate::platform::web::cookies::Cookies;
use crate::registries::Registries;
use crate::sign_in::{EriProofs, SignIn};

pub use draft::SIGN_UPS;
pub use settings::SignUpSettings;

/// Where one registers.
pub const PATH: &str = "/register";

/// Where its other pages are.
mod paths {
    /// Registers are being asked, and what they said.
    pub(super) const CHECK: &str = "/register/check";
    /// The code from the SMS.
    pub(super) const CODE: &str = "/register/code";
    /// A new code.
    pub(super) const RESEND: &str = "/register/code/resend";
    /// What came of it.
    pub(super) const DONE: &str = "/register/done";
}

/// What registration needs. Cheap to clone.
#[derive(Clone)]
pub struct SignUp {
    /// Whether it is offered, and its bounds.
    pub settings: Arc<SignUpSettings>,
    /// Persons, messages, short-lived state and limits on codes.
    pub sign_in: SignIn,
    /// Who is asked.
    pub registries: Registries,
    /// Opens accounts.
    pub registrations: Openings,
    /// The client of this provider's own pages, for which messages are counted.
    pub client: Arc<crate::clients::Client>,
    /// Keyed digests of codes.
    pub codes: Arc<Mac>,
    /// Keyed digests of networks.
    pub networks: Arc<Mac>,
    /// What opens the proofs that electronic signatures gave, where those are offered (R114).
    pub proofs: Option<EriProofs>,
    /// How cookies are read and set.
    pub cookies: Cookies,
    /// This provider's origin, which its own forms are posted from.
    pub origin: Arc<str>,
}

/// Adds the pages, each counted by its name.
pub fn routes(config: &mut actix_web::web::ServiceConfig, metrics: &Metrics) {
    use actix_web::web::{get, post, resource};
    let named = |path: &str| {
        resource(path)
            .app_data(metrics.route("register"))
            .default_service(actix_web::web::to(pages::wrong_method))
    };
    config
        .service(named(PATH).route(get().to(pages::form)).route(post().to(pages::begin)))
        .service(named(paths::CHECK).route(get().to(pages::check)).route(post().to(pages::check_again)))
        .service(named(paths::CODE).route(get().to(pages::code)).route(post().to(pages::enter)))
        .service(named(paths::RESEND).route(post().to(pages::resend)))
        .service(named(paths::DONE).route(get().to(pages::done)));
}
