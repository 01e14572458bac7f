use super::eskiz::{TEXT, log_in, message};
use super::*;
use serde_json::json;

#[actix_web::test]
async fn people_are_listed_in_the_order_given() {
    let app = app(&sandbox(settings())).await;
    let people = call(&app, TestRequest::get().uri("/people")).await.json();
    assert_eq!(
        people[0],
        json!({ "phone": AZIZA, "pinfl": "30101902040015", "name": "Karimova Aziza", "about": "Enrolled, ordinary" })
    );
    assert_eq!(people.as_array().unwrap().len(), 2);
}

#[actix_web::test]
async fn messages_are_found_by_number_and_moment_and_can_be_cleared() {
    let app = app(&sandbox(settings())).await;
    let token = log_in(&app).await;
    call(&app, message(&token, &TEXT)).await;
    let first = messages(&app, "?to=%2B998+00+000-00-01").await;
    assert_eq!(first.len(), 1);
    assert!(messages(&app, "?to=998000000002").await.is_empty());
    assert_eq!(messages(&app, &format!("?since={}", first[0]["at"].as_str().unwrap())).await.len(), 1);
    assert!(messages(&app, "?since=2120-01-01T00:00:00.000Z").await.is_empty());
    assert_eq!(call(&app, TestRequest::get().uri("/messages?since=noon")).await.status, 400);

    let cleared = call(&app, TestRequest::delete().uri("/messages")).await;
    assert_eq!(cleared.status, 204);
    assert!(messages(&app, "").await.is_empty());
}

#[actix_web::test]
async fn the_phone_shows_its_messages_escaped_with_the_code_to_copy() {
    let app = app(&sandbox(settings())).await;
    let token = log_in(&app).await;
    let text = "<script>alert(1)</script> & kod\n@id.example.uz #654321";
    call(&app, message(&token, &[TEXT[0], ("message", text), TEXT[2]])).await;
    let page = call(&app, TestRequest::get().uri(&format!("/phone?number={AZIZA}"))).await;
    assert_eq!(page.status, 200);
    assert!(!page.text.contains("<script>alert"));
    assert!(page.text.contains("alert(1)"));
    assert!(page.text.contains("translate=\"no\">654321</span>"));
    assert!(page.text.contains("id=\"messages\"") && page.text.contains("id=\"number\""));
    assert!(!page.text.contains("<b>Bobur</b>"));
    let other = call(&app, TestRequest::get().uri("/phone?number=998000000002")).await;
    assert!(!other.text.contains("654321") && other.text.contains("No messages yet"));
}

#[actix_web::test]
async fn a_phone_without_a_number_is_the_first_persons_and_without_a_script_it_reloads() {
    let app = app(&sandbox(settings())).await;
    let page = call(&app, TestRequest::get().uri("/phone")).await.text;
    assert!(page.contains(&format!("data-number=\"{AZIZA}\"")));
    assert!(page.contains("<noscript><meta http-equiv=\"refresh\" content=\"2\"></noscript>"));
    let nobodys = call(&app, TestRequest::get().uri("/phone?number=%2B998901234567")).await.text;
    assert!(nobodys.contains("<option value=\"998901234567\" selected>"));
    let deserted = Settings { people: Vec::new(), ..settings() };
    let app = super::app(&sandbox(deserted)).await;
    assert_eq!(call(&app, TestRequest::get().uri("/phone")).await.status, 200);
}

#[actix_web::test]
async fn every_page_forbids_code_from_elsewhere_and_its_files_exist() {
    let app = app(&sandbox(settings())).await;
    let pages = ["/", "/phone", "/switches", "/registers", "/registry-people", "/invoices", "/eimzo-app"];
    for (path, status) in pages.map(|path| (path, 200)).into_iter().chain([("/nowhere", 404)]) {
        let html = (header::ACCEPT, "text/html");
        let page = call(&app, TestRequest::get().uri(path).insert_header(html)).await;
        assert_eq!(page.status, status, "{path}");
        let policy = page.headers.get("Content-Security-Policy").unwrap().to_str().unwrap();
        assert!(policy.starts_with("default-src 'none'") && !policy.contains("unsafe"));
        assert!(!page.text.contains("style=") && !page.text.contains("onclick"));
        for file in page.text.split(['"']).filter(|word| word.starts_with("/static/")) {
            assert_eq!(call(&app, TestRequest::get().uri(file)).await.status, 200, "{file}");
        }
    }
}
