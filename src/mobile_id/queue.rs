//! What upkeep looks at, page by page.

use super::identification::Identification;

/// Applications that wait for billing, or for a time to be over.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Queue {
    /// They wait for a payment, the one whose time ends first first.
    Unpaid,
    /// They were withdrawn while they waited for one: nobody may pay their invoices any more.
    TakingBack,
    /// Nobody went on with them for as long as the settings say.
    Abandoned,
}

impl Queue {
    /// All.
    pub const ALL: [Self; 3] = [Self::Unpaid, Self::TakingBack, Self::Abandoned];

    /// The moment by which they are in order.
    pub(super) fn at(self, application: &Identification) -> i64 {
        match self {
            Self::Unpaid => application.invoice.as_ref().map_or(i64::MAX, |invoice| invoice.until.0),
            Self::TakingBack | Self::Abandoned => application.updated_at.0,
        }
    }
}
