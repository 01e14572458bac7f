//! All clients in memory, and the changes to them.

use std::collections::HashMap;
use std::sync::Arc;

use arc_swap::ArcSwap;

use super::store::{self, StoredClient};
use super::{Client, ClientFile, ClientId, ClientSecret, RegistrationErrors, Rules, SecretDigest};
use crate::audit::{Audit, Event, Kind};
use crate::platform::bytes;
use crate::platform::clock::Clock;
use crate::platform::db::{Db, DbError};

type Clients = HashMap<ClientId, Arc<Client>>;

/// The clients of this moment; a request takes one `Arc` and keeps its policy to the end.
pub struct Registry {
    db: Db,
    clock: Clock,
    audit: Audit,
    rules: Rules,
    current: ArcSwap<Snapshot>,
}

/// The clients as they were at one version of their table.
struct Snapshot {
    clients: Arc<Clients>,
    version: (i64, i64),
}

/// What came of a registration.
pub struct Registered {
    /// The client's identifier.
    pub client_id: String,
    /// Its new secret, to be shown this once; `None` when it has none, brought its own or kept the former one.
    pub secret: Option<ClientSecret>,
}

/// A change did not take place.
#[derive(Debug, thiserror::Error)]
pub enum ClientsError {
    /// The documents are wrong; nothing was stored.
    #[error("{}", .0.iter().map(ToString::to_string).collect::<String>())]
    Invalid(Vec<RegistrationErrors>),
    /// There is no such client.
    #[error("there is no client `{0}`; `yagona client list` shows them")]
    Unknown(String),
    /// The client has no secret by its own choice.
    #[error("the client `{0}` is public: it has no secret to rotate")]
    Public(String),
    /// The database failed.
    #[error(transparent)]
    Db(#[from] DbError),
}

impl Registry {
    /// Loads all clients.
    ///
    /// # Errors
    /// [`DbError`].
    pub async fn load(db: Db, clock: Clock, audit: Audit, rules: Rules) -> Result<Self, DbError> {
        let current = Snapshot::read(&db, &rules, store::version(&db).await?).await?;
        Ok(Self { db, clock, audit, rules, current: ArcSwap::from_pointee(current) })
    }

    /// The client of that identifier, disabled ones included.
    pub fn find(&self, id: &ClientId) -> Option<Arc<Client>> {
        self.current.load().clients.get(id).cloned()
    }

    /// All clients.
    pub fn all(&self) -> Arc<Clients> {
        Arc::clone(&self.current.load().clients)
    }

    /// Looks whether clients changed, and takes the changes over.
    ///
    /// # Errors
    /// [`DbError`]; the former clients stay in use.
    pub async fn refresh(&self) -> Result<(), DbError> {
        let version = store::version(&self.db).await?;
        if version != self.current.load().version {
            self.current.store(Arc::new(Snapshot::read(&self.db, &self.rules, version).await?));
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
            if let Err(wrong) = registration.parse(&self.rules) {
                errors.push(wrong);
            }
        }
        if !errors.is_empty() {
            return Err(ClientsError::Invalid(errors));
        }
        let known = self.stored().await?;
        let (mut done, mut statements) = (Vec::new(), Vec::new());
        for mut registration in file.clients {
            let had_secret = known
                .iter()
                .any(|old| old.registration.client_id == registration.client_id && old.secret.is_some());
            let authentication = &mut registration.authentication;
            let given =
                authentication.client_secret.take().map(|secret| ClientSecret::given(&secret).digest());
            let exported =
                authentication.client_secret_sha256.take().as_deref().and_then(SecretDigest::decode);
            let made = (!authentication.is_public() && given.is_none() && exported.is_none() && !had_secret)
                .then(ClientSecret::generate);
            let digest = made.as_ref().map(ClientSecret::digest).or(given).or(exported);
            statements.push(store::upsert(&registration, digest.as_ref(), self.clock.now_ms())?);
            done.push(Registered { client_id: registration.client_id, secret: made });
        }
        self.db.all_or_nothing(statements).await?;
        for registered in &done {
            let id = &registered.client_id;
            let is_known = known.iter().any(|old| old.registration.client_id == *id);
            self.record(if is_known { Kind::ClientChanged } else { Kind::ClientCreated }, id);
        }
        self.refresh().await?;
        Ok(done)
    }

    /// Gives a client a new secret; the former one stops working.
    ///
    /// # Errors
    /// [`ClientsError`].
    pub async fn rotate_secret(&self, id: &str) -> Result<ClientSecret, ClientsError> {
        let known = self.stored().await?;
        let client = known.iter().find(|client| client.registration.client_id == id);
        let client = client.ok_or_else(|| ClientsError::Unknown(id.to_owned()))?;
        if client.registration.authentication.is_public() {
            return Err(ClientsError::Public(id.to_owned()));
        }
        let secret = ClientSecret::generate();
        store::set_secret(&self.db, id, &secret.digest(), self.clock.now_ms()).await?;
        self.record(Kind::ClientSecretChanged, id);
        self.refresh().await?;
        Ok(secret)
    }

    /// Shuts a client out, or lets it in again.
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

    fn record(&self, kind: Kind, id: &str) {
        self.audit.record(Event::new(kind).client(id));
    }

    /// The registration documents, with digests of secrets so that they can be imported elsewhere.
    ///
    /// # Errors
    /// [`DbError`].
    pub async fn export(&self) -> Result<ClientFile, DbError> {
        let clients = self.stored().await?.into_iter().map(|mut stored| {
            let digest = stored.secret.as_ref().map(SecretDigest::encode);
            stored.registration.authentication.client_secret_sha256 = digest;
            stored.registration
        });
        Ok(ClientFile { clients: clients.collect() })
    }

    async fn stored(&self) -> Result<Vec<StoredClient>, DbError> {
        store::all(&self.db).await
    }
}

impl Snapshot {
    /// Reads the clients; `version` was read before them, so that what changes in between is read the next time.
    async fn read(db: &Db, rules: &Rules, version: (i64, i64)) -> Result<Self, DbError> {
        Ok(Self { clients: Arc::new(build(store::all(db).await?, rules)), version })
    }
}

fn build(stored: Vec<StoredClient>, rules: &Rules) -> Clients {
    let mut clients = Clients::with_capacity(stored.len());
    for stored in stored {
        match stored.registration.parse(rules) {
            Ok(mut client) => {
                client.authentication.secret = stored.secret;
                client.disabled = stored.disabled_at.is_some();
                clients.insert(client.id.clone(), Arc::new(client));
            }
            // A registration that today's rules refuse is shut out, not guessed at; the others go on.
            Err(errors) => {
                tracing::error!(event = "client.invalid", %errors, "a stored client is not served");
            }
        }
    }
    clients
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::platform::db::{self, test_db::TestDb};
    use crate::platform::seal::Keyring;
    use crate::platform::telemetry::Metrics;

    const TWO: &str = "[[clients]]\nclient_id = \"first\"\nclient_name = \"First\"\nowner = \"X\"\n\
         redirect_uris = [\"https://first.uz/cb\"]\n\
         [[clients]]\nclient_id = \"second\"\nclient_name = \"Second\"\nowner = \"X\"\n\
         redirect_uris = [\"https://second.uz/cb\"]\n";

    #[actix_web::test]
    async fn of_several_clients_all_are_stored_or_none() {
        let db = TestDb::migrated().await;
        let rules = Rules { loopback_http: false, sms_host: "id.uz".to_owned(), shortest_secret: 32 };
        let keyring = Keyring::read_or_create(&db.folder().join("keyring.toml")).unwrap();
        let audit = Audit::new(db.clone(), Clock::System, &keyring, Metrics::new());
        let registry = Registry::load(db.clone(), Clock::System, audit, rules).await.unwrap();
        db.execute(db::statement(
            "CREATE TRIGGER refuse BEFORE INSERT ON clients WHEN NEW.client_id = 'second' \
             BEGIN SELECT RAISE(ABORT, 'refused'); END",
        ))
        .await
        .unwrap();
        assert!(matches!(registry.register(ClientFile::parse(TWO).unwrap()).await, Err(ClientsError::Db(_))));
        assert!(registry.export().await.unwrap().clients.is_empty());
        db.execute(db::statement("DROP TRIGGER refuse")).await.unwrap();
        let registered = registry.register(ClientFile::parse(TWO).unwrap()).await.unwrap();
        assert!(registered.iter().all(|client| client.secret.is_some()));
        assert_eq!(registry.all().len(), 2);
    }
}
