//! The cabinet: a citizen's own pages at this provider. Which services have their data, where they are signed in, who looked at what.
//!
//! It is a first-party client: who has no session signs in by the same pages as at any service and comes back to the page that they
//! wanted; a page that could hurt wants a proof that is not older than five minutes (`visit.rs`). It has no way in of its own, no
//! tokens and no cookie. Every page is a plain form or link and works without scripts.

mod accesses;
mod complaints;
mod data;
mod email;
mod means;
mod mobile_id;
mod notices;
mod overview;
mod passkeys;
mod receipts;
mod recover;
mod requests;
mod safety;
mod services;
mod sessions;
mod shell;
mod sms_lock;
mod unlock;
mod visit;
mod words;

use std::sync::Arc;

use crate::accounts::Representations;
use crate::accounts::passkeys::Passkeys;
use crate::applications::Receipts;
use crate::clients::Registry;
use crate::first_party::FirstParty;
use crate::ledger::Ledger;
use crate::life_events::{Enrolments, LifeEvents, Recoveries, Remote};
use crate::notices::SmsWishes;
use crate::notices::charges::Charges;
use crate::notices::email::{CONFIRM, Emails};
use crate::notices::inbox::Inbox;
use crate::oidc::{Ciba, Logout};
use crate::platform::seal::Mac;
use crate::platform::telemetry::Metrics;
use crate::platform::web::cookies::Cookies;
use crate::release::Release;
use crate::sign_in::{Means, SignIn, UNLOCK};

/// Where the cabinet is.
pub const PATH: &str = "/cabinet";

/// Where somebody begins who forgot their password.
pub const RECOVER: &str = "/recover";

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
    /// Forgets one browser.
    pub(super) const FORGET_BROWSER: &str = "/cabinet/sessions/forget";
    /// Where and for what the person signed in.
    pub(super) const HISTORY: &str = "/cabinet/history";
    /// Who looked at the person's data.
    pub(super) const ACCESSES: &str = "/cabinet/accesses";
    /// One release of them.
    pub(super) const ACCESS: &str = "/cabinet/accesses/{id}";
    /// The proof of one.
    pub(super) const PROOF: &str = "/cabinet/accesses/{id}/proof";
    /// The list as a file.
    pub(super) const ACCESSES_CSV: &str = "/cabinet/accesses.csv";
    pub(super) const ACCESSES_PDF: &str = "/cabinet/accesses.pdf";
    /// Applications that the person confirmed.
    pub(super) const RECEIPTS: &str = "/cabinet/receipts";
    /// The receipt of one.
    pub(super) const RECEIPT: &str = "/cabinet/receipts/{id}";
    /// What the person was told.
    pub(super) const NOTICES: &str = "/cabinet/notices";
    /// One notice.
    pub(super) const NOTICE: &str = "/cabinet/notices/{id}";
    /// Of what an SMS is wanted.
    pub(super) const SMS: &str = "/cabinet/notices/sms";
    /// No SMS any more.
    pub(super) const END_SMS: &str = "/cabinet/notices/sms/end";
    /// What waits for the person's approval.
    pub(super) const REQUESTS: &str = "/cabinet/requests";
    /// Keeps a service that asks from asking.
    pub(super) const MUTE: &str = "/cabinet/requests/mute";
    /// What is on file.
    pub(super) const DATA: &str = "/cabinet/data";
    /// The same with whole values.
    pub(super) const WHOLE: &str = "/cabinet/data/whole";
    /// The address for mails.
    pub(super) const EMAIL: &str = "/cabinet/email";
    /// No mails any more.
    pub(super) const END_EMAIL: &str = "/cabinet/email/end";
    /// By what the person signs in.
    pub(super) const MEANS: &str = "/cabinet/means";
    /// Sets a password.
    pub(super) const MEANS_PASSWORD: &str = "/cabinet/means/password";
    /// Chooses a login.
    pub(super) const MEANS_LOGIN: &str = "/cabinet/means/login";
    /// Takes a means away.
    pub(super) const REMOVE_MEANS: &str = "/cabinet/means/remove";
    /// Stops a recovery.
    pub(super) const STOP_RECOVERY: &str = "/cabinet/means/stop";
    /// The person's Mobile-ID.
    pub(super) const MOBILE_ID: &str = "/cabinet/mobile-id";
    /// The form for another number.
    pub(super) const MOBILE_ID_NUMBER: &str = "/cabinet/mobile-id/number";
    /// An application for it.
    pub(super) const MOBILE_ID_STEP: &str = "/cabinet/mobile-id/applications/{id}";
    /// Ends it by the face.
    pub(super) const MOBILE_ID_END: &str = "/cabinet/mobile-id/end";
    /// Begins a signature that ends it.
    pub(super) const MOBILE_ID_SIGN: &str = "/cabinet/mobile-id/end/sign";
    /// Ends it once there is a signature.
    pub(super) const MOBILE_ID_SIGNED: &str = "/cabinet/mobile-id/end/signed";
    /// Says that it has ended.
    pub(super) const MOBILE_ID_ENDED: &str = "/cabinet/mobile-id/ended";
    /// Says that the number was changed.
    pub(super) const MOBILE_ID_CHANGED: &str = "/cabinet/mobile-id/changed";
    /// The person's passkeys.
    pub(super) const PASSKEYS: &str = "/cabinet/passkeys";
    /// Adds one.
    pub(super) const ADD_PASSKEY: &str = "/cabinet/passkeys/add";
    /// Leads to a further factor before.
    pub(super) const STEP_UP_PASSKEY: &str = "/cabinet/passkeys/step-up";
    /// Gives one another name.
    pub(super) const RENAME_PASSKEY: &str = "/cabinet/passkeys/rename";
    /// Removes one.
    pub(super) const REMOVE_PASSKEY: &str = "/cabinet/passkeys/remove";
    /// What to do when something was not the person.
    pub(super) const SAFETY: &str = "/cabinet/safety";
    /// Ends everything and opens a complaint.
    pub(super) const NOT_ME: &str = "/cabinet/not-me";
    /// Complaints, each under its number.
    pub(super) const COMPLAINTS: &str = "/cabinet/complaints";
    /// One complaint.
    pub(super) const COMPLAINT: &str = "/cabinet/complaints/{number}";
    /// Locks the account.
    pub(super) const LOCK: &str = "/cabinet/lock";
    /// Says that an account is locked.
    pub(super) const LOCKED: &str = "/cabinet/locked";
}

pub use complaints::{About, Complaint, Complaints};
pub use sms_lock::locked_by_sms;

/// What the stores in here keep their data in.
pub(crate) const TABLES: &[&str] = &[complaints::TABLE];

/// Entries of a list on one page.
const PAGE: usize = 15;

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
    /// Completes an identification.
    pub enrolments: Enrolments,
    /// Identification and its end without a place.
    pub remote: Remote,
    /// Recovers accounts.
    pub recoveries: Recoveries,
    /// Which organisations people act for.
    pub representations: Representations,
    /// Ends sessions, and tells services.
    pub logout: Logout,
    /// Who looked at what.
    pub ledger: Ledger,
    /// What people were told.
    pub inbox: Inbox,
    /// Where mails go to, if any are sent.
    pub emails: Option<Emails>,
    /// Of what they want an SMS.
    pub wishes: SmsWishes,
    /// What such an SMS costs.
    pub charges: Charges,
    /// Requests to approve something.
    pub ciba: Ciba,
    /// Receipts of applications that they confirmed.
    pub receipts: Receipts,
    /// Their passkeys.
    pub passkeys: Passkeys,
    /// What was not them.
    pub complaints: Complaints,
    /// The services.
    pub clients: Arc<Registry>,
    /// Proves that a form was shown to a session, and what a page says was done.
    pub forms: Arc<Mac>,
    /// How cookies are read and set.
    pub cookies: Cookies,
    /// This provider's origin, which its own forms are posted from.
    pub origin: Arc<str>,
    /// For how many days the history of sign-ins is kept.
    pub history_days: u32,
}

impl Cabinet {
    /// Whether people sign in by password here.
    fn offers_passwords(&self) -> bool {
        self.sign_in.settings.offered.contains(&Means::Password)
    }
}

/// Adds the pages, each counted by its name.
#[expect(clippy::too_many_lines, reason = "a line for each page")]
pub fn routes(config: &mut actix_web::web::ServiceConfig, metrics: &Metrics) {
    use actix_web::web::{PayloadConfig, get, post, resource};
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
        .service(named(paths::FORGET_BROWSER, "cabinet_sessions").route(post().to(sessions::forget)))
        .service(named(paths::HISTORY, "cabinet_history").route(get().to(sessions::history)))
        .service(named(paths::ACCESSES, "cabinet_accesses").route(get().to(accesses::get)))
        .service(named(paths::ACCESSES_CSV, "cabinet_accesses").route(get().to(accesses::export::csv)))
        .service(named(paths::ACCESSES_PDF, "cabinet_accesses").route(get().to(accesses::export::pdf)))
        .service(named(paths::PROOF, "cabinet_accesses").route(get().to(accesses::proof)))
        .service(named(paths::ACCESS, "cabinet_accesses").route(get().to(accesses::one)))
        .service(
            named(paths::NOTICES, "cabinet_notices")
                .route(get().to(notices::get))
                .route(post().to(notices::read_all)),
        )
        .service(
            named(paths::SMS, "cabinet_sms").route(get().to(notices::sms)).route(post().to(notices::accept)),
        )
        .service(named(paths::END_SMS, "cabinet_sms").route(post().to(notices::withdraw)))
        .service(named(paths::NOTICE, "cabinet_notices").route(get().to(notices::one)))
        .service(named(paths::RECEIPTS, "cabinet_receipts").route(get().to(receipts::get)))
        .service(named(paths::RECEIPT, "cabinet_receipts").route(get().to(receipts::one)))
        .service(named(paths::REQUESTS, "cabinet_requests").route(get().to(requests::get)))
        .service(named(paths::MUTE, "cabinet_requests").route(post().to(requests::mute)))
        .service(named(paths::DATA, "cabinet_data").route(get().to(data::get)).route(post().to(data::speak)))
        .service(named(paths::WHOLE, "cabinet_data").route(get().to(data::whole)))
        .service(
            named(paths::EMAIL, "cabinet_email").route(get().to(email::get)).route(post().to(email::ask)),
        )
        .service(named(paths::END_EMAIL, "cabinet_email").route(post().to(email::end)))
        .service(
            named(CONFIRM, "cabinet_email").route(get().to(email::link)).route(post().to(email::confirm)),
        )
        .service(named(paths::MEANS, "cabinet_means").route(get().to(means::get)))
        .service(
            named(paths::MEANS_PASSWORD, "cabinet_means")
                .route(get().to(means::password))
                .route(post().to(means::set_password)),
        )
        .service(
            named(paths::MEANS_LOGIN, "cabinet_means")
                .route(get().to(means::login))
                .route(post().to(means::set_login)),
        )
        .service(named(paths::REMOVE_MEANS, "cabinet_means").route(post().to(means::remove)))
        .service(named(paths::STOP_RECOVERY, "cabinet_means").route(post().to(means::stop)))
        .service(named(RECOVER, "recover").route(get().to(recover::get)).route(post().to(recover::begin)))
        .service(named(recover::STOPPED, "recover").route(get().to(recover::stopped)))
        .service(
            named("/recover/stop/{word}", "recover_stop")
                .route(get().to(recover::stop_page))
                .route(post().to(recover::stop)),
        )
        .service(named(paths::MOBILE_ID, "cabinet_mobile_id").route(get().to(mobile_id::get)))
        .service(
            named(paths::MOBILE_ID_NUMBER, "cabinet_mobile_id")
                .route(get().to(mobile_id::form))
                .route(post().to(mobile_id::open)),
        )
        .service(
            named(paths::MOBILE_ID_STEP, "cabinet_mobile_id")
                .app_data(PayloadConfig::new(mobile_id::LONGEST))
                .route(get().to(mobile_id::step))
                .route(post().to(mobile_id::act)),
        )
        .service(
            named(paths::MOBILE_ID_END, "cabinet_mobile_id")
                .app_data(PayloadConfig::new(mobile_id::LONGEST))
                .route(get().to(mobile_id::end))
                .route(post().to(mobile_id::end_by_face)),
        )
        .service(named(paths::MOBILE_ID_SIGN, "cabinet_mobile_id").route(post().to(mobile_id::end_begin)))
        .service(named(paths::MOBILE_ID_SIGNED, "cabinet_mobile_id").route(post().to(mobile_id::end_result)))
        .service(named(paths::MOBILE_ID_ENDED, "cabinet_mobile_id").route(get().to(mobile_id::ended)))
        .service(named(paths::MOBILE_ID_CHANGED, "cabinet_mobile_id").route(get().to(mobile_id::changed)))
        .service(named(paths::PASSKEYS, "cabinet_passkeys").route(get().to(passkeys::get)))
        .service(
            named(paths::ADD_PASSKEY, "cabinet_passkeys")
                .route(get().to(passkeys::add))
                .route(post().to(passkeys::added)),
        )
        .service(named(paths::STEP_UP_PASSKEY, "cabinet_passkeys").route(post().to(passkeys::step_up)))
        .service(named(paths::RENAME_PASSKEY, "cabinet_passkeys").route(post().to(passkeys::rename)))
        .service(named(paths::REMOVE_PASSKEY, "cabinet_passkeys").route(post().to(passkeys::remove)))
        .service(named(paths::SAFETY, "cabinet_safety").route(get().to(safety::get)))
        .service(
            named(paths::NOT_ME, "cabinet_safety")
                .route(get().to(safety::not_me))
                .route(post().to(safety::end_everything)),
        )
        .service(named(paths::COMPLAINT, "cabinet_safety").route(get().to(safety::complaint)))
        .service(
            named(paths::LOCK, "cabinet_lock").route(get().to(safety::lock)).route(post().to(safety::locks)),
        )
        .service(named(paths::LOCKED, "cabinet_lock").route(get().to(safety::locked)))
        .service(
            named(UNLOCK, "cabinet_unlock").route(get().to(unlock::get)).route(post().to(unlock::unlock)),
        )
        .service(named(unlock::BEGIN, "cabinet_unlock").route(post().to(unlock::begin)))
        .service(named(unlock::UNLOCKED, "cabinet_unlock").route(get().to(unlock::unlocked)));
}
