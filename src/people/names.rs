//! People's names: stored as the registries write them in each script, shown in normal case, compared by a
//! folded key. A transliteration is used for comparison only, never stored as a name.

use serde::{Deserialize, Serialize};

/// The apostrophe of oʻ and gʻ.
const TURNED: char = '\u{02BB}';
/// The tutuq belgisi.
const TUTUQ: char = '\u{02BC}';

/// A name in one script, as its registry writes it (often in upper case). Never log it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "WrittenName")]
pub struct PersonName {
    /// The family name.
    pub family: String,
    /// The given name.
    pub given: String,
    /// Absent for many people; registries then write nothing, dashes or `XXX`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub patronymic: Option<String>,
}

/// A person's name in the three forms of the registries. None can be derived from another.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PersonNames {
    /// In the Latin script of Uzbek.
    pub latin: PersonName,
    /// In the Cyrillic script.
    pub cyrillic: PersonName,
    /// As in the machine-readable zone of travel documents; without patronymic.
    pub english: PersonName,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct WrittenName {
    family: String,
    given: String,
    #[serde(default)]
    patronymic: Option<String>,
}

impl From<WrittenName> for PersonName {
    fn from(written: WrittenName) -> Self {
        Self::from_registry(&written.family, &written.given, written.patronymic.as_deref())
    }
}

impl PersonName {
    /// A name from a registry: white space normalised, placeholders for "no patronymic" removed.
    pub fn from_registry(family: &str, given: &str, patronymic: Option<&str>) -> Self {
        let patronymic = patronymic.map(single_spaced).filter(|text| !is_placeholder(text));
        Self { family: single_spaced(family), given: single_spaced(given), patronymic }
    }

    /// The same name in normal case: `KARIMOV ANVAR O'G'LI` becomes `Karimov Anvar oʻgʻli`. A part that is
    /// already in mixed case is unchanged, except for apostrophes.
    pub fn for_pages(&self) -> Self {
        Self {
            family: ordinary_case(&self.family),
            given: ordinary_case(&self.given),
            patronymic: self.patronymic.as_deref().map(ordinary_case),
        }
    }

    /// Family name, given name, patronymic: the order of the country's documents. As written; see
    /// [`PersonName::for_pages`].
    pub fn full(&self) -> String {
        let parts = [Some(self.family.as_str()), Some(self.given.as_str()), self.patronymic.as_deref()];
        let parts: Vec<&str> = parts.into_iter().flatten().filter(|part| !part.is_empty()).collect();
        parts.join(" ")
    }

    /// The key for comparing spellings, see [`comparison_key`].
    pub fn key(&self) -> String {
        comparison_key(&self.full())
    }
}

/// Every apostrophe that is used for oʻ, gʻ or the tutuq belgisi, in registries and on keyboards.
pub fn is_apostrophe(c: char) -> bool {
    matches!(c, '\'' | '`' | '´' | '\u{02B9}'..='\u{02BD}' | '\u{02C8}' | '\u{2018}'..='\u{201B}' | '\u{2032}' | '\u{FF07}')
}

/// Apostrophes for SMS: the ASCII one, the only one in a phone network's seven-bit alphabet.
pub fn ascii_apostrophes(text: &str) -> String {
    text.chars().map(|c| if is_apostrophe(c) { '\'' } else { c }).collect()
}

/// Apostrophes for pages: U+02BB after o and g, U+02BC elsewhere.
pub fn page_apostrophes(text: &str) -> String {
    let mut before = ' ';
    text.chars()
        .map(|c| {
            let written = match (is_apostrophe(c), before) {
                (true, 'o' | 'O' | 'g' | 'G') => TURNED,
                (true, _) => TUTUQ,
                (false, _) => c,
            };
            before = c;
            written
        })
        .collect()
}

/// A key for comparing names: the same for all cases, apostrophes (or none), the reform alphabet's letters,
/// accents, hyphens, and Cyrillic or Latin writing. Coarser than identity, so a match proves nothing by itself.
pub fn comparison_key(text: &str) -> String {
    let mut latin = String::with_capacity(text.len());
    for c in text.chars().flat_map(char::to_lowercase) {
        fold_letter(c, &mut latin);
    }
    // Cyrillic е is both "ye" and "e", ц both "ts" and "s": the scripts only match without the difference.
    single_spaced(&latin.replace("ye", "e").replace("ts", "s"))
}

/// Appends the folded form of a lower-case letter.
fn fold_letter(c: char, key: &mut String) {
    let folded = match c {
        'ş' | 'ш' | 'щ' => "sh",
        'ç' | 'ч' => "ch",
        'á' | 'à' | 'â' | 'ä' | 'ă' | 'ә' | 'а' => "a",
        'б' => "b",
        'в' => "v",
        'ğ' | 'ǵ' | 'ғ' | 'г' => "g",
        'д' => "d",
        'é' | 'è' | 'ê' | 'ë' | 'е' | 'э' => "e",
        'ё' => "yo",
        'ж' => "j",
        'з' => "z",
        'ı' | 'í' | 'î' | 'ï' | 'и' | 'ы' | 'і' => "i",
        'й' => "y",
        'қ' => "q",
        'к' => "k",
        'л' => "l",
        'м' => "m",
        'ń' | 'ñ' | 'н' => "n",
        'ң' => "ng",
        'ö' | 'ó' | 'ô' | 'ў' | 'о' | 'ө' => "o",
        'п' => "p",
        'р' => "r",
        'с' | 'ц' => "s",
        'т' => "t",
        'ú' | 'ü' | 'û' | 'у' | 'ү' | 'ұ' => "u",
        'ф' => "f",
        'х' => "x",
        'ҳ' => "h",
        'ю' => "yu",
        'я' => "ya",
        'ъ' | 'ь' | '\u{0300}'..='\u{036F}' => "",
        _ if is_apostrophe(c) => "",
        _ if c == '-' || c.is_whitespace() => " ",
        _ => return key.push(c),
    };
    key.push_str(folded);
}

fn single_spaced(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// Placeholders of registries for no patronymic.
fn is_placeholder(text: &str) -> bool {
    text.chars().all(|c| matches!(c, 'x' | 'X' | 'х' | 'Х' | '-' | '—' | '.' | '*'))
}

fn ordinary_case(text: &str) -> String {
    let one_case = !text.chars().any(char::is_lowercase) || !text.chars().any(char::is_uppercase);
    let text = if one_case {
        let words: Vec<String> = text.split(' ').map(ordinary_word).collect();
        words.join(" ")
    } else {
        text.to_owned()
    };
    if text.chars().any(|c| ('\u{0400}'..='\u{052F}').contains(&c)) { text } else { page_apostrophes(&text) }
}

/// Upper case at the beginning and after a hyphen; "son of" and "daughter of" stay lower-case.
fn ordinary_word(word: &str) -> String {
    let small = word.to_lowercase();
    let key: String = small.chars().filter(|c| !is_apostrophe(*c)).collect();
    if matches!(
        key.as_str(),
        "ogli" | "ugli" | "qizi" | "kizi" | "uli" | "ўғли" | "қизи" | "угли" | "кизи" | "улы" | "қызы"
    ) {
        return small;
    }
    let mut written = String::with_capacity(word.len());
    let mut capital = true;
    for c in small.chars() {
        if capital {
            written.extend(c.to_uppercase());
        } else {
            written.push(c);
        }
        capital = c == '-';
    }
    written
}

#[cfg(test)]
mod tests {
    use super::*;

    fn on_page(family: &str, given: &str, patronymic: Option<&str>) -> String {
        PersonName::from_registry(family, given, patronymic).for_pages().full()
    }

    #[test]
    fn registry_capitals_become_ordinary_writing() {
        assert_eq!(on_page("KARIMOV", "AZIZ", Some("ANVAR O'G'LI")), "Karimov Aziz Anvar oʻgʻli");
        assert_eq!(
            on_page("O`RINBOYEVA", "MO‘TABAR", Some("IS'HOQ QIZI")),
            "Oʻrinboyeva Moʻtabar Isʼhoq qizi"
        );
        assert_eq!(on_page("ABDURAHMONOVA-G‘ULOMOVA", "OY", None), "Abdurahmonova-Gʻulomova Oy");
        assert_eq!(on_page("КАРИМОВ", "ЎКТАМ", Some("АНВАР ЎҒЛИ")), "Каримов Ўктам Анвар ўғли");
        assert_eq!(on_page("IVANOV", "PYOTR", Some("ILYICH")), "Ivanov Pyotr Ilyich");
    }

    #[test]
    fn a_name_already_in_both_cases_keeps_them() {
        assert_eq!(
            on_page("Dáwletmuratov", "Ǵayrat", Some("Ámetjan ulı")),
            "Dáwletmuratov Ǵayrat Ámetjan ulı"
        );
        assert_eq!(on_page("McDonald", "Anne-Marie", None), "McDonald Anne-Marie");
    }

    #[test]
    fn placeholders_and_blanks_mean_no_patronymic() {
        for nothing in ["", "  ", "XXX", "ХХХ", "-", "—", "***"] {
            assert_eq!(
                PersonName::from_registry("KIM", "ANNA", Some(nothing)).patronymic,
                None,
                "{nothing:?}"
            );
        }
        assert_eq!(on_page(" KIM ", "ANNA\u{00A0} VERA", Some("XXX")), "Kim Anna Vera");
    }

    #[test]
    fn all_apostrophes_become_the_one_that_messages_can_carry() {
        assert_eq!(
            ascii_apostrophes("Oʻgʻli Isʼhoq oʼ o‘ o’ o` o´ oʹ o′"),
            "O'g'li Is'hoq o' o' o' o' o' o' o'"
        );
    }

    #[test]
    fn spellings_of_one_name_have_one_key() {
        for spelling in
            ["O'G'LONOVA SHAHLO", "Oʻgʻlonova Şahlo", "oglonova shahlo", "Öğlonova Shahlo", "ЎҒЛОНОВА ШАҲЛО"]
        {
            assert_eq!(comparison_key(spelling), "oglonova shahlo", "{spelling}");
        }
        assert_eq!(comparison_key("ISʼHOQOV"), comparison_key("ИСЪҲОҚОВ"));
        assert_eq!(comparison_key("YELENA TSOY"), comparison_key("ЕЛЕНА ЦОЙ"));
        assert_eq!(comparison_key("Dáwletmuratov-Ámet"), comparison_key("DAWLETMURATOV AMET"));
        assert_eq!(comparison_key("İSMAİL"), "ismail");
        assert_ne!(comparison_key("KARIMOV"), comparison_key("KARIMOVA"));
        assert_ne!(comparison_key("HASAN"), comparison_key("XASAN"));
    }
}
