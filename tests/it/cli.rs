//! The commands.

use crate::support::client_file::SHOP;
use crate::support::folder::Folder;
use crate::support::people::{Census, People};
use crate::support::process::{both_streams, run, run_well, yagona};
use crate::support::setup::Place;
use crate::support::wait::until;
use crate::support::{Asked, Backend, Setup, World, alone_on_both_backends, code_of, jwt};

alone_on_both_backends!(
    clients_can_be_managed_while_the_provider_runs,
    a_rotated_secret_may_overlap_and_a_client_be_deleted,
    programs_get_json_and_help_desks_the_state_of_a_number,
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

/// Waits until the provider accepts, or no longer accepts, `secret`.
async fn until_known(world: &World, client: &str, secret: &str, known: bool) {
    let port = world.nodes[0].port;
    let fields = crate::support::flow::redemption("no-code");
    until(&format!("{client} to be known or not"), async || {
        let answer = world.post_bare(port, "/oidc/token", &fields, Some((client, secret))).await;
        ((answer.body["error"] == "invalid_grant") == known).then_some(())
    })
    .await;
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
        "--purpose",
        "To be new",
        "--basis-reference",
        "contract 1",
        "--policy",
        "http://localhost:9/policy",
        "--redirect-uri",
        crate::support::CALLBACK,
    ]);
    let first = printed(&said, "client_secret");
    assert!(first.len() >= 22, "{first}");
    until_known(&world, "newcomer", &first, true).await;
    assert!(can_sign_in(&world, "newcomer", &first).await);

    let second = printed(&world.command(&["client", "rotate-secret", "newcomer"]), "client_secret");
    assert_ne!(first, second);
    until_known(&world, "newcomer", &first, false).await;
    assert!(can_sign_in(&world, "newcomer", &second).await);

    let list = world.command(&["client", "list"]);
    assert!(list.contains("newcomer") && list.contains(SHOP), "{list}");
    let shown = world.command(&["client", "show", "newcomer"]);
    assert!(shown.contains("Somebody") && !shown.contains(&second), "{shown}");

    world.command(&["client", "disable", "newcomer"]);
    until_known(&world, "newcomer", &second, false).await;
    world.browser().begin(&world, &Asked::by("newcomer")).await.page().expect_status(403);
    world.command(&["client", "disable", "newcomer", "--undo"]);
    until_known(&world, "newcomer", &second, true).await;

    let exported = world.command(&["client", "export"]);
    // The imported registration has another owner.
    let renamed = exported.replace("\"Somebody\"", "\"Somebody else\"");
    std::fs::write(world.folder.file("exported.toml"), &renamed).expect("a file");
    world.command(&["client", "import", "exported.toml"]);
    assert_eq!(world.command(&["client", "export"]), renamed);
    until("the new owner's name", async || {
        let page = world.browser().begin(&world, &Asked::by("newcomer")).await.page();
        page.body.contains("Somebody else").then_some(())
    })
    .await;
    assert!(can_sign_in(&world, "newcomer", &second).await, "an export and an import keep the secret");

    // A file that brings another secret says so, and one that names a client twice is refused.
    let one = "[[clients]]\nclient_id = \"brought\"\nclient_name = \"B\"\nowner = \"X\"\nscope = \"openid\"\n\
               redirect_uris = [\"http://localhost:9/cb\"]\nclient_secret = \"a-secret-of-its-own-0123456789-0123456789\"\n";
    std::fs::write(world.folder.file("one.toml"), one).expect("a file");
    assert!(world.command(&["client", "import", "one.toml"]).contains("(new)"));
    assert!(world.command(&["client", "import", "one.toml"]).contains("secret kept"));
    world.command(&["client", "rotate-secret", "brought"]);
    assert!(world.command(&["client", "import", "one.toml"]).contains("its secret by that of the file"));
    std::fs::write(world.folder.file("twice.toml"), one.repeat(2)).expect("a file");
    let twice = both_streams(&world.try_command(&["client", "import", "twice.toml"]));
    assert!(twice.contains("twice"), "{twice}");

    // An import is all or nothing, and every error is reported.
    let broken = "[[clients]]\nclient_id = \"good\"\nclient_name = \"Good\"\nowner = \"X\"\n\
                  scope = \"openid\"\nredirect_uris = [\"https://good.uz/cb\"]\n\
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

async fn a_rotated_secret_may_overlap_and_a_client_be_deleted(setup: Setup) {
    let world = setup.start().await;
    let json = |arguments: &[&str]| -> serde_json::Value {
        let said = world.command(&[arguments, &["--format", "json"]].concat());
        serde_json::from_str(&said).unwrap_or_else(|error| panic!("{error}: {said}"))
    };
    let first = json(&["client", "rotate-secret", SHOP])["client_secret"].as_str().unwrap().to_owned();
    let second = json(&["client", "rotate-secret", SHOP, "--keep-old", "2"]);
    let second = second["client_secret"].as_str().unwrap();
    until_known(&world, SHOP, second, true).await;
    until_known(&world, SHOP, &first, true).await;
    assert!(can_sign_in(&world, SHOP, &first).await && can_sign_in(&world, SHOP, second).await);
    // The period ends by itself, and a further rotation ends it as well.
    world.advance(2 * 3600).await;
    until_known(&world, SHOP, &first, false).await;
    until_known(&world, SHOP, second, true).await;
    let third = json(&["client", "rotate-secret", SHOP])["client_secret"].as_str().unwrap().to_owned();
    until_known(&world, SHOP, second, false).await;
    until_known(&world, SHOP, &third, true).await;

    // What is disabled stays so in an export and an import, and only that can be deleted.
    let refused = world.try_command(&["client", "delete", SHOP]);
    assert!(both_streams(&refused).contains("client disable"), "{refused:?}");
    world.command(&["client", "disable", SHOP]);
    let exported = world.command(&["client", "export", SHOP]);
    assert!(exported.contains("disabled = true"), "{exported}");
    std::fs::write(world.folder.file("exported.toml"), &exported).expect("a file");
    world.command(&["client", "disable", "--undo", SHOP]);
    world.command(&["client", "import", "exported.toml"]);
    assert_eq!(json(&["client", "show", SHOP])["disabled"], true);
    world.command(&["client", "delete", SHOP]);
    until_known(&world, SHOP, &third, false).await;
    assert!(both_streams(&world.try_command(&["client", "show", SHOP])).contains("there is no client"));
    // Nobody gets an identifier under which tokens were issued to somebody else.
    let again = both_streams(&world.try_command(&["client", "import", "exported.toml"]));
    assert!(again.contains("was deleted"), "{again}");
}

async fn programs_get_json_and_help_desks_the_state_of_a_number(setup: Setup) {
    let world = setup.start().await;
    let person = world.person();
    world.browser().sign_in(&world, &Asked::by(SHOP), &person).await;
    let mut browser = world.browser();
    let page = browser.begin_with_number(&world, &Asked::by(SHOP), &person).await;
    browser.enter_code(&page, "000000").await.page();
    let number = format!("+{}", person.number);
    let json = |arguments: &[&str]| -> serde_json::Value {
        let said = world.command(&[arguments, &["--format", "json"]].concat());
        serde_json::from_str(&said).unwrap_or_else(|error| panic!("{error}: {said}"))
    };
    assert_eq!(json(&["health"])["ready"], true);
    let shown = json(&["people", "show", &number]);
    assert_eq!((&shown["status"], &shown["other_browsers"]["wrong_codes"]), (&"enrolled".into(), &1.into()));
    assert!(!shown.to_string().contains(&person.number), "masked: {shown}");
    assert!(world.command(&["people", "show", &number]).contains("1 wrong code(s)"));
    assert_eq!(json(&["people", "unlock", &number])["wrong_codes_cleared"], 1);
    let clients = json(&["client", "list"]);
    let ids: Vec<_> =
        clients["clients"].as_array().unwrap().iter().map(|client| &client["client_id"]).collect();
    assert!(ids.contains(&&SHOP.into()), "{clients}");
    assert_eq!(json(&["keys", "list"])["keys"].as_array().unwrap().len(), 4);
    let consents = json(&["consents", "list", &number]);
    let consent = &consents["consents"][0];
    assert_eq!((&consent["client_id"], &consent["expired"]), (&SHOP.into(), &false.into()), "{consents}");
    let ended = json(&["consents", "end", consent["consent_id"].as_str().unwrap()]);
    assert_eq!(ended["client_id"], SHOP);
    let verified = json(&["audit", "verify"]);
    assert!(verified["rows"].as_i64().unwrap() > 5 && verified["tampering"].is_null(), "{verified}");
}

#[test]
fn a_reader_that_goes_away_is_no_panic_and_shells_are_served() {
    let folder = Folder::new();
    let yagona = env!("CARGO_BIN_EXE_yagona");
    let piped = std::process::Command::new("sh")
        .args([
            "-c",
            &format!(
                "'{yagona}' completions bash | true; '{yagona}' help | head -0; '{yagona}' man pages | true"
            ),
        ])
        .current_dir(folder.path())
        .output()
        .expect("a shell");
    let said = both_streams(&piped);
    assert!(!said.contains("panicked") && !said.contains("Broken pipe"), "{said}");
    for shell in ["bash", "zsh", "fish"] {
        let completions = both_streams(&run(folder.path(), &["completions", shell]));
        assert!(completions.contains("rotate-secret"), "{shell}: {completions}");
    }
    let page = std::fs::read_to_string(folder.file("pages").join("yagona-client.1")).expect("a manual page");
    assert!(page.contains("rotate"), "{page}");
}

async fn keys_can_be_rotated_without_a_gap(setup: Setup) {
    let world = setup.start().await;
    let asked = Asked::by(SHOP);
    let before = world.tokens(&asked, &world.person()).await;
    let kid = |token: &str| jwt::read(token).header["kid"].clone();
    world.command(&["keys", "rotate", "--alg", "ES256"]);
    until("the successor", async || {
        let keys = world.keys().await["keys"].as_array().expect("keys").len();
        assert!(keys <= 5, "{keys} keys");
        (keys == 5).then_some(())
    })
    .await;
    // It is published for an hour before it signs.
    world.advance(3000).await;
    let soon = world.tokens(&asked, &world.person()).await;
    assert_eq!(kid(soon.get("id_token")), kid(before.get("id_token")));
    world.advance(600).await;
    let after = world.tokens(&asked, &world.person()).await;
    assert_ne!(kid(after.get("id_token")), kid(before.get("id_token")));
    let keys = world.keys().await;
    for tokens in [&before, &soon, &after] {
        jwt::verify(tokens.get("id_token"), &keys);
    }
    let list = world.command(&["keys", "list"]);
    for word in ["RS256", "PS256", "ES256", "EdDSA", "signing"] {
        assert!(list.contains(word), "{list}");
    }
}

async fn a_check_names_what_is_wrong(setup: Setup) {
    let backend = setup.backend;
    let world = setup.start().await;
    if backend == crate::support::Backend::Servers {
        let said = world.command(&["check"]);
        for part in [
            "configuration",
            "database",
            "migrations",
            "redis",
            "sms eskiz       ok",
            "sms playmobile  ok",
            "signing keys",
            "clients",
        ] {
            assert!(said.contains(part), "{part} in {said}");
        }
    }
    let mut table = world.setup.configuration(&world.place());
    table["database"]["url"] = "postgres://nobody@127.0.0.1:1/nothing".into();
    std::fs::write(world.folder.file("unreachable.toml"), table.to_string()).expect("a file");
    let output = run(world.folder.path(), &["check", "-c", "unreachable.toml"]);
    assert!(!output.status.success(), "{}", both_streams(&output));
}

#[tokio::test]
async fn a_check_makes_nothing_and_goes_on_after_a_failure() {
    let folder = Folder::new();
    let setup = Setup::new(Backend::Servers);
    let place = Place {
        issuer: "http://localhost:8080".to_owned(),
        port: 8080,
        operations: 8089,
        database: format!("sqlite:{}", folder.file("none/yagona.db").display()),
        redis: Some("redis://127.0.0.1:1".to_owned()),
        sandbox: "http://localhost:8081".to_owned(),
    };
    std::fs::write(folder.file("people.toml"), People::new(Census { enrolled: 1, others: 0 }).file())
        .expect("people");
    let check = |place: &Place| {
        std::fs::write(folder.file("checked.toml"), setup.configuration(place).to_string()).expect("a file");
        let output = run(folder.path(), &["check", "-c", "checked.toml"]);
        assert!(!output.status.success());
        both_streams(&output)
    };
    let said = check(&place);
    for part in [
        "configuration   ok",
        "keyring         ok",
        "database        FAILED",
        "redis           FAILED",
        "sms eskiz       FAILED: login: could not connect: Connection refused",
        "sms playmobile  FAILED: could not connect: Connection refused",
    ] {
        assert!(said.contains(part), "{part} in {said}");
    }
    assert!(said.contains("yagona migrate") && said.contains("refused"), "{said}");
    let left: Vec<_> = std::fs::read_dir(folder.path()).expect("the folder").collect();
    assert_eq!(left.len(), 2, "nothing but the configuration: {left:?}");

    // Causes are named as they are.
    let nobody = "postgres://nobody@127.0.0.1:1/nothing".to_owned();
    let said = check(&Place { database: nobody, ..place.clone() });
    assert!(said.contains("database        FAILED") && said.contains("refused"), "{said}");
    let garbage = folder.file("garbage.db");
    std::fs::write(&garbage, "no database ".repeat(100)).expect("a file");
    let database = format!("sqlite:{}", garbage.display());
    let said = check(&Place { database, ..place.clone() });
    assert!(said.contains("not a database"), "{said}");

    // A database that another keyring sealed, and of which one migration has another text.
    let database = format!("sqlite:{}", folder.file("sealed.db").display());
    let sealed = Place { database, redis: None, ..place };
    std::fs::write(folder.file("sealed.toml"), setup.configuration(&sealed).to_string()).expect("a file");
    run_well(folder.path(), &["migrate", "-c", "sealed.toml"]);
    let none = run_well(folder.path(), &["keys", "list", "-c", "sealed.toml"]);
    assert!(none.contains("no signing keys yet"), "what only reads makes none: {none}");
    run_well(folder.path(), &["keys", "rotate", "-c", "sealed.toml"]);
    let before = check(&sealed);
    assert!(before.contains("signing with") && before.contains("check failed: sms"), "{before}");
    std::fs::rename(folder.file("keyring.toml"), folder.file("keyring-of-before.toml")).expect("a file");
    run_well(folder.path(), &["keys", "init", "-c", "sealed.toml"]);
    let said = check(&sealed);
    assert!(said.contains("keyring is not the one"), "{said}");
    let raw = rusqlite::Connection::open(folder.file("sealed.db")).expect("the database");
    raw.execute_batch("UPDATE _sqlx_migrations SET checksum = x'00' WHERE version = 2").expect("a change");
    let said = check(&sealed);
    assert!(said.contains("migrations      FAILED") && said.contains("another text"), "{said}");
    let served = run(folder.path(), &["serve", "-c", "sealed.toml"]);
    assert!(!served.status.success() && both_streams(&served).contains("another text"));
}

#[test]
fn a_command_in_the_wrong_folder_makes_nothing_and_the_demos_own_folder_can_be_prepared() {
    let folder = Folder::new();
    let one = "[[clients]]\nclient_id = \"one\"\nclient_name = \"One\"\nowner = \"X\"\nscope = \"openid\"\n\
               redirect_uris = [\"http://localhost:9/cb\"]\n";
    std::fs::write(folder.file("one.toml"), one).expect("a file");
    for arguments in [
        &["client", "list"][..],
        &["client", "import", "one.toml"],
        &["client", "disable", "one"],
        &["keys", "list"],
        &["keys", "rotate"],
        &["people", "show", "+998001112233"],
        &["contract", "import", "one.toml"],
        &["audit", "verify"],
        &["check"],
    ] {
        let output = run(folder.path(), arguments);
        let said = both_streams(&output);
        assert!(!output.status.success() && said.contains("yagona migrate"), "{arguments:?}: {said}");
        let left = std::fs::read_dir(folder.path()).expect("the folder").count();
        assert_eq!(left, 1, "{arguments:?} made something");
    }
    // What is made there is the demo's, so that the demo may delete it.
    run_well(folder.path(), &["migrate"]);
    let database = rusqlite::Connection::open(folder.file("var/yagona.db")).expect("the database");
    database.query_row("SELECT COUNT(*) FROM made_by_demo", [], |_| Ok(())).expect("the mark");
    // Standard input will do as well, and a variable names the configuration.
    let import = |variable: Option<&str>| {
        let mut command = yagona(folder.path(), &["client", "import", "-", "--format", "json"]);
        command.stdin(std::fs::File::open(folder.file("one.toml")).expect("the file"));
        command.envs(variable.map(|file| ("YAGONA_CONFIG", file)));
        command.output().expect("the binary under test")
    };
    let said = both_streams(&import(None));
    assert!(said.contains("\"client_secret\""), "{said}");
    let elsewhere = import(Some("elsewhere.toml"));
    let said = both_streams(&elsewhere);
    assert!(!elsewhere.status.success() && said.contains("elsewhere.toml"), "{said}");
    let demo = yagona(folder.path(), &["demo"]).env("YAGONA_CONFIG", "elsewhere.toml").output();
    let said = both_streams(&demo.expect("the binary under test"));
    assert!(said.contains("leave out --config and YAGONA_CONFIG"), "{said}");
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
    for arguments in [
        &["sevre"][..],
        &["serve", "-c", "missing.toml"],
        &["client", "add"],
        &["--no-such-flag"],
        // The demo has a configuration of its own, and says where it is.
        &["demo", "-c", "missing.toml"],
        &["demo", "--port", "0"],
        // A key that signs before anybody knows it, or in years.
        &["keys", "rotate", "--active-in=-5"],
        &["keys", "rotate", "--active-in", "99999999"],
        // Files without an end.
        &["client", "import", "/dev/zero"],
        &["serve", "-c", "/dev/zero"],
    ] {
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
