//! Holds `docs/mobile-id.md` to the clauses: every one is listed once, and each test that it names exists.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

const LIST: &str = include_str!("../../docs/mobile-id.md");

/// All files of Rust below a folder, as one text.
fn sources(folder: &Path, text: &mut String) {
    for entry in std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()) {
        if entry.is_dir() {
            sources(&entry, text);
        } else if entry.extension().is_some_and(|extension| extension == "rs") {
            text.push_str(&std::fs::read_to_string(&entry).unwrap());
        }
    }
}

#[test]
fn every_clause_is_listed_once_with_a_test_that_exists_or_the_reason_why_there_is_none() {
    let mut rows = BTreeMap::new();
    for line in LIST.lines().filter(|line| line.starts_with("| R")) {
        let cells: Vec<&str> = line.trim_matches('|').split(" | ").map(str::trim).collect();
        assert_eq!(cells.len(), 4, "{line}");
        let id: u32 = cells[0].trim_start_matches('R').parse().unwrap_or_else(|_| panic!("{line}"));
        assert!(
            rows.insert(id, (cells[2].to_owned(), cells[3].to_owned())).is_none(),
            "R{id} is listed twice"
        );
    }
    let expected: BTreeSet<u32> = (1..=95).chain([107]).collect();
    assert_eq!(rows.keys().copied().collect::<BTreeSet<_>>(), expected);
    let (mut text, root) = (String::new(), Path::new(env!("CARGO_MANIFEST_DIR")));
    sources(&root.join("src"), &mut text);
    sources(&root.join("tests/it"), &mut text);
    for (id, (place, test)) in rows {
        if let Some(reason) = test.strip_prefix('–') {
            let said = place.len() > 30 || !reason.trim().is_empty();
            assert!(said, "R{id} has neither a test nor a reason");
            continue;
        }
        for name in test.split('`').skip(1).step_by(2) {
            assert!(text.contains(&format!("fn {name}(")), "R{id}: there is no test {name}");
        }
        assert!(test.contains('`'), "R{id} names no test");
    }
}
