//! What all pages of the cabinet have: the frame, the menu, and a sentence that says what was just done.

use super::visit::Visit;
use super::{PATH, paths};
use crate::platform::web::frame::Frame;
use crate::platform::web::text::Text;
use crate::release::person_name;

/// A page that the menu leads to.
pub(super) struct MenuItem {
    pub(super) label: &'static str,
    pub(super) href: &'static str,
    /// It is the one that is shown.
    pub(super) current: bool,
}

/// The menu and what stands above the page.
pub(super) struct Shell {
    pub(super) menu: Vec<MenuItem>,
    /// Whose pages these are.
    pub(super) name: String,
    /// What was just done, in words.
    pub(super) said: Option<&'static str>,
    /// What each form of the page holds.
    pub(super) form: String,
}

/// The pages with their names, in the order of the menu.
const MENU: [(&str, &str); 14] = [
    ("cabinet.overview", PATH),
    ("cabinet.notices", paths::NOTICES),
    ("cabinet.requests", paths::REQUESTS),
    ("cabinet.accesses", paths::ACCESSES),
    ("cabinet.receipts", paths::RECEIPTS),
    ("cabinet.services", paths::SERVICES),
    ("cabinet.sessions", paths::SESSIONS),
    ("cabinet.history", paths::HISTORY),
    ("cabinet.on_file", paths::DATA),
    ("own_means.title", paths::MEANS),
    ("own_mobile_id.title", paths::MOBILE_ID),
    ("email.title", paths::EMAIL),
    ("own_passkeys.title", paths::PASSKEYS),
    ("cabinet.safety", paths::SAFETY),
];

/// What a page may say was done: the word in its address, and the sentence.
const SAID: [(&str, &str); 25] = [
    ("untaken", "cabinet.said_untaken"),
    ("ended_left", "cabinet.said_ended_left"),
    ("ended", "cabinet.said_ended"),
    ("nothing", "cabinet.said_nothing"),
    ("unmuted", "cabinet.said_unmuted"),
    ("session", "cabinet.said_session"),
    ("sessions", "cabinet.said_sessions"),
    ("browser", "cabinet.said_browser"),
    ("muted", "cabinet.said_muted"),
    ("sms_on", "cabinet.said_sms_on"),
    ("sms_off", "cabinet.said_sms_off"),
    ("language", "cabinet.said_language"),
    ("email_asked", "email.said_asked"),
    ("email_gone", "email.said_gone"),
    ("passkey_added", "own_passkeys.said_added"),
    ("passkey_not_added", "own_passkeys.said_not_added"),
    ("passkey_renamed", "own_passkeys.said_renamed"),
    ("passkey_removed", "own_passkeys.said_removed"),
    ("password", "own_means.said_password"),
    ("login", "own_means.said_login"),
    ("removed_means", "own_means.said_removed"),
    ("last_means", "own_means.said_last"),
    ("waits", "own_means.said_waits"),
    ("too_often", "own_mobile_id.too_often"),
    ("no_answer", "own_mobile_id.no_answer"),
];

impl Shell {
    /// Around the page at `here`.
    pub(super) fn of(visit: &Visit<'_>, here: &str) -> Self {
        let text = visit.context.text();
        let item = |(label, href): (&'static str, &'static str)| MenuItem {
            label: text.get(label),
            href,
            current: href == here,
        };
        Self {
            menu: MENU.into_iter().filter(|(_, href)| visit.offers(href)).map(item).collect(),
            name: person_name(&visit.account, visit.context.language),
            said: visit.said().and_then(|word| said(text, word)),
            form: visit.form_token(),
        }
    }
}

fn said(text: Text, word: &str) -> Option<&'static str> {
    SAID.iter().find(|(known, _)| *known == word).map(|(_, key)| text.get(key))
}

/// The frame of a page.
pub(super) fn frame<'a>(visit: &'a Visit<'_>) -> Frame<'a> {
    visit.context.frame(None, visit.context.languages_here())
}
