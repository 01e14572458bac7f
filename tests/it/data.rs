//! Data for back offices (docs/data.md): who gets which data set of whom, what is written down first, and who gets nothing.

use reqwest::Method;
use serde_json::{Value, json};

use crate::support::client_file::{CHECKER, COUNCIL, OFFICE, SEALED_OFFICE, SHOP, secret};
use crate::support::flow::redemption;
use crate::support::people::Kind as PersonKind;
use crate::support::proofs::{for_tokens, with_proofs};
use crate::support::recipient::ELLIPTIC;
use crate::support::signer::KEYS;
use crate::support::{
    Asked, Backend, Person, Setup, Tokens, World, alone_on_both_backends, code_of, jwt, on_both_backends,
};

on_both_backends!(
    r71_at_a_counter_data_leave_when_the_person_agreed_and_the_ledger_has_the_row,
    r71_what_a_person_refuses_leaves_by_no_way,
    rfc9396_what_is_read_once_by_the_data_api_is_read_once,
    rfc9396_of_two_purposes_the_one_that_is_named_is_read_and_written_down,
    rfc9449_the_data_api_takes_bound_tokens_alone,
    what_a_token_does_not_name_is_not_read,
    an_ended_consent_stops_the_data_api_at_once,
    rfc9701_an_answer_is_signed_where_that_is_asked_for,
    what_is_encrypted_for_a_service_goes_no_other_way,
    r70_a_law_gives_data_and_the_person_is_told,
    r112_whom_nobody_finds_is_told_from_none_in_no_way,
    d_i_who_is_named_has_a_trace_and_documents_are_not_found_by_trying,
    d_i_what_a_law_gives_is_bounded_by_the_registration,
    r67_a_number_is_somebodys_or_it_is_not,
    r67_a_no_leaves_a_trace_for_the_person_and_trying_is_bounded,
    r67_who_may_not_verify_is_told_why,
    a_person_has_their_own_list_read_by_a_portal,
    the_list_is_nobody_elses,
);

alone_on_both_backends!(
    r70_nothing_leaves_where_the_ledger_takes_no_row,
    how_often_a_service_asks_is_bounded,
    how_often_a_service_names_nobody_is_bounded,
);

const CIBA: &str = "urn:openid:params:grant-type:ciba";
const DAY: i64 = 86_400;

/// Where the data API is, as a location of details.
fn here(world: &World) -> String {
    world.url("/data").to_string()
}

/// Data for a purpose, by the data API.
fn detail(world: &World, sets: &[&str], purpose: &str, how_often: &str) -> Value {
    json!({"type": "personal_data", "data_sets": sets, "purpose": purpose, "period": DAY, "use": how_often,
        "locations": [here(world)]})
}

/// What the token endpoint answers to a client with a proof of possession.
pub(crate) async fn bound(world: &World, client: &str, fields: &[(&str, &str)]) -> Tokens {
    let proof = for_tokens(world, &KEYS[0], &json!({}));
    let request = world.browser().request(Method::POST, &world.url("/oidc/token")).form(fields);
    let request = with_proofs(request.basic_auth(client, Some(secret(client))), &[&proof]);
    Tokens::of(request.send().await.expect("an answer")).await
}

/// What the data API answers to the holder of a token.
async fn answer(world: &World, token: &str, set: &str, accept: &str) -> reqwest::Response {
    let url = world.url(&format!("/data/{set}"));
    let digest = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, token.as_bytes());
    let proof = KEYS[0].proof("GET", url.as_str(), &json!({"ath": jwt::encode(digest.as_ref())}));
    let request = world.browser().request(Method::GET, &url).header("accept", accept);
    let request = with_proofs(request.header("authorization", format!("DPoP {token}")), &[&proof]);
    request.send().await.expect("an answer")
}

pub(crate) async fn read(world: &World, tokens: &Tokens, set: &str) -> Tokens {
    Tokens::of(answer(world, tokens.get("access_token"), set, "*/*").await).await
}

/// A clerk asks for data of somebody at the counter.
async fn asks(world: &World, person: &Person, details: &[Value]) -> Tokens {
    let details = json!(details).to_string();
    let fields = [("scope", "openid"), ("login_hint", &*person.number), ("authorization_details", &details)];
    world.post_as(OFFICE, "/oidc/bc-authorize", &fields).await
}

/// The person agrees to what was asked; the tokens of the service.
async fn agreed(world: &World, person: &Person, details: &[Value]) -> Tokens {
    let asked = asks(world, person, details).await.granted();
    let message = world.approval_message(person).await;
    world.browser().decides(&message, "allow").await.expect("approval-done");
    bound(world, OFFICE, &[("grant_type", CIBA), ("auth_req_id", asked.get("auth_req_id"))]).await.granted()
}

/// How many rows of the ledger have that name.
async fn rows(world: &World, entry: &str) -> i64 {
    world.stored_for("SELECT COUNT(*) FROM ledger_entries WHERE entry_id = $1", entry).await
}

/// The notices of whom a row of the ledger is about.
async fn notices(world: &World, entry: &str) -> i64 {
    let query = "SELECT COUNT(*) FROM notices n JOIN ledger_entries e ON e.person_id = n.person_id \
                 AND e.client_id = 'council' WHERE e.entry_id = $1";
    world.stored_for(query, entry).await
}

async fn r71_at_a_counter_data_leave_when_the_person_agreed_and_the_ledger_has_the_row(world: &World) {
    let person = world.person();
    let details = [detail(world, &["address", "document", "temporary_address"], "Moving in", "repeated")];
    let asked = asks(world, &person, &details).await.granted();
    let poll = [("grant_type", CIBA), ("auth_req_id", asked.get("auth_req_id"))];
    let message = world.approval_message(&person).await;
    let mut browser = world.browser();
    let page = browser.open(&format!("/a/{}", message.reference)).await.page().expect("code");
    assert!(page.text().contains("Moving in") && page.text().contains("Address"), "{page}");
    assert!(!page.text().contains("Amir Temur"), "no value before the proof: {page}");
    browser.decides(&message, "allow").await.expect("approval-done");
    let tokens = bound(world, OFFICE, &poll).await.granted();
    assert_eq!(tokens.get("token_type"), "DPoP");

    let told = read(world, &tokens, "address").await.granted();
    assert_eq!(told.headers["cache-control"], "no-store");
    let body = &told.body;
    assert_eq!(body["claims"]["address"]["locality"], "Yunusobod tumani", "{body}");
    let origin = ["data_set", "source", "register", "as_of"].map(|name| body[name].as_str().expect(name));
    assert_eq!(origin, ["address", "test_data", "internal_affairs", "2024-05-20"]);
    let why = ["purpose", "basis", "use"].map(|name| body[name].as_str().expect(name));
    assert_eq!(why, ["Moving in", "consent", "repeated"]);
    assert_eq!(body["available"], true);
    assert_eq!(rows(world, told.get("entry")).await, 1);
    let leaf =
        world.stored_text("SELECT leaf FROM ledger_entries WHERE entry_id = $1", told.get("entry")).await;
    let leaf: Value = serde_json::from_str(&leaf).expect("JSON");
    assert_eq!((&leaf["channel"], &leaf["fields"]), (&"data_api".into(), &json!(["address"])), "{leaf}");
    assert_eq!((&leaf["purpose"], &leaf["basis"]), (&"Moving in".into(), &"consent".into()), "{leaf}");
    assert_eq!(leaf["contract"], "sandbox", "{leaf}");
    assert!(leaf["consent"].is_string() && !leaf.to_string().contains("Yunusobod"), "{leaf}");
    // The same token reads it again: that is no other release.
    let again = read(world, &tokens, "address").await.granted();
    assert_eq!(again.get("entry"), told.get("entry"));
    // A document goes with its expiry and whether it is valid (D-t).
    let document = read(world, &tokens, "document").await.granted().body;
    assert_eq!(document["claims"]["document_valid"], true, "{document}");
    assert_ne!(document["entry"], told.body["entry"]);
    // Nothing else, and by no other way.
    read(world, &tokens, "tin").await.refused(403, "insufficient_scope");
    let empty = read(world, &tokens, "temporary_address").await;
    empty.refused(403, "insufficient_scope");
    read(world, &tokens, "shoe_size").await.refused(400, "invalid_request");
    let url = world.url("/oidc/userinfo");
    let digest = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, tokens.get("access_token").as_bytes());
    let proof = KEYS[0].proof("GET", url.as_str(), &json!({"ath": jwt::encode(digest.as_ref())}));
    let request = world.browser().request(Method::GET, &url);
    let request = request.header("authorization", format!("DPoP {}", tokens.get("access_token")));
    let claims = with_proofs(request, &[&proof]).send().await.expect("an answer").json::<Value>().await;
    assert_eq!(claims.expect("JSON").as_object().expect("claims").len(), 1, "the subject alone");
}

async fn r71_what_a_person_refuses_leaves_by_no_way(world: &World) {
    let person = world.person();
    let asked = asks(world, &person, &[detail(world, &["address"], "Moving in", "repeated")]).await.granted();
    let message = world.approval_message(&person).await;
    world.browser().decides(&message, "deny").await;
    let poll = [("grant_type", CIBA), ("auth_req_id", asked.get("auth_req_id"))];
    bound(world, OFFICE, &poll).await.refused(400, "access_denied");
    // What the registration does not allow is refused before anybody is bothered.
    for (bad, words) in [
        (json!({"data_sets": ["shoe_size"]}), "not registered for"),
        (json!({"locations": ["https://elsewhere.uz/data"]}), "locations must be"),
        (
            json!({"use": "single", "locations": [here(world), world.issuer.as_str().trim_end_matches('/')]}),
            "one of them",
        ),
    ] {
        let mut other = detail(world, &["address"], "Moving in", "repeated");
        for (name, value) in bad.as_object().expect("an object") {
            other[name] = value.clone();
        }
        let refused = asks(world, &person, &[other]).await;
        refused.refused(400, "invalid_authorization_details");
        assert!(refused.get("error_description").contains(words), "{}", refused.body);
    }
    let own = json!([detail(world, &["name"], "Moving in", "repeated")]).to_string();
    let fields = [("scope", "openid"), ("login_hint", &*person.number), ("authorization_details", &own)];
    world.post_as(SHOP, "/oidc/bc-authorize", &fields).await.refused(400, "unauthorized_client");
    world.nothing_more_came(&[&person]).await;
}

async fn rfc9396_what_is_read_once_by_the_data_api_is_read_once(world: &World) {
    let person = world.person();
    let tokens = agreed(world, &person, &[detail(world, &["address", "tin"], "A parcel", "single")]).await;
    let first = read(world, &tokens, "address").await.granted().body;
    assert_eq!(first["use"], "single");
    let again = read(world, &tokens, "address").await;
    again.refused(403, "insufficient_scope");
    assert!(again.get("error_description").contains("read once"), "{}", again.body);
    read(world, &tokens, "tin").await.granted();
    read(world, &tokens, "tin").await.refused(403, "insufficient_scope");
}

/// One data set of several purposes.
async fn read_for(world: &World, tokens: &Tokens, set: &str, purpose: &str) -> Tokens {
    let (url, token) = (world.url(&format!("/data/{set}")), tokens.get("access_token"));
    let digest = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, token.as_bytes());
    let proof = KEYS[0].proof("GET", url.as_str(), &json!({"ath": jwt::encode(digest.as_ref())}));
    let query = url::form_urlencoded::Serializer::new(String::new()).append_pair("purpose", purpose).finish();
    let request = world.browser().request(Method::GET, &world.url(&format!("/data/{set}?{query}")));
    let request = with_proofs(request.header("authorization", format!("DPoP {token}")), &[&proof]);
    Tokens::of(request.send().await.expect("an answer")).await
}

async fn rfc9396_of_two_purposes_the_one_that_is_named_is_read_and_written_down(world: &World) {
    let person = world.person();
    let details = [
        detail(world, &["address"], "A parcel", "single"),
        detail(world, &["address"], "Moving in", "repeated"),
        detail(world, &["tin"], "A parcel", "single"),
    ];
    let tokens = agreed(world, &person, &details).await;
    let refused = read(world, &tokens, "address").await;
    refused.refused(400, "invalid_request");
    assert!(refused.get("error_description").contains("query parameter purpose"), "{}", refused.body);
    read_for(world, &tokens, "address", "Curiosity").await.refused(403, "insufficient_scope");
    for purpose in ["A parcel", "Moving in"] {
        let told = read_for(world, &tokens, "address", purpose).await.granted();
        assert_eq!(told.get("purpose"), purpose);
        let leaf = "SELECT leaf FROM ledger_entries WHERE entry_id = $1";
        let leaf: Value =
            serde_json::from_str(&world.stored_text(leaf, told.get("entry")).await).expect("JSON");
        assert_eq!(leaf["purpose"], purpose);
    }
    // What was read once does not stand in the way of the other one.
    read_for(world, &tokens, "address", "A parcel").await.refused(403, "insufficient_scope");
    read_for(world, &tokens, "address", "Moving in").await.granted();
    // Where there is one purpose, it need not be named.
    read(world, &tokens, "tin").await.granted();
}

async fn rfc9449_the_data_api_takes_bound_tokens_alone(world: &World) {
    let details = json!([detail(world, &["address"], "Moving in", "repeated")]).to_string();
    let asked = Asked::by(OFFICE).with("scope", "openid").and("authorization_details", &details);
    let person = world.person();
    let url = world.browser().sign_in(world, &asked, &person).await;
    let free = world.redeem(OFFICE, &code_of(&url)).await.granted();
    let request = world.browser().request(Method::GET, &world.url("/data/address"));
    let refused =
        Tokens::of(request.bearer_auth(free.get("access_token")).send().await.expect("an answer")).await;
    refused.refused(401, "invalid_token");
    assert!(refused.get("error_description").contains("bound to a key"), "{}", refused.body);
    assert!(refused.headers["www-authenticate"].to_str().expect("ASCII").contains("invalid_token"));
    // By the code flow as well, with a proof.
    let url = world.browser().sign_in(world, &asked, &person).await;
    let tokens = bound(world, OFFICE, &redemption(&code_of(&url))).await.granted();
    read(world, &tokens, "address").await.granted();
    let token = tokens.get("access_token");
    for (scheme, status) in [("Bearer", 401), ("DPoP", 401)] {
        let request = world.browser().request(Method::GET, &world.url("/data/address"));
        let request = request.header("authorization", format!("{scheme} {token}"));
        assert_eq!(request.send().await.expect("an answer").status(), status, "{scheme} without a proof");
    }
    let none =
        world.browser().request(Method::GET, &world.url("/data/address")).send().await.expect("an answer");
    assert_eq!(none.status(), 401);
    let wrong =
        world.browser().request(Method::POST, &world.url("/data/address")).send().await.expect("an answer");
    assert_eq!(wrong.status(), 405);
}

async fn what_a_token_does_not_name_is_not_read(world: &World) {
    // Details that do not name the data API are for UserInfo.
    let mut elsewhere = detail(world, &["address"], "Moving in", "repeated");
    elsewhere.as_object_mut().expect("an object").remove("locations");
    let tokens = agreed(world, &world.person(), &[elsewhere]).await;
    read(world, &tokens, "address").await.refused(403, "insufficient_scope");
    let plain = bound(world, COUNCIL, &[("grant_type", "client_credentials")]).await.granted();
    read(world, &plain, "address").await.refused(403, "insufficient_scope");
}

async fn an_ended_consent_stops_the_data_api_at_once(world: &World) {
    let person = world.person();
    let tokens = agreed(world, &person, &[detail(world, &["address"], "Moving in", "repeated")]).await;
    read(world, &tokens, "address").await.granted();
    let listed = world.command(&["consents", "list", &person.number]);
    world.command(&["consents", "end", listed.split(' ').next().expect("an identifier")]);
    read(world, &tokens, "address").await.refused(401, "invalid_token");
}

async fn rfc9701_an_answer_is_signed_where_that_is_asked_for(world: &World) {
    let tokens =
        agreed(world, &world.person(), &[detail(world, &["address"], "Moving in", "repeated")]).await;
    let answer = answer(world, tokens.get("access_token"), "address", "application/jwt").await;
    assert_eq!(answer.headers()["content-type"], "application/jwt");
    let token = jwt::verify(&answer.text().await.expect("a token"), &world.keys().await);
    assert_eq!(token.header["typ"], "personal-data+jwt");
    let claims = token.claims;
    assert_eq!(
        (&claims["aud"], &claims["iss"]),
        (&OFFICE.into(), &world.issuer.as_str().trim_end_matches('/').into())
    );
    assert_eq!(claims["data"]["claims"]["address"]["region"], "Toshkent shahri", "{claims}");
    assert!(claims.get("sub").is_none() && claims.get("exp").is_none(), "it is no token of identity");
}

async fn what_is_encrypted_for_a_service_goes_no_other_way(world: &World) {
    let details = json!([detail(world, &["address"], "Moving in", "repeated")]).to_string();
    let asked = Asked::by(SEALED_OFFICE).with("scope", "openid").and("authorization_details", &details);
    let url = world.browser().sign_in(world, &asked, &world.person()).await;
    let tokens = bound(world, SEALED_OFFICE, &redemption(&code_of(&url))).await.granted();
    let answer = answer(world, tokens.get("access_token"), "address", "application/json").await;
    assert_eq!(answer.headers()["content-type"], "application/jwt");
    let sealed = answer.text().await.expect("a token");
    assert_eq!(sealed.split('.').count(), 5);
    let claims = jwt::verify(&ELLIPTIC.nested(&sealed), &world.keys().await).claims;
    assert_eq!(claims["data"]["data_set"], "address", "{claims}");
}

/// What a statutory request asks for.
pub(crate) fn lawful(world: &World, pinfl: &str, more: &Value) -> String {
    let mut object = detail(world, &["address", "temporary_address"], "Housing register", "repeated");
    object["person"] = json!({"pinfl": pinfl});
    for (name, value) in more.as_object().expect("an object") {
        object[name] = value.clone();
    }
    json!([object]).to_string()
}

pub(crate) async fn by_law(world: &World, client: &str, details: &str) -> Tokens {
    bound(world, client, &[("grant_type", "client_credentials"), ("authorization_details", details)]).await
}

async fn r70_a_law_gives_data_and_the_person_is_told(world: &World) {
    let person = world.person();
    let tokens = by_law(world, COUNCIL, &lawful(world, &person.pinfl, &json!({}))).await.granted();
    assert!(tokens.body.get("id_token").is_none() && tokens.body.get("refresh_token").is_none());
    let agreed = &tokens.body["authorization_details"][0];
    assert_eq!((&agreed["basis"], &agreed["purpose"]), (&"statutory".into(), &"Housing register".into()));
    assert!(!tokens.body.to_string().contains(&person.pinfl));
    let told = read(world, &tokens, "address").await.granted();
    assert_eq!(told.body["claims"]["address"]["region"], "Toshkent shahri");
    assert_eq!(told.body["basis"], "statutory");
    let entry = told.get("entry");
    assert_eq!((rows(world, entry).await, notices(world, entry).await), (1, 1));
    // The same once more is neither another release nor another notice.
    read(world, &tokens, "address").await.granted();
    assert_eq!((rows(world, entry).await, notices(world, entry).await), (1, 1));
    // That there is none is an answer as well, and is written down.
    let none = read(world, &tokens, "temporary_address").await.granted();
    assert_eq!((&none.body["available"], &none.body["claims"]), (&false.into(), &json!({})));
    assert_eq!(notices(world, none.get("entry")).await, 2);
    read(world, &tokens, "tin").await.refused(403, "insufficient_scope");
    // It opens nothing else, and its client may end it.
    let token = tokens.get("access_token");
    let state = world.post_as(COUNCIL, "/oidc/introspect", &[("token", token)]).await.granted().body;
    assert_eq!((&state["active"], &state["sub"]), (&true.into(), &COUNCIL.into()), "{state}");
    assert_eq!(state["authorization_details"][0]["purpose"], "Housing register");
    assert!(!world.is_active(SHOP, token).await);
    world.post_as(COUNCIL, "/oidc/revoke", &[("token", token)]).await;
    read(world, &tokens, "address").await.refused(401, "invalid_token");
    // The person was not asked.
    world.nothing_more_came(&[&person]).await;
}

async fn r112_whom_nobody_finds_is_told_from_none_in_no_way(world: &World) {
    let (person, stranger) = (world.person(), world.somebody(PersonKind::Unknown));
    let (blocked, gone) = (world.somebody(PersonKind::Blocked), world.somebody(PersonKind::NotEnrolled));
    let mut answers = Vec::new();
    for pinfl in [&stranger.pinfl, &blocked.pinfl, &gone.pinfl] {
        answers.push(by_law(world, COUNCIL, &lawful(world, pinfl, &json!({}))).await);
    }
    let other = json!({"person": {"pinfl": person.pinfl, "document_number": "ZZ9999999"}});
    answers.push(by_law(world, COUNCIL, &lawful(world, "", &other)).await);
    for answer in &answers {
        answer.refused(400, "unknown_user_id");
        assert_eq!(answer.body, answers[0].body);
    }
}

async fn d_i_who_is_named_has_a_trace_and_documents_are_not_found_by_trying(world: &World) {
    crate::support::wait::a_whole_day().await;
    let person = world.person();
    let wrong =
        |n: usize| json!({"person": {"pinfl": person.pinfl, "document_number": format!("ZZ999999{n}")}});
    for n in 0..5 {
        by_law(world, COUNCIL, &lawful(world, "", &wrong(n))).await.refused(400, "unknown_user_id");
    }
    let rows = leaves(world, COUNCIL, &person);
    assert_eq!(rows.len(), 1, "once a day: {rows:?}");
    assert_eq!(
        (&rows[0]["channel"], &rows[0]["fields"], &rows[0]["basis"]),
        (&"naming".into(), &json!([]), &"statutory".into())
    );
    assert_eq!(
        (&rows[0]["purpose"], &rows[0]["data_sets"][0]),
        (&"Housing register".into(), &"address".into())
    );
    for more in [wrong(6), json!({})] {
        let refused = by_law(world, COUNCIL, &lawful(world, &person.pinfl, &more)).await;
        refused.refused(429, "temporarily_unavailable");
        assert!(refused.get("error_description").contains("wrong_per_day"), "{}", refused.body);
    }
    // Naming alone is an entry as well, before anything is read.
    let other = world.person();
    by_law(world, COUNCIL, &lawful(world, &other.pinfl, &json!({}))).await.granted();
    assert_eq!(leaves(world, COUNCIL, &other).len(), 1);
}

async fn d_i_what_a_law_gives_is_bounded_by_the_registration(world: &World) {
    let person = world.person();
    for (more, words) in [
        (json!({"purpose": "Curiosity"}), "statutory_purposes"),
        (json!({"data_sets": ["employment"]}), "not registered for"),
        (json!({"basis": "consent"}), "basis must be"),
        (json!({"locations": [world.issuer.as_str().trim_end_matches('/')]}), "data API alone"),
        (json!({"person": {}}), "person must be"),
        (json!({"person": {"document_number": "AL0000001", "birth_date": "1990-01-01"}}), "person must be"),
        (json!({"person": {"pinfl": "12345678901234"}}), "PINFL"),
        (json!({"colour": "red"}), "unknown member"),
    ] {
        let refused = by_law(world, COUNCIL, &lawful(world, &person.pinfl, &more)).await;
        refused.refused(400, "invalid_authorization_details");
        assert!(refused.get("error_description").contains(words), "{more}: {}", refused.body);
    }
    let good = lawful(world, &person.pinfl, &json!({}));
    let free = [("grant_type", "client_credentials"), ("authorization_details", good.as_str())];
    let refused = world.post_as(COUNCIL, "/oidc/token", &free).await;
    refused.refused(400, "invalid_request");
    assert!(refused.get("error_description").contains("DPoP"), "{}", refused.body);
    by_law(world, "importer", &good).await.refused(400, "invalid_authorization_details");
    let elsewhere = [free[0], free[1], ("resource", "https://api.example.uz/v1")];
    bound(world, COUNCIL, &elsewhere).await.refused(400, "invalid_target");
}

pub(crate) async fn verified(world: &World, client: &str, number: &str, pinfl: &str) -> Tokens {
    let fields = [("phone_number", number), ("pinfl", pinfl), ("purpose", "Opening an account")];
    world.post_as(client, "/data/verification", &fields).await
}

async fn r67_a_number_is_somebodys_or_it_is_not(world: &World) {
    let (person, other) = (world.person(), world.person());
    let (unknown, blocked) = (world.somebody(PersonKind::Unknown), world.somebody(PersonKind::Blocked));
    let yes = verified(world, CHECKER, &person.number, &person.pinfl).await.granted().body;
    assert_eq!(yes["verified"], true);
    assert!(yes["since"].as_str().is_some_and(|day| day.len() == 10), "{yes}");
    let mut refusals = Vec::new();
    for (number, pinfl) in [
        (&person.number, &other.pinfl),
        (&unknown.number, &person.pinfl),
        (&person.number, &unknown.pinfl),
        (&unknown.number, &unknown.pinfl),
        (&blocked.number, &blocked.pinfl),
    ] {
        refusals.push(verified(world, CHECKER, number, pinfl).await.granted().body);
    }
    assert!(refusals.iter().all(|body| *body == json!({"verified": false})), "{refusals:?}");
}

/// What a person's ledger has of a client, as leaves without order.
fn leaves(world: &World, client: &str, person: &Person) -> Vec<Value> {
    let listed = world.command(&["ledger", "list", &person.number, "--client", client, "--format", "json"]);
    let listed: Value = serde_json::from_str(&listed).expect("JSON");
    listed["entries"].as_array().expect("entries").iter().map(|row| row["entry"].clone()).collect()
}

async fn r67_a_no_leaves_a_trace_for_the_person_and_trying_is_bounded(world: &World) {
    crate::support::wait::a_whole_day().await;
    let (person, other) = (world.person(), world.person());
    let numbers: Vec<String> = (1..=6).map(|n| format!("+99800999990{n}")).collect();
    for number in &numbers[..5] {
        let no = verified(world, CHECKER, number, &person.pinfl).await.granted();
        assert_eq!(no.body, json!({"verified": false}));
    }
    let rows = leaves(world, CHECKER, &person);
    assert_eq!(rows.len(), 1, "once a day: {rows:?}");
    assert_eq!((&rows[0]["channel"], &rows[0]["fields"]), (&"verification".into(), &json!([])), "{rows:?}");
    assert_eq!(rows[0]["purpose"], "Opening an account");
    // The right number is not told either, since it would be found by trying.
    for number in [&numbers[5], &person.number] {
        let refused = verified(world, CHECKER, number, &person.pinfl).await;
        refused.refused(429, "temporarily_unavailable");
        assert_eq!(refused.headers["retry-after"], "86400");
        assert!(refused.get("error_description").contains("wrong_per_day"), "{}", refused.body);
    }
    // Of others it is, and a right answer is not counted.
    for _ in 0..6 {
        let yes = verified(world, CHECKER, &other.number, &other.pinfl).await.granted();
        assert_eq!(yes.body["verified"], true);
    }
    assert_eq!(leaves(world, CHECKER, &other).len(), 1);
    // Nor is the owner of one number found by trying persons.
    let (number, tried) = (&world.person().number, (0..5).map(|_| world.person()).collect::<Vec<_>>());
    for person in &tried {
        verified(world, CHECKER, number, &person.pinfl).await.granted();
    }
    verified(world, CHECKER, number, &world.person().pinfl).await.refused(429, "temporarily_unavailable");
}

async fn r67_who_may_not_verify_is_told_why(world: &World) {
    let person = world.person();
    verified(world, SHOP, &person.number, &person.pinfl).await.refused(400, "unauthorized_client");
    for (number, pinfl, words) in [
        ("", person.pinfl.as_str(), "phone_number"),
        ("+1 202 555 0100", &person.pinfl, "phone_number"),
        (&*person.number, "123", "pinfl"),
        (&*person.number, "", "pinfl"),
    ] {
        let refused = verified(world, CHECKER, number, pinfl).await;
        refused.refused(400, "invalid_request");
        assert!(refused.get("error_description").starts_with(words), "{}", refused.body);
    }
    // R67: what for is part of each question.
    for purpose in ["", " loan"] {
        let asked = [("phone_number", &*person.number), ("pinfl", &*person.pinfl), ("purpose", purpose)];
        let refused = world.post_as(CHECKER, "/data/verification", &asked).await;
        refused.refused(400, "invalid_request");
        assert!(refused.get("error_description").starts_with("purpose"), "{}", refused.body);
    }
    let bare = [("phone_number", &*person.number), ("pinfl", &*person.pinfl)];
    let port = world.nodes[0].port;
    world.post_bare(port, "/data/verification", &bare, None).await.refused(401, "invalid_client");
}

/// What the list answers to the holder of a token.
async fn usage(world: &World, token: &str, query: &str) -> reqwest::Response {
    let url = world.url("/data/usage");
    let digest = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, token.as_bytes());
    let proof = KEYS[0].proof("GET", url.as_str(), &json!({"ath": jwt::encode(digest.as_ref())}));
    let request = world.browser().request(Method::GET, &world.url(&format!("/data/usage{query}")));
    let request = with_proofs(request.header("authorization", format!("DPoP {token}")), &[&proof]);
    request.send().await.expect("an answer")
}

async fn a_person_has_their_own_list_read_by_a_portal(world: &World) {
    let person = world.person();
    let tokens = by_law(world, COUNCIL, &lawful(world, &person.pinfl, &json!({}))).await.granted();
    for set in ["address", "temporary_address"] {
        read(world, &tokens, set).await.granted();
    }
    verified(world, CHECKER, &person.number, &person.pinfl).await.granted();
    let (mut browser, asked) = (world.browser(), Asked::by(OFFICE).with("scope", "openid data_usage"));
    let asked = asked.and("ui_locales", "en");
    let page = browser.begin_with_number(world, &asked, &person).await;
    let code = world.sandbox.next_code(&person).await;
    let page = browser.enter_code(&page, &code).await.page().expect("allow");
    assert!(page.text().contains("Who received your data"), "{page}");
    let code = code_of(&browser.allow_everything(&page).await.away());
    let portal = bound(world, OFFICE, &redemption(&code)).await.granted();
    let token = portal.get("access_token");
    assert_eq!(portal.get("scope"), "openid data_usage");

    let answer = usage(world, token, "?lang=en").await;
    assert!(answer.headers().get("link").is_none());
    let list: Vec<Value> = answer.json().await.expect("JSON");
    let of = |client: &str| list.iter().filter(|row| row["service"] == client).collect::<Vec<_>>();
    let (council, checker) = (of("Council"), of("Checker"));
    assert_eq!((council.len(), checker.len()), (3, 1), "{list:?}");
    assert_eq!(
        council[2]["action"],
        "Asked by law for access to: Address, Temporary address. What for: Housing register"
    );
    assert_eq!(council[0]["receiver"], "The owner of Council");
    assert_eq!(
        council[1]["action"],
        "Received by law, without your consent: Address. What for: Housing register"
    );
    assert_eq!(
        (&council[1]["basis"], &council[1]["purpose"]),
        (&"statutory".into(), &"Housing register".into())
    );
    assert_eq!(checker[0]["action"], "Checked that the phone number is yours");
    assert_eq!(checker[0]["basis"], "contract", "nobody agreed to it: {list:?}");
    let times: Vec<&str> = list.iter().map(|row| row["logtime"].as_str().expect("a time")).collect();
    assert!(times.is_sorted_by(|newer, older| newer >= older) && times[0].ends_with('Z'), "{times:?}");
    assert!(!list.iter().any(|row| row.to_string().contains("Yunusobod")), "names, and no value");
    // The list was read by the consent that the person gave.
    let own = "SELECT leaf FROM ledger_entries WHERE client_id = 'office' AND leaf LIKE '%data_usage%' AND leaf LIKE $1";
    let consent = world.command(&["consents", "list", &person.number]);
    let consent = consent.split(' ').next().expect("an identifier").to_owned();
    let leaf = world.stored_text(own, &format!("%\"consent\":\"{consent}\"%")).await;
    assert!(leaf.contains("\"contract\":\"sandbox\""), "{leaf}");
    // In the language of the reader, by pages.
    let first = usage(world, token, "?limit=1&lang=ru").await;
    let next = first.headers()["link"].to_str().expect("ASCII").to_owned();
    let own: Vec<Value> = first.json().await.expect("JSON");
    assert_eq!(own[0]["service"], "Office", "that it was read is an entry as well: {own:?}");
    assert!(own[0]["action"].as_str().is_some_and(|action| action.starts_with("Получены данные")), "{own:?}");
    let next = next.trim_start_matches('<').split('>').next().expect("an address").to_owned();
    let query = next.split_once("/data/usage").expect("the list").1;
    assert!(query.starts_with("?limit=1&lang=ru&before="), "{query}");
    let second: Vec<Value> = usage(world, token, query).await.json().await.expect("JSON");
    assert_eq!(second.len(), 1);
    assert_ne!(second[0]["entry"], own[0]["entry"]);
    let future = usage(world, token, "?from=99999999999").await.json::<Vec<Value>>().await.expect("JSON");
    assert!(future.is_empty(), "{future:?}");
    // What the person ends has ended.
    let listed = world.command(&["consents", "list", &person.number]);
    world.command(&["consents", "end", listed.split(' ').next().expect("an identifier")]);
    assert_eq!(usage(world, token, "").await.status(), 401, "at once");
}

async fn the_list_is_nobody_elses(world: &World) {
    let signed_in = async |person: &Person, scope: &str| {
        let asked = Asked::by(OFFICE).with("scope", scope);
        code_of(&world.browser().sign_in(world, &asked, person).await)
    };
    let code = signed_in(&world.person(), "openid profile").await;
    let tokens = bound(world, OFFICE, &redemption(&code)).await.granted();
    let refused = Tokens::of(usage(world, tokens.get("access_token"), "").await).await;
    refused.refused(403, "insufficient_scope");
    let machine = bound(world, COUNCIL, &[("grant_type", "client_credentials")]).await.granted();
    let refused = Tokens::of(usage(world, machine.get("access_token"), "").await).await;
    refused.refused(403, "insufficient_scope");
    assert_eq!(usage(world, "wrong", "").await.status(), 401);
    let person = world.person();
    // Whoever copies a token has nothing: it opens the list with a proof alone, and without a key it does not at all.
    let free = world.redeem(OFFICE, &signed_in(&person, "openid data_usage").await).await.granted();
    let own =
        bound(world, OFFICE, &redemption(&signed_in(&person, "openid data_usage").await)).await.granted();
    for (tokens, words) in [(&free, "bound to a key or a certificate"), (&own, "use the scheme DPoP")] {
        let request = world.browser().request(Method::GET, &world.url("/data/usage"));
        let answer = request.bearer_auth(tokens.get("access_token")).send().await.expect("an answer");
        let refused = Tokens::of(answer).await;
        refused.refused(401, "invalid_token");
        assert!(refused.get("error_description").contains(words), "{}", refused.body);
    }
    for bad in ["?limit=0", "?limit=101", "?before=1", "?from=soon", "?to=-1"] {
        let refused = Tokens::of(usage(world, own.get("access_token"), bad).await).await;
        refused.refused(400, "invalid_request");
    }
    // It is no datum of a purpose.
    let asked = asks(world, &person, &[detail(world, &["data_usage"], "Curiosity", "repeated")]).await;
    asked.refused(400, "invalid_authorization_details");
}

async fn r70_nothing_leaves_where_the_ledger_takes_no_row(setup: Setup) {
    crate::support::wait::a_whole_day().await;
    let world = setup.start().await;
    let person = world.person();
    let tokens = agreed(&world, &person, &[detail(&world, &["address"], "Moving in", "single")]).await;
    let lawful = by_law(&world, COUNCIL, &lawful(&world, &person.pinfl, &json!({}))).await.granted();
    let (break_it, mend_it) = match world.setup.backend {
        Backend::Embedded => (
            "CREATE TRIGGER refuse BEFORE INSERT ON ledger_entries BEGIN SELECT RAISE(ABORT, 'refused'); END",
            "DROP TRIGGER refuse",
        ),
        Backend::Servers => (
            "ALTER TABLE ledger_entries ADD CONSTRAINT refuse CHECK (at_ms < 0) NOT VALID",
            "ALTER TABLE ledger_entries DROP CONSTRAINT refuse",
        ),
    };
    world.change_database(break_it).await;
    for tokens in [&tokens, &lawful] {
        let failed = read(&world, tokens, "address").await;
        assert!(failed.status >= 500 && !failed.body.to_string().contains("Toshkent"), "{}", failed.body);
    }
    let failed = verified(&world, CHECKER, &person.number, &person.pinfl).await;
    assert!(failed.status >= 500 && failed.body.get("verified").is_none(), "{}", failed.body);
    world.change_database(mend_it).await;
    let told = "SELECT COUNT(*) FROM notices WHERE kind IN ('data_released', 'number_verified')";
    assert_eq!(world.stored(told).await, 0, "all or nothing");
    // And nothing was used up.
    for tokens in [&tokens, &lawful] {
        let data = read(&world, tokens, "address").await.granted();
        assert_eq!(rows(&world, data.get("entry")).await, 1);
    }
    assert_eq!(world.stored(told).await, 1);
    // A number that is verified twice on a day is one row and one notice.
    for number in [person.number.clone(), format!("+{}", person.number)] {
        verified(&world, CHECKER, &number, &person.pinfl).await.granted();
    }
    let rows = "SELECT COUNT(*) FROM ledger_entries WHERE client_id = 'checker'";
    let told = "SELECT COUNT(*) FROM notices WHERE kind = 'number_verified'";
    assert_eq!((world.stored(rows).await, world.stored(told).await), (1, 1));
}

async fn how_often_a_service_asks_is_bounded(setup: Setup) {
    let setup = setup.set("data.readings_per_minute", 3).set("data.verifications_per_minute", 2);
    let world = setup.start().await;
    let person = world.person();
    let tokens = by_law(&world, COUNCIL, &lawful(&world, &person.pinfl, &json!({}))).await.granted();
    for _ in 0..2 {
        read(&world, &tokens, "address").await.granted();
    }
    let late = read(&world, &tokens, "address").await;
    late.refused(429, "temporarily_unavailable");
    assert_eq!(late.headers["retry-after"], "60");
    by_law(&world, COUNCIL, &lawful(&world, &person.pinfl, &json!({})))
        .await
        .refused(429, "temporarily_unavailable");
    // Another one is not held up, nor is this one in the next minute.
    let free = agreed(&world, &person, &[detail(&world, &["address"], "Moving in", "repeated")]).await;
    read(&world, &free, "address").await.granted();
    for _ in 0..2 {
        verified(&world, CHECKER, &person.number, &person.pinfl).await.granted();
    }
    verified(&world, CHECKER, &person.number, &person.pinfl).await.refused(429, "temporarily_unavailable");
    world.advance(61).await;
    verified(&world, CHECKER, &person.number, &person.pinfl).await.granted();
}

async fn how_often_a_service_names_nobody_is_bounded(setup: Setup) {
    let world = setup.set("data.unfound_per_hour", 2).start().await;
    let (person, nobody) = (world.person(), world.somebody(PersonKind::Unknown));
    by_law(&world, COUNCIL, &lawful(&world, &person.pinfl, &json!({}))).await.granted();
    for _ in 0..2 {
        let named = by_law(&world, COUNCIL, &lawful(&world, &nobody.pinfl, &json!({}))).await;
        named.refused(400, "unknown_user_id");
    }
    // Whoever is on record is told no more either: that would be an answer.
    for pinfl in [&nobody.pinfl, &person.pinfl] {
        let refused = by_law(&world, COUNCIL, &lawful(&world, pinfl, &json!({}))).await;
        refused.refused(429, "temporarily_unavailable");
        assert!(refused.get("error_description").contains("unfound_per_hour"), "{}", refused.body);
    }
}
