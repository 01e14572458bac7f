//! How answers travel: query, fragment, form, and signed (JARM).

use std::collections::BTreeMap;

use serde_json::Value;
use url::{Url, form_urlencoded};

use crate::support::client_file::{LEGACY, PUSHER, SHOP, VAULT};
use crate::support::{Asked, Browser, CALLBACK, Step, World, jwt, on_both_backends, param};

on_both_backends!(
    oauth_multiple_2_1_an_answer_may_stand_in_the_fragment,
    jarm_2_3_signed_answers_travel_in_every_way,
    jarm_2_1_errors_are_signed_like_answers,
    jarm_3_each_client_gets_its_algorithm,
    oauth_multiple_2_1_an_unknown_mode_is_refused,
    a_signed_answer_is_no_id_token,
);

type Fields = BTreeMap<String, String>;

/// The fields of an answer, and where they stood: `query`, `fragment` or `form`.
fn read(step: Step) -> (&'static str, Fields) {
    match step {
        Step::Page(page) => {
            let form = page.form("continue");
            assert_eq!(form.action, CALLBACK);
            let policy = page.header("content-security-policy");
            assert!(policy.contains("form-action 'self' http://localhost:9;"), "{policy}");
            let fields = form.fields("continue", &[]);
            ("form", fields.into_iter().filter(|(name, _)| !name.is_empty()).collect())
        }
        Step::Away(url) => {
            assert!(url.as_str().starts_with(CALLBACK), "{url}");
            match url.fragment() {
                Some(fragment) => {
                    assert_eq!(url.query(), None, "{url}");
                    ("fragment", form_urlencoded::parse(fragment.as_bytes()).into_owned().collect())
                }
                None => ("query", url.query_pairs().into_owned().collect()),
            }
        }
    }
}

/// The claims of a signed answer, which nothing stands beside.
async fn opened(world: &World, fields: &Fields, client: &str) -> Value {
    assert_eq!(fields.keys().collect::<Vec<_>>(), ["response"], "nothing else");
    let jwt = jwt::verify(&fields["response"], &world.keys().await);
    assert_eq!(jwt.claims["iss"], *world.issuer.as_str().trim_end_matches('/'));
    assert_eq!(jwt.claims["aud"], client);
    let left = jwt.claims["exp"].as_i64().expect("exp") - time::OffsetDateTime::now_utc().unix_timestamp();
    assert!((1..=600).contains(&left), "{left}");
    jwt.claims
}

/// A browser in which somebody signed in to these services.
async fn signed_in(world: &World, client: &str) -> Browser {
    let (mut browser, person) = (world.browser(), world.person());
    browser.sign_in(world, &Asked::by(client), &person).await;
    browser
}

fn silent(client: &str, mode: &str) -> Asked {
    Asked::by(client).and("prompt", "none").and("response_mode", mode)
}

async fn oauth_multiple_2_1_an_answer_may_stand_in_the_fragment(world: &World) {
    let mut browser = signed_in(world, SHOP).await;
    let (place, fields) = read(browser.begin(world, &silent(SHOP, "fragment")).await);
    assert_eq!(place, "fragment");
    assert_eq!(fields["state"], "state-state-state");
    assert_eq!(fields["iss"], *world.issuer.as_str().trim_end_matches('/'));
    world.redeem(SHOP, &fields["code"]).await.granted();
    let refused = silent(SHOP, "fragment").with("scope", "profile");
    let (place, fields) = read(browser.begin(world, &refused).await);
    assert_eq!((place, fields["error"].as_str()), ("fragment", "invalid_scope"));
}

async fn jarm_2_3_signed_answers_travel_in_every_way(world: &World) {
    let mut browser = signed_in(world, SHOP).await;
    for (mode, expected) in
        [("jwt", "query"), ("query.jwt", "query"), ("fragment.jwt", "fragment"), ("form_post.jwt", "form")]
    {
        let (place, fields) = read(browser.begin(world, &silent(SHOP, mode)).await);
        assert_eq!(place, expected, "{mode}");
        let claims = opened(world, &fields, SHOP).await;
        assert_eq!(claims["state"], "state-state-state", "{mode}");
        world.redeem(SHOP, claims["code"].as_str().expect("a code")).await.granted();
    }
    // A code that comes after pages is signed as well, and so is the request of a client that pushed it.
    let asked = world.pushed(&Asked::by(SHOP).and("response_mode", "jwt")).await;
    let page = browser.begin(world, &asked).await.page().expect("continue");
    let (_, fields) = read(browser.press(&page, "continue", &[]).await);
    assert!(opened(world, &fields, SHOP).await["code"].is_string());
}

async fn jarm_2_1_errors_are_signed_like_answers(world: &World) {
    for (mode, expected) in [("jwt", "query"), ("fragment.jwt", "fragment"), ("form_post.jwt", "form")] {
        // Of a rule, of the silent way, and of the person.
        let rule = Asked::by(SHOP).with("scope", "profile").and("response_mode", mode);
        for (asked, error) in [(rule, "invalid_scope"), (silent(SHOP, mode), "login_required")] {
            let (place, fields) = read(world.browser().begin(world, &asked).await);
            assert_eq!(place, expected, "{mode}");
            let claims = opened(world, &fields, SHOP).await;
            assert_eq!((&claims["error"], &claims["state"]), (&error.into(), &"state-state-state".into()));
            assert!(claims["error_description"].is_string() && claims.get("code").is_none(), "{claims}");
        }
        let mut browser = world.browser();
        let asked = Asked::by(SHOP).and("response_mode", mode);
        let page = browser.begin(world, &asked).await.page().expect("phone");
        let (_, fields) = read(browser.get(&page.link("cancel")).await);
        assert_eq!(opened(world, &fields, SHOP).await["error"], "access_denied");
    }
}

async fn jarm_3_each_client_gets_its_algorithm(world: &World) {
    let pushed = world.pushed(&silent(PUSHER, "jwt")).await;
    for (client, asked, alg) in [
        (LEGACY, silent(LEGACY, "jwt"), "RS256"),
        (VAULT, silent(VAULT, "jwt"), "PS256"),
        (PUSHER, pushed, "EdDSA"),
    ] {
        let (_, fields) = read(world.browser().begin(world, &asked).await);
        opened(world, &fields, client).await;
        let header = jwt::read(&fields["response"]).header;
        assert_eq!(header["alg"], alg, "{client}");
    }
}

async fn oauth_multiple_2_1_an_unknown_mode_is_refused(world: &World) {
    for mode in ["web_message", "FRAGMENT", "query.jws", "none"] {
        let url: Url = world.browser().begin(world, &silent(SHOP, mode)).await.away();
        assert_eq!(param(&url, "error").as_deref(), Some("invalid_request"), "{url}");
    }
}

async fn a_signed_answer_is_no_id_token(world: &World) {
    let (_, fields) = read(world.browser().begin(world, &silent(SHOP, "jwt")).await);
    let response = &fields["response"];
    assert!(jwt::read(response).header.get("typ").is_none(), "what is an ID token here has one");
    let url = world.browser().begin(world, &Asked::by(SHOP).and("id_token_hint", response)).await.away();
    assert_eq!(param(&url, "error").as_deref(), Some("invalid_request"), "{url}");
}
