//! Signing in by an electronic digital signature, on a computer and by phone, and by a face: who is signed in, what that is worth, and what
//! proves nothing. One provider for each pair of stores, whose sandbox plays E-IMZO and MyID.

use serde_json::{Value, json};
use url::Url;
use yagona::audit::Kind as Recorded;
use yagona::platform::web::locale::Language;
use yagona::platform::web::text::Text;
use yagona::registries::eimzo::{OF_BROWSERS, OF_PHONES, Wrong};
use yagona::registries::myid::FaceProblem;

use crate::support::client_file::{LENDER, SHOP};
use crate::support::people::Kind;
use crate::support::{
    Asked, Browser, Page, Person, Setup, Step, World, alone_on_both_backends, code_of, http, jwt, oneid,
};

/// A service that may learn for whom people act.
const FIRM: &str = "firm";
/// As `FIRM`, by OneID's protocol.
const ONEID: &str = "tashkilot_uz";

alone_on_both_backends!(r96_signatures_sign_in, r57_faces_sign_in);

impl World {
    /// Lets the registers know somebody, with a key in a file and an ID-card; the serial number of the key.
    pub(crate) async fn has_a_key(&self, person: &Person) -> String {
        let serial = format!("77e1{}", person.pinfl);
        let somebody = json!({
            "pinfl": person.pinfl, "latin": ["VALIYEV", "ALI", "KARIMOVICH"], "birth_date": "1990-01-01", "sex": 1,
            "certificate": format!("77a1{}", person.pinfl),
        });
        let key = json!({"pinfl": person.pinfl, "serial": serial});
        self.sandbox.knows(&json!({"person": [somebody], "key": [key]})).await;
        serial
    }

    pub(crate) async fn tell_sandbox(&self, path: &str, fields: &[(&str, &str)]) -> reqwest::Response {
        let url = format!("{}{path}", self.sandbox.base);
        http::client().post(url).form(fields).send().await.expect("the sandbox")
    }

    /// What a key makes of a text.
    async fn sign(&self, serial: &str, data: &str) -> String {
        let answer = self.tell_sandbox("/eimzo-sign", &[("serial", serial), ("data", data)]).await;
        let answer: Value = answer.json().await.expect("JSON");
        answer["pkcs7_64"].as_str().expect("a signature").to_owned()
    }
}

impl Browser {
    /// From the service's link to the page of a means.
    pub(crate) async fn begin_by(&mut self, world: &World, asked: &Asked, means: &str) -> Page {
        let page = self.begin(world, asked).await.page().expect(means);
        self.get(&page.link(means)).await.page()
    }

    /// Asks for a challenge for a key on this computer.
    async fn challenged(&mut self, page: &Page) -> (Page, String) {
        let page = self.press(page, "computer", &[]).await.page().expect("sign");
        let challenge = page.attribute("#eri", "data-challenge");
        (page, challenge)
    }

    /// Hands a signature in, as the page's script does.
    async fn hand_in(&mut self, page: &Page, pkcs7: &str) -> Step {
        let url = page.url.join(&page.form("sign").action).expect("a URL");
        let mut fields = vec![("how".to_owned(), "signed".to_owned())];
        fields.extend(
            pkcs7
                .as_bytes()
                .chunks(1000)
                .map(|part| ("pkcs7".to_owned(), String::from_utf8(part.to_vec()).expect("Base64"))),
        );
        self.post(&url, &fields).await
    }

    /// From the page of signatures on: signs with a key.
    pub(crate) async fn sign_with(&mut self, world: &World, page: &Page, serial: &str) -> Step {
        let (page, challenge) = self.challenged(page).await;
        let pkcs7 = world.sign(serial, &challenge).await;
        self.hand_in(&page, &pkcs7).await
    }
}

/// What the service is told of a sign-in that got as far as the consent page or its answer.
async fn told(world: &World, browser: &mut Browser, client: &str, step: Step) -> Value {
    let url = match step {
        Step::Away(url) => url,
        Step::Page(page) => browser.allow_everything(&page.expect("allow")).await.away(),
    };
    let tokens = world.redeem(client, &code_of(&url)).await.granted();
    jwt::read(tokens.get("id_token")).claims
}

/// Where a browser is sent that allows everything, with the code that permits it where one is asked for.
async fn allowed(world: &World, browser: &mut Browser, person: &Person, step: Step) -> Url {
    match browser.allow_everything(&step.page().expect("allow")).await {
        Step::Away(url) => url,
        Step::Page(page) => {
            let code = world.sandbox.next_code(person).await;
            browser.enter_code(&page.expect("code"), &code).await.away()
        }
    }
}

/// Allowing needs a code where none was entered: the page that asks for it.
async fn permitted(world: &World, browser: &mut Browser, client: &str, person: &Person, step: Step) -> Value {
    let page = step.page().expect("allow");
    let page = browser.allow_everything(&page).await.page().expect("code");
    let code = world.sandbox.next_code(person).await;
    let step = browser.enter_code(&page, &code).await;
    told(world, browser, client, step).await
}

fn says(page: &Page, key: &'static str) {
    let sentence = Text::new(Language::En).get(key);
    assert!(page.text().contains(sentence), "{key}: {page}");
}

async fn r96_signatures_sign_in(setup: Setup) {
    let sets = "data_sets = [{ name = \"name\", required = true }, { name = \"legal_entity\" }]\n";
    let world = setup.people(20, 6).with_proofs().client(FIRM, sets);
    let world = world.client(ONEID, &sets_of_oneid()).start().await;
    a_key_signs_its_person_in_and_only_once(&world).await;
    what_is_signed_for_another_browser_signs_nobody_in(&world).await;
    every_status_has_its_sentence(&world).await;
    whoever_has_no_account_is_led_to_where_one_is_opened(&world).await;
    r3_a_service_in_lending_takes_a_signature_and_adds_one_to_mobile_id(&world).await;
    r58_an_id_card_signs_by_phone(&world).await;
    r4_a_key_of_an_organisation_acts_for_it_and_nothing_else_does(&world).await;
    oneid_is_told_of_organisations_in_its_own_words(&world).await;
    what_is_down_is_said(&world).await;
}

async fn a_key_signs_its_person_in_and_only_once(world: &World) {
    let (mut browser, person) = (world.browser(), world.person());
    let serial = world.has_a_key(&person).await;
    let page = browser.begin_by(world, &Asked::by(SHOP), "eri").await.expect("computer").expect("phone");
    let policy = |page: &Page| page.header("content-security-policy").to_owned();
    assert!(!policy(&page).contains("connect-src"), "{}", policy(&page));
    let (page, challenge) = browser.challenged(&page).await;
    let socket = format!("{}/service/cryptapi", world.sandbox.base.replacen("http", "ws", 1));
    assert!(policy(&page).contains(&format!("connect-src {socket};")), "{}", policy(&page));
    assert_eq!(page.attribute("#eri", "data-capiws"), socket);
    let pkcs7 = world.sign(&serial, &challenge).await;
    let step = browser.hand_in(&page, &pkcs7).await;
    let claims = permitted(world, &mut browser, SHOP, &person, step).await;
    assert_eq!((&claims["acr"], &claims["amr"]), (&json!("urn:yagona:acr:eri"), &json!(["swk", "pin"])));
    // The same signature once more, in an attempt of its own: it is of another challenge.
    let mut again = world.browser();
    let page = again.begin_by(world, &Asked::by(SHOP), "eri").await;
    let (page, _) = again.challenged(&page).await;
    let refused = again.hand_in(&page, &pkcs7).await.page().expect("error");
    says(&refused, Wrong::OtherChallenge.sentence());
}

async fn what_is_signed_for_another_browser_signs_nobody_in(world: &World) {
    let person = world.person();
    let serial = world.has_a_key(&person).await;
    let (mut victim, mut thief) = (world.browser(), world.browser());
    let asked = Asked::by(SHOP);
    let page = thief.begin_by(world, &asked, "eri").await;
    let (theirs, challenge) = thief.challenged(&page).await;
    let pkcs7 = world.sign(&serial, &challenge).await;
    // It is put before somebody at another browser, or handed in with their page.
    let page = victim.begin_by(world, &asked, "eri").await;
    let (page, _) = victim.challenged(&page).await;
    let refused = victim.hand_in(&page, &pkcs7).await.page().expect("error");
    says(&refused, Wrong::OtherChallenge.sentence());
    let refused = victim.hand_in(&theirs, &pkcs7).await.page();
    assert!(
        !refused.has("allow") && victim.cookies().keys().all(|name| !name.contains("session")),
        "{refused}"
    );
    let refused = thief.hand_in(&theirs, "bm90aGluZw==").await.page().expect("error");
    says(&refused, Wrong::Unreadable.sentence());
}

async fn every_status_has_its_sentence(world: &World) {
    let (mut browser, person) = (world.browser(), world.person());
    let serial = world.has_a_key(&person).await;
    let mut page = browser.begin_by(world, &Asked::by(SHOP), "eri").await;
    for (status, wrong) in OF_BROWSERS {
        let status = status.to_string();
        world.tell_sandbox("/eimzo-desktop", &[("serial", &serial), ("status", &status)]).await;
        page = browser.sign_with(world, &page, &serial).await.page().expect("error").expect("computer");
        for language in Language::ALL {
            let mut url = page.url.clone();
            url.query_pairs_mut().append_pair("lang", language.tag());
            let shown = browser.get(&url).await.page();
            let sentence = Text::new(language).get(wrong.sentence());
            assert!(shown.text().contains(sentence), "{status} in {language:?}: {shown}");
        }
        world.until_audited(Recorded::SignatureRefused, "reason", wrong.name()).await;
        let english = format!("{}&lang=en", page.url);
        page = browser.get(&english.parse().expect("a URL")).await.page();
    }
    world.tell_sandbox("/eimzo-desktop", &[("serial", &serial)]).await;
}

async fn whoever_has_no_account_is_led_to_where_one_is_opened(world: &World) {
    let mut browser = world.browser();
    let stranger = world.somebody(Kind::Unknown);
    let serial = world.has_a_key(&stranger).await;
    let page = browser.begin_by(world, &Asked::by(SHOP), "eri").await;
    let page = browser.sign_with(world, &page, &serial).await.page().expect("other");
    says(&page, "eri.no_account");
    assert!(!page.has("register"), "nobody can register on-line here: {page}");
    let known = world.somebody(Kind::NotEnrolled);
    let serial = world.has_a_key(&known).await;
    let page = browser.begin_by(world, &Asked::by(SHOP), "eri").await;
    let page = browser.sign_with(world, &page, &serial).await.page();
    says(&page, "eri.no_account");
    let blocked = world.somebody(Kind::Blocked);
    let serial = world.has_a_key(&blocked).await;
    let page = browser.begin_by(world, &Asked::by(SHOP), "eri").await;
    let page = browser.sign_with(world, &page, &serial).await.page();
    assert!(page.url.path() == "/sign-in/means" && page.has("error"), "{page}");
}

async fn r3_a_service_in_lending_takes_a_signature_and_adds_one_to_mobile_id(world: &World) {
    let (person, other) = (world.person(), world.person());
    let (serial, of_other) = (world.has_a_key(&person).await, world.has_a_key(&other).await);
    // ERI alone is enough.
    let mut browser = world.browser();
    let page = browser.begin_by(world, &Asked::by(LENDER), "eri").await;
    let step = browser.sign_with(world, &page, &serial).await;
    let claims = permitted(world, &mut browser, LENDER, &person, step).await;
    assert_eq!(claims["acr"], "urn:yagona:acr:eri");
    // Mobile-ID alone is not, and the step up is offered instead of an error (D-a).
    let mut browser = world.browser();
    let page = browser.begin_with_number(world, &Asked::by(LENDER), &person).await;
    let code = world.sandbox.next_code(&person).await;
    let page = browser.enter_code(&page, &code).await.page().expect("eri").expect("face");
    assert_eq!(page.url.path(), "/sign-in/means");
    let session = browser.cookie("__Host-yagona-session");
    let eri = browser.get(&page.link("eri")).await.page();
    let page = browser.sign_with(world, &eri, &of_other).await.page().expect("error").expect("eri");
    says(&page, "means.other_person");
    let eri = browser.get(&page.link("eri")).await.page();
    let step = browser.sign_with(world, &eri, &serial).await;
    assert_ne!(browser.cookie("__Host-yagona-session"), session, "a step up renews the session's name");
    let claims = told(world, &mut browser, LENDER, step).await;
    assert_eq!(claims["acr"], "urn:yagona:acr:eri");
    let amr = claims["amr"].as_array().expect("amr").clone();
    for method in ["sms", "otp", "swk", "pin", "mfa"] {
        assert!(amr.contains(&json!(method)), "{amr:?}");
    }
}

/// What the app for ID-cards does with a page's code.
async fn held_to(world: &World, page: &Page, person: &Person, outcome: &str) {
    let link = page.links().into_iter().find(|link| link.id == "eimzo").expect("a link").href;
    assert!(link.starts_with("eimzo://sign?qc="), "{link}");
    let fields = [("qc", link.as_str()), ("pinfl", &person.pinfl), ("outcome", outcome)];
    let signed = world.tell_sandbox("/eimzo-app", &fields).await;
    assert_eq!(signed.status(), 200);
}

async fn r58_an_id_card_signs_by_phone(world: &World) {
    let (mut browser, person) = (world.browser(), world.person());
    world.has_a_key(&person).await;
    let page = browser.begin_by(world, &Asked::by(SHOP), "eri").await;
    let page = browser.press(&page, "phone", &[]).await.page().expect("code").expect("look");
    let early = browser.press(&page, "look", &[]).await.page();
    says(&early, Wrong::NotSigned.sentence());
    held_to(world, &page, &person, "good").await;
    // The page asks by itself, by being loaded again.
    assert!(page.body.contains("http-equiv=\"refresh\""), "{page}");
    let page = browser.get(&page.url).await.page().expect("there").expect("go");
    let step = browser.press(&page, "go", &[]).await;
    let claims = permitted(world, &mut browser, SHOP, &person, step).await;
    assert_eq!((&claims["acr"], &claims["amr"]), (&json!("urn:yagona:acr:eri"), &json!(["hwk", "pin"])));
    for (outcome, status) in [("signature", -5), ("certificate", -6), ("ended", -7), ("unchecked", -8)] {
        let mut browser = world.browser();
        let page = browser.begin_by(world, &Asked::by(SHOP), "eri").await;
        let page = browser.press(&page, "phone", &[]).await.page();
        held_to(world, &page, &person, outcome).await;
        let page = browser.press(&page, "look", &[]).await.page().expect("error");
        let wrong = OF_PHONES.iter().find(|(known, _)| *known == status).expect("known").1;
        says(&page, wrong.sentence());
    }
    // The Tax Committee has the certificate for somebody else.
    let other = world.person();
    let somebody = json!({
        "pinfl": other.pinfl, "latin": ["VALIYEV", "ALI", "KARIMOVICH"], "birth_date": "1990-01-01", "sex": 1,
        "certificate": format!("77a1{}", other.pinfl), "foreign_certificate": true,
    });
    world.sandbox.knows(&json!({"person": [somebody]})).await;
    let mut browser = world.browser();
    let page = browser.begin_by(world, &Asked::by(SHOP), "eri").await;
    let page = browser.press(&page, "phone", &[]).await.page();
    held_to(world, &page, &other, "good").await;
    let page = browser.press(&page, "look", &[]).await.page().expect("error");
    says(&page, "eri.not_confirmed");
    // So it signs nobody in at a computer, whose page need not say that it is a card's.
    let mut browser = world.browser();
    let page = browser.begin_by(world, &Asked::by(SHOP), "eri").await;
    let page = browser.sign_with(world, &page, &format!("77a1{}", other.pinfl)).await.page().expect("error");
    says(&page, "eri.not_confirmed");
}

fn sets_of_oneid() -> String {
    let sets = ["name", "pinfl", "legal_entity"].map(|name| format!("{{ name = \"{name}\" }}"));
    format!("oneid = true\ndata_sets = [{}]\n", sets.join(", "))
}

async fn has_keys_of_organisations(world: &World, person: &Person) -> [String; 2] {
    world.has_a_key(person).await;
    let serials = ["77e2", "77e3"].map(|begins| format!("{begins}{}", person.pinfl));
    let keys = [
        json!({"pinfl": person.pinfl, "serial": serials[0], "organisation": ["301234567", "«Misol» MChJ", "DIREKTOR"]}),
        json!({"pinfl": person.pinfl, "serial": serials[1], "organisation": ["302345678", "«Namuna» XK", ""]}),
    ];
    world.sandbox.knows(&json!({"key": keys})).await;
    serials
}

async fn r4_a_key_of_an_organisation_acts_for_it_and_nothing_else_does(world: &World) {
    let person = world.person();
    let own = world.has_a_key(&person).await;
    let [misol, _] = has_keys_of_organisations(world, &person).await;
    let named = r#"{"id_token":{"legal_entity":null}}"#;
    let asked = Asked::by(FIRM).with("scope", "openid profile legal_entity").and("claims", named);
    // By Mobile-ID, and by a person's own key, nobody acts for anybody: nothing is asked or told of it.
    let tokens = world.tokens(&asked, &person).await;
    let mine = world.userinfo(tokens.get("access_token")).await.granted();
    assert!(mine.body.get("name").is_some() && mine.body.get("legal_entity").is_none(), "{}", mine.body);
    let mut browser = world.browser();
    let page = browser.begin_by(world, &asked, "eri").await;
    let step = browser.sign_with(world, &page, &own).await;
    let tokens = world.redeem(FIRM, &code_of(&step.away())).await.granted();
    let mine = world.userinfo(tokens.get("access_token")).await.granted();
    assert!(mine.body.get("legal_entity").is_none(), "{}", mine.body);

    let mut browser = world.browser();
    let page = browser.begin_by(world, &asked, "eri").await;
    let page = browser.sign_with(world, &page, &misol).await.page().expect("allow");
    assert!(page.text().contains("«Misol» MChJ") && page.text().contains("301234567"), "{page}");
    let url = allowed(world, &mut browser, &person, Step::Page(page)).await;
    let tokens = world.redeem(FIRM, &code_of(&url)).await.granted();
    let entity = json!({"tin": "301234567", "name": "«Misol» MChJ", "position": "DIREKTOR"});
    assert_eq!(jwt::read(tokens.get("id_token")).claims["legal_entity"], entity);
    assert_eq!(world.userinfo(tokens.get("access_token")).await.granted().body["legal_entity"], entity);
    // A service that has no right to it is told nothing, in the same session.
    let step = browser.begin(world, &Asked::by(SHOP).with("scope", "openid profile legal_entity")).await;
    let page = step.page();
    assert!(!page.text().contains("Misol"), "{page}");
}

/// From OneID's link to the page of signatures, whichever page comes first.
async fn oneid_by_eri(browser: &mut Browser, link: &Url) -> Page {
    let page = browser.get(link).await.page();
    if page.has("computer") { page } else { browser.get(&page.link("eri")).await.page().expect("computer") }
}

async fn oneid_is_told_of_organisations_in_its_own_words(world: &World) {
    let person = world.person();
    let own = world.has_a_key(&person).await;
    let [misol, namuna] = has_keys_of_organisations(world, &person).await;
    let mut link = oneid::link(world, ONEID);
    link.query_pairs_mut().append_pair("auth_methods", "LEPKCSMETHOD");
    let mut browser = world.browser();
    let page = oneid_by_eri(&mut browser, &link).await;
    // The person's own key does not do; that of any organisation does.
    let page = browser.sign_with(world, &page, &own).await.page().expect("error");
    says(&page, "eri.organisation");
    let step = browser.sign_with(world, &page, &namuna).await;
    let url = allowed(world, &mut browser, &person, step).await;
    world.oneid_redeem(ONEID, &code_of(&url)).await.granted();
    let mut browser = world.browser();
    let page = oneid_by_eri(&mut browser, &link).await;
    let url = match browser.sign_with(world, &page, &misol).await {
        Step::Away(url) => url,
        asking @ Step::Page(_) => allowed(world, &mut browser, &person, asking).await,
    };
    let token = world.oneid_redeem(ONEID, &code_of(&url)).await.granted();
    let told = world.oneid_identify(ONEID, token.get("access_token")).await.granted().body;
    for (name, value) in [
        ("user_type", "L"),
        ("auth_method", "LEPKCSMETHOD"),
        ("pkcs_legal_tin", "301234567"),
        ("pin", person.pinfl.as_str()),
        ("valid", "true"),
    ] {
        assert_eq!(told[name], value, "{name}: {told}");
    }
    assert_eq!(told["validation_method"], json!(["MOBILEMETHOD"]), "what the confirmation rests on");
    let (tin, name) = ("301234567", "«Misol» MChJ");
    let shown = json!([{"is_basic": true, "tin": tin, "acron_UZ": name, "le_tin": tin, "le_name": name}]);
    assert_eq!(told["legal_info"], shown, "the page of consent showed no other one");

    // By their own key they are a person, whatever organisations they have.
    let mut browser = world.browser();
    let page = oneid_by_eri(&mut browser, &oneid::link(world, ONEID)).await;
    let url = match browser.sign_with(world, &page, &own).await {
        Step::Away(url) => url,
        asking @ Step::Page(_) => allowed(world, &mut browser, &person, asking).await,
    };
    let token = world.oneid_redeem(ONEID, &code_of(&url)).await.granted();
    let told = world.oneid_identify(ONEID, token.get("access_token")).await.granted().body;
    assert_eq!((&told["user_type"], &told["auth_method"]), (&json!("I"), &json!("PKCSMETHOD")));
    assert_eq!((&told["legal_info"], told.get("pkcs_legal_tin")), (&json!([]), None));
    // In the cabinet they read which ones are known.
    let cabinet = browser.cabinet("/cabinet/means").await.expect("organisations");
    assert!(cabinet.text().contains("302345678") && cabinet.text().contains("«Misol» MChJ"), "{cabinet}");
    // That session does not do where somebody must act for an organisation.
    let page = oneid_by_eri(&mut browser, &link).await;
    assert!(!page.has("continue"), "{page}");
}

async fn what_is_down_is_said(world: &World) {
    let mut browser = world.browser();
    let page = browser.begin_by(world, &Asked::by(SHOP), "eri").await;
    world.sandbox.registers(&[("eimzo.fail", "1")]).await;
    for way in ["computer", "phone"] {
        let page = browser.press(&page, way, &[]).await.page().expect("error").expect("computer");
        says(&page, "eri.down");
    }
    world.sandbox.registers(&[("reset", "1")]).await;
}

/// Shows a face to MyID, whose page the browser was sent to; where it leads back.
pub(crate) async fn show_face(myid: &Url, pinfl: &str, result: i64) -> Url {
    let no_redirects = reqwest::redirect::Policy::none();
    let client = reqwest::Client::builder().redirect(no_redirects).build().expect("a client");
    let form = [("pinfl", pinfl), ("result", &result.to_string())];
    let answer = client.post(myid.clone()).form(&form).send().await.expect("the sandbox");
    let location = answer.headers().get("location").expect("a way back");
    location.to_str().expect("text").parse().expect("a URL")
}

async fn r57_faces_sign_in(setup: Setup) {
    let world = setup.people(8, 4).with_proofs().start().await;
    let person = world.person();
    world.has_a_key(&person).await;
    let (mut browser, mut thief) = (world.browser(), world.browser());
    let page = browser.begin_by(&world, &Asked::by(SHOP), "face").await.expect("face");
    let policy = page.header("content-security-policy").to_owned();
    assert!(policy.contains(&world.sandbox.base), "the form leads to MyID: {policy}");
    let myid = browser.press(&page, "face", &[]).await.away();
    assert!(myid.as_str().starts_with(&format!("{}/myid/", world.sandbox.base)), "{myid}");
    let back = show_face(&myid, &person.pinfl, 1).await;
    // Somebody at another browser who got hold of the way back gets nothing, and takes nothing.
    let stolen = thief.get(&back).await.page();
    assert!(!stolen.has("allow") && stolen.status < 500, "{stolen}");
    let step = browser.get(&back).await;
    let claims = permitted(&world, &mut browser, SHOP, &person, step).await;
    assert_eq!((&claims["acr"], &claims["amr"]), (&json!("urn:yagona:acr:face"), &json!(["face"])));
    let again = browser.get(&back).await;
    if let Step::Page(again) = again {
        assert!(!again.has("allow"), "{again}");
    }

    let mut page = thief.begin_by(&world, &Asked::by(SHOP), "face").await;
    for problem in FaceProblem::ALL {
        let myid = thief.press(&page, "face", &[]).await.away();
        let back = show_face(&myid, &person.pinfl, problem.code()).await;
        page = thief.get(&back).await.page().expect("error").expect("face");
        says(&page, problem.advice().sentence());
        let row = world.until_audited(Recorded::FaceRefused, "reason", &problem.code().to_string()).await;
        assert!(row["client.id"] == SHOP && row["attempt.id"].is_string(), "{row}");
    }
    let stranger = world.somebody(Kind::Unknown);
    world.has_a_key(&stranger).await;
    let myid = thief.press(&page, "face", &[]).await.away();
    let page = thief.get(&show_face(&myid, &stranger.pinfl, 1).await).await.page();
    says(&page, "face.no_account");

    // As a further factor it must be the same person's.
    let other = world.person();
    world.has_a_key(&other).await;
    let mut browser = world.browser();
    let page = browser.begin_with_number(&world, &Asked::by(LENDER), &person).await;
    let code = world.sandbox.next_code(&person).await;
    let page = browser.enter_code(&page, &code).await.page().expect("face");
    let face = browser.get(&page.link("face")).await.page();
    let myid = browser.press(&face, "face", &[]).await.away();
    let page = browser.get(&show_face(&myid, &other.pinfl, 1).await).await.page();
    says(&page, "means.other_person");
    let face = browser.get(&page.link("face")).await.page();
    let myid = browser.press(&face, "face", &[]).await.away();
    let step = browser.get(&show_face(&myid, &person.pinfl, 1).await).await;
    let claims = told(&world, &mut browser, LENDER, step).await;
    assert_eq!(claims["acr"], "urn:yagona:acr:face");
}
