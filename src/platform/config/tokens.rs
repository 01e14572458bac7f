use super::key::{Fallback, Key, Kind};
use super::{Context, Problems, Values};

/// `[tokens]`: how long what clients receive is worth something.
#[derive(Clone, Debug)]
pub struct Tokens {
    /// Life of an authorization code, in seconds.
    pub code_seconds: u32,
    /// Life of an access token, in seconds.
    pub access_seconds: u32,
    /// Life of an ID token, in seconds.
    pub id_seconds: u32,
    /// A refresh token's end without use, in days.
    pub refresh_idle_days: u32,
    /// A refresh token family's end whatever happens, in days.
    pub refresh_absolute_days: u32,
}

impl Tokens {
    pub(super) const KEYS: &[Key] = &[
        Key::new(
            "tokens.code_seconds",
            Kind::seconds(5, 600),
            Fallback::Value("60"),
            "Life of an authorization code; at most 60 in production.",
        ),
        Key::new(
            "tokens.access_seconds",
            Kind::seconds(30, 86_400),
            Fallback::Value("600"),
            "Life of an access token; at most 3600 in production.",
        ),
        Key::new(
            "tokens.id_seconds",
            Kind::seconds(30, 3600),
            Fallback::Value("300"),
            "Life of an ID token.",
        ),
        Key::new(
            "tokens.refresh_idle_days",
            Kind::days(1, 14),
            Fallback::Value("14"),
            "A refresh token ends after this time without use.",
        ),
        Key::new(
            "tokens.refresh_absolute_days",
            Kind::days(1, 30),
            Fallback::Value("30"),
            "A family of refresh tokens ends after this time whatever happens.",
        ),
    ];

    pub(super) fn read(values: &Values) -> Self {
        Self {
            code_seconds: values.number("tokens.code_seconds"),
            access_seconds: values.number("tokens.access_seconds"),
            id_seconds: values.number("tokens.id_seconds"),
            refresh_idle_days: values.number("tokens.refresh_idle_days"),
            refresh_absolute_days: values.number("tokens.refresh_absolute_days"),
        }
    }

    pub(super) fn validate(&self, context: &Context, problems: &mut Problems) {
        let code = ("tokens.code_seconds", self.code_seconds);
        context.at_most(code, 60, "a stolen code would stay useful", problems);
        let access = ("tokens.access_seconds", self.access_seconds);
        context.at_most(access, 3600, "a stolen token would stay useful", problems);
        context.ordered(
            ("tokens.refresh_idle_days", self.refresh_idle_days),
            ("tokens.refresh_absolute_days", self.refresh_absolute_days),
            problems,
        );
    }
}
