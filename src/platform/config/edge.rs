use url::Url;

/// `[outbound]`: whom the provider may call although the address is private.
#[derive(Clone, Debug, Default)]
pub struct Outbound {
    /// Hosts, `host:port`s and address blocks that clients' URLs may point to although they are private.
    pub allow: Vec<String>,
}

/// `[log]`: what is written about running.
#[derive(Clone, Debug)]
pub struct Log {
    /// One JSON object a line, or text for people.
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

/// `[support]`: whom citizens are sent to when pages cannot help.
#[derive(Clone, Debug, Default)]
pub struct Support {
    /// A phone number, as it should be shown.
    pub phone: Option<String>,
    /// A page.
    pub url: Option<Url>,
}
