//! A consent is bound to what was shown (D-r), and the first meeting of a person and a service is a decision too.

use serde_json::Value;

use crate::support::client_file::{AGENCY, RIVAL, SHOP, client};
use crate::support::html::TICKED;
use crate::support::wait::until;
use crate::support::{
    Asked, Browser, Page, Person, Setup, Step, World, alone_on_both_backends, code_of, on_both_backends,
    param,
};

on_both_backends!(
    no_service_is_told_who_is_here_before_the_person_went_on_to_it,
    a_law_gives_nothing_without_a_page,
    what_was_shown_is_kept_with_the_consent,
    an_answer_to_another_state_of_the_page_is_asked_again,
    an_acr_or_sub_of_another_shape_is_refused,
    no_answer_is_sent_again_after_signing_out,
);
alone_on_both_backends!(
    other_terms_are_asked_for_and_say_what_is_new,
    an_expired_document_is_shown_and_told_as_one,
);

const DATA: &str = "data_sets = [{ name = \"name\", required = true }, { name = \"phone\" }, { name = \"address\" }, \
                    { name = \"document\" }]\ngrant_types = [\"authorization_code\", \"refresh_token\"]\n";

async fn consent_row(world: &World, person: &Person, client: &str, column: &'static str) -> String {
    let listed = world.command(&["consents", "list", &person.number]);
    let line = listed.lines().find(|line| line.contains(&format!(" {client} "))).expect("a consent");
    world.stored_text(column, line.split(' ').next().expect("an identifier")).await
}

async fn no_service_is_told_who_is_here_before_the_person_went_on_to_it(world: &World) {
    let (mut browser, person) = (world.browser(), world.person());
    let silent = |client| Asked::by(client).with("scope", "openid").and("prompt", "none");
    // The page of the code names the service: entering the code is the decision.
    code_of(&browser.sign_in(world, &Asked::by(SHOP).with("scope", "openid"), &person).await);
    code_of(&browser.begin(world, &silent(SHOP)).await.away());
    let refused = browser.begin(world, &silent(RIVAL)).await.away();
    assert_eq!(param(&refused, "error").as_deref(), Some("consent_required"), "{refused}");
    let page = browser.begin(world, &Asked::by(RIVAL).with("scope", "openid")).await.page().expect("other");
    assert!(page.text().contains("Rival"), "{page}");
    code_of(&browser.press(&page, "continue", &[]).await.away());
    let given = code_of(&browser.begin(world, &silent(RIVAL)).await.away());
    let tokens = world.redeem(RIVAL, &given).await.granted();
    assert_eq!(
        world.userinfo(tokens.get("access_token")).await.granted().body.as_object().map(serde_json::Map::len),
        Some(1)
    );
    // A meeting allows no data.
    let more = browser.begin(world, &Asked::by(RIVAL).and("prompt", "none")).await.away();
    assert_eq!(param(&more, "error").as_deref(), Some("consent_required"));
    let listed = world.command(&["consents", "list", &person.number]);
    assert_eq!(listed.matches("no data").count(), 2, "{listed}");
    // What was decided can be undone.
    let id =
        listed.lines().find(|line| line.contains(" rival ")).expect("it").split(' ').next().expect("an id");
    world.command(&["consents", "end", id]);
    let refused = browser.begin(world, &silent(RIVAL)).await.away();
    assert_eq!(param(&refused, "error").as_deref(), Some("consent_required"));
}

async fn a_law_gives_nothing_without_a_page(world: &World) {
    let (mut browser, person) = (world.browser(), world.person());
    code_of(&browser.sign_in(world, &Asked::by(SHOP), &person).await);
    for scope in ["openid", "openid profile"] {
        let silent = Asked::by(AGENCY).with("scope", scope).and("prompt", "none");
        let refused = browser.begin(world, &silent).await.away();
        assert_eq!(param(&refused, "error").as_deref(), Some("interaction_required"), "{refused}");
    }
    let page = browser.begin(world, &Asked::by(AGENCY)).await.page().expect("other");
    assert!(page.text().contains("The service will receive:") && page.text().contains("Valiyev"), "{page}");
    code_of(&browser.press(&page, "continue", &[]).await.away());
    code_of(&browser.begin(world, &Asked::by(AGENCY).and("prompt", "none")).await.away());
}

async fn what_was_shown_is_kept_with_the_consent(world: &World) {
    let (mut browser, person) = (world.browser(), world.person());
    browser.languages = "ru".to_owned();
    code_of(&browser.sign_in(world, &Asked::by(SHOP), &person).await);
    let shown = consent_row(world, &person, SHOP, "SELECT shown FROM consents WHERE consent_id = $1").await;
    let shown: Value = serde_json::from_str(&shown).expect("JSON");
    assert_eq!((&shown["language"], &shown["service"]), (&"ru".into(), &"Shop".into()), "{shown}");
    assert_eq!((&shown["owner"], &shown["purpose"]), (&"The owner of Shop".into(), &"To serve you".into()));
    assert_eq!(shown["required"][0]["set"], "name");
    for value in ["Valiyev", "ВАЛИЕВ", "Валиев", person.number.as_str()] {
        assert!(!shown.to_string().contains(value), "no value of a person's data is kept: {shown}");
    }
    let terms = consent_row(world, &person, SHOP, "SELECT terms FROM consents WHERE consent_id = $1").await;
    assert!(terms.contains("\"purpose\"") && !terms.contains("serve"), "digests: {terms}");
    // Another language is no other consent.
    browser.languages = "en".to_owned();
    code_of(&browser.begin(world, &Asked::by(SHOP).and("prompt", "none")).await.away());
}

async fn an_answer_to_another_state_of_the_page_is_asked_again(world: &World) {
    let (mut browser, person) = (world.browser(), world.person());
    let page = browser.begin_with_number(world, &Asked::by(SHOP), &person).await;
    let code = world.sandbox.next_code(&person).await;
    let page = browser.enter_code(&page, &code).await.page().expect("allow");
    let url = page.url.join(&page.form("allow").action).expect("a URL");
    let fields = page.form("allow").fields("allow", &[]);
    let without: Vec<_> = fields.iter().filter(|(name, _)| name != "shown").cloned().collect();
    let mut other = fields.clone();
    other.iter_mut().filter(|(name, _)| name == "shown").for_each(|(_, value)| value.push('x'));
    for sent in [without, other] {
        let again = browser.post(&url, &sent).await.page().expect("changed").expect("allow");
        assert_eq!(again.form("allow").fields("allow", &[]), fields, "{again}");
    }
    // The page in another language is another page: what was read is what is agreed to.
    let links = page.links().into_iter().find(|link| link.language.as_deref() == Some("ru")).expect("a link");
    let russian = browser.get(&page.url.join(&links.href).expect("a URL")).await.page().expect("allow");
    browser.post(&url, &fields).await.page().expect("changed");
    code_of(&browser.press(&russian, "allow", &[]).await.away());
}

/// Registers a client anew and waits until the running provider serves it so.
fn register(world: &World, id: &str, members: &str) {
    std::fs::write(world.folder.file("again.toml"), client(id, members)).expect("a file");
    world.command(&["client", "import", "again.toml"]);
}

/// The page that asks `person` again, in a browser of its own.
async fn asked_again(world: &World, asked: &Asked, person: &Person) -> (Browser, Page) {
    let mut browser = world.browser();
    let page = browser.begin_with_number(world, asked, person).await;
    let code = world.sandbox.next_code(person).await;
    let Step::Page(page) = browser.enter_code(&page, &code).await else { panic!("not asked again") };
    (browser, page.expect("allow"))
}

async fn other_terms_are_asked_for_and_say_what_is_new(setup: Setup) {
    let base = format!("{DATA}consent_days = 30\n");
    let world = setup.client("kept", &base).start().await;
    let person = world.person();
    let asked = Asked::by("kept").with("scope", "openid profile phone");
    let mut known = world.browser();
    code_of(&known.sign_in(&world, &asked, &person).await);
    let silent = asked.clone().and("prompt", "none");
    code_of(&known.begin(&world, &silent).await.away());
    for (change, said) in [
        ("recipients = \"Couriers\"\n", "passed on to others"),
        (
            "basis = \"consent\"\nkind = \"commercial\"\nbasis_reference = \"contract 2\"\n",
            "basis has changed",
        ),
        ("policy_uri = \"http://localhost:9/other\"\n", "privacy policy is another one"),
    ] {
        register(&world, "kept", &format!("{base}{change}"));
        until("the new registration", async || {
            let url = known.begin(&world, &silent).await.away();
            (param(&url, "error").as_deref() == Some("consent_required")).then_some(())
        })
        .await;
        let (mut browser, page) = asked_again(&world, &asked, &person).await;
        assert!(page.has("changes") && page.text().contains(said), "{said}: {page}");
        assert!(page.text().contains("Allowed before"), "{page}");
        code_of(&browser.allow_everything(&page).await.away());
        code_of(&known.begin(&world, &silent).await.away());
    }
    // More data than before are marked as new.
    let more = asked.with("scope", "openid profile phone address");
    let (mut browser, page) = asked_again(&world, &more, &person).await;
    assert_eq!(page.body.matches("class=\"new\"").count(), 1, "{page}");
    assert!(!page.has("changes"), "{page}");
    // The terms change while the page is open: what was shown is no more.
    register(&world, "kept", &format!("{base}recipients = \"Anybody\"\n"));
    let again = until("the page to be shown again", async || match browser.get(&page.url).await {
        Step::Page(again) if again.text().contains("Anybody") => Some(again),
        _ => None,
    })
    .await;
    browser
        .press(&page, "allow", &[("datum-address", TICKED)])
        .await
        .page()
        .expect("changed")
        .expect("changes");
    code_of(&browser.press(&again, "allow", &[]).await.away());
}

async fn an_expired_document_is_shown_and_told_as_one(setup: Setup) {
    let world = setup.client("visas", DATA).start().await;
    let person = world.person();
    let asked = Asked::by("visas").with("scope", "openid profile document");
    let (mut browser, page) = asked_again(&world, &asked, &person).await;
    assert!(!page.text().contains("Expired"), "{page}");
    let given = code_of(&browser.allow_everything(&page).await.away());
    let tokens = world.redeem("visas", &given).await.granted();
    let told = world.userinfo(tokens.get("access_token")).await.granted().body;
    assert_eq!(
        (&told["document_valid"], &told["document_expires_at"]),
        (&true.into(), &"2031-03-14".into()),
        "{told}"
    );
    world.advance(6 * 365 * 86_400).await;
    let (mut browser, page) = asked_again(&world, &asked, &person).await;
    assert!(page.text().contains("Expired on 14 March 2031"), "{page}");
    let given = code_of(&browser.allow_everything(&page).await.away());
    let tokens = world.redeem("visas", &given).await.granted();
    let told = world.userinfo(tokens.get("access_token")).await.granted().body;
    assert_eq!(
        (&told["document_valid"], &told["document_expires_at"]),
        (&false.into(), &"2031-03-14".into()),
        "{told}"
    );
    for constant in ["locale", "zoneinfo"] {
        assert!(told.get(constant).is_none(), "{told}");
    }
}

async fn an_acr_or_sub_of_another_shape_is_refused(world: &World) {
    for claims in [
        r#"{"id_token":{"acr":{"essential":true,"values":"urn:yagona:acr:eri"}}}"#,
        r#"{"id_token":{"acr":{"essential":true,"values":[{}]}}}"#,
        r#"{"id_token":{"acr":{"essential":"true","values":["urn:yagona:acr:eri"]}}}"#,
        r#"{"id_token":{"acr":{"essential":1,"values":["urn:yagona:acr:eri"]}}}"#,
        r#"{"userinfo":{"name":{"essential":"true"}}}"#,
        r#"{"id_token":{"sub":{"value":"somebody"}}}"#,
    ] {
        let url = world.browser().begin(world, &Asked::by(SHOP).and("claims", claims)).await.away();
        assert_eq!(param(&url, "error").as_deref(), Some("invalid_request"), "{claims}: {url}");
    }
}

async fn no_answer_is_sent_again_after_signing_out(world: &World) {
    let (mut browser, person) = (world.browser(), world.person());
    let page = browser.begin_with_number(world, &Asked::by(SHOP), &person).await;
    let code = world.sandbox.next_code(&person).await;
    let consent = browser.enter_code(&page, &code).await.page().expect("allow");
    let first = code_of(&browser.press(&consent, "allow", &[]).await.away());
    // The answer may have been lost: the same one is sent again.
    assert_eq!(code_of(&browser.press(&consent, "allow", &[]).await.away()), first);
    let front = browser.open("/").await.page().expect("signout");
    browser.press(&front, "signout", &[]).await.page().expect("signed-out");
    let over = browser.press(&consent, "allow", &[]).await.page().expect("error");
    assert!(over.text().contains("already finished"), "{over}");
}
