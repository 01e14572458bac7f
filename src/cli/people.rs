//! `yagona people`: what operators can do for a person.

use clap::Subcommand;
use serde_json::json;

pub(super) use super::account::{account_of, parse};
use super::output::{Format, say};
use super::{notices, operator};
use crate::app::settings::Settings;
use crate::app::{StartError, Stores, cannot_start};
use crate::audit::{Event, Kind};
use crate::notices::inbox::{NewNotice, NoticeKind};
use crate::people::{AccountState, People as Store, Side, Unblocked};
use crate::platform::bytes::Digest;
use crate::platform::clock::Timestamp;

/// Shows and unlocks accounts, and ends a person's access.
#[derive(Subcommand)]
pub(super) enum People {
    #[command(flatten)]
    OfOne(OfOne),
    Notices(notices::Notices),
    Sms(notices::Sms),
    SmsSuspended(notices::SmsSuspended),
}

/// What is done for one person.
#[derive(Subcommand)]
pub(super) enum OfOne {
    /// Shows whether a number can sign in, and what delays it; no personal data
    Show {
        /// The number
        number: String,
    },
    /// Ends the delay of an account after wrong codes; first identify its holder
    Unlock {
        /// The enrolled number
        number: String,
    },
    /// Ends the lock that a person put on their own account; first identify them in person by their document
    EndSelfLock {
        /// The number that was enrolled when they locked it
        number: String,
    },
    /// Ends all sessions, grants and tokens of a person, such as after a phone was stolen; consents and enrolment stay
    EndAccess {
        /// The enrolled number
        number: String,
    },
    /// Lists the services whose requests to approve do not reach a person, because they asked for that
    Muted {
        /// The enrolled number
        number: String,
    },
    /// Lets a service's requests to approve reach a person again; first identify them
    Unmute {
        /// The enrolled number
        number: String,
        /// The service
        client_id: String,
    },
    /// Blocks a number, such as after it was stolen: all access of its person ends, and nobody gets codes there
    Block {
        /// The enrolled number
        number: String,
    },
    /// Lets the holder of a blocked number sign in again; first identify them
    Unblock {
        /// The blocked number
        number: String,
    },
}

impl People {
    pub(super) async fn run(self, settings: Settings, format: Format) -> Result<(), StartError> {
        let of_one = match self {
            Self::Notices(notices) => return notices.run(settings, format).await,
            Self::Sms(sms) => return sms.run(settings, format).await,
            Self::SmsSuspended(suspended) => return suspended.run(settings, format).await,
            Self::OfOne(of_one) => of_one,
        };
        of_one.run(settings, format).await
    }
}

impl OfOne {
    async fn run(self, settings: Settings, format: Format) -> Result<(), StartError> {
        let (Self::Show { number }
        | Self::Unlock { number }
        | Self::EndSelfLock { number }
        | Self::EndAccess { number }
        | Self::Muted { number }
        | Self::Unmute { number, .. }
        | Self::Block { number }
        | Self::Unblock { number }) = &self;
        let number = parse(number, &settings)?;
        let stores = super::existing(settings).await?;
        let account = account_of(&stores, &number).await?;
        let index = Store::new(stores.db.clone(), &stores.keyring).number_index(&number);
        let (person, number) = (account.person_id.as_str(), number.masked());
        match self {
            Self::Show { .. } => {
                let nothing = async { Ok(()) };
                operator::recorded(&stores, "people show", |event| event.person(person), nothing).await?;
                show(&account, &number, stores.clock.now(), format)?;
            }
            Self::Unlock { .. } => {
                let people = Store::new(stores.db.clone(), &stores.keyring);
                let unlock = async {
                    people.unlock(&account.person_id).await.map_err(cannot_start)?;
                    stores.audit.record(Event::new(Kind::PersonUnlocked).person(person));
                    Ok(())
                };
                operator::recorded(&stores, "people unlock", |event| event.person(person), unlock).await?;
                let failures = account.strangers.count + account.known.count + account.approvals.count;
                format.print(&json!({ "number": number, "wrong_codes_cleared": failures }), || {
                    say!("The account of {number} is unlocked: {failures} wrong code(s) cleared.");
                    Ok(())
                })?;
            }
            Self::EndSelfLock { .. } => end_self_lock(&stores, &account, &number, format).await?,
            Self::EndAccess { .. } => {
                let end = async {
                    let life_events = stores.life_events().await?;
                    let ended = life_events.end_access(&account.person_id).await;
                    ended.map_err(|error| {
                        StartError(format!("access may not have ended, repeat this: {error}"))
                    })
                };
                operator::recorded(&stores, "people end-access", |event| event.person(person), end).await?;
                format.print(&json!({ "number": number, "access_ended": true }), || {
                    say!("All sessions, grants and tokens of {number} have ended.");
                    Ok(())
                })?;
            }
            Self::Muted { .. } => muted(&stores, &account, &number, format).await?,
            Self::Unmute { client_id, .. } => {
                let people = Store::new(stores.db.clone(), &stores.keyring);
                let notice = NewNotice::new(NoticeKind::ServiceUnmuted).service(&client_id);
                let told = stores.inbox().rows(&account.person_id, &notice);
                let unmute =
                    async { people.unmute(&account.person_id, &client_id, told).await.map_err(cannot_start) };
                let was = operator::recorded(
                    &stores,
                    "people unmute",
                    |event| event.person(person).client(&client_id),
                    unmute,
                )
                .await?;
                format.print(&json!({ "number": number, "client_id": client_id, "unmuted": was }), || {
                    if was {
                        say!("Requests of {client_id} reach {number} again.");
                    } else {
                        say!("{number} did not keep {client_id} away.");
                    }
                    Ok(())
                })?;
            }
            Self::Block { .. } => block(&stores, &account, (&index, &number), format).await?,
            Self::Unblock { .. } => unblock(&stores, &account, (&index, &number), format).await?,
        }
        stores.db.close().await;
        Ok(())
    }
}

/// Lists the services that a person keeps away.
async fn muted(
    stores: &Stores,
    account: &AccountState,
    number: &str,
    format: Format,
) -> Result<(), StartError> {
    let person = account.person_id.as_str();
    let people = Store::new(stores.db.clone(), &stores.keyring);
    let read = async { people.muted(&account.person_id, stores.clock.now()).await.map_err(cannot_start) };
    let muted = operator::recorded(stores, "people muted", |event| event.person(person), read).await?;
    let told: Vec<_> = muted
        .iter()
        .map(|(client, until)| json!({ "client_id": client, "until": until.to_rfc3339() }))
        .collect();
    format.print(&json!({ "number": number, "muted": told }), || {
        if muted.is_empty() {
            say!("{number} keeps no service away.");
        }
        for (client, until) in &muted {
            say!("{client}  until {}", until.to_rfc3339());
        }
        Ok(())
    })?;
    Ok(())
}

/// Blocks a number.
async fn block(
    stores: &Stores,
    account: &AccountState,
    (index, number): (&Digest, &str),
    format: Format,
) -> Result<(), StartError> {
    let person = account.person_id.as_str();
    let block = async {
        let life_events = stores.life_events().await?;
        let blocked = life_events.block(&account.person_id, index).await;
        match blocked {
            Ok(true) => Ok(()),
            Ok(false) => Err(StartError(format!(
                "{number} was not blocked, and nobody's access has ended: it is blocked before, or not enrolled any more"
            ))),
            Err(error) => Err(StartError(format!("the number may not be blocked, repeat this: {error}"))),
        }
    };
    operator::recorded(stores, "people block", |event| event.person(person), block).await?;
    format.print(&json!({ "number": number, "status": "blocked" }), || {
        say!("{number} is blocked: all access of its person has ended, and nobody gets codes there.");
        Ok(())
    })?;
    Ok(())
}

/// Ends the block of a number.
async fn unblock(
    stores: &Stores,
    account: &AccountState,
    (index, number): (&Digest, &str),
    format: Format,
) -> Result<(), StartError> {
    let person = account.person_id.as_str();
    let unblock = async {
        let done = stores.life_events().await?.unblock(&account.person_id, index).await;
        match done.map_err(|error| StartError(format!("the number may be blocked still: {error}")))? {
            Unblocked::Enrolled => Ok(true),
            Unblocked::StillLocked => Ok(false),
            Unblocked::Nothing => Err(StartError(format!(
                "{number} was not unblocked: it is not blocked, or its person has another enrolled number"
            ))),
        }
    };
    let enrolled =
        operator::recorded(stores, "people unblock", |event| event.person(person), unblock).await?;
    let status = if enrolled { "enrolled" } else { "locked" };
    format.print(&json!({ "number": number, "status": status }), || {
        if enrolled {
            say!("{number} is enrolled again: its holder can sign in.");
        } else {
            say!("{number} is blocked no more; the lock that its person put on the account stays.");
        }
        Ok(())
    })?;
    Ok(())
}

/// Ends the lock that a person put on their account.
async fn end_self_lock(
    stores: &Stores,
    account: &AccountState,
    number: &str,
    format: Format,
) -> Result<(), StartError> {
    let person = account.person_id.as_str();
    let end = async {
        let ended = stores.life_events().await?.end_self_lock(&account.person_id).await;
        if !ended.map_err(|error| StartError(format!("the account may be locked still: {error}")))? {
            return Err(StartError("this person did not lock their account".to_owned()));
        }
        stores.audit.record(Event::new(Kind::SelfLockEnded).person(person));
        Ok(())
    };
    operator::recorded(stores, "people end-self-lock", |event| event.person(person), end).await?;
    format.print(&json!({ "number": number, "self_lock_ended": true }), || {
        say!("The account of {number} is not locked any more.");
        Ok(())
    })
}

/// Prints what a help desk needs: whether a code can be sent now, to browsers that the person used before and to others.
fn show(account: &AccountState, number: &str, now: Timestamp, format: Format) -> Result<(), StartError> {
    let side = |side: Side| {
        let failures = account.failures(side);
        let delayed_until = Some(failures.locked_until).filter(|until| *until > now);
        (failures.count, delayed_until.map(Timestamp::to_rfc3339))
    };
    let ((known, known_until), (other, other_until)) = (side(Side::Known), side(Side::Stranger));
    let (approvals, approvals_until) = side(Side::Approval);
    let told = json!({
        "number": number, "status": account.status.name(),
        "known_browsers": { "wrong_codes": known, "delayed_until": known_until },
        "other_browsers": { "wrong_codes": other, "delayed_until": other_until },
        "requests_to_approve": { "wrong_codes": approvals, "delayed_until": approvals_until },
    });
    format.print(&told, || {
        say!("number          {number}");
        say!("status          {}", account.status.name());
        for (name, count, until) in [
            ("known browsers", known, &known_until),
            ("other browsers", other, &other_until),
            ("approvals     ", approvals, &approvals_until),
        ] {
            let until = until.as_ref().map_or_else(String::new, |until| format!(", no code before {until}"));
            say!("{name}  {count} wrong code(s) in a row{until}");
        }
        Ok(())
    })
}
