//! The pages that a person walks through between a service's request and its answer, and signing out.
//!
//! Every page has one path and one form. Which page comes next is decided from the stored stage of the sign-in attempt,
//! never from the address: a guessed address, an expired page, a second tab or the back button lead to the step that is
//! due, or back to the service. The rules of the steps are in `sign_in`, of consent in `release`. No page knows a
//! protocol: the answer is made in `completion.rs`, and signing out in `sign_out.rs` speaks for the one that has it.

mod application;
mod approval;
mod code;
mod completion;
mod consent;
mod continuing;
mod data;
mod drive;
mod eri;
mod face;
mod finish;
mod first_password;
mod icon;
mod locked;
mod means;
mod number;
mod passkey;
mod password;
mod permission;
mod proof;
mod qr;
mod remembered;
mod sign_out;
mod step;
mod toll;
mod travel;
mod view;
mod visitor;
mod waited;
mod welcome;

use std::sync::Arc;

use crate::accounts::Representations;
use crate::accounts::passkeys::Passkeys;
use crate::accounts::passwords::Passwords;
use crate::clients::{Registry, SubjectIds};
use crate::first_party::FirstParty;
use crate::life_events::LifeEvents;
use crate::platform::seal::Mac;
use crate::platform::telemetry::Metrics;
use crate::platform::web::cookies::Cookies;
use crate::release::Release;
use crate::sign_in::{Eri, Face, QrCodes, RETURN_PATH, SignIn};

pub use approval::answered_by_sms;
pub use completion::Completion;
pub use sign_out::SignOut;

/// What the pages need. Cheap to clone.
#[derive(Clone)]
pub struct Pages {
    /// The steps.
    pub sign_in: SignIn,
    /// Persons and consents.
    pub release: Release,
    /// Ends what a new consent or a refusal ends.
    pub life_events: LifeEvents,
    /// Passwords.
    pub passwords: Passwords,
    /// Relying parties.
    pub clients: Arc<Registry>,
    /// Subject identifiers of people.
    pub subject_ids: Arc<SubjectIds>,
    /// Makes the answer, by whatever protocol asked.
    pub completion: Completion,
    /// Ends sessions.
    pub sign_out: SignOut,
    /// Signs people in for the pages of their phones.
    pub first_party: FirstParty,
    /// People's passkeys.
    pub passkeys: Passkeys,
    /// What waits for a phone.
    pub qr: QrCodes,
    /// Proves that the page of a phone was shown to its session.
    pub qr_forms: Arc<Mac>,
    /// Digests of clients' networks, by which limits count.
    pub networks: Arc<Mac>,
    /// How cookies are read and set.
    pub cookies: Cookies,
    /// Electronic digital signatures, where they are offered.
    pub eri: Option<Eri>,
    /// Faces, where they are offered.
    pub face: Option<Face>,
    /// Which organisations people act for.
    pub representations: Representations,
    /// This provider's origin, which its own forms are posted from.
    pub origin: Arc<str>,
}

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
        .service(named("/sign-in/means", "means").route(get().to(means::get)).route(post().to(waited::post)))
        .service(
            named("/sign-in/password", "password")
                .route(get().to(password::get))
                .route(post().to(password::post)),
        )
        .service(
            named("/sign-in/new-password", "new_password")
                .route(get().to(password::new))
                .route(post().to(password::set)),
        )
        .service(
            named("/password/{word}", "first_password")
                .route(get().to(first_password::get))
                .route(post().to(first_password::post)),
        )
        .service(named("/sign-in/code", "code").route(get().to(code::get)).route(post().to(code::post)))
        .service(
            named("/sign-in/passkey", "passkey")
                .route(get().to(passkey::get))
                .route(post().to(passkey::post)),
        )
        .service(named("/sign-in/qr", "qr").route(get().to(qr::get)).route(post().to(qr::post)))
        .service(named("/q/{secret}", "qr_phone").route(get().to(qr::ask)).route(post().to(qr::decided)))
        .service(
            named("/sign-in/consent", "consent")
                .route(get().to(consent::get))
                .route(post().to(consent::post)),
        )
        .service(
            named("/sign-in/permission", "permission")
                .route(get().to(permission::get))
                .route(post().to(permission::post)),
        )
        .service(
            named("/sign-in/continue", "continue")
                .route(get().to(continuing::get))
                .route(post().to(continuing::post)),
        )
        .service(named("/sign-in/eri", "eri").route(get().to(eri::get)).route(post().to(eri::post)))
        .service(named("/sign-in/face", "face").route(get().to(face::get)).route(post().to(face::post)))
        .service(named(RETURN_PATH, "face_return").route(get().to(face::come_back)))
        .service(named("/sign-in/cancel", "cancel").route(get().to(finish::cancel)))
        .service(
            named(sign_out::PATH, "logout").route(get().to(sign_out::get)).route(post().to(sign_out::post)),
        )
        .service(named("/sign-out", "sign_out").route(post().to(sign_out::confirmed)))
        .service(
            named("/a", "approval_reference")
                .route(get().to(approval::enter))
                .route(post().to(approval::entered)),
        )
        .service(
            named("/a/{reference}", "approval")
                .route(get().to(approval::get))
                .route(post().to(approval::post)),
        )
        .service(named("/icons/{digest}", "icon").route(get().to(icon::get)))
        .service(named("/", "welcome").route(get().to(welcome::get)));
}
