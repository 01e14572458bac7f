//! Back-channel logout is durable: it survives a crash and services that do not answer, and is sent once by several nodes.

use std::collections::BTreeMap;

use crate::support::client_file::{BODY, SHOP};
use crate::support::listener::Listener;
use crate::support::process::free_port;
use crate::support::wait::until;
use crate::support::{Asked, Backend, Browser, Setup, World, alone_on_both_backends, code_of, jwt};

alone_on_both_backends!(
    a_service_that_hangs_holds_up_no_other,
    what_was_not_delivered_survives_a_crash,
    a_delivery_is_given_up_after_a_day,
    a_session_that_another_persons_replaces_ends_and_is_told,
);

const WAITING: &str = "SELECT COUNT(*) FROM logout_deliveries";

type Form = BTreeMap<String, String>;

/// Somebody signed in at `client`, and the `sid` that it knows them by.
async fn signed_in(world: &World, client: &str) -> (Browser, String) {
    let mut browser = world.browser();
    let code = code_of(&browser.sign_in(world, &Asked::by(client), &world.person()).await);
    let tokens = world.redeem(client, &code).await.granted();
    (browser, sid(tokens.get("id_token")))
}

fn sid(token: &str) -> String {
    jwt::read(token).claims["sid"].as_str().expect("a sid").to_owned()
}

fn told(form: &Form) -> Option<String> {
    form.get("logout_token").map(|token| sid(token))
}

async fn sign_out(browser: &mut Browser) {
    let page = browser.open("/oidc/logout").await.page().expect("continue");
    browser.press(&page, "continue", &[]).await.page().expect("signed-out");
}

/// The registration of a client that is told at `uri`.
fn told_at(uri: &str) -> String {
    format!("backchannel_logout_uri = \"{uri}\"\n")
}

async fn a_service_that_hangs_holds_up_no_other(setup: Setup) {
    // It takes connections and never answers.
    let hanging = std::net::TcpListener::bind("127.0.0.1:0").expect("a free port");
    let uri = format!("http://localhost:{}/hangs", hanging.local_addr().expect("its address").port());
    let world = setup.client("slow", &told_at(&uri)).start().await;
    for _ in 0..4 {
        sign_out(&mut signed_in(&world, "slow").await.0).await;
    }
    let (mut browser, well) = signed_in(&world, SHOP).await;
    sign_out(&mut browser).await;
    world.listener.form("the healthy service's token", |form| told(form).filter(|sid| *sid == well)).await;
    let slow = "SELECT COUNT(*) FROM logout_deliveries WHERE client_id = 'slow'";
    assert_eq!(world.stored(slow).await, 4, "none was lost");
    world.until_stored("SELECT COUNT(*) FROM logout_deliveries WHERE client_id = 'shop'", 0).await;
}

async fn what_was_not_delivered_survives_a_crash(setup: Setup) {
    let port = free_port();
    let mut world = setup.client("away", &told_at(&format!("http://127.0.0.1:{port}/"))).start().await;
    let (mut browser, away) = signed_in(&world, "away").await;
    sign_out(&mut browser).await;
    assert_eq!(world.stored(WAITING).await, 1, "stored before the person was answered");
    world.nodes[0].running.kill();
    let listener = Listener::at(port);
    world.start_again().await;
    // Whoever had taken it has it no longer, and it is due again.
    world.advance(60).await;
    listener.form("the token", |form| told(form).filter(|sid| *sid == away)).await;
    world.until_stored(WAITING, 0).await;
}

async fn a_delivery_is_given_up_after_a_day(setup: Setup) {
    let uri = format!("http://127.0.0.1:{}/", free_port());
    let world = setup.client("gone", &told_at(&uri)).start().await;
    sign_out(&mut signed_in(&world, "gone").await.0).await;
    let failed = || world.metric("yagona_logout_deliveries_total", &["failed"]);
    until("a failed try", async || (failed().await >= 1.0).then_some(())).await;
    world.advance(86_000).await;
    let before = failed().await;
    until("one more", async || (failed().await > before).then_some(())).await;
    assert_eq!(world.stored(WAITING).await, 1);
    world.advance(3600).await;
    world.until_stored(WAITING, 0).await;
    // The row goes before it is counted.
    let given_up = || world.metric("yagona_logout_deliveries_total", &["given_up"]);
    until("the count", async || (given_up().await == 1.0).then_some(())).await;
    assert_eq!(world.metric("yagona_logout_deliveries_total", &["delivered"]).await, 0.0);
}

async fn a_session_that_another_persons_replaces_ends_and_is_told(setup: Setup) {
    let world = setup.start().await;
    let (mut browser, first) = signed_in(&world, SHOP).await;
    let kept = browser.clone();
    // Somebody else signs in at the same browser while the first person's session goes on.
    let asked = Asked::by(BODY).with("prompt", "login");
    let url = browser.sign_in(&world, &asked, &world.person()).await;
    world.redeem(BODY, &code_of(&url)).await.granted();
    world.listener.form("the first person's token", |form| told(form).filter(|sid| *sid == first)).await;
    let silent = Asked::by(SHOP).with("prompt", "none");
    let url = kept.clone().begin(&world, &silent).await.away();
    let error = crate::support::param(&url, "error");
    assert_eq!(error.as_deref(), Some("login_required"), "the former cookie opens nothing: {url}");
}

#[tokio::test]
async fn two_nodes_deliver_each_token_once() {
    let mut world = Setup::new(Backend::Servers).set("nodes", 2).start().await;
    world.add_node().await;
    let mut sids = Vec::new();
    for n in 0..6 {
        let (browser, sid) = signed_in(&world, SHOP).await;
        sign_out(&mut browser.at(world.nodes[n % 2].port)).await;
        sids.push(sid);
    }
    let count =
        |all: &[String]| sids.iter().map(|sid| all.iter().filter(|told| *told == sid).count()).collect();
    world.listener.forms("six tokens", 6, told).await;
    world.until_stored(WAITING, 0).await;
    // Whatever was taken twice would be sent again once its time has come.
    world.advance(60).await;
    let (mut browser, last) = signed_in(&world, SHOP).await;
    sign_out(&mut browser).await;
    world.listener.form("a later token", |form| told(form).filter(|sid| *sid == last)).await;
    let all = world.listener.forms("all tokens", 7, told).await;
    let counts: Vec<usize> = count(&all);
    assert_eq!(counts, [1; 6], "{all:?}");
}
