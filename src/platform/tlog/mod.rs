//! Transparency logs: append-only lists of leaves whose hashes make a Merkle tree (RFC 9162 §2.1), so that whoever has kept a
//! checkpoint finds what was changed, removed or reordered. It knows no subject: leaves are theirs.
//!
//! `tree.rs` is the tree over tiles of 256 hashes and its proofs, `note.rs` the signed checkpoint, `proof.rs` the file that a proof
//! is handed out in (forms of C2SP: tlog-tiles, tlog-checkpoint, signed-note, tlog-proof), [`Log`] what is stored in SQL. A crate
//! of these exists (`tlog_tiles`); its reading of tiles cannot wait for a database, and it brings a second SHA-256 and base64.

mod hash;
mod log;
mod note;
mod proof;
mod publish;
mod store;
#[cfg(test)]
mod tests;
mod tree;
mod verify;

pub use hash::Hash;
pub use log::{Appended, Head, Log};
pub use note::{Checkpoint, NoteError, VerifierKey};
pub use proof::{Proof, ProofError};
pub use publish::Published;
pub(crate) use store::TABLES;
pub use tree::TILE;
pub use verify::{Finding, TreeCheck};

/// What fuzz targets (`fuzz/`) reach of the parsers in here.
#[cfg(fuzzing)]
pub mod fuzzing {
    /// A proof as somebody hands it in: what is read is written the same.
    pub fn proof(text: &str) {
        if let Ok(proof) = super::Proof::parse(text) {
            assert_eq!(proof.to_string(), text);
            let _ = super::Checkpoint::read(&proof.checkpoint);
        }
    }

    /// The address of a tile.
    pub fn tile(path: &str) {
        super::publish::fuzz_place(path);
    }

    /// A checkpoint, and a verifier key.
    pub fn checkpoint(text: &str) {
        let _ = super::Checkpoint::read(text);
        let _ = super::VerifierKey::parse(text);
    }
}
