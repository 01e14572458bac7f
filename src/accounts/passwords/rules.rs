//! What a new password must be: long, and nothing that is guessed first. There are no rules of composition, and none expires
//! (NIST SP 800-63B-4 §3.1.1.2).

use std::collections::BTreeSet;

use unicode_normalization::UnicodeNormalization as _;
use zeroize::Zeroizing;

use super::filter::{self, Filter};
use crate::people::{Account, PersonName};

/// The most characters of a password.
pub const LONGEST: usize = 256;

/// A password that is made of fewer different parts is refused: each common word, run and repetition is one part, and so is each
/// other character.
const LEAST_PARTS: usize = 4;

/// Characters of the longest common word that is looked for.
const LONGEST_WORD: usize = 32;

/// Characters of the shortest thing of one's own that a password may not contain.
const SHORTEST_OWN: usize = 4;

/// Why a new password is refused.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Weak {
    /// It has fewer characters than are asked for.
    TooShort,
    /// It has more than [`LONGEST`].
    TooLong,
    /// It is common, or made of little else than what is.
    Common,
    /// It contains the person's login, PINFL, number or name, or the name of this provider.
    Own,
}

impl Weak {
    /// The word for it in the address of a page.
    pub const fn word(self) -> &'static str {
        match self {
            Self::TooShort => "short",
            Self::TooLong => "long",
            Self::Common => "common",
            Self::Own => "own",
        }
    }

    /// The reason of that word.
    pub fn from_word(word: &str) -> Option<Self> {
        [Self::TooShort, Self::TooLong, Self::Common, Self::Own].into_iter().find(|weak| weak.word() == word)
    }
}

/// A password as somebody typed it, in normalisation form C, so that the same letters are the same whatever keyboard wrote them
/// (NIST SP 800-63B-4 §3.1.1.2). Nothing is cut off or trimmed.
pub struct TypedPassword(Zeroizing<String>);

impl TypedPassword {
    /// Reads what was typed. What is longer than any password is none, and never right.
    pub fn read(typed: &str) -> Self {
        if typed.len() > LONGEST * 8 {
            return Self(Zeroizing::default());
        }
        // Characters are counted as they are compared, as where a password is set.
        let normal: Zeroizing<String> = Zeroizing::new(typed.nfc().collect());
        Self(if normal.chars().count() > LONGEST { Zeroizing::default() } else { normal })
    }

    pub(super) fn bytes(&self) -> &[u8] {
        self.0.as_bytes()
    }
}

/// A password that keeps the rules.
pub struct NewPassword(pub(super) TypedPassword);

/// What a person's password may not contain.
#[derive(Clone, Default)]
pub struct Own(Vec<String>);

impl Own {
    /// Of an account, and its login if one was chosen.
    pub fn of(account: &Account, login: Option<&str>) -> Self {
        let person = &account.person;
        let names = [&person.names.latin, &person.names.cyrillic, &person.names.english];
        let names = names.into_iter().flat_map(|name: &PersonName| [&name.family, &name.given]);
        let mut own: Vec<String> = names.map(|name| folded(name)).collect();
        own.push(person.pinfl.digits().to_owned());
        let numbers = [&account.phone, &account.contact].into_iter().flatten();
        own.extend(numbers.map(|number| number.digits().chars().skip(3).collect()));
        own.extend(login.map(folded));
        own.retain(|own| own.chars().count() >= SHORTEST_OWN);
        Self(own)
    }

    fn is_in(&self, folded: &str) -> bool {
        folded.contains("yagona") || self.0.iter().any(|own| folded.contains(own.as_str()))
    }
}

/// The rules of this installation.
#[derive(Clone, Copy, Debug)]
pub struct Rules {
    /// The fewest characters.
    pub shortest: usize,
}

impl Rules {
    /// Checks a new password.
    ///
    /// # Errors
    /// [`Weak`], the first reason.
    pub fn check(&self, typed: &str, own: &Own) -> Result<NewPassword, Weak> {
        // Characters are counted as they will be compared.
        if typed.len() > LONGEST * 8 {
            return Err(Weak::TooLong);
        }
        let normal: Zeroizing<String> = Zeroizing::new(typed.nfc().collect());
        match normal.chars().count() {
            count if count < self.shortest => return Err(Weak::TooShort),
            count if count > LONGEST => return Err(Weak::TooLong),
            _ => {}
        }
        let plain = Zeroizing::new(folded(&normal));
        if own.is_in(&plain) {
            return Err(Weak::Own);
        }
        match filter::common() {
            Some(common) if parts(&plain, common) >= LEAST_PARTS => Ok(NewPassword(TypedPassword(normal))),
            // Without its words nothing could be checked.
            _ => Err(Weak::Common),
        }
    }
}

/// As it is compared with words: lower case, one kind of apostrophe.
fn folded(text: &str) -> String {
    text.nfc()
        .flat_map(char::to_lowercase)
        .map(|c| if matches!(c, 'ʻ' | 'ʼ' | '‘' | '’') { '\'' } else { c })
        .collect()
}

/// Of how many different parts a password is made, from the left, the longest common word first.
fn parts(plain: &str, common: Filter<'_>) -> usize {
    let letters: Vec<char> = plain.chars().collect();
    let mut seen = BTreeSet::new();
    let mut at = 0;
    while at < letters.len() {
        let rest = &letters[at..];
        let length = word(rest, common).max(run(rest)).max(1);
        seen.insert(rest[..length].iter().collect::<String>());
        at += length;
    }
    seen.len()
}

/// Characters of the longest common word at the beginning.
fn word(letters: &[char], common: Filter<'_>) -> usize {
    let longest = letters.len().min(LONGEST_WORD);
    (3..=longest)
        .rev()
        .find(|length| common.contains(&letters[..*length].iter().collect::<String>()))
        .unwrap_or(0)
}

/// Characters of the run at the beginning: the same again and again, or each the next, as in `aaaa`, `4567` and `dcba`.
fn run(letters: &[char]) -> usize {
    let step = |pair: &[char]| i64::from(u32::from(pair[1])) - i64::from(u32::from(pair[0]));
    let Some(first) = letters.windows(2).next().map(step).filter(|step| step.abs() <= 1) else { return 0 };
    let length = 1 + letters.windows(2).take_while(|pair| step(pair) == first).count();
    if length >= 3 { length } else { 0 }
}

#[cfg(test)]
mod tests {
    use super::*;

    const RULES: Rules = Rules { shortest: 15 };

    fn refused(typed: &str) -> Option<Weak> {
        RULES.check(typed, &Own(vec!["karimov".to_owned(), "901234567".to_owned()])).err()
    }

    #[test]
    fn length_is_what_counts_and_no_character_is_asked_for() {
        assert_eq!(refused("fourteen chars"), Some(Weak::TooShort));
        assert_eq!(refused("olma shaftoli gilos"), None, "small letters and spaces will do");
        assert_eq!(refused("тўққиз қават осмон"), None);
        assert_eq!(refused("83920174650193847"), None, "and so will digits that are no run");
        assert_eq!(refused(&"qz7k".repeat(64)), None, "256 characters");
        assert_eq!(refused(&"qz7k".repeat(65)), Some(Weak::TooLong));
        // One letter and a mark are one character: what is counted is what is compared.
        assert_eq!(refused(&"o\u{308}".repeat(14)), Some(Weak::TooShort));
    }

    #[test]
    fn what_is_guessed_first_is_refused_however_it_is_put_together() {
        for typed in [
            "passwordpassword",
            "Password1234567890",
            "iloveyouiloveyou",
            "qwertyuiop123456",
            "111111111111111111",
            "abcdefghijklmnopqrst",
            "ToshkentToshkent",
            "ўзбекистонўзбекистон",
            "aaaaaaaaaaaaaaab",
        ] {
            assert_eq!(refused(typed), Some(Weak::Common), "{typed}");
        }
    }

    #[test]
    fn what_is_ones_own_is_refused() {
        for typed in ["mening KARIMOVligim bor", "call +998 901234567 now", "Yagona mening eshigim"] {
            assert_eq!(refused(typed), Some(Weak::Own), "{typed}");
        }
    }

    #[test]
    fn the_same_letters_are_the_same_whatever_keyboard_wrote_them() {
        let (composed, apart) = (TypedPassword::read("\u{f6}zbek"), TypedPassword::read("o\u{308}zbek"));
        assert_eq!(composed.bytes(), apart.bytes());
        assert_ne!(TypedPassword::read(" x").bytes(), TypedPassword::read("x").bytes(), "nothing is trimmed");
        assert!(TypedPassword::read(&"x".repeat(257)).bytes().is_empty());
    }
}
