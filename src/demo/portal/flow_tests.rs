//! Whole sign-ins against a simulated provider in the same process, over HTTP: its responses can be corrupted one
//! by one.

use std::net::TcpListener;
use std::sync::Mutex;

use actix_web::dev::ServerHandle;
use actix_web::http::StatusCode;
use actix_web::{App, HttpRequest, HttpResponse, HttpServer, test, web};
use aws_lc_rs::digest;
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair};
use base64::Engine as _;
use base64::prelude::{BASE64_STANDARD, BASE64_URL_SAFE_NO_PAD};
use serde_json::{Value, json};
use url::Url;

use super::*;

const PERSON: &str = "<b>Ali</b>";

/// The behaviour of the simulated provider.
struct Script {
    key: EcdsaKeyPair,
    issuer: String,
    nonce: String,
    challenge: String,
    spoil: fn(&mut Value),
    user: Value,
    redeemed: usize,
}

type Shared = web::Data<Mutex<Script>>;

struct World {
    script: Shared,
    portal: web::Data<Portal>,
    provider: ServerHandle,
}

fn world() -> World {
    let key = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let issuer = format!("http://{}", listener.local_addr().unwrap());
    let user = json!({"sub": "ali", "given_name": PERSON, "birthdate": "1990-05-07"});
    let script: Shared = web::Data::new(Mutex::new(Script {
        key,
        issuer: issuer.clone(),
        nonce: String::new(),
        challenge: String::new(),
        spoil: |_| (),
        user,
        redeemed: 0,
    }));
    let shared = script.clone();
    let server = HttpServer::new(move || {
        App::new()
            .app_data(shared.clone())
            .route("/.well-known/openid-configuration", web::get().to(discovery))
            .route("/jwks", web::get().to(jwks))
            .route("/token", web::post().to(token))
            .route("/userinfo", web::get().to(userinfo))
    })
    .workers(1)
    .disable_signals()
    .listen(listener)
    .unwrap()
    .run();
    let provider = server.handle();
    actix_web::rt::spawn(server);
    World { script, portal: portal(&issuer), provider }
}

fn portal(issuer: &str) -> web::Data<Portal> {
    let party = |id: &str, name: &str| RelyingParty {
        client_id: id.into(),
        client_secret: "s3cret:&".into(),
        name: name.into(),
        names: [("uz-Cyrl".to_owned(), "Давлат портали".to_owned())].into(),
        scopes: vec!["openid".into(), "profile".into()],
    };
    web::Data::new(
        Portal::new(Settings {
            issuer: issuer.into(),
            base_url: "http://localhost:8082".into(),
            parties: vec![party("portal", "Davlat portali"), party("market", "Arzon Market")],
            login_hint: Some("998001234567".into()),
            phone: "http://localhost:8081/phone".into(),
            counter: None,
        })
        .unwrap(),
    )
}

async fn discovery(script: Shared) -> HttpResponse {
    let issuer = &script.lock().unwrap().issuer;
    HttpResponse::Ok().json(json!({
        "issuer": issuer,
        "authorization_endpoint": format!("{issuer}/authorize"),
        "token_endpoint": format!("{issuer}/token"),
        "userinfo_endpoint": format!("{issuer}/userinfo"),
        "jwks_uri": format!("{issuer}/jwks"),
        "end_session_endpoint": format!("{issuer}/logout"),
        "response_types_supported": ["code"],
        "subject_types_supported": ["pairwise"],
        "id_token_signing_alg_values_supported": ["ES256"],
        "authorization_response_iss_parameter_supported": true,
    }))
}

async fn jwks(script: Shared) -> HttpResponse {
    let script = script.lock().unwrap();
    let point = script.key.public_key().as_ref();
    HttpResponse::Ok().json(json!({"keys": [{
        "kty": "EC", "use": "sig", "alg": "ES256", "kid": "k1", "crv": "P-256",
        "x": BASE64_URL_SAFE_NO_PAD.encode(&point[1..33]), "y": BASE64_URL_SAFE_NO_PAD.encode(&point[33..65]),
    }]}))
}

async fn token(
    script: Shared,
    form: web::Form<std::collections::HashMap<String, String>>,
    request: HttpRequest,
) -> HttpResponse {
    let mut script = script.lock().unwrap();
    let basic = format!("Basic {}", BASE64_STANDARD.encode("portal:s3cret%3A%26"));
    let proof = digest::digest(&digest::SHA256, form["code_verifier"].as_bytes());
    assert_eq!(request.headers().get("authorization").unwrap().to_str().unwrap(), basic);
    assert_eq!(BASE64_URL_SAFE_NO_PAD.encode(proof), script.challenge);
    assert_eq!(form["redirect_uri"], "http://localhost:8082/callback/0");
    script.redeemed += 1;
    let hash = digest::digest(&digest::SHA256, b"at");
    let mut claims = json!({
        "iss": script.issuer, "aud": "portal", "sub": "ali", "sid": "s1", "iat": now(), "exp": now() + 300,
        "nonce": script.nonce, "at_hash": BASE64_URL_SAFE_NO_PAD.encode(&hash.as_ref()[..16]),
    });
    (script.spoil)(&mut claims);
    let id_token = sign(&script.key, "JWT", &claims);
    HttpResponse::Ok().json(json!({"access_token": "at", "token_type": "Bearer", "id_token": id_token}))
}

async fn userinfo(script: Shared) -> HttpResponse {
    HttpResponse::Ok().json(&script.lock().unwrap().user)
}

fn sign(key: &EcdsaKeyPair, typ: &str, claims: &Value) -> String {
    let part = |value: &Value| BASE64_URL_SAFE_NO_PAD.encode(value.to_string());
    let signed = format!("{}.{}", part(&json!({"alg": "ES256", "kid": "k1", "typ": typ})), part(claims));
    let signature = key.sign(&SystemRandom::new(), signed.as_bytes()).unwrap();
    format!("{signed}.{}", BASE64_URL_SAFE_NO_PAD.encode(signature))
}

/// A browser of one tab.
struct Browser {
    portal: web::Data<Portal>,
    cookies: Vec<(String, String)>,
}

struct Page {
    status: StatusCode,
    location: Option<String>,
    body: String,
}

impl Browser {
    fn new(portal: &web::Data<Portal>) -> Self {
        Self { portal: portal.clone(), cookies: vec![] }
    }

    async fn get(&mut self, path: &str) -> Page {
        self.send(test::TestRequest::get().uri(path)).await
    }

    async fn send(&mut self, request: test::TestRequest) -> Page {
        let app = test::init_service(App::new().app_data(self.portal.clone()).configure(routes)).await;
        let cookies: Vec<_> = self.cookies.iter().map(|(name, value)| format!("{name}={value}")).collect();
        let request = request.insert_header(("Cookie", cookies.join("; "))).to_request();
        let response = test::call_service(&app, request).await;
        for set in response.headers().get_all("set-cookie") {
            let (pair, rest) = set.to_str().unwrap().split_once(';').unwrap();
            let (name, value) = pair.split_once('=').unwrap();
            assert!(rest.contains("HttpOnly") && rest.contains("SameSite=Lax"));
            self.cookies.retain(|(known, _)| known != name);
            self.cookies.push((name.to_owned(), value.to_owned()));
        }
        let location = response.headers().get("location").map(|to| to.to_str().unwrap().to_owned());
        let status = response.status();
        let body = String::from_utf8(test::read_body(response).await.to_vec()).unwrap();
        Page { status, location, body }
    }

    /// Starts a sign-in and returns the path of a successful callback.
    async fn go_out(&mut self, world: &World) -> String {
        let away = Url::parse(&self.get("/sign-in/0").await.location.unwrap()).unwrap();
        let sent = |name: &str| away.query_pairs().find(|(key, _)| key == name).unwrap().1.into_owned();
        assert_eq!(sent("code_challenge_method"), "S256");
        assert_eq!(sent("login_hint"), "998001234567");
        assert_eq!(sent("scope"), "openid profile");
        let mut script = world.script.lock().unwrap();
        script.nonce = sent("nonce");
        script.challenge = sent("code_challenge");
        format!("/callback/0?code=c&state={}&iss={}", sent("state"), script.issuer)
    }
}

#[actix_web::test]
async fn a_person_signs_in_sees_the_data_and_signs_out() {
    let world = world();
    let mut browser = Browser::new(&world.portal);
    let callback = browser.go_out(&world).await;
    let answer = browser.get(&callback).await;
    assert_eq!((answer.status, answer.location.as_deref()), (StatusCode::SEE_OTHER, Some("/")));

    let page = browser.get("/").await.body;
    assert!(page.contains("7 May 1990") && page.contains("ES256, by a key the provider publishes"));
    assert!(page.contains("matches the access token") && page.contains("is the one this browser began with"));
    assert!(!page.contains(PERSON), "what the provider sends is escaped");
    assert!(
        browser.get("/service/1").await.body.contains("id=\"sign-in\""),
        "the other service is not signed in"
    );

    let out = browser.send(test::TestRequest::post().uri("/sign-out/0")).await.location.unwrap();
    let out = Url::parse(&out).unwrap();
    let sent: std::collections::HashMap<_, _> = out.query_pairs().into_owned().collect();
    assert_eq!(out.path(), "/logout");
    assert_eq!(sent["post_logout_redirect_uri"], "http://localhost:8082/signed-out");
    assert_eq!(sent["id_token_hint"].split('.').count(), 3);
    let back = browser.get(&format!("/signed-out?state={}", sent["state"])).await.body;
    assert!(back.contains("signed out here and at Yagona"));
    assert!(browser.get("/").await.body.contains("id=\"sign-in\""));
    world.provider.stop(false).await;
}

#[actix_web::test]
async fn a_callback_in_another_browser_signs_nobody_in_and_spends_no_code() {
    let world = world();
    let callback = Browser::new(&world.portal).go_out(&world).await;
    let mut victim = Browser::new(&world.portal);
    victim.get("/sign-in/0").await;
    for mut browser in [victim, Browser::new(&world.portal)] {
        let page = browser.get(&callback).await;
        assert_eq!(page.status, StatusCode::BAD_REQUEST);
        assert!(page.body.contains("id=\"strange\""));
    }
    assert_eq!(world.script.lock().unwrap().redeemed, 0);
    world.provider.stop(false).await;
}

#[actix_web::test]
async fn going_back_to_a_used_callback_leads_to_ones_page_or_explains_itself() {
    let world = world();
    let mut browser = Browser::new(&world.portal);
    let callback = browser.go_out(&world).await;
    browser.get(&callback).await;
    assert_eq!(browser.get(&callback).await.location.as_deref(), Some("/"));
    browser.cookies.retain(|(name, _)| name == cookies::BROWSER);
    let page = browser.get(&callback).await;
    assert!(page.status == StatusCode::BAD_REQUEST && page.body.contains("id=\"used\""));
    assert_eq!(world.script.lock().unwrap().redeemed, 1);
    world.provider.stop(false).await;
}

#[actix_web::test]
async fn nothing_that_fails_verification_signs_anybody_in() {
    let world = world();
    let spoils: [fn(&mut Value); 7] = [
        |claims| claims["nonce"] = json!("another"),
        |claims| claims["nonce"] = Value::Null,
        |claims| claims["at_hash"] = json!("AAAAAAAAAAAAAAAAAAAAAA"),
        |claims| claims["aud"] = json!("market"),
        |claims| claims["iss"] = json!("http://elsewhere"),
        |claims| claims["exp"] = json!(now() - 3600),
        |claims| claims["sub"] = json!("vali"),
    ];
    for (number, spoil) in spoils.into_iter().enumerate() {
        world.script.lock().unwrap().spoil = spoil;
        let mut browser = Browser::new(&world.portal);
        let callback = browser.go_out(&world).await;
        let page = browser.get(&callback).await;
        assert_eq!(page.status, StatusCode::BAD_GATEWAY, "spoilt in way {number}");
        assert!(browser.get("/").await.body.contains("id=\"sign-in\""), "spoilt in way {number}");
    }
    assert_eq!(world.script.lock().unwrap().redeemed, spoils.len());
    world.provider.stop(false).await;
}

#[actix_web::test]
async fn an_answer_that_names_another_issuer_or_none_is_refused() {
    let world = world();
    let mut browser = Browser::new(&world.portal);
    for change in [
        |callback: &str| callback.replace("iss=http", "iss=https"),
        |callback: &str| callback.split("&iss").next().unwrap_or_default().to_owned(),
    ] {
        let callback = browser.go_out(&world).await;
        assert!(browser.get(&change(&callback)).await.body.contains("id=\"foreign\""));
    }
    world.provider.stop(false).await;
}

#[actix_web::test]
async fn a_refusal_is_calm_and_another_error_shows_its_code_escaped() {
    let world = world();
    let mut browser = Browser::new(&world.portal);
    let refused = browser.go_out(&world).await.replace("code=c", "error=access_denied");
    let page = browser.get(&refused).await;
    assert!(page.status == StatusCode::OK && page.body.contains("You refused"));

    let failed = browser.go_out(&world).await;
    let failed = failed.replace("code=c", "error=server_error&error_description=%3Cscript%3Ehi");
    let page = browser.get(&failed).await.body;
    assert!(page.contains("server_error") && page.contains("script") && !page.contains("<script>hi"));

    let strange = browser.go_out(&world).await.replace("code=c", "error=%3Cimg%3E");
    let page = browser.get(&strange).await.body;
    assert!(page.contains("unreadable_error") && !page.contains("img>"));
    world.provider.stop(false).await;
}

#[actix_web::test]
async fn an_error_without_a_sign_in_of_this_browser_is_not_repeated() {
    let world = world();
    let page = Browser::new(&world.portal).get("/callback/0?error=call_this_number&state=x").await;
    assert!(!page.body.contains("call_this_number"));
    let page = Browser::new(&world.portal).get("/callback/0?state=a&state=b").await;
    assert!(page.body.contains("id=\"broken\""));
    world.provider.stop(false).await;
}

#[actix_web::test]
async fn a_silent_provider_gets_a_page_that_says_so() {
    // A privileged port: a free one could be taken by the next test.
    let unreachable = "127.0.0.1:1";
    let page = Browser::new(&portal(&format!("http://{unreachable}"))).get("/sign-in/0").await;
    assert_eq!(page.status, StatusCode::SERVICE_UNAVAILABLE);
    assert!(page.body.contains("id=\"unreachable\""));
}

#[actix_web::test]
async fn a_third_party_begins_a_sign_in_only_at_this_provider() {
    let world = world();
    let mut browser = Browser::new(&world.portal);
    let page = browser.get("/sign-in/0?iss=http://elsewhere").await;
    assert!(page.body.contains("id=\"foreign\""));
    let begun = test::TestRequest::post()
        .uri("/sign-in/1")
        .set_form([("iss", world.script.lock().unwrap().issuer.as_str()), ("login_hint", "998001112233")]);
    let away = browser.send(begun).await.location.unwrap();
    assert!(away.contains("client_id=market") && away.contains("login_hint=998001112233"));
    world.provider.stop(false).await;
}

#[actix_web::test]
async fn a_logout_token_ends_the_session_and_an_id_token_does_not() {
    let world = world();
    let mut browser = Browser::new(&world.portal);
    let callback = browser.go_out(&world).await;
    browser.get(&callback).await;
    let logout = json!({
        "iss": world.script.lock().unwrap().issuer, "aud": "portal", "iat": now(), "exp": now() + 120, "jti": "j",
        "sid": "s1", "sub": "ali", "events": {"http://schemas.openid.net/event/backchannel-logout": {}},
    });
    let mut id_token = logout.clone();
    id_token["events"] = Value::Null;
    let notices = [(id_token, 400, true), (logout.clone(), 200, false), (logout, 400, false)];
    for (claims, status, still_in) in notices {
        let token = sign(&world.script.lock().unwrap().key, "logout+jwt", &claims);
        let notice = test::TestRequest::post().uri("/backchannel-logout").set_form([("logout_token", token)]);
        let answer = Browser::new(&world.portal).send(notice).await;
        assert_eq!(answer.status.as_u16(), status, "{}", answer.body);
        assert_eq!(browser.get("/").await.body.contains("id=\"greeting\""), still_in);
    }
    let other_key = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).unwrap();
    let forged = test::TestRequest::post()
        .uri("/backchannel-logout")
        .set_form([("logout_token", sign(&other_key, "logout+jwt", &json!({"sub": "ali"})))]);
    assert_eq!(Browser::new(&world.portal).send(forged).await.status, StatusCode::BAD_REQUEST);
    world.provider.stop(false).await;
}

#[actix_web::test]
async fn the_portal_speaks_four_languages_names_the_service_as_the_provider_does_and_shows_the_phone() {
    let portal = portal("http://127.0.0.1:1");
    for (tag, says, service) in [
        ("uz-Latn", "Yagona orqali kirish", "Davlat portali"),
        ("uz-Cyrl", "Yagona орқали кириш", "Давлат портали"),
        ("ru", "Войти через Yagona", "Davlat portali"),
        ("en", "Sign in with Yagona", "Davlat portali"),
    ] {
        let mut browser = Browser::new(&portal);
        for path in [format!("/?lang={tag}"), "/".to_owned()] {
            let page = browser.get(&path).await.body;
            assert!(page.contains(&format!("<html lang=\"{tag}\">")) && page.contains(says), "{page}");
            assert!(page.contains(&format!(">{service}<")), "{page}");
            assert!(page.contains("href=\"http://localhost:8081/phone\""), "{page}");
            // The sign-in goes on in the same language.
            assert!(page.contains(&format!("id=\"sign-in\" href=\"/sign-in/0?ui_locales={tag}\"")), "{page}");
            assert_eq!(page.matches(" hreflang=").count(), 3, "{page}");
        }
        let told = browser.get("/privacy/1").await.body;
        assert!(told.contains(&format!("<html lang=\"{tag}\">")), "{told}");
        let silent = browser.get("/sign-in/0").await;
        assert!(silent.body.contains(&format!("<html lang=\"{tag}\">")), "{}", silent.body);
    }
}
