//! The commands, as operators and newcomers type them.

use crate::support::client_file::SHOP;
use crate::support::folder::Folder;
use crate::support::process::{both_streams, run};
use crate::support::{Asked, Setup, World, alone_on_both_backends, code_of, jwt};

alone_on_both_backends!(
    clients_can_be_managed_while_the_provider_runs,
    keys_can_be_rotated_without_a_gap,
    a_check_names_what_is_wrong
);

/// The value that a command printed after `label`.
fn printed(said: &str, label: &str) -> String {
    let line = said.lines().find(|line| line.trim_start().starts_with(label));
    let line = line.unwrap_or_else(|| panic!("no {label} in {said}"));
    line.split_whitespace().last().expect("a value").to_owned()
}

async fn can_sign_in(world: &World, client: &str, secret: &str) -> bool {
    let code = code_of(&world.browser().sign_in(world, &Asked::by(client), &world.person()).await);
    let fields = crate::support::flow::redemption(&code);
    let answer = world.post_bare(world.nodes[0].port, "/oidc/token", &fields, Some((client, secret))).await;
    answer.status == 200
}

async fn one_second() {
    tokio::time::sleep(std::time::Duration::from_secs(1)).await;
}

async fn clients_can_be_managed_while_the_provider_runs(setup: Setup) {
    let world = setup.start().await;
    let said = world.command(&[
        "client",
        "add",
        "--id",
        "newcomer",
        "--name",
        "Newcomer",
        "--owner",
        "Somebody",
        "--redirect-uri",
        crate::support::CALLBACK,
    ]);
    let first = printed(&said, "client_secret");
    assert!(first.len() >= 22, "{first}");
    one_second().await;
    assert!(can_sign_in(&world, "newcomer", &first).await);

    let second = printed(&world.command(&["client", "rotate-secret", "newcomer"]), "client_secret");
    assert_ne!(first, second);
    one_second().await;
    assert!(!can_sign_in(&world, "newcomer", &first).await);
    assert!(can_sign_in(&world, "newcomer", &second).await);

    let list = world.command(&["client", "list"]);
    assert!(list.contains("newcomer") && list.contains(SHOP), "{list}");
    let shown = world.command(&["client", "show", "newcomer"]);
    assert!(shown.contains("Somebody") && !shown.contains(&second), "{shown}");

    world.command(&["client", "disable", "newcomer"]);
    one_second().await;
    world.browser().begin(&world, &Asked::by("newcomer")).await.page().expect_status(403);
    world.command(&["client", "disable", "newcomer", "--undo"]);
    one_second().await;
    assert!(can_sign_in(&world, "newcomer", &second).await, "an export and an import keep the secret");

    let exported = world.command(&["client", "export"]);
    std::fs::write(world.folder.file("exported.toml"), &exported).expect("a file");
    world.command(&["client", "import", "exported.toml"]);
    one_second().await;
    assert_eq!(world.command(&["client", "export"]), exported);
    assert!(can_sign_in(&world, "newcomer", &second).await);

    // All of a file or nothing of it, and every mistake is named.
    let broken = "[[clients]]\nclient_id = \"good\"\nclient_name = \"Good\"\nowner = \"X\"\n\
                  redirect_uris = [\"https://good.uz/cb\"]\n\
                  [[clients]]\nclient_id = \"bad\"\nclient_name = \"Bad\"\nowner = \"X\"\n\
                  redirect_uris = [\"http://evil.uz/cb\", \"https://a.uz/*\"]\nrequire_pcke = true\n";
    std::fs::write(world.folder.file("broken.toml"), broken).expect("a file");
    let refused = world.try_command(&["client", "import", "broken.toml"]);
    let said = both_streams(&refused);
    assert!(!refused.status.success());
    for mistake in ["bad", "https", "wildcard", "require_pcke"] {
        assert!(said.contains(mistake), "{mistake} in {said}");
    }
    assert!(!world.command(&["client", "list"]).contains("good"));
}

async fn keys_can_be_rotated_without_a_gap(setup: Setup) {
    let world = setup.start().await;
    let asked = Asked::by(SHOP);
    let before = world.tokens(&asked, &world.person()).await;
    let kid = |token: &str| jwt::read(token).header["kid"].clone();
    world.command(&["keys", "rotate", "--alg", "ES256", "--active-in", "2"]);
    one_second().await;
    let published = world.keys().await["keys"].as_array().expect("keys").len();
    assert_eq!(published, 4, "the new key is published before it is used");
    let soon = world.tokens(&asked, &world.person()).await;
    let until_signing = crate::support::wait::until("the new key", async || {
        // Each look is a sign-in by somebody new: a fast machine must not run out of people.
        tokio::time::sleep(std::time::Duration::from_millis(300)).await;
        let tokens = world.tokens(&asked, &world.person()).await;
        (kid(tokens.get("id_token")) != kid(before.get("id_token"))).then_some(tokens)
    });
    let after = until_signing.await;
    let keys = world.keys().await;
    for tokens in [&before, &soon, &after] {
        jwt::verify(tokens.get("id_token"), &keys);
    }
    let list = world.command(&["keys", "list"]);
    for word in ["RS256", "ES256", "EdDSA", "signs"] {
        assert!(list.contains(word), "{list}");
    }
}

async fn a_check_names_what_is_wrong(setup: Setup) {
    let backend = setup.backend;
    let world = setup.start().await;
    if backend == crate::support::Backend::Servers {
        let said = world.command(&["check"]);
        for part in ["configuration", "database", "migrations", "redis", "signing keys", "clients"] {
            assert!(said.contains(part), "{part} in {said}");
        }
    }
    let mut table = world.setup.configuration(&world.place());
    table["database"]["url"] = "postgres://nobody@127.0.0.1:1/nothing".into();
    std::fs::write(world.folder.file("unreachable.toml"), table.to_string()).expect("a file");
    let output = run(world.folder.path(), &["check", "-c", "unreachable.toml"]);
    assert!(!output.status.success(), "{}", both_streams(&output));
}

#[test]
fn a_bad_configuration_is_reported_whole() {
    let folder = Folder::new();
    let text = "environment = \"production\"\nnodes = 2\n[server]\nissuer = \"http://localhost:8080\"\n\
                lisen = \"0.0.0.0:443\"\n[database]\nurl = \"sqlite:x.db\"\n[sign_in]\ncode_tries = 99\n\
                [keys]\nkeyring = \"keyring.toml\"\n\
                [sms]\ngateways = [\"eskiz\"]\n[sms.eskiz]\nemail = \"a@b.uz\"\npassword = \"demo-eskiz-password\"\n\
                [sandbox.constant_codes]\n\"998001234567\" = \"123456\"\n";
    std::fs::write(folder.file("bad.toml"), text).expect("a file");
    for command in ["serve", "check", "migrate"] {
        let output = run(folder.path(), &[command, "-c", "bad.toml"]);
        let said = both_streams(&output);
        assert!(!output.status.success(), "{command}: {said}");
        for problem in ["server.issuer", "lisen", "nodes", "code_tries", "sandbox", "eskiz.password"] {
            assert!(said.contains(problem), "{command}: {problem} in {said}");
        }
    }
    assert!(!folder.file("x.db").exists(), "nothing was begun");
}

#[test]
fn what_is_typed_wrong_is_explained() {
    let folder = Folder::new();
    for arguments in
        [&["sevre"][..], &["serve", "-c", "missing.toml"], &["client", "add"], &["--no-such-flag"]]
    {
        let output = run(folder.path(), arguments);
        assert!(!output.status.success(), "{arguments:?}");
        assert!(!output.stderr.is_empty(), "{arguments:?}");
        let said = both_streams(&output);
        assert!(!said.contains("panicked"), "{arguments:?}: {said}");
    }
    let help = run(folder.path(), &["--help"]);
    let said = both_streams(&help);
    for command in ["demo", "serve", "check", "migrate", "client", "keys"] {
        assert!(help.status.success() && said.contains(command), "{command} in {said}");
    }
}
