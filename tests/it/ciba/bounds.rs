//! What ends, and how much there may be of it.

use super::*;

alone_on_both_backends!(
    ciba_7_3_requests_lapse_and_work_once,
    a_client_is_refused_by_what_it_named_and_never_by_what_others_did,
    two_hints_of_one_person_are_not_told_from_hints_of_two,
    an_approval_brings_nothing_back_that_expired,
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
    browser.decides_on(&page, "allow", &message.code).await.expect_status(410).expect("approval-over");
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
    // For a minute longer than the person had: they were told that it is approved.
    world.advance(360).await;
    world.polled(COUNTER, &late).await.refused(400, "expired_token");
    let asked = world.asks_for(COUNTER, "openid profile", &person).await;
    let message = world.approval_message(&person).await;
    world.advance(285).await;
    world.browser().decides(&message, "allow").await.expect("approval-done");
    world.advance(60).await;
    world.polled(COUNTER, &asked).await.granted();
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

async fn a_client_is_refused_by_what_it_named_and_never_by_what_others_did(setup: Setup) {
    let setup = setup.set("ciba.open_per_person", 3).set("ciba.per_client_hour", 8);
    let world = setup.start().await;
    let (person, nobody) = (world.person(), world.somebody(Kind::Unknown));
    // Two of one client are open at once; its third is refused, whether or not anybody has the number.
    for who in [&person, &nobody] {
        for _ in 0..2 {
            world.asks_for(COUNTER, "openid", who).await;
        }
        let third = world.asks(COUNTER, &[("scope", "openid"), ("login_hint", &who.number)]).await;
        third.refused(429, "temporarily_unavailable");
        assert_eq!(third.headers["retry-after"], "600");
        assert!(
            third.get("error_description").contains("this client asks too often by this hint"),
            "{}",
            third.body
        );
    }
    world.approval_message(&person).await;
    world.approval_message(&person).await;
    // The others are left the rest of it. What is more than that is answered alike, and nobody gets a message: neither does the
    // client learn what others did, nor whether two hints name one person.
    world.asks_for(REGISTRY, "openid", &person).await;
    world.approval_message(&person).await;
    let silent = world.asks_for(REGISTRY, "openid", &person).await;
    assert_eq!(silent.body["expires_in"], 300);
    world.polled(REGISTRY, &silent).await.refused(400, "authorization_pending");
    let token = json!({
        "iss": CASHIER, "aud": world.issuer.as_str().trim_end_matches('/'), "jti": unique(),
        "exp": now() + 60, "pinfl": person.pinfl,
    });
    let token = sign(CASHIER, Alg::ES256, "JWT", &token);
    let object = claims(&world, &json!({"login_hint_token": token}));
    world.asks(CASHIER, &[("request", &sign(CASHIER, Alg::ES256, "JWT", &object))]).await.granted();
    world.nothing_more_came(&[&person]).await;
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
    assert!(more.get("error_description").contains("asks too many people"), "{}", more.body);
    world.asks_for(REGISTRY, "openid", &others[2]).await;
    world.advance(3600).await;
    world.asks_for(COUNTER, "openid", &person).await;
    let rows = until("the last one's row", async || {
        let rows = world.audit_rows().await;
        let refused = |event: &str| rows.iter().filter(|row| row.event == event).count();
        (refused("ciba.refused") == 3 && refused("sign_in.limited") == 5).then_some(rows)
    });
    let rows = rows.await;
    let refused = rows.iter().find(|row| row.event == "ciba.refused").expect("one");
    assert!(refused.content["client.id"] == COUNTER && refused.content["reason"].is_string(), "{refused:?}");
    // Operators see what was held.
    let held = rows.iter().filter(|row| row.event == "sign_in.limited" && row.content["limit"] == "person");
    assert_eq!(held.count(), 2, "{rows:?}");
}

async fn two_hints_of_one_person_are_not_told_from_hints_of_two(setup: Setup) {
    // Two clients' worth is far away: only what one client did counts here.
    let world = setup.set("ciba.open_per_person", 3).start().await;
    let (person, other) = (world.person(), world.person());
    let by_token = async |pinfl: &str| {
        let token = json!({
            "iss": CASHIER, "aud": world.issuer.as_str().trim_end_matches('/'), "jti": unique(),
            "exp": now() + 60, "pinfl": pinfl,
        });
        let token = sign(CASHIER, Alg::ES256, "JWT", &token);
        let object = claims(&world, &json!({"login_hint_token": token}));
        world.asks(CASHIER, &[("request", &sign(CASHIER, Alg::ES256, "JWT", &object))]).await
    };
    let by_number = async |number: &str| {
        let object = claims(&world, &json!({"login_hint": number}));
        world.asks(CASHIER, &[("request", &sign(CASHIER, Alg::ES256, "JWT", &object))]).await
    };
    for _ in 0..2 {
        by_number(&person.number).await.granted();
        world.approval_message(&person).await;
    }
    by_number(&person.number).await.refused(429, "temporarily_unavailable");
    // The PINFL of the number's holder is answered like that of anybody else, enrolled or not.
    for pinfl in [person.pinfl.as_str(), &other.pinfl, "31212891234567"] {
        by_token(pinfl).await.granted();
    }
    world.approval_message(&other).await;
    world.nothing_more_came(&[&person, &other]).await;
}

async fn a_person_keeps_a_service_away(setup: Setup) {
    let world = setup.set("ciba.open_per_person", 3).start().await;
    let person = world.person();
    // A request that is over before anybody could refuse it.
    let fields = [("scope", "openid"), ("login_hint", person.number.as_str()), ("requested_expiry", "1")];
    let asked = world.asks(COUNTER, &fields).await.granted();
    assert_eq!(asked.body["expires_in"], 10);
    let message = world.approval_message(&person).await;
    world.advance(4 * 3600).await;
    world.polled(COUNTER, &asked).await.refused(400, "invalid_grant");
    let mut browser = world.browser();
    let page = browser.open_request(&message).await.expect_status(410).expect("approval-over").expect("mute");
    assert!(page.text().contains("Counter") && !page.has("allow"), "{page}");
    // Whoever has the page alone mutes nothing.
    let wrong = other_code(&message.code);
    for (typed, left) in [("", None), ("12", None), (wrong, Some("4 tries left"))] {
        let page = browser.press(&page, "mute", &[("code", typed)]).await.page().expect("code-error");
        assert!(left.is_none_or(|left| page.text().contains(left)), "{page}");
    }
    let muted = browser.press(&page, "mute", &[("code", &message.code)]).await.page();
    let muted = muted.expect_status(200).expect("approval-muted");
    assert!(muted.text().contains("Codes to sign in at the service still come"), "{muted}");
    // The service gets the same answer, and the person no message; another service's requests arrive: what is kept away uses up
    // nothing of theirs.
    for _ in 0..2 {
        let asked = world.asks_for(COUNTER, "openid", &person).await;
        assert_eq!(asked.body["expires_in"], 300);
        world.polled(COUNTER, &asked).await.refused(400, "authorization_pending");
    }
    for _ in 0..2 {
        world.asks_for(REGISTRY, "openid", &person).await;
        world.approval_message(&person).await;
    }
    world.nothing_more_came(&[&person]).await;
    // Signing in there works as before.
    world.browser().begin_with_number(&world, &Asked::by(COUNTER), &person).await;
    world.sandbox.next_code(&person).await;
    let rows = until("what was kept away", async || {
        let rows = world.audit_rows().await;
        let of = rows.into_iter().filter(|row| row.event == "ciba.muted").collect::<Vec<_>>();
        (of.len() == 3).then_some(of)
    });
    let rows = rows.await;
    let reasons: BTreeSet<&str> = rows.iter().filter_map(|row| row.content["reason"].as_str()).collect();
    assert_eq!(reasons, BTreeSet::from(["asked", "muted"]), "{rows:?}");
    assert!(rows.iter().all(|row| row.content["client.id"] == COUNTER), "{rows:?}");
    // An operator lets it reach them again.
    let listed = world.command(&["people", "muted", &person.number]);
    assert!(listed.contains(COUNTER) && !listed.contains(REGISTRY), "{listed}");
    world.command(&["people", "unmute", &person.number, COUNTER]);
    assert!(!world.command(&["people", "muted", &person.number]).contains(COUNTER));
    for kind in ["service_muted", "service_unmuted"] {
        let told = world.notices_of(&person, kind, 1).await.remove(0);
        assert_eq!(told["about"]["service"], COUNTER);
    }
    world.advance(3600).await;
    world.asks_for(COUNTER, "openid", &person).await;
    let message = world.approval_message(&person).await;
    // After refusing, by the same code; and not after half a day.
    let refused = browser.decides(&message, "deny").await.expect("approval-refused").expect("mute");
    world.advance(13 * 3600).await;
    browser.press(&refused, "mute", &[("code", &message.code)]).await.page().expect_status(422);
}

async fn an_approval_brings_nothing_back_that_expired(setup: Setup) {
    let world = setup.start().await;
    let person = world.person();
    // A wide consent, given at the site, and then over.
    let wide = Asked::by(COUNTER).with("scope", "openid profile phone offline_access");
    world.tokens(&wide, &person).await;
    world.advance(366 * 86_400).await;
    let asked = world.asks_for(COUNTER, "openid", &person).await;
    let message = world.approval_message(&person).await;
    let mut browser = world.browser();
    let page = browser.open_request(&message).await;
    assert!(page.text().contains("No data is asked for"), "{page}");
    browser.decides_on(&page, "allow", &message.code).await.expect("approval-done");
    assert_eq!(world.polled(COUNTER, &asked).await.granted().get("scope"), "openid");
    // Whoever signs in is asked as before, for all of it.
    let mut browser = world.browser();
    let page = browser.begin_with_number(&world, &wide, &person).await;
    let code = world.sandbox.next_code(&person).await;
    browser.enter_code(&page, &code).await.page().expect("allow").expect("datum-phone");
}

async fn nobody_who_may_not_sign_in_approves(setup: Setup) {
    let world = setup.start().await;
    let person = world.person();
    let asked = world.asks_for(COUNTER, "openid profile", &person).await;
    let message = world.approval_message(&person).await;
    let second = world.asks_for(REGISTRY, "openid profile", &person).await;
    let other = world.approval_message(&person).await;
    let mut browser = world.browser();
    let page = browser.open_request(&message).await;
    let wrong = other_code(&message.code);
    for _ in 0..5 {
        browser.decides_on(&page, "allow", wrong).await;
    }
    // This request has had its tries: the right code is none any more. It still keeps the service away.
    let over = browser.decides_on(&page, "allow", &message.code).await.expect("approval-used-up");
    assert!(over.has("code") && over.has("mute") && !over.has("allow"), "{over}");
    world.polled(COUNTER, &asked).await.refused(400, "authorization_pending");
    // The right code of another request is told to be right, and waits.
    let delayed = browser.decides(&other, "allow").await.expect("code-error");
    assert!(delayed.text().contains("The code is right"), "{delayed}");
    // While requests to approve are held back nobody gets a message of another one. Signing in is not held back.
    world.asks_for(COUNTER, "openid profile", &person).await;
    world.nothing_more_came(&[&person]).await;
    world.browser().begin_with_number(&world, &Asked::by(BODY), &person).await;
    world.sandbox.next_code(&person).await;
    world.advance(31).await;
    browser.decides(&other, "allow").await.expect("approval-done");
    world.polled(REGISTRY, &second).await.granted();
    // What strangers do at a sign-in holds up no approval.
    let asked = world.asks_for(COUNTER, "openid profile", &person).await;
    let message = world.approval_message(&person).await;
    let mut here = world.browser();
    let guessed = here.begin_with_number(&world, &Asked::by(BODY), &person).await;
    let code = world.sandbox.next_code(&person).await;
    for _ in 0..5 {
        here.enter_code(&guessed, other_code(&code)).await.page();
    }
    browser.decides(&message, "allow").await.expect("approval-done");
    world.polled(COUNTER, &asked).await.granted();
    // Nor does anybody approve whose access was ended since the message.
    let other = world.person();
    world.asks_for(COUNTER, "openid profile", &other).await;
    let message = world.approval_message(&other).await;
    let page = browser.open_request(&message).await.expect("code");
    world.command(&["people", "end-access", &other.number]);
    browser.decides_on(&page, "allow", &message.code).await.expect("code-error");
    // A disabled service is answered no more.
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
    // Then a right one looks like any other, and is shown to whoever has its code.
    let typed = [("code", other_code(&message.code))];
    for reference in ["BBBBBBBC", &message.reference] {
        let page = browser.open(&format!("/a/{reference}")).await.page().expect_status(429);
        assert!(page.has("code") && !page.has("allow") && !page.body.contains("Counter"), "{page}");
        browser.press(&page, "open", &typed).await.page().expect_status(429);
    }
    let page = browser.open_request(&message).await;
    let page = browser.press(&page, "open", &[("code", &message.code)]).await.page();
    let page = page.expect_status(200).expect("allow");
    browser.press(&page, "allow", &[]).await.page().expect("approval-done");
    world.advance(301).await;
    // Each is recorded: the writer may still be at it.
    let rows = until("42 refused references", async || {
        let rows = world.audit_rows().await;
        let refused = rows.iter().filter(|row| row.event == "ciba.reference_refused").count();
        (refused == 42).then_some(rows)
    });
    let rows = rows.await;
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
