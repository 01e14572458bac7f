//! Consent: shown with the values, stored with its extent, refused without loss.

use crate::support::client_file::{AGENCY, LEGACY, RIVAL, SHOP};
use crate::support::html::TICKED;
use crate::support::{
    Asked, Browser, Page, Person, Setup, Step, World, alone_on_both_backends, code_of, on_both_backends,
    param,
};

on_both_backends!(
    the_person_sees_who_asks_and_every_value,
    what_is_not_ticked_is_not_released,
    a_consent_is_remembered_until_more_is_asked,
    a_statutory_basis_needs_no_consent,
    a_refusal_goes_back_to_the_service,
    a_sign_in_can_be_cancelled_at_every_step,
    the_answer_of_form_post_is_posted_to_the_service,
    no_data_is_shown_after_signing_out_in_another_tab,
    whoever_loses_the_session_at_the_consent_page_signs_in_anew_there,
);

alone_on_both_backends!(an_answer_that_could_not_be_stored_is_given_again_or_refused);

async fn at_consent(world: &World, browser: &mut Browser, asked: &Asked, person: &Person) -> Page {
    let page = browser.begin_with_number(world, asked, person).await;
    let code = world.sandbox.next_code(person).await;
    browser.enter_code(&page, &code).await.page().expect("allow").expect("deny")
}

async fn the_person_sees_who_asks_and_every_value(world: &World) {
    let person = world.person();
    let asked = Asked::by(SHOP).with("scope", "openid profile phone address");
    let page = at_consent(world, &mut world.browser(), &asked, &person).await;
    let text = page.text();
    for shown in ["Shop", "The owner of Shop", "To serve you", "To address you", "Valiyev", "Amir Temur"] {
        assert!(text.contains(shown), "{shown} in {text}");
    }
    assert!(page.has("datum-address") && page.has("datum-birth_date"), "{page}");
    assert!(!page.has("datum-name"), "what is required has no box: {page}");
    for technical in ["scope", "openid", "claim", "token"] {
        assert!(!text.to_lowercase().contains(technical), "{technical} in {text}");
    }
    // The sensitive number is not asked for, and so not shown.
    assert!(!page.body.contains(&person.pinfl), "{page}");
}

async fn what_is_not_ticked_is_not_released(world: &World) {
    let asked = Asked::by(SHOP).with("scope", "openid profile phone address");
    let person = world.person();
    let mut browser = world.browser();
    let page = at_consent(world, &mut browser, &asked, &person).await;
    assert!(!page.body.contains(" checked"), "nothing is ticked at first: {page}");
    let choice = [("datum-address", TICKED)];
    let url = browser.press(&page, "allow", &choice).await.away();
    let tokens = world.redeem(SHOP, &code_of(&url)).await.granted();
    let told = world.userinfo(tokens.get("access_token")).await.granted().body;
    assert!(told["name"].is_string() && told["address"].is_object(), "{told}");
    assert!(told.get("phone_number").is_none() && told.get("birthdate").is_none(), "{told}");
    // A tampered form neither removes required data sets nor adds any.
    let person = world.person();
    let mut browser = world.browser();
    let asked = Asked::by(SHOP).with("scope", "openid profile");
    let page = at_consent(world, &mut browser, &asked, &person).await;
    let form_url = page.url.join(&page.form("allow").action).expect("a URL");
    let mut fields = page.form("allow").fields("allow", &[]);
    fields.extend(
        [("datum", "address"), ("datum", "pinfl"), ("datum", "phone")].map(|(a, b)| (a.into(), b.into())),
    );
    let url = browser.post(&form_url, &fields).await.away();
    let tokens = world.redeem(SHOP, &code_of(&url)).await.granted();
    let told = world.userinfo(tokens.get("access_token")).await.granted().body;
    for name in ["address", "pinfl", "phone_number"] {
        assert!(told.get(name).is_none(), "{name} was not asked for: {told}");
    }
}

async fn a_consent_is_remembered_until_more_is_asked(world: &World) {
    let person = world.person();
    let mut browser = world.browser();
    let less = Asked::by(RIVAL).with("scope", "openid phone");
    let more = Asked::by(RIVAL).with("scope", "openid phone address");
    code_of(&browser.sign_in(world, &less, &person).await);
    // A new browser, the same person: no question.
    let mut other = world.browser();
    let page = other.begin_with_number(world, &less, &person).await;
    let code = world.sandbox.next_code(&person).await;
    code_of(&other.enter_code(&page, &code).await.away());
    // Silent for the same and for less, an error for more.
    code_of(&other.begin(world, &less.clone().with("scope", "openid").and("prompt", "none")).await.away());
    code_of(&other.begin(world, &less.clone().and("prompt", "none")).await.away());
    let refused = other.begin(world, &more.clone().and("prompt", "none")).await.away();
    assert_eq!(param(&refused, "error").as_deref(), Some("consent_required"));
    let page = other.begin(world, &more).await.page();
    let page = if page.has("other") { other.press(&page, "continue", &[]).await.page() } else { page };
    assert!(page.has("allow"), "{page}");
    // OpenID Connect Core §3.1.2.1: prompt=consent asks although nothing new is requested.
    let page = browser.begin(world, &less.and("prompt", "consent")).await.page();
    let page = if page.has("other") { browser.press(&page, "continue", &[]).await.page() } else { page };
    assert!(page.has("allow"), "{page}");
}

async fn a_statutory_basis_needs_no_consent(world: &World) {
    let person = world.person();
    let mut browser = world.browser();
    let page = browser.begin_with_number(world, &Asked::by(AGENCY), &person).await;
    let code = world.sandbox.next_code(&person).await;
    let url = browser.enter_code(&page, &code).await.away();
    let code = code_of(&url);
    let tokens = world.redeem(AGENCY, &code).await.granted();
    let told = world.userinfo(tokens.get("access_token")).await.granted().body;
    assert!(told["name"].is_string(), "{told}");
    // The same record is kept as of a consent, and the grant names it.
    let details = world.stored_text("SELECT details FROM grants WHERE grant_id = $1", &grant_id(&code)).await;
    let details: serde_json::Value = serde_json::from_str(&details).expect("JSON");
    let record = details["consent_id"].as_str().expect("a record");
    let query = "SELECT basis || ' ' || client_id || ' ' || permitted_by || ' ' || extent FROM consents WHERE consent_id = $1";
    let record = world.stored_text(query, record).await;
    assert!(record.starts_with("statutory agency law {") && record.contains("\"name\""), "{record}");
}

/// The identifier of what a code grants, in the table of grants.
fn grant_id(code: &str) -> String {
    use aws_lc_rs::digest::{SHA256, digest};
    crate::support::jwt::encode(&digest(&SHA256, code.as_bytes()).as_ref()[..20])
}

async fn a_refusal_goes_back_to_the_service(world: &World) {
    let person = world.person();
    let mut browser = world.browser();
    let page = at_consent(world, &mut browser, &Asked::by(SHOP), &person).await;
    let url = browser.press(&page, "deny", &[]).await.away();
    assert_eq!(param(&url, "error").as_deref(), Some("access_denied"));
    assert_eq!(param(&url, "state").as_deref(), Some("state-state-state"));
    assert!(param(&url, "iss").is_some() && param(&url, "code").is_none(), "{url}");
    // A refusal of what was never allowed is not stored.
    let page = browser.begin(world, &Asked::by(SHOP)).await.page();
    let page = if page.has("other") { browser.press(&page, "continue", &[]).await.page() } else { page };
    assert!(page.has("allow"), "{page}");
}

async fn a_sign_in_can_be_cancelled_at_every_step(world: &World) {
    let person = world.person();
    let mut browser = world.browser();
    let number = browser.begin(world, &Asked::by(SHOP)).await.page().expect("phone");
    let url = browser.get(&number.link("cancel")).await.away();
    assert_eq!(param(&url, "error").as_deref(), Some("access_denied"));
    let code = browser.begin_with_number(world, &Asked::by(SHOP), &person).await;
    let url = browser.get(&code.link("cancel")).await.away();
    assert_eq!(param(&url, "error").as_deref(), Some("access_denied"));
    assert_eq!(param(&url, "state").as_deref(), Some("state-state-state"));
}

async fn the_answer_of_form_post_is_posted_to_the_service(world: &World) {
    let state = r#""><script>alert(1)</script>&'"#;
    let asked = Asked::by(LEGACY).and("response_mode", "form_post").with("state", state);
    let person = world.person();
    let mut browser = world.browser();
    let page = at_consent(world, &mut browser, &asked, &person).await;
    let Step::Page(answer) = browser.press(&page, "allow", &[]).await else { panic!("a form is wanted") };
    let form = answer.form("continue");
    assert_eq!(form.action, crate::support::CALLBACK);
    let fields = form.fields("continue", &[]);
    let field = |name: &str| fields.iter().find(|(given, _)| given == name).map(|(_, value)| value.as_str());
    assert_eq!(field("state"), Some(state));
    assert!(field("code").is_some() && field("iss").is_some(), "{fields:?}");
    assert!(!answer.body.contains("<script>alert"), "{answer}");
    let policy = answer.header("content-security-policy");
    assert!(policy.contains("form-action") && policy.contains("http://localhost:9"), "{policy}");
    let fields = [
        ("grant_type", "authorization_code"),
        ("code", field("code").expect("a code")),
        ("redirect_uri", crate::support::CALLBACK),
        ("code_verifier", crate::support::VERIFIER),
    ];
    world.post_as(LEGACY, "/oidc/token", &fields).await.granted();
    // Errors travel the same way.
    let asked = asked.with("scope", "profile");
    let page = world.browser().begin(world, &asked).await.page();
    let fields = page.form("continue").fields("continue", &[]);
    assert!(fields.contains(&("error".to_owned(), "invalid_scope".to_owned())), "{fields:?}");
}

async fn no_data_is_shown_after_signing_out_in_another_tab(world: &World) {
    let (mut browser, person) = (world.browser(), world.person());
    let consent = at_consent(world, &mut browser, &Asked::by(SHOP), &person).await;
    // Another tab: the front page signs out.
    let front = browser.open("/").await.page().expect("signout");
    browser.press(&front, "signout", &[]).await.page().expect("signed-out");
    // Back on the consent page, perhaps by another person.
    let back = browser.get(&consent.url).await.page();
    back.expect("phone");
    let pressed = browser.press(&consent, "allow", &[]).await.page();
    assert!(!pressed.has("allow"), "{pressed}");
}

async fn an_answer_that_could_not_be_stored_is_given_again_or_refused(setup: Setup) {
    let world = setup.start().await;
    let failed = async |browser: &mut Browser, person: &Person| {
        let page = at_consent(&world, browser, &Asked::by(SHOP), person).await;
        world.refuse_consents(true).await;
        let problem = browser.press(&page, "allow", &[]).await.page();
        world.refuse_consents(false).await;
        assert!(problem.status >= 500, "{problem}");
        page
    };
    let (mut browser, person) = (world.browser(), world.person());
    let page = failed(&mut browser, &person).await;
    let code = code_of(&browser.press(&page, "allow", &[]).await.away());
    world.redeem(SHOP, &code).await.granted();

    let (mut browser, person) = (world.browser(), world.person());
    let page = failed(&mut browser, &person).await;
    let url = browser.press(&page, "deny", &[]).await.away();
    assert_eq!(param(&url, "error").as_deref(), Some("access_denied"), "the last word counts");
    assert!(world.command(&["consents", "list", &person.number]).contains("no consents"));
}

async fn whoever_loses_the_session_at_the_consent_page_signs_in_anew_there(world: &World) {
    let person = world.person();
    for by_form in [false, true] {
        let mut browser = world.browser();
        let page = at_consent(world, &mut browser, &Asked::by(SHOP), &person).await;
        browser.plant("__Host-yagona-session", "lost");
        browser.plant("yagona-session", "lost");
        let step =
            if by_form { browser.press(&page, "allow", &[]).await } else { browser.get(&page.url).await };
        let page = step.page().expect("phone");
        // The same number a moment later gets a code at once, and no page that leads back here.
        let page = browser.enter_number(&page, &person.number).await.page().expect("code");
        let code = world.sandbox.next_code(&person).await;
        let page = browser.enter_code(&page, &code).await.page().expect("allow");
        browser.press(&page, "deny", &[]).await.away();
    }
}
