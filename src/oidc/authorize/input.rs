//! What rules have in common: what they may look at, and their shape.

use std::sync::Arc;

use super::AuthorizationRequest;
use crate::clients::Client;
use crate::oidc::error::OAuthError;
use crate::platform::clock::Timestamp;
use crate::platform::jose::KeySet;
use crate::platform::web::params::Params;
use crate::sign_in::Means;

/// What a rule may look at. No store is among it, so that every rule can be tested by itself.
#[derive(Clone, Copy)]
pub(super) struct Input<'a> {
    /// The request's parameters.
    pub(super) params: &'a Params,
    /// The client.
    pub(super) client: &'a Client,
    /// This provider's issuer identifier.
    pub(super) issuer: &'a str,
    /// This provider's keys, which hints are signed with.
    pub(super) keys: &'a KeySet,
    /// The URIs of the resource servers that the client may name, if the request could name any.
    pub(super) resources: &'a [String],
    /// Those resource servers, if the request asks for data by `authorization_details`.
    pub(super) servers: &'a [Arc<Client>],
    /// The means of signing in that this provider offers.
    pub(super) offered: &'a [Means],
    /// Now.
    pub(super) now: Timestamp,
}

/// The URIs of a client's resource servers, and those servers.
pub(super) type Servers<'a> = (&'a [String], &'a [Arc<Client>]);

/// One rule: reads its parameter into the request, or says what is wrong.
pub(super) type Rule = fn(Input<'_>, &mut AuthorizationRequest) -> Result<(), OAuthError>;
