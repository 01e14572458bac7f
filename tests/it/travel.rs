//! Somebody who seems to be in many places at once is asked for a further proof, or for a wait, and the person is told; and what a sign-in in a
//! new browser and network does to the next code.

use yagona::audit::Kind;

use crate::password::FIRST;
use crate::risk::works;
use crate::support::client_file::SHOP;
use crate::support::{
    Asked, Browser, Page, Person, Setup, Step, World, alone_on_both_backends, code_of, jwt,
};

alone_on_both_backends!(
    a_password_from_many_networks_wants_a_further_proof_and_the_person_is_told,
    whoever_has_no_further_factor_waits_or_works_and_no_session_is_opened_before,
    a_sign_in_in_a_new_browser_and_network_makes_the_next_code_for_the_number_dearer,
);

const SESSION: &str = "__Host-yagona-session";

/// Networks, none of which is another's /16 or /32.
const PLACES: [&str; 5] = ["203.0.113.7", "198.51.100.7", "192.0.2.7", "2001:db8::7", "100.64.0.7"];

fn setup(setup: Setup) -> Setup {
    let setup = setup.set("server.trusted_proxies", vec!["127.0.0.0/8".to_owned()]);
    let setup = setup.set("limits.toll.wait_seconds", 15).set("limits.toll.work_bits", 4);
    setup.set("limits.travel.networks_hour", 2)
}

fn at(world: &World, place: usize) -> Browser {
    world.browser().from(PLACES[place])
}

async fn by_password(world: &World, browser: &mut Browser, person: &Person) -> Page {
    let page = browser.at_password(world, &Asked::by(SHOP)).await;
    browser.enter_password(&page, &person.pinfl, FIRST).await.page()
}

async fn by_number(world: &World, browser: &mut Browser, person: &Person) -> Page {
    let page = browser.begin_with_number(world, &Asked::by(SHOP), person).await;
    let code = world.sandbox.next_code(person).await;
    browser.enter_code(&page, &code).await.page()
}

fn is_signed_in(browser: &Browser) -> bool {
    browser.cookies().contains_key(SESSION)
}

async fn a_password_from_many_networks_wants_a_further_proof_and_the_person_is_told(given: Setup) {
    let world = &setup(given).start().await;
    let (mut own, person) = (at(world, 0), world.person());
    own.set_password(world, &person, FIRST).await.expect_status(200).expect("said");
    // A second network is not many, and one counts once however often somebody signs in there.
    for _ in 0..3 {
        by_password(world, &mut at(world, 1), &person).await.expect("allow");
    }
    // The third one wants more than the password.
    let mut thief = at(world, 2);
    let page = by_password(world, &mut thief, &person).await.expect("doubted").expect("mobile_id");
    assert_eq!(page.url.path(), "/sign-in/means");
    assert!(!page.has("go-on") && !is_signed_in(&thief), "{page}");
    // Nothing else is opened by it: no page of the person's, no wait in its place, and not the same proof again.
    thief.open("/cabinet").await.page().expect("phone");
    let fields = [("toll".to_owned(), String::new())];
    let refused = thief.post(&page.url, &fields).await.page().expect("doubted");
    let again = refused.url.as_str().replace("/sign-in/means", "/sign-in/password");
    thief.get(&again.parse().expect("a URL")).await.page().expect("doubted");
    by_password(world, &mut at(world, 3), &person).await.expect("doubted");
    // The person is told, once.
    world.until_audited(Kind::SignInDoubted, "client.id", SHOP).await;
    world.notices_of(&person, "many_networks", 1).await;
    assert!(world.metric("yagona_sign_ins_total", &["step=\"networks\"", "outcome=\"asked\""]).await >= 2.0);
    // A browser in which they signed in before goes on from wherever it is.
    let mut own = own.from(PLACES[4]);
    let page = own.begin(world, &Asked::by(SHOP).and("prompt", "login")).await.page();
    let page = own.get(&page.link("password")).await.page().expect("login");
    own.enter_password(&page, &person.pinfl, FIRST).await.page().expect("allow");
    // So does whoever adds the further proof.
    let page = thief.get(&refused.link("mobile_id")).await.page().expect("phone");
    let page = thief.enter_number(&page, &person.number).await.page().expect("code");
    let code = world.sandbox.next_code(&person).await;
    let page = thief.enter_code(&page, &code).await.page().expect("allow");
    assert!(is_signed_in(&thief));
    let url = thief.allow_everything(&page).await.away();
    let tokens = world.redeem(SHOP, &code_of(&url)).await.granted();
    let claims = jwt::read(tokens.get("id_token")).claims;
    assert_eq!(claims["amr"], serde_json::json!(["sms", "otp", "pwd", "mfa"]));
    // An hour later it is forgotten.
    world.advance(3600).await;
    let mut later = at(world, 3);
    let page = later.at_password(world, &Asked::by(SHOP)).await;
    let step = later.enter_password(&page, &person.pinfl, FIRST).await;
    assert!(matches!(&step, Step::Away(_)) || matches!(&step, Step::Page(page) if page.has("allow")));
}

async fn whoever_has_no_further_factor_waits_or_works_and_no_session_is_opened_before(given: Setup) {
    let world = &setup(given).start().await;
    let person = world.person();
    for place in [0, 1] {
        by_number(world, &mut at(world, place), &person).await.expect("allow");
    }
    let mut working = at(world, 2);
    let page = by_number(world, &mut working, &person).await.expect_status(200).expect("go-on");
    assert!(page.text().contains("many networks"), "{page}");
    assert!(page.text().contains("60 seconds") || page.text().contains("1 minute"), "{page}");
    assert!(!is_signed_in(&working), "{page}");
    let early = working.press(&page, "go-on", &[]).await.page().expect("go-on");
    assert_eq!(early.attribute("#toll-form", "data-toll"), page.attribute("#toll-form", "data-toll"));
    let page = works(&mut working, &early).await.expect("allow");
    code_of(&working.allow_everything(&page).await.away());
    // What was agreed to makes the next sign-in answer at once: it waits as well.
    let mut waiting = at(world, 3);
    let page = by_number(world, &mut waiting, &person).await.expect("go-on");
    assert!(!is_signed_in(&waiting));
    world.advance(61).await;
    code_of(&waiting.press(&page, "go-on", &[]).await.away());
    // Both browsers are known from then on, wherever they are.
    let mut known = waiting.from(PLACES[4]);
    let page = known.begin(world, &Asked::by(SHOP).and("prompt", "login")).await.page().expect("phone");
    let page = known.enter_number(&page, &person.number).await.page().expect("code");
    let code = world.sandbox.next_code(&person).await;
    code_of(&known.enter_code(&page, &code).await.away());
    assert_eq!(
        world.metric("yagona_sign_ins_total", &["step=\"networks\"", "outcome=\"waited\""]).await,
        2.0
    );
}

async fn a_sign_in_in_a_new_browser_and_network_makes_the_next_code_for_the_number_dearer(given: Setup) {
    let world = &setup(given).set("limits.toll.number_codes_10m", 2).start().await;
    let (signed_in, asked) = (world.person(), world.person());
    let asks = async |place: usize, person: &Person| {
        let mut browser = at(world, place);
        let page = browser.begin(world, &Asked::by(SHOP)).await.page().expect("phone");
        browser.enter_number(&page, &person.number).await.page()
    };
    by_number(world, &mut at(world, 0), &signed_in).await.expect("allow");
    asks(0, &asked).await.expect("code");
    // The second code of one who only asked is free, that of one who signed in is not.
    asks(1, &asked).await.expect("code");
    asks(1, &signed_in).await.expect("go-on");
}
