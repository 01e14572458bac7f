//! Unified billing: invoices are registered and asked for at `/billing/v1/invoices`, and a tester pays them at `/invoices`. The notice that something
//! happened can come twice, early, or not at all; the sum can be another one.

use std::io;
use std::sync::Mutex;
use std::time::Duration;

use actix_web::http::{StatusCode, header};
use actix_web::web::{self, Bytes, Data, Json, Path, ServiceConfig};
use actix_web::{HttpRequest, HttpResponse, rt};
use askama::Template;
use reqwest::{Client, redirect};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use super::super::Sandbox;
use super::super::pages::page;
use super::switches::{Fault, Played};
use super::{locked, spoilt};
use crate::sandbox::fields::Fields;

/// Invoices that are remembered.
const KEPT: usize = 10_000;

/// All invoices, the newest last.
pub(super) struct Invoices {
    all: Mutex<Vec<Invoice>>,
    client: Client,
}

#[derive(Clone, Deserialize)]
struct Order {
    number: String,
    amount: u64,
    payer_pinfl: String,
    purpose: String,
    due: String,
    shares: Vec<Share>,
    notice_url: Option<String>,
}

#[derive(Clone, PartialEq, Eq, Deserialize, Serialize)]
struct Share {
    account: String,
    amount: u64,
}

#[derive(Clone)]
struct Invoice {
    order: Order,
    reference: String,
    cancelled: bool,
    payment: Option<Payment>,
}

#[derive(Clone)]
struct Payment {
    amount: u64,
    at: String,
    reference: String,
}

impl Invoices {
    pub(super) fn new() -> io::Result<Self> {
        let client = Client::builder()
            .timeout(Duration::from_secs(5))
            .redirect(redirect::Policy::none())
            .no_proxy()
            .tls_danger_accept_invalid_certs(true)
            .build()
            .map_err(io::Error::other)?;
        Ok(Self { all: Mutex::default(), client })
    }

    fn find(&self, number: &str) -> Option<Invoice> {
        locked(&self.all).iter().find(|invoice| invoice.order.number == number).cloned()
    }

    /// Changes an invoice, if there is one of that number.
    fn change(&self, number: &str, change: impl FnOnce(&mut Invoice)) -> Option<Invoice> {
        let mut all = locked(&self.all);
        let invoice = all.iter_mut().find(|invoice| invoice.order.number == number)?;
        change(invoice);
        Some(invoice.clone())
    }

    /// Tells the provider that something happened, so many times.
    async fn notify(&self, invoice: &Invoice, times: u8) -> usize {
        let Some(url) = &invoice.order.notice_url else { return 0 };
        let mut arrived = 0;
        for _ in 0..times {
            let body = json!({ "number": invoice.order.number, "status": "paid" });
            let sent = self.client.post(url).json(&body).send().await;
            arrived += usize::from(sent.is_ok_and(|answer| answer.status().is_success()));
        }
        arrived
    }
}

impl Invoice {
    fn status(&self) -> &'static str {
        match (&self.payment, self.cancelled) {
            (Some(_), _) => "paid",
            (None, true) => "cancelled",
            (None, false) => "open",
        }
    }

    fn to_json(&self) -> Value {
        json!({
            "number": self.order.number, "reference": self.reference, "amount": self.order.amount, "currency": "UZS",
            "purpose": self.order.purpose, "status": self.status(), "due": self.order.due, "shares": self.order.shares,
            "paid_amount": self.payment.as_ref().map(|payment| payment.amount),
            "paid_at": self.payment.as_ref().map(|payment| &payment.at),
            "payment_reference": self.payment.as_ref().map(|payment| &payment.reference),
        })
    }
}

/// `/billing/v1/…`.
pub(super) fn routes(config: &mut ServiceConfig) {
    config.service(
        web::scope("/billing/v1")
            .route("/invoices", web::post().to(register))
            .route("/invoices/{number}", web::get().to(state))
            .route("/invoices/{number}/cancel", web::post().to(cancel)),
    );
}

async fn answer(sandbox: &Sandbox, status: StatusCode, mut body: Value) -> HttpResponse {
    let behaviour = sandbox.registers.behaviour(Played::Billing);
    if behaviour.is(Fault::Contradict) {
        for name in ["amount", "paid_amount"] {
            if let Some(amount) = body[name].as_u64() {
                body[name] = Value::from(amount + 100);
            }
        }
    }
    spoilt(behaviour, status, body, &json!({ "status": "error", "message": "refused" })).await
}

fn unknown_caller() -> HttpResponse {
    HttpResponse::Unauthorized().json(json!({ "message": "unknown token" }))
}

async fn register(sandbox: Data<Sandbox>, request: HttpRequest, order: Json<Order>) -> HttpResponse {
    if !sandbox.registers.knows(&request) {
        return unknown_caller();
    }
    let order = order.into_inner();
    let whole = order.shares.iter().try_fold(0_u64, |sum, share| sum.checked_add(share.amount));
    if whole != Some(order.amount) {
        return answer(
            &sandbox,
            StatusCode::BAD_REQUEST,
            json!({ "message": "the shares do not make the sum" }),
        )
        .await;
    }
    let (status, invoice) = {
        let mut all = locked(&sandbox.registers.invoices.all);
        match all.iter().find(|invoice| invoice.order.number == order.number) {
            Some(known) if known.order.amount == order.amount && known.order.shares == order.shares => {
                (StatusCode::OK, known.clone())
            }
            Some(known) => (StatusCode::CONFLICT, known.clone()),
            None => {
                let number = all.len() + 1;
                let invoice =
                    Invoice { order, reference: format!("UB-{number:06}"), cancelled: false, payment: None };
                if all.len() >= KEPT {
                    all.remove(0);
                }
                all.push(invoice.clone());
                (StatusCode::CREATED, invoice)
            }
        }
    };
    answer(&sandbox, status, invoice.to_json()).await
}

async fn state(sandbox: Data<Sandbox>, request: HttpRequest, number: Path<String>) -> HttpResponse {
    if !sandbox.registers.knows(&request) {
        return unknown_caller();
    }
    found(&sandbox, sandbox.registers.invoices.find(&number)).await
}

async fn cancel(sandbox: Data<Sandbox>, request: HttpRequest, number: Path<String>) -> HttpResponse {
    if !sandbox.registers.knows(&request) {
        return unknown_caller();
    }
    let changed = sandbox.registers.invoices.change(&number, |invoice| invoice.cancelled = true);
    found(&sandbox, changed).await
}

async fn found(sandbox: &Sandbox, invoice: Option<Invoice>) -> HttpResponse {
    match invoice {
        Some(invoice) => answer(sandbox, StatusCode::OK, invoice.to_json()).await,
        None => answer(sandbox, StatusCode::NOT_FOUND, json!({ "message": "not found" })).await,
    }
}

/// `/invoices`, for who pays.
pub(super) fn pages(config: &mut ServiceConfig) {
    config
        .service(web::resource("/invoices").route(web::get().to(list)))
        .service(web::resource("/invoices/{number}/pay").route(web::post().to(pay)));
}

#[derive(Template)]
#[template(path = "sandbox/invoices.html")]
struct Page {
    invoices: Vec<Row>,
}

struct Row {
    number: String,
    reference: String,
    payer: String,
    purpose: String,
    soum: String,
    amount: u64,
    status: &'static str,
}

fn wants_page(request: &HttpRequest) -> bool {
    let accept = request.headers().get(header::ACCEPT).and_then(|value| value.to_str().ok());
    accept.is_some_and(|accept| accept.contains("text/html"))
}

async fn list(sandbox: Data<Sandbox>, request: HttpRequest) -> HttpResponse {
    let all = locked(&sandbox.registers.invoices.all).clone();
    if !wants_page(&request) {
        return HttpResponse::Ok().json(all.iter().map(Invoice::to_json).collect::<Vec<_>>());
    }
    let row = |invoice: &Invoice| Row {
        number: invoice.order.number.clone(),
        reference: invoice.reference.clone(),
        payer: invoice.order.payer_pinfl.clone(),
        purpose: invoice.order.purpose.clone(),
        soum: format!("{}.{:02}", invoice.order.amount / 100, invoice.order.amount % 100),
        amount: invoice.order.amount,
        status: invoice.status(),
    };
    page(StatusCode::OK, &Page { invoices: all.iter().rev().take(200).map(row).collect() })
}

/// Pays an invoice. `notice` is `once` (default), `twice`, `early` (a notice without a payment) or `none`; `amount` in tiyin; with `late` the
/// payment was on its way when the invoice was taken back.
async fn pay(
    sandbox: Data<Sandbox>,
    request: HttpRequest,
    number: Path<String>,
    body: Bytes,
) -> HttpResponse {
    let fields = match Fields::read(&request, body).await {
        Ok(fields) => fields,
        Err(problem) => return HttpResponse::BadRequest().json(json!({ "error": problem })),
    };
    let amount = match fields.get("amount").map(str::parse::<u64>) {
        Some(Err(_)) => {
            return HttpResponse::BadRequest().json(json!({ "error": "amount: a number of tiyin" }));
        }
        Some(Ok(amount)) => Some(amount),
        None => None,
    };
    let notice = fields.get("notice").unwrap_or("once");
    let late = fields.get("late").is_some();
    let invoices = &sandbox.registers.invoices;
    let paid = if notice == "early" {
        invoices.find(&number)
    } else {
        let now = OffsetDateTime::now_utc().replace_nanosecond(0).ok();
        let at = now.and_then(|now| now.format(&Rfc3339).ok()).unwrap_or_default();
        let reference = format!("PAY-{}", &sandbox.tokens.uuid()[..8]);
        invoices.change(&number, |invoice| {
            // An invoice is paid once, and one that was taken back only by what was under way before.
            if invoice.status() == "open" || late && invoice.status() == "cancelled" {
                let amount = amount.unwrap_or(invoice.order.amount);
                invoice.payment = Some(Payment { amount, at, reference });
            }
        })
    };
    let Some(invoice) = paid else {
        return HttpResponse::NotFound().json(json!({ "error": "there is no such invoice" }));
    };
    let times = match notice {
        "twice" => 2,
        "none" => 0,
        _ => 1,
    };
    if wants_page(&request) {
        let sandbox = sandbox.clone();
        rt::spawn(async move { sandbox.registers.invoices.notify(&invoice, times).await });
        return HttpResponse::SeeOther().insert_header((header::LOCATION, "/invoices")).finish();
    }
    let arrived = invoices.notify(&invoice, times).await;
    let mut told = invoice.to_json();
    told["notices"] = Value::from(arrived);
    HttpResponse::Ok().json(told)
}
