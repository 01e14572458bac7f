use super::Values;
use super::key::{Fallback, Key, Kind};

/// `[log]`: what is written about running.
#[derive(Clone, Debug)]
pub struct Log {
    /// How lines look.
    pub format: LogFormat,
    /// The least severe level that is written; other crates never go beneath `warn`.
    pub level: tracing::Level,
}

/// How log lines look.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LogFormat {
    /// One JSON object a line.
    Json,
    /// Text for people.
    Text,
}

impl Log {
    pub(super) const KEYS: &[Key] = &[
        Key::new(
            "log.format",
            Kind::Choice(&["json", "text"]),
            Fallback::Value("\"json\""),
            "One JSON object a line, or text for people.",
        ),
        Key::new(
            "log.level",
            Kind::Choice(&["error", "warn", "info", "debug", "trace"]),
            Fallback::Value("\"info\""),
            "The least severe level that is written. Libraries beneath Yagona never write below `warn`, since they would print what they carry.",
        ),
    ];

    pub(super) fn read(values: &Values) -> Self {
        let text = values.text("log.format").is_some_and(|format| format == "text");
        let level = values.text("log.level").and_then(|level| level.parse().ok());
        Self {
            format: if text { LogFormat::Text } else { LogFormat::Json },
            level: level.unwrap_or(tracing::Level::INFO),
        }
    }
}
