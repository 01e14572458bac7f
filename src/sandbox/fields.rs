//! The fields of a request body: a form, a multipart form
//! or JSON. Real gateways accept all three, and their clients use all three.

use std::convert::Infallible;

use actix_web::HttpRequest;
use actix_web::http::header;
use actix_web::web::Bytes;
use futures_util::stream;
use multer::Multipart;
use serde_json::Value;

/// Fields in order; of a repeated name the last one counts.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Fields(Vec<(String, String)>);

impl Fields {
    /// Parses `body` by the request's content type; the default is a form.
    ///
    /// # Errors
    /// A message why the body cannot be parsed.
    pub(super) async fn read(request: &HttpRequest, body: Bytes) -> Result<Self, String> {
        let kind = request.headers().get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
        let kind = kind.unwrap_or("application/x-www-form-urlencoded");
        match kind.split(';').next().unwrap_or_default().trim().to_ascii_lowercase().as_str() {
            "application/json" => Self::json(&body),
            "multipart/form-data" => Self::multipart(kind, body).await,
            "application/x-www-form-urlencoded" => {
                Ok(Self(url::form_urlencoded::parse(&body).into_owned().collect()))
            }
            _ => Err("send a form, a multipart form or JSON".to_owned()),
        }
    }

    /// The parameters of a query.
    pub(super) fn of_query(query: &str) -> Self {
        Self(url::form_urlencoded::parse(query.as_bytes()).into_owned().collect())
    }

    /// The value of `name`, trimmed; `None` if absent or empty.
    pub(super) fn get(&self, name: &str) -> Option<&str> {
        let value = self.0.iter().rev().find(|(known, _)| known == name)?.1.trim();
        (!value.is_empty()).then_some(value)
    }

    /// All fields, in their order.
    pub(super) fn all(&self) -> &[(String, String)] {
        &self.0
    }

    fn json(body: &[u8]) -> Result<Self, String> {
        let value: Value = serde_json::from_slice(body).map_err(|_| "this is not JSON".to_owned())?;
        if !value.is_object() {
            return Err("expected a JSON object".to_owned());
        }
        let mut fields = Vec::new();
        flatten("", &value, &mut fields);
        Ok(Self(fields))
    }

    /// RFC 7578; every part is text, and parts without a name are ignored.
    async fn multipart(kind: &str, body: Bytes) -> Result<Self, String> {
        let broken = |error: multer::Error| format!("the multipart form cannot be read: {error}");
        let boundary = multer::parse_boundary(kind).map_err(broken)?;
        let mut form = Multipart::new(stream::iter([Ok::<_, Infallible>(body)]), boundary);
        let mut fields = Vec::new();
        while let Some(part) = form.next_field().await.map_err(broken)? {
            let name = part.name().map(str::to_owned);
            let value = part.text().await.map_err(broken)?;
            fields.extend(name.map(|name| (name, value)));
        }
        Ok(Self(fields))
    }
}

/// Nested members get names such as `eskiz.fail`; lists and nulls are ignored.
fn flatten(prefix: &str, value: &Value, fields: &mut Vec<(String, String)>) {
    let text = match value {
        Value::Object(members) => {
            for (name, member) in members {
                let name = if prefix.is_empty() { name.clone() } else { format!("{prefix}.{name}") };
                flatten(&name, member, fields);
            }
            return;
        }
        Value::String(text) => text.clone(),
        Value::Bool(truth) => truth.to_string(),
        Value::Number(number) => number.to_string(),
        Value::Null | Value::Array(_) => return,
    };
    fields.push((prefix.to_owned(), text));
}

#[cfg(test)]
mod tests {
    use super::*;
    use actix_web::test::TestRequest;

    async fn read(kind: &str, body: &str) -> Result<Fields, String> {
        let request = TestRequest::post().insert_header((header::CONTENT_TYPE, kind)).to_http_request();
        Fields::read(&request, Bytes::copy_from_slice(body.as_bytes())).await
    }

    #[tokio::test]
    async fn the_same_fields_are_read_from_a_form_a_multipart_form_and_json() {
        let form = read("application/x-www-form-urlencoded; charset=UTF-8", "to=998&text=Sal%D0%BEm+1").await;
        let json = read("application/json", r#"{"to":998,"text":"Salоm 1"}"#).await;
        let multipart = read(
            "multipart/form-data; boundary=\"x-1\"",
            "--x-1\r\nContent-Disposition: form-data; name=\"to\"\r\n\r\n998\r\n\
             --x-1\r\ncontent-disposition: form-data; name=text\r\nContent-Type: text/plain\r\n\r\n\
             Salоm 1\r\n--x-1--\r\n",
        )
        .await;
        for fields in [form, json, multipart] {
            let fields = fields.unwrap();
            assert_eq!((fields.get("to"), fields.get("text")), (Some("998"), Some("Salоm 1")));
            assert_eq!(fields.get("from"), None);
        }
    }

    #[tokio::test]
    async fn line_breaks_inside_a_multipart_value_are_kept() {
        let body = "--b\r\nContent-Disposition: form-data; name=\"m\"\r\n\r\nKod\n\r\n@h #1\r\n--b--";
        assert_eq!(
            read("multipart/form-data; boundary=b", body).await.unwrap().get("m"),
            Some("Kod\n\r\n@h #1")
        );
    }

    #[tokio::test]
    async fn nested_json_gets_dotted_names_and_the_later_field_of_a_name_counts() {
        let fields =
            read("application/json", r#"{"eskiz":{"fail":true},"list":[1],"none":null}"#).await.unwrap();
        assert_eq!(fields.all(), [("eskiz.fail".to_owned(), "true".to_owned())]);
        let form = read("application/x-www-form-urlencoded", "fail=0&fail=1").await.unwrap();
        assert_eq!(form.get("fail"), Some("1"));
    }

    #[tokio::test]
    async fn what_cannot_be_read_is_refused() {
        assert!(read("text/xml", "<a/>").await.is_err());
        assert!(read("application/json", "[1]").await.is_err());
        assert!(read("application/json", "{").await.is_err());
        assert!(read("multipart/form-data", "--b--").await.is_err());
        for cut in
            ["--b\r\nbroken", "--b\r\nContent-Disposition: form-data; name=\"m\"\r\n\r\nwithout an end", ""]
        {
            assert!(read("multipart/form-data; boundary=b", cut).await.is_err(), "{cut}");
        }
    }
}

#[cfg(test)]
mod properties {
    use super::*;
    use futures_util::FutureExt as _;
    use proptest::prelude::*;

    /// The whole body is there, so nothing has to be waited for.
    fn multipart(kind: &str, body: &[u8]) -> Result<Fields, String> {
        let body = Bytes::copy_from_slice(body);
        Fields::multipart(kind, body).now_or_never().expect("an answer at once")
    }

    const KIND: &str = "multipart/form-data; boundary=\"----b0undary\"";

    proptest! {
        #[test]
        fn no_body_is_too_odd_to_be_refused(
            body in prop::collection::vec(any::<u8>(), 0..500),
            kind in "multipart/form-data(; ?boundary=?[ -~]{0,12})?",
            pieces in prop::collection::vec(prop::sample::select(&["--", "----b0undary", "\r\n", ":", "name=\"", "\"", "a"][..]), 0..30),
        ) {
            let _ = multipart(&kind, &body);
            let _ = multipart(KIND, pieces.concat().as_bytes());
            let _ = Fields::json(&body);
        }

        #[test]
        fn a_multipart_form_is_read_as_it_was_written(
            // A byte order mark at the beginning is not part of a text.
            fields in prop::collection::vec(("[a-z_.]{1,12}", "[^\u{FEFF}]{0,60}"), 0..8),
        ) {
            let mut body = String::new();
            for (name, value) in &fields {
                body += &format!("------b0undary\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n{value}\r\n");
            }
            body += "------b0undary--\r\n";
            prop_assert_eq!(multipart(KIND, body.as_bytes()), Ok(Fields(fields)));
        }
    }
}
