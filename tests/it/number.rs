//! The number page: lenient parsing, and no enumeration of enrolled numbers.

use reqwest::header::HeaderMap;

use crate::support::client_file::{RIVAL, SHOP};
use crate::support::people::Kind;
use crate::support::{Asked, Page, Person, Setup, World, alone_on_both_backends, code_of, on_both_backends};

on_both_backends!(
    every_number_looks_the_same_from_outside,
    only_the_enrolled_get_a_message,
    what_people_type_is_understood,
    other_than_uzbek_mobile_numbers_are_rejected_with_an_explanation,
    a_hint_fills_in_the_number,
    another_sites_form_enters_nothing,
);

alone_on_both_backends!(a_code_that_could_not_be_stored_is_never_said_to_be_sent);

/// The observable part of a response: all but random values and the number itself.
#[derive(Debug, PartialEq)]
struct Seen {
    status: u16,
    headers: Vec<String>,
    body: String,
}

fn seen(page: &Page, person: &Person) -> Seen {
    // The browser that typed the number sees it whole.
    let (code, three) = (&person.number[3..5], &person.number[5..8]);
    let (pair, last) = (&person.number[8..10], &person.number[10..]);
    let body = page.body.replace(&format!("+998 {code} {three} {pair} {last}"), "the number");
    // Identifiers of attempts are 43 characters of base64url.
    let is_part = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
    let mut shown = body.clone();
    for word in body.split(|c| !is_part(c)).filter(|word| word.len() == 43) {
        shown = shown.replace(word, "T");
    }
    // The wait for a resend goes on while the pages are fetched.
    let shown = without_seconds(&shown);
    Seen { status: page.status, headers: names_and_values(&page.headers), body: shown }
}

/// Without the seconds of a countdown.
fn without_seconds(body: &str) -> String {
    let mut shown = String::new();
    let mut rest = body;
    while let Some((before, counted)) = ["data-after=\"", "<span class=\"number\">"]
        .iter()
        .filter_map(|mark| rest.find(mark).map(|at| rest.split_at(at + mark.len())))
        .min_by_key(|(before, _)| before.len())
    {
        shown += before;
        rest = counted.trim_start_matches(|c: char| c.is_ascii_digit() || c == ':');
    }
    shown + rest
}

fn names_and_values(headers: &HeaderMap) -> Vec<String> {
    let mut lines: Vec<_> = headers
        .iter()
        .filter(|(name, _)| {
            !["date", "set-cookie", "x-request-id", "content-length"].contains(&name.as_str())
        })
        .map(|(name, value)| format!("{name}: {value:?}"))
        .collect();
    lines.sort();
    lines
}

async fn every_number_looks_the_same_from_outside(world: &World) {
    let mut views = Vec::new();
    for kind in [Kind::Enrolled, Kind::Blocked, Kind::NotEnrolled, Kind::Unknown] {
        let (mut browser, person) = (world.browser(), world.somebody(kind));
        let mut pages = vec![browser.begin_with_number(world, &Asked::by(SHOP), &person).await];
        if kind == Kind::Enrolled {
            world.sandbox.next_code(&person).await;
        }
        // 000000 is the code once in a million runs.
        for _ in 0..6 {
            let page = browser.enter_code(&pages[0], "000000").await.page();
            pages.push(page);
        }
        views.push(pages.iter().map(|page| seen(page, &person)).collect::<Vec<_>>());
    }
    for other in &views[1..] {
        for (enrolled, other) in views[0].iter().zip(other) {
            assert_eq!(enrolled, other);
        }
    }
}

async fn only_the_enrolled_get_a_message(world: &World) {
    let mut silent = Vec::new();
    for kind in [Kind::Blocked, Kind::NotEnrolled, Kind::Unknown] {
        let person = world.somebody(kind);
        world.browser().begin_with_number(world, &Asked::by(SHOP), &person).await;
        silent.push(person);
    }
    let person = world.person();
    world.browser().begin_with_number(world, &Asked::by(SHOP), &person).await;
    let message = world.sandbox.next_message(&person).await;
    let text = message["text"].as_str().expect("a text");
    assert!(text.contains("Shop"), "the service is named: {text}");
    assert!(text.lines().last().is_some_and(|line| line.starts_with("@localhost #")), "{text}");
    assert_eq!(message["parts"], 1, "{text}");
    for person in &silent {
        world.sandbox.nothing_came(person).await;
    }
    world.sandbox.nothing_came(&person).await;
}

async fn what_people_type_is_understood(world: &World) {
    let person = world.person();
    let local = &person.number[3..];
    let [code, a, b, c] = [&local[..2], &local[2..5], &local[5..7], &local[7..]];
    let full_width: String =
        local.bytes().filter_map(|byte| char::from_u32(u32::from(byte - b'0') + 0xFF10)).collect();
    let ways = [
        format!("+{}", person.number),
        person.number.clone(),
        local.to_owned(),
        format!("+998 {code} {a}-{b}-{c}"),
        format!("({code}) {a} {b} {c}"),
        format!("+998\u{a0}{code}\u{a0}{a}\u{a0}{b}\u{a0}{c}"),
        format!("\u{202a}+998 {code} {a} {b} {c}\u{202c}"),
        full_width,
    ];
    for typed in ways {
        let mut browser = world.browser();
        let page = browser.begin(world, &Asked::by(SHOP)).await.page().expect("phone");
        let page = browser.enter_number(&page, &typed).await.page();
        assert!(page.has("code"), "{typed:?}: {page}");
        assert!(page.body.contains(&format!("{b} {c}")), "{typed:?}: {page}");
    }
}

async fn other_than_uzbek_mobile_numbers_are_rejected_with_an_explanation(world: &World) {
    let mut browser = world.browser();
    let mut page = browser.begin(world, &Asked::by(SHOP)).await.page().expect("phone");
    let long = "9".repeat(300);
    for typed in
        ["", "hello", "12345", "+7 916 123-45-67", "+998 71 200 00 00", "998901234567890", "<b>1</b>", &long]
    {
        page = browser.enter_number(&page, typed).await.page().expect("error").expect("phone");
        assert!(page.status < 500, "{page}");
        assert!(!page.body.contains("<b>1"), "{page}");
    }
    let page = browser.enter_number(&page, "+7 916 123-45-67").await.page();
    assert!(page.body.contains("+7 916 123-45-67"), "what was typed is kept: {page}");
}

async fn a_hint_fills_in_the_number(world: &World) {
    let person = world.person();
    let asked = Asked::by(SHOP).and("login_hint", &person.number);
    let mut browser = world.browser();
    let page = browser.begin(world, &asked).await.page().expect("phone");
    browser.press(&page, "continue", &[]).await.page().expect("code");
    world.sandbox.next_code(&person).await;
}

async fn another_sites_form_enters_nothing(world: &World) {
    let person = world.person();
    let mut browser = world.browser();
    let page = browser.begin(world, &Asked::by(SHOP)).await.page().expect("phone");
    let url = page.url.join(&page.form("continue").action).expect("a URL");
    for (origin, site) in [("https://evil.uz", "cross-site"), ("https://evil.uz", "same-origin")] {
        let request = browser.request(reqwest::Method::POST, &url).form(&[("phone", &person.number)]);
        let request = request.header("Origin", origin).header("Sec-Fetch-Site", site);
        let answer = request.send().await.expect("an answer");
        assert!(!answer.text().await.expect("a body").contains("id=\"code\""));
    }
    let control = world.person();
    world.browser().begin_with_number(world, &Asked::by(SHOP), &control).await;
    world.sandbox.next_code(&control).await;
    world.sandbox.nothing_came(&person).await;
}

async fn a_code_that_could_not_be_stored_is_never_said_to_be_sent(setup: Setup) {
    let world = setup.start().await;
    let person = world.person();
    let mut browser = world.browser();
    let page = browser.begin(&world, &Asked::by(RIVAL)).await.page().expect("phone");
    world.refuse_messages(true).await;
    browser.enter_number(&page, &person.number).await.page().expect_status(500);
    world.refuse_messages(false).await;
    world.advance(2).await;
    // The same form again: a code is made and sent, and the one before it is none.
    let page = browser.enter_number(&page, &person.number).await.page().expect("code");
    world.sandbox.next_code(&person).await;
    // The same of a new code: nobody has to wait for the one after it.
    world.advance(60).await;
    world.refuse_messages(true).await;
    browser.press(&page, "resend", &[]).await.page().expect_status(500);
    world.refuse_messages(false).await;
    world.advance(2).await;
    let page = browser.press(&page, "resend", &[]).await.page().expect("code");
    let code = world.sandbox.next_code(&person).await;
    let page = browser.enter_code(&page, &code).await.page().expect("allow");
    code_of(&browser.press(&page, "allow", &[]).await.away());

    // The same of a code by which somebody who is signed in permits a release.
    let page = browser.begin(&world, &Asked::by(SHOP)).await.page().expect("other");
    let page = browser.press(&page, "continue", &[]).await.page().expect("allow");
    world.refuse_messages(true).await;
    browser.press(&page, "allow", &[]).await.page().expect_status(500);
    world.refuse_messages(false).await;
    world.advance(2).await;
    let page = browser.press(&page, "allow", &[]).await.page().expect("code");
    let code = world.sandbox.next_code(&person).await;
    code_of(&browser.enter_code(&page, &code).await.away());
    world.nothing_more_came(&[&person]).await;
}
