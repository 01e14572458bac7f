//! Notices in people's cabinets.
//!
//! A notice is deemed received from the moment when it is stored (resolution 679, clause 10; R105, R106, D-m). So it is
//! stored in the transaction of what it tells of ([`Inbox::rows`]), and no statement changes that moment. That an SMS was sent and
//! delivered, and that the person read it, are times beside it.
//!
//! What is kept has no language: a kind, and what [`About`] has, sealed. Words are made when it is shown ([`Notice::words`]).
//! What services raise by asking for data is one notice in a day for each purpose and sets of data, however often they ask.

mod kind;
mod queue;
pub(super) mod sms;
mod store;

use std::collections::BTreeMap;
use std::sync::Arc;

use queue::Queue;

use crate::people::PersonId;
use crate::platform::bytes::{self, Digest};
use crate::platform::clock::{Clock, Timestamp};
use crate::platform::db::{Db, DbError, Statement};
use crate::platform::seal::{Keyring, Sealer};
use crate::platform::web::text::Text;

pub use kind::{About, Names, NoticeKind, NoticeWords};

use super::email::Emails;
use super::settings::QuietHours;

/// The length of a notice's identifier. Messages with codes have one character more: so a gateway's report on a message tells by
/// its identifier whether it is about a notice.
const LENGTH: usize = 19;

/// The identifier of a notice: letters and digits, random. It is that of its SMS as well.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct NoticeId(String);

impl NoticeId {
    fn random() -> Self {
        Self(bytes::random_alphanumeric::<LENGTH>())
    }

    /// An identifier that came from outside; `None` when it cannot be one.
    pub fn parse(text: &str) -> Option<Self> {
        let plain = text.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit());
        (text.len() == LENGTH && plain).then(|| Self(text.to_owned()))
    }

    /// Its text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// The days by which notices that a service raises are one: those of Tashkent.
const TASHKENT_MS: i64 = 5 * 3_600_000;
const DAY_MS: i64 = 86_400_000;

/// A notice to be stored. Stored twice, it is one notice.
#[derive(Clone, Debug)]
pub struct NewNotice {
    /// Its identifier.
    pub id: NoticeId,
    /// What it tells of.
    pub kind: NoticeKind,
    /// What else it says.
    pub about: About,
}

impl NewNotice {
    /// A notice that says no more than its kind.
    pub fn new(kind: NoticeKind) -> Self {
        Self { id: NoticeId::random(), kind, about: About::default() }
    }

    /// As [`NewNotice::new`], of what these name: raised again, it is the same notice.
    pub fn once(kind: NoticeKind, parts: &[&str]) -> Self {
        let text = bytes::alphanumeric(&Digest::of(parts.join("\n").as_bytes()).0[..LENGTH]);
        Self { id: NoticeId(text), kind, about: About::default() }
    }

    /// About a service, by its identifier.
    #[must_use]
    pub fn service(mut self, id: &str) -> Self {
        self.about.service = Some(id.to_owned());
        self
    }

    /// With names of sets of data.
    #[must_use]
    pub fn data_sets<'a>(mut self, names: impl IntoIterator<Item = &'a str>) -> Self {
        self.about.data_sets = names.into_iter().map(str::to_owned).collect();
        self
    }

    /// With what the data are for.
    #[must_use]
    pub fn purpose(mut self, purpose: &str) -> Self {
        self.about.purpose = Some(purpose.to_owned());
        self
    }

    /// With what the data are for, as a registration says it, by the tag of the language.
    #[must_use]
    pub fn purposes(mut self, purposes: BTreeMap<String, String>) -> Self {
        self.about.purposes = purposes;
        self
    }

    /// With the law or agreement that lets the service have them, by the tag of the language.
    #[must_use]
    pub fn laws(mut self, laws: BTreeMap<String, String>) -> Self {
        self.about.laws = laws;
        self
    }

    /// Until a moment.
    #[must_use]
    pub fn until(mut self, until: Timestamp) -> Self {
        self.about.until = Some(until.0);
        self
    }

    /// With the browser and system, such as `Chrome, Android`.
    #[must_use]
    pub fn device(mut self, device: Option<String>) -> Self {
        self.about.device = device;
        self
    }

    /// With the network that it came from, without its last parts.
    #[must_use]
    pub fn place(mut self, place: String) -> Self {
        self.about.place = Some(place);
        self
    }

    /// With what the matter is filed under.
    #[must_use]
    pub fn reference(mut self, reference: &str) -> Self {
        self.about.reference = Some(reference.to_owned());
        self
    }

    /// Its identifier in the cabinet of `person`. What services raise follows from what it says and the day: the same told again is
    /// the same notice, whether a request was tried again or a service asks all day long.
    fn id_for(&self, person: &PersonId, now_ms: i64) -> NoticeId {
        if !self.kind.is_of_a_day() {
            return self.id.clone();
        }
        let day = (now_ms + TASHKENT_MS).div_euclid(DAY_MS);
        let said = serde_json::to_string(&(person.as_str(), self.kind.name(), &self.about, day));
        NoticeId(bytes::alphanumeric_of::<LENGTH>(&Digest::of(said.unwrap_or_default().as_bytes())))
    }
}

/// What became of the SMS about a notice.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum SmsState {
    /// The person wanted none.
    None,
    /// It waits: for quiet hours to end, or for its turn.
    Waiting,
    /// A gateway took it.
    Sent,
    /// It is on the phone.
    Delivered,
    /// It did not get there.
    Failed(SmsFailure),
}

/// Why an SMS about a notice did not get to the phone.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum SmsFailure {
    /// The number has no money for it (R78, D-k). The notice is in the cabinet all the same.
    Suspended,
    /// The number had as many as it gets in a day.
    DailyLimit,
    /// No number is enrolled.
    NoNumber,
    /// No gateway took it in time, or the network could not deliver it.
    NotDelivered,
}

impl SmsFailure {
    const ALL: [(Self, &'static str); 4] = [
        (Self::Suspended, "suspended"),
        (Self::DailyLimit, "daily_limit"),
        (Self::NoNumber, "no_number"),
        (Self::NotDelivered, "not_delivered"),
    ];

    /// Its name in the store.
    pub fn name(self) -> &'static str {
        Self::ALL.iter().find(|row| row.0 == self).map_or("not_delivered", |row| row.1)
    }

    fn parse(name: &str) -> Self {
        Self::ALL.iter().find(|row| row.1 == name).map_or(Self::NotDelivered, |row| row.0)
    }

    /// Why, in a sentence for the person.
    pub fn words(self, text: Text) -> &'static str {
        match self {
            Self::Suspended => text.get("notices.sms_suspended"),
            Self::DailyLimit => text.get("notices.sms_daily_limit"),
            Self::NoNumber => text.get("notices.sms_no_number"),
            Self::NotDelivered => text.get("notices.sms_not_delivered"),
        }
    }
}

/// A notice as it is in the cabinet. Times are milliseconds since the Unix epoch.
#[derive(Clone, Debug)]
pub struct Notice {
    /// Its identifier.
    pub id: NoticeId,
    /// What it tells of; `None` for a kind of a later version.
    pub kind: Option<NoticeKind>,
    /// What else it says.
    pub about: About,
    /// When it was stored in the cabinet: the person is deemed to have received it then.
    pub arrived_at_ms: i64,
    /// When a gateway took the SMS.
    pub sent_at_ms: Option<i64>,
    /// When the SMS was reported to be on the phone.
    pub delivered_at_ms: Option<i64>,
    /// When the person first opened it.
    pub read_at_ms: Option<i64>,
    /// What became of the SMS.
    pub sms: SmsState,
}

impl Notice {
    /// The notice in the reader's language.
    pub fn words(&self, text: Text, names: Names<'_>) -> NoticeWords {
        kind::words(self.kind, &self.about, text, names)
    }

    /// From where a list goes on after this one.
    pub fn place(&self) -> Place {
        Place { arrived_at_ms: self.arrived_at_ms, id: self.id.clone() }
    }
}

/// A place in a person's list.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Place {
    /// When the notice there arrived.
    pub arrived_at_ms: i64,
    /// Which one it is.
    pub id: NoticeId,
}

/// The notices of all people. Cheap to clone.
#[derive(Clone)]
pub struct Inbox {
    db: Db,
    clock: Clock,
    quiet: QuietHours,
    /// Seals what notices say.
    sealer: Arc<Sealer>,
    queue: Arc<Queue>,
    /// Whether what warns of somebody else at work goes to people's e-mail as well.
    mails: bool,
}

impl Inbox {
    /// The store. SMS about notices wait while it is quiet.
    pub fn new(db: Db, clock: Clock, quiet: QuietHours, keyring: &Keyring) -> Self {
        Self {
            db,
            clock,
            quiet,
            sealer: Arc::new(keyring.sealer("notice")),
            queue: Arc::default(),
            mails: false,
        }
    }

    /// The same, where mails are sent to those who gave an address: at once, of what warns of somebody else at work.
    #[must_use]
    pub fn with_mails(self) -> Self {
        Self { mails: true, ..self }
    }

    /// What stores a notice, for the transaction of what it tells of. If the person wants an SMS of that kind, it will be
    /// sent.
    pub fn rows(&self, person: &PersonId, notice: &NewNotice) -> Vec<Statement> {
        let now_ms = self.clock.now_ms();
        let id = notice.id_for(person, now_ms);
        let about = store::sealed(&self.sealer, &id, &notice.about);
        let mut rows =
            vec![store::insert(person, (&id, notice.kind, about), now_ms, self.quiet.after_ms(now_ms))];
        rows.extend(self.mail_about(person, &id, notice.kind));
        rows
    }

    fn mail_about(&self, person: &PersonId, id: &NoticeId, kind: NoticeKind) -> Option<Statement> {
        (self.mails && kind.is_security()).then(|| Emails::about(person, id, self.clock.now()))
    }

    /// Stores a notice whose SMS the caller puts into the outbox, under the notice's identifier: whoever asked for one as well
    /// gets no second.
    ///
    /// # Errors
    /// [`DbError`].
    pub async fn commit_sent(&self, person: &PersonId, notice: &NewNotice) -> Result<(), DbError> {
        let about = store::sealed(&self.sealer, &notice.id, &notice.about);
        let mut rows =
            vec![store::insert_sent(person, (&notice.id, notice.kind, about), self.clock.now_ms())];
        rows.extend(self.mail_about(person, &notice.id, notice.kind));
        self.db.all_or_nothing(rows).await
    }

    /// Notes that the SMS about a notice was not sent.
    ///
    /// # Errors
    /// [`DbError`].
    pub async fn not_sent(&self, id: &NoticeId, why: SmsFailure) -> Result<(), DbError> {
        sms::failed(&self.db, id, why).await
    }

    /// Stores a notice in a transaction of its own.
    ///
    /// # Errors
    /// [`DbError`].
    pub async fn commit(&self, person: &PersonId, notice: &NewNotice) -> Result<(), DbError> {
        self.db.all_or_nothing(self.rows(person, notice)).await
    }

    /// The notices of a person, newest first: `most` at most, from `after` on if it is given.
    ///
    /// # Errors
    /// [`DbError`].
    pub async fn list(
        &self,
        person: &PersonId,
        after: Option<&Place>,
        most: i64,
    ) -> Result<Vec<Notice>, DbError> {
        store::list((&self.db, &self.sealer), person, after, most).await
    }

    /// One notice of a person; `None` if there is none of that identifier, or it is somebody else's.
    ///
    /// # Errors
    /// [`DbError`].
    pub async fn find(&self, person: &PersonId, id: &NoticeId) -> Result<Option<Notice>, DbError> {
        store::find((&self.db, &self.sealer), person, id).await
    }

    /// How many notices a person has not read, counted up to `most`.
    ///
    /// # Errors
    /// [`DbError`].
    pub async fn unread(&self, person: &PersonId, most: i64) -> Result<i64, DbError> {
        store::unread(&self.db, person, most).await
    }

    /// Notes that a person read these notices; of those read before, the first time stays. Returns how many were unread.
    ///
    /// # Errors
    /// [`DbError`].
    pub async fn mark_read(&self, person: &PersonId, ids: &[NoticeId]) -> Result<u64, DbError> {
        let mut read = 0;
        for id in ids {
            read += store::mark_read(&self.db, person, id, self.clock.now_ms()).await?;
        }
        Ok(read)
    }

    /// Notes that a person read all that had arrived up to a moment, in milliseconds since the Unix epoch. Returns how many were
    /// unread.
    ///
    /// # Errors
    /// [`DbError`].
    pub async fn mark_all_read(&self, person: &PersonId, up_to_ms: i64) -> Result<u64, DbError> {
        store::mark_all_read(&self.db, person, up_to_ms, self.clock.now_ms()).await
    }

    /// Notes that SMS about notices did not get there whose fate nobody learnt by `before`: what was to say it was lost with a node.
    /// A report of delivery that comes later corrects that. Returns how many, at most `most`.
    ///
    /// # Errors
    /// [`DbError`].
    pub async fn give_up_lost(&self, before: Timestamp, most: i64) -> Result<u64, DbError> {
        sms::give_up_lost(&self.db, before.0.saturating_mul(1000), most).await
    }

    /// Deletes notices that arrived before a moment; returns how many, at most `most`.
    ///
    /// # Errors
    /// [`DbError`].
    pub async fn purge(&self, before: Timestamp, most: i64) -> Result<u64, DbError> {
        store::purge(&self.db, before, most).await
    }
}

#[cfg(test)]
mod tests;
