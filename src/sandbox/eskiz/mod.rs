//! Eskiz, as at `https://notify.eskiz.uz/api`: logging in, sending, asking for the state of a message, and
//! the receipts it posts. Templates, batches and accounting are not simulated.

mod reports;
mod send;
mod tokens;

pub(super) use tokens::Tokens;

use std::future::{Ready, ready};

use actix_web::body::{BoxBody, MessageBody};
use actix_web::dev::{Payload, ServiceRequest, ServiceResponse};
use actix_web::error::InternalError;
use actix_web::http::{StatusCode, header};
use actix_web::middleware::Next;
use actix_web::web::{self, Bytes, Data, ServiceConfig};
use actix_web::{Error, FromRequest, HttpRequest, HttpResponse};
use serde_json::json;
use time::OffsetDateTime;

use super::Sandbox;
use super::fields::Fields;
use super::messages::Gateway;
use super::switches::Switch;
use tokens::{AccountState, Terms};

/// The endpoints, below `/eskiz/api`.
pub(super) fn routes(config: &mut ServiceConfig) {
    config
        .route("/auth/login", web::post().to(login))
        .route("/auth/refresh", web::patch().to(refresh))
        .route("/auth/user", web::get().to(user))
        .route("/nick/me", web::get().to(nicks))
        .route("/user/get-limit", web::get().to(limit))
        .route("/message/sms/send", web::post().to(send::send))
        .route("/message/sms/status_by_id/{id}", web::get().to(reports::status_by_id))
        .route("/message/sms/get-user-messages", web::post().to(reports::user_messages))
        .default_service(web::to(|| async { failure(StatusCode::NOT_FOUND, "error", "Route not found") }));
}

/// Applies the switches: delay and failure.
pub(super) async fn troubles(
    sandbox: Data<Sandbox>,
    request: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> Result<ServiceResponse<BoxBody>, Error> {
    if sandbox.hold_back(Gateway::Eskiz).await.is(Switch::Fail) {
        let answer = failure(StatusCode::INTERNAL_SERVER_ERROR, "error", "Server Error");
        return Ok(request.into_response(answer));
    }
    Ok(next.call(request).await?.map_into_boxed_body())
}

/// `{"status":…,"message":…}`.
fn failure(code: StatusCode, status: &str, message: &str) -> HttpResponse {
    HttpResponse::build(code).json(json!({ "status": status, "message": message }))
}

fn bad_request(message: &str) -> HttpResponse {
    failure(StatusCode::BAD_REQUEST, "error", message)
}

/// Extractor: the request has a valid token.
struct SignedIn;

impl FromRequest for SignedIn {
    type Error = Error;
    type Future = Ready<Result<Self, Error>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        ready(match standing(request) {
            AccountState::Valid => Ok(Self),
            refused => {
                let answer = unauthorised(refused);
                Err(InternalError::from_response("the token was refused", answer).into())
            }
        })
    }
}

fn standing(request: &HttpRequest) -> AccountState {
    let value = request.headers().get(header::AUTHORIZATION).and_then(|value| value.to_str().ok());
    let token = value.and_then(|value| value.strip_prefix("Bearer ")).map(str::trim);
    match (request.app_data::<Data<Sandbox>>(), token) {
        (Some(sandbox), Some(token)) => {
            sandbox.tokens.standing(token, OffsetDateTime::now_utc(), terms(sandbox))
        }
        _ => AccountState::Invalid,
    }
}

fn terms(sandbox: &Sandbox) -> Terms {
    let switches = sandbox.switches();
    Terms {
        generation: switches.token_generation(),
        stillborn: switches.of(Gateway::Eskiz).is(Switch::ExpireTokens),
    }
}

/// Clients refresh upon any 401 but `token_invalid`, upon which they log in again.
fn unauthorised(standing: AccountState) -> HttpResponse {
    match standing {
        AccountState::Expired => failure(StatusCode::UNAUTHORIZED, "token_expired", "Token has expired"),
        AccountState::Valid | AccountState::Invalid => {
            failure(StatusCode::UNAUTHORIZED, "token_invalid", "Token is invalid")
        }
    }
}

fn new_token(sandbox: &Sandbox) -> HttpResponse {
    let token = sandbox.tokens.give(OffsetDateTime::now_utc(), terms(sandbox));
    HttpResponse::Ok().json(json!({
        "message": "token_generated",
        "data": { "token": token },
        "token_type": "bearer",
    }))
}

async fn login(sandbox: Data<Sandbox>, request: HttpRequest, body: Bytes) -> HttpResponse {
    let fields = match Fields::read(&request, body).await {
        Ok(fields) => fields,
        Err(reason) => return bad_request(&reason),
    };
    let account = &sandbox.settings.eskiz;
    if fields.get("email") == Some(&account.email) && fields.get("password") == Some(&account.password) {
        new_token(&sandbox)
    } else {
        // The only error without a status: clients detect wrong credentials by that.
        HttpResponse::Unauthorized().json(json!({ "message": "Invalid credentials" }))
    }
}

async fn refresh(sandbox: Data<Sandbox>, request: HttpRequest) -> HttpResponse {
    match standing(&request) {
        AccountState::Valid | AccountState::Expired => new_token(&sandbox),
        AccountState::Invalid => unauthorised(AccountState::Invalid),
    }
}

async fn user(_: SignedIn, sandbox: Data<Sandbox>) -> HttpResponse {
    HttpResponse::Ok().json(json!({
        "status": "success",
        "data": {
            "id": 1,
            "name": "Sandbox",
            "email": sandbox.settings.eskiz.email,
            "password": null,
            "role": "user",
            "status": "active",
            "is_vip": false,
            "balance": reports::BALANCE,
            "created_at": "2026-01-01T00:00:00.000000Z",
            "updated_at": "2026-01-01T00:00:00.000000Z",
        },
        "id": null,
    }))
}

async fn nicks(_: SignedIn, sandbox: Data<Sandbox>) -> HttpResponse {
    HttpResponse::Ok().json([&sandbox.settings.eskiz.from])
}

async fn limit(_: SignedIn) -> HttpResponse {
    HttpResponse::Ok().json(json!({ "data": { "balance": reports::BALANCE }, "status": "success" }))
}
