//! The windows from which on something costs a toll. What was paid for is counted all the same.

use super::{DEAREST, Level, TollRules};

/// Seconds in which codes are counted.
const CODES: i64 = 600;

/// Seconds in which accounts are counted.
const HOUR: i64 = 3600;

/// A window, and the toll that is due once it is full.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct TollWindow {
    /// What names it.
    pub name: String,
    /// What names the event, where it counts once in the window's time.
    pub once: Option<String>,
    /// Its length.
    pub seconds: i64,
    /// How many events go before the toll.
    pub cap: u64,
    /// How dear that is.
    pub level: Level,
}

impl TollRules {
    /// The windows of a stranger's code: of the address that asks for it, unless many people share it, and of the number. `paid` is the
    /// level that was paid.
    pub fn of_code(&self, address: Option<&str>, number: &str, paid: Level) -> Vec<TollWindow> {
        let mut windows = Vec::with_capacity(4);
        // A window that is kept is counted even where a later one is not: so what is refused by the first uses up nothing of the second.
        for level in 1..=DEAREST {
            let window = |name, cap| TollWindow {
                name,
                once: None,
                seconds: CODES,
                cap: if paid >= level { u64::MAX } else { cap },
                level,
            };
            if let Some(address) = address {
                windows.push(window(format!("toll-{level}-address/{address}"), self.of_address(level)));
            }
            windows.push(window(format!("toll-{level}-number/{number}"), self.of_number(level)));
        }
        windows
    }

    /// The window in which something counts as one more code for a number, without being held against it.
    pub fn one_more_code(number: &str) -> (String, i64) {
        (format!("toll-1-number/{number}"), CODES)
    }

    /// The window of different accounts that strangers begin with from an address: each counts once in an hour, by whatever means it is
    /// begun with. `account` is a keyed digest of the number or login as it was typed, whoever has it.
    pub fn of_account(&self, address: &str, account: &str, paid: Level) -> TollWindow {
        let level = paid.saturating_add(1).min(DEAREST);
        TollWindow {
            name: format!("toll-accounts/{address}"),
            once: Some(format!("toll-account/{address}/{account}")),
            seconds: HOUR,
            cap: if paid >= DEAREST { u64::MAX } else { self.of_accounts(level) },
            level,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const RULES: TollRules = TollRules { address: 10, number: 2, accounts: 30, wait: 15, bits: 8 };

    fn caps(windows: &[TollWindow]) -> Vec<(Level, u64)> {
        windows.iter().map(|window| (window.level, window.cap)).collect()
    }

    #[test]
    fn what_was_paid_is_counted_and_held_against_nothing() {
        assert_eq!(caps(&RULES.of_code(Some("a"), "n", 0)), [(1, 10), (1, 2), (2, 40), (2, 3)]);
        assert_eq!(caps(&RULES.of_code(None, "n", 1)), [(1, u64::MAX), (2, 3)], "an address that many share");
        let of_account = |paid| caps(&[RULES.of_account("a", "n", paid)])[0];
        assert_eq!([0, 1, 2].map(of_account), [(1, 30), (2, 120), (2, u64::MAX)]);
    }

    #[test]
    fn one_more_code_is_counted_where_codes_are() {
        let (name, seconds) = TollRules::one_more_code("n");
        let windows = RULES.of_code(None, "n", 0);
        assert_eq!((&windows[0].name, windows[0].seconds), (&name, seconds));
    }

    #[test]
    fn an_account_counts_once_at_each_address() {
        let named = |address, account| RULES.of_account(address, account, 0);
        assert_eq!(named("a", "n").name, named("a", "m").name);
        assert_ne!(named("a", "n").once, named("a", "m").once);
        assert_ne!(named("a", "n").once, named("b", "n").once);
        assert_ne!(named("a", "n").name, named("b", "n").name);
    }
}
