//! Passkeys of members of staff (Web Authentication): ceremonies, each under a challenge that is used once, and the table of public
//! keys. Who uses a passkey is verified by the authenticator each time; there is no other way in.

use serde::{Deserialize, Serialize};

use super::actions::{What, Why};
use super::{CEREMONIES, Member, PlaceId, Staff, StaffId};
use crate::audit::{Event, Kind};
use crate::platform::bytes::{self, Digest};
use crate::platform::clock::Timestamp;
use crate::platform::db::{self, DbError, Row};
use crate::platform::ephemeral::Ephemeral;
use crate::platform::service_error::ServiceError;
use crate::platform::webauthn::{Asked, Challenges, Credential, Given, NotTaken, PublicKey, RelyingParty};

const TABLE: &str = "staff_passkeys";

/// Passkeys of one member.
const MOST: usize = 10;

/// Who proved that they are there.
#[derive(Clone, Debug)]
pub struct Proved {
    /// The member.
    pub staff: StaffId,
    /// Where they work.
    pub place: PlaceId,
    /// By which passkey.
    pub passkey: String,
}

/// A passkey, as its member sees it.
#[derive(Clone, Debug)]
pub struct Passkey {
    /// The credential's identifier.
    pub id: String,
    /// What the member calls the device.
    pub label: String,
    /// Since when.
    pub added_at: Timestamp,
    /// When it was last used.
    pub used_at: Option<Timestamp>,
}

/// A ceremony that began, as it is kept under its challenge.
#[derive(Serialize, Deserialize, PartialEq, Eq, Debug)]
enum Ceremony {
    /// Somebody signs in at this browser.
    SignIn { browser: Digest },
    /// The member of this session proves anew who they are.
    Prove { session: Digest, staff: StaffId },
    /// Whoever has this link makes a passkey.
    Enrol { link: Digest },
}

/// The ceremonies. Cheap to clone.
#[derive(Clone)]
pub struct Ceremonies {
    staff: Staff,
    challenges: Challenges,
}

impl Ceremonies {
    /// Of the members of `staff`, at pages of `party`.
    pub const fn new(staff: Staff, ephemeral: Ephemeral, party: RelyingParty) -> Self {
        Self { staff, challenges: Challenges::new(ephemeral, CEREMONIES, party) }
    }

    /// Begins a sign-in at a browser, by whatever passkey the browser offers.
    ///
    /// # Errors
    /// [`ServiceError`].
    pub async fn begin_sign_in(&self, browser: Digest) -> Result<Asked, ServiceError> {
        self.challenges.begin(&Ceremony::SignIn { browser }, None, Vec::new()).await
    }

    /// Begins a proof that the member of a session is there, by one of their own passkeys.
    ///
    /// # Errors
    /// [`ServiceError`].
    pub async fn begin_proof(&self, session: Digest, staff: &StaffId) -> Result<Asked, ServiceError> {
        let own = self
            .staff
            .passkeys(staff)
            .await?
            .into_iter()
            .map(|passkey| Credential::new(passkey.id))
            .collect();
        self.challenges.begin(&Ceremony::Prove { session, staff: staff.clone() }, None, own).await
    }

    /// Begins the making of a passkey by a link. Returns for whom; `None` if the link is unknown, used or too old.
    ///
    /// # Errors
    /// [`ServiceError`].
    pub async fn begin_enrolment(&self, link: &str) -> Result<Option<(Asked, Member)>, ServiceError> {
        let link = Digest::of(link.as_bytes());
        let Some(member) = self.staff.of_link(&link).await? else { return Ok(None) };
        let own = self
            .staff
            .passkeys(&member.id)
            .await?
            .into_iter()
            .map(|passkey| Credential::new(passkey.id))
            .collect();
        let user = (bytes::encode(member.id.as_str().as_bytes()), member.name.clone());
        let asked = self.challenges.begin(&Ceremony::Enrol { link }, Some(user), own).await?;
        Ok(Some((asked, member)))
    }

    /// Who signed in at a browser; `None` if what was given proves nobody.
    ///
    /// # Errors
    /// [`ServiceError`].
    pub async fn signed_in(&self, browser: Digest, given: &Given) -> Result<Option<Proved>, ServiceError> {
        let wanted = Ceremony::SignIn { browser };
        let proved = match self.challenges.taken(&wanted, given).await? {
            Ok(challenge) => self.used(&challenge, given, What::SignedIn).await?,
            Err(why) => Err(why),
        };
        Ok(self.or_refused("sign_in", proved))
    }

    /// Whether the member of a session proved that they are there, and by which passkey.
    ///
    /// # Errors
    /// [`ServiceError`].
    pub async fn is_there(
        &self,
        (session, staff): (Digest, &StaffId),
        given: &Given,
    ) -> Result<Option<Proved>, ServiceError> {
        let wanted = Ceremony::Prove { session, staff: staff.clone() };
        let proved = match self.challenges.taken(&wanted, given).await? {
            Ok(challenge) => self.used(&challenge, given, What::Proved).await?,
            Err(why) => Err(why),
        };
        let theirs = proved.and_then(|proved| {
            if proved.staff == *staff { Ok(proved) } else { Err(NotTaken("it is another member's passkey")) }
        });
        Ok(self.or_refused("proof", theirs))
    }

    /// Stores the passkey that was made by a link, which is used up by it. `false` if it was not: the link is used or too old, or
    /// what was given is no new passkey.
    ///
    /// # Errors
    /// [`ServiceError`].
    pub async fn enrolled(&self, link: &str, label: &str, given: &Given) -> Result<bool, ServiceError> {
        let link = Digest::of(link.as_bytes());
        let made = match self.challenges.taken(&Ceremony::Enrol { link }, given).await? {
            Ok(challenge) => self.challenges.party.created(&challenge, &given.client_data, &given.data),
            Err(why) => Err(why),
        };
        let Some(new) = self.or_refused("enrolment", made) else { return Ok(false) };
        let Some(member) = self.staff.of_link(&link).await? else { return Ok(false) };
        let now = self.staff.clock.now().0;
        let id = bytes::encode(&new.id);
        // Of two at once the second finds the link used; a link without its passkey cannot be.
        let use_up = db::statement(
            "UPDATE staff_links SET used_at = $1 WHERE digest = $2 AND used_at IS NULL AND expires_at > $1 \
             AND (SELECT COUNT(*) FROM staff_passkeys k WHERE k.staff_id = staff_links.staff_id AND k.removed_at IS NULL) < $3 \
             RETURNING staff_id",
        );
        let use_up = use_up.bind(now).bind(link.encode()).bind(i64::try_from(MOST).unwrap_or(i64::MAX));
        let add = db::statement(
            "INSERT INTO staff_passkeys (credential_id, staff_id, public_key, counter, label, added_at) \
             VALUES ($1, $2, $3, $4, $5, $6)",
        )
        .bind(&id)
        .bind(member.id.as_str())
        .bind(new.key.write())
        .bind(i64::from(new.seen.counter))
        .bind(label)
        .bind(now);
        let action =
            self.staff.action_of((&member.id, &member.place), What::PasskeyMade, &short(&id), Why::Own);
        let (row, event) = action.parts();
        if self.staff.db.guarded(use_up, vec![add, row]).await?.is_none() {
            return Ok(false);
        }
        self.staff.audit.record(event);
        Ok(true)
    }

    /// Holds what was given against the passkey, and notes that it was used: what the authenticator counts must have grown, or it
    /// was copied.
    async fn used(
        &self,
        challenge: &str,
        given: &Given,
        what: What,
    ) -> Result<Result<Proved, NotTaken>, ServiceError> {
        let Some((key, staff, place)) = self.staff.key_of(&given.credential).await? else {
            return Ok(Err(NotTaken("the passkey is nobody's")));
        };
        if !given.user.is_empty() && given.user != staff.as_str().as_bytes() {
            return Ok(Err(NotTaken("the passkey is another member's")));
        }
        let parts = (&given.client_data[..], &given.data[..], &given.signature[..]);
        let counter = match self.challenges.party.proved(challenge, &key, parts) {
            Ok(seen) => i64::from(seen.counter),
            Err(why) => return Ok(Err(why)),
        };
        let grow = db::statement(
            "UPDATE staff_passkeys SET counter = $1, used_at = $2 WHERE credential_id = $3 AND removed_at IS NULL \
             AND (counter < $1 OR ($1 = 0 AND counter = 0)) RETURNING staff_id",
        );
        let grow = grow.bind(counter).bind(self.staff.clock.now().0).bind(&given.credential);
        let action = self.staff.action_of((&staff, &place), what, &short(&given.credential), Why::Own);
        let (row, event) = action.parts();
        if self.staff.db.guarded(grow, vec![row]).await?.is_none() {
            return Ok(Err(NotTaken("the authenticator's count did not grow: it may be a copy")));
        }
        self.staff.audit.record(event);
        Ok(Ok(Proved { staff, place, passkey: given.credential.clone() }))
    }

    fn or_refused<T>(&self, ceremony: &'static str, outcome: Result<T, NotTaken>) -> Option<T> {
        outcome
            .inspect_err(|NotTaken(why)| {
                self.staff.audit.record(Event::new(Kind::StaffRefused).reason(ceremony).detail(*why));
            })
            .ok()
    }
}

/// Enough of a credential's identifier to tell it from others on record.
fn short(credential: &str) -> String {
    credential.chars().take(12).collect()
}

impl Staff {
    /// A link by which a member makes a passkey: it is used once, and lives for a short time. Returns what opens it, which is stored
    /// nowhere; `None` if there is no enabled member of that identifier. A new link ends those before.
    ///
    /// # Errors
    /// [`DbError`].
    pub async fn link(&self, member: &StaffId, also: Vec<db::Statement>) -> Result<Option<String>, DbError> {
        let (token, [make, former]) = self.making_link(member);
        let then = std::iter::once(former).chain(also).collect();
        Ok(self.db.guarded(make, then).await?.map(|_| token))
    }

    /// What opens a new link of a member, the guard that makes it if they are enabled, and what ends those before.
    pub(super) fn making_link(&self, member: &StaffId) -> (String, [db::Statement; 2]) {
        let (token, now) = (bytes::random_text::<32>(), self.clock.now());
        let make = db::statement(
            "INSERT INTO staff_links (digest, staff_id, made_at, expires_at) \
             SELECT CAST($1 AS TEXT), staff_id, CAST($2 AS BIGINT), CAST($3 AS BIGINT) FROM staff \
             WHERE staff_id = $4 AND disabled_at IS NULL RETURNING staff_id",
        )
        .bind(Digest::of(token.as_bytes()).encode())
        .bind(now.0)
        .bind(now.plus(self.link_seconds).0)
        .bind(member.as_str());
        let former = db::statement(
            "UPDATE staff_links SET used_at = $1 WHERE staff_id = $2 AND used_at IS NULL AND digest <> $3",
        )
        .bind(now.0)
        .bind(member.as_str())
        .bind(Digest::of(token.as_bytes()).encode());
        (token, [make, former])
    }

    /// The passkeys that a member has, in the order in which they came.
    ///
    /// # Errors
    /// [`DbError`].
    pub async fn passkeys(&self, member: &StaffId) -> Result<Vec<Passkey>, DbError> {
        let all = db::statement(
            "SELECT credential_id, label, added_at, used_at FROM staff_passkeys \
             WHERE staff_id = $1 AND removed_at IS NULL ORDER BY added_at, credential_id",
        );
        let read = |row: &Row| {
            Ok(Passkey {
                id: db::text(row, TABLE, "credential_id")?,
                label: db::text(row, TABLE, "label")?,
                added_at: Timestamp(db::int(row, TABLE, "added_at")?),
                used_at: db::maybe_int(row, TABLE, "used_at")?.map(Timestamp),
            })
        };
        self.db.read_all(all.bind(member.as_str())).await?.iter().map(read).collect()
    }

    /// Takes a passkey away: the sessions that rest on it end with it. `false` if the member has none of that identifier.
    ///
    /// # Errors
    /// [`DbError`].
    pub async fn remove_passkey(
        &self,
        member: &StaffId,
        passkey: &str,
        also: Vec<db::Statement>,
    ) -> Result<bool, DbError> {
        let remove = db::statement(
            "UPDATE staff_passkeys SET removed_at = $1 WHERE credential_id = $2 AND staff_id = $3 AND removed_at IS NULL \
             RETURNING staff_id",
        );
        let remove = remove.bind(self.clock.now().0).bind(passkey).bind(member.as_str());
        Ok(self.db.guarded(remove, also).await?.is_some())
    }

    /// The enabled member for whom a link is that can still be used.
    async fn of_link(&self, link: &Digest) -> Result<Option<Member>, DbError> {
        let one = db::statement(
            "SELECT staff_id FROM staff_links WHERE digest = $1 AND used_at IS NULL AND expires_at > $2",
        );
        let row = self.db.read_optional(one.bind(link.encode()).bind(self.clock.now().0)).await?;
        let Some(row) = row else { return Ok(None) };
        let member = self.member(&StaffId::stored(db::text(&row, "staff_links", "staff_id")?)).await?;
        Ok(member.filter(|member| member.disabled_at.is_none()))
    }

    /// A passkey's key, whose it is, and where that member works; of nobody who may not sign in.
    async fn key_of(&self, credential: &str) -> Result<Option<(PublicKey, StaffId, PlaceId)>, DbError> {
        let one = db::statement(
            "SELECT k.public_key, s.staff_id, s.place_id FROM staff_passkeys k JOIN staff s ON s.staff_id = k.staff_id \
             JOIN places p ON p.place_id = s.place_id WHERE k.credential_id = $1 AND k.removed_at IS NULL \
             AND s.disabled_at IS NULL AND p.closed_at IS NULL",
        );
        let Some(row) = self.db.read_optional(one.bind(credential)).await? else { return Ok(None) };
        let key = PublicKey::parse(&db::text(&row, TABLE, "public_key")?);
        let key = key.ok_or_else(|| row.corrupt(TABLE, "public_key", "no public key"))?;
        let (staff, place) = (db::text(&row, TABLE, "staff_id")?, db::text(&row, TABLE, "place_id")?);
        Ok(Some((key, StaffId::stored(staff), PlaceId::stored(place))))
    }

    /// Removes links that nobody can use any more, `most` at most.
    ///
    /// # Errors
    /// [`DbError`].
    pub async fn purge_links(&self, before: Timestamp, most: i64) -> Result<u64, DbError> {
        let purge = db::statement(
            "DELETE FROM staff_links WHERE digest IN (SELECT digest FROM staff_links WHERE expires_at < $1 LIMIT $2)",
        );
        self.db.execute(purge.bind(before.0).bind(most)).await
    }
}
