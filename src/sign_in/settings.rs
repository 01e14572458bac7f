use crate::platform::config::{Loader, settings};

settings! {
    /// The sign-in's clocks and counters.
    [sign_in]
    pub struct SignInSettings {
        /// Time to finish a sign-in once begun.
        attempt_seconds: u32 = 1800, count(60..=7200, "seconds");
        /// Life of an SMS code.
        code_seconds: u32 = 180, count(30..=300, "seconds");
        /// Guesses allowed at one code.
        code_tries: u32 = 5, count(1..=10, "guesses");
        /// Waits before the first, second and third resend of a code; as many resends as entries.
        resend_after_seconds: Vec<u32> = [30, 60, 120], up_to(3, 1..=900, "seconds");
        /// An SSO session ends after this time without use.
        session_idle_seconds: u32 = 1800, count(60..=86_400, "seconds");
        /// An SSO session ends after this time whatever happens.
        session_absolute_seconds: u32 = 43200, count(60..=86_400, "seconds");
    }
}

settings! {
    /// What one number, address, client and the whole country may cause.
    [limits]
    pub struct LimitSettings {
        /// Messages to one number in ten minutes.
        sends_per_number_10m: u32 = 3, count(1..=1_000_000_000, "messages");
        /// Messages to one number in an hour.
        sends_per_number_hour: u32 = 5, count(1..=1_000_000_000, "messages");
        /// Messages to one number in a day; survives restarts and a lost Redis.
        sends_per_number_day: u32 = 10, count(1..=1_000_000_000, "messages");
        /// Codes asked for from one address (IPv6: one /64) in five minutes.
        sends_per_address_5m: u32 = 25, count(1..=1_000_000_000, "messages");
        /// Messages that one client's sign-ins may cause in an hour.
        sends_per_client_hour: u32 = 30000, count(1..=1_000_000_000, "messages");
        /// Messages that the whole provider may send in an hour; what an attack may cost at most.
        sends_per_country_hour: u32 = 300000, count(1..=1_000_000_000, "messages");
        /// Consecutive wrong codes until an account is locked; from the first ones on, each costs a growing delay.
        failures_per_account: u32 = 100, count(1..=100, "wrong codes");
    }
}

impl SignInSettings {
    pub(crate) fn check(&self, loader: &mut Loader) {
        let attempt = ("sign_in.attempt_seconds", self.attempt_seconds);
        let idle = ("sign_in.session_idle_seconds", self.session_idle_seconds);
        loader.ordered(idle, ("sign_in.session_absolute_seconds", self.session_absolute_seconds));
        loader.ordered(("sign_in.code_seconds", self.code_seconds), attempt);
        let (key, waits) = ("sign_in.resend_after_seconds", &self.resend_after_seconds);
        if waits.iter().sum::<u32>() >= self.attempt_seconds && !loader.concern(attempt.0) {
            let wrong =
                "adds up to more than sign_in.attempt_seconds, so the last resend could never be used";
            loader.report(key, wrong, "shorten the waits");
        }
        if loader.production && waits.iter().any(|wait| *wait < 10) {
            let remedy = "give messages time to arrive: [30, 60, 120]";
            loader.report(key, "allows a resend after less than 10 seconds", remedy);
        }
    }
}

impl LimitSettings {
    pub(crate) fn check(&self, loader: &mut Loader) {
        let minutes = ("limits.sends_per_number_10m", self.sends_per_number_10m);
        let hour = ("limits.sends_per_number_hour", self.sends_per_number_hour);
        let day = ("limits.sends_per_number_day", self.sends_per_number_day);
        let client = ("limits.sends_per_client_hour", self.sends_per_client_hour);
        loader.ordered(minutes, hour);
        loader.ordered(hour, day);
        loader.ordered(client, ("limits.sends_per_country_hour", self.sends_per_country_hour));
        for (setting, cap) in [(minutes, 10), (hour, 15), (day, 20)] {
            loader.at_most(setting, cap, "people would be bombed with messages");
        }
    }
}
