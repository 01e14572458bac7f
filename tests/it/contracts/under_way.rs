//! What was begun before a contract was changed, and what had been agreed to before (R104).

use super::*;

alone_on_both_backends!(
    r104_what_a_contract_lost_is_not_agreed_to_by_who_was_on_their_way,
    r104_consents_for_a_withdrawn_purpose_end_and_people_are_told,
    a_consent_that_cannot_be_read_keeps_no_other_from_ending,
    d_s_who_became_unsuited_gives_nothing_by_a_refresh_or_a_code,
);

const WITH_ADDRESS: &str =
    "SELECT CAST(COUNT(*) AS BIGINT) FROM consents WHERE client_id LIKE 'store%' AND extent LIKE '%address%'";
const OPEN: &str =
    "SELECT CAST(COUNT(*) AS BIGINT) FROM consents WHERE ended_at IS NULL AND client_id = 'store'";
const GRANT: &str = "urn:openid:params:grant-type:ciba";

/// Waits until the node knows that the store has no address any more.
async fn until_narrower(world: &World) {
    let beyond = Asked::by(STORE).with("scope", "openid address");
    until("the change", async || match world.browser().begin(world, &beyond).await {
        Step::Away(url) => (param(&url, "error").as_deref() == Some("invalid_scope")).then_some(()),
        Step::Page(_) => None,
    })
    .await;
}

async fn r104_what_a_contract_lost_is_not_agreed_to_by_who_was_on_their_way(setup: Setup) {
    let world = with_contract(setup, "allows = [\"ciba\"]\n").await;
    let sets = "data_sets = [{ name = \"name\", required = true }, { name = \"address\" }]\n";
    let own = format!("grant_types = [\"{GRANT}\"]\nredirect_uris = []\n{sets}contract = \"{CONTRACT}\"\n");
    world.import("client", &client("store-counter", &own));
    let claims = json!({"id_token": {"given_name": null, "address": null}}).to_string();
    let asked = Asked::by(STORE).with("scope", "openid").and("claims", &claims);
    let (person, other, mut browser) = (world.person(), world.person(), world.browser());
    let page = browser.begin_with_number(&world, &asked, &person).await;
    let code = world.sandbox.next_code(&person).await;
    let page = browser.enter_code(&page, &code).await.page().expect("allow");
    assert!(page.text().contains("Address"), "{page}");
    let counter = until("the counter", async || {
        let fields = [("scope", "openid profile address"), ("login_hint", &*other.number)];
        let asked = world.post_as("store-counter", "/oidc/bc-authorize", &fields).await;
        (asked.status == 200).then_some(asked)
    })
    .await;
    let message = world.approval_message(&other).await;

    let narrower = contract(CONTRACT, "data_sets = [\"name\", \"phone\"]\nallows = [\"ciba\"]\n");
    world.import("contract", &narrower);
    until_narrower(&world).await;

    // What the page said is not so any more: the person sees what is left, and agrees to that.
    let page = browser.allow_everything(&page).await.page().expect("allow");
    assert!(!page.text().contains("Address"), "{page}");
    let code = code_of(&browser.allow_everything(&page).await.away());
    let tokens = world.redeem(STORE, &code).await.granted();
    let told = world.userinfo(tokens.get("access_token")).await.granted();
    assert!(told.body.get("address").is_none(), "{}", told.body);
    let told = crate::support::jwt::verify(tokens.get("id_token"), &world.keys().await).claims;
    assert!(told.get("given_name").is_some() && told.get("address").is_none(), "{told}");

    // The same where somebody approves who is asked elsewhere.
    world.browser().decides(&message, "allow").await.expect("approval-done");
    world.polled("store-counter", &counter).await.granted();
    assert_eq!(world.stored(WITH_ADDRESS).await, 0);
}

async fn r104_consents_for_a_withdrawn_purpose_end_and_people_are_told(setup: Setup) {
    let purpose = |en: &str| {
        format!("purposes = [{{ uz-Latn = \"A\", uz-Cyrl = \"А\", ru = \"Б\", en = \"{en}\" }}]\n")
    };
    let world = with_contract(setup, &purpose("To serve you")).await;
    let asked = Asked::by(STORE).with("scope", ALL);
    let person = world.person();
    let tokens = world.tokens(&asked, &person).await;
    world.import("contract", &contract(CONTRACT, &purpose("To sell")));
    world.until_stored(OPEN, 0).await;
    world.notices_of(&person, "consent_ended", 1).await;
    // Also where the purpose comes back.
    world.import("contract", &contract(CONTRACT, &purpose("To serve you")));
    until("the purpose", async || match world.browser().begin(&world, &asked).await {
        Step::Page(page) => page.has("phone").then_some(()),
        Step::Away(_) => None,
    })
    .await;
    world.refresh(STORE, tokens.get("refresh_token")).await.refused(400, "invalid_grant");

    // The end of the contract is told as well, and a file that has it as it was is no fault.
    let again = world.person();
    world.tokens(&asked, &again).await;
    world.command(&["contract", "end", CONTRACT]);
    world.notices_of(&again, "contract_ended", 1).await;
    let both = contract(CONTRACT, &purpose("To serve you")) + &contract("store-2027", "");
    let said = world.import("contract", &both);
    assert!(said.contains("as it was") && said.contains("stored"), "{said}");
}

async fn a_consent_that_cannot_be_read_keeps_no_other_from_ending(setup: Setup) {
    let world = with_contract(setup, "").await;
    let asked = Asked::by(STORE).with("scope", ALL);
    for _ in 0..2 {
        world.tokens(&asked, &world.person()).await;
    }
    world
        .change_stored(
            "UPDATE consents SET extent = 'x' WHERE consent_id = (SELECT MIN(consent_id) FROM consents WHERE client_id = 'store')",
        )
        .await;
    world.import("contract", &contract(CONTRACT, "data_sets = [\"name\", \"phone\"]\n"));
    world.until_stored(OPEN, 1).await;
    // With the contract it ends, whatever it says.
    world.command(&["contract", "end", CONTRACT]);
    world.until_stored(OPEN, 0).await;
}

async fn d_s_who_became_unsuited_gives_nothing_by_a_refresh_or_a_code(setup: Setup) {
    let world = with_contract(setup, "").await;
    let asked = Asked::by(STORE).with("scope", ALL);
    let (person, mut browser) = (world.person(), world.browser());
    let tokens = world.tokens(&asked, &person).await;
    let code = code_of(&browser.sign_in(&world, &asked, &person).await);
    world.import("contract", &contract(CONTRACT, "minimum_age = 100\n"));
    until("the change", async || {
        (world.userinfo(tokens.get("access_token")).await.status == 403).then_some(())
    })
    .await;
    for refused in [world.refresh(STORE, tokens.get("refresh_token")).await, world.redeem(STORE, &code).await]
    {
        refused.refused(400, "invalid_grant");
        assert!(refused.get("error_description").contains("younger"), "{}", refused.body);
    }
}
