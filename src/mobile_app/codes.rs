//! The code: sent only after the proof, good for an hour, new at any time; the right one binds the number (clauses 25 and 26; R61–R64).

use actix_web::http::StatusCode;
use actix_web::web::{Bytes, Data, Path};
use actix_web::{HttpRequest, HttpResponse};

use super::MobileApp;
use super::applications::under_way;
use super::body::{self, Entered as Typed};
use super::problem::{Code, Problem};
use crate::life_events::Entered;

/// Sends a code, if everything is there that has to be.
pub(super) async fn send(app: Data<MobileApp>, request: HttpRequest, id: Path<String>) -> HttpResponse {
    app.answer(&request, async |caller| {
        let application = under_way(app.application(caller, &id).await?)?;
        let application = app.0.remote.take_face(application).await?;
        let sent = app.identifications().send_code(&application.id, &[], Vec::new()).await?;
        app.told(StatusCode::ACCEPTED, &sent).await
    })
    .await
}

/// Compares what the person entered.
pub(super) async fn enter(
    app: Data<MobileApp>,
    request: HttpRequest,
    id: Path<String>,
    text: Bytes,
) -> HttpResponse {
    app.answer(&request, async |caller| {
        let typed: Typed = body::read(&text)?;
        let application = app.application(caller, &id).await?;
        match app.0.enrolments.enter_code(&application.id, &typed.code, Vec::new()).await? {
            Entered::Enrolled(application) | Entered::AwaitingPayment(application) => {
                app.told(StatusCode::OK, &application).await
            }
            Entered::Wrong { left } => Err(Problem::new(Code::Mistyped).with("tries_left", left)),
            Entered::Expired => Err(Problem::new(Code::Expired)),
        }
    })
    .await
}
