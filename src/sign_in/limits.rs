//! Limits on what costs an SMS: per number, address, service and for the whole country.
//!
//! Windows are counted in short-lived state, exactly and across nodes. Hard caps survive its loss: they are held by the
//! outbox's own rows, a number's daily cap exactly, those of services, addresses and the country by counts that each
//! node reads back every few seconds and adds its own to.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, PoisonError};

use super::ServiceError;
use crate::clients::Client;
use crate::notices::Outbox;
use crate::platform::bytes::{self, Digest};
use crate::platform::clock::{Clock, Timestamp};
use crate::platform::db::DbError;
use crate::platform::ephemeral::{Ephemeral, EphemeralKey, KeySpace};
use crate::platform::telemetry::Metrics;

/// Whence a request comes: the client's address, IPv6 cut to /64, only as a digest.
#[derive(Clone, Copy, Debug)]
pub struct ClientNetwork(pub Digest);

impl ClientNetwork {
    /// Its text in counters and rows.
    pub fn text(&self) -> String {
        bytes::encode(&self.0.0[..12])
    }
}

/// Which limit was met.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Limit {
    /// This sign-in's own.
    SignInAttempt,
    /// The number's.
    Number,
    /// The address's.
    Address,
    /// The service's.
    Client,
    /// The country's.
    Country,
}

impl Limit {
    /// Its name in metrics.
    pub const fn name(self) -> &'static str {
        match self {
            Self::SignInAttempt => "transaction",
            Self::Number => "number",
            Self::Address => "address",
            Self::Client => "client",
            Self::Country => "country",
        }
    }

    /// Seconds after which trying again makes sense.
    pub const fn retry_after(self) -> i64 {
        match self {
            Self::Number | Self::SignInAttempt => 600,
            Self::Address => 300,
            Self::Client | Self::Country => 900,
        }
    }
}

/// How many codes may be sent.
#[derive(Clone, Copy, Debug)]
pub struct Caps {
    /// To one number in ten minutes.
    pub number_10m: u64,
    /// To one number in an hour.
    pub number_hour: u64,
    /// From one address in five minutes.
    pub address_5m: u64,
    /// From one address in an hour, whatever is lost.
    pub address_hour: u64,
    /// For one service in an hour, unless it has its own.
    pub client_hour: u64,
    /// In the country in an hour.
    pub country_hour: u64,
}

#[derive(Default)]
struct Totals {
    /// What is stored, by minute and scope; minutes that are over are read once.
    stored: BTreeMap<i64, HashMap<String, i64>>,
    /// The sums of `stored`.
    sums: HashMap<String, i64>,
    /// What this node has counted since it last read.
    pending: HashMap<String, i64>,
}

/// The limits. Cheap to clone.
#[derive(Clone)]
pub struct Limits {
    ephemeral: Ephemeral,
    outbox: Outbox,
    clock: Clock,
    caps: Caps,
    totals: Arc<Mutex<Totals>>,
    metrics: Arc<Metrics>,
}

/// Counted events of a window: sends, and tries at a code.
pub const WINDOWS: KeySpace = KeySpace::new(b'w', "rate window");

const COUNTRY: &str = "country";

impl Limits {
    /// Limits held at `caps`.
    pub fn new(
        ephemeral: Ephemeral,
        outbox: Outbox,
        clock: Clock,
        caps: Caps,
        metrics: Arc<Metrics>,
    ) -> Self {
        Self { ephemeral, outbox, clock, caps, totals: Arc::default(), metrics }
    }

    /// Counts one more wish for a code and tells which limit it exceeds, if any. `free` numbers are counted towards
    /// nothing: they exist in the sandbox only.
    ///
    /// # Errors
    /// [`ServiceError`] when the counters are away: then no code is sent.
    pub async fn exceeded(
        &self,
        number: &Digest,
        client: &Client,
        origin: &ClientNetwork,
        free: bool,
    ) -> Result<Option<Limit>, ServiceError> {
        if free {
            return Ok(None);
        }
        let client_cap = client.sends_per_hour.unwrap_or(self.caps.client_hour);
        let address = origin.text();
        let scopes = [
            (COUNTRY.to_owned(), self.caps.country_hour, Limit::Country),
            (format!("client/{}", client.id), client_cap, Limit::Client),
            (format!("address/{address}"), self.caps.address_hour, Limit::Address),
        ];
        if let Some(limit) = self.over_total(&scopes) {
            return Ok(Some(self.met(limit)));
        }
        let number = number.encode();
        let window = |name: String, seconds: i64| (EphemeralKey::of(WINDOWS, &name), seconds);
        // In this order, each only when all before it are kept: what is refused for the address's sake must not use up
        // what the number has, and neither may use up what everybody shares.
        let groups = [
            vec![(window(format!("address/{address}"), 300), self.caps.address_5m, Limit::Address)],
            vec![
                (window(format!("number-10m/{number}"), 600), self.caps.number_10m, Limit::Number),
                (window(format!("number-hour/{number}"), 3600), self.caps.number_hour, Limit::Number),
            ],
            vec![
                (window(format!("client/{}", client.id), 3600), client_cap, Limit::Client),
                (window(COUNTRY.to_owned(), 3600), self.caps.country_hour, Limit::Country),
            ],
        ];
        for group in groups {
            let keys: Vec<(EphemeralKey, i64)> = group.iter().map(|(key, ..)| *key).collect();
            let counts = self.ephemeral.count_all(&keys).await?;
            let met = group.iter().zip(counts).find(|((_, cap, _), count)| count > cap);
            if let Some(((.., limit), _)) = met {
                return Ok(Some(self.met(*limit)));
            }
        }
        self.add(scopes.map(|(scope, ..)| scope));
        Ok(None)
    }

    /// Reads what all nodes have stored. Every few seconds; the first time, the whole last hour.
    ///
    /// # Errors
    /// [`DbError`]; what was known before is kept.
    pub async fn refresh(&self) -> Result<(), DbError> {
        let minute = self.clock.now().0.div_euclid(60);
        let hour_ago = minute - 60;
        // The last minutes are still changing, and a commit may be late.
        let from = self.lock().stored.keys().next_back().map_or(hour_ago, |last| (last - 2).max(hour_ago));
        let least = i64::try_from(self.caps.address_hour / 60).unwrap_or(i64::MAX).max(1);
        let found = self.outbox.stored_since(Timestamp(from * 60), least).await?;
        let mut totals = self.lock();
        totals.stored.retain(|known, _| (hour_ago..from).contains(known));
        totals.stored.insert(minute, HashMap::new());
        for (minute, scope, count) in found {
            if scope.starts_with("client/") {
                *totals.stored.entry(minute).or_default().entry(COUNTRY.to_owned()).or_default() += count;
            }
            *totals.stored.entry(minute).or_default().entry(scope).or_default() += count;
        }
        let mut sums = HashMap::new();
        for (scope, count) in totals.stored.values().flatten() {
            *sums.entry(scope.clone()).or_default() += count;
        }
        totals.sums = sums;
        totals.pending.clear();
        Ok(())
    }

    fn over_total(&self, scopes: &[(String, u64, Limit)]) -> Option<Limit> {
        let totals = self.lock();
        let sent = |scope: &str| {
            let of = |map: &HashMap<String, i64>| map.get(scope).copied().unwrap_or(0);
            u64::try_from(of(&totals.sums) + of(&totals.pending)).unwrap_or(0)
        };
        scopes.iter().find(|(scope, cap, _)| sent(scope) >= *cap).map(|(.., limit)| *limit)
    }

    fn add(&self, scopes: [String; 3]) {
        let mut totals = self.lock();
        for scope in scopes {
            *totals.pending.entry(scope).or_default() += 1;
        }
    }

    fn met(&self, limit: Limit) -> Limit {
        self.metrics.limits(limit.name()).inc();
        limit
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Totals> {
        self.totals.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
