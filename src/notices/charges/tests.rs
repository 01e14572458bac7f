//! Charges and suspensions on the embedded database.

use super::*;
use crate::platform::config::SettingValue as _;
use crate::platform::db::test_db::TestDb;
use crate::platform::db::{statement, text};

const NOW: Timestamp = Timestamp(1_795_244_400);

async fn charges(tariff: &str) -> (Charges, Clock, TestDb) {
    let (db, clock) = (TestDb::migrated().await, Clock::manual(NOW));
    let keyring = Keyring::read_or_create(&db.folder().join("keyring.toml")).unwrap();
    let raw: toml::Table = toml::from_str(&format!("tariff = {tariff}")).unwrap();
    let Ok(tariff) = Tariff::read(&raw["tariff"], Tariff::KIND) else { panic!("a tariff") };
    (Charges::new(db.clone(), clock.clone(), tariff, &keyring), clock, db)
}

/// Somebody has this number and accepted this sum.
async fn accepted(db: &TestDb, index: &str, tiyin: Option<i64>) {
    let person = "INSERT INTO persons (person_id, pinfl_index, sealed, updated_at) VALUES ($1, $2, '', 1)";
    db.execute(statement(person).bind(format!("of-{index}")).bind(index)).await.unwrap();
    let number = "INSERT INTO phone_numbers (number_index, person_id, sealed, status, updated_at) \
                  VALUES ($1, $2, '', 'enrolled', 1)";
    db.execute(statement(number).bind(index).bind(format!("of-{index}"))).await.unwrap();
    let consent = "INSERT INTO charge_consents (charge_consent_id, person_id, language, tiyin, warned_at_ms, accepted_at_ms) \
                   VALUES ($1, $2, 'en', $3, 1, 2)";
    db.execute(statement(consent).bind(index).bind(format!("of-{index}")).bind(tiyin)).await.unwrap();
}

#[actix_web::test]
async fn r79_nobody_is_charged_more_than_they_accepted_nor_who_accepted_nothing() {
    let tariff = r#"[{ from = "2026-01-01", notice = 5000 }]"#;
    let (charges, _clock, db) = charges(tariff).await;
    let number = PhoneNumber::from_digits("998901234567").unwrap();
    accepted(&db, "cheap", Some(3000)).await;
    accepted(&db, "dear", Some(9000)).await;
    accepted(&db, "unnamed", None).await;
    accepted(&db, "withdrawn", Some(9000)).await;
    let withdraw = "UPDATE charge_consents SET withdrawn_at_ms = 3 WHERE person_id = 'of-withdrawn'";
    db.execute(statement(withdraw)).await.unwrap();
    for index in ["cheap", "dear", "unnamed", "withdrawn", "nobody"] {
        charges.record(index, MessageKind::Notice, (&number, index)).await.unwrap();
    }
    let mut told = charges.between((0, i64::MAX), None, 10).await.unwrap();
    told.sort_by_key(|one| one.tiyin);
    let told: Vec<_> = told.iter().map(|one| (one.message_id.as_str(), one.tiyin)).collect();
    assert_eq!(told, [("cheap", 3000), ("dear", 5000)]);
}

#[actix_web::test]
async fn a_suspension_does_not_go_with_the_number_to_its_next_holder() {
    let (charges, _clock, db) = charges("[]").await;
    let number = Digest::of(b"number");
    accepted(&db, &number.encode(), None).await;
    accepted(&db, "next", None).await;
    assert_eq!(charges.suspend(&[number]).await.unwrap(), 1);
    assert!(charges.is_suspended(&number).await.unwrap());
    let next = "UPDATE phone_numbers SET person_id = 'of-next' WHERE number_index = $1";
    db.execute(statement("UPDATE phone_numbers SET status = 'not_enrolled' WHERE number_index = 'next'"))
        .await
        .unwrap();
    db.execute(statement(next).bind(number.encode())).await.unwrap();
    assert!(!charges.is_suspended(&number).await.unwrap());
    assert_eq!(charges.suspend(&[number]).await.unwrap(), 1, "of the next one it is another");
    assert!(charges.is_suspended(&number).await.unwrap());
}

#[actix_web::test]
async fn r76_a_chargeable_message_is_charged_once_by_the_tariff_of_its_day() {
    let tariff = r#"[{ from = "2026-01-01", notice = 5000, request = 7001 }]"#;
    let (charges, clock, db) = charges(tariff).await;
    let number = PhoneNumber::from_digits("998901234567").unwrap();
    let whose = (&number, "index");
    accepted(&db, "index", Some(100_000)).await;
    for _ in 0..2 {
        charges.record("m1", MessageKind::Notice, whose).await.unwrap();
    }
    charges.record("m2", MessageKind::Code, whose).await.unwrap();
    clock.advance(1);
    charges.record("m3", MessageKind::Request, whose).await.unwrap();
    let all = (0, i64::MAX);
    let found = charges.between(all, None, 10).await.unwrap();
    let told: Vec<_> =
        found.iter().map(|one| (one.message_id.as_str(), one.kind.as_str(), one.tiyin)).collect();
    assert_eq!(told, [("m1", "notice", 5000), ("m3", "request", 7001)]);
    assert!(found.iter().all(|one| one.number == number && one.tariff_from == "2026-01-01"));
    let row = db.read_one(statement("SELECT sealed FROM charges LIMIT 1")).await.unwrap();
    assert!(!text(&row, "charges", "sealed").unwrap().contains("901234567"));
    let rest = charges.between(all, Some((found[0].sent_at_ms, "m1")), 10).await.unwrap();
    assert_eq!(rest.len(), 1);
    let second = NOW.plus(1).0 * 1000;
    assert_eq!(charges.between((second, second + 1), None, 10).await.unwrap().len(), 1);
    assert_eq!(charges.between((0, second), None, 10).await.unwrap().len(), 1);
    assert_eq!(charges.purge(NOW.plus(1), 10).await.unwrap(), 1);
}

#[actix_web::test]
async fn a_number_is_suspended_and_resumed_by_its_index() {
    let (charges, _clock, _db) = charges("[]").await;
    let (one, other) = (Digest::of(b"one"), Digest::of(b"other"));
    assert_eq!(charges.suspend(&[one, other]).await.unwrap(), 2);
    assert_eq!(charges.suspend(&[one]).await.unwrap(), 0);
    assert!(charges.is_suspended(&one).await.unwrap());
    assert_eq!(charges.resume(&[one, Digest::of(b"nobody")]).await.unwrap(), 1);
    assert!(!charges.is_suspended(&one).await.unwrap() && charges.is_suspended(&other).await.unwrap());
}
