//! An access token as a request presents it (RFC 6750 §2.1, RFC 9449 §7.1), whether whoever presents it may use it, and what
//! they are told who may not.

use actix_web::http::StatusCode;
use actix_web::http::header::{AUTHORIZATION, HeaderValue, WWW_AUTHENTICATE};
use actix_web::{HttpRequest, HttpResponse};

use super::Provider;
use super::access_token::AccessToken;
use super::dpop;
use super::error::{ErrorCode, TokenError};
use crate::grants::Confirmation;
use crate::platform::jose::foreign::ForeignAlg;

/// The scheme by which a token is presented.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Scheme {
    Bearer,
    Dpop,
}

/// The token in the header, if there is one.
///
/// # Errors
/// `invalid_request` when the header is repeated (RFC 6750 §3.1).
pub(super) fn in_header(request: &HttpRequest) -> Result<Option<(Scheme, String)>, TokenError> {
    let mut headers = request.headers().get_all(AUTHORIZATION);
    match (headers.next(), headers.next()) {
        (Some(_), Some(_)) => {
            Err(TokenError::new(ErrorCode::InvalidRequest, "the Authorization header is repeated"))
        }
        (header, _) => Ok(header.and_then(|header| header.to_str().ok()).and_then(token)),
    }
}

fn token(header: &str) -> Option<(Scheme, String)> {
    let (scheme, token) = header.split_once(' ')?;
    let scheme = match scheme {
        scheme if scheme.eq_ignore_ascii_case("bearer") => Scheme::Bearer,
        scheme if scheme.eq_ignore_ascii_case("dpop") => Scheme::Dpop,
        _ => return None,
    };
    Some((scheme, token.trim().to_owned()))
}

/// Makes sure that whoever presents `token`, whose text is `text`, has what it is bound to.
///
/// # Errors
/// `invalid_token`; `invalid_dpop_proof` and `use_dpop_nonce` (RFC 9449 §7.1, §9).
pub(super) async fn proven(
    provider: &Provider,
    request: &HttpRequest,
    (scheme, text): (Scheme, &str),
    token: &AccessToken,
) -> Result<(), TokenError> {
    let invalid = |words| Err(TokenError::new(ErrorCode::InvalidToken, words));
    match (token.bound_to, scheme) {
        (None, Scheme::Bearer) => Ok(()),
        (None, Scheme::Dpop) => invalid("the access token is bound to no key: use the scheme Bearer"),
        (Some(Confirmation::Certificate(_)), Scheme::Dpop) => {
            invalid("the access token is bound to a certificate: use the scheme Bearer")
        }
        (Some(Confirmation::Certificate(digest)), Scheme::Bearer) => {
            let shown = provider.certificates.of(request);
            if shown.is_some_and(|shown| shown.digest() == digest) {
                return Ok(());
            }
            invalid(
                "the access token is bound to a client certificate: show it, at the mtls_endpoint_aliases",
            )
        }
        (Some(Confirmation::Key(_)), Scheme::Bearer) => {
            invalid("the access token is bound to a key: use the scheme DPoP, with a proof")
        }
        (Some(Confirmation::Key(key)), Scheme::Dpop) => {
            let client = provider.clients.find(&token.client_id);
            let nonce_required = client.is_some_and(|client| client.tokens.dpop_require_nonce);
            if provider.proofs.of_token(request, text, nonce_required).await? == key {
                return Ok(());
            }
            invalid("the DPoP proof is not of the key that the access token is bound to")
        }
    }
}

/// RFC 6750 §3, RFC 9449 §7.1: the error stands in the header of the scheme that was used; the other one is named as well.
pub(super) fn challenge(scheme: Scheme, error: &TokenError) -> HttpResponse {
    let mut response = error.answer();
    if response.status() == StatusCode::BAD_REQUEST && error.code != ErrorCode::InvalidRequest {
        *response.status_mut() = StatusCode::UNAUTHORIZED;
    }
    let detail = format!(", error=\"{}\", error_description=\"{}\"", error.code.name(), error.description);
    add(&mut response, scheme, &detail);
    if response.status() == StatusCode::UNAUTHORIZED {
        let other = if scheme == Scheme::Bearer { Scheme::Dpop } else { Scheme::Bearer };
        add(&mut response, other, "");
    }
    response
}

/// RFC 6750 §3.1: a request without a token gets no error code.
pub(super) fn wanted() -> HttpResponse {
    let mut response = HttpResponse::Unauthorized().finish();
    add(&mut response, Scheme::Bearer, "");
    add(&mut response, Scheme::Dpop, "");
    response
}

fn add(response: &mut HttpResponse, scheme: Scheme, detail: &str) {
    let value = match scheme {
        Scheme::Bearer => format!("Bearer realm=\"yagona\"{detail}"),
        Scheme::Dpop => {
            let algs = dpop::ALGS.map(ForeignAlg::name).join(" ");
            format!("DPoP realm=\"yagona\", algs=\"{algs}\"{detail}")
        }
    };
    if let Ok(value) = HeaderValue::from_str(&value) {
        response.headers_mut().append(WWW_AUTHENTICATE, value);
    }
}
