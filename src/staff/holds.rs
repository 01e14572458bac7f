//! SQL of the table `staff_holds`: unusual volume stops a member until a supervisor of the same place has looked.

use super::actions::{What, Why};
use super::{Acting, PlaceId, Staff, StaffId};
use crate::audit::{Event, Kind};
use crate::platform::bytes;
use crate::platform::clock::Timestamp;
use crate::platform::db::{self, DbError, Row};

const TABLE: &str = "staff_holds";

/// Why a member was stopped.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum HoldReason {
    /// Many identifications were completed in an hour.
    Completions,
    /// Many applications were opened in an hour that did not lead to an identification.
    LookUps,
}

impl HoldReason {
    const ALL: [Self; 2] = [Self::Completions, Self::LookUps];

    /// Its word in the store.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Completions => "completions",
            Self::LookUps => "look_ups",
        }
    }
}

/// A member who was stopped.
#[derive(Clone, Debug)]
pub struct Hold {
    /// Its name.
    pub id: String,
    /// Who.
    pub staff: StaffId,
    /// Why; `None` for what a later version knows.
    pub why: Option<HoldReason>,
    /// Since when.
    pub held_at: Timestamp,
}

impl Staff {
    /// Stops a member whose volume in the last hour, or since somebody released them, is unusual. Returns why; `None` where it is not.
    ///
    /// # Errors
    /// [`DbError`]: then nothing may be done either.
    pub async fn stop_if_unusual(&self, acting: &Acting) -> Result<Option<HoldReason>, DbError> {
        let hour_ago = self.clock.now_ms() - 3_600_000;
        let count = db::statement(
            "SELECT \
             (SELECT COUNT(*) FROM staff_actions WHERE staff_id = $1 AND at_ms > $2 AND what IN ('completed', 'revoked', 'account_opened', 'account_confirmed') AND at_ms > \
              COALESCE((SELECT MAX(released_at) FROM staff_holds WHERE staff_id = $1), -1) * 1000 + 1000) AS completed, \
             (SELECT COUNT(DISTINCT about) FROM staff_actions WHERE staff_id = $1 AND at_ms > $2 AND what IN ('opened', 'read') AND at_ms > \
              COALESCE((SELECT MAX(released_at) FROM staff_holds WHERE staff_id = $1), -1) * 1000 + 1000) AS opened",
        );
        let row = self.db.read_one(count.bind(acting.staff.as_str()).bind(hour_ago)).await?;
        let (completed, opened) = (db::int(&row, TABLE, "completed")?, db::int(&row, TABLE, "opened")?);
        let why = if completed >= self.limits.completions {
            HoldReason::Completions
        } else if opened - completed >= self.limits.look_ups {
            HoldReason::LookUps
        } else {
            return Ok(None);
        };
        let hold = db::statement(
            "INSERT INTO staff_holds (hold_id, staff_id, place_id, why, held_at) VALUES ($1, $2, $3, $4, $5) \
             ON CONFLICT (staff_id) WHERE released_at IS NULL DO NOTHING RETURNING hold_id",
        )
        .bind(bytes::random_alphanumeric::<20>())
        .bind(acting.staff.as_str())
        .bind(acting.place.as_str())
        .bind(why.name())
        .bind(self.clock.now().0);
        if self.db.change(hold).await?.is_some() {
            let held = Event::new(Kind::StaffHeld).staff(acting.staff.as_str().to_owned());
            self.audit.record(held.place(acting.place.as_str().to_owned()).reason(why.name()));
        }
        Ok(Some(why))
    }

    /// Members of a place who were stopped, the first to be stopped first.
    ///
    /// # Errors
    /// [`DbError`].
    pub async fn holds(&self, place: &PlaceId) -> Result<Vec<Hold>, DbError> {
        let all = db::statement(
            "SELECT hold_id, staff_id, why, held_at FROM staff_holds WHERE place_id = $1 AND released_at IS NULL \
             ORDER BY held_at, hold_id",
        );
        let read = |row: &Row| {
            let why = db::text(row, TABLE, "why")?;
            Ok(Hold {
                id: db::text(row, TABLE, "hold_id")?,
                staff: StaffId::stored(db::text(row, TABLE, "staff_id")?),
                why: HoldReason::ALL.into_iter().find(|known| known.name() == why),
                held_at: Timestamp(db::int(row, TABLE, "held_at")?),
            })
        };
        self.db.read_all(all.bind(place.as_str())).await?.iter().map(read).collect()
    }

    /// Releases a member who was stopped. `false` if there is no such hold at the supervisor's place, or it is their own: nobody
    /// releases themselves.
    ///
    /// # Errors
    /// [`DbError`].
    pub async fn release(&self, supervisor: &Acting, hold: &str) -> Result<bool, DbError> {
        let release = db::statement(
            "UPDATE staff_holds SET released_at = $1, released_by = $2 WHERE hold_id = $3 AND place_id = $4 \
             AND staff_id <> $2 AND released_at IS NULL RETURNING staff_id",
        )
        .bind(self.clock.now().0)
        .bind(supervisor.staff.as_str())
        .bind(hold)
        .bind(supervisor.place.as_str());
        let (row, event) = self.action(supervisor, What::HoldReleased, hold, Why::Supervision).parts();
        let done = self.db.guarded(release, vec![row]).await?.is_some();
        if done {
            self.acted(event);
        }
        Ok(done)
    }
}
