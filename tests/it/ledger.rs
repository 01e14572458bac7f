//! The ledger: no path of any protocol lets data of a person go without an entry that tells of it, and nothing goes where that cannot
//! be written.

use std::collections::BTreeSet;
use std::path::Path;

use serde_json::{Value, json};
use yagona::ledger::Channel;

use crate::support::client_file::{
    BOROUGH, CHARITY, COUNTER, FUND, LEDGER, LEDGER_URI, ONEID, RADIO, SHOP, TAX, TAX_URI,
};
use crate::support::oneid::link;
use crate::support::{
    Asked, Person, Setup, Tokens, World, alone_on_both_backends, code_of, jwt, on_both_backends,
};

on_both_backends!(
    r70_a_sign_in_leaves_an_entry_for_each_way_by_which_its_data_go,
    r70_devices_and_services_at_a_counter_leave_entries,
    r70_oneids_identification_leaves_an_entry,
    r70_data_for_a_purpose_are_told_with_their_purpose,
    r70_an_exchange_tells_whoever_acts_and_leaves_an_entry,
);

alone_on_both_backends!(
    r70_nothing_leaves_that_the_ledger_cannot_tell_of,
    r70_a_release_is_one_entry_however_often_and_wherever_it_is_read,
);

/// The ways by which data go today, each of which a test of this file goes; a new one must be added, with its test.
const fn is_walked(channel: Channel) -> bool {
    match channel {
        Channel::IdToken
        | Channel::AccessToken
        | Channel::UserInfo
        | Channel::Introspection
        | Channel::OneId => true,
        // Their endpoints are not part of this version.
        Channel::DataApi | Channel::Verification | Channel::Application => false,
        // Tests of the data API go it.
        Channel::Naming => false,
    }
}

/// Where values of a person's record are put into answers to services, by the functions that do it.
const VALUES: [(&str, &[&str]); 3] = [
    ("src/oidc/id_token.rs", &["claims::for_id_token", "claims::verified"]),
    ("src/oidc/userinfo.rs", &["claims::for_userinfo", "claims::verified", "claims::for_purposes"]),
    ("src/oneid/identify.rs", &["fields::of"]),
];

/// Whoever adds a place from which values leave adds it here, and to the tests that walk all of them.
#[test]
fn values_leave_by_known_places_alone() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut found = BTreeSet::new();
    let mut folders = vec![root.join("src/oidc"), root.join("src/oneid")];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).expect("a folder").map(|entry| entry.expect("an entry").path())
        {
            if entry.is_dir() {
                folders.push(entry);
                continue;
            }
            let source = std::fs::read_to_string(&entry).expect("a source");
            let code = source.split("#[cfg(test)]").next().unwrap_or_default();
            for call in [
                "claims::for_",
                "claims::verified(",
                "fields::of(",
                ".person.names",
                ".person.document",
                ".person.pinfl",
            ] {
                if code.contains(call) {
                    found.insert(entry.strip_prefix(root).expect("a source").display().to_string());
                }
            }
        }
    }
    let known: BTreeSet<String> = VALUES.iter().map(|(file, _)| (*file).to_owned()).collect();
    let makers = ["src/oidc/claims.rs", "src/oneid/fields.rs"].map(str::to_owned);
    let others: Vec<&String> = found.difference(&known).filter(|file| !makers.contains(file)).collect();
    assert!(others.is_empty(), "no test of the ledger walks {others:?}");
    for (file, calls) in VALUES {
        let source = std::fs::read_to_string(root.join(file)).expect("a source");
        assert!(calls.iter().all(|call| source.contains(call)), "{file} does not call {calls:?} any more");
    }
    assert!(Channel::ALL.into_iter().any(is_walked));
}

impl World {
    /// What the ledger tells a person, newest first.
    fn ledger(&self, person: &Person) -> Vec<Value> {
        let told = self.command(&["ledger", "list", &person.number, "--format", "json"]);
        let told: Value = serde_json::from_str(&told).expect("JSON");
        told["entries"].as_array().expect("entries").clone()
    }
}

/// The entries of a client and a way.
fn of<'a>(entries: &'a [Value], client: &str, channel: Channel) -> Vec<&'a Value> {
    assert!(is_walked(channel));
    let entries = entries.iter().map(|listed| &listed["entry"]);
    entries.filter(|entry| entry["client"] == client && entry["channel"] == channel.name()).collect()
}

/// The names that an answer told, as the ledger writes them.
fn told(body: &Value, protocol: &[&str]) -> BTreeSet<String> {
    let mut names = BTreeSet::new();
    for (name, value) in body.as_object().expect("an object") {
        if name == "verified_claims" {
            let claims = value["claims"].as_object().expect("claims");
            names.extend(claims.keys().map(|name| format!("verified_claims.{name}")));
        } else if !protocol.contains(&name.as_str()) && *value != "" {
            names.insert(name.clone());
        }
    }
    names
}

fn fields(entry: &Value) -> BTreeSet<String> {
    let fields = entry["fields"].as_array().expect("fields");
    fields.iter().map(|name| name.as_str().expect("a name").to_owned()).collect()
}

/// Fails unless an entry names all that was told.
fn assert_tells(entry: &Value, told: &BTreeSet<String>) {
    assert!(!told.is_empty() && told.is_subset(&fields(entry)), "{told:?} in {entry}");
}

const OF_ID_TOKENS: [&str; 13] =
    ["iss", "sub", "aud", "iat", "exp", "auth_time", "acr", "amr", "sid", "at_hash", "nonce", "hint", "azp"];

async fn r70_a_sign_in_leaves_an_entry_for_each_way_by_which_its_data_go(world: &World) {
    let person = world.person();
    let claims = json!({
        "id_token": {"name": null},
        "userinfo": {"verified_claims": {"verification": {"trust_framework": null}, "claims": {"birthdate": null}}},
    });
    let asked = Asked::by(SHOP)
        .with("scope", "openid profile phone offline_access")
        .and("claims", &claims.to_string());
    let tokens = world.tokens(&asked, &person).await;
    let id_token = told(&jwt::read(tokens.get("id_token")).claims, &OF_ID_TOKENS);
    assert_eq!(id_token, BTreeSet::from(["name".to_owned()]));
    // What UserInfo gives is told before it is asked.
    let entries = world.ledger(&person);
    let (by_token, by_userinfo) =
        (of(&entries, SHOP, Channel::IdToken), of(&entries, SHOP, Channel::UserInfo));
    assert_eq!((by_token.len(), by_userinfo.len(), entries.len()), (1, 1, 2), "{entries:?}");
    assert_tells(by_token[0], &id_token);
    let userinfo = world.userinfo(tokens.get("access_token")).await.granted().body;
    let names = told(&userinfo, &["sub"]);
    assert!(names.contains("phone_number") && names.contains("verified_claims.birthdate"), "{userinfo}");
    assert_tells(by_userinfo[0], &names);
    let sets = by_userinfo[0]["data_sets"].as_array().expect("sets");
    assert!(sets.contains(&json!("phone")) && sets.contains(&json!("birth_date")), "{sets:?}");
    let consent = by_userinfo[0]["consent"].as_str().expect("a consent");
    assert!(world.command(&["consents", "list", &person.number]).contains(consent));
    assert_eq!(by_userinfo[0]["basis"], "consent");
    // No value is there.
    let text = format!("{entries:?}");
    assert!(
        !text.contains(&person.number) && !text.contains(userinfo["family_name"].as_str().expect("a name"))
    );

    // A refresh: its ID token says a name again, and its access token is read for the first time.
    let next = world.refresh(SHOP, tokens.get("refresh_token")).await.granted();
    assert_eq!(told(&jwt::read(next.get("id_token")).claims, &OF_ID_TOKENS), id_token);
    world.userinfo(next.get("access_token")).await.granted();
    world.userinfo(tokens.get("access_token")).await.granted();
    let entries = world.ledger(&person);
    let (by_token, by_userinfo) =
        (of(&entries, SHOP, Channel::IdToken), of(&entries, SHOP, Channel::UserInfo));
    assert_eq!((by_token.len(), by_userinfo.len(), entries.len()), (2, 2, 4), "{entries:?}");
    assert_eq!(by_userinfo[0]["consent"], consent, "from the grant");
    assert_tells(by_userinfo[0], &names);
    // The same token once more is an answer that repeats itself, and tells nothing new.
    world.refresh(SHOP, tokens.get("refresh_token")).await.granted();
    assert_eq!(world.ledger(&person).len(), 4);
}

async fn r70_devices_and_services_at_a_counter_leave_entries(world: &World) {
    let person = world.person();
    let device = world.device(RADIO, "openid profile").await.granted();
    world.browser().let_in(world, device.get("user_code"), &person).await;
    let tokens = world.poll(RADIO, &device).await.granted();
    let by_device = told(&world.userinfo(tokens.get("access_token")).await.granted().body, &["sub"]);
    let asked = world.asks_for(COUNTER, "openid profile phone", &person).await;
    let message = world.approval_message(&person).await;
    world.browser().decides(&message, "allow").await.expect("approval-done");
    let tokens = world.polled(COUNTER, &asked).await.granted();
    let at_counter = told(&world.userinfo(tokens.get("access_token")).await.granted().body, &["sub"]);
    let entries = world.ledger(&person);
    for (client, names) in [(RADIO, by_device), (COUNTER, at_counter)] {
        let entries = of(&entries, client, Channel::UserInfo);
        assert_eq!(entries.len(), 1, "{client}: {entries:?}");
        assert_tells(entries[0], &names);
    }
}

async fn r70_oneids_identification_leaves_an_entry(world: &World) {
    let person = world.person();
    let mut browser = world.browser();
    let code = code_of(&browser.sign_in_at(world, &link(world, ONEID), &person).await);
    let token = world.oneid_redeem(ONEID, &code).await.granted().get("access_token").to_owned();
    let own = [
        "ret_cd",
        "user_id",
        "user_type",
        "sess_id",
        "auth_method",
        "valid",
        "valid_methods",
        "validation_method",
        "legal_info",
    ];
    for _ in 0..2 {
        let names = told(&world.oneid_identify(ONEID, &token).await.granted().body, &own);
        let entries = world.ledger(&person);
        let entries = of(&entries, ONEID, Channel::OneId);
        assert_eq!(entries.len(), 1, "{entries:?}");
        assert!(names.contains("pin") && names.contains("per_adr"), "{names:?}");
        assert_tells(entries[0], &names);
    }
}

/// Data for a purpose, for a day.
fn detail(sets: &[&str], purpose: &str, how_often: &str) -> Value {
    json!({"type": "personal_data", "data_sets": sets, "purpose": purpose, "period": 86_400, "use": how_often})
}

fn asking(client: &str, details: &[Value]) -> Asked {
    Asked::by(client).with("scope", "openid").and("authorization_details", &json!(details).to_string())
}

async fn r70_data_for_a_purpose_are_told_with_their_purpose(world: &World) {
    let person = world.person();
    let details =
        [detail(&["phone"], "A scholarship", "repeated"), detail(&["birth_date"], "To check", "single")];
    let tokens = world.tokens(&asking(CHARITY, &details), &person).await;
    let signed = jwt::verify(tokens.get("access_token"), &world.keys().await).claims;
    assert!(signed["authorization_details"].is_array(), "{signed}");
    let purposes = |entries: &[Value], channel| -> Vec<String> {
        let entries = of(entries, CHARITY, channel).into_iter();
        entries.map(|entry| entry["purpose"].as_str().expect("a purpose").to_owned()).collect()
    };
    let entries = world.ledger(&person);
    assert_eq!(purposes(&entries, Channel::AccessToken), ["A scholarship"], "whoever reads the token");
    assert_eq!(purposes(&entries, Channel::UserInfo), ["A scholarship"], "what may be read once was not");
    for _ in 0..2 {
        let body = world.userinfo(tokens.get("access_token")).await.granted().body;
        assert_eq!(told(&body, &["sub"]).contains("birthdate"), body.get("birthdate").is_some());
        let state =
            world.post_as(CHARITY, "/oidc/introspect", &[("token", tokens.get("access_token"))]).await;
        assert!(state.granted().body["authorization_details"].is_array());
    }
    let entries = world.ledger(&person);
    let mut read = purposes(&entries, Channel::UserInfo);
    read.sort();
    assert_eq!(read, ["A scholarship", "To check"], "each once");
    let mut known = purposes(&entries, Channel::Introspection);
    known.sort();
    assert_eq!(known, ["A scholarship", "To check"]);
    let once =
        of(&entries, CHARITY, Channel::UserInfo).into_iter().find(|entry| entry["purpose"] == "To check");
    assert_eq!(fields(once.expect("an entry")), BTreeSet::from(["birthdate".to_owned()]));
    assert!(once.expect("an entry")["consent"].is_string());
    // At a client whose tokens are sealed nobody but UserInfo tells.
    let other = world.person();
    let tokens = world.tokens(&asking(FUND, &details[1..]), &other).await;
    assert!(world.ledger(&other).is_empty());
    world.userinfo(tokens.get("access_token")).await.granted();
    assert_eq!(of(&world.ledger(&other), FUND, Channel::UserInfo).len(), 1);
}

async fn r70_an_exchange_tells_whoever_acts_and_leaves_an_entry(world: &World) {
    let person = world.person();
    let mut both = detail(&["phone"], "A survey", "repeated");
    both["locations"] = json!([LEDGER_URI, TAX_URI]);
    let tokens = world.tokens(&asking(BOROUGH, &[both]), &person).await;
    let exchange = [
        ("grant_type", "urn:ietf:params:oauth:grant-type:token-exchange"),
        ("subject_token", tokens.get("access_token")),
        ("subject_token_type", "urn:ietf:params:oauth:token-type:access_token"),
        ("audience", TAX),
    ];
    for _ in 0..2 {
        let got = world.post_as(LEDGER, "/oidc/token", &exchange).await.granted();
        assert!(got.body["authorization_details"].is_array(), "{}", got.body);
        let entries = world.ledger(&person);
        let entries = of(&entries, LEDGER, Channel::AccessToken);
        assert_eq!(entries.len(), 1, "{entries:?}");
        assert_eq!(
            (&entries[0]["purpose"], &entries[0]["data_sets"]),
            (&json!("A survey"), &json!(["phone"]))
        );
    }
}

/// The answers hold nothing of the person, and say that the provider fails.
fn assert_withheld(answer: &Tokens) {
    assert!(answer.status >= 500, "{} {}", answer.status, answer.body);
    for member in ["access_token", "id_token", "name", "phone_number", "authorization_details", "pin"] {
        assert!(answer.body.get(member).is_none(), "{}", answer.body);
    }
}

async fn r70_nothing_leaves_that_the_ledger_cannot_tell_of(setup: Setup) {
    let world = setup.start().await;
    let claims = json!({"id_token": {"name": null}}).to_string();
    let shop = Asked::by(SHOP).with("scope", "openid profile phone offline_access").and("claims", &claims);
    let refreshable = world.tokens(&shop, &world.person()).await;
    let fresh = world.tokens(&shop, &world.person()).await;
    let fresh = world.refresh(SHOP, fresh.get("refresh_token")).await.granted();
    let details = [detail(&["phone"], "A scholarship", "repeated")];
    let charity = world.tokens(&asking(CHARITY, &details), &world.person()).await;
    let single = world.tokens(&asking(FUND, &[detail(&["phone"], "Once", "single")]), &world.person()).await;
    let code = code_of(&world.browser().sign_in(&world, &shop, &world.person()).await);
    let signed = code_of(&world.browser().sign_in(&world, &asking(CHARITY, &details), &world.person()).await);
    let oneid = code_of(&world.browser().sign_in_at(&world, &link(&world, ONEID), &world.person()).await);

    world.change_database("ALTER TABLE ledger_entries RENAME TO ledger_gone").await;
    let introspect = async || {
        let token = [("token", charity.get("access_token"))];
        world.post_as(CHARITY, "/oidc/introspect", &token).await
    };
    assert_withheld(&world.redeem(SHOP, &code).await);
    assert_withheld(&world.redeem(CHARITY, &signed).await);
    assert_withheld(&world.oneid_redeem(ONEID, &oneid).await);
    assert_withheld(&world.refresh(SHOP, refreshable.get("refresh_token")).await);
    for tokens in [&fresh, &single] {
        assert_withheld(&world.userinfo(tokens.get("access_token")).await);
    }
    assert_withheld(&introspect().await);

    // Nothing was used up meanwhile.
    world.change_database("ALTER TABLE ledger_gone RENAME TO ledger_entries").await;
    world.redeem(SHOP, &code).await.granted();
    world.redeem(CHARITY, &signed).await.granted();
    world.oneid_redeem(ONEID, &oneid).await.granted();
    world.refresh(SHOP, refreshable.get("refresh_token")).await.granted();
    assert!(world.userinfo(fresh.get("access_token")).await.granted().body["name"].is_string());
    assert!(world.userinfo(single.get("access_token")).await.granted().body["phone_number"].is_string());
    assert!(introspect().await.granted().body["authorization_details"].is_array());
}

async fn r70_a_release_is_one_entry_however_often_and_wherever_it_is_read(setup: Setup) {
    let several = setup.backend == crate::support::Backend::Servers;
    let mut world = setup.start().await;
    let person = world.person();
    let asked = Asked::by(SHOP).with("scope", "openid profile offline_access");
    let tokens = world.tokens(&asked, &person).await;
    let next = world.refresh(SHOP, tokens.get("refresh_token")).await.granted();
    if several {
        world.add_node().await;
    }
    let ports: Vec<u16> = world.nodes.iter().map(|node| node.port).collect();
    for port in &ports {
        for tokens in [&tokens, &next] {
            for _ in 0..3 {
                let request = world.browser().at(*port);
                let request = request.request(reqwest::Method::GET, &world.url("/oidc/userinfo"));
                let answer = request.bearer_auth(tokens.get("access_token")).send().await.expect("an answer");
                assert_eq!(answer.status(), 200);
            }
        }
    }
    let entries = world.ledger(&person);
    assert_eq!(of(&entries, SHOP, Channel::UserInfo).len(), 2, "a token each: {entries:?}");
    // Nodes write what they counted by the clock.
    world.advance(60).await;
    let expected = 3 * ports.len() as i64;
    crate::support::wait::until("the reads to be counted", async || {
        let entries = world.ledger(&person);
        entries.iter().all(|entry| entry["reads"] == expected).then_some(())
    })
    .await;
}
