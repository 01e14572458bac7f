//! The ledger: no path of any protocol lets data of a person go without an entry that tells of it, and nothing goes where that cannot
//! be written.

use std::collections::BTreeSet;
use std::path::Path;

use serde_json::{Value, json};
use yagona::ledger::Channel;

use crate::support::client_file::{
    AGENCY, BOROUGH, CHARITY, COUNTER, FUND, LEDGER, LEDGER_URI, ONEID, RADIO, SHOP, TAX, TAX_URI, TOWN,
    TRUST,
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
    r70_an_id_token_has_no_photo_and_no_entry_says_so,
    r70_who_reads_a_signed_token_is_told_of_and_no_data_went,
    r70_what_a_law_lets_go_later_is_told_once_a_day,
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
        | Channel::OneId
        // By the tests of the data API (`tests/it/data.rs`) and of applications (`tests/it/applications.rs`).
        | Channel::DataApi
        | Channel::Verification
        | Channel::Naming
        | Channel::Application => true,
    }
}

/// Where values of a person's record are put into answers to services, by the functions that do it.
const VALUES: [(&str, &[&str]); 5] = [
    ("src/oidc/id_token.rs", &["claims::for_id_token", "claims::verified"]),
    ("src/oidc/userinfo.rs", &["claims::for_userinfo", "claims::verified", "claims::for_purposes"]),
    ("src/oneid/identify.rs", &["fields::of"]),
    ("src/oidc/data/read.rs", &["claims::of_set", "claims::photo"]),
    // It compares a document with the one that the client named, and tells neither.
    ("src/oidc/token/statutory.rs", &["account.person.document"]),
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
                "person.address",
                ".temporary_address",
                ".tin",
                ".employment",
                ".birth_place",
                ".birth_date",
                ".citizenship",
                "account.phone",
                "people.photo(",
                "claims::photo(",
                "claims::of_set(",
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
    assert!(Channel::ALL.into_iter().all(is_walked));
}

impl World {
    /// What the ledger tells a person, newest first.
    fn ledger(&self, person: &Person) -> Vec<Value> {
        let told = self.command(&["ledger", "list", &person.number, "--format", "json"]);
        let told: Value = serde_json::from_str(&told).expect("JSON");
        let entries = told["entries"].as_array().expect("entries").clone();
        // Each names the contract under which the service got what it got: in a sandbox the built-in one.
        for listed in &entries {
            assert_eq!(listed["entry"]["contract"], "sandbox", "{listed}");
        }
        entries
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

/// Fails unless an entry names all that was told, and nothing else.
fn assert_tells(entry: &Value, told: &BTreeSet<String>) {
    assert!(!told.is_empty(), "{entry}");
    assert_eq!(*told, fields(entry), "{entry}");
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
        // What the record lacks is named all the same, so that the entry can be written before the record is read.
        assert!(names.is_subset(&fields(entries[0])), "{names:?} in {}", entries[0]);
        // OneID's answer has no member for these, though the person agreed to them.
        let sets = entries[0]["data_sets"].as_array().expect("sets");
        assert!(!sets.contains(&json!("photo")) && !sets.contains(&json!("employment")), "{sets:?}");
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
    assert!(
        of(&entries, CHARITY, Channel::AccessToken).is_empty(),
        "it knows what it asked for: {entries:?}"
    );
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
    assert!(of(&entries, CHARITY, Channel::Introspection).is_empty(), "{entries:?}");
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
        assert_agreement(entries[0], "A survey");
        let state = world.post_as(LEDGER, "/oidc/introspect", &[("token", tokens.get("access_token"))]).await;
        assert!(state.granted().body["authorization_details"].is_array());
        let entries = world.ledger(&person);
        let entries = of(&entries, LEDGER, Channel::Introspection);
        assert_eq!(entries.len(), 1, "{entries:?}");
        assert_agreement(entries[0], "A survey");
    }
}

/// Fails unless an entry says that somebody was told of an agreement, and got no data.
fn assert_agreement(entry: &Value, purpose: &str) {
    assert_eq!((&entry["purpose"], &entry["data_sets"]), (&json!(purpose), &json!([])), "{entry}");
    assert_eq!(fields(entry), BTreeSet::from(["authorization_details".to_owned()]));
}

async fn r70_an_id_token_has_no_photo_and_no_entry_says_so(world: &World) {
    let person = world.person();
    let claims = json!({"id_token": {"birthdate": null, "photo": null}}).to_string();
    let asked = Asked::by(TRUST).with("scope", "openid").and("claims", &claims);
    let tokens = world.tokens(&asked, &person).await;
    let names = told(&jwt::read(tokens.get("id_token")).claims, &OF_ID_TOKENS);
    assert_eq!(names, BTreeSet::from(["birthdate".to_owned()]));
    let entries = world.ledger(&person);
    let entries = of(&entries, TRUST, Channel::IdToken);
    assert_tells(entries[0], &names);
    assert_eq!(entries[0]["data_sets"], json!(["birth_date"]));
}

async fn r70_who_reads_a_signed_token_is_told_of_and_no_data_went(world: &World) {
    let person = world.person();
    let mut both = detail(&["phone"], "A survey", "repeated");
    both["locations"] = json!([LEDGER_URI]);
    let asked = asking(TOWN, &[both]).with("scope", "openid offline_access");
    let tokens = world.tokens(&asked, &person).await;
    let signed = jwt::verify(tokens.get("access_token"), &world.keys().await).claims;
    assert!(signed["authorization_details"].is_array(), "{signed}");
    let entries = world.ledger(&person);
    assert!(of(&entries, TOWN, Channel::AccessToken).is_empty(), "{entries:?}");
    let read = of(&entries, LEDGER, Channel::AccessToken);
    assert_eq!(read.len(), 1, "{entries:?}");
    assert_agreement(read[0], "A survey");
    world.refresh(TOWN, tokens.get("refresh_token")).await.granted();
    assert_eq!(of(&world.ledger(&person), LEDGER, Channel::AccessToken).len(), 2, "with the rotation");
}

async fn r70_what_a_law_lets_go_later_is_told_once_a_day(world: &World) {
    crate::support::wait::a_whole_day().await;
    let person = world.person();
    let asked = Asked::by(AGENCY).with("scope", "openid profile offline_access");
    let mut tokens = world.tokens(&asked, &person).await;
    world.userinfo(tokens.get("access_token")).await.granted();
    world.notices_of(&person, "data_released", 1).await;
    for _ in 0..2 {
        tokens = world.refresh(AGENCY, tokens.get("refresh_token")).await.granted();
        world.userinfo(tokens.get("access_token")).await.granted();
        let told = world.notices_of(&person, "data_released", 2).await;
        assert!(told.iter().all(|notice| notice["about"]["service"] == AGENCY), "{told:?}");
    }
    let entries = world.ledger(&person);
    let read = of(&entries, AGENCY, Channel::UserInfo);
    assert!(read.len() == 3 && read.iter().all(|entry| entry["basis"] == "statutory"), "{entries:?}");
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
    let mut both = detail(&["phone"], "A survey", "repeated");
    both["locations"] = json!([LEDGER_URI, TAX_URI]);
    let borough = world.tokens(&asking(BOROUGH, &[both]), &world.person()).await;
    let single = world.tokens(&asking(FUND, &[detail(&["phone"], "Once", "single")]), &world.person()).await;
    let code = code_of(&world.browser().sign_in(&world, &shop, &world.person()).await);
    let signed = code_of(&world.browser().sign_in(&world, &asking(CHARITY, &details), &world.person()).await);
    let device = world.device(RADIO, "openid profile").await.granted();
    world.browser().let_in(&world, device.get("user_code"), &world.person()).await;
    let applicant = world.person();
    let counter = world.asks_for(COUNTER, "openid profile phone", &applicant).await;
    let message = world.approval_message(&applicant).await;
    world.browser().decides(&message, "allow").await.expect("approval-done");
    let oneid = code_of(&world.browser().sign_in_at(&world, &link(&world, ONEID), &world.person()).await);

    world.change_database("ALTER TABLE ledger_entries RENAME TO ledger_gone").await;
    let introspect = async || {
        let token = [("token", borough.get("access_token"))];
        world.post_as(LEDGER, "/oidc/introspect", &token).await
    };
    let exchange = async || {
        let fields = [
            ("grant_type", "urn:ietf:params:oauth:grant-type:token-exchange"),
            ("subject_token", borough.get("access_token")),
            ("subject_token_type", "urn:ietf:params:oauth:token-type:access_token"),
            ("audience", TAX),
        ];
        world.post_as(LEDGER, "/oidc/token", &fields).await
    };
    assert_withheld(&world.redeem(SHOP, &code).await);
    assert_withheld(&world.redeem(CHARITY, &signed).await);
    assert_withheld(&world.oneid_redeem(ONEID, &oneid).await);
    assert_withheld(&world.refresh(SHOP, refreshable.get("refresh_token")).await);
    for tokens in [&fresh, &single] {
        assert_withheld(&world.userinfo(tokens.get("access_token")).await);
    }
    assert_withheld(&introspect().await);
    assert_withheld(&exchange().await);
    assert_withheld(&world.poll(RADIO, &device).await);
    assert_withheld(&world.polled(COUNTER, &counter).await);

    // Nothing was used up meanwhile.
    world.change_database("ALTER TABLE ledger_gone RENAME TO ledger_entries").await;
    world.redeem(SHOP, &code).await.granted();
    world.redeem(CHARITY, &signed).await.granted();
    world.oneid_redeem(ONEID, &oneid).await.granted();
    assert!(exchange().await.granted().body["authorization_details"].is_array());
    assert!(world.userinfo(fresh.get("access_token")).await.granted().body["name"].is_string());
    assert!(world.userinfo(single.get("access_token")).await.granted().body["phone_number"].is_string());
    assert!(introspect().await.granted().body["authorization_details"].is_array());
    // Whoever polls keeps to the interval.
    world.advance(6).await;
    world.poll(RADIO, &device).await.granted();
    world.polled(COUNTER, &counter).await.granted();
    // Later than a token is answered once more because its answer was lost.
    world.advance(150).await;
    world.refresh(SHOP, refreshable.get("refresh_token")).await.granted();
}

async fn r70_a_release_is_one_entry_however_often_and_wherever_it_is_read(setup: Setup) {
    let several = setup.backend == crate::support::Backend::Servers;
    let mut world = setup.start().await;
    let person = world.person();
    let asked = Asked::by(SHOP).with("scope", "openid profile offline_access");
    let tokens = world.tokens(&asked, &person).await;
    let next = world.refresh(SHOP, tokens.get("refresh_token")).await.granted();
    let buyer = world.person();
    let single = world.tokens(&asking(FUND, &[detail(&["phone"], "Once", "single")]), &buyer).await;
    for _ in 0..3 {
        world.userinfo(single.get("access_token")).await.granted();
    }
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
    // What may be read once was, however often it was asked for.
    crate::support::wait::until("the one reading to be counted", async || {
        let entries = world.ledger(&buyer);
        assert!(entries.len() == 1 && entries[0]["reads"].as_i64() < Some(2), "{entries:?}");
        (entries[0]["reads"] == 1).then_some(())
    })
    .await;
}
