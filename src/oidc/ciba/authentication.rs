//! `POST /oidc/bc-authorize` (CIBA Core §7): the service names a person, who is sent a message.

use actix_web::http::StatusCode;
use actix_web::web::{Bytes, Data};
use actix_web::{HttpRequest, HttpResponse};
use serde::Serialize;
use serde_json::value::to_raw_value;

use super::answer::ReplyState;
use super::binding_message::is_shown_verbatim;
use super::hint::{self, Hint};
use super::ping::Ping;
use super::{Ciba, REMEMBERED, Waiting, key, signed_request};
use crate::audit::{Event, Kind};
use crate::clients::{Application, Client, DataRequest, Delivery, GrantType, PersonalData, Profile, Right};
use crate::oidc::authorization_details::{self, Bounds};
use crate::oidc::authorize::{BEYOND_CONTRACT, spent};
use crate::oidc::claims::{ClaimsRequest, SCOPES, requested};
use crate::oidc::error::{ErrorCode, TokenError};
use crate::oidc::polls::INTERVAL;
use crate::oidc::{application_details, client_auth, resource};
use crate::people::PhoneNumber;
use crate::platform::bytes::{self, Digest};
use crate::platform::service_error::ServiceError;
use crate::platform::telemetry::client_of;
use crate::platform::web::locale::{Language, negotiate};
use crate::platform::web::params::Params;
use crate::platform::web::respond;
use crate::sign_in::{
    Acr, AskAgain, Beside, ClientNetwork, Limit, Means, NotAsked, Protocol, Reply, SignInRequest, reachable,
};

/// Whoever is not at the service's site proves who they are by a code alone.
const BY_CODE: &[Means] = &[Means::MobileId];

/// The longest names of resource servers, together.
const LONGEST_RESOURCES: usize = 1000;

/// The longest `client_notification_token` (CIBA Core §7.1).
const LONGEST_TOKEN: usize = 1024;

/// The shortest one: 128 bits in base64url (CIBA Core §7.1 demands as many).
const SHORTEST_TOKEN: usize = 22;

/// The shortest time in which a person may decide, in seconds: who asks for less gets this, and is told so.
const SHORTEST: i64 = 10;

/// More classes than there are.
const MOST_ACR: usize = 20;

/// The answer (§7.3).
#[derive(Serialize)]
struct Answer {
    auth_req_id: String,
    expires_in: i64,
    interval: i64,
}

/// What a request asks, read.
struct Asked {
    scopes: Vec<String>,
    resources: Vec<String>,
    details: Vec<PersonalData>,
    application: Option<Box<Application>>,
    message: Option<String>,
    notification: Option<String>,
    acr: Vec<Acr>,
    seconds: i64,
    language: Language,
    hint: Hint,
}

/// Answers a service.
pub(in crate::oidc) async fn post(ciba: Data<Ciba>, request: HttpRequest, body: Bytes) -> HttpResponse {
    match answer(&ciba, &request, &body).await {
        Ok(answer) => respond::json(StatusCode::OK, &answer),
        Err(Refused { error, retry_after }) => {
            let response = error.respond(&ciba.provider.audit, Kind::ApprovalRequestRefused);
            match retry_after {
                Some(seconds) => respond::retry_after(response, seconds),
                None => response,
            }
        }
    }
}

/// Why nobody is asked, and after how many seconds trying again makes sense.
struct Refused {
    error: TokenError,
    retry_after: Option<i64>,
}

impl From<TokenError> for Refused {
    fn from(error: TokenError) -> Self {
        Self { error, retry_after: None }
    }
}

async fn answer(ciba: &Ciba, request: &HttpRequest, body: &[u8]) -> Result<Answer, Refused> {
    let params = client_auth::form(request, body)?;
    let client = client_auth::authenticate(&ciba.provider, request, &params).await?;
    let answered = async {
        may_ask(&client)?;
        let params = signed_request::params(&ciba.provider, &client, params).await?;
        let asked = read(ciba, &client, &params).await?;
        let sets = requested(&asked.scopes, &ClaimsRequest::default());
        let general = DataRequest::allowed(&client, &sets, false);
        let data = DataRequest { details: asked.details.clone(), ..general };
        if let Some(error) = spent(&ciba.provider, &client, &data) {
            let now = ciba.provider.clock.now();
            let retry_after = ciba.provider.clients.spent(&client).map(|spent| spent.seconds(now));
            return Err(Refused { error: error.into(), retry_after });
        }
        ask(ciba, request, &client, asked).await
    };
    answered.await.map_err(|refused| Refused { error: refused.error.of(&client.id), ..refused })
}

fn may_ask(client: &Client) -> Result<(), TokenError> {
    if !client.may(GrantType::Ciba) && !client.may_use(Right::Ciba) {
        let description = "the contract of the client does not let it ask people who are not at its site, or the client is not registered for CIBA";
        return Err(TokenError::new(ErrorCode::UnauthorizedClient, description));
    }
    if !client.may(GrantType::Ciba) {
        let description = "the client is not registered for the grant urn:openid:params:grant-type:ciba";
        return Err(TokenError::new(ErrorCode::UnauthorizedClient, description));
    }
    if reachable(BY_CODE, client).is_empty() {
        let description = "the registration accepts no means of signing in that is offered";
        return Err(TokenError::new(ErrorCode::UnauthorizedClient, description));
    }
    Ok(())
}

/// The parameters (§7.1), each held to its rule.
async fn read(ciba: &Ciba, client: &Client, params: &Params) -> Result<Asked, TokenError> {
    let invalid = |description| Err(TokenError::new(ErrorCode::InvalidRequest, description));
    if params.get("request_uri").is_some() {
        return invalid("request_uri is not supported: send the signed request itself (request)");
    }
    if params.get("user_code").is_some() {
        return invalid("there are no user codes: leave user_code away");
    }
    let scopes = scopes(client, params.get("scope"))?;
    let resources = resources(ciba, client, params)?;
    let (details, application) = details(ciba, client, (&scopes, &resources), params)?;
    let message = params.get("binding_message");
    if message.is_some_and(|message| !is_shown_verbatim(message)) {
        let description = "binding_message must be 1 to 40 Latin or Cyrillic letters, digits and signs, with single blanks, and no address or phone number";
        return Err(TokenError::new(ErrorCode::InvalidBindingMessage, description));
    }
    if message.is_none() && client.requests.profile == Profile::Ciba {
        let description = "binding_message is missing: this client is held to FAPI-CIBA (5.2.2), and the person must be able to compare";
        return invalid(description);
    }
    let notification = match (&client.backchannel.delivery, params.get("client_notification_token")) {
        (Delivery::Poll, _) => None,
        (Delivery::Ping(_), None) => {
            return invalid("client_notification_token is missing: this client is told by ping");
        }
        (Delivery::Ping(_), Some(token)) if is_bearer_token(token) => Some(token.to_owned()),
        (Delivery::Ping(_), Some(_)) => {
            return invalid(
                "client_notification_token must be a bearer token of 22 to 1024 characters (RFC 6750), at random",
            );
        }
    };
    let seconds = match params.get("requested_expiry").map(str::parse::<u32>) {
        None => ciba.caps.seconds,
        Some(Ok(seconds)) if seconds > 0 => i64::from(seconds).clamp(SHORTEST, ciba.caps.seconds),
        Some(_) => return invalid("requested_expiry must be a positive whole number of seconds"),
    };
    // Last, since a hint may be used up.
    let hint = hint::read(ciba, client, params).await?;
    Ok(Asked {
        scopes,
        resources,
        details,
        application,
        message: message.map(str::to_owned),
        notification,
        acr: acr(client, params.get("acr_values").unwrap_or_default()),
        seconds,
        language: negotiate(params.get("ui_locales"), None, None),
        hint,
    })
}

/// The scopes that are understood.
fn scopes(client: &Client, asked: Option<&str>) -> Result<Vec<String>, TokenError> {
    let asked: Vec<&str> = asked.unwrap_or_default().split(' ').collect();
    if !asked.contains(&"openid") {
        return Err(TokenError::new(ErrorCode::InvalidScope, "scope must contain openid"));
    }
    if asked.iter().any(|scope| client.lost(scope)) {
        return Err(TokenError::new(ErrorCode::InvalidScope, BEYOND_CONTRACT));
    }
    let may = |scope: &str| scope != "offline_access" || client.may(GrantType::RefreshToken);
    let understood = SCOPES.into_iter().filter(|scope| asked.contains(scope) && may(scope));
    Ok(understood.map(str::to_owned).collect())
}

/// What is asked for with a purpose of its own, as at the authorization endpoint (RFC 9396 §3).
fn details(
    ciba: &Ciba,
    client: &Client,
    (scopes, resources): (&[String], &[String]),
    params: &Params,
) -> Result<(Vec<PersonalData>, Option<Box<Application>>), TokenError> {
    let Some(text) = params.get(authorization_details::NAME) else { return Ok((Vec::new(), None)) };
    let provider = &ciba.provider;
    let sets = requested(scopes, &ClaimsRequest::default());
    let offline = scopes.iter().any(|scope| scope == "offline_access");
    let data = DataRequest::allowed(client, &sets, offline);
    let bounds = Bounds {
        client,
        general: &data.general(),
        servers: &resource::servers(&provider.clients, client, params),
        resources,
        issuer: &provider.issuer,
        now: provider.clock.now(),
    };
    let asked = authorization_details::asked(text, &bounds)?;
    if asked.application.is_some() {
        application_details::alone(&data)?;
    }
    Ok((asked.data, asked.application))
}

/// The resource servers that access tokens are to be for, as at the authorization endpoint.
fn resources(ciba: &Ciba, client: &Client, params: &Params) -> Result<Vec<String>, TokenError> {
    let registered = resource::registered(&ciba.provider.clients, client, params);
    let asked = resource::asked(params, &registered);
    let asked = asked.map_err(|error| TokenError::new(error.code, error.description))?;
    if asked.iter().map(String::len).sum::<usize>() > LONGEST_RESOURCES {
        let description = "the resource parameters are longer than 1000 characters together";
        return Err(TokenError::new(ErrorCode::InvalidTarget, description));
    }
    Ok(asked)
}

/// The classes that are accepted: those among the preferred ones that can be reached, or else all that can.
fn acr(client: &Client, preferred: &str) -> Vec<Acr> {
    let mut accepted = reachable(BY_CODE, client);
    let named: Vec<Acr> = preferred.split(' ').take(MOST_ACR).filter_map(Acr::parse).collect();
    if accepted.iter().any(|acr| named.contains(acr)) {
        accepted.retain(|acr| named.contains(acr));
    }
    accepted
}

/// RFC 6750 §2.1, `b64token`.
fn is_bearer_token(text: &str) -> bool {
    let body = text.trim_end_matches('=');
    let fits = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~+/".contains(&byte);
    !body.is_empty() && (SHORTEST_TOKEN..=LONGEST_TOKEN).contains(&text.len()) && body.bytes().all(fits)
}

/// Lets the service wait, and asks the person.
async fn ask(ciba: &Ciba, request: &HttpRequest, client: &Client, asked: Asked) -> Result<Answer, Refused> {
    let now = ciba.provider.clock.now();
    let expires_at = now.plus(asked.seconds);
    let auth_req_id = bytes::random_text::<32>();
    let name = Digest::of(auth_req_id.as_bytes());
    let hint = asked.hint.name();
    let number = number(ciba, &asked.hint).await.map_err(TokenError::from)?;
    let neutral = neutral(client, (name, &auth_req_id), &asked, expires_at).map_err(TokenError::from)?;
    let waiting = Waiting { client_id: client.id.clone(), expires_at };
    let digest = |text: &str| ciba.networks.digest(&[text.as_bytes()]);
    let network = ClientNetwork::of(client_of(request).ip(), &ciba.sign_in.settings.networks, digest);
    let what = (neutral, asked.language, expires_at);
    let value = to_raw_value(&waiting).map_err(|error| ServiceError::Internal(error.to_string()));
    let value = value.map_err(TokenError::from)?;
    // Stored with the attempt: a person who is asked decides on something that is there, and what is refused leaves nothing.
    let beside = Beside { key: key(name), value, seconds: asked.seconds + REMEMBERED };
    let limits = (ciba.caps, named(ciba, &asked.hint), beside);
    ciba.sign_in.ask_approval(what, number, (client, &network), limits).await.map_err(refused)?;
    let event = Event::new(Kind::ApprovalRequested).client(client.id.as_str()).reason(hint);
    ciba.provider.audit.record(event.scopes(&asked.scopes.join(" ")));
    Ok(Answer { auth_req_id, expires_in: asked.seconds, interval: INTERVAL })
}

fn refused(why: NotAsked) -> Refused {
    let limit = match why {
        NotAsked::Failed(fault) => return TokenError::from(fault).into(),
        NotAsked::Limited(limit) => limit,
    };
    let description = match limit {
        Limit::Number | Limit::Account | Limit::Person | Limit::Attempt => {
            "this client asks too often by this hint: wait until the person has decided, or for a while"
        }
        Limit::Client => "this client asks too many people in an hour: wait",
        Limit::Address | Limit::Network | Limit::Forms | Limit::Country | Limit::Toll(_) => {
            "too many people are asked at present: wait"
        }
    };
    let error = TokenError::new(ErrorCode::TooManyRequests, description);
    Refused { error, retry_after: Some(limit.retry_after()) }
}

/// A digest of what the service named the person by: it learns of limits on that, and of nothing that others did.
fn named(ciba: &Ciba, hint: &Hint) -> Digest {
    let value = match hint {
        Hint::Number(number) => number.digits(),
        Hint::Pinfl(pinfl) => pinfl.digits(),
        Hint::Person(person) => person.as_str(),
    };
    ciba.networks.digest(&[b"hint", hint.name().as_bytes(), value.as_bytes()])
}

/// The number that the message goes to, or one of nobody.
async fn number(ciba: &Ciba, hint: &Hint) -> Result<PhoneNumber, ServiceError> {
    let people = &ciba.sign_in.people;
    Ok(match hint {
        Hint::Number(number) => number.clone(),
        Hint::Pinfl(pinfl) => people.number_by_pinfl(pinfl).await?,
        Hint::Person(person) => people.number_of_person(person).await?,
    })
}

/// What the service asks, in words that no protocol owns. No browser goes back to it.
fn neutral(
    client: &Client,
    (name, auth_req_id): (Digest, &str),
    asked: &Asked,
    expires_at: crate::platform::clock::Timestamp,
) -> Result<SignInRequest, ServiceError> {
    let ping = asked.notification.clone();
    let state = ReplyState {
        request: name,
        scopes: asked.scopes.clone(),
        resources: asked.resources.clone(),
        message: asked.message.clone(),
        ping: ping.map(|token| Ping { auth_req_id: auth_req_id.to_owned(), token }),
        expires_at,
    };
    let state = to_raw_value(&state).map_err(|error| ServiceError::Internal(error.to_string()))?;
    let offline = asked.scopes.iter().any(|scope| scope == "offline_access");
    let sets = requested(&asked.scopes, &ClaimsRequest::default());
    Ok(SignInRequest {
        client_id: client.id.clone(),
        data: DataRequest { details: asked.details.clone(), ..DataRequest::allowed(client, &sets, offline) },
        application: asked.application.clone(),
        ask_again: AskAgain::default(),
        max_age: None,
        acr: asked.acr.clone(),
        represents: false,
        expected_sub: None,
        return_to: None,
        reply: Reply { protocol: Protocol::Ciba, state },
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ciba_7_1_a_notification_token_is_one_that_a_header_holds() {
        for good in [
            "8d67dc78-7faa-4d41-aabd-67707b374255",
            "abcdefghijklmnop+/~.==",
            &"x".repeat(22),
            &"x".repeat(1024),
        ] {
            assert!(is_bearer_token(good), "{good}");
        }
        for bad in [" b", "=b", "\nb", "ў"].map(|bad| format!("{}{bad}", "x".repeat(30))) {
            assert!(!is_bearer_token(&bad), "{bad}");
        }
        for bad in ["", "=", "a", "token", &"x".repeat(21), &"x".repeat(1025)] {
            assert!(!is_bearer_token(bad), "{bad}");
        }
    }
}
