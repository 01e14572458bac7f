//! Bodies of requests: JSON objects of a documented form, bounded, and nothing else in them.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use super::problem::{Code, Problem};
use crate::mobile_id::{Consent, Consented, Typed};
use crate::platform::web::locale::Language;

/// The longest body, in bytes: a photo in Base64, and a little.
pub(super) const LONGEST: usize = 6 * 1024 * 1024;

/// The largest photo, in bytes.
pub(super) const LARGEST_PHOTO: usize = 4 * 1024 * 1024;

/// How long ago a warning may have been shown, in milliseconds: as long as an application is open.
const LONGEST_SHOWN: i64 = 86_400_000;

/// By how much the clock of the app's server may be ahead, in milliseconds.
const AHEAD: i64 = 60_000;

/// The form of annex 2, as the person typed it (R53).
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Opened {
    pub(super) language: String,
    surname: String,
    name: String,
    #[serde(default)]
    patronymic: String,
    number: String,
    pinfl: String,
    category: String,
    document: String,
    document_number: String,
}

impl Opened {
    /// The form.
    pub(super) fn typed(&self) -> Typed<'_> {
        Typed {
            surname: &self.surname,
            name: &self.name,
            patronymic: &self.patronymic,
            number: &self.number,
            pinfl: &self.pinfl,
            category: &self.category,
            document: &self.document,
            document_number: &self.document_number,
        }
    }
}

/// What the person agreed to.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Consents {
    language: String,
    consents: Vec<Given>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Given {
    to: String,
    shown_at: String,
    #[serde(default)]
    tiyin: Option<i64>,
}

impl Consents {
    /// The consents, given now.
    ///
    /// # Errors
    /// The first field that is wrong.
    pub(super) fn read(&self, now_ms: i64) -> Result<Vec<Consented>, Problem> {
        let language = language(&self.language)?;
        let one = |given: &Given| {
            let to = Consent::parse(&given.to).ok_or_else(|| Problem::field("consents.to", "unknown"))?;
            let shown = OffsetDateTime::parse(&given.shown_at, &Rfc3339).ok();
            let shown = shown.and_then(|shown| i64::try_from(shown.unix_timestamp_nanos() / 1_000_000).ok());
            let shown = shown.ok_or_else(|| Problem::field("consents.shown_at", "format"))?;
            // R31, R55: the warning comes before the consent, and in this application.
            if shown > now_ms + AHEAD || shown < now_ms - LONGEST_SHOWN {
                return Err(Problem::field("consents.shown_at", "not_now"));
            }
            Ok(Consented {
                to,
                language: language.tag().to_owned(),
                tiyin: given.tiyin,
                shown_at_ms: shown.min(now_ms),
                given_at_ms: now_ms,
            })
        };
        if self.consents.is_empty() || self.consents.len() > Consent::ALL.len() {
            return Err(Problem::field("consents", "count"));
        }
        self.consents.iter().map(one).collect()
    }
}

/// A language by its tag.
///
/// # Errors
/// The field.
pub(super) fn language(tag: &str) -> Result<Language, Problem> {
    Language::parse(tag).ok_or_else(|| Problem::field("language", "unknown"))
}

/// A photo of a face.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Face {
    pub(super) photo: String,
}

/// A code as the person typed it.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Entered {
    pub(super) code: String,
}

/// A ground of clause 27.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Refusal {
    pub(super) clause: String,
}

/// Who ends their own enrolment (R90).
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Ending {
    pub(super) pinfl: String,
    #[serde(default)]
    pub(super) photo: Option<String>,
}

/// A photo, decoded.
///
/// # Errors
/// The field `photo`.
pub(super) fn photo(text: &str) -> Result<Vec<u8>, Problem> {
    let photo = STANDARD.decode(text).map_err(|_| Problem::field("photo", "not_base64"))?;
    if photo.is_empty() {
        return Err(Problem::field("photo", "empty"));
    }
    if photo.len() > LARGEST_PHOTO {
        return Err(Problem::field("photo", "too_large"));
    }
    Ok(photo)
}

/// The JSON object of a request.
///
/// # Errors
/// `invalid_body`, without its content.
pub(super) fn read<T: DeserializeOwned>(body: &[u8]) -> Result<T, Problem> {
    if body.len() > LONGEST {
        return Err(Problem::new(Code::InvalidBody).because("it is larger than 6 MiB"));
    }
    serde_json::from_slice(body).map_err(|error| {
        let place = format!("line {} column {}", error.line(), error.column());
        Problem::new(Code::InvalidBody)
            .because("see docs/mobile-app-api.yaml for the members")
            .with("at", place)
    })
}

/// What fuzz targets reach.
#[cfg(fuzzing)]
pub(super) fn fuzz(body: &[u8]) {
    let _ = read::<Opened>(body)
        .map(|opened| crate::mobile_id::Questionnaire::parse(&opened.typed(), false).is_ok());
    let _ = read::<Consents>(body).map(|consents| consents.read(0).is_ok());
    let _ = read::<Face>(body).map(|face| photo(&face.photo).is_ok());
    let _ = read::<Entered>(body);
    let _ = read::<Refusal>(body);
    let _ = read::<Ending>(body);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn r55_a_warning_is_shown_before_the_consent_and_in_this_application() {
        let read = |shown: &str| {
            let body =
                format!(r#"{{"language":"ru","consents":[{{"to":"sms_charge","shown_at":"{shown}"}}]}}"#);
            super::read::<Consents>(body.as_bytes()).unwrap().read(1_795_000_000_000)
        };
        let given = read("2026-11-18T16:06:00+05:00").unwrap();
        assert_eq!((given[0].to, given[0].language.as_str()), (Consent::SmsCharge, "ru"));
        assert_eq!((given[0].shown_at_ms, given[0].given_at_ms), (1_794_999_960_000, 1_795_000_000_000));
        for wrong in ["2026-11-18T11:09:00Z", "2026-11-16T11:06:00Z", "yesterday"] {
            assert_eq!(read(wrong).unwrap_err().code, Code::InvalidFields, "{wrong}");
        }
    }

    #[test]
    fn a_body_has_what_is_documented_and_nothing_else() {
        let code = |body: &str| super::read::<Entered>(body.as_bytes()).map(|entered| entered.code);
        assert_eq!(code(r#"{"code":"123456"}"#).unwrap(), "123456");
        for wrong in ["", "[]", r#"{"code":1}"#, r#"{"code":"1","more":1}"#, r#"{"code":"1"} x"#] {
            assert_eq!(code(wrong).unwrap_err().code, Code::InvalidBody, "{wrong}");
        }
    }

    #[test]
    fn a_photo_is_base64_and_bounded() {
        assert_eq!(photo("/9j/").unwrap(), [0xFF, 0xD8, 0xFF]);
        for wrong in ["", "not base64!", "/9j"] {
            assert_eq!(photo(wrong).unwrap_err().code, Code::InvalidFields, "{wrong}");
        }
        assert!(photo(&STANDARD.encode(vec![0; LARGEST_PHOTO + 1])).is_err());
    }
}
