//! The second step: the code. Every try is counted before it is compared.

use std::borrow::Borrow;

use super::{
    Acr, Amr, Authenticated, CodeSent, Means, OpenAttempt, Proofs, ServiceError, SessionId, SignIn,
    SignInAttempt,
};
use crate::people::{AccountState, NumberStatus, PersonId, digits_of};
use crate::platform::bytes::Digest;
use crate::platform::clock::Timestamp;

/// What follows an entered code. `C` is what the caller looked up about the person.
#[derive(Debug, PartialEq)]
#[allow(
    clippy::large_enum_variant,
    reason = "there is one for a moment, and boxing it costs an allocation per sign-in"
)]
pub enum CodeOutcome<C> {
    /// It is right. Whoever stores the attempt first has signed in; no other request can with the same code.
    Right(Authenticated, C),
    /// It is wrong; so many tries are left.
    Wrong {
        /// Tries left.
        left: u64,
    },
    /// It has had all its tries; a new one is needed.
    Spent,
    /// It expired; a new one is needed.
    Expired,
}

/// Why no code can be right that is entered now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Over {
    /// None was sent: wrong codes in browsers in which the person signed in before delay it, and this is such a browser.
    NotSent,
    /// Too many wrong ones were entered.
    UsedUp,
    /// It expired.
    Expired,
}

/// Six digits that somebody typed, whether or not they are the code.
pub struct TypedCode(String);

impl TypedCode {
    /// Reads what was typed or pasted: spaces, dashes and the digits of other scripts are accepted. `None` when it cannot
    /// be a code; then no try need be counted.
    pub fn parse(typed: &str) -> Option<Self> {
        digits_of(typed, 64).filter(|digits| digits.len() == 6).map(Self)
    }

    pub(super) fn digits(&self) -> &str {
        &self.0
    }
}

/// A try that was counted and may now be compared.
pub struct CountedTry {
    code: TypedCode,
    left: u64,
}

impl SignIn {
    /// Judges a try by the count that the attempt has reached with it.
    ///
    /// # Errors
    /// The outcome, when the code in force takes no more tries.
    #[allow(clippy::result_large_err, reason = "it is an answer for a moment, and not an error to be boxed")]
    pub fn counted<C>(
        &self,
        attempt: &SignInAttempt,
        code: TypedCode,
        tries: u64,
    ) -> Result<CountedTry, CodeOutcome<C>> {
        let Some((sent, _)) = attempt.stage().code() else { return Err(CodeOutcome::Expired) };
        if sent.challenge.expires_at <= self.clock.now() {
            return Err(CodeOutcome::Expired);
        }
        let tried = tries.saturating_sub(sent.challenge.tries_before);
        let allowed = self.tries_allowed(sent);
        if tried > allowed {
            self.metrics.sign_ins("code", "spent").inc();
            return Err(CodeOutcome::Spent);
        }
        Ok(CountedTry { code, left: allowed - tried })
    }

    /// Whether a code entered now could be right; otherwise why not. The same for every number, but where a browser is
    /// [`Told`](super::Told).
    pub fn over(&self, sent: &CodeSent) -> Option<Over> {
        let now = self.clock.now();
        if sent.told.delayed_until.is_some() {
            Some(Over::NotSent)
        } else if sent.wrong.used_up || sent.wrong.paused_until.is_some_and(|until| until > now) {
            Some(Over::UsedUp)
        } else {
            (sent.challenge.expires_at <= now).then_some(Over::Expired)
        }
    }

    /// How many wrong codes were entered for its number when the attempt has counted `tries`.
    pub(super) fn wrong_codes(&self, sent: &CodeSent, tries: u64) -> u64 {
        let tried = tries.saturating_sub(sent.challenge.tries_before);
        sent.wrong.before + tried.min(self.tries_allowed(sent))
    }

    /// Notes what a wrong code changes, if it was the last one that the code in force allows, or begins a pause; `tries` is what
    /// the attempt has counted with it. Without effect if another request was quicker.
    ///
    /// # Errors
    /// [`ServiceError`] when the store is unavailable.
    pub async fn note_wrong(&self, open: &mut OpenAttempt, tries: u64) -> Result<(), ServiceError> {
        let Some((sent, _)) = open.attempt.stage().code() else { return Ok(()) };
        let (known, mut noted) = (sent.wrong, sent.wrong);
        let (tried, allowed) = (tries.saturating_sub(sent.challenge.tries_before), self.tries_allowed(sent));
        // What comes after the last try was not compared, and must not overtake a right code that was sent at the same time.
        if tried > allowed || known.used_up {
            return Ok(());
        }
        let used_up = tried == allowed;
        noted.used_up = used_up;
        let wrong = i64::try_from(self.wrong_codes(sent, tries)).unwrap_or(i64::MAX);
        if let Some(pause) = self.settings.delays.after(wrong) {
            noted.paused_until = Some(self.clock.now().plus(pause));
        }
        if noted != known
            && let Some(sent) = open.attempt.code_mut()
        {
            sent.wrong = noted;
            self.attempts.store(open).await?;
        }
        Ok(())
    }

    /// How many tries a code allows.
    fn tries_allowed(&self, sent: &CodeSent) -> u64 {
        let most = self.settings.code_tries;
        if sent.braked { most.min(self.brake.rules().tries) } else { most }
    }

    /// Compares a counted try with the code in force. `look_up` reads the person in front of the service, once the code is
    /// right: a wrong one is the same work for every number, whether or not it has an account.
    ///
    /// # Errors
    /// [`ServiceError`] when the person cannot be read or the outcome cannot be recorded.
    pub async fn compare<C: Borrow<AccountState>>(
        &self,
        attempt: &SignInAttempt,
        tried: CountedTry,
        session: &SessionId,
        look_up: impl AsyncFnOnce(&PersonId) -> Result<Option<C>, ServiceError>,
    ) -> Result<CodeOutcome<C>, ServiceError> {
        let Some((sent, purpose)) = attempt.stage().code() else { return Ok(CodeOutcome::Expired) };
        let (now, purpose) = (self.clock.now(), attempt.request.purpose(purpose));
        let digest = self.code_digest(purpose, &tried.code.0, &sent.challenge.message_id, &sent.index);
        let found = match &sent.person_id {
            Some(person) if digest.matches(&sent.challenge.digest) => look_up(person).await?,
            _ => None,
        };
        if let Some(found) = found.filter(|found| may_try(sent, found.borrow(), now)) {
            let state: &AccountState = found.borrow();
            if state.failures(sent.side).count > 0 {
                self.people.clear_failures(&state.person_id, sent.side).await?;
            }
            self.metrics.sign_ins("code", "right").inc();
            let message_id = &sent.challenge.message_id;
            let authenticated = proved(state, sent.index, (session.digest(), message_id), now);
            return Ok(CodeOutcome::Right(authenticated, found));
        }
        self.count_wrong(attempt.request.client_id.as_str(), sent, now).await?;
        Ok(if tried.left == 0 { CodeOutcome::Spent } else { CodeOutcome::Wrong { left: tried.left } })
    }

    /// Counts a wrong code, at a decoy where the number has no account. While the side is delayed no code is accepted, the
    /// right one neither, so a wrong one then is no failure there.
    async fn count_wrong(&self, client: &str, sent: &CodeSent, now: Timestamp) -> Result<(), ServiceError> {
        if let (true, Some(person)) = (sent.to_contact, &sent.person_id) {
            self.people.record_failure(person, sent.side, self.settings.delays, now).await?;
            self.metrics.sign_ins("code", "wrong").inc();
            return Ok(());
        }
        let state = self.people.account_state(&sent.index).await?;
        let state = state
            .filter(|state| sent.person_id.as_ref() == Some(&state.person_id) && may_try(sent, state, now));
        let nobody = PersonId::decoy(&sent.index);
        let person_id = state.as_ref().map_or(&nobody, |state| &state.person_id);
        self.people.record_failure(person_id, sent.side, self.settings.delays, now).await?;
        if let Some(state) = &state {
            self.record_lock(client, person_id, state.failures(sent.side).count + 1);
        }
        self.metrics.sign_ins("code", "wrong").inc();
        Ok(())
    }
}

/// Whether the code that was sent may be tried in the present state of its account.
fn may_try(sent: &CodeSent, state: &AccountState, now: Timestamp) -> bool {
    let may = if sent.to_contact {
        state.status == NumberStatus::NotEnrolled && state.failures(sent.side).locked_until <= now
    } else {
        state.may_try(sent.side, now)
    };
    may && state.epoch == sent.epoch
}

/// A code sent to the enrolled number is one factor, and is called no more than that.
fn proved(
    state: &AccountState,
    number: Digest,
    (session, message_id): (Digest, &str),
    now: Timestamp,
) -> Authenticated {
    Authenticated {
        person_id: state.person_id.clone(),
        epoch: state.epoch,
        number: Some(number),
        session,
        sid_key: session,
        auth_time: now,
        acr: Acr::MobileId,
        amr: vec![Amr::Sms, Amr::Otp],
        means: vec![Means::MobileId],
        proofs: Proofs::default(),
        organisation: None,
        code: Some(message_id.to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::TypedCode;

    #[test]
    fn what_people_paste_is_read_as_the_code_in_it() {
        for typed in ["123456", " 123 456 ", "123-456", "#123456", "１２３４５６", "123\u{a0}456"] {
            assert!(TypedCode::parse(typed).is_some_and(|code| code.0 == "123456"), "{typed}");
        }
        for typed in ["12345", "1234567", "12345a", "", "123456 or so"] {
            assert!(TypedCode::parse(typed).is_none(), "{typed}");
        }
    }
}

#[cfg(test)]
mod properties {
    use super::TypedCode;
    use proptest::prelude::*;
    use proptest::sample::select;

    proptest! {
        #[test]
        fn what_is_taken_for_a_code_has_six_digits_and_nothing_else(typed in "[ 0-9#\\-０-９]{0,12}|\\PC*") {
            if let Some(TypedCode(code)) = TypedCode::parse(&typed) {
                prop_assert!(code.len() == 6 && code.bytes().all(|b| b.is_ascii_digit()));
                let plain: String = typed.chars().filter(char::is_ascii_digit).collect();
                prop_assert!(plain.len() < 6 || plain == code, "{} from {}", code, typed);
            }
        }

        #[test]
        fn a_code_is_read_however_it_is_grouped(
            code in "[0-9]{6}",
            marks in prop::collection::vec(select(&["", " ", "-", "\u{a0}", "\u{2013}"][..]), 7),
            zero in select(&['0', '\u{FF10}', '\u{0660}', '\u{06F0}'][..]),
        ) {
            let written = |digit: char| char::from_u32(u32::from(zero) + digit.to_digit(10).unwrap()).unwrap();
            let typed: String = code.chars().zip(&marks).map(|(digit, mark)| format!("{mark}{}", written(digit))).collect();
            prop_assert_eq!(TypedCode::parse(&(typed + marks[6])).map(|typed| typed.0), Some(code));
        }
    }
}
