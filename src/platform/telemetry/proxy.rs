use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use actix_web::http::header::{FORWARDED, HeaderMap, HeaderName};

use crate::platform::config::{Cidr, choices};

const X_FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");

/// Maximum number of proxies in a chain; a longer chain is forged.
const MOST_HOPS: usize = 32;

choices! {
    /// The header in which proxies forward the client IP. Only one is read: a proxy that sets one header passes the other
    /// on unchanged, forged or not.
    pub enum ForwardedHeader {
        /// `X-Forwarded-For`, set by nearly every proxy.
        XForwardedFor = "x-forwarded-for",
        /// `Forwarded` (RFC 7239).
        Forwarded = "forwarded",
    }
}

/// The client of a request, as forwarded by trusted proxies.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct ClientAddress(IpAddr);

impl ClientAddress {
    /// The client IP; IPv4-mapped IPv6 addresses as IPv4.
    pub fn ip(&self) -> IpAddr {
        self.0
    }

    /// The key of rate limits: the client IP, or for IPv6 its /64, which belongs to one subscriber.
    pub fn network(&self) -> IpAddr {
        match self.0 {
            IpAddr::V4(_) => self.0,
            IpAddr::V6(address) => {
                let [a, b, c, d, ..] = address.segments();
                IpAddr::V6(Ipv6Addr::new(a, b, c, d, 0, 0, 0, 0))
            }
        }
    }
}

impl From<IpAddr> for ClientAddress {
    fn from(address: IpAddr) -> Self {
        Self(address.to_canonical())
    }
}

impl fmt::Display for ClientAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// Whether an address is a trusted proxy.
pub(crate) fn is_trusted(address: IpAddr, trusted: &[Cidr]) -> bool {
    trusted.iter().any(|block| block.contains(address))
}

/// The client IP: the peer's address, or if that is a trusted proxy, the right-most address in the header that is not.
///
/// Everything left of the first untrusted address may be forged and is ignored. A hop that cannot be parsed
/// ends the search at the proxy that reported it.
pub fn client_address(
    peer: Option<SocketAddr>,
    headers: &HeaderMap,
    (trusted, header): (&[Cidr], ForwardedHeader),
) -> ClientAddress {
    let mut nearest = peer.map_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED), |peer| peer.ip());
    if !is_trusted(nearest, trusted) {
        return nearest.into();
    }
    let name = match header {
        ForwardedHeader::XForwardedFor => X_FORWARDED_FOR,
        ForwardedHeader::Forwarded => FORWARDED,
    };
    let lines: Vec<&str> = headers.get_all(name).map(|value| value.to_str().unwrap_or_default()).collect();
    let hops = lines.iter().rev().flat_map(|line| line.rsplit(','));
    for hop in hops.take(MOST_HOPS) {
        let node = match header {
            ForwardedHeader::XForwardedFor => Some(hop),
            ForwardedHeader::Forwarded => forwarded_for(hop),
        };
        let Some(address) = node.and_then(node_address) else { break };
        nearest = address;
        if !is_trusted(address, trusted) {
            break;
        }
    }
    nearest.into()
}

/// The node of `for=…` in one element of `Forwarded` (RFC 7239 §4).
fn forwarded_for(element: &str) -> Option<&str> {
    element.split(';').find_map(|pair| {
        let (name, value) = pair.split_once('=')?;
        name.trim().eq_ignore_ascii_case("for").then(|| value.trim().trim_matches('"'))
    })
}

/// The address of a node: `192.0.2.1`, `192.0.2.1:80`, `2001:db8::1`, `[2001:db8::1]:80` (RFC 7239 §6).
fn node_address(node: &str) -> Option<IpAddr> {
    let node = node.trim();
    if let Some(rest) = node.strip_prefix('[') {
        return rest.split_once(']')?.0.parse().ok();
    }
    node.parse().ok().or_else(|| node.parse::<SocketAddr>().ok().map(|socket| socket.ip()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use actix_web::http::header::HeaderValue;

    fn seen(peer: &str, header: ForwardedHeader, lines: &[&'static str]) -> String {
        let trusted: Vec<Cidr> = ["10.0.0.0/8", "fd00::/8"].map(|block| block.parse().unwrap()).to_vec();
        let mut headers = HeaderMap::new();
        for line in lines {
            headers.append(X_FORWARDED_FOR, HeaderValue::from_static(line));
            headers.append(FORWARDED, HeaderValue::from_static(line));
        }
        let peer = SocketAddr::new(peer.parse().unwrap(), 4711);
        client_address(Some(peer), &headers, (&trusted, header)).to_string()
    }

    fn x(peer: &str, lines: &[&'static str]) -> String {
        seen(peer, ForwardedHeader::XForwardedFor, lines)
    }

    #[test]
    fn an_untrusted_client_cannot_forge_its_ip() {
        assert_eq!(x("203.0.113.9", &["198.51.100.1"]), "203.0.113.9");
        assert_eq!(x("10.0.0.1", &["1.1.1.1, 203.0.113.9"]), "203.0.113.9");
        assert_eq!(x("10.0.0.1", &["1.1.1.1", "203.0.113.9, 10.0.0.2"]), "203.0.113.9");
    }

    #[test]
    fn the_header_that_is_not_configured_is_ignored() {
        let trusted: Vec<Cidr> = vec!["10.0.0.0/8".parse().unwrap()];
        let mut headers = HeaderMap::new();
        headers.append(FORWARDED, HeaderValue::from_static("for=1.1.1.1"));
        headers.append(X_FORWARDED_FOR, HeaderValue::from_static("203.0.113.9"));
        let peer = Some(SocketAddr::from(([10, 0, 0, 1], 1)));
        let address = client_address(peer, &headers, (&trusted, ForwardedHeader::XForwardedFor));
        assert_eq!(address.to_string(), "203.0.113.9");
    }

    #[test]
    fn an_invalid_hop_ends_the_search_at_the_proxy_that_reported_it() {
        assert_eq!(x("10.0.0.1", &["203.0.113.9, unknown"]), "10.0.0.1");
        assert_eq!(x("10.0.0.1", &["203.0.113.9, nonsense, 10.0.0.7"]), "10.0.0.7");
        assert_eq!(x("10.0.0.1", &["203.0.113.9,"]), "10.0.0.1");
        assert_eq!(x("10.0.0.1", &[]), "10.0.0.1");
    }

    #[test]
    fn all_notations_of_an_address_are_parsed() {
        assert_eq!(x("10.0.0.1", &["203.0.113.9:8123"]), "203.0.113.9");
        assert_eq!(x("10.0.0.1", &["[2001:db8::7]:8123"]), "2001:db8::7");
        assert_eq!(x("::ffff:10.0.0.1", &["::ffff:203.0.113.9"]), "203.0.113.9");
        let forwarded = |line| seen("10.0.0.1", ForwardedHeader::Forwarded, &[line]);
        assert_eq!(forwarded("for=1.1.1.1, For=\"[2001:db8::7]:80\";proto=https"), "2001:db8::7");
        assert_eq!(forwarded("proto=https;by=10.0.0.1"), "10.0.0.1");
        assert_eq!(forwarded("for=_hidden"), "10.0.0.1");
    }

    #[test]
    fn limits_count_an_ipv6_subscriber_once() {
        let network = |text: &str| ClientAddress::from(text.parse::<IpAddr>().unwrap()).network().to_string();
        assert_eq!(network("2001:db8:1:2:3:4:5:6"), "2001:db8:1:2::");
        assert_eq!(network("203.0.113.9"), "203.0.113.9");
    }
}

#[cfg(test)]
mod properties {
    use super::*;
    use actix_web::http::header::HeaderValue;
    use proptest::prelude::*;

    const TRUSTED: &str = "10.0.0.0/8";

    fn seen(peer: IpAddr, lines: &[String], header: ForwardedHeader) -> IpAddr {
        let mut headers = HeaderMap::new();
        for line in lines {
            for name in [X_FORWARDED_FOR, FORWARDED] {
                headers.append(name, HeaderValue::from_bytes(line.as_bytes()).unwrap());
            }
        }
        let trusted: Vec<Cidr> = vec![TRUSTED.parse().unwrap()];
        client_address(Some(SocketAddr::new(peer, 4711)), &headers, (&trusted, header)).ip()
    }

    fn stranger() -> impl Strategy<Value = IpAddr> {
        any::<IpAddr>()
            .prop_map(|address| address.to_canonical())
            .prop_filter("a stranger", |address| !is_trusted(*address, &[TRUSTED.parse().unwrap()]))
    }

    fn proxy() -> impl Strategy<Value = IpAddr> {
        any::<[u8; 3]>().prop_map(|[b, c, d]| IpAddr::V4(Ipv4Addr::new(10, b, c, d)))
    }

    proptest! {
        #[test]
        fn a_strangers_header_is_not_looked_at(
            peer in stranger(),
            lines in prop::collection::vec("[ -~]{0,80}", 0..4),
        ) {
            for header in [ForwardedHeader::XForwardedFor, ForwardedHeader::Forwarded] {
                prop_assert_eq!(seen(peer, &lines, header), peer);
            }
        }

        #[test]
        fn nothing_that_a_client_writes_changes_what_the_proxies_saw(
            client in stranger(),
            written in "[ -~]{0,80}",
            proxies in prop::collection::vec(proxy(), 1..6),
        ) {
            let (peer, others) = proxies.split_first().unwrap();
            // Each proxy appends whom it saw: the client first, then the proxies from the outside in.
            let saw = [client].into_iter().chain(others.iter().rev().copied());
            let plain: Vec<String> = saw.clone().map(|address| address.to_string()).collect();
            let lines = [written.clone(), plain.join(", ")];
            prop_assert_eq!(seen(*peer, &lines, ForwardedHeader::XForwardedFor), client);
            let elements: Vec<String> = saw
                .map(|address| match address {
                    IpAddr::V4(v4) => format!("for={v4};proto=https"),
                    IpAddr::V6(v6) => format!("For=\"[{v6}]:4711\""),
                })
                .collect();
            let lines = [written, elements.join(",")];
            prop_assert_eq!(seen(*peer, &lines, ForwardedHeader::Forwarded), client);
        }
    }
}
