use super::key::{Fallback, Key, Kind};
use super::{Context, Problems, Values};

/// `[sign_in]`: the sign-in's clocks and counters.
#[derive(Clone, Debug)]
pub struct SignIn {
    /// Time to finish a sign-in once begun, in seconds.
    pub transaction_seconds: u32,
    /// Life of an SMS code, in seconds.
    pub code_seconds: u32,
    /// Guesses allowed at one code.
    pub code_tries: u32,
    /// Waits before the first, second, … resend of a code, in seconds; its length is the number of resends.
    pub resend_after_seconds: Vec<u32>,
    /// An SSO session's end without use, in seconds.
    pub session_idle_seconds: u32,
    /// An SSO session's end whatever happens, in seconds.
    pub session_absolute_seconds: u32,
}

impl SignIn {
    pub(super) const KEYS: &[Key] = &[
        Key::new(
            "sign_in.transaction_seconds",
            Kind::seconds(60, 7200),
            Fallback::Value("1800"),
            "Time to finish a sign-in once begun.",
        ),
        Key::new(
            "sign_in.code_seconds",
            Kind::seconds(30, 300),
            Fallback::Value("180"),
            "Life of an SMS code.",
        ),
        Key::new(
            "sign_in.code_tries",
            Kind::count(1, 10, "guesses"),
            Fallback::Value("5"),
            "Guesses allowed at one code.",
        ),
        Key::new(
            "sign_in.resend_after_seconds",
            Kind::Integers { from: 1, to: 900, at_most: 3, unit: "seconds" },
            Fallback::Value("[30, 60, 120]"),
            "Waits before the first, second and third resend of a code; as many resends as entries.",
        ),
        Key::new(
            "sign_in.session_idle_seconds",
            Kind::seconds(60, 86_400),
            Fallback::Value("1800"),
            "An SSO session ends after this time without use.",
        ),
        Key::new(
            "sign_in.session_absolute_seconds",
            Kind::seconds(60, 86_400),
            Fallback::Value("43200"),
            "An SSO session ends after this time whatever happens.",
        ),
    ];

    pub(super) fn read(values: &Values) -> Self {
        Self {
            transaction_seconds: values.number("sign_in.transaction_seconds"),
            code_seconds: values.number("sign_in.code_seconds"),
            code_tries: values.number("sign_in.code_tries"),
            resend_after_seconds: values.numbers("sign_in.resend_after_seconds"),
            session_idle_seconds: values.number("sign_in.session_idle_seconds"),
            session_absolute_seconds: values.number("sign_in.session_absolute_seconds"),
        }
    }

    pub(super) fn validate(&self, context: &Context, problems: &mut Problems) {
        context.ordered(
            ("sign_in.session_idle_seconds", self.session_idle_seconds),
            ("sign_in.session_absolute_seconds", self.session_absolute_seconds),
            problems,
        );
        context.ordered(
            ("sign_in.code_seconds", self.code_seconds),
            ("sign_in.transaction_seconds", self.transaction_seconds),
            problems,
        );
        let resends = &self.resend_after_seconds;
        if resends.iter().sum::<u32>() >= self.transaction_seconds {
            let wrong =
                "adds up to more than sign_in.transaction_seconds, so the last resend could never be used";
            problems.report("sign_in.resend_after_seconds", wrong, "shorten the waits");
        }
        if context.production && resends.iter().any(|wait| *wait < 10) {
            let wrong = "allows a resend after less than 10 seconds";
            problems.report(
                "sign_in.resend_after_seconds",
                wrong,
                "give messages time to arrive: [30, 60, 120]",
            );
        }
    }
}
