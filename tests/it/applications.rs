//! Applications that people confirm (R67, R68, R69, R72): what a service may ask, by what a person confirms it, and the receipt.

use serde_json::{Value, json};

use crate::ciba::Message;
use crate::support::client_file::{APPLICANT, COUNTER};
use crate::support::flow::redemption;
use crate::support::servers::empty_redis;
use crate::support::wait::until;
use crate::support::{
    Asked, Backend, Browser, Page, Person, Setup, Tokens, World, alone_on_both_backends, code_of, jwt,
    on_both_backends, param,
};

on_both_backends!(
    r68_an_application_is_confirmed_by_a_code_of_its_own_and_gives_a_receipt,
    r68_no_session_and_no_button_confirms_an_application,
    r69_a_code_confirms_its_own_application_and_nothing_else,
    r71_refusing_an_application_leaves_nothing,
    r67_an_application_is_confirmed_where_the_service_is_elsewhere,
    rfc9396_5_what_is_no_application_is_refused_wherever_it_is_sent,
);

alone_on_both_backends!(a_receipt_lasts_and_there_is_one);

const SCOPE: (&str, &str) = ("scope", "openid");

/// An application, with members in place of the usual ones.
fn application(more: &Value) -> Value {
    let mut object = json!({
        "type": "application", "title": "Bolalar bogʻchasiga ariza", "title#en": "Application for a kindergarten",
        "summary": "Child: born in 2022\nKindergarten: No. 17", "reference": "AB-2026/17",
        "document_hash": {"alg": "sha-256", "value": "LPJNul-wow4m6DsqxbninhsWHlwfp0JecwQzYpOLmCQ"},
    });
    for (name, value) in more.as_object().expect("an object") {
        match value {
            Value::Null => drop(object.as_object_mut().expect("an object").remove(name)),
            value => object[name] = value.clone(),
        }
    }
    object
}

fn details() -> String {
    json!([application(&json!({}))]).to_string()
}

fn asking() -> Asked {
    Asked::by(APPLICANT)
        .with("scope", "openid")
        .and("authorization_details", &details())
        .and("ui_locales", "en")
}

/// Goes from a request to the page that shows the application.
async fn shown(world: &World, browser: &mut Browser, asked: &Asked, person: &Person) -> Page {
    let page = browser.begin_with_number(world, asked, person).await;
    let code = world.sandbox.next_code(person).await;
    browser.enter_code(&page, &code).await.page().expect("application").expect("allow")
}

/// The message with the code that confirms, and the page where it is entered.
async fn sent(world: &World, browser: &mut Browser, page: &Page, person: &Person) -> (Page, String, String) {
    let page = browser.press(page, "allow", &[]).await.page().expect("code").expect("code-data");
    let message = world.sandbox.next_message(person).await;
    let text = message["text"].as_str().expect("a text").to_owned();
    assert_eq!(message["parts"], 1, "{message}");
    let code = crate::support::sandbox::code_in(&text);
    (page, text, code)
}

fn receipt(tokens: &Tokens) -> String {
    tokens.body["authorization_details"][0]["receipt"].as_str().expect("a receipt").to_owned()
}

fn receipts(world: &World, person: &Person) -> Vec<Value> {
    let told = world.command(&["receipts", "list", &person.number, "--format", "json"]);
    let told: Value = serde_json::from_str(&told).expect("JSON");
    told["receipts"].as_array().expect("a list").clone()
}

/// R67: the person keeps the receipt, too, and nobody else gets it.
async fn kept_by_its_person_alone(world: &World, browser: &mut Browser) {
    let page = browser.cabinet("/cabinet/receipts").await;
    let text = page.text();
    assert!(text.contains("Application for a kindergarten") && text.contains("AB-2026/17"), "{text}");
    let link = page.links().into_iter().find(|link| link.href.starts_with("/cabinet/receipts/"));
    let link = link.expect("a receipt").href;
    let file = browser.open(&link).await.page().expect_status(200);
    assert!(file.header("content-disposition").contains("attachment"));
    assert_eq!(jwt::read(&file.body).claims["application"]["reference"], "AB-2026/17");
    let mut other = world.browser();
    other.enter_cabinet(world, "/cabinet/receipts", &world.person()).await.expect("empty");
    assert_eq!(other.open(&link).await.page().status, 404);
}

async fn r68_an_application_is_confirmed_by_a_code_of_its_own_and_gives_a_receipt(world: &World) {
    let person = world.person();
    let mut browser = world.browser();
    let pushed = world.pushed(&asking()).await;
    let page = shown(world, &mut browser, &pushed, &person).await;
    let text = page.text();
    for words in [
        "Applicant",
        "The owner of Applicant",
        "Application for a kindergarten",
        "Child: born in 2022",
        "Kindergarten: No. 17",
        "AB-2026/17",
        "2CF2 4DBA 5FB0 A30E",
    ] {
        assert!(text.contains(words), "{words}: {text}");
    }
    let (page, text, code) = sent(world, &mut browser, &page, &person).await;
    assert!(text.starts_with("Office: confirm application AB-2026/17 by code "), "{text}");
    assert!(page.text().contains("Application for a kindergarten"), "{page}");
    let url = browser.enter_code(&page, &code).await.away();
    let tokens = world.redeem(APPLICANT, &code_of(&url)).await.granted();

    // The answer has what was asked for, and the receipt.
    let told = &tokens.body["authorization_details"];
    let mut asked = application(&json!({}));
    asked["receipt"] = receipt(&tokens).into();
    assert_eq!(*told, json!([asked]));
    // It verifies by the published keys alone.
    let discovery = world.json("/.well-known/openid-configuration").await;
    let at = discovery["application_receipts_jwks_uri"].as_str().expect("an address");
    let keys = world.json(at.split_once("/receipts").map(|(_, _)| "/receipts/jwks").expect("a path")).await;
    let verified = jwt::verify(&receipt(&tokens), &keys);
    assert_eq!(
        (&verified.header["typ"], &verified.header["alg"]),
        (&"application-receipt+jwt".into(), &"ES256".into())
    );
    let claims = verified.claims;
    let id_token = jwt::read(tokens.get("id_token")).claims;
    assert_eq!(
        (&claims["iss"], &claims["aud"], &claims["sub"]),
        (&id_token["iss"], &APPLICANT.into(), &id_token["sub"])
    );
    assert_eq!((&claims["acr"], &claims["amr"]), (&id_token["acr"], &id_token["amr"]));
    assert_eq!(claims["method"], "sms_code");
    assert_eq!(claims["application"]["document_hash"], application(&json!({}))["document_hash"]);
    assert_eq!(claims["application"]["title"]["en"], "Application for a kindergarten");
    assert_eq!(claims["application"]["reference"], "AB-2026/17");
    assert!(claims["iat"].as_i64() >= claims["confirmed_at"].as_i64(), "{claims}");
    assert!(
        world.keys().await["keys"]
            .as_array()
            .expect("keys")
            .iter()
            .all(|key| key["kid"] != verified.header["kid"])
    );

    // The person has the same one, and it is told of in the ledger and in a notice.
    let kept = receipts(world, &person);
    assert_eq!((kept.len(), &kept[0]["receipt"]), (1, &receipt(&tokens).into()));
    let id = kept[0]["receipt_id"].as_str().expect("an identifier");
    assert_eq!(world.command(&["receipts", "show", id]).trim(), receipt(&tokens));
    let told = "SELECT COUNT(*) FROM notices n JOIN application_receipts r ON r.person_id = n.person_id \
                WHERE r.receipt_id = $1 AND n.kind = 'application_confirmed'";
    assert_eq!(world.stored_for(told, id).await, 1);
    let told = "SELECT COUNT(*) FROM ledger_entries l JOIN application_receipts r ON r.person_id = l.person_id \
                WHERE r.receipt_id = $1 AND l.leaf LIKE '%\"contract\":\"sandbox\"%'";
    assert_eq!(world.stored_for(told, id).await, 1);
    // No consent comes of it, and the code redeems once.
    assert!(world.command(&["consents", "list", &person.number]).contains("no consents"));
    world.redeem(APPLICANT, &code_of(&url)).await.refused(400, "invalid_grant");
    assert_eq!(receipts(world, &person).len(), 1);
    let row = until("its event", async || {
        let rows = world.audit_rows().await;
        rows.into_iter()
            .find(|row| row.event == "application.confirmed" && row.content["client.id"] == APPLICANT)
    });
    let row = row.await;
    assert!(row.content["person.id"].is_string() && row.content["grant.id"].is_string(), "{row:?}");

    // Anybody verifies it without this provider.
    let (file, set, document) = (
        world.folder.file("receipt.jws"),
        world.folder.file("receipt-keys.json"),
        world.folder.file("document"),
    );
    std::fs::write(&file, receipt(&tokens)).expect("a file");
    std::fs::write(&set, keys.to_string()).expect("a file");
    std::fs::write(&document, "hello").expect("a file");
    let (file, set, document) =
        (file.display().to_string(), set.display().to_string(), document.display().to_string());
    let verify = ["receipts", "verify", &file, "--keys", &set];
    let said = world.command(&[&verify[..], &["--document", &document]].concat());
    assert!(said.contains("The receipt is valid") && said.contains("AB-2026/17"), "{said}");
    std::fs::write(&document, "hello!").expect("a file");
    assert!(!world.try_command(&[&verify[..], &["--document", &document]].concat()).status.success());
    for other in [tokens.get("id_token").to_owned(), receipt(&tokens).replacen('.', ".e", 1)] {
        std::fs::write(&file, other).expect("a file");
        assert!(!world.try_command(&verify).status.success());
    }
    kept_by_its_person_alone(world, &mut browser).await;
}

async fn r68_no_session_and_no_button_confirms_an_application(world: &World) {
    let person = world.person();
    let mut browser = world.browser();
    // A session, and a consent that covers everything; the registration lets a button permit a release.
    browser.sign_in(world, &Asked::by(APPLICANT).with("scope", "openid profile"), &person).await;
    let silent = browser.begin(world, &asking().and("prompt", "none")).await.away();
    assert_eq!(param(&silent, "error").as_deref(), Some("interaction_required"));
    let page = browser.begin(world, &asking()).await.page().expect("continue");
    assert!(page.text().contains("the application that you are to confirm"), "{page}");
    let page = browser.press(&page, "continue", &[]).await.page().expect("application").expect("allow");
    let (page, _, code) = sent(world, &mut browser, &page, &person).await;
    // Wrong codes are counted, and the page before is shown again without undoing anything.
    let wrong = if code == "111111" { "222222" } else { "111111" };
    let page = browser.enter_code(&page, wrong).await.page().expect("code-error");
    let again = browser.get(&page.link("change-choice")).await.page().expect("application");
    let page = browser.press(&again, "allow", &[]).await.page().expect("code");
    let url = browser.enter_code(&page, &code).await.away();
    let tokens = world.redeem(APPLICANT, &code_of(&url)).await.granted();
    assert!(!receipt(&tokens).is_empty());
    // What was asked for is confirmed once: the next one needs a code again.
    let page = browser.begin(world, &asking()).await.page().expect("continue");
    browser.press(&page, "continue", &[]).await.page().expect("application");
    assert_eq!(receipts(world, &person).len(), 1);
    // Another page than the one that is shown confirms nothing.
    let page = browser.begin(world, &asking()).await.page().expect("continue");
    let page = browser.press(&page, "continue", &[]).await.page().expect("application");
    let form = page.form("allow");
    let url = page.url.join(&form.action).expect("a URL");
    let forged = [("decision".to_owned(), "allow".to_owned()), ("shown".to_owned(), "another".to_owned())];
    browser.post(&url, &forged).await.page().expect("application").expect("changed");
    world.nothing_more_came(&[&person]).await;
}

async fn r69_a_code_confirms_its_own_application_and_nothing_else(world: &World) {
    let person = world.person();
    let mut browser = world.browser();
    let page = browser.begin_with_number(world, &asking(), &person).await;
    let signs_in = world.sandbox.next_code(&person).await;
    let page = browser.enter_code(&page, &signs_in).await.page().expect("application");
    let (page, _, confirms) = sent(world, &mut browser, &page, &person).await;
    assert_ne!(signs_in, confirms, "one in a million");
    browser.enter_code(&page, &signs_in).await.page().expect("code-error");
    // Nor does a code of a request to approve, nor the other way round.
    let asked = [SCOPE, ("login_hint", person.number.as_str()), ("ui_locales", "en")];
    world.post_as(COUNTER, "/oidc/bc-authorize", &asked).await.granted();
    let approval = world.approval_message(&person).await;
    browser.enter_code(&page, approval.code()).await.page().expect("code-error");
    let mut other = world.browser();
    let request = other.open(&format!("/a/{}", approval.reference())).await.page().expect("allow");
    other.press(&request, "allow", &[("code", &confirms)]).await.page().expect("code-error");
    browser.enter_code(&page, &confirms).await.away();
}

async fn r71_refusing_an_application_leaves_nothing(world: &World) {
    let person = world.person();
    let mut browser = world.browser();
    let wide = world.tokens(&Asked::by(APPLICANT).with("scope", "openid profile"), &person).await;
    let before = world.command(&["consents", "list", &person.number]);
    let page = shown(world, &mut browser, &asking(), &person).await;
    let url = browser.press(&page, "deny", &[]).await.away();
    assert_eq!(param(&url, "error").as_deref(), Some("access_denied"));
    let page = browser.begin(world, &asking()).await.page().expect("continue");
    let page = browser.press(&page, "continue", &[]).await.page().expect("application");
    let (page, ..) = sent(world, &mut browser, &page, &person).await;
    let url = browser.get(&page.link("cancel")).await.away();
    assert_eq!(param(&url, "error").as_deref(), Some("access_denied"));
    assert!(receipts(world, &person).is_empty());
    assert_eq!(world.command(&["consents", "list", &person.number]), before);
    assert_eq!(world.userinfo(wide.get("access_token")).await.status, 200);
}

/// Asks a person elsewhere, and gives the message that they got.
async fn asked_elsewhere(world: &World, person: &Person, language: &str) -> (Tokens, Message) {
    let details = details();
    let fields = [
        SCOPE,
        ("login_hint", person.number.as_str()),
        ("authorization_details", &details),
        ("ui_locales", language),
        ("binding_message", "Talon 17"),
    ];
    let asked = world.post_as(APPLICANT, "/oidc/bc-authorize", &fields).await.granted();
    (asked, world.approval_message(person).await)
}

async fn polled(world: &World, asked: &Tokens) -> Tokens {
    let grant = "urn:openid:params:grant-type:ciba";
    world
        .post_as(
            APPLICANT,
            "/oidc/token",
            &[("grant_type", grant), ("auth_req_id", asked.get("auth_req_id"))],
        )
        .await
}

async fn r67_an_application_is_confirmed_where_the_service_is_elsewhere(world: &World) {
    let person = world.person();
    let (asked, message) = asked_elsewhere(world, &person, "ru").await;
    // One segment, in Latin letters where Cyrillic ones leave no room, and it names the application.
    assert!(
        message.text().contains("zayavlen") && message.text().contains("AB-2026/17"),
        "{}",
        message.text()
    );
    let mut browser = world.browser();
    let page =
        browser.open(&format!("/a/{}?lang=en", message.reference())).await.page().expect("application");
    for words in
        ["Confirm your application?", "Application for a kindergarten", "AB-2026/17", "Talon 17", "Applicant"]
    {
        assert!(page.text().contains(words), "{words}: {page}");
    }
    browser.press(&page, "allow", &[]).await.page().expect("code-error");
    let wrong = if message.code() == "111111" { "222222" } else { "111111" };
    browser.press(&page, "allow", &[("code", wrong)]).await.page().expect("code-error");
    browser.press(&page, "allow", &[("code", message.code())]).await.page().expect("approval-done");
    let tokens = polled(world, &asked).await.granted();
    let claims = jwt::verify(&receipt(&tokens), &world.json("/receipts/jwks").await).claims;
    assert_eq!(claims["application"]["reference"], "AB-2026/17");
    assert_eq!(claims["sub"], jwt::read(tokens.get("id_token")).claims["sub"]);
    assert_eq!(receipts(world, &person).len(), 1);
    assert!(world.command(&["consents", "list", &person.number]).contains("no consents"));
    // Refusing needs the code as well, and leaves nothing.
    let (asked, message) = asked_elsewhere(world, &person, "uz-Cyrl").await;
    let page = browser.open(&format!("/a/{}", message.reference())).await.page().expect("application");
    let page =
        browser.press(&page, "deny", &[("code", message.code())]).await.page().expect("approval-refused");
    polled(world, &asked).await.refused(400, "access_denied");
    assert_eq!(receipts(world, &person).len(), 1);
    // The service is muted by the code of such a message as by any other.
    browser.press(&page, "mute", &[("code", message.code())]).await.page().expect("approval-muted");
    world.command(&["people", "unmute", &person.number, APPLICANT]);
}

async fn rfc9396_5_what_is_no_application_is_refused_wherever_it_is_sent(world: &World) {
    let person = world.person();
    let refused = async |details: &str, more: &[(&str, &str)], words: &str| {
        let mut asked = Asked::by(APPLICANT).with("scope", "openid").and("authorization_details", details);
        let mut fields =
            vec![SCOPE, ("login_hint", person.number.as_str()), ("authorization_details", details)];
        for (name, value) in more {
            asked = asked.with(name, value);
            fields.retain(|(field, _)| field != name);
            fields.push((name, value));
        }
        for answer in
            [world.push(&asked).await, world.post_as(APPLICANT, "/oidc/bc-authorize", &fields).await]
        {
            answer.refused(400, "invalid_authorization_details");
            let why = answer.get("error_description");
            assert!(why.contains(words) && why.is_ascii() && !why.contains(['"', '\\']), "{words}: {why}");
        }
    };
    let long = "x".repeat(101);
    for (member, bad, words) in [
        ("colour", json!("red"), "unknown member"),
        ("title#de", json!("Antrag"), "unknown member"),
        ("title", Value::Null, "title must be"),
        ("title", json!(long), "title must be"),
        ("title", json!("two\nlines"), "title must be"),
        ("title#ru", json!("\u{202e}"), "title must be"),
        ("summary", json!(""), "summary must be"),
        ("summary", json!("x\n".repeat(12) + "x"), "summary must be"),
        ("summary#ru", json!(5), "summary must be"),
        ("document_hash", json!("x"), "document_hash must be"),
        ("document_hash", json!({"alg": "md5", "value": "x"}), "document_hash must be"),
        ("document_hash", json!({"alg": "sha-256", "value": "x"}), "document_hash must be"),
        ("reference", Value::Null, "reference must be"),
        ("reference", json!("123456"), "reference must be"),
        ("reference", json!("901234567"), "reference must be"),
        ("reference", json!("evil.uz"), "reference must be"),
        ("reference", json!("x".repeat(25)), "reference must be"),
    ] {
        refused(&json!([application(&json!({ member: bad }))]).to_string(), &[], words).await;
    }
    let one = application(&json!({}));
    refused(&json!([one, one]).to_string(), &[], "stands alone").await;
    refused(&json!([one]).to_string(), &[("scope", "openid profile")], "asks for no data").await;
    refused(&json!([one]).to_string(), &[("scope", "openid offline_access")], "asks for no data").await;
    // A client that did not register it, and a device.
    let details = json!([one]).to_string();
    let other = Asked::by(COUNTER).with("scope", "openid").and("authorization_details", &details);
    world.push(&other).await.refused(400, "invalid_authorization_details");
    let device = [SCOPE, ("authorization_details", details.as_str())];
    let answer = world.post_as(APPLICANT, "/oidc/device_authorization", &device).await;
    answer.refused(400, "invalid_authorization_details");
    world.nothing_more_came(&[&person]).await;
}

async fn a_receipt_lasts_and_there_is_one(setup: Setup) {
    let mut world = setup.start().await;
    let person = world.person();
    let (asked, message) = asked_elsewhere(&world, &person, "en").await;
    let mut browser = world.browser();
    let page = browser.open(&format!("/a/{}", message.reference())).await.page().expect("application");
    browser.press(&page, "allow", &[("code", message.code())]).await.page().expect("approval-done");
    let before = world.json("/receipts/jwks").await;
    world.nodes[0].running.kill();
    if let Some(redis) = world.place().redis {
        empty_redis(&redis).await.expect("an empty Redis");
    }
    world.start_again().await;
    let tokens = polled(&world, &asked).await.granted();
    polled(&world, &asked).await.refused(400, "invalid_grant");
    assert_eq!(world.stored("SELECT COUNT(*) FROM application_receipts").await, 1);
    let receipt = receipt(&tokens);
    jwt::verify(&receipt, &before);
    // A key that succeeds another signs from its time on, and both stay published.
    world.command(&["receipts", "rotate", "--active-in", "0"]);
    let keys = until("the new key", async || {
        let keys = world.json("/receipts/jwks").await;
        (keys["keys"].as_array().expect("keys").len() == 2).then_some(keys)
    });
    let keys = keys.await;
    jwt::verify(&receipt, &keys);
    let (asked, message) = asked_elsewhere(&world, &person, "en").await;
    let page = browser.open(&format!("/a/{}", message.reference())).await.page().expect("application");
    browser.press(&page, "allow", &[("code", message.code())]).await.page().expect("approval-done");
    let tokens = polled(&world, &asked).await.granted();
    let second = jwt::verify(&self::receipt(&tokens), &keys);
    assert_ne!(second.header["kid"], jwt::read(&receipt).header["kid"]);
    assert_eq!(world.command(&["receipts", "keys"]).lines().count(), 2);
    assert_eq!(receipts(&world, &person).len(), 2);
}

#[tokio::test]
async fn a_redemption_that_nobody_was_told_of_makes_no_second_receipt() {
    let world = Setup::new(Backend::Servers).relayed().start().await;
    let (postgres, _) = world.relays.as_ref().expect("relays");
    let person = world.person();
    let mut browser = world.browser();
    let page = shown(&world, &mut browser, &asking(), &person).await;
    let (page, _, code) = sent(&world, &mut browser, &page, &person).await;
    let code = code_of(&browser.enter_code(&page, &code).await.away());
    world
        .change_database(
            "DO $do$ BEGIN CREATE FUNCTION hold() RETURNS trigger LANGUAGE plpgsql AS $f$ \
             BEGIN PERFORM pg_advisory_xact_lock(7); RETURN NULL; END $f$; \
             CREATE CONSTRAINT TRIGGER hold AFTER INSERT ON application_receipts \
             DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION hold(); END $do$",
        )
        .await;
    let lock = world.lock_by("SELECT pg_advisory_xact_lock(7)").await;
    let outage = async {
        world.until_waiting(1).await;
        postgres.mute();
        lock.release().await;
    };
    let redeemed = async {
        let answer = world.post_as(APPLICANT, "/oidc/token", &redemption(&code)).await;
        postgres.restore();
        answer
    };
    let (answer, ()) = tokio::join!(redeemed, outage);
    answer.refused(503, "temporarily_unavailable");
    world.until_stored("SELECT COUNT(*) FROM application_receipts", 1).await;
    let tokens = until("the database", async || {
        let answer = world.post_as(APPLICANT, "/oidc/token", &redemption(&code)).await;
        (answer.status == 200).then_some(answer)
    })
    .await;
    let kept = receipts(&world, &person);
    assert_eq!((kept.len(), &kept[0]["receipt"]), (1, &receipt(&tokens).into()));
    for table in [
        "SELECT COUNT(*) FROM notices WHERE kind = 'application_confirmed'",
        "SELECT COUNT(*) FROM ledger_entries",
    ] {
        assert_eq!(world.stored(table).await, 1, "{table}");
    }
}

#[tokio::test]
async fn a_receipt_that_cannot_be_stored_is_not_given() {
    let world = Setup::new(Backend::Embedded).start().await;
    let person = world.person();
    let (asked, message) = asked_elsewhere(&world, &person, "en").await;
    let mut browser = world.browser();
    let page = browser.open(&format!("/a/{}", message.reference())).await.page().expect("application");
    browser.press(&page, "allow", &[("code", message.code())]).await.page().expect("approval-done");
    for (table, refuse) in [
        (
            "ledger",
            "CREATE TRIGGER r BEFORE INSERT ON ledger_entries BEGIN SELECT RAISE(ABORT, 'refused'); END",
        ),
        ("notices", "CREATE TRIGGER r BEFORE INSERT ON notices BEGIN SELECT RAISE(ABORT, 'refused'); END"),
        (
            "receipts",
            "CREATE TRIGGER r BEFORE INSERT ON application_receipts BEGIN SELECT RAISE(ABORT, 'refused'); END",
        ),
    ] {
        world.change_database(refuse).await;
        assert_eq!(polled(&world, &asked).await.status, 500, "{table}");
        world.change_database("DROP TRIGGER r").await;
    }
    assert_eq!(world.stored("SELECT COUNT(*) FROM grants").await, 0);
    polled(&world, &asked).await.granted();
}
