//! Which members of a registration are the service's own to say, and what its answers tell it.

use std::fmt::Display;

use serde_json::{Map, Value, json};

use crate::clients::{Client, Registration, RegistrationErrors, SubjectType};
use crate::platform::db::DbError;

/// What a service may say of itself: members of RFC 7591, OpenID Connect Registration and the specifications that add to them.
/// Those that this version does not serve stand here as well: who asks for them is refused, not ignored, since they
/// would trust in what they do not get. The name in an SMS is ours.
const OWN: &[&str] = &[
    "redirect_uris",
    "post_logout_redirect_uris",
    "initiate_login_uri",
    "application_type",
    "client_name",
    "sms_name",
    "client_uri",
    "logo_uri",
    "policy_uri",
    "tos_uri",
    "contacts",
    "jwks",
    "jwks_uri",
    "sector_identifier_uri",
    "grant_types",
    "response_types",
    "scope",
    "default_max_age",
    "token_endpoint_auth_method",
    "token_endpoint_auth_signing_alg",
    "tls_client_auth_subject_dn",
    "tls_client_auth_san_dns",
    "tls_client_auth_san_uri",
    "tls_client_auth_san_ip",
    "tls_client_auth_san_email",
    "tls_client_certificate_bound_access_tokens",
    "dpop_bound_access_tokens",
    "id_token_signed_response_alg",
    "id_token_encrypted_response_alg",
    "id_token_encrypted_response_enc",
    "userinfo_signed_response_alg",
    "userinfo_encrypted_response_alg",
    "userinfo_encrypted_response_enc",
    "request_object_signing_alg",
    "request_object_encryption_alg",
    "request_object_encryption_enc",
    "require_signed_request_object",
    "require_pushed_authorization_requests",
    "authorization_signed_response_alg",
    "authorization_encrypted_response_alg",
    "authorization_encrypted_response_enc",
    "introspection_signed_response_alg",
    "introspection_encrypted_response_alg",
    "introspection_encrypted_response_enc",
    "frontchannel_logout_uri",
    "frontchannel_logout_session_required",
    "backchannel_logout_uri",
    "backchannel_logout_session_required",
    "backchannel_token_delivery_mode",
    "backchannel_client_notification_endpoint",
    "backchannel_authentication_request_signing_alg",
    "backchannel_user_code_parameter",
];

/// Members of [`OWN`] that may be translated (`client_name#ru`).
const TRANSLATED: &[&str] = &["client_name", "client_uri", "sms_name"];

/// What the answers add, and a service may send back unread.
const ANSWERED: &[&str] = &[
    "client_id",
    "client_secret",
    "client_secret_expires_at",
    "client_id_issued_at",
    "registration_access_token",
    "registration_client_uri",
    "registration_status",
];

/// Members of a document that are no metadata of the client.
const UNTOLD: &[&str] = &["client_id", "client_secret", "client_secret_sha256", "disabled"];

/// The longest description of what is wrong, in characters.
const LONGEST: usize = 1000;

/// What cannot be registered, in the words of RFC 7591 §3.2.2.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Unfit {
    /// The error code.
    pub code: &'static str,
    /// Member and reason, in ASCII without quotes and backslashes.
    pub why: String,
    /// What only the operator is told.
    pub detail: Option<String>,
}

impl Unfit {
    /// Something other than a redirect URI is wrong.
    pub fn metadata(why: &str) -> Self {
        Self::new("invalid_client_metadata", why)
    }

    fn new(code: &'static str, why: &str) -> Self {
        Self { code, why: plain(why), detail: None }
    }

    pub(super) fn because(self, detail: Option<String>) -> Self {
        Self { detail, ..self }
    }

    pub(super) fn of(errors: &RegistrationErrors) -> Self {
        let redirect = errors.errors.iter().any(|error| error.starts_with("redirect_uris:"));
        let code = if redirect { "invalid_redirect_uri" } else { "invalid_client_metadata" };
        let why =
            errors.errors.join("; ").replace("there is no such member", "this provider does not serve it");
        Self::new(code, &why)
    }

    fn member(member: &str, why: impl Display) -> Self {
        let code = if member == "redirect_uris" { "invalid_redirect_uri" } else { "invalid_client_metadata" };
        Self::new(code, &format!("{member}: {why}"))
    }
}

/// What RFC 6749 §5.2 lets stand in a description.
fn plain(text: &str) -> String {
    let sign = |c: char| match c {
        '"' | '\\' => '\'',
        ' '..='~' => c,
        '\n' | '\t' => ' ',
        _ => '?',
    };
    text.replace('§', "section ").chars().map(sign).take(LONGEST).collect()
}

/// Whether a member, with or without a language, is the service's own to say.
fn is_own(member: &str) -> bool {
    match member.split_once('#') {
        None => OWN.contains(&member),
        Some((base, _)) => TRANSLATED.contains(&base),
    }
}

/// The member without its language.
fn base(member: &str) -> &str {
    member.split_once('#').map_or(member, |(base, _)| base)
}

/// Whether a registration knows a member, without regard to its language.
fn is_known(member: &str) -> bool {
    let trial = Map::from_iter([(base(member).to_owned(), Value::Bool(true))]);
    // A member of another type is known, too.
    serde_json::from_value::<Registration>(trial.into()).map_or(true, |read| read.other.is_empty())
}

/// The members that a request holds.
///
/// # Errors
/// When it is no JSON object, or holds a software statement: no issuer of those is known here.
pub fn read(body: &[u8]) -> Result<Map<String, Value>, Unfit> {
    let members: Map<String, Value> = serde_json::from_slice(body)
        .map_err(|error| Unfit::metadata(&format!("the body is no JSON object: {error}")))?;
    match members.get("software_statement") {
        None | Some(Value::Null) => Ok(members),
        Some(Value::String(text)) if text.split('.').count() == 3 => Err(Unfit::new(
            "unapproved_software_statement",
            "software statements are not taken: no issuer of them is trusted; send the members themselves",
        )),
        Some(_) => Err(Unfit::new(
            "invalid_software_statement",
            "the software_statement is no signed JWT; none is taken here: send the members themselves",
        )),
    }
}

/// What an initial access token gives its clients.
#[derive(Clone, Default, Debug)]
pub(super) struct Template {
    /// Members that no client changes.
    fixed: Map<String, Value>,
    /// Members that go for whoever says nothing else.
    defaults: Map<String, Value>,
}

/// Where a template has its defaults.
const DEFAULTS: &str = "defaults";

impl Template {
    /// From what an operator wrote.
    pub(super) fn of(mut members: Map<String, Value>) -> Self {
        let defaults = match members.remove(DEFAULTS) {
            Some(Value::Object(defaults)) => defaults,
            _ => Map::new(),
        };
        Self { fixed: members, defaults }
    }

    /// The same for a client that has registered: what the operator made of its fixed members since then counts.
    pub(super) fn held_by(&self, current: &Registration) -> Result<Self, DbError> {
        Ok(Self { fixed: self.of_operator(current)?, defaults: self.defaults.clone() })
    }

    /// The members of a registration that are the operator's.
    fn of_operator(&self, registration: &Registration) -> Result<Map<String, Value>, DbError> {
        let mut members = object(registration)?;
        members.retain(|member, _| {
            !ANSWERED.contains(&member.as_str()) && (!is_own(member) || has(&self.fixed, member))
        });
        Ok(members)
    }
}

/// Whether `members` has a member, in whatever language.
fn has(members: &Map<String, Value>, member: &str) -> bool {
    members.keys().any(|given| base(given) == base(member))
}

/// The registration that `sent` makes, beside what an operator gives.
///
/// # Errors
/// When a member is not the service's to say, or of a wrong type.
pub(super) fn document(template: &Template, sent: Map<String, Value>) -> Result<Registration, Unfit> {
    let operators = &template.fixed;
    let mut members = operators.clone();
    for (member, value) in sent {
        if value.is_null() || ANSWERED.contains(&member.as_str()) {
            continue;
        }
        let given = has(operators, &member);
        if is_own(&member) && !given {
            check_type(&member, &value)?;
            members.insert(member, value);
        } else if (given || !OWN.contains(&base(&member)) && is_known(&member))
            && !follows(&member, &value, operators)
        {
            let why = "only an operator gives it: leave it out, and ask the operator of the provider";
            return Err(Unfit::member(&member, why));
        }
        // RFC 7591 §2: what is not understood is ignored.
    }
    for (member, value) in &template.defaults {
        if !has(&members, member) {
            members.insert(member.clone(), value.clone());
        }
    }
    // Without this member, scopes would say what data may be asked for.
    members.entry("data_sets").or_insert_with(|| json!([]));
    serde_json::from_value(members.into()).map_err(|error| Unfit::metadata(&error.to_string()))
}

/// Whether a member that an operator gives has the value that it has anyway.
fn follows(member: &str, value: &Value, operators: &Map<String, Value>) -> bool {
    match operators.get(member) {
        Some(given) => given == value,
        // OpenID Connect Registration §2 lets a service ask for what is the rule here.
        None => member == "subject_type" && value == "pairwise",
    }
}

fn check_type(member: &str, value: &Value) -> Result<(), Unfit> {
    let alone = Map::from_iter([(member.to_owned(), value.clone())]);
    serde_json::from_value::<Registration>(alone.into())
        .map(drop)
        .map_err(|error| Unfit::member(member, error))
}

/// `held`'s own members beside what the operator gives in `current`.
pub(super) fn merged(
    template: &Template,
    current: &Registration,
    held: &Registration,
) -> Result<Registration, DbError> {
    let mut members = template.of_operator(current)?;
    let own: Map<String, Value> =
        object(held)?.into_iter().filter(|(member, _)| is_own(member) && !has(&members, member)).collect();
    members.extend(own);
    let mut merged: Registration = serde_json::from_value(members.into()).map_err(DbError::statement)?;
    merged.client_id.clone_from(&current.client_id);
    Ok(merged)
}

/// Whether an operator may give these members to all clients that register by one token.
///
/// # Errors
/// What is wrong with which.
pub(super) fn check_template(members: &Map<String, Value>) -> Result<(), String> {
    for (member, value) in members {
        if member == DEFAULTS {
            check_defaults(members, value)?;
            continue;
        }
        let own = ["client_id", "client_secret", "client_secret_sha256", "disabled", "resource_uris"];
        if own.contains(&member.as_str()) {
            return Err(format!("{member}: each client has its own"));
        }
        if !is_known(member) {
            return Err(format!("{member}: there is no such member"));
        }
        check_type(member, value).map_err(|unfit| unfit.why)?;
    }
    let owner = members.get("owner").and_then(Value::as_str).unwrap_or_default();
    if owner.trim().is_empty() {
        return Err("owner: people must be told which body or company answers for the services".to_owned());
    }
    Ok(())
}

/// Defaults are for what clients may say themselves.
fn check_defaults(members: &Map<String, Value>, defaults: &Value) -> Result<(), String> {
    let defaults = defaults.as_object().ok_or("defaults: must be a table of members")?;
    for (member, value) in defaults {
        if !is_own(member) {
            return Err(format!("defaults: {member} is no client's to say: write it above `[defaults]`"));
        }
        if has(members, member) {
            return Err(format!("defaults: {member} stands above as well, where no client can change it"));
        }
        check_type(member, value).map_err(|unfit| unfit.why)?;
    }
    Ok(())
}

/// What a service is told of its registration (RFC 7591 §3.2.1): all of it, what the operator gave included, and what follows
/// where nothing is said. No secret and no digest of one is among it.
pub(super) fn told(registration: &Registration, client: &Client) -> Result<Map<String, Value>, DbError> {
    let mut members = object(registration)?;
    members.retain(|member, _| !UNTOLD.contains(&member.as_str()));
    let pairwise = client.tokens.subject_type == SubjectType::Pairwise;
    for (member, value) in [
        ("token_endpoint_auth_method", json!(client.authentication.method.name())),
        ("grant_types", json!(client.tokens.grant_types)),
        ("response_types", json!(["code"])),
        ("application_type", json!(if client.redirects.any_port { "native" } else { "web" })),
        ("subject_type", json!(if pairwise { "pairwise" } else { "public" })),
        ("id_token_signed_response_alg", json!(client.tokens.id_token_alg.name())),
    ] {
        members.entry(member).or_insert(value);
    }
    for (member, holds) in [
        ("require_pushed_authorization_requests", client.requests.pushed_only),
        ("require_signed_request_object", client.requests.signed_only),
        ("dpop_bound_access_tokens", client.tokens.dpop_bound),
        ("tls_client_certificate_bound_access_tokens", client.tokens.certificate_bound),
    ] {
        if holds {
            members.insert(member.to_owned(), true.into());
        }
    }
    Ok(members)
}

fn object(registration: &Registration) -> Result<Map<String, Value>, DbError> {
    match serde_json::to_value(registration).map_err(DbError::statement)? {
        Value::Object(members) => Ok(members),
        _ => Ok(Map::new()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn map(value: Value) -> Map<String, Value> {
        let Value::Object(members) = value else { panic!("no object") };
        members
    }

    fn operators() -> Map<String, Value> {
        map(json!({"owner": "Ministry", "kind": "state", "data_sets": [{"name": "name", "required": true}]}))
    }

    fn template() -> Template {
        Template::of(operators())
    }

    #[test]
    fn rfc7591_2_own_members_are_taken_and_what_is_not_understood_is_ignored() {
        let sent = json!({
            "client_name": "Shop", "client_name#ru": "Магазин", "logo_uri#ru": "https://shop.uz/ru.png",
            "redirect_uris": ["https://shop.uz/cb"], "software_id": "4NRB1", "contacts": null,
            "client_id": "chosen", "client_secret": "chosen", "subject_type": "pairwise", "kind": "state",
        });
        let document = document(&template(), map(sent)).unwrap();
        assert_eq!(document.identity.client_name, "Shop");
        assert!(document.other.contains_key("client_name#ru") && !document.other.contains_key("logo_uri#ru"));
        assert_eq!((document.client_id.as_str(), document.authentication.client_secret), ("", None));
        assert_eq!(document.data.data_sets.unwrap().len(), 1, "the operator's");
    }

    #[test]
    fn what_only_an_operator_gives_is_not_taken_from_the_wire() {
        for sent in [
            json!({"owner": "Somebody else"}),
            json!({"owner#ru": "Somebody else"}),
            json!({"kind": "commercial"}),
            json!({"data_sets": [{"name": "pinfl"}]}),
            json!({"basis": "statutory"}),
            json!({"basis_reference": "Law"}),
            json!({"permission": "click"}),
            json!({"sector": "bank.uz"}),
            json!({"subject_type": "public"}),
            json!({"require_pkce": false}),
            json!({"assertion_audience": "issuer_or_token_endpoint"}),
            json!({"resource_server": true}),
            json!({"oneid": true}),
            json!({"disabled": false}),
            json!({"client_secret_sha256": "x"}),
            json!({"profile": "oidc"}),
        ] {
            let refused = document(&template(), map(sent.clone())).expect_err(&sent.to_string());
            let member = sent.as_object().unwrap().keys().next().unwrap().clone();
            assert_eq!(refused.code, "invalid_client_metadata");
            assert!(refused.why.starts_with(&member) && refused.why.contains("operator"), "{}", refused.why);
        }
    }

    #[test]
    fn a_scope_asks_for_no_data_that_an_operator_did_not_give() {
        let sent = || map(json!({"client_name": "Shop", "scope": "openid profile pinfl"}));
        let none = document(&Template::of(map(json!({"owner": "X"}))), sent()).unwrap();
        assert!(none.data.data_sets.is_some_and(|sets| sets.is_empty()));
    }

    #[test]
    fn rfc7591_3_2_2_a_value_of_a_wrong_type_is_refused_with_its_member() {
        for (sent, code, member) in [
            (json!({"redirect_uris": "https://shop.uz/cb"}), "invalid_redirect_uri", "redirect_uris"),
            (json!({"grant_types": "authorization_code"}), "invalid_client_metadata", "grant_types"),
            (json!({"default_max_age": "1\"\\"}), "invalid_client_metadata", "default_max_age"),
            (
                json!({"dpop_bound_access_tokens": "yes"}),
                "invalid_client_metadata",
                "dpop_bound_access_tokens",
            ),
        ] {
            let refused = document(&template(), map(sent)).unwrap_err();
            assert!(refused.code == code && refused.why.starts_with(member), "{refused:?}");
            assert!(
                refused.why.chars().all(|c| matches!(c, ' '..='~') && c != '"' && c != '\\'),
                "{refused:?}"
            );
        }
    }

    #[test]
    fn rfc7591_2_3_software_statements_are_refused() {
        let code = |statement: Value| {
            read(json!({"software_statement": statement}).to_string().as_bytes()).unwrap_err().code
        };
        assert_eq!(code(json!("e30.e30.c2ln")), "unapproved_software_statement");
        assert_eq!(code(json!("nothing")), "invalid_software_statement");
        assert_eq!(code(json!(5)), "invalid_software_statement");
        for body in ["", "[]", "\"x\"", "{", "{\"a\":1}x"] {
            assert_eq!(read(body.as_bytes()).unwrap_err().code, "invalid_client_metadata", "{body}");
        }
    }

    #[test]
    fn a_change_keeps_what_the_operator_gave() {
        let old = document(&template(), map(json!({"client_name": "Shop", "tos_uri": "https://shop.uz/t"})))
            .unwrap();
        let given = template().held_by(&old).unwrap();
        assert_eq!(Value::Object(given.fixed.clone()), Value::Object(operators()));
        let new = document(&given, map(json!({"client_name": "Bazaar"}))).unwrap();
        let mut current = old;
        current.identity.kind = Some("commercial".to_owned());
        let merged = merged(&template(), &current, &new).unwrap();
        assert_eq!(merged.identity.client_name, "Bazaar");
        assert_eq!((merged.identity.tos_uri, merged.identity.kind.as_deref()), (None, Some("commercial")));
    }

    #[test]
    fn what_a_token_fixes_no_client_changes_or_drops() {
        let mut members = operators();
        members.extend(map(json!({
            "dpop_bound_access_tokens": true, "client_name": "Ministry of X", "grant_types": ["authorization_code"],
            "defaults": {"policy_uri": "https://x.uz/p", "tos_uri": "https://x.uz/t"},
        })));
        assert_eq!(check_template(&members), Ok(()));
        let template = Template::of(members);
        for other in [
            json!({"dpop_bound_access_tokens": false}),
            json!({"client_name": "Bank"}),
            json!({"client_name#ru": "Банк"}),
            json!({"grant_types": ["authorization_code", "client_credentials"]}),
        ] {
            let refused = document(&template, map(other.clone())).expect_err(&other.to_string());
            assert!(refused.why.contains("only an operator gives it"), "{}", refused.why);
        }
        let sent = json!({"dpop_bound_access_tokens": true, "policy_uri": "https://shop.uz/p"});
        let first = document(&template, map(sent)).unwrap();
        assert_eq!(first.identity.policy_uri.as_deref(), Some("https://shop.uz/p"));
        assert_eq!(first.identity.tos_uri.as_deref(), Some("https://x.uz/t"));
        // What a change leaves out is not dropped, and what the operator made of it meanwhile counts.
        let mut current = first;
        current.tokens.grant_types = Some(vec!["client_credentials".to_owned()]);
        let held = template.held_by(&current).unwrap();
        let next = document(&held, Map::new()).unwrap();
        assert_eq!(next.tokens.dpop_bound_access_tokens, Some(true));
        assert_eq!(next.tokens.grant_types, current.tokens.grant_types);
        assert_eq!(next.identity.policy_uri.as_deref(), Some("https://x.uz/p"), "its own is gone");
        let stale = document(&template, Map::new()).unwrap();
        assert_eq!(
            merged(&template, &current, &stale).unwrap().tokens.grant_types,
            current.tokens.grant_types
        );
    }

    #[test]
    fn defaults_are_of_members_that_clients_may_say() {
        for wrong in [
            json!({"owner": "X", "defaults": 1}),
            json!({"owner": "X", "defaults": {"kind": "state"}}),
            json!({"owner": "X", "tos_uri": "https://x.uz/t", "defaults": {"tos_uri": "https://x.uz/u"}}),
            json!({"owner": "X", "defaults": {"tos_uri": 5}}),
        ] {
            assert!(check_template(&map(wrong.clone())).is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_template_is_of_members_that_clients_can_share() {
        assert_eq!(check_template(&operators()), Ok(()));
        for wrong in [json!({}), json!({"owner": "X", "colour": 1}), json!({"owner": "X", "client_id": "x"})]
        {
            assert!(check_template(&map(wrong.clone())).is_err(), "{wrong}");
        }
        assert!(check_template(&map(json!({"owner": "X", "consent_days": "1"}))).is_err());
    }
}
