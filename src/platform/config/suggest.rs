use super::table::{keys, sections};

/// The known key or section that was probably meant by an unknown path.
pub(super) fn suggestion(path: &str) -> Option<&'static str> {
    let last = path.rsplit('.').next().unwrap_or(path);
    let known = || keys().map(|key| key.path).chain(sections().filter(|section| !section.is_empty()));
    // The right name in the wrong section is the commonest mistake after a slip of the finger.
    let nearest = known().map(|name| (distance(path, name), name)).min()?;
    if nearest.0 <= 1 + path.len() / 6 {
        return Some(nearest.1);
    }
    let name_of = |name: &'static str| name.rsplit('.').next().unwrap_or(name);
    let nearest = known().map(|name| (distance(last, name_of(name)), name)).min()?;
    (nearest.0 <= last.len() / 6).then_some(nearest.1)
}

/// Levenshtein's edit distance, in bytes: names of keys are ASCII.
fn distance(a: &str, b: &str) -> usize {
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, x) in a.bytes().enumerate() {
        let mut diagonal = i;
        row[0] = i + 1;
        for (j, y) in b.bytes().enumerate() {
            let replaced = diagonal + usize::from(x != y);
            diagonal = row[j + 1];
            row[j + 1] = replaced.min(row[j] + 1).min(diagonal + 1);
        }
    }
    row[b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slip_of_the_finger_is_recognised() {
        assert_eq!(suggestion("server.isuer"), Some("server.issuer"));
        assert_eq!(suggestion("sever"), Some("server"));
        assert_eq!(suggestion("sign_in.code_second"), Some("sign_in.code_seconds"));
    }

    #[test]
    fn the_right_name_in_the_wrong_section_is_recognised() {
        assert_eq!(suggestion("issuer"), Some("server.issuer"));
        assert_eq!(suggestion("oidc.trusted_proxies"), Some("server.trusted_proxies"));
    }

    #[test]
    fn nothing_is_suggested_for_what_resembles_nothing() {
        assert_eq!(suggestion("zookeeper.quorum"), None);
        assert_eq!(distance("kitten", "sitting"), 3);
    }
}
