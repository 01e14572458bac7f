//! Request objects by value (RFC 9101, OpenID Connect Core §6.1): the parameters of a request as a JWT that the client signed.
//!
//! What stands beside an object counts for nothing but to say who asks and, where the object is refused, where that is told
//! (RFC 9101 §6.3). Clients without keys sign nothing: their objects are refused by `parameters.rs`.

use serde::Deserialize;
use serde_json::{Map, Value};

use crate::clients::{Client, ClientKeyError};
use crate::oidc::error::{ErrorCode, OAuthError};
use crate::oidc::{Provider, resource};
use crate::platform::bytes;
use crate::platform::clock::Timestamp;
use crate::platform::jose::foreign::Policy;
use crate::platform::web::params::Params;

/// The registered type (RFC 9101 §9.4.1).
const TYPE: &str = "oauth-authz-req+jwt";

/// The longest object, in bytes; no parameter is longer.
const MOST_BYTES: usize = 8 * 1024;

/// By how much clocks of clients may be ahead, in seconds.
const LEEWAY: i64 = 30;

/// How long an object may live, and how old its `nbf` may be, where the client must sign (FAPI 2.0 Message Signing §5.3.1).
const LONGEST: i64 = 3600;

/// Claims of the token itself, which are no parameters (RFC 9101 §4).
const OF_THE_TOKEN: [&str; 6] = ["iss", "aud", "exp", "nbf", "iat", "jti"];

/// The parameters in the request's object, or nothing where they stand in the request itself.
///
/// # Errors
/// `invalid_request_object` (RFC 9101 §7) when the object is refused, `invalid_request` when there must be one,
/// `temporarily_unavailable` when the client's keys cannot be fetched.
pub(super) async fn inside(
    provider: &Provider,
    client: &Client,
    params: &Params,
) -> Result<Option<Params>, OAuthError> {
    let Some(object) = params.get("request") else {
        if client.requests.signed_only {
            let description = "this client must send its parameters in a signed request object (request)";
            return Err(OAuthError::new(ErrorCode::InvalidRequest, description));
        }
        return Ok(None);
    };
    if !client.keys.is_some() {
        return Ok(None);
    }
    if params.is_repeated("request") {
        return Err(OAuthError::new(ErrorCode::InvalidRequest, "request is repeated"));
    }
    let policy = Policy {
        algs: client.requests.object_algs(),
        typ: client.requests.signed_only.then_some(TYPE),
        max_bytes: MOST_BYTES,
    };
    let verified = provider.client_keys.verify(client, object, &policy).await;
    let verified = verified.map_err(|error| match error {
        // The client's host fails, or the way there: that is no wrong object.
        ClientKeyError::Unreadable => OAuthError::new(ErrorCode::TemporarilyUnavailable, error.description()),
        error => invalid(error.description()),
    });
    let claims = verified?.claims;
    if !has_fitting_type(object) {
        return Err(invalid("the typ of the request object must be oauth-authz-req+jwt"));
    }
    check(&claims, client, &provider.issuer, provider.clock.now())?;
    read(claims).map(Some)
}

const fn invalid(description: &'static str) -> OAuthError {
    OAuthError::new(ErrorCode::InvalidRequestObject, description)
}

/// RFC 9101 §10.8: a token that says that it is another kind is none of this one.
fn has_fitting_type(object: &str) -> bool {
    #[derive(Deserialize)]
    struct Header {
        typ: Option<String>,
    }
    let header = object.split('.').next().and_then(bytes::decode);
    let header = header.and_then(|header| serde_json::from_slice::<Header>(&header).ok());
    header.is_some_and(|header| {
        let typ = header.typ.unwrap_or_default().to_ascii_lowercase();
        ["", "jwt", TYPE].contains(&typ.strip_prefix("application/").unwrap_or(&typ))
    })
}

/// Who made it for whom, and when.
fn check(
    claims: &Map<String, Value>,
    client: &Client,
    issuer: &str,
    now: Timestamp,
) -> Result<(), OAuthError> {
    let text = |name: &str| claims.get(name).and_then(Value::as_str);
    if text("iss") != Some(client.id.as_str()) {
        return Err(invalid("iss of the request object must be the client_id"));
    }
    if text("client_id") != Some(client.id.as_str()) {
        return Err(invalid("client_id of the request object must be that of the request"));
    }
    let for_us = match claims.get("aud") {
        Some(Value::String(aud)) => aud == issuer,
        Some(Value::Array(all)) => all.iter().any(|aud| aud == issuer),
        _ => false,
    };
    if !for_us {
        return Err(invalid("aud of the request object must be the issuer"));
    }
    // RFC 9101 §10.8: a client assertion, which has a sub, is no request object; §6.3: nor does one refer to another.
    for name in ["sub", "request", "request_uri"] {
        if claims.contains_key(name) {
            return Err(invalid("the request object must hold no sub, request or request_uri"));
        }
    }
    times(claims, client.requests.signed_only, now)
}

fn times(claims: &Map<String, Value>, strictly: bool, now: Timestamp) -> Result<(), OAuthError> {
    let time = |name: &str| match claims.get(name) {
        None => Ok(None),
        Some(value) => match value.as_i64() {
            Some(seconds) => Ok(Some(seconds)),
            None => Err(invalid("exp, nbf and iat of the request object must be whole numbers")),
        },
    };
    let (exp, nbf, iat) = (time("exp")?, time("nbf")?, time("iat")?);
    if strictly && (exp.is_none() || nbf.is_none()) {
        return Err(invalid("the request object must hold exp and nbf"));
    }
    if exp.is_some_and(|exp| exp <= now.0) {
        return Err(invalid("the request object has expired"));
    }
    if [nbf, iat].into_iter().flatten().any(|time| time > now.0.saturating_add(LEEWAY)) {
        return Err(invalid("the request object is not valid yet: nbf or iat is in the future"));
    }
    if let (true, Some(exp), Some(nbf)) = (strictly, exp, nbf) {
        if exp.saturating_sub(nbf) > LONGEST {
            return Err(invalid("exp of the request object is more than 60 minutes after nbf"));
        }
        if nbf < now.0.saturating_sub(LONGEST) {
            return Err(invalid("nbf of the request object is more than 60 minutes ago"));
        }
    }
    Ok(())
}

/// The parameters that the claims are (RFC 9101 §4): texts as they are, other values as JSON.
pub(crate) fn read(claims: Map<String, Value>) -> Result<Params, OAuthError> {
    let mut pairs = Vec::new();
    for (name, value) in claims {
        match value {
            _ if OF_THE_TOKEN.contains(&name.as_str()) => {}
            Value::Null => {}
            Value::String(text) => pairs.push((name, text)),
            Value::Array(all) if name == resource::NAME => {
                for uri in all {
                    let uri = uri.as_str().ok_or(invalid("resource of the request object must be text"))?;
                    pairs.push((name.clone(), uri.to_owned()));
                }
            }
            other => pairs.push((name, other.to_string())),
        }
    }
    Params::of_pairs(pairs).map_err(|_| {
        invalid("the request object holds too many parameters, too long ones, or control characters")
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn claims(value: &Value) -> Map<String, Value> {
        value.as_object().unwrap().clone()
    }

    #[test]
    fn rfc9101_4_claims_are_parameters_but_for_those_of_the_token() {
        let params = read(claims(&json!({
            "iss": "shop", "aud": "https://id.uz", "exp": 1, "nbf": 1, "iat": 1, "jti": "x",
            "scope": "openid", "max_age": 60, "nothing": null, "claims": {"userinfo": {"name": null}},
            "resource": ["https://a.uz/", "https://b.uz/"],
        })))
        .unwrap();
        assert_eq!((params.get("scope"), params.get("max_age")), (Some("openid"), Some("60")));
        assert_eq!(params.get("claims"), Some(r#"{"userinfo":{"name":null}}"#));
        assert_eq!(params.all("resource").collect::<Vec<_>>(), ["https://a.uz/", "https://b.uz/"]);
        for none in ["iss", "aud", "exp", "nbf", "iat", "jti", "nothing"] {
            assert_eq!(params.get(none), None, "{none}");
        }
        assert!(read(claims(&json!({"state": "a\u{0}b"}))).is_err());
        assert!(read(claims(&json!({"state": "x".repeat(9000)}))).is_err());
        assert!(read(claims(&json!({"resource": [1]}))).is_err());
    }

    #[test]
    fn rfc7519_4_1_4_times_are_held_to_and_fapi_demands_them() {
        let now = Timestamp(1_000_000);
        let held = |value: Value, strictly| times(&claims(&value), strictly, now).is_ok();
        assert!(held(json!({}), false) && !held(json!({}), true));
        let good = json!({"exp": 1_000_300, "nbf": 1_000_000, "iat": 1_000_000});
        assert!(held(good.clone(), false) && held(good, true));
        for (bad, both) in [
            (json!({"exp": 1_000_000, "nbf": 999_000}), true),
            (json!({"exp": 1_003_000, "nbf": 1_000_031}), true),
            (json!({"exp": 1_000_300, "nbf": 1_000_000, "iat": 1_000_061}), true),
            (json!({"exp": "soon", "nbf": 1_000_000}), true),
            (json!({"exp": 1_000_300.5, "nbf": 1_000_000}), true),
            (json!({"exp": 1_003_700, "nbf": 1_000_000}), false),
            (json!({"exp": 1_000_001, "nbf": 996_300}), false),
            (json!({"exp": 1_000_300}), false),
            (json!({"nbf": 1_000_000}), false),
        ] {
            assert!(!held(bad.clone(), true), "{bad}");
            assert_eq!(held(bad.clone(), false), !both, "{bad}");
        }
        assert!(held(json!({"exp": 1_000_300, "nbf": 1_000_008, "iat": 1_000_008}), true), "a clock ahead");
    }

    #[test]
    fn rfc9101_10_8_other_kinds_of_tokens_are_no_request_objects() {
        let fits = |header: &str| has_fitting_type(&format!("{}.x.y", bytes::encode(header.as_bytes())));
        for good in [
            "{}",
            r#"{"typ":"JWT"}"#,
            r#"{"typ":"oauth-authz-req+jwt"}"#,
            r#"{"typ":"application/OAuth-authz-req+jwt"}"#,
        ] {
            assert!(fits(good), "{good}");
        }
        for bad in [r#"{"typ":"at+jwt"}"#, r#"{"typ":"dpop+jwt"}"#, r#"{"typ":5}"#, "x"] {
            assert!(!fits(bad), "{bad}");
        }
    }
}
