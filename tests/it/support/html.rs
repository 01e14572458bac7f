//! What a browser without scripts finds on a page: its text, links and forms, and what sending a form sends.

use scraper::{ElementRef, Html, Selector};

/// A form on a page.
#[derive(Clone, Debug)]
pub(crate) struct Form {
    /// Where it is sent.
    pub action: String,
    /// Its fields and buttons, in order.
    pub controls: Vec<Control>,
}

/// An `<input>` or `<button>`.
#[derive(Clone, Debug)]
pub(crate) struct Control {
    pub button: bool,
    pub id: String,
    pub name: String,
    pub kind: String,
    pub value: String,
    pub checked: bool,
}

/// A link on a page.
#[derive(Clone, Debug)]
pub(crate) struct Link {
    pub id: String,
    pub href: String,
    /// The language that it leads to, where it only changes that.
    pub language: Option<String>,
}

/// Typed into a checkbox, which is named by its id.
pub(crate) const TICKED: &str = "ticked";
/// The contrary.
pub(crate) const UNTICKED: &str = "unticked";

impl Form {
    /// What a browser sends when the button with `id` is pressed after `typed` was filled in.
    pub(crate) fn fields(&self, id: &str, typed: &[(&str, &str)]) -> Vec<(String, String)> {
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
                (false, "radio") => {
                    let chosen = say(name).map_or(control.checked, |said| said == control.value);
                    chosen.then_some(control.value.as_str())
                }
                (false, _) => Some(say(name).unwrap_or(&control.value)),
            };
            fields.extend(value.map(|value| (name.to_owned(), value.to_owned())));
        }
        fields
    }
}

fn select(selector: &str) -> Selector {
    Selector::parse(selector).unwrap_or_else(|error| panic!("{selector}: {error}"))
}

fn attribute(element: ElementRef<'_>, name: &str) -> String {
    element.attr(name).unwrap_or_default().to_owned()
}

/// An attribute of the one element that `selector` finds.
pub(crate) fn attribute_of(html: &str, selector: &str, name: &str) -> String {
    let page = Html::parse_document(html);
    let found: Vec<_> = page.select(&select(selector)).collect();
    let [one] = found.as_slice() else { panic!("{} elements are {selector}: {html}", found.len()) };
    attribute(*one, name)
}

/// All forms of a page.
pub(crate) fn forms(html: &str) -> Vec<Form> {
    let page = Html::parse_document(html);
    let (form, control) = (select("form"), select("input, button, textarea, select"));
    let forms = page.select(&form).map(|form| Form {
        action: attribute(form, "action"),
        controls: form
            .select(&control)
            .map(|control| Control {
                button: control.value().name() == "button",
                id: attribute(control, "id"),
                name: attribute(control, "name"),
                kind: attribute(control, "type"),
                value: value(control),
                checked: control.attr("checked").is_some(),
            })
            .collect(),
    });
    forms.collect()
}

/// What a control holds before anything is typed.
fn value(control: ElementRef<'_>) -> String {
    match control.value().name() {
        "textarea" => control.text().collect(),
        "select" => {
            let (chosen, any) = (select("option[selected]"), select("option"));
            let option = control.select(&chosen).next().or_else(|| control.select(&any).next());
            option.map_or_else(String::new, |option| attribute(option, "value"))
        }
        _ => attribute(control, "value"),
    }
}

/// All links of a page.
pub(crate) fn links(html: &str) -> Vec<Link> {
    let (page, link) = (Html::parse_document(html), select("a[href]"));
    let links = page.select(&link).map(|link| Link {
        id: attribute(link, "id"),
        href: attribute(link, "href"),
        language: link.attr("hreflang").map(str::to_owned),
    });
    links.collect()
}

/// The language that the page says it is in.
pub(crate) fn language(html: &str) -> String {
    let page = Html::parse_document(html);
    attribute(page.root_element(), "lang")
}

/// What a person reads, roughly: the body without tags.
pub(crate) fn text(html: &str) -> String {
    let page = Html::parse_document(html);
    let body = page.select(&select("body")).next().expect("a body");
    body.text().collect::<Vec<_>>().join(" ")
}

/// What a person reads in the element of that name.
pub(crate) fn text_at(html: &str, id: &str) -> Option<String> {
    let page = Html::parse_document(html);
    let found = page.select(&select(&format!("[id=\"{id}\"]"))).next()?;
    Some(found.text().collect::<String>().trim().to_owned())
}

/// How many ways lead on from a page: forms, and links that do more than change its language.
pub(crate) fn ways_on(html: &str) -> usize {
    let page = Html::parse_document(html);
    page.select(&select("main form, main a[href]:not([hreflang])")).count()
}
