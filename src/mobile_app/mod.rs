//! The API for the portal's mobile app (`/mobile-id/v1/…`, docs/mobile-app.md, docs/mobile-app-api.yaml): identification by the person
//! themselves, change of the number, and the end of an enrolment though the phone is lost (clauses 20–28, 33, 36).
//!
//! The app's server calls it, by a token of its own that is bound to a key or a certificate. An application is named by the app, so whatever is
//! lost on its way is asked again: nothing happens twice. Rules are in `mobile_id` and `life_events`; here is what the wire says.

mod applications;
mod body;
mod codes;
mod endings;
mod problem;
mod proofs;
mod settings;
mod view;

use std::net::IpAddr;
use std::sync::Arc;

use actix_web::http::StatusCode;
use actix_web::{HttpRequest, HttpResponse};
use serde_json::Value;

pub use settings::MobileAppSettings;

use crate::audit::{Event, Kind};
use crate::clients::Client;
use crate::life_events::{Enrolments, Remote, RemoteError};
use crate::mobile_id::{Door, Identification, IdentificationId, Identifications};
use crate::notices::charges::{Charges, MessageKind};
use crate::oidc::{self, Tokens, paths};
use crate::people::Pinfl;
use crate::platform::bytes::Digest;
use crate::platform::ephemeral::{Ephemeral, EphemeralKey};
use crate::platform::telemetry::{ClientAddress, Metrics};
use crate::platform::web::respond;
use crate::registries::{Asker, RegistryError, Why};
use crate::sign_in::WINDOWS;
use problem::{Code, Problem};
use view::Beside;

const MINUTE: i64 = 60;
const DAY: i64 = 86_400;

/// Where the API is.
const BASE: &str = paths::MOBILE_ID;

/// What the endpoints need. Cheap to clone.
#[derive(Clone)]
pub struct MobileApp(Arc<Inner>);

struct Inner {
    tokens: Tokens,
    enrolments: Enrolments,
    remote: Remote,
    charges: Charges,
    ephemeral: Ephemeral,
    requests_per_minute: u64,
    per_person_day: u64,
}

impl MobileApp {
    /// The API over what does the work.
    pub fn new(
        tokens: Tokens,
        (enrolments, remote): (Enrolments, Remote),
        charges: Charges,
        settings: &MobileAppSettings,
    ) -> Self {
        let ephemeral = remote.ephemeral.clone();
        Self(Arc::new(Inner {
            tokens,
            enrolments,
            remote,
            charges,
            ephemeral,
            requests_per_minute: settings.requests_per_minute.into(),
            per_person_day: settings.per_person_day.into(),
        }))
    }

    fn identifications(&self) -> &Identifications {
        &self.0.remote.identifications
    }

    /// Answers a request of the app whose token it shows.
    async fn answer(
        &self,
        request: &HttpRequest,
        act: impl AsyncFnOnce(&Caller) -> Result<HttpResponse, Problem>,
    ) -> HttpResponse {
        let client = match oidc::enrolling_client(&self.0.tokens, request).await {
            Ok(client) => client,
            Err(response) => return response,
        };
        let asker = Asker::client(client.id.as_str(), Why::Identification).with_consent();
        let caller = Caller { client, asker, ip: address(request) };
        let answered = async {
            self.admit(&caller.client).await?;
            act(&caller).await
        };
        let response = answered.await.unwrap_or_else(|problem| {
            if matches!(problem.code, Code::TooMany | Code::InvalidBody) {
                let event = Event::new(Kind::MobileAppRefused).client(caller.client.id.as_str());
                self.0.tokens.provider.audit.record(event.error(problem.code.name()));
            }
            problem.answer()
        });
        oidc::with_nonce(&self.0.tokens, response, &caller.client)
    }

    /// Counts a request of an app.
    async fn admit(&self, client: &Client) -> Result<(), Problem> {
        let window = EphemeralKey::of(WINDOWS, &format!("mobile-app/{}", client.id));
        if self.0.ephemeral.count(window, MINUTE).await? > self.0.requests_per_minute {
            let words = "this app sent too many requests in this minute (mobile_app.requests_per_minute)";
            return Err(Problem::too_many(words, MINUTE));
        }
        Ok(())
    }

    /// Counts that something is begun about a person, whether or not anybody has that PINFL.
    async fn begin_about(&self, pinfl: &Pinfl) -> Result<(), Problem> {
        let index: Digest = self.0.tokens.people.pinfl_index(pinfl);
        let window = EphemeralKey::of(WINDOWS, &format!("mobile-app/person/{}", index.encode()));
        if self.0.ephemeral.count(window, DAY).await? > self.0.per_person_day {
            let words = "too much was begun about this person today (mobile_app.per_person_day)";
            return Err(Problem::too_many(words, DAY));
        }
        Ok(())
    }

    /// An application of this app; another's is not there.
    async fn application(&self, caller: &Caller, id: &str) -> Result<Identification, Problem> {
        let none = || Problem::new(Code::NotFound);
        let id = IdentificationId::parse(id).ok_or_else(none)?;
        let found = self.identifications().find(&id).await?;
        found.filter(|found| caller.owns(found)).ok_or_else(none)
    }

    /// What is known beside the row.
    async fn beside(&self, application: &Identification) -> Result<Beside, Problem> {
        if application.state.is_over() {
            return Ok(Beside::default());
        }
        let identifications = self.identifications();
        Ok(Beside {
            precheck: identifications.precheck(&application.id).await?,
            comparison: identifications.comparison(&application.id).await?,
            signing: self.0.remote.is_signing(&crate::life_events::place_of(application)).await?,
        })
    }

    /// The answer with an application as it is now.
    async fn told(&self, status: StatusCode, application: &Identification) -> Result<HttpResponse, Problem> {
        let beside = self.beside(application).await?;
        let sms = self.0.charges.price(MessageKind::Notice).map(|price| price.tiyin);
        Ok(respond::json(status, &view::application(application, &beside, sms)))
    }
}

/// The app that asks.
struct Caller {
    client: Arc<Client>,
    asker: Asker,
    /// The address of its server, which E-IMZO's server is told.
    ip: IpAddr,
}

impl Caller {
    /// Whether an application came in by this app.
    fn owns(&self, application: &Identification) -> bool {
        matches!(&application.door, Door::App { client } if *client == self.client.id)
    }
}

fn address(request: &HttpRequest) -> IpAddr {
    use actix_web::HttpMessage as _;
    let known = request.extensions().get::<ClientAddress>().map(ClientAddress::ip);
    known.unwrap_or(IpAddr::V4(std::net::Ipv4Addr::UNSPECIFIED))
}

impl From<RegistryError> for Problem {
    fn from(error: RegistryError) -> Self {
        Self::new(Code::RegisterUnavailable).with("register", Value::from(error.register.name()))
    }
}

impl From<RemoteError> for Problem {
    fn from(error: RemoteError) -> Self {
        match error {
            RemoteError::TooOften => Self::too_many("proofs of this person were tried too often today", DAY),
            RemoteError::Register(error) => error.into(),
            RemoteError::Act(error) => error.into(),
            RemoteError::Service(error) => error.into(),
        }
    }
}

/// Adds the endpoints, each counted by its name.
pub fn routes(config: &mut actix_web::web::ServiceConfig, metrics: &Metrics) {
    use actix_web::web::{PayloadConfig, get, post, put, resource, to};
    let named = |path: &str, name: &'static str, methods: &'static str| {
        let other = move || async move { wrong_method(methods) };
        resource(format!("{BASE}{path}")).app_data(metrics.route(name)).default_service(to(other))
    };
    // Photos are larger than other bodies.
    let large = || PayloadConfig::new(body::LONGEST);
    config
        .service(
            named("/applications/{id}", "mobile_app_application", "GET, PUT")
                .route(get().to(applications::get))
                .route(put().to(applications::put)),
        )
        .service(
            named("/applications/{id}/precheck", "mobile_app_precheck", "POST")
                .route(post().to(applications::precheck)),
        )
        .service(
            named("/applications/{id}/consents", "mobile_app_consents", "POST")
                .route(post().to(applications::consents)),
        )
        .service(
            named("/applications/{id}/face", "mobile_app_face", "POST")
                .app_data(large())
                .route(post().to(proofs::face)),
        )
        .service(
            named("/applications/{id}/signature", "mobile_app_signature", "POST")
                .route(post().to(proofs::begin)),
        )
        .service(
            named("/applications/{id}/signature/result", "mobile_app_signature", "POST")
                .route(post().to(proofs::result)),
        )
        .service(named("/applications/{id}/code", "mobile_app_code", "POST").route(post().to(codes::send)))
        .service(
            named("/applications/{id}/code/entry", "mobile_app_code", "POST").route(post().to(codes::enter)),
        )
        .service(
            named("/applications/{id}/refusal", "mobile_app_refusal", "POST")
                .route(post().to(applications::refuse)),
        )
        .service(
            named("/applications/{id}/withdrawal", "mobile_app_withdrawal", "POST")
                .route(post().to(applications::withdraw)),
        )
        .service(
            named("/endings", "mobile_app_ending", "POST")
                .app_data(large())
                .route(post().to(endings::by_face)),
        )
        .service(
            named("/endings/{id}/signature", "mobile_app_ending", "POST").route(post().to(endings::begin)),
        )
        .service(
            named("/endings/{id}/signature/result", "mobile_app_ending", "POST")
                .route(post().to(endings::result)),
        );
}

fn wrong_method(methods: &'static str) -> HttpResponse {
    let body = serde_json::json!({
        "type": "about:blank", "title": "Method Not Allowed", "status": 405, "code": "method", "allow": methods,
    });
    let mut response = respond::json(StatusCode::METHOD_NOT_ALLOWED, &body);
    response
        .headers_mut()
        .insert(actix_web::http::header::ALLOW, actix_web::http::header::HeaderValue::from_static(methods));
    response
}

/// What fuzz targets reach of the parsers in here.
#[cfg(fuzzing)]
pub fn fuzz(text: &[u8]) {
    body::fuzz(text);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_openapi_document_has_what_is_served() {
        let document = include_str!("../../docs/mobile-app-api.yaml");
        let source = include_str!("mod.rs");
        let paths =
            source.split("named(\"").skip(1).filter_map(|rest| rest.split_once('"')).map(|(path, _)| path);
        let served: std::collections::BTreeSet<String> = paths.map(|path| format!("{BASE}{path}")).collect();
        let lines = document.lines().filter_map(|line| line.strip_prefix("  /"));
        let written: std::collections::BTreeSet<String> =
            lines.map(|line| format!("/{}", line.trim_end_matches(':'))).collect();
        assert_eq!(written, served);
        let codes = document.split_once("    Code:\n").and_then(|(_, rest)| rest.split_once("enum: ["));
        let codes = codes.and_then(|(_, rest)| rest.split_once(']')).expect("a list of codes").0;
        let mut written: Vec<&str> = codes.split(", ").collect();
        let mut known: Vec<&str> = Code::ALL.into_iter().map(Code::name).collect();
        written.sort_unstable();
        known.sort_unstable();
        assert_eq!(written, known);
    }
}
