use super::*;
use crate::people::{PersonId, PhoneNumber};
use crate::platform::bytes::Digest;
use crate::sign_in::{Amr, Challenge};

const NOW: Timestamp = Timestamp(1_000);

fn person(acr: Acr) -> Authenticated {
    let session = Digest::of(b"session");
    Authenticated {
        epoch: crate::people::Epoch::default(),
        person_id: PersonId::stored("somebody".to_owned()),
        session,
        sid_key: session,
        auth_time: NOW,
        acr,
        amr: vec![Amr::Sms],
    }
}

fn code(expires_at: i64) -> CodeSent {
    CodeSent {
        epoch: crate::people::Epoch::default(),
        number: PhoneNumber::from_digits("998001234567").unwrap(),
        index: Digest::of(b"number"),
        person_id: None,
        challenge: Challenge {
            digest: Digest::of(b"code"),
            message_id: "m".to_owned(),
            expires_at: Timestamp(expires_at),
            tries_before: 0,
        },
        sends: 1,
        sent_at: NOW,
        side: crate::people::Side::Stranger,
        braked: false,
        told: crate::sign_in::Told::default(),
    }
}

fn raw() -> Box<RawValue> {
    RawValue::from_string("\"answer\"".to_owned()).unwrap()
}

fn agreement() -> Agreement {
    Agreement { consent_id: "c".to_owned(), asked: DataRequest::default(), ticked: BTreeSet::new() }
}

fn stages() -> Vec<Stage> {
    vec![
        Stage::Number,
        Stage::Code(code(NOW.0 + 1)),
        Stage::Continue(person(Acr::MobileId)),
        Stage::Consent(person(Acr::MobileId)),
        Stage::Answering(person(Acr::MobileId), agreement()),
        Stage::Finished(Outcome::Answered(raw())),
        Stage::Finished(Outcome::Refused(Refusal::Denied)),
    ]
}

fn events() -> Vec<Event> {
    let person = || person(Acr::MobileId);
    vec![
        Event::CodeSent(code(NOW.0 + 1)),
        Event::StartOver,
        Event::Proved(person()),
        Event::SessionUsed(person()),
        Event::Agreed(person(), agreement()),
        Event::Refused(Refusal::Denied),
        Event::Answered(person(), raw()),
    ]
}

fn short(stage: &Stage) -> &'static str {
    match stage {
        Stage::Number => "number",
        Stage::Code(_) => "code",
        Stage::Continue(_) => "continue",
        Stage::Consent(_) => "consent",
        Stage::Answering(..) => "answering",
        Stage::Finished(Outcome::Answered(_)) => "answered",
        Stage::Finished(Outcome::Refused(_)) => "refused",
    }
}

fn table(consent: bool) -> Vec<Vec<&'static str>> {
    let requirements = Requirements { acr: &[], consent };
    let cell = |stage: &Stage, event| match next(stage, event, requirements, NOW) {
        Ok(stage) => short(&stage),
        Err(Illegal::Stage) => "-",
        Err(Illegal::Consent) => "consent first",
        Err(other) => panic!("{other:?}"),
    };
    stages().iter().map(|stage| events().into_iter().map(|event| cell(stage, event)).collect()).collect()
}

#[test]
fn the_table_of_stages_and_events_is_this_one() {
    let columns = ["CodeSent", "StartOver", "Proved", "SessionUsed", "Agreed", "Refused", "Answered"];
    assert_eq!(columns.len(), events().len());
    #[rustfmt::skip]
    let expected = [
        ["code", "-",      "-",       "-",       "-",         "refused", "-"],        // number
        ["code", "-",      "consent", "-",       "-",         "refused", "answered"], // code
        ["-",    "number", "-",       "consent", "-",         "refused", "answered"], // continue
        ["-",    "number", "-",       "-",       "answering", "refused", "-"],        // consent
        ["-",    "number", "-",       "-",       "-",         "refused", "answered"], // answering
        ["-",    "-",      "-",       "-",       "-",         "-",       "-"],        // answered
        ["-",    "-",      "-",       "-",       "-",         "-",       "-"],        // refused
    ];
    assert_eq!(table(false), expected);
    let mut asked = expected;
    (asked[1][6], asked[2][6]) = ("consent first", "consent first");
    assert_eq!(table(true), asked);
}

#[test]
fn an_expired_code_proves_nothing() {
    let stage = Stage::Code(code(NOW.0));
    let requirements = Requirements { acr: &[], consent: false };
    for event in [Event::Proved(person(Acr::MobileId)), Event::Answered(person(Acr::MobileId), raw())] {
        assert_eq!(next(&stage, event, requirements, NOW).err(), Some(Illegal::Expired));
    }
    assert!(
        next(&stage, Event::CodeSent(code(NOW.0 + 1)), requirements, NOW).is_ok(),
        "a new one can be had"
    );
}

#[test]
fn what_was_done_to_sign_in_must_be_accepted() {
    let requirements = Requirements { acr: &[Acr::Eri], consent: false };
    for stage in stages() {
        for event in events() {
            let proves = matches!(
                event,
                Event::Proved(_) | Event::SessionUsed(_) | Event::Agreed(..) | Event::Answered(..)
            );
            if proves {
                let outcome = next(&stage, event, requirements, NOW);
                assert!(matches!(outcome, Err(Illegal::Acr | Illegal::Stage)), "{}", short(&stage));
            }
        }
    }
}

#[test]
fn every_stage_has_one_due_page_and_going_back_undoes_the_code_alone() {
    for stage in stages() {
        let shown: Vec<Page> = Page::ALL.into_iter().filter(|page| stage.shows(*page)).collect();
        let expected: &[Page] = match &stage {
            Stage::Number => &[Page::Number],
            Stage::Code(_) => &[Page::Number, Page::Code],
            Stage::Continue(_) => &[Page::Continue],
            Stage::Consent(_) | Stage::Answering(..) => &[Page::Consent],
            Stage::Finished(_) => &[],
        };
        assert_eq!(shown, expected, "{}", short(&stage));
        assert!(stage.step().preconditions.contains(&Precondition::Browser), "{}", short(&stage));
        let rests_on_session = stage.step().preconditions.contains(&Precondition::Session);
        assert_eq!(rests_on_session, stage.authenticated().is_some(), "{}", short(&stage));
        if let Some((page, undo)) = stage.step().back {
            assert_eq!((page, undo), (Page::Number, Undo::Code));
        }
    }
}
