//! A registration document and what it takes to become a [`Client`]: all that is wrong is said at once.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{
    AccessTokenFormat, AuthMethod, Basis, Client, ClientId, DataSetPolicy, GrantType, Kind, Localized,
    Profile, RedirectUri, SubjectType, check_redirect_uri,
};
use crate::people::DataSet;
use crate::platform::jose::Alg;

/// What depends on where the provider runs.
#[derive(Clone, Debug)]
pub struct Rules {
    /// Whether `http` to this machine may be registered (always for native apps' loopback redirects).
    pub loopback_http: bool,
    /// Host in the last line of an SMS, which shortens what is left for the service's name.
    pub sms_host: String,
    /// The shortest secret that may be brought along instead of a generated one.
    pub shortest_secret: usize,
}

/// A client as registered: members of RFC 7591 and OpenID Connect Registration, then Yagona's own. Texts for
/// people may be given per language as `member#tag`.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Registration {
    /// Identifier; made up when absent.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub client_id: String,
    /// Only on the way in, never stored or exported.
    #[serde(skip_serializing)]
    pub client_secret: Option<String>,
    /// Digest of the secret, so that an export can be imported elsewhere. Not part of the stored document.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub client_secret_sha256: Option<String>,
    /// The service's name; `client_name#ru` and so on.
    pub client_name: String,
    /// The service's front page.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub client_uri: Option<String>,
    /// The service's icon.
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
    /// Where answers may go.
    pub redirect_uris: Vec<String>,
    /// Where a person may go after signing out.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub post_logout_redirect_uris: Vec<String>,
    /// Where a sign-in can be started anew.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub initiate_login_uri: Option<String>,
    /// Back-channel logout.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub backchannel_logout_uri: Option<String>,
    /// Whether logout tokens must hold `sid`; they always do.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub backchannel_logout_session_required: Option<bool>,
    /// Grants; `authorization_code` when absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub grant_types: Option<Vec<String>>,
    /// Only `code` is served.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub response_types: Option<Vec<String>>,
    /// `client_secret_basic` when absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub token_endpoint_auth_method: Option<String>,
    /// `ES256` when absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub id_token_signed_response_alg: Option<String>,
    /// `web` or `native`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub application_type: Option<String>,
    /// `pairwise` when absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub subject_type: Option<String>,
    /// Scopes that the client may use; narrows what `data_sets` allow.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub scope: Option<String>,
    /// Seconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub default_max_age: Option<i64>,

    /// `oidc`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub profile: Option<String>,
    /// The body or company that answers for the service.
    pub owner: String,
    /// `state` or `commercial`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub kind: Option<String>,
    /// `consent` or `statutory`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub basis: Option<String>,
    /// The contract or law, in words for people.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub basis_reference: Option<String>,
    /// What the data are for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub purpose: Option<String>,
    /// The name in an SMS; `client_name` when absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sms_name: Option<String>,
    /// Data that may be asked for; those of the scopes `profile`, `phone` and `address` when absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub data_sets: Option<Vec<DataSetEntry>>,
    /// Whether PKCE is demanded; true when absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub require_pkce: Option<bool>,
    /// `opaque` when absent, or `jwt`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub access_token_format: Option<String>,
    /// `ES256` when absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub access_token_signed_response_alg: Option<String>,
    /// Clients with the same sector see the same pairwise `sub`; the redirect URIs' host when absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sector: Option<String>,
    /// Days that a consent holds; 365 when absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub consent_days: Option<i64>,
    /// Longest silence of an SSO session that the service accepts, in seconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub session_idle_seconds: Option<i64>,
    /// Oldest SSO session that the service accepts, in seconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub session_absolute_seconds: Option<i64>,
    /// The lowest assurance it takes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub minimum_acr: Option<String>,
    /// A service in lending.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub lending: Option<bool>,
    /// Whether it is a resource server and may introspect tokens of other clients (RFC 7662).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub resource_server: Option<bool>,
    /// Codes that may be sent on its behalf in an hour.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sends_per_hour: Option<u64>,

    /// `member#tag` texts, and whatever is unknown.
    #[serde(flatten)]
    pub other: BTreeMap<String, toml::Value>,
}

/// A set of data that the client may ask for.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct DataSetEntry {
    /// `name`, `birth_date`, `sex`, `pinfl`, `document`, `citizenship`, `phone` or `address`.
    pub name: String,
    /// Whether the service cannot work without it.
    #[serde(default)]
    pub required: bool,
    /// Why it is wanted; `why#ru` and so on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub why: Option<String>,
    /// Translations of `why`.
    #[serde(flatten)]
    pub other: BTreeMap<String, toml::Value>,
}

/// All that is wrong with a registration.
#[derive(Debug)]
pub struct RegistrationErrors {
    /// Which client.
    pub client: String,
    /// `member: what is wrong`.
    pub errors: Vec<String>,
}

impl std::fmt::Display for RegistrationErrors {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        writeln!(f, "the client `{}` cannot be registered:", self.client)?;
        for error in &self.errors {
            writeln!(f, "  - {error}")?;
        }
        Ok(())
    }
}

impl std::error::Error for RegistrationErrors {}

/// Members that may be translated.
const TRANSLATED: [&str; 6] =
    ["client_name", "owner", "basis_reference", "purpose", "sms_name", "client_uri"];

const DAY: i64 = 86_400;

/// The languages of pages and messages.
const TAGS: [&str; 4] = ["uz-Latn", "uz-Cyrl", "ru", "en"];

impl Registration {
    /// Checks the document whole and parses it.
    ///
    /// # Errors
    /// Everything that is wrong with it.
    pub fn parse(&self, rules: &Rules) -> Result<Client, RegistrationErrors> {
        let mut check = Check { errors: Vec::new() };
        let client = self.build(rules, &mut check);
        if check.errors.is_empty() {
            Ok(client)
        } else {
            let name = if self.client_id.is_empty() { &self.client_name } else { &self.client_id };
            Err(RegistrationErrors { client: name.clone(), errors: check.errors })
        }
    }

    fn build(&self, rules: &Rules, check: &mut Check) -> Client {
        self.check_texts(check);
        let grant_types = check.list("grant_types", self.grant_types.as_deref(), &["authorization_code"]);
        let code_flow = grant_types.contains(&GrantType::AuthorizationCode);
        let auth_method = check.word(
            "token_endpoint_auth_method",
            self.token_endpoint_auth_method.as_deref(),
            AuthMethod::ClientSecretBasic,
        );
        let name = self.localized("client_name", Some(&self.client_name));
        let sms_name = if self.sms_name.is_some() {
            self.localized("sms_name", self.sms_name.as_ref())
        } else {
            name.clone()
        };
        self.check_flow(rules, check, &grant_types, auth_method);
        if code_flow {
            for tag in TAGS {
                if let Err(long) = crate::notices::sms::text::fits(tag, sms_name.get(tag), &rules.sms_host) {
                    check.fail("sms_name", format!("in {tag} the SMS would not fit one segment: {long}"));
                }
            }
        }
        Client {
            id: ClientId::parse(&self.client_id).unwrap_or_else(|| {
                check.fail("client_id", "1 to 64 letters, digits, `-`, `.`, `_` or `~`");
                ClientId::parse("invalid").unwrap_or_else(|| unreachable!("a constant"))
            }),
            secret: None,
            disabled: false,
            name,
            sms_name,
            owner: self.localized("owner", Some(&self.owner)),
            purpose: self.localized("purpose", self.purpose.as_ref()),
            basis_reference: self.localized("basis_reference", self.basis_reference.as_ref()),
            kind: check.word("kind", self.kind.as_deref(), Kind::Commercial),
            basis: check.word("basis", self.basis.as_deref(), Basis::Consent),
            profile: check.word("profile", self.profile.as_deref(), Profile::Oidc),
            logo_uri: check.uri("logo_uri", self.logo_uri.as_ref(), rules),
            client_uri: check.uri("client_uri", self.client_uri.as_ref(), rules),
            policy_uri: check.uri("policy_uri", self.policy_uri.as_ref(), rules),
            tos_uri: check.uri("tos_uri", self.tos_uri.as_ref(), rules),
            initiate_login_uri: check.uri("initiate_login_uri", self.initiate_login_uri.as_ref(), rules),
            redirect_uris: check.redirects("redirect_uris", &self.redirect_uris, rules),
            post_logout_redirect_uris: check.redirects(
                "post_logout_redirect_uris",
                &self.post_logout_redirect_uris,
                rules,
            ),
            backchannel_logout_uri: check.uri(
                "backchannel_logout_uri",
                self.backchannel_logout_uri.as_ref(),
                rules,
            ),
            grant_types,
            auth_method,
            require_pkce: self.require_pkce.unwrap_or(true),
            id_token_alg: check
                .alg("id_token_signed_response_alg", self.id_token_signed_response_alg.as_deref()),
            access_token_format: check.word(
                "access_token_format",
                self.access_token_format.as_deref(),
                AccessTokenFormat::Opaque,
            ),
            access_token_alg: check
                .alg("access_token_signed_response_alg", self.access_token_signed_response_alg.as_deref()),
            subject_type: check.word("subject_type", self.subject_type.as_deref(), SubjectType::Pairwise),
            sector: self.sector(check),
            data_sets: self.data_sets(check),
            consent_seconds: check.positive("consent_days", self.consent_days).unwrap_or(365) * DAY,
            default_max_age: self.default_max_age.filter(|age| *age >= 0),
            session_idle_max: check.positive("session_idle_seconds", self.session_idle_seconds),
            session_absolute_max: check.positive("session_absolute_seconds", self.session_absolute_seconds),
            minimum_acr: self.minimum_acr.clone().filter(|acr| {
                let known = acr.starts_with("urn:yagona:acr:");
                if !known {
                    check.fail("minimum_acr", "one of discovery's acr_values_supported is wanted");
                }
                known
            }),
            lending: self.lending.unwrap_or(false),
            resource_server: self.resource_server.unwrap_or(false),
            sends_per_hour: self.sends_per_hour,
        }
    }

    fn check_texts(&self, check: &mut Check) {
        if self.client_name.trim().is_empty() {
            check.fail("client_name", "people must be told who asks");
        }
        if self.owner.trim().is_empty() {
            check.fail("owner", "people must be told which body or company answers for the service");
        }
        for (member, value) in &self.other {
            let translated = member
                .split_once('#')
                .is_some_and(|(base, tag)| TRANSLATED.contains(&base) && (2..=12).contains(&tag.len()));
            if !translated {
                check.fail(member, "there is no such member");
            } else if value.as_str().is_none_or(|text| !is_plain(text)) {
                check.fail(member, "at most 300 characters, and no control characters");
            }
        }
        for (member, text) in [
            ("client_name", Some(&self.client_name)),
            ("owner", Some(&self.owner)),
            ("purpose", self.purpose.as_ref()),
            ("basis_reference", self.basis_reference.as_ref()),
            ("sms_name", self.sms_name.as_ref()),
        ] {
            if text.is_some_and(|text| !is_plain(text)) {
                check.fail(member, "at most 300 characters, and no control characters");
            }
        }
    }

    fn check_flow(&self, rules: &Rules, check: &mut Check, grants: &[GrantType], method: AuthMethod) {
        let code_flow = grants.contains(&GrantType::AuthorizationCode);
        if code_flow && self.redirect_uris.is_empty() {
            check.fail("redirect_uris", "the code flow needs at least one");
        }
        if grants.contains(&GrantType::RefreshToken) && !code_flow {
            check.fail("grant_types", "`refresh_token` goes with `authorization_code`");
        }
        if method == AuthMethod::None && grants.contains(&GrantType::ClientCredentials) {
            check.fail("grant_types", "`client_credentials` needs a client that proves itself");
        }
        if method == AuthMethod::None && self.require_pkce == Some(false) {
            check.fail("require_pkce", "a public client cannot go without PKCE");
        }
        if method == AuthMethod::None && self.client_secret.is_some() {
            check.fail(
                "client_secret",
                "`token_endpoint_auth_method` is `none`: there is nothing to keep secret",
            );
        }
        if let Some(secret) = &self.client_secret
            && (secret.len() < rules.shortest_secret
                || secret.len() > 200
                || !secret.bytes().all(|b| b.is_ascii_graphic()))
        {
            check.fail(
                "client_secret",
                format!(
                    "{} to 200 visible ASCII characters; leave it out to have one made",
                    rules.shortest_secret
                ),
            );
        }
        if let Some(types) = &self.response_types
            && types.iter().any(|kind| kind != "code")
        {
            check.fail(
                "response_types",
                "only `code` is served: other types hand tokens through the browser (RFC 9700 §2.1.2)",
            );
        }
    }

    /// The text of `member` with its translations.
    fn localized(&self, member: &str, default: Option<&String>) -> Localized {
        let mut text = Localized::same(default.cloned().unwrap_or_default());
        for (name, value) in &self.other {
            if let (Some((base, tag)), Some(value)) = (name.split_once('#'), value.as_str())
                && base == member
            {
                text = text.with(tag, value);
            }
        }
        text
    }

    fn sector(&self, check: &mut Check) -> String {
        if let Some(sector) = &self.sector {
            return sector.clone();
        }
        let mut hosts: Vec<String> = self
            .redirect_uris
            .iter()
            .filter_map(|uri| url::Url::parse(uri).ok())
            .map(|uri| uri.host_str().map_or_else(|| uri.scheme().to_owned(), str::to_owned))
            .collect();
        hosts.sort();
        hosts.dedup();
        if hosts.len() > 1 && self.subject_type.as_deref() != Some("public") {
            check.fail("sector", "the redirect URIs have several hosts: say which sector the client belongs to (OpenID Connect Core §8.1)");
        }
        // Alone on a machine with others, a client is its own sector: test clients all live on localhost.
        match hosts.into_iter().next() {
            Some(host) if host != "localhost" && host != "127.0.0.1" && host != "[::1]" => host,
            _ => self.client_id.clone(),
        }
    }

    fn data_sets(&self, check: &mut Check) -> Vec<DataSetPolicy> {
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
        entries
            .iter()
            .filter_map(|entry| {
                let Some(data_set) = DataSet::parse(&entry.name) else {
                    let known: Vec<&str> = DataSet::ALL.iter().map(|set| set.name()).collect();
                    check.fail("data_sets", format!("`{}` is none of {}", entry.name, known.join(", ")));
                    return None;
                };
                let mut why = Localized::same(entry.why.clone().unwrap_or_default());
                for (name, value) in &entry.other {
                    match (name.strip_prefix("why#"), value.as_str()) {
                        (Some(tag), Some(value)) => why = why.with(tag, value),
                        _ => check.fail("data_sets", format!("`{name}` is no member of a data set")),
                    }
                }
                let listed = scopes.as_ref().is_none_or(|scopes| scopes.contains(&data_set.scope()));
                listed.then_some(DataSetPolicy { data_set, required: entry.required, why })
            })
            .collect()
    }
}

/// Whether a text can be shown to people and put into an SMS: a line break would forge the line that phones read the
/// code from.
fn is_plain(text: &str) -> bool {
    text.chars().count() <= 300 && !text.chars().any(char::is_control)
}

struct Check {
    errors: Vec<String>,
}

impl Check {
    fn fail(&mut self, member: &str, why: impl std::fmt::Display) {
        self.errors.push(format!("{member}: {why}"));
    }

    fn word<T: serde::de::DeserializeOwned>(&mut self, member: &str, text: Option<&str>, default: T) -> T {
        let Some(text) = text else { return default };
        serde_json::from_value(text.into()).unwrap_or_else(|error| {
            self.fail(member, error);
            default
        })
    }

    fn list<T: serde::de::DeserializeOwned>(
        &mut self,
        member: &str,
        texts: Option<&[String]>,
        default: &[&str],
    ) -> Vec<T> {
        let texts: Vec<&str> =
            texts.map_or_else(|| default.to_vec(), |texts| texts.iter().map(String::as_str).collect());
        let mut out = Vec::new();
        for text in texts {
            match serde_json::from_value(text.into()) {
                Ok(value) => out.push(value),
                Err(error) => self.fail(member, error),
            }
        }
        out
    }

    fn alg(&mut self, member: &str, text: Option<&str>) -> Alg {
        match text {
            None => Alg::ES256,
            Some(text) => Alg::parse(text).unwrap_or_else(|| {
                self.fail(member, format!("`{text}` is none of RS256, ES256, EdDSA"));
                Alg::ES256
            }),
        }
    }

    fn positive(&mut self, member: &str, value: Option<i64>) -> Option<i64> {
        if value.is_some_and(|value| !(1..=1_000_000_000).contains(&value)) {
            self.fail(member, "a positive whole number is wanted");
        }
        value.filter(|value| (1..=1_000_000_000).contains(value))
    }

    fn uri(&mut self, member: &str, text: Option<&String>, rules: &Rules) -> Option<String> {
        let text = text?;
        let image = member == "logo_uri" && text.starts_with("data:image/");
        let web = url::Url::parse(text).is_ok_and(|uri| {
            uri.host().is_some()
                && uri.username().is_empty()
                && (uri.scheme() == "https"
                    || (uri.scheme() == "http"
                        && rules.loopback_http
                        && super::redirect_uri::is_loopback(&uri)))
        });
        if !(image || web) || text.len() > 20_000 {
            self.fail(member, "an https URL is wanted");
            return None;
        }
        Some(text.clone())
    }

    fn redirects(&mut self, member: &str, texts: &[String], rules: &Rules) -> Vec<RedirectUri> {
        let mut out = Vec::new();
        for text in texts {
            match check_redirect_uri(text, rules.loopback_http) {
                Ok(()) => out.push(RedirectUri::registered(text)),
                Err(why) => self.fail(member, format!("`{text}`: {why}")),
            }
        }
        out
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rules() -> Rules {
        Rules { loopback_http: true, sms_host: "localhost".to_owned(), shortest_secret: 8 }
    }

    fn portal() -> Registration {
        toml::from_str(
            "client_id = 'portal'\nclient_name = 'Portal'\nowner = 'Ministry'\n\
             'client_name#ru' = 'Портал'\nredirect_uris = ['https://portal.uz/cb']\n",
        )
        .unwrap()
    }

    #[test]
    fn a_plain_registration_gets_the_strict_policy() {
        let client = portal().parse(&rules()).unwrap();
        assert!(client.require_pkce);
        assert_eq!(client.id_token_alg, Alg::ES256);
        assert_eq!(client.subject_type, SubjectType::Pairwise);
        assert_eq!(client.name.get("ru"), "Портал");
        assert!(client.data_set(DataSet::Pinfl).is_none(), "PINFL only where it was allowed by name");
    }

    #[test]
    fn everything_wrong_is_said_at_once() {
        let mut bad = portal();
        bad.owner.clear();
        bad.redirect_uris = vec!["http://portal.uz/cb#x".to_owned()];
        bad.response_types = Some(vec!["code id_token".to_owned()]);
        bad.other.insert("colour".to_owned(), "red".into());
        let errors = bad.parse(&rules()).unwrap_err().errors;
        for member in ["owner", "redirect_uris", "response_types", "colour"] {
            assert!(errors.iter().any(|error| error.starts_with(member)), "{member} missing in {errors:?}");
        }
    }

    #[test]
    fn a_public_client_cannot_switch_pkce_off() {
        let mut public = portal();
        public.token_endpoint_auth_method = Some("none".to_owned());
        public.require_pkce = Some(false);
        assert!(public.parse(&rules()).is_err());
    }
}
