//! Services that are told that there is an answer (CIBA Core §10.2), and several nodes.

use std::sync::Mutex;
use std::sync::mpsc::{Receiver, Sender, channel};

use actix_web::web::{Bytes, Data};
use actix_web::{App, HttpRequest, HttpResponse, HttpServer, web};

use super::*;

alone_on_both_backends!(ciba_10_2_a_service_is_told_once_and_asks);

/// The shortest token that is taken.
const TOKEN: &str = "8d67dc78-7faa-4d41-aabd";

/// What arrived: the path, the headers that matter, and the body.
#[derive(Clone, Debug)]
pub(crate) struct Told {
    path: String,
    pub(crate) authorization: String,
    pub(crate) content_type: String,
    pub(crate) body: String,
}

/// A service's own server, which answers as its paths are called.
pub(crate) struct Server {
    pub(crate) base: String,
    arriving: Mutex<Receiver<Told>>,
    arrived: Mutex<Vec<Told>>,
}

struct Memory {
    sender: Mutex<Sender<Told>>,
    /// Whether the path that fails first has failed.
    failed: Mutex<bool>,
}

async fn take(request: HttpRequest, body: Bytes, memory: Data<Memory>) -> HttpResponse {
    let header = |name: &str| {
        let value = request.headers().get(name).and_then(|value| value.to_str().ok());
        value.unwrap_or_default().to_owned()
    };
    let told = Told {
        path: request.path().to_owned(),
        authorization: header("authorization"),
        content_type: header("content-type"),
        body: String::from_utf8_lossy(&body).into_owned(),
    };
    let path = told.path.clone();
    memory.sender.lock().expect("one thread").send(told).expect("a reader");
    let fails_first = || !std::mem::replace(&mut *memory.failed.lock().expect("one thread"), true);
    match path.trim_start_matches('/') {
        "fails-first" if fails_first() => HttpResponse::ServiceUnavailable().finish(),
        "moved" => HttpResponse::TemporaryRedirect().insert_header(("Location", "/elsewhere")).finish(),
        "refuses" => HttpResponse::Unauthorized().body("x".repeat(200_000)),
        "says-more" => HttpResponse::Ok().body("{\"error\":\"ignored\"}"),
        _ => HttpResponse::NoContent().finish(),
    }
}

impl Server {
    pub(crate) fn start() -> Self {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a free port");
        let base = format!("http://{}", listener.local_addr().expect("its address"));
        let (sender, arriving) = channel();
        let memory = Data::new(Memory { sender: Mutex::new(sender), failed: Mutex::default() });
        std::thread::spawn(move || {
            actix_web::rt::System::new().block_on(async move {
                let app = move || App::new().app_data(memory.clone()).default_service(web::to(take));
                let server = HttpServer::new(app).workers(1).disable_signals();
                server.listen(listener).expect("a listener").run().await
            })
        });
        Self { base, arriving: Mutex::new(arriving), arrived: Mutex::default() }
    }

    /// Everything that arrived at a path.
    pub(crate) fn at(&self, path: &str) -> Vec<Told> {
        let mut arrived = self.arrived.lock().expect("one reader");
        arrived.extend(self.arriving.lock().expect("one reader").try_iter());
        arrived.iter().filter(|told| told.path == path).cloned().collect()
    }

    /// A registration that is told at a path.
    fn client(&self, setup: Setup, id: &str, path: &str) -> Setup {
        let members = format!(
            "grant_types = [\"{GRANT}\"]\nredirect_uris = []\nbackchannel_token_delivery_mode = \"ping\"\n\
             backchannel_client_notification_endpoint = \"{}{path}\"\n",
            self.base
        );
        setup.client(id, &members)
    }
}

/// Asks a person and lets them decide; the service's request.
async fn decided(world: &World, client: &str, token: &str, button: &str) -> Tokens {
    let person = world.person();
    let fields =
        [("scope", "openid"), ("login_hint", person.number.as_str()), ("client_notification_token", token)];
    let asked = world.asks(client, &fields).await.granted();
    let message = world.approval_message(&person).await;
    let done = if button == "allow" { "approval-done" } else { "approval-refused" };
    world.browser().decides(&message, button).await.expect(done);
    asked
}

async fn ciba_10_2_a_service_is_told_once_and_asks(setup: Setup) {
    let server = Server::start();
    let paths = ["well", "says-more", "fails-first", "moved", "refuses"];
    let setup = paths.iter().fold(setup, |setup, path| server.client(setup, path, &format!("/{path}")));
    let world = setup.start().await;
    let number = world.person().number;
    let scope = [("scope", "openid"), ("login_hint", number.as_str())];
    let with = |token| [&scope[..], &[("client_notification_token", token)]].concat();
    for wrong in ["", "a b", &"x".repeat(21), &"x".repeat(1025)] {
        world.asks("well", &with(wrong)).await.refused(400, "invalid_request");
    }
    // A long token, and what the service answers is not read.
    let long = "x".repeat(1024);
    for (client, button, answer) in [
        ("well", "allow", None),
        ("says-more", "deny", Some("access_denied")),
        ("fails-first", "allow", None),
    ] {
        let asked = decided(&world, client, &long, button).await;
        let path = format!("/{client}");
        let least = usize::from(client == "fails-first");
        let told = until("a ping", async || {
            let told = server.at(&path);
            (told.len() > least).then_some(told)
        });
        let told = told.await;
        let last = &told[told.len() - 1];
        assert_eq!(last.authorization, format!("Bearer {long}"));
        assert!(last.content_type.starts_with("application/json"), "{last:?}");
        let body: Value = serde_json::from_str(&last.body).expect("JSON");
        assert_eq!(body, json!({"auth_req_id": asked.get("auth_req_id")}));
        // It may ask whether or not it was told.
        match answer {
            None => drop(world.polled(client, &asked).await.granted()),
            Some(error) => world.polled(client, &asked).await.refused(400, error),
        }
    }
    // Neither a redirect is followed nor a refusal repeated, and the person's page is there all the same.
    for client in ["moved", "refuses"] {
        let asked = decided(&world, client, TOKEN, "allow").await;
        let row = until("the failure", async || {
            let rows = world.audit_rows().await;
            let of = |row: &&_| row_of(row, client);
            rows.iter().find(of).map(|row| row.content.clone())
        });
        let row = row.await;
        assert!(row["reason"].as_str().is_some_and(|why| why.starts_with("status ")), "{row}");
        assert_eq!(server.at(&format!("/{client}")).len(), 1);
        world.polled(client, &asked).await.granted();
    }
    assert!(server.at("/elsewhere").is_empty());
    assert_eq!(server.at("/well").len(), 1, "who was told is not told again");
}

fn row_of(row: &crate::support::database::AuditRow, client: &str) -> bool {
    row.event == "ciba.ping_failed" && row.content["client.id"] == client
}

#[tokio::test]
async fn ciba_10_2_of_several_nodes_one_tells_and_any_answers() {
    let server = Server::start();
    let setup = server.client(Setup::new(Backend::Servers), "well", "/well");
    let mut world = setup.set("nodes", 2).start().await;
    world.add_node().await;
    let (person, ports) = (world.person(), [world.nodes[0].port, world.nodes[1].port]);
    let fields =
        [("scope", "openid"), ("login_hint", person.number.as_str()), ("client_notification_token", TOKEN)];
    let asked = world.post_at(ports[1], "well", PATH, &fields).await.granted();
    let message = world.approval_message(&person).await;
    // At both nodes at once: one of them stores the decision.
    let decide = async |port: u16| world.browser().at(port).decides(&message, "allow").await;
    let pages = join_all(ports.map(decide)).await;
    assert!(pages.iter().any(|page| page.has("approval-done")), "{pages:?}");
    until("a ping", async || (!server.at("/well").is_empty()).then_some(())).await;
    let answers = join_all(ports.map(|port| world.polled_at(port, "well", asked.get("auth_req_id")))).await;
    let (won, lost): (Vec<&Tokens>, Vec<&Tokens>) = answers.iter().partition(|answer| answer.status == 200);
    assert_eq!((won.len(), lost.len()), (1, 1), "one redeems it");
    lost[0].refused(400, "invalid_grant");
    assert_eq!(world.userinfo(won[0].get("access_token")).await.status, 200);
    // A second ping would have begun before the first page's answer.
    world.nothing_more_came(&[&person]).await;
    assert_eq!(server.at("/well").len(), 1);
}
