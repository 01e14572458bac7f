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
}
