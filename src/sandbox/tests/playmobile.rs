use super::*;
use serde_json::json;

pub(super) fn request(id: &str) -> Value {
    json!({
        "priority": "realtime",
        "sms": { "originator": "3700", "ttl": 300, "content": { "text": "Kod: 123456" } },
        "messages": [{ "recipient": AZIZA, "message-id": id }],
    })
}

fn add(body: &mut Value, message: Value) {
    body["messages"].as_array_mut().unwrap().push(message);
}

pub(super) fn post(body: &Value) -> TestRequest {
    TestRequest::post()
        .uri("/playmobile/broker-api/send")
        .insert_header((header::AUTHORIZATION, "Basic c2FuZGJveDpzZWNyZXQ="))
        .set_json(body)
}

#[actix_web::test]
async fn a_request_is_received_and_its_messages_arrive() {
    let app = app(&sandbox(settings())).await;
    let mut body = request("a");
    add(
        &mut body,
        json!({
            "recipient": "998000000002", "message-id": "b", "sms": { "content": { "text": "own" } },
        }),
    );
    let answer = call(&app, post(&body)).await;
    assert_eq!((answer.status, answer.text.as_str()), (200, "Request is received"));
    let first = messages(&app, &format!("?to={AZIZA}")).await;
    assert_eq!(first.len(), 1);
    assert_eq!((&first[0]["text"], &first[0]["from"]), (&json!("Kod: 123456"), &json!("3700")));
    assert_eq!(first[0]["gateway"], "playmobile");
    assert_eq!(messages(&app, "?to=998000000002").await[0]["text"], "own");
}

#[actix_web::test]
async fn a_message_id_is_accepted_once_and_a_refused_request_sends_nothing() {
    let app = app(&sandbox(settings())).await;
    assert_eq!(call(&app, post(&request("a"))).await.status, 200);
    let mut body = request("new");
    add(&mut body, json!({ "recipient": AZIZA, "message-id": "a" }));
    let answer = call(&app, post(&body)).await;
    assert_eq!((answer.status, &answer.json()["error-code"]), (400, &json!(205)));
    assert!(answer.json()["error-description"].is_string());
    assert_eq!(messages(&app, "").await.len(), 1);
    assert_eq!(call(&app, post(&request("new"))).await.status, 200);
}

#[actix_web::test]
async fn faults_are_numbered_and_strangers_are_turned_away() {
    let app = app(&sandbox(settings())).await;
    let mut body = request("a");
    body["sms"]["content"]["text"] = json!("");
    let answer = call(&app, post(&body)).await;
    assert_eq!((answer.status, &answer.json()["error-code"]), (400, &json!(404)));
    let wrong = post(&request("a")).insert_header((header::AUTHORIZATION, "Basic c2FuZGJveDpndWVzcw=="));
    assert_eq!(call(&app, wrong).await.status, 401);
    assert!(messages(&app, "").await.is_empty());
}

#[actix_web::test]
async fn receipts_go_to_the_agreed_address_one_object_or_an_array() {
    let mut receiver = Receiver::start();
    let callback = Some(format!("{}/playmobile/", receiver.url));
    let app = app(&sandbox(Settings { playmobile_callback: callback, ..settings() })).await;
    call(&app, post(&request("a"))).await;
    for status in ["Transmitted", "Delivered"] {
        let receipt = receiver.next().await;
        assert_eq!(
            (receipt.path.as_str(), receipt.kind.as_str()),
            ("/playmobile/status", "application/json")
        );
        let body: Value = serde_json::from_str(&receipt.body).unwrap();
        assert_eq!((&body["message-id"], &body["channel"]), (&json!("a"), &json!("sms")));
        assert_eq!(body["status"], status);
        assert!(body["status-date"].as_str().unwrap().ends_with('Z'));
    }
    let mut two = request("b");
    add(&mut two, json!({ "recipient": AZIZA, "message-id": "c" }));
    call(&app, post(&two)).await;
    let body: Value = serde_json::from_str(&receiver.next().await.body).unwrap();
    assert_eq!((&body[0]["message-id"], &body[1]["message-id"]), (&json!("b"), &json!("c")));
    let body: Value = serde_json::from_str(&receiver.next().await.body).unwrap();
    assert_eq!((&body[0]["status"], &body[1]["status"]), (&json!("Delivered"), &json!("Delivered")));
    assert_eq!(receiver.rest().await, 0);
}
