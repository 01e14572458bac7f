//! Numbers, and accounts without one, that an operator takes out of use, and their return. It stands beside the lock that a person puts on their account
//! (`self_lock.rs`): neither undoes the other.

use super::{People, in_turn, self_lock};
use crate::people::{Epoch, PersonId};
use crate::platform::bytes::Digest;
use crate::platform::clock::Timestamp;
use crate::platform::db::{self, DbError, Statement};

/// What the end of a block led to.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Unblocked {
    /// The number is enrolled again, or the account can be used again.
    Enrolled,
    /// The block has ended; the lock that the person put on their account stays.
    StillLocked,
    /// Neither is blocked, or the person of the number has another enrolled one (R7).
    Nothing,
}

impl People {
    /// Blocks an enrolled number of a person, so that nobody gets codes there, and raises the person's epoch, together with `then`,
    /// all or nothing. A number whose account its person locked is blocked beside the lock. Returns the new epoch; `None` when the
    /// number is not this person's, not enrolled, or blocked before: then nothing has changed.
    ///
    /// # Errors
    /// [`DbError`].
    pub async fn block_number(
        &self,
        id: &PersonId,
        number_index: &Digest,
        now: Timestamp,
        then: Vec<Statement>,
    ) -> Result<Option<Epoch>, DbError> {
        let block = "UPDATE phone_numbers SET status = 'blocked', updated_at = $1, \
                     enrolled_seen = CASE WHEN enrolled_seen = updated_at THEN CAST($2 AS BIGINT) END \
                     WHERE number_index = $3 AND person_id = $4 AND (status = 'enrolled' OR (status = 'blocked' \
                     AND EXISTS (SELECT 1 FROM self_locks l WHERE l.person_id = phone_numbers.person_id \
                     AND l.number_index = phone_numbers.number_index AND l.blocked_at IS NULL))) RETURNING person_id";
        let index = number_index.encode();
        let block = db::statement(block).bind(now.0).bind(now.0).bind(&index).bind(id.as_str());
        let raise = db::statement("UPDATE persons SET epoch = epoch + 1 WHERE person_id = $1");
        let mut all = vec![self_lock::block(id, &index, now), raise.bind(id.as_str())];
        all.extend(then);
        let blocked = self.db.held(in_turn(), block, all).await?;
        self.remembered.invalidate(id);
        if blocked.is_none() {
            return Ok(None);
        }
        let epoch = db::statement("SELECT epoch FROM persons WHERE person_id = $1").bind(id.as_str());
        db::int(&self.db.read_one(epoch).await?, "persons", "epoch").map(|epoch| Some(Epoch(epoch)))
    }

    /// Ends the block of a number of a person, together with `then`, all or nothing. It is enrolled again, unless its person locked
    /// the account.
    ///
    /// # Errors
    /// [`DbError`].
    pub async fn unblock_number(
        &self,
        id: &PersonId,
        number_index: &Digest,
        now: Timestamp,
        then: Vec<Statement>,
    ) -> Result<Unblocked, DbError> {
        let unblock = "UPDATE phone_numbers SET status = 'enrolled', updated_at = $1, \
                       enrolled_seen = CASE WHEN enrolled_seen = updated_at THEN CAST($2 AS BIGINT) END WHERE number_index = $3 \
                       AND person_id = $4 AND status = 'blocked' AND NOT EXISTS (SELECT 1 FROM phone_numbers other \
                       WHERE other.person_id = phone_numbers.person_id AND other.status = 'enrolled') \
                       AND NOT EXISTS (SELECT 1 FROM self_locks WHERE self_locks.person_id = phone_numbers.person_id) \
                       RETURNING person_id";
        let index = number_index.encode();
        let unblock = db::statement(unblock).bind(now.0).bind(now.0).bind(&index).bind(id.as_str());
        let done = self.db.held(in_turn(), unblock, then).await?.is_some();
        self.remembered.invalidate(id);
        if done {
            return Ok(Unblocked::Enrolled);
        }
        let under_lock = self.db.execute(self_lock::unblock(id, &index)).await? > 0;
        Ok(if under_lock { Unblocked::StillLocked } else { Unblocked::Nothing })
    }

    /// Blocks an account that needs no number, so that no means signs in there, and raises the person's epoch, together with `then`, all or
    /// nothing. Returns the new epoch; `None` where there is none, or it is blocked or closed: then nothing has changed.
    ///
    /// # Errors
    /// [`DbError`].
    pub async fn block_account(
        &self,
        id: &PersonId,
        now: Timestamp,
        then: Vec<Statement>,
    ) -> Result<Option<Epoch>, DbError> {
        let block = db::statement(
            "UPDATE accounts SET blocked_at = $1 WHERE person_id = $2 AND blocked_at IS NULL AND closed_at IS NULL \
             RETURNING person_id",
        );
        let mut all = vec![Self::raise_epoch_of(id)];
        all.extend(then);
        let blocked = self.db.held(in_turn(), block.bind(now.0).bind(id.as_str()), all).await?;
        self.remembered.invalidate(id);
        if blocked.is_none() {
            return Ok(None);
        }
        let epoch = db::statement("SELECT epoch FROM persons WHERE person_id = $1").bind(id.as_str());
        db::int(&self.db.read_one(epoch).await?, "persons", "epoch").map(|epoch| Some(Epoch(epoch)))
    }

    /// Ends the block of an account that needs no number, together with `then`, all or nothing; `then` does not take place where its
    /// person locked it as well.
    ///
    /// # Errors
    /// [`DbError`].
    pub async fn unblock_account(&self, id: &PersonId, then: Vec<Statement>) -> Result<Unblocked, DbError> {
        let unblock = db::statement(
            "UPDATE accounts SET blocked_at = NULL WHERE person_id = $1 AND blocked_at IS NOT NULL AND locked_at IS NULL \
             AND closed_at IS NULL RETURNING person_id",
        );
        let done = self.db.guarded(unblock.bind(id.as_str()), then).await?.is_some();
        self.remembered.invalidate(id);
        if done {
            return Ok(Unblocked::Enrolled);
        }
        let under_lock = db::statement(
            "UPDATE accounts SET blocked_at = NULL WHERE person_id = $1 AND blocked_at IS NOT NULL AND closed_at IS NULL",
        );
        let under_lock = self.db.execute(under_lock.bind(id.as_str())).await? > 0;
        Ok(if under_lock { Unblocked::StillLocked } else { Unblocked::Nothing })
    }
}

/// What an operator's block of a number means for the account of its person when the number is theirs no more: the block goes on there,
/// until an operator ends it. It comes before what takes the number away. `only` is that number, or empty where it is whichever they have.
pub(super) fn pass_on(id: &PersonId, only: &str, now: Timestamp) -> Statement {
    db::statement(
        "UPDATE accounts SET blocked_at = $1 WHERE person_id = $2 AND blocked_at IS NULL AND closed_at IS NULL \
         AND EXISTS (SELECT 1 FROM phone_numbers n WHERE n.person_id = $3 AND n.status = 'blocked' AND ($4 = '' OR n.number_index = $5) \
         AND NOT EXISTS (SELECT 1 FROM self_locks l WHERE l.person_id = $6 AND l.number_index = n.number_index \
         AND l.blocked_at IS NULL))",
    )
    .bind(now.0)
    .bind(id.as_str())
    .bind(id.as_str())
    .bind(only)
    .bind(only)
    .bind(id.as_str())
}
