//! Institutions and contracts (R99, R104): a client gets no more than its contract in force allows, at every node at once.

use serde_json::{Value, json};
use time::{Duration, OffsetDateTime};
use yagona::audit::Kind;

use crate::support::client_file::client;
use crate::support::wait::until;
use crate::support::{
    Asked, Backend, Page, Setup, Step, Tokens, World, alone_on_both_backends, code_of, param,
};

mod back_office;
mod ends;
mod people;
mod quotas;
mod under_way;

alone_on_both_backends!(
    r104_what_a_contract_takes_away_is_gone_at_once_and_consents_that_rested_on_it_end,
    r104_what_is_wrong_with_a_file_is_said_and_nothing_is_stored,
    r104_what_a_registration_says_beyond_its_contract_is_refused,
);

/// The identifier of the client, and of its contract.
pub(crate) const STORE: &str = "store";
const CONTRACT: &str = "store-2026";

const DATA: &str = "data_sets = [{ name = \"name\", required = true }, { name = \"phone\" }, { name = \"address\" }]\n\
                    grant_types = [\"authorization_code\", \"refresh_token\"]\n";
const ALL: &str = "openid profile phone address offline_access";

/// The institution of the tests.
pub(crate) const INSTITUTION: &str = r#"
[[institutions]]
id = "store-llc"
kind = "business"
tin = "301234567"
contacts = ["+998 71 200 00 00"]
name = { uz-Latn = "«Store» MChJ", uz-Cyrl = "«Store» МЧЖ", ru = "ООО «Store»", en = "Store LLC" }
"#;

/// A contract with these members besides the usual ones.
pub(crate) fn contract(id: &str, members: &str) -> String {
    let from = if members.contains("from = ") { "" } else { "from = \"2020-01-01\"\n" };
    let sets =
        if members.contains("data_sets") { "" } else { "data_sets = [\"name\", \"phone\", \"address\"]\n" };
    format!(
        "[[contracts]]\nid = \"{id}\"\ninstitution = \"store-llc\"\n{from}{sets}\
         reference = {{ uz-Latn = \"12-son shartnoma\", uz-Cyrl = \"12-сон шартнома\", ru = \"договор № 12\", \
         en = \"agreement 12 of 1 May 2026\" }}\n{members}\n"
    )
}

/// A day of Tashkent, so many days from today.
pub(crate) fn day(from_now: i64) -> String {
    let day = (OffsetDateTime::now_utc() + Duration::hours(5) + Duration::days(from_now)).date();
    format!("{:04}-{:02}-{:02}", day.year(), u8::from(day.month()), day.day())
}

impl World {
    /// Imports a file by a command, which must succeed.
    pub(crate) fn import(&self, subject: &str, text: &str) -> String {
        let file = self.folder.file("imported.toml");
        std::fs::write(&file, text).expect("a file");
        self.command(&[subject, "import", &file.display().to_string()])
    }

    /// As [`World::import`], which must fail; what it says.
    fn cannot_import(&self, subject: &str, text: &str) -> String {
        let file = self.folder.file("imported.toml");
        std::fs::write(&file, text).expect("a file");
        let done = self.try_command(&[subject, "import", &file.display().to_string()]);
        assert!(!done.status.success(), "{text}");
        String::from_utf8(done.stderr).expect("text")
    }

    /// Waits until a client of the tests gets tokens for itself or does not: whatever a change of contracts is waited for by.
    pub(crate) async fn until_shut(&self, suspension: bool) {
        until("the contract", async || (self.answer().await == suspension).then_some(())).await;
    }

    /// Whether the store is told that its contract is not in force.
    async fn answer(&self) -> bool {
        let answer = self.post_as(STORE, "/oidc/introspect", &[("token", "x")]).await;
        answer.status == 400 && answer.body["error"] == "unauthorized_client"
    }
}

/// A provider with the institution, a contract with `members`, and the client under it.
pub(crate) async fn with_contract(setup: Setup, members: &str) -> World {
    let world = setup.start().await;
    world.import("contract", &format!("{INSTITUTION}{}", contract(CONTRACT, members)));
    world.import("client", &client(STORE, &format!("{DATA}contract = \"{CONTRACT}\"\n")));
    until("the client", async || {
        let answer = world.post_as(STORE, "/oidc/introspect", &[("token", "x")]).await;
        (answer.status == 200).then_some(())
    })
    .await;
    world
}

/// The page for a person who comes to a client that is suspended: it names the service and whom to call.
pub(crate) async fn shut_page(world: &World) -> Page {
    let page = world.browser().begin(world, &Asked::by(STORE)).await.page();
    let page = page.expect_status(403).expect("error").expect("note");
    let text = page.text();
    assert!(text.contains("not connected at present") && text.contains("Store"), "{text}");
    page
}

fn data_of(told: &Tokens) -> Vec<&str> {
    let names = ["given_name", "phone_number", "address"];
    names.into_iter().filter(|name| told.body.get(name).is_some()).collect()
}

async fn r104_what_a_contract_takes_away_is_gone_at_once_and_consents_that_rested_on_it_end(setup: Setup) {
    let world = with_contract(setup, "").await;
    let (person, less) = (world.person(), world.person());
    let asked = Asked::by(STORE).with("scope", ALL);
    let mut browser = world.browser();
    let page = browser.begin_with_number(&world, &asked, &person).await;
    let code = world.sandbox.next_code(&person).await;
    let page = browser.enter_code(&page, &code).await.page().expect("allow");
    assert!(page.text().contains("agreement 12 of 1 May 2026"), "the page names the contract: {page}");
    let code = code_of(&browser.allow_everything(&page).await.away());
    let tokens = world.redeem(STORE, &code).await.granted();
    let told = world.userinfo(tokens.get("access_token")).await.granted();
    assert_eq!(data_of(&told), ["given_name", "phone_number", "address"], "{}", told.body);
    let narrow = world.tokens(&asked.clone().with("scope", "openid profile phone"), &less).await;

    // The address is taken away: what was agreed to with it ends, and nothing else.
    world.import("contract", &contract(CONTRACT, "data_sets = [\"name\", \"phone\"]\n"));
    until("the end of the consent", async || {
        (world.userinfo(tokens.get("access_token")).await.status == 401).then_some(())
    })
    .await;
    world.refresh(STORE, tokens.get("refresh_token")).await.refused(400, "invalid_grant");
    assert_eq!(
        data_of(&world.userinfo(narrow.get("access_token")).await.granted()),
        ["given_name", "phone_number"]
    );
    // By the command or by the node, whichever was first.
    let cleared = until("the event", async || {
        let rows = world.audit_rows().await;
        rows.into_iter().find(|row| row.event == Kind::ContractCleared.name())
    })
    .await;
    assert_eq!((&cleared.content["contract.id"], &cleared.content["count"]), (&json!(CONTRACT), &json!(1)));
    world.until_audited(Kind::ConsentEnded, "reason", "contract").await;
    let rows = world.audit_rows().await;
    let ended: Vec<_> = rows.iter().filter(|row| row.event == Kind::ConsentEnded.name()).collect();
    assert_eq!(ended.len(), 1);
    assert_eq!(
        (&ended[0].content["reason"], &ended[0].content["contract.id"]),
        (&json!("contract"), &json!(CONTRACT))
    );

    // What is asked beyond it is refused before anybody is bothered, and where part of it is allowed, that part is asked for.
    let url = world.browser().begin(&world, &asked).await.away();
    assert_eq!(param(&url, "error").as_deref(), Some("invalid_scope"), "{url}");
    assert!(param(&url, "error_description").expect("why").contains("contract"), "{url}");
    world.push(&asked).await.refused(400, "invalid_scope");
    let (mut browser, allowed) = (world.browser(), asked.clone().with("scope", "openid profile phone"));
    code_of(&browser.sign_in(&world, &allowed, &person).await);

    // Another contract is asked for again, and the page says so.
    world.import("contract", &contract("store-2027", "data_sets = [\"name\", \"phone\"]\n"));
    world.import(
        "client",
        &client(
            STORE,
            &DATA
                .replace(", { name = \"address\" }", "")
                .replace("grant_types", "contract = \"store-2027\"\ngrant_types"),
        ),
    );
    // Its registration has no address any more, so that scope is none that was taken away.
    let address = Asked::by(STORE).with("scope", "openid address");
    until("the other contract", async || match world.browser().begin(&world, &address).await {
        Step::Page(page) => page.has("phone").then_some(()),
        Step::Away(_) => None,
    })
    .await;
    let mut browser = world.browser();
    let page = browser.begin_with_number(&world, &allowed, &person).await;
    let code = world.sandbox.next_code(&person).await;
    let page = browser.enter_code(&page, &code).await.page().expect("allow").expect("changes");
    assert!(page.text().contains("another contract"), "{page}");

    // What lists and the doctor tell.
    let listed: Value =
        serde_json::from_str(&world.command(&["contract", "list", "--format", "json"])).expect("JSON");
    assert_eq!(listed["contracts"][1]["clients"], json!([STORE]), "{listed}");
    let shown = world.command(&["contract", "show", CONTRACT, "--history"]);
    assert!(shown.contains("Version 2") && shown.contains("Version 1"), "{shown}");
    let whole = world.command(&["contract", "export"]);
    assert!(world.import("contract", &whole).contains("as it was"), "{whole}");
}

async fn r104_what_is_wrong_with_a_file_is_said_and_nothing_is_stored(setup: Setup) {
    let world = setup.start().await;
    let file = |institution: &str, contracts: &str| format!("{institution}{contracts}");
    let right = contract("good", "");
    for (text, said) in [
        (file(&INSTITUTION.replace("301234567", "12345"), ""), "tin: nine digits"),
        (file(&INSTITUTION.replace("business", "church"), ""), "unknown variant `church`"),
        (file(&INSTITUTION.replace(", en = \"Store LLC\"", ""), ""), "missing field `en`"),
        (file(INSTITUTION, &(right.clone() + &right)), "id: it is in the file twice"),
        (file("", &right), "institution: there is no such institution"),
        (file(INSTITUTION, &(right.clone() + &contract("bad", "colour = \"red\"\n"))), "colour"),
        (file(INSTITUTION, &(right.clone() + &contract("bad", "until = \"2019-01-01\"\n"))), "until: "),
        (file(INSTITUTION, &contract("bad", "from = \"1 May\"\n")), "from = \"1 May\""),
        (file(INSTITUTION, &contract("bad", "data_sets = [\"shoe_size\"]\n")), "shoe_size"),
        (
            file(INSTITUTION, &contract("bad", "basis = \"statutory\"\n")),
            "basis: `statutory` is for state bodies",
        ),
        (file(INSTITUTION, &contract("bad", "payment = \"free\"\n")), "payment: `free` is for state bodies"),
        (file(INSTITUTION, &contract("bad", "minimum_age = 0\n")), "minimum_age: 1 to 100"),
        (file(INSTITUTION, &contract("bad", "releases_per_day = 0\n")), "releases_per_day: "),
        (file(INSTITUTION, &contract("bad", "allows = [\"everything\"]\n")), "everything"),
        (file(INSTITUTION, &contract("sandbox", "")), "id: the sandbox has a contract of that name"),
        (String::new(), "there is nothing in it"),
    ] {
        let why = world.cannot_import("contract", &text);
        assert!(why.contains(said), "{said}: {why}");
    }
    let why = world.cannot_import("contract", &format!("{INSTITUTION}\n[[contracts]]\nid = 5\n"));
    assert!(why.contains("line ") && why.contains("imported.toml"), "{why}");
    let count = "SELECT CAST(COUNT(*) AS BIGINT) FROM contracts";
    assert_eq!(
        (world.stored(count).await, world.command(&["institution", "list"]).contains("store-llc")),
        (0, false)
    );
    let institution = INSTITUTION.to_owned() + &right;
    assert!(world.cannot_import("institution", &institution).contains("contract import"));

    // An institution stays what its contracts rest on.
    let state = INSTITUTION
        .replace("store-llc", "office")
        .replace("business", "state")
        .replace("301234567", "201234567");
    let article = "basis = \"statutory\"\narticle = { uz-Latn = \"5\", uz-Cyrl = \"5\", ru = \"5\", en = \"Article 5\" }\n";
    world.import("contract", &(state.clone() + &contract("lawful", article).replace("store-llc", "office")));
    let why = world.cannot_import("institution", &state.replace("\"state\"", "\"ngo\""));
    assert!(why.contains("its contract `lawful` would be wrong: basis: "), "{why}");

    // By flags as well.
    let name = ["--name-latin", "A", "--name-cyrillic", "А", "--name-ru", "А", "--name-en", "A"];
    let add = ["institution", "add", "--id", "bank", "--kind", "bank", "--tin", "301234568"];
    world.command(&[&add[..], &name].concat());
    let reference =
        ["--reference-latin", "1", "--reference-cyrillic", "1", "--reference-ru", "1", "--reference-en", "1"];
    let add = [
        "contract",
        "add",
        "--id",
        "bank",
        "--institution",
        "bank",
        "--data-set",
        "name",
        "--from",
        "2026-01-01",
    ];
    world.command(&[&add[..], &reference].concat());
    assert!(!world.try_command(&[&add[..], &reference].concat()).status.success(), "it exists");
    assert!(world.command(&["institution", "show", "bank"]).contains("301234568"));
}

async fn r104_what_a_registration_says_beyond_its_contract_is_refused(setup: Setup) {
    let world = setup.start().await;
    world.import("contract", &format!("{INSTITUTION}{}", contract("good", "data_sets = [\"name\"]\npurposes = [{ uz-Latn = \"A\", uz-Cyrl = \"А\", ru = \"Б\", en = \"To serve you\" }]\n")));
    let more = |members: &str| client("beyond", &format!("contract = \"good\"\n{members}"));
    let name_only = "data_sets = [{ name = \"name\" }]\n";
    for (members, said) in [
        ("", "data_sets: the contract `good` does not allow birth_date, sex, phone, address"),
        (&format!("{name_only}permission = \"click\"\n"), "permission: the contract `good`"),
        (
            &format!("{name_only}kind = \"state\"\nbasis = \"statutory\"\nbasis_reference = \"Law 1\"\n"),
            "basis: the contract `good`",
        ),
        (
            &format!("{name_only}grant_types = [\"urn:openid:params:grant-type:ciba\"]\n"),
            "grant_types: the contract `good`",
        ),
    ] {
        let why = world.cannot_import("client", &more(members));
        assert!(why.contains(said), "{said}: {why}");
    }
    let why = world.cannot_import("client", &more(name_only).replace("To serve you", "To sell"));
    assert!(why.contains("purpose: the contract `good` has other purposes"), "{why}");
    let why = world.cannot_import("client", &more(name_only).replace("\"good\"", "\"nothing\""));
    assert!(why.contains("contract: there is no contract `nothing`"), "{why}");
    let why = world.cannot_import("client", &more(&format!("{name_only}first_party = true\n")));
    assert!(why.contains("first_party: "), "{why}");
    world.import("client", &more(name_only));

    // A purpose of a detail is one of the contract's.
    world.import("client", &more(&format!("{name_only}authorization_details_types = [\"personal_data\"]\n")));
    let detail = |purpose: &str| json!([{"type": "personal_data", "data_sets": ["name"], "purpose": purpose, "use": "single"}]);
    let asking = |purpose: &str| {
        Asked::by("beyond").with("scope", "openid").and("authorization_details", &detail(purpose).to_string())
    };
    until("the registration", async || match world.browser().begin(&world, &asking("To serve you")).await {
        Step::Page(page) => page.has("phone").then_some(()),
        Step::Away(_) => None,
    })
    .await;
    let url = world.browser().begin(&world, &asking("To sell")).await.away();
    assert_eq!(param(&url, "error").as_deref(), Some("invalid_authorization_details"), "{url}");
    assert!(param(&url, "error_description").expect("why").contains("contract"), "{url}");
}
