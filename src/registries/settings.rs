use secrecy::SecretString;
use std::time::Duration;
use url::Url;

use super::RegisterName;
use crate::people::Pinfl;
use crate::platform::config::{Loader, settings};
use crate::platform::outbound::{is_loopback, is_private};

/// One register: by which address and within which bounds it is asked.
macro_rules! register {
    ($(#[doc = $about:literal])+ $heading:tt $Name:ident $timeout:tt $fresh:tt) => {
        settings! {
            $(#[doc = $about])+
            $heading
            pub struct $Name {
                /// Base URL of its services.
                base_url: Option<Url>, otherwise("`registries.gateway.base_url`");
                /// Bearer token, where it is not reached through the gateway.
                token: Option<SecretString>, otherwise("the gateway's tokens if there is no `base_url`, or none");
                /// For how long an answer is waited for, with retries and the wait for a free place.
                timeout_ms: u32 = $timeout, count(100..=60_000, "milliseconds");
                /// How many calls of this node it gets at once; others wait.
                concurrent: u32 = 16, count(1..=1000, "calls");
                /// For how long an answer is used again; 0 asks every time.
                fresh_seconds: u32 = $fresh, count(0..=86_400, "seconds");
                /// PINFL, number or document that `yagona registries check` asks for; it may be unknown to the register.
                test_identifier: Option<String>, otherwise("none: only the connection is tried");
            }
        }

        impl $Name {
            fn line(&self) -> LineSettings {
                LineSettings {
                    base_url: self.base_url.clone(),
                    token: self.token.clone(),
                    timeout: Duration::from_millis(self.timeout_ms.into()),
                    concurrent: self.concurrent as usize,
                    fresh: self.fresh_seconds.into(),
                    test_identifier: self.test_identifier.clone(),
                }
            }
        }
    };
}

settings! {
    /// State registers and other systems that are asked in the same way. Each is connected by its section.
    [registries]
    pub struct RegistriesSettings {
        /// After so many failed calls in a row no more are made to a register for a while.
        failures: u32 = 5, count(1..=100, "calls");
        /// For how long it is left alone; then one call at a time finds out whether it is back.
        rest_seconds: u32 = 15, count(1..=600, "seconds");
        [gateway]: Option<GatewaySettings>;
        [personalisation]: Option<PersonalisationSettings>;
        [interior]: Option<InteriorSettings>;
        [tax]: Option<TaxSettings>;
        [employment]: Option<EmploymentSettings>;
        [civil_registry]: Option<CivilRegistrySettings>;
        [social]: Option<SocialSettings>;
        [disability]: Option<DisabilitySettings>;
        [biometrics]: Option<BiometricsSettings>;
        [operators]: Option<OperatorsSettings>;
        [billing]: Option<BillingSettings>;
        [eimzo]: Option<EimzoSettings>;
        [myid]: Option<MyidSettings>;
    }
}

settings! {
    /// The inter-agency gateway, through which registers without a `base_url` of their own are reached.
    [registries.gateway]
    pub struct GatewaySettings {
        /// Base URL of the services.
        base_url: Url = "https://apimgw.egov.uz:8243";
        /// Where tokens are fetched.
        token_url: Url = "https://iskm.egov.uz:9444/oauth2/token";
        /// The application's key.
        consumer_key: String;
        /// The application's secret.
        consumer_secret: SecretString;
        /// The account's login.
        username: String;
        /// The account's password.
        password: SecretString;
        /// PINFL of the official who answers for questions that no member of staff asks: 14 digits.
        sender_pinfl: String;
    }
}

register! {
    /// The State Personalisation Centre: persons and their documents (679 A3-1).
    [registries.personalisation] PersonalisationSettings 10_000 60
}
register! {
    /// The Ministry of Internal Affairs: foreigners without permit, addresses (679 A3-1, A3-2).
    [registries.interior] InteriorSettings 10_000 3600
}
register! {
    /// The Tax Committee: taxpayer numbers, certificates on ID-cards (679 A3-3, 479 cl. 23).
    [registries.tax] TaxSettings 10_000 3600
}
register! {
    /// The ministry of employment: present jobs (679 A3-4).
    [registries.employment] EmploymentSettings 10_000 3600
}
register! {
    /// The civil registry's archive: deaths (479 cl. 34).
    [registries.civil_registry] CivilRegistrySettings 10_000 60
}
register! {
    /// The register of social protection (479 cl. 6).
    [registries.social] SocialSettings 10_000 300
}
register! {
    /// The commissions that certify disability (479 cl. 6).
    [registries.disability] DisabilitySettings 10_000 300
}
register! {
    /// Comparison of faces and fingerprints by the State Personalisation Centre (479 cl. 18, 23). Its answers are never used again.
    [registries.biometrics] BiometricsSettings 20_000 0
}
register! {
    /// Subscribers of the mobile operators (679 A3-5).
    [registries.operators] OperatorsSettings 10_000 30
}
register! {
    /// Unified billing: invoices and payments (479 cl. 6, 7). Its answers are never used again.
    [registries.billing] BillingSettings 10_000 0
}
settings! {
    /// E-IMZO's server: electronic signatures. Its answers are never used again.
    [registries.eimzo]
    pub struct EimzoSettings {
        /// Base URL of its services.
        base_url: Option<Url>, otherwise("`registries.gateway.base_url`");
        /// Bearer token, where something before it wants one.
        token: Option<SecretString>, otherwise("the gateway's tokens if there is no `base_url`, or none");
        /// The domain under which this site is registered at E-IMZO; it is sent as `Host`.
        site: Option<String>, otherwise("the host of `base_url`");
        /// For how long an answer is waited for, with retries and the wait for a free place.
        timeout_ms: u32 = 10_000, count(100..=60_000, "milliseconds");
        /// How many calls of this node it gets at once; others wait.
        concurrent: u32 = 16, count(1..=1000, "calls");
    }
}

impl EimzoSettings {
    fn line(&self) -> LineSettings {
        LineSettings {
            base_url: self.base_url.clone(),
            token: self.token.clone(),
            timeout: Duration::from_millis(self.timeout_ms.into()),
            concurrent: self.concurrent as usize,
            fresh: 0,
            test_identifier: None,
        }
    }
}

settings! {
    /// MyID: whose face it is. Its answers are never used again.
    [registries.myid]
    pub struct MyidSettings {
        /// Base URL of its services.
        base_url: Url = "https://api.myid.uz";
        /// Base URL of the page to which browsers are sent.
        pages: Option<Url>, otherwise("`registries.myid.base_url`");
        /// The account's name.
        client_id: String;
        /// The account's secret.
        client_secret: SecretString;
        /// How MyID asks in a browser: `strong` or `simple`.
        method: String = "strong";
        /// From which likeness on a face is the person's, where a session is opened for MyID's program.
        threshold_percent: u32 = 85, count(50..=99, "percent");
        /// For how long an answer is waited for, with retries and the wait for a free place.
        timeout_ms: u32 = 10_000, count(100..=60_000, "milliseconds");
        /// How many calls of this node it gets at once; others wait.
        concurrent: u32 = 16, count(1..=1000, "calls");
    }
}

impl MyidSettings {
    fn line(&self) -> LineSettings {
        LineSettings {
            base_url: Some(self.base_url.clone()),
            token: None,
            timeout: Duration::from_millis(self.timeout_ms.into()),
            concurrent: self.concurrent as usize,
            fresh: 0,
            test_identifier: None,
        }
    }
}

/// By which address and within which bounds a register is asked.
#[derive(Clone, Debug)]
pub(super) struct LineSettings {
    pub base_url: Option<Url>,
    pub token: Option<SecretString>,
    pub timeout: Duration,
    pub concurrent: usize,
    /// Seconds for which an answer is used again.
    pub fresh: i64,
    pub test_identifier: Option<String>,
}

impl RegistriesSettings {
    /// The settings of a register, if it is connected.
    pub(super) fn line(&self, register: RegisterName) -> Option<LineSettings> {
        use RegisterName as R;
        match register {
            R::Personalisation => self.personalisation.as_ref().map(PersonalisationSettings::line),
            R::Interior => self.interior.as_ref().map(InteriorSettings::line),
            R::Tax => self.tax.as_ref().map(TaxSettings::line),
            R::Employment => self.employment.as_ref().map(EmploymentSettings::line),
            R::CivilRegistry => self.civil_registry.as_ref().map(CivilRegistrySettings::line),
            R::Social => self.social.as_ref().map(SocialSettings::line),
            R::Disability => self.disability.as_ref().map(DisabilitySettings::line),
            R::Biometrics => self.biometrics.as_ref().map(BiometricsSettings::line),
            R::Operators => self.operators.as_ref().map(OperatorsSettings::line),
            R::Billing => self.billing.as_ref().map(BillingSettings::line),
            R::Eimzo => self.eimzo.as_ref().map(EimzoSettings::line),
            R::Myid => self.myid.as_ref().map(MyidSettings::line),
        }
    }

    pub(crate) fn check(&self, loader: &mut Loader) {
        if let Some(gateway) = &self.gateway {
            encrypted("registries.gateway.base_url", &gateway.base_url, loader);
            encrypted("registries.gateway.token_url", &gateway.token_url, loader);
            let key = "registries.gateway.sender_pinfl";
            if Pinfl::parse(&gateway.sender_pinfl).is_err() && !loader.concern(key) {
                loader.report(key, "is no PINFL", "use the 14 digits of the official who answers for it");
            }
        }
        if let Some(myid) = &self.myid {
            let key = "registries.myid.method";
            if !["strong", "simple"].contains(&myid.method.as_str()) && !loader.concern(key) {
                loader.report(key, "is no way in which MyID asks", "use strong or simple");
            }
            if let Some(pages) = &myid.pages {
                encrypted("registries.myid.pages", pages, loader);
            }
        }
        if let Some(site) = self.eimzo.as_ref().and_then(|eimzo| eimzo.site.as_ref()) {
            let fits =
                !site.is_empty() && site.bytes().all(|b| b.is_ascii_alphanumeric() || b".-:".contains(&b));
            let key = "registries.eimzo.site";
            if !fits && !loader.concern(key) {
                loader.report(key, "is no domain", "use the domain alone, such as id.example.uz");
            }
        }
        for register in RegisterName::ALL {
            let Some(line) = self.line(register) else { continue };
            let section = section(register);
            let Some(url) = &line.base_url else {
                if self.gateway.is_none() {
                    let wrong = "has no base_url, and there is no registries.gateway";
                    loader.report(
                        section,
                        wrong,
                        "give it a base_url, or add the section registries.gateway",
                    );
                }
                continue;
            };
            let key = base_url(register);
            // E-IMZO's server stands beside this one and speaks no TLS.
            if register != RegisterName::Eimzo {
                encrypted(key, url, loader);
            } else if loader.production && url.scheme() != "https" && !is_private(url) {
                loader.report(key, "is plain http outside the private network", "use https://");
            }
        }
    }
}

/// Questions name people, so the connection must be encrypted; the sandbox's registers are on loopback.
fn encrypted(key: &str, url: &Url, loader: &mut Loader) {
    if loader.production && url.scheme() != "https" {
        loader.report(key, "is plain http: personal data could be intercepted", "use https://");
    } else if loader.production && is_loopback(url) {
        loader.report(key, "is a loopback address", "use the register's address");
    }
}

/// The heading and the key of its address of each register, which must be known at compile time.
macro_rules! headings {
    ($($Variant:ident: $word:literal,)+) => {
        const fn section(register: RegisterName) -> &'static str {
            match register { $(RegisterName::$Variant => concat!("registries.", $word),)+ }
        }

        const fn base_url(register: RegisterName) -> &'static str {
            match register { $(RegisterName::$Variant => concat!("registries.", $word, ".base_url"),)+ }
        }
    };
}

headings! {
    Personalisation: "personalisation",
    Interior: "interior",
    Tax: "tax",
    Employment: "employment",
    CivilRegistry: "civil_registry",
    Social: "social",
    Disability: "disability",
    Biometrics: "biometrics",
    Operators: "operators",
    Billing: "billing",
    Eimzo: "eimzo",
    Myid: "myid",
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_register_has_the_section_that_its_name_says() {
        for register in RegisterName::ALL {
            assert_eq!(section(register), format!("registries.{register}"));
            assert_eq!(base_url(register), format!("registries.{register}.base_url"));
        }
    }
}
