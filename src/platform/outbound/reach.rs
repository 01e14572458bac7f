use std::net::IpAddr;

use url::{Host, Url};

/// Whether a URL is loopback: `localhost`, a subdomain of it, or a loopback address.
pub(crate) fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(Host::Domain(name)) => name == "localhost" || name.ends_with(".localhost"),
        Some(Host::Ipv4(address)) => address.is_loopback() || address.is_unspecified(),
        Some(Host::Ipv6(address)) => {
            let address = address.to_canonical();
            address.is_loopback() || address.is_unspecified()
        }
        None => false,
    }
}

/// Whether a URL is in the private network: loopback, private and link-local addresses,
/// sockets, and names without a dot or in domains that are never public (RFC 6761, RFC 8375, ICANN's `.internal`).
pub(crate) fn is_private(url: &Url) -> bool {
    // For non-standard schemes `Url` keeps the host as text, which may be an address.
    let host = match url.host() {
        None => return true,
        Some(Host::Ipv4(address)) => return is_private_address(address.into()),
        Some(Host::Ipv6(address)) => return is_private_address(address.into()),
        Some(Host::Domain(name)) => name.to_ascii_lowercase(),
    };
    if let Ok(address) = host.parse() {
        return is_private_address(address);
    }
    let never_public = [".localhost", ".local", ".internal", ".home.arpa", ".svc"];
    host.is_empty() || !host.contains('.') || never_public.iter().any(|domain| host.ends_with(domain))
}

/// Whether an address is loopback, private or link-local; an unspecified one is not.
pub(crate) fn is_private_address(address: IpAddr) -> bool {
    match address.to_canonical() {
        IpAddr::V4(v4) => v4.is_loopback() || v4.is_private() || v4.is_link_local(),
        IpAddr::V6(v6) => v6.is_loopback() || v6.is_unique_local() || v6.is_unicast_link_local(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn private_and_public_urls_are_distinguished() {
        let private = |text: &str| is_private(&Url::parse(text).unwrap());
        for url in [
            "postgres://u:p@localhost/y",
            "postgres://u:p@10.1.2.3/y",
            "postgres:///y?host=/run/postgresql",
            "redis://cache:6379",
            "redis://cache.yagona.svc:6379",
            "redis://[::1]:6379",
        ] {
            assert!(private(url), "{url}");
        }
        assert!(!private("postgres://u:p@db.example.uz/y"));
        assert!(!private("redis://8.8.8.8:6379"));
    }
}
