use super::eskiz::{TEXT, log_in, message};
use super::*;
use serde_json::json;
use tokio::time::Instant;

#[actix_web::test]
async fn a_failing_gateway_answers_every_call_with_500_and_the_other_works_on() {
    let app = app(&sandbox(settings())).await;
    let token = log_in(&app).await;
    turn(&app, "eskiz.fail=1").await;
    assert_eq!(call(&app, message(&token, &TEXT)).await.status, 500);
    assert_eq!(call(&app, playmobile::post(&playmobile::request("a"))).await.status, 200);
    turn(&app, "reset=1&playmobile.fail=1").await;
    assert_eq!(call(&app, message(&token, &TEXT)).await.status, 200);
    let answer = call(&app, playmobile::post(&playmobile::request("b"))).await;
    assert_eq!((answer.status, &answer.json()["error-code"]), (500, &json!(100)));
}

#[actix_web::test]
async fn a_refusing_gateway_refuses_in_its_own_words() {
    let app = app(&sandbox(settings())).await;
    let token = log_in(&app).await;
    turn(&app, "eskiz.refuse=1&playmobile.refuse=1").await;
    let answer = call(&app, message(&token, &TEXT)).await;
    assert_eq!((answer.status, &answer.json()["status"]), (400, &json!("error")));
    let answer = call(&app, playmobile::post(&playmobile::request("a"))).await;
    assert_eq!((answer.status, &answer.json()["error-code"]), (400, &json!(102)));
    assert!(messages(&app, "").await.is_empty());
}

#[actix_web::test]
async fn a_slow_gateway_holds_its_answers_back() {
    let app = app(&sandbox(settings())).await;
    turn(&app, "playmobile.delay_ms=300").await;
    let begun = Instant::now();
    assert_eq!(call(&app, playmobile::post(&playmobile::request("a"))).await.status, 200);
    assert!(begun.elapsed() >= Duration::from_millis(300));
}

#[actix_web::test]
async fn a_duplicating_gateway_delivers_twice_and_reports_twice() {
    let mut receiver = Receiver::start();
    let app = app(&sandbox(Settings { playmobile_callback: Some(receiver.url.clone()), ..settings() })).await;
    turn(&app, "playmobile.duplicate=1").await;
    call(&app, playmobile::post(&playmobile::request("a"))).await;
    let arrived = messages(&app, "").await;
    assert_eq!(arrived.len(), 2);
    assert_eq!(arrived[0]["text"], arrived[1]["text"]);
    assert_ne!(arrived[0]["id"], arrived[1]["id"]);
    for _ in 0..4 {
        receiver.next().await;
    }
    assert_eq!(receiver.rest().await, 0);
}

#[actix_web::test]
async fn lost_receipts_do_not_keep_a_message_from_arriving() {
    let receiver = Receiver::start();
    let app = app(&sandbox(settings())).await;
    let token = log_in(&app).await;
    turn(&app, "eskiz.lose_receipts=1").await;
    let fields = [&TEXT[..], &[("callback_url", receiver.url.as_str())]].concat();
    assert_eq!(call(&app, message(&token, &fields)).await.status, 200);
    until_delivered(&app).await;
    assert_eq!(receiver.rest().await, 0);
}

#[actix_web::test]
async fn a_dropped_message_is_accepted_and_never_arrives() {
    let mut receiver = Receiver::start();
    let app = app(&sandbox(settings())).await;
    let token = log_in(&app).await;
    turn(&app, "eskiz.drop=1").await;
    let fields = [&TEXT[..], &[("callback_url", receiver.url.as_str())]].concat();
    assert_eq!(call(&app, message(&token, &fields)).await.status, 200);
    assert!(receiver.next().await.body.contains("status=ACCEPTED"));
    assert_eq!(receiver.rest().await, 0);
    assert!(messages(&app, "").await.is_empty());
}

#[actix_web::test]
async fn expired_tokens_stay_expired_and_can_be_refreshed_once_the_switch_is_off() {
    let app = app(&sandbox(settings())).await;
    let token = log_in(&app).await;
    turn(&app, "eskiz.expire_tokens=1").await;
    let stillborn = log_in(&app).await;
    for dead in [&token, &stillborn] {
        let answer = call(&app, message(dead, &TEXT)).await;
        assert_eq!((answer.status, &answer.json()["status"]), (401, &json!("token_expired")));
    }
    turn(&app, "eskiz.expire_tokens=0").await;
    assert_eq!(call(&app, message(&token, &TEXT)).await.status, 401);
    let refresh = TestRequest::patch()
        .uri("/eskiz/api/auth/refresh")
        .insert_header((header::AUTHORIZATION, format!("Bearer {token}")));
    let renewed = call(&app, refresh).await.json()["data"]["token"].as_str().unwrap().to_owned();
    assert_eq!(call(&app, message(&renewed, &TEXT)).await.status, 200);
}

#[actix_web::test]
async fn switches_are_read_and_turned_as_json_or_as_a_page() {
    let app = app(&sandbox(settings())).await;
    let body = json!({ "eskiz": { "fail": true, "delay_ms": 5 } });
    let answer = call(&app, TestRequest::post().uri("/switches").set_json(body)).await.json();
    assert_eq!((&answer["eskiz"]["fail"], &answer["eskiz"]["delay_ms"]), (&json!(true), &json!(5)));
    assert_eq!(answer["playmobile"]["fail"], false);
    assert_eq!(call(&app, TestRequest::get().uri("/switches")).await.json(), answer);

    let html = ("Accept", "text/html,*/*;q=0.8");
    let page = call(&app, TestRequest::get().uri("/switches").insert_header(html)).await;
    assert!(page.text.contains("name=\"eskiz.fail\" type=\"checkbox\" value=\"1\" checked"));
    let form = TestRequest::post().uri("/switches").insert_header(html).set_form([("eskiz.fail", "0")]);
    let saved = call(&app, form).await;
    assert_eq!(saved.status, 303);
    assert_eq!(saved.headers.get(header::LOCATION).unwrap(), "/switches");
    assert_eq!(call(&app, TestRequest::get().uri("/switches")).await.json()["eskiz"]["fail"], false);
}

#[actix_web::test]
async fn a_misspelt_switch_is_refused_by_name() {
    let app = app(&sandbox(settings())).await;
    let answer = turn(&app, "eskiz.fial=1").await;
    assert_eq!(answer.status, 400);
    assert!(answer.text.contains("eskiz.fial"));
}

#[actix_web::test]
async fn pages_of_other_sites_cannot_turn_switches() {
    let app = app(&sandbox(settings())).await;
    let form = |site: &'static str| {
        let header = ("Sec-Fetch-Site", site);
        TestRequest::post().uri("/switches").insert_header(header).set_form([("eskiz.fail", "1")])
    };
    for (site, status) in [("cross-site", 403), ("same-site", 403), ("same-origin", 200)] {
        assert_eq!(call(&app, form(site)).await.status, status, "{site}");
    }
}
