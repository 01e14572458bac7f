//! `POST /callbacks/sms/{secret}/playmobile/incoming`: SMS from phones, as PlayMobile's broker passes them on. Each goes to the one that it is
//! meant for: the lock of an account, or a request that waits for an answer. The broker signs nothing, so the address has the secret of the
//! delivery reports.

use actix_web::HttpResponse;
use actix_web::web::{Bytes, Data, Path, ServiceConfig, post, resource};

use crate::cabinet::{self, Cabinet};
use crate::notices::receipts::Receipts;
use crate::notices::sms::incoming::{self, Incoming};
use crate::pages::{self, Pages};
use crate::platform::service_error::ServiceError;
use crate::platform::telemetry::Metrics;

/// Where the broker posts them.
const PATH: &str = "/callbacks/sms/{secret}/playmobile/incoming";

pub(super) fn routes(config: &mut ServiceConfig, metrics: &Metrics) {
    config.service(resource(PATH).app_data(metrics.route("sms_incoming")).route(post().to(take)));
}

/// Takes what phones sent. A message that could not be dealt with is passed on again, with those beside it: each of them works once.
async fn take(
    (cabinet, pages): (Data<Cabinet>, Data<Pages>),
    receipts: Data<Receipts>,
    secret: Path<String>,
    body: Bytes,
) -> HttpResponse {
    if !receipts.knows(&secret) {
        return HttpResponse::NotFound().finish();
    }
    let Some(messages) = incoming::parse(&body) else { return HttpResponse::BadRequest().finish() };
    for message in &messages {
        if let Err(error) = deal_with(&cabinet, &pages, message).await {
            tracing::warn!(event = "sms.command_lost", %error, "a message from a phone waits until the broker passes it on again");
            return HttpResponse::ServiceUnavailable().finish();
        }
    }
    HttpResponse::Ok().finish()
}

async fn deal_with(cabinet: &Cabinet, pages: &Pages, message: &Incoming) -> Result<(), ServiceError> {
    cabinet::locked_by_sms(cabinet, message).await?;
    pages::answered_by_sms(pages, message).await
}
