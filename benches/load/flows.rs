//! What a virtual user can do: the requests of each flow, prepared as far as they do not change.

use std::rc::Rc;

use aws_lc_rs::digest::{SHA256, digest};
use base64::Engine as _;
use base64::prelude::{BASE64_STANDARD, BASE64_URL_SAFE_NO_PAD};
use serde::Deserialize;
use url::{Url, form_urlencoded};

use crate::drive::{Browser, Codes, Failure, path_and_query};
use crate::http::{Connection, Target};
use crate::people::{CIBA_GRANT, DEVICE_GRANT, REDIRECT_URI};
use crate::proofs::SIGNER;

/// One PKCE verifier for all: what the server does with it does not depend on its value.
const VERIFIER: &str = "load-verifier-load-verifier-load-verifier-load";

/// A provider's endpoints as paths on its origin.
pub(crate) struct World {
    pub target: Rc<Target>,
    pub jwks: String,
    pub userinfo: String,
    authorization: String,
    token: String,
    introspection: String,
    par: Option<String>,
    device: Option<String>,
    backchannel: Option<String>,
    issuer: String,
    token_url: String,
}

/// Where discovery is.
pub(crate) const DISCOVERY: &str = "/.well-known/openid-configuration";

#[derive(Deserialize)]
struct Metadata {
    jwks_uri: Url,
    authorization_endpoint: Url,
    token_endpoint: Url,
    userinfo_endpoint: Url,
    introspection_endpoint: Option<Url>,
    pushed_authorization_request_endpoint: Option<Url>,
    device_authorization_endpoint: Option<Url>,
    backchannel_authentication_endpoint: Option<Url>,
    issuer: String,
}

#[derive(Deserialize)]
struct Tokens {
    access_token: String,
    id_token: Option<String>,
    refresh_token: Option<String>,
}

impl World {
    /// Reads discovery.
    ///
    /// # Errors
    /// When it cannot be read.
    pub(crate) async fn discover(base: &str) -> Result<Self, Failure> {
        let target = Rc::new(Target::parse(base)?);
        let mut browser = Browser::new(target.clone());
        browser.get(DISCOVERY).await?;
        browser.expect(200, DISCOVERY)?;
        let metadata: Metadata = serde_json::from_slice(browser.connection.body())
            .map_err(|error| format!("discovery is not understood: {error}"))?;
        Ok(Self {
            target,
            jwks: path_and_query(&metadata.jwks_uri),
            userinfo: path_and_query(&metadata.userinfo_endpoint),
            authorization: path_and_query(&metadata.authorization_endpoint),
            token: path_and_query(&metadata.token_endpoint),
            par: metadata.pushed_authorization_request_endpoint.as_ref().map(path_and_query),
            device: metadata.device_authorization_endpoint.as_ref().map(path_and_query),
            backchannel: metadata.backchannel_authentication_endpoint.as_ref().map(path_and_query),
            token_url: metadata.token_endpoint.to_string(),
            issuer: metadata.issuer,
            introspection: metadata.introspection_endpoint.as_ref().map(path_and_query).unwrap_or_default(),
        })
    }

    /// An authorization request of a client, as path and query.
    pub(crate) fn authorization_request(&self, client_id: &str, scope: &str) -> String {
        let challenge = BASE64_URL_SAFE_NO_PAD.encode(digest(&SHA256, VERIFIER.as_bytes()));
        let query = form_urlencoded::Serializer::new(String::new())
            .extend_pairs([
                ("response_type", "code"),
                ("client_id", client_id),
                ("redirect_uri", REDIRECT_URI),
                ("scope", scope),
                ("state", "load-state-load-state-load-state"),
                ("nonce", "load-nonce-load-nonce-load-nonce"),
                ("code_challenge", &challenge),
                ("code_challenge_method", "S256"),
            ])
            .finish();
        format!("{}?{query}", self.authorization)
    }
}

/// One virtual user, with people, a client and a connection of its own.
pub(crate) struct User {
    world: Rc<World>,
    browser: Browser,
    numbers: Vec<String>,
    turn: usize,
    codes: Codes,
    basic: String,
    client_id: &'static str,
    authorize: String,
    prepared: Vec<u8>,
    refresh_token: String,
}

/// Who a user signs in as, and through which client.
pub(crate) struct Identity {
    /// The numbers of its people, at least one: nobody else signs in with them.
    pub numbers: Vec<String>,
    pub codes: Codes,
    pub client_id: &'static str,
    pub client_secret: String,
    pub scope: &'static str,
}

impl User {
    pub(crate) fn new(world: Rc<World>, identity: Identity) -> Self {
        let credentials = format!("{}:{}", identity.client_id, identity.client_secret);
        Self {
            browser: Browser::new(world.target.clone()),
            authorize: world.authorization_request(identity.client_id, identity.scope),
            basic: format!("Basic {}", BASE64_STANDARD.encode(credentials)),
            client_id: identity.client_id,
            world,
            numbers: identity.numbers,
            turn: 0,
            codes: identity.codes,
            prepared: Vec::new(),
            refresh_token: String::new(),
        }
    }

    /// Signs in with each of its people once: the first sign-in asks for consent, and from then on it is remembered.
    pub(crate) async fn sign_in_everybody(&mut self) -> Result<(), Failure> {
        for _ in 0..self.numbers.len() {
            self.sign_in().await?;
        }
        Ok(())
    }

    /// A whole sign-in of the next of its people, as of somebody who was not there before: pages, token request,
    /// UserInfo.
    pub(crate) async fn sign_in(&mut self) -> Result<(), Failure> {
        self.browser.jar.clear();
        self.turn = (self.turn + 1) % self.numbers.len();
        self.sign_in_again().await
    }

    /// The same with whatever session the browser has.
    pub(crate) async fn sign_in_again(&mut self) -> Result<(), Failure> {
        let tokens = self.redeemed().await?;
        let request = self.userinfo_request(&tokens.access_token);
        self.browser.send_bytes(&request).await?;
        self.browser.expect(200, "UserInfo")
    }

    /// Signs in to have a token for [`User::repeat`] at UserInfo.
    pub(crate) async fn prepare_userinfo(&mut self) -> Result<(), Failure> {
        let tokens = self.redeemed().await?;
        self.prepared = self.userinfo_request(&tokens.access_token);
        Ok(())
    }

    /// Signs in to have a refresh token for [`User::refresh`].
    pub(crate) async fn prepare_refresh(&mut self) -> Result<(), Failure> {
        let tokens = self.redeemed().await?;
        self.refresh_token = tokens.refresh_token.ok_or("no refresh token was issued")?;
        Ok(())
    }

    /// Gets a token for [`User::repeat`] at introspection.
    pub(crate) async fn prepare_introspection(&mut self) -> Result<(), Failure> {
        if self.world.introspection.is_empty() {
            return Err("discovery names no introspection endpoint".to_owned());
        }
        let tokens = self.redeemed().await?;
        self.prepared = self.form_request(&self.world.introspection, &[("token", &tokens.access_token)]);
        self.repeat("\"active\":true").await
    }

    /// Prepares the client credentials grant for [`User::repeat`].
    pub(crate) fn prepare_client_credentials(&mut self) {
        self.prepared = self.form_request(&self.world.token, &[("grant_type", "client_credentials")]);
    }

    /// Prepares a plain GET for [`User::repeat`].
    pub(crate) fn prepare_get(&mut self, path: &str) {
        self.prepared =
            format!("GET {path} HTTP/1.1\r\nHost: {}\r\n\r\n", self.world.target.host).into_bytes();
    }

    /// Prepares pushing the client's authorization request for [`User::repeat_for`].
    pub(crate) fn prepare_pushing(&mut self) -> Result<(), Failure> {
        let par = self.world.par.as_ref().ok_or("discovery names no endpoint for pushed requests")?;
        let (_, query) = self.authorize.split_once('?').unwrap_or_default();
        self.prepared = request(&self.world.target.host, par, &[("Authorization", &self.basic)], query);
        Ok(())
    }

    /// Gets a device code and prepares polling for it.
    pub(crate) async fn prepare_device(&mut self) -> Result<(), Failure> {
        #[derive(Deserialize)]
        struct Device {
            device_code: String,
        }
        let device = self.world.device.as_ref().ok_or("discovery names no endpoint for devices")?;
        let begin = self.form_request(device, &[("scope", "openid")]);
        self.browser.send_bytes(&begin).await?;
        self.browser.expect(200, device)?;
        let begun: Device =
            serde_json::from_slice(self.browser.connection.body()).map_err(|error| error.to_string())?;
        let form = [("grant_type", DEVICE_GRANT), ("device_code", begun.device_code.as_str())];
        self.prepared = self.form_request(&self.world.token, &form);
        Ok(())
    }

    /// Asks its first person by CIBA and prepares polling for the answer.
    pub(crate) async fn prepare_request(&mut self) -> Result<(), Failure> {
        #[derive(Deserialize)]
        struct Asked {
            auth_req_id: String,
        }
        let ask = self.world.backchannel.as_ref().ok_or("discovery names no backchannel endpoint")?;
        let begin = self.form_request(ask, &[("scope", "openid"), ("login_hint", self.numbers[0].as_str())]);
        self.browser.send_bytes(&begin).await?;
        self.browser.expect(200, ask)?;
        let asked: Asked =
            serde_json::from_slice(self.browser.connection.body()).map_err(|error| error.to_string())?;
        let form = [("grant_type", CIBA_GRANT), ("auth_req_id", asked.auth_req_id.as_str())];
        self.prepared = self.form_request(&self.world.token, &form);
        Ok(())
    }

    /// Polls; nobody has decided, and whoever polls does not keep the interval.
    pub(crate) async fn poll(&mut self) -> Result<(), Failure> {
        match self.repeat_for(400, "\"slow_down\"").await {
            Err(_) if self.browser.connection.status() == 400 => self.holds("\"authorization_pending\""),
            other => other,
        }
    }

    /// Gets a token by an assertion of its own.
    pub(crate) async fn token_by_assertion(&mut self) -> Result<(), Failure> {
        let assertion = SIGNER.assertion(self.client_id, &self.world.issuer);
        let form = form_urlencoded::Serializer::new(String::new())
            .extend_pairs([
                ("grant_type", "client_credentials"),
                ("client_assertion_type", "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"),
                ("client_assertion", &assertion),
            ])
            .finish();
        self.prepared = request(&self.world.target.host, &self.world.token, &[], &form);
        self.repeat("\"access_token\"").await
    }

    /// Gets a token that is bound to the key of a proof of its own.
    pub(crate) async fn token_with_proof(&mut self) -> Result<(), Failure> {
        let proof = SIGNER.proof(&self.world.token_url);
        let headers = [("Authorization", self.basic.as_str()), ("DPoP", proof.as_str())];
        let form = "grant_type=client_credentials";
        self.prepared = request(&self.world.target.host, &self.world.token, &headers, form);
        self.repeat("\"token_type\":\"DPoP\"").await
    }

    /// Sends the prepared request; its answer must be 200 and hold `sign`.
    pub(crate) async fn repeat(&mut self, sign: &str) -> Result<(), Failure> {
        self.repeat_for(200, sign).await
    }

    /// Sends the prepared request; its answer must have this status and hold `sign`.
    pub(crate) async fn repeat_for(&mut self, status: u16, sign: &str) -> Result<(), Failure> {
        self.browser.connection.exchange(&self.prepared).await.map_err(|error| error.to_string())?;
        self.browser.expect(status, "the prepared request")?;
        self.holds(sign)
    }

    fn holds(&self, sign: &str) -> Result<(), Failure> {
        match std::str::from_utf8(self.browser.connection.body()) {
            Ok(body) if body.contains(sign) => Ok(()),
            _ => Err(format!("the answer does not hold {sign}")),
        }
    }

    /// Refreshes, and keeps the refresh token that replaces the one used.
    pub(crate) async fn refresh(&mut self) -> Result<(), Failure> {
        let form = [("grant_type", "refresh_token"), ("refresh_token", self.refresh_token.as_str())];
        let request = self.form_request(&self.world.token, &form);
        let tokens = self.tokens(&request).await?;
        tokens.id_token.ok_or("no ID token came with the refresh")?;
        if let Some(next) = tokens.refresh_token {
            self.refresh_token = next;
        }
        Ok(())
    }

    async fn redeemed(&mut self) -> Result<Tokens, Failure> {
        let (start, number, codes) = (&self.authorize, &self.numbers[self.turn], &mut self.codes);
        let code = self.browser.authorize(start, REDIRECT_URI, number, codes).await?;
        let form = [
            ("grant_type", "authorization_code"),
            ("code", code.as_str()),
            ("redirect_uri", REDIRECT_URI),
            ("code_verifier", VERIFIER),
        ];
        let request = self.form_request(&self.world.token, &form);
        let tokens = self.tokens(&request).await?;
        if tokens.id_token.is_none() {
            return Err("no ID token came with the code".to_owned());
        }
        Ok(tokens)
    }

    async fn tokens(&mut self, request: &[u8]) -> Result<Tokens, Failure> {
        self.browser.send_bytes(request).await?;
        self.browser.expect(200, &self.world.token)?;
        serde_json::from_slice(self.browser.connection.body()).map_err(|error| error.to_string())
    }

    fn userinfo_request(&self, token: &str) -> Vec<u8> {
        let host = &self.world.target.host;
        format!(
            "GET {} HTTP/1.1\r\nHost: {host}\r\nAuthorization: Bearer {token}\r\n\r\n",
            self.world.userinfo
        )
        .into_bytes()
    }

    fn form_request(&self, path: &str, form: &[(&str, &str)]) -> Vec<u8> {
        let body = form_urlencoded::Serializer::new(String::new()).extend_pairs(form).finish();
        request(&self.world.target.host, path, &[("Authorization", &self.basic)], &body)
    }
}

/// A POST of a form that is encoded already.
fn request(host: &str, path: &str, headers: &[(&str, &str)], body: &str) -> Vec<u8> {
    let headers: String = headers.iter().map(|(name, value)| format!("{name}: {value}\r\n")).collect();
    format!(
        "POST {path} HTTP/1.1\r\nHost: {host}\r\n{headers}\
         Content-Type: application/x-www-form-urlencoded\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    )
    .into_bytes()
}

/// Codes from the sandbox at `base`, or `constant` for everybody.
///
/// # Errors
/// When `base` is no http URL that resolves.
pub(crate) fn codes(sandbox: Option<&str>, constant: &str) -> Result<Codes, Failure> {
    let Some(base) = sandbox else { return Ok(Codes::Constant(constant.to_owned())) };
    let target = Target::parse(base)?;
    Ok(Codes::Sandbox { phone: Connection::new(target.address), host: target.host, used: String::new() })
}
