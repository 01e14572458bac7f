use tracing::Level;

use crate::platform::config::{Raw, SettingValue, ValueKind, WrongValue, choices, choose, settings};

settings! {
    /// What is written, to standard error, about running.
    [log]
    pub struct LogSettings {
        /// One JSON object a line, or text for people.
        format: LogFormat = "json";
        /// The least severe level that is written. Libraries beneath Yagona never write below `warn`, since they would
        /// print what they carry.
        level: Level = "info";
    }
}

choices! {
    /// How log lines look.
    pub enum LogFormat {
        /// One JSON object a line.
        Json = "json",
        /// Text for people.
        Text = "text",
    }
}

impl SettingValue for Level {
    const KIND: ValueKind = ValueKind::Text("\"error\" or \"warn\" or \"info\" or \"debug\" or \"trace\"");

    fn read(raw: &Raw, _: ValueKind) -> Result<Self, WrongValue> {
        let levels = [Self::ERROR, Self::WARN, Self::INFO, Self::DEBUG, Self::TRACE];
        choose(raw, &["error", "warn", "info", "debug", "trace"].into_iter().zip(levels).collect::<Vec<_>>())
    }

    fn placeholder() -> Self {
        Self::INFO
    }
}
