//! What a contract demands of people: an age, a valid document, more than Mobile-ID in lending.

use super::*;

alone_on_both_backends!(
    d_s_a_person_below_the_least_age_is_told_before_anything_is_released,
    d_t_a_contract_may_demand_a_valid_document,
    d_a_a_contract_in_lending_takes_no_mobile_id,
);

const CIBA: &str = "grant_types = [\"urn:openid:params:grant-type:ciba\"]\n";
const CONSENTS: &str = "SELECT CAST(COUNT(*) AS BIGINT) FROM consents";

/// Signs in as far as the page that says that the person is none whom the contract suits.
async fn turned_away(world: &World, title: &str) {
    let (person, mut browser) = (world.person(), world.browser());
    let asked = Asked::by(STORE).with("scope", ALL);
    let page = browser.begin_with_number(world, &asked, &person).await;
    let code = world.sandbox.next_code(&person).await;
    let page = browser.enter_code(&page, &code).await.page().expect_status(403).expect("error");
    assert!(page.text().contains(title), "{page}");
    assert_eq!(world.stored(CONSENTS).await, 0, "nothing was agreed to");
    // Nobody is signed in, and the way back tells the service no more than that the sign-in was cancelled.
    let url = browser.begin(world, &asked.clone().and("prompt", "none")).await.away();
    assert_eq!(param(&url, "error").as_deref(), Some("login_required"), "{url}");
    let url = browser.get(&page.link("continue")).await.away();
    assert_eq!(param(&url, "error").as_deref(), Some("access_denied"), "{url}");
}

async fn d_s_a_person_below_the_least_age_is_told_before_anything_is_released(setup: Setup) {
    let world = with_contract(setup, "minimum_age = 60\nallows = [\"ciba\"]\n").await;
    world.import("client", &client("counter-2", &format!("{CIBA}contract = \"{CONTRACT}\"\nredirect_uris = []\ndata_sets = [{{ name = \"name\", required = true }}]\n")));
    turned_away(&world, "not old enough for this service").await;
    until("the event", async || {
        let rows = world.audit_rows().await;
        let mut refused = rows.iter().filter(|row| row.event == Kind::SignInRefused.name());
        refused.any(|row| row.content["reason"] == "minimum_age").then_some(())
    })
    .await;

    // Who is asked at a counter is told the same, and the service that it was refused.
    let person = world.person();
    let fields = [("scope", "openid profile"), ("login_hint", person.number.as_str())];
    let asked = until("the client", async || {
        let asked = world.post_as("counter-2", "/oidc/bc-authorize", &fields).await;
        (asked.status == 200).then_some(asked)
    })
    .await;
    let message = world.approval_message(&person).await;
    let page = world.browser().decides(&message, "allow").await;
    assert!(
        page.text().contains("not old enough for this service") && page.text().contains("The least age: 60"),
        "{page}"
    );
    let grant =
        [("grant_type", "urn:openid:params:grant-type:ciba"), ("auth_req_id", asked.get("auth_req_id"))];
    world.post_as("counter-2", "/oidc/token", &grant).await.refused(400, "access_denied");
    assert_eq!(world.stored(CONSENTS).await, 0);

    // The contract changes, and people of that age come in.
    let asked = Asked::by(STORE).with("scope", "openid profile phone");
    other_contract(&world, "minimum_age = 18\n").await;
    let (person, mut browser) = (world.person(), world.browser());
    code_of(&browser.sign_in(&world, &asked, &person).await);
    code_of(&browser.begin(&world, &asked.clone().and("prompt", "none")).await.away());
    // A session answers to the contract of this moment as well.
    world.import("contract", &contract(CONTRACT, "minimum_age = 60\n"));
    // With connections of its own: those of before may have been closed meanwhile.
    let cookies = browser.cookies();
    let mut browser = world.browser();
    cookies.iter().for_each(|(name, value)| browser.plant(name, value));
    until("the change", async || {
        let url = browser.begin(&world, &asked.clone().and("prompt", "none")).await.away();
        (param(&url, "error").as_deref() == Some("access_denied")).then_some(())
    })
    .await;
}

/// Gives the store a contract without the address, and waits until the node knows it.
async fn other_contract(world: &World, members: &str) {
    world.import("contract", &contract(CONTRACT, &format!("data_sets = [\"name\", \"phone\"]\n{members}")));
    let beyond = Asked::by(STORE).with("scope", "openid address");
    until("the change", async || match world.browser().begin(world, &beyond).await {
        Step::Away(url) => (param(&url, "error").as_deref() == Some("invalid_scope")).then_some(()),
        Step::Page(_) => None,
    })
    .await;
}

async fn d_t_a_contract_may_demand_a_valid_document(setup: Setup) {
    let world = with_contract(setup, "valid_document = true\n").await;
    let asked = Asked::by(STORE).with("scope", ALL);
    world.tokens(&asked, &world.person()).await;
    world.advance(6 * 365 * 86_400).await;
    turned_away_later(&world, &asked).await;
    // Where nothing of that kind is agreed, the sign-in goes on.
    other_contract(&world, "").await;
    world.tokens(&asked.with("scope", "openid profile phone"), &world.person()).await;
}

async fn turned_away_later(world: &World, asked: &Asked) {
    let (person, mut browser) = (world.person(), world.browser());
    let page = browser.begin_with_number(world, asked, &person).await;
    let code = world.sandbox.next_code(&person).await;
    let page = browser.enter_code(&page, &code).await.page().expect_status(403).expect("error");
    assert!(page.text().contains("Your document is not valid"), "{page}");
}

async fn d_a_a_contract_in_lending_takes_no_mobile_id(setup: Setup) {
    let world = with_contract(setup, "lending = true\n").await;
    let (mut browser, person) = (world.browser(), world.person());
    let page = browser.begin_with_number(&world, &Asked::by(STORE), &person).await;
    let code = world.sandbox.next_code(&person).await;
    // Of somebody who has no other means the service is told that its demand cannot be met.
    let url = browser.enter_code(&page, &code).await.away();
    assert_eq!(param(&url, "error").as_deref(), Some("unmet_authentication_requirements"), "{url}");
}
