use url::Url;

use super::Secret;

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
