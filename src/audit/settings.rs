use crate::platform::config::{Loader, settings};

settings! {
    /// The audit log: what happened, in rows that cannot be changed unnoticed.
    [audit]
    pub struct AuditSettings {
        /// Days that rows are kept.
        keep_days: u32 = 1096, count(1..=36_500, "days");
    }
}

impl AuditSettings {
    pub(crate) fn check(&self, loader: &mut Loader) {
        let key = "audit.keep_days";
        if loader.production && !loader.concern(key) && self.keep_days < 365 {
            let wrong = "keeps the record of sign-ins for less than a year";
            loader.report(key, wrong, "the default is three years: 1096");
        }
    }
}
