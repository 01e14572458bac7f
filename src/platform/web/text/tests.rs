//! The catalogues are held to each other, to the templates and to the spelling of their languages.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use super::*;
use crate::platform::web::assets::asset;

const NOON_IN_NOVEMBER: i64 = 1_795_244_400; // 2026-11-21 07:00 UTC

fn each() -> impl Iterator<Item = (Language, &'static Catalogue)> {
    Language::ALL.into_iter().zip(CATALOGUES.iter())
}

fn placeholders(words: &str) -> BTreeSet<&str> {
    words.split('{').skip(1).filter_map(|tail| tail.split_once('}')).map(|(name, _)| name).collect()
}

/// The words of a string, without placeholders.
fn words(string: &str) -> Vec<&str> {
    string
        .split('{')
        .enumerate()
        .map(|(i, piece)| if i == 0 { piece } else { piece.split_once('}').map_or("", |(_, after)| after) })
        .flat_map(|piece| piece.split(|c: char| !c.is_alphabetic()))
        .filter(|word| !word.is_empty())
        .collect()
}

fn files(folder: &str, extension: &str) -> Vec<PathBuf> {
    fn walk(folder: &Path, extension: &str, found: &mut Vec<PathBuf>) {
        for entry in std::fs::read_dir(folder).unwrap().map(Result::unwrap) {
            let path = entry.path();
            if path.is_dir() {
                walk(&path, extension, found);
            } else if path.extension().is_some_and(|e| e == extension) {
                found.push(path);
            }
        }
    }
    let mut found = Vec::new();
    walk(&Path::new(env!("CARGO_MANIFEST_DIR")).join(folder), extension, &mut found);
    found
}

/// The source of templates and code, without the tests that stand in files of their own.
fn sources() -> Vec<(PathBuf, String)> {
    let code = files("src", "rs").into_iter().filter(|path| !path.ends_with("tests.rs"));
    files("templates", "html")
        .into_iter()
        .chain(code)
        .map(|p| (p.clone(), std::fs::read_to_string(p).unwrap()))
        .collect()
}

fn is_key(literal: &str) -> bool {
    let plain = |part: &str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_lowercase() || b == b'_');
    literal.split_once('.').is_some_and(|(page, name)| plain(page) && plain(name))
}

/// Literals that a source hands to `get`, `with` or `around` of the words.
fn asked_for(source: &str) -> Vec<&str> {
    let calls = [".get(\"", ".with(\"", ".around(\""];
    let heads =
        calls.iter().flat_map(|call| source.match_indices(call).map(move |(at, call)| at + call.len()));
    heads
        .filter_map(|at| source[at..].split_once('"'))
        .map(|(literal, _)| literal)
        .filter(|l| is_key(l))
        .collect()
}

#[test]
fn every_language_has_the_same_keys_with_the_same_placeholders() {
    let (_, reference) = each().next().unwrap();
    for (language, catalogue) in each() {
        for (key, string) in catalogue {
            let twin = reference.get(key).unwrap_or_else(|| panic!("{key} is only in {}", language.tag()));
            assert_eq!(placeholders(string), placeholders(twin), "{key} in {}", language.tag());
        }
        let missing: Vec<_> = reference.keys().filter(|key| !catalogue.contains_key(*key)).collect();
        assert!(missing.is_empty(), "{} lacks {missing:?}", language.tag());
    }
}

#[test]
fn every_key_that_is_asked_for_exists_and_every_key_is_asked_for() {
    let (_, catalogue) = each().next().unwrap();
    let pages: BTreeSet<&str> = catalogue.keys().filter_map(|key| key.split('.').next()).collect();
    let sources = sources();
    for (path, source) in &sources {
        for key in asked_for(source) {
            // Elsewhere in the code, `get` has other maps to ask; the pages' own names tell them apart.
            let page = key.split_once('.').map_or(key, |(page, _)| page);
            let ours = path.extension().is_some_and(|e| e == "html") || pages.contains(page);
            assert!(!ours || catalogue.contains_key(key), "{} asks for {key}", path.display());
        }
    }
    for key in catalogue.keys() {
        let literal = format!("\"{key}\"");
        assert!(sources.iter().any(|(_, source)| source.contains(&literal)), "{key} is never used");
    }
}

#[test]
fn every_asset_that_a_template_links_is_embedded() {
    let call = "assets::asset(\"";
    for (path, source) in sources().iter().filter(|(_, source)| source.contains(call)) {
        for name in source.split(call).skip(1).filter_map(|tail| tail.split('"').next()) {
            assert_ne!(asset(name), asset("nothing of this name"), "{} links {name}", path.display());
        }
    }
}

#[test]
fn strings_are_clean() {
    for (language, catalogue) in each() {
        for (key, string) in catalogue {
            let at = format!("{key} in {}", language.tag());
            assert!(!string.is_empty() && string.trim() == string, "{at} is empty or padded");
            assert!(!string.contains("  "), "{at} has a double space");
            assert!(!string.contains(['\'', '"', '<', '>', '&', '`']), "{at} has an ASCII quote or markup");
            assert!(!string.to_lowercase().contains("successfully"), "{at}");
        }
    }
}

#[test]
fn scripts_are_not_mixed() {
    let cyrillic = |c: char| matches!(c, '\u{400}'..='\u{4ff}');
    for (language, catalogue) in each() {
        for (key, string) in catalogue {
            for word in words(string) {
                let at = format!("{word} in {key}, {}", language.tag());
                let has_latin = word.chars().any(|c| c.is_ascii_alphabetic());
                let has_cyrillic = word.chars().any(cyrillic);
                assert!(!(has_latin && has_cyrillic), "{at}");
                match language {
                    Language::Ru | Language::UzCyrl if has_latin => {
                        assert!(
                            [
                                "SMS", "CSV", "PDF", "ID", "Mobile", "Face", "Yagona", "my", "gov", "uz",
                                "E", "e", "IMZO", "imzo", "MyID", "QR"
                            ]
                            .contains(&word),
                            "{at}"
                        );
                    }
                    Language::En | Language::UzLatn => assert!(!has_cyrillic, "{at}"),
                    _ => {}
                }
            }
        }
    }
}

#[test]
fn uzbek_latin_has_the_turned_comma_in_its_letters_and_the_apostrophe_elsewhere() {
    let catalogue = &CATALOGUES[Language::UzLatn as usize];
    for (key, string) in catalogue {
        assert!(!string.contains(['‘', '’', '´']), "{key}: {string}");
        let letters: Vec<char> = string.chars().collect();
        for pair in letters.windows(2) {
            let after_o_or_g = matches!(pair[0], 'o' | 'O' | 'g' | 'G');
            match pair[1] {
                'ʻ' => assert!(after_o_or_g, "{key}: {string}"),
                'ʼ' => assert!(!after_o_or_g, "{key}: {string}"),
                _ => {}
            }
        }
    }
}

#[test]
fn values_go_in_as_they_are_and_are_not_searched_again() {
    let text = Text::new(Language::En);
    assert_eq!(text.with("consent.person", &[("name", "{name} <b>")]), "You are signed in as {name} <b>.");
    assert_eq!(text.with("consent.person", &[]), "You are signed in as {name}.");
    assert_eq!(text.around("consent.person", "name"), ("You are signed in as ", "."));
    assert_eq!(text.around("consent.purpose", "name"), ("Purpose", ""));
}

#[test]
fn dates_are_those_of_tashkent_as_people_say_them() {
    let dates = Language::ALL.map(|language| Text::new(language).date(NOON_IN_NOVEMBER));
    assert_eq!(
        dates,
        ["2026-yil 21-noyabr", "2026 йил 21 ноябрь", "21 ноября 2026 года", "21 November 2026"]
    );
    // A suffix follows it: «2026 йил 21 ноябргача».
    assert_eq!(Text::new(Language::UzCyrl).date_for_suffix(NOON_IN_NOVEMBER), "2026 йил 21 ноябр");
    assert_eq!(Text::new(Language::UzLatn).date_for_suffix(NOON_IN_NOVEMBER), "2026-yil 21-noyabr");
    let text = Text::new(Language::En);
    let noon = |now| text.moment(NOON_IN_NOVEMBER, now);
    assert_eq!(noon(NOON_IN_NOVEMBER + 3600), "today at 12:00");
    assert_eq!(noon(NOON_IN_NOVEMBER + 12 * 3600), "21 November 2026, 12:00", "a new day in Tashkent");
    let last_second_utc_of_2026 = 1_798_761_599;
    assert_eq!(text.date(last_second_utc_of_2026), "1 January 2027");
    assert!(!text.date(i64::MAX).is_empty() && !text.date(i64::MIN).is_empty());
}

#[test]
fn durations_take_the_form_of_their_number() {
    let ru = |minutes: u32| Text::new(Language::Ru).lasting(minutes * 60);
    assert_eq!(
        [1, 2, 5, 11, 21, 112].map(ru).map(|s| s.split(' ').nth(1).unwrap().to_owned()),
        ["минуту", "минуты", "минут", "минут", "минуту", "минут"]
    );
    let en = Text::new(Language::En);
    assert_eq!((en.lasting(60).as_str(), en.lasting(21 * 60).as_str()), ("1 minute", "21 minutes"));
    assert_eq!(Text::new(Language::UzLatn).lasting(180), "3 daqiqa");
}

#[test]
fn a_short_time_is_told_in_seconds_and_no_longer_or_shorter_than_it_is() {
    let en = Text::new(Language::En);
    let told = |seconds| (en.lasting(seconds), en.waiting(seconds));
    assert_eq!(told(5), ("5 seconds".to_owned(), "5 seconds".to_owned()));
    assert_eq!(told(119), ("119 seconds".to_owned(), "119 seconds".to_owned()));
    assert_eq!(told(150), ("2 minutes".to_owned(), "3 minutes".to_owned()));
    assert_eq!(Text::new(Language::Ru).waiting(1), "1 секунду");
}
