//! `POST /oidc/register` (RFC 7591, OpenID Connect Registration 1.0) and what a registered client may do at the address that it
//! got (RFC 7592). The rules are in `clients`; here is the wire.
//!
//! Both kinds of token are bearer tokens. Whoever shows none that works is told the same, whatever client they name. The
//! registration access token stays the same for the life of the client: a new one with each change would lock out whoever
//! loses an answer. A change by a stolen one waits for an operator, and nothing ends by it that people rely on.

use std::sync::Arc;

use actix_web::http::StatusCode;
use actix_web::http::header::{CONTENT_TYPE, HeaderValue, WWW_AUTHENTICATE};
use actix_web::web::{Bytes, Data, Path};
use actix_web::{HttpRequest, HttpResponse};
use serde_json::{Value, json};

use super::error::ErrorCode;
use super::presented::{self, Scheme};
use super::{Provider, paths};
use crate::audit::{Event, Kind};
use crate::clients::{
    Managed, OwnRegistration, SelfRegistrationError, SelfRegistrationRules, Unfit, read_members,
};
use crate::platform::db::DbError;
use crate::platform::ephemeral::{EphemeralKey, Unavailable};
use crate::platform::outbound::Outbound;
use crate::platform::seal::Mac;
use crate::platform::service_error::ServiceError;
use crate::platform::telemetry::client_of;
use crate::platform::web::respond;
use crate::release::Release;
use crate::sign_in::{ClientNetwork, SignIn, WINDOWS};

/// What requests from an address are counted by, in seconds.
const MINUTE: i64 = 60;

/// What fetches for the holder of a token are counted by, in seconds.
const HOUR: i64 = 3600;

/// How many requests with an address to be fetched one token may send in an hour.
const MOST_FETCHES: u64 = 30;

/// What a request without a token is recorded by.
const NO_TOKEN: &str = "no_token";

/// The longest registration, in bytes: far more than any has, keys and an icon of its own included.
const LONGEST: usize = 48 * 1024;

/// Consents that end by one statement when a client is deleted.
const AT_ONCE: i64 = 1000;

/// The registration endpoint. Cheap to clone.
#[derive(Clone)]
pub struct Registrations {
    /// What all endpoints share.
    pub provider: Provider,
    /// Consents, which end with their client.
    pub release: Release,
    /// What requests are counted in.
    pub sign_in: SignIn,
    /// Requests to what clients name.
    pub outbound: Outbound,
    /// What goes for all that register themselves.
    pub rules: SelfRegistrationRules,
    /// Requests from one address in a minute.
    pub requests_per_minute: u64,
    /// Digests of networks.
    pub networks: Arc<Mac>,
}

/// Why a request is refused.
struct Refusal {
    status: StatusCode,
    code: &'static str,
    /// ASCII without quotes and backslashes.
    why: String,
    /// What only the operator is told.
    detail: Option<String>,
    /// The client that it is about, if that is known.
    client: Option<String>,
}

impl Refusal {
    fn new(code: ErrorCode, why: &str) -> Self {
        Self { status: code.status(), code: code.name(), why: why.to_owned(), detail: None, client: None }
    }

    /// Nothing that could be a token was sent: that is told without an error code (RFC 6750 §3.1).
    fn wanted() -> Self {
        let why = "a token must be sent as Authorization: Bearer; the operator of the provider makes them";
        Self { code: NO_TOKEN, ..Self::new(ErrorCode::InvalidToken, why) }
    }

    /// RFC 6750 §3.1; the same for every token that does not work, and for every client that is not there (RFC 7592 §2.1).
    fn token() -> Self {
        Self::new(ErrorCode::InvalidToken, "the token is unknown, was used up, has expired or was revoked")
    }

    fn of(self, client: &str) -> Self {
        Self { client: Some(client.to_owned()), ..self }
    }

    fn answer(self, endpoint: &Registrations) -> HttpResponse {
        let Self { status, code, why, detail, client } = self;
        if status.is_server_error() {
            tracing::error!(
                event = "oidc.fault",
                oidc.endpoint = "registration",
                oidc.error = code,
                client.id = client,
                error = why,
                "the provider failed"
            );
            let told = if status == StatusCode::SERVICE_UNAVAILABLE {
                "try again in a moment"
            } else {
                "the provider failed"
            };
            let response = respond::json(status, &json!({"error": code, "error_description": told}));
            return respond::retry_after(response, 2);
        }
        let mut event = Event::new(Kind::RegistrationRefused).error(code).reason(why.as_str());
        if let Some(client) = &client {
            event = event.client(client.as_str());
        }
        if let Some(detail) = &detail {
            event = event.detail(detail.as_str());
        }
        endpoint.provider.audit.record(event);
        if code == NO_TOKEN {
            let mut response = HttpResponse::new(status);
            let wanted = HeaderValue::from_static("Bearer realm=\"yagona\"");
            response.headers_mut().insert(WWW_AUTHENTICATE, wanted);
            return response;
        }
        let mut response = respond::json(status, &json!({"error": code, "error_description": why}));
        if status == StatusCode::UNAUTHORIZED {
            let challenge = format!("Bearer realm=\"yagona\", error=\"{code}\", error_description=\"{why}\"");
            if let Ok(challenge) = HeaderValue::from_str(&challenge) {
                response.headers_mut().insert(WWW_AUTHENTICATE, challenge);
            }
        }
        if status == StatusCode::TOO_MANY_REQUESTS {
            return respond::retry_after(response, MINUTE);
        }
        response
    }
}

impl From<ServiceError> for Refusal {
    fn from(fault: ServiceError) -> Self {
        let code = match fault {
            ServiceError::Unavailable(_) => ErrorCode::TemporarilyUnavailable,
            ServiceError::Internal(_) => ErrorCode::ServerError,
        };
        Self::new(code, &fault.to_string())
    }
}

impl From<DbError> for Refusal {
    fn from(error: DbError) -> Self {
        ServiceError::from(error).into()
    }
}

impl From<Unavailable> for Refusal {
    fn from(error: Unavailable) -> Self {
        ServiceError::from(error).into()
    }
}

impl From<Unfit> for Refusal {
    fn from(unfit: Unfit) -> Self {
        let Unfit { code, why, detail } = unfit;
        Self { status: StatusCode::BAD_REQUEST, code, why, detail, client: None }
    }
}

impl From<SelfRegistrationError> for Refusal {
    fn from(error: SelfRegistrationError) -> Self {
        match error {
            SelfRegistrationError::Unfit(unfit) => unfit.into(),
            SelfRegistrationError::Token => Self::token(),
            SelfRegistrationError::TooMany => Self::new(
                ErrorCode::TooManyRequests,
                "too many clients wait for approval: ask the operator of the provider to look at them",
            ),
            SelfRegistrationError::Forbidden(why) => Self::new(ErrorCode::InsufficientScope, why),
            // Nothing failed: who sends two changes at once learns which came first by reading.
            SelfRegistrationError::Changed => Self {
                status: StatusCode::CONFLICT,
                ..Self::new(
                    ErrorCode::TemporarilyUnavailable,
                    "the registration was changed at the same time: read it and try again",
                )
            },
            SelfRegistrationError::Db(error) => error.into(),
        }
    }
}

/// Registers a client.
pub(super) async fn post(endpoint: Data<Registrations>, request: HttpRequest, body: Bytes) -> HttpResponse {
    match register(&endpoint, &request, &body).await {
        Ok(registered) => respond::json(StatusCode::CREATED, &document(&endpoint, registered)),
        Err(refusal) => refusal.answer(&endpoint),
    }
}

/// Tells a client its registration (RFC 7592 §2.1).
pub(super) async fn get(
    endpoint: Data<Registrations>,
    request: HttpRequest,
    id: Path<String>,
) -> HttpResponse {
    let told = async {
        let managed = managed(&endpoint, &request, &id).await?;
        endpoint.provider.clients.own_registration(&managed).map_err(|error| Refusal::from(error).of(&id))
    };
    match told.await {
        Ok(own) => respond::json(StatusCode::OK, &document(&endpoint, own)),
        Err(refusal) => refusal.answer(&endpoint),
    }
}

/// Replaces what a client says of itself (RFC 7592 §2.2).
pub(super) async fn put(
    endpoint: Data<Registrations>,
    request: HttpRequest,
    id: Path<String>,
    body: Bytes,
) -> HttpResponse {
    match replace(&endpoint, &request, &id, &body).await {
        Ok(own) => respond::json(StatusCode::OK, &document(&endpoint, own)),
        Err(refusal) => refusal.answer(&endpoint),
    }
}

/// Withdraws a client that waits (RFC 7592 §2.3); in the sandbox, ends one that needs no approval, with all that it was given.
/// An approved one only an operator deletes: 403, as §2.3 has it for a client that may not.
pub(super) async fn delete(
    endpoint: Data<Registrations>,
    request: HttpRequest,
    id: Path<String>,
) -> HttpResponse {
    match end(&endpoint, &request, &id).await {
        Ok(()) => HttpResponse::NoContent().finish(),
        Err(refusal) => refusal.answer(&endpoint),
    }
}

async fn register(
    endpoint: &Registrations,
    request: &HttpRequest,
    body: &[u8],
) -> Result<OwnRegistration, Refusal> {
    admit(endpoint, request).await?;
    let clients = &endpoint.provider.clients;
    let token = clients.initial_token(&bearer(request)?).await?.ok_or_else(Refusal::token)?;
    let sent = members(request, body)?;
    admit_fetches(endpoint, &token.id, &sent).await?;
    Ok(clients.register_self(&token, sent, (&endpoint.outbound, endpoint.rules)).await?)
}

async fn replace(
    endpoint: &Registrations,
    request: &HttpRequest,
    id: &str,
    body: &[u8],
) -> Result<OwnRegistration, Refusal> {
    let managed = managed(endpoint, request, id).await?;
    let replaced = async {
        let sent = members(request, body)?;
        // RFC 7592 §2.2: what is sent is about this client.
        if sent.get("client_id").is_none_or(|sent| sent != managed.client_id()) {
            let why = "client_id: must be that of the client, beside all its members";
            return Err(Unfit::metadata(why).into());
        }
        if let Some(secret) = sent.get("client_secret").filter(|secret| !secret.is_null())
            && !managed.has_secret(secret.as_str().unwrap_or_default())
        {
            let why =
                "client_secret: must be the present one, or be left out: a client does not choose its secret";
            return Err(Unfit::metadata(why).into());
        }
        admit_fetches(endpoint, id, &sent).await?;
        let clients = &endpoint.provider.clients;
        Ok::<_, Refusal>(clients.replace_self(managed, sent, (&endpoint.outbound, endpoint.rules)).await?)
    };
    replaced.await.map_err(|refusal| refusal.of(id))
}

async fn end(endpoint: &Registrations, request: &HttpRequest, id: &str) -> Result<(), Refusal> {
    let managed = managed(endpoint, request, id).await?;
    let (clients, id) = (&endpoint.provider.clients, managed.client_id());
    if clients.withdraw_self(&managed, endpoint.rules).await.map_err(|error| Refusal::from(error).of(id))? {
        return Ok(());
    }
    let failed =
        |error: crate::clients::ClientsError| Refusal::from(SelfRegistrationError::from(error)).of(id);
    // From here on it is of no use; should the rest fail, an operator deletes it.
    clients.set_disabled(id, true).await.map_err(failed)?;
    while endpoint.release.end_of_client(id, AT_ONCE).await? > 0 {}
    clients.delete(id).await.map_err(failed)
}

/// Counts a request towards what its address may send.
async fn admit(endpoint: &Registrations, request: &HttpRequest) -> Result<(), Refusal> {
    let digest = |text: &str| endpoint.networks.digest(&[text.as_bytes()]);
    let sign_in = &endpoint.sign_in;
    let network = ClientNetwork::of(client_of(request).ip(), &sign_in.settings.networks, digest);
    let window = EphemeralKey::of(WINDOWS, &format!("registration/{}", network.text()));
    if sign_in.ephemeral.count(window, MINUTE).await? > endpoint.requests_per_minute {
        let why = "too many registration requests from this network: wait a minute";
        return Err(Refusal::new(ErrorCode::TooManyRequests, why));
    }
    Ok(())
}

/// Counts what the provider would fetch for whoever has a token, before it does: refused or not, nobody makes it ask many
/// addresses.
async fn admit_fetches(
    endpoint: &Registrations,
    who: &str,
    sent: &serde_json::Map<String, Value>,
) -> Result<(), Refusal> {
    let named =
        ["sector_identifier_uri", "logo_uri"].into_iter().filter_map(|member| sent.get(member)?.as_str());
    if named.filter(|uri| !uri.starts_with("data:")).count() == 0 {
        return Ok(());
    }
    let window = EphemeralKey::of(WINDOWS, &format!("registration-fetches/{who}"));
    if endpoint.sign_in.ephemeral.count(window, HOUR).await? > MOST_FETCHES {
        let why = "too many requests with a sector_identifier_uri or logo_uri by this token: wait an hour";
        return Err(Refusal::new(ErrorCode::TooManyRequests, why));
    }
    Ok(())
}

/// The client whose registration access token the request has.
async fn managed(endpoint: &Registrations, request: &HttpRequest, id: &str) -> Result<Managed, Refusal> {
    admit(endpoint, request).await?;
    let token = bearer(request)?;
    endpoint.provider.clients.managed(id, &token).await?.ok_or_else(Refusal::token)
}

fn bearer(request: &HttpRequest) -> Result<String, Refusal> {
    match presented::in_header(request) {
        Ok(Some((Scheme::Bearer, token))) => Ok(token),
        Ok(_) => Err(Refusal::wanted()),
        Err(error) => Err(Refusal::new(error.code, error.description)),
    }
}

fn members(request: &HttpRequest, body: &[u8]) -> Result<serde_json::Map<String, Value>, Refusal> {
    let kind = request.headers().get(CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or_default();
    let kind = kind.split(';').next().unwrap_or_default().trim();
    if !kind.eq_ignore_ascii_case("application/json") {
        return Err(Unfit::metadata("the Content-Type must be application/json").into());
    }
    if body.len() > LONGEST {
        return Err(Unfit::metadata("the registration is longer than 48 KiB").into());
    }
    Ok(read_members(body)?)
}

/// RFC 7591 §3.2.1, RFC 7592 §3.
fn document(endpoint: &Registrations, own: OwnRegistration) -> Value {
    let mut document = own.members;
    let mut put = |member: &str, value: Value| drop(document.insert(member.to_owned(), value));
    put("client_id", own.client_id.as_str().into());
    put("client_id_issued_at", own.issued_at.0.into());
    put("registration_status", own.standing.name().into());
    let address = format!("{}{}/{}", endpoint.provider.issuer, paths::REGISTRATION, own.client_id);
    if let Some(secret) = &own.secret {
        put("client_secret", secret.expose().into());
        put("client_secret_expires_at", 0.into());
    }
    put("registration_access_token", own.management_token.into());
    put("registration_client_uri", address.into());
    Value::Object(document)
}
