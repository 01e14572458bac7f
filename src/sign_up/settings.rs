use crate::platform::config::{Loader, settings};

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
        /// Registrations with one PINFL in a day from one network that registers do not confirm: so nobody finds out the number of a document, and
        /// who tries keeps its owner from registering nowhere else.
        per_pinfl_network_day: u32 = 5, count(1..=1_000_000_000, "registrations");
        /// The same from all networks together.
        per_pinfl_day: u32 = 100, count(1..=1_000_000_000, "registrations");
        /// Codes of registrations that one number gets in a day.
        codes_per_number_day: u32 = 5, count(1..=1000, "codes");
    }
}

impl SignUpSettings {
    /// Whether what registration needs is there: registers that answer, and a first credential.
    pub(crate) fn check(&self, (passwords, registers): (bool, bool), loader: &mut Loader) {
        if !self.offered {
            return;
        }
        if !passwords {
            let wrong = "opens accounts that nobody can sign in to";
            loader.report("sign_up.offered", wrong, "set passwords.enabled, or do not offer registration");
        }
        if !registers {
            let remedy = "add the sections registries.personalisation and registries.operators";
            loader.report("sign_up.offered", "has nobody to ask", remedy);
        }
    }
}
