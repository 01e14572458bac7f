//! How many requests devices may have open, and how many codes people may type that are none, by where they come from.
//!
//! Addresses are cheap for a stranger, networks less so: each network around an address has a share of its own, so that
//! what all of a client's devices share is not used up from a few places.

use actix_web::HttpRequest;

use super::Devices;
use crate::platform::ephemeral::EphemeralKey;
use crate::platform::telemetry::client_of;
use crate::sign_in::{ClientNetwork, WINDOWS};

/// How many from an address and from each network around it.
pub(super) struct Caps {
    /// From one address; of IPv6 from its /64, and from the /56 around that.
    pub(super) address: u64,
    /// From an IPv4 /24 or an IPv6 /48.
    pub(super) site: u64,
    /// From an IPv6 /40.
    pub(super) region: u64,
    /// From an IPv6 /32.
    pub(super) provider: u64,
    /// From all of a network that the operator named, instead of the three above.
    pub(super) named: u64,
}

impl Devices {
    /// What a request is counted towards for `purpose`, narrowest first, each with its cap.
    pub(super) fn windows(
        &self,
        request: &HttpRequest,
        purpose: &str,
        caps: &Caps,
    ) -> Vec<(EphemeralKey, u64)> {
        let digest = |text: &str| self.networks.digest(&[text.as_bytes()]);
        let network = ClientNetwork::of(client_of(request).ip(), &self.sign_in.settings.networks, digest);
        let key = |name: &str| EphemeralKey::of(WINDOWS, &format!("{purpose}/{name}"));
        shares(&network, caps).into_iter().map(|(name, cap)| (key(&name), cap)).collect()
    }
}

/// The names of the networks, and their shares.
fn shares(network: &ClientNetwork, caps: &Caps) -> Vec<(String, u64)> {
    let mut shares = vec![(network.text(), caps.address)];
    match &network.named {
        Some(named) => shares.push((format!("named/{}", named.name), caps.named)),
        None => {
            shares.extend(network.line.iter().map(|line| (line.encode(), caps.address)));
            shares.push((network.site.encode(), caps.site));
            let wide = network.wide.iter().flatten().zip([caps.region, caps.provider]);
            shares.extend(wide.map(|(wide, cap)| (wide.encode(), cap)));
        }
    }
    shares
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::platform::bytes::Digest;
    use crate::sign_in::NamedNetworks;

    const CAPS: Caps = Caps { address: 1, site: 2, region: 3, provider: 4, named: 5 };

    fn of(ip: &str) -> Vec<(String, u64)> {
        let digest = |text: &str| Digest::of(text.as_bytes());
        shares(&ClientNetwork::of(ip.parse().unwrap(), &NamedNetworks::default(), digest), &CAPS)
    }

    #[test]
    fn each_network_around_an_address_has_a_share() {
        let caps = |ip| of(ip).into_iter().map(|(_, cap)| cap).collect::<Vec<u64>>();
        assert_eq!(caps("203.0.113.7"), [1, 2]);
        assert_eq!(caps("2001:db8::1"), [1, 1, 2, 3, 4]);
        let (one, neighbour, far) = (of("203.0.113.7"), of("203.0.113.8"), of("203.0.114.7"));
        assert!(one[0] != neighbour[0] && one[1] == neighbour[1] && one[1] != far[1]);
    }
}
