//! The events: their kinds (`kind.rs`) and a closed list of fields.

use std::borrow::Cow;

use super::kind::{Kind, Weight};
use crate::platform::bytes::{self, Digest};

/// Text of a field.
pub(super) type Text<'a> = Cow<'a, str>;

macro_rules! fields {
    ($($(#[doc = $doc:literal])+ $field:ident: $type:ty = $name:literal;)+) => {
        /// One event with its fields, of which each kind has some. Texts from outside are cut and cleaned when it is
        /// recorded.
        #[derive(Clone, Debug)]
        pub struct Event<'a> {
            kind: Kind,
            $($field: Option<$type>,)+
        }

        impl Event<'_> {
            /// An event without fields.
            pub const fn new(kind: Kind) -> Self {
                Self { kind, $($field: None,)+ }
            }

            /// The names of all fields.
            #[cfg(test)]
            pub(super) const FIELDS: &'static [&'static str] = &[$($name),+];

            /// Writes the line of the log.
            pub(super) fn log(&self) {
                let (event, message) = (self.kind.name(), self.kind.message());
                match self.kind.weight() {
                    Weight::Info => tracing::info!(event, $($name = shown(self.$field.as_ref()),)+ "{message}"),
                    Weight::Warn => tracing::warn!(event, $($name = shown(self.$field.as_ref()),)+ "{message}"),
                }
            }

            /// The row's content: one JSON object, fields in the order of this list.
            pub(super) fn content(&self) -> String {
                let mut json = String::with_capacity(256);
                json.push('{');
                $(if let Some(value) = &self.$field {
                    json.push_str(if json.len() == 1 { concat!("\"", $name, "\":") } else { concat!(",\"", $name, "\":") });
                    value.write(&mut json);
                })+
                json.push('}');
                json
            }
        }

        impl<'a> Event<'a> {
            $(
                $(#[doc = $doc])+
                #[must_use]
                pub fn $field(mut self, value: impl Into<$type>) -> Self {
                    self.$field = Some(value.into());
                    self
                }
            )+
        }
    };
}

fields! {
    /// The client.
    client: Text<'a> = "client.id";
    /// The person: given as the identifier, written as a pseudonym.
    person: Text<'a> = "person.id";
    /// The sign-in attempt: see [`Event::of_attempt`].
    attempt: Text<'a> = "attempt.id";
    /// The session: see [`Event::of_session`].
    session: Text<'a> = "session.id";
    /// The grant.
    grant: Text<'a> = "grant.id";
    /// An access token, by the identifier that revocation knows it by.
    token: Text<'a> = "token.id";
    /// The consent.
    consent: Text<'a> = "consent.id";
    /// The contract.
    contract: Text<'a> = "contract.id";
    /// The institution.
    institution: Text<'a> = "institution.id";
    /// The member of staff.
    staff: Text<'a> = "staff.id";
    /// The place where staff work.
    place: Text<'a> = "place.id";
    /// The message that carries a code.
    sms: Text<'a> = "sms.id";
    /// A signing key.
    key: Text<'a> = "key.id";
    /// A signing key's algorithm.
    alg: Text<'a> = "key.alg";
    /// The grant type of a token request.
    grant_type: Text<'a> = "grant.type";
    /// The resource server that an exchanged token is for.
    audience: Text<'a> = "audience.id";
    /// The error code of the response.
    error: Text<'a> = "oidc.error";
    /// Why, in a word of this program or the error's description.
    reason: Text<'a> = "reason";
    /// What was sent against what is registered or expected: no secret, no token, nobody's data.
    detail: Text<'a> = "detail";
    /// The code of a registration that an operator looks at.
    review: Text<'a> = "review";
    /// Scopes, separated by spaces.
    scope: Text<'a> = "scope";
    /// Names of data sets, separated by spaces.
    data: Text<'a> = "data";
    /// Names of data sets that were withheld.
    withheld: Text<'a> = "data.withheld";
    /// What data may go by: `consent` or `statutory`.
    basis: Text<'a> = "basis";
    /// The authentication context class.
    acr: Text<'a> = "acr";
    /// The authentication methods.
    amr: Text<'a> = "amr";
    /// The limit that refused.
    limit: Text<'a> = "limit";
    /// Whether a code goes to anybody.
    sent: bool = "sent";
    /// Which code of its attempt it is, counted from 1.
    number: i64 = "number";
    /// Tries left.
    left: i64 = "left";
    /// Until when, in seconds since the Unix epoch.
    until: i64 = "until";
    /// How many.
    count: i64 = "count";
    /// A number of a row.
    seq: i64 = "seq";
    /// The command.
    command: Text<'a> = "command";
    /// How a command ended: `ok` or `failed`.
    outcome: Text<'a> = "outcome";
    /// The operating system's user who ran a command.
    operator: Text<'a> = "operator";
    /// The version of the program.
    version: Text<'a> = "version";
    /// The client's network: given as text, written as a keyed digest.
    network: Text<'a> = "network.id";
    /// The request id.
    request: Text<'a> = "request.id";
}

impl<'a> Event<'a> {
    /// Of a sign-in attempt, given by the digest of its identifier.
    #[must_use]
    pub fn of_attempt(self, digest: Digest) -> Self {
        self.attempt(short(&digest))
    }

    /// Of a session, given by the digest that stays when the same person signs in again.
    #[must_use]
    pub fn of_session(self, sid_key: &Digest) -> Self {
        self.session(short(sid_key))
    }

    /// With names joined by spaces; without any, the field is absent.
    #[must_use]
    pub fn data_sets(self, names: impl Iterator<Item = &'static str>) -> Self {
        match joined(names) {
            Some(names) => self.data(names),
            None => self,
        }
    }

    /// As [`Event::data_sets`], of what was withheld.
    #[must_use]
    pub fn withheld_sets(self, names: impl Iterator<Item = &'static str>) -> Self {
        match joined(names) {
            Some(names) => self.withheld(names),
            None => self,
        }
    }

    /// As [`Event::data_sets`], of authentication methods.
    #[must_use]
    pub fn methods(self, names: impl Iterator<Item = &'static str>) -> Self {
        match joined(names) {
            Some(names) => self.amr(names),
            None => self,
        }
    }

    /// Of a person, if there is one.
    #[must_use]
    pub fn maybe_person(self, person: Option<&'a str>) -> Self {
        match person {
            Some(person) => self.person(person),
            None => self,
        }
    }

    /// With a scope, unless it is empty.
    #[must_use]
    pub fn scopes(self, scope: &'a str) -> Self {
        if scope.is_empty() { self } else { self.scope(scope) }
    }

    /// What happened.
    pub const fn kind(&self) -> Kind {
        self.kind
    }

    /// Replaces what names somebody by its pseudonym.
    pub(super) fn hide(&mut self, person: impl FnOnce(&str) -> String, network: impl FnOnce(&str) -> String) {
        // Made whether or not there is anybody: an unknown number costs the same work.
        let pseudonym = person(self.person.as_deref().unwrap_or_default());
        self.person = self.person.is_some().then(|| pseudonym.into());
        self.network = self.network.take().map(|text| network(&text).into());
    }

    /// Adds where the request came from.
    pub(super) fn came_from(&mut self, request: String, network: String) {
        self.request = Some(request.into());
        self.network = Some(network.into());
    }
}

/// Nine bytes of a digest of 256 random bits: enough to tell identifiers apart, and nothing opens with it.
fn short(digest: &Digest) -> String {
    bytes::encode(&digest.0[..9])
}

fn joined(names: impl Iterator<Item = &'static str>) -> Option<String> {
    let mut text = String::new();
    for name in names {
        if !text.is_empty() {
            text.push(' ');
        }
        text.push_str(name);
    }
    (!text.is_empty()).then_some(text)
}

/// The longest text of a field, in bytes: some come from outside.
const LONGEST: usize = 256;

/// A value of a field.
trait Value {
    /// What the log writes.
    type Shown<'s>: tracing::Value
    where
        Self: 's;

    fn shown(&self) -> Self::Shown<'_>;

    /// Appends it as JSON.
    fn write(&self, json: &mut String);
}

fn shown<V: Value>(value: Option<&V>) -> Option<V::Shown<'_>> {
    value.map(V::shown)
}

impl Value for Text<'_> {
    type Shown<'s>
        = &'s str
    where
        Self: 's;

    fn shown(&self) -> &str {
        cut(self)
    }

    fn write(&self, json: &mut String) {
        json.push('"');
        for c in cut(self).chars() {
            match c {
                '"' => json.push_str("\\\""),
                '\\' => json.push_str("\\\\"),
                // Nothing of this program has them; they have no place in a log.
                c if c.is_control() => json.push('\u{fffd}'),
                c => json.push(c),
            }
        }
        json.push('"');
    }
}

impl Value for i64 {
    type Shown<'s> = i64;

    fn shown(&self) -> i64 {
        *self
    }

    fn write(&self, json: &mut String) {
        use std::fmt::Write as _;
        // Writing to a String cannot fail.
        let _ = write!(json, "{self}");
    }
}

impl Value for bool {
    type Shown<'s> = bool;

    fn shown(&self) -> bool {
        *self
    }

    fn write(&self, json: &mut String) {
        json.push_str(if *self { "true" } else { "false" });
    }
}

fn cut(text: &str) -> &str {
    &text[..text.floor_char_boundary(LONGEST)]
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn content_is_json_whatever_a_stranger_sends() {
        let odd = format!("a\"b\\c\u{0}\u{1f}\n\u{2028}{}", "ʼ".repeat(300));
        let event = Event::new(Kind::TokenRefused).client(odd.as_str()).sent(true).left(-3);
        let content = event.content();
        let read: serde_json::Value = serde_json::from_str(&content).unwrap();
        assert!(read["client.id"].as_str().unwrap().starts_with("a\"b\\c\u{fffd}\u{fffd}\u{fffd}\u{2028}ʼ"));
        assert_eq!((&read["sent"], &read["left"]), (&true.into(), &(-3).into()));
        assert!(content.len() < 600, "{}", content.len());
        assert_eq!(Event::new(Kind::NodeStopped).content(), "{}");
    }

    #[test]
    fn names_are_dotted_words_and_each_is_used_once() {
        let kinds = Kind::ALL.iter().map(|kind| kind.name());
        let names: Vec<&str> = kinds.chain(Event::FIELDS.iter().copied()).collect();
        for name in &names {
            assert!(name.bytes().all(|b| b.is_ascii_lowercase() || b"._".contains(&b)), "{name}");
        }
        assert_eq!(names.iter().collect::<BTreeSet<_>>().len(), names.len());
    }

    #[test]
    fn every_event_and_every_field_is_in_the_documentation() {
        let page = include_str!("../../docs/logging.md");
        let rows: BTreeSet<&str> = page
            .lines()
            .filter_map(|line| line.strip_prefix("| "))
            .filter_map(|row| row.split(" | ").next())
            .flat_map(|cell| cell.split(", "))
            .map(|name| name.trim().trim_matches('`'))
            .collect();
        for name in Kind::ALL.iter().map(|kind| kind.name()).chain(Event::FIELDS.iter().copied()) {
            assert!(rows.contains(name), "docs/logging.md says nothing of {name}");
        }
        // And the other way round: the table of audited events has no name that the program does not know.
        let audited = page.split("## Audited events").nth(1).unwrap().split("\n## ").next().unwrap();
        for row in audited.lines().filter_map(|line| line.strip_prefix("| `")) {
            let name = row.split('`').next().unwrap();
            assert!(Kind::ALL.iter().any(|kind| kind.name() == name), "there is no event {name}");
        }
    }
}
