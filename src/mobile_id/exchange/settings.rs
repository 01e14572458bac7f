use super::operators::Operators;
use crate::platform::config::settings;

settings! {
    /// Lists that are exchanged about enrolled numbers (docs/exchange.md).
    [exchange]
    pub struct ExchangeSettings {
        /// The operators, each with the codes that it was given: `{ beeline = ["90", "91"], ucell = ["93", "94"] }`.
        operators: Operators;
        /// People with an enrolled number whom the civil registry is asked about in an hour, in turn: whether their death is on record. 0
        /// where it sends lists alone.
        deaths_per_hour: u32 = 0, count(0..=1_000_000, "people");
    }
}
