//! `POST /callbacks/sms/{secret}/…`: delivery reports of gateways. Neither gateway signs them: the URL contains a
//! secret, Eskiz must confirm its reports, and a report changes only metrics, and what a notice in the cabinet says of its SMS.

use std::sync::Arc;

use actix_web::HttpResponse;
use actix_web::web::{Bytes, Data, Path};

use super::delivery::Report;
use super::outbox::Outbox;
use super::sms::eskiz::ConfirmError;
use super::sms::{DeliveryState, Receipt, receipt};
use crate::platform::bytes;
use crate::platform::service_error::ServiceError;
use crate::platform::telemetry::Metrics;

/// State of the callback endpoints.
#[derive(Clone)]
pub struct Receipts {
    /// The secret part of the URL; without one no report is accepted.
    pub secret: Option<Arc<str>>,
    /// The outbox of the reported messages.
    pub outbox: Outbox,
    /// Metrics.
    pub metrics: Arc<Metrics>,
}

/// The callback URL for Eskiz, below `base`.
pub fn eskiz_url(base: &str, secret: &str) -> String {
    format!("{base}/callbacks/sms/{secret}/eskiz")
}

/// The callback URL for PlayMobile, below `base`; its broker appends `/status`.
pub fn playmobile_url(base: &str, secret: &str) -> String {
    format!("{base}/callbacks/sms/{secret}/playmobile")
}

/// Adds the callback endpoints.
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
    // Only reports on known messages are confirmed, so that forged ones cause no requests to the gateway.
    match receipts.outbox.is_reported(&claimed.message_id).await {
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
    /// Whether an address has the secret of these callbacks.
    pub fn knows(&self, secret: &str) -> bool {
        self.secret.as_ref().is_some_and(|own| bytes::same(own.as_bytes(), secret.as_bytes()))
    }

    /// Counts a report once, however often the gateway repeats it; one on a message about a notice shows in the cabinet.
    async fn note(&self, gateway: &'static str, receipt: &Receipt) -> Result<(), ServiceError> {
        self.outbox.note_report(&receipt.message_id, receipt.state).await?;
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

/// A store is unavailable: the gateway may retry the report.
fn later(gateway: &'static str, error: &ServiceError) -> HttpResponse {
    tracing::warn!(event = "sms.receipt_lost", sms.gateway = gateway, %error, "a delivery report was not recorded");
    HttpResponse::ServiceUnavailable().finish()
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use actix_web::App;
    use actix_web::test::{TestRequest, call_service, init_service};

    use super::*;
    use crate::notices::charges::{Charges, Tariff};
    use crate::notices::sms::Gateways;
    use crate::notices::{Deliveries, OutboundMessage, Series};
    use crate::platform::bytes::Digest;
    use crate::platform::clock::{Clock, Timestamp};
    use crate::platform::db;
    use crate::platform::ephemeral::{Batch, Ephemeral};
    use crate::platform::seal::Keyring;

    const NOW: Timestamp = Timestamp(1_790_000_000);

    async fn post(receipts: &Receipts, path: &str, body: &str) -> u16 {
        let app = App::new().app_data(Data::new(receipts.clone())).configure(routes);
        let request = TestRequest::post().uri(path).set_payload(body.to_owned()).to_request();
        call_service(&init_service(app).await, request).await.status().as_u16()
    }

    fn counted(receipts: &Receipts, gateway: &str, state: &str) -> bool {
        let one = format!("yagona_sms_deliveries_total{{gateway=\"{gateway}\",state=\"{state}\"}} 1");
        receipts.metrics.encode().lines().any(|line| line == one)
    }

    #[actix_web::test]
    async fn a_report_is_counted_once_and_only_of_a_message_of_ours() {
        let folder = std::env::temp_dir().join(format!("yagona-receipts-{}", bytes::random_text::<8>()));
        let url = format!("sqlite:{}", folder.join("receipts.db").display());
        let (clock, metrics) = (Clock::manual(NOW), Metrics::new());
        let database = db::connect(&url, 2, Duration::from_secs(5), Arc::clone(&metrics)).await.unwrap();
        db::migrate(&database).await.unwrap();
        let keyring = Keyring::read_or_create(&folder.join("keyring.toml")).unwrap();
        let ephemeral = Ephemeral::in_process(clock.clone(), &keyring);
        let deliveries = Deliveries::new(ephemeral.clone());
        let charges = Charges::new(database.clone(), clock.clone(), Tariff::default(), &keyring);
        let gateways = Gateways::new(Vec::new());
        let outbox = Outbox::new(database, clock, gateways, deliveries, charges, Arc::clone(&metrics));
        let receipts = Receipts { secret: Some("path".into()), outbox: outbox.clone(), metrics };
        let prepared = outbox
            .prepare(OutboundMessage {
                id: "m1",
                to: None,
                number_index: &Digest::of(b"number"),
                series: Series::Strangers,
                client_id: "shop",
                address: "address",
                text: "text".to_owned(),
                ttl: 180,
                daily_cap: 5,
            })
            .unwrap();
        let mut batch = Batch::new(&ephemeral);
        prepared.announce_in(&mut batch);
        let _ = ephemeral.apply(batch).await.unwrap();
        let path = "/callbacks/sms/path/playmobile/status";
        let report = |id: &str, status: &str| format!("{{\"message-id\":\"{id}\",\"status\":\"{status}\"}}");
        assert_eq!(post(&receipts, path, &report("m2", "Delivered")).await, 200);
        assert!(!counted(&receipts, "playmobile", "delivered"), "not one of our messages");
        for _ in 0..3 {
            assert_eq!(post(&receipts, path, &report("m1", "Delivered")).await, 200);
            assert_eq!(post(&receipts, path, &report("m1", "Rejected")).await, 200);
        }
        assert!(counted(&receipts, "playmobile", "delivered") && counted(&receipts, "playmobile", "failed"));
        outbox.deliveries().sending("m3", NOW);
        for _ in 0..3 {
            assert_eq!(post(&receipts, path, &report("m3", "Expired")).await, 200);
        }
        assert!(counted(&receipts, "playmobile", "expired"), "from memory");
        assert_eq!(post(&receipts, path, "no report").await, 400);
        assert_eq!(post(&receipts, &path.replace("path", "guess"), &report("m1", "Delivered")).await, 404);
        std::fs::remove_dir_all(folder).unwrap();
    }
}
