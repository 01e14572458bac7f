//! Quotas, and what is kept to be paid by (R99).

use super::*;

alone_on_both_backends!(
    r99_releases_are_counted_and_refused_once_the_quota_is_used_up,
    r99_no_way_to_data_goes_past_the_quota,
);

const COUNTED: &str = "SELECT CAST(COALESCE(SUM(releases), 0) AS BIGINT) FROM contract_usage";
const DAY: i64 = 86_400;

async fn r99_releases_are_counted_and_refused_once_the_quota_is_used_up(setup: Setup) {
    crate::support::wait::a_whole_day().await;
    let world = with_contract(setup, "releases_per_day = 2\nreleases_per_month = 1000\n").await;
    let asked = Asked::by(STORE).with("scope", ALL);
    let (first, second) = (world.person(), world.person());
    let tokens = world.tokens(&asked, &first).await;
    // Nothing personal is no release.
    world.tokens(&asked.clone().with("scope", "openid"), &second).await;
    world.refresh(STORE, tokens.get("refresh_token")).await.granted();

    let used_up = |code: Option<String>, why: Option<String>| {
        assert_eq!(code.as_deref(), Some("temporarily_unavailable"));
        assert!(why.expect("why").contains("in a day are used up"));
    };
    let url = world.browser().begin(&world, &asked).await.away();
    used_up(param(&url, "error"), param(&url, "error_description"));
    let pushed = world.push(&asked).await;
    assert_eq!(pushed.status, 429);
    let text = |name: &str| pushed.body[name].as_str().map(str::to_owned);
    used_up(text("error"), text("error_description"));
    let refused = world.refresh(STORE, tokens.get("refresh_token")).await;
    refused.refused(429, "temporarily_unavailable");
    // Whoever only signs in is not kept out.
    world.tokens(&asked.clone().with("scope", "openid"), &world.person()).await;

    // It is kept, and goes on the next day; so does what another node, or this one after a start, has counted.
    world.until_stored(COUNTED, 2).await;
    let usage: Value =
        serde_json::from_str(&world.command(&["contract", "usage", "--format", "json"])).expect("JSON");
    let row = &usage["usage"][0];
    assert_eq!(
        (&row["contract"], &row["client"], &row["releases"], &row["payment"]),
        (&json!(CONTRACT), &json!(STORE), &json!(2), &json!("paid")),
        "{usage}"
    );
    let url = world.browser().begin(&world, &asked).await.away();
    assert_eq!(param(&url, "error").as_deref(), Some("temporarily_unavailable"));
    world.advance(DAY).await;
    world.tokens(&asked, &world.person()).await;
    let lines = world.command(&["contract", "usage", "--contract", CONTRACT]);
    assert!(lines.contains(STORE) && lines.contains("paid"), "{lines}");
}

async fn r99_no_way_to_data_goes_past_the_quota(setup: Setup) {
    crate::support::wait::a_whole_day().await;
    let world = with_contract(setup, "releases_per_day = 1\nallows = [\"ciba\"]\n").await;
    let (ciba, device) =
        ("urn:openid:params:grant-type:ciba", "urn:ietf:params:oauth:grant-type:device_code");
    let name = format!("data_sets = [{{ name = \"name\", required = true }}]\ncontract = \"{CONTRACT}\"\n");
    let detailed = "authorization_details_types = [\"personal_data\"]\n";
    let elsewhere = format!("{name}{detailed}grant_types = [\"{ciba}\", \"{device}\"]\nredirect_uris = []\n");
    world.import("client", &client("elsewhere", &elsewhere));
    world.import("client", &client("old", &format!("{name}oneid = true\n")));
    until("the clients", async || {
        let answer = world.post_as("old", "/oidc/introspect", &[("token", "x")]).await;
        (answer.status == 200).then_some(())
    })
    .await;
    // All of them begin below it.
    let asked = Asked::by(STORE).with("scope", "openid profile");
    let first = code_of(&world.browser().sign_in(&world, &asked, &world.person()).await);
    let second = code_of(&world.browser().sign_in(&world, &asked, &world.person()).await);
    let link = crate::support::oneid::link(&world, "old");
    let old = code_of(&world.browser().sign_in_at(&world, &link, &world.person()).await);
    world.redeem(STORE, &first).await.granted();
    world.redeem(STORE, &second).await.refused(429, "temporarily_unavailable");
    let refused = world.oneid_redeem("old", &old).await;
    refused.refused_by_oneid(429, "RequestLimitException", "REQUEST_LIMIT_EXCEEDED");

    // At the counter, with purposes of their own, and by a device.
    let person = world.person();
    let detail =
        json!([{"type": "personal_data", "data_sets": ["name"], "purpose": "A visit", "use": "single"}]);
    let detail = detail.to_string();
    let hint = ("login_hint", &*person.number);
    for fields in [
        vec![("scope", "openid profile"), hint],
        vec![("scope", "openid"), hint, ("authorization_details", &*detail)],
    ] {
        let refused = world.post_as("elsewhere", "/oidc/bc-authorize", &fields).await;
        refused.refused(429, "temporarily_unavailable");
    }
    let scope = [("scope", "openid profile")];
    let refused = world.post_as("elsewhere", "/oidc/device_authorization", &scope).await;
    refused.refused(429, "temporarily_unavailable");
    world.nothing_more_came(&[&person]).await;
    // Who asks for nothing is not kept out.
    world.post_as("elsewhere", "/oidc/bc-authorize", &[("scope", "openid"), hint]).await.granted();
}
