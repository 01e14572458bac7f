//! Codes of applications: sent to the number that is to be bound, and kept as a keyed digest alone.

use super::consent::{self, Consented};
use super::door::Channel;
use super::flow::{self, Event, Illegal};
use super::id::IdentificationId;
use super::identification::{Identification, SentCode, missing};
use super::identifications::{ActError, Identifications};
use super::precheck::Precheck;
use crate::notices::sms::identification::code_text;
use crate::notices::{OutboundMessage, Outbox, Series};
use crate::people::digits_of;
use crate::platform::bytes::{self, Digest};
use crate::platform::db::Statement;
use crate::platform::ephemeral::{Applied, Batch, EphemeralKey};
use crate::platform::seal::Mac;
use crate::platform::service_error::ServiceError;

/// How many digits a code has.
const DIGITS: usize = 6;

/// What an entered code is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Tried {
    /// It is the one that was sent.
    Right,
    /// It is not; so many tries are left. With none a new code is needed.
    Wrong {
        /// Tries left.
        left: u64,
    },
    /// It expired, or had all its tries: a new one may be asked for at any time (R39), and it is never a refusal (D-d).
    Expired,
}

impl Identifications {
    /// Sends data to Mobile-ID and a code to the number, with `also` (one commit): the first code, or a new one at any time (R39). All
    /// that clauses 10–14 or 20–24 ask for must be there.
    ///
    /// # Errors
    /// [`ActError::Missing`] with all that is missing, and the other errors; then nothing was written and no code is sent.
    pub async fn send_code(
        &self,
        id: &IdentificationId,
        consents: &[Consented],
        also: Vec<Statement>,
    ) -> Result<Identification, ActError> {
        // Of two messages to one number at once the second fails with its transaction.
        for _ in 0..4 {
            let mut changed = self.under_way(id).await?;
            consent::add(&mut changed.consents, consents);
            let found = match self.precheck(id).await? {
                Some(Precheck::Done(findings)) => Some(*findings),
                // What was found when the first code was sent still holds for a new one.
                _ => changed.findings.take(),
            };
            let missing = missing(&changed, found.as_ref());
            if !missing.is_empty() {
                return Err(ActError::Missing(missing));
            }
            changed.findings = found;
            match self.try_to_send(changed, also.clone()).await {
                Err(ActError::Service(ServiceError::Internal(why))) => {
                    tracing::debug!(event = "identification.resend", %why, "a code is sent again");
                }
                sent => return sent,
            }
        }
        Err(ActError::Service(ServiceError::Unavailable(
            "too many messages to one number at once".to_owned(),
        )))
    }

    async fn try_to_send(
        &self,
        mut changed: Identification,
        also: Vec<Statement>,
    ) -> Result<Identification, ActError> {
        let now = self.clock.now();
        let number = changed.form.number.clone();
        let index = self.people.number_index(&number);
        let place = matches!(changed.channel(), Channel::Place(_));
        let lifetime = if place { self.rules().code_place } else { self.rules().code_app };
        let constant = self.rules().constant_codes.get(number.digits()).cloned();
        let code = constant.unwrap_or_else(bytes::random_digits::<6>);
        let message = bytes::random_alphanumeric::<20>();
        let text = code_text(changed.language.tag(), &code, &self.rules().host, place);
        let former = changed.code.replace(SentCode {
            digest: digest(&self.codes, &code, &message, &changed, &index),
            message_id: message.clone(),
            sent_at: now,
            expires_at: now.plus(lifetime),
        });
        changed.codes_sent += 1;
        changed.state = flow::next(changed.state, Event::CodeSent, changed.channel())?;
        changed.updated_at = now;
        let prepared = self.outbox.prepare(OutboundMessage {
            id: &message,
            to: Some(&number),
            number_index: &index,
            series: Series::Identification,
            client_id: "",
            address: "",
            text,
            ttl: lifetime,
            daily_cap: self.rules().codes_per_day,
        })?;
        let mut batch = Batch::new(&self.ephemeral);
        if let Some(former) = &former {
            self.outbox.withdraw_in(&mut batch, &former.message_id);
        }
        prepared.announce_in(&mut batch);
        let Applied::Done = self.ephemeral.apply(batch).await? else { return Err(ActError::Overtaken) };
        let today = Outbox::numbers_of_today(Series::Identification, now);
        let guard = self.store.update_within(&changed, (&index, today, self.rules().codes_per_day))?;
        let mut then = vec![self.outbox.row(&prepared)];
        then.extend(also);
        if self.store.db.guarded(guard, then).await?.is_none() {
            let had = self.outbox.had_today(&index, Series::Identification).await?;
            return Err(if had >= self.rules().codes_per_day {
                ActError::DailyLimit
            } else {
                ActError::Overtaken
            });
        }
        self.outbox.is_in(prepared);
        self.count(&changed);
        changed.version += 1;
        Ok(changed)
    }

    /// Counts a try at the code in force, and then compares it.
    ///
    /// # Errors
    /// [`ActError`]; no try counts that cannot be counted.
    pub async fn try_code(&self, application: &Identification, entered: &str) -> Result<Tried, ActError> {
        flow::next(application.state, Event::CodeRight { due: false }, application.channel())?;
        let Some(sent) = &application.code else { return Err(Illegal::State.into()) };
        let now = self.clock.now();
        if sent.expires_at <= now {
            return Ok(Tried::Expired);
        }
        let window = sent.expires_at.since(sent.sent_at);
        let key = tries(&sent.message_id);
        let Some(entered) = typed(entered) else {
            // What cannot be a code costs no try.
            let had = self.ephemeral.count_all(&[(key, window.max(1), 0)]).await?;
            let had = had.first().copied().unwrap_or_default();
            return Ok(Tried::Wrong { left: self.rules().tries.saturating_sub(had) });
        };
        let tried = self.ephemeral.count(key, window.max(1)).await?;
        if tried > self.rules().tries {
            return Ok(Tried::Expired);
        }
        let index = self.people.number_index(&application.form.number);
        let digest = digest(&self.codes, &entered, &sent.message_id, application, &index);
        if same(&digest, &sent.digest) {
            return Ok(Tried::Right);
        }
        self.metrics.identifications(application.door.name(), "wrong_code").inc();
        Ok(Tried::Wrong { left: self.rules().tries - tried })
    }
}

/// Six digits that somebody typed; `None` when it cannot be a code.
fn typed(text: &str) -> Option<String> {
    digits_of(text, 64).filter(|digits| digits.len() == DIGITS)
}

/// The only form in which a code is kept: bound to its message, its application and its number (R69).
fn digest(mac: &Mac, code: &str, message: &str, application: &Identification, number: &Digest) -> String {
    let parts: [&[u8]; 5] = [
        b"identification",
        code.as_bytes(),
        message.as_bytes(),
        application.id.as_str().as_bytes(),
        &number.0,
    ];
    mac.digest(&parts).encode()
}

/// Whether a digest is that of the code, in constant time.
fn same(one: &str, other: &str) -> bool {
    bytes::same(one.as_bytes(), other.as_bytes())
}

/// Where the tries at a code are counted.
fn tries(message: &str) -> EphemeralKey {
    EphemeralKey::of(super::PRECHECKS, &format!("tries {message}"))
}
