//! Layers: a module uses lower layers, never higher ones.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

/// From the lowest layer up. `sandbox` and `demo` are separate.
const FLOORS: [(&str, u8); 26] = [
    ("platform", 0),
    ("audit", 1),
    ("people", 1),
    ("registries", 2),
    ("notices", 2),
    ("clients", 3),
    ("staff", 3),
    ("accounts", 3),
    ("ledger", 4),
    ("mobile_id", 4),
    ("sign_in", 5),
    ("release", 6),
    ("applications", 6),
    ("grants", 7),
    ("signals", 7),
    ("first_party", 8),
    ("life_events", 8),
    ("oidc", 8),
    ("oneid", 8),
    ("cabinet", 9),
    ("mobile_app", 9),
    ("desk", 9),
    ("pages", 9),
    ("sign_up", 9),
    ("app", 10),
    ("cli", 10),
];
const APART: [&str; 2] = ["sandbox", "demo"];

fn floor(module: &str) -> Option<u8> {
    FLOORS.iter().find(|(name, _)| *name == module).map(|(_, floor)| *floor)
}

/// Why `from` must not use `to`, if so.
fn objection(from: &str, to: &str) -> Option<&'static str> {
    if from == to {
        return None;
    }
    if APART.contains(&from) {
        return Some("stands apart and reaches others over the network only");
    }
    if APART.contains(&to) {
        // The demo is composed by its command.
        return (from != "cli").then_some("nothing reaches what stands apart");
    }
    match (floor(from), floor(to)) {
        (Some(lower), Some(upper)) if lower < upper => Some("climbs"),
        (Some(one), Some(other)) if one == other && one < 10 => {
            Some("leads to a neighbour on the same floor")
        }
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

/// Pages know no protocol, but for the completion of a sign-in and signing out.
#[test]
fn pages_know_a_protocol_in_two_files_alone() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/pages");
    let mut files = Vec::new();
    sources(&root, &mut files);
    let knowing: BTreeSet<String> = files
        .iter()
        .filter(|file| {
            let used = used(&std::fs::read_to_string(file).expect("a source"));
            used.contains("oidc") || used.contains("oneid")
        })
        .map(|file| file.strip_prefix(&root).expect("a page").display().to_string())
        .collect();
    assert_eq!(knowing, BTreeSet::from(["completion.rs", "sign_out.rs"].map(str::to_owned)));
}

/// The modules beside a file that it names, by `super::…` or by the folder's own path.
fn siblings(source: &str, folder: &str) -> BTreeSet<String> {
    let own = format!("crate::{folder}::");
    let mut found = BTreeSet::new();
    let code: String =
        source.lines().filter(|line| !line.trim_start().starts_with("//")).collect::<Vec<_>>().join("\n");
    // Tests may look at anything.
    let code = code.split("#[cfg(test)]").next().unwrap_or_default();
    for start in ["super::", own.as_str()] {
        for part in code.split(start).skip(1) {
            let group = part.strip_prefix('{').map(|group| group.split('}').next().unwrap_or_default());
            for name in group.unwrap_or(part).split(',').take(if group.is_some() { 64 } else { 1 }) {
                let word: String = name
                    .trim()
                    .chars()
                    .take_while(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || *c == '_')
                    .collect();
                if !word.is_empty() {
                    found.insert(word);
                }
            }
        }
    }
    found
}

/// A cycle among the modules of one folder, if any.
fn circle(edges: &BTreeMap<String, BTreeSet<String>>) -> Option<Vec<String>> {
    fn walk(
        edges: &BTreeMap<String, BTreeSet<String>>,
        at: &str,
        path: &mut Vec<String>,
        done: &mut BTreeSet<String>,
    ) -> Option<Vec<String>> {
        if let Some(begin) = path.iter().position(|seen| seen == at) {
            return Some(path[begin..].to_vec());
        }
        if !done.insert(at.to_owned()) {
            return None;
        }
        path.push(at.to_owned());
        let found = edges.get(at).into_iter().flatten().find_map(|next| walk(edges, next, path, done));
        path.pop();
        found
    }
    let mut done = BTreeSet::new();
    edges.keys().find_map(|start| walk(edges, start, &mut Vec::new(), &mut done))
}

/// Files of a folder have no cyclic dependencies; common parts are in `mod.rs` or in lower layers.
#[test]
fn no_folder_has_a_circle_among_its_files() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut files = Vec::new();
    sources(&root, &mut files);
    let mut folders: BTreeMap<PathBuf, BTreeMap<String, BTreeSet<String>>> = BTreeMap::new();
    for file in files {
        let folder = file.parent().expect("a folder").to_path_buf();
        let name = file.file_stem().expect("a name").to_string_lossy().into_owned();
        if folder == root || name == "mod" || name == "tests" {
            continue;
        }
        let path = folder.strip_prefix(&root).expect("a source").display().to_string().replace('/', "::");
        let mut used = siblings(&std::fs::read_to_string(&file).expect("a source"), &path);
        used.remove(&name);
        folders.entry(folder).or_default().insert(name, used);
    }
    let mut wrong = Vec::new();
    for (folder, mut edges) in folders {
        let names: BTreeSet<String> = edges.keys().cloned().collect();
        edges.values_mut().for_each(|used| used.retain(|name| names.contains(name)));
        wrong.extend(circle(&edges).map(|circle| format!("{}: {}", folder.display(), circle.join(" → "))));
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn circles_are_found() {
    let source = "use super::{alpha::A, Beta, gamma};\nuse crate::oidc::delta::D;\n// use super::epsilon;\n\
                  #[cfg(test)] mod tests { use super::zeta; }";
    let found: Vec<String> = siblings(source, "oidc").into_iter().collect();
    assert_eq!(found, ["alpha", "delta", "gamma"]);
    let edges = |pairs: &[(&str, &str)]| {
        let mut edges: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
        for (from, to) in pairs {
            edges.entry((*from).to_owned()).or_default().insert((*to).to_owned());
        }
        edges
    };
    assert_eq!(circle(&edges(&[("a", "b"), ("b", "c"), ("a", "c")])), None);
    assert!(circle(&edges(&[("a", "b"), ("b", "c"), ("c", "a")])).is_some());
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
