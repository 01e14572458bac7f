//! What ends, and how much there may be of it.

use super::*;

alone_on_both_backends!(
    ciba_7_3_requests_lapse_and_work_once,
    requests_are_bounded_by_person_and_by_client,
    a_person_keeps_a_service_away,
    nobody_who_may_not_sign_in_approves,
    references_that_name_nothing_are_bounded,
    the_sandbox_answers_like_somebody_with_the_phone,
);

async fn ciba_7_3_requests_lapse_and_work_once(setup: Setup) {
    let world = setup.start().await;
    let person = world.person();
    let fields =
        [("scope", "openid profile"), ("login_hint", person.number.as_str()), ("requested_expiry", "10")];
    let asked = world.asks(COUNTER, &fields).await.granted();
    assert_eq!(asked.body["expires_in"], 10);
    let message = world.approval_message(&person).await;
    let mut browser = world.browser();
    let page = browser.open_request(&message).await.expect("allow");
    world.advance(10).await;
    browser.decides_on(&page, "allow", &message.code).await.expect_status(422).expect("error");
    for _ in 0..2 {
        world.polled(COUNTER, &asked).await.refused(400, "expired_token");
        world.advance(5).await;
    }
    // Longer than codes to sign in live, which is what a request may be approved for.
    let asked = world.asks_for(COUNTER, "openid profile", &person).await;
    let message = world.approval_message(&person).await;
    world.polled(COUNTER, &asked).await.refused(400, "authorization_pending");
    // Whoever asks too soon costs no store anything.
    let round_trips = async || {
        let redis = world.metric("yagona_redis_round_trips_total", &["cause=\"token\""]).await;
        redis + world.metric("yagona_sql_round_trips_total", &["cause=\"token\""]).await
    };
    let before = round_trips().await;
    world.polled(COUNTER, &asked).await.refused(400, "slow_down");
    assert_eq!(round_trips().await, before);
    world.advance(290).await;
    world.browser().decides(&message, "allow").await.expect("approval-done");
    world.polled(COUNTER, &asked).await.granted();
    // It works once: its name comes again, and what it gave ends.
    let asked = world.asks_for(COUNTER, "openid profile", &person).await;
    let message = world.approval_message(&person).await;
    world.browser().decides(&message, "allow").await.expect("approval-done");
    let tokens = world.polled(COUNTER, &asked).await.granted();
    assert_eq!(world.userinfo(tokens.get("access_token")).await.status, 200);
    // At once, too: there is nothing left to wait for.
    world.polled(COUNTER, &asked).await.refused(400, "invalid_grant");
    assert_eq!(
        world.userinfo(tokens.get("access_token")).await.status,
        200,
        "two polls together end nothing"
    );
    world.advance(60).await;
    world.polled(COUNTER, &asked).await.refused(400, "invalid_grant");
    assert_eq!(world.userinfo(tokens.get("access_token")).await.status, 401);

    // What is approved and not fetched in time is not given; nor is what ended in between.
    let late = world.asks_for(COUNTER, "openid profile", &person).await;
    let message = world.approval_message(&person).await;
    world.browser().decides(&message, "allow").await.expect("approval-done");
    world.command(&["people", "end-access", &person.number]);
    world.polled(COUNTER, &late).await.refused(400, "invalid_grant");
    let late = world.asks_for(COUNTER, "openid profile", &person).await;
    let message = world.approval_message(&person).await;
    world.browser().decides(&message, "allow").await.expect("approval-done");
    world.advance(300).await;
    world.polled(COUNTER, &late).await.refused(400, "expired_token");
    // It is recorded once that nobody decided.
    let rows = until("the lapse", async || {
        let rows = world.audit_rows().await;
        rows.iter().any(|row| row.event == "ciba.lapsed").then_some(rows)
    });
    let rows = rows.await;
    let lapsed: Vec<_> = rows.iter().filter(|row| row.event == "ciba.lapsed").collect();
    assert!(lapsed.len() == 1 && lapsed[0].content["client.id"] == COUNTER, "{lapsed:?}");
    for secret in [person.number.as_str(), &message.reference, &message.code, asked.get("auth_req_id")] {
        assert!(rows.iter().all(|row| !row.content.to_string().contains(secret)), "{secret}");
    }
    for event in ["ciba.requested", "ciba.approved", "sign_in.code_sent", "token.issued"] {
        let of = rows.iter().find(|row| row.event == event).unwrap_or_else(|| panic!("no {event}"));
        assert_eq!(of.content["client.id"], COUNTER, "{of:?}");
    }
}

async fn requests_are_bounded_by_person_and_by_client(setup: Setup) {
    let setup = setup.set("ciba.open_per_person", 2).set("ciba.per_client_hour", 6);
    let world = setup.start().await;
    let (person, nobody) = (world.person(), world.somebody(Kind::Unknown));
    // The third one is refused, whether or not anybody has the number, and whoever asks.
    for who in [&person, &nobody] {
        for client in [COUNTER, REGISTRY] {
            world.asks_for(client, "openid", who).await;
        }
        let third = world.asks(COUNTER, &[("scope", "openid"), ("login_hint", &who.number)]).await;
        third.refused(429, "temporarily_unavailable");
        assert_eq!(third.headers["retry-after"], "600");
        assert!(third.get("error_description").contains("this person"), "{}", third.body);
    }
    world.approval_message(&person).await;
    world.approval_message(&person).await;
    // Signing in is not held up by it.
    let page = world.browser().begin_with_number(&world, &Asked::by(BODY), &person).await;
    assert!(page.has("code"));
    world.sandbox.next_code(&person).await;
    // Refused ones count for a client as well: so it does not go on.
    let others: Vec<Person> = (0..3).map(|_| world.person()).collect();
    for who in &others[..2] {
        world.asks_for(COUNTER, "openid", who).await;
    }
    let more = world.asks(COUNTER, &[("scope", "openid"), ("login_hint", &others[2].number)]).await;
    more.refused(429, "temporarily_unavailable");
    assert!(more.get("error_description").contains("this client"), "{}", more.body);
    world.asks_for(REGISTRY, "openid", &others[2]).await;
    world.advance(3600).await;
    world.asks_for(COUNTER, "openid", &person).await;
    let rows = until("the last one's row", async || {
        let rows = world.audit_rows().await;
        let refused = |event: &str| rows.iter().filter(|row| row.event == event).count();
        (refused("ciba.refused") == 3 && refused("sign_in.limited") == 3).then_some(rows)
    });
    let rows = rows.await;
    let refused = rows.iter().find(|row| row.event == "ciba.refused").expect("one");
    assert!(refused.content["client.id"] == COUNTER && refused.content["reason"].is_string(), "{refused:?}");
}

async fn a_person_keeps_a_service_away(setup: Setup) {
    let world = setup.start().await;
    let person = world.person();
    world.asks_for(COUNTER, "openid", &person).await;
    let message = world.approval_message(&person).await;
    let mut browser = world.browser();
    let page = browser.decides(&message, "deny").await.expect("approval-refused").expect("mute");
    // What the page says is this provider's, and of this hour.
    let url = world.url("/a/mute");
    for made_up in ["", "x", "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"] {
        let form = [("service".to_owned(), made_up.to_owned())];
        browser.post(&url, &form).await.page().expect_status(410);
    }
    browser.press(&page, "mute", &[]).await.page().expect_status(200).expect("approval-muted");
    // The service gets the same answer, and the person no message; another service's requests arrive.
    let asked = world.asks_for(COUNTER, "openid", &person).await;
    assert_eq!(asked.body["expires_in"], 300);
    world.polled(COUNTER, &asked).await.refused(400, "authorization_pending");
    world.asks_for(REGISTRY, "openid", &person).await;
    world.approval_message(&person).await;
    world.nothing_more_came(&[&person]).await;
    world.advance(300).await;
    world.polled(COUNTER, &asked).await.refused(400, "expired_token");
    // Signing in there works as before.
    world.browser().begin_with_number(&world, &Asked::by(COUNTER), &person).await;
    world.sandbox.next_code(&person).await;
    let rows = until("what was kept away", async || {
        let rows = world.audit_rows().await;
        let of = rows.into_iter().filter(|row| row.event == "ciba.muted").collect::<Vec<_>>();
        (of.len() == 2).then_some(of)
    });
    let rows = rows.await;
    let reasons: BTreeSet<&str> = rows.iter().filter_map(|row| row.content["reason"].as_str()).collect();
    assert_eq!(reasons, BTreeSet::from(["asked", "muted"]), "{rows:?}");
    assert!(rows.iter().all(|row| row.content["client.id"] == COUNTER), "{rows:?}");
    // An old page mutes nothing any more, and after thirty days the service may ask again.
    world.advance(3600).await;
    browser.press(&page, "mute", &[]).await.page().expect_status(410);
    world.advance(30 * 86_400).await;
    world.asks_for(COUNTER, "openid", &person).await;
    world.approval_message(&person).await;
}

async fn nobody_who_may_not_sign_in_approves(setup: Setup) {
    let world = setup.start().await;
    // Wrong codes hold an account back wherever they are entered.
    let person = world.person();
    let asked = world.asks_for(COUNTER, "openid profile", &person).await;
    let message = world.approval_message(&person).await;
    let mut browser = world.browser();
    let page = browser.open_request(&message).await;
    let wrong = other_code(&message.code);
    for _ in 0..5 {
        browser.decides_on(&page, "allow", wrong).await;
    }
    // This request has had its tries: the right code is none any more.
    let over = browser.decides_on(&page, "allow", &message.code).await.expect("used-up");
    assert!(!over.has("code"), "{over}");
    world.polled(COUNTER, &asked).await.refused(400, "authorization_pending");
    // The person is told of it.
    world.advance(5).await;
    world.sandbox.next_notice(&person).await;
    // While the account is held back nobody gets a message of another one.
    world.asks_for(COUNTER, "openid profile", &person).await;
    world.nothing_more_came(&[&person]).await;
    world.advance(31).await;
    let asked = world.asks_for(COUNTER, "openid profile", &person).await;
    let message = world.approval_message(&person).await;
    // What a stranger does at a sign-in holds up an approval that is under way as well.
    let asking = Asked::by(BODY);
    let mut stranger = world.browser();
    let guessed = stranger.begin_with_number(&world, &asking, &person).await;
    let code = world.sandbox.next_code(&person).await;
    for _ in 0..5 {
        stranger.enter_code(&guessed, other_code(&code)).await.page();
    }
    let page = browser.open_request(&message).await.expect("code");
    browser.decides_on(&page, "allow", &message.code).await.expect("code-error");
    world.polled(COUNTER, &asked).await.refused(400, "authorization_pending");
    // Nor does anybody approve whose access was ended since the message, or who lost the number.
    let other = world.person();
    world.asks_for(COUNTER, "openid profile", &other).await;
    let message = world.approval_message(&other).await;
    let page = browser.open_request(&message).await.expect("code");
    world.command(&["people", "end-access", &other.number]);
    browser.decides_on(&page, "allow", &message.code).await.expect("code-error");
    // A service that lost the grant is answered no more.
    let third = world.person();
    world.asks_for(REGISTRY, "openid profile", &third).await;
    let message = world.approval_message(&third).await;
    world.command(&["client", "disable", REGISTRY]);
    until("the change", async || (world.browser().open_request(&message).await.status != 200).then_some(()))
        .await;
}

async fn references_that_name_nothing_are_bounded(setup: Setup) {
    let world = setup.set("limits.sends_per_address_5m", 1).start().await;
    let person = world.person();
    world.asks_for(COUNTER, "openid", &person).await;
    let message = world.approval_message(&person).await;
    let mut browser = world.browser();
    for _ in 0..3 {
        browser.open_request(&message).await.expect_status(200);
    }
    for _ in 0..40 {
        browser.open("/a/BBBBBBBB").await.page().expect_status(422);
    }
    browser.open("/a/BBBBBBBC").await.page().expect_status(429);
    // Then right ones are not looked at either.
    browser.open_request(&message).await.expect_status(429);
    world.advance(301).await;
    let rows = until("the last one's row", async || {
        let rows = world.audit_rows().await;
        rows.iter().any(|row| row.content["reason"] == "limited").then_some(rows)
    });
    let rows = rows.await;
    assert_eq!(rows.iter().filter(|row| row.event == "ciba.reference_refused").count(), 42, "{rows:?}");
    assert!(rows.iter().all(|row| !row.content.to_string().contains("BBBBBBBB")));
}

async fn the_sandbox_answers_like_somebody_with_the_phone(setup: Setup) {
    let world = setup.start().await;
    let answered = async |token: &str, kind: &str| {
        let url = format!("{}/ciba?token={token}&type={kind}", world.sandbox.base);
        crate::support::http::client().post(url).send().await.expect("the sandbox").status().as_u16()
    };
    for (kind, status, error) in [("allow", 200, ""), ("deny", 400, "access_denied")] {
        let asked = world.asks_for(COUNTER, "openid profile phone", &world.person()).await;
        // The message may not have arrived yet: it is waited for.
        assert_eq!(answered(asked.get("auth_req_id"), kind).await, 200, "{kind}");
        let told = world.polled(COUNTER, &asked).await;
        assert_eq!(told.status, status, "{}", told.body);
        assert!(status == 200 || told.get("error") == error, "{}", told.body);
        assert!(status != 200 || told.get("scope") == "openid profile phone", "{}", told.body);
    }
    for (token, kind) in [("", "allow"), ("x", "perhaps"), ("x", "")] {
        assert_eq!(answered(token, kind).await, 400, "{token} {kind}");
    }
}
