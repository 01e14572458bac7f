//! What mails say: plain text, no picture, no link but to this provider's own pages, and nothing of a person's.

use crate::notices::inbox::NoticeWords;
use crate::platform::web::text::Text;

/// The subject and the text of a mail.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Words {
    pub(super) subject: String,
    pub(super) body: String,
}

/// A mail about a notice, which arrived at a moment, with a link that stops what it tells of if there is one; `pages` is this provider's
/// origin, and `address` as people read it.
pub(super) fn about(
    (notice, stop): (&NoticeWords, Option<&str>),
    arrived: &str,
    text: Text,
    pages: &str,
    address: &str,
) -> Words {
    let when = text.with("email.when", &[("when", arrived)]);
    let stop = stop.map(|link| format!("{}\n{link}", text.get("email.stop")));
    let safety = format!("{}\n{pages}/cabinet/safety", text.get("email.not_me"));
    let mut paragraphs = vec![notice.title.as_str(), &notice.sentence, &when];
    paragraphs.extend(stop.as_deref());
    paragraphs.push(&safety);
    whole(&notice.title, &paragraphs, text, address)
}

/// A mail with the link that confirms its address.
pub(super) fn link(link: &str, text: Text, address: &str) -> Words {
    let asked = text.with("email.link_asked", &[("address", address)]);
    let open = format!("{}\n{link}", text.get("email.link_open"));
    let paragraphs = [asked.as_str(), &open, text.get("email.link_not_you")];
    whole(text.get("email.link_subject"), &paragraphs, text, address)
}

/// A mail that tells an address that it is used no more.
pub(super) fn replaced(text: Text, pages: &str, address: &str) -> Words {
    let told = text.with("email.replaced", &[("address", address)]);
    let safety = format!("{}\n{pages}/cabinet/safety", text.get("email.not_me"));
    whole(text.get("email.replaced_subject"), &[&told, &safety], text, address)
}

fn whole(subject: &str, paragraphs: &[&str], text: Text, address: &str) -> Words {
    let foot = text.with("email.foot", &[("address", address)]);
    let body = paragraphs.iter().map(|paragraph| folded(paragraph)).collect::<Vec<_>>().join("\n\n");
    Words { subject: format!("{subject} – Yagona"), body: format!("{body}\n\n-- \n{}\n", folded(&foot)) }
}

/// Lines of at most some seventy letters, as mails are read on any screen; a word that is longer, such as a link, stays whole.
fn folded(paragraph: &str) -> String {
    const LONGEST: usize = 72;
    let mut lines = Vec::new();
    for given in paragraph.lines() {
        let mut line = String::new();
        for word in given.split(' ') {
            if !line.is_empty() && line.chars().count() + 1 + word.chars().count() > LONGEST {
                lines.push(std::mem::take(&mut line));
            }
            if !line.is_empty() {
                line.push(' ');
            }
            line.push_str(word);
        }
        lines.push(line);
    }
    lines.join("\n")
}
