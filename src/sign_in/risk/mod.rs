//! What looks like somebody at work who is not the person, and what it costs them: simple published rules (`docs/risk.md`), no score that nobody
//! can explain.
//!
//! A rule is a window that is counted in the batch of limits (`windows.rs`), so that it adds no round trip. Where more codes are asked for than
//! people ask for, or more accounts are begun with, the next try costs a toll (`toll.rs`): some work of the browser, or a wait of a known
//! length without scripts. More of the same costs more. Nobody is kept out: who pays goes on, up to the limits that hold for everybody.
//! Browsers in which a person signed in before pay nothing.

mod toll;
mod travel;
mod windows;

pub use toll::{Paid, Toll, Tolls};
pub use travel::{TravelRules, TravelWindow};
pub use windows::TollWindow;

/// From when on codes cost a toll, and how much.
#[derive(Clone, Copy, Debug)]
pub struct TollRules {
    /// Codes asked for from one address in ten minutes; the dear toll is due after four times as many.
    pub address: u64,
    /// Codes asked for by strangers for one number in ten minutes; the dear toll is due after one more.
    pub number: u64,
    /// Different accounts, numbers and logins, that strangers begin with from one address in an hour; the dear toll is due after four times
    /// as many.
    pub accounts: u64,
    /// Seconds that a toll takes without scripts; the dear one takes four times as long.
    pub wait: i64,
    /// Leading zero bits of the hash that the browser has to find; the dear toll wants three more.
    pub bits: u32,
}

/// How dear a toll is: 1, or 2 for the dear one; 0 is none.
pub type Level = u8;

/// The dearest.
pub const DEAREST: Level = 2;

impl TollRules {
    /// The codes from an address that go before a toll of this level.
    pub fn of_address(&self, level: Level) -> u64 {
        if level > 1 { self.address.saturating_mul(4) } else { self.address }
    }

    /// The codes for a number that go before a toll of this level.
    pub fn of_number(&self, level: Level) -> u64 {
        self.number.saturating_add(u64::from(level.saturating_sub(1)))
    }

    /// The accounts from an address that go before a toll of this level.
    pub fn of_accounts(&self, level: Level) -> u64 {
        if level > 1 { self.accounts.saturating_mul(4) } else { self.accounts }
    }

    fn wait_of(&self, level: Level) -> i64 {
        if level > 1 { self.wait.saturating_mul(4) } else { self.wait }
    }

    fn bits_of(&self, level: Level) -> u32 {
        if level > 1 { self.bits + 3 } else { self.bits }
    }
}
