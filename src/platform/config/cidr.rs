use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;

/// A block of addresses: `10.0.0.0/8`, `fd00::/8`, or one address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cidr {
    network: IpAddr,
    prefix: u8,
}

impl Cidr {
    /// Whether `address` lies in the block. An IPv4 address in IPv6 clothes (`::ffff:10.0.0.1`) counts as IPv4.
    pub fn contains(&self, address: IpAddr) -> bool {
        match (self.network, address.to_canonical()) {
            (IpAddr::V4(network), IpAddr::V4(address)) => {
                let mask = u32::MAX.checked_shl(32 - u32::from(self.prefix)).unwrap_or(0);
                u32::from(network) == u32::from(address) & mask
            }
            (IpAddr::V6(network), IpAddr::V6(address)) => {
                let mask = u128::MAX.checked_shl(128 - u32::from(self.prefix)).unwrap_or(0);
                u128::from(network) == u128::from(address) & mask
            }
            _ => false,
        }
    }

    /// The number of leading bits that are fixed; 0 is the whole internet.
    pub fn prefix(&self) -> u8 {
        self.prefix
    }
}

/// Why a text is not a block of addresses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CidrError {
    /// Not an address, or not `address/bits`.
    Syntax,
    /// More bits than the address has.
    Prefix,
    /// Bits are set after the prefix (`10.0.0.1/8`): probably not what was meant.
    HostBits,
}

impl fmt::Display for CidrError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Syntax => "is not an address block such as 10.0.0.0/8 or fd00::/8",
            Self::Prefix => "has a longer prefix than its address has bits",
            Self::HostBits => "has bits set after its prefix",
        })
    }
}

impl FromStr for Cidr {
    type Err = CidrError;

    fn from_str(text: &str) -> Result<Self, CidrError> {
        let (address, bits) = match text.split_once('/') {
            Some((address, bits)) => (address, Some(bits)),
            None => (text, None),
        };
        let network: IpAddr = address.parse().map_err(|_| CidrError::Syntax)?;
        let width = if network.is_ipv4() { 32 } else { 128 };
        let prefix = match bits {
            Some(bits) => bits.parse().map_err(|_| CidrError::Syntax)?,
            None => width,
        };
        if prefix > width {
            return Err(CidrError::Prefix);
        }
        let block = Self { network, prefix };
        if block.contains(network) { Ok(block) } else { Err(CidrError::HostBits) }
    }
}

impl fmt::Display for Cidr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.network, self.prefix)
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
    }
}
