//! Logs and metrics contain no code, token, secret, full number or PINFL.

use crate::support::client_file::{SHOP, secret};
use crate::support::people::Kind;
use crate::support::{Asked, Setup, alone_on_both_backends, code_of};

alone_on_both_backends!(nothing_that_opens_anything_is_ever_logged);

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
