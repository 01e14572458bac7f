use super::hash::Cost;
use super::rules::Rules;
use crate::platform::config::{Loader, settings};

settings! {
    /// Login and password (`docs/passwords.md`).
    [passwords]
    pub struct PasswordSettings {
        /// Whether people can sign in by login and password here.
        enabled: bool = true;
        /// The fewest characters of a new password. A password can be the only factor of a sign-in, for which NIST SP 800-63B-4 asks for 15.
        shortest: u32 = 15, count(12..=64, "characters");
        /// Memory of one Argon2id hash. With `passes`, what a guess costs; hashes of another cost are made anew at the next sign-in.
        memory_kib: u32 = 47104, count(64..=1_048_576, "KiB");
        /// Passes over that memory.
        passes: u32 = 1, count(1..=16, "passes");
        /// Threads of this node for hashes, of the lowest priority. Each keeps the memory of one.
        threads: u32 = 1, count(1..=64, "threads");
        /// Hashes that may wait for a thread; beyond them people are asked to try again.
        queue: u32 = 50, count(1..=10_000, "hashes");
        /// Lifetime of a temporary password, and of a link by which the first one is set.
        temporary_hours: u32 = 24, count(1..=24, "hours");
        /// For how long a recovery can be stopped, and in which no other means can be removed and no number changed.
        recovery_hours: u32 = 72, count(1..=720, "hours");
    }
}

impl PasswordSettings {
    pub(crate) fn check(&self, loader: &mut Loader) {
        if loader.production && !self.cost().is_enough() {
            let wrong = "makes passwords cheaper to guess than is recommended";
            let remedy =
                "use 47104 with one pass, 19456 with two, 12288 with three, 9216 with four or 7168 with five";
            loader.report("passwords.memory_kib", wrong, remedy);
        }
    }

    /// What one hash costs.
    pub const fn cost(&self) -> Cost {
        Cost { memory_kib: self.memory_kib, passes: self.passes }
    }

    /// The rules of new passwords.
    pub const fn rules(&self) -> Rules {
        Rules { shortest: self.shortest as usize }
    }
}
