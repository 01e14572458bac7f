//! An e-mail address, as one that mail servers everywhere take (RFC 5321 §4.1.2 without quoting and without SMTPUTF8).

use std::fmt;

/// The longest address, in bytes (RFC 5321 §4.5.3.1.3, without the brackets).
const LONGEST: usize = 254;

/// An address. It is shown whole only to its person.
#[derive(Clone, PartialEq, Eq)]
pub struct EmailAddress(String);

impl EmailAddress {
    /// What somebody typed; `None` when it is no address that mail can be sent to.
    pub fn parse(typed: &str) -> Option<Self> {
        let typed = typed.trim();
        let (local, domain) = typed.rsplit_once('@')?;
        let plain = |c: char| c.is_ascii_alphanumeric() || "!#$%&'*+/=?^_`{|}~-.".contains(c);
        let dots = |text: &str| text.starts_with('.') || text.ends_with('.') || text.contains("..");
        let label = |label: &str| {
            (1..=63).contains(&label.len())
                && label.chars().all(|c| c.is_ascii_alphanumeric() || c == '-')
                && !label.starts_with('-')
                && !label.ends_with('-')
        };
        let last = domain.rsplit('.').next().unwrap_or_default();
        let fits = typed.len() <= LONGEST
            && (1..=64).contains(&local.len())
            && local.chars().all(plain)
            && !dots(local)
            && domain.contains('.')
            && domain.split('.').all(label)
            && !last.bytes().all(|byte| byte.is_ascii_digit());
        fits.then(|| Self(format!("{local}@{}", domain.to_ascii_lowercase())))
    }

    /// The whole address.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// As it is shown where its person has not just proved who they are: the first letter, and the domain.
    pub fn masked(&self) -> String {
        let (local, domain) = self.0.rsplit_once('@').unwrap_or(("", &self.0));
        format!("{}•••@{domain}", local.chars().take(1).collect::<String>())
    }
}

impl fmt::Debug for EmailAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("EmailAddress(…)")
    }
}
