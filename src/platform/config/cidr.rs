use std::net::{IpAddr, Ipv4Addr};
use std::str::FromStr;

use ipnet::IpNet;
use thiserror::Error;

/// A CIDR block: `10.0.0.0/8`, `fd00::/8`, or one address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cidr(IpNet);

impl Cidr {
    /// 127.0.0.1.
    pub(super) fn this_machine() -> Self {
        Self(IpAddr::V4(Ipv4Addr::LOCALHOST).into())
    }

    /// Whether `address` is in the block. An IPv4-mapped IPv6 address (`::ffff:10.0.0.1`) counts as IPv4.
    pub fn contains(&self, address: IpAddr) -> bool {
        self.0.contains(&address.to_canonical())
    }

    /// Whether blocks together hold more than a network of one's own: a part of the internet wider than /8 (IPv4) or /16
    /// (IPv6), in one block or in several.
    pub fn hold_too_much(blocks: &[Self]) -> bool {
        let merged = IpNet::aggregate(&blocks.iter().map(|block| block.0).collect());
        let widest = |net: &IpNet| if matches!(net, IpNet::V4(_)) { 8 } else { 16 };
        if merged.iter().any(|net| net.prefix_len() < widest(net)) {
            return true;
        }
        // Several blocks that are each small enough. Private networks may all be named.
        let public = |v4: bool| {
            let public =
                merged.iter().filter(move |net| matches!(net, IpNet::V4(_)) == v4 && !is_private(net));
            public.map(|net| 2_f64.powi(i32::from(widest(net)) - i32::from(net.prefix_len()))).sum::<f64>()
        };
        public(true) > 1.0 || public(false) > 1.0
    }
}

/// Whether a block lies within a network that is never routed on the internet (RFC 1918, RFC 6598, RFC 4193, loopback and
/// link-local addresses).
fn is_private(block: &IpNet) -> bool {
    ["10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16"]
        .into_iter()
        .chain(["fc00::/7", "fe80::/10", "::1/128"])
        .filter_map(|private| private.parse::<IpNet>().ok())
        .any(|private| private.contains(block))
}

/// Why a text is not a CIDR block.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum CidrError {
    /// Not an address, or not `address/bits`.
    #[error("is not a CIDR block such as 10.0.0.0/8 or fd00::/8")]
    Syntax,
    /// More bits than the address has.
    #[error("has a longer prefix than its address has bits")]
    Prefix,
    /// Host bits are set (`10.0.0.1/8`): probably a mistake.
    #[error("has host bits set after its prefix")]
    HostBits,
}

impl FromStr for Cidr {
    type Err = CidrError;

    fn from_str(text: &str) -> Result<Self, CidrError> {
        let (address, bits) =
            text.split_once('/').map_or((text, None), |(address, bits)| (address, Some(bits)));
        let address: IpAddr = address.parse().map_err(|_| CidrError::Syntax)?;
        let block = match bits.map(str::parse) {
            None => address.into(),
            Some(Ok(bits)) => IpNet::new(address, bits).map_err(|_| CidrError::Prefix)?,
            Some(Err(_)) => return Err(CidrError::Syntax),
        };
        // A block of IPv4-mapped addresses would never match, since such addresses count as IPv4.
        let holds_itself = Self(block).contains(address);
        if block.addr() == block.network() && holds_itself {
            Ok(Self(block))
        } else {
            Err(CidrError::HostBits)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn block(text: &str) -> Cidr {
        text.parse().unwrap()
    }

    fn address(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    #[test]
    fn a_block_holds_its_addresses_and_no_others() {
        assert!(block("10.0.0.0/8").contains(address("10.255.0.1")));
        assert!(!block("10.0.0.0/8").contains(address("11.0.0.1")));
        assert!(block("10.0.0.0/8").contains(address("::ffff:10.1.2.3")));
        assert!(block("fd00::/8").contains(address("fd12::1")));
        assert!(!block("fd00::/8").contains(address("10.0.0.1")));
        assert!(block("127.0.0.1").contains(address("127.0.0.1")));
        assert!(!block("127.0.0.1").contains(address("127.0.0.2")));
        assert!(block("0.0.0.0/0").contains(address("8.8.8.8")));
        assert!(block("::/0").contains(address("2001:db8::1")));
    }

    #[test]
    fn a_part_of_the_internet_is_too_much_in_one_block_or_in_several() {
        let too_much =
            |blocks: &[&str]| Cidr::hold_too_much(&blocks.iter().map(|text| block(text)).collect::<Vec<_>>());
        for blocks in [
            &["0.0.0.0/0"][..],
            &["0.0.0.0/1", "128.0.0.0/1"],
            &["10.0.0.0/7"],
            &["8.0.0.0/8", "9.0.0.0/8"],
            &["8.0.0.0/8", "20.0.0.0/9", "30.0.0.0/32"],
            &["::/0"],
            &["2000::/3"],
            &["fd00::/8"],
            &["2001::/16", "2a00::/16"],
        ] {
            assert!(too_much(blocks), "{blocks:?}");
        }
        for blocks in [
            &[][..],
            &["10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "100.64.0.0/10", "127.0.0.1"],
            &["185.74.4.0/22", "91.196.76.0/22", "10.0.0.0/24"],
            &["fd00::/16", "fd12::/16", "2a00:1450::/32", "::1"],
        ] {
            assert!(!too_much(blocks), "{blocks:?}");
        }
    }

    #[test]
    fn a_wrong_block_says_what_is_wrong() {
        assert_eq!("10.0.0.0/33".parse::<Cidr>(), Err(CidrError::Prefix));
        assert_eq!("10.0.0.1/8".parse::<Cidr>(), Err(CidrError::HostBits));
        assert_eq!("proxy".parse::<Cidr>(), Err(CidrError::Syntax));
        assert_eq!("10.0.0.0/".parse::<Cidr>(), Err(CidrError::Syntax));
        assert_eq!("10.0.0.0/300".parse::<Cidr>(), Err(CidrError::Syntax));
        assert_eq!("::ffff:10.0.0.0/104".parse::<Cidr>(), Err(CidrError::HostBits));
    }
}
