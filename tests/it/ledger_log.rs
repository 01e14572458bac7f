//! The ledger's transparency log: what is published, proofs that anybody verifies, and changes behind the product's back.

use std::path::Path;
use std::process::Command;

use serde_json::Value;
use yagona::platform::tlog::{Checkpoint, Hash, Proof, VerifierKey};

use crate::support::client_file::SHOP;
use crate::support::process::both_streams;
use crate::support::wait::until;
use crate::support::{Asked, Person, Setup, World, alone_on_both_backends, on_both_backends};

on_both_backends!(
    r71_whoever_has_a_proof_verifies_it_without_the_provider,
    the_log_is_published_by_its_hashes_alone,
);

alone_on_both_backends!(a_change_of_the_ledger_is_found_and_what_expires_leaves_the_rest_whole);

impl World {
    /// Makes a release, and waits until it has its place: its entry as `ledger list` has it.
    async fn released(&self, person: &Person) -> Value {
        self.tokens(&Asked::by(SHOP).with("scope", "openid profile"), person).await;
        until("a place in the log", async || {
            let told = self.command(&["ledger", "list", &person.number, "--format", "json"]);
            let told: Value = serde_json::from_str(&told).expect("JSON");
            let entry = told["entries"][0].clone();
            entry["position"].is_i64().then_some(entry)
        })
        .await
    }

    async fn published(&self, path: &str) -> (u16, Vec<u8>) {
        let request = self.browser().request(reqwest::Method::GET, &self.url(path));
        let answer = request.send().await.expect("an answer");
        (answer.status().as_u16(), answer.bytes().await.expect("a body").to_vec())
    }

    pub(crate) async fn published_text(&self, path: &str) -> String {
        let (status, body) = self.published(path).await;
        assert_eq!(status, 200, "{path}");
        String::from_utf8(body).expect("text")
    }

    /// What `ledger verify` says, and whether it is content.
    fn verify_ledger(&self, arguments: &[&str]) -> (bool, String) {
        let output = self.try_command(&[&["ledger", "verify"], arguments].concat());
        (output.status.success(), both_streams(&output))
    }
}

/// What the published script says of a proof, and whether it is content.
fn script(proof: &Path, key: &str) -> (bool, String) {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/verify-ledger-proof.py");
    let output = Command::new("python3").arg(script).arg(proof).arg(key).output().expect("Python");
    (output.status.success(), both_streams(&output))
}

async fn r71_whoever_has_a_proof_verifies_it_without_the_provider(world: &World) {
    let person = world.person();
    let entry = world.released(&person).await;
    let id = entry["entry"]["id"].as_str().expect("a name");
    let proof = world.command(&["ledger", "proof", id]);
    let key = world.published_text("/ledger/key").await;
    let key = key.trim();
    assert_eq!(world.command(&["ledger", "key"]).trim(), key);
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("mine.tlog-proof");
    let write = |text: &str| std::fs::write(&file, text).expect("a file");
    let path = file.display().to_string();
    write(&proof);
    let (good, said) = world.verify_ledger(&["--proof", &path, "--key", key]);
    assert!(good && said.contains("\"client\": \"shop\"") && said.contains("stands at place"), "{said}");
    let (good, said) = script(&file, key);
    assert!(good && said.contains("\"client\": \"shop\"") && said.contains("stands at place"), "{said}");
    // Somebody else's entry, another place, a changed one, another key.
    let read = Proof::parse(&proof).expect("a proof");
    let leaf = String::from_utf8(read.leaf.clone()).expect("text");
    let changed = Proof { leaf: leaf.replace("\"shop\"", "\"bank\"").into_bytes(), ..read.clone() };
    let moved = Proof { index: read.index + 1, ..read.clone() };
    let longer = Proof { path: [&read.path[..], &[Hash::of_nothing()]].concat(), ..read.clone() };
    let size = Checkpoint::read(&read.checkpoint).expect("a checkpoint").size;
    let grown = read.checkpoint.replace(&format!("\n{size}\n"), &format!("\n{}\n", size + 1));
    let grown = Proof { checkpoint: grown, ..read };
    for wrong in [changed, moved, longer, grown] {
        write(&wrong.to_string());
        let (good, said) = world.verify_ledger(&["--proof", &path, "--key", key]);
        assert!(!good && said.contains("proves nothing"), "{said}");
        let (good, said) = script(&file, key);
        assert!(!good && said.contains("proves nothing"), "{said}");
    }
    write(&proof);
    let other = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW";
    assert!(!world.verify_ledger(&["--proof", &path, "--key", other]).0 && !script(&file, other).0);
    // An entry that there is none of.
    assert!(!world.try_command(&["ledger", "proof", "AAAAAAAAAAAAAAAAAAAAAA"]).status.success());
}

async fn the_log_is_published_by_its_hashes_alone(world: &World) {
    let entry = world.released(&world.person()).await;
    let position = entry["position"].as_u64().expect("a place");
    let note = until("a checkpoint with the entry", async || {
        let (status, note) = world.published("/ledger/checkpoint").await;
        let note = String::from_utf8(note).expect("text");
        let covers = status == 200 && Checkpoint::read(&note).expect("a checkpoint").size > position;
        covers.then_some(note)
    })
    .await;
    let key = VerifierKey::parse(&world.published_text("/ledger/key").await).expect("a key");
    let checkpoint = Checkpoint::verified(&note, &key).expect("signed");
    assert!(checkpoint.origin.ends_with("/ledger"), "{}", checkpoint.origin);
    // The leaf's hash is in its tile.
    let (tile, within) = (position / 256, (position % 256) as usize);
    let width = (checkpoint.size - tile * 256).min(256);
    let full = format!("/ledger/tile/0/{tile:03}");
    let path = if width == 256 { full.clone() } else { format!("{full}.p/{width}") };
    let (status, hashes) = world.published(&path).await;
    assert_eq!((status, hashes.len()), (200, width as usize * 32), "{path}");
    let id = entry["entry"]["id"].as_str().expect("a name");
    let proof = Proof::parse(&world.command(&["ledger", "proof", id])).expect("a proof");
    let hash = &hashes[within * 32..(within + 1) * 32];
    assert_eq!(hash, Hash::of_leaf(&proof.leaf).0);
    // What is not there, has another form, or would tell of people.
    for none in [
        "/ledger/tile/0/999",
        "/ledger/tile/0/1",
        "/ledger/tile/entries/000",
        "/ledger/tile/7/000",
        "/ledger/tile/0/x000/000",
    ] {
        assert_eq!(world.published(none).await.0, 404, "{none}");
    }
    if width < 256 {
        assert_eq!(world.published(&full).await.0, 404, "it is not full");
    }
}

async fn a_change_of_the_ledger_is_found_and_what_expires_leaves_the_rest_whole(setup: Setup) {
    let world = setup.set("ledger.keep_days", 30).start().await;
    let person = world.person();
    world.released(&person).await;
    let (good, said) = world.verify_ledger(&[]);
    assert!(good && said.contains("1 entries verified in a log of 1 places"), "{said}");
    let folder = tempfile::tempdir().expect("a folder");
    let kept = folder.path().join("checkpoint");
    std::fs::write(&kept, world.published_text("/ledger/checkpoint").await).expect("a file");
    let kept = kept.display().to_string();

    world.change_database("UPDATE ledger_entries SET client_id = 'rival'").await;
    let (good, said) = world.verify_ledger(&[]);
    assert!(!good && said.contains("the entry at place 0 was changed"), "{said}");
    world.change_database("UPDATE ledger_entries SET client_id = 'shop'").await;
    assert!(world.verify_ledger(&["--checkpoint", &kept]).0);

    let copy = "CREATE TABLE kept AS SELECT size, checkpoint FROM tlog_heads WHERE log = 'ledger'";
    world.change_database(copy).await;

    // It expires; another is written, and the log is the one that it was.
    world.advance(31 * 86_400).await;
    world.until_stored("SELECT COUNT(*) FROM ledger_entries", 0).await;
    world.released(&world.person()).await;
    let (good, said) = world.verify_ledger(&["--checkpoint", &kept]);
    assert!(good && said.contains("1 entries verified in a log of 2 places"), "{said}");
    world.change_database("DELETE FROM ledger_entries").await;
    let (good, said) = world.verify_ledger(&[]);
    assert!(!good && said.contains("the entry at place 1 was removed"), "{said}");
    // The log as it was before is whole in itself: whoever kept a newer checkpoint sees that it was put back.
    let newer = folder.path().join("newer");
    std::fs::write(&newer, world.published_text("/ledger/checkpoint").await).expect("a file");
    let back = "UPDATE tlog_heads SET size = (SELECT size FROM kept), checkpoint = (SELECT checkpoint FROM kept) \
                WHERE log = 'ledger'";
    world.change_database(back).await;
    assert!(world.verify_ledger(&[]).0);
    assert!(!world.verify_ledger(&["--checkpoint", &newer.display().to_string()]).0);
}
