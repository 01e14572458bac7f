//! Reading a whole log again: whether its tiles are one tree, and the tree the one that its checkpoints tell of. Whether each leaf is
//! what its hash says, the subject knows, which reads its rows beside this.

use super::hash::Hash;
use super::log::{Head, Log};
use super::note::Checkpoint;
use super::store;
use super::tree::{self, Place, Question, TILE, Tiles};
use crate::platform::db::DbError;

/// Tiles read at a time.
const PAGE: i64 = 16;

/// What proves that a log was changed by somebody without its keys.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Finding {
    /// The stored checkpoint is not signed by the log's key, or of another size.
    #[error("the stored checkpoint is not one of this log for {0} leaves")]
    Checkpoint(u64),
    /// A tile is not what follows from the leaves' hashes.
    #[error("the hashes of tile {1} in level {0} do not follow from those below")]
    Tile(u8, u64),
    /// The tree is not that of the checkpoint.
    #[error(
        "the tree of {0} leaves is not the one that the checkpoint tells of: hashes were changed, removed or reordered"
    )]
    Root(u64),
    /// A checkpoint that was kept elsewhere tells of more leaves.
    #[error("the log has {0} leaves, and a checkpoint that was kept tells of {1}: leaves were cut off")]
    CutOff(u64, u64),
    /// The record of which contents were removed is not authentic.
    #[error("the contents before place {0} were not removed by this provider")]
    Base(u64),
}

/// Reads the tiles of a log from the first on, and grows a second tree of the leaves' hashes.
pub struct TreeCheck<'a> {
    log: &'a Log,
    head: Head,
    tiles: Tiles,
    size: u64,
    kept: Vec<Checkpoint>,
    /// Leaves' hashes that were read and not taken yet.
    page: std::collections::VecDeque<Hash>,
    next: u64,
    finding: Option<Finding>,
}

impl<'a> TreeCheck<'a> {
    /// Begins. Checkpoints that were kept elsewhere, and are believed, are compared on the way.
    ///
    /// # Errors
    /// [`DbError`].
    pub async fn begin(log: &'a Log, kept: Vec<Checkpoint>) -> Result<Self, DbError> {
        let head = log.head().await?;
        let mut kept = kept;
        kept.sort_by_key(|checkpoint| checkpoint.size);
        let mut check = Self {
            log,
            tiles: Tiles::new(),
            size: 0,
            kept,
            page: std::collections::VecDeque::new(),
            next: 0,
            finding: None,
            head,
        };
        if !log.is_base_authentic(&check.head) {
            check.finding = Some(Finding::Base(check.head.base));
        }
        Ok(check)
    }

    /// The log's head.
    pub fn head(&self) -> &Head {
        &self.head
    }

    /// What was found so far.
    pub fn finding(&self) -> Option<&Finding> {
        self.finding.as_ref()
    }

    /// The hash of the next leaf; `None` after the last one, or when something was found.
    ///
    /// # Errors
    /// [`DbError`].
    pub async fn next_leaf(&mut self) -> Result<Option<Hash>, DbError> {
        if self.finding.is_some() || self.size >= self.head.size {
            return Ok(None);
        }
        if self.page.is_empty() {
            let tiles = store::level(self.log.db(), self.log.name(), (0, self.next), PAGE).await?;
            for ((_, tile), hashes) in tiles {
                if tile != self.next {
                    break;
                }
                let full = hashes.len() == TILE;
                self.page.extend(hashes);
                self.next += 1;
                if !full {
                    break;
                }
            }
        }
        let Some(hash) = self.page.pop_front() else {
            self.finding = Some(Finding::Root(self.head.size));
            return Ok(None);
        };
        self.take(hash).await?;
        Ok(Some(hash))
    }

    async fn take(&mut self, hash: Hash) -> Result<(), DbError> {
        // The edge stays in memory; what is full is compared with what is stored, and let go.
        tree::append(&mut self.tiles, self.size, &[hash]).map_err(DbError::statement)?;
        self.size += 1;
        let full: Vec<Place> = self
            .tiles
            .iter()
            .filter(|((level, _), tile)| *level > 0 && tile.len() == TILE)
            .map(|(place, _)| *place)
            .collect();
        for place in full {
            self.compare(place).await?;
        }
        let roots = self.kept.iter().filter(|checkpoint| checkpoint.size == self.size).map(|kept| kept.root);
        let roots: Vec<Hash> = roots.collect();
        if !roots.is_empty() {
            let own = super::log::answer(Question::Root(self.size), &self.tiles)?[0];
            if roots.iter().any(|root| *root != own) {
                self.finding = Some(Finding::Root(self.size));
            }
        }
        self.tiles.retain(|_, tile| tile.len() < TILE);
        Ok(())
    }

    /// Compares a tile with what is stored: nodes may have gone on meanwhile, so that may hold more.
    async fn compare(&mut self, place: Place) -> Result<(), DbError> {
        let stored = store::tiles(self.log.db(), self.log.name(), &[place].into()).await?;
        let own = self.tiles.get(&place).map(Vec::as_slice).unwrap_or_default();
        if !stored.get(&place).is_some_and(|stored| stored.starts_with(own)) {
            self.finding = Some(Finding::Tile(place.0, place.1));
        }
        Ok(())
    }

    /// Ends: compares what is left with what is stored and with the checkpoint.
    ///
    /// # Errors
    /// [`DbError`].
    pub async fn end(mut self) -> Result<Option<Finding>, DbError> {
        if self.finding.is_some() {
            return Ok(self.finding);
        }
        let size = self.head.size;
        if let Some(most) = self.kept.last().filter(|checkpoint| checkpoint.size > size) {
            return Ok(Some(Finding::CutOff(size, most.size)));
        }
        let edge: Vec<Place> = self.tiles.keys().copied().filter(|(level, _)| *level > 0).collect();
        for place in edge {
            self.compare(place).await?;
        }
        if self.finding.is_some() {
            return Ok(self.finding);
        }
        if size == 0 {
            return Ok((!self.head.checkpoint.is_empty()).then_some(Finding::Checkpoint(0)));
        }
        let believed = self.log.believed(&self.head.checkpoint).await?;
        let Some(believed) = believed.filter(|checkpoint| checkpoint.size == size) else {
            return Ok(Some(Finding::Checkpoint(size)));
        };
        let root = super::log::answer(Question::Root(size), &self.tiles)?[0];
        Ok((root != believed.root).then_some(Finding::Root(size)))
    }
}
