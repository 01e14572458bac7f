//! As much of HTML as it takes to fill in and send a form like a browser.

/// A form on a page.
#[derive(Debug, Default)]
pub struct Form {
    /// Where it is sent.
    pub action: String,
    /// Its fields and buttons, in order.
    pub controls: Vec<Control>,
}

/// An `<input>` or `<button>`.
#[derive(Debug, Default)]
pub struct Control {
    pub button: bool,
    pub id: String,
    pub name: String,
    pub kind: String,
    pub value: String,
    pub checked: bool,
}

/// Typed into a checkbox, which is named by its id.
pub const TICKED: &str = "ticked";
/// The contrary.
pub const UNTICKED: &str = "unticked";

impl Form {
    /// What a browser sends when the button with `id` is pressed after `typed` was filled in.
    pub fn fields(&self, id: &str, typed: &[(&str, &str)]) -> Vec<(String, String)> {
        let mut fields = Vec::new();
        for control in self.controls.iter().filter(|control| !control.name.is_empty()) {
            let name = control.name.as_str();
            let say = |key: &str| typed.iter().find(|(field, _)| *field == key).map(|(_, value)| *value);
            let value = match (control.button, control.kind.as_str()) {
                (true, _) => (control.id == id).then_some(control.value.as_str()),
                (false, "checkbox") => {
                    let ticked = say(&control.id).map_or(control.checked, |said| said == TICKED);
                    ticked.then_some(control.value.as_str())
                }
                (false, _) => Some(say(name).unwrap_or(&control.value)),
            };
            fields.extend(value.map(|value| (name.to_owned(), value.to_owned())));
        }
        fields
    }
}

/// All forms of a page.
pub fn forms(html: &str) -> Vec<Form> {
    let mut forms = Vec::new();
    for part in html.split("<form").skip(1) {
        let part = part.split("</form>").next().unwrap_or_default();
        let mut form =
            Form { action: attribute(tag(part), "action").unwrap_or_default(), controls: Vec::new() };
        let mut rest = part;
        while let Some(at) = ["<input", "<button"].iter().filter_map(|start| rest.find(start)).min() {
            let button = rest[at..].starts_with("<button");
            rest = &rest[at + 1..];
            let tag = tag(rest);
            let get = |name: &str| attribute(tag, name).unwrap_or_default();
            form.controls.push(Control {
                button,
                id: get("id"),
                name: get("name"),
                kind: get("type"),
                value: get("value"),
                checked: attribute(tag, "checked").is_some(),
            });
        }
        forms.push(form);
    }
    forms
}

/// The `href` of the link with `id`.
pub fn link(html: &str, id: &str) -> Option<String> {
    let at = html.find(&format!("id=\"{id}\""))?;
    let start = html[..at].rfind('<')?;
    attribute(tag(&html[start..]), "href")
}

/// The start tag that `text` begins with, without what follows it.
fn tag(text: &str) -> &str {
    let mut quoted = None;
    for (at, c) in text.char_indices() {
        match (quoted, c) {
            (None, '>') => return &text[..at],
            (None, '"' | '\'') => quoted = Some(c),
            (Some(quote), c) if c == quote => quoted = None,
            _ => {}
        }
    }
    text
}

/// The value of an attribute, empty if it has none.
fn attribute(tag: &str, name: &str) -> Option<String> {
    let mut from = 0;
    while let Some(found) = tag[from..].find(name) {
        let at = from + found;
        from = at + name.len();
        let before = tag[..at].chars().next_back();
        let after = &tag[from..];
        if !before.is_some_and(char::is_whitespace) {
            continue;
        }
        if let Some(value) = after.strip_prefix("=\"") {
            return Some(unescape(value.split('"').next().unwrap_or_default()));
        }
        if after.is_empty() || after.starts_with([' ', '\n', '/']) {
            return Some(String::new());
        }
    }
    None
}

/// Resolves the character references that templates write.
pub fn unescape(text: &str) -> String {
    let mut out = String::new();
    let mut rest = text;
    while let Some(at) = rest.find('&') {
        out.push_str(&rest[..at]);
        rest = &rest[at..];
        let Some(end) = rest.find(';') else { break };
        let named = match &rest[1..end] {
            "amp" => Some('&'),
            "lt" => Some('<'),
            "gt" => Some('>'),
            "quot" => Some('"'),
            reference => reference.strip_prefix('#').and_then(|n| char::from_u32(n.parse().ok()?)),
        };
        match named {
            Some(c) => {
                out.push(c);
                rest = &rest[end + 1..];
            }
            None => {
                out.push('&');
                rest = &rest[1..];
            }
        }
    }
    out + rest
}
