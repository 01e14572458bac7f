//! What goes beyond a plain sign-in, by libraries that validate what they get: devices, people who are not at the site,
//! registration, signed requests and answers, data with a purpose, grants, tokens for others, and apps.

use std::path::PathBuf;

use serde_json::{Value, json};
use yagona::platform::jose::Alg;

use super::programs::register;
use super::{sign_in, sign_in_with};
use crate::support::client_file::{
    BROKER, COUNTER, COURT, LEDGER, LEDGER_URI, RADIO, SIGNER, TAX, TRUST, TV, secret,
};
use crate::support::folder::Folder;
use crate::support::jwt;
use crate::support::process::free_port;
use crate::support::signer::KEYS;
use crate::support::signing;
use crate::support::world::clients_folder;
use crate::support::{World, on_both_backends};

on_both_backends!(
    openid_client_of_npm_asks_somebody_who_is_not_at_the_site,
    openid_client_of_npm_signs_a_device_in,
    openid_client_of_npm_registers_itself_and_signs_in_once_it_is_approved,
    openid_client_of_npm_signs_and_pushes_its_request_and_reads_a_signed_answer,
    openid_client_of_npm_manages_a_grant,
    oauth4webapi_of_npm_reads_signed_data_and_exchanges_a_token,
    appauth_of_npm_signs_an_app_in,
);

/// A program in JavaScript.
fn node(script: &str) -> [PathBuf; 2] {
    ["node".into(), clients_folder().join(script)]
}

async fn openid_client_of_npm_asks_somebody_who_is_not_at_the_site(world: &World) {
    let program = node("openid_client_ciba.mjs");
    let person = world.person();
    let more = [("ID_TOKEN_ALG", "ES256".to_owned()), ("LOGIN_HINT", person.number.clone())];
    let learnt = sign_in_with(world, &program, COUNTER, &more, &person).await;
    assert_eq!(learnt["asked"], serde_json::json!(["auth_req_id", "expires_in", "interval"]), "{learnt}");
    assert_eq!(learnt["claims"]["sub"], learnt["userinfo"]["sub"], "{learnt}");
    assert_eq!(learnt["userinfo"]["phone_number"], format!("+{}", person.number), "{learnt}");
}

async fn openid_client_of_npm_signs_a_device_in(world: &World) {
    let program = node("openid_client_device.mjs");
    for client in [RADIO, TV] {
        let person = world.person();
        let public = if client == TV { String::new() } else { secret(client) };
        let more = [("ID_TOKEN_ALG", "ES256".to_owned()), ("CLIENT_SECRET", public)];
        let learnt = sign_in_with(world, &program, client, &more, &person).await;
        let shown = json!([
            "device_code",
            "expires_in",
            "interval",
            "user_code",
            "verification_uri",
            "verification_uri_complete"
        ]);
        assert_eq!(learnt["shown"], shown, "{learnt}");
        assert_eq!(learnt["after"], "invalid_grant", "{learnt}");
        assert_eq!(learnt["claims"]["sub"], learnt["userinfo"]["sub"], "{learnt}");
        assert_eq!(learnt["userinfo"]["phone_number"], format!("+{}", person.number), "{learnt}");
    }
}

async fn openid_client_of_npm_registers_itself_and_signs_in_once_it_is_approved(world: &World) {
    let folder = Folder::new();
    let members = folder.file("members.toml");
    let given = "purpose = \"To serve you\"\nbasis = \"consent\"\n\
                 data_sets = [{ name = \"name\", required = true }, { name = \"phone\" }]\n";
    std::fs::write(&members, given).expect("a file");
    let members = members.display().to_string();
    let create =
        ["client", "token", "create", "--owner", "Bozor LLC", "--members", &members, "--format", "json"];
    let made: Value = serde_json::from_str(&world.command(&create)).expect("JSON");
    let person = world.person();
    let more = [("INITIAL_ACCESS_TOKEN", made["token"].as_str().expect("a token").to_owned())];
    let learnt = sign_in_with(world, &node("openid_client_registration.mjs"), "", &more, &person).await;
    assert_eq!(learnt["waiting"], "unauthorized_client", "{learnt}");
    assert_eq!(learnt["registered"]["owner"], "Bozor LLC", "{learnt}");
    assert_eq!(learnt["managed"]["registration_status"], "approved", "{learnt}");
    assert_eq!((&learnt["alg"], &learnt["enc"]), (&"ECDH-ES".into(), &"A256GCM".into()), "{learnt}");
    assert_eq!(learnt["claims"]["aud"], learnt["registered"]["client_id"], "{learnt}");
    assert_eq!(learnt["claims"]["sub"], learnt["userinfo"]["sub"], "{learnt}");
    assert_eq!(learnt["userinfo"]["phone_number"], format!("+{}", person.number), "{learnt}");
}

async fn openid_client_of_npm_signs_and_pushes_its_request_and_reads_a_signed_answer(world: &World) {
    let program = node("openid_client_signed.mjs");
    let person = world.person();
    // Held to FAPI 2.0 Message Signing, with proofs of possession; and by a secret, as Core has it.
    let bank = [
        ("AUTH_KEY", jwt::encode(&KEYS[0].pkcs8())),
        ("AUTH_KID", "e".to_owned()),
        ("SIGNING_KEY", jwt::encode(&KEYS[0].pkcs8())),
        ("SIGNING_KID", "e".to_owned()),
        ("SIGNING_ALG", "ES256".to_owned()),
        ("PUSH", "yes".to_owned()),
        ("RESPONSE_ALG", "ES256".to_owned()),
        ("ID_TOKEN_ALG", "ES256".to_owned()),
    ];
    let learnt = sign_in_with(world, &program, BROKER, &bank, &person).await;
    assert_eq!(learnt["token_type"], "dpop", "{learnt}");
    assert_eq!(learnt["asked"], json!(["client_id", "request_uri"]), "{learnt}");
    assert_eq!(learnt["answered"], json!(["response"]), "{learnt}");
    assert_eq!(learnt["userinfo"]["sub"], learnt["claims"]["sub"], "{learnt}");
    assert_eq!(learnt["refreshed"], learnt["claims"]["sub"], "{learnt}");
    for pushed in ["yes", ""] {
        let person = world.person();
        let plain = [
            ("SIGNING_KEY", jwt::encode(signing::pkcs8(SIGNER, Alg::RS256))),
            ("SIGNING_KID", format!("{SIGNER}-RS256")),
            ("SIGNING_ALG", "PS256".to_owned()),
            ("RESPONSE_ALG", "RS256".to_owned()),
            ("ID_TOKEN_ALG", "ES256".to_owned()),
            ("PUSH", pushed.to_owned()),
            ("SCOPE", "openid profile phone".to_owned()),
        ];
        let learnt = sign_in_with(world, &program, SIGNER, &plain, &person).await;
        let asked = if pushed.is_empty() { "request" } else { "request_uri" };
        assert_eq!(learnt["asked"], json!(["client_id", asked]), "{learnt}");
        assert_eq!(learnt["userinfo"]["phone_number"], format!("+{}", person.number), "{learnt}");
    }
}

async fn openid_client_of_npm_manages_a_grant(world: &World) {
    let person = world.person();
    let learnt = sign_in(world, &node("openid_client_grant.mjs"), TRUST, "ES256", &person).await;
    let first = json!([{"scope": "openid phone offline_access"}]);
    assert_eq!(learnt["first"]["scopes"], first, "{learnt}");
    let scopes = learnt["merged"]["scopes"].as_array().expect("scopes");
    let scopes: Vec<&str> = scopes.iter().filter_map(|entry| entry["scope"].as_str()).collect();
    for scope in ["phone", "profile"] {
        assert!(scopes.iter().any(|all| all.split(' ').any(|one| one == scope)), "{scope}: {learnt}");
    }
    assert_eq!(learnt["merged"]["authorization_details"][0]["purpose"], "A scholarship", "{learnt}");
    assert_eq!((&learnt["same"], &learnt["former"]), (&true.into(), &"invalid_grant".into()), "{learnt}");
    assert_eq!((&learnt["ended"], &learnt["left"]), (&204.into(), &404.into()), "{learnt}");
    assert_eq!(learnt["refreshed"], "invalid_grant", "{learnt}");
}

async fn oauth4webapi_of_npm_reads_signed_data_and_exchanges_a_token(world: &World) {
    let person = world.person();
    let more = [
        ("ID_TOKEN_ALG", "ES256".to_owned()),
        ("RESOURCE", LEDGER_URI.to_owned()),
        ("SERVER_ID", LEDGER.to_owned()),
        ("SERVER_SECRET", secret(LEDGER)),
        ("TARGET_ID", TAX.to_owned()),
        ("TARGET_SECRET", secret(TAX)),
    ];
    let learnt = sign_in_with(world, &node("oauth4webapi_data.mjs"), COURT, &more, &person).await;
    let agreed = &learnt["agreed"][0];
    assert_eq!(
        (&agreed["purpose"], &agreed["basis"], &agreed["data_sets"]),
        (&"A court case".into(), &"consent".into(), &json!(["birth_date"])),
        "{learnt}"
    );
    let userinfo = &learnt["userinfo"];
    assert_eq!((&userinfo["aud"], &userinfo["sub"]), (&COURT.into(), &learnt["claims"]["sub"]), "{learnt}");
    assert!(userinfo["birthdate"].is_string(), "{learnt}");
    assert_eq!(userinfo["phone_number"], format!("+{}", person.number), "{learnt}");
    // Whose token it is, as each of them is told in a signature of its own algorithm.
    let (own, server, target) = (&learnt["own"], &learnt["server"], &learnt["target"]);
    assert_eq!((&own["active"], &own["client_id"]), (&true.into(), &COURT.into()), "{learnt}");
    assert_eq!(server["authorization_details"], learnt["agreed"], "{learnt}");
    assert_eq!(learnt["exchanged"], "urn:ietf:params:oauth:token-type:access_token", "{learnt}");
    assert_eq!(
        (&target["active"], &target["client_id"], &target["act"], &target["aud"]),
        (&true.into(), &LEDGER.into(), &json!({"sub": LEDGER}), &TAX.into()),
        "{learnt}"
    );
    assert_eq!(learnt["refused"], "invalid_target", "{learnt}");
}

async fn appauth_of_npm_signs_an_app_in(world: &World) {
    let (folder, port, person) = (Folder::new(), free_port(), world.person());
    let client = format!("appauth-{port}");
    let file = format!(
        "[[clients]]\nclient_id = \"{client}\"\nclient_name = \"Ilova\"\nowner = \"Ilova LLC\"\nbasis = \"consent\"\n\
         purpose = \"To serve you\"\npolicy_uri = \"https://ilova.uz/policy\"\nclient_uri = \"https://ilova.uz/\"\n\
         application_type = \"native\"\ntoken_endpoint_auth_method = \"none\"\n\
         grant_types = [\"authorization_code\", \"refresh_token\"]\nredirect_uris = [\"http://127.0.0.1/back\"]\n"
    );
    register(world, &folder, &client, &file).await;
    let redirect = format!("http://127.0.0.1:{port}/back");
    let more = [("REDIRECT_URI", redirect.clone())];
    let learnt = sign_in_with(world, &node("appauth_client.mjs"), &client, &more, &person).await;
    assert_eq!(
        (&learnt["came_back_to"], &learnt["challenge"]),
        (&redirect.into(), &"S256".into()),
        "{learnt}"
    );
    assert_eq!(learnt["userinfo"]["phone_number"], format!("+{}", person.number), "{learnt}");
    assert_eq!(learnt["refreshed"]["sub"], learnt["userinfo"]["sub"], "{learnt}");
    assert_eq!(learnt["after_revocation"], 401, "{learnt}");
}
