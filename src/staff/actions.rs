//! SQL of the table `staff_actions`: what members read and did, and why (R93, R94).
//!
//! A row belongs to the transaction of the act; of a reading it is committed before anything is shown. An event of the audit log tells
//! of each, so that a row that was removed is missed, and a keyed digest in the row shows one that was changed.

use super::{Acting, PlaceId, Staff, StaffId};
use crate::audit::{Event, Kind};
use crate::platform::bytes;
use crate::platform::db::{self, DbError, Row, Statement};

const TABLE: &str = "staff_actions";

macro_rules! words {
    ($(#[doc = $about:literal])+ $Name:ident { $(#[doc = $doc:literal] $Word:ident = $name:literal,)+ }) => {
        $(#[doc = $about])+
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
        pub enum $Name {
            $(#[doc = $doc] $Word,)+
        }

        impl $Name {
            /// All of them.
            pub const ALL: &[Self] = &[$(Self::$Word),+];

            /// Its word in the store.
            pub const fn name(self) -> &'static str {
                match self {
                    $(Self::$Word => $name,)+
                }
            }

            /// What has that word.
            pub fn parse(name: &str) -> Option<Self> {
                Self::ALL.iter().copied().find(|word| word.name() == name)
            }
        }
    };
}

words! {
    /// What a member read or did.
    What {
        /// Signed in by a passkey.
        SignedIn = "signed_in",
        /// Used their passkey once more.
        Proved = "proved",
        /// Made a passkey by a link.
        PasskeyMade = "passkey_made",
        /// Took a passkey away.
        PasskeyRemoved = "passkey_removed",
        /// Gave a member a link for a passkey.
        LinkGiven = "link_given",
        /// Asked for a link for a member who has passkeys.
        LinkAsked = "link_asked",
        /// Confirmed, as the second person, a link that somebody asked for.
        LinkConfirmed = "link_confirmed",
        /// Read the list of their place's applications.
        ListRead = "list_read",
        /// Opened an application for somebody who came.
        Opened = "opened",
        /// Read an application.
        Read = "read",
        /// Recorded what a person said to a warning, or took a photo, and gave photo and fingerprint for comparison.
        EvidenceGiven = "evidence_given",
        /// Had registries asked about somebody.
        RegistriesAsked = "registries_asked",
        /// Had a code sent.
        CodeSent = "code_sent",
        /// Entered the right code that a person told: completed an identification, but for the fee where one is due.
        Completed = "completed",
        /// Refused an application.
        Refused = "refused",
        /// Recorded that a person withdrew.
        Withdrawn = "withdrawn",
        /// Printed an invoice or a sheet.
        Printed = "printed",
        /// Revoked an identification.
        Revoked = "revoked",
        /// Had a temporary password sent to somebody who had lost theirs, or given to them on paper.
        Recovered = "recovered",
        /// Opened an account for somebody.
        AccountOpened = "account_opened",
        /// Confirmed the account that somebody had.
        AccountConfirmed = "account_confirmed",
        /// Compared a face with the document by eye, because the State Personalisation Centre has no photo.
        FaceSeen = "face_seen",
        /// Read what was done at their place.
        ActionsRead = "actions_read",
        /// Read who works at their place.
        StaffRead = "staff_read",
        /// Read complaints.
        ComplaintsRead = "complaints_read",
        /// Opened a complaint for somebody.
        ComplaintOpened = "complaint_opened",
        /// Answered a complaint.
        ComplaintAnswered = "complaint_answered",
        /// Released a member who was stopped.
        HoldReleased = "hold_released",
    }
}

words! {
    /// Why they did.
    Why {
        /// The person is there and applies.
        PersonPresent = "person_present",
        /// An application that was begun goes on.
        Resumed = "resumed",
        /// A ground of refusal of clause 18.
        Clause18 = "clause_18",
        /// The person declined (D-o).
        Declined = "declined",
        /// The person asked for it at the desk (cl. 35).
        OwnRequest = "own_request",
        /// A complaint is dealt with (cl. 39).
        Complaint = "complaint",
        /// Supervision of the place.
        Supervision = "supervision",
        /// It concerns the member's own access.
        Own = "own_access",
    }
}

/// An action to be recorded: a row, and the event that tells of it.
#[must_use = "what was done is not recorded"]
pub struct Action {
    row: Statement,
    event: Event<'static>,
}

impl Action {
    /// The row, for the transaction of the act; and the event, for [`Staff::acted`] after it.
    pub fn parts(self) -> (Statement, Event<'static>) {
        (self.row, self.event)
    }
}

/// An action that was recorded.
#[derive(Clone, Debug)]
pub struct Recorded {
    /// Its name.
    pub id: String,
    /// Who.
    pub staff: StaffId,
    /// Where.
    pub place: PlaceId,
    /// When, in milliseconds since the Unix epoch.
    pub at_ms: i64,
    /// What; `None` for what a later version knows.
    pub what: Option<What>,
    /// About what: the reference of an application, the number of a complaint, a member.
    pub about: String,
    /// Why.
    pub why: Option<Why>,
    /// Whether the row is as it was written.
    pub intact: bool,
}

impl Staff {
    /// What a member reads or does, about the thing that `about` names: never a name, number or PINFL of anybody.
    pub fn action(&self, acting: &Acting, what: What, about: &str, why: Why) -> Action {
        self.action_of((&acting.staff, &acting.place), what, about, why)
    }

    /// The row alone, for the transaction of the act.
    pub fn action_row(&self, acting: &Acting, what: What, about: &str, why: Why) -> Statement {
        self.action(acting, what, about, why).row
    }

    /// Tells the audit log of an action whose transaction was committed.
    pub fn acted(&self, event: Event<'static>) {
        self.audit.record(event);
    }

    /// Tells the audit log that a member wanted what they may not.
    pub fn refused(&self, acting: &Acting, what: &'static str) {
        let refused = Event::new(Kind::StaffRefused).staff(acting.staff.as_str().to_owned());
        self.audit.record(refused.place(acting.place.as_str().to_owned()).reason(what));
    }

    /// Records a reading. Nothing is shown before it returns.
    ///
    /// # Errors
    /// [`DbError`]: it is not recorded, and nothing may be shown.
    pub async fn reads(&self, acting: &Acting, what: What, about: &str, why: Why) -> Result<(), DbError> {
        let (row, event) = self.action(acting, what, about, why).parts();
        self.db.execute(row).await?;
        self.acted(event);
        Ok(())
    }

    pub(super) fn action_of(
        &self,
        (staff, place): (&StaffId, &PlaceId),
        what: What,
        about: &str,
        why: Why,
    ) -> Action {
        let (id, at_ms) = (bytes::random_alphanumeric::<20>(), self.clock.now_ms());
        let mac =
            self.mac_of((&id, at_ms), (staff.as_str(), place.as_str()), (what.name(), about, why.name()));
        let row = db::statement(
            "INSERT INTO staff_actions (action_id, staff_id, place_id, at_ms, what, about, reason, mac) \
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8)",
        )
        .bind(&id)
        .bind(staff.as_str())
        .bind(place.as_str())
        .bind(at_ms)
        .bind(what.name())
        .bind(about)
        .bind(why.name())
        .bind(mac);
        let event = Event::new(Kind::StaffActed)
            .staff(staff.as_str().to_owned())
            .place(place.as_str().to_owned())
            .reason(what.name())
            .detail(format!("{id} {about} {}", why.name()));
        Action { row, event }
    }

    /// What was done at a place, or by all; the newest first, before a moment in milliseconds.
    ///
    /// # Errors
    /// [`DbError`].
    pub async fn actions(
        &self,
        place: Option<&PlaceId>,
        before_ms: i64,
        most: i64,
    ) -> Result<Vec<Recorded>, DbError> {
        let all = db::statement(
            "SELECT action_id, staff_id, place_id, at_ms, what, about, reason, mac FROM staff_actions \
             WHERE ($1 = '' OR place_id = $1) AND at_ms < $2 ORDER BY at_ms DESC, action_id LIMIT $3",
        );
        let all = all.bind(place.map_or("", PlaceId::as_str)).bind(before_ms).bind(most);
        self.db.read_all(all).await?.iter().map(|row| self.read_action(row)).collect()
    }

    fn read_action(&self, row: &Row) -> Result<Recorded, DbError> {
        let text = |column| db::text(row, TABLE, column);
        let (id, staff, place) = (text("action_id")?, text("staff_id")?, text("place_id")?);
        let (what, about, why) = (text("what")?, text("about")?, text("reason")?);
        let at_ms = db::int(row, TABLE, "at_ms")?;
        let mac = self.mac_of((&id, at_ms), (&staff, &place), (&what, &about, &why));
        Ok(Recorded {
            intact: bytes::same(mac.as_bytes(), text("mac")?.as_bytes()),
            what: What::parse(&what),
            why: Why::parse(&why),
            staff: StaffId::stored(staff),
            place: PlaceId::stored(place),
            id,
            at_ms,
            about,
        })
    }

    fn mac_of(
        &self,
        (id, at_ms): (&str, i64),
        (staff, place): (&str, &str),
        (what, about, why): (&str, &str, &str),
    ) -> String {
        let at = at_ms.to_be_bytes();
        let parts = [id, staff, place, what, about, why].map(str::as_bytes);
        let parts: Vec<&[u8]> = parts.into_iter().chain([&at[..]]).collect();
        self.rows.digest(&parts).encode()
    }
}
