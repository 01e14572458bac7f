//! The four languages of the pages, and language negotiation.

use std::str::FromStr;

use actix_web::http::header::{Quality, QualityItem};
use serde::{Deserialize, Serialize};

use super::cookies::CookieName;

/// A language of the pages.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Language {
    /// Uzbek in the Latin script.
    UzLatn,
    /// Uzbek in the Cyrillic script.
    UzCyrl,
    /// Russian.
    Ru,
    /// English.
    En,
}

impl Language {
    /// The cookie that holds the language which a person chose.
    pub const COOKIE: CookieName = CookieName::new("__Host-yagona-language");

    /// How long that cookie is kept, in seconds.
    pub const SECONDS: i64 = 365 * 86_400;

    /// Every language, in the order in which pages offer them.
    pub const ALL: [Language; 4] = [Language::UzLatn, Language::UzCyrl, Language::Ru, Language::En];

    /// The BCP 47 tag, for `lang` attributes, `ui_locales_supported` and the cookie.
    pub fn tag(self) -> &'static str {
        match self {
            Language::UzLatn => "uz-Latn",
            Language::UzCyrl => "uz-Cyrl",
            Language::Ru => "ru",
            Language::En => "en",
        }
    }

    /// The language's name in itself, as readers look for it.
    pub fn own_name(self) -> &'static str {
        match self {
            Language::UzLatn => "Oʻzbekcha",
            Language::UzCyrl => "Ўзбекча",
            Language::Ru => "Русский",
            Language::En => "English",
        }
    }

    /// The beginning of that name, which finds room beside three others; the whole name begins with it.
    pub fn short_name(self) -> &'static str {
        match self {
            Language::UzLatn => "Oʻz",
            Language::UzCyrl => "Ўз",
            Language::Ru => "Ру",
            Language::En => "En",
        }
    }

    /// The language that a link on a page chose: the parameter `lang` of a query.
    pub fn chosen(query: &str) -> Option<Language> {
        query.split('&').rev().find_map(|pair| pair.strip_prefix("lang=")).and_then(Language::parse)
    }

    /// Parses a BCP 47 tag leniently (`uz`, `uz_cyrl`, `ru-RU`, `uz-Latn-UZ`).
    /// `None` for an unsupported language.
    pub fn parse(tag: &str) -> Option<Language> {
        let mut subtags = tag.trim().split(['-', '_']);
        let primary = subtags.next()?;
        let is = |names: [&str; 2]| names.iter().any(|name| primary.eq_ignore_ascii_case(name));
        if is(["uz", "uzb"]) {
            let cyrillic = subtags.any(|subtag| subtag.eq_ignore_ascii_case("cyrl"));
            Some(if cyrillic { Language::UzCyrl } else { Language::UzLatn })
        } else if is(["ru", "rus"]) {
            Some(Language::Ru)
        } else if is(["en", "eng"]) {
            Some(Language::En)
        } else {
            None
        }
    }
}

/// A language range, as far as [`Language::parse`] understands it.
impl FromStr for Language {
    type Err = UnknownLanguage;

    fn from_str(tag: &str) -> Result<Self, Self::Err> {
        Self::parse(tag).ok_or(UnknownLanguage)
    }
}

/// The tag of an unsupported language.
#[derive(Debug, thiserror::Error)]
#[error("not a language of the pages")]
pub struct UnknownLanguage;

/// Negotiates the language of a page: what the client requested (`ui_locales`, OpenID Connect Core 3.1.2.1:
/// tags separated by spaces, in order of preference), else what the reader chose before (`cookie`), else
/// what the browser prefers (`Accept-Language`, RFC 9110 section 12.5.4), else Uzbek in Latin script.
pub fn negotiate(ui_locales: Option<&str>, cookie: Option<&str>, accept_language: Option<&str>) -> Language {
    ui_locales
        .and_then(|tags| tags.split_whitespace().find_map(Language::parse))
        .or_else(|| cookie.and_then(Language::parse))
        .or_else(|| accept_language.and_then(preferred))
        .unwrap_or(Language::UzLatn)
}

/// The best-weighted language of an `Accept-Language` value that is supported; the first of equals.
fn preferred(accept_language: &str) -> Option<Language> {
    let ranges = accept_language.split(',');
    let spoken = ranges.filter_map(|range| range.trim().parse::<QualityItem<Language>>().ok());
    let wanted = spoken.filter(|range| range.quality > Quality::ZERO);
    wanted.reduce(|best, range| if range > best { range } else { best }).map(|best| best.item)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tags_are_read_as_programs_write_them() {
        for (tag, language) in [
            ("uz", Language::UzLatn),
            ("uz-UZ", Language::UzLatn),
            ("uz-Latn-UZ", Language::UzLatn),
            ("UZ_cyrl", Language::UzCyrl),
            (" uz-Cyrl-UZ ", Language::UzCyrl),
            ("ru-RU", Language::Ru),
            ("en_GB", Language::En),
        ] {
            assert_eq!(Language::parse(tag), Some(language), "{tag}");
        }
        for tag in ["", "*", "de", "russian", "u z", "-uz"] {
            assert_eq!(Language::parse(tag), None, "{tag}");
        }
    }

    #[test]
    fn every_language_is_found_by_its_own_tag() {
        for language in Language::ALL {
            assert_eq!(Language::parse(language.tag()), Some(language));
        }
    }

    #[test]
    fn a_link_chooses_the_language_by_the_last_parameter_of_its_name() {
        assert_eq!(Language::chosen("t=x&lang=ru&slang=en"), Some(Language::Ru));
        assert_eq!(Language::chosen("lang=ru&lang=uz-Cyrl"), Some(Language::UzCyrl));
        assert_eq!((Language::chosen("t=lang"), Language::chosen("lang=de")), (None, None));
        for language in Language::ALL {
            assert!(language.own_name().starts_with(language.short_name()));
        }
    }

    #[test]
    fn the_service_comes_before_the_cookie_and_the_cookie_before_the_browser() {
        assert_eq!(negotiate(Some("de uz-Cyrl ru"), Some("en"), Some("ru")), Language::UzCyrl);
        assert_eq!(negotiate(Some("de"), Some("en"), Some("ru")), Language::En);
        assert_eq!(negotiate(None, Some("xx"), Some("ru")), Language::Ru);
        assert_eq!(negotiate(None, None, None), Language::UzLatn);
    }

    #[test]
    fn the_browsers_weights_are_honoured() {
        let browser = |value| negotiate(None, None, Some(value));
        assert_eq!(browser("de-DE, en;q=0.7, ru;q=0.9, *;q=0.1"), Language::Ru);
        assert_eq!(browser("ru;q=0.5,en;q=0.5"), Language::Ru);
        assert_eq!(browser("ru ; Q = 0, en;q=0.001"), Language::En);
        assert_eq!(browser("ru;q=9, de"), Language::UzLatn);
        assert_eq!(browser(",;=,q"), Language::UzLatn);
        assert_eq!(browser("ru;q=0"), Language::UzLatn);
        assert_eq!(browser("ru;q=0.8,en"), Language::En);
    }
}

#[cfg(test)]
mod properties {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn no_header_is_too_odd_to_be_looked_at(header in "[ -~]{0,200}|\\PC*", tag in "[a-zA-Z_-]{0,20}|\\PC*") {
            negotiate(Some(&header), Some(&tag), Some(&header));
            if let Some(language) = Language::parse(&tag) {
                prop_assert_eq!(Language::parse(&tag.to_uppercase()), Some(language));
            }
        }

        #[test]
        fn the_language_with_the_most_weight_is_shown(
            weights in Just([100_u16, 300, 500, 900]).prop_shuffle(),
            others in prop::collection::vec("[a-df-qs-tv-z][a-z](-[A-Z]{2})?(;q=0\\.[0-9])?", 0..4),
        ) {
            let ranges = Language::ALL.iter().zip(weights).map(|(language, weight)| {
                format!("{};q={:.1}", language.tag(), f32::from(weight) / 1000.0)
            });
            let header: Vec<String> = others.into_iter().chain(ranges).collect();
            let wanted = Language::ALL.into_iter().zip(weights).max_by_key(|(_, weight)| *weight);
            prop_assert_eq!(Some(negotiate(None, None, Some(&header.join(", ")))), wanted.map(|(language, _)| language));
        }
    }
}
