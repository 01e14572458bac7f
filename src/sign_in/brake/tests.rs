use super::super::network::{NamedNetwork, NamedNetworks};
use super::*;
use crate::platform::bytes::Digest;
use crate::platform::seal::Keyring;

const RULES: BrakeRules = BrakeRules {
    of: Guessed::Codes,
    window: 900,
    country_codes: 1000,
    client_codes: 100,
    network_codes: 50,
    address_codes: 20,
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
    nodes_with(RULES)
}

fn nodes_with(rules: BrakeRules) -> Nodes {
    let folder = std::env::temp_dir().join(format!("yagona-brake-{}", bytes::random_text::<8>()));
    let keyring = Keyring::read_or_create(&folder.join("keyring.toml")).unwrap();
    std::fs::remove_dir_all(&folder).unwrap();
    // The begin of a window.
    let clock = Clock::manual(Timestamp(1_790_000_100 / 900 * 900));
    let ephemeral = Ephemeral::in_process(clock.clone(), &keyring);
    let node = || Brake::new(ephemeral.clone(), clock.clone(), rules, Metrics::new());
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
async fn wrong_passwords_cost_a_toll_around_them_and_a_dear_one_at_their_address() {
    let Nodes { clock, one, other } = nodes_with(BrakeRules { of: Guessed::Passwords, ..RULES });
    let neighbour = from("203.0.113.77");
    // Whatever logins are tried, and whoever has them.
    for guess in 0..60_u64 {
        let node = if guess % 2 == 0 { &one } else { &other };
        node.tried(&from(HERE), (guess % 3 == 0, false));
    }
    one.refresh().await.unwrap();
    other.refresh().await.unwrap();
    // Whoever counts later knows of all.
    assert_eq!([from(HERE), neighbour, from(THERE)].map(|at| other.toll(&at)), [DEAREST, 1, 0]);
    let page = other.metrics.encode();
    assert!(page.contains("yagona_brakes_held{scope=\"password_address\"} 1"), "{page}");
    clock.advance(RULES.window);
    one.refresh().await.unwrap();
    assert_eq!(one.toll(&from(HERE)), 0);
    // Where people sign in, some mistype.
    for guess in 0..200_u64 {
        one.tried(&from(THERE), (true, guess % 2 == 0));
    }
    one.refresh().await.unwrap();
    assert_eq!(one.toll(&from(THERE)), 0);
    // From everywhere a little.
    for guess in 0..1200_u64 {
        one.tried(&from(&format!("10.{}.{}.1", guess / 250, guess % 250)), (false, false));
    }
    one.refresh().await.unwrap();
    assert_eq!(one.toll(&from(ELSEWHERE)), 1);
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
    assert_eq!(state.pending.values().map(|slot| slot[&Scope::Country]).sum::<u64>(), (MOST + 1000) as u64);
}
