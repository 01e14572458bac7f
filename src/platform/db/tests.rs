//! The embedded database. Common behaviour is tested on both databases in `tests/it/database.rs`.

use std::sync::Arc;
use std::time::Duration;

use futures_util::future::join_all;

use super::availability::Availability;
use super::sqlite::{Embedded, Work};
use super::test_db::TestDb;
use super::*;

async fn with_table() -> TestDb {
    let db = TestDb::empty().await;
    db.execute(statement("CREATE TABLE t (k BIGINT PRIMARY KEY, n BIGINT NOT NULL)")).await.unwrap();
    db.execute(statement("INSERT INTO t VALUES (0, 0)")).await.unwrap();
    db
}

async fn number(db: &Db, sql: &'static str) -> i64 {
    int(&db.read_one(statement(sql)).await.unwrap(), "t", "n").unwrap()
}

fn increment() -> Statement {
    statement("UPDATE t SET n = n + 1 WHERE k = 0 RETURNING n")
}

fn duplicate() -> Statement {
    statement("INSERT INTO t VALUES (0, 0)")
}

#[actix_web::test]
async fn of_many_changes_at_once_each_is_made_and_a_wrong_one_undoes_itself_alone() {
    let db = with_table().await;
    let changes = (0..100).map(|i| {
        let db = db.clone();
        async move {
            match i % 10 {
                8 => db.all_or_nothing(vec![increment(), duplicate()]).await,
                9 => db.execute(duplicate()).await.map(|_| ()),
                _ => db.change(increment()).await.map(|_| ()),
            }
        }
    });
    let done = join_all(changes).await;
    assert_eq!(done.iter().filter(|done| matches!(done, Err(DbError::Statement(_)))).count(), 20);
    assert_eq!(number(&db, "SELECT n FROM t WHERE k = 0").await, 80);
}

/// Round trips and commits so far, none of which belong to a request here.
fn spent(db: &Db) -> (u64, u64) {
    let page = db.metrics.encode();
    let of = |name: &str| {
        let line =
            page.lines().find_map(|line| line.strip_prefix(&format!("{name}{{cause=\"background\"}} ")));
        line.and_then(|count| count.parse().ok()).unwrap_or(0)
    };
    (of("yagona_sql_round_trips_total"), of("yagona_sql_commits_total"))
}

#[actix_web::test]
async fn a_guarded_change_is_one_round_trip_and_one_commit() {
    let db = with_table().await;
    let before = spent(&db);
    db.guarded(increment(), vec![increment(), increment()]).await.unwrap().unwrap();
    let after = spent(&db);
    assert_eq!((after.0 - before.0, after.1 - before.1), (1, 1));
    assert_eq!(number(&db, "SELECT n FROM t WHERE k = 0").await, 3);
}

#[actix_web::test]
async fn a_caller_that_goes_away_takes_no_change_along() {
    let db = with_table().await;
    for _ in 0..20 {
        let change = db.execute(increment());
        // Polled once, which queues the change, and dropped.
        assert!(futures_util::FutureExt::now_or_never(change).is_none());
    }
    db.execute(increment()).await.unwrap();
    assert_eq!(number(&db, "SELECT n FROM t WHERE k = 0").await, 21);
}

#[actix_web::test]
async fn a_read_changes_nothing() {
    let db = with_table().await;
    assert!(db.read_optional(increment()).await.is_err());
    assert_eq!(number(&db, "SELECT n FROM t WHERE k = 0").await, 0);
}

#[actix_web::test]
async fn values_go_where_their_numbers_say() {
    let db = with_table().await;
    let swapped = statement("SELECT $2 AS second, $1 AS first, $2 AS again").bind("a").bind("b");
    let row = db.read_one(swapped).await.unwrap();
    let read = |column| text(&row, "t", column).unwrap();
    assert_eq!((read("first"), read("second"), read("again")), ("a".into(), "b".into(), "b".into()));
    assert!(db.read_one(statement("SELECT $1 AS n")).await.is_err(), "a value is missing");
    assert!(db.read_one(statement("SELECT 1 AS n").bind(1)).await.is_err(), "a value too many");
}

#[actix_web::test]
async fn a_full_disk_is_unavailable_and_undoes_everything_of_its_commit() {
    let db = with_table().await;
    // No further page can be allocated.
    let pages = number(&db, "SELECT page_count AS n FROM pragma_page_count").await;
    assert!(pages > 0);
    db.execute(statement("PRAGMA max_page_count = 1")).await.unwrap();
    let large = || statement("INSERT INTO t SELECT value, 0 FROM generated");
    db.execute(statement(
        "CREATE TEMP VIEW generated AS WITH RECURSIVE g(value) AS \
         (SELECT 1 UNION ALL SELECT value + 1 FROM g WHERE value < 100000) SELECT value FROM g",
    ))
    .await
    .unwrap();
    let outcomes = join_all([db.execute(increment()), db.execute(large()), db.execute(increment())]).await;
    let written = number(&db, "SELECT n FROM t WHERE k = 0").await;
    let kept = [&outcomes[0], &outcomes[2]].into_iter().filter(|outcome| outcome.is_ok()).count();
    assert_eq!(written, i64::try_from(kept).unwrap(), "what was acknowledged is there, the rest is not");
    assert!(matches!(outcomes[1], Err(DbError::Unavailable(_))), "{:?}", outcomes[1]);
    assert_eq!(number(&db, "SELECT COUNT(*) AS n FROM t").await, 1);
    // The writer goes on.
    db.execute(increment()).await.unwrap();
}

#[actix_web::test]
async fn only_a_change_shows_that_changes_are_possible_and_an_idle_node_makes_few() {
    let db = TestDb::migrated().await;
    for _ in 0..10 {
        db.check_writable().await.unwrap();
    }
    assert_eq!(number(&db, "SELECT count AS n FROM write_probes").await, 1);
    // As a disk that is full or a server that became a standby: it still answers.
    db.execute(statement("PRAGMA query_only = ON")).await.unwrap();
    let own = || statement("UPDATE write_probes SET count = 1");
    assert!(matches!(db.execute(own()).await, Err(DbError::Unavailable(_))));
    db.probe().await.unwrap();
    assert_eq!(number(&db, "SELECT count AS n FROM write_probes").await, 1);
    for _ in 0..2 {
        assert!(matches!(db.check_writable().await, Err(DbError::Unavailable(_))), "found out by a change");
    }
    db.execute(statement("PRAGMA query_only = OFF")).await.unwrap();
    db.check_writable().await.unwrap();
    // A change of the provider's own shows it as well.
    let before = number(&db, "SELECT count AS n FROM write_probes").await;
    db.execute(own()).await.unwrap();
    db.check_writable().await.unwrap();
    assert!(number(&db, "SELECT count AS n FROM write_probes").await <= before);
}

#[actix_web::test]
async fn what_is_no_database_is_named_by_its_cause() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("garbage.db");
    std::fs::write(&file, "this is a text that is long enough not to be taken for an empty file ".repeat(9))
        .unwrap();
    let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    for (url, cause) in [
        (format!("sqlite:{}", file.display()), "not a database"),
        (format!("postgres://u@{free}/d"), "refused"),
    ] {
        let opened = connect(&url, 1, Duration::from_secs(5), Metrics::new()).await;
        let said = opened.map(|_| ()).unwrap_err().to_string();
        assert!(said.contains(cause), "{said}");
    }
}

const ENDLESS: &str =
    "WITH RECURSIVE g(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM g) SELECT MAX(n) AS n FROM g";
const ENDLESS_CHANGE: &str = "INSERT INTO t WITH RECURSIVE g(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM g) \
     SELECT MAX(n), 0 FROM g";

#[actix_web::test]
async fn a_statement_that_takes_too_long_ends_and_the_next_one_is_served() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("slow.db").display().to_string();
    let availability = Arc::new(Availability::default());
    let longest = Duration::from_millis(50);
    let embedded = Embedded::open(&path, longest, Arc::clone(&availability)).unwrap();
    assert!(matches!(embedded.read(&statement(ENDLESS), 1), Err(DbError::Unavailable(_))));
    assert!(embedded.read(&statement("SELECT 1 AS n"), 1).is_ok());
    let write = |sql| embedded.write(Work::Statement(statement(sql)));
    write("CREATE TABLE t (k BIGINT PRIMARY KEY, n BIGINT NOT NULL)").await.map(|_| ()).unwrap();
    assert!(matches!(write(ENDLESS_CHANGE).await.map(|_| ()), Err(DbError::Unavailable(_))));
    // The caller's timeout may come first: the writer is free again soon after.
    let mut again = write("INSERT INTO t VALUES (1, 1)").await;
    for _ in 0..100 {
        if again.is_ok() {
            break;
        }
        again = write("INSERT INTO t VALUES (1, 1)").await;
    }
    assert!(again.is_ok());
}

#[actix_web::test]
async fn a_lost_database_refuses_at_once_until_a_probe_finds_it() {
    let db = with_table().await;
    db.availability.lost();
    for refused in [db.execute(increment()).await.map(|_| ()), db.read_all(increment()).await.map(|_| ())] {
        assert!(matches!(refused, Err(DbError::Unavailable(_))));
    }
    db.probe().await.unwrap();
    assert_eq!(db.execute(increment()).await.unwrap(), 1);
}

#[actix_web::test]
async fn closing_lets_changes_finish_and_leaves_one_file() {
    let db = with_table().await;
    let changes: Vec<_> = (0..50)
        .map(|_| {
            let db = db.clone();
            tokio::spawn(async move { db.execute(increment()).await })
        })
        .collect();
    // Each queues its change.
    tokio::task::yield_now().await;
    db.close().await;
    for change in changes {
        change.await.unwrap().unwrap();
    }
    assert!(matches!(db.execute(increment()).await, Err(DbError::Unavailable(_))));
    assert!(db.probe().await.is_err() || db.read_all(increment()).await.is_err());
    let log = db.folder().join("test.db-wal");
    assert!(std::fs::metadata(log).map_or(0, |log| log.len()) == 0, "all is in the file itself");
}

#[actix_web::test]
async fn threads_read_each_with_a_connection_of_its_own() {
    let db = with_table().await;
    db.execute(increment()).await.unwrap();
    let threads: Vec<_> = (0..4)
        .map(|_| {
            let db = db.clone();
            std::thread::spawn(move || {
                let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
                runtime.block_on(async { number(&db, "SELECT n FROM t WHERE k = 0").await })
            })
        })
        .collect();
    assert!(threads.into_iter().all(|thread| thread.join().unwrap() == 1));
}

#[actix_web::test]
async fn what_is_no_database_is_said_so_without_a_password() {
    for url in ["mysql://u:hunter2@h/d", "postgres://u:hunter2@127.0.0.1:1/d"] {
        let refused = connect(url, 1, Duration::from_secs(1), Metrics::new()).await;
        let said = refused.map(|_| ()).unwrap_err().to_string();
        assert!(said.contains("cannot be opened") && !said.contains("hunter2"), "{said}");
    }
}
