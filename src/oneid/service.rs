//! Requests of a service's server, and their answers: JSON, whatever `Accept` says.

use actix_web::http::StatusCode;
use actix_web::{HttpRequest, HttpResponse};

use super::error::{Code, Refusal};
use super::params::Params;
use super::{OneId, client, identify, log_out, token};
use crate::clients::Client;
use crate::platform::web::respond;

/// What a service's server asks for.
#[derive(Clone, Copy)]
enum Grant {
    Token,
    Identify,
    LogOut,
}

impl Grant {
    fn parse(name: &str) -> Option<Self> {
        [Self::Token, Self::Identify, Self::LogOut].into_iter().find(|grant| grant.name() == name)
    }

    const fn name(self) -> &'static str {
        match self {
            Self::Token => "one_authorization_code",
            Self::Identify => "one_access_token_identify",
            Self::LogOut => "one_log_out",
        }
    }
}

/// Answers a request with a `grant_type`.
pub(super) async fn serve(oneid: &OneId, request: &HttpRequest, params: &Params) -> HttpResponse {
    let grant = params.get("grant_type").and_then(Grant::parse);
    match answer(oneid, request, params, grant).await {
        Ok(response) => {
            oneid.metrics.tokens(grant.map_or("unknown", Grant::name), "ok").inc();
            response
        }
        Err(refusal) => refuse(oneid, grant.map_or("unknown", Grant::name), &refusal),
    }
}

/// Records a refusal and turns it into the answer.
pub(super) fn refuse(oneid: &OneId, grant_type: &'static str, refusal: &Refusal) -> HttpResponse {
    oneid.metrics.tokens(grant_type, refusal.code.name()).inc();
    refusal.record(&oneid.audit, grant_type);
    refusal.answer()
}

async fn answer(
    oneid: &OneId,
    request: &HttpRequest,
    params: &Params,
    grant: Option<Grant>,
) -> Result<HttpResponse, Refusal> {
    let client = client::authenticate(oneid, params)?;
    of_client(oneid, request, params, grant, &client).await.map_err(|refusal| refusal.of_client(&client.id))
}

async fn of_client(
    oneid: &OneId,
    request: &HttpRequest,
    params: &Params,
    grant: Option<Grant>,
    client: &Client,
) -> Result<HttpResponse, Refusal> {
    let proven = client::admitted(oneid, request, client).await?;
    if params.get("response_type").is_some() {
        return Err(Refusal::new(Code::Request, "response_type and grant_type exclude each other"));
    }
    match grant {
        Some(Grant::Token) => token::answer(oneid, &proven, params).await.map(|body| json(&body)),
        Some(Grant::Identify) => identify::answer(oneid, &proven, params).await.map(|body| json(&body)),
        Some(Grant::LogOut) => log_out::answer(oneid, &proven, params).await.map(|body| json(&body)),
        None => Err(Refusal::new(Code::GrantType, "grant_type is none of OneID's")),
    }
}

fn json(body: &impl serde::Serialize) -> HttpResponse {
    respond::json(StatusCode::OK, body)
}
