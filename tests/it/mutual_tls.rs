//! RFC 8705: clients that prove themselves by a certificate, and tokens that are bound to it, over TLS that the provider
//! ends, and behind a proxy that does.

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use rcgen::{
    BasicConstraints, Certificate, CertificateParams, DistinguishedName, DnType, IsCa, Issuer, KeyPair,
};
use reqwest::{Identity, Method};
use serde_json::{Value, json};
use yagona::platform::jose::Alg;

use crate::support::flow::redemption;
use crate::support::folder::Folder;
use crate::support::jwt::{self, encode};
use crate::support::process::free_port;
use crate::support::signer::Signer;
use crate::support::signing;
use crate::support::{Asked, Backend, Setup, Tokens, World, alone_on_both_backends, code_of, param};

alone_on_both_backends!(rfc8705_a_proxy_passes_certificates_on);

/// Proves itself by a certificate of the authority.
const ANCHORED: &str = "anchored";
/// Proves itself by a certificate whose key is registered; its tokens are bound to it.
const OWN: &str = "own";
/// Has a secret, and tokens that are bound to its certificate.
const MIXED: &str = "mixed";
/// Publishes its keys where nobody answers.
const UNREAD: &str = "unread";
/// The same, with a secret.
const SIGNING: &str = "unread-signing";
/// Held to FAPI-CIBA, with the certificate of `OWN`; signs with the keys of `signing`.
const DESK: &str = "desk";
/// As the proxy calls it.
const HEADER: &str = "X-Client-Cert";

/// An authority with the certificates that it issued.
struct Certificates {
    authority: Certificate,
    anchored: (Certificate, KeyPair),
    another: (Certificate, KeyPair),
    own: (Certificate, KeyPair),
    stranger: (Certificate, KeyPair),
}

fn named(name: &str) -> CertificateParams {
    let mut params = CertificateParams::new(Vec::new()).expect("parameters");
    params.distinguished_name = DistinguishedName::new();
    params.distinguished_name.push(DnType::CountryName, "UZ");
    params.distinguished_name.push(DnType::CommonName, name);
    params
}

impl Certificates {
    fn new() -> Self {
        let mut params = named("Authority");
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let key = KeyPair::generate().expect("a key");
        let authority = params.self_signed(&key).expect("a certificate");
        let issuer = Issuer::new(params, key);
        let issued = |name: &str| {
            let key = KeyPair::generate().expect("a key");
            (named(name).signed_by(&key, &issuer).expect("a certificate"), key)
        };
        let alone = |name: &str| {
            let key = KeyPair::generate().expect("a key");
            (named(name).self_signed(&key).expect("a certificate"), key)
        };
        let (anchored, another) = (issued("Portal"), issued("Another"));
        Self { authority, anchored, another, own: alone("Own"), stranger: alone("Portal") }
    }

    /// The relying parties that these certificates belong to.
    fn clients(&self, setup: Setup) -> Setup {
        let refreshing =
            "grant_types = [\"authorization_code\", \"refresh_token\", \"client_credentials\"]\n";
        let bound = "tls_client_certificate_bound_access_tokens = true\n";
        let point = self.own.1.public_key_raw();
        let jwk = json!({"kty": "EC", "crv": "P-256", "x": encode(&point[1..33]), "y": encode(&point[33..])});
        let set = json!({"keys": [jwk]});
        let mut signing: Value = serde_json::from_str(&signing::jwks(DESK)).expect("a key set");
        let mut certified = jwk.clone();
        certified["kid"] = "own".into();
        signing["keys"].as_array_mut().expect("keys").push(certified);
        setup
            .client(
                ANCHORED,
                &format!("{refreshing}token_endpoint_auth_method = \"tls_client_auth\"\ntls_client_auth_subject_dn = \"CN=Portal,C=UZ\"\n"),
            )
            .client(
                OWN,
                &format!("{refreshing}{bound}token_endpoint_auth_method = \"self_signed_tls_client_auth\"\njwks = '{set}'\n"),
            )
            .client(
                UNREAD,
                "token_endpoint_auth_method = \"self_signed_tls_client_auth\"\njwks_uri = \"http://localhost:9/jwks\"\n",
            )
            .client(SIGNING, "jwks_uri = \"http://localhost:9/jwks\"\n")
            .client(
                DESK,
                &format!(
                    "profile = \"ciba\"\ngrant_types = [\"urn:openid:params:grant-type:ciba\"]\nredirect_uris = []\n\
                     token_endpoint_auth_method = \"self_signed_tls_client_auth\"\njwks = '{signing}'\n"
                ),
            )
            .client(MIXED, &format!("{refreshing}{bound}access_token_format = \"jwt\"\n"))
    }
}

/// A client's way to the provider, with a certificate.
trait Way {
    async fn post(
        &self,
        path: &str,
        fields: &[(&str, &str)],
        by: Option<&(Certificate, KeyPair)>,
        basic: Option<&str>,
    ) -> Tokens;
    async fn userinfo(&self, token: &str, by: Option<&(Certificate, KeyPair)>) -> u16;
}

/// What holds whichever way certificates come.
async fn certificates_prove_and_bind(world: &World, way: &impl Way, certificates: &Certificates) {
    let Certificates { anchored, another, own, stranger, .. } = certificates;
    let machine = |client: &'static str| [("grant_type", "client_credentials"), ("client_id", client)];
    let token = |client: &'static str| [("token", "x"), ("client_id", client)];
    // tls_client_auth: the authority and the name count.
    way.post("/oidc/introspect", &token(ANCHORED), Some(anchored), None).await.granted();
    for wrong in [Some(another), Some(stranger), Some(own), None] {
        let refused = way.post("/oidc/introspect", &token(ANCHORED), wrong, None).await;
        refused.refused(401, "invalid_client");
    }
    let secret = crate::support::client_file::secret(ANCHORED);
    way.post("/oidc/introspect", &[("token", "x")], Some(anchored), Some(ANCHORED))
        .await
        .refused(401, "invalid_client");
    let sent = [&token(ANCHORED)[..], &[("client_secret", secret.as_str())]].concat();
    way.post("/oidc/introspect", &sent, Some(anchored), None).await.refused(401, "invalid_client");
    let free = way.post("/oidc/token", &machine(ANCHORED), Some(anchored), None).await.granted();
    assert!(
        jwt_of(
            &way.post(
                "/oidc/introspect",
                &[("token", free.get("access_token")), ("client_id", ANCHORED)],
                Some(anchored),
                None
            )
            .await
        )
        .get("cnf")
        .is_none()
    );
    // self_signed_tls_client_auth: the key counts.
    for wrong in [Some(anchored), Some(stranger), None] {
        way.post("/oidc/introspect", &token(OWN), wrong, None).await.refused(401, "invalid_client");
    }
    let asked = Asked::by(OWN).with("scope", "openid offline_access");
    let code = code_of(&world.browser().sign_in(world, &asked, &world.person()).await);
    let redeem = [&redemption(&code)[..], &[("client_id", OWN)]].concat();
    let tokens = way.post("/oidc/token", &redeem, Some(own), None).await.granted();
    assert_eq!(tokens.get("token_type"), "Bearer");
    let access = tokens.get("access_token");
    let told = way
        .post("/oidc/introspect", &[("token", access), ("client_id", OWN)], Some(own), None)
        .await
        .granted();
    let digest = encode(aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, own.0.der()).as_ref());
    assert_eq!(told.body["cnf"], json!({"x5t#S256": digest}));
    assert_eq!(way.userinfo(access, Some(own)).await, 200);
    for wrong in [Some(anchored), None] {
        assert_eq!(way.userinfo(access, wrong).await, 401);
    }
    let again =
        [("grant_type", "refresh_token"), ("refresh_token", tokens.get("refresh_token")), ("client_id", OWN)];
    let next = way.post("/oidc/token", &again, Some(own), None).await.granted();
    assert_eq!(way.userinfo(next.get("access_token"), Some(own)).await, 200);
    // Where keys cannot be fetched, nothing is known to be wrong.
    way.post("/oidc/introspect", &token(UNREAD), Some(own), None)
        .await
        .refused(503, "temporarily_unavailable");
    let object = Signer::elliptic("1").sign(&json!({"alg": "ES256"}), &json!({}));
    let asked = Asked::by(SIGNING).and("request", &object);
    world.push(&asked).await.refused(503, "temporarily_unavailable");
    let answer = world.browser().begin(world, &asked).await.away();
    assert_eq!(param(&answer, "error").as_deref(), Some("temporarily_unavailable"));
    // A client with a secret may have bound tokens, too.
    let code = code_of(&world.browser().sign_in(world, &Asked::by(MIXED), &world.person()).await);
    way.post("/oidc/token", &redemption(&code), None, Some(MIXED)).await.refused(400, "invalid_request");
    let tokens = way.post("/oidc/token", &redemption(&code), Some(stranger), Some(MIXED)).await.granted();
    let claims = jwt::read(tokens.get("access_token")).claims;
    assert!(claims["cnf"]["x5t#S256"].is_string(), "{claims}");
    assert_eq!(way.userinfo(tokens.get("access_token"), Some(stranger)).await, 200);
    assert_eq!(way.userinfo(tokens.get("access_token"), Some(own)).await, 401);
    // What would bind its code to a key is refused at once, as no proof will ever redeem it.
    let key = Signer::elliptic("x");
    let asked = Asked::by(MIXED).and("dpop_jkt", &key.thumbprint());
    world.push(&asked).await.refused(400, "invalid_request");
    let answer = world.browser().begin(world, &asked).await.away();
    assert_eq!(param(&answer, "error").as_deref(), Some("invalid_request"));
    let (asked, address) = (Asked::by(MIXED), world.url("/oidc/par"));
    let request = world.browser().request(Method::POST, &address).form(asked.fields());
    let secret = crate::support::client_file::secret(MIXED);
    let request = request.basic_auth(MIXED, Some(secret));
    let request = request.header("DPoP", key.proof("POST", address.as_str(), &json!({})));
    Tokens::of(request.send().await.expect("an answer")).await.refused(400, "invalid_dpop_proof");
}

/// FAPI-CIBA §5.2.2: a signed request, a certificate, and tokens that are bound to it.
async fn fapi_ciba_5_2_2(world: &World, way: &impl Way, certificates: &Certificates) {
    let Certificates { own, anchored, .. } = certificates;
    let (person, now) = (world.person(), time::OffsetDateTime::now_utc().unix_timestamp());
    let claims = json!({
        "iss": DESK, "aud": world.issuer.as_str().trim_end_matches('/'), "jti": format!("desk-{now}"),
        "iat": now, "nbf": now, "exp": now + 300, "scope": "openid", "login_hint": person.number,
    });
    let path = "/oidc/bc-authorize";
    let mut claims = claims;
    // The person compares what the service shows (§5.2.2, item 2).
    let object = signing::sign(DESK, Alg::ES256, "JWT", &claims);
    let bare = [("request", object.as_str()), ("client_id", DESK)];
    let bare = way.post(path, &bare, Some(own), None).await;
    bare.refused(400, "invalid_request");
    assert!(bare.get("error_description").starts_with("binding_message is missing"), "{}", bare.body);
    claims["jti"] = format!("{}-2", claims["jti"].as_str().expect("a text")).into();
    claims["binding_message"] = "1234".into();
    let object = signing::sign(DESK, Alg::ES256, "JWT", &claims);
    let fields = [("request", object.as_str()), ("client_id", DESK)];
    way.post(path, &fields, None, None).await.refused(401, "invalid_client");
    let unsigned = [("scope", "openid"), ("login_hint", person.number.as_str()), ("client_id", DESK)];
    way.post(path, &unsigned, Some(own), None).await.refused(400, "invalid_request");
    let asked = way.post(path, &fields, Some(own), None).await.granted();
    let message = world.approval_message(&person).await;
    world.browser().decides(&message, "allow").await.expect("approval-done");
    let grant = "urn:openid:params:grant-type:ciba";
    let poll = [("grant_type", grant), ("auth_req_id", asked.get("auth_req_id")), ("client_id", DESK)];
    way.post("/oidc/token", &poll, Some(anchored), None).await.refused(401, "invalid_client");
    let tokens = way.post("/oidc/token", &poll, Some(own), None).await.granted();
    assert_eq!(way.userinfo(tokens.get("access_token"), Some(own)).await, 200);
    for wrong in [Some(anchored), None] {
        assert_eq!(way.userinfo(tokens.get("access_token"), wrong).await, 401);
    }
}

fn jwt_of(answer: &Tokens) -> &Value {
    assert_eq!(answer.status, 200, "{}", answer.body);
    &answer.body
}

/// The request header that names `host`, in the place of the one that is there.
fn at(host: &str) -> reqwest::header::HeaderMap {
    let host = host.parse().expect("a header");
    [(reqwest::header::HOST, host)].into_iter().collect()
}

/// A proxy on this machine that ends TLS.
struct Proxy<'a> {
    world: &'a World,
    format: fn(&Certificate) -> String,
    /// Whom the request is for.
    host: &'static str,
}

/// Where clients with certificates come to.
const HOST: &str = "mtls.example.uz";

impl Way for Proxy<'_> {
    async fn post(
        &self,
        path: &str,
        fields: &[(&str, &str)],
        by: Option<&(Certificate, KeyPair)>,
        basic: Option<&str>,
    ) -> Tokens {
        let request = self.world.browser().request(Method::POST, &self.world.url(path)).form(fields);
        let mut request = request.headers(at(self.host));
        if let Some((certificate, _)) = by {
            request = request.header(HEADER, (self.format)(certificate));
        }
        if let Some(client) = basic {
            request = request.basic_auth(client, Some(crate::support::client_file::secret(client)));
        }
        Tokens::of(request.send().await.expect("an answer")).await
    }

    async fn userinfo(&self, token: &str, by: Option<&(Certificate, KeyPair)>) -> u16 {
        let mut request =
            self.world.browser().request(Method::GET, &self.world.url("/oidc/userinfo")).bearer_auth(token);
        request = request.headers(at(self.host));
        if let Some((certificate, _)) = by {
            request = request.header(HEADER, (self.format)(certificate));
        }
        request.send().await.expect("an answer").status().as_u16()
    }
}

fn as_nginx(certificate: &Certificate) -> String {
    url::form_urlencoded::byte_serialize(certificate.pem().as_bytes()).collect::<String>().replace('+', "%20")
}

fn as_rfc9440(certificate: &Certificate) -> String {
    format!(":{}:", BASE64_STANDARD.encode(certificate.der()))
}

async fn rfc8705_a_proxy_passes_certificates_on(setup: Setup) {
    let (certificates, folder) = (Certificates::new(), Folder::new());
    let anchors = folder.file("anchors.pem");
    std::fs::write(&anchors, certificates.authority.pem()).expect("a file");
    let (name, format): (_, fn(&Certificate) -> String) = match setup.backend {
        Backend::Embedded => ("nginx", as_nginx),
        Backend::Servers => ("rfc9440", as_rfc9440),
    };
    let trusted = toml::Value::Array(vec!["127.0.0.1".into()]);
    let setup = setup
        .set("server.mtls.trusted_proxies", trusted)
        .set("server.mtls.url", "https://mtls.example.uz")
        .set("server.mtls.trust_anchors", anchors.display().to_string())
        .set("server.mtls.client_certificate_header", HEADER)
        .set("server.mtls.client_certificate_format", name);
    let world = certificates.clients(setup).start().await;
    let way = Proxy { world: &world, format, host: HOST };
    certificates_prove_and_bind(&world, &way, &certificates).await;
    fapi_ciba_5_2_2(&world, &way, &certificates).await;
    // At any other address nobody is asked for a certificate, so a header with one is the client's own.
    let fields = [("token", "x"), ("client_id", ANCHORED)];
    for host in ["localhost", "mtls.example.uz:8443", "mtls.example.uz@localhost", "x.mtls.example.uz"] {
        let elsewhere = Proxy { world: &world, format, host };
        let refused = elsewhere.post("/oidc/introspect", &fields, Some(&certificates.anchored), None).await;
        refused.refused(401, "invalid_client");
    }
    let same = Proxy { world: &world, format, host: "MTLS.example.uz:443" };
    same.post("/oidc/introspect", &fields, Some(&certificates.anchored), None).await.granted();
    let metadata = world.json("/.well-known/openid-configuration").await;
    assert_eq!(metadata["tls_client_certificate_bound_access_tokens"], true);
    assert_eq!(metadata["mtls_endpoint_aliases"]["token_endpoint"], "https://mtls.example.uz/oidc/token");
    let methods = metadata["token_endpoint_auth_methods_supported"].as_array().expect("a list");
    for method in ["tls_client_auth", "self_signed_tls_client_auth"] {
        assert!(methods.contains(&method.into()), "{method}");
    }
    // A proof of possession may be made for the alias.
    let key = Signer::elliptic("x");
    let proof = key.proof("POST", "https://mtls.example.uz/oidc/token", &json!({}));
    let fields = [("grant_type", "client_credentials"), ("client_id", ANCHORED)];
    let request = world.browser().request(Method::POST, &world.url("/oidc/token")).form(&fields);
    let request =
        request.headers(at(HOST)).header(HEADER, format(&certificates.anchored.0)).header("DPoP", proof);
    let tokens = Tokens::of(request.send().await.expect("an answer")).await.granted();
    assert_eq!(tokens.get("token_type"), "DPoP");
    let proof = key.proof("POST", world.url("/oidc/token").as_str(), &json!({}));
    let fields = [("grant_type", "client_credentials"), ("client_id", OWN)];
    let request = world.browser().request(Method::POST, &world.url("/oidc/token")).form(&fields);
    let request = request.headers(at(HOST)).header(HEADER, format(&certificates.own.0)).header("DPoP", proof);
    Tokens::of(request.send().await.expect("an answer")).await.refused(400, "invalid_dpop_proof");
}

#[tokio::test]
async fn rfc8705_a_header_from_anybody_else_is_ignored() {
    let (certificates, folder) = (Certificates::new(), Folder::new());
    let anchors = folder.file("anchors.pem");
    std::fs::write(&anchors, certificates.authority.pem()).expect("a file");
    // A proxy that is trusted for the client IP is not trusted for certificates.
    let list = |address: &str| toml::Value::Array(vec![address.into()]);
    let (this, elsewhere) = (list("127.0.0.1"), list("10.9.8.7"));
    let setup = Setup::new(Backend::Embedded)
        .set("server.trusted_proxies", this)
        .set("server.mtls.trusted_proxies", elsewhere)
        .set("server.mtls.url", "https://mtls.example.uz")
        .set("server.mtls.trust_anchors", anchors.display().to_string())
        .set("server.mtls.client_certificate_header", HEADER);
    let world = certificates.clients(setup).start().await;
    let way = Proxy { world: &world, format: as_nginx, host: HOST };
    let fields = [("token", "x"), ("client_id", ANCHORED)];
    way.post("/oidc/introspect", &fields, Some(&certificates.anchored), None)
        .await
        .refused(401, "invalid_client");
}

/// TLS that the provider ends, on a listener of its own.
struct Direct {
    port: u16,
}

impl Direct {
    fn client(by: Option<&(Certificate, KeyPair)>) -> reqwest::Client {
        let builder = reqwest::Client::builder().tls_danger_accept_invalid_certs(true);
        let builder = match by {
            None => builder,
            Some((certificate, key)) => {
                let pem = format!("{}{}", key.serialize_pem(), certificate.pem());
                builder.identity(Identity::from_pem(pem.as_bytes()).expect("an identity"))
            }
        };
        builder.build().expect("an HTTP client")
    }

    fn url(&self, path: &str) -> String {
        format!("https://localhost:{}{path}", self.port)
    }
}

impl Way for Direct {
    async fn post(
        &self,
        path: &str,
        fields: &[(&str, &str)],
        by: Option<&(Certificate, KeyPair)>,
        basic: Option<&str>,
    ) -> Tokens {
        let mut request = Self::client(by).post(self.url(path)).form(fields);
        // Nobody is trusted to pass one on: it changes nothing.
        request = request.header(HEADER, "ignored");
        if let Some(client) = basic {
            request = request.basic_auth(client, Some(crate::support::client_file::secret(client)));
        }
        Tokens::of(request.send().await.expect("an answer")).await
    }

    async fn userinfo(&self, token: &str, by: Option<&(Certificate, KeyPair)>) -> u16 {
        let request = Self::client(by).get(self.url("/oidc/userinfo")).bearer_auth(token);
        request.send().await.expect("an answer").status().as_u16()
    }
}

#[tokio::test]
async fn rfc8705_the_provider_ends_tls_itself() {
    let (certificates, folder, port) = (Certificates::new(), Folder::new(), free_port());
    let anchors = folder.file("anchors.pem");
    std::fs::write(&anchors, certificates.authority.pem()).expect("a file");
    let setup = Setup::new(Backend::Embedded)
        .over_tls()
        .set("server.mtls.url", format!("https://localhost:{port}"))
        .set("server.mtls.listen", format!("127.0.0.1:{port}"))
        .set("server.mtls.trust_anchors", anchors.display().to_string());
    let world = certificates.clients(setup).start().await;
    certificates_prove_and_bind(&world, &Direct { port }, &certificates).await;
    // The listener for browsers asks nobody for a certificate.
    let usual = Direct { port: world.nodes[0].port };
    let fields = [("token", "x"), ("client_id", ANCHORED)];
    let refused = usual.post("/oidc/introspect", &fields, Some(&certificates.anchored), None).await;
    refused.refused(401, "invalid_client");
    // And the one for certificates has what the aliases name, and no page.
    for (path, status) in [
        ("/sign-in/number", 404),
        ("/oidc/authorize", 404),
        ("/.well-known/openid-configuration", 404),
        ("/oidc/jwks", 404),
        ("/static/app.css", 404),
        ("/oidc/userinfo", 401),
        ("/oidc/token", 405),
    ] {
        let answer = Direct::client(None).get(Direct { port }.url(path)).send().await.expect("an answer");
        assert_eq!(answer.status().as_u16(), status, "{path}");
    }
}
