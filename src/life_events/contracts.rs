//! What ends with a contract, or with what a change took from it (R104): consents that rested on that, and with them the grants,
//! refresh tokens and access tokens of their clients.
//!
//! A client is narrowed to its contract at once, wherever it is read; this takes away what people had agreed to before. It
//! goes on from consent to consent, each a transaction of its own that can be repeated. Only the last step notes that nothing
//! is left, so whatever is interrupted is done again by the next that looks, on any node. What cannot be ended keeps nothing else
//! from ending, and is tried again.

use std::collections::HashMap;

use super::LifeEvents;
use crate::audit::{Event, Kind};
use crate::clients::{ClientId, Contract, Registry};
use crate::notices::inbox::{NewNotice, NoticeKind};
use crate::platform::clock::Timestamp;
use crate::platform::db::DbError;
use crate::platform::service_error::ServiceError;
use crate::release::{ListedConsent, Standing};
use crate::signals::EventType;

/// Consents that are read, and ended, in one turn of a contract.
const TOGETHER: i64 = 500;

/// Seconds for which a node that has not seen a change yet may still record what the contract no longer allows: only after them
/// is it noted that nothing is left. Requests that were begun before the change are held to the client as it is when they are answered.
const SETTLED: i64 = 5;

/// Seconds until what could not be ended is tried again.
const AGAIN: i64 = 60;

/// How far the contracts are that have something to clear, in this process.
#[derive(Default)]
pub struct Clearing(HashMap<String, Place>);

/// How far one contract is.
struct Place {
    version: i64,
    over: bool,
    /// When this walk over its consents began.
    began: Timestamp,
    /// The consent that was read last, and its client.
    after: Option<(ClientId, String)>,
    /// How many consents were ended in this walk.
    ended: u64,
    /// Whether something is left that should have ended in this walk.
    left: bool,
    /// Whether the walk is over, and another one begins after the rest.
    walked: bool,
    /// Nothing is to be done before.
    rests_until: Option<Timestamp>,
}

/// What a turn did.
#[derive(Debug, Default)]
pub struct Turn {
    /// How many consents it ended.
    pub ended: u64,
    /// Whether another turn has something to do at once.
    pub more: bool,
    /// Why something is left that should have ended, if that is so.
    pub failed: Option<ServiceError>,
}

impl LifeEvents {
    /// Ends what people agreed to and a contract does not allow; everything, where it is over: of every contract that has something to
    /// clear. Returns how many consents.
    ///
    /// # Errors
    /// [`ServiceError`]; what could be ended is, and the rest is ended the next time.
    pub async fn clear_contracts(&self, clients: &Registry) -> Result<u64, ServiceError> {
        let (mut clearing, mut ended, mut failed) = (Clearing::default(), 0, None);
        loop {
            let turn = self.clear_some(clients, &mut clearing).await;
            ended += turn.ended;
            failed = turn.failed.or(failed);
            if !turn.more {
                return failed.map_or(Ok(ended), Err);
            }
        }
    }

    /// As [`LifeEvents::clear_contracts`], one bounded step at each contract: a large one keeps nothing else waiting. What fails is
    /// logged, and tried again by a later turn.
    pub async fn clear_some(&self, clients: &Registry, clearing: &mut Clearing) -> Turn {
        let (contracts, now) = (clients.uncleared_contracts(), self.clock.now());
        clearing.0.retain(|id, _| contracts.iter().any(|contract| contract.id() == id));
        let mut turn = Turn::default();
        for contract in contracts {
            let over = contract.is_over(now);
            let place =
                clearing.0.entry(contract.id().to_owned()).or_insert_with(|| Place::new(&contract, now));
            if (place.version, place.over) != (contract.version, over) {
                *place = Place::new(&contract, now);
            }
            if place.rests(now) {
                continue;
            }
            if place.walked {
                *place = Place::new(&contract, now);
            }
            place.rests_until = None;
            match self.step(clients, &contract, place, &mut turn).await {
                Ok(more) => turn.more |= more,
                Err(error) => {
                    unended(&contract, None, &error);
                    place.rests_until = Some(now.plus(SETTLED));
                    turn.failed = Some(error.into());
                }
            }
        }
        turn
    }

    /// One step at a contract; whether there is another one.
    async fn step(
        &self,
        clients: &Registry,
        contract: &Contract,
        place: &mut Place,
        turn: &mut Turn,
    ) -> Result<bool, DbError> {
        let last = place.after.as_ref().map(|(client, _)| client.clone());
        let under = clients.clients_under(contract.id()).into_iter();
        for client in under.filter(|client| last.as_ref().is_none_or(|last| client >= last)) {
            let after = place.after.as_ref().filter(|(of, _)| *of == client);
            let after = after.map(|(_, after)| after.clone()).unwrap_or_default();
            let consents = self.release.standing_of(&client, &after, TOGETHER).await?;
            let Some(last) = consents.last() else { continue };
            let last = last.id.clone();
            for standing in consents {
                let id = standing.id.clone();
                match self.hold(clients, (contract, place.over), &client, standing).await {
                    Ok(ended) => {
                        place.ended += u64::from(ended);
                        turn.ended += u64::from(ended);
                    }
                    Err(error @ DbError::Unavailable(_)) => return Err(error),
                    Err(error) => {
                        unended(contract, Some(&id), &error);
                        place.left = true;
                        turn.failed = Some(error.into());
                    }
                }
            }
            place.after = Some((client, last));
            return Ok(true);
        }
        self.walked(clients, contract, place).await?;
        Ok(false)
    }

    /// Holds one consent against a contract; whether it was ended by that.
    async fn hold(
        &self,
        clients: &Registry,
        (contract, over): (&Contract, bool),
        client: &ClientId,
        standing: Standing,
    ) -> Result<bool, DbError> {
        let now = self.clock.now();
        let (told, by_law) = match standing.given {
            // With the contract everything ends, whatever it says.
            Err(_) if over => (true, false),
            // It may be of another version of the program, which knows better.
            Err(error) => return Err(error),
            Ok((listed, purpose)) => {
                if !over && is_covered(clients, contract, &listed, purpose.as_deref()) {
                    return Ok(false);
                }
                // Of what has run out by itself, and of services that got nothing, there is nothing to tell.
                let told = listed.consent.extent.decides() && listed.consent.expires_at > now;
                (told, listed.statutory)
            }
        };
        let mut then = if over {
            self.grants.end_with_consent(&standing.id)
        } else {
            self.grants.end_with_ended_consents(&standing.person, client)
        };
        // Whoever agreed anew meanwhile goes on, and what a law gave nobody had allowed.
        if over && told {
            let notice = NewNotice::new(NoticeKind::ContractEnded).service(client.as_str());
            then.extend(self.inbox.rows(&standing.person, &notice));
        } else if told && !by_law && !self.release.is_followed(&standing.id).await? {
            let notice = NewNotice::new(NoticeKind::ConsentEnded).service(client.as_str());
            then.extend(self.inbox.rows(&standing.person, &notice));
        }
        then.extend(self.signals.rows(&standing.person, &[EventType::TokensRevoked], Some(client)));
        let ended = self.release.end_by_contract((&standing.id, contract.id()), then).await?;
        if ended {
            self.signals.wake.notify_one();
        }
        Ok(ended)
    }

    /// Ends a walk: notes that nothing is left, or when to walk again.
    async fn walked(
        &self,
        clients: &Registry,
        contract: &Contract,
        place: &mut Place,
    ) -> Result<(), DbError> {
        if place.ended > 0 {
            let count = i64::try_from(place.ended).unwrap_or(i64::MAX);
            self.audit.record(Event::new(Kind::ContractCleared).contract(contract.id()).count(count));
        }
        let ends = contract.ends().filter(|_| place.over);
        let settled = contract.recorded_at.max(ends.unwrap_or(contract.recorded_at)).plus(SETTLED);
        place.walked = true;
        if place.left {
            place.rests_until = Some(self.clock.now().plus(AGAIN));
        } else if place.began < settled {
            place.rests_until = Some(settled);
        } else {
            clients.contract_cleared(contract, place.over).await?;
        }
        Ok(())
    }
}

impl Place {
    fn new(contract: &Contract, now: Timestamp) -> Self {
        let over = contract.is_over(now);
        let (after, left, walked, rests_until) = (None, false, false, None);
        Self { version: contract.version, over, began: now, after, ended: 0, left, walked, rests_until }
    }

    /// Whether nothing is to be done now. A clock that was set back keeps nothing waiting.
    fn rests(&self, now: Timestamp) -> bool {
        self.rests_until.is_some_and(|until| now < until && now >= self.began)
    }
}

/// Logs what could not be ended.
fn unended(contract: &Contract, consent: Option<&str>, error: &DbError) {
    tracing::warn!(
        event = "contracts.uncleared",
        contract.id = contract.id(),
        consent.id = consent,
        %error,
        "what a contract no longer allows could not be ended and will be tried again"
    );
}

/// Whether a contract lets a service keep a consent; `purpose` is the one that the person read.
fn is_covered(
    clients: &Registry,
    contract: &Contract,
    listed: &ListedConsent,
    purpose: Option<&str>,
) -> bool {
    let extent = &listed.consent.extent;
    let purposes = extent.details.iter().map(|detail| detail.asked.purpose.as_str());
    let by_click = listed.permitted_by.as_deref() == Some("click");
    // What has no purpose of its own goes for that of the registration at the time.
    let general = extent.released.is_empty()
        || !contract.names_purposes()
        || match purpose {
            Some(purpose) => contract.allows_purpose(purpose),
            // Nobody was asked: it is the purpose of today, or one that nobody can tell any more.
            None => clients.find(&listed.client_id).is_some_and(|client| {
                let then = listed.consent.terms.as_deref();
                contract.allows_purposes(&client.data.purpose)
                    && then.is_none_or(|then| client.terms.same_purpose(then))
            }),
        };
    general && contract.covers(&extent.sets(), purposes, (listed.statutory, by_click))
}
