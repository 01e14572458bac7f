//! SQL of the table `desk_photos`: photos that are taken where an identification is revoked (R89, cl. 35), and where an account is opened,
//! confirmed or recovered in person (R107).

use super::{Acting, Staff, What, Why};
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

    /// Keeps a photo that is compared beside the page, with the row that it was taken; returns what names it.
    ///
    /// # Errors
    /// [`DbError`]: it is not kept, and nothing may be compared.
    pub async fn keep_photo(&self, acting: &Acting, photo: &[u8]) -> Result<String, DbError> {
        let (id, kept) = self.photo(photo);
        let (row, event) = self.action(acting, What::EvidenceGiven, &id, Why::OwnRequest).parts();
        self.db.all_or_nothing(vec![kept, row]).await?;
        self.acted(event);
        Ok(id)
    }

    /// A photo that is kept; none where there is none of that name any more.
    ///
    /// # Errors
    /// [`DbError`].
    pub async fn kept_photo(&self, id: &str) -> Result<Option<Vec<u8>>, DbError> {
        let one = db::statement("SELECT sealed FROM desk_photos WHERE photo_id = $1").bind(id);
        let Some(row) = self.db.read_optional(one).await? else { return Ok(None) };
        let plain = self.open(TABLE, id, &db::text(&row, TABLE, "sealed")?);
        plain.map(Some).ok_or_else(|| row.corrupt(TABLE, "sealed", "it cannot be opened"))
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
