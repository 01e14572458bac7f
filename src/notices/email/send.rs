//! Sending in the background: each mail is taken by one node, tried, and ended or left for later. A mail that a killed node had is taken
//! again; its `Message-ID` stays, so that a mailbox shows it once.

use std::sync::Arc;
use std::time::Duration;

use futures_util::future::join_all;

use super::store::{Emails, End, Taken, What};
use super::transport::{Mail, Transport, TransportError};
use super::words::{self, Words};
use super::{CONFIRM, EmailAddress};
use crate::notices::inbox::{Inbox, Names, NoticeId};
use crate::people::People;
use crate::platform::clock::Timestamp;
use crate::platform::db::DbError;
use crate::platform::telemetry::{self, Metrics};
use crate::platform::web::locale::Language;
use crate::platform::web::text::Text;

/// How often a node looks for mails that are due.
const LOOK: Duration = Duration::from_millis(500);

/// How many are under way at once: each has a connection of its own.
const MOST: i64 = 8;

/// How long a node has those that it took, in seconds: longer than the slowest exchange.
const TAKEN: i64 = 180;

/// The first pause after a failed try, in seconds. Each further one is twice as long.
const FIRST_PAUSE: i64 = 60;

/// The longest pause, in seconds.
const LONGEST_PAUSE: i64 = 3600;

/// The name of a service in a language, which only higher floors know.
pub type ServiceName = Arc<dyn Fn(&str, Language) -> Option<String> + Send + Sync>;

/// Sends what waits. Cheap to clone.
#[derive(Clone)]
pub struct Mailer {
    emails: Emails,
    inbox: Inbox,
    people: People,
    transport: Transport,
    metrics: Arc<Metrics>,
    service: ServiceName,
    /// This provider's origin.
    pages: Arc<str>,
    /// The same as people read it.
    address: Arc<str>,
}

impl Mailer {
    /// Through `transport`; `pages` is this provider's origin, and `address` the same without its scheme.
    pub fn new(
        emails: Emails,
        (inbox, people): (Inbox, People),
        (transport, metrics): (Transport, Arc<Metrics>),
        service: ServiceName,
        (pages, address): (&str, &str),
    ) -> Self {
        let (pages, address) = (Arc::from(pages), Arc::from(address));
        Self { emails, inbox, people, transport, metrics, service, pages, address }
    }

    /// Sends what is due until the process ends.
    pub async fn run(self) {
        let cause = self.metrics.route("mails");
        loop {
            tokio::time::sleep(LOOK).await;
            if self.emails.clock.is_doubted() {
                continue;
            }
            if let Err(error) = telemetry::on_account_of(&cause, self.send_some()).await {
                tracing::warn!(event = "mails.stalled", %error, "mails wait: the database is unavailable");
            }
        }
    }

    /// Sends what is due, some of it.
    ///
    /// # Errors
    /// [`DbError`]; what was taken is taken again later.
    async fn send_some(&self) -> Result<(), DbError> {
        let now = self.emails.clock.now();
        if !self.emails.is_any_due(now).await? {
            return Ok(());
        }
        let taken = self.emails.take(now, now.plus(TAKEN), MOST).await?;
        let sent = join_all(taken.iter().map(|taken| self.try_to_send(taken, now))).await;
        sent.into_iter().collect()
    }

    async fn try_to_send(&self, taken: &Taken, now: Timestamp) -> Result<(), DbError> {
        if taken.expires_at <= now {
            return self.end(taken, End::GivenUp).await;
        }
        let Some((to, words)) = self.compose(taken).await? else {
            return self.end(taken, End::Unwanted).await;
        };
        let mail =
            Mail { id: &taken.id, to: &to, subject: words.subject, body: words.body, date: taken.created_at };
        match self.transport.send(mail).await {
            Ok(()) => self.end(taken, End::Sent).await,
            Err(TransportError::Refused(why)) => {
                tracing::warn!(
                    event = "mails.refused",
                    mail.id = taken.id,
                    error = why,
                    "the mail server refused a mail"
                );
                self.end(taken, End::Refused).await
            }
            Err(TransportError::Later(why)) => {
                self.metrics.mails("failed").inc();
                tracing::warn!(
                    event = "mails.failed",
                    mail.id = taken.id,
                    error = why,
                    "a mail is tried again later"
                );
                self.emails.put_back(&taken.id, now.plus(pause(taken.attempts))).await
            }
        }
    }

    async fn end(&self, taken: &Taken, end: End) -> Result<(), DbError> {
        self.metrics.mails(end.name()).inc();
        if end == End::GivenUp {
            tracing::error!(
                event = "mails.given_up",
                mail.id = taken.id,
                "no mail server took a mail for a day"
            );
        }
        self.emails.end(&taken.id, end).await
    }

    /// Whom a mail goes to, and what it says; `None` when there is no address or nothing to tell of any more.
    async fn compose(&self, taken: &Taken) -> Result<Option<(EmailAddress, Words)>, DbError> {
        let chosen = self.people.preferred_language(&taken.person).await?;
        let text =
            |asked: &str| Text::new(chosen.or_else(|| Language::parse(asked)).unwrap_or(Language::UzLatn));
        match &taken.what {
            What::Notice(sealed) => {
                let Some(to) = self.emails.of(&taken.person).await? else { return Ok(None) };
                let Some(id) = NoticeId::parse(&taken.id) else { return Ok(None) };
                let Some(notice) = self.inbox.find(&taken.person, &id).await? else { return Ok(None) };
                let text = text("");
                let service = |id: &str| (self.service)(id, text.language());
                let said = notice.words(text, Names { service: &service, data_set: &|_| None });
                let stop = sealed.as_ref().map(|sealed| sealed.token.as_str());
                // A moment of another day than `now` is told with its date.
                let arrived = text.moment(notice.arrived_at_ms.div_euclid(1000), 0);
                Ok(Some((to, words::about((&said, stop), &arrived, text, &self.pages, &self.address))))
            }
            What::Link(sealed) => {
                let link = format!("{}{CONFIRM}?t={}", self.pages, sealed.token);
                let to = EmailAddress::parse(&sealed.to);
                Ok(to.map(|to| (to, words::link(&link, text(&sealed.language), &self.address))))
            }
            What::Replaced(sealed) => {
                let to = EmailAddress::parse(&sealed.to);
                Ok(to.map(|to| (to, words::replaced(text(""), &self.pages, &self.address))))
            }
        }
    }
}

/// How long a mail waits after its `attempts`-th try failed, in seconds.
pub(super) fn pause(attempts: i64) -> i64 {
    let doubled = u32::try_from(attempts.saturating_sub(1).clamp(0, 10)).unwrap_or(0);
    (FIRST_PAUSE << doubled).min(LONGEST_PAUSE)
}
