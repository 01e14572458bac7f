//! Logout tokens (OpenID Connect Back-Channel Logout 1.0): the provider notifies the portal that a session has ended,
//! and the portal ends its own. Every check of §2.6 is made first.

use actix_web::http::header;
use actix_web::{Error, HttpResponse, web};
use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use openidconnect::JsonWebKey;
use openidconnect::core::{CoreJsonWebKey, CoreJwsSigningAlgorithm};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use super::{Portal, now};

const EVENT: &str = "http://schemas.openid.net/event/backchannel-logout";
/// Tolerated clock skew, in seconds.
const SKEW_SECONDS: i64 = 30;
/// A logout token older than this is rejected, whatever its expiry.
const MAX_AGE_SECONDS: i64 = 10 * 60;

#[derive(Deserialize)]
pub(super) struct Notice {
    logout_token: String,
}

#[derive(Deserialize)]
struct JoseHeader {
    alg: CoreJwsSigningAlgorithm,
    kid: Option<String>,
    typ: Option<String>,
}

/// The claims of a verified logout token.
#[derive(Debug, Deserialize)]
struct LogoutClaims {
    iss: String,
    aud: Value,
    iat: i64,
    exp: i64,
    jti: String,
    sub: Option<String>,
    sid: Option<String>,
    events: Map<String, Value>,
    nonce: Option<Value>,
}

pub(super) async fn receive(
    portal: web::Data<Portal>,
    notice: Result<web::Form<Notice>, Error>,
) -> HttpResponse {
    let ended = match notice {
        Ok(notice) => end_sessions(&portal, &notice.logout_token, now()).await,
        Err(_) => Err("the form has no logout_token"),
    };
    let mut response = match ended {
        Ok(count) => {
            tracing::info!(count, "a logout token ended sessions");
            HttpResponse::Ok()
        }
        Err(why) => {
            tracing::warn!(error = why, "a logout token was refused");
            HttpResponse::BadRequest()
        }
    };
    response.insert_header((header::CACHE_CONTROL, "no-store"));
    match ended {
        Ok(_) => response.finish(),
        Err(why) => response.json(serde_json::json!({"error": "invalid_request", "error_description": why})),
    }
}

async fn end_sessions(portal: &Portal, token: &str, now: i64) -> Result<usize, &'static str> {
    let unreachable = |_| "the provider's keys cannot be read";
    let mut metadata = portal.provider.metadata(now).await.map_err(unreachable)?;
    let header = parse_header(token)?;
    if find_key(metadata.jwks().keys(), &header).is_none() {
        metadata = portal.provider.reread(now).await.map_err(unreachable)?;
    }
    let key = find_key(metadata.jwks().keys(), &header).ok_or("signed by a key that is not published")?;
    let claims = verified(token, &header, key)?;
    let known = |id: &Value| portal.parties.iter().position(|party| id.as_str() == Some(&party.client_id));
    let party = match &claims.aud {
        Value::Array(all) => all.iter().find_map(known),
        one => known(one),
    };
    let party = party.ok_or("aud names no client of this portal")?;
    check(&claims, portal.provider.issuer().as_str(), now)?;
    if !portal.departures.first_seen(&claims.jti) {
        return Err("jti was used before");
    }
    Ok(portal.sessions.end_matching(party, claims.sub.as_deref(), claims.sid.as_deref()))
}

fn parse_header(token: &str) -> Result<JoseHeader, &'static str> {
    let header: JoseHeader = decode(token.split('.').next().unwrap_or_default())?;
    let allowed = matches!(
        header.alg,
        CoreJwsSigningAlgorithm::EcdsaP256Sha256
            | CoreJwsSigningAlgorithm::RsaSsaPkcs1V15Sha256
            | CoreJwsSigningAlgorithm::EdDsa
    );
    if !allowed {
        return Err("alg is not accepted");
    }
    // §2.4 recommends the explicit type; an ID token must never be accepted as a logout token.
    match header.typ.as_deref() {
        None => Ok(header),
        Some(typ) if typ.eq_ignore_ascii_case("logout+jwt") || typ.eq_ignore_ascii_case("JWT") => Ok(header),
        Some(_) => Err("typ is not logout+jwt"),
    }
}

fn find_key<'a>(keys: &'a [CoreJsonWebKey], header: &JoseHeader) -> Option<&'a CoreJsonWebKey> {
    match header.kid.as_deref() {
        Some(kid) => keys.iter().find(|key| key.key_id().is_some_and(|id| id.as_str() == kid)),
        None if keys.len() == 1 => keys.first(),
        None => None,
    }
}

fn verified(token: &str, header: &JoseHeader, key: &CoreJsonWebKey) -> Result<LogoutClaims, &'static str> {
    let (signed, signature) = token.rsplit_once('.').ok_or("not a JWS")?;
    let (_, payload) = signed.split_once('.').ok_or("not a JWS")?;
    let signature = BASE64_URL_SAFE_NO_PAD.decode(signature).map_err(|_| "not base64url")?;
    key.verify_signature(&header.alg, signed.as_bytes(), &signature).map_err(|_| "the signature is wrong")?;
    decode(payload)
}

fn check(claims: &LogoutClaims, issuer: &str, now: i64) -> Result<(), &'static str> {
    if claims.iss != issuer {
        return Err("iss is not the provider");
    }
    if claims.iat > now + SKEW_SECONDS || claims.iat < now - MAX_AGE_SECONDS {
        return Err("iat is too old or in the future");
    }
    if claims.exp < now - SKEW_SECONDS {
        return Err("expired");
    }
    if !claims.events.get(EVENT).is_some_and(Value::is_object) {
        return Err("events does not name a back-channel logout");
    }
    if claims.nonce.is_some() {
        return Err("a logout token has no nonce");
    }
    if claims.sub.is_none() && claims.sid.is_none() {
        return Err("neither sub nor sid");
    }
    Ok(())
}

fn decode<T: DeserializeOwned>(part: &str) -> Result<T, &'static str> {
    let bytes = BASE64_URL_SAFE_NO_PAD.decode(part).map_err(|_| "not base64url")?;
    serde_json::from_slice(&bytes).map_err(|_| "a part is missing or has the wrong type")
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    const ISSUER: &str = "http://localhost:8080";

    fn judge(change: impl FnOnce(&mut Value)) -> Result<(), &'static str> {
        let mut claims = json!({
            "iss": ISSUER, "aud": "portal", "iat": 1_000, "exp": 1_120, "jti": "1", "sid": "s",
            "events": {EVENT: {}}
        });
        change(&mut claims);
        check(&serde_json::from_value(claims).map_err(|_| "unreadable")?, ISSUER, 1_010)
    }

    #[test]
    fn a_whole_logout_token_is_believed() {
        assert_eq!(judge(|_| ()), Ok(()));
    }

    #[test]
    fn an_id_token_does_not_pass_for_a_logout_token() {
        assert!(judge(|claims| claims["events"] = json!({})).is_err());
        assert!(judge(|claims| claims["events"] = json!({EVENT: "yes"})).is_err());
        assert!(judge(|claims| claims["nonce"] = json!("n")).is_err());
    }

    #[test]
    fn a_stale_foreign_or_aimless_token_is_refused() {
        assert!(judge(|claims| claims["iss"] = json!("http://localhost:8080/")).is_err());
        assert!(judge(|claims| claims["iat"] = json!(300)).is_err());
        assert!(judge(|claims| claims["iat"] = json!(2_000)).is_err());
        assert!(judge(|claims| claims["exp"] = json!(900)).is_err());
        assert!(judge(|claims| claims["sid"] = Value::Null).is_err());
        assert!(judge(|claims| claims["jti"] = Value::Null).is_err());
    }

    #[test]
    fn unsigned_and_mistyped_tokens_are_refused_by_their_header() {
        let header =
            |value: Value| parse_header(&BASE64_URL_SAFE_NO_PAD.encode(value.to_string())).map(|_| ());
        assert_eq!(header(json!({"alg": "ES256", "typ": "logout+jwt"})), Ok(()));
        assert!(header(json!({"alg": "none"})).is_err());
        assert!(header(json!({"alg": "HS256"})).is_err());
        assert!(header(json!({"alg": "ES256", "typ": "at+jwt"})).is_err());
    }
}
