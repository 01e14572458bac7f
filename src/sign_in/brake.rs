//! The brakes on spread guessing: where many codes are sent and few are entered right, tries become fewer and codes slower; where many
//! passwords are tried by strangers and few are right, further tries cost a toll.
//!
//! Whoever guesses at many accounts at once stays below every limit of a single number; what gives them away is that the
//! codes which they cause are not entered. So codes sent and codes entered right are counted for the country, each service
//! and each network. Every node counts in its own memory, and a few seconds later in background adds what it counted to
//! what all nodes share, so that a sign-in costs nothing more. A code counts as sent only once it has expired: until then
//! nobody knows whether it will be entered.
//!
//! Towards service and country only messages count that are really sent: numbers that are nobody's cost an attacker
//! nothing, and would let them brake everybody. Towards the network every entered number counts, since otherwise the brake
//! of one's own network would tell which numbers are enrolled. Known browsers are never braked.
//!
//! A password costs whoever tries it nothing, whoever has the login. So all tries of strangers count alike, but in named networks, where
//! a login that is nobody's brakes nobody; and what follows is a toll, which keeps nobody out.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::WINDOWS;
use super::network::ClientNetwork;
use super::risk::{DEAREST, Level};
use crate::clients::ClientId;
use crate::platform::bytes;
use crate::platform::clock::{Clock, Timestamp};
use crate::platform::ephemeral::{Ephemeral, EphemeralKey, Unavailable};
use crate::platform::telemetry::Metrics;

/// What a brake counts.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Guessed {
    /// Codes sent, and codes entered right.
    Codes,
    /// Passwords tried, and passwords that were right.
    Passwords,
}

/// When the brake takes hold, and what it does then.
#[derive(Clone, Copy, Debug)]
pub struct BrakeRules {
    /// What is counted: codes, or tries of passwords in their place.
    pub of: Guessed,
    /// Seconds over which codes are counted, and for which a brake holds at least.
    pub window: i64,
    /// Expired codes of the country in a window below which nothing is said of them.
    pub country_codes: u64,
    /// The same of one service.
    pub client_codes: u64,
    /// The same of one network.
    pub network_codes: u64,
    /// The same of one address; of codes none is braked.
    pub address_codes: u64,
    /// Codes entered right, of a hundred sent, below which the brake takes hold.
    pub share: u64,
    /// Tries that a code then allows.
    pub tries: u64,
    /// Seconds before the next code may then be asked for, at least.
    pub wait: i64,
    /// Lifetime of a code, in seconds.
    pub code_seconds: i64,
}

/// What is braked.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
enum Scope {
    Country,
    Client(ClientId),
    Network(String),
    Address(String),
}

impl Scope {
    /// Its name in metrics, logs and keys.
    const fn kind(&self, of: Guessed) -> &'static str {
        match (of, self) {
            (Guessed::Codes, Self::Country) => "country",
            (Guessed::Codes, Self::Client(_)) => "client",
            (Guessed::Codes, Self::Network(_)) => "network",
            (Guessed::Codes, Self::Address(_)) => "address",
            (Guessed::Passwords, Self::Country) => "password_country",
            (Guessed::Passwords, Self::Client(_)) => "password_client",
            (Guessed::Passwords, Self::Network(_)) => "password_network",
            (Guessed::Passwords, Self::Address(_)) => "password_address",
        }
    }

    fn key(&self, of: Guessed, window: i64, what: &str) -> EphemeralKey {
        let name = match self {
            Self::Country => "",
            Self::Client(id) => id.as_str(),
            Self::Network(name) | Self::Address(name) => name,
        };
        EphemeralKey::of(WINDOWS, &format!("brake/{window}/{}/{name}/{what}", self.kind(of)))
    }
}

/// Codes of one scope.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
struct Codes {
    sent: u64,
    right: u64,
}

#[derive(Default)]
struct State {
    /// Codes sent that have not expired, by the second in which they do, cut to [`SLOT`].
    pending: BTreeMap<i64, HashMap<Scope, u64>>,
    /// What this node has counted and not added yet.
    counted: HashMap<Scope, Codes>,
    /// What is braked, and until when.
    braked: BTreeMap<Scope, Timestamp>,
    /// The window, and by how many hundredths its least numbers of codes are taken. Drawn anew for each, so that nobody
    /// can count up to the last code before a brake and see by the next one whether it was sent.
    drawn: Option<(i64, u64)>,
}

/// Seconds of a slot in which codes expire together.
const SLOT: i64 = 10;

/// How many scopes a node counts at once: networks beyond are not counted.
const MOST: usize = 20_000;

/// The brake. Cheap to clone.
#[derive(Clone)]
pub struct Brake {
    ephemeral: Ephemeral,
    clock: Clock,
    rules: BrakeRules,
    state: Arc<Mutex<State>>,
    metrics: Arc<Metrics>,
}

impl Brake {
    /// A brake that holds nothing.
    pub fn new(ephemeral: Ephemeral, clock: Clock, rules: BrakeRules, metrics: Arc<Metrics>) -> Self {
        Self { ephemeral, clock, rules, state: Arc::default(), metrics }
    }

    /// The rules.
    pub const fn rules(&self) -> &BrakeRules {
        &self.rules
    }

    /// Counts a code that was asked for; `real` when it is really sent.
    pub fn sent(&self, client: &ClientId, network: &ClientNetwork, real: bool) {
        let expires = self.clock.now().plus(self.rules.code_seconds).0.div_euclid(SLOT) + 1;
        let mut state = self.lock();
        let slot = state.pending.entry(expires).or_default();
        let mut count = |scope| *slot.entry(scope).or_default() += 1;
        if real {
            count(Scope::Country);
            count(Scope::Client(client.clone()));
        }
        // Whoever asks for numbers of nobody brakes their own network. The many people of a named one, such as a mobile
        // operator's, are not for one subscriber to brake.
        if network.named.is_some() && !real {
            return;
        }
        let network = Scope::Network(network.widest());
        if slot.len() < MOST || slot.contains_key(&network) {
            *slot.entry(network).or_default() += 1;
        }
    }

    /// Counts a code that was entered right and that somebody signed in with.
    pub fn right(&self, client: &ClientId, network: &ClientNetwork) {
        let mut state = self.lock();
        for scope in [Scope::Country, Scope::Client(client.clone()), Scope::Network(network.widest())] {
            if state.counted.len() < MOST || state.counted.contains_key(&scope) {
                state.counted.entry(scope).or_default().right += 1;
            }
        }
    }

    /// Counts a password that a stranger tried and that was compared; `real` when somebody has the login.
    pub fn tried(&self, network: &ClientNetwork, (real, right): (bool, bool)) {
        let mut state = self.lock();
        let mut count = |scope| {
            if state.counted.len() < MOST || state.counted.contains_key(&scope) {
                let codes = state.counted.entry(scope).or_default();
                codes.sent += 1;
                codes.right += u64::from(right);
            }
        };
        count(Scope::Country);
        // The many people of a named network are not for one subscriber to brake.
        if network.named.is_none() {
            count(Scope::Address(network.text()));
        }
        if network.named.is_none() || real {
            count(Scope::Network(network.widest()));
        }
    }

    /// The level of the toll that strangers' passwords cost from this network now: the dear one where the address itself is braked.
    pub fn toll(&self, network: &ClientNetwork) -> Level {
        let state = self.lock();
        if state.braked.is_empty() {
            return 0;
        }
        let now = self.clock.now();
        let holds = |scope| state.braked.get(&scope).is_some_and(|until| *until > now);
        if network.named.is_none() && holds(Scope::Address(network.text())) {
            return DEAREST;
        }
        Level::from(holds(Scope::Country) || holds(Scope::Network(network.widest())))
    }

    /// Whether codes for this service or from this network are braked now.
    pub fn holds(&self, client: &ClientId, network: &ClientNetwork) -> bool {
        let state = self.lock();
        if state.braked.is_empty() {
            return false;
        }
        let now = self.clock.now();
        [Scope::Country, Scope::Client(client.clone()), Scope::Network(network.widest())]
            .iter()
            .any(|scope| state.braked.get(scope).is_some_and(|until| *until > now))
    }

    /// Adds what this node has counted to what all nodes share, and takes or releases the brakes. Every few seconds.
    ///
    /// # Errors
    /// [`Unavailable`]; then what was counted is added the next time.
    pub async fn refresh(&self) -> Result<(), Unavailable> {
        let now = self.clock.now();
        let window = now.0.div_euclid(self.rules.window);
        let mut counted: Vec<(Scope, Codes)> = self.take_expired(now).into_iter().collect();
        // Another node may have seen what brakes the country, and every node must know.
        if !counted.iter().any(|(scope, _)| *scope == Scope::Country) {
            counted.push((Scope::Country, Codes::default()));
        }
        while !counted.is_empty() {
            let chunk = counted.split_off(counted.len().saturating_sub(500));
            let keys: Vec<_> = chunk
                .iter()
                .flat_map(|(scope, codes)| {
                    [("sent", codes.sent), ("right", codes.right)]
                        .map(|(what, by)| (scope.key(self.rules.of, window, what), 2 * self.rules.window, by))
                })
                .collect();
            let sums = match self.ephemeral.count_all(&keys).await {
                Ok(sums) => sums,
                Err(error) => {
                    self.put_back(chunk.into_iter().chain(counted));
                    return Err(error);
                }
            };
            for ((scope, _), sum) in chunk.into_iter().zip(sums.chunks_exact(2)) {
                self.judge(scope, Codes { sent: sum[0], right: sum[1] }, (window, now));
            }
        }
        self.release(now);
        Ok(())
    }

    fn take_expired(&self, now: Timestamp) -> HashMap<Scope, Codes> {
        let mut state = self.lock();
        let later = state.pending.split_off(&(now.0.div_euclid(SLOT) + 1));
        let expired = std::mem::replace(&mut state.pending, later);
        let mut counted = std::mem::take(&mut state.counted);
        for (scope, sent) in expired.into_values().flatten() {
            counted.entry(scope).or_default().sent += sent;
        }
        counted
    }

    fn put_back(&self, counted: impl Iterator<Item = (Scope, Codes)>) {
        let mut state = self.lock();
        for (scope, codes) in counted {
            if state.counted.len() < MOST {
                let known = state.counted.entry(scope).or_default();
                known.sent += codes.sent;
                known.right += codes.right;
            }
        }
    }

    fn judge(&self, scope: Scope, codes: Codes, (window, now): (i64, Timestamp)) {
        let mut state = self.lock();
        let drawn = match state.drawn {
            Some((of, drawn)) if of == window => drawn,
            _ => 90 + u64::from(bytes::random::<1>()[0] % 21),
        };
        state.drawn = Some((window, drawn));
        let least = match scope {
            Scope::Country => self.rules.country_codes,
            Scope::Client(_) => self.rules.client_codes,
            Scope::Network(_) => self.rules.network_codes,
            Scope::Address(_) => self.rules.address_codes,
        };
        if codes.sent.saturating_mul(100) < least.saturating_mul(drawn)
            || codes.right.saturating_mul(100) >= codes.sent.saturating_mul(self.rules.share)
        {
            return;
        }
        let kind = scope.kind(self.rules.of);
        let client = if let Scope::Client(id) = &scope { id.as_str().to_owned() } else { String::new() };
        if state.braked.insert(scope, now.plus(self.rules.window)).is_none() {
            self.metrics.brakes(kind).inc();
            self.metrics.brakes_held(kind).inc();
            tracing::warn!(
                event = "sign_in.braked",
                brake.scope = kind,
                client.id = client,
                brake.sent = codes.sent,
                brake.right = codes.right,
                "few of many codes or passwords are right: further ones cost more"
            );
        }
    }

    fn release(&self, now: Timestamp) {
        let mut state = self.lock();
        state.braked.retain(|scope, until| {
            let holds = *until > now;
            if !holds {
                let kind = scope.kind(self.rules.of);
                self.metrics.brakes_held(kind).dec();
                let client = if let Scope::Client(id) = scope { id.as_str() } else { "" };
                tracing::info!(
                    event = "sign_in.brake_released",
                    brake.scope = kind,
                    client.id = client,
                    "a brake was released"
                );
            }
            holds
        });
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests;
