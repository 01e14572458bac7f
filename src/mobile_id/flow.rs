//! How far an application got. One pure function changes that, and nothing else does.

use super::door::Channel;
use super::ground::{Ground, PlaceGround};

/// How far an application got.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum State {
    /// It was opened: the form is right; evidence and consents are gathered.
    Open,
    /// Data went to Mobile-ID and a code was sent (stage 3 of annex 1).
    CodeSent,
    /// The code was right and the fee is due; nothing else has changed (D-f).
    AwaitingPayment,
    /// The number is bound: everything of clause 17 or 26 took place.
    Enrolled,
    /// Refused, on one ground of the list.
    Refused(Ground),
    /// The person did not go on: neither refused nor enrolled (D-o).
    Withdrawn,
}

impl State {
    /// Its name in the store and in metrics.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::CodeSent => "code_sent",
            Self::AwaitingPayment => "awaiting_payment",
            Self::Enrolled => "enrolled",
            Self::Refused(_) => "refused",
            Self::Withdrawn => "withdrawn",
        }
    }

    /// The state of that name; a refusal needs its ground, and nothing else has one.
    pub fn parse(name: &str, ground: Option<Ground>) -> Option<Self> {
        match (name, ground) {
            ("open", None) => Some(Self::Open),
            ("code_sent", None) => Some(Self::CodeSent),
            ("awaiting_payment", None) => Some(Self::AwaitingPayment),
            ("enrolled", None) => Some(Self::Enrolled),
            ("refused", Some(ground)) => Some(Self::Refused(ground)),
            ("withdrawn", None) => Some(Self::Withdrawn),
            _ => None,
        }
    }

    /// Whether nothing can follow.
    pub const fn is_over(self) -> bool {
        matches!(self, Self::Enrolled | Self::Refused(_) | Self::Withdrawn)
    }

    /// The ground of a refusal.
    pub const fn ground(self) -> Option<Ground> {
        match self {
            Self::Refused(ground) => Some(ground),
            _ => None,
        }
    }
}

/// What happened.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Event {
    /// Evidence or consents were added.
    Evidence,
    /// The person agreed, after the payment, to what changed since the pre-check.
    Agreed,
    /// A code was sent: the first one, or a new one at any time (R39).
    CodeSent,
    /// The right code was entered in time.
    CodeRight {
        /// Whether a fee is due.
        due: bool,
    },
    /// Billing confirmed the payment of the whole fee.
    Paid,
    /// Nobody paid in time (D-f).
    Unpaid,
    /// Somebody refuses it.
    Refused(Ground),
    /// The person does not go on, or nobody did for long.
    Withdrawn,
}

/// An event that the state does not allow.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum Illegal {
    /// The application is in another state.
    #[error("the application is in another state")]
    State,
    /// The ground is none of its chapter, or not one that somebody chooses.
    #[error("the ground is not one for this application")]
    Ground,
}

/// The state that follows.
///
/// # Errors
/// [`Illegal`]; the state stays as it is.
pub(super) fn next(state: State, event: Event, channel: Channel) -> Result<State, Illegal> {
    match (state, event) {
        (State::Open | State::CodeSent, Event::Evidence) | (State::AwaitingPayment, Event::Agreed) => {
            Ok(state)
        }
        (State::Open | State::CodeSent, Event::CodeSent) => Ok(State::CodeSent),
        // Only a place takes a fee.
        (State::CodeSent, Event::CodeRight { due: true }) if matches!(channel, Channel::Place(_)) => {
            Ok(State::AwaitingPayment)
        }
        (State::CodeSent, Event::CodeRight { due: false }) | (State::AwaitingPayment, Event::Paid) => {
            Ok(State::Enrolled)
        }
        (State::AwaitingPayment, Event::Unpaid) => Ok(State::Refused(Ground::Place(PlaceGround::Unpaid))),
        // That the fee was not paid, the system finds: it is not chosen before its time.
        (State::Open | State::CodeSent, Event::Refused(Ground::Place(PlaceGround::Unpaid))) => {
            Err(Illegal::Ground)
        }
        (State::Open | State::CodeSent, Event::Refused(ground)) => {
            if ground.fits(channel) {
                Ok(State::Refused(ground))
            } else {
                Err(Illegal::Ground)
            }
        }
        (State::Open | State::CodeSent | State::AwaitingPayment, Event::Withdrawn) => Ok(State::Withdrawn),
        _ => Err(Illegal::State),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mobile_id::ground::RemoteGround;
    use crate::staff::PlaceKind;

    const PLACE: Channel = Channel::Place(PlaceKind::ServiceCentre);
    const WRONG: Ground = Ground::Place(PlaceGround::Data);

    fn states() -> [State; 6] {
        [
            State::Open,
            State::CodeSent,
            State::AwaitingPayment,
            State::Enrolled,
            State::Refused(WRONG),
            State::Withdrawn,
        ]
    }

    fn events() -> [Event; 10] {
        [
            Event::Evidence,
            Event::Agreed,
            Event::CodeSent,
            Event::CodeRight { due: true },
            Event::CodeRight { due: false },
            Event::Paid,
            Event::Unpaid,
            Event::Refused(WRONG),
            Event::Refused(Ground::Remote(RemoteGround::Declined)),
            Event::Withdrawn,
        ]
    }

    #[test]
    fn r10_the_stages_follow_one_another_and_what_is_over_stays_over() {
        let path =
            [Event::Evidence, Event::CodeSent, Event::CodeSent, Event::CodeRight { due: true }, Event::Paid];
        let end = path.iter().try_fold(State::Open, |state, event| next(state, *event, PLACE));
        assert_eq!(end, Ok(State::Enrolled));
        let free = [Event::CodeSent, Event::CodeRight { due: false }];
        let end = free.iter().try_fold(State::Open, |state, event| next(state, *event, Channel::Remote));
        assert_eq!(end, Ok(State::Enrolled), "R21: the app has no stage of payment");
        for state in states().into_iter().filter(|state| state.is_over()) {
            for event in events() {
                assert_eq!(next(state, event, PLACE), Err(Illegal::State), "{state:?} {event:?}");
            }
        }
    }

    #[test]
    fn r41_nothing_is_enrolled_without_the_code_and_the_fee() {
        let ways: Vec<_> = states()
            .into_iter()
            .flat_map(|state| events().map(|event| (state, event)))
            .filter(|(state, event)| next(*state, *event, PLACE) == Ok(State::Enrolled))
            .collect();
        assert_eq!(
            ways,
            [(State::CodeSent, Event::CodeRight { due: false }), (State::AwaitingPayment, Event::Paid)]
        );
        assert_eq!(
            next(State::CodeSent, Event::CodeRight { due: true }, Channel::Remote),
            Err(Illegal::State),
            "R13: nothing is due in the app"
        );
    }

    #[test]
    fn r51_r65_a_refusal_has_a_ground_of_its_own_chapter() {
        for ground in Ground::ALL {
            for channel in [PLACE, Channel::Remote] {
                let allowed = ground.fits(channel) && ground != Ground::Place(PlaceGround::Unpaid);
                let follows = next(State::Open, Event::Refused(ground), channel);
                assert_eq!(follows.is_ok(), allowed, "{ground:?} {channel:?}");
            }
        }
        let unpaid = next(State::AwaitingPayment, Event::Unpaid, PLACE).unwrap();
        assert_eq!(unpaid.ground().map(Ground::clause), Some("18(2)"));
        assert_eq!(
            next(State::AwaitingPayment, Event::Refused(WRONG), PLACE),
            Err(Illegal::State),
            "D-f: the code was right, and only the fee is open"
        );
    }

    #[test]
    fn a_state_is_read_as_it_was_stored_and_no_other() {
        for state in states() {
            assert_eq!(State::parse(state.name(), state.ground()), Some(state));
        }
        assert_eq!(State::parse("refused", None), None);
        assert_eq!(State::parse("open", Some(WRONG)), None);
        assert_eq!(State::parse("lost", None), None);
    }
}
