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
