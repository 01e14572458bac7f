//! Wrong codes: how many there were in a row on each side of an account, the delays that follow, and who is told of them.

use super::People;
use crate::people::{Delays, PersonId, Side};
use crate::platform::clock::Timestamp;
use crate::platform::db::{self, DbError};

/// Counts one wrong code on a side. The row is made by the first one; `$1` is the count from which each further one begins
/// the long delay, which ends at `$2`.
macro_rules! count_failure {
    ($failures:literal, $until:literal, $delayed:literal, $first_delayed:literal, $further_delayed:literal) => {
        concat!(
            "INSERT INTO wrong_codes (account, ",
            $failures,
            ", ",
            $until,
            $delayed,
            ") VALUES ($4, 1, CASE WHEN $1 <= 1 THEN $2 ELSE 0 END",
            $first_delayed,
            ") ON CONFLICT (account) DO UPDATE SET ",
            $failures,
            " = wrong_codes.",
            $failures,
            " + 1, ",
            $until,
            " = CASE WHEN wrong_codes.",
            $failures,
            " + 1 >= $1 THEN $2 WHEN (wrong_codes.",
            $failures,
            " + 1) % 5 <> 0 THEN wrong_codes.",
            $until,
            " ELSE $3 + CASE (wrong_codes.",
            $failures,
            " + 1) / 5 WHEN 1 THEN 30 WHEN 2 THEN 60 WHEN 3 THEN 120 WHEN 4 THEN 240 \
             WHEN 5 THEN 480 WHEN 6 THEN 960 WHEN 7 THEN 1920 ELSE 3600 END END",
            $further_delayed
        )
    };
}

/// Strangers' wrong codes: a delay that begins is noted, so that the person is told.
const BY_STRANGER: &str = count_failure!(
    "failures",
    "locked_until",
    ", delayed_at",
    ", CASE WHEN $1 <= 1 THEN $3 ELSE 0 END",
    ", delayed_at = CASE WHEN wrong_codes.failures + 1 >= $1 OR (wrong_codes.failures + 1) % 5 = 0 \
     THEN $3 ELSE wrong_codes.delayed_at END"
);
const BY_KNOWN: &str = count_failure!("known_failures", "known_locked_until", "", "", "");
/// Nobody is told of those at requests to approve: only who has the message makes any.
const AT_APPROVALS: &str = count_failure!("approval_failures", "approval_locked_until", "", "", "");

/// Seconds between two messages that tell a person of strangers' wrong codes.
const BETWEEN_NOTICES: i64 = 86_400;

impl People {
    /// Counts a wrong code on a side and sets the delay there that follows from it, in one statement, the same for every
    /// account and for decoys: none for the first four in a row, 30 s after the fifth, twice as long after every fifth more, at most an
    /// hour; from the hundredth on (`delays`) the long delay after each (NIST SP 800-63B-4 §3.2.2).
    ///
    /// # Errors
    /// [`DbError`].
    pub async fn record_failure(
        &self,
        id: &PersonId,
        side: Side,
        delays: Delays,
        now: Timestamp,
    ) -> Result<(), DbError> {
        let sql = match side {
            Side::Stranger => BY_STRANGER,
            Side::Known => BY_KNOWN,
            Side::Approval => AT_APPROVALS,
        };
        let counted = db::statement(sql).bind(delays.most).bind(now.plus(delays.long).0).bind(now.0);
        self.db.execute(counted.bind(id.as_str())).await?;
        self.remembered.invalidate(id);
        Ok(())
    }

    /// Clears the wrong codes of a side after a right one there.
    ///
    /// # Errors
    /// [`DbError`].
    pub async fn clear_failures(&self, id: &PersonId, side: Side) -> Result<(), DbError> {
        self.clear(
            id,
            match side {
                Side::Stranger => "UPDATE wrong_codes SET failures = 0, locked_until = 0 WHERE account = $1",
                Side::Known => {
                    "UPDATE wrong_codes SET known_failures = 0, known_locked_until = 0 WHERE account = $1"
                }
                Side::Approval => {
                    "UPDATE wrong_codes SET approval_failures = 0, approval_locked_until = 0 WHERE account = $1"
                }
            },
        )
        .await
    }

    /// Clears the wrong codes of all sides.
    ///
    /// # Errors
    /// [`DbError`].
    pub async fn unlock(&self, id: &PersonId) -> Result<(), DbError> {
        self.clear(
            id,
            "UPDATE wrong_codes SET failures = 0, locked_until = 0, known_failures = 0, known_locked_until = 0, \
             approval_failures = 0, approval_locked_until = 0 WHERE account = $1",
        )
        .await
    }

    async fn clear(&self, id: &PersonId, sql: &'static str) -> Result<(), DbError> {
        self.db.execute(db::statement(sql).bind(id.as_str())).await?;
        self.remembered.invalidate(id);
        Ok(())
    }

    /// Persons whom strangers' wrong codes delayed within the last day and who were not told within a day, at most `most`.
    ///
    /// # Errors
    /// [`DbError`].
    pub async fn to_be_told(&self, now: Timestamp, most: i64) -> Result<Vec<PersonId>, DbError> {
        let rows = self
            .db
            .read_all(
                db::statement(
                    "SELECT p.person_id FROM wrong_codes w JOIN persons p ON p.person_id = w.account \
                     WHERE w.delayed_at > w.noticed_at AND w.noticed_at <= $1 AND w.delayed_at >= $2 \
                     ORDER BY w.delayed_at LIMIT $3",
                )
                .bind(now.0 - BETWEEN_NOTICES)
                .bind(now.0 - BETWEEN_NOTICES)
                .bind(most),
            )
            .await?;
        rows.iter().map(|row| db::text(row, "persons", "person_id").map(PersonId::stored)).collect()
    }

    /// Notes that a person is told now; `false` if another node was quicker.
    ///
    /// # Errors
    /// [`DbError`].
    pub async fn claim_notice(&self, id: &PersonId, now: Timestamp) -> Result<bool, DbError> {
        let claim = db::statement(
            "UPDATE wrong_codes SET noticed_at = $1 WHERE account = $2 AND delayed_at > noticed_at AND noticed_at <= $3 \
             RETURNING account",
        );
        let claim = claim.bind(now.0).bind(id.as_str()).bind(now.0 - BETWEEN_NOTICES);
        Ok(self.db.change(claim).await?.is_some())
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::{number, people, somebody};
    use super::*;
    use crate::people::{Failures, NumberStatus};
    use crate::platform::bytes::Digest;

    const DELAYS: Delays = Delays { most: 50, long: 30 * 86_400 };

    #[actix_web::test]
    async fn the_delay_grows_to_an_hour_and_then_to_the_long_one_but_never_to_never() {
        let (people, _db) = people().await;
        let somebody = somebody();
        let now = Timestamp(1_000_000);
        let id =
            people.store(&somebody.record(), &somebody.phone, NumberStatus::Enrolled, now).await.unwrap();
        let index = people.number_index(&somebody.phone);
        let mut delays = Vec::new();
        for _ in 0..50 {
            people.record_failure(&id, Side::Stranger, DELAYS, now).await.unwrap();
            delays
                .push(people.account_state(&index).await.unwrap().unwrap().strangers.locked_until.0 - now.0);
        }
        assert!(delays[3] < 0, "four wrong codes cost nothing");
        assert_eq!((delays[4], delays[9], delays[34], delays[44]), (30, 60, 1920, 3600));
        assert_eq!(delays[49], DELAYS.long);
        let later = now.plus(DELAYS.long);
        let state = people.account_state(&index).await.unwrap().unwrap();
        assert!(!state.may_try(Side::Stranger, later.plus(-1)) && state.may_try(Side::Stranger, later));
        people.record_failure(&id, Side::Stranger, DELAYS, later).await.unwrap();
        let state = people.account_state(&index).await.unwrap().unwrap();
        assert_eq!(state.strangers.locked_until, later.plus(DELAYS.long), "each further try costs it again");
        people.clear_failures(&id, Side::Stranger).await.unwrap();
        assert!(people.account_state(&index).await.unwrap().unwrap().may_try(Side::Stranger, later));
    }

    #[actix_web::test]
    async fn what_happens_on_one_side_leaves_the_other_as_it_is() {
        let (people, _db) = people().await;
        let somebody = somebody();
        let now = Timestamp(1_000_000);
        let id =
            people.store(&somebody.record(), &somebody.phone, NumberStatus::Enrolled, now).await.unwrap();
        let index = people.number_index(&somebody.phone);
        let state = async || people.account_state(&index).await.unwrap().unwrap();
        for (side, other) in [
            (Side::Stranger, Side::Known),
            (Side::Known, Side::Stranger),
            (Side::Stranger, Side::Approval),
            (Side::Approval, Side::Stranger),
            (Side::Known, Side::Approval),
        ] {
            for _ in 0..5 {
                people.record_failure(&id, side, DELAYS, now).await.unwrap();
            }
            let delayed = Failures { count: 5, locked_until: now.plus(30) };
            assert_eq!((state().await.failures(side), state().await.failures(other).count), (delayed, 0));
            assert!(!state().await.may_try(side, now) && state().await.may_try(other, now));
            people.clear_failures(&id, other).await.unwrap();
            assert_eq!(state().await.failures(side), delayed, "a right code on the other side");
            people.clear_failures(&id, side).await.unwrap();
        }
        for side in [Side::Stranger, Side::Known, Side::Approval] {
            people.record_failure(&id, side, Delays { most: 1, ..DELAYS }, now).await.unwrap();
        }
        people.unlock(&id).await.unwrap();
        for side in [Side::Stranger, Side::Known, Side::Approval] {
            assert_eq!(state().await.failures(side), Failures::default());
        }
    }

    #[actix_web::test]
    async fn a_person_is_told_of_strangers_once_a_day_and_only_if_a_delay_began() {
        let (people, _db) = people().await;
        let somebody = somebody();
        let now = Timestamp(1_000_000);
        let id =
            people.store(&somebody.record(), &somebody.phone, NumberStatus::Enrolled, now).await.unwrap();
        let fail = async |side, at| {
            for _ in 0..5 {
                people.record_failure(&id, side, DELAYS, at).await.unwrap();
            }
        };
        let due = async |at| people.to_be_told(at, 9).await.unwrap();
        for _ in 0..4 {
            people.record_failure(&id, Side::Stranger, DELAYS, now).await.unwrap();
        }
        fail(Side::Known, now).await;
        fail(Side::Approval, now).await;
        assert!(due(now).await.is_empty(), "no stranger's delay began");
        people.record_failure(&id, Side::Stranger, DELAYS, now).await.unwrap();
        assert_eq!(due(now).await, std::slice::from_ref(&id));
        assert!(people.claim_notice(&id, now).await.unwrap());
        assert!(!people.claim_notice(&id, now).await.unwrap(), "another node was quicker");
        fail(Side::Stranger, now.plus(3600)).await;
        assert!(due(now.plus(3600)).await.is_empty(), "not twice a day");
        assert!(!people.claim_notice(&id, now.plus(3600)).await.unwrap());
        assert_eq!(due(now.plus(86_400)).await, std::slice::from_ref(&id));
        assert!(due(now.plus(2 * 86_400)).await.is_empty(), "what is long over is not told");
    }

    #[actix_web::test]
    async fn a_failure_without_an_account_is_counted_at_one_of_a_bounded_number_of_decoys() {
        let (people, db) = people().await;
        let somebody = somebody();
        let id = people
            .store(&somebody.record(), &somebody.phone, NumberStatus::Enrolled, Timestamp(1))
            .await
            .unwrap();
        let decoy = |first, second, third| {
            let mut index = Digest([7; 32]);
            (index.0[0], index.0[1], index.0[2]) = (first, second, third);
            PersonId::decoy(&index)
        };
        for (first, third) in (0..=9).flat_map(|first| [(first, 1), (first, 2)]) {
            let decoy = decoy(first, 3, third);
            people.record_failure(&decoy, Side::Stranger, DELAYS, Timestamp(1)).await.unwrap();
            people.record_failure(&decoy, Side::Known, DELAYS, Timestamp(1)).await.unwrap();
        }
        assert_eq!(number(&db, "SELECT COUNT(*) AS n FROM wrong_codes").await, 10);
        assert_eq!(number(&db, "SELECT MIN(failures + known_failures) AS n FROM wrong_codes").await, 4);
        assert!(people.to_be_told(Timestamp(2), 9).await.unwrap().is_empty());
        for _ in 0..5 {
            people.record_failure(&decoy(0, 3, 1), Side::Stranger, DELAYS, Timestamp(1)).await.unwrap();
        }
        assert!(people.to_be_told(Timestamp(2), 9).await.unwrap().is_empty(), "nobody is told");
        let state = people.account_state(&people.number_index(&somebody.phone)).await.unwrap().unwrap();
        assert_eq!((state.person_id, state.strangers), (id, Failures::default()));
    }
}
