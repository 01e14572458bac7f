//! Notices in people's cabinets: what raises one, its times, and SMS about it for those who want them.

use std::time::{SystemTime, UNIX_EPOCH};

use serde_json::Value;
use toml::Table;

use crate::support::client_file::{AGENCY, RIVAL, SHOP};
use crate::support::wait::until;
use crate::support::{
    Asked, Backend, Browser, Person, Setup, World, alone_on_both_backends, code_of, on_both_backends,
};

on_both_backends!(
    r70_each_access_by_law_is_told,
    consents_given_and_ended_are_told,
    a_new_browser_is_told_and_a_known_one_is_not,
    the_end_of_access_and_a_blocked_number_are_told,
    a_wish_for_sms_needs_the_warning_of_charges,
);

alone_on_both_backends!(
    a_new_place_of_a_known_browser_is_told,
    r73_who_wants_them_gets_sms_and_each_is_charged_once,
    r78_without_money_notices_stop_and_codes_do_not,
    sms_wait_for_the_end_of_quiet_hours,
    notices_that_wait_are_stored_when_a_node_ends,
    old_notices_go,
);

impl World {
    /// The notices of a person, newest first.
    pub(crate) fn notices(&self, person: &Person) -> Vec<Value> {
        let told = self.command(&["people", "notices", &person.number, "--format", "json"]);
        let told: Value = serde_json::from_str(&told).expect("JSON");
        told["notices"].as_array().expect("a list").clone()
    }

    /// The notices of a kind, once there are so many; what is told off the path of a request is there a moment later.
    pub(crate) async fn notices_of(&self, person: &Person, kind: &str, count: usize) -> Vec<Value> {
        let what = format!("{count} notices of {kind}");
        let found = until(&what, async || {
            let mut all = self.notices(person);
            all.retain(|notice| notice["kind"] == kind);
            (all.len() >= count).then_some(all)
        });
        let found = found.await;
        assert_eq!(found.len(), count, "{found:#?}");
        found
    }

    /// Records that a person accepts the charges and wants SMS.
    fn wishes(&self, person: &Person, wish: &[&str]) {
        let command =
            [&["people", "sms", &person.number, "--charges-accepted", "--language", "en"], wish].concat();
        self.command(&command);
    }

    /// The next message on a phone, which must be about a notice.
    async fn notice_message(&self, person: &Person) -> String {
        let message = self.sandbox.next_message(person).await;
        let text = message["text"].as_str().expect("a text").to_owned();
        assert!(text.ends_with("/cabinet") && !text.contains('#'), "{text}");
        assert_eq!(message["parts"], 1, "{text}");
        text
    }

    /// The only notice of a kind, once its SMS is as it should be.
    async fn until_sms(&self, person: &Person, kind: &str, sms: &str) -> Value {
        until(&format!("an SMS that is {sms}"), async || {
            let found = self.notices(person).into_iter().find(|notice| notice["kind"] == kind)?;
            (found["sms"] == sms).then_some(found)
        })
        .await
    }
}

fn again(client: &str) -> Asked {
    Asked::by(client).and("prompt", "login")
}

/// SMS about notices at any time of the day, and a tariff.
fn charged(setup: Setup) -> Setup {
    let tariff: Table =
        toml::from_str("t = [{ from = \"2020-01-01\", notice = 5000, request = 3000 }]").expect("TOML");
    setup
        .set("notices.quiet_from_hour", 0)
        .set("notices.quiet_until_hour", 0)
        .set("charges.tariff", tariff["t"].clone())
}

async fn signs_in(world: &World, browser: &mut Browser, client: &str, person: &Person) {
    code_of(&browser.sign_in(world, &Asked::by(client), person).await);
}

async fn r70_each_access_by_law_is_told(world: &World) {
    crate::support::wait::a_whole_day().await;
    let person = world.person();
    let mut browser = world.browser();
    signs_in(world, &mut browser, AGENCY, &person).await;
    let first = world.notices_of(&person, "data_released", 1).await.remove(0);
    assert_eq!(first["about"]["service"], AGENCY);
    let sets: Vec<&str> =
        first["about"]["data_sets"].as_array().expect("sets").iter().filter_map(Value::as_str).collect();
    assert!(sets.contains(&"name"), "{first}");
    assert!(
        first["arrived_at"].is_string() && first["read_at"].is_null() && first["sms"] == "none",
        "{first}"
    );
    assert!(first["about"]["purposes"]["en"].is_string(), "why: {first}");
    assert!(first["about"]["laws"]["en"].is_string(), "by which law: {first}");
    // The law's record stands: by the session, and silently. The same on the same day is one notice, on the next another.
    let page = browser.begin(world, &Asked::by(AGENCY)).await.page();
    code_of(&browser.press(&page, "continue", &[]).await.away());
    code_of(&browser.begin(world, &Asked::by(AGENCY).and("prompt", "none")).await.away());
    let all = world.notices_of(&person, "data_released", 1).await;
    assert_eq!(
        world.stored("SELECT COUNT(*) FROM notices WHERE about LIKE '%agency%'").await,
        0,
        "it is sealed"
    );
    let text = serde_json::to_string(&all).expect("JSON");
    assert!(!text.contains("VALIYEV") && !text.contains(&person.pinfl), "no value of anybody's: {text}");
    // Nobody agreed to anything.
    world.notices_of(&person, "consent_given", 0).await;
}

async fn consents_given_and_ended_are_told(world: &World) {
    let person = world.person();
    let mut browser = world.browser();
    signs_in(world, &mut browser, SHOP, &person).await;
    let given = world.notices_of(&person, "consent_given", 1).await.remove(0);
    assert_eq!(given["about"]["service"], SHOP);
    assert!(given["about"]["until"].is_i64(), "{given}");
    // What is on record is not told again.
    let page = browser.begin(world, &Asked::by(SHOP)).await.page();
    code_of(&browser.press(&page, "continue", &[]).await.away());
    world.notices_of(&person, "consent_given", 1).await;
    let listed = world.command(&["consents", "list", &person.number]);
    let consent = listed.split(' ').next().expect("an identifier").to_owned();
    world.command(&["consents", "end", &consent]);
    let ended = world.notices_of(&person, "consent_ended", 1).await.remove(0);
    assert_eq!(ended["about"]["service"], SHOP);
    assert!(!world.try_command(&["consents", "end", &consent]).status.success());
    world.notices_of(&person, "consent_ended", 1).await;
}

async fn a_new_browser_is_told_and_a_known_one_is_not(world: &World) {
    let person = world.person();
    let mut own = world.browser();
    signs_in(world, &mut own, RIVAL, &person).await;
    let first = world.notices_of(&person, "new_device", 1).await.remove(0);
    assert_eq!(first["about"]["service"], RIVAL);
    // In the browser that is known now.
    code_of(&own.sign_in(world, &again(RIVAL), &person).await);
    let mut other = world.browser();
    signs_in(world, &mut other, RIVAL, &person).await;
    world.notices_of(&person, "new_device", 2).await;
    world.notices_of(&person, "new_place", 0).await;
    // Who is not signed in is told of nothing.
    let stranger = world.person();
    let page = world.browser().begin_with_number(world, &Asked::by(RIVAL), &stranger).await;
    world.sandbox.next_code(&stranger).await;
    world.browser().enter_code(&page, "000000").await;
    assert!(world.notices(&stranger).is_empty());
}

async fn the_end_of_access_and_a_blocked_number_are_told(world: &World) {
    let person = world.person();
    let tokens = world.tokens(&Asked::by(SHOP).with("scope", "openid profile offline_access"), &person).await;
    world.command(&["people", "end-access", &person.number]);
    world.notices_of(&person, "access_ended", 1).await;
    let again = world.tokens(&Asked::by(SHOP).with("scope", "openid profile offline_access"), &person).await;
    world.refresh(SHOP, tokens.get("refresh_token")).await.refused(400, "invalid_grant");
    world.command(&["people", "block", &person.number]);
    world.notices_of(&person, "number_blocked", 1).await;
    world.refresh(SHOP, again.get("refresh_token")).await.refused(400, "invalid_grant");
    assert!(world.command(&["people", "show", &person.number]).contains("blocked"));
    world.browser().begin_with_number(world, &Asked::by(SHOP), &person).await.expect("code");
    world.nothing_more_came(&[&person]).await;
    world.command(&["people", "unblock", &person.number]);
    assert!(!world.try_command(&["people", "unblock", &person.number]).status.success(), "it is not blocked");
    world.notices_of(&person, "number_unblocked", 1).await;
    // Of a number that is blocked nothing is left to block, and nobody's access ends.
    world.command(&["people", "block", &person.number]);
    let nothing = world.try_command(&["people", "block", &person.number]);
    let said = String::from_utf8_lossy(&nothing.stderr).into_owned();
    assert!(!nothing.status.success() && said.contains("nobody's access has ended"), "{said}");
    world.notices_of(&person, "number_blocked", 2).await;
    world.command(&["people", "unblock", &person.number]);
    signs_in(world, &mut world.browser(), SHOP, &person).await;
}

async fn a_wish_for_sms_needs_the_warning_of_charges(world: &World) {
    let person = world.person();
    let shown = |world: &World| world.command(&["people", "sms", &person.number]);
    assert!(shown(world).contains("gets no SMS"));
    let refused = world.try_command(&["people", "sms", &person.number, "--all", "--language", "en"]);
    let said = String::from_utf8_lossy(&refused.stderr).into_owned();
    assert!(!refused.status.success() && said.contains("takes money from your mobile account"), "{said}");
    assert!(shown(world).contains("gets no SMS"));
    let unknown = world.try_command(&["people", "sms", &person.number, "--kind", "weather"]);
    assert!(String::from_utf8_lossy(&unknown.stderr).contains("new_device"));
    world.wishes(&person, &["--kind", "new_device", "--kind", "access_ended"]);
    let said = shown(world);
    assert!(said.contains("new_device") && said.contains("charges accepted"), "{said}");
    world.wishes(&person, &["--all"]);
    assert!(shown(world).contains("every notice"));
    world.command(&["people", "sms", &person.number, "--none"]);
    assert!(shown(world).contains("gets no SMS"));
    let query = "SELECT COUNT(*) FROM charge_consents WHERE withdrawn_at_ms IS NOT NULL AND warned_at_ms <= accepted_at_ms \
                 AND accepted_at_ms <= withdrawn_at_ms";
    assert!(world.stored(query).await >= 2, "both consents are kept");
}

async fn a_new_place_of_a_known_browser_is_told(setup: Setup) {
    let world = setup.set("server.trusted_proxies", vec!["127.0.0.0/8".to_owned()]).start().await;
    let person = world.person();
    let mut browser = world.browser().from("203.0.113.9");
    signs_in(&world, &mut browser, RIVAL, &person).await;
    world.notices_of(&person, "new_device", 1).await;
    // Another address of the same provider, another provider, and back.
    for (address, places) in [("203.0.7.7", 0), ("198.51.100.7", 1), ("203.0.113.9", 1), ("2001:db8::1", 2)] {
        browser = browser.from(address);
        code_of(&browser.sign_in(&world, &again(RIVAL), &person).await);
        let told = world.notices_of(&person, "new_place", places).await;
        assert!(told.iter().all(|told| told["about"]["service"] == RIVAL), "{told:?}");
    }
    world.notices_of(&person, "new_device", 1).await;
}

async fn r73_who_wants_them_gets_sms_and_each_is_charged_once(setup: Setup) {
    let mut world = charged(setup).start().await;
    if world.setup.backend == Backend::Servers {
        world.add_node().await;
    }
    let (person, other) = (world.person(), world.person());
    world.wishes(&person, &["--kind", "new_device"]);
    signs_in(&world, &mut world.browser(), SHOP, &person).await;
    let text = world.notice_message(&person).await;
    assert!(text.starts_with("New sign-in to your account. Check it: http"), "{text}");
    let notice = world.until_sms(&person, "new_device", "delivered").await;
    for time in ["arrived_at", "sent_at", "delivered_at"] {
        assert!(notice[time].is_string(), "R106: each time is kept: {notice}");
    }
    assert!(notice["read_at"].is_null(), "{notice}");
    // Of other kinds none is sent, and nobody else gets any; one whose code was chargeable is not charged for it.
    assert_eq!(world.notices_of(&person, "consent_given", 1).await[0]["sms"], "none");
    signs_in(&world, &mut world.browser(), SHOP, &other).await;
    world.nothing_more_came(&[&person, &other]).await;
    let days = ["charges", "export", "--from", "2020-01-01", "--to", "2099-12-31"];
    let csv = world.command(&days);
    let lines: Vec<&str> = csv.lines().collect();
    assert_eq!(lines.len(), 2, "{csv}");
    let id = notice["notice_id"].as_str().expect("an identifier");
    assert!(lines[1].starts_with(&format!("{id},{},notice,5000,2020-01-01,", person.number)), "{csv}");
    let json: Value =
        serde_json::from_str(&world.command(&[&days[..], &["--format", "json"]].concat())).expect("JSON");
    assert_eq!((&json["sum_tiyin"], json["charges"].as_array().map(Vec::len)), (&5000.into(), Some(1)));
    assert_eq!(world.command(&[&days[..], &["--kind", "request"]].concat()).lines().count(), 1);
    assert!(
        !world
            .try_command(&["charges", "export", "--from", "2026-02-01", "--to", "2026-01-01"])
            .status
            .success()
    );
    // The wish is withdrawn.
    world.command(&["people", "sms", &person.number, "--none"]);
    signs_in(&world, &mut world.browser(), SHOP, &person).await;
    let told = world.notices_of(&person, "new_device", 2).await;
    assert_eq!(told[0]["sms"], "none", "{told:?}");
    world.nothing_more_came(&[&person]).await;
    // R79: the cabinet's warning names the price as well.
    let page = world.browser().enter_cabinet(&world, "/cabinet/notices/sms", &person).await;
    assert!(page.text().contains("Your operator takes up to 50 so"), "{page}");
}

async fn r78_without_money_notices_stop_and_codes_do_not(setup: Setup) {
    let world = charged(setup).set("notices.sms_per_day", 1).start().await;
    let person = world.person();
    world.wishes(&person, &["--all"]);
    let file = world.folder.file("suspended.txt");
    std::fs::write(&file, format!("{}\n\nnonsense\n", person.number)).expect("the file");
    let path = file.display().to_string();
    let wrong = world.try_command(&["people", "sms-suspended", "--file", &path]);
    let said = String::from_utf8_lossy(&wrong.stderr).into_owned();
    assert!(!wrong.status.success() && said.contains("line 3"), "{said}");
    assert_eq!(world.stored("SELECT COUNT(*) FROM sms_suspensions").await, 0, "all or nothing");
    std::fs::write(&file, format!("{}\n", person.number)).expect("the file");
    assert!(world.command(&["people", "sms-suspended", "--file", &path]).contains("1 changed"));
    assert!(world.command(&["people", "sms-suspended", &person.number]).contains("0 changed"));
    // The code comes.
    signs_in(&world, &mut world.browser(), SHOP, &person).await;
    for kind in ["new_device", "consent_given"] {
        world.until_sms(&person, kind, "suspended").await;
    }
    world.nothing_more_came(&[&person]).await;
    assert!(world.command(&["people", "sms-suspended", "--resume", &person.number]).contains("1 changed"));
    world.command(&["people", "end-access", &person.number]);
    world.notice_message(&person).await;
    world.until_sms(&person, "access_ended", "delivered").await;
    // What was not sent is not sent later; and a number gets so many in a day.
    signs_in(&world, &mut world.browser(), SHOP, &person).await;
    until("the day's limit", async || {
        let told = world.notices(&person);
        let newest = told.iter().find(|notice| notice["kind"] == "new_device")?;
        (newest["sms"] == "daily_limit").then_some(())
    })
    .await;
    world.nothing_more_came(&[&person]).await;
    assert_eq!(world.stored("SELECT COUNT(*) FROM charges").await, 1);
}

/// The hour of the day in Tashkent.
#[expect(clippy::disallowed_methods, reason = "quiet hours are about the clock of this machine")]
fn hour() -> i64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).expect("a time").as_secs();
    i64::try_from((now / 3600 + 5) % 24).expect("an hour")
}

async fn sms_wait_for_the_end_of_quiet_hours(setup: Setup) {
    let hour = hour();
    let quiet =
        charged(setup).set("notices.quiet_from_hour", hour).set("notices.quiet_until_hour", (hour + 3) % 24);
    let world = quiet.start().await;
    let person = world.person();
    world.wishes(&person, &["--kind", "new_device"]);
    // The code comes at any hour.
    signs_in(&world, &mut world.browser(), SHOP, &person).await;
    assert_eq!(world.notices_of(&person, "new_device", 1).await[0]["sms"], "waiting");
    // Also one that was due before, and had not had its turn.
    world.change_database("UPDATE notices SET sms_due_at_ms = 0").await;
    world.nothing_more_came(&[&person]).await;
    world.advance(4 * 3600).await;
    world.notice_message(&person).await;
    world.until_sms(&person, "new_device", "delivered").await;
}

async fn notices_that_wait_are_stored_when_a_node_ends(setup: Setup) {
    let mut world = setup.start().await;
    let person = world.person();
    signs_in(&world, &mut world.browser(), RIVAL, &person).await;
    world.nodes[0].running.signal("TERM");
    world.nodes[0].running.end().await;
    world.notices_of(&person, "new_device", 1).await;
}

async fn old_notices_go(setup: Setup) {
    let world = setup.set("notices.keep_days", 30).start().await;
    let person = world.person();
    signs_in(&world, &mut world.browser(), RIVAL, &person).await;
    world.notices_of(&person, "new_device", 1).await;
    world.advance(29 * 86_400).await;
    world.notices_of(&person, "new_device", 1).await;
    world.advance(2 * 86_400).await;
    until("the end of old notices", async || world.notices(&person).is_empty().then_some(())).await;
}
