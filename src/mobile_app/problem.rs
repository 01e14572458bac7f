//! What the app is told when something is wrong: problem details (RFC 9457), with one machine code, and one for each field.

use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use actix_web::http::header::{CONTENT_TYPE, HeaderValue};
use serde_json::{Map, Value, json};

use crate::mobile_id::{ActError, Illegal};
use crate::platform::service_error::ServiceError;
use crate::platform::web::respond;

/// What is wrong. The codes are the API's: programs compare them.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Code {
    /// The body is no JSON object of the form that is documented.
    InvalidBody,
    /// Fields are wrong: `errors` names each.
    InvalidFields,
    /// There is no such application of this app, or it is too old.
    NotFound,
    /// An application with this identifier has another form.
    OtherApplication,
    /// The application is in a state that does not allow this.
    WrongState,
    /// Something is missing before a code may be sent: `missing` names it.
    NotReady,
    /// The ground is none of clause 27, or registers and proofs do not bear it out.
    NotTheGround,
    /// The code is wrong: `tries_left`.
    Mistyped,
    /// The code is not accepted any more: send a new one.
    Expired,
    /// The image shows no face that can be compared.
    Unusable,
    /// Face or signature are not the person's.
    NotThePerson,
    /// The person has not signed yet.
    NotSigned,
    /// The person has no enrolled number.
    NotEnrolled,
    /// Another request changed it at once: read it again.
    Overtaken,
    /// Too many requests of this app, or about this person.
    TooMany,
    /// A register does not answer: `register`.
    RegisterUnavailable,
    /// A store does not answer.
    Unavailable,
    /// The provider failed.
    Failed,
}

impl Code {
    /// All.
    #[cfg(test)]
    pub(super) const ALL: [Self; 18] = [
        Self::InvalidBody,
        Self::InvalidFields,
        Self::NotFound,
        Self::OtherApplication,
        Self::WrongState,
        Self::NotReady,
        Self::NotTheGround,
        Self::Mistyped,
        Self::Expired,
        Self::Unusable,
        Self::NotThePerson,
        Self::NotSigned,
        Self::NotEnrolled,
        Self::Overtaken,
        Self::TooMany,
        Self::RegisterUnavailable,
        Self::Unavailable,
        Self::Failed,
    ];

    const fn row(self) -> (&'static str, u16, &'static str) {
        match self {
            Self::InvalidBody => ("invalid_body", 400, "The body is not as the API has it"),
            Self::InvalidFields => ("invalid_fields", 422, "Fields are wrong"),
            Self::NotFound => ("not_found", 404, "There is no such application"),
            Self::OtherApplication => ("other_application", 409, "Another application has this identifier"),
            Self::WrongState => ("wrong_state", 409, "The application is in another state"),
            Self::NotReady => ("not_ready", 409, "Something is missing"),
            Self::NotTheGround => ("not_the_ground", 409, "There is no such ground"),
            Self::Mistyped => ("wrong_code", 422, "The code is wrong"),
            Self::Expired => ("code_expired", 422, "The code is not accepted any more"),
            Self::Unusable => ("unusable", 422, "The image cannot be compared"),
            Self::NotThePerson => ("not_the_person", 422, "This is not the person"),
            Self::NotSigned => ("not_signed", 409, "Nothing was signed yet"),
            Self::NotEnrolled => ("not_enrolled", 409, "The person has no enrolled number"),
            Self::Overtaken => ("overtaken", 409, "Another request was quicker"),
            Self::TooMany => ("too_many", 429, "Too many requests"),
            Self::RegisterUnavailable => ("register_unavailable", 503, "A register does not answer"),
            Self::Unavailable => ("unavailable", 503, "Try again in a moment"),
            Self::Failed => ("failed", 500, "The provider failed"),
        }
    }

    /// Its name on the wire.
    pub(super) const fn name(self) -> &'static str {
        self.row().0
    }

    /// The status of its answer.
    pub(super) fn status(self) -> StatusCode {
        StatusCode::from_u16(self.row().1).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
    }
}

/// A problem, and what it says beside its code.
#[derive(Clone, Debug)]
pub(super) struct Problem {
    pub(super) code: Code,
    /// For the app's developers.
    detail: Option<&'static str>,
    members: Map<String, Value>,
    /// Seconds after which it may be tried again.
    retry: Option<i64>,
    /// For the log alone.
    fault: Option<String>,
}

impl Problem {
    /// A problem of that code.
    pub(super) fn new(code: Code) -> Self {
        Self { code, detail: None, members: Map::new(), retry: None, fault: None }
    }

    /// With words for the app's developers.
    pub(super) fn because(self, detail: &'static str) -> Self {
        Self { detail: Some(detail), ..self }
    }

    /// With one member more.
    pub(super) fn with(mut self, name: &str, value: impl Into<Value>) -> Self {
        self.members.insert(name.to_owned(), value.into());
        self
    }

    /// One field that is wrong.
    pub(super) fn field(field: &str, code: &str) -> Self {
        Self::new(Code::InvalidFields).with("errors", json!([{ "field": field, "code": code }]))
    }

    /// Too many: when to come again.
    pub(super) fn too_many(detail: &'static str, seconds: i64) -> Self {
        Self { retry: Some(seconds), ..Self::new(Code::TooMany).because(detail) }
    }

    /// The answer; a fault is logged.
    pub(super) fn answer(&self) -> HttpResponse {
        let (name, status, title) = self.code.row();
        if let Some(fault) = &self.fault {
            tracing::error!(
                event = "mobile_app.fault",
                error = fault,
                code = name,
                "a request of the portal's app failed"
            );
        }
        let mut body = Map::new();
        body.insert("type".to_owned(), format!("urn:yagona:mobile-id:{name}").into());
        body.insert("title".to_owned(), title.into());
        body.insert("status".to_owned(), status.into());
        body.insert("code".to_owned(), name.into());
        if let Some(detail) = self.detail {
            body.insert("detail".to_owned(), detail.into());
        }
        body.extend(self.members.clone());
        let mut response = respond::json(self.code.status(), &body);
        response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
        let retry = self.retry.or((status == 503).then_some(2));
        match retry {
            Some(seconds) => respond::retry_after(response, seconds),
            None => response,
        }
    }
}

impl From<ServiceError> for Problem {
    fn from(fault: ServiceError) -> Self {
        let code = match &fault {
            ServiceError::Unavailable(_) => Code::Unavailable,
            ServiceError::Internal(_) => Code::Failed,
        };
        Self { fault: Some(fault.to_string()), ..Self::new(code) }
    }
}

impl From<crate::platform::db::DbError> for Problem {
    fn from(error: crate::platform::db::DbError) -> Self {
        ServiceError::from(error).into()
    }
}

impl From<crate::platform::ephemeral::Unavailable> for Problem {
    fn from(error: crate::platform::ephemeral::Unavailable) -> Self {
        ServiceError::from(error).into()
    }
}

impl From<ActError> for Problem {
    fn from(error: ActError) -> Self {
        match error {
            ActError::Unknown => Self::new(Code::NotFound),
            ActError::Overtaken => Self::new(Code::Overtaken),
            ActError::Illegal(Illegal::State) => Self::new(Code::WrongState),
            ActError::Illegal(Illegal::Ground) => Self::new(Code::NotTheGround),
            ActError::Missing(missing) => {
                let missing: Vec<Value> = missing.into_iter().map(super::view::missing).collect();
                Self::new(Code::NotReady).with("missing", missing)
            }
            ActError::DailyLimit => Self::too_many("the number had all its codes of the day", 86_400),
            ActError::Service(error) => error.into(),
        }
    }
}
