use url::Url;

use super::Values;
use super::key::{Fallback, Key, Kind};

/// `[support]`: whom citizens are sent to when pages cannot help.
#[derive(Clone, Debug, Default)]
pub struct Support {
    /// A phone number, as it should be shown.
    pub phone: Option<String>,
    /// A page.
    pub url: Option<Url>,
}

impl Support {
    pub(super) const KEYS: &[Key] = &[
        Key::new(
            "support.phone",
            Kind::Text,
            Fallback::Nothing("none"),
            "A phone number, as pages should show it.",
        ),
        Key::new("support.url", Kind::Url, Fallback::Nothing("none"), "A page with help."),
    ];

    pub(super) fn read(values: &Values) -> Self {
        Self { phone: values.text("support.phone"), url: values.url("support.url") }
    }
}
