//! The steps of a sign-in as one table and one pure function: which page is due at a stage, what it needs, what going back
//! undoes, and which event leads where. Nothing else changes a stage, but taking back a code that is not sent after all.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use super::{Acr, Authenticated, CodeSent, Means, OpenAttempt, Proving, is_single_factor};
use crate::clients::{ClientId, DataRequest, Terms};
use crate::people::DataSet;
use crate::platform::bytes::Digest;
use crate::platform::clock::Timestamp;

/// How far a sign-in attempt got, with what that stage knows.
#[derive(Clone, Serialize, Deserialize)]
pub enum Stage {
    /// A means of signing in is to be chosen, or the form of its page to be filled in.
    Means(Base),
    /// The code sent to a number is expected.
    Code(CodeSent, Base),
    /// A means gave a challenge, and the answer to it is expected.
    Proving(Proving, Base),
    /// The person has a session and is asked whether to use it.
    Continue(Authenticated),
    /// The person proved who they are and is asked for consent.
    Consent(Authenticated),
    /// The person chose on the consent page, and the code that permits it is expected.
    Permission(Authenticated, Agreement, CodeSent),
    /// A service asks somebody who is not at its site: a code that was sent to them is expected, with what they decide. No
    /// browser has this attempt, and its page is found by what the message says.
    Approval(CodeSent),
    /// The person agreed and the answer is being made; it can be made again until it is stored.
    Answering(Authenticated, Agreement),
    /// The answer is stored.
    Finished(Outcome),
}

/// What a person proved before, to which a further factor is added (step-up, RFC 9470); the session that it opened goes on only if it is
/// this browser's.
pub type Base = Option<Box<Authenticated>>;

/// What the person agreed to on the consent page.
#[derive(Clone, Serialize, Deserialize)]
pub struct Agreement {
    /// The identifier of the consent to be recorded: recording it twice records it once.
    pub consent_id: String,
    /// What was asked for, as the page showed it.
    pub asked: DataRequest,
    /// The optional data sets that the person ticked.
    pub ticked: BTreeSet<DataSet>,
    /// The terms that the page showed.
    pub terms: Terms,
    /// The text that the page showed, as JSON.
    pub shown: String,
    /// Whether the service's registration lets a button permit a release; otherwise a code must.
    pub by_click: bool,
}

impl Agreement {
    /// A digest of what is agreed to, by which a form says what its page showed.
    pub fn digest(&self) -> Digest {
        let told = (&self.asked, &self.ticked, &self.shown, self.terms.digest());
        Digest::of(serde_json::to_string(&told).unwrap_or_default().as_bytes())
    }
}

/// What a code is for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Purpose {
    /// To prove who somebody is.
    SignIn,
    /// To permit a release of data.
    Permission,
    /// To approve one request of a service whose site the person is not at, or to refuse it.
    Approval,
    /// To confirm one application, wherever its service asks.
    Application,
}

impl Purpose {
    /// Its name, as the digests of codes hold it.
    pub(super) const fn name(self) -> &'static [u8] {
        match self {
            Self::SignIn => b"sign-in",
            Self::Permission => b"permission",
            Self::Approval => b"approval",
            Self::Application => b"application",
        }
    }
}

/// How an attempt ended.
#[derive(Clone, Serialize, Deserialize)]
pub enum Outcome {
    /// With an answer, in the protocol's own form, so that a lost one can be sent again while the session lasts.
    Answered(Box<RawValue>, Digest),
    /// The person refused, or was not the one that the service expected.
    Refused(Refusal),
}

/// Why a service gets an error instead of an answer.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub enum Refusal {
    /// The person cancelled or denied.
    Denied,
    /// Another person signed in than the service expected.
    OtherPerson,
    /// What was done to sign in is not among what the service accepts.
    Acr,
}

impl Refusal {
    /// Its name in the audit log.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Denied => "denied",
            Self::OtherPerson => "other_person",
            Self::Acr => "acr",
        }
    }
}

/// What happened.
#[derive(Clone)]
pub enum Event {
    /// A code is sent: the first one, one to another number, or a new one.
    CodeSent(CodeSent),
    /// A means gave a challenge: the first one, that of another means, or a new one.
    ProofBegun(Proving),
    /// What was proved leads to nothing here: another means may.
    ProofRefused,
    /// The session is no longer valid, or another person wants to sign in.
    StartOver,
    /// The person proved who they are, and what they proved is not enough for the service: a further factor is expected.
    FactorAdded(Authenticated),
    /// The person proved who they are, and consent is asked for.
    Proved(Authenticated),
    /// The person goes on with the session of this browser, and consent is asked for.
    SessionUsed(Authenticated),
    /// The person chose on the consent page, and a code is sent by which they permit it (R68).
    PermissionAsked(Authenticated, Agreement, CodeSent),
    /// The code in that message was entered.
    Permitted(String),
    /// A code is sent by which a person approves what a service asks.
    ApprovalAsked(CodeSent),
    /// The person agreed on the consent page.
    Agreed(Authenticated, Agreement),
    /// There is to be no answer but an error.
    Refused(Refusal),
    /// The answer about this person is made; it is stored together with the stage that this leads to.
    Answered(Authenticated, Box<RawValue>),
}

/// What the request demands of a person who proved who they are.
#[derive(Clone, Copy, Debug)]
pub struct Requirements<'a> {
    /// Accepted authentication context classes; empty means every class.
    pub acr: &'a [Acr],
    /// Whether consent must be asked for.
    pub consent: bool,
    /// Whether an application is to be confirmed, which nothing but a code of its own does.
    pub confirms: bool,
    /// Whether one factor is not enough, whatever is accepted.
    pub doubted: bool,
}

/// An event that the stage does not allow.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Illegal {
    /// The attempt is at another stage: the event belongs to a page of an earlier one, or to a guessed address.
    Stage,
    /// The code expired before it was proved.
    Expired,
    /// What was done to sign in is not among what the service accepts.
    Acr,
    /// Consent must be asked for first.
    Consent,
    /// A code must permit it.
    Permission,
}

/// The stage that follows.
///
/// # Errors
/// [`Illegal`]; the stage stays as it is.
pub(super) fn next(
    stage: &Stage,
    event: Event,
    requirements: Requirements<'_>,
    now: Timestamp,
) -> Result<Stage, Illegal> {
    let accepted = |authenticated: &Authenticated| match authenticated.told(requirements.acr) {
        Some(_) if requirements.doubted && is_single_factor(&authenticated.means) => Err(Illegal::Acr),
        Some(acr) if acr == authenticated.acr => Ok(()),
        _ => Err(Illegal::Acr),
    };
    match (stage, event) {
        (Stage::Means(base) | Stage::Code(_, base) | Stage::Proving(_, base), Event::CodeSent(code)) => {
            Ok(Stage::Code(code, base.clone()))
        }
        (Stage::Means(base) | Stage::Code(_, base) | Stage::Proving(_, base), Event::ProofBegun(proving)) => {
            Ok(Stage::Proving(proving, base.clone()))
        }
        (Stage::Means(base) | Stage::Code(_, base) | Stage::Proving(_, base), Event::ProofRefused) => {
            Ok(Stage::Means(base.clone()))
        }
        (Stage::Means(None), Event::ApprovalAsked(code)) => Ok(Stage::Approval(code)),
        (
            Stage::Means(Some(_))
            | Stage::Code(_, Some(_))
            | Stage::Proving(_, Some(_))
            | Stage::Continue(_)
            | Stage::Consent(_)
            | Stage::Permission(..)
            | Stage::Answering(..),
            Event::StartOver,
        ) => Ok(Stage::Means(None)),
        (Stage::Code(code, _), Event::Proved(_) | Event::FactorAdded(_) | Event::Answered(..))
            if code.challenge.expires_at <= now =>
        {
            Err(Illegal::Expired)
        }
        (Stage::Proving(proving, _), Event::Proved(_) | Event::FactorAdded(_) | Event::Answered(..))
            if proving.expires_at <= now =>
        {
            Err(Illegal::Expired)
        }
        // What is enough needs no further factor.
        (
            Stage::Means(_) | Stage::Code(..) | Stage::Proving(..) | Stage::Continue(_),
            Event::FactorAdded(person),
        ) => match accepted(&person) {
            Ok(()) => Err(Illegal::Stage),
            Err(_) => Ok(Stage::Means(Some(Box::new(person)))),
        },
        (Stage::Approval(code), Event::Answered(..)) if code.challenge.expires_at <= now => {
            Err(Illegal::Expired)
        }
        // Nothing but the code of this very request approves it.
        (Stage::Approval(code), Event::Answered(person, _))
            if person.code.as_ref() != Some(&code.challenge.message_id) =>
        {
            Err(Illegal::Permission)
        }
        (Stage::Means(_) | Stage::Code(..) | Stage::Proving(..), Event::Proved(person))
        | (Stage::Continue(_), Event::SessionUsed(person)) => {
            accepted(&person).map(|()| Stage::Consent(person))
        }
        (
            Stage::Means(_) | Stage::Code(..) | Stage::Proving(..) | Stage::Continue(_),
            Event::Answered(..),
        ) if requirements.confirms => Err(Illegal::Consent),
        (
            Stage::Means(_) | Stage::Code(..) | Stage::Proving(..) | Stage::Continue(_) | Stage::Approval(_),
            Event::Answered(..),
        ) if requirements.consent => Err(Illegal::Consent),
        (
            Stage::Means(_)
            | Stage::Code(..)
            | Stage::Proving(..)
            | Stage::Continue(_)
            | Stage::Approval(_)
            | Stage::Answering(..),
            Event::Answered(person, answer),
        ) => {
            let session = person.session;
            accepted(&person).map(|()| Stage::Finished(Outcome::Answered(answer, session)))
        }
        // An application is confirmed by a code of its own, whatever was entered before.
        (Stage::Consent(_), Event::Agreed(..)) if requirements.confirms => Err(Illegal::Permission),
        // A code that signed somebody in earlier permits nothing: it must be one of this attempt.
        (Stage::Consent(_), Event::Agreed(person, agreement))
            if !agreement.by_click && person.code.is_none() =>
        {
            Err(Illegal::Permission)
        }
        (Stage::Consent(_) | Stage::Permission(..), Event::PermissionAsked(person, agreement, code)) => {
            accepted(&person).map(|()| Stage::Permission(person, agreement, code))
        }
        (Stage::Permission(_, _, code), Event::Permitted(_)) if code.challenge.expires_at <= now => {
            Err(Illegal::Expired)
        }
        (Stage::Permission(person, agreement, code), Event::Permitted(id))
            if code.challenge.message_id == id =>
        {
            let person = Authenticated { code: Some(id), ..person.clone() };
            accepted(&person).map(|()| Stage::Answering(person, agreement.clone()))
        }
        (Stage::Consent(_), Event::Agreed(person, agreement)) => {
            accepted(&person).map(|()| Stage::Answering(person, agreement))
        }
        (Stage::Finished(_), Event::Refused(_)) => Err(Illegal::Stage),
        (_, Event::Refused(refusal)) => Ok(Stage::Finished(Outcome::Refused(refusal))),
        _ => Err(Illegal::Stage),
    }
}

/// The pages of a sign-in.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Page {
    /// By which means to sign in.
    Means,
    /// The phone number.
    Number,
    /// Login and password.
    Password,
    /// The password that takes the place of a temporary one.
    NewPassword,
    /// A passkey.
    Passkey,
    /// An electronic digital signature.
    Eri,
    /// A face.
    Face,
    /// What another device reads, on which the person is signed in.
    Qr,
    /// The code from the SMS.
    Code,
    /// Whether to go on with the session of this browser.
    Continue,
    /// Which data go to the service.
    Consent,
    /// The code that permits it.
    Permission,
}

/// What must exist before a page is shown.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Precondition {
    /// The browser that began the attempt.
    Browser,
    /// The session that the stage rests on, with its person.
    Session,
}

/// What going back to an earlier page and sending its form undoes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Undo {
    /// The code or the challenge in force: another number or another means replaces it. How many codes were sent stays.
    Proof,
    /// What was chosen: another choice replaces it. The code in force stays, and permits what was chosen last.
    Choice,
}

/// One row of the table of steps.
#[derive(Debug)]
pub struct StepInfo {
    /// The page that is due; `None` when there is nothing left to do. Where a means is to be chosen, an attempt begins at the page of
    /// its first one ([`Stage::due`]).
    pub page: Option<Page>,
    /// What must exist before it is shown.
    pub preconditions: &'static [Precondition],
    /// Other pages whose forms are accepted as well, and what sending one undoes.
    pub back: Option<(&'static [Page], Undo)>,
}

/// Where a person chooses and uses a means of signing in, until something is proved.
const OF_MEANS: &[Page] =
    &[Page::Means, Page::Number, Page::Password, Page::Passkey, Page::Eri, Page::Face, Page::Qr];

const fn proving(page: Page) -> StepInfo {
    StepInfo {
        page: Some(page),
        preconditions: &[Precondition::Browser],
        back: Some((OF_MEANS, Undo::Proof)),
    }
}

const MEANS: StepInfo = proving(Page::Means);
const CODE: StepInfo = proving(Page::Code);
const NEW_PASSWORD: StepInfo = proving(Page::NewPassword);
const PASSKEY: StepInfo = proving(Page::Passkey);
const ERI: StepInfo = proving(Page::Eri);
const FACE: StepInfo = proving(Page::Face);
const QR: StepInfo = proving(Page::Qr);
const CONTINUE: StepInfo = StepInfo {
    page: Some(Page::Continue),
    preconditions: &[Precondition::Browser, Precondition::Session],
    back: None,
};
const CONSENT: StepInfo = StepInfo {
    page: Some(Page::Consent),
    preconditions: &[Precondition::Browser, Precondition::Session],
    back: None,
};
const PERMISSION: StepInfo = StepInfo {
    page: Some(Page::Permission),
    preconditions: &[Precondition::Browser, Precondition::Session],
    back: Some((&[Page::Consent], Undo::Choice)),
};
/// None of the pages of a sign-in is due, at whatever browser: a request to approve has a page of its own.
const APPROVAL: StepInfo = StepInfo { page: None, preconditions: &[Precondition::Browser], back: None };
const FINISHED: StepInfo = StepInfo { page: None, preconditions: &[Precondition::Browser], back: None };

impl Stage {
    /// The row of the table of steps.
    pub const fn step(&self) -> &'static StepInfo {
        match self {
            Self::Means(_) => &MEANS,
            Self::Code(..) => &CODE,
            Self::Proving(proving, _) => match proving.means {
                // A number's challenge is a code.
                Means::MobileId => &MEANS,
                Means::Password => &NEW_PASSWORD,
                Means::Passkey => &PASSKEY,
                Means::Eri => &ERI,
                Means::Face => &FACE,
                Means::Qr => &QR,
            },
            Self::Continue(_) => &CONTINUE,
            Self::Permission(..) => &PERMISSION,
            // An answer that could not be stored is made again from the page that decided it.
            Self::Consent(_) | Self::Answering(..) => &CONSENT,
            Self::Approval(_) => &APPROVAL,
            Self::Finished(_) => &FINISHED,
        }
    }

    /// Whether `page` may be shown.
    pub fn shows(&self, page: Page) -> bool {
        let step = self.step();
        step.page == Some(page) || step.back.is_some_and(|(back, _)| back.contains(&page))
    }

    /// The page that is due in an attempt that begins with `first`.
    pub const fn due(&self, first: Means) -> Option<Page> {
        match self {
            Self::Means(None) => Some(first.page()),
            _ => self.step().page,
        }
    }

    /// What was proved before, to which a further factor is to be added.
    pub fn base(&self) -> Option<&Authenticated> {
        match self {
            Self::Means(base) | Self::Code(_, base) | Self::Proving(_, base) => base.as_deref(),
            _ => None,
        }
    }

    /// Who proved to be who they are, from the stage at which that is known.
    pub const fn authenticated(&self) -> Option<&Authenticated> {
        match self {
            Self::Continue(authenticated)
            | Self::Consent(authenticated)
            | Self::Permission(authenticated, ..)
            | Self::Answering(authenticated, _) => Some(authenticated),
            Self::Means(_) | Self::Code(..) | Self::Proving(..) | Self::Approval(_) | Self::Finished(_) => {
                None
            }
        }
    }

    /// The code in force, with what it is for: a code for one purpose is none for another (R69).
    pub const fn code(&self) -> Option<(&CodeSent, Purpose)> {
        match self {
            Self::Code(sent, _) => Some((sent, Purpose::SignIn)),
            Self::Permission(_, _, sent) => Some((sent, Purpose::Permission)),
            Self::Approval(sent) => Some((sent, Purpose::Approval)),
            _ => None,
        }
    }

    /// The code in force, to be changed.
    pub(super) const fn code_mut(&mut self) -> Option<&mut CodeSent> {
        match self {
            Self::Code(sent, _) | Self::Permission(_, _, sent) | Self::Approval(sent) => Some(sent),
            _ => None,
        }
    }
}

impl Page {
    /// All pages.
    pub const ALL: [Self; 12] = [
        Self::Means,
        Self::Number,
        Self::Password,
        Self::NewPassword,
        Self::Passkey,
        Self::Eri,
        Self::Face,
        Self::Qr,
        Self::Code,
        Self::Continue,
        Self::Consent,
        Self::Permission,
    ];

    /// Whether a means is chosen or used on it.
    pub fn is_of_means(self) -> bool {
        OF_MEANS.contains(&self)
    }

    /// Whether showing it needs the session that the stage rests on.
    pub const fn needs_session(self) -> bool {
        matches!(self, Self::Continue | Self::Consent | Self::Permission)
    }

    /// The last part of its path, and its name in metrics.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Means => "means",
            Self::Number => "number",
            Self::Password => "password",
            Self::NewPassword => "new-password",
            Self::Passkey => "passkey",
            Self::Eri => "eri",
            Self::Face => "face",
            Self::Qr => "qr",
            Self::Code => "code",
            Self::Continue => "continue",
            Self::Consent => "consent",
            Self::Permission => "permission",
        }
    }

    /// Its address in an attempt. It names the service, so that the page can lead back there even after the attempt
    /// expired.
    pub fn path(self, attempt: &OpenAttempt, client: &ClientId) -> String {
        path(self.name(), attempt.name(self), client)
    }
}

impl Means {
    /// The page on which it is used.
    pub const fn page(self) -> Page {
        match self {
            Self::MobileId => Page::Number,
            Self::Password => Page::Password,
            Self::Passkey => Page::Passkey,
            Self::Eri => Page::Eri,
            Self::Face => Page::Face,
            Self::Qr => Page::Qr,
        }
    }
}

/// The address at which a person cancels an attempt, on `page`.
pub fn cancel_path(page: Page, attempt: &OpenAttempt, client: &ClientId) -> String {
    path("cancel", attempt.name(page), client)
}

fn path(page: &str, attempt: &str, client: &ClientId) -> String {
    format!("/sign-in/{page}?t={attempt}&service={client}")
}

#[cfg(test)]
mod tests;
