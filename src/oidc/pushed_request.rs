//! Pushed authorization requests (RFC 9126): short-lived state, bounded in size and in number per client, and of clients that
//! prove nothing also by where they come from; spent when a sign-in that they began is answered.

use serde::{Deserialize, Serialize};

use crate::clients::{Client, ClientId};
use crate::platform::bytes::{self, Digest};
use crate::platform::ephemeral::{Applied, Batch, Ephemeral, EphemeralKey, KeySpace, Unavailable, Version};
use crate::platform::web::params::Params;
use crate::sign_in::{Counted, OpenSession, SessionId, Sessions};

/// What pushed requests say, and that they were answered.
pub const PUSHED: KeySpace = KeySpace::new(b'p', "pushed request");

/// How every `request_uri` begins (RFC 9126 §2.2); what follows is 256 random bits.
pub(super) const URN: &str = "urn:ietf:params:oauth:request_uri:";

/// The most bytes of a request that is kept, as JSON.
const MOST_BYTES: usize = 8 * 1024;

/// The content of a pushed request.
#[derive(Serialize, Deserialize)]
pub(super) struct PushedRequest {
    /// Who pushed it: nobody else may use it (RFC 9126 §2.2).
    pub client_id: ClientId,
    /// Its parameters, without what proved the client.
    pub params: Params,
}

/// That a pushed request was answered.
#[derive(Serialize, Deserialize)]
struct Spent {
    /// The sign-in attempt whose person cancelled it, where that was the answer: the same error may be sent again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    cancelled: Option<Digest>,
}

/// A request is not kept.
pub(super) enum NotKept {
    /// It is too large.
    TooLarge,
    /// The client has pushed too many.
    TooMany,
    /// Too many that nobody proved to be the client's came from one group of limits: its place among them, and within it.
    TooManyThere(usize, usize),
    /// The store failed.
    Unavailable(Unavailable),
}

/// The pushed requests. Cheap to clone.
#[derive(Clone)]
pub struct PushedRequests {
    sessions: Sessions,
    ephemeral: Ephemeral,
    /// Lifetime, in seconds.
    pub(super) seconds: i64,
    most_per_client: u64,
    /// For how long a sign-in that was begun by one may still be answered, in seconds.
    answerable: i64,
}

impl PushedRequests {
    /// Requests that can be opened for `seconds`, of which a client may push `most_per_client` in that time unless its
    /// registration says how many, and whose sign-ins take `attempt_seconds` at most.
    pub fn new(
        sessions: Sessions,
        ephemeral: Ephemeral,
        seconds: i64,
        most_per_client: u64,
        attempt_seconds: i64,
    ) -> Self {
        Self { sessions, ephemeral, seconds, most_per_client, answerable: attempt_seconds + 60 }
    }

    /// Keeps a request and returns its `request_uri`. Counting it and keeping it are one round trip. What is refused by the
    /// limits `there`, of where it comes from, uses up nothing of the client's.
    ///
    /// # Errors
    /// [`NotKept`].
    pub(super) async fn push(
        &self,
        client: &Client,
        params: Params,
        there: Option<&Counted>,
    ) -> Result<String, NotKept> {
        let request = PushedRequest { client_id: client.id.clone(), params };
        if serde_json::to_vec(&request).is_ok_and(|text| text.len() > MOST_BYTES) {
            return Err(NotKept::TooLarge);
        }
        let uri = format!("{URN}{}", bytes::random_text::<32>());
        let counter = EphemeralKey::of(PUSHED, &format!("count/{}", client.id));
        let mut batch = Batch::new(&self.ephemeral);
        if let Some(there) = there {
            there.count_in(&mut batch);
        }
        batch.limit(counter, self.seconds, client.requests.pushed_most.unwrap_or(self.most_per_client));
        batch.put(key(name_of(&uri)), &request, self.seconds);
        match self.ephemeral.apply(batch).await {
            Ok(Applied::Done) => Ok(uri),
            Ok(Applied::Exceeded { group, index }) if there.is_some_and(|there| group < there.len()) => {
                Err(NotKept::TooManyThere(group, index))
            }
            Ok(_) => Err(NotKept::TooMany),
            Err(unavailable) => Err(NotKept::Unavailable(unavailable)),
        }
    }

    /// A request, unless it has expired or was answered, and the session of that identifier, in one round trip.
    ///
    /// # Errors
    /// [`Unavailable`].
    pub(super) async fn find(
        &self,
        name: Digest,
        session: Option<SessionId>,
    ) -> Result<(Option<PushedRequest>, Option<OpenSession>), Unavailable> {
        match session {
            Some(session) => self.sessions.beside(key(name), session.digest()).await,
            None => Ok((self.ephemeral.get(key(name)).await?.map(|(request, _)| request), None)),
        }
    }

    /// Spends a request together with the rest of a batch, which takes place only if nobody has spent it before. The attempt
    /// is named where its person cancels it.
    pub(super) fn spend_in(&self, batch: &mut Batch<'_>, name: Digest, cancelled: Option<Digest>) {
        batch.swap(spent_key(name), Version::ABSENT, &Spent { cancelled }, self.answerable);
        batch.remove(key(name));
    }

    /// Spends a request; `false` when it was spent before.
    ///
    /// # Errors
    /// [`Unavailable`].
    pub(super) async fn spend(&self, name: Digest) -> Result<bool, Unavailable> {
        let mut batch = Batch::new(&self.ephemeral);
        self.spend_in(&mut batch, name, None);
        Ok(self.ephemeral.apply(batch).await? == Applied::Done)
    }

    /// Whether a request was answered.
    ///
    /// # Errors
    /// [`Unavailable`].
    pub(super) async fn is_spent(&self, name: Digest) -> Result<bool, Unavailable> {
        Ok(self.spent(name).await?.is_some())
    }

    /// Whether that its person cancelled this attempt was the answer to a request.
    ///
    /// # Errors
    /// [`Unavailable`].
    pub(super) async fn is_cancelled(&self, name: Digest, attempt: Digest) -> Result<bool, Unavailable> {
        Ok(self.spent(name).await?.is_some_and(|spent| spent.cancelled == Some(attempt)))
    }

    async fn spent(&self, name: Digest) -> Result<Option<Spent>, Unavailable> {
        Ok(self.ephemeral.get(spent_key(name)).await?.map(|(spent, _)| spent))
    }
}

/// What a `request_uri` is known by here: sign-ins carry it, and it opens nothing.
pub(super) fn name_of(uri: &str) -> Digest {
    Digest::of(uri.as_bytes())
}

fn key(name: Digest) -> EphemeralKey {
    EphemeralKey::from_digest(PUSHED, name)
}

fn spent_key(name: Digest) -> EphemeralKey {
    EphemeralKey::of(PUSHED, &format!("spent/{}", name.encode()))
}
