//! Verbs: what a service and a person do on the way from a link to tokens.

use reqwest::header::HeaderMap;
use reqwest::{Method, Response};
use serde_json::Value;
use url::Url;

use super::client_file::{BODY, NATIVE, TV, secret};
use super::html::TICKED;
use super::{Browser, Page, Person, Step, World};
use aws_lc_rs::digest::{SHA256, digest};

pub(crate) use super::client_file::CALLBACK;

/// The PKCE verifier of every request here.
pub(crate) const VERIFIER: &str = "verifier-verifier-verifier-verifier-verifier";

/// The challenge to a verifier.
pub(crate) fn challenge(verifier: &str) -> String {
    super::jwt::encode(digest(&SHA256, verifier.as_bytes()).as_ref())
}

/// An authorization request.
#[derive(Clone)]
pub(crate) struct Asked {
    /// Who asks.
    pub client_id: String,
    params: Vec<(String, String)>,
}

impl Asked {
    /// What most services ask: a code, with PKCE, `state` and `nonce`.
    pub(crate) fn by(client_id: &str) -> Self {
        let bare = Self { client_id: client_id.to_owned(), params: Vec::new() };
        [
            ("response_type", "code"),
            ("client_id", client_id),
            ("redirect_uri", CALLBACK),
            ("scope", "openid profile phone"),
            ("state", "state-state-state"),
            ("nonce", "nonce-nonce-nonce"),
            ("code_challenge", &challenge(VERIFIER)),
            ("code_challenge_method", "S256"),
        ]
        .into_iter()
        .fold(bare, |asked, (name, value)| asked.and(name, value))
    }

    /// What a service sends that has pushed its request.
    pub(crate) fn of_pushed(client_id: &str, request_uri: &str) -> Self {
        let bare = Self { client_id: client_id.to_owned(), params: Vec::new() };
        bare.and("client_id", client_id).and("request_uri", request_uri)
    }

    /// A request that is an object.
    pub(crate) fn of_object(client_id: &str, object: &str) -> Self {
        let bare = Self { client_id: client_id.to_owned(), params: Vec::new() };
        bare.and("client_id", client_id).and("request", object)
    }

    /// With a parameter more.
    pub(crate) fn and(mut self, name: &str, value: &str) -> Self {
        self.params.push((name.to_owned(), value.to_owned()));
        self
    }

    /// Without a parameter.
    pub(crate) fn without(mut self, name: &str) -> Self {
        self.params.retain(|(given, _)| given != name);
        self
    }

    /// With a parameter's value changed.
    pub(crate) fn with(self, name: &str, value: &str) -> Self {
        self.without(name).and(name, value)
    }

    /// As a link on a service's page.
    pub(crate) fn url(&self, world: &World) -> Url {
        let mut url = world.url("/oidc/authorize");
        url.query_pairs_mut().extend_pairs(&self.params);
        url
    }

    /// As a form's fields.
    pub(crate) fn fields(&self) -> &[(String, String)] {
        &self.params
    }
}

/// A parameter of the URL that a service gets back.
pub(crate) fn param(url: &Url, name: &str) -> Option<String> {
    url.query_pairs().find(|(given, _)| given == name).map(|(_, value)| value.into_owned())
}

/// The code in the URL that a service gets back.
pub(crate) fn code_of(url: &Url) -> String {
    param(url, "code").unwrap_or_else(|| panic!("no code in {url}"))
}

/// What the token endpoint answered.
#[derive(Debug)]
pub(crate) struct Tokens {
    pub status: u16,
    pub headers: HeaderMap,
    pub body: Value,
}

impl Tokens {
    /// Reads a JSON answer.
    pub(crate) async fn of(response: Response) -> Self {
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        let text = response.text().await.expect("a body");
        let body = if text.is_empty() { Value::Null } else { serde_json::from_str(&text).expect(&text) };
        Self { status, headers, body }
    }

    /// Fails unless tokens were given.
    pub(crate) fn granted(self) -> Self {
        assert_eq!(self.status, 200, "{}", self.body);
        self
    }

    /// Fails unless this error was given with its status.
    pub(crate) fn refused(&self, status: u16, error: &str) {
        assert_eq!((self.status, self.body["error"].as_str()), (status, Some(error)), "{}", self.body);
    }

    /// A member that must be there.
    pub(crate) fn get(&self, name: &str) -> &str {
        self.body[name].as_str().unwrap_or_else(|| panic!("no {name} in {}", self.body))
    }
}

/// A person at a browser.
impl Browser {
    /// Follows a service's link.
    pub(crate) async fn begin(&mut self, world: &World, asked: &Asked) -> Step {
        self.get(&asked.url(world)).await
    }

    /// Enters a number on its page.
    pub(crate) async fn enter_number(&mut self, page: &Page, number: &str) -> Step {
        self.press(page, "continue", &[("phone", number)]).await
    }

    /// Enters a code on its page.
    pub(crate) async fn enter_code(&mut self, page: &Page, code: &str) -> Step {
        self.press(page, "continue", &[("code", code)]).await
    }

    /// From the service's link to the page that wants the code.
    pub(crate) async fn begin_with_number(&mut self, world: &World, asked: &Asked, person: &Person) -> Page {
        let page = self.begin(world, asked).await.page().expect("phone");
        self.enter_number(&page, &person.number).await.page().expect("code")
    }

    /// Ticks everything on a consent page and allows it.
    pub(crate) async fn allow_everything(&mut self, page: &Page) -> Step {
        let controls = page.form("allow").controls;
        let boxes: Vec<String> = controls
            .into_iter()
            .filter(|control| control.kind == "checkbox")
            .map(|control| control.id)
            .collect();
        let ticked: Vec<(&str, &str)> = boxes.iter().map(|id| (id.as_str(), TICKED)).collect();
        self.press(page, "allow", &ticked).await
    }

    /// Signs in with whatever pages come, agreeing to everything, and gives the URL that the service gets back.
    pub(crate) async fn sign_in(&mut self, world: &World, asked: &Asked, person: &Person) -> Url {
        self.sign_in_at(world, &asked.url(world), person).await
    }

    /// As `sign_in`, from any link.
    pub(crate) async fn sign_in_at(&mut self, world: &World, link: &Url, person: &Person) -> Url {
        let mut step = self.get(link).await;
        for _ in 0..7 {
            let page = match step {
                Step::Away(url) => return url,
                Step::Page(page) => page,
            };
            step = if page.has("phone") {
                self.enter_number(&page, &person.number).await
            } else if page.has("code") {
                let code = world.sandbox.next_code(person).await;
                self.enter_code(&page, &code).await
            } else if page.has("allow") {
                self.allow_everything(&page).await
            } else if page.has("continue") && page.has("other") {
                self.press(&page, "continue", &[]).await
            } else {
                panic!("no way on: {page}");
            };
        }
        panic!("the sign-in does not end");
    }
}

/// A service's server.
impl World {
    /// Posts a form to an endpoint as `client_id`, with its way of proving itself.
    pub(crate) async fn post_as(&self, client_id: &str, path: &str, fields: &[(&str, &str)]) -> Tokens {
        self.post_at(self.nodes[0].port, client_id, path, fields).await
    }

    /// As `post_as`, to a certain node.
    pub(crate) async fn post_at(
        &self,
        port: u16,
        client_id: &str,
        path: &str,
        fields: &[(&str, &str)],
    ) -> Tokens {
        let secret = secret(client_id);
        match client_id {
            NATIVE | TV => {
                self.post_bare(port, path, &[fields, &[("client_id", client_id)]].concat(), None).await
            }
            BODY => {
                let proof = [("client_id", client_id), ("client_secret", &secret)];
                self.post_bare(port, path, &[fields, &proof].concat(), None).await
            }
            _ => self.post_bare(port, path, fields, Some((client_id, &secret))).await,
        }
    }

    /// Posts a form to an endpoint, with HTTP Basic if given.
    pub(crate) async fn post_bare(
        &self,
        port: u16,
        path: &str,
        fields: &[(&str, &str)],
        basic: Option<(&str, &str)>,
    ) -> Tokens {
        let mut request = self.browser().at(port).request(Method::POST, &self.url(path)).form(fields);
        if let Some((id, secret)) = basic {
            request = request.basic_auth(id, Some(secret));
        }
        Tokens::of(request.send().await.expect("an answer")).await
    }

    /// Pushes an authorization request.
    pub(crate) async fn push(&self, asked: &Asked) -> Tokens {
        let fields = asked.fields().iter().filter(|(name, _)| name != "client_id");
        let fields: Vec<(&str, &str)> = fields.map(|(name, value)| (name.as_str(), value.as_str())).collect();
        self.post_as(&asked.client_id, "/oidc/par", &fields).await
    }

    /// Pushes a request that must be taken, and gives what the browser then brings.
    pub(crate) async fn pushed(&self, asked: &Asked) -> Asked {
        let answer = self.push(asked).await;
        assert_eq!(answer.status, 201, "{}", answer.body);
        Asked::of_pushed(&asked.client_id, answer.get("request_uri"))
    }

    /// Redeems a code.
    pub(crate) async fn redeem(&self, client_id: &str, code: &str) -> Tokens {
        self.post_as(client_id, "/oidc/token", &redemption(code)).await
    }

    /// Refreshes.
    pub(crate) async fn refresh(&self, client_id: &str, refresh_token: &str) -> Tokens {
        let fields = [("grant_type", "refresh_token"), ("refresh_token", refresh_token)];
        self.post_as(client_id, "/oidc/token", &fields).await
    }

    /// Signs somebody in and redeems the code.
    pub(crate) async fn tokens(&self, asked: &Asked, person: &Person) -> Tokens {
        let url = self.browser().sign_in(self, asked, person).await;
        self.redeem(&asked.client_id, &code_of(&url)).await.granted()
    }

    /// Reads UserInfo.
    pub(crate) async fn userinfo(&self, access_token: &str) -> Tokens {
        let request =
            self.browser().request(Method::GET, &self.url("/oidc/userinfo")).bearer_auth(access_token);
        let response = request.send().await.expect("an answer");
        if response.status() == 200 {
            return Tokens::of(response).await;
        }
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        Tokens { status, headers, body: Value::Null }
    }

    /// Whether introspection calls a token active.
    pub(crate) async fn is_active(&self, client_id: &str, token: &str) -> bool {
        let answer = self.post_as(client_id, "/oidc/introspect", &[("token", token)]).await.granted();
        answer.body["active"].as_bool().expect("active")
    }
}

/// Messages.
impl World {
    /// Fails if a message that no test expects has arrived on one of these phones, or arrives before messages to
    /// somebody else do that every node is asked for afterwards.
    pub(crate) async fn nothing_more_came(&self, people: &[&Person]) {
        for node in &self.nodes {
            let control = self.person();
            self.browser().at(node.port).begin_with_number(self, &Asked::by(BODY), &control).await;
            self.sandbox.next_code(&control).await;
        }
        for person in people {
            self.sandbox.nothing_came(person).await;
        }
    }
}

/// What a client sends that proves itself by an assertion.
pub(crate) fn proving(assertion: &str) -> [(&str, &str); 2] {
    let kind = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";
    [("client_assertion_type", kind), ("client_assertion", assertion)]
}

/// What redeems a code that was asked for by `Asked::by`.
pub(crate) fn redemption(code: &str) -> [(&str, &str); 4] {
    [
        ("grant_type", "authorization_code"),
        ("code", code),
        ("redirect_uri", CALLBACK),
        ("code_verifier", VERIFIER),
    ]
}
