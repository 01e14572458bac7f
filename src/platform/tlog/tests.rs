//! A log on the embedded database: grown by several nodes, proved, verified, changed behind their backs.

use futures_util::future::join_all;

use super::*;
use crate::platform::db::test_db::TestDb;
use crate::platform::db::{self, Statement};
use crate::platform::seal::Keyring;

struct World {
    db: TestDb,
    keyring: Keyring,
}

impl World {
    async fn new() -> Self {
        let db = TestDb::migrated().await;
        let keyring = Keyring::read_or_create(&db.folder().join("keyring.toml")).unwrap();
        Self { db, keyring }
    }

    /// The log as one more node has it.
    fn log(&self) -> Log {
        Log::new(self.db.clone(), "ledger", "id.example.uz/ledger".to_owned(), &self.keyring)
    }

    async fn change(&self, sql: &'static str) {
        self.db.execute(db::statement(sql)).await.unwrap();
    }

    async fn found(&self, kept: Vec<Checkpoint>) -> Option<Finding> {
        let log = self.log();
        let mut check = TreeCheck::begin(&log, kept).await.unwrap();
        while check.next_leaf().await.unwrap().is_some() {}
        check.end().await.unwrap()
    }
}

fn leaves(from: u64, count: u64) -> Vec<Hash> {
    (from..from + count).map(|n| Hash::of_leaf(&n.to_be_bytes())).collect()
}

async fn grow(log: &Log, count: u64) {
    let head = log.head().await.unwrap();
    assert_eq!(log.append(&head, &leaves(head.size, count), Vec::new()).await.unwrap(), Appended::Yes);
}

fn note(n: i64) -> Statement {
    db::statement("INSERT INTO write_probes (probe, count) VALUES ($1, 0)").bind(n.to_string())
}

#[actix_web::test]
async fn of_nodes_that_append_at_once_one_wins_and_no_place_is_given_twice() {
    let world = World::new().await;
    let nodes: Vec<Log> = (0..6).map(|_| world.log()).collect();
    // Each has the same head; the changes that go with it are those of the winner.
    let head = nodes[0].head().await.unwrap();
    let tries = nodes
        .iter()
        .zip(100..)
        .map(async |(log, n)| log.append(&head, &leaves(n as u64 * 1000, 3), vec![note(n)]).await.unwrap());
    let outcomes = join_all(tries).await;
    assert_eq!(outcomes.iter().filter(|outcome| **outcome == Appended::Yes).count(), 1, "{outcomes:?}");
    let noted = db::statement("SELECT COUNT(*) AS n FROM write_probes WHERE probe <> 'ready'");
    assert_eq!(db::int(&world.db.read_one(noted).await.unwrap(), "write_probes", "n").unwrap(), 1);
    assert_eq!(nodes[3].head().await.unwrap().size, 3);
    assert_eq!(world.found(Vec::new()).await, None);
}

#[actix_web::test]
async fn one_node_leads_and_another_takes_over_when_its_time_is_over() {
    let world = World::new().await;
    let (one, two) = (world.log(), world.log());
    let leads = async |log: &Log, now| log.lead(now).await.unwrap().1;
    assert!(leads(&one, 1_000_000).await);
    assert!(!leads(&two, 1_000_000).await && !leads(&two, 1_014_000).await);
    assert!(leads(&one, 1_010_000).await, "it renews its lease");
    assert!(!leads(&two, 1_020_000).await);
    assert!(leads(&two, 1_026_000).await && !leads(&one, 1_026_000).await);
    // A lease that a wrong clock took for years does not stand in the way.
    assert!(leads(&one, 500_000_000_000).await && leads(&two, 1_030_000).await);
}

#[actix_web::test]
async fn every_leaf_is_proved_by_the_public_key_alone_and_nothing_else_is() {
    let world = World::new().await;
    let log = world.log();
    for count in [1, 299, 700] {
        grow(&log, count).await;
    }
    let key = VerifierKey::parse(&log.verifier_key().await.unwrap().to_string()).unwrap();
    assert_eq!(key.name(), "id.example.uz/ledger");
    for index in [0_u64, 1, 255, 256, 700, 999] {
        let proof = log.prove(index.to_be_bytes().to_vec(), index).await.unwrap().unwrap();
        let text = proof.to_string();
        let read = Proof::parse(&text).unwrap();
        assert_eq!((read.to_string(), &read), (text, &proof));
        assert_eq!(read.verify(&key).unwrap().size, 1000);
        let verdict = |proof: Proof| proof.verify(&key);
        assert_eq!(verdict(Proof { leaf: b"another".to_vec(), ..proof.clone() }), Err(ProofError::Inclusion));
        assert_eq!(verdict(Proof { index: index ^ 1, ..proof.clone() }), Err(ProofError::Inclusion));
        assert_eq!(verdict(Proof { path: Vec::new(), ..proof.clone() }), Err(ProofError::Inclusion));
        let other = proof.checkpoint.replace("\n1000\n", "\n1001\n");
        assert!(matches!(
            verdict(Proof { checkpoint: other, ..proof.clone() }),
            Err(ProofError::Checkpoint(_))
        ));
    }
    assert_eq!(log.prove(b"x".to_vec(), 1000).await.unwrap(), None);
    assert_eq!(log.prove(b"x".to_vec(), 3).await.unwrap(), None, "what is not there is not handed out");
    for none in
        ["", "c2sp.org/tlog-proof@v1\nindex 1\n\nx", "c2sp.org/tlog-proof@v1\nextra AA==\nindex 01\n\nx"]
    {
        assert_eq!(Proof::parse(none), Err(ProofError::Form), "{none}");
    }
    // Other processes have the same key, and nobody else has.
    assert_eq!(world.log().verifier_key().await.unwrap(), key);
    let other = Keyring::read_or_create(&world.db.folder().join("other.toml")).unwrap();
    assert!(Log::new(world.db.clone(), "ledger", String::new(), &other).verifier_key().await.is_err());
}

#[actix_web::test]
async fn a_change_of_hashes_heads_or_checkpoints_is_found() {
    let grown = async || {
        let world = World::new().await;
        for count in [300, 400] {
            grow(&world.log(), count).await;
        }
        assert_eq!(world.found(Vec::new()).await, None);
        world
    };
    for (sql, found) in [
        (
            "UPDATE tlog_tiles SET hashes = (SELECT hashes FROM tlog_tiles WHERE level = 0 AND tile = 1) WHERE level = 0 AND tile = 0",
            Finding::Tile(1, 0),
        ),
        ("DELETE FROM tlog_tiles WHERE level = 0 AND tile = 1", Finding::Root(700)),
        ("DELETE FROM tlog_tiles WHERE level = 1", Finding::Tile(1, 0)),
        (
            "UPDATE tlog_tiles SET hashes = (SELECT hashes FROM tlog_tiles WHERE level = 0 AND tile = 2) WHERE level = 0 AND tile = 1",
            Finding::Root(700),
        ),
        ("UPDATE tlog_heads SET size = 699", Finding::Checkpoint(699)),
        ("UPDATE tlog_heads SET size = 701", Finding::Root(701)),
        ("UPDATE tlog_heads SET checkpoint = ''", Finding::Checkpoint(700)),
        ("UPDATE tlog_heads SET base = 5", Finding::Base(5)),
    ] {
        let world = grown().await;
        world.change(sql).await;
        assert_eq!(world.found(Vec::new()).await, Some(found), "{sql}");
    }
    // A log that was set back, and one that went on from there, are found by a checkpoint that was kept.
    let world = World::new().await;
    grow(&world.log(), 300).await;
    let early = world.log().head().await.unwrap();
    grow(&world.log(), 10).await;
    let kept = Checkpoint::read(&world.log().head().await.unwrap().checkpoint).unwrap();
    let first = Checkpoint::read(&early.checkpoint).unwrap();
    assert_eq!(world.found(vec![kept.clone(), first.clone()]).await, None);
    let back = db::statement("UPDATE tlog_heads SET size = 300, checkpoint = $1").bind(&early.checkpoint);
    world.db.execute(back).await.unwrap();
    assert_eq!(world.found(vec![first.clone()]).await, None, "the log alone does not tell");
    assert_eq!(world.found(vec![kept.clone()]).await, Some(Finding::CutOff(300, 310)));
    // A node that goes on from there does not write over what is there.
    let head = world.log().head().await.unwrap();
    assert!(world.log().append(&head, &leaves(9000, 20), Vec::new()).await.is_err());
}

#[actix_web::test]
async fn rfc9162_2_1_4_a_longer_tree_is_proved_to_begin_with_a_shorter_one() {
    let world = World::new().await;
    let log = world.log();
    grow(&log, 600).await;
    // Two roots from one proof: that of 600 from that of 512, which is a subtree.
    let proof = log.consistency(512, 600).await.unwrap();
    assert_eq!(proof.len(), 1);
    let all = leaves(0, 600);
    let (first, second) = (tree::tests::root_of(&all[..512]), tree::tests::root_of(&all));
    assert_eq!(Hash::of_node(&first, &proof[0]), second);
    assert!(log.consistency(600, 600).await.unwrap().is_empty());
}
