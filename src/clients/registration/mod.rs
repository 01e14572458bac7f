//! A registration: the document that an operator writes, with members of RFC 7591 and our own, and its check. The document
//! has parts, but its members stand side by side. Each part has a file with its members, their check, and the policy that
//! they become; what members of several parts mean together is checked here.

/// Reads the members of a part by their names: the list cannot miss a field, or it does not compile. `#[serde(flatten)]`
/// would do the same, but its errors do not say in which line of a file the wrong value is.
macro_rules! members {
    ($part:ident { $($member:ident),* $(,)? }) => {
        impl $part {
            /// Takes the value of `member` when it belongs to this part.
            pub(super) fn read<'de, A: serde::de::MapAccess<'de>>(
                &mut self,
                member: &str,
                map: &mut A,
            ) -> Result<bool, A::Error> {
                let Self { $($member),* } = self;
                match member {
                    $(stringify!($member) => *$member = map.next_value()?,)*
                    _ => return Ok(false),
                }
                Ok(true)
            }
        }
    };
}

mod answers;
mod authentication;
mod backchannel;
mod certificates;
mod check;
mod contract;
mod data;
mod identity;
mod keys;
mod oneid;
mod profile;
mod redirects;
mod requests;
mod sessions;
mod terms;
#[cfg(test)]
mod tests;
mod tokens;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::{self, Display, Formatter};

use serde::de::{MapAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize};

pub use answers::AnswerPolicy;
use answers::AnswersDocument;
pub use authentication::{
    AssertionAudience, AuthMethod, AuthenticationDocument, AuthenticationPolicy, CodeBinding,
};
pub use backchannel::{BackchannelDocument, BackchannelPolicy, Delivery, REQUEST_ALGS};
pub use certificates::CertificatesDocument;
use check::Check;
pub use contract::UnderContract;
pub use data::{Basis, DataDocument, DataPolicy, DataSetEntry, DataSetPolicy, Permission};
pub use identity::{Identity, IdentityDocument, OwnerKind};
pub use keys::{KeySetDocument, KeySource, KeysDocument};
pub use oneid::{OneIdDates, OneIdDocument, OneIdPolicy, OneIdProfile};
pub use profile::Profile;
pub use redirects::{Redirects, RedirectsDocument};
pub use requests::{RequestPolicy, RequestsDocument};
pub use sessions::{ACR_VALUES, SessionPolicy, SessionsDocument};
pub use terms::{Term, Terms};
pub use tokens::{AccessTokenFormat, GrantType, SubjectType, TokenPolicy, TokensDocument};

use super::{Client, ClientId, OWN_CLIENT};
use crate::platform::plain_text::is_shown_as_written;

/// What depends on where the provider runs.
#[derive(Clone, Debug)]
pub struct Rules {
    /// Whether `http` to this machine may be registered (the sandbox's services do; elsewhere it is refused).
    pub loopback_http: bool,
    /// The issuer, which is no resource server.
    pub issuer: String,
    /// Host in the last line of an SMS, which shortens what is left for the service's name.
    pub sms_host: String,
    /// The shortest secret that may be brought along instead of a generated one.
    pub shortest_secret: usize,
    /// Whether a secret or a key may be used that stands in a file of Yagona's repository, for everybody to read.
    pub published_secrets: bool,
}

/// A client as registered. Texts for people may be given per language as `member#tag`.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Registration {
    /// Identifier; made up when absent.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub client_id: String,
    /// Whether the client is disabled: it gets no sign-in and no token. Not part of the stored document.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub disabled: Option<bool>,
    /// What people are told about the service.
    #[serde(flatten)]
    pub identity: IdentityDocument,
    /// Where a person's browser may be sent.
    #[serde(flatten)]
    pub redirects: RedirectsDocument,
    /// How the service proves itself.
    #[serde(flatten)]
    pub authentication: AuthenticationDocument,
    /// What its authorization requests are like.
    #[serde(flatten)]
    pub requests: RequestsDocument,
    /// The name in its certificate.
    #[serde(flatten)]
    pub certificates: CertificatesDocument,
    /// Its public keys.
    #[serde(flatten)]
    pub keys: KeysDocument,
    /// The tokens that it gets.
    #[serde(flatten)]
    pub tokens: TokensDocument,
    /// What is signed and encrypted for it besides.
    #[serde(flatten)]
    pub answers: AnswersDocument,
    /// The personal data that it may ask for.
    #[serde(flatten)]
    pub data: DataDocument,
    /// What it takes of a sign-in and a session.
    #[serde(flatten)]
    pub sessions: SessionsDocument,
    /// Requests for a person who is not at its site.
    #[serde(flatten)]
    pub backchannel: BackchannelDocument,
    /// OneID's own protocol.
    #[serde(flatten)]
    pub oneid: OneIdDocument,
    /// The contract that it lives under.
    #[serde(flatten)]
    pub under: UnderContract,
    /// `member#tag` texts, and whatever is unknown.
    #[serde(flatten)]
    pub other: BTreeMap<String, toml::Value>,
}

impl<'de> Deserialize<'de> for Registration {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(Document)
    }
}

/// Reads a registration member by member.
struct Document;

impl<'de> Visitor<'de> for Document {
    type Value = Registration;

    fn expecting(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.write_str("struct Registration")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Registration, A::Error> {
        let mut document = Registration::default();
        while let Some(member) = map.next_key::<String>()? {
            match member.as_str() {
                "client_id" => {
                    document.client_id = map.next_value()?;
                    continue;
                }
                "disabled" => {
                    document.disabled = map.next_value()?;
                    continue;
                }
                _ => {}
            }
            let known = document.identity.read(&member, &mut map)?
                || document.redirects.read(&member, &mut map)?
                || document.authentication.read(&member, &mut map)?
                || document.requests.read(&member, &mut map)?
                || document.certificates.read(&member, &mut map)?
                || document.keys.read(&member, &mut map)?
                || document.tokens.read(&member, &mut map)?
                || document.answers.read(&member, &mut map)?
                || document.data.read(&member, &mut map)?
                || document.sessions.read(&member, &mut map)?
                || document.backchannel.read(&member, &mut map)?
                || document.oneid.read(&member, &mut map)?
                || document.under.read(&member, &mut map)?;
            if !known {
                document.other.insert(member, map.next_value()?);
            }
        }
        Ok(document)
    }
}

impl Registration {
    /// Checks the document whole and parses it.
    ///
    /// # Errors
    /// Everything that is wrong with it.
    pub fn parse(&self, rules: &Rules) -> Result<Client, RegistrationErrors> {
        let mut check = Check::new(rules, &self.other);
        check.other_members(&[identity::TRANSLATED, data::TRANSLATED].concat());
        let identity = self.identity.check(&mut check);
        let data = self.data.check(&mut check);
        let authentication = self.authentication.check(&mut check);
        self.under.check(&mut check);
        let mut client = Client {
            id: ClientId::parse(&self.client_id).unwrap_or_else(|| {
                check.fail("client_id", "1 to 64 letters, digits, `-`, `.`, `_` or `~`");
                ClientId::parse("invalid").unwrap_or_else(|| unreachable!("a constant"))
            }),
            disabled: false,
            pending: false,
            icon: None,
            under: self.under.clone(),
            contract: None,
            taken: BTreeSet::new(),
            suspension: None,
            terms: Terms::of(&identity, &data, None),
            identity,
            redirects: self.redirects.check(&mut check),
            oneid: self.oneid.check(&authentication, &mut check),
            authentication,
            certificate_subject: self.certificates.check(&mut check),
            requests: self.requests.check(&mut check),
            keys: self.keys.check(&mut check),
            tokens: self.tokens.check(&self.client_id, self.redirects.hosts(), &mut check),
            answers: self.answers.check(&mut check),
            data,
            sessions: self.sessions.check(&self.redirects.origins(), &mut check),
            backchannel: self.backchannel.check(&mut check),
        };
        profile::hold(self, &mut client, &mut check);
        self.check_together(&client, &mut check);
        let errors = check.into_errors();
        if errors.is_empty() {
            Ok(client)
        } else {
            let name = if self.client_id.is_empty() { &self.identity.client_name } else { &self.client_id };
            Err(RegistrationErrors { client: name.clone(), errors })
        }
    }

    /// What is wrong with the texts that people and operators read of the service. Asked where one is stored anew: what was
    /// stored before goes on, or a service would be gone by an upgrade.
    ///
    /// # Errors
    /// All members that do not show what they say.
    pub fn check_texts(&self) -> Result<(), RegistrationErrors> {
        let (identity, data) = (&self.identity, &self.data);
        let mut texts = vec![("client_name", Some(&identity.client_name)), ("owner", Some(&identity.owner))];
        texts.extend([
            ("sms_name", identity.sms_name.as_ref()),
            ("client_uri", identity.client_uri.as_ref()),
            ("logo_uri", identity.logo_uri.as_ref()),
            ("policy_uri", identity.policy_uri.as_ref()),
            ("tos_uri", identity.tos_uri.as_ref()),
            ("purpose", data.purpose.as_ref()),
            ("recipients", data.recipients.as_ref()),
            ("basis_reference", data.basis_reference.as_ref()),
        ]);
        texts.extend(identity.contacts.iter().map(|contact| ("contacts", Some(contact))));
        let other = self.other.iter().filter_map(|(member, value)| Some((member.as_str(), value.as_str()?)));
        let texts =
            texts.into_iter().filter_map(|(member, text)| Some((member, text?.as_str()))).chain(other);
        let own = (self.client_id == OWN_CLIENT)
            .then(|| format!("client_id: `{OWN_CLIENT}` is this provider itself"));
        let errors: Vec<String> = texts
            .filter(|(_, text)| !is_shown_as_written(text))
            .map(|(member, _)| {
                format!("{member}: one line, without characters that are not shown or turn others around, and without stacks of marks")
            })
            .chain(own)
            .collect();
        if errors.is_empty() {
            return Ok(());
        }
        let name = if self.client_id.is_empty() { &identity.client_name } else { &self.client_id };
        Err(RegistrationErrors { client: name.clone(), errors })
    }

    /// Checks what members of several parts mean together.
    fn check_together(&self, client: &Client, check: &mut Check<'_>) {
        let public = client.authentication.method == AuthMethod::None;
        if public && client.may(GrantType::ClientCredentials) {
            check.fail("grant_types", "`client_credentials` needs a client that proves itself");
        }
        if public && client.may(GrantType::TokenExchange) {
            check.fail("grant_types", "token exchange needs a client that proves itself");
        }
        self.requests.check_keys(client, check);
        self.answers.check_keys(client, check);
        self.backchannel.check_together(client, check);
        DataDocument::check_applications(client, check);
        check_keys(client, check);
        check_oneid(client, check);
        DataDocument::check_back_office(client, check);
        self.under.check_data(&client.data, check);
        if client.may(GrantType::AuthorizationCode) && self.redirects.redirect_uris.is_empty() {
            check.fail("redirect_uris", "the code flow needs at least one");
        }
        let signs_in = [GrantType::AuthorizationCode, GrantType::DeviceCode, GrantType::Ciba];
        let signs_in = signs_in.into_iter().any(|grant| client.may(grant));
        if signs_in {
            client.identity.check_sms(check);
        }
        if (signs_in && !client.data.sets.is_empty()) || client.data.data_api || client.data.verification {
            self.check_data(client, check);
        }
        if client.data.basis == Basis::Statutory {
            if client.identity.kind != OwnerKind::State {
                check.fail(
                    "basis",
                    "`statutory` is for state bodies, whose `kind` is `state`: others ask people (`consent`)",
                );
            }
            if client.data.basis_reference.is_empty() {
                check.fail("basis_reference", "`statutory` needs the law that lets the body have the data");
            }
        }
    }

    /// Checks that a service that gets data of persons says what for, on what basis, and how it treats them. What it
    /// may ask for without `data_sets` is data as well: `scope = 'openid'` asks for none.
    fn check_data(&self, client: &Client, check: &mut Check<'_>) {
        if client.data.purpose.is_empty() {
            check.fail("purpose", "a service that asks for data says what it needs them for");
        }
        self.data.check_basis(check);
        // One that is given and wrong has an error of its own.
        if self.identity.policy_uri.is_none() {
            check.fail("policy_uri", "a service that asks for data says where its privacy policy is");
        }
    }
}

/// Checks that a client that proves itself by its keys has some that can do it.
fn check_keys(client: &Client, check: &mut Check<'_>) {
    let authentication = &client.authentication;
    let method = authentication.method;
    let named = client.certificate_subject.is_some();
    if named != (method == AuthMethod::TlsClientAuth) && check.is_right("tls_client_auth_") {
        let why = if named {
            "`token_endpoint_auth_method` is not `tls_client_auth`"
        } else {
            "`tls_client_auth` needs it or one of `tls_client_auth_san_dns`, `_uri`, `_ip`, `_email`"
        };
        check.fail("tls_client_auth_subject_dn", why);
    }
    if !matches!(method, AuthMethod::PrivateKeyJwt | AuthMethod::SelfSignedTlsClientAuth) {
        return;
    }
    match &client.keys {
        KeySource::Nowhere => {
            check.fail("jwks", format!("`{}` needs `jwks` or `jwks_uri`", method.name()));
        }
        KeySource::Registration(keys)
            if method == AuthMethod::PrivateKeyJwt && !keys.serve(authentication.assertion_algs) =>
        {
            let names =
                authentication.assertion_algs.iter().map(|alg| alg.name()).collect::<Vec<_>>().join(", ");
            check.fail("jwks", format!("none of the keys can sign an assertion by {names}"));
        }
        KeySource::Registration(_) | KeySource::Address(_) => {}
    }
}

/// Checks that a client of OneID's protocol promises nothing that the protocol cannot keep. The policy is asked, so that
/// what follows from another member counts as well.
fn check_oneid(client: &Client, check: &mut Check<'_>) {
    if client.oneid.is_none() {
        return;
    }
    if !client.may(GrantType::AuthorizationCode) {
        check.fail("oneid", "needs the grant `authorization_code`: people sign in by it");
    }
    if client.requests.pushed_only {
        check.fail(
            "oneid",
            "a request of OneID's protocol stands in the browser's address: `require_pushed_authorization_requests = true` excludes it",
        );
    }
    if client.requests.signed_only {
        check.fail(
            "oneid",
            "a request of OneID's protocol has no signature: `require_signed_request_object = true` excludes it",
        );
    }
    if client.tokens.dpop_bound {
        check.fail(
            "oneid",
            "tokens of OneID's protocol are bound to no key: `dpop_bound_access_tokens = true` excludes it",
        );
    }
    if client.tokens.certificate_bound {
        check.fail(
            "oneid",
            "tokens of OneID's protocol are bound to no certificate: `tls_client_certificate_bound_access_tokens = true` \
             excludes it",
        );
    }
}

/// All that is wrong with a registration.
#[derive(Debug)]
pub struct RegistrationErrors {
    /// Which client.
    pub client: String,
    /// `member: what is wrong`.
    pub errors: Vec<String>,
}

impl Display for RegistrationErrors {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        writeln!(f, "the client `{}` cannot be registered:", self.client)?;
        for error in &self.errors {
            writeln!(f, "  - {error}")?;
        }
        Ok(())
    }
}

impl std::error::Error for RegistrationErrors {}
