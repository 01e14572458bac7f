//! SQL of the table `application_receipts`.

use std::sync::Arc;

use super::keys::{self, ReceiptKeys};
use super::{NewReceipt, id_of};
use crate::clients::ClientId;
use crate::ledger::{Channel, Entry, Ledger};
use crate::notices::inbox::{Inbox, NewNotice, NoticeKind};
use crate::people::PersonId;
use crate::platform::clock::{Clock, Timestamp};
use crate::platform::db::{self, Db, DbError, Row, Statement};
use crate::platform::seal::{Keyring, Sealer};
use crate::platform::service_error::ServiceError;

/// What this store keeps its data in.
pub(crate) const TABLES: &[&str] = &[TABLE, keys::TABLE];

const TABLE: &str = "application_receipts";

/// A receipt that was issued.
#[derive(Clone, Debug)]
pub struct Receipt {
    /// Its identifier (`jti`).
    pub id: String,
    /// The service that asked.
    pub client_id: ClientId,
    /// When the person confirmed.
    pub confirmed_at: Timestamp,
    /// When it was issued.
    pub issued_at: Timestamp,
    /// The compact JWS: what the service has.
    pub text: String,
}

/// The receipts. Cheap to clone.
#[derive(Clone)]
pub struct Receipts {
    db: Db,
    /// Seals what a receipt says: it names a person's business.
    sealer: Arc<Sealer>,
    keys: ReceiptKeys,
    clock: Clock,
    ledger: Ledger,
    inbox: Inbox,
    issuer: Arc<str>,
}

impl Receipts {
    /// The receipts in a database, issued by `issuer`, of which a ledger and a notice tell.
    pub fn new(
        (db, clock): (Db, Clock),
        keyring: &Keyring,
        keys: ReceiptKeys,
        (ledger, inbox): (Ledger, Inbox),
        issuer: Arc<str>,
    ) -> Self {
        Self { db, sealer: Arc::new(keyring.sealer("receipt")), keys, clock, ledger, inbox, issuer }
    }

    /// The keys that sign them.
    pub const fn keys(&self) -> &ReceiptKeys {
        &self.keys
    }

    /// Signs a receipt: its text, and the statements that store it with the row of the ledger and the notice that tell of it, for the
    /// transaction of the redemption. What was stored for the same grant before stays.
    ///
    /// # Errors
    /// [`ServiceError`] when no key signs.
    pub fn rows(&self, new: &NewReceipt<'_>) -> Result<(String, Vec<Statement>), ServiceError> {
        let now = self.clock.now();
        let signed = self.keys.with(|key| (key.kid().to_owned(), new.sign(key, &self.issuer, now)));
        let (kid, text) = signed.ok_or_else(|| ServiceError::Internal("no key signs receipts".to_owned()))?;
        let id = new.id();
        let row = db::statement(
            "INSERT INTO application_receipts (receipt_id, person_id, client_id, confirmed_at, issued_at, kid, sealed) \
             VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT (receipt_id) DO NOTHING",
        )
        .bind(&id)
        .bind(new.person.as_str())
        .bind(new.client.id.as_str())
        .bind(new.confirmed.at.0)
        .bind(now.0)
        .bind(kid)
        .bind(self.sealer.seal_text(id.as_bytes(), text.as_bytes()));
        let mut entry = Entry::to(new.person, new.client, Channel::Application);
        entry.fields = vec!["application"];
        entry.once = vec![&id];
        let (_, told) = self.ledger.row(&entry)?;
        let notice = NewNotice::new(NoticeKind::ApplicationConfirmed).service(new.client.id.as_str());
        let notice = notice.reference(&new.confirmed.application.reference);
        let mut rows = vec![row, told];
        rows.extend(self.inbox.rows(new.person, &notice));
        Ok((text, rows))
    }

    /// The receipt that was stored for a grant.
    ///
    /// # Errors
    /// [`DbError`].
    pub async fn of_grant(&self, grant: &str) -> Result<Option<Receipt>, DbError> {
        self.find(&id_of(grant)).await
    }

    /// The receipt of an identifier.
    ///
    /// # Errors
    /// [`DbError`].
    pub async fn find(&self, id: &str) -> Result<Option<Receipt>, DbError> {
        let find = db::statement(
            "SELECT receipt_id, client_id, confirmed_at, issued_at, sealed FROM application_receipts WHERE receipt_id = $1",
        );
        let row = self.db.read_optional(find.bind(id)).await?;
        row.map(|row| self.read(&row)).transpose()
    }

    /// The receipt of an identifier, if it is of this person.
    ///
    /// # Errors
    /// [`DbError`].
    pub async fn find_of(&self, person: &PersonId, id: &str) -> Result<Option<Receipt>, DbError> {
        let find = db::statement(
            "SELECT receipt_id, client_id, confirmed_at, issued_at, sealed FROM application_receipts \
             WHERE receipt_id = $1 AND person_id = $2",
        );
        let row = self.db.read_optional(find.bind(id).bind(person.as_str())).await?;
        row.map(|row| self.read(&row)).transpose()
    }

    /// Up to `most` receipts of a person, the newest first; with `before`, those that stand after the one that was issued then and has
    /// that name.
    ///
    /// # Errors
    /// [`DbError`].
    pub async fn of_person(
        &self,
        person: &PersonId,
        before: Option<(Timestamp, &str)>,
        most: i64,
    ) -> Result<Vec<Receipt>, DbError> {
        let list = db::statement(
            "SELECT receipt_id, client_id, confirmed_at, issued_at, sealed FROM application_receipts \
             WHERE person_id = $1 AND (issued_at < $2 OR (issued_at = $3 AND receipt_id < $4)) \
             ORDER BY issued_at DESC, receipt_id DESC LIMIT $5",
        );
        let (at, name) = before.map_or((i64::MAX, ""), |(at, name)| (at.0, name));
        let list = list.bind(person.as_str()).bind(at).bind(at).bind(name).bind(most);
        let rows = self.db.read_all(list).await?;
        rows.iter().map(|row| self.read(row)).collect()
    }

    fn read(&self, row: &Row) -> Result<Receipt, DbError> {
        let id = db::text(row, TABLE, "receipt_id")?;
        let plain = self.sealer.open_text(id.as_bytes(), &db::text(row, TABLE, "sealed")?);
        let plain = plain.map_err(|error| row.corrupt(TABLE, "sealed", error))?;
        let client = db::text(row, TABLE, "client_id")?;
        Ok(Receipt {
            client_id: ClientId::parse(&client)
                .ok_or_else(|| row.corrupt(TABLE, "client_id", "it is no client identifier"))?,
            confirmed_at: Timestamp(db::int(row, TABLE, "confirmed_at")?),
            issued_at: Timestamp(db::int(row, TABLE, "issued_at")?),
            text: String::from_utf8(plain).map_err(|error| row.corrupt(TABLE, "sealed", error))?,
            id,
        })
    }
}
