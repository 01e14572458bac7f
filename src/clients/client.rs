//! A relying party and its policy, parsed: what the protocols read.

use std::collections::BTreeSet;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::{
    AnswerPolicy, AuthenticationPolicy, BackchannelPolicy, Contract, DataPolicy, DataSetPolicy, GrantType,
    Identity, KeySource, OneIdPolicy, Redirects, RequestPolicy, Right, SessionPolicy, Suspension, Terms,
    TokenPolicy, UnderContract,
};
use crate::people::DataSet;
use crate::platform::certificates::SubjectName;
use crate::platform::web::frame::Service;
use crate::platform::web::locale::Language;
use crate::platform::web::page_context::Problem;
use crate::platform::web::text::Text;

/// The identifier of the client that this provider's own pages sign people in for. It stands in no register, and no
/// registration may have it.
pub const OWN_CLIENT: &str = "yagona.cabinet";

/// A client's identifier (RFC 6749 §2.2): visible ASCII, at most 64 characters.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Serialize, Deserialize, PartialOrd, Ord)]
#[serde(transparent)]
pub struct ClientId(String);

impl ClientId {
    /// Reads an identifier; `None` when it cannot be one.
    pub fn parse(text: &str) -> Option<Self> {
        let fits = (1..=64).contains(&text.len())
            && text.bytes().all(|b| b.is_ascii_alphanumeric() || b"-._~".contains(&b));
        fits.then(|| Self(text.to_owned()))
    }

    /// The identifier.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl std::fmt::Display for ClientId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.pad(&self.0)
    }
}

/// A relying party.
#[derive(Clone, Debug)]
pub struct Client {
    /// Its identifier.
    pub id: ClientId,
    /// Whether it may not be used: an operator disabled it, nobody has approved it yet, or its contract is not in force.
    pub disabled: bool,
    /// Whether it registered itself, and no operator has approved it.
    pub pending: bool,
    /// Path of its icon on this origin, if one was fetched.
    pub icon: Option<String>,
    /// What people are told about it.
    pub identity: Identity,
    /// Where a person's browser may be sent.
    pub redirects: Redirects,
    /// How it proves itself.
    pub authentication: AuthenticationPolicy,
    /// What its authorization requests must be like.
    pub requests: RequestPolicy,
    /// The name in its certificate, if it is known by one.
    pub certificate_subject: Option<SubjectName>,
    /// Where its public keys come from.
    pub keys: KeySource,
    /// The tokens that it gets.
    pub tokens: TokenPolicy,
    /// What is signed and encrypted for it besides.
    pub answers: AnswerPolicy,
    /// The personal data that it may ask for.
    pub data: DataPolicy,
    /// What it takes of a sign-in and a session.
    pub sessions: SessionPolicy,
    /// What its requests are like for a person who is not at its site, and how they are answered.
    pub backchannel: BackchannelPolicy,
    /// How it uses OneID's own protocol, if it may.
    pub oneid: Option<OneIdPolicy>,
    /// What it says when it asks for data.
    pub terms: Terms,
    /// The contract that its registration names, or that it needs none.
    pub under: UnderContract,
    /// The contract that it lives under, which all of the above is within; none of the provider's own services.
    pub contract: Option<Arc<Contract>>,
    /// Data sets that its registration has and its contract does not allow.
    pub taken: BTreeSet<DataSet>,
    /// Why its contract shuts it out: then it is disabled, and nothing else disables it.
    pub suspension: Option<Suspension>,
}

impl Client {
    /// Whether the client may use `grant`.
    pub fn may(&self, grant: GrantType) -> bool {
        self.tokens.grant_types.contains(&grant)
    }

    /// Whether its contract opens one of the ways besides signing in; the provider's own services have them all.
    pub fn may_use(&self, right: Right) -> bool {
        self.under.is_first_party() || self.contract.as_ref().is_some_and(|contract| contract.allows(right))
    }

    /// Whether `scope` asks for data that its contract took from its registration, and for nothing else that it may have.
    pub fn lost(&self, scope: &str) -> bool {
        let of_scope = |set: &DataSet| set.scope() == scope;
        self.taken.iter().any(of_scope) && !self.data.sets.iter().any(|policy| of_scope(&policy.data_set))
    }

    /// The page that says that its contract shuts it out, which names it and whom to ask. `technical` is for its developers.
    pub fn shut_page<'a>(&'a self, text: Text, technical: &'a str) -> Problem<'a> {
        let language = text.language();
        let institution = self.contract.as_ref().map(|contract| &contract.institution);
        let name = institution.map(|institution| institution.name.localized());
        let name = name
            .as_ref()
            .map_or_else(|| self.identity.owner.get(language.tag()), |name| name.get(language.tag()));
        let contacts = institution.map(|institution| institution.contacts.join(", ")).unwrap_or_default();
        let note = match contacts.as_str() {
            "" => text.with("problem.shut_owner", &[("owner", name)]),
            contacts => text.with("problem.shut_contacts", &[("owner", name), ("contacts", contacts)]),
        };
        Problem {
            service: Some(self.shown(language)),
            technical: Some(technical),
            note: Some(note),
            ..Problem::default()
        }
    }

    /// What it may ask of `data_set`, if anything.
    pub fn data_set(&self, data_set: DataSet) -> Option<&DataSetPolicy> {
        self.data.sets.iter().find(|policy| policy.data_set == data_set)
    }

    /// The service as pages show it, in the reader's language.
    pub fn shown(&self, language: Language) -> Service<'_> {
        let (tag, identity) = (language.tag(), &self.identity);
        Service {
            name: identity.name.get(tag),
            owner: identity.owner.get(tag),
            icon: self.icon.as_deref(),
            home: identity.client_uri.as_deref(),
            policy: identity.policy_uri.as_deref(),
            terms: identity.tos_uri.as_deref(),
        }
    }

    /// Where a person goes to begin again: the page that starts a sign-in, or the front page.
    pub fn start_page(&self) -> Option<&str> {
        self.redirects.initiate_login_uri.as_deref().or(self.identity.client_uri.as_deref())
    }
}
