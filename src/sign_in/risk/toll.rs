//! A toll: the browser finds a number whose hash with the toll's own text begins with so many zero bits, or the person waits as long as the
//! page says. The toll is a sealed text that the page's form holds, bound to one attempt and one number, so nothing is stored for it.

use std::sync::Arc;

use aws_lc_rs::digest::{SHA256, digest};
use serde::{Deserialize, Serialize};

use super::{DEAREST, Level, TollRules};
use crate::platform::bytes;
use crate::platform::clock::Timestamp;
use crate::platform::seal::{Keyring, Sealer};

/// How long after its wait a toll can be paid, in seconds.
const GOOD: i64 = 900;

/// The longest text of a toll and of its work, in bytes.
const LONGEST: usize = 512;

/// The longest text that a toll holds for its form, in bytes.
const LONGEST_HELD: usize = 2048;

/// What is to be paid.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Toll {
    /// The text that the form holds, and the work is done on.
    pub token: String,
    /// Leading zero bits of the SHA-256 of the token, a colon and the work.
    pub bits: u32,
    /// Seconds until it is paid by waiting.
    pub wait: i64,
}

/// What a form paid.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Paid {
    /// A toll of this level; 0 where the form holds none that counts.
    Level(Level),
    /// Not yet: the rest of the wait.
    Early(Toll),
}

#[derive(Serialize, Deserialize)]
struct Sealed {
    level: Level,
    /// When it is paid by waiting.
    from: i64,
    /// Two tolls are never the same work.
    nonce: String,
}

/// Makes tolls and takes them. Cheap to clone.
#[derive(Clone)]
pub struct Tolls {
    rules: TollRules,
    sealer: Arc<Sealer>,
}

impl Tolls {
    /// Tolls by these rules.
    pub fn new(rules: TollRules, keyring: &Keyring) -> Self {
        Self { rules, sealer: Arc::new(keyring.sealer("toll")) }
    }

    /// From when on they are due.
    pub const fn rules(&self) -> &TollRules {
        &self.rules
    }

    /// A toll of a level for whatever `place` names.
    pub fn due(&self, level: Level, place: &[u8], now: Timestamp) -> Toll {
        let level = level.clamp(1, DEAREST);
        let wait = self.rules.wait_of(level);
        let sealed = Sealed { level, from: now.plus(wait).0, nonce: bytes::random_text::<8>() };
        let plain = serde_json::to_vec(&sealed).unwrap_or_default();
        Toll { token: self.sealer.seal_text(place, &plain), bits: self.rules.bits_of(level), wait }
    }

    /// What the form that meets a toll holds of what was typed and no page shows again: sealed, and opened together with that very toll
    /// alone. `None` for what is longer than anything that could be meant.
    pub fn hold(&self, token: &str, typed: &str) -> Option<String> {
        let fits = typed.len() <= LONGEST_HELD;
        fits.then(|| self.sealer.seal_text(&place_of_held(token), typed.as_bytes()))
    }

    /// What a form holds beside the toll of `token`.
    pub fn held(&self, token: &str, held: &str) -> Option<String> {
        if held.is_empty() || held.len() > 2 * LONGEST_HELD || token.len() > LONGEST {
            return None;
        }
        let plain = self.sealer.open_text(&place_of_held(token), held).ok()?;
        String::from_utf8(plain).ok()
    }

    /// What a form paid at `place`, by the toll that it holds and the work that was done.
    pub fn paid(&self, token: &str, work: &str, place: &[u8], now: Timestamp) -> Paid {
        if token.is_empty() || token.len() > LONGEST || work.len() > LONGEST {
            return Paid::Level(0);
        }
        let opened = self.sealer.open_text(place, token).ok();
        let Some(sealed) = opened.and_then(|plain| serde_json::from_slice::<Sealed>(&plain).ok()) else {
            return Paid::Level(0);
        };
        let wait = Timestamp(sealed.from).since(now);
        if wait < -GOOD {
            return Paid::Level(0);
        }
        let bits = self.rules.bits_of(sealed.level);
        if wait <= 0 || (!work.is_empty() && is_done(token, work, bits)) {
            return Paid::Level(sealed.level);
        }
        Paid::Early(Toll { token: token.to_owned(), bits, wait })
    }
}

fn place_of_held(token: &str) -> Vec<u8> {
    [b"held/", token.as_bytes()].concat()
}

/// Whether the work was done.
fn is_done(token: &str, work: &str, bits: u32) -> bool {
    let hash = digest(&SHA256, format!("{token}:{work}").as_bytes());
    let mut zeros = 0;
    for byte in hash.as_ref() {
        zeros += byte.leading_zeros();
        if *byte != 0 {
            break;
        }
    }
    zeros >= bits
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp(1_790_000_000);

    fn tolls() -> Tolls {
        let folder = std::env::temp_dir().join(format!("yagona-toll-{}", bytes::random_text::<8>()));
        let keyring = Keyring::read_or_create(&folder.join("keyring.toml")).unwrap();
        std::fs::remove_dir_all(folder).unwrap();
        Tolls::new(TollRules { address: 10, number: 2, accounts: 30, wait: 15, bits: 8 }, &keyring)
    }

    fn work(toll: &Toll) -> String {
        (0..1_000_000_u64).map(|n| n.to_string()).find(|work| is_done(&toll.token, work, toll.bits)).unwrap()
    }

    #[test]
    fn a_toll_is_paid_by_work_at_once_or_by_waiting_without() {
        let tolls = tolls();
        let toll = tolls.due(1, b"here", NOW);
        assert_eq!((toll.bits, toll.wait), (8, 15));
        let paid = |work: &str, later| tolls.paid(&toll.token, work, b"here", NOW.plus(later));
        assert_eq!(paid(&work(&toll), 0), Paid::Level(1));
        assert_eq!(paid("", 15), Paid::Level(1));
        assert_eq!(
            paid("", 14),
            Paid::Early(Toll { wait: 1, ..toll.clone() }),
            "pressing early restarts nothing"
        );
        let wrong =
            (0..1_000_000_u64).map(|n| n.to_string()).find(|work| !is_done(&toll.token, work, 8)).unwrap();
        assert!(matches!(paid(&wrong, 0), Paid::Early(_)));
        assert_eq!(paid("", 15 + GOOD), Paid::Level(1));
        assert_eq!(paid("", 16 + GOOD), Paid::Level(0), "it is too old");
    }

    #[test]
    fn what_a_toll_holds_is_opened_with_that_toll_alone() {
        let tolls = tolls();
        let (one, other) = (tolls.due(1, b"here", NOW).token, tolls.due(1, b"here", NOW).token);
        let held = tolls.hold(&one, "olma shaftoli gilos").unwrap();
        assert!(!held.contains("olma"));
        assert_eq!(tolls.held(&one, &held).as_deref(), Some("olma shaftoli gilos"));
        for (token, held) in [(other.as_str(), held.as_str()), (&one, ""), (&one, "forged"), (&one, &one)] {
            assert_eq!(tolls.held(token, held), None);
        }
        let longest = "ш".repeat(LONGEST_HELD / 2);
        assert_eq!(tolls.held(&one, &tolls.hold(&one, &longest).unwrap()), Some(longest.clone()));
        assert_eq!(tolls.hold(&one, &(longest + "a")), None);
    }

    #[test]
    fn a_toll_counts_where_it_was_asked_and_a_dear_one_costs_more() {
        let tolls = tolls();
        let dear = tolls.due(2, b"here", NOW);
        assert_eq!((dear.bits, dear.wait), (11, 60));
        assert_eq!(tolls.paid(&dear.token, &work(&dear), b"here", NOW), Paid::Level(2));
        assert_eq!(tolls.paid(&dear.token, &work(&dear), b"there", NOW), Paid::Level(0), "another number");
        for token in ["", "forged", &"x".repeat(LONGEST + 1)] {
            assert_eq!(tolls.paid(token, "1", b"here", NOW), Paid::Level(0));
        }
        assert_ne!(tolls.due(1, b"here", NOW).token, tolls.due(1, b"here", NOW).token);
        let rules = tolls.rules();
        assert_eq!((rules.of_address(1), rules.of_address(2)), (10, 40));
        assert_eq!((rules.of_number(1), rules.of_number(2)), (2, 3));
    }
}
