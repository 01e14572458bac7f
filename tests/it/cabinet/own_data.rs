//! Who looked at a person's data, what they were told, what waits for them, and what is on file of them.

use std::time::Duration;

use yagona::clients::{Basis, ClientId};
use yagona::ledger::{Channel, Entry, Ledger};
use yagona::notices::QuietHours;
use yagona::notices::inbox::{Inbox, NewNotice, NoticeKind};
use yagona::people::{People, PersonId, PhoneNumber};
use yagona::platform::clock::Clock;
use yagona::platform::db::{Db, connect};
use yagona::platform::seal::Keyring;
use yagona::platform::telemetry::Metrics;

use crate::support::client_file::{AGENCY, COUNTER, RIVAL, SHOP};
use crate::support::html::TICKED;
use crate::support::wait::until;
use crate::support::{Page, Person, Setup, World, alone_on_both_backends, on_both_backends};

on_both_backends!(
    a_person_reads_who_looked_at_their_data_and_nobody_else_does,
    the_list_of_accesses_is_a_file_after_a_fresh_proof,
    r106_a_notice_is_shown_with_its_times_to_its_person_alone,
    r73_sms_about_notices_are_wanted_after_the_warning_and_ended_at_once,
    a_request_is_read_in_the_cabinet_and_answered_by_the_code_of_its_sms_alone,
    a_person_chooses_the_language_of_messages_that_no_page_asked_for,
);
alone_on_both_backends!(what_is_on_file_is_masked_until_a_fresh_proof,);

/// The provider's stores, as its commands open them.
pub(super) struct Stores {
    pub(super) db: Db,
    keyring: Keyring,
    clock: Clock,
}

impl Stores {
    pub(super) async fn of(world: &World) -> Self {
        let url = world.place().database;
        let db = connect(&url, 1, Duration::from_secs(10), Metrics::new()).await.expect("the database");
        let keyring = Keyring::read_or_create(&world.folder.file("keyring.toml")).expect("the keyring");
        Self { db, keyring, clock: Clock::of_process(false) }
    }

    pub(super) async fn id_of(&self, person: &Person) -> PersonId {
        let people = People::new(self.db.clone(), &self.keyring);
        let number = PhoneNumber::from_digits(&person.number).expect("a number");
        let state = people.account_state(&people.number_index(&number)).await.expect("an answer");
        state.expect("an account").person_id
    }

    /// Notes a release, as whatever releases does.
    async fn released(&self, person: &PersonId, client: &str, channel: Channel, set: &str, basis: Basis) {
        let ledger = Ledger::new(self.db.clone(), self.clock.clone(), &self.keyring);
        let client = ClientId::parse(client).expect("an identifier");
        let entry = Entry {
            data_sets: vec![set],
            fields: vec!["a_field"],
            purpose: Some("To deliver"),
            basis: basis.into(),
            contract: Some("C-17"),
            ..Entry::new(person, (&client, None), channel)
        };
        assert!(ledger.commit(&entry).await.expect("an entry"));
    }

    async fn notice(&self, person: &PersonId, notice: &NewNotice) {
        let quiet = QuietHours { from: 22, until: 8 };
        let inbox = Inbox::new(self.db.clone(), self.clock.clone(), quiet, &self.keyring);
        inbox.commit(person, notice).await.expect("a notice");
    }
}

fn cards(page: &Page) -> usize {
    page.body.matches("<li class=\"card\"").count()
}

async fn a_person_reads_who_looked_at_their_data_and_nobody_else_does(world: &World) {
    let stores = Stores::of(world).await;
    let (person, other) = (world.person(), world.person());
    let (id, others) = (stores.id_of(&person).await, stores.id_of(&other).await);
    let (mut browser, mut elsewhere) = (world.browser(), world.browser());
    let page = browser.enter_cabinet(world, "/cabinet/accesses", &person).await.expect("empty");
    assert!(page.text().contains("Your data went to nobody so far"), "{page}");
    for _ in 0..21 {
        stores.released(&id, SHOP, Channel::UserInfo, "name", Basis::Consent).await;
    }
    stores.released(&id, AGENCY, Channel::DataApi, "address", Basis::Statutory).await;
    stores.released(&others, RIVAL, Channel::IdToken, "phone", Basis::Consent).await;
    let page = browser.cabinet("/cabinet/accesses").await;
    assert_eq!(cards(&page), 15);
    let text = page.text();
    assert!(text.contains("Agency") && text.contains("A law") && !text.contains("Rival"), "{text}");
    let second = browser.get(&page.link("older")).await.page().expect("menu");
    assert!(cards(&second) == 7 && !second.has("older"), "{second}");
    // By service, by data, by time, and by what matches nothing.
    let by = async |browser: &mut crate::support::Browser, query: &str| {
        browser.cabinet(&format!("/cabinet/accesses?{query}")).await
    };
    assert_eq!(cards(&by(&mut browser, "service=agency&data=&days=").await), 1);
    assert_eq!(cards(&by(&mut browser, "service=&data=address&days=7").await), 1);
    let nothing = by(&mut browser, "service=agency&data=name&days=7").await.expect("empty");
    assert!(nothing.text().contains("Nothing matches"), "{nothing}");
    let further = by(&mut browser, "data=name").await;
    assert_eq!(cards(&browser.get(&further.link("older")).await.page()), 6, "the filter goes on");
    // A row with all that stands of it.
    let address = by(&mut browser, "data=address").await;
    let link = address.links().into_iter().find(|link| link.href.starts_with("/cabinet/accesses/"));
    let row = link.expect("a row").href;
    let page = browser.cabinet(&row).await;
    let text = page.text();
    assert!(text.contains("To deliver") && text.contains("C-17") && text.contains("a_field"), "{text}");
    assert!(text.contains("asked for the data without you"), "{text}");
    assert!(browser.cabinet("/cabinet").await.text().contains("The newest: "));
    // Its proof, once it has its place.
    let page = until("the proof", async || {
        let page = browser.clone().cabinet(&row).await;
        page.has("proof").then_some(page)
    })
    .await;
    let proof = page.link("proof");
    let file = browser.get(&proof).await.page().expect_status(200);
    assert!(file.header("content-disposition").contains(".tlog-proof"));
    let folder = tempfile::tempdir().expect("a folder");
    let kept = folder.path().join("mine.tlog-proof");
    std::fs::write(&kept, &file.body).expect("a file");
    let (kept, key) = (kept.display().to_string(), world.command(&["ledger", "key"]));
    let verified = world.try_command(&["ledger", "verify", "--proof", &kept, "--key", key.trim()]);
    let said = String::from_utf8_lossy(&verified.stdout);
    assert!(verified.status.success() && said.contains("\"client\": \"agency\""), "{said}");
    // Nobody else reads it, whatever they know.
    elsewhere.enter_cabinet(world, "/cabinet/accesses", &other).await;
    assert_eq!(elsewhere.open(&row).await.page().status, 404);
    assert_eq!(elsewhere.get(&proof).await.page().status, 404);
    // What was not read yet may be.
    let link = second.links().into_iter().rev().find(|link| link.href.starts_with("/cabinet/accesses/"));
    let unread = browser.cabinet(&link.expect("a row").href).await;
    assert!(unread.text().contains("The service may fetch it"), "{unread}");
    for odd in ["x", "AAAAAAAAAAAAAAAAAAAAAA", "%27%20OR%201=1"] {
        assert_eq!(browser.open(&format!("/cabinet/accesses/{odd}")).await.page().status, 404);
    }
}

async fn the_list_of_accesses_is_a_file_after_a_fresh_proof(world: &World) {
    let stores = Stores::of(world).await;
    let person = world.person();
    let mut browser = world.browser();
    browser.enter_cabinet(world, "/cabinet/accesses", &person).await;
    stores.released(&stores.id_of(&person).await, SHOP, Channel::UserInfo, "name", Basis::Consent).await;
    let page = browser.cabinet("/cabinet/accesses?service=shop").await;
    let file = browser.get(&page.link("csv")).await.page().expect_status(200);
    assert!(
        file.header("content-type").starts_with("text/csv") && file.header("cache-control") == "no-store"
    );
    assert!(file.header("content-disposition").contains("attachment"));
    let lines: Vec<&str> = file.body.lines().collect();
    assert!(lines.len() == 2 && lines[0].contains("\"Service\""), "{}", file.body);
    assert!(lines[1].contains("\"Shop\"") && lines[1].contains("\"To deliver\""), "{}", file.body);
    let document = browser.get(&page.link("pdf")).await.page().expect_status(200);
    assert_eq!(document.header("content-type"), "application/pdf");
    assert!(document.header("content-disposition").contains("yagona-accesses.pdf"));
    assert!(document.body.starts_with("%PDF-") && document.body.contains("/Lang"), "{}", document.body);
    // Whoever has no session gets the way in, and then the file.
    let mut stranger = world.browser();
    let page = stranger.open("/cabinet/accesses.csv").await.page().expect("phone");
    let file = stranger.prove(world, &page, &person).await.expect_status(200);
    assert_eq!(file.body.lines().count(), 2);
}

async fn r106_a_notice_is_shown_with_its_times_to_its_person_alone(world: &World) {
    let stores = Stores::of(world).await;
    let (person, other) = (world.person(), world.person());
    let id = stores.id_of(&person).await;
    let mut browser = world.browser();
    browser.enter_cabinet(world, "/cabinet/notices", &person).await.expect("menu");
    // The sign-in itself is told, as one in a new browser.
    let page = until("the notice of the new browser", async || {
        let page = browser.cabinet("/cabinet/notices").await;
        page.has("read-all").then_some(page)
    })
    .await;
    browser.press(&page, "read-all", &[]).await.page().expect("menu");
    let released = NewNotice::new(NoticeKind::DataReleased).service(AGENCY).data_sets(["address"]);
    stores.notice(&id, &released.purpose("A subsidy")).await;
    stores.notice(&id, &NewNotice::new(NoticeKind::WrongCodes)).await;
    assert!(browser.cabinet("/cabinet").await.text().contains("2 unread notices"));
    let page = browser.cabinet("/cabinet/notices").await.expect("read-all");
    let text = page.text();
    assert!(text.contains("Your data were used") && text.contains("Unread"), "{text}");
    let notices: Vec<String> = page.links().into_iter().map(|link| link.href).collect();
    let row = notices.iter().find(|href| href.starts_with("/cabinet/notices/") && !href.ends_with("/sms"));
    let row = row.expect("a notice").clone();
    let notice = browser.cabinet(&row).await;
    assert!(notice.text().contains("Received") && notice.text().contains("Read"), "{notice}");
    assert!(!notice.text().contains("SMS sent"), "{notice}");
    assert!(browser.cabinet("/cabinet").await.text().contains("1 unread notice."));
    let mut elsewhere = world.browser();
    elsewhere.enter_cabinet(world, "/cabinet/notices", &other).await.expect("menu");
    assert_eq!(elsewhere.open(&row).await.page().status, 404);
    let page = browser.press(&page, "read-all", &[]).await.page().expect("menu");
    assert!(!page.has("read-all"), "{page}");
    assert!(browser.cabinet("/cabinet").await.text().contains("Nothing new."));
}

async fn r73_sms_about_notices_are_wanted_after_the_warning_and_ended_at_once(world: &World) {
    let person = world.person();
    let mut browser = world.browser();
    let page = browser.enter_cabinet(world, "/cabinet/notices/sms", &person).await.expect("warning");
    assert!(page.text().contains("takes money from your mobile account"), "{page}");
    assert!(!page.has("accepted"));
    let nothing = browser.press(&page, "sms-on", &[]).await.page().expect("error");
    let chosen = [("wish-new_device", TICKED)];
    let page = browser.press(&nothing, "sms-on", &chosen).await.page().expect("said").expect("accepted");
    assert!(
        page.body.contains("id=\"wish-new_device\" name=\"kind\" value=\"new_device\" checked"),
        "{page}"
    );
    let page = browser.press(&page, "sms-off", &[]).await.page().expect("said");
    assert!(!page.has("accepted"), "{page}");
    let again = browser.press(&page, "sms-on", &[("wish-all", TICKED)]).await.page().expect("accepted");
    assert!(again.has("sms-off"));
}

async fn a_request_is_read_in_the_cabinet_and_answered_by_the_code_of_its_sms_alone(world: &World) {
    let (person, other) = (world.person(), world.person());
    let (mut browser, mut elsewhere) = (world.browser(), world.browser());
    browser.enter_cabinet(world, "/cabinet/requests", &person).await.expect("empty");
    elsewhere.enter_cabinet(world, "/cabinet/requests", &other).await.expect("empty");
    let message = world.asked_by_counter(&person, "Desk 17").await;
    let page = browser.cabinet("/cabinet/requests").await.expect("answer");
    let text = page.text();
    assert!(text.contains("Counter") && text.contains("Desk 17") && text.contains("Name"), "{text}");
    assert!(browser.cabinet("/cabinet").await.text().contains("1 request waits for you."));
    elsewhere.cabinet("/cabinet/requests").await.expect("empty");
    // Nothing on the page decides, and nothing names the page that does.
    let actions: Vec<String> = page.forms().into_iter().map(|form| form.action).collect();
    assert_eq!(actions, ["/cabinet/requests/mute"]);
    assert!(!page.body.contains(message.reference()), "{page}");
    browser.get(&page.link("answer")).await.page().expect("reference");
    browser.decides(&message, "deny").await.expect("approval-refused");
    browser.cabinet("/cabinet/requests").await.expect("empty");
    // Who does not want to be asked says so at the request that waits; not of services that do not ask.
    let fields = elsewhere.proved(("service", COUNTER)).await;
    let url = world.url("/cabinet/requests/mute");
    elsewhere.post(&url, &fields).await.page().expect("said");
    assert!(!world.command(&["people", "muted", &other.number]).contains(COUNTER));
    world.asked_by_counter(&person, "Desk 18").await;
    let page = browser.cabinet("/cabinet/requests").await;
    browser.press(&page, &format!("mute-{COUNTER}"), &[]).await.page().expect("said");
    assert!(world.command(&["people", "muted", &person.number]).contains(COUNTER));
}

async fn a_person_chooses_the_language_of_messages_that_no_page_asked_for(world: &World) {
    let person = world.person();
    let mut browser = world.browser();
    let page = browser.enter_cabinet(world, "/cabinet/data", &person).await;
    assert!(!page.body.contains("value=\"uz-Cyrl\" checked"));
    // Services that name no language write Uzbek.
    assert!(!world.asked_by_counter(&person, "Desk 1").await.text().contains("asks you to approve"));
    let fields = browser.proved(("language", "en")).await;
    let said = browser.post(&page.url, &fields).await.page().expect("said");
    assert!(said.body.contains("value=\"en\" checked"), "{said}");
    let message = world.asked_by_counter(&person, "Desk 2").await;
    assert!(message.text().contains("Counter asks you to approve"), "{}", message.text());
    let fields = browser.proved(("language", "xx")).await;
    browser.post(&page.url, &fields).await.page().expect("said");
    assert!(browser.cabinet("/cabinet/data").await.body.contains("value=\"en\" checked"));
}

async fn what_is_on_file_is_masked_until_a_fresh_proof(setup: Setup) {
    let world = setup.start().await;
    let person = world.person();
    let mut browser = world.browser();
    let page = browser.enter_cabinet(&world, "/cabinet/data", &person).await;
    let hidden = |page: &Page| {
        !page.body.contains(&person.pinfl)
            && !page.body.contains("AL0000")
            && !page.body.contains("Amir Temur")
    };
    assert!(hidden(&page) && page.text().contains(&person.pinfl[10..]), "{page}");
    let text = page.text();
    assert!(
        text.contains("Test data: nobody vouches for it, as of") && text.contains("last changed here"),
        "{text}"
    );
    // The proof is minutes old: the whole is shown at once.
    let whole = browser.get(&page.link("whole")).await.page().expect_status(200);
    assert!(whole.body.contains(&person.pinfl) && whole.text().contains("Amir Temur"), "{whole}");
    // Five minutes later it takes a new one, of the same person.
    world.advance(300).await;
    browser.cabinet("/cabinet/data").await;
    let page = browser.open("/cabinet/data/whole").await.page().expect("phone");
    let other = world.person();
    let left = browser.clone().prove(&world, &page, &other).await;
    assert!(left.url.path() == "/" && hidden(&left), "{left}");
    let page = browser.open("/cabinet/data/whole").await.page().expect("phone");
    let whole = browser.prove(&world, &page, &person).await.expect_status(200);
    assert_eq!(whole.url.path(), "/cabinet/data/whole");
    assert!(whole.body.contains(&person.pinfl), "{whole}");
}
