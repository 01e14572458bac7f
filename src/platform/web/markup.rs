//! Checks of the markup of every page, for tests.

use super::locale::Language;

const VOID: [&str; 7] = ["br", "hr", "img", "input", "link", "meta", "path"];

/// Fails unless the page is well-formed, in the language, free of inline code and styles, complete in words,
/// and small enough for the first round trip (14 kB).
pub(crate) fn assert_sound(html: &str, language: Language) {
    assert!(html.starts_with("<!doctype html>\n<html lang=\""), "{html:.80}");
    assert!(html.contains(&format!("<html lang=\"{}\">", language.tag())));
    assert!(html.len() < 14_000, "{} bytes", html.len());
    assert!(!html.contains(['{', '}']), "a placeholder was left unfilled");
    let tags = tags(html);
    assert_balanced(&tags);
    assert_no_inline_code(&tags);
    let mut ids: Vec<_> = tags.iter().filter_map(|tag| attribute(tag, "id")).collect();
    ids.sort_unstable();
    let count = ids.len();
    ids.dedup();
    assert_eq!(ids.len(), count, "an id stands twice");
}

/// Whether an element with this id is on the page.
pub(crate) fn has_id(html: &str, id: &str) -> bool {
    tags(html).iter().any(|tag| attribute(tag, "id") == Some(id))
}

/// Whether every occurrence of these words as text stands directly in an element that translators leave
/// alone.
pub(crate) fn is_never_translated(html: &str, words: &str) -> bool {
    let body = html.split_once("<body>").map_or(html, |(_, body)| body);
    let pieces: Vec<&str> = body.split(words).collect();
    pieces.len() > 1
        && pieces[..pieces.len() - 1].iter().all(|before| {
            let tag = before.rsplit_once('<').map_or("", |(_, tag)| tag);
            attribute(tag, "translate") == Some("no")
        })
}

/// The content of every tag. Text and attribute values are escaped, so `<` and `>` only delimit tags.
fn tags(html: &str) -> Vec<&str> {
    html.split('<').skip(1).map(|piece| piece.split_once('>').expect("a tag is not closed").0).collect()
}

fn attribute<'a>(tag: &'a str, name: &str) -> Option<&'a str> {
    tag.split_once(&format!(" {name}=\"")).and_then(|(_, rest)| rest.split_once('"')).map(|(value, _)| value)
}

fn name(tag: &str) -> &str {
    tag.split([' ', '\n', '/']).next().unwrap_or("")
}

fn assert_balanced(tags: &[&str]) {
    let mut open = Vec::new();
    for tag in tags.iter().filter(|tag| !tag.starts_with('!')) {
        match tag.strip_prefix('/') {
            Some(closing) => assert_eq!(open.pop(), Some(closing), "closed in the wrong order"),
            None if VOID.contains(&name(tag)) => {}
            None => open.push(name(tag)),
        }
    }
    assert!(open.is_empty(), "left open: {open:?}");
}

fn assert_no_inline_code(tags: &[&str]) {
    for tag in tags {
        let is_code = name(tag) == "style" || name(tag) == "script" && attribute(tag, "src").is_none();
        assert!(!is_code, "inline code: {tag}");
        // Text in quotes is data; the rest are attribute names.
        for names in tag.split('"').step_by(2) {
            for word in names.split_whitespace().filter(|word| word.ends_with('=')) {
                assert!(word != "style=" && !word.starts_with("on"), "inline code: {tag}");
            }
        }
    }
}

#[test]
#[should_panic(expected = "closed in the wrong order")]
fn crossed_tags_are_noticed() {
    assert_balanced(&tags("<p><b></p></b>"));
}

#[test]
#[should_panic(expected = "inline code")]
fn a_handler_in_an_attribute_is_noticed() {
    assert_no_inline_code(&tags(r#"<img alt="a" onerror="x">"#));
}
