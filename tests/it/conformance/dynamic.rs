//! The Dynamic plan, whose clients register themselves by an initial access token. Its profile cannot be certified
//! (docs/conformance.md); its other modules can be run.

use std::collections::BTreeMap;

use reqwest::Method;
use serde_json::{Value, json};
use url::Url;

use super::suite::{AT_SUITE, End, Suite};
use crate::support::signer::{Signer, assertion_claims};
use crate::support::{http, jwt};

/// What stands in the file for the token.
const TOKEN: &str = "INITIAL-ACCESS-TOKEN";

/// The modules whose script waits for a page.
pub(super) const WITH_SCRIPTS: [&str; 4] = [
    "oidcc-ensure-redirect-uri-in-authorization-request",
    "oidcc-redirect-uri-query-mismatch",
    "oidcc-redirect-uri-query-added",
    "oidcc-ensure-request-object-with-redirect-uri",
];

/// What fails: the profile wants the implicit flow, and a new key of the provider while the module waits.
pub(super) const FAILING: [&str; 3] = [
    "oidcc-discovery-endpoint-verification",
    "oidcc-discovery-endpoint-verification",
    "oidcc-server-rotate-keys",
];

/// What is skipped: `none` and requests by reference are not offered.
pub(super) const SKIPPED: [&str; 3] =
    ["oidcc-idtoken-unsigned", "oidcc-request-uri-unsigned", "oidcc-request-uri-signed-rs256"];

/// A client that registered itself.
struct Registered {
    body: Value,
    signer: Signer,
}

struct Dynamic<'a> {
    suite: &'a mut Suite,
    token: String,
    metadata: Value,
}

fn callback() -> String {
    format!("{AT_SUITE}/callback")
}

/// Runs the modules.
pub(super) async fn run(suite: &mut Suite) {
    suite.configure("conformance-dynamic.json");
    let config = suite.of("");
    for client in ["client", "client2"] {
        assert_eq!(config[client]["initial_access_token"], TOKEN, "{client}");
    }
    let members = concat!(env!("CARGO_MANIFEST_DIR"), "/config/conformance-members.toml");
    let create =
        ["client", "token", "create", "--approved", "--uses", "200", "--days", "7", "--members", members];
    let said = suite.command(&[&create[..], &["--format", "json"]].concat());
    let made: Value = serde_json::from_str(&said).expect(&said);
    let token = made["token"].as_str().expect("a token").to_owned();
    let metadata = suite.metadata().await;
    let mut plan = Dynamic { suite, token, metadata };
    plan.discovery();
    plan.signing_in().await;
    plan.redirect_uris().await;
    plan.refused().await;
}

impl Dynamic<'_> {
    /// What the discovery module wants of this plan alone, and does not get.
    fn discovery(&self) {
        assert_eq!(self.metadata["response_types_supported"], json!(["code"]));
        assert_eq!(self.metadata["request_uri_parameter_supported"], false, "its modules are skipped");
        assert!(self.metadata["registration_endpoint"].is_string());
    }

    fn endpoint(&self, name: &str) -> Url {
        self.metadata[name].as_str().expect(name).parse().expect("a URL")
    }

    async fn register(&self, more: &Value) -> (u16, Registered) {
        let signer = Signer::rsa("suite");
        let mut jwk = signer.jwk();
        jwk["alg"] = "RS256".into();
        let mut sent = json!({
            "client_name": "Conformance suite", "grant_types": ["authorization_code", "refresh_token"],
            "response_types": ["code"], "jwks": {"keys": [jwk]}, "contacts": ["certification@oidf.org"],
            "token_endpoint_auth_method": "private_key_jwt", "redirect_uris": [callback()],
        });
        sent.as_object_mut().expect("members").extend(more.as_object().expect("members").clone());
        let request = http::client().post(self.endpoint("registration_endpoint")).bearer_auth(&self.token);
        let answer = request.json(&sent).send().await.expect("an answer");
        let status = answer.status().as_u16();
        (status, Registered { body: answer.json().await.expect("JSON"), signer })
    }

    async fn registered(&self, more: &Value) -> Registered {
        let (status, registered) = self.register(more).await;
        assert_eq!(status, 201, "{}", registered.body);
        registered
    }

    async fn visit(&mut self, module: &str, client: &Registered, redirect_uri: Option<&str>) -> End {
        self.suite.begin();
        let id = client.body["client_id"].as_str().expect("an identifier").to_owned();
        let mut url = self.endpoint("authorization_endpoint");
        url.query_pairs_mut().extend_pairs([
            ("client_id", id.as_str()),
            ("scope", "openid offline_access"),
            ("response_type", "code"),
            ("state", "s"),
            ("prompt", "consent"),
        ]);
        if let Some(uri) = redirect_uri {
            url.query_pairs_mut().append_pair("redirect_uri", uri);
        }
        self.suite.visit(module, Method::GET, &url).await
    }

    async fn token(&self, client: &Registered, audience: &str, fields: &[(&str, &str)]) -> (u16, Value) {
        let id = client.body["client_id"].as_str().expect("an identifier");
        let mut claims = assertion_claims(id, audience, &json!({}));
        // By the clock of the provider, which other plans moved.
        let ahead = self.suite.ahead.load(std::sync::atomic::Ordering::Relaxed);
        for name in ["iat", "exp"] {
            claims[name] = (claims[name].as_i64().expect("a time") + ahead).into();
        }
        let header = json!({"alg": "RS256", "kid": client.signer.kid()});
        let assertion = client.signer.sign(&header, &claims);
        let kind = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";
        let proving = [("client_assertion_type", kind), ("client_assertion", assertion.as_str())];
        self.suite.call("/oidc/token", Some(&[fields, &proving].concat()), None).await
    }

    /// Signs in, redeems and refreshes; the token response.
    async fn signs_in(&mut self, client: &Registered, redirect_uri: &str) -> Value {
        let fields = match self.visit("oidcc-server", client, Some(redirect_uri)).await {
            End::Back { fields, .. } => fields,
            End::Page => panic!("nothing came back"),
        };
        let code = fields.get("code").unwrap_or_else(|| panic!("no code in {fields:?}")).clone();
        let redeem =
            [("grant_type", "authorization_code"), ("code", code.as_str()), ("redirect_uri", redirect_uri)];
        let at = self.endpoint("token_endpoint").to_string();
        let (status, tokens) = self.token(client, &at, &redeem).await;
        assert_eq!(status, 200, "{tokens}");
        let refresh = tokens["refresh_token"].as_str().expect("a refresh token");
        let again = [("grant_type", "refresh_token"), ("refresh_token", refresh)];
        let issuer = self.metadata["issuer"].as_str().expect("an issuer").to_owned();
        let (status, next) = self.token(client, &issuer, &again).await;
        assert_eq!(status, 200, "an assertion for the issuer is taken as well: {next}");
        tokens
    }

    async fn signing_in(&mut self) {
        let keys = self.suite.keys().await;
        let client = self.registered(&json!({"userinfo_signed_response_alg": "RS256"})).await;
        let tokens = self.signs_in(&client, &callback()).await;
        let id_token = jwt::verify(tokens["id_token"].as_str().expect("an ID token"), &keys);
        assert_eq!(id_token.header["alg"], "RS256");
        let bearer = tokens["access_token"].as_str().expect("an access token");
        let request = http::client().get(self.endpoint("userinfo_endpoint")).bearer_auth(bearer);
        let answer = request.send().await.expect("an answer");
        assert!(answer.headers()["content-type"].to_str().is_ok_and(|kind| kind.contains("application/jwt")));
        let told = jwt::verify(&answer.text().await.expect("a body"), &keys);
        assert_eq!((&told.header["alg"], &told.claims["sub"]), (&"RS256".into(), &id_token.claims["sub"]));
        let management = client.body["registration_client_uri"].as_str().expect("a URL");
        let token = client.body["registration_access_token"].as_str().expect("a token");
        let deleted = http::client().delete(management).bearer_auth(token).send().await;
        assert_eq!(deleted.expect("an answer").status(), 204);
    }

    async fn redirect_uris(&mut self) {
        let query = format!("{}?foo=bar", callback());
        let client = self.registered(&json!({"redirect_uris": [query]})).await;
        self.signs_in(&client, &query).await;
        let mismatch = format!("{}?foo=other", callback());
        let plain = self.registered(&json!({})).await;
        let two = [callback(), format!("{}/two", callback())];
        let two = self.registered(&json!({"redirect_uris": two})).await;
        let asked: BTreeMap<&str, (&Registered, Option<&str>)> = BTreeMap::from([
            ("oidcc-redirect-uri-query-mismatch", (&client, Some(mismatch.as_str()))),
            ("oidcc-redirect-uri-query-added", (&plain, Some(query.as_str()))),
            ("oidcc-ensure-redirect-uri-in-authorization-request", (&two, None)),
        ]);
        for (module, (client, redirect_uri)) in asked {
            let end = self.visit(module, client, redirect_uri).await;
            assert!(matches!(end, End::Page) && self.suite.pictured, "{module}: {end:?}");
        }
    }

    /// What cannot be registered.
    async fn refused(&self) {
        let fragment = format!("{}#foo", callback());
        for (wrong, error) in [
            (json!({"redirect_uris": [fragment]}), "invalid_redirect_uri"),
            (json!({"sector_identifier_uri": "https://localhost:9/sector.json"}), "invalid_client_metadata"),
        ] {
            let (status, refused) = self.register(&wrong).await;
            assert_eq!((status, &refused.body["error"]), (400, &error.into()), "{wrong}: {}", refused.body);
        }
    }
}
