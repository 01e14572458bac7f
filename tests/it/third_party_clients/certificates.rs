//! A library whose users give it certificates (RFC 8705): over TLS that the provider ends, so on one pair of stores.

use rcgen::{CertificateParams, KeyPair};
use serde_json::json;

use super::sign_in_with;
use crate::support::jwt::encode;
use crate::support::process::free_port;
use crate::support::world::clients_folder;
use crate::support::{Backend, Setup};

#[tokio::test]
async fn openid_client_of_npm_signs_in_by_a_certificate() {
    let key = KeyPair::generate().expect("a key");
    let certificate = CertificateParams::new(Vec::new()).expect("parameters");
    let certificate = certificate.self_signed(&key).expect("a certificate");
    let point = key.public_key_raw();
    let jwk = json!({"kty": "EC", "crv": "P-256", "x": encode(&point[1..33]), "y": encode(&point[33..])});
    let (client, port) = ("certified", free_port());
    let members = format!(
        "grant_types = [\"authorization_code\", \"refresh_token\"]\n\
         token_endpoint_auth_method = \"self_signed_tls_client_auth\"\n\
         tls_client_certificate_bound_access_tokens = true\njwks = '{}'\n",
        json!({"keys": [jwk]})
    );
    let world = Setup::new(Backend::Embedded)
        .over_tls()
        .set("server.mtls.url", format!("https://localhost:{port}"))
        .set("server.mtls.listen", format!("127.0.0.1:{port}"))
        .client(client, &members)
        .start()
        .await;
    let person = world.person();
    let more = [
        ("ID_TOKEN_ALG", "ES256".to_owned()),
        ("CERTIFICATE", certificate.pem()),
        ("PRIVATE_KEY", key.serialize_pem()),
    ];
    let program = ["node".into(), clients_folder().join("openid_client_mtls.mjs")];
    let learnt = sign_in_with(&world, &program, client, &more, &person).await;
    assert_eq!(learnt["userinfo"]["phone_number"], format!("+{}", person.number), "{learnt}");
    assert_eq!(learnt["refreshed"], learnt["claims"]["sub"], "{learnt}");
    assert!(learnt["cnf"]["x5t#S256"].is_string(), "{learnt}");
    assert_eq!((&learnt["stolen"], &learnt["unproven"]), (&401.into(), &"invalid_client".into()), "{learnt}");
    let alias = format!("https://localhost:{port}/oidc/token");
    assert_eq!(learnt["aliases"]["token_endpoint"], alias, "{learnt}");
}
