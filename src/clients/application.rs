//! An application that a person is to confirm (R67, R72): what a service says of it. How it is written on the wire is the
//! protocol's (`oidc/application_details.rs`).

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::Localized;
use crate::platform::bytes::Digest;

/// What a person is to confirm.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Application {
    /// What it is called; by language, with the text for all others under the empty name.
    pub title: BTreeMap<String, String>,
    /// What it says, in lines; by language as well.
    pub summary: BTreeMap<String, String>,
    /// SHA-256 of the document, as the service computed it.
    pub document: Digest,
    /// What the service calls it.
    pub reference: String,
}

impl Application {
    /// The longest reference, in characters: it stands in the message.
    pub const LONGEST_REFERENCE: usize = 24;

    /// Its title for readers of a language.
    pub fn title(&self, tag: &str) -> String {
        closest(&self.title, tag)
    }

    /// Its summary for readers of a language.
    pub fn summary(&self, tag: &str) -> String {
        closest(&self.summary, tag)
    }

    /// The beginning of the document's digest as people compare it: four groups of four hexadecimal digits.
    pub fn short_hash(&self) -> String {
        let pair = |pair: &[u8]| pair.iter().map(|byte| format!("{byte:02X}")).collect::<String>();
        self.document.0[..8].chunks(2).map(pair).collect::<Vec<_>>().join(" ")
    }
}

fn closest(texts: &BTreeMap<String, String>, tag: &str) -> String {
    let default = texts.get("").map(String::as_str).unwrap_or_default();
    let all = texts.iter().filter(|(tag, _)| !tag.is_empty());
    all.fold(Localized::same(default), |all, (tag, text)| all.with(tag, text)).get(tag).to_owned()
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// An application for a kindergarten.
    pub(crate) fn kindergarten() -> Application {
        let texts = |texts: &[(&str, &str)]| {
            texts.iter().map(|(tag, text)| ((*tag).to_owned(), (*text).to_owned())).collect()
        };
        Application {
            title: texts(&[("", "Bolalar bogʻchasiga ariza"), ("ru", "Заявление в детский сад")]),
            summary: texts(&[("", "Farzand: 2022-yil\nBogʻcha: № 17")]),
            document: Digest::of(b"document"),
            reference: "AB-2026/17".to_owned(),
        }
    }

    #[test]
    fn each_reader_gets_the_closest_language() {
        let application = kindergarten();
        assert_eq!(application.title("ru"), "Заявление в детский сад");
        assert_eq!(application.title("en"), "Bolalar bogʻchasiga ariza");
        assert_eq!(application.summary("ru"), "Farzand: 2022-yil\nBogʻcha: № 17");
    }

    #[test]
    fn the_short_hash_is_the_beginning_of_the_digest() {
        let whole: String = Digest::of(b"document").0.iter().map(|byte| format!("{byte:02X}")).collect();
        let short = kindergarten().short_hash();
        assert_eq!(short.len(), 19);
        assert!(whole.starts_with(&short.replace(' ', "")), "{short} of {whole}");
    }
}
