//! Login and password, and a new password in place of a temporary one.

use askama::Template;

use super::OtherMeans;
use crate::accounts::passwords::{LONGEST, Rules, Weak};
use crate::platform::clock::Timestamp;
use crate::platform::web::frame::Frame;
use crate::platform::web::text::Text;

/// Asks for login and password.
#[derive(Template)]
#[template(path = "pages/password.html")]
pub(crate) struct PasswordPage<'a> {
    pub frame: Frame<'a>,
    /// What was typed.
    pub login: &'a str,
    /// What is wrong, in the reader's language.
    pub error: Option<String>,
    /// The other ways to sign in.
    pub others: Vec<OtherMeans>,
    /// Refuses and leads back to the service.
    pub cancel: &'a str,
}

/// What can be wrong with login and password. Whether the login is known is never among it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum PasswordError {
    EmptyLogin,
    Empty,
    Wrong,
    Over,
    Delayed(Timestamp),
    Busy,
    Expired,
}

/// Seconds of a wait that is told as such; a longer one is told by its day.
const WAIT: i64 = 3600;

impl PasswordError {
    /// The sentence that the person reads.
    pub(crate) fn message(self, text: Text, now: Timestamp) -> String {
        let key = match self {
            Self::EmptyLogin => "password.error_empty_login",
            Self::Empty => "password.error_empty",
            Self::Wrong => "password.error_wrong",
            Self::Over => "password.error_over",
            Self::Busy => "password.error_busy",
            Self::Expired => "password.error_expired",
            Self::Delayed(until) if until.since(now) <= WAIT => {
                let time = text.waiting(u32::try_from(until.since(now).max(1)).unwrap_or(u32::MAX));
                return text.with("password.error_delayed", &[("time", &time)]);
            }
            Self::Delayed(until) => {
                return text.with("password.error_delayed_later", &[("day", &text.date(until.0))]);
            }
        };
        text.get(key).to_owned()
    }
}

/// Asks for a new password.
#[derive(Template)]
#[template(path = "pages/new_password.html")]
pub(crate) struct NewPasswordPage<'a> {
    pub frame: Frame<'a>,
    /// What it must be.
    pub rules: String,
    /// Whether it takes the place of a temporary one.
    pub temporary: bool,
    /// What is wrong with the one that was typed.
    pub error: Option<String>,
    /// Refuses and leads back to the service, where there is one.
    pub cancel: Option<&'a str>,
}

/// What a new password must be, in words.
pub(crate) fn rules(rules: Rules, text: Text) -> String {
    text.with("password.rules", &[("count", &rules.shortest.to_string())])
}

/// What can be wrong with a new password that was typed twice.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum NewPasswordError {
    Weak(Weak),
    /// It is the one that it is to take the place of.
    Present,
    NotTwice,
    Busy,
}

impl NewPasswordError {
    /// The sentence that the person reads.
    pub(crate) fn message(self, rules: Rules, text: Text) -> String {
        match self {
            Self::Weak(Weak::TooShort) => {
                text.with("password.error_short", &[("count", &rules.shortest.to_string())])
            }
            Self::Weak(Weak::TooLong) => text.with("password.error_long", &[("count", &LONGEST.to_string())]),
            Self::Weak(Weak::Common) => text.get("password.error_common").to_owned(),
            Self::Weak(Weak::Own) => text.get("password.error_own").to_owned(),
            Self::Present => text.get("password.error_present").to_owned(),
            Self::NotTwice => text.get("password.error_repeat").to_owned(),
            Self::Busy => text.get("password.error_busy").to_owned(),
        }
    }
}

/// Says what became of a link by which a first password is set.
#[derive(Template)]
#[template(path = "pages/first_password.html")]
pub(crate) struct FirstPasswordPage<'a> {
    pub frame: Frame<'a>,
    /// It was set.
    pub done: bool,
}
