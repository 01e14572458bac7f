//! Services that register themselves (RFC 7591) and manage their registration (RFC 7592), and the operators who approve
//! them.
//!
//! What comes over the wire passes the same check as a file of an operator. Who a service is to people, what data it may ask
//! for and on what basis are not the service's to say (`members.rs`): they come from the initial access token that it
//! registers by (`tokens.rs`), or from an operator later. A client that nobody approved is in the registry and disabled. A change
//! of an approved client waits beside its registration, which goes on as it is until an operator approves the change.

mod members;
mod operator;
mod store;
mod tokens;

use serde_json::{Map, Value};

pub use members::{Unfit, read as read_members};
pub use operator::{Approved, Rejected, Waiting};
pub use tokens::{InitialToken, ListedToken, MadeToken, NewToken};

pub use store::HeldIcon;
pub(super) use tokens::TABLES;

use store::{NewClient, Own};

use super::registry::{ClientsError, Registry, Secrets};
use super::{ClientId, ClientSecret, Registration, icons, sector};
use crate::audit::{Event, Kind};
use crate::platform::bytes::{self, Digest};
use crate::platform::clock::Timestamp;
use crate::platform::db::DbError;
use crate::platform::outbound::Outbound;

/// Why a service was not registered, or its registration not changed.
#[derive(Debug, thiserror::Error)]
pub enum SelfRegistrationError {
    /// What it sent cannot be registered.
    #[error("{}", .0.why)]
    Unfit(Unfit),
    /// The token has been used up, has expired or was revoked.
    #[error("the token is not usable any more")]
    Token,
    /// As many clients as may are waiting for approval.
    #[error("too many clients wait for approval")]
    TooMany,
    /// It is not the client's to do, or not any more, and why.
    #[error("{0}")]
    Forbidden(&'static str),
    /// Somebody else changed the registration at the same time.
    #[error("the registration was changed meanwhile")]
    Changed,
    /// The database failed.
    #[error(transparent)]
    Db(#[from] DbError),
}

impl From<Unfit> for SelfRegistrationError {
    fn from(unfit: Unfit) -> Self {
        Self::Unfit(unfit)
    }
}

impl From<ClientsError> for SelfRegistrationError {
    fn from(error: ClientsError) -> Self {
        match error {
            ClientsError::Db(error) => Self::Db(error),
            other => Self::Unfit(Unfit::metadata(&other.to_string())),
        }
    }
}

/// Whether a client may meet people.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Standing {
    /// An operator has to approve it first.
    Pending,
    /// It may.
    Approved,
    /// It may, and would like to have another registration.
    ChangePending,
}

impl Standing {
    /// The word in answers and lists.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Approved => "approved",
            Self::ChangePending => "change_pending",
        }
    }
}

/// A service's own registration, as its answers tell it.
pub struct OwnRegistration {
    /// Its identifier.
    pub client_id: String,
    /// All members that are told, with what follows where it said nothing.
    pub members: Map<String, Value>,
    /// Its new secret, told this once.
    pub secret: Option<ClientSecret>,
    /// Its registration access token: a new one, or the one that it showed.
    pub management_token: String,
    /// When it was registered.
    pub issued_at: Timestamp,
    /// Whether it may meet people.
    pub standing: Standing,
}

/// A client that proved itself by its registration access token.
pub struct Managed {
    own: Own,
    token: String,
}

impl Managed {
    /// Its identifier.
    pub fn client_id(&self) -> &str {
        &self.own.client_id
    }

    /// Whether `secret` is the client's present one.
    pub fn has_secret(&self, secret: &str) -> bool {
        self.own.secret.is_some_and(|digest| digest.matches(&ClientSecret::given(secret)))
    }
}

/// As often somebody else may register in between before a registration is refused.
const MOST_TRIES: usize = 100;

/// What goes for all that register themselves.
#[derive(Clone, Copy, Debug)]
pub struct SelfRegistrationRules {
    /// How many clients may wait for approval at once.
    pub most_pending: i64,
    /// Whether tokens may exist whose clients need no approval: in the sandbox.
    pub approves: bool,
}

impl Registry {
    /// Registers a service by an initial access token, from the members that it sent.
    ///
    /// # Errors
    /// [`SelfRegistrationError`].
    pub async fn register_self(
        &self,
        token: &InitialToken,
        sent: Map<String, Value>,
        (outbound, rules): (&Outbound, SelfRegistrationRules),
    ) -> Result<OwnRegistration, SelfRegistrationError> {
        let mut registration = members::document(&token.template, sent)?;
        // Without a dash in front, which commands would take for an option.
        registration.client_id = bytes::random_alphanumeric::<20>();
        self.fit(&registration, None, outbound).await?;
        pin_sector(&mut registration, None);
        let approved = token.approved && rules.approves;
        let secrets = self.secrets_of(&mut registration, None);
        let (management, now) = (bytes::random_text::<32>(), self.clock.now());
        let new = NewClient {
            token,
            management: Digest::of(management.as_bytes()),
            pending: !approved,
            most_pending: rules.most_pending,
        };
        self.insert(&registration, &secrets, &new).await?;
        let id = registration.client_id.as_str();
        let by = if approved { "registered itself" } else { "registered itself: it waits for approval" };
        self.audit.record(Event::new(Kind::ClientCreated).client(id).token(token.id.as_str()).reason(by));
        self.refresh().await?;
        if approved {
            self.try_icon(outbound, &registration).await;
        } else {
            self.hold_icon(outbound, &registration).await?;
        }
        let standing = if approved { Standing::Approved } else { Standing::Pending };
        Ok(OwnRegistration {
            members: self.told(&registration)?,
            client_id: registration.client_id,
            secret: secrets.made,
            management_token: management,
            issued_at: now,
            standing,
        })
    }

    /// Stores a new client, if there is room for it and its token can be used. Of those that come at once one is stored at a
    /// time, and the others look again.
    async fn insert(
        &self,
        registration: &Registration,
        secrets: &Secrets,
        new: &NewClient<'_>,
    ) -> Result<(), SelfRegistrationError> {
        let id = registration.client_id.as_str();
        for _ in 0..MOST_TRIES {
            let now = self.clock.now();
            let room = store::room(&self.db, &new.token.id, now).await?;
            if !room.usable {
                return Err(SelfRegistrationError::Token);
            }
            // One token takes at most half of the places: whoever holds it does not take the places of all others.
            let of_token = (new.most_pending + 1) / 2;
            if new.pending && (room.pending >= new.most_pending || room.of_token >= of_token) {
                return Err(SelfRegistrationError::TooMany);
            }
            let upsert = super::store::upsert(registration, secrets.stored(), None, self.clock.now_ms())?;
            if store::insert(&self.db, (id, upsert), new, &room, now).await? {
                return Ok(());
            }
        }
        Err(SelfRegistrationError::TooMany)
    }

    /// The client that a registration access token manages. One that does not exist costs the same.
    ///
    /// # Errors
    /// [`DbError`].
    pub async fn managed(&self, id: &str, token: &str) -> Result<Option<Managed>, DbError> {
        let given = Digest::of(token.as_bytes());
        let own = match ClientId::parse(id) {
            Some(id) => store::own(&self.db, id.as_str()).await?,
            None => None,
        };
        let expected = own.as_ref().and_then(|own| own.management);
        let same = expected.unwrap_or(Digest([0; 32])).matches(&given);
        let own = own.filter(|_| same && expected.is_some());
        Ok(own.map(|own| Managed { own, token: token.to_owned() }))
    }

    /// The registration as it is.
    ///
    /// # Errors
    /// [`SelfRegistrationError`].
    pub fn own_registration(&self, managed: &Managed) -> Result<OwnRegistration, SelfRegistrationError> {
        let own = &managed.own;
        Ok(OwnRegistration {
            client_id: own.client_id.clone(),
            members: self.told(&own.registration()?)?,
            secret: None,
            management_token: managed.token.clone(),
            issued_at: own.created_at,
            standing: own.standing(),
        })
    }

    /// Replaces what a service may say of itself: at once while it waits for approval, or where it needs none; otherwise
    /// the change waits for an operator, and the registration goes on as it is.
    ///
    /// # Errors
    /// [`SelfRegistrationError`].
    pub async fn replace_self(
        &self,
        managed: Managed,
        sent: Map<String, Value>,
        (outbound, rules): (&Outbound, SelfRegistrationRules),
    ) -> Result<OwnRegistration, SelfRegistrationError> {
        let Managed { own, token } = managed;
        let old = own.registration()?;
        let mut registration = members::document(&own.template.held_by(&old)?, sent)?;
        registration.client_id.clone_from(&own.client_id);
        self.fit(&registration, Some(&old), outbound).await?;
        // Nobody has a `sub` of one that waits: its sector may still follow its address.
        if own.pending {
            pin_sector(&mut registration, Some(&old));
        }
        let at_once = own.pending || (own.trusted && rules.approves);
        if !at_once {
            return self.hold((own, token), registration, outbound).await;
        }
        let known = self.stored().await?;
        let secrets =
            self.secrets_of(&mut registration, known.iter().find(|old| old.client_id == own.client_id));
        let upsert = super::store::upsert(&registration, secrets.stored(), None, self.clock.now_ms())?;
        if !store::replace(&self.db, &own, upsert).await? {
            return Err(SelfRegistrationError::Changed);
        }
        self.audit.record(Event::new(Kind::ClientChanged).client(own.client_id.as_str()).reason("by itself"));
        self.refresh().await?;
        if own.pending {
            self.hold_icon(outbound, &registration).await?;
        } else {
            self.try_icon(outbound, &registration).await;
        }
        Ok(OwnRegistration {
            members: self.told(&registration)?,
            client_id: own.client_id.clone(),
            secret: secrets.made,
            management_token: token,
            issued_at: own.created_at,
            standing: own.standing(),
        })
    }

    /// Keeps a change until an operator decides on it; what is told is the registration that goes on.
    async fn hold(
        &self,
        (own, token): (Own, String),
        mut registration: Registration,
        outbound: &Outbound,
    ) -> Result<OwnRegistration, SelfRegistrationError> {
        let known = self.stored().await?;
        let stored = known.iter().find(|old| old.client_id == own.client_id);
        // Nobody would be there to be told a new one when the change is approved.
        if self.secrets_of(&mut registration, stored).made.is_some() {
            return Err(Unfit::metadata(
                "token_endpoint_auth_method: the client would need a new secret, which a change that waits for \
                 approval cannot give: register anew",
            )
            .into());
        }
        let same = own.registration()?;
        // What follows anyway is no change, whether it is said or not.
        let told = self.told(&same)?;
        let standing = if told == self.told(&registration)? {
            store::drop_held(&self.db, &own.client_id).await?;
            Standing::Approved
        } else {
            if !store::hold(&self.db, &own, &registration, self.clock.now()).await? {
                return Err(SelfRegistrationError::Changed);
            }
            if same.identity.logo_uri == registration.identity.logo_uri {
                store::hold_icon(&self.db, &own.client_id, None, self.clock.now()).await?;
            } else {
                self.hold_icon(outbound, &registration).await?;
            }
            if let Some(held) = store::own(&self.db, &own.client_id).await? {
                let event = Event::new(Kind::ClientChangeHeld).client(own.client_id.as_str());
                self.audit.record(event.review(operator::review_of(&held)?));
            }
            Standing::ChangePending
        };
        Ok(OwnRegistration {
            members: told,
            client_id: own.client_id,
            secret: None,
            management_token: token,
            issued_at: own.created_at,
            standing,
        })
    }

    /// Removes a client that waits for approval, at its own wish; `false` when it needs no approval and is to be deleted with all
    /// that it was given. Whoever has the token of an approved one cannot end it: that could not be taken back, and
    /// people rely on the service.
    ///
    /// # Errors
    /// [`SelfRegistrationError`].
    pub async fn withdraw_self(
        &self,
        managed: &Managed,
        rules: SelfRegistrationRules,
    ) -> Result<bool, SelfRegistrationError> {
        let (own, id) = (&managed.own, managed.client_id());
        if own.disabled {
            return Err(SelfRegistrationError::Forbidden(
                "the operator of the provider disabled the client: only they delete it",
            ));
        }
        if !own.pending {
            if own.trusted && rules.approves {
                return Ok(false);
            }
            return Err(SelfRegistrationError::Forbidden(
                "an approved client is deleted by the operator of the provider alone: ask them",
            ));
        }
        if !store::remove_pending(&self.db, id).await? {
            return Err(SelfRegistrationError::Changed);
        }
        self.audit.record(Event::new(Kind::ClientDeleted).client(id).reason("withdrawn before its approval"));
        self.refresh().await?;
        Ok(true)
    }

    /// Removes clients that have waited for approval since before `before`, and tokens that expired then and nobody used;
    /// returns how many clients.
    ///
    /// # Errors
    /// [`DbError`].
    pub async fn purge_pending(&self, before: Timestamp) -> Result<usize, DbError> {
        let gone = store::purge(&self.db, before).await?;
        for id in &gone {
            self.audit.record(
                Event::new(Kind::ClientRejected).client(id.as_str()).reason("nobody approved it in time"),
            );
        }
        Ok(gone.len())
    }

    /// Checks a registration whole; `old` is the one before it.
    async fn fit(
        &self,
        registration: &Registration,
        old: Option<&Registration>,
        outbound: &Outbound,
    ) -> Result<(), SelfRegistrationError> {
        // Redirect URIs at several hosts need a document, whatever was written down before.
        let mut bare = registration.clone();
        if is_pinned(registration, Some(registration)) || is_pinned(registration, old) {
            bare.tokens.sector = None;
        }
        let parsed = registration.check_texts().and_then(|()| bare.parse(&self.rules).map(drop));
        parsed.map_err(|errors| Unfit::of(&errors))?;
        if let Some(uri) = sector::address(registration)
            && !old.is_some_and(|old| sector::holds(old, registration))
        {
            let read = sector::read(outbound, uri, &registration.redirects.redirect_uris).await;
            read.map_err(|wrong| {
                // The network of the provider is nobody else's to explore.
                let told = match &wrong {
                    sector::Wrong::Unread(_) => {
                        "no JSON array of redirect URIs could be read at this address"
                    }
                    sector::Wrong::Else(why) => why,
                };
                Unfit::metadata(&format!("sector_identifier_uri: {told}")).because(Some(wrong.whole()))
            })?;
        }
        Ok(())
    }

    fn told(&self, registration: &Registration) -> Result<Map<String, Value>, SelfRegistrationError> {
        let client = registration.parse(&self.rules).map_err(|errors| Unfit::of(&errors))?;
        Ok(members::told(registration, &client)?)
    }

    /// Fetches the icon of a client or change that waits, so that an operator approves the picture as well. One that cannot be
    /// had is none: pages do without.
    async fn hold_icon(&self, outbound: &Outbound, registration: &Registration) -> Result<(), DbError> {
        let id = registration.client_id.as_str();
        let icon = match &registration.identity.logo_uri {
            None => None,
            Some(uri) => match icons::fetch(outbound, uri).await {
                Ok(icon) => Some((uri, icon)),
                Err(error) => {
                    tracing::warn!(event = "client.icon", client.id = id, %error, "an icon was not fetched");
                    None
                }
            },
        };
        let held = icon.as_ref().map(|(uri, icon)| {
            let held = HeldIcon { uri: (*uri).clone(), digest: icons::digest(icon) };
            (held, icon.media_type(), bytes::encode(icon.body()))
        });
        store::hold_icon(&self.db, id, held, self.clock.now()).await
    }

    /// Fetches the icon of a client that needs no approval; pages do without one that cannot be had.
    async fn try_icon(&self, outbound: &Outbound, registration: &Registration) {
        if registration.identity.logo_uri.is_none() {
            return;
        }
        if let Err(error) = self.renew_icon(outbound, &registration.client_id).await {
            let client = registration.client_id.as_str();
            tracing::warn!(event = "client.icon", client.id = client, %error, "an icon was not fetched");
        }
    }
}

/// Writes down by which sector people get their `sub`, where no operator said it: that of the document that the service names,
/// or the client alone. The host of a redirect URI proves nothing here, since some grants never use it; and no later
/// change gives everybody another `sub`. `old` is the registration before, whose sector is not an operator's if it came of this.
fn pin_sector(registration: &mut Registration, old: Option<&Registration>) {
    if registration.tokens.sector.is_none() || is_pinned(registration, old) {
        registration.tokens.sector = Some(own_sector(registration));
    }
}

/// Whether the sector of a registration is the one that `old` has by itself.
fn is_pinned(registration: &Registration, old: Option<&Registration>) -> bool {
    old.is_some_and(|old| registration.tokens.sector == Some(own_sector(old)))
}

fn own_sector(registration: &Registration) -> String {
    let host = sector::address(registration)
        .and_then(|uri| url::Url::parse(uri).ok()?.host_str().map(str::to_owned));
    host.unwrap_or_else(|| registration.client_id.clone())
}

/// What fuzz targets reach of registrations.
#[cfg(fuzzing)]
pub(super) fn fuzz(body: &[u8]) {
    let operators = members::Template::of(Map::from_iter([("owner".to_owned(), Value::from("X"))]));
    let document = members::read(body).and_then(|sent| members::document(&operators, sent));
    match document {
        Ok(document) => assert_eq!(document.identity.owner, "X"),
        Err(unfit) => assert!(unfit.why.bytes().all(|b| matches!(b, b' '..=b'~') && b != b'"' && b != b'\\')),
    }
}
