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
    /// The very values that would be released.
    pub values: Vec<String>,
    /// What is wrong with the values, such as that a document has expired.
    pub warning: Option<String>,
    /// What the service needs it for.
    pub why: Option<String>,
    /// The person has not decided on it before, but on others for this service.
    pub is_new: bool,
    /// The service may have it already.
    pub had: bool,
}

impl Datum {
    /// The values that stand on the page: a name in one script, everything else whole.
    fn open(&self) -> &[String] {
        if self.id == "name" { &self.values[..self.values.len().min(1)] } else { &self.values }
    }

    /// Whether a value is so long that it stands smaller.
    #[expect(clippy::unused_self, reason = "the template asks the datum")]
    fn is_long(&self, value: &str) -> bool {
        value.chars().count() > 40
    }

    /// The values that fold away.
    fn folded(&self) -> &[String] {
        &self.values[self.open().len()..]
    }
}

/// A purpose of its own, for which some of the data are asked for.
#[derive(Clone, Debug)]
pub(crate) struct AskedFor {
    /// In the service's words.
    pub purpose: String,
    /// Which data, how often and until when, in one sentence.
    pub terms: String,
    /// Who answers for the other services that are told of it, if any are.
    pub told: Option<String>,
}

/// Asks whether the data may go to the service. Posts `decision=allow|deny`, a `datum` for each ticked one, and `shown`,
/// which says what the page showed.
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
    /// A digest of all that the page shows.
    pub shown: &'a str,
    /// What was sent was about another state of this page.
    pub changed: bool,
    /// What is not as it was when the person allowed data last, in sentences.
    pub changes: Vec<&'static str>,
    /// Data that were allowed before and are not asked for: the permission for them ends.
    pub ends: Option<String>,
    /// The service has data by an earlier permission, which a refusal ends.
    pub refusal_ends: bool,
    /// The number that a code is sent to, masked, where allowing needs one.
    pub code_to: Option<&'a str>,
    /// To whom the data are passed on, in the service's words.
    pub recipients: Option<&'a str>,
    /// What the service wants the data for, in its words.
    pub purpose: &'a str,
    /// Purposes of their own, for which some of the data are asked for.
    pub details: Vec<AskedFor>,
    /// The contract or law that it rests on, in words.
    pub basis: Option<&'a str>,
    /// The day on which the permission ends, as people say it before a suffix.
    pub until: String,
    /// The answer goes to another device, which the page says.
    pub for_device: bool,
    /// The service may use the data when the person is not present (`offline_access`).
    pub offline: bool,
}

impl ConsentPage<'_> {
    /// Whether what is new is only among the optional data: then those come first.
    fn optional_first(&self) -> bool {
        let has_new = |data: &[Datum]| data.iter().any(|datum| datum.is_new);
        has_new(&self.optional) && !has_new(&self.required)
    }

    /// Whether the person's name is among the data, so that it need not be said who is signed in.
    fn shows_name(&self) -> bool {
        self.required.iter().chain(&self.optional).any(|datum| datum.id == "name")
    }

    /// When the permission ends and what it rests on, in one sentence.
    fn terms(&self) -> String {
        let (text, until) = (self.frame.text, ("until", self.until.as_str()));
        match self.basis {
            Some(basis) => text.with("consent.until_basis", &[until, ("basis", basis)]),
            None => text.with("consent.until", &[until]),
        }
    }

    fn service(&self) -> &str {
        self.frame.service.as_ref().map_or("", |service| service.name)
    }

    /// The key of the main action.
    fn action(&self) -> &'static str {
        if self.code_to.is_some() { "consent.allow_by_code" } else { "consent.allow" }
    }
}

/// "Continue as … to the service": posts `action=continue|other|signout`.
#[derive(Template)]
#[template(path = "pages/continue.html")]
pub(crate) struct ContinuePage<'a> {
    pub frame: Frame<'a>,
    pub person_name: &'a str,
    /// The number, masked but for its last four digits.
    pub masked_phone: Option<&'a str>,
    /// Which data the service gets is asked on the next page.
    pub asks: bool,
    /// An application is shown on the next page, to be confirmed.
    pub application: bool,
    /// What the service will be sent, if that is settled.
    pub sends: Vec<Datum>,
    /// Refuses and leads back to the service.
    pub cancel: &'a str,
}
