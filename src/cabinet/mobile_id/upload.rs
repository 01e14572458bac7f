//! A form with a photo: `multipart/form-data`, bounded.

use std::convert::Infallible;

use actix_web::HttpRequest;
use actix_web::http::header::CONTENT_TYPE;
use actix_web::web::Bytes;
use futures_util::stream;
use multer::Multipart;

use crate::platform::web::params::{Malformed, Params};

/// The longest body, in bytes: a photo, and a little.
pub(in crate::cabinet) const LONGEST: usize = 5 * 1024 * 1024;

/// The name of the field with the photo.
const PHOTO: &str = "photo";

/// A form, and the photo in it, if there is one.
pub(in crate::cabinet) struct Upload {
    pub(in crate::cabinet) fields: Params,
    pub(in crate::cabinet) photo: Option<Vec<u8>>,
}

impl AsRef<Params> for Upload {
    fn as_ref(&self) -> &Params {
        &self.fields
    }
}

impl Upload {
    /// Reads a body; a form without files is one, too.
    ///
    /// # Errors
    /// [`Malformed`].
    pub(in crate::cabinet) async fn read(request: &HttpRequest, body: Bytes) -> Result<Self, Malformed> {
        let kind =
            request.headers().get(CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or_default();
        let Ok(boundary) = multer::parse_boundary(kind) else {
            return Ok(Self { fields: Params::of_form(request, &body)?, photo: None });
        };
        let broken = |_| Malformed("the multipart form cannot be read");
        let mut form = Multipart::new(stream::iter([Ok::<_, Infallible>(body)]), boundary);
        let (mut pairs, mut photo) = (Vec::new(), None);
        while let Some(field) = form.next_field().await.map_err(broken)? {
            let name = field.name().unwrap_or_default().to_owned();
            let content = field.bytes().await.map_err(broken)?;
            if name == PHOTO {
                photo = Some(content.to_vec()).filter(|photo| !photo.is_empty());
                continue;
            }
            let value = String::from_utf8(content.to_vec()).map_err(|_| Malformed("a field is not UTF-8"))?;
            pairs.push((name, value));
        }
        Ok(Self { fields: Params::of_pairs(pairs)?, photo })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn read(kind: &str, body: &'static [u8]) -> Result<Upload, Malformed> {
        let request =
            actix_web::test::TestRequest::post().insert_header((CONTENT_TYPE, kind)).to_http_request();
        Upload::read(&request, Bytes::from_static(body)).await
    }

    #[actix_web::test]
    async fn a_photo_comes_with_its_form_or_the_form_alone() {
        let body = b"--b\r\nContent-Disposition: form-data; name=\"form\"\r\n\r\nt\r\n--b\r\n\
            Content-Disposition: form-data; name=\"photo\"; filename=\"a.jpg\"\r\n\r\n\xFF\xD8\xFF\r\n--b--\r\n";
        let upload = read("multipart/form-data; boundary=b", body).await.unwrap();
        assert_eq!(
            (upload.fields.get("form"), upload.photo.as_deref()),
            (Some("t"), Some(&b"\xFF\xD8\xFF"[..]))
        );
        let plain = read("application/x-www-form-urlencoded", b"form=t").await.unwrap();
        assert_eq!((plain.fields.get("form"), plain.photo), (Some("t"), None));
        assert!(read("multipart/form-data; boundary=b", b"--c--").await.is_err());
        assert!(read("text/plain", b"form=t").await.is_err());
    }
}
