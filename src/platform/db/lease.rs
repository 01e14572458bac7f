//! Work that one node does for all: whoever holds its lease. It spares the others the same work, and nothing more rests on it, nor on any
//! clock: whatever is done is right when two nodes do it.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use super::{Db, DbError, statement};
use crate::platform::bytes;

/// What this keeps its data in.
pub(super) const TABLE: &str = "leases";

/// The lease of a kind of work, as one process holds it or not. Cheap to clone.
#[derive(Clone)]
pub struct Lease {
    db: Db,
    name: &'static str,
    holder: Arc<str>,
    length_ms: i64,
    /// Until when this process holds it, as far as it knows.
    until_ms: Arc<AtomicI64>,
}

impl Lease {
    /// The lease of that name, which a migration has made, for so many seconds at a time.
    pub fn new(db: Db, name: &'static str, seconds: i64) -> Self {
        let holder = Arc::from(bytes::random_alphanumeric::<16>());
        Self { db, name, holder, length_ms: seconds.saturating_mul(1000), until_ms: Arc::default() }
    }

    /// Whether this process holds it at `now_ms`: it still does, or takes it because nobody else does. Asks the database once in half of
    /// its length.
    ///
    /// # Errors
    /// [`DbError`].
    pub async fn is_held(&self, now_ms: i64) -> Result<bool, DbError> {
        let left = self.until_ms.load(Ordering::Relaxed).saturating_sub(now_ms);
        if (self.length_ms / 2..=self.length_ms).contains(&left) {
            return Ok(true);
        }
        let until_ms = now_ms.saturating_add(self.length_ms);
        let take = statement(
            "UPDATE leases SET holder = $1, until_ms = $2 \
             WHERE name = $3 AND (holder = $4 OR until_ms < $5 OR until_ms > $6) RETURNING name",
        );
        // One that lies further ahead than any node takes it for is of a clock that was wrong.
        let absurd = until_ms.saturating_add(self.length_ms);
        let take = take.bind(&*self.holder).bind(until_ms).bind(self.name).bind(&*self.holder);
        let held = self.db.change(take.bind(now_ms).bind(absurd)).await?.is_some();
        self.until_ms.store(if held { until_ms } else { 0 }, Ordering::Relaxed);
        Ok(held)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::platform::db::test_db::TestDb;

    #[actix_web::test]
    async fn one_holds_a_lease_until_it_lets_it_run_out() {
        let db = TestDb::migrated().await;
        let [one, other] = [(); 2].map(|()| Lease::new((*db).clone(), "invoices", 100));
        assert!(one.is_held(1_000_000).await.unwrap());
        assert!(!other.is_held(1_099_000).await.unwrap());
        // It goes on as long as its holder asks in time.
        assert!(one.is_held(1_090_000).await.unwrap());
        assert!(!other.is_held(1_150_000).await.unwrap());
        assert!(other.is_held(1_191_000).await.unwrap());
        assert!(!one.is_held(1_192_000).await.unwrap(), "somebody else took it meanwhile");
        // Of a clock that was far ahead it is nobody's.
        let wrong = Lease::new((*db).clone(), "invoices", 100);
        assert!(wrong.is_held(9_000_000).await.unwrap());
        assert!(one.is_held(1_200_000).await.unwrap());
    }
}
