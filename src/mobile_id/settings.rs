use super::fee::BhmTable;
use crate::platform::config::{Loader, settings};

settings! {
    /// Identification in Mobile-ID, as resolution 479 orders it (`docs/mobile-id.md`).
    [mobile_id]
    pub struct MobileIdSettings {
        /// Lifetime of a code at a place: a quarter of an hour at most (clause 16).
        code_place_seconds: u32 = 900, count(60..=900, "seconds");
        /// Lifetime of a code in the app: an hour at most (clause 25).
        code_app_seconds: u32 = 3600, count(60..=3600, "seconds");
        /// Tries at one code; after them a new one is needed.
        code_tries: u32 = 5, count(1..=10, "tries");
        /// Codes of applications to one number in a day, all doors together.
        codes_per_number_day: u32 = 20, count(1..=1000, "codes");
        /// The base calculation value (BHM) in whole soʻm, from a day on: `[{ from = "2026-09-01", soum = 440000 }]`. A list that is given
        /// takes the place of the known values.
        bhm: BhmTable;
        /// Days in which an invoice may be paid; then the application is refused on clause 18(2).
        pay_days: u32 = 3, count(1..=30, "days");
        /// Hours after which an application that nobody went on with counts as withdrawn.
        abandoned_hours: u32 = 24, count(1..=720, "hours");
        /// Seconds for which what registers said of an application is kept for it.
        precheck_seconds: u32 = 3600, count(300..=86_400, "seconds");
    }
}

impl MobileIdSettings {
    pub(crate) fn check(&self, loader: &mut Loader) {
        let key = "mobile_id.pay_days";
        if loader.production && !loader.concern(key) && self.pay_days > 10 {
            let wrong = "keeps applications open for longer than anybody waits at a place";
            loader.report(key, wrong, "the default is 3");
        }
    }
}
