//! Trying passwords, over an embedded database.

use super::*;
use crate::people::{NumberStatus, Pinfl, test_people};
use crate::platform::db;
use crate::platform::db::test_db::TestDb;

const DELAYS: Delays = Delays { most: 100, long: 30 * 86_400 };
const RIGHT: &str = "olma shaftoli gilos";

struct World {
    passwords: Passwords,
    clock: Clock,
    person: PersonId,
    pinfl: Pinfl,
    db: TestDb,
}

fn settings(memory_kib: u32) -> PasswordSettings {
    PasswordSettings {
        enabled: true,
        shortest: 15,
        memory_kib,
        passes: 1,
        threads: 1,
        queue: 10,
        temporary_hours: 24,
        recovery_hours: 72,
    }
}

fn start(db: &TestDb, clock: &Clock, memory_kib: u32) -> (Passwords, People) {
    let keyring = Keyring::read_or_create(&db.folder().join("keyring.toml")).unwrap();
    let people = People::new((*db).clone(), &keyring);
    let stores = ((*db).clone(), people.clone(), clock.clone());
    (Passwords::start(stores, &keyring, &settings(memory_kib), DELAYS).unwrap(), people)
}

async fn world() -> World {
    let (db, clock) = (TestDb::migrated().await, Clock::manual(Timestamp(1_790_000_000)));
    let (passwords, people) = start(&db, &clock, 64);
    let somebody = test_people::parse(test_people::BUILT_IN).unwrap().swap_remove(0);
    let record = somebody.record();
    let person = people.store(&record, &somebody.phone, NumberStatus::Enrolled, clock.now()).await.unwrap();
    let world = World { passwords, clock, person, pinfl: record.pinfl, db };
    world.set(RIGHT).await;
    world
}

async fn tried(passwords: &Passwords, login: &str, password: &str, side: Side) -> Tried {
    let login = TypedLogin::read(login).expect("a login");
    let approached = passwords.approach(&login, |_, _| side).await.unwrap();
    passwords.compare(approached, TypedPassword::read(password)).await.unwrap()
}

impl World {
    async fn set(&self, password: &str) {
        let new = self.passwords.rules.check(password, &Own::default()).expect("a password");
        let hashed = self.passwords.hash(new).await.unwrap().unwrap();
        let set = self.passwords.set(&self.person, &hashed, AddedBy::Person);
        assert!(self.passwords.change(set, Vec::new()).await.unwrap());
    }

    async fn tried(&self, login: &str, password: &str, side: Side) -> Tried {
        tried(&self.passwords, login, password, side).await
    }

    async fn is_right(&self, login: &str, password: &str) -> bool {
        matches!(self.tried(login, password, Side::Stranger).await, Tried::Right(_))
    }
}

#[actix_web::test]
async fn r44_the_login_is_the_pinfl_until_another_is_chosen_and_then_that_one() {
    let world = world().await;
    let pinfl = world.pinfl.digits().to_owned();
    assert!(world.is_right(&pinfl, RIGHT).await);
    assert!(!world.is_right(&pinfl, "olma shaftoli gilo").await);
    let login = ChosenLogin::parse("Aziz.K").unwrap();
    assert!(world.passwords.choose_login(&world.person, &login, Vec::new()).await.unwrap());
    assert!(world.is_right("aziz.k", RIGHT).await && world.is_right(" AZIZ.K ", RIGHT).await);
    assert!(!world.is_right(&pinfl, RIGHT).await, "the PINFL is the login no more");
    assert_eq!(world.passwords.login_of(&world.person).await.unwrap().as_deref(), Some("aziz.k"));
    let other = PersonId::random();
    assert!(!world.passwords.choose_login(&other, &login, Vec::new()).await.unwrap(), "it is somebody's");
    let second = ChosenLogin::parse("aziz.karimov").unwrap();
    assert!(world.passwords.choose_login(&world.person, &second, Vec::new()).await.unwrap());
    assert!(world.passwords.choose_login(&other, &login, Vec::new()).await.unwrap(), "and is free again");
    assert!(world.is_right("aziz.karimov", RIGHT).await && !world.is_right("aziz.k", RIGHT).await);
}

#[actix_web::test]
async fn wrong_passwords_delay_strangers_more_and_more_and_known_browsers_not_at_all() {
    let world = world().await;
    let pinfl = world.pinfl.digits().to_owned();
    let (mut told, mut delayed) = (0, 0);
    for _ in 0..5 {
        match world.tried(&pinfl, "wrong", Side::Stranger).await {
            Tried::Wrong { delayed: by, told: whom } => {
                delayed += usize::from(by.is_some());
                told += usize::from(whom.is_some());
            }
            other => panic!("{other:?}"),
        }
    }
    assert_eq!((delayed, told), (1, 1));
    let until = world.clock.now().plus(30);
    assert_eq!(
        world.tried(&pinfl, RIGHT, Side::Stranger).await,
        Tried::Delayed(until),
        "the right one neither"
    );
    assert!(matches!(world.tried(&pinfl, RIGHT, Side::Known).await, Tried::Right(_)));
    // It is durable: what a new process reads is the same.
    let (again, _) = start(&world.db, &world.clock, 64);
    assert_eq!(tried(&again, &pinfl, RIGHT, Side::Stranger).await, Tried::Delayed(until));
    world.clock.advance(30);
    for _ in 0..5 {
        let tried = world.tried(&pinfl, "wrong", Side::Stranger).await;
        assert!(matches!(tried, Tried::Wrong { told: None, .. }), "not twice a day: {tried:?}");
    }
    assert_eq!(world.tried(&pinfl, RIGHT, Side::Stranger).await, Tried::Delayed(world.clock.now().plus(60)));
    world.clock.advance(60);
    assert!(world.is_right(&pinfl, RIGHT).await);
    for _ in 0..4 {
        assert!(!world.is_right(&pinfl, "wrong").await);
    }
    assert!(world.is_right(&pinfl, RIGHT).await, "a right one clears the count");
}

#[actix_web::test]
async fn a_login_that_is_nobodys_is_delayed_like_one_that_is_somebodys() {
    let world = world().await;
    for _ in 0..5 {
        let tried = world.tried("no.such.login", "wrong", Side::Known).await;
        assert_eq!(tried, Tried::Wrong { delayed: None, told: None });
    }
    let until = world.clock.now().plus(30);
    assert_eq!(world.tried("no.such.login", "wrong", Side::Known).await, Tried::Delayed(until));
    let rows = "SELECT COUNT(*) AS n FROM password_failures WHERE account LIKE 'nobody-%'";
    assert_eq!(db::int(&world.db.read_one(db::statement(rows)).await.unwrap(), "t", "n").unwrap(), 1);
    // However many others were tried before, each begins its delay at its own fifth.
    for n in 0..300 {
        world.tried(&format!("other.{n}"), "wrong", Side::Stranger).await;
    }
    for n in 0..300 {
        let tried = world.tried(&format!("one.more.{n}"), "wrong", Side::Stranger).await;
        assert_eq!(tried, Tried::Wrong { delayed: None, told: None }, "{n}");
    }
    // What is long ago is forgotten, of nobody and of somebody alike.
    let pinfl = world.pinfl.digits().to_owned();
    assert!(!world.is_right(&pinfl, "wrong").await);
    world.clock.advance(90 * 86_400 + 1);
    assert_eq!(world.passwords.purge_failures(world.clock.now(), 1000).await.unwrap(), 602);
}

#[actix_web::test]
async fn a_password_that_takes_the_place_of_a_removed_one_is_of_no_generation_that_was_before() {
    let world = world().await;
    let before = world.passwords.of_person(&world.person).await.unwrap().unwrap().generation;
    assert!(world.passwords.change(Passwords::remove(&world.person), Vec::new()).await.unwrap());
    let new = world.passwords.hash(world.passwords.rules.check(RIGHT, &Own::default()).ok().unwrap());
    let new = new.await.unwrap().unwrap();
    let set = world.passwords.set(&world.person, &new, AddedBy::Person);
    assert!(world.passwords.change(set, Vec::new()).await.unwrap());
    assert_ne!(world.passwords.of_person(&world.person).await.unwrap().unwrap().generation, before);
    let stale = world.passwords.replace(&world.person, before, &new, AddedBy::Person);
    assert!(!world.passwords.change(stale, Vec::new()).await.unwrap());
}

#[actix_web::test]
async fn a_temporary_password_says_that_it_is_one_and_is_over_in_time() {
    let world = world().await;
    let pinfl = world.pinfl.digits().to_owned();
    let (temporary, hashed) = world.passwords.temporary().await.unwrap();
    let set = world.passwords.set_temporary(&world.person, &hashed, AddedBy::Staff);
    assert!(world.passwords.change(set, Vec::new()).await.unwrap());
    assert!(!world.is_right(&pinfl, RIGHT).await, "it takes the place of the one before");
    let Tried::Right(right) = world.tried(&pinfl, temporary.as_str(), Side::Stranger).await else {
        panic!("it is right")
    };
    assert!(right.temporary);
    // One of two that set a new one is the first.
    let new = world.passwords.hash(world.passwords.rules.check(RIGHT, &Own::default()).ok().unwrap());
    let new = new.await.unwrap().unwrap();
    let replace = || world.passwords.replace(&world.person, right.generation, &new, AddedBy::Person);
    assert!(world.passwords.change(replace(), Vec::new()).await.unwrap());
    assert!(!world.passwords.change(replace(), Vec::new()).await.unwrap());
    assert!(!world.is_right(&pinfl, temporary.as_str()).await, "it was used");
    assert!(world.is_right(&pinfl, RIGHT).await);

    let (temporary, hashed) = world.passwords.temporary().await.unwrap();
    let set = world.passwords.set_temporary(&world.person, &hashed, AddedBy::Staff);
    assert!(world.passwords.change(set, Vec::new()).await.unwrap());
    world.clock.advance(86_400);
    assert_eq!(world.tried(&pinfl, temporary.as_str(), Side::Stranger).await, Tried::Over);
    assert!(matches!(world.tried(&pinfl, "another", Side::Stranger).await, Tried::Wrong { .. }));
}

#[actix_web::test]
async fn a_hash_of_another_cost_is_made_anew_by_the_next_right_password() {
    let world = world().await;
    let hash = async || {
        let (phc, stored) = world.passwords.store.hash_of(&world.person).await.unwrap().unwrap();
        (phc.split('$').nth(3).unwrap().to_owned(), stored.generation)
    };
    let (first, generation) = hash().await;
    assert_eq!(first, "m=64,t=1,p=1");
    let (dearer, _) = start(&world.db, &world.clock, 128);
    for (password, cost) in [("wrong", "m=64,t=1,p=1"), (RIGHT, "m=128,t=1,p=1")] {
        tried(&dearer, world.pinfl.digits(), password, Side::Stranger).await;
        assert_eq!(hash().await, (cost.to_owned(), generation));
    }
    assert!(world.is_right(world.pinfl.digits(), RIGHT).await);
}

#[actix_web::test]
async fn nothing_that_is_stored_shows_a_password_a_hash_or_a_login() {
    let world = world().await;
    let login = ChosenLogin::parse("aziz.karimov").unwrap();
    assert!(world.passwords.choose_login(&world.person, &login, Vec::new()).await.unwrap());
    let all = "SELECT w.sealed AS password, l.sealed AS login, l.login_index FROM passwords w JOIN logins l ON l.person_id = w.person_id";
    let row = world.db.read_one(db::statement(all)).await.unwrap();
    for column in ["password", "login", "login_index"] {
        let stored = db::text(&row, "passwords", column).unwrap();
        assert!(!stored.contains("argon2") && !stored.contains("aziz"), "{column}");
    }
}
