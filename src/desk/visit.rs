//! Who is at a page of the desk: a member of staff with the right for it, or the way to the sign-in.

use std::collections::HashMap;
use std::convert::Infallible;
use std::sync::Arc;

use actix_web::http::Method;
use actix_web::http::header::CONTENT_TYPE;
use actix_web::web::{Bytes, Data};
use actix_web::{HttpRequest, HttpResponse};
use futures_util::stream;
use multer::Multipart;
use url::form_urlencoded;

use super::{Desk, paths};
use crate::platform::bytes;
use crate::platform::clock::Timestamp;
use crate::platform::seal::Mac;
use crate::platform::service_error::ServiceError;
use crate::platform::web::frame::Frame;
use crate::platform::web::page_context::{PageContext, Problem};
use crate::platform::web::params::Params;
use crate::platform::web::problem::ProblemKind;
use crate::platform::web::respond;
use crate::staff::{Acting, Role, StaffSession};

/// The longest address that is come back to, in bytes.
const LONGEST: usize = 256;

/// The parameter by which a page asks again by itself.
const BY_ITSELF: &str = "itself";

/// What a page is for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Right {
    /// Whoever is signed in.
    Anybody,
    /// Who identifies people, at places where that is done, and was not stopped.
    Identify,
    /// Who revokes identifications: at places where people are identified.
    Revoke,
    /// Who opens, confirms and recovers accounts, and writes down complaints: at every kind of place (R107, D-n).
    Serve,
    /// Who recovers lost passwords: the same, where people sign in by password.
    Recover,
    /// Who supervises the place.
    Supervise,
    /// Who administers passkeys.
    Administer,
    /// Who may be the second person for what an administrator asks for.
    Second,
}

impl Right {
    fn has(self, acting: &Acting) -> bool {
        match self {
            Self::Anybody => true,
            Self::Serve | Self::Recover => acting.role.identifies(),
            Self::Identify | Self::Revoke => acting.role.identifies() && acting.kind.identifies(),
            Self::Supervise => acting.role == Role::Supervisor,
            Self::Administer => acting.role == Role::Administrator,
            Self::Second => matches!(acting.role, Role::Supervisor | Role::Administrator),
        }
    }
}

/// A member at a page.
pub(super) struct Visit<'r> {
    pub(super) context: PageContext<'r>,
    pub(super) session: StaffSession,
    pub(super) acting: Acting,
    pub(super) query: Params,
    pub(super) now: Timestamp,
    forms: Arc<Mac>,
    /// Whether people sign in by password here.
    passwords: bool,
}

impl Visit<'_> {
    /// Whether there is such a page at this place: nobody's identification is revoked where nobody is identified, and nobody recovers a
    /// password where nobody signs in by one.
    pub(super) fn offers(&self, page: &str) -> bool {
        match page {
            paths::REVOKE => self.acting.kind.identifies(),
            paths::RECOVER => self.passwords,
            _ => true,
        }
    }

    /// What each form holds: it proves that a page of this session showed it.
    pub(super) fn form_token(&self) -> String {
        self.mac(&[b"form"])
    }

    /// Leads to a page that says what was done.
    pub(super) fn done(&self, path: &str, word: &str) -> HttpResponse {
        let mark = if path.contains('?') { '&' } else { '?' };
        respond::see_other(&format!("{path}{mark}said={word}.{}", self.mac(&[b"said", word.as_bytes()])))
    }

    /// What the address says was done, if this provider said so to this session.
    pub(super) fn said(&self) -> Option<&str> {
        let (word, proof) = self.query.get("said")?.split_once('.')?;
        self.is_proved(&[b"said", word.as_bytes()], proof).then_some(word)
    }

    /// Proves something to a later request of the same session.
    pub(super) fn mac(&self, parts: &[&[u8]]) -> String {
        let session = self.session.key();
        let all: Vec<&[u8]> = parts.iter().copied().chain([&session.0[..]]).collect();
        self.forms.digest(&all).encode()
    }

    /// Whether this session was given that proof.
    pub(super) fn is_proved(&self, parts: &[&[u8]], proof: &str) -> bool {
        bytes::same(proof.as_bytes(), self.mac(parts).as_bytes())
    }

    /// Where this page asks again by itself: such a request keeps no session in use.
    pub(super) fn by_itself(&self) -> String {
        let uri = self.context.request.uri();
        let here = uri.path_and_query().map_or_else(|| uri.path(), |here| here.as_str());
        if self.query.get(BY_ITSELF).is_some() {
            return here.to_owned();
        }
        let mark = if here.contains('?') { '&' } else { '?' };
        format!("{here}{mark}{BY_ITSELF}=1")
    }

    /// The page of something that is not there, or not this place's.
    pub(super) fn nothing(&self) -> HttpResponse {
        self.context.problem(ProblemKind::NotFound, &Problem::default())
    }

    /// The frame of a page.
    pub(super) fn frame(&self) -> Frame<'_> {
        self.context.frame(None, self.context.languages_here())
    }
}

/// A form with files.
pub(super) struct Upload {
    pub(super) fields: Params,
    pub(super) files: HashMap<String, Vec<u8>>,
}

impl Desk {
    /// Shows a page to a member with the right for it; whoever is not signed in does so first and comes back.
    pub(super) async fn show<'r>(
        &self,
        request: &'r HttpRequest,
        right: Right,
        page: impl AsyncFnOnce(&Visit<'r>) -> Result<HttpResponse, ServiceError>,
    ) -> HttpResponse {
        let here = request.uri().path_and_query().map_or(paths::DESK, |here| here.as_str());
        let context = PageContext::new(request, self.cookies, None);
        match self.enter(context, here, right).await {
            Ok(visit) => {
                let answered = page(&visit).await;
                visit.context.remember_language(visit.context.or_failure(answered))
            }
            Err(instead) => instead,
        }
    }

    /// As [`Desk::show`], of what only who has just used their passkey may do.
    pub(super) async fn show_proved<'r>(
        &self,
        request: &'r HttpRequest,
        right: Right,
        page: impl AsyncFnOnce(&Visit<'r>) -> Result<HttpResponse, ServiceError>,
    ) -> HttpResponse {
        self.show(request, right, async |visit| {
            if self.has_proved(visit) {
                return page(visit).await;
            }
            let here = request.uri().path_and_query().map_or(paths::DESK, |here| here.as_str());
            Ok(respond::see_other(&with_return(paths::PROVE, here)))
        })
        .await
    }

    /// Takes a form, which only pages of this provider may post; `from` is the page that has it.
    pub(super) async fn posted<'r>(
        &self,
        request: &'r HttpRequest,
        (from, right, body): (&str, Right, &[u8]),
        take: impl AsyncFnOnce(&Visit<'r>, &Params) -> Result<HttpResponse, ServiceError>,
    ) -> HttpResponse {
        let form = Params::of_form(request, body).ok();
        self.take(request, (from, right), form, take).await
    }

    /// As [`Desk::posted`], of what only who has just used their passkey may do. Where that is too long ago, the way leads to the
    /// passkey and back to the page.
    pub(super) async fn posted_proved<'r>(
        &self,
        request: &'r HttpRequest,
        (from, right, body): (&str, Right, &[u8]),
        take: impl AsyncFnOnce(&Visit<'r>, &Params) -> Result<HttpResponse, ServiceError>,
    ) -> HttpResponse {
        self.posted(request, (from, right, body), async |visit, form| {
            if self.has_proved(visit) {
                return take(visit, form).await;
            }
            Ok(respond::see_other(&with_return(paths::PROVE, from)))
        })
        .await
    }

    /// As [`Desk::posted`], of a form with files.
    pub(super) async fn uploaded<'r>(
        &self,
        request: &'r HttpRequest,
        (from, right, body): (&str, Right, Bytes),
        take: impl AsyncFnOnce(&Visit<'r>, &Upload) -> Result<HttpResponse, ServiceError>,
    ) -> HttpResponse {
        let upload = upload(request, body).await;
        let fields = upload.as_ref().map(|upload| upload.fields.clone());
        self.take(request, (from, right), fields, async |visit, _| match upload {
            Some(upload) => take(visit, &upload).await,
            None => Ok(visit.context.problem(ProblemKind::BadRequest, &Problem::default())),
        })
        .await
    }

    /// Whether the member of a visit used their passkey recently enough for what cannot be undone.
    pub(super) fn has_proved(&self, visit: &Visit<'_>) -> bool {
        visit.acting.has_proved_within(self.proof_seconds, visit.now)
    }

    async fn take<'r>(
        &self,
        request: &'r HttpRequest,
        (from, right): (&str, Right),
        form: Option<Params>,
        take: impl AsyncFnOnce(&Visit<'r>, &Params) -> Result<HttpResponse, ServiceError>,
    ) -> HttpResponse {
        let context = PageContext::new(request, self.cookies, None);
        let Some(form) = form.filter(|_| respond::is_same_origin(request, &self.origin)) else {
            return context.problem(ProblemKind::BadRequest, &Problem::default());
        };
        match self.enter(context, from, right).await {
            Ok(visit) => {
                if !visit.is_proved(&[b"form"], form.get("form").unwrap_or_default()) {
                    return visit.done(from, "untaken");
                }
                let answered = take(&visit, &form).await;
                visit.context.or_failure(answered)
            }
            Err(instead) => instead,
        }
    }

    async fn enter<'r>(
        &self,
        context: PageContext<'r>,
        here: &str,
        right: Right,
    ) -> Result<Visit<'r>, HttpResponse> {
        let query = Params::parse(context.request.query_string()).unwrap_or_default();
        let by_itself = query.get(BY_ITSELF).is_some() && context.request.method() == Method::GET;
        let found = match self.sessions.find(context.request, by_itself).await {
            Err(error) => return Err(context.failure(&error)),
            Ok(found) => found,
        };
        let Some((session, acting)) = found else {
            return Err(respond::see_other(&with_return(paths::SIGN_IN, here)));
        };
        if right == Right::Recover && !self.offers_passwords() {
            return Err(context.problem(ProblemKind::NotFound, &Problem::default()));
        }
        if !right.has(&acting) {
            self.staff.refused(&acting, "right");
            return Err(context.problem(ProblemKind::NotFound, &Problem::default()));
        }
        if matches!(right, Right::Identify | Right::Revoke | Right::Serve | Right::Recover) && acting.held {
            return Err(respond::see_other(paths::HELD));
        }
        let now = self.clock.now();
        let (forms, passwords) = (Arc::clone(&self.forms), self.offers_passwords());
        Ok(Visit { context, session, acting, query, now, forms, passwords })
    }
}

/// A path with the page to come back to.
pub(super) fn with_return(path: &str, then: &str) -> String {
    let then = then.split(['?', '&']).next().unwrap_or(paths::DESK);
    let encoded: String = form_urlencoded::byte_serialize(then.as_bytes()).collect();
    if then == paths::DESK || then.len() > LONGEST {
        path.to_owned()
    } else {
        format!("{path}?then={encoded}")
    }
}

/// The page to come back to: one of the desk's own, by its path alone.
pub(super) fn page_to_return_to(given: Option<&str>) -> &str {
    let own = |path: &&str| {
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'/' | b'-');
        path.len() <= LONGEST && path.starts_with("/desk/") && path.bytes().all(plain) && !path.contains("//")
    };
    given.filter(own).unwrap_or(paths::DESK)
}

async fn upload(request: &HttpRequest, body: Bytes) -> Option<Upload> {
    let kind = request.headers().get(CONTENT_TYPE)?.to_str().ok()?;
    let boundary = multer::parse_boundary(kind).ok()?;
    let mut form = Multipart::new(stream::iter([Ok::<_, Infallible>(body)]), boundary);
    let (mut fields, mut files) = (Vec::new(), HashMap::new());
    while let Some(part) = form.next_field().await.ok()? {
        let name = part.name().unwrap_or_default().to_owned();
        let is_file = part.file_name().is_some();
        let value = part.bytes().await.ok()?;
        if is_file {
            files.insert(name, value.to_vec());
        } else {
            fields.push((name, String::from_utf8(value.to_vec()).ok()?));
        }
    }
    Some(Upload { fields: Params::of_pairs(fields).ok()?, files })
}

/// A page that exists, asked for by a method that it is not opened by.
pub(super) async fn wrong_method(desk: Data<Desk>, request: HttpRequest) -> HttpResponse {
    PageContext::new(&request, desk.cookies, None).problem(ProblemKind::MethodNotAllowed, &Problem::default())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_own_pages_are_come_back_to() {
        assert_eq!(page_to_return_to(Some("/desk/applications/abc")), "/desk/applications/abc");
        for other in [
            "//evil.uz",
            "/desk//evil.uz",
            "/desk/../oidc",
            "https://evil.uz",
            "/desk/a?b",
            "/desk/%2f",
            "/cabinet",
        ] {
            assert_eq!(page_to_return_to(Some(other)), "/desk", "{other}");
        }
        assert_eq!(with_return("/desk/prove", "/desk/holds?said=x"), "/desk/prove?then=%2Fdesk%2Fholds");
        assert_eq!(with_return("/desk/sign-in", "/desk"), "/desk/sign-in");
    }
}
