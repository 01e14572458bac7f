//! What forms from one address may cost before anything is read for them.
//!
//! Limits on messages are counted where all nodes see them, which costs reads and statements itself. So each node counts
//! the forms of number and code that it takes from an address and from the network around it in its own memory, and
//! refuses more than any use of the codes that may be sent there needs. A known browser has a count of its own, so that
//! it gets through although a neighbour floods.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use super::known_browsers::KnownPersons;
use super::network::ClientNetwork;
use crate::platform::bytes::Digest;
use crate::platform::clock::Timestamp;

/// Forms for each code that may be sent: the number, the tries at the code, new codes, what was mistyped.
const FORMS_PER_CODE: u64 = 12;

/// Seconds of a window.
const WINDOW: i64 = 300;

/// How many addresses and networks are counted at once; forms from further ones are let through to the other limits.
const MOST: usize = 200_000;

/// Seconds between two looks for counts that are over, when there are so many.
const TIDY: i64 = 10;

/// Where forms may come from, and how many in five minutes.
#[derive(Clone, Copy, Debug)]
pub struct FormCaps {
    /// Codes that may be sent to one address in five minutes.
    pub address: u64,
    /// The same for the network around it.
    pub site: u64,
}

/// Counts of forms at this node. Cheap to clone.
#[derive(Clone)]
pub struct Flood {
    caps: FormCaps,
    most: usize,
    counts: Arc<Mutex<Counts>>,
}

#[derive(Default)]
struct Counts {
    /// The end of a window, and its number of forms.
    windows: HashMap<Digest, (Timestamp, u64)>,
    /// When those that are over are looked for again, if there are too many.
    tidy_at: Option<Timestamp>,
}

impl Flood {
    /// Nothing was counted yet.
    pub fn new(caps: FormCaps) -> Self {
        Self { caps, most: MOST, counts: Arc::default() }
    }

    /// Counts a form; whether it may be looked at.
    pub fn admits(
        &self,
        network: &ClientNetwork,
        browser: Option<(&Digest, &KnownPersons)>,
        now: Timestamp,
    ) -> bool {
        if let Some((browser, known)) = browser
            && !known.is_empty()
        {
            return self.counts_one(*browser, self.caps.address, now);
        }
        let (address, around, wide) = match &network.named {
            None => (self.caps.address, network.site, self.caps.site),
            Some(named) => (named.sends_per_address_5m, Digest::of(named.name.as_bytes()), named.sends_5m),
        };
        // The narrow one first: what is refused there uses up nothing of the wide one.
        self.counts_one(network.address, address, now) && self.counts_one(around, wide, now)
    }

    fn counts_one(&self, key: Digest, codes: u64, now: Timestamp) -> bool {
        let mut counts = self.counts.lock().unwrap_or_else(PoisonError::into_inner);
        if counts.windows.len() >= self.most && !counts.windows.contains_key(&key) {
            // A full count is looked through now and then, not for each form.
            if counts.tidy_at.is_none_or(|at| at <= now || at > now.plus(TIDY)) {
                counts.tidy_at = Some(now.plus(TIDY));
                counts.windows.retain(|_, (ends, _)| *ends > now);
            }
            if counts.windows.len() >= self.most {
                return true;
            }
        }
        let latest = now.plus(WINDOW);
        let (ends, count) = counts.windows.entry(key).or_insert((latest, 0));
        if *ends <= now {
            (*ends, *count) = (latest, 0);
        }
        *ends = latest.min(*ends);
        *count = count.saturating_add(1);
        *count <= codes.saturating_mul(FORMS_PER_CODE)
    }
}

#[cfg(test)]
mod tests {
    use super::super::network::NamedNetworks;
    use super::*;

    const NOW: Timestamp = Timestamp(1_790_000_000);

    fn from(ip: &str) -> ClientNetwork {
        ClientNetwork::of(ip.parse().unwrap(), &NamedNetworks::default(), |text| Digest::of(text.as_bytes()))
    }

    fn admitted(flood: &Flood, network: &ClientNetwork, asked: u64, now: Timestamp) -> u64 {
        (0..asked).map(|_| u64::from(flood.admits(network, None, now))).sum()
    }

    #[test]
    fn an_address_and_the_network_around_it_are_bounded_and_their_windows_end() {
        let flood = Flood::new(FormCaps { address: 2, site: 3 });
        assert_eq!(admitted(&flood, &from("2001:db8:1:1::1"), 100, NOW), 24);
        assert_eq!(admitted(&flood, &from("2001:db8:1:2::1"), 100, NOW), 12, "what is left of the /48");
        assert_eq!(admitted(&flood, &from("2001:db8:2:1::1"), 100, NOW), 24, "another network");
        assert_eq!(admitted(&flood, &from("2001:db8:1:1::1"), 100, NOW.plus(WINDOW - 1)), 0);
        assert_eq!(admitted(&flood, &from("2001:db8:1:1::1"), 100, NOW.plus(WINDOW)), 24);
    }

    #[test]
    fn what_is_counted_is_bounded_and_a_full_count_keeps_nobody_out() {
        let flood = Flood { most: 100, ..Flood::new(FormCaps { address: 1, site: 1_000_000_000 }) };
        for n in 0..200 {
            assert!(flood.admits(&from(&format!("10.0.{n}.1")), None, NOW));
        }
        let counted = || flood.counts.lock().unwrap().windows.len();
        assert_eq!(counted(), 100);
        assert_eq!(admitted(&flood, &from("203.0.113.9"), 100, NOW), 100, "the other limits remain");
        assert_eq!(admitted(&flood, &from("203.0.113.9"), 100, NOW.plus(WINDOW)), 12);
        assert_eq!(counted(), 2, "what is over was forgotten");
    }
}
