//! Whom a page sends people to when it cannot help them.

use url::Url;

use crate::platform::config::settings;

settings! {
    /// Whom citizens are sent to when pages cannot help.
    [support]
    pub struct Support {
        /// A phone number, as pages should show it.
        phone: Option<String>;
        /// A page with help.
        url: Option<Url>;
    }
}

impl Support {
    /// Whether there is anybody to send people to.
    pub fn is_given(&self) -> bool {
        self.phone.is_some() || self.url.is_some()
    }

    /// The address that dials the number (RFC 3966), when the setting holds a number and nothing else.
    pub fn dial(&self) -> Option<String> {
        let phone = self.phone.as_deref()?;
        let plain = |c: char| c.is_ascii_digit() || "+-() ".contains(c);
        let dialled: String = phone.chars().filter(|c| c.is_ascii_digit() || *c == '+').collect();
        (phone.chars().all(plain) && !dialled.is_empty()).then(|| format!("tel:{dialled}"))
    }

    /// The page's address as people read it: without scheme.
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
