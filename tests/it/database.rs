//! The storage layer: common behaviour of both databases, and behaviour of PostgreSQL only.

use std::ops::Deref;
use std::time::Duration;

use futures_util::FutureExt as _;
use futures_util::future::join_all;
use sqlx::{Connection as _, Executor as _, PgConnection, Row as _};
use yagona::platform::db::{
    self, Db, DbError, Statement, connect, int, maybe_int, maybe_text, statement, text,
};
use yagona::platform::telemetry::Metrics;

use crate::support::folder::Folder;
use crate::support::servers::postgres_database;
use crate::support::wait::until;
use crate::support::{Backend, Setup, alone_on_both_backends};

alone_on_both_backends!(
    a_guard_that_touches_nothing_writes_nothing,
    of_several_changes_a_failing_one_undoes_all,
    of_fifty_guarded_redemptions_at_once_one_wins,
    of_those_that_hold_the_same_each_sees_what_came_before,
    of_many_increments_none_is_lost,
    values_come_back_as_they_went,
);

/// A database of its own with one table.
struct Store {
    db: Db,
    url: String,
    _folder: Folder,
}

impl Deref for Store {
    type Target = Db;

    fn deref(&self) -> &Db {
        &self.db
    }
}

impl Store {
    async fn open(backend: Backend, connections: u32) -> Self {
        let folder = Folder::new();
        let url = match backend {
            Backend::Embedded => format!("sqlite:{}", folder.file("own.db").display()),
            Backend::Servers => postgres_database().await,
        };
        let db = open(&url, connections).await;
        let table = "CREATE TABLE t (k TEXT NOT NULL PRIMARY KEY, n BIGINT NOT NULL, note TEXT, at BIGINT)";
        db.execute(statement(table)).await.expect("a table");
        Self { db, url, _folder: folder }
    }

    async fn server(connections: u32) -> (Self, PgConnection) {
        let store = Self::open(Backend::Servers, connections).await;
        let other = PgConnection::connect(&store.url).await.expect("another connection");
        (store, other)
    }

    async fn sum(&self) -> (i64, i64) {
        let sum = "SELECT COUNT(*) AS rows, CAST(COALESCE(SUM(n), 0) AS BIGINT) AS sum FROM t";
        let row = self.read_one(statement(sum)).await.expect("a row");
        (int(&row, "t", "rows").expect("rows"), int(&row, "t", "sum").expect("sum"))
    }
}

async fn open(url: &str, connections: u32) -> Db {
    connect(url, connections, Duration::from_secs(5), Metrics::new()).await.expect("the database")
}

fn insert(key: &str, n: i64) -> Statement {
    statement("INSERT INTO t (k, n) VALUES ($1, $2) RETURNING k").bind(key).bind(n)
}

fn insert_new(key: &str) -> Statement {
    statement("INSERT INTO t (k, n) VALUES ($1, 0) ON CONFLICT (k) DO NOTHING RETURNING k").bind(key)
}

fn raise(key: &str) -> Statement {
    statement("UPDATE t SET n = n + 1 WHERE k = $1").bind(key)
}

async fn a_guard_that_touches_nothing_writes_nothing(setup: Setup) {
    let db = Store::open(setup.backend, 2).await;
    db.execute(insert("a", 1)).await.expect("a row");
    let guard = || statement("UPDATE t SET n = 5 WHERE k = $1 AND n = $2 RETURNING n").bind("a");
    let refused = db.guarded(guard().bind(9), vec![raise("a"), insert("b", 0)]).await.expect("an answer");
    assert!(refused.is_none());
    assert_eq!(db.sum().await, (1, 1));
    let row = db.guarded(guard().bind(1), vec![raise("a"), insert("b", 0)]).await.expect("an answer");
    // The guard's row is as the guard left it.
    assert_eq!(int(&row.expect("its row"), "t", "n").expect("n"), 5);
    assert_eq!(db.sum().await, (2, 6));
}

async fn of_several_changes_a_failing_one_undoes_all(setup: Setup) {
    let db = Store::open(setup.backend, 1).await;
    db.execute(insert("a", 1)).await.expect("a row");
    let failing = || vec![raise("a"), insert("b", 0), insert("a", 0), raise("a")];
    let failed = db.all_or_nothing(failing()).await;
    assert!(matches!(failed, Err(DbError::Statement(_))), "{failed:?}");
    let failed = db.guarded(insert_new("c"), failing()).await.map(|_| ());
    assert!(matches!(failed, Err(DbError::Statement(_))), "{failed:?}");
    assert_eq!(db.sum().await, (1, 1));
    // What comes next is not in anything's transaction.
    db.all_or_nothing(vec![raise("a"), insert("b", 0)]).await.expect("both");
    assert_eq!(open(&db.url, 1).await.execute(raise("a")).await.expect("an answer"), 1);
    assert_eq!(db.sum().await, (2, 3));
}

async fn of_fifty_guarded_redemptions_at_once_one_wins(setup: Setup) {
    let db = Store::open(setup.backend, 8).await;
    db.execute(insert("count", 0)).await.expect("a row");
    for code in ["one", "two", "three"] {
        let redeem = || db.guarded(insert_new(code), vec![raise("count"), raise("count")]);
        let answers = join_all((0..50).map(|_| redeem())).await;
        let winners = answers.into_iter().filter(|answer| answer.as_ref().expect("an answer").is_some());
        assert_eq!(winners.count(), 1);
    }
    assert_eq!(db.sum().await, (4, 6));
}

async fn of_those_that_hold_the_same_each_sees_what_came_before(setup: Setup) {
    let db = Store::open(setup.backend, 8).await;
    for key in ["turn", "won", "seen"] {
        db.execute(insert(key, 0)).await.expect("a row");
    }
    // The guard changes a row of its own, by a condition on another: without a turn several would read it as it was.
    let guard =
        "UPDATE t SET n = n + 1 WHERE k = 'won' AND (SELECT s.n FROM t s WHERE s.k = 'seen') = 0 RETURNING n";
    let bind = || db.held(vec![raise("turn")], statement(guard), vec![raise("seen")]);
    let answers = join_all((0..20).map(|_| bind())).await;
    let winners = answers.into_iter().filter(|answer| answer.as_ref().expect("an answer").is_some());
    assert_eq!(winners.count(), 1);
    // Those that were refused have undone their turn as well.
    assert_eq!(db.sum().await, (3, 3));
}

async fn of_many_increments_none_is_lost(setup: Setup) {
    let db = Store::open(setup.backend, 4).await;
    db.execute(insert("a", 0)).await.expect("a row");
    let single = join_all((0..50).map(|_| db.execute(raise("a"))));
    let double = join_all((0..50).map(|_| db.all_or_nothing(vec![raise("a"), raise("a")])));
    let (single, double) = futures_util::future::join(single, double).await;
    assert!(single.iter().all(|touched| matches!(touched, Ok(1))), "{single:?}");
    assert!(double.iter().all(Result::is_ok), "{double:?}");
    assert_eq!(db.sum().await, (1, 150));
}

async fn values_come_back_as_they_went(setup: Setup) {
    let db = Store::open(setup.backend, 1).await;
    let all = statement("INSERT INTO t (k, n, note, at) VALUES ($1, $2, $3, $4) RETURNING at, note, n, k");
    let filled = all.bind("Ўзбек '\"$1").bind(i64::MIN).bind(Some("n".to_owned())).bind(Some(i64::MAX));
    let row = db.change(filled).await.expect("an answer").expect("a row");
    assert_eq!(text(&row, "t", "k").expect("k"), "Ўзбек '\"$1");
    assert_eq!(int(&row, "t", "n").expect("n"), i64::MIN);
    assert_eq!(maybe_text(&row, "t", "note").expect("note").as_deref(), Some("n"));
    assert_eq!(maybe_int(&row, "t", "at").expect("at"), Some(i64::MAX));
    // Numbers out of order, one of them twice, and NULLs of both types.
    let nothing = statement(
        "UPDATE t SET note = $3, at = $2 WHERE k <> COALESCE($1, '') AND ($3 IS NULL OR note = $3) RETURNING note, at",
    );
    let nothing = nothing.bind(None::<&str>).bind(None::<i64>).bind(None::<String>);
    let row = db.change(nothing).await.expect("an answer").expect("a row");
    assert_eq!(maybe_text(&row, "t", "note").expect("note"), None);
    assert_eq!(maybe_int(&row, "t", "at").expect("at"), None);
    let wrong = int(&row, "t", "at").expect_err("a NULL is no number");
    assert!(matches!(wrong, DbError::Corrupt { table: "t", .. }), "{wrong}");
}

/// How many connections to this database there are besides `other`.
async fn connections(other: &mut PgConnection) -> i64 {
    let count = "SELECT COUNT(*) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()";
    sqlx::query(count).fetch_one(other).await.expect("an answer").get(0)
}

#[tokio::test]
async fn a_thread_has_no_more_connections_than_it_may() {
    let (db, mut other) = Store::server(2).await;
    let slow = || statement("SELECT 'x' AS a FROM pg_sleep(0.02)");
    let answers = join_all((0..20).map(|_| db.read_all(slow()))).await;
    assert!(answers.iter().all(Result::is_ok));
    assert_eq!(connections(&mut other).await, 2);
    db.close().await;
    until("the connections' end", async || (connections(&mut other).await == 0).then_some(())).await;
    assert!(matches!(db.execute(raise("a")).await, Err(DbError::Unavailable(_))));
}

#[tokio::test]
async fn a_cancelled_caller_leaves_a_clean_connection_and_nothing_half_written() {
    let (db, mut other) = Store::server(1).await;
    db.execute(insert("a", 0)).await.expect("a row");
    let pid = || statement("SELECT CAST(pg_backend_pid() AS BIGINT) AS pid");
    let before = int(&db.read_one(pid()).await.expect("a row"), "t", "pid").expect("pid");
    let slow = || statement("SELECT 'x' AS a FROM pg_sleep(0.1)");
    for _ in 0..3 {
        let _ = tokio::time::timeout(Duration::from_millis(20), db.read_all(slow())).await;
        assert!(db.execute(raise("a")).now_or_never().is_none(), "begun and dropped");
        let half = db.all_or_nothing(vec![raise("a"), slow(), raise("a")]);
        assert!(tokio::time::timeout(Duration::from_millis(60), half).await.is_err());
    }
    let after = int(&db.read_one(pid()).await.expect("a row"), "t", "pid").expect("pid");
    assert_eq!(before, after, "the same connection");
    assert_eq!(connections(&mut other).await, 1);
    let (_, sum) = db.sum().await;
    assert!(sum <= 3, "{sum}: of the transactions nothing stays");
}

#[tokio::test]
async fn closed_connections_are_replaced_after_a_probe() {
    let (db, mut other) = Store::server(4).await;
    db.execute(insert("a", 0)).await.expect("a row");
    let slow = || statement("SELECT 'x' AS a FROM pg_sleep(0.02)");
    join_all((0..4).map(|_| db.read_all(slow()))).await;
    let end = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity \
         WHERE datname = current_database() AND pid <> pg_backend_pid()";
    other.execute(end).await.expect("their end");
    until("the connections' end", async || (connections(&mut other).await == 0).then_some(())).await;
    assert!(matches!(db.execute(raise("a")).await, Err(DbError::Unavailable(_))));
    assert!(matches!(db.execute(raise("a")).await, Err(DbError::Unavailable(_))), "fails at once");
    db.probe().await.expect("a new connection");
    for _ in 0..5 {
        assert_eq!(db.execute(raise("a")).await.expect("an answer"), 1);
    }
}

#[tokio::test]
async fn a_statement_without_an_answer_is_given_up_with_its_connection() {
    let (db, mut other) = Store::server(1).await;
    db.execute(insert("a", 0)).await.expect("a row");
    // Another transaction holds the row lock.
    let mut theirs = other.begin().await.expect("a transaction");
    theirs.execute("UPDATE t SET n = 7").await.expect("a lock");
    assert!(matches!(db.execute(raise("a")).await, Err(DbError::Unavailable(_))));
    theirs.commit().await.expect("the lock's end");
    db.probe().await.expect("a new connection");
    assert_eq!(db.execute(raise("a")).await.expect("an answer"), 1);
    // Whether the abandoned statement came through depends on the moment; it does not come later.
    until("its end", async || (connections(&mut other).await <= 1).then_some(())).await;
    let (_, sum) = db.sum().await;
    assert!([8, 9].contains(&sum), "{sum}");
}

/// A database as version 0.1 made it.
async fn database_of_0_1() -> String {
    let url = postgres_database().await;
    let mut connection = PgConnection::connect(&url).await.expect("the database");
    let first = include_str!("../../migrations/0001_first_sign_in.sql");
    connection.execute(first).await.expect("the schema of 0.1");
    connection
        .execute(
            "CREATE TABLE _sqlx_migrations (version BIGINT PRIMARY KEY, description TEXT NOT NULL, \
             installed_on TIMESTAMPTZ NOT NULL DEFAULT now(), success BOOLEAN NOT NULL, checksum BYTEA NOT NULL, \
             execution_time BIGINT NOT NULL); \
             INSERT INTO _sqlx_migrations (version, description, success, checksum, execution_time) VALUES \
             (1, 'first sign in', TRUE, '\\xb229407ea014951aeb76e0507fcb9a15cb288a4c2088a36b\
             85331fd407dec5d9981fbecaa1f9737d3a4a2d373df05a65', 1500000); \
             INSERT INTO persons (person_id, pinfl_index, sealed, updated_at) VALUES ('p1', 'i1', 's1', 5); \
             INSERT INTO phone_numbers VALUES ('n1', 'p1', '', 'enrolled', 7), ('n2', 'p1', '', 'enrolled', 9); \
             INSERT INTO grants VALUES ('g1', 'c1', 'p1', '{}', 1, 2, 3, 4, NULL)",
        )
        .await
        .expect("what 0.1 left");
    url
}

#[tokio::test]
async fn a_server_of_version_0_1_goes_on_with_its_rows() {
    let url = database_of_0_1().await;
    let db = open(&url, 1).await;
    let pending = db::pending_migrations(&db).await.expect("a list");
    assert_eq!(pending[0], "epochs and decoys");
    assert_eq!(db::migrate(&db).await.expect("the schema"), pending.len());
    assert_eq!(db::migrate(&db).await.expect("the schema"), 0);
    let kept = "SELECT p.sealed, p.epoch, g.person_epoch FROM persons p JOIN grants g ON g.person_id = p.person_id \
         WHERE p.person_id = 'p1'";
    let row = db.read_one(statement(kept)).await.expect("a row");
    assert_eq!(text(&row, "persons", "sealed").expect("sealed"), "s1");
    assert_eq!(
        int(&row, "persons", "epoch").expect("epoch") + int(&row, "grants", "person_epoch").expect("epoch"),
        0
    );
    let enrolled = "SELECT number_index FROM phone_numbers WHERE status = 'enrolled'";
    let row = db.read_one(statement(enrolled)).await.expect("a row");
    assert_eq!(text(&row, "phone_numbers", "number_index").expect("an index"), "n2", "a person has one");
    // A changed migration is reported, and so is a failed one.
    let mut other = PgConnection::connect(&url).await.expect("another connection");
    for (sql, said) in [("checksum = '\\x00'", "another text"), ("success = FALSE", "failed")] {
        let change = sqlx::AssertSqlSafe(format!("UPDATE _sqlx_migrations SET {sql} WHERE version = 2"));
        other.execute(change).await.expect("a change");
        let error = db::migrate(&db).await.expect_err("a refusal").to_string();
        assert!(error.contains(said), "{error}");
    }
}

#[tokio::test]
async fn of_many_nodes_that_start_on_an_empty_server_each_comes_to_a_good_end() {
    let url = postgres_database().await;
    let nodes = (0..8).map(async |_| {
        let db = open(&url, 1).await;
        let applied = db::migrate(&db).await.expect("the schema");
        db.close().await;
        applied
    });
    let applied: Vec<usize> = join_all(nodes).await;
    let pending = db::pending_migrations(&open(&url, 1).await).await.expect("a list");
    assert!(pending.is_empty() && applied.iter().sum::<usize>() > 1, "{applied:?}");
}

#[tokio::test]
#[expect(clippy::too_many_lines, reason = "a line for each table")]
async fn only_what_is_named_is_dropped_and_the_schema_can_be_made_again() {
    let url = database_of_0_1().await;
    let mut other = PgConnection::connect(&url).await.expect("another connection");
    other.execute("CREATE TABLE somebody_elses (a TEXT)").await.expect("a table");
    let db = open(&url, 1).await;
    let later = db::migrate(&db).await.expect("the schema");
    let tables = [
        "audit_log",
        "audit_head",
        "messages",
        "person_emails",
        "email_confirmations",
        "mails",
        "notices",
        "notice_wishes",
        "charge_consents",
        "charges",
        "sms_suspensions",
        "logout_deliveries",
        "untold_ends",
        "forgotten_browsers",
        "client_icons",
        "identifications",
        "payments",
        "accounts",
        "account_means",
        "representations",
        "account_passkeys",
        "contact_numbers",
        "enrolment_ends",
        "approval_decisions",
        "application_receipts",
        "receipt_keys",
        "consents",
        "grants",
        "revoked_tokens",
        "used_details",
        "notices",
        "notice_wishes",
        "charge_consents",
        "charges",
        "sms_suspensions",
        "ledger_entries",
        "tlog_heads",
        "tlog_tiles",
        "tlog_keys",
        "passwords",
        "logins",
        "password_failures",
        "password_links",
        "recoveries",
        "phone_numbers",
        "persons",
        "wrong_codes",
        "decoys",
        "muted_services",
        "photos",
        "institutions",
        "contracts",
        "contract_usage",
        "exchange_files",
        "death_reports",
        "death_turn",
        "notices",
        "notice_wishes",
        "charge_consents",
        "charges",
        "sms_suspensions",
        "signal_streams",
        "signal_exclusions",
        "signal_events",
        "clients",
        "registration_tokens",
        "held_icons",
        "signing_keys",
        "later_signing_keys",
        "registration_tokens",
        "write_probes",
        "sequences",
        "leases",
        "ended_sessions",
        "sign_ins",
        "waiting_requests",
        "person_preferences",
        "self_locks",
        "complaints",
        "places",
        "staff",
        "staff_relatives",
        "staff_passkeys",
        "staff_links",
        "staff_link_requests",
        "staff_actions",
        "staff_holds",
        "desk_complaints",
        "desk_accounts",
        "desk_photos",
        "logout_outcomes",
        "keyring_check",
    ];
    db::drop_everything(&url, tables.into_iter()).await.expect("their end");
    let left = "SELECT CAST(relname AS TEXT) AS name FROM pg_class WHERE relkind = 'r' \
         AND relnamespace = 'public'::regnamespace";
    let left = db.read_all(statement(left)).await.expect("the tables");
    let left: Vec<_> = left.iter().map(|row| text(row, "pg_class", "name").expect("name")).collect();
    assert_eq!(left, ["somebody_elses"]);
    assert_eq!(db::migrate(&db).await.expect("the schema"), later + 1);
}

/// The last number of the list of these tests.
async fn last_number(store: &Store) -> i64 {
    let row = store.read_one(db::last_number("t")).await.expect("a row");
    int(&row, "sequences", "seq").expect("a number")
}

#[tokio::test]
async fn numbers_become_visible_in_their_order() {
    let (store, mut other) = Store::server(2).await;
    let table = "CREATE TABLE sequences (list TEXT NOT NULL PRIMARY KEY, seq BIGINT NOT NULL)";
    store.execute(statement(table)).await.expect("a table");
    store.execute(statement("INSERT INTO sequences (list, seq) VALUES ('t', 0)")).await.expect("a list");
    // A change takes a number and is slow to commit.
    other.execute("BEGIN").await.expect("a transaction");
    other.execute("UPDATE sequences SET seq = seq + 1 WHERE list = 't'").await.expect("the first number");
    let write = "INSERT INTO t (k, n) SELECT 'later', seq FROM sequences WHERE list = 't'";
    let later = store.guarded(db::take_number("t"), vec![statement(write)]);
    let earlier = async {
        let waiting = "SELECT COUNT(*) AS n FROM pg_stat_activity \
                       WHERE datname = current_database() AND wait_event_type = 'Lock'";
        until("the later change to wait", async || {
            let row = store.read_one(statement(waiting)).await.expect("a count");
            (int(&row, "pg_stat_activity", "n").expect("a number") > 0).then_some(())
        })
        .await;
        assert_eq!(last_number(&store).await, 0);
        other.execute("COMMIT").await.expect("the end of a transaction");
    };
    let (later, ()) = tokio::join!(later, earlier);
    assert!(later.expect("an answer").is_some());
    assert_eq!((last_number(&store).await, store.sum().await), (2, (1, 2)));
}
