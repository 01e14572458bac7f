//! SQL of the table `self_locks`: accounts that their persons locked. A lock takes the enrolled number out of use, which is what
//! every way in asks for, so there is no second guard that one of them could forget; the row remembers which number it was. While it
//! stands, whatever stores that person's number as enrolled stores it as blocked. An account that needs no number is locked beside it.

use super::{People, accounts, in_turn};
use crate::people::{Epoch, PersonId, PhoneNumber};
use crate::platform::clock::Timestamp;
use crate::platform::db::{self, DbError, Statement};

/// The name of the table.
pub(super) const TABLE: &str = "self_locks";

/// The lock that a person put on their account.
#[derive(Clone, Debug)]
pub struct OwnLock {
    /// The epoch that the lock began: of another lock it is another one.
    pub epoch: Epoch,
    /// Whether it is all that keeps the account out of use: neither a block, nor the end of number or account.
    pub alone: bool,
    /// By which number the person can be reached: the one that was enrolled, or else that of the account.
    pub number: Option<PhoneNumber>,
}

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
        let locked = "SELECT CAST(CASE WHEN l.blocked_at IS NULL AND NOT EXISTS (SELECT 1 FROM accounts a \
                      WHERE a.person_id = l.person_id AND a.blocked_at IS NOT NULL) THEN 1 ELSE 0 END AS BIGINT) AS only_locked \
                      FROM self_locks l WHERE l.person_id = $1";
        let row = self.db.read_optional(db::statement(locked).bind(id.as_str())).await?;
        row.map(|row| Ok(db::int(&row, TABLE, "only_locked")? == 1)).transpose()
    }

    /// The lock that a person put on their account, if there is one; never cached.
    ///
    /// # Errors
    /// [`DbError`].
    pub async fn own_lock(&self, id: &PersonId) -> Result<Option<OwnLock>, DbError> {
        let lock = "SELECT p.epoch, l.blocked_at, n.number_index, n.sealed AS number_sealed, a.person_id AS account, a.blocked_at AS account_blocked_at, a.closed_at, \
             a.contact_index, a.contact_sealed, (SELECT COUNT(*) FROM phone_numbers o WHERE o.person_id = l.person_id \
             AND o.status = 'blocked' AND o.number_index <> l.number_index) AS others FROM self_locks l \
             JOIN persons p ON p.person_id = l.person_id LEFT JOIN phone_numbers n ON n.person_id = l.person_id \
             AND n.number_index = l.number_index AND n.status = 'blocked' \
             LEFT JOIN accounts a ON a.person_id = l.person_id WHERE l.person_id = $1";
        let Some(row) = self.db.read_optional(db::statement(lock).bind(id.as_str())).await? else {
            return Ok(None);
        };
        let number = db::maybe_text(&row, "phone_numbers", "number_index")?;
        let account = db::maybe_text(&row, accounts::TABLE, "account")?.is_some();
        let others = db::maybe_int(&row, TABLE, "blocked_at")?.is_some()
            || db::maybe_int(&row, accounts::TABLE, "account_blocked_at")?.is_some()
            || db::maybe_int(&row, accounts::TABLE, "closed_at")?.is_some()
            || db::int(&row, "phone_numbers", "others")? > 0;
        let alone = !others && (account || number.is_some());
        let number = match number {
            Some(index) => Some(self.sealed_number(&row, ("phone_numbers", &index), "number_sealed")?),
            None if db::maybe_text(&row, accounts::TABLE, "contact_index")?.is_some() => {
                Some(self.sealed_number(&row, (accounts::TABLE, id.as_str()), "contact_sealed")?)
            }
            None => None,
        };
        Ok(Some(OwnLock { epoch: Epoch(db::int(&row, "persons", "epoch")?), alone, number }))
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
             AND CASE WHEN blocked_at IS NULL AND NOT EXISTS (SELECT 1 FROM accounts a \
             WHERE a.person_id = self_locks.person_id AND a.blocked_at IS NOT NULL) THEN 1 ELSE 0 END = $2 RETURNING person_id",
        );
        self.unlock_if(guard.bind(id.as_str()).bind(i64::from(unblocked)), id, now, then).await
    }

    /// As [`People::end_self_lock`], for its person, who proved who they are: the lock of that epoch, if it is all that keeps the account
    /// out of use.
    ///
    /// # Errors
    /// [`DbError`].
    pub async fn end_own_lock(
        &self,
        id: &PersonId,
        (epoch, now): (Epoch, Timestamp),
        then: Vec<Statement>,
    ) -> Result<bool, DbError> {
        let guard = db::statement(
            "UPDATE self_locks SET locked_at = locked_at WHERE person_id = $1 AND blocked_at IS NULL \
             AND EXISTS (SELECT 1 FROM persons p WHERE p.person_id = self_locks.person_id AND p.epoch = $2) \
             AND NOT EXISTS (SELECT 1 FROM accounts a WHERE a.person_id = self_locks.person_id \
             AND (a.blocked_at IS NOT NULL OR a.closed_at IS NOT NULL)) \
             AND NOT EXISTS (SELECT 1 FROM phone_numbers n WHERE n.person_id = self_locks.person_id AND n.status = 'blocked' \
             AND n.number_index <> self_locks.number_index) RETURNING person_id",
        );
        self.unlock_if(guard.bind(id.as_str()).bind(epoch.0), id, now, then).await
    }

    async fn unlock_if(
        &self,
        guard: Statement,
        id: &PersonId,
        now: Timestamp,
        then: Vec<Statement>,
    ) -> Result<bool, DbError> {
        let enrol = db::statement(
            "UPDATE phone_numbers SET status = 'enrolled', updated_at = $1, \
             enrolled_seen = CASE WHEN enrolled_seen = updated_at THEN CAST($2 AS BIGINT) END WHERE person_id = $3 AND status = 'blocked' \
             AND number_index IN (SELECT number_index FROM self_locks WHERE person_id = $4 AND blocked_at IS NULL)",
        );
        let forget = db::statement("DELETE FROM self_locks WHERE person_id = $1");
        let enrol = enrol.bind(now.0).bind(now.0).bind(id.as_str()).bind(id.as_str());
        let mut changes = vec![enrol, forget.bind(id.as_str()), accounts::unlock(id)];
        changes.extend(then);
        let ended = self.db.held(in_turn(), guard, changes).await?.is_some();
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
    use crate::people::{NumberStatus, OpenedBy, Unblocked};

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
    #[actix_web::test]
    async fn a_person_ends_the_lock_that_they_proved_and_nothing_beside_it() {
        let (people, db) = people().await;
        let who = somebody();
        let index = people.number_index(&who.phone);
        let id = people.store(&who.record(), &who.phone, NumberStatus::Enrolled, Timestamp(1)).await.unwrap();
        assert!(people.own_lock(&id).await.unwrap().is_none());
        let lock = async |now| {
            let locking = People::self_lock(&id, Timestamp(now)).into();
            people.raise_epoch(&id, locking).await.unwrap().unwrap()
        };
        let own = async || people.own_lock(&id).await.unwrap().unwrap();
        let ends = async |epoch| people.end_own_lock(&id, (epoch, Timestamp(9)), Vec::new()).await.unwrap();
        let first = lock(2).await;
        let found = own().await;
        assert_eq!((found.epoch, found.alone, found.number), (first, true, Some(who.phone.clone())));
        assert!(!ends(Epoch(first.0 - 1)).await && ends(first).await && !ends(first).await);
        assert!(people.is_enrolled(&id).await.unwrap());
        lock(3).await;
        people.block_number(&id, &index, Timestamp(4), Vec::new()).await.unwrap().expect("a block");
        assert!(!own().await.alone && !ends(own().await.epoch).await, "a block of the number");
        people.unblock_number(&id, &index, Timestamp(5), Vec::new()).await.unwrap();
        db.execute(People::open_account(&id, OpenedBy::Means, Timestamp(6))).await.unwrap();
        people.block_account(&id, Timestamp(7), Vec::new()).await.unwrap().expect("a block");
        assert!(!own().await.alone && !ends(own().await.epoch).await, "a block of the account");
        assert_eq!(people.is_only_self_locked(&id).await.unwrap(), Some(false));
        assert_eq!(
            people.unblock_account(&id, Vec::new()).await.unwrap(),
            Unblocked::Enrolled,
            "no lock of its own"
        );
        assert!(own().await.alone);
        db.execute(People::close_account(&id, Timestamp(8))).await.unwrap();
        assert!(!own().await.alone && !ends(own().await.epoch).await, "a death");
    }

    #[actix_web::test]
    async fn the_lock_of_an_account_outlives_its_number_and_can_still_be_ended() {
        let (people, db) = people().await;
        let who = somebody();
        let id = people.store(&who.record(), &who.phone, NumberStatus::Enrolled, Timestamp(1)).await.unwrap();
        db.execute(People::open_account(&id, OpenedBy::Means, Timestamp(2))).await.unwrap();
        people.raise_epoch(&id, People::self_lock(&id, Timestamp(3)).into()).await.unwrap();
        // Somebody else is identified with the number.
        let (other, pinfl) = (who.record(), crate::people::Pinfl::from_registry("12345678901234").unwrap());
        let standing = people.standing(&pinfl, &who.phone).await.unwrap();
        let new = PersonId::random();
        let binding = crate::people::Binding {
            person: &new,
            record: &other,
            number: &who.phone,
            standing: &standing,
            identification: "one",
            now: Timestamp(4),
        };
        db.all_or_nothing(People::take_from_holder(&binding)).await.unwrap();
        let lock = people.own_lock(&id).await.unwrap().expect("the lock is there");
        assert!(people.end_own_lock(&id, (lock.epoch, Timestamp(5)), Vec::new()).await.unwrap());
    }
}
