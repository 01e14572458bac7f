use serde_json::value::RawValue;

use super::*;
use crate::clients::{ClientId, DataRequest, Registration, Rules};
use crate::people::PersonId;
use crate::platform::bytes::Digest;
use crate::platform::seal::Keyring;
use crate::sign_in::{Acr, Amr, AskAgain, Protocol, Reply};

const NOW: Timestamp = Timestamp(100_000);

fn request() -> SignInRequest {
    SignInRequest {
        client_id: ClientId::parse("shop").unwrap(),
        data: DataRequest::default(),
        application: None,
        ask_again: AskAgain::default(),
        max_age: None,
        acr: Vec::new(),
        represents: false,
        expected_sub: None,
        return_to: None,
        reply: Reply { protocol: Protocol::Oidc, state: RawValue::from_string("null".to_owned()).unwrap() },
    }
}

fn client(more: &str) -> Client {
    let text = format!(
        "client_id = 'shop'\nclient_name = 'Shop'\nowner = 'X'\nscope = 'openid'\n\
         redirect_uris = ['https://shop.uz/cb']\n{more}"
    );
    let registration: Registration = toml::from_str(&text).unwrap();
    let rules = Rules {
        loopback_http: false,
        issuer: "https://id.uz".to_owned(),
        sms_host: "id.uz".to_owned(),
        shortest_secret: 8,
        published_secrets: true,
    };
    registration.parse(&rules).unwrap()
}

fn subject_ids() -> SubjectIds {
    let folder = tempfile::tempdir().unwrap();
    SubjectIds::new(&Keyring::read_or_create(&folder.path().join("keyring.toml")).unwrap())
}

/// What stands in the way of a session that began `age` seconds ago and was used `idle` seconds ago.
fn reason(
    request: &SignInRequest,
    client: &Client,
    (age, idle): (i64, i64),
    ids: &SubjectIds,
) -> Option<Reason> {
    let session = Session {
        epoch: crate::people::Epoch::default(),
        person_id: PersonId::stored("somebody".to_owned()),
        number: Some(Digest::of(b"n")),
        auth_time: NOW.minus(age),
        acr: Acr::MobileId,
        amr: vec![Amr::Sms],
        means: vec![crate::sign_in::Means::MobileId],
        proofs: crate::sign_in::Proofs::default(),
        organisation: None,
        sid_key: Digest::of(b"s"),
        used_at: NOW.minus(idle),
        opened_ms: 0,
        clients: Vec::new(),
    };
    let bounds = SessionBounds { idle: 1800, absolute: 43_200 };
    known(&Situation { request, client, session: &session, bounds, subject_ids: ids, now: NOW }).err()
}

#[test]
fn every_reason_stands_in_the_way_by_itself() {
    let ids = subject_ids();
    let plain = client("");
    assert_eq!(reason(&request(), &plain, (100, 10), &ids), None);

    let strict = client("session_idle_seconds = 60\nsession_absolute_seconds = 3600\n");
    assert_eq!(reason(&request(), &strict, (100, 60), &ids), Some(Reason::ClientBounds));
    assert_eq!(reason(&request(), &strict, (3600, 10), &ids), Some(Reason::ClientBounds));
    assert_eq!(reason(&request(), &strict, (3599, 59), &ids), None);

    let again = SignInRequest { ask_again: AskAgain { sign_in: true, ..AskAgain::default() }, ..request() };
    assert_eq!(reason(&again, &plain, (100, 10), &ids), Some(Reason::Requested));

    let young = SignInRequest { max_age: Some(100), ..request() };
    assert_eq!(reason(&young, &plain, (99, 10), &ids), None);
    assert_eq!(reason(&young, &plain, (100, 10), &ids), Some(Reason::MaxAge));

    let expected = |sub: String| SignInRequest { expected_sub: Some(sub), ..request() };
    let own = ids.of(&plain, &PersonId::stored("somebody".to_owned()));
    assert_eq!(reason(&expected(own), &plain, (100, 10), &ids), None);
    assert_eq!(reason(&expected("else".to_owned()), &plain, (100, 10), &ids), Some(Reason::OtherPerson));

    let signed = SignInRequest { acr: vec![Acr::Eri], ..request() };
    assert_eq!(reason(&signed, &plain, (100, 10), &ids), Some(Reason::Acr));
}
