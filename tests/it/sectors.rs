//! Sectors: who sees a person by the same `sub` (OpenID Connect Core §8.1).

use serde_json::json;

use crate::support::client_file::{CALLBACK, client, secret};
use crate::support::flow::redemption;
use crate::support::process::both_streams;
use crate::support::publisher::Publisher;
use crate::support::wait::until;
use crate::support::{Asked, Person, World, code_of, jwt, on_both_backends};

on_both_backends!(
    oidc_registration_5_redirect_uris_at_several_hosts_are_held_against_the_document_of_the_sector,
    oidc_8_1_a_client_that_gets_a_document_keeps_every_subject,
);

/// A redirect URI at another host than `CALLBACK`.
const ELSEWHERE: &str = "http://127.0.0.1:9/callback";

/// Imports one client from a file; what the command says, and whether it did.
fn import(world: &World, id: &str, members: &str, flags: &[&str]) -> (bool, String) {
    let file = world.folder.file(&format!("{id}.toml"));
    std::fs::write(&file, client(id, members)).expect("a client file");
    let path = file.display().to_string();
    let output = world.try_command(&[&["client", "import", &path], flags].concat());
    (output.status.success(), both_streams(&output))
}

/// The `sub` by which a client sees a person, once the provider knows the client.
async fn subject(world: &World, id: &str, person: &Person) -> String {
    let port = world.nodes[0].port;
    until(&format!("{id} to be known"), async || {
        let answer =
            world.post_bare(port, "/oidc/token", &redemption("no-code"), Some((id, &secret(id)))).await;
        (answer.body["error"] == "invalid_grant").then_some(())
    })
    .await;
    let url = world.browser().sign_in(world, &Asked::by(id), person).await;
    let tokens = world.redeem(id, &code_of(&url)).await.granted();
    jwt::read(tokens.get("id_token")).claims["sub"].as_str().expect("a sub").to_owned()
}

async fn oidc_registration_5_redirect_uris_at_several_hosts_are_held_against_the_document_of_the_sector(
    world: &World,
) {
    let uris = format!("redirect_uris = [\"{CALLBACK}\", \"{ELSEWHERE}\"]\n");
    let named = |document: &Publisher| format!("{uris}sector_identifier_uri = \"{}\"\n", document.url);
    let (done, said) = import(world, "sectored", &uris, &[]);
    assert!(!done && said.contains("several hosts") && said.contains("sector_identifier_uri"), "{said}");
    let incomplete = Publisher::start(&json!([CALLBACK]));
    let (done, said) = import(world, "sectored", &named(&incomplete), &[]);
    assert!(!done && said.contains("does not list") && said.contains(ELSEWHERE), "{said}");
    let malformed = Publisher::start(&json!({"redirect_uris": [CALLBACK, ELSEWHERE]}));
    let (done, said) = import(world, "sectored", &named(&malformed), &[]);
    assert!(!done && said.contains("no JSON array") && said.contains("--offline"), "{said}");
    let gone = format!("{uris}sector_identifier_uri = \"http://127.0.0.1:9/sector\"\n");
    let (done, said) = import(world, "sectored", &gone, &[]);
    assert!(!done && said.contains("cannot be read") && said.contains("nothing was stored"), "{said}");
    assert!(!world.command(&["client", "list"]).contains("sectored"));

    let complete = Publisher::start(&json!([ELSEWHERE, CALLBACK, "https://other.example.uz/"]));
    let (done, said) = import(world, "sectored", &named(&complete), &[]);
    assert!(done, "{said}");
    let asked = complete.asked();
    // What was held against it needs it no more; a further redirect URI does.
    assert!(import(world, "sectored", &named(&complete), &[]).0);
    assert_eq!(complete.asked(), asked);
    let further = named(&complete).replace(ELSEWHERE, "http://127.0.0.1:9/further");
    let (done, said) = import(world, "sectored", &further, &[]);
    assert!(!done && said.contains("further") && complete.asked() > asked, "{said}");
    // Without a network an operator may vouch for it.
    assert!(import(world, "offline", &named(&incomplete), &["--offline"]).0);

    // Both documents are at one host: one sector.
    let person = world.person();
    let sub = subject(world, "sectored", &person).await;
    assert_eq!(subject(world, "offline", &person).await, sub);
    assert!(import(world, "single", "", &[]).0);
    assert_ne!(subject(world, "single", &person).await, sub);
}

async fn oidc_8_1_a_client_that_gets_a_document_keeps_every_subject(world: &World) {
    let id = "settled";
    let (done, said) = import(world, id, "", &[]);
    assert!(done && !said.contains("warning"), "{said}");
    let person = world.person();
    let before = subject(world, id, &person).await;
    let document = Publisher::start(&json!([CALLBACK, ELSEWHERE]));
    let members = format!(
        "redirect_uris = [\"{CALLBACK}\", \"{ELSEWHERE}\"]\nsector_identifier_uri = \"{}\"\n",
        document.url
    );
    // The sector that it has had is said: nothing changes.
    let (done, said) = import(world, id, &format!("{members}sector = \"{id}\"\n"), &[]);
    assert!(done && !said.contains("warning"), "{said}");
    assert_eq!(subject(world, id, &person).await, before);
    // Where it is not, the operator is told.
    let (done, said) = import(world, id, &members, &[]);
    assert!(done && said.contains("the sector of settled was settled and is 127.0.0.1"), "{said}");
}
