//! Data of people for back offices (`/data/…`, docs/data.md): one data set of the person whom a token is about, and whether a number is
//! somebody's Mobile-ID. Nothing is told before the ledger's row of it is committed (R70, R71).

mod answer;
mod read;
mod usage;
mod verification;

pub(super) use read::get;
pub(super) use usage::get as usage;
pub(super) use verification::post as verify;

use std::sync::Arc;

use super::error::{ErrorCode, TokenError};
use super::presented::{self, Scheme};
use super::{Tokens, paths};
use crate::audit::{Audit, Kind};
use crate::clients::{Client, Unsuited};
use crate::grants::Grants;
use crate::ledger::{Entry, EntryId, Ledger};
use crate::notices::inbox::{Inbox, NewNotice};
use crate::people::{Account, CivilDate, DataSet, PersonId};
use crate::platform::bytes::Digest;
use crate::platform::db::{Db, DbError};
use crate::platform::ephemeral::{Ephemeral, EphemeralKey};
use crate::platform::service_error::ServiceError;
use crate::registries::{Asker, Registries, Why};
use crate::sign_in::WINDOWS;

/// What requests are counted by, in seconds.
const MINUTE: i64 = 60;
const HOUR: i64 = 3600;
const DAY: i64 = 86_400;

/// Why a client may not try any further.
const TRIED: &str =
    "this client was wrong about this person or number too often today (data.wrong_per_day): ask them";
const UNFOUND: &str = "this client named too many persons in this hour whom nobody finds (data.unfound_per_hour): wait, and check the list that they are from";

/// How often clients may ask, in a minute.
#[derive(Clone, Copy, Debug)]
pub struct DataLimits {
    /// Readings, and persons named by statutory requests.
    pub readings: u64,
    /// Numbers that are verified.
    pub verifications: u64,
    /// In an hour: persons named by statutory requests whom nobody finds.
    pub unfound: u64,
    /// In a day, about one person or number: documents and numbers that are not theirs.
    pub wrong: u64,
}

/// What the endpoints share that release data. Cheap to clone.
#[derive(Clone)]
pub struct DataApi(Arc<Inner>);

struct Inner {
    db: Db,
    ledger: Ledger,
    inbox: Inbox,
    ephemeral: Ephemeral,
    registries: Registries,
    limits: DataLimits,
    /// Whether numbers of test people are numbers.
    test_numbers: bool,
}

/// What a client tries to find out, as far as trying is bounded.
pub(super) struct Tries<'a> {
    client: &'a Client,
    /// Blind indexes of the persons and numbers that it is about.
    about: Vec<Digest>,
    /// Whether the client has so many in an hour as well, whomever it tries.
    hourly: bool,
}

impl Tries<'_> {
    fn windows(&self, by: u64) -> Vec<(EphemeralKey, i64, u64)> {
        let client = &self.client.id;
        let of = |about: &Digest| {
            (EphemeralKey::of(WINDOWS, &format!("wrong/{client}/{}", about.encode())), DAY, by)
        };
        let mut windows: Vec<_> = self.about.iter().map(of).collect();
        if self.hourly {
            windows.push((EphemeralKey::of(WINDOWS, &format!("unfound/{client}")), HOUR, by));
        }
        windows
    }
}

/// What a client is counted for.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Asking {
    /// Data, or a person to get data of.
    Data,
    /// Whether a number is a person's.
    Verification,
}

/// What the data API is called by as the location of details (RFC 9396 §2.2).
pub(super) fn location(issuer: &str) -> String {
    format!("{issuer}{}", paths::DATA)
}

/// Why a client gets nothing of a person, for answers that do not read the person's record: it is read only where a contract demands
/// something of people (D-s, D-t).
async fn unsuited(tokens: &Tokens, client: &Client, person: &PersonId) -> Result<Option<Unsuited>, DbError> {
    if !client.demands_of_people() {
        return Ok(None);
    }
    let account = tokens.people.find(person).await?;
    let today = CivilDate::of(tokens.provider.clock.now());
    Ok(account.and_then(|account| client.unsuited(&account, today)))
}

impl DataApi {
    /// Releases are written to `ledger` and `inbox`, both in `db`. The ledger is the one whose counts this process writes down.
    pub fn new(
        db: Db,
        (ledger, inbox): (Ledger, Inbox),
        (ephemeral, registries): (Ephemeral, Registries),
        limits: DataLimits,
        test_numbers: bool,
    ) -> Self {
        Self(Arc::new(Inner { db, ledger, inbox, ephemeral, registries, limits, test_numbers }))
    }

    /// An account with the values of a data set as its register has them now, if it is connected and answers. Only who may have them
    /// makes it ask.
    async fn live(
        &self,
        account: Arc<Account>,
        set: DataSet,
        (client, consented): (&Client, bool),
    ) -> Arc<Account> {
        let registries = &self.0.registries;
        if !registries.is_live(set) {
            return account;
        }
        let asker = Asker::client(client.id.as_str(), Why::Release);
        let asker = if consented { asker.with_consent() } else { asker };
        match registries.live(&account.person, set, &asker).await {
            Some(person) => Arc::new(Account { person, ..Account::clone(&account) }),
            None => account,
        }
    }

    /// Whether numbers of test people are numbers.
    fn takes_test_numbers(&self) -> bool {
        self.0.test_numbers
    }

    /// Counts a request of a client that has proved who it is.
    ///
    /// # Errors
    /// `temporarily_unavailable` with status 429 when it is one too many in this minute.
    pub(super) async fn admit(&self, client: &Client, asking: Asking) -> Result<(), TokenError> {
        let (name, most, words) = match asking {
            Asking::Data => (
                "data",
                self.0.limits.readings,
                "this client asked for data too often in this minute (data.readings_per_minute): wait",
            ),
            Asking::Verification => (
                "verification",
                self.0.limits.verifications,
                "this client verified too many numbers in this minute (data.verifications_per_minute): wait",
            ),
        };
        let window = EphemeralKey::of(WINDOWS, &format!("{name}/{}", client.id));
        if self.0.ephemeral.count(window, MINUTE).await? > most {
            return Err(TokenError::new(ErrorCode::TooManyRequests, words).again_in(MINUTE));
        }
        Ok(())
    }

    /// The notices of people whose data leave.
    pub(super) fn inbox(&self) -> &Inbox {
        &self.0.inbox
    }

    /// Counts a reading of what an entry tells of; it is added to the entry within a minute.
    pub(super) fn count(&self, id: EntryId) {
        self.0.ledger.count(vec![id]);
    }

    /// What a client tries to find out about persons and numbers, by their blind indexes; with `hourly` it has only so many in an hour, too.
    pub(super) const fn tries(client: &Client, about: Vec<Digest>, hourly: bool) -> Tries<'_> {
        Tries { client, about, hourly }
    }

    /// Makes sure that a client was not wrong too often. To be called before anything is looked up: the refusal tells nothing.
    ///
    /// # Errors
    /// `temporarily_unavailable` with status 429.
    pub(super) async fn may_try(&self, tries: &Tries<'_>) -> Result<(), TokenError> {
        let counts = self.0.ephemeral.count_all(&tries.windows(0)).await?;
        let (of_day, of_hour) = counts.split_at(tries.about.len().min(counts.len()));
        let refuse = |words, window| Err(TokenError::new(ErrorCode::TooManyRequests, words).again_in(window));
        if of_day.iter().any(|count| *count >= self.0.limits.wrong) {
            return refuse(TRIED, DAY);
        }
        if of_hour.iter().any(|count| *count >= self.0.limits.unfound) {
            return refuse(UNFOUND, HOUR);
        }
        Ok(())
    }

    /// Counts that a client was wrong.
    ///
    /// # Errors
    /// [`ServiceError`]: what it asked must not be answered.
    pub(super) async fn was_wrong(&self, tries: &Tries<'_>) -> Result<(), ServiceError> {
        self.0.ephemeral.count_all(&tries.windows(1)).await?;
        Ok(())
    }

    /// Writes a release down, with the notice of it if there is one: both or nothing. Where it rests on a grant, only if that has not
    /// ended, in the same statement.
    ///
    /// # Errors
    /// [`ServiceError`]: what it tells of must not leave.
    pub(super) async fn commit(
        &self,
        entry: &Entry<'_>,
        notice: Option<&NewNotice>,
        under: Option<(&Grants, &str)>,
    ) -> Result<Written, ServiceError> {
        let (id, row) = match under {
            Some((_, grant)) => self.0.ledger.row_under(entry, grant)?,
            None => self.0.ledger.row(entry)?,
        };
        let notice = notice.map(|notice| self.0.inbox.rows(entry.person, notice)).unwrap_or_default();
        let written = if notice.is_empty() {
            self.0.db.change(row).await?
        } else {
            self.0.db.guarded(row, notice).await?
        };
        if written.is_some() {
            return Ok(Written::Now(id));
        }
        // An end is for ever: under a grant that lives now, the entry was there.
        let ended = match under {
            Some((grants, grant)) => grants.find(grant).await?.is_none_or(|grant| grant.revoked),
            None => false,
        };
        Ok(if ended { Written::Ended } else { Written::Before(id) })
    }
}

/// What the ledger says to a release.
pub(super) enum Written {
    /// It is written now.
    Now(EntryId),
    /// It was there before.
    Before(EntryId),
    /// The grant has ended: nothing may leave.
    Ended,
}

/// An answer to an error, recorded once.
fn refused(audit: &Audit, error: &TokenError, kind: Kind) -> actix_web::HttpResponse {
    error.respond(audit, kind)
}

/// As [`refused`], of an access token: the error stands in the header as well (RFC 6750 §3).
fn rejected(audit: &Audit, scheme: Scheme, error: &TokenError) -> actix_web::HttpResponse {
    if error.code == ErrorCode::TooManyRequests || error.code.status().is_server_error() {
        return refused(audit, error, Kind::DataRefused);
    }
    error.record(audit, Kind::DataRefused, None);
    presented::challenge(scheme, error)
}

/// What fuzz targets reach of the parsers in here.
#[cfg(fuzzing)]
pub(super) fn fuzz_accept(header: &str) {
    super::introspection::wants(header.lines(), answer::MEDIA_TYPE);
    usage::fuzz_place(header);
}

/// The body of a request whether a number is somebody's.
#[cfg(fuzzing)]
pub(super) fn fuzz_body(body: &[u8]) {
    verification::fuzz(body);
}

#[cfg(test)]
mod tests {
    use super::paths;
    use crate::people::DataSet;

    #[test]
    fn the_openapi_document_has_what_is_served() {
        let document = include_str!("../../../docs/data-api.yaml");
        for path in [paths::VERIFICATION, paths::USAGE, &format!("{}/{{set}}", paths::DATA)] {
            assert!(document.contains(&format!("\n  {path}:\n")), "{path}");
        }
        let sets = document.split_once("    DataSet:\n").and_then(|(_, rest)| rest.split_once("enum: ["));
        let sets = sets.and_then(|(_, rest)| rest.split_once(']')).expect("a list").0;
        let mut named: Vec<&str> = sets.split(", ").collect();
        let mut served: Vec<&str> =
            DataSet::ALL.into_iter().filter(|set| set.is_of_record()).map(DataSet::name).collect();
        named.sort_unstable();
        served.sort_unstable();
        assert_eq!(named, served);
    }
}
