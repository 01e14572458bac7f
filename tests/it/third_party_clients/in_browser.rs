//! The app of docs/relying-parties.md that has no server of its own, in a real Chromium with the real library: a public
//! client that calls the provider by scripts of another origin.

use serde_json::json;

use super::programs::{block, register};
use crate::support::folder::Folder;
use crate::support::process::free_port;
use crate::support::reaper;
use crate::support::wait::until;
use crate::support::webdriver::Chromium;
use crate::support::world::clients_folder;
use crate::support::{World, on_both_backends};

on_both_backends!(oidc_client_ts_of_npm_signs_in_from_a_page);

async fn oidc_client_ts_of_npm_signs_in_from_a_page(world: &World) {
    let (folder, port, person) = (Folder::new(), free_port(), world.person());
    let client = format!("app-{port}");
    let here = |text: String| text.replace("kitob-app", &client).replace(":3000", &format!(":{port}"));
    register(world, &folder, &client, &here(block("### In the browser", "toml"))).await;
    let issuer = world.issuer.as_str().trim_end_matches('/');
    let page = here(block("### In the browser", "html")).replace("http://localhost:8080", issuer);
    std::fs::write(folder.file("index.html"), page).expect("the page");
    let library = "oidc-client-ts.min.js";
    let installed = clients_folder().join("node_modules/oidc-client-ts/dist/browser").join(library);
    std::fs::copy(installed, folder.file(library)).expect("oidc-client-ts; run `scripts/test`");
    let mut server = std::process::Command::new("python3")
        .args(["-m", "http.server", &port.to_string(), "--bind", "127.0.0.1"])
        .current_dir(folder.path())
        .stdout(std::process::Stdio::null())
        .stderr(std::process::Stdio::null())
        .spawn()
        .expect("python3");
    reaper::end_with_tests(server.id());
    until("the page's server", async || tokio::net::TcpStream::connect(("127.0.0.1", port)).await.ok()).await;

    let home = format!("http://localhost:{port}/");
    let chromium = Chromium::start(true, "en").await;
    chromium.open(&home).await;
    let shown = async || {
        let text = chromium.run("return document.getElementById('person').textContent", json!([])).await;
        text.as_str().unwrap_or_default().to_owned()
    };
    until("the page to know nobody", async || (shown().await == "nobody").then_some(())).await;
    chromium.click("#sign-in").await;
    chromium.fill("#phone", &person.number).await;
    chromium.click("#continue").await;
    let code = world.sandbox.next_code(&person).await;
    chromium.fill("#code", &code).await;
    chromium.click("#continue").await;
    chromium.click("#allow").await;
    chromium.until_at(&home).await;
    // The token endpoint and UserInfo were called by the page, with an `Authorization` header that is asked for first.
    let claims = until("the claims on the page", async || {
        let text = shown().await;
        text.contains("phone_number").then_some(text)
    })
    .await;
    let claims: serde_json::Value = serde_json::from_str(&claims).expect("JSON");
    assert_eq!(claims["phone_number"], format!("+{}", person.number), "{claims}");
    assert!(claims["name"].is_string() && claims["sub"].is_string(), "{claims}");
    let complaints = chromium.complaints().await;
    let blocked: Vec<_> = complaints.iter().filter(|complaint| complaint.contains("CORS")).collect();
    assert!(blocked.is_empty(), "{blocked:?}");
    chromium.click("#sign-out").await;
    chromium.until_at(&home).await;
    until("the page to know nobody again", async || (shown().await == "nobody").then_some(())).await;
    chromium.quit().await;
    let _ = server.kill();
    let _ = server.wait();
    reaper::has_ended(server.id());
}
