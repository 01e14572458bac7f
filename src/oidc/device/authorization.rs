//! `POST /oidc/device_authorization` (RFC 8628 §3.1, §3.2): the device gets its code and the one that the person enters.

use actix_web::http::StatusCode;
use actix_web::web::{Bytes, Data};
use actix_web::{HttpRequest, HttpResponse};
use serde::Serialize;

use super::limits::Caps;
use super::{Asked, Devices, INTERVAL, LIFETIME, REMEMBERED, USER_CODES, UserCode, Waiting, key};
use crate::audit::Kind;
use crate::clients::{AuthMethod, Client, DataRequest, GrantType, PersonalData};
use crate::oidc::authorization_details::{self, Bounds};
use crate::oidc::authorize::{BEYOND_CONTRACT, spent};
use crate::oidc::claims::{ClaimsRequest, SCOPES, requested};
use crate::oidc::error::{ErrorCode, TokenError};
use crate::oidc::{client_auth, paths, resource};
use crate::platform::bytes::{self, Digest};
use crate::platform::ephemeral::{Applied, Batch, EphemeralKey};
use crate::platform::telemetry::client_of;
use crate::platform::web::params::Params;
use crate::platform::web::respond;
use crate::sign_in::{Means, WINDOWS, reachable};

/// Requests that one client may have open at once.
const MOST_OF_CLIENT: u64 = 20_000;

/// What of these may come from where. Only the address counts of a client that proves itself; of a public one, in whose name
/// anybody may ask, no network gets more than a small part, so that it takes many to keep its devices out.
const OPEN: Caps = Caps { address: 100, site: 300, region: 300, provider: 1000, named: 2000 };

/// The longest names of resource servers, together: they travel in an address.
const LONGEST_RESOURCES: usize = 1000;

/// The longest details: they travel in that address as well.
const LONGEST_DETAILS: usize = 1000;

/// The answer (§3.2).
#[derive(Serialize)]
struct Answer {
    device_code: String,
    user_code: String,
    verification_uri: String,
    verification_uri_complete: String,
    expires_in: i64,
    interval: i64,
}

/// Answers a device.
pub(in crate::oidc) async fn post(devices: Data<Devices>, request: HttpRequest, body: Bytes) -> HttpResponse {
    match answer(&devices, &request, &body).await {
        Ok(answer) => respond::json(StatusCode::OK, &answer),
        Err(error) => {
            error.record(&devices.provider.audit, Kind::TokenRefused, Some("device_authorization"));
            match error.code {
                // By then all that is open now is over.
                ErrorCode::TooManyRequests => respond::retry_after(error.answer(), LIFETIME),
                _ => error.answer(),
            }
        }
    }
}

async fn answer(devices: &Devices, request: &HttpRequest, body: &[u8]) -> Result<Answer, TokenError> {
    let params = client_auth::form(request, body)?;
    let client = client_auth::authenticate(&devices.provider, request, &params).await?;
    let asked = scopes(&client, &devices.provider.offered, params.get("scope")).and_then(|scopes| {
        let resources = resources(devices, &client, &params)?;
        let details = details(devices, &client, (&scopes, &resources), &params)?;
        let sets = requested(&scopes, &ClaimsRequest::default());
        let general = DataRequest::allowed(&client, &sets, false);
        let data = DataRequest { details: details.clone(), ..general };
        match spent(&devices.provider, &client, &data) {
            Some(error) => Err(error.into()),
            None => Ok((scopes, resources, details)),
        }
    });
    let asked = asked.map_err(|error| error.of(&client.id))?;
    open(devices, request, &client, asked).await.map_err(|error| error.of(&client.id))
}

/// The resource servers that access tokens are to be for, as at the authorization endpoint.
fn resources(devices: &Devices, client: &Client, params: &Params) -> Result<Vec<String>, TokenError> {
    let registered = resource::registered(&devices.provider.clients, client, params);
    let asked = resource::asked(params, &registered);
    let asked = asked.map_err(|error| TokenError::new(error.code, error.description))?;
    if asked.iter().map(String::len).sum::<usize>() > LONGEST_RESOURCES {
        let description = "the resource parameters are longer than 1000 characters together";
        return Err(TokenError::new(ErrorCode::InvalidTarget, description));
    }
    Ok(asked)
}

/// What is asked for with a purpose of its own, as at the authorization endpoint.
fn details(
    devices: &Devices,
    client: &Client,
    (scopes, resources): (&[String], &[String]),
    params: &Params,
) -> Result<Vec<PersonalData>, TokenError> {
    let Some(text) = params.get(authorization_details::NAME) else { return Ok(Vec::new()) };
    if text.len() > LONGEST_DETAILS {
        let description = "authorization_details is longer than 1000 bytes";
        return Err(TokenError::new(ErrorCode::InvalidAuthorizationDetails, description));
    }
    let provider = &devices.provider;
    let sets = requested(scopes, &ClaimsRequest::default());
    let bounds = Bounds {
        client,
        general: &DataRequest::allowed(client, &sets, false).general(),
        servers: &resource::servers(&provider.clients, client, params),
        resources,
        issuer: &provider.issuer,
        now: provider.clock.now(),
    };
    let asked = authorization_details::asked(text, &bounds)?;
    if asked.application.is_some() {
        let description = "an application is confirmed at the authorization endpoint or by a backchannel request, and not for a device";
        return Err(TokenError::new(ErrorCode::InvalidAuthorizationDetails, description));
    }
    Ok(asked.data)
}

/// The scopes that are understood, of a client that may ask.
fn scopes(client: &Client, offered: &[Means], asked: Option<&str>) -> Result<Vec<String>, TokenError> {
    if !client.may(GrantType::DeviceCode) {
        let description = "the client is not registered for the device code grant";
        return Err(TokenError::new(ErrorCode::UnauthorizedClient, description));
    }
    if reachable(offered, client).is_empty() {
        let description = "the registration accepts no means of signing in that is offered";
        return Err(TokenError::new(ErrorCode::UnmetAuthenticationRequirements, description));
    }
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

/// Stores what a device asks, unless too many are open: both codes and the counts in one round trip.
async fn open(
    devices: &Devices,
    request: &HttpRequest,
    client: &Client,
    (scopes, resources, details): (Vec<String>, Vec<String>, Vec<PersonalData>),
) -> Result<Answer, TokenError> {
    let now = devices.provider.clock.now();
    let expires_at = now.plus(LIFETIME);
    let (device_code, user_code) = (bytes::random_text::<32>(), UserCode::random());
    let device = Digest::of(device_code.as_bytes());
    let address = client_of(request);
    let of_client = format!("device/{}", client.id);
    let mut windows = devices.windows(request, &of_client, &OPEN);
    if client.authentication.method != AuthMethod::None {
        windows.truncate(1);
    }
    windows.push((EphemeralKey::of(WINDOWS, &of_client), MOST_OF_CLIENT));
    let waiting = Waiting { client_id: client.id.clone(), expires_at };
    let asked = Asked {
        device,
        client_id: client.id.clone(),
        scopes,
        resources,
        details,
        taken_by: None,
        began: now,
        address: address.to_string(),
        expires_at,
    };
    let mut batch = Batch::new(&devices.ephemeral);
    batch.limits(windows.into_iter().map(|(key, cap)| (key, LIFETIME, cap)));
    batch.put(EphemeralKey::of(USER_CODES, user_code.as_str()), &asked, LIFETIME);
    batch.put(key(device), &waiting, LIFETIME + REMEMBERED);
    if devices.ephemeral.apply(batch).await? != Applied::Done {
        let description =
            "too many requests of this client are open, from this address, the network around it, or in all";
        return Err(TokenError::new(ErrorCode::TooManyRequests, description));
    }
    let verification_uri = format!("{}{}", devices.provider.issuer, paths::DEVICE);
    Ok(Answer {
        verification_uri_complete: format!("{verification_uri}?user_code={}", user_code.shown()),
        verification_uri,
        device_code,
        user_code: user_code.shown(),
        expires_in: LIFETIME,
        interval: INTERVAL,
    })
}
