//! What both gateways share on the wire: a client with short patience, bounded answers, and the judgement whether a
//! request that went wrong can have been taken.

use std::time::Duration;

use reqwest::{Client, RequestBuilder, StatusCode, redirect};
use serde_json::Value;

use super::SendOutcome;

/// A gateway that cannot be reached at all should not hold up the other one.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(2);
/// Connections idle for longer may be closed by the gateway just as a message is written to them, and what then
/// happened to that message would be unknown.
const POOL_IDLE: Duration = Duration::from_secs(10);
/// No honest answer is longer.
const LARGEST_ANSWER: usize = 64 * 1024;
/// Longest reason that goes to the log, in characters.
const LONGEST_REASON: usize = 120;

/// The HTTP client for gateways. `patience` bounds a whole exchange; connecting has at most two seconds of it.
/// Redirects are not followed, since a message must not be posted twice, and proxies named in the environment are
/// not used: the way to a gateway stands in the settings.
///
/// # Errors
/// When the system's TLS roots cannot be read.
pub fn client(patience: Duration) -> Result<Client, reqwest::Error> {
    Client::builder()
        .connect_timeout(CONNECT_TIMEOUT.min(patience))
        .timeout(patience)
        .pool_idle_timeout(POOL_IDLE)
        .redirect(redirect::Policy::none())
        .no_proxy()
        .build()
}

/// An answer of any status. `body` is empty when it broke off or was too long.
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

/// The first of these members that is a text with something in it, or a number.
pub(super) fn member(body: &Value, names: &[&str]) -> Option<String> {
    names.iter().find_map(|name| match body.get(name)? {
        Value::String(text) if !text.is_empty() => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    })
}

/// No answer came.
#[derive(Debug, Clone)]
pub(super) enum NoAnswer {
    /// The request never reached the gateway.
    NotSent(String),
    /// It may have.
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

/// One request, at most one answer.
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

/// What an answer other than success means for the message. A gateway's own error (400, 500, 503 …) is given
/// instead of accepting; 502 and 504 come from a proxy that lost the answer of something that may have accepted.
pub(super) fn failure(status: StatusCode, said: &str) -> SendOutcome {
    let reason = reason(&format!("HTTP {}: {said}", status.as_u16()));
    match status {
        StatusCode::BAD_GATEWAY | StatusCode::GATEWAY_TIMEOUT => SendOutcome::Unknown { reason },
        _ if status.is_success() || status.is_informational() => SendOutcome::Unknown { reason },
        _ => SendOutcome::Refused { reason },
    }
}

/// What a gateway said, fit for a log line: one line, bounded, long numbers hidden (they repeat recipients).
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
    let what = match (error.is_connect(), error.is_timeout()) {
        (true, true) => "connecting timed out",
        (true, false) => "could not connect",
        (false, true) => "no answer in time",
        (false, false) if error.is_builder() => "the request could not be built",
        (false, false) => "the connection broke off",
    };
    what.to_owned()
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

    #[test]
    fn only_a_lost_answer_leaves_the_message_in_doubt() {
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
