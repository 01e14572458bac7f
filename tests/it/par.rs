//! Pushed authorization requests (RFC 9126).

use futures_util::future::join_all;
use reqwest::Method;

use crate::support::client_file::{MACHINE, NATIVE, PUSHER, RIVAL, SHOP};
use crate::support::{
    Asked, Browser, Person, Setup, Step, World, alone_on_both_backends, code_of, on_both_backends, param,
};

on_both_backends!(
    rfc9126_2_2_a_pushed_request_begins_a_sign_in,
    rfc9126_2_1_what_is_pushed_is_checked_at_once,
    rfc9126_2_1_clients_prove_themselves,
    rfc9126_2_2_a_request_is_bound_to_its_client,
    rfc9126_4_only_the_pushed_parameters_count,
    rfc9126_4_loading_the_page_twice_spends_nothing_and_an_answer_does,
    rfc9126_4_one_request_has_one_answer_whatever_browsers_it_was_opened_in,
    rfc9126_4_an_error_spends_a_request_too,
    rfc9126_4_what_fits_no_address_with_the_person_in_it_is_answered_once,
    rfc9126_4_an_error_is_no_second_answer,
    rfc9126_4_who_cancels_twice_gets_the_same_error_again,
    rfc9126_4_who_asks_silently_at_once_gets_one_answer,
    rfc9126_4_a_request_that_was_answered_ends_nobodys_session,
    rfc9126_5_who_must_push_gets_no_answer_to_another_request,
);

alone_on_both_backends!(
    rfc9126_4_an_expired_request_is_refused,
    rfc9126_2_3_requests_are_bounded_in_size_and_in_number_per_client,
    rfc9126_2_3_what_anybody_can_push_is_bounded_by_network,
);

/// Fails unless the request is one that nobody can go on with.
async fn assert_gone(world: &World, browser: &mut Browser, asked: &Asked) {
    let page = browser.begin(world, asked).await.page().expect_status(410).expect("error");
    assert!(page.body.contains("invalid_request_uri"), "{page}");
}

/// From the page with the number to the one that wants the code, and the code.
async fn at_code(
    world: &World,
    browser: &mut Browser,
    asked: &Asked,
    person: &Person,
) -> (crate::support::Page, String) {
    let page = browser.begin_with_number(world, asked, person).await;
    let code = world.sandbox.next_code(person).await;
    (page, code)
}

async fn rfc9126_2_2_a_pushed_request_begins_a_sign_in(world: &World) {
    let answer = world.push(&Asked::by(SHOP)).await;
    assert_eq!(answer.status, 201, "{}", answer.body);
    assert_eq!(answer.headers["cache-control"], "no-store");
    let expires_in = answer.body["expires_in"].as_i64().expect("a number");
    assert!((60..=90).contains(&expires_in), "{expires_in}");
    let uri = answer.get("request_uri");
    let random = uri.strip_prefix("urn:ietf:params:oauth:request_uri:").expect("the prefix of RFC 9126");
    assert!(random.len() >= 22, "128 bits at least: {random}");
    let url = world.browser().sign_in(world, &Asked::of_pushed(SHOP, uri), &world.person()).await;
    assert_eq!(param(&url, "state").as_deref(), Some("state-state-state"));
    assert_eq!(param(&url, "iss").as_deref(), Some(world.issuer.as_str().trim_end_matches('/')));
    world.redeem(SHOP, &code_of(&url)).await.granted();
}

/// A class that nothing reaches that is offered here.
const ERI: &str = r#"{"id_token":{"acr":{"essential":true,"value":"urn:yagona:acr:eri"}}}"#;

async fn rfc9126_2_1_what_is_pushed_is_checked_at_once(world: &World) {
    let asked = || Asked::by(SHOP);
    for (asked, status, error) in [
        (asked().without("redirect_uri"), 400, "invalid_request"),
        (asked().with("redirect_uri", "http://localhost:9/other"), 400, "invalid_request"),
        (asked().without("response_type"), 400, "invalid_request"),
        (asked().with("response_type", "token"), 400, "unsupported_response_type"),
        (asked().with("scope", "profile"), 400, "invalid_scope"),
        (asked().without("code_challenge"), 400, "invalid_request"),
        (asked().and("prompt", "none login"), 400, "invalid_request"),
        (asked().and("response_mode", "web_message"), 400, "invalid_request"),
        (asked().and("nonce", "another"), 400, "invalid_request"),
        (asked().and("request_uri", "urn:ietf:params:oauth:request_uri:x"), 400, "invalid_request"),
        (asked().and("request", "x"), 400, "request_not_supported"),
        (asked().and("claims", ERI), 400, "unmet_authentication_requirements"),
        (Asked::by(MACHINE), 400, "invalid_request"),
    ] {
        let answer = world.push(&asked).await;
        answer.refused(status, error);
        let words = answer.get("error_description");
        assert!(words.chars().all(|c| matches!(c, ' '..='~') && c != '"' && c != '\\'), "{words}");
        assert!(answer.body.get("request_uri").is_none(), "{}", answer.body);
    }
    for method in [Method::GET, Method::PUT, Method::DELETE] {
        let request = world.browser().request(method.clone(), &world.url("/oidc/par"));
        assert_eq!(request.send().await.expect("an answer").status(), 405, "{method}");
    }
}

async fn rfc9126_2_1_clients_prove_themselves(world: &World) {
    let port = world.nodes[0].port;
    let asked = Asked::by(SHOP);
    let fields: Vec<(&str, &str)> =
        asked.fields().iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    for basic in [None, Some((SHOP, "guessed")), Some(("nobody", "x"))] {
        let mut fields = fields.clone();
        fields.retain(|(name, _)| *name != "client_id" || basic.is_none());
        world.post_bare(port, "/oidc/par", &fields, basic).await.refused(401, "invalid_client");
    }
    let other = [("client_id", RIVAL)];
    let secret = crate::support::client_file::secret(SHOP);
    world.post_bare(port, "/oidc/par", &other, Some((SHOP, &secret))).await.refused(400, "invalid_request");
    // A public client says who it is; what it pushes is bound to it by PKCE.
    let url = {
        let asked = world.pushed(&Asked::by(NATIVE)).await;
        world.browser().sign_in(world, &asked, &world.person()).await
    };
    world.redeem(NATIVE, &code_of(&url)).await.granted();
}

async fn rfc9126_2_2_a_request_is_bound_to_its_client(world: &World) {
    let asked = world.pushed(&Asked::by(SHOP)).await;
    let stolen = asked.clone().with("client_id", RIVAL);
    assert_gone(world, &mut world.browser(), &stolen).await;
    let anonymous = asked.clone().without("client_id");
    world.browser().begin(world, &anonymous).await.page().expect_status(400).expect("error");
    let twice = asked.clone().and("request_uri", "urn:ietf:params:oauth:request_uri:x");
    assert_gone(world, &mut world.browser(), &twice).await;
    let unknown = asked.clone().with("request_uri", "urn:ietf:params:oauth:request_uri:x");
    assert_gone(world, &mut world.browser(), &unknown).await;
    world.browser().begin(world, &asked).await.page().expect("phone");
}

async fn rfc9126_4_only_the_pushed_parameters_count(world: &World) {
    let pushed = Asked::by(SHOP).with("scope", "openid").with("state", "pushed");
    let asked = world.pushed(&pushed).await;
    let changed = asked
        .and("state", "changed")
        .and("scope", "openid profile address")
        .and("redirect_uri", "http://localhost:9/callback?from=yagona")
        .and("response_mode", "form_post")
        .and("prompt", "none")
        .and("nonce", "changed");
    let url = world.browser().sign_in(world, &changed, &world.person()).await;
    assert_eq!(param(&url, "state").as_deref(), Some("pushed"));
    assert_eq!(param(&url, "from"), None, "{url}");
    let tokens = world.redeem(SHOP, &code_of(&url)).await.granted();
    assert_eq!(tokens.get("scope"), "openid");
    assert_eq!(crate::support::jwt::read(tokens.get("id_token")).claims["nonce"], "nonce-nonce-nonce");
}

async fn rfc9126_4_loading_the_page_twice_spends_nothing_and_an_answer_does(world: &World) {
    let (asked, person) = (world.pushed(&Asked::by(SHOP)).await, world.person());
    let mut browser = world.browser();
    browser.begin(world, &asked).await.page().expect("phone");
    let url = browser.sign_in(world, &asked, &person).await;
    code_of(&url);
    assert_gone(world, &mut browser, &asked).await;
    assert_gone(world, &mut world.browser(), &asked).await;
    // With a session, too, and without a page.
    let asked = world.pushed(&Asked::by(SHOP)).await;
    let page = browser.begin(world, &asked).await.page().expect("continue");
    code_of(&browser.press(&page, "continue", &[]).await.away());
    assert_gone(world, &mut browser, &asked).await;
    let silent = world.pushed(&Asked::by(SHOP).and("prompt", "none")).await;
    code_of(&browser.begin(world, &silent).await.away());
    assert_gone(world, &mut browser, &silent).await;
}

async fn rfc9126_4_one_request_has_one_answer_whatever_browsers_it_was_opened_in(world: &World) {
    let asked = world.pushed(&Asked::by(PUSHER)).await;
    let people = [world.person(), world.person()];
    let mut browsers = [world.browser(), world.browser()];
    let mut pages = Vec::new();
    for (browser, person) in browsers.iter_mut().zip(&people) {
        pages.push(at_code(world, browser, &asked, person).await);
    }
    let mut codes = 0;
    for (browser, (page, code)) in browsers.iter_mut().zip(&pages) {
        let step = match browser.enter_code(page, code).await {
            Step::Page(page) if page.has("allow") => browser.allow_everything(&page).await,
            step => step,
        };
        match step {
            Step::Away(url) => {
                code_of(&url);
                codes += 1;
            }
            Step::Page(page) => {
                page.expect_status(410).expect("error");
            }
        }
    }
    assert_eq!(codes, 1);
    // A session that is used is no other way to a second answer.
    let asked = world.pushed(&Asked::by(PUSHER)).await;
    let mut tabs = Vec::new();
    for _ in 0..2 {
        tabs.push(browsers[0].begin(world, &asked).await.page().expect("continue"));
    }
    let mut answers = Vec::new();
    for tab in &tabs {
        answers.push(browsers[0].press(tab, "continue", &[]).await);
    }
    let second = answers.pop().expect("two");
    code_of(&answers.pop().expect("one").away());
    second.page().expect_status(410).expect("error");
}

async fn rfc9126_4_an_error_spends_a_request_too(world: &World) {
    let asked = world.pushed(&Asked::by(SHOP).and("prompt", "none")).await;
    let url = world.browser().begin(world, &asked).await.away();
    assert_eq!(param(&url, "error").as_deref(), Some("login_required"));
    assert_gone(world, &mut world.browser(), &asked).await;

    let asked = world.pushed(&Asked::by(SHOP)).await;
    let mut browser = world.browser();
    let page = browser.begin(world, &asked).await.page().expect("phone");
    let url = browser.get(&page.link("cancel")).await.away();
    assert_eq!(param(&url, "error").as_deref(), Some("access_denied"));
    assert_gone(world, &mut browser, &asked).await;

    let asked = world.pushed(&Asked::by(SHOP)).await;
    let (mut browser, person) = (world.browser(), world.person());
    let (page, code) = at_code(world, &mut browser, &asked, &person).await;
    let page = browser.enter_code(&page, &code).await.page().expect("deny");
    let url = browser.press(&page, "deny", &[]).await.away();
    assert_eq!(param(&url, "error").as_deref(), Some("access_denied"));
    assert_gone(world, &mut browser, &asked).await;
}

async fn rfc9126_5_who_must_push_gets_no_answer_to_another_request(world: &World) {
    let url = world.browser().begin(world, &Asked::by(PUSHER)).await.away();
    assert_eq!(param(&url, "error").as_deref(), Some("invalid_request"));
    let words = param(&url, "error_description").expect("words");
    assert!(words.contains("must push"), "{words}");
    let asked = world.pushed(&Asked::by(PUSHER)).await;
    code_of(&world.browser().sign_in(world, &asked, &world.person()).await);
}

async fn rfc9126_4_an_expired_request_is_refused(setup: Setup) {
    let world = setup.start().await;
    let (early, late) = (world.pushed(&Asked::by(SHOP)).await, world.pushed(&Asked::by(SHOP)).await);
    let (mut browser, person) = (world.browser(), world.person());
    let page = browser.begin(&world, &early).await.page().expect("phone");
    world.advance(91).await;
    assert_gone(&world, &mut browser, &late).await;
    // A sign-in that was begun in time may take longer.
    let page = browser.enter_number(&page, &person.number).await.page().expect("code");
    let code = world.sandbox.next_code(&person).await;
    let page = browser.enter_code(&page, &code).await.page().expect("allow");
    code_of(&browser.allow_everything(&page).await.away());
}

async fn rfc9126_2_3_requests_are_bounded_in_size_and_in_number_per_client(setup: Setup) {
    let world = setup.set("pushed_requests.most_per_client", 5).start().await;
    let long = Asked::by(SHOP).and("login_hint", &"x".repeat(8000)).and("ui_locales", &"x".repeat(8000));
    world.push(&long).await.refused(413, "invalid_request");
    // What no address can carry is refused when it is pushed, not when the person comes.
    let long = Asked::by(SHOP).with("state", &"s".repeat(2000)).with("nonce", &"n".repeat(1000));
    world.push(&long).await.refused(413, "invalid_request");
    let mut refused = 0;
    for _ in 0..12 {
        let answer = world.push(&Asked::by(SHOP)).await;
        if answer.status == 429 {
            answer.refused(429, "temporarily_unavailable");
            assert!(answer.headers.contains_key("retry-after"), "{:?}", answer.headers);
            refused += 1;
        } else {
            assert_eq!(answer.status, 201, "{}", answer.body);
        }
    }
    assert_eq!(refused, 7, "five are kept, however many are sent");
    world.pushed(&Asked::by(RIVAL)).await;
    world.advance(91).await;
    world.pushed(&Asked::by(SHOP)).await;
}

/// A pushed request is held against the address of an attempt without anybody in it.
async fn rfc9126_4_what_fits_no_address_with_the_person_in_it_is_answered_once(world: &World) {
    let mut browser = world.browser();
    code_of(&browser.sign_in(world, &Asked::by(SHOP), &world.person()).await);
    let asked =
        |more: usize| Asked::by(SHOP).with("state", &"s".repeat(2000)).with("nonce", &"n".repeat(more));
    let mut pushed = None;
    for more in (0..700).step_by(50).rev() {
        let answer = world.push(&asked(more)).await;
        if answer.status == 201 {
            pushed = Some(Asked::of_pushed(SHOP, answer.get("request_uri")));
            break;
        }
        assert_eq!(answer.status, 413, "{}", answer.body);
    }
    let pushed = pushed.expect("one that fits");
    let url = browser.begin(world, &pushed).await.away();
    assert_eq!(param(&url, "error").as_deref(), Some("invalid_request"));
    assert!(param(&url, "error_description").is_some_and(|why| why.contains("too large")), "{url}");
    // It was answered: nobody begins with it any more.
    assert_gone(world, &mut world.browser(), &pushed).await;
}

/// What comes of a request that somebody at `address` pushes in the name of a public client.
async fn pushed_from(world: &World, address: &str) -> u16 {
    let asked = Asked::by(NATIVE);
    let request = world.browser().request(Method::POST, &world.url("/oidc/par"));
    let request = request.header("X-Forwarded-For", address).form(asked.fields());
    request.send().await.expect("an answer").status().as_u16()
}

async fn rfc9126_2_3_what_anybody_can_push_is_bounded_by_network(setup: Setup) {
    let setup = setup.set("limits.sends_per_address_5m", 3).set("limits.sends_per_site_5m", 4);
    let setup = setup.set("pushed_requests.most_per_client", 6);
    let world = setup.set("server.trusted_proxies", vec!["127.0.0.0/8".to_owned()]).start().await;
    let mut taken = Vec::new();
    for address in ["203.0.113.9", "203.0.113.10"] {
        for _ in 0..10 {
            taken.push(pushed_from(&world, address).await);
        }
    }
    let count = |taken: &[u16]| taken.iter().filter(|status| **status == 201).count();
    assert!(taken.iter().all(|status| matches!(status, 201 | 429)), "{taken:?}");
    assert_eq!(
        (count(&taken[..10]), count(&taken[10..])),
        (3, 1),
        "of the address, and what is left of the /24"
    );
    // What was refused there used up nothing of the client's: two are left of its six.
    assert_eq!(pushed_from(&world, "198.51.100.7").await, 201);
    assert_eq!(pushed_from(&world, "192.0.2.7").await, 201);
    assert_eq!(pushed_from(&world, "192.0.2.8").await, 429);
    // Who proves to be the client is not counted by network, and one has registered a number of its own.
    for (client, most) in [(SHOP, 6), (PUSHER, 10)] {
        let mut taken = Vec::new();
        for _ in 0..10 {
            taken.push(world.push(&Asked::by(client)).await.status);
        }
        assert_eq!(count(&taken), most, "{client}: {taken:?}");
    }
    world.advance(91).await;
    assert_eq!(pushed_from(&world, "203.0.113.9").await, 201);
}

/// Fails unless the person cancels and the client is told.
fn assert_denied(step: Step) {
    assert_eq!(param(&step.away(), "error").as_deref(), Some("access_denied"));
}

/// Fails unless the person is told that the request was answered.
fn assert_answered(step: Step) {
    step.page().expect_status(410).expect("error");
}

async fn rfc9126_4_an_error_is_no_second_answer(world: &World) {
    // The first refuses, then the first agrees; the other refuses, and again when told that it was too late.
    for first in ["deny", "allow"] {
        let asked = world.pushed(&Asked::by(SHOP)).await;
        let mut tabs = Vec::new();
        for _ in 0..2 {
            let (mut browser, person) = (world.browser(), world.person());
            let (page, code) = at_code(world, &mut browser, &asked, &person).await;
            let page = browser.enter_code(&page, &code).await.page().expect("deny");
            tabs.push((browser, page));
        }
        let (mut browser, page) = tabs.remove(0);
        match first {
            "deny" => assert_denied(browser.press(&page, "deny", &[]).await),
            _ => drop(code_of(&browser.allow_everything(&page).await.away())),
        }
        let (mut browser, page) = tabs.remove(0);
        for _ in 0..2 {
            assert_answered(browser.press(&page, "deny", &[]).await);
        }
        assert_answered(browser.allow_everything(&page).await);
    }
}

async fn rfc9126_4_who_cancels_twice_gets_the_same_error_again(world: &World) {
    let asked = world.pushed(&Asked::by(SHOP)).await;
    let (mut browser, mut other) = (world.browser(), world.browser());
    let page = browser.begin(world, &asked).await.page().expect("phone");
    let late = other.begin(world, &asked).await.page().expect("phone");
    for _ in 0..3 {
        assert_denied(browser.get(&page.link("cancel")).await);
        assert_answered(other.get(&late.link("cancel")).await);
    }
    // Nor is there another answer for whoever goes on after that.
    let person = world.person();
    let page = browser.enter_number(&page, &person.number).await.page().expect("code");
    let code = world.sandbox.next_code(&person).await;
    let page = browser.enter_code(&page, &code).await.page().expect("allow");
    assert_answered(browser.allow_everything(&page).await);
    assert_denied(browser.press(&page, "deny", &[]).await);
}

async fn rfc9126_4_who_asks_silently_at_once_gets_one_answer(world: &World) {
    let asked = world.pushed(&Asked::by(SHOP).and("prompt", "none")).await;
    let mut browsers: Vec<Browser> = (0..6).map(|_| world.browser()).collect();
    let steps = join_all(browsers.iter_mut().map(|browser| browser.begin(world, &asked))).await;
    let answered = steps.into_iter().filter(|step| match step {
        Step::Away(url) => param(url, "error").as_deref() == Some("login_required"),
        Step::Page(page) => {
            assert_eq!(page.status, 410, "{page}");
            false
        }
    });
    assert_eq!(answered.count(), 1);
}

async fn rfc9126_4_a_request_that_was_answered_ends_nobodys_session(world: &World) {
    let mut browser = world.browser();
    code_of(&browser.sign_in(world, &Asked::by(SHOP), &world.person()).await);
    // Somebody else in the same browser, with a request that is answered in another one.
    let asked = world.pushed(&Asked::by(SHOP).and("prompt", "login")).await;
    let (page, code) = at_code(world, &mut browser, &asked, &world.person()).await;
    code_of(&world.browser().sign_in(world, &asked, &world.person()).await);
    assert_answered(browser.enter_code(&page, &code).await);
    let silent = Asked::by(SHOP).and("prompt", "none");
    code_of(&browser.begin(world, &silent).await.away());
}
