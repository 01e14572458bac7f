//! The reasons to ask a person to prove who they are although this browser has a session, as a list of data.

use super::{Session, SessionBounds, SignInRequest};
use crate::clients::{Client, SubjectIds};
use crate::platform::clock::Timestamp;

/// Why a session cannot answer a request.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Reason {
    /// There is none.
    NoSession,
    /// It is older, or was idle for longer, than the client accepts.
    ClientBounds,
    /// The service asked for a new sign-in (`prompt=login`).
    Requested,
    /// The authentication is older than the service accepts (`max_age`).
    MaxAge,
    /// The service expects another person.
    OtherPerson,
    /// What was done to sign in is not among what the service accepts.
    Acr,
}

/// What the reasons are judged by.
pub struct Situation<'a> {
    /// The request.
    pub request: &'a SignInRequest,
    /// The client.
    pub client: &'a Client,
    /// The session of this browser.
    pub session: &'a Session,
    /// The provider's own bounds of a session.
    pub bounds: SessionBounds,
    /// Derives subject identifiers.
    pub subject_ids: &'a SubjectIds,
    /// Now.
    pub now: Timestamp,
}

/// Whether a reason applies.
type Predicate = fn(&Situation<'_>) -> bool;

/// Every reason with its predicate, in the order in which they are named to a client.
const REASONS: [(Reason, Predicate); 5] = [
    (Reason::ClientBounds, |at| {
        let client = at.client;
        !at.session.holds(at.bounds.tightened(client.sessions.idle_max, client.sessions.absolute_max), at.now)
    }),
    (Reason::Requested, |at| at.request.ask_again.sign_in),
    // OpenID Connect Core §3.1.2.1: `max_age=0` is like `prompt=login`. Both times are cut to whole seconds, and only
    // this comparison never lets more than `max_age` pass.
    (Reason::MaxAge, |at| at.request.max_age.is_some_and(|most| at.now.since(at.session.auth_time) >= most)),
    (Reason::OtherPerson, |at| {
        let expected = at.request.expected_sub.as_ref();
        expected.is_some_and(|sub| *sub != at.subject_ids.of(at.client, &at.session.person_id))
    }),
    (Reason::Acr, |at| at.session.told(&at.request.acr).is_none()),
];

/// Whether the request may be answered with the session.
///
/// # Errors
/// The first [`Reason`] why not.
pub fn known(situation: &Situation<'_>) -> Result<(), Reason> {
    match REASONS.iter().find(|(_, holds)| holds(situation)) {
        Some((reason, _)) => Err(*reason),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests;
