//! Reading the chain again: whether each row is what was written, in its place, and whether any is missing; and its tree.

use std::collections::{HashMap, VecDeque};

use super::chain::{Keys, Link, StoredRow};
use super::kind::Kind;
use super::store::{self, Base};
use super::tree;
use crate::platform::bytes;
use crate::platform::db::{Db, DbError};
use crate::platform::tlog::{Checkpoint, Finding, Log, TreeCheck};

/// Rows read at a time.
const PAGE: i64 = 1000;

/// Gaps and unfinished processes that a report names; the others are counted.
const MOST_NAMED: usize = 100;

/// What proves that the audit log was changed by somebody without the keyring.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Tampering {
    /// A row is not what was written in its place.
    #[error("row {0} was changed, moved or put in: its hash does not follow from row {before}", before = .0 - 1)]
    Row(i64),
    /// Rows are missing.
    #[error("rows {0} to {1} were removed")]
    Removed(i64, i64),
    /// The end is not that of the last row.
    #[error("the chain's end was changed: it does not name row {0} as it is")]
    End(i64),
    /// There are rows after the end.
    #[error("row {0} and what follows were put in after the chain's end")]
    AfterEnd(i64),
    /// The chain ends before a checkpoint.
    #[error("rows {0} to {1} were cut off: the checkpoint names row {1}")]
    CutOff(i64, i64),
    /// A row is another one than a checkpoint names.
    #[error("row {0} is not the one that the checkpoint names: the rows up to it were replaced")]
    Replaced(i64),
    /// The record of where the chain begins is not authentic.
    #[error("the chain's beginning was changed: rows up to {0} were not removed by this provider")]
    Beginning(i64),
    /// The tree itself.
    #[error("the tree of the audit log: {0}")]
    Tree(#[from] Finding),
    /// A row is not the one that has its place in the tree.
    #[error(
        "row {0} is not the one that the tree has in its place: it was replaced by somebody who has the keyring"
    )]
    Leaf(i64),
}

/// Events of a process that were not written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Gap {
    /// The process.
    pub node_id: String,
    /// The first missing number of the process.
    pub from: i64,
    /// The last one.
    pub to: i64,
    /// The row in which it was noticed.
    pub before: i64,
}

/// What a verification found.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Report {
    /// Rows that were read.
    pub rows: u64,
    /// The first row that was read; 0 when there was none.
    pub first: i64,
    /// The end of the chain: to be kept as a checkpoint.
    pub end: Option<Link>,
    /// The first thing that proves tampering.
    pub tampering: Option<Tampering>,
    /// Events that were not written, the first hundred.
    pub gaps: Vec<Gap>,
    /// How many gaps there are.
    pub gap_count: u64,
    /// Processes whose last row is not that of an orderly end, with that row: they run, or ended without warning and may
    /// miss their last events. The first hundred.
    pub unfinished: Vec<(String, i64)>,
    /// How many of these there are.
    pub unfinished_count: u64,
    /// Checkpoints that could not be compared: their rows had expired, or come before where reading began.
    pub passed_checkpoints: Vec<i64>,
    /// Rows that have their places in the tree; 0 where the tree was not read.
    pub places: u64,
    /// The newest signed checkpoint of the tree: to be kept elsewhere.
    pub signed_checkpoint: String,
}

/// Reads the chain, a page at a time.
pub struct Verifier<'a> {
    db: &'a Db,
    keys: &'a Keys,
    log: &'a Log,
    from: Option<i64>,
    checkpoints: Vec<Link>,
    signed: Vec<Checkpoint>,
}

/// A process while rows are read. Memory grows by the number of processes, not of rows.
struct Process {
    node_seq: i64,
    row: i64,
    ended: bool,
}

impl<'a> Verifier<'a> {
    pub(super) fn new(db: &'a Db, keys: &'a Keys, log: &'a Log) -> Self {
        Self { db, keys, log, from: None, checkpoints: Vec::new(), signed: Vec::new() }
    }

    /// Begins at a row; the one before it is believed. The tree is not read.
    #[must_use]
    pub fn from(self, seq: i64) -> Self {
        Self { from: Some(seq), ..self }
    }

    /// Expects the chain to have had this row.
    #[must_use]
    pub fn checkpoint(mut self, link: Link) -> Self {
        self.checkpoints.push(link);
        self
    }

    /// Expects the tree to begin as a signed checkpoint says, which its key signed.
    #[must_use]
    pub fn signed_checkpoint(mut self, checkpoint: Checkpoint) -> Self {
        self.signed.push(checkpoint);
        self
    }

    /// Verifies what is stored up to now. Nodes may write at the same time.
    ///
    /// # Errors
    /// [`DbError`].
    pub async fn run(self) -> Result<Report, DbError> {
        loop {
            // Rows and end change together: no row that was there before the end was read may lie after it.
            let last = store::last_row(self.db).await?;
            let (end, base) = (store::end(self.db).await?, store::base(self.db).await?);
            let mut report = self.read(last, &end, &base).await?;
            if report.tampering.is_none() && self.from.is_none() {
                report.tampering = self.read_tree(base.link.seq, &mut report).await?;
            }
            // A node may have removed expired rows while they were read.
            if report.tampering.is_none() || store::base(self.db).await? == base {
                return Ok(report);
            }
        }
    }

    async fn read(&self, last: i64, end: &Link, base: &Base) -> Result<Report, DbError> {
        let mut report = Report { end: Some(end.clone()), ..Report::default() };
        if let Err(tampering) = check_base(self.keys, base) {
            report.tampering = Some(tampering);
            return Ok(report);
        }
        let mut former = base.link.clone();
        if let Some(from) = self.from.filter(|from| *from > base.link.seq + 1) {
            match store::rows_after(self.db, from - 2, 1).await?.pop().filter(|row| row.seq == from - 1) {
                Some(row) => former = Link { seq: row.seq, hash: row.hash },
                None => {
                    report.tampering = Some(Tampering::Removed(from - 1, from - 1));
                    return Ok(report);
                }
            }
        }
        if let Err(tampering) = self.check_point(&former) {
            report.tampering = Some(tampering);
            return Ok(report);
        }
        let passed = self.checkpoints.iter().map(|checkpoint| checkpoint.seq);
        report.passed_checkpoints = passed.filter(|seq| *seq < former.seq).collect();
        let whole = former.seq == 0;
        let mut processes = HashMap::new();
        let found = self.read_rows(former, end, whole, &mut processes, &mut report).await?;
        report.tampering = found.err().or_else(|| self.check_ends(last, end).err());
        let unfinished = processes.into_iter().filter(|(_, process)| !process.ended);
        let mut unfinished: Vec<(String, i64)> =
            unfinished.map(|(node_id, process)| (node_id, process.row)).collect();
        unfinished.sort_by_key(|(_, row)| *row);
        report.unfinished_count = unfinished.len() as u64;
        unfinished.truncate(MOST_NAMED);
        report.unfinished = unfinished;
        Ok(report)
    }

    /// Follows the chain from `former` to `end`.
    async fn read_rows(
        &self,
        mut former: Link,
        end: &Link,
        whole: bool,
        processes: &mut HashMap<String, Process>,
        report: &mut Report,
    ) -> Result<Result<(), Tampering>, DbError> {
        while former.seq < end.seq {
            let rows = store::rows_after(self.db, former.seq, PAGE).await?;
            if rows.is_empty() {
                return Ok(Err(Tampering::Removed(former.seq + 1, end.seq)));
            }
            for row in rows.into_iter().take_while(|row| row.seq <= end.seq) {
                let link = Link { seq: row.seq, hash: row.hash.clone() };
                let checked = check_row(self.keys, &former, &row).and_then(|()| self.check_point(&link));
                if let Err(tampering) = checked {
                    return Ok(Err(tampering));
                }
                if report.first == 0 {
                    report.first = row.seq;
                }
                report.rows += 1;
                follow(processes, row, whole, report);
                former = link;
            }
            if former.seq < end.seq && store::rows_after(self.db, former.seq, 1).await?.is_empty() {
                return Ok(Err(Tampering::Removed(former.seq + 1, end.seq)));
            }
        }
        Ok(if former == *end { Ok(()) } else { Err(Tampering::End(former.seq)) })
    }

    /// Compares the tree with its checkpoints, and the rows that are kept with their places in it.
    async fn read_tree(&self, base: i64, report: &mut Report) -> Result<Option<Tampering>, DbError> {
        let mut check = TreeCheck::begin(self.log, self.signed.clone()).await?;
        report.places = check.head().size;
        report.signed_checkpoint = check.head().checkpoint.clone();
        let (mut rows, mut seq) = (VecDeque::new(), 0);
        while let Some(leaf) = check.next_leaf().await? {
            seq += 1;
            if seq <= base {
                continue;
            }
            if rows.is_empty() {
                rows.extend(store::hashes_after(self.db, seq - 1, PAGE).await?);
            }
            match rows.pop_front() {
                Some((found, hash)) if found == seq && tree::of_row(&hash) == leaf => {}
                Some((found, _)) if found == seq => return Ok(Some(Tampering::Leaf(seq))),
                _ => return Ok(Some(Tampering::Removed(seq, seq))),
            }
        }
        Ok(check.end().await?.map(Tampering::Tree))
    }

    fn check_point(&self, link: &Link) -> Result<(), Tampering> {
        let same_row = self.checkpoints.iter().filter(|checkpoint| checkpoint.seq == link.seq);
        if same_row.into_iter().all(|checkpoint| checkpoint.hash == link.hash) {
            Ok(())
        } else {
            Err(Tampering::Replaced(link.seq))
        }
    }

    fn check_ends(&self, last: i64, end: &Link) -> Result<(), Tampering> {
        if last > end.seq {
            return Err(Tampering::AfterEnd(end.seq + 1));
        }
        match self.checkpoints.iter().map(|checkpoint| checkpoint.seq).max() {
            Some(seq) if seq > end.seq => Err(Tampering::CutOff(end.seq + 1, seq)),
            _ => Ok(()),
        }
    }
}

/// Whether the record of where the chain begins is authentic.
pub(super) fn check_base(keys: &Keys, base: &Base) -> Result<(), Tampering> {
    let untouched = base.link == Link::START && base.mac.is_empty();
    if untouched || bytes::same(keys.base(&base.link).as_bytes(), base.mac.as_bytes()) {
        Ok(())
    } else {
        Err(Tampering::Beginning(base.link.seq))
    }
}

/// Whether `row` is the one that was written after `former`.
pub(super) fn check_row(keys: &Keys, former: &Link, row: &StoredRow) -> Result<(), Tampering> {
    if row.seq > former.seq + 1 {
        return Err(Tampering::Removed(former.seq + 1, row.seq - 1));
    }
    if keys.follows(&former.hash, row) { Ok(()) } else { Err(Tampering::Row(row.seq)) }
}

/// Follows the numbers of each process. When the beginning is missing, a process may begin anywhere.
fn follow(processes: &mut HashMap<String, Process>, row: StoredRow, whole: bool, report: &mut Report) {
    let expected = match processes.get(&row.node_id) {
        Some(process) => process.node_seq + 1,
        None if whole => 1,
        None => row.node_seq,
    };
    if row.node_seq > expected {
        report.gap_count += 1;
        if report.gaps.len() < MOST_NAMED {
            let (node_id, to) = (row.node_id.clone(), row.node_seq - 1);
            report.gaps.push(Gap { node_id, from: expected, to, before: row.seq });
        }
    }
    let ended = Kind::is_last(&row.event);
    processes.insert(row.node_id, Process { node_seq: row.node_seq, row: row.seq, ended });
}
