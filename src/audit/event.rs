//! The events: a closed list of kinds and of fields, so that nothing can be written that nobody thought of.

use std::borrow::Cow;

use crate::platform::bytes::{self, Digest};

/// How many rows of a kind one node may write.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Budget {
    /// Whatever happens: it rests on something that cannot be had for nothing.
    Unlimited,
    /// What anybody can bring about by sending a request: so many in a second, and ten times as many in one burst. What is
    /// more is logged and counted, and the count gets a row.
    PerSecond(i64),
}

/// The level of the event's line in the log.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Weight {
    Info,
    Warn,
}

/// Rows that refused requests of strangers may cause in a second, of each kind and on each node.
const REFUSALS: i64 = 100;

/// Rows that sign-ins begun, and cancelled, may cause in a second on each node: more than a node can bring to an end.
const BEGINNINGS: i64 = 2000;

macro_rules! kinds {
    ($($(#[doc = $doc:literal])+ $Kind:ident = $name:literal, $weight:ident, $budget:expr, $message:literal;)+) => {
        /// What happened. The names are stable: collectors and auditors search for them.
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
        pub enum Kind {
            $($(#[doc = $doc])+ $Kind,)+
        }

        impl Kind {
            /// Every kind.
            pub const ALL: &[Self] = &[$(Self::$Kind),+];

            /// The name in the log and in the rows.
            pub const fn name(self) -> &'static str {
                match self {
                    $(Self::$Kind => $name,)+
                }
            }

            /// What it says to people, in the log.
            pub(super) const fn message(self) -> &'static str {
                match self {
                    $(Self::$Kind => $message,)+
                }
            }

            pub(super) const fn weight(self) -> Weight {
                match self {
                    $(Self::$Kind => Weight::$weight,)+
                }
            }

            pub(super) const fn budget(self) -> Budget {
                use Budget::{PerSecond, Unlimited};
                match self {
                    $(Self::$Kind => $budget,)+
                }
            }
        }
    };
}

kinds! {
    /// A node began to serve.
    NodeStarted = "node.started", Info, Unlimited, "a node started";
    /// A node ended in order: its last row.
    NodeStopped = "node.stopped", Info, Unlimited, "a node stopped";
    /// A client asked for a sign-in that the person must do something for.
    SignInBegun = "sign_in.begun", Info, PerSecond(BEGINNINGS), "a sign-in began";
    /// A code was made; `sent` says whether it goes to anybody.
    CodeSent = "sign_in.code_sent", Info, PerSecond(BEGINNINGS), "a code was made";
    /// A code was asked for and a limit refused it.
    CodeLimited = "sign_in.limited", Info, PerSecond(REFUSALS), "a limit refused a code";
    /// A code was compared and not accepted.
    WrongCode = "sign_in.wrong_code", Info, PerSecond(BEGINNINGS), "a code was not accepted";
    /// A code was entered that could no longer be compared.
    CodeRefused = "sign_in.code_refused", Info, PerSecond(REFUSALS), "a code came too late or too often";
    /// Wrong codes delayed or locked an account.
    Locked = "sign_in.locked", Warn, Unlimited, "an account takes no code for now";
    /// A person proved who they are; a session was opened.
    SessionOpened = "session.opened", Info, Unlimited, "a session was opened";
    /// A session was ended by its person, or replaced by another person's.
    SessionEnded = "session.ended", Info, Unlimited, "a session was ended";
    /// A client got an authorization code.
    SignInCompleted = "sign_in.completed", Info, Unlimited, "a sign-in was completed";
    /// A sign-in ended without an authorization code.
    SignInRefused = "sign_in.refused", Info, PerSecond(BEGINNINGS), "a sign-in was refused";
    /// An authorization request was refused before anybody was asked anything.
    AuthorizationRefused = "authorization.refused", Info, PerSecond(REFUSALS), "an authorization request was refused";
    /// A person agreed, or a law lets the client have the data.
    ConsentGiven = "consent.given", Info, Unlimited, "a consent was recorded";
    /// A person was asked for consent and refused.
    ConsentRefused = "consent.refused", Info, Unlimited, "a consent was refused";
    /// A consent was ended with the client's grants.
    ConsentEnded = "consent.ended", Info, Unlimited, "a consent was ended";
    /// Tokens were issued for an authorization code, or to a client itself.
    TokenIssued = "token.issued", Info, Unlimited, "tokens were issued";
    /// Tokens were issued for a refresh token.
    TokenRefreshed = "token.refreshed", Info, Unlimited, "tokens were refreshed";
    /// A request for tokens was refused.
    TokenRefused = "token.refused", Info, PerSecond(REFUSALS), "a token request was refused";
    /// A client revoked a grant or an access token.
    TokenRevoked = "token.revoked", Info, Unlimited, "tokens were revoked";
    /// An authorization code was used twice: its grant was revoked.
    CodeReplayed = "code.replayed", Warn, Unlimited, "a code was redeemed twice: its grant is revoked";
    /// A refresh token was used twice: its grant was revoked.
    RefreshReplayed = "refresh_token.replayed", Warn, Unlimited, "a refresh token was used twice: its grant is revoked";
    /// An introspection request was refused.
    IntrospectionRefused = "introspection.refused", Info, PerSecond(REFUSALS), "an introspection request was refused";
    /// A revocation request was refused.
    RevocationRefused = "revocation.refused", Info, PerSecond(REFUSALS), "a revocation request was refused";
    /// A UserInfo request was refused.
    UserinfoRefused = "userinfo.refused", Info, PerSecond(REFUSALS), "a UserInfo request was refused";
    /// A logout request was refused.
    LogoutRefused = "logout.refused", Info, PerSecond(REFUSALS), "a logout request was refused";
    /// Everything of a person was ended.
    AccessEnded = "person.access_ended", Info, Unlimited, "sessions, grants and tokens of a person were ended";
    /// An operator unlocked an account.
    PersonUnlocked = "person.unlocked", Info, Unlimited, "an account was unlocked";
    /// A client was registered.
    ClientCreated = "client.created", Info, Unlimited, "a client was registered";
    /// A client's registration was replaced.
    ClientChanged = "client.changed", Info, Unlimited, "a client was changed";
    /// A client got a new secret.
    ClientSecretChanged = "client.secret_changed", Info, Unlimited, "a client got a new secret";
    /// A client was disabled.
    ClientDisabled = "client.disabled", Info, Unlimited, "a client was disabled";
    /// A client was enabled again.
    ClientEnabled = "client.enabled", Info, Unlimited, "a client was enabled";
    /// A client was deleted.
    ClientDeleted = "client.deleted", Info, Unlimited, "a client was deleted";
    /// A signing key was made because there was none of its algorithm.
    KeyCreated = "key.created", Info, Unlimited, "a signing key was created";
    /// A signing key was made that follows the former ones of its algorithm.
    KeyRotated = "key.rotated", Info, Unlimited, "a signing key was rotated";
    /// An operator's command is about to change or read something.
    CommandBegun = "operator.command", Info, Unlimited, "a command was begun";
    /// An operator's command ended: its process's last row.
    CommandEnded = "operator.finished", Info, Unlimited, "a command ended";
    /// Events of strangers that got no row of their own.
    Suppressed = "audit.suppressed", Warn, Unlimited, "events were logged and got no row";
    /// Expired rows were removed.
    Purged = "audit.purged", Info, Unlimited, "expired rows of the audit log were removed";
    /// The end of the chain is before one that this node has seen: the table was changed or restored.
    RolledBack = "audit.rolled_back", Warn, Unlimited, "the audit log ends before where it had ended";
}

impl Kind {
    /// Whether a process writes nothing after it.
    pub(super) fn is_last(name: &str) -> bool {
        name == Self::NodeStopped.name() || name == Self::CommandEnded.name()
    }
}

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
    /// The message that carries a code.
    sms: Text<'a> = "sms.id";
    /// A signing key.
    key: Text<'a> = "key.id";
    /// A signing key's algorithm.
    alg: Text<'a> = "key.alg";
    /// The grant type of a token request.
    grant_type: Text<'a> = "grant.type";
    /// The error code of the response.
    error: Text<'a> = "oidc.error";
    /// Why, in a word of this program or the error's description.
    reason: Text<'a> = "reason";
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
