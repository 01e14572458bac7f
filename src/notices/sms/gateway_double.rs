//! A gateway for tests: an HTTP server that records requests and responds by a rule; or a port that refuses, never
//! responds, or closes the connection after reading.

use std::io::Read;
use std::net::{SocketAddr, TcpListener};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use actix_web::http::StatusCode;
use actix_web::http::header::{AUTHORIZATION, CONTENT_TYPE, HeaderName};
use actix_web::{App, HttpRequest, HttpResponse, HttpServer, rt, web};

use super::OutgoingSms;
use crate::people::PhoneNumber;

/// One recorded request.
#[derive(Debug, Clone)]
pub(super) struct Seen {
    pub method: String,
    pub path: String,
    pub authorization: String,
    pub content_type: String,
    pub body: String,
}

type Rule = dyn Fn(&Seen) -> (u16, String) + Send + Sync;

pub(super) struct Double {
    address: SocketAddr,
    seen: Arc<Mutex<Vec<Seen>>>,
    /// Keeps a port open that never responds.
    _listener: Option<TcpListener>,
}

impl Double {
    /// A server that answers every request by `rule` until the test's runtime ends.
    pub(super) fn start(rule: impl Fn(&Seen) -> (u16, String) + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let seen = Arc::new(Mutex::new(Vec::new()));
        let (log, rule): (_, Arc<Rule>) = (Arc::clone(&seen), Arc::new(rule));
        let server = HttpServer::new(move || {
            let (log, rule) = (Arc::clone(&log), Arc::clone(&rule));
            App::new().default_service(web::to(move |request: HttpRequest, body: String| {
                let (log, rule) = (Arc::clone(&log), Arc::clone(&rule));
                async move { answer(&request, body, &log, &*rule) }
            }))
        });
        rt::spawn(server.workers(1).disable_signals().listen(listener).unwrap().run());
        Self { address, seen, _listener: None }
    }

    /// A port that refuses connections.
    pub(super) fn closed() -> Self {
        // A free port could be taken by the next test; this one is never used.
        let address = ([127, 0, 0, 1], 1).into();
        Self { address, seen: Arc::default(), _listener: None }
    }

    /// A port that accepts connections and never responds.
    pub(super) fn silent() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        Self { address, seen: Arc::default(), _listener: Some(listener) }
    }

    /// A port that reads the beginning of a request and closes the connection.
    pub(super) fn hanging_up() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        std::thread::spawn(move || {
            if let Ok((mut connection, _)) = listener.accept() {
                let _ = connection.read(&mut [0; 4096]);
            }
        });
        Self { address, seen: Arc::default(), _listener: None }
    }

    pub(super) fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    pub(super) fn seen(&self) -> Vec<Seen> {
        self.seen.lock().unwrap().clone()
    }

    /// Method and path of every request, in order.
    pub(super) fn calls(&self) -> Vec<String> {
        self.seen().iter().map(|seen| format!("{} {}", seen.method, seen.path)).collect()
    }
}

fn answer(request: &HttpRequest, body: String, log: &Mutex<Vec<Seen>>, rule: &Rule) -> HttpResponse {
    let header = |name: HeaderName| {
        request.headers().get(name).and_then(|value| value.to_str().ok()).unwrap_or_default().to_owned()
    };
    let seen = Seen {
        method: request.method().to_string(),
        path: request.path().to_owned(),
        authorization: header(AUTHORIZATION),
        content_type: header(CONTENT_TYPE),
        body,
    };
    log.lock().unwrap().push(seen.clone());
    let (status, body) = rule(&seen);
    HttpResponse::build(StatusCode::from_u16(status).unwrap()).content_type("application/json").body(body)
}

/// A message that expires in three minutes.
pub(super) fn message(id: &str) -> OutgoingSms {
    OutgoingSms {
        id: id.to_owned(),
        to: PhoneNumber::from_digits("998901234567").unwrap(),
        text: "Soliq: 123456".to_owned(),
        ttl: Duration::from_secs(180),
    }
}
