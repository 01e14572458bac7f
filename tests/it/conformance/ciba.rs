//! The plans of FAPI-CIBA, by `poll` and by `ping`. The person's phone is the sandbox's, whose hook answers as the person would.

use reqwest::Method;
use serde_json::{Value, json};

use super::party::{Answer, Party};
use super::suite::Suite;
use crate::ciba::pings::Told;
use crate::support::signer::unique;
use crate::support::wait::until;
use crate::support::{http, jwt};

/// A configuration, and the variant that docs/conformance.md runs it with.
pub(super) const PLANS: [(&str, &str); 2] =
    [("conformance-ciba-poll.json", "[ciba_mode=poll]"), ("conformance-ciba-ping.json", "[ciba_mode=ping]")];

const GRANT: &str = "urn:openid:params:grant-type:ciba";

/// Seconds between two polls.
const INTERVAL: i64 = 5;

/// A plan that is run.
pub(super) struct Ciba<'a> {
    suite: &'a mut Suite,
    config: Value,
    metadata: Value,
    parties: [Party; 2],
    ping: bool,
}

/// A request that was taken, and the token by which the service knows who tells it.
struct Asked {
    id: String,
    notification: String,
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_else(|| panic!("no text: {value}")).to_owned()
}

impl<'a> Ciba<'a> {
    /// Reads the configuration of a plan.
    pub(super) async fn of(suite: &'a mut Suite, file: &str, ping: bool) -> Self {
        suite.configure(file);
        let (metadata, config) = (suite.metadata().await, suite.of(""));
        let parties = [0, 1].map(|number| Party::of(&config, number, suite.ahead.clone()));
        Self { suite, config, metadata, parties, ping }
    }

    /// Every module's essential traffic.
    pub(super) async fn run(&mut self) {
        self.discovery();
        self.two_clients().await;
        self.refusal().await;
        self.bad_requests().await;
        self.bad_polls().await;
        // Last, since nobody answers its message.
        self.expiry().await;
    }

    fn discovery(&self) {
        let has = |member: &str, value: &str| {
            let list = self.metadata[member].as_array().unwrap_or_else(|| panic!("no {member}"));
            assert!(list.contains(&value.into()), "{member}: no {value}");
        };
        has("backchannel_token_delivery_modes_supported", if self.ping { "ping" } else { "poll" });
        has("backchannel_authentication_request_signing_alg_values_supported", "ES256");
        has("grant_types_supported", GRANT);
        assert_eq!(self.metadata["tls_client_certificate_bound_access_tokens"], true);
    }

    fn issuer(&self) -> String {
        text(&self.metadata["issuer"])
    }

    /// The suite addresses its assertions to the token endpoint, without the alias.
    fn proving(&self, party: usize) -> Vec<(&'static str, String)> {
        self.parties[party].assertion(&self.metadata["token_endpoint"], &json!({}))
    }

    /// What the suite asks: the hint of the configuration, by its name there.
    fn claims(&self, party: usize, notification: &str, more: &Value) -> Value {
        let client = &self.config[["client", "client2"][party]];
        let hint = text(&client["hint_type"]);
        let mut claims = json!({"scope": self.parties[party].scope, "binding_message": "1234"});
        claims[hint] = client["hint_value"].clone();
        if let Some(acr) = client["acr_value"].as_str() {
            claims["acr_values"] = acr.into();
        }
        if self.ping {
            claims["client_notification_token"] = notification.into();
        }
        claims.as_object_mut().expect("claims").extend(more.as_object().expect("claims").clone());
        claims
    }

    async fn send(&self, party: usize, fields: Vec<(&'static str, String)>) -> Answer {
        let url = text(&self.metadata["backchannel_authentication_endpoint"]);
        self.parties[party].post(&url, &fields, None).await
    }

    async fn ask_with(&self, party: usize, notification: &str, more: &Value) -> Answer {
        let claims = self.claims(party, notification, more);
        let object = self.parties[party].object("JWT", &self.issuer(), &claims);
        self.send(party, [self.proving(party), vec![("request", object)]].concat()).await
    }

    async fn ask(&self, party: usize, more: &Value) -> Asked {
        // The second client's is as long as the suite's longest.
        let length = [43, 1024][party];
        let notification = unique().repeat(60)[..length].to_owned();
        let asked = self.ask_with(party, &notification, more).await.granted();
        assert_eq!((asked.status, asked.body["interval"].as_i64()), (200, Some(INTERVAL)), "{asked:?}");
        Asked { id: asked.text("auth_req_id").to_owned(), notification }
    }

    async fn poll_with(&self, party: usize, id: &str, proving: Vec<(&'static str, String)>) -> Answer {
        let grant = vec![("grant_type", GRANT.to_owned()), ("auth_req_id", id.to_owned())];
        let url = text(&self.metadata["mtls_endpoint_aliases"]["token_endpoint"]);
        self.parties[party].post(&url, &[proving, grant].concat(), None).await
    }

    async fn poll(&self, party: usize, asked: &Asked) -> Answer {
        self.poll_with(party, &asked.id, self.proving(party)).await
    }

    /// What the suite calls so that the person decides.
    async fn decide(&self, asked: &Asked, action: &str) {
        let hook = text(&self.config["automated_ciba_approval_url"]);
        let hook = hook.replace("{auth_req_id}", &asked.id).replace("{action}", action);
        let answer = http::client().request(Method::POST, hook).send().await.expect("the hook");
        let status = answer.status();
        assert!(status.is_success(), "{action}: {status} {}", answer.text().await.unwrap_or_default());
    }

    /// Waits for the service to be told, where the plan is one of `ping`.
    async fn told(&self, asked: &Asked) {
        if !self.ping {
            return;
        }
        let body = json!({"auth_req_id": asked.id}).to_string();
        let told: Told = until("a notification", async || {
            self.suite.told.at("/told").into_iter().find(|told| told.body == body)
        })
        .await;
        assert_eq!(told.authorization, format!("Bearer {}", asked.notification));
        assert!(told.content_type.starts_with("application/json"), "{told:?}");
    }

    async fn two_clients(&mut self) {
        let keys = self.suite.keys().await;
        let resource = text(&self.config["resource"]["resourceUrl"]);
        for party in [0, 1] {
            let more = [json!({}), json!({"requested_expiry": 300})][party].clone();
            let asked = self.ask(party, &more).await;
            self.poll(party, &asked).await.refused("authorization_pending");
            self.suite.advance(INTERVAL).await;
            self.poll(party, &asked).await.refused("authorization_pending");
            self.decide(&asked, "allow").await;
            self.told(&asked).await;
            self.suite.advance(INTERVAL).await;
            let granted = self.poll(party, &asked).await.granted();
            assert_eq!(granted.headers["cache-control"], "no-store");
            let id_token = jwt::verify(granted.text("id_token"), &keys);
            assert_eq!(id_token.header["alg"], "ES256");
            assert_eq!(id_token.claims["acr"], "urn:yagona:acr:mobile-id");
            let token = granted.text("access_token");
            let told = self.parties[party].read(&resource, "Bearer", token, None).await.granted();
            assert_eq!(told.body["sub"], id_token.claims["sub"]);
            assert!(told.headers.contains_key("date"), "{told:?}");
            let other = self.parties[1 - party].read(&resource, "Bearer", token, None).await;
            assert_eq!(other.status, 401, "it is bound to a certificate: {other:?}");
            let refresh = vec![
                ("grant_type", "refresh_token".to_owned()),
                ("refresh_token", granted.text("refresh_token").to_owned()),
            ];
            let url = text(&self.metadata["mtls_endpoint_aliases"]["token_endpoint"]);
            let again = [self.proving(party), refresh].concat();
            self.parties[party].post(&url, &again, None).await.granted();
            self.poll(party, &asked).await.refused("invalid_grant");
        }
    }

    async fn refusal(&mut self) {
        let asked = self.ask(0, &json!({})).await;
        self.decide(&asked, "deny").await;
        self.told(&asked).await;
        self.poll(0, &asked).await.refused("access_denied");
    }

    /// Requests that nobody is asked for.
    async fn bad_requests(&mut self) {
        let now = self.parties[0].now();
        for wrong in [
            json!({"aud": null}),
            json!({"aud": "https://other.example.uz"}),
            json!({"iss": null}),
            json!({"iss": self.parties[1].id}),
            json!({"exp": null}),
            json!({"exp": now - 300}),
            json!({"exp": now + 4200}),
            json!({"iat": null}),
            json!({"nbf": null}),
            json!({"nbf": now + 600}),
            json!({"nbf": now - 4200}),
            json!({"jti": null}),
            json!({"id_token_hint": "x"}),
        ] {
            self.ask_with(0, "token", &wrong).await.refused("invalid_request");
        }
        let long = "1234 \u{1f600} 你好 ".repeat(50);
        let bad = self.ask_with(0, "token", &json!({"binding_message": long})).await;
        bad.refused("invalid_binding_message");
        // Unsigned, by another client's key, and without an object.
        let claims = self.claims(0, "token", &json!({}));
        let all = json!({"iss": self.parties[0].id});
        let with_issuer = {
            let mut claims = claims.clone();
            claims.as_object_mut().expect("claims").extend(all.as_object().expect("claims").clone());
            claims
        };
        let objects = [
            super::suite::unsigned(&with_issuer),
            self.parties[1].object("JWT", &self.issuer(), &with_issuer),
        ];
        for object in objects {
            let fields = [self.proving(0), vec![("request", object)]].concat();
            self.send(0, fields).await.refused("invalid_request");
        }
        let scope = self.parties[0].scope.clone();
        let plain = vec![("scope", scope), ("login_hint", "998001234567".to_owned())];
        self.send(0, [self.proving(0), plain].concat()).await.refused("invalid_request");
        // Nobody, and by the key of another.
        let object = self.parties[0].object("JWT", &self.issuer(), &claims);
        self.send(0, vec![("request", object.clone())]).await.refused("invalid_client");
        let id = &self.parties[0].id;
        let forged =
            self.parties[1].assertion(&self.metadata["token_endpoint"], &json!({"iss": id, "sub": id}));
        self.send(0, [forged, vec![("request", object)]].concat()).await.refused("invalid_client");
    }

    /// Who may not ask for an answer.
    async fn bad_polls(&mut self) {
        let asked = self.ask(0, &json!({"requested_expiry": "300"})).await;
        self.poll_with(0, &asked.id, vec![]).await.refused("invalid_client");
        self.poll_with(0, "no-such-request", self.proving(0)).await.refused("invalid_grant");
        self.poll(1, &asked).await.refused("invalid_grant");
        self.decide(&asked, "allow").await;
        self.told(&asked).await;
        // Its tokens are bound to a certificate, and at the address for everybody none is seen.
        let grant = vec![("grant_type", GRANT.to_owned()), ("auth_req_id", asked.id.clone())];
        let url = text(&self.metadata["token_endpoint"]);
        let bare = self.parties[0].post(&url, &[self.proving(0), grant].concat(), None).await;
        bare.refused("invalid_request");
        self.suite.advance(INTERVAL).await;
        self.poll(0, &asked).await.granted();
    }

    async fn expiry(&mut self) {
        let asked = self.ask(0, &json!({"requested_expiry": 10})).await;
        self.suite.advance(11).await;
        self.poll(0, &asked).await.refused("expired_token");
    }
}
