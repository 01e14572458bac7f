//! Limits on what costs an SMS: per number, address and the networks around it, service, and for the whole country.
//!
//! Windows are counted in short-lived state, exactly and across nodes. Hard caps survive its loss: they are held by the
//! outbox's own rows, a number's daily cap exactly, those of services, addresses and the country by counts that each
//! node reads back every few seconds and adds its own to.
//!
//! Caps of services and of the country protect money and gateways. So only messages that are really sent count there,
//! while every number is held against them alike; and near a cap strangers are refused first, so that people in browsers
//! in which they signed in before go on. A known browser is counted by its person alone: no stranger, however many
//! addresses they have, uses up anything of it but the last part of the caps.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, PoisonError};

use super::counted::{Counted, Group, Limit, Window, window};
use super::network::{ClientNetwork, short};
use super::risk::{DEAREST, Level, TollRules};
use crate::clients::{Client, OWN_CLIENT};
use crate::notices::Outbox;
use crate::people::Side;
use crate::platform::bytes::{self, Digest};
use crate::platform::clock::{Clock, Timestamp};
use crate::platform::db::DbError;
use crate::platform::ephemeral::EphemeralKey;
use crate::platform::telemetry::Metrics;

/// How many codes may be sent.
#[derive(Clone, Copy, Debug)]
pub struct Caps {
    /// To one number in ten minutes, for each side.
    pub number_10m: u64,
    /// To one number in an hour, for each side.
    pub number_hour: u64,
    /// From one address in five minutes; twelve times that in an hour, whatever is lost.
    pub address_5m: u64,
    /// From one IPv6 /56 in five minutes.
    pub line_5m: u64,
    /// From one IPv4 /24 or IPv6 /48 in five minutes.
    pub site_5m: u64,
    /// From one IPv6 /40 in five minutes.
    pub region_5m: u64,
    /// From one IPv6 /32 in five minutes.
    pub provider_5m: u64,
    /// Hundredths of the caps of service and country that strangers may use.
    pub strangers_share: u64,
    /// For one service in an hour, unless it has its own.
    pub client_hour: u64,
    /// In the country in an hour.
    pub country_hour: u64,
    /// From when on strangers' codes cost a toll.
    pub toll: TollRules,
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

/// How often services may ask people who are not at their sites.
#[derive(Clone, Copy, Debug)]
pub struct ApprovalCaps {
    /// Requests to one person within `seconds`, of all services: no more than that are open. Of one service, and where it names
    /// them by one hint, [`ApprovalCaps::of_one`] of them.
    pub open: u64,
    /// The longest that a request is open.
    pub seconds: i64,
    /// Requests of one service in an hour, whomever they name.
    pub client_hour: u64,
}

impl ApprovalCaps {
    /// What one service may use of a cap that all share: two thirds, so that none uses up what others need.
    pub const fn of_one(cap: u64) -> u64 {
        let two_thirds = cap - cap.div_ceil(3);
        if two_thirds == 0 { 1 } else { two_thirds }
    }
}

/// A request that a person is asked to approve, as limits look at it.
#[derive(Clone, Copy)]
pub struct ApprovalWish<'a> {
    /// A digest of what the service named the person by: it knows that itself, and is told of limits on it.
    pub hint: &'a Digest,
    /// How often that may be.
    pub caps: ApprovalCaps,
    /// Messages that a number may get in a day.
    pub daily: u64,
}

/// One more message, as limits look at it.
#[derive(Clone, Copy)]
pub struct Wish<'a> {
    /// The number's blind index.
    pub number: &'a Digest,
    /// The service.
    pub client: &'a Client,
    /// Where it is asked for.
    pub network: &'a ClientNetwork,
    /// From which side.
    pub side: Side,
    /// Whether it is really sent.
    pub real: bool,
    /// Counted towards nothing: numbers that exist in the sandbox only.
    pub exempt: bool,
    /// The level of the toll that was paid for it; [`DEAREST`] where none is asked.
    pub paid: Level,
}

/// One more try of a password, as limits look at it.
#[derive(Clone, Copy)]
pub struct Guess<'a> {
    /// Where it comes from.
    pub network: &'a ClientNetwork,
    /// From which side.
    pub side: Side,
    /// A keyed digest of the login as it was typed.
    pub login: &'a Digest,
    /// A digest of the account behind it, or of the decoy that stands in for none.
    pub account: &'a Digest,
    /// The level of the toll that was paid for it.
    pub paid: Level,
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

const DAY: i64 = 86_400;

/// Passwords that are tried for one account from one side in a minute, at most.
const PASSWORDS_A_MINUTE: u64 = 10;

/// References that name nothing, for each code that may be sent.
const REFERENCES: u64 = 40;

impl Limits {
    /// Limits held at `caps`.
    pub fn new(outbox: Outbox, clock: Clock, caps: Caps, metrics: Arc<Metrics>) -> Self {
        Self { outbox, clock, caps, totals: Arc::default(), metrics }
    }

    /// What one more message would be counted towards; the limit that is exceeded, if that is known without asking.
    ///
    /// # Errors
    /// The [`Limit`] whose total is used up.
    pub fn of(&self, wish: &Wish<'_>) -> Result<Counted, Limit> {
        if wish.exempt {
            return Ok(Counted::default());
        }
        let stranger = wish.side == Side::Stranger;
        let drawn = u64::from(u16::from_be_bytes(bytes::random()));
        let bound =
            |cap: u64| if stranger { strangers_bound(cap, self.caps.strangers_share, drawn) } else { cap };
        let client_cap = bound(wish.client.sessions.sends_per_hour.unwrap_or(self.caps.client_hour));
        let country_cap = bound(self.caps.country_hour);
        let address_5m =
            wish.network.named.as_ref().map_or(self.caps.address_5m, |it| it.sends_per_address_5m);
        let of_client = format!("client/{}", wish.client.id);
        let of_address = format!("address/{}", wish.network.text());
        // This provider's own pages are everybody's way to what ends access: no stranger may use them up for all. What they send counts for
        // the number, the address and the country like everything else.
        let own = wish.client.id.as_str() == OWN_CLIENT;
        let mut totals = vec![(COUNTRY, country_cap, Limit::Country)];
        if !own {
            totals.push((&of_client, client_cap, Limit::Client));
        }
        if stranger {
            // Twelve windows of five minutes: the limit of an address that survives the loss of short-lived state.
            totals.push((&of_address, address_5m.saturating_mul(12), Limit::Address));
        }
        if let Some(limit) = self.over_total(&totals) {
            return Err(self.met(limit));
        }
        // In this order, each only when all before it are kept: what is refused because of the client's network must not
        // use up what the number has, and neither may use up what everybody shares.
        let mut groups = Vec::with_capacity(9);
        if stranger {
            groups.extend(self.tolls(wish.network, &wish.number.encode(), wish.paid, true));
            groups.push(Group::one(window(&of_address, 300, address_5m, Limit::Address)));
            groups.extend(self.around(wish.network, "").into_iter().map(Group::one));
        }
        let (number, side) = (wish.number.encode(), if stranger { "" } else { "known-" });
        groups.push(Group::of(vec![
            window(&format!("number-10m/{side}{number}"), 600, self.caps.number_10m, Limit::Number),
            window(&format!("number-hour/{side}{number}"), 3600, self.caps.number_hour, Limit::Number),
        ]));
        let mut shared = vec![window(COUNTRY, 3600, country_cap, Limit::Country)];
        if !own {
            shared.insert(0, window(&of_client, 3600, client_cap, Limit::Client));
        }
        let mut scopes = if wish.real { vec![COUNTRY.to_owned(), of_client] } else { Vec::new() };
        groups.push(Group::of(shared).counted_if(wish.real));
        if stranger {
            scopes.push(of_address);
        }
        Ok(Counted { groups, scopes })
    }

    /// What a stranger who begins with an account is held against before everything else: from which of different accounts on, and for a
    /// code from which of codes on, it costs a toll. Of a named network, whose many people share few addresses, the address is none.
    fn tolls(&self, network: &ClientNetwork, account: &str, paid: Level, code: bool) -> Vec<Group> {
        let rules = &self.caps.toll;
        let address = network.named.is_none().then(|| network.text());
        let of_account = address.as_deref().map(|address| rules.of_account(address, account, paid));
        let of_code = if code { rules.of_code(address.as_deref(), account, paid) } else { Vec::new() };
        of_account.into_iter().chain(of_code).map(Group::of_toll).collect()
    }

    /// What one more message would be counted towards by which a person approves what a service asks: of the service, what it
    /// asks in an hour; of the service and the hint, so that whoever is refused learns nothing but what they did themselves; of
    /// the person, silently; and the caps on messages of the service and of the country. A service's address does not count: it
    /// has proven who it is.
    ///
    /// # Errors
    /// The [`Limit`] whose total is used up.
    pub fn of_approval(&self, wish: &Wish<'_>, asked: &ApprovalWish<'_>) -> Result<Counted, Limit> {
        if wish.exempt {
            return Ok(Counted::default());
        }
        let drawn = u64::from(u16::from_be_bytes(bytes::random()));
        let bound = |cap: u64| strangers_bound(cap, self.caps.strangers_share, drawn);
        let client_cap = bound(wish.client.sessions.sends_per_hour.unwrap_or(self.caps.client_hour));
        let country_cap = bound(self.caps.country_hour);
        let of_client = format!("client/{}", wish.client.id);
        let totals =
            [(COUNTRY, country_cap, Limit::Country), (of_client.as_str(), client_cap, Limit::Client)];
        if let Some(limit) = self.over_total(&totals) {
            return Err(self.met(limit));
        }
        let asks = format!("approvals/{}", wish.client.id);
        let named = format!("{}/{}", wish.client.id, asked.hint.encode());
        let mut groups = vec![
            Group::one(window(&asks, 3600, asked.caps.client_hour, Limit::Client)),
            Group::of(self.of_asked("hint", &named, asked.caps, (ApprovalCaps::of_one, Limit::Number))),
        ];
        // What is not sent uses up nothing of the person's, and must not be refused by it either.
        if wish.real {
            groups.push(Group::of(self.of_person(wish, asked)));
        }
        let shared = vec![
            window(&of_client, 3600, client_cap, Limit::Client),
            window(COUNTRY, 3600, country_cap, Limit::Country),
        ];
        groups.push(Group::of(shared).counted_if(wish.real));
        let scopes = if wish.real { vec![COUNTRY.to_owned(), of_client] } else { Vec::new() };
        Ok(Counted { groups, scopes })
    }

    /// The windows of a person whom services ask, each with its cap, to be read before [`Limits::of_approval`]: where one is full
    /// nothing is sent, and nobody is told.
    pub fn of_approver(&self, wish: &Wish<'_>, asked: &ApprovalWish<'_>) -> Vec<(EphemeralKey, i64, u64)> {
        if wish.exempt {
            return Vec::new();
        }
        let windows = self.of_person(wish, asked).into_iter();
        windows.map(|window| (window.key, window.seconds, window.cap)).collect()
    }

    /// Of one service, less than what all have together: so none uses up what a person has for the others.
    fn of_person(&self, wish: &Wish<'_>, asked: &ApprovalWish<'_>) -> Vec<Window> {
        let number = wish.number.encode();
        let by_one = format!("{}/{number}", wish.client.id);
        let mut windows = self.of_asked("by", &by_one, asked.caps, (ApprovalCaps::of_one, Limit::Person));
        let day = ApprovalCaps::of_one(asked.daily);
        windows.push(window(&format!("approvals-day/by/{by_one}"), DAY, day, Limit::Person));
        windows.extend(self.of_asked("all", &number, asked.caps, (|cap| cap, Limit::Person)));
        windows
    }

    /// The windows of requests to approve, of what `named` names, with what `share` leaves of the caps.
    fn of_asked(
        &self,
        what: &str,
        named: &str,
        caps: ApprovalCaps,
        (share, limit): (fn(u64) -> u64, Limit),
    ) -> Vec<Window> {
        let of = |name: &str, seconds, cap| {
            window(&format!("approvals-{name}/{what}/{named}"), seconds, share(cap), limit)
        };
        vec![
            of("open", caps.seconds, caps.open),
            of("10m", 600, self.caps.number_10m),
            of("hour", 3600, self.caps.number_hour),
        ]
    }

    /// What one more request that anybody can push (RFC 9126) is counted towards: windows of `seconds` of the address and of
    /// the networks around it, the narrow ones first. Each lets through as many as codes may be sent there in five minutes.
    pub fn of_push(&self, network: &ClientNetwork, seconds: i64) -> Counted {
        let windows = self.of_network("push-", network).into_iter();
        let windows = windows.map(|window| Window { seconds, ..window });
        Counted { groups: windows.map(Group::one).collect(), scopes: Vec::new() }
    }

    /// What one more try of a password is counted towards, before it is compared: by strangers, the different accounts that are begun with
    /// from the address, and windows of five minutes of the address and of the networks around it; and the tries of that account on that
    /// side in a minute, so that no more are under way at once than begin a delay.
    pub fn of_password(&self, guess: &Guess<'_>) -> Counted {
        let mut groups = Vec::with_capacity(7);
        if guess.side == Side::Stranger {
            groups.extend(self.tolls(guess.network, &guess.login.encode(), guess.paid, false));
            groups.extend(self.of_network("password-", guess.network).into_iter().map(Group::one));
        }
        let name = if guess.side == Side::Known { "password-known" } else { "password" };
        let account = format!("{name}/{}", guess.account.encode());
        groups.push(Group::one(window(&account, 60, PASSWORDS_A_MINUTE, Limit::Account)));
        Counted { groups, scopes: Vec::new() }
    }

    /// What one more beginning of a registration adds to the different accounts that are begun with from an address; it has caps of its
    /// own, and is held against none here. Nothing in a named network.
    pub fn of_registration(&self, network: &ClientNetwork, account: &Digest) -> Counted {
        let groups = self.tolls(network, &account.encode(), DEAREST, false);
        Counted { groups, scopes: Vec::new() }
    }

    /// Windows of five minutes in which references that name nothing are counted, of an address and of the networks around it,
    /// each with its cap: forty for each code that may be sent there, since many people share an address and each may open an
    /// old message.
    pub fn of_references(&self, network: &ClientNetwork) -> Vec<(EphemeralKey, i64, u64)> {
        let windows = self.of_network("reference-", network).into_iter();
        windows.map(|window| (window.key, window.seconds, window.cap.saturating_mul(REFERENCES))).collect()
    }

    /// Windows of five minutes of an address and of the networks around it, the narrow ones first.
    fn of_network(&self, what: &str, network: &ClientNetwork) -> Vec<Window> {
        let cap = network.named.as_ref().map_or(self.caps.address_5m, |it| it.sends_per_address_5m);
        let address = window(&format!("{what}address/{}", network.text()), 300, cap, Limit::Address);
        [address].into_iter().chain(self.around(network, what)).collect()
    }

    /// The windows of the networks around an address; their names begin with `what` is counted.
    fn around(&self, network: &ClientNetwork, what: &str) -> Vec<Window> {
        let wide =
            |name: &str, of: &str, cap: u64| window(&format!("{what}{name}/{of}"), 300, cap, Limit::Network);
        match &network.named {
            Some(named) => vec![wide("network", &named.name, named.sends_5m)],
            None => {
                let line = network.line.iter().map(|line| wide("line", &short(line), self.caps.line_5m));
                let site = [wide("site", &short(&network.site), self.caps.site_5m)];
                let caps = [("region", self.caps.region_5m), ("provider", self.caps.provider_5m)];
                let around = network.wide.iter().flatten().zip(caps);
                let around = around.map(|(digest, (name, cap))| wide(name, &short(digest), cap));
                line.chain(site).chain(around).collect()
            }
        }
    }

    /// Notes that a message was counted and kept every limit.
    pub fn kept(&self, counted: Counted) {
        let mut totals = self.lock();
        for scope in counted.scopes {
            *totals.pending.entry(scope).or_default() += 1;
        }
    }

    /// The limit that a batch exceeded.
    pub fn exceeded(&self, counted: &Counted, group: usize, index: usize) -> Limit {
        self.met(counted.limit(group, index).unwrap_or(Limit::Country))
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
        let least = i64::try_from(self.caps.address_5m / 5).unwrap_or(i64::MAX).max(1);
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

    fn met(&self, limit: Limit) -> Limit {
        self.metrics.limits(limit.name()).inc();
        limit
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Totals> {
        self.totals.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What strangers may use of a cap: `share` hundredths, less a part of their last tenth that `drawn` (of 65,536) chooses
/// anew for each message. So they are refused more and more often as the cap comes nearer, and nobody sees by the last one
/// that fits whether the one before it was really sent.
fn strangers_bound(cap: u64, share: u64, drawn: u64) -> u64 {
    let most = u128::from(cap) * u128::from(share) / 100;
    let less = most * u128::from(drawn) / (10 * 65_536);
    u64::try_from(most - less).unwrap_or(cap).max(1)
}

#[cfg(test)]
mod tests {
    use super::{ApprovalCaps, strangers_bound};

    #[test]
    fn one_service_leaves_others_a_third_of_what_a_person_may_be_asked() {
        let of_one = [1, 2, 3, 5, 10, 20].map(ApprovalCaps::of_one);
        assert_eq!(of_one, [1, 1, 2, 3, 6, 13]);
        assert_eq!(ApprovalCaps::of_one(u64::MAX) / (u64::MAX / 3), 2);
    }

    #[test]
    fn strangers_are_refused_before_the_cap_at_a_bound_that_nobody_can_foresee() {
        let bounds = |drawn| strangers_bound(300_000, 80, drawn);
        assert_eq!((bounds(0), bounds(32_768), bounds(65_535)), (240_000, 228_000, 216_001));
        assert_eq!(
            (0..65_536).map(|drawn| strangers_bound(3, 100, drawn)).min(),
            Some(3),
            "a small cap is not cut"
        );
        assert_eq!(strangers_bound(1, 80, 0), 1, "nobody is kept out by a small cap alone");
        assert_eq!(strangers_bound(u64::MAX, 100, 65_535) / (u64::MAX / 10), 9);
    }
}
