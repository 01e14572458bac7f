//! The PlayMobile broker (smsxabar): one request with HTTP Basic, and message ids of our own.

use std::fmt;

use reqwest::{Client, RequestBuilder, StatusCode};
use secrecy::ExposeSecret;
use serde::Serialize;

use super::wire::{self, Answer, NoAnswer};
use super::{OutgoingSms, PlayMobileSettings, SendOutcome};

/// The gateway's name in settings, logs and metrics.
pub const NAME: &str = "playmobile";

/// The adapter.
pub struct PlayMobile {
    client: Client,
    settings: PlayMobileSettings,
}

impl fmt::Debug for PlayMobile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PlayMobile").field("settings", &self.settings).finish_non_exhaustive()
    }
}

#[derive(Serialize)]
struct Request<'a> {
    priority: &'static str,
    messages: [Message<'a>; 1],
}

#[derive(Serialize)]
#[serde(rename_all = "kebab-case")]
struct Message<'a> {
    recipient: &'a str,
    message_id: &'a str,
    sms: Sms<'a>,
}

#[derive(Serialize)]
struct Sms<'a> {
    originator: &'a str,
    ttl: u64,
    content: Content<'a>,
}

#[derive(Serialize)]
struct Content<'a> {
    text: &'a str,
}

impl PlayMobile {
    /// `client` comes from [`super::client`].
    pub fn new(client: Client, settings: PlayMobileSettings) -> Self {
        Self { client, settings }
    }

    /// Sends one message. The broker assigns no id: its delivery reports use ours.
    pub async fn send(&self, sms: &OutgoingSms) -> SendOutcome {
        match wire::exchange(self.request(sms)).await {
            Ok(answer) if answer.status.is_success() => SendOutcome::Accepted { gateway_id: sms.id.clone() },
            Ok(answer) => wire::failure(answer.status, &said(&answer)),
            Err(nothing) => nothing.into_outcome(),
        }
    }

    /// Sends a request without messages: the broker has no other way to try a login. It must be refused, but not for
    /// the login, nor because the account or the application is locked (codes 102, 402).
    ///
    /// # Errors
    /// Why it failed.
    pub(super) async fn try_access(&self) -> Result<(), String> {
        let body = serde_json::json!({ "priority": "realtime", "messages": [] });
        let answer = wire::exchange(self.post(&body)).await.map_err(NoAnswer::into_reason)?;
        let code = wire::member(&answer.json(), &["error-code", "error_code"]);
        let is_ours = matches!(code.as_deref(), Some("102" | "402"));
        if answer.status.is_success() || (answer.status == StatusCode::BAD_REQUEST && !is_ours) {
            return Ok(());
        }
        Err(wire::reason(&format!("HTTP {}: {}", answer.status.as_u16(), said(&answer))))
    }

    /// The request that sends a message.
    pub(super) fn request(&self, sms: &OutgoingSms) -> RequestBuilder {
        let originator = &self.settings.originator;
        let content = Content { text: &sms.text };
        let body = Request {
            priority: "realtime",
            messages: [Message {
                recipient: sms.to.digits(),
                message_id: &sms.id,
                sms: Sms { originator, ttl: sms.ttl.as_secs().max(1), content },
            }],
        };
        self.post(&body)
    }

    fn post(&self, body: &impl Serialize) -> RequestBuilder {
        let PlayMobileSettings { url, login, password, .. } = &self.settings;
        self.client.post(url.as_str()).basic_auth(login, Some(password.expose_secret())).json(body)
    }
}

/// The broker's error message; its documents spell the members with dashes and with underscores.
fn said(answer: &Answer) -> String {
    let body = answer.json();
    let code = wire::member(&body, &["error-code", "error_code"]).unwrap_or_default();
    let description = wire::member(&body, &["error-description", "error_description"]).unwrap_or_default();
    format!("{code} {description}").trim().to_owned()
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use serde_json::Value;

    use super::super::gateway_double::{Double, Seen, message};
    use super::*;

    fn adapter(double: &Double, timeout: Duration) -> PlayMobile {
        let settings = PlayMobileSettings {
            reply_number: None,
            url: double.url("/broker-api/send").parse().unwrap(),
            login: "yagona".into(),
            password: "p:ss".into(),
            originator: "3700".into(),
        };
        PlayMobile::new(wire::client(timeout).unwrap(), settings)
    }

    fn answering(status: u16, body: &'static str) -> impl Fn(&Seen) -> (u16, String) + Send + Sync + 'static {
        move |_| (status, body.to_owned())
    }

    #[actix_web::test]
    async fn a_message_goes_out_in_the_brokers_format() {
        let double = Double::start(answering(200, "Request is received"));
        let outcome = adapter(&double, Duration::from_secs(5)).send(&message("abc123")).await;
        assert_eq!(outcome, SendOutcome::Accepted { gateway_id: "abc123".into() });
        let seen = &double.seen()[0];
        assert_eq!((seen.method.as_str(), seen.path.as_str()), ("POST", "/broker-api/send"));
        assert_eq!(seen.authorization, "Basic eWFnb25hOnA6c3M=");
        assert!(seen.content_type.starts_with("application/json"));
        let body: Value = serde_json::from_str(&seen.body).unwrap();
        let expected = serde_json::json!({
            "priority": "realtime",
            "messages": [{
                "recipient": "998901234567",
                "message-id": "abc123",
                "sms": {"originator": "3700", "ttl": 180, "content": {"text": "Soliq: 123456"}},
            }],
        });
        assert_eq!(body, expected);
    }

    #[actix_web::test]
    async fn an_error_is_a_refusal_with_the_brokers_code() {
        for body in [
            r#"{"error-code":102,"error-description":"Account is lock"}"#,
            r#"{"error_code":"102","error_description":"Account is lock"}"#,
        ] {
            let double = Double::start(answering(400, body));
            let outcome = adapter(&double, Duration::from_secs(5)).send(&message("a1")).await;
            let reason = "HTTP 400: 102 Account is lock".to_owned();
            assert_eq!(outcome, SendOutcome::Refused { reason });
        }
        let double = Double::start(answering(500, "<html>"));
        let outcome = adapter(&double, Duration::from_secs(5)).send(&message("a1")).await;
        assert!(matches!(outcome, SendOutcome::Refused { .. }), "{outcome:?}");
    }

    #[actix_web::test]
    async fn access_is_tried_without_a_message() {
        let trying = async |status: u16, body: &'static str| {
            let double = Double::start(answering(status, body));
            let tried = adapter(&double, Duration::from_secs(5)).try_access().await;
            let sent: Value = serde_json::from_str(&double.seen()[0].body).unwrap();
            assert_eq!(sent["messages"], serde_json::json!([]));
            tried
        };
        assert_eq!(trying(400, r#"{"error-code":101,"error-description":"Syntax error"}"#).await, Ok(()));
        for (status, body, said) in [
            (401, "Unauthorized", "HTTP 401:"),
            (400, r#"{"error-code":102,"error-description":"Account is lock"}"#, "102 Account is lock"),
            (400, r#"{"error_code":"402"}"#, "402"),
            (404, "<html>", "HTTP 404:"),
            (500, "", "HTTP 500:"),
        ] {
            let why = trying(status, body).await.unwrap_err();
            assert!(why.contains(said), "{status} {body}: {why}");
        }
        let closed = adapter(&Double::closed(), Duration::from_secs(5)).try_access().await;
        assert!(closed.as_ref().is_err_and(|why| why.contains("Connection refused")), "{closed:?}");
    }

    #[actix_web::test]
    async fn a_closed_port_is_a_refusal_and_silence_after_sending_is_not() {
        let closed = adapter(&Double::closed(), Duration::from_secs(5));
        assert!(matches!(closed.send(&message("a1")).await, SendOutcome::Refused { .. }));

        let silent = Double::silent();
        let outcome = adapter(&silent, Duration::from_millis(150)).send(&message("a1")).await;
        assert!(matches!(outcome, SendOutcome::Unknown { .. }), "{outcome:?}");

        let hanging_up = Double::hanging_up();
        let outcome = adapter(&hanging_up, Duration::from_secs(5)).send(&message("a1")).await;
        assert!(matches!(outcome, SendOutcome::Unknown { .. }), "{outcome:?}");
    }

    #[actix_web::test]
    async fn nothing_secret_is_printed() {
        let double = Double::closed();
        let shown = format!("{:?} {:?}", adapter(&double, Duration::from_secs(1)), message("a1"));
        assert!(
            !shown.contains("p:ss") && !shown.contains("123456") && !shown.contains("901234567"),
            "{shown}"
        );
    }
}
