use crate::platform::config::{Loader, settings};

settings! {
    /// How long what clients receive is worth something.
    [tokens]
    pub struct TokenSettings {
        /// Life of an authorization code; at most 60 in production.
        code_seconds: u32 = 60, count(5..=600, "seconds");
        /// Life of an access token; at most 3600 in production.
        access_seconds: u32 = 600, count(30..=86_400, "seconds");
        /// Life of an ID token.
        id_seconds: u32 = 300, count(30..=3600, "seconds");
        /// A refresh token ends after this time without use.
        refresh_idle_days: u32 = 14, count(1..=14, "days");
        /// A family of refresh tokens ends after this time whatever happens.
        refresh_absolute_days: u32 = 30, count(1..=30, "days");
    }
}

impl TokenSettings {
    pub(crate) fn check(&self, loader: &mut Loader) {
        let idle = ("tokens.refresh_idle_days", self.refresh_idle_days);
        loader.at_most(("tokens.code_seconds", self.code_seconds), 60, "a stolen code would stay useful");
        loader.at_most(
            ("tokens.access_seconds", self.access_seconds),
            3600,
            "a stolen token would stay useful",
        );
        loader.ordered(idle, ("tokens.refresh_absolute_days", self.refresh_absolute_days));
    }
}
