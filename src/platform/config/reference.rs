use std::fmt::Write;

use super::layers::variable;
use super::{Fallback, Section, SettingKey};

/// The reference of all keys in Markdown, after `introduction`.
pub(crate) fn reference(introduction: &str, table: &'static Section) -> String {
    let mut text = introduction.to_owned();
    for section in table.all() {
        let heading = match section.name {
            "" => "## Top of the file".to_owned(),
            name => format!("## `[{name}]`"),
        };
        // Writing to a String cannot fail.
        let _ = write!(text, "\n{heading}\n\n{}\n\n", section.about.trim());
        text.push_str("| key | type | default | meaning |\n|---|---|---|---|\n");
        for key in section.keys {
            let _ = writeln!(text, "{}", row(key, section.optional));
        }
    }
    text.push_str("\n## Variables\n\n| key | variable |\n|---|---|\n");
    for key in table.all_keys() {
        let _ = writeln!(text, "| `{}` | `{}` |", key.path, variable(key.path));
    }
    text
}

fn row(key: &SettingKey, optional_section: bool) -> String {
    let default = match key.fallback {
        Fallback::Value(literal) => format!("`{literal}` {}", key.kind.unit()).trim_end().to_owned(),
        Fallback::Required if optional_section => "**required** in this section".to_owned(),
        Fallback::Required => "**required**".to_owned(),
        Fallback::Nothing(words) => words.to_owned(),
    };
    let name = key.path.rsplit('.').next().unwrap_or(key.path);
    format!("| `{name}` | {} | {default} | {} |", key.kind.name(), key.meaning.trim())
}
