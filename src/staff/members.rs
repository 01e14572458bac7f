//! SQL of the tables `staff` and `staff_relatives`: who works where, and whose records they are refused.

use serde::{Deserialize, Serialize};

use super::{Acting, PlaceId, Role, Staff, StaffId, places};
use crate::people::{CivilDate, Pinfl};
use crate::platform::clock::Timestamp;
use crate::platform::db::{self, DbError, Row};

const TABLE: &str = "staff";

/// A member to be added.
#[derive(Clone, Debug)]
pub struct NewMember {
    /// How they are called from now on.
    pub id: StaffId,
    /// Where they work.
    pub place: PlaceId,
    /// What they may do.
    pub role: Role,
    /// Their name.
    pub name: String,
    /// By which their own record is refused to them.
    pub pinfl: Pinfl,
    /// Whose records are refused besides.
    pub relatives: Vec<Pinfl>,
    /// The day of their signed undertaking to keep secret what they learn (R93).
    pub sworn_on: CivilDate,
}

/// A member of staff.
#[derive(Clone, Debug)]
pub struct Member {
    /// Their identifier.
    pub id: StaffId,
    /// Where they work.
    pub place: PlaceId,
    /// What they may do.
    pub role: Role,
    /// Their name.
    pub name: String,
    /// The day of their signed undertaking (R93).
    pub sworn_on: CivilDate,
    /// Since when.
    pub added_at: Timestamp,
    /// When they were disabled. They are never removed: what they did stays on record.
    pub disabled_at: Option<Timestamp>,
    /// How many passkeys they have.
    pub passkeys: i64,
}

/// What became of a change.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Changed {
    /// It was made.
    Done,
    /// There is no such place, or it is closed.
    NoPlace,
    /// The person is a member already.
    Already,
}

/// What is sealed of a member.
#[derive(Serialize, Deserialize)]
struct Sealed {
    name: String,
}

impl Staff {
    /// Adds a member.
    ///
    /// # Errors
    /// [`DbError`].
    pub async fn add_member(&self, new: &NewMember) -> Result<Changed, DbError> {
        let id = &new.id;
        let plain = db::to_json(&Sealed { name: new.name.clone() })?;
        let own = self.pinfl_index(&new.pinfl).encode();
        let add = db::statement(
            "INSERT INTO staff (staff_id, place_id, role, sealed, pinfl_index, sworn_on, added_at) \
             SELECT CAST($1 AS TEXT), place_id, CAST($2 AS TEXT), CAST($3 AS TEXT), CAST($4 AS TEXT), CAST($5 AS TEXT), \
             CAST($6 AS BIGINT) FROM places WHERE place_id = $7 AND closed_at IS NULL \
             ON CONFLICT (pinfl_index) WHERE disabled_at IS NULL DO NOTHING RETURNING staff_id",
        )
        .bind(id.as_str())
        .bind(new.role.name())
        .bind(self.seal(TABLE, id.as_str(), plain.as_bytes()))
        .bind(&own)
        .bind(String::from(new.sworn_on))
        .bind(self.clock.now().0)
        .bind(new.place.as_str());
        let relative = |pinfl: &Pinfl| {
            db::statement(
                "INSERT INTO staff_relatives (staff_id, pinfl_index) VALUES ($1, $2) \
                 ON CONFLICT (staff_id, pinfl_index) DO NOTHING",
            )
            .bind(id.as_str())
            .bind(self.pinfl_index(pinfl).encode())
        };
        let relatives = new.relatives.iter().map(relative).collect();
        if self.db.guarded(add, relatives).await?.is_some() {
            return Ok(Changed::Done);
        }
        let open = self.place(&new.place).await?.is_some_and(|place| place.closed_at.is_none());
        Ok(if open { Changed::Already } else { Changed::NoPlace })
    }

    /// Disables a member: their sessions and links end with it. `false` if there is no enabled one of that identifier.
    ///
    /// # Errors
    /// [`DbError`].
    pub async fn disable_member(&self, id: &StaffId) -> Result<bool, DbError> {
        let now = self.clock.now().0;
        let disable = db::statement(
            "UPDATE staff SET disabled_at = $1 WHERE staff_id = $2 AND disabled_at IS NULL RETURNING staff_id",
        );
        let links =
            db::statement("UPDATE staff_links SET used_at = $1 WHERE staff_id = $2 AND used_at IS NULL");
        let disable = disable.bind(now).bind(id.as_str());
        Ok(self.db.guarded(disable, vec![links.bind(now).bind(id.as_str())]).await?.is_some())
    }

    /// The members of a place, or of all, in the order in which they came.
    ///
    /// # Errors
    /// [`DbError`].
    pub async fn members(&self, place: Option<&PlaceId>) -> Result<Vec<Member>, DbError> {
        let all = db::statement(
            "SELECT staff_id, place_id, role, sealed, sworn_on, added_at, disabled_at, \
             (SELECT COUNT(*) FROM staff_passkeys k WHERE k.staff_id = staff.staff_id AND k.removed_at IS NULL) AS passkeys \
             FROM staff WHERE $1 = '' OR place_id = $1 ORDER BY added_at, staff_id",
        );
        let rows = self.db.read_all(all.bind(place.map_or("", PlaceId::as_str))).await?;
        rows.iter().map(|row| self.read_member(row)).collect()
    }

    /// The member of that identifier.
    ///
    /// # Errors
    /// [`DbError`].
    pub async fn member(&self, id: &StaffId) -> Result<Option<Member>, DbError> {
        let one = db::statement(
            "SELECT staff_id, place_id, role, sealed, sworn_on, added_at, disabled_at, \
             (SELECT COUNT(*) FROM staff_passkeys k WHERE k.staff_id = staff.staff_id AND k.removed_at IS NULL) AS passkeys \
             FROM staff WHERE staff_id = $1",
        );
        let row = self.db.read_optional(one.bind(id.as_str())).await?;
        row.map(|row| self.read_member(&row)).transpose()
    }

    /// Whether a record is the member's own, or one of their relatives' that are listed: then it is refused to them.
    ///
    /// # Errors
    /// [`DbError`].
    pub async fn is_too_close(&self, id: &StaffId, pinfl: &Pinfl) -> Result<bool, DbError> {
        let close = db::statement(
            "SELECT staff_id FROM staff WHERE staff_id = $1 AND pinfl_index = $2 \
             UNION ALL SELECT staff_id FROM staff_relatives WHERE staff_id = $1 AND pinfl_index = $2 LIMIT 1",
        );
        let index = self.pinfl_index(pinfl).encode();
        Ok(self.db.read_optional(close.bind(id.as_str()).bind(index)).await?.is_some())
    }

    /// A member at work by that passkey, as of now and never from memory: `None` if they or their place are no longer, work
    /// elsewhere by now, or the passkey was taken away.
    ///
    /// # Errors
    /// [`DbError`].
    pub(super) async fn at_work(
        &self,
        (id, place): (&StaffId, &PlaceId),
        passkey: &str,
        proved_at: Timestamp,
    ) -> Result<Option<Acting>, DbError> {
        let one = db::statement(
            "SELECT staff.staff_id, staff.place_id, staff.role, staff.sealed, p.kind, p.names, \
             (SELECT COUNT(*) FROM staff_holds h WHERE h.staff_id = staff.staff_id AND h.released_at IS NULL) AS held \
             FROM staff JOIN places p ON p.place_id = staff.place_id \
             WHERE staff.staff_id = $1 AND staff.place_id = $2 AND staff.disabled_at IS NULL AND p.closed_at IS NULL \
             AND EXISTS (SELECT 1 FROM staff_passkeys k WHERE k.credential_id = $3 AND k.staff_id = staff.staff_id \
             AND k.removed_at IS NULL)",
        );
        let one = one.bind(id.as_str()).bind(place.as_str()).bind(passkey);
        let Some(row) = self.db.read_optional(one).await? else { return Ok(None) };
        Ok(Some(Acting {
            staff: id.clone(),
            name: self.name(&row)?,
            role: role(&row)?,
            place: place.clone(),
            kind: places::kind(&row)?,
            place_names: db::json(&row, TABLE, "names")?,
            held: db::int(&row, TABLE, "held")? > 0,
            proved_at,
        }))
    }

    fn name(&self, row: &Row) -> Result<String, DbError> {
        let id = db::text(row, TABLE, "staff_id")?;
        let plain = self.open(TABLE, &id, &db::text(row, TABLE, "sealed")?);
        let sealed = plain.and_then(|plain| serde_json::from_slice::<Sealed>(&plain).ok());
        sealed
            .map(|sealed| sealed.name)
            .ok_or_else(|| row.corrupt(TABLE, "sealed", "it does not open with this keyring"))
    }

    fn read_member(&self, row: &Row) -> Result<Member, DbError> {
        let sworn_on = CivilDate::parse(&db::text(row, TABLE, "sworn_on")?);
        Ok(Member {
            id: StaffId::stored(db::text(row, TABLE, "staff_id")?),
            place: PlaceId::stored(db::text(row, TABLE, "place_id")?),
            role: role(row)?,
            name: self.name(row)?,
            sworn_on: sworn_on.map_err(|_| row.corrupt(TABLE, "sworn_on", "no date"))?,
            added_at: Timestamp(db::int(row, TABLE, "added_at")?),
            disabled_at: db::maybe_int(row, TABLE, "disabled_at")?.map(Timestamp),
            passkeys: db::int(row, TABLE, "passkeys")?,
        })
    }
}

fn role(row: &Row) -> Result<Role, DbError> {
    let role = db::text(row, TABLE, "role")?;
    Role::parse(&role).ok_or_else(|| row.corrupt(TABLE, "role", "no role"))
}
