//! A relying party's own server: takes what the provider posts to it.

use std::sync::Mutex;
use std::sync::mpsc::{Receiver, Sender, channel};

use actix_web::web::{Data, Form};
use actix_web::{App, HttpRequest, HttpResponse, HttpServer, web};
use std::collections::{BTreeMap, HashSet};

use super::jwt;
use super::wait::until;

/// The end of a URL under which the first logout token of each session is refused, for the caller to try again.
pub(crate) const REFUSE_FIRST: &str = "?refuse-first";

type Fields = BTreeMap<String, String>;

/// A server that keeps every form it is sent.
pub(crate) struct Listener {
    /// Where forms are taken.
    pub url: String,
    forms: Mutex<Inbox>,
}

struct Inbox {
    arriving: Receiver<Fields>,
    arrived: Vec<Fields>,
}

/// What the server's worker remembers.
struct Memory {
    sender: Mutex<Sender<Fields>>,
    refused: Mutex<HashSet<String>>,
}

async fn take(request: HttpRequest, form: Form<Fields>, memory: Data<Memory>) -> HttpResponse {
    let fields = form.into_inner();
    let refuses = request.query_string() == &REFUSE_FIRST[1..];
    // Encrypted ones are not read here.
    let session = || fields.get("logout_token").map(|token| jwt::read(token).claims["sid"].to_string());
    let refused = refuses && memory.refused.lock().expect("one thread").insert(session().unwrap_or_default());
    let _ = memory.sender.lock().expect("one thread").send(fields);
    if refused { HttpResponse::ServiceUnavailable().finish() } else { HttpResponse::Ok().finish() }
}

impl Listener {
    /// Starts one; it lives as long as the tests.
    pub(crate) fn start() -> Self {
        Self::at(0)
    }

    /// Starts one at a port that was given out.
    pub(crate) fn at(port: u16) -> Self {
        let listener = std::net::TcpListener::bind(("127.0.0.1", port)).expect("a free port");
        let url = format!("http://{}/backchannel-logout", listener.local_addr().expect("its address"));
        let (sender, arriving) = channel();
        let memory = Data::new(Memory { sender: Mutex::new(sender), refused: Mutex::default() });
        std::thread::spawn(move || {
            actix_web::rt::System::new().block_on(async move {
                let app = move || App::new().app_data(memory.clone()).default_service(web::to(take));
                let server = HttpServer::new(app).workers(1).disable_signals();
                server.listen(listener).expect("a listener").run().await
            })
        });
        Self { url, forms: Mutex::new(Inbox { arriving, arrived: Vec::new() }) }
    }

    /// Waits for a form that `pick` wants.
    pub(crate) async fn form<T>(&self, what: &str, pick: impl Fn(&Fields) -> Option<T>) -> T {
        self.forms(what, 1, pick).await.remove(0)
    }

    /// Waits for so many forms that `pick` wants; they are given in the order in which they arrived.
    pub(crate) async fn forms<T>(
        &self,
        what: &str,
        count: usize,
        pick: impl Fn(&Fields) -> Option<T>,
    ) -> Vec<T> {
        until(what, async || {
            let mut forms = self.forms.lock().expect("one reader");
            while let Ok(form) = forms.arriving.try_recv() {
                forms.arrived.push(form);
            }
            let found: Vec<T> = forms.arrived.iter().filter_map(&pick).collect();
            (found.len() >= count).then_some(found)
        })
        .await
    }
}
