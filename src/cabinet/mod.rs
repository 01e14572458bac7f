//! The cabinet: a citizen's own pages at this provider. Which services have their data, where they are signed in, who looked at what.
//!
//! It is a first-party client: who has no session signs in by the same pages as at any service and comes back to the page that they
//! wanted; a page that could hurt wants a proof that is not older than five minutes (`visit.rs`). It has no way in of its own, no
//! tokens and no cookie. Every page is a plain form or link and works without scripts.

mod overview;
mod services;
mod sessions;
mod shell;
mod visit;
mod words;

use std::sync::Arc;

use crate::clients::Registry;
use crate::first_party::FirstParty;
use crate::life_events::LifeEvents;
use crate::oidc::Logout;
use crate::platform::telemetry::Metrics;
use crate::platform::web::cookies::Cookies;
use crate::release::Release;
use crate::sign_in::SignIn;

/// Where the cabinet is.
pub const PATH: &str = "/cabinet";

/// Where its pages and forms are.
mod paths {
    /// Services that have the person's data.
    pub(super) const SERVICES: &str = "/cabinet/services";
    /// Ends a consent.
    pub(super) const END_CONSENT: &str = "/cabinet/services/end";
    /// Lets a service's requests through again.
    pub(super) const UNMUTE: &str = "/cabinet/services/unmute";
    /// Where the person is signed in.
    pub(super) const SESSIONS: &str = "/cabinet/sessions";
    /// Ends one session.
    pub(super) const END_SESSION: &str = "/cabinet/sessions/end";
    /// Ends all sessions but this browser's.
    pub(super) const END_OTHERS: &str = "/cabinet/sessions/end-others";
    /// Where and for what the person signed in.
    pub(super) const HISTORY: &str = "/cabinet/history";
}

/// Entries of a list on one page.
const PAGE: usize = 20;

/// What the cabinet's pages need. Cheap to clone.
#[derive(Clone)]
pub struct Cabinet {
    /// Signs people in for these pages.
    pub first_party: FirstParty,
    /// Sessions and the history of sign-ins.
    pub sign_in: SignIn,
    /// Persons and consents.
    pub release: Release,
    /// Ends what a person ends.
    pub life_events: LifeEvents,
    /// Ends sessions, and tells services.
    pub logout: Logout,
    /// The services.
    pub clients: Arc<Registry>,
    /// How cookies are read and set.
    pub cookies: Cookies,
    /// This provider's origin, which its own forms are posted from.
    pub origin: Arc<str>,
    /// For how many days the history of sign-ins is kept.
    pub history_days: u32,
}

/// Adds the pages, each counted by its name.
pub fn routes(config: &mut actix_web::web::ServiceConfig, metrics: &Metrics) {
    use actix_web::web::{get, post, resource};
    let named = |path: &str, name: &'static str| {
        resource(path).app_data(metrics.route(name)).default_service(actix_web::web::to(visit::wrong_method))
    };
    config
        .service(named(PATH, "cabinet").route(get().to(overview::get)))
        .service(named(paths::SERVICES, "cabinet_services").route(get().to(services::get)))
        .service(named(paths::END_CONSENT, "cabinet_services").route(post().to(services::end)))
        .service(named(paths::UNMUTE, "cabinet_services").route(post().to(services::unmute)))
        .service(named(paths::SESSIONS, "cabinet_sessions").route(get().to(sessions::get)))
        .service(named(paths::END_SESSION, "cabinet_sessions").route(post().to(sessions::end)))
        .service(named(paths::END_OTHERS, "cabinet_sessions").route(post().to(sessions::end_others)))
        .service(named(paths::HISTORY, "cabinet_history").route(get().to(sessions::history)));
}
