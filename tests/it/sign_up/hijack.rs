//! Accounts that a stranger opened or used before their person came: what is left of them then, and where a number goes that changes hands.

use serde_json::json;
use yagona::life_events::Ground34;
use yagona::people::{PersonId, PhoneNumber};
use yagona::platform::db;

use super::{MALIKA, offered};
use crate::exchange::{list, moment, now, with_operators};
use crate::identifications::{Applicant, Desk};
use crate::password::{FIRST, is_right};
use crate::support::client_file::LENDER;
use crate::support::wait::until;
use crate::support::{Asked, Browser, Setup, World, alone_on_both_backends};

alone_on_both_backends!(
    r44_nothing_that_a_stranger_added_outlives_the_identification_of_its_person,
    r3_what_was_added_to_an_account_that_nobody_confirmed_is_no_further_factor,
    r84_a_returned_number_reaches_nobody_who_had_it,
);

/// Another number, of an operator of the sandbox.
const OTHER: &str = "998007000777";

async fn change(desk: &Desk, sql: &'static str) {
    desk.stores.db.execute(db::statement(sql)).await.unwrap_or_else(|error| panic!("{sql}: {error}"));
}

const PASSKEY: &str = "INSERT INTO account_means (means_id, person_id, kind, label, added_at, added_by, rests_on, counts_from) \
                       SELECT 'stranger', person_id, 'passkey', '', 1, 'person', '[]', 1 FROM accounts";

/// Enrols a number, as at a place.
async fn enrolled(desk: &Desk) -> PersonId {
    let who = Applicant { pinfl: MALIKA[0].to_owned(), number: OTHER.to_owned() };
    desk.enrol(&who).await.person.expect("a person")
}

async fn identified(world: &World) -> i64 {
    world.stored("SELECT COUNT(*) FROM account_means WHERE removed_by = 'identified'").await
}

async fn r44_nothing_that_a_stranger_added_outlives_the_identification_of_its_person(setup: Setup) {
    let world = offered(setup).start().await;
    let mut stranger = world.browser();
    let temporary = stranger.opens(&world, MALIKA).await;
    let at_login = stranger.first_password("/cabinet/means/login", (MALIKA[0], &temporary), FIRST).await;
    stranger.press(&at_login.expect("save"), "save", &[("login", "a.stranger")]).await.page().expect("said");
    let desk = Desk::of(&world, &[OTHER]).await;
    change(&desk, PASSKEY).await;
    change(
        &desk,
        "INSERT INTO person_emails (person_id, sealed, confirmed_at) SELECT person_id, 'x', 1 FROM accounts",
    )
    .await;
    let people = &desk.enrolments.life_events.people;
    let number = PhoneNumber::from_digits(OTHER).expect("a number");
    // Somebody else's account is reached by the number, which no cabinet has.
    let reached = "INSERT INTO accounts (person_id, opened_at, opened_by, contact_index, contact_sealed) \
                   VALUES ('another', 1, 'registration', $1, 'x')";
    let reached = db::statement(reached).bind(people.number_index(&number).encode());
    desk.stores.db.execute(reached).await.expect("an account");
    let epoch = "SELECT epoch FROM persons WHERE person_id IN (SELECT person_id FROM account_means)";
    let before = world.stored(epoch).await;
    let person = enrolled(&desk).await;
    assert_eq!(world.stored(epoch).await, before + 1, "sessions, grants and tokens end");
    for (what, count) in [
        ("SELECT COUNT(*) FROM logins", 0),
        ("SELECT COUNT(*) FROM person_emails", 0),
        ("SELECT COUNT(*) FROM account_means WHERE removed_at IS NULL", 1),
        ("SELECT COUNT(*) FROM account_means WHERE removed_at IS NULL AND added_by = 'enrolment'", 1),
        ("SELECT COUNT(*) FROM passwords WHERE set_by = 'enrolment' AND temporary_until IS NOT NULL", 1),
        ("SELECT COUNT(*) FROM contact_numbers", 1),
        ("SELECT COUNT(*) FROM accounts WHERE person_id = 'another' AND contact_index IS NOT NULL", 0),
        ("SELECT COUNT(*) FROM notices WHERE kind = 'access_ended'", 1),
    ] {
        assert_eq!(world.stored(what).await, count, "{what}");
    }
    assert_eq!(identified(&world).await, 2, "the password and the passkey");
    let account = people.find(&person).await.expect("an answer").expect("an account");
    assert_eq!(account.contact.as_ref().map(PhoneNumber::digits), Some(OTHER), "no former number is left");
    assert!(!is_right(&world, "a.stranger", FIRST).await && !is_right(&world, MALIKA[0], FIRST).await);
    // What a confirmed person added stays when they are identified once more, and what nobody confirms does not.
    let events = &desk.enrolments.life_events;
    for (confirmed, removed) in [
        ("UPDATE accounts SET confirmed_by = 'eri', confirmed_at = 1", 2),
        ("UPDATE accounts SET confirmed_by = NULL, confirmed_at = NULL", 3),
    ] {
        change(&desk, confirmed).await;
        assert!(desk.stores.clock.advance(5));
        assert!(events.end_enrolment(&person, Ground34::Request, Vec::new()).await.expect("an end"));
        enrolled(&desk).await;
        assert_eq!(identified(&world).await, removed, "{confirmed}");
    }
}

async fn r3_what_was_added_to_an_account_that_nobody_confirmed_is_no_further_factor(setup: Setup) {
    let world = offered(setup).start().await;
    let mut browser = world.browser();
    let temporary = browser.opens(&world, MALIKA).await;
    browser.first_password("/cabinet", (MALIKA[0], &temporary), FIRST).await.expect("menu");
    let desk = Desk::of(&world, &[OTHER]).await;
    change(&desk, PASSKEY).await;
    // A service in lending names nothing that does not count there, and once the account is confirmed it does.
    assert!(!names_a_passkey(&world, &mut browser).await);
    change(&desk, "UPDATE accounts SET confirmed_by = 'eri', confirmed_at = 1").await;
    until("the confirmation to be known", async || names_a_passkey(&world, &mut browser).await.then_some(()))
        .await;
}

/// Whether a service in lending asks somebody who is signed in for a passkey.
async fn names_a_passkey(world: &World, browser: &mut Browser) -> bool {
    let page = browser.begin(world, &Asked::by(LENDER)).await.page();
    let page = if page.url.path() == "/sign-in/means" {
        page
    } else {
        browser.get(&page.link("means")).await.page()
    };
    assert_eq!(page.url.path(), "/sign-in/means", "{page}");
    page.has("passkey")
}

async fn r84_a_returned_number_reaches_nobody_who_had_it(setup: Setup) {
    let world = with_operators(offered(setup)).start().await;
    world.browser().opens(&world, MALIKA).await;
    let reached = "SELECT COUNT(*) FROM accounts WHERE contact_index IS NOT NULL";
    let cabinets = "SELECT COUNT(*) FROM contact_numbers";
    // It was returned before she proved that she has it, and once more afterwards.
    for (number, at, left) in [(1, now() - 86_400, 1), (2, now() + 100, 0)] {
        let name = format!("{number}.csv");
        list(&world, &name, number, &[format!("{},returned,{}", MALIKA[3], moment(at))]);
        let told = world.command(&["exchange", "import", &name, "--format", "json"]);
        let told: serde_json::Value = serde_json::from_str(&told).expect("JSON");
        assert_eq!(told["outcomes"]["not_enrolled"], json!(1), "{told}");
        assert_eq!((world.stored(reached).await, world.stored(cabinets).await), (left, left), "{told}");
    }
}
