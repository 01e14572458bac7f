//! The scenarios: which client each one uses, what a user prepares, and what one flow is.

use clap::ValueEnum;

use crate::drive::Failure;
use crate::flows::{DISCOVERY, User, World};
use crate::people::{DESK, DEVICE, ES256, JWT_EDDSA, JWT_ES256, JWT_RS256, KEYED, PUSHING, RS256, SCOPE};

/// What can be measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Scenario {
    /// GET of the discovery document
    Discovery,
    /// GET of the published keys
    Jwks,
    /// Client credentials grant, opaque access token
    TokenClientCredentials,
    /// Client credentials grant, JWT access token signed with ES256
    TokenClientCredentialsEs256,
    /// Client credentials grant, JWT access token signed with RS256
    TokenClientCredentialsRs256,
    /// Client credentials grant, JWT access token signed with EdDSA
    TokenClientCredentialsEddsa,
    /// Client credentials grant by private_key_jwt (ES256), opaque access token
    TokenPrivateKeyJwt,
    /// Client credentials grant with a DPoP proof (ES256), opaque bound access token
    TokenDpop,
    /// Pushed authorization request
    Par,
    /// Poll of a device that waits for its person
    DevicePoll,
    /// Poll of a service whose person has not decided yet (CIBA)
    CibaPoll,
    /// Introspection of an active opaque access token
    Introspection,
    /// GET of UserInfo with an opaque access token
    Userinfo,
    /// Refresh with rotation and an ES256 ID token
    Refresh,
    /// Refresh with rotation and an RS256 ID token
    RefreshRs256,
    /// Whole sign-in, new session: number, code, remembered consent, ES256 tokens, UserInfo
    SignIn,
    /// The same with RS256
    SignInRs256,
    /// Sign-in with an existing session: continue page, ES256 tokens, UserInfo
    SignInSso,
}

impl Scenario {
    /// Its name on the command line and in reports.
    pub(crate) fn name(self) -> String {
        self.to_possible_value().map(|value| value.get_name().to_owned()).unwrap_or_default()
    }

    pub(crate) fn client_id(self) -> &'static str {
        match self {
            Self::RefreshRs256 | Self::SignInRs256 => RS256,
            Self::TokenPrivateKeyJwt => KEYED,
            Self::Par => PUSHING,
            Self::DevicePoll => DEVICE,
            Self::CibaPoll => DESK,
            Self::TokenClientCredentialsEs256 => JWT_ES256,
            Self::TokenClientCredentialsRs256 => JWT_RS256,
            Self::TokenClientCredentialsEddsa => JWT_EDDSA,
            _ => ES256,
        }
    }

    pub(crate) fn scope(self) -> &'static str {
        match self {
            Self::Refresh | Self::RefreshRs256 => SCOPE,
            _ => "openid profile phone",
        }
    }

    /// Whether each flow causes a message, and so a receipt.
    pub(crate) fn sends_message(self) -> bool {
        matches!(self, Self::SignIn | Self::SignInRs256)
    }

    /// What a user must have before its first flow.
    pub(crate) async fn prepare(self, user: &mut User, world: &World) -> Result<(), Failure> {
        match self {
            Self::Discovery => user.prepare_get(DISCOVERY),
            Self::Jwks => user.prepare_get(&world.jwks),
            Self::TokenClientCredentials
            | Self::TokenClientCredentialsEs256
            | Self::TokenClientCredentialsRs256
            | Self::TokenClientCredentialsEddsa => user.prepare_client_credentials(),
            Self::TokenPrivateKeyJwt | Self::TokenDpop => {}
            Self::Par => user.prepare_pushing()?,
            Self::DevicePoll => user.prepare_device().await?,
            Self::CibaPoll => user.prepare_request().await?,
            Self::Introspection => user.prepare_introspection().await?,
            Self::Userinfo => user.prepare_userinfo().await?,
            Self::Refresh | Self::RefreshRs256 => user.prepare_refresh().await?,
            Self::SignIn | Self::SignInRs256 => user.sign_in_everybody().await?,
            Self::SignInSso => user.sign_in().await?,
        }
        Ok(())
    }

    /// One flow.
    pub(crate) async fn flow(self, user: &mut User) -> Result<(), Failure> {
        match self {
            Self::Discovery => user.repeat("\"issuer\"").await,
            Self::Jwks => user.repeat("\"keys\"").await,
            Self::TokenClientCredentials
            | Self::TokenClientCredentialsEs256
            | Self::TokenClientCredentialsRs256
            | Self::TokenClientCredentialsEddsa => user.repeat("\"access_token\"").await,
            Self::TokenPrivateKeyJwt => user.token_by_assertion().await,
            Self::TokenDpop => user.token_with_proof().await,
            Self::Par => user.repeat_for(201, "\"request_uri\"").await,
            Self::DevicePoll | Self::CibaPoll => user.poll().await,
            Self::Introspection => user.repeat("\"active\":true").await,
            Self::Userinfo => user.repeat("\"sub\"").await,
            Self::Refresh | Self::RefreshRs256 => user.refresh().await,
            Self::SignIn | Self::SignInRs256 => user.sign_in().await,
            Self::SignInSso => user.sign_in_again().await,
        }
    }
}

/// Prints all scenarios.
pub(crate) fn list() {
    for value in Scenario::value_variants().iter().filter_map(ValueEnum::to_possible_value) {
        let about = value.get_help().map(ToString::to_string).unwrap_or_default();
        println!("{:<32} {about}", value.get_name());
    }
}
