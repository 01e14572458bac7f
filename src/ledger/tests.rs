use super::*;
use crate::clients::Basis;
use crate::platform::clock::Timestamp;
use crate::platform::db::test_db::TestDb;

pub(super) struct Fixture {
    pub(super) db: TestDb,
    pub(super) clock: Clock,
    pub(super) ledger: Ledger,
}

impl Fixture {
    pub(super) async fn new() -> Self {
        let db = TestDb::migrated().await;
        let clock = Clock::manual(Timestamp(1_800_000_000));
        let keyring = Keyring::read_or_create(&db.folder().join("keyring.toml")).unwrap();
        let ledger = Ledger::new(db.clone(), clock.clone(), &keyring);
        Self { db, clock, ledger }
    }
}

pub(super) fn person(name: &str) -> PersonId {
    PersonId::stored(name.to_owned())
}

pub(super) fn client(name: &str) -> ClientId {
    ClientId::parse(name).unwrap()
}

#[actix_web::test]
async fn an_entry_is_written_once_whoever_writes_it_and_names_data_only() {
    let Fixture { db, clock, ledger } = Fixture::new().await;
    let (aziz, shop) = (person("aziz"), client("shop"));
    let entry = Entry {
        data_sets: vec!["name"],
        fields: vec!["name", "given_name"],
        purpose: Some("A loan"),
        basis: Basis::Statutory,
        consent: Some("c1"),
        once: vec!["token"],
        ..Entry::new(&aziz, &shop, Channel::UserInfo)
    };
    assert!(ledger.commit(&entry).await.unwrap());
    assert!(!ledger.commit(&entry).await.unwrap(), "it is there");
    clock.advance(1);
    // In a transaction, with others.
    let other = Entry { channel: Channel::IdToken, ..entry.clone() };
    let (id, statement) = ledger.row(&other).unwrap();
    let (_, again) = ledger.row(&entry).unwrap();
    db.all_or_nothing(vec![again, statement]).await.unwrap();
    let listed = ledger.of_person(&aziz, &Filter::default(), &Place::newest(), 10).await.unwrap();
    assert_eq!(listed.len(), 2);
    assert_eq!((&listed[0].leaf.id, listed[0].leaf.channel), (&id, Channel::IdToken));
    let leaf = &ledger.find(&id).await.unwrap().unwrap().leaf;
    assert_eq!((leaf.client.as_str(), leaf.purpose.as_deref()), ("shop", Some("A loan")));
    assert_eq!(
        (leaf.basis, leaf.consent.as_deref(), leaf.at_ms),
        (Basis::Statutory, Some("c1"), 1_800_000_001_000)
    );
    assert_eq!(leaf.fields, ["name", "given_name"]);
    assert_ne!(leaf.nonce, listed[1].leaf.nonce);
    assert!(ledger.is_about(&listed[0], &aziz) && !ledger.is_about(&listed[0], &person("malika")));
    assert!(!serde_json::to_string(leaf).unwrap().contains("aziz"), "a person appears by a keyed digest");
    let each = Entry { once: Vec::new(), ..entry };
    assert!(ledger.commit(&each).await.unwrap() && ledger.commit(&each).await.unwrap(), "each by itself");
}

#[actix_web::test]
async fn a_person_reads_their_own_newest_first_page_by_page() {
    let Fixture { db: _folder, clock, ledger } = Fixture::new().await;
    let (aziz, malika) = (person("aziz"), person("malika"));
    let (shop, bank) = (client("shop"), client("bank"));
    let start = clock.now_ms();
    for second in 0..10 {
        for (person, client) in [(&aziz, &shop), (&malika, &shop), (&aziz, &bank)] {
            ledger.commit(&Entry::new(person, client, Channel::DataApi)).await.unwrap();
        }
        if second < 9 {
            clock.advance(1);
        }
    }
    let mut seen = Vec::new();
    let mut before = Place::newest();
    loop {
        let page = ledger.of_person(&aziz, &Filter::default(), &before, 3).await.unwrap();
        let Some(last) = page.last() else { break };
        before = Place::after(last);
        seen.extend(page.into_iter().map(|listed| (listed.leaf.at_ms, listed.leaf.id)));
    }
    assert_eq!(seen.len(), 20, "each once");
    assert!(seen.windows(2).all(|pair| pair[0] > pair[1]), "newest first");
    let filtered =
        async |filter: Filter| ledger.of_person(&aziz, &filter, &Place::newest(), 100).await.unwrap().len();
    assert_eq!(filtered(Filter { client: Some(bank.clone()), ..Filter::default() }).await, 10);
    let (since_ms, until_ms) = (Some(start + 2000), Some(start + 5000));
    assert_eq!(filtered(Filter { since_ms, until_ms, client: None }).await, 6);
}
