//! Every rule by itself: what it accepts, what it rejects and by which error.

use std::sync::Arc;

use serde_json::json;

use super::input::{Input, Rule};
use super::redirect_uri::verify;
use super::rules::AUTHORIZATION_ENDPOINT;
use super::*;
use crate::clients::{Client, Registration, Rules};
use crate::oidc::error::ErrorCode;
use crate::platform::jose::{Alg, SigningKey};

fn client(more: &str) -> Arc<Client> {
    let text = format!(
        "client_id = 'shop'\nclient_name = 'Shop'\nowner = 'Shop LLC'\nredirect_uris = ['https://shop.uz/cb']\n\
         purpose = 'To serve you'\nbasis = 'consent'\npolicy_uri = 'https://shop.uz/policy'\n\
         grant_types = ['authorization_code', 'refresh_token']\n{more}"
    );
    let registration: Registration = toml::from_str(&text).unwrap();
    let rules = Rules {
        loopback_http: false,
        issuer: "https://id.uz".to_owned(),
        sms_host: "id.uz".to_owned(),
        shortest_secret: 8,
        published_secrets: true,
    };
    Arc::new(registration.parse(&rules).unwrap())
}

const CHALLENGE: &str = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";

fn complete() -> String {
    format!(
        "response_type=code&client_id=shop&redirect_uri=https%3A%2F%2Fshop.uz%2Fcb&scope=openid+profile\
         &state=s&nonce=n&code_challenge={CHALLENGE}&code_challenge_method=S256"
    )
}

fn parse(query: &str) -> Params {
    Params::parse(query).unwrap()
}

fn keys() -> KeySet {
    let key = SigningKey::from_pkcs8("k", Alg::ES256, &SigningKey::generate(Alg::ES256, 2048)).unwrap();
    KeySet::of_one(key)
}

/// Runs one rule on a query, after the rules that it builds on.
fn run(rule: Rule, client: &Arc<Client>, query: &str) -> Result<AuthorizationRequest, OAuthError> {
    let redirect = verify(Arc::clone(client), &parse(&complete())).unwrap();
    let mut request = AuthorizationRequest::new(redirect);
    let (params, keys) = (parse(query), keys());
    let resources = ["https://api.uz/".to_owned()];
    let input = Input {
        params: &params,
        client,
        issuer: "https://id.uz",
        keys: &keys,
        resources: &resources,
        servers: &[],
        offered: &[Means::MobileId],
        now: Timestamp(0),
    };
    for earlier in
        [scope::check as Rule, claims::check].into_iter().filter(|earlier| *earlier as usize != rule as usize)
    {
        let _ = earlier(input, &mut request);
    }
    rule(input, &mut request).map(|()| request)
}

fn error(rule: Rule, client: &Arc<Client>, query: &str) -> &'static str {
    run(rule, client, query).err().map_or("accepted", |error| error.code.name())
}

#[test]
fn a_complete_request_passes_every_rule() {
    let client = client("");
    let params = parse(&complete());
    let redirect = verify(client, &params).unwrap();
    let request = apply(
        &AUTHORIZATION_ENDPOINT,
        redirect,
        &params,
        (&keys(), "https://id.uz", (&[], &[]), (&[Means::MobileId], Timestamp(0))),
    )
    .unwrap();
    assert_eq!(request.scopes, ["openid", "profile"]);
    assert_eq!((request.nonce.as_deref(), request.redirect.state()), (Some("n"), Some("s")));
    assert_eq!(request.acr, [Acr::MobileId]);
}

#[test]
fn rfc6749_3_1_no_parameter_is_repeated() {
    let client = client("");
    assert_eq!(error(parameters::not_repeated, &client, "scope=openid&scope=openid"), "invalid_request");
    assert_eq!(error(parameters::not_repeated, &client, "scope=openid&nonce=a"), "accepted");
}

#[test]
fn rfc8707_2_1_a_resource_is_one_of_the_clients_and_may_be_repeated() {
    let client = client("");
    assert_eq!(
        run(resource::check, &client, "resource=https://api.uz/").unwrap().resources,
        ["https://api.uz/"]
    );
    assert_eq!(error(resource::check, &client, "resource=https://other.uz/"), "invalid_target");
    let twice = "resource=https://api.uz/&resource=https://api.uz/";
    assert_eq!(error(parameters::not_repeated, &client, twice), "accepted");
}

#[test]
fn oidc_6_what_is_not_supported_has_an_error_of_its_own() {
    let client = client("");
    for (query, code) in [
        ("request=e30", "request_not_supported"),
        ("request_uri=https://a.uz", "request_uri_not_supported"),
        ("registration={}", "registration_not_supported"),
        ("unknown=1", "accepted"),
    ] {
        assert_eq!(error(parameters::supported, &client, query), code, "{query}");
    }
}

#[test]
fn rfc6749_3_1_1_the_response_type_is_code() {
    let client = client("");
    assert_eq!(error(response_type::check, &client, "response_type=code"), "accepted");
    assert_eq!(error(response_type::check, &client, ""), "invalid_request");
    for other in ["token", "id_token", "code+id_token", "none", "CODE"] {
        let query = format!("response_type={other}");
        assert_eq!(error(response_type::check, &client, &query), "unsupported_response_type", "{other}");
    }
}

#[test]
fn rfc6749_4_1_2_1_the_grant_must_be_registered() {
    let mut machine = client("").as_ref().clone();
    machine.tokens.grant_types.clear();
    assert_eq!(error(response_type::grant, &Arc::new(machine), ""), "unauthorized_client");
    assert_eq!(error(response_type::grant, &client(""), ""), "accepted");
}

#[test]
fn oidc_3_1_2_1_openid_is_required_and_unknown_scopes_are_ignored() {
    let client = client("");
    assert_eq!(error(scope::check, &client, "scope=profile"), "invalid_scope");
    let request = run(scope::check, &client, "scope=phone+openid+shoe_size+offline_access").unwrap();
    assert_eq!(request.scopes, ["openid", "phone", "offline_access"]);
    assert!(request.data().offline);
}

#[test]
fn oidc_11_offline_access_is_for_clients_that_may_refresh() {
    let mut once = client("").as_ref().clone();
    once.tokens.grant_types = vec![crate::clients::GrantType::AuthorizationCode];
    assert_eq!(run(scope::check, &Arc::new(once), "scope=openid+offline_access").unwrap().scopes, ["openid"]);
}

#[test]
fn rfc9700_2_1_1_a_public_client_uses_pkce_and_a_confidential_one_pkce_or_a_nonce() {
    let rule = code_challenge::check;
    let good = format!("code_challenge={CHALLENGE}&code_challenge_method=S256");
    for (members, bare, nonce) in [
        ("", "invalid_request", "accepted"),
        ("token_endpoint_auth_method = 'none'\n", "invalid_request", "invalid_request"),
        ("require_pkce = true\n", "invalid_request", "invalid_request"),
        ("require_pkce = false\n", "accepted", "accepted"),
    ] {
        let client = client(members);
        assert_eq!(error(rule, &client, ""), bare, "{members}");
        assert_eq!(error(rule, &client, "nonce="), bare, "an empty one is none: {members}");
        assert_eq!(error(rule, &client, "nonce=n"), nonce, "{members}");
        assert_eq!(error(rule, &client, &good), "accepted", "{members}");
    }
}

#[test]
fn rfc7636_4_3_a_code_challenge_is_s256() {
    let (strict, lax) = (client(""), client("require_pkce = false\n"));
    let rule = code_challenge::check;
    let good = format!("code_challenge={CHALLENGE}&code_challenge_method=S256");
    assert_eq!(run(rule, &strict, &good).unwrap().code_challenge.as_deref(), Some(CHALLENGE));
    for bad in [
        "code_challenge_method=S256".to_owned(),
        format!("code_challenge={CHALLENGE}"),
        format!("code_challenge={CHALLENGE}&code_challenge_method=plain"),
        "code_challenge=short&code_challenge_method=S256".to_owned(),
    ] {
        assert_eq!(error(rule, &lax, &bad), "invalid_request", "{bad}");
    }
}

#[test]
fn oidc_3_1_2_1_prompt_none_stands_alone() {
    let client = client("");
    assert_eq!(error(prompt::check, &client, "prompt=none+login"), "invalid_request");
    let request = run(prompt::check, &client, "prompt=login+consent+later").unwrap();
    assert_eq!(request.prompt, BTreeSet::from([Prompt::Login, Prompt::Consent]));
    assert_eq!(error(prompt::check, &client, "prompt=create"), "invalid_request");
    assert_eq!(error(prompt::check, &client, "prompt=login+create"), "invalid_request");
}

#[test]
fn oidc_3_1_2_1_max_age_is_a_number_of_seconds_with_the_clients_default() {
    let client = client("default_max_age = 600\n");
    assert_eq!(run(max_age::check, &client, "").unwrap().max_age, Some(600));
    assert_eq!(run(max_age::check, &client, "max_age=0").unwrap().max_age, Some(0));
    for bad in ["-1", "soon", "1.5", "99999999999"] {
        assert_eq!(error(max_age::check, &client, &format!("max_age={bad}")), "invalid_request", "{bad}");
    }
}

#[test]
fn oidc_3_1_2_1_a_nonce_is_kept_whole_or_rejected() {
    let client = client("");
    assert_eq!(error(nonce::check, &client, &format!("nonce={}", "n".repeat(1025))), "invalid_request");
    let kept = run(nonce::check, &client, &format!("nonce={}", "n".repeat(1024))).unwrap();
    assert_eq!(kept.nonce.map(|nonce| nonce.len()), Some(1024));
}

#[test]
fn oidc_3_1_2_1_a_hint_is_an_id_token_of_ours_for_this_client() {
    let client = client("");
    let redirect = verify(Arc::clone(&client), &parse(&complete())).unwrap();
    let key = SigningKey::from_pkcs8("k", Alg::ES256, &SigningKey::generate(Alg::ES256, 2048)).unwrap();
    let claims = |aud: &str| json!({"iss": "https://id.uz", "aud": aud, "sub": "somebody"});
    let (ours, of_another) = (key.sign("JWT", &claims("shop")), key.sign("JWT", &claims("rival")));
    let access_token = key.sign("at+jwt", &claims("shop"));
    let keys = KeySet::of_one(key);
    let check = |hint: &str, claimed: Option<&str>| {
        let mut request = AuthorizationRequest::new(redirect.clone());
        request.claims.sub = claimed.map(str::to_owned);
        let params = parse(&format!("id_token_hint={hint}"));
        let input = Input {
            params: &params,
            client: &client,
            issuer: "https://id.uz",
            keys: &keys,
            resources: &[],
            servers: &[],
            offered: &[Means::MobileId],
            now: Timestamp(0),
        };
        id_token_hint::check(input, &mut request).map(|()| request.expected_sub)
    };
    assert_eq!(check(&ours, None), Ok(Some("somebody".to_owned())));
    assert_eq!(check(&ours, Some("somebody")), Ok(Some("somebody".to_owned())));
    for (hint, claimed) in
        [(&of_another, None), (&access_token, None), (&ours, Some("else")), (&"forged".to_owned(), None)]
    {
        assert_eq!(check(hint, claimed).map_err(|error| error.code), Err(ErrorCode::InvalidRequest));
    }
}

#[test]
fn oidc_5_5_1_1_an_essential_acr_that_cannot_be_met_is_said_at_once() {
    let essential = |acr: &str| {
        let claims = json!({"id_token": {"acr": {"essential": true, "values": [acr]}}}).to_string();
        let mut query = url::form_urlencoded::Serializer::new("scope=openid".to_owned());
        query.append_pair("claims", &claims).finish()
    };
    let any = client("");
    let unmet = "unmet_authentication_requirements";
    assert_eq!(error(acr::check, &any, &essential("urn:yagona:acr:mobile-id")), "accepted");
    assert_eq!(error(acr::check, &any, &essential("urn:yagona:acr:eri")), unmet);
    assert_eq!(error(acr::check, &client("lending = true\n"), ""), unmet, "R3, D-a");
    let strict = client("minimum_acr = 'urn:yagona:acr:eri'\n");
    assert_eq!(error(acr::check, &strict, ""), unmet);
    let easy = client("minimum_acr = 'urn:yagona:acr:password'\n");
    assert_eq!(error(acr::check, &easy, ""), "accepted");
    // What is voluntary narrows what is accepted where it can, and is no error where it cannot.
    for voluntary in ["urn:yagona:acr:eri+urn:yagona:acr:mobile-id", "urn:yagona:acr:eri", "silver"] {
        let request = run(acr::check, &any, &format!("acr_values={voluntary}")).unwrap();
        assert_eq!(request.acr, [Acr::MobileId], "{voluntary}");
    }
    assert_eq!(error(acr::check, &strict, "acr_values=urn:yagona:acr:mobile-id"), unmet);
}

#[test]
fn rfc9700_4_1_3_a_redirect_uri_is_compared_character_for_character() {
    let client = client("");
    for near in ["https://shop.uz/cb/", "https://shop.uz/CB", "https://shop.uz/cb?x=1", "https://SHOP.uz/cb"]
    {
        let query =
            url::form_urlencoded::Serializer::new(String::new()).append_pair("redirect_uri", near).finish();
        let rejection = verify(Arc::clone(&client), &parse(&query)).unwrap_err();
        assert!(
            matches!(rejection, Rejection::Page(PageError::BadReturnAddress, _)),
            "{near}: {rejection:?}"
        );
    }
}

#[test]
fn a_redirect_is_restored_only_while_it_is_registered() {
    let before = client("");
    let redirect = verify(Arc::clone(&before), &parse(&complete())).unwrap();
    assert!(VerifiedRedirect::restore(&before, redirect.target()).is_some());
    let mut moved = before.as_ref().clone();
    moved.redirects.redirect_uris.clear();
    assert!(VerifiedRedirect::restore(&Arc::new(moved), redirect.target()).is_none());
}
