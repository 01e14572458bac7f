//! Two nodes on one PostgreSQL and one Redis: who was enrolled at one signs in at the other a second later, and whose enrolment ended is out
//! at both, by whatever ground of clause 34.

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use reqwest::Method;
use serde_json::json;
use yagona::mobile_id::exchange::{Header, Kind as List, SheetWriter};
use yagona::platform::clock::Timestamp;

use super::enrolment::PHOTO;
use crate::ciba::Message;
use crate::exchange::{list, moment, now, with_operators};
use crate::mobile_app::{APP, Caller, with_app};
use crate::support::client_file::{COUNTER, SHOP};
use crate::support::flow::redemption;
use crate::support::html::TICKED;
use crate::support::{Asked, Backend, Browser, Page, Person, Setup, Tokens, World, code_of, param};

async fn two_nodes() -> World {
    let setup = with_app(with_operators(Setup::new(Backend::Servers))).set("nodes", 2);
    let mut world = setup.start().await;
    world.add_node().await;
    world
}

fn offline() -> Asked {
    Asked::by(SHOP).with("scope", "openid profile offline_access")
}

/// What somebody has begun, at both nodes.
struct Begun {
    /// At each node, who is signed in there.
    browsers: Vec<Browser>,
    /// Tokens of each node.
    tokens: Vec<Tokens>,
    /// A request that was approved and not fetched.
    approved: Tokens,
    /// A request on whose page nobody has decided, and its code.
    open: (Tokens, Message, Page),
}

async fn begin(world: &World, person: &Person) -> Begun {
    let (mut browsers, mut tokens) = (Vec::new(), Vec::new());
    for node in &world.nodes {
        let mut browser = world.browser().at(node.port);
        let code = code_of(&browser.sign_in(world, &offline(), person).await);
        let granted = world.post_at(node.port, SHOP, "/oidc/token", &redemption(&code)).await.granted();
        // So the account is in this node's memory.
        assert_eq!(userinfo(world, node.port, &granted).await, 200);
        browsers.push(browser);
        tokens.push(granted);
    }
    let approved = world.asks_for(COUNTER, "openid profile", person).await;
    let message = world.approval_message(person).await;
    world.browser().decides(&message, "allow").await.expect("approval-done");
    let asked = world.asks_for(COUNTER, "openid profile", person).await;
    let message = world.approval_message(person).await;
    let page = world.browser().at(world.nodes[1].port).open_request(&message).await.expect("code");
    Begun { browsers, tokens, approved, open: (asked, message, page) }
}

async fn userinfo(world: &World, port: u16, tokens: &Tokens) -> u16 {
    let browser = world.browser().at(port);
    let request = browser.request(Method::GET, &world.url("/oidc/userinfo"));
    let answer = request.bearer_auth(tokens.get("access_token")).send().await.expect("an answer");
    answer.status().as_u16()
}

/// All of it has ended, at every node, a second after its end.
async fn is_out(world: &World, begun: &mut Begun, ground: &str) {
    tokio::time::sleep(Duration::from_secs(1)).await;
    for (n, node) in world.nodes.iter().enumerate() {
        // Each node is asked about what began at the other one as well.
        for tokens in &begun.tokens {
            assert_eq!(userinfo(world, node.port, tokens).await, 401, "{ground}: UserInfo at node {n}");
            for token in ["access_token", "refresh_token"] {
                let token = [("token", tokens.get(token))];
                let told = world.post_at(node.port, SHOP, "/oidc/introspect", &token).await.granted();
                assert_eq!(told.body, json!({ "active": false }), "{ground}: introspection at node {n}");
            }
        }
        let theirs = &begun.tokens[1 - n];
        let refresh = [("grant_type", "refresh_token"), ("refresh_token", theirs.get("refresh_token"))];
        let answer = world.post_at(node.port, SHOP, "/oidc/token", &refresh).await;
        answer.refused(400, "invalid_grant");
        let browser = &mut begun.browsers[1 - n];
        let silent = browser.at(node.port).begin(world, &offline().and("prompt", "none")).await.away();
        assert_eq!(
            param(&silent, "error").as_deref(),
            Some("login_required"),
            "{ground}: a session, node {n}"
        );
    }
    let port = world.nodes[1].port;
    world.polled_at(port, COUNTER, begun.approved.get("auth_req_id")).await.refused(400, "invalid_grant");
    let (asked, message, page) = &begun.open;
    let mut browser = world.browser().at(world.nodes[0].port);
    let decided = browser.decides_on(page, "allow", message.code()).await;
    assert!(!decided.has("approval-done"), "{ground}: {decided}");
    let polled = world.polled_at(port, COUNTER, asked.get("auth_req_id")).await;
    assert_eq!(polled.status, 400, "{ground}: {}", polled.body);
}

#[tokio::test]
async fn r41_who_was_enrolled_at_one_node_signs_in_at_the_other_a_second_later() {
    let world = two_nodes().await;
    let mut member = world.staff(&world.open_place("service_centre"), "operator").await;
    let person = world.applicant("active").await;
    // Whoever was asked for before learns nothing that stays in a node's memory.
    let mut early = world.browser().at(world.nodes[1].port);
    early.begin_with_number(&world, &Asked::by(SHOP), &person).await;
    let page = member.applies(&person.number, &person.pinfl).await.expect("clear");
    let page = member.completes(&world, &page, &person, &[]).await;
    let page = member.pays(&world, page).await;
    member.until_there(&page, "end").await;
    world.sandbox.next_message(&person).await;
    let mut browser = world.browser().at(world.nodes[1].port);
    code_of(&browser.sign_in(&world, &Asked::by(SHOP), &person).await);
}

/// Has a member of staff revoke, with document and photo.
async fn at_the_desk(world: &World, person: &Person) {
    let mut member = world.staff(&world.open_place("notary_office"), "operator").await;
    let page = member.proved_at("/desk/revoke").await.expect("revoke-now");
    let typed = [("pinfl", person.pinfl.as_str()), ("document_number", "AD1234567"), ("original", TICKED)];
    let photo = [("photo", PHOTO)];
    let mut page = member.browser.upload(&page, "revoke-now", &typed, &photo).await.page();
    if page.has("other_document") {
        let typed = [&typed[..], &[("other_document", TICKED)]].concat();
        page = member.browser.upload(&page, "revoke-now", &typed, &photo).await.page();
    }
    page.expect_status(200).expect("revoked");
}

async fn by_the_app(world: &World, person: &Person) {
    let app = Caller::of(world, APP).await;
    let wish = json!({ "pinfl": person.pinfl, "photo": STANDARD.encode(PHOTO) });
    let (status, body) = app.call(Method::POST, "/endings", Some(&wish)).await;
    assert_eq!((status, &body), (200, &json!({ "ended": true })));
}

fn by_the_operators_list(world: &World, person: &Person) {
    list(world, "returned.csv", 1, &[format!("{},returned,{}", person.number, moment(now() + 100))]);
    world.command(&["exchange", "import", "returned.csv"]);
}

async fn by_the_civil_registry(world: &World, person: &Person) {
    world.is_registered(person, "active", Some("2026-11-01")).await;
    let header = Header {
        kind: List::Deaths,
        party: "fhdyo".to_owned(),
        number: 1,
        made_at: Timestamp(1_795_000_000),
    };
    let mut out = Vec::new();
    let mut sheet = SheetWriter::begin(&mut out, &header).expect("a head");
    sheet.row(&format!("{},2026-11-01,A-1", person.pinfl)).expect("a row");
    sheet.finish().expect("an end");
    std::fs::write(world.folder.file("deaths.csv"), out).expect("a file");
    world.command(&["deaths", "import", "deaths.csv"]);
    world.advance(6).await;
    world.until_stored("SELECT COUNT(*) FROM enrolment_ends WHERE ground = 'death'", 1).await;
}

#[tokio::test]
async fn r83_r90_whose_enrolment_ended_is_out_at_every_node_a_second_later() {
    let world = two_nodes().await;
    let people: Vec<Person> = (0..4).map(|_| world.person()).collect();
    for person in &people {
        world.is_registered(person, "active", None).await;
    }
    let [desk, app, operator, death] = people.as_slice() else { unreachable!("four") };
    let mut begun = begin(&world, desk).await;
    at_the_desk(&world, desk).await;
    is_out(&world, &mut begun, "the desk").await;
    let mut begun = begin(&world, app).await;
    by_the_app(&world, app).await;
    is_out(&world, &mut begun, "the app's door").await;
    let mut begun = begin(&world, operator).await;
    by_the_operators_list(&world, operator);
    is_out(&world, &mut begun, "the operator's list").await;
    let mut begun = begin(&world, death).await;
    by_the_civil_registry(&world, death).await;
    is_out(&world, &mut begun, "a death").await;
}
