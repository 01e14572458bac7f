//! Back-Channel Logout 1.0: telling services, server to server, that a session ended.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use serde_json::json;
use tokio::sync::Semaphore;
use url::Url;

use super::Provider;
use crate::platform::bytes;
use crate::platform::outbound::Outbound;
use crate::sign_in::Session;

/// Logout tokens live this long, in seconds (OWASP ASVS 5.0 §10.5.5).
const TOKEN_SECONDS: i64 = 120;

/// Requests under way at a time, per node.
const IN_FLIGHT: usize = 64;

/// Waits before each try.
const TRIES: [Duration; 3] = [Duration::ZERO, Duration::from_secs(2), Duration::from_secs(10)];

/// Sends logout tokens. Cheap to clone.
#[derive(Clone)]
pub struct LogoutNotifier {
    outbound: Arc<Outbound>,
    /// Whether certificates of allowed private addresses need not verify: test suites sign their own.
    trusting: bool,
    in_flight: Arc<Semaphore>,
}

impl LogoutNotifier {
    /// A notifier that reaches public addresses, and those that `outbound` allows.
    pub fn new(outbound: Outbound, trusting: bool) -> Self {
        Self { outbound: Arc::new(outbound), trusting, in_flight: Arc::new(Semaphore::new(IN_FLIGHT)) }
    }

    /// Tells every service that was told of a session, in the background.
    pub fn tell(&self, provider: &Provider, ended: &Session) {
        for id in &ended.clients {
            let Some(client) = provider.clients.find(id) else { continue };
            let Some(uri) = client.backchannel_logout_uri.clone() else { continue };
            let now = provider.clock.now();
            let keys = provider.keys.current();
            let Some(key) = keys.signing(client.id_token_alg, now) else { continue };
            // Back-Channel Logout 1.0 §2.4: exactly one event, no nonce.
            let token = key.sign(
                "logout+jwt",
                &json!({
                    "iss": &*provider.issuer,
                    "sub": provider.subject_ids.of(&client, &ended.person_id),
                    "sid": provider.subject_ids.sid(&client.id, &ended.sid_key),
                    "aud": client.id.as_str(),
                    "iat": now.0,
                    "exp": now.plus(TOKEN_SECONDS).0,
                    "jti": bytes::random_text::<16>(),
                    "events": {"http://schemas.openid.net/event/backchannel-logout": {}},
                }),
            );
            let (notifier, client) = (self.clone(), client.id.clone());
            tokio::spawn(async move {
                let Ok(_permit) = notifier.in_flight.acquire().await else { return };
                for wait in TRIES {
                    tokio::time::sleep(wait).await;
                    match notifier.post(&uri, &token).await {
                        Ok(()) => return,
                        Err(why) => {
                            tracing::warn!(event = "logout.untold", client = %client, why, "a service could not be told of a logout");
                        }
                    }
                }
            });
        }
    }

    async fn post(&self, uri: &str, token: &str) -> Result<(), String> {
        let url = Url::parse(uri).map_err(|error| error.to_string())?;
        let host = url.host_str().ok_or("no host")?.to_owned();
        let port = url.port_or_known_default().ok_or("no port")?;
        let bare = host.trim_matches(['[', ']']);
        let found = tokio::net::lookup_host((bare, port)).await.map_err(|error| error.to_string())?;
        // The address that was judged is the address that is used: no second look-up in between.
        let addresses: Vec<SocketAddr> = found
            .filter(|address| is_public(address.ip()) || self.outbound.permits(bare, port, address.ip()))
            .collect();
        let private = addresses.iter().any(|address| !is_public(address.ip()));
        if addresses.is_empty() {
            return Err("it resolves to no address that may be reached".to_owned());
        }
        let client = reqwest::Client::builder()
            .redirect(reqwest::redirect::Policy::none())
            .no_proxy()
            .timeout(Duration::from_secs(5))
            .resolve_to_addrs(bare, &addresses)
            .danger_accept_invalid_certs(self.trusting && private)
            .build()
            .map_err(|error| error.to_string())?;
        let body =
            url::form_urlencoded::Serializer::new(String::new()).append_pair("logout_token", token).finish();
        let answer = client
            .post(url)
            .header("content-type", "application/x-www-form-urlencoded")
            .body(body)
            .send()
            .await
            .map_err(|error| error.without_url().to_string())?;
        // Back-Channel Logout 1.0 §2.8: 200, and 204 for those who take it literally; 400 will not get better.
        match answer.status().as_u16() {
            200..=299 | 400 => Ok(()),
            status => Err(format!("status {status}")),
        }
    }
}

/// Whether an address is out in the Internet, and not of this machine, its network or its cloud.
pub fn is_public(ip: IpAddr) -> bool {
    match ip {
        IpAddr::V4(ip) => {
            let [a, b, ..] = ip.octets();
            !(ip.is_private()
                || ip.is_loopback()
                || ip.is_link_local()
                || ip.is_broadcast()
                || ip.is_documentation()
                || ip.is_multicast()
                || a == 0
                || a >= 240
                || (a == 100 && (64..128).contains(&b))
                || (a == 192 && b == 0)
                || (a == 198 && (18..20).contains(&b)))
        }
        IpAddr::V6(ip) => match ip.to_ipv4_mapped() {
            Some(mapped) => is_public(IpAddr::V4(mapped)),
            // Global unicast only, without the ranges that carry IPv4 addresses inside (6to4, NAT64, Teredo).
            None => {
                let [a, b, ..] = ip.segments();
                (a & 0xE000) == 0x2000
                    && a != 0x2002
                    && !(a == 0x2001 && b < 0x0200)
                    && !(a == 0x2001 && b == 0x0DB8)
            }
        },
    }
}

#[cfg(test)]
mod tests {
    use super::is_public;

    #[test]
    fn no_address_of_this_machine_or_its_network_is_public() {
        for inside in [
            "127.0.0.1",
            "10.1.2.3",
            "172.16.0.1",
            "192.168.1.1",
            "169.254.169.254",
            "0.0.0.0",
            "100.64.0.1",
            "::1",
            "fe80::1",
            "fd00::1",
            "::ffff:127.0.0.1",
            "2002:7f00:1::",
            "64:ff9b::7f00:1",
            "255.255.255.255",
            "::",
        ] {
            assert!(!is_public(inside.parse().unwrap()), "{inside}");
        }
        for outside in ["8.8.8.8", "185.74.4.1", "2a00:1450:4001::1"] {
            assert!(is_public(outside.parse().unwrap()), "{outside}");
        }
    }
}
