//! The tokens that the service gets: by which grants, in which shape, and by which `sub` they name a person.

use serde::{Deserialize, Serialize};

use super::check::Check;
use crate::clients::ClientId;
use crate::platform::jose::Alg;

/// Grants and tokens as registered.
#[derive(Clone, Debug, Default, Serialize)]
pub struct TokensDocument {
    /// Grants; `authorization_code` when absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub grant_types: Option<Vec<String>>,
    /// Only `code` is served.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub response_types: Option<Vec<String>>,
    /// `RS256` when absent (OpenID Connect Dynamic Client Registration §2).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub id_token_signed_response_alg: Option<String>,
    /// `opaque` when absent, or `jwt`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub access_token_format: Option<String>,
    /// `ES256` when absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub access_token_signed_response_alg: Option<String>,
    /// `pairwise` when absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub subject_type: Option<String>,
    /// Clients with the same sector see the same pairwise `sub`; the redirect URIs' host when absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sector: Option<String>,
    /// Where the service lists its redirect URIs: the host of this address is then its sector (OpenID Connect Core §8.1).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sector_identifier_uri: Option<String>,
    /// Whether all its access tokens are bound to a key that it proves to have (RFC 9449 §5.2).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub dpop_bound_access_tokens: Option<bool>,
    /// Whether all its access tokens are bound to the certificate that it shows (RFC 8705 §3.4).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tls_client_certificate_bound_access_tokens: Option<bool>,
    /// Whether its proofs must have a nonce of the provider (RFC 9449 §8).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub dpop_require_nonce: Option<bool>,
    /// Whether it is a resource server and may introspect the tokens of clients that name it (RFC 7662).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub resource_server: Option<bool>,
    /// The URIs by which clients ask for tokens for this resource server (RFC 8707).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub resource_uris: Option<Vec<String>>,
    /// Client identifiers of the resource servers that its access tokens are for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub resource_servers: Option<Vec<String>>,
    /// Client identifiers of the resource servers that this resource server may call on a person's behalf (RFC 8693).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub may_exchange_for: Option<Vec<String>>,
    /// Whether it is told the identifiers of its grants, and may change, query and end them (Grant Management for OAuth 2.0).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub grant_management: Option<bool>,
    /// Whether each of its authorization requests must say what is to become of which grant.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub grant_management_action_required: Option<bool>,
    /// Whether it may have a stream of security events (Shared Signals Framework 1.0).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub shared_signals: Option<bool>,
    /// Whether it may enrol people in Mobile-ID by the API for the portal's app (docs/mobile-app.md).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mobile_id: Option<bool>,
}

members!(TokensDocument {
    grant_types,
    response_types,
    id_token_signed_response_alg,
    access_token_format,
    access_token_signed_response_alg,
    subject_type,
    sector,
    sector_identifier_uri,
    dpop_bound_access_tokens,
    tls_client_certificate_bound_access_tokens,
    dpop_require_nonce,
    resource_server,
    resource_uris,
    resource_servers,
    may_exchange_for,
    grant_management,
    grant_management_action_required,
    shared_signals,
    mobile_id
});

/// Grants at the token endpoint.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum GrantType {
    /// RFC 6749 §4.1.
    AuthorizationCode,
    /// RFC 6749 §6.
    RefreshToken,
    /// RFC 6749 §4.4.
    ClientCredentials,
    /// RFC 8628 §3.4.
    #[serde(rename = "urn:ietf:params:oauth:grant-type:device_code")]
    DeviceCode,
    /// RFC 8693 §2.1.
    #[serde(rename = "urn:ietf:params:oauth:grant-type:token-exchange")]
    TokenExchange,
    /// CIBA Core §10.1.
    #[serde(rename = "urn:openid:params:grant-type:ciba")]
    Ciba,
}

/// Whether the client sees the same `sub` as others (OpenID Connect Core §8).
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum SubjectType {
    /// A `sub` of its own sector.
    Pairwise,
    /// One `sub` for all public clients.
    Public,
}

/// What an access token looks like.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum AccessTokenFormat {
    /// Meaningless to anybody but this provider.
    Opaque,
    /// A signed JWT (RFC 9068).
    Jwt,
}

/// The tokens that the service gets.
#[derive(Clone, Debug)]
pub struct TokenPolicy {
    /// Grants it may use.
    pub grant_types: Vec<GrantType>,
    /// Signature of its ID tokens.
    pub id_token_alg: Alg,
    /// Shape of its access tokens.
    pub access_token_format: AccessTokenFormat,
    /// Signature of its JWT access tokens.
    pub access_token_alg: Alg,
    /// Kind of `sub`.
    pub subject_type: SubjectType,
    /// Clients of one sector see the same pairwise `sub`.
    pub sector: String,
    /// Whether it gets no access token that is not bound to a key.
    pub dpop_bound: bool,
    /// Whether its access tokens are bound to its certificate.
    pub certificate_bound: bool,
    /// Whether its proofs of possession must have a nonce.
    pub dpop_require_nonce: bool,
    /// Whether its refresh tokens are used once each.
    pub rotates: bool,
    /// Whether it may introspect the tokens of clients that name it.
    pub resource_server: bool,
    /// The URIs by which clients ask for tokens for it.
    pub resource_uris: Vec<String>,
    /// The resource servers that its access tokens are for.
    pub resource_servers: Vec<ClientId>,
    /// The resource servers that it may call on a person's behalf, by a token that it gets for one that it was sent.
    pub may_exchange_for: Vec<ClientId>,
    /// Whether it manages its grants.
    pub manages_grants: bool,
    /// Whether each of its authorization requests says what is to become of which grant.
    pub grant_action_required: bool,
    /// Whether it may have a stream of security events.
    pub shared_signals: bool,
    /// Whether it may enrol people.
    pub mobile_id: bool,
}

impl TokensDocument {
    /// `hosts` are those of the redirect URIs of the client `client_id`: they say its sector where the document does not.
    pub(super) fn check(&self, client_id: &str, hosts: Vec<String>, check: &mut Check<'_>) -> TokenPolicy {
        let grant_types = check.list("grant_types", self.grant_types.as_deref(), &["authorization_code"]);
        if grant_types.contains(&GrantType::RefreshToken)
            && !grant_types.contains(&GrantType::AuthorizationCode)
            && !grant_types.contains(&GrantType::DeviceCode)
            && !grant_types.contains(&GrantType::Ciba)
        {
            check.fail(
                "grant_types",
                "`refresh_token` goes with `authorization_code`, the device code or CIBA",
            );
        }
        if self.response_types.iter().flatten().any(|kind| kind != "code") {
            check.fail(
                "response_types",
                "only `code` is served: other types hand tokens through the browser (RFC 9700 §2.1.2)",
            );
        }
        let certificate_bound = self.tls_client_certificate_bound_access_tokens.unwrap_or(false);
        if certificate_bound && self.dpop_bound_access_tokens == Some(true) {
            check.fail(
                "tls_client_certificate_bound_access_tokens",
                "`dpop_bound_access_tokens` binds them to another key: keep one of the two",
            );
        }
        self.check_grant_management(&grant_types, check);
        if self.shared_signals == Some(true) && !grant_types.contains(&GrantType::ClientCredentials) {
            check.fail(
                "shared_signals",
                "needs the grant `client_credentials`: by its token the service manages its stream",
            );
        }
        if self.mobile_id == Some(true) && !grant_types.contains(&GrantType::ClientCredentials) {
            check.fail(
                "mobile_id",
                "needs the grant `client_credentials`: by its token the app's server enrols people",
            );
        }
        let may_exchange_for = self.may_exchange_for(client_id, &grant_types, check);
        TokenPolicy {
            grant_types,
            id_token_alg: check.alg(
                "id_token_signed_response_alg",
                self.id_token_signed_response_alg.as_deref(),
                Alg::RS256,
            ),
            access_token_format: check.word(
                "access_token_format",
                self.access_token_format.as_deref(),
                AccessTokenFormat::Opaque,
            ),
            access_token_alg: check.alg(
                "access_token_signed_response_alg",
                self.access_token_signed_response_alg.as_deref(),
                Alg::ES256,
            ),
            subject_type: check.word("subject_type", self.subject_type.as_deref(), SubjectType::Pairwise),
            sector: self.sector(client_id, hosts, check),
            dpop_bound: self.dpop_bound_access_tokens.unwrap_or(false),
            certificate_bound,
            dpop_require_nonce: self.dpop_require_nonce.unwrap_or(false),
            rotates: true,
            resource_server: self.resource_server.unwrap_or(false),
            resource_uris: self.resource_uris(check),
            resource_servers: identifiers("resource_servers", self.resource_servers.as_deref(), check),
            may_exchange_for,
            manages_grants: self.grant_management.unwrap_or(false),
            grant_action_required: self.grant_management_action_required.unwrap_or(false),
            shared_signals: self.shared_signals.unwrap_or(false),
            mobile_id: self.mobile_id.unwrap_or(false),
        }
    }

    fn resource_uris(&self, check: &mut Check<'_>) -> Vec<String> {
        let uris = self.resource_uris.clone().unwrap_or_default();
        if !uris.is_empty() && self.resource_server != Some(true) {
            check.fail("resource_uris", "only a resource server has any: `resource_server = true`");
        }
        for uri in &uris {
            if uri.trim_end_matches('/') == check.rules.issuer {
                check.fail(
                    "resource_uris",
                    format!("`{uri}` is the issuer: its UserInfo is no resource server"),
                );
            }
            let fits = (1..=500).contains(&uri.len()) && uri.bytes().all(|byte| byte.is_ascii_graphic());
            if !fits || uri.contains('#') || url::Url::parse(uri).is_err() {
                check.fail(
                    "resource_uris",
                    format!("`{uri}` must be an absolute URI without a fragment (RFC 8707 §2), at most 500 characters"),
                );
            }
        }
        uris
    }

    fn check_grant_management(&self, grant_types: &[GrantType], check: &mut Check<'_>) {
        if self.grant_management == Some(true) && !grant_types.contains(&GrantType::AuthorizationCode) {
            check.fail(
                "grant_management",
                "needs the grant `authorization_code`: its requests say what becomes of a grant",
            );
        }
        if self.grant_management_action_required == Some(true) && self.grant_management != Some(true) {
            check.fail("grant_management_action_required", "needs `grant_management = true`");
        }
    }

    /// Checks that whoever may exchange tokens is somebody whom tokens are for, and says for whom.
    fn may_exchange_for(
        &self,
        client_id: &str,
        grant_types: &[GrantType],
        check: &mut Check<'_>,
    ) -> Vec<ClientId> {
        let member = "may_exchange_for";
        let others = identifiers(member, self.may_exchange_for.as_deref(), check);
        let exchanges = grant_types.contains(&GrantType::TokenExchange);
        if exchanges && others.is_empty() {
            check.fail(
                "grant_types",
                "token exchange needs `may_exchange_for`: the resource servers to be called",
            );
        }
        if !exchanges && !others.is_empty() {
            check.fail(member, "needs the grant `urn:ietf:params:oauth:grant-type:token-exchange`");
        }
        if exchanges && self.resource_server != Some(true) {
            check.fail(
                "grant_types",
                "token exchange is for a resource server, which is sent tokens: `resource_server = true`",
            );
        }
        if others.iter().any(|other| other.as_str() == client_id) {
            check.fail(member, "names the client itself");
        }
        others
    }

    /// What an operator says counts first, so that a client that gets a document later keeps every `sub`.
    fn sector(&self, client_id: &str, hosts: Vec<String>, check: &mut Check<'_>) -> String {
        let document = check.uri("sector_identifier_uri", self.sector_identifier_uri.as_ref());
        if let Some(sector) = &self.sector {
            return sector.clone();
        }
        if let Some(host) = document.and_then(|uri| url::Url::parse(&uri).ok()?.host_str().map(str::to_owned))
        {
            return host;
        }
        let named = self.sector_identifier_uri.is_some();
        if hosts.len() > 1 && !named && self.subject_type.as_deref() != Some("public") {
            check.fail(
                "sector",
                "the redirect URIs have several hosts: give `sector_identifier_uri`, or in `sector` the sector that the \
                 client belongs to (OpenID Connect Core §8.1)",
            );
        }
        // Alone on a machine with others, a client is its own sector: test clients all live on localhost.
        match hosts.into_iter().next() {
            Some(host) if host != "localhost" && host != "127.0.0.1" && host != "[::1]" => host,
            _ => client_id.to_owned(),
        }
    }
}

/// Identifiers of clients, in order and each once.
fn identifiers(member: &str, names: Option<&[String]>, check: &mut Check<'_>) -> Vec<ClientId> {
    let parse = |name: &String| {
        let parsed = ClientId::parse(name);
        if parsed.is_none() {
            check.fail(member, format!("`{name}` is no client identifier"));
        }
        parsed
    };
    let mut clients: Vec<ClientId> = names.into_iter().flatten().filter_map(parse).collect();
    clients.sort();
    clients.dedup();
    clients
}

#[cfg(test)]
mod tests {
    use super::super::tests::{client, wrong};
    use super::*;

    #[test]
    fn the_sector_is_the_one_host_of_the_redirect_uris() {
        assert_eq!(client("").tokens.sector, "portal.uz");
        assert_eq!(client("redirect_uris = ['http://localhost:8082/cb']").tokens.sector, "portal");
        let two = "redirect_uris = ['https://a.uz/cb', 'https://b.uz/cb']";
        assert!(wrong(two)[0].starts_with("sector: the redirect URIs have several hosts"));
        assert_eq!(client(&format!("{two}\nsector = 'b.uz'")).tokens.sector, "b.uz");
        assert!(wrong(&format!("{two}\nsubject_type = 'public'")).is_empty());
    }

    #[test]
    fn oidc_8_1_the_sector_of_several_hosts_is_that_of_the_document_which_lists_them() {
        let two = "redirect_uris = ['https://a.uz/cb', 'https://b.uz/cb']";
        let document = "sector_identifier_uri = 'https://all.uz/sector.json'";
        assert_eq!(client(&format!("{two}\n{document}")).tokens.sector, "all.uz");
        assert_eq!(client(document).tokens.sector, "all.uz", "also where there is one host");
        // Who was registered before keeps every `sub`.
        assert_eq!(client(&format!("{two}\n{document}\nsector = 'a.uz'")).tokens.sector, "a.uz");
        assert_eq!(
            wrong(&format!("{two}\nsector_identifier_uri = 'http://all.uz/sector.json'")),
            ["sector_identifier_uri: must be an https URL"]
        );
    }

    #[test]
    fn grants_that_cannot_be_used_are_refused() {
        assert_eq!(
            wrong("grant_types = ['refresh_token']"),
            ["grant_types: `refresh_token` goes with `authorization_code`, the device code or CIBA"]
        );
        assert!(
            wrong("grant_types = ['implicit']")[0].starts_with("grant_types: unknown variant `implicit`")
        );
        let device = "urn:ietf:params:oauth:grant-type:device_code";
        assert!(
            wrong(&format!("grant_types = ['refresh_token', '{device}']\nredirect_uris = []")).is_empty()
        );
        assert!(client(&format!("grant_types = ['{device}']")).may(GrantType::DeviceCode));
        assert!(wrong("response_types = ['code']").is_empty());
        assert!(wrong("response_types = ['code', 'token']")[0].starts_with("response_types: only `code`"));
    }

    #[test]
    fn tokens_are_for_the_resource_servers_that_are_named() {
        let servers = client("resource_servers = ['tax', 'api', 'tax']").tokens.resource_servers;
        assert_eq!(servers.iter().map(ClientId::as_str).collect::<Vec<_>>(), ["api", "tax"]);
        assert!(client("").tokens.resource_servers.is_empty());
        assert_eq!(wrong("resource_servers = ['a b']"), ["resource_servers: `a b` is no client identifier"]);
    }

    #[test]
    fn rfc8707_2_a_resource_server_is_known_by_absolute_uris() {
        let server = "resource_server = true\n";
        let uris = client(&format!("{server}resource_uris = ['https://api.uz/v1', 'urn:uz:api']"))
            .tokens
            .resource_uris;
        assert_eq!(uris, ["https://api.uz/v1", "urn:uz:api"]);
        for bad in ["/v1", "api", "https://api.uz/#x", "https://api.uz/ x", ""] {
            let errors = wrong(&format!("{server}resource_uris = ['{bad}']"));
            assert!(errors.len() == 1 && errors[0].starts_with("resource_uris: "), "{bad}: {errors:?}");
        }
        for issuer in ["https://id.uz", "https://id.uz/"] {
            assert_eq!(
                wrong(&format!("{server}resource_uris = ['{issuer}']")),
                [format!("resource_uris: `{issuer}` is the issuer: its UserInfo is no resource server")]
            );
        }
        assert_eq!(
            wrong("resource_uris = ['https://api.uz/']"),
            ["resource_uris: only a resource server has any: `resource_server = true`"]
        );
    }

    #[test]
    fn rfc8693_2_1_who_exchanges_tokens_is_a_resource_server_that_says_for_whom() {
        let grant = "grant_types = ['urn:ietf:params:oauth:grant-type:token-exchange']\n";
        let server = format!("{grant}resource_server = true\n");
        let policy = client(&format!("{server}may_exchange_for = ['tax', 'api']")).tokens;
        assert_eq!(policy.may_exchange_for.iter().map(ClientId::as_str).collect::<Vec<_>>(), ["api", "tax"]);
        assert!(wrong(&server)[0].starts_with("grant_types: token exchange needs `may_exchange_for`"));
        assert!(
            wrong(&format!("{grant}may_exchange_for = ['tax']"))[0]
                .starts_with("grant_types: token exchange is for a resource server")
        );
        assert_eq!(
            wrong("may_exchange_for = ['tax']"),
            ["may_exchange_for: needs the grant `urn:ietf:params:oauth:grant-type:token-exchange`"]
        );
        assert_eq!(
            wrong(&format!("{server}may_exchange_for = ['portal']")),
            ["may_exchange_for: names the client itself"]
        );
        let public = format!("{server}may_exchange_for = ['tax']\ntoken_endpoint_auth_method = 'none'");
        assert!(wrong(&public)[0].contains("needs a client that proves itself"));
    }

    #[test]
    fn grant_management_goes_with_authorization_requests() {
        let managing = "grant_management = true\n";
        let policy = client(&format!("{managing}grant_management_action_required = true")).tokens;
        assert!(policy.manages_grants && policy.grant_action_required);
        assert!(!client("").tokens.manages_grants);
        assert_eq!(
            wrong("grant_management_action_required = true"),
            ["grant_management_action_required: needs `grant_management = true`"]
        );
        let machine = format!("{managing}grant_types = ['client_credentials']");
        assert!(wrong(&machine)[0].starts_with("grant_management: needs the grant `authorization_code`"));
    }

    #[test]
    fn shared_signals_go_with_tokens_of_the_service_itself() {
        let both = "grant_types = ['authorization_code', 'client_credentials']\nshared_signals = true";
        assert!(client(both).tokens.shared_signals && !client("").tokens.shared_signals);
        let wrong = wrong("shared_signals = true");
        assert!(wrong[0].starts_with("shared_signals: needs the grant `client_credentials`"), "{wrong:?}");
    }

    #[test]
    fn enrolling_goes_with_tokens_of_the_service_itself() {
        assert!(client("grant_types = ['client_credentials']\nmobile_id = true").tokens.mobile_id);
        assert!(!client("").tokens.mobile_id);
        assert!(wrong("mobile_id = true")[0].starts_with("mobile_id: needs the grant `client_credentials`"));
    }

    #[test]
    fn tokens_have_the_registered_shape_and_signature() {
        let policy = client(
            "id_token_signed_response_alg = 'RS256'\naccess_token_format = 'jwt'\n\
             access_token_signed_response_alg = 'EdDSA'\nsubject_type = 'public'\nresource_server = true",
        )
        .tokens;
        assert_eq!((policy.id_token_alg, policy.access_token_alg), (Alg::RS256, Alg::EdDSA));
        assert_eq!(policy.access_token_format, AccessTokenFormat::Jwt);
        assert!(policy.subject_type == SubjectType::Public && policy.resource_server);
        assert_eq!(
            wrong("id_token_signed_response_alg = 'none'"),
            ["id_token_signed_response_alg: `none` is none of RS256, PS256, ES256, EdDSA"]
        );
    }
}
