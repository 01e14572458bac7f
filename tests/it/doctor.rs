//! What operators are told of a client: its set-up, and its last requests that were refused.

use serde_json::{Value, json};

use crate::support::client_file::{CALLBACK, KEYED, RIVAL, SHOP, client};
use crate::support::flow::{proving, redemption};
use crate::support::process::both_streams;
use crate::support::publisher::Publisher;
use crate::support::signer::{KEYS, now};
use crate::support::wait::until;
use crate::support::{Asked, World, http, on_both_backends};

on_both_backends!(
    a_refused_request_is_told_with_what_mends_it,
    the_code_of_a_problem_page_finds_its_request,
    what_an_assertion_said_is_told_against_what_was_expected,
    what_is_wrong_with_the_set_up_is_told,
    the_operations_address_has_a_page_for_each_client,
);

impl World {
    /// What the doctor says, as JSON.
    fn examined(&self, arguments: &[&str]) -> Value {
        let said = self.command(&[&["client", "doctor"], arguments, &["--format", "json"]].concat());
        serde_json::from_str(&said).unwrap_or_else(|error| panic!("{error}: {said}"))
    }

    /// Waits until a refusal of the client with these words in its reason is told.
    async fn until_failed(&self, id: &str, words: &str) -> Value {
        until(&format!("{words} of {id}"), async || {
            let examined = self.examined(&[id]);
            let failures = examined["failures"].as_array().expect("failures").clone();
            failures
                .into_iter()
                .find(|failure| failure["reason"].as_str().is_some_and(|why| why.contains(words)))
        })
        .await
    }

    /// Imports a client of these members.
    fn imported(&self, id: &str, members: &str) {
        let file = self.folder.file(&format!("{id}.toml"));
        std::fs::write(&file, client(id, members)).expect("a client file");
        self.command(&["client", "import", &file.display().to_string()]);
    }
}

async fn a_refused_request_is_told_with_what_mends_it(world: &World) {
    let wrong = format!("{CALLBACK}x");
    world.push(&Asked::by(RIVAL).with("redirect_uri", &wrong)).await.refused(400, "invalid_request");
    let failure = world.until_failed(RIVAL, "redirect_uri is not registered").await;
    assert_eq!((&failure["event"], &failure["error"]), (&json!("par.refused"), &json!("invalid_request")));
    let at = CALLBACK.len() + 1;
    let detail = failure["detail"].as_str().expect("text");
    assert!(detail.contains(&format!("at character {at}, where `x` was sent")), "{detail}");
    assert!(failure["remedy"].as_str().is_some_and(|remedy| remedy.contains("slash")), "{failure}");
    world.redeem(RIVAL, "no-code").await.refused(400, "invalid_grant");
    world.until_failed(RIVAL, "code").await;
    let said = world.command(&["client", "doctor", RIVAL]);
    assert!(said.contains("rival (Rival): enabled") && said.contains("->"), "{said}");
    // Of the names that begin alike only the one that was asked for.
    let rivals = world.examined(&[RIVAL])["failures"].as_array().expect("failures").clone();
    assert!(rivals.iter().all(|failure| failure["client_id"] == RIVAL) && rivals.len() <= 20);
}

async fn the_code_of_a_problem_page_finds_its_request(world: &World) {
    let asked = Asked::by(SHOP).with("redirect_uri", "http://localhost:9/callbock");
    let page = world.browser().begin(world, &asked).await.page().expect_status(400);
    assert!(page.body.contains("where `o` was sent"), "the developer reads it on the page: {page}");
    let marked = page.body.split("class=\"number\" translate=\"no\">").nth(1).expect("a code");
    let code = &marked[..9];
    let found = until("the row", async || {
        let output = world.try_command(&["client", "doctor", "--code", code, "--format", "json"]);
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        output.status.success().then(|| serde_json::from_str::<Value>(&text).expect(&text))
    })
    .await;
    assert_eq!((&found["client_id"], &found["code"]), (&json!(SHOP), &json!(code)));
    // An answer in JSON has no page: its X-Request-Id finds it.
    let answer = world.redeem(SHOP, "no-code").await;
    let id = answer.headers["x-request-id"].to_str().expect("text");
    until("the row", async || {
        world.try_command(&["client", "doctor", "--code", id]).status.success().then_some(())
    })
    .await;
    let none = world.try_command(&["client", "doctor", "--code", "2222-2222"]);
    assert!(!none.status.success() && both_streams(&none).contains("grep 2222-2222"));
}

async fn what_an_assertion_said_is_told_against_what_was_expected(world: &World) {
    let issuer = world.issuer.as_str().trim_end_matches('/');
    let prove = async |audience: &str, more: Value| {
        let assertion = KEYS[0].assertion(KEYED, audience, &more);
        let fields = redemption("no-code");
        let fields = [&fields[..], &proving(&assertion)].concat();
        world
            .post_bare(world.nodes[0].port, "/oidc/token", &fields, None)
            .await
            .refused(401, "invalid_client");
    };
    prove(issuer, json!({"exp": now() - 75})).await;
    let detail = world.until_failed(KEYED, "has expired").await["detail"].clone();
    let detail = detail.as_str().expect("text");
    assert!(detail.starts_with("it expired ") && detail.contains(" s ago"), "{detail}");
    prove("https://elsewhere.uz", json!({})).await;
    let detail = world.until_failed(KEYED, "aud of client_assertion").await["detail"].clone();
    assert!(detail.as_str().is_some_and(|it| it.contains("elsewhere.uz") && it.contains(issuer)), "{detail}");
    let stranger = crate::support::signer::Signer::elliptic("stranger").assertion(KEYED, issuer, &json!({}));
    let fields = [&redemption("no-code")[..], &proving(&stranger)].concat();
    world.post_bare(world.nodes[0].port, "/oidc/token", &fields, None).await.refused(401, "invalid_client");
    let failure = until("the unknown key", async || {
        let failures = world.examined(&[KEYED])["failures"].as_array().expect("failures").clone();
        failures.into_iter().find(|it| it["detail"].as_str().is_some_and(|it| it.contains("kid stranger")))
    })
    .await;
    assert!(
        failure["detail"].as_str().is_some_and(|it| it.contains("keys of the registration: e ")),
        "{failure}"
    );
}

async fn what_is_wrong_with_the_set_up_is_told(world: &World) {
    let sound = world.examined(&["native"]);
    assert_eq!((&sound["state"], &sound["ok"]), (&json!("enabled"), &json!(true)), "{sound}");
    let found = |examined: &Value, words: &str| {
        let findings = examined["findings"].as_array().expect("findings").clone();
        findings.iter().any(|finding| finding["what"].as_str().is_some_and(|what| what.contains(words)))
    };
    let keys = Publisher::start(&json!({"keys": []}));
    world.imported("patient", &format!("resource_servers = [\"nobody\"]\njwks_uri = \"{}\"\nbackchannel_logout_uri = \"http://127.0.0.1:9/out\"\n", keys.url));
    world.command(&["client", "disable", "patient"]);
    let examined = world.examined(&["patient"]);
    assert_eq!((&examined["state"], &examined["ok"]), (&json!("disabled"), &json!(false)));
    assert!(found(&examined, "it is disabled") && found(&examined, "resource server nobody"), "{examined}");
    assert!(!found(&examined, "backchannel") && keys.asked() == 0, "it asks nobody unless it is told to");
    let examined = world.examined(&["patient", "--online"]);
    assert!(found(&examined, "backchannel_logout_uri: "), "{examined}");
    assert!(keys.asked() > 0 && !found(&examined, "jwks_uri"), "{examined}");
    // Keys that can sign nothing of what it must sign.
    world.imported(
        "keyless",
        &format!("token_endpoint_auth_method = \"private_key_jwt\"\njwks_uri = \"{}\"\n", keys.url),
    );
    let examined = world.examined(&["keyless", "--online"]);
    assert!(found(&examined, "jwks_uri: none of its keys can sign"), "{examined}");
    let unknown = world.try_command(&["client", "doctor", "nobody"]);
    assert!(!unknown.status.success() && both_streams(&unknown).contains("client list"));
}

async fn the_operations_address_has_a_page_for_each_client(world: &World) {
    world.redeem("body", "no-code").await.refused(400, "invalid_grant");
    world.until_failed("body", "code").await;
    let at = |path: &str| format!("{}{path}", world.nodes[0].operations);
    let answer = http::get(&at("/clients/body")).await.expect("an answer");
    assert_eq!(answer.status(), 200);
    assert_eq!(answer.headers()["content-security-policy"], "default-src 'none'; style-src 'unsafe-inline'");
    let page = answer.text().await.expect("a page");
    assert!(page.contains("token.refused") && page.contains("Body") && !page.contains("<script"), "{page}");
    assert!(!page.contains(&crate::support::client_file::secret("body")));
    for path in ["/clients/nobody", "/clients/%3Cscript%3E"] {
        let answer = http::get(&at(path)).await.expect("an answer");
        assert_eq!(answer.status(), 404, "{path}");
        assert!(!answer.text().await.expect("text").contains("script"), "{path}");
    }
    // It is for operators alone.
    world.browser().open("/clients/body").await.page().expect_status(404);
}
