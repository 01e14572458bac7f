//! The second step: the code. Every try is counted before it is looked at.

use super::{Acr, Amr, Authenticated, Progress, ServiceError, SignIn};
use crate::people::{AccountState, PersonId};
use crate::platform::bytes::Digest;
use crate::platform::clock::Timestamp;
use crate::platform::ephemeral::{EphemeralKey, KeySpace};

/// What follows an entered code.
#[derive(Debug, PartialEq)]
pub enum CodeOutcome {
    /// It is the one. Whoever stores this progress first has signed in; nobody else can with the same code.
    Right(Authenticated),
    /// It is not the one; so many tries are left.
    Wrong {
        /// Tries left.
        left: u64,
    },
    /// It has had all its tries; a new one is needed.
    Spent,
    /// It came too late; a new one is needed.
    Expired,
    /// What was typed cannot be a code; no try was used up.
    NotACode,
}

/// A try that was counted and may now be looked at.
pub struct CountedTry {
    code: String,
    left: u64,
}

impl SignIn {
    /// Counts one more try of the code in force, atomically and across all nodes, before anything is compared.
    ///
    /// # Errors
    /// [`ServiceError`] when the counter is away: then no code is looked at.
    pub async fn count_try(
        &self,
        progress: &Progress,
        typed: &str,
    ) -> Result<Result<CountedTry, CodeOutcome>, ServiceError> {
        let Some(challenge) = progress.number.as_ref().and_then(|entered| entered.challenge.as_ref()) else {
            return Ok(Err(CodeOutcome::Expired));
        };
        if challenge.expires_at <= self.clock.now() {
            return Ok(Err(CodeOutcome::Expired));
        }
        let Some(code) = digits(typed) else { return Ok(Err(CodeOutcome::NotACode)) };
        let tries = EphemeralKey::of(KeySpace::Window, &format!("tries/{}", challenge.message_id));
        // The counter outlives the code, so that it cannot begin again while the code holds.
        let tried = self.ephemeral.count(tries, self.settings.code_seconds + 60).await?;
        if tried > self.settings.code_tries {
            self.metrics.sign_ins("code", "spent").inc();
            return Ok(Err(CodeOutcome::Spent));
        }
        Ok(Ok(CountedTry { code, left: self.settings.code_tries - tried }))
    }

    /// Compares a counted try with the code in force. `account_state` is how the account stands now, if the number is
    /// anybody's; without it the same work is done and the answer is always that the code is wrong.
    ///
    /// # Errors
    /// [`ServiceError`] when the outcome cannot be recorded.
    pub async fn compare(
        &self,
        progress: &Progress,
        tried: CountedTry,
        account_state: Option<&AccountState>,
        session: Digest,
    ) -> Result<CodeOutcome, ServiceError> {
        let now = self.clock.now();
        let Some(entered) = &progress.number else { return Ok(CodeOutcome::Expired) };
        let Some(challenge) = &entered.challenge else { return Ok(CodeOutcome::Expired) };
        let digest = self.code_digest(&tried.code, &challenge.message_id, &entered.index);
        let same = digest.matches(&challenge.digest);
        match account_state.filter(|account_state| account_state.may_try(now)) {
            Some(account_state) if same => {
                if account_state.failures > 0 {
                    self.people.clear_failures(&account_state.person_id).await?;
                }
                self.metrics.sign_ins("code", "right").inc();
                Ok(CodeOutcome::Right(proved(&account_state.person_id, session, now)))
            }
            _ => {
                // Nobody's number costs the same statement as somebody's. In a delay no code is taken, the right one
                // neither, so there a wrong one is no failure of its holder: strangers reach the end of the delays
                // only by sitting through them.
                let nobody = PersonId::nobody(&entered.index);
                let person_id = account_state
                    .filter(|account_state| !same && account_state.may_try(now))
                    .map_or(&nobody, |account_state| &account_state.person_id);
                self.people.record_failure(person_id, self.settings.failures_per_account, now).await?;
                self.metrics.sign_ins("code", "wrong").inc();
                Ok(if tried.left == 0 { CodeOutcome::Spent } else { CodeOutcome::Wrong { left: tried.left } })
            }
        }
    }
}

/// A code sent to the enrolled number is one factor, and is called no more than that.
fn proved(person_id: &PersonId, session: Digest, now: Timestamp) -> Authenticated {
    Authenticated {
        person_id: person_id.clone(),
        session,
        sid_key: session,
        auth_time: now,
        acr: Acr::MobileId,
        amr: vec![Amr::Sms, Amr::Otp],
    }
}

/// The six digits of what was typed or pasted: spaces, dashes and the digits of other scripts are forgiven.
fn digits(typed: &str) -> Option<String> {
    if typed.len() > 64 {
        return None;
    }
    let mut out = String::with_capacity(6);
    for c in typed.chars() {
        match c {
            '0'..='9' => out.push(c),
            '\u{FF10}'..='\u{FF19}' => out.push(shifted(c, '\u{FF10}')),
            '\u{0660}'..='\u{0669}' => out.push(shifted(c, '\u{0660}')),
            '\u{06F0}'..='\u{06F9}' => out.push(shifted(c, '\u{06F0}')),
            c if c.is_whitespace() || c == '-' || c == '#' || c == '\u{2013}' || c == '\u{200B}' => {}
            _ => return None,
        }
    }
    (out.len() == 6).then_some(out)
}

fn shifted(c: char, zero: char) -> char {
    char::from_digit(c as u32 - zero as u32, 10).unwrap_or('0')
}

#[cfg(test)]
mod tests {
    use super::digits;

    #[test]
    fn what_people_paste_is_read_as_the_code_in_it() {
        for typed in ["123456", " 123 456 ", "123-456", "#123456", "１２３４５６", "123\u{a0}456"] {
            assert_eq!(digits(typed).as_deref(), Some("123456"), "{typed}");
        }
        for typed in ["12345", "1234567", "12345a", "", "123456 or so"] {
            assert_eq!(digits(typed), None, "{typed}");
        }
    }
}

#[cfg(test)]
mod properties {
    use super::digits;
    use proptest::prelude::*;
    use proptest::sample::select;

    proptest! {
        #[test]
        fn what_is_taken_for_a_code_has_six_digits_and_nothing_else(typed in "[ 0-9#\\-０-９]{0,12}|\\PC*") {
            if let Some(code) = digits(&typed) {
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
            prop_assert_eq!(digits(&(typed + marks[6])), Some(code));
        }
    }
}
