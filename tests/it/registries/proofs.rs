//! What proves who somebody is, at E-IMZO's server and at MyID: signatures by keys on computers with every status of the server, and faces in both
//! of MyID's ways with every code of theirs.

use std::net::IpAddr;

use serde_json::{Value, json};
use yagona::registries::eimzo::{Certificate, OF_BROWSERS, Wrong};
use yagona::registries::myid::{self, FaceProblem, Session};
use yagona::registries::{Asker, ErrorKind, Why};

use super::{Bench, MALIKA, malika_as_expected, pinfl, text};
use crate::support::http;

const IP: IpAddr = IpAddr::V4(std::net::Ipv4Addr::LOCALHOST);
/// Malika's keys: her own, and that of an organisation.
const OWN: &str = "77e100000000000000000000000000000008";
const OF_NAMUNA: &str = "77e100000000000000000000000000000009";

fn asker() -> Asker {
    Asker::provider(Why::SignIn)
}

impl Bench {
    async fn post(&self, path: &str, fields: &[(&str, &str)]) -> reqwest::Response {
        http::client()
            .post(format!("{}{path}", self.sandbox.base))
            .form(fields)
            .send()
            .await
            .expect("the sandbox")
    }

    /// What a key makes of a text.
    async fn sign(&self, serial: &str, data: &str) -> String {
        let answer = self.post("/eimzo-sign", &[("serial", serial), ("data", data)]).await;
        let answer: Value = answer.json().await.expect("JSON");
        text(&answer, "pkcs7_64").to_owned()
    }

    async fn signed_by(&self, serial: &str) -> Result<Certificate, Wrong> {
        let eimzo = self.registries.eimzo();
        let challenge = eimzo.challenge(IP, &asker()).await.expect("a challenge");
        assert_eq!(challenge.lasts, 120);
        let pkcs7 = self.sign(serial, &challenge.text).await;
        eimzo.signed(&pkcs7, &challenge.text, IP, &asker()).await.expect("an answer")
    }
}

#[tokio::test]
async fn r96_a_key_on_a_computer_says_who_signed_and_for_which_organisation() {
    let bench = Bench::start(&[("REGISTRIES__EIMZO__SITE", "id.example.uz")]);
    let own = bench.signed_by(OWN).await.expect("a signer");
    assert_eq!((own.pinfl, own.organisation), (pinfl(MALIKA), None));
    assert_eq!(own.serial_number, OWN);
    let organisation = bench.signed_by(OF_NAMUNA).await.expect("a signer").organisation.expect("one");
    assert_eq!((organisation.tin.digits(), organisation.position.as_str()), ("301000001", "MUHANDIS"));
    assert_eq!(organisation.name, "«Namuna» MChJ");
    let ended = "77e100000000000000000000000000000006";
    bench
        .sandbox
        .knows(&json!({"key": [
            {"pinfl": MALIKA, "serial": ended, "from": "2022-01-01", "until": "2024-01-01"},
            {"pinfl": MALIKA, "serial": "77e1ff", "revoked": true},
        ]}))
        .await;
    assert_eq!(bench.signed_by(ended).await, Err(Wrong::NotInForce));
    assert_eq!(bench.signed_by("77e1ff").await, Err(Wrong::NotInForce));
    assert_eq!(bench.signed_by("77e1fe").await, Err(Wrong::Certificate), "nobody's");
}

#[tokio::test]
async fn every_status_of_e_imzo_server_is_its_own_reason() {
    let bench = Bench::start(&[]);
    for (status, wrong) in OF_BROWSERS {
        let status = status.to_string();
        let set = bench.post("/eimzo-desktop", &[("serial", OWN), ("status", &status)]).await;
        assert_eq!(set.status(), 204);
        assert_eq!(bench.signed_by(OWN).await, Err(wrong), "{status}");
    }
    bench.post("/eimzo-desktop", &[("serial", OWN)]).await;
    assert!(bench.signed_by(OWN).await.is_ok());
}

#[tokio::test]
async fn a_challenge_proves_once_and_only_to_whom_it_was_given() {
    let bench = Bench::start(&[]);
    let eimzo = bench.registries.eimzo();
    let first = eimzo.challenge(IP, &asker()).await.expect("a challenge").text;
    let other = eimzo.challenge(IP, &asker()).await.expect("a challenge").text;
    assert_ne!(first, other);
    let pkcs7 = bench.sign(OWN, &other).await;
    let answered = bench.calls("eimzo", "answered");
    let found = eimzo.signed(&pkcs7, &first, IP, &asker()).await.expect("an answer");
    assert_eq!(found, Err(Wrong::OtherChallenge));
    let found = eimzo.signed("bm90aGluZw==", &first, IP, &asker()).await.expect("an answer");
    assert_eq!(found, Err(Wrong::Unreadable));
    assert_eq!(bench.calls("eimzo", "answered"), answered, "the server is not asked about either");
    let pkcs7 = bench.sign(OWN, &first).await;
    assert!(eimzo.signed(&pkcs7, &first, IP, &asker()).await.expect("an answer").is_ok());
    let again = eimzo.signed(&pkcs7, &first, IP, &asker()).await.expect("an answer");
    assert_eq!(again, Err(Wrong::Expired), "replayed");
    bench.sandbox.registers(&[("eimzo.fail", "1")]).await;
    let down = eimzo.challenge(IP, &asker()).await.unwrap_err();
    assert!(down.is_passing());
}

/// A face before MyID's page, and with what the browser comes back.
async fn looked(bench: &Bench, face: &str, result: i64) -> (Option<String>, Option<String>) {
    let page = bench.registries.myid().page("http://localhost:1/back", "st-1").expect("a page");
    let shown = http::get(page.as_str()).await.expect("the sandbox");
    assert_eq!(shown.status(), 200);
    let form = [("pinfl", face), ("result", &result.to_string())];
    let client =
        reqwest::Client::builder().redirect(reqwest::redirect::Policy::none()).build().expect("a client");
    let answer = client.post(page).form(&form).send().await.expect("the sandbox");
    let back: url::Url = answer.headers()["location"].to_str().expect("text").parse().expect("a URL");
    let of =
        |name: &str| back.query_pairs().find(|(key, _)| key == name).map(|(_, value)| value.into_owned());
    assert_eq!((back.path(), of("state").as_deref()), ("/back", Some("st-1")));
    (of("code"), of("result_code"))
}

#[tokio::test]
async fn r57_myid_says_in_a_browser_whose_face_it_was_once() {
    let bench = Bench::start(&[]);
    let myid = bench.registries.myid();
    let (code, _) = looked(&bench, MALIKA, 1).await;
    let code = code.expect("a code");
    let by = async |code: &str, uri: &str| myid.by_code(code, uri, &asker()).await;
    let elsewhere = by(&code, "http://localhost:2/back").await;
    assert_eq!(elsewhere.map_err(|error| error.kind), Err(ErrorKind::Refused), "another address");
    let (code, _) = looked(&bench, MALIKA, 1).await;
    let code = code.expect("a code");
    let found = by(&code, "http://localhost:1/back").await.expect("an answer").expect("a face");
    assert_eq!((found.pinfl, found.reference.is_empty()), (pinfl(MALIKA), false));
    let again = by(&code, "http://localhost:1/back").await;
    assert_eq!(again.map_err(|error| error.kind), Err(ErrorKind::Refused), "a code is good once");
    for problem in FaceProblem::ALL {
        let (code, reason) = looked(&bench, MALIKA, problem.code()).await;
        assert_eq!(myid::came_back(code.as_deref(), reason.as_deref()), Err(*problem));
    }
    let other = bench.who("His face never matches").await;
    let (_, reason) = looked(&bench, text(&other, "pinfl"), 1).await;
    assert_eq!(myid::came_back(None, reason.as_deref()), Err(FaceProblem::NoMatch));
}

#[tokio::test]
async fn r57_myids_program_says_whose_face_it_was_and_why_it_did_not_see_it() {
    let bench = Bench::start(&[]);
    let myid = bench.registries.myid();
    let session = myid.open_session(&malika_as_expected(), &asker()).await.expect("a session");
    assert_eq!(myid.session(&session, &asker()).await, Ok(Session::InProgress));
    let app = async |face: &str, result: i64| {
        let fields = [("session", session.as_str()), ("pinfl", face), ("result", &result.to_string())];
        bench.post("/myid-app", &fields).await.json::<Value>().await.expect("JSON")
    };
    for problem in FaceProblem::ALL {
        assert_eq!(app(MALIKA, problem.code()).await["result_code"], problem.code());
    }
    let somebody = bench.who("Citizen with a biometric passport").await;
    assert_eq!(app(text(&somebody, "pinfl"), 1).await["result_code"], 4, "somebody else's face");
    let code = app(MALIKA, 1).await;
    let code = text(&code, "code");
    assert_eq!(myid.session(&session, &asker()).await, Ok(Session::Closed(None)));
    let found = myid.by_session_code(code, &asker()).await.expect("an answer").expect("a face");
    assert_eq!(found.pinfl, pinfl(MALIKA));
    let again = myid.by_session_code(code, &asker()).await;
    assert_eq!(again.map_err(|error| error.kind), Err(ErrorKind::Refused));
    assert_eq!(myid.session("no-such-session", &asker()).await, Ok(Session::Expired));
    bench.sandbox.registers(&[("myid.contradict", "1")]).await;
    let (code, _) = looked(&bench, MALIKA, 1).await;
    let found = myid.by_code(&code.expect("a code"), "http://localhost:1/back", &asker()).await;
    assert!(matches!(found.map_err(|error| error.kind), Err(ErrorKind::Contradiction(_))));
}
