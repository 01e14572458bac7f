//! All settings: the subjects' sections, read from their layers and validated as a whole.

mod issuer;
mod load;
mod sandbox;
mod server;

use crate::accounts::AccountSettings;
use crate::accounts::passwords::PasswordSettings;
use crate::audit::AuditSettings;
use crate::clients::ContractSettings;
use crate::ledger::LedgerSettings;
use crate::mobile_app::MobileAppSettings;
use crate::mobile_id::MobileIdSettings;
use crate::mobile_id::exchange::ExchangeSettings;
use crate::notices::NoticeSettings;
use crate::notices::charges::ChargeSettings;
use crate::notices::email::EmailSettings;
use crate::notices::sms::SmsSettings;
use crate::oidc::{CibaSettings, DataSettings, PushedRequestSettings, RegistrationSettings, TokenSettings};
use crate::platform::config::{Loader, Section, SettingsSection, choices, reference, settings};
use crate::platform::db::DatabaseSettings;
use crate::platform::ephemeral::RedisSettings;
use crate::platform::outbound::OutboundSettings;
use crate::platform::seal::KeySettings;
use crate::platform::telemetry::LogSettings;
use crate::platform::web::settings::SiteSettings;
use crate::platform::web::support::Support;
use crate::platform::web::well_known::SecuritySettings;
use crate::registries::RegistriesSettings;
use crate::sign_in::{EriSettings, FaceSettings, LimitSettings, SignInSettings};
use crate::sign_up::SignUpSettings;
use crate::staff::DeskSettings;

pub use issuer::{Issuer, IssuerError};
pub use load::{load, load_before_keyring};
pub use sandbox::{ConstantCodes, SandboxSettings};
pub use server::{ServerSettings, TlsSettings};

settings! {
    /// Keys at the top of the file.
    []
    pub struct Settings {
        /// Whether real people sign in. `sandbox` allows test people, test numbers and simulated external systems;
        /// `production` rejects them and every insecure setting.
        environment: Environment = "production";
        /// Number of nodes that serve this issuer. More than one requires PostgreSQL and Redis.
        nodes: u32 = 1, count(1..=1000, "nodes");
        [server]: ServerSettings;
        [database]: DatabaseSettings;
        [redis]: RedisSettings;
        [keys]: KeySettings;
        [sms]: SmsSettings;
        [notices]: NoticeSettings;
        [email]: Option<EmailSettings>;
        [charges]: ChargeSettings;
        [registries]: RegistriesSettings;
        [exchange]: ExchangeSettings;
        [sign_in]: SignInSettings;
        [limits]: LimitSettings;
        [sign_up]: SignUpSettings;
        [accounts]: AccountSettings;
        [eri]: Option<EriSettings>;
        [face]: Option<FaceSettings>;
        [passwords]: PasswordSettings;
        [mobile_id]: MobileIdSettings;
        [mobile_app]: MobileAppSettings;
        [tokens]: TokenSettings;
        [pushed_requests]: PushedRequestSettings;
        [registration]: RegistrationSettings;
        [contracts]: ContractSettings;
        [desk]: DeskSettings;
        [ciba]: CibaSettings;
        [data]: DataSettings;
        [sandbox]: SandboxSettings;
        [outbound]: OutboundSettings;
        [log]: LogSettings;
        [audit]: AuditSettings;
        [ledger]: LedgerSettings;
        [site]: SiteSettings;
        [support]: Support;
        [security]: SecuritySettings;
    }
}

choices! {
    /// Whether real people sign in here.
    pub enum Environment {
        /// Real people: every insecure setting is rejected.
        Production = "production",
        /// Test people, test numbers and simulated systems; no real personal data.
        Sandbox = "sandbox",
    }
}

/// Every section, in the order of the reference.
const TABLE: &Section = &Settings::SECTION;

/// The reference of all keys in Markdown: `docs/configuration.md`.
pub fn configuration_reference() -> String {
    reference(include_str!("reference.md"), TABLE)
}

impl Settings {
    fn check(&self, keyring_may_be_missing: bool, loader: &mut Loader) {
        self.server.check(loader);
        self.database.check(self.nodes, loader);
        self.redis.check(self.nodes, loader);
        self.keys.check(keyring_may_be_missing, loader);
        self.sms.check(loader);
        self.notices.check(loader);
        if let Some(email) = &self.email {
            email.check(loader);
        }
        self.registries.check(loader);
        self.sign_in.check(loader);
        let needs = [
            (
                "eri",
                self.eri.is_some() && self.registries.eimzo.is_none(),
                "add the section registries.eimzo",
            ),
            (
                "face",
                self.face.is_some() && self.registries.myid.is_none(),
                "add the section registries.myid",
            ),
        ];
        for (section, lacks, remedy) in needs {
            if lacks {
                loader.report(section, "has nobody to ask", remedy);
            }
        }
        if let Some(eri) = &self.eri {
            eri.check(loader);
        }
        self.limits.check(loader);
        let registers = self.registries.personalisation.is_some() && self.registries.operators.is_some();
        self.sign_up.check((self.passwords.enabled, registers), loader);
        self.passwords.check(loader);
        self.mobile_id.check(loader);
        self.tokens.check(loader);
        self.sandbox.check(loader);
        self.outbound.check(loader);
        self.audit.check(loader);
        self.ledger.check(loader);
        self.site.check(loader);
        self.support.check(loader);
    }
}

#[cfg(test)]
mod tests;
