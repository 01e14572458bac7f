//! Hashes of leaves and nodes (RFC 9162 §2.1.1).

use aws_lc_rs::digest::{Context, SHA256, digest};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

/// A hash of the tree: SHA-256.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct Hash(pub [u8; 32]);

impl Hash {
    /// The hash of a tree without leaves.
    pub fn of_nothing() -> Self {
        Self::from(digest(&SHA256, b""))
    }

    /// The hash of a leaf.
    pub fn of_leaf(leaf: &[u8]) -> Self {
        let mut context = Context::new(&SHA256);
        context.update(&[0]);
        context.update(leaf);
        Self::from(context.finish())
    }

    /// The hash of a node.
    pub fn of_node(left: &Self, right: &Self) -> Self {
        let mut context = Context::new(&SHA256);
        context.update(&[1]);
        context.update(&left.0);
        context.update(&right.0);
        Self::from(context.finish())
    }

    /// base64 with padding, as checkpoints and proofs write hashes.
    pub fn encode(&self) -> String {
        STANDARD.encode(self.0)
    }

    /// Reads it; `None` for anything else.
    pub fn decode(text: &str) -> Option<Self> {
        STANDARD.decode(text).ok()?.try_into().ok().map(Self)
    }
}

impl From<aws_lc_rs::digest::Digest> for Hash {
    fn from(digest: aws_lc_rs::digest::Digest) -> Self {
        let mut out = [0; 32];
        out.copy_from_slice(digest.as_ref());
        Self(out)
    }
}

impl std::fmt::Debug for Hash {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.encode())
    }
}
