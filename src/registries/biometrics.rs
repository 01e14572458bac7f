//! Comparison of faces and fingerprints with what the State Personalisation Centre has (479 cl. 18, 23). The material itself is sent, and
//! not kept here.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use super::error::{Contradiction, ErrorKind, RegisterName, RegistryError};
use super::line::Repeat;
use super::wire::{self, Heard};
use super::{Answer, Asker, Registries};
use crate::people::Pinfl;

/// The largest photo that is sent, in bytes.
pub const LARGEST_PHOTO: usize = 4 << 20;
/// The largest image or template of a finger, in bytes.
pub const LARGEST_FINGERPRINT: usize = 1 << 20;

/// What came of a comparison.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Comparison<V> {
    /// Whether it is the person.
    pub verdict: V,
    /// How sure the Centre is, in thousandths, if it says so.
    pub score: Option<u16>,
    /// By which name the Centre keeps its evidence; empty where it was not asked.
    pub reference: String,
}

/// What came of a face.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FaceVerdict {
    /// It is the person's.
    Match,
    /// It is not.
    NoMatch,
    /// There is no face on the photo.
    NoFace,
    /// There are several.
    SeveralFaces,
    /// The photo is too dark, blurred, small or turned away.
    PoorPhoto,
    /// What was sent is no photo; nobody was asked.
    NotAPhoto,
    /// The Centre has no photo of the person to compare with.
    NothingToCompare,
}

/// What came of a fingerprint.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FingerprintVerdict {
    /// It is the person's.
    Match,
    /// It is not.
    NoMatch,
    /// It cannot be read well enough.
    Poor,
    /// What was sent is no fingerprint; nobody was asked.
    NotAFingerprint,
    /// The Centre has none of the person.
    NothingToCompare,
}

impl Registries {
    /// Compares a photo of a face, JPEG or PNG, with the person's (R49, R57).
    ///
    /// # Errors
    /// [`RegistryError`].
    pub async fn face(
        &self,
        pinfl: &Pinfl,
        photo: &[u8],
        asker: &Asker,
    ) -> Result<Answer<Comparison<FaceVerdict>>, RegistryError> {
        if !is_photo(photo) {
            return Ok(self.unasked(FaceVerdict::NotAPhoto));
        }
        let read = |heard: &Heard| {
            comparison(heard, |word| {
                Some(match word {
                    "match" => FaceVerdict::Match,
                    "no_match" => FaceVerdict::NoMatch,
                    "no_face" => FaceVerdict::NoFace,
                    "several_faces" => FaceVerdict::SeveralFaces,
                    "poor" => FaceVerdict::PoorPhoto,
                    "not_a_photo" => FaceVerdict::NotAPhoto,
                    "nothing_to_compare" => FaceVerdict::NothingToCompare,
                    _ => return None,
                })
            })
        };
        self.compare(("/face/compare/v1", "photo"), (pinfl, photo), asker, read).await
    }

    /// Compares a fingerprint, the reader's image or its template (ISO/IEC 19794-2), with the person's (R33, R49).
    ///
    /// # Errors
    /// [`RegistryError`].
    pub async fn fingerprint(
        &self,
        pinfl: &Pinfl,
        template: &[u8],
        asker: &Asker,
    ) -> Result<Answer<Comparison<FingerprintVerdict>>, RegistryError> {
        if !is_fingerprint(template) {
            return Ok(self.unasked(FingerprintVerdict::NotAFingerprint));
        }
        let read = |heard: &Heard| {
            comparison(heard, |word| {
                Some(match word {
                    "match" => FingerprintVerdict::Match,
                    "no_match" => FingerprintVerdict::NoMatch,
                    "poor" => FingerprintVerdict::Poor,
                    "not_a_fingerprint" => FingerprintVerdict::NotAFingerprint,
                    "nothing_to_compare" => FingerprintVerdict::NothingToCompare,
                    _ => return None,
                })
            })
        };
        self.compare(("/fingerprint/compare/v1", "fingerprint"), (pinfl, template), asker, read).await
    }

    fn unasked<V>(&self, verdict: V) -> Answer<Comparison<V>> {
        Answer {
            value: Comparison { verdict, score: None, reference: String::new() },
            register: RegisterName::Biometrics,
            as_of: self.0.clock.now(),
            kept: false,
        }
    }

    async fn compare<V>(
        &self,
        (path, name): (&'static str, &'static str),
        (pinfl, material): (&Pinfl, &[u8]),
        asker: &Asker,
        read: impl Fn(&Heard) -> Result<Comparison<V>, ErrorKind>,
    ) -> Result<Answer<Comparison<V>>, RegistryError> {
        let line = self.line(RegisterName::Biometrics)?;
        let body = json!({
            "pinfl": pinfl.digits(),
            name: STANDARD.encode(material),
            "sender_pinfl": self.sender(asker),
            "is_consent": asker.flag(),
            "purpose": asker.why().name(),
        });
        self.ask(line, asker, &[], line.post(path, body, Repeat::May), read).await
    }
}

/// Whether a file begins as a JPEG or PNG and is neither empty nor too large. What is on it, the Centre says.
pub fn is_photo(bytes: &[u8]) -> bool {
    let begins = bytes.starts_with(&[0xff, 0xd8, 0xff]) || bytes.starts_with(b"\x89PNG\r\n\x1a\n");
    begins && (128..=LARGEST_PHOTO).contains(&bytes.len())
}

/// Whether a file begins as what readers of fingerprints give: a template, or an image as PNG, BMP, WSQ or JPEG 2000.
pub fn is_fingerprint(bytes: &[u8]) -> bool {
    let beginnings: [&[u8]; 5] =
        [b"FMR\0", b"\x89PNG\r\n\x1a\n", b"BM", &[0xff, 0xa0, 0xff], b"\0\0\0\x0cjP  "];
    let begins = beginnings.iter().any(|beginning| bytes.starts_with(beginning));
    begins && (24..=LARGEST_FINGERPRINT).contains(&bytes.len())
}

const FORM: ErrorKind = ErrorKind::Contradiction(Contradiction::Form);

fn comparison<V>(heard: &Heard, verdict: impl Fn(&str) -> Option<V>) -> Result<Comparison<V>, ErrorKind> {
    if !heard.status.is_success() {
        return Err(ErrorKind::Refused);
    }
    let body: &Value = &heard.body;
    let word = wire::text(body, "result").ok_or(FORM)?;
    let score = wire::member(body, "score").and_then(Value::as_f64);
    Ok(Comparison {
        verdict: verdict(&word).ok_or(FORM)?,
        score: score.filter(|score| (0.0..=1.0).contains(score)).map(|score| (score * 1000.0).round() as u16),
        // Without it nobody could find the evidence again.
        reference: wire::text(body, "reference").filter(|reference| reference.len() <= 64).ok_or(FORM)?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use reqwest::StatusCode;

    #[test]
    fn r33_what_is_no_photo_or_fingerprint_is_known_without_asking() {
        let jpeg = |length: usize| [&[0xff, 0xd8, 0xff][..], &vec![0; length]].concat();
        assert!(is_photo(&jpeg(1000)) && !is_photo(&jpeg(10)) && !is_photo(&jpeg(LARGEST_PHOTO)));
        assert!(!is_photo(&[b"%PDF-1.7".to_vec(), vec![0; 500]].concat()) && !is_photo(b""));
        let template = [b"FMR\0 20\0".to_vec(), vec![0; 100]].concat();
        assert!(is_fingerprint(&template) && !is_fingerprint(&template[..10]) && !is_fingerprint(&jpeg(100)));
    }

    #[test]
    fn r49_a_comparison_without_reference_or_with_an_unknown_word_is_none() {
        let read = |status: u16, body: Value| {
            let heard = Heard { status: StatusCode::from_u16(status).unwrap(), body };
            comparison(&heard, |word| (word == "match").then_some(true))
        };
        let good = read(200, json!({"result": "match", "score": 0.9731, "reference": "BIO-1"})).unwrap();
        assert_eq!((good.verdict, good.score, good.reference.as_str()), (true, Some(973), "BIO-1"));
        let form = Err(ErrorKind::Contradiction(Contradiction::Form));
        assert_eq!(read(200, json!({"result": "match"})), form);
        assert_eq!(read(200, json!({"result": "perhaps", "reference": "BIO-1"})), form);
        assert_eq!(read(400, json!({"result": "match", "reference": "BIO-1"})), Err(ErrorKind::Refused));
    }
}
