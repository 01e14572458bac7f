//! The contract that the service lives under (`clients/contracts/`).

use serde::Serialize;

use super::check::Check;
use super::{Basis, DataPolicy};
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

    /// Refuses, of a service of the provider, what only a contract can give: nobody has agreed to what its own services may have.
    pub(super) fn check_data(&self, data: &DataPolicy, check: &mut Check<'_>) {
        let members = [
            ("basis", data.basis == Basis::Statutory),
            ("data_api", data.data_api),
            ("verification", data.verification),
        ];
        for (member, _) in members.into_iter().filter(|(_, wanted)| *wanted && self.is_first_party()) {
            check.fail(member, "`first_party = true` excludes it: it rests on a contract, and there is none");
        }
    }

    /// Whether the service is the provider's own.
    pub fn is_first_party(&self) -> bool {
        self.first_party == Some(true)
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::{client, wrong};

    #[test]
    fn r104_a_service_of_the_provider_has_nothing_that_only_a_contract_gives() {
        assert!(client("first_party = true").under.is_first_party());
        for (member, members) in [
            ("basis", "kind = 'state'\nbasis = 'statutory'\nbasis_reference = 'Law 1'\n"),
            ("data_api", "data_api = true\nauthorization_details_types = ['personal_data']\n"),
            ("verification", "verification = true\n"),
        ] {
            let errors = wrong(&format!("first_party = true\n{members}"));
            let [error] = &errors[..] else { panic!("{member}: {errors:?}") };
            assert!(error.starts_with(&format!("{member}: `first_party = true` excludes it")), "{error}");
        }
    }
}
