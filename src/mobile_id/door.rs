//! By which door an application came in: the channels of clause 4 (R9).

use serde::{Deserialize, Serialize};

use crate::clients::ClientId;
use crate::people::PersonId;
use crate::staff::{PlaceId, PlaceKind, StaffId};

/// By which door an application came in.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Door {
    /// At a place, in person, by a member of staff (clauses 9–19).
    Place {
        /// Where.
        place: PlaceId,
        /// Which kind of place it is.
        kind: PlaceKind,
        /// Who filled in the form (R29).
        staff: StaffId,
    },
    /// By the portal's mobile app (clauses 20–28).
    App {
        /// The app, as a client.
        client: ClientId,
    },
    /// By the person's own pages, under the rules of the app.
    Web {
        /// Whose pages.
        person: PersonId,
    },
}

/// Which chapter of the regulation holds: that of places, or that of the app.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Channel {
    /// Chapter 3: in person.
    Place(PlaceKind),
    /// Chapter 4: by the app, or on the web.
    Remote,
}

impl Door {
    /// Which chapter of the regulation holds.
    pub const fn channel(&self) -> Channel {
        match self {
            Self::Place { kind, .. } => Channel::Place(*kind),
            Self::App { .. } | Self::Web { .. } => Channel::Remote,
        }
    }

    /// Its name in the store and in metrics.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Place { .. } => "place",
            Self::App { .. } => "app",
            Self::Web { .. } => "web",
        }
    }

    /// The place, where there is one.
    pub const fn place(&self) -> Option<&PlaceId> {
        match self {
            Self::Place { place, .. } => Some(place),
            Self::App { .. } | Self::Web { .. } => None,
        }
    }
}
