use strsim::levenshtein;

use super::Section;

/// The known key or section that is most similar to an unknown path.
pub(crate) fn suggestion(table: &'static Section, path: &str) -> Option<&'static str> {
    let known = || {
        let headings = table.all().map(|section| section.name).filter(|name| !name.is_empty());
        table.all_keys().map(|key| key.path).chain(headings)
    };
    let nearest = known().map(|name| (levenshtein(path, name), name)).min()?;
    if nearest.0 <= 1 + path.len() / 6 {
        return Some(nearest.1);
    }
    // After typing errors, the right name in the wrong section is the most common mistake. Of several sections, the one whose
    // name is most similar.
    let nearest =
        known().map(|name| (levenshtein(last(path), last(name)), levenshtein(path, name), name)).min()?;
    (nearest.0 <= last(path).len() / 6).then_some(nearest.2)
}

fn last(path: &str) -> &str {
    path.rsplit('.').next().unwrap_or(path)
}
