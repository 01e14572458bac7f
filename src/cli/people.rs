//! `yagona people`: what operators can do for a person.

use clap::Subcommand;
use serde_json::json;

pub(super) use super::account::{account_of, parse};
use super::account::{called, named, person_of};
use super::output::{Format, say};
use super::{notices, operator};
use crate::app::settings::Settings;
use crate::app::{StartError, Stores, cannot_start};
use crate::audit::{Event, Kind};
use crate::notices::inbox::{NewNotice, NoticeKind};
use crate::people::{AccountState, AccountUse, NamedAccount, NumberStatus, People as Store, Side, Unblocked};
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
    /// Shows whether a person can sign in, and what delays it; no personal data
    Show {
        /// The number, PINFL or identifier of the person
        who: String,
    },
    /// Ends the delay of an account after wrong codes; first identify its holder
    Unlock {
        /// The number, PINFL or identifier of the person
        who: String,
    },
    /// Ends the lock that a person put on their own account; first identify them in person by their document
    EndSelfLock {
        /// The number that was enrolled when they locked it, or the PINFL or identifier of the person
        who: String,
    },
    /// Ends all sessions, grants and tokens of a person, such as after a phone was stolen; consents and enrolment stay
    EndAccess {
        /// The number, PINFL or identifier of the person
        who: String,
    },
    /// Lists the services whose requests to approve do not reach a person, because they asked for that
    Muted {
        /// The number, PINFL or identifier of the person
        who: String,
    },
    /// Lets a service's requests to approve reach a person again; first identify them
    Unmute {
        /// The number, PINFL or identifier of the person
        who: String,
        /// The service
        client_id: String,
    },
    /// Blocks a number, such as after it was stolen, or an account without one: all access of its person ends, and nobody signs in there
    Block {
        /// The number, PINFL or identifier of the person
        who: String,
    },
    /// Lets the holder of a blocked number or account sign in again; first identify them
    Unblock {
        /// The number, PINFL or identifier of the person
        who: String,
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
        let (Self::Show { who }
        | Self::Unlock { who }
        | Self::EndSelfLock { who }
        | Self::EndAccess { who }
        | Self::Muted { who }
        | Self::Unmute { who, .. }
        | Self::Block { who }
        | Self::Unblock { who }) = &self;
        let named = named(who, &settings)?;
        let stores = super::existing(settings).await?;
        let found = person_of(&stores, &named).await?;
        let (account, number) = (&found.state, called(&found));
        let person = account.person_id.as_str();
        match self {
            Self::Show { .. } => {
                let nothing = async { Ok(()) };
                operator::recorded(&stores, "people show", |event| event.person(person), nothing).await?;
                show(&found, &number, stores.clock.now(), format)?;
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
            Self::EndSelfLock { .. } => end_self_lock(&stores, account, &number, format).await?,
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
            Self::Muted { .. } => muted(&stores, account, &number, format).await?,
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
            Self::Block { .. } => block(&stores, &found, &number, format).await?,
            Self::Unblock { .. } => unblock(&stores, &found, &number, format).await?,
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

/// The number in Mobile-ID that a block is about: one that is enrolled, or is blocked. The account is, where there is none.
fn in_use(found: &NamedAccount) -> Option<&Digest> {
    found.number_index.as_ref().filter(|_| found.state.status != NumberStatus::NotEnrolled)
}

/// Blocks a number, or an account without one.
async fn block(
    stores: &Stores,
    found: &NamedAccount,
    number: &str,
    format: Format,
) -> Result<(), StartError> {
    let person = &found.state.person_id;
    let block = async {
        let life_events = stores.life_events().await?;
        let blocked = match in_use(found) {
            Some(index) => life_events.block(person, index).await,
            None => life_events.block_account(person).await,
        };
        match blocked {
            Ok(true) => Ok(()),
            Ok(false) => Err(StartError(format!(
                "{number} was not blocked, and nobody's access has ended: it is blocked before, or not enrolled any more"
            ))),
            Err(error) => Err(StartError(format!("{number} may not be blocked, repeat this: {error}"))),
        }
    };
    operator::recorded(stores, "people block", |event| event.person(person.as_str()), block).await?;
    format.print(&json!({ "number": number, "status": "blocked" }), || {
        if in_use(found).is_some() {
            say!("{number} is blocked: all access of its person has ended, and nobody gets codes there.");
        } else {
            say!("The account of {number} is blocked: all access has ended, and nobody signs in there.");
        }
        Ok(())
    })?;
    Ok(())
}

/// Ends the block of a number, or of an account without one.
async fn unblock(
    stores: &Stores,
    found: &NamedAccount,
    number: &str,
    format: Format,
) -> Result<(), StartError> {
    let person = &found.state.person_id;
    let unblock = async {
        let life_events = stores.life_events().await?;
        let done = match in_use(found) {
            Some(index) => life_events.unblock(person, index).await,
            None => life_events.unblock_account(person).await,
        };
        match done.map_err(|error| StartError(format!("{number} may be blocked still: {error}")))? {
            Unblocked::Enrolled => Ok(true),
            Unblocked::StillLocked => Ok(false),
            Unblocked::Nothing => Err(StartError(format!(
                "{number} was not unblocked: it is not blocked, or its person has another enrolled number"
            ))),
        }
    };
    let about = |event: Event<'static>| event.person(person.as_str().to_owned());
    let usable = operator::recorded(stores, "people unblock", about, unblock).await?;
    let of_number = in_use(found).is_some();
    let status = match (usable, of_number) {
        (false, _) => "locked",
        (true, true) => "enrolled",
        (true, false) => "open",
    };
    format.print(&json!({ "number": number, "status": status }), || {
        if !usable {
            say!("{number} is blocked no more; the lock that its person put on the account stays.");
        } else if of_number {
            say!("{number} is enrolled again: its holder can sign in.");
        } else {
            say!("The account of {number} is open again: its person can sign in.");
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
fn show(found: &NamedAccount, number: &str, now: Timestamp, format: Format) -> Result<(), StartError> {
    let account = &found.state;
    let side = |side: Side| {
        let failures = account.failures(side);
        let delayed_until = Some(failures.locked_until).filter(|until| *until > now);
        (failures.count, delayed_until.map(Timestamp::to_rfc3339))
    };
    let ((known, known_until), (other, other_until)) = (side(Side::Known), side(Side::Stranger));
    let (approvals, approvals_until) = side(Side::Approval);
    let told = json!({
        "number": number, "status": account.status.name(), "account": found.account.map(AccountUse::name),
        "known_browsers": { "wrong_codes": known, "delayed_until": known_until },
        "other_browsers": { "wrong_codes": other, "delayed_until": other_until },
        "requests_to_approve": { "wrong_codes": approvals, "delayed_until": approvals_until },
    });
    format.print(&told, || {
        say!("number          {number}");
        say!("status          {}", account.status.name());
        if let Some(account) = found.account {
            say!("account         {}", account.name());
        }
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
