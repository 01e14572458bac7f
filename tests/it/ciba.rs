//! Asking people who are not at the service's site (CIBA Core 1.0): what services ask, what people get and decide, and what
//! services are told.

use std::collections::BTreeSet;

use futures_util::future::join_all;
use serde_json::{Value, json};
use yagona::platform::jose::Alg;

use crate::support::client_file::{API, API_URI, BODY, CASHIER, COUNTER, NATIVE, REGISTRY, SHOP, TAX};
use crate::support::people::Kind;
use crate::support::sandbox::code_in;
use crate::support::signing::{sign, unsigned};
use crate::support::wait::until;
use crate::support::{
    Asked, Backend, Browser, Page, Person, Setup, Tokens, World, alone_on_both_backends, jwt,
    on_both_backends,
};

mod bounds;
mod by_sms;
mod decisions;
pub(crate) mod pings;

on_both_backends!(
    ciba_7_a_person_approves_at_a_page_of_any_browser_and_the_service_polls,
    ciba_7_1_what_a_service_may_not_ask_is_refused,
    ciba_7_1_1_a_signed_request_holds_all_and_is_used_once,
    ciba_7_1_a_hint_names_a_person_and_tells_nothing_of_them,
    ciba_11_a_service_is_told_what_the_person_decided,
    r69_a_code_approves_its_own_request_and_nothing_else,
    an_approval_releases_what_its_page_listed_and_changes_nothing_else,
    a_law_is_recorded_where_it_lets_a_body_have_data,
    what_was_ticked_stays_when_a_code_is_wrong,
    who_did_not_enter_the_code_decides_nothing,
    a_service_may_refresh_and_name_its_resource_server,
);

const PATH: &str = "/oidc/bc-authorize";
const GRANT: &str = "urn:openid:params:grant-type:ciba";

/// The message that a request led to.
pub(crate) struct Message {
    pub(crate) reference: String,
    code: String,
    text: String,
}

impl Message {
    /// What the address in it ends with.
    pub(crate) fn reference(&self) -> &str {
        &self.reference
    }

    pub(crate) fn code(&self) -> &str {
        &self.code
    }

    pub(crate) fn text(&self) -> &str {
        &self.text
    }
}

impl World {
    /// What a service gets that asks.
    async fn asks(&self, client: &str, fields: &[(&str, &str)]) -> Tokens {
        self.post_as(client, PATH, fields).await
    }

    /// Asks a person for a scope; it must be taken.
    pub(crate) async fn asks_for(&self, client: &str, scope: &str, person: &Person) -> Tokens {
        self.asks(client, &[("scope", scope), ("login_hint", &person.number)]).await.granted()
    }

    /// What a service gets that asks whether there is an answer.
    pub(crate) async fn polled(&self, client: &str, asked: &Tokens) -> Tokens {
        self.polled_at(self.nodes[0].port, client, asked.get("auth_req_id")).await
    }

    pub(crate) async fn polled_at(&self, port: u16, client: &str, id: &str) -> Tokens {
        self.post_at(port, client, "/oidc/token", &[("grant_type", GRANT), ("auth_req_id", id)]).await
    }

    /// The next message on a phone, which must be one of a request to approve.
    pub(crate) async fn approval_message(&self, person: &Person) -> Message {
        let message = self.sandbox.next_message(person).await;
        let text = message["text"].as_str().expect("a text").to_owned();
        let host = self.issuer.as_str().trim_start_matches("http://");
        let (_, rest) = text.split_once(&format!("{host}a/")).unwrap_or_else(|| panic!("no address: {text}"));
        let reference = rest[..8].to_owned();
        assert!(message["parts"] == 1 && reference.bytes().all(|b| b.is_ascii_uppercase()), "{message}");
        Message { reference, code: code_in(&text), text }
    }
}

impl Browser {
    /// Opens the page of a request.
    pub(crate) async fn open_request(&mut self, message: &Message) -> Page {
        self.open(&format!("/a/{}", message.reference)).await.page()
    }

    /// Decides on the page of a request, with everything ticked.
    pub(crate) async fn decides(&mut self, message: &Message, button: &str) -> Page {
        let page = self.open_request(message).await.expect_status(200).expect("code");
        self.decides_on(&page, button, &message.code).await
    }

    pub(crate) async fn decides_on(&mut self, page: &Page, button: &str, code: &str) -> Page {
        let boxes: Vec<String> = page
            .form(button)
            .controls
            .into_iter()
            .filter(|it| it.kind == "checkbox")
            .map(|it| it.id)
            .collect();
        let ticked = boxes.iter().map(|id| (id.as_str(), crate::support::html::TICKED));
        let typed: Vec<(&str, &str)> = ticked.chain([("code", code)]).collect();
        self.press(page, button, &typed).await.page()
    }
}

fn now() -> i64 {
    time::OffsetDateTime::now_utc().unix_timestamp()
}

fn unique() -> String {
    static NEXT: std::sync::atomic::AtomicU64 = std::sync::atomic::AtomicU64::new(0);
    format!("{}-{}", now(), NEXT.fetch_add(1, std::sync::atomic::Ordering::Relaxed))
}

fn other_code(code: &str) -> &'static str {
    if code == "111111" { "222222" } else { "111111" }
}

async fn ciba_7_a_person_approves_at_a_page_of_any_browser_and_the_service_polls(world: &World) {
    let person = world.person();
    let local = format!("{} {}", &person.number[3..5], &person.number[5..]);
    let fields = [
        ("scope", "openid profile phone unknown"),
        ("login_hint", local.as_str()),
        ("binding_message", "Талон <b>17</b>"),
        ("acr_values", "urn:yagona:acr:mobile-id"),
        ("ui_locales", "en"),
    ];
    let asked = world.asks(COUNTER, &fields).await.granted();
    assert_eq!(asked.headers["cache-control"], "no-store");
    let id = asked.get("auth_req_id");
    assert!(id.len() == 43 && id.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_".contains(&b)), "{id}");
    assert_eq!((&asked.body["expires_in"], &asked.body["interval"]), (&300.into(), &5.into()));
    assert_eq!(asked.body.as_object().expect("an object").len(), 3, "{}", asked.body);
    let message = world.approval_message(&person).await;
    assert!(message.text.starts_with("Counter asks you to approve: code "), "{}", message.text);

    // The page says who asks for what, and nothing of the person.
    let mut browser = world.browser();
    let page = browser.open_request(&message).await.expect_status(200).expect("binding-message");
    let text = page.text();
    for words in
        ["Counter", "The owner of Counter", "Талон <b>17</b>", "To serve you", "Name", "To address you"]
    {
        assert!(text.contains(words), "{words}: {text}");
    }
    assert!(page.has("datum-phone") && page.has("datum-birth_date") && !page.has("datum-name"), "{page}");
    assert!(!page.body.contains(&person.number[3..]) && !page.body.contains("<b>17"), "{page}");
    let done = browser.decides_on(&page, "allow", &message.code).await.expect_status(200);
    assert!(done.expect("approval-done").text().contains("Go back to the service"));
    // The same form again tells the same.
    browser.decides_on(&page, "allow", &message.code).await.expect("approval-done");
    // No session comes of it.
    let cookies: BTreeSet<String> = browser.cookies().into_keys().collect();
    assert!(cookies.iter().all(|name| !name.contains("session") && !name.contains("known")), "{cookies:?}");

    let tokens = world.polled(COUNTER, &asked).await.granted();
    assert_eq!((tokens.get("token_type"), tokens.get("scope")), ("Bearer", "openid profile phone"));
    let told = world.userinfo(tokens.get("access_token")).await.granted().body;
    assert_eq!(told["phone_number"], format!("+{}", person.number), "{told}");
    let claims = jwt::read(tokens.get("id_token")).claims;
    assert_eq!((&claims["sub"], &claims["aud"]), (&told["sub"], &COUNTER.into()), "{claims}");
    assert_eq!(claims["acr"], "urn:yagona:acr:mobile-id");
    assert_eq!(claims["amr"], json!(["sms", "otp"]));
    assert!((0..=60).contains(&(now() - claims["auth_time"].as_i64().expect("a time"))), "{claims}");
    for none in ["sid", "nonce", "urn:openid:params:jwt:claim:auth_req_id"] {
        assert!(claims.get(none).is_none(), "{none}: {claims}");
    }
    // It works once; the page still says what was decided.
    world.polled_at(world.nodes[0].port, CASHIER, id).await.refused(400, "invalid_grant");
    let late = browser.open_request(&message).await.expect_status(200).expect("approval-done");
    assert!(!late.has("mute"), "{late}");
    // The consent rests on that message's code.
    let consents = world.command(&["consents", "list", &person.number]);
    assert!(consents.contains(COUNTER) && consents.contains("code"), "{consents}");
}

async fn ciba_7_1_what_a_service_may_not_ask_is_refused(world: &World) {
    let (person, port) = (world.person(), world.nodes[0].port);
    let good = [("scope", "openid"), ("login_hint", person.number.as_str())];
    let scope = [("scope", "openid")];
    let both = [("login_hint", "901234567"), ("id_token_hint", "x")];
    let (long, token) = ("x".repeat(41), "x");
    for (fields, error) in [
        (&[&scope[..]].concat()[..], "invalid_request"),
        (&[&scope[..], &both].concat(), "invalid_request"),
        (&[("login_hint", person.number.as_str())], "invalid_scope"),
        (&[("scope", "profile"), good[1]], "invalid_scope"),
        (&[scope[0], ("login_hint", "+1 202 555 0100")], "unknown_user_id"),
        (&[scope[0], ("login_hint", "somebody")], "unknown_user_id"),
        (&[scope[0], ("id_token_hint", "x")], "invalid_request"),
        (&[scope[0], ("login_hint_token", "x")], "invalid_request"),
        (&[good[0], good[1], ("binding_message", "two\nlines")], "invalid_binding_message"),
        (&[good[0], good[1], ("binding_message", long.as_str())], "invalid_binding_message"),
        (&[good[0], good[1], ("binding_message", "😀 你好")], "invalid_binding_message"),
        (&[good[0], good[1], ("binding_message", "Open evil.uz")], "invalid_binding_message"),
        (&[good[0], good[1], ("binding_message", "Call 90 123 45 67")], "invalid_binding_message"),
        (&[good[0], good[1], ("user_code", "1234")], "invalid_request"),
        (&[good[0], good[1], ("request_uri", "urn:x")], "invalid_request"),
        (&[good[0], good[1], ("requested_expiry", "0")], "invalid_request"),
        (&[good[0], good[1], ("requested_expiry", "-5")], "invalid_request"),
        (&[good[0], good[1], ("requested_expiry", "soon")], "invalid_request"),
        (&[good[0], good[1], ("resource", "https://other.example.uz/")], "invalid_target"),
        (&[good[0], good[1], ("request", token)], "invalid_request"),
        (&[good[0], good[1], good[1]], "invalid_request"),
    ] {
        let answer = world.asks(COUNTER, fields).await;
        answer.refused(400, error);
        let why = answer.get("error_description");
        assert!(why.is_ascii() && !why.contains(['"', '\\']), "{why}");
    }
    world.asks(SHOP, &good).await.refused(400, "unauthorized_client");
    world.asks(NATIVE, &good).await.refused(400, "unauthorized_client");
    world.post_bare(port, PATH, &good, None).await.refused(401, "invalid_client");
    world.post_bare(port, PATH, &good, Some((COUNTER, "wrong"))).await.refused(401, "invalid_client");
    world.post_as(COUNTER, "/oidc/token", &[("grant_type", GRANT)]).await.refused(400, "invalid_request");
    let device = [("grant_type", GRANT), ("auth_req_id", "x")];
    world.post_as(SHOP, "/oidc/token", &device).await.refused(400, "unauthorized_client");
    for id in ["no-request", &"x".repeat(5000)] {
        world.polled_at(port, COUNTER, id).await.refused(400, "invalid_grant");
    }
    world.nothing_more_came(&[&person]).await;
}

/// The claims of a signed request of `CASHIER`.
fn claims(world: &World, more: &Value) -> Value {
    let mut claims = json!({
        "iss": CASHIER, "aud": world.issuer.as_str().trim_end_matches('/'), "jti": unique(),
        "iat": now(), "nbf": now(), "exp": now() + 300, "scope": "openid",
    });
    for (name, value) in more.as_object().expect("an object") {
        match value {
            Value::Null => drop(claims.as_object_mut().expect("an object").remove(name)),
            value => claims[name] = value.clone(),
        }
    }
    claims
}

async fn ciba_7_1_1_a_signed_request_holds_all_and_is_used_once(world: &World) {
    let person = world.person();
    let asks = async |object: &str, beside: &[(&str, &str)]| {
        world.asks(CASHIER, &[&[("request", object)], beside].concat()).await
    };
    let signed = |more: &Value| {
        let mut all = claims(world, more);
        all["login_hint"] = person.number.as_str().into();
        sign(CASHIER, Alg::ES256, "JWT", &all)
    };
    // Numbers and texts alike (FAPI-CIBA).
    for (expiry, seconds) in [(json!(45), 45), (json!("60"), 60), (json!(1), 10), (json!(100_000), 300)] {
        let object = signed(&json!({"requested_expiry": expiry, "binding_message": "1234"}));
        let asked = asks(&object, &[]).await.granted();
        assert_eq!(asked.body["expires_in"], seconds);
        let message = world.approval_message(&person).await;
        let page = world.browser().open_request(&message).await.expect("binding-message");
        assert!(page.text().contains("1234"), "{page}");
        asks(&object, &[]).await.refused(400, "invalid_request");
    }
    for more in [
        json!({"aud": null}),
        json!({"aud": "https://other.example.uz"}),
        json!({"iss": null}),
        json!({"iss": COUNTER}),
        json!({"exp": null}),
        json!({"exp": now() - 5}),
        json!({"exp": now() + 3700}),
        json!({"iat": null}),
        json!({"iat": now() + 600}),
        json!({"nbf": null}),
        json!({"nbf": now() + 600}),
        json!({"nbf": now() - 4200}),
        json!({"jti": null}),
        json!({"jti": ""}),
        json!({"jti": 5}),
        json!({"sub": CASHIER}),
        json!({"request": "x"}),
    ] {
        let answer = asks(&signed(&more), &[]).await;
        answer.refused(400, "invalid_request");
        assert!(answer.get("error_description").contains("signed request"), "{more}: {}", answer.body);
    }
    asks(&signed(&json!({})), &[("scope", "openid")]).await.refused(400, "invalid_request");
    asks(&signed(&json!({})), &[("binding_message", "1")]).await.refused(400, "invalid_request");
    let mut all = claims(world, &json!({"login_hint": person.number}));
    for (object, what) in [
        (unsigned(&all), "unsigned"),
        (sign(CASHIER, Alg::RS256, "JWT", &all), "another algorithm"),
        (sign(COUNTER, Alg::ES256, "JWT", &all), "another client's key"),
        (sign(CASHIER, Alg::ES256, "at+jwt", &all), "another kind"),
    ] {
        let answer = asks(&object, &[]).await;
        assert_eq!((answer.status, answer.get("error")), (400, "invalid_request"), "{what}");
    }
    // Who registered a signature signs.
    let plain = [("scope", "openid"), ("login_hint", person.number.as_str())];
    world.asks(CASHIER, &plain).await.refused(400, "invalid_request");
    // What stands in it is held to the same rules.
    all = claims(world, &json!({"login_hint": person.number, "scope": "profile"}));
    asks(&sign(CASHIER, Alg::ES256, "JWT", &all), &[]).await.refused(400, "invalid_scope");
    world.nothing_more_came(&[&person]).await;
}

async fn ciba_7_1_a_hint_names_a_person_and_tells_nothing_of_them(world: &World) {
    let (person, blocked) = (world.person(), world.somebody(Kind::Blocked));
    let unknown = world.somebody(Kind::Unknown);
    // Numbers: nobody sees which of them anybody has.
    let mut shapes = BTreeSet::new();
    for who in [&person, &blocked, &unknown] {
        let asked = world.asks_for(COUNTER, "openid", who).await;
        world.polled(COUNTER, &asked).await.refused(400, "authorization_pending");
        let names: BTreeSet<String> =
            asked.headers.keys().map(|name| name.as_str().to_owned()).filter(|name| name != "date").collect();
        shapes.insert((asked.get("auth_req_id").len(), asked.body["expires_in"].to_string(), names));
    }
    assert_eq!(shapes.len(), 1, "{shapes:?}");
    world.approval_message(&person).await;

    // A PINFL, in a token that the client signed.
    let token = |more: &Value| {
        let mut all = json!({
            "iss": CASHIER, "aud": world.issuer.as_str().trim_end_matches('/'), "jti": unique(),
            "exp": now() + 60, "pinfl": person.pinfl,
        });
        for (name, value) in more.as_object().expect("an object") {
            all[name] = value.clone();
        }
        sign(CASHIER, Alg::ES256, "JWT", &all)
    };
    let by_token = async |token: &str| {
        let object = claims(world, &json!({"login_hint_token": token}));
        world.asks(CASHIER, &[("request", &sign(CASHIER, Alg::ES256, "JWT", &object))]).await
    };
    let good = token(&json!({}));
    let asked = by_token(&good).await.granted();
    let message = world.approval_message(&person).await;
    world.browser().decides(&message, "allow").await.expect("approval-done");
    let tokens = world.polled(CASHIER, &asked).await.granted();
    by_token(&good).await.refused(400, "invalid_request");
    let nobodys = by_token(&token(&json!({"pinfl": "31212891234567"}))).await.granted();
    world.polled(CASHIER, &nobodys).await.refused(400, "authorization_pending");
    by_token(&token(&json!({"pinfl": blocked.pinfl}))).await.granted();
    for (more, error) in [
        (json!({"pinfl": "123"}), "unknown_user_id"),
        (json!({"pinfl": 5}), "invalid_request"),
        (json!({"exp": now() - 1}), "expired_login_hint_token"),
        (json!({"exp": now() + 7200}), "invalid_request"),
        (json!({"exp": "soon"}), "invalid_request"),
        (json!({"iss": COUNTER}), "invalid_request"),
        (json!({"aud": "https://other.example.uz"}), "invalid_request"),
        (json!({"jti": ""}), "invalid_request"),
        (json!({"iat": now() + 600}), "invalid_request"),
        (json!({"sub": CASHIER}), "invalid_request"),
    ] {
        by_token(&token(&more)).await.refused(400, error);
    }
    let stranger = sign(COUNTER, Alg::ES256, "JWT", &json!({"iss": CASHIER, "pinfl": person.pinfl}));
    by_token(&stranger).await.refused(400, "invalid_request");

    // An ID token of before; another client's, and one that names nobody here, are none.
    let id_token = tokens.get("id_token");
    let hinted = async |client: &str, hint: &str| {
        let object = claims(world, &json!({"id_token_hint": hint}));
        match client {
            CASHIER => world.asks(CASHIER, &[("request", &sign(CASHIER, Alg::ES256, "JWT", &object))]).await,
            client => world.asks(client, &[("scope", "openid"), ("id_token_hint", hint)]).await,
        }
    };
    hinted(CASHIER, id_token).await.granted();
    world.approval_message(&person).await;
    hinted(COUNTER, id_token).await.refused(400, "invalid_request");
    let shop = world.tokens(&Asked::by(SHOP), &person).await;
    hinted(COUNTER, shop.get("id_token")).await.refused(400, "invalid_request");
    // A sign-in's ID token names the person as well.
    let signed_in = world.tokens(&Asked::by(COUNTER), &person).await;
    hinted(COUNTER, signed_in.get("id_token")).await.granted();
    world.approval_message(&person).await;
    world.nothing_more_came(&[&person, &blocked]).await;
}

async fn ciba_11_a_service_is_told_what_the_person_decided(world: &World) {
    let person = world.person();
    let asked = world.asks_for(COUNTER, "openid profile", &person).await;
    let message = world.approval_message(&person).await;
    world.polled(COUNTER, &asked).await.refused(400, "authorization_pending");
    // Who asks too soon is answered from memory.
    world.polled(COUNTER, &asked).await.refused(400, "slow_down");
    let page = world.browser().decides(&message, "deny").await.expect_status(200).expect("approval-refused");
    assert!(page.has("mute") && page.has("code"), "{page}");

    let asked = world.asks_for(COUNTER, "openid profile", &person).await;
    let message = world.approval_message(&person).await;
    world.browser().decides(&message, "deny").await.expect("approval-refused");
    world.polled(COUNTER, &asked).await.refused(400, "access_denied");
    // What was decided stays.
    let late = world.browser().open_request(&message).await;
    assert!(late.has("approval-refused") && late.has("mute"), "{late}");

    // Of two decisions at once one counts.
    let asked = world.asks_for(COUNTER, "openid profile", &person).await;
    let message = world.approval_message(&person).await;
    let decide = async |button: &str| world.browser().decides(&message, button).await;
    let pages = join_all(["allow", "deny", "allow", "deny"].map(decide)).await;
    let told = world.polled(COUNTER, &asked).await;
    let shown = |id: &str| pages.iter().filter(|page| page.has(id)).count();
    match told.status {
        200 => assert!(shown("approval-done") > 0 && shown("approval-refused") == 0, "{pages:?}"),
        _ => {
            told.refused(400, "access_denied");
            assert!(shown("approval-refused") > 0 && shown("approval-done") == 0, "{pages:?}");
        }
    }
}

async fn r69_a_code_approves_its_own_request_and_nothing_else(world: &World) {
    let person = world.person();
    let mut browser = world.browser();
    // A code that signs in approves nothing.
    let sign_in = browser.begin_with_number(world, &Asked::by(BODY), &person).await;
    let signs_in = world.sandbox.next_code(&person).await;
    let first = world.asks_for(COUNTER, "openid", &person).await;
    let one = world.approval_message(&person).await;
    let page = browser.open_request(&one).await;
    assert_ne!(one.code, signs_in, "one in a million");
    browser.decides_on(&page, "allow", &signs_in).await.expect("code-error");
    // A code that approves signs nobody in.
    browser.enter_code(&sign_in, &one.code).await.page().expect("code-error");
    // Nor does the code of one request approve another.
    let second = world.asks_for(COUNTER, "openid", &person).await;
    let two = world.approval_message(&person).await;
    assert_ne!(one.reference, two.reference);
    assert_ne!(one.code, two.code, "one in a million");
    let page = browser.open_request(&two).await;
    browser.decides_on(&page, "allow", &one.code).await.expect("code-error");
    world.polled(COUNTER, &first).await.refused(400, "authorization_pending");
    browser.decides(&one, "allow").await.expect("approval-done");
    world.polled(COUNTER, &second).await.refused(400, "authorization_pending");
    // The page of the sign-in goes on where it was.
    browser.enter_code(&sign_in, &signs_in).await.page().expect("allow");
}

async fn an_approval_releases_what_its_page_listed_and_changes_nothing_else(world: &World) {
    let person = world.person();
    // What the person allowed at the service's site.
    let wide = world.tokens(&Asked::by(COUNTER).with("scope", "openid profile phone"), &person).await;
    let consents = async || world.command(&["consents", "list", &person.number]);
    let before = consents().await;
    let scopes = async |scope: &str, tick: bool| {
        let asked = world.asks_for(COUNTER, scope, &person).await;
        let message = world.approval_message(&person).await;
        let mut browser = world.browser();
        let page = browser.open_request(&message).await;
        let done = if tick {
            browser.decides_on(&page, "allow", &message.code).await
        } else {
            browser.press(&page, "allow", &[("code", &message.code)]).await.page()
        };
        done.expect("approval-done");
        let tokens = world.polled(COUNTER, &asked).await.granted();
        (tokens.get("scope").to_owned(), tokens)
    };
    // Nothing optional is let go by itself, whatever was allowed elsewhere.
    let (scope, narrow) = scopes("openid profile phone", false).await;
    assert_eq!(scope, "openid profile");
    let (scope, ticked) = scopes("openid profile phone", true).await;
    assert_eq!(scope, "openid profile phone");
    let (scope, _) = scopes("openid", false).await;
    assert_eq!(scope, "openid");
    for tokens in [&wide, &narrow, &ticked] {
        assert_eq!(world.userinfo(tokens.get("access_token")).await.status, 200);
    }
    // The consent of before stands as it was, with the end that it had.
    let after = consents().await;
    let standing = before.lines().find(|line| line.contains(COUNTER)).expect("a consent");
    assert!(after.contains(standing), "{standing}\nin\n{after}");
    // Without data there is nothing to list.
    world.asks_for(COUNTER, "openid", &person).await;
    let message = world.approval_message(&person).await;
    let page = world.browser().open_request(&message).await;
    assert!(page.text().contains("only that it is you") && !page.has("approval-data"), "{page}");
}

async fn what_was_ticked_stays_when_a_code_is_wrong(world: &World) {
    let person = world.person();
    let asked = world.asks_for(COUNTER, "openid profile phone", &person).await;
    let message = world.approval_message(&person).await;
    let mut browser = world.browser();
    let page = browser.open(&format!("/a/{}?lang=ru", message.reference)).await.page();
    let wrong = [("datum-phone", crate::support::html::TICKED), ("code", other_code(&message.code))];
    let page = browser.press(&page, "allow", &wrong).await.page().expect("code-error");
    assert!(page.body.contains("lang=\"ru\"") && page.body.contains("value=\"phone\" checked"), "{page}");
    // Only what is ticked is sent, which the form has by now.
    browser.press(&page, "allow", &[("code", &message.code)]).await.page().expect("approval-done");
    let tokens = world.polled(COUNTER, &asked).await.granted();
    assert_eq!(tokens.get("scope"), "openid profile phone");
}

async fn a_law_is_recorded_where_it_lets_a_body_have_data(world: &World) {
    let person = world.person();
    // A law lets a body have data, and the person still decides whether the request is theirs.
    let asked = world.asks_for(REGISTRY, "openid profile", &person).await;
    let message = world.approval_message(&person).await;
    let page = world.browser().open_request(&message).await.expect("approval-data");
    assert!(page.text().contains("Law 123"), "{page}");
    world.polled(REGISTRY, &asked).await.refused(400, "authorization_pending");
    world.browser().decides(&message, "allow").await.expect("approval-done");
    let consents = world.command(&["consents", "list", &person.number]);
    assert!(consents.contains(REGISTRY) && consents.contains("law"), "{consents}");
}

async fn who_did_not_enter_the_code_decides_nothing(world: &World) {
    let person = world.person();
    let asked = world.asks_for(COUNTER, "openid profile", &person).await;
    let message = world.approval_message(&person).await;
    let mut browser = world.browser();
    let page = browser.open_request(&message).await.expect("allow").expect("deny");
    // Neither approved nor refused without it, and what is no code costs no try.
    for (button, code) in [("allow", ""), ("deny", ""), ("allow", "12345"), ("deny", "abcdef")] {
        browser.decides_on(&page, button, code).await.expect("code-error");
    }
    let wrong = other_code(&message.code);
    let tried = browser.decides_on(&page, "deny", wrong).await.expect("code-error");
    assert!(tried.text().contains("4 tries left"), "{tried}");
    // Tries count whatever browser they come from.
    let mut other = world.browser();
    let theirs = other.open_request(&message).await;
    let tried = other.decides_on(&theirs, "allow", wrong).await.expect("code-error");
    assert!(tried.text().contains("3 tries left"), "{tried}");
    // What the page showed is what is agreed to, and another site's form is none of ours.
    let form = |shown: &str| -> Vec<(String, String)> {
        let fields = [("code", message.code.as_str()), ("decision", "allow"), ("shown", shown)];
        fields.map(|(name, value)| (name.to_owned(), value.to_owned())).into()
    };
    let url = world.url(&format!("/a/{}", message.reference));
    browser.post(&url, &form("another")).await.page().expect("changed");
    let evil = browser.request(reqwest::Method::POST, &url).header("Origin", "https://evil.example");
    assert_eq!(evil.form(&form("x")).send().await.expect("an answer").status(), 400);
    // A reference is typed as people type; others name nothing.
    let page = browser.open("/a").await.page().expect_status(200).expect("reference");
    let typed = message.reference.to_lowercase();
    browser.press(&page, "continue", &[("reference", &typed)]).await.page().expect("allow");
    for typed in ["BBBBBBBB", "12", "", "\"><script>"] {
        let page = browser.press(&page, "continue", &[("reference", typed)]).await.page();
        let page = page.expect_status(422).expect("error");
        assert!(!page.body.contains("\"><script>"), "{page}");
    }
    browser.decides(&message, "allow").await.expect("approval-done");
    world.polled(COUNTER, &asked).await.granted();
}

async fn a_service_may_refresh_and_name_its_resource_server(world: &World) {
    let person = world.person();
    let fields = [
        ("scope", "openid profile offline_access"),
        ("login_hint", person.number.as_str()),
        ("resource", API_URI),
    ];
    let asked = world.asks(COUNTER, &fields).await.granted();
    let message = world.approval_message(&person).await;
    let page = world.browser().open_request(&message).await;
    assert!(page.text().contains("when you are not using it"), "{page}");
    world.browser().decides(&message, "allow").await.expect("approval-done");
    let tokens = world.polled(COUNTER, &asked).await.granted();
    let seen = async |by: &str| world.is_active(by, tokens.get("access_token")).await;
    assert_eq!((seen(API).await, seen(TAX).await), (true, false));
    let next = world.refresh(COUNTER, tokens.get("refresh_token")).await.granted();
    // What ends access ends what a service has.
    world.command(&["people", "end-access", &person.number]);
    world.refresh(COUNTER, next.get("refresh_token")).await.refused(400, "invalid_grant");
}

impl World {
    /// Lets `COUNTER` ask a person, with words to compare, and gives the message that they get.
    pub(crate) async fn asked_by_counter(&self, person: &Person, words: &str) -> Message {
        let fields =
            [("scope", "openid profile"), ("login_hint", person.number.as_str()), ("binding_message", words)];
        self.asks(COUNTER, &fields).await.granted();
        self.approval_message(person).await
    }

    /// Lets `COUNTER` ask a person, whether or not they get a message.
    pub(crate) async fn asks_counter(&self, person: &Person) {
        self.asks_for(COUNTER, "openid", person).await;
    }

    /// Lets a person mute `COUNTER`, as somebody does whom it asks too often.
    pub(crate) async fn mute_counter(&self, person: &Person) {
        self.asks_counter(person).await;
        let message = self.approval_message(person).await;
        let mut browser = self.browser();
        let refused = browser.decides(&message, "deny").await.expect("approval-refused").expect("mute");
        browser.press(&refused, "mute", &[("code", &message.code)]).await.page().expect("approval-muted");
    }
}

impl Browser {
    /// Enters the right code at a request, whatever its page says.
    pub(crate) async fn tries_to_approve(&mut self, message: &Message) -> Page {
        let page = self.open_request(message).await;
        if page.has("allow") { self.decides_on(&page, "allow", &message.code).await } else { page }
    }
}
