//! The traffic of each module, as the suite makes it.

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use reqwest::Method;
use serde_json::{Value, json};

use super::suite::{AT_SUITE, End, Outcome, Suite, unsigned};
use crate::support::jwt;

pub(super) const CONFIG: [&str; 1] = ["oidcc-discovery-endpoint-verification"];

pub(super) const UNSIGNED_OBJECT: &str =
    "oidcc-unsigned-request-object-supported-correctly-or-rejected-as-unsupported";

pub(super) const BASIC: [&str; 35] = [
    "oidcc-server",
    "oidcc-response-type-missing",
    "oidcc-userinfo-get",
    "oidcc-userinfo-post-header",
    "oidcc-userinfo-post-body",
    "oidcc-ensure-request-without-nonce-succeeds-for-code-flow",
    "oidcc-scope-profile",
    "oidcc-scope-email",
    "oidcc-scope-address",
    "oidcc-scope-phone",
    "oidcc-scope-all",
    "oidcc-alternate-happy-flow",
    "oidcc-display-page",
    "oidcc-display-popup",
    "oidcc-prompt-login",
    "oidcc-prompt-none-not-logged-in",
    "oidcc-prompt-none-logged-in",
    "oidcc-max-age-1",
    "oidcc-max-age-10000",
    "oidcc-ensure-request-with-unknown-parameter-succeeds",
    "oidcc-id-token-hint",
    "oidcc-login-hint",
    "oidcc-ui-locales",
    "oidcc-claims-locales",
    "oidcc-ensure-request-with-acr-values-succeeds",
    "oidcc-codereuse",
    "oidcc-codereuse-30seconds",
    "oidcc-ensure-registered-redirect-uri",
    "oidcc-ensure-post-request-succeeds",
    "oidcc-server-client-secret-post",
    UNSIGNED_OBJECT,
    "oidcc-claims-essential",
    "oidcc-ensure-request-object-with-redirect-uri",
    "oidcc-refresh-token",
    "oidcc-ensure-request-with-valid-pkce-succeeds",
];

pub(super) const RP_INITIATED: [&str; 11] = [
    "oidcc-rp-initiated-logout-discovery-endpoint-verification",
    "oidcc-rp-initiated-logout",
    "oidcc-rp-initiated-logout-bad-post-logout-redirect-uri",
    "oidcc-rp-initiated-logout-modified-id-token-hint",
    "oidcc-rp-initiated-logout-no-id-token-hint",
    "oidcc-rp-initiated-logout-no-params",
    "oidcc-rp-initiated-logout-no-post-logout-redirect-uri",
    "oidcc-rp-initiated-logout-no-state",
    "oidcc-rp-initiated-logout-only-state",
    "oidcc-rp-initiated-logout-query-added-to-post-logout-redirect-uri",
    "oidcc-rp-initiated-logout-bad-id-token-hint",
];

pub(super) const BACK_CHANNEL: [&str; 2] =
    ["oidcc-backchannel-logout-discovery-endpoint-verification", "oidcc-backchannel-rp-initiated-logout"];

pub(super) const FRONT_CHANNEL: [&str; 2] =
    ["oidcc-frontchannel-logout-discovery-endpoint-verification", "oidcc-frontchannel-rp-initiated-logout"];

/// Runs a module to its end.
pub(super) async fn run(suite: &mut Suite, name: &'static str, form_post: bool) -> Outcome {
    suite.begin();
    let mut module = Module { suite, name, form_post };
    let outcome = match name.strip_prefix("oidcc-rp-initiated-logout") {
        Some(rest) if !rest.ends_with("verification") => module.logout(rest.trim_start_matches('-')).await,
        _ => module.sign_in().await,
    };
    if outcome == Outcome::Passed && module.suite.pictured && needs_picture(name) {
        return Outcome::Review;
    }
    outcome
}

/// The modules that ask for a picture.
fn needs_picture(name: &str) -> bool {
    let logout = name.strip_prefix("oidcc-rp-initiated-logout-");
    logout.is_some_and(|rest| rest != "no-state")
        || ["oidcc-prompt-login", "oidcc-max-age-1"].contains(&name)
        || ["oidcc-ensure-registered-redirect-uri", "oidcc-ensure-request-object-with-redirect-uri"]
            .contains(&name)
}

const CHALLENGE: &str = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";
const VERIFIER: &str = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";

pub(super) struct Module<'a> {
    pub(super) suite: &'a mut Suite,
    pub(super) name: &'static str,
    pub(super) form_post: bool,
}

pub(super) type Params = Vec<(&'static str, String)>;

fn callback() -> String {
    format!("{AT_SUITE}/callback")
}

/// What a sign-in gave.
pub(super) struct Signed {
    pub(super) id_token: String,
    pub(super) claims: Value,
    tokens: Value,
}

impl Module<'_> {
    /// What most modules ask.
    pub(super) fn usual(&self, client: &str) -> Params {
        let client =
            self.suite.of(self.name)[client]["client_id"].as_str().expect("an identifier").to_owned();
        let mut params = vec![
            ("client_id", client),
            ("redirect_uri", callback()),
            ("scope", "openid".to_owned()),
            ("state", "s".repeat(20)),
            ("nonce", "n".repeat(20)),
            ("response_type", "code".to_owned()),
        ];
        if self.form_post {
            params.push(("response_mode", "form_post".to_owned()));
        }
        params
    }

    async fn visit(&mut self, method: Method, params: &Params) -> End {
        let mut url = self.suite.issuer.join("/oidc/authorize").expect("a path");
        url.query_pairs_mut().extend_pairs(params);
        self.suite.visit(self.name, method, &url).await
    }

    /// The answer that came back by the mode of the plan, with the state of the request.
    pub(super) async fn answer(&mut self, method: Method, params: &Params) -> BTreeMap<String, String> {
        let End::Back { at, fields, posted } = self.visit(method, params).await else {
            panic!("{}: nothing came back", self.name)
        };
        assert!(at.as_str().starts_with(&callback()), "{}: {at}", self.name);
        assert_eq!(posted, self.form_post, "{}: {at}", self.name);
        assert_eq!(fields.get("state"), Some(&"s".repeat(20)), "{}: {fields:?}", self.name);
        fields
    }

    async fn error(&mut self, params: &Params) -> String {
        let mut fields = self.answer(Method::GET, params).await;
        fields.remove("error").unwrap_or_else(|| panic!("{}: no error in {fields:?}", self.name))
    }

    /// Calls the token endpoint as a client of the configuration.
    async fn token(&self, client: &str, fields: &[(&str, &str)]) -> (u16, Value) {
        let config = self.suite.of(self.name);
        let member = |name: &str| config[client][name].as_str().expect("text").to_owned();
        let (id, secret) = (member("client_id"), member("client_secret"));
        if client == "client_secret_post" {
            let fields = [fields, &[("client_id", &id), ("client_secret", &secret)]].concat();
            return self.suite.call("/oidc/token", Some(&fields), None).await;
        }
        let basic = format!("Basic {}", BASE64_STANDARD.encode(format!("{id}:{secret}")));
        self.suite.call("/oidc/token", Some(fields), Some(("authorization", basic))).await
    }

    async fn redeem(&self, client: &str, code: &str, verifier: Option<&str>) -> (u16, Value) {
        let callback = callback();
        let mut fields =
            vec![("grant_type", "authorization_code"), ("code", code), ("redirect_uri", callback.as_str())];
        fields.extend(verifier.map(|verifier| ("code_verifier", verifier)));
        self.token(client, &fields).await
    }

    /// A whole sign-in.
    async fn signed(&mut self, method: Method, client: &str, params: &Params) -> Signed {
        let fields = self.answer(method, params).await;
        let code = fields.get("code").unwrap_or_else(|| panic!("{}: no code in {fields:?}", self.name));
        let verifier = params.iter().any(|(name, _)| *name == "code_challenge").then_some(VERIFIER);
        let (status, tokens) = self.redeem(client, code, verifier).await;
        assert_eq!(status, 200, "{}: {tokens}", self.name);
        let id_token = tokens["id_token"].as_str().expect("an ID token").to_owned();
        let read = jwt::read(&id_token);
        assert_eq!(read.header["alg"], "RS256", "{}: the suite knows no other by default", self.name);
        let asked = params.iter().find(|(name, _)| *name == "nonce").map(|(_, nonce)| nonce.as_str());
        assert_eq!(read.claims["nonce"].as_str(), asked, "{}", self.name);
        Signed { id_token, claims: read.claims, tokens }
    }

    pub(super) async fn happy(&mut self, more: &[(&'static str, &str)]) -> Signed {
        let mut params = self.usual("client");
        params.retain(|(name, _)| !more.iter().any(|(given, _)| given == name));
        params.extend(
            more.iter()
                .filter(|(_, value)| !value.is_empty())
                .map(|(name, value)| (*name, (*value).to_owned())),
        );
        self.signed(Method::GET, "client", &params).await
    }

    pub(super) async fn userinfo(&self, signed: &Signed) -> Value {
        let bearer = format!("Bearer {}", signed.tokens["access_token"].as_str().expect("an access token"));
        let (status, claims) = self.suite.call("/oidc/userinfo", None, Some(("authorization", bearer))).await;
        assert_eq!((status, &claims["sub"]), (200, &signed.claims["sub"]), "{}: {claims}", self.name);
        claims
    }

    async fn metadata(&self) -> Value {
        self.suite.metadata().await
    }

    async fn sign_in(&mut self) -> Outcome {
        match self.name {
            "oidcc-discovery-endpoint-verification"
            | "oidcc-rp-initiated-logout-discovery-endpoint-verification"
            | "oidcc-backchannel-logout-discovery-endpoint-verification"
            | "oidcc-frontchannel-logout-discovery-endpoint-verification" => self.discovery().await,
            "oidcc-userinfo-get" | "oidcc-userinfo-post-header" | "oidcc-userinfo-post-body" => {
                self.asks().await
            }
            "oidcc-scope-profile" => self.scopes("openid profile").await,
            "oidcc-scope-email" => self.scopes("openid email").await,
            "oidcc-scope-address" => self.scopes("openid address").await,
            "oidcc-scope-phone" => self.scopes("openid phone").await,
            "oidcc-scope-all" => self.scopes("openid profile email address phone").await,
            "oidcc-alternate-happy-flow" => self.scopes("email openid").await,
            "oidcc-prompt-login" | "oidcc-max-age-1" => self.again().await,
            "oidcc-prompt-none-logged-in" | "oidcc-id-token-hint" | "oidcc-max-age-10000" => {
                self.silent().await
            }
            "oidcc-codereuse" | "oidcc-codereuse-30seconds" => self.reuse().await,
            UNSIGNED_OBJECT => self.unsigned_object().await,
            "oidcc-ensure-registered-redirect-uri" | "oidcc-ensure-request-object-with-redirect-uri" => {
                self.unregistered().await
            }
            "oidcc-refresh-token" => self.refresh().await,
            "oidcc-backchannel-rp-initiated-logout" => self.back_channel().await,
            "oidcc-frontchannel-rp-initiated-logout" => self.front_channel().await,
            _ => self.one_request().await,
        }
    }

    /// Modules that make one request with a peculiarity.
    async fn one_request(&mut self) -> Outcome {
        let acr = self.metadata().await["acr_values_supported"][0].as_str().expect("a class").to_owned();
        let claims = json!({"userinfo": {"name": {"essential": true}}}).to_string();
        let more: Vec<(&'static str, &str)> = match self.name {
            "oidcc-server" | "oidcc-ensure-post-request-succeeds" | "oidcc-server-client-secret-post" => {
                vec![]
            }
            "oidcc-response-type-missing" => {
                let mut params = self.usual("client");
                params.retain(|(name, _)| *name != "response_type");
                assert_eq!(self.error(&params).await, "invalid_request");
                return Outcome::Passed;
            }
            "oidcc-prompt-none-not-logged-in" => {
                let mut params = self.usual("client");
                params.push(("prompt", "none".to_owned()));
                assert_eq!(self.error(&params).await, "login_required");
                return Outcome::Passed;
            }
            "oidcc-ensure-request-without-nonce-succeeds-for-code-flow" => vec![("nonce", "")],
            "oidcc-display-page" => vec![("display", "page")],
            "oidcc-display-popup" => vec![("display", "popup")],
            "oidcc-ensure-request-with-unknown-parameter-succeeds" => vec![("extra", "foobar")],
            "oidcc-login-hint" => vec![("login_hint", "buffy@localhost.emobix.co.uk")],
            "oidcc-ui-locales" => vec![("ui_locales", "se")],
            "oidcc-claims-locales" => vec![("claims_locales", "se")],
            "oidcc-ensure-request-with-acr-values-succeeds" => vec![("acr_values", &acr)],
            "oidcc-claims-essential" => vec![("claims", &claims)],
            "oidcc-ensure-request-with-valid-pkce-succeeds" => {
                vec![("code_challenge", CHALLENGE), ("code_challenge_method", "S256")]
            }
            other => panic!("what does {other} do?"),
        };
        let signed = match self.name {
            "oidcc-ensure-post-request-succeeds" => {
                let params = self.usual("client");
                self.signed(Method::POST, "client", &params).await
            }
            "oidcc-server-client-secret-post" => {
                let params = self.usual("client_secret_post");
                self.signed(Method::GET, "client_secret_post", &params).await
            }
            _ => self.happy(&more).await,
        };
        if self.name.ends_with("acr-values-succeeds") {
            assert_eq!(signed.claims["acr"], *acr);
        }
        let claims = self.userinfo(&signed).await;
        if self.name == "oidcc-claims-essential" {
            assert!(claims["name"].is_string() && signed.claims.get("name").is_none(), "{claims}");
        }
        Outcome::Passed
    }

    async fn discovery(&mut self) -> Outcome {
        let metadata = self.metadata().await;
        assert_eq!(metadata["issuer"], *self.suite.issuer.as_str().trim_end_matches('/'));
        let algs = metadata["id_token_signing_alg_values_supported"].as_array().expect("a list");
        assert!(algs.contains(&"RS256".into()), "{metadata}");
        for channel in ["backchannel", "frontchannel"] {
            for flag in ["logout_supported", "logout_session_supported"] {
                assert_eq!(metadata[format!("{channel}_{flag}")], true, "{channel} {flag}");
            }
        }
        assert!(metadata["end_session_endpoint"].as_str().is_some_and(|url| url.starts_with("https://")));
        Outcome::Passed
    }

    /// The three ways to ask for claims.
    async fn asks(&mut self) -> Outcome {
        let signed = self.happy(&[]).await;
        let token = signed.tokens["access_token"].as_str().expect("an access token");
        let bearer = Some(("authorization", format!("Bearer {token}")));
        let (status, claims) = match self.name {
            "oidcc-userinfo-get" => self.suite.call("/oidc/userinfo", None, bearer).await,
            "oidcc-userinfo-post-header" => self.suite.call("/oidc/userinfo", Some(&[]), bearer).await,
            _ => self.suite.call("/oidc/userinfo", Some(&[("access_token", token)]), None).await,
        };
        assert_eq!((status, &claims["sub"]), (200, &signed.claims["sub"]), "{}", self.name);
        Outcome::Passed
    }

    /// Skipped unless all scopes are supported; a warning unless every claim of theirs is given.
    async fn scopes(&mut self, scope: &str) -> Outcome {
        let metadata = self.metadata().await;
        let supported = metadata["scopes_supported"].as_array().expect("a list");
        if !scope.split(' ').all(|scope| supported.contains(&scope.into())) {
            return Outcome::Skipped;
        }
        let signed = self.happy(&[("scope", scope)]).await;
        let claims = self.userinfo(&signed).await;
        let wanted: &[&str] = match scope {
            "openid address" => &["address"],
            "openid phone" => &["phone_number", "phone_number_verified"],
            _ => &[
                "name",
                "given_name",
                "family_name",
                "middle_name",
                "nickname",
                "profile",
                "picture",
                "website",
                "gender",
                "birthdate",
                "zoneinfo",
                "locale",
                "updated_at",
                "preferred_username",
            ],
        };
        let all = wanted.iter().all(|claim| claims.get(*claim).is_some());
        if all { Outcome::Passed } else { Outcome::Warning }
    }

    /// A second authentication although a session exists, which the page of the number shows.
    async fn again(&mut self) -> Outcome {
        let first = self.happy(&[]).await;
        self.suite.pictured = false;
        self.suite.advance(2).await;
        let more = if self.name == "oidcc-prompt-login" { ("prompt", "login") } else { ("max_age", "1") };
        let second = self.happy(&[more]).await;
        assert_eq!(first.claims["sub"], second.claims["sub"], "{}", self.name);
        assert!(second.claims["auth_time"].as_i64() > first.claims["auth_time"].as_i64(), "{}", self.name);
        Outcome::Passed
    }

    /// A second request that the session answers.
    async fn silent(&mut self) -> Outcome {
        let max_age = self.name == "oidcc-max-age-10000";
        let first = self.happy(if max_age { &[("max_age", "15000")] } else { &[] }).await;
        let hint = first.id_token.clone();
        let second = match self.name {
            "oidcc-max-age-10000" => self.happy(&[("max_age", "10000")]).await,
            "oidcc-id-token-hint" => self.happy(&[("prompt", "none"), ("id_token_hint", &hint)]).await,
            _ => self.happy(&[("prompt", "none")]).await,
        };
        assert_eq!(first.claims["sub"], second.claims["sub"], "{}", self.name);
        assert_eq!(first.claims["auth_time"], second.claims["auth_time"], "{}", self.name);
        Outcome::Passed
    }

    async fn reuse(&mut self) -> Outcome {
        let params = self.usual("client");
        let fields = self.answer(Method::GET, &params).await;
        let (status, tokens) = self.redeem("client", &fields["code"], None).await;
        assert_eq!(status, 200, "{tokens}");
        if self.name.ends_with("30seconds") {
            self.suite.advance(30).await;
        }
        let (status, refused) = self.redeem("client", &fields["code"], None).await;
        assert_eq!((status, &refused["error"]), (400, &"invalid_grant".into()));
        let bearer = format!("Bearer {}", tokens["access_token"].as_str().expect("an access token"));
        let (status, _) = self.suite.call("/oidc/userinfo", None, Some(("authorization", bearer))).await;
        assert_eq!(status, 401, "what came of the code is revoked");
        Outcome::Passed
    }

    /// `response_mode`, `state` and `nonce` stand inside the object alone.
    async fn unsigned_object(&mut self) -> Outcome {
        let usual = self.usual("client");
        let inside: serde_json::Map<String, Value> =
            usual.iter().map(|(name, value)| ((*name).to_owned(), value.as_str().into())).collect();
        let mut outside = usual;
        outside.retain(|(name, _)| ["client_id", "redirect_uri", "scope", "response_type"].contains(name));
        outside.push(("request", unsigned(&inside.into())));
        // The suite looks for the error by the mode and the state of the request.
        assert_eq!(self.error(&outside).await, "request_not_supported");
        Outcome::Skipped
    }

    /// A page instead of a redirect.
    async fn unregistered(&mut self) -> Outcome {
        let mut params = self.usual("client");
        let inside: serde_json::Map<String, Value> =
            params.iter().map(|(name, value)| ((*name).to_owned(), value.as_str().into())).collect();
        for (name, value) in &mut params {
            if *name == "redirect_uri" {
                value.push_str("/kW7nvTgC3a");
            }
        }
        if self.name == "oidcc-ensure-request-object-with-redirect-uri" {
            params.push(("request", unsigned(&inside.into())));
        }
        match self.visit(Method::GET, &params).await {
            End::Page => Outcome::Passed,
            back @ End::Back { .. } => panic!("{}: {back:?}", self.name),
        }
    }

    async fn refresh(&mut self) -> Outcome {
        let mut refresh_tokens = Vec::new();
        for client in ["client", "client2"] {
            let mut params = self.usual(client);
            params.retain(|(name, _)| *name != "scope");
            params.extend([("scope", "openid offline_access".to_owned()), ("prompt", "consent".to_owned())]);
            let signed = self.signed(Method::GET, client, &params).await;
            refresh_tokens.push(signed.tokens["refresh_token"].as_str().expect("one").to_owned());
            self.suite.begin();
        }
        let fields = |token| [("grant_type", "refresh_token"), ("refresh_token", token)];
        let (status, tokens) = self.token("client", &fields(&refresh_tokens[0])).await;
        assert!(status == 200 && tokens["id_token"].is_string(), "{tokens}");
        let (status, refused) = self.token("client", &fields(&refresh_tokens[1])).await;
        assert_eq!((status, &refused["error"]), (400, &"invalid_grant".into()));
        Outcome::Passed
    }
}
