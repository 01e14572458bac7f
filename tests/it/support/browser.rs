//! A client that behaves as a browser does without scripts: cookies in a jar, forms as they stand on the page, redirects
//! followed as long as they stay with the provider.

use std::collections::BTreeMap;

use cookie_store::CookieStore;
use reqwest::header::{HeaderMap, LOCATION, SET_COOKIE};
use reqwest::{Method, RequestBuilder, Response};
use url::Url;

use super::html::{self, Form, Link};

/// More redirects than any flow has.
const MOST_REDIRECTS: usize = 10;

/// One person's browser.
#[derive(Clone)]
pub(crate) struct Browser {
    http: reqwest::Client,
    issuer: Url,
    port: u16,
    cookies: CookieStore,
    /// Sent as `Accept-Language`.
    pub languages: String,
    /// Sent as `X-Forwarded-For`, as by a proxy.
    address: Option<String>,
}

/// Where a request led.
#[derive(Debug)]
pub(crate) enum Step {
    /// To a page of the provider.
    Page(Page),
    /// To another site.
    Away(Url),
}

/// A page of the provider.
#[derive(Clone, Debug)]
pub(crate) struct Page {
    pub status: u16,
    pub headers: HeaderMap,
    pub url: Url,
    pub body: String,
}

impl Step {
    /// The page; panics when the browser was sent away.
    pub(crate) fn page(self) -> Page {
        match self {
            Self::Page(page) => page,
            Self::Away(url) => panic!("expected a page, was sent to {url}"),
        }
    }

    /// The other site's URL; panics when a page is shown.
    pub(crate) fn away(self) -> Url {
        match self {
            Self::Away(url) => url,
            Self::Page(page) => panic!("expected to be sent away, but {page}"),
        }
    }
}

impl std::fmt::Display for Page {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} answered {}:\n{}", self.url, self.status, self.body)
    }
}

impl Page {
    /// Whether an element has this id.
    pub(crate) fn has(&self, id: &str) -> bool {
        self.body.contains(&format!("id=\"{id}\""))
    }

    /// Fails unless an element has this id.
    pub(crate) fn expect(self, id: &str) -> Self {
        assert!(self.has(id), "no #{id}: {self}");
        self
    }

    /// Fails unless the status is this.
    pub(crate) fn expect_status(self, status: u16) -> Self {
        assert_eq!(self.status, status, "{self}");
        self
    }

    /// A header's value, or nothing.
    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
    }

    /// The form that holds the element with this id.
    pub(crate) fn form(&self, id: &str) -> Form {
        self.forms()
            .into_iter()
            .find(|form| form.controls.iter().any(|control| control.id == id))
            .unwrap_or_else(|| panic!("no form with #{id}: {self}"))
    }

    /// All forms.
    pub(crate) fn forms(&self) -> Vec<Form> {
        html::forms(&self.body)
    }

    /// All links.
    pub(crate) fn links(&self) -> Vec<Link> {
        html::links(&self.body)
    }

    /// Where the link with this id leads.
    pub(crate) fn link(&self, id: &str) -> Url {
        let link = self.links().into_iter().find(|link| link.id == id);
        self.url.join(&link.unwrap_or_else(|| panic!("no link #{id}: {self}")).href).expect("a URL")
    }

    /// An attribute of the one element that `selector` finds.
    pub(crate) fn attribute(&self, selector: &str, name: &str) -> String {
        html::attribute_of(&self.body, selector, name)
    }

    /// What a person reads in the element of that name.
    pub(crate) fn text_at(&self, id: &str) -> String {
        html::text_at(&self.body, id).unwrap_or_else(|| panic!("no {id}: {self}"))
    }

    /// What a person reads, roughly.
    pub(crate) fn text(&self) -> String {
        html::text(&self.body)
    }
}

impl Browser {
    /// A browser without cookies. Whatever it asks of `issuer` goes to `port` of this machine.
    pub(crate) fn new(issuer: &Url, port: u16) -> Self {
        let http = reqwest::Client::builder()
            .redirect(reqwest::redirect::Policy::none())
            .pool_max_idle_per_host(4)
            // Providers under test make their own certificates.
            .tls_danger_accept_invalid_certs(true)
            .build()
            .expect("an HTTP client");
        Self {
            http,
            issuer: issuer.clone(),
            port,
            cookies: CookieStore::default(),
            languages: "en".to_owned(),
            address: None,
        }
    }

    /// The same browser, its requests served by another node.
    pub(crate) fn at(&self, port: u16) -> Self {
        Self { port, ..self.clone() }
    }

    /// The same browser behind a proxy that forwards this address.
    pub(crate) fn from(self, address: &str) -> Self {
        Self { address: Some(address.to_owned()), ..self }
    }

    /// A request as the browser sends it, to be changed and sent by the caller.
    pub(crate) fn request(&self, method: Method, url: &Url) -> RequestBuilder {
        let mut direct = url.clone();
        direct
            .set_host(Some("127.0.0.1"))
            .and_then(|()| direct.set_port(Some(self.port)).map_err(|()| url::ParseError::InvalidPort))
            .expect("an address");
        let authority = &self.issuer[url::Position::BeforeHost..url::Position::AfterPort];
        let mut request = self
            .http
            .request(method, direct)
            .header("Host", authority)
            .header("Accept", "text/html,application/xhtml+xml,*/*;q=0.8")
            .header("Accept-Language", &self.languages);
        if let Some(address) = &self.address {
            request = request.header("X-Forwarded-For", address);
        }
        let pairs = self.cookies.get_request_values(url);
        let pairs: Vec<_> = pairs.map(|(name, value)| format!("{name}={value}")).collect();
        if !pairs.is_empty() {
            request = request.header("Cookie", pairs.join("; "));
        }
        request
    }

    /// The cookies that go to the provider, by name.
    pub(crate) fn cookies(&self) -> BTreeMap<String, String> {
        let pairs = self.cookies.get_request_values(&self.issuer);
        pairs.map(|(name, value)| (name.to_owned(), value.to_owned())).collect()
    }

    /// The value of a cookie that must be there.
    pub(crate) fn cookie(&self, name: &str) -> String {
        self.cookies().remove(name).unwrap_or_else(|| panic!("no cookie {name}: {:?}", self.cookies()))
    }

    /// Puts a cookie into the browser, as the provider or a neighbour of its host might.
    pub(crate) fn plant(&mut self, name: &str, value: &str) {
        self.keep(&format!("{name}={value}; Path=/; Secure"));
    }

    /// Forgets all cookies.
    pub(crate) fn forget_cookies(&mut self) {
        self.cookies.clear();
    }

    /// Opens a page.
    pub(crate) async fn get(&mut self, url: &Url) -> Step {
        let request = self.request(Method::GET, url);
        let answer = request.send().await.unwrap_or_else(|error| panic!("GET {url}: {error}"));
        self.follow(url.clone(), answer).await
    }

    /// Opens a path of the provider.
    pub(crate) async fn open(&mut self, path: &str) -> Step {
        let url = self.issuer.join(path).expect("a path");
        self.get(&url).await
    }

    /// Presses the button with `id` after filling in `typed`.
    pub(crate) async fn press(&mut self, page: &Page, id: &str, typed: &[(&str, &str)]) -> Step {
        let form = page.form(id);
        let url = page.url.join(&form.action).expect("a URL");
        self.post(&url, &form.fields(id, typed)).await
    }

    /// The origin of the provider's pages.
    pub(crate) fn origin(&self) -> String {
        self.issuer.origin().ascii_serialization()
    }

    /// As [`Browser::press`], of a form with files: their names and contents.
    pub(crate) async fn upload(
        &mut self,
        page: &Page,
        id: &str,
        typed: &[(&str, &str)],
        files: &[(&'static str, &[u8])],
    ) -> Step {
        let form = page.form(id);
        let url = page.url.join(&form.action).expect("a URL");
        let mut body = reqwest::multipart::Form::new();
        for (name, value) in form.fields(id, typed) {
            if !files.iter().any(|(file, _)| *file == name) {
                body = body.text(name, value);
            }
        }
        for (name, content) in files {
            let part = reqwest::multipart::Part::bytes(content.to_vec()).file_name("file");
            body = body.part(*name, part);
        }
        let request = self.request(Method::POST, &url);
        let request = request.header("Origin", "null").header("Sec-Fetch-Site", "same-origin");
        let answer =
            request.multipart(body).send().await.unwrap_or_else(|error| panic!("POST {url}: {error}"));
        self.follow(url, answer).await
    }

    /// Sends a form of the provider's own page.
    pub(crate) async fn post(&mut self, url: &Url, fields: &[(String, String)]) -> Step {
        let answer = self.send_form(url, fields).await;
        self.follow(url.clone(), answer).await
    }

    /// Sends a form and gives the bare answer. The headers are those of Chromium on pages with
    /// `Referrer-Policy: no-referrer`.
    pub(crate) async fn send_form(&self, url: &Url, fields: &[(String, String)]) -> Response {
        self.request(Method::POST, url)
            .header("Origin", "null")
            .header("Sec-Fetch-Site", "same-origin")
            .header("Sec-Fetch-Mode", "navigate")
            .form(fields)
            .send()
            .await
            .unwrap_or_else(|error| panic!("POST {url}: {error}"))
    }

    /// Follows an answer to where a browser would end.
    pub(crate) async fn follow(&mut self, mut url: Url, mut answer: Response) -> Step {
        for _ in 0..MOST_REDIRECTS {
            self.keep_cookies(answer.headers());
            let status = answer.status().as_u16();
            let location = answer.headers().get(LOCATION).and_then(|value| value.to_str().ok());
            let Some(location) = location.filter(|_| (300..400).contains(&status)) else {
                let headers = answer.headers().clone();
                let body = answer.text().await.expect("a body");
                return Step::Page(Page { status, headers, url, body });
            };
            // A 307 would send the form again, which no flow here wants.
            assert!(matches!(status, 302 | 303), "{url} redirects with {status}");
            let next = url.join(location).unwrap_or_else(|error| panic!("Location {location}: {error}"));
            if next.origin() != self.issuer.origin() {
                return Step::Away(next);
            }
            answer =
                self.request(Method::GET, &next).send().await.unwrap_or_else(|e| panic!("GET {next}: {e}"));
            url = next;
        }
        panic!("redirects without end, the last to {url}");
    }

    fn keep_cookies(&mut self, headers: &HeaderMap) {
        for header in headers.get_all(SET_COOKIE) {
            self.keep(header.to_str().expect("a cookie in ASCII"));
        }
    }

    /// Keeps a cookie as browsers do: over plain http on localhost secure ones as well, and with the prefix `__Host-`
    /// only those that are secure, for all paths and for this very host.
    fn keep(&mut self, text: &str) {
        let attributes: Vec<_> = text.split(';').map(str::trim).collect();
        if text.starts_with("__Host-") {
            let bound = attributes.contains(&"Secure")
                && attributes.contains(&"Path=/")
                && !attributes.iter().any(|attribute| attribute.starts_with("Domain"));
            assert!(bound, "no browser keeps {text}");
        }
        self.cookies.parse(text, &self.issuer).unwrap_or_else(|error| panic!("{text}: {error}"));
    }
}
