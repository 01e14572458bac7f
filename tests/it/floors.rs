//! The house: a module uses what is beneath it, never what is above it.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

/// From the ground up. `sandbox` and `demo` stand apart.
const FLOORS: [(&str, u8); 14] = [
    ("platform", 0),
    ("people", 1),
    ("registries", 2),
    ("notices", 2),
    ("clients", 3),
    ("mobile_id", 4),
    ("sign_in", 5),
    ("release", 6),
    ("grants", 6),
    ("oidc", 7),
    ("oneid", 7),
    ("pages", 8),
    ("app", 9),
    ("cli", 9),
];
const APART: [&str; 2] = ["sandbox", "demo"];

fn floor(module: &str) -> Option<u8> {
    FLOORS.iter().find(|(name, _)| *name == module).map(|(_, floor)| *floor)
}

/// What stands in the way of `from` using `to`, if anything.
fn objection(from: &str, to: &str) -> Option<&'static str> {
    if from == to {
        return None;
    }
    if APART.contains(&from) {
        return Some("stands apart and reaches others over the network only");
    }
    if APART.contains(&to) {
        // The demo is put together by its command.
        return (from != "cli").then_some("nothing reaches what stands apart");
    }
    match (floor(from), floor(to)) {
        (Some(lower), Some(upper)) if lower < upper => Some("climbs"),
        (Some(one), Some(other)) if one == other && one < 9 => Some("leads to a neighbour on the same floor"),
        (Some(_), Some(_)) => None,
        _ => Some("leads to or from a folder that has no floor"),
    }
}

fn sources(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).expect("a folder").map(|entry| entry.expect("an entry").path()) {
        if entry.is_dir() {
            sources(&entry, found);
        } else if entry.extension().is_some_and(|extension| extension == "rs") {
            found.push(entry);
        }
    }
}

/// The top-level modules that a source names: `crate::a::…` and `crate::{a::…, b::…}`.
fn used(source: &str) -> BTreeSet<String> {
    let code: String =
        source.lines().filter(|line| !line.trim_start().starts_with("//")).collect::<Vec<_>>().join("\n");
    let word =
        |text: &str| text.chars().take_while(|c| c.is_ascii_alphanumeric() || *c == '_').collect::<String>();
    let mut modules = BTreeSet::new();
    for part in code.split("crate::").skip(1) {
        let Some(group) = part.strip_prefix('{') else {
            modules.insert(word(part));
            continue;
        };
        let mut depth = 0;
        let mut start = true;
        for (at, c) in group.char_indices() {
            if depth == 0 && start && (c.is_ascii_alphabetic() || c == '_') {
                modules.insert(word(&group[at..]));
                start = false;
            }
            match c {
                '{' => depth += 1,
                '}' if depth == 0 => break,
                '}' => depth -= 1,
                ',' if depth == 0 => start = true,
                _ => {}
            }
        }
    }
    modules.retain(|module| module.chars().next().is_some_and(|c| c.is_ascii_lowercase()));
    modules
}

#[test]
fn no_edge_of_the_source_climbs() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut files = Vec::new();
    sources(&root, &mut files);
    let mut wrong = Vec::new();
    let mut edges = 0;
    for file in files {
        let path = file.strip_prefix(&root).expect("a source").to_path_buf();
        let first = path.components().next().expect("a name").as_os_str().to_string_lossy().into_owned();
        let from = first.trim_end_matches(".rs");
        if ["lib", "main"].contains(&from) {
            continue;
        }
        for to in used(&std::fs::read_to_string(&file).expect("a source")) {
            edges += 1;
            if let Some(why) = objection(from, &to) {
                wrong.push(format!("src/{} uses {to}: {why}", path.display()));
            }
        }
    }
    assert!(edges > 50, "the edges are not found any more");
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn edges_are_read_from_every_spelling() {
    let source = "use crate::people::Person;\n// use crate::cli::X;\nuse crate::{clients::{A, B}, platform::db};\n\
                  fn f() { crate::oidc::g() }\nuse crate::Thing;";
    let found: Vec<_> = used(source).into_iter().collect();
    assert_eq!(found, ["clients", "oidc", "people", "platform"]);
    assert!(objection("platform", "people").is_some());
    assert!(objection("demo", "platform").is_some() && objection("oidc", "sandbox").is_some());
    assert!(objection("oidc", "platform").is_none() && objection("cli", "demo").is_none());
}
