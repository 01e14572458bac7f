//! Third-party client libraries sign in; our own browser plays the person. Here those that are called step by step;
//! `ways.rs` has what goes beyond a plain sign-in, `programs.rs` whole relying parties, `in_browser.rs` the one that is a page,
//! `crates.rs` those in Rust, `certificates.rs` those that prove themselves by one, and `oneid.rs` those that speak OneID's protocol.

mod certificates;
mod crates;
mod in_browser;
mod oneid;
mod programs;
mod ways;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::process::Stdio;

use serde_json::Value;
use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::process::Command;

use crate::support::client_file::{ARCHIVE, BOUND, LEGACY, MODERN, PUSHER, SEALED, SHOP, VAULT, secret};
use crate::support::jwt;
use crate::support::recipient::{ELLIPTIC, RSA};
use crate::support::signer::KEYS;
use crate::support::world::clients_folder;
use crate::support::{Browser, CALLBACK, Person, Step, World, on_both_backends};

on_both_backends!(
    openid_client_of_npm_signs_in,
    openid_client_of_npm_signs_in_with_a_key_and_proofs_of_possession,
    oauth4webapi_of_npm_signs_in,
    oauth4webapi_of_npm_pushes_its_request_and_reads_a_signed_answer,
    authlib_of_pypi_signs_in,
    jose_of_npm_and_joserfc_of_pypi_decrypt_what_is_encrypted_for_them,
);

/// What a third-party client received of `person`.
async fn sign_in(world: &World, program: &[PathBuf], client: &str, alg: &str, person: &Person) -> Value {
    sign_in_with(world, program, client, &[("ID_TOKEN_ALG", alg.to_owned())], person).await
}

/// The same, with these settings besides the usual ones.
async fn sign_in_with(
    world: &World,
    program: &[PathBuf],
    client: &str,
    more: &[(&'static str, String)],
    person: &Person,
) -> Value {
    let mut settings: BTreeMap<&str, String> = [
        ("ISSUER", world.issuer.as_str().trim_end_matches('/').to_owned()),
        ("CLIENT_ID", client.to_owned()),
        ("CLIENT_SECRET", secret(client)),
        ("REDIRECT_URI", CALLBACK.to_owned()),
        ("SCOPE", "openid profile phone offline_access".to_owned()),
        ("RESPONSE_ALG", if client == PUSHER { "EdDSA".to_owned() } else { String::new() }),
    ]
    .into();
    settings.extend(more.iter().cloned());
    let mut child = Command::new(&program[0])
        .args(&program[1..])
        .current_dir(clients_folder())
        .envs(settings)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .unwrap_or_else(|error| panic!("{}: {error}; run `scripts/test`", program[0].display()));
    let mut lines = BufReader::new(child.stdout.take().expect("its output")).lines();
    let mut result = None;
    while let Some(line) = lines.next_line().await.expect("a line") {
        if let Some(learnt) = line.strip_prefix("RESULT ") {
            result = Some(serde_json::from_str(learnt).expect("JSON"));
        } else if let Some(done) = done_for(world, &line, person).await {
            let input = child.stdin.as_mut().expect("its input");
            input.write_all(format!("{done}\n").as_bytes()).await.expect("a line");
            input.flush().await.expect("a line");
        }
    }
    let output = child.wait_with_output().await.expect("its end");
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success(), "{client}: {said}");
    result.unwrap_or_else(|| panic!("{client}: no result; {said}"))
}

/// What a person or an operator does because of a program's line, and what the program is told of it.
async fn done_for(world: &World, line: &str, person: &Person) -> Option<String> {
    let (what, rest) = line.split_once(' ').unwrap_or((line, ""));
    match what {
        "AUTHORIZE" => Some(follow(world, &mut world.browser(), rest, person).await.into()),
        "ASKED" => {
            let message = world.approval_message(person).await;
            world.browser().decides(&message, "allow").await.expect("approval-done");
            Some("decided".to_owned())
        }
        "DEVICE" => {
            let_in(world, rest, person).await;
            Some("decided".to_owned())
        }
        "REGISTERED" => {
            world.approve(rest);
            Some("approved".to_owned())
        }
        _ => None,
    }
}

/// The person's part at a device: from its link to what they decide.
pub(super) async fn let_in(world: &World, link: &str, person: &Person) {
    let mut browser = world.browser();
    let page = browser.get(&link.parse().expect("a URL")).await.page().expect("user-code");
    let page = browser.press(&page, "continue", &[]).await.page().expect("leave");
    let page = browser.press(&page, "continue", &[]).await.page().expect("phone");
    let page = browser.enter_number(&page, &person.number).await.page().expect("code");
    let code = world.sandbox.next_code(person).await;
    let page = browser.enter_code(&page, &code).await.page().expect("allow");
    browser.allow_everything(&page).await.page().expect("device-done");
}

/// The person's part: from the authorization URL to the callback's.
async fn follow(world: &World, browser: &mut Browser, url: &str, person: &Person) -> url::Url {
    let page = browser.get(&url.parse().expect("a URL")).await.page().expect("phone");
    let page = browser.enter_number(&page, &person.number).await.page().expect("code");
    let code = world.sandbox.next_code(person).await;
    match browser.enter_code(&page, &code).await {
        Step::Page(page) => browser.allow_everything(&page).await.away(),
        Step::Away(url) => url,
    }
}

async fn every_algorithm(world: &World, program: &[PathBuf]) {
    for (client, alg) in [(SHOP, "ES256"), (LEGACY, "RS256"), (MODERN, "EdDSA"), (VAULT, "PS256")] {
        let person = world.person();
        let learnt = sign_in(world, program, client, alg, &person).await;
        let (claims, userinfo) = (&learnt["claims"], &learnt["userinfo"]);
        assert_eq!(claims["sub"], userinfo["sub"], "{learnt}");
        assert_eq!(userinfo["phone_number"], format!("+{}", person.number), "{learnt}");
        assert!(userinfo["name"].is_string(), "{learnt}");
        assert_eq!(learnt["refreshed"], claims["sub"], "{learnt}");
        assert_eq!((&learnt["active"], &learnt["revoked"]), (&true.into(), &true.into()), "{learnt}");
    }
}

async fn openid_client_of_npm_signs_in(world: &World) {
    every_algorithm(world, &["node".into(), clients_folder().join("openid_client.mjs")]).await;
}

async fn openid_client_of_npm_signs_in_with_a_key_and_proofs_of_possession(world: &World) {
    let program = ["node".into(), clients_folder().join("openid_client.mjs")];
    let more = [
        ("ID_TOKEN_ALG", "ES256".to_owned()),
        ("PRIVATE_KEY", jwt::encode(&KEYS[0].pkcs8())),
        ("KID", "e".to_owned()),
    ];
    let person = world.person();
    let learnt = sign_in_with(world, &program, BOUND, &more, &person).await;
    assert_eq!(learnt["token_type"], "dpop", "{learnt}");
    assert_eq!(learnt["userinfo"]["phone_number"], format!("+{}", person.number), "{learnt}");
    assert_eq!(learnt["refreshed"], learnt["claims"]["sub"], "{learnt}");
    assert_eq!((&learnt["active"], &learnt["revoked"]), (&true.into(), &true.into()), "{learnt}");
}

async fn oauth4webapi_of_npm_signs_in(world: &World) {
    every_algorithm(world, &["node".into(), clients_folder().join("oauth4webapi_client.mjs")]).await;
}

async fn oauth4webapi_of_npm_pushes_its_request_and_reads_a_signed_answer(world: &World) {
    let program = ["node".into(), clients_folder().join("oauth4webapi_client.mjs")];
    let person = world.person();
    let learnt = sign_in(world, &program, PUSHER, "ES256", &person).await;
    assert_eq!(learnt["claims"]["sub"], learnt["userinfo"]["sub"], "{learnt}");
    assert_eq!(learnt["userinfo"]["phone_number"], format!("+{}", person.number), "{learnt}");
}

async fn jose_of_npm_and_joserfc_of_pypi_decrypt_what_is_encrypted_for_them(world: &World) {
    let node = ["node".into(), clients_folder().join("openid_client.mjs")];
    let python = [clients_folder().join(".venv/bin/python"), clients_folder().join("authlib_client.py")];
    let (elliptic, rsa) = (ELLIPTIC.private_jwk().to_string(), RSA.private_pem());
    for (program, client, key) in
        [(&node[..], SEALED, &elliptic), (&python[..], SEALED, &elliptic), (&python[..], ARCHIVE, &rsa)]
    {
        let more = [("ID_TOKEN_ALG", "ES256".to_owned()), ("ENCRYPTION_KEY", key.clone())];
        let person = world.person();
        let learnt = sign_in_with(world, program, client, &more, &person).await;
        assert_eq!(learnt["userinfo"]["phone_number"], format!("+{}", person.number), "{learnt}");
        let signed = client == SEALED;
        assert_eq!(
            learnt["userinfo"]["aud"] == SEALED,
            signed,
            "what is signed names whom it is for: {learnt}"
        );
        assert_eq!(learnt["refreshed"], learnt["claims"]["sub"], "{learnt}");
        assert_eq!((&learnt["active"], &learnt["revoked"]), (&true.into(), &true.into()), "{learnt}");
    }
}

async fn authlib_of_pypi_signs_in(world: &World) {
    let python = clients_folder().join(".venv/bin/python");
    every_algorithm(world, &[python, clients_folder().join("authlib_client.py")]).await;
}
