//! Places, members, rights, the record of actions and stops, on the embedded database.

use super::*;
use crate::people::CivilDate;
use crate::platform::db::statement;
use crate::platform::db::test_db::TestDb;
use crate::platform::telemetry::Metrics;

const NOW: Timestamp = Timestamp(1_795_244_400);

struct World {
    db: TestDb,
    clock: Clock,
    staff: Staff,
}

const OWN: &str = "30101902040015";
const KIN: &str = "41505852050029";
const STRANGER: &str = "50101052060033";

fn pinfl(text: &str) -> Pinfl {
    Pinfl::parse(text).unwrap()
}

fn settings() -> DeskSettings {
    DeskSettings {
        session_idle_seconds: 600,
        session_absolute_seconds: 28_800,
        proof_seconds: 120,
        link_minutes: 15,
        photo_days: 365,
        completions_per_hour: 3,
        look_ups_per_hour: 4,
    }
}

impl World {
    async fn new() -> Self {
        let db = TestDb::migrated().await;
        let keyring = Keyring::read_or_create(&db.folder().join("keyring.toml")).unwrap();
        let clock = Clock::manual(NOW);
        let audit = Audit::new(db.clone(), clock.clone(), &keyring, Metrics::new());
        let staff = Staff::new((db.clone(), clock.clone()), &keyring, audit, &settings());
        let place = |id: &str, kind| Place {
            id: PlaceId::parse(id).unwrap(),
            kind,
            names: PlaceNames::default(),
            region: "Toshkent".to_owned(),
            accounts: std::collections::BTreeMap::new(),
            opened_at: NOW,
            closed_at: None,
        };
        assert!(staff.add_place(&place("dxm", PlaceKind::ServiceCentre)).await.unwrap());
        assert!(!staff.add_place(&place("dxm", PlaceKind::PostOffice)).await.unwrap());
        assert!(staff.add_place(&place("notary", PlaceKind::NotaryOffice)).await.unwrap());
        Self { db, clock, staff }
    }

    async fn member(&self, place: &str, role: Role, own: &str) -> StaffId {
        let id = StaffId::random();
        let new = NewMember {
            id: id.clone(),
            place: PlaceId::parse(place).unwrap(),
            role,
            name: "Oysha".to_owned(),
            pinfl: pinfl(own),
            relatives: vec![pinfl(KIN)],
            sworn_on: CivilDate::of(NOW),
        };
        assert_eq!(self.staff.add_member(&new).await.unwrap(), Changed::Done);
        id
    }

    fn acting(staff: &StaffId, place: &str, role: Role) -> Acting {
        Acting {
            staff: staff.clone(),
            name: String::new(),
            role,
            place: PlaceId::parse(place).unwrap(),
            kind: PlaceKind::ServiceCentre,
            place_names: PlaceNames::default(),
            held: false,
            proved_at: NOW,
        }
    }

    async fn does(&self, acting: &Acting, what: What, about: &str) {
        self.staff.reads(acting, what, about, Why::PersonPresent).await.unwrap();
    }
}

#[actix_web::test]
async fn own_and_relatives_records_are_refused_and_no_pinfl_is_stored() {
    let world = World::new().await;
    let id = world.member("dxm", Role::Operator, OWN).await;
    for (whose, close) in [(OWN, true), (KIN, true), (STRANGER, false)] {
        assert_eq!(world.staff.is_too_close(&id, &pinfl(whose)).await.unwrap(), close, "{whose}");
    }
    let rows = "SELECT staff_id || sealed || pinfl_index AS all_of_it FROM staff UNION ALL \
                SELECT pinfl_index FROM staff_relatives";
    for row in world.db.read_all(statement(rows)).await.unwrap() {
        let text = crate::platform::db::text(&row, "staff", "all_of_it").unwrap();
        assert!(!text.contains(OWN) && !text.contains(KIN) && !text.contains("Oysha"), "{text}");
    }
}

#[actix_web::test]
async fn r93_members_are_disabled_and_never_removed_and_nobody_is_one_twice() {
    let world = World::new().await;
    let id = world.member("dxm", Role::Operator, OWN).await;
    let again = NewMember {
        id: StaffId::random(),
        place: PlaceId::parse("notary").unwrap(),
        role: Role::Operator,
        name: "Oysha".to_owned(),
        pinfl: pinfl(OWN),
        relatives: Vec::new(),
        sworn_on: CivilDate::of(NOW),
    };
    assert_eq!(world.staff.add_member(&again).await.unwrap(), Changed::Already);
    assert!(world.staff.link(&id, Vec::new()).await.unwrap().is_some());
    assert!(world.staff.disable_member(&id).await.unwrap());
    assert!(!world.staff.disable_member(&id).await.unwrap());
    assert!(world.staff.link(&id, Vec::new()).await.unwrap().is_none());
    let kept = world.staff.member(&id).await.unwrap().unwrap();
    assert_eq!((kept.disabled_at, kept.sworn_on), (Some(NOW), CivilDate::of(NOW)));
    // They may come back, at another place, as somebody new.
    assert_eq!(world.staff.add_member(&again).await.unwrap(), Changed::Done);
    assert!(world.staff.close_place(&PlaceId::parse("notary").unwrap()).await.unwrap());
    let late = NewMember { id: StaffId::random(), pinfl: pinfl(STRANGER), ..again };
    assert_eq!(world.staff.add_member(&late).await.unwrap(), Changed::NoPlace);
}

#[actix_web::test]
async fn r94_a_row_that_was_changed_is_known() {
    let world = World::new().await;
    let id = world.member("dxm", Role::Operator, OWN).await;
    let acting = World::acting(&id, "dxm", Role::Operator);
    world.does(&acting, What::Opened, "a").await;
    world.does(&acting, What::Read, "a").await;
    let of = |all: Vec<Recorded>| all.iter().filter(|one| one.intact).count();
    assert_eq!(of(world.staff.actions(None, i64::MAX, 9).await.unwrap()), 2);
    let change = "UPDATE staff_actions SET staff_id = 'somebody else' WHERE what = 'read'";
    world.db.execute(statement(change)).await.unwrap();
    assert_eq!(of(world.staff.actions(None, i64::MAX, 9).await.unwrap()), 1);
    let elsewhere = PlaceId::parse("notary").unwrap();
    assert!(world.staff.actions(Some(&elsewhere), i64::MAX, 9).await.unwrap().is_empty());
}

#[actix_web::test]
async fn unusual_volume_waits_for_another_supervisor_of_the_place() {
    let world = World::new().await;
    let id = world.member("dxm", Role::Supervisor, OWN).await;
    let acting = World::acting(&id, "dxm", Role::Supervisor);
    for about in ["a", "b", "c"] {
        world.does(&acting, What::Opened, about).await;
        // To read it once more is no further look-up.
        world.does(&acting, What::Read, about).await;
        assert_eq!(world.staff.stop_if_unusual(&acting).await.unwrap(), None);
    }
    world.does(&acting, What::Opened, "d").await;
    assert_eq!(world.staff.stop_if_unusual(&acting).await.unwrap(), Some(HoldReason::LookUps));
    assert_eq!(world.staff.stop_if_unusual(&acting).await.unwrap(), Some(HoldReason::LookUps));
    let holds = world.staff.holds(&acting.place).await.unwrap();
    assert_eq!(holds.len(), 1);
    // Nobody releases themselves, and nobody from elsewhere does.
    assert!(!world.staff.release(&acting, &holds[0].id).await.unwrap());
    let other = StaffId::random();
    let elsewhere = World::acting(&other, "notary", Role::Supervisor);
    assert!(!world.staff.release(&elsewhere, &holds[0].id).await.unwrap());
    let same_place = World::acting(&other, "dxm", Role::Supervisor);
    assert!(world.staff.release(&same_place, &holds[0].id).await.unwrap());
    assert!(!world.staff.release(&same_place, &holds[0].id).await.unwrap());
    world.clock.advance(2);
    assert_eq!(world.staff.stop_if_unusual(&acting).await.unwrap(), None);
    for about in ["e", "f", "g"] {
        world.does(&acting, What::Completed, about).await;
    }
    assert_eq!(world.staff.stop_if_unusual(&acting).await.unwrap(), Some(HoldReason::Completions));
}

#[actix_web::test]
async fn r92_a_complaint_is_answered_once_by_its_own_place() {
    let world = World::new().await;
    let place = PlaceId::parse("dxm").unwrap();
    let new = NewDeskComplaint {
        place: place.clone(),
        about: ComplaintAbout::Refusal,
        reference: "AB-1".to_owned(),
        staff: None,
        note: "They said no.".to_owned(),
        contact: "Ali, 998901234567".to_owned(),
        opened_by: "operator".to_owned(),
    };
    let number = world.staff.open_complaint(&new, |_| Vec::new()).await.unwrap();
    let raw = world.db.read_one(statement("SELECT sealed FROM desk_complaints")).await.unwrap();
    assert!(!crate::platform::db::text(&raw, "desk_complaints", "sealed").unwrap().contains("They"));
    let other = PlaceId::parse("notary").unwrap();
    assert!(world.staff.complaints((Some(&other), None), true, 9).await.unwrap().is_empty());
    let answer = async |place: &PlaceId| {
        let parts = (number.as_str(), Some(place));
        world.staff.answer_complaint(parts, ("s", "We looked."), Vec::new()).await.unwrap()
    };
    assert_eq!((answer(&other).await, answer(&place).await, answer(&place).await), (false, true, false));
    let read = world.staff.complaint(&number).await.unwrap().unwrap();
    assert_eq!(read.note, "They said no.");
    assert_eq!(read.answered.map(|(at, _, text)| (at, text)), Some((NOW, "We looked.".to_owned())));
    assert!(world.staff.complaints((Some(&place), None), false, 9).await.unwrap().is_empty());
}
