//! Direct access to a provider's database: stored rows, and a lock that makes the provider wait.

use sqlx::{Connection as _, Executor as _, PgConnection, Row as _};

use super::wait::until;
use super::{Backend, World};

/// A connection to a provider's database.
enum Database {
    Sqlite(rusqlite::Connection),
    Postgres(PgConnection),
}

/// A lock on rows that the provider writes, until released.
pub(crate) struct Lock(Database);

impl Lock {
    /// Commits what was done under the lock, and releases it.
    pub(crate) async fn commit(self) {
        let Database::Postgres(mut connection) = self.0 else { panic!("not on SQLite") };
        connection.execute("COMMIT").await.expect("the end of a transaction");
    }

    /// Releases the lock.
    pub(crate) async fn release(self) {
        match self.0 {
            Database::Sqlite(connection) => {
                connection.execute_batch("ROLLBACK").expect("the end of a transaction");
            }
            Database::Postgres(mut connection) => {
                connection.execute("ROLLBACK").await.expect("the end of a transaction");
            }
        }
    }
}

/// A row of the audit log.
#[derive(Debug)]
pub(crate) struct AuditRow {
    pub event: String,
    pub content: serde_json::Value,
    /// The process that wrote it.
    pub node: String,
}

impl World {
    async fn database(&self) -> Database {
        let url = self.place().database;
        match url.strip_prefix("sqlite:") {
            Some(path) => {
                Database::Sqlite(rusqlite::Connection::open(path).expect("the provider's database"))
            }
            None => Database::Postgres(PgConnection::connect(&url).await.expect("the provider's database")),
        }
    }

    /// One number out of the database, such as a count.
    pub(crate) async fn stored(&self, query: &'static str) -> i64 {
        self.stored_for(query, "").await
    }

    /// As `stored`, with `$1` bound.
    pub(crate) async fn stored_for(&self, query: &'static str, bound: &str) -> i64 {
        let bound = (!bound.is_empty()).then_some(bound);
        match self.database().await {
            Database::Sqlite(connection) => connection
                .query_row(query, rusqlite::params_from_iter(bound), |row| row.get(0))
                .expect("an answer"),
            Database::Postgres(mut connection) => {
                let query = sqlx::query(query);
                let query = match bound {
                    Some(bound) => query.bind(bound.to_owned()),
                    None => query,
                };
                query.fetch_one(&mut connection).await.expect("an answer").get(0)
            }
        }
    }

    /// One text out of the database, with `$1` bound.
    pub(crate) async fn stored_text(&self, query: &'static str, bound: &str) -> String {
        match self.database().await {
            Database::Sqlite(connection) => {
                connection.query_row(query, [bound], |row| row.get(0)).expect("a row")
            }
            Database::Postgres(mut connection) => {
                let query = sqlx::query(query).bind(bound.to_owned());
                query.fetch_one(&mut connection).await.expect("a row").get(0)
            }
        }
    }

    /// Changes stored rows behind the provider's back.
    pub(crate) async fn change_stored(&self, change: &'static str) {
        match self.database().await {
            Database::Sqlite(connection) => connection.execute_batch(change).expect("a change"),
            Database::Postgres(mut connection) => drop(connection.execute(change).await.expect("a change")),
        }
    }

    /// Blocks the numbers of everybody to whom a code was sent so far.
    pub(crate) async fn block_numbers(&self) {
        let block = "UPDATE phone_numbers SET status = 'blocked' \
                     WHERE number_index IN (SELECT number_index FROM messages)";
        match self.database().await {
            Database::Sqlite(connection) => connection.execute_batch(block).expect("a change"),
            Database::Postgres(mut connection) => drop(connection.execute(block).await.expect("a change")),
        }
    }

    /// Keeps a person's row locked. PostgreSQL only: SQLite has one writer.
    pub(crate) async fn lock_person(&self, person: &str) -> Lock {
        let mut database = self.database().await;
        let Database::Postgres(connection) = &mut database else { panic!("not on SQLite") };
        connection.execute("BEGIN").await.expect("a transaction");
        let lock = sqlx::query("SELECT person_id FROM persons WHERE person_id = $1 FOR UPDATE");
        lock.bind(person.to_owned()).fetch_one(connection).await.expect("a person");
        Lock(database)
    }

    /// Begins to end a consent, as the provider does, and keeps its row locked until that is committed. PostgreSQL only:
    /// SQLite has one writer.
    pub(crate) async fn begin_to_end_consent(&self, consent: &str) -> Lock {
        let mut database = self.database().await;
        let Database::Postgres(connection) = &mut database else { panic!("not on SQLite") };
        connection.execute("BEGIN").await.expect("a transaction");
        for change in [
            "UPDATE consents SET ended_at = given_at WHERE consent_id = $1",
            "UPDATE grants SET revoked_at_ms = 1 WHERE revoked_at_ms IS NULL AND EXISTS (SELECT 1 FROM consents c \
             WHERE c.consent_id = $1 AND c.person_id = grants.person_id AND c.client_id = grants.client_id)",
        ] {
            sqlx::query(change).bind(consent.to_owned()).execute(&mut *connection).await.expect("a change");
        }
        Lock(database)
    }

    /// The audit log, in its order.
    pub(crate) async fn audit_rows(&self) -> Vec<AuditRow> {
        let query = "SELECT event, content, node_id FROM audit_log ORDER BY seq";
        let rows: Vec<[String; 3]> = match self.database().await {
            Database::Sqlite(connection) => {
                let mut all = connection.prepare(query).expect("the table");
                let rows =
                    all.query_map([], |row| Ok([row.get(0)?, row.get(1)?, row.get(2)?])).expect("rows");
                rows.collect::<Result<_, _>>().expect("rows")
            }
            Database::Postgres(mut connection) => {
                let rows = sqlx::query(query).fetch_all(&mut connection).await.expect("rows");
                rows.iter().map(|row| [row.get(0), row.get(1), row.get(2)]).collect()
            }
        };
        let row = |[event, content, node]: [String; 3]| AuditRow {
            event,
            content: serde_json::from_str(&content).expect("JSON"),
            node,
        };
        rows.into_iter().map(row).collect()
    }

    /// Changes the database behind the provider's back.
    pub(crate) async fn change_database(&self, change: &'static str) {
        match self.database().await {
            Database::Sqlite(connection) => connection.execute_batch(change).expect("a change"),
            Database::Postgres(mut connection) => {
                connection.execute(change).await.expect("a change");
            }
        }
    }

    /// Lets no consent be stored, as a database does that fails at this moment; or lets them be stored again.
    pub(crate) async fn refuse_consents(&self, refuse: bool) {
        match self.database().await {
            Database::Sqlite(connection) => connection
                .execute_batch(if refuse {
                    "CREATE TRIGGER refuse BEFORE INSERT ON consents BEGIN SELECT RAISE(ABORT, 'refused'); END"
                } else {
                    "DROP TRIGGER refuse"
                })
                .expect("a change of the schema"),
            Database::Postgres(mut connection) => {
                let change = if refuse {
                    "ALTER TABLE consents ADD CONSTRAINT refuse CHECK (given_at < 0) NOT VALID"
                } else {
                    "ALTER TABLE consents DROP CONSTRAINT refuse"
                };
                connection.execute(change).await.expect("a change of the schema");
            }
        }
    }

    /// Lets no message be stored, as a database does that fails at this moment; or lets them be stored again.
    pub(crate) async fn refuse_messages(&self, refuse: bool) {
        let change = match (self.setup.backend, refuse) {
            (Backend::Embedded, true) => {
                "CREATE TRIGGER refuse_messages BEFORE INSERT ON messages BEGIN SELECT RAISE(ABORT, 'refused'); END"
            }
            (Backend::Embedded, false) => "DROP TRIGGER refuse_messages",
            (Backend::Servers, true) => {
                "ALTER TABLE messages ADD CONSTRAINT refuse_messages CHECK (created_at < 0) NOT VALID"
            }
            (Backend::Servers, false) => "ALTER TABLE messages DROP CONSTRAINT refuse_messages",
        };
        self.change_database(change).await;
    }

    /// Lets no end of a session be stored, as a database does that fails at this moment; or lets them be stored again.
    pub(crate) async fn refuse_ends(&self, refuse: bool) {
        let change = match (self.setup.backend, refuse) {
            (Backend::Embedded, true) => {
                "CREATE TRIGGER refuse_ends BEFORE INSERT ON ended_sessions BEGIN SELECT RAISE(ABORT, 'refused'); END"
            }
            (Backend::Embedded, false) => "DROP TRIGGER refuse_ends",
            (Backend::Servers, true) => {
                "ALTER TABLE ended_sessions ADD CONSTRAINT refuse_ends CHECK (expires_at < 0) NOT VALID"
            }
            (Backend::Servers, false) => "ALTER TABLE ended_sessions DROP CONSTRAINT refuse_ends",
        };
        self.change_database(change).await;
    }

    /// Takes a lock by a statement, until it is released. PostgreSQL only.
    pub(crate) async fn lock_by(&self, lock: &'static str) -> Lock {
        let mut database = self.database().await;
        let Database::Postgres(connection) = &mut database else { panic!("not on SQLite") };
        connection.execute("BEGIN").await.expect("a transaction");
        connection.execute(lock).await.expect("a lock");
        Lock(database)
    }

    /// Waits until so many connections wait for a lock. PostgreSQL only.
    pub(crate) async fn until_waiting(&self, count: i64) {
        let waiting = "SELECT COUNT(*) FROM pg_stat_activity \
                       WHERE datname = current_database() AND wait_event_type = 'Lock'";
        self.until_stored(waiting, count).await;
    }

    /// Waits until a query gives a number.
    pub(crate) async fn until_stored(&self, query: &'static str, expected: i64) {
        until(&format!("{query} to be {expected}"), async || {
            (self.stored(query).await == expected).then_some(())
        })
        .await;
    }

    /// Makes every message that the provider stores wait.
    pub(crate) async fn lock_messages(&self) -> Lock {
        let mut database = self.database().await;
        match &mut database {
            Database::Sqlite(connection) => {
                connection.execute_batch("BEGIN IMMEDIATE").expect("SQLite's only writer");
            }
            Database::Postgres(connection) => {
                connection.execute("BEGIN").await.expect("a transaction");
                connection.execute("LOCK TABLE messages IN ACCESS EXCLUSIVE MODE").await.expect("a lock");
            }
        }
        Lock(database)
    }
}
