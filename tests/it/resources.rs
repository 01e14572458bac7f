//! Resource indicators (RFC 8707): for which resource servers an access token is.

use serde_json::{Value, json};

use crate::support::client_file::{API, API_URI, BUYER, RIVAL, SHOP, TAX, TAX_URI, TRADER};
use crate::support::flow::redemption;
use crate::support::process::both_streams;
use crate::support::wait::until;
use crate::support::{
    Asked, Setup, Tokens, World, alone_on_both_backends, client_file, code_of, jwt, on_both_backends, param,
};

on_both_backends!(
    rfc8707_2_1_a_token_is_for_the_resource_servers_that_were_named,
    rfc8707_2_2_the_token_endpoint_narrows_and_never_widens,
    rfc8707_2_whatever_else_is_named_is_an_invalid_target,
    rfc8707_2_2_a_client_acts_for_itself_at_one_resource_server,
    without_a_resource_a_token_is_for_all_that_the_client_names,
);

alone_on_both_backends!(rfc8707_3_a_uri_belongs_to_one_resource_server_that_the_client_names);

/// What introspection by a client says.
async fn told(world: &World, client: &str, token: &str) -> Value {
    world.post_as(client, "/oidc/introspect", &[("token", token)]).await.granted().body
}

/// Fails unless exactly these resource servers learn of a token, and `aud` says so.
async fn assert_for(world: &World, client: &str, tokens: &Tokens, servers: &[(&str, &str)], here: bool) {
    let token = tokens.get("access_token");
    for server in [API, TAX] {
        let answer = told(world, server, token).await;
        let wanted = servers.iter().any(|(id, _)| *id == server);
        assert_eq!(answer["active"], wanted, "{server}: {answer}");
        assert!(wanted || answer == json!({"active": false}), "{answer}");
    }
    let issuer = world.issuer.as_str().trim_end_matches('/');
    let named = servers.iter().map(|(_, name)| *name);
    let wanted: Vec<&str> = here.then_some(issuer).into_iter().chain(named).collect();
    let mut aud = told(world, client, token).await["aud"].clone();
    if client == TRADER {
        assert_eq!(jwt::verify(token, &world.keys().await).claims["aud"], aud);
    }
    if aud.is_string() {
        aud = json!([aud]);
    }
    assert_eq!(aud, json!(wanted));
    assert_eq!(world.userinfo(token).await.status, if here { 200 } else { 401 });
}

async fn rfc8707_2_1_a_token_is_for_the_resource_servers_that_were_named(world: &World) {
    for client in [BUYER, TRADER] {
        let tokens = world.tokens(&Asked::by(client).and("resource", API_URI), &world.person()).await;
        assert_for(world, client, &tokens, &[(API, API_URI)], true).await;
    }
    // Both, in a request that was pushed: the one parameter that may be repeated.
    let both = Asked::by(BUYER).and("resource", TAX_URI).and("resource", API_URI);
    let url = world.browser().sign_in(world, &world.pushed(&both).await, &world.person()).await;
    let tokens = world.redeem(BUYER, &code_of(&url)).await.granted();
    assert_for(world, BUYER, &tokens, &[(TAX, TAX_URI), (API, API_URI)], true).await;
}

async fn rfc8707_2_2_the_token_endpoint_narrows_and_never_widens(world: &World) {
    for client in [BUYER, TRADER] {
        let asked = Asked::by(client).with("scope", "openid phone offline_access");
        let both = asked.clone().and("resource", TAX_URI).and("resource", API_URI);
        let code = code_of(&world.browser().sign_in(world, &both, &world.person()).await);
        let fields = [&redemption(&code)[..], &[("resource", API_URI)]].concat();
        let tokens = world.post_as(client, "/oidc/token", &fields).await.granted();
        assert_for(world, client, &tokens, &[(API, API_URI)], false).await;
        // The grant is for both, still.
        let refresh =
            |token| [("grant_type", "refresh_token"), ("refresh_token", token), ("resource", TAX_URI)];
        let fields = refresh(tokens.get("refresh_token"));
        let narrowed = world.post_as(client, "/oidc/token", &fields).await.granted();
        assert_for(world, client, &narrowed, &[(TAX, TAX_URI)], false).await;
        let all = world.refresh(client, narrowed.get("refresh_token")).await.granted();
        assert_for(world, client, &all, &[(TAX, TAX_URI), (API, API_URI)], true).await;

        // Less was asked for in the beginning: a request for more uses nothing up.
        let one = asked.and("resource", API_URI);
        let code = code_of(&world.browser().sign_in(world, &one, &world.person()).await);
        let more = [&redemption(&code)[..], &[("resource", TAX_URI)]].concat();
        world.post_as(client, "/oidc/token", &more).await.refused(400, "invalid_target");
        let tokens = world.redeem(client, &code).await.granted();
        let fields = refresh(tokens.get("refresh_token"));
        world.post_as(client, "/oidc/token", &fields).await.refused(400, "invalid_target");
        let tokens = world.refresh(client, tokens.get("refresh_token")).await.granted();
        assert_for(world, client, &tokens, &[(API, API_URI)], true).await;
    }
}

async fn rfc8707_2_whatever_else_is_named_is_an_invalid_target(world: &World) {
    let fragment = format!("{API_URI}#x");
    let slash = format!("{API_URI}/");
    for bad in ["https://elsewhere.uz/", "/v1", "api", &fragment, &slash] {
        let asked = Asked::by(BUYER).and("resource", API_URI).and("resource", bad);
        let url = world.browser().begin(world, &asked).await.away();
        assert_eq!(param(&url, "error").as_deref(), Some("invalid_target"), "{url}");
        world.push(&asked).await.refused(400, "invalid_target");
    }
    // A client that names no resource server has no target.
    let url = world.browser().begin(world, &Asked::by(SHOP).and("resource", API_URI)).await.away();
    assert_eq!(param(&url, "error").as_deref(), Some("invalid_target"), "{url}");
}

async fn rfc8707_2_2_a_client_acts_for_itself_at_one_resource_server(world: &World) {
    let fields = [("grant_type", "client_credentials"), ("resource", TAX_URI)];
    let tokens = world.post_as(BUYER, "/oidc/token", &fields).await.granted();
    assert_for(world, BUYER, &tokens, &[(TAX, TAX_URI)], false).await;
    let fields = [("grant_type", "client_credentials"), ("resource", "https://elsewhere.uz/")];
    world.post_as(BUYER, "/oidc/token", &fields).await.refused(400, "invalid_target");
}

async fn without_a_resource_a_token_is_for_all_that_the_client_names(world: &World) {
    for client in [BUYER, TRADER] {
        let tokens = world.tokens(&Asked::by(client), &world.person()).await;
        assert_for(world, client, &tokens, &[(API, API), (TAX, TAX)], true).await;
    }
}

async fn rfc8707_3_a_uri_belongs_to_one_resource_server_that_the_client_names(setup: Setup) {
    let world = setup.start().await;
    let tokens = world.tokens(&Asked::by(BUYER).and("resource", API_URI), &world.person()).await;
    let file = world.folder.file("servers.toml");
    let server = |id: &str, uri: &str| {
        client_file::client(id, &format!("resource_server = true\nresource_uris = [{uri}]\n"))
    };
    let import = |text: String| {
        std::fs::write(&file, text).expect("a client file");
        world.try_command(&["client", "import", &file.display().to_string()])
    };
    let quoted = format!("\"{API_URI}\"");
    let refused = import(server(RIVAL, &quoted));
    let said = both_streams(&refused);
    assert!(!refused.status.success() && said.contains("it belongs to `api`"), "{said}");
    let issuer = format!("\"{}\"", world.issuer.as_str().trim_end_matches('/'));
    let refused = import(server(RIVAL, &issuer));
    let said = both_streams(&refused);
    assert!(!refused.status.success() && said.contains("is the issuer"), "{said}");

    // Handed on to one that the client does not name: it learns nothing of a token that was for the former one.
    let handed = import(format!("{}{}", server(API, ""), server(RIVAL, &quoted)));
    assert!(handed.status.success(), "{}", both_streams(&handed));
    let token = tokens.get("access_token");
    until("the change", async || (told(&world, API, token).await["active"] == false).then_some(())).await;
    assert_eq!(told(&world, RIVAL, token).await, json!({"active": false}));
    assert_eq!(told(&world, BUYER, token).await["active"], true);
}
