//! A person who seems to be in many places at once. Addresses are not looked up in a table of places: what counts as one place is a
//! provider's network (`ClientNetwork::place`), by its keyed digest.

use crate::people::PersonId;
use crate::platform::bytes::Digest;

/// Seconds in which networks are counted.
const HOUR: i64 = 3600;

/// When it is too many.
#[derive(Clone, Copy, Debug)]
pub struct TravelRules {
    /// Networks in an hour that go before a further proof is asked for.
    pub networks: u64,
}

/// The window of networks of a person's last hour.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct TravelWindow {
    /// What names it.
    pub name: String,
    /// What names the network in it: each counts once.
    pub once: String,
    /// Its length, in seconds.
    pub seconds: i64,
    /// How many networks go before.
    pub cap: u64,
}

impl TravelRules {
    /// The window of a person, and `place` in it.
    pub fn window(&self, person: &PersonId, place: &Digest) -> TravelWindow {
        let person = person.as_str();
        TravelWindow {
            name: format!("travel/{person}"),
            once: format!("travel-place/{person}/{}", place.encode()),
            seconds: HOUR,
            cap: self.networks,
        }
    }
}
