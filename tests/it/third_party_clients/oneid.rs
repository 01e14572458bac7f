//! Published clients of OneID's own protocol, unmodified. Their settings name this provider; idegovuz has none, so its constants
//! are replaced. Each program plays the service's side itself.

use serde_json::Value;
use yagona::platform::clock::Clock;

use super::sign_in;
use crate::support::client_file::{ONEID, ONEID_MINIMAL};
use crate::support::world::clients_folder;
use crate::support::{Person, World, on_both_backends};

on_both_backends!(
    oneid_client_of_pypi_reads_the_person,
    fastapi_oneid_of_pypi_reads_the_person_and_logs_out,
    flask_oneid_of_pypi_reads_the_person,
    idegovuz_of_pypi_signs_in,
);

/// What a program learnt of `person`.
async fn learnt(world: &World, (venv, script): (&str, &str), client: &str, person: &Person) -> Value {
    let python = clients_folder().join(venv).join("bin/python");
    sign_in(world, &[python, clients_folder().join(script)], client, "", person).await
}

async fn oneid_client_of_pypi_reads_the_person(world: &World) {
    let person = world.person();
    // It fails at any member that it does not know, which is what the profile is for.
    let learnt = learnt(world, (".venv", "oneid_client_rp.py"), ONEID_MINIMAL, &person).await;
    let user = &learnt["user"];
    assert_eq!(
        (&learnt["state"], &user["pin"]),
        (&"testState".into(), &person.pinfl.as_str().into()),
        "{learnt}"
    );
    assert_eq!(
        (&user["full_name"], &user["valid"]),
        (&"VALIYEV ALI KARIMOVICH".into(), &"true".into()),
        "{learnt}"
    );
    assert_eq!(user["legal_info"], Value::Null, "{learnt}");
}

async fn fastapi_oneid_of_pypi_reads_the_person_and_logs_out(world: &World) {
    let person = world.person();
    for client in [ONEID, ONEID_MINIMAL] {
        let learnt = learnt(world, (".venv", "fastapi_oneid_rp.py"), client, &person).await;
        let (user, token) = (&learnt["user"], &learnt["token"]);
        assert_eq!((&user["pin"], &user["valid"]), (&person.pinfl.as_str().into(), &true.into()), "{learnt}");
        assert_eq!(
            (&user["sess_id"], &user["auth_method"]),
            (&token["access_token"], &"MOBILEMETHOD".into()),
            "{learnt}"
        );
        assert!(token["expires_in"].is_i64() && token["scope"] == client, "{learnt}");
        assert_eq!(learnt["logged_out"]["ret_cd"], "0", "{learnt}");
        let token = token["access_token"].as_str().expect("a token");
        assert_eq!(world.oneid_identify(client, token).await.status, 400);
    }
}

async fn flask_oneid_of_pypi_reads_the_person(world: &World) {
    let person = world.person();
    let learnt = learnt(world, (".venv", "flask_oneid_rp.py"), ONEID, &person).await;
    assert_eq!(learnt["pin"], person.pinfl, "{learnt}");
    assert_eq!((&learnt["ret_cd"], &learnt["valid"]), (&"0".into(), &"true".into()), "{learnt}");
    assert_eq!(
        (&learnt["sur_name"], &learnt["mob_phone_no"]),
        (&"VALIYEV".into(), &person.number.as_str().into()),
        "{learnt}"
    );
}

async fn idegovuz_of_pypi_signs_in(world: &World) {
    let person = world.person();
    let learnt = learnt(world, (".venv-idegovuz", "idegovuz_rp.py"), ONEID, &person).await;
    let login = learnt["extra"]["user_id"].as_str().expect("a login");
    assert_eq!(learnt["uid"], login.to_lowercase(), "{learnt}");
    assert_eq!(
        (&learnt["first_name"], &learnt["extra"]["pin"]),
        (&"ALI".into(), &person.pinfl.as_str().into()),
        "{learnt}"
    );
    assert_eq!(learnt["went_to"], "/", "{learnt}");
    // It reads `expires_in` as what it is.
    let left = learnt["expires"].as_i64().expect("a time") - Clock::System.now().0;
    assert!((1..86_400).contains(&left), "{learnt}");
}
