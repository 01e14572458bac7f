//! SQL of the table `self_locks`: accounts that their persons locked. A lock takes the enrolled number out of use, which is what
//! every way in asks for, so there is no second guard that one of them could forget; the row remembers which number it was. While it
//! stands, whatever stores that person's number as enrolled stores it as blocked. An account that needs no number is locked beside it.

use super::{People, accounts};
use crate::people::PersonId;
use crate::platform::clock::Timestamp;
use crate::platform::db::{self, DbError, Statement};

/// The name of the table.
pub(super) const TABLE: &str = "self_locks";

impl People {
    /// What locks an account, for the transaction that ends everything of the person ([`People::raise_epoch`]).
    pub fn self_lock(id: &PersonId, now: Timestamp) -> [Statement; 4] {
        let remember = db::statement(
            "INSERT INTO self_locks (person_id, number_index, locked_at) SELECT person_id, number_index, $1 \
             FROM phone_numbers WHERE person_id = $2 AND status = 'enrolled' ON CONFLICT (person_id) DO NOTHING",
        );
        let without_number = db::statement(
            "INSERT INTO self_locks (person_id, number_index, locked_at) SELECT person_id, '', $1 \
             FROM accounts WHERE person_id = $2 ON CONFLICT (person_id) DO NOTHING",
        );
        let lock = db::statement(
            "UPDATE phone_numbers SET status = 'blocked', updated_at = $1, \
             enrolled_seen = CASE WHEN enrolled_seen = updated_at THEN CAST($2 AS BIGINT) END \
             WHERE person_id = $3 AND status = 'enrolled'",
        );
        [
            remember.bind(now.0).bind(id.as_str()),
            without_number.bind(now.0).bind(id.as_str()),
            lock.bind(now.0).bind(now.0).bind(id.as_str()),
            accounts::lock(id, now),
        ]
    }

    /// Whether the lock of an account is all that keeps its number out of use; `None` where its person did not lock it.
    ///
    /// # Errors
    /// [`DbError`].
    pub async fn is_only_self_locked(&self, id: &PersonId) -> Result<Option<bool>, DbError> {
        let locked = "SELECT blocked_at FROM self_locks WHERE person_id = $1";
        let row = self.db.read_optional(db::statement(locked).bind(id.as_str())).await?;
        row.map(|row| Ok(db::maybe_int(&row, TABLE, "blocked_at")?.is_none())).transpose()
    }

    /// Whether a person locked their account.
    ///
    /// # Errors
    /// [`DbError`].
    pub async fn is_self_locked(&self, id: &PersonId) -> Result<bool, DbError> {
        let locked = "SELECT person_id FROM self_locks WHERE person_id = $1";
        Ok(self.db.read_optional(db::statement(locked).bind(id.as_str())).await?.is_some())
    }

    /// Ends the lock of an account with `then`, all or nothing: the number that was enrolled is enrolled again, unless an operator
    /// blocked it meanwhile. `false` when its person did not lock it, or `unblocked` does not say whether an operator did.
    ///
    /// # Errors
    /// [`DbError`].
    pub async fn end_self_lock(
        &self,
        id: &PersonId,
        (unblocked, now): (bool, Timestamp),
        then: Vec<Statement>,
    ) -> Result<bool, DbError> {
        let guard = db::statement(
            "UPDATE self_locks SET locked_at = locked_at WHERE person_id = $1 \
             AND CASE WHEN blocked_at IS NULL THEN 1 ELSE 0 END = $2 RETURNING person_id",
        );
        let guard = guard.bind(id.as_str()).bind(i64::from(unblocked));
        let enrol = db::statement(
            "UPDATE phone_numbers SET status = 'enrolled', updated_at = $1, \
             enrolled_seen = CASE WHEN enrolled_seen = updated_at THEN CAST($2 AS BIGINT) END WHERE person_id = $3 AND status = 'blocked' \
             AND number_index IN (SELECT number_index FROM self_locks WHERE person_id = $4 AND blocked_at IS NULL)",
        );
        let forget = db::statement("DELETE FROM self_locks WHERE person_id = $1");
        let enrol = enrol.bind(now.0).bind(now.0).bind(id.as_str()).bind(id.as_str());
        let mut changes = vec![enrol, forget.bind(id.as_str()), accounts::unlock(id)];
        changes.extend(then);
        let ended = self.db.guarded(guard, changes).await?.is_some();
        self.remembered.invalidate(id);
        Ok(ended)
    }
}

/// What a stored number that takes the place of another means for a lock: that one is enrolled when it ends.
pub(super) fn follow(id: &PersonId, number_index: &str) -> Statement {
    db::statement("UPDATE self_locks SET number_index = $1, blocked_at = NULL WHERE person_id = $2")
        .bind(number_index)
        .bind(id.as_str())
}

/// What the block of a number means for a lock: it does not enrol the number when it ends.
pub(super) fn block(id: &PersonId, number_index: &str, now: Timestamp) -> Statement {
    db::statement("UPDATE self_locks SET blocked_at = $1 WHERE person_id = $2 AND number_index = $3")
        .bind(now.0)
        .bind(id.as_str())
        .bind(number_index)
}

/// Ends such a block.
pub(super) fn unblock(id: &PersonId, number_index: &str) -> Statement {
    db::statement(
        "UPDATE self_locks SET blocked_at = NULL WHERE person_id = $1 AND number_index = $2 AND blocked_at IS NOT NULL",
    )
    .bind(id.as_str())
    .bind(number_index)
}

#[cfg(test)]
mod tests {
    use super::super::tests::{people, somebody};
    use super::*;
    use crate::people::{NumberStatus, Unblocked};

    #[actix_web::test]
    async fn a_locked_account_stays_locked_whatever_is_stored_and_comes_back_with_its_number() {
        let (people, _db) = people().await;
        let who = somebody();
        let (record, phone) = (who.record(), who.phone.clone());
        let store =
            async |now| people.store(&record, &phone, NumberStatus::Enrolled, Timestamp(now)).await.unwrap();
        let id = store(1).await;
        let ended = async |now| {
            let only = people.is_only_self_locked(&id).await.unwrap().unwrap_or(true);
            people.end_self_lock(&id, (only, Timestamp(now)), Vec::new()).await.unwrap()
        };
        assert!(!ended(2).await, "nobody locked it");
        let before = people.find(&id).await.unwrap().unwrap().account_state.epoch;
        let locking = People::self_lock(&id, Timestamp(3)).into();
        let epoch = people.raise_epoch(&id, locking).await.unwrap().unwrap();
        assert!(epoch.0 > before.0 && people.is_self_locked(&id).await.unwrap());
        assert!(!people.is_enrolled(&id).await.unwrap() && people.find(&id).await.unwrap().is_none());
        store(4).await;
        assert!(!people.is_enrolled(&id).await.unwrap(), "an import does not unlock");
        let wrong = people.end_self_lock(&id, (false, Timestamp(5)), Vec::new()).await;
        assert!(!wrong.unwrap(), "nobody else blocked it: what would be told is not so");
        assert!(ended(5).await);
        assert!(people.is_enrolled(&id).await.unwrap() && !people.is_self_locked(&id).await.unwrap());
        assert!(!ended(6).await);
    }

    #[actix_web::test]
    async fn the_end_of_a_lock_does_not_undo_the_block_of_an_operator() {
        let (people, _db) = people().await;
        let who = somebody();
        let (record, phone) = (who.record(), who.phone.clone());
        let index = people.number_index(&phone);
        let store = async |status, now| people.store(&record, &phone, status, Timestamp(now)).await.unwrap();
        let id = store(NumberStatus::Enrolled, 1).await;
        let ended = async |now| {
            let only = people.is_only_self_locked(&id).await.unwrap().unwrap_or(true);
            people.end_self_lock(&id, (only, Timestamp(now)), Vec::new()).await.unwrap()
        };
        let lock = async |now| {
            people.raise_epoch(&id, People::self_lock(&id, Timestamp(now)).into()).await.unwrap();
        };
        lock(2).await;
        assert!(people.block_number(&id, &index, Timestamp(3), Vec::new()).await.unwrap().is_some());
        assert_eq!(people.block_number(&id, &index, Timestamp(4), Vec::new()).await.unwrap(), None);
        let unblock =
            async |now| people.unblock_number(&id, &index, Timestamp(now), Vec::new()).await.unwrap();
        assert_eq!((unblock(5).await, unblock(6).await), (Unblocked::StillLocked, Unblocked::Nothing));
        assert!(people.block_number(&id, &index, Timestamp(7), Vec::new()).await.unwrap().is_some());
        assert!(ended(8).await);
        assert!(!people.is_enrolled(&id).await.unwrap(), "the block stays");
        assert_eq!(unblock(9).await, Unblocked::Enrolled);
        lock(10).await;
        store(NumberStatus::Blocked, 11).await;
        assert!(ended(12).await);
        assert!(!people.is_enrolled(&id).await.unwrap(), "an import blocked it");
    }
}
