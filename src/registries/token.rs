//! The gateway's tokens: a password grant at the gateway's identity server (RFC 6749 §4.3), as the inter-agency gateway has it. One
//! token serves all registers behind the gateway, in memory only.

use std::sync::Arc;
use std::time::Duration;

use reqwest::Client;
use secrecy::{ExposeSecret as _, SecretString};
use tokio::sync::Mutex;
use tokio::time::Instant;

use super::settings::GatewaySettings;
use super::wire;

/// After a failed login, for how long no further login is attempted: what waited for it must not each wait for another.
const LOGIN_REST: Duration = Duration::from_secs(2);
/// A token is not used in its last moments.
const MARGIN: Duration = Duration::from_secs(30);
/// For how long a token is used whose answer does not say it.
const USUAL: Duration = Duration::from_secs(600);

/// Tokens of one account at the gateway.
pub(super) struct Tokens {
    client: Client,
    settings: GatewaySettings,
    login: Mutex<Login>,
}

#[derive(Default)]
struct Login {
    token: Option<(Arc<SecretString>, Instant)>,
    failed: Option<Instant>,
}

/// No token could be fetched; why was logged.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct NoToken;

impl Tokens {
    pub(super) fn new(client: Client, settings: GatewaySettings) -> Self {
        Self { client, settings, login: Mutex::default() }
    }

    /// A token that is in force.
    pub(super) async fn get(&self) -> Result<Arc<SecretString>, NoToken> {
        let mut login = self.login.lock().await;
        match &login.token {
            Some((token, until)) if Instant::now() < *until => Ok(Arc::clone(token)),
            _ => self.log_in(&mut login).await,
        }
    }

    /// A token other than `stale`, which was refused. The lock is held meanwhile, so that many refusals make one login.
    pub(super) async fn renewed(&self, stale: &Arc<SecretString>) -> Result<Arc<SecretString>, NoToken> {
        let mut login = self.login.lock().await;
        match &login.token {
            Some((token, _)) if !Arc::ptr_eq(token, stale) => Ok(Arc::clone(token)),
            _ => self.log_in(&mut login).await,
        }
    }

    async fn log_in(&self, login: &mut Login) -> Result<Arc<SecretString>, NoToken> {
        if login.failed.is_some_and(|at| at.elapsed() < LOGIN_REST) {
            return Err(NoToken);
        }
        login.token = None;
        // If the wait for the answer is given up, the next one tries at once.
        match self.fetch().await {
            Ok((token, lasts)) => {
                let token = Arc::new(token);
                *login = Login { token: Some((Arc::clone(&token), Instant::now() + lasts)), failed: None };
                Ok(token)
            }
            Err(reason) => {
                tracing::warn!(
                    event = "registry.no_token",
                    reason,
                    "the gateway of state registers gave no token"
                );
                login.failed = Some(Instant::now());
                Err(NoToken)
            }
        }
    }

    async fn fetch(&self) -> Result<(SecretString, Duration), String> {
        let GatewaySettings { consumer_key, consumer_secret, username, password, .. } = &self.settings;
        let form = [
            ("grant_type", "password"),
            ("username", username.as_str()),
            ("password", password.expose_secret()),
        ];
        let request = self
            .client
            .post(self.settings.token_url.clone())
            .basic_auth(consumer_key, Some(consumer_secret.expose_secret()))
            .form(&form);
        let response = request.send().await.map_err(|_| "could not connect, or no answer".to_owned())?;
        let heard = wire::read(response).await.map_err(|unheard| unheard.name().to_owned())?;
        let status = heard.status.as_u16();
        if !heard.status.is_success() {
            return Err(format!("HTTP {status}"));
        }
        let token = wire::member(&heard.body, "access_token").and_then(serde_json::Value::as_str);
        // The token becomes a header value, so it must be visible ASCII.
        let fits = |token: &&str| {
            !token.is_empty() && token.len() <= 8192 && token.bytes().all(|b| b.is_ascii_graphic())
        };
        let token = token.filter(fits).ok_or("the answer has no token")?;
        let lasts = wire::text(&heard.body, "expires_in").and_then(|text| text.parse::<u32>().ok());
        let lasts = lasts.map_or(USUAL, |seconds| Duration::from_secs(seconds.into()));
        Ok((SecretString::from(token.to_owned()), lasts.saturating_sub(MARGIN).max(Duration::from_secs(1))))
    }
}
