//! Values of data sets as their registers have them now, and the record where a register has to be done without.

use serde_json::{Value, json};
use yagona::people::{CivilDate, DataSet, Origin, Person, Register, test_people};
use yagona::platform::clock::Timestamp;

use super::{Bench, MALIKA, NOW, asker, pinfl};
use crate::data::{by_law, lawful, read};
use crate::support::client_file::COUNCIL;
use crate::support::{World, on_both_backends};

on_both_backends!(r111_the_data_api_tells_what_the_register_has_now);

/// A record with other values than the registers have.
fn record() -> Person {
    let first = test_people::parse(test_people::BUILT_IN).expect("people").remove(0).record();
    Person { pinfl: pinfl(MALIKA), ..first }
}

#[tokio::test]
async fn r111_values_are_their_registers_with_their_day_or_stay_the_records() {
    let bench = Bench::start(&[]);
    let live = async |set: DataSet| bench.registries.live(&record(), set, &asker()).await;
    let today = Some(CivilDate::of(Timestamp(NOW)));
    let address = live(DataSet::Address).await.expect("the register's");
    assert_eq!(address.address.as_ref().expect("one").district, "ЮНУСОБОД ТУМАНИ");
    let interior = Origin { source: Register::InternalAffairs, as_of: today };
    assert_eq!(address.origin(DataSet::Address), interior);
    assert_eq!(address.tin, record().tin, "only what was asked for");
    let temporary = live(DataSet::TemporaryAddress).await.expect("the register's");
    assert_eq!(
        (&temporary.temporary_address, temporary.origin(DataSet::TemporaryAddress)),
        (&None, interior)
    );
    let tin = live(DataSet::Tin).await.expect("the register's");
    assert_eq!(tin.tin.as_ref().expect("one").digits(), "521000001");
    assert_eq!(tin.origin(DataSet::Tin).source, Register::TaxCommittee);
    let job = live(DataSet::Employment).await.expect("the register's");
    assert_eq!(job.employment.as_ref().expect("one").position, "Muhandis");
    assert_eq!(live(DataSet::Name).await, None, "names are the record's");
    let unknown = Person { pinfl: pinfl("30101902040015"), ..record() };
    for set in [DataSet::Address, DataSet::Tin, DataSet::Employment] {
        assert_eq!(bench.registries.live(&unknown, set, &asker()).await, None, "{set:?} of somebody unknown");
    }
    bench.sandbox.registers(&[("all.fail", "1")]).await;
    bench.clock.advance(1800);
    assert_eq!(live(DataSet::Tin).await.expect("still fresh").origin(DataSet::Tin).as_of, today);
    bench.clock.advance(3600);
    for set in [DataSet::Address, DataSet::Tin, DataSet::Employment] {
        assert_eq!(live(set).await, None, "{set:?} of a register that fails");
    }
}

async fn r111_the_data_api_tells_what_the_register_has_now(world: &World) {
    let person = world.person();
    let moved = json!({
        "pinfl": person.pinfl, "latin": ["KARIMOVA", "DILNOZA", ""], "birth_date": "1990-04-12", "sex": 2,
        "address": ["BUXORO VILOYATI", "G'IJDUVON TUMANI", "NAVOIY KO'CHASI, 5-UY", "2026-01-02"],
    });
    world.sandbox.knows(&json!({ "person": [moved] })).await;
    let tokens = by_law(world, COUNCIL, &lawful(world, &person.pinfl, &json!({}))).await.granted();
    let told = read(world, &tokens, "address").await.granted();
    let body: &Value = &told.body;
    assert_eq!(body["claims"]["address"]["region"], "BUXORO VILOYATI", "{body}");
    assert_eq!(
        (&body["source"], &body["register"]),
        (&json!("internal_affairs"), &json!("internal_affairs"))
    );
    assert!(body["as_of"].as_str().is_some_and(|day| day.len() == 10), "{body}");
    // A sign-in asks nobody: the record stays what it was.
    world.nothing_more_came(&[&person]).await;
}
