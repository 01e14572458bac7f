use super::key::{Fallback, Key, Kind};
use super::{Context, Problems, Values};

/// `[limits]`: what one number, address, client and the whole country may cause.
#[derive(Clone, Debug)]
pub struct Limits {
    /// Messages to one number in ten minutes.
    pub sends_per_number_10m: u32,
    /// Messages to one number in an hour.
    pub sends_per_number_hour: u32,
    /// Messages to one number in a day.
    pub sends_per_number_day: u32,
    /// Codes asked for from one address (IPv6: one /64) in five minutes.
    pub sends_per_address_5m: u32,
    /// Messages that one client's sign-ins may cause in an hour.
    pub sends_per_client_hour: u32,
    /// Messages that the whole provider may send in an hour.
    pub sends_per_country_hour: u32,
    /// Consecutive wrong codes until an account is locked.
    pub failures_per_account: u32,
}

impl Limits {
    pub(super) const KEYS: &[Key] = &[
        Key::new(
            "limits.sends_per_number_10m",
            Kind::count(1, 1_000_000_000, "messages"),
            Fallback::Value("3"),
            "Messages to one number in ten minutes.",
        ),
        Key::new(
            "limits.sends_per_number_hour",
            Kind::count(1, 1_000_000_000, "messages"),
            Fallback::Value("5"),
            "Messages to one number in an hour.",
        ),
        Key::new(
            "limits.sends_per_number_day",
            Kind::count(1, 1_000_000_000, "messages"),
            Fallback::Value("10"),
            "Messages to one number in a day; survives restarts and a lost Redis.",
        ),
        Key::new(
            "limits.sends_per_address_5m",
            Kind::count(1, 1_000_000_000, "messages"),
            Fallback::Value("25"),
            "Codes asked for from one address (IPv6: one /64) in five minutes.",
        ),
        Key::new(
            "limits.sends_per_client_hour",
            Kind::count(1, 1_000_000_000, "messages"),
            Fallback::Value("30000"),
            "Messages that one client's sign-ins may cause in an hour.",
        ),
        Key::new(
            "limits.sends_per_country_hour",
            Kind::count(1, 1_000_000_000, "messages"),
            Fallback::Value("300000"),
            "Messages that the whole provider may send in an hour; what an attack may cost at most.",
        ),
        Key::new(
            "limits.failures_per_account",
            Kind::count(1, 100, "wrong codes"),
            Fallback::Value("100"),
            "Consecutive wrong codes until an account is locked; from the first ones on, each costs a growing delay.",
        ),
    ];

    pub(super) fn read(values: &Values) -> Self {
        Self {
            sends_per_number_10m: values.number("limits.sends_per_number_10m"),
            sends_per_number_hour: values.number("limits.sends_per_number_hour"),
            sends_per_number_day: values.number("limits.sends_per_number_day"),
            sends_per_address_5m: values.number("limits.sends_per_address_5m"),
            sends_per_client_hour: values.number("limits.sends_per_client_hour"),
            sends_per_country_hour: values.number("limits.sends_per_country_hour"),
            failures_per_account: values.number("limits.failures_per_account"),
        }
    }

    pub(super) fn validate(&self, context: &Context, problems: &mut Problems) {
        let minutes = ("limits.sends_per_number_10m", self.sends_per_number_10m);
        let hour = ("limits.sends_per_number_hour", self.sends_per_number_hour);
        let day = ("limits.sends_per_number_day", self.sends_per_number_day);
        context.ordered(minutes, hour, problems);
        context.ordered(hour, day, problems);
        context.ordered(
            ("limits.sends_per_client_hour", self.sends_per_client_hour),
            ("limits.sends_per_country_hour", self.sends_per_country_hour),
            problems,
        );
        context.at_most(minutes, 10, "people would be bombed with messages", problems);
        context.at_most(hour, 15, "people would be bombed with messages", problems);
        context.at_most(day, 20, "people would be bombed with messages", problems);
    }
}
