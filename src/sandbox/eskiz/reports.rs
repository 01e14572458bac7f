//! Queries of the state of messages.

use actix_web::http::StatusCode;
use actix_web::web::{Bytes, Data, Path, Query};
use actix_web::{HttpRequest, HttpResponse};
use serde::Deserialize;
use serde_json::{Value, json};
use time::format_description::BorrowedFormatItem;
use time::macros::{format_description, offset};
use time::{OffsetDateTime, PrimitiveDateTime, UtcOffset};

use super::{Fields, Sandbox, SignedIn, bad_request, failure};
use crate::sandbox::messages::{Gateway, Message, State};
use crate::sandbox::parts::Alphabet;

/// The balance, in soum; constant.
pub(super) const BALANCE: u32 = 1_000_000;

/// The price of a part, in soum.
const PRICE: usize = 95;

const TASHKENT: UtcOffset = offset!(+5);

const SECONDS: &[BorrowedFormatItem<'static>] =
    format_description!("[year]-[month]-[day] [hour]:[minute]:[second]");
const MINUTES: &[BorrowedFormatItem<'static>] = format_description!("[year]-[month]-[day] [hour]:[minute]");
const RECORD: &[BorrowedFormatItem<'static>] =
    format_description!("[year]-[month]-[day]T[hour]:[minute]:[second].[subsecond digits:6]Z");

/// `YYYY-MM-DD HH:MM:SS` in Tashkent time.
pub(super) fn local_time(time: OffsetDateTime) -> String {
    time.to_offset(TASHKENT).format(SECONDS).unwrap_or_default()
}

/// `GET /message/sms/status_by_id/{id}`.
pub(super) async fn status_by_id(_: SignedIn, sandbox: Data<Sandbox>, id: Path<String>) -> HttpResponse {
    match sandbox.messages().find(Gateway::Eskiz, &id) {
        Some(message) => HttpResponse::Ok().json(json!({ "status": "success", "data": row(message) })),
        None => failure(StatusCode::NOT_FOUND, "error", "Message not found"),
    }
}

/// The query of `POST /message/sms/get-user-messages`.
#[derive(Deserialize)]
pub(super) struct Filter {
    status: Option<String>,
    page: Option<usize>,
}

/// `POST /message/sms/get-user-messages`: a page of messages, newest first.
pub(super) async fn user_messages(
    _: SignedIn,
    sandbox: Data<Sandbox>,
    filter: Query<Filter>,
    request: HttpRequest,
    body: Bytes,
) -> HttpResponse {
    let wanted = Fields::read(&request, body).await.and_then(|fields| Period::read(&fields));
    let period = match wanted {
        Ok(period) => period,
        Err(reason) => return bad_request(&reason),
    };
    let status = filter.status.as_deref().filter(|status| !status.is_empty() && *status != "all");
    let messages = sandbox.messages();
    let found: Vec<&Message> = messages
        .accepted_by(Gateway::Eskiz)
        .filter(|message| message.accepted_at >= period.start && message.accepted_at <= period.end)
        .filter(|message| status.is_none_or(|status| message.status().eq_ignore_ascii_case(status)))
        .collect();
    let page = filter.page.unwrap_or(1).max(1);
    HttpResponse::Ok().json(json!({ "data": paged(&found, page, period.page_size), "status": "success" }))
}

struct Period {
    start: OffsetDateTime,
    end: OffsetDateTime,
    page_size: usize,
}

impl Period {
    fn read(fields: &Fields) -> Result<Self, String> {
        let moment = |name: &str, value: Option<&str>| {
            let value = value.ok_or(format!("The {name} field is required."))?;
            let parsed = PrimitiveDateTime::parse(value, MINUTES);
            let parsed = parsed.or_else(|_| PrimitiveDateTime::parse(value, SECONDS));
            let parsed = parsed.map_err(|_| format!("The {name} does not match the format Y-m-d H:i."))?;
            Ok::<_, String>(parsed.assume_offset(TASHKENT))
        };
        let end = fields.get("to_date").or_else(|| fields.get("end_date"));
        let page_size: usize = fields
            .get("page_size")
            .map_or(Ok(20), str::parse)
            .map_err(|_| "The page_size must be an integer.".to_owned())?;
        Ok(Self {
            start: moment("start_date", fields.get("start_date"))?,
            end: moment("to_date", end)?,
            page_size: page_size.clamp(1, 200),
        })
    }
}

/// A page in Laravel's format.
fn paged(found: &[&Message], page: usize, size: usize) -> Value {
    const PATH: &str = "/eskiz/api/message/sms/get-user-messages";
    let last = found.len().div_ceil(size).max(1);
    let skipped = (page - 1).saturating_mul(size);
    let rows: Vec<Value> = found.iter().skip(skipped).take(size).map(|message| row(message)).collect();
    let url = |page: usize| format!("{PATH}?page={page}");
    json!({
        "current_page": page,
        "path": PATH,
        "first_page_url": url(1),
        "prev_page_url": (page > 1).then(|| url(page - 1)),
        "next_page_url": (page < last).then(|| url(page + 1)),
        "last_page_url": url(last),
        "last_page": last,
        "per_page": size,
        "from": (!rows.is_empty()).then_some(skipped + 1),
        "to": (!rows.is_empty()).then_some(skipped + rows.len()),
        "total": found.len(),
        "result": rows,
    })
}

fn row(message: &Message) -> Value {
    let submitted = message.submitted_at.map(local_time);
    let delivered = message.delivered_at.map(local_time);
    let record = |time: OffsetDateTime| time.to_offset(UtcOffset::UTC).format(RECORD).unwrap_or_default();
    let parts: Vec<Value> = (1..=message.length.parts)
        .map(|index| {
            json!({
                "part_index": index,
                "accept_time": submitted,
                "accept_status": submitted.as_ref().map(|_| "ESME_ROK"),
                "dlr_time": delivered,
                "dlr_state": (message.state == State::Delivered).then_some("DELIVRD"),
            })
        })
        .collect();
    json!({
        "id": message.number,
        "user_id": 1,
        "country_id": 1,
        "connection_id": 1,
        "smsc_id": 1,
        "dispatch_id": null,
        "user_sms_id": message.sent.user_sms_id,
        "request_id": message.sent.id,
        "price": PRICE,
        "total_price": PRICE * message.length.parts,
        "is_ad": false,
        "nick": message.sent.from,
        "to": message.sent.to,
        "message": message.sent.text,
        "encoding": match message.length.alphabet { Alphabet::Gsm7 => 0, Alphabet::Ucs2 => 8 },
        "parts_count": message.length.parts,
        "parts": parts,
        "status": message.status(),
        "sent_at": local_time(message.accepted_at),
        "submit_sm_resp_at": submitted,
        "delivery_sm_at": delivered,
        "created_at": record(message.accepted_at),
        "updated_at": record(message.updated_at()),
    })
}
