use secrecy::{ExposeSecret, SecretString};
use url::Url;

use crate::platform::config::{Loader, choices, settings};
use crate::platform::outbound::is_loopback;

settings! {
    /// The gateways that carry codes to phones.
    [sms]
    pub struct SmsSettings {
        /// Gateways in order of preference. The next one is used only when the one before has certainly not sent.
        gateways: Vec<GatewayName>;
        /// Origin at which gateways reach this provider to report delivery.
        callback_base: Option<Url>, otherwise("none: delivery is asked for");
        /// Unguessable part of the callback's path, since gateways sign nothing: 32 or more letters and digits.
        callback_secret: Option<SecretString>;
        [eskiz]: Option<EskizSettings>;
        [playmobile]: Option<PlayMobileSettings>;
    }
}

choices! {
    /// A gateway that the provider can speak to.
    pub enum GatewayName {
        /// Eskiz, `notify.eskiz.uz`.
        Eskiz = "eskiz",
        /// The PlayMobile broker.
        PlayMobile = "playmobile",
    }
}

settings! {
    /// Access to Eskiz; needed when `sms.gateways` names it.
    [sms.eskiz]
    pub struct EskizSettings {
        /// The API's base.
        base_url: Url = "https://notify.eskiz.uz/api";
        /// The account's e-mail address.
        email: String;
        /// The account's password.
        password: SecretString;
        /// The sender's name that phones show; `4546` until the account has its own.
        from: String = "4546";
    }
}

settings! {
    /// Access to a PlayMobile broker; needed when `sms.gateways` names it.
    [sms.playmobile]
    pub struct PlayMobileSettings {
        /// The address that messages are POSTed to.
        url: Url = "https://send.smsxabar.uz/broker-api/send";
        /// The account's login.
        login: String;
        /// The account's password.
        password: SecretString;
        /// The sender's name or short number that phones show.
        originator: String;
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
            loader.report(key, "is empty, so nobody could sign in", remedy);
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
                let wrong = "is missing, yet sms.gateways names it";
                loader.report(section, wrong, "add the section, or remove the name");
            }
            if named == 0 && given {
                let wrong = "is set, yet sms.gateways does not name it";
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
                    let wrong = "is missing: anybody could report a delivery to sms.callback_base";
                    loader.report(key, wrong, "give 32 or more random letters and digits");
                }
            }
            (None, Some(_)) => {
                loader.report(key, "is set, yet sms.callback_base is not", "set both or neither");
            }
            (None, None) => {}
        }
        if let Some(secret) = &self.callback_secret {
            let text = secret.expose_secret();
            if text.len() < 32 || !text.bytes().all(|byte| byte.is_ascii_alphanumeric()) {
                loader.report(key, "is not 32 or more letters and digits", "make one: openssl rand -hex 24");
            }
        }
    }
}

/// A gateway is given people's codes: the way to it must be closed, except to a stand-in on this machine.
fn encrypted(key: &str, url: &Url, loader: &mut Loader) {
    if loader.production && url.scheme() != "https" {
        let wrong = "is plain http: codes and passwords could be read on the way";
        loader.report(key, wrong, "use https://");
    } else if loader.production && is_loopback(url) {
        loader.report(key, "points to this machine", "use the gateway's public address");
    }
}

/// What the air interface can carry as a sender: 11 letters and digits, or 15 digits (3GPP TS 23.040 §9.1.2.5).
fn sender(key: &str, name: &str, loader: &mut Loader) {
    let digits = name.bytes().all(|byte| byte.is_ascii_digit());
    if name.len() > if digits { 15 } else { 11 } || !name.is_ascii() {
        loader.report(key, "is too long for a sender's name", "give at most 11 letters or 15 digits");
    }
}
