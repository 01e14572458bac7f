use tracing::Level;

use crate::platform::config::{Raw, SettingValue, ValueKind, WrongValue, choices, choose, settings};

settings! {
    /// The log, on standard error.
    [log]
    pub struct LogSettings {
        /// One JSON object per line, or text for people.
        format: LogFormat = "json";
        /// The lowest level that is written. Libraries log nothing below `warn`, since their messages would include
        /// statements and headers.
        level: Level = "info";
    }
}

choices! {
    /// Format of log lines.
    pub enum LogFormat {
        /// One JSON object per line.
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
