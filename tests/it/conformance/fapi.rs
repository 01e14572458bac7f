//! The plans of FAPI 2.0: the Security Profile in its four variants, and Message Signing.

use std::collections::BTreeMap;

use reqwest::Method;
use serde_json::{Value, json};
use url::Url;

use super::party::{Answer, Party, text_of};
use super::suite::{AT_SUITE, End, Suite};
use crate::support::jwt;

/// How a plan's clients prove themselves, or what their tokens are bound to.
#[derive(Clone, Copy, PartialEq, Eq)]
enum By {
    Key,
    Certificate,
}

/// A configuration, and the variants that docs/conformance.md runs it with.
pub(super) struct Plan {
    pub(super) file: &'static str,
    pub(super) variants: &'static str,
    authentication: By,
    bound: By,
    /// Signed requests, and JARM.
    pub(super) signed: bool,
}

const fn plan(
    file: &'static str,
    variants: &'static str,
    authentication: By,
    bound: By,
    signed: bool,
) -> Plan {
    Plan { file, variants, authentication, bound, signed }
}

pub(super) const PLANS: [Plan; 5] = [
    plan(
        "conformance-fapi2-private-key-jwt-dpop.json",
        "[client_auth_type=private_key_jwt][sender_constrain=dpop]",
        By::Key,
        By::Key,
        false,
    ),
    plan(
        "conformance-fapi2-private-key-jwt-mtls.json",
        "[client_auth_type=private_key_jwt][sender_constrain=mtls]",
        By::Key,
        By::Certificate,
        false,
    ),
    plan(
        "conformance-fapi2-mtls-dpop.json",
        "[client_auth_type=mtls][sender_constrain=dpop]",
        By::Certificate,
        By::Key,
        false,
    ),
    plan(
        "conformance-fapi2-mtls-mtls.json",
        "[client_auth_type=mtls][sender_constrain=mtls]",
        By::Certificate,
        By::Certificate,
        false,
    ),
    plan(
        "conformance-fapi2-message-signing.json",
        "[client_auth_type=private_key_jwt][sender_constrain=dpop]",
        By::Key,
        By::Key,
        true,
    ),
];

const CHALLENGE: &str = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";
const VERIFIER: &str = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";

/// What modules are called; the part after `fapi2-security-profile-final-`, which Message Signing has as well.
const PREFIX: &str = "fapi2-security-profile-final-";

pub(super) const HAPPY: &str = "happy-flow";
const DENY: &str = "user-rejects-authentication";
const TWICE: &str = "par-ensure-reused-request-uri-prior-to-auth-completion-succeeds";
const REUSE: &str = "par-attempt-reuse-request_uri";
const EXPIRED: &str = "par-attempt-to-use-expired-request_uri";
const FOREIGN: &str = "par-attempt-to-use-request_uri-for-different-client";
const NOT_PUSHED: &str = "ensure-unsigned-authorization-request-without-using-par-fails";

/// The modules that have a script of their own.
pub(super) const WITH_SCRIPTS: [&str; 5] = [DENY, TWICE, REUSE, EXPIRED, FOREIGN];

type Fields = Vec<(&'static str, String)>;

/// A plan that is run.
pub(super) struct Fapi<'a> {
    suite: &'a mut Suite,
    plan: &'static Plan,
    metadata: Value,
    keys: Value,
    resource: String,
    parties: [Party; 2],
    module: String,
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_else(|| panic!("no text: {value}")).to_owned()
}

impl<'a> Fapi<'a> {
    /// Reads the configuration of a plan.
    pub(super) async fn of(suite: &'a mut Suite, plan: &'static Plan) -> Self {
        suite.configure(plan.file);
        let (metadata, keys) = (suite.metadata().await, suite.keys().await);
        let config = suite.of("");
        let parties = [0, 1].map(|number| Party::of(&config, number, suite.ahead.clone()));
        let resource = text(&config["resource"]["resourceUrl"]);
        Self { suite, plan, metadata, keys, resource, parties, module: String::new() }
    }

    /// Every module's essential traffic.
    pub(super) async fn run(&mut self) {
        self.discovery();
        self.happy().await;
        self.decisions().await;
        self.request_uris().await;
        self.pushing().await;
        self.proving().await;
        self.codes().await;
    }

    fn begin(&mut self, module: &str) {
        self.suite.begin();
        self.module = format!("{PREFIX}{module}");
    }

    fn issuer(&self) -> String {
        text(&self.metadata["issuer"])
    }

    /// The address of an endpoint: the alias where a certificate is to be seen (RFC 8705 §5).
    fn url(&self, endpoint: &str) -> String {
        let bound = endpoint == "token_endpoint" && self.plan.bound == By::Certificate;
        if bound || self.plan.authentication == By::Certificate {
            text(&self.metadata["mtls_endpoint_aliases"][endpoint])
        } else {
            text(&self.metadata[endpoint])
        }
    }

    /// What proves a party, for the issuer.
    fn proving_fields(&self, party: usize) -> Fields {
        let party = &self.parties[party];
        match self.plan.authentication {
            By::Key => party.assertion(&self.issuer().into(), &json!({})),
            By::Certificate => vec![("client_id", party.id.clone())],
        }
    }

    fn redirect_uri(party: usize) -> String {
        // The suite gives its second client a query.
        let query = ["", "?dummy1=lorem&dummy2=ipsum"][party];
        format!("{AT_SUITE}/callback{query}")
    }

    fn params(&self, party: usize) -> Fields {
        let id = self.parties[party].id.clone();
        let mut params = vec![
            ("client_id", id),
            ("redirect_uri", Self::redirect_uri(party)),
            ("scope", self.parties[party].scope.clone()),
            ("state", "s".repeat(128)),
            ("nonce", "n".repeat(64)),
            ("response_type", "code".to_owned()),
            ("code_challenge", CHALLENGE.to_owned()),
            ("code_challenge_method", "S256".to_owned()),
            ("prompt", "consent".to_owned()),
        ];
        if self.plan.signed {
            params.push(("response_mode", "jwt".to_owned()));
        }
        params
    }

    /// The parameters as they are pushed: in a signed object where the plan signs.
    fn pushed(&self, party: usize, params: Fields) -> Fields {
        if !self.plan.signed {
            return params;
        }
        let claims: serde_json::Map<String, Value> =
            params.into_iter().map(|(name, value)| (name.to_owned(), value.into())).collect();
        let object = self.parties[party].object("oauth-authz-req+jwt", &self.issuer(), &claims.into());
        vec![("request", object), ("client_id", self.parties[party].id.clone())]
    }

    async fn push_with(&self, party: usize, fields: Fields, proving: Fields) -> Answer {
        let mut all = fields;
        all.extend(proving.into_iter().filter(|(name, _)| *name != "client_id"));
        let url = self.url("pushed_authorization_request_endpoint");
        self.parties[party].post(&url, &all, None).await
    }

    async fn push(&self, party: usize, params: Fields) -> Answer {
        self.push_with(party, self.pushed(party, params), self.proving_fields(party)).await
    }

    async fn request_uri(&self, party: usize) -> String {
        let pushed = self.push(party, self.params(party)).await;
        assert_eq!(pushed.status, 201, "{pushed:?}");
        let seconds = pushed.body["expires_in"].as_i64().expect("a number");
        assert!((5..600).contains(&seconds), "{pushed:?}");
        pushed.text("request_uri").to_owned()
    }

    async fn visit(&mut self, params: &[(&str, String)]) -> End {
        let mut url: Url = text(&self.metadata["authorization_endpoint"]).parse().expect("a URL");
        url.query_pairs_mut().extend_pairs(params);
        let module = self.module.clone();
        self.suite.visit(&module, Method::GET, &url).await
    }

    async fn open(&mut self, party: usize, request_uri: &str) -> End {
        let id = self.parties[party].id.clone();
        self.visit(&[("client_id", id), ("request_uri", request_uri.to_owned())]).await
    }

    /// What came back, in the way of the plan.
    fn answered(&self, party: usize, end: End) -> BTreeMap<String, String> {
        let End::Back { at, fields, posted } = end else { panic!("{}: nothing came back", self.module) };
        assert!(!posted && at.as_str().starts_with(&Self::redirect_uri(party)), "{at}");
        let fields: BTreeMap<String, String> =
            fields.into_iter().filter(|(name, _)| !name.starts_with("dummy")).collect();
        if !self.plan.signed {
            assert_eq!(fields.get("iss"), Some(&self.issuer()), "{at}");
            return fields;
        }
        let response = text_of(&fields, "response");
        assert_eq!(fields.len(), 1, "nothing stands beside it: {at}");
        let response = jwt::verify(&response, &self.keys);
        assert_eq!(response.header["alg"], "ES256");
        let claims = &response.claims;
        assert_eq!(claims["iss"], *self.issuer(), "{claims}");
        assert_eq!(claims["aud"], *self.parties[party].id, "{claims}");
        let members = claims.as_object().expect("claims").iter();
        members.filter_map(|(name, value)| Some((name.clone(), value.as_str()?.to_owned()))).collect()
    }

    /// The code of a whole sign-in.
    async fn code(&mut self, party: usize) -> String {
        let request_uri = self.request_uri(party).await;
        let end = self.open(party, &request_uri).await;
        let fields = self.answered(party, end);
        assert_eq!(text_of(&fields, "state"), "s".repeat(128), "{}", self.module);
        text_of(&fields, "code")
    }

    fn possession(&self, party: usize, url: &str) -> Option<String> {
        let party = &self.parties[party];
        (self.plan.bound == By::Key).then(|| party.proof(url))
    }

    async fn token(&self, party: usize, fields: Fields) -> Answer {
        let url = self.url("token_endpoint");
        let all = [fields, self.proving_fields(party)].concat();
        self.parties[party].post(&url, &all, self.possession(party, &url)).await
    }

    fn redemption(party: usize, code: &str) -> Fields {
        vec![
            ("grant_type", "authorization_code".to_owned()),
            ("code", code.to_owned()),
            ("redirect_uri", Self::redirect_uri(party)),
            ("code_verifier", VERIFIER.to_owned()),
        ]
    }

    async fn redeem(&self, party: usize, code: &str) -> Answer {
        self.token(party, Self::redemption(party, code)).await
    }

    /// Reads the resource with somebody's token, as another party may try.
    async fn read(&self, party: usize, token: &str) -> Answer {
        let (scheme, proof) = match self.plan.bound {
            By::Key => ("DPoP", Some(self.parties[party].proof_of(&self.resource, token))),
            By::Certificate => ("Bearer", None),
        };
        self.parties[party].read(&self.resource, scheme, token, proof).await
    }

    fn discovery(&self) {
        let has = |member: &str, value: &str| {
            let list = self.metadata[member].as_array().unwrap_or_else(|| panic!("no {member}"));
            assert!(list.contains(&value.into()), "{member}: no {value}");
        };
        assert_eq!(self.metadata["authorization_response_iss_parameter_supported"], true);
        has("code_challenge_methods_supported", "S256");
        has("response_modes_supported", "jwt");
        has("request_object_signing_alg_values_supported", "ES256");
        has("id_token_signing_alg_values_supported", "ES256");
        match self.plan.authentication {
            By::Key => {
                has("token_endpoint_auth_methods_supported", "private_key_jwt");
                has("token_endpoint_auth_signing_alg_values_supported", "ES256");
            }
            By::Certificate => has("token_endpoint_auth_methods_supported", "self_signed_tls_client_auth"),
        }
        match self.plan.bound {
            By::Key => has("dpop_signing_alg_values_supported", "ES256"),
            By::Certificate => {
                assert_eq!(self.metadata["tls_client_certificate_bound_access_tokens"], true);
            }
        }
    }

    /// Both clients sign in; what they get is theirs alone.
    async fn happy(&mut self) {
        self.begin(HAPPY);
        let mut tokens = Vec::new();
        for party in [0, 1] {
            let code = self.code(party).await;
            let granted = self.redeem(party, &code).await.granted();
            assert_eq!(granted.headers["cache-control"], "no-store");
            let id_token = jwt::verify(granted.text("id_token"), &self.keys);
            assert_eq!(id_token.header["alg"], "ES256");
            assert_eq!(id_token.claims["nonce"], *"n".repeat(64));
            let scheme = if self.plan.bound == By::Key { "DPoP" } else { "Bearer" };
            assert_eq!(granted.text("token_type"), scheme);
            let told = self.read(party, granted.text("access_token")).await.granted();
            assert_eq!(told.body["sub"], id_token.claims["sub"]);
            assert!(told.headers.contains_key("date"), "{told:?}");
            // Rotation would leave a client behind that lost the answer.
            for _ in 0..2 {
                let refresh = vec![
                    ("grant_type", "refresh_token".to_owned()),
                    ("refresh_token", granted.text("refresh_token").to_owned()),
                ];
                let next = self.token(party, refresh.clone()).await.granted();
                self.read(party, next.text("access_token")).await.granted();
                let other = self.token(1 - party, refresh).await;
                other.refused("invalid_grant");
            }
            tokens.push((code, granted.text("access_token").to_owned()));
        }
        for (party, (code, token)) in tokens.iter().enumerate() {
            assert_eq!(self.read(1 - party, token).await.status, 401, "it is bound");
            let bare =
                self.parties[party].read(&self.url_without_certificates(), "Bearer", token, None).await;
            assert_eq!(bare.status, 401, "nothing proves that it is theirs");
            self.redeem(party, code).await.refused("invalid_grant");
            assert_eq!(self.read(party, token).await.status, 401, "what came of the code is revoked");
        }
    }

    /// UserInfo where nobody is asked for a certificate.
    fn url_without_certificates(&self) -> String {
        text(&self.metadata["userinfo_endpoint"])
    }

    async fn decisions(&mut self) {
        self.begin(DENY);
        let request_uri = self.request_uri(0).await;
        let end = self.open(0, &request_uri).await;
        let fields = self.answered(0, end);
        assert_eq!(text_of(&fields, "error"), "access_denied");
        assert_eq!(text_of(&fields, "state"), "s".repeat(128));
        self.begin(NOT_PUSHED);
        let params = self.params(0);
        let end = self.visit(&params).await;
        let fields = self.answered(0, end);
        assert_eq!(text_of(&fields, "error"), "invalid_request");
    }

    async fn request_uris(&mut self) {
        self.begin(TWICE);
        let request_uri = self.request_uri(0).await;
        assert!(matches!(self.open(0, &request_uri).await, End::Page));
        let end = self.open(0, &request_uri).await;
        let code = text_of(&self.answered(0, end), "code");
        self.redeem(0, &code).await.granted();
        self.begin(REUSE);
        let request_uri = self.request_uri(0).await;
        let end = self.open(0, &request_uri).await;
        self.answered(0, end);
        self.refused_by_a_page(0, &request_uri).await;
        self.begin(EXPIRED);
        let request_uri = self.request_uri(0).await;
        self.suite.advance(600).await;
        self.refused_by_a_page(0, &request_uri).await;
        self.begin(FOREIGN);
        let request_uri = self.request_uri(0).await;
        self.refused_by_a_page(1, &request_uri).await;
    }

    async fn refused_by_a_page(&mut self, party: usize, request_uri: &str) {
        self.suite.pictured = false;
        let end = self.open(party, request_uri).await;
        assert!(matches!(end, End::Page) && self.suite.pictured, "{}: {end:?}", self.module);
    }

    /// What may not be pushed.
    async fn pushing(&mut self) {
        self.begin("par");
        let without = |params: Fields, name: &str| -> Fields {
            params.into_iter().filter(|(own, _)| *own != name).collect()
        };
        let changed = |params: Fields, name: &'static str, value: &str| -> Fields {
            let mut params = without(params, name);
            params.push((name, value.to_owned()));
            params
        };
        let all = self.params(0);
        for wrong in [
            without(without(all.clone(), "code_challenge"), "code_challenge_method"),
            changed(all.clone(), "code_challenge_method", "plain"),
            changed(all.clone(), "response_type", "code id_token"),
            changed(all.clone(), "response_type", "token"),
            changed(all.clone(), "redirect_uri", "https://elsewhere.example.uz/callback"),
        ] {
            let refused = self.push(0, wrong.clone()).await;
            assert_eq!(refused.status, 400, "{wrong:?}: {refused:?}");
        }
        let mut fields = self.pushed(0, all.clone());
        fields.push(("request_uri", "urn:ietf:params:oauth:request_uri:x".to_owned()));
        self.push_with(0, fields, self.proving_fields(0)).await.refused("invalid_request");
        // State and nonce may be missing, and are given back whole.
        self.push(0, without(without(all.clone(), "state"), "nonce")).await.granted();
        if self.plan.signed {
            self.push_with(0, all.clone(), self.proving_fields(0)).await.refused("invalid_request");
            self.objects(&all).await;
        }
    }

    /// Request objects that are not as they must be (Message Signing §5.3.1).
    async fn objects(&self, params: &Fields) {
        let claims = |more: &Value| -> Value {
            let mut claims: serde_json::Map<String, Value> =
                params.iter().map(|(name, value)| ((*name).to_owned(), value.as_str().into())).collect();
            claims.extend(more.as_object().expect("claims").clone());
            claims.into()
        };
        let party = &self.parties[0];
        let now = party.now();
        let push = async |object: String| {
            let fields = vec![("request", object), ("client_id", party.id.clone())];
            self.push_with(0, fields, self.proving_fields(0)).await
        };
        let issuer = self.issuer();
        let several = json!({"aud": [issuer, "https://other.example.uz"]});
        for right in [several, json!({"nbf": now + 8})] {
            push(party.object("oauth-authz-req+jwt", &issuer, &claims(&right))).await.granted();
        }
        for wrong in [
            json!({"exp": null}),
            json!({"nbf": null}),
            json!({"exp": now - 60}),
            json!({"aud": "https://other.example.uz"}),
            json!({"exp": now + 4200}),
            json!({"nbf": now - 4200}),
        ] {
            let refused = push(party.object("oauth-authz-req+jwt", &issuer, &claims(&wrong))).await;
            refused.refused("invalid_request_object");
        }
        let other = &self.parties[1];
        let usual = claims(&json!({"iss": party.id}));
        let forged = push(other.object("oauth-authz-req+jwt", &issuer, &usual)).await;
        forged.refused("invalid_request_object");
        let unsigned = push(super::suite::unsigned(&usual)).await;
        unsigned.refused("invalid_request_object");
    }

    /// How clients may not prove themselves.
    async fn proving(&mut self) {
        self.begin("client");
        let fields = self.pushed(0, self.params(0));
        let push = async |proving: Fields| self.push_with(0, fields.clone(), proving).await;
        if self.plan.authentication == By::Certificate {
            // Another's certificate, and none.
            let url = self.url("pushed_authorization_request_endpoint");
            self.parties[1].post(&url, &fields, None).await.refused("invalid_client");
            let plain = text(&self.metadata["pushed_authorization_request_endpoint"]);
            self.parties[0].post(&plain, &fields, None).await.refused("invalid_client");
            return;
        }
        push(vec![]).await.refused("invalid_client");
        let party = &self.parties[0];
        let (issuer, now): (Value, i64) = (self.issuer().into(), party.now());
        for audience in [
            json!([self.issuer()]),
            self.metadata["pushed_authorization_request_endpoint"].clone(),
            self.metadata["token_endpoint"].clone(),
            json!([self.metadata["pushed_authorization_request_endpoint"]]),
        ] {
            push(party.assertion(&audience, &json!({}))).await.refused("invalid_client");
        }
        for wrong in [
            json!({"exp": now - 300}),
            json!({"sub": null}),
            json!({"iat": now + 70, "nbf": now + 70, "exp": now + 130}),
        ] {
            let refused = push(party.assertion(&issuer, &wrong)).await;
            assert!([400, 401].contains(&refused.status), "{wrong}: {refused:?}");
        }
        let ahead = json!({"iat": now + 8, "nbf": now + 8});
        push(party.assertion(&issuer, &ahead)).await.granted();
        // A key that is not registered: that of the other client.
        let forged = self.parties[1].assertion(&issuer, &json!({"iss": party.id, "sub": party.id}));
        push(forged).await.refused("invalid_client");
    }

    /// What a code is bound to, and for how long it may be redeemed.
    async fn codes(&mut self) {
        self.begin("codes");
        let code = self.code(0).await;
        let mut bare = Self::redemption(0, &code);
        bare.retain(|(name, _)| *name != "code_verifier");
        let missing = self.token(0, bare.clone()).await;
        assert_eq!(missing.status, 400, "{missing:?}");
        bare.push(("code_verifier", "x".repeat(43)));
        self.token(0, bare).await.refused("invalid_grant");
        let code = self.code(0).await;
        self.redeem(1, &code).await.refused("invalid_grant");
        if self.plan.bound == By::Key {
            // No proof: the client's tokens are bound.
            let code = self.code(0).await;
            let fields = [Self::redemption(0, &code), self.proving_fields(0)].concat();
            let refused = self.parties[0].post(&self.url("token_endpoint"), &fields, None).await;
            assert_eq!(refused.status, 400, "{refused:?}");
        }
        let code = self.code(0).await;
        self.suite.advance(62).await;
        self.redeem(0, &code).await.refused("invalid_grant");
    }
}
