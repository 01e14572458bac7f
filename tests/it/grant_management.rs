//! Grant Management for OAuth 2.0: grants that clients name, change, query and end.

use reqwest::Method;
use serde_json::{Value, json};

use crate::support::client_file::{ESTATE, MACHINE, SHOP, TRUST, client};
use crate::support::wait::until;
use crate::support::{
    Asked, Backend, Browser, Page, Person, Setup, Step, World, code_of, on_both_backends, param,
};

on_both_backends!(
    grant_management_a_grant_is_named_and_queried,
    grant_management_a_revoked_grant_ends_with_all_its_tokens,
    grant_management_the_endpoint_is_for_the_clients_own_tokens,
    grant_management_merge_is_agreed_to_as_a_whole,
    grant_management_replace_is_decided_anew_and_ends_the_former,
    grant_management_a_grant_is_changed_by_its_person_alone,
    grant_management_requests_that_contradict_are_refused,
    grant_management_nothing_follows_a_grant_that_was_revoked_meanwhile,
    grant_management_details_join_a_grant_but_for_those_that_are_read_once,
    grant_management_a_query_tells_what_was_agreed_to_and_a_merge_keeps_it,
    grant_management_a_merge_asks_for_nothing_that_the_registration_lost,
);

const BOTH: &str = "grant_management_query grant_management_revoke";

/// An access token of the client's own.
async fn own_token(world: &World, client: &str, scope: &str) -> String {
    let fields = [("grant_type", "client_credentials"), ("scope", scope)];
    world.post_as(client, "/oidc/token", &fields).await.granted().get("access_token").to_owned()
}

/// Status and content of an answer about a grant.
async fn ask(world: &World, method: Method, id: &str, token: &str) -> (u16, Value) {
    let request = world.browser().request(method, &world.url(&format!("/oidc/grants/{id}")));
    let answer = request.bearer_auth(token).send().await.expect("an answer");
    let status = answer.status().as_u16();
    let text = answer.text().await.expect("text");
    (status, if text.is_empty() { Value::Null } else { serde_json::from_str(&text).expect(&text) })
}

async fn query(world: &World, client: &str, id: &str) -> (u16, Value) {
    let token = own_token(world, client, BOTH).await;
    ask(world, Method::GET, id, &token).await
}

async fn revoke(world: &World, client: &str, id: &str) -> u16 {
    let token = own_token(world, client, BOTH).await;
    ask(world, Method::DELETE, id, &token).await.0
}

/// A request of a client that manages its grants.
fn asking(client: &str, scope: &str, action: &str, id: Option<&str>) -> Asked {
    let asked = Asked::by(client).with("scope", scope).and("grant_management_action", action);
    match id {
        Some(id) => asked.and("grant_id", id),
        None => asked,
    }
}

/// The page on which a person who is signed in is asked.
async fn asked_on(browser: &mut Browser, world: &World, asked: &Asked) -> Page {
    let page = browser.begin(world, asked).await.page();
    let page = if page.has("other") { browser.press(&page, "continue", &[]).await.page() } else { page };
    page.expect("allow")
}

async fn grant_management_a_grant_is_named_and_queried(world: &World) {
    for client in [TRUST, ESTATE] {
        let claims = r#"{"userinfo":{"birthdate":null}}"#;
        let asked = asking(client, "openid phone offline_access", "create", None).and("claims", claims);
        let asked = if client == TRUST { world.pushed(&asked).await } else { asked };
        let tokens = world.tokens(&asked, &world.person()).await;
        let id = tokens.get("grant_id");
        let refreshed = world.refresh(client, tokens.get("refresh_token")).await.granted();
        assert_eq!(refreshed.get("grant_id"), id);
        let (status, told) = query(world, client, id).await;
        let wanted = json!({
            "scopes": [{"scope": "openid phone offline_access"}],
            "claims": ["birthdate"], "authorization_details": [],
        });
        assert_eq!((status, told), (200, wanted));
    }
    // Without the parameter a new one begins as well, and another service knows of none.
    let tokens = world.tokens(&Asked::by(TRUST), &world.person()).await;
    assert_eq!(query(world, TRUST, tokens.get("grant_id")).await.0, 200);
    let tokens = world.tokens(&Asked::by(SHOP), &world.person()).await;
    assert!(tokens.body.get("grant_id").is_none(), "{}", tokens.body);
}

async fn grant_management_a_revoked_grant_ends_with_all_its_tokens(world: &World) {
    for client in [TRUST, ESTATE] {
        let asked = asking(client, "openid phone offline_access", "create", None);
        let tokens = world.tokens(&asked, &world.person()).await;
        let (id, access) = (tokens.get("grant_id"), tokens.get("access_token"));
        let refreshed = world.refresh(client, tokens.get("refresh_token")).await.granted();
        assert_eq!(revoke(world, client, id).await, 204);
        assert!(!world.is_active(client, access).await);
        assert_eq!(world.userinfo(refreshed.get("access_token")).await.status, 401);
        world.refresh(client, refreshed.get("refresh_token")).await.refused(400, "invalid_grant");
        let (status, told) = query(world, client, id).await;
        assert_eq!((status, &told["error"]), (404, &"invalid_grant_id".into()), "{told}");
        assert_eq!(revoke(world, client, id).await, 404);
        // By its refresh token it ends as well.
        let tokens = world.tokens(&asked, &world.person()).await;
        world.post_as(client, "/oidc/revoke", &[("token", tokens.get("refresh_token"))]).await;
        assert_eq!(query(world, client, tokens.get("grant_id")).await.0, 404);
    }
}

async fn grant_management_the_endpoint_is_for_the_clients_own_tokens(world: &World) {
    let asked = asking(TRUST, "openid phone offline_access", "create", None);
    let tokens = world.tokens(&asked, &world.person()).await;
    let id = tokens.get("grant_id");
    let url = world.url(&format!("/oidc/grants/{id}"));
    let bare = world.browser().request(Method::GET, &url).send().await.expect("an answer");
    assert_eq!(bare.status(), 401);
    assert!(bare.headers().get("www-authenticate").is_some());
    let reading = own_token(world, TRUST, "grant_management_query openid unknown").await;
    let ending = own_token(world, TRUST, "grant_management_revoke").await;
    let nothing = own_token(world, TRUST, "").await;
    let machine = own_token(world, MACHINE, BOTH).await;
    let other = own_token(world, ESTATE, BOTH).await;
    let narrowed =
        [("grant_type", "client_credentials"), ("scope", BOTH), ("resource", "urn:uz:example:tax")];
    let narrowed = world.post_as(TRUST, "/oidc/token", &narrowed).await.granted();
    for (method, token, status) in [
        (Method::GET, "nonsense", 401),
        (Method::GET, narrowed.get("access_token"), 401),
        (Method::GET, tokens.get("access_token"), 403),
        (Method::GET, &nothing, 403),
        (Method::GET, &ending, 403),
        (Method::DELETE, &reading, 403),
        (Method::DELETE, &machine, 403),
        (Method::GET, &other, 404),
        (Method::DELETE, &other, 404),
        (Method::POST, &ending, 405),
        (Method::GET, &reading, 200),
        (Method::DELETE, &ending, 204),
    ] {
        assert_eq!(ask(world, method.clone(), id, token).await.0, status, "{method}");
    }
    for odd in ["x".repeat(3_000), "%00".to_owned(), "%D0%AF".to_owned()] {
        assert_eq!(ask(world, Method::GET, &odd, &reading).await.0, 404, "{odd}");
    }
}

async fn grant_management_merge_is_agreed_to_as_a_whole(world: &World) {
    for client in [TRUST, ESTATE] {
        let (person, mut browser) = (world.person(), world.browser());
        let asked = asking(client, "openid profile offline_access", "create", None);
        let code = code_of(&browser.sign_in(world, &asked, &person).await);
        let first = world.redeem(client, &code).await.granted();
        let id = first.get("grant_id");
        let merge = asking(client, "openid phone", "merge", Some(id));
        let page = asked_on(&mut browser, world, &merge).await;
        // The whole is on one page, and nothing of it ends.
        assert!(
            page.text().contains("Allowed before") && !page.text().contains("No longer asked for"),
            "{page}"
        );
        let mut step = browser.allow_everything(&page).await;
        if let Step::Page(page) = step {
            step = browser.enter_code(&page, &world.sandbox.next_code(&person).await).await;
        }
        let merged = world.redeem(client, &code_of(&step.away())).await.granted();
        assert_eq!(merged.get("grant_id"), id);
        assert_eq!(merged.get("scope"), "openid profile phone offline_access");
        let (_, told) = query(world, client, id).await;
        assert_eq!(told["scopes"][0]["scope"], "openid profile phone offline_access");
        let claims = world.userinfo(merged.get("access_token")).await.granted().body;
        assert!(claims["name"].is_string() && claims["phone_number"].is_string(), "{claims}");
        // The former tokens of the grant have ended.
        world.refresh(client, first.get("refresh_token")).await.refused(400, "invalid_grant");
        assert_eq!(world.userinfo(first.get("access_token")).await.status, 401);
        let again = world.refresh(client, merged.get("refresh_token")).await.granted();
        // What the consent covers is merged without a page.
        let silent = asking(client, "openid", "merge", Some(id)).and("prompt", "none");
        let code = code_of(&browser.begin(world, &silent).await.away());
        let more = world.redeem(client, &code).await.granted();
        assert_eq!((more.get("grant_id"), more.get("scope")), (id, "openid profile phone offline_access"));
        world.refresh(client, again.get("refresh_token")).await.refused(400, "invalid_grant");
    }
}

async fn grant_management_replace_is_decided_anew_and_ends_the_former(world: &World) {
    for client in [TRUST, ESTATE] {
        let (person, mut browser) = (world.person(), world.browser());
        let asked = asking(client, "openid profile phone offline_access", "create", None);
        let code = code_of(&browser.sign_in(world, &asked, &person).await);
        let first = world.redeem(client, &code).await.granted();
        let id = first.get("grant_id");
        // Less is asked for, which the consent covers: the person decides all the same.
        let replace = asking(client, "openid phone offline_access", "replace", Some(id));
        let silent = browser.begin(world, &replace.clone().and("prompt", "none")).await.away();
        assert_eq!(param(&silent, "error").as_deref(), Some("consent_required"), "{silent}");
        let code = code_of(&browser.sign_in(world, &replace, &person).await);
        let next = world.redeem(client, &code).await.granted();
        assert_eq!((next.get("grant_id"), next.get("scope")), (id, "openid phone offline_access"));
        assert_eq!(query(world, client, id).await.1["scopes"][0]["scope"], "openid phone offline_access");
        world.refresh(client, first.get("refresh_token")).await.refused(400, "invalid_grant");
        assert_eq!(world.userinfo(first.get("access_token")).await.status, 401);
        world.refresh(client, next.get("refresh_token")).await.granted();
        assert_eq!(revoke(world, client, id).await, 204);
        assert!(!world.is_active(client, next.get("access_token")).await);
    }
}

async fn grant_management_a_grant_is_changed_by_its_person_alone(world: &World) {
    let asked = asking(TRUST, "openid phone offline_access", "create", None);
    let tokens = world.tokens(&asked, &world.person()).await;
    let id = tokens.get("grant_id");
    for action in ["merge", "replace"] {
        let another = world.person();
        let url = world.browser().sign_in(world, &asking(TRUST, "openid", action, Some(id)), &another).await;
        assert_eq!(param(&url, "error").as_deref(), Some("login_required"), "{url}");
    }
    world.refresh(TRUST, tokens.get("refresh_token")).await.granted();
}

async fn grant_management_requests_that_contradict_are_refused(world: &World) {
    let asked = asking(TRUST, "openid phone offline_access", "create", None);
    let tokens = world.tokens(&asked, &world.person()).await;
    let id = tokens.get("grant_id");
    let long = "x".repeat(100);
    for (asked, error) in [
        (Asked::by(TRUST).and("grant_id", id), "invalid_request"),
        (asking(TRUST, "openid", "create", Some(id)), "invalid_request"),
        (asking(TRUST, "openid", "merge", None), "invalid_request"),
        (asking(TRUST, "openid", "update", Some(id)), "invalid_request"),
        (asking(SHOP, "openid", "create", None), "invalid_request"),
        (Asked::by(ESTATE), "invalid_request"),
        (asking(ESTATE, "openid", "merge", Some(id)), "invalid_grant_id"),
        (asking(TRUST, "openid", "merge", Some("unknown")), "invalid_grant_id"),
        (asking(TRUST, "openid", "replace", Some(&long)), "invalid_grant_id"),
    ] {
        let url = world.browser().begin(world, &asked).await.away();
        assert_eq!(param(&url, "error").as_deref(), Some(error), "{url}");
        world.push(&asked).await.refused(400, error);
    }
    // One that the browser brings after the grant has ended.
    let pushed = world.pushed(&asking(TRUST, "openid", "merge", Some(id))).await;
    assert_eq!(revoke(world, TRUST, id).await, 204);
    let url = world.browser().begin(world, &pushed).await.away();
    assert_eq!(param(&url, "error").as_deref(), Some("invalid_grant_id"), "{url}");
}

async fn grant_management_nothing_follows_a_grant_that_was_revoked_meanwhile(world: &World) {
    for client in [TRUST, ESTATE] {
        let (person, mut browser) = (world.person(), world.browser());
        let asked = asking(client, "openid phone offline_access", "create", None);
        let code = code_of(&browser.sign_in(world, &asked, &person).await);
        let first = world.redeem(client, &code).await.granted();
        let id = first.get("grant_id");
        let replace = asking(client, "openid phone offline_access", "replace", Some(id));
        let code = code_of(&browser.sign_in(world, &replace, &person).await);
        assert_eq!(revoke(world, client, id).await, 204);
        world.redeem(client, &code).await.refused(400, "invalid_grant");
        assert_eq!(query(world, client, id).await.0, 404);

        // Of two that join it each takes the place of the one before.
        let code = code_of(&browser.sign_in(world, &asked, &person).await);
        let first = world.redeem(client, &code).await.granted();
        let id = first.get("grant_id");
        let merge = asking(client, "openid", "merge", Some(id)).and("prompt", "none");
        let mut codes = Vec::new();
        for _ in 0..3 {
            codes.push(code_of(&browser.begin(world, &merge).await.away()));
        }
        let one = world.redeem(client, &codes[0]).await.granted();
        let other = world.redeem(client, &codes[1]).await.granted();
        assert_eq!((one.get("grant_id"), other.get("grant_id")), (id, id));
        assert!(!world.is_active(client, one.get("access_token")).await);
        // Ended by its refresh token, it does not come back under its name either.
        let token = [("token", other.get("refresh_token"))];
        assert_eq!(world.post_as(client, "/oidc/revoke", &token).await.status, 200);
        world.redeem(client, &codes[2]).await.refused(400, "invalid_grant");
        assert_eq!(query(world, client, id).await.0, 404);
    }
}

async fn grant_management_a_query_tells_what_was_agreed_to_and_a_merge_keeps_it(world: &World) {
    let (person, mut browser) = (world.person(), world.browser());
    let claims = r#"{"userinfo":{"birthdate":null,"phone_number":null,
        "verified_claims":{"verification":{"trust_framework":null},"claims":{"given_name":null}}}}"#;
    let asked = asking(TRUST, "openid profile offline_access", "create", None).and("claims", claims);
    let page = browser.begin_with_number(world, &asked, &person).await;
    let page = browser.enter_code(&page, &world.sandbox.next_code(&person).await).await.page();
    // The optional data are left unticked.
    let code = code_of(&browser.press(&page.expect("allow"), "allow", &[]).await.away());
    let first = world.redeem(TRUST, &code).await.granted();
    let id = first.get("grant_id");
    assert_eq!(query(world, TRUST, id).await.1["claims"], json!(["verified_claims"]));
    let merge = asking(TRUST, "openid", "merge", Some(id)).and("prompt", "none");
    let code = code_of(&browser.begin(world, &merge).await.away());
    let merged = world.redeem(TRUST, &code).await.granted();
    assert_eq!(query(world, TRUST, id).await.1["claims"], json!(["verified_claims"]));
    let claims = world.userinfo(merged.get("access_token")).await.granted().body;
    assert!(claims["verified_claims"]["claims"]["given_name"].is_string(), "{claims}");
}

async fn grant_management_details_join_a_grant_but_for_those_that_are_read_once(world: &World) {
    let (person, mut browser) = (world.person(), world.browser());
    let detail = |set: &str, how_often: &str| json!({"type": "personal_data", "data_sets": [set], "purpose": set, "use": how_often});
    let details = json!([detail("address", "repeated"), detail("pinfl", "single")]).to_string();
    let asked = asking(TRUST, "openid offline_access", "create", None).and("authorization_details", &details);
    let code = code_of(&browser.sign_in(world, &asked, &person).await);
    let first = world.redeem(TRUST, &code).await.granted();
    let id = first.get("grant_id");
    let purposes = |told: &Value| -> Vec<String> {
        let details = told["authorization_details"].as_array().cloned().unwrap_or_default();
        details.iter().map(|detail| detail["purpose"].as_str().expect("a purpose").to_owned()).collect()
    };
    assert_eq!(purposes(&query(world, TRUST, id).await.1), ["address", "pinfl"]);
    let more = json!([detail("phone", "repeated")]).to_string();
    let merge = asking(TRUST, "openid", "merge", Some(id)).and("authorization_details", &more);
    let code = code_of(&browser.sign_in(world, &merge, &person).await);
    let merged = world.redeem(TRUST, &code).await.granted();
    assert_eq!(purposes(&merged.body), ["phone", "address"]);
    assert_eq!(purposes(&query(world, TRUST, id).await.1), ["phone", "address"]);
    // In general and for one purpose do not go together.
    let url = browser.begin(world, &asking(TRUST, "openid phone", "merge", Some(id))).await.away();
    assert_eq!(param(&url, "error").as_deref(), Some("invalid_authorization_details"), "{url}");
}

async fn grant_management_a_merge_asks_for_nothing_that_the_registration_lost(world: &World) {
    let id = "shrinking";
    let import = |sets: &str| {
        let members = format!(
            "grant_types = [\"authorization_code\", \"refresh_token\"]\ngrant_management = true\n\
             authorization_details_types = [\"personal_data\"]\ndata_sets = [{sets}]\n"
        );
        let file = world.folder.file("shrinking.toml");
        std::fs::write(&file, client(id, &members)).expect("a file");
        world.command(&["client", "import", &file.display().to_string()]);
    };
    import("{ name = \"phone\" }, { name = \"address\" }");
    let known = async || (world.redeem(id, "x").await.body["error"] != "invalid_client").then_some(());
    until("the provider to know the client", known).await;
    let (person, mut browser) = (world.person(), world.browser());
    let detail =
        |set: &str| json!({"type": "personal_data", "data_sets": [set], "purpose": set, "use": "repeated"});
    let details = json!([detail("phone"), detail("address")]).to_string();
    let both = asking(id, "openid offline_access", "create", None).and("authorization_details", &details);
    let code = code_of(&browser.sign_in(world, &both, &person).await);
    let first = world.redeem(id, &code).await.granted();
    assert_eq!(first.body["authorization_details"].as_array().map(Vec::len), Some(2), "{}", first.body);
    import("{ name = \"phone\" }");
    let lost = async || (world.push(&both).await.status == 400).then_some(());
    until("the provider to know what it lost", lost).await;
    let merge = asking(id, "openid", "merge", Some(first.get("grant_id"))).and("prompt", "none");
    let code = code_of(&browser.begin(world, &merge).await.away());
    let merged = world.redeem(id, &code).await.granted();
    let left = merged.body["authorization_details"].as_array().expect("details");
    assert_eq!((left.len(), &left[0]["purpose"]), (1, &json!("phone")), "{}", merged.body);
}

#[tokio::test]
async fn grant_management_a_revoked_grant_ends_on_every_node_at_once() {
    let mut world = Setup::new(Backend::Servers).set("nodes", 2).start().await;
    world.add_node().await;
    let person: Person = world.person();
    let asked = asking(TRUST, "openid phone offline_access", "create", None);
    let tokens = world.tokens(&asked, &person).await;
    let other = world.nodes[1].port;
    let token = [("token", tokens.get("access_token"))];
    let there = world.post_at(other, TRUST, "/oidc/introspect", &token).await.granted();
    assert_eq!(there.body["active"], true);
    assert_eq!(revoke(&world, TRUST, tokens.get("grant_id")).await, 204);
    let there = world.post_at(other, TRUST, "/oidc/introspect", &token).await.granted();
    assert_eq!(there.body["active"], false);
    let fields = [("grant_type", "refresh_token"), ("refresh_token", tokens.get("refresh_token"))];
    world.post_at(other, TRUST, "/oidc/token", &fields).await.refused(400, "invalid_grant");
}
