//! Lists about enrolled numbers (docs/exchange.md): what goes to operators, and whose enrolment ends by what comes from them.

use serde_json::{Value, json};
use yagona::audit::Kind as Audited;
use yagona::mobile_id::exchange::{Header, Kind as List, Sheet, SheetWriter};
use yagona::platform::clock::{Clock, Timestamp};

use crate::support::client_file::SHOP;
use crate::support::people::Kind;
use crate::support::process::both_streams;
use crate::support::wait::until;
use crate::support::{Asked, Person, Setup, World, alone_on_both_backends, code_of};

alone_on_both_backends!(
    r87_an_operator_is_given_enrolled_numbers_and_nothing_else,
    r84_numbers_that_were_returned_end_everything_and_frozen_ones_stay,
    r84_a_list_that_cannot_be_read_changes_nothing,
    r86_a_death_ends_an_enrolment_when_two_registers_say_so,
    r86_the_civil_registry_is_asked_in_turn_about_everybody_who_is_enrolled,
);

pub(crate) fn with_operators(setup: Setup) -> Setup {
    let operators = [("testline", vec!["00"]), ("otherline", vec!["90", "91"])];
    let operators = operators.into_iter().map(|(name, codes)| {
        (name.to_owned(), toml::Value::Array(codes.into_iter().map(toml::Value::from).collect()))
    });
    setup.set("exchange.operators", toml::Value::Table(operators.collect()))
}

/// Writes a list of an operator into the world's folder.
pub(crate) fn list(world: &World, name: &str, number: u32, rows: &[String]) {
    let header = Header {
        kind: List::Returned,
        party: "testline".to_owned(),
        number,
        made_at: Timestamp(1_795_000_000),
    };
    let mut out = Vec::new();
    let mut sheet = SheetWriter::begin(&mut out, &header).expect("a head");
    for row in rows {
        sheet.row(row).expect("a row");
    }
    sheet.finish().expect("an end");
    std::fs::write(world.folder.file(name), out).expect("a file");
}

pub(crate) fn moment(seconds: i64) -> String {
    Timestamp(seconds).to_rfc3339()
}

pub(crate) fn now() -> i64 {
    Clock::System.now().0
}

async fn r87_an_operator_is_given_enrolled_numbers_and_nothing_else(setup: Setup) {
    let world = with_operators(setup).start().await;
    let (one, blocked, none) =
        (world.person(), world.somebody(Kind::Blocked), world.somebody(Kind::NotEnrolled));
    let export = ["exchange", "export", "--operator", "testline", "--out", "list.csv", "--format", "json"];
    let told: Value = serde_json::from_str(&world.command(&export)).expect("JSON");
    let text = std::fs::read_to_string(world.folder.file("list.csv")).expect("the list");
    let sheet = Sheet::parse(&text).expect("a list");
    assert_eq!((sheet.header.kind, sheet.header.number), (List::Enrolled, 1));
    assert_eq!((&told["sha256"], &told["rows"]), (&sheet.digest.into(), &sheet.rows.len().into()));
    let numbers: Vec<&str> = sheet.rows.iter().map(|(_, row)| *row).collect();
    assert!(numbers.iter().all(|number| number.len() == 12), "numbers and nothing else: {text}");
    let has = |number: &str| numbers.contains(&number);
    assert!(has(&one.number) && has(&blocked.number) && !has(&none.number), "{text}");
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        let file = std::fs::metadata(world.folder.file("list.csv")).expect("the list");
        assert_eq!(file.permissions().mode() & 0o777, 0o600, "its owner alone");
    }
    // A file that is there is not written over, and takes no number.
    assert!(!world.try_command(&export).status.success());
    let other = ["exchange", "export", "--operator", "otherline", "--out", "other.csv"];
    assert!(world.command(&other).starts_with("List 1 to otherline: 0 number(s)"));
    let unknown = ["exchange", "export", "--operator", "nobody", "--out", "nobody.csv"];
    let said = both_streams(&world.try_command(&unknown));
    assert!(said.contains("exchange.operators has otherline, testline"), "{said}");
}

async fn r84_numbers_that_were_returned_end_everything_and_frozen_ones_stay(setup: Setup) {
    let world = with_operators(setup).start().await;
    let (gone, frozen, again) = (world.person(), world.person(), world.person());
    let asked = Asked::by(SHOP).with("scope", "openid phone offline_access");
    let tokens_of_gone = world.tokens(&asked, &gone).await;
    let tokens_of_frozen = world.tokens(&asked, &frozen).await;
    let tokens_of_again = world.tokens(&asked, &again).await;
    let (yesterday, later) = (moment(now() - 86_400), moment(now() + 100));
    let rows = [
        format!("{},returned,{later}", gone.number),
        format!("{},frozen,{later}", frozen.number),
        // It was enrolled after it had been returned.
        format!("{},returned,{yesterday}", again.number),
        format!("998004999999,returned,{later}"),
        format!("998901234567,returned,{later}"),
    ];
    list(&world, "one.csv", 1, &rows);
    let import = ["exchange", "import", "one.csv", "--format", "json"];
    let told: Value = serde_json::from_str(&world.command(&import)).expect("JSON");
    let outcomes = &told["outcomes"];
    for outcome in ["ended", "frozen", "enrolled_since", "not_enrolled", "other_operator"] {
        assert_eq!(outcomes[outcome], 1, "{outcome} in {told}");
    }
    assert_eq!(told["not_ended"][0], json!({"line": 3, "outcome": "frozen"}));
    assert!(!told.to_string().contains(&gone.number), "no number in a report: {told}");
    // What began before is over, on this node at once and elsewhere within a second.
    world.refresh(SHOP, tokens_of_gone.get("refresh_token")).await.refused(400, "invalid_grant");
    until("the access to have ended", async || {
        (!world.is_active(SHOP, tokens_of_gone.get("access_token")).await).then_some(())
    })
    .await;
    for tokens in [&tokens_of_frozen, &tokens_of_again] {
        world.refresh(SHOP, tokens.get("refresh_token")).await.granted();
    }
    code_of(&world.browser().sign_in(&world, &Asked::by(SHOP), &frozen).await);
    let ends = "SELECT COUNT(*) FROM enrolment_ends WHERE ground = 'number_returned'";
    assert_eq!(world.stored(ends).await, 1);
    // The same list again, and another one with its number, are refused.
    let said = both_streams(&world.try_command(&import));
    assert!(said.contains("was applied before"), "{said}");
    list(&world, "other.csv", 1, &rows[1..2]);
    let said = both_streams(&world.try_command(&["exchange", "import", "other.csv"]));
    assert!(said.contains("another file was list 1"), "{said}");
    // One that was interrupted is applied again, and ends nothing twice.
    world.change_stored("UPDATE exchange_files SET finished_at = NULL").await;
    let told: Value = serde_json::from_str(&world.command(&import)).expect("JSON");
    assert_eq!((&told["outcomes"]["ended"], &told["outcomes"]["not_enrolled"]), (&0.into(), &2.into()));
    assert_eq!(world.stored(ends).await, 1);
}

async fn r84_a_list_that_cannot_be_read_changes_nothing(setup: Setup) {
    let world = with_operators(setup).start().await;
    let person = world.person();
    let tokens = world.tokens(&Asked::by(SHOP).with("scope", "openid offline_access"), &person).await;
    let good = format!("{},returned,{}", person.number, moment(now()));
    list(&world, "bad.csv", 1, &[good.clone(), "998901234567,lost,2026-11-20T10:00:00Z".to_owned()]);
    let said = both_streams(&world.try_command(&["exchange", "import", "bad.csv"]));
    assert!(said.contains("line 3: the state is neither returned nor frozen"), "{said}");
    assert!(!said.contains("998901234567"), "{said}");
    list(&world, "cut.csv", 1, &[good]);
    let whole = std::fs::read_to_string(world.folder.file("cut.csv")).expect("the list");
    std::fs::write(world.folder.file("cut.csv"), whole.replacen(",returned,", ",frozen,", 2))
        .expect("a file");
    let said = both_streams(&world.try_command(&["exchange", "import", "cut.csv"]));
    assert!(said.contains("nothing was changed"), "{said}");
    assert_eq!(world.stored("SELECT COUNT(*) FROM exchange_files").await, 0);
    world.refresh(SHOP, tokens.get("refresh_token")).await.granted();
}

/// Somebody as the registers know them, who lives or has died.
fn known(person: &Person, died: Option<&str>) -> Value {
    json!({
        "pinfl": person.pinfl, "latin": ["VALIYEV", "ALI", "KARIMOVICH"], "birth_date": "1990-01-01", "sex": 1,
        "died": died, "numbers": [{ "msisdn": person.number }],
        "documents": [{
            "kind": "IDMS_RECV_MVD_IDCARD_CITIZEN", "number": "AL0000000", "issuer": "IIV 26277",
            "from": "2021-03-15", "until": "2031-03-14",
        }],
    })
}

async fn r86_a_death_ends_an_enrolment_when_two_registers_say_so(setup: Setup) {
    let world = setup.start().await;
    let (dead, alive) = (world.person(), world.person());
    let everybody = json!({ "person": [known(&dead, Some("2026-11-01")), known(&alive, None)] });
    world.sandbox.knows(&everybody).await;
    let asked = Asked::by(SHOP).with("scope", "openid offline_access");
    let tokens_of_dead = world.tokens(&asked, &dead).await;
    let tokens_of_alive = world.tokens(&asked, &alive).await;
    let header = Header {
        kind: List::Deaths,
        party: "fhdyo".to_owned(),
        number: 1,
        made_at: Timestamp(1_795_000_000),
    };
    let mut out = Vec::new();
    let mut sheet = SheetWriter::begin(&mut out, &header).expect("a head");
    for (person, record) in [(dead.pinfl.as_str(), "A-1"), (&alive.pinfl, "A-2"), ("40404412050107", "A-3")] {
        sheet.row(&format!("{person},2026-11-01,{record}")).expect("a row");
    }
    sheet.finish().expect("an end");
    std::fs::write(world.folder.file("deaths.csv"), out).expect("a file");
    let import = ["deaths", "import", "deaths.csv", "--format", "json"];
    let told: Value = serde_json::from_str(&world.command(&import)).expect("JSON");
    assert_eq!((&told["rows"], &told["known"]), (&3.into(), &2.into()), "nobody else is known here: {told}");
    let ends = "SELECT COUNT(*) FROM enrolment_ends WHERE ground = 'death'";
    world.advance(6).await;
    world.until_stored(ends, 1).await;
    world.refresh(SHOP, tokens_of_dead.get("refresh_token")).await.refused(400, "invalid_grant");
    // Of two registers that contradict each other nothing ends, and operators are told.
    let list = ["deaths", "list", "--format", "json"];
    let contradicted = until("the contradiction", async || {
        let told: Value = serde_json::from_str(&world.command(&list)).expect("JSON");
        told["reports"].get(0).cloned()
    })
    .await;
    assert_eq!((&contradicted["record"], &contradicted["died"]), (&"A-2".into(), &"2026-11-01".into()));
    until("its event", async || {
        let rows = world.audit_rows().await;
        rows.iter().any(|row| row.event == Audited::DeathContradicted.name()).then_some(())
    })
    .await;
    until("the gauge", async || (world.metric("yagona_deaths_contradicted", &[]).await == 1.0).then_some(()))
        .await;
    world.refresh(SHOP, tokens_of_alive.get("refresh_token")).await.granted();
    let stored = world.stored_text("SELECT MIN(sealed) FROM death_reports WHERE state <> $1", "x").await;
    assert!(!stored.contains("A-1") && !stored.contains("A-2"));
    // The next report of the same person is tried anew.
    world.sandbox.knows(&json!({ "person": [known(&alive, Some("2026-11-01"))] })).await;
    let said = both_streams(&world.try_command(&import));
    assert!(said.contains("was applied before"), "{said}");
}

async fn r86_the_civil_registry_is_asked_in_turn_about_everybody_who_is_enrolled(setup: Setup) {
    let world = setup
        .people(3, 1)
        .set("exchange.deaths_per_hour", 3600)
        .set("registries.civil_registry.fresh_seconds", 0)
        .start()
        .await;
    let dead = world.person();
    world.sandbox.knows(&json!({ "person": [known(&dead, Some("2026-11-01"))] })).await;
    // They were asked about once when nodes began; a minute later they are asked about again.
    world.advance(61).await;
    world.until_stored("SELECT COUNT(*) FROM death_reports", 1).await;
    world.advance(6).await;
    world.until_stored("SELECT COUNT(*) FROM enrolment_ends WHERE ground = 'death'", 1).await;
    let waiting = "SELECT COUNT(*) FROM death_reports WHERE state = 'confirmed'";
    assert_eq!(world.stored(waiting).await, 1);
}
