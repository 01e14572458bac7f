//! What ends with a contract, or with what a change took from it (R104): consents that rested on that, and with them the grants,
//! refresh tokens and access tokens of their clients.
//!
//! A client is narrowed to its contract at once, wherever it is read; this takes away what people had agreed to before. It
//! goes on from consent to consent, each a transaction of its own that can be repeated. Only the last step notes that nothing
//! is left, so whatever is interrupted is done again by the next that looks, on any node.

use super::LifeEvents;
use crate::audit::{Event, Kind};
use crate::clients::{Contract, Registry};
use crate::platform::clock::Timestamp;
use crate::platform::service_error::ServiceError;
use crate::release::ListedConsent;

/// Consents that are read at once.
const TOGETHER: i64 = 500;

/// Seconds for which a node that has not seen a change yet may still record what the contract no longer allows: only after them
/// is it noted that nothing is left.
const SETTLED: i64 = 5;

impl LifeEvents {
    /// Ends what people agreed to under a contract and it does not allow; everything, where it is over. Returns how many consents.
    ///
    /// # Errors
    /// [`ServiceError`]; what was ended is, and the rest is ended the next time.
    pub async fn clear_contract(&self, clients: &Registry, contract: &Contract) -> Result<u64, ServiceError> {
        let now = self.clock.now();
        let over = contract.is_over(now);
        let mut ended = 0;
        for client in clients.clients_under(contract.id()) {
            let mut after = String::new();
            loop {
                let consents = self.release.standing_of(&client, &after, TOGETHER).await?;
                let Some(last) = consents.last() else { break };
                after.clone_from(&last.consent.id);
                for listed in consents.iter().filter(|listed| over || !is_covered(contract, listed)) {
                    let id = listed.consent.id.as_str();
                    let grants = self.grants.end_with_consent(id);
                    ended += u64::from(self.release.end_by_contract((id, contract.id()), grants).await?);
                }
            }
        }
        if ended > 0 {
            let count = i64::try_from(ended).unwrap_or(i64::MAX);
            self.audit.record(Event::new(Kind::ContractCleared).contract(contract.id()).count(count));
        }
        let settled = |at: Timestamp| now.since(at) >= SETTLED;
        if settled(contract.recorded_at) && (!over || contract.ends().is_none_or(settled)) {
            clients.contract_cleared(contract, over).await?;
        }
        Ok(ended)
    }

    /// As [`LifeEvents::clear_contract`], of every contract that has something to clear.
    ///
    /// # Errors
    /// As for that.
    pub async fn clear_contracts(&self, clients: &Registry) -> Result<u64, ServiceError> {
        let mut ended = 0;
        for contract in clients.uncleared_contracts() {
            ended += self.clear_contract(clients, &contract).await?;
        }
        Ok(ended)
    }
}

/// Whether a contract lets a service keep a consent.
fn is_covered(contract: &Contract, listed: &ListedConsent) -> bool {
    let extent = &listed.consent.extent;
    let purposes = extent.details.iter().map(|detail| detail.asked.purpose.as_str());
    let by_click = listed.permitted_by.as_deref() == Some("click");
    contract.covers(&extent.sets(), purposes, (listed.statutory, by_click))
}
