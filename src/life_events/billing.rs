//! Unified billing: invoices are made known to it, and what it says of them is asked back before anything is believed (R15).
//!
//! `POST /billing/notices` is a hint: whoever sends it can make this provider ask billing about an invoice that waits, and nothing else.
//! What a lost notice would have said is learnt by upkeep.

use actix_web::HttpResponse;
use actix_web::web::{Bytes, Data, ServiceConfig, post, resource};
use futures_util::{StreamExt as _, stream};

use super::enrolment::{Enrolments, Settled};
use crate::mobile_id::{ActError, Event, Identification, Invoice, Payment, PaymentOutcome, Queue, State};
use crate::platform::db::DbError;
use crate::platform::ephemeral::EphemeralKey;
use crate::platform::telemetry::Metrics;
use crate::registries::billing::{self, InvoiceNumber, InvoiceState};
use crate::registries::{Asker, ErrorKind, RegistryError, Why};
use crate::staff::PlaceId;

/// Where billing says that something was paid.
pub const NOTICES: &str = "/billing/notices";

/// Questions to billing that notices about one invoice cause in a minute.
const QUESTIONS: u64 = 20;

/// Applications that upkeep reads at a time.
pub const PAGE: i64 = 200;

/// Questions to billing that upkeep has under way at a time.
const AT_ONCE: usize = 4;

/// For how long an invoice may still be on its way to billing after a process has ended, in seconds: longer than any call is tried.
const ON_ITS_WAY: i64 = 600;

/// Adds the endpoint for notices.
pub fn routes(config: &mut ServiceConfig, metrics: &Metrics) {
    config.service(resource(NOTICES).app_data(metrics.route("billing_notices")).route(post().to(noticed)));
}

/// A notice: always the same answer for what was understood, so that nobody learns which invoices there are; 503 where billing
/// should send it again.
async fn noticed(enrolments: Data<Enrolments>, body: Bytes) -> HttpResponse {
    let Some(number) = billing::notice(&body) else {
        let what = "a notice is a JSON object with the number of an invoice: number";
        return HttpResponse::BadRequest().json(serde_json::json!({ "error": what }));
    };
    match enrolments.noticed(&number).await {
        Ok(()) => HttpResponse::NoContent().finish(),
        Err(error) => {
            tracing::warn!(event = "billing.unasked", %error, "a notice was not followed; upkeep asks again");
            HttpResponse::ServiceUnavailable().finish()
        }
    }
}

/// Why billing gave no answer that decides.
#[derive(Debug, thiserror::Error)]
pub enum BillingError {
    /// Billing did not answer.
    #[error(transparent)]
    Billing(#[from] RegistryError),
    /// The application was not changed.
    #[error(transparent)]
    Act(#[from] ActError),
}

impl Enrolments {
    /// Follows a notice: asks billing about an invoice that waits. Of any other nothing is asked.
    async fn noticed(&self, number: &InvoiceNumber) -> Result<(), BillingError> {
        let found = self.identifications.by_invoice(number.as_str()).await.map_err(ActError::from)?;
        let Some(application) = found.filter(|application| !matches!(application.state, State::Enrolled))
        else {
            return Ok(());
        };
        let key = EphemeralKey::of(crate::mobile_id::PRECHECKS, &format!("notices {}", number.as_str()));
        if self.ephemeral.count(key, 60).await.map_err(ActError::from)? > QUESTIONS {
            return Ok(());
        }
        self.ask(&application).await.map(|_| ())
    }

    /// Asks billing about the invoice of an application, and applies what it says.
    ///
    /// # Errors
    /// [`BillingError`].
    pub async fn ask(&self, application: &Identification) -> Result<Settled, BillingError> {
        let Some(number) = number_of(application) else { return Ok(Settled::Unknown) };
        let said = self.billing.state_of(&number, &Asker::provider(Why::Identification)).await?;
        self.said(application, said).await
    }

    async fn said(&self, application: &Identification, said: InvoiceState) -> Result<Settled, BillingError> {
        let payment = match (said, &application.invoice) {
            (InvoiceState::Paid(payment), Some(invoice)) => Payment {
                reference: payment.reference,
                invoice: invoice.number.clone(),
                // Billing counts in whole tiyin as well; what does not fit is another sum than any invoice's.
                tiyin: i64::try_from(payment.amount).unwrap_or(i64::MAX),
                paid_at: payment.paid_at,
            },
            (InvoiceState::Unknown, _) => return Ok(Settled::Unknown),
            _ => return Ok(Settled::Unpaid),
        };
        Ok(self.paid(&payment).await?)
    }

    /// Makes an invoice known to billing, beside the page that shows it. What fails is tried again by upkeep.
    pub(super) fn register(&self, application: &Identification) {
        let (own, application) = (self.clone(), application.clone());
        tokio::spawn(async move {
            if let Err(error) = own.make_known(&application).await {
                tracing::warn!(event = "billing.unregistered", %error, "an invoice is not known to billing yet");
            }
        });
    }

    async fn make_known(&self, application: &Identification) -> Result<(), BillingError> {
        let (Some(invoice), Some(number)) = (&application.invoice, number_of(application)) else {
            return Ok(());
        };
        let known = known(application, invoice, number, &self.notice_url);
        self.billing.open_invoice(&known, &Asker::provider(Why::Identification)).await?;
        self.identifications.registered(&application.id).await.map_err(ActError::from)?;
        Ok(())
    }

    /// As [`Enrolments::settle`], if it is this node's turn: one node does it for all.
    ///
    /// # Errors
    /// As for [`Enrolments::settle`].
    pub async fn settle_in_turn(&self) -> Result<u64, BillingError> {
        let turn = async || self.lease.is_held(self.life_events.clock.now_ms()).await;
        if turn().await.map_err(ActError::from)? { self.settle_while(PAGE, turn).await } else { Ok(0) }
    }

    /// What time does to applications: invoices that billing does not know yet are made known, payments whose notice was lost are
    /// applied, those that nobody paid in time are refused on 18(2) (R46, D-f), invoices of those that were withdrawn are taken back, and
    /// those that nobody went on with are withdrawn (D-o). All of them, `page` at a time. Returns how many ended. What fails for one
    /// keeps no other from its end.
    ///
    /// # Errors
    /// The first [`BillingError`]; the rest is done all the same, and the failed one is tried again by the next call.
    pub async fn settle(&self, page: i64) -> Result<u64, BillingError> {
        self.settle_while(page, async || Ok(true)).await
    }

    async fn settle_while(
        &self,
        page: i64,
        goes_on: impl AsyncFn() -> Result<bool, DbError>,
    ) -> Result<u64, BillingError> {
        let (mut ended, mut failed) = (0, None);
        for queue in Queue::ALL {
            let mut after = None;
            loop {
                let some = self.identifications.waiting(queue, after.as_ref(), page).await;
                let some = some.map_err(ActError::from)?;
                let Some(last) = some.last() else { break };
                after = Some(last.clone());
                let settling = some.into_iter().map(|application| self.settle_one(queue, application));
                let mut settling = stream::iter(settling).buffer_unordered(AT_ONCE);
                while let Some(done) = settling.next().await {
                    match done {
                        Ok(done) => ended += u64::from(done),
                        Err(error) => failed = failed.or(Some(error)),
                    }
                    if !goes_on().await.map_err(ActError::from)? {
                        return failed.map_or(Ok(ended), Err);
                    }
                }
            }
        }
        failed.map_or(Ok(ended), Err)
    }

    async fn settle_one(&self, queue: Queue, application: Identification) -> Result<bool, BillingError> {
        match queue {
            Queue::Unpaid => self.settle_unpaid(application).await,
            Queue::TakingBack => self.take_back(&application).await.map(|()| false),
            Queue::Abandoned => Ok(self.lapsed(application, Event::Withdrawn).await?),
        }
    }

    /// Takes the invoice of a withdrawn application back, beside the page that says so. What fails is tried again by upkeep.
    pub(super) fn begin_to_take_back(&self, application: &Identification) {
        let (own, application) = (self.clone(), application.clone());
        tokio::spawn(async move {
            if let Err(error) = own.take_back(&application).await {
                tracing::warn!(event = "billing.not_taken_back", %error, "the invoice of a withdrawn application is not taken back yet");
            }
        });
    }

    /// Takes the invoice of a withdrawn application back at billing. What was paid before that is kept, and an operator gives it back.
    async fn take_back(&self, application: &Identification) -> Result<(), BillingError> {
        let Some(number) = number_of(application) else { return Ok(()) };
        let over = match self.billing.cancel(&number, &Asker::provider(Why::Identification)).await {
            Ok(paid @ InvoiceState::Paid(_)) => {
                self.said(application, paid).await?;
                true
            }
            // Where no billing is connected, nobody can pay.
            Ok(InvoiceState::Cancelled) | Err(RegistryError { kind: ErrorKind::NotConnected, .. }) => true,
            Ok(InvoiceState::Open) => false,
            // It may have been sent just before, and come after this question.
            Ok(InvoiceState::Unknown) | Err(RegistryError { kind: ErrorKind::NotFound, .. }) => {
                self.life_events.clock.now().since(application.updated_at) >= ON_ITS_WAY
            }
            Err(error) => return Err(error.into()),
        };
        if over {
            self.identifications.invoice_ended(&application.id).await.map_err(ActError::from)?;
        }
        Ok(())
    }

    async fn settle_unpaid(&self, application: Identification) -> Result<bool, BillingError> {
        let Some(invoice) = &application.invoice else { return Ok(false) };
        let over = invoice.until <= self.life_events.clock.now();
        if !over {
            return match self.ask(&application).await? {
                Settled::Unknown => self.make_known(&application).await.map(|()| false),
                // Whoever made it known may have ended before it said so.
                Settled::Unpaid => {
                    self.identifications.registered(&application.id).await.map_err(ActError::from)?;
                    Ok(false)
                }
                settled => Ok(matches!(settled, Settled::Enrolled(_))),
            };
        }
        // Billing takes it back first: what was paid in the last moment counts, and nothing can be paid for what is refused.
        let Some(number) = number_of(&application) else { return Ok(false) };
        match self.billing.cancel(&number, &Asker::provider(Why::Identification)).await {
            Ok(paid @ InvoiceState::Paid(_)) => match self.said(&application, paid).await? {
                // It was paid: who does not agree to what changed since does not go on (D-o).
                Settled::NotApplied(PaymentOutcome::Unagreed) => {
                    return Ok(self.lapsed(application, Event::Withdrawn).await?);
                }
                Settled::NotApplied(_) => {}
                done => return Ok(matches!(done, Settled::Enrolled(_))),
            },
            Ok(InvoiceState::Open) => return Ok(false),
            // Where no billing is connected, nobody can have paid.
            Ok(InvoiceState::Unknown | InvoiceState::Cancelled)
            | Err(RegistryError { kind: ErrorKind::NotConnected | ErrorKind::NotFound, .. }) => {}
            Err(error) => return Err(error.into()),
        }
        Ok(self.lapsed(application, Event::Unpaid).await?)
    }

    async fn lapsed(&self, application: Identification, event: Event) -> Result<bool, ActError> {
        match self.identifications.step(application, event, Vec::new()).await {
            Ok(_) => Ok(true),
            // Somebody went on with it after all.
            Err(ActError::Overtaken) => Ok(false),
            Err(error) => Err(error),
        }
    }
}

fn number_of(application: &Identification) -> Option<InvoiceNumber> {
    application.invoice.as_ref().and_then(|invoice| InvoiceNumber::parse(&invoice.number))
}

/// An invoice as billing gets it. What stays with a notary office goes to that office's account.
fn known(
    application: &Identification,
    invoice: &Invoice,
    number: InvoiceNumber,
    notice_url: &str,
) -> billing::Invoice {
    let sum = |tiyin: i64| u64::try_from(tiyin).unwrap_or_default();
    let place = application.door.place().map(PlaceId::as_str).unwrap_or_default();
    let account = |name: &str| match name {
        "notary_office" => format!("{name}/{place}"),
        other => other.to_owned(),
    };
    let share = |share: &crate::mobile_id::Share| billing::Share {
        account: account(share.to.name()),
        amount: sum(share.tiyin),
    };
    billing::Invoice {
        number,
        amount: sum(invoice.fee.tiyin),
        payer: application.form.pinfl.clone(),
        purpose: format!("Mobile-ID {}", application.reference),
        due: invoice.until,
        shares: invoice.fee.shares.iter().map(share).collect(),
        notice_url: notice_url.to_owned(),
    }
}
