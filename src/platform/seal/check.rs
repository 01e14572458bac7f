//! Whether a keyring is the one that the database was filled with. Its encryption keys show that by themselves; with
//! another index key everything opens, and nobody is found.

use super::Keyring;
use crate::platform::db::{self, Db, DbError};

/// What this keeps its data in.
pub(crate) const TABLES: &[&str] = &[TABLE];

const TABLE: &str = "keyring_check";

/// The check value of the index key of the keyring that the database was filled with; `None` when none was recorded yet.
async fn recorded(db: &Db) -> Result<Option<String>, DbError> {
    let value = db::statement("SELECT value FROM keyring_check WHERE name = 'index'");
    let row = db.read_optional(value).await?;
    row.map(|row| db::text(&row, TABLE, "value")).transpose()
}

/// Whether the index key of `keyring` is the recorded one; `None` when none was recorded yet.
///
/// # Errors
/// [`DbError`].
pub async fn is_known(db: &Db, keyring: &Keyring) -> Result<Option<bool>, DbError> {
    Ok(recorded(db).await?.map(|value| value == value_of(keyring)))
}

/// Records the index key of `keyring`, unless one is recorded. Returns whether it is the recorded one.
///
/// # Errors
/// [`DbError`].
pub async fn record(db: &Db, keyring: &Keyring) -> Result<bool, DbError> {
    let record = db::statement(
        "INSERT INTO keyring_check (name, value) VALUES ('index', $1) ON CONFLICT (name) DO NOTHING",
    );
    db.execute(record.bind(value_of(keyring))).await?;
    Ok(is_known(db, keyring).await? == Some(true))
}

/// A keyed digest of a constant: it tells the keys apart and nothing about them.
fn value_of(keyring: &Keyring) -> String {
    keyring.mac("keyring-check").digest(&[b"index"]).encode()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::platform::db::test_db::TestDb;

    #[actix_web::test]
    async fn the_first_keyring_is_recorded_and_another_one_is_told_from_it() {
        let db = TestDb::migrated().await;
        let keyring = |name: &str| Keyring::read_or_create(&db.folder().join(name)).unwrap();
        let (own, other) = (keyring("own.toml"), keyring("other.toml"));
        assert_eq!(is_known(&db, &own).await.unwrap(), None);
        assert!(record(&db, &own).await.unwrap());
        assert!(record(&db, &own).await.unwrap());
        assert!(!record(&db, &other).await.unwrap());
        assert_eq!(is_known(&db, &other).await.unwrap(), Some(false));
        assert_eq!(is_known(&db, &own).await.unwrap(), Some(true));
    }
}
