use super::load::resolve;
use super::*;
use crate::notices::sms::GatewayName;
use crate::platform::config::{ConfigProblems, SettingSource, ValueKind, suggestion, variable};
use crate::platform::telemetry::LogFormat;
use secrecy::ExposeSecret;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

/// A folder of this test's own, removed with it.
struct Folder(PathBuf);

impl Folder {
    fn new(name: &str) -> Self {
        let path = std::env::temp_dir().join(format!("yagona-config-{}-{name}", std::process::id()));
        fs::create_dir_all(&path).unwrap();
        Self(path)
    }

    fn file(&self, name: &str, content: &str) -> PathBuf {
        let path = self.0.join(name);
        fs::write(&path, content).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
        path
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

fn variables(list: &[(&str, &str)]) -> std::vec::IntoIter<(String, String)> {
    list.iter().map(|(n, v)| ((*n).to_owned(), (*v).to_owned())).collect::<Vec<_>>().into_iter()
}

fn refused(settings: &str, list: &[(&str, &str)]) -> ConfigProblems {
    resolve(Some(("test.toml", settings)), variables(list), false).expect_err("it should not load")
}

fn keys_of(problems: &ConfigProblems) -> Vec<&str> {
    problems.iter().map(|problem| problem.key.as_str()).collect()
}

const SANDBOX: &str = r#"
environment = "sandbox"
server.issuer = "http://localhost:8080"
database.url = "sqlite:var/yagona.db"
keys.keyring = "var/keyring.toml"
sms.gateways = ["eskiz"]
sms.eskiz = { email = "a@b.uz", password = "p", base_url = "http://localhost:8081/eskiz/api/" }
"#;

/// A whole production configuration, whose only file is `keyring`.
fn production(keyring: &Path) -> String {
    format!(
        r#"
[server]
issuer = "https://id.yagona.uz"
trusted_proxies = ["10.0.0.0/24"]
[database]
url = "postgres://yagona:9c1f7e0d55@10.0.0.5/yagona"
[redis]
url = "redis://10.0.0.6"
[keys]
keyring = "{}"
[sms]
gateways = ["eskiz"]
[sms.eskiz]
email = "sms@yagona.uz"
password = "f0b1c2d3e4a5"
[site]
operator = "The agency"
privacy_url = "https://id.yagona.uz/privacy"
[support]
phone = "+998 71 200-00-00"
"#,
        keyring.display()
    )
}

#[test]
fn the_demo_loads_with_its_files_under_the_given_folder() {
    let settings = Settings::demo(Path::new("/srv/demo"));
    assert_eq!(settings.environment, Environment::Sandbox);
    assert_eq!(settings.server.issuer.as_str(), "http://localhost:8080");
    assert_eq!(settings.database.url.expose_secret(), "sqlite:/srv/demo/var/yagona.db");
    assert_eq!(settings.keys.keyring, Path::new("/srv/demo/var/keyring.toml"));
    assert_eq!(settings.sandbox.constant_codes.0["998001234567"], "123456");
    assert_eq!(settings.sms.gateways, [GatewayName::Eskiz, GatewayName::PlayMobile]);
    let eskiz = settings.sms.eskiz.unwrap();
    assert_eq!(eskiz.base_url.as_str(), "http://localhost:8081/eskiz/api");
    assert!(settings.sandbox.relaxed_limits, "automated browsers sign in as often as they like");
}

#[test]
fn the_demo_takes_variables() {
    let env =
        [("YAGONA__SERVER__LISTEN", "127.0.0.1:9000"), ("YAGONA__DATABASE__URL", "sqlite:other.db?mode=rwc")];
    let settings = Settings::demo_with(Path::new("/srv/50%?"), variables(&env)).unwrap();
    assert_eq!(settings.server.listen.port(), 9000);
    assert_eq!(settings.database.url.expose_secret(), "sqlite:/srv/50%25%3F/other.db?mode=rwc");
    assert_eq!(Settings::demo(Path::new("")).database.url.expose_secret(), "sqlite:var/yagona.db");
}

#[test]
fn a_production_configuration_loads_and_keeps_its_defaults() {
    let folder = Folder::new("production");
    let keyring = folder.file("keyring.toml", "");
    let file = folder.file("production.toml", &production(&keyring));
    let settings = load(Some(&file), std::iter::empty()).unwrap_or_else(|problems| panic!("{problems}"));
    assert_eq!(settings.environment, Environment::Production);
    assert_eq!(settings.sign_in.resend_after_seconds, [30, 60, 120]);
    assert_eq!(settings.tokens.code_seconds, 60);
    assert_eq!(settings.keys.rsa_bits, 3072);
    assert_eq!(settings.log.format, LogFormat::Json);
    assert!(settings.sms.playmobile.is_none() && settings.server.tls.is_none());
}

#[test]
fn the_production_example_lacks_nothing_but_the_files_it_names() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/config/production.toml");
    let problems = load(Some(Path::new(path)), std::iter::empty()).unwrap_err();
    assert!(problems.iter().count() > 0);
    for problem in problems.iter() {
        assert!(
            problem.wrong.contains("/run/secrets/") || problem.wrong.contains("/etc/yagona/"),
            "{problem:?}"
        );
    }
}

#[test]
fn certificates_of_clients_need_a_way_that_can_be_trusted() {
    let folder = Folder::new("mtls");
    let whole = production(&folder.file("keyring.toml", ""));
    let wrong = |name: &str, section: &str| {
        let file = folder.file(name, &format!("{whole}[server.mtls]\n{section}\n"));
        load(Some(&file), std::iter::empty()).err().map(|problems| problems.to_string()).unwrap_or_default()
    };
    let (url, named) =
        ("url = \"https://mtls.id.yagona.uz\"", "client_certificate_header = \"X-Client-Cert\"");
    let header = &format!("{named}\ntrusted_proxies = [\"10.0.0.7/32\"]");
    assert_eq!(wrong("right.toml", &format!("{url}\n{header}")), "");
    for (name, section, said) in [
        ("no-way.toml", url.to_owned(), "no proxy passes certificates on"),
        ("no-tls.toml", format!("{url}\nlisten = \"127.0.0.1:8443\""), "[server.tls] is not"),
        ("http.toml", format!("url = \"http://mtls.id.yagona.uz\"\n{header}"), "no https origin"),
        ("path.toml", format!("url = \"https://id.yagona.uz/mtls\"\n{header}"), "no https origin"),
        // Those that are trusted for the client IP are not trusted for this.
        ("proxies.toml", format!("{url}\n{named}"), "server.mtls.trusted_proxies"),
        ("all.toml", format!("{url}\n{named}\ntrusted_proxies = [\"0.0.0.0/0\"]"), "a part of the internet"),
        ("name.toml", format!("{url}\nclient_certificate_header = \"a b\""), "no name of a header"),
        (
            "anchors.toml",
            format!("{url}\n{header}\ntrust_anchors = \"/nowhere/anchors.pem\""),
            "server.mtls.trust_anchors",
        ),
    ] {
        let problems = wrong(name, &section);
        assert!(problems.contains(said), "{name}: {problems}");
    }
}

#[test]
fn production_says_who_runs_it_and_whom_to_ask() {
    let folder = Folder::new("site");
    let whole = production(&folder.file("keyring.toml", ""));
    let (before, _) = whole.split_once("[site]").unwrap();
    let problems = load(Some(&folder.file("bare.toml", before)), std::iter::empty()).unwrap_err().to_string();
    for key in ["site.operator", "site.privacy_url", "support"] {
        assert!(problems.contains(key), "{key} in {problems}");
    }
}

#[test]
fn production_keeps_operations_from_the_public() {
    let folder = Folder::new("operations");
    let content = production(&folder.file("keyring.toml", ""));
    let listen = |address: &str| format!("{address}:8089");
    let load = |address: &str, more: &[(&str, &str)]| {
        let listen = listen(address);
        let env = [&[("YAGONA__SERVER__OPERATIONS_LISTEN", listen.as_str())], more].concat();
        resolve(Some(("test.toml", &content)), variables(&env), false)
    };
    for address in ["0.0.0.0", "[::]", "185.74.4.1", "[2a00:1450::1]", "100.64.0.1"] {
        let problems = load(address, &[]).expect_err(address);
        assert_eq!(keys_of(&problems), ["server.operations_listen"], "{address}");
        let exposed = [("YAGONA__SERVER__OPERATIONS_EXPOSED", "true")];
        assert!(load(address, &exposed).is_ok(), "{address}");
    }
    for address in ["127.0.0.1", "[::1]", "10.0.0.5", "172.16.1.1", "192.168.0.1", "169.254.0.1", "[fd00::1]"]
    {
        assert!(load(address, &[]).is_ok(), "{address}");
    }
    let sandbox = variables(&[("YAGONA__SERVER__OPERATIONS_LISTEN", "0.0.0.0:8089")]);
    assert!(resolve(Some(("test.toml", SANDBOX)), sandbox, false).is_ok());
}

#[test]
fn proxies_are_not_a_part_of_the_internet() {
    let halves = ("YAGONA__SERVER__TRUSTED_PROXIES", "0.0.0.0/1, 128.0.0.0/1");
    assert_eq!(keys_of(&refused(SANDBOX, &[halves])), ["server.trusted_proxies"]);
}

#[test]
fn registration_is_offered_only_where_registers_answer_and_a_first_credential_works() {
    let offered = [("YAGONA__SIGN_UP__OFFERED", "true")];
    let registers = format!(
        "{SANDBOX}registries.personalisation = {{ base_url = \"http://localhost:8081/spc/\" }}\n\
         registries.operators = {{ base_url = \"http://localhost:8081/operators/\" }}\n"
    );
    assert_eq!(keys_of(&refused(SANDBOX, &offered)), ["sign_up.offered"]);
    let resolved =
        |list: &[(&str, &str)]| resolve(Some(("test.toml", registers.as_str())), variables(list), false);
    resolved(&offered).unwrap();
    let without = [offered[0], ("YAGONA__PASSWORDS__ENABLED", "false")];
    let problems = resolved(&without).expect_err("it should not load");
    assert_eq!(keys_of(&problems), ["sign_up.offered"]);
    resolved(&without[1..]).unwrap();
}

#[test]
fn variables_win_over_the_file_and_know_every_kind() {
    let folder = Folder::new("variables");
    let secret = folder.file("url", "postgres://yagona:77aa@10.0.0.5/yagona\n");
    let file = folder.file("settings.toml", SANDBOX);
    let env = variables(&[
        ("PATH", "/bin"),
        ("YAGONA_PORT", "tcp://10.0.0.1:8080"),
        ("YAGONA__NODES", "2"),
        ("YAGONA__DATABASE__URL__FILE", secret.to_str().unwrap()),
        ("YAGONA__REDIS__URL", "redis://localhost"),
        ("YAGONA__SERVER__TRUSTED_PROXIES", "10.0.0.0/8, fd00::/16"),
        ("YAGONA__SIGN_IN__RESEND_AFTER_SECONDS", "[10, 20]"),
        ("YAGONA__SMS__ESKIZ__PASSWORD", "12345678901"),
        ("YAGONA__SANDBOX__CONSTANT_CODES__998001112233", "654321"),
        ("YAGONA__SANDBOX__RELAXED_LIMITS", "true"),
    ]);
    let settings = load(Some(&file), env).unwrap_or_else(|problems| panic!("{problems}"));
    assert_eq!(settings.nodes, 2);
    assert_eq!(settings.database.url.expose_secret(), "postgres://yagona:77aa@10.0.0.5/yagona");
    assert_eq!(settings.server.trusted_proxies.len(), 2);
    assert_eq!(settings.sign_in.resend_after_seconds, [10, 20]);
    assert_eq!(settings.sms.eskiz.unwrap().password.expose_secret(), "12345678901");
    assert_eq!(settings.sandbox.constant_codes.0["998001112233"], "654321");
    assert!(settings.sandbox.relaxed_limits);
}

#[test]
fn everything_wrong_is_reported_at_once_with_its_place() {
    let content = "environment = \"sandbox\"\nnodes = \"two\"\n[server]\nisuer = \"http://localhost\"\nlisten = \"here\"\n\
                   [sign_in]\ncode_seconds = 3600\nsession_idle_seconds = 600\nsession_absolute_seconds = 300\n[oidc]\nx = 1\n";
    let problems = refused(content, &[("YAGONA__LOG__LEVEL", "loud"), ("YAGONA__LOG__COLOUR", "red")]);
    let found =
        |key: &str| problems.iter().find(|p| p.key == key).unwrap_or_else(|| panic!("{key}: {problems}"));
    assert_eq!(found("server.isuer").remedy, "did you mean server.issuer?");
    assert_eq!(found("server.isuer").source, SettingSource::File { path: "test.toml".into(), line: 4 });
    assert_eq!(found("nodes").wrong, "is text in quotes, not a whole number");
    assert_eq!(found("server.issuer").source, SettingSource::Default);
    assert_eq!(found("server.listen").wrong, "is not an address with a port");
    assert_eq!(found("sign_in.code_seconds").wrong, "is 3600, outside 30 to 300");
    assert!(
        found("sign_in.session_idle_seconds").wrong.contains("more than sign_in.session_absolute_seconds")
    );
    assert_eq!(found("log.level").source, SettingSource::Variable("YAGONA__LOG__LEVEL".into()));
    assert_eq!(found("log.colour").source, SettingSource::Variable("YAGONA__LOG__COLOUR".into()));
    for key in ["oidc", "database.url", "keys.keyring", "sms.gateways"] {
        found(key);
    }
    assert_eq!(keys_of(&problems).len(), 12, "{problems}");
    let printed = problems.to_string();
    assert!(printed.contains("12 problems") && printed.contains("(test.toml, line 4)"), "{printed}");
}

#[test]
fn every_syntax_error_is_reported_with_its_line() {
    let problems = refused("nodes = 1\nenvironment = sandbox\n[server\nlisten = \"127.0.0.1:1\"\n", &[]);
    let lines: Vec<_> = problems.iter().filter(|p| p.key.is_empty()).map(|p| p.source.clone()).collect();
    assert!(lines.contains(&SettingSource::File { path: "test.toml".into(), line: 2 }), "{problems}");
    assert!(lines.contains(&SettingSource::File { path: "test.toml".into(), line: 3 }), "{problems}");
    assert_eq!(lines.len(), problems.iter().count(), "of a file that cannot be read nothing else is known");
}

#[test]
fn a_file_that_is_not_there_is_the_only_report() {
    let problems = load(Some(Path::new("/nonexistent/y.toml")), std::iter::empty()).unwrap_err();
    assert_eq!(problems.iter().count(), 1);
    assert!(problems.to_string().contains("/nonexistent/y.toml"));
}

#[test]
fn production_refuses_the_demo_in_every_respect_and_at_once() {
    let env = variables(&[("YAGONA__ENVIRONMENT", "production")]);
    let problems = Settings::demo_with(Path::new(""), env).unwrap_err();
    let keys = keys_of(&problems);
    for key in [
        "server.issuer",
        "server.tls",
        "keys.keyring",
        "sms.eskiz.base_url",
        "sms.eskiz.password",
        "sms.playmobile.url",
        "sms.playmobile.password",
        "sms.callback_base",
        "sms.callback_secret",
        "registries.gateway.base_url",
        "registries.gateway.token_url",
        "registries.gateway.consumer_secret",
        "registries.gateway.password",
        "registries.biometrics.base_url",
        "registries.operators.token",
        "registries.billing.base_url",
        "limits.sends_per_number_day",
        "sandbox.constant_codes",
    ] {
        assert!(keys.contains(&key), "{key} is not among\n{problems}");
    }
    for secret in ["demo-eskiz-password", "demo-playmobile-password", "demo0callback0path0"] {
        assert!(!problems.to_string().contains(secret), "{problems}");
    }
}

#[test]
fn a_sandbox_section_is_refused_in_production_even_when_empty() {
    let folder = Folder::new("section");
    let content = production(&folder.file("keyring.toml", ""));
    let keys = |addition: &str| {
        let problems = refused(&format!("{content}{addition}"), &[]);
        keys_of(&problems).iter().map(ToString::to_string).collect::<Vec<_>>()
    };
    assert_eq!(keys("[sandbox]\n"), ["sandbox"]);
    assert_eq!(keys("[sandbox]\nrelaxed_limits = true\n"), ["sandbox.relaxed_limits"]);
    assert_eq!(keys("[sandbox.constant_codes]\n998001234567 = \"123456\"\n"), ["sandbox.constant_codes"]);
}

#[test]
fn a_real_number_can_have_no_constant_code_anywhere() {
    let problems = refused(SANDBOX, &[("YAGONA__SANDBOX__CONSTANT_CODES__998901234567", "123456")]);
    assert_eq!(keys_of(&problems), ["sandbox.constant_codes"]);
    let wrong = &problems.iter().next().unwrap().wrong;
    assert!(wrong.contains("99890…") && !wrong.contains("1234567"), "{wrong}");
}

#[test]
fn several_nodes_need_stores_that_they_can_share() {
    let problems = refused(SANDBOX, &[("YAGONA__NODES", "2")]);
    assert_eq!(keys_of(&problems), ["database.url", "redis.url"]);
}

#[test]
fn production_refuses_what_others_could_read() {
    let folder = Folder::new("insecure");
    let keyring = folder.file("keyring.toml", "");
    fs::set_permissions(&keyring, fs::Permissions::from_mode(0o640)).unwrap();
    let env = [
        ("YAGONA__SERVER__ISSUER", "http://id.yagona.uz"),
        ("YAGONA__SERVER__TRUSTED_PROXIES", "0.0.0.0/0"),
        ("YAGONA__SERVER__OPERATIONS_LISTEN", "0.0.0.0:8080"),
        ("YAGONA__DATABASE__URL", "postgres://yagona:9c1f7e0d55@db.yagona.uz/yagona"),
        ("YAGONA__REDIS__URL", "redis://cache.yagona.uz"),
        ("YAGONA__SMS__ESKIZ__BASE_URL", "http://notify.eskiz.uz/api"),
        ("YAGONA__SMS__ESKIZ__PASSWORD", "ChangeMe"),
        ("YAGONA__TOKENS__CODE_SECONDS", "300"),
        ("YAGONA__OUTBOUND__ALLOW", "169.254.0.0/16"),
    ];
    let problems = refused(&production(&keyring), &env);
    let mut keys = keys_of(&problems);
    keys.sort_unstable();
    let expected = [
        "database.url",
        "keys.keyring",
        "outbound.allow",
        "redis.url",
        "server.issuer",
        "server.operations_listen",
        "server.trusted_proxies",
        "sms.eskiz.base_url",
        "sms.eskiz.password",
        "tokens.code_seconds",
    ];
    assert_eq!(keys, expected, "{problems}");
}

#[test]
fn the_command_that_makes_the_keyring_runs_without_one() {
    let folder = Folder::new("keyring");
    let missing = folder.0.join("keyring.toml");
    let file = folder.file("production.toml", &production(&missing));
    assert_eq!(keys_of(&load(Some(&file), std::iter::empty()).unwrap_err()), ["keys.keyring"]);
    assert!(load_before_keyring(Some(&file), std::iter::empty()).is_ok());
}

#[test]
fn tls_needs_both_files_and_an_issuer_that_uses_it() {
    let problems = refused(SANDBOX, &[("YAGONA__SERVER__TLS__CERTIFICATE", "/nonexistent/chain.pem")]);
    assert_eq!(keys_of(&problems), ["server.issuer", "server.tls.private_key"]);
    let issuer = ("YAGONA__SERVER__ISSUER", "https://localhost:8443");
    assert_eq!(keys_of(&refused(SANDBOX, &[issuer])), ["server.tls"]);
    let env = variables(&[issuer, ("YAGONA__SERVER__TLS__SELF_SIGNED", "true")]);
    let settings = resolve(Some(("test.toml", SANDBOX)), env, false).unwrap();
    assert!(settings.server.tls.unwrap().self_signed);
}

#[test]
fn gateways_and_their_sections_must_agree() {
    let problems = refused(SANDBOX, &[("YAGONA__SMS__GATEWAYS", "playmobile")]);
    assert_eq!(keys_of(&problems), ["sms.eskiz", "sms.playmobile"]);
    assert_eq!(keys_of(&refused(SANDBOX, &[("YAGONA__SMS__GATEWAYS", "")])), ["sms.gateways", "sms.eskiz"]);
}

#[test]
fn a_secret_file_that_cannot_be_used_is_reported_without_its_content() {
    let folder = Folder::new("secret");
    let bad = folder.file("bad", "postgres://u:sesame@h/y\nsecond line\n");
    let problems = refused(SANDBOX, &[("YAGONA__DATABASE__URL__FILE", bad.to_str().unwrap())]);
    assert_eq!(keys_of(&problems), ["database.url"]);
    assert!(!problems.to_string().contains("sesame"), "{problems}");
}

#[test]
fn settings_can_be_printed_without_their_secrets() {
    let printed = format!("{:?}", Settings::demo(Path::new("")));
    assert!(!printed.contains("demo-eskiz-password") && !printed.contains("sqlite:"), "{printed}");
}

#[test]
fn a_known_password_is_found_inside_a_url_and_a_url_without_one_is_not_taken_for_a_secret() {
    let folder = Folder::new("known");
    let content = production(&folder.file("keyring.toml", ""));
    let postgres = ("YAGONA__DATABASE__URL", "postgres://yagona:yagona@10.0.0.5/yagona");
    assert_eq!(keys_of(&refused(&content, &[postgres])), ["database.url"]);
    let env = variables(&[("YAGONA__DATABASE__URL", "sqlite:var/yagona.db")]);
    assert!(resolve(Some(("test.toml", &content)), env, false).is_ok(), "one node may use an embedded store");
}

#[test]
fn every_key_of_the_table_changes_the_settings() {
    let printed = |list: &[(&str, &str)]| {
        let mut loader = Loader::new(TABLE);
        loader.lay_file("test.toml", SANDBOX).unwrap();
        loader.lay_variables(variables(&[("YAGONA__SMS__PLAYMOBILE__LOGIN", "x")]));
        loader.lay_variables(variables(&[("YAGONA__SERVER__TLS__CERTIFICATE", "a")]));
        loader.lay_variables(variables(&[("YAGONA__SERVER__TLS__PRIVATE_KEY", "b")]));
        loader.lay_variables(variables(list));
        format!("{:?}", Settings::read(&mut loader))
    };
    let before = printed(&[]);
    for key in TABLE.all_keys() {
        let number;
        let values: Vec<&str> = match key.kind {
            ValueKind::Integer { from, to, .. } => {
                number = [from.to_string(), to.to_string()];
                vec![number[0].as_str(), number[1].as_str()]
            }
            ValueKind::OneOf(..) => vec!["4096"],
            ValueKind::Integers { .. } => vec!["7,9"],
            ValueKind::Flag => vec!["true", "false"],
            // The choices or the example that the key's words quote, or any text.
            ValueKind::Text(words) | ValueKind::List(words) => {
                let quoted = words.split('"').skip(1).step_by(2);
                quoted.chain(["https://other.example.uz", "127.0.0.1:7777", "other"]).collect()
            }
            ValueKind::Table(_) => vec![
                "{ 998007777777 = \"777777\" }",
                "{ nat = { blocks = [\"203.0.113.0/24\"], sends_5m = 2, sends_per_address_5m = 1 } }",
                "[{ from = \"2026-01-01\", notice = 5 }]",
                "[{ from = \"2026-01-01\", soum = 5 }]",
                "{ beeline = [\"90\"] }",
                "{ uz-Latn = \"a\", uz-Cyrl = \"b\", ru = \"c\", en = \"d\" }",
            ],
            // Secrets are not printed; that they are read shows in the tests above.
            ValueKind::Secret => continue,
        };
        let name = variable(key.path);
        let changes = |value: &&str| {
            let after = printed(&[(&name, value)]);
            after != before
        };
        assert!(values.iter().any(changes), "{} is not read", key.path);
    }
}

#[test]
fn every_key_stands_in_its_section_once_and_is_explained_in_a_sentence() {
    let mut seen = std::collections::BTreeSet::new();
    for section in TABLE.all() {
        for beneath in section.within {
            let parent = beneath.name.rsplit_once('.').map_or("", |(parent, _)| parent);
            assert_eq!(parent, section.name, "{} stands in another section", beneath.name);
        }
        for key in section.keys {
            assert!(seen.insert(key.path), "{} stands twice", key.path);
            assert!(key.meaning.ends_with('.'), "{}: the meaning is not a sentence", key.path);
        }
    }
}

#[test]
fn every_default_is_a_value_of_its_kind() {
    let mut loader = Loader::new(TABLE);
    loader.lay_file("test.toml", "[server.tls]\n[sms.eskiz]\n[sms.playmobile]\n").unwrap();
    // A default that cannot be read panics.
    Settings::read(&mut loader);
    let problems = loader.finish(()).unwrap_err();
    assert!(problems.iter().all(|problem| problem.wrong == "is missing"), "{problems}");
}

#[test]
fn the_reference_in_docs_is_what_the_declarations_say() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/configuration.md");
    let fresh = configuration_reference();
    if std::env::var_os("UPDATE").is_some() {
        fs::write(path, &fresh).unwrap();
    }
    let kept = fs::read_to_string(path).unwrap_or_default();
    assert!(kept == fresh, "docs/configuration.md is stale: UPDATE=1 cargo test --lib reference");
}

#[test]
fn a_slip_of_the_finger_is_recognised() {
    assert_eq!(suggestion(TABLE, "server.isuer"), Some("server.issuer"));
    assert_eq!(suggestion(TABLE, "sever"), Some("server"));
    assert_eq!(suggestion(TABLE, "sign_in.code_second"), Some("sign_in.code_seconds"));
}

#[test]
fn the_right_name_in_the_wrong_section_is_recognised() {
    assert_eq!(suggestion(TABLE, "issuer"), Some("server.issuer"));
    assert_eq!(suggestion(TABLE, "oidc.trusted_proxies"), Some("server.trusted_proxies"));
}

#[test]
fn nothing_is_suggested_for_what_resembles_nothing() {
    assert_eq!(suggestion(TABLE, "zookeeper.quorum"), None);
}
