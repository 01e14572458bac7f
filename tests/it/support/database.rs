//! A look into a provider's database, past the provider: what is really kept, and a lock that makes it wait.

use sqlx::any::install_default_drivers;
use sqlx::{AnyConnection, Connection as _, Executor as _, Row as _};

use super::World;
use super::wait::until;

/// A lock on what the provider writes; it lasts until it is released.
pub struct Lock(AnyConnection);

impl Lock {
    /// Lets the provider go on.
    pub async fn release(mut self) {
        self.0.execute("ROLLBACK").await.expect("the end of a transaction");
    }
}

impl World {
    async fn database(&self) -> AnyConnection {
        install_default_drivers();
        AnyConnection::connect(&self.place().database).await.expect("the provider's database")
    }

    /// One number out of the database, such as a count.
    pub async fn stored(&self, query: &'static str) -> i64 {
        self.stored_for(query, "").await
    }

    /// As `stored`, with `$1` bound.
    pub async fn stored_for(&self, query: &'static str, bound: &str) -> i64 {
        let query = sqlx::query(query);
        let query = if bound.is_empty() { query } else { query.bind(bound.to_owned()) };
        let row = query.fetch_one(&mut self.database().await).await.expect("an answer");
        row.get(0)
    }

    /// One text out of the database, with `$1` bound.
    pub async fn stored_text(&self, query: &'static str, bound: &str) -> String {
        let query = sqlx::query(query).bind(bound.to_owned());
        query.fetch_one(&mut self.database().await).await.expect("a row").get(0)
    }

    /// Waits until a query gives a number.
    pub async fn until_stored(&self, query: &'static str, wanted: i64) {
        until(&format!("{query} to be {wanted}"), async || {
            (self.stored(query).await == wanted).then_some(())
        })
        .await;
    }

    /// Makes every message that the provider stores wait.
    pub async fn lock_messages(&self) -> Lock {
        let mut connection = self.database().await;
        if self.place().redis.is_none() {
            connection.execute("BEGIN IMMEDIATE").await.expect("SQLite's only writer");
        } else {
            connection.execute("BEGIN").await.expect("a transaction");
            connection.execute("LOCK TABLE messages IN ACCESS EXCLUSIVE MODE").await.expect("a lock");
        }
        Lock(connection)
    }
}
