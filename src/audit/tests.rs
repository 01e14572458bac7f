//! The chain on the embedded database: written by several processes, verified, changed behind their backs, purged.

use futures_util::future::join_all;

use super::*;
use crate::platform::clock::Timestamp;
use crate::platform::db::test_db::TestDb;
use crate::platform::db::{self, Statement};
use crate::platform::tlog::{Checkpoint, Finding};

const NOW: Timestamp = Timestamp(1_800_000_000);

struct World {
    db: TestDb,
    keyring: Keyring,
    clock: Clock,
}

impl World {
    async fn new() -> Self {
        let db = TestDb::migrated().await;
        let keyring = Keyring::read_or_create(&db.folder().join("keyring.toml")).unwrap();
        Self { db, keyring, clock: Clock::manual(NOW) }
    }

    /// One more process.
    fn process(&self) -> Audit {
        Audit::new(self.db.clone(), self.clock.clone(), &self.keyring, Metrics::new())
    }

    async fn report(&self) -> Report {
        self.process().verifier().run().await.unwrap()
    }

    async fn tampering(&self) -> Option<Tampering> {
        self.report().await.tampering
    }

    async fn change(&self, sql: &'static str) {
        self.db.execute(db::statement(sql)).await.unwrap();
    }

    async fn number(&self, statement: Statement) -> i64 {
        db::int(&self.db.read_one(statement).await.unwrap(), "audit_log", "n").unwrap()
    }

    async fn content(&self, seq: i64) -> String {
        let row = db::statement("SELECT content FROM audit_log WHERE seq = $1").bind(seq);
        db::text(&self.db.read_one(row).await.unwrap(), "audit_log", "content").unwrap()
    }
}

/// Gives the rows that there are their places in the tree.
async fn place(audit: &Audit) {
    assert_eq!(tree::give_places(&audit.0).await.unwrap(), 0);
}

async fn write(audit: &Audit, events: usize) {
    for n in 0..events {
        audit.record(Event::new(Kind::WrongCode).client("shop").person("p1").left(n as i64));
    }
    writer::drain(&audit.0).await.unwrap();
}

#[actix_web::test]
async fn processes_that_write_at_once_make_one_chain() {
    let world = World::new().await;
    let processes: Vec<Audit> = (0..5).map(|_| world.process()).collect();
    join_all(processes.iter().map(async |audit| {
        for _ in 0..4 {
            write(audit, 30).await;
        }
    }))
    .await;
    let report = world.report().await;
    assert_eq!((report.rows, report.first, &report.tampering, report.gap_count), (600, 1, &None, 0));
    assert_eq!(report.end.unwrap().seq, 600);
    assert_eq!(report.unfinished_count, 5, "they may write more");
    for audit in &processes {
        audit.node_stopped(Duration::from_secs(5)).await;
    }
    assert_eq!(world.report().await.unfinished_count, 0);
}

#[actix_web::test]
async fn a_person_is_a_pseudonym_that_stays_the_same() {
    let world = World::new().await;
    let audit = world.process();
    write(&audit, 2).await;
    audit.record(Event::new(Kind::PersonUnlocked).person("p2"));
    write(&world.process(), 1).await;
    writer::drain(&audit.0).await.unwrap();
    let person = async |seq| {
        let content: serde_json::Value = serde_json::from_str(&world.content(seq).await).unwrap();
        content["person.id"].as_str().unwrap().to_owned()
    };
    let (first, again, elsewhere, other) =
        (person(1).await, person(2).await, person(3).await, person(4).await);
    assert_eq!((&first, &first), (&again, &elsewhere));
    assert_ne!(first, other);
    assert!(first.len() == 16 && !first.contains("p1"));
}

#[actix_web::test]
async fn each_change_behind_the_products_back_is_found_and_named() {
    for (sql, found) in [
        ("UPDATE audit_log SET content = '{}' WHERE seq = 7", Tampering::Row(7)),
        ("UPDATE audit_log SET event = 'token.issued' WHERE seq = 7", Tampering::Row(7)),
        ("UPDATE audit_log SET time_us = time_us + 1 WHERE seq = 7", Tampering::Row(7)),
        ("UPDATE audit_log SET node_seq = 99 WHERE seq = 10", Tampering::Row(10)),
        ("UPDATE audit_log SET node_id = 'another' WHERE seq = 1", Tampering::Row(1)),
        ("UPDATE audit_log SET hash = '' WHERE seq = 7", Tampering::Row(7)),
        ("DELETE FROM audit_log WHERE seq = 1", Tampering::Removed(1, 1)),
        ("DELETE FROM audit_log WHERE seq IN (4, 5)", Tampering::Removed(4, 5)),
        ("DELETE FROM audit_log WHERE seq > 8", Tampering::Removed(9, 10)),
        ("DELETE FROM audit_log", Tampering::Removed(1, 10)),
        ("UPDATE audit_log SET seq = -1 WHERE seq = 3", Tampering::Removed(3, 3)),
        (
            "UPDATE audit_head SET seq = 8, hash = (SELECT hash FROM audit_log WHERE seq = 8)",
            Tampering::AfterEnd(9),
        ),
        ("UPDATE audit_head SET hash = 'x'", Tampering::End(10)),
        (
            "INSERT INTO audit_log SELECT seq + 1, time_us, node_id, 999, event, content, hash FROM audit_log WHERE seq = 10",
            Tampering::AfterEnd(11),
        ),
        (
            "UPDATE audit_head SET base_seq = 3, base_hash = (SELECT hash FROM audit_log WHERE seq = 3)",
            Tampering::Beginning(3),
        ),
    ] {
        let world = World::new().await;
        write(&world.process(), 10).await;
        assert_eq!(world.tampering().await, None);
        world.change(sql).await;
        assert_eq!(world.tampering().await, Some(found), "{sql}");
    }
}

#[actix_web::test]
async fn rows_that_change_places_are_found() {
    let world = World::new().await;
    write(&world.process(), 10).await;
    world.change("UPDATE audit_log SET seq = -3 WHERE seq = 3").await;
    world.change("UPDATE audit_log SET seq = 3 WHERE seq = 4").await;
    world.change("UPDATE audit_log SET seq = 4 WHERE seq = -3").await;
    assert_eq!(world.tampering().await, Some(Tampering::Row(3)));
}

#[actix_web::test]
async fn a_tail_that_was_cut_off_is_found_by_a_checkpoint() {
    let world = World::new().await;
    let audit = world.process();
    write(&audit, 10).await;
    let checkpoint = world.report().await.end.unwrap();
    let verify = async |link: &Link| world.process().verifier().checkpoint(link.clone()).run().await.unwrap();
    assert_eq!(verify(&checkpoint).await.tampering, None);
    world.change("DELETE FROM audit_log WHERE seq > 8").await;
    world.change("UPDATE audit_head SET seq = 8, hash = (SELECT hash FROM audit_log WHERE seq = 8)").await;
    assert_eq!(world.tampering().await, None, "the chain alone does not tell");
    assert_eq!(verify(&checkpoint).await.tampering, Some(Tampering::CutOff(9, 10)));
    // A node that goes on notices, and writes it down.
    write(&audit, 3).await;
    let text = db::statement("SELECT COUNT(*) AS n FROM audit_log WHERE event = 'audit.rolled_back'");
    assert_eq!(world.number(text).await, 1);
    assert_eq!(verify(&checkpoint).await.tampering, Some(Tampering::Replaced(10)));
}

#[actix_web::test]
async fn another_keyring_verifies_nothing() {
    let world = World::new().await;
    write(&world.process(), 3).await;
    let other = Keyring::read_or_create(&world.db.folder().join("other.toml")).unwrap();
    let audit = Audit::new(world.db.clone(), world.clock.clone(), &other, Metrics::new());
    assert_eq!(audit.verifier().run().await.unwrap().tampering, Some(Tampering::Row(1)));
}

#[actix_web::test]
async fn reading_may_begin_anywhere() {
    let world = World::new().await;
    write(&world.process(), 10).await;
    world.change("UPDATE audit_log SET content = '{}' WHERE seq = 4").await;
    let from = async |seq| world.process().verifier().from(seq).run().await.unwrap();
    let report = from(6).await;
    assert_eq!((report.rows, report.first, report.tampering, report.gap_count), (5, 6, None, 0));
    assert_eq!(from(4).await.tampering, Some(Tampering::Row(4)));
    assert_eq!(from(1).await.tampering, Some(Tampering::Row(4)));
}

#[actix_web::test]
async fn what_cannot_be_written_waits_and_is_written_once() {
    let world = World::new().await;
    let audit = world.process();
    write(&audit, 2).await;
    world
        .change("CREATE TRIGGER refuse BEFORE INSERT ON audit_log BEGIN SELECT RAISE(ABORT, 'refused'); END")
        .await;
    audit.record(Event::new(Kind::CodeSent).client("shop"));
    assert!(writer::drain(&audit.0).await.is_err());
    audit.record(Event::new(Kind::WrongCode).client("shop"));
    assert!(writer::drain(&audit.0).await.is_err());
    world.change("DROP TRIGGER refuse").await;
    writer::drain(&audit.0).await.unwrap();
    let report = world.report().await;
    assert_eq!((report.rows, report.tampering, report.gap_count), (4, None, 0));
    // A batch whose outcome was not known is not written again.
    audit.0.writer.lock().await.repeat(vec![(3, Kind::CodeSent), (4, Kind::WrongCode), (5, Kind::Locked)]);
    writer::drain(&audit.0).await.unwrap();
    let report = world.report().await;
    assert_eq!((report.rows, report.tampering, report.gap_count), (5, None, 0));
}

#[actix_web::test]
async fn events_that_were_dropped_are_a_gap_with_its_place() {
    let world = World::new().await;
    let audit = world.process();
    write(&audit, 2).await;
    audit.0.queue.lose(3);
    write(&audit, 2).await;
    let report = world.report().await;
    let gap = Gap { node_id: audit.0.node_id.clone(), from: 3, to: 5, before: 3 };
    assert_eq!((report.tampering, report.gaps, report.gap_count), (None, vec![gap], 1));
}

#[actix_web::test]
async fn expired_rows_go_and_the_rest_still_verifies() {
    let world = World::new().await;
    let audit = world.process();
    write(&audit, 10).await;
    let checkpoint = world.report().await.end.unwrap();
    place(&audit).await;
    assert_eq!(audit.purge(1096, 2000).await.unwrap(), 0, "nothing has expired");
    world.clock.advance(1000 * 86_400);
    write(&audit, 5).await;
    assert_eq!(audit.purge(1096, 2000).await.unwrap(), 0);
    world.clock.advance(97 * 86_400);
    assert_eq!(audit.purge(1096, 4).await.unwrap(), 4, "a part at a time");
    assert_eq!(audit.purge(1096, 2000).await.unwrap(), 6);
    assert_eq!(audit.purge(1096, 2000).await.unwrap(), 0);
    writer::drain(&audit.0).await.unwrap();
    let report = world.process().verifier().checkpoint(checkpoint.clone()).run().await.unwrap();
    assert_eq!((report.first, report.rows, report.tampering, report.gap_count), (11, 7, None, 0));
    // The checkpoint is the row that went last: it still can be compared.
    let replaced = Link { hash: "x".to_owned(), ..checkpoint };
    let report = world.process().verifier().checkpoint(replaced).run().await.unwrap();
    assert_eq!(report.tampering, Some(Tampering::Replaced(10)));
    let old = Link { seq: 3, hash: "x".to_owned() };
    assert_eq!(world.process().verifier().checkpoint(old).run().await.unwrap().passed_checkpoints, [3]);
    assert!(world.content(16).await.contains("\"count\":4"));
    // Nobody else can let the chain begin later.
    world.change("DELETE FROM audit_log WHERE seq <= 12").await;
    assert_eq!(world.tampering().await, Some(Tampering::Removed(11, 12)));
    world.change("UPDATE audit_head SET base_seq = 12").await;
    assert_eq!(world.tampering().await, Some(Tampering::Beginning(12)));
}

#[actix_web::test]
async fn the_last_row_stays_however_old_it_is() {
    let world = World::new().await;
    let audit = world.process();
    write(&audit, 3).await;
    place(&audit).await;
    world.clock.advance(5000 * 86_400);
    assert_eq!(audit.purge(1, 2000).await.unwrap(), 2);
    assert_eq!((world.tampering().await, world.report().await.rows), (None, 1));
    write(&audit, 1).await;
    assert_eq!(world.tampering().await, None);
}

#[actix_web::test]
async fn what_does_not_verify_is_not_removed() {
    let world = World::new().await;
    let audit = world.process();
    write(&audit, 5).await;
    place(&audit).await;
    world.change("UPDATE audit_log SET content = '{}' WHERE seq = 2").await;
    world.clock.advance(5000 * 86_400);
    assert!(matches!(audit.purge(1, 2000).await, Err(purge::PurgeError::Tampered(Tampering::Row(2)))));
    assert_eq!(world.number(db::statement("SELECT COUNT(*) AS n FROM audit_log")).await, 5);
}

#[actix_web::test]
async fn a_command_that_cannot_be_recorded_is_told_so() {
    let world = World::new().await;
    let audit = world.process();
    audit.begin_command(Event::new(Kind::CommandBegun).command("client disable")).await.unwrap();
    audit.record(Event::new(Kind::ClientDisabled).client("shop"));
    audit.end_command("client disable", true).await.unwrap();
    assert_eq!((world.report().await.rows, world.report().await.unfinished_count), (3, 0));
    world.change("ALTER TABLE audit_head RENAME TO gone").await;
    let other = world.process();
    assert!(other.begin_command(Event::new(Kind::CommandBegun).command("client disable")).await.is_err());
}

#[actix_web::test]
async fn rows_are_the_leaves_of_a_tree_in_their_order() {
    let world = World::new().await;
    let audit = world.process();
    write(&audit, 300).await;
    assert_eq!(world.report().await.places, 0);
    place(&audit).await;
    let report = world.report().await;
    assert_eq!((report.tampering, report.places, report.rows), (None, 300, 300));
    assert_eq!(audit.tree().head().unwrap().checkpoint, report.signed_checkpoint);
    let kept = Checkpoint::verified(&report.signed_checkpoint, &audit.verifier_key().await.unwrap()).unwrap();
    write(&audit, 2).await;
    place(&audit).await;
    // The lease is another node's, which goes on as it is over.
    let other = world.process();
    write(&other, 1).await;
    assert_eq!(tree::give_places(&other.0).await.unwrap(), 1);
    world.clock.advance(60);
    place(&other).await;
    let report = world.process().verifier().signed_checkpoint(kept).run().await.unwrap();
    assert_eq!((report.tampering, report.places), (None, 303));
}

#[actix_web::test]
async fn whoever_has_the_keyring_cannot_write_the_history_anew() {
    let world = World::new().await;
    let audit = world.process();
    write(&audit, 5).await;
    place(&audit).await;
    let published = world.report().await.signed_checkpoint;
    let kept = Checkpoint::verified(&published, &audit.verifier_key().await.unwrap()).unwrap();
    // The same keyring makes another chain that verifies by itself.
    let forger = world.process();
    world.change("DELETE FROM audit_log").await;
    world.change("UPDATE audit_head SET seq = 0, hash = ''").await;
    write(&forger, 6).await;
    assert_eq!(world.tampering().await, Some(Tampering::Leaf(1)));
    // With a tree that is written anew as well, the checkpoint that was kept tells.
    world.change("DELETE FROM tlog_tiles WHERE log = 'audit'").await;
    world.change("UPDATE tlog_heads SET size = 0, checkpoint = '', holder = '', lease_until_ms = 0 WHERE log = 'audit'").await;
    place(&forger).await;
    assert_eq!(world.tampering().await, None);
    let report = world.process().verifier().signed_checkpoint(kept).run().await.unwrap();
    assert_eq!(report.tampering, Some(Tampering::Tree(Finding::Root(5))));
}

#[actix_web::test]
async fn rows_that_expired_before_there_was_a_tree_have_empty_places() {
    let world = World::new().await;
    let audit = world.process();
    write(&audit, 5).await;
    place(&audit).await;
    world.clock.advance(5000 * 86_400);
    assert_eq!(audit.purge(1, 2000).await.unwrap(), 4);
    world.change("DELETE FROM tlog_tiles WHERE log = 'audit'").await;
    world.change("UPDATE tlog_heads SET size = 0, checkpoint = '' WHERE log = 'audit'").await;
    writer::drain(&audit.0).await.unwrap();
    place(&audit).await;
    let report = world.report().await;
    assert_eq!((report.tampering, report.first, report.places), (None, 5, 6));
}

#[actix_web::test]
async fn a_row_without_a_place_is_not_removed() {
    let world = World::new().await;
    let audit = world.process();
    write(&audit, 3).await;
    place(&audit).await;
    write(&audit, 3).await;
    world.clock.advance(5000 * 86_400);
    assert_eq!(audit.purge(1, 2000).await.unwrap(), 3);
    place(&audit).await;
    assert_eq!(world.tampering().await, None);
}
