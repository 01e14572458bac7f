//! The page on which a passkey is used.

use askama::Template;

use super::OtherMeans;
use crate::platform::web::frame::Frame;
use crate::platform::web::text::Text;

/// Asks for a passkey.
#[derive(Template)]
#[template(path = "pages/passkey.html")]
pub(crate) struct PasskeyPage<'a> {
    pub frame: Frame<'a>,
    /// What the page is called.
    pub title: &'static str,
    /// What the script asks of the browser, as JSON.
    pub asked: &'a str,
    /// What was wrong, in the reader's language.
    pub error: Option<&'static str>,
    /// Other means that lead on.
    pub others: Vec<OtherMeans>,
    /// Refuses and leads back to the service.
    pub cancel: &'a str,
}

/// Why a passkey signed nobody in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum PasskeyError {
    /// It is none that is accepted here.
    Wrong,
    /// Somebody may have a copy of it.
    Copied,
    /// It works later.
    Waits,
}

impl PasskeyError {
    const ALL: [Self; 3] = [Self::Wrong, Self::Copied, Self::Waits];

    /// Its word in the page's address.
    pub(crate) const fn word(self) -> &'static str {
        match self {
            Self::Wrong => "wrong",
            Self::Copied => "copied",
            Self::Waits => "waits",
        }
    }

    /// The error of that word. What came too late is told as what was not accepted.
    pub(crate) fn from_word(word: &str) -> Option<Self> {
        if word == "expired" {
            return Some(Self::Wrong);
        }
        Self::ALL.into_iter().find(|error| error.word() == word)
    }

    /// The sentence that the person reads.
    pub(crate) fn message(self, text: Text) -> &'static str {
        text.get(match self {
            Self::Wrong => "passkey.wrong",
            Self::Copied => "passkey.copied",
            Self::Waits => "passkey.waits",
        })
    }
}
