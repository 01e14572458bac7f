//! Signing out: RP-initiated logout with all its invalid requests, and back-channel logout.

use std::collections::BTreeMap;

use url::Url;

use crate::support::client_file::{BODY, LEGACY, MODERN, NATIVE, RIVAL, SHOP, SIGNED_OUT};
use crate::support::{Asked, Browser, Page, Step, Tokens, World, code_of, jwt, on_both_backends, param};

on_both_backends!(
    rp_initiated_2_a_person_is_sent_back_with_the_state,
    rp_initiated_4_what_is_not_proven_gets_a_page,
    rp_initiated_2_without_a_hint_the_person_is_asked,
    rp_initiated_2_staying_keeps_the_session,
    rp_initiated_2_a_request_may_be_posted,
    back_channel_2_4_services_are_told_by_a_signed_token,
    back_channel_2_4_services_are_told_by_whatever_ends_everything,
    back_channel_2_8_who_could_not_be_told_is_told_again_by_a_new_token,
    front_channel_2_the_browser_tells_services_and_then_goes_back,
    who_is_told_by_no_channel_is_named,
    after_signing_out_refresh_tokens_for_absence_live_on,
);

/// Somebody signed in at `client`, with the browser and what the client got.
async fn signed_in(world: &World, client: &str) -> (Browser, Tokens) {
    let mut browser = world.browser();
    let asked = Asked::by(client).with("scope", "openid phone offline_access");
    let code = code_of(&browser.sign_in(world, &asked, &world.person()).await);
    (browser, world.redeem(client, &code).await.granted())
}

fn logout_url(world: &World, params: &[(&str, &str)]) -> Url {
    let mut url = world.url("/oidc/logout");
    url.query_pairs_mut().extend_pairs(params);
    url
}

/// Goes to the logout page and confirms if asked to.
async fn leave(browser: &mut Browser, url: &Url) -> Step {
    match browser.get(url).await {
        Step::Page(page) if page.has("stay") => browser.press(&page, "continue", &[]).await,
        step => step,
    }
}

async fn is_signed_in(world: &World, browser: &mut Browser, client: &str) -> bool {
    let silent = Asked::by(client).with("scope", "openid phone").and("prompt", "none");
    let url = browser.begin(world, &silent).await.away();
    let error = param(&url, "error");
    assert!(matches!(error.as_deref(), None | Some("login_required")), "{url}");
    error.is_none()
}

async fn rp_initiated_2_a_person_is_sent_back_with_the_state(world: &World) {
    for client in [SHOP, LEGACY] {
        let (mut browser, tokens) = signed_in(world, client).await;
        assert!(is_signed_in(world, &mut browser, client).await);
        let state = "s".repeat(128);
        let hint = tokens.get("id_token");
        let params = [("id_token_hint", hint), ("post_logout_redirect_uri", SIGNED_OUT), ("state", &state)];
        let back = leave(&mut browser, &logout_url(world, &params)).await.away();
        assert!(back.as_str().starts_with(SIGNED_OUT), "{back}");
        let given: Vec<_> = back.query_pairs().collect();
        assert_eq!(given, [("state".into(), state.as_str().into())]);
        assert!(!is_signed_in(world, &mut browser, client).await);
        // Once more, and without a state.
        let again = leave(&mut browser, &logout_url(world, &params[..2])).await.away();
        assert_eq!(again.as_str(), SIGNED_OUT);
    }
}

/// Fails unless a page of the provider is shown.
fn assert_stays(step: Step) -> Page {
    match step {
        Step::Page(page) => page,
        Step::Away(url) => panic!("sent to {url}"),
    }
}

async fn rp_initiated_4_what_is_not_proven_gets_a_page(world: &World) {
    let (mut browser, tokens) = signed_in(world, SHOP).await;
    let hint = tokens.get("id_token").to_owned();
    let mut parts: Vec<_> = hint.split('.').map(str::to_owned).collect();
    let unsigned = format!("{}.{}.", jwt::encode(br#"{"alg":"none"}"#), parts[1]);
    let first = if parts[2].starts_with('A') { "B" } else { "A" };
    parts[2] = format!("{first}{}", &parts[2][1..]);
    let forged = parts.join(".");
    let query = format!("{SIGNED_OUT}?foo=bar");
    let foreign = "https://evil.uz/";
    for params in [
        vec![("id_token_hint", hint.as_str()), ("post_logout_redirect_uri", foreign)],
        vec![("id_token_hint", &hint), ("post_logout_redirect_uri", &query)],
        vec![("id_token_hint", &unsigned), ("post_logout_redirect_uri", SIGNED_OUT)],
        vec![("id_token_hint", &forged), ("post_logout_redirect_uri", SIGNED_OUT)],
        vec![("id_token_hint", tokens.get("access_token")), ("post_logout_redirect_uri", SIGNED_OUT)],
        vec![("id_token_hint", &hint), ("client_id", NATIVE), ("post_logout_redirect_uri", SIGNED_OUT)],
        vec![("post_logout_redirect_uri", SIGNED_OUT)],
        vec![("post_logout_redirect_uri", SIGNED_OUT), ("state", "x")],
    ] {
        let page = assert_stays(browser.get(&logout_url(world, &params)).await);
        assert!(page.status < 500, "{page}");
        if page.has("stay") {
            let mut copy = browser.clone();
            assert_stays(copy.press(&page, "stay", &[]).await);
        }
        assert!(is_signed_in(world, &mut browser, SHOP).await, "{params:?} ended the session");
    }
    // What the person came for can be had all the same, by asking them; whoever has no session is offered nothing.
    let wrong = logout_url(world, &[("post_logout_redirect_uri", foreign)]);
    let nobody = assert_stays(world.browser().get(&wrong).await).expect("error");
    assert!(!nobody.has("continue"), "{nobody}");
    let refused = assert_stays(browser.get(&wrong).await).expect("error");
    let page = assert_stays(browser.get(&refused.link("continue")).await).expect("stay");
    assert_stays(browser.press(&page, "continue", &[]).await).expect("signed-out");
    assert!(!is_signed_in(world, &mut browser, SHOP).await);
}

async fn rp_initiated_2_without_a_hint_the_person_is_asked(world: &World) {
    for params in [vec![], vec![("state", "x")], vec![("client_id", SHOP)]] {
        let (mut browser, _) = signed_in(world, SHOP).await;
        let page =
            assert_stays(browser.get(&logout_url(world, &params)).await).expect("continue").expect("stay");
        let page = assert_stays(browser.press(&page, "continue", &[]).await);
        assert!(page.has("signed-out"), "{page}");
        assert!(!is_signed_in(world, &mut browser, SHOP).await);
    }
    let nobody = assert_stays(leave(&mut world.browser(), &logout_url(world, &[])).await);
    assert!(nobody.has("signed-out"), "{nobody}");
}

async fn rp_initiated_2_staying_keeps_the_session(world: &World) {
    let (mut browser, _) = signed_in(world, SHOP).await;
    let page = assert_stays(browser.get(&logout_url(world, &[])).await);
    browser.press(&page, "stay", &[]).await;
    assert!(is_signed_in(world, &mut browser, SHOP).await);
    // Another site cannot sign a person out by a form.
    let url = page.url.join(&page.form("continue").action).expect("a URL");
    let request = browser.request(reqwest::Method::POST, &url).form(&[("logout", "yes")]);
    request
        .header("Origin", "https://evil.uz")
        .header("Sec-Fetch-Site", "cross-site")
        .send()
        .await
        .expect("one");
    assert!(is_signed_in(world, &mut browser, SHOP).await);
}

async fn rp_initiated_2_a_request_may_be_posted(world: &World) {
    let (mut browser, tokens) = signed_in(world, SHOP).await;
    let fields = [("id_token_hint", tokens.get("id_token")), ("post_logout_redirect_uri", SIGNED_OUT)];
    let url = world.url("/oidc/logout");
    let request = browser.request(reqwest::Method::POST, &url).form(&fields);
    let request = request.header("Origin", "http://localhost:9").header("Sec-Fetch-Site", "cross-site");
    let answer = request.send().await.expect("an answer");
    let step = match browser.follow(url, answer).await {
        Step::Page(page) if page.has("stay") => browser.press(&page, "continue", &[]).await,
        step => step,
    };
    assert_eq!(step.away().as_str(), SIGNED_OUT);
}

async fn back_channel_2_4_services_are_told_by_a_signed_token(world: &World) {
    // Two services in one session, both of which get a logout token.
    let person = world.person();
    let mut browser = world.browser();
    let mut sessions = Vec::new();
    for client in [SHOP, LEGACY] {
        let asked = Asked::by(client);
        let code = code_of(&browser.sign_in(world, &asked, &person).await);
        let tokens = world.redeem(client, &code).await.granted();
        sessions.push((client, jwt::read(tokens.get("id_token")).claims));
    }
    let keys = world.keys().await;
    leave(&mut browser, &logout_url(world, &[])).await.page().expect("signed-out");
    for (client, id_token) in sessions {
        let pick = |form: &BTreeMap<String, String>| {
            let token = form.get("logout_token")?;
            (jwt::read(token).claims["sid"] == id_token["sid"] && jwt::read(token).claims["aud"] == client)
                .then(|| (form.len(), token.clone()))
        };
        let (fields, token) = world.listener.form(&format!("a logout token for {client}"), pick).await;
        assert_eq!(fields, 1, "nothing but the token is sent");
        let logout = jwt::verify(&token, &keys);
        assert_eq!(logout.header["typ"], "logout+jwt");
        assert_eq!(logout.claims["iss"], id_token["iss"]);
        assert_eq!(logout.claims["sub"], id_token["sub"]);
        let event = "http://schemas.openid.net/event/backchannel-logout";
        assert_eq!(logout.claims["events"], serde_json::json!({event: {}}));
        assert!(logout.claims["jti"].is_string() && logout.claims["iat"].is_i64(), "{}", logout.claims);
        assert!(logout.claims.get("nonce").is_none(), "{}", logout.claims);
        let life =
            logout.claims["exp"].as_i64().zip(logout.claims["iat"].as_i64()).map(|(exp, iat)| exp - iat);
        assert!(life.is_some_and(|seconds| (1..=120).contains(&seconds)), "{}", logout.claims);
    }
}

impl World {
    /// Waits until a service was told that a session ended, by the name that it knows the session by.
    pub(crate) async fn told_of_the_end(&self, client: &str, sid: &serde_json::Value) {
        let pick = |form: &BTreeMap<String, String>| {
            let claims = jwt::read(form.get("logout_token")?).claims;
            (claims["sid"] == *sid && claims["aud"] == client).then_some(())
        };
        self.listener.form(&format!("a logout token for {client}"), pick).await;
    }

    /// How many sessions of whom services wait to be told of.
    async fn until_all_are_told(&self) {
        self.until_stored("SELECT COUNT(*) FROM untold_ends", 0).await;
    }
}

async fn back_channel_2_4_services_are_told_by_whatever_ends_everything(world: &World) {
    let person = world.person();
    let session = async |clients: &[&'static str]| {
        let (mut browser, mut known) = (world.browser(), Vec::new());
        for client in clients {
            let code = code_of(&browser.sign_in(world, &Asked::by(client), &person).await);
            let tokens = world.redeem(client, &code).await.granted();
            known.push((*client, jwt::read(tokens.get("id_token")).claims["sid"].clone()));
        }
        (browser, known)
    };
    // An operator ends it, in a shell: two sessions, one of them at two services.
    let (_, mut known) = session(&[SHOP, LEGACY]).await;
    known.extend(session(&[SHOP]).await.1);
    world.command(&["people", "end-access", &person.number]);
    for (client, sid) in &known {
        world.told_of_the_end(client, sid).await;
    }
    world.until_all_are_told().await;
    // Its person locks the account.
    let (mut browser, known) = session(&[SHOP]).await;
    let page = browser.cabinet("/cabinet/lock").await;
    let page = if page.has("lock-now") { page } else { browser.prove(world, &page, &person).await };
    browser.press(&page.expect("lock-now"), "lock-now", &[]).await.page().expect("locked");
    for (client, sid) in &known {
        world.told_of_the_end(client, sid).await;
    }
    world.command(&["people", "end-self-lock", &person.number]);
    // An operator blocks the number; and a session of after that is told of nothing.
    let (_, known) = session(&[SHOP]).await;
    world.command(&["people", "block", &person.number]);
    for (client, sid) in &known {
        world.told_of_the_end(client, sid).await;
    }
    world.command(&["people", "unblock", &person.number]);
    world.until_all_are_told().await;
    let (mut browser, _) = session(&[SHOP]).await;
    assert!(is_signed_in(world, &mut browser, SHOP).await);
}

async fn back_channel_2_8_who_could_not_be_told_is_told_again_by_a_new_token(world: &World) {
    let (mut browser, tokens) = signed_in(world, BODY).await;
    let sid = jwt::read(tokens.get("id_token")).claims["sid"].clone();
    let keys = world.keys().await;
    leave(&mut browser, &logout_url(world, &[])).await.page().expect("signed-out");
    let pick = |form: &BTreeMap<String, String>| {
        let token = form.get("logout_token")?;
        (jwt::read(token).claims["sid"] == sid).then(|| jwt::verify(token, &keys).claims)
    };
    let told = world.listener.forms("two logout tokens", 2, pick).await;
    assert_ne!(told[0]["jti"], told[1]["jti"], "a token that was received is not a token for later");
    let times = [&told[0], &told[1]].map(|claims| claims["iat"].as_i64().expect("a time"));
    assert!(times[1] > times[0], "{times:?}");
}

async fn front_channel_2_the_browser_tells_services_and_then_goes_back(world: &World) {
    let (mut browser, tokens) = signed_in(world, MODERN).await;
    let id_token = jwt::read(tokens.get("id_token")).claims;
    let params =
        [("id_token_hint", tokens.get("id_token")), ("post_logout_redirect_uri", SIGNED_OUT), ("state", "s")];
    let page = leave(&mut browser, &logout_url(world, &params)).await.page().expect("signed-out");
    let frame = page.attribute("iframe", "src");
    let frame = Url::parse(&frame).expect("an address");
    assert!(frame.as_str().starts_with("http://localhost:9/bye?own=1&"), "{frame}");
    assert_eq!(param(&frame, "iss").as_deref(), id_token["iss"].as_str());
    assert_eq!(param(&frame, "sid").as_deref(), id_token["sid"].as_str());
    assert_eq!(page.link("back").as_str(), format!("{SIGNED_OUT}?state=s"));
    let policy = page.header("content-security-policy");
    assert!(policy.contains("frame-src http://localhost:9;"), "{policy}");
    assert!(
        page.body.contains(&format!("content=\"3;url={SIGNED_OUT}?state=s\"")),
        "without scripts it goes on too"
    );
    assert!(page.header("set-cookie").contains("Max-Age=0"), "the cookie goes with the session");
    assert!(!is_signed_in(world, &mut browser, MODERN).await);
    // Nobody is left to be told.
    let again = leave(&mut browser, &logout_url(world, &params)).await.away();
    assert_eq!(again.as_str(), format!("{SIGNED_OUT}?state=s"));
}

async fn who_is_told_by_no_channel_is_named(world: &World) {
    let person = world.person();
    let mut browser = world.browser();
    for client in [SHOP, RIVAL] {
        code_of(&browser.sign_in(world, &Asked::by(client), &person).await);
    }
    let page =
        leave(&mut browser, &logout_url(world, &[])).await.page().expect("signed-out").expect("still-at");
    let text = page.text();
    assert!(text.contains("You may still be signed in at") && text.contains("Rival"), "{text}");
    assert!(!text.contains("Shop"), "it has back-channel logout: {text}");
    assert!(!page.header("content-security-policy").contains("frame-src"));
}

async fn after_signing_out_refresh_tokens_for_absence_live_on(world: &World) {
    let (mut browser, tokens) = signed_in(world, SHOP).await;
    leave(&mut browser, &logout_url(world, &[])).await.page().expect("signed-out");
    // OpenID Connect Back-Channel Logout §2.7: offline access is not ended by signing out.
    world.refresh(SHOP, tokens.get("refresh_token")).await.granted();
}
