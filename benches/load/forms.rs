//! Forms in a page, read as a browser without scripts would: which form holds an element, where it goes, and what
//! it sends when that element is used. Only what server-rendered pages need: no nesting, no scripts.

/// What a form would send.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Form {
    /// Where it goes; empty means the page's own address.
    pub action: String,
    /// Hidden inputs, ticked boxes, and the pressed button's own pair.
    pub fields: Vec<(String, String)>,
}

impl Form {
    /// Fills in a field.
    pub(crate) fn set(&mut self, name: &str, value: &str) {
        self.fields.retain(|(known, _)| known != name);
        self.fields.push((name.to_owned(), value.to_owned()));
    }
}

/// The form that holds the element `id`, as pressing or leaving it would send it.
pub(crate) fn with_element(page: &str, id: &str) -> Option<Form> {
    let mut form: Option<(Form, bool)> = None;
    for tag in tags(page) {
        match (tag.name, form.as_mut()) {
            ("form", _) => {
                let action = tag.attribute("action").unwrap_or_default();
                form = Some((Form { action, fields: vec![] }, false));
            }
            ("/form", Some((_, true))) => break,
            ("/form", _) => form = None,
            ("input" | "button" | "select", Some((form, found))) => {
                let meant = tag.attribute("id").is_some_and(|known| known == id);
                *found |= meant;
                if sends(&tag, meant)
                    && let Some(name) = tag.attribute("name")
                {
                    form.fields.push((name, tag.attribute("value").unwrap_or_default()));
                }
            }
            _ => {}
        }
    }
    form.filter(|(_, found)| *found).map(|(form, _)| form)
}

fn sends(tag: &Tag<'_>, pressed: bool) -> bool {
    let kind = tag.attribute("type").unwrap_or_default();
    match (tag.name, kind.as_str()) {
        ("button", _) | ("input", "submit") => pressed,
        ("input", "checkbox" | "radio") => tag.attribute("checked").is_some(),
        ("input", _) => true,
        _ => false,
    }
}

struct Tag<'a> {
    name: &'a str,
    rest: &'a str,
}

impl Tag<'_> {
    /// An attribute's value with its character references resolved; empty for one without a value.
    fn attribute(&self, wanted: &str) -> Option<String> {
        let mut rest = self.rest;
        loop {
            rest = rest.trim_start_matches(|letter: char| letter.is_whitespace() || letter == '/');
            if rest.is_empty() {
                return None;
            }
            let end = rest.find(|letter: char| letter.is_whitespace() || letter == '=').unwrap_or(rest.len());
            let (name, after) = rest.split_at(end);
            let (value, after) = match after.trim_start().strip_prefix('=') {
                Some(value) => quoted(value.trim_start()),
                None => ("", after),
            };
            if name.eq_ignore_ascii_case(wanted) {
                return Some(unescape(value));
            }
            rest = after;
        }
    }
}

fn quoted(text: &str) -> (&str, &str) {
    for quote in ['"', '\''] {
        if let Some(inside) = text.strip_prefix(quote) {
            return inside.split_once(quote).unwrap_or((inside, ""));
        }
    }
    text.split_at(text.find(char::is_whitespace).unwrap_or(text.len()))
}

fn tags(page: &str) -> impl Iterator<Item = Tag<'_>> {
    page.split('<').skip(1).filter_map(|piece| {
        let inside = &piece[..tag_end(piece)?];
        let end = inside.find(char::is_whitespace).unwrap_or(inside.len());
        Some(Tag { name: &inside[..end], rest: &inside[end..] })
    })
}

/// The `>` that ends a tag, not one inside an attribute's quotes.
fn tag_end(piece: &str) -> Option<usize> {
    let mut open = None;
    piece.bytes().position(|byte| match (byte, open) {
        (b'"' | b'\'', None) => {
            open = Some(byte);
            false
        }
        (byte, Some(quote)) if byte == quote => {
            open = None;
            false
        }
        (b'>', None) => true,
        _ => false,
    })
}

fn unescape(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    let mut pieces = text.split('&');
    plain.push_str(pieces.next().unwrap_or_default());
    for piece in pieces {
        match piece.split_once(';').and_then(|(name, rest)| Some((reference(name)?, rest))) {
            Some((letter, rest)) => {
                plain.push(letter);
                plain.push_str(rest);
            }
            None => {
                plain.push('&');
                plain.push_str(piece);
            }
        }
    }
    plain
}

fn reference(name: &str) -> Option<char> {
    match name {
        "amp" => Some('&'),
        "lt" => Some('<'),
        "gt" => Some('>'),
        "quot" => Some('"'),
        "apos" => Some('\''),
        _ => {
            let number = name.strip_prefix('#')?;
            let code = match number.strip_prefix(['x', 'X']) {
                Some(digits) => u32::from_str_radix(digits, 16).ok()?,
                None => number.parse().ok()?,
            };
            char::from_u32(code)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PAGE: &str = r#"<form method=post action="/other"><input id="q" name="q"></form>
        <form method="post" action="/sign-in/code?a=1&#38;b=&amp;x">
        <input type="hidden" name="csrf" value="a&quot;>b"><input id="code" name='code' value=""/>
        <input type="checkbox" name="datum" value="address" checked><input type="checkbox" name="datum" value="sex">
        <button id="continue">Go</button><button id=resend name="action" value="resend">Again</button></form>"#;

    fn form(action: &str, fields: &[(&str, &str)]) -> Form {
        let fields = fields.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        Form { action: action.to_owned(), fields }
    }

    #[test]
    fn the_form_of_a_field_is_found_with_what_it_would_send() {
        let found = with_element(PAGE, "code").unwrap();
        let expected = [("csrf", "a\">b"), ("code", ""), ("datum", "address")];
        assert_eq!(found, form("/sign-in/code?a=1&b=&x", &expected));
        assert_eq!(with_element(PAGE, "q").unwrap(), form("/other", &[("q", "")]));
    }

    #[test]
    fn only_the_pressed_button_is_sent() {
        let sent = |id| with_element(PAGE, id).unwrap().fields;
        assert!(sent("resend").contains(&("action".into(), "resend".into())));
        assert!(!sent("continue").iter().any(|(name, _)| name == "action"));
    }

    #[test]
    fn what_is_not_there_or_outside_a_form_is_not_found() {
        assert_eq!(with_element(PAGE, "phone"), None);
        assert_eq!(with_element("<input id=phone name=phone><form></form>", "phone"), None);
    }

    #[test]
    fn filling_in_replaces() {
        let mut found = with_element(PAGE, "code").unwrap();
        found.set("code", "123456");
        assert_eq!(found.fields.iter().filter(|(name, _)| name == "code").count(), 1);
    }
}
