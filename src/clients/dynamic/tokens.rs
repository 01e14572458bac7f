//! Initial access tokens (RFC 7591 §3): an operator makes one for somebody whose services may register, says what they get,
//! and can revoke it. The token is shown once and kept as a digest.

use serde_json::{Map, Value};

use super::members::{self, Template};
use crate::audit::{Event, Kind};
use crate::clients::Registry;
use crate::platform::bytes::{self, Digest};
use crate::platform::clock::Timestamp;
use crate::platform::db::{self, DbError, Row};

/// What this keeps its data in.
pub(in crate::clients) const TABLES: [&str; 2] = [TABLE, "held_icons"];

const TABLE: &str = "registration_tokens";

const DAY: i64 = 86_400;

/// What an operator gives whoever holds a token.
pub struct NewToken {
    /// Members that every client gets and no client can change; in `defaults`, those that it may say otherwise.
    pub members: Map<String, Value>,
    /// Whether its clients need no approval.
    pub approved: bool,
    /// How many clients may register by it.
    pub uses: i64,
    /// How long it works, in days.
    pub days: i64,
}

/// A token that was made.
pub struct MadeToken {
    /// What names it in lists.
    pub id: String,
    /// The token itself, to be shown this once.
    pub token: String,
    /// When it expires.
    pub expires_at: Timestamp,
}

/// A token that can be used.
pub struct InitialToken {
    /// What names it.
    pub id: String,
    pub(super) template: Template,
    pub(super) approved: bool,
}

/// A token as operators see it.
pub struct ListedToken {
    /// What names it.
    pub id: String,
    /// What its clients get.
    pub members: Map<String, Value>,
    /// Whether its clients need no approval.
    pub approved: bool,
    /// How many may register by it.
    pub uses: i64,
    /// How many have.
    pub used: i64,
    /// When it expires.
    pub expires_at: Timestamp,
    /// When it was revoked.
    pub revoked_at: Option<Timestamp>,
}

impl Registry {
    /// Makes a token.
    ///
    /// # Errors
    /// What is wrong with its members; or that the database failed.
    pub async fn create_initial_token(&self, new: &NewToken) -> Result<MadeToken, String> {
        members::check_template(&new.members)?;
        let (id, token) = (bytes::random_alphanumeric::<10>(), bytes::random_text::<32>());
        let now = self.clock.now();
        let expires_at = now.plus(new.days * DAY);
        let text = Value::Object(new.members.clone()).to_string();
        let statement = db::statement(
            "INSERT INTO registration_tokens (token_id, digest, members, approved, uses, used, created_at, expires_at) \
             VALUES ($1, $2, $3, $4, $5, 0, $6, $7)",
        )
        .bind(&id)
        .bind(Digest::of(token.as_bytes()).encode())
        .bind(text)
        .bind(i64::from(new.approved))
        .bind(new.uses)
        .bind(now.0)
        .bind(expires_at.0);
        self.db.execute(statement).await.map_err(|error| error.to_string())?;
        let event = Event::new(Kind::RegistrationTokenCreated).token(id.as_str()).count(new.uses);
        self.audit.record(event.until(expires_at.0));
        Ok(MadeToken { id, token, expires_at })
    }

    /// The token that somebody presents, if it can be used. It is found by its digest, and nothing of it is compared.
    ///
    /// # Errors
    /// [`DbError`].
    pub async fn initial_token(&self, token: &str) -> Result<Option<InitialToken>, DbError> {
        let digest = Digest::of(token.as_bytes());
        let statement = db::statement(
            "SELECT token_id, members, approved FROM registration_tokens WHERE digest = $1 AND used < uses \
             AND expires_at > $2 AND revoked_at IS NULL",
        );
        let row = self.db.read_optional(statement.bind(digest.encode()).bind(self.clock.now().0)).await?;
        let Some(row) = row else { return Ok(None) };
        Ok(Some(InitialToken {
            id: db::text(&row, TABLE, "token_id")?,
            template: Template::of(db::json(&row, TABLE, "members")?),
            approved: db::int(&row, TABLE, "approved")? == 1,
        }))
    }

    /// All tokens, the newest first.
    ///
    /// # Errors
    /// [`DbError`].
    pub async fn initial_tokens(&self) -> Result<Vec<ListedToken>, DbError> {
        let sql = "SELECT token_id, members, approved, uses, used, expires_at, revoked_at FROM registration_tokens \
                   ORDER BY created_at DESC, token_id";
        self.db.read_all(db::statement(sql)).await?.iter().map(listed).collect()
    }

    /// Revokes a token; `false` when there is none of that name that could be used.
    ///
    /// # Errors
    /// [`DbError`].
    pub async fn revoke_initial_token(&self, id: &str) -> Result<bool, DbError> {
        let sql = "UPDATE registration_tokens SET revoked_at = $1 WHERE token_id = $2 AND revoked_at IS NULL";
        let revoked = self.db.execute(db::statement(sql).bind(self.clock.now().0).bind(id)).await? == 1;
        if revoked {
            self.audit.record(Event::new(Kind::RegistrationTokenRevoked).token(id));
        }
        Ok(revoked)
    }
}

impl Registry {
    /// Revokes the token by which a client manages its registration, with a change that waits; `false` when it has none.
    ///
    /// # Errors
    /// [`DbError`].
    pub async fn revoke_management(&self, client_id: &str) -> Result<bool, DbError> {
        let sql = "UPDATE clients SET management_digest = NULL, held_metadata = NULL, held_at = NULL \
                   WHERE client_id = $1 AND management_digest IS NOT NULL";
        let revoked = self.db.execute(db::statement(sql).bind(client_id)).await? == 1;
        if revoked {
            self.audit.record(Event::new(Kind::RegistrationTokenRevoked).client(client_id));
        }
        Ok(revoked)
    }
}

fn listed(row: &Row) -> Result<ListedToken, DbError> {
    Ok(ListedToken {
        id: db::text(row, TABLE, "token_id")?,
        members: db::json(row, TABLE, "members")?,
        approved: db::int(row, TABLE, "approved")? == 1,
        uses: db::int(row, TABLE, "uses")?,
        used: db::int(row, TABLE, "used")?,
        expires_at: Timestamp(db::int(row, TABLE, "expires_at")?),
        revoked_at: db::maybe_int(row, TABLE, "revoked_at")?.map(Timestamp),
    })
}
