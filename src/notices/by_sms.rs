//! SMS about notices, for those who want them (R73): taken from the cabinets when they are due, and put into the outbox.
//!
//! Codes and requests come first (D-k): a node hands over few in a second, and none while its gateways are slow or busy, so that
//! what waits in the outbox is theirs; and these count in no cap that a code is held to.

use std::sync::Arc;
use std::time::Duration;

use super::charges::Charges;
use super::inbox::sms::{self as progress, Due};
use super::inbox::{NoticeKind, SmsFailure};
use super::outbox::{OutboundMessage, Outbox, Submitted};
use super::settings::QuietHours;
use super::sms::text::{Topic, notice_text};
use super::store::Series;
use super::wishes::SmsWishes;
use crate::people::People;
use crate::platform::clock::Clock;
use crate::platform::db::Db;
use crate::platform::ephemeral::{Applied, Batch, Ephemeral};
use crate::platform::service_error::ServiceError;
use crate::platform::telemetry::{self, Metrics};

/// How often a node looks for SMS that are due.
const LOOK: Duration = Duration::from_secs(1);

/// How many a node hands over at a look.
const MOST: i64 = 25;

/// How long a node has those that it took, in milliseconds. What a killed node had is taken again after that.
const TAKEN_MS: i64 = 60_000;

/// How long gateways are tried, in seconds.
const SECONDS: i64 = 3600;

/// Sends SMS about notices. Cheap to clone.
#[derive(Clone)]
pub struct NoticeSms {
    db: Db,
    clock: Clock,
    ephemeral: Ephemeral,
    people: People,
    outbox: Outbox,
    wishes: SmsWishes,
    charges: Charges,
    metrics: Arc<Metrics>,
    /// The address of the cabinet, with its scheme.
    address: Arc<str>,
    /// How many a number gets in a day; of those that warn of somebody else at work, as many again.
    per_day: i64,
    /// When none is handed over.
    quiet: QuietHours,
}

impl NoticeSms {
    /// Through `outbox`; `address` is the cabinet's, and `per_day` how many one number gets.
    pub fn new(
        (db, clock, ephemeral): (Db, Clock, Ephemeral),
        people: People,
        (outbox, metrics): (Outbox, Arc<Metrics>),
        charges: Charges,
        (address, per_day, quiet): (&str, u32, QuietHours),
    ) -> Self {
        let wishes = SmsWishes::new(db.clone(), clock.clone());
        let (address, per_day) = (Arc::from(address), per_day.into());
        Self { db, clock, ephemeral, people, outbox, wishes, charges, metrics, address, per_day, quiet }
    }

    /// Hands over what is due until the process ends.
    pub async fn run(self) {
        let cause = self.metrics.route("notices");
        loop {
            tokio::time::sleep(LOOK).await;
            if self.clock.is_doubted() || self.outbox.is_busy() {
                continue;
            }
            if let Err(error) = telemetry::on_account_of(&cause, self.hand_over()).await {
                tracing::warn!(event = "notices.sms_stalled", %error, "SMS about notices wait: a store is unavailable");
            }
        }
    }

    /// Hands over what is due, some of it; returns how many were looked at.
    ///
    /// # Errors
    /// [`ServiceError`] when a store is unavailable; what was taken is taken again a minute later.
    async fn hand_over(&self) -> Result<usize, ServiceError> {
        let now_ms = self.clock.now_ms();
        // What was due before, and waited for its turn, waits on.
        if self.quiet.after_ms(now_ms) > now_ms {
            return Ok(0);
        }
        if !progress::is_any_due(&self.db, now_ms).await? {
            return Ok(0);
        }
        let due = progress::take(&self.db, now_ms, now_ms + TAKEN_MS, MOST).await?;
        let looked_at = due.len();
        let mut failed = None;
        for due in due {
            // One that cannot be sent keeps nobody else's back.
            if let Err(error) = self.send(&due).await {
                tracing::warn!(event = "notices.sms_unsent", sms.id = due.id.as_str(), %error, "an SMS about a notice waits");
                failed = Some(error);
            }
        }
        failed.map_or(Ok(looked_at), Err)
    }

    async fn send(&self, due: &Due) -> Result<(), ServiceError> {
        let Some(language) = self.wishes.language_for(&due.person, &due.kind).await? else {
            return Ok(progress::unwanted(&self.db, &due.id).await?);
        };
        let fail = async |why| progress::failed(&self.db, &due.id, why).await;
        let account = self.people.find(&due.person).await?;
        let Some(phone) = account.as_ref().and_then(|account| account.phone.as_ref()) else {
            return Ok(fail(SmsFailure::NoNumber).await?);
        };
        let index = self.people.number_index(phone);
        if self.charges.is_suspended(&index).await? {
            self.metrics.sms_sends("", "suspended").inc();
            return Ok(fail(SmsFailure::Suspended).await?);
        }
        // Whoever had it before may have stored it and not said so.
        if self.outbox.is_stored(&index, due.id.as_str()).await? {
            return Ok(progress::queued(&self.db, &due.id).await?);
        }
        let kind = NoticeKind::parse(&due.kind);
        let topic = kind.map_or(Topic::Other, NoticeKind::topic);
        let series =
            if kind.is_some_and(NoticeKind::is_security) { Series::Security } else { Series::Cabinet };
        let message = self.outbox.prepare(OutboundMessage {
            id: due.id.as_str(),
            to: Some(phone),
            number_index: &index,
            series,
            client_id: "",
            address: "",
            text: notice_text(language.tag(), topic, &self.address),
            ttl: SECONDS,
            daily_cap: self.per_day,
        })?;
        let mut batch = Batch::new(&self.ephemeral);
        message.announce_in(&mut batch);
        if self.ephemeral.apply(batch).await? != Applied::Done {
            return Ok(());
        }
        match self.outbox.store(message).await? {
            Submitted::Stored => Ok(progress::queued(&self.db, &due.id).await?),
            Submitted::CapReached => Ok(fail(SmsFailure::DailyLimit).await?),
        }
    }
}
