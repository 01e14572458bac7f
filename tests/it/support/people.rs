//! Test people, written as the people file that a sandbox may be given.

use std::fmt::Write as _;
use std::sync::atomic::{AtomicUsize, Ordering};

/// Somebody with a phone. Each test takes people whom no other test uses.
pub(crate) struct Person {
    /// Digits, `998…`.
    pub number: String,
    /// 14 digits; unused if the number is unknown.
    pub pinfl: String,
    /// Messages of this phone that a test has seen.
    pub seen: AtomicUsize,
}

impl Person {
    /// The person of a number; includes unknown numbers.
    pub(crate) fn with_number(number: &str) -> Self {
        Self { number: number.to_owned(), pinfl: String::new(), seen: AtomicUsize::new(0) }
    }
}

/// How many of each kind there are.
#[derive(Clone, Copy)]
pub(crate) struct Census {
    /// With Mobile-ID.
    pub enrolled: usize,
    /// Without it, or not any more.
    pub others: usize,
}

/// The state of a person.
#[derive(Clone, Copy, PartialEq)]
pub(crate) enum Kind {
    /// Can sign in.
    Enrolled,
    /// Gets no code.
    Blocked,
    /// Gets no code.
    NotEnrolled,
    /// Not registered.
    Unknown,
    /// Can sign in; their record does not say when they were identified.
    Undated,
}

impl Kind {
    const fn first_number(self) -> u64 {
        match self {
            Self::Enrolled => 998_001_000_000,
            Self::Blocked => 998_002_000_000,
            Self::NotEnrolled => 998_003_000_000,
            Self::Unknown => 998_004_000_000,
            Self::Undated => 998_005_000_000,
        }
    }

    const fn status(self) -> &'static str {
        match self {
            Self::Enrolled | Self::Undated => "enrolled",
            Self::Blocked => "blocked",
            Self::NotEnrolled | Self::Unknown => "not_enrolled",
        }
    }

    const fn first_serial(self) -> usize {
        match self {
            Self::Enrolled => 0,
            Self::Blocked => 100_000,
            Self::NotEnrolled => 200_000,
            Self::Unknown => 300_000,
            Self::Undated => 400_000,
        }
    }
}

/// Hands out people, each once.
pub(crate) struct People {
    census: Census,
    next: [AtomicUsize; 5],
}

impl People {
    /// As many as `census` says.
    pub(crate) fn new(census: Census) -> Self {
        Self { census, next: Default::default() }
    }

    /// The next one of a kind.
    pub(crate) fn next(&self, kind: Kind) -> Person {
        let index = self.next[kind as usize].fetch_add(1, Ordering::Relaxed);
        let most = if kind == Kind::Enrolled { self.census.enrolled } else { self.census.others };
        assert!(index < most || kind == Kind::Unknown, "the census is too small for these tests");
        Person { pinfl: pinfl(kind.first_serial() + index), ..Person::with_number(&number(kind, index)) }
    }

    /// The people file.
    pub(crate) fn file(&self) -> String {
        let mut file = String::new();
        for (kind, count) in [
            (Kind::Enrolled, self.census.enrolled),
            (Kind::Blocked, self.census.others),
            (Kind::NotEnrolled, self.census.others),
            (Kind::Undated, self.census.others),
        ] {
            for index in 0..count {
                write_person(&mut file, kind, index);
            }
        }
        file
    }
}

fn number(kind: Kind, index: usize) -> String {
    (kind.first_number() + index as u64).to_string()
}

/// The last digit is the sum of the others, weighted 7 3 1, mod 10.
fn pinfl(serial: usize) -> String {
    let digits = format!("3010190{serial:06}");
    let sum: u32 =
        digits.bytes().zip([7, 3, 1].into_iter().cycle()).map(|(byte, by)| u32::from(byte - b'0') * by).sum();
    format!("{digits}{}", sum % 10)
}

fn write_person(file: &mut String, kind: Kind, index: usize) {
    let (number, pinfl, status) = (number(kind, index), pinfl(kind.first_serial() + index), kind.status());
    let identified =
        if kind == Kind::Undated { "" } else { "identified_at = \"2024-05-06T12:08:09+05:00\"\n" };
    write!(
        file,
        r#"[[person]]
about = "For tests."
phone = "{number}"
status = "{status}"
pinfl = "{pinfl}"
birth_date = "1990-01-01"
sex = "male"
citizenship = "UZ"
email = "ali@example.com"
tin = "512345678"
photo = "/9j//9k="
{identified}names.latin = {{ family = "VALIYEV", given = "ALI", patronymic = "KARIMOVICH" }}
names.cyrillic = {{ family = "ВАЛИЕВ", given = "АЛИ", patronymic = "КАРИМОВИЧ" }}
names.english = {{ family = "VALIYEV", given = "ALI" }}
[person.document]
kind = "id_card"
number = "AL{index:07}"
issuer = "IIV 26277"
issued_on = "2021-03-15"
expires_on = "2031-03-14"
[person.address]
region = "Toshkent shahri"
district = "Yunusobod tumani"
street = "Amir Temur shoh koʻchasi, 12-uy"
postal_code = "100084"
[person.birth_place]
country = "UZ"
region = "Samarqand viloyati"
[person.employment]
employer = "Misol MCHJ"
employer_tin = "301234567"
position = "Hisobchi"
[person.as_of]
address = "2024-05-20"
employment = "2026-01-09"

"#
    )
    .expect("writing to text");
}
