//! The audit log: every event in the log and in the chain, nothing else in it, and no change of it unnoticed.

use std::collections::BTreeSet;

use reqwest::Method;
use serde_json::Value;
use yagona::audit::Kind;

use crate::contracts::{INSTITUTION, contract};
use crate::support::client_file::{self, AGENCY, MACHINE, NATIVE, ONEID, RIVAL, SHOP, secret};
use crate::support::database::AuditRow;
use crate::support::people::Kind as PersonKind;
use crate::support::process::both_streams;
use crate::support::wait::until;
use crate::support::{Asked, Backend, Person, Setup, World, alone_on_both_backends, code_of, param};

alone_on_both_backends!(
    each_event_is_in_the_log_and_in_the_chain_and_nothing_secret_is,
    what_is_refused_by_redirect_names_client_and_reason,
    a_change_of_the_rows_is_found,
    a_killed_node_is_named_and_the_chain_goes_on,
    a_command_that_cannot_be_recorded_changes_nothing,
    rows_expire_and_the_rest_verifies,
);

/// What `device.rs`, `ciba.rs`, `data.rs`, `contracts.rs` and `cabinet/` bring about, or only unit tests of the chain, or the moved clock.
const ELSEWHERE: [Kind; 51] = [
    // `risk.rs` has it.
    Kind::SignInDoubted,
    // `password.rs` has them.
    Kind::WrongPassword,
    Kind::PasswordRefused,
    Kind::CredentialChanged,
    Kind::Recovered,
    Kind::RecoveryStopped,
    // `passkeys.rs` and `qr.rs` have them.
    Kind::PasskeyAdded,
    Kind::PasskeyRemoved,
    Kind::PasskeyRefused,
    // `eri.rs` has them.
    Kind::SignatureRefused,
    Kind::FaceRefused,
    Kind::QrApproved,
    Kind::QrRefused,
    Kind::ApplicationConfirmed,
    Kind::ComplaintOpened,
    Kind::ComplaintClosed,
    Kind::SelfLocked,
    Kind::SelfLockEnded,
    Kind::BrowserForgotten,
    // `email.rs` has it.
    Kind::EmailChanged,
    // `sign_up.rs` has it.
    Kind::Registered,
    // `mobile_app.rs` and `deaths` of `exchange.rs` have them.
    Kind::MobileAppRefused,
    Kind::DeathContradicted,
    // `identifications.rs` has them.
    Kind::Enrolled,
    Kind::IdentificationRefused,
    Kind::IdentificationWithdrawn,
    Kind::EnrolmentEnded,
    Kind::PaymentNotApplied,
    // `signals.rs` has it.
    Kind::StreamChanged,
    // `desk/` has them.
    Kind::ServedAtPlace,
    Kind::StaffActed,
    Kind::StaffRefused,
    Kind::StaffHeld,
    Kind::UserCodeRefused,
    Kind::ContractCleared,
    Kind::DataReleased,
    Kind::DataRefused,
    Kind::NumberVerified,
    Kind::VerificationRefused,
    Kind::ApprovalRequested,
    Kind::ApprovalRequestRefused,
    Kind::Approved,
    Kind::ApprovalDenied,
    Kind::ApprovalLapsed,
    Kind::ApprovalMuted,
    Kind::ApprovalUnmuted,
    Kind::ReferenceRefused,
    Kind::PingFailed,
    Kind::Suppressed,
    Kind::Purged,
    Kind::RolledBack,
];

impl World {
    /// The rows with one of these names.
    pub(crate) async fn audited(&self, kind: Kind) -> Vec<Value> {
        let rows = self.audit_rows().await.into_iter();
        rows.filter(|row| row.event == kind.name()).map(|row| row.content).collect()
    }

    /// Waits for a row that has `value` in `field`.
    pub(crate) async fn until_audited(&self, kind: Kind, field: &str, value: &str) -> Value {
        until(&format!("{} with {field} {value}", kind.name()), async || {
            self.audited(kind).await.into_iter().find(|row| row[field] == value)
        })
        .await
    }

    /// What `audit verify` says, and whether it is content.
    fn verify(&self, arguments: &[&str]) -> (bool, String) {
        let output = self.try_command(&[&["audit", "verify"], arguments].concat());
        (output.status.success(), both_streams(&output))
    }
}

/// A code of six digits that is not `code`.
fn another(code: &str) -> &'static str {
    if code == "000000" { "111111" } else { "000000" }
}

/// What operators do, some of it to a person; the secrets that they were shown.
fn operate(world: &World, person: &Person) -> Vec<String> {
    let consent = world.command(&["consents", "list", &person.number]);
    let consent = consent.split_whitespace().next().expect("a consent").to_owned();
    world.command(&["consents", "end", &consent]);
    world.command(&["people", "end-access", &person.number]);
    let add = ["client", "add", "--id", "new", "--name", "New", "--owner", "X", "--redirect-uri"];
    world.command(&[&add[..], &["http://localhost:9/cb", "--scope", "openid"]].concat());
    world.command(&["client", "import", "clients.toml"]);
    world.import("contract", &format!("{INSTITUTION}{}", contract("ended", "")));
    world.command(&["contract", "end", "ended"]);
    for command in [&["client", "disable", "new"][..], &["client", "disable", "new", "--undo"]] {
        world.command(command);
    }
    let said = world.command(&["client", "rotate-secret", "new"]);
    world.command(&["client", "disable", "new"]);
    world.command(&["client", "delete", "new"]);
    world.command(&["keys", "rotate", "--alg", "ES256"]);
    world.command(&["keys", "rotate", "--alg", "EdDSA", "--leaked"]);
    said.split_whitespace().filter(|word| word.len() > 30).map(str::to_owned).collect()
}

/// A service that registers itself, is approved, would like to be another one and may not; the secrets that it got.
async fn register(world: &World) -> Vec<String> {
    let create = ["client", "token", "create", "--owner", "Bozor", "--format", "json"];
    let made: Value = serde_json::from_str(&world.command(&create)).expect("JSON");
    let token = made["token"].as_str().expect("a token").to_owned();
    let ask = async |method: reqwest::Method, path: &str, token: &str, body: Value| {
        let request = world.browser().request(method, &world.url(path)).bearer_auth(token);
        let request = request.header("content-type", "application/json").body(body.to_string());
        crate::support::Tokens::of(request.send().await.expect("an answer")).await
    };
    let mut members = serde_json::json!({"client_name": "Bozor", "redirect_uris": ["http://localhost:9/cb"]});
    let made_client = ask(reqwest::Method::POST, "/oidc/register", &token, members.clone()).await;
    ask(reqwest::Method::POST, "/oidc/register", &token, members.clone()).await.refused(401, "invalid_token");
    let id = made_client.get("client_id");
    world.approve(id);
    members["client_id"] = id.into();
    members["client_name"] = "Bank".into();
    let management = made_client.get("registration_access_token").to_owned();
    ask(reqwest::Method::PUT, &format!("/oidc/register/{id}"), &management, members).await.granted();
    world.command(&["client", "reject", id]);
    world.command(&["client", "token", "revoke", made["token_id"].as_str().expect("a name")]);
    vec![token, management, made_client.get("client_secret").to_owned()]
}

/// The rows of the node are lines of its log.
fn assert_logged(rows: &[AuditRow], log: &str) {
    let node = rows.iter().find(|row| row.event == Kind::NodeStarted.name()).expect("a node").node.clone();
    for row in rows.iter().filter(|row| row.node == node) {
        let content = row.content.as_object().expect("an object");
        let is_line_of = |line: &Value| {
            line["event"] == row.event.as_str() && content.iter().all(|(field, value)| line[field] == *value)
        };
        let lines = log.lines().filter_map(|line| serde_json::from_str(line).ok());
        assert!(lines.into_iter().any(|line| is_line_of(&line)), "no line of {} {content:?}", row.event);
    }
}

/// No secret is in any row; short ones are looked for as words.
fn assert_nothing_secret(rows: &[AuditRow], secrets: &[String]) {
    for row in rows {
        let text = row.content.to_string();
        let words: BTreeSet<&str> = text.split(|c: char| !c.is_ascii_alphanumeric()).collect();
        for secret in secrets.iter().filter(|secret| !secret.is_empty()) {
            let found =
                if secret.len() <= 6 { words.contains(secret.as_str()) } else { text.contains(secret) };
            assert!(!found, "{secret} in {} {text}", row.event);
        }
    }
}

/// People are pseudonyms, and the same ones to every client and command.
fn assert_pseudonyms(rows: &[AuditRow]) {
    let of = |kind: Kind| rows.iter().filter(move |row| row.event == kind.name()).map(|row| &row.content);
    let sent: Vec<bool> = of(Kind::CodeSent).filter_map(|row| row["sent"].as_bool()).collect();
    assert!(sent.contains(&true) && sent.contains(&false), "{sent:?}");
    let unlocked = of(Kind::PersonUnlocked).next().expect("one")["person.id"].clone();
    assert!(of(Kind::WrongCode).all(|row| row["person.id"] == unlocked), "the same person");
    let left: Vec<i64> = of(Kind::WrongCode).filter_map(|row| row["left"].as_i64()).collect();
    assert_eq!(left, [4, 3, 2, 1, 0]);
    assert_eq!(of(Kind::Locked).next().expect("one")["reason"], "delay");
    let issued = of(Kind::TokenIssued).find(|row| row["client.id"] == SHOP).expect("one");
    let completed = of(Kind::SignInCompleted).find(|row| row["grant.id"] == issued["grant.id"]);
    assert_eq!(completed.expect("its sign-in")["person.id"], issued["person.id"]);
    assert!(issued["data"].as_str().is_some_and(|data| data.contains("name")), "{issued}");
}

async fn each_event_is_in_the_log_and_in_the_chain_and_nothing_secret_is(setup: Setup) {
    let mut world = setup.set("limits.sends_per_number_10m", 3).start().await;
    let mut secrets: Vec<String> = Vec::new();
    let asked = Asked::by(SHOP).with("scope", "openid profile phone offline_access");

    // An unknown number; then somebody who types wrong codes until the account is delayed.
    let nobody = world.somebody(PersonKind::Unknown);
    world.browser().begin_with_number(&world, &asked, &nobody).await;
    let wrong = world.person();
    let mut browser = world.browser();
    let page = browser.begin_with_number(&world, &asked, &wrong).await;
    let code = world.sandbox.next_code(&wrong).await;
    // The last one is refused: its code has had all its tries.
    for _ in 0..6 {
        browser.enter_code(&page, another(&code)).await.page();
    }
    secrets.push(code);
    world.command(&["people", "unlock", &wrong.number]);

    // Somebody who signs in, and what a client may do with it, and must not.
    let person = world.person();
    let mut browser = world.browser();
    let page = browser.begin_with_number(&world, &asked, &person).await;
    let sms = world.sandbox.next_code(&person).await;
    let page = browser.enter_code(&page, &sms).await.page().expect("allow");
    let code = code_of(&browser.press(&page, "allow", &[]).await.away());
    let tokens = world.redeem(SHOP, &code).await.granted();
    let between = world.refresh(SHOP, tokens.get("refresh_token")).await.granted();
    let next = world.refresh(SHOP, between.get("refresh_token")).await.granted();
    world.refresh(SHOP, tokens.get("refresh_token")).await.refused(400, "invalid_grant");
    let silent = asked.clone().and("prompt", "none");
    let again = code_of(&browser.begin(&world, &silent).await.away());
    let more = world.redeem(SHOP, &again).await.granted();
    world.redeem(SHOP, &again).await.refused(400, "invalid_grant");
    world.browser().begin(&world, &silent).await.away();
    world.push(&asked.clone().without("code_challenge")).await.refused(400, "invalid_request");
    assert_eq!(world.userinfo("no-token").await.status, 401);
    let grant = world.browser().request(Method::DELETE, &world.url("/oidc/grants/x"));
    assert_eq!(grant.bearer_auth("no-token").send().await.expect("an answer").status(), 401);
    let stream = world.browser().request(Method::GET, &world.url("/oidc/ssf/streams"));
    assert_eq!(stream.bearer_auth("no-token").send().await.expect("an answer").status(), 401);
    world.post_as(RIVAL, "/oidc/revoke", &[]).await;
    world.post_as(SHOP, "/oidc/revoke", &[("token", more.get("access_token"))]).await;
    world.post_as(NATIVE, "/oidc/introspect", &[("token", next.get("access_token"))]).await;
    world.post_as(MACHINE, "/oidc/token", &[("grant_type", "client_credentials")]).await.granted();
    world.post_bare(world.nodes[0].port, "/oidc/token", &[], Some((SHOP, "guessed-secret"))).await;
    browser.open("/oidc/logout?id_token_hint=not-a-token").await.page();
    let leave = format!("/oidc/logout?id_token_hint={}", tokens.get("id_token"));
    browser.open(&leave).await.page();

    // Somebody who signs in by OneID's protocol.
    let of_oneid = world.person();
    let oneid = world.oneid_token(ONEID, &mut world.browser(), &of_oneid).await;
    world.oneid_identify(ONEID, &oneid).await.granted();
    world.oneid_identify(ONEID, "no-token").await;

    // Somebody who refuses, somebody whose data a law releases, and somebody who asks for too many codes.
    let mut browser = world.browser();
    let refusing = world.person();
    let page = browser.begin_with_number(&world, &asked, &refusing).await;
    let code_of_refusing = world.sandbox.next_code(&refusing).await;
    let page = browser.enter_code(&page, &code_of_refusing).await.page().expect("deny");
    browser.press(&page, "deny", &[]).await.away();
    let lawful = world.person();
    world.browser().sign_in(&world, &Asked::by(AGENCY), &lawful).await;
    let eager = world.person();
    for _ in 0..4 {
        let mut browser = world.browser();
        let page = browser.begin(&world, &asked).await.page().expect("phone");
        browser.enter_number(&page, &eager.number).await.page();
    }

    secrets.extend(operate(&world, &person));
    secrets.extend(register(&world).await);
    world.nodes[0].running.signal("TERM");
    assert!(world.nodes[0].running.end().await.success());

    let rows = world.audit_rows().await;
    let (held, said) = world.verify(&[]);
    assert!(held && said.contains("0 gap(s)") && !said.contains("ended without warning"), "{said}");
    let written: BTreeSet<&str> = rows.iter().map(|row| row.event.as_str()).collect();
    for kind in Kind::ALL.iter().filter(|kind| !ELSEWHERE.contains(kind)) {
        assert!(written.contains(kind.name()), "no row of {} among {written:?}", kind.name());
    }
    assert_logged(&rows, &world.nodes[0].running.log());

    assert_pseudonyms(&rows);
    for person in [&nobody, &wrong, &person, &of_oneid, &refusing, &lawful, &eager] {
        secrets.extend([person.number.clone(), person.number[3..].to_owned(), person.pinfl.clone()]);
    }
    for answer in [&tokens, &next, &more] {
        let names = ["access_token", "refresh_token", "id_token"];
        secrets.extend(names.map(|name| answer.get(name).to_owned()));
    }
    secrets.extend([
        sms,
        code,
        again,
        oneid,
        code_of_refusing,
        secret(SHOP),
        secret(ONEID),
        "guessed-secret".to_owned(),
    ]);
    assert_nothing_secret(&rows, &secrets);
}

async fn what_is_refused_by_redirect_names_client_and_reason(setup: Setup) {
    let world = setup.start().await;
    let mut browser = world.browser();
    let refused = browser.begin(&world, &Asked::by(SHOP).without("code_challenge")).await.away();
    assert_eq!(param(&refused, "error").as_deref(), Some("invalid_request"));
    let row = world.until_audited(Kind::AuthorizationRefused, "client.id", SHOP).await;
    assert_eq!(row["oidc.error"], "invalid_request");
    assert_eq!(row["reason"].as_str(), param(&refused, "error_description").as_deref());
    assert!(row["request.id"].is_string() && row["network.id"].is_string(), "{row}");
    browser.begin(&world, &Asked::by("stranger\"<")).await.page();
    let row = world.until_audited(Kind::AuthorizationRefused, "client.id", "stranger\"<").await;
    assert!(row["oidc.error"].is_null() && row["reason"].is_string(), "{row}");
    // A pushed request whose client has changed since then.
    let pushed = world.pushed(&Asked::by(RIVAL)).await;
    let changed = world.folder.file("changed.toml");
    let text = client_file::client(RIVAL, "grant_types = [\"client_credentials\"]\n");
    std::fs::write(&changed, text).expect("a client file");
    world.command(&["client", "import", &changed.display().to_string()]);
    until("the change", async || (world.push(&Asked::by(RIVAL)).await.status == 400).then_some(())).await;
    let refused = browser.begin(&world, &pushed).await.away();
    assert_eq!(param(&refused, "error").as_deref(), Some("unauthorized_client"));
    let row = world.until_audited(Kind::AuthorizationRefused, "oidc.error", "unauthorized_client").await;
    assert_eq!(row["client.id"], RIVAL);
    let malformed = browser.open("/oidc/authorize?client_id=%00").await.page();
    assert_eq!(malformed.status, 400);
    let refused = world.metric("yagona_http_requests_total", &["authorize", "400"]).await;
    until("every refusal", async || {
        (world.audited(Kind::AuthorizationRefused).await.len() as f64 > refused).then_some(())
    })
    .await;
    world.redeem(SHOP, "no-code").await.refused(400, "invalid_grant");
    let row = world.until_audited(Kind::TokenRefused, "oidc.error", "invalid_grant").await;
    assert_eq!((&row["client.id"], &row["grant.type"]), (&SHOP.into(), &"authorization_code".into()));
    let port = world.nodes[0].port;
    world.post_bare(port, "/oidc/token", &[], Some((SHOP, "guessed"))).await.refused(401, "invalid_client");
    let row = world.until_audited(Kind::TokenRefused, "oidc.error", "invalid_client").await;
    assert_eq!(row["client.id"], SHOP);
    let log = world.nodes[0].running.log();
    for kind in [Kind::AuthorizationRefused, Kind::TokenRefused] {
        let line = log.lines().find(|line| line.contains(&format!("\"event\":\"{}\"", kind.name())));
        assert!(line.is_some_and(|line| line.contains(r#""client.id":"shop""#)), "{line:?}");
    }
}

async fn a_change_of_the_rows_is_found(setup: Setup) {
    let world = setup.start().await;
    for _ in 0..3 {
        world.browser().begin(&world, &Asked::by(SHOP)).await.page();
    }
    until("three sign-ins", async || (world.audited(Kind::SignInBegun).await.len() == 3).then_some(())).await;
    let (held, said) = world.verify(&[]);
    assert!(held, "{said}");
    let checkpoint = said.lines().find_map(|line| line.strip_prefix("checkpoint: ")).expect(&said).to_owned();
    let seq: i64 = checkpoint.split(':').next().expect("a number").parse().expect("a number");
    world.browser().begin(&world, &Asked::by(SHOP)).await.page();
    until("a fourth", async || (world.audited(Kind::SignInBegun).await.len() == 4).then_some(())).await;
    assert!(world.verify(&["--checkpoint", &checkpoint]).0);
    // The log has checkpoints, too.
    let log = world.nodes[0].running.log();
    let line = log.lines().find(|line| line.contains("audit.checkpoint")).expect("a checkpoint");
    let line: Value = serde_json::from_str(line).expect("JSON");
    let logged = format!("{}:{}", line["audit.seq"], line["audit.hash"].as_str().expect("a hash"));
    assert!(world.verify(&["--checkpoint", &logged]).0, "{logged}");

    // Rows have their places in the tree, whose checkpoint anybody keeps.
    let published = async || {
        let said = world.verify(&[]).1;
        let placed =
            said.lines().find_map(|line| line.strip_suffix(" of them have their places in the tree"))?;
        placed.parse::<i64>().is_ok_and(|placed| placed > seq).then_some(())
    };
    until("places in the tree", published).await;
    let kept = world.published_text("/audit/checkpoint").await;
    assert!(kept.contains("/audit\n"), "{kept}");
    let file = world.folder.file("kept");
    std::fs::write(&file, &kept).expect("a file");
    let signed = ["--signed-checkpoint", file.to_str().expect("a path")];
    assert!(world.verify(&signed).0);
    let key = world.command(&["audit", "key"]);
    assert_eq!(key.trim(), world.published_text("/audit/key").await.trim());

    // What was cut off is found by either kind of checkpoint, and by the tree.
    world.change_database("DELETE FROM audit_log WHERE seq > 4").await;
    world
        .change_database(
            "UPDATE audit_head SET seq = 4, hash = (SELECT hash FROM audit_log WHERE seq = 4) WHERE head_id = 1",
        )
        .await;
    for arguments in [&[][..], &signed] {
        let (held, said) = world.verify(arguments);
        assert!(!held && said.contains("rows 5 to 5 were removed"), "{said}");
    }
    let (held, said) = world.verify(&["--checkpoint", &checkpoint]);
    assert!(!held && said.contains("cut off") && said.contains(&seq.to_string()), "{said}");
    world.change_database("UPDATE audit_log SET content = '{}' WHERE seq = 3").await;
    let (held, said) = world.verify(&[]);
    assert!(!held && said.contains("row 3 was changed"), "{said}");
    world.change_database("DELETE FROM audit_log WHERE seq = 2").await;
    let (held, said) = world.verify(&[]);
    assert!(!held && said.contains("rows 2 to 2 were removed"), "{said}");
}

async fn a_killed_node_is_named_and_the_chain_goes_on(setup: Setup) {
    let mut world = setup.start().await;
    world.browser().begin(&world, &Asked::by(SHOP)).await.page();
    until("a row", async || (!world.audited(Kind::SignInBegun).await.is_empty()).then_some(())).await;
    world.nodes[0].running.kill();
    let (held, said) = world.verify(&[]);
    assert!(held && said.contains("ended without warning"), "{said}");
    let killed = said.lines().find_map(|line| line.strip_prefix("process ")).expect(&said)[..16].to_owned();
    world.start_again().await;
    world.browser().begin(&world, &Asked::by(SHOP)).await.page();
    until("a row", async || (world.audited(Kind::SignInBegun).await.len() == 2).then_some(())).await;
    world.nodes[0].running.signal("TERM");
    assert!(world.nodes[0].running.end().await.success());
    let (held, said) = world.verify(&[]);
    let named: Vec<&str> = said.lines().filter(|line| line.contains("ended without warning")).collect();
    assert!(held && said.contains("0 gap(s)"), "{said}");
    assert!(named.len() == 1 && named[0].contains(&killed), "{said}");
}

async fn a_command_that_cannot_be_recorded_changes_nothing(setup: Setup) {
    let world = setup.start().await;
    world.change_database("ALTER TABLE audit_head RENAME TO audit_gone").await;
    let output = world.try_command(&["client", "disable", SHOP]);
    let said = both_streams(&output);
    assert!(!output.status.success() && said.contains("nothing was done"), "{said}");
    assert!(world.command(&["client", "list"]).lines().all(|line| !line.contains("disabled")));
    // Nobody who signs in notices.
    code_of(&world.browser().sign_in(&world, &Asked::by(SHOP), &world.person()).await);
    world.change_database("ALTER TABLE audit_gone RENAME TO audit_head").await;
    until("what waited", async || (!world.audited(Kind::SignInCompleted).await.is_empty()).then_some(()))
        .await;
    world.command(&["client", "disable", SHOP]);
    let (held, said) = world.verify(&[]);
    assert!(held && said.contains("0 gap(s)"), "{said}");
    let commands = world.audited(Kind::CommandBegun).await;
    let last = commands.last().expect("the command");
    assert_eq!((&last["command"], &last["client.id"]), (&"client disable".into(), &SHOP.into()));
    assert!(last["operator"].as_str().is_some_and(|user| user.contains('(')), "{last}");
}

async fn rows_expire_and_the_rest_verifies(setup: Setup) {
    let world = setup.set("audit.keep_days", 400).start().await;
    world.browser().begin(&world, &Asked::by(SHOP)).await.page();
    until("a row", async || (!world.audited(Kind::SignInBegun).await.is_empty()).then_some(())).await;
    let (_, said) = world.verify(&[]);
    let checkpoint = said.lines().find_map(|line| line.strip_prefix("checkpoint: ")).expect(&said).to_owned();
    world.advance(401 * 86_400).await;
    world.browser().begin(&world, &Asked::by(SHOP)).await.page();
    let purged = until("the purge", async || world.audited(Kind::Purged).await.pop()).await;
    assert!(purged["count"].as_i64().is_some_and(|count| count > 0), "{purged}");
    let (held, said) = world.verify(&["--checkpoint", &checkpoint]);
    assert!(held, "{said}");
    // Whoever has no keyring cannot let more expire.
    world.change_database("DELETE FROM audit_log WHERE seq = (SELECT MIN(seq) FROM audit_log)").await;
    world.change_database("UPDATE audit_head SET base_seq = base_seq + 1 WHERE head_id = 1").await;
    let (held, said) = world.verify(&[]);
    assert!(!held && said.contains("beginning was changed"), "{said}");
}

#[tokio::test]
async fn two_nodes_write_one_chain() {
    let mut world = Setup::new(Backend::Servers).set("nodes", 2).start().await;
    world.add_node().await;
    let ports = [world.nodes[0].port, world.nodes[1].port];
    futures_util::future::join_all((0..40).map(async |n: usize| {
        world.browser().at(ports[n % 2]).begin(&world, &Asked::by(SHOP)).await.page();
    }))
    .await;
    until("all rows", async || (world.audited(Kind::SignInBegun).await.len() == 40).then_some(())).await;
    let rows = world.audit_rows().await;
    let nodes: BTreeSet<&str> = rows
        .iter()
        .filter(|row| row.event == Kind::SignInBegun.name())
        .map(|row| row.node.as_str())
        .collect();
    assert_eq!(nodes.len(), 2);
    let (held, said) = world.verify(&[]);
    assert!(held && said.contains("0 gap(s)"), "{said}");
}

#[tokio::test]
async fn what_happens_without_a_database_is_written_when_it_is_back() {
    let world = Setup::new(Backend::Servers).relayed().start().await;
    let (postgres, _) = world.relays.as_ref().expect("relays");
    postgres.cut();
    // Beginning a sign-in needs no database.
    for _ in 0..5 {
        world.browser().begin(&world, &Asked::by(SHOP)).await.page();
    }
    until("rows to wait", async || (world.metric("yagona_audit_waiting", &[]).await >= 5.0).then_some(()))
        .await;
    postgres.restore();
    until("nothing to wait", async || (world.metric("yagona_audit_waiting", &[]).await == 0.0).then_some(()))
        .await;
    until("the rows", async || (world.audited(Kind::SignInBegun).await.len() == 5).then_some(())).await;
    let (held, said) = world.verify(&[]);
    assert!(held && said.contains("0 gap(s)"), "{said}");
    assert_eq!(world.metric("yagona_audit_dropped_total", &[]).await, 0.0);
}
