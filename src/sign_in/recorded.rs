//! What the steps record in the audit log.

use super::counted::Limit;
use super::purpose::Approving;
use super::{CodeOutcome, OpenAttempt, SignIn};
use crate::audit::{Event, Kind};
use crate::people::PersonId;

impl SignIn {
    /// Records that a code was made, or which limit refused it. Whether it goes to anybody is for operators to know: the
    /// work is the same.
    pub(super) fn record_code(&self, open: &OpenAttempt, refused: Option<Limit>) {
        if let Some(limit) = refused {
            return self.audit.record(event(Kind::CodeLimited, open).limit(limit.name()));
        }
        let Some((sent, _)) = open.attempt.stage().code() else { return };
        let event = event(Kind::CodeSent, open)
            .sms(sent.challenge.message_id.as_str())
            .sent(sent.person_id.is_some())
            .number(i64::from(sent.sends));
        self.audit.record(event);
    }

    /// Records what became of a code that was entered, unless it was right: then a session is.
    pub fn record_try<C>(&self, open: &OpenAttempt, outcome: &CodeOutcome<C>, compared: bool) {
        let event = match outcome {
            CodeOutcome::Right(..) => return,
            CodeOutcome::Wrong { left } => {
                event(Kind::WrongCode, open).left(i64::try_from(*left).unwrap_or(i64::MAX))
            }
            CodeOutcome::Spent if compared => event(Kind::WrongCode, open).left(0),
            CodeOutcome::Spent => event(Kind::CodeRefused, open).reason("spent"),
            CodeOutcome::Expired => event(Kind::CodeRefused, open).reason("expired"),
        };
        self.audit.record(event);
    }

    /// Records that a person wants no messages of the service that asks for an approval.
    pub(super) fn record_muted(&self, approving: &Approving, person: &PersonId) {
        let event = Event::new(Kind::ApprovalMuted).client(approving.client.as_str());
        self.audit.record(event.person(person.as_str()).reason("muted"));
    }

    /// Records that an account takes no code for a while, if so many wrong ones in a row have that effect.
    pub(super) fn record_lock(&self, client: &str, person: &PersonId, failures: i64) {
        let reason = if failures >= self.settings.delays.most {
            "long_delay"
        } else if failures % 5 == 0 {
            "delay"
        } else {
            return;
        };
        let event = Event::new(Kind::Locked).client(client).person(person.as_str());
        self.audit.record(event.reason(reason).count(failures));
    }
}

fn event(kind: Kind, open: &OpenAttempt) -> Event<'_> {
    let attempt = &open.attempt;
    let person = attempt.stage().code().and_then(|(sent, _)| sent.person_id.as_ref()).map(PersonId::as_str);
    let event = Event::new(kind).client(attempt.request.client_id.as_str()).of_attempt(open.id.digest());
    event.maybe_person(person)
}
