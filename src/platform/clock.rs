//! The one source of time. Rules take a [`Timestamp`] as an argument; only edges ask the [`Clock`].

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};

use serde::{Deserialize, Serialize};

/// A point in time, in whole seconds since the Unix epoch (UTC).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Timestamp(pub i64);

impl Timestamp {
    /// The time `seconds` later.
    pub const fn plus(self, seconds: i64) -> Self {
        Self(self.0.saturating_add(seconds))
    }

    /// The time `seconds` earlier.
    pub const fn minus(self, seconds: i64) -> Self {
        Self(self.0.saturating_sub(seconds))
    }

    /// Seconds from `earlier` to this time; negative if `earlier` is later.
    pub const fn since(self, earlier: Timestamp) -> i64 {
        self.0.saturating_sub(earlier.0)
    }

    /// As RFC 3339 writes it, in UTC; the plain number when it lies outside of the years that it can write.
    pub fn to_rfc3339(self) -> String {
        time::OffsetDateTime::from_unix_timestamp(self.0)
            .ok()
            .and_then(|moment| moment.format(&time::format_description::well_known::Rfc3339).ok())
            .unwrap_or_else(|| self.0.to_string())
    }
}

/// The source of time: the system's clock, or one that a test moves.
#[derive(Clone, Debug, Default)]
pub enum Clock {
    /// The operating system's clock.
    #[default]
    System,
    /// The clock of a running process.
    Process(Arc<Process>),
    /// A clock that stops until it is moved; milliseconds since the Unix epoch.
    Manual(Arc<AtomicI64>),
}

/// What the clock of a running process adds to the operating system's, and whether it is to be believed.
#[derive(Debug, Default)]
pub struct Process {
    /// Whether it can be moved, as in the sandbox.
    movable: bool,
    /// By how much the time of the whole deployment was moved, in milliseconds.
    moved: AtomicI64,
    /// By how much this machine's clock is made wrong, in milliseconds.
    wrong: AtomicI64,
    /// Whether it is known to be wrong.
    doubted: AtomicBool,
}

impl Clock {
    /// The clock of a process: the system's, and in the sandbox one that can be moved and made wrong.
    pub fn of_process(movable: bool) -> Self {
        Self::Process(Arc::new(Process { movable, ..Process::default() }))
    }

    /// A clock that is stopped at `start` until [`Clock::advance`] moves it.
    pub fn manual(start: Timestamp) -> Self {
        Self::Manual(Arc::new(AtomicI64::new(start.0.saturating_mul(1000))))
    }

    /// Now, in whole seconds.
    pub fn now(&self) -> Timestamp {
        Timestamp(self.now_ms().div_euclid(1000))
    }

    /// Now, in milliseconds since the Unix epoch.
    pub fn now_ms(&self) -> i64 {
        match self {
            Self::System => system_ms(),
            Self::Process(process) => system_ms().saturating_add(process.offset()),
            Self::Manual(ms) => ms.load(Ordering::SeqCst),
        }
    }

    /// Now, in microseconds since the Unix epoch; in whole milliseconds where the clock is stopped.
    pub fn now_us(&self) -> i64 {
        match self {
            Self::System => system_us(),
            Self::Process(process) => system_us().saturating_add(process.offset().saturating_mul(1000)),
            Self::Manual(_) => self.now_ms().saturating_mul(1000),
        }
    }

    /// The time by this machine's clock alone, in milliseconds since the Unix epoch: what a sandbox was moved by is not in
    /// it. Clocks of machines are compared by it.
    pub fn machine_ms(&self) -> i64 {
        self.now_ms().saturating_sub(self.moved_ms())
    }

    /// By how much a sandbox's time was moved, in milliseconds.
    pub fn moved_ms(&self) -> i64 {
        match self {
            Self::Process(process) => process.moved.load(Ordering::SeqCst),
            Self::System | Self::Manual(_) => 0,
        }
    }

    /// Makes this machine's clock wrong by so many seconds; `false` where the clock cannot be moved.
    pub fn make_wrong(&self, seconds: i64) -> bool {
        let Self::Process(process) = self else { return false };
        if process.movable {
            process.wrong.store(seconds.saturating_mul(1000), Ordering::SeqCst);
        }
        process.movable
    }

    /// Says whether it is known to be wrong.
    pub fn doubt(&self, wrong: bool) {
        if let Self::Process(process) = self {
            process.doubted.store(wrong, Ordering::SeqCst);
        }
    }

    /// Whether it is known to be wrong: nothing may be removed, given up or replaced by it because of its age.
    pub fn is_doubted(&self) -> bool {
        matches!(self, Self::Process(process) if process.doubted.load(Ordering::SeqCst))
    }

    /// Whether [`Clock::advance`] moves it.
    pub fn is_movable(&self) -> bool {
        match self {
            Self::System => false,
            Self::Process(process) => process.movable,
            Self::Manual(_) => true,
        }
    }

    /// Moves the clock; `false` for the system's, which cannot be moved.
    pub fn advance(&self, seconds: i64) -> bool {
        match self {
            Self::System => false,
            Self::Process(process) => {
                if process.movable {
                    process.moved.fetch_add(seconds.saturating_mul(1000), Ordering::SeqCst);
                }
                process.movable
            }
            Self::Manual(ms) => {
                ms.fetch_add(seconds.saturating_mul(1000), Ordering::SeqCst);
                true
            }
        }
    }
}

impl Process {
    fn offset(&self) -> i64 {
        self.moved.load(Ordering::SeqCst).saturating_add(self.wrong.load(Ordering::SeqCst))
    }
}

fn system_us() -> i64 {
    system().map_or(0, |since| i64::try_from(since.as_micros()).unwrap_or(i64::MAX))
}

fn system_ms() -> i64 {
    system().map_or(0, |since| i64::try_from(since.as_millis()).unwrap_or(i64::MAX))
}

/// The time since the Unix epoch; `None` when the system's clock is set before it.
#[expect(clippy::disallowed_methods, reason = "the one place where the system's time is read")]
fn system() -> Option<std::time::Duration> {
    std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_process_clock_is_moved_and_made_wrong_apart() {
        let clock = Clock::of_process(true);
        assert!(clock.advance(3600) && clock.make_wrong(-60));
        let system = Clock::System.now_ms();
        assert!((clock.now_ms() - system - 3_540_000).abs() < 1000);
        assert!((clock.machine_ms() - system + 60_000).abs() < 1000);
        assert_eq!(clock.moved_ms(), 3_600_000);
        let fixed = Clock::of_process(false);
        assert!(!fixed.make_wrong(60) && !fixed.advance(60));
        fixed.doubt(true);
        assert!(fixed.clone().is_doubted(), "copies share the doubt");
    }

    #[test]
    fn a_movable_clock_is_moved_and_goes_on_ticking() {
        let (system, clock) = (Clock::of_process(false), Clock::of_process(true));
        assert!(clock.now_ms() - system.now_ms() < 1000, "it begins at the system's time");
        let before = clock.now_ms();
        assert!(clock.clone().advance(3600), "copies share the offset");
        while clock.now_ms() == before + 3_600_000 {
            std::hint::spin_loop();
        }
        let moved = clock.now_ms() - before;
        assert!((3_600_001..3_660_000).contains(&moved), "{moved}");
    }

    #[test]
    fn the_systems_clock_cannot_be_moved() {
        let clock = Clock::of_process(false);
        let before = clock.now();
        assert!(!clock.advance(3600));
        assert!(clock.now().since(before) < 60);
    }

    #[test]
    fn a_manual_clock_stands_still_until_it_is_moved() {
        let clock = Clock::manual(Timestamp(10));
        assert_eq!(clock.now(), Timestamp(10));
        assert!(clock.advance(5));
        assert_eq!(clock.now_ms(), 15_000);
    }
}
