//! OneID's own protocol, as its clients speak it: the wire here, what is refused in `refusals.rs`, and what ends in `ends.rs`.

mod ends;
mod refusals;

use std::collections::BTreeSet;

use reqwest::Method;
use reqwest::multipart::Form;
use serde_json::{Value, json};
use yagona::platform::clock::Clock;

use crate::support::client_file::{APP_CALLBACK, CALLBACK, ONEID, ONEID_APP, ONEID_MINIMAL, secret};
use crate::support::oneid::{PATH, fields, link, raw_link};
use crate::support::wait::until;
use crate::support::{World, code_of, on_both_backends, param};

on_both_backends!(
    a_service_gets_a_code_a_token_and_the_persons_data,
    parameters_may_sit_in_the_query_a_form_a_multipart_form_or_in_all_of_them,
    a_link_may_come_as_a_form_with_a_capital_scope_and_without_encoding,
    the_state_comes_back_byte_for_byte,
    what_was_not_agreed_to_is_empty_or_absent,
    the_minimal_profile_is_what_every_client_understands,
    a_session_answers_and_an_app_is_led_back_to_its_own_scheme,
    what_happens_is_recorded,
);

fn is_uuid(text: &str) -> bool {
    let parts: Vec<usize> = text.split('-').map(str::len).collect();
    parts == [8, 4, 4, 4, 12] && text.bytes().all(|byte| byte == b'-' || byte.is_ascii_hexdigit())
}

async fn a_service_gets_a_code_a_token_and_the_persons_data(world: &World) {
    let person = world.person();
    let url = world.browser().sign_in_at(world, &link(world, ONEID), &person).await;
    assert!(url.as_str().starts_with(&format!("{CALLBACK}?code=")), "{url}");
    assert!(is_uuid(&code_of(&url)), "{url}");
    assert_eq!(param(&url, "state").as_deref(), Some("testState"));
    assert_eq!(url.query_pairs().count(), 2, "no more than a code and a state: {url}");

    let request = world.oneid_request(Method::POST, "").form(&fields(
        ONEID,
        &[("grant_type", "one_authorization_code"), ("redirect_uri", CALLBACK), ("code", &code_of(&url))],
    ));
    let answer = request.send().await.expect("an answer");
    assert_eq!(answer.status(), 200);
    assert_eq!(answer.headers()["content-type"], "application/json");
    assert_eq!(answer.headers()["cache-control"], "no-store");
    let text = answer.text().await.expect("a body");
    assert!(text.starts_with("{\""), "{text}");
    let body: Value = serde_json::from_str(&text).expect("JSON");
    let names: BTreeSet<&str> = body.as_object().expect("an object").keys().map(String::as_str).collect();
    let all = ["access_token", "expires_in", "refresh_token", "scope", "token_type"];
    assert_eq!(names, BTreeSet::from(all));
    let token = body["access_token"].as_str().expect("a token");
    assert!(is_uuid(token) && is_uuid(body["refresh_token"].as_str().expect("text")), "{body}");
    assert_eq!((&body["scope"], &body["token_type"]), (&ONEID.into(), &"bearer".into()));
    // Milliseconds since 1970, some minutes ahead: the shared provider's clock is nobody's to move.
    let ahead = body["expires_in"].as_i64().expect("a whole number") - Clock::System.now_ms();
    assert!((1_000..=86_400_000).contains(&ahead), "{body}");

    let told = world.oneid_identify(ONEID, token).await.granted();
    assert_eq!(told.headers["content-type"], "application/json");
    let told = told.body;
    for (name, value) in [
        ("ret_cd", "0"),
        ("valid", "true"),
        ("user_type", "I"),
        ("auth_method", "MOBILEMETHOD"),
        ("sess_id", token),
        ("pin", &person.pinfl),
        ("full_name", "VALIYEV ALI KARIMOVICH"),
        ("sur_name", "VALIYEV"),
        ("first_name", "ALI"),
        ("mid_name", "KARIMOVICH"),
        ("birth_date", "1990-01-01"),
        ("gd", "1"),
        ("ctzn", "UZ"),
        ("mob_phone_no", &person.number),
        ("per_adr", "Toshkent shahri, Yunusobod tumani, Amir Temur shoh koʻchasi, 12-uy"),
        ("pport_issue_place", "IIV 26277"),
        ("pport_issue_date", "2021-03-15"),
        ("pport_expr_date", "2031-03-14"),
        ("_pport_issue_date", "2021-15-03"),
        ("_pport_expr_date", "2031-14-03"),
    ] {
        assert_eq!(told[name], value, "{name}: {told}");
    }
    assert!(told["pport_no"].as_str().is_some_and(|number| number.len() == 9 && number.starts_with("AL")));
    assert_eq!(told["valid_methods"], json!(["MOBILEMETHOD"]));
    assert_eq!(told["validation_method"], json!(["MOBILEMETHOD"]));
    assert_eq!(told["legal_info"], json!([]));
    assert!(told.get("pkcs_legal_tin").is_none(), "{told}");

    // The login stays the same, and tells nothing.
    let login = told["user_id"].as_str().expect("a login");
    let again = world.oneid_token(ONEID, &mut world.browser(), &person).await;
    assert_eq!(world.oneid_identify(ONEID, &again).await.granted().body["user_id"], login);
    assert!(!login.contains(&person.pinfl) && again != token);
}

async fn parameters_may_sit_in_the_query_a_form_a_multipart_form_or_in_all_of_them(world: &World) {
    let person = world.person();
    let mut browser = world.browser();
    let query = |pairs: &[(String, String)]| {
        url::form_urlencoded::Serializer::new(String::new()).extend_pairs(pairs).finish()
    };
    let redemption = |code: &str| {
        fields(ONEID, &[("grant_type", "one_authorization_code"), ("redirect_uri", CALLBACK), ("code", code)])
    };
    let mut token = String::new();
    for way in 0..4 {
        let url = browser.sign_in_at(world, &link(world, ONEID), &person).await;
        let given = redemption(&code_of(&url));
        let (most, rest) = given.split_at(3);
        let request = match way {
            // The whole in the query, not encoded, with an empty body.
            0 => {
                let pairs: Vec<String> =
                    given.iter().map(|(name, value)| format!("{name}={value}")).collect();
                world.oneid_request(Method::POST, &pairs.join("&"))
            }
            1 => world.oneid_request(Method::GET, &query(&given)).bearer_auth("whatever"),
            2 => {
                let form = given.into_iter().fold(Form::new(), |form, (name, value)| form.text(name, value));
                world.oneid_request(Method::POST, "").multipart(form)
            }
            _ => world.oneid_request(Method::POST, &query(most)).form(rest),
        };
        let answer = request.send().await.expect("an answer");
        assert_eq!(answer.status(), 200, "{way}");
        assert_eq!(answer.headers()["content-type"], "application/json", "{way}");
        let body: Value = answer.json().await.expect("JSON");
        token = body["access_token"].as_str().unwrap_or_else(|| panic!("{way}: {body}")).to_owned();
    }
    // Whatever a client accepts, and however it asks.
    let identify = fields(ONEID, &[("grant_type", "one_access_token_identify"), ("access_token", &token)]);
    for accept in ["text/html", "application/xml", "*/*"] {
        let request = world.oneid_request(Method::GET, &query(&identify));
        let answer = request.header("Accept", accept).send().await.expect("an answer");
        assert_eq!(answer.headers()["content-type"], "application/json", "{accept}");
        let told: Value = answer.json().await.expect("JSON");
        assert_eq!(told["pin"], person.pinfl, "{accept}: {told}");
    }
    let upper = token.to_ascii_uppercase();
    assert_eq!(world.oneid_identify(ONEID, &upper).await.granted().body["sess_id"], token);
    let by_session = [("grant_type", "one_log_out"), ("sess_id", &token)];
    assert_eq!(world.oneid(ONEID, &by_session).await.granted().body, json!({"ret_cd": "0"}));
    world.oneid_identify(ONEID, &token).await.refused_by_oneid(
        400,
        "AccessTokenException",
        "ACCESS_TOKEN_NOT_FOUND",
    );
}

async fn a_link_may_come_as_a_form_with_a_capital_scope_and_without_encoding(world: &World) {
    let person = world.person();
    let bare = format!(
        "response_type=one_code&client_id={ONEID}&redirect_uri={CALLBACK}&Scope=['id.egov.uz']&state=IDWP"
    );
    let url = world.browser().sign_in_at(world, &raw_link(world, &bare), &person).await;
    assert_eq!(param(&url, "state").as_deref(), Some("IDWP"));
    let tokens = world.oneid_redeem(ONEID, &code_of(&url)).await.granted();
    assert_eq!(tokens.get("scope"), "['id.egov.uz']", "it means nothing, and is told again");

    let mut browser = world.browser();
    let form =
        [("response_type", "one_code"), ("client_id", ONEID), ("redirect_uri", CALLBACK), ("scope", "x")];
    let form = form.map(|(name, value)| (name.to_owned(), value.to_owned()));
    browser.post(&world.url(PATH), &form).await.page().expect("phone");
    // A form of another site brings no cookies: the browser is asked to come by a link.
    let request = browser.request(Method::POST, &world.url(PATH)).header("Sec-Fetch-Site", "cross-site");
    let answer = request.form(&form).send().await.expect("an answer");
    let location = answer.headers()["location"].to_str().expect("ASCII").to_owned();
    assert_eq!(answer.status(), 303);
    assert!(location.starts_with(&format!("{PATH}?response_type=one_code&")), "{location}");
    browser.follow(world.url(PATH), answer).await.page().expect("phone");
}

async fn the_state_comes_back_byte_for_byte(world: &World) {
    let states = [
        "IDWP",
        "eyJtZXRob2QiOiJJRFBXIn0=",
        "eyJ+/+==",
        "a+b%2Bc%20d",
        "%7B%22method%22%3A%22IDPW%22%7D",
        "https://portal.uz/?a=1",
        "%FF%00%0A",
        "null",
        "",
    ];
    for state in states {
        let query =
            format!("response_type=one_code&client_id={ONEID}&redirect_uri={CALLBACK}&scope=x&state={state}");
        let mut browser = world.browser();
        let page = browser.get(&raw_link(world, &query)).await.page().expect("phone");
        let url = browser.get(&page.link("cancel")).await.away();
        let expected = format!("error=access_denied&error_description=the+person+refused&state={state}");
        assert_eq!(url.query(), Some(expected.as_str()));
    }
    let none = format!("response_type=one_code&client_id={ONEID}&redirect_uri={CALLBACK}");
    let mut browser = world.browser();
    let page = browser.get(&raw_link(world, &none)).await.page().expect("phone");
    assert_eq!(param(&browser.get(&page.link("cancel")).await.away(), "state"), None);
}

async fn what_was_not_agreed_to_is_empty_or_absent(world: &World) {
    let person = world.person();
    let mut browser = world.browser();
    let page = browser.get(&link(world, ONEID)).await.page().expect("phone");
    let page = browser.enter_number(&page, &person.number).await.page().expect("code");
    let code = world.sandbox.next_code(&person).await;
    let page = browser.enter_code(&page, &code).await.page().expect("allow");
    // Everything that the service is registered for is asked.
    assert!(
        page.form("allow").controls.iter().filter(|control| control.kind == "checkbox").count() >= 7,
        "{page}"
    );
    let url = browser.press(&page, "allow", &[]).await.away();
    let tokens = world.oneid_redeem(ONEID, &code_of(&url)).await.granted();
    let told = world.oneid_identify(ONEID, tokens.get("access_token")).await.granted().body;
    assert_eq!(told["full_name"], "VALIYEV ALI KARIMOVICH", "{told}");
    for empty in ["pin", "pport_no", "birth_date"] {
        assert_eq!(told[empty], "", "{empty}: {told}");
    }
    for absent in ["gd", "ctzn", "mob_phone_no", "per_adr", "pport_issue_date", "_pport_expr_date"] {
        assert!(told.get(absent).is_none(), "{absent}: {told}");
    }
    for value in [&person.pinfl, &person.number, "1990-01-01", "Yunusobod"] {
        assert!(!told.to_string().contains(value), "{told}");
    }
}

/// The keys that oneid_client of PyPI takes; it fails at any other.
const KNOWN_TO_ALL: [&str; 28] = [
    "user_id",
    "user_type",
    "email",
    "first_name",
    "sur_name",
    "mid_name",
    "full_name",
    "mob_phone_no",
    "birth_date",
    "tem_adr",
    "gd",
    "per_adr",
    "birth_place",
    "birth_cntry",
    "natn",
    "ctzn",
    "pport_issue_place",
    "pport_issue_date",
    "pport_expr_date",
    "ret_cd",
    "valid",
    "pin",
    "tin",
    "pport_no",
    "sess_id",
    "legal_info",
    "auth_method",
    "valid_methods",
];

async fn the_minimal_profile_is_what_every_client_understands(world: &World) {
    let person = world.person();
    let url = world.browser().sign_in_at(world, &link(world, ONEID_MINIMAL), &person).await;
    // Its registration lets a request for a token leave out the redirect URI.
    let code = code_of(&url);
    let bare = [("grant_type", "one_authorization_code"), ("code", code.as_str())];
    let tokens = world.oneid(ONEID_MINIMAL, &bare).await.granted();
    let told = world.oneid_identify(ONEID_MINIMAL, tokens.get("access_token")).await.granted().body;
    for name in told.as_object().expect("an object").keys() {
        assert!(KNOWN_TO_ALL.contains(&name.as_str()), "{name}");
    }
    for name in [
        "pin",
        "user_id",
        "full_name",
        "pport_no",
        "birth_date",
        "sur_name",
        "first_name",
        "mid_name",
        "user_type",
        "sess_id",
        "ret_cd",
        "auth_method",
        "valid",
    ] {
        assert!(told[name].is_string(), "{name}: {told}");
    }
    assert_eq!((&told["legal_info"], &told["birth_date"]), (&Value::Null, &"".into()));
    assert_eq!(
        (&told["pport_issue_date"], &told["pport_expr_date"]),
        (&"2021-15-03".into(), &"2031-14-03".into())
    );
    // Another service knows the person by another login.
    let other = world.oneid_token(ONEID, &mut world.browser(), &person).await;
    assert_ne!(world.oneid_identify(ONEID, &other).await.granted().body["user_id"], told["user_id"]);
}

async fn a_session_answers_and_an_app_is_led_back_to_its_own_scheme(world: &World) {
    let person = world.person();
    let mut browser = world.browser();
    browser.sign_in_at(world, &link(world, ONEID), &person).await;
    let page = browser.get(&link(world, ONEID)).await.page().expect("continue").expect("other");
    code_of(&browser.press(&page, "continue", &[]).await.away());
    let query = format!("response_type=one_code&client_id={ONEID_APP}&redirect_uri={APP_CALLBACK}&state=s");
    let url = browser.sign_in_at(world, &raw_link(world, &query), &person).await;
    assert!(url.as_str().starts_with(&format!("{APP_CALLBACK}?code=")), "{url}");
    // The methods that a service asks for, if they name the one that there is.
    let named = format!("{query}&auth_methods=LEPKCSMETHOD,MOBILEMETHOD");
    browser.get(&raw_link(world, &named)).await.page().expect("continue");
}

async fn what_happens_is_recorded(world: &World) {
    let person = world.person();
    let token = world.oneid_token(ONEID, &mut world.browser(), &person).await;
    world.oneid_identify(ONEID, &token).await.granted();
    world.oneid_log_out(ONEID, &token).await.granted();
    world.oneid_identify(ONEID, &token).await;
    until("the rows of one grant", async || {
        let rows = world.audit_rows().await;
        let of =
            |event: &'static str| rows.iter().filter(move |row| row.event == event).map(|row| &row.content);
        // The grant is named by the digest of its token, which nobody can turn round.
        let grant = of("oneid.identified").filter(|row| row["client.id"] == ONEID).find_map(|row| {
            let grant = row["grant.id"].as_str()?;
            let of_grant = |row: &&Value| row["grant.id"] == grant;
            let issued = of("token.issued").find(of_grant)?;
            let revoked = of("token.revoked").find(of_grant)?;
            let completed = of("sign_in.completed").find(of_grant)?;
            assert_eq!(issued["grant.type"], "one_authorization_code");
            assert_eq!(revoked["grant.type"], "one_log_out");
            assert_eq!(issued["person.id"], row["person.id"]);
            assert!(row["data"].as_str().is_some_and(|data| data.contains("pinfl")), "{row}");
            assert!(of("sign_in.begun").any(|row| row["attempt.id"] == completed["attempt.id"]));
            Some(grant.to_owned())
        })?;
        let refused = of("oneid.refused")
            .find(|row| row["client.id"] == ONEID && row["oidc.error"] == "ACCESS_TOKEN_NOT_FOUND")?;
        assert!(refused["reason"].is_string() && refused["grant.type"] == "one_access_token_identify");
        Some(grant)
    })
    .await;
    let secrets = [token, secret(ONEID), person.pinfl.clone(), person.number.clone()];
    let log = world.nodes[0].running.log();
    for row in world.audit_rows().await {
        let text = row.content.to_string();
        assert!(secrets.iter().all(|secret| !text.contains(secret)), "{} {text}", row.event);
    }
    assert!(secrets.iter().all(|secret| !log.contains(secret)), "a secret is in the log");
}
