//! Request parameters by the rules of OAuth: each at most once, none oversized, no control characters.

use actix_web::HttpRequest;
use actix_web::http::header::CONTENT_TYPE;
use serde::{Deserialize, Serialize};
use url::form_urlencoded;

/// Maximum length of a parameter string, in bytes.
pub const LONGEST: usize = 32 * 1024;

/// Maximum length of a value, in bytes.
const LONGEST_VALUE: usize = 8 * 1024;

/// Maximum number of parameters of one request.
const MOST: usize = 64;

/// Parameters by name. Empty values count as absent (RFC 6749 §3.1).
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Params {
    /// In order of arrival; there are few, so a linear search is fastest.
    values: Vec<(String, String)>,
}

impl AsRef<Params> for Params {
    fn as_ref(&self) -> &Params {
        self
    }
}

/// A rejected parameter string.
#[derive(Debug, PartialEq, Eq)]
pub struct Malformed(pub &'static str);

impl Params {
    /// Reads `application/x-www-form-urlencoded` text: a query or a body.
    ///
    /// # Errors
    /// [`Malformed`] if it is too long, has too many parameters, or contains control characters or bytes that are
    /// not UTF-8.
    pub fn parse(text: &str) -> Result<Self, Malformed> {
        if text.len() > LONGEST {
            return Err(Malformed("too long"));
        }
        Self::of_pairs(form_urlencoded::parse(text.as_bytes()).into_owned())
    }

    /// Takes parameters that came in another form.
    ///
    /// # Errors
    /// As [`Params::parse`].
    pub fn of_pairs(pairs: impl IntoIterator<Item = (String, String)>) -> Result<Self, Malformed> {
        let mut params = Self::default();
        for (name, value) in pairs {
            if params.values.len() >= MOST {
                return Err(Malformed("too many parameters"));
            }
            if value.len() > LONGEST_VALUE || name.len() > 256 {
                return Err(Malformed("a parameter is too long"));
            }
            let odd = |c: char| {
                (c.is_control() && c != '\n' && c != '\r' && c != '\t') || c == char::REPLACEMENT_CHARACTER
            };
            if name.chars().chain(value.chars()).any(odd) {
                return Err(Malformed("a parameter holds control characters or is not UTF-8"));
            }
            params.values.push((name, value));
        }
        Ok(params)
    }

    /// Reads a body that should be a form.
    ///
    /// # Errors
    /// As [`Params::parse`].
    pub fn parse_body(body: &[u8]) -> Result<Self, Malformed> {
        Self::parse(std::str::from_utf8(body).map_err(|_| Malformed("the body is not UTF-8"))?)
    }

    /// Reads the body of a request that must be a form. A body that says that it is something else is none: other sites'
    /// pages may post `text/plain` without being asked whether they may.
    ///
    /// # Errors
    /// [`Malformed`] if it is not `application/x-www-form-urlencoded`, and as [`Params::parse`].
    pub fn of_form(request: &HttpRequest, body: &[u8]) -> Result<Self, Malformed> {
        if body.is_empty() {
            return Ok(Self::default());
        }
        let kind = request.headers().get(CONTENT_TYPE).and_then(|kind| kind.to_str().ok());
        let kind = kind.and_then(|kind| kind.split(';').next()).unwrap_or_default();
        if !kind.trim().eq_ignore_ascii_case("application/x-www-form-urlencoded") {
            return Err(Malformed("the body must be application/x-www-form-urlencoded"));
        }
        Self::parse_body(body)
    }

    /// The same parameters without those of these names.
    #[must_use]
    pub fn without(mut self, names: &[&str]) -> Self {
        self.values.retain(|(name, _)| !names.contains(&name.as_str()));
        self
    }

    /// The same parameters with one more.
    #[must_use]
    pub fn with(mut self, name: &str, value: String) -> Self {
        self.values.push((name.to_owned(), value));
        self
    }

    /// The first value of `name`, if it was given and is not empty.
    pub fn get(&self, name: &str) -> Option<&str> {
        let found = self.values.iter().find(|(given, _)| given == name);
        found.map(|(_, value)| value.as_str()).filter(|value| !value.is_empty())
    }

    /// Every value of `name`, for forms that may repeat it.
    pub fn all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        self.values.iter().filter(move |(given, _)| given == name).map(|(_, value)| value.as_str())
    }

    /// A parameter that was given more than once, which RFC 6749 §3.1 forbids.
    pub fn repeated(&self) -> Option<&str> {
        self.repeated_besides(&[])
    }

    /// As [`Params::repeated`], but for those that may be.
    pub fn repeated_besides(&self, repeatable: &[&str]) -> Option<&str> {
        let mut names = self.values.iter().map(|(name, _)| name.as_str());
        names.find(|name| self.is_repeated(name) && !repeatable.contains(name))
    }

    /// Whether anything was given besides `name`.
    pub fn has_others_than(&self, name: &str) -> bool {
        self.values.iter().any(|(given, value)| given != name && !value.is_empty())
    }

    /// Whether `name` was given more than once.
    pub fn is_repeated(&self, name: &str) -> bool {
        self.all(name).nth(1).is_some()
    }
}

/// A query without the parameters of that name, all else as it stands: bytes that no header may hold are encoded. `None` if it
/// has none of them.
pub fn query_without(query: &str, name: &str) -> Option<String> {
    let is_it = |pair: &&str| form_urlencoded::parse(pair.as_bytes()).any(|(given, _)| given == name);
    if !query.split('&').any(|pair| is_it(&pair)) {
        return None;
    }
    let kept: Vec<&str> = query.split('&').filter(|pair| !is_it(pair)).collect();
    let mut text = String::with_capacity(query.len());
    for byte in kept.join("&").bytes() {
        if byte.is_ascii_graphic() {
            text.push(char::from(byte));
        } else {
            text.push_str(&format!("%{byte:02X}"));
        }
    }
    Some(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_query_is_repeated_without_one_parameter_however_its_name_is_written() {
        let without = |query: &str| query_without(query, "b");
        assert_eq!((without(""), without("a=b&bb=1"), without("a=%26b=1")), (None, None, None));
        assert_eq!(without("a=+%2B&b=1&c&b&%62=2&d=\u{45e}").as_deref(), Some("a=+%2B&c&d=%D1%9E"));
        assert_eq!(without("b=1").as_deref(), Some(""));
    }

    #[test]
    fn a_repeated_parameter_is_reported_and_the_first_is_kept() {
        let params = Params::parse("a=1&a=2&b=").unwrap();
        assert_eq!((params.get("a"), params.get("b"), params.repeated()), (Some("1"), None, Some("a")));
        assert_eq!(params.repeated_besides(&["a"]), None);
    }

    #[test]
    fn only_a_form_is_read_as_one() {
        let of = |kind: &str, body: &[u8]| {
            let request = actix_web::test::TestRequest::post().insert_header((CONTENT_TYPE, kind));
            Params::of_form(&request.to_http_request(), body).map(|params| params.get("a").is_some())
        };
        for form in ["application/x-www-form-urlencoded", "Application/X-WWW-Form-Urlencoded ; charset=utf-8"]
        {
            assert_eq!(of(form, b"a=1"), Ok(true), "{form}");
        }
        for other in ["text/plain", "application/x-www-form-urlencoded-not", "application/json", ""] {
            assert!(of(other, b"a=1").is_err(), "{other}");
            assert_eq!(of(other, b""), Ok(false), "{other}");
        }
    }

    #[test]
    fn malformed_parameters_are_rejected() {
        assert!(Params::parse("a=%00").is_err());
        assert!(Params::parse("a=%FF").is_err());
        assert!(Params::parse(&format!("a={}", "x".repeat(9000))).is_err());
        assert!(Params::parse_body(&[0xFF]).is_err());
    }
}

#[cfg(test)]
mod properties {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn whatever_is_posted_is_bounded_or_refused(body in prop::collection::vec(any::<u8>(), 0..2000)) {
            if let Ok(params) = Params::parse_body(&body) {
                prop_assert!(params.values.len() <= MOST);
                for (_, value) in &params.values {
                    prop_assert!(value.len() <= LONGEST_VALUE && !value.contains('\0'));
                }
            }
        }

        #[test]
        fn what_a_client_encodes_is_read_as_it_was(
            given in prop::collection::btree_map("[a-z_]{1,20}", "[^\\p{C}\u{FFFD}]{1,60}", 0..20),
            again in "[a-z_]{1,20}",
        ) {
            let encoded = form_urlencoded::Serializer::new(String::new()).extend_pairs(&given).finish();
            let params = Params::parse(&encoded).unwrap();
            for (name, value) in &given {
                prop_assert_eq!(params.get(name), Some(value.as_str()));
            }
            prop_assert_eq!(params.repeated(), None);
            let twice = Params::parse(&format!("{encoded}&{again}=x")).unwrap();
            prop_assert_eq!(twice.is_repeated(&again), given.contains_key(&again));
        }
    }
}
