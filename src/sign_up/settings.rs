use crate::platform::config::settings;

settings! {
    /// Registration on-line by the person's own document and number (`docs/sign-up.md`).
    [sign_up]
    pub struct SignUpSettings {
        /// Whether people can register here. It needs the State Personalisation Centre's and the operators' registers.
        offered: bool = false;
        /// How long a code works.
        code_seconds: u32 = 180, count(60..=300, "seconds");
        /// Tries that a code allows.
        code_tries: u32 = 5, count(1..=10, "tries");
        /// Registrations that one address may begin in an hour: each asks two registers. The network around it may begin eight times as many.
        per_address_hour: u32 = 20, count(1..=1_000_000_000, "registrations");
        /// Registrations that may be begun with one PINFL in a day, whoever begins them: so nobody finds out the number of a document.
        per_pinfl_day: u32 = 10, count(1..=1_000_000_000, "registrations");
        /// Codes of registrations that one number gets in a day.
        codes_per_number_day: u32 = 5, count(1..=1000, "codes");
    }
}
