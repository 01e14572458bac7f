//! Transparency logs: append-only lists of leaves whose hashes make a Merkle tree (RFC 9162 §2.1), so that whoever has kept a
//! checkpoint finds what was changed, removed or reordered. It knows no subject: leaves are theirs.

mod store;

pub(crate) use store::TABLES;
