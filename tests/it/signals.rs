//! Security events to services: the Shared Signals Framework 1.0 with events of RISC and CAEP, pushed (RFC 8935) and polled
//! (RFC 8936).

use reqwest::Method;
use serde_json::{Value, json};
use yagona::audit::Kind;

use crate::ciba::pings::Server;
use crate::exchange;
use crate::support::client_file::SHOP;
use crate::support::wait::until;
use crate::support::{Asked, Setup, World, alone_on_both_backends, code_of, jwt};

alone_on_both_backends!(
    ssf_8_1_a_service_manages_its_stream,
    ssf_8_1_what_a_service_may_not_do_is_refused,
    rfc8936_events_are_polled_and_acknowledged,
    rfc8935_events_are_pushed_and_tried_again,
    an_event_is_stored_with_what_it_tells_of,
    risc_2_5_the_end_of_a_number_disables_nobody_who_goes_on_by_other_means,
);

const SERVICE: &str = "sentinel";
const OTHER: &str = "watchman";
const PUSH: &str = "urn:ietf:rfc:8935";
const POLL: &str = "urn:ietf:rfc:8936";
const SESSION: &str = "https://schemas.openid.net/secevent/caep/event-type/session-revoked";
const DISABLED: &str = "https://schemas.openid.net/secevent/risc/event-type/account-disabled";
const ENABLED: &str = "https://schemas.openid.net/secevent/risc/event-type/account-enabled";
const CHANGED: &str = "https://schemas.openid.net/secevent/risc/event-type/identifier-changed";
const REVOKED: &str = "https://schemas.openid.net/secevent/oauth/event-type/tokens-revoked";
const VERIFICATION: &str = "https://schemas.openid.net/secevent/ssf/event-type/verification";

fn with_services(setup: Setup) -> Setup {
    let members = "grant_types = [\"authorization_code\", \"refresh_token\", \"client_credentials\"]\nshared_signals = true\n";
    setup.client(SERVICE, members).client(OTHER, members)
}

impl World {
    async fn ssf_token(&self, client: &str, scope: &str) -> String {
        let fields = [("grant_type", "client_credentials"), ("scope", scope)];
        self.post_as(client, "/oidc/token", &fields).await.granted().get("access_token").to_owned()
    }

    /// Status and content of an answer to a request with this token.
    async fn ssf_with(&self, token: &str, method: Method, path: &str, body: &Value) -> (u16, Value) {
        let request = self.browser().request(method.clone(), &self.url(path)).bearer_auth(token);
        let request =
            if method == Method::GET || method == Method::DELETE { request } else { request.json(body) };
        let answer = request.send().await.expect("an answer");
        let status = answer.status().as_u16();
        let text = answer.text().await.expect("text");
        (status, if text.is_empty() { Value::Null } else { serde_json::from_str(&text).expect(&text) })
    }

    async fn ssf(&self, client: &str, method: Method, path: &str, body: &Value) -> (u16, Value) {
        let token = self.ssf_token(client, "ssf.manage").await;
        self.ssf_with(&token, method, path, body).await
    }

    /// A stream of all events.
    async fn stream(&self, client: &str, delivery: Value) -> String {
        let wanted = json!({ "delivery": delivery, "events_requested": [SESSION, DISABLED, ENABLED, REVOKED, "urn:other"] });
        let (status, stream) = self.ssf(client, Method::POST, "/oidc/ssf/streams", &wanted).await;
        assert_eq!(status, 201, "{stream}");
        stream["stream_id"].as_str().expect("an identifier").to_owned()
    }

    /// What waits for a polled stream: claims by `jti`.
    async fn polled_events(&self, client: &str, stream: &str, body: &Value) -> (Vec<Value>, bool) {
        let (status, told) = self.ssf(client, Method::POST, &format!("/oidc/ssf/poll/{stream}"), body).await;
        assert_eq!(status, 200, "{told}");
        let keys = self.keys().await;
        let sets = told["sets"].as_object().expect("an object");
        let events = sets.iter().map(|(jti, set)| {
            let token = jwt::verify(set.as_str().expect("a token"), &keys);
            assert_eq!(token.header["typ"], "secevent+jwt");
            assert_eq!((&token.claims["jti"], &token.claims["aud"]), (&json!(jti), &json!(client)));
            assert!(
                token.claims.get("exp").is_none() && token.claims.get("sub").is_none(),
                "RFC 8417 and SSF: {token:?}"
            );
            token.claims
        });
        (events.collect(), told["moreAvailable"] == true)
    }
}

/// The type of an event.
fn kind(claims: &Value) -> String {
    claims["events"].as_object().expect("events").keys().next().expect("one").clone()
}

fn kinds(events: &[Value]) -> Vec<String> {
    let mut all: Vec<String> = events.iter().map(kind).collect();
    all.sort();
    all
}

async fn ssf_8_1_a_service_manages_its_stream(setup: Setup) {
    let world = with_services(setup).start().await;
    let document = world.json("/.well-known/ssf-configuration").await;
    assert_eq!(
        (&document["spec_version"], &document["issuer"]),
        (&json!("1_0"), &json!(world.place().issuer))
    );
    assert_eq!(document["delivery_methods_supported"], json!([PUSH, POLL]));
    let streams = "/oidc/ssf/streams";
    assert_eq!(document["configuration_endpoint"], json!(format!("{}{streams}", world.place().issuer)));
    let id = world.stream(SERVICE, json!({ "method": PUSH, "endpoint_url": "http://localhost:9/set", "authorization_header": "Bearer s3cr3t" })).await;
    let at = format!("{streams}?stream_id={id}");
    let (status, stream) = world.ssf(SERVICE, Method::GET, &at, &Value::Null).await;
    assert_eq!((status, &stream["aud"], &stream["delivery"]["method"]), (200, &json!(SERVICE), &json!(PUSH)));
    assert_eq!(
        stream["events_delivered"],
        json!([SESSION, DISABLED, ENABLED, REVOKED]),
        "what is not supported is left out"
    );
    assert!(!stream.to_string().contains("s3cr3t"), "{stream}");
    let stored =
        world.stored_text("SELECT authorization_sealed FROM signal_streams WHERE stream_id = $1", &id).await;
    assert!(!stored.contains("s3cr3t"));
    let (_, all) = world.ssf(SERVICE, Method::GET, streams, &Value::Null).await;
    assert_eq!(all.as_array().map(Vec::len), Some(1));
    let (_, others) = world.ssf(OTHER, Method::GET, streams, &Value::Null).await;
    assert_eq!(others, json!([]));
    // A part of it, and then all of it.
    let (status, stream) =
        world.ssf(SERVICE, Method::PATCH, streams, &json!({ "stream_id": id, "description": "Ours" })).await;
    assert_eq!(
        (status, &stream["description"], &stream["delivery"]["method"]),
        (200, &json!("Ours"), &json!(PUSH))
    );
    let (status, stream) = world
        .ssf(SERVICE, Method::PUT, streams, &json!({ "stream_id": id, "events_requested": [SESSION] }))
        .await;
    assert_eq!(
        (status, &stream["events_delivered"], &stream["delivery"]["method"]),
        (200, &json!([SESSION]), &json!(POLL))
    );
    assert!(stream.get("description").is_none(), "{stream}");
    let status_at = format!("/oidc/ssf/status?stream_id={id}");
    let paused = json!({ "stream_id": id, "status": "paused", "reason": "night" });
    let (status, told) = world.ssf(SERVICE, Method::POST, "/oidc/ssf/status", &paused).await;
    assert_eq!((status, told), (200, paused.clone()));
    assert_eq!(world.ssf(SERVICE, Method::GET, &status_at, &Value::Null).await, (200, paused));
    assert_eq!(world.ssf(SERVICE, Method::DELETE, &at, &Value::Null).await.0, 204);
    assert_eq!(world.ssf(SERVICE, Method::GET, &at, &Value::Null).await.0, 404);
    let row = world.until_audited(Kind::StreamChanged, "reason", "deleted").await;
    assert_eq!(row["client.id"], SERVICE);
}

async fn ssf_8_1_what_a_service_may_not_do_is_refused(setup: Setup) {
    let world = with_services(setup).start().await;
    let streams = "/oidc/ssf/streams";
    let id = world.stream(SERVICE, json!({ "method": POLL })).await;
    let at = format!("{streams}?stream_id={id}");
    // One stream a service, and nobody else's.
    assert_eq!(world.ssf(SERVICE, Method::POST, streams, &json!({})).await.0, 409);
    for (method, path, body) in [
        (Method::GET, at.as_str(), Value::Null),
        (Method::DELETE, at.as_str(), Value::Null),
        (Method::PATCH, streams, json!({ "stream_id": id })),
        (Method::POST, "/oidc/ssf/status", json!({ "stream_id": id, "status": "disabled" })),
        (Method::POST, "/oidc/ssf/verify", json!({ "stream_id": id })),
        (Method::POST, &format!("/oidc/ssf/poll/{id}"), json!({})),
    ] {
        let (status, told) = world.ssf(OTHER, method, path, &body).await;
        assert_eq!((status, &told["error"]), (404, &json!("invalid_request")), "{path}: {told}");
    }
    // A token that reads changes nothing; one without the scope, of another service or of a person, does nothing.
    let read = world.ssf_token(SERVICE, "ssf.read").await;
    assert_eq!(world.ssf_with(&read, Method::GET, &at, &Value::Null).await.0, 200);
    assert_eq!(world.ssf_with(&read, Method::DELETE, &at, &Value::Null).await.0, 403);
    let none = world.ssf_token(SERVICE, "").await;
    assert_eq!(world.ssf_with(&none, Method::GET, &at, &Value::Null).await.0, 403);
    let person = world.tokens(&Asked::by(SERVICE), &world.person()).await;
    assert_eq!(world.ssf_with(person.get("access_token"), Method::GET, &at, &Value::Null).await.0, 403);
    assert_eq!(world.ssf_with("guessed", Method::GET, &at, &Value::Null).await.0, 401);
    let bare = world.browser().request(Method::GET, &world.url(&at)).send().await.expect("an answer");
    assert_eq!(bare.status(), 401);
    for (body, words) in [
        (json!({ "delivery": { "method": PUSH } }), "endpoint_url is missing"),
        (json!({ "delivery": { "method": PUSH, "endpoint_url": "ftp://a.uz" } }), "must be a URL with https"),
        (
            json!({ "delivery": { "method": PUSH, "endpoint_url": "https://u:p@a.uz" } }),
            "must be a URL with https",
        ),
        (json!({ "delivery": { "method": "urn:other" } }), "delivery.method must be"),
        (
            json!({ "delivery": { "method": PUSH, "endpoint_url": "https://a.uz", "authorization_header": "a\nb" } }),
            "no value of a header",
        ),
        (json!({ "iss": "https://other.uz" }), "iss is not this provider"),
        (json!({ "aud": "other" }), "aud is the client identifier"),
        (json!({ "events_requested": "all" }), "must be a JSON object"),
        (json!([]), "must be a JSON object"),
    ] {
        let (status, told) = world.ssf(OTHER, Method::POST, streams, &body).await;
        let said = told["error_description"].as_str().unwrap_or_default();
        assert!(status == 400 && said.contains(words), "{body}: {status} {told}");
    }
    let subject = json!({ "format": "email", "email": "a@b.uz" });
    let (status, _) = world
        .ssf(SERVICE, Method::POST, "/oidc/ssf/subjects/add", &json!({ "stream_id": id, "subject": subject }))
        .await;
    assert_eq!(status, 400);
    assert_eq!(
        world
            .ssf(SERVICE, Method::POST, "/oidc/ssf/status", &json!({ "stream_id": id, "status": "off" }))
            .await
            .0,
        400
    );
    world.until_audited(Kind::SignalsRefused, "client.id", SERVICE).await;
}

async fn rfc8936_events_are_polled_and_acknowledged(setup: Setup) {
    let world = with_services(setup).start().await;
    let stream = world.stream(SERVICE, json!({ "method": POLL })).await;
    let (person, stranger) = (world.person(), world.person());
    let tokens = world.tokens(&Asked::by(SERVICE), &person).await;
    world.tokens(&Asked::by(SHOP), &stranger).await;
    let sub = jwt::read(tokens.get("id_token")).claims["sub"].clone();
    // Who the service does not know is none of its business.
    world.command(&["people", "end-access", &stranger.number]);
    assert!(world.polled_events(SERVICE, &stream, &json!({})).await.0.is_empty());
    world.command(&["people", "block", &person.number]);
    world.command(&["people", "unblock", &person.number]);
    let (events, more) =
        world.polled_events(SERVICE, &stream, &json!({ "maxEvents": 10, "returnImmediately": true })).await;
    let mut all = [SESSION, DISABLED, ENABLED];
    all.sort_unstable();
    assert_eq!((kinds(&events), more), (all.iter().map(|uri| (*uri).to_owned()).collect(), false));
    for event in &events {
        let subject = json!({ "format": "iss_sub", "iss": world.place().issuer, "sub": sub });
        assert_eq!(event["sub_id"], subject, "as the service knows the person");
    }
    let ended = events.iter().find(|event| kind(event) == SESSION).expect("one");
    let blocked = events.iter().find(|event| kind(event) == DISABLED).expect("one");
    assert_eq!(ended["txn"], blocked["txn"], "of one cause");
    assert!(ended["events"][SESSION]["event_timestamp"].is_i64(), "CAEP §2: {ended}");
    // They are told until they are acknowledged, or reported as useless.
    let (first, more) = world.polled_events(SERVICE, &stream, &json!({ "maxEvents": 1 })).await;
    assert!(first.len() == 1 && more);
    let (ack, bad) = (&events[0]["jti"], events[1]["jti"].as_str().expect("a jti"));
    let done =
        json!({ "ack": [ack, "unknown"], "setErrs": { bad: { "err": "invalid_request" } }, "maxEvents": 0 });
    assert!(world.polled_events(SERVICE, &stream, &done).await.0.is_empty());
    let (rest, _) = world.polled_events(SERVICE, &stream, &json!({})).await;
    assert_eq!(rest.len(), 1);
    assert_eq!(rest[0]["jti"], events[2]["jti"], "the same token again");
    let rest = json!({ "ack": [rest[0]["jti"]] });
    world.polled_events(SERVICE, &stream, &rest).await;
    // An ended consent concerns that service alone.
    world.tokens(&Asked::by(SERVICE), &person).await;
    world.tokens(&Asked::by(OTHER), &person).await;
    let listed = world.command(&["consents", "list", &person.number]);
    let line = listed.lines().find(|line| line.contains(&format!(" {OTHER} "))).expect(&listed);
    world.command(&["consents", "end", line.split(' ').next().expect("an identifier")]);
    assert!(world.polled_events(SERVICE, &stream, &json!({})).await.0.is_empty());
    let line = listed.lines().find(|line| line.contains(&format!(" {SERVICE} "))).expect(&listed);
    world.command(&["consents", "end", line.split(' ').next().expect("an identifier")]);
    let (events, _) = world.polled_events(SERVICE, &stream, &json!({})).await;
    assert_eq!(kinds(&events), [REVOKED]);
    world.polled_events(SERVICE, &stream, &json!({ "ack": [events[0]["jti"]] })).await;
    // A person who was taken out of the stream.
    let subject = json!({ "stream_id": stream, "subject": { "format": "iss_sub", "iss": world.place().issuer, "sub": sub } });
    assert_eq!(world.ssf(SERVICE, Method::POST, "/oidc/ssf/subjects/remove", &subject).await.0, 204);
    world.command(&["people", "end-access", &person.number]);
    assert!(world.polled_events(SERVICE, &stream, &json!({})).await.0.is_empty());
    assert_eq!(world.ssf(SERVICE, Method::POST, "/oidc/ssf/subjects/add", &subject).await.0, 200);
    // While the stream is paused events wait.
    let set = async |status: &str| {
        let body = json!({ "stream_id": stream, "status": status });
        assert_eq!(world.ssf(SERVICE, Method::POST, "/oidc/ssf/status", &body).await.0, 200);
    };
    set("paused").await;
    world.command(&["people", "end-access", &person.number]);
    assert!(world.polled_events(SERVICE, &stream, &json!({})).await.0.is_empty());
    set("enabled").await;
    assert_eq!(kinds(&world.polled_events(SERVICE, &stream, &json!({})).await.0), [SESSION]);
    set("disabled").await;
    set("enabled").await;
    assert!(
        world.polled_events(SERVICE, &stream, &json!({})).await.0.is_empty(),
        "a disabled stream keeps none"
    );
}

async fn rfc8935_events_are_pushed_and_tried_again(setup: Setup) {
    let world = with_services(setup).start().await;
    let server = Server::start();
    let delivery = json!({ "method": PUSH, "endpoint_url": format!("{}/fails-first", server.base), "authorization_header": "Bearer receiver" });
    let stream = world.stream(SERVICE, delivery).await;
    let verify = json!({ "stream_id": stream, "state": "VGhpcyBpcw" });
    assert_eq!(world.ssf(SERVICE, Method::POST, "/oidc/ssf/verify", &verify).await.0, 204);
    assert_eq!(world.ssf(SERVICE, Method::POST, "/oidc/ssf/verify", &verify).await.0, 429);
    let arrived = async |count: usize| {
        until(&format!("{count} pushes"), async || {
            let told = server.at("/fails-first");
            (told.len() >= count).then_some(told)
        })
        .await
    };
    let first = arrived(1).await;
    assert_eq!(
        (first[0].content_type.as_str(), first[0].authorization.as_str()),
        ("application/secevent+jwt", "Bearer receiver")
    );
    // It was refused: the same event comes again.
    world.advance(5).await;
    let again = arrived(2).await;
    let keys = world.keys().await;
    let read = |body: &str| jwt::verify(body, &keys).claims;
    assert_eq!(read(&first[0].body)["jti"], read(&again[1].body)["jti"]);
    let claims = read(&again[1].body);
    assert_eq!(claims["sub_id"], json!({ "format": "opaque", "id": stream }));
    assert_eq!(claims["events"][VERIFICATION]["state"], "VGhpcyBpcw");
    let person = world.person();
    world.tokens(&Asked::by(SERVICE), &person).await;
    world.command(&["people", "end-access", &person.number]);
    let third = arrived(3).await;
    assert_eq!(kind(&read(&third[2].body)), SESSION);
    until("nothing to wait", async || {
        (world.stored("SELECT COUNT(*) FROM signal_events").await == 0).then_some(())
    })
    .await;
    assert_eq!(server.at("/fails-first").len(), 3, "each is told once");
}

/// What raises an event and the event itself are one transaction: without the one there is not the other.
async fn an_event_is_stored_with_what_it_tells_of(setup: Setup) {
    let world = with_services(setup).start().await;
    let stream = world.stream(SERVICE, json!({ "method": POLL })).await;
    let person = world.person();
    let tokens = world.tokens(&Asked::by(SERVICE).with("scope", "openid offline_access"), &person).await;
    world.change_database("ALTER TABLE signal_events RENAME TO hidden_events").await;
    assert!(!world.try_command(&["people", "end-access", &person.number]).status.success());
    world.change_database("ALTER TABLE hidden_events RENAME TO signal_events").await;
    let next = world.refresh(SERVICE, tokens.get("refresh_token")).await.granted();
    assert!(world.notices(&person).iter().all(|notice| notice["kind"] != "access_ended"));
    assert!(world.polled_events(SERVICE, &stream, &json!({})).await.0.is_empty());
    world.command(&["people", "end-access", &person.number]);
    world.refresh(SERVICE, next.get("refresh_token")).await.refused(400, "invalid_grant");
    assert_eq!(kinds(&world.polled_events(SERVICE, &stream, &json!({})).await.0), [SESSION]);
    world.notices_of(&person, "access_ended", 1).await;
}

async fn risc_2_5_the_end_of_a_number_disables_nobody_who_goes_on_by_other_means(setup: Setup) {
    let world = &exchange::with_operators(with_services(setup)).start().await;
    let wanted =
        json!({ "delivery": { "method": POLL }, "events_requested": [SESSION, DISABLED, ENABLED, CHANGED] });
    let (status, stream) = world.ssf(SERVICE, Method::POST, "/oidc/ssf/streams", &wanted).await;
    assert_eq!(status, 201, "{stream}");
    let stream = stream["stream_id"].as_str().expect("an identifier").to_owned();
    let (goes_on, ends) = (world.person(), world.person());
    let mut subs = Vec::new();
    for person in [&goes_on, &ends] {
        let tokens = world.tokens(&Asked::by(SERVICE), person).await;
        subs.push(jwt::read(tokens.get("id_token")).claims["sub"].clone());
    }
    let (_, mut key) = world.passkey_of(&goes_on).await;
    let later = exchange::moment(exchange::now() + 100);
    let rows = [&goes_on, &ends].map(|person| format!("{},returned,{later}", person.number));
    exchange::list(world, "ends.csv", 1, &rows);
    world.command(&["exchange", "import", "ends.csv"]);
    let (events, _) = world.polled_events(SERVICE, &stream, &json!({})).await;
    let of = |sub: &Value| {
        kinds(&events.iter().filter(|event| event["sub_id"]["sub"] == *sub).cloned().collect::<Vec<_>>())
    };
    let all = |mut all: Vec<&str>| {
        all.sort_unstable();
        all.into_iter().map(str::to_owned).collect::<Vec<_>>()
    };
    assert_eq!(of(&subs[0]), all(vec![SESSION, CHANGED]));
    assert_eq!(of(&subs[1]), all(vec![SESSION, DISABLED]));
    // What was told is so.
    let mut browser = world.browser();
    let page = browser.at_passkey(world, &Asked::by(SERVICE)).await;
    code_of(&key.answer(&mut browser, &page).await.away());
    world.browser().begin_with_number(world, &Asked::by(SERVICE), &ends).await;
    world.nothing_more_came(&[&ends]).await;
}
