//! HTTP for both gateways: a client with a short timeout, bounded responses, and the decision whether a message of a
//! failed request may have been sent.

use std::error::Error;
use std::time::Duration;

use reqwest::{Client, RequestBuilder, StatusCode, redirect};
use serde_json::Value;

use super::SendOutcome;

/// Short, so that failover from an unreachable gateway is quick.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(2);
/// The gateway may close an idle connection just as a message is written to it, and then it is unknown whether the
/// message was sent.
const POOL_IDLE: Duration = Duration::from_secs(10);
/// Maximum size of a response, in bytes.
const LARGEST_ANSWER: usize = 64 * 1024;
/// Maximum length of a logged reason, in characters.
const LONGEST_REASON: usize = 120;

/// The HTTP client for gateways. `timeout` bounds a whole exchange, of which connecting takes at most two seconds.
/// Redirects are not followed, since a message must not be posted twice, and proxies of the environment are
/// not used.
///
/// # Errors
/// When the system's TLS roots cannot be read.
pub fn client(timeout: Duration) -> Result<Client, reqwest::Error> {
    Client::builder()
        .connect_timeout(CONNECT_TIMEOUT.min(timeout))
        .timeout(timeout)
        .pool_idle_timeout(POOL_IDLE)
        .redirect(redirect::Policy::none())
        .no_proxy()
        .build()
}

/// A response of any status. `body` is empty if it was truncated or too long.
pub(super) struct Answer {
    pub status: StatusCode,
    pub body: Vec<u8>,
}

impl Answer {
    /// The body, or null when it is not JSON.
    pub(super) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_default()
    }
}

/// The first of these members that is a non-empty string or a number.
pub(super) fn member(body: &Value, names: &[&str]) -> Option<String> {
    names.iter().find_map(|name| match body.get(name)? {
        Value::String(text) if !text.is_empty() => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    })
}

/// No response.
#[derive(Debug, Clone)]
pub(super) enum NoAnswer {
    /// The request never reached the gateway.
    NotSent(String),
    /// The request may have reached the gateway.
    Unknown(String),
}

impl NoAnswer {
    pub(super) fn into_reason(self) -> String {
        match self {
            Self::NotSent(reason) | Self::Unknown(reason) => reason,
        }
    }

    pub(super) fn into_outcome(self) -> SendOutcome {
        match self {
            Self::NotSent(reason) => SendOutcome::Refused { reason },
            Self::Unknown(reason) => SendOutcome::Unknown { reason },
        }
    }
}

/// Sends one request and reads its response.
pub(super) async fn exchange(request: RequestBuilder) -> Result<Answer, NoAnswer> {
    let mut response = request.send().await.map_err(|error| {
        let reason = describe(&error);
        if error.is_connect() || error.is_builder() {
            NoAnswer::NotSent(reason)
        } else {
            NoAnswer::Unknown(reason)
        }
    })?;
    let status = response.status();
    let mut body = Vec::new();
    loop {
        match response.chunk().await {
            Ok(Some(chunk)) if body.len() + chunk.len() <= LARGEST_ANSWER => body.extend_from_slice(&chunk),
            Ok(None) => return Ok(Answer { status, body }),
            Ok(Some(_)) | Err(_) => return Ok(Answer { status, body: Vec::new() }),
        }
    }
}

/// The outcome of an error response. With its own error (400, 500, 503 …) a gateway did not accept the message;
/// 502 and 504 come from a proxy, behind which the gateway may have accepted it.
pub(super) fn failure(status: StatusCode, said: &str) -> SendOutcome {
    let reason = reason(&format!("HTTP {}: {said}", status.as_u16()));
    match status {
        StatusCode::BAD_GATEWAY | StatusCode::GATEWAY_TIMEOUT => SendOutcome::Unknown { reason },
        _ if status.is_success() || status.is_informational() => SendOutcome::Unknown { reason },
        _ => SendOutcome::Refused { reason },
    }
}

/// A gateway's message for the log: one line, bounded, long numbers hidden (they may be phone numbers).
pub(super) fn reason(said: &str) -> String {
    let mut plain = String::new();
    let mut digits = String::new();
    for c in said.chars().take(LONGEST_REASON).chain(['\0']) {
        if c.is_ascii_digit() {
            digits.push(c);
            continue;
        }
        plain.push_str(if digits.len() > 4 { "…" } else { &digits });
        digits.clear();
        plain.push(if c.is_control() { ' ' } else { c });
    }
    plain.trim_end().to_owned()
}

fn describe(error: &reqwest::Error) -> String {
    if let Some(why) = tls_failure(error) {
        return format!("no TLS connection: {why}");
    }
    let what = match (error.is_connect(), error.is_timeout()) {
        (true, true) => "connecting timed out",
        (true, false) => {
            return reason(&format!("could not connect: {}", causes(error).last().unwrap_or(error)));
        }
        (false, true) => "no answer in time",
        (false, false) if error.is_builder() => "the request could not be built",
        (false, false) => "the connection broke off",
    };
    what.to_owned()
}

/// What the TLS handshake failed with, if it did: a certificate that is not accepted, a server that does not speak TLS.
fn tls_failure(error: &reqwest::Error) -> Option<String> {
    causes(error).find_map(|cause| cause.downcast_ref::<rustls::Error>().map(ToString::to_string))
}

/// The error and what it comes from, down to the first cause.
fn causes(error: &reqwest::Error) -> impl Iterator<Item = &(dyn Error + 'static)> {
    std::iter::successors(Some(error as &(dyn Error + 'static)), |&cause| {
        // What an error of input and output is about is not its source, but within it.
        match cause.downcast_ref::<std::io::Error>().and_then(std::io::Error::get_ref) {
            Some(within) => Some(within),
            None => cause.source(),
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reason_is_one_short_line_without_numbers_of_people() {
        assert_eq!(reason("HTTP 400: bad 998901234567\nerror 404"), "HTTP 400: bad … error 404");
        assert_eq!(reason("ends with 998901234567"), "ends with …");
        assert!(reason(&"x".repeat(10_000)).chars().count() <= LONGEST_REASON);
    }

    #[actix_web::test]
    async fn a_server_whose_tls_fails_is_told_from_one_that_is_not_there() {
        use std::io::{Read as _, Write as _};
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let get = async || {
            let client = client(Duration::from_secs(5)).unwrap();
            describe(&client.get(format!("https://{address}/")).send().await.unwrap_err())
        };
        let server = std::thread::spawn(move || {
            let (mut connection, _) = listener.accept().unwrap();
            let _ = connection.read(&mut [0; 1024]);
            connection.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n").unwrap();
        });
        let said = get().await;
        server.join().unwrap();
        assert!(said.starts_with("no TLS connection: "), "{said}");
        assert_eq!(get().await, "could not connect: Connection refused (os error 111)");
    }

    #[test]
    fn only_a_lost_response_leaves_the_outcome_unknown() {
        for (status, doubtful) in
            [(400, false), (403, false), (429, false), (500, false), (503, false), (302, false)]
                .into_iter()
                .chain([(502, true), (504, true)])
        {
            let outcome = failure(StatusCode::from_u16(status).unwrap(), "");
            assert_eq!(matches!(outcome, SendOutcome::Unknown { .. }), doubtful, "{status}");
        }
    }
}
