//! Signed authentication requests (CIBA Core §7.1.1, FAPI-CIBA §5.2.2): all parameters in a JWT that the client signed. It is
//! used once, and nothing stands beside it but what proves the client.

use serde_json::{Map, Value};

use crate::clients::{Client, ClientKeyError};
use crate::oidc::Provider;
use crate::oidc::authorize::params_of;
use crate::oidc::error::{ErrorCode, TokenError};
use crate::platform::clock::Timestamp;
use crate::platform::jose::foreign::{self, Policy, numeric_date};
use crate::platform::web::params::Params;

/// What proves the client and is no part of its request.
const PROOF: [&str; 4] = ["client_id", "client_secret", "client_assertion", "client_assertion_type"];

/// The longest object, in bytes.
const MOST_BYTES: usize = 8 * 1024;

/// By how much clocks of clients may be ahead, in seconds.
const LEEWAY: i64 = 30;

/// How far ahead `exp` may be, and how old `nbf` (FAPI-CIBA §5.2.2).
const LONGEST: i64 = 3600;

/// The parameters of a request: those of its object, or its own where it may be unsigned.
///
/// # Errors
/// `invalid_request` (CIBA Core §13), `temporarily_unavailable` when the client's keys cannot be fetched.
pub(super) async fn params(
    provider: &Provider,
    client: &Client,
    params: Params,
) -> Result<Params, TokenError> {
    let params = params.without(&PROOF);
    let Some(object) = params.get("request") else {
        return if client.backchannel.signed_only {
            Err(invalid("this client must send its parameters in a signed request (request)"))
        } else {
            Ok(params)
        };
    };
    if params.has_others_than("request") {
        return Err(invalid("all parameters must stand in the signed request, and none beside it"));
    }
    let policy = Policy { algs: client.backchannel.algs(), typ: None, max_bytes: MOST_BYTES };
    let verified = provider.client_keys.verify(client, object, &policy).await;
    let verified = verified.map_err(|error| match error {
        // The client's host fails, or the way there: that is no wrong object.
        ClientKeyError::Unreadable => TokenError::new(ErrorCode::TemporarilyUnavailable, error.description()),
        error => invalid(error.description()),
    })?;
    if !has_fitting_type(object) {
        return Err(invalid("the typ of the signed request is that of another kind of JWT"));
    }
    let now = provider.clock.now();
    let (jti, expires_at) = check(&verified.claims, client, &provider.issuer, now).map_err(invalid)?;
    let seconds = expires_at.since(now) + LEEWAY;
    if !provider.single_use.of_client("ciba-request", &client.id, &jti, seconds).await? {
        return Err(invalid("the signed request was used before: its jti must be new"));
    }
    params_of(verified.claims).map_err(|error| invalid(error.description))
}

fn invalid(description: &'static str) -> TokenError {
    TokenError::new(ErrorCode::InvalidRequest, description)
}

/// RFC 8725 §3.11: a token that says that it is another kind is none of this one.
fn has_fitting_type(object: &str) -> bool {
    let header = foreign::unverified(object).map(|(header, _)| header);
    header.is_some_and(|header| match header.get("typ") {
        None => true,
        Some(typ) => {
            let typ = typ.as_str().unwrap_or_default().to_ascii_lowercase();
            ["jwt", "oauth-authz-req+jwt", "application/oauth-authz-req+jwt"].contains(&typ.as_str())
        }
    })
}

/// CIBA Core §7.1.1: who made it for whom, and when; its name, and when it expires.
fn check(
    claims: &Map<String, Value>,
    client: &Client,
    issuer: &str,
    now: Timestamp,
) -> Result<(String, Timestamp), &'static str> {
    let text = |name: &str| claims.get(name).and_then(Value::as_str);
    if text("iss") != Some(client.id.as_str()) {
        return Err("iss of the signed request must be the client_id");
    }
    let for_us = match claims.get("aud") {
        Some(Value::String(aud)) => aud == issuer,
        Some(Value::Array(all)) => all.iter().any(|aud| aud == issuer),
        _ => false,
    };
    if !for_us {
        return Err("aud of the signed request must be the issuer");
    }
    // A client assertion has a sub, and no request refers to another one.
    if ["sub", "request", "request_uri"].iter().any(|name| claims.contains_key(*name)) {
        return Err("the signed request must hold no sub, request or request_uri");
    }
    let time = |name: &str| claims.get(name).and_then(numeric_date);
    let (Some(exp), Some(nbf), Some(iat)) = (time("exp"), time("nbf"), time("iat")) else {
        return Err("the signed request must hold exp, nbf and iat, as numbers");
    };
    if exp <= now {
        return Err("the signed request has expired");
    }
    if exp.since(now) > LONGEST || exp.since(nbf) > LONGEST {
        return Err("exp of the signed request is more than 60 minutes ahead, or after nbf");
    }
    if nbf.since(now) > LEEWAY || iat.since(now) > LEEWAY {
        return Err("the signed request is not valid yet: nbf or iat is in the future");
    }
    if now.since(nbf) > LONGEST {
        return Err("nbf of the signed request is more than 60 minutes ago");
    }
    let jti = text("jti").filter(|jti| (1..=256).contains(&jti.len()));
    let jti = jti.ok_or("jti of the signed request is missing, or is no text of 1 to 256 bytes")?;
    Ok((jti.to_owned(), exp))
}
