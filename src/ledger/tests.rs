use super::*;
use crate::clients::ClientId;
use crate::platform::clock::Timestamp;
use crate::platform::db::test_db::TestDb;
use crate::platform::tlog::{Checkpoint, Finding};

pub(super) struct Fixture {
    pub(super) db: TestDb,
    pub(super) clock: Clock,
    pub(super) ledger: Ledger,
}

impl Fixture {
    pub(super) async fn new() -> Self {
        let db = TestDb::migrated().await;
        let clock = Clock::manual(Timestamp(1_800_000_000));
        let keyring = Keyring::read_or_create(&db.folder().join("keyring.toml")).unwrap();
        let ledger = Ledger::new(db.clone(), clock.clone(), &keyring);
        Self { db, clock, ledger }
    }
}

pub(super) fn person(name: &str) -> PersonId {
    PersonId::stored(name.to_owned())
}

pub(super) fn client(name: &str) -> ClientId {
    ClientId::parse(name).unwrap()
}

#[actix_web::test]
async fn an_entry_is_written_once_whoever_writes_it_and_names_data_only() {
    let Fixture { db, clock, ledger } = Fixture::new().await;
    let (aziz, shop) = (person("aziz"), client("shop"));
    let entry = Entry {
        data_sets: vec!["name"],
        fields: vec!["name", "given_name"],
        purpose: Some("A loan"),
        basis: Ground::Statutory,
        consent: Some("c1"),
        once: vec!["token"],
        ..Entry::new(&aziz, (&shop, None), Channel::UserInfo)
    };
    assert!(ledger.commit(&entry).await.unwrap());
    assert!(!ledger.commit(&entry).await.unwrap(), "it is there");
    clock.advance(1);
    // In a transaction, with others.
    let other = Entry { channel: Channel::IdToken, ..entry.clone() };
    let (id, statement) = ledger.row(&other).unwrap();
    let (_, again) = ledger.row(&entry).unwrap();
    db.all_or_nothing(vec![again, statement]).await.unwrap();
    let listed = ledger.of_person(&aziz, &Filter::default(), &Place::newest(), 10).await.unwrap();
    assert_eq!(listed.len(), 2);
    assert_eq!((&listed[0].leaf.id, listed[0].leaf.channel), (&id, Channel::IdToken));
    let leaf = &ledger.find(&id).await.unwrap().unwrap().leaf;
    assert_eq!((leaf.client.as_str(), leaf.purpose.as_deref()), ("shop", Some("A loan")));
    assert_eq!(
        (leaf.basis, leaf.consent.as_deref(), leaf.at_ms),
        (Ground::Statutory, Some("c1"), 1_800_000_001_000)
    );
    assert_eq!(leaf.fields, ["name", "given_name"]);
    assert_ne!(leaf.nonce, listed[1].leaf.nonce);
    assert!(ledger.is_about(&listed[0], &aziz) && !ledger.is_about(&listed[0], &person("malika")));
    assert!(!serde_json::to_string(leaf).unwrap().contains("aziz"), "a person appears by a keyed digest");
    let each = Entry { once: Vec::new(), ..entry };
    assert!(ledger.commit(&each).await.unwrap() && ledger.commit(&each).await.unwrap(), "each by itself");
}

#[actix_web::test]
async fn r71_an_entry_under_a_grant_is_written_while_the_grant_lives_and_no_longer() {
    let Fixture { db, ledger, .. } = Fixture::new().await;
    let (aziz, shop) = (person("aziz"), client("shop"));
    for sql in [
        "INSERT INTO persons (person_id, pinfl_index, sealed, updated_at, epoch) VALUES ('aziz', 'i', '', 1, 3)",
        "INSERT INTO grants (grant_id, person_id, client_id, details, created_at, refresh_generation, refreshed_at, \
         expires_at, person_epoch) VALUES ('g1', 'aziz', 'shop', '{}', 1, 0, 1, 9, 3), ('g2', 'aziz', 'shop', '{}', 1, 0, 1, 9, 2), \
         ('g3', 'aziz', 'shop', '{}', 1, 0, 1, 9, 3)",
        "UPDATE grants SET revoked_at_ms = 1 WHERE grant_id = 'g3'",
    ] {
        db.execute(db::statement(sql)).await.unwrap();
    }
    let write = async |grant: &str, once: &str| {
        let entry = Entry { once: vec![once], ..Entry::new(&aziz, (&shop, None), Channel::DataApi) };
        let (id, row) = ledger.row_under(&entry, grant).unwrap();
        let written = db.change(row).await.unwrap().is_some();
        (written, ledger.find(&id).await.unwrap().is_some())
    };
    assert_eq!(write("g1", "a").await, (true, true));
    assert_eq!(write("g1", "a").await, (false, true), "it is there");
    for ended in ["g2", "g3", "none"] {
        assert_eq!(write(ended, ended).await, (false, false), "{ended}");
    }
    db.execute(db::statement("UPDATE grants SET revoked_at_ms = 1")).await.unwrap();
    assert_eq!(write("g1", "b").await, (false, false), "it ended in between");
}

#[actix_web::test]
async fn a_person_reads_their_own_newest_first_page_by_page() {
    let Fixture { db: _folder, clock, ledger } = Fixture::new().await;
    let (aziz, malika) = (person("aziz"), person("malika"));
    let (shop, bank) = (client("shop"), client("bank"));
    let start = clock.now_ms();
    for second in 0..10 {
        for (person, client) in [(&aziz, &shop), (&malika, &shop), (&aziz, &bank)] {
            ledger.commit(&Entry::new(person, (client, None), Channel::DataApi)).await.unwrap();
        }
        if second < 9 {
            clock.advance(1);
        }
    }
    let mut seen = Vec::new();
    let mut before = Place::newest();
    loop {
        let page = ledger.of_person(&aziz, &Filter::default(), &before, 3).await.unwrap();
        let Some(last) = page.last() else { break };
        before = Place::after(last);
        seen.extend(page.into_iter().map(|listed| (listed.leaf.at_ms, listed.leaf.id)));
    }
    assert_eq!(seen.len(), 20, "each once");
    assert!(seen.windows(2).all(|pair| pair[0] > pair[1]), "newest first");
    let filtered =
        async |filter: Filter| ledger.of_person(&aziz, &filter, &Place::newest(), 100).await.unwrap().len();
    assert_eq!(filtered(Filter { client: Some(bank.clone()), ..Filter::default() }).await, 10);
    let (since_ms, until_ms) = (Some(start + 2000), Some(start + 5000));
    assert_eq!(filtered(Filter { since_ms, until_ms, client: None }).await, 6);
}

impl Fixture {
    async fn change(&self, sql: &'static str) {
        assert!(self.db.execute(db::statement(sql)).await.unwrap() > 0, "{sql}");
    }

    async fn tampering(&self) -> Option<Tampering> {
        self.ledger.verify(&[]).await.unwrap().tampering
    }

    /// A ledger with so many entries of one person, which have their places.
    async fn filled(entries: usize) -> Self {
        let fixture = Self::new().await;
        for n in 0..entries {
            let (once, person, client) = (n.to_string(), person("aziz"), client("shop"));
            let entry = Entry { once: vec![&once], ..Entry::new(&person, (&client, None), Channel::DataApi) };
            fixture.ledger.commit(&entry).await.unwrap();
            fixture.clock.advance(1);
        }
        fixture.ledger.give_places().await.unwrap();
        fixture
    }

    async fn entries(&self) -> Vec<Listed> {
        self.ledger.of_person(&person("aziz"), &Filter::default(), &Place::newest(), 1000).await.unwrap()
    }
}

#[actix_web::test]
async fn entries_get_places_and_their_proofs_hold_without_the_provider() {
    let fixture = Fixture::filled(300).await;
    let report = fixture.ledger.verify(&[]).await.unwrap();
    assert_eq!((report.entries, report.places, report.waiting, report.tampering), (300, 300, 0, None));
    let key = fixture.ledger.verifier_key().await.unwrap();
    assert_eq!(key.name(), "localhost/ledger");
    for listed in fixture.entries().await.iter().step_by(37) {
        let proof = fixture.ledger.proof(&listed.leaf.id).await.unwrap().unwrap();
        assert_eq!(Some(proof.index.cast_signed()), listed.position);
        assert_eq!(proof.verify(&key).unwrap().size, 300);
        let leaf: Leaf = serde_json::from_slice(&proof.leaf).unwrap();
        assert_eq!(leaf, listed.leaf);
    }
    assert_eq!(fixture.ledger.published().head().unwrap().checkpoint, report.checkpoint);
    // What waits has no proof yet, and nothing is wrong with it.
    let (aziz, shop) = (person("aziz"), client("shop"));
    let strange = Entry {
        purpose: Some("\"nonce\":\"\" \u{2028}\\ Oʻzbekiston\n\u{7f}"),
        ..Entry::new(&aziz, (&shop, None), Channel::DataApi)
    };
    fixture.ledger.commit(&strange).await.unwrap();
    fixture.clock.advance(3);
    let newest = fixture.entries().await.remove(0).leaf;
    assert_eq!(newest.purpose.as_deref(), strange.purpose);
    assert_eq!(fixture.ledger.proof(&newest.id).await.unwrap(), None);
    let report = fixture.ledger.verify(&[]).await.unwrap();
    assert_eq!((report.waiting, report.tampering), (1, None));
    assert_eq!(fixture.ledger.give_places().await.unwrap(), 0, "nothing waits any more");
    assert!(fixture.ledger.proof(&newest.id).await.unwrap().is_some());
    assert_eq!(fixture.tampering().await, None);
}

#[actix_web::test]
async fn each_change_behind_the_products_back_is_found_and_named() {
    for (sql, found) in [
        (
            "UPDATE ledger_entries SET leaf = REPLACE(leaf, 'shop', 'bank') WHERE position = 7",
            Tampering::Changed(7),
        ),
        ("UPDATE ledger_entries SET client_id = 'bank' WHERE position = 7", Tampering::Changed(7)),
        ("UPDATE ledger_entries SET person_id = 'malika' WHERE position = 7", Tampering::Changed(7)),
        ("UPDATE ledger_entries SET at_ms = at_ms + 1 WHERE position = 7", Tampering::Changed(7)),
        ("UPDATE ledger_entries SET entry_id = 'x' WHERE position = 7", Tampering::Changed(7)),
        ("DELETE FROM ledger_entries WHERE position = 0", Tampering::Removed(0)),
        ("DELETE FROM ledger_entries WHERE position IN (4, 5)", Tampering::Removed(4)),
        ("DELETE FROM ledger_entries WHERE position > 6", Tampering::Removed(7)),
        ("UPDATE ledger_entries SET position = NULL WHERE position = 3", Tampering::Removed(3)),
        ("UPDATE ledger_entries SET position = 44 WHERE position = 3", Tampering::PutIn(44)),
        (
            "INSERT INTO ledger_entries (entry_id, person_id, client_id, at_ms, leaf, position) \
          SELECT 'y', person_id, client_id, at_ms, leaf, 10 FROM ledger_entries WHERE position = 2",
            Tampering::PutIn(10),
        ),
        (
            "INSERT INTO ledger_entries (entry_id, person_id, client_id, at_ms, leaf) \
          SELECT 'y', person_id, client_id, at_ms, leaf FROM ledger_entries WHERE position = 2",
            Tampering::Forged("y".to_owned()),
        ),
        ("UPDATE tlog_heads SET base = 3 WHERE log = 'ledger'", Tampering::Log(Finding::Base(3))),
        ("UPDATE tlog_heads SET size = 9 WHERE log = 'ledger'", Tampering::PutIn(9)),
    ] {
        let fixture = Fixture::filled(10).await;
        assert_eq!(fixture.tampering().await, None);
        fixture.change(sql).await;
        assert_eq!(fixture.tampering().await, Some(found), "{sql}");
    }
    // Two that change places.
    let fixture = Fixture::filled(10).await;
    for (from, to) in [(3, 103), (4, 3), (103, 4)] {
        let step = db::statement("UPDATE ledger_entries SET position = $1 WHERE position = $2");
        fixture.db.execute(step.bind(to).bind(from)).await.unwrap();
    }
    assert_eq!(fixture.tampering().await, Some(Tampering::Changed(3)));
    // What was changed has no proof.
    let listed = fixture.entries().await;
    let moved = listed.iter().find(|listed| listed.position == Some(3)).unwrap();
    assert_eq!(fixture.ledger.proof(&moved.leaf.id).await.unwrap(), None);
}

#[actix_web::test]
async fn an_entry_that_was_put_in_or_changed_before_it_had_a_place_gets_none() {
    let fixture = Fixture::filled(3).await;
    fixture.change("INSERT INTO ledger_entries (entry_id, person_id, client_id, at_ms, leaf) \
                    SELECT 'AAAAAAAAAAAAAAAAAAAAAA', person_id, client_id, at_ms, REPLACE(leaf, 'shop', 'bank') FROM ledger_entries WHERE position = 2").await;
    let (aziz, shop) = (person("aziz"), client("shop"));
    let entry = Entry { once: vec!["changed"], ..Entry::new(&aziz, (&shop, None), Channel::DataApi) };
    fixture.ledger.commit(&entry).await.unwrap();
    fixture.change("UPDATE ledger_entries SET leaf = REPLACE(leaf, 'data_api', 'oneid') WHERE position IS NULL AND entry_id <> 'AAAAAAAAAAAAAAAAAAAAAA'").await;
    let good = Entry { once: vec!["good"], ..entry };
    fixture.ledger.commit(&good).await.unwrap();
    fixture.clock.advance(20);
    let waiting = fixture.ledger.give_places().await.unwrap();
    assert!(waiting >= 20_000, "they wait, and that is an alarm: {waiting}");
    assert_eq!(fixture.ledger.published().head().unwrap().size, 4, "the good one alone");
    assert!(matches!(fixture.tampering().await, Some(Tampering::Forged(_))));
}

#[actix_web::test]
async fn several_nodes_give_each_entry_one_place() {
    let fixture = Fixture::new().await;
    let keyring = Keyring::read_or_create(&fixture.db.folder().join("keyring.toml")).unwrap();
    let node = || Ledger::new(fixture.db.clone(), fixture.clock.clone(), &keyring);
    let nodes: Vec<Ledger> = (0..4).map(|_| node()).collect();
    let (aziz, shop) = (person("aziz"), client("shop"));
    for round in 0..5 {
        for _ in 0..20 {
            nodes[round % 4].commit(&Entry::new(&aziz, (&shop, None), Channel::DataApi)).await.unwrap();
        }
        // All believe to lead, as if each held the lease by a clock of its own.
        let tries = nodes.iter().map(async |node| {
            fixture.db.execute(db::statement("UPDATE tlog_heads SET lease_until_ms = 0")).await.unwrap();
            node.give_places().await.unwrap()
        });
        futures_util::future::join_all(tries).await;
    }
    while nodes[0].give_places().await.unwrap() > 0 || fixture.ledger.verify(&[]).await.unwrap().waiting > 0 {
        fixture.db.execute(db::statement("UPDATE tlog_heads SET lease_until_ms = 0")).await.unwrap();
    }
    let report = fixture.ledger.verify(&[]).await.unwrap();
    assert_eq!((report.entries, report.places, report.tampering), (100, 100, None));
}

#[actix_web::test]
async fn contents_go_by_age_and_the_rest_verifies() {
    let fixture = Fixture::filled(600).await;
    let start = 1_800_000_000;
    let kept = Checkpoint::read(&fixture.ledger.published().head().unwrap().checkpoint).unwrap();
    let oldest = fixture.entries().await.pop().unwrap();
    let proof = fixture.ledger.proof(&oldest.leaf.id).await.unwrap().unwrap();
    let purge = async |expiry, most| fixture.ledger.purge(Timestamp(expiry), most).await;
    assert_eq!(purge(start, 100).await.unwrap(), 0, "none is older");
    assert_eq!(purge(start + 300, 100).await.unwrap(), 100, "a part at a time");
    assert_eq!(purge(start + 300, 1000).await.unwrap(), 200);
    assert_eq!(purge(start + 300, 1000).await.unwrap(), 0);
    assert_eq!(fixture.entries().await.len(), 300);
    let report = fixture.ledger.verify(&[kept]).await.unwrap();
    assert_eq!((report.entries, report.places, report.tampering), (300, 600, None));
    // The proof of what has gone holds, and those of what stays are made as before.
    assert!(proof.verify(&fixture.ledger.verifier_key().await.unwrap()).is_ok());
    let newest = fixture.entries().await.remove(0);
    assert!(fixture.ledger.proof(&newest.leaf.id).await.unwrap().is_some());
    assert_eq!(fixture.ledger.proof(&oldest.leaf.id).await.unwrap(), None);
    // What does not verify is not removed, and nobody else lets contents go.
    fixture.change("UPDATE ledger_entries SET client_id = 'bank' WHERE position = 301").await;
    assert!(matches!(purge(start + 400, 1000).await, Err(PurgeError::Tampered(Tampering::Changed(301)))));
    fixture.change("DELETE FROM ledger_entries WHERE position <= 301").await;
    assert!(matches!(purge(start + 400, 1000).await, Err(PurgeError::Tampered(Tampering::Removed(300)))));
    assert_eq!(fixture.tampering().await, Some(Tampering::Removed(300)));
    fixture.change("UPDATE tlog_heads SET base = 302 WHERE log = 'ledger'").await;
    assert_eq!(fixture.tampering().await, Some(Tampering::Log(Finding::Base(302))));
    assert!(purge(start + 400, 1000).await.is_err());
}

#[actix_web::test]
async fn everything_may_go_and_the_log_goes_on() {
    let fixture = Fixture::filled(5).await;
    assert_eq!(fixture.ledger.purge(Timestamp(1_900_000_000), 1000).await.unwrap(), 5);
    assert_eq!(fixture.tampering().await, None);
    let (aziz, shop) = (person("aziz"), client("shop"));
    fixture.ledger.commit(&Entry::new(&aziz, (&shop, None), Channel::DataApi)).await.unwrap();
    fixture.ledger.give_places().await.unwrap();
    let report = fixture.ledger.verify(&[]).await.unwrap();
    assert_eq!((report.entries, report.places, report.tampering), (1, 6, None));
}

#[actix_web::test]
async fn reads_are_counted_in_memory_and_kept_while_they_cannot_be_written() {
    let fixture = Fixture::filled(2).await;
    let names: Vec<EntryId> = fixture.entries().await.into_iter().map(|listed| listed.leaf.id).collect();
    for _ in 0..3 {
        fixture.ledger.count(names.clone());
    }
    fixture.ledger.count(names[..1].to_vec());
    let reads = async || fixture.entries().await.iter().map(|listed| listed.reads).collect::<Vec<_>>();
    assert_eq!(reads().await, [0, 0]);
    let rename = |sql| fixture.db.execute(db::statement(sql));
    rename("ALTER TABLE ledger_entries RENAME TO gone").await.unwrap();
    assert!(fixture.ledger.write_counts().await.is_err());
    rename("ALTER TABLE gone RENAME TO ledger_entries").await.unwrap();
    fixture.ledger.write_counts().await.unwrap();
    assert_eq!(reads().await, [4, 3]);
    fixture.ledger.write_counts().await.unwrap();
    assert_eq!(reads().await, [4, 3], "each once");
    assert_eq!(fixture.entries().await[0].read_at_ms, Some(fixture.clock.now_ms()));
    assert_eq!(fixture.tampering().await, None, "counts are no part of the log");
}
