//! Limits on what costs an SMS: per number, address, service and for the whole country.
//!
//! Windows are counted in short-lived state, exactly and across nodes. Hard caps survive its loss: they are held by the
//! outbox's own rows, a number's daily cap exactly, those of services, addresses and the country by counts that each
//! node reads back every few seconds and adds its own to.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, PoisonError};

use super::WINDOWS;
use crate::clients::Client;
use crate::notices::Outbox;
use crate::platform::bytes::{self, Digest};
use crate::platform::clock::{Clock, Timestamp};
use crate::platform::db::DbError;
use crate::platform::ephemeral::{Batch, EphemeralKey};
use crate::platform::telemetry::Metrics;

/// Keyed digest of the client's IP address (IPv6 truncated to /64).
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
    /// This sign-in attempt's own.
    Attempt,
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
            Self::Attempt => "attempt",
            Self::Number => "number",
            Self::Address => "address",
            Self::Client => "client",
            Self::Country => "country",
        }
    }

    /// Seconds after which trying again makes sense.
    pub const fn retry_after(self) -> i64 {
        match self {
            Self::Number | Self::Attempt => 600,
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

/// A window of time in which events are counted.
struct Window {
    key: EphemeralKey,
    seconds: i64,
    cap: u64,
    limit: Limit,
}

/// What one message is counted towards.
pub struct Counted {
    groups: Vec<Vec<Window>>,
    scopes: Option<[String; 3]>,
}

impl Counted {
    /// Adds the windows to a batch, which only goes on while each keeps its cap.
    pub fn count_in(&self, batch: &mut Batch<'_>) {
        for group in &self.groups {
            batch.limits(group.iter().map(|window| (window.key, window.seconds, window.cap)));
        }
    }
}

/// The limits. Cheap to clone.
#[derive(Clone)]
pub struct Limits {
    outbox: Outbox,
    clock: Clock,
    caps: Caps,
    totals: Arc<Mutex<Totals>>,
    metrics: Arc<Metrics>,
}

const COUNTRY: &str = "country";

impl Limits {
    /// Limits held at `caps`.
    pub fn new(outbox: Outbox, clock: Clock, caps: Caps, metrics: Arc<Metrics>) -> Self {
        Self { outbox, clock, caps, totals: Arc::default(), metrics }
    }

    /// What one more message would be counted towards; the limit that is exceeded, if that is known without asking.
    /// `exempt` numbers are counted towards nothing: they exist in the sandbox only.
    ///
    /// # Errors
    /// The [`Limit`] whose total is used up.
    pub fn of(
        &self,
        number: &Digest,
        client: &Client,
        network: &ClientNetwork,
        exempt: bool,
    ) -> Result<Counted, Limit> {
        if exempt {
            return Ok(Counted { groups: Vec::new(), scopes: None });
        }
        let client_cap = client.sessions.sends_per_hour.unwrap_or(self.caps.client_hour);
        let address = network.text();
        let of_client = format!("client/{}", client.id);
        let of_address = format!("address/{address}");
        let totals = [
            (COUNTRY, self.caps.country_hour, Limit::Country),
            (&of_client, client_cap, Limit::Client),
            (&of_address, self.caps.address_hour, Limit::Address),
        ];
        if let Some(limit) = self.over_total(&totals) {
            return Err(self.met(limit));
        }
        let number = number.encode();
        let window = |name: &str, seconds: i64, cap: u64, limit: Limit| Window {
            key: EphemeralKey::of(WINDOWS, name),
            seconds,
            cap,
            limit,
        };
        // In this order, each only when all before it are kept: what is refused because of the client's network must not
        // use up what the number has, and neither may use up what everybody shares.
        let groups = vec![
            vec![window(&of_address, 300, self.caps.address_5m, Limit::Address)],
            vec![
                window(&format!("number-10m/{number}"), 600, self.caps.number_10m, Limit::Number),
                window(&format!("number-hour/{number}"), 3600, self.caps.number_hour, Limit::Number),
            ],
            vec![
                window(&of_client, 3600, client_cap, Limit::Client),
                window(COUNTRY, 3600, self.caps.country_hour, Limit::Country),
            ],
        ];
        Ok(Counted { groups, scopes: Some([COUNTRY.to_owned(), of_client, of_address]) })
    }

    /// Notes that a message was counted and kept every limit.
    pub fn kept(&self, counted: Counted) {
        if let Some(scopes) = counted.scopes {
            self.add(scopes);
        }
    }

    /// The limit that a batch exceeded.
    pub fn exceeded(&self, counted: &Counted, group: usize, index: usize) -> Limit {
        let met = counted.groups.get(group).and_then(|group| group.get(index));
        self.met(met.map_or(Limit::Country, |window| window.limit))
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

    fn over_total(&self, scopes: &[(&str, u64, Limit)]) -> Option<Limit> {
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
