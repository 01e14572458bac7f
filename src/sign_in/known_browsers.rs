//! Known browsers: in which browser a person signed in before, told by the browser itself.
//!
//! At every sign-in the browser gets a sealed cookie that opens only together with the cookie of its identifier. It names
//! the last few persons who signed in there, each by a keyed tag of the person and their epoch: so it costs no round trip,
//! ends with everything else when a person's access is ended, and names nobody to whoever steals a copy of the disk. With each
//! person are the last places where they signed in in that browser, by which a new one is told ([`Newness`]). A browser that its person
//! forgot is told from the list of these (`forgotten.rs`): the tag of before says nothing any more, and a sign-in there makes another one.

use std::sync::Arc;

use super::forgotten::Forgotten;
use crate::people::{Epoch, PersonId, Side};
use crate::platform::bytes::{self, Digest};
use crate::platform::clock::Timestamp;
use crate::platform::seal::{Keyring, Mac, Sealer};
use crate::platform::web::cookies::CookieName;

/// How many persons a browser is known by; of more, the one whose sign-in is longest ago is dropped.
const MOST: usize = 4;

const DAY: i64 = 86_400;
const TAG: usize = 16;

/// How many places a person is known at in a browser; of more, the one that is longest ago is dropped.
const MOST_PLACES: usize = 4;

/// A place: the beginning of its digest.
const PLACE: usize = 3;
type Place = [u8; PLACE];

const ENTRY: usize = TAG + 4 + MOST_PLACES * PLACE;

/// The first byte of what has places. Before, there were entries without, one after the other: none of those lists is as long as
/// one with this byte.
const WITH_PLACES: u8 = 2;
const ENTRY_WITHOUT: usize = TAG + 4;

/// How new it is that a person signs in in a browser, at a place.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Newness {
    /// They never did in this browser, or not under their present epoch.
    Browser,
    /// They did, but at none of the last places there.
    Place,
    /// They did, there.
    Nothing,
}

/// A person who signed in in a browser.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
struct Entry {
    tag: [u8; TAG],
    /// The day of the last sign-in, counted from 1970.
    day: u32,
    /// Where, the latest first; zeros where there is none.
    places: [Place; MOST_PLACES],
}

impl Entry {
    fn read(raw: &[u8]) -> Option<Self> {
        let (tag, rest) = raw.split_first_chunk::<TAG>()?;
        let (day, rest) = rest.split_first_chunk::<4>()?;
        let mut places = [[0; PLACE]; MOST_PLACES];
        for (place, raw) in places.iter_mut().zip(rest.chunks_exact(PLACE)) {
            place.copy_from_slice(raw);
        }
        Some(Self { tag: *tag, day: u32::from_be_bytes(*day), places })
    }

    fn write(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(&self.tag);
        out.extend_from_slice(&self.day.to_be_bytes());
        out.extend(self.places.iter().flatten());
    }

    /// Its places after a sign-in at `place`.
    fn places_with(&self, place: Place) -> [Place; MOST_PLACES] {
        let mut places = [[0; PLACE]; MOST_PLACES];
        let others = self.places.into_iter().filter(|other| *other != place && *other != [0; PLACE]);
        for (slot, place) in places.iter_mut().zip(std::iter::once(place).chain(others)) {
            *slot = place;
        }
        places
    }
}

/// Zeros stand for none.
fn place_of(digest: &Digest) -> Place {
    let mut place = [0; PLACE];
    place.copy_from_slice(&digest.0[..PLACE]);
    if place == [0; PLACE] { [1; PLACE] } else { place }
}

/// Who signed in in one browser, the latest first.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct KnownPersons {
    entries: Vec<Entry>,
    /// The browser; none where it has no identifier yet.
    browser: Option<Digest>,
}

impl KnownPersons {
    /// Whether nobody did.
    pub const fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }
}

/// Reads and writes the cookie. Cheap to clone.
#[derive(Clone)]
pub struct KnownBrowsers {
    sealer: Arc<Sealer>,
    tags: Arc<Mac>,
    forgotten: Forgotten,
}

impl KnownBrowsers {
    /// The cookie.
    pub const COOKIE: CookieName = CookieName::new("__Host-yagona-known");

    /// How long a browser stays known after a sign-in, in seconds.
    pub const SECONDS: i64 = 180 * DAY;

    /// With keys of their own purpose, but for those that were forgotten.
    pub fn new(keyring: &Keyring, forgotten: Forgotten) -> Self {
        let purpose = "known-browser";
        Self { sealer: Arc::new(keyring.sealer(purpose)), tags: Arc::new(keyring.mac(purpose)), forgotten }
    }

    /// What a browser of a person is listed and forgotten by: a keyed digest, which names neither and is another one for each person.
    pub fn name(&self, person: &PersonId, browser: &Digest) -> Digest {
        self.tags.digest(&[b"browser", person.as_str().as_bytes(), &browser.0])
    }

    /// Who signed in in the browser of that digest, by its cookie; nobody when it is missing, another browser's, or not
    /// made by this provider.
    pub fn read(&self, cookie: Option<&str>, browser: &Digest, now: Timestamp) -> KnownPersons {
        let longest = 4 * (64 + 1 + MOST * ENTRY) / 3;
        let cookie = cookie.filter(|cookie| cookie.len() <= longest);
        let plain =
            cookie.and_then(|cookie| self.sealer.open_text(&browser.0, cookie).ok()).unwrap_or_default();
        let (entries, length) = match plain.split_first() {
            Some((&WITH_PLACES, rest)) if rest.len() % ENTRY == 0 => (rest, ENTRY),
            _ => (plain.as_slice(), ENTRY_WITHOUT),
        };
        let entries = entries.chunks_exact(length).filter_map(Entry::read);
        let oldest = day(now.plus(-Self::SECONDS));
        let entries = entries.filter(|entry| entry.day > oldest).take(MOST).collect();
        KnownPersons { entries, browser: Some(*browser) }
    }

    /// From which side a person's account is approached by a browser where `known` signed in. The same work is done for a
    /// decoy.
    pub fn side(&self, known: &KnownPersons, person: &PersonId, epoch: Epoch) -> Side {
        let tag = self.tag(person, epoch, known.browser.as_ref());
        // All are compared, so that the time does not tell which one it is.
        let found = known.entries.iter().fold(false, |found, entry| found | bytes::same(&entry.tag, &tag));
        if found { Side::Known } else { Side::Stranger }
    }

    /// How new it is that a person signs in at `place` in a browser where `known` signed in. Of a browser that is known from a time
    /// when no places were kept, none is new.
    pub fn newness(
        &self,
        known: &KnownPersons,
        (person, epoch): (&PersonId, Epoch),
        place: &Digest,
    ) -> Newness {
        let tag = self.tag(person, epoch, known.browser.as_ref());
        let Some(entry) = known.entries.iter().find(|entry| entry.tag == tag) else {
            return Newness::Browser;
        };
        let kept = entry.places.iter().any(|place| *place != [0; PLACE]);
        if kept && !entry.places.contains(&place_of(place)) { Newness::Place } else { Newness::Nothing }
    }

    /// The cookie of a browser in which a person has just signed in, at `place`.
    pub fn remember(
        &self,
        known: &KnownPersons,
        (person, epoch): (&PersonId, Epoch),
        (browser, place): (&Digest, &Digest),
        now: Timestamp,
    ) -> String {
        let tag = self.tag(person, epoch, Some(browser));
        let former = known.entries.iter().find(|entry| entry.tag == tag);
        let mut own =
            Entry { tag, day: day(now), places: former.map_or_else(Default::default, |own| own.places) };
        own.places = own.places_with(place_of(place));
        let others = known.entries.iter().filter(|entry| entry.tag != tag);
        let mut plain = Vec::with_capacity(1 + MOST * ENTRY);
        plain.push(WITH_PLACES);
        for entry in std::iter::once(&own).chain(others).take(MOST) {
            entry.write(&mut plain);
        }
        self.sealer.seal_text(&browser.0, &plain)
    }

    fn tag(&self, person: &PersonId, epoch: Epoch, browser: Option<&Digest>) -> [u8; TAG] {
        let forgotten = browser.and_then(|browser| self.forgotten.since(&self.name(person, browser)));
        let (person, epoch) = (person.as_str().as_bytes(), epoch.0.to_be_bytes());
        let digest = match forgotten {
            None => self.tags.digest(&[person, &epoch]),
            Some(at) => self.tags.digest(&[person, &epoch, &at.to_be_bytes()]),
        };
        let mut tag = [0; TAG];
        tag.copy_from_slice(&digest.0[..TAG]);
        tag
    }
}

fn day(at: Timestamp) -> u32 {
    u32::try_from(at.0.div_euclid(DAY)).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp(1_790_000_000);

    fn browsers() -> KnownBrowsers {
        let folder = std::env::temp_dir().join(format!("yagona-known-{}", bytes::random_text::<8>()));
        let keyring = Keyring::read_or_create(&folder.join("keyring.toml")).unwrap();
        std::fs::remove_dir_all(folder).unwrap();
        KnownBrowsers::new(&keyring, Forgotten::default())
    }

    #[test]
    fn a_browser_is_known_by_those_who_signed_in_there_until_their_access_ends_or_half_a_year_passes() {
        let (browsers, another_keyring) = (browsers(), browsers());
        let (browser, other) = (Digest::of(b"browser"), Digest::of(b"other"));
        let (one, two) = (PersonId::random(), PersonId::random());
        let (former, now) = (Epoch(3), Epoch(4));
        let nobody = KnownPersons::default();
        let cookie = browsers.remember(&nobody, (&one, former), (&browser, &PLACE_ONE), NOW);
        let known = browsers.read(Some(&cookie), &browser, NOW);
        assert_eq!(browsers.side(&known, &one, former), Side::Known);
        assert_eq!(browsers.side(&known, &one, now), Side::Stranger, "their access was ended");
        assert_eq!(browsers.side(&known, &two, former), Side::Stranger);
        assert!(browsers.read(Some(&cookie), &other, NOW).is_empty(), "a copy in another browser");
        assert!(browsers.read(None, &browser, NOW).is_empty());
        assert!(browsers.read(Some("forged"), &browser, NOW).is_empty());
        assert!(!browsers.read(Some(&cookie), &browser, NOW.plus(KnownBrowsers::SECONDS - DAY)).is_empty());
        assert!(browsers.read(Some(&cookie), &browser, NOW.plus(KnownBrowsers::SECONDS)).is_empty());
        assert!(another_keyring.read(Some(&cookie), &browser, NOW).is_empty());
    }

    const PLACE_ONE: Digest = Digest([7; 32]);

    #[test]
    fn a_place_is_new_in_a_known_browser_until_one_signed_in_there() {
        let (browsers, browser, person) = (browsers(), Digest::of(b"browser"), PersonId::random());
        let who = (&person, Epoch(0));
        let place = |n: u8| Digest([n; 32]);
        let mut known = KnownPersons::default();
        assert_eq!(browsers.newness(&known, who, &place(1)), Newness::Browser);
        for n in 1..=5 {
            let cookie = browsers.remember(&known, who, (&browser, &place(n)), NOW);
            known = browsers.read(Some(&cookie), &browser, NOW);
            assert_eq!(browsers.newness(&known, who, &place(n)), Newness::Nothing);
            assert_eq!(browsers.newness(&known, who, &place(n + 1)), Newness::Place);
        }
        assert_eq!(browsers.newness(&known, who, &place(2)), Newness::Nothing);
        assert_eq!(browsers.newness(&known, who, &place(1)), Newness::Place, "it is longest ago");
        assert_eq!(browsers.newness(&known, (&person, Epoch(1)), &place(5)), Newness::Browser);
        assert_eq!(browsers.newness(&known, (&PersonId::random(), Epoch(0)), &place(5)), Newness::Browser);
        let zeros = browsers.remember(&known, who, (&browser, &place(0)), NOW);
        let known = browsers.read(Some(&zeros), &browser, NOW);
        assert_eq!(browsers.newness(&known, who, &place(0)), Newness::Nothing);
    }

    #[test]
    fn a_browser_that_is_known_from_before_places_were_kept_stays_known() {
        let (browsers, browser) = (browsers(), Digest::of(b"browser"));
        let people: Vec<PersonId> = (0..MOST).map(|_| PersonId::random()).collect();
        let mut plain = Vec::new();
        for person in &people {
            plain.extend_from_slice(&browsers.tag(person, Epoch(3), Some(&browser)));
            plain.extend_from_slice(&day(NOW).to_be_bytes());
            let cookie = browsers.sealer.seal_text(&browser.0, &plain);
            let known = browsers.read(Some(&cookie), &browser, NOW);
            assert_eq!(browsers.side(&known, person, Epoch(3)), Side::Known);
            assert_eq!(browsers.newness(&known, (person, Epoch(3)), &PLACE_ONE), Newness::Nothing);
        }
    }

    #[test]
    fn a_browser_that_its_person_forgot_is_new_once_and_for_nobody_else() {
        let (browsers, browser, other) = (browsers(), Digest::of(b"browser"), Digest::of(b"other"));
        let (one, two) = (PersonId::random(), PersonId::random());
        let signs_in = |known: &KnownPersons, person: &PersonId, browser: &Digest| {
            let cookie = browsers.remember(known, (person, Epoch(0)), (browser, &PLACE_ONE), NOW);
            browsers.read(Some(&cookie), browser, NOW)
        };
        let known = signs_in(&KnownPersons::default(), &one, &browser);
        let known = signs_in(&known, &two, &browser);
        let elsewhere = signs_in(&KnownPersons::default(), &one, &other);
        assert_ne!(browsers.name(&one, &browser), browsers.name(&two, &browser));
        browsers.forgotten.note(browsers.name(&one, &browser), 5_000);
        assert_eq!(browsers.side(&known, &one, Epoch(0)), Side::Stranger);
        assert_eq!(browsers.newness(&known, (&one, Epoch(0)), &PLACE_ONE), Newness::Browser);
        assert_eq!(browsers.side(&known, &two, Epoch(0)), Side::Known);
        assert_eq!(browsers.side(&elsewhere, &one, Epoch(0)), Side::Known);
        // Whoever signs in there again is known there again.
        let known = signs_in(&known, &one, &browser);
        assert_eq!(browsers.side(&known, &one, Epoch(0)), Side::Known);
        assert_eq!(browsers.side(&known, &two, Epoch(0)), Side::Known);
        browsers.forgotten.note(browsers.name(&one, &browser), 6_000);
        assert_eq!(browsers.side(&known, &one, Epoch(0)), Side::Stranger);
    }

    #[test]
    fn of_many_persons_the_one_who_signed_in_longest_ago_is_dropped() {
        let browsers = browsers();
        let browser = Digest::of(b"browser");
        let people: Vec<PersonId> = (0..=MOST).map(|_| PersonId::random()).collect();
        let mut known = KnownPersons::default();
        let mut signs_in = |person: &PersonId| {
            let cookie = browsers.remember(&known, (person, Epoch(0)), (&browser, &PLACE_ONE), NOW);
            assert!(cookie.len() < 220, "{}", cookie.len());
            known = browsers.read(Some(&cookie), &browser, NOW);
            known.clone()
        };
        for person in &people[..MOST] {
            signs_in(person);
        }
        signs_in(&people[0]);
        let known = signs_in(&people[MOST]);
        let sides: Vec<Side> = people.iter().map(|person| browsers.side(&known, person, Epoch(0))).collect();
        assert_eq!(sides[0], Side::Known, "who came back is not the oldest");
        assert_eq!(sides[1], Side::Stranger);
        assert!(sides[2..].iter().all(|side| *side == Side::Known));
    }
}
