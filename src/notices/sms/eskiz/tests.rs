use std::sync::atomic::{AtomicUsize, Ordering};

use super::super::DeliveryState;
use super::super::gateway_double::{Double, Seen, message};
use super::*;

const LOGIN: &str = "POST /api/auth/login";
const REFRESH: &str = "PATCH /api/auth/refresh";
const SEND: &str = "POST /api/message/sms/send";
const SENT: &str = r#"{"id":"4385062d-bb7a-4e0b-a0a6-27e7dbcd3f8e","message":"Waiting for SMS provider","status":"waiting"}"#;
const TIMEOUT: Duration = Duration::from_secs(5);

fn adapter(double: &Double, timeout: Duration) -> Eskiz {
    let settings = EskizSettings {
        base_url: double.url("/api/").parse().unwrap(),
        email: "sms@example.com".into(),
        password: "s3cret&more".into(),
        from: "4546".into(),
    };
    let callback = Some("https://id.example/sms/eskiz/Zx81".to_owned());
    Eskiz::new(wire::client(timeout).unwrap(), settings, callback)
}

fn token(name: &str) -> (u16, String) {
    (200, format!(r#"{{"message":"token_generated","data":{{"token":"{name}"}},"token_type":"bearer"}}"#))
}

/// A gateway whose logins give `t1`, `t2` … and whose refreshes give `r`; other calls go to `rule`.
fn gateway(rule: impl Fn(&Seen) -> (u16, String) + Send + Sync + 'static) -> Double {
    let logins = AtomicUsize::new(0);
    Double::start(move |seen| match format!("{} {}", seen.method, seen.path).as_str() {
        LOGIN => token(&format!("t{}", logins.fetch_add(1, Ordering::SeqCst) + 1)),
        REFRESH => token("r"),
        _ => rule(seen),
    })
}

fn sent() -> (u16, String) {
    (200, SENT.to_owned())
}

#[actix_web::test]
async fn logs_in_once_and_sends_in_the_gateways_format() {
    let double = gateway(|_| sent());
    let eskiz = adapter(&double, TIMEOUT);
    let outcome = eskiz.send(&message("abc1")).await;
    assert_eq!(outcome, SendOutcome::Accepted { gateway_id: "4385062d-bb7a-4e0b-a0a6-27e7dbcd3f8e".into() });
    eskiz.send(&message("abc2")).await;
    assert_eq!(double.calls(), [LOGIN, SEND, SEND]);
    let seen = double.seen();
    assert_eq!(seen[0].body, "email=sms%40example.com&password=s3cret%26more");
    assert_eq!(seen[1].authorization, "Bearer t1");
    assert_eq!(
        seen[1].body,
        "mobile_phone=998901234567&message=Soliq%3A+123456&from=4546&user_sms_id=abc1\
         &callback_url=https%3A%2F%2Fid.example%2Fsms%2Feskiz%2FZx81"
    );
}

#[actix_web::test]
async fn an_expired_token_is_refreshed_and_the_message_repeated_once() {
    let double = gateway(|seen| match seen.authorization.as_str() {
        "Bearer r" => sent(),
        _ => (401, r#"{"message":"Expired"}"#.into()),
    });
    let outcome = adapter(&double, TIMEOUT).send(&message("a1")).await;
    assert!(matches!(outcome, SendOutcome::Accepted { .. }), "{outcome:?}");
    assert_eq!(double.calls(), [LOGIN, SEND, REFRESH, SEND]);
    assert_eq!(double.seen()[2].authorization, "Bearer t1");
}

#[actix_web::test]
async fn an_invalid_token_means_a_new_login_without_refreshing() {
    let double = gateway(|seen| match seen.authorization.as_str() {
        "Bearer t2" => sent(),
        _ => (401, r#"{"message":"Token invalid","status":"token_invalid"}"#.into()),
    });
    let outcome = adapter(&double, TIMEOUT).send(&message("a1")).await;
    assert!(matches!(outcome, SendOutcome::Accepted { .. }), "{outcome:?}");
    assert_eq!(double.calls(), [LOGIN, SEND, LOGIN, SEND]);
}

#[actix_web::test]
async fn a_refused_refresh_falls_back_to_a_new_login() {
    let logins = AtomicUsize::new(0);
    let double = Double::start(move |seen| match (seen.path.as_str(), seen.authorization.as_str()) {
        ("/api/auth/login", _) => token(&format!("t{}", logins.fetch_add(1, Ordering::SeqCst) + 1)),
        ("/api/message/sms/send", "Bearer t2") => sent(),
        _ => (401, r#"{"message":"Expired"}"#.into()),
    });
    let outcome = adapter(&double, TIMEOUT).send(&message("a1")).await;
    assert!(matches!(outcome, SendOutcome::Accepted { .. }), "{outcome:?}");
    assert_eq!(double.calls(), [LOGIN, SEND, REFRESH, LOGIN, SEND]);
}

#[actix_web::test]
async fn a_token_that_is_refused_again_is_a_refusal_not_a_loop() {
    let double = gateway(|_| (401, r#"{"message":"Expired"}"#.into()));
    let outcome = adapter(&double, TIMEOUT).send(&message("a1")).await;
    assert!(matches!(outcome, SendOutcome::Refused { .. }), "{outcome:?}");
    assert_eq!(double.calls(), [LOGIN, SEND, REFRESH, SEND]);
}

#[actix_web::test]
async fn wrong_credentials_are_a_refusal_and_are_not_retried_for_every_message() {
    let double = Double::start(|_| (401, r#"{"message":"Invalid credentials"}"#.into()));
    let eskiz = adapter(&double, TIMEOUT);
    let expected = SendOutcome::Refused { reason: "login: HTTP 401: Invalid credentials".into() };
    assert_eq!(eskiz.send(&message("a1")).await, expected);
    assert_eq!(eskiz.send(&message("a2")).await, expected);
    assert_eq!(double.calls(), [LOGIN]);
}

#[actix_web::test]
async fn parallel_messages_share_one_login_and_one_refresh() {
    let double = gateway(|seen| match seen.authorization.as_str() {
        "Bearer r" => sent(),
        _ => (401, r#"{"message":"Expired"}"#.into()),
    });
    let eskiz = adapter(&double, TIMEOUT);
    let messages: Vec<_> = (0..10).map(|n| message(&format!("a{n}"))).collect();
    let outcomes = futures_util::future::join_all(messages.iter().map(|sms| eskiz.send(sms))).await;
    assert!(outcomes.iter().all(|outcome| matches!(outcome, SendOutcome::Accepted { .. })), "{outcomes:?}");
    let count = |call: &str| double.calls().iter().filter(|seen| *seen == call).count();
    assert_eq!((count(LOGIN), count(REFRESH)), (1, 1));
}

#[actix_web::test]
async fn the_gateways_own_errors_are_refusals() {
    for (status, body, reason) in [
        (400, r#"{"message":"Text is not moderated","status":"error"}"#, "HTTP 400: Text is not moderated"),
        (500, "oops", "HTTP 500:"),
        (200, r#"{"status":"fail","data":{"alert":"no balance"}}"#, "refused: no balance"),
    ] {
        let double = gateway(move |_| (status, body.into()));
        let outcome = adapter(&double, TIMEOUT).send(&message("a1")).await;
        assert_eq!(outcome, SendOutcome::Refused { reason: reason.into() });
        assert_eq!(double.calls(), [LOGIN, SEND]);
    }
}

#[actix_web::test]
async fn an_ambiguous_response_leaves_the_outcome_unknown() {
    for (status, body) in [(200, "{}"), (200, ""), (502, "bad gateway"), (504, "")] {
        let double = gateway(move |_| (status, body.into()));
        let outcome = adapter(&double, TIMEOUT).send(&message("a1")).await;
        assert!(matches!(outcome, SendOutcome::Unknown { .. }), "{status} {body:?}: {outcome:?}");
    }
}

#[actix_web::test]
async fn a_gateway_that_is_unreachable_or_rejects_the_login_has_sent_nothing() {
    let outcome = adapter(&Double::closed(), TIMEOUT).send(&message("a1")).await;
    let SendOutcome::Refused { reason } = outcome else { panic!("{outcome:?}") };
    assert!(reason.starts_with("login: could not connect: Connection refused"), "{reason}");
    let silent = Double::silent();
    let outcome = adapter(&silent, Duration::from_millis(150)).send(&message("a1")).await;
    assert_eq!(outcome, SendOutcome::Refused { reason: "login: no answer in time".into() });
}

#[actix_web::test]
async fn a_timeout_after_the_message_was_written_leaves_the_outcome_unknown() {
    let double = gateway(|_| {
        std::thread::sleep(Duration::from_millis(700));
        sent()
    });
    let outcome = adapter(&double, Duration::from_millis(300)).send(&message("a1")).await;
    assert_eq!(outcome, SendOutcome::Unknown { reason: "no answer in time".into() });
}

#[actix_web::test]
async fn a_receipt_is_confirmed_by_the_gateway_itself() {
    let double = gateway(|seen| match seen.path.as_str() {
        "/api/message/sms/status_by_id/4385062d" => {
            (200, r#"{"status":"success","data":{"id":17,"user_sms_id":"a1","status":"DELIVERED"}}"#.into())
        }
        _ => (404, r#"{"message":"Not found"}"#.into()),
    });
    let eskiz = adapter(&double, TIMEOUT);
    let receipt = eskiz.confirm("4385062d").await.unwrap();
    assert_eq!((receipt.message_id.as_str(), receipt.gateway_id.as_str()), ("a1", "4385062d"));
    assert_eq!(receipt.state, DeliveryState::Delivered);
    assert_eq!(eskiz.confirm("made-up").await, Err(ConfirmError::NoSuchMessage));
    let asked = double.calls().len();
    assert_eq!(eskiz.confirm("../../auth/user").await, Err(ConfirmError::NoSuchMessage));
    assert_eq!(double.calls().len(), asked, "an invalid id is not sent");
    let unreachable = adapter(&Double::closed(), TIMEOUT).confirm("4385062d").await;
    assert!(matches!(unreachable, Err(ConfirmError::Unavailable { .. })));
}

#[actix_web::test]
async fn nothing_secret_is_printed() {
    let double = gateway(|_| sent());
    let eskiz = adapter(&double, TIMEOUT);
    eskiz.send(&message("a1")).await;
    let shown = format!("{eskiz:?}");
    assert!(!shown.contains("s3cret") && !shown.contains("t1\"") && !shown.contains("Zx81"), "{shown}");
}
