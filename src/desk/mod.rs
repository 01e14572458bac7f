//! The desk: the workplace of staff who identify people in person, at state service centres, notary offices and post offices
//! (`docs/desk.md`).
//!
//! Members sign in by passkey alone; what they do with a person who came follows annex 1 of resolution 479, one page for each step. Who
//! they are and what they did is in `staff`; what an identification is and what follows what, in `mobile_id`. Pages never wait for a
//! register: it is asked beside them, and a page that waits asks again by itself. All works without scripts but the passkey and the camera.

mod account_code;
mod account_form;
mod accounts;
mod applications;
mod complaints;
mod obstacle;
mod paper;
mod presence;
mod recover;
mod revoke;
mod shell;
mod sign_in;
mod steps;
mod supervision;
mod team;
mod visit;
mod walks;
mod words;

use std::sync::Arc;

use actix_web::web::PayloadConfig;

use crate::life_events::{Enrolments, Openings, Recoveries};
use crate::mobile_id::Identifications;
use crate::notices::charges::{Charges, MessageKind};
use crate::platform::clock::Clock;
use crate::platform::seal::Mac;
use crate::platform::telemetry::Metrics;
use crate::platform::web::cookies::Cookies;
use crate::staff::{Ceremonies, Staff, StaffSessions};

pub use walks::DESK_WALKS;

/// Where the pages and forms are.
mod paths {
    /// The place's applications of today.
    pub(super) const DESK: &str = "/desk";
    /// Signs a member in.
    pub(super) const SIGN_IN: &str = "/desk/sign-in";
    /// Signs them out.
    pub(super) const SIGN_OUT: &str = "/desk/sign-out";
    /// Asks for the passkey once more.
    pub(super) const PROVE: &str = "/desk/prove";
    /// Makes a passkey by a link.
    pub(super) const PASSKEY: &str = "/desk/passkey";
    /// The member's own passkeys.
    pub(super) const PASSKEYS: &str = "/desk/passkeys";
    /// Links for passkeys.
    pub(super) const TEAM: &str = "/desk/team";
    /// Confirms a link that an administrator asked for.
    pub(super) const LINKS: &str = "/desk/team/confirm";
    /// Members who were stopped.
    pub(super) const HOLDS: &str = "/desk/holds";
    /// Tells a member that they were stopped.
    pub(super) const HELD: &str = "/desk/held";
    /// What was done at the place.
    pub(super) const ACTIONS: &str = "/desk/actions";
    /// Complaints about refusals and about staff.
    pub(super) const COMPLAINTS: &str = "/desk/complaints";
    /// Answers one.
    pub(super) const ANSWER: &str = "/desk/complaints/answer";
    /// The form of annex 2.
    pub(super) const NEW: &str = "/desk/applications/new";
    /// Finds an application by its reference.
    pub(super) const FIND: &str = "/desk/find";
    /// Ends an identification at the person's request.
    pub(super) const REVOKE: &str = "/desk/revoke";

    /// Opens an account for somebody, or confirms the one that they have.
    pub(super) const ACCOUNTS: &str = "/desk/accounts";

    /// Sends a temporary password to somebody who lost theirs.
    pub(super) const RECOVER: &str = "/desk/recover";

    /// An application.
    pub(super) fn application(id: &str) -> String {
        format!("/desk/applications/{id}")
    }
}

/// Entries of a list on one page.
const PAGE: usize = 20;

/// What the pages of the desk need. Cheap to clone.
#[derive(Clone)]
pub struct Desk {
    /// Members, places, and what was done.
    pub staff: Staff,
    /// Who is signed in.
    pub sessions: StaffSessions,
    /// Passkeys.
    pub ceremonies: Ceremonies,
    /// Applications.
    pub identifications: Identifications,
    /// Their completion, and the end of enrolments.
    pub enrolments: Enrolments,
    /// Opens and confirms accounts.
    pub openings: Openings,
    /// Recovers accounts.
    pub recoveries: Recoveries,
    /// What an SMS costs, for the warning.
    pub charges: Charges,
    /// Time.
    pub clock: Clock,
    /// Keyed digests of codes.
    pub codes: Arc<Mac>,
    /// Proves that a form was shown to a session.
    pub forms: Arc<Mac>,
    /// How cookies are read and set.
    pub cookies: Cookies,
    /// This provider's origin.
    pub origin: Arc<str>,
    /// How long the use of a passkey counts, in seconds.
    pub proof_seconds: i64,
    /// How long a link for a passkey lives, in seconds.
    pub link_seconds: u32,
}

impl Desk {
    /// What an SMS costs at most, in tiyin; `None` where nobody said.
    fn sms_price(&self) -> Option<i64> {
        MessageKind::ALL
            .into_iter()
            .filter_map(|kind| self.charges.price(kind))
            .map(|price| price.tiyin)
            .max()
    }
}

/// Adds the pages, each counted by its name.
pub fn routes(config: &mut actix_web::web::ServiceConfig, metrics: &Metrics) {
    use actix_web::web::{get, post};
    let named = |path: &str, name: &'static str| named(metrics, path, name);
    walk_routes(config, metrics);
    config
        .service(named(paths::DESK, "desk").route(get().to(applications::list)))
        .service(
            named(paths::SIGN_IN, "desk_sign_in")
                .route(get().to(sign_in::get))
                .route(post().to(sign_in::post)),
        )
        .service(named(paths::SIGN_OUT, "desk_sign_in").route(post().to(sign_in::sign_out)))
        .service(
            named(paths::PROVE, "desk_prove")
                .route(get().to(sign_in::prove))
                .route(post().to(sign_in::proved)),
        )
        .service(
            named(paths::PASSKEY, "desk_passkey")
                .route(get().to(sign_in::link))
                .route(post().to(sign_in::made)),
        )
        .service(
            named(paths::PASSKEYS, "desk_passkeys")
                .route(get().to(team::passkeys))
                .route(post().to(team::remove)),
        )
        .service(named(paths::TEAM, "desk_team").route(get().to(team::get)).route(post().to(team::give_link)))
        .service(named(paths::LINKS, "desk_team").route(post().to(team::confirm_link)))
        .service(
            named(paths::HOLDS, "desk_holds")
                .route(get().to(supervision::holds))
                .route(post().to(supervision::release)),
        )
        .service(named(paths::HELD, "desk_holds").route(get().to(supervision::held)))
        .service(named(paths::ACTIONS, "desk_actions").route(get().to(supervision::actions)))
        .service(
            named(paths::COMPLAINTS, "desk_complaints")
                .route(get().to(complaints::get))
                .route(post().to(complaints::open)),
        )
        .service(named(paths::ANSWER, "desk_complaints").route(post().to(complaints::answer)))
        .service(named(paths::FIND, "desk_applications").route(get().to(applications::find)))
        .service(
            named(paths::NEW, "desk_new")
                .route(get().to(applications::new))
                .route(post().to(applications::open)),
        )
        .service(
            named(paths::REVOKE, "desk_revoke")
                .app_data(files())
                .route(get().to(revoke::get))
                .route(post().to(revoke::post)),
        )
        .service(named("/desk/applications/{id}", "desk_application").route(get().to(steps::get)))
        .service(named("/desk/applications/{id}/warning", "desk_application").route(post().to(steps::agree)))
        .service(
            named("/desk/applications/{id}/biometrics", "desk_application")
                .app_data(files())
                .route(post().to(steps::upload)),
        )
        .service(
            named("/desk/applications/{id}/evidence", "desk_application").route(post().to(steps::accept)),
        )
        .service(named("/desk/applications/{id}/precheck", "desk_application").route(post().to(steps::again)))
        .service(named("/desk/applications/{id}/send", "desk_application").route(post().to(steps::send)))
        .service(named("/desk/applications/{id}/code", "desk_application").route(post().to(steps::enter)))
        .service(
            named("/desk/applications/{id}/refuse", "desk_application")
                .route(get().to(steps::choose))
                .route(post().to(steps::refuse)),
        )
        .service(
            named("/desk/applications/{id}/withdraw", "desk_application").route(post().to(steps::withdraw)),
        )
        .service(
            named("/desk/applications/{id}/agree", "desk_application")
                .route(post().to(steps::agree_to_changes)),
        )
        .service(named("/desk/applications/{id}/invoice", "desk_application").route(get().to(steps::invoice)))
        .service(named("/desk/applications/{id}/sheet", "desk_application").route(get().to(steps::sheet)));
}

/// The pages of what a desk begins for somebody who came, at every kind of place.
fn walk_routes(config: &mut actix_web::web::ServiceConfig, metrics: &Metrics) {
    use actix_web::web::{get, post};
    let named = |path: &str, name: &'static str| named(metrics, path, name);
    config
        .service(
            named(paths::RECOVER, "desk_recover")
                .app_data(files())
                .route(get().to(recover::get))
                .route(post().to(recover::post)),
        )
        .service(
            named("/desk/recover/{id}", "desk_recover")
                .route(get().to(recover::due))
                .route(post().to(recover::finish)),
        )
        .service(named("/desk/recover/{id}/check", "desk_recover").route(post().to(recover::again)))
        .service(named("/desk/recover/{id}/sheet", "desk_recover").route(post().to(recover::sheet)))
        .service(
            named(paths::ACCOUNTS, "desk_account")
                .app_data(files())
                .route(get().to(accounts::form))
                .route(post().to(accounts::begin)),
        )
        .service(named("/desk/accounts/{id}", "desk_account").route(get().to(accounts::due)))
        .service(named("/desk/accounts/{id}/check", "desk_account").route(post().to(accounts::again)))
        .service(named("/desk/accounts/{id}/code", "desk_account").route(post().to(accounts::send)))
        .service(named("/desk/accounts/{id}/finish", "desk_account").route(post().to(accounts::finish)))
        .service(named("/desk/accounts/{id}/sheet", "desk_account").route(post().to(accounts::sheet)));
}

fn named(metrics: &Metrics, path: &str, name: &'static str) -> actix_web::Resource {
    actix_web::web::resource(path)
        .app_data(metrics.route(name))
        .default_service(actix_web::web::to(visit::wrong_method))
}

/// Two files and a form.
fn files() -> PayloadConfig {
    PayloadConfig::new(3 * steps::LARGEST)
}
