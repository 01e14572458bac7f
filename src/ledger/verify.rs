//! Reading the ledger again: whether each entry is what was written, in its place, and the tree the one that was published.

use std::collections::VecDeque;

use super::Ledger;
use super::entry::Leaf;
use super::store::{self, StoredRow};
use crate::people::PersonId;
use crate::platform::bytes;
use crate::platform::db::{self, DbError};
use crate::platform::tlog::{Checkpoint, Finding, Hash, TreeCheck};

/// Entries read at a time.
const PAGE: i64 = 1000;

/// What proves that the ledger was changed by somebody without its keys.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Tampering {
    /// The log itself.
    #[error(transparent)]
    Log(#[from] Finding),
    /// An entry is not what was written in its place.
    #[error("the entry at place {0} was changed, moved or put in: it is not the one that the log has there")]
    Changed(u64),
    /// An entry is missing.
    #[error("the entry at place {0} was removed")]
    Removed(u64),
    /// There is an entry where contents were removed, or after the end.
    #[error("an entry was put in at place {0}, where the log has none")]
    PutIn(i64),
    /// An entry that waits for its place was not written by this provider.
    #[error("the entry {0}, which waits for its place, was not written by this provider, or was changed")]
    Forged(String),
}

/// What a verification found.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Report {
    /// Entries that were compared.
    pub entries: u64,
    /// Places of the log, those whose contents were removed included.
    pub places: u64,
    /// Entries that wait for their places.
    pub waiting: u64,
    /// The newest checkpoint: to be kept elsewhere.
    pub checkpoint: String,
    /// The first thing that proves tampering.
    pub tampering: Option<Tampering>,
}

impl Ledger {
    /// Verifies what is stored up to now, and that the log still begins as `kept` checkpoints say, which its key signed. Nodes may write
    /// at the same time.
    ///
    /// # Errors
    /// [`DbError`].
    pub async fn verify(&self, kept: &[Checkpoint]) -> Result<Report, DbError> {
        loop {
            let base = self.0.log.head().await?.base;
            let report = self.read_all(kept).await?;
            // A node may have removed contents while they were read.
            if report.tampering.is_none() || self.0.log.head().await?.base == base {
                return Ok(report);
            }
        }
    }

    async fn read_all(&self, kept: &[Checkpoint]) -> Result<Report, DbError> {
        let inner = &*self.0;
        let mut report = Report::default();
        // Places and head change together: no entry that had a place before the head is read may lie after it.
        let ends = store::ends(&inner.db).await?;
        let mut check = TreeCheck::begin(&inner.log, kept.to_vec()).await?;
        let (size, base) = (check.head().size, check.head().base);
        report.places = size;
        report.checkpoint = check.head().checkpoint.clone();
        report.tampering = match ends {
            _ if check.finding().is_some() => None,
            Some((_, last)) if last >= size.cast_signed() => Some(Tampering::PutIn(last)),
            Some((first, _)) if first < base.cast_signed() => Some(Tampering::PutIn(first)),
            _ => None,
        };
        let (mut rows, mut index) = (VecDeque::new(), 0);
        while report.tampering.is_none()
            && let Some(hash) = check.next_leaf().await?
        {
            if index >= base {
                if rows.is_empty() {
                    rows.extend(store::from_place(&inner.db, index, PAGE).await?);
                }
                let row =
                    rows.pop_front().filter(|row: &StoredRow| row.position == Some(index.cast_signed()));
                report.tampering = match row {
                    None => Some(Tampering::Removed(index)),
                    Some(row) if !self.is_leaf(&row, hash) => Some(Tampering::Changed(index)),
                    Some(_) => None,
                };
                report.entries += 1;
            }
            index += 1;
        }
        if report.tampering.is_none() {
            report.tampering = check.end().await?.map(Tampering::Log);
        }
        if report.tampering.is_none() {
            let mut after = (i64::MIN, String::new());
            loop {
                let waiting = store::waiting(&inner.db, &after, PAGE).await?;
                let Some(last) = waiting.last() else { break };
                after = (last.at_ms, last.id.clone());
                report.waiting += waiting.len() as u64;
                if let Some(forged) = waiting.into_iter().find(|row| !self.is_own(row)) {
                    report.tampering = Some(Tampering::Forged(forged.id));
                    break;
                }
            }
        }
        Ok(report)
    }

    /// Whether a row is the one whose leaf has this hash.
    pub(super) fn is_leaf(&self, row: &StoredRow, hash: Hash) -> bool {
        Hash::of_leaf(row.leaf.as_bytes()) == hash && self.is_own(row)
    }

    /// Whether this provider wrote a row as it is: its leaf bears the nonce that only the keyring makes, and its columns are the leaf's.
    pub(super) fn is_own(&self, row: &StoredRow) -> bool {
        let Ok(leaf) = serde_json::from_str::<Leaf>(&row.leaf) else { return false };
        let person = PersonId::stored(row.person.clone());
        let same = leaf.id.as_str() == row.id
            && leaf.client == row.client
            && leaf.at_ms == row.at_ms
            && leaf.person == self.pseudonym(&person);
        let bare = Leaf { nonce: String::new(), ..leaf.clone() };
        let nonce = db::to_json(&bare).map(|text| self.nonce(&text)).unwrap_or_default();
        same && bytes::same(nonce.as_bytes(), leaf.nonce.as_bytes())
    }
}
