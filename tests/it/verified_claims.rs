//! `verified_claims` (OpenID Connect for Identity Assurance): which claims are given with how they were verified, and when none are.

use serde_json::{Value, json};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use crate::support::client_file::{AGENCY, MODERN, SEALED, SHOP};
use crate::support::people::Kind;
use crate::support::recipient::ELLIPTIC;
use crate::support::{Asked, Person, Tokens, World, code_of, jwt, on_both_backends, param};

on_both_backends!(
    ida_5_verified_claims_are_given_where_they_were_asked_for,
    ida_6_5_2_what_does_not_match_is_left_out_without_an_error,
    ida_6_3_the_time_is_told_and_an_age_is_held_to_when_the_claim_is,
    ida_6_4_requests_in_an_array_are_answered_each_for_itself,
    ida_6_5_1_what_the_person_did_not_allow_is_not_told,
    ida_6_1_another_shape_is_an_invalid_request,
    ida_9_discovery_says_what_can_be_given,
);

/// A request at both places, or at one of them.
fn claims(places: &[(&str, Value)]) -> String {
    let places: serde_json::Map<String, Value> = places
        .iter()
        .map(|(place, asked)| ((*place).to_owned(), json!({"verified_claims": asked})))
        .collect();
    Value::Object(places).to_string()
}

fn asked(client: &str, claims: &str) -> Asked {
    Asked::by(client).with("scope", "openid").and("claims", claims)
}

async fn told(world: &World, asked: &Asked, person: &Person) -> (Tokens, Value) {
    let tokens = world.tokens(asked, person).await;
    let userinfo = world.userinfo(tokens.get("access_token")).await.granted().body;
    (tokens, userinfo)
}

/// What the JSON schema of the specification demands of every answer.
fn hold_to_schema(verified: &Value) {
    let one = |verified: &Value| {
        let members = verified.as_object().expect("an object");
        assert_eq!(members.keys().collect::<Vec<_>>(), ["claims", "verification"], "{verified}");
        assert!(members["claims"].as_object().is_some_and(|claims| !claims.is_empty()), "{verified}");
        let verification = members["verification"].as_object().expect("an object");
        assert!(verification["trust_framework"].as_str().is_some_and(|name| !name.is_empty()), "{verified}");
        for name in verification.keys() {
            assert!(["trust_framework", "evidence", "time"].contains(&name.as_str()), "{verified}");
        }
        if let Some(time) = verification.get("time") {
            let time = time.as_str().expect("a text");
            OffsetDateTime::parse(time, &Rfc3339).unwrap_or_else(|error| panic!("{time}: {error}"));
        }
        let Some(evidence) = verification.get("evidence") else { return };
        let evidence = evidence.as_array().expect("an array");
        assert!(!evidence.is_empty(), "at least one: {verified}");
        for entry in evidence {
            assert_eq!(entry["type"], "electronic_record");
            if let Some(record) = entry.get("record") {
                assert!(record["type"].is_string(), "{verified}");
                if let Some(source) = record.get("source") {
                    assert!(source["name"].is_string(), "{verified}");
                }
            }
        }
    };
    match verified {
        Value::Array(several) => {
            assert!(several.len() > 1, "{verified}");
            several.iter().for_each(one);
        }
        verified => one(verified),
    }
}

async fn ida_5_verified_claims_are_given_where_they_were_asked_for(world: &World) {
    let person = world.person();
    let evidence =
        json!([{"type": {"value": "electronic_record"}, "record": {"type": null, "source": {"name": null}}}]);
    let full = json!({
        "verification": {"trust_framework": null, "time": null, "evidence": evidence},
        "claims": {"given_name": null, "birthdate": {"essential": false}},
    });
    let (tokens, userinfo) = told(world, &asked(AGENCY, &claims(&[("userinfo", full)])), &person).await;
    let verified = &userinfo["verified_claims"];
    hold_to_schema(verified);
    assert_eq!(verified["claims"]["birthdate"], "1990-01-01");
    assert!(verified["claims"]["given_name"].is_string(), "{userinfo}");
    let source = json!({"name": "Mobile-ID", "country_code": "UZ"});
    assert_eq!(
        verified["verification"],
        json!({"trust_framework": "uz_mobile_id", "time": "2024-05-06T07:08:09Z", "evidence": [
            {"type": "electronic_record", "record": {"type": "mobile_id_register", "source": source}}]})
    );
    // Nothing is told plain because it was asked for verified.
    let names = userinfo.as_object().expect("claims").keys().collect::<Vec<_>>();
    assert_eq!(names, ["sub", "verified_claims"], "{userinfo}");
    assert!(jwt::read(tokens.get("id_token")).claims.get("verified_claims").is_none());

    let name = json!({"verification": {"trust_framework": null}, "claims": {"family_name": null}});
    let text = claims(&[("id_token", name)]);
    // A signed access token says nothing of it: UserInfo reads the grant.
    for client in [AGENCY, MODERN] {
        let offline = asked(client, &text).with("scope", "openid offline_access");
        let (tokens, userinfo) = told(world, &offline, &person).await;
        assert!(userinfo.get("verified_claims").is_none(), "{userinfo}");
        let verified =
            jwt::verify(tokens.get("id_token"), &world.keys().await).claims["verified_claims"].clone();
        hold_to_schema(&verified);
        assert!(verified["claims"]["family_name"].is_string(), "{verified}");
        if client == MODERN {
            let next = world.refresh(MODERN, tokens.get("refresh_token")).await.granted();
            assert_eq!(
                jwt::read(next.get("id_token")).claims["verified_claims"],
                verified,
                "after a refresh too"
            );
        }
    }
    // Both, for a client that has all of it encrypted.
    let birth = json!({"verification": {"trust_framework": null}, "claims": {"birthdate": null}});
    let both = claims(&[("id_token", birth.clone()), ("userinfo", birth)]);
    let tokens = world.tokens(&asked(SEALED, &both), &person).await;
    let id_token = jwt::read(&ELLIPTIC.nested(tokens.get("id_token"))).claims;
    hold_to_schema(&id_token["verified_claims"]);
    let request = world.browser().request(reqwest::Method::GET, &world.url("/oidc/userinfo"));
    let answer = request.bearer_auth(tokens.get("access_token")).send().await.expect("an answer");
    let userinfo = jwt::read(&ELLIPTIC.nested(&answer.text().await.expect("a body"))).claims;
    assert_eq!(userinfo["verified_claims"], id_token["verified_claims"]);
}

async fn ida_6_5_2_what_does_not_match_is_left_out_without_an_error(world: &World) {
    let person = world.person();
    let framework = json!({"trust_framework": null});
    let names = |claims: Value| json!({"verification": framework, "claims": claims});
    let mixed = json!({
        "birthdate": {"value": "1990-01-01"},
        "given_name": {"value": "nobody is called that"},
        "family_name": {"values": ["neither", "nor"]},
        "shoe_size": {"essential": true},
        "!\u{a7}$%&/()=? \u{1f600}": null,
        "phone_number_verified": null,
    });
    let (_, userinfo) = told(world, &asked(AGENCY, &claims(&[("userinfo", names(mixed))])), &person).await;
    assert_eq!(userinfo["verified_claims"]["claims"], json!({"birthdate": "1990-01-01"}), "{userinfo}");

    let birth = json!({"birthdate": null});
    for nothing in [
        names(json!({})),
        names(json!({"shoe_size": null})),
        names(json!({"birthdate": {"value": "1990-01-02"}})),
        json!({"verification": {"trust_framework": {"value": "eidas"}}, "claims": birth}),
        json!({"verification": {"trust_framework": null, "time": {"max_age": 60}}, "claims": birth}),
        json!({"verification": {"evidence": [{"type": {"value": "document"}}]}, "claims": birth}),
    ] {
        let asked = asked(AGENCY, &claims(&[("userinfo", nothing.clone())]));
        let (_, userinfo) = told(world, &asked, &person).await;
        assert!(
            userinfo.get("verified_claims").is_none() && userinfo["sub"].is_string(),
            "{nothing}: {userinfo}"
        );
    }
}

async fn ida_6_3_the_time_is_told_and_an_age_is_held_to_when_the_claim_is(world: &World) {
    let aged = |seconds: i64| {
        let verification = json!({"trust_framework": null, "time": {"max_age": seconds}});
        json!({"verification": verification, "claims": {"birthdate": null}})
    };
    // What was asked of the age goes along with the grant, whatever the form of the access token, and a refresh.
    for client in [AGENCY, MODERN] {
        let both = claims(&[("userinfo", aged(3_000_000_000)), ("id_token", aged(60))]);
        let asked = asked(client, &both).with("scope", "openid offline_access");
        let (tokens, userinfo) = told(world, &asked, &world.person()).await;
        let verified = &userinfo["verified_claims"];
        hold_to_schema(verified);
        assert_eq!(verified["verification"]["time"], "2024-05-06T07:08:09Z", "{userinfo}");
        let old = jwt::read(tokens.get("id_token")).claims;
        assert!(old.get("verified_claims").is_none(), "{old}");
        if client == MODERN {
            let next = world.refresh(MODERN, tokens.get("refresh_token")).await.granted();
            let again = world.userinfo(next.get("access_token")).await.granted().body;
            assert_eq!(&again["verified_claims"], verified);
        }
    }
    // The record of another one says nothing of it.
    let someone = world.somebody(Kind::Undated);
    let any = json!({"verification": {"trust_framework": null, "time": null}, "claims": {"birthdate": null}});
    let (_, userinfo) = told(world, &asked(AGENCY, &claims(&[("userinfo", any)])), &someone).await;
    assert_eq!(userinfo["verified_claims"]["verification"], json!({"trust_framework": "uz_mobile_id"}));
    let aged = claims(&[("userinfo", aged(3_000_000_000))]);
    let (_, userinfo) = told(world, &asked(AGENCY, &aged), &someone).await;
    assert!(userinfo.get("verified_claims").is_none(), "{userinfo}");
}

async fn ida_6_4_requests_in_an_array_are_answered_each_for_itself(world: &World) {
    let one = |framework: &str, name: &str| json!({"verification": {"trust_framework": {"value": framework}}, "claims": {name: null}});
    let requests =
        json!([one("uz_mobile_id", "gender"), one("eidas", "gender"), one("uz_mobile_id", "birthdate")]);
    let (_, userinfo) =
        told(world, &asked(AGENCY, &claims(&[("userinfo", requests)])), &world.person()).await;
    let verified = &userinfo["verified_claims"];
    hold_to_schema(verified);
    let told: Vec<_> =
        verified.as_array().expect("an array").iter().map(|one| one["claims"].clone()).collect();
    assert_eq!(told, [json!({"gender": "male"}), json!({"birthdate": "1990-01-01"})]);
}

async fn ida_6_5_1_what_the_person_did_not_allow_is_not_told(world: &World) {
    let wanted = json!({
        "verification": {"trust_framework": null},
        "claims": {"given_name": null, "birthdate": null, "pinfl": null},
    });
    let (mut browser, person) = (world.browser(), world.person());
    let page =
        browser.begin_with_number(world, &asked(SHOP, &claims(&[("userinfo", wanted)])), &person).await;
    let page =
        browser.enter_code(&page, &world.sandbox.next_code(&person).await).await.page().expect("allow");
    // They allow the name, which the service requires, and not the date of birth; the number is no business of this service.
    assert!(
        page.body.contains("birth_date") && !page.body.contains(&person.pinfl),
        "asked as for plain claims: {page}"
    );
    let url = browser.press(&page, "allow", &[]).await.away();
    let tokens = world.redeem(SHOP, &code_of(&url)).await.granted();
    let userinfo = world.userinfo(tokens.get("access_token")).await.granted().body;
    let told = userinfo["verified_claims"]["claims"].as_object().expect("claims");
    assert_eq!(told.keys().collect::<Vec<_>>(), ["given_name"], "{userinfo}");
}

async fn ida_6_1_another_shape_is_an_invalid_request(world: &World) {
    let with =
        |detail: Value| json!({"verification": {"trust_framework": null}, "claims": {"given_name": detail}});
    for bad in [
        json!(null),
        json!([]),
        json!({"claims": {"given_name": null}}),
        with(json!({"purpose": "no"})),
        with(json!({"purpose": "x".repeat(301)})),
        with(json!({"value": "x", "values": ["x"]})),
    ] {
        let asked = asked(AGENCY, &claims(&[("id_token", bad.clone())]));
        let url = world.browser().begin(world, &asked).await.away();
        assert_eq!(param(&url, "error").as_deref(), Some("invalid_request"), "{bad}: {url}");
    }
    for good in ["abc".to_owned(), "x".repeat(300)] {
        let asked = asked(AGENCY, &claims(&[("id_token", with(json!({"purpose": good})))]));
        world.browser().begin(world, &asked).await.page().expect("phone");
    }
}

async fn ida_9_discovery_says_what_can_be_given(world: &World) {
    let metadata = world.json("/.well-known/openid-configuration").await;
    assert_eq!(metadata["verified_claims_supported"], true);
    assert_eq!(metadata["trust_frameworks_supported"], json!(["uz_mobile_id"]));
    assert_eq!(metadata["evidence_supported"], json!(["electronic_record"]));
    assert_eq!(metadata["electronic_records_supported"], json!(["mobile_id_register"]));
    let names = metadata["claims_in_verified_claims_supported"].as_array().expect("a list");
    let supported = metadata["claims_supported"].as_array().expect("a list");
    assert!(names.len() > 15 && names.iter().all(|name| supported.contains(name)), "{metadata}");
    assert!(supported.contains(&json!("verified_claims")));
}
