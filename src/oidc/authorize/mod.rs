//! `GET|POST /oidc/authorize` (RFC 6749 §3.1, OpenID Connect Core §3.1.2): check, then answer at once or begin a sign-in
//! attempt.
//!
//! A request passes known client → the object that it signed, or the request that it pushed, if there is one → verified
//! redirect → the list in `rules.rs`, one rule a file, the clause above each.
//! What becomes of it after the person is known is in `answer.rs`.

mod acr;
mod answer;
mod authorization_details;
mod begin;
mod claims;
mod client;
mod code_challenge;
mod dpop_jkt;
mod form_post;
mod grant_management;
mod id_token_hint;
mod input;
mod max_age;
mod nonce;
mod parameters;
mod prompt;
mod redirect_uri;
mod request_object;
mod resource;
mod response_mode;
mod response_type;
mod rules;
mod scope;
mod signed_request;
mod silent;

#[cfg(test)]
mod tests;

use std::collections::BTreeSet;
use std::sync::Arc;

use actix_web::web::{Bytes, Data};
use actix_web::{HttpRequest, HttpResponse};

use super::claims::{ClaimsRequest, requested};
use super::error::{ErrorCode, OAuthError, TokenError};
use super::pushed_request::{self, PushedRequests};
use super::resource::{registered, servers};
use super::{Codes, Provider, encryption, signature};
use crate::audit::{Event, Kind};
use crate::clients::{Application, Client, ClientId, DataRequest, PersonalData};
use crate::grants::Grants;
use crate::platform::bytes::Digest;
use crate::platform::clock::Timestamp;
use crate::platform::ephemeral::Unavailable;
use crate::platform::jose::KeySet;
use crate::platform::seal::Mac;
use crate::platform::service_error::ServiceError;
use crate::platform::web::cookies::Cookies;
use crate::platform::web::page_context::{PageContext, Problem};
use crate::platform::web::params::Params;
use crate::platform::web::problem::ProblemKind;
use crate::platform::web::respond;
use crate::release::Release;
use crate::sign_in::{Acr, Means, OpenSession, SignIn, session_cookie};

pub use answer::Answer;
pub(super) use grant_management::Action;
pub(super) use prompt::Prompt;
pub(super) use redirect_uri::{ClientError, RedirectTarget, VerifiedRedirect};
pub(super) use response_mode::ResponseMode;
pub(super) use scope::BEYOND_CONTRACT;

/// What the authorization endpoint and the completion of a sign-in need. Cheap to clone.
#[derive(Clone)]
pub struct Authorization {
    /// What all endpoints share.
    pub provider: Provider,
    /// Attempts and sessions.
    pub sign_in: SignIn,
    /// Persons and consents.
    pub release: Release,
    /// Authorization codes.
    pub codes: Codes,
    /// Tells whether a code was redeemed.
    pub grants: Grants,
    /// Lifetime of an authorization code, in seconds.
    pub code_seconds: i64,
    /// Requests that clients pushed.
    pub pushed: PushedRequests,
    /// Digests of networks, by which limits count what anybody can push.
    pub networks: Arc<Mac>,
    /// How cookies are read and set.
    pub cookies: Cookies,
}

/// A request that passed every rule.
#[derive(Clone, Debug)]
pub(super) struct AuthorizationRequest {
    /// Where the answer goes.
    pub redirect: VerifiedRedirect,
    /// Scopes that are understood.
    pub scopes: Vec<String>,
    /// The resource servers that access tokens are to be for (RFC 8707).
    pub resources: Vec<String>,
    /// OpenID Connect Core §3.1.2.1.
    pub nonce: Option<String>,
    /// RFC 7636 §4.2: base64url of a SHA-256 digest.
    pub code_challenge: Option<String>,
    /// Thumbprint of the key whose proof is to redeem the code (RFC 9449 §10).
    pub dpop_jkt: Option<Digest>,
    /// What the person is to be asked.
    pub prompt: BTreeSet<Prompt>,
    /// The oldest authentication that is accepted, in seconds.
    pub max_age: Option<i64>,
    /// The `claims` parameter.
    pub claims: ClaimsRequest,
    /// The `authorization_details` parameter (RFC 9396).
    pub details: Vec<PersonalData>,
    /// What the person is to confirm, if that is what it asks for.
    pub application: Option<Box<Application>>,
    /// The grant that is to be changed, if one is.
    pub managed: Option<grant_management::Managed>,
    /// Accepted authentication context classes.
    pub acr: Vec<Acr>,
    /// The `sub` that the answer must be about.
    pub expected_sub: Option<String>,
    /// The pushed request that it was asked by.
    pub pushed: Option<Digest>,
}

/// What a person reads when nothing proves where an answer may go.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum PageError {
    /// The `client_id` is not registered.
    UnknownService,
    /// The client is disabled.
    ServiceDisabled,
    /// Nobody has approved the client yet.
    ServicePending,
    /// The client's contract is not in force.
    ServiceSuspended,
    /// The redirect URI is not registered.
    BadReturnAddress,
    /// Anything else.
    BadRequest,
}

/// Why an authorization request is rejected.
#[derive(Debug)]
pub(super) enum Rejection {
    /// A page for the person, with words for the service's developers.
    Page(PageError, String),
    /// The client gets an error.
    Client(Box<ClientError>),
}

impl Rejection {
    /// What is recorded of the client that was named: the error that it gets, or what the page says to its developers.
    fn event<'a>(&'a self, client: &'a str) -> Event<'a> {
        let event = Event::new(Kind::AuthorizationRefused).client(client);
        match self {
            Self::Page(_, technical) => event.reason(technical.as_str()),
            Self::Client(refused) => event.error(refused.error.code.name()).reason(refused.error.description),
        }
    }
}

impl AuthorizationRequest {
    fn new(redirect: VerifiedRedirect) -> Self {
        Self {
            redirect,
            scopes: Vec::new(),
            resources: Vec::new(),
            nonce: None,
            code_challenge: None,
            dpop_jkt: None,
            prompt: BTreeSet::new(),
            max_age: None,
            claims: ClaimsRequest::default(),
            details: Vec::new(),
            application: None,
            managed: None,
            acr: Vec::new(),
            expected_sub: None,
            pushed: None,
        }
    }

    /// The data sets that are asked for, as far as the registration allows.
    pub(super) fn data(&self) -> DataRequest {
        let offline = self.scopes.iter().any(|scope| scope == "offline_access");
        let asked = requested(&self.scopes, &self.claims);
        let allowed = DataRequest::allowed(self.redirect.client(), &asked, offline);
        DataRequest { details: self.details.clone(), ..allowed }
    }
}

/// Runs the checks of a list.
///
/// # Errors
/// [`Rejection`]: a page until the redirect URI is proven, an error to the client after.
fn check(
    provider: &Provider,
    client: &Arc<Client>,
    list: &[input::Rule],
    params: &Params,
) -> Result<AuthorizationRequest, Rejection> {
    let resources = registered(&provider.clients, client, params);
    let redirect = redirect_uri::verify(Arc::clone(client), params)?;
    let keys = provider.keys.current();
    let servers = servers(&provider.clients, client, params);
    let servers = (&resources[..], &servers[..]);
    let request = apply(
        list,
        redirect,
        params,
        (&keys, &provider.issuer, servers, (&provider.offered, provider.clock.now())),
    )?;
    match spent(provider, client, &request.data()) {
        Some(error) => Err(request.redirect.reject(error)),
        None => Ok(request),
    }
}

/// The error where the data that a client asks for would be more releases than its contract allows.
pub(super) fn spent(provider: &Provider, client: &Client, asked: &DataRequest) -> Option<OAuthError> {
    let spent = provider.clients.spent(client).filter(|_| !asked.all().is_empty())?;
    Some(OAuthError::new(ErrorCode::TooManyRequests, spent.description()))
}

/// As [`check`], with the grant that the request names, if it names one.
async fn checked(
    endpoint: &Authorization,
    client: &Arc<Client>,
    list: &[input::Rule],
    params: &Params,
) -> Result<Result<AuthorizationRequest, Rejection>, ServiceError> {
    match check(&endpoint.provider, client, list, params) {
        Ok(request) => {
            grant_management::found(&endpoint.grants, request, endpoint.provider.clock.now()).await
        }
        Err(rejection) => Ok(Err(rejection)),
    }
}

/// The parameters in the request's object, if it has one that counts.
///
/// # Errors
/// [`Rejection`]: to the redirect URI that stands beside the object, if a registered one does.
async fn opened(
    provider: &Provider,
    client: &Arc<Client>,
    params: &Params,
) -> Result<Option<Params>, Rejection> {
    match signed_request::inside(provider, client, params).await {
        Ok(inside) => Ok(inside),
        Err(error) => Err(match redirect_uri::verify(Arc::clone(client), params) {
            Ok(redirect) => redirect.reject(error),
            Err(Rejection::Page(..)) => {
                let technical = format!("{}: {}", error.code.name(), error.description);
                Rejection::Page(PageError::BadRequest, technical)
            }
            Err(rejection) => rejection,
        }),
    }
}

fn apply(
    list: &[input::Rule],
    redirect: VerifiedRedirect,
    params: &Params,
    (keys, issuer, (resources, servers), (offered, now)): (
        &KeySet,
        &str,
        input::Servers<'_>,
        (&[Means], Timestamp),
    ),
) -> Result<AuthorizationRequest, Rejection> {
    let client = Arc::clone(redirect.client());
    let input = input::Input { params, client: &client, issuer, keys, resources, servers, offered, now };
    let mut request = AuthorizationRequest::new(redirect);
    for rule in list {
        if let Err(error) = rule(input, &mut request) {
            return Err(request.redirect.reject(error));
        }
    }
    Ok(request)
}

/// Makes sure that what is to be signed and encrypted for the client can be (JARM §3): nobody is to sign in for an answer that
/// cannot be sent.
///
/// # Errors
/// [`TokenError`] when no key signs it yet, the client has no key for it, or its keys cannot be fetched.
async fn answerable(provider: &Provider, redirect: &VerifiedRedirect) -> Result<(), TokenError> {
    if !redirect.mode().is_signed() {
        return Ok(());
    }
    let client = redirect.client();
    signature::key(&provider.keys.current(), client.requests.response_alg, provider.clock.now())?;
    encryption::recipient(provider, client, client.answers.authorization_encryption).await.map(|_| ())
}

/// The request in the query.
pub(super) async fn get(endpoint: Data<Authorization>, request: HttpRequest) -> HttpResponse {
    run(&endpoint, &request, request.query_string().as_bytes()).await
}

/// The request in a form. A form of another site brings no cookies, so a browser is asked to come again by a link, which
/// does; anybody else is answered as they came.
pub(super) async fn post(endpoint: Data<Authorization>, request: HttpRequest, body: Bytes) -> HttpResponse {
    if let Some(by_link) = respond::by_link(&request, super::paths::AUTHORIZE, &body) {
        return by_link;
    }
    match Params::of_form(&request, &body) {
        Ok(_) => run(&endpoint, &request, &body).await,
        Err(error) => malformed(&endpoint, &request, error.0),
    }
}

async fn run(endpoint: &Authorization, http: &HttpRequest, text: &[u8]) -> HttpResponse {
    let params = match Params::parse_body(text) {
        Ok(params) => params,
        Err(error) => return malformed(endpoint, http, error.0),
    };
    let context = PageContext::new(http, endpoint.cookies, params.get("ui_locales"));
    context.or_failure(respond_to(endpoint, &context, &params).await)
}

fn malformed(endpoint: &Authorization, http: &HttpRequest, what: &str) -> HttpResponse {
    let technical = format!("invalid_request: {what}");
    endpoint.provider.audit.record(Event::new(Kind::AuthorizationRefused).reason(technical.as_str()));
    let problem = Problem { technical: Some(&technical), ..Problem::default() };
    PageContext::new(http, endpoint.cookies, None).problem(ProblemKind::BadRequest, &problem)
}

async fn respond_to(
    endpoint: &Authorization,
    context: &PageContext<'_>,
    params: &Params,
) -> Result<HttpResponse, ServiceError> {
    let provider = &endpoint.provider;
    let client = match client::known(&provider.clients, params) {
        Ok(client) => client,
        Err(rejection) => {
            let named = params.get("client_id").unwrap_or_default();
            return reject(endpoint, context, &rejection, named).await;
        }
    };
    if params.get("request_uri").is_some_and(|uri| uri.starts_with(pushed_request::URN)) {
        return by_reference(endpoint, context, client, params).await;
    }
    let inside = match opened(provider, &client, params).await {
        Ok(inside) => inside,
        Err(rejection) => return reject(endpoint, context, &rejection, client.id.as_str()).await,
    };
    let params = inside.as_ref().unwrap_or(params);
    let context = &PageContext::new(context.request, endpoint.cookies, params.get("ui_locales"));
    match checked(endpoint, &client, &rules::AUTHORIZATION_ENDPOINT, params).await? {
        Ok(request) => {
            if let Err(error) = answerable(provider, &request.redirect).await {
                let technical = format!("{}: {}", error.code.name(), error.description);
                let rejection = Rejection::Page(PageError::BadRequest, technical);
                return reject(endpoint, context, &rejection, client.id.as_str()).await;
            }
            let session = endpoint.sign_in.sessions.of_browser(context.request, endpoint.cookies).await;
            go_on(endpoint, context, (&request, params), session).await
        }
        Err(rejection) => reject(endpoint, context, &rejection, client.id.as_str()).await,
    }
}

/// A request that was pushed before (RFC 9126 §4): what else stands in the address counts for nothing.
async fn by_reference(
    endpoint: &Authorization,
    context: &PageContext<'_>,
    client: Arc<Client>,
    params: &Params,
) -> Result<HttpResponse, ServiceError> {
    let once = params.get("request_uri").filter(|_| !params.is_repeated("request_uri"));
    let name = pushed_request::name_of(once.unwrap_or_default());
    let (found, session) =
        endpoint.pushed.find(name, session_cookie(context.request, endpoint.cookies)).await?;
    let Some(pushed) = found.filter(|pushed| pushed.client_id == client.id) else {
        return Ok(gone(endpoint, context, &client));
    };
    let params = pushed.params;
    let context = PageContext::new(context.request, endpoint.cookies, params.get("ui_locales"));
    match checked(endpoint, &client, &rules::PUSHED_REQUEST, &params).await? {
        Ok(request) => {
            let request = AuthorizationRequest { pushed: Some(name), ..request };
            go_on(endpoint, &context, (&request, &params), Ok(session)).await
        }
        Err(rejection) if endpoint.pushed.spend(name).await? => {
            reject(endpoint, &context, &rejection, client.id.as_str()).await
        }
        Err(_) => Ok(gone(endpoint, &context, &client)),
    }
}

/// The page for a pushed request that nobody can go on with; the client gets no second answer.
fn gone(endpoint: &Authorization, context: &PageContext<'_>, client: &Client) -> HttpResponse {
    let technical = "invalid_request_uri: request_uri has expired, was used, or was pushed by another client";
    let event = Event::new(Kind::AuthorizationRefused).client(client.id.as_str()).reason(technical);
    endpoint.provider.audit.record(event);
    let problem = Problem {
        service: Some(client.shown(context.language)),
        back: client.start_page(),
        technical: Some(technical),
        ..Problem::default()
    };
    context.problem(ProblemKind::Expired, &problem)
}

async fn go_on(
    endpoint: &Authorization,
    context: &PageContext<'_>,
    (request, params): (&AuthorizationRequest, &Params),
    session: Result<Option<OpenSession>, Unavailable>,
) -> Result<HttpResponse, ServiceError> {
    if request.prompt.contains(&Prompt::None) {
        let answered = match session {
            Ok(session) => silent::answer(endpoint, context, request, session).await,
            Err(unavailable) => Err(unavailable.into()),
        };
        return Ok(match answered {
            Ok(response) => response,
            Err(fault) => silent::failure(endpoint, context, request, &fault).await,
        });
    }
    begin::attempt(endpoint, context, request, session?, params.get("login_hint")).await
}

async fn reject(
    endpoint: &Authorization,
    context: &PageContext<'_>,
    rejection: &Rejection,
    client: &str,
) -> Result<HttpResponse, ServiceError> {
    endpoint.provider.audit.record(rejection.event(client));
    Ok(match rejection {
        Rejection::Page(PageError::ServiceSuspended, technical) => {
            let client = ClientId::parse(client).and_then(|id| endpoint.provider.clients.find(&id));
            let problem = client.as_ref().map(|client| client.shut_page(context.text(), technical));
            context.problem(ProblemKind::ServiceSuspended, &problem.unwrap_or_default())
        }
        Rejection::Page(error, technical) => page(context, *error, technical),
        Rejection::Client(error) => endpoint.error(error).await?.send(context, None),
    })
}

fn page(context: &PageContext<'_>, error: PageError, technical: &str) -> HttpResponse {
    let kind = match error {
        PageError::UnknownService => ProblemKind::UnknownService,
        PageError::ServiceDisabled => ProblemKind::ServiceDisabled,
        PageError::ServicePending => ProblemKind::ServicePending,
        PageError::ServiceSuspended => ProblemKind::ServiceSuspended,
        PageError::BadReturnAddress => ProblemKind::BadReturnAddress,
        PageError::BadRequest => ProblemKind::BadRequest,
    };
    context.problem(kind, &Problem { technical: Some(technical), ..Problem::default() })
}

/// Runs all checks of a pushed request, and makes sure that the browser can carry it. Returns what is kept of it: the
/// parameters themselves, those in its object if it has one.
///
/// # Errors
/// [`TokenError`], in the words that the authorization endpoint has for the same.
pub(super) async fn check_pushed(
    endpoint: &Authorization,
    client: &Arc<Client>,
    params: Params,
) -> Result<Params, TokenError> {
    let provider = &endpoint.provider;
    let told = |error: OAuthError| TokenError::new(error.code, error.description);
    let inside = signed_request::inside(provider, client, &params).await.map_err(told)?;
    let params = inside.unwrap_or(params);
    redirect_uri::registered(client, &params).map_err(|description| TokenError {
        detail: redirect_uri::difference(client, &params),
        ..TokenError::new(ErrorCode::InvalidRequest, description)
    })?;
    let request =
        checked(endpoint, client, &rules::PUSHED_REQUEST, &params).await?.map_err(
            |rejection| match rejection {
                Rejection::Client(refused) => told(refused.error),
                Rejection::Page(..) => {
                    TokenError::new(ErrorCode::InvalidRequest, "redirect_uri is not registered")
                }
            },
        )?;
    answerable(provider, &request.redirect).await?;
    let request = AuthorizationRequest { pushed: Some(Digest([0; 32])), ..request };
    if begin::fits(endpoint, &request, params.get("login_hint"))? {
        return Ok(params);
    }
    Err(TokenError::new(ErrorCode::TooLarge, begin::TOO_LARGE.description))
}

impl Authorization {
    /// The answer that carries an error.
    ///
    /// # Errors
    /// [`ServiceError`] when it is to be signed and no key does.
    async fn error(&self, error: &ClientError) -> Result<Answer, ServiceError> {
        let OAuthError { code, description } = error.error;
        self.provider.metrics.sign_ins("answer", code.name()).inc();
        let fields = vec![("error", code.name().to_owned()), ("error_description", description.to_owned())];
        self.answer(&error.redirect, fields).await
    }
}

/// The parameters that the claims of a signed request are.
pub(super) use signed_request::read as params_of;

/// What fuzz targets reach of the parsers in here.
#[cfg(fuzzing)]
pub(super) mod fuzzing {
    pub(crate) use super::signed_request::read as request_object;
}
