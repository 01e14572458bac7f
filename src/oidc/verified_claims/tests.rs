use proptest::prelude::*;

use super::*;

fn known(name: &str) -> bool {
    ["given_name", "birthdate", "address"].contains(&name)
}

#[expect(clippy::needless_pass_by_value, reason = "callers write down what they pass")]
fn of(verification: Value, claims: Value) -> Result<Vec<Assured>, &'static str> {
    parse(&json!({"verification": verification, "claims": claims}), known)
}

fn everything(names: &mut dyn Iterator<Item = &str>) -> Map<String, Value> {
    let all =
        json!({"given_name": "Ali", "birthdate": "1990-01-01", "address": {"country": "UZ", "region": "X"}});
    names.map(|name| (name.to_owned(), all[name].clone())).collect()
}

/// A person who was identified on 1 January 2026, a million seconds later.
const AT: Timestamp = Timestamp(1_767_225_600);
const NOW: Timestamp = AT.plus(1_000_000);

fn told_of(at: Option<Timestamp>, verification: Value, claims: Value) -> Option<Value> {
    answer(&of(verification, claims).unwrap(), (at, NOW), everything)
}

fn told(verification: Value, claims: Value) -> Option<Value> {
    told_of(None, verification, claims)
}

#[test]
fn ida_6_3_the_time_is_told_where_it_was_asked_for_and_the_record_has_it() {
    let asked = |time: Value| json!({"trust_framework": null, "time": time});
    let name = || json!({"given_name": null});
    let time =
        |at, time: Value| told_of(at, asked(time), name()).map(|told| told["verification"]["time"].clone());
    let known = Some(json!("2026-01-01T00:00:00Z"));
    for any in [json!(null), json!({}), json!({"essential": true}), json!({"purpose": "To know it"})] {
        assert_eq!(time(Some(AT), any.clone()), known, "{any}");
        assert_eq!(time(None, any.clone()), Some(Value::Null), "left out: {any}");
    }
    let untold = told_of(Some(AT), json!({"trust_framework": null}), name()).unwrap();
    assert!(untold["verification"].get("time").is_none(), "{untold}");
    for age in [1_000_000_i64, i64::MAX] {
        assert_eq!(time(Some(AT), json!({"max_age": age})), known);
        assert_eq!(time(None, json!({"max_age": age})), None, "of no age that is known");
    }
    assert_eq!(time(Some(AT), json!({"max_age": 999_999})), None);
    assert_eq!(time(Some(NOW.plus(1)), json!({"max_age": 999_999})), None, "it has not been yet");
    for moment in [json!({"value": "2026-01-01T00:00:00Z"}), json!({"values": ["2026-01-01T00:00:00Z"]})] {
        assert_eq!(time(Some(AT), moment.clone()), None, "{moment}");
    }
    for bad in [
        json!(5),
        json!([]),
        json!({"max_age": -1}),
        json!({"max_age": "60"}),
        json!({"max_age": 1.5}),
        json!({"max_age": null}),
        json!({"value": 1, "values": [1]}),
    ] {
        assert!(of(asked(bad.clone()), name()).is_err(), "{bad}");
    }
    // An access token and a grant carry it so.
    let read = of(asked(json!({"max_age": 60})), name()).unwrap();
    let written = serde_json::to_value(&read).unwrap();
    assert_eq!(written[0]["t"], json!({"m": 60}));
    assert_eq!(serde_json::from_value::<Vec<Assured>>(written).unwrap(), read);
}

#[test]
fn ida_6_1_claims_are_asked_for_by_null_and_objects_and_unknown_ones_are_left_out() {
    let framework = json!({"trust_framework": null});
    for detail in
        [json!(null), json!({}), json!({"essential": false}), json!({"essential": true, "purpose": "x y"})]
    {
        let claims = json!({"given_name": detail, "unknown": {"essential": true}, "!\"§$ \u{1f600}": null});
        let answer = told(framework.clone(), claims).unwrap();
        assert_eq!(
            answer,
            json!({"verification": {"trust_framework": "uz_mobile_id"}, "claims": {"given_name": "Ali"}})
        );
    }
    assert_eq!(told(framework.clone(), json!({"unknown": null})), None);
    assert_eq!(told(framework, json!({})), None);
}

#[test]
fn ida_6_5_2_a_claim_of_another_value_is_left_out_and_so_is_all_where_none_is_left() {
    let framework = || json!({"trust_framework": null});
    let both = |detail: Value| {
        told(framework(), json!({"given_name": detail, "birthdate": null})).unwrap()["claims"].clone()
    };
    for good in [json!({"value": "Ali"}), json!({"values": ["Vali", "Ali"]})] {
        assert_eq!(both(good), json!({"given_name": "Ali", "birthdate": "1990-01-01"}));
    }
    for other in
        [json!({"value": "ali"}), json!({"value": ["Ali"]}), json!({"value": null}), json!({"values": [1]})]
    {
        assert_eq!(both(other), json!({"birthdate": "1990-01-01"}));
    }
    assert_eq!(told(framework(), json!({"given_name": {"value": "Vali"}})), None);
    let address = json!({"address": {"value": {"region": "X", "country": "UZ"}}});
    assert!(told(framework(), address).is_some(), "in whatever order");
}

#[test]
fn ida_6_5_2_what_is_demanded_of_the_verification_is_there_or_nothing_is() {
    let claims = || json!({"given_name": null});
    for met in [
        json!({}),
        json!({"trust_framework": {}}),
        json!({"trust_framework": {"value": "uz_mobile_id"}}),
        json!({"trust_framework": {"values": ["eidas", "uz_mobile_id"]}}),
        json!({"trust_framework": null, "time": null, "assurance_level": {"essential": true}}),
        json!({"trust_framework": null, "evidence": []}),
        json!({"trust_framework": null, "evidence": [{"type": {"value": "document"}}, {"type": {"value": "electronic_record"}}]}),
        json!({"evidence": [{"type": {"value": "electronic_record"}, "check_details": [{"check_method": null}]}]}),
        json!({"evidence": [{"type": {"value": "electronic_record"}, "record": {"source": {"country_code": {"value": "UZ"}}}}]}),
    ] {
        assert!(told(met.clone(), claims()).is_some(), "{met}");
    }
    for unmet in [
        json!({"trust_framework": {"value": "eidas"}}),
        json!({"trust_framework": {"values": ["eidas", "de_aml"]}}),
        json!({"trust_framework": null, "time": {"max_age": 1_000_000}}),
        json!({"trust_framework": null, "time": {"value": "2026-01-01T00:00Z"}}),
        json!({"assurance_level": {"value": "high"}}),
        json!({"evidence": [{"type": {"value": "document"}}]}),
        json!({"evidence": [{"type": {"value": "electronic_record"}, "check_details": [{"check_method": {"value": "kbv"}}]}]}),
        json!({"evidence": [{"type": {"value": "electronic_record"}, "record": {"type": {"value": "population_register"}}}]}),
    ] {
        assert_eq!(told(unmet.clone(), claims()), None, "{unmet}");
    }
}

#[test]
fn ida_6_2_no_more_of_the_evidence_is_given_than_was_asked_for() {
    let given = |evidence: Value| {
        told(json!({"trust_framework": null, "evidence": evidence}), json!({"given_name": null})).unwrap()
            ["verification"]
            .get("evidence")
            .cloned()
    };
    let kind = json!({"value": "electronic_record"});
    assert_eq!(given(Value::Null), None);
    assert_eq!(given(json!([{"type": kind}])), Some(json!([{"type": "electronic_record"}])));
    let record = json!([{"type": "electronic_record", "record": {"type": "mobile_id_register"}}]);
    assert_eq!(given(json!([{"type": kind, "record": null}])), Some(record.clone()));
    assert_eq!(given(json!([{"type": kind, "record": {"type": null, "created_at": null}}])), Some(record));
    let source = json!([{"type": "electronic_record", "record": {"type": "mobile_id_register",
        "source": {"name": "Mobile-ID", "country_code": "UZ"}}}]);
    assert_eq!(
        given(json!([{"type": kind, "record": {"source": {"name": null}}}, {"type": kind}])),
        Some(source)
    );
}

#[test]
fn ida_6_4_each_request_of_an_array_is_answered_for_itself() {
    let request = |framework: &str, claim: &str| json!({"verification": {"trust_framework": {"value": framework}}, "claims": {claim: null}});
    let told = |requests: Value| answer(&parse(&requests, known).unwrap(), (None, NOW), everything);
    let (mine, birth) = (request("uz_mobile_id", "given_name"), request("uz_mobile_id", "birthdate"));
    let both = told(json!([mine, request("eidas", "given_name"), birth])).unwrap();
    let names: Vec<_> = both.as_array().unwrap().iter().map(|one| one["claims"].clone()).collect();
    assert_eq!(names, [json!({"given_name": "Ali"}), json!({"birthdate": "1990-01-01"})]);
    assert!(told(json!([mine])).unwrap().is_object());
    assert_eq!(told(json!([request("eidas", "given_name")])), None);
}

#[test]
fn another_shape_is_refused_and_not_read_as_less() {
    for bad in [
        json!(null),
        json!("x"),
        json!([]),
        json!([1]),
        json!({}),
        json!({"claims": {}}),
        json!({"verification": {}}),
        json!({"verification": null, "claims": {}}),
        json!({"verification": {}, "claims": []}),
    ] {
        assert!(parse(&bad, known).is_err(), "{bad}");
    }
    let many = vec![json!({"verification": {}, "claims": {}}); 11];
    assert!(parse(&json!(many), known).is_err());
    for detail in [
        json!(true),
        json!("x"),
        json!({"essential": 1}),
        json!({"value": 1, "values": [1]}),
        json!({"values": []}),
        json!({"values": 1}),
        json!({"purpose": "ab"}),
        json!({"purpose": "x".repeat(301)}),
        json!({"purpose": 5}),
    ] {
        assert!(of(json!({}), json!({"given_name": detail})).is_err(), "{detail}");
        assert!(of(json!({}), json!({"unknown": detail})).is_err(), "{detail}");
    }
    for verification in [
        json!({"trust_framework": "uz_mobile_id"}),
        json!({"trust_framework": {"values": []}}),
        json!({"evidence": ["document"]}),
        json!({"evidence": {}}),
        json!({"evidence": {"type": {"value": "electronic_record"}}}),
        json!({"time": {"purpose": ""}}),
    ] {
        assert!(of(verification.clone(), json!({"given_name": null})).is_err(), "{verification}");
    }
    for purpose in ["abc".to_owned(), "я".repeat(300)] {
        let request =
            json!({"verification": {}, "claims": {"given_name": {"purpose": purpose}}, "purpose": purpose});
        assert!(parse(&request, known).is_ok());
    }
}

fn json_value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        "[a-z_]{0,12}".prop_map(Value::from)
    ];
    let name = "verification|claims|trust_framework|time|evidence|type|record|value|values|max_age|given_name|birthdate|purpose|[a-z]{1,5}";
    leaf.prop_recursive(6, 60, 5, move |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::btree_map(name, inner, 0..5).prop_map(|map| json!(map)),
        ]
    })
}

proptest! {
    #[test]
    fn any_request_is_read_or_refused_and_nothing_but_what_it_names_is_told(
        verification in json_value(), claims in json_value(),
    ) {
        let asked = json!({"verification": verification, "claims": claims});
        if let Ok(requests) = parse(&asked, known)
            && let Some(told) = answer(&requests, (Some(AT), NOW), everything)
        {
            prop_assert_eq!(&told["verification"]["trust_framework"], TRUST_FRAMEWORK);
            for (name, value) in told["claims"].as_object().unwrap() {
                prop_assert!(known(name) && claims.get(name).is_some() && !value.is_null(), "{}", name);
            }
            let evidence = told["verification"].get("evidence").is_some();
            prop_assert!(!evidence || verification.get("evidence").is_some());
            let time = told["verification"].get("time").is_some();
            prop_assert!(!time || verification.get("time").is_some());
        }
    }
}
