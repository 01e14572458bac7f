//! Words of a contract, in the four languages of the pages.

use serde::{Deserialize, Serialize};

use crate::clients::Localized;
use crate::platform::plain_text::is_shown_as_written;

/// The longest text, in characters.
const LONGEST: usize = 300;

/// One text in every language: a table such as `{ uz-Latn = "…", uz-Cyrl = "…", ru = "…", en = "…" }`.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Words {
    /// Uzbek in Latin script.
    #[serde(rename = "uz-Latn")]
    pub uz_latn: String,
    /// Uzbek in Cyrillic script.
    #[serde(rename = "uz-Cyrl")]
    pub uz_cyrl: String,
    /// Russian.
    pub ru: String,
    /// English.
    pub en: String,
}

impl Words {
    /// The text by language, as pages ask for it.
    pub fn localized(&self) -> Localized {
        Localized::same(&*self.uz_latn)
            .with("uz-Cyrl", &*self.uz_cyrl)
            .with("ru", &*self.ru)
            .with("en", &*self.en)
    }

    /// Every text.
    pub(super) fn all(&self) -> [&str; 4] {
        [&self.uz_latn, &self.uz_cyrl, &self.ru, &self.en]
    }

    /// What is wrong with it, if anything.
    pub(super) fn fault(&self) -> Option<&'static str> {
        let fits = |text: &str| {
            !text.trim().is_empty() && text.chars().count() <= LONGEST && is_shown_as_written(text)
        };
        (!self.all().into_iter().all(fits)).then_some(
            "in each of the four languages one line of 1 to 300 characters, without characters that are not shown",
        )
    }

    /// Whether this is one of its texts.
    pub(super) fn says(&self, text: &str) -> bool {
        self.all().contains(&text)
    }
}
