//! `/applications/{id}`: opens an application and shows it; its consents, and its end without an enrolment (clauses 20–24, 27).

use actix_web::http::StatusCode;
use actix_web::web::{Bytes, Data, Path};
use actix_web::{HttpRequest, HttpResponse};
use serde_json::json;

use super::body::{self, Consents, Opened, Refusal};
use super::problem::{Code, Problem};
use super::{Caller, MobileApp};
use crate::mobile_id::{
    Door, Evidence, FieldError, Ground, Identification, IdentificationId, Illegal, Opening, Precheck,
    Questionnaire, State,
};

/// Opens an application by the form of annex 2, and has registers asked (R53, R54, R59). The same form under the same identifier again is the
/// same application.
pub(super) async fn put(
    app: Data<MobileApp>,
    request: HttpRequest,
    id: Path<String>,
    text: Bytes,
) -> HttpResponse {
    app.answer(&request, async |caller| {
        let id = IdentificationId::parse(&id).ok_or_else(|| Problem::field("id", "format"))?;
        let opened: Opened = body::read(&text)?;
        let language = body::language(&opened.language)?;
        let typed = opened.typed();
        let form = Questionnaire::parse(&typed, app.identifications().rules().test_numbers);
        let form = form.map_err(|wrong| {
            let error = |(field, error): (_, FieldError)| field_error(field, error);
            let errors: Vec<_> = wrong.into_iter().map(error).collect();
            Problem::new(Code::InvalidFields).with("errors", errors)
        })?;
        app.begin_about(&form.pinfl).await?;
        let known = app.identifications().find(&id).await?;
        if let Some(known) = known {
            return shown_again(&app, caller, &known, &form).await;
        }
        let door = Door::App { client: caller.client.id.clone() };
        match app.identifications().open(id, (door, language), &typed, Vec::new()).await? {
            Opening::Opened(application) if !caller.owns(&application) || application.form != form => {
                Err(Problem::new(Code::OtherApplication))
            }
            Opening::Opened(application) => {
                app.identifications().start_precheck(&application).await?;
                app.told(StatusCode::CREATED, &application).await
            }
            Opening::Invalid(_) | Opening::NotHere => Err(Problem::new(Code::Failed)),
        }
    })
    .await
}

fn field_error(field: crate::mobile_id::Field, error: FieldError) -> serde_json::Value {
    json!({ "field": field.name(), "code": error.code() })
}

/// An application that is there: whoever lost the answer gets it again.
async fn shown_again(
    app: &MobileApp,
    caller: &Caller,
    known: &Identification,
    form: &Questionnaire,
) -> Result<HttpResponse, Problem> {
    if !caller.owns(known) || known.form != *form {
        return Err(Problem::new(Code::OtherApplication));
    }
    if !known.state.is_over() && app.identifications().precheck(&known.id).await?.is_none() {
        app.identifications().start_precheck(known).await?;
    }
    app.told(StatusCode::OK, known).await
}

/// Shows an application: the app asks while something goes on beside, and after an answer was lost.
pub(super) async fn get(app: Data<MobileApp>, request: HttpRequest, id: Path<String>) -> HttpResponse {
    app.answer(&request, async |caller| {
        let application = app.application(caller, &id).await?;
        app.told(StatusCode::OK, &application).await
    })
    .await
}

/// Has registers asked once more, such as after one did not answer.
pub(super) async fn precheck(app: Data<MobileApp>, request: HttpRequest, id: Path<String>) -> HttpResponse {
    app.answer(&request, async |caller| {
        let application = under_way(app.application(caller, &id).await?)?;
        let known = app.identifications().precheck(&application.id).await?;
        if !matches!(known, Some(Precheck::Running { .. })) {
            app.identifications().start_precheck(&application).await?;
        }
        app.told(StatusCode::ACCEPTED, &application).await
    })
    .await
}

/// Stores what the person agreed to (R55, R59, R60, R74).
pub(super) async fn consents(
    app: Data<MobileApp>,
    request: HttpRequest,
    id: Path<String>,
    text: Bytes,
) -> HttpResponse {
    app.answer(&request, async |caller| {
        let given: Consents = body::read(&text)?;
        let given = given.read(app.0.tokens.provider.clock.now_ms())?;
        let application = under_way(app.application(caller, &id).await?)?;
        // Those that are there stay as they are: nothing is written twice.
        let new: Vec<_> = given.into_iter().filter(|given| !application.has(given.to)).collect();
        if new.is_empty() {
            return app.told(StatusCode::OK, &application).await;
        }
        let evidence = (new.as_slice(), Evidence::default());
        let application = app.identifications().evidence(&application.id, evidence, Vec::new()).await?;
        app.told(StatusCode::OK, &application).await
    })
    .await
}

/// Refuses an application on a ground of clause 27 that was found (R65).
pub(super) async fn refuse(
    app: Data<MobileApp>,
    request: HttpRequest,
    id: Path<String>,
    text: Bytes,
) -> HttpResponse {
    app.answer(&request, async |caller| {
        let refusal: Refusal = body::read(&text)?;
        let application = app.application(caller, &id).await?;
        let Some(ground @ Ground::Remote(remote)) = Ground::parse(&refusal.clause) else {
            return Err(Problem::new(Code::NotTheGround));
        };
        if application.state == State::Refused(ground) {
            return app.told(StatusCode::OK, &application).await;
        }
        let beside = app.beside(&application).await?;
        let findings = beside.findings(&application).cloned();
        let refused = app.0.remote.refuse(application, remote, findings.as_ref()).await?;
        app.told(StatusCode::OK, &refused).await
    })
    .await
}

/// Notes that the person does not go on: neither refused nor enrolled (D-o).
pub(super) async fn withdraw(app: Data<MobileApp>, request: HttpRequest, id: Path<String>) -> HttpResponse {
    app.answer(&request, async |caller| {
        let application = app.application(caller, &id).await?;
        if application.state == State::Withdrawn {
            return app.told(StatusCode::OK, &application).await;
        }
        let withdrawn = app.identifications().withdraw(&application.id, Vec::new()).await?;
        app.told(StatusCode::OK, &withdrawn).await
    })
    .await
}

/// An application that goes on.
///
/// # Errors
/// `wrong_state`.
pub(super) fn under_way(application: Identification) -> Result<Identification, Problem> {
    match application.state {
        State::Open | State::CodeSent => Ok(application),
        _ => Err(crate::mobile_id::ActError::Illegal(Illegal::State).into()),
    }
}
