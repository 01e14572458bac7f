use super::*;
use crate::mobile_id::identification::tests::{application, at_place, on_the_web};
use crate::people::{BirthDate, Document, PersonNames, Pinfl, Sex};
use crate::registries::KnownDocument;

fn subscriber(application: &Identification, state: SubscriberState, own: bool) -> Subscriber {
    let other = Pinfl::parse("41505852050029").unwrap();
    Subscriber {
        number: application.form.number.clone(),
        owner: Some(if own { application.form.pinfl.clone() } else { other }),
        operator: "Test".to_owned(),
        state,
        since: None,
    }
}

#[test]
fn r6_r54_a_number_is_of_an_operator_has_money_and_in_the_app_is_ones_own() {
    let (place, web) = (application(at_place()), application(on_the_web()));
    for (state, expected) in [
        (SubscriberState::Active, vec![]),
        (SubscriberState::NoBalance, vec![Obstacle::NoBalance]),
        (SubscriberState::Frozen, vec![Obstacle::NumberFrozen]),
        (SubscriberState::Returned, vec![Obstacle::NumberUnknown]),
    ] {
        assert_eq!(of_number(Some(&subscriber(&place, state, true)), &place), expected, "{state:?}");
    }
    assert_eq!(of_number(None, &place), [Obstacle::NumberUnknown]);
    let others =
        |application| of_number(Some(&subscriber(application, SubscriberState::Active, false)), application);
    assert_eq!(others(&place), [], "R30");
    assert_eq!(others(&web), [Obstacle::OtherOwner], "R54, D-g");
}

fn record(form: &Questionnaire) -> CivilRecord {
    let name = |family: &str, given: &str, patronymic| PersonName::from_registry(family, given, patronymic);
    let document = Document {
        kind: form.document,
        number: form.document_number.clone(),
        issuer: "IIV".to_owned(),
        issued_on: CivilDate::parse("2020-01-01").unwrap(),
        expires_on: CivilDate::parse("2030-01-01").unwrap(),
    };
    CivilRecord {
        pinfl: form.pinfl.clone(),
        other_pinfls: Vec::new(),
        names: PersonNames {
            latin: name("KARIMOV", "ANVAR", Some("OLIM O'G'LI")),
            cyrillic: name("КАРИМОВ", "АНВАР", None),
            english: name("KARIMOV", "ANVAR", None),
        },
        birth_date: BirthDate::parse("1990-01-01").unwrap(),
        birth_place: None,
        sex: Sex::Male,
        citizenship: "UZ".to_owned(),
        residence: Residence::Permanent,
        documents: vec![KnownDocument { document: document.clone(), in_force: true }],
        document,
        photo: None,
        alive: true,
        oddities: Vec::new(),
    }
}

fn seen(form: &Questionnaire, record: &CivilRecord, today: &str) -> (Vec<Obstacle>, Vec<Oddity>) {
    let (mut obstacles, mut oddities) = (Vec::new(), Vec::new());
    look_at(record, form, CivilDate::parse(today).unwrap(), (&mut obstacles, &mut oddities));
    (obstacles, oddities)
}

#[test]
fn r34_the_form_is_held_against_the_registers_record() {
    let form = application(at_place()).form;
    let right = record(&form);
    assert_eq!(seen(&form, &right, "2026-01-01"), (vec![], vec![]));
    let typed = PersonName { family: "Каримов".into(), given: "Анвар".into(), patronymic: None };
    let cyrillic = Questionnaire { names: typed, ..form.clone() };
    assert_eq!(seen(&cyrillic, &right, "2026-01-01").0, [], "in any script");
    let names = PersonName { family: "Karimova".into(), ..form.names.clone() };
    let other = Questionnaire { names, ..form.clone() };
    assert_eq!(seen(&other, &right, "2026-01-01").0, [Obstacle::OtherName]);
    let foreigner =
        Questionnaire { category: crate::mobile_id::PersonCategory::PermanentForeigner, ..form.clone() };
    assert_eq!(seen(&foreigner, &right, "2026-01-01").0, [Obstacle::OtherCategory]);
    let dead = CivilRecord { alive: false, ..right.clone() };
    assert_eq!(seen(&form, &dead, "2026-01-01").0, [Obstacle::Deceased]);
    let mut void = right.clone();
    void.documents[0].in_force = false;
    assert_eq!(seen(&form, &void, "2026-01-01").0, [Obstacle::OtherDocument]);
    assert_eq!(seen(&form, &right, "2031-01-01"), (vec![], vec![Oddity::DocumentExpired]), "D-t");
    let odd = CivilRecord { oddities: vec![registries::Oddity::SeveralPinfls], ..right };
    assert_eq!(seen(&form, &odd, "2026-01-01").1, [Oddity::SeveralPinfls]);
}

#[test]
fn r14_nobody_but_a_service_centre_asks_for_a_discount() {
    assert_eq!((asked(&application(at_place())), asked(&application(on_the_web()))), (4, 3));
}
