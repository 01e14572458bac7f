//! The chain: each row's hash is a keyed digest of the one before it and of the row, so that whoever can write to the
//! database and has no keyring can neither change, remove, move nor add a row without being found.

use crate::platform::bytes::{self, Digest};
use crate::platform::seal::{Keyring, Mac};

/// An event as it waits to be written.
#[derive(Clone, Debug)]
pub(super) struct Entry {
    /// When it happened, in microseconds since the Unix epoch.
    pub time_us: i64,
    /// Which one of its process it is, counted from 1.
    pub node_seq: i64,
    /// Its name.
    pub event: &'static str,
    /// Its fields as JSON.
    pub content: String,
}

/// A row of the table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct StoredRow {
    pub seq: i64,
    pub time_us: i64,
    pub node_id: String,
    pub node_seq: i64,
    pub event: String,
    pub content: String,
    pub hash: String,
}

/// A place in the chain: the number of a row and its hash; 0 and no hash before the first row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Link {
    /// The row.
    pub seq: i64,
    /// Its hash in base64url.
    pub hash: String,
}

impl Link {
    /// Before the first row.
    pub(super) const START: Self = Self { seq: 0, hash: String::new() };
}

/// The keys of the chain and of the pseudonyms in it, each of a purpose of its own.
pub(super) struct Keys {
    chain: Mac,
    base: Mac,
    person: Mac,
    network: Mac,
}

impl Keys {
    pub(super) fn new(keyring: &Keyring) -> Self {
        Self {
            chain: keyring.mac("audit-chain"),
            base: keyring.mac("audit-base"),
            person: keyring.mac("audit-person"),
            network: keyring.mac("audit-network"),
        }
    }

    /// The hash of a row that follows one with the hash `former`.
    pub(super) fn hash(&self, former: &str, row: &StoredRow) -> String {
        let StoredRow { seq, time_us, node_id, node_seq, event, content, .. } = row;
        let numbers = [seq.to_be_bytes(), time_us.to_be_bytes(), node_seq.to_be_bytes()];
        let [seq, time_us, node_seq] = &numbers;
        let parts: [&[u8]; 7] = [
            former.as_bytes(),
            seq,
            time_us,
            node_id.as_bytes(),
            node_seq,
            event.as_bytes(),
            content.as_bytes(),
        ];
        self.chain.digest(&parts).encode()
    }

    /// Whether a row is what was written after the row with the hash `former`.
    pub(super) fn follows(&self, former: &str, row: &StoredRow) -> bool {
        bytes::same(self.hash(former, row).as_bytes(), row.hash.as_bytes())
    }

    /// Proves that rows up to a place were removed because they had expired.
    pub(super) fn base(&self, base: &Link) -> String {
        self.base.digest(&[&base.seq.to_be_bytes(), base.hash.as_bytes()]).encode()
    }

    /// A person's pseudonym: the same in every row, and of no use elsewhere.
    pub(super) fn person(&self, id: &str) -> String {
        short(self.person.digest(&[id.as_bytes()]))
    }

    /// A network's pseudonym.
    pub(super) fn network(&self, text: &str) -> String {
        short(self.network.digest(&[text.as_bytes()]))
    }
}

/// Twelve bytes tell all people of a country apart.
fn short(digest: Digest) -> String {
    bytes::encode(&digest.0[..12])
}
