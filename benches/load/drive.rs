//! A browser without scripts: it keeps cookies, follows redirects and fills in the pages of a sign-in, whatever
//! their order, until it is sent back to the service.

use std::rc::Rc;
use std::time::Duration;

use url::form_urlencoded;

use crate::cookies::Jar;
use crate::forms::{self, Form};
use crate::http::{Connection, Target};

/// Why a flow did not come to its end, in words.
pub(crate) type Failure = String;

/// Pages and redirects after which a sign-in is taken to go in circles.
const MOST_STEPS: usize = 16;

/// Where a person's code comes from.
pub(crate) enum Codes {
    /// The same for everybody.
    Constant(String),
    /// Read off the sandbox's phone; the newest text that was used already is not used again.
    Sandbox { phone: Connection, host: String, used: String },
}

/// One browser with one connection.
pub(crate) struct Browser {
    pub connection: Connection,
    pub jar: Jar,
    target: Rc<Target>,
    outbox: Vec<u8>,
}

impl Browser {
    pub(crate) fn new(target: Rc<Target>) -> Self {
        let connection = Connection::new(target.address);
        Self { connection, jar: Jar::default(), target, outbox: Vec::with_capacity(4096) }
    }

    /// Asks for a page, with cookies.
    pub(crate) async fn get(&mut self, path: &str) -> Result<(), Failure> {
        self.begin("GET", path);
        self.jar.write(&mut self.outbox);
        self.outbox.extend_from_slice(b"Accept: text/html\r\n\r\n");
        self.send().await
    }

    /// Sends a form, with cookies, as a browser does from a page of the same site.
    pub(crate) async fn post(&mut self, path: &str, fields: &[(String, String)]) -> Result<(), Failure> {
        let body = form_urlencoded::Serializer::new(String::new()).extend_pairs(fields).finish();
        self.begin("POST", path);
        self.jar.write(&mut self.outbox);
        let headers = format!(
            "Origin: {}\r\nSec-Fetch-Site: same-origin\r\nAccept: text/html\r\n\
             Content-Type: application/x-www-form-urlencoded\r\nContent-Length: {}\r\n\r\n{body}",
            self.target.origin,
            body.len()
        );
        self.outbox.extend_from_slice(headers.as_bytes());
        self.send().await
    }

    /// Walks from an authorization request to the redirect back, and returns the code.
    pub(crate) async fn authorize(
        &mut self,
        start: &str,
        redirect_uri: &str,
        number: &str,
        codes: &mut Codes,
    ) -> Result<String, Failure> {
        let mut place = start.to_owned();
        self.get(start).await?;
        for _ in 0..MOST_STEPS {
            match self.connection.status() {
                200 => {
                    let (action, fields) = self.fill_in(number, codes).await?;
                    let path = self.resolve(&place, &action);
                    self.post(&path, &fields).await?;
                    place = path;
                }
                302 | 303 => {
                    let location = self.connection.header("location").unwrap_or_default().to_owned();
                    if let Some(answer) = location.strip_prefix(redirect_uri) {
                        return code_in(answer);
                    }
                    place = self.resolve(&place, &location);
                    let path = place.clone();
                    self.get(&path).await?;
                }
                _ => return Err(self.unexpected(&place)),
            }
        }
        Err(format!("the sign-in goes in circles at {place}"))
    }

    /// Opens a page and returns its form that holds the element `id`, with where it goes.
    pub(crate) async fn open(&mut self, path: &str, id: &str) -> Result<Form, Failure> {
        self.get(path).await?;
        let mut place = path.to_owned();
        while matches!(self.connection.status(), 302 | 303) {
            place = self.location(&place);
            let next = place.clone();
            self.get(&next).await?;
        }
        self.expect(200, &place)?;
        let page = std::str::from_utf8(self.connection.body()).map_err(|_| "a page is not UTF-8")?;
        let mut form = forms::with_element(page, id).ok_or_else(|| format!("{place} has no {id}"))?;
        form.action = self.resolve(&place, &form.action);
        Ok(form)
    }

    /// Sends a form with a field filled in, and returns where its answer leads.
    pub(crate) async fn enter(
        &mut self,
        mut form: Form,
        field: &str,
        value: &str,
    ) -> Result<String, Failure> {
        form.set(field, value);
        self.post(&form.action, &form.fields).await?;
        self.expect(303, &form.action)?;
        Ok(self.location(&form.action))
    }

    fn location(&self, place: &str) -> String {
        self.resolve(place, self.connection.header("location").unwrap_or_default())
    }

    /// What the page at hand asks for.
    async fn fill_in(
        &mut self,
        number: &str,
        codes: &mut Codes,
    ) -> Result<(String, Vec<(String, String)>), Failure> {
        let page = std::str::from_utf8(self.connection.body()).map_err(|_| "a page is not UTF-8")?;
        let on_page = |id| page.contains(id).then(|| forms::with_element(page, id)).flatten();
        if let Some(mut form) = on_page("code") {
            form.set("code", &codes.next(number).await?);
            return Ok((form.action, form.fields));
        }
        if let Some(mut form) = on_page("phone") {
            form.set("phone", number);
            return Ok((form.action, form.fields));
        }
        match on_page("allow").or_else(|| on_page("continue")) {
            Some(form) => Ok((form.action, form.fields)),
            None => Err(format!("a page without a known form: {}", start_of(page))),
        }
    }

    /// Sends a request prepared before.
    pub(crate) async fn send_bytes(&mut self, request: &[u8]) -> Result<(), Failure> {
        self.connection.exchange(request).await.map_err(|error| error.to_string())
    }

    /// Fails unless the answer has this status.
    pub(crate) fn expect(&self, status: u16, place: &str) -> Result<(), Failure> {
        if self.connection.status() == status { Ok(()) } else { Err(self.unexpected(place)) }
    }

    fn unexpected(&self, place: &str) -> Failure {
        let body = String::from_utf8_lossy(self.connection.body());
        // Queries hold codes and challenges, and say nothing about the failure.
        let path = place.split('?').next().unwrap_or(place);
        format!("{path} answered {}: {}", self.connection.status(), start_of(&body))
    }

    fn begin(&mut self, method: &str, path: &str) {
        self.outbox.clear();
        for part in [method, " ", path, " HTTP/1.1\r\nHost: ", &self.target.host, "\r\n"] {
            self.outbox.extend_from_slice(part.as_bytes());
        }
    }

    async fn send(&mut self) -> Result<(), Failure> {
        self.connection.exchange(&self.outbox).await.map_err(|error| error.to_string())?;
        for set in self.connection.headers("set-cookie") {
            self.jar.absorb(set);
        }
        Ok(())
    }

    /// The path and query of a reference found at `place`.
    fn resolve(&self, place: &str, reference: &str) -> String {
        if reference.is_empty() {
            return place.to_owned();
        }
        if reference.starts_with('/') && !reference.starts_with("//") {
            return reference.to_owned();
        }
        let found = self.target.base.join(place).and_then(|base| base.join(reference));
        found.map_or_else(|_| place.to_owned(), |url| path_and_query(&url))
    }
}

impl Codes {
    async fn next(&mut self, number: &str) -> Result<String, Failure> {
        match self {
            Self::Constant(code) => Ok(code.clone()),
            Self::Sandbox { phone, host, used } => {
                let request = format!("GET /messages?to={number} HTTP/1.1\r\nHost: {host}\r\n\r\n");
                for _ in 0..500 {
                    phone.exchange(request.as_bytes()).await.map_err(|error| error.to_string())?;
                    let messages: Vec<Message> = serde_json::from_slice(phone.body()).unwrap_or_default();
                    let newest = messages.into_iter().next_back().map(|message| message.text);
                    if let Some(text) = newest.filter(|text| text != used)
                        && let Some(code) = domain_bound_code(&text)
                    {
                        *used = text;
                        return Ok(code);
                    }
                    tokio::time::sleep(Duration::from_millis(10)).await;
                }
                Err("no message came within five seconds".to_owned())
            }
        }
    }
}

#[derive(serde::Deserialize)]
struct Message {
    text: String,
}

/// The code of the last line, `@host #123456`.
fn domain_bound_code(text: &str) -> Option<String> {
    let code = text.rsplit_once('#')?.1.trim();
    (code.len() == 6 && code.bytes().all(|byte| byte.is_ascii_digit())).then(|| code.to_owned())
}

fn code_in(answer: &str) -> Result<String, Failure> {
    let query = answer.trim_start_matches('?').as_bytes();
    let mut error = None;
    for (name, value) in form_urlencoded::parse(query) {
        match name.as_ref() {
            "code" => return Ok(value.into_owned()),
            "error" | "error_description" => {
                error = Some(format!("{}{value} ", error.unwrap_or_default()));
            }
            _ => {}
        }
    }
    Err(format!("sent back without a code: {}", error.unwrap_or_default().trim()))
}

/// The part of a URL that goes into a request line.
pub(crate) fn path_and_query(url: &url::Url) -> String {
    url.query().map_or_else(|| url.path().to_owned(), |query| format!("{}?{query}", url.path()))
}

/// Enough of an answer to recognise it, without its tags and on one line.
fn start_of(text: &str) -> String {
    let main = text.find("<main").map_or(text, |at| &text[at..]);
    let mut plain = String::new();
    let mut inside = false;
    for letter in main.chars() {
        match letter {
            '<' => inside = true,
            '>' => inside = false,
            _ if inside => {}
            letter if letter.is_whitespace() => {
                if !plain.ends_with(' ') {
                    plain.push(' ');
                }
            }
            letter => plain.push(letter),
        }
        if plain.len() > 160 {
            break;
        }
    }
    plain.trim().to_owned()
}
