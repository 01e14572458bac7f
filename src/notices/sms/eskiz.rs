//! The Eskiz gateway: a login token that lives about a month, messages as forms, and delivery reports, which are
//! unsigned and must be confirmed by the gateway.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use reqwest::{Client, RequestBuilder, StatusCode};
use secrecy::ExposeSecret;
use serde::Serialize;
use tokio::sync::Mutex;
use tokio::time::Instant;

use super::receipt::{self, Receipt, ReceiptError};
use super::wire::{self, Answer, NoAnswer};
use super::{EskizSettings, OutgoingSms, SendOutcome};

/// The gateway's name in settings, logs and metrics.
pub const NAME: &str = "eskiz";

/// After a failed login, how long no further login is attempted: the messages that waited for it must not each wait
/// for another one.
const LOGIN_REST: Duration = Duration::from_secs(2);

/// The adapter. Logs in when first needed and keeps the token in memory only.
pub struct Eskiz {
    client: Client,
    settings: EskizSettings,
    /// URL for delivery reports. Contains a secret, since the gateway does not sign them.
    callback_url: Option<String>,
    login: Mutex<Login>,
}

#[derive(Default)]
struct Login {
    token: Option<Arc<str>>,
    failed: Option<(Instant, String)>,
}

/// Why a delivery report could not be confirmed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ConfirmError {
    /// The gateway has no such message of this account: the report is forged or for another account.
    NoSuchMessage,
    /// The gateway is unavailable; the report may be true.
    Unavailable {
        /// Why, for logs.
        reason: String,
    },
}

impl fmt::Debug for Eskiz {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Eskiz").field("settings", &self.settings).finish_non_exhaustive()
    }
}

#[derive(Serialize)]
struct SendForm<'a> {
    mobile_phone: &'a str,
    message: &'a str,
    from: &'a str,
    user_sms_id: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    callback_url: Option<&'a str>,
}

#[derive(Serialize)]
struct LoginForm<'a> {
    email: &'a str,
    password: &'a str,
}

impl Eskiz {
    /// `client` comes from [`super::client`].
    pub fn new(client: Client, settings: EskizSettings, callback_url: Option<String>) -> Self {
        Self { client, settings, callback_url, login: Mutex::default() }
    }

    /// Sends one message. The API has no expiry of messages; the outbox sends none that has expired.
    pub async fn send(&self, sms: &OutgoingSms) -> SendOutcome {
        match self.authorised(|| self.request(sms)).await {
            Ok(answer) => taken(&answer),
            Err(nothing) => nothing.into_outcome(),
        }
    }

    /// The request that sends a message, without the token.
    pub(super) fn request(&self, sms: &OutgoingSms) -> RequestBuilder {
        let form = SendForm {
            mobile_phone: sms.to.digits(),
            message: &sms.text,
            from: &self.settings.from,
            user_sms_id: &sms.id,
            callback_url: self.callback_url.as_deref(),
        };
        self.client.post(self.url("message/sms/send")).form(&form)
    }

    /// Logs in.
    ///
    /// # Errors
    /// Why that failed.
    pub(super) async fn try_access(&self) -> Result<(), String> {
        self.log_in(&mut *self.login.lock().await).await.map(drop)
    }

    /// Reads from the gateway the state of a message of a delivery report.
    ///
    /// # Errors
    /// See [`ConfirmError`].
    pub async fn confirm(&self, gateway_id: &str) -> Result<Receipt, ConfirmError> {
        if !receipt::is_id(gateway_id) {
            return Err(ConfirmError::NoSuchMessage);
        }
        let url = self.url(&format!("message/sms/status_by_id/{gateway_id}"));
        let answer = self
            .authorised(|| self.client.get(&url))
            .await
            .map_err(|nothing| ConfirmError::Unavailable { reason: nothing.into_reason() })?;
        match answer.status {
            StatusCode::OK => {
                let body = answer.json();
                receipt::of_eskiz(body.get("data").unwrap_or(&body), Some(gateway_id)).map_err(|error| {
                    match error {
                        ReceiptError::NoId => ConfirmError::NoSuchMessage,
                        other => ConfirmError::Unavailable { reason: other.to_string() },
                    }
                })
            }
            StatusCode::BAD_REQUEST | StatusCode::NOT_FOUND | StatusCode::UNPROCESSABLE_ENTITY => {
                Err(ConfirmError::NoSuchMessage)
            }
            status => Err(ConfirmError::Unavailable { reason: format!("HTTP {}", status.as_u16()) }),
        }
    }

    fn url(&self, path: &str) -> String {
        format!("{}/{path}", self.settings.base_url.as_str().trim_end_matches('/'))
    }

    /// A request with the token; if the gateway rejects the token, once more with a new one.
    async fn authorised(&self, call: impl Fn() -> RequestBuilder) -> Result<Answer, NoAnswer> {
        let token = self.token().await.map_err(NoAnswer::NotSent)?;
        let answer = wire::exchange(call().bearer_auth(&token)).await?;
        if answer.status != StatusCode::UNAUTHORIZED {
            return Ok(answer);
        }
        let token = self.renewed(&token, is_beyond_refresh(&answer)).await.map_err(NoAnswer::NotSent)?;
        wire::exchange(call().bearer_auth(&token)).await
    }

    async fn token(&self) -> Result<Arc<str>, String> {
        let mut login = self.login.lock().await;
        match &login.token {
            Some(token) => Ok(Arc::clone(token)),
            None => self.log_in(&mut login).await,
        }
    }

    /// A token other than `stale`: one that another task has just fetched, a refreshed one, or one of a new login. The
    /// lock is held meanwhile, so that many rejected requests renew it once.
    async fn renewed(&self, stale: &Arc<str>, beyond_refresh: bool) -> Result<Arc<str>, String> {
        let mut login = self.login.lock().await;
        match &login.token {
            Some(token) if token != stale => return Ok(Arc::clone(token)),
            Some(_) if !beyond_refresh => {
                let call = self.client.patch(self.url("auth/refresh")).bearer_auth(stale);
                let answer = wire::exchange(call).await.map_err(NoAnswer::into_reason)?;
                if let Some(token) = token_in(&answer) {
                    login.token = Some(Arc::clone(&token));
                    return Ok(token);
                }
            }
            _ => {}
        }
        self.log_in(&mut login).await
    }

    async fn log_in(&self, login: &mut Login) -> Result<Arc<str>, String> {
        if let Some((at, reason)) = &login.failed
            && at.elapsed() < LOGIN_REST
        {
            return Err(reason.clone());
        }
        login.token = None;
        let EskizSettings { email, password, .. } = &self.settings;
        let form = LoginForm { email, password: password.expose_secret() };
        let answer = wire::exchange(self.client.post(self.url("auth/login")).form(&form)).await;
        let reason = match answer {
            Ok(answer) => match token_in(&answer) {
                Some(token) => {
                    *login = Login { token: Some(Arc::clone(&token)), failed: None };
                    return Ok(token);
                }
                None => wire::reason(&format!("login: HTTP {}: {}", answer.status.as_u16(), said(&answer))),
            },
            Err(nothing) => format!("login: {}", nothing.into_reason()),
        };
        login.failed = Some((Instant::now(), reason.clone()));
        Err(reason)
    }
}

/// The outcome of a send response. Older versions of the gateway refuse with 200 and `status: fail`.
fn taken(answer: &Answer) -> SendOutcome {
    let body = answer.json();
    if !answer.status.is_success() {
        return wire::failure(answer.status, &said(answer));
    }
    let refused = matches!(wire::member(&body, &["status"]).as_deref(), Some("fail" | "error"));
    match wire::member(&body, &["id"]) {
        _ if refused => SendOutcome::Refused { reason: wire::reason(&format!("refused: {}", said(answer))) },
        Some(gateway_id) if receipt::is_id(&gateway_id) => SendOutcome::Accepted { gateway_id },
        _ => wire::failure(answer.status, "no message id in the response"),
    }
}

fn token_in(answer: &Answer) -> Option<Arc<str>> {
    let body = answer.json();
    let token = body.get("data")?.get("token")?.as_str()?;
    // The token becomes a header value, so it must be visible ASCII.
    (answer.status.is_success() && !token.is_empty() && token.bytes().all(|b| b.is_ascii_graphic()))
        .then(|| Arc::from(token))
}

/// Whether a 401 means that the token cannot be refreshed.
fn is_beyond_refresh(answer: &Answer) -> bool {
    let body = answer.json();
    wire::member(&body, &["status"]).as_deref() == Some("token_invalid")
        || wire::member(&body, &["message"]).as_deref() == Some("Invalid credentials")
}

fn said(answer: &Answer) -> String {
    let body = answer.json();
    let older = || wire::member(body.get("data")?, &["alert"]);
    wire::member(&body, &["message"]).or_else(older).unwrap_or_default()
}

#[cfg(test)]
mod tests;
