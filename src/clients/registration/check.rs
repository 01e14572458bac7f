//! The check of a registration: the rules of the place, the document's translations, and all that was found wrong. Its
//! methods read one member each; what the members of one part mean together is in the part's own file.

use std::collections::BTreeMap;
use std::fmt::Display;

use serde::de::DeserializeOwned;

use super::Rules;
use crate::clients::{Localized, RedirectUri, check_redirect_uri, redirect_uri};
use crate::platform::jose::Alg;

/// A check under way. A member that is wrong is noted and replaced by its default, so that all errors are found at once.
pub(super) struct Check<'a> {
    pub(super) rules: &'a Rules,
    /// The members `member#tag`, and whatever is unknown.
    other: &'a BTreeMap<String, toml::Value>,
    errors: Vec<String>,
}

impl<'a> Check<'a> {
    pub(super) const fn new(rules: &'a Rules, other: &'a BTreeMap<String, toml::Value>) -> Self {
        Self { rules, other, errors: Vec::new() }
    }

    /// `member: what is wrong`, for everything that is.
    pub(super) fn into_errors(self) -> Vec<String> {
        self.errors
    }

    /// Whether nothing was found wrong with the members whose names begin so.
    pub(super) fn is_right(&self, members: &str) -> bool {
        !self.errors.iter().any(|error| error.starts_with(members))
    }

    pub(super) fn fail(&mut self, member: &str, why: impl Display) {
        self.errors.push(format!("{member}: {why}"));
    }

    /// Refuses members that no part knows, unless they translate one of `translated`.
    pub(super) fn other_members(&mut self, translated: &[&str]) {
        for (member, value) in self.other {
            let known = member
                .split_once('#')
                .is_some_and(|(base, tag)| translated.contains(&base) && (2..=12).contains(&tag.len()));
            if !known {
                self.fail(member, "there is no such member");
            } else if value.as_str().is_none_or(|text| !is_plain(text)) {
                self.fail(member, "at most 300 characters, and no control characters");
            }
        }
    }

    /// The text of `member` with its translations.
    pub(super) fn localized(&mut self, member: &str, default: Option<&String>) -> Localized {
        if default.is_some_and(|text| !is_plain(text)) {
            self.fail(member, "at most 300 characters, and no control characters");
        }
        let mut text = Localized::same(default.cloned().unwrap_or_default());
        for (name, value) in self.other {
            if let (Some((base, tag)), Some(value)) = (name.split_once('#'), value.as_str())
                && base == member
            {
                text = text.with(tag, value);
            }
        }
        text
    }

    pub(super) fn word<T: DeserializeOwned>(&mut self, member: &str, text: Option<&str>, default: T) -> T {
        let Some(text) = text else { return default };
        serde_json::from_value(text.into()).unwrap_or_else(|error| {
            self.fail(member, error);
            default
        })
    }

    pub(super) fn list<T: DeserializeOwned>(
        &mut self,
        member: &str,
        texts: Option<&[String]>,
        default: &[&str],
    ) -> Vec<T> {
        let texts: Vec<&str> =
            texts.map_or_else(|| default.to_vec(), |texts| texts.iter().map(String::as_str).collect());
        let mut out = Vec::new();
        for text in texts {
            match serde_json::from_value(text.into()) {
                Ok(value) => out.push(value),
                Err(error) => self.fail(member, error),
            }
        }
        out
    }

    pub(super) fn alg(&mut self, member: &str, text: Option<&str>, default: Alg) -> Alg {
        let Some(text) = text else { return default };
        Alg::parse(text).unwrap_or_else(|| {
            self.fail(member, format!("`{text}` is none of RS256, PS256, ES256, EdDSA"));
            default
        })
    }

    pub(super) fn positive(&mut self, member: &str, value: Option<i64>) -> Option<i64> {
        if value.is_some_and(|value| !(1..=1_000_000_000).contains(&value)) {
            self.fail(member, "must be a positive whole number");
        }
        value.filter(|value| (1..=1_000_000_000).contains(value))
    }

    pub(super) fn uri(&mut self, member: &str, text: Option<&String>) -> Option<String> {
        let text = text?;
        let image = member == "logo_uri" && text.starts_with("data:image/");
        let loopback_http = self.rules.loopback_http;
        let web = url::Url::parse(text).is_ok_and(|uri| {
            redirect_uri::names_a_host(text, &uri)
                && uri.username().is_empty()
                && (uri.scheme() == "https"
                    || (uri.scheme() == "http" && loopback_http && redirect_uri::is_loopback(&uri)))
        });
        if !(image || web) || text.len() > 20_000 {
            self.fail(member, "must be an https URL");
            return None;
        }
        Some(text.clone())
    }

    pub(super) fn redirects(&mut self, member: &str, texts: &[String], native: bool) -> Vec<RedirectUri> {
        let mut out = Vec::new();
        for text in texts {
            let own_device = native && redirect_uri::is_loopback_address(text);
            match check_redirect_uri(text, self.rules.loopback_http || own_device) {
                Ok(()) => out.push(RedirectUri::registered(text)),
                Err(why) => self.fail(member, format!("`{text}`: {why}")),
            }
        }
        out
    }
}

/// Whether a text can be shown to people and put into an SMS: a line break would forge the line that phones read the
/// code from.
fn is_plain(text: &str) -> bool {
    text.chars().count() <= 300 && !text.chars().any(char::is_control)
}

#[cfg(test)]
mod tests {
    use super::super::tests::{client, wrong};

    #[test]
    fn translations_belong_to_texts_and_have_one_plain_line() {
        assert!(wrong("'client_name#ru' = 'Портал'").is_empty());
        for bad in ["'client_name#ru' = \"two\\nlines\"", "'client_name#ru' = 5", "'client_name#r' = 'x'"] {
            assert_eq!(wrong(bad).len(), 1, "{bad}");
        }
        assert_eq!(wrong("'scope#ru' = 'x'"), ["scope#ru: there is no such member"]);
        assert_eq!(wrong("colour = 'red'"), ["colour: there is no such member"]);
    }

    #[test]
    fn urls_are_https_and_only_an_icon_may_be_its_own_data() {
        let icon = client("logo_uri = 'data:image/png;base64,AAAA'").identity.logo_uri;
        assert_eq!(icon.as_deref(), Some("data:image/png;base64,AAAA"));
        for bad in ["tos_uri = 'data:image/png;base64,AAAA'", "tos_uri = 'http://portal.uz/'"] {
            assert_eq!(wrong(bad), ["tos_uri: must be an https URL"], "{bad}");
        }
    }
}
