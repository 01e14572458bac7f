//! Which organisations people act for: what certificates with which they signed said, until those end.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::people::{PersonId, Tin};
use crate::platform::clock::{Clock, Timestamp};
use crate::platform::db::{self, Db, DbError, Statement};
use crate::platform::seal::{Keyring, Mac, Sealer};

pub(super) const TABLE: &str = "representations";

/// An organisation that somebody acts for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Representation {
    /// Its taxpayer number.
    pub tin: Tin,
    /// Its name, as the certificate writes it.
    pub name: String,
    /// The person's position; empty where the certificate has none.
    pub position: String,
    /// The certificate's serial number.
    pub serial_number: String,
}

/// What certificates said. Cheap to clone.
#[derive(Clone)]
pub struct Representations {
    db: Db,
    sealer: Arc<Sealer>,
    names: Arc<Mac>,
    clock: Clock,
}

impl Representations {
    /// In `db`, sealed with the key of their own purpose.
    pub fn new(db: Db, keyring: &Keyring, clock: Clock) -> Self {
        let (sealer, names) = (keyring.sealer("representation"), keyring.mac("representation"));
        Self { db, sealer: Arc::new(sealer), names: Arc::new(names), clock }
    }

    /// Notes that a person signed for an organisation by a certificate that ends at `ends_at`.
    ///
    /// # Errors
    /// [`DbError`].
    pub async fn seen(
        &self,
        person: &PersonId,
        what: &Representation,
        ends_at: Timestamp,
    ) -> Result<(), DbError> {
        let now = self.clock.now();
        let id = self.names.digest(&[person.as_str().as_bytes(), what.tin.digits().as_bytes()]).encode();
        let sealed = self.sealer.seal_text(id.as_bytes(), &serde_json::to_vec(what).unwrap_or_default());
        let seen = db::statement(
            "INSERT INTO representations (representation_id, person_id, sealed, first_seen, last_seen, ends_at) \
             VALUES ($1, $2, $3, $4, $4, $5) ON CONFLICT (representation_id) DO UPDATE SET \
             sealed = excluded.sealed, last_seen = excluded.last_seen, ends_at = excluded.ends_at",
        );
        let seen = seen.bind(id).bind(person.as_str()).bind(sealed).bind(now.0).bind(ends_at.0);
        self.db.execute(seen).await.map(|_| ())
    }

    /// Deletes what certificates said that have ended, in one batch; returns how many rows went.
    ///
    /// # Errors
    /// [`DbError`].
    pub async fn purge(&self, now: Timestamp, most: i64) -> Result<u64, DbError> {
        let purge = "DELETE FROM representations WHERE representation_id IN \
                     (SELECT representation_id FROM representations WHERE ends_at <= $1 LIMIT $2)";
        self.db.execute(db::statement(purge).bind(now.0).bind(most)).await
    }

    /// What forgets all of a person, whose account is closed.
    pub fn forget(person: &PersonId) -> Statement {
        db::statement("DELETE FROM representations WHERE person_id = $1").bind(person.as_str())
    }

    /// The organisations that a person acts for now, the one that was seen last first.
    ///
    /// # Errors
    /// [`DbError`].
    pub async fn of(&self, person: &PersonId) -> Result<Vec<Representation>, DbError> {
        let rows = db::statement(
            "SELECT representation_id, sealed FROM representations WHERE person_id = $1 AND ends_at > $2 \
             ORDER BY last_seen DESC, representation_id",
        );
        let rows = self.db.read_all(rows.bind(person.as_str()).bind(self.clock.now().0)).await?;
        rows.iter()
            .map(|row| {
                let id = db::text(row, TABLE, "representation_id")?;
                let plain = self.sealer.open_text(id.as_bytes(), &db::text(row, TABLE, "sealed")?);
                let read = plain.ok().and_then(|plain| serde_json::from_slice(&plain).ok());
                read.ok_or_else(|| row.corrupt(TABLE, "sealed", "it does not open with this keyring"))
            })
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::platform::db::test_db::TestDb;

    #[tokio::test]
    async fn a_person_acts_for_whom_certificates_name_until_they_end() {
        let db = TestDb::migrated().await;
        let folder = tempfile::tempdir().unwrap();
        let keyring = Keyring::read_or_create(&folder.path().join("keyring.toml")).unwrap();
        let clock = Clock::manual(Timestamp(1_795_800_000));
        let all = Representations::new((*db).clone(), &keyring, clock.clone());
        let (one, other) = (PersonId::random(), PersonId::random());
        let of = |tin: &str, position: &str| Representation {
            tin: Tin::try_from(tin.to_owned()).unwrap(),
            name: "«Namuna» MChJ".to_owned(),
            position: position.to_owned(),
            serial_number: "77e1".to_owned(),
        };
        let end = |days: i64| clock.now().plus(days * 86_400);
        all.seen(&one, &of("301000001", "DIREKTOR"), end(10)).await.unwrap();
        clock.advance(1);
        all.seen(&one, &of("302000002", "HISOBCHI"), end(20)).await.unwrap();
        clock.advance(1);
        all.seen(&one, &of("301000001", "MASLAHATCHI"), end(10)).await.unwrap();
        let found = all.of(&one).await.unwrap();
        assert_eq!(found, [of("301000001", "MASLAHATCHI"), of("302000002", "HISOBCHI")]);
        assert_eq!(all.of(&other).await.unwrap(), []);
        clock.advance(11 * 86_400);
        assert_eq!(all.of(&one).await.unwrap(), [of("302000002", "HISOBCHI")]);
        assert_eq!(all.purge(clock.now(), 10).await.unwrap(), 1);
        assert_eq!(all.purge(clock.now(), 10).await.unwrap(), 0);
        db.execute(Representations::forget(&one)).await.unwrap();
        assert_eq!(all.of(&one).await.unwrap(), []);
    }
}
