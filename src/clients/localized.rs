//! A text in several languages, as `member` and `member#tag` of a registration (RFC 7591 §2.2).

use std::collections::BTreeMap;

/// A text with a default and translations by BCP 47 tag (`uz-Latn`, `uz-Cyrl`, `ru`, `en`).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Localized {
    default: String,
    tagged: BTreeMap<String, String>,
}

impl Localized {
    /// The same text in all languages.
    pub fn same(text: impl Into<String>) -> Self {
        Self { default: text.into(), tagged: BTreeMap::new() }
    }

    /// Adds the text for one tag.
    #[must_use]
    pub fn with(mut self, tag: &str, text: impl Into<String>) -> Self {
        self.tagged.insert(tag.to_ascii_lowercase(), text.into());
        self
    }

    /// Whether it says this in any language.
    pub fn says(&self, text: &str) -> bool {
        self.default == text || self.tagged.values().any(|tagged| tagged == text)
    }

    /// The text for `tag`: that of the very tag, of its language, or the default.
    pub fn get(&self, tag: &str) -> &str {
        let tag = tag.to_ascii_lowercase();
        let language = tag.split('-').next().unwrap_or_default();
        self.tagged
            .get(&tag)
            // `uz` in a registration means the official Latin script.
            .or_else(|| if tag == "uz-cyrl" { None } else { self.tagged.get(language) })
            .unwrap_or(&self.default)
    }

    /// Every text with the language that it is in: the default first.
    pub(super) fn all(&self) -> impl Iterator<Item = &str> {
        let tagged = self.tagged.iter().flat_map(|(tag, text)| [tag.as_str(), text.as_str()]);
        std::iter::once(self.default.as_str()).chain(tagged)
    }

    /// Every text, without the languages.
    pub(super) fn texts(&self) -> impl Iterator<Item = &str> {
        std::iter::once(self.default.as_str()).chain(self.tagged.values().map(String::as_str))
    }

    /// Whether there is no text at all.
    pub fn is_empty(&self) -> bool {
        self.default.trim().is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::Localized;

    #[test]
    fn the_closest_language_is_taken_and_scripts_are_not_mixed() {
        let name = Localized::same("Portal").with("uz", "Davlat portali").with("ru", "Портал");
        assert_eq!(name.get("uz-Latn"), "Davlat portali");
        assert_eq!(name.get("uz-Cyrl"), "Portal");
        assert_eq!(name.get("ru"), "Портал");
        assert_eq!(name.get("en"), "Portal");
    }
}
