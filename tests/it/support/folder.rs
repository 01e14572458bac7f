//! A folder for one provider, removed when it is done with, even if the tests are ended by force.

use std::path::{Path, PathBuf};

use tempfile::TempDir;

use super::reaper;

/// A folder of its own.
pub(crate) struct Folder(TempDir);

impl Folder {
    /// Makes one.
    pub(crate) fn new() -> Self {
        let folder = tempfile::Builder::new().prefix("yagona-it-").tempdir().expect("a temporary folder");
        // Statics are never dropped, so `Drop` alone would not remove it.
        reaper::remove_at_end(folder.path());
        Self(folder)
    }

    /// A file in it.
    pub(crate) fn file(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    /// Where it is.
    pub(crate) fn path(&self) -> &Path {
        self.0.path()
    }
}
