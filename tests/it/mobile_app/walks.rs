//! The whole way in the app, against registers that the sandbox plays: from the form to the number, and to its end.

use std::sync::atomic::Ordering;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use reqwest::Method;
use serde_json::{Value, json};

use super::{APP, Answer, Caller, OTHER, id, with_app};
use crate::support::client_file::SHOP;
use crate::support::http;
use crate::support::sandbox::code_in;
use crate::support::wait::until;
use crate::support::{Asked, Person, Setup, World, alone_on_both_backends, code_of};

alone_on_both_backends!(
    r53_r56_r61_r63_somebody_enrols_by_the_app_with_their_face_and_signs_in,
    r58_a_card_signs_and_its_certificate_must_be_the_persons,
    r54_r65_a_number_in_anothers_name_is_refused_on_27_1_and_on_no_other_ground,
    r59_r82_another_number_takes_the_place_of_the_one_before,
    r90_an_enrolment_ends_by_the_face_though_the_phone_is_lost,
    d_o_who_does_not_go_on_is_neither_refused_nor_enrolled,
    proofs_and_requests_are_bounded_for_each_person_and_app,
);

/// People of `config/registry-people.toml` who are not enrolled: PINFL, number, surname, name, patronymic, kind and number of the document.
type Applicant = [&'static str; 7];
const MALIKA: Applicant =
    ["41405882050012", "998007000001", "Yusupova", "Malika", "Anvar qizi", "id_card", "AD7000001"];
const ODIL: Applicant = [
    "30211792050028",
    "998007000002",
    "Rasulov",
    "Odil",
    "Shuhrat oʻgʻli",
    "biometric_passport",
    "AB7000002",
];

fn form(who: &Applicant, number: &str) -> Value {
    let [pinfl, _, surname, name, patronymic, document, document_number] = who;
    json!({
        "language": "uz-Latn", "surname": surname, "name": name, "patronymic": patronymic, "number": number,
        "pinfl": pinfl, "category": "citizen", "document": document, "document_number": document_number,
    })
}

/// The photo of somebody in the registers' file, in Base64.
fn photo(pinfl: &str) -> String {
    let file: toml::Table =
        toml::from_str(include_str!("../../../config/registry-people.toml")).expect("TOML");
    let people = file["person"].as_array().expect("people");
    let found = people.iter().find(|person| person["pinfl"].as_str() == Some(pinfl)).expect("somebody");
    found["photo"].as_str().expect("a photo").replace('\n', "")
}

impl Caller<'_> {
    /// The application once `going_on` is over.
    async fn settled(&self, id: &str, going_on: impl Fn(&Value) -> bool) -> Value {
        until("registers to answer", async || {
            let (status, body) = self.get(id).await;
            assert_eq!(status, 200, "{body}");
            (!going_on(&body)).then_some(body)
        })
        .await
    }

    /// Opens an application and waits for registers.
    async fn open(&self, who: &Applicant, number: &str) -> (String, Value) {
        let id = id();
        let (status, body) = self.put(&id, &form(who, number)).await;
        assert_eq!((status, &body["state"]), (201, &"open".into()), "{body}");
        let found = self.settled(&id, |body| body["precheck"]["state"] == "running").await;
        assert_eq!(found["precheck"]["state"], "done", "{found}");
        (id, found)
    }

    async fn agree(&self, id: &str, to: &[&str]) -> Answer {
        let (_, now) = self.get(id).await;
        let shown = now["opened_at"].clone();
        let consents: Vec<Value> = to.iter().map(|to| json!({ "to": to, "shown_at": shown })).collect();
        self.post(id, "consents", &json!({ "language": "ru", "consents": consents })).await
    }

    async fn show_face(&self, id: &str, photo: &str) -> Value {
        let (status, body) = self.post(id, "face", &json!({ "photo": photo })).await;
        assert_eq!(status, 202, "{body}");
        self.settled(id, |body| body["proof"]["face"] == "running").await
    }

    /// From the form to the end.
    async fn enrol(&self, who: &Applicant, number: &str, more: &[&str]) -> Value {
        let (id, found) = self.open(who, number).await;
        assert_eq!(found["precheck"]["obstacles"], json!([]), "{found}");
        let (status, body) = self.agree(&id, &[&["sms_charge", "responsibility"][..], more].concat()).await;
        assert_eq!(status, 200, "{body}");
        let proved = self.show_face(&id, &photo(who[0])).await;
        assert_eq!(proved["missing"], json!([]), "{proved}");
        let phone = Person::with_number(number);
        // Messages of before are not for this application.
        let before = self.world.sandbox.messages(&phone).await.len();
        phone.seen.store(before, Ordering::SeqCst);
        let (status, body) = self.call(Method::POST, &format!("/applications/{id}/code"), None).await;
        assert_eq!((status, &body["state"]), (202, &"code_sent".into()), "{body}");
        let code = self.world.sandbox.next_message(&phone).await;
        let code = code_in(code["text"].as_str().expect("a text"));
        let (status, body) = self.post(&id, "code/entry", &json!({ "code": code })).await;
        assert_eq!((status, &body["state"]), (200, &"enrolled".into()), "{body}");
        body
    }
}

async fn r53_r56_r61_r63_somebody_enrols_by_the_app_with_their_face_and_signs_in(setup: Setup) {
    let world = with_app(setup).start().await;
    let (app, other) = (Caller::of(&world, APP).await, Caller::of(&world, OTHER).await);
    let (id, found) = app.open(&MALIKA, MALIKA[1]).await;
    assert_eq!(found["precheck"], json!({ "state": "done", "obstacles": [], "warnings": [] }), "{found}");
    // The same form again is the same application; another one, and another app, are none.
    let (status, again) = app.put(&id, &form(&MALIKA, MALIKA[1])).await;
    assert_eq!((status, &again["reference"]), (200, &found["reference"]), "{again}");
    let (status, body) = app.put(&id, &form(&ODIL, ODIL[1])).await;
    assert_eq!((status, &body["code"]), (409, &"other_application".into()), "{body}");
    assert_eq!(other.get(&id).await.1["code"], "not_found");
    assert_eq!(other.put(&id, &form(&MALIKA, MALIKA[1])).await.1["code"], "other_application");

    // Nothing is sent before consents and proof.
    let send = format!("/applications/{id}/code");
    let (status, body) = app.call(Method::POST, &send, None).await;
    assert_eq!((status, &body["code"]), (409, &"not_ready".into()), "{body}");
    let missing = body["missing"].to_string();
    assert!(["proof", "sms_charge", "responsibility"].iter().all(|what| missing.contains(what)), "{body}");
    assert_eq!(app.agree(&id, &["sms_charge", "responsibility"]).await.0, 200);
    // A photo of somebody else proves nothing, and no photo less.
    let body = app.show_face(&id, &photo(ODIL[0])).await;
    assert_eq!(body["proof"]["face"], "not_matched", "{body}");
    let body = app.show_face(&id, &STANDARD.encode(b"no photo")).await;
    assert_eq!(body["proof"]["face"], "unusable", "{body}");
    assert_eq!(app.call(Method::POST, &send, None).await.1["missing"], json!([{ "what": "proof" }]));
    let body = app.show_face(&id, &photo(MALIKA[0])).await;
    assert_eq!((&body["proof"]["face"], &body["missing"]), (&"matched".into(), &json!([])), "{body}");

    let (status, body) = app.call(Method::POST, &send, None).await;
    assert_eq!((status, &body["state"]), (202, &"code_sent".into()), "{body}");
    let phone = Person::with_number(MALIKA[1]);
    let message = world.sandbox.next_message(&phone).await;
    let code = code_in(message["text"].as_str().expect("a text"));
    let miss = if code == "000000" { "111111" } else { "000000" };
    let (status, body) = app.post(&id, "code/entry", &json!({ "code": miss })).await;
    assert_eq!(
        (status, &body["code"], &body["tries_left"]),
        (422, &"wrong_code".into(), &4.into()),
        "{body}"
    );
    let (status, body) = app.post(&id, "code/entry", &json!({ "code": code })).await;
    assert_eq!((status, &body["state"]), (200, &"enrolled".into()), "{body}");
    // The answer was lost: asked again, it is the same.
    let (status, body) = app.post(&id, "code/entry", &json!({ "code": code })).await;
    assert_eq!((status, &body["state"]), (200, &"enrolled".into()), "{body}");
    assert_eq!(app.call(Method::POST, &send, None).await.1["code"], "wrong_state");
    // R43: the message of completion; then the number signs in.
    world.sandbox.next_message(&phone).await;
    code_of(&world.browser().sign_in(&world, &Asked::by(SHOP), &phone).await);
}

/// Signs as somebody at the page that plays E-IMZO's app.
async fn sign(world: &World, qr: &str, pinfl: &str, outcome: &str) {
    let url = format!("{}/eimzo-app", world.sandbox.base);
    let fields = [("qc", qr), ("pinfl", pinfl), ("outcome", outcome)];
    let answer = http::client().post(url).form(&fields).send().await.expect("the sandbox");
    assert!(answer.status().is_success(), "{}", answer.text().await.unwrap_or_default());
}

async fn r58_a_card_signs_and_its_certificate_must_be_the_persons(setup: Setup) {
    let world = with_app(setup).start().await;
    let app = Caller::of(&world, APP).await;
    let (id, _) = app.open(&MALIKA, MALIKA[1]).await;
    assert_eq!(app.agree(&id, &["sms_charge", "responsibility"]).await.0, 200);
    let begin = format!("/applications/{id}/signature");
    let result = format!("{begin}/result");
    assert_eq!(app.call(Method::POST, &result, None).await.1["code"], "not_signed", "nothing was begun");
    let begun = async || {
        let (status, body) = app.call(Method::POST, &begin, None).await;
        assert_eq!(status, 201, "{body}");
        let qr = body["qr"].as_str().expect("a code").to_owned();
        assert_eq!((qr.len(), &body["link"]), (84, &json!(format!("eimzo://sign?qc={qr}"))));
        qr
    };
    let qr = begun().await;
    let (status, body) = app.call(Method::POST, &result, None).await;
    assert_eq!((status, &body["proof"]["signature"]), (202, &"running".into()), "{body}");
    // R4: a company's certificate is nobody's; a wrong signature proves nothing.
    for (outcome, why) in [("legal", "legal_entity"), ("signature", "signature")] {
        let qr = if outcome == "legal" { qr.clone() } else { begun().await };
        sign(&world, &qr, MALIKA[0], outcome).await;
        let (status, body) = app.call(Method::POST, &result, None).await;
        assert_eq!((status, &body["code"], &body["signature"]), (422, &"not_the_person".into(), &why.into()));
    }
    // Somebody else's card.
    let other = "32308952050030";
    sign(&world, &begun().await, other, "good").await;
    let (status, body) = app.call(Method::POST, &result, None).await;
    assert_eq!((status, &body["proof"]["signature"]), (200, &"not_matched".into()), "{body}");
    // Her own.
    sign(&world, &begun().await, MALIKA[0], "good").await;
    let (status, body) = app.call(Method::POST, &result, None).await;
    assert_eq!((status, &body["proof"]["signature"]), (200, &"matched".into()), "{body}");
    assert_eq!(body["missing"], json!([]), "D-h: one of the two is enough: {body}");
    let again = app.call(Method::POST, &result, None).await;
    assert_eq!((again.0, &again.1["proof"]["signature"]), (200, &"matched".into()), "{}", again.1);
    assert_eq!(app.call(Method::POST, &format!("/applications/{id}/code"), None).await.0, 202);
}

async fn r54_r65_a_number_in_anothers_name_is_refused_on_27_1_and_on_no_other_ground(setup: Setup) {
    let world = with_app(setup).start().await;
    let app = Caller::of(&world, APP).await;
    let (id, found) = app.open(&MALIKA, ODIL[1]).await;
    let obstacle = json!({ "field": "number", "code": "other_owner", "clause": "27(1)" });
    assert_eq!(found["precheck"]["obstacles"], json!([obstacle]), "{found}");
    assert_eq!(app.agree(&id, &["sms_charge", "responsibility"]).await.0, 200);
    app.show_face(&id, &photo(MALIKA[0])).await;
    let (status, body) = app.call(Method::POST, &format!("/applications/{id}/code"), None).await;
    assert_eq!((status, &body["missing"][0]["code"]), (409, &"other_owner".into()), "{body}");
    for clause in ["27(2)", "27(3)", "27(4)", "18(1)", "27(5)"] {
        let (status, body) = app.post(&id, "refusal", &json!({ "clause": clause })).await;
        assert_eq!((status, &body["code"]), (409, &"not_the_ground".into()), "{clause}: {body}");
    }
    for _ in 0..2 {
        let (status, body) = app.post(&id, "refusal", &json!({ "clause": "27(1)" })).await;
        assert_eq!((status, &body["state"], &body["refused_on"]), (200, &"refused".into(), &"27(1)".into()));
    }
    // R66: she applies again at once, and declines to prove who she is.
    let (id, _) = app.open(&MALIKA, MALIKA[1]).await;
    let (status, body) = app.post(&id, "refusal", &json!({ "clause": "27(4)" })).await;
    assert_eq!((status, &body["refused_on"]), (200, &"27(4)".into()), "{body}");
    // A face that does not match is a ground of its own.
    let (id, _) = app.open(&MALIKA, MALIKA[1]).await;
    app.show_face(&id, &photo(ODIL[0])).await;
    let (status, body) = app.post(&id, "refusal", &json!({ "clause": "27(3)" })).await;
    assert_eq!((status, &body["refused_on"]), (200, &"27(3)".into()), "{body}");
}

async fn r59_r82_another_number_takes_the_place_of_the_one_before(setup: Setup) {
    let world = with_app(setup).start().await;
    let app = Caller::of(&world, APP).await;
    // Two numbers in his own name.
    let jasur: Applicant = [
        "32308952050030",
        "998007000003",
        "Tursunov",
        "Jasur",
        "Ilhom oʻgʻli",
        "foreign_travel_passport",
        "FA7000003",
    ];
    app.enrol(&jasur, jasur[1], &[]).await;
    let former = Person::with_number(jasur[1]);
    world.sandbox.next_message(&former).await;
    world.sandbox.next_message(&former).await;
    let asked = Asked::by(SHOP).with("scope", "openid offline_access");
    let tokens = world.tokens(&asked, &former).await;
    let second = second_number(jasur[0]);
    let (id, found) = app.open(&jasur, &second).await;
    let warning = &found["precheck"]["warnings"][0];
    assert_eq!((&warning["code"], &warning["consent"]), (&"other_number".into(), &"other_number".into()));
    assert!(warning["number"].as_str().expect("masked").ends_with("00 03"), "{found}");
    app.call(Method::POST, &format!("/applications/{id}/withdrawal"), None).await;
    // Until the other one is enrolled, the former one works.
    world.refresh(SHOP, tokens.get("refresh_token")).await.granted();
    app.enrol(&jasur, &second, &["other_number"]).await;
    world.refresh(SHOP, tokens.get("refresh_token")).await.refused(400, "invalid_grant");
    let ends = "SELECT COUNT(*) FROM enrolment_ends WHERE ground = 'number_changed'";
    assert_eq!(world.stored(ends).await, 1);
}

/// The second number of somebody in the registers' file.
fn second_number(pinfl: &str) -> String {
    let file: toml::Table =
        toml::from_str(include_str!("../../../config/registry-people.toml")).expect("TOML");
    let people = file["person"].as_array().expect("people");
    let found = people.iter().find(|person| person["pinfl"].as_str() == Some(pinfl)).expect("somebody");
    found["numbers"][1]["msisdn"].as_str().expect("a number").to_owned()
}

async fn r90_an_enrolment_ends_by_the_face_though_the_phone_is_lost(setup: Setup) {
    let world = with_app(setup).start().await;
    let app = Caller::of(&world, APP).await;
    let end = async |photo: String| {
        app.call(Method::POST, "/endings", Some(&json!({ "pinfl": MALIKA[0], "photo": photo }))).await
    };
    app.enrol(&MALIKA, MALIKA[1], &[]).await;
    let phone = Person::with_number(MALIKA[1]);
    world.sandbox.next_message(&phone).await;
    world.sandbox.next_message(&phone).await;
    let tokens = world.tokens(&Asked::by(SHOP).with("scope", "openid offline_access"), &phone).await;
    for (photo, code) in [(photo(ODIL[0]), "not_the_person"), (STANDARD.encode(b"x"), "unusable")] {
        let (status, body) = end(photo).await;
        assert_eq!((status, &body["code"]), (422, &code.into()), "{body}");
    }
    world.refresh(SHOP, tokens.get("refresh_token")).await.granted();
    let (status, body) = end(photo(MALIKA[0])).await;
    assert_eq!((status, &body), (200, &json!({ "ended": true })));
    let (status, body) = end(photo(MALIKA[0])).await;
    assert_eq!((status, &body["code"]), (409, &"not_enrolled".into()), "{body}");
    assert_eq!(world.stored("SELECT COUNT(*) FROM enrolment_ends WHERE ground = 'request'").await, 1);
    // R88: enrolled anew on general grounds; and ended by the card.
    app.enrol(&MALIKA, MALIKA[1], &[]).await;
    let at = format!("/endings/{}/signature", id());
    let (status, body) = app.call(Method::POST, &at, Some(&json!({ "pinfl": MALIKA[0] }))).await;
    assert_eq!(status, 201, "{body}");
    let waits = app.call(Method::POST, &format!("{at}/result"), None).await;
    assert_eq!(waits, (202, json!({ "ended": false })));
    sign(&world, body["qr"].as_str().expect("a code"), MALIKA[0], "good").await;
    let ended = app.call(Method::POST, &format!("{at}/result"), None).await;
    assert_eq!(ended, (200, json!({ "ended": true })));
}

async fn d_o_who_does_not_go_on_is_neither_refused_nor_enrolled(setup: Setup) {
    let world = with_app(setup).start().await;
    let app = Caller::of(&world, APP).await;
    let (id, _) = app.open(&MALIKA, MALIKA[1]).await;
    for _ in 0..2 {
        let (status, body) = app.call(Method::POST, &format!("/applications/{id}/withdrawal"), None).await;
        assert_eq!((status, &body["state"]), (200, &"withdrawn".into()), "{body}");
        assert_eq!((&body["refused_on"], &body["missing"]), (&Value::Null, &json!([])));
    }
    let (status, body) = app.post(&id, "face", &json!({ "photo": photo(MALIKA[0]) })).await;
    assert_eq!((status, &body["code"]), (409, &"wrong_state".into()), "{body}");
    // A register that does not answer is no refusal either.
    world.sandbox.registers(&[("operators.fail", "1")]).await;
    let id = super::id();
    assert_eq!(app.put(&id, &form(&ODIL, ODIL[1])).await.0, 201);
    let found = app.settled(&id, |body| body["precheck"]["state"] == "running").await;
    assert_eq!((&found["precheck"]["state"], &found["state"]), (&"failed".into(), &"open".into()), "{found}");
    for clause in ["27(1)", "27(2)"] {
        let (_, body) = app.post(&id, "refusal", &json!({ "clause": clause })).await;
        assert_eq!(body["code"], "not_the_ground", "{body}");
    }
}

async fn proofs_and_requests_are_bounded_for_each_person_and_app(setup: Setup) {
    let setup = with_app(setup)
        .set("mobile_app.faces_per_person_day", 2)
        .set("mobile_app.per_person_day", 3)
        .set("mobile_app.requests_per_minute", 9);
    let world = setup.start().await;
    let (app, other) = (Caller::of(&world, APP).await, Caller::of(&world, OTHER).await);
    let ending = json!({ "pinfl": MALIKA[0], "photo": photo(ODIL[0]) });
    for caller in [&app, &other] {
        let (status, body) = caller.call(Method::POST, "/endings", Some(&ending)).await;
        assert_eq!((status, &body["code"]), (422, &"not_the_person".into()), "{body}");
    }
    // Two faces were compared today, by whatever app; then three things were begun.
    let (status, body) = app.call(Method::POST, "/endings", Some(&ending)).await;
    assert_eq!((status, &body["code"]), (429, &"too_many".into()), "{body}");
    assert!(body["detail"].as_str().expect("words").contains("proofs"), "{body}");
    let (_, body) = app.call(Method::POST, "/endings", Some(&ending)).await;
    assert!(body["detail"].as_str().expect("words").contains("per_person_day"), "{body}");
    // Of one app so many requests in a minute.
    let last = until("too many requests", async || {
        let (status, body) = app.get(&id()).await;
        (status == 429).then_some(body)
    })
    .await;
    assert!(last["detail"].as_str().expect("words").contains("requests_per_minute"), "{last}");
    assert_eq!(other.get(&id()).await.0, 404, "another app is counted for itself");
}
