use std::net::{IpAddr, Ipv4Addr};

use crate::platform::config::{Cidr, Loader, Raw, SettingValue, ValueKind, WrongValue, settings, text};

settings! {
    /// Calls to addresses that clients register, such as back-channel logout.
    [outbound]
    pub struct OutboundSettings {
        /// Hosts (`rp.local`), hosts with a port (`rp.local:8443`) and address blocks that clients' URLs may lead to
        /// although they are private.
        allow: Vec<Allowed> = [];
    }
}

/// One exception from the rule that clients' URLs never lead into private networks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Allowed {
    /// Every address of a block, whatever name led to it.
    Block(Cidr),
    /// A host by the name in the URL, at one port or at any.
    Host {
        /// The name in lower case, or an address.
        name: String,
        /// The port; `None` is any.
        port: Option<u16>,
    },
}

impl OutboundSettings {
    /// Whether a call to `host` (as the URL names it) at `port`, which was resolved to `address`, is excepted.
    pub fn permits(&self, host: &str, port: u16, address: IpAddr) -> bool {
        let host = host.trim_start_matches('[').trim_end_matches(']');
        self.allow.iter().any(|allowed| match allowed {
            Allowed::Block(block) => block.contains(address),
            Allowed::Host { name, port: wanted } => {
                name.eq_ignore_ascii_case(host) && wanted.is_none_or(|wanted| wanted == port)
            }
        })
    }

    pub(crate) fn check(&self, loader: &mut Loader) {
        // Cloud machines hand their own credentials to whoever asks at this address.
        let metadata = IpAddr::V4(Ipv4Addr::new(169, 254, 169, 254));
        if loader.production && self.permits(&metadata.to_string(), 80, metadata) {
            let wrong = "lets clients' URLs reach the machine's own metadata (169.254.169.254)";
            loader.report("outbound.allow", wrong, "allow only the hosts that relying parties need");
        }
    }
}

impl Allowed {
    fn parse(text: &str) -> Option<Self> {
        if text.contains('/') || text.parse::<IpAddr>().is_ok() {
            return text.parse().ok().map(Self::Block);
        }
        let (name, port) = match text.rsplit_once(':') {
            Some((name, port)) => (name, Some(port.parse().ok()?)),
            None => (text, None),
        };
        let name = name.trim_start_matches('[').trim_end_matches(']').to_ascii_lowercase();
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b'_' | b':');
        (!name.is_empty() && name.bytes().all(plain)).then_some(Self::Host { name, port })
    }
}

impl SettingValue for Allowed {
    const KIND: ValueKind = ValueKind::Text("a host, host:port or address block");

    fn read(raw: &Raw, _: ValueKind) -> Result<Self, WrongValue> {
        let text = text(raw)?;
        Self::parse(&text).ok_or_else(|| WrongValue {
            wrong: format!("has \"{text}\", which is no host, host:port or address block"),
            remedy: Some("write it like rp.local, rp.local:8443 or 10.20.0.0/16"),
        })
    }

    fn placeholder() -> Self {
        Self::Host { name: String::new(), port: None }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn exceptions_hold_for_what_they_name_and_nothing_else() {
        let parse = |text| Allowed::parse(text).unwrap();
        let outbound =
            OutboundSettings { allow: vec![parse("rp.local:8443"), parse("portal"), parse("10.20.0.0/16")] };
        let address = |text: &str| text.parse::<IpAddr>().unwrap();
        assert!(outbound.permits("RP.local", 8443, address("192.168.0.1")));
        assert!(!outbound.permits("rp.local", 443, address("192.168.0.1")));
        assert!(outbound.permits("portal", 80, address("127.0.0.1")));
        assert!(outbound.permits("whatever.uz", 443, address("10.20.1.1")));
        assert!(!outbound.permits("whatever.uz", 443, address("10.21.1.1")));
    }

    #[test]
    fn what_is_no_host_is_refused() {
        for text in ["", "http://rp.local", "rp.local:http", "10.0.0.0/40", "a b"] {
            assert_eq!(Allowed::parse(text), None, "{text}");
        }
        assert_eq!(
            Allowed::parse("[::1]:8443"),
            Some(Allowed::Host { name: "::1".into(), port: Some(8443) })
        );
    }
}
