//! The help contact, which stands on every page.

use url::Url;

use crate::platform::config::{Loader, settings};

settings! {
    /// Help contact on every page.
    [support]
    pub struct Support {
        /// Phone number, as shown on pages.
        phone: Option<String>;
        /// URL of a help page.
        url: Option<Url>;
    }
}

impl Default for Support {
    /// None.
    fn default() -> Self {
        Self { phone: None, url: None }
    }
}

impl Support {
    pub(crate) fn check(&self, loader: &mut Loader) {
        if loader.production && !self.is_given() {
            let remedy =
                "set support.phone or support.url: people who cannot go on must be able to ask somebody";
            loader.report("support", "names no help contact", remedy);
        }
    }

    /// Whether a contact is set.
    pub fn is_given(&self) -> bool {
        self.phone.is_some() || self.url.is_some()
    }

    /// The `tel:` URI (RFC 3966), if the setting is only a number.
    pub fn dial(&self) -> Option<String> {
        let phone = self.phone.as_deref()?;
        let plain = |c: char| c.is_ascii_digit() || "+-() ".contains(c);
        let dialled: String = phone.chars().filter(|c| c.is_ascii_digit() || *c == '+').collect();
        (phone.chars().all(plain) && !dialled.is_empty()).then(|| format!("tel:{dialled}"))
    }

    /// The URL without its scheme, as shown to people.
    pub fn site(&self) -> Option<&str> {
        let text = self.url.as_ref()?.as_str();
        Some(text.split_once("://").map_or(text, |(_, rest)| rest).trim_end_matches('/'))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_is_dialled_and_what_is_more_than_a_number_is_not() {
        let dial = |phone: &str| Support { phone: Some(phone.to_owned()), url: None }.dial();
        assert_eq!(dial("+998 71 200-00-00").as_deref(), Some("tel:+998712000000"));
        assert_eq!(dial("(71) 200 00 00").as_deref(), Some("tel:712000000"));
        assert_eq!(dial("1009, 9:00–18:00"), None);
        assert_eq!(dial("-"), None);
    }

    #[test]
    fn a_site_is_named_without_its_scheme() {
        let site = |url: &str| Support { phone: None, url: url.parse().ok() }.site().map(str::to_owned);
        assert_eq!(site("https://id.example.uz/help/").as_deref(), Some("id.example.uz/help"));
        assert_eq!(site("http://localhost:8081/").as_deref(), Some("localhost:8081"));
    }
}
