use std::net::{IpAddr, Ipv4Addr};
use std::str::FromStr;

use ipnet::IpNet;
use thiserror::Error;

/// A block of addresses: `10.0.0.0/8`, `fd00::/8`, or one address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cidr(IpNet);

impl Cidr {
    /// The one address that every machine has of itself.
    pub(super) fn this_machine() -> Self {
        Self(IpAddr::V4(Ipv4Addr::LOCALHOST).into())
    }

    /// Whether `address` lies in the block. An IPv4-mapped IPv6 address (`::ffff:10.0.0.1`) counts as IPv4.
    pub fn contains(&self, address: IpAddr) -> bool {
        self.0.contains(&address.to_canonical())
    }

    /// The number of leading bits that are fixed; 0 is the whole internet.
    pub fn prefix(&self) -> u8 {
        self.0.prefix_len()
    }
}

/// Why a text is not a block of addresses.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum CidrError {
    /// Not an address, or not `address/bits`.
    #[error("is not an address block such as 10.0.0.0/8 or fd00::/8")]
    Syntax,
    /// More bits than the address has.
    #[error("has a longer prefix than its address has bits")]
    Prefix,
    /// Bits are set after the prefix (`10.0.0.1/8`): probably not what was meant.
    #[error("has bits set after its prefix")]
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
        // A block of IPv4-mapped addresses would never hold one of them, since those count as IPv4.
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
    fn a_wrong_block_says_what_is_wrong() {
        assert_eq!("10.0.0.0/33".parse::<Cidr>(), Err(CidrError::Prefix));
        assert_eq!("10.0.0.1/8".parse::<Cidr>(), Err(CidrError::HostBits));
        assert_eq!("proxy".parse::<Cidr>(), Err(CidrError::Syntax));
        assert_eq!("10.0.0.0/".parse::<Cidr>(), Err(CidrError::Syntax));
        assert_eq!("10.0.0.0/300".parse::<Cidr>(), Err(CidrError::Syntax));
        assert_eq!("::ffff:10.0.0.0/104".parse::<Cidr>(), Err(CidrError::HostBits));
    }
}
