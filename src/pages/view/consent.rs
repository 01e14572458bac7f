//! The third step: which data go to the service; and the page that stands in for all steps when the person is
//! signed in already.

use askama::Template;

use crate::platform::web::frame::Frame;

/// A piece of the person's data as the pages show it.
#[derive(Clone, Debug)]
pub(crate) struct Datum {
    /// What the form sends back for a ticked optional datum (field `datum`), and the tail of its element's
    /// id.
    pub id: String,
    /// Its plain name.
    pub label: String,
    /// The very values that would be released; more than three fold away.
    pub values: Vec<String>,
    /// What the service needs it for.
    pub why: Option<String>,
    /// An optional datum starts ticked.
    pub checked: bool,
}

impl Datum {
    fn folds(&self) -> bool {
        self.values.len() > 3
    }
}

/// Asks whether the data may go to the service. Posts `decision=allow|deny` and a `datum` for each ticked
/// one.
#[derive(Template)]
#[template(path = "pages/consent.html")]
pub(crate) struct ConsentPage<'a> {
    pub frame: Frame<'a>,
    /// Who is signed in.
    pub person_name: &'a str,
    /// Data without which the service does not work.
    pub required: Vec<Datum>,
    /// Data that the person may withhold.
    pub optional: Vec<Datum>,
    /// What the service wants the data for, in its words.
    pub purpose: &'a str,
    /// The contract or law that it rests on, in words.
    pub basis: Option<&'a str>,
    /// The day on which the permission ends, as people say it.
    pub until: Option<String>,
    /// The service may use the data when the person is not present (`offline_access`).
    pub offline: bool,
}

/// "Continue as … to the service": posts `action=continue|other|signout`.
#[derive(Template)]
#[template(path = "pages/continue.html")]
pub(crate) struct ContinuePage<'a> {
    pub frame: Frame<'a>,
    pub person_name: &'a str,
    /// The number, masked but for its last four digits.
    pub masked_phone: &'a str,
    /// Which data the service gets is asked on the next page.
    pub asks: bool,
    /// What the service will be sent, if that is settled.
    pub sends: Vec<Datum>,
    /// Refuses and leads back to the service.
    pub cancel: &'a str,
}
