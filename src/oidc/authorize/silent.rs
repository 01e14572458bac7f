//! `prompt=none`: an answer without asking anybody, or the error that says why there is none (OpenID Connect Core
//! §3.1.2.6).

use actix_web::HttpResponse;

use super::{Authorization, AuthorizationRequest};
use crate::audit::{Event, Kind};
use crate::clients::Basis;
use crate::oidc::error::{ErrorCode, OAuthError};
use crate::people::CivilDate;
use crate::platform::ephemeral::{Applied, Batch};
use crate::platform::service_error::ServiceError;
use crate::platform::web::page_context::PageContext;
use crate::release::{Decision, decide, release_notices};
use crate::sign_in::{OpenSession, Reason, SignInRequest, Situation, known};

/// How often an answer is made anew when another request used the session in the same moment.
const TRIES: usize = 4;

/// The error for each reason to ask the person again.
const fn error_of(reason: Reason) -> OAuthError {
    let description = match reason {
        Reason::NoSession => "no session in this browser",
        Reason::ClientBounds => "the session is older or was idle for longer than this client accepts",
        Reason::Requested => "a new sign-in was requested",
        Reason::MaxAge => "the authentication is older than max_age",
        Reason::OtherPerson => "the session belongs to another person than expected",
        Reason::Acr => "the session's acr is not accepted",
    };
    OAuthError { code: ErrorCode::LoginRequired, description }
}

/// Answers without a page.
pub(super) async fn answer(
    endpoint: &Authorization,
    context: &PageContext<'_>,
    request: &AuthorizationRequest,
    mut session: Option<OpenSession>,
) -> Result<HttpResponse, ServiceError> {
    let neutral = request.neutral()?;
    let client = request.redirect.client();
    for _ in 0..TRIES {
        let error = match session {
            None => error_of(Reason::NoSession),
            Some(open) => match try_once(endpoint, context, (request, &neutral), &open).await? {
                Ok(Some(response)) => return Ok(response),
                // Another request has used the session in the meantime.
                Ok(None) => {
                    session = endpoint.sign_in.sessions.find(open.digest).await?;
                    continue;
                }
                Err(error) => error,
            },
        };
        // An answer that was given meanwhile is the only one.
        if let Some(pushed) = request.pushed
            && !endpoint.pushed.spend(pushed).await?
        {
            return Ok(super::gone(endpoint, context, client));
        }
        let refused = Event::new(Kind::AuthorizationRefused).client(client.id.as_str());
        endpoint.provider.audit.record(refused.error(error.code.name()).reason(error.description));
        let error = super::ClientError { redirect: request.redirect.clone(), error };
        return Ok(endpoint.error(&error).await?.send(context, Some(client)));
    }
    Err(ServiceError::Unavailable("the session changes too often".to_owned()))
}

/// The answer when the provider fails: nobody looks at a page (RFC 6749 §4.1.2.1).
pub(super) async fn failure(
    endpoint: &Authorization,
    context: &PageContext<'_>,
    request: &AuthorizationRequest,
    fault: &ServiceError,
) -> HttpResponse {
    let (code, description) = match fault {
        ServiceError::Unavailable(_) => (ErrorCode::TemporarilyUnavailable, "try again in a moment"),
        ServiceError::Internal(_) => (ErrorCode::ServerError, "the provider failed"),
    };
    let client = request.redirect.client();
    tracing::error!(
        event = "oidc.fault",
        oidc.endpoint = "authorize",
        oidc.error = code.name(),
        client.id = client.id.as_str(),
        error = %fault,
        "{description}"
    );
    let error =
        super::ClientError { redirect: request.redirect.clone(), error: OAuthError { code, description } };
    let answer = endpoint.error(&error).await;
    context.or_failure(answer.map(|answer| answer.send(context, Some(client))))
}

/// The answer, or the page where the request was answered meanwhile; nothing when the session was changed meanwhile, an error when the person must be asked.
async fn try_once(
    endpoint: &Authorization,
    context: &PageContext<'_>,
    (request, neutral): (&AuthorizationRequest, &SignInRequest),
    open: &OpenSession,
) -> Result<Result<Option<HttpResponse>, OAuthError>, ServiceError> {
    let client = request.redirect.client();
    let now = endpoint.provider.clock.now();
    let situation = Situation {
        request: neutral,
        client,
        session: &open.session,
        bounds: endpoint.sign_in.sessions.bounds,
        subject_ids: &endpoint.provider.subject_ids,
        now,
    };
    if let Err(reason) = known(&situation) {
        return Ok(Err(error_of(reason)));
    }
    let Some(person) = endpoint.release.consent_context(&open.session.person_id, client).await? else {
        return Ok(Err(error_of(Reason::NoSession)));
    };
    let person = person.acting_for(open.session.organisation.as_deref(), now);
    if !open.is_of(&person.account.account_state) {
        return Ok(Err(error_of(Reason::NoSession)));
    }
    if let Some(why) = client.unsuited(&person.account, CivilDate::of(now)) {
        return Ok(Err(OAuthError { code: ErrorCode::AccessDenied, description: why.description() }));
    }
    if neutral.application.is_some() {
        let description = "an application is confirmed by a code on a page: leave prompt=none away";
        return Ok(Err(OAuthError { code: ErrorCode::InteractionRequired, description }));
    }
    let asked = neutral.data.available(&person.account);
    let told;
    let consent = match decide(client, &asked, person.consent.as_ref(), neutral.ask_again.consent, now) {
        Decision::Covered(consent) => {
            told = release_notices(client, &consent.extent);
            Some(consent)
        }
        Decision::Ask => {
            let description = "the person has not consented";
            return Ok(Err(OAuthError { code: ErrorCode::ConsentRequired, description }));
        }
        // What a law gives needs no consent, but a page that tells the person.
        Decision::Statutory(_) => {
            let description = "the person was not told of this release yet";
            return Ok(Err(OAuthError { code: ErrorCode::InteractionRequired, description }));
        }
        Decision::Meet => {
            let code = match client.data.basis {
                Basis::Consent => ErrorCode::ConsentRequired,
                Basis::Statutory => ErrorCode::InteractionRequired,
            };
            return Ok(Err(OAuthError { code, description: "the person has never gone on to this service" }));
        }
    };
    let mut batch = Batch::new(&endpoint.sign_in.ephemeral);
    let (answer, stored) =
        endpoint.answer_in(neutral, client, &open.authenticated(&neutral.acr), consent, &mut batch).await?;
    endpoint.sign_in.sessions.use_in(&mut batch, open, &client.id);
    let done = endpoint.sign_in.ephemeral.apply(batch).await? == Applied::Done;
    if done {
        for notice in told {
            endpoint.sign_in.inbox.post(&open.session.person_id, notice);
        }
        let person = open.authenticated(&neutral.acr);
        let event = person.describe(Event::new(Kind::SignInCompleted), &client.id);
        endpoint.provider.audit.record(event.grant(endpoint.grant_of(&stored)).reason("silent"));
    }
    if let Some(pushed) = request.pushed
        && !done
        && endpoint.pushed.is_spent(pushed).await?
    {
        return Ok(Ok(Some(super::gone(endpoint, context, client))));
    }
    Ok(Ok(done.then(|| answer.send(context, Some(client)))))
}
