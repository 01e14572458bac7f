//! The toll that a form costs.

use askama::Template;

use crate::platform::web::frame::Frame;
use crate::platform::web::text::Text;

/// Asks a browser for some work, or for a wait, before a form is taken.
#[derive(Template)]
#[template(path = "pages/toll.html")]
pub(crate) struct TollPage<'a> {
    pub frame: Frame<'a>,
    /// Of what there was too much, in the reader's language (see [`TollReason`]).
    pub why: &'static str,
    /// The field that names what the form is about.
    pub name: &'a str,
    /// What was typed there.
    pub typed: &'a str,
    /// What was typed and no page shows, sealed.
    pub held: Option<&'a str>,
    /// What the work is done on.
    pub toll: &'a str,
    pub bits: u32,
    /// How long it takes without scripts, in words.
    pub wait: String,
    /// Refuses and leads back to the service.
    pub cancel: &'a str,
}

/// Of what there was too much.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum TollReason {
    /// Codes, or the accounts that they were asked for.
    Codes,
    /// Tries of passwords.
    Passwords,
    /// Networks in which one person signed in.
    Networks,
}

impl TollReason {
    /// The sentence that the person reads.
    pub(crate) fn message(self, text: Text) -> &'static str {
        text.get(match self {
            Self::Codes => "toll.why",
            Self::Passwords => "toll.why_passwords",
            Self::Networks => "toll.why_networks",
        })
    }
}
