//! What an authorization request must pass, in order, each check under the clause it enforces. A check that passes
//! yields the type that the next one needs: parameters → known client → verified redirect → request.

use std::collections::BTreeSet;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::Oidc;
use super::claims::{self, ClaimsRequest};
use super::error::{ErrorCode, Refusal, ToClient};
use crate::clients::{Client, ClientId, GrantType, RedirectUri, Registry};
use crate::platform::bytes;
use crate::platform::web::params::Params;
use crate::platform::web::problem::ProblemKind;
use crate::release;
use crate::sign_in::Acr;

/// How the answer travels.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ResponseMode {
    /// In the redirect URI's query (OAuth 2.0 Multiple Response Type Encoding Practices §2.1).
    Query,
    /// In a form posted by the browser (OAuth 2.0 Form Post Response Mode).
    FormPost,
}

/// What the client wants the person to be asked (OpenID Connect Core §3.1.2.1).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Prompt {
    /// Nothing: answer at once or with an error.
    None,
    /// To prove themselves again.
    Login,
    /// To consent again.
    Consent,
    /// Which account to use.
    SelectAccount,
}

/// A redirect URI that the client registered, with what an answer to it must hold. Only [`verify_redirect`] makes one.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct VerifiedRedirect {
    uri: RedirectUri,
    mode: ResponseMode,
    state: Option<String>,
}

impl VerifiedRedirect {
    /// Where to.
    pub fn uri(&self) -> &RedirectUri {
        &self.uri
    }

    /// How.
    pub fn mode(&self) -> ResponseMode {
        self.mode
    }

    /// The client's state, as it came.
    pub fn state(&self) -> Option<&str> {
        self.state.as_deref()
    }

    /// An error for the client.
    pub fn refuse(&self, code: ErrorCode, description: &'static str) -> Refusal {
        Refusal::Client(Box::new(ToClient { redirect: self.clone(), code, description }))
    }
}

/// A request that passed every check.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct AuthorizationRequest {
    /// Where the answer goes.
    pub redirect: VerifiedRedirect,
    /// Scopes that are understood.
    pub scopes: Vec<String>,
    /// OpenID Connect Core §3.1.2.1.
    pub nonce: Option<String>,
    /// RFC 7636 §4.2: base64url of a SHA-256 digest.
    pub code_challenge: Option<String>,
    /// What the person is to be asked.
    pub prompt: BTreeSet<Prompt>,
    /// The oldest authentication that is taken, in seconds.
    pub max_age: Option<i64>,
    /// Whether `auth_time` must be in the ID token.
    pub auth_time: bool,
    /// The claims parameter.
    pub claims: ClaimsRequest,
    /// What is asked for, as far as the registration allows it.
    pub release: release::Request,
    /// The `sub` that the answer must be about.
    pub subject: Option<String>,
}

/// Longest values that are taken, in characters; longer ones are refused, never cut.
const LONGEST_STATE: usize = 2048;
const LONGEST_NONCE: usize = 1024;

/// Runs all checks.
///
/// # Errors
/// [`Refusal`]: a page until the redirect URI is proven, an answer to the client after.
pub fn check(oidc: &Oidc, params: &Params) -> Result<(Arc<Client>, AuthorizationRequest), Refusal> {
    let client = known_client(&oidc.clients, params)?;
    let redirect = verify_redirect(&client, params)?;
    let fail = |code, description| redirect.refuse(code, description);

    // RFC 6749 §3.1: parameters must not be included more than once.
    if params.repeated().is_some() {
        return Err(fail(ErrorCode::InvalidRequest, "a parameter is repeated"));
    }
    unsupported(params).map_or(Ok(()), |(code, words)| Err(fail(code, words)))?;
    // RFC 6749 §3.1.1: response_type is required.
    match params.get("response_type") {
        Some("code") => {}
        Some(_) => {
            return Err(fail(ErrorCode::UnsupportedResponseType, "only response_type=code is supported"));
        }
        None => return Err(fail(ErrorCode::InvalidRequest, "response_type is missing")),
    }
    if !client.may(GrantType::AuthorizationCode) {
        return Err(fail(ErrorCode::UnauthorizedClient, "the client may not use the code flow"));
    }
    let scopes = scopes(&client, params).map_err(|words| fail(ErrorCode::InvalidScope, words))?;
    let bad = |words| fail(ErrorCode::InvalidRequest, words);
    let code_challenge = code_challenge(&client, params).map_err(bad)?;
    let nonce = params.get("nonce").map(str::to_owned);
    if nonce.as_ref().is_some_and(|nonce| nonce.len() > LONGEST_NONCE) {
        return Err(bad("nonce is too long"));
    }
    let prompt = prompt(params).map_err(bad)?;
    let max_age = max_age(&client, params).map_err(bad)?;
    let claims = params.get("claims").map(ClaimsRequest::parse).transpose().map_err(bad)?.unwrap_or_default();
    let subject = subject(oidc, &client, params, &claims).map_err(bad)?;
    assurance(&client, &claims).map_err(|words| fail(ErrorCode::UnmetAuthenticationRequirements, words))?;

    let offline = scopes.iter().any(|scope| scope == "offline_access");
    let asked = claims::asked(&scopes, &claims);
    let release = release::Request::allowed(&client, &asked, offline);
    let auth_time = params.get("max_age").is_some() || claims.auth_time || client.default_max_age.is_some();
    let request = AuthorizationRequest {
        redirect,
        scopes,
        nonce,
        code_challenge,
        prompt,
        max_age,
        auth_time,
        claims,
        release,
        subject,
    };
    Ok((client, request))
}

/// RFC 6749 §4.1.2.1: an unknown client proves no redirect URI.
fn known_client(clients: &Registry, params: &Params) -> Result<Arc<Client>, Refusal> {
    let page = |kind, technical: &str| Refusal::Page { kind, technical: technical.to_owned() };
    let id = params
        .get("client_id")
        .ok_or_else(|| page(ProblemKind::BadRequest, "invalid_request: client_id is missing"))?;
    if params.is_repeated("client_id") {
        return Err(page(ProblemKind::BadRequest, "invalid_request: client_id is repeated"));
    }
    let client = ClientId::parse(id)
        .and_then(|id| clients.find(&id))
        .ok_or_else(|| page(ProblemKind::UnknownService, "invalid_client: client_id is not registered"))?;
    if client.disabled {
        return Err(page(ProblemKind::ServiceDisabled, "unauthorized_client: the client is disabled"));
    }
    Ok(client)
}

/// RFC 9700 §4.1.3: exact string comparison with the registered URIs; OpenID Connect Core §3.1.2.1: it is required.
fn verify_redirect(client: &Client, params: &Params) -> Result<VerifiedRedirect, Refusal> {
    let page = |technical: &str| Refusal::Page {
        kind: ProblemKind::BadReturnAddress,
        technical: format!("invalid redirect_uri: {technical}"),
    };
    if params.is_repeated("redirect_uri") {
        return Err(page("redirect_uri is repeated"));
    }
    let given = params.get("redirect_uri").ok_or_else(|| page("redirect_uri is missing"))?;
    let uri = client
        .redirect_uris
        .iter()
        .find(|registered| registered.as_str() == given)
        .ok_or_else(|| page("redirect_uri is not registered for this client, character for character"))?;
    let repeated_state = params.is_repeated("state");
    let state = params.get("state").filter(|_| !repeated_state).map(str::to_owned);
    let mode = match params.get("response_mode") {
        Some("form_post") => ResponseMode::FormPost,
        _ => ResponseMode::Query,
    };
    let redirect = VerifiedRedirect { uri: uri.clone(), mode, state };
    if !matches!(params.get("response_mode"), None | Some("query" | "form_post")) {
        return Err(
            redirect.refuse(ErrorCode::InvalidRequest, "response_mode is neither query nor form_post")
        );
    }
    if redirect.state.as_ref().is_some_and(|state| state.len() > LONGEST_STATE) {
        let redirect = VerifiedRedirect { state: None, ..redirect };
        return Err(redirect.refuse(ErrorCode::InvalidRequest, "state is too long"));
    }
    Ok(redirect)
}

/// OpenID Connect Core §6, §7.2.1: what is not supported is refused by its own code, not ignored.
fn unsupported(params: &Params) -> Option<(ErrorCode, &'static str)> {
    [
        ("request", ErrorCode::RequestNotSupported, "request objects are not supported"),
        ("request_uri", ErrorCode::RequestUriNotSupported, "request_uri is not supported"),
        ("registration", ErrorCode::RegistrationNotSupported, "registration is not supported"),
    ]
    .into_iter()
    .find(|(name, ..)| params.get(name).is_some())
    .map(|(_, code, words)| (code, words))
}

/// OpenID Connect Core §3.1.2.1: openid is required, unknown scopes are ignored. §11: offline_access counts only for
/// clients that may refresh.
fn scopes(client: &Client, params: &Params) -> Result<Vec<String>, &'static str> {
    let asked: BTreeSet<&str> = params.get("scope").unwrap_or_default().split(' ').collect();
    if !asked.contains("openid") {
        return Err("scope must contain openid");
    }
    let may = |scope: &str| scope != "offline_access" || client.may(GrantType::RefreshToken);
    Ok(claims::SCOPES
        .into_iter()
        .filter(|scope| asked.contains(scope) && may(scope))
        .map(str::to_owned)
        .collect())
}

/// RFC 7636 §4.2, §4.3; RFC 9700 §2.1.1: S256 only.
fn code_challenge(client: &Client, params: &Params) -> Result<Option<String>, &'static str> {
    match (params.get("code_challenge"), params.get("code_challenge_method")) {
        (None, None) if client.require_pkce => Err("code_challenge is missing: this client must use PKCE"),
        (None, None) => Ok(None),
        (None, Some(_)) => Err("code_challenge_method without code_challenge"),
        (Some(challenge), Some("S256")) => {
            let digest = bytes::decode(challenge).filter(|raw| raw.len() == 32);
            digest
                .map(|_| Some(challenge.to_owned()))
                .ok_or("code_challenge is not base64url of a SHA-256 digest")
        }
        (Some(_), _) => Err("code_challenge_method must be S256"),
    }
}

/// OpenID Connect Core §3.1.2.1: `none` stands alone.
fn prompt(params: &Params) -> Result<BTreeSet<Prompt>, &'static str> {
    let words: Vec<&str> =
        params.get("prompt").unwrap_or_default().split(' ').filter(|word| !word.is_empty()).collect();
    let prompts: BTreeSet<Prompt> = words
        .iter()
        .filter_map(|word| match *word {
            "none" => Some(Prompt::None),
            "login" => Some(Prompt::Login),
            "consent" => Some(Prompt::Consent),
            "select_account" => Some(Prompt::SelectAccount),
            _ => None,
        })
        .collect();
    if prompts.contains(&Prompt::None) && words.len() > 1 {
        return Err("prompt=none stands alone");
    }
    Ok(prompts)
}

fn max_age(client: &Client, params: &Params) -> Result<Option<i64>, &'static str> {
    match params.get("max_age") {
        None => Ok(client.default_max_age),
        Some(text) => match text.parse::<u32>() {
            Ok(seconds) => Ok(Some(i64::from(seconds))),
            Err(_) => Err("max_age is not a number of seconds"),
        },
    }
}

/// OpenID Connect Core §3.1.2.1, §5.5.1: the person that the client means. A hint may have expired.
fn subject(
    oidc: &Oidc,
    client: &Client,
    params: &Params,
    claims: &ClaimsRequest,
) -> Result<Option<String>, &'static str> {
    let Some(hint) = params.get("id_token_hint") else { return Ok(claims.sub.clone()) };
    let hinted = oidc
        .keys
        .current()
        .verify(hint, "JWT")
        .map_err(|_| "id_token_hint is not an ID token of this provider")?;
    if hinted["aud"] != client.id.as_str() || hinted["iss"] != *oidc.issuer {
        return Err("id_token_hint was issued to another client");
    }
    let sub = hinted["sub"].as_str().map(str::to_owned);
    if claims.sub.is_some() && claims.sub != sub {
        return Err("id_token_hint and claims name different persons");
    }
    Ok(sub)
}

/// OpenID Connect Core §5.5.1.1; D-a: what cannot be reached is said at once, never lowered in silence.
fn assurance(client: &Client, claims: &ClaimsRequest) -> Result<(), &'static str> {
    let minimum = client.minimum_acr.as_deref().map_or(Some(Acr::Password), Acr::parse);
    if minimum.is_none_or(|minimum| minimum > Acr::REACHABLE) {
        return Err("the client's minimum_acr cannot be met");
    }
    if client.lending && Acr::REACHABLE <= Acr::MobileId {
        return Err("a service in lending takes no Mobile-ID alone");
    }
    let essential = &claims.essential_acr;
    if !essential.is_empty() && !essential.iter().any(|acr| Acr::parse(acr) == Some(Acr::REACHABLE)) {
        return Err("none of the essential acr values can be met");
    }
    Ok(())
}
