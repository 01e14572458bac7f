//! PlayMobile's broker, as at `https://send.smsxabar.uz/broker-api/send`: sending up to a hundred messages
//! at once, and the receipts posted to the address agreed beforehand. Voice calls and templates
//! are not simulated; what phones send is passed on by `phone.rs`.

mod request;

use actix_web::body::{BoxBody, MessageBody};
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::http::{StatusCode, header};
use actix_web::middleware::Next;
use actix_web::web::{self, Bytes, Data, ServiceConfig};
use actix_web::{Error, HttpRequest, HttpResponse};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use reqwest::{Client, RequestBuilder};
use serde_json::{Value, json};
use time::OffsetDateTime;
use time::format_description::BorrowedFormatItem;
use time::macros::format_description;

use super::messages::{Gateway, Message, Submission};
use super::receipts::{self, Course};
use super::switches::Switch;
use super::{PlayMobileAccount, Sandbox};
use request::{Order, ServiceError};

const ISO_8601: &[BorrowedFormatItem<'static>] =
    format_description!("[year]-[month]-[day]T[hour]:[minute]:[second]Z");

/// The endpoint, below `/playmobile`.
pub(super) fn routes(config: &mut ServiceConfig) {
    config
        .route("/broker-api/send", web::post().to(send))
        .default_service(web::to(|| async { HttpResponse::NotFound().finish() }));
}

/// Applies the switches: delay and failure.
pub(super) async fn troubles(
    sandbox: Data<Sandbox>,
    request: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> Result<ServiceResponse<BoxBody>, Error> {
    if sandbox.hold_back(Gateway::PlayMobile).await.is(Switch::Fail) {
        let answer = refusal(StatusCode::INTERNAL_SERVER_ERROR, &ServiceError::INTERNAL);
        return Ok(request.into_response(answer));
    }
    Ok(next.call(request).await?.map_into_boxed_body())
}

fn refusal(status: StatusCode, fault: &ServiceError) -> HttpResponse {
    HttpResponse::build(status)
        .json(json!({ "error-code": fault.code, "error-description": fault.description }))
}

async fn send(sandbox: Data<Sandbox>, request: HttpRequest, body: Bytes) -> HttpResponse {
    if !authorised(&request, &sandbox.settings.playmobile) {
        return HttpResponse::Unauthorized()
            .insert_header((header::WWW_AUTHENTICATE, "Basic realm=\"broker-api\""))
            .body("Unauthorized");
    }
    match accept(&sandbox, &body) {
        Ok(numbers) => {
            let behaviour = sandbox.behaviour(Gateway::PlayMobile);
            let callback = sandbox.settings.playmobile_callback.as_deref();
            let url = callback.map(|base| format!("{}/status", base.trim_end_matches('/')));
            let write = url.map(|url| {
                move |client: &Client, reached: &[&Message], now| vec![receipt(client, &url, reached, now)]
            });
            receipts::follow(sandbox, Course { numbers, behaviour, write });
            HttpResponse::Ok().content_type("text/plain; charset=utf-8").body("Request is received")
        }
        Err(fault) => refusal(StatusCode::BAD_REQUEST, &fault),
    }
}

fn authorised(request: &HttpRequest, account: &PlayMobileAccount) -> bool {
    let value = request.headers().get(header::AUTHORIZATION).and_then(|value| value.to_str().ok());
    let sent = value.and_then(|value| value.strip_prefix("Basic "));
    let expected = STANDARD.encode(format!("{}:{}", account.login, account.password));
    sent.is_some_and(|sent| sent.trim() == expected)
}

/// Accepts all messages of a request, or none.
fn accept(sandbox: &Sandbox, body: &[u8]) -> Result<Vec<u64>, ServiceError> {
    let orders = request::read(body, &sandbox.settings.playmobile.originator)?;
    let behaviour = sandbox.behaviour(Gateway::PlayMobile);
    if behaviour.is(Switch::Refuse) {
        return Err(ServiceError::LOCKED);
    }
    let mut messages = sandbox.messages();
    if orders.iter().any(|order| messages.find(Gateway::PlayMobile, &order.message_id).is_some()) {
        return Err(ServiceError::REPEATED_ID);
    }
    let now = OffsetDateTime::now_utc();
    let submission = |order: Order| Submission {
        gateway: Gateway::PlayMobile,
        id: order.message_id,
        user_sms_id: None,
        to: order.recipient,
        from: order.originator,
        text: order.text,
        arrivals: behaviour.arrivals(),
    };
    Ok(orders.into_iter().map(|order| messages.accept(submission(order), now)).collect())
}

/// One object for one message, an array for several: both occur.
fn receipt(client: &Client, url: &str, reached: &[&Message], now: OffsetDateTime) -> RequestBuilder {
    let date = now.to_offset(time::UtcOffset::UTC).format(ISO_8601).unwrap_or_default();
    let mut states: Vec<Value> = reached
        .iter()
        .map(|message| {
            json!({
                "message-id": message.sent.id,
                "channel": "sms",
                "status": message.status(),
                "status-date": date,
                "description": "",
            })
        })
        .collect();
    match (states.len(), states.pop()) {
        (1, Some(only)) => client.post(url).json(&only),
        (_, last) => {
            states.extend(last);
            client.post(url).json(&states)
        }
    }
}
