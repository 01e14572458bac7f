//! Snapshots of whole responses and pages: any change shows as a difference.
//! Random and date-dependent values are redacted. `INSTA_UPDATE=always scripts/test snapshots` accepts a change.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use insta::{Settings, assert_json_snapshot, assert_snapshot};
use reqwest::Method;
use reqwest::header::HeaderMap;
use serde_json::{Value, json};

use crate::pages::every_page;
use crate::support::client_file::{BODY, LEGACY, MACHINE, MODERN, NATIVE, PUSHER, RIVAL, SHOP, secret};
use crate::support::flow::redemption;
use crate::support::{Asked, Tokens, World, jwt, on_both_backends};

on_both_backends!(
    metadata_and_keys,
    answers_of_the_token_endpoint_and_what_they_open,
    errors_of_the_endpoints,
    errors_that_come_back_by_redirect,
    pages_in_english,
);

/// Snapshots that are not of pages.
const DOCUMENTS: [&str; 7] =
    ["discovery", "jwks", "tokens-shop", "tokens-legacy", "tokens-modern", "errors", "errors-by-redirect"];

/// What differs from run to run in text, and what stands for it.
const FILTERS: [(&str, &str); 11] = [
    (r"http://localhost:\d{5}", "[issuer]"),
    (r"\blocalhost:\d{5}", "[host]"),
    (r">[2-9DFJNRVW]{4}-[2-9DFJNRVW]{4}<", ">[support code]<"),
    (r"/static/(\w+)\.[0-9a-f]{16}\.", "/static/$1.[hash]."),
    (r"\b(t|confirm)=[A-Za-z0-9_-]{43,}", "$1=[secret]"),
    (r#"(name="(?:shown|permits)") value="[A-Za-z0-9_-]{43}""#, r#"$1 value="[digest]""#),
    (r"\b[a-z2-7]{20}\b", "[request id]"),
    (r"\d{1,2} \w+ 20[2-9]\d", "[day]"),
    // Whose number it is; the country's code and the operator's are everybody's here.
    (r"(\+998 (?:•• •••|00 \d{3})) \d\d \d\d\b", "$1 [digits]"),
    (r#"data-after="\d+""#, r#"data-after="[seconds]""#),
    (r"\b[0-2]:\d\d\b", "[wait]"),
];

/// Headers that the HTTP server sets.
const UNINTERESTING: [&str; 3] = ["date", "content-length", "x-request-id"];

fn settings() -> Settings {
    let mut settings = Settings::clone_current();
    settings.set_prepend_module_to_snapshot(false);
    settings.set_omit_expression(true);
    settings.set_filters(FILTERS.to_vec());
    for name in ["iat", "exp", "auth_time"] {
        settings.add_redaction(&format!(".**.{name}"), "[time]");
    }
    for name in ["access_token", "refresh_token", "sub", "sid", "jti", "kid", "at_hash", "phone_number"] {
        settings.add_redaction(&format!(".**.{name}"), format!("[{name}]").as_str());
    }
    settings
}

/// Headers by name; repeated ones in order.
fn headers(headers: &HeaderMap) -> BTreeMap<String, String> {
    let mut lines = BTreeMap::new();
    for (name, value) in headers.iter().filter(|(name, _)| !UNINTERESTING.contains(&name.as_str())) {
        let line: &mut String = lines.entry(name.to_string()).or_default();
        *line += if line.is_empty() { "" } else { "\n" };
        *line += value.to_str().expect("ASCII");
    }
    lines
}

/// A document with its headers.
async fn document(world: &World, path: &str) -> Value {
    let page = world.browser().open(path).await.page().expect_status(200);
    let body: Value = serde_json::from_str(&page.body).expect("JSON");
    json!({ "headers": headers(&page.headers), "body": body })
}

async fn metadata_and_keys(world: &World) {
    let discovery = document(world, "/.well-known/openid-configuration").await;
    let mut jwks = document(world, "/oidc/jwks").await;
    // Keys are in the order in which they were made.
    let keys = jwks["body"]["keys"].as_array_mut().expect("keys");
    keys.sort_by_key(|key| key["alg"].to_string());
    settings().bind(|| {
        assert_json_snapshot!("discovery", discovery);
        assert_json_snapshot!("jwks", jwks, {
            ".body.keys[].x" => "[x]", ".body.keys[].y" => "[y]", ".body.keys[].n" => "[n]",
        });
    });
}

/// A signed token, decoded.
fn opened(token: &str, keys: &Value) -> Value {
    let jwt = jwt::verify(token, keys);
    json!({ "header": jwt.header, "claims": jwt.claims })
}

async fn answers_of_the_token_endpoint_and_what_they_open(world: &World) {
    let keys = world.keys().await;
    for client in [SHOP, LEGACY, MODERN] {
        let asked = Asked::by(client).with("scope", "openid profile phone address offline_access");
        let tokens = world.tokens(&asked, &world.person()).await;
        let access = tokens.get("access_token");
        let userinfo = world.userinfo(access).await.granted();
        let introspection = world.post_as(client, "/oidc/introspect", &[("token", access)]).await.granted();
        let refreshed = world.refresh(client, tokens.get("refresh_token")).await.granted();
        let mut all = json!({
            "token": answer(&tokens),
            "id_token": opened(tokens.get("id_token"), &keys),
            "userinfo": answer(&userinfo),
            "introspection": answer(&introspection),
            "refreshed": answer(&refreshed),
        });
        if client == MODERN {
            all["at+jwt"] = opened(access, &keys);
        }
        for answer in ["token", "refreshed"] {
            all[answer]["body"]["id_token"] = "[id_token]".into();
        }
        settings().bind(|| assert_json_snapshot!(format!("tokens-{client}"), all));
    }
}

fn answer(tokens: &Tokens) -> Value {
    json!({ "status": tokens.status, "headers": headers(&tokens.headers), "body": tokens.body })
}

async fn errors_of_the_endpoints(world: &World) {
    let mut errors = BTreeMap::new();
    let own = secret(SHOP);
    let shop = Some((SHOP, own.as_str()));
    let code = [("grant_type", "authorization_code"), ("code", "x")];
    let offline = Asked::by(SHOP).with("scope", "openid phone offline_access");
    let offline = world.tokens(&offline, &world.person()).await;
    let refresh = ("refresh_token", offline.get("refresh_token"));
    let more = [("grant_type", "refresh_token"), refresh, ("scope", "openid address")];
    for (name, path, fields, basic) in [
        ("no client", "token", &code[..], None),
        ("unknown client", "token", &code, Some(("nobody", "x"))),
        ("wrong secret", "token", &code, Some((SHOP, "x"))),
        ("two ways at once", "token", &[("client_id", RIVAL)], shop),
        ("no grant_type", "token", &[], shop),
        ("unknown grant_type", "token", &[("grant_type", "password")], shop),
        ("grant_type of others", "token", &[("grant_type", "client_credentials")], shop),
        ("no code", "token", &[("grant_type", "authorization_code")], shop),
        ("unknown code", "token", &redemption("x"), shop),
        ("repeated parameter", "token", &[("code", "x"), ("code", "y")], shop),
        ("no refresh_token", "token", &[("grant_type", "refresh_token")], shop),
        ("more scope", "token", &more, shop),
        ("a pushed request_uri", "par", &[("request_uri", "urn:x")], shop),
        ("a pushed request without redirect_uri", "par", &[("response_type", "code")], shop),
        ("no token to introspect", "introspect", &[], shop),
        ("introspection by nobody", "introspect", &[("token", "x")], None),
        ("introspection by a public client", "introspect", &[("token", "x"), ("client_id", NATIVE)], None),
        ("no token to revoke", "revoke", &[], shop),
    ] {
        let path = format!("/oidc/{path}");
        let refused = world.post_bare(world.nodes[0].port, &path, fields, basic).await;
        errors.insert(name, answer(&refused));
    }
    let machine = world.post_as(MACHINE, "/oidc/token", &[("grant_type", "client_credentials")]).await;
    for (name, token) in [("no token", ""), ("wrong token", "x"), ("nobody's", machine.get("access_token"))] {
        let request = world.browser().request(Method::GET, &world.url("/oidc/userinfo"));
        let request = if token.is_empty() { request } else { request.bearer_auth(token) };
        let response = request.send().await.expect("an answer");
        let (status, given) = (response.status().as_u16(), headers(response.headers()));
        let body = response.text().await.expect("text");
        errors.insert(name, json!({ "status": status, "headers": given, "body": body }));
    }
    settings().bind(|| assert_json_snapshot!("errors", errors));
}

fn without_pkce(asked: Asked) -> Asked {
    asked.without("code_challenge").without("code_challenge_method")
}

async fn errors_that_come_back_by_redirect(world: &World) {
    let asked = || Asked::by(SHOP);
    let mut errors = BTreeMap::new();
    for (name, asked) in [
        ("no response_type", asked().without("response_type")),
        ("another response_type", asked().with("response_type", "token")),
        ("no openid", asked().with("scope", "profile")),
        ("no PKCE", without_pkce(Asked::by(NATIVE))),
        ("neither PKCE nor a nonce", without_pkce(asked()).without("nonce")),
        ("plain PKCE", asked().with("code_challenge_method", "plain")),
        ("repeated parameter", asked().and("nonce", "another")),
        ("prompt=none with others", asked().and("prompt", "none login")),
        ("prompt=none without a session", asked().and("prompt", "none")),
        ("max_age in words", asked().and("max_age", "soon")),
        ("claims that are no JSON", asked().and("claims", "{")),
        ("a hint that is forged", asked().and("id_token_hint", "x")),
        ("a request object", asked().and("request", "x")),
        ("a request object elsewhere", asked().and("request_uri", "https://a.uz/")),
        ("another response_mode", asked().and("response_mode", "web_message")),
        ("a request that must be pushed", Asked::by(PUSHER)),
        ("a long nonce", Asked::by(BODY).with("nonce", &"n".repeat(1025))),
    ] {
        let url = world.browser().begin(world, &asked).await.away();
        let fields: BTreeMap<String, String> = url.query_pairs().into_owned().collect();
        errors.insert(name, fields);
    }
    settings().bind(|| assert_json_snapshot!("errors-by-redirect", errors));
}

async fn pages_in_english(world: &World) {
    for (name, page) in every_page(world).await {
        let headers = headers(&page.headers).into_iter().map(|(name, value)| format!("{name}: {value}\n"));
        let text = format!("{}\n{}\n{}", page.status, headers.collect::<String>(), page.body);
        settings().bind(|| assert_snapshot!(file(name), text));
    }
}

fn file(page: &str) -> String {
    format!("page-{}", page.replace(' ', "-"))
}

#[test]
fn no_snapshot_is_left_over() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it/snapshots");
    let kept: BTreeSet<String> = std::fs::read_dir(folder)
        .expect("a folder")
        .map(|entry| entry.expect("an entry").file_name().into_string().expect("a name"))
        .collect();
    let pages = crate::pages::NAMES.map(file);
    let documents = DOCUMENTS.map(str::to_owned);
    let used = pages.into_iter().chain(documents).map(|name| format!("{name}.snap")).collect();
    assert_eq!(kept, used);
}
