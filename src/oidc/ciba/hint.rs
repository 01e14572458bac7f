//! Whom a request means (CIBA Core §7.1): exactly one of `login_hint`, `login_hint_token` and `id_token_hint`.
//!
//! A hint that can name nobody is refused. One that could name somebody is never: whether a number or a person is known, has
//! Mobile-ID or wants to be asked, the service does not learn.

use serde_json::{Map, Value};

use super::Ciba;
use crate::clients::{Client, ClientId, ClientKeyError};
use crate::oidc::error::{ErrorCode, TokenError};
use crate::people::{PersonId, PhoneNumber, Pinfl};
use crate::platform::clock::Timestamp;
use crate::platform::jose::foreign::{self, Policy, numeric_date};
use crate::platform::web::params::Params;

/// The longest token, in bytes.
const MOST_BYTES: usize = 4 * 1024;

/// By how much clocks of clients may be ahead, in seconds.
const LEEWAY: i64 = 30;

/// How far ahead the `exp` of a token may be, in seconds.
const LONGEST: i64 = 3600;

/// What the sealed name of a person in an ID token is bound to.
pub(super) fn place(client: &ClientId) -> Vec<u8> {
    format!("hint {client}").into_bytes()
}

/// A hint, read.
pub(super) enum Hint {
    Number(PhoneNumber),
    Pinfl(Pinfl),
    Person(PersonId),
}

impl Hint {
    /// The parameter that it came in.
    pub(super) const fn name(&self) -> &'static str {
        match self {
            Self::Number(_) => "login_hint",
            Self::Pinfl(_) => "login_hint_token",
            Self::Person(_) => "id_token_hint",
        }
    }
}

/// The hint of a request.
///
/// # Errors
/// `invalid_request` where there is not exactly one that can be read, `unknown_user_id` where it can name nobody,
/// `expired_login_hint_token`.
pub(super) async fn read(ciba: &Ciba, client: &Client, params: &Params) -> Result<Hint, TokenError> {
    let hints = ["login_hint", "login_hint_token", "id_token_hint"];
    let given: Vec<&str> = hints.into_iter().filter(|name| params.get(name).is_some()).collect();
    let [name] = given.as_slice() else {
        return Err(invalid("exactly one of login_hint, login_hint_token and id_token_hint must be given"));
    };
    let value = params.get(name).unwrap_or_default();
    match *name {
        "login_hint" => {
            let number = PhoneNumber::parse_typed(value, ciba.sign_in.settings.test_numbers);
            number.map(Hint::Number).map_err(|_| unknown("login_hint is no mobile number of Uzbekistan"))
        }
        "login_hint_token" => pinfl(ciba, client, value).await.map(Hint::Pinfl),
        _ => person(ciba, client, value).map(Hint::Person),
    }
}

fn invalid(description: &'static str) -> TokenError {
    TokenError::new(ErrorCode::InvalidRequest, description)
}

fn unknown(description: &'static str) -> TokenError {
    TokenError::new(ErrorCode::UnknownUserId, description)
}

/// The PINFL in a token that the client signed with its own keys. The token is used once.
async fn pinfl(ciba: &Ciba, client: &Client, token: &str) -> Result<Pinfl, TokenError> {
    let provider = &ciba.provider;
    let policy = Policy { algs: client.backchannel.algs(), typ: None, max_bytes: MOST_BYTES };
    let verified = provider.client_keys.verify(client, token, &policy).await;
    let claims = verified.map(|verified| verified.claims).map_err(|error| match error {
        ClientKeyError::Unreadable => TokenError::new(ErrorCode::TemporarilyUnavailable, error.description()),
        error => invalid(error.description()),
    })?;
    let typ = foreign::unverified(token).and_then(|(header, _)| Some(header.get("typ")?.clone()));
    let typ = typ.map(|typ| typ.as_str().unwrap_or_default().to_ascii_lowercase());
    if !matches!(typ.as_deref(), None | Some("jwt" | "login-hint+jwt")) {
        return Err(invalid("the typ of login_hint_token is that of another kind of JWT"));
    }
    let now = provider.clock.now();
    let (pinfl, jti, expires_at) = check(&claims, client, &provider.issuer, now)?;
    let seconds = expires_at.since(now) + LEEWAY;
    if !provider.single_use.of_client("login-hint", &client.id, &jti, seconds).await? {
        return Err(invalid("login_hint_token was used before: its jti must be new"));
    }
    Ok(pinfl)
}

fn check(
    claims: &Map<String, Value>,
    client: &Client,
    issuer: &str,
    now: Timestamp,
) -> Result<(Pinfl, String, Timestamp), TokenError> {
    let text = |name: &str| claims.get(name).and_then(Value::as_str);
    if text("iss") != Some(client.id.as_str()) {
        return Err(invalid("iss of login_hint_token must be the client_id"));
    }
    let for_us = match claims.get("aud") {
        Some(Value::String(aud)) => aud == issuer,
        Some(Value::Array(all)) => all.iter().any(|aud| aud == issuer),
        _ => false,
    };
    if !for_us {
        return Err(invalid("aud of login_hint_token must be the issuer"));
    }
    if ["sub", "request", "request_uri"].iter().any(|name| claims.contains_key(*name)) {
        return Err(invalid("login_hint_token must hold no sub, request or request_uri"));
    }
    let exp = claims.get("exp").and_then(numeric_date);
    let exp = exp.ok_or_else(|| invalid("exp of login_hint_token is missing or no number"))?;
    if exp <= now {
        let description = "login_hint_token has expired: make a new one";
        return Err(TokenError::new(ErrorCode::ExpiredLoginHintToken, description));
    }
    if exp.since(now) > LONGEST {
        return Err(invalid("exp of login_hint_token is more than 60 minutes ahead"));
    }
    for name in ["iat", "nbf"] {
        let time = claims.get(name).map(numeric_date);
        if time.is_some_and(|time| time.is_none_or(|time| time.since(now) > LEEWAY)) {
            return Err(invalid("iat or nbf of login_hint_token is in the future, or no number"));
        }
    }
    let jti = text("jti").filter(|jti| (1..=256).contains(&jti.len()));
    let jti =
        jti.ok_or_else(|| invalid("jti of login_hint_token is missing, or is no text of 1 to 256 bytes"))?;
    let pinfl = text("pinfl").ok_or_else(|| invalid("pinfl of login_hint_token is missing"))?;
    let pinfl =
        Pinfl::from_registry(pinfl).map_err(|_| unknown("pinfl of login_hint_token is not 14 digits"))?;
    Ok((pinfl, jti.to_owned(), exp))
}

/// The person of an ID token that this provider issued to the client; it may have expired, as at logout.
fn person(ciba: &Ciba, client: &Client, token: &str) -> Result<PersonId, TokenError> {
    let provider = &ciba.provider;
    let claims = provider.keys.current().verify_hint(token);
    let claims = claims.map_err(|_| invalid("id_token_hint is not an ID token of this provider"))?;
    if claims["aud"] != client.id.as_str() || claims["iss"] != *provider.issuer {
        return Err(invalid("id_token_hint was issued to another client"));
    }
    let named = claims["hint"].as_str().and_then(|hint| ciba.hints.open_text(&place(&client.id), hint).ok());
    let named = named.and_then(|id| String::from_utf8(id).ok()).map(PersonId::stored);
    let named = named.filter(|person| claims["sub"] == provider.subject_ids.of(client, person));
    named.ok_or_else(|| {
        unknown("id_token_hint names nobody: it was issued before this client had the CIBA grant, or for another sector")
    })
}
