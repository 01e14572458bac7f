//! `verified_claims` (OpenID Connect for Identity Assurance 1.0): claims together with how they were verified, as far as this
//! provider knows it. Which person they are about, and which of them may be released, is decided where plain claims are
//! (`claims.rs`).

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use crate::grants::{Assured, Evidence, TimeAsked};
use crate::platform::bytes::Digest;
use crate::platform::clock::Timestamp;

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

/// What is known of how claims were verified, and `at`, when that was: nothing but the record says it, and not each does.
fn offered(evidence: Option<Evidence>, at: Option<Timestamp>) -> Value {
    let mut verification = json!({"trust_framework": TRUST_FRAMEWORK});
    if let Some(at) = at {
        verification["time"] = at.to_rfc3339().into();
    }
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
        let available = offered(Some(Evidence::Source), None);
        // How long ago it was depends on the person, and on when the claim is told.
        let time = verification.get("time").map(time).transpose()?;
        let mut others = verification.clone();
        others.remove("time");
        let fulfilled = meets(&others.into(), Some(&available))? && time != Some(None);
        let mut wanted = BTreeMap::new();
        for (name, detail) in claims {
            let marks = accepted(detail)?;
            if known(name) {
                wanted.insert(name.clone(), marks);
            }
        }
        if fulfilled && !wanted.is_empty() {
            let evidence = evidence(verification.get("evidence"));
            read.push(Assured { claims: wanted, evidence, time: time.flatten() });
        }
    }
    Ok(read)
}

/// What is asked of the time of the verification; `None` where that cannot be met, as one moment that is demanded.
fn time(asked: &Value) -> Result<Option<TimeAsked>, &'static str> {
    match asked {
        Value::Null => return Ok(Some(TimeAsked { max_age: None })),
        Value::Object(_) => purpose(asked)?,
        _ => return Err("time must be requested by null or a JSON object"),
    }
    let max_age = match asked.get("max_age") {
        None => None,
        Some(age) => {
            let seconds = age.as_i64().filter(|seconds| *seconds >= 0);
            Some(seconds.ok_or("max_age must be a whole number of seconds, 0 or more")?)
        }
    };
    Ok(values(asked)?.is_empty().then_some(TimeAsked { max_age }))
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
            // Nothing else has a date, so none is young enough.
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
    let available = &offered(Some(Evidence::Source), None)["evidence"][0];
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

/// The claim itself: an answer to each request of which something is left, an object where that is one. `at` is when the person was
/// identified, if their record says so; `told` has the claims of those names that may be told.
pub(super) fn answer(
    requests: &[Assured],
    (at, now): (Option<Timestamp>, Timestamp),
    told: impl Fn(&mut dyn Iterator<Item = &str>) -> Map<String, Value>,
) -> Option<Value> {
    let young = |most: i64| at.is_some_and(|at| (0..=most).contains(&now.since(at)));
    let answered = requests.iter().filter_map(|request| {
        if !request.time.and_then(|time| time.max_age).is_none_or(young) {
            return None;
        }
        let all = told(&mut request.claims.keys().map(String::as_str));
        let fits = |(name, marks): &(&String, &Vec<String>)| {
            all.get(*name).is_some_and(|value| marks.is_empty() || marks.contains(&mark(value)))
        };
        let kept: Vec<&str> = request.claims.iter().filter(fits).map(|(name, _)| name.as_str()).collect();
        // Once more: what goes along with a claim goes only with one that is kept.
        let claims = (!kept.is_empty()).then(|| told(&mut kept.iter().copied()))?;
        let at = request.time.and(at);
        Some(json!({"verification": offered(request.evidence, at), "claims": claims}))
    });
    let mut answered: Vec<Value> = answered.collect();
    match answered.len() {
        0 => None,
        1 => answered.pop(),
        _ => Some(answered.into()),
    }
}

#[cfg(test)]
mod tests;
