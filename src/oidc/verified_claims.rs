//! `verified_claims` (OpenID Connect for Identity Assurance 1.0): claims together with how they were verified, as far as this
//! provider knows it. Which person they are about, and which of them may be released, is decided where plain claims are
//! (`claims.rs`).

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use crate::grants::{Assured, Evidence};
use crate::platform::bytes::Digest;

/// The member of the `claims` parameter, and the claim.
pub(super) const NAME: &str = "verified_claims";

/// The rules that the record of a person was made by: identification for Mobile-ID.
pub(super) const TRUST_FRAMEWORK: &str = "uz_mobile_id";

/// The type of the evidence.
pub(super) const EVIDENCE: &str = "electronic_record";

/// The kind of the record, and the register that it stands in.
pub(super) const RECORD: &str = "mobile_id_register";
const REGISTER: &str = "Mobile-ID";
const COUNTRY: &str = "UZ";

/// The most requests in one array, and the most values that one claim may have.
pub(super) const MOST_REQUESTS: usize = 10;
const MOST_VALUES: usize = 20;

/// What is known of how claims were verified. No date is: the record does not say when its data were proven.
fn offered(evidence: Option<Evidence>) -> Value {
    let mut verification = json!({"trust_framework": TRUST_FRAMEWORK});
    if let Some(detail) = evidence {
        let mut entry = json!({"type": EVIDENCE});
        if detail >= Evidence::Record {
            entry["record"] = json!({"type": RECORD});
        }
        if detail >= Evidence::Source {
            entry["record"]["source"] = json!({"name": REGISTER, "country_code": COUNTRY});
        }
        verification["evidence"] = json!([entry]);
    }
    verification
}

/// Reads what is asked for at one place: a request or an array of them, of which those are left that can be fulfilled. Claims for
/// which `known` is false are ignored (Identity Assurance §6.5.1).
///
/// # Errors
/// When it has another shape than the specification gives it.
pub(super) fn parse(asked: &Value, known: impl Fn(&str) -> bool) -> Result<Vec<Assured>, &'static str> {
    let requests = match asked {
        Value::Array(requests) if (1..=MOST_REQUESTS).contains(&requests.len()) => requests.as_slice(),
        Value::Object(_) => std::slice::from_ref(asked),
        _ => return Err("verified_claims must be a JSON object or an array of 1 to 10 of them"),
    };
    let mut read = Vec::new();
    for request in requests {
        let part = |name: &str| request.get(name).and_then(Value::as_object);
        let (Some(verification), Some(claims)) = (part("verification"), part("claims")) else {
            return Err("verified_claims must have the JSON objects verification and claims");
        };
        purpose(request)?;
        if verification.get("evidence").is_some_and(|evidence| !evidence.is_null() && !evidence.is_array()) {
            return Err("evidence must be an array of what is asked for of it");
        }
        let available = offered(Some(Evidence::Source));
        let fulfilled = meets(&request["verification"], Some(&available))?;
        let mut wanted = BTreeMap::new();
        for (name, detail) in claims {
            let marks = accepted(detail)?;
            if known(name) {
                wanted.insert(name.clone(), marks);
            }
        }
        if fulfilled && !wanted.is_empty() {
            read.push(Assured { claims: wanted, evidence: evidence(verification.get("evidence")) });
        }
    }
    Ok(read)
}

/// The marks of the values of which a claim must have one; none where it may have any (OpenID Connect Core §5.5.1).
fn accepted(detail: &Value) -> Result<Vec<String>, &'static str> {
    match detail {
        Value::Null => return Ok(Vec::new()),
        Value::Object(_) => purpose(detail)?,
        _ => return Err("a claim must be requested by null or a JSON object"),
    }
    if detail.get("essential").is_some_and(|essential| !essential.is_boolean()) {
        return Err("essential must be true or false");
    }
    Ok(values(detail)?.into_iter().map(mark).collect())
}

/// `value`, or the members of `values`.
fn values(detail: &Value) -> Result<Vec<&Value>, &'static str> {
    match (detail.get("value"), detail.get("values")) {
        (None, None) => Ok(Vec::new()),
        (Some(value), None) => Ok(vec![value]),
        (None, Some(Value::Array(values))) if (1..=MOST_VALUES).contains(&values.len()) => {
            Ok(values.iter().collect())
        }
        (None, Some(_)) => Err("values must be an array of 1 to 20 values"),
        (Some(_), Some(_)) => Err("value and values exclude each other"),
    }
}

/// `purpose` is taken and not shown: what people are told of a service's purposes stands in its registration.
fn purpose(detail: &Value) -> Result<(), &'static str> {
    let fits =
        |purpose: &Value| purpose.as_str().is_some_and(|text| (3..=300).contains(&text.chars().count()));
    match detail.get("purpose") {
        Some(given) if !fits(given) => Err("purpose must be a text of 3 to 300 characters"),
        _ => Ok(()),
    }
}

/// What stands for a value in what is stored of a request: a grant has no value of any claim, not even one that was guessed.
fn mark(value: &Value) -> String {
    let mut digest = Digest::of(value.to_string().as_bytes()).encode();
    digest.truncate(16);
    digest
}

/// Whether what is available meets what is asked for of the verification (§6.3, §6.5.2): values that are demanded, and ages.
/// What is asked for and not available is left out, unless something is demanded of it.
///
/// # Errors
/// When the request has another shape than the specification gives it.
fn meets(asked: &Value, available: Option<&Value>) -> Result<bool, &'static str> {
    match asked {
        Value::Null => Ok(true),
        Value::Object(members) => {
            purpose(asked)?;
            let demanded = values(asked)?;
            if !demanded.is_empty() && !available.is_some_and(|available| demanded.contains(&available)) {
                return Ok(false);
            }
            // No date is known, so none is young enough.
            if members.contains_key("max_age") {
                return Ok(false);
            }
            for (name, asked) in members {
                let special = ["value", "values", "essential", "purpose"].contains(&name.as_str());
                if !special && !meets(asked, available.and_then(|available| available.get(name)))? {
                    return Ok(false);
                }
            }
            Ok(true)
        }
        // Each is a filter, and one of them must let something through (§6.2).
        Value::Array(filters) => {
            let entries: Vec<Option<&Value>> = match available {
                Some(Value::Array(entries)) => entries.iter().map(Some).collect(),
                _ => vec![None],
            };
            let mut any = filters.is_empty();
            for filter in filters {
                for entry in &entries {
                    any |= meets(filter, *entry)?;
                }
            }
            Ok(any)
        }
        _ => Err("what is asked for of the verification must be null, a JSON object or an array"),
    }
}

/// How much of the evidence is asked for: nothing that was not (§6.2).
fn evidence(asked: Option<&Value>) -> Option<Evidence> {
    let available = &offered(Some(Evidence::Source))["evidence"][0];
    let Some(Value::Array(filters)) = asked else { return None };
    let fitting = filters.iter().filter(|filter| meets(filter, Some(available)) == Ok(true));
    fitting
        .map(|filter| match filter.get("record") {
            Some(Value::Object(record)) if record.contains_key("source") => Evidence::Source,
            Some(_) => Evidence::Record,
            None => Evidence::Type,
        })
        .max()
}

/// The claim itself: an answer to each request of which something is left, an object where that is one. `told` has the claims of
/// those names that may be told.
pub(super) fn answer(
    requests: &[Assured],
    told: impl Fn(&mut dyn Iterator<Item = &str>) -> Map<String, Value>,
) -> Option<Value> {
    let answered = requests.iter().filter_map(|request| {
        let all = told(&mut request.claims.keys().map(String::as_str));
        let fits = |(name, marks): &(&String, &Vec<String>)| {
            all.get(*name).is_some_and(|value| marks.is_empty() || marks.contains(&mark(value)))
        };
        let kept: Vec<&str> = request.claims.iter().filter(fits).map(|(name, _)| name.as_str()).collect();
        // Once more: what goes along with a claim goes only with one that is kept.
        let claims = (!kept.is_empty()).then(|| told(&mut kept.iter().copied()))?;
        Some(json!({"verification": offered(request.evidence), "claims": claims}))
    });
    let mut answered: Vec<Value> = answered.collect();
    match answered.len() {
        0 => None,
        1 => answered.pop(),
        _ => Some(answered.into()),
    }
}

#[cfg(test)]
mod tests {
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
        let all = json!({"given_name": "Ali", "birthdate": "1990-01-01", "address": {"country": "UZ", "region": "X"}});
        names.map(|name| (name.to_owned(), all[name].clone())).collect()
    }

    fn told(verification: Value, claims: Value) -> Option<Value> {
        answer(&of(verification, claims).unwrap(), everything)
    }

    #[test]
    fn ida_6_1_claims_are_asked_for_by_null_and_objects_and_unknown_ones_are_left_out() {
        let framework = json!({"trust_framework": null});
        for detail in [
            json!(null),
            json!({}),
            json!({"essential": false}),
            json!({"essential": true, "purpose": "x y"}),
        ] {
            let claims =
                json!({"given_name": detail, "unknown": {"essential": true}, "!\"§$ \u{1f600}": null});
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
        for other in [
            json!({"value": "ali"}),
            json!({"value": ["Ali"]}),
            json!({"value": null}),
            json!({"values": [1]}),
        ] {
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
        assert_eq!(
            given(json!([{"type": kind, "record": {"type": null, "created_at": null}}])),
            Some(record)
        );
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
        let told = |requests: Value| answer(&parse(&requests, known).unwrap(), everything);
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
            let request = json!({"verification": {}, "claims": {"given_name": {"purpose": purpose}}, "purpose": purpose});
            assert!(parse(&request, known).is_ok());
        }
    }

    fn json_value() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            "[a-z_]{0,12}".prop_map(Value::from)
        ];
        let name = "verification|claims|trust_framework|evidence|type|record|value|values|max_age|given_name|birthdate|purpose|[a-z]{1,5}";
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
                && let Some(told) = answer(&requests, everything)
            {
                prop_assert_eq!(&told["verification"]["trust_framework"], TRUST_FRAMEWORK);
                for (name, value) in told["claims"].as_object().unwrap() {
                    prop_assert!(known(name) && claims.get(name).is_some() && !value.is_null(), "{}", name);
                }
                let evidence = told["verification"].get("evidence").is_some();
                prop_assert!(!evidence || verification.get("evidence").is_some());
            }
        }
    }
}
