//! Requests with proofs of possession (RFC 9449).

use reqwest::header::{HeaderMap, HeaderValue};
use reqwest::{Method, RequestBuilder};
use serde_json::{Value, json};

use super::World;
use super::jwt::encode;
use super::signer::Signer;

/// A request with these `DPoP` headers.
pub(crate) fn with_proofs(request: RequestBuilder, proofs: &[&str]) -> RequestBuilder {
    let mut headers = HeaderMap::new();
    for proof in proofs {
        headers.append("DPoP", HeaderValue::from_str(proof).expect("ASCII"));
    }
    request.headers(headers)
}

/// A proof for the token endpoint.
pub(crate) fn for_tokens(world: &World, key: &Signer, more: &Value) -> String {
    key.proof("POST", world.url("/oidc/token").as_str(), more)
}

/// A proof for UserInfo with this token.
pub(crate) fn for_userinfo(world: &World, key: &Signer, token: &str, more: &Value) -> String {
    let digest = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, token.as_bytes());
    // A `null` takes away what the proof would have otherwise.
    let mut claims = json!({"ath": encode(digest.as_ref())});
    for (name, value) in more.as_object().expect("an object") {
        claims[name] = value.clone();
    }
    key.proof("GET", world.url("/oidc/userinfo").as_str(), &claims)
}

/// Status, `WWW-Authenticate` and `DPoP-Nonce` of UserInfo.
pub(crate) async fn userinfo(
    world: &World,
    authorization: &str,
    proofs: &[&str],
) -> (u16, String, Option<String>) {
    let request = world.browser().request(Method::GET, &world.url("/oidc/userinfo"));
    let request = with_proofs(request.header("Authorization", authorization), proofs);
    let answer = request.send().await.expect("an answer");
    let all = answer.headers().get_all("www-authenticate").iter();
    let challenge = all.map(|value| value.to_str().expect("ASCII")).collect::<Vec<_>>().join(", ");
    let nonce = answer.headers().get("dpop-nonce").map(|value| value.to_str().expect("ASCII").to_owned());
    (answer.status().as_u16(), challenge, nonce)
}
