//! What scripts of other sites may call and read, what they may not, and what a wrong method is answered.

use reqwest::header::HeaderMap;
use reqwest::{Method, Response};

use crate::support::client_file::SHOP;
use crate::support::{Asked, World, on_both_backends};

on_both_backends!(
    fetch_browser_apps_may_call_the_endpoints_that_need_no_cookie,
    fetch_errors_are_readable_as_well,
    fetch_everything_else_is_closed_to_scripts_of_other_sites,
    rfc9110_15_5_6_a_wrong_method_is_told_the_right_ones,
);

/// The endpoints that are open to scripts, and the methods that they serve.
const OPEN: [(&str, &str); 7] = [
    ("/oidc/par", "POST, OPTIONS"),
    ("/oidc/token", "POST, OPTIONS"),
    ("/oidc/userinfo", "GET, POST, OPTIONS"),
    ("/oidc/revoke", "POST, OPTIONS"),
    ("/oidc/jwks", "GET, HEAD, OPTIONS"),
    ("/.well-known/openid-configuration", "GET, HEAD, OPTIONS"),
    ("/.well-known/oauth-authorization-server", "GET, HEAD, OPTIONS"),
];

/// The answer to a request of a script at another site.
async fn ask(world: &World, method: Method, path: &str) -> Response {
    let request =
        world.browser().request(method.clone(), &world.url(path)).header("Origin", "https://app.uz");
    let request = match method {
        Method::OPTIONS => request
            .header("Access-Control-Request-Method", "POST")
            .header("Access-Control-Request-Headers", "authorization,content-type"),
        _ => request,
    };
    request.send().await.expect("an answer")
}

fn header<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers.get(name).map(|value| value.to_str().expect("text"))
}

/// Fails unless scripts of every site may read an answer, and browsers add no cookies to the question.
fn assert_open(headers: &HeaderMap, what: &str) {
    assert_eq!(header(headers, "access-control-allow-origin"), Some("*"), "{what}");
    assert_eq!(header(headers, "access-control-allow-credentials"), None, "{what}");
    assert!(headers.get("set-cookie").is_none(), "{what}");
    for name in ["x-request-id", "www-authenticate", "dpop-nonce"] {
        let exposed = header(headers, "access-control-expose-headers");
        assert!(exposed.is_some_and(|all| all.contains(name)), "{what}: {name}");
    }
}

async fn fetch_browser_apps_may_call_the_endpoints_that_need_no_cookie(world: &World) {
    for (path, methods) in OPEN {
        let answer = ask(world, Method::OPTIONS, path).await;
        assert_eq!(answer.status(), 204, "{path}");
        let headers = answer.headers();
        assert_open(headers, path);
        assert_eq!(header(headers, "access-control-allow-methods"), Some(methods), "{path}");
        let allowed = header(headers, "access-control-allow-headers").unwrap_or_default();
        for name in ["authorization", "content-type", "dpop"] {
            assert!(allowed.split(", ").any(|given| given == name), "{path}: {allowed}");
        }
        let age = header(headers, "access-control-max-age").and_then(|age| age.parse::<u32>().ok());
        assert!(age.is_some_and(|age| age >= 600), "{path}: a permission is remembered");
        if methods.starts_with("GET, HEAD") {
            let answer = ask(world, Method::GET, path).await;
            assert_eq!(answer.status(), 200, "{path}");
            assert_open(answer.headers(), path);
        }
    }
    let tokens = world.tokens(&Asked::by(SHOP), &world.person()).await;
    assert_open(&tokens.headers, "tokens");
    assert_open(&world.userinfo(tokens.get("access_token")).await.headers, "claims");
}

async fn fetch_errors_are_readable_as_well(world: &World) {
    let refused = world.post_as(SHOP, "/oidc/token", &[("grant_type", "unheard_of")]).await;
    refused.refused(400, "unsupported_grant_type");
    assert_open(&refused.headers, "an error of the endpoint");
    let anonymous = ask(world, Method::GET, "/oidc/userinfo").await;
    assert_eq!(anonymous.status(), 401);
    assert_open(anonymous.headers(), "a request without a token");
    let wrong = ask(world, Method::PUT, "/oidc/token").await;
    assert_eq!(wrong.status(), 405);
    assert_open(wrong.headers(), "a wrong method");
    let large = vec![("grant_type", "x"); 100_000];
    let request = world.browser().request(Method::POST, &world.url("/oidc/token")).form(&large);
    let large = request.send().await.expect("an answer");
    assert_eq!(large.status(), 413);
    assert_open(large.headers(), "an error of the HTTP framework");
}

async fn fetch_everything_else_is_closed_to_scripts_of_other_sites(world: &World) {
    let authorize = Asked::by(SHOP).url(world);
    let authorize = &authorize[url::Position::BeforePath..];
    let closed = [
        authorize,
        "/oidc/authorize",
        "/oidc/introspect",
        "/oidc/logout",
        "/sign-out",
        "/sign-in/number",
        "/sign-in/code",
        "/sign-in/consent",
        "/sign-in/continue",
        "/",
        "/icons/none",
        "/callbacks/sms/none/playmobile",
        "/nowhere",
        "/.well-known/security.txt",
    ];
    for path in closed {
        for method in [Method::OPTIONS, Method::GET, Method::POST] {
            let answer = ask(world, method.clone(), path).await;
            let opened = answer.headers().keys().find(|name| name.as_str().starts_with("access-control"));
            assert_eq!(opened, None, "{method} {path}");
        }
    }
}

async fn rfc9110_15_5_6_a_wrong_method_is_told_the_right_ones(world: &World) {
    let others = [("/oidc/authorize", "GET, POST"), ("/oidc/introspect", "POST")];
    for (path, methods) in OPEN.into_iter().chain(others) {
        let method = if methods.starts_with("POST") { Method::GET } else { Method::DELETE };
        let answer = ask(world, method.clone(), path).await;
        assert_eq!(answer.status(), 405, "{method} {path}");
        assert_eq!(header(answer.headers(), "allow"), Some(methods), "{method} {path}");
        let body: serde_json::Value = answer.json().await.expect("JSON");
        assert_eq!(body["error"], "invalid_request", "{method} {path}");
        assert!(body["error_description"].as_str().is_some_and(|text| text.contains(methods)), "{body}");
    }
}
