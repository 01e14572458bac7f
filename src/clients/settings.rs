use crate::platform::config::settings;

settings! {
    /// Contracts, under which services live.
    [contracts]
    pub struct ContractSettings {
        /// How long before the end of a contract operators are warned: by an event each day, a metric, and commands.
        warn_days: u32 = 30, count(1..=365, "days");
    }
}
