//! `/cabinet/receipts`: the applications that the person confirmed, and the receipt of each as a file, which anybody verifies with the
//! published keys (R67, R72).

use actix_web::http::StatusCode;
use actix_web::web::{Data, Path};
use actix_web::{HttpRequest, HttpResponse};
use askama::Template;
use serde_json::Value;

use super::paths::RECEIPTS as PATH;
use super::shell::{Shell, frame};
use super::visit::{Proof, Visit};
use super::words::Named;
use super::{Cabinet, PAGE, words};
use crate::applications::Receipt;
use crate::platform::clock::Timestamp;
use crate::platform::jose::foreign::unverified;
use crate::platform::web::frame::Frame;
use crate::platform::web::page_context::Problem;
use crate::platform::web::problem::ProblemKind;
use crate::platform::web::respond::{self, CspSources};

/// The page.
#[derive(Template)]
#[template(path = "cabinet/receipts.html")]
struct ReceiptsPage<'a> {
    frame: Frame<'a>,
    shell: Shell,
    receipts: Vec<Confirmed>,
    older: Option<String>,
}

/// An application that was confirmed.
struct Confirmed {
    file: String,
    service: Named,
    title: String,
    reference: String,
    confirmed: String,
}

/// Shows the list.
pub(super) async fn get(cabinet: Data<Cabinet>, request: HttpRequest) -> HttpResponse {
    cabinet
        .show(&request, Proof::Session, async |visit| {
            let before = visit.query.get("before").and_then(|place| place.split_once('.'));
            let before = before.and_then(|(at, name)| Some((Timestamp(at.parse().ok()?), name)));
            let most = i64::try_from(PAGE).unwrap_or(i64::MAX) + 1;
            let mut found = cabinet.receipts.of_person(visit.person(), before, most).await?;
            let more = found.len() > PAGE;
            found.truncate(PAGE);
            let last = found.last().filter(|_| more);
            let older = last.map(|last| format!("{PATH}?before={}.{}", last.issued_at.0, last.id));
            let receipts = found.iter().map(|receipt| confirmed(&cabinet, visit, receipt)).collect();
            let page = ReceiptsPage { frame: frame(visit), shell: Shell::of(visit, PATH), receipts, older };
            Ok(respond::page(StatusCode::OK, &page, &CspSources::default()))
        })
        .await
}

/// `/cabinet/receipts/{id}`: one receipt as the service has it, a compact JWS. Another person's is no page at all.
pub(super) async fn one(cabinet: Data<Cabinet>, request: HttpRequest, id: Path<String>) -> HttpResponse {
    cabinet
        .show(&request, Proof::Session, async |visit| {
            Ok(match cabinet.receipts.find_of(visit.person(), &id).await? {
                Some(receipt) => {
                    let name = format!("yagona-receipt-{}.jws", receipt.id);
                    words::file("application/jose", &name, receipt.text)
                }
                None => visit.context.problem(ProblemKind::NotFound, &Problem::default()),
            })
        })
        .await
}

fn confirmed(cabinet: &Cabinet, visit: &Visit<'_>, receipt: &Receipt) -> Confirmed {
    // It was signed here and is kept sealed.
    let application = unverified(&receipt.text).and_then(|(_, mut claims)| claims.remove("application"));
    let application = application.unwrap_or_default();
    Confirmed {
        file: format!("{PATH}/{}", receipt.id),
        service: cabinet.named(visit, &receipt.client_id),
        title: closest(&application["title"], visit.context.language.tag()),
        reference: application["reference"].as_str().unwrap_or_default().to_owned(),
        confirmed: words::moment(visit, receipt.confirmed_at),
    }
}

/// A text alone, or the one of a language.
fn closest(texts: &Value, tag: &str) -> String {
    let text = texts.as_str().or_else(|| texts[tag].as_str()).or_else(|| texts["default"].as_str());
    text.unwrap_or_default().to_owned()
}
