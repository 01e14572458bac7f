//! Delivery reports of the gateways. Neither gateway signs them: the callback URL contains a secret, and
//! a report of Eskiz is confirmed by the gateway ([`super::Eskiz::confirm`]) before it counts.

use serde_json::Value;

use super::DeliveryState;
use super::wire;

/// Maximum size of a body, in bytes.
const LARGEST_BODY: usize = 64 * 1024;
/// Maximum length of an id, in characters.
const LONGEST_ID: usize = 64;

/// A delivery report on one message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Receipt {
    /// Our id of the message.
    pub message_id: String,
    /// The gateway's id of it; PlayMobile uses ours.
    pub gateway_id: String,
    /// The state that the gateway reports.
    pub state: DeliveryState,
}

/// Why a body is not a delivery report.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ReceiptError {
    /// Too long, or neither JSON nor a form.
    #[error("neither JSON nor a form, or too long")]
    Malformed,
    /// An id is missing or invalid.
    #[error("no message id")]
    NoId,
    /// A state that the gateway's documents do not list.
    #[error("an unknown delivery state")]
    UnknownState,
}

/// Parses a delivery report of Eskiz, a form or JSON.
///
/// # Errors
/// See [`ReceiptError`].
pub fn parse_eskiz(body: &[u8]) -> Result<Receipt, ReceiptError> {
    if body.len() > LARGEST_BODY {
        return Err(ReceiptError::Malformed);
    }
    let posted = if body.trim_ascii_start().starts_with(b"{") {
        serde_json::from_slice(body).map_err(|_| ReceiptError::Malformed)?
    } else {
        let pairs = url::form_urlencoded::parse(body);
        Value::Object(
            pairs.map(|(name, value)| (name.into_owned(), Value::String(value.into_owned()))).collect(),
        )
    };
    of_eskiz(&posted, None)
}

/// Parses delivery reports of PlayMobile: one object or an array. Invalid ones are skipped, so that the others are
/// not lost.
///
/// # Errors
/// [`ReceiptError::Malformed`] when it is not JSON of that form.
pub fn parse_playmobile(body: &[u8]) -> Result<Vec<Receipt>, ReceiptError> {
    if body.len() > LARGEST_BODY {
        return Err(ReceiptError::Malformed);
    }
    match serde_json::from_slice(body) {
        Ok(Value::Array(posted)) => Ok(posted.iter().filter_map(|one| of_playmobile(one).ok()).collect()),
        Ok(one @ Value::Object(_)) => Ok(of_playmobile(&one).into_iter().collect()),
        _ => Err(ReceiptError::Malformed),
    }
}

/// An Eskiz record of a message; `asked` is the gateway's id if the record is the response to a query.
pub(super) fn of_eskiz(record: &Value, asked: Option<&str>) -> Result<Receipt, ReceiptError> {
    let gateway_id = match asked {
        Some(id) => id.to_owned(),
        None => id(record, &["request_id", "message_id"])?,
    };
    let message_id = id(record, &["user_sms_id"])?;
    Ok(Receipt { message_id, gateway_id, state: state(record)? })
}

fn of_playmobile(record: &Value) -> Result<Receipt, ReceiptError> {
    let message_id = id(record, &["message-id", "message_id"])?;
    Ok(Receipt { gateway_id: message_id.clone(), message_id, state: state(record)? })
}

fn id(record: &Value, names: &[&str]) -> Result<String, ReceiptError> {
    wire::member(record, names).filter(|id| is_id(id)).ok_or(ReceiptError::NoId)
}

/// Whether this is a valid message id: letters, digits and dashes.
pub(super) fn is_id(text: &str) -> bool {
    (1..=LONGEST_ID).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-')
}

/// The states of both gateways, and those of mobile operators that Eskiz passes on.
fn state(record: &Value) -> Result<DeliveryState, ReceiptError> {
    let word = wire::member(record, &["status"]).ok_or(ReceiptError::UnknownState)?;
    Ok(match word.to_ascii_uppercase().as_str() {
        "WAITING" | "NEW" | "ACCEPTED" | "PARTDELIVERED" | "ENROUTE" | "UNKNOWN" | "TRANSMITTED" => {
            DeliveryState::Accepted
        }
        "DELIVERED" | "DELIVRD" => DeliveryState::Delivered,
        "REJECTED" | "REJECTD" | "UNDELIV" | "UNDELIVERABLE" | "DELETED" | "NOTDELIVERED" | "FAILED" => {
            DeliveryState::Failed
        }
        "EXPIRED" => DeliveryState::Expired,
        _ => return Err(ReceiptError::UnknownState),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn eskiz_state(word: &str) -> Result<DeliveryState, ReceiptError> {
        parse_eskiz(format!("request_id=g-1&user_sms_id=a1&status={word}").as_bytes())
            .map(|receipt| receipt.state)
    }

    #[test]
    fn an_eskiz_receipt_is_read_as_form_and_as_json_in_both_spellings() {
        let expected =
            Receipt { message_id: "a1".into(), gateway_id: "43-8d".into(), state: DeliveryState::Delivered };
        let form = "request_id=43-8d&user_sms_id=a1&country=UZ&phone_number=998901234567&sms_count=1\
                    &status=DELIVERED&status_date=2026-11-21+14%3A32%3A00";
        assert_eq!(parse_eskiz(form.as_bytes()), Ok(expected.clone()));
        let json = br#" {"message_id":"43-8d","user_sms_id":"a1","status":"DELIVRD","sms_count":1}"#;
        assert_eq!(parse_eskiz(json), Ok(expected));
    }

    #[test]
    fn every_documented_state_of_eskiz_has_its_meaning() {
        for (words, state) in [
            (
                &["waiting", "NEW", "ACCEPTED", "PARTDELIVERED", "ENROUTE", "UNKNOWN"][..],
                DeliveryState::Accepted,
            ),
            (&["DELIVERED", "DELIVRD"], DeliveryState::Delivered),
            (&["REJECTED", "UNDELIV", "UNDELIVERABLE", "REJECTD", "DELETED"], DeliveryState::Failed),
            (&["EXPIRED"], DeliveryState::Expired),
        ] {
            for word in words {
                assert_eq!(eskiz_state(word), Ok(state), "{word}");
            }
        }
        assert_eq!(eskiz_state("PERHAPS"), Err(ReceiptError::UnknownState));
    }

    #[test]
    fn playmobile_posts_one_or_many() {
        let one = br#"{"message-id":"a1","channel":"sms","status":"Delivered","status-date":"2026-11-21T09:32:00Z"}"#;
        let receipts = parse_playmobile(one).unwrap();
        assert_eq!((receipts[0].message_id.as_str(), receipts[0].gateway_id.as_str()), ("a1", "a1"));
        let many = br#"[{"message-id":"a1","status":"Transmitted"},{"message-id":"a2","status":"Odd"},
            {"message-id":"a3","status":"NotDelivered"},{"message-id":"a4","status":"Rejected"},
            {"message-id":"a5","status":"Failed"},{"message-id":"a6","status":"Expired"},7]"#;
        let states: Vec<_> =
            parse_playmobile(many).unwrap().into_iter().map(|r| (r.message_id, r.state)).collect();
        let expected = [
            ("a1", DeliveryState::Accepted),
            ("a3", DeliveryState::Failed),
            ("a4", DeliveryState::Failed),
            ("a5", DeliveryState::Failed),
            ("a6", DeliveryState::Expired),
        ];
        assert_eq!(states, expected.map(|(id, state)| (id.to_owned(), state)));
    }

    #[test]
    fn posts_that_are_no_receipts_are_refused() {
        assert_eq!(parse_eskiz(b""), Err(ReceiptError::NoId));
        assert_eq!(parse_eskiz(b"{\"request_id\":"), Err(ReceiptError::Malformed));
        assert_eq!(parse_eskiz(b"request_id=g1&status=NEW"), Err(ReceiptError::NoId));
        assert_eq!(parse_eskiz(b"request_id=../x&user_sms_id=a1&status=NEW"), Err(ReceiptError::NoId));
        assert_eq!(parse_eskiz(&vec![b'{'; LARGEST_BODY + 1]), Err(ReceiptError::Malformed));
        assert_eq!(parse_playmobile(b"status=Delivered"), Err(ReceiptError::Malformed));
        assert_eq!(parse_playmobile(b"7"), Err(ReceiptError::Malformed));
    }
}
