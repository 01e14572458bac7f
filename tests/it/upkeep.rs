//! Background work: purging of expired rows, and rotation of signing keys.

use std::collections::BTreeSet;

use serde_json::Value;

use crate::support::client_file::{SHOP, VAULT};
use crate::support::process::{both_streams, run};
use crate::support::wait::until;
use crate::support::{Asked, Backend, Setup, Tokens, World, alone_on_both_backends, code_of, jwt, param};

alone_on_both_backends!(
    grants_go_an_hour_after_the_last_token_of_theirs_could_live,
    revoked_tokens_go_when_they_would_have_expired,
    messages_go_after_two_days_and_consents_never,
    keys_get_successors_at_ninety_days_and_stay_published_a_day,
    a_key_of_an_algorithm_that_an_upgrade_brought_is_published_before_it_signs,
);

const MINUTE: i64 = 60;
const HOUR: i64 = 60 * MINUTE;
const DAY: i64 = 24 * HOUR;

const GRANTS: &str = "SELECT CAST(COUNT(*) AS BIGINT) FROM grants";
const REVOKED: &str = "SELECT CAST(COUNT(*) AS BIGINT) FROM revoked_tokens";
const MESSAGES: &str = "SELECT CAST(COUNT(*) AS BIGINT) FROM messages";
const CONSENTS: &str = "SELECT CAST(COUNT(*) AS BIGINT) FROM consents";

async fn tokens(world: &World, scope: &str) -> Tokens {
    world.tokens(&Asked::by(SHOP).with("scope", scope), &world.person()).await
}

async fn grants_go_an_hour_after_the_last_token_of_theirs_could_live(setup: Setup) {
    let world = setup.start().await;
    let mut browser = world.browser();
    let code = code_of(&browser.sign_in(&world, &Asked::by(SHOP), &world.person()).await);
    world.redeem(SHOP, &code).await.granted();
    tokens(&world, "openid phone offline_access").await;
    assert_eq!(world.stored(GRANTS).await, 2);
    // Until then a replay of the code is detected.
    world.advance(HOUR).await;
    world.redeem(SHOP, &code).await.refused(400, "invalid_grant");
    assert_eq!(world.stored(GRANTS).await, 2);
    world.advance(15 * MINUTE).await;
    world.until_stored(GRANTS, 1).await;
    world.advance(30 * DAY).await;
    world.until_stored(GRANTS, 0).await;
    until("the purge to have caught up", async || {
        (world.metric("yagona_purge_lag_seconds", &[]).await == 0.0).then_some(())
    })
    .await;
}

async fn revoked_tokens_go_when_they_would_have_expired(setup: Setup) {
    let world = setup.start().await;
    let revoked = tokens(&world, "openid phone").await;
    let token = [("token", revoked.get("access_token"))];
    assert_eq!(world.post_as(SHOP, "/oidc/revoke", &token).await.status, 200);
    assert_eq!(world.stored(REVOKED).await, 1);
    world.advance(5 * MINUTE).await;
    assert_eq!(world.userinfo(revoked.get("access_token")).await.status, 401);
    world.advance(HOUR + 10 * MINUTE).await;
    world.until_stored(REVOKED, 0).await;
    assert_eq!(world.userinfo(revoked.get("access_token")).await.status, 401);
}

async fn messages_go_after_two_days_and_consents_never(setup: Setup) {
    let world = setup.start().await;
    tokens(&world, "openid phone").await;
    world.advance(DAY).await;
    tokens(&world, "openid phone").await;
    assert_eq!((world.stored(MESSAGES).await, world.stored(CONSENTS).await), (2, 2));
    world.advance(DAY + HOUR).await;
    world.until_stored(MESSAGES, 1).await;
    world.advance(DAY).await;
    world.until_stored(MESSAGES, 0).await;
    world.advance(2 * 365 * DAY).await;
    tokens(&world, "openid phone").await;
    world.until_stored(CONSENTS, 3).await;
}

fn kids(keys: &Value) -> BTreeSet<String> {
    let keys = keys["keys"].as_array().expect("keys");
    keys.iter().map(|key| key["kid"].as_str().expect("a kid").to_owned()).collect()
}

/// Waits until every node publishes this many keys, and returns them.
async fn until_published(world: &World, count: usize) -> Value {
    for node in &world.nodes {
        until(&format!("{count} keys"), async || {
            let page = world.browser().at(node.port).open("/oidc/jwks").await.page();
            let keys: Value = serde_json::from_str(&page.body).expect("JSON");
            (kids(&keys).len() == count).then_some(())
        })
        .await;
    }
    world.keys().await
}

async fn keys_get_successors_at_ninety_days_and_stay_published_a_day(setup: Setup) {
    let several = setup.backend == Backend::Servers;
    let mut world = if several { setup.set("nodes", 2) } else { setup }.start().await;
    if several {
        // Only one of several nodes rotates.
        world.add_node().await;
    }
    let kid = |tokens: &Tokens| jwt::read(tokens.get("id_token")).header["kid"].clone();
    let first = kids(&world.keys().await);
    // Of two purges the second comes after the first one's look at the keys.
    for days in [88, 1] {
        tokens(&world, "openid phone").await;
        world.advance(days * DAY).await;
        world.until_stored(GRANTS, 0).await;
    }
    assert_eq!(kids(&world.keys().await), first, "89 days are no age for a key");
    let before = tokens(&world, "openid phone").await;
    world.advance(DAY).await;
    let keys = until_published(&world, 8).await;
    assert!(kids(&keys).is_superset(&first));
    let early = tokens(&world, "openid phone").await;
    assert_eq!(kid(&early), kid(&before), "clients get an hour to fetch the successors");
    world.advance(HOUR).await;
    let after = tokens(&world, "openid phone").await;
    assert_ne!(kid(&after), kid(&before));
    for tokens in [&before, &early, &after] {
        jwt::verify(tokens.get("id_token"), &keys);
    }

    let hinted =
        |tokens: &Tokens| Asked::by(SHOP).and("prompt", "none").and("id_token_hint", tokens.get("id_token"));
    let refusal = async |tokens: &Tokens| {
        param(&world.browser().begin(&world, &hinted(tokens)).await.away(), "error").expect("an error")
    };
    world.advance(23 * HOUR).await;
    assert_eq!(kids(&world.keys().await), kids(&keys));
    assert_eq!(refusal(&before).await, "login_required", "its signature is still known");
    world.advance(HOUR).await;
    let left = until_published(&world, 4).await;
    assert!(kids(&left).is_disjoint(&first));
    jwt::verify(after.get("id_token"), &left);
    assert_eq!(refusal(&before).await, "login_required", "a hint may be as old as the client's own session");
    assert_eq!(refusal(&after).await, "login_required");
}

async fn a_key_of_an_algorithm_that_an_upgrade_brought_is_published_before_it_signs(setup: Setup) {
    let mut world = setup.start().await;
    let asked = Asked::by(VAULT).with("scope", "openid phone offline_access");
    let before = world.tokens(&asked, &world.person()).await;
    // As a version left it that did not know the algorithm, some time ago.
    world.nodes[0].running.kill();
    world.change_database("DELETE FROM later_signing_keys").await;
    world.change_database("UPDATE signing_keys SET created_at = created_at - 1000").await;
    world.start_again().await;
    let published = world.keys().await;
    let published = published["keys"].as_array().expect("keys").iter().filter(|key| key["alg"] == "PS256");
    assert_eq!(published.count(), 1);
    // Nothing is used up, and nobody signs in for what cannot be signed; others notice nothing.
    let refused = world.refresh(VAULT, before.get("refresh_token")).await;
    refused.refused(503, "temporarily_unavailable");
    let pushed = world.push(&Asked::by(VAULT).and("response_mode", "jwt")).await;
    pushed.refused(503, "temporarily_unavailable");
    tokens(&world, "openid phone").await;
    world.advance(HOUR).await;
    let after = world.refresh(VAULT, before.get("refresh_token")).await.granted();
    jwt::verify(after.get("id_token"), &world.keys().await);
}

#[tokio::test]
async fn nodes_that_start_at_once_make_one_key_of_each_algorithm() {
    let mut world = Setup::new(Backend::Servers).start().await;
    world.nodes[0].running.kill();
    world.change_database("DELETE FROM signing_keys").await;
    world.change_database("DELETE FROM later_signing_keys").await;
    // Both find none before either can store one.
    let lock = world.lock_by("LOCK TABLE signing_keys IN SHARE MODE").await;
    let rotate = || {
        let (folder, config) = (world.folder.path().to_owned(), world.config_of_another());
        let config = config.display().to_string();
        tokio::task::spawn_blocking(move || {
            run(&folder, &["keys", "rotate", "--alg", "ES256", "-c", &config])
        })
    };
    let both = [rotate(), rotate()];
    world.until_waiting(2).await;
    lock.release().await;
    for rotate in both {
        let output = rotate.await.expect("a command");
        assert!(output.status.success(), "{}", both_streams(&output));
    }
    let others = "SELECT CAST(COUNT(*) AS BIGINT) FROM signing_keys WHERE alg <> 'ES256'";
    let later = "SELECT CAST(COUNT(*) AS BIGINT) FROM later_signing_keys";
    assert_eq!(
        (world.stored(others).await, world.stored(later).await),
        (2, 1),
        "one of each algorithm, made by one of the two"
    );
    let rotated = "SELECT CAST(COUNT(*) AS BIGINT) FROM signing_keys WHERE alg = 'ES256'";
    assert_eq!(world.stored(rotated).await, 3, "the first, and a successor by each command");
    world.start_again().await;
    assert_eq!(kids(&world.keys().await).len(), 6);
}
