//! An application to confirm.

use askama::Template;

use crate::platform::web::frame::Frame;

/// What a page says of an application, in the reader's language as far as the service has it.
#[derive(Clone, Debug)]
pub(crate) struct Shown {
    pub title: String,
    /// Line by line.
    pub summary: Vec<String>,
    pub reference: String,
    /// The beginning of the document's hash.
    pub hash: String,
}

/// Asks whether an application is confirmed. Posts `decision=allow|deny` and `shown`, which says what the page showed; on the page of
/// a request to approve also `code`.
#[derive(Template)]
#[template(path = "pages/application.html")]
pub(crate) struct ApplicationPage<'a> {
    pub frame: Frame<'a>,
    pub application: Shown,
    /// What the service shows as well, in its words.
    pub message: Option<&'a str>,
    /// A digest of all that the page shows.
    pub shown: &'a str,
    /// What was sent was about another state of this page.
    pub changed: bool,
    /// The number that the code is sent to, masked; `None` where the code was sent before, and is entered here.
    pub code_to: Option<&'a str>,
    /// What is wrong with the code, in the reader's language.
    pub error: Option<String>,
    /// The code, where it was entered before the page was shown.
    pub typed: Option<&'a str>,
}

impl ApplicationPage<'_> {
    fn service(&self) -> &str {
        self.frame.service.as_ref().map_or("", |service| service.name)
    }

    /// The key of the main action.
    fn action(&self) -> &'static str {
        if self.code_to.is_some() { "consent.allow_by_code" } else { "application.confirm" }
    }
}
