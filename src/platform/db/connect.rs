//! Opening the database that a URL names.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use super::availability::Availability;
use super::postgres::{Bounds, Server};
use super::sqlite::Embedded;
use super::{Backend, DEADLINE, Db, DbError};
use crate::platform::telemetry::Metrics;

/// The database could not be opened.
#[derive(Debug, thiserror::Error)]
#[error("the database {url} cannot be opened: {why}")]
pub struct ConnectError {
    /// The URL without its password.
    pub url: String,
    /// What is wrong.
    #[source]
    pub why: DbError,
}

/// Opens `sqlite:path` (created if missing) or `postgres://…`. With PostgreSQL each thread has a pool of up to
/// `connections`, and waits up to `acquire_timeout` for one; the embedded database has one connection per thread.
///
/// # Errors
/// [`ConnectError`] if the URL has another scheme or the database is unavailable.
pub async fn connect(
    url: &str,
    connections: u32,
    acquire_timeout: Duration,
    metrics: Arc<Metrics>,
) -> Result<Db, ConnectError> {
    let bounds = Bounds { connections, acquire_timeout, longest: DEADLINE };
    let opened = open(url, bounds, metrics).await;
    opened.map_err(|why| ConnectError { url: without_password(url), why })
}

async fn open(url: &str, bounds: Bounds, metrics: Arc<Metrics>) -> Result<Db, DbError> {
    let availability = Arc::new(Availability::default());
    let known = Arc::clone(&availability);
    let backend = if let Some(path) = url.strip_prefix("sqlite:") {
        let path = path.strip_prefix("//").unwrap_or(path);
        Backend::Sqlite(Arc::new(Embedded::open(path, bounds.longest, known)?))
    } else if url.starts_with("postgres://") || url.starts_with("postgresql://") {
        Backend::Postgres(Arc::new(Server::connect(url, bounds, known, Arc::clone(&metrics)).await?))
    } else {
        return Err(DbError::unavailable("it must begin with `sqlite:` or `postgres://`"));
    };
    Ok(Db { backend, availability, writes: Arc::default(), metrics })
}

/// The file of an embedded database that a URL names.
pub fn embedded_file(url: &str) -> Option<PathBuf> {
    let path = url.strip_prefix("sqlite:")?;
    let path = path.strip_prefix("//").unwrap_or(path);
    Some(path.split('?').next().unwrap_or(path).into())
}

/// The URL without its password, for logs and errors.
pub fn without_password(url: &str) -> String {
    url::Url::parse(url).map_or_else(
        |_| url.split('@').next_back().unwrap_or_default().to_owned(),
        |mut parsed| {
            if parsed.password().is_some() && parsed.set_password(Some("***")).is_err() {
                return "(not shown)".to_owned();
            }
            // The query may contain a password as well.
            if parsed.scheme().starts_with("postgres") {
                parsed.set_query(None);
            }
            parsed.to_string()
        },
    )
}

#[cfg(test)]
mod tests {
    use super::without_password;

    #[test]
    fn a_password_never_shows() {
        let shown = without_password("postgres://yagona:hunter2@db/yagona");
        assert!(!shown.contains("hunter2"), "{shown}");
        assert!(shown.contains("db/yagona"), "{shown}");
    }
}
