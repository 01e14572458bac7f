//! An embedded database for one unit test.

use std::ops::Deref;
use std::path::Path;
use std::time::Duration;

use tempfile::TempDir;

use super::{Db, connect, migrate};
use crate::platform::telemetry::Metrics;

/// A database in a folder of its own, which goes with it.
pub(crate) struct TestDb {
    db: Db,
    folder: TempDir,
}

impl TestDb {
    /// Without tables.
    pub(crate) async fn empty() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let url = format!("sqlite:{}", folder.path().join("test.db").display());
        let db = connect(&url, 2, Duration::from_secs(2), Metrics::new()).await.unwrap();
        Self { db, folder }
    }

    /// With all tables.
    pub(crate) async fn migrated() -> Self {
        let new = Self::empty().await;
        migrate(&new.db).await.unwrap();
        new
    }

    /// Where it is; other files of the test may be there too.
    pub(crate) fn folder(&self) -> &Path {
        self.folder.path()
    }
}

impl Deref for TestDb {
    type Target = Db;

    fn deref(&self) -> &Db {
        &self.db
    }
}
