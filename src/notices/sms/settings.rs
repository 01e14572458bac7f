use secrecy::{ExposeSecret, SecretString};
use url::Url;

use crate::platform::config::{Loader, choices, settings};
use crate::platform::outbound::is_loopback;

settings! {
    /// SMS gateways, which deliver codes.
    [sms]
    pub struct SmsSettings {
        /// Gateways in order of preference. Failover to the next happens only when the previous one certainly did not send.
        gateways: Vec<GatewayName>;
        /// Origin of the callbacks with which gateways report delivery.
        callback_base: Option<Url>, otherwise("none: delivery is not reported");
        /// Secret part of the callback's path, since gateways do not sign callbacks: 32 or more letters and digits.
        callback_secret: Option<SecretString>;
        [eskiz]: Option<EskizSettings>;
        [playmobile]: Option<PlayMobileSettings>;
    }
}

choices! {
    /// A supported gateway.
    pub enum GatewayName {
        /// Eskiz, `notify.eskiz.uz`.
        Eskiz = "eskiz",
        /// The PlayMobile broker.
        PlayMobile = "playmobile",
    }
}

settings! {
    /// Account at Eskiz; required when `sms.gateways` names it.
    [sms.eskiz]
    pub struct EskizSettings {
        /// Base URL of the API.
        base_url: Url = "https://notify.eskiz.uz/api";
        /// The account's e-mail address.
        email: String;
        /// The account's password.
        password: SecretString;
        /// Sender name that phones show; `4546` until the account has its own.
        from: String = "4546";
    }
}

settings! {
    /// Account at a PlayMobile broker; required when `sms.gateways` names it.
    [sms.playmobile]
    pub struct PlayMobileSettings {
        /// URL that messages are POSTed to.
        url: Url = "https://send.smsxabar.uz/broker-api/send";
        /// The account's login.
        login: String;
        /// The account's password.
        password: SecretString;
        /// Sender name or short number that phones show.
        originator: String;
        /// Short number whose messages the broker passes on to `/callbacks/sms/{secret}/playmobile/incoming`. Messages in which a service asks
        /// for an approval name it, so that phones that open no pages answer by SMS.
        reply_number: Option<String>, otherwise("none: messages do not say that they can be answered");
    }
}

impl SmsSettings {
    pub(crate) fn check(&self, loader: &mut Loader) {
        self.check_order(loader);
        if let Some(eskiz) = &self.eskiz {
            encrypted("sms.eskiz.base_url", &eskiz.base_url, loader);
            sender("sms.eskiz.from", &eskiz.from, loader);
        }
        if let Some(playmobile) = &self.playmobile {
            encrypted("sms.playmobile.url", &playmobile.url, loader);
            sender("sms.playmobile.originator", &playmobile.originator, loader);
            let number = playmobile.reply_number.as_deref();
            let digits =
                |number: &str| (3..=12).contains(&number.len()) && number.bytes().all(|b| b.is_ascii_digit());
            if number.is_some_and(|number| !digits(number)) {
                let key = "sms.playmobile.reply_number";
                loader.report(key, "is no number that phones can send to", "give 3 to 12 digits");
            }
            if number.is_some() && self.callback_secret.is_none() {
                let key = "sms.playmobile.reply_number";
                let wrong = "is set, but the broker has no address to pass messages on to";
                loader.report(key, wrong, "set sms.callback_base and sms.callback_secret");
            }
        }
        self.check_callback(loader);
    }

    fn check_order(&self, loader: &mut Loader) {
        let key = "sms.gateways";
        if loader.concern(key) {
            return;
        }
        if self.gateways.is_empty() {
            let remedy = "name \"eskiz\", \"playmobile\" or both";
            loader.report(key, "is empty: no codes could be sent", remedy);
        }
        for (gateway, section, given) in [
            (GatewayName::Eskiz, "sms.eskiz", self.eskiz.is_some()),
            (GatewayName::PlayMobile, "sms.playmobile", self.playmobile.is_some()),
        ] {
            let named = self.gateways.iter().filter(|named| **named == gateway).count();
            if named > 1 {
                loader.report(key, "names a gateway twice", "name each gateway once");
            }
            if named > 0 && !given {
                let wrong = "is missing, but sms.gateways names it";
                loader.report(section, wrong, "add the section, or remove the name");
            }
            if named == 0 && given {
                let wrong = "is set, but sms.gateways does not name it";
                loader.report(section, wrong, "add the name, or remove the section");
            }
        }
    }

    fn check_callback(&self, loader: &mut Loader) {
        let key = "sms.callback_secret";
        match (&self.callback_base, &self.callback_secret) {
            (Some(base), secret) => {
                encrypted("sms.callback_base", base, loader);
                if secret.is_none() {
                    let wrong = "is missing: anyone could send delivery reports to sms.callback_base";
                    loader.report(key, wrong, "set 32 or more random letters and digits");
                }
            }
            (None, Some(_)) => {
                loader.report(key, "is set, but sms.callback_base is not", "set both or neither");
            }
            (None, None) => {}
        }
        if let Some(secret) = &self.callback_secret {
            let text = secret.expose_secret();
            if text.len() < 32 || !text.bytes().all(|byte| byte.is_ascii_alphanumeric()) {
                loader.report(
                    key,
                    "is not 32 or more letters and digits",
                    "generate one: openssl rand -hex 24",
                );
            }
        }
    }
}

/// Codes and passwords are sent to a gateway, so the connection must be encrypted; the sandbox's gateways are on loopback.
fn encrypted(key: &str, url: &Url, loader: &mut Loader) {
    if loader.production && url.scheme() != "https" {
        let wrong = "is plain http: codes and passwords could be intercepted";
        loader.report(key, wrong, "use https://");
    } else if loader.production && is_loopback(url) {
        loader.report(key, "is a loopback address", "use the gateway's public address");
    }
}

/// Limits of a sender name on the air interface: 11 letters and digits, or 15 digits (3GPP TS 23.040 §9.1.2.5).
fn sender(key: &str, name: &str, loader: &mut Loader) {
    let digits = name.bytes().all(|byte| byte.is_ascii_digit());
    if name.len() > if digits { 15 } else { 11 } || !name.is_ascii() {
        loader.report(key, "is too long for a sender name", "use at most 11 letters or 15 digits");
    }
}
