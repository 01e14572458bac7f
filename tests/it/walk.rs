//! A random walk through all pages: any form of any page at any stage, from two tabs of one browser and for two
//! services, earlier addresses, guessed ones, other languages, right and wrong codes. Wherever it leads: never a 5xx,
//! never a page without a next action, never a session or a code for a service without a code from an SMS before it.
//!
//! A failure prints its seed: `YAGONA_TEST_SEED=<seed> scripts/test walk` repeats the walk.

use std::collections::BTreeSet;
use std::sync::atomic::Ordering;
use std::time::Duration;

use fastrand::Rng;
use url::Url;

use crate::support::client_file::{CALLBACK, RIVAL, SHOP};
use crate::support::html::{Control, TICKED, UNTICKED, ways_on};
use crate::support::sandbox::code_in;
use crate::support::{Asked, Browser, Page, Person, Step, World, code_of, on_both_backends, param};

on_both_backends!(no_way_through_the_pages_leads_astray);

/// Walks of one run, each with people of its own, so that delays after wrong codes end no other walk.
const WALKS: u64 = 4;
const STEPS: usize = 60;

const SESSION: &str = "__Host-yagona-session";

/// Prints how to repeat a walk, if it fails.
struct Seed(u64);

impl Drop for Seed {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("YAGONA_TEST_SEED={}", self.0);
        }
    }
}

async fn no_way_through_the_pages_leads_astray(world: &World) {
    let given = std::env::var("YAGONA_TEST_SEED").ok();
    let seed = given.map_or_else(|| fastrand::u64(..u64::MAX / 2), |text| text.parse().expect("a seed"));
    let _said = Seed(seed);
    let mut sessions = 0;
    for walk in 0..WALKS {
        let mut walk = Walk::begin(world, seed + walk);
        for _ in 0..STEPS {
            walk.step().await;
        }
        sessions += walk.sessions.len();
        // Whatever was done before, somebody can sign in at this browser.
        let anew = Asked::by(SHOP).and("prompt", "login");
        let code = code_of(&walk.browser.sign_in(world, &anew, &world.person()).await);
        world.redeem(SHOP, &code).await.granted();
    }
    assert!(sessions > 0, "these walks open no page that matters");
    let by_a_button = "SELECT COUNT(*) FROM consents WHERE client_id IN ('shop', 'rival') AND permitted_by <> 'code' \
         AND extent NOT LIKE '%\"released\":[]%'";
    assert_eq!(world.stored(by_a_button).await, 0, "data were permitted without a code");
    let without = "SELECT COUNT(*) FROM consents WHERE permitted_by = 'code' AND code_id IS NULL";
    assert_eq!(world.stored(without).await, 0);
}

struct Walk<'w> {
    world: &'w World,
    rng: Rng,
    browser: Browser,
    people: [Person; 2],
    /// Whether an SMS to each of them may be on its way.
    expected: [bool; 2],
    /// The page that each tab shows.
    tabs: [Option<Page>; 2],
    /// Every page shown so far.
    seen: Vec<Page>,
    /// Every code that an SMS brought.
    sent: BTreeSet<String>,
    /// Every session that was opened by one of them.
    sessions: BTreeSet<String>,
    /// The steps so far, for debugging.
    trail: Vec<String>,
}

impl<'w> Walk<'w> {
    fn begin(world: &'w World, seed: u64) -> Self {
        Self {
            world,
            rng: Rng::with_seed(seed),
            browser: world.browser(),
            people: [world.person(), world.person()],
            expected: [false, false],
            tabs: [None, None],
            seen: Vec::new(),
            sent: BTreeSet::new(),
            sessions: BTreeSet::new(),
            trail: Vec::new(),
        }
    }

    /// Does something in one of the tabs.
    async fn step(&mut self) {
        let tab = self.rng.usize(..2);
        let shown = self.tabs[tab].clone();
        let earlier = self.rng.choice(&self.seen).cloned();
        match (self.rng.u8(..20), shown, earlier) {
            // What people do most: go on with what they see.
            (0..12, Some(page), _) | (12..14, _, Some(page)) => self.fill_in(tab, &page).await,
            (14, _, Some(page)) => self.open(tab, page.url).await,
            (15, Some(page), _) | (16, _, Some(page)) => self.follow_a_link(tab, &page).await,
            (17, Some(page), _) => self.change_language(tab, &page).await,
            (18, Some(page), _) => self.guess(tab, &page).await,
            _ => self.start_again(tab).await,
        }
    }

    async fn start_again(&mut self, tab: usize) {
        let client = if self.rng.bool() { SHOP } else { RIVAL };
        let mut asked = Asked::by(client).with("state", client);
        if self.rng.u8(..4) == 0 {
            asked = asked.and("prompt", ["none", "login", "consent"][self.rng.usize(..3)]);
        }
        self.open(tab, asked.url(self.world)).await;
    }

    async fn open(&mut self, tab: usize, url: Url) {
        self.trail.push(format!("tab {tab} opens {url}"));
        let step = self.browser.get(&url).await;
        self.arrive(tab, step, None).await;
    }

    /// Opens one of the page's links that `pick` picks and that lead to the provider.
    async fn open_one(&mut self, tab: usize, page: &Page, pick: impl Fn(Option<&str>) -> bool) {
        let links = page.links().into_iter().filter(|link| pick(link.language.as_deref()));
        let own = |url: &Url| url.origin() == self.world.issuer.origin();
        let links: Vec<Url> = links.filter_map(|link| page.url.join(&link.href).ok()).filter(own).collect();
        if let Some(url) = self.rng.choice(&links).cloned() {
            self.open(tab, url).await;
        }
    }

    async fn follow_a_link(&mut self, tab: usize, page: &Page) {
        self.open_one(tab, page, |language| language.is_none()).await;
    }

    async fn change_language(&mut self, tab: usize, page: &Page) {
        self.open_one(tab, page, |language| language.is_some()).await;
    }

    /// Tries another step's address for the same sign-in.
    async fn guess(&mut self, tab: usize, page: &Page) {
        let step = ["number", "code", "consent", "permission", "continue", "cancel"][self.rng.usize(..6)];
        let mut url = page.url.clone();
        if url.path().starts_with("/sign-in/") {
            url.set_path(&format!("/sign-in/{step}"));
            self.open(tab, url).await;
        }
    }

    /// Fills in a form of a page in some way and presses one of its buttons.
    async fn fill_in(&mut self, tab: usize, page: &Page) {
        let forms = page.forms();
        let Some(form) = self.rng.choice(&forms) else { return self.start_again(tab).await };
        let mut typed = Vec::new();
        for control in form.controls.iter().filter(|control| !control.button) {
            typed.extend(self.typed(page, control).await);
        }
        let buttons: Vec<&Control> = form.controls.iter().filter(|control| control.button).collect();
        let button = self.rng.choice(buttons).map(|button| button.id.clone()).unwrap_or_default();
        if button == "allow" {
            // Where only a session exists, a code is sent.
            self.expected = [true, true];
        }
        let pairs: Vec<(&str, &str)> = typed.iter().map(|(a, b)| (a.as_str(), b.as_str())).collect();
        let (url, fields) = (page.url.join(&form.action).expect("a URL"), form.fields(&button, &pairs));
        self.trail.push(format!("tab {tab} posts {fields:?} to {url}"));
        let code = fields.iter().find(|(name, _)| name == "code").map(|(_, code)| code.clone());
        let step = self.browser.post(&url, &fields).await;
        self.arrive(tab, step, code).await;
    }

    /// What somebody types into a field of a page, if anything.
    async fn typed(&mut self, page: &Page, control: &Control) -> Option<(String, String)> {
        let chance = self.rng.u8(..8);
        let value = match (control.kind.as_str(), control.name.as_str(), chance) {
            ("checkbox", ..) => {
                let tick = if chance < 4 { TICKED } else { UNTICKED };
                return Some((control.id.clone(), tick.to_owned()));
            }
            (_, "phone", 0) => "12".to_owned(),
            (_, "phone", _) => {
                let person = self.rng.usize(..2);
                self.expected[person] = true;
                self.people[person].number.clone()
            }
            (_, "code", 0) => "1234".to_owned(),
            (_, "code", 1) => self.wrong_code(),
            (_, "code", 2) => self.newest_code(self.rng.clone().usize(..2)).await,
            (_, "code", _) => self.newest_code(self.person_on(page)).await,
            _ => return None,
        };
        Some((control.name.clone(), value))
    }

    /// Whose number a page shows.
    fn person_on(&self, page: &Page) -> usize {
        let number = &self.people[1].number;
        usize::from(page.body.contains(&format!("{} {}", &number[8..10], &number[10..])))
    }

    fn wrong_code(&mut self) -> String {
        loop {
            let code = format!("{:06}", self.rng.u32(..1_000_000));
            if !self.sent.contains(&code) {
                return code;
            }
        }
    }

    /// The newest code on somebody's phone. One that is expected may never come: during a delay none is sent.
    async fn newest_code(&mut self, person: usize) -> String {
        let expected = std::mem::take(&mut self.expected[person]);
        let person = &self.people[person];
        let known = person.seen.load(Ordering::Relaxed);
        let mut messages = self.world.sandbox.messages(person).await;
        for _ in 0..20 {
            if messages.len() > known || !expected {
                break;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
            messages = self.world.sandbox.messages(person).await;
        }
        person.seen.store(messages.len(), Ordering::Relaxed);
        // Whoever tried too many wrong ones is warned, by a message that has none.
        let texts = messages.iter().map(|message| message["text"].as_str().expect("a text"));
        let codes: Vec<String> = texts.filter(|text| text.contains("\n@")).map(code_in).collect();
        self.sent.extend(codes.iter().cloned());
        codes.last().cloned().unwrap_or_else(|| "1234".to_owned())
    }

    /// Looks at where a step led, `code` being what was entered as one.
    async fn arrive(&mut self, tab: usize, step: Step, code: Option<String>) {
        let trail = self.trail.join("\n");
        let session = self.browser.cookies().remove(SESSION);
        if let Some(session) = &session
            && !self.sessions.contains(session)
        {
            assert!(code.is_some_and(|code| self.sent.contains(&code)), "a session out of nothing:\n{trail}");
            self.sessions.insert(session.clone());
        }
        match step {
            Step::Page(page) => {
                assert!(page.status < 500, "{page}\n{trail}");
                let leads_on = ways_on(&page.body) > 0;
                // Whoever signs out at the front page came from no service, and is done.
                assert!(leads_on || page.has("signed-out"), "no way on from {page}\n{trail}");
                if leads_on {
                    self.seen.push(page.clone());
                }
                self.tabs[tab] = leads_on.then_some(page);
            }
            Step::Away(url) => {
                assert!(url.as_str().starts_with(CALLBACK), "sent to {url}\n{trail}");
                self.tabs[tab] = None;
                let Some(code) = param(&url, "code") else {
                    let error = param(&url, "error").unwrap_or_default();
                    let usual = ["access_denied", "login_required", "consent_required"];
                    assert!(usual.contains(&error.as_str()), "{url}\n{trail}");
                    return;
                };
                assert!(session.is_some(), "a code for a service, and nobody is signed in:\n{trail}");
                let client = param(&url, "state").expect("the state");
                self.world.redeem(&client, &code).await.granted();
            }
        }
    }
}
