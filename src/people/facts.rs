//! What registers know of a person beside who they are (679 A3): place of birth, taxpayer number, job, photo.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Serialize};

/// Where somebody was born.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BirthPlace {
    /// Country, ISO 3166-1 alpha-2.
    pub country: String,
    /// Region, if known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub region: Option<String>,
    /// District or town, if known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub locality: Option<String>,
}

/// A taxpayer number (STIR): nine digits. `Debug` shows the last two.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Tin(String);

/// The text is no taxpayer number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a taxpayer number has nine digits")]
pub struct NotATin;

impl Tin {
    /// Its digits.
    pub fn digits(&self) -> &str {
        &self.0
    }
}

impl TryFrom<String> for Tin {
    type Error = NotATin;

    fn try_from(text: String) -> Result<Self, NotATin> {
        let fits = text.len() == 9 && text.bytes().all(|b| b.is_ascii_digit()) && !text.starts_with('0');
        if fits { Ok(Self(text)) } else { Err(NotATin) }
    }
}

impl From<Tin> for String {
    fn from(tin: Tin) -> Self {
        tin.0
    }
}

impl fmt::Debug for Tin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Tin(•••••••{})", &self.0[7..])
    }
}

/// A present job.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Employment {
    /// Who employs the person.
    pub employer: String,
    /// The employer's taxpayer number.
    pub employer_tin: Tin,
    /// As what.
    pub position: String,
}

/// A photo of the face: a small JPEG. Text form is Base64.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Photo(Vec<u8>);

/// The longest photo, in bytes.
const LONGEST_PHOTO: usize = 16 * 1024;

/// Why something is no photo.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NotAPhoto {
    /// Not Base64.
    #[error("a photo is written in Base64")]
    Encoding,
    /// No JPEG from its first to its last bytes.
    #[error("a photo is a JPEG")]
    Kind,
    /// Too large.
    #[error("a photo has at most 16 KiB")]
    Size,
}

impl Photo {
    /// What kind of file it is.
    pub const MEDIA_TYPE: &str = "image/jpeg";

    /// Takes the bytes of a file.
    ///
    /// # Errors
    /// [`NotAPhoto`] when they are no small JPEG.
    pub fn of(bytes: Vec<u8>) -> Result<Self, NotAPhoto> {
        if bytes.len() > LONGEST_PHOTO {
            return Err(NotAPhoto::Size);
        }
        if !bytes.starts_with(&[0xff, 0xd8, 0xff]) || !bytes.ends_with(&[0xff, 0xd9]) {
            return Err(NotAPhoto::Kind);
        }
        Ok(Self(bytes))
    }

    /// The bytes of the file.
    pub fn bytes(&self) -> &[u8] {
        &self.0
    }

    /// The file in Base64 (RFC 4648 §4).
    pub fn base64(&self) -> String {
        STANDARD.encode(&self.0)
    }
}

impl TryFrom<String> for Photo {
    type Error = NotAPhoto;

    fn try_from(text: String) -> Result<Self, NotAPhoto> {
        if text.len() > LONGEST_PHOTO * 2 {
            return Err(NotAPhoto::Size);
        }
        let text: String = text.split_ascii_whitespace().collect();
        Self::of(STANDARD.decode(text).map_err(|_| NotAPhoto::Encoding)?)
    }
}

impl From<Photo> for String {
    fn from(photo: Photo) -> Self {
        photo.base64()
    }
}

impl fmt::Debug for Photo {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Photo({} bytes)", self.0.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_taxpayer_number_has_nine_digits_and_is_not_shown() {
        let tin = Tin::try_from("512345678".to_owned()).unwrap();
        assert_eq!((tin.digits(), format!("{tin:?}")), ("512345678", "Tin(•••••••78)".to_owned()));
        for bad in ["", "51234567", "5123456789", "51234567x", "012345678", "٥١٢٣٤٥٦٧٨"] {
            assert_eq!(Tin::try_from(bad.to_owned()), Err(NotATin), "{bad}");
        }
    }

    #[test]
    fn a_photo_is_a_small_jpeg_and_nothing_else() {
        let jpeg = |length: usize| [&[0xff, 0xd8, 0xff][..], &vec![0; length], &[0xff, 0xd9]].concat();
        let photo = Photo::of(jpeg(10)).unwrap();
        assert_eq!(Photo::try_from(photo.base64()).unwrap(), photo);
        assert_eq!(format!("{photo:?}"), "Photo(15 bytes)");
        assert!(Photo::of(jpeg(LONGEST_PHOTO - 5)).is_ok());
        assert_eq!(Photo::of(jpeg(LONGEST_PHOTO - 4)), Err(NotAPhoto::Size));
        assert_eq!(Photo::of(b"\x89PNG\r\n".to_vec()), Err(NotAPhoto::Kind));
        assert_eq!(Photo::of(jpeg(10)[..12].to_vec()), Err(NotAPhoto::Kind), "cut off");
        assert_eq!(Photo::try_from("%".to_owned()), Err(NotAPhoto::Encoding));
        assert_eq!(Photo::try_from("A".repeat(40_000)), Err(NotAPhoto::Size));
    }
}
