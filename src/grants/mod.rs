//! What persons granted to clients, by whatever protocol, and its end. Durable: a loss would let something be used twice.
//!
//! A [`Grant`] is one row from the moment that what granted it (an authorization code) is redeemed. `revocations.rs` is
//! the revocation list by which tokens that are not looked up end as well.

mod confirmation;
mod details;
mod redeem;
mod revocations;
mod store;
mod used;

pub use confirmation::Confirmation;
pub use details::{Assured, ClaimNames, Evidence, GrantDetails, TimeAsked, may_go};
pub use revocations::Revocations;
pub(crate) use store::TABLES;

use crate::audit::{Audit, Event, Kind};
use crate::clients::ClientId;
use crate::ledger::Rows;
use crate::people::{Epoch, PersonId};
use crate::platform::bytes::{self, Digest};
use crate::platform::clock::{Clock, Timestamp};
use crate::platform::db::{Db, DbError, Statement};
use crate::platform::ephemeral::{Ephemeral, EphemeralKey, KeySpace, Unavailable};
use crate::platform::service_error::ServiceError;
use crate::release::AgreedData;

/// Revocations on their way to other nodes.
pub const REVOKED: KeySpace = KeySpace::new(b'r', "revocation");

/// Redemptions of codes whose outcome nobody learned, because the database did not answer in time.
pub const UNANSWERED: KeySpace = KeySpace::new(b'u', "unanswered redemption");

/// For how long such a redemption may be repeated, in seconds: longer than any code lives, which is what bounds it.
const REPEATABLE: i64 = 600;

/// The identifier of what a single-use secret grants: made of the secret's digest, so that a second redemption meets the
/// first one's row.
pub fn id_of(secret: &str) -> String {
    bytes::encode(&Digest::of(secret.as_bytes()).0[..20])
}

/// The name in the revocation list of everything that a person granted under an epoch. `store.rs` makes the same name
/// in SQL.
pub fn epoch_id(person: &PersonId, epoch: Epoch) -> String {
    format!("person/{}/{}", person.as_str(), epoch.0)
}

/// A redeemed code and what lives of it.
#[derive(Clone, Debug)]
pub struct Grant {
    /// Its identifier.
    pub id: String,
    /// Who holds it.
    pub client_id: ClientId,
    /// What was granted.
    pub details: GrantDetails,
    /// Which refresh token is the current one, counted from 1; 0 when there is none.
    pub generation: i64,
    /// When the current refresh token was issued.
    pub refreshed_at: Timestamp,
    /// When nothing issued from it can live any more.
    pub expires_at: Timestamp,
    /// Whether it was revoked.
    pub revoked: bool,
    /// Whether its redemption repeats one that nobody got an answer to, whose rows it found.
    pub taken_over: bool,
}

impl Grant {
    /// Whether a refresh token of `generation`, the one before the current one, may be answered once more at `now`: the
    /// answer to the first request was perhaps lost, or two requests were sent at once. Its successor must not have been
    /// refreshed itself, and not be older than `window` seconds.
    pub fn repeats(&self, generation: i64, window: i64, now: Timestamp) -> bool {
        // By the clocks of two nodes, which may differ a little.
        self.follows(generation, now) && (-window..window).contains(&now.since(self.refreshed_at))
    }

    /// Whether the current refresh token is the successor of the one of `generation`, and alive.
    pub fn follows(&self, generation: i64, now: Timestamp) -> bool {
        !self.revoked && self.expires_at > now && self.generation == generation.saturating_add(1)
    }
}

/// The grants. Cheap to clone.
#[derive(Clone)]
pub struct Grants {
    db: Db,
    ephemeral: Ephemeral,
    clock: Clock,
    revocations: Revocations,
    audit: Audit,
}

/// Rows stay a little longer than what was issued from them, so that a replay of the code is still known as one.
const KEPT: i64 = 3600;

impl Grants {
    /// The grants in `db`.
    pub fn new(db: Db, ephemeral: Ephemeral, clock: Clock, revocations: Revocations, audit: Audit) -> Self {
        Self { db, ephemeral, clock, revocations, audit }
    }

    /// Redeems a code, whose person signed in by the number with this blind index (or by means that need none), and writes `told` of what thereby leaves to the
    /// ledger, all or nothing. `None` when all access of the person,
    /// the number's enrolment or the consent has ended, or when it was redeemed before: then everything that came of it is
    /// revoked, unless that was less than `together` seconds ago. A redemption that the database did not answer may be
    /// repeated, and takes over what it perhaps stored. `then` takes place in the same transaction.
    ///
    /// # Errors
    /// [`ServiceError`], as for all methods.
    pub async fn redeem(
        &self,
        code: &str,
        client: &ClientId,
        (details, number): (GrantDetails, Option<&Digest>),
        (told, then): (&Rows, Vec<Statement>),
        (refreshable, expires_at): (bool, Timestamp),
        together: i64,
    ) -> Result<Option<Grant>, ServiceError> {
        let now = self.clock.now();
        let grant = Grant {
            id: id_of(code),
            client_id: client.clone(),
            details,
            generation: i64::from(refreshable),
            refreshed_at: now,
            expires_at,
            revoked: false,
            taken_over: false,
        };
        let redemption = bytes::random_text::<12>();
        let now_ms = self.clock.now_ms();
        match redeem::redeem(&self.db, (&grant, told, &then), &redemption, number, (now, now_ms)).await {
            Ok(true) => {
                // It is stored, and must not fail any more: the same code again would count as a replay.
                if grant.details.managed.as_ref().is_some_and(|managed| *managed != grant.id)
                    && let Err(error) = self.announce_revoked(&grant.details.person_id, client, now_ms).await
                {
                    tracing::warn!(event = "revocation.unannounced", grant.id = grant.id, %error, "other nodes read a revocation from the database");
                }
                return Ok(Some(grant));
            }
            Ok(false) => {}
            Err(error) => return Err(self.unanswered(&grant.id, &redemption, error).await.into()),
        }
        if let Some(grant) = self.take_over((&grant, told), number).await? {
            return Ok(Some(Grant { taken_over: true, ..grant }));
        }
        self.repeated(code, client, together).await?;
        Ok(None)
    }

    /// As [`Grants::replayed`], unless the code was redeemed less than `together` seconds ago and nothing was refreshed since:
    /// then two requests were sent at once, and the other one's tokens stay.
    ///
    /// # Errors
    /// [`ServiceError`].
    pub async fn repeated(&self, code: &str, client: &ClientId, together: i64) -> Result<(), ServiceError> {
        if together > 0
            && let Some(held) = self.find(&id_of(code)).await?
            && held.client_id == *client
            && held.generation <= 1
            // By the clocks of two nodes, which may differ a little.
            && (-together..together).contains(&self.clock.now().since(held.refreshed_at))
        {
            return Ok(());
        }
        self.replayed(code, client).await
    }

    /// Notes that nobody knows whether a redemption or a rotation took place. If the note is lost, its repetition counts as a
    /// replay.
    async fn unanswered(&self, grant: &str, redemption: &str, error: DbError) -> DbError {
        if matches!(error, DbError::Unavailable(_)) {
            self.note_unanswered(grant, redemption).await;
        }
        error
    }

    async fn note_unanswered(&self, grant: &str, redemption: &str) {
        let note = self.ephemeral.put(unanswered_key(grant, redemption), &true, REPEATABLE).await;
        if let Err(lost) = note {
            tracing::warn!(event = "redemption.unnoted", grant.id = grant, error = %lost, "a redemption whose outcome is unknown could not be noted");
        }
    }

    /// Takes over a grant whose redemption nobody got an answer to. That names one request, so that neither an answered
    /// redemption nor, by a note that comes back, one that was taken over already is repeated.
    async fn take_over(
        &self,
        (grant, told): (&Grant, &Rows),
        number: Option<&Digest>,
    ) -> Result<Option<Grant>, ServiceError> {
        let former = redeem::redemption_of(&self.db, grant).await?;
        let Some(former) = former else { return Ok(None) };
        let note = self.ephemeral.get::<bool>(unanswered_key(&grant.id, &former)).await?;
        if note.is_none() {
            return Ok(None);
        }
        let redemption = bytes::random_text::<12>();
        match redeem::take_over(&self.db, (grant, told), (&former, &redemption), number).await {
            Ok(taken) => Ok(taken),
            Err(error) => Err(self.unanswered(&grant.id, &redemption, error).await.into()),
        }
    }

    /// Revokes what a code granted, if `client` redeemed it before. For codes whose content is gone, too.
    ///
    /// # Errors
    /// [`ServiceError`].
    pub async fn replayed(&self, code: &str, client: &ClientId) -> Result<(), ServiceError> {
        let grant = id_of(code);
        if store::is_held(&self.db, &grant, client).await? {
            store::revoke(&self.db, &grant, self.clock.now_ms()).await?;
            self.audit.record(Event::new(Kind::CodeReplayed).client(client.as_str()).grant(grant.as_str()));
            self.revocations.announce(&grant).await?;
        }
        Ok(())
    }

    /// Uses a generation of a grant's refresh token: up, if it `rotates`. A grant that is bound to nothing is bound to
    /// `binds`. What thereby leaves is written to the ledger by `told`, and `then` takes place, with it: all or nothing.
    ///
    /// # Errors
    /// [`ServiceError`].
    pub async fn rotate(
        &self,
        id: &str,
        (generation, rotates, binds): (i64, bool, Option<Confirmation>),
        client: &ClientId,
        idle: i64,
        (told, then): (&Rows, Vec<Statement>),
    ) -> Result<Option<Grant>, ServiceError> {
        let now = self.clock.now();
        let turn = (generation, rotates, binds);
        match store::rotate(&self.db, id, turn, client, (now.minus(idle), now), (told, then)).await {
            Ok(rotated) => Ok(rotated),
            // Nobody knows whether it took place: whoever asks again, however long the outage lasts, gets the successor.
            Err(error) => Err(self.unanswered(id, &generation.to_string(), error).await.into()),
        }
    }

    /// Notes that a refresh token of `generation` was used and nothing left for it, because the database failed with `error`: whoever
    /// asks again gets the successor.
    pub async fn unanswered_refresh(&self, id: &str, generation: i64, error: DbError) -> DbError {
        self.note_unanswered(id, &generation.to_string()).await;
        error
    }

    /// Whether the database did not answer when a refresh token of `generation` was used.
    ///
    /// # Errors
    /// [`ServiceError`].
    pub async fn is_unanswered(&self, id: &str, generation: i64) -> Result<bool, ServiceError> {
        let note = self.ephemeral.get::<bool>(unanswered_key(id, &generation.to_string())).await?;
        Ok(note.is_some())
    }

    /// A grant by its identifier.
    ///
    /// # Errors
    /// [`ServiceError`].
    pub async fn find(&self, id: &str) -> Result<Option<Grant>, ServiceError> {
        Ok(store::find(&self.db, id).await?)
    }

    /// A grant by its identifier, if it lives: it was not revoked and has not expired, and its person has an enrolled number.
    /// Nothing of this comes from a cache.
    ///
    /// # Errors
    /// [`ServiceError`].
    pub async fn find_live(&self, id: &str) -> Result<Option<Grant>, ServiceError> {
        let found = store::find_of_usable(&self.db, id).await?;
        let now = self.clock.now();
        Ok(found.filter(|grant| !grant.revoked && grant.expires_at > now))
    }

    /// Revokes all that a grant's client got by sign-ins of its person in the same session.
    ///
    /// # Errors
    /// [`ServiceError`]; unless it is returned, the revocation is durable.
    pub async fn revoke_of_session(&self, grant: &Grant) -> Result<(), ServiceError> {
        let (person, client) = (&grant.details.person_id, &grant.client_id);
        let since = self.clock.now_ms();
        let revoke = store::revoke_of_session((person, client), &grant.details.sid, since);
        self.db.all_or_nothing(revoke).await?;
        self.announce_revoked(person, client, since).await
    }

    /// Revokes a grant with every token that came of it.
    ///
    /// # Errors
    /// [`ServiceError`]; unless it is returned, the revocation is durable.
    pub async fn revoke(&self, id: &str) -> Result<(), ServiceError> {
        store::revoke(&self.db, id, self.clock.now_ms()).await?;
        Ok(self.revocations.announce(id).await?)
    }

    /// Takes the one reading that each of these details of a grant allows, and returns those of which nobody took it before. To
    /// be called when nothing else can fail any more.
    ///
    /// # Errors
    /// [`ServiceError`]: none is taken; or, if the database became unavailable meanwhile, nobody knows.
    pub async fn use_up<'a>(
        &self,
        grant: &str,
        details: &[&'a AgreedData],
    ) -> Result<Vec<&'a AgreedData>, ServiceError> {
        let (now, mut taken) = (self.clock.now(), Vec::new());
        for together in details.chunks(used::TOGETHER) {
            let keys: Vec<_> = together.iter().map(|detail| (detail.key().encode(), detail.until)).collect();
            let fresh = used::use_up(&self.db, grant, &keys, now).await?;
            let fresh = together.iter().zip(&keys).filter(|(_, (key, _))| fresh.contains(key));
            taken.extend(fresh.map(|(detail, _)| *detail));
        }
        Ok(taken)
    }

    /// The grant that goes on under the name that its client has for it. Nothing of this comes from a cache.
    ///
    /// # Errors
    /// [`ServiceError`].
    pub async fn find_managed(
        &self,
        managed: &str,
        client: &ClientId,
    ) -> Result<Option<Grant>, ServiceError> {
        Ok(store::find_managed(&self.db, (managed, client), self.clock.now()).await?)
    }

    /// Ends the grant of that name with every token that came of it, and whatever would follow it; the grant that it was.
    ///
    /// # Errors
    /// [`ServiceError`]; unless it is returned, the end is durable.
    pub async fn end_managed(&self, managed: &str, client: &ClientId) -> Result<Option<Grant>, ServiceError> {
        let mut ended = None;
        // One that took its place in the same moment ends as well.
        while let Some(grant) = self.find_managed(managed, client).await? {
            let end = store::end_managed((managed, client), &grant.details.person_id, self.clock.now_ms());
            self.db.all_or_nothing(end).await?;
            self.revocations.announce(&grant.id).await?;
            ended = Some(grant);
        }
        Ok(ended)
    }

    /// Revokes a single access token.
    ///
    /// # Errors
    /// [`ServiceError`]; unless it is returned, the revocation is durable.
    pub async fn revoke_token(&self, token: &str, expires_at: Timestamp) -> Result<(), ServiceError> {
        store::revoke_token(&self.db, token, self.clock.now_ms(), expires_at).await?;
        Ok(self.revocations.announce(token).await?)
    }

    /// What must take place in the transaction that raises a person's epoch, so that their access tokens end as well.
    pub fn end_former_epoch(&self, person: &PersonId) -> Vec<Statement> {
        let expires_at = self.clock.now().plus(self.revocations.longest());
        store::revoke_former_epoch(person, self.clock.now_ms(), expires_at)
    }

    /// Announces to all nodes immediately that what a person granted under `epoch` has ended.
    ///
    /// # Errors
    /// [`Unavailable`] when they cannot be reached now; they read it from SQL within a second.
    pub async fn announce_end(&self, person: &PersonId, epoch: Epoch) -> Result<(), Unavailable> {
        self.revocations.announce(&epoch_id(person, epoch)).await
    }

    /// What must take place in the transaction that ends a consent: the client's grants of that person are revoked.
    pub fn end_with_consent(&self, consent: &str) -> Vec<Statement> {
        store::revoke_of_consent(consent, self.clock.now_ms())
    }

    /// What must take place in the transaction that records a consent which goes less far than the ones before: what
    /// the client holds of that person is revoked. What stands beside those consents stays.
    pub fn end_before_narrower(&self, person: &PersonId, client: &ClientId) -> Vec<Statement> {
        store::revoke_general((person, client), self.clock.now_ms())
    }

    /// What must take place in the transaction that ends consents of a person and a client: the grants that rest on any
    /// that has ended are revoked.
    pub fn end_with_ended_consents(&self, person: &PersonId, client: &ClientId) -> Vec<Statement> {
        store::revoke_of_ended((person, client), self.clock.now_ms())
    }

    /// Announces to all nodes immediately the grants of a person and a client that were revoked since a moment.
    ///
    /// # Errors
    /// [`ServiceError`] when they cannot be reached now; they read it from SQL within a second.
    pub async fn announce_revoked(
        &self,
        person: &PersonId,
        client: &ClientId,
        since_ms: i64,
    ) -> Result<(), ServiceError> {
        for grant in store::revoked_of(&self.db, (person, client), since_ms).await? {
            self.revocations.announce(&grant).await?;
        }
        Ok(())
    }

    /// Removes what nothing rests on any more at `now`; returns how many rows went.
    ///
    /// # Errors
    /// [`DbError`].
    pub async fn purge(&self, now: Timestamp, most: i64) -> Result<u64, DbError> {
        store::purge(&self.db, now.minus(KEPT), most).await
    }

    /// Whether what `secret` grants was redeemed.
    ///
    /// # Errors
    /// [`ServiceError`].
    pub async fn is_redeemed(&self, secret: &str) -> Result<bool, ServiceError> {
        Ok(self.find(&id_of(secret)).await?.is_some())
    }

    /// How far the purge is behind at `now`, in seconds.
    ///
    /// # Errors
    /// [`DbError`].
    pub async fn purge_lag(&self, now: Timestamp) -> Result<i64, DbError> {
        store::purge_lag(&self.db, now.minus(KEPT)).await
    }
}

fn unanswered_key(grant: &str, redemption: &str) -> EphemeralKey {
    EphemeralKey::of(UNANSWERED, &format!("{grant} {redemption}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sign_in::Acr;

    #[test]
    fn only_the_token_before_the_current_one_is_answered_again_and_only_for_a_while() {
        let details = serde_json::json!({"person_id": "p", "sub": "s", "scope": "openid", "released": [], "auth_time": 0,
            "acr": Acr::MobileId, "amr": [], "sid": "s", "consent_id": null, "consent_until": null});
        let grant = Grant {
            id: "g".to_owned(),
            client_id: ClientId::parse("shop").unwrap(),
            details: serde_json::from_value(details).unwrap(),
            generation: 5,
            refreshed_at: Timestamp(100),
            expires_at: Timestamp(1000),
            revoked: false,
            taken_over: false,
        };
        let repeats = |generation, window, now| grant.repeats(generation, window, Timestamp(now));
        assert!(repeats(4, 30, 100) && repeats(4, 30, 129));
        assert!(repeats(4, 30, 98), "the node that rotated is a little ahead");
        assert!(!repeats(4, 30, 130) && !repeats(4, 30, 60));
        assert!(!repeats(3, 30, 100), "its successor was used");
        assert!(!repeats(5, 30, 100) && !repeats(6, 30, 100), "the current one is not stale");
        assert!(!repeats(4, 0, 100) && !repeats(4, 0, 99), "the operator wants none of this");
        assert!(!grant.repeats(4, 10_000, Timestamp(1000)), "the grant has expired");
        assert!(!Grant { revoked: true, ..grant.clone() }.repeats(4, 30, Timestamp(100)));
    }
}
