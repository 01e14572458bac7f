//! Settings of what every page says of the provider.

use url::Url;

use super::locale::Language;
use crate::platform::config::{
    Fallback, Loader, Raw, SettingValue, ValueKind, WrongValue, mismatch, settings,
};

settings! {
    /// What every page says of the provider itself.
    [site]
    pub struct SiteSettings {
        /// Who runs this provider, on top of every page: one text, or one for each language as
        /// `{ uz-Latn = "…", uz-Cyrl = "…", ru = "…", en = "…" }`.
        operator: Operator;
        /// URL of the provider's own privacy notice.
        privacy_url: Option<Url>;
    }
}

impl SiteSettings {
    pub(crate) fn check(&self, loader: &mut Loader) {
        if !loader.production {
            return;
        }
        if self.operator.is_empty() {
            let remedy = "name the body that runs the provider: people must know whom they trust";
            loader.report("site.operator", "is not set, so pages do not say who runs this", remedy);
        }
        if self.privacy_url.is_none() {
            let remedy = "set the URL of the provider's own privacy notice";
            loader.report("site.privacy_url", "is not set", remedy);
        }
    }
}

/// The name of who runs the provider, in each language.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Operator([String; 4]);

impl Operator {
    /// The name in a language; empty when there is none.
    pub fn in_language(&self, language: Language) -> &str {
        &self.0[language as usize]
    }

    /// Whether there is no name at all.
    pub fn is_empty(&self) -> bool {
        self.0.iter().all(String::is_empty)
    }
}

impl SettingValue for Operator {
    const KIND: ValueKind = ValueKind::Table("a text, or a table of texts by language");
    const FALLBACK: Fallback = Fallback::Nothing("not shown");

    fn read(raw: &Raw, _: ValueKind) -> Result<Self, WrongValue> {
        if let Some(text) = raw.as_str() {
            return Ok(Self([(); 4].map(|()| text.trim().to_owned())));
        }
        let table = raw.as_table().ok_or_else(|| mismatch(raw, "a text, or a table of texts"))?;
        let tags = Language::ALL.map(Language::tag);
        if let Some(other) = table.keys().find(|key| !tags.contains(&key.as_str())) {
            return Err(format!("has \"{other}\", which is none of {}", tags.join(", ")).into());
        }
        let text = |tag: &str| table.get(tag).and_then(Raw::as_str).map(|text| text.trim().to_owned());
        if let Some(missing) = tags.into_iter().find(|tag| text(tag).is_none_or(|text| text.is_empty())) {
            return Err(format!("has no text for {missing}").into());
        }
        Ok(Self(tags.map(|tag| text(tag).unwrap_or_default())))
    }

    fn placeholder() -> Self {
        Self::default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<Operator, String> {
        let table: toml::Table = text.parse().unwrap();
        Operator::read(&table["operator"], Operator::KIND).map_err(|error| error.wrong)
    }

    #[test]
    fn one_text_serves_all_languages_and_a_table_has_each() {
        assert_eq!(read("operator = \" UZINFOCOM \"").unwrap().in_language(Language::Ru), "UZINFOCOM");
        let all = "operator = { uz-Latn = \"a\", uz-Cyrl = \"b\", ru = \"c\", en = \"d\" }";
        assert_eq!(Language::ALL.map(|l| read(all).unwrap().in_language(l).to_owned()), ["a", "b", "c", "d"]);
        assert_eq!(read("operator = { ru = \"c\" }").unwrap_err(), "has no text for uz-Latn");
        assert!(read("operator = { de = \"c\" }").unwrap_err().starts_with("has \"de\""));
        assert!(read("operator = 7").is_err());
        assert!(Operator::default().is_empty());
    }
}
