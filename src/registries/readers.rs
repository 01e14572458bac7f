//! Every reader of answers at once, for tests and fuzzing: none may panic, whatever a register sends, and what is read keeps the rules of
//! its type.

use reqwest::StatusCode;

use super::billing::{self, InvoiceNumber};
use super::error::RegisterName;
use super::query::{Given, PersonQuery, TinQuery};
use super::wire::{self, Heard};
use super::{civil, eimzo, employment, interior, myid, operators, person, social, tax};
use crate::people::{DocumentKind, Pinfl};

/// Reads `body` as the answer of every register.
///
/// # Panics
/// When a reader breaks its own rule.
#[cfg_attr(not(fuzzing), expect(unreachable_pub, reason = "fuzzing calls it"))]
pub fn read_everything(status: u16, body: &[u8]) {
    let _ = billing::notice(body);
    let Some(body) = wire::json(body) else { return };
    let heard = Heard { status: StatusCode::from_u16(status).unwrap_or(StatusCode::OK), body };
    let pinfl = Pinfl::from_registry("41405882050012").expect("a PINFL");
    let by_pinfl = Given { pinfl: Some(pinfl.digits()), ..Given::default() };
    let document = Some((DocumentKind::IdCard, "AD7000001"));
    let by_both = Given { document, ..by_pinfl.clone() };
    for given in [by_pinfl, by_both] {
        let query = PersonQuery::parse(&given).expect("a question");
        for register in [RegisterName::Personalisation, RegisterName::Interior] {
            if let Ok(record) = person::read(&heard, &query, register) {
                assert!(record.pinfl == pinfl || record.other_pinfls.contains(&pinfl));
                assert!(record.oddities.windows(2).all(|pair| pair[0] < pair[1]));
            }
        }
    }
    let _ = interior::read(&heard);
    let _ = tax::read_tin(&heard, &TinQuery::Pinfl(pinfl.clone()));
    let _ = tax::read_certificate(&heard, &pinfl, "77A1");
    let _ = employment::read(&heard);
    let _ = civil::read(&heard, &pinfl);
    let _ = social::read_social(&heard, &pinfl);
    let _ = social::read_disability(&heard, &pinfl);
    operators::read_any(&heard);
    if let Some(number) = InvoiceNumber::parse("MID-0001") {
        let _ = billing::read_state(&heard, &number);
    }
    eimzo::read_any(&heard);
    myid::read_any(&heard);
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::Value;

    /// JSON of the members that answers have, with values of every kind.
    fn answer() -> impl Strategy<Value = Value> {
        let text = prop_oneof![
            Just("1".to_owned()),
            Just("41405882050012".to_owned()),
            Just("1988-05-14".to_owned()),
            Just("topilmadi".to_owned()),
            Just("AD7000001".to_owned()),
            Just("IDMS_RECV_MVD_IDCARD_CITIZEN".to_owned()),
            "\\PC{0,20}",
        ];
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            any::<i64>().prop_map(Value::from),
            Just(Value::from(1)),
            text.prop_map(Value::from),
        ];
        let name = prop::sample::select(
            &[
                "result",
                "Data",
                "data",
                "success",
                "AnswereId",
                "items",
                "pinpps",
                "current_pinpp",
                "documents",
                "document",
                "type",
                "birth_date",
                "datebegin",
                "surnamelat",
                "namelat",
                "sex",
                "members",
                "in_register",
                "pinfl",
                "PermanentRegistration",
                "Region",
                "District",
                "Address",
                "Value",
                "status",
                "number",
                "msisdn",
                "state",
                "resultCode",
                "subjectCertificateInfo",
                "subjectName",
                "serialNumber",
                "photo",
                "challenge",
                "X500Name",
                "profile",
                "common_data",
                "attempts",
            ][..],
        );
        leaf.prop_recursive(5, 60, 8, move |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
                prop::collection::btree_map(name.clone().prop_map(str::to_owned), inner, 0..8)
                    .prop_map(|members| Value::Object(members.into_iter().collect())),
            ]
        })
    }

    proptest! {
        #[test]
        fn no_answer_is_too_odd(answer in answer(), status in prop::sample::select(&[200_u16, 201, 400, 404, 409][..])) {
            read_everything(status, answer.to_string().as_bytes());
        }

        #[test]
        fn no_bytes_are_too_odd(body in prop::collection::vec(any::<u8>(), 0..300)) {
            read_everything(200, &body);
        }
    }
}
