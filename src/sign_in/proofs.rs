//! What a session's proofs are worth together: when each was given, and whether one of them counts yet.

use serde::{Deserialize, Serialize};

use super::{Acr, Authenticated, Means, Session, told};
use crate::platform::clock::Timestamp;

/// What is known of the proofs of a session, beside by which means they were.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct Proofs {
    /// Whether the session rests on a means that was added on a code by SMS alone, or on no more than a password, and that counts as no
    /// factor yet: it reaches the lowest class, and nothing is added to it.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub pending: bool,
    /// When each of the means was proved, in their order; all at the time of the session's proof where it is empty.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    at: Vec<Timestamp>,
    /// When what was proved had been read from the store, in milliseconds since the Unix epoch, where the proof took long after that: what ended
    /// meanwhile is not gone round. Else 0.
    #[serde(skip)]
    pub read_ms: i64,
}

impl Proofs {
    /// Of means that were all proved at one time; `pending`: they count as no factor yet.
    pub fn at_once(pending: bool) -> Self {
        Self { pending, at: Vec::new(), read_ms: 0 }
    }

    /// The same, of what had been read from the store at that time, in milliseconds.
    #[must_use]
    pub fn read_at(self, read_ms: i64) -> Self {
        Self { read_ms, ..self }
    }

    /// Whether there is nothing to say: all were given at one time, and count.
    pub fn is_plain(&self) -> bool {
        !self.pending && self.at.is_empty()
    }

    fn at(&self, place: usize, otherwise: Timestamp) -> Timestamp {
        self.at.get(place).copied().unwrap_or(otherwise)
    }
}

/// The means that count, of all that were proved.
fn counting<'m>(means: &'m [Means], proofs: &Proofs) -> &'m [Means] {
    if proofs.pending { &[] } else { means }
}

/// The class that is told of these proofs to a service that accepts those of `accepted` (empty: every one).
fn reached(means: &[Means], proofs: &Proofs, accepted: &[Acr]) -> Option<Acr> {
    if proofs.pending { told(&[Means::Password], accepted) } else { told(means, accepted) }
}

impl Session {
    /// The means that count as factors.
    pub fn counting(&self) -> &[Means] {
        counting(&self.means, &self.proofs)
    }

    /// The class that a service is told that accepts these (empty: every one); `None` where it satisfies none of them.
    pub fn told(&self, accepted: &[Acr]) -> Option<Acr> {
        reached(&self.means, &self.proofs, accepted)
    }

    /// The means that were proved at this browser since then. Another device's are none of them: whoever relays its approval
    /// has proved nothing here.
    pub fn proved_since(&self, since: Timestamp) -> Vec<Means> {
        if self.means.contains(&Means::Qr) {
            return Vec::new();
        }
        let recent = |(place, means): (usize, &Means)| {
            (self.proofs.at(place, self.auth_time) >= since).then_some(*means)
        };
        self.means.iter().enumerate().filter_map(recent).collect()
    }
}

impl Authenticated {
    /// The means that count as factors.
    pub fn counting(&self) -> &[Means] {
        counting(&self.means, &self.proofs)
    }

    /// The class that a service is told that accepts these (empty: every one); `None` where it satisfies none of them.
    pub fn told(&self, accepted: &[Acr]) -> Option<Acr> {
        reached(&self.means, &self.proofs, accepted)
    }

    /// Adds what the same person proved before in this session, and the message whose code they entered in this very attempt. What counts as
    /// no factor yet is left behind.
    pub fn join(&mut self, before: &Session, code: Option<String>) {
        self.code = self.code.take().or(code);
        if before.proofs.pending {
            return;
        }
        self.proofs.at.resize(self.means.len(), self.auth_time);
        for (place, means) in before.means.iter().enumerate() {
            if !self.means.contains(means) {
                self.means.push(*means);
                self.proofs.at.push(before.proofs.at(place, before.auth_time));
            }
        }
        self.amr.extend(&before.amr);
        if self.means.iter().filter(|means| **means != Means::Qr).count() > 1 {
            self.amr.push(super::Amr::Mfa);
        }
        self.amr.sort_unstable();
        self.amr.dedup();
        self.number = self.number.or(before.number);
        self.organisation = self.organisation.take().or_else(|| before.organisation.clone());
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::people::PersonId;
    use crate::platform::bytes::Digest;
    use crate::sign_in::Amr;

    fn by(means: &[Means], proofs: Proofs, auth_time: i64) -> Authenticated {
        let session = Digest::of(b"session");
        Authenticated {
            person_id: PersonId::stored("somebody".to_owned()),
            epoch: crate::people::Epoch::default(),
            number: None,
            session,
            sid_key: session,
            auth_time: Timestamp(auth_time),
            acr: Acr::Password,
            amr: vec![if means.contains(&Means::Password) { Amr::Pwd } else { Amr::Sms }],
            means: means.to_vec(),
            proofs,
            organisation: None,
            code: None,
        }
    }

    #[test]
    fn what_does_not_count_yet_reaches_the_lowest_class_in_whatever_order_it_is_proved() {
        let pending = by(&[Means::Password], Proofs::at_once(true), 10);
        assert_eq!(pending.told(&[]), Some(Acr::Password));
        assert!(pending.counting().is_empty());
        let mut code = by(&[Means::MobileId], Proofs::default(), 20);
        code.join(&Session::of(&pending), None);
        assert_eq!((&code.means[..], &code.amr[..]), (&[Means::MobileId][..], &[Amr::Sms][..]));
        assert_eq!(code.told(&[Acr::MobileIdPlus]), None);
        let counts = by(&[Means::Password], Proofs::default(), 10);
        let mut code = by(&[Means::MobileId], Proofs::default(), 20);
        code.join(&Session::of(&counts), None);
        assert_eq!(code.told(&[Acr::MobileIdPlus]), Some(Acr::MobileIdPlus));
        assert!(code.amr.contains(&Amr::Mfa));
    }

    #[test]
    fn a_new_proof_does_not_make_an_old_one_recent() {
        let old = Session::of(&by(&[Means::MobileId], Proofs::default(), 1_000));
        let mut password = by(&[Means::Password], Proofs::default(), 9_000);
        password.join(&old, None);
        let session = Session::of(&password);
        assert_eq!(session.proved_since(Timestamp(1_000)), [Means::Password, Means::MobileId]);
        assert_eq!(session.proved_since(Timestamp(8_700)), [Means::Password]);
        let kept: Session = serde_json::from_str(&serde_json::to_string(&session).unwrap()).unwrap();
        assert_eq!(kept.proved_since(Timestamp(8_700)), [Means::Password]);
    }

    #[test]
    fn what_another_device_carried_here_was_not_proved_here() {
        let session = Session::of(&by(&[Means::Qr, Means::Eri], Proofs::default(), 1_000));
        assert!(session.proved_since(Timestamp(0)).is_empty());
        assert_eq!(session.told(&[]), Some(Acr::Eri));
    }
}
