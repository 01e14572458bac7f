use super::*;
use crate::registries::Given;
use reqwest::StatusCode;

const PINFL: &str = "41405882050012";

/// An answer of the form that public clients of the service have recorded.
fn entry() -> Value {
    json!({
        "transaction_id": 1, "current_pinpp": PINFL, "pinpps": [PINFL], "current_document": "AD7000001",
        "documents": [
            {"document": "AD7000001", "type": "IDMS_RECV_MVD_IDCARD_CITIZEN", "docgiveplace": "ТОШКЕНТ Ш.",
             "docgiveplaceid": 26294, "datebegin": "2022-03-01", "dateend": "2032-02-29", "status": 2},
            {"document": "I-SR0006664", "type": "IDMS_RECV_MJ_BIRTH_CERTS", "docgiveplace": "ЗАГС", "docgiveplaceid": 7,
             "datebegin": "2004-08-06", "dateend": null, "status": 2},
            {"document": "FB0493211", "type": "IDMS_RECV_IP_DOCUMENTS", "docgiveplace": "IIV 1", "docgiveplaceid": 7,
             "datebegin": "2024-12-06", "dateend": "2029-12-05", "status": 4},
        ],
        "surnamelat": "YUSUPOVA", "namelat": "MALIKA", "patronymlat": "ANVAR QIZI",
        "surnamecyr": "ЮСУПОВА", "namecyr": "МАЛИКА", "patronymcyr": "АНВАР ҚИЗИ",
        "engsurname": "YUSUPOVA", "engname": "MALIKA", "birth_date": "1988-05-14", "birthplace": "TOSHKENT",
        "birthcountry": "УЗБЕКИСТАН", "birthcountryid": 182, "livestatus": 1, "nationality": "УЗБЕК/УЗБЕЧКА",
        "citizenship": "УЗБЕКИСТАН", "citizenshipid": 182, "sex": 2, "photo": null,
    })
}

fn answer(body: Value, query: &PersonQuery) -> Result<CivilRecord, ErrorKind> {
    read(&Heard { status: StatusCode::OK, body }, query, RegisterName::Personalisation)
}

fn by_pinfl() -> PersonQuery {
    PersonQuery::parse(&Given { pinfl: Some(PINFL), ..Given::default() }).unwrap()
}

/// The record of the usual answer with some members changed.
#[expect(clippy::needless_pass_by_value, reason = "each call makes the value that it passes")]
fn changed(changes: Value) -> Result<CivilRecord, ErrorKind> {
    let mut entry = entry();
    for (name, value) in changes.as_object().unwrap() {
        entry[name] = value.clone();
    }
    answer(json!({"result": "1", "data": [entry], "comments": ""}), &by_pinfl())
}

#[test]
fn r109_a_recorded_answer_is_read_whole() {
    let record = changed(json!({})).unwrap();
    assert_eq!(record.oddities, []);
    assert_eq!(record.names.latin.patronymic.as_deref(), Some("ANVAR QIZI"));
    assert_eq!((record.citizenship.as_str(), record.sex), ("UZ", Sex::Female));
    assert_eq!(record.documents.len(), 2, "certificates of birth identify nobody");
    assert!(record.documents[0].in_force && !record.documents[1].in_force);
    assert_eq!(record.document.number.as_str(), "AD7000001");
    assert_eq!(record.birth_place.unwrap().locality.as_deref(), Some("TOSHKENT"));
    assert!(record.alive);
}

#[test]
fn several_pinfls_are_understood_as_a_list_and_as_text() {
    for pinpps in [json!([PINFL, "30101902040015"]), json!(format!("{PINFL}, 30101902040015"))] {
        let record = changed(json!({"pinpps": pinpps})).unwrap();
        assert_eq!(record.oddities, [Oddity::SeveralPinfls]);
        assert_eq!(record.other_pinfls.len(), 1);
    }
    // Asked for by a former one.
    let record = changed(json!({"current_pinpp": "41405882050029", "pinpps": [PINFL]})).unwrap();
    assert_eq!(record.pinfl.digits(), "41405882050029");
    let other = changed(json!({"current_pinpp": "30101902040015", "pinpps": []}));
    assert_eq!(other, Err(ErrorKind::Contradiction(Contradiction::OtherPerson)));
}

#[test]
fn what_is_missing_is_odd_and_not_invented() {
    let odd = |changes: Value| changed(changes).unwrap().oddities;
    assert_eq!(odd(json!({"patronymlat": "XXX"})), [Oddity::NoPatronymic]);
    assert_eq!(odd(json!({"surnamecyr": null})), [Oddity::NoCyrillicName]);
    assert_eq!(odd(json!({"engname": ""})), [Oddity::NoEnglishName]);
    assert_eq!(odd(json!({"livestatus": null})), [Oddity::LifeUnsaid]);
    assert_eq!(odd(json!({"current_document": null})), [Oddity::NoCurrentDocument]);
    assert_eq!(odd(json!({"citizenship": "НАРНИЯ", "citizenshipid": 87})), [Oddity::UnknownCitizenship]);
    assert_eq!(odd(json!({"photo": "bm9waG90bw=="})), [Oddity::UnusablePhoto]);
    assert_eq!(odd(json!({"sex": 1})), [Oddity::OtherSexInPinfl]);
    assert_eq!(odd(json!({"birth_date": "1988-05-15"})), [Oddity::OtherBirthDateInPinfl]);
    assert_eq!(odd(json!({"sex": null})), [], "the PINFL says it");
    assert!(!changed(json!({"livestatus": 0})).unwrap().alive);
    let stateless = changed(json!({"citizenship": "ЛБГ", "citizenshipid": 999})).unwrap();
    assert_eq!((stateless.category(), stateless.residence), (Category::Stateless, Residence::Permanent));
}

#[test]
fn an_answer_without_what_a_record_needs_is_none() {
    let form = Err(ErrorKind::Contradiction(Contradiction::Form));
    for missing in ["birth_date", "surnamelat", "namelat"] {
        assert_eq!(changed(json!({ missing: null })), form, "{missing}");
    }
    assert_eq!(changed(json!({"documents": []})), form);
    assert_eq!(changed(json!({"documents": "AD7000001"})), form);
    assert_eq!(answer(json!({"result": 1, "Data": ["text"]}), &by_pinfl()), form);
    assert_eq!(
        answer(json!({"result": 0, "Data": [], "code": 303_001}), &by_pinfl()),
        Err(ErrorKind::NotFound)
    );
    let flag = Err(ErrorKind::Contradiction(Contradiction::Flag));
    assert_eq!(answer(json!({"result": 0, "Data": [entry()]}), &by_pinfl()), flag);
    let unsaid = answer(json!({"Data": entry()}), &by_pinfl()).unwrap();
    assert_eq!(unsaid.oddities, [Oddity::NoFlag]);
}

#[test]
fn of_several_records_the_one_that_was_asked_for_counts() {
    let mut other = entry();
    other["current_pinpp"] = json!("30101902040015");
    other["pinpps"] = json!(["30101902040015"]);
    let both = answer(json!({"result": 1, "Data": [other.clone(), entry()]}), &by_pinfl()).unwrap();
    assert_eq!((both.pinfl.digits(), both.oddities.as_slice()), (PINFL, &[Oddity::SeveralRecords][..]));
    let none = answer(json!({"result": 1, "Data": [other]}), &by_pinfl());
    assert_eq!(none, Err(ErrorKind::Contradiction(Contradiction::OtherPerson)));
}

#[test]
fn r48_the_document_and_birth_date_that_were_asked_by_must_be_the_records() {
    let number = |digits| Some((DocumentKind::IdCard, digits));
    let ask = |document, birth_date: Option<&'static str>| {
        let pinfl = birth_date.is_none().then_some(PINFL);
        let query = PersonQuery::parse(&Given { pinfl, document, birth_date, number: None }).unwrap();
        answer(json!({"result": 1, "Data": [entry()]}), &query).map(|record| record.document.number)
    };
    assert_eq!(ask(number("AD7000001"), None).unwrap().as_str(), "AD7000001");
    assert_eq!(ask(number("AD7000001"), Some("1988-05-14")).unwrap().as_str(), "AD7000001");
    let contradiction = |what| Err(ErrorKind::Contradiction(what));
    assert_eq!(ask(number("AD7000009"), None), contradiction(Contradiction::OtherDocument));
    assert_eq!(ask(number("AD7000001"), Some("1988-05-15")), contradiction(Contradiction::BirthDate));
    let passport = Some((DocumentKind::BiometricPassport, "AD7000001"));
    assert_eq!(ask(passport, None), contradiction(Contradiction::OtherDocument), "of another kind");
}
