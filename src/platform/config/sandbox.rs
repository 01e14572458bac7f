use super::files::readable;
use super::key::{Fallback, Key, Kind};
use super::{Context, Problems, Values};
use std::collections::BTreeMap;
use std::path::PathBuf;

/// `[sandbox]`: what exists only where nobody real signs in.
#[derive(Clone, Debug, Default)]
pub struct Sandbox {
    /// The test people's file; without it the ones built in.
    pub people: Option<PathBuf>,
    /// Test numbers (`99800…`, digits only) whose code never changes.
    pub constant_codes: BTreeMap<String, String>,
    /// Test numbers are not held to the limits per number and address.
    pub relaxed_limits: bool,
    /// The operations port takes `POST /sandbox/clock`, which moves this process's clock.
    pub movable_clock: bool,
}

impl Sandbox {
    pub(super) const KEYS: &[Key] = &[
        Key::new(
            "sandbox.people",
            Kind::Path,
            Fallback::Nothing("the people built in"),
            "A file of test people.",
        ),
        Key::new(
            "sandbox.constant_codes",
            Kind::Codes,
            Fallback::Nothing("none"),
            "Test numbers (`99800` and seven digits) whose SMS code never changes, for automated browsers: `{ \"998001234567\" = \"123456\" }`.",
        ),
        Key::new(
            "sandbox.relaxed_limits",
            Kind::Flag,
            Fallback::Value("false"),
            "Do not hold test numbers to the limits per number and per address, for load and conformance runs.",
        ),
        Key::new(
            "sandbox.movable_clock",
            Kind::Flag,
            Fallback::Value("false"),
            "Let `POST /sandbox/clock` on the operations port move this process's clock by `advance_seconds`, to see what expires expire.",
        ),
    ];

    pub(super) fn read(values: &Values) -> Self {
        Self {
            people: values.path("sandbox.people"),
            constant_codes: values.codes("sandbox.constant_codes"),
            relaxed_limits: values.flag("sandbox.relaxed_limits"),
            movable_clock: values.flag("sandbox.movable_clock"),
        }
    }

    pub(super) fn validate(&self, context: &Context, problems: &mut Problems) {
        if let Some(people) = &self.people {
            readable("sandbox.people", people, problems);
        }
        if !context.production {
            return;
        }
        let remedy = "remove it, or set environment = \"sandbox\" where no real person signs in";
        let mut named = false;
        for key in context.given_under("sandbox") {
            named = true;
            let wrong = match key {
                "sandbox.constant_codes" => "gives numbers a code that everybody may know, in production",
                "sandbox.people" => "adds people who do not exist, in production",
                "sandbox.movable_clock" => "lets a request decide what has expired, in production",
                _ => "is for the sandbox, and this is production",
            };
            problems.report(key, wrong, remedy);
        }
        if !named && context.section_given("sandbox") {
            problems.report("sandbox", "is for the sandbox, and this is production", remedy);
        }
    }
}
