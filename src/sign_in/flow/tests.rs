use super::*;
use crate::people::{PersonId, PhoneNumber};
use crate::platform::bytes::Digest;
use crate::sign_in::{Amr, Challenge, classes};

const NOW: Timestamp = Timestamp(1_000);

fn person(acr: Acr) -> Authenticated {
    let session = Digest::of(b"session");
    Authenticated {
        epoch: crate::people::Epoch::default(),
        person_id: PersonId::stored("somebody".to_owned()),
        number: Some(Digest::of(b"number")),
        session,
        sid_key: session,
        auth_time: NOW,
        acr,
        amr: vec![Amr::Sms],
        means: Means::ALL.into_iter().filter(|means| classes(&[*means]) == [acr]).collect(),
        proofs: crate::sign_in::Proofs::default(),
        organisation: None,
        code: None,
    }
}

fn code(expires_at: i64) -> CodeSent {
    CodeSent {
        epoch: crate::people::Epoch::default(),
        number: PhoneNumber::from_digits("998001234567").unwrap(),
        index: Digest::of(b"number"),
        person_id: None,
        challenge: Box::new(Challenge {
            digest: Digest::of(b"code"),
            message_id: "m".to_owned(),
            expires_at: Timestamp(expires_at),
            tries_before: 0,
        }),
        sends: 1,
        sent_at: NOW,
        side: crate::people::Side::Stranger,
        braked: false,
        wrong: crate::sign_in::WrongCodes::default(),
        told: crate::sign_in::Told::default(),
        to_contact: false,
    }
}

fn proving(expires_at: i64) -> Proving {
    Proving::new(Means::Passkey, &"challenge", (NOW, Timestamp(expires_at))).unwrap()
}

fn raw() -> Box<RawValue> {
    RawValue::from_string("\"answer\"".to_owned()).unwrap()
}

fn agreement() -> Agreement {
    Agreement {
        consent_id: "c".to_owned(),
        asked: DataRequest::default(),
        ticked: BTreeSet::new(),
        terms: Terms::default(),
        shown: String::new(),
        by_click: true,
    }
}

fn stages() -> Vec<Stage> {
    vec![
        Stage::Means(None),
        Stage::Means(Some(Box::new(person(Acr::Password)))),
        Stage::Code(code(NOW.0 + 1), None),
        Stage::Proving(proving(NOW.0 + 1), None),
        Stage::Continue(person(Acr::MobileId)),
        Stage::Consent(person(Acr::MobileId)),
        Stage::Permission(person(Acr::MobileId), agreement(), code(NOW.0 + 1)),
        Stage::Approval(code(NOW.0 + 1)),
        Stage::Answering(person(Acr::MobileId), agreement()),
        Stage::Finished(Outcome::Answered(raw(), Digest::of(b"session"))),
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
        Event::PermissionAsked(person(), agreement(), code(NOW.0 + 1)),
        Event::Permitted("m".to_owned()),
        Event::Refused(Refusal::Denied),
        Event::Answered(person(), raw()),
        Event::ApprovalAsked(code(NOW.0 + 1)),
        Event::ProofBegun(proving(NOW.0 + 1)),
        Event::FactorAdded(person()),
        Event::ProofRefused,
    ]
}

fn short(stage: &Stage) -> &'static str {
    match stage {
        Stage::Means(None) => "means",
        Stage::Means(Some(_)) => "step up",
        Stage::Code(..) => "code",
        Stage::Proving(..) => "proving",
        Stage::Continue(_) => "continue",
        Stage::Consent(_) => "consent",
        Stage::Permission(..) => "permission",
        Stage::Approval(_) => "approval",
        Stage::Answering(..) => "answering",
        Stage::Finished(Outcome::Answered(..)) => "answered",
        Stage::Finished(Outcome::Refused(_)) => "refused",
    }
}

fn table(consent: bool) -> Vec<Vec<&'static str>> {
    let requirements = Requirements { acr: &[], consent, confirms: false, doubted: false };
    let cell = |stage: &Stage, event| match next(stage, event, requirements, NOW) {
        Ok(stage) => short(&stage),
        Err(Illegal::Stage) => "-",
        Err(Illegal::Consent) => "consent first",
        Err(Illegal::Permission) => "code first",
        Err(other) => panic!("{other:?}"),
    };
    stages().iter().map(|stage| events().into_iter().map(|event| cell(stage, event)).collect()).collect()
}

#[test]
fn the_table_of_stages_and_events_is_this_one() {
    let columns = [
        "CodeSent",
        "StartOver",
        "Proved",
        "SessionUsed",
        "Agreed",
        "PermissionAsked",
        "Permitted",
        "Refused",
        "Answered",
        "ApprovalAsked",
        "ProofBegun",
        "FactorAdded",
        "ProofRefused",
    ];
    assert_eq!(columns.len(), events().len());
    #[rustfmt::skip]
    let expected = [
        ["code", "-",      "consent", "-",       "-",         "-",          "-",         "refused", "answered", "approval", "proving", "-", "means"], // means
        ["code", "means",  "consent", "-",       "-",         "-",          "-",         "refused", "answered", "-", "proving", "-", "step up"], // step up
        ["code", "-",      "consent", "-",       "-",         "-",          "-",         "refused", "answered", "-", "proving", "-", "means"], // code
        ["code", "-",      "consent", "-",       "-",         "-",          "-",         "refused", "answered", "-", "proving", "-", "means"], // proving
        ["-",    "means",  "-",       "consent", "-",         "-",          "-",         "refused", "answered", "-", "-", "-", "-"], // continue
        ["-",    "means",  "-",       "-",       "answering", "permission", "-",         "refused", "-", "-", "-", "-", "-"], // consent
        ["-",    "means",  "-",       "-",       "-",         "permission", "answering", "refused", "-", "-", "-", "-", "-"], // permission
        ["-",    "-",      "-",       "-",       "-",         "-",          "-",         "refused", "code first", "-", "-", "-", "-"], // approval
        ["-",    "means",  "-",       "-",       "-",         "-",          "-",         "refused", "answered", "-", "-", "-", "-"], // answering
        ["-",    "-",      "-",       "-",       "-",         "-",          "-",         "-",       "-", "-", "-", "-", "-"], // answered
        ["-",    "-",      "-",       "-",       "-",         "-",          "-",         "-",       "-", "-", "-", "-", "-"], // refused
    ];
    assert_eq!(table(false), expected);
    let mut asked = expected;
    for row in &mut asked[..5] {
        row[8] = "consent first";
    }
    assert_eq!(table(true), asked);
}

#[test]
fn an_expired_code_proves_nothing() {
    let stage = Stage::Code(code(NOW.0), None);
    let requirements = Requirements { acr: &[], consent: false, confirms: false, doubted: false };
    for event in [Event::Proved(person(Acr::MobileId)), Event::Answered(person(Acr::MobileId), raw())] {
        assert_eq!(next(&stage, event, requirements, NOW).err(), Some(Illegal::Expired));
    }
    assert!(
        next(&stage, Event::CodeSent(code(NOW.0 + 1)), requirements, NOW).is_ok(),
        "a new one can be had"
    );
}

#[test]
fn an_expired_challenge_proves_nothing_and_another_means_takes_its_place() {
    let stage = Stage::Proving(proving(NOW.0), None);
    let requirements = Requirements { acr: &[], consent: false, confirms: false, doubted: false };
    for event in [Event::Proved(person(Acr::Passkey)), Event::Answered(person(Acr::Passkey), raw())] {
        assert_eq!(next(&stage, event, requirements, NOW).err(), Some(Illegal::Expired));
    }
    let other = next(&stage, Event::CodeSent(code(NOW.0 + 1)), requirements, NOW);
    assert!(matches!(other, Ok(Stage::Code(..))));
}

#[test]
fn a_further_factor_is_asked_for_where_what_was_proved_is_not_enough_and_only_there() {
    let plus = Requirements { acr: &[Acr::MobileIdPlus], consent: false, confirms: false, doubted: false };
    let after = |stage: &Stage, event, requirements| next(stage, event, requirements, NOW);
    let first = after(&Stage::Code(code(NOW.0 + 1), None), Event::FactorAdded(person(Acr::MobileId)), plus);
    let Ok(step_up) = first else { panic!("a further factor") };
    assert_eq!(step_up.base().map(|base| base.acr), Some(Acr::MobileId));
    // The base stays through the challenge of another means, and going back.
    let Ok(proving) = after(&step_up, Event::ProofBegun(proving(NOW.0 + 1)), plus) else {
        panic!("a challenge")
    };
    assert!(proving.base().is_some() && proving.shows(Page::Means) && proving.shows(Page::Number));
    let both = Authenticated {
        means: vec![Means::Passkey, Means::MobileId],
        acr: Acr::MobileIdPlus,
        ..person(Acr::Passkey)
    };
    assert!(matches!(after(&proving, Event::Proved(both.clone()), plus), Ok(Stage::Consent(_))));
    assert_eq!(after(&proving, Event::FactorAdded(both), plus).err(), Some(Illegal::Stage), "it is enough");
    let alone = after(&proving, Event::Proved(person(Acr::MobileId)), plus).err();
    assert_eq!(alone, Some(Illegal::Acr), "what was proved before is not enough");
}

#[test]
fn what_a_service_is_told_is_what_was_done_and_no_more() {
    let requirements =
        Requirements { acr: &[Acr::MobileId, Acr::Eri], consent: false, confirms: false, doubted: false };
    let boasting = Authenticated { acr: Acr::Eri, ..person(Acr::MobileId) };
    let stage = Stage::Code(code(NOW.0 + 1), None);
    assert_eq!(next(&stage, Event::Proved(boasting), requirements, NOW).err(), Some(Illegal::Acr));
}

#[test]
fn what_was_done_to_sign_in_must_be_accepted() {
    let requirements = Requirements { acr: &[Acr::Eri], consent: false, confirms: false, doubted: false };
    for stage in stages() {
        for event in events() {
            let proves = matches!(
                event,
                Event::Proved(_)
                    | Event::SessionUsed(_)
                    | Event::Agreed(..)
                    | Event::PermissionAsked(..)
                    | Event::Permitted(_)
                    | Event::Answered(..)
            );
            if proves {
                let outcome = next(&stage, event, requirements, NOW);
                assert!(
                    matches!(outcome, Err(Illegal::Acr | Illegal::Stage | Illegal::Permission)),
                    "{}",
                    short(&stage)
                );
            }
        }
    }
}

#[test]
fn every_stage_has_one_due_page_and_going_back_undoes_the_code_or_the_choice_alone() {
    for stage in stages() {
        let shown: Vec<Page> = Page::ALL.into_iter().filter(|page| stage.shows(*page)).collect();
        let of_means: Vec<Page> = Page::ALL.into_iter().filter(|page| page.is_of_means()).collect();
        let expected: Vec<Page> = match &stage {
            Stage::Means(_) | Stage::Proving(..) => of_means,
            Stage::Code(..) => [&of_means[..], &[Page::Code]].concat(),
            Stage::Continue(_) => vec![Page::Continue],
            Stage::Consent(_) | Stage::Answering(..) => vec![Page::Consent],
            Stage::Permission(..) => vec![Page::Consent, Page::Permission],
            Stage::Approval(_) | Stage::Finished(_) => Vec::new(),
        };
        assert_eq!(shown, expected, "{}", short(&stage));
        assert!(stage.step().preconditions.contains(&Precondition::Browser), "{}", short(&stage));
        let rests_on_session = stage.step().preconditions.contains(&Precondition::Session);
        assert_eq!(rests_on_session, stage.authenticated().is_some(), "{}", short(&stage));
        if let Some((_, undo)) = stage.step().back {
            let expected = if matches!(stage, Stage::Permission(..)) { Undo::Choice } else { Undo::Proof };
            assert_eq!(undo, expected);
        }
    }
}

#[test]
fn without_a_code_of_this_attempt_a_button_permits_nothing_unless_it_may() {
    let requirements = Requirements { acr: &[], consent: false, confirms: false, doubted: false };
    let stage = Stage::Consent(person(Acr::MobileId));
    let rule = || Agreement { by_click: false, ..agreement() };
    let agreed = |person| next(&stage, Event::Agreed(person, rule()), requirements, NOW);
    assert_eq!(agreed(person(Acr::MobileId)).err(), Some(Illegal::Permission));
    let entered = Authenticated { code: Some("m".to_owned()), ..person(Acr::MobileId) };
    assert!(matches!(agreed(entered), Ok(Stage::Answering(..))), "the code of this very sign-in");
}

#[test]
fn a_request_is_approved_by_the_code_of_its_own_message_alone_and_within_its_time() {
    let requirements = Requirements { acr: &[], consent: false, confirms: false, doubted: false };
    let by = |message: &str| Authenticated { code: Some(message.to_owned()), ..person(Acr::MobileId) };
    let decided = |until, message| {
        let stage = Stage::Approval(code(until));
        next(&stage, Event::Answered(by(message), raw()), requirements, NOW).map(|stage| short(&stage))
    };
    assert_eq!(decided(NOW.0 + 1, "m"), Ok("answered"));
    assert_eq!(decided(NOW.0 + 1, "another"), Err(Illegal::Permission));
    assert_eq!(decided(NOW.0, "m"), Err(Illegal::Expired));
    let other = Requirements { acr: &[Acr::Eri], consent: false, confirms: false, doubted: false };
    let stage = Stage::Approval(code(NOW.0 + 1));
    assert_eq!(next(&stage, Event::Answered(by("m"), raw()), other, NOW).err(), Some(Illegal::Acr));
}

#[test]
fn a_permission_is_by_the_code_in_force_and_names_it() {
    let requirements = Requirements { acr: &[], consent: false, confirms: false, doubted: false };
    let stage = |until| Stage::Permission(person(Acr::MobileId), agreement(), code(until));
    let permitted = |until, id: &str| next(&stage(until), Event::Permitted(id.to_owned()), requirements, NOW);
    let Ok(Stage::Answering(person, _)) = permitted(NOW.0 + 1, "m") else { panic!("permitted") };
    assert_eq!(person.code.as_deref(), Some("m"));
    assert_eq!(permitted(NOW.0 + 1, "another").err(), Some(Illegal::Stage));
    assert_eq!(permitted(NOW.0, "m").err(), Some(Illegal::Expired));
}

#[test]
fn r68_an_application_is_confirmed_by_a_code_of_its_own_and_by_nothing_else() {
    let requirements = Requirements { acr: &[], consent: false, confirms: true, doubted: false };
    let after = |stage: Stage, event| next(&stage, event, requirements, NOW).map(|stage| short(&stage));
    let entered = || Authenticated { code: Some("m".to_owned()), ..person(Acr::MobileId) };
    let answered = |stage| after(stage, Event::Answered(entered(), raw()));
    assert_eq!(answered(Stage::Code(code(NOW.0 + 1), None)), Err(Illegal::Consent), "the code that signs in");
    assert_eq!(answered(Stage::Continue(entered())), Err(Illegal::Consent), "a session");
    for by_click in [true, false] {
        let agreement = Agreement { by_click, ..agreement() };
        let agreed = after(Stage::Consent(entered()), Event::Agreed(entered(), agreement));
        assert_eq!(agreed, Err(Illegal::Permission));
    }
    let asked =
        after(Stage::Consent(entered()), Event::PermissionAsked(entered(), agreement(), code(NOW.0 + 1)));
    assert_eq!(asked, Ok("permission"));
    let stage = Stage::Permission(entered(), agreement(), code(NOW.0 + 1));
    assert_eq!(after(stage, Event::Permitted("m".to_owned())), Ok("answering"));
    // Where the service's site is elsewhere, the code of the message is that code.
    assert_eq!(after(Stage::Approval(code(NOW.0 + 1)), Event::Answered(entered(), raw())), Ok("answered"));
}

#[test]
fn in_doubt_one_factor_is_not_enough_and_two_are() {
    let doubting = Requirements { acr: &[], consent: false, confirms: false, doubted: true };
    let one = person(Acr::MobileId);
    let begun = Stage::Means(None);
    let refused = next(&begun, Event::Proved(one.clone()), doubting, NOW).err();
    assert_eq!(refused, Some(Illegal::Acr));
    let held = next(&begun, Event::FactorAdded(one.clone()), doubting, NOW).unwrap_or(Stage::Means(None));
    assert!(held.base().is_some() && held.due(Means::MobileId) == Some(Page::Means));
    let means = vec![Means::MobileId, Means::Password];
    let two = Authenticated { acr: crate::sign_in::told(&means, &[]).unwrap_or(one.acr), means, ..one };
    assert!(matches!(next(&held, Event::Proved(two), doubting, NOW), Ok(Stage::Consent(_))));
}
