//! Front-Channel Logout 1.0: the browser tells services that a session ended, by frames of the page that says so. It
//! reaches services that no server can call; browsers that keep third parties' cookies apart may make it without effect, which is
//! why services had better register for back-channel logout.

use std::sync::Arc;

use url::Url;

use super::Provider;
use crate::clients::Client;
use crate::sign_in::Session;

/// What an ended session leaves to be done at the services that it was used for.
#[derive(Default)]
pub struct Elsewhere {
    /// Addresses that the browser must load, one for each service that registered one.
    pub frames: Vec<String>,
    /// Services that are told by no channel: the person may still be signed in there.
    pub untold: Vec<Arc<Client>>,
}

impl Elsewhere {
    /// What the end of `session` leaves to be done.
    pub(super) fn of(provider: &Provider, session: &Session) -> Self {
        let mut elsewhere = Self::default();
        for client in session.clients.iter().filter_map(|id| provider.clients.find(id)) {
            let policy = &client.sessions;
            match &policy.frontchannel_logout_uri {
                Some(uri) => elsewhere.frames.extend(frame(provider, &client, uri, session)),
                None if policy.backchannel_logout_uri.is_none() => elsewhere.untold.push(client),
                None => {}
            }
        }
        elsewhere
    }
}

/// Front-Channel Logout 1.0 §2: `iss` and `sid` are added to the query that the service registered.
fn frame(provider: &Provider, client: &Client, uri: &str, session: &Session) -> Option<String> {
    let mut frame = Url::parse(uri).ok()?;
    let sid = provider.subject_ids.sid(&client.id, &session.sid_key);
    frame.query_pairs_mut().append_pair("iss", &provider.issuer).append_pair("sid", &sid);
    Some(frame.into())
}
