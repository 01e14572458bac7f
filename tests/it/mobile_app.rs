//! The API for the portal's app (docs/mobile-app.md).

mod walks;

use aws_lc_rs::digest::{SHA256, digest};
use reqwest::Method;
use serde_json::{Value, json};

use crate::data::bound;
use crate::support::jwt;
use crate::support::proofs::with_proofs;
use crate::support::signer::KEYS;
use crate::support::{Setup, World, alone_on_both_backends};

alone_on_both_backends!(
    rfc9449_the_app_needs_a_bound_token_with_its_scope,
    r53_a_form_that_is_wrong_gets_a_code_for_each_field_and_nothing_is_written,
);

pub(crate) const APP: &str = "portal-app";
const OTHER: &str = "other-app";

pub(crate) fn with_app(setup: Setup) -> Setup {
    let members = "grant_types = [\"client_credentials\"]\nmobile_id = true\n";
    setup
        .client(APP, members)
        .client(OTHER, members)
        .client("no-app", "grant_types = [\"client_credentials\"]\n")
}

/// Something that calls the API with a token.
pub(crate) struct Caller<'w> {
    world: &'w World,
    token: String,
}

/// Status and content of an answer.
pub(crate) type Answer = (u16, Value);

impl<'w> Caller<'w> {
    pub(crate) async fn of(world: &'w World, client: &str) -> Self {
        let fields = [("grant_type", "client_credentials"), ("scope", "mobile_id")];
        let tokens = bound(world, client, &fields).await.granted();
        Self { world, token: tokens.get("access_token").to_owned() }
    }

    pub(crate) async fn call(&self, method: Method, path: &str, body: Option<&Value>) -> Answer {
        let url = self.world.url(&format!("/mobile-id/v1{path}"));
        let hash = jwt::encode(digest(&SHA256, self.token.as_bytes()).as_ref());
        let proof = KEYS[0].proof(method.as_str(), url.as_str(), &json!({ "ath": hash }));
        let request = self.world.browser().request(method, &url);
        let request = with_proofs(request.header("authorization", format!("DPoP {}", self.token)), &[&proof]);
        let request = match body {
            Some(body) => request.json(body),
            None => request,
        };
        let answer = request.send().await.expect("an answer");
        let status = answer.status().as_u16();
        let kind = answer.headers().get("content-type").map(|kind| kind.to_str().expect("ASCII").to_owned());
        let body: Value = answer.json().await.expect("JSON");
        if status >= 400 && body.get("error").is_none() {
            assert_eq!(kind.as_deref(), Some("application/problem+json"), "{body}");
            assert_eq!(body["status"], status, "{body}");
        }
        (status, body)
    }

    pub(crate) async fn put(&self, id: &str, form: &Value) -> Answer {
        self.call(Method::PUT, &format!("/applications/{id}"), Some(form)).await
    }

    pub(crate) async fn get(&self, id: &str) -> Answer {
        self.call(Method::GET, &format!("/applications/{id}"), None).await
    }

    pub(crate) async fn post(&self, id: &str, what: &str, body: &Value) -> Answer {
        self.call(Method::POST, &format!("/applications/{id}/{what}"), Some(body)).await
    }
}

/// An identifier as an app makes it.
pub(crate) fn id() -> String {
    yagona::mobile_id::IdentificationId::random().as_str().to_owned()
}

async fn rfc9449_the_app_needs_a_bound_token_with_its_scope(setup: Setup) {
    let world = with_app(setup).start().await;
    let path = format!("/mobile-id/v1/applications/{}", id());
    let bare = world.browser().request(Method::GET, &world.url(&path)).send().await.expect("an answer");
    assert_eq!(bare.status(), 401);
    // A token that is bound to nothing.
    let fields = [("grant_type", "client_credentials"), ("scope", "mobile_id")];
    let unbound = world.post_as(APP, "/oidc/token", &fields).await.granted();
    let request = world.browser().request(Method::GET, &world.url(&path));
    let answer = request.bearer_auth(unbound.get("access_token")).send().await.expect("an answer");
    let challenge = answer.headers()["www-authenticate"].to_str().expect("ASCII").to_owned();
    assert!(answer.status() == 401 && challenge.contains("invalid_token"), "{challenge}");
    // A client that may not, and a token that was not asked for with the scope.
    let fields = [("grant_type", "client_credentials")];
    for (client, fields) in [("no-app", &[fields[0], ("scope", "mobile_id")][..]), (APP, &fields[..])] {
        let tokens = bound(&world, client, fields).await.granted();
        let caller = Caller { world: &world, token: tokens.get("access_token").to_owned() };
        let (status, body) = caller.get(&id()).await;
        assert_eq!((status, &body["error"]), (403, &"insufficient_scope".into()), "{client}: {body}");
    }
    let (status, body) = Caller::of(&world, APP).await.get(&id()).await;
    assert_eq!((status, &body["code"]), (404, &"not_found".into()), "{body}");
}

async fn r53_a_form_that_is_wrong_gets_a_code_for_each_field_and_nothing_is_written(setup: Setup) {
    let world = with_app(setup).start().await;
    let app = Caller::of(&world, APP).await;
    let form = json!({
        "language": "ru", "surname": "Valiyev7", "name": "", "number": "71 200 00 00", "pinfl": "30101902040016",
        "category": "temporary_foreigner", "document": "id_card", "document_number": "AA1234567",
    });
    let (status, body) = app.put(&id(), &form).await;
    assert_eq!((status, &body["code"]), (422, &"invalid_fields".into()), "{body}");
    let mut errors: Vec<String> = body["errors"]
        .as_array()
        .expect("a list")
        .iter()
        .map(|error| {
            format!("{} {}", error["field"].as_str().expect("f"), error["code"].as_str().expect("c"))
        })
        .collect();
    errors.sort();
    assert_eq!(
        errors,
        [
            "document not_of_category",
            "name empty",
            "number not_mobile",
            "pinfl check_digit",
            "surname characters"
        ]
    );
    for wrong in [json!([]), json!({"language": "ru"}), json!({"surname": 1})] {
        let (status, body) = app.put(&id(), &wrong).await;
        assert_eq!((status, &body["code"]), (400, &"invalid_body".into()), "{body}");
    }
    let (status, body) = app.put("UPPERCASE", &form).await;
    assert_eq!((status, &body["errors"][0]["field"]), (422, &"id".into()), "{body}");
    assert_eq!(world.stored("SELECT COUNT(*) FROM identifications").await, 0);
}
