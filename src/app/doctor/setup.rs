//! What the set-up of a client itself shows, without a network.

use super::Finding;
use crate::app::settings::Settings;
use crate::clients::{AuthMethod, Client, GrantType, Registry};
use crate::platform::clock::Timestamp;

/// What depends on where the provider runs.
#[derive(Clone, Copy, Debug)]
pub struct Place {
    /// Whether clients can show certificates.
    pub takes_certificates: bool,
    /// Whether there are authorities whose certificates count.
    pub has_authorities: bool,
    /// How long before its end a contract is warned of, in days.
    pub warn_days: u32,
}

impl Place {
    /// The provider of these settings.
    pub fn of(settings: &Settings) -> Self {
        let mtls = settings.server.mtls.as_ref();
        Self {
            takes_certificates: mtls.is_some(),
            warn_days: settings.contracts.warn_days,
            has_authorities: mtls.is_some_and(|mtls| mtls.trust_anchors.is_some()),
        }
    }
}

/// Everything that is wrong or worth knowing.
pub(super) fn findings(registry: &Registry, client: &Client, now: Timestamp, place: Place) -> Vec<Finding> {
    let mut found = Vec::new();
    let mut add = |wrong: bool, what: &str, remedy: &str| {
        found.push(Finding { wrong, what: what.to_owned(), remedy: remedy.to_owned() });
    };
    let id = &client.id;
    if client.pending {
        add(
            true,
            "nobody has approved it: it meets no people",
            &format!("yagona client show {id} --waiting"),
        );
    } else if let Some(suspension) = client.suspension {
        let contract = client.under.contract.as_deref();
        let remedy = contract.map_or_else(
            || "name its contract in its registration (`contract`)".to_owned(),
            |contract| format!("yagona contract show {contract}"),
        );
        add(true, &format!("it is suspended: {}", suspension.description()), &remedy);
    } else if client.disabled {
        add(true, "it is disabled", &format!("yagona client disable --undo {id}"));
    }
    if let Some(contract) = client.contract.as_ref().filter(|_| client.suspension.is_none()) {
        let end = contract.ends().filter(|end| end.since(now) <= i64::from(place.warn_days) * 86_400);
        if let Some(end) = end {
            let what = format!("its contract {} ends on {}", contract.id(), end.to_rfc3339());
            add(false, &what, "prolong it (`until`), or make another one: nobody signs in after that");
        }
        if let Some(spent) = registry.spent(client) {
            add(true, spent.description(), &format!("yagona contract usage --contract {}", contract.id()));
        }
        let taken: Vec<&str> = client.taken.iter().map(|set| set.name()).collect();
        if !taken.is_empty() {
            let what = format!("its contract {} does not allow {}", contract.id(), taken.join(", "));
            add(true, &what, "change the contract, or take them out of data_sets");
        }
    }
    let authentication = &client.authentication;
    let method = authentication.method;
    if method.sends_secret() && authentication.secret.is_none() {
        add(true, "it has no secret to prove itself with", &format!("yagona client rotate-secret {id}"));
    }
    if method == AuthMethod::ClientSecretJwt && authentication.shared_secret.is_none() {
        add(
            true,
            "the secret that it signs with is not kept here",
            &format!("yagona client rotate-secret {id}"),
        );
    }
    if let Some((_, until)) = authentication.former_secret.filter(|(_, until)| *until > now) {
        let what = format!("its former secret works until {}", until.to_rfc3339());
        add(false, &what, "the service must use the new one by then");
    }
    let certificates = method.shows_certificate() || client.tokens.certificate_bound;
    if certificates && !place.takes_certificates {
        add(true, "it needs certificates, which this provider does not take", "set [server.mtls]");
    }
    if method == AuthMethod::TlsClientAuth && place.takes_certificates && !place.has_authorities {
        let what = "it is known by a certificate of an authority, and none is trusted";
        add(true, what, "set server.mtls.trust_anchors");
    }
    if client.identity.logo_uri.is_some() && client.icon.is_none() {
        add(false, "its icon was not fetched", &format!("yagona client icons {id}"));
    }
    for server in &client.tokens.resource_servers {
        let known = registry.find(server);
        if known.is_none_or(|known| known.disabled || !known.tokens.resource_server) {
            let what = format!("it names the resource server {server}, which is none in use");
            add(true, &what, "register the resource server, or take it out of resource_servers");
        }
    }
    if client.may(GrantType::AuthorizationCode) {
        if client.start_page().is_none() {
            let what = "error pages cannot lead back to it";
            add(false, what, "register initiate_login_uri or client_uri");
        }
        if client.data.sets.is_empty() {
            add(
                false,
                "it may ask for no data: it learns who came back, not who it is",
                "give it data_sets if it needs any",
            );
        }
        let loopback = client.redirects.redirect_uris.iter().any(|uri| uri.as_str().starts_with("http://"));
        if loopback && !client.redirects.any_port {
            add(false, "a redirect URI is http to this machine", "it is for tests: production refuses it");
        }
    }
    found
}
