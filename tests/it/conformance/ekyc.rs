//! The plan of Identity Assurance: what the suite asks of the claims that discovery publishes.

use serde_json::{Value, json};

use super::modules::Module;
use super::suite::Suite;

/// The plan's modules that are run.
const EKYC: [&str; 10] = [
    "ekyc-server-happypath",
    "ekyc-server-happypath-emptyobject",
    "ekyc-server-happypath-essentialfalse",
    "ekyc-server-unknown-claim-omitted",
    "ekyc-server-unknown-essential-claim-omitted",
    "ekyc-server-unknown-claim-specialchars-omitted",
    "ekyc-server-one-claim-with-random-value-omitted",
    "ekyc-server-request-only-in-idtoken",
    "ekyc-server-request-only-in-userinfo",
    "ekyc-server-testuserprovidedrequest",
];

/// Skipped, since the configuration tells no values of the test person.
pub(super) const SKIPPED: [&str; 2] =
    ["ekyc-server-testbasedonuserinfo-defaults", "ekyc-server-test-userinfo-notfoundinop"];

/// Where claims are asked for.
const PLACES: [&str; 2] = ["id_token", "userinfo"];

/// Runs all modules.
pub(super) async fn run(suite: &mut Suite) {
    suite.configure("conformance-ekyc.json");
    let metadata = suite.metadata().await;
    assert_eq!(metadata["verified_claims_supported"], true);
    assert_eq!(metadata["claims_parameter_supported"], true);
    assert_eq!(metadata["trust_frameworks_supported"], json!(["uz_mobile_id"]));
    let ekyc = suite.of("")["ekyc"].clone();
    let supported = metadata["claims_in_verified_claims_supported"].as_array().expect("a list");
    let names = ekyc["verified_claims_names"].as_array().expect("names").clone();
    assert!(names.iter().all(|name| supported.contains(name)), "{names:?}");
    let verified = |form: &Value, more: &Value| {
        let mut claims: serde_json::Map<String, Value> =
            names.iter().map(|name| (name.as_str().expect("a name").to_owned(), form.clone())).collect();
        claims.extend(more.as_object().expect("claims").clone());
        json!({"verification": {"trust_framework": null}, "claims": claims})
    };
    let alone = |name: &str, how: Value| {
        let mut verified = verified(&Value::Null, &json!({}));
        verified["claims"] = json!({name: how});
        verified
    };
    let both = |verified: Value| json!({"id_token": {"verified_claims": verified}, "userinfo": {"verified_claims": verified}});
    for module in EKYC {
        let (null, none) = (Value::Null, json!({}));
        let requests = match module {
            "ekyc-server-happypath-emptyobject" => vec![both(verified(&none, &none))],
            "ekyc-server-happypath-essentialfalse" => {
                vec![both(verified(&json!({"essential": false}), &none))]
            }
            "ekyc-server-unknown-claim-omitted" => {
                vec![both(verified(&null, &json!({"favourite_colour": null})))]
            }
            "ekyc-server-unknown-essential-claim-omitted" => {
                vec![both(verified(&null, &json!({"favourite_colour": {"essential": true}})))]
            }
            "ekyc-server-unknown-claim-specialchars-omitted" => {
                vec![both(verified(&null, &json!({"<b>&'\"\\ў": null})))]
            }
            "ekyc-server-one-claim-with-random-value-omitted" => {
                vec![both(alone("given_name", json!({"value": "kW7nvTgC3a"})))]
            }
            "ekyc-server-request-only-in-idtoken" => {
                vec![json!({"id_token": {"verified_claims": verified(&null, &none)}})]
            }
            "ekyc-server-request-only-in-userinfo" => {
                vec![json!({"userinfo": {"verified_claims": verified(&null, &none)}})]
            }
            "ekyc-server-testuserprovidedrequest" => {
                ekyc["verified_claims_request_list"].as_array().expect("requests").clone()
            }
            _ => vec![both(verified(&null, &none))],
        };
        for request in requests {
            one(suite, module, request, &names).await;
        }
    }
}

/// One sign-in, and what is told.
async fn one(suite: &mut Suite, name: &'static str, mut request: Value, names: &[Value]) {
    // The suite asks for something that is not verified, too.
    request["userinfo"]["name"] = json!({"essential": false});
    suite.begin();
    let mut module = Module { suite, name, form_post: false };
    let text = request.to_string();
    let signed = module.happy(&[("claims", &text)]).await;
    let userinfo = module.userinfo(&signed).await;
    for (place, told) in PLACES.into_iter().zip([&signed.claims, &userinfo]) {
        let asked = &request[place]["verified_claims"];
        let got = &told["verified_claims"];
        let known = |claim: &str, how: &Value| names.contains(&claim.into()) && how.get("value").is_none();
        let Some(asked) =
            asked["claims"].as_object().filter(|asked| asked.iter().any(|it| known(it.0, it.1)))
        else {
            assert!(got.is_null(), "{name}: {place}: nothing can be told: {told}");
            continue;
        };
        assert_eq!(got["verification"]["trust_framework"], "uz_mobile_id", "{name}: {told}");
        let got = got["claims"].as_object().expect("claims");
        for (claim, how) in asked {
            assert_eq!(got.contains_key(claim), known(claim, how), "{name}: {place}: {claim}");
        }
        assert!(got.keys().all(|claim| asked.contains_key(claim)), "{name}: nothing else is told: {got:?}");
    }
    assert!(userinfo["name"].is_string() && signed.claims.get("name").is_none(), "{name}: {userinfo}");
}
