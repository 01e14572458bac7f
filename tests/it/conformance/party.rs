//! A relying party as the FAPI plans' configurations have it: keys, a certificate, and how it proves itself.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use reqwest::header::HeaderMap;
use reqwest::{Client, Identity, Method};
use serde_json::{Value, json};

use crate::support::jwt::encode;
use crate::support::signer::{self, Signer, unique, with};

/// `client` or `client2`.
pub(super) struct Party {
    pub(super) id: String,
    pub(super) scope: String,
    pub(super) signer: Signer,
    /// What its DPoP proofs are signed with: the suite makes such a key for each module.
    pub(super) possession: Signer,
    /// Sends its certificate, if it has one, wherever it is asked for one.
    http: Client,
    /// By how many seconds its clock and the provider's are ahead of this machine's.
    ahead: Arc<AtomicI64>,
}

/// An answer of the provider.
#[derive(Debug)]
pub(super) struct Answer {
    pub(super) status: u16,
    pub(super) headers: HeaderMap,
    pub(super) body: Value,
}

impl Answer {
    /// A member that is text.
    pub(super) fn text(&self, member: &str) -> &str {
        self.body[member].as_str().unwrap_or_else(|| panic!("no {member}: {self:?}"))
    }

    /// Fails unless it is a success.
    pub(super) fn granted(self) -> Self {
        assert!((200..300).contains(&self.status), "{self:?}");
        self
    }

    /// Fails unless it is this error, described as RFC 6749 §5.2 wants it.
    pub(super) fn refused(&self, error: &str) {
        assert!([400, 401].contains(&self.status) && self.body["error"] == error, "{error}: {self:?}");
        let why = self.text("error_description");
        assert!(why.is_ascii() && !why.contains(['"', '\\']), "{why}");
    }
}

impl Party {
    /// The party that a configuration calls `client` with `mtls`, or `client2` with `mtls2`.
    pub(super) fn of(config: &Value, number: usize, ahead: Arc<AtomicI64>) -> Self {
        let [client, mtls] = [["client", "mtls"], ["client2", "mtls2"]][number];
        let member = |name: &str| {
            config[client][name].as_str().unwrap_or_else(|| panic!("{client}: no {name}")).to_owned()
        };
        let keys = config[client]["jwks"]["keys"].as_array().expect("keys");
        let [jwk] = &keys[..] else { panic!("{client}: one key") };
        assert_eq!((&jwk["alg"], jwk["kid"].is_string()), (&"ES256".into(), true), "{client}");
        let builder = Client::builder().tls_danger_accept_invalid_certs(true);
        let builder = match (config[mtls]["cert"].as_str(), config[mtls]["key"].as_str()) {
            (Some(certificate), Some(key)) => {
                let pem = format!("{key}{certificate}");
                builder.identity(Identity::from_pem(pem.as_bytes()).expect("a certificate with its key"))
            }
            _ => builder,
        };
        let http = builder.build().expect("an HTTP client");
        let (signer, possession) = (Signer::of_jwk(jwk), Signer::elliptic("possession"));
        Self { id: member("client_id"), scope: member("scope"), signer, possession, http, ahead }
    }

    /// Seconds since the Unix epoch by its clock.
    pub(super) fn now(&self) -> i64 {
        signer::now() + self.ahead.load(Ordering::Relaxed)
    }

    /// A client assertion (RFC 7523) for whom it may concern.
    pub(super) fn assertion(&self, audience: &Value, more: &Value) -> Vec<(&'static str, String)> {
        let now = self.now();
        let usual = json!({
            "aud": audience, "iat": now, "nbf": now, "exp": now + 60, "iss": self.id, "sub": self.id,
        });
        let more = with_nulls(usual, more);
        let kind = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer".to_owned();
        vec![
            ("client_assertion_type", kind),
            ("client_assertion", self.signer.assertion(&self.id, "", &more)),
        ]
    }

    /// A JWT with parameters, for the issuer.
    pub(super) fn object(&self, typ: &str, issuer: &str, claims: &Value) -> String {
        let header = json!({"alg": self.signer.alg(), "kid": self.signer.kid(), "typ": typ});
        let now = self.now();
        let usual = json!({
            "iss": self.id, "aud": issuer, "jti": unique(), "iat": now, "nbf": now, "exp": now + 300,
        });
        self.signer.sign(&header, &with(usual, claims))
    }

    /// Sends a form.
    pub(super) async fn post(
        &self,
        url: &str,
        fields: &[(&'static str, String)],
        proof: Option<String>,
    ) -> Answer {
        let request = self.http.post(url).form(fields);
        let request = proof.into_iter().fold(request, |request, proof| request.header("DPoP", proof));
        answer(request).await
    }

    /// Reads a resource with a token, by that scheme.
    pub(super) async fn read(&self, url: &str, scheme: &str, token: &str, proof: Option<String>) -> Answer {
        let request =
            self.http.request(Method::GET, url).header("Authorization", format!("{scheme} {token}"));
        let request = request.header("Accept", "application/json;charset=UTF-8");
        let request = request.header("x-fapi-customer-ip-address", "2001:db8::1");
        let request = proof.into_iter().fold(request, |request, proof| request.header("DPoP", proof));
        answer(request).await
    }

    /// A proof for a resource (RFC 9449 §7).
    pub(super) fn proof_of(&self, url: &str, token: &str) -> String {
        let digest = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, token.as_bytes());
        self.possession.proof("GET", url, &json!({"ath": encode(digest.as_ref()), "iat": self.now()}))
    }

    /// A proof for an endpoint that is posted to.
    pub(super) fn proof(&self, url: &str) -> String {
        self.possession.proof("POST", url, &json!({"iat": self.now()}))
    }
}

/// An object with other members, in which a `null` stays, to take away what is added later.
fn with_nulls(mut object: Value, members: &Value) -> Value {
    let own = object.as_object_mut().expect("an object");
    own.extend(members.as_object().expect("an object").clone());
    object
}

async fn answer(request: reqwest::RequestBuilder) -> Answer {
    let answer = request.send().await.expect("an answer");
    let (status, headers) = (answer.status().as_u16(), answer.headers().clone());
    let body = answer.text().await.expect("a body");
    Answer { status, headers, body: serde_json::from_str(&body).unwrap_or(Value::Null) }
}

/// The fields of a map.
pub(super) fn text_of(fields: &BTreeMap<String, String>, name: &str) -> String {
    fields.get(name).unwrap_or_else(|| panic!("no {name}: {fields:?}")).clone()
}
