//! Numbers in the order of commits, by which nodes follow what others changed.
//!
//! A change takes the next number of its list and writes it into its rows, all in one transaction. That keeps the list's
//! row locked until the commit, so numbers become visible in their order: a node that has seen one has missed none below
//! it. No clock has a say in it. Lists are for changes that are rare.

use super::{Statement, statement};

/// What this keeps its data in.
pub(super) const TABLE: &str = "sequences";

/// Takes the next number of a list. Rows that get the number are written after that and read it as
/// `(SELECT seq FROM sequences WHERE list = …)`; rows that others may hold are locked before, so that nobody waits in a circle.
pub fn take_number(list: &'static str) -> Statement {
    statement("UPDATE sequences SET seq = seq + 1 WHERE list = $1 RETURNING seq").bind(list)
}

/// The last number of a list that was taken.
pub fn last_number(list: &'static str) -> Statement {
    statement("SELECT seq FROM sequences WHERE list = $1").bind(list)
}
