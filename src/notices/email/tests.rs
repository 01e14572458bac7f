//! Addresses, links, the outbox and the words.

use std::sync::Arc;

use super::send::pause;
use super::store::{End, What};
use super::words;
use super::{Asked, EmailAddress, Emails};
use crate::notices::QuietHours;
use crate::notices::inbox::{Inbox, Names, NewNotice, NoticeKind};
use crate::people::{NumberStatus, People, PersonId, test_people};
use crate::platform::clock::{Clock, Timestamp};
use crate::platform::db::test_db::TestDb;
use crate::platform::db::{self};
use crate::platform::seal::Keyring;
use crate::platform::web::locale::Language;
use crate::platform::web::text::Text;

const NOW: Timestamp = Timestamp(1_795_244_400);

struct Store {
    emails: Emails,
    inbox: Inbox,
    clock: Clock,
    people: People,
    person: PersonId,
    db: TestDb,
}

async fn store() -> Store {
    let db = TestDb::migrated().await;
    let keyring = Keyring::read_or_create(&db.folder().join("keyring.toml")).unwrap();
    let clock = Clock::manual(NOW);
    let people = People::new(db.clone(), &keyring);
    let who = test_people::parse(test_people::BUILT_IN).unwrap().swap_remove(0);
    let person = people.store(&who.record(), &who.phone, NumberStatus::Enrolled, NOW).await.unwrap();
    let quiet = QuietHours { from: 0, until: 0 };
    Store {
        emails: Emails::new(db.clone(), clock.clone(), &keyring, 3),
        inbox: Inbox::new(db.clone(), clock.clone(), quiet, &keyring).with_mails(),
        clock,
        people,
        person,
        db,
    }
}

impl Store {
    /// Asks for a link, and gives what it has.
    async fn link(&self, address: &str) -> String {
        let address = EmailAddress::parse(address).unwrap();
        assert_eq!(self.emails.ask(&self.person, &address, "ru").await.unwrap(), Asked::Sent);
        let taken = self.emails.take(self.clock.now(), self.clock.now().plus(60), 10).await.unwrap();
        let tokens: Vec<_> = taken
            .iter()
            .filter_map(|taken| match &taken.what {
                What::Link(sealed) if sealed.to == address.as_str() => Some(sealed.token.clone()),
                _ => None,
            })
            .collect();
        assert_eq!(tokens.len(), 1);
        for taken in taken {
            self.emails.end(&taken.id, End::Sent).await.unwrap();
        }
        tokens.into_iter().next().unwrap()
    }

    async fn confirm(&self, token: &str) -> bool {
        self.emails.confirm(token, |_| Vec::new()).await.unwrap().is_some()
    }
}

#[test]
fn an_address_is_one_that_every_mail_server_takes() {
    for (typed, read) in [
        (" aziza@example.uz ", Some("aziza@example.uz")),
        ("a.b+tag@Mail.Example.UZ", Some("a.b+tag@mail.example.uz")),
        ("o'brien@example.uz", Some("o'brien@example.uz")),
        ("aziza", None),
        ("aziza@localhost", None),
        ("aziza@1.2.3.4", None),
        ("@example.uz", None),
        ("a b@example.uz", None),
        ("a..b@example.uz", None),
        ("a@example..uz", None),
        ("a@-example.uz", None),
        ("\"a\"@example.uz", None),
        ("a@example.uz\r\nBcc: b@example.uz", None),
        ("a@example.uz,b@example.uz", None),
        ("азиза@example.uz", None),
    ] {
        assert_eq!(EmailAddress::parse(typed).as_ref().map(EmailAddress::as_str), read, "{typed}");
    }
    assert!(EmailAddress::parse(&format!("{}@example.uz", "a".repeat(65))).is_none());
    let address = EmailAddress::parse("aziza@example.uz").unwrap();
    assert_eq!(address.masked(), "a•••@example.uz");
    assert_eq!(format!("{address:?}"), "EmailAddress(…)", "no log has it");
}

#[test]
fn pauses_grow_up_to_an_hour() {
    let pauses: Vec<i64> = (1..=9).map(pause).collect();
    assert_eq!(pauses, [60, 120, 240, 480, 960, 1920, 3600, 3600, 3600]);
    assert_eq!(pause(i64::MAX), 3600);
}

#[actix_web::test]
async fn an_address_counts_once_its_link_was_used_and_the_link_works_once_for_a_day() {
    let store = store().await;
    let token = store.link("aziza@example.uz").await;
    assert_eq!(store.emails.of(&store.person).await.unwrap(), None);
    assert!(store.emails.waiting_of(&store.person).await.unwrap().is_some());
    assert_eq!(store.emails.waiting(&token).await.unwrap().unwrap().address.as_str(), "aziza@example.uz");
    assert!(!store.confirm("guessed").await);
    assert!(store.confirm(&token).await);
    assert!(!store.confirm(&token).await, "once");
    assert_eq!(store.emails.of(&store.person).await.unwrap().unwrap().as_str(), "aziza@example.uz");
    // A newer link takes the place of one before, and none works after a day.
    let older = store.link("b@example.uz").await;
    let newer = store.link("c@example.uz").await;
    assert!(!store.confirm(&older).await);
    store.clock.advance(86_400);
    assert!(!store.confirm(&newer).await);
    let kept = store.db.read_all(db::statement("SELECT sealed FROM email_confirmations")).await.unwrap();
    assert!(kept.iter().all(|row| !db::text(row, "email_confirmations", "sealed").unwrap().contains('@')));
}

#[actix_web::test]
async fn a_link_confirms_nothing_once_everything_of_its_person_has_ended() {
    let store = store().await;
    let token = store.link("thief@example.uz").await;
    assert!(store.people.raise_epoch(&store.person, Vec::new()).await.unwrap().is_some());
    assert!(store.emails.waiting(&token).await.unwrap().is_none());
    assert!(store.emails.waiting_of(&store.person).await.unwrap().is_none(), "nor does the cabinet show it");
    assert!(!store.confirm(&token).await);
    assert_eq!(store.emails.of(&store.person).await.unwrap(), None);
    let again = store.link("aziza@example.uz").await;
    assert!(store.confirm(&again).await);
}

#[actix_web::test]
async fn nobody_is_sent_more_links_than_there_are_in_a_day() {
    let store = store().await;
    for _ in 0..3 {
        store.link("aziza@example.uz").await;
    }
    let address = EmailAddress::parse("aziza@example.uz").unwrap();
    assert_eq!(store.emails.ask(&store.person, &address, "ru").await.unwrap(), Asked::TooMany);
    assert_eq!(store.emails.count_waiting().await.unwrap(), 0, "and no mail waits");
    store.clock.advance(86_400);
    store.link("aziza@example.uz").await;
}

#[actix_web::test]
async fn the_address_before_is_told_of_a_change_and_of_the_end() {
    let store = store().await;
    let told = async || {
        let taken = store.emails.take(store.clock.now(), store.clock.now().plus(60), 10).await.unwrap();
        let mut told = Vec::new();
        for taken in taken {
            store.emails.end(&taken.id, End::Sent).await.unwrap();
            if let What::Replaced(sealed) = taken.what {
                told.push(sealed.to);
            }
        }
        told
    };
    let first = store.link("a@example.uz").await;
    assert!(store.confirm(&first).await);
    assert!(told().await.is_empty(), "there was none before");
    let second = store.link("b@example.uz").await;
    assert!(store.confirm(&second).await);
    assert_eq!(told().await, ["a@example.uz"]);
    assert!(store.emails.remove(&store.person, Vec::new()).await.unwrap());
    assert_eq!(told().await, ["b@example.uz"]);
    assert!(!store.emails.remove(&store.person, Vec::new()).await.unwrap());
}

#[actix_web::test]
async fn only_what_warns_is_mailed_and_only_to_who_gave_an_address() {
    let store = store().await;
    let due = async || {
        let taken = store.emails.take(store.clock.now(), store.clock.now().plus(60), 10).await.unwrap();
        for taken in &taken {
            assert_eq!(taken.what, What::Notice(None));
            store.emails.end(&taken.id, End::Sent).await.unwrap();
        }
        taken.len()
    };
    store.inbox.commit(&store.person, &NewNotice::new(NoticeKind::NewDevice)).await.unwrap();
    assert_eq!(due().await, 0, "there is no address");
    let token = store.link("a@example.uz").await;
    assert!(store.confirm(&token).await);
    store.inbox.commit(&store.person, &NewNotice::new(NoticeKind::ConsentGiven)).await.unwrap();
    assert_eq!(due().await, 0, "it warns of nobody");
    let notice = NewNotice::new(NoticeKind::NewDevice);
    store.inbox.commit(&store.person, &notice).await.unwrap();
    store.inbox.commit(&store.person, &notice).await.unwrap();
    assert_eq!(due().await, 1);
    store.inbox.commit(&store.person, &notice).await.unwrap();
    assert_eq!(due().await, 0, "stored again it is not sent again");
}

#[actix_web::test]
async fn a_mail_is_taken_by_one_caller_and_again_when_that_one_did_not_finish() {
    let store = store().await;
    let address = EmailAddress::parse("a@example.uz").unwrap();
    store.emails.ask(&store.person, &address, "ru").await.unwrap();
    let take = async || {
        let now = store.clock.now();
        store.emails.take(now, now.plus(180), 10).await.unwrap()
    };
    let first = take().await.remove(0);
    assert_eq!(first.attempts, 1);
    assert!(take().await.is_empty() && !store.emails.is_any_due(store.clock.now()).await.unwrap());
    store.clock.advance(180);
    assert_eq!(take().await.remove(0).attempts, 2);
    store.emails.put_back(&first.id, store.clock.now().plus(120)).await.unwrap();
    assert!(take().await.is_empty());
    store.clock.advance(120);
    assert_eq!(take().await.remove(0).id, first.id);
    store.emails.end(&first.id, End::Sent).await.unwrap();
    store.clock.advance(3600);
    assert!(take().await.is_empty());
    // What a sent mail said is gone at once, and its row after two days.
    let kept = "SELECT COUNT(*) AS n FROM mails WHERE sealed <> ''";
    assert_eq!(db::int(&store.db.read_one(db::statement(kept)).await.unwrap(), "mails", "n").unwrap(), 0);
    assert_eq!(store.emails.purge(store.clock.now(), 10).await.unwrap(), 0);
    assert!(store.emails.purge(store.clock.now().plus(2 * 86_400), 10).await.unwrap() > 0);
}

#[actix_web::test]
async fn a_mail_that_cannot_be_read_keeps_back_no_other() {
    let store = store().await;
    store.emails.ask(&store.person, &EmailAddress::parse("a@example.uz").unwrap(), "ru").await.unwrap();
    store.db.execute(db::statement("UPDATE mails SET sealed = 'sealed by another'")).await.unwrap();
    store.emails.ask(&store.person, &EmailAddress::parse("b@example.uz").unwrap(), "ru").await.unwrap();
    let now = store.clock.now();
    let taken = store.emails.take(now, now.plus(180), 10).await.unwrap();
    let to = |what: &What| matches!(what, What::Link(sealed) if sealed.to == "b@example.uz");
    assert!(taken.len() == 1 && to(&taken[0].what));
}

#[actix_web::test]
async fn mails_are_plain_folded_text_with_nothing_left_to_fill_in() {
    let store = store().await;
    let inbox = Arc::new(store.inbox);
    inbox.commit(&store.person, &NewNotice::new(NoticeKind::NewDevice).service("shop")).await.unwrap();
    let notice = inbox.list(&store.person, None, 1).await.unwrap().remove(0);
    for language in Language::ALL {
        let text = Text::new(language);
        let names = Names { service: &|_| Some("Doʻkon".to_owned()), data_set: &|_| None };
        let (pages, address) = ("https://id.example.uz", "id.example.uz");
        let link = format!("{pages}/cabinet/email/confirm?t={}", "x".repeat(43));
        let all = [
            words::about((&notice.words(text, names), None), "14:32", text, pages, address),
            words::about((&notice.words(text, names), Some(&link)), "14:32", text, pages, address),
            words::link(&link, text, address),
            words::replaced(text, pages, address),
        ];
        for said in &all {
            assert!(!said.body.contains(['{', '}', '<']) && !said.body.contains("email."), "{}", said.body);
            assert!(
                !said.subject.contains(['{', '\n']) && said.subject.ends_with(" – Yagona"),
                "{}",
                said.subject
            );
            let long =
                said.body.lines().filter(|line| line.chars().count() > 72 && !line.starts_with("https:"));
            assert_eq!(long.count(), 0, "{}", said.body);
        }
        assert!(all[0].body.contains("https://id.example.uz/cabinet/safety"), "{}", all[0].body);
        assert!(all[0].body.contains("Doʻkon") && !all[0].body.contains(&link));
        assert!(all[1].body.contains(&link) && all[2].body.contains(&link));
    }
}

#[actix_web::test]
async fn a_notice_of_what_can_be_stopped_is_one_mail_and_has_the_link() {
    let store = store().await;
    let token = store.link("aziza@example.uz").await;
    assert!(store.confirm(&token).await);
    let (notice, link) = (NewNotice::new(NoticeKind::Recovered), "https://id.uz/recover/stop/word");
    let mut rows = vec![store.emails.about_with_link(&store.person, &notice.id, link.to_owned()).unwrap()];
    rows.extend(store.inbox.rows(&store.person, &notice));
    store.db.all_or_nothing(rows).await.unwrap();
    let now = store.clock.now();
    let taken = store.emails.take(now, now.plus(60), 10).await.unwrap();
    let told: Vec<_> = taken.iter().map(|taken| &taken.what).collect();
    assert!(matches!(told[..], [What::Notice(Some(sealed))] if sealed.token == link), "{told:?}");
    let stored = db::statement("SELECT COUNT(*) AS n FROM mails WHERE sealed LIKE '%stop%'");
    assert_eq!(db::int(&store.db.read_one(stored).await.unwrap(), "mails", "n").unwrap(), 0, "sealed");
}
