//! What a contract opens to back offices, and what it takes from them again (R70, R71, R99, D-i).

use super::*;
use crate::data::{by_law, lawful, read, verified};

alone_on_both_backends!(
    r70_who_loses_the_law_names_nobody_and_reads_nothing,
    r99_what_a_law_gives_and_what_is_verified_count_towards_quotas,
);

const BODY: &str = "ministry";

/// The contract of the body, with these members besides its data.
fn agreed(members: &str) -> String {
    let own = contract("body-2026", &format!("data_sets = [\"address\", \"temporary_address\"]\n{members}"));
    own.replace("store-llc", "office")
}

const LAW: &str = "basis = \"statutory\"\n\
                   article = { uz-Latn = \"5\", uz-Cyrl = \"5\", ru = \"5\", en = \"Article 5\" }\n";
const RIGHTS: &str = "allows = [\"data_api\", \"verification\"]\n";

/// A provider with a state body under a contract with these members.
async fn office(setup: Setup, members: &str) -> World {
    let world = setup.start().await;
    let institution = INSTITUTION.replace("store-llc", "office").replace("business", "state");
    world.import("contract", &format!("{institution}{}", agreed(members)));
    let own = "grant_types = [\"client_credentials\"]\nredirect_uris = []\nkind = \"state\"\nbasis = \"statutory\"\n\
               basis_reference = \"Law 123\"\ndata_api = true\nverification = true\n\
               statutory_purposes = [\"Housing register\"]\nauthorization_details_types = [\"personal_data\"]\n\
               data_sets = [{ name = \"address\" }, { name = \"temporary_address\" }]\ncontract = \"body-2026\"\n";
    world.import("client", &client(BODY, own));
    until("the client", async || {
        let answer = world.post_as(BODY, "/oidc/introspect", &[("token", "x")]).await;
        (answer.status == 200).then_some(())
    })
    .await;
    world
}

async fn r70_who_loses_the_law_names_nobody_and_reads_nothing(setup: Setup) {
    let world = office(setup, &format!("{LAW}{RIGHTS}")).await;
    let person = world.person();
    let asked = lawful(&world, &person.pinfl, &json!({}));
    let tokens = by_law(&world, BODY, &asked).await.granted();
    read(&world, &tokens, "address").await.granted();
    let yes = verified(&world, BODY, &person.number, &person.pinfl).await.granted();
    assert_eq!(yes.body["verified"], true);

    // Until the node knows the contract, the token reads; then nothing new is named, and nothing is read.
    let gone = async |status: u16, error: &str, words: &str| {
        let answer = until("the change", async || {
            let answer = read(&world, &tokens, "address").await;
            (answer.status == status).then_some(answer)
        })
        .await;
        assert_eq!(answer.body["error"], error, "{}", answer.body);
        let why = answer.get("error_description");
        assert!(why.contains(words) && why.is_ascii(), "{words}: {why}");
    };
    let back = async || {
        world.import("contract", &agreed(&format!("{LAW}{RIGHTS}")));
        until("the contract of before", async || {
            (read(&world, &tokens, "address").await.status == 200).then_some(())
        })
        .await;
    };

    // The law is gone, and the data sets are still agreed: people would have to be asked.
    world.import("contract", &agreed(RIGHTS));
    gone(403, "insufficient_scope", "on this basis").await;
    let refused = by_law(&world, BODY, &asked).await;
    refused.refused(400, "invalid_authorization_details");
    assert!(refused.get("error_description").contains("statutory_purposes"), "{}", refused.body);
    back().await;

    // The rights are gone.
    world.import("contract", &agreed(LAW));
    gone(403, "insufficient_scope", "does not allow data_api").await;
    by_law(&world, BODY, &asked).await.refused(400, "invalid_authorization_details");
    let refused = verified(&world, BODY, &person.number, &person.pinfl).await;
    refused.refused(400, "unauthorized_client");
    back().await;

    // The purpose is gone.
    let other = "purposes = [{ uz-Latn = \"A\", uz-Cyrl = \"A\", ru = \"A\", en = \"Taxes\" }]\n";
    world.import("contract", &agreed(&format!("{LAW}{RIGHTS}{other}")));
    gone(403, "insufficient_scope", "does not allow").await;
    by_law(&world, BODY, &asked).await.refused(400, "invalid_authorization_details");
    back().await;

    // People whom the contract excludes are nobody's to find (D-s).
    world.import("contract", &agreed(&format!("{LAW}{RIGHTS}minimum_age = 100\n")));
    gone(403, "insufficient_scope", "younger").await;
    let refused = by_law(&world, BODY, &asked).await;
    refused.refused(400, "unknown_user_id");
    let no = verified(&world, BODY, &person.number, &person.pinfl).await.granted();
    assert_eq!(no.body, json!({"verified": false}));
    back().await;
    by_law(&world, BODY, &asked).await.granted();
}

async fn r99_what_a_law_gives_and_what_is_verified_count_towards_quotas(setup: Setup) {
    crate::support::wait::a_whole_day().await;
    let world = office(setup, &format!("{LAW}{RIGHTS}releases_per_day = 2\n")).await;
    let person = world.person();
    let asked = lawful(&world, &person.pinfl, &json!({}));
    by_law(&world, BODY, &asked).await.granted();
    // A "no" releases nothing.
    let other = world.person();
    verified(&world, BODY, &person.number, &other.pinfl).await.granted();
    verified(&world, BODY, &person.number, &person.pinfl).await.granted();
    for refused in
        [by_law(&world, BODY, &asked).await, verified(&world, BODY, &person.number, &person.pinfl).await]
    {
        refused.refused(429, "temporarily_unavailable");
        assert!(refused.get("error_description").contains("in a day are used up"), "{}", refused.body);
    }
    let counted = "SELECT CAST(COALESCE(SUM(releases), 0) AS BIGINT) FROM contract_usage";
    world.until_stored(counted, 2).await;
}
