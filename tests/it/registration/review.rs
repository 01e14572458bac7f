//! What operators look at before they approve it, and what nobody else is shown until then.

use futures_util::future::join_all;
use reqwest::Method;
use serde_json::{Value, json};
use yagona::audit::Kind;

use super::{Own, metadata};
use crate::support::client_file::CALLBACK;
use crate::support::flow::redemption;
use crate::support::publisher::Publisher;
use crate::support::signer::Signer;
use crate::support::{Asked, Tokens, World, code_of, on_both_backends};

on_both_backends!(
    who_waits_is_shown_on_no_page,
    who_waits_is_told_so_when_it_has_proven_itself,
    rfc7592_2_3_an_approved_or_disabled_client_does_not_delete_itself,
    rfc7592_2_2_of_changes_at_once_none_is_a_fault,
    what_is_approved_is_what_was_looked_at,
    an_icon_is_looked_at_before_it_is_shown,
    oidc_core_8_1_who_registers_itself_is_its_own_sector_and_keeps_it,
    what_cannot_be_fetched_tells_nothing_of_the_network,
    names_that_are_not_shown_as_written_are_refused,
    what_a_token_fixes_no_client_changes,
    who_waits_is_not_exported_whatever_today_s_rules_say,
);

/// A GIF of one pixel, whose last byte tells apart.
fn gif(last: char) -> Value {
    let body = match last {
        'a' => "R0lGODlhAQABAAAAADth",
        _ => "R0lGODlhAQABAAAAADti",
    };
    format!("data:image/gif;base64,{body}").into()
}

/// What waits of a client, as JSON.
fn waiting(world: &World, id: &str) -> Value {
    let said = world.command(&["client", "show", id, "--waiting", "--format", "json"]);
    serde_json::from_str(&said).expect(&said)
}

async fn who_waits_is_shown_on_no_page(world: &World) {
    let home = json!({"client_name": "Yashirin", "client_uri": "https://yashirin.uz/start"});
    let own = world.registered(&metadata(home)).await;
    let mut signed_in = world.browser();
    code_of(&signed_in.sign_in(world, &Asked::by(crate::support::client_file::SHOP), &world.person()).await);
    let addresses = [
        format!("/oidc/logout?client_id={}", own.id),
        format!("/sign-in/code?t=x&service={}", own.id),
        format!("/sign-in/number?service={}", own.id),
    ];
    for address in &addresses {
        let page = world.browser().open(address).await.page();
        assert!(!page.body.contains("Yashirin") && !page.body.contains("yashirin.uz"), "{address}: {page}");
    }
    let page = signed_in.open(&addresses[0]).await.page();
    assert!(!page.body.contains("Yashirin") && !page.body.contains("yashirin.uz"), "{page}");
    world.approve(&own.id);
    world.until_redeems(&own, "invalid_grant").await;
    for address in &addresses {
        let page = world.browser().open(address).await.page();
        assert!(page.body.contains("Yashirin"), "{address}: {page}");
    }
    // Nor is one that was disabled.
    world.command(&["client", "disable", &own.id]);
    world.until_redeems(&own, "invalid_client").await;
    for address in &addresses {
        let page = world.browser().open(address).await.page();
        assert!(!page.body.contains("Yashirin"), "{address}: {page}");
    }
}

async fn who_waits_is_told_so_when_it_has_proven_itself(world: &World) {
    let key = Signer::elliptic("own");
    let members = json!({"token_endpoint_auth_method": "private_key_jwt", "jwks": {"keys": [key.jwk()]}});
    let own = world.registered(&metadata(members)).await;
    let ask = async |assertion: String| {
        let kind = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";
        let proof = [("client_assertion_type", kind), ("client_assertion", assertion.as_str())];
        let fields = [&redemption("no-code")[..], &proof].concat();
        world.post_bare(world.nodes[0].port, "/oidc/token", &fields, None).await
    };
    let issuer = world.issuer.as_str().trim_end_matches('/');
    let stranger = Signer::elliptic("own").assertion(&own.id, issuer, &json!({}));
    ask(stranger).await.refused(401, "invalid_client");
    ask(key.assertion(&own.id, issuer, &json!({}))).await.refused(400, "unauthorized_client");
    // A certificate is as good a proof, and none is none.
    let members =
        json!({"token_endpoint_auth_method": "tls_client_auth", "tls_client_auth_san_dns": "bozor.uz"});
    let own = world.registered(&metadata(members)).await;
    let fields = [&redemption("no-code")[..], &[("client_id", own.id.as_str())]].concat();
    let answer = world.post_bare(world.nodes[0].port, "/oidc/token", &fields, None).await;
    answer.refused(401, "invalid_client");
}

async fn rfc7592_2_3_an_approved_or_disabled_client_does_not_delete_itself(world: &World) {
    let barred = world.registered(&metadata(json!({}))).await;
    world.command(&["client", "disable", &barred.id]);
    barred.ask(world, Method::DELETE, None).await.refused(403, "insufficient_scope");
    // It stays disabled when it is approved, until an operator enables it.
    world.approve(&barred.id);
    barred.ask(world, Method::DELETE, None).await.refused(403, "insufficient_scope");
    world.until_redeems(&barred, "invalid_client").await;
    world.command(&["client", "disable", "--undo", &barred.id]);
    world.until_redeems(&barred, "invalid_grant").await;

    let own = world.registered(&metadata(json!({}))).await;
    world.approve(&own.id);
    world.until_redeems(&own, "invalid_grant").await;
    let asked = Asked::by(&own.id).with("scope", "openid");
    let url = world.browser().sign_in(world, &asked, &world.person()).await;
    let tokens = world.redeem_as(&own, &code_of(&url)).await.granted();
    let refused = own.ask(world, Method::DELETE, None).await;
    refused.refused(403, "insufficient_scope");
    assert!(refused.get("error_description").contains("operator"), "{}", refused.body);
    assert_eq!(world.userinfo(tokens.get("access_token")).await.status, 200, "people go on as before");
}

async fn rfc7592_2_2_of_changes_at_once_none_is_a_fault(world: &World) {
    let own = world.registered(&metadata(json!({}))).await;
    let change = |number: usize| metadata(json!({"client_name": format!("Bozor {number}")}));
    let answers: Vec<Tokens> =
        join_all((0..6).map(|number| own.ask(world, Method::PUT, Some(change(number))))).await;
    assert!(answers.iter().any(|answer| answer.status == 200));
    for lost in answers.iter().filter(|answer| answer.status != 200) {
        lost.refused(409, "temporarily_unavailable");
    }
}

async fn what_is_approved_is_what_was_looked_at(world: &World) {
    let own = world.registered(&metadata(json!({}))).await;
    // A node of the version before knows nothing of approvals, and serves no client that is disabled.
    let disabled =
        "SELECT CAST(COUNT(*) AS BIGINT) FROM clients WHERE client_id = $1 AND disabled_at IS NOT NULL";
    assert_eq!(world.stored_for(disabled, &own.id).await, 1);
    let bare = world.try_command(&["client", "approve", &own.id]);
    assert!(!bare.status.success(), "nothing is approved unseen");
    let first = waiting(world, &own.id)["review"].as_str().expect("a code").to_owned();
    assert_eq!(first.len(), 43, "all of the digest: {first}");
    world.approve(&own.id);
    assert_eq!(world.stored_for(disabled, &own.id).await, 0);
    // An operator changes the registration while a change waits: what would come of both is another one.
    own.ask(world, Method::PUT, Some(metadata(json!({"client_name": "Bank"})))).await.granted();
    let code = waiting(world, &own.id)["review"].as_str().expect("a code").to_owned();
    let file = world.folder.file(&format!("{}.toml", own.id));
    let exported = world.command(&["client", "export", &own.id]);
    std::fs::write(&file, exported.replace("data_sets = []", "consent_days = 30\ndata_sets = []"))
        .expect("a file");
    world.command(&["client", "import", &file.display().to_string()]);
    assert!(!world.try_command(&["client", "approve", &own.id, "--review", &code]).status.success());
    world.approve(&own.id);
    assert!(world.command(&["client", "export", &own.id]).contains("Bank"));
    // The log says what was approved.
    world.until_audited(Kind::ClientChangeHeld, "review", &code).await;
    let rows = world.audit_rows().await.into_iter();
    let about =
        rows.filter(|row| row.content["client.id"] == own.id.as_str() && !row.content["review"].is_null());
    let told: Vec<_> =
        about.map(|row| (row.event, row.content["reason"].clone(), row.content["review"].clone())).collect();
    assert!(told.contains(&("client.approved".to_owned(), json!("client"), json!(first))), "{told:?}");
    assert!(told.contains(&("client.change_held".to_owned(), Value::Null, json!(code))), "{told:?}");
    let change = told.iter().any(|(event, reason, review)| {
        event == "client.approved" && reason == "change" && *review != json!(code)
    });
    assert!(change, "{told:?}");
}

async fn an_icon_is_looked_at_before_it_is_shown(world: &World) {
    let own = world.registered(&metadata(json!({"logo_uri": gif('a')}))).await;
    let first = waiting(world, &own.id);
    let digest = first["icon"]["digest"].as_str().expect("an icon").to_owned();
    let status = async |digest: &str| {
        let request = world.browser().request(Method::GET, &world.url(&format!("/icons/{digest}")));
        request.send().await.expect("an answer").status().as_u16()
    };
    assert_eq!(status(&digest).await, 404, "it waits");
    // Another picture, another code.
    own.ask(world, Method::PUT, Some(metadata(json!({"logo_uri": gif('b')})))).await.granted();
    let code = first["review"].as_str().expect("a code");
    assert!(!world.try_command(&["client", "approve", &own.id, "--review", code]).status.success());
    let next = waiting(world, &own.id)["icon"]["digest"].as_str().expect("an icon").to_owned();
    assert_ne!(digest, next);
    world.command(&["client", "icons"]);
    assert_eq!(status(&next).await, 404, "of who waits none is fetched otherwise");
    world.approve(&own.id);
    world.until_redeems(&own, "invalid_grant").await;
    assert_eq!((status(&digest).await, status(&next).await), (404, 200));
    // Of a change, too.
    own.ask(world, Method::PUT, Some(metadata(json!({"logo_uri": gif('a')})))).await.granted();
    let change = waiting(world, &own.id);
    assert_eq!(change["icon"]["digest"], digest);
    assert_eq!((status(&digest).await, status(&next).await), (404, 200));
    world.approve(&own.id);
    let shown = async || (status(&digest).await == 200).then_some(());
    crate::support::wait::until("the new icon", shown).await;
}

async fn oidc_core_8_1_who_registers_itself_is_its_own_sector_and_keeps_it(world: &World) {
    let uris = ["https://bank.uz/callback"];
    let own = world.registered(&metadata(json!({"redirect_uris": uris}))).await;
    let told = waiting(world, &own.id);
    assert_eq!(
        (&told["sector"], &told["shared_with"]),
        (&json!(own.id), &json!([])),
        "a host proves nothing"
    );
    world.approve(&own.id);
    // A document that comes later changes nobody's `sub`.
    let document = Publisher::start(&json!(uris));
    let named = metadata(json!({"redirect_uris": uris, "sector_identifier_uri": document.url}));
    own.ask(world, Method::PUT, Some(named.clone())).await.granted();
    assert_eq!(waiting(world, &own.id)["sector"], json!(own.id));
    world.approve(&own.id);
    let told = own.ask(world, Method::GET, None).await.granted().body;
    assert_eq!((&told["sector"], &told["sector_identifier_uri"]), (&json!(own.id), &json!(document.url)));
    // Whoever names it at first has its host for a sector, and whoever looks at it sees with whom.
    let (one, two) = (world.registered(&named).await, world.registered(&named).await);
    world.approve(&one.id);
    let told = waiting(world, &two.id);
    assert_eq!(told["sector"], "127.0.0.1");
    assert!(told["shared_with"].as_array().expect("a list").contains(&json!(one.id)), "{told}");
    let shown = world.command(&["client", "show", &two.id, "--waiting"]);
    assert!(shown.contains("# Sector: 127.0.0.1, and of ") && shown.contains(&one.id), "{shown}");
    // Several hosts need a document, also later.
    let several = metadata(json!({"redirect_uris": ["https://bank.uz/callback", CALLBACK]}));
    own.ask(world, Method::PUT, Some(several)).await.refused(400, "invalid_client_metadata");
}

async fn what_cannot_be_fetched_tells_nothing_of_the_network(world: &World) {
    let (_, token) = world.registration_token(&[]);
    let silent = Publisher::start(&json!({"no": "list"}));
    let mut told = Vec::new();
    let addresses = [
        "http://127.0.0.1:1/sector",
        "https://nobody.invalid/sector",
        "https://10.0.0.1/sector",
        &silent.url,
    ];
    for address in addresses.iter().cycle().take(30) {
        let answer = world.register(&token, &metadata(json!({"sector_identifier_uri": address}))).await;
        answer.refused(400, "invalid_client_metadata");
        told.push(answer.get("error_description").to_owned());
    }
    told.dedup();
    assert_eq!(told, ["sector_identifier_uri: no JSON array of redirect URIs could be read at this address"]);
    // Nor is it asked without end.
    let asked = silent.asked();
    let members = metadata(json!({"sector_identifier_uri": silent.url}));
    world.register(&token, &members).await.refused(429, "temporarily_unavailable");
    assert_eq!(silent.asked(), asked);
    let known = async || {
        let mut rows = world.audit_rows().await.into_iter().filter(|row| row.event == "registration.refused");
        let why = |detail: &Value| {
            detail.as_str().is_some_and(|why| why.starts_with("the document cannot be read: "))
        };
        rows.any(|row| why(&row.content["detail"])).then_some(())
    };
    crate::support::wait::until("the operator to learn why", known).await;
    assert_eq!(world.register(&token, &metadata(json!({}))).await.status, 201, "nothing of it was a use");
}

async fn names_that_are_not_shown_as_written_are_refused(world: &World) {
    let (_, token) = world.registration_token(&[]);
    for (member, text) in [
        ("client_name", "Bozor\u{202e}knaB"),
        ("client_name", "Bank\u{200b}"),
        ("client_name#ru", "Банк\u{3164}"),
        ("sms_name", "Bank\u{feff}"),
        ("contacts", "it\u{2066}@bozor.uz"),
    ] {
        let value = if member == "contacts" { json!([text]) } else { json!(text) };
        let answer = world.register(&token, &metadata(json!({member: value}))).await;
        answer.refused(400, "invalid_client_metadata");
        assert!(answer.get("error_description").starts_with(member), "{}", answer.body);
    }
    // Of an operator's file as well.
    let file = world.folder.file("odd.toml");
    let odd = crate::support::client_file::client("odd", "contacts = [\"a\\u202Eb\"]\n");
    std::fs::write(&file, odd).expect("a file");
    let import = world.try_command(&["client", "import", &file.display().to_string()]);
    assert!(!import.status.success(), "{import:?}");
}

async fn what_a_token_fixes_no_client_changes(world: &World) {
    let members = world.folder.file("bound.toml");
    let text = "dpop_bound_access_tokens = true\n[defaults]\nclient_uri = \"https://bozor.uz/\"\n";
    std::fs::write(&members, text).expect("a file");
    let (_, token) = world.registration_token(&["--members", &members.display().to_string()]);
    let loose = metadata(json!({"dpop_bound_access_tokens": false}));
    world.register(&token, &loose).await.refused(400, "invalid_client_metadata");
    let own = Own::of(&world.register(&token, &metadata(json!({}))).await);
    for change in [metadata(json!({})), metadata(json!({"client_uri": "https://bozor.uz/en"}))] {
        let told = own.ask(world, Method::PUT, Some(change.clone())).await.granted().body;
        assert_eq!(told["dpop_bound_access_tokens"], true);
        assert_eq!(told["client_uri"], *change.get("client_uri").unwrap_or(&json!("https://bozor.uz/")));
    }
    own.ask(world, Method::PUT, Some(loose)).await.refused(400, "invalid_client_metadata");
}

async fn who_waits_is_not_exported_whatever_today_s_rules_say(world: &World) {
    let own = world.registered(&metadata(json!({"client_name": "Eskirgan"}))).await;
    let change = "UPDATE clients SET metadata = REPLACE(metadata, 'Eskirgan', ' '), updated_at_ms = updated_at_ms + 1 \
                  WHERE metadata LIKE '%Eskirgan%'";
    world.change_database(change).await;
    world.until_redeems(&own, "invalid_client").await;
    let exported = world.command(&["client", "export"]);
    assert!(!exported.contains(&own.id), "importing it elsewhere would approve it");
    world.command(&["client", "reject", &own.id]);
}
