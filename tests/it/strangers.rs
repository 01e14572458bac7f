//! Strangers who know a number cannot keep its holder out, and learn nothing of them: a browser in which the person signed
//! in before has limits, tries and delays of its own.

use crate::limits::assert_limited;
use crate::support::client_file::SHOP;
use crate::support::people::Kind;
use crate::support::{
    Asked, Browser, Page, Person, Setup, World, alone_on_both_backends, code_of, on_both_backends,
};

alone_on_both_backends!(
    strangers_wishes_leave_the_holder_theirs_and_do_not_tell_of_them,
    strangers_wrong_codes_delay_strangers_and_the_holder_hears_of_it,
    after_the_last_delay_strangers_wait_a_month_but_never_for_ever,
    a_known_browser_is_told_how_long_its_own_wrong_codes_delay_it,
    a_browser_is_known_until_the_persons_access_is_ended,
    the_holder_gets_one_message_a_day,
    a_resend_beyond_the_days_messages_leaves_the_code_in_force,
);

on_both_backends!(a_browser_is_remembered_from_its_last_sign_in_on);

const DAY: i64 = 86_400;

/// The usual limits of a number.
fn usual(setup: Setup) -> Setup {
    let setup = setup.set("limits.sends_per_number_10m", 3).set("limits.sends_per_number_hour", 5);
    setup.set("limits.sends_per_number_day", 10)
}

/// Delays that outlast any test: a day after the fifth wrong code.
fn patient(setup: Setup) -> Setup {
    setup.set("limits.failures_per_account", 5).set("limits.long_delay_days", 1)
}

/// Asks for a code, although there may be a session.
async fn ask(world: &World, browser: &mut Browser, person: &Person) -> Page {
    let asked = Asked::by(SHOP).with("prompt", "login");
    let page = browser.begin(world, &asked).await.page().expect("phone");
    browser.enter_number(&page, &person.number).await.page()
}

async fn ask_as_stranger(world: &World, person: &Person) -> Page {
    ask(world, &mut world.browser(), person).await
}

/// The person's own browser, in which they have just signed in.
async fn own_browser(world: &World, person: &Person) -> Browser {
    let mut browser = world.browser();
    code_of(&browser.sign_in(world, &Asked::by(SHOP), person).await);
    browser
}

/// Enters `count` codes that are wrong.
async fn enter_wrong(browser: &mut Browser, mut page: Page, count: u32) -> Page {
    for _ in 0..count {
        // It is right once in a million runs.
        page = browser.enter_code(&page, "000000").await.page().expect("error");
    }
    page
}

/// A stranger asks for a code and enters wrong ones.
async fn attack(world: &World, person: &Person, count: u32) {
    let mut stranger = world.browser();
    let page = ask(world, &mut stranger, person).await.expect("code");
    world.sandbox.next_code(person).await;
    enter_wrong(&mut stranger, page, count).await;
}

async fn signs_in(world: &World, browser: &mut Browser, page: &Page, person: &Person) {
    let code = world.sandbox.next_code(person).await;
    code_of(&browser.enter_code(page, &code).await.away());
}

async fn strangers_wishes_leave_the_holder_theirs_and_do_not_tell_of_them(setup: Setup) {
    let world = usual(setup).start().await;
    within_a_day(&world, 6 * 3600).await;
    let (busy, idle, nobody) = (world.person(), world.person(), world.somebody(Kind::Unknown));
    let mut own = own_browser(&world, &busy).await;
    // The first sign-in was in a strange browser. From now on the holder is at one that is known.
    world.advance(3600).await;
    for _ in 0..2 {
        let page = ask(&world, &mut own, &busy).await.expect("code");
        signs_in(&world, &mut own, &page, &busy).await;
    }
    for person in [&busy, &idle, &nobody] {
        for _ in 0..3 {
            ask_as_stranger(&world, person).await.expect_status(200).expect("code");
        }
        assert_limited(&ask_as_stranger(&world, person).await);
        if person.number != nobody.number {
            for _ in 0..3 {
                world.sandbox.next_code(person).await;
            }
        }
    }
    let page = ask(&world, &mut own, &busy).await.expect_status(200).expect("code");
    signs_in(&world, &mut own, &page, &busy).await;
    assert_limited(&ask(&world, &mut own, &busy).await);
    // The day, which is counted in SQL, is theirs as well.
    for _ in 0..2 {
        world.advance(3600).await;
        for _ in 0..3 {
            if ask_as_stranger(&world, &busy).await.status == 200 {
                world.sandbox.next_code(&busy).await;
            }
        }
    }
    world.advance(3600).await;
    assert_limited(&ask_as_stranger(&world, &busy).await);
    let page = ask(&world, &mut own, &busy).await.expect_status(200).expect("code");
    signs_in(&world, &mut own, &page, &busy).await;
    world.nothing_more_came(&[&busy, &idle]).await;
}

async fn strangers_wrong_codes_delay_strangers_and_the_holder_hears_of_it(setup: Setup) {
    let world = patient(setup).start().await;
    let person = world.person();
    let mut own = own_browser(&world, &person).await;
    let page = ask(&world, &mut own, &person).await.expect("code");
    assert!(!page.has("strangers"), "nothing happened yet: {page}");
    signs_in(&world, &mut own, &page, &person).await;
    // Whoever wants an SMS of such notices gets the one that everybody gets, and no second.
    world.command(&["people", "sms", &person.number, "--kind", "wrong_codes", "--charges-accepted"]);
    attack(&world, &person, 5).await;
    world.sandbox.next_notice(&person).await;
    let told = world.notices_of(&person, "wrong_codes", 1).await.remove(0);
    assert_ne!(told["sms"], "none", "{told}");
    let refused = ask_as_stranger(&world, &person).await.expect("code");
    assert!(!refused.has("strangers") && !refused.has("delayed"), "strangers are told nothing: {refused}");
    world.nothing_more_came(&[&person]).await;
    for language in ["en", "ru", "uz-Latn", "uz-Cyrl"] {
        own.languages = language.to_owned();
        let page = ask(&world, &mut own, &person).await.expect("strangers");
        assert!(!page.has("delayed"), "{page}");
        signs_in(&world, &mut own, &page, &person).await;
    }
    // What succeeded in the known browser does not end the strangers' delay.
    ask_as_stranger(&world, &person).await.expect("code");
    world.nothing_more_came(&[&person]).await;
    world.advance(DAY).await;
    ask_as_stranger(&world, &person).await.expect("code");
    world.sandbox.next_code(&person).await;
}

async fn after_the_last_delay_strangers_wait_a_month_but_never_for_ever(setup: Setup) {
    let world = setup.set("limits.failures_per_account", 5).start().await;
    let person = world.person();
    let mut own = own_browser(&world, &person).await;
    attack(&world, &person, 5).await;
    world.sandbox.next_notice(&person).await;
    world.advance(29 * DAY).await;
    ask_as_stranger(&world, &person).await.expect("code");
    world.nothing_more_came(&[&person]).await;
    let page = ask(&world, &mut own, &person).await.expect("strangers");
    signs_in(&world, &mut own, &page, &person).await;
    world.advance(DAY).await;
    // Each further try costs a month again.
    attack(&world, &person, 1).await;
    world.sandbox.next_notice(&person).await;
    world.advance(DAY).await;
    ask_as_stranger(&world, &person).await.expect("code");
    world.nothing_more_came(&[&person]).await;
    let said = world.command(&["people", "unlock", &person.number]);
    assert!(said.contains("6 wrong code(s)"), "{said}");
    ask_as_stranger(&world, &person).await.expect("code");
    world.sandbox.next_code(&person).await;
}

async fn a_known_browser_is_told_how_long_its_own_wrong_codes_delay_it(setup: Setup) {
    let world = patient(setup).start().await;
    let person = world.person();
    let mut own = own_browser(&world, &person).await;
    let page = ask(&world, &mut own, &person).await.expect("code");
    world.sandbox.next_code(&person).await;
    enter_wrong(&mut own, page, 5).await;
    let page = ask(&world, &mut own, &person).await.expect("delayed");
    assert!(page.text().contains("too many wrong codes were entered"), "{page}");
    assert!(!page.text().contains("we have sent a code"), "{page}");
    assert!(!page.has("code") && !page.has("resend"), "nothing can be entered or sent for a day: {page}");
    world.nothing_more_came(&[&person]).await;
    // The holder's own wrong codes are no reason to warn them, and delay nobody else.
    let mut stranger = world.browser();
    let page = ask(&world, &mut stranger, &person).await.expect("code");
    signs_in(&world, &mut stranger, &page, &person).await;
    world.advance(DAY).await;
    let page = ask(&world, &mut own, &person).await;
    assert!(!page.has("delayed"), "{page}");
    signs_in(&world, &mut own, &page, &person).await;
}

async fn a_browser_is_known_until_the_persons_access_is_ended(setup: Setup) {
    let world = patient(setup).start().await;
    let (person, other) = (world.person(), world.person());
    let mut own = own_browser(&world, &person).await;
    attack(&world, &person, 5).await;
    world.sandbox.next_notice(&person).await;
    // The cookie is worth something in its own browser and for its own person alone.
    let mut thief = world.browser();
    thief.begin(&world, &Asked::by(SHOP)).await.page().expect("phone");
    thief.plant("__Host-yagona-known", &own.cookie("__Host-yagona-known"));
    assert!(!ask(&world, &mut thief, &person).await.expect("code").has("strangers"));
    attack(&world, &other, 5).await;
    world.sandbox.next_notice(&other).await;
    assert!(!ask(&world, &mut own, &other).await.expect("code").has("strangers"));
    world.nothing_more_came(&[&person, &other]).await;
    let page = ask(&world, &mut own, &person).await.expect("strangers");
    signs_in(&world, &mut own, &page, &person).await;
    world.command(&["people", "end-access", &person.number]);
    assert!(!ask(&world, &mut own, &person).await.expect("code").has("strangers"));
    world.nothing_more_came(&[&person]).await;
}

async fn the_holder_gets_one_message_a_day(setup: Setup) {
    let world = setup.start().await;
    let (person, nobody) = (world.person(), world.somebody(Kind::Unknown));
    attack(&world, &person, 4).await;
    world.nothing_more_came(&[&person]).await;
    attack(&world, &person, 1).await;
    world.sandbox.next_notice(&person).await;
    world.advance(3600).await;
    attack(&world, &person, 5).await;
    let page = ask_as_stranger(&world, &nobody).await.expect("code");
    enter_wrong(&mut world.browser(), page, 0).await;
    // The background looks again every five seconds of the clock.
    world.advance(10).await;
    world.nothing_more_came(&[&person, &nobody]).await;
    world.advance(DAY).await;
    attack(&world, &person, 5).await;
    world.sandbox.next_notice(&person).await;
    assert_eq!(world.metric("yagona_sign_ins_total", &["notice", "sent"]).await, 2.0);
}

async fn a_resend_beyond_the_days_messages_leaves_the_code_in_force(setup: Setup) {
    let setup = setup.set("limits.sends_per_number_10m", 2).set("limits.sends_per_number_hour", 2);
    let world = setup.set("limits.sends_per_number_day", 2).start().await;
    within_a_day(&world, 2 * 3600).await;
    let (person, nobody) = (world.person(), world.somebody(Kind::Unknown));
    ask_as_stranger(&world, &person).await.expect("code");
    world.sandbox.next_code(&person).await;
    ask_as_stranger(&world, &nobody).await.expect("code");
    // The windows begin anew, the day does not.
    world.advance(3600).await;
    let (mut browser, mut other) = (world.browser(), world.browser());
    let page = browser.begin_with_number(&world, &Asked::by(SHOP), &person).await;
    let code = world.sandbox.next_code(&person).await;
    let other_page = other.begin_with_number(&world, &Asked::by(SHOP), &nobody).await;
    world.advance(30).await;
    for (browser, page) in [(&mut browser, &page), (&mut other, &other_page)] {
        assert_limited(&browser.press(page, "resend", &[]).await.page());
    }
    assert_eq!(world.metric("yagona_limits_total", &["number_day"]).await, 2.0, "it was the day's limit");
    let page = enter_wrong(&mut browser, page, 4).await;
    browser.enter_code(&page, &code).await.page().expect("allow");
    // A number that is nobody's looks the same.
    let page = enter_wrong(&mut other, other_page, 4).await.expect("code");
    assert!(page.text().contains("You have 1 try left"), "{page}");
    world.nothing_more_came(&[&person]).await;
}

/// Makes sure that so many seconds are left of the UTC day, by which messages are numbered.
pub(crate) async fn within_a_day(world: &World, seconds: i64) {
    let now = std::time::UNIX_EPOCH.elapsed().expect("a time after 1970").as_secs();
    let left = DAY - i64::try_from(now).expect("a time").rem_euclid(DAY);
    if left < seconds {
        world.advance(left + 1).await;
    }
}

async fn a_browser_is_remembered_from_its_last_sign_in_on(world: &World) {
    let (mut browser, person) = (world.browser(), world.person());
    let page = browser.begin_with_number(world, &Asked::by(SHOP), &person).await;
    let code = world.sandbox.next_code(&person).await;
    let form = page.form("continue");
    let url = page.url.join(&form.action).expect("a URL");
    let answer = browser.send_form(&url, &form.fields("continue", &[("code", &code)])).await;
    let set: Vec<&str> =
        answer.headers().get_all("set-cookie").iter().filter_map(|set| set.to_str().ok()).collect();
    let half_a_year =
        |name: &str| set.iter().any(|set| set.contains(name) && set.contains("Max-Age=15552000"));
    assert!(half_a_year("yagona-browser=") && half_a_year("yagona-known="), "{set:?}");
}
