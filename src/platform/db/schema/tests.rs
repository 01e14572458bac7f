//! The schema on the embedded database, and the rules for migrations.

use super::*;
use crate::platform::db::test_db::TestDb;
use crate::platform::db::{int, statement, text};

/// The record of sqlx's migrator in a database of version 0.1.
const MADE_BY_0_1: &str = "CREATE TABLE _sqlx_migrations (version BIGINT PRIMARY KEY, description TEXT NOT NULL, \
     installed_on TIMESTAMP NOT NULL DEFAULT CURRENT_TIMESTAMP, success BOOLEAN NOT NULL, checksum BLOB NOT NULL, \
     execution_time BIGINT NOT NULL); \
     INSERT INTO _sqlx_migrations (version, description, success, checksum, execution_time) VALUES \
     (1, 'first sign in', TRUE, x'b229407ea014951aeb76e0507fcb9a15cb288a4c2088a36b\
     85331fd407dec5d9981fbecaa1f9737d3a4a2d373df05a65', 1500000);";

async fn database_of_0_1() -> TestDb {
    let db = TestDb::empty().await;
    let raw = rusqlite::Connection::open(db.folder().join("test.db")).unwrap();
    raw.execute_batch(MIGRATIONS[0].sql).unwrap();
    raw.execute_batch(MADE_BY_0_1).unwrap();
    raw.execute_batch(
        "INSERT INTO persons (person_id, pinfl_index, sealed, updated_at) VALUES ('p1', 'i1', 's1', 5); \
         INSERT INTO grants VALUES ('g1', 'c1', 'p1', '{}', 1, 2, 3, 4, NULL);",
    )
    .unwrap();
    db
}

async fn alter(db: &TestDb, sql: &'static str) {
    db.execute(statement(sql)).await.unwrap();
}

#[actix_web::test]
async fn a_database_of_version_0_1_goes_on_with_its_rows() {
    let db = database_of_0_1().await;
    let later: Vec<&str> = MIGRATIONS[1..].iter().map(|migration| migration.description).collect();
    assert_eq!(pending_migrations(&db).await.unwrap(), later);
    assert_eq!(migrate(&db).await.unwrap(), later.len());
    assert!(pending_migrations(&db).await.unwrap().is_empty());
    assert_eq!(migrate(&db).await.unwrap(), 0, "once is enough");
    let row = db
        .read_one(statement(
            "SELECT p.sealed, p.epoch, g.grant_id, g.person_epoch FROM persons p \
             JOIN grants g ON g.person_id = p.person_id WHERE p.person_id = 'p1'",
        ))
        .await
        .unwrap();
    assert_eq!(
        (text(&row, "persons", "sealed").unwrap().as_str(), int(&row, "t", "epoch").unwrap()),
        ("s1", 0)
    );
    assert_eq!(
        (text(&row, "t", "grant_id").unwrap().as_str(), int(&row, "t", "person_epoch").unwrap()),
        ("g1", 0)
    );
}

#[actix_web::test]
async fn of_several_enrolled_numbers_the_one_that_changed_last_stays() {
    let db = database_of_0_1().await;
    alter(
        &db,
        "INSERT INTO persons (person_id, pinfl_index, sealed, updated_at) VALUES ('p2', 'i2', 's2', 5)",
    )
    .await;
    alter(
        &db,
        "INSERT INTO phone_numbers (number_index, person_id, sealed, status, updated_at) VALUES \
         ('n1', 'p1', '', 'enrolled', 7), ('n2', 'p1', '', 'enrolled', 9), ('n3', 'p1', '', 'enrolled', 8), \
         ('n4', 'p1', '', 'blocked', 10), ('n5', 'p2', '', 'enrolled', 1), ('n6', 'p2', '', 'enrolled', 1)",
    )
    .await;
    migrate(&db).await.unwrap();
    let rows = db
        .read_all(statement(
            "SELECT number_index FROM phone_numbers WHERE status = 'enrolled' ORDER BY number_index",
        ))
        .await
        .unwrap();
    let kept: Vec<String> = rows.iter().map(|row| text(row, "t", "number_index").unwrap()).collect();
    assert_eq!(kept, ["n2", "n6"]);
}

#[actix_web::test]
async fn a_migration_with_another_text_or_one_that_failed_is_reported_and_nothing_is_applied() {
    for (sql, said) in [
        ("UPDATE _sqlx_migrations SET checksum = x'00'", "another text"),
        ("UPDATE _sqlx_migrations SET success = FALSE", "failed"),
    ] {
        let db = database_of_0_1().await;
        alter(&db, sql).await;
        for error in [migrate(&db).await.unwrap_err(), pending_migrations(&db).await.unwrap_err()] {
            assert!(error.to_string().contains(said) && error.to_string().contains('1'), "{error}");
        }
        assert!(db.read_all(statement("SELECT epoch FROM persons")).await.is_err(), "nothing was applied");
    }
}

#[actix_web::test]
async fn a_migration_that_fails_leaves_nothing_behind() {
    let db = database_of_0_1().await;
    alter(&db, "CREATE TABLE decoys (other TEXT)").await;
    assert!(migrate(&db).await.is_err());
    let row = db.read_one(statement("SELECT COUNT(*) AS n FROM _sqlx_migrations")).await.unwrap();
    assert_eq!(int(&row, "t", "n").unwrap(), 1);
    assert!(db.read_all(statement("SELECT epoch FROM persons")).await.is_err(), "the first part is undone");
    alter(&db, "DROP TABLE decoys").await;
    assert_eq!(migrate(&db).await.unwrap(), MIGRATIONS.len() - 1);
}

#[actix_web::test]
async fn a_lockout_without_end_ends_with_the_upgrade_and_a_delay_goes_on() {
    let db = database_of_0_1().await;
    for sql in [
        "UPDATE persons SET failures = 100, locked_until = 9223372036854775807 WHERE person_id = 'p1'",
        "INSERT INTO persons (person_id, pinfl_index, sealed, updated_at, failures, locked_until) \
         VALUES ('p2', 'i2', 's2', 5, 15, 1790000120)",
    ] {
        alter(&db, sql).await;
    }
    migrate(&db).await.unwrap();
    let state = "SELECT failures, locked_until, known_failures, delayed_at FROM wrong_codes ORDER BY account";
    let rows = db.read_all(statement(state)).await.unwrap();
    let values: Vec<_> = rows
        .iter()
        .map(|row| {
            ["failures", "locked_until", "known_failures", "delayed_at"]
                .map(|name| int(row, "t", name).unwrap())
        })
        .collect();
    assert_eq!(values, [[100, 0, 0, 0], [15, 1_790_000_120, 0, 0]]);
}

#[actix_web::test]
async fn looking_for_migrations_makes_nothing_and_those_of_a_later_version_do_not_matter() {
    let db = TestDb::empty().await;
    assert_eq!(pending_migrations(&db).await.unwrap().len(), MIGRATIONS.len());
    assert!(db.read_all(statement("SELECT name FROM sqlite_master")).await.unwrap().is_empty());
    migrate(&db).await.unwrap();
    alter(
        &db,
        "INSERT INTO _sqlx_migrations (version, description, success, checksum, execution_time) \
         VALUES (9999, 'of the future', TRUE, x'00', 0)",
    )
    .await;
    assert!(pending_migrations(&db).await.unwrap().is_empty());
    assert_eq!(migrate(&db).await.unwrap(), 0);
}

#[actix_web::test]
async fn of_many_that_migrate_at_once_each_comes_to_a_good_end() {
    let db = TestDb::empty().await;
    let threads: Vec<_> = (0..4)
        .map(|_| {
            let path = db.folder().join("test.db").display().to_string();
            std::thread::spawn(move || sqlite::migrate(&path).unwrap())
        })
        .collect();
    let applied: usize = threads.into_iter().map(|thread| thread.join().unwrap()).sum();
    assert_eq!(applied, MIGRATIONS.len());
}

#[test]
fn the_list_is_the_folder() {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("migrations");
    let mut files: Vec<_> = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    assert_eq!(files.len(), MIGRATIONS.len(), "a file is not in the list, or not in the folder");
    for (file, migration) in files.iter().zip(MIGRATIONS) {
        let name = format!("{:04}_{}.sql", migration.version, migration.description.replace(' ', "_"));
        assert_eq!(file.file_name().unwrap().to_str().unwrap(), name);
        assert_eq!(std::fs::read_to_string(file).unwrap(), migration.sql, "{name}");
    }
}

/// Why a migration is incompatible with the previous version, which must still serve.
fn objections(sql: &str) -> Vec<String> {
    let bare: Vec<&str> = sql.lines().map(|line| line.split("--").next().unwrap_or_default()).collect();
    let mut found = Vec::new();
    for statement in bare.join("\n").to_uppercase().split(';') {
        let words: Vec<&str> = statement
            .split(|c: char| !c.is_alphanumeric() && c != '_')
            .filter(|word| !word.is_empty())
            .collect();
        let has = |wanted: &[&str]| words.windows(wanted.len()).any(|found| found == wanted);
        let begins = words.join(" ");
        if has(&["DROP"]) || has(&["RENAME"]) || has(&["DELETE"]) || has(&["TRUNCATE"]) {
            found.push(format!("takes something away: {begins}"));
        }
        if has(&["ALTER", "TABLE"]) && has(&["NOT", "NULL"]) && !has(&["DEFAULT"]) {
            found.push(format!("the former version cannot fill the column: {begins}"));
        }
        if has(&["ALTER", "COLUMN"]) {
            found.push(format!("changes a column, which SQLite cannot: {begins}"));
        }
    }
    found
}

#[test]
fn new_migrations_only_add() {
    for migration in MIGRATIONS.iter().filter(|migration| migration.version > 1) {
        let found = objections(migration.sql);
        assert!(found.is_empty(), "migration {}: {found:?}", migration.version);
    }
}

#[test]
fn what_takes_away_or_cannot_be_filled_is_found() {
    for wrong in [
        "DROP TABLE persons;",
        "ALTER TABLE persons DROP COLUMN epoch",
        "alter table persons rename to people",
        "ALTER TABLE persons ADD COLUMN x TEXT NOT NULL;",
        "ALTER TABLE persons\n  ADD COLUMN x BIGINT -- DEFAULT 0\n NOT NULL",
        "ALTER TABLE persons ALTER COLUMN x SET NOT NULL",
        "DELETE FROM persons",
    ] {
        assert!(!objections(wrong).is_empty(), "{wrong}");
    }
    for right in [
        "-- DROP TABLE is not allowed\nCREATE TABLE t (a TEXT NOT NULL);",
        "ALTER TABLE persons ADD COLUMN x BIGINT NOT NULL DEFAULT 0",
        "ALTER TABLE persons ADD COLUMN dropped TEXT",
    ] {
        assert!(objections(right).is_empty(), "{right}");
    }
}
