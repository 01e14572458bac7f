//! The brake on spread guessing: where many codes are sent and few are entered right, tries become fewer and codes slower.
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

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::WINDOWS;
use super::network::ClientNetwork;
use crate::clients::ClientId;
use crate::platform::bytes;
use crate::platform::clock::{Clock, Timestamp};
use crate::platform::ephemeral::{Ephemeral, EphemeralKey, Unavailable};
use crate::platform::telemetry::Metrics;

/// When the brake takes hold, and what it does then.
#[derive(Clone, Copy, Debug)]
pub struct BrakeRules {
    /// Seconds over which codes are counted, and for which a brake holds at least.
    pub window: i64,
    /// Expired codes of the country in a window below which nothing is said of them.
    pub country_codes: u64,
    /// The same of one service.
    pub client_codes: u64,
    /// The same of one network.
    pub network_codes: u64,
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
}

impl Scope {
    const fn kind(&self) -> &'static str {
        match self {
            Self::Country => "country",
            Self::Client(_) => "client",
            Self::Network(_) => "network",
        }
    }

    fn key(&self, window: i64, what: &str) -> EphemeralKey {
        let name = match self {
            Self::Country => "",
            Self::Client(id) => id.as_str(),
            Self::Network(name) => name,
        };
        EphemeralKey::of(WINDOWS, &format!("brake/{window}/{}/{name}/{what}", self.kind()))
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
                        .map(|(what, by)| (scope.key(window, what), 2 * self.rules.window, by))
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
        };
        if codes.sent.saturating_mul(100) < least.saturating_mul(drawn)
            || codes.right.saturating_mul(100) >= codes.sent.saturating_mul(self.rules.share)
        {
            return;
        }
        let kind = scope.kind();
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
                "few of many codes are entered: tries are fewer and codes slower"
            );
        }
    }

    fn release(&self, now: Timestamp) {
        let mut state = self.lock();
        state.braked.retain(|scope, until| {
            let holds = *until > now;
            if !holds {
                let kind = scope.kind();
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
mod tests {
    use super::super::network::{NamedNetwork, NamedNetworks};
    use super::*;
    use crate::platform::bytes::Digest;
    use crate::platform::seal::Keyring;

    const RULES: BrakeRules = BrakeRules {
        window: 900,
        country_codes: 1000,
        client_codes: 100,
        network_codes: 50,
        share: 30,
        tries: 2,
        wait: 120,
        code_seconds: 180,
    };

    struct Nodes {
        clock: Clock,
        one: Brake,
        other: Brake,
    }

    fn nodes() -> Nodes {
        let folder = std::env::temp_dir().join(format!("yagona-brake-{}", bytes::random_text::<8>()));
        let keyring = Keyring::read_or_create(&folder.join("keyring.toml")).unwrap();
        std::fs::remove_dir_all(&folder).unwrap();
        // The begin of a window.
        let clock = Clock::manual(Timestamp(1_790_000_100 / 900 * 900));
        let ephemeral = Ephemeral::in_process(clock.clone(), &keyring);
        let node = || Brake::new(ephemeral.clone(), clock.clone(), RULES, Metrics::new());
        Nodes { one: node(), other: node(), clock }
    }

    fn client(id: &str) -> ClientId {
        ClientId::parse(id).unwrap()
    }

    fn from(ip: &str) -> ClientNetwork {
        ClientNetwork::of(ip.parse().unwrap(), &NamedNetworks::default(), |text| Digest::of(text.as_bytes()))
    }

    fn send(brake: &Brake, of: &str, ip: &str, (sent, right): (u64, u64), real: bool) {
        (0..sent).for_each(|_| brake.sent(&client(of), &from(ip), real));
        (0..right).for_each(|_| brake.right(&client(of), &from(ip)));
    }

    const HERE: &str = "203.0.113.9";
    const THERE: &str = "198.51.100.7";
    const ELSEWHERE: &str = "192.0.2.1";

    #[tokio::test]
    async fn numbers_of_nobody_do_not_brake_the_many_people_of_a_named_network() {
        let Nodes { clock, one, .. } = nodes();
        let named = NamedNetwork {
            name: "operator".to_owned(),
            blocks: vec!["203.0.113.0/24".parse().unwrap()],
            sends_5m: 1000,
            sends_per_address_5m: 1000,
        };
        let named = NamedNetworks(vec![Arc::new(named)]);
        let subscriber = ClientNetwork::of(HERE.parse().unwrap(), &named, |text| Digest::of(text.as_bytes()));
        for real in [false, true] {
            (0..500).for_each(|_| one.sent(&client("shop"), &subscriber, real));
            clock.advance(RULES.code_seconds + SLOT);
            one.refresh().await.unwrap();
            assert_eq!(one.holds(&client("other"), &subscriber), real);
        }
    }

    #[tokio::test]
    async fn codes_of_a_service_that_are_not_entered_brake_it_on_every_node_once_they_expired() {
        let Nodes { clock, one, other } = nodes();
        // Each node alone has seen too few.
        for (node, place) in [(&one, 1), (&other, 2)] {
            for site in 0..4 {
                send(node, "shop", &format!("10.{place}.{site}.1"), (20, 2), true);
            }
        }
        clock.advance(RULES.code_seconds);
        for _ in 0..2 {
            one.refresh().await.unwrap();
            other.refresh().await.unwrap();
        }
        assert!(!other.holds(&client("shop"), &from(HERE)), "they may still be entered");
        clock.advance(SLOT);
        one.refresh().await.unwrap();
        other.refresh().await.unwrap();
        assert!(other.holds(&client("shop"), &from(HERE)));
        assert!(!other.holds(&client("rival"), &from(HERE)), "another service");
        let page = other.metrics.encode();
        for line in ["yagona_brakes_total{scope=\"client\"} 1", "yagona_brakes_held{scope=\"client\"} 1"] {
            assert!(page.lines().any(|found| found == line), "{line} is missing in\n{page}");
        }
        clock.advance(RULES.window);
        other.refresh().await.unwrap();
        assert!(!other.holds(&client("shop"), &from(HERE)));
        assert!(other.metrics.encode().contains("yagona_brakes_held{scope=\"client\"} 0"));
    }

    #[tokio::test]
    async fn codes_that_are_entered_brake_nothing_however_many_there_are() {
        let Nodes { clock, one, .. } = nodes();
        send(&one, "shop", HERE, (2000, 1400), true);
        clock.advance(RULES.code_seconds + SLOT);
        one.refresh().await.unwrap();
        assert!(!one.holds(&client("shop"), &from(HERE)));
    }

    #[tokio::test]
    async fn numbers_that_are_nobodys_brake_their_own_network_alone() {
        let Nodes { clock, one, .. } = nodes();
        send(&one, "shop", HERE, (5000, 0), false);
        send(&one, "shop", THERE, (60, 60), true);
        clock.advance(RULES.code_seconds + SLOT);
        one.refresh().await.unwrap();
        assert!(one.holds(&client("rival"), &from(HERE)));
        for network in [THERE, ELSEWHERE] {
            assert!(!one.holds(&client("shop"), &from(network)), "{network}");
        }
        // Whether numbers are enrolled makes no difference to one's own network.
        let Nodes { clock, one, .. } = nodes();
        send(&one, "shop", HERE, (60, 0), true);
        clock.advance(RULES.code_seconds + SLOT);
        one.refresh().await.unwrap();
        assert!(one.holds(&client("rival"), &from(HERE)));
    }

    #[tokio::test]
    async fn the_country_is_braked_by_what_is_sent_in_all_of_it() {
        let Nodes { clock, one, other } = nodes();
        for service in 0..40 {
            let ip = format!("10.{service}.0.1");
            send(&one, &format!("service-{service}"), &ip, (40, 4), true);
        }
        clock.advance(RULES.code_seconds + SLOT);
        one.refresh().await.unwrap();
        other.refresh().await.unwrap();
        for node in [&one, &other] {
            assert!(node.holds(&client("shop"), &from(HERE)), "a node that sent nothing knows it, too");
        }
    }

    #[test]
    fn what_is_counted_is_bounded() {
        let Nodes { one, .. } = nodes();
        for n in 0..u32::try_from(MOST + 1000).unwrap() {
            let ip = std::net::Ipv4Addr::from(n << 8).to_string();
            one.sent(&client("shop"), &from(&ip), true);
            one.right(&client("shop"), &from(&ip));
        }
        let state = one.lock();
        assert!(state.pending.values().all(|slot| slot.len() <= MOST) && state.counted.len() <= MOST);
        assert_eq!(
            state.pending.values().map(|slot| slot[&Scope::Country]).sum::<u64>(),
            (MOST + 1000) as u64
        );
    }
}
