//! Icons of services: fetched when they are registered, served by the provider, and never from anywhere else.

use std::sync::{Arc, Mutex};

use actix_web::web::Data;
use actix_web::{App, HttpResponse, HttpServer, web};

use crate::support::process::both_streams;
use crate::support::{Asked, Page, Setup, World, alone_on_both_backends};

alone_on_both_backends!(an_icon_is_fetched_once_and_shown_from_here, what_is_no_icon_is_not_shown);

/// A GIF of one pixel, whose last byte tells apart.
fn gif(last: u8) -> Vec<u8> {
    [b"GIF89a\x01\0\x01\0\0\0\0;".as_slice(), &[last]].concat()
}

/// A service's web server with a file that it says is an image.
struct Host {
    url: String,
    file: File,
}

/// Its bytes, and how often it was asked for.
type File = Arc<Mutex<(Vec<u8>, usize)>>;

async fn send(file: Data<File>) -> HttpResponse {
    let mut file = file.lock().expect("one thread");
    file.1 += 1;
    HttpResponse::Ok().content_type("image/png").body(file.0.clone())
}

impl Host {
    fn with(file: Vec<u8>) -> Self {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a free port");
        let url = format!("http://localhost:{}/logo.png", listener.local_addr().expect("its address").port());
        let file = Arc::new(Mutex::new((file, 0)));
        let shared = Data::new(Arc::clone(&file));
        std::thread::spawn(move || {
            actix_web::rt::System::new().block_on(async move {
                let app = move || App::new().app_data(shared.clone()).default_service(web::to(send));
                let server = HttpServer::new(app).workers(1).disable_signals();
                server.listen(listener).expect("a listener").run().await
            })
        });
        Self { url, file }
    }

    fn put(&self, file: Vec<u8>) {
        self.file.lock().expect("one thread").0 = file;
    }

    fn asked(&self) -> usize {
        self.file.lock().expect("one thread").1
    }
}

async fn page_of(world: &World, client: &str) -> Page {
    world.browser().begin(world, &Asked::by(client)).await.page().expect("phone")
}

/// The address of the icon on a page.
fn icon(page: &Page) -> Option<String> {
    let image = page.body.split("<img class=\"icon\" src=\"").nth(1)?;
    image.split('"').next().map(str::to_owned)
}

async fn an_icon_is_fetched_once_and_shown_from_here(setup: Setup) {
    let host = Host::with(gif(1));
    let world = setup.client("iconic", &format!("logo_uri = \"{}\"\n", host.url)).start().await;
    let page = page_of(&world, "iconic").await;
    let path = icon(&page).expect("an icon");
    assert!(path.starts_with("/icons/"), "{path}");
    assert!(page.header("content-security-policy").contains("img-src 'self';"), "{page}");
    let shown = world.browser().open(&path).await.page().expect_status(200);
    assert_eq!(shown.header("content-type"), "image/gif", "what it is, not what its server says");
    assert_eq!(shown.header("x-content-type-options"), "nosniff");
    assert!(shown.header("cache-control").contains("immutable"));
    assert!(shown.header("content-security-policy").contains("default-src 'none'"));
    page_of(&world, "iconic").await;
    assert_eq!(host.asked(), 1, "only the registration asks the service's host");

    // A picture that is swapped later is not shown before an operator fetches it.
    host.put(gif(2));
    assert_eq!(icon(&page_of(&world, "iconic").await), Some(path.clone()));
    world.command(&["client", "icons", "iconic"]);
    let path_of = async || icon(&page_of(&world, "iconic").await).filter(|new| *new != path);
    crate::support::wait::until("the new icon", path_of).await;
    world.browser().open(&path).await.page().expect_status(404);
    // What cannot be shown does not take its place.
    host.put(b"<svg/>".to_vec());
    let said = both_streams(&world.try_command(&["client", "icons", "iconic"]));
    assert!(said.contains("not a PNG"), "{said}");
    assert!(icon(&page_of(&world, "iconic").await).is_some());
}

async fn what_is_no_icon_is_not_shown(setup: Setup) {
    let host =
        Host::with(b"<svg xmlns='http://www.w3.org/2000/svg'><script>alert(1)</script></svg>".to_vec());
    let data = "data:image/gif;base64,R0lGODlhAQABAAAAADs=";
    let world = setup
        .client("scripted", &format!("logo_uri = \"{}\"\n", host.url))
        .client("absent", "logo_uri = \"http://localhost:1/logo.png\"\n")
        .client("inline", &format!("logo_uri = \"{data}\"\n"))
        .start()
        .await;
    for client in ["scripted", "absent"] {
        assert_eq!(icon(&page_of(&world, client).await), None, "{client} is registered, without an icon");
    }
    let path = icon(&page_of(&world, "inline").await).expect("an icon");
    world.browser().open(&path).await.page().expect_status(200);
}
