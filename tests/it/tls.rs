//! Over https.

use reqwest::Method;

use crate::support::client_file::SHOP;
use crate::support::http;
use crate::support::{Asked, Backend, Setup, code_of, jwt};

#[tokio::test]
async fn handshakes_that_never_finish_hold_up_nobody() {
    let world = Setup::new(Backend::Embedded).over_tls().set("server.workers", 1).start().await;
    let address = ("127.0.0.1", world.nodes[0].port);
    // More than the HTTP server lets be under way by its own default.
    let idle: Vec<_> =
        (0..300).map(|_| std::net::TcpStream::connect(address).expect("a connection")).collect();
    let page = world.browser().begin(&world, &Asked::by(SHOP)).await.page();
    assert!(page.has("phone"), "{page}");
    drop(idle);
}

#[tokio::test]
async fn over_https_there_are_host_bound_cookies_only() {
    let world = Setup::new(Backend::Embedded).over_tls().start().await;
    assert!(world.issuer.as_str().starts_with("https://"));
    let mut browser = world.browser();
    let code = code_of(&browser.sign_in(&world, &Asked::by(SHOP), &world.person()).await);
    let cookies = browser.cookies();
    assert!(cookies.len() >= 2, "{cookies:?}");
    assert!(cookies.keys().all(|name| name.starts_with("__Host-")), "{cookies:?}");
    let tokens = world.redeem(SHOP, &code).await.granted();
    let claims = jwt::verify(tokens.get("id_token"), &world.keys().await).claims;
    assert_eq!(claims["iss"], *world.issuer.as_str().trim_end_matches('/'));
    let metadata = world.json("/.well-known/openid-configuration").await;
    let endpoints =
        metadata.as_object().expect("an object").iter().filter(|(name, _)| name.ends_with("_endpoint"));
    for (name, url) in endpoints {
        assert!(url.as_str().is_some_and(|url| url.starts_with("https://")), "{name}: {url}");
    }
    // A cookie without the prefix, which a sibling host could set, is ignored.
    let session = browser.cookie("__Host-yagona-session");
    browser.forget_cookies();
    browser.plant("yagona-session", &session);
    let silent = Asked::by(SHOP).and("prompt", "none");
    let url = browser.begin(&world, &silent).await.away();
    assert_eq!(crate::support::param(&url, "error").as_deref(), Some("login_required"));
    let plain = http::get(&format!("http://localhost:{}/", world.nodes[0].port)).await;
    assert!(plain.is_err(), "nothing is served in the clear");
    let answer = world.browser().request(Method::GET, &world.url("/")).send().await.expect("an answer");
    assert!(
        answer.headers()["strict-transport-security"].to_str().is_ok_and(|value| value.contains("max-age"))
    );
}
