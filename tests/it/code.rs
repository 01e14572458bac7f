//! The code page: limited attempts, one use, one browser, and always a next action.

use futures_util::future::join_all;
use futures_util::stream::{self, StreamExt as _};

use crate::strangers::within_a_day;
use crate::support::client_file::{RIVAL, SHOP};
use crate::support::people::Kind;
use crate::support::{
    Asked, Browser, Page, Setup, Step, World, alone_on_both_backends, code_of, on_both_backends,
};

on_both_backends!(
    after_five_tries_the_right_code_is_worth_nothing,
    a_code_is_what_people_paste,
    a_right_code_is_used_once,
    another_browser_cannot_use_the_page_or_the_code,
    a_code_of_another_sign_in_is_wrong,
    two_tabs_do_not_disturb_each_other,
    the_back_button_leads_on,
    a_lost_cookie_leads_back_to_the_service,
    a_guessed_address_skips_nothing,
    the_number_can_be_changed,
);
alone_on_both_backends!(
    a_thousand_parallel_guesses_count_five_tries,
    a_resend_replaces_the_code,
    presses_on_send_again_and_back_use_up_no_tries,
    wrong_codes_hold_the_next_one_back_alike_for_every_number_and_use_up_no_resend,
    a_new_code_that_a_limit_refuses_costs_no_try,
    a_first_code_beyond_the_days_messages_is_not_said_to_be_sent,
    a_permission_whose_code_cannot_be_sent_stays_a_choice,
    an_old_code_is_refused_and_a_new_one_can_be_had,
);

/// Any code but the right one.
fn wrong(code: &str) -> &'static str {
    if code == "111111" { "222222" } else { "111111" }
}

async fn at_code(world: &World) -> (Browser, Page, String) {
    let (mut browser, person) = (world.browser(), world.person());
    let page = browser.begin_with_number(world, &Asked::by(SHOP), &person).await;
    let code = world.sandbox.next_code(&person).await;
    (browser, page, code)
}

async fn after_five_tries_the_right_code_is_worth_nothing(world: &World) {
    let (mut browser, page, code) = at_code(world).await;
    for _ in 0..4 {
        browser.enter_code(&page, wrong(&code)).await.page().expect("error").expect("code");
    }
    for typed in [wrong(&code), &code, &code] {
        // No code can be right any more: the page has no field, and one thing to do.
        let page = browser.enter_code(&page, typed).await.page().expect("error").expect("resend");
        assert!(!page.has("code") && !page.has("continue"), "{page}");
        let words = page.text().split_whitespace().collect::<Vec<_>>().join(" ");
        assert!(words.contains("Too many wrong codes. You can ask for a new code in 0:"), "{page}");
    }

    let (mut browser, mut page, code) = at_code(world).await;
    for _ in 0..4 {
        page = browser.enter_code(&page, wrong(&code)).await.page().expect("error");
    }
    browser.enter_code(&page, &code).await.page().expect("allow");
}

async fn a_code_is_what_people_paste(world: &World) {
    let (mut browser, mut page, code) = at_code(world).await;
    // A malformed code is not counted as an attempt.
    for typed in ["", "12345", "abcdef", "1234567"] {
        page = browser.enter_code(&page, typed).await.page().expect("code");
    }
    for _ in 0..4 {
        page = browser.enter_code(&page, wrong(&code)).await.page().expect("error");
    }
    let pasted = format!(" {}-{} ", &code[..3], &code[3..]);
    browser.enter_code(&page, &pasted).await.page().expect("allow");
}

async fn a_right_code_is_used_once(world: &World) {
    let (browser, page, code) = at_code(world).await;
    let form = page.form("continue");
    let url = page.url.join(&form.action).expect("a URL");
    let fields = form.fields("continue", &[("code", &code)]);
    let answers = join_all((0..12).map(|_| browser.send_form(&url, &fields))).await;
    let sessions: std::collections::BTreeSet<String> = answers
        .iter()
        .flat_map(|answer| answer.headers().get_all("set-cookie"))
        .filter_map(|value| value.to_str().ok()?.split(';').next().map(str::to_owned))
        .filter(|pair| pair.starts_with("__Host-yagona-session=") && !pair.ends_with('='))
        .collect();
    assert_eq!(sessions.len(), 1, "sessions opened by one code");
    assert!(answers.iter().all(|answer| answer.status().as_u16() < 500));
}

async fn another_browser_cannot_use_the_page_or_the_code(world: &World) {
    let (mut browser, page, code) = at_code(world).await;
    let mut stranger = world.browser();
    let theirs = stranger.get(&page.url).await;
    if let Step::Page(theirs) = theirs {
        assert!(!theirs.has("code"), "{theirs}");
    }
    let refused = stranger.enter_code(&page, &code).await.page();
    assert!(!refused.has("allow") && refused.status < 500, "{refused}");
    assert!(stranger.cookies().keys().all(|name| !name.contains("session")), "{:?}", stranger.cookies());
    browser.enter_code(&page, &code).await.page().expect("allow");
}

async fn a_code_of_another_sign_in_is_wrong(world: &World) {
    let person = world.person();
    let (mut first, mut second) = (world.browser(), world.browser());
    let page_1 = first.begin_with_number(world, &Asked::by(SHOP), &person).await;
    let code_1 = world.sandbox.next_code(&person).await;
    let page_2 = second.begin_with_number(world, &Asked::by(RIVAL), &person).await;
    let code_2 = world.sandbox.next_code(&person).await;
    if code_1 != code_2 {
        second.enter_code(&page_2, &code_1).await.page().expect("error");
    }
    first.enter_code(&page_1, &code_1).await.page().expect("allow");
    second.enter_code(&page_2, &code_2).await.page().expect("allow");
}

async fn two_tabs_do_not_disturb_each_other(world: &World) {
    let person = world.person();
    let mut browser = world.browser();
    let first = browser.begin(world, &Asked::by(SHOP).with("state", "first")).await.page().expect("phone");
    let second = browser.begin(world, &Asked::by(RIVAL).with("state", "second")).await.page().expect("phone");
    let first = browser.enter_number(&first, &person.number).await.page().expect("code");
    let code = world.sandbox.next_code(&person).await;
    let first = browser.enter_code(&first, &code).await.page().expect("allow");
    let second = browser.enter_number(&second, &person.number).await.page().expect("code");
    let code = world.sandbox.next_code(&person).await;
    let second = browser.enter_code(&second, &code).await.page().expect("allow");
    for (page, state) in [(second, "second"), (first, "first")] {
        let url = browser.press(&page, "allow", &[]).await.away();
        assert_eq!(crate::support::param(&url, "state").as_deref(), Some(state));
        code_of(&url);
    }
}

/// Whether a page has a next action: a form, or a link other than languages.
fn leads_on(page: &Page) -> bool {
    ["phone", "code", "allow", "continue"].iter().any(|id| page.has(id))
}

async fn the_back_button_leads_on(world: &World) {
    let person = world.person();
    let mut browser = world.browser();
    let number = browser.begin(world, &Asked::by(SHOP)).await.page().expect("phone");
    let code_page = browser.enter_number(&number, &person.number).await.page().expect("code");
    let code = world.sandbox.next_code(&person).await;
    // Back to the number page, and its URL opened again.
    assert!(leads_on(&browser.get(&number.url).await.page()));
    let consent = browser.enter_code(&code_page, &code).await.page().expect("allow");
    for url in [&number.url, &code_page.url] {
        let page = browser.get(url).await.page();
        assert!(page.has("allow"), "the sign-in is at the consent: {page}");
    }
    // A form of an earlier page, sent again.
    let again = browser.enter_code(&code_page, &code).await.page();
    assert!(leads_on(&again), "{again}");
    let again = browser.enter_number(&number, &person.number).await.page();
    assert!(leads_on(&again), "{again}");
    code_of(&browser.press(&consent, "allow", &[]).await.away());
    // After the end.
    for url in [&number.url, &code_page.url, &consent.url] {
        if let Step::Page(page) = browser.get(url).await {
            assert!(leads_on(&page) && page.status < 500, "{page}");
        }
    }
    if let Step::Page(page) = browser.press(&consent, "allow", &[]).await {
        assert!(leads_on(&page) && page.status < 500, "{page}");
    }
}

async fn a_lost_cookie_leads_back_to_the_service(world: &World) {
    let (mut browser, page, code) = at_code(world).await;
    browser.forget_cookies();
    let lost = browser.enter_code(&page, &code).await.page();
    assert!(lost.status < 500 && lost.has("error"), "{lost}");
    assert_eq!(lost.link("continue").as_str(), "http://localhost:9/", "back to the service");
}

async fn a_guessed_address_skips_nothing(world: &World) {
    let mut browser = world.browser();
    let page = browser.begin(world, &Asked::by(SHOP)).await.page().expect("phone");
    for step in ["code", "consent", "continue"] {
        let guessed = page.url.as_str().replace("/sign-in/number", &format!("/sign-in/{step}"));
        assert_ne!(guessed, page.url.as_str());
        let guessed = browser.get(&guessed.parse().expect("a URL")).await.page();
        assert!(guessed.has("phone"), "{guessed}");
    }
    for path in ["/sign-in/number", "/sign-in/code?t=short", "/sign-in/consent?t=AAAA", "/sign-in/nothing"] {
        let page = browser.open(path).await.page();
        assert!((400..500).contains(&page.status), "{page}");
    }
}

async fn the_number_can_be_changed(world: &World) {
    let (mut browser, page, old_code) = at_code(world).await;
    let page = browser.get(&page.link("change-number")).await.page().expect("phone");
    let other = world.person();
    let page = browser.enter_number(&page, &other.number).await.page().expect("code");
    let code = world.sandbox.next_code(&other).await;
    if old_code != code {
        browser.enter_code(&page, &old_code).await.page().expect("error");
    }
    browser.enter_code(&page, &code).await.page().expect("allow");
}

async fn a_thousand_parallel_guesses_count_five_tries(setup: Setup) {
    let world = setup.start().await;
    let (mut browser, page, code) = at_code(&world).await;
    let form = page.form("continue");
    let url = page.url.join(&form.action).expect("a URL");
    let guesses = (0..1001).map(|n| format!("{n:06}")).filter(|guess| *guess != code).take(1000);
    let requests = guesses.map(|guess| {
        let (browser, url, fields) = (browser.clone(), &url, form.fields("continue", &[("code", &guess)]));
        async move { browser.send_form(url, &fields).await.status().as_u16() }
    });
    let statuses: Vec<u16> = stream::iter(requests).buffer_unordered(64).collect().await;
    assert_eq!(statuses.len(), 1000);
    assert!(statuses.iter().all(|status| *status < 500), "{statuses:?}");
    let wrong = world.metric("yagona_sign_ins_total", &["code", "wrong"]).await;
    assert!((1.0..=5.0).contains(&wrong), "{wrong} tries were looked at");
    let refused = browser.enter_code(&page, &code).await.page();
    assert!(!refused.has("allow"), "{refused}");
}

async fn presses_on_send_again_and_back_use_up_no_tries(setup: Setup) {
    let world = setup.start().await;
    let (mut browser, person) = (world.browser(), world.person());
    let number = browser.begin(&world, &Asked::by(SHOP)).await.page().expect("phone");
    let mut page = browser.enter_number(&number, &person.number).await.page().expect("code");
    let code = world.sandbox.next_code(&person).await;
    for _ in 0..4 {
        page = browser.press(&page, "resend", &[]).await.page().expect("error");
        browser.enter_number(&number, &person.number).await.page().expect("code");
    }
    browser.enter_code(&page, &code).await.page().expect("allow");
}

async fn a_resend_replaces_the_code(setup: Setup) {
    let world = setup.start().await;
    let (mut browser, person) = (world.browser(), world.person());
    let mut page = browser.begin_with_number(&world, &Asked::by(SHOP), &person).await;
    let mut code = world.sandbox.next_code(&person).await;
    // The waits of the defaults.
    for wait in [30, 60, 120] {
        let former = code;
        // Until the wait is over, a resend sends nothing.
        world.advance(wait / 2).await;
        page = browser.press(&page, "resend", &[]).await.page().expect("error");
        assert!(!is_resent(&page), "{page}");
        world.advance(wait / 2).await;
        page = browser.press(&page, "resend", &[]).await.page().expect("code");
        assert!(is_resent(&page), "{page}");
        code = world.sandbox.next_code(&person).await;
        if former != code {
            page = browser.enter_code(&page, &former).await.page().expect("error").expect("code");
        }
    }
    assert!(!page.has("resend"), "no more resends than waits: {page}");
    browser.enter_code(&page, &code).await.page().expect("allow");
    world.nothing_more_came(&[&person]).await;
}

fn is_resent(page: &Page) -> bool {
    page.url.query_pairs().any(|(name, _)| name == "resent")
}

/// Seconds until a new code may be asked for, as the page counts them down.
fn wait(page: &Page) -> u32 {
    let wait = page.body.split("data-after=\"").nth(1).and_then(|rest| rest.split('"').next());
    wait.and_then(|wait| wait.parse().ok()).unwrap_or_else(|| panic!("no countdown: {page}"))
}

async fn wrong_codes_hold_the_next_one_back_alike_for_every_number_and_use_up_no_resend(setup: Setup) {
    let world = setup.start().await;
    for kind in [Kind::Enrolled, Kind::Unknown] {
        let (mut browser, person) = (world.browser(), world.somebody(kind));
        let mut page = browser.begin_with_number(&world, &Asked::by(SHOP), &person).await;
        // Every fifth wrong code in a row holds the next one back twice as long, and the resend's own wait is over before.
        for (resend_after, pause, round) in [(30, 30, 1), (60, 60, 2), (120, 120, 3)] {
            let code = if kind == Kind::Enrolled {
                world.sandbox.next_code(&person).await
            } else {
                "111111".to_owned()
            };
            world.advance(resend_after).await;
            let form = page.clone();
            for _ in 0..5 {
                page = browser.enter_code(&form, wrong(&code)).await.page().expect("error");
            }
            if (kind, round) == (Kind::Enrolled, 1) {
                world.sandbox.next_notice(&person).await;
            }
            assert!((pause - 10..=pause).contains(&i64::from(wait(&page))), "{pause}: {page}");
            world.advance(pause / 2).await;
            page = browser.press(&page, "resend", &[]).await.page().expect("error");
            assert!(!is_resent(&page) && !page.has("code"), "{page}");
            // Nor does going back to the number send one.
            let number = browser.get(&page.link("change-number")).await.page().expect("phone");
            page = browser.enter_number(&number, &person.number).await.page().expect("error");
            assert!(page.text().contains("Too many wrong codes"), "{page}");
            world.advance(pause - pause / 2).await;
            page = browser.press(&page, "resend", &[]).await.page().expect("code");
            assert!(is_resent(&page), "{page}");
        }
        // The last one, of which no other follows: the way on is to start again.
        if kind == Kind::Enrolled {
            world.sandbox.next_code(&person).await;
        }
        for _ in 0..5 {
            browser.enter_code(&page, "000000").await.page().expect("error");
        }
        let page = browser.get(&page.url).await.page().expect("error");
        assert!(!page.has("resend") && !page.has("code"), "{page}");
        assert_eq!(page.link("continue").as_str(), "http://localhost:9/", "to the service");
        world.nothing_more_came(&[&person]).await;
    }
}

async fn a_new_code_that_a_limit_refuses_costs_no_try(setup: Setup) {
    let world = setup.set("limits.sends_per_number_10m", 1).start().await;
    let (mut browser, page, code) = at_code(&world).await;
    let number = browser.get(&page.link("change-number")).await.page().expect("phone");
    let other = world.person();
    world.browser().begin_with_number(&world, &Asked::by(SHOP), &other).await;
    world.advance(31).await;
    for _ in 0..3 {
        let limited = browser.press(&page, "resend", &[]).await.page().expect_status(429);
        assert_eq!(limited.link("continue").path(), "/sign-in/code", "back to the code that is in force");
        browser.enter_number(&number, &other.number).await.page().expect_status(429);
    }
    for _ in 0..4 {
        browser.enter_code(&page, wrong(&code)).await.page().expect("error").expect("code");
    }
    browser.enter_code(&page, &code).await.page().expect("allow");
}

async fn a_first_code_beyond_the_days_messages_is_not_said_to_be_sent(setup: Setup) {
    let setup = setup.set("limits.sends_per_number_10m", 1).set("limits.sends_per_number_hour", 1);
    let world = setup.set("limits.sends_per_number_day", 1).start().await;
    within_a_day(&world, 3600).await;
    let (person, nobody) = (world.person(), world.somebody(Kind::Unknown));
    for person in [&person, &nobody] {
        world.browser().begin_with_number(&world, &Asked::by(SHOP), person).await;
    }
    world.sandbox.next_code(&person).await;
    // The windows begin anew, the day does not.
    world.advance(3600).await;
    for person in [&person, &nobody] {
        let mut browser = world.browser();
        let number = browser.begin(&world, &Asked::by(SHOP)).await.page().expect("phone");
        // The window would refuse the next one.
        for _ in 0..2 {
            browser.enter_number(&number, &person.number).await.page().expect_status(429);
            world.advance(600).await;
        }
        browser.get(&number.url).await.page().expect("phone");
    }
    assert!(world.metric("yagona_limits_total", &["number_day"]).await >= 2.0, "it was the day's limit");
    world.nothing_more_came(&[&person]).await;
}

async fn a_permission_whose_code_cannot_be_sent_stays_a_choice(setup: Setup) {
    let setup = setup.set("limits.sends_per_number_10m", 1).set("limits.sends_per_number_hour", 1);
    let setup = setup.set("sign_in.session_idle_seconds", 7200);
    let world = setup.set("limits.sends_per_number_day", 1).start().await;
    within_a_day(&world, 3600).await;
    let (mut browser, person) = (world.browser(), world.person());
    code_of(&browser.sign_in(&world, &Asked::by(SHOP), &person).await);
    let at_consent = async |browser: &mut Browser| {
        let page = browser.begin(&world, &Asked::by(RIVAL)).await.page().expect("other");
        browser.press(&page, "continue", &[]).await.page().expect("allow")
    };
    // The known browser has one message a day. An hour later the windows begin anew.
    let consent = at_consent(&mut browser).await;
    browser.press(&consent, "allow", &[]).await.page().expect("code");
    world.sandbox.next_code(&person).await;
    world.advance(3600).await;
    let consent = at_consent(&mut browser).await;
    let limited = browser.press(&consent, "allow", &[]).await.page().expect_status(429);
    assert!(world.metric("yagona_limits_total", &["number_day"]).await >= 1.0, "it was the day's limit");
    for url in [&limited.link("continue"), &consent.url] {
        let back = browser.get(url).await.page().expect("allow");
        assert!(!back.has("code"), "no code was sent: {back}");
    }
    world.nothing_more_came(&[&person]).await;
}

async fn an_old_code_is_refused_and_a_new_one_can_be_had(setup: Setup) {
    let world = setup.start().await;
    let (mut browser, person) = (world.browser(), world.person());
    let page = browser.begin_with_number(&world, &Asked::by(SHOP), &person).await;
    let code = world.sandbox.next_code(&person).await;
    world.advance(180).await;
    let page = browser.enter_code(&page, &code).await.page().expect("error").expect("resend");
    let page = browser.press(&page, "resend", &[]).await.page().expect("code");
    let code = world.sandbox.next_code(&person).await;
    // A minute before its end it is as good as at once.
    world.advance(120).await;
    browser.enter_code(&page, &code).await.page().expect("allow");
}
