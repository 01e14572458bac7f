//! Telling people of wrong codes that strangers entered for their number: in their cabinet and by SMS, at most once a day.
//!
//! It is done in background, every few seconds, so that the answer to a wrong code does not depend on it.

use super::{ServiceError, SignIn};
use crate::notices::inbox::{NewNotice, NoticeKind, SmsFailure};
use crate::notices::sms::text::warning_text;
use crate::notices::{OutboundMessage, Series, Submitted};
use crate::platform::ephemeral::{Applied, Batch};

/// How many people are told at a time.
const MOST: i64 = 100;

/// Seconds after which the message is not worth sending any more.
const SECONDS: i64 = 3600;

impl SignIn {
    /// Tells those who are to be told; returns how many.
    ///
    /// # Errors
    /// [`ServiceError`] when a store is unavailable; who was claimed and not told is not told that day.
    pub async fn tell_holders(&self) -> Result<u64, ServiceError> {
        let now = self.clock.now();
        let mut told = 0;
        for person in self.people.to_be_told(now, MOST).await? {
            // Of several nodes one tells them, and rather none than two.
            if !self.people.claim_notice(&person, now).await? {
                continue;
            }
            let Some(account) = self.people.find(&person).await? else { continue };
            let Some(phone) = &account.phone else { continue };
            let (notice, index) = (NewNotice::new(NoticeKind::WrongCodes), self.people.number_index(phone));
            let message = self.outbox.prepare(OutboundMessage {
                id: notice.id.as_str(),
                to: Some(phone),
                number_index: &index,
                series: Series::Notices,
                client_id: "",
                address: "",
                text: warning_text(&self.settings.host),
                ttl: SECONDS,
                daily_cap: 1,
            })?;
            let mut batch = Batch::new(&self.ephemeral);
            message.announce_in(&mut batch);
            // The SMS that goes to everybody is that of the notice: whoever wants one of such notices gets no second.
            self.inbox.commit_sent(&person, &notice).await?;
            if self.ephemeral.apply(batch).await? != Applied::Done {
                self.inbox.not_sent(&notice.id, SmsFailure::NotDelivered).await?;
                continue;
            }
            if self.outbox.store(message).await? == Submitted::CapReached {
                self.inbox.not_sent(&notice.id, SmsFailure::DailyLimit).await?;
                continue;
            }
            self.metrics.sign_ins("notice", "sent").inc();
            told += 1;
        }
        Ok(told)
    }
}
