//! Where and for what people signed in: durable, written off the path of a sign-in, and read by the person themselves.
//!
//! [`History::record`] puts a row into a bounded queue; one task per process writes what has gathered in one commit. What is lost
//! with a killed node is a row of the last tenth of a second: the audit log has the event all the same. A session is found by the
//! row that tells of its beginning, so nothing lists the sessions of a person in short-lived state, and opening one costs no
//! round trip more.

use std::collections::VecDeque;
use std::sync::{Arc, LazyLock, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::Notify;

use super::waiting::{self, NewWaiting};
use super::{Authenticated, Device, OpenAttempt};
use crate::clients::ClientId;
use crate::people::{Epoch, PersonId};
use crate::platform::bytes::{self, Digest};
use crate::platform::clock::{Clock, Timestamp};
use crate::platform::db::{self, Db, DbError, Row, Statement};
use crate::platform::seal::Sealer;
use crate::platform::telemetry::{self, Metrics};

/// What this store keeps its data in.
pub(super) const TABLE: &str = "sign_ins";

/// How long rows gather before they are written.
const GATHER: Duration = Duration::from_millis(100);

/// How often rows that could not be written are tried again.
const AGAIN: Duration = Duration::from_secs(1);

/// Rows that may wait, of some 400 bytes each; what finds no room is not written.
const ROOM: usize = 50_000;

/// Rows of one commit.
const BATCH: usize = 512;

/// Browsers of one person that are listed; nobody has as many.
const BROWSERS: i64 = 50;

/// Numbers of rows for which there is an insert: few texts, so that each is prepared once.
const SIZES: [usize; 3] = [64, 8, 1];

static INSERTS: LazyLock<[String; 3]> = LazyLock::new(|| {
    SIZES.map(|rows| {
        let row = |n: usize| {
            let values: Vec<String> = (1..=9).map(|column| format!("${}", n * 9 + column)).collect();
            format!("({})", values.join(", "))
        };
        let rows: Vec<String> = (0..rows).map(row).collect();
        format!(
            "INSERT INTO sign_ins (person_id, at, entry_id, client_id, sid_key, session, sealed, browser, epoch) VALUES {} \
             ON CONFLICT (person_id, at, entry_id) DO NOTHING",
            rows.join(", ")
        )
    })
});

/// A row that waits to be written.
#[derive(Clone)]
struct Waiting {
    person_id: String,
    at: i64,
    entry_id: String,
    client_id: String,
    sid_key: String,
    session: Option<String>,
    sealed: String,
    browser: String,
    epoch: i64,
}

/// What waits to be written.
#[derive(Clone)]
enum Queued {
    SignIn(Waiting),
    Request(NewWaiting),
}

/// A sign-in that a person reads of.
#[derive(Clone, Debug)]
pub struct PastSignIn {
    /// Its name, unique for the person.
    pub id: String,
    /// When.
    pub at: Timestamp,
    /// The service that the person went to.
    pub client_id: ClientId,
    /// What names the session to services.
    pub sid_key: Digest,
    /// The digest by which the session is found that was opened then; `None` where one was used that was there.
    pub session: Option<Digest>,
    /// From where.
    pub device: Device,
}

/// A browser in which a person signed in.
#[derive(Clone, Debug)]
pub struct SeenBrowser {
    /// What it is listed and forgotten by.
    pub name: Digest,
    /// The first and the last time that the person was seen there, as far as the history goes back.
    pub first: Timestamp,
    /// The last time.
    pub last: Timestamp,
    /// As it called itself then.
    pub device: Device,
}

/// The history of sign-ins. Cheap to clone.
#[derive(Clone)]
pub struct History(Arc<Inner>);

struct Inner {
    db: Db,
    clock: Clock,
    sealer: Sealer,
    metrics: Arc<Metrics>,
    queue: Mutex<VecDeque<Queued>>,
    filled: Notify,
    /// One writer at a time, so that nothing is written twice or overtaken.
    writer: tokio::sync::Mutex<()>,
}

impl History {
    /// Kept in `db`, places and browsers sealed by `sealer`.
    pub fn new(db: Db, clock: Clock, sealer: Sealer, metrics: Arc<Metrics>) -> Self {
        let (queue, filled, writer) = (Mutex::default(), Notify::new(), tokio::sync::Mutex::default());
        Self(Arc::new(Inner { db, clock, sealer, metrics, queue, filled, writer }))
    }

    /// Notes that a person went on to a service from a device, in the browser of that name: `opened` if the session is new. It never
    /// waits and never fails.
    pub fn record(
        &self,
        who: &Authenticated,
        client: &ClientId,
        opened: bool,
        (device, browser): (&Device, Option<Digest>),
    ) {
        let (entry_id, person_id) = (bytes::random_text::<9>(), who.person_id.as_str().to_owned());
        let device = serde_json::to_vec(device).unwrap_or_default();
        let waiting = Waiting {
            browser: browser.map(|browser| browser.encode()).unwrap_or_default(),
            epoch: who.epoch.0,
            sealed: self.0.sealer.seal_text(place(&entry_id).as_bytes(), &device),
            at: self.0.clock.now().0,
            client_id: client.as_str().to_owned(),
            sid_key: who.sid_key.encode(),
            session: opened.then(|| who.session.encode()),
            person_id,
            entry_id,
        };
        self.push(Queued::SignIn(waiting));
    }

    /// Notes that a request to approve waits for whoever its message went to, and for nobody where it went to nobody: it costs the same.
    pub(super) fn record_waiting(&self, open: &OpenAttempt) {
        let Some((sent, _)) = open.attempt.stage().code() else { return };
        let nobody = PersonId::decoy(&sent.index);
        let entry_id = bytes::random_text::<9>();
        self.push(Queued::Request(NewWaiting {
            person_id: sent.person_id.as_ref().unwrap_or(&nobody).as_str().to_owned(),
            sealed: self
                .0
                .sealer
                .seal_text(place_of_request(&entry_id).as_bytes(), open.id.as_str().as_bytes()),
            expires_at: open.attempt.expires_at.0,
            entry_id,
        }));
    }

    /// The identifiers of the attempts of requests that were asked of a person and are not over, the newest first.
    pub(super) async fn waiting(&self, person: &PersonId) -> Result<Vec<String>, DbError> {
        self.settle(person).await;
        let rows = waiting::of_person(&self.0.db, person, self.0.clock.now()).await?;
        let open = |(id, sealed): (String, String)| {
            let plain = self.0.sealer.open_text(place_of_request(&id).as_bytes(), &sealed).ok()?;
            String::from_utf8(plain).ok()
        };
        Ok(rows.into_iter().filter_map(open).collect())
    }

    /// Removes what is known of requests that are over at `now`; returns how many rows went, `most` at most.
    ///
    /// # Errors
    /// [`DbError`].
    pub async fn purge_waiting(&self, now: Timestamp, most: i64) -> Result<u64, DbError> {
        waiting::purge(&self.0.db, now, most).await
    }

    fn push(&self, queued: Queued) {
        let mut queue = self.queue();
        if queue.len() >= ROOM {
            drop(queue);
            tracing::warn!(
                event = "sign_in_history.dropped",
                "a row of the history of sign-ins found no room"
            );
            return;
        }
        queue.push_back(queued);
        drop(queue);
        self.0.filled.notify_one();
    }

    /// Writes until the process ends.
    pub async fn run(self) {
        let cause = self.0.metrics.route("history");
        loop {
            self.0.filled.notified().await;
            tokio::time::sleep(GATHER).await;
            while let Err(error) = telemetry::on_account_of(&cause, self.flush()).await {
                tracing::warn!(event = "sign_in_history.unwritten", %error, "the history of sign-ins cannot be written");
                tokio::time::sleep(AGAIN).await;
            }
        }
    }

    /// Writes what waits at this node.
    ///
    /// # Errors
    /// [`DbError`]; what was not written waits on.
    pub async fn flush(&self) -> Result<(), DbError> {
        let _one = self.0.writer.lock().await;
        loop {
            // They wait on until they are written: whoever asked for it may go away in the middle.
            let batch: Vec<Queued> = self.queue().iter().take(BATCH).cloned().collect();
            if batch.is_empty() {
                return Ok(());
            }
            // Written twice after an unknown outcome, a row is there once.
            self.0.db.all_or_nothing(inserts(&batch)).await?;
            self.queue().drain(..batch.len());
        }
    }

    /// Writes what waits at this node if any of it is of a person who wants to read, and waits for what is being written. Where it cannot
    /// be written, what is there is read all the same.
    async fn settle(&self, person: &PersonId) {
        let waits = self.queue().iter().any(|queued| match queued {
            Queued::SignIn(row) => row.person_id == person.as_str(),
            Queued::Request(row) => row.person_id == person.as_str(),
        });
        if !waits {
            drop(self.0.writer.lock().await);
        } else if let Err(error) = self.flush().await {
            tracing::warn!(event = "sign_in_history.unwritten", %error, "the history of sign-ins cannot be written");
        }
    }

    /// The sign-ins of a person before a moment, or all, the newest first, `most` at most. What this node noted just now is among
    /// them.
    ///
    /// # Errors
    /// [`DbError`].
    pub async fn of_person(
        &self,
        person: &PersonId,
        before: Option<&(Timestamp, String)>,
        most: i64,
    ) -> Result<Vec<PastSignIn>, DbError> {
        self.settle(person).await;
        let (at, id) = before.map_or((i64::MAX, ""), |(at, id)| (at.0, id.as_str()));
        let statement = db::statement(
            "SELECT at, entry_id, client_id, sid_key, session, sealed FROM sign_ins WHERE person_id = $1 \
             AND (at < $2 OR (at = $3 AND entry_id < $4)) ORDER BY at DESC, entry_id DESC LIMIT $5",
        );
        let rows = self.0.db.read_all(statement.bind(person.as_str()).bind(at).bind(at).bind(id).bind(most));
        rows.await?.iter().map(|row| self.read(row)).collect()
    }

    /// The sessions that a person opened since a moment, the newest first, `most` at most: what has ended since is among them.
    ///
    /// # Errors
    /// [`DbError`].
    pub async fn opened_since(
        &self,
        person: &PersonId,
        since: Timestamp,
        most: i64,
    ) -> Result<Vec<PastSignIn>, DbError> {
        self.settle(person).await;
        let statement = db::statement(
            "SELECT at, entry_id, client_id, sid_key, session, sealed FROM sign_ins WHERE person_id = $1 \
             AND at >= $2 AND session IS NOT NULL ORDER BY at DESC, entry_id DESC LIMIT $3",
        );
        let rows = self.0.db.read_all(statement.bind(person.as_str()).bind(since.0).bind(most)).await?;
        rows.iter().map(|row| self.read(row)).collect()
    }

    /// The browsers in which a person was seen under an epoch since a moment, the one that was seen last first.
    ///
    /// # Errors
    /// [`DbError`].
    pub async fn browsers(
        &self,
        person: &PersonId,
        epoch: Epoch,
        since: Timestamp,
    ) -> Result<Vec<SeenBrowser>, DbError> {
        self.settle(person).await;
        let seen = db::statement(
            "SELECT s.browser, s.at, s.entry_id, s.sealed, b.first_at FROM sign_ins s JOIN (SELECT browser, MIN(at) AS first_at, \
             MAX(at) AS last_at FROM sign_ins WHERE person_id = $1 AND at >= $2 AND epoch = $3 AND browser <> '' GROUP BY browser \
             ORDER BY MAX(at) DESC LIMIT $4) b ON b.browser = s.browser AND b.last_at = s.at \
             WHERE s.person_id = $5 ORDER BY s.at DESC, s.entry_id DESC",
        );
        let seen =
            seen.bind(person.as_str()).bind(since.0).bind(epoch.0).bind(BROWSERS).bind(person.as_str());
        let mut browsers: Vec<SeenBrowser> = Vec::new();
        for row in self.0.db.read_all(seen).await? {
            let name = Digest::try_from(db::text(&row, TABLE, "browser")?)
                .map_err(|_| row.corrupt(TABLE, "browser", "it is no digest"))?;
            if browsers.iter().any(|known| known.name == name) {
                continue;
            }
            browsers.push(SeenBrowser {
                name,
                first: Timestamp(db::int(&row, TABLE, "first_at")?),
                last: Timestamp(db::int(&row, TABLE, "at")?),
                device: self.device(&row)?,
            });
        }
        Ok(browsers)
    }

    /// A sign-in of a person by its name.
    ///
    /// # Errors
    /// [`DbError`].
    pub async fn find(&self, person: &PersonId, id: &str) -> Result<Option<PastSignIn>, DbError> {
        let statement = db::statement(
            "SELECT at, entry_id, client_id, sid_key, session, sealed FROM sign_ins WHERE person_id = $1 AND entry_id = $2",
        );
        let row = self.0.db.read_optional(statement.bind(person.as_str()).bind(id)).await?;
        row.map(|row| self.read(&row)).transpose()
    }

    /// Removes what is older than `days` at `now`; returns how many rows went, `most` at most.
    ///
    /// # Errors
    /// [`DbError`].
    pub async fn purge(&self, now: Timestamp, days: u32, most: i64) -> Result<u64, DbError> {
        let purge = db::statement(
            "DELETE FROM sign_ins WHERE (person_id, at, entry_id) IN \
             (SELECT person_id, at, entry_id FROM sign_ins WHERE at < $1 ORDER BY at LIMIT $2)",
        );
        self.0.db.execute(purge.bind(now.minus(i64::from(days) * 86_400).0).bind(most)).await
    }

    fn read(&self, row: &Row) -> Result<PastSignIn, DbError> {
        let id = db::text(row, TABLE, "entry_id")?;
        let digest = |text: String, column| {
            Digest::try_from(text).map_err(|_| row.corrupt(TABLE, column, "it is no digest"))
        };
        let device = self.device(row)?;
        Ok(PastSignIn {
            at: Timestamp(db::int(row, TABLE, "at")?),
            client_id: ClientId::parse(&db::text(row, TABLE, "client_id")?)
                .ok_or_else(|| row.corrupt(TABLE, "client_id", "it is no client identifier"))?,
            sid_key: digest(db::text(row, TABLE, "sid_key")?, "sid_key")?,
            session: db::maybe_text(row, TABLE, "session")?
                .map(|text| digest(text, "session"))
                .transpose()?,
            device,
            id,
        })
    }

    /// What does not open with this keyring is a sign-in all the same.
    fn device(&self, row: &Row) -> Result<Device, DbError> {
        let id = db::text(row, TABLE, "entry_id")?;
        let sealed = self.0.sealer.open_text(place(&id).as_bytes(), &db::text(row, TABLE, "sealed")?).ok();
        Ok(sealed.and_then(|plain| serde_json::from_slice(&plain).ok()).unwrap_or_default())
    }

    fn queue(&self) -> MutexGuard<'_, VecDeque<Queued>> {
        self.0.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn place(entry: &str) -> String {
    format!("sign_ins/sealed/{entry}")
}

fn place_of_request(entry: &str) -> String {
    format!("waiting_requests/sealed/{entry}")
}

fn inserts(queued: &[Queued]) -> Vec<Statement> {
    let requests = queued.iter().filter_map(|queued| match queued {
        Queued::Request(new) => Some(waiting::insert(new)),
        Queued::SignIn(_) => None,
    });
    let mut statements: Vec<Statement> = requests.collect();
    let rows: Vec<&Waiting> = queued
        .iter()
        .filter_map(|queued| match queued {
            Queued::SignIn(row) => Some(row),
            Queued::Request(_) => None,
        })
        .collect();
    let mut left = rows.as_slice();
    for (size, sql) in SIZES.into_iter().zip(&*INSERTS) {
        while let Some((rows, rest)) = left.split_at_checked(size) {
            left = rest;
            let bind = |statement: Statement, row: &&Waiting| {
                statement
                    .bind(&row.person_id)
                    .bind(row.at)
                    .bind(&row.entry_id)
                    .bind(&row.client_id)
                    .bind(&row.sid_key)
                    .bind(row.session.as_deref())
                    .bind(&row.sealed)
                    .bind(&row.browser)
                    .bind(row.epoch)
            };
            statements.push(rows.iter().fold(db::statement(sql), bind));
        }
    }
    statements
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::platform::db::test_db::TestDb;
    use crate::platform::seal::Keyring;
    use crate::sign_in::{Acr, Amr};

    fn somebody(person: &PersonId) -> Authenticated {
        Authenticated {
            person_id: person.clone(),
            epoch: Epoch::default(),
            number: Some(Digest::of(b"n")),
            session: Digest::of(b"s"),
            sid_key: Digest::of(b"k"),
            auth_time: Timestamp(1),
            acr: Acr::MobileId,
            amr: vec![Amr::Sms],
            means: vec![crate::sign_in::Means::MobileId],
            proofs: crate::sign_in::Proofs::default(),
            organisation: None,
            code: None,
        }
    }

    #[actix_web::test]
    async fn rows_are_read_by_their_person_alone_page_by_page_and_go_with_their_age() {
        let db = TestDb::migrated().await;
        let keyring = Keyring::read_or_create(&db.folder().join("keyring.toml")).unwrap();
        let clock = Clock::manual(Timestamp(1_000));
        let history = History::new(db.clone(), clock.clone(), keyring.sealer("sign-in"), Metrics::new());
        let (one, other) = (PersonId::random(), PersonId::random());
        let shop = ClientId::parse("shop").unwrap();
        let device =
            Device { browser: Some("Chrome".to_owned()), system: None, address: "192.0.2.7".to_owned() };
        for n in 0..75 {
            history.record(
                &somebody(&one),
                &shop,
                n == 0,
                (&device, Some(Digest::of(if n % 2 == 0 { b"a" } else { b"b" }))),
            );
        }
        history.record(&somebody(&other), &shop, true, (&Device::default(), None));
        let mut seen = std::collections::BTreeSet::new();
        let mut before = None;
        loop {
            let rows = history.of_person(&one, before.as_ref(), 20).await.unwrap();
            let Some(last) = rows.last() else { break };
            before = Some((last.at, last.id.clone()));
            assert!(rows.iter().all(|row| row.device == device && row.client_id == shop));
            seen.extend(rows.into_iter().map(|row| row.id));
        }
        assert_eq!(seen.len(), 75);
        let browsers = history.browsers(&one, Epoch::default(), Timestamp(0)).await.unwrap();
        assert_eq!(browsers.len(), 2);
        assert!(browsers.iter().all(|one| one.device == device && one.first == one.last));
        assert!(history.browsers(&one, Epoch(1), Timestamp(0)).await.unwrap().is_empty(), "all ended since");
        assert!(history.browsers(&other, Epoch::default(), Timestamp(0)).await.unwrap().is_empty());
        let opened = history.opened_since(&one, Timestamp(0), 100).await.unwrap();
        assert_eq!((opened.len(), opened[0].session), (1, Some(Digest::of(b"s"))));
        assert!(history.find(&one, &opened[0].id).await.unwrap().is_some());
        assert!(history.find(&other, &opened[0].id).await.unwrap().is_none());
        let row = db.read_one(db::statement("SELECT sealed FROM sign_ins LIMIT 1")).await.unwrap();
        assert!(!db::text(&row, TABLE, "sealed").unwrap().contains("192.0.2"));
        let now = clock.now();
        // What cannot be written hides nothing of what is there.
        let refuse = "CREATE TRIGGER refuse BEFORE INSERT ON sign_ins BEGIN SELECT RAISE(ABORT, 'full'); END";
        db.execute(db::statement(refuse)).await.unwrap();
        history.record(&somebody(&other), &shop, true, (&Device::default(), None));
        assert_eq!(history.of_person(&other, None, 20).await.unwrap().len(), 1);
        assert_eq!(history.opened_since(&other, Timestamp(0), 100).await.unwrap().len(), 1);
        assert_eq!(history.purge(now.plus(86_399), 1, 100).await.unwrap(), 0);
        assert_eq!(history.purge(now.plus(86_500), 1, 70).await.unwrap(), 70);
        assert_eq!(history.purge(now.plus(86_500), 1, 70).await.unwrap(), 6);
    }
}
