//! What is refused, how it is told, and that it gives nothing away.

use reqwest::Method;

use crate::support::client_file::{
    APP_CALLBACK, CALLBACK, CALLBACK_WITH_QUERY, LENDER, NATIVE, ONEID, ONEID_APP, ONEID_FAR, ONEID_MINIMAL,
    SHOP, secret,
};
use crate::support::oneid::{PATH, fields, link, raw_link};
use crate::support::{Asked, Tokens, World, code_of, on_both_backends, param};

on_both_backends!(
    whoever_does_not_prove_a_client_is_told_what_oneid_tells,
    a_client_keeps_to_its_registration,
    a_request_that_cannot_be_served_is_told_why,
    a_code_is_its_clients_and_goes_with_its_redirect_uri,
    a_token_is_its_clients_and_of_no_use_to_openid_connect,
    a_browsers_request_that_proves_no_redirect_uri_gets_a_page,
    a_browsers_request_that_cannot_be_met_gets_an_error,
    a_secret_in_a_browsers_address_is_left_at_once,
    a_service_has_so_many_requests_in_a_minute,
);

async fn whoever_does_not_prove_a_client_is_told_what_oneid_tells(world: &World) {
    let refused = async |fields: &[(&str, &str)]| {
        let answer = world.post_bare(world.nodes[0].port, PATH, fields, None).await;
        answer.refused_by_oneid(400, "ClientSecretException", "CLIENT_SECRET_NOT_FOUND");
    };
    let right = secret(ONEID);
    for grant in ["one_authorization_code", "one_access_token_identify", "one_log_out", "no_such_thing"] {
        let grant = ("grant_type", grant);
        refused(&[grant]).await;
        refused(&[grant, ("client_id", ONEID)]).await;
        refused(&[grant, ("client_id", ONEID), ("client_secret", "wrong")]).await;
        refused(&[grant, ("client_id", ONEID_FAR), ("client_secret", &right)]).await;
        refused(&[grant, ("client_id", "nobody"), ("client_secret", &right)]).await;
        // A public client has no secret, and none stands for it.
        refused(&[grant, ("client_id", NATIVE)]).await;
    }
    // The protocol has no other proof.
    let basic = world.post_bare(
        world.nodes[0].port,
        PATH,
        &[("grant_type", "one_log_out"), ("access_token", "x")],
        Some((ONEID, &right)),
    );
    basic.await.refused_by_oneid(400, "ClientSecretException", "CLIENT_SECRET_NOT_FOUND");
}

async fn a_client_keeps_to_its_registration(world: &World) {
    let token = [("grant_type", "one_access_token_identify"), ("access_token", "x")];
    world.oneid(SHOP, &token).await.refused_by_oneid(400, "ClientException", "CLIENT_NOT_ALLOWED");
    let far = world.oneid(ONEID_FAR, &token).await;
    far.refused_by_oneid(400, "ClientAddressException", "CLIENT_ADDRESS_NOT_ALLOWED");
    // Browsers come from anywhere.
    world.browser().get(&link(world, ONEID_FAR)).await.page().expect("phone");
    // An address that the client only says that it has.
    let request = world.oneid_request(Method::POST, "").header("X-Forwarded-For", "192.0.2.7");
    let spoofed = Tokens::of(request.form(&fields(ONEID_FAR, &token)).send().await.expect("an answer")).await;
    spoofed.refused_by_oneid(400, "ClientAddressException", "CLIENT_ADDRESS_NOT_ALLOWED");
}

async fn a_request_that_cannot_be_served_is_told_why(world: &World) {
    for (given, message, error) in [
        (&[("grant_type", "authorization_code")][..], "GrantTypeException", "GRANT_TYPE_NOT_FOUND"),
        (&[("grant_type", "one_authorization_code")], "RequestException", "REQUEST_NOT_VALID"),
        (&[("grant_type", "one_access_token_identify")], "RequestException", "REQUEST_NOT_VALID"),
        (&[("grant_type", "one_log_out")], "RequestException", "REQUEST_NOT_VALID"),
        (
            &[("grant_type", "one_log_out"), ("access_token", "a"), ("sess_id", "b")],
            "RequestException",
            "REQUEST_NOT_VALID",
        ),
        (
            &[("grant_type", "one_log_out"), ("response_type", "one_code"), ("access_token", "a")],
            "RequestException",
            "REQUEST_NOT_VALID",
        ),
        (
            &[("grant_type", "one_authorization_code"), ("code", "no-code"), ("redirect_uri", CALLBACK)],
            "AuthorizationCodeException",
            "AUTHORIZATION_CODE_NOT_FOUND",
        ),
        (
            &[("grant_type", "one_access_token_identify"), ("access_token", "no-token")],
            "AccessTokenException",
            "ACCESS_TOKEN_NOT_FOUND",
        ),
    ] {
        world.oneid(ONEID, given).await.refused_by_oneid(400, message, error);
    }
    world.oneid(ONEID, &[]).await.refused_by_oneid(400, "RequestException", "REQUEST_NOT_VALID");

    // Places that contradict each other, and bodies that are none.
    let form = fields(ONEID, &[("grant_type", "one_log_out"), ("access_token", "x")]);
    let answer = world.oneid_request(Method::POST, "client_id=another").form(&form).send().await;
    let answer = Tokens::of(answer.expect("an answer")).await;
    answer.refused_by_oneid(400, "RequestException", "REQUEST_NOT_VALID");
    for (kind, body) in [("application/json", "{}"), ("multipart/form-data", "x"), ("text/plain", "a=b")] {
        let request =
            world.oneid_request(Method::POST, "grant_type=one_log_out").header("Content-Type", kind);
        let answer = request.body(body).send().await.expect("an answer");
        assert_eq!(
            (answer.status().as_u16(), &*answer.text().await.expect("a body")),
            (400, r#"{"message":"RequestException","error":"REQUEST_NOT_VALID"}"#)
        );
    }
    // The same request is served without what cannot be read.
    let query =
        format!("grant_type=one_log_out&client_id={ONEID}&client_secret={}&access_token=x", secret(ONEID));
    for (more, status) in [("", 200), ("&code=%00", 400)] {
        let answer = world.oneid_request(Method::GET, &format!("{query}{more}")).send().await;
        let answer = Tokens::of(answer.expect("an answer")).await;
        assert_eq!(answer.status, status, "{}", answer.body);
        if status == 400 {
            answer.refused_by_oneid(400, "RequestException", "REQUEST_NOT_VALID");
        }
    }
    for method in [Method::PUT, Method::DELETE, Method::OPTIONS] {
        let answer = world.oneid_request(method, "").send().await.expect("an answer");
        assert_eq!(
            (answer.status().as_u16(), &answer.headers()["allow"]),
            (405, &"GET, POST".parse().expect("one"))
        );
        assert!(
            answer.headers().get("access-control-allow-origin").is_none(),
            "scripts have no business here"
        );
    }
}

async fn a_code_is_its_clients_and_goes_with_its_redirect_uri(world: &World) {
    let person = world.person();
    let mut browser = world.browser();
    let url = browser.sign_in_at(world, &link(world, ONEID), &person).await;
    let code = code_of(&url);
    let invalid = ("AuthorizationCodeException", "AUTHORIZATION_CODE_NOT_FOUND");
    world.oneid_redeem(ONEID_MINIMAL, &code).await.refused_by_oneid(400, invalid.0, invalid.1);
    let other =
        [("grant_type", "one_authorization_code"), ("redirect_uri", CALLBACK_WITH_QUERY), ("code", &code)];
    let wrong = world.oneid(ONEID, &other).await;
    wrong.refused_by_oneid(400, "RedirectUriException", "REDIRECT_URI_NOT_FOUND");
    let without = [("grant_type", "one_authorization_code"), ("code", code.as_str())];
    let wrong = world.oneid(ONEID, &without).await;
    wrong.refused_by_oneid(400, "RedirectUriException", "REDIRECT_URI_NOT_FOUND");
    // A code of one protocol is none of the other.
    let answer = world.redeem(ONEID, &code).await;
    answer.refused(400, "invalid_grant");
    let oidc = browser.sign_in(world, &Asked::by(SHOP), &person).await;
    world.oneid_redeem(ONEID, &code_of(&oidc)).await.refused_by_oneid(400, invalid.0, invalid.1);
    // None of this used it up, nor was it lost where it may be left out, if it is not wrong.
    world.oneid_redeem(ONEID, &code).await.granted();
    let url = browser.sign_in_at(world, &link(world, ONEID_MINIMAL), &person).await;
    let code = code_of(&url);
    let other =
        [("grant_type", "one_authorization_code"), ("redirect_uri", CALLBACK_WITH_QUERY), ("code", &code)];
    let wrong = world.oneid(ONEID_MINIMAL, &other).await;
    wrong.refused_by_oneid(400, "RedirectUriException", "REDIRECT_URI_NOT_FOUND");
}

async fn a_token_is_its_clients_and_of_no_use_to_openid_connect(world: &World) {
    let person = world.person();
    let token = world.oneid_token(ONEID, &mut world.browser(), &person).await;
    let other = world.oneid_identify(ONEID_MINIMAL, &token).await;
    other.refused_by_oneid(400, "AccessTokenException", "ACCESS_TOKEN_NOT_FOUND");
    // Nor can another service end it; it is told no more than that it is not there.
    world.oneid_log_out(ONEID_MINIMAL, &token).await.granted();
    world.oneid_identify(ONEID, &token).await.granted();
    assert_eq!(world.userinfo(&token).await.status, 401);
    let tokens = world.tokens(&Asked::by(SHOP), &person).await;
    let wrong = world.oneid_identify(ONEID, tokens.get("access_token")).await;
    wrong.refused_by_oneid(400, "AccessTokenException", "ACCESS_TOKEN_NOT_FOUND");
}

async fn a_browsers_request_that_proves_no_redirect_uri_gets_a_page(world: &World) {
    let callback = format!("redirect_uri={CALLBACK}");
    for (query, status, words) in [
        (String::new(), 400, "client_id is missing"),
        (format!("response_type=one_code&{callback}"), 400, "client_id is missing"),
        (format!("response_type=one_code&client_id=nobody&{callback}"), 400, "client_id is not registered"),
        (format!("response_type=one_code&client_id={SHOP}&{callback}"), 403, "oneid = true"),
        (format!("response_type=one_code&client_id={ONEID}"), 400, "redirect_uri is missing"),
        (
            format!("response_type=one_code&client_id={ONEID}&{callback}/"),
            400,
            "redirect_uri is not registered",
        ),
        (
            format!("response_type=one_code&client_id={ONEID}&redirect_uri={APP_CALLBACK}"),
            400,
            "redirect_uri is not registered",
        ),
        (
            format!("client_id={ONEID}&{callback}&redirect_uri=http://localhost:9/other"),
            400,
            "redirect_uri is given twice",
        ),
        (format!("client_id={ONEID}&{callback}&state={}", "x".repeat(2049)), 400, "state is too long"),
    ] {
        let page = world.browser().get(&raw_link(world, &query)).await.page();
        assert!(page.has("error") && page.status == status, "{query}: {page}");
        assert!(page.body.contains(words), "{query}: {page}");
    }
}

async fn a_browsers_request_that_cannot_be_met_gets_an_error(world: &World) {
    let bare = format!("client_id={ONEID}&redirect_uri={CALLBACK}&state=a%2Bb");
    for (query, error) in [
        (format!("response_type=code&{bare}"), "unsupported_response_type"),
        (bare.clone(), "unsupported_response_type"),
        (format!("response_type=one_code&{bare}&auth_methods=LEPKCSMETHOD"), "auth_method_not_available"),
        (format!("response_type=one_code&{bare}&auth_methods=QR,PKCSMETHOD"), "auth_method_not_available"),
    ] {
        let url = world.browser().get(&raw_link(world, &query)).await.away();
        assert_eq!(param(&url, "error").as_deref(), Some(error), "{url}");
        assert!(
            url.as_str().ends_with("&state=a%2Bb") && param(&url, "error_description").is_some(),
            "{url}"
        );
    }
    // A lending service takes no Mobile-ID alone, by whatever protocol: this one may not even ask.
    let lender = format!("response_type=one_code&client_id={LENDER}&redirect_uri={CALLBACK}");
    world.browser().get(&raw_link(world, &lender)).await.page().expect_status(403);
}

async fn a_secret_in_a_browsers_address_is_left_at_once(world: &World) {
    let (secret, mut browser) = (secret(ONEID), world.browser());
    let query = format!(
        "response_type=one_code&client_id={ONEID}&client_secret={secret}&redirect_uri={CALLBACK}&scope=x&state=a+%2B"
    );
    let answer = browser.request(Method::GET, &raw_link(world, &query)).send().await.expect("an answer");
    assert_eq!(answer.status(), 303);
    let location = answer.headers()["location"].to_str().expect("ASCII").to_owned();
    assert!(!location.contains(&secret) && location.ends_with("&state=a+%2B"), "{location}");
    let page = browser.get(&raw_link(world, &query)).await.page().expect("phone");
    assert!(!page.url.as_str().contains(&secret) && !page.body.contains(&secret));
    assert_eq!(page.header("referrer-policy"), "no-referrer");
    // A wrong request with it shows no page that repeats it either.
    let wrong = browser.get(&raw_link(world, &query.replace(ONEID, "nobody"))).await.page().expect("error");
    assert!(!wrong.url.as_str().contains(&secret) && !wrong.body.contains(&secret));
    // Nor one that cannot even be read, as long as a browser may send.
    let state = format!("{query}{}", "x".repeat(2049));
    let long = format!("{query}{}", "x".repeat(7000));
    for query in
        [format!("{query}&Scope=y"), format!("{query}&client%5Fsecret={secret}&code=%00"), state, long]
    {
        let answer = browser.request(Method::GET, &raw_link(world, &query)).send().await.expect("an answer");
        assert_eq!(answer.status(), 303, "{query}");
        let page = browser.get(&raw_link(world, &query)).await.page().expect("error").expect_status(400);
        assert!(!page.url.as_str().contains(&secret) && !page.body.contains(&secret), "{page}");
    }
    // A server's request is none of a browser, wherever its parameters stand.
    let query = format!("grant_type=one_log_out&client_id={ONEID}&client_secret={secret}&access_token=x");
    let answer = world.oneid_request(Method::GET, &query).send().await.expect("an answer");
    assert_eq!(
        (answer.status().as_u16(), &*answer.text().await.expect("a body")),
        (200, r#"{"ret_cd":"0"}"#)
    );
}

async fn a_service_has_so_many_requests_in_a_minute(world: &World) {
    // Whoever cannot prove to be the service uses up nothing of it.
    for _ in 0..9 {
        let given = [("grant_type", "one_log_out"), ("client_id", ONEID_APP), ("client_secret", "wrong")];
        world.post_bare(world.nodes[0].port, PATH, &given, None).await;
    }
    let mut answers = Vec::new();
    for _ in 0..9 {
        answers.push(world.oneid_log_out(ONEID_APP, "x").await);
    }
    assert_eq!(answers[0].status, 200, "{}", answers[0].body);
    // Three in each minute; the nine may fall into two.
    let refused: Vec<_> = answers.iter().filter(|answer| answer.status != 200).collect();
    assert!(refused.len() >= 3, "{}", refused.len());
    for answer in refused {
        answer.refused_by_oneid(429, "RequestLimitException", "REQUEST_LIMIT_EXCEEDED");
        assert_eq!(answer.headers["retry-after"], "60");
    }
}
