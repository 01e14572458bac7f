//! Tests of the sandbox over HTTP, in the gateways' wire formats. Common parts are here; there is one file of tests
//! per client.

mod eskiz;
mod playmobile;
mod screens;
mod switches;

use std::net::TcpListener;
use std::rc::Rc;
use std::time::Duration;

use actix_web::dev::{ServerHandle, ServiceResponse};
use actix_web::http::header;
use actix_web::test::{self, TestRequest};
use actix_web::web::{self, Bytes, Data};
use actix_web::{App, HttpRequest, HttpResponse, HttpServer, rt};
use futures_util::future::{FutureExt, LocalBoxFuture};
use serde_json::Value;
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};

use super::{EskizAccount, PlayMobileAccount, RegistrySettings, Sandbox, Settings, TestPerson, routes};

/// The first test person's number.
pub(super) const AZIZA: &str = "998000000001";

pub(super) fn settings() -> Settings {
    let person = |phone: &str, name: &str, about: &str| TestPerson {
        phone: phone.into(),
        pinfl: "30101902040015".into(),
        name: name.into(),
        about: about.into(),
    };
    Settings {
        people: vec![
            person(AZIZA, "Karimova Aziza", "Enrolled, ordinary"),
            person("998000000002", "O'G'LI <b>Bobur</b>", "Number blocked"),
        ],
        eskiz: EskizAccount {
            email: "sandbox@example.uz".into(),
            password: "p&ss word".into(),
            from: "4546".into(),
        },
        playmobile: PlayMobileAccount {
            login: "sandbox".into(),
            password: "secret".into(),
            originator: "3700".into(),
        },
        playmobile_callback: None,
        provider: None,
        registries: RegistrySettings::default(),
    }
}

pub(super) fn sandbox(settings: Settings) -> Data<Sandbox> {
    Data::new(Sandbox::new(settings).unwrap())
}

/// The sandbox, without a network.
pub(super) type Sandboxed = Box<dyn Fn(TestRequest) -> LocalBoxFuture<'static, ServiceResponse>>;

pub(super) async fn app(sandbox: &Data<Sandbox>) -> Sandboxed {
    let sandbox = sandbox.clone();
    let app = test::init_service(App::new().configure(move |config| routes(config, sandbox))).await;
    let app = Rc::new(app);
    Box::new(move |request| {
        let app = app.clone();
        async move { test::call_service(&*app, request.to_request()).await }.boxed_local()
    })
}

pub(super) struct Answer {
    pub status: u16,
    pub headers: header::HeaderMap,
    pub text: String,
}

impl Answer {
    pub(super) fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or_else(|_| panic!("not JSON: {}", self.text))
    }
}

pub(super) async fn call(app: &Sandboxed, request: TestRequest) -> Answer {
    let response = app(request).await;
    let (status, headers) = (response.status().as_u16(), response.headers().clone());
    let text = String::from_utf8(test::read_body(response).await.to_vec()).unwrap();
    Answer { status, headers, text }
}

pub(super) async fn messages(app: &Sandboxed, query: &str) -> Vec<Value> {
    let answer = call(app, TestRequest::get().uri(&format!("/messages{query}"))).await;
    assert_eq!(answer.status, 200, "{}", answer.text);
    answer.json().as_array().unwrap().clone()
}

/// Waits until the newest message is delivered.
pub(super) async fn until_delivered(app: &Sandboxed) {
    for _ in 0..200 {
        if messages(app, "").await.last().is_some_and(|message| message["status"] == "DELIVERED") {
            return;
        }
        rt::time::sleep(Duration::from_millis(50)).await;
    }
    panic!("not delivered within ten seconds");
}

/// Sets switches, like a script.
pub(super) async fn turn(app: &Sandboxed, changes: &'static str) -> Answer {
    let form = (header::CONTENT_TYPE, "application/x-www-form-urlencoded");
    call(app, TestRequest::post().uri("/switches").insert_header(form).set_payload(changes)).await
}

/// The sender's server, which gets delivery reports.
pub(super) struct Receiver {
    pub url: String,
    receipts: UnboundedReceiver<Receipt>,
    server: ServerHandle,
}

pub(super) struct Receipt {
    pub path: String,
    pub kind: String,
    pub body: String,
}

impl Receiver {
    pub(super) fn start() -> Self {
        let (sender, receipts) = unbounded_channel();
        let take = move |request: HttpRequest, body: Bytes| {
            let kind = request.headers().get(header::CONTENT_TYPE).unwrap().to_str().unwrap().to_owned();
            let body = String::from_utf8(body.to_vec()).unwrap();
            sender.send(Receipt { path: request.path().to_owned(), kind, body }).unwrap();
            async { HttpResponse::Ok().finish() }
        };
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let app = move || App::new().default_service(web::to(take.clone()));
        let server = HttpServer::new(app).workers(1).disable_signals().listen(listener).unwrap().run();
        let handle = server.handle();
        rt::spawn(server);
        Self { url, receipts, server: handle }
    }

    pub(super) async fn next(&mut self) -> Receipt {
        let waited = rt::time::timeout(Duration::from_secs(10), self.receipts.recv()).await;
        waited.expect("no receipt within ten seconds").unwrap()
    }

    /// The remaining delivery reports, after a short wait for late ones.
    pub(super) async fn rest(mut self) -> usize {
        rt::time::sleep(Duration::from_millis(700)).await;
        self.server.stop(false).await;
        std::iter::from_fn(|| self.receipts.try_recv().ok()).count()
    }
}
