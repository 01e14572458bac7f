//! What contracts take from clients, and when.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::{
    Book, Contract, ContractDocument, ContractFile, Institution, InstitutionKind, Spent, Suspension, Usage,
    beyond, built_in, narrow,
};
use crate::clients::{Basis, Client, DetailType, GrantType, Permission, Registration, Rules};
use crate::people::DataSet;
use crate::platform::clock::Timestamp;
use crate::platform::db::test_db::TestDb;

const WORDS: &str = "{ uz-Latn = 'A', uz-Cyrl = 'А', ru = 'Б', en = 'B' }";
/// 1 May 2026, 00:00 in Tashkent.
const MAY: Timestamp = Timestamp(1_777_575_600);
const DAY: i64 = 86_400;

fn contract(kind: &str, members: &str) -> Contract {
    let text = format!(
        "[[institutions]]\nid = 'i'\nkind = '{kind}'\ntin = '301234567'\nname = {WORDS}\n\
         [[contracts]]\nid = 'c'\ninstitution = 'i'\nreference = {WORDS}\nfrom = '2026-05-01'\n{members}"
    );
    let text = if members.contains("data_sets") { text } else { text + "\ndata_sets = ['name']" };
    let file = ContractFile::parse(&text).unwrap();
    let [institution]: [Institution; 1] = file.institutions.try_into().unwrap();
    let [document]: [ContractDocument; 1] = file.contracts.try_into().unwrap();
    assert_eq!(institution.faults(), Vec::<String>::new());
    assert_eq!(document.faults(Some(&institution)), Vec::<String>::new());
    let recorded_at = Timestamp(0);
    Contract { document, institution, ended_at: None, recorded_at, version: 1, cleared: 0, built_in: false }
}

fn client(members: &str) -> Client {
    let text = format!(
        "client_id = 'shop'\nclient_name = 'Shop'\nowner = 'Shop LLC'\nredirect_uris = ['https://shop.uz/cb']\n\
         policy_uri = 'https://shop.uz/policy'\npurpose = 'B'\nbasis_reference = 'own words'\n\
         data_sets = [{{ name = 'name' }}, {{ name = 'phone' }}]\n{members}"
    );
    let rules = Rules {
        loopback_http: false,
        issuer: "https://id.uz".to_owned(),
        sms_host: "id.uz".to_owned(),
        shortest_secret: 8,
        published_secrets: true,
    };
    toml::from_str::<Registration>(&text).unwrap().parse(&rules).unwrap()
}

fn narrowed(members: &str, contract: &Contract, now: Timestamp) -> Client {
    let mut client = client(members);
    narrow(&mut client, Some(&Arc::new(contract.clone())), now);
    client
}

#[test]
fn r104_a_client_is_what_its_registration_and_its_contract_both_allow() {
    let ciba =
        "grant_types = ['authorization_code', 'urn:openid:params:grant-type:ciba']\npermission = 'click'\n";
    let narrow = narrowed(ciba, &contract("business", ""), MAY);
    assert!(!narrow.disabled && narrow.suspension.is_none());
    assert_eq!(narrow.data.sets.len(), 1);
    assert_eq!(narrow.taken, BTreeSet::from([DataSet::Phone]));
    assert!(narrow.lost("phone") && !narrow.lost("profile") && !narrow.lost("address"));
    assert_eq!(narrow.data.permission, Permission::Code);
    assert!(!narrow.may(GrantType::Ciba));
    assert_eq!(narrow.data.basis_reference.get("en"), "B", "the contract's words");
    let wide = contract(
        "business",
        "data_sets = ['name', 'phone', 'pinfl']\npermission = 'click'\nallows = ['ciba']\nlending = true",
    );
    let wide = narrowed(ciba, &wide, MAY);
    assert_eq!(wide.data.sets.len(), 2, "what is not registered is not had");
    assert!(wide.may(GrantType::Ciba) && wide.data.permission == Permission::Click && wide.sessions.lending);
    assert_ne!(narrow.terms, client(ciba).terms, "a consent is bound to the contract");

    let agency = "kind = 'state'\nbasis = 'statutory'\n";
    let article =
        "basis = 'statutory'\narticle = { uz-Latn = 'M', uz-Cyrl = 'М', ru = 'С', en = 'Article 5' }";
    let by_law = narrowed(agency, &contract("state", article), MAY);
    assert_eq!((by_law.data.basis, by_law.data.basis_reference.get("en")), (Basis::Statutory, "Article 5"));
    assert_eq!(narrowed(agency, &contract("state", ""), MAY).data.basis, Basis::Consent);

    // For a purpose that is not agreed there are no data.
    let purposes = format!("purposes = [{WORDS}]");
    assert_eq!(narrowed("", &contract("business", &purposes), MAY).data.sets.len(), 1);
    let other = narrowed("\'purpose#ru\' = 'Реклама'", &contract("business", &purposes), MAY);
    assert!(other.data.sets.is_empty());
}

const LAWFUL: &str = "kind = 'state'\nbasis = 'statutory'\ndata_api = true\nverification = true\n\
                      statutory_purposes = ['B', 'Other']\ngrant_types = ['authorization_code', 'client_credentials']\n\
                      authorization_details_types = ['personal_data', 'application']\n";

#[test]
fn r104_what_a_contract_does_not_open_is_shut_whatever_the_registration_says() {
    let article =
        "basis = 'statutory'\narticle = { uz-Latn = 'M', uz-Cyrl = 'М', ru = 'С', en = 'Article 5' }\n";
    let all = "allows = ['data_api', 'verification', 'applications']\n";
    let purposes = format!("purposes = [{WORDS}]\n");
    let open = narrowed(LAWFUL, &contract("state", &format!("{article}{all}")), MAY).data;
    assert!(open.data_api && open.verification && open.statutory_purposes.len() == 2);
    assert_eq!(open.detail_types, [DetailType::PersonalData, DetailType::Application]);
    let suspension = narrowed(LAWFUL, &contract("state", article), MAY).data;
    assert!(!suspension.data_api && !suspension.verification && suspension.statutory_purposes.is_empty());
    assert_eq!(suspension.detail_types, [DetailType::PersonalData]);
    // A law that ends leaves nobody to be named, though there are still data to ask people for (R70, D-i).
    let consent = narrowed(LAWFUL, &contract("state", all), MAY).data;
    assert!(consent.data_api && consent.statutory_purposes.is_empty());
    let mut business = contract("state", &format!("{article}{all}"));
    business.institution.kind = InstitutionKind::Business;
    assert!(narrowed(LAWFUL, &business, MAY).data.statutory_purposes.is_empty());
    let other = narrowed(LAWFUL, &contract("state", &format!("{article}{all}{purposes}")), MAY).data;
    assert_eq!(other.statutory_purposes, ["B"]);

    let errors = beyond(&client(LAWFUL), &contract("state", &format!("{article}{purposes}")));
    let named: Vec<&str> = errors.iter().filter_map(|error| error.split(':').next()).collect();
    assert_eq!(
        named,
        ["data_sets", "data_api", "verification", "authorization_details_types", "statutory_purposes"]
    );
}

#[test]
fn what_a_registration_says_beyond_its_contract_is_named() {
    let members = |client: &Client, contract: &Contract| -> Vec<String> {
        let errors = beyond(client, contract).into_iter();
        errors.map(|error| error.split(':').next().unwrap().to_owned()).collect()
    };
    let business = contract("business", &format!("purposes = [{WORDS}]"));
    assert_eq!(members(&client(""), &business), ["data_sets"]);
    let agency = client("kind = 'state'\nbasis = 'statutory'\npermission = 'click'\n'purpose#en' = 'Other'");
    assert_eq!(members(&agency, &business), ["kind", "basis", "permission", "data_sets", "purpose"]);
    let wide = contract("business", "data_sets = ['name', 'phone']");
    assert_eq!(beyond(&client(""), &wide), Vec::<String>::new());
}

#[test]
fn a_contract_is_in_force_from_its_first_day_to_its_last() {
    let suspension = |contract: &Contract, now| narrowed("", contract, now).suspension;
    let mut period = contract("business", "until = '2026-05-02'");
    assert_eq!(suspension(&period, MAY.minus(1)), Some(Suspension::NotBegun));
    assert_eq!((suspension(&period, MAY), suspension(&period, MAY.plus(2 * DAY - 1))), (None, None));
    assert_eq!(suspension(&period, MAY.plus(2 * DAY)), Some(Suspension::Expired));
    period.ended_at = Some(MAY.plus(5));
    assert_eq!(
        (suspension(&period, MAY.plus(4)), suspension(&period, MAY.plus(5))),
        (None, Some(Suspension::Ended))
    );
    let mut nobodys = client("");
    narrow(&mut nobodys, None, MAY);
    assert!(nobodys.disabled && nobodys.suspension == Some(Suspension::NoContract));
    let mut own = client("first_party = true");
    narrow(&mut own, None, MAY);
    assert!(!own.disabled && own.data.sets.len() == 2);
    // Whoever an operator disabled is told that.
    let mut disabled = client("");
    disabled.disabled = true;
    narrow(&mut disabled, None, MAY);
    assert_eq!(disabled.suspension, None);
    // Between two turns nothing changes.
    let book =
        Book::new(BTreeMap::default(), [contract("business", "until = '2026-05-02'")].into_iter(), None);
    assert_eq!(book.steady(MAY), (MAY, MAY.plus(2 * DAY)));
    assert_eq!(book.steady(MAY.minus(1)), (Timestamp(i64::MIN), MAY));
    assert_eq!(book.steady(MAY.plus(2 * DAY)).1, Timestamp(i64::MAX));
}

#[test]
fn the_contract_of_a_sandbox_allows_everything() {
    let everything = built_in().unwrap();
    assert_eq!(everything.document.faults(Some(&everything.institution)), Vec::<String>::new());
    let ciba = "grant_types = ['urn:openid:params:grant-type:ciba']\nkind = 'state'\nbasis = 'statutory'\npermission = 'click'\n";
    assert_eq!(beyond(&client(ciba), &everything), Vec::<String>::new());
    let narrowed = narrowed(ciba, &everything, MAY);
    assert!(narrowed.suspension.is_none() && narrowed.data.basis_reference.get("en") == "own words");
}

#[actix_web::test]
async fn r99_what_was_counted_is_in_one_sum_at_every_moment_and_days_and_months_are_apart() {
    let db = TestDb::migrated().await;
    let quota = contract("business", "releases_per_day = 2\nreleases_per_month = 3");
    let client = narrowed("", &quota, MAY);
    let (usage, other) = (Usage::default(), Usage::default());
    usage.refresh(&db, MAY).await.unwrap();
    usage.released(&client, MAY);
    assert_eq!(usage.spent(&quota, MAY), None);
    other.released(&client, MAY);
    other.refresh(&db, MAY).await.unwrap();
    usage.refresh(&db, MAY).await.unwrap();
    assert_eq!(usage.spent(&quota, MAY), Some(Spent::Day), "with what the other node counted");
    usage.refresh(&db, MAY).await.unwrap();
    other.refresh(&db, MAY).await.unwrap();
    assert_eq!(other.spent(&quota, MAY), Some(Spent::Day), "nothing is added twice");
    let next = MAY.plus(DAY);
    assert_eq!(usage.spent(&quota, next), None);
    usage.released(&client, next);
    assert_eq!(usage.spent(&quota, next), Some(Spent::Month));
    assert_eq!(usage.spent(&quota, MAY.plus(31 * DAY)), None);
    assert_eq!((Spent::Day.seconds(MAY), Spent::Month.seconds(MAY)), (DAY, 31 * DAY));
}
