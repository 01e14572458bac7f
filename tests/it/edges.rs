//! What strangers may send and what it costs: answers of the framework, bodies that are no forms, garbage, connections.

use std::collections::BTreeMap;
use std::io::{Read as _, Write as _};
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::time::Duration;

use reqwest::{Method, Response};

use crate::support::client_file::{NATIVE, SHOP};
use crate::support::wait::until;
use crate::support::{Asked, Setup, World, alone_on_both_backends, on_both_backends};

on_both_backends!(
    every_answer_has_the_security_headers,
    what_says_that_it_is_no_form_is_none,
    networks_are_kept_as_digests_that_cannot_be_made_without_the_keyring,
);

alone_on_both_backends!(
    garbage_costs_no_round_trip_and_a_bounded_line,
    an_address_has_only_so_many_connections,
    connections_that_send_nothing_are_closed,
);

async fn ask(world: &World, method: Method, path: &str, kind: &str, body: String) -> Response {
    let request = world.browser().request(method, &world.url(path)).header("Content-Type", kind);
    request.header("Sec-Fetch-Site", "same-origin").body(body).send().await.expect("an answer")
}

const FORM: &str = "application/x-www-form-urlencoded";

async fn every_answer_has_the_security_headers(world: &World) {
    for (method, path, body, status) in [
        (Method::GET, "/oidc/userinfo", "", 401),
        (Method::GET, "/oidc/token", "", 405),
        (Method::DELETE, "/oidc/jwks", "", 405),
        (Method::POST, "/oidc/token", "large", 413),
        (Method::POST, "/oidc/token", "a=1", 401),
        (Method::GET, "/nowhere", "", 404),
        (Method::GET, "/static/nothing", "", 404),
        (Method::GET, "/icons/nothing", "", 404),
        (Method::POST, "/callbacks/sms/guessed/eskiz", "a=1", 404),
        (Method::GET, "/", "", 200),
    ] {
        let body = if body == "large" { "x".repeat(100_000) } else { body.to_owned() };
        let answer = ask(world, method.clone(), path, FORM, body).await;
        assert_eq!(answer.status(), status, "{method} {path}");
        let header =
            |name: &str| answer.headers().get(name).and_then(|value| value.to_str().ok()).unwrap_or("");
        assert_eq!(header("x-content-type-options"), "nosniff", "{method} {path}");
        assert_eq!(header("cache-control"), "no-store", "{method} {path}");
        assert_eq!(header("x-frame-options"), "DENY", "{method} {path}");
        assert_eq!(header("referrer-policy"), "no-referrer", "{method} {path}");
        assert!(header("content-security-policy").contains("default-src 'none'"), "{method} {path}");
        assert!(header("strict-transport-security").contains("max-age="), "{method} {path}");
        assert!(!header("x-request-id").is_empty(), "{method} {path}");
    }
}

async fn what_says_that_it_is_no_form_is_none(world: &World) {
    let (mut browser, person) = (world.browser(), world.person());
    let page = browser.begin(world, &Asked::by(SHOP)).await.page().expect("phone");
    let action = page.url.join(&page.form("continue").action).expect("a URL");
    let field = format!("phone={}", person.number);
    for kind in ["text/plain", "multipart/form-data; boundary=x", "application/json"] {
        let request = browser.request(Method::POST, &action).header("Content-Type", kind);
        let request = request.header("Sec-Fetch-Site", "same-origin").body(field.clone());
        assert_eq!(request.send().await.expect("an answer").status(), 400, "{kind}");
        let fields = serde_urlencoded(Asked::by(SHOP).fields());
        for (path, body) in [
            ("/oidc/authorize", fields.as_str()),
            ("/oidc/logout", "client_id=shop"),
            ("/sign-out", "logout=yes"),
            ("/oidc/token", "grant_type=authorization_code&client_id=native&code=x"),
            ("/oidc/introspect", "token=x"),
            ("/oidc/revoke", "token=x"),
        ] {
            let answer = ask(world, Method::POST, path, kind, body.to_owned()).await;
            assert_eq!(answer.status(), 400, "{path} as {kind}");
            let text = answer.text().await.expect("a body");
            assert!(text.contains(FORM), "it says what is wanted: {text}");
        }
    }
    // The same fields in a form are taken.
    browser.enter_number(&page, &person.number).await.page().expect("code");
    world.sandbox.next_code(&person).await;
}

fn serde_urlencoded(fields: &[(String, String)]) -> String {
    url::form_urlencoded::Serializer::new(String::new()).extend_pairs(fields).finish()
}

/// Round trips to stores, and commits, by the requests that caused them.
async fn spent(world: &World) -> BTreeMap<String, f64> {
    let mut spent = BTreeMap::new();
    for name in ["yagona_sql_round_trips_total", "yagona_sql_commits_total", "yagona_redis_round_trips_total"]
    {
        for (cause, count) in world.nodes[0].metric_by(name, "cause").await {
            // Refusals are rows of the audit log, within a budget and in batches.
            if !["background", "audit", "ledger"].contains(&cause.as_str()) {
                *spent.entry(cause).or_default() += count;
            }
        }
    }
    spent
}

async fn networks_are_kept_as_digests_that_cannot_be_made_without_the_keyring(world: &World) {
    let person = world.person();
    world.browser().begin_with_number(world, &Asked::by(SHOP), &person).await.expect("code");
    world.sandbox.next_code(&person).await;
    let query = "SELECT address FROM messages WHERE client_id = $1 AND address <> '' ORDER BY created_at DESC LIMIT 1";
    let kept = world.stored_text(query, SHOP).await;
    let ip = Ipv4Addr::LOCALHOST.to_string();
    let plain = crate::support::jwt::encode(
        aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, ip.as_bytes()).as_ref(),
    );
    assert_eq!(kept.len(), 16, "{kept}");
    assert!(!plain.starts_with(&kept) && !kept.contains(&ip), "{kept}");
}

async fn garbage_costs_no_round_trip_and_a_bounded_line(setup: Setup) {
    let world = setup.start().await;
    let long = "x".repeat(6000);
    let native = format!("client_id={NATIVE}");
    let before = spent(&world).await;
    let lines = || world.nodes[0].running.log().lines().map(str::len).collect::<Vec<_>>();
    let logged = lines().len();
    let mut sent = 0;
    for secret in ["x", long.as_str(), "a.b", "a.b.c", "%0a%0d{}"] {
        for (path, body) in [
            ("/oidc/token", format!("grant_type=authorization_code&code={secret}&{native}")),
            ("/oidc/token", format!("grant_type=refresh_token&refresh_token={secret}&{native}")),
            ("/oidc/token", format!("grant_type={secret}&client_id={secret}&client_secret={secret}")),
            ("/oidc/introspect", format!("token={secret}&{native}")),
            ("/oidc/introspect", format!("token={secret}&client_id={secret}&client_secret={secret}")),
            ("/oidc/revoke", format!("token={secret}&{native}")),
            ("/oidc/userinfo", format!("access_token={secret}")),
            ("/oidc/logout", format!("id_token_hint={secret}&client_id={secret}")),
        ] {
            let answer = ask(&world, Method::POST, path, FORM, body).await;
            assert!(answer.status().as_u16() < 500, "{path}: {}", answer.status());
            sent += 1;
        }
        let bearer = world.userinfo("not a token").await;
        assert_eq!(bearer.status, 401);
        let path = format!("/nowhere/{}", &secret[..secret.len().min(100)]);
        assert_eq!(ask(&world, Method::GET, &path, FORM, String::new()).await.status(), 404);
        sent += 2;
    }
    let after = spent(&world).await;
    assert_eq!(after, before, "what strangers make up is looked up nowhere");
    let lines = lines().split_off(logged);
    assert!(lines.len() <= sent + 20, "{} lines for {sent} requests", lines.len());
    assert!(lines.iter().all(|length| *length < 1000), "{lines:?}");
    // Others are served as ever.
    world.tokens(&Asked::by(SHOP), &world.person()).await;
}

/// A connection from an address of this machine.
fn connect(world: &World, from: Ipv4Addr) -> TcpStream {
    let socket = socket2::Socket::new(socket2::Domain::IPV4, socket2::Type::STREAM, None).expect("a socket");
    socket.bind(&SocketAddr::from((from, 0)).into()).expect("an address of this machine");
    let to = SocketAddr::from(([127, 0, 0, 1], world.nodes[0].port));
    socket.set_read_timeout(Some(Duration::from_secs(20))).expect("an option");
    socket.connect(&to.into()).expect("a connection");
    socket.into()
}

/// Whether a request over this connection is answered.
fn is_served(connection: &mut TcpStream) -> bool {
    let request = b"GET /static/nothing HTTP/1.1\r\nHost: localhost\r\n\r\n";
    let mut answer = [0; 12];
    connection.write_all(request).is_ok()
        && connection.read_exact(&mut answer).is_ok()
        && answer.ends_with(b"404")
}

async fn an_address_has_only_so_many_connections(setup: Setup) {
    let world = setup.set("server.connections_per_address", 6).set("server.request_timeout_seconds", 300);
    let world = world.start().await;
    let (greedy, honest) = (Ipv4Addr::new(127, 0, 0, 7), Ipv4Addr::new(127, 0, 0, 8));
    let mut held: Vec<TcpStream> = (0..6).map(|_| connect(&world, greedy)).collect();
    assert!(held.iter_mut().all(is_served), "as many as are allowed");
    // Kept open by the beginning of a request.
    held.iter_mut().for_each(|connection| connection.write_all(b"GET / HTTP/1.1\r\nHost:").expect("a write"));
    assert!(!is_served(&mut connect(&world, greedy)), "one more is closed");
    assert!(is_served(&mut connect(&world, honest)), "another address is served");
    assert!(world.metric("yagona_limits_total", &["\"connections\""]).await >= 1.0);
    held.clear();
    until("room for the address", async || is_served(&mut connect(&world, greedy)).then_some(())).await;
}

async fn connections_that_send_nothing_are_closed(setup: Setup) {
    let world =
        setup.set("server.max_connections", 16).set("server.request_timeout_seconds", 1).start().await;
    let address = Ipv4Addr::new(127, 0, 0, 7);
    let mut held: Vec<TcpStream> = (0..16).map(|_| connect(&world, address)).collect();
    for connection in &mut held {
        let _ = connection.write_all(b"GET / HTTP/1.1\r\nHost: localhost\r\nX-Slow: ");
    }
    // An honest person waits for no longer than these are waited for.
    assert!(is_served(&mut connect(&world, Ipv4Addr::new(127, 0, 0, 8))));
    for mut connection in held {
        let mut rest = Vec::new();
        let _ = connection.read_to_end(&mut rest);
        assert!(!rest.starts_with(b"HTTP/1.1 200"), "{}", String::from_utf8_lossy(&rest));
    }
}
