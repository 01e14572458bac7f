//! What may be an icon: a small raster image, known by its first bytes and not by what its server says. Nothing that can
//! hold a script (SVG) or refer to anything else.

use std::sync::Arc;

use actix_web::web::Bytes;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use moka::sync::Cache;

/// The largest width and height, in pixels.
const LARGEST: u32 = 1024;

/// Bodies kept in memory, in bytes.
const KEPT: u64 = 16 * 1024 * 1024;

/// Bodies of icons that were served of late.
pub(super) struct Served(pub(super) Cache<String, Arc<Icon>>);

impl Default for Served {
    fn default() -> Self {
        let weight = |_: &String, icon: &Arc<Icon>| u32::try_from(icon.body().len()).unwrap_or(u32::MAX);
        Self(Cache::builder().weigher(weight).max_capacity(KEPT).build())
    }
}

/// A raster image.
#[derive(Clone, Debug)]
pub struct Icon {
    media_type: &'static str,
    body: Bytes,
}

/// A file cannot be an icon.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum IconError {
    /// Not a raster image of a known format.
    #[error("it is not a PNG, JPEG, GIF or WebP image")]
    Format,
    /// Too large, or without size.
    #[error("it is {width} × {height} pixels; 1 to {LARGEST} each are allowed")]
    Size {
        /// Its width.
        width: u32,
        /// Its height.
        height: u32,
    },
    /// The `data:` URL cannot be read.
    #[error("it is not a base64 data: URL")]
    DataUrl,
}

/// The path under which the icon of that digest is served.
pub(super) fn path(digest: &str) -> String {
    format!("/icons/{digest}")
}

impl Icon {
    /// Reads a file. Only its head is looked at: browsers decode the rest in a sandbox of their own.
    ///
    /// # Errors
    /// [`IconError`].
    pub fn read(body: impl Into<Bytes>) -> Result<Self, IconError> {
        let body = body.into();
        let (media_type, size) = if body.starts_with(b"\x89PNG\r\n\x1a\n") {
            ("image/png", png(&body))
        } else if body.starts_with(b"GIF87a") || body.starts_with(b"GIF89a") {
            ("image/gif", gif(&body))
        } else if body.starts_with(b"\xff\xd8\xff") {
            ("image/jpeg", jpeg(&body))
        } else if body.starts_with(b"RIFF") && body.get(8..12) == Some(b"WEBP") {
            ("image/webp", webp(&body))
        } else {
            return Err(IconError::Format);
        };
        let (width, height) = size.ok_or(IconError::Format)?;
        if !(1..=LARGEST).contains(&width) || !(1..=LARGEST).contains(&height) {
            return Err(IconError::Size { width, height });
        }
        Ok(Self { media_type, body })
    }

    /// Reads a `data:` URL with a body in base64 (RFC 2397). What it says of its type is not believed.
    ///
    /// # Errors
    /// [`IconError`].
    pub fn from_data_url(url: &str) -> Result<Self, IconError> {
        let (kind, body) =
            url.strip_prefix("data:").and_then(|rest| rest.split_once(',')).ok_or(IconError::DataUrl)?;
        if !kind.ends_with(";base64") {
            return Err(IconError::DataUrl);
        }
        Self::read(STANDARD.decode(body).map_err(|_| IconError::DataUrl)?)
    }

    /// Its media type.
    pub fn media_type(&self) -> &'static str {
        self.media_type
    }

    /// Its bytes.
    pub fn body(&self) -> &Bytes {
        &self.body
    }
}

/// A big-endian number.
fn big(body: &[u8], at: usize, length: usize) -> Option<u32> {
    Some(body.get(at..at + length)?.iter().fold(0, |sum, byte| sum << 8 | u32::from(*byte)))
}

/// A little-endian number.
fn little(body: &[u8], at: usize, length: usize) -> Option<u32> {
    Some(body.get(at..at + length)?.iter().rev().fold(0, |sum, byte| sum << 8 | u32::from(*byte)))
}

/// PNG (ISO/IEC 15948): the first chunk is `IHDR`.
fn png(body: &[u8]) -> Option<(u32, u32)> {
    (body.get(12..16) == Some(b"IHDR")).then_some(())?;
    Some((big(body, 16, 4)?, big(body, 20, 4)?))
}

/// GIF89a: the logical screen.
fn gif(body: &[u8]) -> Option<(u32, u32)> {
    Some((little(body, 6, 2)?, little(body, 8, 2)?))
}

/// JPEG (ITU T.81): the first start-of-frame segment.
fn jpeg(body: &[u8]) -> Option<(u32, u32)> {
    let mut at = 2;
    loop {
        // Segments may be preceded by fill bytes.
        while body.get(at..at + 2)? == [0xff, 0xff] {
            at += 1;
        }
        let [0xff, marker] = *body.get(at..at + 2)? else { return None };
        match marker {
            0xc0..=0xc3 | 0xc5..=0xc7 | 0xc9..=0xcb | 0xcd..=0xcf => {
                return Some((big(body, at + 7, 2)?, big(body, at + 5, 2)?));
            }
            0xd8..=0xda => return None,
            _ => at += 2 + big(body, at + 2, 2)?.max(2) as usize,
        }
    }
}

/// WebP (RFC 9649): lossy, lossless or extended.
fn webp(body: &[u8]) -> Option<(u32, u32)> {
    match body.get(12..16)? {
        b"VP8 " => {
            (body.get(23..26)? == [0x9d, 0x01, 0x2a]).then_some(())?;
            Some((little(body, 26, 2)? & 0x3fff, little(body, 28, 2)? & 0x3fff))
        }
        b"VP8L" => {
            (*body.get(20)? == 0x2f).then_some(())?;
            let bits = little(body, 21, 4)?;
            Some(((bits & 0x3fff) + 1, (bits >> 14 & 0x3fff) + 1))
        }
        b"VP8X" => Some((little(body, 24, 3)? + 1, little(body, 27, 3)? + 1)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// 48 × 32 pixels in each format, as far as the head goes.
    fn heads() -> [(&'static str, Vec<u8>); 6] {
        let join = |parts: &[&[u8]]| parts.concat();
        let bits: u32 = 0x2f | 0x1f << 14;
        [
            ("image/png", join(&[b"\x89PNG\r\n\x1a\n\0\0\0\x0dIHDR\0\0\0\x30\0\0\0\x20", b"\x08\x06\0\0\0"])),
            ("image/gif", join(&[b"GIF89a\x30\0\x20\0", &[0; 8]])),
            (
                "image/jpeg",
                join(&[b"\xff\xd8\xff\xe0\0\x04ab\xff\xff\xc0\0\x11\x08\0\x20\0\x30\x03", &[0; 8]]),
            ),
            ("image/webp", join(&[b"RIFF\0\0\0\0WEBPVP8 \0\0\0\0\0\0\0\x9d\x01\x2a\x30\0\x20\0"])),
            ("image/webp", join(&[b"RIFF\0\0\0\0WEBPVP8L\0\0\0\0\x2f", &bits.to_le_bytes()])),
            ("image/webp", join(&[b"RIFF\0\0\0\0WEBPVP8X\0\0\0\0\0\0\0\0\x2f\0\0\x1f\0\0"])),
        ]
    }

    #[test]
    fn raster_images_are_known_by_their_first_bytes() {
        for (media_type, body) in heads() {
            assert_eq!(Icon::read(body).map(|icon| icon.media_type()), Ok(media_type));
        }
        assert_eq!(png(&heads()[0].1), Some((48, 32)));
        assert_eq!(gif(&heads()[1].1), Some((48, 32)));
        assert_eq!(jpeg(&heads()[2].1), Some((48, 32)));
        for (_, body) in &heads()[3..] {
            assert_eq!(webp(body), Some((48, 32)));
        }
    }

    #[test]
    fn whatever_else_is_served_as_an_image_is_none() {
        for body in [
            &b"<svg xmlns=\"http://www.w3.org/2000/svg\"><script>alert(1)</script></svg>"[..],
            b"<!doctype html><script>alert(1)</script>",
            b"\0\0\x01\0\x01\0\x10\x10",
            b"",
        ] {
            assert_eq!(Icon::read(body).err(), Some(IconError::Format));
        }
        // A head that ends too early.
        for (_, body) in heads() {
            assert_eq!(Icon::read(body[..9].to_vec()).err(), Some(IconError::Format), "{body:?}");
        }
    }

    #[test]
    fn an_image_has_a_size_and_not_a_large_one() {
        let mut huge = heads()[0].1.clone();
        huge[17] = 1;
        assert_eq!(Icon::read(huge).err(), Some(IconError::Size { width: 0x1_0030, height: 32 }));
        let mut none = heads()[1].1.clone();
        none[6] = 0;
        assert_eq!(Icon::read(none).err(), Some(IconError::Size { width: 0, height: 32 }));
    }

    #[test]
    fn a_data_url_is_read_and_its_type_is_not_believed() {
        let url = |kind: &str, body: &[u8]| format!("data:{kind},{}", STANDARD.encode(body));
        let gif = &heads()[1].1;
        let icon = Icon::from_data_url(&url("image/png;base64", gif)).unwrap();
        assert_eq!((icon.media_type(), &icon.body()[..]), ("image/gif", &gif[..]));
        assert_eq!(
            Icon::from_data_url(&url("image/svg+xml;base64", b"<svg/>")).err(),
            Some(IconError::Format)
        );
        assert_eq!(Icon::from_data_url("data:image/png,GIF89a").err(), Some(IconError::DataUrl));
    }
}

#[cfg(test)]
mod properties {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn no_file_is_too_odd_to_be_looked_at(at in 0..5_usize, rest in prop::collection::vec(any::<u8>(), 0..200)) {
            let heads: [&[u8]; 5] = [b"\x89PNG\r\n\x1a\n\0\0\0\x0dIHDR", b"GIF89a", b"\xff\xd8\xff", b"RIFF\0\0\0\0WEBPVP8X", b""];
            let _ = Icon::read([heads[at], &rest].concat());
        }
    }
}
