//! Discovery and keys of the provider: read at first use, cached for ten minutes, and
//! read again if a token has an unknown key. Every request uses [`Provider::http`]: no redirects,
//! a timeout, a bounded response.

use std::error::Error;
use std::fmt;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use openidconnect::core::{
    CoreAuthDisplay, CoreClaimName, CoreClaimType, CoreClient, CoreClientAuthMethod, CoreGrantType,
    CoreJsonWebKey, CoreJweContentEncryptionAlgorithm, CoreJweKeyManagementAlgorithm, CoreResponseMode,
    CoreResponseType, CoreSubjectIdentifierType,
};
use openidconnect::{
    AdditionalProviderMetadata, ClientId, ClientSecret, EndSessionUrl, EndpointMaybeSet, EndpointNotSet,
    EndpointSet, HttpRequest, HttpResponse, IssuerUrl, ProviderMetadata, RedirectUrl, http,
};
use serde::{Deserialize, Serialize};
use tokio::sync::Mutex;

use super::{RelyingParty, invalid};

const FRESH_SECONDS: i64 = 600;
/// Minimum age of metadata before an unknown key causes a refresh: anybody can send unknown keys.
const REREAD_SECONDS: i64 = 5;
const ATTEMPTS: u32 = 4;
const PAUSE: Duration = Duration::from_millis(250);
const MAX_ANSWER_BYTES: usize = 1024 * 1024;

/// Metadata members beyond OpenID Connect Discovery that the portal acts on.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub(super) struct Extra {
    /// OpenID Connect RP-Initiated Logout 1.0 §2.1.
    pub end_session_endpoint: Option<EndSessionUrl>,
    /// RFC 9207 §3: if true, a response without `iss` is rejected.
    #[serde(default)]
    pub authorization_response_iss_parameter_supported: bool,
}

impl AdditionalProviderMetadata for Extra {}

/// The provider's metadata together with its keys.
pub(super) type Metadata = ProviderMetadata<
    Extra,
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

/// A client made from discovery.
pub(super) type Client = CoreClient<
    EndpointSet,
    EndpointNotSet,
    EndpointNotSet,
    EndpointNotSet,
    EndpointMaybeSet,
    EndpointMaybeSet,
>;

type Answer = Pin<Box<dyn Future<Output = Result<HttpResponse, Transport>>>>;

/// The provider is unavailable, or its metadata is invalid.
#[derive(Debug)]
pub(super) struct Unreachable;

/// See the module's description.
pub(super) struct Provider {
    issuer: IssuerUrl,
    http: reqwest::Client,
    known: Mutex<Option<(Arc<Metadata>, i64)>>,
}

impl Provider {
    pub(super) fn new(issuer: &str) -> io::Result<Self> {
        let http = reqwest::Client::builder()
            .redirect(reqwest::redirect::Policy::none())
            .no_proxy()
            .connect_timeout(Duration::from_secs(3))
            .timeout(Duration::from_secs(10))
            .build()
            .map_err(io::Error::other)?;
        let issuer = IssuerUrl::new(issuer.to_owned()).map_err(invalid)?;
        Ok(Self { issuer, http, known: Mutex::new(None) })
    }

    pub(super) fn issuer(&self) -> &IssuerUrl {
        &self.issuer
    }

    /// The origin that a form of the portal may lead to.
    pub(super) fn origin(&self) -> String {
        self.issuer.url().origin().ascii_serialization()
    }

    /// Metadata not older than ten minutes.
    pub(super) async fn metadata(&self, now: i64) -> Result<Arc<Metadata>, Unreachable> {
        self.metadata_within(FRESH_SECONDS, now).await
    }

    /// Fresh metadata, for a token with an unknown key.
    pub(super) async fn reread(&self, now: i64) -> Result<Arc<Metadata>, Unreachable> {
        self.metadata_within(REREAD_SECONDS, now).await
    }

    async fn metadata_within(&self, age: i64, now: i64) -> Result<Arc<Metadata>, Unreachable> {
        let mut known = self.known.lock().await;
        if let Some((metadata, read_at)) = known.as_ref()
            && now - read_at < age
        {
            return Ok(metadata.clone());
        }
        let metadata = Arc::new(self.discover().await?);
        *known = Some((metadata.clone(), now));
        Ok(metadata)
    }

    async fn discover(&self) -> Result<Metadata, Unreachable> {
        for attempt in 1..=ATTEMPTS {
            match Metadata::discover_async(self.issuer.clone(), &self.http()).await {
                Ok(metadata) => return Ok(metadata),
                Err(error) => {
                    tracing::warn!(attempt, %error, "the provider's metadata could not be read");
                }
            }
            if attempt < ATTEMPTS {
                tokio::time::sleep(PAUSE).await;
            }
        }
        Err(Unreachable)
    }

    /// The HTTP client for requests that `openidconnect` does not know.
    pub(super) fn plain(&self) -> &reqwest::Client {
        &self.http
    }

    /// Status and JSON of an answer; `None` when there is none, or it is something else.
    pub(super) async fn json(&self, request: reqwest::RequestBuilder) -> Option<(u16, serde_json::Value)> {
        let request = request.build().ok()?;
        let answer = self.http.execute(request).await.ok()?;
        let status = answer.status().as_u16();
        let text = answer.text().await.ok().filter(|text| text.len() <= MAX_ANSWER_BYTES)?;
        Some((status, serde_json::from_str(&text).ok()?))
    }

    /// The HTTP client as required by `openidconnect`.
    pub(super) fn http(&self) -> impl Fn(HttpRequest) -> Answer + use<> {
        let http = self.http.clone();
        move |request| Box::pin(send(http.clone(), request))
    }
}

/// The client of one service, with its redirect URI.
pub(super) fn client(metadata: &Metadata, party: &RelyingParty, redirect: RedirectUrl) -> Client {
    CoreClient::from_provider_metadata(
        metadata.clone(),
        ClientId::new(party.client_id.clone()),
        Some(ClientSecret::new(party.client_secret.clone())),
    )
    .set_redirect_uri(redirect)
}

async fn send(http: reqwest::Client, request: HttpRequest) -> Result<HttpResponse, Transport> {
    let request = reqwest::Request::try_from(request).map_err(Transport::Http)?;
    let mut answer = http.execute(request).await.map_err(Transport::Http)?;
    let mut response = http::Response::new(Vec::new());
    *response.status_mut() = answer.status();
    *response.headers_mut() = std::mem::take(answer.headers_mut());
    while let Some(chunk) = answer.chunk().await.map_err(Transport::Http)? {
        if response.body().len() + chunk.len() > MAX_ANSWER_BYTES {
            return Err(Transport::TooLong);
        }
        response.body_mut().extend_from_slice(&chunk);
    }
    Ok(response)
}

/// Why a request to the provider failed.
#[derive(Debug)]
pub(super) enum Transport {
    Http(reqwest::Error),
    TooLong,
}

impl fmt::Display for Transport {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Http(error) => error.fmt(out),
            Self::TooLong => out.write_str("the answer is longer than any this portal expects"),
        }
    }
}

impl Error for Transport {}
