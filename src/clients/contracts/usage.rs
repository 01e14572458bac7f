//! How often data were released under contracts: quotas, and what is to be paid (R99).
//!
//! A release is an access token that a service can read data of a person with, or a verification that says "yes". Each node counts in its memory, and every few
//! seconds in the background adds what it counted to the table and reads the sums of all nodes back; so a sign-in costs no
//! statement, and a quota is exceeded by no more than what comes within those seconds. What a killed node had not added is lost.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::contract::Contract;
use super::store;
pub use super::store::UsageRow;
use crate::clients::{Client, ClientId};
use crate::people::CivilDate;
use crate::platform::clock::Timestamp;
use crate::platform::db::{Db, DbError};

/// Which quota is used up.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Spent {
    /// That of the day.
    Day,
    /// That of the month.
    Month,
}

impl Spent {
    /// What a client's developers are told, in ASCII.
    pub const fn description(self) -> &'static str {
        match self {
            Self::Day => {
                "the releases of data that the contract of the client allows in a day are used up: try again tomorrow"
            }
            Self::Month => {
                "the releases of data that the contract of the client allows in a month are used up: try again next month"
            }
        }
    }

    /// Seconds until there is a new one, from `now`, by the days of Tashkent.
    pub fn seconds(self, now: Timestamp) -> i64 {
        let day = 86_400 - (now.0 + 5 * 3600).rem_euclid(86_400);
        match self {
            Self::Day => day,
            Self::Month => {
                let date = CivilDate::of(now).to_date();
                let left = date.month().length(date.year()).saturating_sub(date.day());
                day + i64::from(left) * 86_400
            }
        }
    }
}

/// A day of Tashkent as a number, YYYYMMDD.
fn day_of(now: Timestamp) -> i64 {
    let day = CivilDate::of(now).to_date();
    i64::from(day.year()) * 10_000 + i64::from(u8::from(day.month())) * 100 + i64::from(day.day())
}

#[derive(Default)]
struct State {
    /// What this node counted and did not add yet: by day, contract and client.
    counted: HashMap<(i64, String, ClientId), i64>,
    /// The day of the sums.
    day: i64,
    /// What all nodes added, by contract: on the day, and in its month.
    sums: BTreeMap<String, (u64, u64)>,
}

impl State {
    /// Moves what was added to the table from what was counted to the sums, so that it is in one of them at every moment.
    fn added(&mut self, counted: &HashMap<(i64, String, ClientId), i64>) {
        for (key, releases) in counted {
            if let Some(left) = self.counted.get_mut(key) {
                *left -= releases;
            }
            if key.0 / 100 == self.day / 100 {
                let releases = u64::try_from(*releases).unwrap_or(0);
                let (of_day, of_month) = self.sums.entry(key.1.clone()).or_default();
                *of_day += if key.0 == self.day { releases } else { 0 };
                *of_month += releases;
            }
        }
        self.counted.retain(|_, left| *left > 0);
    }
}

/// What was released under contracts.
#[derive(Default)]
pub(in crate::clients) struct Usage {
    state: Mutex<State>,
}

impl Usage {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Counts one release to a client.
    pub(in crate::clients) fn released(&self, client: &Client, now: Timestamp) {
        let Some(contract) = client.contract.as_ref().filter(|contract| !contract.built_in) else { return };
        let key = (day_of(now), contract.id().to_owned(), client.id.clone());
        *self.lock().counted.entry(key).or_default() += 1;
    }

    /// Which quota of a contract is used up, if one is.
    pub(in crate::clients) fn spent(&self, contract: &Contract, now: Timestamp) -> Option<Spent> {
        let own = &contract.document;
        if own.releases_per_day.is_none() && own.releases_per_month.is_none() {
            return None;
        }
        let (today, state) = (day_of(now), self.lock());
        let (mut of_day, mut of_month) = state.sums.get(contract.id()).copied().unwrap_or_default();
        if state.day != today {
            // The sums are of a day that is over; its month may be as well.
            of_day = 0;
            if state.day / 100 != today / 100 {
                of_month = 0;
            }
        }
        for ((day, id, _), count) in &state.counted {
            let count = u64::try_from(*count).unwrap_or(0);
            if id == contract.id() && day / 100 == today / 100 {
                of_month += count;
                of_day += if *day == today { count } else { 0 };
            }
        }
        drop(state);
        let over = |most: Option<u32>, sum: u64| most.is_some_and(|most| sum >= u64::from(most));
        if over(own.releases_per_month, of_month) {
            Some(Spent::Month)
        } else {
            over(own.releases_per_day, of_day).then_some(Spent::Day)
        }
    }

    /// Adds what was counted to the table, and reads what all nodes added.
    ///
    /// # Errors
    /// [`DbError`]; then what was counted is added the next time. Where nobody knows whether it was, it counts twice rather than
    /// not at all.
    pub(in crate::clients) async fn refresh(&self, db: &Db, now: Timestamp) -> Result<(), DbError> {
        let counted = self.lock().counted.clone();
        if !counted.is_empty() {
            // In one order, so that two nodes do not wait for each other in a circle.
            let mut rows: Vec<_> = counted.iter().collect();
            rows.sort_unstable_by(|a, b| a.0.0.cmp(&b.0.0).then(a.0.1.cmp(&b.0.1)).then(a.0.2.cmp(&b.0.2)));
            let add = |((day, contract, client), releases): &(&(i64, String, ClientId), &i64)| {
                store::add_usage((*day, contract), client, **releases)
            };
            db.all_or_nothing(rows.iter().map(add).collect()).await?;
            self.lock().added(&counted);
        }
        let day = day_of(now);
        let sums = store::sums(db, (day / 100 * 100, day)).await?;
        let mut state = self.lock();
        (state.day, state.sums) = (day, sums);
        Ok(())
    }
}
