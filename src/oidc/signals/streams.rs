//! `…/oidc/ssf/streams` and `…/oidc/ssf/status` (SSF 1.0 §8.1.1, §8.1.2): a service's stream, and whether it carries events.

use actix_web::http::StatusCode;
use actix_web::http::header::HeaderValue;
use actix_web::web::{Bytes, Data};
use actix_web::{HttpRequest, HttpResponse};
use serde::{Deserialize, Deserializer};
use serde_json::{Value, json};
use url::Url;

use super::{
    Needs, POLL, PUSH, Transmitter, VERIFICATION_SECONDS, answer, body, no_content, record, stream, told,
};
use crate::clients::Client;
use crate::oidc::error::{ErrorCode, TokenError};
use crate::oidc::paths;
use crate::platform::web::params::Params;
use crate::platform::web::respond;
use crate::signals::{EventType, Signals, Status, Stream};

/// The longest texts of a stream, in bytes.
const LONGEST_URL: usize = 512;
const LONGEST_HEADER: usize = 1024;
const LONGEST_TEXT: usize = 256;

/// The longest list of events.
const MOST_EVENTS: usize = 100;

/// What a service wants of its stream.
#[derive(Deserialize)]
pub(super) struct Wanted {
    stream_id: Option<String>,
    iss: Option<String>,
    aud: Option<Value>,
    #[serde(default)]
    delivery: Member<Delivery>,
    #[serde(default)]
    events_requested: Member<Vec<String>>,
    #[serde(default)]
    description: Member<String>,
}

/// A member that a change may leave as it is, remove or set.
#[derive(Default)]
enum Member<T> {
    #[default]
    Absent,
    Null,
    Given(T),
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Member<T> {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        Ok(Option::deserialize(from)?.map_or(Self::Null, Self::Given))
    }
}

#[derive(Deserialize)]
struct Delivery {
    method: String,
    endpoint_url: Option<String>,
    authorization_header: Option<String>,
}

fn invalid(words: &'static str) -> TokenError {
    TokenError::new(ErrorCode::InvalidRequest, words)
}

/// `POST`: a service's first stream.
pub(in crate::oidc) async fn create(
    transmitter: Data<Transmitter>,
    request: HttpRequest,
    content: Bytes,
) -> HttpResponse {
    let act = async |client: &Client| {
        let wanted: Wanted = body(&content)?;
        let mut stream = Stream {
            id: Signals::new_stream_id(),
            client_id: client.id.clone(),
            status: Status::Enabled,
            reason: None,
            endpoint: None,
            authorization: None,
            events: Vec::new(),
            description: None,
        };
        apply(&transmitter, client, &mut stream, wanted)?;
        if !transmitter.signals.create(&stream).await? {
            let words = "the client has a stream already: update it, or delete it first";
            return Err(TokenError::new(ErrorCode::StreamExists, words));
        }
        record(&transmitter, client, "created");
        Ok(respond::json(StatusCode::CREATED, &document(&transmitter, &stream)))
    };
    answer(&transmitter, &request, Needs::Manage, act).await
}

/// `GET`: the stream of `stream_id`, or a list of all.
pub(in crate::oidc) async fn get(transmitter: Data<Transmitter>, request: HttpRequest) -> HttpResponse {
    let act = async |client: &Client| match stream_id(&request)? {
        Some(id) => Ok(told(&document(&transmitter, &stream(&transmitter, client, &id).await?))),
        None => {
            let own = transmitter.signals.stream_of(&client.id).await?;
            let all: Vec<Value> = own.iter().map(|stream| document(&transmitter, stream)).collect();
            Ok(told(&all.into()))
        }
    };
    answer(&transmitter, &request, Needs::Read, act).await
}

/// `PATCH`: changes the members that are given.
pub(in crate::oidc) async fn patch(
    transmitter: Data<Transmitter>,
    request: HttpRequest,
    content: Bytes,
) -> HttpResponse {
    change(&transmitter, &request, &content, false).await
}

/// `PUT`: changes all members; those that are not given are as if the stream were new.
pub(in crate::oidc) async fn put(
    transmitter: Data<Transmitter>,
    request: HttpRequest,
    content: Bytes,
) -> HttpResponse {
    change(&transmitter, &request, &content, true).await
}

async fn change(
    transmitter: &Transmitter,
    request: &HttpRequest,
    content: &Bytes,
    replace: bool,
) -> HttpResponse {
    let act = async |client: &Client| {
        let wanted: Wanted = body(content)?;
        let id = wanted.stream_id.clone().ok_or_else(|| invalid("stream_id is missing"))?;
        let mut stream = stream(transmitter, client, &id).await?;
        if replace {
            (stream.endpoint, stream.authorization, stream.description) = (None, None, None);
            stream.events = Vec::new();
        }
        apply(transmitter, client, &mut stream, wanted)?;
        stored(transmitter.signals.configure(&stream).await?)?;
        record(transmitter, client, "changed");
        Ok(told(&document(transmitter, &stream)))
    };
    answer(transmitter, request, Needs::Manage, act).await
}

/// `DELETE`: removes the stream of `stream_id` and what waits for it.
pub(in crate::oidc) async fn delete(transmitter: Data<Transmitter>, request: HttpRequest) -> HttpResponse {
    let act = async |client: &Client| {
        let id = stream_id(&request)?.ok_or_else(|| invalid("stream_id is missing"))?;
        let stream = stream(&transmitter, client, &id).await?;
        transmitter.signals.delete(&client.id, &stream.id).await?;
        record(&transmitter, client, "deleted");
        Ok(no_content())
    };
    answer(&transmitter, &request, Needs::Manage, act).await
}

/// `GET` of the status.
pub(in crate::oidc) async fn status_get(
    transmitter: Data<Transmitter>,
    request: HttpRequest,
) -> HttpResponse {
    let act = async |client: &Client| {
        let id = stream_id(&request)?.ok_or_else(|| invalid("stream_id is missing"))?;
        Ok(told(&status(&stream(&transmitter, client, &id).await?)))
    };
    answer(&transmitter, &request, Needs::Read, act).await
}

#[derive(Deserialize)]
struct NewStatus {
    stream_id: String,
    status: String,
    reason: Option<String>,
}

/// `POST` of the status: `enabled`, `paused` or `disabled`.
pub(in crate::oidc) async fn status_post(
    transmitter: Data<Transmitter>,
    request: HttpRequest,
    content: Bytes,
) -> HttpResponse {
    let act = async |client: &Client| {
        let new: NewStatus = body(&content)?;
        let mut stream = stream(&transmitter, client, &new.stream_id).await?;
        let wanted = Status::parse(&new.status);
        stream.status = wanted.ok_or_else(|| invalid("status must be enabled, paused or disabled"))?;
        stream.reason = short(new.reason, "reason is longer than 256 bytes, or has control characters")?;
        stored(transmitter.signals.set_status(&stream).await?)?;
        record(&transmitter, client, stream.status.name());
        Ok(told(&status(&stream)))
    };
    answer(&transmitter, &request, Needs::Manage, act).await
}

fn status(stream: &Stream) -> Value {
    let mut told = json!({ "stream_id": stream.id, "status": stream.status.name() });
    if let Some(reason) = &stream.reason {
        told["reason"] = json!(reason);
    }
    told
}

fn stored(done: bool) -> Result<(), TokenError> {
    let gone = || TokenError::new(ErrorCode::NoSuchStream, "the stream was deleted at the same time");
    done.then_some(()).ok_or_else(gone)
}

fn stream_id(request: &HttpRequest) -> Result<Option<String>, TokenError> {
    let query = Params::parse(request.query_string()).map_err(|_| invalid("the query cannot be read"))?;
    Ok(query.get("stream_id").map(str::to_owned))
}

/// Takes over what is wanted.
fn apply(
    transmitter: &Transmitter,
    client: &Client,
    stream: &mut Stream,
    wanted: Wanted,
) -> Result<(), TokenError> {
    if wanted.iss.is_some_and(|iss| iss != *transmitter.provider.issuer) {
        return Err(invalid("iss is not this provider"));
    }
    let own = json!(client.id.as_str());
    if wanted.aud.is_some_and(|aud| aud != own && aud != json!([own])) {
        return Err(invalid("aud is the client identifier, and cannot be changed"));
    }
    match wanted.delivery {
        Member::Absent => {}
        Member::Null => (stream.endpoint, stream.authorization) = (None, None),
        Member::Given(delivery) => {
            (stream.endpoint, stream.authorization) = delivered(transmitter, delivery)?;
        }
    }
    match wanted.events_requested {
        Member::Absent => {}
        Member::Null => stream.events = Vec::new(),
        Member::Given(events) if events.len() > MOST_EVENTS => {
            return Err(invalid("events_requested has more than 100 entries"));
        }
        Member::Given(events) => {
            // Types that are not supported are no error (SSF 1.0 §8.1.1).
            let wanted = |known: &EventType| events.iter().any(|uri| uri == known.uri());
            stream.events = EventType::ALL.into_iter().filter(wanted).collect();
        }
    }
    let words = "description is longer than 256 bytes, or has control characters";
    match wanted.description {
        Member::Absent => {}
        Member::Null => stream.description = None,
        Member::Given(description) => stream.description = short(Some(description), words)?,
    }
    Ok(())
}

fn short(text: Option<String>, words: &'static str) -> Result<Option<String>, TokenError> {
    match text {
        Some(text) if text.len() > LONGEST_TEXT || text.contains(char::is_control) => Err(invalid(words)),
        text => Ok(text),
    }
}

/// Where events are pushed and what goes with them; nothing where they are polled.
fn delivered(
    transmitter: &Transmitter,
    delivery: Delivery,
) -> Result<(Option<String>, Option<String>), TokenError> {
    match delivery.method.as_str() {
        POLL => Ok((None, None)),
        PUSH => {
            let endpoint =
                delivery.endpoint_url.ok_or_else(|| invalid("delivery.endpoint_url is missing"))?;
            let words = "delivery.endpoint_url must be a URL with https, at most 512 bytes, without user name or fragment";
            let url = Url::parse(&endpoint).map_err(|_| invalid(words))?;
            let secure = url.scheme() == "https"
                || (url.scheme() == "http" && transmitter.provider.issuer.starts_with("http:"));
            let plain = url.username().is_empty() && url.password().is_none() && url.fragment().is_none();
            if !secure || !plain || url.host_str().is_none() || endpoint.len() > LONGEST_URL {
                return Err(invalid(words));
            }
            let header = delivery.authorization_header;
            let fits = |header: &String| {
                header.len() <= LONGEST_HEADER && HeaderValue::from_str(header).is_ok() && header.is_ascii()
            };
            if header.as_ref().is_some_and(|header| !fits(header)) {
                return Err(invalid(
                    "delivery.authorization_header is no value of a header, or longer than 1024 bytes",
                ));
            }
            Ok((Some(endpoint), header))
        }
        _ => Err(invalid("delivery.method must be urn:ietf:rfc:8935 or urn:ietf:rfc:8936")),
    }
}

/// The stream on the wire. What goes into the header of a push is not told again.
fn document(transmitter: &Transmitter, stream: &Stream) -> Value {
    let issuer = &*transmitter.provider.issuer;
    let delivery = match &stream.endpoint {
        Some(endpoint) => json!({ "method": PUSH, "endpoint_url": endpoint }),
        None => {
            json!({ "method": POLL, "endpoint_url": format!("{issuer}{}/{}", paths::SSF_POLL, stream.id) })
        }
    };
    let uris: Vec<&str> = stream.events.iter().map(|event| event.uri()).collect();
    let mut document = json!({
        "stream_id": stream.id,
        "iss": issuer,
        "aud": stream.client_id.as_str(),
        "delivery": delivery,
        "events_supported": EventType::ALL.map(EventType::uri),
        "events_requested": uris,
        "events_delivered": uris,
        "min_verification_interval": VERIFICATION_SECONDS,
    });
    if let Some(description) = &stream.description {
        document["description"] = json!(description);
    }
    document
}
