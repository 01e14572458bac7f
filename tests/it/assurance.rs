//! What every way to sign in is told as: each row of the table in `docs/assurance.md` is walked, and the ID token compared with it.

use std::collections::BTreeSet;

use serde_json::{Value, json};
use url::Url;

use crate::eri::show_face;
use crate::password::FIRST;
use crate::support::authenticator::Authenticator;
use crate::support::client_file::SHOP;
use crate::support::qr::text_of;
use crate::support::{
    Asked, Browser, Page, Person, Setup, Step, World, alone_on_both_backends, code_of, jwt,
};

alone_on_both_backends!(every_way_to_sign_in_is_told_as_the_document_says);

/// A way to sign in, as the document has it.
struct Way {
    /// The means, in their order.
    means: String,
    /// The class where every class is accepted.
    acr: String,
    /// The class where only another one is accepted, if the document names one.
    only: Option<String>,
    /// The methods: one of these sets.
    amr: Vec<BTreeSet<String>>,
}

fn ways() -> Vec<Way> {
    let document = include_str!("../../docs/assurance.md");
    let part = document.split("## Ways to sign in").nth(1).expect("the heading");
    let rows = part.split("\n## ").next().expect("a part").lines().filter(|line| line.starts_with("| `"));
    let spans =
        |cell: &str| -> Vec<String> { cell.split('`').skip(1).step_by(2).map(str::to_owned).collect() };
    rows.map(|row| {
        let cells: Vec<&str> = row.trim_matches('|').split('|').collect();
        let mut classes = spans(cells[1]).into_iter();
        Way {
            means: spans(cells[0]).remove(0),
            acr: classes.next().expect("a class"),
            only: classes.next(),
            amr: spans(cells[2]).iter().map(|set| set.split(' ').map(str::to_owned).collect()).collect(),
        }
    })
    .collect()
}

/// Somebody who has every means.
struct Everything {
    person: Person,
    serial: String,
    key: Authenticator,
    phone: Browser,
}

impl Everything {
    async fn of(world: &World) -> Self {
        let person = world.person();
        // What the service asks for is agreed to beforehand.
        world.browser().sign_in(world, &Asked::by(SHOP), &person).await;
        let serial = world.has_a_key(&person).await;
        // Added on a signature they count at once.
        let mut browser = world.browser();
        let page = browser.open("/cabinet/passkeys/add").await.page();
        let page = browser.get(&page.link("eri")).await.page();
        let page = browser.sign_with(world, &page, &serial).await.page().expect("use-passkey");
        let mut key = Authenticator::new(&browser);
        key.answer(&mut browser, &page).await.page().expect_status(200).expect("said");
        let page = browser.open("/cabinet/means/password").await.page().expect("save");
        let typed = [("new", FIRST), ("repeat", FIRST)];
        browser.press(&page, "save", &typed).await.page().expect_status(200).expect("said");
        let mut phone = world.browser();
        phone.enter_cabinet(world, "/cabinet", &person).await.expect("menu");
        Self { person, serial, key, phone }
    }

    /// Uses a means on the page that leads to it.
    async fn prove(&mut self, world: &World, browser: &mut Browser, page: Page, means: &str) -> Step {
        let here = match means {
            "mobile_id" => page.has("phone"),
            "password" => page.has("login"),
            "passkey" => page.has("use-passkey"),
            "eri" => page.has("computer"),
            "face" => page.has("face") && page.url.path().ends_with("/face"),
            other => panic!("no such means: {other}"),
        };
        let page = if here { page } else { browser.get(&page.link(means)).await.page() };
        match means {
            "mobile_id" => {
                let page = browser.enter_number(&page, &self.person.number).await.page();
                let code = world.sandbox.next_code(&self.person).await;
                browser.enter_code(&page, &code).await
            }
            "password" => browser.enter_password(&page, &self.person.pinfl, FIRST).await,
            "passkey" => self.key.answer(browser, &page).await,
            "eri" => browser.sign_with(world, &page, &self.serial).await,
            _ => {
                let myid = browser.press(&page, "face", &[]).await.away();
                let back = show_face(&myid, &self.person.pinfl, 1).await;
                browser.get(&back).await
            }
        }
    }

    /// Signs in by these means, one after the other; where the browser is sent.
    async fn sign_in(&mut self, world: &World, asked: &Asked, means: &[&str]) -> Url {
        let mut browser = world.browser();
        let mut page = browser.begin(world, asked).await.page();
        if means.contains(&"qr") {
            return self.by_phone(&mut browser, page).await;
        }
        let (last, before) = means.split_last().expect("a means");
        for one in before {
            page = self.prove(world, &mut browser, page, one).await.page();
        }
        self.prove(world, &mut browser, page, last).await.away()
    }

    async fn by_phone(&mut self, computer: &mut Browser, page: Page) -> Url {
        let shown = computer.get(&page.link("qr")).await.page().expect("words");
        let address: Url = text_of(&shown).parse().expect("an address");
        let asked = self.phone.open(address.path()).await.page().expect_status(200);
        let words = shown.text_at("words");
        let place = (0..3).find(|place| asked.text_at(&format!("words-{place}")) == words).expect("a pair");
        self.phone.press(&asked, &format!("words-{place}"), &[]).await.page().expect("approved");
        computer.get(&shown.url).await.away()
    }
}

/// A request that accepts these classes alone.
fn demanding(classes: &[&str]) -> Asked {
    let claims = json!({"id_token": {"acr": {"essential": true, "values": classes}}});
    Asked::by(SHOP).and("claims", &claims.to_string())
}

async fn claims(world: &World, url: &Url) -> Value {
    let tokens = world.redeem(SHOP, &code_of(url)).await.granted();
    jwt::verify(tokens.get("id_token"), &world.keys().await).claims
}

fn methods(claims: &Value) -> BTreeSet<String> {
    let amr = claims["amr"].as_array().expect("a list").iter();
    amr.map(|method| method.as_str().expect("text").to_owned()).collect()
}

async fn every_way_to_sign_in_is_told_as_the_document_says(setup: Setup) {
    let world = setup.people(8, 4).with_proofs().start().await;
    let mut everything = Everything::of(&world).await;
    for way in ways() {
        let means: Vec<&str> = way.means.split(' ').collect();
        // One means is enough where it reaches the class by itself: what adds up is asked for by the class that needs both.
        let demanded = way.only.as_deref().or((way.means == "password mobile_id").then_some(&*way.acr));
        let asked = demanded.map_or_else(|| Asked::by(SHOP), |class| demanding(&[class]));
        let url = everything.sign_in(&world, &asked, &means).await;
        let told = claims(&world, &url).await;
        assert_eq!(told["acr"].as_str(), demanded.or(Some(&*way.acr)), "{}", way.means);
        assert!(way.amr.contains(&methods(&told)), "{}: {told}", way.means);
        // So many codes in a moment are more than a number gets.
        world.advance(120).await;
    }
}
