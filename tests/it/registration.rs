//! Services that register themselves (RFC 7591), manage their registration (RFC 7592), and are approved.

mod review;

use futures_util::future::join_all;
use reqwest::Method;
use serde_json::{Value, json};

use crate::support::client_file::{CALLBACK, CALLBACK_WITH_QUERY};
use crate::support::flow::redemption;
use crate::support::process::both_streams;
use crate::support::publisher::Publisher;
use crate::support::signer::Signer;
use crate::support::wait::until;
use crate::support::{
    Asked, Backend, Setup, Tokens, World, alone_on_both_backends, code_of, jwt, on_both_backends,
};

on_both_backends!(
    rfc7591_3_2_1_a_service_registers_itself_and_meets_people_once_it_is_approved,
    rfc7591_3_a_token_is_used_as_often_as_it_says_and_not_after_its_end,
    rfc7591_3_2_2_what_cannot_be_registered_is_refused_with_its_member,
    rfc7591_2_2_names_in_other_languages_are_registered,
    rfc7592_2_who_has_no_token_of_the_client_learns_nothing,
    rfc7592_2_2_a_change_of_an_approved_client_waits_and_the_registration_goes_on,
    rfc7592_2_2_a_client_that_waits_changes_at_once,
    rfc7592_2_3_a_client_that_is_deleted_loses_everything,
    oidc_registration_5_a_sector_is_read_before_a_client_registers,
    a_client_that_is_rejected_is_gone,
    in_the_sandbox_a_token_may_need_no_approval,
    the_conformance_suite_registers_as_documented,
);

alone_on_both_backends!(
    what_nobody_approves_is_bounded_and_removed,
    registration_requests_from_an_address_are_bounded,
);

/// What a service sends, with these members added or replaced; `null` leaves one out.
fn metadata(more: Value) -> Value {
    let mut members = json!({"client_name": "Bozor", "redirect_uris": [CALLBACK]});
    let Value::Object(more) = more else { panic!("no members: {more}") };
    members.as_object_mut().expect("members").extend(more);
    members
}

impl World {
    /// Makes an initial access token; its name and the token.
    fn registration_token(&self, flags: &[&str]) -> (String, String) {
        let create = ["client", "token", "create", "--owner", "Bozor LLC", "--format", "json"];
        let said = self.command(&[&create, flags].concat());
        let made: Value = serde_json::from_str(&said).expect(&said);
        let text = |name: &str| made[name].as_str().expect(name).to_owned();
        (text("token_id"), text("token"))
    }

    async fn registering(&self, method: Method, path: &str, token: &str, body: Option<&Value>) -> Tokens {
        let request = self.browser().request(method, &self.url(path)).bearer_auth(token);
        let request = match body {
            Some(body) => request.header("content-type", "application/json").body(body.to_string()),
            None => request,
        };
        Tokens::of(request.send().await.expect("an answer")).await
    }

    async fn register(&self, token: &str, members: &Value) -> Tokens {
        self.registering(Method::POST, "/oidc/register", token, Some(members)).await
    }

    /// Registers what must be taken, by a token of its own.
    async fn registered(&self, members: &Value) -> Own {
        let (_, token) = self.registration_token(&[]);
        let answer = self.register(&token, members).await;
        assert_eq!(answer.status, 201, "{}", answer.body);
        Own::of(&answer)
    }

    /// Waits until the provider has taken over what a command changed.
    async fn until_redeems(&self, own: &Own, error: &str) {
        until(&format!("{error} for {}", own.id), async || {
            let answer = self.redeem_as(own, "no-code").await;
            (answer.body["error"] == error).then_some(())
        })
        .await;
    }

    async fn redeem_as(&self, own: &Own, code: &str) -> Tokens {
        let basic = Some((own.id.as_str(), own.secret.as_str()));
        self.post_bare(self.nodes[0].port, "/oidc/token", &redemption(code), basic).await
    }
}

/// A client as its service knows it.
struct Own {
    id: String,
    secret: String,
    token: String,
    path: String,
}

impl Own {
    fn of(answer: &Tokens) -> Self {
        let path = url::Url::parse(answer.get("registration_client_uri")).expect("a URL").path().to_owned();
        let secret = answer.body["client_secret"].as_str().unwrap_or_default().to_owned();
        let token = answer.get("registration_access_token").to_owned();
        Self { id: answer.get("client_id").to_owned(), secret, token, path }
    }

    async fn ask(&self, world: &World, method: Method, body: Option<Value>) -> Tokens {
        // RFC 7592 §2.2: an update names the client.
        let body = body.map(|mut body| {
            body["client_id"] = self.id.as_str().into();
            body
        });
        world.registering(method, &self.path, &self.token, body.as_ref()).await
    }
}

fn assert_plain(answer: &Tokens) {
    let words = answer.get("error_description");
    assert!(words.chars().all(|c| matches!(c, ' '..='~') && c != '"' && c != '\\'), "{words}");
}

async fn rfc7591_3_2_1_a_service_registers_itself_and_meets_people_once_it_is_approved(world: &World) {
    let (_, token) = world.registration_token(&[]);
    let sent = metadata(json!({
        "contacts": ["it@bozor.uz"], "software_id": "4NRB1", "scope": "openid profile pinfl",
        "application_type": "web", "client_id": "chosen", "client_secret": "chosen-by-the-client",
    }));
    let answer = world.register(&token, &sent).await;
    assert_eq!(answer.status, 201, "{}", answer.body);
    assert_eq!(answer.headers["cache-control"], "no-store");
    let own = Own::of(&answer);
    assert!(own.id != "chosen" && own.secret.len() >= 43 && own.token.len() >= 43, "{}", answer.body);
    assert_eq!(answer.body["client_secret_expires_at"], 0);
    assert!(answer.body["client_id_issued_at"].as_i64().is_some_and(|at| at > 1_700_000_000));
    for (member, value) in [
        ("client_name", json!("Bozor")),
        ("redirect_uris", json!([CALLBACK])),
        ("contacts", json!(["it@bozor.uz"])),
        ("token_endpoint_auth_method", json!("client_secret_basic")),
        ("grant_types", json!(["authorization_code"])),
        ("response_types", json!(["code"])),
        ("subject_type", json!("pairwise")),
        ("id_token_signed_response_alg", json!("RS256")),
        ("registration_status", json!("pending")),
        ("software_id", Value::Null),
        // RFC 7591 §3.2.1: what the operator gave as well.
        ("owner", json!("Bozor LLC")),
        ("data_sets", json!([])),
        ("sector", json!(own.id)),
    ] {
        assert_eq!(answer.body[member], value, "{member}");
    }
    // Nobody meets it, and it gets nothing.
    let asked = Asked::by(&own.id).with("scope", "openid profile pinfl");
    let page = world.browser().begin(world, &asked).await.page().expect_status(403);
    assert!(page.body.contains("not open yet") && page.body.contains("waits for approval"), "{page}");
    world.redeem_as(&own, "no-code").await.refused(400, "unauthorized_client");
    let basic = Some((own.id.as_str(), own.secret.as_str()));
    let port = world.nodes[0].port;
    let fields: Vec<(&str, &str)> = asked.fields().iter().map(|(n, v)| (n.as_str(), v.as_str())).collect();
    for path in ["/oidc/par", "/oidc/device_authorization", "/oidc/introspect", "/oidc/revoke"] {
        world.post_bare(port, path, &fields, basic).await.refused(400, "unauthorized_client");
    }
    let guessed = Some((own.id.as_str(), "guessed"));
    world.post_bare(port, "/oidc/par", &fields, guessed).await.refused(401, "invalid_client");
    let listed = world.command(&["client", "list"]);
    assert!(listed.lines().any(|line| line.contains(&own.id) && line.contains("pending")), "{listed}");
    assert!(!world.command(&["client", "export"]).contains(&own.id), "importing it would approve it");

    let shown = world.command(&["client", "show", &own.id, "--waiting"]);
    assert!(shown.contains("Bozor LLC") && shown.contains(CALLBACK), "{shown}");
    let code = shown.trim_end().rsplit(' ').next().expect("a code").to_owned();
    let refused = world.try_command(&["client", "approve", &own.id, "--review", "another"]);
    assert!(!refused.status.success() && both_streams(&refused).contains("not what you looked at"));
    world.command(&["client", "approve", &own.id, "--review", &code]);
    world.until_redeems(&own, "invalid_grant").await;
    let person = world.person();
    let url = world.browser().sign_in(world, &asked, &person).await;
    let tokens = world.redeem_as(&own, &code_of(&url)).await.granted();
    // The scope of the request asks for data that no operator let it have.
    let userinfo = world.userinfo(tokens.get("access_token")).await.body;
    assert_eq!(userinfo.as_object().expect("claims").keys().collect::<Vec<_>>(), ["sub"]);
    assert_eq!(jwt::read(tokens.get("id_token")).claims["aud"], own.id.as_str());
    let twice = world.try_command(&["client", "approve", &own.id, "--review", &code]);
    assert!(both_streams(&twice).contains("nothing of the client"));
}

async fn rfc7591_3_a_token_is_used_as_often_as_it_says_and_not_after_its_end(world: &World) {
    let (id, token) = world.registration_token(&["--uses", "2"]);
    // What is refused uses nothing up.
    world
        .register(&token, &metadata(json!({"redirect_uris": []})))
        .await
        .refused(400, "invalid_redirect_uri");
    let members = metadata(json!({}));
    let answers = join_all((0..6).map(|_| world.register(&token, &members))).await;
    assert_eq!(answers.iter().filter(|answer| answer.status == 201).count(), 2, "of six at once two");
    for refused in answers.iter().filter(|answer| answer.status != 201) {
        refused.refused(401, "invalid_token");
    }
    let listed = world.command(&["client", "token", "list"]);
    assert!(listed.lines().any(|line| line.contains(&id) && line.contains("2 of 2 used")), "{listed}");
    assert!(!listed.contains(&token));
    let (id, token) = world.registration_token(&[]);
    world.command(&["client", "token", "revoke", &id]);
    for wrong in [token.as_str(), "guessed", &id] {
        let refused = world.register(wrong, &members).await;
        refused.refused(401, "invalid_token");
        assert!(refused.headers["www-authenticate"].to_str().expect("text").starts_with("Bearer "));
    }
    assert!(!world.try_command(&["client", "token", "revoke", &id]).status.success());
    let bare = world.browser().request(Method::POST, &world.url("/oidc/register"));
    let bare = bare.header("content-type", "application/json").body(members.to_string()).send().await;
    let bare = bare.expect("an answer");
    assert_eq!(
        (bare.status().as_u16(), &bare.headers()["www-authenticate"]),
        (401, &"Bearer realm=\"yagona\"".parse().expect("ASCII"))
    );
    let get = world.browser().request(Method::GET, &world.url("/oidc/register")).send().await;
    assert_eq!(get.expect("an answer").status(), 405);
}

async fn rfc7591_3_2_2_what_cannot_be_registered_is_refused_with_its_member(world: &World) {
    let (_, token) = world.registration_token(&[]);
    for (more, error, member) in [
        (json!({"redirect_uris": ["https://bozor.uz/cb#x"]}), "invalid_redirect_uri", "redirect_uris"),
        (json!({"redirect_uris": ["http://bozor.uz/cb"]}), "invalid_redirect_uri", "redirect_uris"),
        (json!({"redirect_uris": "https://bozor.uz/cb"}), "invalid_redirect_uri", "redirect_uris"),
        (json!({"redirect_uris": null}), "invalid_redirect_uri", "redirect_uris"),
        (json!({"client_name": null}), "invalid_client_metadata", "client_name"),
        (json!({"grant_types": ["implicit"]}), "invalid_client_metadata", "grant_types"),
        (json!({"response_types": ["code token"]}), "invalid_client_metadata", "response_types"),
        (json!({"token_endpoint_auth_method": "private_key_jwt"}), "invalid_client_metadata", "jwks"),
        (json!({"id_token_signed_response_alg": "none"}), "invalid_client_metadata", "id_token_signed"),
        (json!({"initiate_login_uri": "http://bozor.uz/"}), "invalid_client_metadata", "initiate_login_uri"),
        (json!({"request_object_encryption_alg": "dir"}), "invalid_client_metadata", "request_object_enc"),
        (json!({"subject_type": "public"}), "invalid_client_metadata", "subject_type"),
        (json!({"data_sets": [{"name": "pinfl"}]}), "invalid_client_metadata", "data_sets"),
        (json!({"basis": "statutory"}), "invalid_client_metadata", "basis"),
        (json!({"owner": "The State"}), "invalid_client_metadata", "owner"),
        (json!({"client_name": "Банк \"N\"\\ §", "tos_uri": "x"}), "invalid_client_metadata", "tos_uri"),
        (json!({"software_statement": "e30.e30.c2ln"}), "unapproved_software_statement", "software"),
        (json!({"software_statement": 1}), "invalid_software_statement", "the software_statement"),
    ] {
        let answer = world.register(&token, &metadata(more)).await;
        answer.refused(400, error);
        assert!(answer.get("error_description").contains(member), "{member}: {}", answer.body);
        assert_plain(&answer);
    }
    for (kind, body) in [("application/json", "[]"), ("application/json", "{"), ("text/plain", "{}")] {
        let request = world.browser().request(Method::POST, &world.url("/oidc/register"));
        let request = request.bearer_auth(&token).header("content-type", kind).body(body);
        let answer = Tokens::of(request.send().await.expect("an answer")).await;
        answer.refused(400, "invalid_client_metadata");
        assert_plain(&answer);
    }
    // The token still works.
    assert_eq!(world.register(&token, &metadata(json!({}))).await.status, 201);
}

async fn rfc7591_2_2_names_in_other_languages_are_registered(world: &World) {
    let own = world
        .registered(&metadata(json!({
            "client_name#ru": "Базар", "client_name#uz-Latn": "Bozor", "logo_uri#ru": "https://bozor.uz/ru.png",
        })))
        .await;
    let read = own.ask(world, Method::GET, None).await.granted();
    assert_eq!(read.body["client_name#ru"], "Базар");
    assert!(read.body.get("logo_uri#ru").is_none(), "not understood, and not told: {}", read.body);
    assert_eq!(read.body["registration_access_token"], own.token.as_str());
    assert!(read.body.get("client_secret").is_none(), "told once");
}

async fn rfc7592_2_who_has_no_token_of_the_client_learns_nothing(world: &World) {
    let (own, other) =
        (world.registered(&metadata(json!({}))).await, world.registered(&metadata(json!({}))).await);
    let bodies = |method: &Method| (*method == Method::PUT).then(|| metadata(json!({"client_id": "x"})));
    for method in [Method::GET, Method::PUT, Method::DELETE] {
        let mut told = Vec::new();
        for (path, token) in [
            (own.path.as_str(), "guessed"),
            (own.path.as_str(), other.token.as_str()),
            ("/oidc/register/nobody", own.token.as_str()),
            ("/oidc/register/shop", own.token.as_str()),
        ] {
            let answer = world.registering(method.clone(), path, token, bodies(&method).as_ref()).await;
            assert_eq!(answer.status, 401, "{method} {path}: {}", answer.body);
            assert_eq!(answer.body["error"], "invalid_token", "{method} {path}");
            told.push(answer.body);
        }
        told.dedup();
        assert_eq!(told.len(), 1, "the same answer whatever is there: {told:?}");
    }
    own.ask(world, Method::GET, None).await.granted();
    // A token that leaked is revoked, and the client goes on.
    world.command(&["client", "token", "revoke", &own.id]);
    own.ask(world, Method::DELETE, None).await.refused(401, "invalid_token");
    world.redeem_as(&own, "no-code").await.refused(400, "unauthorized_client");
}

async fn rfc7592_2_2_a_change_of_an_approved_client_waits_and_the_registration_goes_on(world: &World) {
    let own = world.registered(&metadata(json!({"contacts": ["it@bozor.uz"]}))).await;
    world.approve(&own.id);
    world.until_redeems(&own, "invalid_grant").await;
    let changed = metadata(json!({"client_name": "Bank", "redirect_uris": [CALLBACK_WITH_QUERY]}));
    let answer = own.ask(world, Method::PUT, Some(changed.clone())).await.granted();
    // The answer tells the registration that goes on.
    assert_eq!(answer.body["registration_status"], "change_pending");
    assert_eq!(
        (&answer.body["client_name"], &answer.body["redirect_uris"]),
        (&json!("Bozor"), &json!([CALLBACK]))
    );
    let new = Asked::by(&own.id).with("redirect_uri", CALLBACK_WITH_QUERY).with("scope", "openid");
    world.browser().begin(world, &new).await.page().expect_status(400);
    let old = Asked::by(&own.id).with("scope", "openid");
    let page = world.browser().begin(world, &old).await.page().expect("phone");
    assert!(page.body.contains("Bozor") && !page.body.contains("Bank"), "{page}");
    let listed = world.command(&["client", "list"]);
    assert!(listed.lines().any(|line| line.contains(&own.id) && line.contains("a change waits")), "{listed}");

    // What was looked at is not what waits any more.
    let shown = world.command(&["client", "show", &own.id, "--waiting"]);
    assert!(shown.contains("Bank") && !shown.contains("it@bozor.uz"), "{shown}");
    let code = shown.trim_end().rsplit(' ').next().expect("a code").to_owned();
    let another = metadata(json!({"client_name": "Another Bank", "redirect_uris": [CALLBACK_WITH_QUERY]}));
    own.ask(world, Method::PUT, Some(another)).await.granted();
    assert!(!world.try_command(&["client", "approve", &own.id, "--review", &code]).status.success());
    world.command(&["client", "reject", &own.id]);
    assert_eq!(own.ask(world, Method::GET, None).await.granted().body["registration_status"], "approved");

    let changed = metadata(json!({
        "client_name": "Bank", "redirect_uris": [CALLBACK_WITH_QUERY], "policy_uri": "http://localhost:9/q",
    }));
    own.ask(world, Method::PUT, Some(changed)).await.granted();
    // An operator gives it data meanwhile; the change does not take them away.
    let file = world.folder.file(&format!("{}.toml", own.id));
    let exported = world.command(&["client", "export", &own.id]);
    let given = "consent_days = 30\npurpose = \"Trade\"\nbasis = \"consent\"\npolicy_uri = \"http://localhost:9/p\"\n\
                 data_sets = [{ name = \"phone\", required = true }]";
    let with_data = exported.replace("data_sets = []", given);
    assert_ne!(exported, with_data, "{exported}");
    std::fs::write(&file, with_data).expect("a file");
    world.command(&["client", "import", &file.display().to_string()]);
    world.approve(&own.id);
    until("the new name", async || {
        let page = world.browser().begin(world, &new).await.page();
        page.body.contains("Bank").then_some(())
    })
    .await;
    world.browser().begin(world, &old).await.page().expect_status(400);
    let told = own.ask(world, Method::GET, None).await.granted().body;
    assert_eq!(told["data_sets"], json!([{"name": "phone", "required": true}]));
    assert_eq!((&told["consent_days"], &told["policy_uri"]), (&json!(30), &json!("http://localhost:9/q")));
    // It kept its secret; and what would need a new one cannot wait.
    world.until_redeems(&own, "invalid_grant").await;
    let secretless = json!({"token_endpoint_auth_method": "client_secret_jwt"});
    let refused = own.ask(world, Method::PUT, Some(metadata(secretless))).await;
    refused.refused(400, "invalid_client_metadata");
    for (more, member) in
        [(json!({"owner": "The State"}), "owner"), (json!({"client_secret": "another-one"}), "client_secret")]
    {
        let refused = own.ask(world, Method::PUT, Some(metadata(more))).await;
        refused.refused(400, "invalid_client_metadata");
        assert!(refused.get("error_description").starts_with(member), "{}", refused.body);
    }
    let unnamed = world.registering(Method::PUT, &own.path, &own.token, Some(&metadata(json!({})))).await;
    unnamed.refused(400, "invalid_client_metadata");
    // All that it was told it may send back.
    let told = own.ask(world, Method::GET, None).await.granted().body;
    let again = own.ask(world, Method::PUT, Some(told)).await.granted();
    assert_eq!(
        (&again.body["client_name"], &again.body["registration_status"]),
        (&json!("Bank"), &json!("approved"))
    );
}

async fn rfc7592_2_2_a_client_that_waits_changes_at_once(world: &World) {
    let own = world.registered(&metadata(json!({"contacts": ["it@bozor.uz"]}))).await;
    let public = json!({"client_name": "Ilova", "token_endpoint_auth_method": "none"});
    let answer = own.ask(world, Method::PUT, Some(metadata(public))).await.granted();
    assert_eq!((&answer.body["client_name"], &answer.body["contacts"]), (&json!("Ilova"), &Value::Null));
    assert_eq!(answer.body["registration_status"], "pending");
    // One with a secret again gets a new one.
    let answer = own.ask(world, Method::PUT, Some(metadata(json!({})))).await.granted();
    let secret = answer.get("client_secret");
    assert!(secret.len() >= 43 && secret != own.secret);
    world.approve(&own.id);
    let renewed = Own { secret: secret.to_owned(), ..Own::of(&answer) };
    world.until_redeems(&renewed, "invalid_grant").await;
    world.redeem_as(&own, "no-code").await.refused(401, "invalid_client");
}

async fn rfc7592_2_3_a_client_that_is_deleted_loses_everything(world: &World) {
    let pending = world.registered(&metadata(json!({}))).await;
    assert_eq!(pending.ask(world, Method::DELETE, None).await.status, 204);
    pending.ask(world, Method::GET, None).await.refused(401, "invalid_token");

    // In the sandbox, of a token whose clients need no approval.
    let (_, token) = world.registration_token(&["--approved"]);
    let own = Own::of(&world.register(&token, &metadata(json!({}))).await);
    let asked = Asked::by(&own.id).with("scope", "openid");
    let url = world.browser().sign_in(world, &asked, &world.person()).await;
    let tokens = world.redeem_as(&own, &code_of(&url)).await.granted();
    assert_eq!(world.userinfo(tokens.get("access_token")).await.status, 200);
    assert_eq!(own.ask(world, Method::DELETE, None).await.status, 204);
    assert_eq!(world.userinfo(tokens.get("access_token")).await.status, 401);
    world.redeem_as(&own, "no-code").await.refused(401, "invalid_client");
    own.ask(world, Method::GET, None).await.refused(401, "invalid_token");
    own.ask(world, Method::DELETE, None).await.refused(401, "invalid_token");
    assert!(!world.command(&["client", "list"]).contains(&own.id));
}

async fn oidc_registration_5_a_sector_is_read_before_a_client_registers(world: &World) {
    let (_, token) = world.registration_token(&["--uses", "2"]);
    let elsewhere = "http://127.0.0.1:9/callback";
    let uris = json!({"redirect_uris": [CALLBACK, elsewhere]});
    let refused = world.register(&token, &metadata(uris.clone())).await;
    refused.refused(400, "invalid_client_metadata");
    assert!(refused.get("error_description").contains("sector_identifier_uri"), "{}", refused.body);
    let named = |document: &Publisher| {
        let mut members = metadata(uris.clone());
        members["sector_identifier_uri"] = document.url.as_str().into();
        members
    };
    let bad = Publisher::start(&json!([CALLBACK]));
    let refused = world.register(&token, &named(&bad)).await;
    refused.refused(400, "invalid_client_metadata");
    assert!(refused.get("error_description").starts_with("sector_identifier_uri: "), "{}", refused.body);
    let good = Publisher::start(&json!([elsewhere, CALLBACK]));
    let answer = world.register(&token, &named(&good)).await;
    assert_eq!(answer.status, 201, "{}", answer.body);
    assert_eq!(answer.body["sector_identifier_uri"], good.url.as_str());
}

async fn a_client_that_is_rejected_is_gone(world: &World) {
    let own = world.registered(&metadata(json!({}))).await;
    let deleted = world.try_command(&["client", "delete", &own.id]);
    assert!(both_streams(&deleted).contains("client reject"), "{deleted:?}");
    world.command(&["client", "reject", &own.id]);
    own.ask(world, Method::GET, None).await.refused(401, "invalid_token");
    world.until_redeems(&own, "invalid_client").await;
    world.browser().begin(world, &Asked::by(&own.id)).await.page().expect_status(400);
    assert!(!world.try_command(&["client", "approve", &own.id, "--review", "x"]).status.success());
    assert!(!world.try_command(&["client", "reject", crate::support::client_file::SHOP]).status.success());
}

async fn in_the_sandbox_a_token_may_need_no_approval(world: &World) {
    let members = world.folder.file("members.toml");
    let text = "kind = \"state\"\nbasis = \"consent\"\npurpose = \"Tests\"\npolicy_uri = \"http://localhost:9/p\"\n\
                data_sets = [{ name = \"name\", required = true }]\n";
    std::fs::write(&members, text).expect("a file");
    let path = members.display().to_string();
    let (_, token) = world.registration_token(&["--approved", "--members", &path]);
    let answer = world.register(&token, &metadata(json!({}))).await;
    assert_eq!(
        (answer.status, &answer.body["registration_status"]),
        (201, &json!("approved")),
        "{}",
        answer.body
    );
    let own = Own::of(&answer);
    let asked = Asked::by(&own.id).with("scope", "openid profile");
    let url = world.browser().sign_in(world, &asked, &world.person()).await;
    let tokens = world.redeem_as(&own, &code_of(&url)).await.granted();
    assert!(world.userinfo(tokens.get("access_token")).await.body["name"].is_string());
    // Its changes take effect at once, too.
    // What its token gives it, it neither changes nor drops.
    let other = metadata(json!({"policy_uri": "http://localhost:9/other"}));
    own.ask(world, Method::PUT, Some(other)).await.refused(400, "invalid_client_metadata");
    let same = own.ask(world, Method::PUT, Some(metadata(json!({})))).await.granted();
    assert_eq!(same.body["policy_uri"], "http://localhost:9/p");
    let bank = metadata(json!({"client_name": "Bank", "policy_uri": "http://localhost:9/p"}));
    let answer = own.ask(world, Method::PUT, Some(bank)).await.granted();
    assert_eq!(
        (&answer.body["client_name"], &answer.body["registration_status"]),
        (&json!("Bank"), &json!("approved"))
    );
    std::fs::write(&members, "colour = \"red\"\n").expect("a file");
    let create = ["client", "token", "create", "--owner", "X", "--members", &path];
    assert!(both_streams(&world.try_command(&create)).contains("colour: there is no such member"));
}

/// What the suite of the OpenID Foundation sends in each module of its Dynamic plan, by the token that docs/conformance.md makes.
async fn the_conformance_suite_registers_as_documented(world: &World) {
    let members = concat!(env!("CARGO_MANIFEST_DIR"), "/config/conformance-members.toml");
    let create = ["client", "token", "create", "--approved", "--uses", "200", "--members", members];
    let said = world.command(&[&create[..], &["--format", "json"]].concat());
    let made: Value = serde_json::from_str(&said).expect(&said);
    let mut key = Signer::rsa("suite").jwk();
    key["alg"] = "RS256".into();
    let sent = json!({
        "client_name": "OIDF conformance suite", "grant_types": ["authorization_code"], "response_types": ["code"],
        "jwks": {"keys": [key]}, "token_endpoint_auth_method": "private_key_jwt", "contacts": ["certification@oidf.org"],
        "redirect_uris": ["https://localhost.emobix.co.uk:8443/test/a/yagona/callback"],
    });
    let answer = world.register(made["token"].as_str().expect("a token"), &sent).await;
    assert_eq!(
        (answer.status, &answer.body["registration_status"]),
        (201, &json!("approved")),
        "{}",
        answer.body
    );
    assert!(answer.body.get("client_secret").is_none());
    let own = Own::of(&answer);
    assert_eq!(own.ask(world, Method::GET, None).await.granted().body["jwks"], sent["jwks"]);
    assert_eq!(own.ask(world, Method::DELETE, None).await.status, 204);
}

async fn what_nobody_approves_is_bounded_and_removed(setup: Setup) {
    let world = setup.set("registration.most_pending", 4).set("registration.pending_days", 5).start().await;
    let (id, token) = world.registration_token(&["--uses", "5", "--days", "30"]);
    let members = metadata(json!({}));
    let first = Own::of(&world.register(&token, &members).await);
    let second = Own::of(&world.register(&token, &members).await);
    // One token takes no more than half of the places.
    let refused = world.register(&token, &members).await;
    refused.refused(429, "temporarily_unavailable");
    assert!(refused.headers.contains_key("retry-after"));
    assert!(
        world.command(&["client", "token", "list"]).contains("2 of 5 used"),
        "what is refused uses nothing up"
    );
    world.approve(&first.id);
    let third = Own::of(&world.register(&token, &members).await);
    // Of many that come at once as many are taken as there are places.
    let others: Vec<String> = (0..6).map(|_| world.registration_token(&[]).1).collect();
    let answers = join_all(others.iter().map(|token| world.register(token, &members))).await;
    assert_eq!(
        answers.iter().filter(|answer| answer.status == 201).count(),
        2,
        "of four places two were left"
    );
    for refused in answers.iter().filter(|answer| answer.status != 201) {
        refused.refused(429, "temporarily_unavailable");
    }
    world.advance(5 * 86_400 + 60).await;
    for own in [&second, &third] {
        until("the purge", async || (own.ask(&world, Method::GET, None).await.status == 401).then_some(()))
            .await;
    }
    first.ask(&world, Method::GET, None).await.granted();
    assert_eq!(world.register(&token, &members).await.status, 201);
    world.advance(26 * 86_400).await;
    world.register(&token, &members).await.refused(401, "invalid_token");
    assert!(world.command(&["client", "token", "list"]).contains(&id), "it has a client");
}

async fn registration_requests_from_an_address_are_bounded(setup: Setup) {
    let world = setup.set("registration.requests_per_minute", 3).start().await;
    for _ in 0..3 {
        world.register("guessed", &metadata(json!({}))).await.refused(401, "invalid_token");
    }
    let refused = world.registering(Method::GET, "/oidc/register/shop", "guessed", None).await;
    refused.refused(429, "temporarily_unavailable");
    assert_eq!(refused.headers["retry-after"], "60");
    world.advance(61).await;
    world.register("guessed", &metadata(json!({}))).await.refused(401, "invalid_token");
}

#[tokio::test]
async fn all_nodes_know_who_registered_at_one() {
    let mut world = Setup::new(Backend::Servers).set("nodes", 2).start().await;
    world.add_node().await;
    let own = world.registered(&metadata(json!({}))).await;
    let port = world.nodes[1].port;
    let request =
        world.browser().at(port).request(Method::GET, &world.url(&own.path)).bearer_auth(&own.token);
    assert_eq!(request.send().await.expect("an answer").status(), 200, "at once");
    world.approve(&own.id);
    let basic = Some((own.id.as_str(), own.secret.as_str()));
    until("the other node", async || {
        let answer = world.post_bare(port, "/oidc/token", &redemption("no-code"), basic).await;
        (answer.body["error"] == "invalid_grant").then_some(())
    })
    .await;
}
