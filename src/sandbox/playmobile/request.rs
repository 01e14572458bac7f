//! Parsing a send request: the request has defaults for its messages, and each error
//! has the broker's code.

use std::collections::HashSet;

use serde_json::Value;

/// An error, which rejects the whole request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct ServiceError {
    /// The broker's `error-code`.
    pub code: u16,
    /// Its `error-description`.
    pub description: &'static str,
}

impl ServiceError {
    /// An error of the broker itself.
    pub(super) const INTERNAL: Self = Self::new(100, "Internal server error");
    /// The account may not send.
    pub(super) const LOCKED: Self = Self::new(102, "Account lock");
    /// A message-id was used before, in this request or an earlier one.
    pub(super) const REPEATED_ID: Self = Self::new(205, "Message-id is already used");

    const SYNTAX: Self = Self::new(101, "Syntax error");
    const CHANNEL: Self = Self::new(103, "Empty channel");
    const PRIORITY: Self = Self::new(104, "Invalid priority");
    const TOO_MANY: Self = Self::new(105, "Too much IDs");
    const RECIPIENT: Self = Self::new(202, "Empty recipient");
    const MESSAGE_ID: Self = Self::new(205, "Empty message-id");
    const LONG_ID: Self = Self::new(205, "Message-id is too long");
    const VARIABLES: Self = Self::new(206, "Invalid variables");
    const ORIGINATOR: Self = Self::new(401, "Invalid originator");
    const NO_TTL: Self = Self::new(403, "Empty ttl");
    const NO_CONTENT: Self = Self::new(404, "Empty content");
    const CONTENT: Self = Self::new(406, "Invalid content");
    const TTL: Self = Self::new(407, "Invalid ttl");

    const fn new(code: u16, description: &'static str) -> Self {
        Self { code, description }
    }
}

/// Whether a member of `timing` has the right form.
type Rule = fn(&Value) -> bool;

/// The checks of `timing`, by the order of the broker's codes.
const TIMING: [(&str, Rule, ServiceError); 6] = [
    ("localtime", is_flag, ServiceError::new(301, "Invalid localtime")),
    ("start-datetime", is_moment, ServiceError::new(302, "Invalid start-datetime")),
    ("end-datetime", is_moment, ServiceError::new(303, "Invalid end-datetime")),
    ("allowed-starttime", is_time, ServiceError::new(304, "Invalid allowed-starttime")),
    ("allowed-endtime", is_time, ServiceError::new(305, "Invalid allowed-endtime")),
    ("send-evenly", is_flag, ServiceError::new(306, "Invalid send-evenly")),
];

const MOST_MESSAGES: usize = 100;
const LONGEST_ID: usize = 40;

/// A message to send.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Order {
    /// Digits.
    pub recipient: String,
    /// The sender's id for the message.
    pub message_id: String,
    /// The sender name on the phone.
    pub originator: String,
    /// The text.
    pub text: String,
}

/// Parses a request of the account that owns `originator`.
///
/// # Errors
/// The first error; then nothing of the request is sent.
pub(super) fn read(body: &[u8], originator: &str) -> Result<Vec<Order>, ServiceError> {
    let request: Value = serde_json::from_slice(body).map_err(|_| ServiceError::SYNTAX)?;
    let messages = request.get("messages").and_then(Value::as_array).ok_or(ServiceError::SYNTAX)?;
    if messages.is_empty() {
        return Err(ServiceError::RECIPIENT);
    }
    if messages.len() > MOST_MESSAGES {
        return Err(ServiceError::TOO_MANY);
    }
    let mut seen = HashSet::new();
    let mut orders = Vec::with_capacity(messages.len());
    for message in messages {
        let order = order(message, &request, originator)?;
        if !seen.insert(order.message_id.clone()) {
            return Err(ServiceError::REPEATED_ID);
        }
        orders.push(order);
    }
    Ok(orders)
}

fn order(message: &Value, common: &Value, own: &str) -> Result<Order, ServiceError> {
    let given = |name: &str| set(message.get(name)).or_else(|| set(common.get(name)));
    priority(given("priority"))?;
    for (field, fits, fault) in TIMING {
        let value = [message, common].into_iter().find_map(|place| set(place.get("timing")?.get(field)));
        if !value.is_none_or(fits) {
            return Err(fault);
        }
    }
    let recipient = text_of(message.get("recipient")).ok_or(ServiceError::RECIPIENT)?;
    if !(7..=15).contains(&recipient.len()) || !recipient.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(ServiceError::RECIPIENT);
    }
    let message_id = text_of(message.get("message-id")).ok_or(ServiceError::MESSAGE_ID)?;
    if message_id.len() > LONGEST_ID {
        return Err(ServiceError::LONG_ID);
    }
    if !message.get("variables").is_none_or(Value::is_object) {
        return Err(ServiceError::VARIABLES);
    }
    let channels = [message.get("sms"), common.get("sms")];
    if !channels.into_iter().flatten().any(Value::is_object) {
        return Err(ServiceError::CHANNEL);
    }
    // Includes members that are present and empty, which some errors are about.
    let sms = |name: &str| channels.into_iter().flatten().find_map(|sms| sms.get(name));
    let originator = text_of(sms("originator")).filter(|name| name == own).ok_or(ServiceError::ORIGINATOR)?;
    ttl(sms("ttl"))?;
    Ok(Order { recipient, message_id, originator, text: content(sms("content"))? })
}

fn priority(value: Option<&Value>) -> Result<(), ServiceError> {
    match value.map(Value::as_str) {
        None | Some(Some("low" | "normal" | "high" | "realtime")) => Ok(()),
        Some(_) => Err(ServiceError::PRIORITY),
    }
}

/// Seconds. Clients omit it, so only an empty or invalid one is an error.
fn ttl(value: Option<&Value>) -> Result<(), ServiceError> {
    let Some(value) = value else { return Ok(()) };
    let text = text_of(Some(value)).ok_or(ServiceError::NO_TTL)?;
    match text.parse::<u32>() {
        Ok(seconds) if seconds > 0 => Ok(()),
        _ => Err(ServiceError::TTL),
    }
}

fn content(value: Option<&Value>) -> Result<String, ServiceError> {
    let text = value.and_then(|content| content.get("text")).ok_or(ServiceError::NO_CONTENT)?;
    let text = text.as_str().ok_or(ServiceError::CONTENT)?;
    if text.trim().is_empty() { Err(ServiceError::NO_CONTENT) } else { Ok(text.to_owned()) }
}

/// The value, unless it is empty or null.
fn set(value: Option<&Value>) -> Option<&Value> {
    value.filter(|value| !value.is_null() && value.as_str() != Some(""))
}

/// A string or a number that is not empty.
fn text_of(value: Option<&Value>) -> Option<String> {
    match set(value)? {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    }
}

fn is_flag(value: &Value) -> bool {
    matches!(text_of(Some(value)).as_deref(), Some("0" | "1"))
}

/// `YYYY-MM-DD`, then `T` or a space, then at least `HH:MM`.
fn is_moment(value: &Value) -> bool {
    value.as_str().and_then(|text| text.split_once(['T', ' '])).is_some_and(|(date, time)| {
        date.split('-').map(str::len).eq([4, 2, 2])
            && date.bytes().all(|byte| byte.is_ascii_digit() || byte == b'-')
            && time.get(..5).is_some_and(is_hour_and_minute)
    })
}

/// `HH:MM`, perhaps with seconds.
fn is_time(value: &Value) -> bool {
    value.as_str().and_then(|text| text.get(..5)).is_some_and(is_hour_and_minute)
}

fn is_hour_and_minute(text: &str) -> bool {
    text.split_once(':').is_some_and(|(hour, minute)| {
        let below = |digits: &str, limit: u8| digits.parse::<u8>().is_ok_and(|number| number < limit);
        below(hour, 24) && below(minute, 60)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn common() -> Value {
        json!({
            "priority": "realtime",
            "timing": { "localtime": 0, "start-datetime": "", "allowed-starttime": "09:00" },
            "sms": { "originator": "3700", "ttl": 300, "content": { "text": "common" } },
            "messages": [{ "recipient": "998000000001", "message-id": "a" }],
        })
    }

    fn code_of(request: &Value) -> Option<u16> {
        read(request.to_string().as_bytes(), "3700").err().map(|fault| fault.code)
    }

    /// `common()` with the member at `pointer` set to `value`, or removed if it is null.
    fn with(pointer: &str, value: Value) -> Value {
        let mut request = common();
        let (parent, name) = pointer.rsplit_once('/').unwrap();
        let parent = request.pointer_mut(parent).unwrap().as_object_mut().unwrap();
        if value.is_null() {
            parent.remove(name)
        } else {
            parent.insert(name.to_owned(), value)
        };
        request
    }

    #[test]
    fn a_message_takes_from_the_request_what_it_does_not_say_itself() {
        let mut request = common();
        request["messages"] = json!([
            { "recipient": "998000000001", "message-id": "a" },
            { "recipient": 998_000_000_002_u64, "message-id": 7, "priority": "low",
              "sms": { "content": { "text": "own" } } },
        ]);
        let orders = read(request.to_string().as_bytes(), "3700").unwrap();
        let texts: Vec<_> =
            orders.iter().map(|order| (order.text.as_str(), order.recipient.as_str())).collect();
        assert_eq!(texts, [("common", "998000000001"), ("own", "998000000002")]);
        assert_eq!((orders[1].message_id.as_str(), orders[1].originator.as_str()), ("7", "3700"));
    }

    #[test]
    fn each_fault_has_the_brokers_number() {
        let cases = [
            ("/messages", Value::Null, 101),
            ("/messages", json!([]), 202),
            ("/sms", Value::Null, 103),
            ("/priority", json!("urgent"), 104),
            ("/messages/0/priority", json!(1), 104),
            ("/messages/0/recipient", Value::Null, 202),
            ("/messages/0/recipient", json!("+998 00"), 202),
            ("/messages/0/message-id", json!(""), 205),
            ("/messages/0/message-id", json!("x".repeat(41)), 205),
            ("/messages/0/variables", json!("name"), 206),
            ("/timing/localtime", json!(2), 301),
            ("/timing/start-datetime", json!("tomorrow"), 302),
            ("/timing/end-datetime", json!("2026-11-21"), 303),
            ("/timing/allowed-starttime", json!("9 o'clock"), 304),
            ("/timing/allowed-endtime", json!("25:00"), 305),
            ("/timing/send-evenly", json!("evenly"), 306),
            ("/sms/originator", Value::Null, 401),
            ("/sms/originator", json!("4546"), 401),
            ("/sms/ttl", json!(""), 403),
            ("/sms/content", Value::Null, 404),
            ("/sms/content/text", json!("  "), 404),
            ("/sms/content/text", json!(5), 406),
            ("/sms/ttl", json!("soon"), 407),
        ];
        for (pointer, value, code) in cases {
            let request = with(pointer, value);
            assert_eq!(code_of(&request), Some(code), "{pointer}: {request}");
        }
        assert_eq!(read(b"{", "3700").unwrap_err().code, 101);
    }

    #[test]
    fn empty_or_absent_options_are_no_fault() {
        assert_eq!(code_of(&common()), None);
        for (pointer, value) in [
            ("/priority", json!("")),
            ("/timing", Value::Null),
            ("/sms/ttl", Value::Null),
            ("/sms/ttl", json!("300")),
            ("/timing/start-datetime", json!("2026-11-21T09:00:00Z")),
            ("/timing/end-datetime", json!("2026-11-21 21:00")),
        ] {
            assert_eq!(code_of(&with(pointer, value)), None, "{pointer}");
        }
    }

    #[test]
    fn a_hundred_messages_are_taken_and_no_more_nor_any_id_twice() {
        let request = |count: usize| {
            let mut request = common();
            request["messages"] = (0..count)
                .map(|index| json!({ "recipient": "998000000001", "message-id": index.to_string() }))
                .collect();
            request
        };
        assert_eq!(code_of(&request(100)), None);
        assert_eq!(code_of(&request(101)), Some(105));
        let mut twice = request(2);
        twice["messages"][1]["message-id"] = json!("0");
        assert_eq!(code_of(&twice), Some(205));
    }
}
