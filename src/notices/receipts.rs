//! `POST /callbacks/sms/{secret}/…`: what gateways report of messages. Neither gateway signs its reports: the address is
//! unguessable, Eskiz is asked back, and a report changes nothing but counts.

use std::sync::Arc;

use actix_web::HttpResponse;
use actix_web::web::{Bytes, Data, Path};

use super::delivery::Report;
use super::outbox::Outbox;
use super::sms::eskiz::ConfirmError;
use super::sms::{DeliveryState, Receipt, receipt};
use crate::platform::bytes;
use crate::platform::ephemeral::Unavailable;
use crate::platform::telemetry::Metrics;

/// What the receiver of reports needs.
#[derive(Clone)]
pub struct Receipts {
    /// The unguessable part of the address; without one no report is taken.
    pub secret: Option<Arc<str>>,
    /// Whose messages are reported on.
    pub outbox: Outbox,
    /// Counters for operators.
    pub metrics: Arc<Metrics>,
}

/// The address that Eskiz reports to, below `base`.
pub fn eskiz_url(base: &str, secret: &str) -> String {
    format!("{base}/callbacks/sms/{secret}/eskiz")
}

/// The address that PlayMobile reports to, below `base`; its broker appends `/status`.
pub fn playmobile_url(base: &str, secret: &str) -> String {
    format!("{base}/callbacks/sms/{secret}/playmobile")
}

/// Adds the addresses.
pub fn routes(config: &mut actix_web::web::ServiceConfig) {
    use actix_web::web::{post, resource};
    config
        .service(resource("/callbacks/sms/{secret}/eskiz").route(post().to(eskiz)))
        .service(resource("/callbacks/sms/{secret}/playmobile/status").route(post().to(playmobile)));
}

async fn eskiz(receipts: Data<Receipts>, secret: Path<String>, body: Bytes) -> HttpResponse {
    if !receipts.knows(&secret) {
        return HttpResponse::NotFound().finish();
    }
    let Ok(claimed) = receipt::parse_eskiz(&body) else { return HttpResponse::BadRequest().finish() };
    // Only reports on messages that somebody waits for are worth a question to the gateway.
    let now = receipts.outbox.clock().now();
    match receipts.outbox.deliveries().is_known(&claimed.message_id, now).await {
        Ok(true) => {}
        Ok(false) => return HttpResponse::Ok().finish(),
        Err(error) => return later("eskiz", &error),
    }
    let Some(gateway) = receipts.outbox.gateways().eskiz() else { return HttpResponse::NotFound().finish() };
    match gateway.confirm(&claimed.gateway_id).await {
        Ok(confirmed) if confirmed.message_id == claimed.message_id => {
            match receipts.note("eskiz", &confirmed).await {
                Ok(()) => HttpResponse::Ok().finish(),
                Err(error) => later("eskiz", &error),
            }
        }
        Ok(_) | Err(ConfirmError::NoSuchMessage) => HttpResponse::BadRequest().finish(),
        Err(ConfirmError::Unavailable { .. }) => HttpResponse::ServiceUnavailable().finish(),
    }
}

async fn playmobile(receipts: Data<Receipts>, secret: Path<String>, body: Bytes) -> HttpResponse {
    if !receipts.knows(&secret) {
        return HttpResponse::NotFound().finish();
    }
    let Ok(all) = receipt::parse_playmobile(&body) else { return HttpResponse::BadRequest().finish() };
    for receipt in &all {
        if let Err(error) = receipts.note("playmobile", receipt).await {
            return later("playmobile", &error);
        }
    }
    HttpResponse::Ok().finish()
}

impl Receipts {
    fn knows(&self, secret: &str) -> bool {
        self.secret.as_ref().is_some_and(|own| bytes::same(own.as_bytes(), secret.as_bytes()))
    }

    /// Counts a report, once however often the gateway repeats it.
    async fn note(&self, gateway: &'static str, receipt: &Receipt) -> Result<(), Unavailable> {
        let now = self.outbox.clock().now();
        let report = self.outbox.deliveries().report(&receipt.message_id, receipt.state, now).await?;
        if report == Report::New {
            let state = match receipt.state {
                DeliveryState::Accepted => "accepted",
                DeliveryState::Delivered => "delivered",
                DeliveryState::Failed => "failed",
                DeliveryState::Expired => "expired",
            };
            self.metrics.sms_deliveries(gateway, state).inc();
        }
        Ok(())
    }
}

/// It cannot be told whether the message is ours: the gateway may repeat the report.
fn later(gateway: &'static str, error: &Unavailable) -> HttpResponse {
    tracing::warn!(event = "sms.receipt_lost", gateway, %error, "a report could not be counted");
    HttpResponse::ServiceUnavailable().finish()
}
