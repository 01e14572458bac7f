use crate::platform::config::{Loader, settings};

settings! {
    /// The ledger: to whom data of a person went.
    [ledger]
    pub struct LedgerSettings {
        /// Days that the contents of entries are kept. Their hashes stay for ever.
        keep_days: u32 = 1826, count(1..=36_500, "days");
    }
}

impl LedgerSettings {
    pub(crate) fn check(&self, loader: &mut Loader) {
        let key = "ledger.keep_days";
        if loader.production && !loader.concern(key) && self.keep_days < 365 {
            let wrong = "keeps what people can read of releases of their data for less than a year";
            loader.report(key, wrong, "the default is five years: 1826");
        }
    }
}
