//! Completion of a sign-in: the one place where pages meet protocols, one match arm each.

use std::sync::Arc;

use actix_web::HttpResponse;
use serde_json::value::RawValue;

use crate::clients::{Client, ClientId, DetailType};
use crate::first_party::{FirstParty, is_own};
use crate::oidc::{self, Ciba, Devices};
pub(super) use crate::oidc::{Became, Done, MuteForm};
use crate::oneid::OneId;
use crate::people::PersonId;
use crate::platform::bytes::Digest;
use crate::platform::db::Statement;
use crate::platform::ephemeral::Batch;
use crate::platform::service_error::ServiceError;
use crate::platform::web::page_context::PageContext;
use crate::platform::web::problem::ProblemKind;
use crate::release::Consent;
use crate::sign_in::{Authenticated, Protocol, Refusal, SignInAttempt};

/// Makes answers by whatever protocol asked. Cheap to clone.
#[derive(Clone)]
pub struct Completion {
    oidc: oidc::Authorization,
    oneid: OneId,
    devices: Devices,
    ciba: Ciba,
    first_party: FirstParty,
}

impl Completion {
    /// Completion by these protocols.
    pub fn new(
        oidc: oidc::Authorization,
        oneid: OneId,
        (devices, ciba): (Devices, Ciba),
        first_party: FirstParty,
    ) -> Self {
        Self { oidc, oneid, devices, ciba, first_party }
    }

    /// The client of this provider's own pages, which stands in no register, if `id` is its.
    pub(super) fn own_client(&self, id: &ClientId) -> Option<Arc<Client>> {
        is_own(id).then(|| Arc::clone(self.first_party.client()))
    }

    /// The answer about `authenticated`. What must be stored for it is added to the batch; the second value lets it be
    /// sent again.
    ///
    /// # Errors
    /// [`ServiceError`] when the request was stored by another version.
    pub(super) async fn answer_in(
        &self,
        context: &PageContext<'_>,
        (attempt, client): (&SignInAttempt, &Arc<Client>),
        authenticated: &Authenticated,
        consent: Option<Consent>,
        batch: &mut Batch<'_>,
    ) -> Result<(HttpResponse, Box<RawValue>), ServiceError> {
        match attempt.request.reply.protocol {
            Protocol::Oidc => {
                let (answer, stored) =
                    self.oidc.answer_in(&attempt.request, client, authenticated, consent, batch).await?;
                Ok((answer.send(context, Some(client)), stored))
            }
            Protocol::OneId => self.oneid.answer_in(&attempt.request, client, authenticated, consent, batch),
            Protocol::Device => {
                let asked = (&attempt.request, &**client);
                self.devices.answer_in(context, asked, authenticated, consent, batch)
            }
            Protocol::Ciba => Err(elsewhere()),
            Protocol::FirstParty => self.first_party.answer(&attempt.request),
        }
    }

    /// Why an attempt cannot be answered any more, whatever the person does, if its client lost what it was begun with: the
    /// kind of page, and words for the service's developers.
    pub(super) fn withdrawn(
        &self,
        attempt: &SignInAttempt,
        client: &Arc<Client>,
    ) -> Option<(ProblemKind, &'static str)> {
        if attempt.request.application.is_some()
            && !client.data.detail_types.contains(&DetailType::Application)
        {
            let technical =
                "the registration or the contract of the client does not allow applications any more";
            return Some((ProblemKind::BadRequest, technical));
        }
        match attempt.request.reply.protocol {
            Protocol::Oidc => self.oidc.withdrawn(&attempt.request, client),
            Protocol::OneId => self.oneid.withdrawn(&attempt.request, client),
            Protocol::Device | Protocol::FirstParty => None,
            Protocol::Ciba => {
                self.ciba.withdrawn(client).map(|technical| (ProblemKind::BadRequest, technical))
            }
        }
    }

    /// The identifier of the grant that an answer leads to, if it leads to one.
    pub(super) fn grant_of(&self, attempt: &SignInAttempt, answer: &RawValue) -> Option<String> {
        Some(match attempt.request.reply.protocol {
            Protocol::Oidc => self.oidc.grant_of(answer),
            Protocol::OneId => self.oneid.grant_of(answer),
            Protocol::Device => self.devices.grant_of(answer),
            Protocol::Ciba => self.ciba.grant_of(answer),
            Protocol::FirstParty => return None,
        })
    }

    /// The error that tells a service of a refusal.
    ///
    /// # Errors
    /// [`ServiceError`] when the request was stored by another version, or a store that must know is unavailable.
    pub(super) async fn refuse(
        &self,
        context: &PageContext<'_>,
        attempt: &SignInAttempt,
        client: &Arc<Client>,
        refusal: Refusal,
    ) -> Result<HttpResponse, ServiceError> {
        match attempt.request.reply.protocol {
            Protocol::Oidc => {
                let answer = self.oidc.refuse(&attempt.request, client, refusal).await?;
                Ok(answer.send(context, Some(client)))
            }
            Protocol::OneId => self.oneid.refuse(&attempt.request, client, refusal),
            Protocol::Device => self.devices.refuse(context, &attempt.request, client).await,
            Protocol::FirstParty => Ok(self.first_party.refuse()),
            Protocol::Ciba => Err(elsewhere()),
        }
    }

    /// An answer that was stored and may never have arrived; `None` when the service has used it.
    ///
    /// # Errors
    /// [`ServiceError`] when a store is unavailable.
    pub(super) async fn send_again(
        &self,
        context: &PageContext<'_>,
        attempt: &SignInAttempt,
        client: &Arc<Client>,
        answer: &RawValue,
    ) -> Result<Option<HttpResponse>, ServiceError> {
        match attempt.request.reply.protocol {
            Protocol::Oidc => {
                let answer = self.oidc.again(&attempt.request, client, answer).await?;
                Ok(answer.map(|answer| answer.send(context, Some(client))))
            }
            Protocol::OneId => self.oneid.again(&attempt.request, client, answer).await,
            Protocol::Device => self.devices.again(context, client, answer).await,
            Protocol::FirstParty => self.first_party.again(answer).map(Some),
            Protocol::Ciba => Err(elsewhere()),
        }
    }

    /// Notes together with the rest of a batch that the request is answered, where the protocol lets it be answered once: if
    /// it was answered elsewhere, nothing of the batch takes place. Where its person cancels it, the attempt is `cancelled`.
    ///
    /// # Errors
    /// [`ServiceError`] when the request was stored by another version.
    pub(super) fn spend_in(
        &self,
        attempt: &SignInAttempt,
        cancelled: Option<Digest>,
        batch: &mut Batch<'_>,
    ) -> Result<(), ServiceError> {
        match attempt.request.reply.protocol {
            Protocol::Oidc => self.oidc.spend_in(&attempt.request, cancelled, batch),
            Protocol::OneId | Protocol::Device | Protocol::FirstParty => Ok(()),
            Protocol::Ciba => Err(elsewhere()),
        }
    }

    /// Whether that its person cancelled this very attempt, of that identifier, was the answer to the request.
    ///
    /// # Errors
    /// [`ServiceError`] when a store is unavailable.
    pub(super) async fn is_cancelled(
        &self,
        attempt: &SignInAttempt,
        id: Digest,
    ) -> Result<bool, ServiceError> {
        match attempt.request.reply.protocol {
            Protocol::Oidc => self.oidc.is_cancelled(&attempt.request, id).await,
            Protocol::OneId | Protocol::Device | Protocol::Ciba | Protocol::FirstParty => Ok(false),
        }
    }

    /// Whether the request was answered elsewhere, in another browser or tab.
    ///
    /// # Errors
    /// [`ServiceError`] when a store is unavailable.
    pub(super) async fn is_spent(&self, attempt: &SignInAttempt) -> Result<bool, ServiceError> {
        match attempt.request.reply.protocol {
            Protocol::Oidc => self.oidc.is_spent(&attempt.request).await,
            Protocol::Device => self.devices.is_decided(&attempt.request).await,
            Protocol::OneId | Protocol::FirstParty => Ok(false),
            Protocol::Ciba => Err(elsewhere()),
        }
    }

    /// What a service wants the person to compare on the page of a request to approve, if it says anything.
    ///
    /// # Errors
    /// [`ServiceError`] when the request was stored by another version.
    pub(super) fn message(&self, attempt: &SignInAttempt) -> Result<Option<String>, ServiceError> {
        match attempt.request.reply.protocol {
            Protocol::Ciba => self.ciba.message(&attempt.request),
            Protocol::Oidc | Protocol::OneId | Protocol::Device | Protocol::FirstParty => Ok(None),
        }
    }

    /// Records that a request to approve was decided, once that is stored, and lets its service know; done before, it does nothing.
    ///
    /// # Errors
    /// [`ServiceError`] when the request was stored by another version.
    pub(super) async fn decided(
        &self,
        attempt: &SignInAttempt,
        client: &Arc<Client>,
        decided: (Option<&PersonId>, bool),
    ) -> Result<(), ServiceError> {
        match attempt.request.reply.protocol {
            Protocol::Ciba => self.ciba.decided(&attempt.request, client, decided).await,
            Protocol::Oidc | Protocol::OneId | Protocol::Device | Protocol::FirstParty => Ok(()),
        }
    }

    /// Decides that a request is approved, together with `then`, all or nothing. What names the answer in the attempt; `None` when
    /// something was decided before.
    ///
    /// # Errors
    /// [`ServiceError`] when the database is unavailable, and then approving again is safe; or when the request was stored by another
    /// version.
    pub(super) async fn approve(
        &self,
        (attempt, client): (&SignInAttempt, &Arc<Client>),
        authenticated: &Authenticated,
        consent: Option<Consent>,
        then: Vec<Statement>,
    ) -> Result<Option<Box<RawValue>>, ServiceError> {
        self.ciba.approve((&attempt.request, client), authenticated, consent, then).await
    }

    /// Decides that a request is refused; `false` when something was decided before.
    ///
    /// # Errors
    /// As for [`Completion::approve`].
    pub(super) async fn deny(
        &self,
        attempt: &SignInAttempt,
        client: &Arc<Client>,
    ) -> Result<bool, ServiceError> {
        self.ciba.deny(&attempt.request, client).await
    }

    /// What became of a request to approve.
    ///
    /// # Errors
    /// [`ServiceError`] when the database is unavailable, or the request was stored by another version.
    pub(super) async fn became(
        &self,
        attempt: &SignInAttempt,
        client: &Arc<Client>,
    ) -> Result<Became, ServiceError> {
        self.ciba.became(&attempt.request, client).await
    }

    /// The page of what became of a request to approve.
    pub(super) fn done(
        &self,
        context: &PageContext<'_>,
        client: &Client,
        done: Done,
        form: Option<MuteForm<'_>>,
    ) -> HttpResponse {
        self.ciba.done(context, client, done, form)
    }

    /// Mutes a service for a person, and says so.
    ///
    /// # Errors
    /// [`ServiceError`] when a store is unavailable.
    pub(super) async fn mute(
        &self,
        context: &PageContext<'_>,
        client: &Client,
        person: &PersonId,
    ) -> Result<HttpResponse, ServiceError> {
        self.ciba.mute(context, client, person).await
    }
}

/// A request to approve has a page of its own (`approval.rs`), and none of the pages of a sign-in is ever due for it.
fn elsewhere() -> ServiceError {
    ServiceError::Internal("a page of a sign-in for a request to approve".to_owned())
}
