//! What a service asks of somebody who is not at its site. Nothing of the person is on the page: whoever has its address may be
//! anybody, until a code is entered.

use askama::Template;

use super::consent::AskedFor;
use crate::platform::web::frame::Frame;

/// Asks for the reference that stands in the message. Posts `reference`.
#[derive(Template)]
#[template(path = "pages/approval_reference.html")]
pub(crate) struct ReferencePage<'a> {
    pub frame: Frame<'a>,
    /// Whether what was entered, or stood in the address, names nothing.
    pub wrong: bool,
}

/// Asks for the code before anything is shown, or said to be there. Posts `code`.
#[derive(Template)]
#[template(path = "pages/approval_limited.html")]
pub(crate) struct LimitedPage<'a> {
    pub frame: Frame<'a>,
}

/// A data set that the service asks for.
#[derive(Clone, Debug)]
pub(crate) struct Choice {
    /// What the form sends back for it, if it may be ticked.
    pub id: &'static str,
    /// Its plain name.
    pub label: &'static str,
    /// What the service needs it for.
    pub why: Option<String>,
    /// It was ticked before the page came back.
    pub ticked: bool,
}

/// Asks whether a request is approved. Posts `code`, `decision=allow|deny`, a `datum` for each ticked one, and `shown`, which
/// says what the page showed.
#[derive(Template)]
#[template(path = "pages/approval.html")]
pub(crate) struct ApprovalPage<'a> {
    pub frame: Frame<'a>,
    /// What the service shows as well, in its words.
    pub message: Option<&'a str>,
    /// Data without which the service does not work.
    pub required: Vec<Choice>,
    /// Data that the person may withhold.
    pub optional: Vec<Choice>,
    /// What is asked for with a purpose of its own.
    pub details: Vec<AskedFor>,
    /// A law lets the service have the data.
    pub by_law: bool,
    /// What the service wants the data for, in its words.
    pub purpose: &'a str,
    /// The contract or law that it rests on, in words.
    pub basis: Option<&'a str>,
    /// To whom the data are passed on, in the service's words.
    pub recipients: Option<&'a str>,
    /// The day on which the permission ends, as people say it before a suffix.
    pub until: String,
    /// The service may use the data when the person is not present (`offline_access`).
    pub offline: bool,
    /// A digest of all that the page shows.
    pub shown: &'a str,
    /// What was sent was about another state of this page.
    pub changed: bool,
    /// What is wrong with the code, in the reader's language.
    pub error: Option<String>,
    /// The code, where it was entered before the page was shown.
    pub typed: Option<&'a str>,
}

impl ApprovalPage<'_> {
    fn service(&self) -> &str {
        self.frame.service.as_ref().map_or("", |service| service.name)
    }

    /// The key of the sentence before the data.
    const fn sentence(&self) -> &'static str {
        if self.by_law { "code.law" } else { "code.permits" }
    }

    /// When the permission ends and what it rests on, in one sentence, where data are asked for.
    fn terms(&self) -> Option<String> {
        if self.required.is_empty() && self.optional.is_empty() && !self.offline {
            return None;
        }
        let (text, until) = (self.frame.text, ("until", self.until.as_str()));
        Some(match self.basis {
            Some(basis) => text.with("consent.until_basis", &[until, ("basis", basis)]),
            None => text.with("consent.until", &[until]),
        })
    }
}
