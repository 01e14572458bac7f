//! `POST /callbacks/sms/{secret}/…`: what gateways report of messages. Neither gateway signs its reports: the address is
//! unguessable, Eskiz is asked back, and a report changes nothing but the counts and the state that are kept of a delivery.

use std::sync::Arc;

use actix_web::HttpResponse;
use actix_web::web::{Bytes, Data, Path};

use super::delivery::Delivery;
use super::outbox::Outbox;
use super::sms::eskiz::ConfirmError;
use super::sms::{DeliveryState, Receipt, receipt};
use crate::platform::bytes;
use crate::platform::telemetry::Metrics;

/// How long a report is of interest, in seconds.
const KEPT: i64 = 600;

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
    let wanted = receipts.outbox.deliveries().state(&claimed.message_id).await;
    if !matches!(wanted, Ok(Some(_))) {
        return HttpResponse::Ok().finish();
    }
    let Some(gateway) = receipts.outbox.gateways().eskiz() else { return HttpResponse::NotFound().finish() };
    match gateway.confirm(&claimed.gateway_id).await {
        Ok(confirmed) if confirmed.message_id == claimed.message_id => {
            receipts.note("eskiz", &confirmed).await;
            HttpResponse::Ok().finish()
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
        receipts.note("playmobile", receipt).await;
    }
    HttpResponse::Ok().finish()
}

impl Receipts {
    fn knows(&self, secret: &str) -> bool {
        self.secret.as_ref().is_some_and(|own| bytes::same(own.as_bytes(), secret.as_bytes()))
    }

    async fn note(&self, gateway: &'static str, receipt: &Receipt) {
        let (name, state) = match receipt.state {
            DeliveryState::Accepted => ("accepted", None),
            DeliveryState::Delivered => ("delivered", Some(Delivery::Delivered)),
            DeliveryState::Failed => ("failed", Some(Delivery::Failed)),
            DeliveryState::Expired => ("expired", Some(Delivery::Failed)),
        };
        self.metrics.sms_deliveries(gateway, name).inc();
        if let Some(state) = state
            && let Err(error) = self.outbox.deliveries().note(&receipt.message_id, state, KEPT).await
        {
            tracing::warn!(event = "sms.receipt_lost", gateway, %error, "a report could not be kept");
        }
    }
}
