//! `resource` (RFC 8707): for which of the client's resource servers an access token is. It is the one parameter that may be
//! repeated.

use std::sync::Arc;

use super::Provider;
use super::audience::Audience;
use super::authorization_details;
use super::error::{ErrorCode, OAuthError, TokenError};
use crate::clients::{Client, Registry};
use crate::platform::web::params::Params;

/// The parameter's name.
pub(super) const NAME: &str = "resource";

/// More resource servers than a token is good for.
const MOST: usize = 8;

/// The URIs by which the resource servers are known that `client` names. Nothing is looked up for a request that names none.
pub(super) fn registered(clients: &Registry, client: &Client, params: &Params) -> Vec<String> {
    // The locations of authorization_details are such URIs as well.
    let names = [NAME, authorization_details::NAME].iter().any(|name| params.get(name).is_some());
    if names { clients.resource_uris_of(client) } else { Vec::new() }
}

/// The resource servers that `client` names, for a request that may ask for data by objects of their own.
pub(super) fn servers(clients: &Registry, client: &Client, params: &Params) -> Vec<Arc<Client>> {
    if params.get(authorization_details::NAME).is_some() { clients.servers_of(client) } else { Vec::new() }
}

/// The resource servers that a request names, in their order and each once; `registered` are the URIs that it may name.
///
/// # Errors
/// `invalid_target` (RFC 8707 §2) when one of them is none, or there are too many.
pub(super) fn asked(params: &Params, registered: &[String]) -> Result<Vec<String>, OAuthError> {
    let invalid = |description| Err(OAuthError::new(ErrorCode::InvalidTarget, description));
    let mut asked: Vec<String> = Vec::new();
    for uri in params.all(NAME).filter(|uri| !uri.is_empty()) {
        if uri.contains('#') || url::Url::parse(uri).is_err() {
            return invalid("resource must be an absolute URI without a fragment");
        }
        // RFC 8707 §2 knows no normal form: it is compared as it was registered.
        if !registered.iter().any(|known| known == uri) {
            return invalid("resource names none of the resource servers that this client is registered for");
        }
        if !asked.iter().any(|known| known == uri) {
            asked.push(uri.to_owned());
        }
    }
    if asked.len() > MOST {
        return invalid("resource is repeated too often");
    }
    Ok(asked)
}

/// For whom the access token of a token request is: whatever `granted` names, or less where the request says so.
///
/// # Errors
/// `invalid_target` when the request names more than was granted, or what the client is not registered for.
pub(super) fn audience(
    provider: &Provider,
    client: &Client,
    params: &Params,
    granted: &[String],
) -> Result<Audience, TokenError> {
    if granted.is_empty() && params.get(NAME).is_none() {
        return Ok(Audience::of_all(client));
    }
    let registered = provider.clients.resource_uris_of(client);
    let asked = asked(params, &registered).map_err(|error| TokenError::new(error.code, error.description))?;
    if asked.is_empty() {
        // A resource server that the client no longer names gets no new token.
        return Ok(Audience::of(granted.iter().filter(|uri| registered.contains(uri)).cloned().collect()));
    }
    if !granted.is_empty() && asked.iter().any(|uri| !granted.contains(uri)) {
        let description = "resource exceeds what the authorization request named";
        return Err(TokenError::new(ErrorCode::InvalidTarget, description));
    }
    Ok(Audience::only(asked))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rfc8707_2_a_resource_is_an_absolute_uri_that_the_client_may_name() {
        let registered = ["https://api.uz/".to_owned(), "urn:uz:tax".to_owned()];
        let read = |query: &str| asked(&Params::parse(query).unwrap(), &registered);
        assert_eq!(read("scope=openid"), Ok(Vec::new()));
        assert_eq!(read("resource=https://api.uz/"), Ok(vec!["https://api.uz/".to_owned()]));
        let both = read("resource=urn:uz:tax&resource=https://api.uz/&resource=urn:uz:tax").unwrap();
        assert_eq!(both, ["urn:uz:tax", "https://api.uz/"], "each once");
        for bad in [
            "https://api.uz",
            "https://API.uz/",
            "https://api.uz/%23x",
            "https://api.uz/x",
            "/",
            "api",
            "tax",
        ] {
            let error = read(&format!("resource={bad}")).unwrap_err();
            assert_eq!(error.code, ErrorCode::InvalidTarget, "{bad}");
        }
        assert!(
            read("resource=https://api.uz/&resource=https://other.uz/").is_err(),
            "all of them are looked at"
        );
        assert!(read("resource=https://api.uz/%23").is_err(), "a fragment");
    }
}
