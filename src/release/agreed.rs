//! Data that a person let a service have for one purpose, by an object of `authorization_details` (RFC 9396).

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::clients::{Basis, Client, DetailType, PersonalData};
use crate::platform::bytes::Digest;
use crate::platform::clock::Timestamp;

/// Data for one purpose, as the person agreed to it or a law gives it.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct AgreedData {
    /// What was asked for.
    pub asked: PersonalData,
    /// When the permission ends (exclusive).
    pub until: Timestamp,
}

impl AgreedData {
    /// What agreeing to `asked` at `now` means.
    pub fn to(asked: &PersonalData, now: Timestamp) -> Self {
        Self { asked: asked.clone(), until: asked.until(now) }
    }

    /// Whether it may still be acted on.
    pub fn is_live(&self, now: Timestamp) -> bool {
        self.until > now
    }

    /// The part of it that `asked` asks for, if any.
    pub fn within(&self, asked: &PersonalData) -> Option<Self> {
        Some(Self { asked: self.asked.within(asked)?, until: self.until })
    }

    /// Whether it allows all that `asked` asks for, without asking the person again. What is read once is agreed to each time.
    pub(super) fn covers(&self, asked: &PersonalData, now: Timestamp) -> bool {
        let all = self.asked.within(asked).is_some_and(|part| part.data_sets == asked.data_sets);
        all && !asked.is_single() && self.is_live(now)
    }

    /// Whether whoever is known by one of these URIs may act on it: all where it names no location.
    pub fn is_for(&self, uris: &[String]) -> bool {
        let locations = &self.asked.locations;
        locations.is_empty() || locations.iter().any(|location| uris.contains(location))
    }

    /// Whether a resource server is told of it: one that it is for and that the person saw. Of what may be read once none is,
    /// because only UserInfo knows whether it was read.
    pub fn is_told(&self, server: &Client) -> bool {
        !self.asked.is_single() && self.asked.tells(server) && self.is_for(&server.tokens.resource_uris)
    }

    /// What tells it from others that were agreed to with it.
    pub fn key(&self) -> Digest {
        Digest::of(self.on_the_wire().to_string().as_bytes())
    }

    /// The object as clients and resource servers read it (RFC 9396 §7): what was asked for, with what was left open filled in.
    pub fn on_the_wire(&self) -> Value {
        let asked = &self.asked;
        let mut object = json!({
            "type": DetailType::PersonalData.name(),
            "data_sets": asked.data_sets,
            "purpose": asked.purpose,
            "basis": match asked.basis {
                Basis::Consent => "consent",
                Basis::Statutory => "statutory",
            },
            "until": self.until,
            "use": asked.how_often.name(),
        });
        if !asked.locations.is_empty() {
            object["locations"] = json!(asked.locations);
        }
        object
    }
}
