//! Streams and events on the embedded database.

use super::*;
use crate::platform::clock::Timestamp;
use crate::platform::db::statement;
use crate::platform::db::test_db::TestDb;

const NOW: Timestamp = Timestamp(1_795_244_400);

async fn signals() -> (Signals, Clock, TestDb) {
    let (db, clock) = (TestDb::migrated().await, Clock::manual(NOW));
    let keyring = Keyring::read_or_create(&db.folder().join("keyring.toml")).unwrap();
    (Signals::new(db.clone(), clock.clone(), &keyring), clock, db)
}

fn stream(client: &str, endpoint: Option<&str>) -> Stream {
    Stream {
        id: Signals::new_stream_id(),
        client_id: ClientId::parse(client).unwrap(),
        status: Status::Enabled,
        reason: None,
        endpoint: endpoint.map(str::to_owned),
        authorization: Some("Bearer secret".to_owned()),
        events: vec![EventType::SessionRevoked],
        description: None,
    }
}

async fn meet(db: &TestDb, person: &PersonId, client: &'static str) {
    let meet = "INSERT INTO consents (consent_id, person_id, client_id, basis, extent, given_at, expires_at) \
                VALUES ($1, $2, $3, 'consent', '{}', 1, 2)";
    let id = bytes::random_alphanumeric::<8>();
    db.execute(statement(meet).bind(id).bind(person.as_str()).bind(client)).await.unwrap();
}

#[actix_web::test]
async fn an_event_is_for_those_who_want_it_and_know_the_person() {
    let (signals, _clock, db) = signals().await;
    let person = PersonId::random();
    let (shop, bank, stranger) =
        (stream("shop", None), stream("bank", Some("https://bank.uz/set")), stream("stranger", None));
    for stream in [&shop, &bank, &stranger] {
        assert!(signals.create(stream).await.unwrap());
    }
    assert!(!signals.create(&stream("shop", None)).await.unwrap(), "one stream a service");
    meet(&db, &person, "shop").await;
    meet(&db, &person, "bank").await;
    let all = [EventType::SessionRevoked, EventType::AccountDisabled];
    db.all_or_nothing(signals.rows(&person, &all, None)).await.unwrap();
    let waiting = async |stream: &Stream| signals.waiting(&stream.id, 10).await.unwrap();
    assert_eq!(
        (waiting(&shop).await.len(), waiting(&bank).await.len(), waiting(&stranger).await.len()),
        (1, 1, 0)
    );
    let one = waiting(&shop).await.remove(0);
    assert_eq!((one.event.as_str(), one.person), (EventType::SessionRevoked.uri(), Some(person.clone())));
    assert_eq!(one.txn, waiting(&bank).await[0].txn, "of one cause");
    // The polled one is nobody's to send.
    let due = signals.take_due(10).await.unwrap();
    assert_eq!(due.len(), 1);
    assert_eq!(due[0].event.client_id.as_str(), "bank");
    assert!(signals.take_due(10).await.unwrap().is_empty());
    signals.put_back(&due[0], NOW.plus(5)).await.unwrap();
    assert!(signals.take_due(10).await.unwrap().is_empty());
    signals.acknowledged(&shop.id, &due[0].event.jti).await.unwrap();
    assert_eq!(waiting(&bank).await.len(), 1, "another stream's is not acknowledged");
    signals.acknowledged(&bank.id, &due[0].event.jti).await.unwrap();
    assert!(waiting(&bank).await.is_empty());
    // One for one service alone.
    db.all_or_nothing(signals.rows(&person, &all, Some(&bank.client_id))).await.unwrap();
    assert_eq!((waiting(&shop).await.len(), waiting(&bank).await.len()), (1, 1));
}

#[actix_web::test]
async fn an_event_that_cannot_be_read_keeps_back_no_other() {
    let (signals, _clock, db) = signals().await;
    let person = PersonId::random();
    for (client, endpoint) in [("shop", "https://shop.uz/set"), ("bank", "https://bank.uz/set")] {
        assert!(signals.create(&stream(client, Some(endpoint))).await.unwrap());
        meet(&db, &person, client).await;
    }
    db.all_or_nothing(signals.rows(&person, &[EventType::SessionRevoked], None)).await.unwrap();
    let damage = "UPDATE signal_events SET client_id = 'no identifier' WHERE client_id = 'shop'";
    db.execute(statement(damage)).await.unwrap();
    let due = signals.take_due(10).await.unwrap();
    assert_eq!(due.iter().map(|due| due.event.client_id.as_str()).collect::<Vec<_>>(), ["bank"]);
}

#[actix_web::test]
async fn a_paused_stream_keeps_its_events_and_a_disabled_one_has_none() {
    let (signals, clock, db) = signals().await;
    let person = PersonId::random();
    meet(&db, &person, "bank").await;
    let mut bank = stream("bank", Some("https://bank.uz/set"));
    assert!(signals.create(&bank).await.unwrap());
    let happens = async || {
        db.all_or_nothing(signals.rows(&person, &[EventType::SessionRevoked], None)).await.unwrap();
    };
    happens().await;
    bank.status = Status::Paused;
    assert!(signals.set_status(&bank).await.unwrap());
    happens().await;
    assert!(signals.take_due(10).await.unwrap().is_empty(), "it is paused");
    // Whoever configures it at the same time read another status.
    let read_before = Stream { status: Status::Enabled, ..bank.clone() };
    assert!(signals.configure(&read_before).await.unwrap());
    assert_eq!(signals.stream_of(&bank.client_id).await.unwrap().unwrap().status, Status::Paused);
    assert!(signals.take_due(10).await.unwrap().is_empty(), "it is paused still");
    bank.status = Status::Enabled;
    assert!(signals.set_status(&bank).await.unwrap());
    assert_eq!(signals.take_due(10).await.unwrap().len(), 1);
    let found = signals.stream_of(&bank.client_id).await.unwrap().unwrap();
    assert_eq!((found.authorization.as_deref(), found.status), (Some("Bearer secret"), Status::Enabled));
    bank.status = Status::Disabled;
    assert!(signals.set_status(&bank).await.unwrap());
    happens().await;
    assert!(signals.waiting(&bank.id, 10).await.unwrap().is_empty());
    assert!(
        signals.may_verify(&bank.id, 60).await.unwrap() && !signals.may_verify(&bank.id, 60).await.unwrap()
    );
    clock.advance(60);
    assert!(signals.may_verify(&bank.id, 60).await.unwrap());
    bank.status = Status::Enabled;
    signals.set_status(&bank).await.unwrap();
    happens().await;
    assert_eq!(signals.purge(clock.now().plus(KEPT), 10).await.unwrap(), 0);
    assert_eq!(signals.purge(clock.now().plus(KEPT + 1), 10).await.unwrap(), 1);
    let other = ClientId::parse("shop").unwrap();
    assert!(!signals.delete(&other, &bank.id).await.unwrap());
    assert!(signals.delete(&bank.client_id, &bank.id).await.unwrap());
    assert!(signals.stream_of(&bank.client_id).await.unwrap().is_none());
}
