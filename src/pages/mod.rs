//! The pages that a person walks through between a service's question and its answer, and signing out.
//!
//! Every page has one path and one form. Which page comes next is decided here from the stored stage of the sign-in,
//! never from the address: a guessed address, an expired page, a second tab or the back button lead to the step that
//! is due, or back to the service. The rules of the steps are in `sign_in`, of consent in `release`, the answer itself
//! in `oidc`.

mod code;
mod consent;
mod continuing;
mod finish;
mod number;
mod sign_out;
mod step;
pub mod view;
mod welcome;

use std::sync::Arc;

use crate::oidc::{AuthorizationRequest, Oidc};
use crate::platform::seal::Mac;
use crate::platform::telemetry::Metrics;
use crate::sign_in::SignIn;

/// What the pages need.
#[derive(Clone)]
pub struct Pages {
    /// The service's side.
    pub oidc: Oidc,
    /// The person's side.
    pub sign_in: SignIn,
    /// This provider's origin, which its own forms are posted from.
    pub origin: Arc<str>,
    /// Proves that a sign-out form was shown to a session.
    pub sign_out: Arc<Mac>,
}

/// What services ask, in every protocol that the pages serve.
pub(crate) type SignInAttempt = crate::sign_in::SignInAttempt<AuthorizationRequest>;

/// Adds the pages, each counted by its name.
pub fn routes(config: &mut actix_web::web::ServiceConfig, metrics: &Metrics) {
    use actix_web::web::{get, post, resource};
    let named = |path: &str, name: &'static str| {
        resource(path).app_data(metrics.route(name)).default_service(actix_web::web::to(step::wrong_method))
    };
    config
        .service(
            named("/sign-in/number", "number").route(get().to(number::get)).route(post().to(number::post)),
        )
        .service(named("/sign-in/code", "code").route(get().to(code::get)).route(post().to(code::post)))
        .service(
            named("/sign-in/consent", "consent")
                .route(get().to(consent::get))
                .route(post().to(consent::post)),
        )
        .service(
            named("/sign-in/continue", "continue")
                .route(get().to(continuing::get))
                .route(post().to(continuing::post)),
        )
        .service(named("/sign-in/cancel", "cancel").route(get().to(finish::cancel)))
        .service(
            named(crate::oidc::paths::END_SESSION, "logout")
                .route(get().to(sign_out::get))
                .route(post().to(sign_out::post)),
        )
        .service(named("/sign-out", "sign_out").route(post().to(sign_out::confirmed)))
        .service(named("/", "welcome").route(get().to(welcome::get)));
}
