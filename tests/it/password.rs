//! Login and password: the page, what a guess costs and whom it disturbs, temporary passwords, the page of means, and recoveries.

use yagona::audit::Kind;

use crate::support::client_file::SHOP;
use crate::support::people::Kind as PersonKind;
use crate::support::{
    Asked, Browser, Page, Person, Setup, Step, World, alone_on_both_backends, code_of, jwt, on_both_backends,
    param,
};

on_both_backends!(
    r113_a_password_is_set_in_the_cabinet_and_signs_in_by_pinfl_and_by_a_chosen_login,
    what_is_wrong_is_said_alike_for_every_login_and_the_password_is_never_shown,
    a_stranger_is_delayed_and_the_known_browser_and_other_means_are_not,
    a_new_password_is_long_and_not_common_and_not_ones_own,
    a_change_ends_other_sessions_and_tells_the_person,
    r120_a_forgotten_password_is_recovered_by_a_stronger_means_and_that_can_be_stopped_by_a_link,
    a_recovery_is_stopped_from_a_session_and_what_is_dangerous_waits,
);
alone_on_both_backends!(
    a_password_added_on_a_code_alone_is_a_second_factor_only_after_the_wait,
    a_password_that_is_removed_signs_nobody_in,
    a_credential_does_not_change_without_the_end_of_other_sessions,
    whoever_turns_from_a_code_that_expired_to_the_password_goes_on,
    tries_are_counted_before_they_are_compared,
    an_installation_without_passwords_offers_none,
);

/// Passwords that keep the rules, and differ.
pub(crate) const FIRST: &str = "olma shaftoli gilos";
pub(crate) const SECOND: &str = "kema dengiz shamol yelkan";

impl Browser {
    /// The page of login and password, from a service's link.
    pub(crate) async fn at_password(&mut self, world: &World, asked: &Asked) -> Page {
        let page = self.begin(world, asked).await.page();
        let page = if page.has("password") && page.has("login") {
            page
        } else {
            self.get(&page.link("password")).await.page()
        };
        page.expect_status(200).expect("login")
    }

    /// Enters login and password on their page.
    pub(crate) async fn enter_password(&mut self, page: &Page, login: &str, password: &str) -> Step {
        self.press(page, "continue", &[("login", login), ("password", password)]).await
    }

    /// Signs in by login and password, as somebody who agreed to everything before.
    pub(crate) async fn sign_in_by_password(
        &mut self,
        world: &World,
        asked: &Asked,
        (login, password): (&str, &str),
    ) -> url::Url {
        let page = self.at_password(world, asked).await;
        self.enter_password(&page, login, password).await.away()
    }

    /// Sets a password in the cabinet, as somebody who signs in by their number for that; the page that follows.
    pub(crate) async fn set_password(&mut self, world: &World, person: &Person, password: &str) -> Page {
        let page = self.open("/cabinet/means/password").await.page();
        // Whoever signed in by a password adds what is stronger.
        let page = if page.has("mobile_id") { self.get(&page.link("mobile_id")).await.page() } else { page };
        let page = if page.has("phone") { self.prove(world, &page, person).await } else { page };
        let typed = [("new", password), ("repeat", password)];
        self.press(&page.expect("save"), "save", &typed).await.page()
    }
}

async fn with_password(world: &World) -> (Browser, Person) {
    let (mut browser, person) = (world.browser(), world.person());
    let page = browser.set_password(world, &person, FIRST).await.expect_status(200).expect("said");
    assert_eq!(page.url.path(), "/cabinet/means");
    (browser, person)
}

/// Whether login and password lead on.
pub(crate) async fn is_right(world: &World, login: &str, password: &str) -> bool {
    let mut browser = world.browser();
    let page = browser.at_password(world, &Asked::by(SHOP)).await;
    match browser.enter_password(&page, login, password).await {
        Step::Away(_) => true,
        // What data go is asked for.
        Step::Page(page) => page.has("allow"),
    }
}

async fn r113_a_password_is_set_in_the_cabinet_and_signs_in_by_pinfl_and_by_a_chosen_login(world: &World) {
    let (mut browser, person) = with_password(world).await;
    // What data go was permitted by a code before; a password permits nothing.
    code_of(&world.browser().sign_in(world, &Asked::by(SHOP), &person).await);
    let spaced = format!(" {} {} ", &person.pinfl[..7], &person.pinfl[7..]);
    let url = world.browser().sign_in_by_password(world, &Asked::by(SHOP), (&spaced, FIRST)).await;
    let tokens = world.redeem(SHOP, &code_of(&url)).await.granted();
    let claims = jwt::read(tokens.get("id_token")).claims;
    assert_eq!(claims["acr"], "urn:yagona:acr:password");
    assert_eq!(claims["amr"], serde_json::json!(["pwd"]));
    // A login of one's own takes the place of the PINFL.
    let login = format!("Ali.{}", &person.pinfl[9..]);
    let page = browser.cabinet("/cabinet/means/login").await;
    for wrong in ["ali", "ali valiyev", "32506901234565", "али.валиев"] {
        let refused = browser.press(&page, "save", &[("login", wrong)]).await.page();
        refused.expect_status(422).expect("error");
    }
    let page = browser.press(&page, "save", &[("login", &login)]).await.page().expect("said");
    assert!(page.text().contains(&login.to_lowercase()), "{page}");
    assert!(is_right(world, &login.to_uppercase(), FIRST).await);
    assert!(!is_right(world, &person.pinfl, FIRST).await, "the PINFL is the login no more");
    // Nobody else can have it.
    let (mut other, _) = with_password(world).await;
    let page = other.cabinet("/cabinet/means/login").await;
    let refused = other.press(&page, "save", &[("login", &login)]).await.page().expect_status(422);
    assert!(refused.text().contains("taken"), "{refused}");
}

async fn what_is_wrong_is_said_alike_for_every_login_and_the_password_is_never_shown(world: &World) {
    let (_, person) = with_password(world).await;
    let blocked = world.somebody(PersonKind::Blocked);
    let mut said = Vec::new();
    for login in [person.pinfl.as_str(), &blocked.pinfl, "30101902040015", "no.such.login", "азиз 1"] {
        let mut browser = world.browser();
        let page = browser.at_password(world, &Asked::by(SHOP)).await;
        let page = browser.enter_password(&page, login, "not my password").await.page();
        let page = page.expect_status(422).expect("error").expect("forgotten");
        assert_eq!(page.attribute("#login", "value"), login, "what was typed stays");
        assert!(!page.body.contains("not my password"), "{page}");
        said.push(page.text().replace(login, ""));
        // An empty field costs no try.
        let empty = browser.enter_password(&page, login, "").await.page().expect_status(422);
        assert!(empty.text().contains("Enter your password"), "{empty}");
    }
    assert!(said.iter().all(|one| *one == said[0]), "{said:#?}");
}

async fn a_stranger_is_delayed_and_the_known_browser_and_other_means_are_not(world: &World) {
    let (mut known, person) = with_password(world).await;
    let mut stranger = world.browser();
    let page = stranger.at_password(world, &Asked::by(SHOP)).await;
    for _ in 0..5 {
        stranger.enter_password(&page, &person.pinfl, "guess guess guess").await.page().expect_status(422);
    }
    // The right one is not compared either, in whatever strange browser.
    let mut another = world.browser();
    let other_page = another.at_password(world, &Asked::by(SHOP)).await;
    let delayed = another.enter_password(&other_page, &person.pinfl, FIRST).await.page().expect_status(429);
    assert!(delayed.text().contains("Too many wrong passwords"), "{delayed}");
    assert!(delayed.header("retry-after").parse::<i64>().is_ok_and(|seconds| (1..=30).contains(&seconds)));
    // A login that is nobody's is delayed alike.
    for _ in 0..5 {
        another.enter_password(&other_page, "nobody.at.all", "guess guess guess").await.page();
    }
    another.enter_password(&other_page, "nobody.at.all", "guess").await.page().expect_status(429);
    // The browser in which they signed in before goes on, and so does their number anywhere.
    let page = known.begin(world, &Asked::by(SHOP).and("prompt", "login")).await.page();
    let page = known.get(&page.link("password")).await.page().expect("login");
    let step = known.enter_password(&page, &person.pinfl, FIRST).await;
    assert!(matches!(&step, Step::Away(_)) || matches!(&step, Step::Page(page) if page.has("allow")));
    code_of(&world.browser().sign_in(world, &Asked::by(SHOP), &person).await);
    let notices = world.browser().enter_cabinet(world, "/cabinet/notices", &person).await;
    assert!(notices.text().contains("Wrong passwords for your login"), "{notices}");
    world.until_audited(Kind::PasswordRefused, "reason", "delayed").await;
}

async fn a_new_password_is_long_and_not_common_and_not_ones_own(world: &World) {
    let (mut browser, person) = (world.browser(), world.person());
    let page = browser.enter_cabinet(world, "/cabinet/means/password", &person).await.expect("save");
    let own = format!("men {} raqamli odam", person.pinfl);
    for (new, repeat, says) in [
        ("qisqa", "qisqa", "at least 15 characters"),
        ("passwordpassword", "passwordpassword", "guessed first"),
        (own.as_str(), own.as_str(), "must not contain"),
        (FIRST, SECOND, "same password"),
    ] {
        let typed = [("new", new), ("repeat", repeat)];
        let refused = browser.press(&page, "save", &typed).await.page().expect_status(422);
        assert!(refused.text().contains(says), "{new}: {refused}");
        assert!(!refused.body.contains(new), "it is not shown again");
    }
    assert!(!is_right(world, &person.pinfl, "passwordpassword").await);
    // Whatever keyboard writes it: one letter with its mark, or two.
    let page = browser.set_password(world, &person, "o\u{308}zbek qovun tarvuz").await.expect("said");
    assert!(page.has("to-password"));
    assert!(is_right(world, &person.pinfl, "\u{f6}zbek qovun tarvuz").await);
    assert!(!is_right(world, &person.pinfl, "\u{f6}zbek qovun tarvuz ").await, "nothing is trimmed");
}

async fn a_change_ends_other_sessions_and_tells_the_person(world: &World) {
    let (_, person) = with_password(world).await;
    let mut elsewhere = world.browser();
    code_of(&elsewhere.sign_in(world, &Asked::by(SHOP), &person).await);
    // Who proves the password that they have changes it, and nothing but other sessions ends.
    let mut browser = world.browser();
    code_of(&browser.sign_in_by_password(world, &Asked::by(SHOP), (&person.pinfl, FIRST)).await);
    let page = browser.set_password(world, &person, SECOND).await.expect_status(200).expect("said");
    assert!(!page.has("recovery"), "it is no recovery: {page}");
    let silent = elsewhere.begin(world, &Asked::by(SHOP).and("prompt", "none")).await.away();
    assert_eq!(param(&silent, "error").as_deref(), Some("login_required"));
    assert!(is_right(world, &person.pinfl, SECOND).await && !is_right(world, &person.pinfl, FIRST).await);
    let notices = browser.cabinet("/cabinet/notices").await;
    assert!(notices.has("menu") && notices.text().contains("How you sign in was changed"), "{notices}");
}

async fn a_password_added_on_a_code_alone_is_a_second_factor_only_after_the_wait(setup: Setup) {
    let world = &setup.set("accounts.new_means_wait_hours", 72).start().await;
    let (mut browser, person) = with_password(world).await;
    let page = browser.cabinet("/cabinet/means").await;
    assert!(page.text().contains("does not count as a second proof"), "{page}");
    let stored = "SELECT counts_from - added_at AS n FROM account_means m JOIN persons p ON p.person_id = m.person_id \
                  WHERE p.person_id = (SELECT person_id FROM passwords WHERE person_id = m.person_id) AND $1 <> '' \
                  ORDER BY m.added_at DESC LIMIT 1";
    assert_eq!(world.stored_for(stored, &person.pinfl).await, 72 * 3600);
    // It signs in, as what it is.
    assert!(is_right(world, &person.pinfl, FIRST).await);
}

async fn r120_a_forgotten_password_is_recovered_by_a_stronger_means_and_that_can_be_stopped_by_a_link(
    world: &World,
) {
    let (mut former, person) = with_password(world).await;
    let mut browser = world.browser();
    let page = browser.at_password(world, &Asked::by(SHOP)).await;
    let page = browser.get(&page.link("forgotten")).await.page().expect_status(200).expect("recover");
    let page = browser.press(&page, "recover", &[]).await.page().expect("phone");
    let page = browser.prove(world, &page, &person).await.expect_status(200).expect("recovers");
    let typed = [("new", SECOND), ("repeat", SECOND)];
    browser.press(&page, "save", &typed).await.page().expect("recovery");
    assert!(is_right(world, &person.pinfl, SECOND).await && !is_right(world, &person.pinfl, FIRST).await);
    // Everything that began before has ended, but this browser goes on.
    former.open("/cabinet").await.page().expect("phone");
    // The number is told, with a link that stops it.
    let message = world.sandbox.next_message(&person).await;
    let text = message["text"].as_str().expect("a text").to_owned();
    let link = text.split_whitespace().find(|word| word.contains("/recover/stop/")).expect(&text);
    let link: url::Url = link.parse().expect("a URL");
    let mut phone = world.browser();
    let page = phone.open(link.path()).await.page().expect_status(200).expect("stop");
    assert!(is_right(world, &person.pinfl, SECOND).await, "opening it stops nothing");
    phone.press(&page, "stop", &[]).await.page().expect_status(200).expect("stopped");
    assert!(!is_right(world, &person.pinfl, SECOND).await && !is_right(world, &person.pinfl, FIRST).await);
    browser.open("/cabinet").await.page().expect("phone");
    phone.open(link.path()).await.page().expect_status(410);
    world.until_audited(Kind::RecoveryStopped, "reason", "link").await;
    world.until_audited(Kind::Recovered, "reason", "stronger_means").await;
    // The number still signs in, and the cabinet says what was done.
    let notices = world.browser().enter_cabinet(world, "/cabinet/notices", &person).await;
    for told in ["password was recovered", "recovery of your password was stopped"] {
        assert!(notices.text().contains(told), "{told}: {notices}");
    }
}

async fn a_recovery_is_stopped_from_a_session_and_what_is_dangerous_waits(world: &World) {
    let (_, person) = with_password(world).await;
    let mut thief = world.browser();
    // Whoever signs in by the number alone has not proved the password: setting one is a recovery.
    let page = thief.set_password(world, &person, SECOND).await.expect("recovery");
    assert!(!page.body.contains("/cabinet/means/remove"), "nothing can be removed meanwhile: {page}");
    let token = page.form("stop").fields("stop", &[]);
    let mut fields = token.clone();
    fields.push(("means".to_owned(), "anything".to_owned()));
    let said = thief.post(&world.url("/cabinet/means/remove"), &fields).await.page().expect("said");
    assert!(said.text().contains("nothing") || said.text().contains("Nothing"), "{said}");
    world.sandbox.next_message(&person).await;
    // The owner, at another browser.
    let mut owner = world.browser();
    let page = owner.enter_cabinet(world, "/cabinet/means", &person).await.expect("recovery");
    owner.press(&page, "stop", &[]).await.page().expect("stopped");
    assert!(!is_right(world, &person.pinfl, SECOND).await);
    thief.open("/cabinet").await.page().expect("phone");
    world.until_audited(Kind::RecoveryStopped, "reason", "session").await;
}

async fn a_password_that_is_removed_signs_nobody_in(setup: Setup) {
    let world = &setup.start().await;
    let (mut browser, person) = with_password(world).await;
    let page = browser.cabinet("/cabinet/means").await;
    let form = page.forms().into_iter().find(|form| form.action.ends_with("/remove")).expect("a form");
    let fields = form.fields("", &[]);
    // Whoever has the number alone does not take the password away, to set another one as the first.
    let asked = browser.post(&world.url("/cabinet/means/remove"), &fields).await.page();
    assert!(asked.url.path().starts_with("/sign-in/"), "{asked}");
    let asked = if asked.has("login") { asked } else { browser.get(&asked.link("password")).await.page() };
    assert!(is_right(world, &person.pinfl, FIRST).await);
    browser.enter_password(&asked, &person.pinfl, FIRST).await.page().expect("menu");
    let page = browser.cabinet("/cabinet/means").await;
    let form = page.forms().into_iter().find(|form| form.action.ends_with("/remove")).expect("a form");
    let fields = form.fields("", &[]);
    let page = browser.post(&world.url("/cabinet/means/remove"), &fields).await.page().expect("said");
    assert!(page.text().contains("was removed") && page.has("mobile-id"), "{page}");
    assert!(!is_right(world, &person.pinfl, FIRST).await);
    // Whatever began in that second has ended with the other sessions.
    world.advance(2).await;
    code_of(&world.browser().sign_in(world, &Asked::by(SHOP), &person).await);
    // It can be set again.
    browser.set_password(world, &person, SECOND).await.expect("said");
    assert!(is_right(world, &person.pinfl, SECOND).await);
}

async fn a_credential_does_not_change_without_the_end_of_other_sessions(setup: Setup) {
    let world = &setup.start().await;
    let (_, person) = with_password(world).await;
    let mut thief = world.browser();
    let tokens = thief.sign_in(world, &Asked::by(SHOP), &person).await;
    let tokens = world.redeem(SHOP, &code_of(&tokens)).await.granted();
    let sid = jwt::read(tokens.get("id_token")).claims["sid"].clone();
    let mut owner = world.browser();
    code_of(&owner.sign_in_by_password(world, &Asked::by(SHOP), (&person.pinfl, FIRST)).await);
    let login = format!("ali.{}", &person.pinfl[9..]);
    let forms = [
        ("/cabinet/means/password", vec![("new", SECOND), ("repeat", SECOND)]),
        ("/cabinet/means/login", vec![("login", login.as_str())]),
    ];
    let page = owner.open("/cabinet/means/password").await.page();
    let page = if page.has("mobile_id") { owner.get(&page.link("mobile_id")).await.page() } else { page };
    let page = if page.has("phone") { owner.prove(world, &page, &person).await } else { page };
    page.expect("save");
    let silent = Asked::by(SHOP).and("prompt", "none");
    world.refuse_ends(true).await;
    for (path, typed) in &forms {
        let page = owner.cabinet(path).await.expect("save");
        let failed = owner.press(&page, "save", typed).await.page();
        assert!(failed.status >= 500, "{path}: {failed}");
        code_of(&thief.begin(world, &silent).await.away());
        assert!(is_right(world, &person.pinfl, FIRST).await, "{path}: nothing has changed");
    }
    let page = owner.cabinet("/cabinet/means").await;
    let form = page.forms().into_iter().find(|form| form.action.ends_with("/remove")).expect("a form");
    let failed = owner.post(&world.url("/cabinet/means/remove"), &form.fields("", &[])).await.page();
    assert!(failed.status >= 500, "{failed}");
    assert!(is_right(world, &person.pinfl, FIRST).await, "it was not removed");
    world.refuse_ends(false).await;
    let (path, typed) = &forms[0];
    let page = owner.cabinet(path).await.expect("save");
    owner.press(&page, "save", typed).await.page().expect_status(200).expect("said");
    let gone = thief.begin(world, &silent).await.away();
    assert_eq!(param(&gone, "error").as_deref(), Some("login_required"));
    assert!(is_right(world, &person.pinfl, SECOND).await);
    // The services of what ended are told.
    world.told_of_the_end(SHOP, &sid).await;
}

async fn whoever_turns_from_a_code_that_expired_to_the_password_goes_on(setup: Setup) {
    let world = &setup.start().await;
    let (_, person) = with_password(world).await;
    let mut browser = world.browser();
    let page = browser.begin_with_number(world, &Asked::by(SHOP), &person).await.expect("code");
    world.advance(200).await;
    let mut url = page.url.clone();
    url.set_path("/sign-in/password");
    let page = browser.get(&url).await.page().expect("login");
    let page = browser.enter_password(&page, &person.pinfl, FIRST).await.page();
    assert!(page.has("allow"), "{page}");
}

async fn tries_are_counted_before_they_are_compared(setup: Setup) {
    let world = setup.set("limits.failures_per_account", 100).start().await;
    let person = world.person();
    world.browser().set_password(&world, &person, FIRST).await.expect("said");
    let mut browser = world.browser();
    let page = browser.at_password(&world, &Asked::by(SHOP)).await;
    let form = page.form("continue");
    let url = page.url.join(&form.action).expect("a URL");
    let fields = form.fields("continue", &[("login", person.pinfl.as_str()), ("password", "guess guess")]);
    let answers = futures_util::future::join_all((0..40).map(|_| browser.send_form(&url, &fields))).await;
    let compared = answers.iter().filter(|answer| answer.status().as_u16() == 422).count();
    assert!(compared <= 10, "{compared} were compared at once");
    assert!(answers.iter().all(|answer| answer.status().as_u16() < 500 || answer.status().as_u16() == 503));
    let failures = "SELECT CAST(SUM(failures) AS BIGINT) AS n FROM password_failures";
    assert_eq!(usize::try_from(world.stored(failures).await).expect("a count"), compared);
}

async fn an_installation_without_passwords_offers_none(setup: Setup) {
    let world = setup.set("passwords.enabled", false).start().await;
    let (mut browser, person) = (world.browser(), world.person());
    let page = browser.begin(&world, &Asked::by(SHOP)).await.page().expect("phone");
    assert!(page.links().iter().all(|link| !link.href.contains("/sign-in/password")), "{page}");
    let forged = page.url.as_str().replace("/sign-in/number", "/sign-in/password");
    let page = browser.get(&forged.parse().expect("a URL")).await.page();
    assert!(!page.has("password"), "{page}");
    let page = browser.enter_cabinet(&world, "/cabinet/means", &person).await;
    assert!(!page.has("to-password"), "{page}");
}
