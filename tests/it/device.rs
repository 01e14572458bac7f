//! Devices without a browser (RFC 8628): what they ask, what people see and decide, and what devices are told.

use futures_util::future::join_all;
use serde_json::Value;

use crate::support::client_file::{API_URI, GAZETTE, RADIO, SHOP, TAX_URI, TV};
use crate::support::wait::until;
use crate::support::{
    Backend, Browser, Page, Person, Setup, Tokens, World, alone_on_both_backends, on_both_backends,
};

on_both_backends!(
    rfc8628_a_person_lets_a_device_in,
    rfc8628_3_1_what_a_device_may_not_ask_is_refused,
    rfc8628_3_3_a_code_is_typed_as_people_type_and_tells_nothing_else,
    rfc8628_3_3_1_a_link_confirms_nothing,
    rfc8628_3_5_a_device_is_told_what_the_person_decided,
    rfc8628_3_5_nobody_is_told_to_slow_down_once_it_is_decided,
    rfc8628_5_4_no_session_consent_or_law_lets_a_device_in,
    rfc8628_5_one_browser_takes_a_code,
    rfc8707_2_1_a_device_may_say_which_resource_server_its_token_is_for,
    what_was_decided_for_a_device_stays,
    who_signs_out_before_the_device_asks_lets_nothing_in,
    a_device_may_refresh_and_its_code_is_its_clients,
);

alone_on_both_backends!(
    rfc8628_3_5_devices_wait_and_codes_expire_and_work_once,
    rfc8628_5_1_codes_and_requests_are_bounded,
);

const GRANT: &str = "urn:ietf:params:oauth:grant-type:device_code";

impl World {
    /// What a device gets that asks.
    pub(crate) async fn device(&self, client: &str, scope: &str) -> Tokens {
        self.post_as(client, "/oidc/device_authorization", &[("scope", scope)]).await
    }

    /// What a device gets that asks whether there is an answer.
    pub(crate) async fn poll(&self, client: &str, device: &Tokens) -> Tokens {
        self.poll_at(self.nodes[0].port, client, device.get("device_code")).await
    }

    async fn poll_at(&self, port: u16, client: &str, code: &str) -> Tokens {
        let fields = [("grant_type", GRANT), ("device_code", code)];
        self.post_at(port, client, "/oidc/token", &fields).await
    }
}

impl Browser {
    /// Enters a device's code and goes on, to the first page of a sign-in or of a session.
    async fn go_on_with(&mut self, code: &str) -> Page {
        let page = self.open("/device").await.page().expect("user-code");
        let page = self.press(&page, "continue", &[("user_code", code)]).await.page().expect("leave");
        self.press(&page, "continue", &[]).await.page()
    }

    /// Signs in for a device, up to what the person decides.
    async fn decide(&mut self, world: &World, code: &str, person: &Person) -> Page {
        let page = self.go_on_with(code).await.expect("phone");
        let page = self.enter_number(&page, &person.number).await.page().expect("code");
        let sms = world.sandbox.next_code(person).await;
        self.enter_code(&page, &sms).await.page()
    }

    /// Lets a device have everything.
    pub(crate) async fn let_in(&mut self, world: &World, code: &str, person: &Person) -> Page {
        let page = self.decide(world, code, person).await;
        let page = if page.has("allow") { self.allow_everything(&page).await.page() } else { page };
        page.expect_status(200).expect("device-done")
    }
}

async fn rfc8628_a_person_lets_a_device_in(world: &World) {
    let person = world.person();
    let device = world.device(TV, "openid profile phone unknown").await.granted();
    assert_eq!(device.headers["cache-control"], "no-store");
    let code = device.get("user_code");
    let parts: Vec<&str> = code.split('-').collect();
    let consonants =
        |part: &&str| part.len() == 4 && part.bytes().all(|letter| b"BCDFGHJKLMNPQRSTVWXZ".contains(&letter));
    assert!(parts.len() == 2 && parts.iter().all(consonants), "{code}");
    assert_eq!(device.get("verification_uri"), world.url("/device").as_str());
    assert_eq!(
        device.get("verification_uri_complete"),
        world.url(&format!("/device?user_code={code}")).as_str()
    );
    assert_eq!((&device.body["expires_in"], &device.body["interval"]), (&600.into(), &5.into()));

    let mut browser = world.browser();
    let page = browser.open("/device").await.page().expect_status(200).expect("user-code");
    let page = browser.press(&page, "continue", &[("user_code", code)]).await.page().expect_status(200);
    // The page names the service and what to compare, and where it began.
    let text = page.text();
    for words in ["Tv", "The owner of Tv", code, "127.0.0.1", "only if the device is yours"] {
        assert!(text.contains(words), "{words}: {text}");
    }
    let page = browser.press(&page, "continue", &[]).await.page().expect("phone");
    let page = browser.enter_number(&page, &person.number).await.page().expect("code");
    let sms = world.sandbox.next_code(&person).await;
    let page = browser.enter_code(&page, &sms).await.page().expect("allow");
    let done = browser.allow_everything(&page).await.page().expect_status(200).expect("device-done");
    assert!(done.text().contains("return to your device"), "{done}");

    let tokens = world.poll(TV, &device).await.granted();
    assert_eq!(tokens.get("token_type"), "Bearer");
    assert_eq!(tokens.get("scope"), "openid profile phone");
    let told = world.userinfo(tokens.get("access_token")).await.granted().body;
    assert_eq!(told["phone_number"], format!("+{}", person.number), "{told}");
    let claims = crate::support::jwt::read(tokens.get("id_token")).claims;
    assert_eq!((&claims["sub"], &claims["aud"]), (&told["sub"], &TV.into()), "{claims}");
    assert!(claims.get("nonce").is_none(), "{claims}");
}

async fn rfc8628_3_5_nobody_is_told_to_slow_down_once_it_is_decided(world: &World) {
    let person = world.person();
    let refused = world.device(TV, "openid profile").await.granted();
    let mut browser = world.browser();
    let page = browser.decide(world, refused.get("user_code"), &person).await.expect("deny");
    browser.press(&page, "deny", &[]).await.page().expect("device-refused");
    let allowed = world.device(TV, "openid profile").await.granted();
    world.browser().let_in(world, allowed.get("user_code"), &person).await;
    world.poll(TV, &allowed).await.granted();
    // At once, as a device does whose answer was lost.
    for _ in 0..2 {
        world.poll(TV, &allowed).await.refused(400, "invalid_grant");
        world.poll(TV, &refused).await.refused(400, "access_denied");
    }
}

async fn rfc8628_5_4_no_session_consent_or_law_lets_a_device_in(world: &World) {
    for client in [TV, GAZETTE] {
        let (person, mut browser) = (world.person(), world.browser());
        // The first device leaves a session, and a consent or what a law lets the service have.
        let device = world.device(client, "openid profile").await.granted();
        browser.let_in(world, device.get("user_code"), &person).await;
        let tokens = world.poll(client, &device).await.granted();
        let next = world.device(client, "openid profile").await.granted();
        let page = browser.go_on_with(next.get("user_code")).await.expect("phone");
        let page = browser.enter_number(&page, &person.number).await.page().expect("code");
        assert!(page.text().contains("A device will be signed in as you"), "{page}");
        let sms = world.sandbox.next_code(&person).await;
        let page = browser.enter_code(&page, &sms).await.page().expect("allow").expect("for-device");
        assert!(page.text().contains("only if the device is yours"), "{page}");
        browser.press(&page, "deny", &[]).await.page().expect("device-refused");
        world.poll(client, &next).await.refused(400, "access_denied");
        // Whoever refuses a stranger's device keeps their own.
        world.userinfo(tokens.get("access_token")).await.granted();
    }
}

async fn rfc8628_3_1_what_a_device_may_not_ask_is_refused(world: &World) {
    world.device(SHOP, "openid").await.refused(400, "unauthorized_client");
    world.device(TV, "profile").await.refused(400, "invalid_scope");
    world.device(TV, "").await.refused(400, "invalid_scope");
    let port = world.nodes[0].port;
    let path = "/oidc/device_authorization";
    world.post_bare(port, path, &[("scope", "openid")], None).await.refused(401, "invalid_client");
    let nobody = [("scope", "openid"), ("client_id", "nobody")];
    world.post_bare(port, path, &nobody, None).await.refused(401, "invalid_client");
    let wrong = world.post_bare(port, path, &[("scope", "openid")], Some((RADIO, "wrong"))).await;
    wrong.refused(401, "invalid_client");
    let twice = [("scope", "openid"), ("scope", "openid"), ("client_id", TV)];
    world.post_bare(port, path, &twice, None).await.refused(400, "invalid_request");
    world.post_as(TV, "/oidc/token", &[("grant_type", GRANT)]).await.refused(400, "invalid_request");
    world
        .post_as(SHOP, "/oidc/token", &[("grant_type", GRANT), ("device_code", "x")])
        .await
        .refused(400, "unauthorized_client");
    world.poll_at(port, TV, "no-code").await.refused(400, "invalid_grant");
    world.poll_at(port, TV, &"x".repeat(5000)).await.refused(400, "invalid_grant");
}

async fn rfc8628_3_3_a_code_is_typed_as_people_type_and_tells_nothing_else(world: &World) {
    let device = world.device(TV, "openid").await.granted();
    let code = device.get("user_code");
    let mut browser = world.browser();
    let entered = async |browser: &mut Browser, typed: &str| {
        let page = browser.open("/device").await.page().expect("user-code");
        browser.press(&page, "continue", &[("user_code", typed)]).await.page()
    };
    for typed in [code.to_lowercase(), format!(" {} ", code.replace('-', " ")), code.replace('-', "")] {
        let page = entered(&mut browser, &typed).await.expect_status(200).expect("leave");
        let russian = format!("/device?user_code={code}&lang=ru");
        assert!(page.links().iter().any(|link| link.href == russian), "{page}");
    }
    // A code that never was, one of another form, and no code.
    for typed in ["BBBB-BBBB", "12345678", "", "\"><script>"] {
        let page = entered(&mut browser, typed).await.expect_status(422).expect("error");
        assert!(!page.body.contains("<script>alert") && !page.body.contains("\"><script>"), "{page}");
        assert!(page.links().iter().any(|link| link.href == "/device?lang=ru"), "{page}");
    }
    // Another site's form is none of ours.
    let form = [("user_code".to_owned(), code.to_owned())];
    for path in ["/device", "/device/continue"] {
        let request =
            browser.request(reqwest::Method::POST, &world.url(path)).header("Origin", "https://evil.example");
        assert_eq!(request.form(&form).send().await.expect("an answer").status(), 400, "{path}");
    }
}

async fn rfc8628_3_3_1_a_link_confirms_nothing(world: &World) {
    let device = world.device(TV, "openid").await.granted();
    let link: url::Url = device.get("verification_uri_complete").parse().expect("a URL");
    let mut browser = world.browser();
    let page = browser.get(&link).await.page().expect_status(200).expect("user-code");
    let typed = page.form("continue").controls.into_iter().find(|control| control.id == "user-code");
    assert!(typed.is_some() && page.body.contains(device.get("user_code")), "{page}");
    world.poll(TV, &device).await.refused(400, "authorization_pending");
    let page = browser.press(&page, "continue", &[]).await.page().expect("leave");
    browser.press(&page, "continue", &[]).await.page().expect("phone");
    // Whatever else stands in such an address is not shown.
    let odd = browser.open("/device?user_code=Call+%2B998901234567").await.page().expect("user-code");
    assert!(!odd.text().contains("998901234567") && !odd.body.contains("Call"), "{odd}");
}

async fn rfc8628_3_5_a_device_is_told_what_the_person_decided(world: &World) {
    let person = world.person();
    let device = world.device(TV, "openid profile").await.granted();
    let mut browser = world.browser();
    let page = browser.decide(world, device.get("user_code"), &person).await.expect("deny");
    let page = browser.press(&page, "deny", &[]).await.page().expect("device-refused");
    assert!(page.text().contains("Nothing was sent"), "{page}");
    world.poll(TV, &device).await.refused(400, "access_denied");

    // Whoever cancels before that refuses as well.
    let device = world.device(TV, "openid profile").await.granted();
    let mut browser = world.browser();
    let page = browser.go_on_with(device.get("user_code")).await.expect("phone");
    browser.get(&page.link("cancel")).await.page().expect("device-refused");
    world.poll(TV, &device).await.refused(400, "access_denied");

    // A device that asks too soon is answered from memory.
    let device = world.device(TV, "openid profile").await.granted();
    world.poll(TV, &device).await.refused(400, "authorization_pending");
    world.poll(TV, &device).await.refused(400, "slow_down");
}

async fn rfc8628_5_one_browser_takes_a_code(world: &World) {
    let device = world.device(TV, "openid").await.granted();
    let (mut one, mut other) = (world.browser(), world.browser());
    let code = device.get("user_code");
    let mut pages = Vec::new();
    for browser in [&mut one, &mut other] {
        let page = browser.open("/device").await.page().expect("user-code");
        pages.push(browser.press(&page, "continue", &[("user_code", code)]).await.page().expect("leave"));
    }
    one.press(&pages[0], "continue", &[]).await.page().expect("phone");
    other.press(&pages[1], "continue", &[]).await.page().expect_status(422).expect("error");
    let page = other.open("/device").await.page().expect("user-code");
    other.press(&page, "continue", &[("user_code", code)]).await.page().expect_status(422);
    // The one that took it may go back and come again, until the person has decided.
    one.press(&pages[0], "continue", &[]).await.page().expect("phone");
    let page = one.go_on_with(code).await.expect("phone");
    one.get(&page.link("cancel")).await.page().expect("device-refused");
    one.press(&pages[0], "continue", &[]).await.page().expect_status(422).expect("error");
    // A browser that keeps no cookies takes none.
    let another = world.device(TV, "openid").await.granted();
    let form = [("user_code", another.get("user_code"))];
    let request = world.browser().request(reqwest::Method::POST, &world.url("/device/continue"));
    let request = request.header("Sec-Fetch-Site", "same-origin").form(&form);
    assert_eq!(request.send().await.expect("an answer").status(), 403);
    world.browser().go_on_with(another.get("user_code")).await.expect("phone");
}

async fn what_was_decided_for_a_device_stays(world: &World) {
    let person = world.person();
    let mut browser = world.browser();
    // Refused in one tab, then allowed in another.
    let device = world.device(TV, "openid profile").await.granted();
    let code = device.get("user_code");
    let other_tab = browser.go_on_with(code).await.expect("phone");
    let page = browser.decide(world, code, &person).await.expect("allow");
    browser.get(&other_tab.link("cancel")).await.page().expect("device-refused");
    let late = browser.allow_everything(&page).await.page().expect_status(410);
    assert!(!late.has("device-done"), "{late}");
    world.poll(TV, &device).await.refused(400, "access_denied");
    // The other way round.
    let device = world.device(TV, "openid profile").await.granted();
    let code = device.get("user_code");
    let other_tab = browser.go_on_with(code).await.expect("phone");
    browser.let_in(world, code, &person).await;
    let late = browser.get(&other_tab.link("cancel")).await.page().expect_status(410);
    assert!(!late.has("device-refused"), "{late}");
    world.poll(TV, &device).await.granted();
}

async fn who_signs_out_before_the_device_asks_lets_nothing_in(world: &World) {
    let person = world.person();
    let device = world.device(TV, "openid profile").await.granted();
    let mut browser = world.browser();
    browser.let_in(world, device.get("user_code"), &person).await;
    let page = browser.open("/oidc/logout").await.page().expect("continue");
    browser.press(&page, "continue", &[]).await.page().expect("signed-out");
    world.poll(TV, &device).await.refused(400, "invalid_grant");
}

async fn rfc8707_2_1_a_device_may_say_which_resource_server_its_token_is_for(world: &World) {
    let asked = async |more: &[(&str, &str)]| {
        let fields = [&[("scope", "openid profile")], more].concat();
        world.post_as(RADIO, "/oidc/device_authorization", &fields).await
    };
    for wrong in ["https://other.example.uz/", "urn:uz:example:tax#x", "tax"] {
        asked(&[("resource", API_URI), ("resource", wrong)]).await.refused(400, "invalid_target");
    }
    let other = [("scope", "openid"), ("resource", API_URI)];
    world.post_as(TV, "/oidc/device_authorization", &other).await.refused(400, "invalid_target");
    let (person, device) = (world.person(), asked(&[("resource", API_URI)]).await.granted());
    world.browser().let_in(world, device.get("user_code"), &person).await;
    let tokens = world.poll(RADIO, &device).await.granted();
    let seen = async |by: &str| {
        let token = tokens.get("access_token");
        world.post_as(by, "/oidc/introspect", &[("token", token)]).await.granted().body["active"].clone()
    };
    assert_eq!((seen("api").await, seen("tax").await), (true.into(), false.into()));
    // The token request may not say more.
    let device = asked(&[("resource", API_URI)]).await.granted();
    world.browser().let_in(world, device.get("user_code"), &person).await;
    let code = device.get("device_code");
    let more = [("grant_type", GRANT), ("device_code", code), ("resource", TAX_URI)];
    world.post_as(RADIO, "/oidc/token", &more).await.refused(400, "invalid_target");
}

async fn a_device_may_refresh_and_its_code_is_its_clients(world: &World) {
    let person = world.person();
    let device = world.device(RADIO, "openid profile offline_access").await.granted();
    world.poll_at(world.nodes[0].port, TV, device.get("device_code")).await.refused(400, "invalid_grant");
    let device = world.device(RADIO, "openid profile offline_access").await.granted();
    world.browser().let_in(world, device.get("user_code"), &person).await;
    let tokens = world.poll(RADIO, &device).await.granted();
    let next = world.refresh(RADIO, tokens.get("refresh_token")).await.granted();
    assert_eq!(world.userinfo(next.get("access_token")).await.status, 200);
    // What ends access ends what a device has.
    world.command(&["people", "end-access", &person.number]);
    world.refresh(RADIO, next.get("refresh_token")).await.refused(400, "invalid_grant");
}

async fn rfc8628_3_5_devices_wait_and_codes_expire_and_work_once(setup: Setup) {
    let world = setup.start().await;
    let person = world.person();
    let device = world.device(TV, "openid profile").await.granted();
    world.poll(TV, &device).await.refused(400, "authorization_pending");
    world.advance(5).await;
    world.poll(TV, &device).await.refused(400, "authorization_pending");
    // Whoever asks too soon costs no store anything.
    let asked = async || {
        let redis = world.metric("yagona_redis_round_trips_total", &["cause=\"token\""]).await;
        redis + world.metric("yagona_sql_round_trips_total", &["cause=\"token\""]).await
    };
    let before = asked().await;
    world.poll(TV, &device).await.refused(400, "slow_down");
    world.advance(5).await;
    world.poll(TV, &device).await.refused(400, "slow_down");
    assert_eq!(asked().await, before);
    world.browser().let_in(&world, device.get("user_code"), &person).await;
    world.advance(15).await;
    let tokens = world.poll(TV, &device).await.granted();
    assert_eq!(world.userinfo(tokens.get("access_token")).await.status, 200);
    // The code comes again: what it gave ends.
    world.advance(60).await;
    world.poll(TV, &device).await.refused(400, "invalid_grant");
    assert_eq!(world.userinfo(tokens.get("access_token")).await.status, 401);

    // Nobody decided, or too late.
    let device = world.device(TV, "openid profile").await.granted();
    let mut late = world.browser();
    let page = late.go_on_with(device.get("user_code")).await.expect("phone");
    world.advance(600).await;
    world.poll(TV, &device).await.refused(400, "expired_token");
    late.enter_number(&page, &person.number).await.page().expect_status(410);
    let unknown = late.open("/device").await.page().expect("user-code");
    late.press(&unknown, "continue", &[("user_code", device.get("user_code"))])
        .await
        .page()
        .expect_status(422);

    // What is agreed and not fetched in time is not given.
    let device = world.device(TV, "openid profile").await.granted();
    world.browser().let_in(&world, device.get("user_code"), &person).await;
    world.command(&["people", "end-access", &person.number]);
    world.poll(TV, &device).await.refused(400, "invalid_grant");
}

async fn rfc8628_5_1_codes_and_requests_are_bounded(setup: Setup) {
    let world = setup.set("server.trusted_proxies", vec!["127.0.0.0/8".to_owned()]).start().await;
    let asked = join_all((0..101).map(|_| world.device(TV, "openid"))).await;
    let refused: Vec<&Tokens> = asked.iter().filter(|answer| answer.status != 200).collect();
    assert_eq!(refused.len(), 1);
    refused[0].refused(429, "temporarily_unavailable");
    assert_eq!(refused[0].headers["retry-after"], "600");
    let mut browser = world.browser();
    let page = browser.open("/device").await.page().expect("user-code");
    let right = asked.iter().find(|answer| answer.status == 200).expect("one").get("user_code").to_owned();
    // Whoever types the right code, or what cannot be one, costs nobody anything.
    for typed in [right.as_str(), right.as_str(), "no code"] {
        browser.press(&page, "continue", &[("user_code", typed)]).await.page();
    }
    for _ in 0..100 {
        browser.press(&page, "continue", &[("user_code", "BBBB-BBBB")]).await.page().expect_status(422);
    }
    // Then right ones are not looked at either.
    let limited = browser.press(&page, "continue", &[("user_code", &right)]).await.page().expect_status(429);
    assert_eq!(limited.headers["retry-after"], "300");
    let rows = until("the last one's row", async || {
        let rows = world.audit_rows().await;
        rows.iter().any(|row| row.content["reason"] == "limited").then_some(rows)
    });
    let rows = rows.await;
    let of = |event: &str, reason: &str| {
        let of = rows.iter().filter(|row| row.event == event && row.content.to_string().contains(reason));
        of.map(|row| &row.content).collect::<Vec<&Value>>()
    };
    let open = of("token.refused", "too many requests of this client are open");
    assert!(open.len() == 1 && open[0]["client.id"] == TV, "{open:?}");
    assert_eq!(of("device.code_refused", "wrong").len(), 100);
    let limited = of("device.code_refused", "limited");
    assert!(limited.len() == 1 && limited[0]["client.id"] == TV, "{limited:?}");
    for code in [right.as_str(), "BBBB-BBBB", "BBBBBBBB"] {
        assert!(rows.iter().all(|row| !row.content.to_string().contains(code)), "{code}");
    }
    let counted =
        async |outcome: &str| world.metric("yagona_sign_ins_total", &["step=\"device\"", outcome]).await;
    assert_eq!(counted("outcome=\"wrong\"").await, 100.0);
    world.advance(300).await;
    browser.press(&page, "continue", &[("user_code", &right)]).await.page().expect("leave");

    // In the name of a public client anybody may ask, but from no network much.
    let from = async |client: &str, address: &str| {
        let browser = world.browser().from(address);
        let request = browser.request(reqwest::Method::POST, &world.url("/oidc/device_authorization"));
        let secret = crate::support::client_file::secret(client);
        let request = if client == TV { request } else { request.basic_auth(client, Some(secret)) };
        let fields: &[(&str, &str)] = &[("scope", "openid"), ("client_id", client)];
        let request = request.form(if client == TV { fields } else { &fields[..1] });
        request.send().await.expect("an answer").status().as_u16()
    };
    for host in 1..=3 {
        let address = format!("203.0.113.{host}");
        let answers = join_all((0..100).map(|_| from(TV, &address))).await;
        assert!(answers.iter().all(|status| *status == 200), "{address}");
    }
    assert_eq!(from(TV, "203.0.113.4").await, 429);
    assert_eq!(from(TV, "203.0.114.4").await, 200, "another network");
    assert_eq!(from(RADIO, "203.0.113.4").await, 200, "a client that proves itself");
}

#[tokio::test]
async fn a_device_is_told_at_one_node_what_was_decided_at_another() {
    let mut world = Setup::new(Backend::Servers).set("nodes", 2).start().await;
    world.add_node().await;
    let (person, ports) = (world.person(), [world.nodes[0].port, world.nodes[1].port]);
    let device =
        world.post_at(ports[1], TV, "/oidc/device_authorization", &[("scope", "openid profile")]).await;
    let device = device.granted();
    world.browser().at(ports[0]).let_in(&world, device.get("user_code"), &person).await;
    let answers = join_all(ports.map(|port| world.poll_at(port, TV, device.get("device_code")))).await;
    let (won, lost): (Vec<&Tokens>, Vec<&Tokens>) = answers.iter().partition(|answer| answer.status == 200);
    assert_eq!((won.len(), lost.len()), (1, 1), "one redeems it");
    lost[0].refused(400, "invalid_grant");
    // The other one, sent at once, takes nothing from it; who comes later does.
    assert_eq!(world.userinfo(won[0].get("access_token")).await.status, 200);
    world.advance(60).await;
    world.poll_at(ports[0], TV, device.get("device_code")).await.refused(400, "invalid_grant");
    assert_eq!(world.userinfo(won[0].get("access_token")).await.status, 401);
    let rows = until("the last one's row", async || {
        let rows = world.audit_rows().await;
        rows.iter().any(|row| row.event == "code.replayed").then_some(rows)
    });
    let rows = rows.await;
    for event in ["sign_in.begun", "sign_in.completed", "token.issued", "code.replayed"] {
        assert!(rows.iter().any(|row| row.event == event && row.content["client.id"] == TV), "{event}");
    }
    let code = device.get("user_code");
    for secret in [code, &code.replace('-', ""), device.get("device_code")] {
        assert!(rows.iter().all(|row| !row.content.to_string().contains(secret)));
    }
}
