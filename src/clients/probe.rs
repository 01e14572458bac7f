//! What a client's own addresses answer, for an operator who looks after it. Nothing of this is on the way of a sign-in.

use url::Url;

use super::{AuthMethod, Client, KeySource, Registration, sector};
use crate::platform::jose::foreign::ForeignKeys;
use crate::platform::outbound::Outbound;

/// Asks the addresses that a client registered; the member of each that does not answer as it should, and why.
pub async fn probe(
    outbound: &Outbound,
    client: &Client,
    registration: &Registration,
) -> Vec<(&'static str, String)> {
    let mut wrong = Vec::new();
    if let KeySource::Address(address) = &client.keys
        && let Err(why) = keys(outbound, client, address).await
    {
        wrong.push(("jwks_uri", why));
    }
    if let Some(uri) = sector::address(registration)
        && let Err(why) = sector::read(outbound, uri, &registration.redirects.redirect_uris).await
    {
        wrong.push(("sector_identifier_uri", why.whole()));
    }
    let logo = client.identity.logo_uri.as_deref().filter(|uri| !uri.starts_with("data:"));
    if let Some(uri) = logo
        && let Err(why) = body(outbound, uri).await
    {
        wrong.push(("logo_uri", why));
    }
    // It takes only logout tokens: any answer shows that it is there.
    if let Some(uri) = &client.sessions.backchannel_logout_uri
        && let Err(why) = answer(outbound, uri).await
    {
        wrong.push(("backchannel_logout_uri", why));
    }
    wrong
}

async fn keys(outbound: &Outbound, client: &Client, address: &Url) -> Result<(), String> {
    let set = body(outbound, address.as_str()).await?;
    let keys = ForeignKeys::parse(&set).map_err(|error| format!("it is no JWK set: {error}"))?;
    let authentication = &client.authentication;
    if authentication.method == AuthMethod::PrivateKeyJwt && !keys.serve(authentication.assertion_algs) {
        let algs: Vec<&str> = authentication.assertion_algs.iter().map(|alg| alg.name()).collect();
        return Err(format!("none of its keys can sign an assertion by {}", algs.join(", ")));
    }
    Ok(())
}

async fn body(outbound: &Outbound, uri: &str) -> Result<Vec<u8>, String> {
    let uri = Url::parse(uri).map_err(|error| error.to_string())?;
    let answer = outbound.get(&uri).await.map_err(|error| error.with_causes())?;
    if answer.status() != 200 {
        return Err(format!("status {}, and redirects are not followed", answer.status()));
    }
    answer.body().await.map_err(|error| error.with_causes())
}

async fn answer(outbound: &Outbound, uri: &str) -> Result<(), String> {
    let uri = Url::parse(uri).map_err(|error| error.to_string())?;
    outbound.get(&uri).await.map(drop).map_err(|error| error.with_causes())
}
