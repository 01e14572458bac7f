//! An application as the app sees it.

use serde_json::{Map, Value, json};

use crate::mobile_id::{
    Channel, Compared, Comparison, Consent, Findings, Ground, Identification, Missing, Obstacle, Precheck,
    missing as lacks,
};
use crate::platform::clock::Timestamp;

/// Something that is missing, in the API's words.
pub(super) fn missing(missing: Missing) -> Value {
    match missing {
        Missing::Precheck => json!({ "what": "precheck" }),
        Missing::Obstacle(found) => {
            let mut told = obstacle(found);
            told["what"] = "obstacle".into();
            told
        }
        Missing::Consent(consent) => json!({ "what": "consent", "consent": consent.name() }),
        // The app has neither of the three: they are a place's.
        Missing::Original | Missing::Face | Missing::Fingerprint | Missing::Proof => {
            json!({ "what": "proof" })
        }
    }
}

/// What keeps an application from going on: at which field, why, and the ground on which it is refused for that (R65).
fn obstacle(found: Obstacle) -> Value {
    json!({
        "field": found.field().name(), "code": found.code(), "clause": found.ground(Channel::Remote).clause(),
    })
}

/// What the person is warned of, each with the consent that it needs (R59, R60).
fn warnings(findings: &Findings) -> Vec<Value> {
    let mut warnings = Vec::new();
    if let Some(number) = &findings.other_number {
        warnings.push(json!({
            "code": "other_number", "number": number, "consent": Consent::OtherNumber.name(),
        }));
    }
    if findings.other_cabinets > 0 {
        warnings.push(json!({
            "code": "other_cabinets", "cabinets": findings.other_cabinets, "consent": Consent::OtherCabinets.name(),
        }));
    }
    warnings
}

fn precheck(precheck: Option<&Precheck>, findings: Option<&Findings>) -> Value {
    let done = |findings: &Findings| {
        let obstacles: Vec<Value> = findings.obstacles.iter().copied().map(obstacle).collect();
        json!({ "state": "done", "obstacles": obstacles, "warnings": warnings(findings) })
    };
    match (precheck, findings) {
        (Some(Precheck::Running { done, of, .. }), _) => {
            json!({ "state": "running", "done": done, "of": of })
        }
        (Some(Precheck::Failed { register, .. }), None) => json!({ "state": "failed", "register": register }),
        (Some(Precheck::Done(findings)), _) => done(findings),
        (_, Some(findings)) => done(findings),
        (None, None) => json!({ "state": "none" }),
    }
}

fn outcome(compared: &Compared) -> &'static str {
    if compared.matched { "matched" } else { "not_matched" }
}

fn face(application: &Identification, comparison: Option<&Comparison>) -> &'static str {
    match comparison {
        Some(Comparison::Running { .. }) => "running",
        Some(Comparison::Unusable { .. }) => "unusable",
        Some(Comparison::Failed { .. }) => "failed",
        Some(Comparison::Done { face: Some(face), .. }) => outcome(face),
        Some(Comparison::Done { face: None, .. }) | None => {
            application.evidence.face.as_ref().map_or("none", outcome)
        }
    }
}

/// What is known of an application beside its row.
#[derive(Default)]
pub(super) struct Beside {
    /// The pre-check.
    pub(super) precheck: Option<Precheck>,
    /// The comparison of the face.
    pub(super) comparison: Option<Comparison>,
    /// Whether a signature is waited for.
    pub(super) signing: bool,
}

impl Beside {
    /// What registers found, wherever it is.
    pub(super) fn findings<'a>(&'a self, application: &'a Identification) -> Option<&'a Findings> {
        match &self.precheck {
            Some(Precheck::Done(findings)) => Some(findings),
            _ => application.findings.as_ref(),
        }
    }
}

/// The application; `sms` is what an SMS about a notice costs, in tiyin, where it costs anything (R55, R79).
pub(super) fn application(application: &Identification, beside: &Beside, sms: Option<i64>) -> Value {
    let findings = beside.findings(application);
    let moment = |at: Timestamp| Value::from(at.to_rfc3339());
    let signature = match &application.evidence.signature {
        Some(signed) if signed.confirmed => "matched",
        Some(_) => "not_matched",
        None if beside.signing => "running",
        None => "none",
    };
    let face = face(application, beside.comparison.as_ref());
    let lacking: Vec<Value> = if application.state.is_over() {
        Vec::new()
    } else {
        // A face that was compared counts, though it is only stored with the next step.
        let proved = face == "matched";
        lacks(application, findings)
            .into_iter()
            .filter(|what| !(proved && matches!(what, Missing::Proof)))
            .map(missing)
            .collect()
    };
    let mut told = Map::new();
    let mut put = |name: &str, value: Value| told.insert(name.to_owned(), value);
    put("id", application.id.as_str().into());
    put("reference", application.reference.to_string().into());
    put("state", application.state.name().into());
    put("opened_at", moment(application.opened_at));
    put("precheck", precheck(beside.precheck.as_ref(), application.findings.as_ref()));
    put("consents", application.consents.iter().map(|given| given.to.name()).collect());
    put("proof", json!({ "face": face, "signature": signature }));
    put("missing", lacking.into());
    put("sms_tiyin", sms.into());
    put(
        "code",
        application.code.as_ref().map_or(
            Value::Null,
            |code| json!({ "sent_at": moment(code.sent_at), "expires_at": moment(code.expires_at) }),
        ),
    );
    put("refused_on", application.state.ground().map(Ground::clause).into());
    put("ended_at", application.ended_at.map_or(Value::Null, moment));
    told.into()
}
