//! The servers that `scripts/test` starts. A test without its server fails.

use std::sync::atomic::{AtomicU32, Ordering};

use sqlx::{Connection as _, Executor as _, PgConnection};

/// The value of a variable that `scripts/test` sets.
pub(crate) fn variable(name: &str) -> String {
    std::env::var(name).unwrap_or_else(|_| {
        panic!("{name} is not set: run the tests with `scripts/test`, which starts the servers they need")
    })
}

/// Unique among this run and other runs on the same servers.
fn number() -> u32 {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    NEXT.fetch_add(1, Ordering::Relaxed)
}

/// The URL of a new, empty database.
pub(crate) async fn postgres_database() -> String {
    let server = variable("YAGONA_TEST_POSTGRES");
    let name = format!("yagona_{}_{}", std::process::id(), number());
    let mut connection = PgConnection::connect(&server)
        .await
        .unwrap_or_else(|error| panic!("YAGONA_TEST_POSTGRES, {server}: {error}; run `scripts/test`"));
    // Names cannot be bound; this one is made of digits and letters above.
    let create = sqlx::AssertSqlSafe(format!("CREATE DATABASE {name}"));
    connection.execute(create).await.expect("a database of its own");
    let mut url = url::Url::parse(&server).expect("a URL in YAGONA_TEST_POSTGRES");
    url.set_path(&name);
    url.into()
}

/// The URL of a Redis database that no other test uses, emptied of what an earlier run may have left.
pub(crate) async fn redis_database() -> String {
    let server = variable("YAGONA_TEST_REDIS");
    let url = format!("{}/{}", server.trim_end_matches('/'), number() + 1);
    empty_redis(&url)
        .await
        .unwrap_or_else(|error| panic!("YAGONA_TEST_REDIS, {server}: {error}; run `scripts/test`"));
    url
}

/// Removes the keys of a Redis database that begin with a byte: one kind of short-lived state is lost.
pub(crate) async fn lose(url: &str, first: u8) {
    let client = redis::Client::open(url).expect("a URL");
    let mut connection = client.get_multiplexed_async_connection().await.expect("Redis");
    let keys: Vec<Vec<u8>> =
        redis::cmd("KEYS").arg([first, b'*'].as_slice()).query_async(&mut connection).await.expect("keys");
    assert!(!keys.is_empty(), "there is none");
    let _: i64 = redis::cmd("DEL").arg(keys).query_async(&mut connection).await.expect("their end");
}

/// Empties a Redis database, to simulate its loss.
///
/// # Errors
/// If Redis is unavailable.
pub(crate) async fn empty_redis(url: &str) -> redis::RedisResult<()> {
    let mut connection = redis::Client::open(url)?.get_multiplexed_async_connection().await?;
    redis::cmd("FLUSHDB").query_async(&mut connection).await
}

/// A copy of a Redis database: keys and values as `DUMP` gives them.
pub(crate) type Kept = Vec<(Vec<u8>, Vec<u8>)>;

/// Copies everything in a Redis database.
pub(crate) async fn keep(url: &str) -> Kept {
    let client = redis::Client::open(url).expect("a URL");
    let mut connection = client.get_multiplexed_async_connection().await.expect("Redis");
    let keys: Vec<Vec<u8>> = redis::cmd("KEYS").arg("*").query_async(&mut connection).await.expect("keys");
    let mut kept = Kept::new();
    for key in keys {
        let dump: Option<Vec<u8>> =
            redis::cmd("DUMP").arg(&key).query_async(&mut connection).await.expect("a value");
        kept.extend(dump.map(|dump| (key, dump)));
    }
    kept
}

/// Puts a copy in the place of what a Redis database has now, as a replica does that takes over too late.
pub(crate) async fn bring_back(url: &str, kept: &Kept) {
    empty_redis(url).await.expect("Redis");
    let client = redis::Client::open(url).expect("a URL");
    let mut connection = client.get_multiplexed_async_connection().await.expect("Redis");
    for (key, dump) in kept {
        let mut restore = redis::cmd("RESTORE");
        restore.arg(key).arg(3_600_000).arg(dump).arg("REPLACE");
        let _: () = restore.query_async(&mut connection).await.expect("a value that was there");
    }
}
