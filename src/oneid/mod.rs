//! OneID's own protocol on the wire, for services that spoke it before OpenID Connect: one URL for everything.
//!
//! `sign_in.rs` begins what a browser asks for and `answer.rs` ends it; `token.rs`, `identify.rs` and `log_out.rs` answer
//! the services' servers. What was granted is in `grants`, as for every protocol, and so is what ends it. Recorded
//! answers of OneID and its published clients say what the wire looks like: docs/oneid.md.

mod answer;
mod client;
mod code;
mod error;
mod fields;
mod identify;
mod log_out;
mod params;
mod releases;
mod service;
mod sign_in;
mod token;
mod uuid;

use std::sync::Arc;

use actix_web::http::Method;
use actix_web::web::{Bytes, Data};
use actix_web::{HttpRequest, HttpResponse};

use crate::audit::Audit;
use crate::clients::{Registry, SubjectIds};
use crate::grants::Grants;
use crate::ledger::Ledger;
use crate::people::People;
use crate::platform::clock::Clock;
use crate::platform::telemetry::Metrics;
use crate::platform::web::cookies::Cookies;
use crate::sign_in::SignIn;

pub use code::{CODES, Codes};

use error::{Code, Refusal};
use params::Params;

/// Where it is, below the issuer: the path of OneID itself.
pub const PATH: &str = "/sso/oauth/Authorization.do";

/// What the protocol needs. Cheap to clone.
#[derive(Clone)]
pub struct OneId {
    /// Time.
    pub clock: Clock,
    /// Relying parties.
    pub clients: Arc<Registry>,
    /// Subject identifiers of people: they are logins here.
    pub subject_ids: Arc<SubjectIds>,
    /// Attempts and sessions.
    pub sign_in: SignIn,
    /// What was granted.
    pub grants: Grants,
    /// To whom data went.
    pub ledger: Ledger,
    /// Persons.
    pub people: People,
    /// Codes and the tokens that they become.
    pub codes: Codes,
    /// Lifetime of a code, in seconds.
    pub code_seconds: i64,
    /// Lifetime of an access token, in seconds.
    pub token_seconds: i64,
    /// How cookies are read and set.
    pub cookies: Cookies,
    /// Counters for operators.
    pub metrics: Arc<Metrics>,
    /// What happened.
    pub audit: Audit,
}

/// Adds the one URL. It is not open to scripts of other sites: services call it from their servers.
pub fn routes(config: &mut actix_web::web::ServiceConfig, metrics: &Metrics) {
    use actix_web::web::{get, post, resource, to};
    config.service(
        resource(PATH)
            .app_data(metrics.route("oneid"))
            .route(get().to(serve))
            .route(post().to(serve))
            .default_service(to(error::wrong_method)),
    );
}

/// Serves a request. `grant_type` makes it one of a service's server; anything else is one of a browser, unless it is a
/// form that asks for nothing.
async fn serve(oneid: Data<OneId>, request: HttpRequest, body: Bytes) -> HttpResponse {
    let posted = request.method() == Method::POST;
    if !posted
        && body.is_empty()
        && let Some(elsewhere) = sign_in::without_secret(request.query_string())
    {
        return elsewhere;
    }
    let params = match Params::read(&request, body).await {
        Ok(params) => params,
        Err(malformed) if posted || request.query_string().contains("grant_type=") => {
            return service::refuse(&oneid, "unknown", &Refusal::new(Code::Request, malformed.0));
        }
        Err(malformed) => return sign_in::malformed(&oneid, &request, &malformed.0),
    };
    let asks_for_code = params.get("response_type").is_some();
    match params.get("grant_type") {
        Some(_) => service::serve(&oneid, &request, &params).await,
        None if posted && !asks_for_code => {
            let missing = Refusal::new(Code::Request, "grant_type is missing");
            service::refuse(&oneid, "unknown", &missing)
        }
        None => sign_in::serve(&oneid, &request, &params).await,
    }
}

/// What fuzz targets (`fuzz/`) reach of the parsers in here.
#[cfg(fuzzing)]
pub mod fuzzing {
    use super::params::{LONGEST, Params};

    /// The parameters of a request, from its query and its body of the type `kind`. The link of a browser's request must
    /// be read as what it was made from.
    pub async fn params(query: &str, kind: &str, body: &[u8]) {
        let Ok(params) = Params::of(query, kind, body.to_vec().into()).await else { return };
        let link = params.link();
        assert!(link.bytes().all(|byte| byte.is_ascii_graphic()));
        if link.len() > LONGEST {
            return;
        }
        let again = Params::of(&link, "", actix_web::web::Bytes::new()).await;
        assert_eq!(again.ok().as_ref().map(Params::link), Some(link));
    }
}
