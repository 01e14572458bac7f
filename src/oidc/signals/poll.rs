//! `POST …/oidc/ssf/poll/{stream_id}` (RFC 8936): a service fetches its events, and acknowledges those that it has. It is always
//! answered at once.

use std::collections::BTreeMap;

use actix_web::web::{Bytes, Data, Path};
use actix_web::{HttpRequest, HttpResponse};
use serde::Deserialize;
use serde_json::{Map, json};

use super::set::Made;
use super::{Needs, Transmitter, answer, body, stream, told};
use crate::clients::Client;
use crate::oidc::error::{ErrorCode, TokenError};
use crate::signals::Status;

/// Events in one answer at most.
const MOST: i64 = 100;

/// Events that one request acknowledges or reports at most.
const MOST_ACKNOWLEDGED: usize = 1000;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Poll {
    max_events: Option<i64>,
    #[serde(default)]
    ack: Vec<String>,
    #[serde(default)]
    set_errs: BTreeMap<String, SetError>,
}

#[derive(Deserialize)]
struct SetError {
    err: String,
}

/// Answers with the oldest events that wait.
pub(in crate::oidc) async fn post(
    transmitter: Data<Transmitter>,
    request: HttpRequest,
    id: Path<String>,
    content: Bytes,
) -> HttpResponse {
    let act = async |client: &Client| {
        let polled: Poll = body(&content)?;
        let stream = stream(&transmitter, client, &id).await?;
        let invalid = |words| TokenError::new(ErrorCode::InvalidRequest, words);
        if stream.endpoint.is_some() {
            return Err(invalid("the events of this stream are pushed: change its delivery first"));
        }
        if polled.ack.len() + polled.set_errs.len() > MOST_ACKNOWLEDGED {
            return Err(invalid("a request acknowledges at most 1000 events"));
        }
        let signals = &transmitter.signals;
        for jti in &polled.ack {
            signals.acknowledged(&stream.id, jti).await?;
        }
        // What a service cannot read it will not read the next time (RFC 8936 §2.6).
        for (jti, error) in &polled.set_errs {
            let code: String = error.err.chars().filter(char::is_ascii_graphic).take(64).collect();
            tracing::warn!(event = "signals.rejected", client.id = %client.id, error = code, "a service could not use a security event");
            signals.acknowledged(&stream.id, jti).await?;
        }
        let most = polled.max_events.unwrap_or(MOST).clamp(0, MOST);
        let waiting = match stream.status {
            Status::Enabled => signals.waiting(&stream.id, most + 1).await?,
            Status::Paused | Status::Disabled => Vec::new(),
        };
        let room = usize::try_from(most).unwrap_or(0);
        let mut sets = Map::new();
        for event in waiting.iter().take(room) {
            match transmitter.make(client, event).await? {
                Made::Token(token) => drop(sets.insert(event.jti.clone(), token.into())),
                Made::Excluded => signals.acknowledged(&stream.id, &event.jti).await?,
                Made::NoKey => {
                    let words = "no key signs for this client yet; try again in an hour";
                    return Err(TokenError::new(ErrorCode::TemporarilyUnavailable, words));
                }
            }
        }
        Ok(told(&json!({ "sets": sets, "moreAvailable": waiting.len() > room })))
    };
    answer(&transmitter, &request, Needs::Read, act).await
}
