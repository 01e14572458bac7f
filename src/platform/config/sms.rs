use url::Url;

use super::Secret;
use super::key::{Fallback, Key, Kind};
use super::{Context, Problems, Values};

/// `[sms]`: the gateways that carry codes to phones.
#[derive(Clone, Debug)]
pub struct Sms {
    /// Order of preference; the next one is used when one refuses.
    pub gateways: Vec<Gateway>,
    /// `[sms.eskiz]`.
    pub eskiz: Option<Eskiz>,
    /// `[sms.playmobile]`.
    pub playmobile: Option<PlayMobile>,
    /// Origin at which gateways reach this provider to report delivery; without it states are asked for.
    pub callback_base: Option<Url>,
    /// Unguessable part of the callback's path, since gateways sign nothing.
    pub callback_secret: Option<Secret>,
}

/// A gateway that the provider can speak to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Gateway {
    /// Eskiz, `notify.eskiz.uz`.
    Eskiz,
    /// The PlayMobile broker.
    PlayMobile,
}

/// Access to Eskiz.
#[derive(Clone, Debug)]
pub struct Eskiz {
    /// The API's base, without a trailing slash.
    pub base_url: Url,
    /// The account's e-mail address.
    pub email: String,
    /// The account's password.
    pub password: Secret,
    /// The sender's name (nick) that phones show.
    pub from: String,
}

/// Access to a PlayMobile broker.
#[derive(Clone, Debug)]
pub struct PlayMobile {
    /// The address that messages are POSTed to.
    pub url: Url,
    /// The account's login.
    pub login: String,
    /// The account's password.
    pub password: Secret,
    /// The sender's name that phones show.
    pub originator: String,
}

impl Sms {
    pub(super) const KEYS: &[Key] = &[
        Key::new(
            "sms.gateways",
            Kind::Choices(&["eskiz", "playmobile"]),
            Fallback::Required,
            "Gateways in order of preference. The next one is used only when the one before has certainly not sent.",
        ),
        Key::new(
            "sms.callback_base",
            Kind::Url,
            Fallback::Nothing("none: delivery is asked for"),
            "Origin at which gateways reach this provider to report delivery.",
        ),
        Key::new(
            "sms.callback_secret",
            Kind::Secret,
            Fallback::Nothing("none"),
            "Unguessable part of the callback's path, since gateways sign nothing: 32 or more letters and digits.",
        ),
    ];

    pub(super) fn read(values: &Values) -> Self {
        let gateway = |name: &String| if name == "eskiz" { Gateway::Eskiz } else { Gateway::PlayMobile };
        Self {
            gateways: values.texts("sms.gateways").iter().map(gateway).collect(),
            eskiz: Eskiz::read(values),
            playmobile: PlayMobile::read(values),
            callback_base: values.url("sms.callback_base"),
            callback_secret: values.secret("sms.callback_secret"),
        }
    }

    pub(super) fn validate(&self, context: &Context, problems: &mut Problems) {
        self.validate_order(context, problems);
        if let Some(eskiz) = &self.eskiz {
            encrypted(context, "sms.eskiz.base_url", &eskiz.base_url, problems);
            sender("sms.eskiz.from", &eskiz.from, problems);
        }
        if let Some(playmobile) = &self.playmobile {
            encrypted(context, "sms.playmobile.url", &playmobile.url, problems);
            sender("sms.playmobile.originator", &playmobile.originator, problems);
        }
        self.validate_callback(context, problems);
    }

    fn validate_order(&self, context: &Context, problems: &mut Problems) {
        let key = "sms.gateways";
        if problems.concern(key) {
            return;
        }
        if self.gateways.is_empty() {
            problems.report(
                key,
                "is empty, so nobody could sign in",
                "name \"eskiz\", \"playmobile\" or both",
            );
        }
        for (gateway, section) in [(Gateway::Eskiz, "sms.eskiz"), (Gateway::PlayMobile, "sms.playmobile")] {
            let named = self.gateways.iter().filter(|named| **named == gateway).count();
            let given = context.section_given(section);
            if named > 1 {
                problems.report(key, "names a gateway twice", "name each gateway once");
            }
            if named > 0 && !given {
                problems.report(
                    section,
                    "is missing, yet sms.gateways names it",
                    "add the section, or remove the name",
                );
            }
            if named == 0 && given {
                problems.report(
                    section,
                    "is set, yet sms.gateways does not name it",
                    "add the name, or remove the section",
                );
            }
        }
    }

    fn validate_callback(&self, context: &Context, problems: &mut Problems) {
        let key = "sms.callback_secret";
        match (&self.callback_base, &self.callback_secret) {
            (Some(base), secret) => {
                encrypted(context, "sms.callback_base", base, problems);
                if secret.is_none() {
                    let wrong = "is missing: anybody could report a delivery to sms.callback_base";
                    problems.report(key, wrong, "give 32 or more random letters and digits");
                }
            }
            (None, Some(_)) => {
                problems.report(key, "is set, yet sms.callback_base is not", "set both or neither");
            }
            (None, None) => {}
        }
        if let Some(secret) = &self.callback_secret {
            let text = secret.expose();
            if text.len() < 32 || !text.bytes().all(|byte| byte.is_ascii_alphanumeric()) {
                problems.report(
                    key,
                    "is not 32 or more letters and digits",
                    "make one: openssl rand -hex 24",
                );
            }
        }
    }
}

/// A gateway is given people's codes: the way to it must be closed, except to a stand-in on this machine.
fn encrypted(context: &Context, key: &str, url: &Url, problems: &mut Problems) {
    if context.production && url.scheme() != "https" {
        let wrong = "is plain http: codes and passwords could be read on the way";
        problems.report(key, wrong, "use https://");
    } else if context.production && super::issuer::is_loopback(url) {
        problems.report(key, "points to this machine", "use the gateway's public address");
    }
}

/// What the air interface can carry as a sender: 11 letters and digits, or 15 digits (3GPP TS 23.040 §9.1.2.5).
fn sender(key: &str, name: &str, problems: &mut Problems) {
    let digits = name.bytes().all(|byte| byte.is_ascii_digit());
    if name.len() > if digits { 15 } else { 11 } || !name.is_ascii() {
        problems.report(key, "is too long for a sender's name", "give at most 11 letters or 15 digits");
    }
}

impl Eskiz {
    pub(super) const KEYS: &[Key] = &[
        Key::new(
            "sms.eskiz.base_url",
            Kind::Url,
            Fallback::Value("\"https://notify.eskiz.uz/api\""),
            "The API's base.",
        ),
        Key::new(
            "sms.eskiz.email",
            Kind::Text,
            Fallback::RequiredWithSection,
            "The account's e-mail address.",
        ),
        Key::new(
            "sms.eskiz.password",
            Kind::Secret,
            Fallback::RequiredWithSection,
            "The account's password.",
        ),
        Key::new(
            "sms.eskiz.from",
            Kind::Text,
            Fallback::Value("\"4546\""),
            "The sender's name that phones show; `4546` until the account has its own.",
        ),
    ];

    fn read(values: &Values) -> Option<Self> {
        let email = values.text("sms.eskiz.email")?;
        let mut base_url = values.url("sms.eskiz.base_url")?;
        let path = base_url.path().trim_end_matches('/').to_owned();
        base_url.set_path(&path);
        let password = values.secret("sms.eskiz.password")?;
        Some(Self { base_url, email, password, from: values.text("sms.eskiz.from")? })
    }
}

impl PlayMobile {
    pub(super) const KEYS: &[Key] = &[
        Key::new(
            "sms.playmobile.url",
            Kind::Url,
            Fallback::Value("\"https://send.smsxabar.uz/broker-api/send\""),
            "The address that messages are POSTed to.",
        ),
        Key::new("sms.playmobile.login", Kind::Text, Fallback::RequiredWithSection, "The account's login."),
        Key::new(
            "sms.playmobile.password",
            Kind::Secret,
            Fallback::RequiredWithSection,
            "The account's password.",
        ),
        Key::new(
            "sms.playmobile.originator",
            Kind::Text,
            Fallback::RequiredWithSection,
            "The sender's name or short number that phones show.",
        ),
    ];

    fn read(values: &Values) -> Option<Self> {
        Some(Self {
            url: values.url("sms.playmobile.url")?,
            login: values.text("sms.playmobile.login")?,
            password: values.secret("sms.playmobile.password")?,
            originator: values.text("sms.playmobile.originator")?,
        })
    }
}
