//! A relying party and its policy, parsed: what the protocols read.

use serde::{Deserialize, Serialize};

use super::{Localized, RedirectUri, SecretDigest};
use crate::people::DataSet;
use crate::platform::jose::Alg;
use crate::platform::web::frame::Service;
use crate::platform::web::locale::Language;

/// A client's identifier (RFC 6749 §2.2): visible ASCII, at most 64 characters.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Serialize, Deserialize, PartialOrd, Ord)]
#[serde(transparent)]
pub struct ClientId(String);

impl ClientId {
    /// Reads an identifier; `None` when it cannot be one.
    pub fn parse(text: &str) -> Option<Self> {
        let fits = (1..=64).contains(&text.len())
            && text.bytes().all(|b| b.is_ascii_alphanumeric() || b"-._~".contains(&b));
        fits.then(|| Self(text.to_owned()))
    }

    /// The identifier.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl std::fmt::Display for ClientId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.pad(&self.0)
    }
}

/// Who runs the service: state bodies use it free of charge, others under contract (R99).
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OwnerKind {
    /// A state body or local authority.
    State,
    /// Anybody else.
    Commercial,
}

/// Why a person's data may go to the client (D-i).
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Basis {
    /// The person agrees each time something new is asked.
    Consent,
    /// A law lets the body have them: no question, the same record.
    Statutory,
}

/// A named bundle of policy.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Profile {
    /// OpenID Connect with the code flow.
    Oidc,
}

/// How the client proves itself at the token endpoint (RFC 6749 §2.3, OpenID Connect Core §9).
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AuthMethod {
    /// HTTP Basic.
    ClientSecretBasic,
    /// In the body.
    ClientSecretPost,
    /// A public client: PKCE stands in.
    None,
}

impl AuthMethod {
    /// The registered name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::ClientSecretBasic => "client_secret_basic",
            Self::ClientSecretPost => "client_secret_post",
            Self::None => "none",
        }
    }
}

/// Grants at the token endpoint.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum GrantType {
    /// RFC 6749 §4.1.
    AuthorizationCode,
    /// RFC 6749 §6.
    RefreshToken,
    /// RFC 6749 §4.4.
    ClientCredentials,
}

/// Whether the client sees the same `sub` as others (OpenID Connect Core §8).
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum SubjectType {
    /// A `sub` of its own sector.
    Pairwise,
    /// One `sub` for all public clients.
    Public,
}

/// What an access token looks like.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum AccessTokenFormat {
    /// Meaningless to anybody but this provider.
    Opaque,
    /// A signed JWT (RFC 9068).
    Jwt,
}

/// One set of data that the client may ask for.
#[derive(Clone, Debug)]
pub struct DataSetPolicy {
    /// Which.
    pub data_set: DataSet,
    /// Whether the service cannot work without it.
    pub required: bool,
    /// Why the service wants it, in its own words.
    pub why: Localized,
}

/// A relying party.
#[derive(Clone, Debug)]
pub struct Client {
    /// Its identifier.
    pub id: ClientId,
    /// The digest of its secret; public clients have none.
    pub secret: Option<SecretDigest>,
    /// Since when it may not be used.
    pub disabled: bool,
    /// The service's name.
    pub name: Localized,
    /// The service's name in an SMS.
    pub sms_name: Localized,
    /// The body or company that answers for it.
    pub owner: Localized,
    /// What the data are for.
    pub purpose: Localized,
    /// The contract or law, in words.
    pub basis_reference: Localized,
    /// State body or not.
    pub kind: OwnerKind,
    /// Why data may go to it.
    pub basis: Basis,
    /// Bundle of policy.
    pub profile: Profile,
    /// The service's icon.
    pub logo_uri: Option<String>,
    /// The service's front page.
    pub client_uri: Option<String>,
    /// How it treats personal data.
    pub policy_uri: Option<String>,
    /// Its terms.
    pub tos_uri: Option<String>,
    /// Where a sign-in can be started anew (OpenID Connect Core §4).
    pub initiate_login_uri: Option<String>,
    /// Where answers may go.
    pub redirect_uris: Vec<RedirectUri>,
    /// Where a person may go after signing out.
    pub post_logout_redirect_uris: Vec<RedirectUri>,
    /// Where to tell that a session ended (Back-Channel Logout 1.0).
    pub backchannel_logout_uri: Option<String>,
    /// Grants it may use.
    pub grant_types: Vec<GrantType>,
    /// How it proves itself.
    pub auth_method: AuthMethod,
    /// Whether PKCE is demanded.
    pub require_pkce: bool,
    /// Signature of its ID tokens.
    pub id_token_alg: Alg,
    /// Shape of its access tokens.
    pub access_token_format: AccessTokenFormat,
    /// Signature of its JWT access tokens.
    pub access_token_alg: Alg,
    /// OwnerKind of `sub`.
    pub subject_type: SubjectType,
    /// Clients of one sector see the same pairwise `sub`.
    pub sector: String,
    /// Data it may ask for.
    pub data_sets: Vec<DataSetPolicy>,
    /// For how long a consent holds, in seconds.
    pub consent_seconds: i64,
    /// The oldest authentication it takes, in seconds, unless a request says otherwise.
    pub default_max_age: Option<i64>,
    /// The longest silence of an SSO session that it accepts, in seconds.
    pub session_idle_max: Option<i64>,
    /// The oldest SSO session that it accepts, in seconds.
    pub session_absolute_max: Option<i64>,
    /// The lowest assurance it takes.
    pub minimum_acr: Option<String>,
    /// A service in lending: Mobile-ID alone is not enough (R3, D-a).
    pub lending: bool,
    /// Whether it may introspect tokens of other clients.
    pub resource_server: bool,
    /// How many codes may be sent on its behalf in an hour.
    pub sends_per_hour: Option<u64>,
}

impl Client {
    /// Whether the client may use `grant`.
    pub fn may(&self, grant: GrantType) -> bool {
        self.grant_types.contains(&grant)
    }

    /// What it may ask of `data_set`, if anything.
    pub fn data_set(&self, data_set: DataSet) -> Option<&DataSetPolicy> {
        self.data_sets.iter().find(|policy| policy.data_set == data_set)
    }

    /// The service as pages show it, in the reader's language.
    pub fn shown(&self, language: Language) -> Service<'_> {
        let tag = language.tag();
        Service {
            name: self.name.get(tag),
            owner: self.owner.get(tag),
            icon: self.logo_uri.as_deref(),
            home: self.client_uri.as_deref(),
            policy: self.policy_uri.as_deref(),
            terms: self.tos_uri.as_deref(),
        }
    }

    /// Where a person goes to begin again: the page that starts a sign-in, or the front page.
    pub fn start_page(&self) -> Option<&str> {
        self.initiate_login_uri.as_deref().or(self.client_uri.as_deref())
    }
}
