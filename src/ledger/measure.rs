//! How long a person's page and a proof take in a large ledger. The program is ignored: it fills databases with millions of rows
//! (`LEDGER_ROWS`, ten million unless it says otherwise, which need some 4 GB each), that on SQLite in a folder that it removes. It
//! prints what it measured:
//!
//!     YAGONA_TEST_POSTGRES=postgres://…/an-empty-database cargo test --lib measure_ -- --ignored --nocapture --test-threads 1

use std::time::Duration;

use tokio::time::Instant;

use super::*;
use crate::clients::ClientId;
use crate::platform::db::{Engine, statement};
use crate::platform::tlog::{Appended, Hash};

/// Entries of the person who is looked at, of all.
const OWN: u64 = 10_000;

/// Rows that are put in at once.
const CHUNK: u64 = 20_000;

#[actix_web::test]
#[ignore = "it fills a database with millions of rows"]
async fn measure_embedded() {
    let folder = tempfile::tempdir().unwrap();
    let url = format!("sqlite:{}", folder.path().join("ledger.db").display());
    measure(&url, folder.path()).await;
}

#[actix_web::test]
#[ignore = "it fills a database with millions of rows"]
async fn measure_servers() {
    let folder = tempfile::tempdir().unwrap();
    let url = std::env::var("YAGONA_TEST_POSTGRES").expect("the URL of an empty database");
    measure(&url, folder.path()).await;
}

/// Rows of other people, as SQL alone makes them: they have places, and their leaves are hashes of nothing.
fn others(engine: Engine, first: u64) -> Statement {
    let text = match engine {
        Engine::Sqlite => {
            "WITH RECURSIVE n (i) AS (SELECT $1 UNION ALL SELECT i + 1 FROM n WHERE i < $1 + $2 - 1) \
             INSERT INTO ledger_entries (entry_id, person_id, client_id, at_ms, leaf, position) \
             SELECT lower(hex(randomblob(11))), 'person-' || (i * 7919 % 1000003), 'shop', 1800000000000 + i * 1000, '{}', i FROM n"
        }
        Engine::Postgres => {
            "INSERT INTO ledger_entries (entry_id, person_id, client_id, at_ms, leaf, position) \
             SELECT substr(md5(i::text), 1, 22), 'person-' || (i * 7919 % 1000003), 'shop', 1800000000000 + i * 1000, '{}', i \
             FROM generate_series($1, $1 + $2 - 1) AS s (i)"
        }
    };
    statement(text).bind(first as i64).bind(CHUNK as i64)
}

async fn measure(url: &str, folder: &std::path::Path) {
    let rows: u64 =
        std::env::var("LEDGER_ROWS").ok().and_then(|rows| rows.parse().ok()).unwrap_or(10_000_000);
    let db: Db = db::connect(url, 2, Duration::from_secs(120), Metrics::new()).await.unwrap();
    db::migrate(&db).await.unwrap();
    let keyring = Keyring::read_or_create(&folder.join("keyring.toml")).unwrap();
    let clock = Clock::manual(Timestamp(1_800_000_000));
    let ledger = Ledger::new(db.clone(), clock.clone(), &keyring);
    let log = Log::new(db.clone(), "ledger", "localhost/ledger".to_owned(), &keyring);
    let (person, client) = (PersonId::stored("the person".to_owned()), ClientId::parse("shop").unwrap());
    let chunks = rows / CHUNK;
    let begun = Instant::now();
    for _ in 0..chunks {
        // The person's entries lie scattered among those of the others.
        for _ in 0..OWN / chunks.min(OWN) {
            ledger.commit(&Entry::new(&person, (&client, None), Channel::UserInfo)).await.unwrap();
        }
        ledger.give_places().await.unwrap();
        let head = log.head().await.unwrap();
        let leaves: Vec<Hash> = (0..CHUNK).map(|n| Hash::of_leaf(&(head.size + n).to_be_bytes())).collect();
        let others = vec![others(db.engine(), head.size)];
        assert_eq!(log.append(&head, &leaves, others).await.unwrap(), Appended::Yes);
        clock.advance(CHUNK as i64);
    }
    if db.engine() == Engine::Postgres {
        db.execute(statement("ANALYZE ledger_entries")).await.unwrap();
    }
    println!("{:?}: filled with {rows} rows in {:?}", db.engine(), begun.elapsed());

    let (mut pages, mut proofs) = (Vec::new(), Vec::new());
    let mut before = Place::newest();
    let filter = Filter::default();
    loop {
        let began = Instant::now();
        let page = ledger.of_person(&person, &filter, &before, 50).await.unwrap();
        pages.push(began.elapsed());
        let Some(last) = page.last() else { break };
        before = Place::after(last);
        let began = Instant::now();
        ledger.proof(&last.leaf.id).await.unwrap().unwrap();
        proofs.push(began.elapsed());
    }
    let plan = match db.engine() {
        Engine::Sqlite => {
            "EXPLAIN QUERY PLAN SELECT entry_id FROM ledger_entries WHERE person_id = 'the person' AND (at_ms, entry_id) < (9, 'x') ORDER BY at_ms DESC, entry_id DESC LIMIT 50"
        }
        Engine::Postgres => {
            "EXPLAIN SELECT entry_id FROM ledger_entries WHERE person_id = 'the person' AND (at_ms, entry_id) < (9, 'x') ORDER BY at_ms DESC, entry_id DESC LIMIT 50"
        }
    };
    let (table, column) = match db.engine() {
        Engine::Sqlite => ("plan", "detail"),
        Engine::Postgres => ("plan", "QUERY PLAN"),
    };
    for row in &db.read_all(statement(plan)).await.unwrap() {
        println!("  {}", db::text(row, table, column).unwrap());
    }
    for (what, times) in [("page of 50", &mut pages), ("proof", &mut proofs)] {
        times.sort();
        let at = |share: usize| times[(times.len() - 1) * share / 100];
        println!(
            "  {what}: {} times, median {:?}, 99 % {:?}, longest {:?}",
            times.len(),
            at(50),
            at(99),
            at(100)
        );
    }
    db.close().await;
}
