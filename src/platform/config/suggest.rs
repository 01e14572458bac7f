use strsim::levenshtein;

use super::Section;

/// The known key or section that was probably meant by an unknown path.
pub(crate) fn suggestion(table: &'static Section, path: &str) -> Option<&'static str> {
    let known = || {
        let headings = table.all().map(|section| section.name).filter(|name| !name.is_empty());
        table.all_keys().map(|key| key.path).chain(headings)
    };
    let nearest = known().map(|name| (levenshtein(path, name), name)).min()?;
    if nearest.0 <= 1 + path.len() / 6 {
        return Some(nearest.1);
    }
    // The right name in the wrong section is the commonest mistake after a slip of the finger.
    let nearest = known().map(|name| (levenshtein(last(path), last(name)), name)).min()?;
    (nearest.0 <= last(path).len() / 6).then_some(nearest.1)
}

fn last(path: &str) -> &str {
    path.rsplit('.').next().unwrap_or(path)
}
