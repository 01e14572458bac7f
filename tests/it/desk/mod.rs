//! The desk: how members of staff get in, what each may see and do, and what stops them. `enrolment.rs` and `accounts.rs` have what they do
//! for people, `invoices.rs` how money is given back, `nodes.rs` and `kills.rs` what happens between two nodes and when one is killed.

mod accounts;
mod enrolment;
mod invoices;
mod kills;
mod nodes;

use reqwest::Method;
use serde_json::Value;

use crate::support::authenticator::Authenticator;
use crate::support::html::TICKED;
use crate::support::people::Kind;
use crate::support::{Browser, Page, Setup, World, alone_on_both_backends, on_both_backends};

on_both_backends!(
    a_link_makes_one_passkey_and_the_passkey_signs_in,
    what_a_passkey_signed_is_taken_once_and_at_its_own_browser,
    a_copy_of_an_authenticator_and_one_that_verified_nobody_are_refused,
    a_form_without_its_token_or_of_another_site_changes_nothing,
    each_role_has_its_own_pages_and_the_others_are_not_there,
    an_administrator_gives_links_to_their_own_place_and_a_passkey_can_be_taken_away,
    own_records_and_relatives_are_refused_and_that_is_recorded,
    r45_every_wrong_entry_is_told_at_its_field_and_keeps_what_was_typed,
    r107_a_post_office_has_no_form_for_mobile_id,
    r92_a_complaint_is_written_down_listed_and_answered,
    r92_nobody_answers_a_complaint_about_themselves,
);
alone_on_both_backends!(
    a_session_ends_by_silence_by_age_and_with_the_member,
    a_page_that_asks_again_by_itself_keeps_no_session_in_use,
    whoever_reads_many_records_is_stopped,
    unusual_volume_waits_for_the_passkey_of_another_supervisor,
);

/// A member of staff at their browser.
pub(crate) struct Member {
    pub id: String,
    pub browser: Browser,
    pub key: Authenticator,
}

impl World {
    /// Opens a place; returns its name.
    pub(crate) fn open_place(&self, kind: &str) -> String {
        let id = format!("place-{}", self.somebody(Kind::Unknown).number);
        let mut command = vec!["place", "add", "--id", &id, "--kind", kind, "--region", "Toshkent shahri"];
        command.extend(["--name-latin", "Markaz", "--name-cyrillic", "Марказ"]);
        command.extend(["--name-ru", "Центр", "--name-en", "The centre"]);
        self.command(&command);
        id
    }

    /// Adds a member with that PINFL; returns their name.
    pub(crate) fn add_staff(&self, place: &str, role: &str, pinfl: &str, relative: Option<&str>) -> String {
        let mut command = vec!["staff", "add", "--place", place, "--role", role, "--name", "Oysha Karimova"];
        command.extend(["--pinfl", pinfl, "--sworn-on", "2026-01-15", "--format", "json"]);
        command.extend(relative.iter().flat_map(|relative| ["--relative", relative]));
        let said: Value = serde_json::from_str(&self.command(&command)).expect("JSON");
        said["staff"].as_str().expect("a member").to_owned()
    }

    /// The page that a new link for a passkey leads to, as a path.
    fn passkey_link(&self, member: &str) -> String {
        let said = self.command(&["staff", "link", member, "--format", "json"]);
        let said: Value = serde_json::from_str(&said).expect("JSON");
        let url: url::Url = said["url"].as_str().expect("a URL").parse().expect("a URL");
        format!("{}?{}", url.path(), url.query().expect("a link"))
    }

    /// A member of a place with a passkey, who is signed in.
    pub(crate) async fn staff(&self, place: &str, role: &str) -> Member {
        let pinfl = self.somebody(Kind::Unknown).pinfl;
        let id = self.add_staff(place, role, &pinfl, None);
        self.with_passkey(id).await
    }

    /// That member, with a passkey and signed in.
    async fn with_passkey(&self, id: String) -> Member {
        let mut browser = self.browser();
        let mut key = Authenticator::new(&browser);
        let page = browser.open(&self.passkey_link(&id)).await.page().expect("use-passkey");
        key.answer(&mut browser, &page).await.page().expect_status(200).expect("made");
        let mut member = Member { id, browser, key };
        member.sign_in().await;
        member
    }
}

impl Member {
    /// Signs in from the page of the desk on.
    pub(crate) async fn sign_in(&mut self) -> Page {
        let page = self.browser.open("/desk").await.page().expect("use-passkey");
        self.key.answer(&mut self.browser, &page).await.page().expect_status(200).expect("menu")
    }

    /// Signs in anew where the session is over.
    pub(crate) async fn comes_back(&mut self) {
        let page = self.browser.open("/desk").await.page();
        if page.has("use-passkey") {
            self.key.answer(&mut self.browser, &page).await.page().expect_status(200).expect("menu");
        }
    }

    /// Opens a page that must be shown.
    pub(crate) async fn at(&mut self, path: &str) -> Page {
        self.browser.open(path).await.page().expect_status(200)
    }

    /// Opens a page; where the passkey is asked for once more, uses it.
    pub(crate) async fn proved_at(&mut self, path: &str) -> Page {
        let page = self.browser.open(path).await.page();
        if page.has("passkey") { self.key.answer(&mut self.browser, &page).await.page() } else { page }
    }

    /// Uses the passkey once more.
    pub(crate) async fn prove(&mut self) {
        let page = self.at("/desk/prove?then=%2Fdesk%2Fpasskeys").await;
        self.key.answer(&mut self.browser, &page).await.page().expect_status(200).expect("said");
    }
}

async fn a_link_makes_one_passkey_and_the_passkey_signs_in(world: &World) {
    let place = world.open_place("service_centre");
    let id = world.add_staff(&place, "operator", &world.somebody(Kind::Unknown).pinfl, None);
    let former = world.passkey_link(&id);
    let link = world.passkey_link(&id);
    let mut browser = world.browser();
    // A newer link ends the former one.
    browser.open(&former).await.page().expect_status(410).expect("gone");
    let page = browser.open(&link).await.page().expect("use-passkey");
    assert!(page.text().contains("Oysha Karimova"), "{page}");
    let asked = Authenticator::asked(&page);
    assert_eq!(asked["rp"], "localhost");
    let mut key = Authenticator::new(&browser);
    key.answer(&mut browser, &page).await.page().expect_status(200).expect("made");
    browser.open(&link).await.page().expect_status(410).expect("gone");
    // Who was not signed in comes back to the page that they wanted.
    let page = browser.open("/desk/passkeys").await.page().expect("use-passkey");
    let page = key.answer(&mut browser, &page).await.page().expect_status(200).expect("menu");
    assert_eq!(page.url, world.url("/desk/passkeys"));
    assert!(page.text().contains("The centre"), "{page}");
    assert!(page.header("cache-control").contains("no-store"));
    browser.press(&page, "sign-out", &[]).await.page().expect("use-passkey");
    browser.open("/desk").await.page().expect("use-passkey");
    // Neither a session of a person nor a number is a way in.
    let mut person = world.browser();
    person.enter_cabinet(world, "/cabinet", &world.person()).await;
    person.open("/desk").await.page().expect("use-passkey");
    browser.open("/desk/passkey?link=nothing").await.page().expect_status(410).expect("gone");
}

async fn what_a_passkey_signed_is_taken_once_and_at_its_own_browser(world: &World) {
    let place = world.open_place("service_centre");
    let mut member = world.staff(&place, "operator").await;
    let mut browser = world.browser();
    let page = browser.open("/desk").await.page().expect("use-passkey");
    let signed = member.key.sign(&Authenticator::asked(&page));
    let signed: Vec<(&str, &str)> = signed.iter().map(|(name, value)| (*name, value.as_str())).collect();
    // Another browser cannot be signed in by it, and it is used up by the try.
    let mut other = world.browser();
    let theirs = other.open("/desk").await.page();
    other.press(&theirs, "use-passkey", &signed).await.page().expect_status(422).expect("error");
    browser.press(&page, "use-passkey", &signed).await.page().expect_status(422).expect("error");
    let page = browser.open("/desk").await.page().expect("use-passkey");
    let signed = member.key.sign(&Authenticator::asked(&page));
    let signed: Vec<(&str, &str)> = signed.iter().map(|(name, value)| (*name, value.as_str())).collect();
    browser.press(&page, "use-passkey", &signed).await.page().expect_status(200).expect("menu");
    browser.press(&page, "use-passkey", &signed).await.page().expect_status(422).expect("error");
    // A page of somebody else's.
    let page = other.open("/desk").await.page();
    member.key.origin = "https://evil.uz".to_owned();
    member.key.answer(&mut other, &page).await.page().expect_status(422).expect("error");
}

async fn a_copy_of_an_authenticator_and_one_that_verified_nobody_are_refused(world: &World) {
    let place = world.open_place("service_centre");
    let mut member = world.staff(&place, "operator").await;
    let mut browser = world.browser();
    let page = browser.open("/desk").await.page();
    member.key.counter = 0;
    member.key.answer(&mut browser, &page).await.page().expect_status(422).expect("error");
    member.key.counter = 50;
    member.key.flags = 0x01;
    let page = browser.open("/desk").await.page();
    member.key.answer(&mut browser, &page).await.page().expect_status(422).expect("error");
    member.key.flags = 0x05;
    let page = browser.open("/desk").await.page();
    member.key.answer(&mut browser, &page).await.page().expect_status(200).expect("menu");
}

async fn a_form_without_its_token_or_of_another_site_changes_nothing(world: &World) {
    let place = world.open_place("service_centre");
    let mut member = world.staff(&place, "operator").await;
    let url = world.url("/desk/complaints");
    let fields: Vec<(String, String)> = [("about", "staff"), ("note", "No."), ("contact", "Ali")]
        .map(|(a, b)| (a.to_owned(), b.to_owned()))
        .into();
    let said = member.browser.post(&url, &fields).await.page().expect("said");
    assert!(said.text().contains("Nothing was changed"), "{said}");
    let request = member.browser.request(Method::POST, &url);
    let request = request.header("Origin", "https://evil.uz").header("Sec-Fetch-Site", "cross-site");
    let posted = request.form(&fields).send().await.expect("an answer");
    assert_eq!(posted.status().as_u16(), 400);
    let listed = world.command(&["staff", "complaints", "list"]);
    assert!(!listed.contains(&place), "{listed}");
}

async fn each_role_has_its_own_pages_and_the_others_are_not_there(world: &World) {
    let place = world.open_place("service_centre");
    for (role, seen, not) in [
        (
            "operator",
            &["/desk", "/desk/applications/new", "/desk/complaints"][..],
            &["/desk/holds", "/desk/actions", "/desk/team"][..],
        ),
        ("supervisor", &["/desk", "/desk/holds", "/desk/actions"], &["/desk/team"]),
        (
            "administrator",
            &["/desk/team", "/desk/passkeys"],
            &["/desk/applications/new", "/desk/actions", "/desk/complaints"],
        ),
    ] {
        let mut member = world.staff(&place, role).await;
        for path in seen {
            member.at(path).await.expect("menu");
        }
        for path in not {
            member.browser.open(path).await.page().expect_status(404);
        }
    }
    let actions = world.command(&["staff", "actions", "--place", &place, "--format", "json"]);
    let actions: Value = serde_json::from_str(&actions).expect("JSON");
    let actions = actions["actions"].as_array().expect("actions");
    assert!(actions.iter().all(|one| one["intact"] == true && one["place"] == place.as_str()), "{actions:?}");
    for what in ["passkey_made", "signed_in", "list_read", "actions_read"] {
        assert!(actions.iter().any(|one| one["what"] == what), "{what}: {actions:?}");
    }
}

async fn an_administrator_gives_links_to_their_own_place_and_a_passkey_can_be_taken_away(world: &World) {
    let place = world.open_place("service_centre");
    let mut operator = world.staff(&place, "operator").await;
    let mut administrator = world.staff(&place, "administrator").await;
    // Whoever has no passkey yet gets a link by one person.
    let newcomer = world.add_staff(&place, "operator", &world.somebody(Kind::Unknown).pinfl, None);
    let page = administrator.proved_at("/desk/team").await;
    administrator.browser.press(&page, &format!("link-{newcomer}"), &[]).await.page().expect("link");
    // Whoever has one can be impersonated by another: a second person confirms it.
    let button = format!("link-{}", operator.id);
    assert!(!page.has(&button), "{page}");
    let ask = format!("ask-{}", operator.id);
    let asked = administrator.browser.press(&page, &ask, &[]).await.page().expect("said");
    let asked = asked.expect(&format!("waits-{}", operator.id));
    assert!(!asked.has("link"), "{asked}");
    // Pressed again it is asked for again, and not given.
    let again = administrator.browser.press(&page, &ask, &[]).await.page();
    assert!(!again.has("link"), "{again}");
    let request = "SELECT request_id FROM staff_link_requests WHERE ended_at IS NULL AND staff_id = $1";
    let request = world.stored_text(request, &operator.id).await;
    let confirm = |token: &Page| {
        let token =
            token.form("sign-out").fields("sign-out", &[]).into_iter().find(|(name, _)| name == "form");
        vec![token.expect("a token"), ("request".to_owned(), request.clone())]
    };
    let url = world.url("/desk/team/confirm");
    // Nobody confirms their own request, nor what is asked for elsewhere, nor without the right for it.
    administrator.prove().await;
    administrator.browser.post(&url, &confirm(&again)).await.page().expect("said");
    let mut abroad = world.staff(&world.open_place("service_centre"), "supervisor").await;
    let theirs = abroad.at("/desk/holds").await;
    abroad.browser.post(&url, &confirm(&theirs)).await.page().expect("said");
    let theirs = operator.at("/desk").await;
    operator.browser.post(&url, &confirm(&theirs)).await.page().expect_status(404);
    let still = administrator.at("/desk/team").await.expect(&format!("waits-{}", operator.id));
    assert!(!still.has(&button), "{still}");
    let mut supervisor = world.staff(&place, "supervisor").await;
    supervisor.prove().await;
    let waiting = supervisor.at("/desk/holds").await;
    let done =
        supervisor.browser.press(&waiting, &format!("confirm-{request}"), &[]).await.page().expect("said");
    assert!(done.text().contains("The link is confirmed"), "{done}");
    administrator.prove().await;
    let page = administrator.at("/desk/team").await.expect(&button);
    let given = administrator.browser.press(&page, &button, &[]).await.page().expect("link");
    // It is given once.
    let again = administrator.browser.press(&page, &button, &[]).await.page();
    assert!(!again.has("link"), "{again}");
    let listed = world.command(&["staff", "actions", "--place", &place]);
    assert!(listed.contains("link_asked") && listed.contains("link_confirmed"), "{listed}");
    let link =
        given.text().split_whitespace().find(|word| word.contains("?link=")).expect("a link").to_owned();
    let link: url::Url = link.parse().expect("a URL");
    let page = operator.browser.get(&link).await.page().expect("use-passkey");
    let mut second = Authenticator::new(&operator.browser);
    second.answer(&mut operator.browser, &page).await.page().expect("made");
    // One of another place is nobody of theirs.
    let elsewhere = world.staff(&world.open_place("notary_office"), "operator").await;
    let page = administrator.at("/desk/team").await;
    let button = format!("link-{newcomer}");
    let mut fields = page.form(&button).fields(&button, &[]);
    fields.iter_mut().filter(|(name, _)| name == "staff").for_each(|(_, id)| elsewhere.id.clone_into(id));
    administrator.browser.post(&world.url("/desk/team"), &fields).await.page().expect_status(404);
    // The first passkey is taken away: its session ends, and it opens nothing.
    let listed = world.command(&["staff", "passkeys", &operator.id, "--format", "json"]);
    let listed: Value = serde_json::from_str(&listed).expect("JSON");
    assert_eq!(listed["passkeys"].as_array().map(Vec::len), Some(2));
    let first = operator.key.credential();
    world.command(&["staff", "passkeys", &operator.id, "--remove", &first]);
    let page = operator.browser.open("/desk").await.page().expect("use-passkey");
    operator.key.answer(&mut operator.browser, &page).await.page().expect_status(422);
    let page = operator.browser.open("/desk").await.page();
    second.answer(&mut operator.browser, &page).await.page().expect_status(200).expect("menu");
}

/// The reference of the application that a page shows.
pub(crate) fn reference_of(page: &Page) -> String {
    let id = page.url.path().rsplit('/').next().expect("an identifier");
    yagona::mobile_id::IdentificationId::parse(id).expect("an identifier").reference().to_string()
}

/// The form of annex 2, as it may be filled in.
pub(crate) fn form<'a>(number: &'a str, pinfl: &'a str) -> Vec<(&'a str, &'a str)> {
    vec![
        ("category", "citizen"),
        ("document", "id_card"),
        ("language", "en"),
        ("surname", "Valiyev"),
        ("name", "Ali"),
        ("patronymic", "Karimovich"),
        ("number", number),
        ("pinfl", pinfl),
        ("document_number", "AD1234567"),
    ]
}

async fn own_records_and_relatives_are_refused_and_that_is_recorded(world: &World) {
    let place = world.open_place("service_centre");
    let (own, relative) = (world.somebody(Kind::Unknown), world.somebody(Kind::Unknown));
    let id = world.add_staff(&place, "operator", &own.pinfl, Some(&relative.pinfl));
    let mut member = world.with_passkey(id.clone()).await;
    let page = member.at("/desk/applications/new").await;
    for person in [&own, &relative] {
        let typed = form(&person.number, &person.pinfl);
        let answered = member.browser.press(&page, "continue", &typed).await.page();
        answered.expect_status(422).expect("close");
    }
    let list = member.at("/desk").await;
    assert!(list.has("empty"), "nothing was opened: {list}");
    let refused = world.until_audited(yagona::audit::Kind::StaffRefused, "staff.id", &id).await;
    assert_eq!(refused["reason"], "own_or_relative");
}

async fn r45_every_wrong_entry_is_told_at_its_field_and_keeps_what_was_typed(world: &World) {
    let place = world.open_place("service_centre");
    let mut member = world.staff(&place, "operator").await;
    let page = member.at("/desk/applications/new").await;
    let person = world.somebody(Kind::Unknown);
    let good = form(&person.number, &person.pinfl);
    for (field, typed) in [
        ("surname", ""),
        ("name", "Al1"),
        ("number", "+7 900 123 45 67"),
        ("pinfl", "30101902040016"),
        ("pinfl", "123"),
        ("category", ""),
        ("document", "national_passport"),
        ("document_number", "1234"),
    ] {
        let mut entries = good.clone();
        entries.iter_mut().filter(|(name, _)| *name == field).for_each(|(_, value)| *value = typed);
        let answered = member.browser.press(&page, "continue", &entries).await.page().expect_status(422);
        assert!(answered.has(&format!("{field}-error")), "{field} {typed}: {answered}");
        assert!(answered.has("error"), "{answered}");
        for (name, value) in entries.iter().filter(|(name, _)| *name != "language") {
            let form = answered.form("continue").fields("continue", &[]);
            let kept = form.iter().find(|(given, _)| given == name).map(|(_, value)| value.as_str());
            assert_eq!(kept, Some(*value), "{name} after {field}");
        }
    }
    assert!(member.at("/desk").await.has("empty"));
    let nothing = member.browser.press(&page, "continue", &[]).await.page().expect_status(422);
    assert_eq!(nothing.body.matches("class=\"field-error\"").count(), 7, "{nothing}");
}

async fn r107_a_post_office_has_no_form_for_mobile_id(world: &World) {
    let place = world.open_place("post_office");
    let mut member = world.staff(&place, "operator").await;
    let list = member.at("/desk").await.expect("accounts-only").expect("account");
    assert!(!list.has("new") && !list.has("find"), "{list}");
    for page in ["/desk/applications/new", "/desk/revoke", "/desk/find?reference=ABCD-EFGH"] {
        member.browser.open(page).await.page().expect_status(404);
    }
}

async fn r92_a_complaint_is_written_down_listed_and_answered(world: &World) {
    let place = world.open_place("service_centre");
    let mut operator = world.staff(&place, "operator").await;
    let page = operator.at("/desk/complaints?reference=ABCD-EFGH").await;
    let missing = operator.browser.press(&page, "complain", &[("note", "They said no.")]).await.page();
    assert!(missing.clone().expect_status(422).expect("error").body.contains("They said no."), "{missing}");
    let typed = [("note", "They said no."), ("contact", "Ali, +998 90 123 45 67")];
    let opened = operator.browser.press(&page, "complain", &typed).await.page().expect("opened");
    let mut supervisor = world.staff(&place, "supervisor").await;
    let listed = supervisor.at("/desk/complaints").await;
    assert!(listed.text().contains("They said no.") && listed.text().contains("ABCD-EFGH"), "{listed}");
    let number = listed.forms().into_iter().find(|form| form.action.ends_with("/answer")).expect("a form");
    let number = number.fields("", &[]).into_iter().find(|(name, _)| name == "number").expect("it").1;
    assert!(opened.text().contains(&number), "{opened}");
    let button = format!("answer-now-{number}");
    let said = supervisor.browser.press(&listed, &button, &[("answer", "We looked.")]).await.page();
    assert!(said.clone().expect("said").text().contains("We looked."), "{said}");
    // It is answered once, and no other place sees it.
    let again = supervisor.browser.press(&listed, &button, &[("answer", "No.")]).await.page();
    assert!(!again.text().contains("No."), "{again}");
    let mut elsewhere = world.staff(&world.open_place("notary_office"), "supervisor").await;
    assert!(elsewhere.at("/desk/complaints").await.has("empty"));
    let told = world.command(&["staff", "complaints", "list", "--all"]);
    assert!(told.contains(&number) && told.contains("answered"), "{told}");
    // An operator of the provider opens and answers one as well.
    let open = ["staff", "complaints", "open", "--place", &place, "--about", "staff", "--note", "Rude."];
    let said = world.command(&[&open[..], &["--contact", "by letter"]].concat());
    let number = said.split_whitespace().nth(2).expect("a number").to_owned();
    world.command(&["staff", "complaints", "answer", &number, "--answer", "We are sorry."]);
    assert!(
        !world
            .try_command(&["staff", "complaints", "answer", &number, "--answer", "Again."])
            .status
            .success()
    );
}

async fn r92_nobody_answers_a_complaint_about_themselves(world: &World) {
    let place = world.open_place("service_centre");
    let (mut one, mut other) =
        (world.staff(&place, "supervisor").await, world.staff(&place, "supervisor").await);
    // About a member, by name.
    let page = other.at("/desk/complaints").await;
    let typed = [("about", "staff"), ("staff", one.id.as_str()), ("note", "Rude."), ("contact", "Ali")];
    other.browser.press(&page, "complain", &typed).await.page().expect("opened");
    // About a refusal, which they made themselves.
    let person = world.applicant("active").await;
    let page = one.opens(&person.number, &person.pinfl).await;
    let refuse = format!("{}/refuse", page.url.path());
    let page = one.at(&refuse).await;
    let sheet = one.browser.press(&page, "refuse-now", &[("ground", "1")]).await.page().expect("end");
    let reference = reference_of(&sheet);
    let page = other.at("/desk/complaints").await;
    let typed = [("reference", reference.as_str()), ("note", "Why?"), ("contact", "Ali")];
    other.browser.press(&page, "complain", &typed).await.page().expect("opened");
    let own = one.at("/desk/complaints").await;
    assert!(own.text().contains("Rude.") && own.text().contains("Why?"), "{own}");
    assert!(!own.body.contains("id=\"answer-now-"), "{own}");
    assert_eq!(own.body.matches("id=\"own-").count(), 2, "{own}");
    // The form of another's page does nothing in their hands.
    let listed = other.at("/desk/complaints").await;
    let forms: Vec<_> = listed.forms().into_iter().filter(|form| form.action.ends_with("/answer")).collect();
    assert_eq!(forms.len(), 2, "{listed}");
    let token = own.form("sign-out").fields("sign-out", &[]).into_iter().find(|(name, _)| name == "form");
    let token = token.expect("a token");
    for form in &forms {
        let mut fields = form.fields("", &[]);
        fields.retain(|(name, _)| name == "number");
        fields.extend([token.clone(), ("answer".to_owned(), "All was right.".to_owned())]);
        let said =
            one.browser.post(&world.url("/desk/complaints/answer"), &fields).await.page().expect("said");
        assert!(!said.text().contains("All was right."), "{said}");
    }
    // The other one answers.
    let number = forms[0].fields("", &[]).into_iter().find(|(name, _)| name == "number").expect("it").1;
    let button = format!("answer-now-{number}");
    let said = other.browser.press(&listed, &button, &[("answer", "We looked.")]).await.page().expect("said");
    assert!(said.text().contains("We looked."), "{said}");
}

async fn a_page_that_asks_again_by_itself_keeps_no_session_in_use(setup: Setup) {
    let world = setup.start().await;
    let place = world.open_place("service_centre");
    let (mut away, mut there) =
        (world.staff(&place, "operator").await, world.staff(&place, "operator").await);
    let person = world.applicant("active").await;
    let page = away.applies(&person.number, &person.pinfl).await.expect("clear");
    let page = away.completes(&world, &page, &person, &[]).await.expect("awaiting");
    let by_itself = page.attribute("body", "data-again-at");
    assert!(by_itself.starts_with(page.url.path()) && by_itself.contains("seen="), "{by_itself}");
    assert!(page.body.contains("http-equiv=\"refresh\" content=\"5;url=/desk/applications/"), "{page}");
    let by_hand = page.url.clone();
    for shown in ["awaiting", "awaiting", "use-passkey"] {
        world.advance(250).await;
        away.browser.open(&by_itself).await.page().expect(shown);
        there.at("/desk/passkeys").await.expect("menu");
    }
    away.browser.get(&by_hand).await.page().expect("use-passkey");
    there.at("/desk/passkeys").await.expect("menu");
}

async fn whoever_reads_many_records_is_stopped(setup: Setup) {
    let world = setup.set("desk.look_ups_per_hour", 3).start().await;
    let place = world.open_place("service_centre");
    let (mut writer, mut reader) =
        (world.staff(&place, "operator").await, world.staff(&place, "operator").await);
    let mut paths = Vec::new();
    for _ in 0..3 {
        let person = world.applicant("active").await;
        paths.push(writer.opens(&person.number, &person.pinfl).await.url.path().to_owned());
    }
    let mut last = world.staff(&place, "operator").await;
    let person = world.applicant("active").await;
    paths.push(last.opens(&person.number, &person.pinfl).await.url.path().to_owned());
    for path in &paths[..3] {
        reader.at(path).await.expect("warning");
        // The same one is no further record.
        reader.at(path).await;
    }
    reader.browser.open(&paths[3]).await.page().expect("held");
    let read = "SELECT COUNT(DISTINCT about) FROM staff_actions WHERE what = 'read' AND staff_id = $1";
    assert_eq!(world.stored_for(read, &reader.id).await, 3, "the fourth was not shown");
    let mut supervisor = world.staff(&place, "supervisor").await;
    let page = supervisor.at("/desk/holds").await;
    assert!(page.text().contains("opened or read"), "{page}");
}

async fn a_session_ends_by_silence_by_age_and_with_the_member(setup: Setup) {
    let world = setup.start().await;
    let place = world.open_place("service_centre");
    // Commands go by the machine's clock, which is not moved: they come first.
    let (mut member, mut last) =
        (world.staff(&place, "operator").await, world.staff(&place, "operator").await);
    let other = world.add_staff(&place, "operator", &world.somebody(Kind::Unknown).pinfl, None);
    let link = world.passkey_link(&other);
    world.advance(590).await;
    member.at("/desk/passkeys").await.expect("menu");
    world.browser().open(&link).await.page().expect_status(200).expect("use-passkey");
    world.advance(601).await;
    member.browser.open("/desk/passkeys").await.page().expect("use-passkey");
    // A link is too old after a quarter of an hour.
    world.browser().open(&link).await.page().expect_status(410).expect("gone");
    member.sign_in().await;
    // Eight hours are not exceeded by use.
    let mut used = 0;
    while member.browser.open("/desk/passkeys").await.page().has("menu") {
        used += 580;
        assert!(used < 9 * 3600, "it goes on");
        world.advance(580).await;
    }
    assert!(used > 7 * 3600, "{used}");
    member.sign_in().await;
    world.command(&["staff", "disable", &member.id]);
    let page = member.browser.open("/desk/passkeys").await.page().expect("use-passkey");
    member.key.answer(&mut member.browser, &page).await.page().expect_status(422);
    // Nobody works at a place that is closed.
    last.sign_in().await;
    world.command(&["place", "close", &place]);
    last.browser.open("/desk/passkeys").await.page().expect("use-passkey");
}

async fn unusual_volume_waits_for_the_passkey_of_another_supervisor(setup: Setup) {
    let world = setup.set("desk.look_ups_per_hour", 2).start().await;
    let place = world.open_place("service_centre");
    let (mut member, mut other) =
        (world.staff(&place, "supervisor").await, world.staff(&place, "supervisor").await);
    for _ in 0..2 {
        // Who has nobody enrolled is looked up for a revocation and not found.
        look_up(&world, &mut member).await.expect_status(422).expect("pinfl-error");
    }
    look_up(&world, &mut member).await.expect("held");
    member.at("/desk").await.expect("held");
    member.browser.open("/desk/applications/new").await.page().expect("held");
    // Nobody releases themselves: there is no button, and the form does nothing.
    let own = member.at("/desk/holds").await;
    assert!(!own.body.contains("id=\"release-"), "{own}");
    world.advance(130).await;
    let page = other.at("/desk/holds").await;
    let form = page.forms().into_iter().find(|form| form.action == "/desk/holds").expect("a form");
    let button = form.controls.iter().find(|control| control.button).expect("a button").id.clone();
    let fields = form.fields(&button, &[]);
    // Their own passkey comes first.
    let asked = other.browser.press(&page, &button, &[]).await.page().expect("use-passkey");
    member.at("/desk").await.expect("held");
    let back = other.key.answer(&mut other.browser, &asked).await.page().expect("said");
    member.prove().await;
    let own_token = own.form("sign-out").fields("sign-out", &[]);
    let mut forged = fields.clone();
    forged.retain(|(name, _)| name == "hold");
    forged.extend(own_token);
    member.browser.post(&world.url("/desk/holds"), &forged).await.page().expect("said");
    member.at("/desk").await.expect("held");
    let said = other.browser.press(&back, &button, &[]).await.page().expect("said").expect("empty");
    assert!(said.text().contains("can work again"), "{said}");
    member.at("/desk/applications/new").await.expect("continue");
}

async fn look_up(world: &World, member: &mut Member) -> Page {
    let person = world.somebody(Kind::Unknown);
    let page = member.proved_at("/desk/revoke").await.expect("revoke-now");
    let typed = [("pinfl", person.pinfl.as_str()), ("document_number", "AD1234567"), ("original", TICKED)];
    member
        .browser
        .upload(
            &page,
            "revoke-now",
            &typed,
            &[("photo", &[b"\xff\xd8\xff\xe0"[..].to_vec(), vec![7; 200]].concat())],
        )
        .await
        .page()
}
