//! What was agreed, and whether it still covers what is asked.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use super::DataSet;
use crate::clients::{Basis, Client, DataRequest};
use crate::platform::clock::Timestamp;

/// How far a consent goes.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Extent {
    /// Sets that may be released.
    pub released: BTreeSet<DataSet>,
    /// Sets that were asked for and withheld: they are not asked for again.
    pub withheld: BTreeSet<DataSet>,
    /// Whether use in absence was agreed to.
    pub offline: bool,
}

impl Extent {
    /// What agreeing to `request` with only the `ticked` optional sets means.
    pub fn agreed(request: &DataRequest, ticked: &BTreeSet<DataSet>) -> Self {
        let chosen: BTreeSet<DataSet> = request.optional.intersection(ticked).copied().collect();
        Self {
            withheld: request.optional.difference(&chosen).copied().collect(),
            released: request.required.union(&chosen).copied().collect(),
            offline: request.offline,
        }
    }

    fn covers(&self, request: &DataRequest) -> bool {
        let answered: BTreeSet<DataSet> = self.released.union(&self.withheld).copied().collect();
        request.required.is_subset(&self.released)
            && request.optional.is_subset(&answered)
            && (self.offline || !request.offline)
    }
}

/// A consent on record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Consent {
    /// Its identifier.
    pub id: String,
    /// How far it goes.
    pub extent: Extent,
    /// When it ends.
    pub expires_at: Timestamp,
}

/// What is to be done before data may go.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Decision {
    /// A consent on record covers the request.
    Covered(Consent),
    /// A law covers it: it is recorded, not asked (D-i).
    Statutory(Extent),
    /// The person must be asked.
    Ask,
    /// Nothing personal is asked for.
    Nothing,
}

/// Holds a request against what is on record. With `ask_again` a consent on record is not enough; a law that lets the
/// client have the data leaves nothing to ask.
pub fn decide(
    client: &Client,
    request: &DataRequest,
    on_record: Option<&Consent>,
    ask_again: bool,
    now: Timestamp,
) -> Decision {
    match on_record {
        _ if ask_again && client.basis == Basis::Consent => Decision::Ask,
        _ if request.is_empty() => Decision::Nothing,
        Some(consent) if consent.expires_at > now && consent.extent.covers(request) => {
            Decision::Covered(consent.clone())
        }
        _ if client.basis == Basis::Statutory => {
            Decision::Statutory(Extent::agreed(request, &request.optional))
        }
        _ => Decision::Ask,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sets(sets: &[DataSet]) -> BTreeSet<DataSet> {
        sets.iter().copied().collect()
    }

    fn request(required: &[DataSet], optional: &[DataSet], offline: bool) -> DataRequest {
        DataRequest { required: sets(required), optional: sets(optional), offline }
    }

    #[test]
    fn a_consent_covers_the_same_or_less_and_nothing_more() {
        let asked = request(&[DataSet::Name], &[DataSet::Phone, DataSet::Address], false);
        let extent = Extent::agreed(&asked, &sets(&[DataSet::Phone]));
        assert_eq!(extent.released, sets(&[DataSet::Name, DataSet::Phone]));
        assert!(extent.covers(&asked), "what was withheld is not asked again");
        assert!(extent.covers(&request(&[], &[DataSet::Phone], false)));
        assert!(!extent.covers(&request(&[DataSet::Name, DataSet::Pinfl], &[], false)), "it grew");
        assert!(!extent.covers(&request(&[DataSet::Address], &[], false)), "withheld, and now required");
        assert!(!extent.covers(&request(&[DataSet::Name], &[], true)), "absence was not agreed to");
    }

    #[test]
    fn ticking_what_was_not_asked_for_releases_nothing() {
        let asked = request(&[DataSet::Name], &[], false);
        let extent = Extent::agreed(&asked, &sets(&[DataSet::Pinfl]));
        assert_eq!(extent.released, sets(&[DataSet::Name]));
    }
}
