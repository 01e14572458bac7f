//! Back-Channel Logout 1.0: telling services, server to server, that a session ended.
//!
//! What is to be told is stored before the session ends, one row per service (`store.rs`), and sent in the background
//! (`deliver.rs`); where everything of a person ends, their sessions are found after it (`everywhere.rs`). So neither a crash nor a service that does not answer loses it or holds up anybody else.

mod deliver;
mod everywhere;
mod store;

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use serde_json::json;
use tokio::sync::Notify;
use url::Url;

use super::{Provider, encryption};
use crate::clients::{Client, ClientId};
use crate::platform::bytes::{self, Digest};
use crate::platform::clock::Timestamp;
use crate::platform::db::{Db, DbError, Statement};
use crate::platform::outbound::Outbound;
use crate::sign_in::Session;

pub use everywhere::LogoutEverywhere;
pub(super) use store::TABLES;

use deliver::{LogoutError, Slots};
use store::Delivery;

/// Logout tokens live this long, in seconds (OWASP ASVS 5.0 §10.5.5).
const TOKEN_SECONDS: i64 = 120;

/// For how long a delivery is tried, in seconds.
const KEPT: i64 = 86_400;

/// A client that was told of the end of a session, or could not be.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ToldOf {
    /// The client.
    pub client: String,
    /// What the telling is known by; `None` for a client that takes no logout tokens.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub delivery: Option<String>,
}

/// What became of telling a client.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Answered {
    /// It answered at that time.
    At(Timestamp),
    /// It has not answered, and is told again.
    Waits,
    /// It did not answer for a day.
    Never,
    /// It takes no logout tokens.
    Untold,
}

/// Stores and sends logout tokens. Cheap to clone.
#[derive(Clone)]
pub struct LogoutNotifier {
    provider: Provider,
    db: Db,
    outbound: Outbound,
    wake: Arc<Notify>,
    slots: Arc<Slots>,
}

impl LogoutNotifier {
    /// A notifier that keeps deliveries in `db` and calls clients through `outbound`.
    pub fn new(provider: Provider, db: Db, outbound: Outbound) -> Self {
        Self { provider, db, outbound, wake: Arc::default(), slots: Arc::default() }
    }

    /// Stores a delivery for every client that a session was used for and that wants to be told, and `also`, in one commit,
    /// and none that waits already. They are sent at once, and the session must end next. If it does not after all, these clients end
    /// their own sessions early: the other order could leave them untold.
    ///
    /// # Errors
    /// [`DbError`]; then nothing was stored.
    pub async fn store(&self, ending: &Session, also: Vec<Statement>) -> Result<(), DbError> {
        let now = self.provider.clock.now();
        let deliveries: Vec<Delivery> =
            ending.clients.iter().filter_map(|id| self.delivery(id, ending)).collect();
        store::insert(&self.db, &deliveries, now, also).await?;
        if !deliveries.is_empty() {
            self.wake.notify_one();
        }
        Ok(())
    }

    /// What tells the clients that a session was used for of its end, for the transaction that ends it, which [`LogoutNotifier::wake`]
    /// follows.
    pub fn ending(&self, session: &Session) -> Vec<Statement> {
        let now = self.provider.clock.now();
        let deliveries = session.clients.iter().filter_map(|id| self.delivery(id, session));
        deliveries.map(|delivery| store::insert_one(&delivery, now)).collect()
    }

    /// What tells one client that a session was used for, if it wants to be told: the person leaves it there, and the session goes on. It
    /// is for the transaction that ends what the client has, which [`LogoutNotifier::wake`] follows.
    pub fn leaving(&self, session: &Session, client: &ClientId) -> Option<Statement> {
        let delivery = self.delivery(client, session)?;
        Some(store::insert_one(&delivery, self.provider.clock.now()))
    }

    /// What tells the clients that a session was used for of its end, for the transaction that ends it, where what became of it will be
    /// asked ([`LogoutNotifier::answers`]). [`LogoutNotifier::wake`] follows the transaction.
    pub fn watched(&self, ending: &Session) -> (Vec<ToldOf>, Vec<Statement>) {
        let now = self.provider.clock.now();
        let told = ending.clients.iter().map(|id| (id, self.delivery(id, ending)));
        let told: Vec<_> = told.collect();
        let of = |(id, delivery): &(&ClientId, Option<Delivery>)| ToldOf {
            client: id.as_str().to_owned(),
            delivery: delivery.as_ref().map(|delivery| delivery.id.clone()),
        };
        let names = told.iter().map(of).collect();
        (
            names,
            told.iter().filter_map(|(_, it)| it.as_ref()).map(|it| store::insert_watched(it, now)).collect(),
        )
    }

    /// Sends what was stored by a transaction of somebody else.
    pub fn wake(&self) {
        self.wake.notify_one();
    }

    /// What became of telling clients since a moment, in the order of `told`.
    ///
    /// # Errors
    /// [`DbError`].
    pub async fn answers(&self, told: &[ToldOf], since: Timestamp) -> Result<Vec<Answered>, DbError> {
        let given_up = self.provider.clock.now().since(since) >= KEPT;
        let mut answers = Vec::with_capacity(told.len());
        for told in told {
            answers.push(match &told.delivery {
                None => Answered::Untold,
                Some(delivery) => match store::answered_at(&self.db, delivery).await? {
                    Some(at) => Answered::At(at),
                    None if given_up => Answered::Never,
                    None => Answered::Waits,
                },
            });
        }
        Ok(answers)
    }

    /// Removes deliveries that were tried for a day at `now`; returns how many.
    ///
    /// # Errors
    /// [`DbError`].
    pub async fn purge(&self, now: Timestamp, most: i64) -> Result<u64, DbError> {
        store::purge_outcomes(&self.db, now, most).await?;
        let gone = store::purge(&self.db, now.minus(KEPT), most).await?;
        if gone > 0 {
            self.provider.metrics.logouts("given_up").inc_by(gone);
            tracing::warn!(
                event = "logout.given_up",
                deliveries = gone,
                "logout tokens could not be delivered for a day"
            );
        }
        Ok(gone)
    }

    /// Updates the gauge of waiting deliveries.
    ///
    /// # Errors
    /// [`DbError`].
    pub async fn measure(&self) -> Result<(), DbError> {
        self.provider.metrics.logouts_waiting.set(store::waiting(&self.db).await?);
        Ok(())
    }

    fn delivery(&self, id: &ClientId, ending: &Session) -> Option<Delivery> {
        let client = self.provider.clients.find(id)?;
        let uri = Url::parse(client.sessions.backchannel_logout_uri.as_deref()?).ok()?;
        let subject_ids = &self.provider.subject_ids;
        let sid = subject_ids.sid(&client.id, &ending.sid_key);
        Some(Delivery {
            // Made of what it tells: told twice to be stored, it is stored once.
            id: bytes::encode(&Digest::of(format!("{} {sid}", client.id).as_bytes()).0[..16]),
            host: uri.host_str()?.to_owned(),
            sub: subject_ids.of(&client, &ending.person_id),
            sid,
            client_id: client.id.clone(),
        })
    }

    /// Back-Channel Logout 1.0 §2.4: exactly one event, no nonce. Made for each try, since it does not live long and its
    /// `jti` may have been seen. Encrypted where the client's ID tokens are, since it is to reject one that is not (§2.6).
    async fn token(&self, client: &Client, delivery: &Delivery) -> Result<String, LogoutError> {
        let provider = &self.provider;
        let (now, keys) = (provider.clock.now(), provider.keys.current());
        let key = keys.signing(client.tokens.id_token_alg, now).ok_or(LogoutError::NoKey)?;
        let claims = json!({
            "iss": &*provider.issuer,
            "sub": delivery.sub,
            "sid": delivery.sid,
            "aud": client.id.as_str(),
            "iat": now.0,
            "exp": now.plus(TOKEN_SECONDS).0,
            "jti": bytes::random_text::<16>(),
            "events": {"http://schemas.openid.net/event/backchannel-logout": {}},
        });
        let signed = key.sign("logout+jwt", &claims);
        let recipient = encryption::recipient(provider, client, client.answers.id_token_encryption).await;
        match recipient.map_err(|error| LogoutError::NoRecipient(error.description))? {
            None => Ok(signed),
            Some(recipient) => Ok(recipient.nest_of(&signed, &provider.issuer)?),
        }
    }
}
