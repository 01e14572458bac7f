//! What further codes, accounts and passwords cost browsers that are not known: a toll, paid by work or by waiting, and nobody is kept out.

use aws_lc_rs::digest::{SHA256, digest};

use crate::password::FIRST;
use crate::support::client_file::SHOP;
use crate::support::people::Kind;
use crate::support::wait::until;
use crate::support::{Asked, Browser, Page, Person, Setup, Step, World, alone_on_both_backends, code_of};

alone_on_both_backends!(
    more_codes_from_one_address_cost_work_or_a_wait_and_known_browsers_nothing,
    more_codes_for_one_number_cost_a_toll_wherever_they_are_asked_for,
    many_accounts_from_one_address_cost_a_toll_by_whatever_means_they_are_begun_with,
    a_network_that_many_share_pays_nothing_for_many_accounts,
    wrong_passwords_of_many_accounts_cost_a_toll_on_the_password_page,
);

fn setup(setup: Setup) -> Setup {
    setup.set("limits.toll.wait_seconds", 15).set("limits.toll.work_bits", 6)
}

/// Enters a number in a fresh browser, and gives what follows.
async fn asks(world: &World, browser: &mut Browser, number: &str) -> Page {
    let page = browser.begin(world, &Asked::by(SHOP)).await.page().expect("phone");
    browser.enter_number(&page, number).await.page().expect_status(200)
}

/// Does the work of a toll's page as its script does, and sends its form.
pub(crate) async fn works(browser: &mut Browser, page: &Page) -> Page {
    let toll = page.attribute("#toll-form", "data-toll");
    let bits: u32 = page.attribute("#toll-form", "data-bits").parse().expect("a number");
    let done = (0..10_000_000_u64).find(|n| {
        let hash = digest(&SHA256, format!("{toll}:{n}").as_bytes());
        let head = u32::from_be_bytes(hash.as_ref()[..4].try_into().expect("four bytes"));
        head.leading_zeros() >= bits
    });
    let form = page.form("go-on");
    let mut fields = form.fields("go-on", &[]);
    fields.retain(|(name, _)| name != "work");
    fields.push(("work".to_owned(), done.expect("some work").to_string()));
    let url = page.url.join(&form.action).expect("a URL");
    browser.post(&url, &fields).await.page()
}

async fn more_codes_from_one_address_cost_work_or_a_wait_and_known_browsers_nothing(given: Setup) {
    let world = setup(given).set("limits.toll.address_codes_10m", 2).start().await;
    let own = world.person();
    let mut known = world.browser();
    code_of(&known.sign_in(&world, &Asked::by(SHOP), &own).await);
    asks(&world, &mut world.browser(), &world.person().number).await.expect("code");
    // The third of this address: no code yet, but a page that goes on.
    let person = world.person();
    let mut third = world.browser();
    let page = asks(&world, &mut third, &person.number).await.expect("go-on");
    assert!(!page.has("code") && page.text().contains("15 seconds"), "{page}");
    world.sandbox.nothing_came(&person).await;
    // Pressing early changes nothing; the work does.
    let early = third.press(&page, "go-on", &[]).await.page().expect("go-on");
    assert_eq!(early.attribute("#toll-form", "data-toll"), page.attribute("#toll-form", "data-toll"));
    let page = works(&mut third, &early).await.expect("code");
    let code = world.sandbox.next_code(&person).await;
    let page = third.enter_code(&page, &code).await.page().expect("allow");
    code_of(&third.allow_everything(&page).await.away());
    // Without scripts the wait does. A toll is no other number's, nor another attempt's.
    let (patient, stranger) = (world.person(), world.person());
    let mut fourth = world.browser();
    let page = asks(&world, &mut fourth, &patient.number).await.expect("go-on");
    let mut thief = world.browser();
    let theirs = asks(&world, &mut thief, &stranger.number).await.expect("go-on");
    world.advance(16).await;
    let mut fields = theirs.form("go-on").fields("go-on", &[]);
    fields.retain(|(name, _)| name != "toll");
    fields.push(("toll".to_owned(), page.attribute("#toll-form", "data-toll")));
    let url = theirs.url.join(&theirs.form("go-on").action).expect("a URL");
    thief.post(&url, &fields).await.page().expect("go-on");
    world.sandbox.nothing_came(&stranger).await;
    fourth.press(&page, "go-on", &[]).await.page().expect("code");
    world.sandbox.next_code(&patient).await;
    // A browser in which the person signed in before pays nothing.
    let page = known.begin(&world, &Asked::by(SHOP).and("prompt", "login")).await.page().expect("phone");
    known.enter_number(&page, &own.number).await.page().expect("code");
    world.sandbox.next_code(&own).await;
    assert!(world.metric("yagona_limits_total", &["limit=\"toll\""]).await >= 3.0);
    // After ten minutes codes cost nothing again.
    world.advance(600).await;
    asks(&world, &mut world.browser(), &world.person().number).await.expect("code");
}

async fn more_codes_for_one_number_cost_a_toll_wherever_they_are_asked_for(given: Setup) {
    let world = setup(given).set("limits.toll.number_codes_10m", 1).start().await;
    let (person, other) = (world.person(), world.person());
    asks(&world, &mut world.browser(), &person.number).await.expect("code");
    world.sandbox.next_code(&person).await;
    asks(&world, &mut world.browser(), &other.number).await.expect("code");
    let mut second = world.browser();
    let page = asks(&world, &mut second, &person.number).await.expect("go-on");
    assert_eq!(page.attribute("#toll-form", "data-bits"), "6");
    works(&mut second, &page).await.expect("code");
    world.sandbox.next_code(&person).await;
    // The next one is dear: the cheap toll, and then the dear one.
    let mut third = world.browser();
    let page = asks(&world, &mut third, &person.number).await.expect("go-on");
    let page = works(&mut third, &page).await.expect("go-on");
    assert_eq!(page.attribute("#toll-form", "data-bits"), "9");
    assert!(page.text().contains("60 seconds") || page.text().contains("1 minute"), "{page}");
    works(&mut third, &page).await.expect("code");
    world.sandbox.next_code(&person).await;
    // All numbers alike: one that nobody has costs the same.
    let unknown = world.somebody(Kind::Unknown);
    asks(&world, &mut world.browser(), &unknown.number).await.expect("code");
    asks(&world, &mut world.browser(), &unknown.number).await.expect("go-on");
}

/// Enters a login and a password in a fresh browser, and gives what follows.
async fn guesses(world: &World, browser: &mut Browser, login: &str, password: &str) -> Step {
    let page = browser.at_password(world, &Asked::by(SHOP)).await;
    browser.enter_password(&page, login, password).await
}

/// A person with a password, and the browser in which they signed in.
async fn with_password(world: &World) -> (Browser, Person) {
    let (mut browser, person) = (world.browser(), world.person());
    browser.set_password(world, &person, FIRST).await.expect_status(200).expect("said");
    (browser, person)
}

fn leads_on(step: &Step) -> bool {
    matches!(step, Step::Away(_)) || matches!(step, Step::Page(page) if page.has("allow"))
}

async fn many_accounts_from_one_address_cost_a_toll_by_whatever_means_they_are_begun_with(given: Setup) {
    let world = &setup(given).set("limits.toll.address_accounts_hour", 3).start().await;
    // The first account of this hour.
    let (mut known, own) = with_password(world).await;
    // The second and the third, whoever has them; an account counts once, however often it is begun with.
    let unknown = world.somebody(Kind::Unknown);
    for _ in 0..2 {
        asks(world, &mut world.browser(), &unknown.number).await.expect("code");
        guesses(world, &mut world.browser(), "nobody.at.all", "guess guess guess")
            .await
            .page()
            .expect("error");
    }
    // Every other one costs a toll now: a number, whether or not anybody has it, and a login.
    for person in [world.somebody(Kind::Unknown), world.person()] {
        asks(world, &mut world.browser(), &person.number).await.expect("go-on");
        world.sandbox.nothing_came(&person).await;
    }
    let mut patient = world.browser();
    let page = guesses(world, &mut patient, "another.nobody", "guess guess guess").await.page();
    let page = page.expect_status(200).expect("go-on");
    assert!(page.text().contains("15 seconds") && !page.has("password"), "{page}");
    assert!(!page.body.contains("guess guess"), "the password is not shown: {page}");
    // Pressed early nothing changes; the work, or the wait, lets the same password be compared.
    let early = patient.press(&page, "go-on", &[]).await.page().expect("go-on");
    assert_eq!(early.attribute("#toll-form", "data-toll"), page.attribute("#toll-form", "data-toll"));
    works(&mut patient, &early).await.expect_status(422).expect("error");
    let (mut waiting, somebody) = (world.browser(), world.person());
    let page = asks(world, &mut waiting, &somebody.number).await.expect("go-on");
    world.advance(16).await;
    waiting.press(&page, "go-on", &[]).await.page().expect("code");
    world.sandbox.next_code(&somebody).await;
    // What was paid for is counted: after four times as many it is dear.
    for _ in 0..7 {
        let mut browser = world.browser();
        let page = asks(world, &mut browser, &world.somebody(Kind::Unknown).number).await.expect("go-on");
        works(&mut browser, &page).await.expect("code");
    }
    let mut late = world.browser();
    let page = asks(world, &mut late, &world.somebody(Kind::Unknown).number).await.expect("go-on");
    let page = works(&mut late, &page).await.expect("go-on");
    assert_eq!(page.attribute("#toll-form", "data-bits"), "9");
    works(&mut late, &page).await.expect("code");
    // Accounts of before cost nothing, and known browsers never do.
    asks(world, &mut world.browser(), &unknown.number).await.expect("code");
    let page = known.begin(world, &Asked::by(SHOP).and("prompt", "login")).await.page();
    let page = known.get(&page.link("password")).await.page().expect("login");
    assert!(leads_on(&known.enter_password(&page, &own.pinfl, FIRST).await));
    assert!(world.metric("yagona_limits_total", &["limit=\"dear_toll\""]).await >= 1.0);
    // An hour later all is as before.
    world.advance(3600).await;
    asks(world, &mut world.browser(), &world.person().number).await.expect("code");
}

async fn a_network_that_many_share_pays_nothing_for_many_accounts(given: Setup) {
    let blocks = vec!["127.0.0.0/8".to_owned(), "::1/128".to_owned()];
    let setup = setup(given).set("limits.networks.operator.blocks", blocks);
    let setup = setup.set("limits.networks.operator.sends_5m", 1000);
    let setup = setup.set("limits.networks.operator.sends_per_address_5m", 1000);
    let world = &setup.set("limits.toll.address_accounts_hour", 1).start().await;
    for _ in 0..3 {
        asks(world, &mut world.browser(), &world.somebody(Kind::Unknown).number).await.expect("code");
    }
    let login = "nobody.at.all";
    guesses(world, &mut world.browser(), login, "guess guess guess").await.page().expect("error");
}

async fn wrong_passwords_of_many_accounts_cost_a_toll_on_the_password_page(given: Setup) {
    let setup = setup(given).set("limits.password_brake.network_tries", 6);
    let world = &setup.set("limits.password_brake.share_percent", 50).start().await;
    let (mut known, person) = with_password(world).await;
    for guess in 0..8 {
        let login = format!("nobody.{guess}");
        guesses(world, &mut world.browser(), &login, "guess guess guess").await.page().expect_status(422);
    }
    world.advance(10).await;
    let held =
        async || (world.metric("yagona_brakes_held", &["\"password_network\""]).await >= 1.0).then_some(());
    until("the brake", held).await;
    // Whoever has the login: the same page, and nothing is compared before it is paid.
    for login in ["somebody.else", &person.pinfl] {
        let mut stranger = world.browser();
        let page =
            guesses(world, &mut stranger, login, FIRST).await.page().expect_status(200).expect("go-on");
        assert!(page.text().contains("logins were tried"), "{page}");
        assert!(!page.body.contains(FIRST), "{page}");
        // It is this login's alone: of another one, nothing was paid.
        let mut fields = page.form("go-on").fields("go-on", &[]);
        for (name, value) in &mut fields {
            if name == "login" {
                *value = "yet.another".to_owned();
            }
        }
        let url = page.url.join(&page.form("go-on").action).expect("a URL");
        let refused = stranger.post(&url, &fields).await.page();
        assert!(!refused.has("go-on") && refused.status == 422, "the password went with its toll: {refused}");
    }
    // The right one leads on once it is paid, by work or by waiting.
    let mut working = world.browser();
    let page = guesses(world, &mut working, &person.pinfl, FIRST).await.page().expect("go-on");
    assert!(works(&mut working, &page).await.has("allow"));
    let mut waiting = world.browser();
    let page = guesses(world, &mut waiting, &person.pinfl, FIRST).await.page().expect("go-on");
    world.advance(16).await;
    assert!(leads_on(&waiting.press(&page, "go-on", &[]).await));
    // A number costs what it did, and a known browser pays nothing.
    asks(world, &mut world.browser(), &world.person().number).await.expect("code");
    let page = known.begin(world, &Asked::by(SHOP).and("prompt", "login")).await.page();
    let page = known.get(&page.link("password")).await.page().expect("login");
    assert!(leads_on(&known.enter_password(&page, &person.pinfl, FIRST).await));
    // A quarter of an hour later it is over.
    world.advance(900).await;
    until("the release", async || {
        (world.metric("yagona_brakes_held", &["\"password_network\""]).await == 0.0).then_some(())
    })
    .await;
    assert!(leads_on(&guesses(world, &mut world.browser(), &person.pinfl, FIRST).await));
}
