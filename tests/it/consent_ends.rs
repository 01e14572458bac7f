//! The newest consent of a person and a service is the one that counts: what rests on a wider one ends with it, by a
//! narrower consent, by a refusal, by a command, by time, and on every node.

use reqwest::Method;

use crate::support::client_file::{MODERN, RIVAL, SHOP, client};
use crate::support::html::TICKED;
use crate::support::wait::until;
use crate::support::{
    Asked, Backend, Browser, Page, Person, Setup, Tokens, World, alone_on_both_backends, code_of,
    on_both_backends, param,
};

on_both_backends!(
    a_narrower_consent_ends_what_rests_on_the_wider_one,
    an_equal_or_wider_consent_ends_nothing,
    refusing_what_was_allowed_ends_it,
    refusing_what_was_never_allowed_ends_nothing,
    a_code_that_rests_on_a_wider_consent_is_worth_nothing,
);
alone_on_both_backends!(
    a_signed_token_ends_with_its_consent_and_lives_no_longer,
    going_on_without_data_hides_no_wider_consent,
    d_i_what_a_law_gave_goes_no_further_without_the_law,
);

const LAWFUL: &str = "formerly-lawful";

/// The registration of a state body whose data rest on this.
fn resting_on(basis: &str) -> String {
    format!(
        "kind = \"state\"\nbasis = \"{basis}\"\nbasis_reference = \"Law 123\"\ngrant_types = [\"authorization_code\", \"refresh_token\"]\n"
    )
}

async fn d_i_what_a_law_gave_goes_no_further_without_the_law(setup: Setup) {
    let world = setup.client(LAWFUL, &resting_on("statutory")).start().await;
    let tokens = world.tokens(&offline(LAWFUL), &world.person()).await;
    let phone = async |token: &str| world.userinfo(token).await.granted().body.get("phone_number").cloned();
    assert!(phone(tokens.get("access_token")).await.is_some());
    let refreshed = world.refresh(LAWFUL, tokens.get("refresh_token")).await.granted();
    // The law is gone: people are to be asked, and nobody was.
    world.import("client", &client(LAWFUL, &resting_on("consent")));
    until("the registration of today", async || {
        phone(refreshed.get("access_token")).await.is_none().then_some(())
    })
    .await;
    let later = world.refresh(LAWFUL, refreshed.get("refresh_token")).await.granted();
    assert!(phone(later.get("access_token")).await.is_none());
}

const ALL: &str = "openid profile phone address offline_access";

fn offline(client: &str) -> Asked {
    Asked::by(client).with("scope", ALL)
}

/// The consent page, asked for again in a browser that was just signed in.
async fn again(world: &World, browser: &mut Browser, asked: &Asked, person: &Person) -> Page {
    let asked = asked.clone().and("prompt", "login consent");
    let page = browser.begin_with_number(world, &asked, person).await;
    let code = world.sandbox.next_code(person).await;
    browser.enter_code(&page, &code).await.page().expect("allow")
}

async fn status_at(world: &World, port: u16, token: &str) -> u16 {
    let request = world.browser().at(port).request(Method::GET, &world.url("/oidc/userinfo"));
    request.bearer_auth(token).send().await.expect("an answer").status().as_u16()
}

async fn until_nothing_is_left(world: &World, client: &str, tokens: &Tokens) {
    until("the end of what rested on it", async || {
        (world.userinfo(tokens.get("access_token")).await.status == 401).then_some(())
    })
    .await;
    for token in ["access_token", "refresh_token"].map(|name| tokens.get(name)) {
        assert!(!world.is_active(client, token).await);
    }
    world.refresh(client, tokens.get("refresh_token")).await.refused(400, "invalid_grant");
}

async fn a_narrower_consent_ends_what_rests_on_the_wider_one(world: &World) {
    for client in [SHOP, MODERN] {
        let person = world.person();
        let wide = world.tokens(&offline(client), &person).await;
        assert!(world.userinfo(wide.get("access_token")).await.granted().body["phone_number"].is_string());
        let mut browser = world.browser();
        let page = again(world, &mut browser, &offline(client), &person).await;
        assert!(page.text().contains("Allowed before"), "{page}");
        let given = code_of(&browser.press(&page, "allow", &[("datum-address", TICKED)]).await.away());
        until_nothing_is_left(world, client, &wide).await;
        let narrow = world.redeem(client, &given).await.granted();
        let told = world.userinfo(narrow.get("access_token")).await.granted().body;
        assert!(told["address"].is_object() && told.get("phone_number").is_none(), "{told}");
        world.refresh(client, narrow.get("refresh_token")).await.granted();
    }
    // Asking for less is narrower as well, and the page says what ends.
    let person = world.person();
    let wide = world.tokens(&offline(SHOP), &person).await;
    let mut browser = world.browser();
    let less = Asked::by(SHOP).with("scope", "openid profile offline_access");
    let page = again(world, &mut browser, &less, &person).await;
    assert!(
        page.text().contains("your earlier permission ends if you allow: Phone number, Address"),
        "{page}"
    );
    code_of(&browser.allow_everything(&page).await.away());
    until_nothing_is_left(world, SHOP, &wide).await;
}

async fn an_equal_or_wider_consent_ends_nothing(world: &World) {
    let person = world.person();
    let less = Asked::by(SHOP).with("scope", "openid phone offline_access");
    let tokens = world.tokens(&less, &person).await;
    let mut browser = world.browser();
    for asked in [&less, &offline(SHOP)] {
        let page = again(world, &mut browser, asked, &person).await;
        code_of(&browser.allow_everything(&page).await.away());
    }
    assert_eq!(world.userinfo(tokens.get("access_token")).await.status, 200);
    world.refresh(SHOP, tokens.get("refresh_token")).await.granted();
    // Another person's and another service's grants are nobody's business.
    let (other, rival) =
        (world.tokens(&less, &world.person()).await, world.tokens(&offline(RIVAL), &person).await);
    let page = again(world, &mut browser, &less, &person).await;
    code_of(&browser.press(&page, "allow", &[]).await.away());
    world.refresh(SHOP, other.get("refresh_token")).await.granted();
    world.refresh(RIVAL, rival.get("refresh_token")).await.granted();
}

async fn refusing_what_was_allowed_ends_it(world: &World) {
    let person = world.person();
    let wide = world.tokens(&offline(SHOP), &person).await;
    let mut browser = world.browser();
    let page = again(world, &mut browser, &Asked::by(SHOP).with("scope", "openid phone"), &person).await;
    assert!(page.text().contains("also loses what you allowed before"), "{page}");
    let url = browser.press(&page, "deny", &[]).await.away();
    assert_eq!(param(&url, "error").as_deref(), Some("access_denied"));
    until_nothing_is_left(world, SHOP, &wide).await;
    let silent = browser.begin(world, &Asked::by(SHOP).and("prompt", "none")).await.away();
    assert_eq!(param(&silent, "error").as_deref(), Some("consent_required"));
}

async fn refusing_what_was_never_allowed_ends_nothing(world: &World) {
    let person = world.person();
    let phone = world.tokens(&Asked::by(SHOP).with("scope", "openid phone offline_access"), &person).await;
    let mut browser = world.browser();
    let page = again(world, &mut browser, &Asked::by(SHOP).with("scope", "openid address"), &person).await;
    assert!(!page.text().contains("also loses"), "{page}");
    browser.press(&page, "deny", &[]).await.away();
    world.refresh(SHOP, phone.get("refresh_token")).await.granted();
    assert_eq!(world.userinfo(phone.get("access_token")).await.status, 200);
}

async fn going_on_without_data_hides_no_wider_consent(setup: Setup) {
    let world = &setup.start().await;
    // Consents of versions that did not keep what was shown: going on is no new decision, and the next one ends them.
    let person = world.person();
    let wide = world.tokens(&offline(SHOP), &person).await;
    world.change_database("UPDATE consents SET terms = NULL").await;
    let mut browser = world.browser();
    let bare = Asked::by(SHOP).with("scope", "openid");
    code_of(&browser.sign_in(world, &bare, &person).await);
    world.refresh(SHOP, wide.get("refresh_token")).await.granted();
    let page = again(world, &mut browser, &Asked::by(SHOP).with("scope", "openid phone"), &person).await;
    assert!(page.text().contains("also loses what you allowed before"), "{page}");
    browser.press(&page, "deny", &[]).await.away();
    assert!(!world.is_active(SHOP, wide.get("access_token")).await);
    // A service that has become another one since: who goes on to that without data lets it have none.
    let person = world.person();
    let wide = world.tokens(&offline(SHOP), &person).await;
    world
        .change_database("UPDATE consents SET terms = REPLACE(terms, '\"owner\":\"', '\"owner\":\"x')")
        .await;
    code_of(&world.browser().sign_in(world, &bare, &person).await);
    until_nothing_is_left(world, SHOP, &wide).await;
}

async fn a_code_that_rests_on_a_wider_consent_is_worth_nothing(world: &World) {
    let person = world.person();
    let wide = code_of(&world.browser().sign_in(world, &offline(SHOP), &person).await);
    let mut browser = world.browser();
    let page = again(world, &mut browser, &offline(SHOP), &person).await;
    let narrow = code_of(&browser.press(&page, "allow", &[]).await.away());
    world.redeem(SHOP, &wide).await.refused(400, "invalid_grant");
    world.redeem(SHOP, &narrow).await.granted();
}

async fn a_signed_token_ends_with_its_consent_and_lives_no_longer(setup: Setup) {
    let members = "grant_types = [\"authorization_code\", \"refresh_token\"]\naccess_token_format = \"jwt\"\nconsent_days = 1\n";
    let world = setup.client("brief", members).start().await;
    let person = world.person();
    let asked = Asked::by("brief").with("scope", "openid profile phone offline_access");
    let tokens = world.tokens(&asked, &person).await;
    world.advance(86_400 - 300).await;
    let late = world.refresh("brief", tokens.get("refresh_token")).await.granted();
    assert!(late.body["expires_in"].as_i64().is_some_and(|left| (1..=300).contains(&left)), "{}", late.body);
    world.advance(300).await;
    assert_eq!(world.userinfo(late.get("access_token")).await.status, 401);
    assert!(!world.is_active("brief", late.get("access_token")).await);
    world.refresh("brief", late.get("refresh_token")).await.refused(400, "invalid_grant");
    // Nothing but the sign-in is no exception.
    let bare = world.tokens(&Asked::by("brief").with("scope", "openid"), &person).await;
    let listed = world.command(&["consents", "list", &person.number]);
    let id =
        listed.lines().find(|line| line.contains(" brief ")).expect("it").split(' ').next().expect("an id");
    world.command(&["consents", "end", id]);
    until("the end of the token", async || {
        (world.userinfo(bare.get("access_token")).await.status == 401).then_some(())
    })
    .await;
}

#[tokio::test]
async fn of_two_choices_in_the_same_moment_the_later_one_counts() {
    let world = Setup::new(Backend::Servers).start().await;
    let person = world.person();
    world.tokens(&Asked::by(SHOP).with("scope", "openid profile"), &person).await;
    let mut tabs = Vec::new();
    for scope in ["openid profile phone address offline_access", "openid profile phone offline_access"] {
        let mut browser = world.browser();
        let page = browser.begin_with_number(&world, &Asked::by(SHOP).with("scope", scope), &person).await;
        let code = world.sandbox.next_code(&person).await;
        let page = browser.enter_code(&page, &code).await.page().expect("allow");
        tabs.push((browser, page));
    }
    // Both know the same former consent, and both go further than that.
    let lock = world.lock_by("SELECT person_id FROM persons FOR UPDATE").await;
    let choices = tabs.iter_mut().map(|(browser, page)| browser.allow_everything(page));
    let released = async {
        world.until_waiting(2).await;
        lock.release().await;
    };
    let (chosen, ()) = tokio::join!(futures_util::future::join_all(choices), released);
    let codes: Vec<String> = chosen.into_iter().map(|step| code_of(&step.away())).collect();
    let open = "SELECT COUNT(*) FROM consents WHERE ended_at IS NULL";
    assert_eq!(world.stored(open).await, 2, "the former one and the later one");
    let mut granted = 0;
    for code in &codes {
        granted += i32::from(world.redeem(SHOP, code).await.status == 200);
    }
    assert_eq!(granted, 1);
}

#[tokio::test]
async fn a_narrower_consent_and_an_ended_one_are_known_to_every_node_at_once() {
    let mut world = Setup::new(Backend::Servers).set("nodes", 2).start().await;
    world.add_node().await;
    let person = world.person();
    for by_command in [false, true] {
        let tokens = world.tokens(&offline(SHOP), &person).await;
        let token = tokens.get("access_token");
        for node in &world.nodes {
            assert_eq!(status_at(&world, node.port, token).await, 200);
        }
        if by_command {
            let listed = world.command(&["consents", "list", &person.number]);
            let id = listed
                .lines()
                .find(|line| line.contains(" shop "))
                .expect("it")
                .split(' ')
                .next()
                .expect("an id");
            world.command(&["consents", "end", id]);
        } else {
            let mut browser = world.browser();
            let page = again(&world, &mut browser, &offline(SHOP), &person).await;
            code_of(&browser.press(&page, "allow", &[]).await.away());
        }
        // Redis has told all nodes before the answer.
        for node in &world.nodes {
            assert_eq!(status_at(&world, node.port, token).await, 401);
            let refresh = [("grant_type", "refresh_token"), ("refresh_token", tokens.get("refresh_token"))];
            world.post_at(node.port, SHOP, "/oidc/token", &refresh).await.refused(400, "invalid_grant");
        }
    }
}
