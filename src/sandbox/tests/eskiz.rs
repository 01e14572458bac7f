use super::*;
use actix_web::http::Method;
use serde_json::json;

const LOGIN: [(&str, &str); 2] = [("email", "sandbox@example.uz"), ("password", "p&ss word")];

fn api(method: Method, path: &str) -> TestRequest {
    TestRequest::default().method(method).uri(&format!("/eskiz/api{path}"))
}

fn bearer(request: TestRequest, token: &str) -> TestRequest {
    request.insert_header((header::AUTHORIZATION, format!("Bearer {token}")))
}

pub(super) async fn log_in(app: &Sandboxed) -> String {
    let answer = call(app, api(Method::POST, "/auth/login").set_form(LOGIN)).await;
    assert_eq!(answer.status, 200, "{}", answer.text);
    answer.json()["data"]["token"].as_str().unwrap().to_owned()
}

pub(super) fn message(token: &str, fields: &[(&str, &str)]) -> TestRequest {
    bearer(api(Method::POST, "/message/sms/send"), token).set_form(fields)
}

pub(super) const TEXT: [(&str, &str); 3] =
    [("mobile_phone", AZIZA), ("message", "Kod: 123456\n@id.example.uz #123456"), ("from", "4546")];

#[actix_web::test]
async fn a_login_gives_a_token_that_opens_the_other_calls() {
    let app = app(&sandbox(settings())).await;
    let answer = call(&app, api(Method::POST, "/auth/login").set_form(LOGIN)).await.json();
    assert_eq!((&answer["message"], &answer["token_type"]), (&json!("token_generated"), &json!("bearer")));
    let token = answer["data"]["token"].as_str().unwrap();
    assert_eq!(token.split('.').count(), 3);

    let user = call(&app, bearer(api(Method::GET, "/auth/user"), token)).await.json();
    assert_eq!(user["data"]["email"], "sandbox@example.uz");
    let nicks = call(&app, bearer(api(Method::GET, "/nick/me"), token)).await.json();
    assert_eq!(nicks, json!(["4546"]));
    let limit = call(&app, bearer(api(Method::GET, "/user/get-limit"), token)).await.json();
    assert!(limit["data"]["balance"].is_number());
    let renewed = call(&app, bearer(api(Method::PATCH, "/auth/refresh"), token)).await.json();
    assert!(renewed["data"]["token"].is_string());
}

#[actix_web::test]
async fn wrong_credentials_are_answered_with_a_message_and_nothing_else() {
    let app = app(&sandbox(settings())).await;
    for wrong in [[("email", "sandbox@example.uz"), ("password", "guess")], [("email", ""), ("password", "")]]
    {
        let answer = call(&app, api(Method::POST, "/auth/login").set_form(wrong)).await;
        assert_eq!((answer.status, answer.json()), (401, json!({ "message": "Invalid credentials" })));
    }
}

#[actix_web::test]
async fn a_token_that_is_not_ours_must_log_in_again() {
    let app = app(&sandbox(settings())).await;
    for call_with in [api(Method::GET, "/nick/me"), bearer(api(Method::PATCH, "/auth/refresh"), "a.b.c")] {
        let answer = call(&app, call_with).await;
        assert_eq!((answer.status, &answer.json()["status"]), (401, &json!("token_invalid")));
    }
}

#[actix_web::test]
async fn a_sent_message_arrives_and_its_state_can_be_followed() {
    let app = app(&sandbox(settings())).await;
    let token = log_in(&app).await;
    let fields = [&TEXT[..], &[("user_sms_id", "m-1")]].concat();
    let answer = call(&app, message(&token, &fields)).await.json();
    assert_eq!(answer["message"], "Waiting for SMS provider");
    assert_eq!(answer["status"], "waiting");
    let id = answer["id"].as_str().unwrap();
    assert_eq!(id.len(), 36);

    let arrived = messages(&app, &format!("?to={AZIZA}")).await;
    assert_eq!(arrived.len(), 1);
    assert_eq!(arrived[0]["text"], TEXT[1].1);
    assert_eq!((&arrived[0]["from"], &arrived[0]["gateway"]), (&json!("4546"), &json!("eskiz")));
    assert_eq!((&arrived[0]["status"], &arrived[0]["parts"]), (&json!("waiting"), &json!(1)));

    until_delivered(&app).await;
    let path = format!("/message/sms/status_by_id/{id}");
    let data = call(&app, bearer(api(Method::GET, &path), &token)).await.json()["data"].clone();
    assert_eq!(data["status"], "DELIVERED");
    assert_eq!((&data["user_sms_id"], &data["request_id"]), (&json!("m-1"), &json!(id)));
    assert_eq!((&data["to"], &data["nick"]), (&json!(AZIZA), &json!("4546")));
    assert_eq!(data["parts"][0]["dlr_state"], "DELIVRD");

    let unknown = api(Method::GET, "/message/sms/status_by_id/no-such");
    assert_eq!(call(&app, bearer(unknown, &token)).await.status, 404);
}

#[actix_web::test]
async fn json_and_multipart_are_sent_as_well_as_forms() {
    let app = app(&sandbox(settings())).await;
    let token = log_in(&app).await;
    let as_json = json!({ "mobile_phone": 998_000_000_001_u64, "message": "json", "from": "4546" });
    let request = bearer(api(Method::POST, "/message/sms/send"), &token).set_json(as_json);
    assert_eq!(call(&app, request).await.status, 200);
    let parts = [("mobile_phone", AZIZA), ("message", "multipart"), ("from", "4546")]
        .map(|(name, value)| {
            format!("--b\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n{value}\r\n")
        })
        .concat();
    let request = bearer(api(Method::POST, "/message/sms/send"), &token)
        .insert_header((header::CONTENT_TYPE, "multipart/form-data; boundary=b"))
        .set_payload(format!("{parts}--b--\r\n"));
    assert_eq!(call(&app, request).await.status, 200);
    let texts: Vec<Value> = messages(&app, "").await.iter().map(|m| m["text"].clone()).collect();
    assert_eq!(texts, ["json", "multipart"]);
}

#[actix_web::test]
async fn a_message_that_cannot_be_sent_is_refused_and_does_not_arrive() {
    let app = app(&sandbox(settings())).await;
    let token = log_in(&app).await;
    let [phone, text, from] = TEXT;
    for fields in [
        vec![phone, from],
        vec![phone, text],
        vec![("mobile_phone", "+998000000001"), text, from],
        vec![("mobile_phone", "901234567"), text, from],
        vec![phone, text, ("from", "Bank")],
        vec![phone, text, from, ("callback_url", "ftp://example.uz")],
    ] {
        let answer = call(&app, message(&token, &fields)).await;
        assert_eq!((answer.status, &answer.json()["status"]), (400, &json!("error")), "{fields:?}");
    }
    assert_eq!(call(&app, message("a.b.c", &TEXT)).await.status, 401);
    assert!(messages(&app, "").await.is_empty());
}

#[actix_web::test]
async fn receipts_are_posted_as_forms_first_accepted_then_delivered() {
    let mut receiver = Receiver::start();
    let app = app(&sandbox(settings())).await;
    let token = log_in(&app).await;
    let callback = format!("{}/eskiz/secret", receiver.url);
    let long = "Ў".repeat(71);
    let fields = [
        ("mobile_phone", AZIZA),
        ("message", &long),
        ("from", "4546"),
        ("user_sms_id", "m-1"),
        ("callback_url", &callback),
    ];
    let id = call(&app, message(&token, &fields)).await.json()["id"].clone();
    for status in ["ACCEPTED", "DELIVERED"] {
        let receipt = receiver.next().await;
        assert_eq!(receipt.path, "/eskiz/secret");
        assert_eq!(receipt.kind, "application/x-www-form-urlencoded");
        let fields: std::collections::HashMap<String, String> =
            url::form_urlencoded::parse(receipt.body.as_bytes()).into_owned().collect();
        assert_eq!(fields["request_id"], id.as_str().unwrap());
        assert_eq!((fields["user_sms_id"].as_str(), fields["sms_count"].as_str()), ("m-1", "2"));
        assert_eq!((fields["phone_number"].as_str(), fields["status"].as_str()), (AZIZA, status));
        assert_eq!(fields["status_date"].len(), "2026-11-21 12:00:00".len());
        assert!(fields.contains_key("country"));
    }
    assert_eq!(receiver.rest().await, 0);
}

#[actix_web::test]
async fn past_messages_are_listed_by_page_newest_first() {
    let app = app(&sandbox(settings())).await;
    let token = log_in(&app).await;
    for text in ["one", "two", "three"] {
        call(&app, message(&token, &[TEXT[0], ("message", text), TEXT[2]])).await;
    }
    let list = |query: &str, fields: &[(&str, &str)]| {
        bearer(api(Method::POST, &format!("/message/sms/get-user-messages{query}")), &token).set_form(fields)
    };
    let years = [("start_date", "2020-01-01 00:00"), ("to_date", "2120-01-01 00:00"), ("page_size", "2")];
    let first = call(&app, list("", &years)).await.json()["data"].clone();
    assert_eq!((&first["total"], &first["last_page"]), (&json!(3), &json!(2)));
    assert_eq!(first["result"][0]["message"], "three");
    let second = call(&app, list("?page=2", &years)).await.json()["data"].clone();
    assert_eq!((&second["result"][0]["message"], &second["next_page_url"]), (&json!("one"), &Value::Null));
    let none = call(&app, list("?status=rejected", &years)).await.json()["data"].clone();
    assert_eq!(none["total"], 0);
    let past = [("start_date", "2020-01-01 00:00"), ("to_date", "2020-01-02 00:00")];
    assert_eq!(call(&app, list("", &past)).await.json()["data"]["total"], 0);
    assert_eq!(call(&app, list("", &[("start_date", "yesterday")])).await.status, 400);
}

#[actix_web::test]
async fn the_sandbox_serves_on_a_port_of_its_own_until_it_is_stopped() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let base = format!("http://{}", listener.local_addr().unwrap());
    let server = crate::sandbox::start(listener, settings()).unwrap();
    let handle = server.handle();
    let running = rt::spawn(server);
    let client = reqwest::Client::builder().no_proxy().build().unwrap();
    let form =
        LOGIN.iter().fold(reqwest::multipart::Form::new(), |form, (name, value)| form.text(*name, *value));
    let answer = client.post(format!("{base}/eskiz/api/auth/login")).multipart(form).send().await.unwrap();
    assert_eq!(answer.status(), 200);
    handle.stop(true).await;
    running.await.unwrap().unwrap();
}
