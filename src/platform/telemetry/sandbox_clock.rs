//! `POST /sandbox/clock`: moves the process's clock, to test expiry without waiting, or makes it wrong. The route exists
//! only in the sandbox, with `sandbox.movable_clock`.

use actix_web::http::header::CONTENT_TYPE;
use actix_web::{HttpRequest, HttpResponse, web};
use serde::Deserialize;
use serde_json::json;

use super::check::Check;
use crate::platform::clock::Clock;

/// Maximum move of the clock by one request, in seconds: ten years.
const FURTHEST: i64 = 10 * 365 * 86_400;

/// The clock that requests move.
#[derive(Clone)]
pub struct SandboxClock {
    /// Moved forward, never back.
    pub clock: Clock,
    /// Run between the move and the response, so that the process is at the new time when the caller has the response.
    pub catch_up: Check,
}

/// What is wanted: one of the two.
#[derive(Deserialize)]
struct Change {
    /// By how much all time is moved forward.
    advance_seconds: Option<i64>,
    /// By how much this machine's clock is wrong from now on, forward or back.
    wrong_seconds: Option<i64>,
}

/// Adds the route.
pub(super) fn routes(app: &mut web::ServiceConfig, clock: SandboxClock) {
    app.app_data(web::Data::new(clock)).route("/sandbox/clock", web::post().to(post));
}

async fn post(clock: web::Data<SandboxClock>, request: HttpRequest, body: web::Bytes) -> HttpResponse {
    match change(&request, &body) {
        Some(Change { advance_seconds: Some(seconds @ 0..=FURTHEST), wrong_seconds: None }) => {
            clock.clock.advance(seconds);
        }
        Some(Change { advance_seconds: None, wrong_seconds: Some(seconds) }) if seconds.abs() <= FURTHEST => {
            clock.clock.make_wrong(seconds);
        }
        _ => {
            let problem = format!(
                "advance_seconds, a whole number from 0 to {FURTHEST}, or wrong_seconds, also below 0, as a form or JSON"
            );
            return HttpResponse::BadRequest().json(json!({ "problem": problem }));
        }
    }
    if let Err(problem) = (clock.catch_up)().await {
        return HttpResponse::ServiceUnavailable().json(json!({ "problem": problem }));
    }
    HttpResponse::Ok().json(json!({ "now": clock.clock.now().0 }))
}

fn change(request: &HttpRequest, body: &[u8]) -> Option<Change> {
    let kind = request.headers().get(CONTENT_TYPE).and_then(|value| value.to_str().ok());
    if kind.is_some_and(|kind| kind.starts_with("application/json")) {
        return serde_json::from_slice(body).ok();
    }
    let given = |wanted: &str| {
        let (_, seconds) = url::form_urlencoded::parse(body).find(|(name, _)| name == wanted)?;
        seconds.parse().ok()
    };
    Some(Change { advance_seconds: given("advance_seconds"), wrong_seconds: given("wrong_seconds") })
}

#[cfg(test)]
mod tests {
    use super::super::check::check;
    use super::*;
    use crate::platform::clock::Timestamp;
    use actix_web::App;
    use actix_web::test::{TestRequest, call_service, init_service, read_body_json};
    use serde_json::Value;

    async fn ask(clock: &Clock, kind: &'static str, body: &'static str) -> (u16, Value) {
        let catch_up = check(|| async { Ok(()) });
        let moved = SandboxClock { clock: clock.clone(), catch_up };
        let app = init_service(App::new().configure(|app| routes(app, moved))).await;
        let request = TestRequest::post().uri("/sandbox/clock").insert_header((CONTENT_TYPE, kind));
        let response = call_service(&app, request.set_payload(body).to_request()).await;
        (response.status().as_u16(), read_body_json(response).await)
    }

    #[actix_web::test]
    async fn the_clock_is_moved_by_a_form_and_by_json() {
        let clock = Clock::manual(Timestamp(1000));
        let form = "application/x-www-form-urlencoded";
        assert_eq!(ask(&clock, form, "advance_seconds=60").await, (200, json!({"now": 1060})));
        let json = ask(&clock, "application/json; charset=utf-8", r#"{"advance_seconds": 40}"#).await;
        assert_eq!(json, (200, json!({"now": 1100})));
    }

    #[actix_web::test]
    async fn a_clock_is_made_wrong_without_moving_time() {
        let clock = Clock::of_process(true);
        let form = "application/x-www-form-urlencoded";
        assert_eq!(ask(&clock, form, "wrong_seconds=-900").await.0, 200);
        assert!((clock.now_ms() - Clock::System.now_ms() + 900_000).abs() < 60_000);
        assert_eq!(clock.moved_ms(), 0);
        assert_eq!(ask(&clock, form, "wrong_seconds=5&advance_seconds=5").await.0, 400);
    }

    #[actix_web::test]
    async fn what_is_no_number_of_seconds_moves_nothing() {
        let clock = Clock::manual(Timestamp(1000));
        for body in ["", "advance_seconds=", "advance_seconds=-1", "advance_seconds=9999999999", "seconds=1"]
        {
            assert_eq!(ask(&clock, "application/x-www-form-urlencoded", body).await.0, 400, "{body}");
        }
        assert_eq!(ask(&clock, "application/json", "{").await.0, 400);
        assert_eq!(clock.now(), Timestamp(1000));
    }
}
