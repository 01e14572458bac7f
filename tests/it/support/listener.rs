//! A relying party's own server: takes what the provider posts to it.

use std::sync::Mutex;
use std::sync::mpsc::{Receiver, Sender, channel};

use actix_web::web::{Data, Form};
use actix_web::{App, HttpResponse, HttpServer, web};
use std::collections::BTreeMap;

use super::wait::until;

type Fields = BTreeMap<String, String>;

/// A server that keeps every form it is sent.
pub struct Listener {
    /// Where forms are taken.
    pub url: String,
    forms: Mutex<Inbox>,
}

struct Inbox {
    arriving: Receiver<Fields>,
    arrived: Vec<Fields>,
}

async fn take(form: Form<Fields>, sender: Data<Mutex<Sender<Fields>>>) -> HttpResponse {
    let _ = sender.lock().expect("one thread").send(form.into_inner());
    HttpResponse::Ok().finish()
}

impl Listener {
    /// Starts one; it lives as long as the tests.
    pub fn start() -> Self {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a free port");
        let url = format!("http://{}/backchannel-logout", listener.local_addr().expect("its address"));
        let (sender, arriving) = channel();
        let sender = Data::new(Mutex::new(sender));
        std::thread::spawn(move || {
            actix_web::rt::System::new().block_on(async move {
                let app = move || App::new().app_data(sender.clone()).default_service(web::to(take));
                let server = HttpServer::new(app).workers(1).disable_signals();
                server.listen(listener).expect("a listener").run().await
            })
        });
        Self { url, forms: Mutex::new(Inbox { arriving, arrived: Vec::new() }) }
    }

    /// Waits for a form that `pick` wants.
    pub async fn form<T>(&self, what: &str, pick: impl Fn(&Fields) -> Option<T>) -> T {
        until(what, async || {
            let mut forms = self.forms.lock().expect("one reader");
            while let Ok(form) = forms.arriving.try_recv() {
                forms.arrived.push(form);
            }
            forms.arrived.iter().find_map(&pick)
        })
        .await
    }
}
