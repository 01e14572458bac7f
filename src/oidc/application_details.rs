//! `authorization_details` of the type `application`: what a person is to confirm. One object, and nothing else in its request:
//! the code that the person gets confirms exactly this, and permits nothing (R68, R69).

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use super::error::{ErrorCode, OAuthError};
use crate::clients::{Application, Client, DataRequest, DetailType};
use crate::platform::bytes::{self, Digest};
use crate::platform::plain_text::is_shown_as_written;

/// The longest title, in characters.
const LONGEST_TITLE: usize = 100;

/// The longest summary, in characters, and its most lines.
const LONGEST_SUMMARY: usize = 600;
const MOST_LINES: usize = 12;

/// Languages that a text may be given in beside its default.
const TAGS: [&str; 4] = ["uz-Latn", "uz-Cyrl", "ru", "en"];

const fn invalid(description: &'static str) -> OAuthError {
    OAuthError::new(ErrorCode::InvalidAuthorizationDetails, description)
}

/// What an object says of an application.
///
/// # Errors
/// `invalid_authorization_details` (RFC 9396 §5).
pub(super) fn read(object: &Map<String, Value>, client: &Client) -> Result<Application, OAuthError> {
    if !client.data.detail_types.contains(&DetailType::Application) {
        return Err(invalid(
            "type application is not among the authorization_details_types that the client registered",
        ));
    }
    parse(object)
}

/// As [`read`], whoever asks.
fn parse(object: &Map<String, Value>) -> Result<Application, OAuthError> {
    let known = |member: &str| {
        let base = member.split_once('#').map_or(member, |(base, _)| base);
        match member.split_once('#') {
            None => ["type", "title", "summary", "document_hash", "reference"].contains(&base),
            Some((base, tag)) => ["title", "summary"].contains(&base) && TAGS.contains(&tag),
        }
    };
    if object.keys().any(|member| !known(member)) {
        return Err(invalid(
            "application has an unknown member: it takes type, title, summary, document_hash, reference, and title and summary with #uz-Latn, #uz-Cyrl, #ru or #en",
        ));
    }
    let title = texts(object, "title", |text| {
        text.chars().count() <= LONGEST_TITLE && text == text.trim() && is_shown_as_written(text)
    });
    let title = title.ok_or(invalid(
        "title must be a text of 1 to 100 characters on one line, as they are shown, and so must each of its translations",
    ))?;
    let summary = texts(object, "summary", |text| {
        let lines: Vec<&str> = text.split('\n').collect();
        text.chars().count() <= LONGEST_SUMMARY
            && text == text.trim()
            && lines.len() <= MOST_LINES
            && lines.into_iter().all(is_shown_as_written)
    });
    let summary = summary.ok_or(invalid(
        "summary must be a text of 1 to 600 characters on at most 12 lines, as they are shown, and so must each of its translations",
    ))?;
    Ok(Application { title, summary, document: document(object)?, reference: reference(object)? })
}

/// A text with its translations, each of which `fits`.
fn texts(
    object: &Map<String, Value>,
    member: &str,
    fits: impl Fn(&str) -> bool,
) -> Option<BTreeMap<String, String>> {
    let mut texts = BTreeMap::new();
    for (name, value) in object {
        let (base, tag) = name.split_once('#').unwrap_or((name, ""));
        if base == member {
            let text = value.as_str().filter(|text| !text.is_empty() && fits(text))?;
            texts.insert(tag.to_owned(), text.to_owned());
        }
    }
    texts.contains_key("").then_some(texts)
}

fn document(object: &Map<String, Value>) -> Result<Digest, OAuthError> {
    let shape = "document_hash must be an object with alg sha-256 and, as value, 32 bytes in base64url without padding";
    let hash = object.get("document_hash").and_then(Value::as_object).ok_or(invalid(shape))?;
    let only = hash.keys().all(|member| ["alg", "value"].contains(&member.as_str()));
    let value = hash
        .get("value")
        .and_then(Value::as_str)
        .filter(|_| only && hash.get("alg") == Some(&"sha-256".into()));
    let bytes = value.filter(|value| value.len() == 43).and_then(bytes::decode);
    bytes.and_then(|bytes| bytes.try_into().ok()).map(Digest).ok_or(invalid(shape))
}

/// It stands in the message: nothing in it may look like an address, a phone number or a code.
fn reference(object: &Map<String, Value>) -> Result<String, OAuthError> {
    let fits = |text: &&str| {
        let digits = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
        let run = text.split(|c: char| !c.is_ascii_digit()).map(str::len).max().unwrap_or_default();
        (1..=Application::LONGEST_REFERENCE).contains(&text.len())
            && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-/".contains(&byte))
            && text.bytes().next().is_some_and(|first| first.is_ascii_alphanumeric())
            && run < 9
            && !(digits(text) && text.len() == 6)
    };
    let reference = object.get("reference").and_then(Value::as_str).filter(fits);
    reference.map(str::to_owned).ok_or(invalid(
        "reference must be 1 to 24 ASCII letters and digits, with - and /, not six digits alone and without nine in a row: it stands in the SMS",
    ))
}

/// Whether a request that confirms an application asks for nothing else.
///
/// # Errors
/// `invalid_authorization_details` when it does.
pub(super) fn alone(data: &DataRequest) -> Result<(), OAuthError> {
    if data.is_empty() {
        return Ok(());
    }
    Err(invalid(
        "a request that confirms an application asks for no data and no offline_access: ask for those in a request of their own",
    ))
}

/// A grant that goes on holds no application: it is confirmed once.
pub(super) const MANAGED: OAuthError = invalid(
    "an application is confirmed by a request of its own: leave grant_management_action and grant_id away, or create a grant",
);

/// The object as the client reads it, with the receipt that proves it.
pub(super) fn on_the_wire(application: &Application, receipt: &str) -> Value {
    let mut object = described(application);
    object["receipt"] = receipt.into();
    object
}

/// The object as it was asked for.
pub(super) fn described(application: &Application) -> Value {
    let mut object = json!({
        "type": DetailType::Application.name(),
        "document_hash": {"alg": "sha-256", "value": application.document.encode()},
        "reference": application.reference,
    });
    for (member, texts) in [("title", &application.title), ("summary", &application.summary)] {
        for (tag, text) in texts {
            let name = if tag.is_empty() { member.to_owned() } else { format!("{member}#{tag}") };
            object[name] = text.as_str().into();
        }
    }
    object
}

/// What fuzz targets reach: whatever is read is written as it was sent, within its bounds.
#[cfg(fuzzing)]
pub(super) fn fuzz(object: &Map<String, Value>) {
    if let Ok(application) = parse(object) {
        let Value::Object(told) = described(&application) else { unreachable!("an object") };
        assert_eq!(parse(&told).ok(), Some(application.clone()));
        assert!(
            application.reference.is_ascii() && application.reference.len() <= Application::LONGEST_REFERENCE
        );
    }
}
