use std::collections::BTreeMap;
use std::path::PathBuf;

use crate::platform::config::{
    Fallback, Loader, Raw, SettingValue, ValueKind, WrongValue, mismatch, settings,
};

settings! {
    /// Sandbox only: the whole section is rejected in production.
    [sandbox]
    pub struct SandboxSettings {
        /// A file of test people.
        people: Option<PathBuf>, otherwise("the built-in test people");
        /// Test numbers (`99800` and seven digits) with a constant SMS code, for automated browsers:
        /// `{ "998001234567" = "123456" }`.
        constant_codes: ConstantCodes;
        /// Exempt the numbers of `constant_codes` from the rate limits per number and per client IP, for load and conformance runs.
        relaxed_limits: bool = false;
        /// Suspends clients that name no contract, as production does. Without it they live under a built-in one, which allows
        /// everything.
        contracts_demanded: bool = false;
        /// Let `POST /sandbox/clock` on the operations port move this process's clock by `advance_seconds`, to test
        /// expiry, or make it wrong by `wrong_seconds`.
        movable_clock: bool = false;
    }
}

/// Constant codes by test number, both digits only.
#[derive(Clone, Debug, Default)]
pub struct ConstantCodes(pub BTreeMap<String, String>);

impl SettingValue for ConstantCodes {
    const KIND: ValueKind = ValueKind::Table("a table of test numbers and their codes");
    const FALLBACK: Fallback = Fallback::Nothing("none");

    fn read(raw: &Raw, _: ValueKind) -> Result<Self, WrongValue> {
        let table = raw.as_table().ok_or_else(|| mismatch(raw, "a table"))?;
        let digits = |text: &str, length| text.len() == length && text.bytes().all(|b| b.is_ascii_digit());
        let mut codes = BTreeMap::new();
        for (number, code) in table {
            if !(number.starts_with("99800") && digits(number, 12)) {
                let known = number.get(..5).unwrap_or_default();
                return Err(format!(
                    "has the number {known}…; only test numbers, 99800 and seven digits, may have a constant code"
                )
                .into());
            }
            let code = code.as_str().filter(|code| digits(code, 6));
            let code =
                code.ok_or_else(|| format!("has a code for {number} that is not six digits in quotes"))?;
            codes.insert(number.clone(), code.to_owned());
        }
        Ok(Self(codes))
    }

    fn placeholder() -> Self {
        Self::default()
    }
}

impl SandboxSettings {
    pub(super) fn check(&self, loader: &mut Loader) {
        if let Some(people) = &self.people {
            loader.readable("sandbox.people", people);
        }
        if !loader.production {
            return;
        }
        let remedy = "remove it, or set environment = \"sandbox\" if no real people sign in";
        let set: Vec<_> = loader.set_under("sandbox").collect();
        for key in &set {
            let wrong = match *key {
                "sandbox.constant_codes" => "sets constant codes, which are for the sandbox only",
                "sandbox.movable_clock" => "lets a request change expiry, which is for the sandbox only",
                "sandbox.people" => "adds test people, which are for the sandbox only",
                _ => "is for the sandbox only",
            };
            loader.report(key, wrong, remedy);
        }
        if set.is_empty() && loader.has_section("sandbox") {
            loader.report("sandbox", "is for the sandbox only", remedy);
        }
    }
}
