use crate::platform::config::{Loader, settings};

settings! {
    /// Lifetimes of authorization codes and tokens.
    [tokens]
    pub struct TokenSettings {
        /// Lifetime of an authorization code; at most 60 in production.
        code_seconds: u32 = 60, count(5..=600, "seconds");
        /// Lifetime of an access token; at most 3600 in production.
        access_seconds: u32 = 600, count(30..=86_400, "seconds");
        /// Lifetime of an ID token.
        id_seconds: u32 = 300, count(30..=3600, "seconds");
        /// Idle lifetime of a refresh token: it expires after this time without use.
        refresh_idle_days: u32 = 14, count(1..=14, "days");
        /// Absolute lifetime of a grant's refresh tokens, however often they are used.
        refresh_absolute_days: u32 = 30, count(1..=30, "days");
        /// For how long after a refresh the same refresh token gets its successor again, as long as that was not refreshed
        /// itself: a lost answer, or two requests at once, do not end the grant. 0 never.
        refresh_repeat_seconds: u32 = 30, count(0..=120, "seconds");
    }
}

settings! {
    /// Pushed authorization requests (RFC 9126).
    [pushed_requests]
    pub struct PushedRequestSettings {
        /// How long a pushed request may be opened; a sign-in that it began may take longer.
        seconds: u32 = 90, count(5..=599, "seconds");
        /// Requests that one client may push within that time, unless its registration says how many; those open at once are
        /// at most twice as many.
        most_per_client: u32 = 10_000, count(1..=1_000_000, "requests");
    }
}

settings! {
    /// Registration of services by themselves (RFC 7591), with a token that an operator made for them.
    [registration]
    pub struct RegistrationSettings {
        /// Clients that may wait for approval at once.
        most_pending: u32 = 100, count(1..=10_000, "clients");
        /// How long a client waits for approval before it is removed.
        pending_days: u32 = 30, count(1..=365, "days");
        /// Requests to register or to manage a registration that are taken from one address in a minute.
        requests_per_minute: u32 = 60, count(1..=1_000_000, "requests");
    }
}

settings! {
    /// Requests of services to people who are not at their sites (CIBA Core 1.0).
    [ciba]
    pub struct CibaSettings {
        /// How long a person may approve or refuse a request; a service may ask for less.
        seconds: u32 = 300, count(30..=300, "seconds");
        /// Requests to one number that may be open at once, of all services.
        open_per_person: u32 = 3, count(1..=20, "requests");
        /// Requests of one client in an hour, whomever they name.
        per_client_hour: u32 = 3000, count(1..=1_000_000, "requests");
        /// For how long a person who asks for it gets no more messages of a service.
        mute_days: u32 = 30, count(1..=366, "days");
    }
}

settings! {
    /// Data of people for back offices (`/data/…`).
    [data]
    pub struct DataSettings {
        /// Data sets that one client may read in a minute, and persons that it may name to have data by a law, together.
        readings_per_minute: u32 = 600, count(1..=1_000_000, "requests");
        /// Numbers that one client may verify in a minute.
        verifications_per_minute: u32 = 60, count(1..=1_000_000, "requests");
        /// Requests of one client in an hour to have data of a person by a law that find nobody. After that it names nobody until the hour is over.
        unfound_per_hour: u32 = 60, count(1..=1_000_000, "requests");
        /// Wrong answers about one person or number that one client may get in a day: documents and numbers that are not theirs. After that
        /// it asks about them no more until the day is over.
        wrong_per_day: u32 = 5, count(1..=1000, "requests");
    }
}

impl TokenSettings {
    pub(crate) fn check(&self, loader: &mut Loader) {
        let idle = ("tokens.refresh_idle_days", self.refresh_idle_days);
        loader.at_most(("tokens.code_seconds", self.code_seconds), 60, "a stolen code would stay valid");
        loader.at_most(
            ("tokens.access_seconds", self.access_seconds),
            3600,
            "a stolen token would stay valid",
        );
        loader.ordered(idle, ("tokens.refresh_absolute_days", self.refresh_absolute_days));
    }
}
