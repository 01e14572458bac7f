//! The service's public keys, by which its signatures are verified: the set itself, or where it is published.

use std::sync::Arc;

use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::Value;
use url::Url;

use super::check::Check;
use crate::platform::jose::foreign::ForeignKeys;

/// Keys as registered (RFC 7591 §2).
#[derive(Clone, Debug, Default, Serialize)]
pub struct KeysDocument {
    /// The set itself (RFC 7517 §5).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub jwks: Option<KeySetDocument>,
    /// Where the service publishes it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub jwks_uri: Option<String>,
}

members!(KeysDocument { jwks, jwks_uri });

/// A JWK set: an object, or its JSON as a text, which a TOML file holds more easily.
#[derive(Clone, Debug, Serialize)]
#[serde(transparent)]
pub struct KeySetDocument(pub Value);

impl<'de> Deserialize<'de> for KeySetDocument {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let mut set = match Value::deserialize(deserializer)? {
            Value::String(text) => serde_json::from_str(&text)
                .map_err(|error| D::Error::custom(format!("the text is not JSON: {error}")))?,
            set => set,
        };
        without_nulls(&mut set);
        Ok(Self(set))
    }
}

/// Removes members that are `null`, which TOML, and so an export, cannot hold.
fn without_nulls(value: &mut Value) {
    match value {
        Value::Object(members) => {
            members.retain(|_, member| !member.is_null());
            members.values_mut().for_each(without_nulls);
        }
        Value::Array(items) => {
            items.retain(|item| !item.is_null());
            items.iter_mut().for_each(without_nulls);
        }
        _ => {}
    }
}

/// Where the service's public keys come from.
#[derive(Clone, Debug)]
pub enum KeySource {
    /// There are none.
    Nowhere,
    /// From its registration.
    Registration(Arc<ForeignKeys>),
    /// From the address at which it publishes them.
    Address(Url),
}

impl KeySource {
    /// Whether there are any.
    pub const fn is_some(&self) -> bool {
        !matches!(self, Self::Nowhere)
    }
}

impl KeysDocument {
    pub(super) fn check(&self, check: &mut Check<'_>) -> KeySource {
        let address = check.uri("jwks_uri", self.jwks_uri.as_ref());
        let Some(set) = &self.jwks else {
            let address = address.and_then(|address| Url::parse(&address).ok());
            return address.map_or(KeySource::Nowhere, KeySource::Address);
        };
        if self.jwks_uri.is_some() {
            check.fail("jwks", "`jwks` and `jwks_uri` exclude each other (RFC 7591 §2)");
        }
        match ForeignKeys::parse_strictly(&set.0) {
            Ok(keys) => KeySource::Registration(Arc::new(keys)),
            Err(why) => {
                check.fail("jwks", why);
                KeySource::Nowhere
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::{client, wrong, wrong_outside_the_sandbox};
    use super::*;

    const KEY: &str = r#"{"kty":"EC","crv":"P-256","kid":"1","x":"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU","y":"x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0"}"#;

    #[test]
    fn rfc7591_2_keys_are_a_table_a_text_of_json_or_an_address() {
        let by_value = |members: &str| matches!(client(members).keys, KeySource::Registration(_));
        assert!(by_value(&format!("jwks = '{{\"keys\":[{KEY}], \"more\": null}}'")));
        let table = KEY.replace("\":", "\" = ");
        assert!(by_value(&format!("jwks = {{ keys = [{table}] }}")));
        let KeySource::Address(address) = client("jwks_uri = 'https://portal.uz/jwks'").keys else {
            panic!()
        };
        assert_eq!(address.as_str(), "https://portal.uz/jwks");
        assert!(!client("").keys.is_some());
    }

    #[test]
    fn rfc7591_2_keys_that_contradict_each_other_or_are_none_are_refused() {
        let both = format!("jwks = '{{\"keys\":[{KEY}]}}'\njwks_uri = 'https://portal.uz/jwks'");
        assert_eq!(wrong(&both), ["jwks: `jwks` and `jwks_uri` exclude each other (RFC 7591 §2)"]);
        assert_eq!(wrong("jwks = { keys = [] }"), ["jwks: must hold 1 to 32 keys"]);
        let private = KEY.replace("\"kid\"", "\"d\":\"c2VjcmV0\",\"kid\"");
        assert!(
            wrong(&format!("jwks = '{{\"keys\":[{private}]}}'"))[0].starts_with("jwks: key 1: `d` belongs")
        );
        assert_eq!(wrong("jwks_uri = 'ftp://portal.uz/jwks'"), ["jwks_uri: must be an https URL"]);
        let here = "jwks_uri = 'http://localhost:9/jwks'";
        assert!(wrong(here).is_empty());
        assert_eq!(wrong_outside_the_sandbox(here), ["jwks_uri: must be an https URL"]);
    }
}
