//! The contract that the service lives under (`clients/contracts/`).

use serde::Serialize;

use super::check::Check;
use crate::clients::ClientId;

/// The contract as registered.
#[derive(Clone, Debug, Default, Serialize)]
pub struct UnderContract {
    /// The contract's identifier.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub contract: Option<String>,
    /// Whether the service is the provider's own, which needs no contract.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub first_party: Option<bool>,
}

members!(UnderContract { contract, first_party });

impl UnderContract {
    /// Checks what it says; whether there is such a contract, and what that allows, is for the registry to know.
    pub(super) fn check(&self, check: &mut Check<'_>) {
        if self.contract.as_deref().is_some_and(|id| ClientId::parse(id).is_none()) {
            check.fail("contract", "the identifier of a contract: `yagona contract list` shows them");
        }
        if self.contract.is_some() && self.is_first_party() {
            check.fail(
                "first_party",
                "a service of the provider itself has no contract: leave one of the two out",
            );
        }
    }

    /// Whether the service is the provider's own.
    pub fn is_first_party(&self) -> bool {
        self.first_party == Some(true)
    }
}
