//! Somebody whose phone was stolen, or who has none of their browsers at hand, locks their
//! account by an SMS from the enrolled number, or from the one by which an account without one is reached. Nothing is asked first, since a
//! lock harms nobody for long and a question would help a thief; ending it takes more than a code (`docs/cabinet.md`).
//!
//! The broker signs nothing, so the address has the secret of the delivery reports. Whoever forges the sender of an SMS can lock somebody's account,
//! and nothing else.

use super::Cabinet;
use crate::audit::{Event, Kind};
use crate::notices::sms::incoming::Incoming;
use crate::notices::sms::lock::locked_text;
use crate::notices::{OutboundMessage, Prepared, Series};
use crate::people::{AccountUse, Named, NumberStatus, PersonId, PhoneNumber};
use crate::platform::bytes;
use crate::platform::ephemeral::{Applied, Batch, EphemeralKey};
use crate::platform::service_error::ServiceError;
use crate::platform::web::locale::Language;
use crate::sign_in::WINDOWS;

/// How long a message of the broker is known, in seconds: one that is passed on again locks nobody who was unlocked meanwhile.
const KNOWN: i64 = 86_400;

/// Seconds after which the answer is not worth sending any more.
const ANSWERED: i64 = 3600;

/// How many such answers a number gets in a day, with what else it is told unasked.
const ANSWERS: i64 = 3;

/// Locks the account of whoever sent a message, if that asks for it.
///
/// # Errors
/// [`ServiceError`] when a store is unavailable: the broker passes the message on again.
pub async fn locked_by_sms(cabinet: &Cabinet, message: &Incoming) -> Result<(), ServiceError> {
    if message.locks() { lock(cabinet, message).await } else { Ok(()) }
}

async fn lock(cabinet: &Cabinet, message: &Incoming) -> Result<(), ServiceError> {
    let sign_in = &cabinet.sign_in;
    let Ok(number) = PhoneNumber::from_digits(&message.from) else { return Ok(()) };
    let index = sign_in.people.number_index(&number);
    let Some(found) = sign_in.people.named(&Named::Number(number.clone())).await? else { return Ok(()) };
    let enrolled = found.state.status == NumberStatus::Enrolled && found.number_index == Some(index);
    // A number that was theirs in Mobile-ID and is not any more may be anybody's.
    let reached = found.state.status == NumberStatus::NotEnrolled
        && found.account == Some(AccountUse::Open)
        && found.contact.as_ref() == Some(&number);
    if !enrolled && !reached {
        return Ok(());
    }
    let account = found.state;
    let key = EphemeralKey::of(WINDOWS, &format!("sms-command/{}", message.id));
    if sign_in.ephemeral.count_all(&[(key, KNOWN, 0)]).await?.first().is_some_and(|had| *had > 0) {
        return Ok(());
    }
    if !cabinet.life_events.self_lock(&account.person_id).await? {
        return Ok(());
    }
    let locked = Event::new(Kind::SelfLocked).person(account.person_id.as_str());
    sign_in.audit.record(locked.reason("sms"));
    // From here on it is done: what fails is told by the cabinet and by mail.
    let _ = sign_in.ephemeral.count(key, KNOWN).await;
    if let Err(error) = answer(cabinet, &number, &account.person_id).await {
        tracing::warn!(event = "sms.command_unanswered", %error, "nobody was told by SMS that an account is locked");
    }
    Ok(())
}

/// Tells the phone that it worked.
async fn answer(cabinet: &Cabinet, number: &PhoneNumber, person: &PersonId) -> Result<(), ServiceError> {
    let sign_in = &cabinet.sign_in;
    let language = sign_in.people.preferred_language(person).await?.unwrap_or(Language::UzLatn);
    let text = locked_text(language.tag(), &sign_in.settings.host, sign_in.unlocks_here());
    let message = told(cabinet, number, text)?;
    let mut batch = Batch::new(&sign_in.ephemeral);
    message.announce_in(&mut batch);
    if sign_in.ephemeral.apply(batch).await? == Applied::Done {
        sign_in.outbox.store(message).await?;
    }
    Ok(())
}

/// A message that nobody asked for, neither announced nor stored yet.
pub(super) fn told(cabinet: &Cabinet, number: &PhoneNumber, text: String) -> Result<Prepared, ServiceError> {
    let sign_in = &cabinet.sign_in;
    sign_in.outbox.prepare(OutboundMessage {
        id: &bytes::random_alphanumeric::<20>(),
        to: Some(number),
        number_index: &sign_in.people.number_index(number),
        series: Series::Notices,
        client_id: "",
        address: "",
        text,
        ttl: ANSWERED,
        daily_cap: ANSWERS,
    })
}
