//! The file that a proof is handed out in (C2SP tlog-proof): the leaf itself, its place, the path to the root, and the checkpoint.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::hash::Hash;
use super::note::{Checkpoint, NoteError, VerifierKey};
use super::tree;

const HEADER: &str = "c2sp.org/tlog-proof@v1";

/// No path is longer: the sizes of trees have 64 bits.
const LONGEST_PATH: usize = 63;

/// A proof that a leaf is in a log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Proof {
    /// The leaf.
    pub leaf: Vec<u8>,
    /// Its place.
    pub index: u64,
    /// The path to the root.
    pub path: Vec<Hash>,
    /// The signed checkpoint.
    pub checkpoint: String,
}

/// Why a proof proves nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ProofError {
    /// It has another form.
    #[error("it is no proof: see docs/ledger.md for its form")]
    Form,
    /// The checkpoint is not believed.
    #[error("its checkpoint: {0}")]
    Checkpoint(#[from] NoteError),
    /// The path does not lead from the leaf to the root.
    #[error("the leaf is not in the tree of the checkpoint: it, its place or the path was changed")]
    Inclusion,
}

impl Proof {
    /// Reads one.
    ///
    /// # Errors
    /// [`ProofError::Form`].
    pub fn parse(text: &str) -> Result<Self, ProofError> {
        let (head, checkpoint) = text.split_once("\n\n").ok_or(ProofError::Form)?;
        let mut lines = head.split('\n');
        let first = (lines.next(), lines.next(), lines.next());
        let (Some(HEADER), Some(extra), Some(index)) = first else { return Err(ProofError::Form) };
        let leaf = extra.strip_prefix("extra ").and_then(|leaf| STANDARD.decode(leaf).ok());
        let number = index
            .strip_prefix("index ")
            .and_then(|index| index.parse::<u64>().ok().filter(|number| number.to_string() == index));
        let (Some(leaf), Some(index)) = (leaf, number) else { return Err(ProofError::Form) };
        let path: Option<Vec<Hash>> = lines.map(Hash::decode).collect();
        let path = path.filter(|path| path.len() <= LONGEST_PATH).ok_or(ProofError::Form)?;
        Ok(Self { leaf, index, path, checkpoint: checkpoint.to_owned() })
    }

    /// Verifies it with the log's public key alone; the checkpoint that it rests on.
    ///
    /// # Errors
    /// [`ProofError`].
    pub fn verify(&self, key: &VerifierKey) -> Result<Checkpoint, ProofError> {
        let checkpoint = Checkpoint::verified(&self.checkpoint, key)?;
        let leaf = Hash::of_leaf(&self.leaf);
        if tree::is_included(leaf, (self.index, checkpoint.size), &self.path, &checkpoint.root) {
            Ok(checkpoint)
        } else {
            Err(ProofError::Inclusion)
        }
    }
}

impl std::fmt::Display for Proof {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        writeln!(f, "{HEADER}\nextra {}\nindex {}", STANDARD.encode(&self.leaf), self.index)?;
        for hash in &self.path {
            writeln!(f, "{}", hash.encode())?;
        }
        write!(f, "\n{}", self.checkpoint)
    }
}
