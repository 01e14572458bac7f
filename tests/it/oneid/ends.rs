//! What a code and a token end with, each at once and on every node.

use futures_util::future::join_all;
use serde_json::json;

use crate::support::client_file::{CALLBACK, ONEID, ONEID_APP, ONEID_MINIMAL};
use crate::support::folder::Folder;
use crate::support::oneid::{link, raw_link};
use crate::support::wait::until;
use crate::support::{
    Asked, Backend, Person, Setup, Tokens, World, alone_on_both_backends, code_of, on_both_backends,
};

on_both_backends!(
    a_code_is_redeemed_once_and_its_replay_ends_what_it_gave,
    of_many_that_redeem_a_code_at_once_one_succeeds,
    signing_out_ends_a_code_and_a_token,
    logging_out_ends_what_the_service_got_in_the_session,
    ending_access_ends_a_token_and_a_code,
    ending_a_consent_ends_a_token,
);

alone_on_both_backends!(
    time_ends_a_code_a_token_and_a_limit,
    a_blocked_number_and_a_changed_registration_end_what_is_told,
);

fn ended(answer: &Tokens) {
    answer.refused_by_oneid(400, "AccessTokenException", "ACCESS_TOKEN_NOT_FOUND");
}

fn used(answer: &Tokens) {
    answer.refused_by_oneid(400, "AuthorizationCodeException", "AUTHORIZATION_CODE_NOT_FOUND");
}

async fn a_code_is_redeemed_once_and_its_replay_ends_what_it_gave(world: &World) {
    let url = world.browser().sign_in_at(world, &link(world, ONEID), &world.person()).await;
    let tokens = world.oneid_redeem(ONEID, &code_of(&url)).await.granted();
    let token = tokens.get("access_token");
    world.oneid_identify(ONEID, token).await.granted();
    // Another client's attempt ends nothing of this one's.
    used(&world.oneid_redeem(ONEID_MINIMAL, &code_of(&url)).await);
    world.oneid_identify(ONEID, token).await.granted();
    used(&world.oneid_redeem(ONEID, &code_of(&url)).await);
    ended(&world.oneid_identify(ONEID, token).await);
}

async fn of_many_that_redeem_a_code_at_once_one_succeeds(world: &World) {
    let url = world.browser().sign_in_at(world, &link(world, ONEID), &world.person()).await;
    let code = code_of(&url);
    let answers = join_all((0..8).map(|_| world.oneid_redeem(ONEID, &code))).await;
    assert_eq!(answers.iter().filter(|answer| answer.status == 200).count(), 1);
    answers.iter().filter(|answer| answer.status != 200).for_each(used);
}

async fn signing_out_ends_a_code_and_a_token(world: &World) {
    let person = world.person();
    let mut browser = world.browser();
    let token = world.oneid_token(ONEID, &mut browser, &person).await;
    let elsewhere = world.oneid_token(ONEID, &mut world.browser(), &person).await;
    let url = browser.sign_in_at(world, &link(world, ONEID), &person).await;
    world.oneid_identify(ONEID, &token).await.granted();
    let home = browser.open("/").await.page().expect("signout");
    browser.press(&home, "signout", &[]).await.page();
    used(&world.oneid_redeem(ONEID, &code_of(&url)).await);
    ended(&world.oneid_identify(ONEID, &token).await);
    world.oneid_log_out(ONEID, &token).await.granted();
    world.oneid_identify(ONEID, &elsewhere).await.granted();
    // Another person takes the session's place.
    let token = world.oneid_token(ONEID, &mut browser, &person).await;
    world.oneid_identify(ONEID, &token).await.granted();
    let page = browser.get(&link(world, ONEID)).await.page().expect("continue");
    let page = browser.press(&page, "other", &[]).await.page().expect("phone");
    let other = world.person();
    let page = browser.enter_number(&page, &other.number).await.page().expect("code");
    let sms = world.sandbox.next_code(&other).await;
    let page = browser.enter_code(&page, &sms).await.page().expect("allow");
    code_of(&browser.allow_everything(&page).await.away());
    ended(&world.oneid_identify(ONEID, &token).await);
}

async fn logging_out_ends_what_the_service_got_in_the_session(world: &World) {
    let person = world.person();
    let (mut here, mut there) = (world.browser(), world.browser());
    let first = world.oneid_token(ONEID, &mut here, &person).await;
    let second = world.oneid_token(ONEID, &mut here, &person).await;
    let of_another = world.oneid_token(ONEID_MINIMAL, &mut here, &person).await;
    let elsewhere = world.oneid_token(ONEID, &mut there, &person).await;
    let out = world.oneid_log_out(ONEID, &second).await.granted();
    assert_eq!(out.body, json!({"ret_cd": "0"}));
    ended(&world.oneid_identify(ONEID, &first).await);
    ended(&world.oneid_identify(ONEID, &second).await);
    world.oneid_identify(ONEID_MINIMAL, &of_another).await.granted();
    world.oneid_identify(ONEID, &elsewhere).await.granted();
    // Once more, or of what never was: there is nothing left to end.
    for token in [second.as_str(), "00000000-0000-4000-8000-000000000000", "nothing"] {
        assert_eq!(world.oneid_log_out(ONEID, token).await.granted().body, json!({"ret_cd": "0"}));
    }
    // The session at the browser goes on, as docs/oneid.md says.
    here.get(&link(world, ONEID)).await.page().expect("continue");
}

async fn ending_access_ends_a_token_and_a_code(world: &World) {
    let person = world.person();
    let token = world.oneid_token(ONEID, &mut world.browser(), &person).await;
    let url = world.browser().sign_in_at(world, &link(world, ONEID), &person).await;
    world.oneid_identify(ONEID, &token).await.granted();
    world.command(&["people", "end-access", &person.number]);
    ended(&world.oneid_identify(ONEID, &token).await);
    used(&world.oneid_redeem(ONEID, &code_of(&url)).await);
    let token = world.oneid_token(ONEID, &mut world.browser(), &person).await;
    world.oneid_identify(ONEID, &token).await.granted();
}

fn consent_of(world: &World, person: &Person) -> String {
    let listed = world.command(&["consents", "list", &person.number]);
    listed.split_whitespace().next().expect("a consent").to_owned()
}

async fn ending_a_consent_ends_a_token(world: &World) {
    let person = world.person();
    let token = world.oneid_token(ONEID, &mut world.browser(), &person).await;
    let url = world.browser().sign_in_at(world, &link(world, ONEID), &person).await;
    world.command(&["consents", "end", &consent_of(world, &person)]);
    ended(&world.oneid_identify(ONEID, &token).await);
    used(&world.oneid_redeem(ONEID, &code_of(&url)).await);
}

async fn time_ends_a_code_a_token_and_a_limit(setup: Setup) {
    let world = setup.set("tokens.access_seconds", 600).start().await;
    let person = world.person();
    let mut browser = world.browser();
    let late = browser.sign_in_at(&world, &link(&world, ONEID), &person).await;
    world.advance(60).await;
    used(&world.oneid_redeem(ONEID, &code_of(&late)).await);
    let url = browser.sign_in_at(&world, &link(&world, ONEID), &person).await;
    let tokens = world.oneid_redeem(ONEID, &code_of(&url)).await.granted();
    let token = tokens.get("access_token");
    // A code comes again after what it stood for is gone.
    let again = browser.sign_in_at(&world, &link(&world, ONEID), &person).await;
    let other = world.oneid_redeem(ONEID, &code_of(&again)).await.granted();
    world.advance(120).await;
    used(&world.oneid_redeem(ONEID, &code_of(&again)).await);
    ended(&world.oneid_identify(ONEID, other.get("access_token")).await);
    world.oneid_identify(ONEID, token).await.granted();
    world.advance(481).await;
    ended(&world.oneid_identify(ONEID, token).await);
    world.oneid_log_out(ONEID, token).await.granted();

    for expected in [200, 200, 200, 429] {
        assert_eq!(world.oneid_log_out(ONEID_APP, "x").await.status, expected);
    }
    world.advance(60).await;
    assert_eq!(world.oneid_log_out(ONEID_APP, "x").await.status, 200);
}

async fn a_blocked_number_and_a_changed_registration_end_what_is_told(setup: Setup) {
    let world = setup.start().await;
    let (person, mut browser) = (world.person(), world.browser());
    let token = world.oneid_token(ONEID, &mut browser, &person).await;
    let url = browser.sign_in_at(&world, &link(&world, ONEID), &person).await;
    let told = world.oneid_identify(ONEID, &token).await.granted().body;
    assert_eq!(told["mob_phone_no"], person.number, "{told}");

    // A data set that the registration loses is not told any more, though the person agreed to it.
    let folder = Folder::new();
    let file = folder.file("clients.toml");
    let registration = |data: &str| {
        let known = std::fs::read_to_string(world.folder.file("clients.toml")).expect("the client file");
        let mut parts = known.split("[[clients]]\n").filter(|part| part.contains(&format!("\"{ONEID}\"")));
        let part = parts.next().expect("the client").to_owned();
        let kept: Vec<&str> = part.lines().filter(|line| !line.starts_with("data_sets")).collect();
        std::fs::write(&file, format!("[[clients]]\n{}\n{data}\n", kept.join("\n"))).expect("a client file");
        world.command(&["client", "import", &file.display().to_string()]);
    };
    registration("data_sets = [{ name = \"name\", required = true }]");
    until("the registration to be known", async || {
        let told = world.oneid_identify(ONEID, &token).await.granted().body;
        (told["pin"] == "" && told.get("mob_phone_no").is_none()).then_some(())
    })
    .await;

    // What was begun while the protocol was allowed ends with that.
    let begun = browser.get(&link(&world, ONEID)).await.page().expect("continue");
    let kept = std::fs::read_to_string(&file).expect("the file").replace("oneid = true", "oneid = false");
    std::fs::write(&file, kept).expect("a client file");
    world.command(&["client", "import", &file.display().to_string()]);
    until("the protocol to be refused", async || {
        let answer = world.oneid_identify(ONEID, &token).await;
        (answer.body["error"] == "CLIENT_NOT_ALLOWED").then_some(())
    })
    .await;
    let page = browser.press(&begun, "continue", &[]).await.page().expect("error").expect_status(403);
    assert!(page.body.contains("does not have oneid = true any more"), "{page}");
    browser.get(&begun.url).await.page().expect("error").expect_status(403);
    let query = format!("response_type=one_code&client_id={ONEID}&redirect_uri={CALLBACK}");
    browser.get(&raw_link(&world, &query)).await.page().expect_status(403);
    registration("data_sets = [{ name = \"name\", required = true }]");
    until("the protocol to be allowed again", async || {
        (world.oneid_identify(ONEID, &token).await.status == 200).then_some(())
    })
    .await;

    // So does what was begun with a redirect URI that the registration has no more, by either protocol.
    let begun = browser.get(&link(&world, ONEID)).await.page().expect("continue");
    let by_oidc = browser.begin(&world, &Asked::by(ONEID)).await.page().expect("continue");
    let registered = std::fs::read_to_string(&file).expect("the file");
    std::fs::write(&file, registered.replace(CALLBACK, "http://localhost:9/elsewhere"))
        .expect("a client file");
    world.command(&["client", "import", &file.display().to_string()]);
    until("the redirect URI to be refused", async || {
        let page = world.browser().get(&link(&world, ONEID)).await.page();
        (page.has("error") && page.status == 400).then_some(())
    })
    .await;
    for page in [begun, by_oidc] {
        let page = browser.press(&page, "continue", &[]).await.page().expect("error").expect_status(400);
        assert!(page.body.contains("redirect_uri is not registered any more"), "{page}");
    }
    assert!(!world.nodes[0].running.log().contains("page.fault"), "nothing of this is the provider's fault");
    std::fs::write(&file, registered).expect("a client file");
    world.command(&["client", "import", &file.display().to_string()]);

    world.block_numbers().await;
    ended(&world.oneid_identify(ONEID, &token).await);
    used(&world.oneid_redeem(ONEID, &code_of(&url)).await);
}

#[tokio::test]
async fn what_ends_has_ended_on_every_node_at_once() {
    let mut world = Setup::new(Backend::Servers).set("nodes", 2).start().await;
    world.add_node().await;
    let person = world.person();
    let mut browser = world.browser();
    let ports: Vec<u16> = world.nodes.iter().map(|node| node.port).collect();
    let identify = async |port: u16, token: &str| {
        let given = [("grant_type", "one_access_token_identify"), ("access_token", token)];
        world.oneid_at(port, ONEID, &given).await
    };
    let tokens = [
        world.oneid_token(ONEID, &mut browser, &person).await,
        world.oneid_token(ONEID, &mut world.browser(), &person).await,
    ];
    for port in &ports {
        for token in &tokens {
            identify(*port, token).await.granted();
        }
    }
    let out = [("grant_type", "one_log_out"), ("access_token", tokens[0].as_str())];
    world.oneid_at(ports[0], ONEID, &out).await.granted();
    ended(&identify(ports[1], &tokens[0]).await);
    identify(ports[1], &tokens[1]).await.granted();
    world.command(&["people", "end-access", &person.number]);
    for port in &ports {
        ended(&identify(*port, &tokens[1]).await);
    }
    // A code that one node redeemed is used for all.
    let url = world.browser().sign_in_at(&world, &link(&world, ONEID), &person).await;
    let code = code_of(&url);
    let redeem =
        [("grant_type", "one_authorization_code"), ("redirect_uri", CALLBACK), ("code", code.as_str())];
    world.oneid_at(ports[1], ONEID, &redeem).await.granted();
    used(&world.oneid_at(ports[0], ONEID, &redeem).await);
}
