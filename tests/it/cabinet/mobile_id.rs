//! `/cabinet/mobile-id`: another number by the whole procedure, and the end of one's own Mobile-ID, on the person's own pages.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use reqwest::Method;
use serde_json::json;

use crate::support::client_file::SHOP;
use crate::support::http;
use crate::support::wait::until;
use crate::support::{Asked, Browser, Page, Person, Setup, World, alone_on_both_backends, code_of};

alone_on_both_backends!(
    r82_a_person_changes_their_number_on_their_own_pages,
    r81_r90_a_person_ends_their_mobile_id_by_their_face,
);

/// A number in the name of the person, besides the enrolled one, and one that is not.
const SECOND: &str = "998007200001";
const OTHERS: &str = "998007000002";

fn photo() -> String {
    let file: toml::Table =
        toml::from_str(include_str!("../../../config/registry-people.toml")).expect("TOML");
    file["person"][0]["photo"].as_str().expect("a photo").replace('\n', "")
}

/// Lets the registers know the first of the test people.
async fn known(world: &World) -> Person {
    let person = world.person();
    let everybody = json!({ "person": [{
        "pinfl": person.pinfl, "latin": ["VALIYEV", "ALI", "KARIMOVICH"], "cyrillic": ["ВАЛИЕВ", "АЛИ", "КАРИМОВИЧ"],
        "english": ["VALIYEV", "ALI"], "birth_date": "1990-01-01", "sex": 1, "photo": photo(),
        "certificate": "77a100000000000000000000000000007201",
        "documents": [{
            "kind": "IDMS_RECV_MVD_IDCARD_CITIZEN", "number": "AL0000000", "issuer": "IIV 26277",
            "from": "2021-03-15", "until": "2031-03-14",
        }],
        "numbers": [{ "msisdn": person.number }, { "msisdn": SECOND }],
    }] });
    world.sandbox.knows(&everybody).await;
    person
}

/// Sends the form for another number. Of a list the chosen entry is sent as well.
async fn apply(browser: &mut Browser, page: &Page, typed: &[(&str, &str)]) -> Page {
    let form = page.form("open");
    let url = page.url.join(&form.action).expect("a URL");
    let mut fields = form.fields("open", typed);
    for (name, value) in [("category", "citizen"), ("document", "id_card")] {
        assert!(page.body.contains(&format!("<option value=\"{value}\" selected>")), "{name}: {page}");
        fields.push((name.to_owned(), value.to_owned()));
    }
    browser.post(&url, &fields).await.page()
}

/// The page once nothing goes on beside it.
async fn settled(browser: &Browser, page: &Page) -> Page {
    let path = page.url.path().to_owned();
    until("what goes on beside the page", async || {
        let page = browser.clone().open(&path).await.page();
        (!page.has("asking") && !page.has("comparing")).then_some(page)
    })
    .await
}

async fn r82_a_person_changes_their_number_on_their_own_pages(setup: Setup) {
    let world = setup.start().await;
    let person = known(&world).await;
    let tokens = world.tokens(&Asked::by(SHOP).with("scope", "openid offline_access"), &person).await;
    let mut browser = world.browser();
    let page = browser.enter_cabinet(&world, "/cabinet/mobile-id", &person).await.expect("change");
    assert!(!page.text().contains(&person.number[5..]), "masked: {page}");
    let form = browser.get(&page.link("change")).await.page().expect("number");
    // What is wrong is told at its field, and what was typed is kept.
    let page = apply(&mut browser, &form, &[("number", "71 200 00 00"), ("surname", "")]).await;
    let page = page.expect_status(422).expect("number-error").expect("surname-error");
    assert!(page.body.contains("value=\"71 200 00 00\""), "{page}");
    assert_eq!(world.stored("SELECT COUNT(*) FROM identifications").await, 0);
    // A number in another's name stops it, and the application is closed on that ground.
    let page = apply(&mut browser, &form, &[("number", OTHERS)]).await;
    let page = settled(&browser, &page).await.expect("stopped");
    let page = browser.press(&page, "refuse", &[]).await.page().expect("refused").expect("complain");
    assert!(!page.has("withdraw"), "{page}");
    // Her own other number: warnings first, then the proof, then the code.
    let page = apply(&mut browser, &form, &[("number", SECOND)]).await;
    let page = settled(&browser, &page).await.expect("agree");
    for warning in ["sms_charge", "responsibility", "other_number"] {
        assert!(page.has(&format!("warning-{warning}")), "{warning}: {page}");
    }
    let page = browser.press(&page, "agree", &[]).await.page().expect("photo");
    let page = browser.press(&page, "sign", &[]).await.page().expect("eimzo");
    let link = page.links().into_iter().find(|link| link.id == "eimzo").expect("a link").href;
    let qr = link.split_once("qc=").expect("84 characters").1.to_owned();
    let fields = [("qc", qr.as_str()), ("pinfl", &person.pinfl), ("outcome", "good")];
    let url = format!("{}/eimzo-app", world.sandbox.base);
    assert!(http::client().post(url).form(&fields).send().await.expect("the sandbox").status().is_success());
    let page = browser.press(&page, "signed", &[]).await.page().expect("send");
    let page = browser.press(&page, "send", &[]).await.page().expect("code");
    let second = Person::with_number(SECOND);
    let code = world.sandbox.next_code(&second).await;
    let wrong = if code == "000000" { "111111" } else { "000000" };
    for _ in 0..4 {
        browser.press(&page, "enter", &[("code", wrong)]).await.page().expect_status(422).expect("code");
    }
    // Where no code can be right any more there is no field, and a new one is the main action.
    for entered in [wrong, &code] {
        let over = browser.press(&page, "enter", &[("code", entered)]).await.page().expect_status(422);
        assert!(!over.has("code") && over.text().contains("Too many wrong codes"), "{over}");
    }
    let page = browser.press(&page, "resend", &[]).await.page().expect("code");
    let code = world.sandbox.next_code(&second).await;
    // Nobody else's page shows it.
    let mut other = world.browser();
    let path = page.url.path().to_owned();
    let somebody = world.person();
    other.enter_cabinet(&world, &path, &somebody).await.expect_status(404);
    browser.press(&page, "enter", &[("code", &code)]).await.page().expect("changed");
    browser.open("/cabinet").await.page().expect("phone");
    world.refresh(SHOP, tokens.get("refresh_token")).await.refused(400, "invalid_grant");
    world.sandbox.next_message(&second).await;
    code_of(&world.browser().sign_in(&world, &Asked::by(SHOP), &second).await);
}

/// Posts a photo from a page's form.
async fn send_photo(browser: &mut Browser, page: &Page, button: &str, photo: Vec<u8>) -> Page {
    let form = page.form(button);
    let url = page.url.join(&form.action).expect("a URL");
    let fields = form.fields(button, &[]).into_iter().filter(|(name, _)| name != "photo");
    let parts = fields.fold(reqwest::multipart::Form::new(), |parts, (name, value)| parts.text(name, value));
    let parts = parts.part("photo", reqwest::multipart::Part::bytes(photo).file_name("face.jpg"));
    let request = browser.request(Method::POST, &url).header("Origin", "null");
    let request = request.header("Sec-Fetch-Site", "same-origin").multipart(parts);
    let answer = request.send().await.expect("an answer");
    browser.follow(url, answer).await.page()
}

async fn r81_r90_a_person_ends_their_mobile_id_by_their_face(setup: Setup) {
    let world = setup.start().await;
    let person = known(&world).await;
    let tokens = world.tokens(&Asked::by(SHOP).with("scope", "openid offline_access"), &person).await;
    let mut browser = world.browser();
    browser.enter_cabinet(&world, "/cabinet/mobile-id", &person).await.expect("end");
    let page = browser.open("/cabinet/mobile-id/end").await.page().expect("end-now");
    for wrong in [Vec::new(), b"no photo".to_vec()] {
        send_photo(&mut browser, &page, "end-now", wrong).await.expect_status(422).expect("error");
    }
    // A form that no page of this session showed ends nothing.
    let url = world.url("/cabinet/mobile-id/end");
    let forged = [("form".to_owned(), "x".to_owned())];
    browser.post(&url, &forged).await.page().expect("said");
    world.refresh(SHOP, tokens.get("refresh_token")).await.granted();
    let photo = STANDARD.decode(photo()).expect("a photo");
    send_photo(&mut browser, &page, "end-now", photo).await.expect("ended");
    assert_eq!(world.stored("SELECT COUNT(*) FROM enrolment_ends WHERE ground = 'request'").await, 1);
    browser.open("/cabinet").await.page().expect("phone");
}
