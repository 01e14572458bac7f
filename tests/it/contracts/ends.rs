//! How contracts end: by an operator, by time, and what is done when that is interrupted.

use super::*;
use crate::support::process::both_streams;

alone_on_both_backends!(
    r104_an_ended_contract_shuts_its_services_out_and_ends_what_people_gave_them,
    r104_a_contract_is_warned_of_expires_by_the_clock_and_is_prolonged,
    what_was_interrupted_is_finished_by_the_next_start,
    a_client_without_a_contract_is_shut_out_and_one_of_the_provider_is_not,
    a_service_that_registered_itself_gets_its_contract_at_its_approval,
    what_cannot_be_read_shuts_out_its_own_services_and_importing_it_mends_it,
);

const OPEN: &str =
    "SELECT CAST(COUNT(*) AS BIGINT) FROM consents WHERE ended_at IS NULL AND client_id = 'store'";
const UNCLEARED: &str =
    "SELECT CAST(COUNT(*) AS BIGINT) FROM contracts WHERE cleared < 2 AND ended_at IS NOT NULL";
const DAY: i64 = 86_400;

async fn r104_an_ended_contract_shuts_its_services_out_and_ends_what_people_gave_them(setup: Setup) {
    let oneid = format!(
        "oneid = true\ncontract = \"{CONTRACT}\"\ndata_sets = [{{ name = \"name\", required = true }}]\n"
    );
    let world = with_contract(setup, "allows = [\"ciba\"]\n").await;
    world.import("client", &client("old", &oneid));
    let (person, mut browser) = (world.person(), world.browser());
    let asked = Asked::by(STORE).with("scope", ALL);
    let tokens = world.tokens(&asked, &person).await;
    let code = code_of(&browser.sign_in(&world, &asked, &world.person()).await);
    let begun = world.browser().begin_with_number(&world, &asked, &world.person()).await;
    world.command(&["contract", "end", CONTRACT]);
    world.until_shut(true).await;

    // Where no browser is, the error says why.
    let why = |answer: &Tokens| {
        answer.refused(400, "unauthorized_client");
        assert!(
            answer.body["error_description"].as_str().expect("why").contains("was ended"),
            "{}",
            answer.body
        );
    };
    why(&world.refresh(STORE, tokens.get("refresh_token")).await);
    why(&world.redeem(STORE, &code).await);
    why(&world.push(&asked).await);
    assert_eq!(world.userinfo(tokens.get("access_token")).await.status, 401);
    let guessed =
        world.post_bare(world.nodes[0].port, "/oidc/token", &[], Some((STORE, "guessed-secret"))).await;
    guessed.refused(401, "invalid_client");
    world.oneid_redeem("old", "x").await.refused_by_oneid(400, "ClientException", "CLIENT_NOT_ALLOWED");

    // Where one is, a page does.
    let page = shut_page(&world).await;
    assert!(page.text().contains("Store LLC") && page.text().contains("+998 71 200 00 00"), "{page}");
    let link = crate::support::oneid::link(&world, "old");
    assert!(world.browser().get(&link).await.page().expect_status(403).has("note"));
    // A sign-in that was begun goes no further.
    let mut browser = world.browser();
    assert!(matches!(browser.get(&begun.url).await, Step::Page(page) if page.has("error")));

    // Nothing is left, and it does not come back.
    world.until_stored(OPEN, 0).await;
    let again = contract(CONTRACT, "");
    let why = world.cannot_import("contract", &again);
    assert!(why.contains("does not come back"), "{why}");
    assert!(!world.try_command(&["contract", "end", CONTRACT]).status.success());
    let doctor = world.try_command(&["client", "doctor", STORE]);
    let doctor = String::from_utf8(doctor.stdout).expect("text");
    assert!(
        doctor.contains("suspended") && doctor.contains(&format!("yagona contract show {CONTRACT}")),
        "{doctor}"
    );
    assert!(world.command(&["client", "list"]).contains("suspended"));
    world.advance(10).await;
    until("the metric", async || (world.metric("yagona_clients_suspended", &[]).await == 2.0).then_some(()))
        .await;

    // Another contract opens it again.
    world.import("contract", &contract("store-2027", ""));
    world.import("client", &client(STORE, &format!("{DATA}contract = \"store-2027\"\n")));
    world.until_shut(false).await;
    let page = world.browser().begin(&world, &asked).await.page();
    assert!(page.has("phone"), "{page}");
}

async fn r104_a_contract_is_warned_of_expires_by_the_clock_and_is_prolonged(setup: Setup) {
    let world =
        with_contract(setup.set("contracts.warn_days", 10), &format!("until = \"{}\"\n", day(20))).await;
    let asked = Asked::by(STORE).with("scope", ALL);
    let tokens = world.tokens(&asked, &world.person()).await;
    let listed = || world.command(&["contract", "list"]);
    assert!(!listed().contains("ENDS SOON"), "{}", listed());
    assert_eq!(world.metric("yagona_contracts_ending", &[]).await, 0.0);
    world.advance(12 * DAY).await;
    until("the metric", async || (world.metric("yagona_contracts_ending", &[]).await == 1.0).then_some(()))
        .await;
    until("the event", async || world.nodes[0].running.log().contains("\"contract.ending\"").then_some(()))
        .await;
    let fresh = world.tokens(&asked, &world.person()).await;

    // On the last day it is in force, and on the next it is not.
    world.advance(7 * DAY).await;
    assert!(!world.answer().await);
    world.advance(2 * DAY).await;
    let answer = world.post_as(STORE, "/oidc/introspect", &[("token", "x")]).await;
    answer.refused(400, "unauthorized_client");
    assert!(answer.body["error_description"].as_str().expect("why").contains("expired"), "{}", answer.body);
    shut_page(&world).await;
    for tokens in [&tokens, &fresh] {
        assert_eq!(world.userinfo(tokens.get("access_token")).await.status, 401);
    }
    world.until_stored(OPEN, 0).await;

    // Prolonged, it goes on; what people gave under it is asked for again.
    world.import("contract", &contract(CONTRACT, &format!("until = \"{}\"\n", day(400))));
    world.until_shut(false).await;
    world.refresh(STORE, fresh.get("refresh_token")).await.refused(400, "invalid_grant");
    world.tokens(&asked, &world.person()).await;

    // One whose first day is to come is not in force yet.
    world.import("contract", &contract(CONTRACT, &format!("from = \"{}\"\n", day(60))));
    world.until_shut(true).await;
    let answer = world.post_as(STORE, "/oidc/introspect", &[("token", "x")]).await;
    assert!(answer.body["error_description"].as_str().expect("why").contains("not begun"), "{}", answer.body);
    world.advance(60 * DAY).await;
    assert!(!world.answer().await);
}

async fn what_was_interrupted_is_finished_by_the_next_start(setup: Setup) {
    let mut world = with_contract(setup, "").await;
    let asked = Asked::by(STORE).with("scope", ALL);
    let tokens = [world.tokens(&asked, &world.person()).await, world.tokens(&asked, &world.person()).await];
    world.nodes[0].running.kill();
    // The command was killed after it had stored the end and ended one of the two.
    let done: Value =
        serde_json::from_str(&world.command(&["contract", "end", CONTRACT, "--format", "json"]))
            .expect("JSON");
    assert_eq!(done["consents_ended"], 2);
    world
        .change_stored(
            "UPDATE grants SET revoked_at_ms = NULL, revoked_seq = NULL WHERE client_id = 'store' AND details LIKE \
             '%' || (SELECT MIN(consent_id) FROM consents WHERE client_id = 'store') || '%'",
        )
        .await;
    world
        .change_stored(
            "UPDATE consents SET ended_at = NULL WHERE consent_id = \
             (SELECT MIN(consent_id) FROM consents WHERE client_id = 'store')",
        )
        .await;
    assert_eq!((world.stored(OPEN).await, world.stored(UNCLEARED).await), (1, 1));
    world.start_again().await;
    world.advance(10).await;
    world.until_stored(OPEN, 0).await;
    world.until_stored(UNCLEARED, 0).await;
    // Even where the client comes to another contract, what had ended is over.
    world.import("contract", &contract("store-2027", ""));
    world.import("client", &client(STORE, &format!("{DATA}contract = \"store-2027\"\n")));
    world.until_shut(false).await;
    for tokens in &tokens {
        world.refresh(STORE, tokens.get("refresh_token")).await.refused(400, "invalid_grant");
    }
}

async fn a_client_without_a_contract_is_shut_out_and_one_of_the_provider_is_not(setup: Setup) {
    let world = setup
        .set("sandbox.contracts_demanded", true)
        .client(STORE, DATA)
        .client("own", "first_party = true\n")
        .start()
        .await;
    let page = shut_page(&world).await;
    assert!(page.text().contains("The owner of Store"), "{page}");
    let answer = world.post_as(STORE, "/oidc/introspect", &[("token", "x")]).await;
    answer.refused(400, "unauthorized_client");
    assert!(
        answer.body["error_description"].as_str().expect("why").contains("no contract"),
        "{}",
        answer.body
    );
    assert!(world.browser().begin(&world, &Asked::by("own")).await.page().has("phone"));
    assert_eq!(world.post_as("own", "/oidc/introspect", &[("token", "x")]).await.status, 200);
}

async fn a_service_that_registered_itself_gets_its_contract_at_its_approval(setup: Setup) {
    let world = setup.set("sandbox.contracts_demanded", true).start().await;
    world.import("contract", &format!("{INSTITUTION}{}", contract(CONTRACT, "")));
    let create = ["client", "token", "create", "--owner", "Store", "--format", "json"];
    let made: Value = serde_json::from_str(&world.command(&create)).expect("JSON");
    let members = json!({"client_name": "Store", "redirect_uris": ["http://localhost:9/cb"]});
    let request = world.browser().request(reqwest::Method::POST, &world.url("/oidc/register"));
    let request = request.bearer_auth(made["token"].as_str().expect("a token"));
    let request = request.header("content-type", "application/json").body(members.to_string());
    let registered = Tokens::of(request.send().await.expect("an answer")).await;
    let id = registered.get("client_id");
    let shown = world.command(&["client", "show", id, "--waiting"]);
    let code = shown.trim_end().rsplit(' ').next().expect("a code");
    let approve = |contract: &str| {
        world.try_command(&["client", "approve", id, "--review", code, "--contract", contract])
    };
    assert!(String::from_utf8_lossy(&approve("nothing").stderr).contains("there is no contract `nothing`"));
    assert!(approve(CONTRACT).status.success());
    let asked = Asked::by(id).with("scope", "openid").with("redirect_uri", "http://localhost:9/cb");
    until("the client", async || match world.browser().begin(&world, &asked).await {
        Step::Page(page) => page.has("phone").then_some(()),
        Step::Away(_) => None,
    })
    .await;
    assert!(world.command(&["client", "show", id]).contains(&format!("contract = \"{CONTRACT}\"")));
}

#[tokio::test]
async fn r104_what_a_contract_loses_is_lost_at_both_nodes() {
    let mut world = with_contract(Setup::new(Backend::Servers).set("nodes", 2), "").await;
    world.add_node().await;
    let ports = [world.nodes[0].port, world.nodes[1].port];
    let asked = Asked::by(STORE).with("scope", ALL);
    let tokens = world.tokens(&asked, &world.person()).await;
    world.import("contract", &contract(CONTRACT, "data_sets = [\"name\", \"phone\"]\n"));
    for port in ports {
        until("the change", async || {
            let mut browser = world.browser().at(port);
            match browser.begin(&world, &asked).await {
                Step::Away(url) => (param(&url, "error").as_deref() == Some("invalid_scope")).then_some(()),
                Step::Page(_) => None,
            }
        })
        .await;
    }
    world.command(&["contract", "end", CONTRACT]);
    for port in ports {
        until("the end", async || {
            let fields = [("grant_type", "refresh_token"), ("refresh_token", tokens.get("refresh_token"))];
            let answer = world.post_at(port, STORE, "/oidc/token", &fields).await;
            (answer.body["error"] == "unauthorized_client").then_some(())
        })
        .await;
    }
}

async fn what_cannot_be_read_shuts_out_its_own_services_and_importing_it_mends_it(setup: Setup) {
    let world = with_contract(setup, "").await;
    let told = |arguments: &[&str]| {
        let done = world.try_command(arguments);
        (done.status.success(), both_streams(&done))
    };
    let mended = async || {
        world.until_shut(false).await;
        let (_, said) = told(&["check"]);
        assert!(said.contains("contracts       ok"), "{said}");
    };
    for (damage, text) in [
        ("UPDATE contracts SET document = '{'", contract(CONTRACT, "")),
        ("UPDATE institutions SET document = '{'", INSTITUTION.to_owned()),
        (
            "UPDATE institutions SET document = '{'; UPDATE contracts SET document = '{'",
            format!("{INSTITUTION}{}", contract(CONTRACT, "")),
        ),
    ] {
        world.change_database(damage).await;
        world.change_database("UPDATE sequences SET seq = seq + 1 WHERE list = 'contracts'").await;
        world.until_shut(true).await;
        let (well, said) = told(&["check"]);
        assert!(!well && said.contains("contracts       FAILED") && said.contains("corrupt"), "{said}");
        let (well, said) = told(&["contract", "list"]);
        assert!(well && said.contains("corrupt"), "{said}");
        world.import("contract", &text);
        mended().await;
    }
    // What was ended does not come back by this.
    world.command(&["contract", "end", CONTRACT]);
    world.change_database("UPDATE contracts SET document = '{'").await;
    let (well, said) = told(&["contract", "end", CONTRACT]);
    assert!(!well && said.contains("cannot be read"), "{said}");
    let why = world.cannot_import("contract", &contract(CONTRACT, ""));
    assert!(why.contains("does not come back"), "{why}");
}
