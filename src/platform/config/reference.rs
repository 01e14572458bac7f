use std::fmt::Write;

use super::key::{Fallback, Key, Kind};
use super::layers::variable;
use super::table::SECTIONS;

const INTRODUCTION: &str = "\
# Configuration

<!-- Generated from the table of keys in src/platform/config; `UPDATE=1 cargo test --lib reference` writes it anew. -->

Three layers, each over the one before: the defaults below, a TOML file (`-c config/production.toml`), and environment
variables. A variable's name is `YAGONA__`, then the key's path in capitals with two underscores between its parts:
`server.issuer` is `YAGONA__SERVER__ISSUER`. Lists are given in TOML (`[\"a\", \"b\"]`) or with commas (`a,b`).
Relative paths start from the folder in which the command runs.

Before anything starts, the whole configuration is checked: unknown keys, wrong types, missing values, and settings that
are insecure or contradict each other are reported together, each with its key, where it was set and what to do.
`yagona check` does the same and then tries what the settings name.

A **secret** is written as text or, better, as `{ file = \"/run/secrets/name\" }`; in the environment, the file's path goes into
the variable with `__FILE` at its end (`YAGONA__DATABASE__URL__FILE`). The last line break of such a file is not part of it.
Secrets are never printed, in no log and in no report.

## What production demands

With `environment = \"production\"` (the default), all of this is checked at start:

- the issuer is an `https` origin that is not this machine, and TLS is ended here (`[server.tls]`) or by a listed proxy;
- nothing is set in `[sandbox]`; no secret is the demo's or a well-known one;
- the keyring exists and only its owner may open it (mode 0600); a TLS key is not open to everybody;
- SMS gateways are reached by `https` and not on this machine;
- PostgreSQL and Redis beyond the private network are reached with TLS;
- more than one node has PostgreSQL and Redis; the embedded stores serve one node;
- codes, tokens and limits keep within the caps below;
- `outbound.allow` does not open the machine's own metadata service to clients.
";

/// The reference of all keys in Markdown: `docs/configuration.md`, from the table that loading uses.
pub fn reference() -> String {
    let mut text = INTRODUCTION.to_owned();
    for section in SECTIONS {
        let heading = match section.name {
            "" => "## Top of the file".to_owned(),
            name => format!("## `[{name}]`"),
        };
        // Writing to a String cannot fail.
        let _ = write!(text, "\n{heading}\n\n{}\n\n", section.about);
        text.push_str("| key | type | default | meaning |\n|---|---|---|---|\n");
        for key in section.keys {
            let _ = writeln!(text, "{}", row(key));
        }
    }
    text.push_str("\n## Variables\n\n| key | variable |\n|---|---|\n");
    for key in SECTIONS.iter().flat_map(|section| section.keys) {
        let _ = writeln!(text, "| `{}` | `{}` |", key.path, variable(key.path));
    }
    text
}

fn row(key: &Key) -> String {
    let unit = match key.kind {
        Kind::Integer { unit, .. } | Kind::OneOf(_, unit) | Kind::Integers { unit, .. } => format!(" {unit}"),
        _ => String::new(),
    };
    let default = match key.fallback {
        Fallback::Value(literal) => format!("`{literal}`{unit}"),
        Fallback::Required => "**required**".to_owned(),
        Fallback::RequiredWithSection => "**required** in this section".to_owned(),
        Fallback::Nothing(words) => words.to_owned(),
    };
    let name = key.path.rsplit('.').next().unwrap_or(key.path);
    format!("| `{name}` | {} | {default} | {} |", key.kind.name(), key.meaning)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_reference_in_docs_is_what_the_table_says() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/configuration.md");
        let fresh = reference();
        if std::env::var_os("UPDATE").is_some() {
            std::fs::write(path, &fresh).unwrap();
        }
        let kept = std::fs::read_to_string(path).unwrap_or_default();
        assert!(kept == fresh, "docs/configuration.md is stale: UPDATE=1 cargo test --lib reference");
    }
}
