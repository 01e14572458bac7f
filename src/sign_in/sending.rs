//! A code on its way to a number: for whom it is, whether it may be sent, what stores and sends it. The same work is done for numbers that
//! nobody has.

use super::counted::{Counted, Limit};
use super::known_browsers::KnownPersons;
use super::limits::{ApprovalWish, Wish};
use super::network::ClientNetwork;
use super::purpose::{For, WithApproval};
use super::risk::Level;
use super::{
    Challenge, CodeSent, Event, OpenAttempt, Purpose, ServiceError, SignIn, SignInAttempt, Stage, Told,
    WrongCodes,
};
use crate::clients::Client;
use crate::notices::sms::application::{Names, application_text};
use crate::notices::sms::text::{approval_text, length, permission_text, sign_in_text};
use crate::notices::{OutboundMessage, Prepared, Series, Submitted};
use crate::people::{AccountState, Epoch, PersonId, PhoneNumber, Side};
use crate::platform::bytes::{self, Digest};
use crate::platform::clock::Timestamp;
use crate::platform::ephemeral::{Applied, Batch, Version};
use crate::platform::web::locale::Language;

/// How long after the end of a delay by strangers its holder is still told of it, in seconds.
const TOLD_FOR: i64 = 7 * 86_400;

/// What became of a code that was made.
pub(super) enum Sent {
    Stored,
    /// It is expected, and goes to nobody: the person was asked too often, of which a service learns nothing.
    Held,
    Limited(Limit),
    Overtaken,
}

/// A code that no attempt expects yet. Only storing the attempt that expects it, together with the announcement of its
/// message, makes it a [`StoredCode`], and only that can be sent.
struct PendingCode {
    message: Prepared,
    /// Whether its message is really sent.
    real: bool,
    counted: Counted,
    /// The stage before, with the code that this one replaces.
    before: Stage,
    /// What is stored with the attempt, where it is a request to approve.
    with: Option<WithApproval>,
}

/// A code that a stored attempt expects.
struct StoredCode {
    message: Prepared,
    real: bool,
    before: Stage,
    /// The version of the attempt that expects it.
    version: Option<Version>,
}

/// Whom a code would go to.
#[derive(Clone)]
struct Recipient {
    number: PhoneNumber,
    index: Digest,
    /// The person, if a code may be sent to them now.
    person: Option<(PersonId, Epoch)>,
    side: Side,
    told: Told,
    /// The person, where they keep the service that asks away.
    muted_by: Option<PersonId>,
    /// The language that the holder of the number chose for messages that no page of theirs asks for.
    language: Option<Language>,
    /// Whether the number is not enrolled, but one by which the person who is signed in can be reached.
    to_contact: bool,
}

/// Who asks for a code, for whom it is counted.
#[derive(Clone, Copy)]
pub struct Sender<'a> {
    /// The service.
    pub client: &'a Client,
    /// The client's network.
    pub network: &'a ClientNetwork,
    /// Who signed in in this browser before.
    pub known: &'a KnownPersons,
    /// The level of the toll that was paid for it.
    pub paid: Level,
}

impl SignIn {
    pub(super) async fn send_code(
        &self,
        open: &mut OpenAttempt,
        (number, index): (PhoneNumber, Digest),
        sender: Sender<'_>,
        tries: u64,
        made_for: For,
    ) -> Result<Sent, ServiceError> {
        let sent = self.try_to_send(open, (number, index), sender, tries, made_for).await?;
        match sent {
            Sent::Stored => self.record_code(open, None),
            Sent::Held => self.record_code(open, Some(Limit::Person)),
            Sent::Limited(limit) => self.record_code(open, Some(limit)),
            Sent::Overtaken => {}
        }
        Ok(sent)
    }

    async fn try_to_send(
        &self,
        open: &mut OpenAttempt,
        (number, index): (PhoneNumber, Digest),
        sender: Sender<'_>,
        tries: u64,
        made_for: For,
    ) -> Result<Sent, ServiceError> {
        let exempt = self.is_exempt(&number);
        let mut recipient = self.recipient(number, index, sender.known, &made_for).await?;
        let approving = match &made_for {
            For::Approval(approving) => Some((**approving).clone()),
            For::SignIn | For::Permission(_) => None,
        };
        let (hint, daily) = (approving.as_ref().map(|it| it.hint), self.settings.daily_cap);
        let daily = u64::try_from(daily).unwrap_or(u64::MAX);
        let asked = approving.as_ref().zip(hint.as_ref());
        let asked = asked.map(|(it, hint)| ApprovalWish { hint, caps: it.caps, daily });
        let wish = |recipient: &Recipient| Wish {
            number: &index,
            client: sender.client,
            network: sender.network,
            side: recipient.side,
            real: recipient.person.is_some(),
            exempt,
            paid: sender.paid,
        };
        let mut held = false;
        if let Some(asked) = &asked {
            // Read for every number alike.
            let windows = self.limits.of_approver(&wish(&recipient), asked);
            let read: Vec<_> = windows.iter().map(|(key, seconds, _)| (*key, *seconds, 0)).collect();
            let counts = if read.is_empty() { Vec::new() } else { self.ephemeral.count_all(&read).await? };
            if counts.iter().zip(&windows).any(|(count, (.., cap))| count >= cap) {
                held = recipient.person.take().is_some();
            }
        }
        loop {
            let counted = match &asked {
                Some(asked) => self.limits.of_approval(&wish(&recipient), asked),
                None => self.limits.of(&wish(&recipient)),
            };
            // What people do not approve is no sign that somebody guesses: nobody sees a page without the message.
            let braking = asked.is_none() && !exempt;
            let counted = match counted {
                Ok(counted) => counted,
                Err(limit) => {
                    self.not_sent(open, None).await?;
                    return Ok(Sent::Limited(limit));
                }
            };
            let made = (counted, tries, made_for.clone());
            let pending = self.make_code(&mut open.attempt, recipient.clone(), sender, made)?;
            let (real, stored) = (pending.real, self.store(open, pending).await?);
            let stored = match stored {
                Ok(stored) => stored,
                // Another request to this person was counted since theirs were read.
                Err(Sent::Limited(Limit::Person)) => {
                    held = recipient.person.take().is_some();
                    continue;
                }
                Err(instead) => return Ok(instead),
            };
            if let (Some(approving), Some(person)) = (&approving, &recipient.muted_by) {
                self.record_muted(approving, person);
            }
            let sent = self.dispatch(open, stored, asked.is_some()).await?;
            if matches!(sent, Sent::Stored) && braking {
                self.brake.sent(&sender.client.id, sender.network, real);
            }
            return Ok(if held && matches!(sent, Sent::Stored) { Sent::Held } else { sent });
        }
    }

    /// Looks up whom a code would go to, with the same work for every number.
    async fn recipient(
        &self,
        number: PhoneNumber,
        index: Digest,
        known: &KnownPersons,
        made_for: &For,
    ) -> Result<Recipient, ServiceError> {
        let now = self.clock.now();
        let state = self.people.account_state(&index).await?;
        let language = state.as_ref().and_then(|state| state.language);
        let nobody = PersonId::decoy(&index);
        let (person, epoch) =
            state.as_ref().map_or((&nobody, Epoch::default()), |state| (&state.person_id, state.epoch));
        let side = match (self.known.side(known, person, epoch), made_for) {
            (_, For::Approval(_)) => Side::Approval,
            (side, For::SignIn | For::Permission(_)) => side,
        };
        let told = state.as_ref().map(|state| told(state, side, now)).unwrap_or_default();
        // Who is signed in by other means is asked at the number by which they can be reached.
        let contact = match made_for {
            For::Permission(permitted)
                if state.as_ref().is_none_or(|state| state.person_id != permitted.0.person_id) =>
            {
                Some((permitted.0.person_id.clone(), permitted.0.epoch))
            }
            _ => None,
        };
        let to_contact = contact.is_some();
        let person =
            state.filter(|state| state.may_try(side, now)).map(|state| (state.person_id, state.epoch));
        let mut muted_by = None;
        // Where a person wants no messages of a service, that is asked for every number alike.
        let person = match made_for {
            For::Approval(approving) => {
                let whom = person.as_ref().map_or(&nobody, |(id, _)| id);
                let muted = self.people.is_muted(whom, approving.client.as_str(), now).await?;
                if muted {
                    muted_by = person.as_ref().map(|(id, _)| id.clone());
                }
                person.filter(|_| !muted)
            }
            For::SignIn => person,
            For::Permission(_) => contact.or(person),
        };
        Ok(Recipient { number, index, person, side, told, muted_by, language, to_contact })
    }

    /// Makes a code and lets the attempt expect it.
    fn make_code(
        &self,
        attempt: &mut SignInAttempt,
        recipient: Recipient,
        sender: Sender<'_>,
        (counted, tries, made_for): (Counted, u64, For),
    ) -> Result<PendingCode, ServiceError> {
        let now = self.clock.now();
        let purpose = attempt.request.purpose(made_for.purpose());
        let Recipient { number, index, person, side, told, language, to_contact, .. } = recipient;
        // No page of the person asks for it: their own word counts more than the service's.
        if let (Purpose::Approval, Some(language)) = (made_for.purpose(), language) {
            attempt.language = language;
        }
        let exempt = self.is_exempt(&number);
        let before = attempt.stage().clone();
        let former = before.code().map(|(former, _)| former);
        let sends_before = if matches!(made_for, For::SignIn) { attempt.sends_before } else { 0 };
        let sends = former.map_or(sends_before, |former| former.sends);
        // This request was counted like a try.
        let wrong = former.filter(|former| former.index == index);
        let wrong = wrong.map_or(0, |former| self.wrong_codes(former, tries.saturating_sub(1)));
        let (person_id, epoch) = person.map(|(id, epoch)| (Some(id), epoch)).unwrap_or_default();
        let message_id = bytes::random_alphanumeric::<20>();
        let constant = self.settings.constant_codes.get(number.digits()).cloned();
        let code = constant.unwrap_or_else(bytes::random_digits::<6>);
        // A request may be approved for as long as the service waits.
        let expires_at = match &made_for {
            For::SignIn | For::Permission(_) => now.plus(self.settings.code_seconds),
            For::Approval(_) => attempt.expires_at,
        };
        let challenge = Box::new(Challenge {
            digest: self.code_digest(purpose, &code, &message_id, &index),
            message_id: message_id.clone(),
            expires_at,
            tries_before: tries,
        });
        let tag = attempt.language.tag();
        let name = sender.client.identity.sms_name.get(tag);
        let host = &self.settings.host;
        let at = match &made_for {
            For::Approval(approving) => {
                Some(format!("{}/a/{}", self.settings.address, approving.reference.as_str()))
            }
            For::SignIn | For::Permission(_) => None,
        };
        let series = if at.is_some() { Series::Approvals } else { series_of(side) };
        let text_at = |at: Option<&str>| match (&attempt.request.application, &made_for, at) {
            (_, For::SignIn, _) => sign_in_text(tag, name, &code, host),
            (Some(application), _, at) => {
                let names = Names { own: name, latin: sender.client.identity.sms_name.get("uz-Latn") };
                application_text(tag, names, (&application.reference, &code), (host, at))
            }
            (None, _, Some(at)) => approval_text(tag, name, &code, (host, at)),
            (None, _, None) => permission_text(tag, name, &code, host),
        };
        let text = self.with_reply_number(at.as_deref(), text_at);
        let approves = series == Series::Approvals;
        let message = self.outbox.prepare(OutboundMessage {
            id: &message_id,
            to: person_id.as_ref().map(|_| &number),
            number_index: &index,
            series,
            client_id: sender.client.id.as_str(),
            // What a known browser asks for is not counted towards its address, nor what a service's server does.
            address: &if side == Side::Known || approves { String::new() } else { sender.network.text() },
            text,
            ttl: expires_at.since(now).max(1),
            daily_cap: if exempt { i64::MAX } else { self.settings.daily_cap },
        })?;
        let real = person_id.is_some();
        let braked = side == Side::Stranger
            && !exempt
            && !approves
            && self.brake.holds(&sender.client.id, sender.network);
        let sends = sends + u32::from(told.delayed_until.is_none());
        let wrong = WrongCodes { before: wrong, ..WrongCodes::default() };
        let sent_at = now;
        let sent = CodeSent {
            number,
            index,
            person_id,
            epoch,
            challenge,
            sends,
            sent_at,
            side,
            braked,
            wrong,
            told,
            to_contact,
        };
        let with = match &made_for {
            For::Approval(approving) => {
                let reply = self.repliable(approving, (&code, &index), (now, expires_at));
                Some(approving.stored_with(&sent, (purpose == Purpose::Application, now), reply))
            }
            For::SignIn | For::Permission(_) => None,
        };
        advance(attempt, made_for.event(sent), now)?;
        Ok(PendingCode { message, real, counted, before, with })
    }

    /// Counts the message, stores the attempt that expects the code and announces the message, all or nothing.
    async fn store(
        &self,
        open: &mut OpenAttempt,
        pending: PendingCode,
    ) -> Result<Result<StoredCode, Sent>, ServiceError> {
        let mut batch = Batch::new(&self.ephemeral);
        pending.counted.count_in(&mut batch);
        let version = self.attempts.store_in(&mut batch, open);
        pending.message.announce_in(&mut batch);
        if let Some(with) = &pending.with {
            with.add_to(&mut batch);
        }
        if let Some((former, _)) = pending.before.code() {
            self.outbox.withdraw_in(&mut batch, &former.challenge.message_id);
        }
        Ok(match self.ephemeral.apply(batch).await? {
            Applied::Done => {
                self.limits.kept(pending.counted);
                let PendingCode { message, real, before, .. } = pending;
                Ok(StoredCode { message, real, before, version })
            }
            Applied::Exceeded { group, index } => {
                let limit = self.limits.exceeded(&pending.counted, group, index);
                open.attempt.take_back(pending.before);
                self.not_sent(open, None).await?;
                Err(Sent::Limited(limit))
            }
            Applied::Conflict => Err(Sent::Overtaken),
        })
    }

    /// Notes that no new code is sent, and that the request for it, which was counted like a try, was none. With `stored`, the
    /// attempt expects a code by now that nobody gets: what it expected before is put back.
    pub(super) async fn not_sent(
        &self,
        open: &mut OpenAttempt,
        stored: Option<Version>,
    ) -> Result<(), ServiceError> {
        open.version = stored.unwrap_or(open.version);
        open.attempt.forgive_try();
        if stored.is_some() || open.attempt.stage().code().is_some() {
            // If another request was quicker, there is nothing to put back.
            self.attempts.store(open).await?;
        }
        Ok(())
    }

    /// Hands a code to the outbox. Where the number has had all its messages of the day, the former code stays in force; a service
    /// that asks for an approval learns nothing of that.
    async fn dispatch(
        &self,
        open: &mut OpenAttempt,
        code: StoredCode,
        approval: bool,
    ) -> Result<Sent, ServiceError> {
        match self.outbox.store(code.message).await? {
            Submitted::CapReached => {
                self.metrics.limits("number_day").inc();
                if approval {
                    return Ok(Sent::Held);
                }
                open.attempt.take_back(code.before);
                self.not_sent(open, code.version).await?;
                Ok(Sent::Limited(Limit::Number))
            }
            Submitted::Stored => {
                self.metrics.sign_ins("number", if code.real { "sent" } else { "nobody" }).inc();
                Ok(Sent::Stored)
            }
        }
    }

    /// The only form in which a code is kept: bound to the message that carries it (and so to one attempt), to the number
    /// and to the purpose (R69).
    pub(super) fn code_digest(
        &self,
        purpose: Purpose,
        code: &str,
        message_id: &str,
        index: &Digest,
    ) -> Digest {
        self.codes.digest(&[purpose.name(), code.as_bytes(), message_id.as_bytes(), &index.0])
    }

    /// The text with the number where phones that open no pages send the code, if there is one and it takes no further segment.
    fn with_reply_number(&self, at: Option<&str>, text: impl Fn(Option<&str>) -> String) -> String {
        let plain = text(at);
        let (Some(at), Some(number)) = (at, &self.settings.reply_number) else { return plain };
        let longer = text(Some(&format!("{at} / SMS {number}")));
        if length(&longer).parts <= length(&plain).parts { longer } else { plain }
    }

    fn is_exempt(&self, number: &PhoneNumber) -> bool {
        self.settings.relaxed_limits && self.settings.constant_codes.contains_key(number.digits())
    }

    pub(super) fn most_resends(&self) -> u32 {
        u32::try_from(self.settings.resend_after.len()).unwrap_or(u32::MAX)
    }
}

/// The daily numbering of messages that are asked for from a side.
const fn series_of(side: Side) -> Series {
    match side {
        Side::Known => Series::Known,
        Side::Approval => Series::Approvals,
        Side::Stranger => Series::Strangers,
    }
}

fn advance(attempt: &mut SignInAttempt, event: Event, now: Timestamp) -> Result<(), ServiceError> {
    attempt
        .advance(event, false, now)
        .map_err(|illegal| ServiceError::Internal(format!("a code at another stage: {illegal:?}")))
}

/// What the person is told in a browser in which they signed in before.
fn told(state: &AccountState, side: Side, now: Timestamp) -> Told {
    match side {
        Side::Stranger | Side::Approval => Told::default(),
        Side::Known => Told {
            delayed_until: Some(state.known.locked_until).filter(|until| *until > now),
            strangers: state.strangers.count > 0 && state.strangers.locked_until.plus(TOLD_FOR) > now,
        },
    }
}
