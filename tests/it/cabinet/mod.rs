//! The cabinet: the way in, and what a person sees and ends there. Nobody sees or ends another person's things.

use reqwest::Method;
use yagona::audit::Kind;
use yagona::platform::db::statement;

use crate::support::client_file::{AGENCY, COUNTER, RIVAL, SHOP};
use crate::support::wait::until;
use crate::support::{
    Asked, Browser, Page, Person, Setup, World, alone_on_both_backends, code_of, jwt, on_both_backends, param,
};

mod mobile_id;
mod own_data;
mod safety;
pub(crate) mod sms_lock;
mod without_number;

on_both_backends!(
    a_page_without_a_session_leads_through_the_sign_in_and_back_to_itself,
    the_cabinet_is_no_client_of_any_protocol,
    a_form_of_another_site_changes_nothing,
    a_form_without_the_token_of_its_session_changes_nothing,
    no_link_makes_a_page_say_what_nobody_did,
    other_sessions_end_that_nothing_tells_of,
    a_consent_is_ended_by_one_tap_and_the_service_is_told,
    what_a_law_gives_is_shown_and_stays,
    a_muted_service_is_let_through_again,
    a_person_sees_where_they_are_signed_in_and_ends_it,
    each_sign_in_is_in_the_history_page_by_page,
    a_session_that_was_ended_sees_nothing,
);
alone_on_both_backends!(
    a_session_lasts_as_long_as_its_pages_are_used,
    a_known_browser_is_listed_and_forgotten_and_then_is_a_new_one,
);

/// The pages that need no more than a session.
const PAGES: [&str; 13] = [
    "/cabinet",
    "/cabinet/services",
    "/cabinet/sessions",
    "/cabinet/history",
    "/cabinet/accesses",
    "/cabinet/notices",
    "/cabinet/notices/sms",
    "/cabinet/receipts",
    "/cabinet/requests",
    "/cabinet/data",
    "/cabinet/passkeys",
    "/cabinet/means",
    "/cabinet/safety",
];

impl Browser {
    /// Opens a page of the cabinet as somebody who is not signed in yet.
    pub(crate) async fn enter_cabinet(&mut self, world: &World, path: &str, person: &Person) -> Page {
        let page = self.open(path).await.page().expect("phone");
        self.prove(world, &page, person).await
    }

    /// Enters number and code from the page of the number on.
    pub(crate) async fn prove(&mut self, world: &World, page: &Page, person: &Person) -> Page {
        let page = self.enter_number(page, &person.number).await.page().expect("code");
        let code = world.sandbox.next_code(person).await;
        self.enter_code(&page, &code).await.page()
    }

    /// A form with what this browser's session proves it by.
    pub(crate) async fn proved(&mut self, field: (&str, &str)) -> Vec<(String, String)> {
        let page = self.cabinet("/cabinet/data").await;
        let form = page.forms().into_iter().find(|form| form.action.ends_with("/data")).expect("a form");
        let mut fields = form.fields("", &[]);
        fields.retain(|(name, _)| name == "form");
        assert_eq!(fields.len(), 1, "{page}");
        fields.push((field.0.to_owned(), field.1.to_owned()));
        fields
    }

    /// Opens a page of the cabinet that must be shown.
    pub(crate) async fn cabinet(&mut self, path: &str) -> Page {
        self.open(path).await.page().expect_status(200).expect("menu")
    }
}

fn offline(client: &str) -> Asked {
    Asked::by(client).with("scope", "openid profile offline_access")
}

async fn silent(world: &World, browser: &mut Browser, client: &str) -> Option<String> {
    param(&browser.begin(world, &Asked::by(client).and("prompt", "none")).await.away(), "error")
}

async fn a_page_without_a_session_leads_through_the_sign_in_and_back_to_itself(world: &World) {
    for path in ["/cabinet", "/cabinet/services?from=0", "/cabinet/history?before=5.x"] {
        let (mut browser, person) = (world.browser(), world.person());
        let page = browser.open(path).await.page().expect("phone");
        assert!(page.text().contains("My page"), "{page}");
        let page = browser.prove(world, &page, &person).await.expect_status(200).expect("menu");
        assert_eq!(page.url, world.url(path));
        assert!(page.text().contains("Valiyev"), "{page}");
        assert!(page.header("cache-control").contains("no-store"));
        // It is the session that services know, and none of theirs was used.
        let url = browser.begin(world, &Asked::by(SHOP)).await.page().expect("other");
        assert!(url.has("continue"));
        let sessions = browser.cabinet("/cabinet/sessions").await;
        assert!(!sessions.text().contains("Used for"), "{sessions}");
    }
    // Who cancels is not asked again at once.
    let mut browser = world.browser();
    let page = browser.open("/cabinet").await.page().expect("phone");
    let left = browser.get(&page.link("cancel")).await.page().expect_status(200);
    assert_eq!(left.url.path(), "/");
    browser.get(&left.link("cabinet")).await.page().expect("phone");
    // The ordinary way out leads out of here as well.
    let mut browser = world.browser();
    let page = browser.enter_cabinet(world, "/cabinet", &world.person()).await;
    let asked = browser.get(&page.link("sign-out")).await.page().expect("stay");
    browser.press(&asked, "continue", &[]).await.page().expect("signed-out");
    browser.open("/cabinet").await.page().expect("phone");
}

async fn the_cabinet_is_no_client_of_any_protocol(world: &World) {
    let own = "yagona.cabinet";
    let asked = Asked::by(own).with("redirect_uri", world.url("/cabinet").as_str());
    world.browser().begin(world, &asked).await.page().expect_status(400).expect("error");
    world
        .post_bare(
            world.nodes[0].port,
            "/oidc/token",
            &[("grant_type", "authorization_code"), ("client_id", own), ("code", "x")],
            None,
        )
        .await
        .refused(401, "invalid_client");
    let add = ["client", "add", "--id", own, "--name", "New", "--owner", "X", "--redirect-uri"];
    let refused = world.try_command(&[&add[..], &["http://localhost:9/cb"]].concat());
    assert!(!refused.status.success());
    assert!(String::from_utf8_lossy(&refused.stderr).contains("this provider itself"));
}

async fn a_form_of_another_site_changes_nothing(world: &World) {
    let (mut browser, person) = (world.browser(), world.person());
    code_of(&browser.sign_in(world, &offline(SHOP), &person).await);
    let page = browser.cabinet("/cabinet/services").await;
    let form = page.forms().into_iter().find(|form| form.action.ends_with("/end")).expect("a form");
    let url = page.url.join(&form.action).expect("a URL");
    let fields = form.fields("", &[]);
    let posted = browser
        .request(Method::POST, &url)
        .header("Origin", "https://evil.uz")
        .header("Sec-Fetch-Site", "cross-site")
        .form(&fields)
        .send()
        .await
        .expect("an answer");
    assert_eq!(posted.status().as_u16(), 400);
    assert!(browser.cabinet("/cabinet/services").await.text().contains("Shop"));
    assert_eq!(browser.open("/cabinet/services/end").await.page().status, 405);
}

async fn a_form_without_the_token_of_its_session_changes_nothing(world: &World) {
    let (mut browser, person) = (world.browser(), world.person());
    code_of(&browser.sign_in(world, &offline(SHOP), &person).await);
    let page = browser.cabinet("/cabinet/services").await;
    let consent = end_button(&page).trim_start_matches("end-").to_owned();
    let url = page.url.join("/cabinet/services/end").expect("a URL");
    let mut other = world.browser();
    other.enter_cabinet(world, "/cabinet", &world.person()).await;
    let token = other.proved(("consent", &consent)).await;
    let bare = vec![("consent".to_owned(), consent.clone())];
    // A frame of anybody sends `Origin: null`, and an old browser nothing more.
    for fields in [&bare, &token] {
        for origin in [Some("null"), None] {
            let request = browser.request(Method::POST, &url);
            let request = origin.into_iter().fold(request, |it, origin| it.header("Origin", origin));
            let posted = request.form(fields).send().await.expect("an answer");
            assert_eq!(posted.status().as_u16(), 303);
            assert!(browser.cabinet("/cabinet/services").await.text().contains("Shop"));
        }
    }
    for path in ["/cabinet/sessions/end-others", "/cabinet/data", "/cabinet/lock", "/cabinet/not-me"] {
        let said = browser.post(&world.url(path), &bare).await.page().expect("said");
        assert!(said.text().contains("Nothing was changed"), "{said}");
    }
    let own = browser.proved(("consent", &consent)).await;
    let said = browser.post(&url, &own).await.page().expect("said").expect("empty");
    assert!(said.text().contains("The permission has ended"), "{said}");
}

async fn no_link_makes_a_page_say_what_nobody_did(world: &World) {
    let (mut browser, mut other) = (world.browser(), world.browser());
    browser.enter_cabinet(world, "/cabinet", &world.person()).await;
    other.enter_cabinet(world, "/cabinet", &world.person()).await;
    let fields = browser.proved(("language", "en")).await;
    let said = browser.post(&world.url("/cabinet/data"), &fields).await.page().expect("said");
    // It says so again to the same session, and to nobody else, and nothing else.
    let link = format!("{}?{}", said.url.path(), said.url.query().expect("a word"));
    browser.cabinet(&link).await.expect("said");
    assert!(!other.cabinet(&link).await.has("said"));
    for forged in [link.replace("language", "ended"), "/cabinet/services?said=ended".to_owned()] {
        assert!(!browser.cabinet(&forged).await.has("said"), "{forged}");
    }
}

async fn other_sessions_end_that_nothing_tells_of(world: &World) {
    let person = world.person();
    let (mut here, mut there) = (world.browser(), world.browser());
    for browser in [&mut here, &mut there] {
        code_of(&browser.sign_in(world, &Asked::by(SHOP), &person).await);
    }
    let page = here.cabinet("/cabinet/sessions").await;
    assert_eq!(sessions_to_end(&page).len(), 1, "{page}");
    // As of a session from before an upgrade, or whose row was not written.
    let stores = own_data::Stores::of(world).await;
    let id = stores.id_of(&person).await;
    let forget = "DELETE FROM sign_ins WHERE person_id = $1";
    stores.db.execute(statement(forget).bind(id.as_str())).await.expect("the database");
    let page = here.cabinet("/cabinet/sessions").await.expect("end-others");
    assert!(sessions_to_end(&page).is_empty(), "{page}");
    there.cabinet("/cabinet").await;
    here.press(&page, "end-others", &[]).await.page().expect("said");
    there.open("/cabinet").await.page().expect("phone");
    assert_eq!(silent(world, &mut there, SHOP).await.as_deref(), Some("login_required"));
    here.cabinet("/cabinet").await;
    // It ends nobody else's, and nothing that begins later.
    let mut other = world.browser();
    code_of(&other.sign_in(world, &Asked::by(SHOP), &world.person()).await);
    other.cabinet("/cabinet").await;
}

/// The button that ends what a service has.
fn end_button(page: &Page) -> String {
    let forms = page.forms().into_iter().filter(|form| form.action.ends_with("/services/end"));
    let buttons = forms.flat_map(|form| form.controls).map(|control| control.id);
    buttons.into_iter().find(|id| id.starts_with("end-")).unwrap_or_else(|| panic!("nothing to end: {page}"))
}

async fn a_consent_is_ended_by_one_tap_and_the_service_is_told(world: &World) {
    let (mut browser, person) = (world.browser(), world.person());
    let url = browser.sign_in(world, &offline(SHOP), &person).await;
    let tokens = world.redeem(SHOP, &code_of(&url)).await.granted();
    let sid = jwt::read(tokens.get("id_token")).claims["sid"].clone();
    let page = browser.cabinet("/cabinet/services").await;
    let text = page.text();
    assert!(text.contains("Shop") && text.contains("Name") && text.contains("code from an SMS"), "{text}");
    assert!(text.contains("when you are not using it"), "{text}");
    // Somebody else knows its identifier, and ends nothing.
    let mut other = world.browser();
    other.enter_cabinet(world, "/cabinet/services", &world.person()).await.expect("empty");
    let consent = end_button(&page).trim_start_matches("end-").to_owned();
    let fields = other.proved(("consent", &consent)).await;
    let refused = other.post(&world.url("/cabinet/services/end"), &fields).await.page().expect("said");
    assert!(refused.text().contains("Nothing was changed"), "{refused}");
    world.refresh(SHOP, tokens.get("refresh_token")).await.granted();

    let ended = browser.press(&page, &end_button(&page), &[]).await.page().expect("said").expect("empty");
    assert!(!ended.text().contains("Shop"), "{ended}");
    world.refresh(SHOP, tokens.get("refresh_token")).await.refused(400, "invalid_grant");
    assert_eq!(world.userinfo(tokens.get("access_token")).await.status, 401);
    assert!(!world.is_active(SHOP, tokens.get("refresh_token")).await);
    let told = world.listener.form("the service to be told", |form| {
        let claims = jwt::read(form.get("logout_token")?).claims;
        (claims["sid"] == sid).then_some(claims["aud"].clone())
    });
    assert_eq!(told.await, SHOP);
    // The session here goes on, and the service has to ask again.
    assert_eq!(silent(world, &mut browser, SHOP).await.as_deref(), Some("consent_required"));
    // Pressed in another tab, it says that there is nothing left.
    let again = browser.press(&page, &end_button(&page), &[]).await.page().expect("said");
    assert!(again.text().contains("Nothing was changed"), "{again}");
}

async fn what_a_law_gives_is_shown_and_stays(world: &World) {
    let (mut browser, person) = (world.browser(), world.person());
    let url = browser.sign_in(world, &Asked::by(AGENCY), &person).await;
    world.redeem(AGENCY, &code_of(&url)).await.granted();
    let page = browser.cabinet("/cabinet/services").await;
    assert!(page.text().contains("Law 123") && page.text().contains("cannot end it here"), "{page}");
    assert!(page.forms().is_empty(), "{page}");
    let listed = world.command(&["consents", "list", &person.number]);
    let consent = listed.split_whitespace().next().expect("a consent").to_owned();
    let fields = browser.proved(("consent", &consent)).await;
    let refused = browser.post(&world.url("/cabinet/services/end"), &fields).await.page().expect("said");
    assert!(refused.text().contains("Nothing was changed"), "{refused}");
    assert!(world.command(&["consents", "list", &person.number]).contains(&consent));
}

async fn a_muted_service_is_let_through_again(world: &World) {
    let (mut browser, person) = (world.browser(), world.person());
    world.mute_counter(&person).await;
    let page = browser.enter_cabinet(world, "/cabinet/services", &person).await.expect("muted");
    assert!(page.text().contains("Counter"), "{page}");
    let mut other = world.browser();
    other.enter_cabinet(world, "/cabinet/services", &world.person()).await;
    let fields = other.proved(("service", COUNTER)).await;
    other.post(&world.url("/cabinet/services/unmute"), &fields).await.page().expect("said");
    assert!(world.command(&["people", "muted", &person.number]).contains(COUNTER));
    let page = browser.press(&page, &format!("unmute-{COUNTER}"), &[]).await.page().expect("said");
    assert!(!page.has("muted"), "{page}");
    assert!(!world.command(&["people", "muted", &person.number]).contains(COUNTER));
    world.until_audited(Kind::ApprovalUnmuted, "client.id", COUNTER).await;
}

/// The sessions that a page offers to end, by the names of their buttons.
fn sessions_to_end(page: &Page) -> Vec<String> {
    let forms = page.forms().into_iter().filter(|form| form.action.ends_with("/sessions/end"));
    forms.flat_map(|form| form.controls).map(|it| it.id).filter(|id| id.starts_with("end-")).collect()
}

async fn a_person_sees_where_they_are_signed_in_and_ends_it(world: &World) {
    let person = world.person();
    let mut browsers = [world.browser(), world.browser(), world.browser()];
    for browser in &mut browsers {
        code_of(&browser.sign_in(world, &Asked::by(SHOP), &person).await);
    }
    let [mut here, mut there, mut elsewhere] = browsers;
    let page = here.cabinet("/cabinet/sessions").await.expect("this-session").expect("end-others");
    assert_eq!(sessions_to_end(&page).len(), 2, "{page}");
    assert!(page.text().contains("Shop") && page.text().contains("127.0.0.1"), "{page}");
    // Nobody ends another person's session.
    let mut other = world.browser();
    other.enter_cabinet(world, "/cabinet/sessions", &world.person()).await;
    let named = sessions_to_end(&page)[0].trim_start_matches("end-").to_owned();
    let fields = other.proved(("session", &named)).await;
    other.post(&world.url("/cabinet/sessions/end"), &fields).await.page().expect("said");
    assert_eq!(sessions_to_end(&here.cabinet("/cabinet/sessions").await).len(), 2);
    // The newest stands first.
    let page = here.press(&page, &sessions_to_end(&page)[0], &[]).await.page().expect("said");
    assert_eq!(sessions_to_end(&page).len(), 1, "{page}");
    let errors = [silent(world, &mut there, SHOP).await, silent(world, &mut elsewhere, SHOP).await];
    assert_eq!(
        errors.iter().filter(|error| error.as_deref() == Some("login_required")).count(),
        1,
        "{errors:?}"
    );
    let page = here.press(&page, "end-others", &[]).await.page().expect("said");
    assert!(sessions_to_end(&page).is_empty(), "{page}");
    for browser in [&mut there, &mut elsewhere] {
        assert_eq!(silent(world, browser, SHOP).await.as_deref(), Some("login_required"));
        browser.open("/cabinet").await.page().expect("phone");
    }
    assert_eq!(silent(world, &mut here, SHOP).await, None);
}

/// The known browsers that a page offers to forget, by the names of their buttons.
fn browsers_to_forget(page: &Page) -> Vec<String> {
    let forms = page.forms().into_iter().filter(|form| form.action.ends_with("/sessions/forget"));
    forms.flat_map(|form| form.controls).map(|it| it.id).filter(|id| id.starts_with("forget-")).collect()
}

async fn a_known_browser_is_listed_and_forgotten_and_then_is_a_new_one(setup: Setup) {
    let world = &setup.start().await;
    let (mut here, mut there, person) = (world.browser(), world.browser(), world.person());
    let signs_in = async |browser: &mut Browser| {
        // Rows of one second say nothing of their order.
        world.advance(2).await;
        let asked = Asked::by(SHOP).and("prompt", "login");
        code_of(&browser.sign_in(world, &asked, &person).await);
    };
    signs_in(&mut here).await;
    signs_in(&mut there).await;
    world.notices_of(&person, "new_device", 2).await;
    let page = here.cabinet("/cabinet/sessions").await.expect("this-browser");
    let known = browsers_to_forget(&page);
    assert_eq!(known.len(), 2, "{page}");
    let this = page.body.split("id=\"this-browser\"").nth(1).expect("this browser");
    let this =
        |name: &&String| this.find(name.as_str()).is_some_and(|at| at < this.find("</li>").unwrap_or(0));
    let other = known.iter().find(|name| !this(name)).expect("the other one").clone();
    // Nobody forgets another person's browser.
    let mut stranger = world.browser();
    stranger.enter_cabinet(world, "/cabinet/sessions", &world.person()).await;
    let fields = stranger.proved(("browser", other.trim_start_matches("forget-"))).await;
    stranger.post(&world.url("/cabinet/sessions/forget"), &fields).await.page().expect("said");
    assert_eq!(browsers_to_forget(&here.cabinet("/cabinet/sessions").await).len(), 2);
    let page = here.press(&page, &other, &[]).await.page().expect("said");
    let left = browsers_to_forget(&page);
    assert_eq!((left.len(), left.contains(&other)), (1, false), "{page}");
    // The session there goes on; the next sign-in there is a new one, and one here is none.
    assert_eq!(silent(world, &mut there, SHOP).await, None);
    signs_in(&mut there).await;
    world.notices_of(&person, "new_device", 3).await;
    signs_in(&mut here).await;
    signs_in(&mut there).await;
    assert_eq!(browsers_to_forget(&here.cabinet("/cabinet/sessions").await).len(), 2);
    world.notices_of(&person, "new_device", 3).await;
    // Everything that ends everything of a person forgets all of them.
    world.command(&["people", "end-access", &person.number]);
    here.open("/cabinet/sessions").await.page().expect("phone");
    let page = world.browser().enter_cabinet(world, "/cabinet/sessions", &person).await;
    assert_eq!(browsers_to_forget(&page).len(), 1, "{page}");
}

async fn each_sign_in_is_in_the_history_page_by_page(world: &World) {
    let person = world.person();
    let mut browser = world.browser();
    code_of(&browser.sign_in(world, &Asked::by(SHOP), &person).await);
    let page = browser.begin(world, &Asked::by(SHOP)).await.page().expect("other");
    code_of(&browser.press(&page, "continue", &[]).await.away());
    code_of(&browser.sign_in(world, &Asked::by(RIVAL), &person).await);
    let page = browser.cabinet("/cabinet/history").await;
    let text = page.text();
    assert!(
        text.contains("Shop") && text.contains("Rival") && text.contains("Went on without a code"),
        "{text}"
    );
    assert!(!page.has("older"));
    assert!(browser.cabinet("/cabinet").await.text().contains("The newest: "));
    // More than a page: each stands on one of them.
    for _ in 0..21 {
        let page = browser.begin(world, &Asked::by(SHOP)).await.page().expect("other");
        code_of(&browser.press(&page, "continue", &[]).await.away());
    }
    let first = browser.cabinet("/cabinet/history").await;
    let second = browser.get(&first.link("older")).await.page().expect("menu");
    let count = |page: &Page| page.body.matches("class=\"card\"").count();
    assert_eq!(count(&first), 15);
    assert!(count(&second) >= 9 && !second.has("older"), "{second}");
    // Nobody else has any of it.
    let mut other = world.browser();
    let page = other.enter_cabinet(world, "/cabinet/history", &world.person()).await;
    assert!(!page.text().contains("Shop"), "{page}");
}

async fn a_session_that_was_ended_sees_nothing(world: &World) {
    let person = world.person();
    let mut browser = world.browser();
    browser.enter_cabinet(world, "/cabinet", &person).await.expect("menu");
    for path in PAGES {
        let page = browser.cabinet(path).await;
        assert!(page.body.len() < 14_000 && !page.body.contains(['{', '}']), "{page}");
    }
    world.command(&["people", "end-access", &person.number]);
    for path in PAGES {
        let page = browser.open(path).await.page().expect("phone");
        assert!(!page.text().contains("Valiyev"), "{page}");
    }
}

async fn a_session_lasts_as_long_as_its_pages_are_used(setup: Setup) {
    let world = setup.start().await;
    let mut browser = world.browser();
    browser.enter_cabinet(&world, "/cabinet", &world.person()).await.expect("menu");
    for _ in 0..3 {
        world.advance(1500).await;
        browser.cabinet("/cabinet/services").await;
    }
    world.advance(1801).await;
    browser.open("/cabinet/services").await.page().expect("phone");
    // What is older than the setting says goes.
    world.advance(181 * 86_400).await;
    until("the history to be purged", async || {
        (world.stored("SELECT COUNT(*) FROM sign_ins").await == 0).then_some(())
    })
    .await;
}
