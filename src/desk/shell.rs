//! What all pages of the desk have: the frame, the menu by role, and a sentence that says what was just done.

use super::paths;
use super::visit::Visit;
use crate::platform::web::text::Text;
use crate::staff::Role;

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
    /// What the first page is called: it lists applications, or at places without Mobile-ID accounts alone.
    pub(super) home: &'static str,
    /// Who is at work.
    pub(super) name: String,
    /// Where.
    pub(super) place: String,
    /// What was just done, in words.
    pub(super) said: Option<&'static str>,
    /// What each form of the page holds.
    pub(super) form: String,
    /// After how many seconds the page asks again by itself; 0 where it does not.
    pub(super) again: u32,
    /// Where it does.
    pub(super) again_at: String,
}

/// The pages with their names and whom they are for, in the order of the menu.
const MENU: [(&str, &str, &[Role]); 9] = [
    ("desk.applications", paths::DESK, &[Role::Operator, Role::Supervisor]),
    ("desk.account", paths::ACCOUNTS, &[Role::Operator, Role::Supervisor]),
    ("desk.revoke", paths::REVOKE, &[Role::Operator, Role::Supervisor]),
    ("desk.recover", paths::RECOVER, &[Role::Operator, Role::Supervisor]),
    ("desk.complaints", paths::COMPLAINTS, &[Role::Operator, Role::Supervisor]),
    ("desk.holds", paths::HOLDS, &[Role::Supervisor]),
    ("desk.actions", paths::ACTIONS, &[Role::Supervisor]),
    ("desk.team", paths::TEAM, &[Role::Administrator]),
    ("desk.passkeys", paths::PASSKEYS, &[Role::Operator, Role::Supervisor, Role::Administrator]),
];

/// What a page may say was done: the word in its address, and the sentence.
const SAID: [(&str, &str); 13] = [
    ("untaken", "desk.said_untaken"),
    ("overtaken", "desk.said_overtaken"),
    ("released", "desk.said_released"),
    ("not_released", "desk.said_not_released"),
    ("removed", "desk.said_removed"),
    ("answered", "desk.said_answered"),
    ("complaint", "desk.said_complaint"),
    ("resent", "desk.said_resent"),
    ("proved", "desk.said_proved"),
    ("limit", "desk.said_limit"),
    ("link_asked", "desk.said_link_asked"),
    ("link_confirmed", "desk.said_link_confirmed"),
    ("not_confirmed", "desk.said_not_confirmed"),
];

impl Shell {
    /// Around the page at `here`.
    pub(super) fn of(visit: &Visit<'_>, here: &str) -> Self {
        let text = visit.context.text();
        let mine =
            MENU.iter().filter(|(_, href, roles)| roles.contains(&visit.acting.role) && visit.offers(href));
        let home =
            text.get(if visit.acting.kind.identifies() { "desk.applications" } else { "desk.accounts" });
        let item = |(label, href, _): &(&'static str, &'static str, &[Role])| MenuItem {
            label: if *href == paths::DESK { home } else { text.get(label) },
            href,
            current: *href == here,
        };
        Self {
            menu: mine.map(item).collect(),
            home,
            name: visit.acting.name.clone(),
            place: visit.acting.place_name(visit.context.language).to_owned(),
            said: visit.said().and_then(|word| said(text, word)),
            form: visit.form_token(),
            again: 0,
            again_at: visit.by_itself(),
        }
    }

    /// The same around a page that asks again by itself.
    #[must_use]
    pub(super) fn again_in(self, seconds: u32) -> Self {
        Self { again: seconds, ..self }
    }
}

fn said(text: Text, word: &str) -> Option<&'static str> {
    SAID.iter().find(|(known, _)| *known == word).map(|(_, key)| text.get(key))
}
