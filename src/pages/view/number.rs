//! The first step: the phone number.

use askama::Template;

use super::OtherMeans;
use crate::platform::web::frame::Frame;
use crate::platform::web::text::Text;

/// Asks for the phone number.
#[derive(Template)]
#[template(path = "pages/number.html")]
pub(crate) struct NumberPage<'a> {
    pub frame: Frame<'a>,
    /// What was typed, exactly; or a number that the service suggests; or nothing.
    pub phone: &'a str,
    /// What is wrong with it, in the reader's language (see [`NumberError`]).
    pub error: Option<String>,
    /// Other means that can lead to what the service accepts.
    pub others: Vec<OtherMeans>,
    /// Where somebody registers who has no account, and comes back from.
    pub register: Option<String>,
    /// Where somebody unlocks an account that they locked, on the way to their own pages.
    pub unlock: Option<&'static str>,
    /// Refuses and leads back to the service.
    pub cancel: &'a str,
}

/// What can be wrong with a typed number. Whether the number is known is never among it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum NumberError {
    Empty,
    NotUzbekMobile,
}

impl NumberError {
    /// The sentence that the person reads.
    pub(crate) fn message(self, text: Text) -> String {
        match self {
            NumberError::Empty => text.get("number.error_empty").to_owned(),
            NumberError::NotUzbekMobile => text.get("number.error_not_mobile").to_owned(),
        }
    }
}
