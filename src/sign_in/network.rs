//! Where a request comes from, as limits count it: an address, the networks around it, and networks that operators name.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::sync::Arc;

use crate::platform::bytes::{self, Digest};
use crate::platform::config::{Cidr, Fallback, Raw, SettingValue, ValueKind, WrongValue, mismatch};

/// A network whose people share few addresses, such as a mobile operator's.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NamedNetwork {
    /// Its name.
    pub name: String,
    /// Its blocks.
    pub blocks: Vec<Cidr>,
    /// Codes requested from all of it in five minutes.
    pub sends_5m: u64,
    /// Codes requested from one of its addresses in five minutes.
    pub sends_per_address_5m: u64,
}

/// The named networks.
#[derive(Clone, Debug, Default)]
pub struct NamedNetworks(pub Vec<Arc<NamedNetwork>>);

impl NamedNetworks {
    fn find(&self, ip: IpAddr) -> Option<&Arc<NamedNetwork>> {
        self.0.iter().find(|network| network.blocks.iter().any(|block| block.contains(ip)))
    }
}

/// Part of a setting's name would be written into keys and labels, so it is kept plain.
fn is_name(text: &str) -> bool {
    (1..=32).contains(&text.len())
        && text.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
}

fn named(name: &str, raw: &Raw) -> Result<NamedNetwork, WrongValue> {
    if !is_name(name) {
        return Err(format!("names the network \"{name}\"; use 1 to 32 of a-z, 0-9 and -").into());
    }
    let table = raw.as_table().ok_or_else(|| mismatch(raw, "a table of networks"))?;
    if let Some(other) =
        table.keys().find(|key| !["blocks", "sends_5m", "sends_per_address_5m"].contains(&&***key))
    {
        return Err(format!(
            "has \"{other}\" in {name}, which is none of blocks, sends_5m, sends_per_address_5m"
        )
        .into());
    }
    let count = |key: &str| {
        let number = table.get(key).and_then(Raw::as_integer).and_then(|number| u64::try_from(number).ok());
        let number = number.filter(|number| (1..=1_000_000_000).contains(number));
        number.ok_or_else(|| format!("needs {key} in {name}, a whole number from 1 to 1000000000"))
    };
    let blocks =
        table.get("blocks").ok_or_else(|| format!("needs blocks in {name}, a list of CIDR blocks"))?;
    let blocks = Vec::<Cidr>::read(blocks, <Vec<Cidr>>::KIND)?;
    if blocks.is_empty() {
        return Err(format!("has no blocks in {name}").into());
    }
    Ok(NamedNetwork {
        name: name.to_owned(),
        blocks,
        sends_5m: count("sends_5m")?,
        sends_per_address_5m: count("sends_per_address_5m")?,
    })
}

impl SettingValue for NamedNetworks {
    const KIND: ValueKind =
        ValueKind::Table("a table of networks with blocks, sends_5m and sends_per_address_5m");
    const FALLBACK: Fallback = Fallback::Nothing("none");

    fn read(raw: &Raw, _: ValueKind) -> Result<Self, WrongValue> {
        let table = raw.as_table().ok_or_else(|| mismatch(raw, "a table"))?;
        let table: BTreeMap<&String, &Raw> = table.iter().collect();
        let networks = table.into_iter().map(|(name, raw)| named(name, raw).map(Arc::new));
        networks.collect::<Result<_, _>>().map(Self)
    }

    fn placeholder() -> Self {
        Self::default()
    }
}

/// The networks of a client, each by a digest: no address is kept.
#[derive(Clone, Debug)]
pub struct ClientNetwork {
    /// The address; of IPv6 the /64, which one subscriber has.
    pub address: Digest,
    /// Of IPv6 the /56, which providers give to one line.
    pub line: Option<Digest>,
    /// The network around it: an IPv4 /24 or an IPv6 /48.
    pub site: Digest,
    /// Of IPv6 the /40 and the /32: a whole provider has the latter.
    pub wide: Option<[Digest; 2]>,
    /// What counts as one place: the named network, an IPv4 /16 or an IPv6 /32. Phones get other addresses all day, but seldom
    /// of another provider.
    pub place: Digest,
    /// The named network that it belongs to, whose limits take the place of those of the networks above.
    pub named: Option<Arc<NamedNetwork>>,
}

impl ClientNetwork {
    /// The networks of an address. `digest` makes the digest of a network's text.
    pub fn of(ip: IpAddr, named: &NamedNetworks, digest: impl Fn(&str) -> Digest) -> Self {
        let ip = ip.to_canonical();
        let text = |prefix: u8| digest(&format!("{}/{prefix}", cut(ip, prefix)));
        let named = named.find(ip).cloned();
        let (address, line, site, wide) = match ip {
            // The address alone, as before there were wider ones.
            IpAddr::V4(_) => (digest(&ip.to_string()), None, text(24), None),
            IpAddr::V6(_) => {
                let wide = [text(40), text(32)];
                (digest(&cut(ip, 64).to_string()), Some(text(56)), text(48), Some(wide))
            }
        };
        let place = match (&named, ip) {
            (Some(named), _) => digest(&format!("named/{}", named.name)),
            (None, IpAddr::V4(_)) => text(16),
            (None, IpAddr::V6(_)) => text(32),
        };
        Self { address, line, site, wide, place, named }
    }

    /// The text of the address in counters and rows.
    pub fn text(&self) -> String {
        short(&self.address)
    }

    /// The widest network that it is known to belong to: what is said of it is said of everybody there.
    pub fn widest(&self) -> String {
        self.named.as_ref().map_or_else(|| short(&self.site), |named| named.name.clone())
    }
}

/// A network as people are told of it: what says where it is, and not which line or phone. A town is not guessed from it.
pub fn masked_network(ip: IpAddr) -> String {
    match ip.to_canonical() {
        IpAddr::V4(ip) => {
            let [first, second, ..] = ip.octets();
            format!("{first}.{second}.•.•")
        }
        IpAddr::V6(ip) => {
            let [first, second, ..] = ip.segments();
            format!("{first:x}:{second:x}:•")
        }
    }
}

/// A digest's text in counters and rows.
pub(super) fn short(digest: &Digest) -> String {
    bytes::encode(&digest.0[..12])
}

/// The first address of the network of `prefix` bits around an address.
fn cut(ip: IpAddr, prefix: u8) -> IpAddr {
    match ip {
        IpAddr::V4(ip) => {
            let mask = u32::MAX.checked_shl(32 - u32::from(prefix.min(32))).unwrap_or(0);
            Ipv4Addr::from(u32::from(ip) & mask).into()
        }
        IpAddr::V6(ip) => {
            let mask = u128::MAX.checked_shl(128 - u32::from(prefix.min(128))).unwrap_or(0);
            Ipv6Addr::from(u128::from(ip) & mask).into()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(ip: &str, named: &NamedNetworks) -> ClientNetwork {
        ClientNetwork::of(ip.parse().unwrap(), named, |text| Digest::of(text.as_bytes()))
    }

    fn read(toml: &str) -> Result<NamedNetworks, String> {
        let table: Raw = toml::from_str::<toml::Table>(toml).unwrap().into();
        NamedNetworks::read(&table, NamedNetworks::KIND).map_err(|wrong| wrong.wrong)
    }

    #[test]
    fn of_ipv6_the_40_and_the_32_are_known_too() {
        let wide = |ip: &str| of(ip, &NamedNetworks::default()).wide;
        let [region, provider] = wide("2001:db8:1::1").unwrap();
        assert_eq!(wide("2001:db8:ff:2::1"), Some([region, provider]));
        let [other, same] = wide("2001:db8:100::1").unwrap();
        assert!(other != region && same == provider);
        assert_ne!(wide("2001:db9:1::1").unwrap()[1], provider);
        assert_eq!(wide("203.0.113.9"), None);
    }

    #[test]
    fn a_place_is_a_providers_network() {
        let named =
            read("[nat]\nblocks = [\"203.0.113.0/24\"]\nsends_5m = 9\nsends_per_address_5m = 3").unwrap();
        let place = |ip: &str| of(ip, &named).place;
        assert_eq!(place("198.51.100.7"), place("198.51.7.7"));
        assert_ne!(place("198.51.100.7"), place("198.52.100.7"));
        assert_eq!(place("2001:db8:1::1"), place("2001:db8:ffff::1"));
        assert_ne!(place("2001:db8:1::1"), place("2001:db9:1::1"));
        assert!(place("203.0.113.7") == place("203.0.113.9") && place("203.0.113.7") != place("203.0.7.7"));
    }

    #[test]
    fn an_address_belongs_to_its_64_56_and_48_or_its_24() {
        let none = NamedNetworks::default();
        let here = of("2001:db8:1:2ff:3::1", &none);
        let same = |ip: &str| {
            let there = of(ip, &none);
            (there.address == here.address, there.line == here.line, there.site == here.site)
        };
        assert_eq!(same("2001:db8:1:2ff:ffff::"), (true, true, true));
        assert_eq!(same("2001:db8:1:201::"), (false, true, true));
        assert_eq!(same("2001:db8:1:3ff::"), (false, false, true));
        assert_eq!(same("2001:db8:2:2ff::"), (false, false, false));
        let here = of("203.0.113.9", &none);
        assert_eq!(of("::ffff:203.0.113.9", &none).address, here.address);
        let neighbour = of("203.0.113.10", &none);
        assert!(neighbour.address != here.address && neighbour.site == here.site && here.line.is_none());
        assert!(of("203.0.114.9", &none).site != here.site);
    }

    #[test]
    fn a_named_network_is_found_by_its_blocks_and_everybody_in_it_is_in_one() {
        let named = read(
            "[nat]\nblocks = [\"203.0.113.0/24\", \"2001:db8::/32\"]\nsends_5m = 9\nsends_per_address_5m = 3",
        )
        .unwrap();
        let widest = ["203.0.113.7", "2001:db8:9::1"].map(|ip| of(ip, &named).widest());
        assert_eq!(widest, ["nat", "nat"]);
        assert!(of("203.0.114.7", &named).named.is_none());
        let found = of("203.0.113.7", &named).named.unwrap();
        assert_eq!((found.sends_5m, found.sends_per_address_5m), (9, 3));
    }

    #[test]
    fn what_is_wrong_with_a_named_network_is_said() {
        for (toml, wrong) in [
            ("[Nat]\n", "names the network"),
            ("nat = 1", "a table of networks"),
            ("[nat]\nblock = []", "has \"block\" in nat"),
            ("[nat]\nsends_5m = 9\nsends_per_address_5m = 3", "needs blocks"),
            ("[nat]\nblocks = []\nsends_5m = 9\nsends_per_address_5m = 3", "no blocks"),
            ("[nat]\nblocks = [\"203.0.113.1/24\"]\nsends_5m = 9\nsends_per_address_5m = 3", "host bits"),
            (
                "[nat]\nblocks = [\"203.0.113.0/24\"]\nsends_5m = 0\nsends_per_address_5m = 3",
                "needs sends_5m",
            ),
            ("[nat]\nblocks = [\"203.0.113.0/24\"]\nsends_5m = 9", "needs sends_per_address_5m"),
        ] {
            let said = read(toml).unwrap_err();
            assert!(said.contains(wrong), "{toml}: {said}");
        }
    }
}
