//! Who identifies people in person: the places, who works there with what rights, how they prove who they are (passkeys alone), and
//! the record of everything that they read and do.
//!
//! A member works at one place and sees what belongs to it. What they do is a row of `staff_actions` in the transaction of the act,
//! and what they read is one before it is shown ([`Staff::action`]). Their pages are in `desk`; what an identification is, in
//! `mobile_id`, which knows from here only what a place and a member are called.

mod actions;
mod complaints;
mod holds;
mod link_requests;
mod members;
mod passkeys;
mod photos;
mod places;
mod served;
mod sessions;
mod settings;

use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::audit::Audit;
use crate::people::Pinfl;
use crate::platform::bytes::{self, Digest};
use crate::platform::clock::{Clock, Timestamp};
use crate::platform::db::Db;
use crate::platform::ephemeral::KeySpace;
use crate::platform::seal::{Keyring, Mac, Sealer};
use crate::platform::web::locale::Language;

pub use actions::{Action, Recorded, What, Why};
pub use complaints::{ComplaintAbout, DeskComplaint, NewDeskComplaint};
pub use holds::{Hold, HoldReason};
pub use link_requests::LinkRequest;
pub use members::{Changed, Member, NewMember};
pub use passkeys::{Ceremonies, Passkey, Proved};
pub use places::{Place, PlaceNames};
pub use served::{ServedAccount, ServedOn};
pub use sessions::{StaffSession, StaffSessions};
pub use settings::DeskSettings;

/// What the stores in here keep their data in.
pub(crate) const TABLES: &[&str] = &[
    "places",
    "staff",
    "staff_relatives",
    "staff_passkeys",
    "staff_links",
    "staff_link_requests",
    "staff_actions",
    "staff_holds",
    "desk_accounts",
    "desk_complaints",
    "desk_photos",
];

/// Sessions of members of staff.
pub const STAFF_SESSIONS: KeySpace = KeySpace::new(b'W', "sessions of staff");

/// Ceremonies of passkeys that began, each under its challenge.
pub const CEREMONIES: KeySpace = KeySpace::new(b'K', "ceremonies of passkeys");

/// The name of a place: as that of a client, and never given twice.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
#[serde(transparent)]
pub struct PlaceId(String);

impl PlaceId {
    /// What was typed: 1 to 64 letters, digits, `-`, `.` or `_`.
    pub fn parse(text: &str) -> Option<Self> {
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_');
        ((1..=64).contains(&text.len()) && text.bytes().all(plain)).then(|| Self(text.to_owned()))
    }

    /// What was read from the store.
    pub fn stored(text: String) -> Self {
        Self(text)
    }

    /// Its text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// A member of staff: random, so that it says nothing of them.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
#[serde(transparent)]
pub struct StaffId(String);

impl StaffId {
    /// A new one.
    pub fn random() -> Self {
        Self(bytes::random_alphanumeric::<26>())
    }

    /// What was read from the store, or typed by an operator.
    pub fn stored(text: String) -> Self {
        Self(text)
    }

    /// Its text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// What a place is (R9, R107, D-n).
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Serialize, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "snake_case")]
#[value(rename_all = "snake_case")]
pub enum PlaceKind {
    /// A state service centre (DXM): Mobile-ID and accounts, and the discount of clause 6.
    ServiceCentre,
    /// A notary office: Mobile-ID and accounts.
    NotaryOffice,
    /// A post office: accounts alone.
    PostOffice,
}

impl PlaceKind {
    /// Every kind.
    pub const ALL: [Self; 3] = [Self::ServiceCentre, Self::NotaryOffice, Self::PostOffice];

    /// Its word in files and in the store.
    pub const fn name(self) -> &'static str {
        match self {
            Self::ServiceCentre => "service_centre",
            Self::NotaryOffice => "notary_office",
            Self::PostOffice => "post_office",
        }
    }

    /// What has that word.
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.name() == name)
    }

    /// Whether people are identified for Mobile-ID there (R9, R107): a post office has accounts alone.
    pub const fn identifies(self) -> bool {
        !matches!(self, Self::PostOffice)
    }
}

/// What a member may do.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Serialize, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "snake_case")]
#[value(rename_all = "snake_case")]
pub enum Role {
    /// Identifies people.
    Operator,
    /// Does so as well, reads what was done at the place, answers complaints, and releases whoever was stopped.
    Supervisor,
    /// Gives members links for passkeys; a command takes passkeys away. Sees no person's data.
    Administrator,
}

impl Role {
    /// Every role.
    pub const ALL: [Self; 3] = [Self::Operator, Self::Supervisor, Self::Administrator];

    /// Its word in files and in the store.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Operator => "operator",
            Self::Supervisor => "supervisor",
            Self::Administrator => "administrator",
        }
    }

    /// What has that word.
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|role| role.name() == name)
    }

    /// Whether it identifies people, and so sees their data.
    pub const fn identifies(self) -> bool {
        matches!(self, Self::Operator | Self::Supervisor)
    }
}

/// A member at work, as of now: who acts, where, with what rights.
#[derive(Clone, Debug)]
pub struct Acting {
    /// Who.
    pub staff: StaffId,
    /// Their name, for their own pages.
    pub name: String,
    /// What they may do.
    pub role: Role,
    /// Where they work.
    pub place: PlaceId,
    /// What that is.
    pub kind: PlaceKind,
    /// Its name.
    pub place_names: PlaceNames,
    /// Whether they were stopped because of unusual volume and nobody released them yet.
    pub held: bool,
    /// When they last used their passkey.
    pub proved_at: Timestamp,
}

impl Acting {
    /// Whether they used their passkey that recently, in seconds.
    pub const fn has_proved_within(&self, seconds: i64, now: Timestamp) -> bool {
        now.since(self.proved_at) < seconds
    }

    /// The name of the place in a language.
    pub fn place_name(&self, language: Language) -> &str {
        self.place_names.in_language(language)
    }
}

/// From how much on a member is stopped for a second pair of eyes.
#[derive(Clone, Copy, Debug)]
pub struct VolumeLimits {
    /// Completed identifications in an hour.
    pub completions: i64,
    /// Applications and persons looked up in an hour beyond those that were completed.
    pub look_ups: i64,
}

/// Places, members, passkeys and the record of actions. Cheap to clone.
#[derive(Clone)]
pub struct Staff {
    db: Db,
    clock: Clock,
    sealer: Arc<Sealer>,
    index: Arc<Mac>,
    rows: Arc<Mac>,
    audit: Audit,
    limits: VolumeLimits,
    link_seconds: i64,
}

impl fmt::Debug for Staff {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Staff")
    }
}

impl Staff {
    /// The stores, with what `settings` say of volume and links.
    pub fn new((db, clock): (Db, Clock), keyring: &Keyring, audit: Audit, settings: &DeskSettings) -> Self {
        Self {
            db,
            clock,
            sealer: Arc::new(keyring.sealer("staff")),
            index: Arc::new(keyring.mac("staff-pinfl")),
            rows: Arc::new(keyring.mac("staff-action")),
            audit,
            limits: VolumeLimits {
                completions: settings.completions_per_hour.into(),
                look_ups: settings.look_ups_per_hour.into(),
            },
            link_seconds: i64::from(settings.link_minutes) * 60,
        }
    }

    /// How a PINFL is found among members and their relatives: never in plain.
    fn pinfl_index(&self, pinfl: &Pinfl) -> Digest {
        self.index.digest(&[pinfl.digits().as_bytes()])
    }

    /// A person as the record of actions names them: a part of a keyed digest, which tells people apart and leads back to nobody.
    pub fn pseudonym(&self, pinfl: &Pinfl) -> String {
        self.rows.digest(&[b"person", pinfl.digits().as_bytes()]).encode()[..16].to_owned()
    }

    fn seal(&self, table: &str, row: &str, plain: &[u8]) -> String {
        self.sealer.seal_text(format!("{table}/sealed/{row}").as_bytes(), plain)
    }

    fn open(&self, table: &str, row: &str, sealed: &str) -> Option<Vec<u8>> {
        self.sealer.open_text(format!("{table}/sealed/{row}").as_bytes(), sealed).ok()
    }
}

#[cfg(test)]
mod tests;
