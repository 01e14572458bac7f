//! A keyring whose index key is not the one that the database was filled with.

use crate::support::process::both_streams;
use crate::support::{Asked, Setup, World, alone_on_both_backends, client_file::SHOP};

alone_on_both_backends!(with_another_index_key_nothing_starts_and_everything_says_why);

/// Fails unless neither the provider nor a command runs, and both name the remedy.
fn assert_refused(world: &World, number: &str) {
    for arguments in [&["serve"][..], &["people", "unlock", number], &["migrate"]] {
        let output = world.try_command(arguments);
        let said = both_streams(&output);
        assert!(!output.status.success() && said.contains("not the one of this database"), "{said}");
    }
    let output = world.try_command(&["check"]);
    let said = both_streams(&output);
    assert!(!output.status.success() && said.contains("keyring index   FAILED"), "{said}");
    assert!(said.contains("Put the keyring back"), "{said}");
}

async fn with_another_index_key_nothing_starts_and_everything_says_why(setup: Setup) {
    let mut world = setup.start().await;
    let person = world.person();
    assert!(world.command(&["check"]).contains("keyring index   ok"));
    let path = world.folder.file("keyring.toml");
    let own = std::fs::read_to_string(&path).expect("the keyring");
    let index = own.lines().find(|line| line.starts_with("index")).expect("an index key");
    let other = own.replace(index, &format!("index = \"{}\"", "A".repeat(43)));
    world.nodes[0].running.kill();

    std::fs::write(&path, &other).expect("a file");
    assert_refused(&world, &person.number);
    // A database of a version that kept no check value tells by its persons.
    world.change_database("DELETE FROM keyring_check").await;
    assert_refused(&world, &person.number);
    let recorded = "SELECT CAST(COUNT(*) AS BIGINT) FROM keyring_check";
    assert_eq!(world.stored(recorded).await, 0);

    std::fs::write(&path, &own).expect("a file");
    world.start_again().await;
    assert_eq!(world.stored(recorded).await, 1);
    world.tokens(&Asked::by(SHOP), &person).await;
}
