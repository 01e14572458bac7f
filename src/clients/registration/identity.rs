//! The service's identity: what people are told about it, and who answers for it.

use serde::{Deserialize, Serialize};

use super::check::Check;
use crate::clients::Localized;

/// Members of this part that may be translated.
pub(super) const TRANSLATED: &[&str] = &["client_name", "owner", "sms_name", "client_uri"];

/// The languages of pages and messages.
const TAGS: [&str; 4] = ["uz-Latn", "uz-Cyrl", "ru", "en"];

/// The service's identity as registered.
#[derive(Clone, Debug, Default, Serialize)]
pub struct IdentityDocument {
    /// The service's name; `client_name#ru` and so on.
    pub client_name: String,
    /// The service's front page.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub client_uri: Option<String>,
    /// Where the service's icon is fetched from when it is registered, or the icon itself (`data:`).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub logo_uri: Option<String>,
    /// How it treats personal data.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub policy_uri: Option<String>,
    /// Its terms of service.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tos_uri: Option<String>,
    /// Whom operators call.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub contacts: Vec<String>,
    /// The body or company that answers for the service.
    pub owner: String,
    /// `state` or `commercial`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub kind: Option<String>,
    /// The name in an SMS; `client_name` when absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sms_name: Option<String>,
}

members!(IdentityDocument {
    client_name,
    client_uri,
    logo_uri,
    policy_uri,
    tos_uri,
    contacts,
    owner,
    kind,
    sms_name
});

/// Who runs the service: state bodies use it free of charge, others under contract (R99).
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OwnerKind {
    /// A state body or local authority. Only these may have data without asking (`Basis::Statutory`).
    State,
    /// Anybody else.
    Commercial,
}

/// The service's identity.
#[derive(Clone, Debug)]
pub struct Identity {
    /// The service's name.
    pub name: Localized,
    /// The service's name in an SMS.
    pub sms_name: Localized,
    /// The body or company that answers for it.
    pub owner: Localized,
    /// State body or not.
    pub kind: OwnerKind,
    /// Where the service's icon is fetched from, or the icon itself. Browsers are never sent there.
    pub logo_uri: Option<String>,
    /// The service's front page.
    pub client_uri: Option<String>,
    /// How it treats personal data.
    pub policy_uri: Option<String>,
    /// Its terms.
    pub tos_uri: Option<String>,
}

impl IdentityDocument {
    pub(super) fn check(&self, check: &mut Check<'_>) -> Identity {
        if self.client_name.trim().is_empty() {
            check.fail("client_name", "people must be told who asks");
        }
        if self.owner.trim().is_empty() {
            check.fail("owner", "people must be told which body or company answers for the service");
        }
        let name = check.localized("client_name", Some(&self.client_name));
        let sms_name = match &self.sms_name {
            Some(text) => check.localized("sms_name", Some(text)),
            None => name.clone(),
        };
        Identity {
            name,
            sms_name,
            owner: check.localized("owner", Some(&self.owner)),
            kind: check.word("kind", self.kind.as_deref(), OwnerKind::Commercial),
            logo_uri: check.uri("logo_uri", self.logo_uri.as_ref()),
            client_uri: check.uri("client_uri", self.client_uri.as_ref()),
            policy_uri: check.uri("policy_uri", self.policy_uri.as_ref()),
            tos_uri: check.uri("tos_uri", self.tos_uri.as_ref()),
        }
    }
}

impl Identity {
    /// Refuses a name with which the SMS of a sign-in would not fit one segment.
    pub(super) fn check_sms(&self, check: &mut Check<'_>) {
        for tag in TAGS {
            let name = self.sms_name.get(tag);
            if let Err(long) = crate::notices::sms::text::fits(tag, name, &check.rules.sms_host) {
                check.fail("sms_name", format!("in {tag} the SMS would not fit one segment: {long}"));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::{client, wrong};
    use super::*;

    #[test]
    fn a_service_says_its_name_and_its_owner() {
        let errors = wrong("client_name = ' '\nowner = ' '");
        assert_eq!(
            errors,
            [
                "client_name: people must be told who asks",
                "owner: people must be told which body or company answers for the service"
            ]
        );
    }

    #[test]
    fn the_name_in_an_sms_is_the_services_name_unless_given() {
        assert_eq!(client("'client_name#ru' = 'Портал'").identity.sms_name.get("ru"), "Портал");
        assert_eq!(client("sms_name = 'MyPortal'").identity.sms_name.get("ru"), "MyPortal");
    }

    #[test]
    fn a_long_name_needs_a_short_one_for_the_sms_of_a_sign_in() {
        let long = format!("client_name = '{}'", "x".repeat(160));
        assert!(wrong(&long).iter().all(|error| error.starts_with("sms_name: in ")));
        assert_eq!(wrong(&long).len(), TAGS.len());
        assert!(wrong(&format!("{long}\nsms_name = 'Portal'")).is_empty());
        assert!(wrong(&format!("{long}\ngrant_types = ['client_credentials']")).is_empty());
    }

    #[test]
    fn an_owner_is_commercial_unless_said_otherwise() {
        assert_eq!(client("").identity.kind, OwnerKind::Commercial);
        assert_eq!(client("kind = 'state'").identity.kind, OwnerKind::State);
        assert!(wrong("kind = 'charity'")[0].starts_with("kind: "));
    }
}
