//! A log as it is stored: its head, its tiles, its key.

use std::sync::Arc;

use arc_swap::ArcSwapOption;

use super::hash::Hash;
use super::note::{Checkpoint, SigningKey, VerifierKey};
use super::proof::Proof;
use super::store;
use super::tree::{self, Missing, Place, Question, Tiles};
use crate::platform::bytes;
use crate::platform::db::{Db, DbError, Statement};
use crate::platform::seal::{Keyring, Mac, Sealer};

/// For how long a node holds the lease before it must renew it, in milliseconds.
const LEASE_MS: i64 = 15_000;

/// A transparency log. Cheap to clone.
#[derive(Clone)]
pub struct Log(Arc<Inner>);

struct Inner {
    db: Db,
    /// Its name in the tables.
    name: &'static str,
    /// Its name to others, unless a key with another name was kept before.
    origin: String,
    /// Random for each process.
    node: String,
    sealer: Sealer,
    base: Mac,
    key: ArcSwapOption<SigningKey>,
}

/// How far a log has come.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Head {
    /// How many leaves it has.
    pub size: u64,
    /// The signed checkpoint that says so; empty before the first leaf.
    pub checkpoint: String,
    /// From which place on the contents of leaves are kept.
    pub base: u64,
    pub(super) base_mac: String,
}

/// What became of leaves that were to be appended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Appended {
    /// They have the places from the head's size on.
    Yes,
    /// Another node was quicker: nothing was written.
    No,
}

impl Log {
    /// The log `name` in `db`, which others know as `origin`, with keys of `keyring`.
    pub fn new(db: Db, name: &'static str, origin: String, keyring: &Keyring) -> Self {
        let (sealer, base) = (keyring.sealer("tlog-key"), keyring.mac("tlog-base"));
        let node = bytes::random_alphanumeric::<16>();
        Self(Arc::new(Inner { db, name, origin, node, sealer, base, key: ArcSwapOption::empty() }))
    }

    /// The key that signs its checkpoints, made when it is asked for the first time.
    async fn key(&self) -> Result<Arc<SigningKey>, DbError> {
        let inner = &*self.0;
        if let Some(key) = &*inner.key.load() {
            return Ok(Arc::clone(key));
        }
        let place = inner.name.as_bytes();
        if store::key(&inner.db, inner.name).await?.is_none() {
            let sealed = inner.sealer.seal_text(place, &SigningKey::generate());
            store::keep_key(&inner.db, inner.name, &inner.origin, &sealed).await?;
        }
        let (name, sealed) = store::key(&inner.db, inner.name)
            .await?
            .ok_or_else(|| DbError::statement("the key of a log is not there"))?;
        let pkcs8 = inner.sealer.open_text(place, &sealed);
        let key = pkcs8.ok().and_then(|pkcs8| SigningKey::from_pkcs8(&name, &zeroize::Zeroizing::new(pkcs8)));
        let key = Arc::new(
            key.ok_or_else(|| DbError::statement("the key of a log does not open with this keyring"))?,
        );
        inner.key.store(Some(Arc::clone(&key)));
        Ok(key)
    }

    /// The public key of its checkpoints.
    ///
    /// # Errors
    /// [`DbError`].
    pub async fn verifier_key(&self) -> Result<VerifierKey, DbError> {
        Ok(self.key().await?.public.clone())
    }

    /// How far it has come.
    ///
    /// # Errors
    /// [`DbError`].
    pub async fn head(&self) -> Result<Head, DbError> {
        let stored = store::head(&self.0.db, self.0.name).await?;
        let store::StoredHead { size, checkpoint, base, base_mac, .. } = stored;
        Ok(Head { size, checkpoint, base, base_mac })
    }

    /// The head, and whether this node is the one that gives places: it holds the lease, or takes it because nobody does. The lease
    /// spares the others their work; that no place is given twice does not rest on it, nor on any clock.
    ///
    /// # Errors
    /// [`DbError`].
    pub async fn lead(&self, now_ms: i64) -> Result<(Head, bool), DbError> {
        let inner = &*self.0;
        let stored = store::head(&inner.db, inner.name).await?;
        let left = stored.lease_until_ms.saturating_sub(now_ms);
        let own = stored.holder == inner.node;
        let fresh = own && (LEASE_MS / 2..=LEASE_MS).contains(&left);
        let others = !own && (0..=2 * LEASE_MS).contains(&left);
        let leads = fresh
            || !others && {
                let times = (now_ms, now_ms.saturating_add(LEASE_MS));
                store::lease(&inner.db, inner.name, &inner.node, times).await?
            };
        let store::StoredHead { size, checkpoint, base, base_mac, .. } = stored;
        Ok((Head { size, checkpoint, base, base_mac }, leads))
    }

    /// Appends leaves after a head that was read before the leaves were, with a new checkpoint, and makes the changes `then` in the same
    /// transaction: such as writing down the places. All or nothing.
    ///
    /// # Errors
    /// [`DbError`]; if the database became unavailable, the outcome is unknown, and the next head tells.
    pub async fn append(
        &self,
        head: &Head,
        leaves: &[Hash],
        then: Vec<Statement>,
    ) -> Result<Appended, DbError> {
        let inner = &*self.0;
        let key = self.key().await?;
        let edge = tree::edge(head.size).into_iter().collect();
        let mut tiles = store::tiles(&inner.db, inner.name, &edge).await?;
        if let Err(missing) = tree::append(&mut tiles, head.size, leaves) {
            // Another node may have gone on since the head was read.
            let moved = self.head().await?.size != head.size;
            return if moved { Ok(Appended::No) } else { Err(DbError::statement(missing)) };
        }
        let size = head.size + leaves.len() as u64;
        let root = answer(Question::Root(size), &tiles)?[0];
        let grow = store::grow(inner.name, (head.size, size), &key.sign(size, root));
        let changed = tiles.iter().map(|(place, hashes)| store::write_tile(inner.name, *place, hashes));
        let then = changed.chain(then).collect();
        Ok(match inner.db.guarded(grow, then).await? {
            Some(_) => Appended::Yes,
            None => Appended::No,
        })
    }

    /// The hashes that a question needs.
    pub(super) async fn ask(&self, question: Question) -> Result<Vec<Hash>, DbError> {
        let tiles = store::tiles(&self.0.db, self.0.name, &question.needs()).await?;
        answer(question, &tiles)
    }

    /// The proof that `leaf` is at a place of the log as its newest checkpoint has it; `None` where it is not.
    ///
    /// # Errors
    /// [`DbError`].
    pub async fn prove(&self, leaf: Vec<u8>, index: u64) -> Result<Option<Proof>, DbError> {
        let head = self.head().await?;
        if index >= head.size {
            return Ok(None);
        }
        let path = self.ask(Question::Inclusion(index, head.size)).await?;
        let proof = Proof { leaf, index, path, checkpoint: head.checkpoint };
        // What does not verify is no proof, and must not be handed out as one.
        let key = self.verifier_key().await?;
        Ok(proof.verify(&key).is_ok().then_some(proof))
    }

    /// The proof that the tree of one size is the beginning of the tree of another (RFC 9162 §2.1.4).
    ///
    /// # Errors
    /// [`DbError`].
    pub async fn consistency(&self, first: u64, second: u64) -> Result<Vec<Hash>, DbError> {
        self.ask(Question::Consistency(first, second)).await
    }

    /// The hashes of a tile, `width` of them from the first; `None` where it has not so many.
    ///
    /// # Errors
    /// [`DbError`].
    pub async fn tile(&self, place: (u8, u64), width: usize) -> Result<Option<Vec<Hash>>, DbError> {
        let place: Place = place;
        let mut tiles = store::tiles(&self.0.db, self.0.name, &[place].into()).await?;
        let hashes = tiles.remove(&place).filter(|hashes| width > 0 && hashes.len() >= width);
        Ok(hashes.map(|mut hashes| {
            hashes.truncate(width);
            hashes
        }))
    }

    /// The statements that remove the contents of leaves before a place: `remove` of them, and the record that this was done by whoever
    /// has the keyring. `None` from [`Db::guarded`] when another node was quicker.
    pub fn cut(&self, head: &Head, to: u64) -> Statement {
        store::cut(self.0.name, (head.base, to), &self.base_mac(to))
    }

    /// Whether the record of where contents begin is authentic.
    pub fn is_base_authentic(&self, head: &Head) -> bool {
        let untouched = head.base == 0 && head.base_mac.is_empty();
        untouched || bytes::same(self.base_mac(head.base).as_bytes(), head.base_mac.as_bytes())
    }

    fn base_mac(&self, base: u64) -> String {
        self.0.base.digest(&[self.0.name.as_bytes(), &base.to_be_bytes()]).encode()
    }

    /// What a checkpoint of this log says, if its key signed it.
    ///
    /// # Errors
    /// [`DbError`].
    pub async fn believed(&self, checkpoint: &str) -> Result<Option<Checkpoint>, DbError> {
        Ok(Checkpoint::verified(checkpoint, &self.verifier_key().await?).ok())
    }

    pub(super) fn db(&self) -> &Db {
        &self.0.db
    }

    pub(super) fn name(&self) -> &'static str {
        self.0.name
    }
}

pub(super) fn answer(question: Question, tiles: &Tiles) -> Result<Vec<Hash>, DbError> {
    question.of(tiles).map_err(|missing: Missing| DbError::statement(missing))
}
