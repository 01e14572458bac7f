//! A client that proves itself by a signed assertion (RFC 7521 §4.2, RFC 7523 §2.2, OpenID Connect Core §9): with its own
//! key (`private_key_jwt`) or with the secret that both sides have (`client_secret_jwt`).

use std::sync::Arc;

use serde_json::{Map, Value};

use super::super::Provider;
use super::super::error::{ErrorCode, TokenError};
use super::printable;
use crate::clients::{AssertionAudience, AuthMethod, Client, ClientId, ClientKeyError};
use crate::oidc::paths;
use crate::platform::clock::Timestamp;
use crate::platform::jose::foreign::{self, ForeignError, Policy, numeric_date};
use crate::platform::web::params::Params;

/// RFC 7523 §2.2.
const TYPE: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";

/// The longest assertion, in bytes.
const LONGEST: usize = 8 * 1024;

/// By how much a client's clock may be ahead of ours, in seconds.
const AHEAD: i64 = 10;

/// The assertion in a request, if there is one; what it says of itself is verified by nobody yet.
///
/// # Errors
/// `invalid_request` when half of it is missing, `invalid_client` when it is of another type.
pub(super) fn of_request(params: &Params) -> Result<Option<&str>, TokenError> {
    match (params.get("client_assertion_type"), params.get("client_assertion")) {
        (None, None) => Ok(None),
        (Some(TYPE), Some(assertion)) => Ok(Some(assertion)),
        (Some(_), Some(_)) => Err(refused("client_assertion_type is not that of RFC 7523")),
        (None, Some(_)) => {
            Err(TokenError::new(ErrorCode::InvalidRequest, "client_assertion_type is missing"))
        }
        (Some(_), None) => Err(TokenError::new(ErrorCode::InvalidRequest, "client_assertion is missing")),
    }
}

/// The client that made the assertion, which is used up.
///
/// # Errors
/// `invalid_client`, or `invalid_request` when `client_id` names another client.
pub(super) async fn client(
    provider: &Provider,
    path: &str,
    params: &Params,
    assertion: &str,
) -> Result<Arc<Client>, TokenError> {
    let Some((header, unverified)) = foreign::unverified(assertion).filter(|_| assertion.len() <= LONGEST)
    else {
        return Err(refused("client_assertion is no compact JWS of a JSON object"));
    };
    let named = unverified.get("sub").and_then(Value::as_str).unwrap_or_default();
    let of = |error: TokenError| TokenError { client: Some(printable(named)), ..error };
    if params.get("client_id").is_some_and(|id| id != named) {
        let differs = "client_id differs from the sub of client_assertion";
        return Err(of(TokenError::new(ErrorCode::InvalidRequest, differs)));
    }
    let client = ClientId::parse(named).and_then(|id| provider.clients.find(&id));
    let client = client.filter(|client| !client.disabled || client.pending || client.suspension.is_some());
    let client = client.ok_or_else(|| of(refused("the sub of client_assertion is no client in use")))?;
    // RFC 8725 §3.11: what the client signed for another purpose is no assertion.
    let typ = header.get("typ").map(|typ| typ.as_str().unwrap_or_default().to_ascii_lowercase());
    if !matches!(typ.as_deref(), None | Some("jwt" | "client-authentication+jwt")) {
        return Err(of(refused("the typ of client_assertion is that of another kind of JWT")));
    }
    let claims = verified(provider, &client, assertion).await.map_err(of)?;
    let now = provider.clock.now();
    let expected = Expected { client: &client, issuer: &provider.issuer, path, now };
    let Accepted { id, expires_at } = check(&claims, &expected).map_err(|wrong| {
        let error = of(refused(wrong.why));
        TokenError { detail: wrong.detail, ..error }
    })?;
    // For as long as it is accepted, and a moment longer for the clocks of other nodes.
    let seconds = expires_at.since(now) + AHEAD;
    if !provider.single_use.of_assertion(&client.id, id, seconds).await? {
        return Err(of(refused("client_assertion was used before: its jti must be new")));
    }
    super::approved(client)
}

/// The claims, once the signature is verified by the method that the client is registered for.
async fn verified(
    provider: &Provider,
    client: &Client,
    assertion: &str,
) -> Result<Map<String, Value>, TokenError> {
    let authentication = &client.authentication;
    match authentication.method {
        AuthMethod::PrivateKeyJwt => {
            let policy = Policy { algs: authentication.assertion_algs, typ: None, max_bytes: LONGEST };
            let verified = provider.client_keys.verify(client, assertion, &policy).await;
            verified.map(|verified| verified.claims).map_err(|error| {
                let known = provider.client_keys.told(client);
                match error {
                    // The client's host fails, or the way there: that is no wrong assertion.
                    ClientKeyError::Unreadable => {
                        TokenError::new(ErrorCode::TemporarilyUnavailable, error.description()).because(known)
                    }
                    error => {
                        refused(error.description()).because(format!("{}; {known}", header_of(assertion)))
                    }
                }
            })
        }
        AuthMethod::ClientSecretJwt => {
            let mut last = ForeignError::WrongSignature;
            for secret in authentication.shared_secrets(provider.clock.now()) {
                match foreign::verify_shared(assertion, secret.expose().as_bytes(), LONGEST) {
                    Ok(claims) => return Ok(claims),
                    Err(error) => last = error,
                }
            }
            Err(refused(last.description()))
        }
        _ => Err(refused("the client is registered for another token_endpoint_auth_method than assertions")),
    }
}

/// What the header of an assertion says of its key.
fn header_of(assertion: &str) -> String {
    let header = foreign::unverified(assertion).map(|(header, _)| header).unwrap_or_default();
    let member = |name: &str| match header.get(name).and_then(Value::as_str) {
        Some(text) => format!("{name} {}", printable(text)),
        None => format!("no {name}"),
    };
    format!("sent with {}, {}", member("kid"), member("alg"))
}

/// Why an assertion is refused, and what stood in it.
#[derive(Debug, PartialEq, Eq)]
struct Wrong {
    why: &'static str,
    detail: Option<String>,
}

impl From<&'static str> for Wrong {
    fn from(why: &'static str) -> Self {
        Self { why, detail: None }
    }
}

fn refused(description: &'static str) -> TokenError {
    TokenError::new(ErrorCode::InvalidClient, description)
}

/// The audience that was sent against the one that is expected.
fn audience(claims: &Map<String, Value>, issuer: &str) -> String {
    let sent = match claims.get("aud") {
        None => "nothing".to_owned(),
        Some(aud) => aud.to_string().chars().filter(char::is_ascii_graphic).take(100).collect(),
    };
    format!("sent was {sent}, expected is {issuer}")
}

/// What the claims are held against.
struct Expected<'a> {
    client: &'a Client,
    issuer: &'a str,
    /// Path of the endpoint that was called.
    path: &'a str,
    now: Timestamp,
}

/// What is left of an assertion that is accepted.
#[derive(Debug, PartialEq, Eq)]
struct Accepted<'a> {
    id: &'a str,
    expires_at: Timestamp,
}

/// RFC 7523 §3; the audience as FAPI 2.0 Security Profile §5.3.3.1 wants it, unless the registration allows more.
fn check<'a>(claims: &'a Map<String, Value>, expected: &Expected<'_>) -> Result<Accepted<'a>, Wrong> {
    let text = |name: &str| claims.get(name).and_then(Value::as_str);
    let Expected { client, issuer, path, now } = expected;
    if text("sub") != Some(client.id.as_str()) || text("iss") != Some(client.id.as_str()) {
        return Err("iss and sub of client_assertion must both be the client_id".into());
    }
    let at = |path: &str| format!("{issuer}{path}");
    let named = |value: &Value| {
        value.as_str().is_some_and(|aud| aud == *issuer || aud == at(paths::TOKEN) || aud == at(path))
    };
    match (claims.get("aud"), client.authentication.assertion_audience) {
        (Some(Value::String(aud)), AssertionAudience::Issuer) if aud == issuer => {}
        (Some(aud @ Value::String(_)), AssertionAudience::IssuerOrTokenEndpoint) if named(aud) => {}
        (Some(Value::Array(all)), AssertionAudience::IssuerOrTokenEndpoint) if all.iter().any(named) => {}
        (_, AssertionAudience::Issuer) => {
            let why = "the aud of client_assertion must be the issuer, as one text";
            return Err(Wrong { why, detail: Some(audience(claims, issuer)) });
        }
        (_, AssertionAudience::IssuerOrTokenEndpoint) => {
            let why = "the aud of client_assertion must be the issuer or the token endpoint";
            return Err(Wrong { why, detail: Some(audience(claims, issuer)) });
        }
    }
    let expires_at = claims.get("exp").and_then(numeric_date);
    let expires_at = expires_at.ok_or("the exp of client_assertion is missing or no number")?;
    if expires_at <= *now {
        let detail = Some(format!("it expired {} s ago by the clock of the provider", now.since(expires_at)));
        return Err(Wrong { why: "client_assertion has expired: check the clock of the client", detail });
    }
    if expires_at.since(*now) > client.authentication.assertion_seconds + AHEAD {
        let most = client.authentication.assertion_seconds;
        let detail = Some(format!("it expires in {} s, and may in {most} s at most", expires_at.since(*now)));
        return Err(Wrong { why: "the exp of client_assertion is too far ahead", detail });
    }
    for name in ["iat", "nbf"] {
        match claims.get(name).map(numeric_date) {
            None => {}
            Some(Some(time)) if time.since(*now) <= AHEAD => {}
            Some(Some(time)) => {
                let detail =
                    Some(format!("{name} is {} s ahead of the clock of the provider", time.since(*now)));
                return Err(Wrong {
                    why: "iat or nbf of client_assertion is ahead: check the clock of the client",
                    detail,
                });
            }
            Some(None) => return Err("iat or nbf of client_assertion is no number".into()),
        }
    }
    let id = text("jti").filter(|id| (1..=256).contains(&id.len()));
    let id = id.ok_or("the jti of client_assertion is missing, or is no text of 1 to 256 bytes")?;
    Ok(Accepted { id, expires_at })
}
