//! Discovery.

use std::collections::BTreeSet;

use reqwest::Method;
use serde_json::Value;

use crate::support::{World, on_both_backends};

on_both_backends!(
    discovery_3_the_metadata_are_complete_and_true,
    rfc7517_the_keys_are_public_and_distinct,
    rfc8414_3_oauth_clients_find_the_same_metadata,
    rfc9116_researchers_find_a_contact_and_robots_the_front_page,
);

fn list(document: &Value, name: &str) -> BTreeSet<String> {
    let list = document[name].as_array().unwrap_or_else(|| panic!("no {name} in {document}"));
    list.iter().map(|value| value.as_str().expect("text").to_owned()).collect()
}

async fn discovery_3_the_metadata_are_complete_and_true(world: &World) {
    let metadata = world.json("/.well-known/openid-configuration").await;
    assert_eq!(metadata["issuer"], *world.issuer.as_str().trim_end_matches('/'));
    for name in [
        "authorization_endpoint",
        "pushed_authorization_request_endpoint",
        "token_endpoint",
        "userinfo_endpoint",
        "jwks_uri",
        "introspection_endpoint",
        "revocation_endpoint",
        "end_session_endpoint",
    ] {
        let url: url::Url =
            metadata[name].as_str().unwrap_or_else(|| panic!("no {name}")).parse().expect(name);
        assert_eq!(url.origin(), world.issuer.origin(), "{name}");
        let answer = world.browser().request(Method::GET, &url).send().await.expect("an answer");
        assert_ne!(answer.status(), 404, "{name}");
    }
    let holds = |name: &str, wanted: &[&str]| {
        let list = list(&metadata, name);
        for word in wanted {
            assert!(list.contains(*word), "{word} in {name}: {list:?}");
        }
    };
    assert_eq!(list(&metadata, "response_types_supported"), ["code".to_owned()].into());
    holds("response_modes_supported", &["query", "fragment", "form_post", "jwt"]);
    holds("authorization_signing_alg_values_supported", &["RS256", "PS256", "ES256", "EdDSA"]);
    holds("grant_types_supported", &["authorization_code", "refresh_token"]);
    holds("subject_types_supported", &["pairwise"]);
    holds("id_token_signing_alg_values_supported", &["RS256", "PS256", "ES256", "EdDSA"]);
    holds("token_endpoint_auth_methods_supported", &["client_secret_basic", "client_secret_post"]);
    holds("token_endpoint_auth_methods_supported", &["private_key_jwt", "client_secret_jwt", "none"]);
    holds("token_endpoint_auth_signing_alg_values_supported", &["PS256", "ES256", "EdDSA", "RS256", "HS256"]);
    assert_eq!(
        list(&metadata, "dpop_signing_alg_values_supported"),
        ["ES256", "EdDSA", "PS256"].map(str::to_owned).into()
    );
    holds("scopes_supported", &["openid", "profile", "phone", "address", "offline_access"]);
    holds("claims_supported", &["sub", "name", "phone_number", "birthdate"]);
    holds("code_challenge_methods_supported", &["S256"]);
    holds("ui_locales_supported", &["uz-Latn", "uz-Cyrl", "ru", "en"]);
    for flag in [
        "authorization_response_iss_parameter_supported",
        "backchannel_logout_supported",
        "backchannel_logout_session_supported",
        "claims_parameter_supported",
    ] {
        assert_eq!(metadata[flag], true, "{flag}");
    }
    // OpenID Connect Discovery §3: its default is true, and this provider takes none.
    assert_eq!(metadata["request_uri_parameter_supported"], false);
    assert!(!list(&metadata, "id_token_signing_alg_values_supported").contains("none"));
    assert!(!list(&metadata, "code_challenge_methods_supported").contains("plain"));
}

async fn rfc7517_the_keys_are_public_and_distinct(world: &World) {
    let document = world.keys().await;
    let keys = document["keys"].as_array().expect("keys");
    let mut kids = BTreeSet::new();
    for key in keys {
        for private in ["d", "p", "q", "dp", "dq", "qi", "k", "oth"] {
            assert!(key.get(private).is_none(), "{private} is published");
        }
        assert_eq!(key["use"], "sig");
        assert!(kids.insert(key["kid"].as_str().expect("a kid")), "{document}");
    }
    let algs: BTreeSet<_> = keys.iter().filter_map(|key| key["alg"].as_str()).collect();
    assert_eq!(algs, ["ES256", "EdDSA", "PS256", "RS256"].into());
}

async fn rfc8414_3_oauth_clients_find_the_same_metadata(world: &World) {
    let mut documents = Vec::new();
    for name in ["openid-configuration", "oauth-authorization-server"] {
        let page = world.browser().open(&format!("/.well-known/{name}")).await.page().expect_status(200);
        assert_eq!(page.header("content-type"), "application/json", "{name}");
        documents.push(page.body);
    }
    assert_eq!(documents[0], documents[1], "byte for byte");
}

async fn rfc9116_researchers_find_a_contact_and_robots_the_front_page(world: &World) {
    for (path, line) in [
        ("/.well-known/security.txt", "Contact: mailto:security@yagona.example"),
        ("/robots.txt", "Disallow: /"),
    ] {
        let page = world.browser().open(path).await.page().expect_status(200);
        assert_eq!(page.header("content-type"), "text/plain; charset=utf-8", "{path}");
        assert!(page.body.lines().any(|found| found == line), "{path}: {}", page.body);
        assert!(page.headers.get("set-cookie").is_none(), "{path}");
    }
}
