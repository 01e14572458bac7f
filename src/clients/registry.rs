//! All clients in memory, and the changes to them.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use arc_swap::ArcSwap;

use super::contracts::{self, Book, Contract, Usage};
use super::icon::{self, Served};
use super::resource_uris;
use super::secret::Sealed;
use super::store::{self, StoredClient, StoredIcon};
use super::{
    AuthMethod, Client, ClientFile, ClientId, ClientSecret, Registration, RegistrationErrors, Rules,
    SecretDigest, SubjectType, TokenPolicy,
};
use crate::audit::{Audit, Event, Kind};
use crate::platform::bytes;
use crate::platform::clock::{Clock, Timestamp};
use crate::platform::db::{Db, DbError, Statement};
use crate::platform::seal::Sealer;

type Clients = HashMap<ClientId, Arc<Client>>;

/// The clients of this moment; a request takes one `Arc` and keeps its policy to the end.
pub struct Registry {
    pub(super) db: Db,
    pub(super) clock: Clock,
    pub(super) audit: Audit,
    pub(super) rules: Rules,
    secrets: Sealed,
    current: ArcSwap<Snapshot>,
    pub(super) served: Served,
    pub(super) usage: Usage,
    /// The contract of clients that name none, in a sandbox.
    usual: Option<Arc<Contract>>,
}

/// The clients and contracts as they were at one version of their tables.
#[derive(Clone)]
struct Snapshot {
    /// As registered.
    registered: Arc<Vec<Client>>,
    /// As far as their contracts go.
    clients: Arc<Clients>,
    book: Arc<Book>,
    /// From when (inclusive) until when (exclusive) no contract begins or ends.
    steady: (Timestamp, Timestamp),
    /// How many are stored and not served.
    refused: usize,
    /// Digests of their icons.
    icons: Arc<HashSet<String>>,
    version: (i64, i64, i64),
}

/// What came of a registration.
pub struct Registered {
    /// The client's identifier.
    pub client_id: String,
    /// Its new secret, to be shown this once; `None` when it has none, brought its own or kept the former one.
    pub secret: Option<ClientSecret>,
    /// Whether there was no client of that identifier before.
    pub created: bool,
    /// Whether its document brought another secret than it had.
    pub brought: bool,
    /// Whether it was disabled (`true`) or enabled again (`false`) by its document.
    pub switched: Option<bool>,
    /// Its former sector and the present one, if it sees every person by another `sub` from now on.
    pub sectors: Option<(String, String)>,
    /// Whether it has a `logo_uri`, from which its icon is to be fetched ([`Registry::renew_icon`]).
    pub has_icon: bool,
}

/// The secret of a client that is to be stored.
pub(super) struct Secrets {
    /// What is kept of it; `None` to keep what there is.
    digest: Option<SecretDigest>,
    /// Itself, sealed, of a client that signs with it.
    sealed: Option<String>,
    /// Itself, if it was made just now.
    pub(super) made: Option<ClientSecret>,
}

impl Secrets {
    /// What is stored.
    pub(super) fn stored(&self) -> (Option<&SecretDigest>, Option<&str>) {
        (self.digest.as_ref(), self.sealed.as_deref())
    }
}

/// A change did not take place.
#[derive(Debug, thiserror::Error)]
pub enum ClientsError {
    /// A client that waits is rejected, not deleted.
    #[error("the client `{0}` waits for approval: `yagona client reject {0}` removes it")]
    Pending(String),
    /// Neither the client nor a change of it waits for approval.
    #[error("nothing of the client `{0}` waits for approval; `yagona client list` shows what does")]
    NotWaiting(String),
    /// What waits is not what was looked at.
    #[error(
        "what waits of the client `{0}` is not what you looked at, and nothing was approved: `yagona client show {0} --waiting` \
         shows it"
    )]
    ReviewedElse(String),
    /// The documents are wrong; nothing was stored.
    #[error("{}", .0.iter().map(ToString::to_string).collect::<String>())]
    Invalid(Vec<RegistrationErrors>),
    /// There is no such client.
    #[error("there is no client `{0}`; `yagona client list` shows them")]
    Unknown(String),
    /// The client's row is malformed.
    #[error("{0}: import the registration of the client anew")]
    Unreadable(DbError),
    /// The client has no secret by its own choice.
    #[error(
        "the client `{0}` has no secret to rotate: by its token_endpoint_auth_method it proves itself without one"
    )]
    NoSecret(String),
    /// There was a client of that identifier: its tokens and consents must not be taken for those of another one.
    #[error("the client `{0}` was deleted, and its identifier is not given again: choose another one")]
    Deleted(String),
    /// A file has two clients of one identifier.
    #[error("the client `{0}` is in the file twice; nothing was stored")]
    Repeated(String),
    /// A resource URI belongs to another client: tokens for one must not be known to the other.
    #[error(
        "the client `{client}` cannot have the resource URI {uri}: it belongs to `{owner}`; nothing was stored"
    )]
    ResourceTaken {
        /// Who is to have it.
        client: String,
        /// The URI.
        uri: String,
        /// Who has it.
        owner: String,
    },
    /// Only a disabled client can be deleted.
    #[error("the client `{0}` is in use: `yagona client disable {0}` disables it; then it can be deleted")]
    InUse(String),
    /// The database failed.
    #[error(transparent)]
    Db(#[from] DbError),
}

impl Registry {
    /// Loads all clients. Secrets that must be kept are sealed by `secrets`, the sealer of their own purpose.
    ///
    /// # Errors
    /// [`DbError`].
    pub async fn load(
        db: Db,
        clock: Clock,
        audit: Audit,
        rules: Rules,
        secrets: Sealer,
    ) -> Result<Self, DbError> {
        let secrets = Sealed::by(secrets);
        let now = clock.now();
        let version = store::version(&db).await?;
        let current = Snapshot::read(&db, (&rules, &secrets), (version, None), now).await?;
        Ok(Self {
            db,
            clock,
            audit,
            rules,
            secrets,
            current: ArcSwap::from_pointee(current),
            served: Served::default(),
            usage: Usage::default(),
            usual: None,
        })
    }

    /// The same, where clients that name no contract live under a built-in one: in a sandbox.
    #[must_use]
    pub fn with_built_in_contract(self) -> Self {
        let usual = contracts::built_in().map(Arc::new);
        let mut current = Snapshot::clone(&self.current.load());
        current.book = Arc::new(current.book.with(usual.clone()));
        self.current.store(Arc::new(current.at(self.clock.now())));
        Self { usual, ..self }
    }

    /// The clients at this moment: as soon as a contract has begun or ended, they are others.
    fn published(&self) -> Arc<Snapshot> {
        let current = self.current.load_full();
        let (now, (from, until)) = (self.clock.now(), current.steady);
        if from <= now && now < until {
            return current;
        }
        self.current.rcu(|snapshot| snapshot.at(now));
        self.current.load_full()
    }

    /// The contracts.
    pub(super) fn book(&self) -> Arc<Book> {
        Arc::clone(&self.published().book)
    }

    /// The client of that identifier, disabled ones included.
    pub fn find(&self, id: &ClientId) -> Option<Arc<Client>> {
        self.published().clients.get(id).cloned()
    }

    /// The client of that identifier, if it may be shown to people: it is not disabled and does not wait for approval. A page
    /// that anybody can link to asks for no other.
    pub fn find_shown(&self, id: &ClientId) -> Option<Arc<Client>> {
        self.find(id).filter(|client| !client.disabled)
    }

    /// All clients.
    pub fn all(&self) -> Arc<Clients> {
        Arc::clone(&self.published().clients)
    }

    /// The URIs of the resource servers that `client` names (RFC 8707), without those of disabled ones.
    pub fn resource_uris_of(&self, client: &Client) -> Vec<String> {
        let servers = self.servers_of(client);
        servers.iter().flat_map(|server| server.tokens.resource_uris.iter().cloned()).collect()
    }

    /// The resource servers that `client` names, without disabled ones.
    pub fn servers_of(&self, client: &Client) -> Vec<Arc<Client>> {
        let current = self.published();
        let servers = client.tokens.resource_servers.iter().filter_map(|id| current.clients.get(id));
        servers.filter(|server| server.tokens.resource_server && !server.disabled).cloned().collect()
    }

    /// Looks whether clients or contracts changed, and takes the changes over.
    ///
    /// # Errors
    /// [`DbError`]; the former clients stay in use.
    pub async fn refresh(&self) -> Result<(), DbError> {
        let version = store::version(&self.db).await?;
        if version != self.current.load().version {
            let (rules, with) = ((&self.rules, &self.secrets), (version, self.usual.clone()));
            let read = Snapshot::read(&self.db, rules, with, self.clock.now()).await?;
            self.current.store(Arc::new(read));
        }
        Ok(())
    }

    /// Stores registrations, new ones and changed ones: all of them, or none when one is wrong or cannot be stored.
    ///
    /// # Errors
    /// [`ClientsError`].
    pub async fn register(&self, mut file: ClientFile) -> Result<Vec<Registered>, ClientsError> {
        let mut errors = Vec::new();
        for registration in &mut file.clients {
            if registration.client_id.is_empty() {
                registration.client_id = bytes::random_text::<12>();
            }
            let parsed = registration.check_texts().and_then(|()| registration.parse(&self.rules));
            if let Err(wrong) = parsed.and_then(|client| self.hold_to_contract(&client)) {
                errors.push(wrong);
            }
        }
        if !errors.is_empty() {
            return Err(ClientsError::Invalid(errors));
        }
        let mut seen = HashSet::new();
        if let Some(again) = file.clients.iter().find(|client| !seen.insert(client.client_id.as_str())) {
            return Err(ClientsError::Repeated(again.client_id.clone()));
        }
        let deleted = store::deleted(&self.db).await?;
        if let Some(again) = file.clients.iter().find(|client| deleted.contains(&client.client_id)) {
            return Err(ClientsError::Deleted(again.client_id.clone()));
        }
        let known = self.stored().await?;
        resource_uris::check(&file, &known)?;
        let (mut done, mut statements) = (Vec::new(), Vec::new());
        for mut registration in file.clients {
            let has_icon = registration.identity.logo_uri.is_some();
            let disabled = registration.disabled.take();
            let sectors = self.sectors(&registration);
            let old = known.iter().find(|old| old.client_id == registration.client_id);
            let created = old.is_none();
            let was_disabled = old.is_some_and(|old| old.disabled_at.is_some());
            let switched = disabled.filter(|disabled| *disabled != was_disabled);
            let secrets = self.secrets_of(&mut registration, old);
            let brought = secrets.made.is_none()
                && secrets.digest.is_some()
                && old.is_some_and(|old| old.secret != secrets.digest);
            statements.push(store::upsert(&registration, secrets.stored(), disabled, self.clock.now_ms())?);
            statements.extend(self.come_to_contract(&registration));
            done.push(Registered {
                client_id: registration.client_id,
                secret: secrets.made,
                created,
                brought,
                switched,
                sectors,
                has_icon,
            });
        }
        self.db.all_or_nothing(statements).await?;
        for registered in &done {
            let kind = if registered.created { Kind::ClientCreated } else { Kind::ClientChanged };
            self.record(kind, &registered.client_id);
            if registered.brought {
                self.record(Kind::ClientSecretChanged, &registered.client_id);
            }
            if let Some(disabled) = registered.switched {
                let kind = if disabled { Kind::ClientDisabled } else { Kind::ClientEnabled };
                self.record(kind, &registered.client_id);
            }
        }
        self.refresh().await?;
        Ok(done)
    }

    /// The secret that a client gets: the one that its document brings, which is taken out of it; the one that it had, or
    /// a new one where it needs one.
    pub(super) fn secrets_of(&self, registration: &mut Registration, old: Option<&StoredClient>) -> Secrets {
        let authentication = &mut registration.authentication;
        let given = authentication.client_secret.take().map(|secret| ClientSecret::given(&secret));
        let exported = authentication.client_secret_sha256.take().as_deref().and_then(SecretDigest::decode);
        // Of a secret that was only compared before there is a digest alone.
        let signs = authentication.signs_with_secret();
        let had_secret = old.is_some_and(|old| old.secret.is_some());
        let keeps = had_secret && (!signs || old.is_some_and(|old| old.sealed.is_some()));
        let made = (authentication.has_secret() && given.is_none() && exported.is_none() && !keeps)
            .then(ClientSecret::generate);
        let secret = made.as_ref().or(given.as_ref());
        let sealed =
            secret.filter(|_| signs).map(|secret| self.secrets.seal(&registration.client_id, secret));
        Secrets { digest: secret.map(ClientSecret::digest).or(exported), sealed, made }
    }

    /// Makes sure that a client asks for nothing beyond the contract that it names.
    ///
    /// # Errors
    /// What it says beyond it.
    pub(super) fn hold_to_contract(&self, client: &Client) -> Result<(), RegistrationErrors> {
        let Some(named) = client.under.contract.as_deref() else { return Ok(()) };
        let errors = match self.book().find(named) {
            Some(contract) => contracts::beyond(client, contract),
            None => {
                vec![format!("contract: there is no contract `{named}`: `yagona contract list` shows them")]
            }
        };
        let client = client.id.as_str().to_owned();
        if errors.is_empty() { Ok(()) } else { Err(RegistrationErrors { client, errors }) }
    }

    /// What lets all that people agreed to be held against the contract that a client comes to; nothing where it stays.
    pub(super) fn come_to_contract(&self, registration: &Registration) -> Vec<Statement> {
        let old = ClientId::parse(&registration.client_id).and_then(|id| self.find(&id));
        let old = old.as_ref().and_then(|old| old.under.contract.as_deref());
        match registration.under.contract.as_deref() {
            Some(named) if Some(named) != old => {
                vec![contracts::uncleared(named, self.clock.now()), contracts::changed()]
            }
            _ => Vec::new(),
        }
    }

    /// The sector of the client in use and that of `registration`, if people get another `sub` by it.
    fn sectors(&self, registration: &Registration) -> Option<(String, String)> {
        let old = self.find(&ClientId::parse(&registration.client_id)?)?.tokens.clone();
        let new = registration.parse(&self.rules).ok()?.tokens;
        let of = |tokens: TokenPolicy| match tokens.subject_type {
            SubjectType::Pairwise => tokens.sector,
            SubjectType::Public => "public".to_owned(),
        };
        Some((of(old), of(new))).filter(|(old, new)| old != new)
    }

    /// Gives a client a new secret; the former one works for `keep` seconds more, and one before that no longer.
    ///
    /// # Errors
    /// [`ClientsError`].
    pub async fn rotate_secret(&self, id: &str, keep: i64) -> Result<ClientSecret, ClientsError> {
        let known = self.stored().await?;
        let client = known.into_iter().find(|client| client.client_id == id);
        let client = client.ok_or_else(|| ClientsError::Unknown(id.to_owned()))?;
        let registration = client.registration.map_err(ClientsError::Unreadable)?;
        if !registration.authentication.has_secret() {
            return Err(ClientsError::NoSecret(id.to_owned()));
        }
        let secret = ClientSecret::generate();
        let sealed = registration.authentication.signs_with_secret().then(|| self.secrets.seal(id, &secret));
        let until = self.clock.now().plus(keep);
        let secrets = (&secret.digest(), sealed.as_deref());
        store::set_secret(&self.db, id, secrets, until, self.clock.now_ms()).await?;
        self.record(Kind::ClientSecretChanged, id);
        self.refresh().await?;
        Ok(secret)
    }

    /// Disables a client, or enables it again.
    ///
    /// # Errors
    /// [`ClientsError`].
    pub async fn set_disabled(&self, id: &str, disabled: bool) -> Result<(), ClientsError> {
        if !store::set_disabled(&self.db, id, disabled, self.clock.now_ms()).await? {
            return Err(ClientsError::Unknown(id.to_owned()));
        }
        self.record(if disabled { Kind::ClientDisabled } else { Kind::ClientEnabled }, id);
        self.refresh().await?;
        Ok(())
    }

    /// Whether a client can be deleted: it is disabled.
    ///
    /// # Errors
    /// [`ClientsError`] that says why not.
    pub async fn check_deletable(&self, id: &str) -> Result<(), ClientsError> {
        let known = self.stored().await?;
        match known.iter().find(|client| client.client_id == id) {
            None => Err(ClientsError::Unknown(id.to_owned())),
            Some(client) if client.pending => Err(ClientsError::Pending(id.to_owned())),
            Some(client) if client.disabled_at.is_none() => Err(ClientsError::InUse(id.to_owned())),
            Some(_) => Ok(()),
        }
    }

    /// Deletes a disabled client. Its identifier is not given again.
    ///
    /// # Errors
    /// [`ClientsError`].
    pub async fn delete(&self, id: &str) -> Result<(), ClientsError> {
        if !store::delete(&self.db, id, self.clock.now_ms()).await? {
            self.check_deletable(id).await?;
            return Err(ClientsError::Unknown(id.to_owned()));
        }
        self.record(Kind::ClientDeleted, id);
        self.refresh().await?;
        Ok(())
    }

    fn record(&self, kind: Kind, id: &str) {
        self.audit.record(Event::new(kind).client(id));
    }

    /// The registration documents, or that of `only` one client, with digests of secrets so that they can be imported elsewhere;
    /// and why others cannot be read. Of all, those that wait for approval are left out: whatever imports the file would
    /// have approved them.
    ///
    /// # Errors
    /// [`DbError`].
    pub async fn export(&self, only: Option<&str>) -> Result<(ClientFile, Vec<DbError>), DbError> {
        let (mut clients, mut unreadable) = (Vec::new(), Vec::new());
        let wanted = |stored: &StoredClient| only.map_or(!stored.pending, |only| stored.client_id == only);
        for stored in self.stored().await?.into_iter().filter(wanted) {
            match stored.registration {
                Ok(mut registration) => {
                    // A digest is of no use to a client that signs with its secret: elsewhere it gets a new one.
                    let of_use =
                        stored.secret.as_ref().filter(|_| !registration.authentication.signs_with_secret());
                    registration.authentication.client_secret_sha256 = of_use.map(SecretDigest::encode);
                    registration.disabled = stored.disabled_at.map(|_| true);
                    clients.push(registration);
                }
                Err(error) => unreadable.push(error),
            }
        }
        Ok((ClientFile { clients }, unreadable))
    }

    /// How many clients are stored and not served: their rows are malformed, or today's rules refuse them.
    pub fn refused_count(&self) -> usize {
        self.current.load().refused
    }

    /// Whether a client has an icon of that digest.
    pub(super) fn has_icon(&self, digest: &str) -> bool {
        self.current.load().icons.contains(digest)
    }

    /// The stored clients that are not served, each with the reasons.
    ///
    /// # Errors
    /// [`DbError`].
    pub async fn refused(&self) -> Result<Vec<String>, DbError> {
        let stored = self.stored().await?;
        Ok(stored.iter().filter_map(|stored| usable(stored, (&self.rules, &self.secrets)).err()).collect())
    }

    pub(super) async fn stored(&self) -> Result<Vec<StoredClient>, DbError> {
        store::all(&self.db).await
    }
}

impl Snapshot {
    /// Reads clients and contracts; `version` was read before them, so that what changes in between is read the next time.
    async fn read(
        db: &Db,
        rules: (&Rules, &Sealed),
        (version, usual): ((i64, i64, i64), Option<Arc<Contract>>),
        now: Timestamp,
    ) -> Result<Self, DbError> {
        let icons = store::icons(db).await?;
        let stored = store::all(db).await?;
        let book = contracts::book(db, usual).await?;
        let count = stored.len();
        let registered = build(stored, &icons, rules);
        let icons = icons.into_iter().map(|icon| icon.digest).collect();
        let read = Self {
            refused: count - registered.len(),
            registered: Arc::new(registered),
            clients: Arc::default(),
            book: Arc::new(book),
            steady: (now, now),
            icons: Arc::new(icons),
            version,
        };
        Ok(read.at(now))
    }

    /// The same at another moment.
    fn at(&self, now: Timestamp) -> Self {
        let narrowed = |client: &Client| {
            let contract = self.book.of_client(client.under.contract.as_deref());
            let mut client = client.clone();
            contracts::narrow(&mut client, contract, now);
            (client.id.clone(), Arc::new(client))
        };
        let clients = Arc::new(self.registered.iter().map(narrowed).collect());
        Self { clients, steady: self.book.steady(now), ..self.clone() }
    }
}

fn build(stored: Vec<StoredClient>, icons: &[StoredIcon], rules: (&Rules, &Sealed)) -> Vec<Client> {
    let mut clients = Vec::with_capacity(stored.len());
    for stored in stored {
        match usable(&stored, rules) {
            Ok(mut client) => {
                // An icon of another address than the registered one was never approved.
                let fetched = icons.iter().find(|icon| icon.client_id == client.id.as_str());
                let fetched = fetched.filter(|icon| client.identity.logo_uri.as_ref() == Some(&icon.uri));
                client.icon = fetched.map(|icon| icon::path(&icon.digest));
                clients.push(client);
            }
            // One that cannot be read or is invalid by today's rules is not served; the others are.
            Err(errors) => {
                let client = &stored.client_id;
                tracing::error!(event = "client.invalid", client.id = %client, %errors, "a stored client is not served");
            }
        }
    }
    clients
}

/// The client of a stored registration; why it is not served, if it cannot be read or today's rules refuse it.
fn usable(stored: &StoredClient, (rules, secrets): (&Rules, &Sealed)) -> Result<Client, String> {
    let registration = stored.registration.as_ref().map_err(ToString::to_string)?;
    if !rules.published_secrets && stored.secret.is_some_and(|secret| secret.is_published()) {
        return Err(format!(
            "the secret of the client `{0}` stands in Yagona's own files, where everybody can read it: \
             `yagona client rotate-secret {0}` gives it another",
            stored.client_id
        ));
    }
    let mut client = registration.parse(rules).map_err(|errors| errors.to_string())?;
    client.authentication.secret = stored.secret;
    let may_work = |secret: &SecretDigest| rules.published_secrets || !secret.is_published();
    client.authentication.former_secret = stored.former_secret.filter(|(secret, _)| may_work(secret));
    if client.authentication.method == AuthMethod::ClientSecretJwt {
        client.authentication.shared_secret = secrets.open(&stored.client_id, stored.sealed.as_deref())?;
        let former = secrets.open(&stored.client_id, stored.former_sealed.as_deref())?;
        let until = stored.former_secret.filter(|(secret, _)| may_work(secret)).map(|(_, until)| until);
        client.authentication.former_shared_secret = former.zip(until);
    }
    client.pending = stored.pending;
    // Whatever shuts out a disabled client shuts out one that nobody has approved.
    client.disabled = stored.disabled_at.is_some() || stored.pending;
    Ok(client)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::platform::db::{self, test_db::TestDb};
    use crate::platform::seal::Keyring;
    use crate::platform::telemetry::Metrics;

    const TWO: &str = "[[clients]]\nclient_id = \"first\"\nclient_name = \"First\"\nowner = \"X\"\n\
         scope = \"openid\"\nredirect_uris = [\"https://first.uz/cb\"]\n\
         [[clients]]\nclient_id = \"second\"\nclient_name = \"Second\"\nowner = \"X\"\n\
         scope = \"openid\"\nredirect_uris = [\"https://second.uz/cb\"]\n";

    fn audit(db: &TestDb) -> Audit {
        let keyring = Keyring::read_or_create(&db.folder().join("keyring.toml")).unwrap();
        Audit::new((*db).clone(), Clock::System, &keyring, Metrics::new())
    }

    fn sealer(db: &TestDb) -> Sealer {
        Keyring::read_or_create(&db.folder().join("keyring.toml")).unwrap().sealer("client-secret")
    }

    fn outside_the_sandbox() -> Rules {
        let sms_host = "id.uz".to_owned();
        Rules {
            loopback_http: false,
            issuer: "https://id.uz".to_owned(),
            sms_host,
            shortest_secret: 32,
            published_secrets: false,
        }
    }

    #[actix_web::test]
    async fn a_client_whose_secret_everybody_can_read_is_neither_registered_nor_served() {
        let db = TestDb::migrated().await;
        let known = "client_secret = \"arzon-market-demo-secret-known-to-everybody\"\n[[clients]]";
        let file = TWO.replacen("[[clients]]", "", 1).replace("[[clients]]", known);
        let file = || ClientFile::parse(&format!("[[clients]]{file}")).unwrap();
        let outside =
            Registry::load(db.clone(), Clock::System, audit(&db), outside_the_sandbox(), sealer(&db))
                .await
                .unwrap();
        let Err(ClientsError::Invalid(errors)) = outside.register(file()).await else { panic!("registered") };
        assert!(errors.len() == 1 && errors[0].to_string().contains("client_secret: "), "{errors:?}");
        // Registered by a sandbox, and the database then given to real people.
        let rules = Rules { published_secrets: true, ..outside_the_sandbox() };
        let sandbox =
            Registry::load(db.clone(), Clock::System, audit(&db), rules, sealer(&db)).await.unwrap();
        sandbox.register(file()).await.unwrap();
        outside.refresh().await.unwrap();
        let served: Vec<_> = outside.all().keys().map(ToString::to_string).collect();
        assert_eq!(served, ["second"]);
        let refused = outside.refused().await.unwrap();
        assert!(refused.len() == 1 && refused[0].contains("rotate-secret first"), "{refused:?}");
        outside.rotate_secret("first", 0).await.unwrap();
        assert_eq!(outside.all().len(), 2);
    }

    #[actix_web::test]
    async fn a_secret_does_not_come_back_with_the_method_that_had_it() {
        let db = TestDb::migrated().await;
        let node = Registry::load(db.clone(), Clock::System, audit(&db), outside_the_sandbox(), sealer(&db))
            .await
            .unwrap();
        let register = async |members: &str| {
            let text = TWO.split("[[clients]]").nth(1).unwrap();
            let file = ClientFile::parse(&format!("[[clients]]{text}{members}")).unwrap();
            node.register(file).await.unwrap().remove(0).secret
        };
        let first = register("").await.expect("a secret is made");
        assert!(register("").await.is_none(), "and kept");
        assert!(register("token_endpoint_auth_method = \"none\"\n").await.is_none());
        let columns = "SELECT COUNT(*) AS n FROM clients WHERE secret_digest IS NOT NULL OR former_secret_digest IS NOT NULL";
        let kept = db.read_one(db::statement(columns)).await.unwrap();
        assert_eq!(db::int(&kept, "clients", "n").unwrap(), 0);
        let second = register("").await.expect("another secret is made");
        assert_ne!(first.digest(), second.digest());
    }

    #[actix_web::test]
    async fn a_row_that_cannot_be_read_costs_its_own_client_and_nobody_else() {
        let db = TestDb::migrated().await;
        let registry = async || {
            Registry::load(db.clone(), Clock::System, audit(&db), outside_the_sandbox(), sealer(&db))
                .await
                .unwrap()
        };
        let node = registry().await;
        node.register(ClientFile::parse(TWO).unwrap()).await.unwrap();
        for damage in [
            "UPDATE clients SET disabled_at = 'x', updated_at_ms = updated_at_ms + 1 WHERE client_id = 'first'",
            "UPDATE clients SET metadata = '{', disabled_at = NULL, updated_at_ms = updated_at_ms + 1 \
             WHERE client_id = 'first'",
        ] {
            db.execute(db::statement(damage)).await.unwrap();
            // A running node takes over what changed, and another one starts.
            node.refresh().await.unwrap();
            for registry in [&node, &registry().await] {
                let served: Vec<_> = registry.all().keys().map(ToString::to_string).collect();
                assert_eq!((served, registry.refused_count()), (vec!["second".to_owned()], 1));
            }
            let refused = node.refused().await.unwrap();
            assert!(refused.len() == 1 && refused[0].contains("clients"), "{refused:?}");
            let (file, unreadable) = node.export(None).await.unwrap();
            assert_eq!((file.clients.len(), unreadable.len()), (1, 1));
        }
        // Whoever is to be suspended is, the damaged one included.
        for id in ["first", "second"] {
            node.set_disabled(id, true).await.unwrap();
        }
        assert!(node.all().values().all(|client| client.disabled));
        assert!(matches!(node.rotate_secret("first", 0).await, Err(ClientsError::Unreadable(_))));
        // Its registration mends it, and it keeps its secret.
        let done = node.register(ClientFile::parse(TWO).unwrap()).await.unwrap();
        assert!(done.iter().all(|client| client.secret.is_none()));
        assert_eq!((node.all().len(), node.refused_count()), (2, 0));
    }

    #[actix_web::test]
    async fn of_several_clients_all_are_stored_or_none() {
        let db = TestDb::migrated().await;
        let registry =
            Registry::load(db.clone(), Clock::System, audit(&db), outside_the_sandbox(), sealer(&db))
                .await
                .unwrap();
        db.execute(db::statement(
            "CREATE TRIGGER refuse BEFORE INSERT ON clients WHEN NEW.client_id = 'second' \
             BEGIN SELECT RAISE(ABORT, 'refused'); END",
        ))
        .await
        .unwrap();
        assert!(matches!(registry.register(ClientFile::parse(TWO).unwrap()).await, Err(ClientsError::Db(_))));
        assert!(registry.export(None).await.unwrap().0.clients.is_empty());
        db.execute(db::statement("DROP TRIGGER refuse")).await.unwrap();
        let registered = registry.register(ClientFile::parse(TWO).unwrap()).await.unwrap();
        assert!(registered.iter().all(|client| client.secret.is_some()));
        assert_eq!(registry.all().len(), 2);
    }
}
