//! An unsigned request object, which is refused (`parameters.rs`): what it says of the answer.
//!
//! Clients may put `response_mode` and `state` inside alone (OpenID Connect Core §6.1), and then look for the error there.
//! Nothing else is read, and nothing goes on from it: the redirect URI is the proven one, and the answer an error.

use serde::Deserialize;

use crate::platform::bytes;
use crate::platform::web::params::Params;

/// How the error is to be sent, as far as the object says.
#[derive(Debug, Default, Deserialize, PartialEq, Eq)]
#[serde(default)]
pub(super) struct AnswerWanted {
    #[serde(deserialize_with = "lenient")]
    pub(super) response_mode: Option<String>,
    #[serde(deserialize_with = "lenient")]
    pub(super) state: Option<String>,
}

#[derive(Deserialize)]
struct Header {
    alg: String,
}

/// A member of another type counts as absent.
fn lenient<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Option<String>, D::Error> {
    Ok(match serde_json::Value::deserialize(deserializer)? {
        serde_json::Value::String(text) => Some(text),
        _ => None,
    })
}

/// What the request's object says, if there is one and it is unsigned (RFC 7519 §6.1): a signature would have to be checked.
pub(super) fn answer_wanted(params: &Params) -> AnswerWanted {
    let object = params.get("request").filter(|_| !params.is_repeated("request"));
    let wanted = object.and_then(read).unwrap_or_default();
    // As in parameters, which may not hold them either.
    let plain = |state: &String| !state.chars().any(char::is_control);
    AnswerWanted { state: wanted.state.filter(plain), ..wanted }
}

fn read(object: &str) -> Option<AnswerWanted> {
    let (header, rest) = object.split_once('.')?;
    let header: Header = serde_json::from_slice(&bytes::decode(header)?).ok()?;
    let payload = rest.strip_suffix('.').filter(|_| header.alg == "none")?;
    serde_json::from_slice(&bytes::decode(payload)?).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wanted(header: &str, payload: &str, signature: &str) -> AnswerWanted {
        let object =
            format!("{}.{}.{signature}", bytes::encode(header.as_bytes()), bytes::encode(payload.as_bytes()));
        let query =
            url::form_urlencoded::Serializer::new(String::new()).append_pair("request", &object).finish();
        answer_wanted(&Params::parse(&query).unwrap())
    }

    const NONE: &str = r#"{"alg":"none"}"#;

    #[test]
    fn oidc_6_1_an_unsigned_object_says_how_its_refusal_is_sent() {
        let full =
            wanted(NONE, r#"{"response_mode":"form_post","state":"s","redirect_uri":"https://evil.uz"}"#, "");
        assert_eq!(full.response_mode.as_deref(), Some("form_post"));
        assert_eq!(full.state.as_deref(), Some("s"));
        assert_eq!(wanted(NONE, r#"{"state":"s"}"#, "").response_mode, None);
    }

    #[test]
    fn what_is_no_unsigned_object_says_nothing() {
        let payload = r#"{"response_mode":"form_post","state":"s"}"#;
        for (header, payload, signature) in [
            (r#"{"alg":"RS256"}"#, payload, "c2ln"),
            (r#"{"alg":"none"}"#, payload, "c2ln"),
            (r#"{"alg":"RS256"}"#, payload, ""),
            ("{}", payload, ""),
            (NONE, "[]", ""),
            (NONE, "{", ""),
            (NONE, r#"{"response_mode":["form_post"],"state":5}"#, ""),
            (NONE, "{\"state\":\"a\\u0000b\"}", ""),
        ] {
            assert_eq!(wanted(header, payload, signature), AnswerWanted::default(), "{header} {payload}");
        }
        for query in ["", "request=x", "request=.", "request=a.b.", "request=a&request=b"] {
            assert_eq!(answer_wanted(&Params::parse(query).unwrap()), AnswerWanted::default(), "{query}");
        }
    }
}
