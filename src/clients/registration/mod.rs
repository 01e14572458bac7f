//! A registration as a document: members of RFC 7591 and our own. What it takes to become a [`Client`](super::Client) is
//! in `parse.rs`.

mod parse;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// What depends on where the provider runs.
#[derive(Clone, Debug)]
pub struct Rules {
    /// Whether `http` to this machine may be registered (the sandbox's services do; elsewhere it is refused).
    pub loopback_http: bool,
    /// Host in the last line of an SMS, which shortens what is left for the service's name.
    pub sms_host: String,
    /// The shortest secret that may be brought along instead of a generated one.
    pub shortest_secret: usize,
}

/// A client as registered: members of RFC 7591 and OpenID Connect Registration, then Yagona's own. Texts for
/// people may be given per language as `member#tag`.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Registration {
    /// Identifier; made up when absent.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub client_id: String,
    /// Only on the way in, never stored or exported.
    #[serde(skip_serializing)]
    pub client_secret: Option<String>,
    /// Digest of the secret, so that an export can be imported elsewhere. Not part of the stored document.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub client_secret_sha256: Option<String>,
    /// The service's name; `client_name#ru` and so on.
    pub client_name: String,
    /// The service's front page.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub client_uri: Option<String>,
    /// The service's icon.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub logo_uri: Option<String>,
    /// How it treats personal data.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub policy_uri: Option<String>,
    /// Its terms of service.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tos_uri: Option<String>,
    /// Whom operators call.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub contacts: Vec<String>,
    /// Where answers may go.
    pub redirect_uris: Vec<String>,
    /// Where a person may go after signing out.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub post_logout_redirect_uris: Vec<String>,
    /// Where a sign-in can be started anew.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub initiate_login_uri: Option<String>,
    /// Back-channel logout.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub backchannel_logout_uri: Option<String>,
    /// Whether logout tokens must hold `sid`; they always do.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub backchannel_logout_session_required: Option<bool>,
    /// Grants; `authorization_code` when absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub grant_types: Option<Vec<String>>,
    /// Only `code` is served.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub response_types: Option<Vec<String>>,
    /// `client_secret_basic` when absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub token_endpoint_auth_method: Option<String>,
    /// `ES256` when absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub id_token_signed_response_alg: Option<String>,
    /// `web` or `native`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub application_type: Option<String>,
    /// `pairwise` when absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub subject_type: Option<String>,
    /// Scopes that the client may use; narrows what `data_sets` allow.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub scope: Option<String>,
    /// Seconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub default_max_age: Option<i64>,

    /// The body or company that answers for the service.
    pub owner: String,
    /// `state` or `commercial`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub kind: Option<String>,
    /// `consent` or `statutory`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub basis: Option<String>,
    /// The contract or law, in words for people.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub basis_reference: Option<String>,
    /// What the data are for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub purpose: Option<String>,
    /// The name in an SMS; `client_name` when absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sms_name: Option<String>,
    /// Data that may be asked for; those of the scopes `profile`, `phone` and `address` when absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub data_sets: Option<Vec<DataSetEntry>>,
    /// Whether PKCE is demanded; true when absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub require_pkce: Option<bool>,
    /// `opaque` when absent, or `jwt`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub access_token_format: Option<String>,
    /// `ES256` when absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub access_token_signed_response_alg: Option<String>,
    /// Clients with the same sector see the same pairwise `sub`; the redirect URIs' host when absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sector: Option<String>,
    /// Days that a consent holds; 365 when absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub consent_days: Option<i64>,
    /// Longest silence of an SSO session that the service accepts, in seconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub session_idle_seconds: Option<i64>,
    /// Oldest SSO session that the service accepts, in seconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub session_absolute_seconds: Option<i64>,
    /// The lowest assurance it takes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub minimum_acr: Option<String>,
    /// A service in lending.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub lending: Option<bool>,
    /// Whether it is a resource server and may introspect tokens of other clients (RFC 7662).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub resource_server: Option<bool>,
    /// Codes that may be sent on its behalf in an hour.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sends_per_hour: Option<u64>,

    /// `member#tag` texts, and whatever is unknown.
    #[serde(flatten)]
    pub other: BTreeMap<String, toml::Value>,
}

/// A set of data that the client may ask for.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct DataSetEntry {
    /// `name`, `birth_date`, `sex`, `pinfl`, `document`, `citizenship`, `phone` or `address`.
    pub name: String,
    /// Whether the service cannot work without it.
    #[serde(default)]
    pub required: bool,
    /// Why it is wanted; `why#ru` and so on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub why: Option<String>,
    /// Translations of `why`.
    #[serde(flatten)]
    pub other: BTreeMap<String, toml::Value>,
}

/// All that is wrong with a registration.
#[derive(Debug)]
pub struct RegistrationErrors {
    /// Which client.
    pub client: String,
    /// `member: what is wrong`.
    pub errors: Vec<String>,
}

impl std::fmt::Display for RegistrationErrors {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        writeln!(f, "the client `{}` cannot be registered:", self.client)?;
        for error in &self.errors {
            writeln!(f, "  - {error}")?;
        }
        Ok(())
    }
}

impl std::error::Error for RegistrationErrors {}
