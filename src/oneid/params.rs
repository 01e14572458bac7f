//! Parameters, wherever a client puts them: clients of OneID send them in the query, in a form, in a multipart form, or in
//! some of these at once.

use std::convert::Infallible;

use actix_web::HttpRequest;
use actix_web::http::header::CONTENT_TYPE;
use actix_web::web::Bytes;
use futures_util::stream;
use multer::Multipart;
use url::form_urlencoded;

/// Maximum length of a query or a body, in bytes.
pub(super) const LONGEST: usize = 32 * 1024;

/// Maximum length of a value, in bytes.
const LONGEST_VALUE: usize = 8 * 1024;

/// Maximum length of `state` as it is echoed, in bytes: a longer one is refused, never cut.
const LONGEST_STATE: usize = 2048;

/// Maximum number of parameters of one request.
const MOST: usize = 64;

/// What is read; all else is ignored. `state` is apart.
const NAMES: [&str; 10] = [
    "response_type",
    "grant_type",
    "client_id",
    "client_secret",
    "redirect_uri",
    "scope",
    "code",
    "access_token",
    "sess_id",
    "auth_methods",
];

/// What a browser's request is made of.
const OF_BROWSERS: [&str; 5] = ["response_type", "client_id", "redirect_uri", "scope", "auth_methods"];

/// The union of all places. Empty values count as absent.
#[derive(Debug, Default)]
pub(super) struct Params {
    values: Vec<(&'static str, String)>,
    /// As it stands in a query: what came percent-encoded stays so, byte for byte.
    state: Option<String>,
    count: usize,
}

/// What is wrong with the parameters of a request, for its developers.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Malformed(pub String);

fn malformed<T>(why: &str) -> Result<T, Malformed> {
    Err(Malformed(why.to_owned()))
}

impl Params {
    /// Reads those of a request.
    ///
    /// # Errors
    /// [`Malformed`] if they are too long or too many, hold control characters or bytes that are not UTF-8, or say two
    /// different things by one name.
    pub(super) async fn read(request: &HttpRequest, body: Bytes) -> Result<Self, Malformed> {
        let kind = request.headers().get(CONTENT_TYPE).and_then(|kind| kind.to_str().ok());
        Self::of(request.query_string(), kind.unwrap_or_default(), body).await
    }

    /// As [`Params::read`], of a query and a body of the type `kind`.
    ///
    /// # Errors
    /// As [`Params::read`].
    pub(super) async fn of(query: &str, kind: &str, body: Bytes) -> Result<Self, Malformed> {
        let mut params = Self::default();
        params.form(query)?;
        if body.is_empty() {
            return Ok(params);
        }
        match kind.split(';').next().unwrap_or_default().trim().to_ascii_lowercase().as_str() {
            "application/x-www-form-urlencoded" => {
                let Ok(text) = std::str::from_utf8(&body) else { return malformed("the body is not UTF-8") };
                params.form(text)?;
            }
            "multipart/form-data" => params.multipart(kind, body).await?,
            _ => {
                return malformed(
                    "the body must be application/x-www-form-urlencoded or multipart/form-data",
                );
            }
        }
        Ok(params)
    }

    /// The value of `name`, if it was given and is not empty.
    pub(super) fn get(&self, name: &str) -> Option<&str> {
        self.values.iter().find(|(given, _)| *given == name).map(|(_, value)| value.as_str())
    }

    /// `state`, as it is to stand in the query of the answer.
    pub(super) fn state(&self) -> Option<&str> {
        self.state.as_deref()
    }

    /// The same request of a browser as a query, without what has no place there: a secret.
    pub(super) fn link(&self) -> String {
        let pairs = self.values.iter().filter(|(name, _)| OF_BROWSERS.contains(name));
        let mut link = form_urlencoded::Serializer::new(String::new()).extend_pairs(pairs).finish();
        if let Some(state) = &self.state {
            link.push_str(if link.is_empty() { "state=" } else { "&state=" });
            link.push_str(state);
        }
        link
    }

    /// The parameters of a query or a form. Values that a client forgot to encode are read as they stand.
    fn form(&mut self, text: &str) -> Result<(), Malformed> {
        if text.len() > LONGEST {
            return malformed("too long");
        }
        for pair in text.split('&').filter(|pair| !pair.is_empty()) {
            let raw = pair.split_once('=').map_or("", |(_, raw)| raw);
            let Some((name, value)) = form_urlencoded::parse(pair.as_bytes()).next() else { continue };
            if name == "state" {
                self.add_state(&in_query(raw.as_bytes(), true))?;
            } else {
                self.add(&name, &value)?;
            }
        }
        Ok(())
    }

    async fn multipart(&mut self, kind: &str, body: Bytes) -> Result<(), Malformed> {
        if body.len() > LONGEST {
            return malformed("too long");
        }
        let broken = |error: multer::Error| Malformed(format!("the multipart form cannot be read: {error}"));
        let boundary = multer::parse_boundary(kind).map_err(broken)?;
        let mut form = Multipart::new(stream::iter([Ok::<_, Infallible>(body)]), boundary);
        while let Some(part) = form.next_field().await.map_err(broken)? {
            let name = part.name().unwrap_or_default().to_owned();
            let value = part.bytes().await.map_err(broken)?;
            if name == "state" {
                self.add_state(&in_query(&value, false))?;
            } else {
                self.add(&name, &String::from_utf8_lossy(&value))?;
            }
        }
        Ok(())
    }

    fn add(&mut self, name: &str, value: &str) -> Result<(), Malformed> {
        self.one_more()?;
        let name = if name == "Scope" { "scope" } else { name };
        let Some(name) = NAMES.into_iter().find(|known| *known == name) else { return Ok(()) };
        if value.is_empty() {
            return Ok(());
        }
        if value.len() > LONGEST_VALUE {
            return Err(Malformed(format!("{name} is too long")));
        }
        if value.chars().any(|c| c.is_control() || c == char::REPLACEMENT_CHARACTER) {
            return Err(Malformed(format!("{name} holds control characters or is not UTF-8")));
        }
        match self.get(name) {
            None => self.values.push((name, value.to_owned())),
            Some(same) if same == value => {}
            Some(_) => return Err(Malformed(format!("{name} is given twice with different values"))),
        }
        Ok(())
    }

    fn add_state(&mut self, state: &str) -> Result<(), Malformed> {
        self.one_more()?;
        if state.len() > LONGEST_STATE {
            return malformed("state is too long");
        }
        if self.state.as_deref().is_some_and(|other| other != state) {
            return malformed("state is given twice with different values");
        }
        self.state = Some(state.to_owned());
        Ok(())
    }

    fn one_more(&mut self) -> Result<(), Malformed> {
        self.count += 1;
        if self.count > MOST { malformed("too many parameters") } else { Ok(()) }
    }
}

/// Bytes as they stand in a query. What is `encoded` already stays as it is: read as a form, the echo has the same bytes
/// whatever they are, and where the client encoded it the same text.
fn in_query(raw: &[u8], encoded: bool) -> String {
    let mut text = String::with_capacity(raw.len());
    for byte in raw {
        let stays = byte.is_ascii_alphanumeric()
            || b"-._~!$'()*,;:@/?=".contains(byte)
            || (encoded && b"%+".contains(byte));
        if stays {
            text.push(char::from(*byte));
        } else {
            text.push_str(&format!("%{byte:02X}"));
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    const FORM: &str = "application/x-www-form-urlencoded";

    async fn of(query: &str, kind: &str, body: &str) -> Result<Params, Malformed> {
        Params::of(query, kind, body.to_owned().into()).await
    }

    async fn wrong(query: &str, kind: &str, body: &str) -> String {
        of(query, kind, body).await.unwrap_err().0
    }

    #[actix_web::test]
    async fn parameters_are_the_union_of_all_places() {
        let params = of("grant_type=one_log_out&code=", FORM, "client_id=a&Scope=b&x=y").await.unwrap();
        let got = ["grant_type", "client_id", "scope", "code", "x"].map(|name| params.get(name));
        assert_eq!(got, [Some("one_log_out"), Some("a"), Some("b"), None, None]);
        let body = "--B\r\nContent-Disposition: form-data; name=\"code\"\r\n\r\nc=1&+\r\n\
                    --B\r\nContent-Disposition: form-data; name=\"client_id\"\r\n\r\na\r\n--B--\r\n";
        let params = of("client_id=a", "multipart/form-data; boundary=B", body).await.unwrap();
        assert_eq!((params.get("code"), params.get("client_id")), (Some("c=1&+"), Some("a")));
        assert!(of("client_id=a", "", "").await.is_ok(), "no body, no type");
    }

    #[actix_web::test]
    async fn a_redirect_uri_that_was_not_encoded_is_read_as_it_stands() {
        let params = of("redirect_uri=http://localhost:9/a?b=c&scope=d", "", "").await.unwrap();
        assert_eq!(params.get("redirect_uri"), Some("http://localhost:9/a?b=c"));
    }

    #[actix_web::test]
    async fn what_is_said_twice_must_be_the_same() {
        assert!(of("client_id=a&client_id=a", FORM, "client_id=a&scope=s&Scope=s").await.is_ok());
        assert_eq!(
            wrong("client_id=a", FORM, "client_id=b").await,
            "client_id is given twice with different values"
        );
        assert_eq!(wrong("scope=a&Scope=b", "", "").await, "scope is given twice with different values");
        assert_eq!(wrong("state=a", FORM, "state=b").await, "state is given twice with different values");
    }

    #[actix_web::test]
    async fn what_is_odd_is_refused() {
        assert_eq!(wrong("code=%00", "", "").await, "code holds control characters or is not UTF-8");
        assert_eq!(wrong("code=%FF", "", "").await, "code holds control characters or is not UTF-8");
        assert_eq!(wrong(&format!("code={}", "x".repeat(9000)), "", "").await, "code is too long");
        assert_eq!(wrong(&format!("state={}", "x".repeat(2049)), "", "").await, "state is too long");
        assert_eq!(wrong(&"x".repeat(33_000), "", "").await, "too long");
        assert_eq!(wrong(&"x=y&".repeat(65), "", "").await, "too many parameters");
        assert!(wrong("", "application/json", "{}").await.starts_with("the body must be"));
        assert!(wrong("", "multipart/form-data", "x").await.starts_with("the multipart form"));
        assert!(wrong("", "multipart/form-data; boundary=B", "x").await.starts_with("the multipart form"));
    }

    #[actix_web::test]
    async fn the_state_keeps_every_byte() {
        for raw in
            ["a+b%2Bc", "%7B%22method%22%3A%22IDPW%22%7D", "%FF%00", "a=b/c?d", "", "null", "100%", "eyJ+/=="]
        {
            let params = of(&format!("client_id=a&state={raw}"), "", "").await.unwrap();
            assert_eq!(params.state(), Some(raw));
        }
        let params = of("state=\u{45e}\"#{}|", "", "").await.unwrap();
        assert_eq!(params.state(), Some("%D1%9E%22%23%7B%7D%7C"));
        let body = "--B\r\nContent-Disposition: form-data; name=\"state\"\r\n\r\na+b%2B\r\n--B--\r\n";
        let params = of("", "multipart/form-data; boundary=B", body).await.unwrap();
        assert_eq!(params.state(), Some("a%2Bb%252B"));
        assert_eq!(of("a=b", "", "").await.unwrap().state(), None);
    }

    #[actix_web::test]
    async fn a_link_repeats_a_browsers_request_without_the_secret() {
        let query = "response_type=one_code&client_id=a&client_secret=s3cret&redirect_uri=https://a.uz/?b&state=a+%2B";
        let link = of(query, "", "").await.unwrap().link();
        assert_eq!(
            link,
            "response_type=one_code&client_id=a&redirect_uri=https%3A%2F%2Fa.uz%2F%3Fb&state=a+%2B"
        );
    }
}

#[cfg(test)]
mod properties {
    use super::*;
    use proptest::prelude::*;

    fn read(query: &str, kind: &str, body: Vec<u8>) -> Result<Params, Malformed> {
        futures_util::FutureExt::now_or_never(Params::of(query, kind, body.into()))
            .expect("nothing to wait for")
    }

    proptest! {
        #[test]
        fn whatever_is_sent_is_bounded_or_refused(
            query in "\\PC{0,200}", body in prop::collection::vec(any::<u8>(), 0..500), multipart in any::<bool>(),
        ) {
            let kind = if multipart { "multipart/form-data; boundary=B" } else { "application/x-www-form-urlencoded" };
            if let Ok(params) = read(&query, kind, body) {
                prop_assert!(params.values.len() <= NAMES.len());
                prop_assert!(params.link().bytes().all(|byte| byte.is_ascii_graphic()));
            }
        }

        #[test]
        fn the_state_that_a_client_encodes_comes_back_as_it_was(state in prop::collection::vec(any::<u8>(), 0..300)) {
            let encoded: String = form_urlencoded::byte_serialize(&state).collect();
            let params = read(&format!("state={encoded}"), "", Vec::new()).unwrap();
            prop_assert_eq!(params.state(), Some(encoded.as_str()));
        }
    }
}
