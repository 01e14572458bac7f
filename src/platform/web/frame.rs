//! The common part of every page: the client, the language, and links to other languages.

use super::locale::Language;
use super::site::Site;
use super::text::Text;

/// The common part of a page. `templates/layout.html` draws it.
#[derive(Clone, Debug)]
pub struct Frame<'a> {
    /// The texts, in the reader's language.
    pub text: Text,
    /// The provider, in the strip on top of the page and at its foot.
    pub site: &'a Site,
    /// The client of the sign-in, shown below the strip.
    pub service: Option<Service<'a>>,
    /// The same page in every language; empty where there is no address to open it again.
    pub languages: Vec<LanguageLink>,
    /// Where the page's form is posted; empty on pages that have none.
    pub form_action: &'a str,
}

/// The service (relying party) of the sign-in, as shown.
#[derive(Clone, Copy, Debug)]
pub struct Service<'a> {
    /// Its name, never translated.
    pub name: &'a str,
    /// The body or company responsible for it.
    pub owner: &'a str,
    /// Its icon: a path on this origin. Without one its initial is shown.
    pub icon: Option<&'a str>,
    /// Its front page, to which a problem page links.
    pub home: Option<&'a str>,
    /// Its privacy policy.
    pub policy: Option<&'a str>,
    /// Its terms of use.
    pub terms: Option<&'a str>,
}

impl<'a> Service<'a> {
    /// The letter that is shown without an icon.
    pub fn initial(&self) -> String {
        self.name
            .chars()
            .find(|c| c.is_alphanumeric())
            .map(|c| c.to_uppercase().collect())
            .unwrap_or_default()
    }

    /// The front page, if it is a web URL. URLs are registered by the client, and a `javascript:` URL would run on our
    /// page.
    pub fn home_link(&self) -> Option<&'a str> {
        self.home.filter(is_web)
    }

    /// The privacy policy, if it is a web URL.
    pub fn policy_link(&self) -> Option<&'a str> {
        self.policy.filter(is_web)
    }

    /// The terms of use, if they are a web URL.
    pub fn terms_link(&self) -> Option<&'a str> {
        self.terms.filter(is_web)
    }

    /// Whether there are links to policy or terms.
    pub fn has_links(&self) -> bool {
        self.policy_link().or(self.terms_link()).is_some()
    }
}

fn is_web(url: &&str) -> bool {
    url.starts_with("https://") || url.starts_with("http://")
}

/// A link to the same page in a language.
#[derive(Clone, Debug)]
pub struct LanguageLink {
    /// The language it leads to.
    pub language: Language,
    /// The address of the page in that language.
    pub href: String,
    /// This is the language that the page is in.
    pub current: bool,
}

impl LanguageLink {
    /// A link for every language, `current` marked.
    pub fn all(current: Language, href: impl Fn(Language) -> String) -> Vec<Self> {
        let link = |language| Self { language, href: href(language), current: language == current };
        Language::ALL.into_iter().map(link).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn service(name: &str) -> Service<'_> {
        Service { name, owner: "", icon: None, home: None, policy: None, terms: None }
    }

    #[test]
    fn a_missing_icon_is_replaced_by_the_first_letter() {
        assert_eq!(service("«davlat» portali").initial(), "D");
        assert_eq!(service("ўзпочта").initial(), "Ў");
        assert_eq!(service("—").initial(), "");
    }

    #[test]
    fn only_web_addresses_become_links() {
        let registered =
            Service { policy: Some("javascript:alert(1)"), home: Some("https://a.uz"), ..service("a") };
        assert_eq!(registered.policy_link(), None);
        assert_eq!(registered.home_link(), Some("https://a.uz"));
        assert!(!registered.has_links());
        assert!(Service { terms: Some("https://a.uz/terms"), ..registered }.has_links());
    }
}
