//! What it takes for a registration to become a [`Client`]: all that is wrong is said at once.

use super::{Registration, RegistrationErrors, Rules};
use crate::clients::{
    AccessTokenFormat, AuthMethod, Basis, Client, ClientId, DataSetPolicy, GrantType, Localized, OwnerKind,
    RedirectUri, SubjectType, check_redirect_uri, redirect_uri,
};
use crate::people::DataSet;
use crate::platform::jose::Alg;

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
            kind: check.word("kind", self.kind.as_deref(), OwnerKind::Commercial),
            basis: check.word("basis", self.basis.as_deref(), Basis::Consent),
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
                    || (uri.scheme() == "http" && rules.loopback_http && redirect_uri::is_loopback(&uri)))
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
