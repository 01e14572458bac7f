use super::network::NamedNetworks;
use crate::platform::config::{Loader, settings};

settings! {
    /// Lifetimes and attempt limits of sign-in and SSO session.
    [sign_in]
    pub struct SignInSettings {
        /// Lifetime of a sign-in attempt.
        attempt_seconds: u32 = 1800, count(60..=7200, "seconds");
        /// Lifetime of an SMS code.
        code_seconds: u32 = 180, count(30..=300, "seconds");
        /// Attempts at one code.
        code_tries: u32 = 5, count(1..=10, "attempts");
        /// Waits before the first, second and third resend of a code; the number of entries is the number of resends.
        resend_after_seconds: Vec<u32> = [30, 60, 120], up_to(3, 1..=900, "seconds");
        /// Idle lifetime: an SSO session expires after this time without use.
        session_idle_seconds: u32 = 1800, count(60..=86_400, "seconds");
        /// Absolute lifetime of an SSO session.
        session_absolute_seconds: u32 = 43200, count(60..=86_400, "seconds");
        /// Whether people can sign in at a computer by a phone on which they are signed in.
        by_phone: bool = true;
        /// How long people can read in their cabinet where and for what they signed in.
        history_days: u32 = 180, count(1..=1100, "days");
    }
}

settings! {
    /// Rate limits on SMS codes, and delays after wrong codes. Known browsers of a person, in which they signed in before, have their own.
    [limits]
    pub struct LimitSettings {
        /// Messages to one number in ten minutes, for known browsers and for all others each.
        sends_per_number_10m: u32 = 3, count(1..=1_000_000_000, "messages");
        /// Messages to one number in an hour, for known browsers and for all others each.
        sends_per_number_hour: u32 = 5, count(1..=1_000_000_000, "messages");
        /// Messages to one number in a day, for known browsers and for all others each; survives restarts and loss of
        /// Redis.
        sends_per_number_day: u32 = 10, count(1..=1_000_000_000, "messages");
        /// Codes requested from one client IP (IPv6: one /64) in five minutes.
        sends_per_address_5m: u32 = 25, count(1..=1_000_000_000, "messages");
        /// Codes requested from one IPv6 /56 in five minutes, but never fewer than from one client IP.
        sends_per_line_5m: u32 = 100, count(1..=1_000_000_000, "messages");
        /// Codes requested from one IPv4 /24 or IPv6 /48 in five minutes, but never fewer than from one client IP.
        sends_per_site_5m: u32 = 500, count(1..=1_000_000_000, "messages");
        /// Codes requested from one IPv6 /40 in five minutes, but never fewer than from one /48.
        sends_per_region_5m: u32 = 5000, count(1..=1_000_000_000, "messages");
        /// Codes requested from one IPv6 /32, a provider's whole network, in five minutes, but never fewer than from one /40.
        sends_per_provider_5m: u32 = 20000, count(1..=1_000_000_000, "messages");
        /// Networks with limits of their own instead, such as the addresses that a mobile operator's subscribers share:
        /// `{ operator = { blocks = ["203.0.113.0/24"], sends_5m = 20000, sends_per_address_5m = 2000 } }`.
        networks: NamedNetworks;
        /// Messages for the sign-ins of one client in an hour.
        sends_per_client_hour: u32 = 30000, count(1..=1_000_000_000, "messages");
        /// Messages of the whole provider in an hour; bounds the cost of an attack.
        sends_per_country_hour: u32 = 300000, count(1..=1_000_000_000, "messages");
        /// The share of the limits per client and in total that may be used from browsers that are not known; in the last
        /// tenth of it requests are refused at random, more and more often.
        strangers_share_percent: u32 = 80, count(1..=100, "percent");
        /// Consecutive wrong codes after which each further one adds the long delay, for known browsers and for all others
        /// each; every fifth adds a growing delay before that.
        failures_per_account: u32 = 100, count(1..=100, "wrong codes");
        /// The long delay.
        long_delay_days: u32 = 30, count(1..=366, "days");
        [brake]: BrakeSettings;
        [password_brake]: PasswordBrakeSettings;
        [toll]: TollSettings;
        [travel]: TravelSettings;
    }
}

settings! {
    /// What further codes cost browsers that are not known, so that asking for many of them does not pay (`docs/risk.md`).
    [limits.toll]
    pub struct TollSettings {
        /// Codes asked for from one client IP in ten minutes, after which the next ones cost a toll; after four times as many a dear one. Not in
        /// the networks of `limits.networks`.
        address_codes_10m: u32 = 12, count(1..=1_000_000_000, "codes");
        /// Codes asked for one number in ten minutes, after which the next one costs a toll, and the one after it a dear one.
        number_codes_10m: u32 = 2, count(1..=1_000_000_000, "codes");
        /// Different accounts, numbers and logins, that are begun with from one client IP in an hour, after which the next ones cost a toll; after
        /// four times as many a dear one. Not in the networks of `limits.networks`.
        address_accounts_hour: u32 = 30, count(1..=1_000_000_000, "accounts");
        /// How long a toll takes a browser without scripts; a dear one takes four times as long.
        wait_seconds: u32 = 15, count(1..=60, "seconds");
        /// Leading zero bits of the SHA-256 hash that a browser with scripts finds instead: each doubles the work. A dear one has three more.
        work_bits: u32 = 14, count(4..=20, "bits");
    }
}

settings! {
    /// The brake on guessing: where few of many codes are entered, codes allow fewer tries and come later, but for known browsers.
    [limits.brake]
    pub struct BrakeSettings {
        /// The time over which codes are counted, and for which a brake holds at least.
        window_seconds: u32 = 900, count(60..=86_400, "seconds");
        /// Expired codes in the window from which the brake may hold in the whole country.
        country_codes: u32 = 2000, count(1..=1_000_000_000, "codes");
        /// Expired codes in the window from which it may hold for one client.
        client_codes: u32 = 300, count(1..=1_000_000_000, "codes");
        /// Requested codes in the window from which it may hold for one network (as `sends_per_site_5m`, or of `networks`).
        network_codes: u32 = 100, count(1..=1_000_000_000, "codes");
        /// Codes entered right, of a hundred sent, below which it holds.
        share_percent: u32 = 30, count(1..=100, "percent");
        /// Attempts at one code while it holds.
        code_tries: u32 = 2, count(1..=10, "attempts");
        /// The least wait before the next code while it holds.
        wait_seconds: u32 = 120, count(1..=900, "seconds");
    }
}

settings! {
    /// What a person is asked for who seems to be in many places at once (`docs/risk.md`).
    [limits.travel]
    pub struct TravelSettings {
        /// Networks (IPv4 /16, IPv6 /32, or one of `limits.networks`) in which a person signs in within an hour, in browsers that are not known and
        /// by one factor, before the next such sign-in wants a further proof or a wait.
        networks_hour: u32 = 4, count(1..=1_000_000_000, "networks");
    }
}

settings! {
    /// The brake on guessing passwords: where few of many that strangers try are right, strangers' further tries cost a toll (`docs/risk.md`).
    [limits.password_brake]
    pub struct PasswordBrakeSettings {
        /// The time over which tries are counted, and for which the brake holds at least.
        window_seconds: u32 = 900, count(60..=86_400, "seconds");
        /// Tries in the window from which it may hold in the whole country.
        country_tries: u32 = 5000, count(1..=1_000_000_000, "tries");
        /// Tries in the window from which it may hold for one network (as `sends_per_site_5m`, or of `networks`).
        network_tries: u32 = 200, count(1..=1_000_000_000, "tries");
        /// Tries in the window from which it may hold for one client IP, where tries then cost the dear toll. Not in the networks of `networks`.
        address_tries: u32 = 40, count(1..=1_000_000_000, "tries");
        /// Right passwords, of a hundred tried, below which it holds.
        share_percent: u32 = 20, count(1..=100, "percent");
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
        for name in
            self.networks.0.iter().filter(|it| it.sends_per_address_5m > it.sends_5m).map(|it| &it.name)
        {
            let wrong = format!("allows one address of {name} more than all of it");
            loader.report("limits.networks", wrong, "lower sends_per_address_5m or raise sends_5m");
        }
        for (setting, cap) in [(minutes, 10), (hour, 15), (day, 20)] {
            loader.at_most(setting, cap, "people would be flooded with messages");
        }
    }
}
