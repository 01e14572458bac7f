//! What a person decided lasts: whatever is killed or lost after they were told, and whoever decides in the same moment.

use super::*;
use crate::support::servers::empty_redis;

alone_on_both_backends!(
    r68_what_was_decided_survives_a_kill_and_the_loss_of_short_lived_state,
    of_two_browsers_that_decide_at_once_one_does,
);

async fn r68_what_was_decided_survives_a_kill_and_the_loss_of_short_lived_state(setup: Setup) {
    let mut world = setup.start().await;
    let decided = async |world: &World, button: &str, page: &str| {
        let person = world.person();
        let asked = world.asks_for(COUNTER, "openid profile phone", &person).await;
        let message = world.approval_message(&person).await;
        world.browser().decides(&message, button).await.expect(page);
        asked
    };
    let approved = decided(&world, "allow", "approval-done").await;
    let refused = decided(&world, "deny", "approval-refused").await;
    let late = decided(&world, "allow", "approval-done").await;
    let open = world.asks_for(COUNTER, "openid", &world.person()).await;
    world.nodes[0].running.kill();
    if let Some(redis) = world.place().redis {
        empty_redis(&redis).await.expect("an empty Redis");
    }
    world.start_again().await;
    let tokens = world.polled(COUNTER, &approved).await.granted();
    assert_eq!(tokens.get("scope"), "openid profile phone");
    assert_eq!(world.userinfo(tokens.get("access_token")).await.status, 200);
    // It works once, whatever was lost.
    world.polled(COUNTER, &approved).await.refused(400, "invalid_grant");
    assert_eq!(world.stored("SELECT COUNT(*) FROM grants").await, 1);
    world.polled(COUNTER, &refused).await.refused(400, "access_denied");
    world
        .polled_at(world.nodes[0].port, CASHIER, approved.get("auth_req_id"))
        .await
        .refused(400, "invalid_grant");
    // On what nobody decided nobody waits: the service begins again.
    world.polled(COUNTER, &open).await.refused(400, "invalid_grant");
    // Its time is the same as ever, and nothing of it stays.
    world.advance(360).await;
    world.polled(COUNTER, &late).await.refused(400, "expired_token");
    world.advance(600).await;
    world.until_stored("SELECT COUNT(*) FROM approval_decisions", 0).await;
    world.polled(COUNTER, &refused).await.refused(400, "invalid_grant");
}

async fn of_two_browsers_that_decide_at_once_one_does(setup: Setup) {
    let world = setup.start().await;
    for _ in 0..4 {
        let person = world.person();
        let asked = world.asks_for(COUNTER, "openid profile", &person).await;
        let message = world.approval_message(&person).await;
        let (mut one, mut other) = (world.browser(), world.browser());
        let (here, there) = (one.open_request(&message).await, other.open_request(&message).await);
        let (allowed, denied) = tokio::join!(
            one.decides_on(&here, "allow", &message.code),
            other.decides_on(&there, "deny", &message.code)
        );
        // Both read the same, and it is what the service gets.
        let consents = world.command(&["consents", "list", &person.number]);
        if allowed.has("approval-done") {
            denied.expect("approval-done");
            world.polled(COUNTER, &asked).await.granted();
            assert!(consents.contains(COUNTER), "{consents}");
        } else {
            allowed.expect("approval-refused");
            denied.expect("approval-refused");
            world.polled(COUNTER, &asked).await.refused(400, "access_denied");
            assert!(!consents.contains(COUNTER), "what was refused left nothing: {consents}");
        }
    }
    let rows = until("what was recorded", async || {
        let rows = world.audit_rows().await;
        let decided = |row: &&crate::support::database::AuditRow| {
            ["ciba.approved", "ciba.denied"].contains(&row.event.as_str())
        };
        (rows.iter().filter(decided).count() >= 4).then_some(rows)
    });
    let rows = rows.await;
    let of = |event: &str| rows.iter().filter(|row| row.event == event).count();
    assert_eq!(of("ciba.approved") + of("ciba.denied"), 4, "{rows:?}");
    assert_eq!(world.stored("SELECT COUNT(*) FROM approval_decisions").await, 4);
}

/// Holds each decision at its commit for as long as somebody has the lock.
const AT_COMMIT: &str = "DO $do$ BEGIN \
    CREATE FUNCTION hold() RETURNS trigger LANGUAGE plpgsql AS $f$ \
    BEGIN PERFORM pg_advisory_xact_lock(7); RETURN NULL; END $f$; \
    CREATE CONSTRAINT TRIGGER hold AFTER INSERT ON approval_decisions \
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION hold(); END $do$";
const LOCK: &str = "SELECT pg_advisory_xact_lock(7)";

#[tokio::test]
async fn a_decision_whose_reply_was_lost_is_found_and_told_when_it_is_made_again() {
    let world = Setup::new(Backend::Servers).relayed().start().await;
    let (postgres, _) = world.relays.as_ref().expect("relays");
    let person = world.person();
    let asked = world.asks_for(COUNTER, "openid profile", &person).await;
    let message = world.approval_message(&person).await;
    let mut browser = world.browser();
    let page = browser.open_request(&message).await;
    world.change_database(AT_COMMIT).await;
    let lock = world.lock_by(LOCK).await;
    // The lock is released over the same relay, and its answer waits as well.
    let outage = async {
        world.until_waiting(1).await;
        postgres.mute();
        lock.release().await;
    };
    let decided = async {
        browser.decides_on(&page, "allow", &message.code).await.expect_status(503);
        postgres.restore();
    };
    tokio::join!(decided, outage);
    world.until_stored("SELECT COUNT(*) FROM approval_decisions", 1).await;
    // Nobody knows, so they do it again, or the contrary: what was decided first stays.
    let found = until("the database", async || {
        let again = browser.decides_on(&page, "deny", &message.code).await;
        (again.status == 200).then_some(again)
    });
    found.await.expect("approval-done");
    world.polled(COUNTER, &asked).await.granted();
    let rows = until("its row", async || {
        let rows = world.audit_rows().await;
        rows.iter().any(|row| row.event == "ciba.approved").then_some(rows)
    });
    let rows = rows.await;
    let approved: Vec<_> = rows.iter().filter(|row| row.event == "ciba.approved").collect();
    assert!(approved.len() == 1 && approved[0].content["person.id"].is_string(), "{approved:?}");
}

#[tokio::test]
async fn a_decision_that_short_lived_state_never_learned_of_stays() {
    let world = Setup::new(Backend::Servers).relayed().start().await;
    let (_, redis) = world.relays.as_ref().expect("relays");
    let person = world.person();
    let asked = world.asks_for(COUNTER, "openid profile", &person).await;
    let message = world.approval_message(&person).await;
    let mut browser = world.browser();
    let page = browser.open_request(&message).await;
    world.change_database(AT_COMMIT).await;
    let lock = world.lock_by(LOCK).await;
    let outage = async {
        world.until_waiting(1).await;
        redis.cut();
        lock.release().await;
    };
    let (told, ()) = tokio::join!(browser.decides_on(&page, "deny", &message.code), outage);
    told.expect("approval-refused");
    // A service that asks now is told, and so is whoever has been talked into handing on the code.
    world.polled(COUNTER, &asked).await.refused(400, "access_denied");
    redis.restore();
    let page = until("the page", async || {
        let page = world.browser().open_request(&message).await;
        (page.status == 200).then_some(page)
    })
    .await;
    world.browser().decides_on(&page, "allow", &message.code).await.expect("approval-refused");
    world.polled(COUNTER, &asked).await.refused(400, "access_denied");
    assert_eq!(world.stored("SELECT COUNT(*) FROM consents").await, 0);
}

#[tokio::test]
async fn an_approval_and_the_end_of_its_time_agree() {
    let world = Setup::new(Backend::Servers).start().await;
    let person = world.person();
    let wide = world.tokens(&Asked::by(COUNTER).with("scope", "openid phone"), &person).await;
    let asked = world.asks_for(COUNTER, "openid profile", &person).await;
    let message = world.approval_message(&person).await;
    let mut browser = world.browser();
    let page = browser.open_request(&message).await;
    let lock = world.lock_by("LOCK TABLE consents IN SHARE MODE").await;
    let poll = async {
        world.until_waiting(1).await;
        world.advance(300).await;
        let release = async {
            world.until_waiting(2).await;
            lock.release().await;
        };
        tokio::join!(world.polled(COUNTER, &asked), release).0
    };
    let typed = [("code", message.code.as_str())];
    let allow = browser.press(&page, "allow", &typed);
    let (done, told) = tokio::join!(allow, poll);
    done.page().expect("approval-done");
    told.granted();
    assert_eq!(world.userinfo(wide.get("access_token")).await.status, 200);
    let lapsed = world.asks_for(COUNTER, "openid profile", &person).await;
    let message = world.approval_message(&person).await;
    let page = browser.open_request(&message).await;
    world.advance(300).await;
    world.polled(COUNTER, &lapsed).await.refused(400, "expired_token");
    browser.press(&page, "allow", &[("code", &message.code)]).await.page().expect_status(410);
    assert_eq!(world.stored("SELECT COUNT(*) FROM consents WHERE ended_at IS NOT NULL").await, 0);
    assert_eq!(world.stored("SELECT COUNT(*) FROM consents").await, 2);
    // What was allowed at a sign-in covers the next request. The approval leaves evidence of its own all the same (D-p, R68).
    world.tokens(&Asked::by(COUNTER).with("scope", "openid profile"), &person).await;
    let evidence = "SELECT COUNT(*) FROM consents WHERE once = 1 AND permitted_by = 'code' AND code_id IS NOT NULL \
                    AND shown <> ''";
    let before = world.stored(evidence).await;
    let covered = world.asks_for(COUNTER, "openid profile", &person).await;
    let message = world.approval_message(&person).await;
    let page = browser.open_request(&message).await;
    browser.press(&page, "allow", &[("code", &message.code)]).await.page().expect("approval-done");
    world.polled(COUNTER, &covered).await.granted();
    assert_eq!(world.stored(evidence).await, before + 1);
    let untold = "SELECT COUNT(*) FROM approval_decisions WHERE telling IS NOT NULL";
    until("decisions that are told", async || (world.stored(untold).await == 0).then_some(())).await;
}
