//! The service's public keys, by which its signatures are verified: the set itself, or where it is published.

use std::collections::HashSet;
use std::sync::{Arc, LazyLock};

use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::Value;
use url::Url;

use super::check::Check;
use crate::platform::bytes::Digest;
use crate::platform::jose::foreign::ForeignKeys;

/// The file of this repository that has public keys of clients. Their private halves stand beside it, for the certification suite.
const PUBLISHED: &str = include_str!("../../../config/conformance-fapi-clients.toml");

/// The thumbprints of the keys that the suite proves itself with by certificates, and no client of that file names.
const OF_CERTIFICATES: [&str; 6] = [
    "V9In_uADWicHQYkfqLZ1haf4Z0J57EtP__MLzEyt_aM",
    "GY0Rl8eiqcQrGcroQAA6PomCoaOT081rloDvskEmhO4",
    "xESbfDI6WnFoeQtYbaAyiEzydybsD8Dci3SBT3zYtDA",
    "A6dDIUeU5wa9dNtkAy11Htx_C5vPyUMIA0E7KLUudvM",
    "iB16Jneb48EjJKri38vtpVqgzyJIoSPP6LBLZX7KPCI",
    "OqQyUdhNkItrAB6FwfdS91V1MN0hOyI9VQIZw3So-MU",
];

/// The thumbprints (RFC 7638) of all of them.
static PUBLISHED_KEYS: LazyLock<HashSet<Digest>> = LazyLock::new(|| {
    let sets = PUBLISHED.lines().filter_map(|line| line.strip_prefix("jwks = '")?.strip_suffix('\''));
    let sets = sets.filter_map(|set| ForeignKeys::parse(set.as_bytes()).ok());
    let registered = sets.flat_map(|keys| keys.thumbprints().flatten().collect::<Vec<_>>());
    registered
        .chain(OF_CERTIFICATES.iter().filter_map(|text| Digest::try_from((*text).to_owned()).ok()))
        .collect()
});

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
            Ok(keys) => {
                if !check.rules.published_secrets
                    && let Some(at) = keys.thumbprints().position(is_published)
                {
                    let why = "its private half stands in Yagona's own files, where everybody can read it";
                    check.fail("jwks", format!("key {}: {why}: make a key pair of your own", at + 1));
                }
                KeySource::Registration(Arc::new(keys))
            }
            Err(why) => {
                check.fail("jwks", why);
                KeySource::Nowhere
            }
        }
    }
}

/// Whether everybody can sign with the key of this thumbprint.
fn is_published(thumbprint: Option<Digest>) -> bool {
    thumbprint.is_some_and(|thumbprint| PUBLISHED_KEYS.contains(&thumbprint))
}

#[cfg(test)]
mod tests {
    use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair as _};
    use serde_json::json;

    use super::super::tests::{client, wrong, wrong_outside_the_sandbox};
    use super::*;
    use crate::platform::bytes;

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

    /// The public halves of a private key in PEM, of P-256.
    fn public_half(pem: &str) -> Value {
        use base64::Engine as _;
        let body: String = pem.lines().filter(|line| !line.starts_with("-----")).collect();
        let der = base64::prelude::BASE64_STANDARD.decode(body).unwrap();
        let pair = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &der).unwrap();
        let (x, y) = pair.public_key().as_ref()[1..].split_at(32);
        json!({"kty": "EC", "crv": "P-256", "x": bytes::encode(x), "y": bytes::encode(y)})
    }

    /// The keys whose private halves stand in the files for the certification suite, as JWK or as PEM.
    fn published() -> Vec<Value> {
        let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("config");
        let files = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
        let mut keys = Vec::new();
        for file in files.filter(|path| path.extension().is_some_and(|kind| kind == "json")) {
            let text = std::fs::read_to_string(&file).unwrap();
            let mut waiting = vec![serde_json::from_str::<Value>(&text).unwrap()];
            while let Some(value) = waiting.pop() {
                match value {
                    Value::Object(mut key) if key.contains_key("d") => {
                        key.retain(|name, _| ["kty", "crv", "x", "y", "n", "e"].contains(&name.as_str()));
                        keys.push(key.into());
                    }
                    Value::Object(members) => waiting.extend(members.into_iter().map(|(_, member)| member)),
                    Value::Array(items) => waiting.extend(items),
                    Value::String(text) if text.contains("PRIVATE KEY") => keys.push(public_half(&text)),
                    _ => {}
                }
            }
        }
        keys
    }

    #[test]
    fn a_key_that_everybody_can_sign_with_is_for_the_sandbox() {
        let keys = published();
        assert!(keys.len() >= 24, "{}", keys.len());
        for (at, mut jwk) in keys.into_iter().enumerate() {
            // Whatever it is called, and beside a key that nobody else has.
            jwk["kid"] = format!("mine-{at}").into();
            let members = format!("jwks = '{{\"keys\":[{KEY},{jwk}]}}'");
            assert!(wrong(&members).is_empty(), "{members}");
            let errors = wrong_outside_the_sandbox(&members);
            let told = errors.len() == 1
                && errors[0].starts_with("jwks: key 2: its private half stands in Yagona's own files");
            assert!(told, "{members}: {errors:?}");
        }
        assert!(wrong_outside_the_sandbox(&format!("jwks = '{{\"keys\":[{KEY}]}}'")).is_empty());
    }
}
