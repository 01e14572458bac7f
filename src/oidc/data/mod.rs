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
use super::paths;
use super::presented::{self, Scheme};
use crate::audit::{Audit, Kind};
use crate::clients::Client;
use crate::ledger::{Entry, EntryId, Ledger};
use crate::notices::inbox::{Inbox, NewNotice};
use crate::platform::db::{Db, DbError};
use crate::platform::ephemeral::{Ephemeral, EphemeralKey};
use crate::sign_in::WINDOWS;

/// What requests are counted by, in seconds.
const MINUTE: i64 = 60;

/// How often clients may ask, in a minute.
#[derive(Clone, Copy, Debug)]
pub struct DataLimits {
    /// Readings, and persons named by statutory requests.
    pub readings: u64,
    /// Numbers that are verified.
    pub verifications: u64,
}

/// What the endpoints share that release data. Cheap to clone.
#[derive(Clone)]
pub struct DataApi(Arc<Inner>);

struct Inner {
    db: Db,
    ledger: Ledger,
    inbox: Inbox,
    ephemeral: Ephemeral,
    limits: DataLimits,
    /// Whether numbers of test people are numbers.
    test_numbers: bool,
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

impl DataApi {
    /// Releases are written to `ledger` and `inbox`, both in `db`. The ledger is the one whose counts this process writes down.
    pub fn new(
        db: Db,
        (ledger, inbox): (Ledger, Inbox),
        ephemeral: Ephemeral,
        limits: DataLimits,
        test_numbers: bool,
    ) -> Self {
        Self(Arc::new(Inner { db, ledger, inbox, ephemeral, limits, test_numbers }))
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
            return Err(TokenError::new(ErrorCode::TooManyRequests, words));
        }
        Ok(())
    }

    /// The notices of people whose data leave.
    pub(super) fn inbox(&self) -> &Inbox {
        &self.0.inbox
    }

    /// Counts a reading of what an entry tells of; it is added to the entry within a minute.
    fn count(&self, id: EntryId) {
        self.0.ledger.count(vec![id]);
    }

    /// Writes a release down, with the notice of it if there is one: both or nothing. Whether it was not there before; a release that was
    /// is no new one.
    ///
    /// # Errors
    /// [`DbError`]: what it tells of must not leave.
    async fn commit(
        &self,
        entry: &Entry<'_>,
        notice: Option<&NewNotice>,
    ) -> Result<(EntryId, bool), DbError> {
        let (id, row) = self.0.ledger.row(entry)?;
        let notice = notice.map(|notice| self.0.inbox.rows(entry.person, notice)).unwrap_or_default();
        let is_new = if notice.is_empty() {
            self.0.db.change(row).await?.is_some()
        } else {
            self.0.db.guarded(row, notice).await?.is_some()
        };
        Ok((id, is_new))
    }
}

/// An answer to an error, recorded once; of limits with when to ask again.
fn refused(audit: &Audit, error: &TokenError, kind: Kind) -> actix_web::HttpResponse {
    let response = error.respond(audit, kind);
    if error.code == ErrorCode::TooManyRequests {
        return crate::platform::web::respond::retry_after(response, MINUTE);
    }
    response
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
