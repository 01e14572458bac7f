//! Logs and metrics contain no code, token, secret, full number or PINFL.

use futures_util::stream::{self, StreamExt as _};
use reqwest::Method;

use crate::support::client_file::{SHOP, secret};
use crate::support::people::Kind;
use crate::support::wait::until;
use crate::support::{Asked, Backend, Setup, alone_on_both_backends, code_of};

alone_on_both_backends!(
    nothing_that_opens_anything_is_ever_logged,
    a_log_that_nobody_reads_holds_up_nothing,
    the_code_that_a_person_reads_out_is_found_in_the_log,
);

async fn the_code_that_a_person_reads_out_is_found_in_the_log(setup: Setup) {
    let world = setup.start().await;
    let mut browser = world.browser();
    let page = browser.begin(&world, &Asked::by(SHOP).with("client_id", "nobody")).await.page();
    let (_, rest) = page.body.split_once("Code for support: ").unwrap_or_else(|| panic!("no code: {page}"));
    let code = rest.split(['>', '<']).nth(2).expect("a code").to_owned();
    assert_eq!(code.len(), 9, "{code}");
    let line = until("its line", async || {
        let log = world.nodes[0].running.log();
        log.lines().find(|line| line.contains(&code)).map(str::to_owned)
    })
    .await;
    let request = format!("\"request.id\":\"{}\"", page.header("x-request-id"));
    assert!(line.contains(&format!("\"support_code\":\"{code}\"")) && line.contains(&request), "{line}");
    // Nobody is told to call about an address that was mistyped.
    let nowhere = browser.open("/nowhere").await.page();
    assert!(!nowhere.text().contains("Code for support"), "{nowhere}");
}

async fn nothing_that_opens_anything_is_ever_logged(setup: Setup) {
    let world = setup.set("log.level", "debug").start().await;
    let asked = Asked::by(SHOP).with("scope", "openid profile phone address offline_access");
    let (person, nobody) = (world.person(), world.somebody(Kind::Unknown));
    let mut secrets =
        vec![secret(SHOP), person.number.clone(), person.number[3..].to_owned(), nobody.number.clone()];
    secrets.push(person.pinfl.clone());

    world.browser().begin_with_number(&world, &asked, &nobody).await;
    let mut browser = world.browser();
    let page = browser.begin_with_number(&world, &asked, &person).await;
    let sms_code = world.sandbox.next_code(&person).await;
    browser.enter_code(&page, "not a code").await;
    let page = browser.enter_code(&page, &sms_code).await.page().expect("allow");
    let code = code_of(&browser.press(&page, "allow", &[]).await.away());
    let tokens = world.redeem(SHOP, &code).await.granted();
    world.userinfo(tokens.get("access_token")).await.granted();
    let next = world.refresh(SHOP, tokens.get("refresh_token")).await.granted();
    world.post_as(SHOP, "/oidc/token", &[("grant_type", "refresh_token"), ("refresh_token", &code)]).await;
    world.redeem(SHOP, &code).await.refused(400, "invalid_grant");
    let port = world.nodes[0].port;
    world
        .post_bare(port, "/oidc/token", &[("client_secret", "guessed-secret-1")], Some((SHOP, "guessed-2")))
        .await;
    secrets.extend(["guessed-secret-1", "guessed-2"].map(str::to_owned));
    for answer in [&tokens, &next] {
        secrets.extend(["access_token", "refresh_token", "id_token"].map(|name| answer.get(name).to_owned()));
    }
    secrets.extend(browser.cookies().into_values().filter(|value| value.len() > 20));
    secrets.push(code);

    let metrics = crate::support::http::get(&format!("{}/metrics", world.nodes[0].operations))
        .await
        .expect("the operations port");
    let metrics = metrics.text().await.expect("text");
    let log = world.nodes[0].running.log();
    assert!(log.lines().count() > 5, "too little is logged to tell: {log}");
    assert!(log.lines().all(|line| line.starts_with('{')), "every line is a JSON object");
    assert!(log.contains("request.id"), "requests can be told apart");
    for secret in &secrets {
        assert!(!secret.is_empty());
        let line = log.lines().chain(metrics.lines()).find(|line| line.contains(secret.as_str()));
        assert!(line.is_none(), "{secret} in {line:?}");
    }
    for line in log.lines() {
        assert_eq!(repeated_key(line), None, "{line}");
        let mut event: serde_json::Value = serde_json::from_str(line).expect("JSON");
        // Fractions of a second have six digits, too.
        for time in ["timestamp", "duration_ms"] {
            event.as_object_mut().expect("an object").remove(time);
        }
        let event = event.to_string();
        let words = event.split(|c: char| !c.is_ascii_alphanumeric());
        assert!(!words.into_iter().any(|word| word == sms_code), "{sms_code} in {line}");
    }
}

/// A key that an object of one line has twice (RFC 8259 §4: unpredictable). Texts have no escaped quotes before a colon here.
fn repeated_key(line: &str) -> Option<String> {
    struct Object;

    impl<'de> serde::de::Visitor<'de> for Object {
        type Value = Option<String>;

        fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
            f.write_str("an object")
        }

        fn visit_map<A: serde::de::MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
            let (mut seen, mut twice) = (std::collections::BTreeSet::new(), None);
            while let Some((key, _)) = map.next_entry::<String, serde::de::IgnoredAny>()? {
                if !seen.insert(key.clone()) {
                    twice = Some(key);
                }
            }
            Ok(twice)
        }
    }

    let mut reader = serde_json::Deserializer::from_str(line);
    serde::de::Deserializer::deserialize_map(&mut reader, Object).expect("an object")
}

#[test]
fn a_repeated_key_is_found() {
    assert_eq!(repeated_key(r#"{"a":{"b":1,"a":2},"b":[1]}"#), None);
    assert_eq!(repeated_key(r#"{"message":"x","b":1,"message":"y"}"#), Some("message".to_owned()));
}

/// A pipe has room for 64 kB, and a line some 400 bytes; then lines wait in memory, and at last they are dropped.
async fn a_log_that_nobody_reads_holds_up_nothing(setup: Setup) {
    let mut world = setup.set("log.level", "debug").unread().start().await;
    let node = &world.nodes[0];
    let browser = world.browser();
    let (browser, url) = (&browser, world.url("/nowhere"));
    let lost = async || node.metric("yagona_log_lost_lines_total", &[]).await;
    // Reaching the bound takes long, and the stores have no part in it: once is enough.
    let rounds = if world.setup.backend == Backend::Embedded { 20 } else { 1 };
    for _ in 0..rounds {
        let requests = (0..1000).map(|_| browser.request(Method::GET, &url).send());
        let answers: Vec<_> = stream::iter(requests).buffer_unordered(32).collect().await;
        assert!(answers.into_iter().all(|answer| answer.expect("an answer").status() == 404));
        if lost().await > 0.0 {
            break;
        }
    }
    assert!(rounds == 1 || lost().await > 0.0, "two lines of each request");
    let ready = format!("{}/health/ready", node.operations);
    assert_eq!(crate::support::http::get(&ready).await.expect("an answer").status(), 200);
    code_of(&world.browser().sign_in(&world, &Asked::by(SHOP), &world.person()).await);
    world.nodes[0].running.signal("TERM");
    let status = world.nodes[0].running.end().await;
    assert!(status.success(), "{status}");
}
