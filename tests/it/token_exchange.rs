//! Token exchange (RFC 8693): a resource server calls another one on a person's behalf.

use reqwest::Method;
use serde_json::{Value, json};

use crate::support::client_file::{
    API, BOROUGH, CITY, EXCHANGING, LEDGER, LEDGER_URI, MACHINE, NOTES, RIVAL, TAX, TAX_URI, TOWN, client,
    secret,
};
use crate::support::flow::redemption;
use crate::support::proofs::{for_tokens, with_proofs};
use crate::support::signer::KEYS;
use crate::support::wait::until;
use crate::support::{Asked, Setup, Tokens, World, alone_on_both_backends, code_of, jwt, on_both_backends};

on_both_backends!(
    rfc8693_2_1_a_resource_server_gets_a_token_for_another_one,
    rfc8693_2_1_the_scope_is_never_wider,
    rfc8693_2_2_2_whatever_else_is_asked_is_refused,
    rfc8693_4_1_whoever_acts_is_named_and_the_chain_is_bounded,
    rfc8693_what_was_exchanged_ends_with_what_it_came_from,
    rfc8693_a_bound_token_is_exchanged_for_a_bound_one_alone,
    rfc8693_details_go_where_they_name_a_location,
    rfc9396_6_an_exchange_narrows_details_and_never_widens,
);

alone_on_both_backends!(
    rfc8693_2_2_1_nothing_outlives_the_token_or_the_registration,
    rfc8693_what_was_exchanged_ends_with_whoever_is_on_its_way,
);

const GRANT: &str = "urn:ietf:params:oauth:grant-type:token-exchange";
const ACCESS_TOKEN: &str = "urn:ietf:params:oauth:token-type:access_token";

/// The fields of an exchange.
fn exchange<'a>(token: &'a str, target: &'a str) -> Vec<(&'static str, &'a str)> {
    vec![
        ("grant_type", GRANT),
        ("subject_token", token),
        ("subject_token_type", ACCESS_TOKEN),
        ("audience", target),
    ]
}

/// What introspection by a client says.
async fn told(world: &World, client: &str, token: &str) -> Value {
    world.post_as(client, "/oidc/introspect", &[("token", token)]).await.granted().body
}

/// Tokens of somebody who signed in.
async fn sent(world: &World, client: &str) -> Tokens {
    world.tokens(&Asked::by(client).with("scope", "openid phone offline_access"), &world.person()).await
}

async fn rfc8693_2_1_a_resource_server_gets_a_token_for_another_one(world: &World) {
    for client in [CITY, TOWN] {
        let tokens = sent(world, client).await;
        let subject = tokens.get("access_token");
        for (by, target, aud) in [("audience", TAX, TAX), ("resource", TAX_URI, TAX_URI)] {
            let mut fields = exchange(subject, target);
            fields[3].0 = by;
            let got = world.post_as(LEDGER, "/oidc/token", &fields).await.granted();
            assert_eq!(got.headers["cache-control"], "no-store");
            assert_eq!(
                (got.get("issued_token_type"), got.get("token_type"), got.get("scope")),
                (ACCESS_TOKEN, "Bearer", "openid phone offline_access")
            );
            assert!(got.body.get("refresh_token").is_none() && got.body.get("id_token").is_none());
            let token = got.get("access_token");
            let state = told(world, TAX, token).await;
            assert_eq!((&state["active"], &state["aud"]), (&true.into(), &aud.into()), "{state}");
            assert_eq!((&state["client_id"], &state["act"]), (&LEDGER.into(), &json!({"sub": LEDGER})));
            let own = told(world, client, subject).await;
            assert_ne!(state["sub"], own["sub"], "the person as the target knows them");
            assert_eq!((&state["acr"], &state["auth_time"]), (&own["acr"], &own["auth_time"]));
            assert!(state["exp"].as_i64() <= own["exp"].as_i64(), "{state}");
            // Who exchanged it is told the person as they know them; nobody else anything.
            let mine = told(world, LEDGER, token).await;
            assert_eq!(mine["active"], true);
            assert_ne!(mine["sub"], state["sub"]);
            for other in [client, API, RIVAL, NOTES] {
                assert_eq!(told(world, other, token).await, json!({"active": false}), "{other}");
            }
            assert_eq!(world.userinfo(token).await.status, 401);
        }
    }
}

async fn rfc8693_2_1_the_scope_is_never_wider(world: &World) {
    let tokens = sent(world, CITY).await;
    let fields = exchange(tokens.get("access_token"), TAX);
    let with = |scope| [&fields[..], &[("scope", scope)]].concat();
    let got = world.post_as(LEDGER, "/oidc/token", &with("phone")).await.granted();
    assert_eq!(got.get("scope"), "phone");
    assert_eq!(told(world, TAX, got.get("access_token")).await["scope"], "phone");
    for wider in ["openid profile", "phone pinfl", "unknown"] {
        world.post_as(LEDGER, "/oidc/token", &with(wider)).await.refused(400, "invalid_scope");
    }
}

async fn rfc8693_2_2_2_whatever_else_is_asked_is_refused(world: &World) {
    let tokens = sent(world, CITY).await;
    let subject = tokens.get("access_token");
    let good = exchange(subject, TAX);
    let without = |name: &str| good.iter().filter(|(given, _)| *given != name).copied().collect::<Vec<_>>();
    let with = |name: &'static str, value: &'static str| [without(name), vec![(name, value)]].concat();
    for (fields, error) in [
        (without("subject_token"), "invalid_request"),
        (without("subject_token_type"), "invalid_request"),
        (without("audience"), "invalid_target"),
        (with("subject_token_type", "urn:ietf:params:oauth:token-type:jwt"), "invalid_request"),
        (with("requested_token_type", "urn:ietf:params:oauth:token-type:refresh_token"), "invalid_request"),
        (with("actor_token", "x"), "invalid_request"),
        (with("actor_token_type", ACCESS_TOKEN), "invalid_request"),
        (with("subject_token", "nonsense"), "invalid_request"),
        (with("audience", API), "invalid_target"),
        (with("audience", "nobody"), "invalid_target"),
        (with("audience", LEDGER), "invalid_target"),
        (with("resource", "https://elsewhere.uz/"), "invalid_target"),
        ([good.clone(), vec![("resource", TAX_URI), ("resource", TAX_URI)]].concat(), "invalid_target"),
    ] {
        world.post_as(LEDGER, "/oidc/token", &fields).await.refused(400, error);
    }
    let both = [good.clone(), vec![("requested_token_type", ACCESS_TOKEN), ("resource", TAX_URI)]].concat();
    world.post_as(LEDGER, "/oidc/token", &both).await.granted();
    // Another one's token, a refresh token, and one without a person.
    let code = code_of(&world.browser().sign_in(world, &Asked::by(RIVAL), &world.person()).await);
    let others = world.redeem(RIVAL, &code).await.granted();
    let machine = world.post_as(MACHINE, "/oidc/token", &[("grant_type", "client_credentials")]).await;
    for token in [others.get("access_token"), tokens.get("refresh_token"), machine.get("access_token")] {
        let refused = world.post_as(LEDGER, "/oidc/token", &exchange(token, TAX)).await;
        refused.refused(400, "invalid_request");
    }
    // It is for LEDGER alone, and who is not registered for the grant has none.
    world.post_as(NOTES, "/oidc/token", &good).await.refused(400, "invalid_request");
    world.post_as(CITY, "/oidc/token", &good).await.refused(400, "unauthorized_client");
    let port = world.nodes[0].port;
    let nobody = [&good[..], &[("client_id", LEDGER)]].concat();
    world.post_bare(port, "/oidc/token", &nobody, None).await.refused(401, "invalid_client");
}

async fn rfc8693_4_1_whoever_acts_is_named_and_the_chain_is_bounded(world: &World) {
    for client in [CITY, TOWN] {
        let tokens = sent(world, client).await;
        let first = world.post_as(LEDGER, "/oidc/token", &exchange(tokens.get("access_token"), NOTES)).await;
        let first = first.granted();
        let second = world.post_as(NOTES, "/oidc/token", &exchange(first.get("access_token"), TAX)).await;
        let second = second.granted();
        let wanted = json!({"sub": NOTES, "act": {"sub": LEDGER}});
        let state = told(world, TAX, second.get("access_token")).await;
        assert_eq!((&state["act"], &state["client_id"]), (&wanted, &NOTES.into()), "{state}");
        // NOTES has signed tokens, but must not read by which `sub` TAX knows the person.
        assert!(!second.get("access_token").contains('.'), "a token that NOTES cannot read");
        assert_ne!(told(world, NOTES, second.get("access_token")).await["sub"], state["sub"]);

        let back = world.post_as(NOTES, "/oidc/token", &exchange(first.get("access_token"), LEDGER)).await;
        let back = back.granted();
        let claims = jwt::verify(back.get("access_token"), &world.keys().await).claims;
        assert_eq!((&claims["act"], &claims["aud"]), (&wanted, &LEDGER.into()), "{claims}");
        let state = told(world, LEDGER, back.get("access_token")).await;
        assert_eq!((&claims["sub"], &state["act"]), (&state["sub"], &wanted), "one sector");
        let third = exchange(back.get("access_token"), NOTES);
        let third = world.post_as(LEDGER, "/oidc/token", &third).await.granted();
        let fourth = world.post_as(NOTES, "/oidc/token", &exchange(third.get("access_token"), TAX)).await;
        fourth.refused(400, "invalid_request");
    }
}

async fn rfc8693_what_was_exchanged_ends_with_what_it_came_from(world: &World) {
    for client in [CITY, TOWN] {
        for ends in ["grant", "subject", "itself", "consent", "access"] {
            let person = world.person();
            let asked = Asked::by(client).with("scope", "openid phone offline_access");
            let tokens = world.tokens(&asked, &person).await;
            let subject = tokens.get("access_token");
            let first = world.post_as(LEDGER, "/oidc/token", &exchange(subject, NOTES)).await.granted();
            let first = first.get("access_token");
            let second = world.post_as(NOTES, "/oidc/token", &exchange(first, TAX)).await.granted();
            let second = second.get("access_token");
            assert!(world.is_active(TAX, second).await && world.is_active(NOTES, first).await);
            let (by, token) = match ends {
                "grant" => (client, tokens.get("refresh_token")),
                "subject" => (client, subject),
                "itself" => (LEDGER, first),
                "access" => {
                    world.command(&["people", "end-access", &person.number]);
                    (RIVAL, subject)
                }
                _ => {
                    let listed = world.command(&["consents", "list", &person.number]);
                    let id = listed.split(' ').next().expect("an identifier");
                    world.command(&["consents", "end", id]);
                    (RIVAL, subject)
                }
            };
            world.post_as(by, "/oidc/revoke", &[("token", token)]).await;
            // A command of another process is noticed within a second.
            for (server, token) in [(TAX, second), (NOTES, first)] {
                until("the end", async || (!world.is_active(server, token).await).then_some(())).await;
            }
            if ends != "itself" {
                until("its end", async || (!world.is_active(client, subject).await).then_some(())).await;
            }
            assert_eq!(world.is_active(client, subject).await, ends == "itself", "{ends}");
            let again = world.post_as(NOTES, "/oidc/token", &exchange(first, TAX)).await;
            again.refused(400, "invalid_request");
        }
    }
}

async fn rfc8693_a_bound_token_is_exchanged_for_a_bound_one_alone(world: &World) {
    let ask = async |client: &str, fields: &[(&str, &str)], proof: &str| {
        let request = world.browser().request(Method::POST, &world.url("/oidc/token")).form(fields);
        let request = with_proofs(request.basic_auth(client, Some(secret(client))), &[proof]);
        Tokens::of(request.send().await.expect("an answer")).await
    };
    let proof = |key: usize| for_tokens(world, &KEYS[key], &json!({}));
    let code = code_of(&world.browser().sign_in(world, &Asked::by(CITY), &world.person()).await);
    let bound = ask(CITY, &redemption(&code), &proof(0)).await.granted();
    assert_eq!(bound.get("token_type"), "DPoP");
    let fields = exchange(bound.get("access_token"), TAX);
    let refused = world.post_as(LEDGER, "/oidc/token", &fields).await;
    refused.refused(400, "invalid_request");
    assert!(refused.get("error_description").contains("DPoP"), "{}", refused.body);
    let got = ask(LEDGER, &fields, &proof(1)).await.granted();
    assert_eq!(got.get("token_type"), "DPoP");
    let (own, theirs) =
        (told(world, TAX, got.get("access_token")).await, told(world, CITY, bound.get("access_token")).await);
    assert!(own["cnf"]["jkt"].is_string() && own["cnf"] != theirs["cnf"], "{own} {theirs}");
}

async fn rfc8693_details_go_where_they_name_a_location(world: &World) {
    // `LEDGER` has a URI and may be named; `TAX` is none of CITY's resource servers, and so no location of its details.
    let detail = json!([{
        "type": "personal_data", "data_sets": ["phone"], "purpose": "Books", "use": "repeated",
        "locations": [LEDGER_URI],
    }]);
    let asked = Asked::by(CITY).with("scope", "openid").and("authorization_details", &detail.to_string());
    let tokens = world.tokens(&asked, &world.person()).await;
    let subject = tokens.get("access_token");
    assert!(told(world, LEDGER, subject).await["authorization_details"].is_array());
    let there = world.post_as(LEDGER, "/oidc/token", &exchange(subject, NOTES)).await.granted();
    assert!(there.body.get("authorization_details").is_none(), "{}", there.body);
    let back =
        world.post_as(NOTES, "/oidc/token", &exchange(there.get("access_token"), LEDGER)).await.granted();
    assert!(back.body.get("authorization_details").is_none(), "what was left out does not come back");
}

/// What introspection by a client says of the purposes.
async fn purposes(world: &World, client: &str, token: &str) -> Vec<String> {
    purposes_in(&told(world, client, token).await)
}

fn purposes_in(answer: &Value) -> Vec<String> {
    let details = answer["authorization_details"].as_array().cloned().unwrap_or_default();
    details.iter().map(|detail| detail["purpose"].as_str().expect("a purpose").to_owned()).collect()
}

async fn rfc9396_6_an_exchange_narrows_details_and_never_widens(world: &World) {
    let detail = |set: &str, purpose: &str, locations: &[&str]| {
        json!({
            "type": "personal_data", "data_sets": [set], "purpose": purpose, "use": "repeated",
            "locations": locations,
        })
    };
    let (both, more) = (["Both", "More"], [LEDGER_URI, TAX_URI]);
    let details = json!([
        detail("phone", both[0], &more),
        detail("birth_date", both[1], &more),
        detail("address", "Taxes", &[TAX_URI]),
        detail("sex", "Books", &[LEDGER_URI]),
    ]);
    let asked = Asked::by(BOROUGH).with("scope", "openid").and("authorization_details", &details.to_string());
    let tokens = world.tokens(&asked, &world.person()).await;
    let subject = tokens.get("access_token");
    assert_eq!(purposes(world, LEDGER, subject).await, ["Both", "More", "Books"]);
    let wide = world.post_as(LEDGER, "/oidc/token", &exchange(subject, TAX)).await.granted();
    assert_eq!(purposes(world, TAX, wide.get("access_token")).await, ["Both", "More", "Taxes"]);
    // Who exchanges it learns no more than is for itself.
    assert_eq!(purposes_in(&wide.body), both);
    assert_eq!(purposes(world, LEDGER, wide.get("access_token")).await, both);

    let one = json!([wide.body["authorization_details"][0]]).to_string();
    let fields = [&exchange(subject, TAX)[..], &[("authorization_details", &one)]].concat();
    let narrow = world.post_as(LEDGER, "/oidc/token", &fields).await.granted();
    assert_eq!(purposes_in(&narrow.body), both[..1]);
    assert_eq!(purposes(world, TAX, narrow.get("access_token")).await, both[..1]);
    for wrong in [json!([{"type": "payment"}]), json!([details[2]]), json!([details[3]]), json!("text")] {
        let wrong = wrong.to_string();
        let fields = [&exchange(subject, TAX)[..], &[("authorization_details", &wrong)]].concat();
        let refused = world.post_as(LEDGER, "/oidc/token", &fields).await;
        refused.refused(400, "invalid_authorization_details");
    }
    // Where there is no person, nobody is asked for data.
    let fields = [("grant_type", "client_credentials"), ("authorization_details", &one)];
    let refused = world.post_as(MACHINE, "/oidc/token", &fields).await;
    refused.refused(400, "invalid_authorization_details");
}

async fn rfc8693_what_was_exchanged_ends_with_whoever_is_on_its_way(setup: Setup) {
    let world = setup.start().await;
    let tokens = sent(&world, CITY).await;
    let first = exchange(tokens.get("access_token"), NOTES);
    let first = world.post_as(LEDGER, "/oidc/token", &first).await.granted();
    let second = exchange(first.get("access_token"), TAX);
    let second = world.post_as(NOTES, "/oidc/token", &second).await.granted();
    let becomes = async |active: bool| {
        let token = second.get("access_token");
        until("the change", async || (world.is_active(TAX, token).await == active).then_some(())).await;
    };
    becomes(true).await;
    // The service that the person let have it, and both that act for them.
    for client in [CITY, LEDGER, NOTES] {
        world.command(&["client", "disable", client]);
        becomes(false).await;
        world.command(&["client", "disable", client, "--undo"]);
        becomes(true).await;
    }
    world.block_numbers().await;
    becomes(false).await;
}

async fn rfc8693_2_2_1_nothing_outlives_the_token_or_the_registration(setup: Setup) {
    let world = setup.start().await;
    let tokens = sent(&world, CITY).await;
    let subject = tokens.get("access_token");
    world.advance(500).await;
    let got = world.post_as(LEDGER, "/oidc/token", &exchange(subject, TAX)).await.granted();
    assert!(got.body["expires_in"].as_i64().is_some_and(|left| left <= 100), "{}", got.body);
    // The pair is no longer allowed.
    let token = got.get("access_token");
    assert!(world.is_active(TAX, token).await);
    let file = world.folder.file("again.toml");
    std::fs::write(&file, client(LEDGER, &format!("{EXCHANGING}may_exchange_for = [\"notes\"]\n")))
        .expect("a file");
    world.command(&["client", "import", &file.display().to_string()]);
    until("the change", async || (!world.is_active(TAX, token).await).then_some(())).await;
    world.post_as(LEDGER, "/oidc/token", &exchange(subject, TAX)).await.refused(400, "invalid_target");
    let other = world.post_as(LEDGER, "/oidc/token", &exchange(subject, NOTES)).await.granted();
    world.advance(101).await;
    assert!(!world.is_active(NOTES, other.get("access_token")).await);
    world.post_as(LEDGER, "/oidc/token", &exchange(subject, NOTES)).await.refused(400, "invalid_request");
}
