//! Sending one message, and its delivery reports.

use actix_web::web::{Bytes, Data};
use actix_web::{HttpRequest, HttpResponse};
use reqwest::{Client, RequestBuilder, Url};
use serde_json::json;
use time::OffsetDateTime;

use super::reports::local_time;
use super::{Fields, Sandbox, SignedIn, bad_request};
use crate::sandbox::messages::{Gateway, Message, Submission};
use crate::sandbox::receipts::{self, Course};
use crate::sandbox::switches::Switch;

/// `POST /message/sms/send`.
pub(super) async fn send(
    _: SignedIn,
    sandbox: Data<Sandbox>,
    request: HttpRequest,
    body: Bytes,
) -> HttpResponse {
    match Order::read(&sandbox, &request, body).await {
        Ok(order) => accept(sandbox, order),
        Err(reason) => bad_request(&reason),
    }
}

struct Order {
    to: String,
    from: String,
    text: String,
    user_sms_id: Option<String>,
    callback: Option<Url>,
}

impl Order {
    async fn read(sandbox: &Sandbox, request: &HttpRequest, body: Bytes) -> Result<Self, String> {
        let fields = Fields::read(request, body).await?;
        let required = |name| fields.get(name).ok_or(format!("The {name} field is required."));
        let to = required("mobile_phone")?;
        let text = required("message")?;
        let from = required("from")?;
        if to.len() != 12 || !to.starts_with("998") || !to.bytes().all(|byte| byte.is_ascii_digit()) {
            return Err("The mobile_phone format is invalid.".to_owned());
        }
        if from != sandbox.settings.eskiz.from {
            return Err("The from is not one of the account's nicks.".to_owned());
        }
        if sandbox.behaviour(Gateway::Eskiz).is(Switch::Refuse) {
            return Err("The text of this message has not been approved by the moderator.".to_owned());
        }
        let callback = fields.get("callback_url").map(|url| {
            let known = Url::parse(url).ok().filter(|url| matches!(url.scheme(), "http" | "https"));
            known.ok_or("The callback_url format is invalid.")
        });
        Ok(Self {
            to: to.to_owned(),
            from: from.to_owned(),
            text: text.to_owned(),
            user_sms_id: fields.get("user_sms_id").map(str::to_owned),
            callback: callback.transpose()?,
        })
    }
}

fn accept(sandbox: Data<Sandbox>, order: Order) -> HttpResponse {
    let behaviour = sandbox.behaviour(Gateway::Eskiz);
    let id = sandbox.tokens.uuid();
    let submission = Submission {
        gateway: Gateway::Eskiz,
        id: id.clone(),
        user_sms_id: order.user_sms_id,
        to: order.to,
        from: order.from,
        text: order.text,
        arrivals: behaviour.arrivals(),
    };
    let number = sandbox.messages().accept(submission, OffsetDateTime::now_utc());
    let write = order.callback.map(|url| {
        move |client: &Client, reached: &[&Message], now| {
            reached.iter().map(|message| receipt(client, &url, message, now)).collect()
        }
    });
    receipts::follow(sandbox, Course { numbers: vec![number], behaviour, write });
    HttpResponse::Ok().json(json!({ "id": id, "message": "Waiting for SMS provider", "status": "waiting" }))
}

/// A form, unsigned.
fn receipt(client: &Client, url: &Url, message: &Message, now: OffsetDateTime) -> RequestBuilder {
    client.post(url.clone()).form(&[
        ("request_id", message.sent.id.as_str()),
        ("user_sms_id", message.sent.user_sms_id.as_deref().unwrap_or_default()),
        ("country", "UZ"),
        ("phone_number", &message.sent.to),
        ("sms_count", &message.length.parts.to_string()),
        ("status", message.status()),
        ("status_date", &local_time(now)),
    ])
}
