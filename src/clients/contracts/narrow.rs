//! A client as far as its contract goes.

use std::sync::Arc;

use super::contract::{Contract, Right};
use super::institution::InstitutionKind;
use super::suspension::Suspension;
use crate::clients::{Basis, Client, DetailType, GrantType, OwnerKind, Permission, Terms};
use crate::platform::clock::Timestamp;

/// Narrows a client, as it is registered, to its contract at `now`; one without a contract in force is suspended.
pub(in crate::clients) fn narrow(client: &mut Client, contract: Option<&Arc<Contract>>, now: Timestamp) {
    if client.under.is_first_party() {
        return;
    }
    let suspension = contract.map_or(Some(Suspension::NoContract), |contract| contract.suspension(now));
    // Whoever an operator suspended is told that, and not of contracts.
    client.suspension = suspension.filter(|_| !client.disabled);
    client.disabled |= suspension.is_some();
    let Some(contract) = contract else { return };
    let own = &contract.document;
    let data = &mut client.data;
    if !contract.allows_statutory() {
        data.basis = Basis::Consent;
    }
    data.data_api &= contract.allows(Right::DataApi);
    data.verification &= contract.allows(Right::Verification);
    if data.basis == Basis::Statutory && data.data_api {
        data.statutory_purposes.retain(|purpose| contract.allows_purpose(purpose));
    } else {
        // Whoever has no law, or no way to what it gives, names nobody (R70, D-i).
        data.statutory_purposes.clear();
    }
    if !contract.allows(Right::Applications) {
        data.detail_types.retain(|kind| *kind != DetailType::Application);
    }
    if own.permission != Permission::Click {
        data.permission = Permission::Code;
    }
    // For a purpose that is not agreed nothing may be asked.
    let agreed = contract.allows_purposes(&data.purpose);
    let (kept, taken): (Vec<_>, Vec<_>) =
        data.sets.drain(..).partition(|policy| agreed && own.data_sets.contains(&policy.data_set));
    data.sets = kept;
    client.taken = taken.into_iter().map(|policy| policy.data_set).collect();
    if data.sets.is_empty() {
        data.detail_types.retain(|kind| *kind != DetailType::PersonalData);
    }
    if let Some(words) = contract.words(data.basis) {
        data.basis_reference = words;
    }
    if !contract.allows(Right::Ciba) {
        client.tokens.grant_types.retain(|grant| *grant != GrantType::Ciba);
    }
    client.sessions.lending |= own.lending;
    client.terms = Terms::of(&client.identity, &client.data, Some(contract.id()));
    client.contract = Some(Arc::clone(contract));
}

/// What a registration says beyond its contract, each as `member: the contract …`.
pub(in crate::clients) fn beyond(client: &Client, contract: &Contract) -> Vec<String> {
    let own = &contract.document;
    let id = contract.id();
    let mut errors = Vec::new();
    let mut add = |member: &str, why: String| errors.push(format!("{member}: the contract `{id}` {why}"));
    let state = contract.institution.kind == InstitutionKind::State;
    if client.identity.kind == OwnerKind::State && !state {
        let kind = contract.institution.kind.name();
        add("kind", format!("is of an institution of the kind `{kind}`, which is no state body"));
    }
    if client.data.basis == Basis::Statutory && !contract.allows_statutory() {
        add("basis", "rests on consent: `statutory` is not allowed".to_owned());
    }
    if client.data.permission == Permission::Click && own.permission != Permission::Click {
        add("permission", "wants a code for every release: `click` is not allowed".to_owned());
    }
    let wide: Vec<&str> = client
        .data
        .sets
        .iter()
        .filter(|policy| !own.data_sets.contains(&policy.data_set))
        .map(|policy| policy.data_set.name())
        .collect();
    if !wide.is_empty() {
        add("data_sets", format!("does not allow {}", wide.join(", ")));
    }
    if !client.data.sets.is_empty() && !contract.allows_purposes(&client.data.purpose) {
        add("purpose", "has other purposes: say one of them, in its own words".to_owned());
    }
    if client.may(GrantType::Ciba) && !contract.allows(Right::Ciba) {
        add(
            "grant_types",
            "does not allow `ciba`: people may not be asked who are not at the service".to_owned(),
        );
    }
    let data = &client.data;
    let applications = data.detail_types.contains(&DetailType::Application);
    for (member, wanted, right) in [
        ("data_api", data.data_api, Right::DataApi),
        ("verification", data.verification, Right::Verification),
        ("authorization_details_types", applications, Right::Applications),
    ] {
        if wanted && !contract.allows(right) {
            add(member, format!("does not allow `{}`", right.name()));
        }
    }
    if data.statutory_purposes.iter().any(|purpose| !contract.allows_purpose(purpose)) {
        add("statutory_purposes", "has other purposes: say some of them, in its own words".to_owned());
    }
    errors
}
