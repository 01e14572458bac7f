//! The personal data that the service may ask for: which, on what basis, for what purpose and for how long.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::check::Check;
use super::{GrantType, Rules};
use crate::clients::{Application, AuthMethod, Client, DetailType, Localized};
use crate::notices::sms::application::{Names, application_fits};
use crate::people::DataSet;
use crate::platform::plain_text::is_shown_as_written;
use crate::platform::web::locale::Language;

/// Members of this part that may be translated.
pub(super) const TRANSLATED: &[&str] = &["basis_reference", "purpose", "recipients"];

const DAY: i64 = 86_400;

/// Data as registered.
#[derive(Clone, Debug, Default, Serialize)]
pub struct DataDocument {
    /// Scopes that the client may use; narrows what `data_sets` allow.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub scope: Option<String>,
    /// `consent` or `statutory`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub basis: Option<String>,
    /// The contract or law, in words for people.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub basis_reference: Option<String>,
    /// What the data are for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub purpose: Option<String>,
    /// To whom the service passes the data on, in words for people.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub recipients: Option<String>,
    /// `code` or `click`: by what a person permits a release.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub permission: Option<String>,
    /// Data that may be asked for; those of the scopes `profile`, `phone` and `address` when absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub data_sets: Option<Vec<DataSetEntry>>,
    /// The kinds of objects of `authorization_details` that it may ask by (RFC 9396 §10).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub authorization_details_types: Option<Vec<String>>,
    /// Days that a consent holds; 365 when absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub consent_days: Option<i64>,
    /// Whether it gets data by the data API (docs/data.md).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub data_api: Option<bool>,
    /// The purposes for which a law lets it have data of people whom it names itself.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub statutory_purposes: Option<Vec<String>>,
    /// Whether it may ask whose a number is (docs/data.md).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub verification: Option<bool>,
}

members!(DataDocument {
    scope,
    basis,
    basis_reference,
    purpose,
    recipients,
    permission,
    data_sets,
    authorization_details_types,
    consent_days,
    data_api,
    statutory_purposes,
    verification
});

/// A set of data that the client may ask for.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct DataSetEntry {
    /// The name of a data set (`config/data-sets.toml`).
    pub name: String,
    /// Whether the service cannot work without it.
    #[serde(default)]
    pub required: bool,
    /// Why it is requested; `why#ru` and so on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub why: Option<String>,
    /// Translations of `why`.
    #[serde(flatten)]
    pub other: BTreeMap<String, toml::Value>,
}

/// Why a person's data may go to the client (D-i).
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Basis {
    /// The person agrees each time something new is asked.
    Consent,
    /// A law lets the state body have them: no question, the same record.
    Statutory,
}

/// By what a person permits a release of data (R68, D-p).
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Permission {
    /// By a one-time code from an SMS: the rule of resolution 479, clause 30.
    Code,
    /// By a button, for a body whose law asks for no more.
    Click,
}

/// One set of data that the client may ask for.
#[derive(Clone, Debug)]
pub struct DataSetPolicy {
    /// Which.
    pub data_set: DataSet,
    /// Whether the service cannot work without it.
    pub required: bool,
    /// Why the service wants it, in its own words.
    pub why: Localized,
}

/// The personal data that the service may ask for.
#[derive(Clone, Debug)]
pub struct DataPolicy {
    /// Data it may ask for.
    pub sets: Vec<DataSetPolicy>,
    /// Why data may go to it.
    pub basis: Basis,
    /// The contract or law, in words.
    pub basis_reference: Localized,
    /// What the data are for.
    pub purpose: Localized,
    /// To whom the data are passed on, in words; empty when to nobody.
    pub recipients: Localized,
    /// By what a person permits a release.
    pub permission: Permission,
    /// The kinds of objects of `authorization_details` that it may ask by.
    pub detail_types: Vec<DetailType>,
    /// For how long a consent holds, in seconds.
    pub consent_seconds: i64,
    /// Whether it gets data by the data API.
    pub data_api: bool,
    /// The purposes, word for word, for which a law lets it have data of people whom it names itself.
    pub statutory_purposes: Vec<String>,
    /// Whether it may ask whose a number is.
    pub verification: bool,
}

impl DataDocument {
    pub(super) fn check(&self, check: &mut Check<'_>) -> DataPolicy {
        let sets = self.sets(check);
        DataPolicy {
            detail_types: self.detail_types(&sets, check),
            sets,
            basis: check.word("basis", self.basis.as_deref(), Basis::Consent),
            basis_reference: check.localized("basis_reference", self.basis_reference.as_ref()),
            purpose: check.localized("purpose", self.purpose.as_ref()),
            recipients: check.localized("recipients", self.recipients.as_ref()),
            permission: check.word("permission", self.permission.as_deref(), Permission::Code),
            consent_seconds: check.positive("consent_days", self.consent_days).unwrap_or(365) * DAY,
            data_api: self.data_api.unwrap_or(false),
            statutory_purposes: self.purposes(check),
            verification: self.verification.unwrap_or(false),
        }
    }

    /// As people read them: what an object of `authorization_details` may say as its purpose.
    fn purposes(&self, check: &mut Check<'_>) -> Vec<String> {
        let purposes = self.statutory_purposes.clone().unwrap_or_default();
        for (at, purpose) in purposes.iter().enumerate() {
            let fits = (1..=200).contains(&purpose.chars().count()) && purpose.trim() == purpose;
            if !fits || !is_shown_as_written(purpose) {
                check.fail("statutory_purposes", "each is a text of 1 to 200 characters in one line");
            } else if purposes[..at].contains(purpose) {
                check.fail("statutory_purposes", format!("`{purpose}` stands there twice"));
            }
        }
        purposes
    }

    /// Refuses a registration that asks for data without saying on which basis.
    pub(super) fn check_basis(&self, check: &mut Check<'_>) {
        if self.basis.is_none() && self.basis_reference.is_none() {
            check.fail(
                "basis",
                "a service that asks for data says on what they rest: `consent` or `statutory`, and in \
                 `basis_reference` the contract or law",
            );
        }
    }

    /// Refuses what a client could not use, or not be trusted with.
    pub(super) fn check_back_office(client: &Client, check: &mut Check<'_>) {
        let data = &client.data;
        let public = client.authentication.method == AuthMethod::None;
        for (member, wanted) in [("data_api", data.data_api), ("verification", data.verification)] {
            if wanted && public {
                check.fail(member, "`token_endpoint_auth_method = 'none'` excludes it: anybody can say that they are this client");
            }
        }
        if data.data_api && !data.detail_types.contains(&DetailType::PersonalData) {
            let why = "data are asked for by `authorization_details`: `authorization_details_types` needs `personal_data`";
            check.fail("data_api", why);
        }
        if data.statutory_purposes.is_empty() {
            return;
        }
        let needs =
            |what: &str| format!("a law gives data of people whom the service names only with {what}");
        if data.basis != Basis::Statutory {
            check.fail("statutory_purposes", needs("`basis = 'statutory'`"));
        }
        if !data.data_api {
            check.fail("statutory_purposes", needs("`data_api = true`"));
        }
        if !client.may(GrantType::ClientCredentials) {
            check.fail("statutory_purposes", needs("the grant `client_credentials`"));
        }
    }

    /// Refuses the type `application` of a client that nobody could confirm one for, or whose name its message has no room for.
    pub(super) fn check_applications(client: &Client, check: &mut Check<'_>) {
        if !client.data.detail_types.contains(&DetailType::Application) {
            return;
        }
        let (signs_in, asks) = (client.may(GrantType::AuthorizationCode), client.may(GrantType::Ciba));
        if !signs_in && !asks {
            check.fail(
                "authorization_details_types",
                "`application` needs the grant `authorization_code` or `urn:openid:params:grant-type:ciba`: people confirm there",
            );
        }
        let address = example_address(check.rules);
        for language in Language::ALL {
            let tag = language.tag();
            let latin = client.identity.sms_name.get("uz-Latn");
            let names = Names { own: client.identity.sms_name.get(tag), latin };
            let host = &check.rules.sms_host;
            let at = asks.then_some(address.as_str());
            if let Err(long) = application_fits(tag, names, Application::LONGEST_REFERENCE, (host, at)) {
                check.fail("sms_name", format!("in a message that confirms an application ({tag}): {long}"));
            }
        }
    }

    fn detail_types(&self, sets: &[DataSetPolicy], check: &mut Check<'_>) -> Vec<DetailType> {
        let mut types = Vec::new();
        for name in self.authorization_details_types.iter().flatten() {
            match DetailType::parse(name) {
                Some(kind) if !types.contains(&kind) => types.push(kind),
                Some(_) => {}
                None => {
                    let known: Vec<&str> = DetailType::ALL.iter().map(|kind| kind.name()).collect();
                    let why = format!("`{name}` is none of {} (RFC 9396 §10)", known.join(", "));
                    check.fail("authorization_details_types", why);
                }
            }
        }
        if types.contains(&DetailType::PersonalData) && sets.is_empty() {
            check.fail(
                "authorization_details_types",
                "`personal_data` names data sets, and the registration has none: see `data_sets` and `scope`",
            );
        }
        types
    }

    fn sets(&self, check: &mut Check<'_>) -> Vec<DataSetPolicy> {
        let Some(entries) = &self.data_sets else {
            let scopes: Vec<&str> =
                self.scope.as_deref().unwrap_or("profile phone address").split(' ').collect();
            return DataSet::ALL
                .into_iter()
                .filter(|data_set| scopes.contains(&data_set.scope()))
                .map(|data_set| DataSetPolicy {
                    data_set,
                    required: data_set == DataSet::Name,
                    why: Localized::default(),
                })
                .collect();
        };
        let scopes: Option<Vec<&str>> = self.scope.as_deref().map(|scope| scope.split(' ').collect());
        let policies = entries.iter().filter_map(|entry| entry.check(check));
        policies
            .filter(|policy| scopes.as_ref().is_none_or(|scopes| scopes.contains(&policy.data_set.scope())))
            .collect()
    }
}

/// An address as messages have it.
pub(super) fn example_address(rules: &Rules) -> String {
    format!("{}/a/WDJBMJHT", rules.issuer.trim_end_matches('/'))
}

impl DataSetEntry {
    fn check(&self, check: &mut Check<'_>) -> Option<DataSetPolicy> {
        let Some(data_set) = DataSet::parse(&self.name) else {
            let known: Vec<&str> = DataSet::ALL.iter().map(|set| set.name()).collect();
            check.fail("data_sets", format!("`{}` is none of {}", self.name, known.join(", ")));
            return None;
        };
        let mut why = Localized::same(self.why.clone().unwrap_or_default());
        for (name, value) in &self.other {
            match (name.strip_prefix("why#"), value.as_str()) {
                (Some(tag), Some(value)) => why = why.with(tag, value),
                _ => check.fail("data_sets", format!("`{name}` is no member of a data set")),
            }
        }
        Some(DataSetPolicy { data_set, required: self.required, why })
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::{client, wrong};
    use super::*;

    #[test]
    fn without_data_sets_the_scopes_say_what_may_be_asked_for() {
        let portal = client("");
        assert!(portal.data_set(DataSet::Name).is_some_and(|policy| policy.required));
        assert!(portal.data_set(DataSet::Phone).is_some_and(|policy| !policy.required));
        assert!(portal.data_set(DataSet::Pinfl).is_none(), "PINFL only where it was allowed by name");
        assert!(client("scope = 'openid phone'").data_set(DataSet::Name).is_none());
    }

    #[test]
    fn data_sets_say_why_they_are_wanted_and_a_scope_narrows_them() {
        let sets = "data_sets = [{ name = 'name', required = true }, \
                    { name = 'phone', why = 'to call', 'why#ru' = 'чтобы позвонить' }]";
        let all = client(sets);
        assert_eq!(all.data.sets.len(), 2);
        assert_eq!(all.data_set(DataSet::Phone).unwrap().why.get("ru"), "чтобы позвонить");
        assert!(client(&format!("{sets}\nscope = 'profile'")).data_set(DataSet::Phone).is_none());
    }

    #[test]
    fn unknown_data_sets_and_members_of_them_are_refused() {
        assert!(
            wrong("data_sets = [{ name = 'shoe_size' }]")[0].starts_with("data_sets: `shoe_size` is none of")
        );
        assert_eq!(
            wrong("data_sets = [{ name = 'name', colour = 'red' }]"),
            ["data_sets: `colour` is no member of a data set"]
        );
    }

    #[test]
    fn an_application_needs_somewhere_to_be_confirmed() {
        let types = "authorization_details_types = ['application']\n";
        assert_eq!(client(types).data.detail_types, [DetailType::Application]);
        let device = "grant_types = ['urn:ietf:params:oauth:grant-type:device_code']\n";
        let errors = wrong(&format!("{types}{device}"));
        assert!(errors.iter().any(|error| error.contains("people confirm there")), "{errors:?}");
    }

    #[test]
    fn rfc9396_10_the_types_of_details_are_known_and_have_data_to_name() {
        assert!(client("").data.detail_types.is_empty());
        let types = "authorization_details_types = ['personal_data', 'personal_data']\n";
        assert_eq!(client(types).data.detail_types, [DetailType::PersonalData]);
        assert_eq!(
            wrong("authorization_details_types = ['payment']"),
            ["authorization_details_types: `payment` is none of personal_data, application (RFC 9396 §10)"]
        );
        assert!(
            wrong(&format!("{types}scope = 'openid'"))[0]
                .starts_with("authorization_details_types: `personal_data` names data sets")
        );
    }

    #[test]
    fn a_release_is_permitted_by_a_code_unless_the_registration_says_otherwise() {
        assert_eq!(client("").data.permission, Permission::Code);
        assert_eq!(client("permission = 'click'").data.permission, Permission::Click);
        assert!(wrong("permission = 'none'")[0].starts_with("permission: "));
    }

    #[test]
    fn what_a_back_office_could_not_use_is_refused_and_named() {
        let detailed = "authorization_details_types = ['personal_data']\ndata_api = true\n";
        assert!(client(detailed).data.data_api && !client("").data.data_api);
        assert!(client("verification = true").data.verification);
        assert!(wrong("data_api = true")[0].starts_with("data_api: data are asked for by"));
        let public = "token_endpoint_auth_method = 'none'\n";
        assert!(
            wrong(&format!("{public}verification = true"))
                .iter()
                .any(|error| error.starts_with("verification: "))
        );
        assert!(wrong(&format!("{public}{detailed}")).iter().any(|error| error.starts_with("data_api: ")));
        let lawful = wrong("statutory_purposes = ['Taxes']");
        assert_eq!(
            lawful.iter().filter(|error| error.starts_with("statutory_purposes: ")).count(),
            3,
            "{lawful:?}"
        );
        for bad in ["['']", "[' a']", "['Taxes', 'Taxes']", "[\"a\\nb\"]"] {
            let all = wrong(&format!("statutory_purposes = {bad}"));
            assert_eq!(
                all.iter().filter(|error| error.starts_with("statutory_purposes: ")).count(),
                4,
                "{all:?}"
            );
        }
    }

    #[test]
    fn whom_the_data_are_passed_on_to_is_said_in_words() {
        let client = client("recipients = 'Couriers'\n'recipients#ru' = 'Курьеры'");
        assert_eq!(
            (client.data.recipients.get("en"), client.data.recipients.get("ru")),
            ("Couriers", "Курьеры")
        );
    }

    #[test]
    fn a_consent_holds_for_days() {
        assert_eq!(client("").data.consent_seconds, 365 * DAY);
        assert_eq!(client("consent_days = 1").data.consent_seconds, DAY);
        assert_eq!(wrong("consent_days = 0"), ["consent_days: must be a positive whole number"]);
    }
}
