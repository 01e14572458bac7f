use super::tariff::Tariff;
use crate::platform::config::settings;

settings! {
    /// What SMS cost those who get them. Operators take the money; they are given the records (`yagona charges export`).
    [charges]
    pub struct ChargeSettings {
        /// Prices in tiyin, from a day on, by kind of message (`code`, `request`, `notice`); a kind without a price is free:
        /// `[{ from = "2027-01-01", request = 5000, notice = 5000 }]`.
        tariff: Tariff;
        /// Days that records of charges are kept.
        keep_days: u32 = 1096, count(31..=36_500, "days");
    }
}
