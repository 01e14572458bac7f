//! Word pairs: what a computer shows beside its QR code, and what its person finds again among others on the phone. Whoever is sent a
//! picture of somebody else's code does not see the words, unless they are sent those as well.

use std::collections::BTreeSet;
use std::sync::LazyLock;

use serde::{Deserialize, Serialize};

use crate::platform::bytes;
use crate::platform::web::locale::Language;

/// Words of each list.
const WORDS: usize = 256;

/// How many pairs a phone shows.
pub const CHOICES: usize = 3;

/// The lists, in the order of [`Language::ALL`]: plain words for things, of which none looks much like another.
static LISTS: LazyLock<[Vec<&'static str>; 4]> = LazyLock::new(|| {
    [
        include_str!("../../../locales/words/uz-Latn.txt"),
        include_str!("../../../locales/words/uz-Cyrl.txt"),
        include_str!("../../../locales/words/ru.txt"),
        include_str!("../../../locales/words/en.txt"),
    ]
    .map(|list| list.lines().collect())
});

fn list(language: Language) -> &'static [&'static str] {
    let at = Language::ALL.iter().position(|one| *one == language).unwrap_or_default();
    &LISTS[at]
}

/// Two words, by their places in the lists: 65,536 pairs.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize, Deserialize)]
pub struct WordPair(u8, u8);

impl WordPair {
    /// From the operating system's generator.
    fn random() -> Self {
        let [first, second] = bytes::random();
        Self(first, second)
    }

    /// Both words in a language.
    pub fn written(self, language: Language) -> String {
        let word = |at: u8| list(language).get(usize::from(at) % WORDS).copied().unwrap_or_default();
        format!("{} {}", word(self.0), word(self.1))
    }
}

/// The pairs that a phone shows: one that the computer shows as well, and others that share no word with it or each other.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Choice {
    pairs: [WordPair; CHOICES],
    right: u8,
}

impl Choice {
    /// A new one.
    pub fn random() -> Self {
        loop {
            let pairs: [WordPair; CHOICES] = std::array::from_fn(|_| WordPair::random());
            let words: BTreeSet<u8> = pairs.iter().flat_map(|pair| [pair.0, pair.1]).collect();
            // 255 is a multiple of 3: above it the first place would come more often.
            let [place] = bytes::random::<1>();
            if words.len() == 2 * CHOICES && place < 255 {
                return Self { pairs, right: place % 3 };
            }
        }
    }

    /// What the computer shows.
    pub fn right(&self) -> WordPair {
        self.pairs[usize::from(self.right) % CHOICES]
    }

    /// What the phone shows, in this order.
    pub const fn shown(&self) -> [WordPair; CHOICES] {
        self.pairs
    }

    /// Whether the pair at that place is the one that the computer shows.
    pub fn is_right(&self, place: usize) -> bool {
        place == usize::from(self.right)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_language_has_its_words_and_each_can_be_read_aloud() {
        for language in Language::ALL {
            let words = list(language);
            assert_eq!(words.len(), WORDS, "{language:?}");
            assert_eq!(words.iter().collect::<BTreeSet<_>>().len(), WORDS, "{language:?}: twice");
            let cyrillic = matches!(language, Language::UzCyrl | Language::Ru);
            for word in words {
                let fits = |c: char| match c {
                    'ʻ' => language == Language::UzLatn,
                    'a'..='z' => !cyrillic,
                    'а'..='я' | 'ё' | 'ў' | 'қ' | 'ғ' | 'ҳ' => cyrillic,
                    _ => false,
                };
                assert!((2..=10).contains(&word.chars().count()) && word.chars().all(fits), "{word}");
            }
        }
    }

    #[test]
    fn one_of_three_pairs_is_right_at_every_place_and_none_shares_a_word() {
        let mut places = BTreeSet::new();
        for _ in 0..200 {
            let choice = Choice::random();
            let right: Vec<usize> = (0..CHOICES).filter(|place| choice.is_right(*place)).collect();
            assert_eq!(right.len(), 1);
            assert_eq!(choice.shown()[right[0]], choice.right());
            let words: BTreeSet<u8> = choice.shown().iter().flat_map(|pair| [pair.0, pair.1]).collect();
            assert_eq!(words.len(), 6);
            places.insert(right[0]);
        }
        assert_eq!(places.len(), CHOICES);
        assert_eq!(WordPair(0, 255).written(Language::En), "acorn zebra");
    }
}
