use std::collections::VecDeque;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};

use super::Allowed;
use super::*;

/// What a server does once it has read a request.
#[derive(Clone, Copy)]
enum Reply {
    Text(&'static str),
    /// This many bytes, with or without Content-Length.
    Long {
        bytes: usize,
        announced: bool,
    },
    /// No response.
    Silence,
    /// The header and one byte, then nothing.
    Stutter,
}

/// A server on loopback: its address, its requests, and the number of its connections.
struct Server {
    address: SocketAddr,
    requests: UnboundedReceiver<String>,
    connections: Arc<AtomicUsize>,
}

impl Server {
    async fn start(reply: Reply) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (sender, requests) = unbounded_channel();
        let connections = Arc::new(AtomicUsize::new(0));
        let count = Arc::clone(&connections);
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                count.fetch_add(1, Ordering::SeqCst);
                let sender = sender.clone();
                tokio::spawn(async move {
                    let mut stream = stream;
                    while let Some(request) = read_request(&mut stream).await {
                        let _ = sender.send(request);
                        if respond(&mut stream, reply).await.is_none() {
                            break;
                        }
                    }
                });
            }
        });
        Self { address, requests, connections }
    }

    fn url(&self, host: &str) -> Url {
        Url::parse(&format!("http://{host}:{}/path", self.address.port())).unwrap()
    }

    fn connections(&self) -> usize {
        self.connections.load(Ordering::SeqCst)
    }
}

/// A request with its body, or `None` at the end of the connection.
async fn read_request(stream: &mut TcpStream) -> Option<String> {
    let mut text = String::new();
    loop {
        let mut buffer = [0; 1024];
        let read = stream.read(&mut buffer).await.ok().filter(|read| *read > 0)?;
        text.push_str(std::str::from_utf8(&buffer[..read]).unwrap());
        let Some((head, body)) = text.split_once("\r\n\r\n") else { continue };
        let length = head.lines().find_map(|line| line.strip_prefix("content-length: "));
        if body.len() >= length.map_or(0, |length| length.parse().unwrap()) {
            return Some(text);
        }
    }
}

async fn respond(stream: &mut TcpStream, reply: Reply) -> Option<()> {
    match reply {
        Reply::Text(text) => stream.write_all(text.as_bytes()).await.ok(),
        Reply::Long { bytes, announced } => {
            let length = if announced { format!("content-length: {bytes}\r\n") } else { String::new() };
            stream.write_all(format!("HTTP/1.1 200 OK\r\n{length}\r\n").as_bytes()).await.ok()?;
            stream.write_all(&vec![b'x'; bytes]).await.ok()?;
            // Without Content-Length, the end of the connection ends the response.
            None
        }
        Reply::Silence => std::future::pending().await,
        Reply::Stutter => {
            stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nx").await.ok()?;
            std::future::pending().await
        }
    }
}

const OK: Reply = Reply::Text("HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok");

fn allowing(hosts: &[&str]) -> Outbound {
    let allow = hosts.iter().map(|host| Allowed::Host { name: (*host).to_owned(), port: None }).collect();
    Outbound::new(OutboundSettings { allow }, true)
}

/// `outbound` with a resolver that answers from a list, and how often it was called.
fn looking_up(outbound: Outbound, answers: Vec<Vec<SocketAddr>>) -> (Outbound, Arc<AtomicUsize>) {
    let asked = Arc::new(AtomicUsize::new(0));
    let (count, answers) = (Arc::clone(&asked), Mutex::new(VecDeque::from(answers)));
    let look_up = move |_: String, _| -> BoxFuture<'static, io::Result<Vec<SocketAddr>>> {
        count.fetch_add(1, Ordering::SeqCst);
        let answer = answers.lock().unwrap().pop_front().ok_or_else(|| io::Error::other("no such name"));
        Box::pin(async move { answer })
    };
    (Outbound { look_up: Arc::new(look_up), ..outbound }, asked)
}

#[tokio::test]
async fn private_addresses_are_refused_in_every_notation() {
    let server = Server::start(OK).await;
    for host in [
        "127.0.0.1",
        "localhost",
        "127.1",
        "0x7f000001",
        "2130706433",
        "0.0.0.0",
        "[::1]",
        "[::ffff:127.0.0.1]",
        "10.0.0.1",
        "169.254.169.254",
        "192.168.0.1",
        "[fd00::1]",
    ] {
        let refused = allowing(&["elsewhere"]).get(&server.url(host)).await;
        assert!(matches!(refused, Err(OutboundError::NotAllowed { .. })), "{host}: {refused:?}");
    }
    assert_eq!(server.connections(), 0);
}

#[tokio::test]
async fn a_name_that_resolves_to_a_private_address_is_refused() {
    let server = Server::start(OK).await;
    for answer in [vec![server.address], vec!["10.0.0.1:80".parse().unwrap(), server.address], vec![]] {
        let (outbound, _) = looking_up(allowing(&[]), vec![answer]);
        let refused = outbound.get(&server.url("rp.example")).await;
        assert!(matches!(refused, Err(OutboundError::NotAllowed { .. })), "{refused:?}");
    }
    assert_eq!(server.connections(), 0);
}

#[tokio::test]
async fn an_allowed_address_is_reached_and_the_form_arrives() {
    let mut server = Server::start(OK).await;
    let response = allowing(&["127.0.0.1"])
        .post_form(&server.url("127.0.0.1"), &[("logout_token", "a.b&c"), ("x", "é")])
        .await
        .unwrap();
    assert_eq!((response.status(), response.body().await.unwrap().as_slice()), (200, b"ok".as_slice()));
    let request = server.requests.recv().await.unwrap();
    assert!(request.starts_with("POST /path HTTP/1.1\r\n"), "{request}");
    assert!(request.contains("content-type: application/x-www-form-urlencoded\r\n"), "{request}");
    assert!(request.ends_with("\r\n\r\nlogout_token=a.b%26c&x=%C3%A9"), "{request}");
}

#[tokio::test]
async fn the_address_that_was_checked_is_the_one_that_is_connected_to() {
    // The name does not exist, and every other lookup fails.
    let server = Server::start(OK).await;
    let (outbound, asked) = looking_up(allowing(&["rp.invalid"]), vec![vec![server.address]]);
    assert_eq!(outbound.get(&server.url("rp.invalid")).await.unwrap().status(), 200);
    assert_eq!((server.connections(), asked.load(Ordering::SeqCst)), (1, 1));
    let refused = outbound.get(&server.url("rp.invalid")).await;
    assert!(matches!(refused, Err(OutboundError::LookUp { .. })), "a kept connection is not used unasked");
}

#[tokio::test]
async fn connections_are_reused_while_the_name_resolves_to_the_same_addresses() {
    let (one, other) = (Server::start(OK).await, Server::start(OK).await);
    let (here, there) = (vec![one.address], vec![other.address]);
    let private = vec!["10.0.0.1:80".parse().unwrap()];
    let answers = vec![here.clone(), here.clone(), private, here, there];
    let allowed = Allowed::Block("127.0.0.0/8".parse().unwrap());
    let outbound = Outbound::new(OutboundSettings { allow: vec![allowed] }, false);
    let (outbound, _) = looking_up(outbound, answers);
    // Without a port in the URL, the port of the lookup is connected to.
    let url = Url::parse("http://rp.invalid/").unwrap();
    for _ in 0..2 {
        assert_eq!(outbound.get(&url).await.unwrap().body().await.unwrap(), b"ok");
    }
    assert_eq!(one.connections(), 1);
    let refused = outbound.get(&url).await;
    assert!(matches!(refused, Err(OutboundError::NotAllowed { .. })), "{refused:?}");
    for _ in 0..2 {
        assert_eq!(outbound.get(&url).await.unwrap().body().await.unwrap(), b"ok");
    }
    assert_eq!((one.connections(), other.connections()), (1, 1));
}

#[tokio::test]
async fn redirects_are_not_followed() {
    let elsewhere = Server::start(OK).await;
    let text = format!(
        "HTTP/1.1 302 Found\r\nlocation: {}\r\ncontent-length: 0\r\n\r\n",
        elsewhere.url("127.0.0.1")
    );
    let server = Server::start(Reply::Text(text.leak())).await;
    let response = allowing(&["127.0.0.1"]).get(&server.url("127.0.0.1")).await.unwrap();
    assert_eq!((response.status(), elsewhere.connections()), (302, 0));
}

#[tokio::test]
async fn a_response_that_is_too_long_is_an_error() {
    for announced in [true, false] {
        let outbound = allowing(&["127.0.0.1"]);
        let server = Server::start(Reply::Long { bytes: 1024 * 1024, announced }).await;
        let response = outbound.get(&server.url("127.0.0.1")).await.unwrap();
        assert_eq!(response.status(), 200, "the status is known before the body is");
        assert!(matches!(response.body().await, Err(OutboundError::TooLong)));
        let server = Server::start(Reply::Long { bytes: MAX_RESPONSE_BYTES, announced }).await;
        let response = outbound.get(&server.url("127.0.0.1")).await.unwrap();
        assert_eq!(response.body().await.unwrap().len(), MAX_RESPONSE_BYTES);
    }
}

#[tokio::test]
async fn slow_servers_and_slow_lookups_time_out() {
    for reply in [Reply::Silence, Reply::Stutter] {
        let server = Server::start(reply).await;
        let outbound = Outbound { timeout: Duration::from_millis(500), ..allowing(&["127.0.0.1"]) };
        let refused = match outbound.get(&server.url("127.0.0.1")).await {
            Ok(response) => response.body().await.map(|_| ()),
            Err(error) => Err(error),
        };
        assert!(matches!(refused, Err(OutboundError::TimedOut)), "{refused:?}");
        assert_eq!(server.connections(), 1);
    }
    let never = |_: String, _| -> BoxFuture<'static, io::Result<Vec<SocketAddr>>> {
        Box::pin(std::future::pending())
    };
    let timeout = Duration::from_millis(10);
    let outbound = Outbound { look_up: Arc::new(never), timeout, ..allowing(&[]) };
    let refused = outbound.get(&Url::parse("https://rp.example/").unwrap()).await;
    assert!(matches!(refused, Err(OutboundError::TimedOut)), "{refused:?}");
}

#[tokio::test]
async fn only_web_urls_without_credentials_are_allowed() {
    for url in [
        "ftp://127.0.0.1/",
        "file:///etc/passwd",
        "data:,x",
        "http://user@127.0.0.1/",
        "http://u:p@127.0.0.1/",
    ] {
        let refused = allowing(&["127.0.0.1"]).get(&Url::parse(url).unwrap()).await;
        assert!(matches!(refused, Err(OutboundError::Url)), "{url}: {refused:?}");
    }
}

#[tokio::test]
async fn self_signed_certificates_are_accepted_of_allowed_private_addresses_in_the_sandbox_only() {
    let address = tls_server();
    let url = Url::parse(&format!("https://localhost:{}/", address.port())).unwrap();
    let call = async |trusting| {
        let allow = vec![Allowed::Host { name: "localhost".to_owned(), port: Some(address.port()) }];
        let outbound = Outbound::new(OutboundSettings { allow }, trusting);
        looking_up(outbound, vec![vec![address]]).0.get(&url).await
    };
    assert_eq!(call(true).await.unwrap().status(), 200);
    let refused = call(false).await.unwrap_err();
    assert!(matches!(refused, OutboundError::Call(_)), "{refused:?}");
    assert!(refused.with_causes().to_lowercase().contains("certificate"), "{}", refused.with_causes());
}

#[test]
fn certificates_are_verified_if_one_address_is_public() {
    let [private, public] = ["127.0.0.1:443", "8.8.8.8:443"].map(|text| text.parse::<SocketAddr>().unwrap());
    assert!(allowing(&[]).trusts(&[private]));
    assert!(!allowing(&[]).trusts(&[private, public]) && !allowing(&[]).trusts(&[public]));
}

/// A server with a self-signed certificate.
fn tls_server() -> SocketAddr {
    use rustls::pki_types::PrivatePkcs8KeyDer;
    let made = rcgen::generate_simple_self_signed(vec!["localhost".to_owned()]).unwrap();
    let key = PrivatePkcs8KeyDer::from(made.signing_key.serialize_der());
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = rustls::ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![made.cert.der().clone()], key.into())
        .unwrap();
    let app = || actix_web::App::new().default_service(actix_web::web::to(|| async { "ok" }));
    let server = actix_web::HttpServer::new(app).workers(1).disable_signals();
    let server = server.bind_rustls_0_23("127.0.0.1:0", config).unwrap();
    let address = server.addrs()[0];
    tokio::spawn(server.run());
    address
}
