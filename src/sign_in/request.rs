//! What a protocol asks of the sign-in, in words that no protocol owns.

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use super::{Acr, Purpose};
use crate::clients::{Application, ClientId, DataRequest};

/// What a service asks: who signs in, how surely, how recently, and for which data. Fixed when the attempt begins.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct SignInRequest {
    /// Who asks.
    pub client_id: ClientId,
    /// Which data, as far as the registration allows.
    pub data: DataRequest,
    /// What the person is to confirm, by a code that is made for it alone; then no data are asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub application: Option<Box<Application>>,
    /// What is asked although it could be answered without the person.
    #[serde(default, skip_serializing_if = "AskAgain::is_nothing")]
    pub ask_again: AskAgain,
    /// The oldest authentication that is accepted, in seconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_age: Option<i64>,
    /// The authentication context classes that are accepted; any of them will do. Empty means every class.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub acr: Vec<Acr>,
    /// Whether the person must act for a legal entity, by its certificate.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub represents: bool,
    /// The subject identifier (for this client) of the person that the answer must be about.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expected_sub: Option<String>,
    /// Where the browser is sent at the end, as a Content-Security-Policy source; `None` when no browser goes back to
    /// the service (an approval on another device).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub return_to: Option<String>,
    /// What the answer is made from.
    pub reply: Reply,
}

impl SignInRequest {
    /// What a code is for that is sent on the way to the answer: where an application is to be confirmed, that, unless the code
    /// proves who somebody is. A code for one purpose is none for another (R69).
    pub const fn purpose(&self, usual: Purpose) -> Purpose {
        match usual {
            Purpose::Permission | Purpose::Approval if self.application.is_some() => Purpose::Application,
            usual => usual,
        }
    }

    /// Whether the answer goes to another device, and not back by this browser.
    pub const fn is_for_device(&self) -> bool {
        self.return_to.is_none()
    }
}

/// What a service wants the person to be asked again.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct AskAgain {
    /// To prove who they are, although they have a session.
    pub sign_in: bool,
    /// For consent, although one is on record.
    pub consent: bool,
    /// For a decision on a page, although a law or what is on record would do: only the person can tell whether the answer goes
    /// where they want it.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub decision: bool,
}

impl AskAgain {
    /// Whether nothing is asked again.
    pub fn is_nothing(&self) -> bool {
        *self == Self::default()
    }
}

/// The protocol's own half of a request. Only the protocol reads `state`; everybody else carries it along.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Reply {
    /// Who answers.
    pub protocol: Protocol,
    /// What it needs for that.
    pub state: Box<RawValue>,
}

/// The protocols that the pages serve.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Protocol {
    /// OpenID Connect's authorization code flow.
    Oidc,
    /// OneID's own.
    OneId,
    /// A device that waits (RFC 8628).
    Device,
    /// A service that waits for a person who is not at its site (CIBA Core 1.0).
    Ciba,
    /// A page of this provider itself.
    FirstParty,
}

impl Protocol {
    /// Whether the answer stays with this provider: no service gets anything, so nothing is agreed to, and none has to be told
    /// of the session's end.
    pub const fn is_own(self) -> bool {
        matches!(self, Self::FirstParty)
    }
}
