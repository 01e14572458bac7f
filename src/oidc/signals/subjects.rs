//! Subjects of a stream (SSF 1.0 §8.1.3), and its verification (§8.1.4). A stream is about everybody whom its service knows; single
//! people can be taken out of it.

use actix_web::web::{Bytes, Data};
use actix_web::{HttpRequest, HttpResponse};
use serde::Deserialize;
use serde_json::json;

use super::{Needs, Transmitter, VERIFICATION_SECONDS, answer, body, no_content, stream};
use crate::clients::{Client, SubjectIds};
use crate::oidc::error::{ErrorCode, TokenError};
use crate::signals::VERIFICATION;

/// The longest state of a verification, in bytes.
const LONGEST_STATE: usize = 1024;

#[derive(Deserialize)]
pub(super) struct Subject {
    stream_id: String,
    subject: IssSub,
}

/// RFC 9493 §3.2.3.
#[derive(Deserialize)]
struct IssSub {
    format: String,
    iss: Option<String>,
    sub: Option<String>,
}

#[derive(Deserialize)]
struct Verification {
    stream_id: String,
    state: Option<String>,
}

/// Takes a person into the stream again. Whether there is such a person is not told.
pub(in crate::oidc) async fn add(
    transmitter: Data<Transmitter>,
    request: HttpRequest,
    content: Bytes,
) -> HttpResponse {
    let act = async |client: &Client| {
        change(&transmitter, client, &content, false).await?;
        Ok(HttpResponse::Ok().finish())
    };
    answer(&transmitter, &request, Needs::Manage, act).await
}

/// Takes a person out of the stream.
pub(in crate::oidc) async fn remove(
    transmitter: Data<Transmitter>,
    request: HttpRequest,
    content: Bytes,
) -> HttpResponse {
    let act = async |client: &Client| {
        change(&transmitter, client, &content, true).await?;
        Ok(no_content())
    };
    answer(&transmitter, &request, Needs::Manage, act).await
}

async fn change(
    transmitter: &Transmitter,
    client: &Client,
    content: &Bytes,
    exclude: bool,
) -> Result<(), TokenError> {
    let asked: Subject = body(content)?;
    let invalid = |words| TokenError::new(ErrorCode::InvalidRequest, words);
    let stream = stream(transmitter, client, &asked.stream_id).await?;
    if asked.subject.format != "iss_sub" {
        return Err(invalid("subject.format must be iss_sub"));
    }
    if asked.subject.iss.as_deref() != Some(&*transmitter.provider.issuer) {
        return Err(invalid("subject.iss is not this provider"));
    }
    let sub = asked.subject.sub.filter(|sub| SubjectIds::is_one(sub));
    let sub = sub.ok_or_else(|| invalid("subject.sub is no subject identifier of this provider"))?;
    Ok(transmitter.signals.exclude(&stream.id, &sub, exclude).await?)
}

/// Sends an event by which the receiver sees that its stream works.
pub(in crate::oidc) async fn verify(
    transmitter: Data<Transmitter>,
    request: HttpRequest,
    content: Bytes,
) -> HttpResponse {
    let act = async |client: &Client| {
        let asked: Verification = body(&content)?;
        let stream = stream(&transmitter, client, &asked.stream_id).await?;
        if asked.state.as_ref().is_some_and(|state| state.len() > LONGEST_STATE) {
            return Err(TokenError::new(ErrorCode::InvalidRequest, "state is longer than 1024 bytes"));
        }
        if !transmitter.signals.may_verify(&stream.id, VERIFICATION_SECONDS).await? {
            let words = "min_verification_interval has not passed since the last verification";
            return Err(TokenError::new(ErrorCode::TooManyRequests, words));
        }
        let payload = asked.state.map_or_else(|| json!({}), |state| json!({ "state": state }));
        transmitter.signals.tell_of_stream(&stream.id, VERIFICATION, &payload.to_string()).await?;
        Ok(no_content())
    };
    answer(&transmitter, &request, Needs::Manage, act).await
}
