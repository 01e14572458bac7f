//! SQL of the table `staff_link_requests`: a link for a member who has passkeys already lets whoever holds it act as that member. So no
//! administrator gives one alone: they ask, a second person of the place confirms, and then it is given once.

use super::actions::{What, Why};
use super::{Acting, PlaceId, Staff, StaffId};
use crate::platform::bytes;
use crate::platform::clock::Timestamp;
use crate::platform::db::{self, DbError, Row};

const TABLE: &str = "staff_link_requests";

/// For how long a request is open, in seconds.
const OPEN_FOR: i64 = 86_400;

/// A link that somebody asks for.
#[derive(Clone, Debug)]
pub struct LinkRequest {
    /// Its name.
    pub id: String,
    /// For whom.
    pub staff: StaffId,
    /// Who asks.
    pub asked_by: StaffId,
    /// Since when.
    pub asked_at: Timestamp,
    /// The second person who confirmed it.
    pub confirmed_by: Option<StaffId>,
}

impl Staff {
    /// Asks for a link for a member who has passkeys; one that was asked for before is replaced.
    ///
    /// # Errors
    /// [`DbError`].
    pub async fn ask_for_link(&self, asking: &Acting, member: &StaffId) -> Result<(), DbError> {
        let now = self.clock.now().0;
        let former = db::statement(
            "UPDATE staff_link_requests SET ended_at = $1 WHERE staff_id = $2 AND ended_at IS NULL",
        );
        let ask = db::statement(
            "INSERT INTO staff_link_requests (request_id, staff_id, place_id, asked_by, asked_at) VALUES ($1, $2, $3, $4, $5)",
        )
        .bind(bytes::random_alphanumeric::<20>())
        .bind(member.as_str())
        .bind(asking.place.as_str())
        .bind(asking.staff.as_str())
        .bind(now);
        let (row, event) = self.action(asking, What::LinkAsked, member.as_str(), Why::Supervision).parts();
        self.db.all_or_nothing(vec![former.bind(now).bind(member.as_str()), ask, row]).await?;
        self.acted(event);
        Ok(())
    }

    /// Links that were asked for at a place and not given yet, the first first.
    ///
    /// # Errors
    /// [`DbError`].
    pub async fn link_requests(&self, place: &PlaceId) -> Result<Vec<LinkRequest>, DbError> {
        let all = db::statement(
            "SELECT request_id, staff_id, asked_by, asked_at, confirmed_by FROM staff_link_requests \
             WHERE place_id = $1 AND ended_at IS NULL AND asked_at > $2 ORDER BY asked_at, request_id",
        );
        let since = self.clock.now().minus(OPEN_FOR);
        let read = |row: &Row| {
            Ok(LinkRequest {
                id: db::text(row, TABLE, "request_id")?,
                staff: StaffId::stored(db::text(row, TABLE, "staff_id")?),
                asked_by: StaffId::stored(db::text(row, TABLE, "asked_by")?),
                asked_at: Timestamp(db::int(row, TABLE, "asked_at")?),
                confirmed_by: db::maybe_text(row, TABLE, "confirmed_by")?.map(StaffId::stored),
            })
        };
        self.db.read_all(all.bind(place.as_str()).bind(since.0)).await?.iter().map(read).collect()
    }

    /// Confirms a link that somebody else of the same place asked for. `false` if there is no such request, it is too old, or their own.
    ///
    /// # Errors
    /// [`DbError`].
    pub async fn confirm_link(&self, second: &Acting, request: &str) -> Result<bool, DbError> {
        let now = self.clock.now();
        let confirm = db::statement(
            "UPDATE staff_link_requests SET confirmed_by = $1, confirmed_at = $2 WHERE request_id = $3 AND place_id = $4 \
             AND asked_by <> $5 AND confirmed_at IS NULL AND ended_at IS NULL AND asked_at > $6 RETURNING request_id",
        )
        .bind(second.staff.as_str())
        .bind(now.0)
        .bind(request)
        .bind(second.place.as_str())
        .bind(second.staff.as_str())
        .bind(now.minus(OPEN_FOR).0);
        let (row, event) = self.action(second, What::LinkConfirmed, request, Why::Supervision).parts();
        let done = self.db.guarded(confirm, vec![row]).await?.is_some();
        if done {
            self.acted(event);
        }
        Ok(done)
    }

    /// The link that a member asked for and a second person confirmed; `None` where it was not, or was given before.
    ///
    /// # Errors
    /// [`DbError`].
    pub async fn confirmed_link(&self, asking: &Acting, member: &StaffId) -> Result<Option<String>, DbError> {
        let now = self.clock.now();
        let use_up = db::statement(
            "UPDATE staff_link_requests SET ended_at = $1 WHERE staff_id = $2 AND place_id = $3 AND asked_by = $4 \
             AND confirmed_by <> $5 AND ended_at IS NULL AND asked_at > $6 RETURNING request_id",
        )
        .bind(now.0)
        .bind(member.as_str())
        .bind(asking.place.as_str())
        .bind(asking.staff.as_str())
        .bind(asking.staff.as_str())
        .bind(now.minus(OPEN_FOR).0);
        let (row, event) = self.action(asking, What::LinkGiven, member.as_str(), Why::Supervision).parts();
        let (token, make) = self.making_link(member);
        let given = self.db.guarded(use_up, make.into_iter().chain([row]).collect()).await?;
        if given.is_none() {
            return Ok(None);
        }
        self.acted(event);
        Ok(Some(token))
    }
}
