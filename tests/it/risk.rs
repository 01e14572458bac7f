//! What further codes cost browsers that are not known: a toll, paid by work or by waiting, and nobody is kept out.

use aws_lc_rs::digest::{SHA256, digest};

use crate::support::client_file::SHOP;
use crate::support::{Asked, Browser, Page, Setup, World, alone_on_both_backends, code_of};

alone_on_both_backends!(
    more_codes_from_one_address_cost_work_or_a_wait_and_known_browsers_nothing,
    more_codes_for_one_number_cost_a_toll_wherever_they_are_asked_for,
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
async fn works(browser: &mut Browser, page: &Page) -> Page {
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
    let unknown = world.somebody(crate::support::people::Kind::Unknown);
    asks(&world, &mut world.browser(), &unknown.number).await.expect("code");
    asks(&world, &mut world.browser(), &unknown.number).await.expect("go-on");
}
