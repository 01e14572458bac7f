//! Notices on the embedded database; `tests/it/notices.rs` has the rest.

use super::*;
use crate::platform::clock::Timestamp;
use crate::platform::db::test_db::TestDb;
use crate::platform::db::{int, statement, text};

const NOW: Timestamp = Timestamp(1_795_244_400);
const NEVER_QUIET: QuietHours = QuietHours { from: 0, until: 0 };

async fn inbox() -> (Inbox, Clock, TestDb) {
    let (db, clock) = (TestDb::migrated().await, Clock::manual(NOW));
    let keyring = Keyring::read_or_create(&db.folder().join("keyring.toml")).unwrap();
    (Inbox::new(db.clone(), clock.clone(), NEVER_QUIET, &keyring), clock, db)
}

fn told(service: &str) -> NewNotice {
    NewNotice::new(NoticeKind::DataReleased).service(service).data_sets(["address"]).purpose("Subsidy")
}

#[actix_web::test]
async fn r106_a_notice_arrives_when_it_is_stored_and_that_time_stays() {
    let (inbox, clock, _db) = inbox().await;
    let (one, other) = (PersonId::random(), PersonId::random());
    let notice = NewNotice { kind: NoticeKind::NewDevice, ..told("agency") };
    inbox.commit(&one, &notice).await.unwrap();
    clock.advance(60);
    inbox.commit(&one, &notice).await.unwrap();
    let list = inbox.list(&one, None, 10).await.unwrap();
    assert_eq!(list.len(), 1, "stored twice, it is one");
    assert_eq!((list[0].arrived_at_ms, list[0].read_at_ms), (NOW.0 * 1000, None));
    assert_eq!((list[0].kind, &list[0].about), (Some(NoticeKind::NewDevice), &notice.about));
    assert_eq!((list[0].sms, list[0].sent_at_ms), (SmsState::None, None));
    assert!(inbox.list(&other, None, 10).await.unwrap().is_empty());
    assert!(inbox.find(&other, &notice.id).await.unwrap().is_none(), "it is somebody else's");
    assert_eq!(inbox.unread(&one, 100).await.unwrap(), 1);
    assert_eq!(inbox.mark_read(&other, std::slice::from_ref(&notice.id)).await.unwrap(), 0);
    assert_eq!(inbox.mark_read(&one, std::slice::from_ref(&notice.id)).await.unwrap(), 1);
    clock.advance(60);
    assert_eq!(
        inbox.mark_read(&one, std::slice::from_ref(&notice.id)).await.unwrap(),
        0,
        "the first time stays"
    );
    let read = inbox.find(&one, &notice.id).await.unwrap().unwrap();
    assert_eq!((read.arrived_at_ms, read.read_at_ms), (NOW.0 * 1000, Some(NOW.plus(60).0 * 1000)));
    assert_eq!(inbox.unread(&one, 100).await.unwrap(), 0);
}

#[actix_web::test]
async fn a_list_goes_on_where_it_ended_also_among_notices_of_one_moment() {
    let (inbox, clock, _db) = inbox().await;
    let person = PersonId::random();
    for n in 0..25 {
        if n % 7 == 0 {
            clock.advance(1);
        }
        inbox.commit(&person, &told(&format!("s{n}"))).await.unwrap();
    }
    let (mut seen, mut after) = (Vec::new(), None);
    loop {
        let page = inbox.list(&person, after.as_ref(), 4).await.unwrap();
        let Some(last) = page.last() else { break };
        after = Some(last.place());
        seen.extend(page);
    }
    assert_eq!(seen.len(), 25);
    assert!(seen.windows(2).all(|pair| pair[0].arrived_at_ms >= pair[1].arrived_at_ms));
    let mut ids: Vec<&str> = seen.iter().map(|notice| notice.id.as_str()).collect();
    ids.sort_unstable();
    ids.dedup();
    assert_eq!(ids.len(), 25, "each once");
    assert_eq!(inbox.unread(&person, 10).await.unwrap(), 10, "counted up to a bound");
    let middle = seen[12].arrived_at_ms;
    let newer = seen.iter().filter(|notice| notice.arrived_at_ms > middle).count();
    assert_eq!(inbox.mark_all_read(&person, middle).await.unwrap(), 25 - newer as u64);
    assert_eq!(inbox.unread(&person, 100).await.unwrap(), newer as i64);
}

#[actix_web::test]
async fn a_notice_is_stored_with_what_it_tells_of_or_not_at_all() {
    let (inbox, _clock, db) = inbox().await;
    let person = PersonId::random();
    let guard = |n: i64| {
        statement(
            "UPDATE sequences SET seq = seq + 1 WHERE list = 'registrations' AND seq = $1 RETURNING seq",
        )
        .bind(n)
    };
    assert!(db.guarded(guard(7), inbox.rows(&person, &told("a"))).await.unwrap().is_none());
    assert_eq!(inbox.unread(&person, 10).await.unwrap(), 0);
    assert!(db.guarded(guard(0), inbox.rows(&person, &told("a"))).await.unwrap().is_some());
    assert_eq!(inbox.unread(&person, 10).await.unwrap(), 1);
}

#[actix_web::test]
async fn old_notices_are_purged_and_others_stay() {
    let (inbox, clock, db) = inbox().await;
    let person = PersonId::random();
    inbox.commit(&person, &told("a")).await.unwrap();
    clock.advance(100);
    inbox.commit(&person, &told("b")).await.unwrap();
    assert_eq!(inbox.purge(NOW, 10).await.unwrap(), 0);
    assert_eq!(inbox.purge(NOW.plus(100), 10).await.unwrap(), 1);
    assert_eq!(inbox.list(&person, None, 10).await.unwrap()[0].about.service.as_deref(), Some("b"));
    db.execute(statement("UPDATE notices SET kind = 'of_a_later_version'")).await.unwrap();
    let later = inbox.list(&person, None, 10).await.unwrap().remove(0);
    assert_eq!(later.kind, None);
    let rows = db.read_one(statement("SELECT COUNT(*) AS n FROM notices")).await.unwrap();
    assert_eq!(int(&rows, "notices", "n").unwrap(), 1);
}

#[test]
fn what_came_from_outside_is_an_identifier_only_in_its_shape() {
    let id = NoticeId::random();
    assert_eq!(NoticeId::parse(id.as_str()), Some(id));
    for other in ["", "a", &"a".repeat(20), &"A".repeat(19), "aaaaaaaaaaaaaaaaaa-", "ааааааааа"] {
        assert_eq!(NoticeId::parse(other), None, "{other}");
    }
}

#[actix_web::test]
async fn r70_what_a_service_takes_all_day_long_is_one_notice_of_the_day_for_each_purpose() {
    let (inbox, clock, _db) = inbox().await;
    let (one, other) = (PersonId::random(), PersonId::random());
    for _ in 0..5 {
        inbox.commit(&one, &told("agency")).await.unwrap();
        clock.advance(60);
    }
    assert_eq!(inbox.unread(&one, 10).await.unwrap(), 1, "asked again, it is one");
    inbox.commit(&one, &told("agency").purpose("A pension")).await.unwrap();
    inbox.commit(&one, &told("agency").data_sets(["photo"])).await.unwrap();
    inbox.commit(&one, &told("bank")).await.unwrap();
    inbox.commit(&other, &told("agency")).await.unwrap();
    assert_eq!((inbox.unread(&one, 10).await.unwrap(), inbox.unread(&other, 10).await.unwrap()), (4, 1));
    clock.advance(86_400);
    inbox.commit(&one, &told("agency")).await.unwrap();
    assert_eq!(inbox.unread(&one, 10).await.unwrap(), 5, "of another day it is another");
}

#[actix_web::test]
async fn what_a_notice_says_is_sealed_and_what_was_not_sealed_is_read() {
    let (inbox, _clock, db) = inbox().await;
    let person = PersonId::random();
    inbox.commit(&person, &told("agency").purpose("For A. VALIYEV")).await.unwrap();
    let kept = db.read_one(statement("SELECT about FROM notices")).await.unwrap();
    let kept = text(&kept, "notices", "about").unwrap();
    assert!(!kept.contains("VALIYEV") && !kept.contains("agency"), "{kept}");
    let read = inbox.list(&person, None, 1).await.unwrap().remove(0);
    assert_eq!(read.about.purpose.as_deref(), Some("For A. VALIYEV"));
    db.execute(statement("UPDATE notices SET about = '{\"service\":\"shop\"}'")).await.unwrap();
    let read = inbox.list(&person, None, 1).await.unwrap().remove(0);
    assert_eq!(read.about.service.as_deref(), Some("shop"));
}

#[actix_web::test]
async fn an_sms_whose_fate_nobody_learnt_is_not_waited_for_and_a_late_report_counts() {
    let (inbox, clock, db) = inbox().await;
    let (person, notice) = (PersonId::random(), NewNotice::new(NoticeKind::WrongCodes));
    inbox.commit_sent(&person, &notice).await.unwrap();
    assert_eq!(inbox.give_up_lost(NOW, 10).await.unwrap(), 0);
    clock.advance(7300);
    assert_eq!(inbox.give_up_lost(clock.now().minus(7200), 10).await.unwrap(), 1);
    let read = inbox.find(&person, &notice.id).await.unwrap().unwrap();
    assert_eq!(read.sms, SmsState::Failed(SmsFailure::NotDelivered));
    assert!(sms::delivered(&db, &notice.id, clock.now_ms()).await.unwrap());
}
