//! SQL of the table `desk_photos`: photos that are taken where an identification is revoked (R89, cl. 35).

use super::Staff;
use crate::platform::bytes;
use crate::platform::clock::Timestamp;
use crate::platform::db::{self, DbError, Statement};

const TABLE: &str = "desk_photos";

impl Staff {
    /// A photo to be kept, sealed: what names it, and the row for the transaction of what it was taken for.
    pub fn photo(&self, photo: &[u8]) -> (String, Statement) {
        let id = bytes::random_alphanumeric::<20>();
        let row = db::statement("INSERT INTO desk_photos (photo_id, sealed, taken_at) VALUES ($1, $2, $3)")
            .bind(&id)
            .bind(self.seal(TABLE, &id, photo))
            .bind(self.clock.now().0);
        (id, row)
    }

    /// Removes photos that were taken before a moment, `most` at most.
    ///
    /// # Errors
    /// [`DbError`].
    pub async fn purge_photos(&self, before: Timestamp, most: i64) -> Result<u64, DbError> {
        let purge = db::statement(
            "DELETE FROM desk_photos WHERE photo_id IN (SELECT photo_id FROM desk_photos WHERE taken_at < $1 LIMIT $2)",
        );
        self.db.execute(purge.bind(before.0).bind(most)).await
    }
}
