//! The plans of the OpenID conformance suite that docs/conformance.md promises, replayed from the very files that are given to
//! the suite: `config/conformance.toml`, `config/conformance-clients.toml`, `config/conformance.json`, and the lists of
//! modules that are expected to be skipped and to warn.
//!
//! What the suite's own conditions check of a message is not repeated here: the other tests do that by the clauses of the
//! specifications. Here the question is whether each module gets to its end with these files, and by which result.

mod ciba;
mod dynamic;
mod ekyc;
mod fapi;
mod logout;
mod modules;
mod party;
mod suite;

use std::collections::BTreeMap;

use serde_json::Value;

use suite::{Outcome, Suite, file, json_file};

/// What each plan's modules end with, where it is not `PASSED`.
type Expected = BTreeMap<&'static str, Outcome>;

const BASIC: [(&str, Outcome); 9] = [
    ("oidcc-scope-profile", Outcome::Warning),
    ("oidcc-scope-email", Outcome::Skipped),
    ("oidcc-scope-all", Outcome::Skipped),
    ("oidcc-alternate-happy-flow", Outcome::Skipped),
    (modules::UNSIGNED_OBJECT, Outcome::Skipped),
    ("oidcc-prompt-login", Outcome::Review),
    ("oidcc-max-age-1", Outcome::Review),
    ("oidcc-ensure-registered-redirect-uri", Outcome::Review),
    ("oidcc-ensure-request-object-with-redirect-uri", Outcome::Review),
];

const LOGOUT: [(&str, Outcome); 8] = [
    ("oidcc-rp-initiated-logout-bad-post-logout-redirect-uri", Outcome::Review),
    ("oidcc-rp-initiated-logout-query-added-to-post-logout-redirect-uri", Outcome::Review),
    ("oidcc-rp-initiated-logout-modified-id-token-hint", Outcome::Review),
    ("oidcc-rp-initiated-logout-bad-id-token-hint", Outcome::Review),
    ("oidcc-rp-initiated-logout-no-id-token-hint", Outcome::Review),
    ("oidcc-rp-initiated-logout-no-params", Outcome::Review),
    ("oidcc-rp-initiated-logout-no-post-logout-redirect-uri", Outcome::Review),
    ("oidcc-rp-initiated-logout-only-state", Outcome::Review),
];

async fn replay(suite: &mut Suite, plan: &[&'static str], form_post: bool, expected: Expected) {
    for name in plan {
        let outcome = modules::run(suite, name, form_post).await;
        let wanted = expected.get(name).copied().unwrap_or(Outcome::Passed);
        assert_eq!(outcome, wanted, "{name}");
    }
}

#[tokio::test]
async fn the_config_and_basic_plans_end_as_promised() {
    let mut suite = Suite::start().await;
    replay(&mut suite, &modules::CONFIG, false, Expected::new()).await;
    replay(&mut suite, &modules::BASIC, false, BASIC.into()).await;
}

#[tokio::test]
async fn the_form_post_plan_ends_as_promised() {
    let mut suite = Suite::start().await;
    replay(&mut suite, &modules::BASIC, true, BASIC.into()).await;
}

#[tokio::test]
async fn the_logout_plans_end_as_promised() {
    let mut suite = Suite::start().await;
    replay(&mut suite, &modules::RP_INITIATED, false, LOGOUT.into()).await;
    replay(&mut suite, &modules::BACK_CHANNEL, false, Expected::new()).await;
    replay(&mut suite, &modules::FRONT_CHANNEL, false, Expected::new()).await;
    assert_eq!(logout::without_session(&mut suite).await, Outcome::Passed);
    // The suite fails a module of the first of these plans in which a logout token comes.
    assert_eq!(suite.told_to_end_sessions().await, ["conformance-backchannel"], "who was sent logout tokens");
}

#[tokio::test]
async fn the_plans_of_the_fapi_2_security_profile_end_as_promised() {
    let mut suite = Suite::start().await;
    for plan in fapi::PLANS.iter().filter(|plan| !plan.signed) {
        fapi::Fapi::of(&mut suite, plan).await.run().await;
    }
}

#[tokio::test]
async fn the_plan_of_fapi_2_message_signing_ends_as_promised() {
    let mut suite = Suite::start().await;
    for plan in fapi::PLANS.iter().filter(|plan| plan.signed) {
        fapi::Fapi::of(&mut suite, plan).await.run().await;
    }
}

#[tokio::test]
async fn the_plans_of_fapi_ciba_end_as_promised() {
    let mut suite = Suite::start().await;
    for (file, variant) in ciba::PLANS {
        ciba::Ciba::of(&mut suite, file, variant.contains("ping")).await.run().await;
    }
}

#[tokio::test]
async fn the_dynamic_plan_and_that_of_identity_assurance_end_as_promised() {
    let mut suite = Suite::start().await;
    ekyc::run(&mut suite).await;
    dynamic::run(&mut suite).await;
}

#[test]
fn what_the_suite_is_told_to_expect_is_what_comes() {
    let listed = |name: &str, of: &str| -> Vec<String> {
        let list = json_file(name);
        let list = list.as_array().expect("a list").iter().filter(|entry| {
            assert_eq!(entry["variant"], "*", "{entry}");
            // The runner compares the pattern with the name of the file that it was given.
            entry["configuration-filename"] == *format!("*{of}")
        });
        list.map(|entry| entry["test-name"].as_str().expect("a name").to_owned()).collect()
    };
    let ending = |wanted: Outcome| -> Vec<&str> {
        BASIC.iter().chain(&LOGOUT).filter(|(_, outcome)| *outcome == wanted).map(|(name, _)| *name).collect()
    };
    let (skips, failures) = ("conformance-skips.json", "conformance-failures.json");
    assert_eq!(listed(skips, "conformance.json"), ending(Outcome::Skipped));
    assert_eq!(listed(failures, "conformance.json"), ending(Outcome::Warning));
    assert_eq!(listed(skips, "conformance-dynamic.json"), dynamic::SKIPPED);
    assert_eq!(listed(skips, "conformance-ekyc.json"), ekyc::SKIPPED);
    assert_eq!(listed(failures, "conformance-dynamic.json"), dynamic::FAILING);
    let all = [skips, failures].map(|name| json_file(name).as_array().expect("a list").len());
    assert_eq!(
        all,
        [
            ending(Outcome::Skipped).len() + dynamic::SKIPPED.len() + ekyc::SKIPPED.len(),
            1 + dynamic::FAILING.len()
        ]
    );
    let warning = &json_file(failures)[0];
    assert_eq!((&warning["expected-result"], &warning["current-block"]), (&"warning".into(), &"*".into()));
}

/// The list of results in the document.
#[test]
fn the_document_says_what_comes() {
    let document = file("docs/conformance.md");
    for (name, outcome) in BASIC.iter().chain(&LOGOUT) {
        let word = outcome.word();
        let told = document.lines().any(|line| line.contains(&format!("`{name}`")) && line.contains(word));
        assert!(told, "docs/conformance.md has no line with `{name}` and {word}");
    }
}

#[test]
fn the_suites_configuration_knows_its_modules_and_its_clients() {
    let config = json_file("conformance.json");
    let modules: Vec<&str> = [
        &modules::CONFIG[..],
        &modules::BASIC,
        &modules::RP_INITIATED,
        &modules::BACK_CHANNEL,
        &modules::FRONT_CHANNEL,
    ]
    .concat();
    for name in config["override"].as_object().expect("overrides").keys() {
        assert!(modules.contains(&name.as_str()), "there is no module {name}");
    }
    let overrides = |file: &str| -> Vec<String> {
        let config = json_file(file);
        config["override"].as_object().expect("overrides").keys().cloned().collect()
    };
    for plan in &fapi::PLANS {
        let mut wanted = fapi::WITH_SCRIPTS.map(|module| format!("fapi2-security-profile-final-{module}"));
        wanted.sort();
        assert_eq!(overrides(plan.file), wanted, "{}", plan.file);
    }
    let mut wanted = dynamic::WITH_SCRIPTS;
    wanted.sort_unstable();
    assert_eq!(overrides("conformance-dynamic.json"), wanted);
    let clients: toml::Table = toml::from_str(&file("config/conformance-clients.toml")).expect("TOML");
    let clients = clients["clients"].as_array().expect("clients");
    let registered = |wanted: &Value| {
        let id = wanted["client_id"].as_str().expect("an identifier");
        let found = clients.iter().find(|client| client["client_id"].as_str() == Some(id));
        let found = found.unwrap_or_else(|| panic!("{id} is not registered"));
        assert_eq!(found["client_secret"].as_str(), wanted["client_secret"].as_str(), "{id}");
        found.as_table().expect("a table").clone()
    };
    for member in ["client", "client2", "client_secret_post"] {
        let client = registered(&config[member]);
        // A logout token that comes to a module that does not expect one ends the plan.
        assert!(!client.contains_key("backchannel_logout_uri"), "{member}");
    }
    let told = registered(&config["override"]["oidcc-backchannel-rp-initiated-logout"]["client"]);
    assert!(told.contains_key("backchannel_logout_uri") && told.contains_key("post_logout_redirect_uris"));
    let told = registered(&config["override"]["oidcc-frontchannel-rp-initiated-logout"]["client"]);
    assert!(told.contains_key("frontchannel_logout_uri") && !told.contains_key("backchannel_logout_uri"));
    registered(&json_file("conformance-ekyc.json")["client"]);
}

/// The commands in the document name each file, with the variants that it is for.
#[test]
fn the_document_runs_every_plan_by_its_file() {
    let document = file("docs/conformance.md");
    let plans = fapi::PLANS.iter().map(|plan| (plan.file, plan.variants)).chain(ciba::PLANS);
    for (name, variants) in plans.chain([("conformance-ekyc.json", ""), ("conformance-dynamic.json", "")]) {
        let (stem, _) = name.split_once('.').expect("an ending");
        let runs = document.lines().any(|line| {
            line.contains(stem) && variants.split_inclusive(']').all(|variant| line.contains(variant))
        });
        assert!(runs, "docs/conformance.md has no line with {stem} and {variants}");
    }
    for name in ["conformance-clients.toml", "conformance-fapi-clients.toml"] {
        let import = format!("yagona client import config/{name} -c config/conformance.toml");
        assert!(document.contains(&import), "{import}");
    }
}

/// The sentences that a module waits for are on the page that it expects, and not on another that it could be taken for.
#[test]
fn each_page_is_known_by_words_of_its_own() {
    let words: toml::Table = toml::from_str(&file("locales/en.toml")).expect("TOML");
    let title = |section: &str, key: &str| {
        words[section][key].as_str().unwrap_or_else(|| panic!("no {section}.{key}")).to_owned()
    };
    let pages = [
        title("number", "title"),
        title("signed_out", "title"),
        title("problem", "return_address"),
        title("problem", "bad_request"),
        title("problem", "expired"),
        title("sign_out", "title"),
    ];
    let others = ["conformance-dynamic.json", "conformance-ekyc.json"];
    let files =
        ["conformance.json"].into_iter().chain(others).chain(fapi::PLANS.iter().map(|plan| plan.file));
    let mut waited: Vec<String> = files.flat_map(|file| suite::texts_waited_for(&json_file(file))).collect();
    waited.sort();
    waited.dedup();
    assert_eq!(waited.len(), 5, "{waited:?}");
    for text in waited {
        let shown = pages.iter().filter(|page| page.contains(&text)).count();
        assert_eq!(shown, 1, "`{text}` is on {shown} of {pages:?}");
    }
}
