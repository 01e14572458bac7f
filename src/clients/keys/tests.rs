use std::sync::atomic::{AtomicUsize, Ordering};

use futures_util::FutureExt as _;
use serde_json::json;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;

use super::*;
use crate::clients::{Registration, Rules};
use crate::platform::jose::foreign::ForeignAlg;
use crate::platform::jose::{Alg, SigningKey};
use crate::platform::outbound::{Allowed, OutboundSettings};

const ANY: Policy<'_> = Policy { algs: &ForeignAlg::ALL, typ: None, max_bytes: 4096 };

fn key(kid: &str) -> SigningKey {
    SigningKey::from_pkcs8(kid, Alg::ES256, &SigningKey::generate(Alg::ES256, 2048)).unwrap()
}

fn set(keys: &[&SigningKey]) -> String {
    let keys: Vec<_> = keys.iter().map(|key| key.public_jwk()).collect();
    json!({"keys": keys}).to_string()
}

fn client(id: &str, members: &str) -> Client {
    let document = format!(
        "client_id = '{id}'\nclient_name = 'Portal'\nowner = 'Ministry'\nredirect_uris = ['https://portal.uz/cb']\n\
         scope = 'openid'\n{members}"
    );
    let rules = Rules {
        loopback_http: true,
        issuer: "https://id.uz".to_owned(),
        sms_host: "id.uz".to_owned(),
        shortest_secret: 8,
        published_secrets: true,
    };
    toml::from_str::<Registration>(&document).unwrap().parse(&rules).unwrap()
}

/// A host that publishes keys.
struct Host {
    address: String,
    answer: Arc<Mutex<(u16, String)>>,
    asked: Arc<AtomicUsize>,
}

impl Host {
    async fn start(keys: &str) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = format!("http://127.0.0.1:{}/jwks", listener.local_addr().unwrap().port());
        let answer = Arc::new(Mutex::new((200, keys.to_owned())));
        let asked = Arc::new(AtomicUsize::new(0));
        let (given, count) = (Arc::clone(&answer), Arc::clone(&asked));
        tokio::spawn(async move {
            while let Ok((mut stream, _)) = listener.accept().await {
                let (given, count) = (Arc::clone(&given), Arc::clone(&count));
                tokio::spawn(async move {
                    let mut request = [0; 4096];
                    while stream.read(&mut request).await.is_ok_and(|read| read > 0) {
                        count.fetch_add(1, Ordering::SeqCst);
                        let (status, body) = given.lock().unwrap().clone();
                        let length = body.len();
                        let head = format!(
                            "HTTP/1.1 {status} X\r\nlocation: /jwks\r\ncontent-length: {length}\r\n\r\n"
                        );
                        stream.write_all((head + &body).as_bytes()).await.unwrap();
                    }
                });
            }
        });
        Self { address, answer, asked }
    }

    fn publishes(&self, status: u16, body: &str) {
        *self.answer.lock().unwrap() = (status, body.to_owned());
    }

    fn client(&self, id: &str) -> Client {
        client(id, &format!("jwks_uri = '{}'", self.address))
    }

    fn asked(&self) -> usize {
        self.asked.load(Ordering::SeqCst)
    }
}

fn client_keys() -> (ClientKeys, Clock) {
    let allow = vec![Allowed::Host { name: "127.0.0.1".to_owned(), port: None }];
    let clock = Clock::manual(Timestamp(1_800_000_000));
    (ClientKeys::new(Outbound::new(OutboundSettings { allow }, true), clock.clone()), clock)
}

async fn verify(keys: &ClientKeys, client: &Client, by: &SigningKey) -> Result<(), ClientKeyError> {
    keys.verify(client, &by.sign("JWT", &json!({"iss": "portal"})), &ANY).await.map(|_| ())
}

#[tokio::test]
async fn keys_of_the_registration_need_no_request() {
    let (keys, _) = client_keys();
    let (own, other) = (key("1"), key("2"));
    let portal = client("portal", &format!("jwks = '{}'", set(&[&own])));
    verify(&keys, &portal, &own).await.unwrap();
    let unknown = verify(&keys, &portal, &other).await;
    assert!(matches!(unknown, Err(ClientKeyError::Token(ForeignError::UnknownKey))), "{unknown:?}");
    let none = verify(&keys, &client("bare", ""), &own).await;
    assert!(matches!(none, Err(ClientKeyError::NoKeys)), "{none:?}");
}

#[tokio::test]
async fn many_requests_at_once_fetch_the_keys_once() {
    let (keys, _) = client_keys();
    let own = key("1");
    let host = Host::start(&set(&[&own])).await;
    let portal = host.client("portal");
    let all = (0..20).map(|_| verify(&keys, &portal, &own));
    for verified in futures_util::future::join_all(all).await {
        verified.unwrap();
    }
    assert_eq!(host.asked(), 1);
}

#[tokio::test]
async fn an_unknown_kid_is_looked_for_once_in_a_minute() {
    let (keys, clock) = client_keys();
    let (old, new, strange) = (key("1"), key("2"), key("3"));
    let host = Host::start(&set(&[&old])).await;
    let portal = host.client("portal");
    verify(&keys, &portal, &old).await.unwrap();
    host.publishes(200, &set(&[&new]));
    clock.advance(59);
    assert!(verify(&keys, &portal, &new).await.is_err(), "just fetched");
    assert_eq!(host.asked(), 1);
    clock.advance(1);
    verify(&keys, &portal, &new).await.unwrap();
    assert_eq!(host.asked(), 2);
    for _ in 0..3 {
        assert!(verify(&keys, &portal, &strange).await.is_err());
        let withdrawn = verify(&keys, &portal, &old).await;
        assert!(matches!(withdrawn, Err(ClientKeyError::Token(ForeignError::UnknownKey))), "{withdrawn:?}");
    }
    assert_eq!(host.asked(), 2);
}

#[tokio::test]
async fn keys_outlive_a_failure_of_their_host_for_an_hour() {
    let (keys, clock) = client_keys();
    let own = key("1");
    let host = Host::start(&set(&[&own])).await;
    let portal = host.client("portal");
    verify(&keys, &portal, &own).await.unwrap();
    // A redirect leads nowhere, and what is no key set is none.
    for (at, (status, body)) in [(302, ""), (500, ""), (200, "<html>"), (200, "{}")].into_iter().enumerate() {
        host.publishes(status, body);
        clock.advance(FRESH);
        verify(&keys, &portal, &own).await.unwrap();
        assert_eq!(host.asked(), at + 2);
    }
    clock.advance(KEPT - 4 * FRESH);
    let gone = verify(&keys, &portal, &own).await;
    assert!(matches!(gone, Err(ClientKeyError::Unreadable)), "{gone:?}");
    let asked = host.asked();
    host.publishes(200, &set(&[&own]));
    clock.advance(AFTER_FAILURE - 1);
    assert!(verify(&keys, &portal, &own).await.is_err());
    assert_eq!(host.asked(), asked, "a host that fails is left alone for a while");
    clock.advance(1);
    verify(&keys, &portal, &own).await.unwrap();
}

#[tokio::test]
async fn a_key_that_was_withdrawn_is_accepted_for_ten_minutes_at_most() {
    let (keys, clock) = client_keys();
    let (old, new) = (key("1"), key("2"));
    let host = Host::start(&set(&[&old])).await;
    let portal = host.client("portal");
    verify(&keys, &portal, &old).await.unwrap();
    host.publishes(200, &set(&[&new]));
    clock.advance(FRESH - 1);
    verify(&keys, &portal, &old).await.unwrap();
    clock.advance(1);
    assert!(verify(&keys, &portal, &old).await.is_err(), "it was withdrawn");
    verify(&keys, &portal, &new).await.unwrap();
    assert_eq!(host.asked(), 2);
}

#[tokio::test]
async fn a_key_with_the_name_of_its_predecessor_is_fetched_too() {
    let (keys, clock) = client_keys();
    let (old, new) = (key("1"), key("1"));
    let host = Host::start(&set(&[&old])).await;
    let portal = host.client("portal");
    verify(&keys, &portal, &old).await.unwrap();
    host.publishes(200, &set(&[&new]));
    clock.advance(BETWEEN);
    verify(&keys, &portal, &new).await.unwrap();
}

#[tokio::test]
async fn a_client_that_moves_its_keys_is_asked_at_the_new_address() {
    let (keys, _) = client_keys();
    let (old, new) = (key("1"), key("2"));
    let (before, after) = (Host::start(&set(&[&old])).await, Host::start(&set(&[&new])).await);
    verify(&keys, &before.client("portal"), &old).await.unwrap();
    assert!(verify(&keys, &after.client("portal"), &old).await.is_err());
    verify(&keys, &after.client("portal"), &new).await.unwrap();
}

#[tokio::test]
async fn a_request_that_is_given_up_does_not_stop_the_fetch_that_others_wait_for() {
    let (keys, _) = client_keys();
    let own = key("1");
    let host = Host::start(&set(&[&own])).await;
    let portal = host.client("portal");
    {
        let mut given_up = Box::pin(verify(&keys, &portal, &own));
        assert!((&mut given_up).now_or_never().is_none());
    }
    verify(&keys, &portal, &own).await.unwrap();
    assert_eq!(host.asked(), 1);
}

#[tokio::test]
async fn a_host_that_hangs_holds_up_its_own_client_alone() {
    let (keys, _) = client_keys();
    let own = key("1");
    let silent = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = format!("http://127.0.0.1:{}/jwks", silent.local_addr().unwrap().port());
    let hanging = client("hanging", &format!("jwks_uri = '{address}'"));
    let mut waiting = Box::pin(verify(&keys, &hanging, &own));
    assert!((&mut waiting).now_or_never().is_none());
    let host = Host::start(&set(&[&own])).await;
    verify(&keys, &host.client("portal"), &own).await.unwrap();
    assert!((&mut waiting).now_or_never().is_none());
}
