//! The movable clock, which exists in the sandbox only.

use reqwest::Response;

use crate::support::client_file::SHOP;
use crate::support::folder::Folder;
use crate::support::http;
use crate::support::process::{Running, both_streams, free_port, run, run_well};
use crate::support::{Asked, Setup, alone_on_both_backends, jwt};

alone_on_both_backends!(tokens_are_issued_by_the_moved_clock, without_the_setting_there_is_no_route);

async fn move_clock(operations: &str) -> Response {
    let request = http::client().post(format!("{operations}/sandbox/clock"));
    request.form(&[("advance_seconds", "3600")]).send().await.expect("the operations port")
}

async fn tokens_are_issued_by_the_moved_clock(setup: Setup) {
    let world = setup.start().await;
    let issued = async || {
        let tokens = world.tokens(&Asked::by(SHOP), &world.person()).await;
        jwt::read(tokens.get("id_token")).claims["iat"].as_i64().expect("iat")
    };
    let before = issued().await;
    let answer = move_clock(&world.nodes[0].operations).await;
    assert_eq!(answer.status(), 200);
    let now = answer.json::<serde_json::Value>().await.expect("JSON")["now"].as_i64().expect("now");
    let after = issued().await;
    assert!(before + 3600 <= now && now <= after, "{before} {now} {after}");
}

async fn without_the_setting_there_is_no_route(setup: Setup) {
    let world = setup.set("sandbox.movable_clock", false).start().await;
    assert_eq!(move_clock(&world.nodes[0].operations).await.status(), 404);
}

#[tokio::test]
async fn in_production_the_setting_is_refused_and_there_is_no_route() {
    let folder = Folder::new();
    let (port, operations) = (free_port(), free_port());
    let production = format!(
        "environment = \"production\"\n\
         [server]\nissuer = \"https://id.example.uz\"\nlisten = \"127.0.0.1:{port}\"\n\
         operations_listen = \"127.0.0.1:{operations}\"\ntrusted_proxies = [\"127.0.0.0/8\"]\n\
         [database]\nurl = \"sqlite:yagona.db\"\n[keys]\nkeyring = \"keyring.toml\"\nrsa_bits = 2048\n\
         [sms]\ngateways = [\"eskiz\"]\n\
         [sms.eskiz]\nemail = \"sms@example.uz\"\npassword = \"f0b1c2d3e4a5\"\nfrom = \"4546\"\n\
         [site]\noperator = \"The agency\"\nprivacy_url = \"https://id.example.uz/privacy\"\n\
         [support]\nphone = \"+998 71 200-00-00\"\n"
    );
    std::fs::write(folder.file("production.toml"), &production).expect("a file");
    run_well(folder.path(), &["keys", "init", "-c", "production.toml"]);

    let with_setting = format!("{production}[sandbox]\nmovable_clock = true\n");
    std::fs::write(folder.file("movable.toml"), with_setting).expect("a file");
    let refused = run(folder.path(), &["serve", "-c", "movable.toml"]);
    let said = both_streams(&refused);
    assert!(!refused.status.success() && said.contains("sandbox.movable_clock"), "{said}");

    let log = folder.file("production.log");
    let mut running = Running::start(folder.path(), &["serve", "-c", "production.toml"], log);
    let operations = format!("http://127.0.0.1:{operations}");
    running.until_ready(&format!("{operations}/health/ready")).await;
    assert_eq!(move_clock(&operations).await.status(), 404);
}
