//! Clients in Rust: the crate `openidconnect`, with which the demo's portal signs people in by a browser, signs a device in.

use std::cell::RefCell;
use std::time::Duration;

use openidconnect::core::{
    CoreAuthDisplay, CoreClaimName, CoreClaimType, CoreClient, CoreClientAuthMethod,
    CoreDeviceAuthorizationResponse, CoreGrantType, CoreJsonWebKey, CoreJweContentEncryptionAlgorithm,
    CoreJweKeyManagementAlgorithm, CoreResponseMode, CoreResponseType, CoreSubjectIdentifierType,
    CoreUserInfoClaims,
};
use openidconnect::{
    AdditionalProviderMetadata, ClientId, ClientSecret, DeviceAuthorizationUrl, HttpRequest, HttpResponse,
    IssuerUrl, Nonce, OAuth2TokenResponse as _, ProviderMetadata, Scope, TokenResponse as _,
};
use serde::{Deserialize, Serialize};

use super::let_in;
use crate::support::client_file::{RADIO, TV, secret};
use crate::support::{Setup, alone_on_both_backends, http};

alone_on_both_backends!(the_crate_openidconnect_signs_a_device_in);

/// What the crate leaves to its users of discovery.
#[derive(Clone, Debug, Deserialize, Serialize)]
struct Devices {
    device_authorization_endpoint: DeviceAuthorizationUrl,
}

impl AdditionalProviderMetadata for Devices {}

type Metadata = ProviderMetadata<
    Devices,
    CoreAuthDisplay,
    CoreClientAuthMethod,
    CoreClaimName,
    CoreClaimType,
    CoreGrantType,
    CoreJweContentEncryptionAlgorithm,
    CoreJweKeyManagementAlgorithm,
    CoreJsonWebKey,
    CoreResponseMode,
    CoreResponseType,
    CoreSubjectIdentifierType,
>;

/// The HTTP client, as the crate asks for it.
async fn send(request: HttpRequest) -> Result<HttpResponse, reqwest::Error> {
    let mut answer = http::client().execute(request.try_into()?).await?;
    let mut response = HttpResponse::new(Vec::new());
    *response.status_mut() = answer.status();
    *response.headers_mut() = std::mem::take(answer.headers_mut());
    *response.body_mut() = answer.bytes().await?.to_vec();
    Ok(response)
}

async fn the_crate_openidconnect_signs_a_device_in(setup: Setup) {
    let world = setup.start().await;
    let issuer = world.issuer.as_str().trim_end_matches('/').to_owned();
    let issuer = IssuerUrl::new(issuer).expect("an issuer");
    let metadata = Metadata::discover_async(issuer, &send).await.expect("metadata");
    let endpoint = metadata.additional_metadata().device_authorization_endpoint.clone();
    for client in [RADIO, TV] {
        let person = world.person();
        let own = (client != TV).then(|| ClientSecret::new(secret(client)));
        let client =
            CoreClient::from_provider_metadata(metadata.clone(), ClientId::new(client.to_owned()), own)
                .set_device_authorization_url(endpoint.clone());
        let shown: CoreDeviceAuthorizationResponse = client
            .exchange_device_code()
            .add_scope(Scope::new("profile".to_owned()))
            .add_scope(Scope::new("phone".to_owned()))
            .request_async(&send)
            .await
            .expect("a code");
        let link = shown.verification_uri_complete().expect("a link").secret();
        assert!(link.starts_with(shown.verification_uri().as_str()), "{link}");
        // It asks once too soon, is told to slow down, and waits longer; the person decides meanwhile.
        let waits = RefCell::new(Vec::new());
        let wait = |interval: Duration| {
            let first = waits.borrow().is_empty();
            waits.borrow_mut().push(interval.as_secs());
            let (world, person) = (&world, &person);
            async move {
                if !first {
                    let_in(world, link, person).await;
                    world.advance(interval.as_secs().try_into().expect("seconds")).await;
                }
            }
        };
        let polling = client.exchange_device_access_token(&shown).expect("an endpoint");
        let tokens = polling.request_async(&send, wait, None).await.expect("tokens");
        assert_eq!(*waits.borrow(), [5, 10]);
        let id_token = tokens.id_token().expect("an ID token");
        let without =
            |nonce: Option<&Nonce>| nonce.map_or(Ok(()), |_| Err("a nonce that nobody sent".to_owned()));
        let claims = id_token.claims(&client.id_token_verifier(), without).expect("a signature");
        let subject = Some(claims.subject().clone());
        let request = client.user_info(tokens.access_token().clone(), subject).expect("an endpoint");
        let person_said: CoreUserInfoClaims = request.request_async(&send).await.expect("data");
        let number = person_said.phone_number().expect("a number").as_str();
        assert_eq!(number, format!("+{}", person.number));
    }
}
