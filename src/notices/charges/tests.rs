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

#[actix_web::test]
async fn r76_a_chargeable_message_is_charged_once_by_the_tariff_of_its_day() {
    let tariff = r#"[{ from = "2026-01-01", notice = 5000, request = 7001 }]"#;
    let (charges, clock, db) = charges(tariff).await;
    let number = PhoneNumber::from_digits("998901234567").unwrap();
    let whose = (&number, "index");
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
