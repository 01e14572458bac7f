//! SQL of the tables of transparency logs.

/// What this store keeps its data in.
pub(crate) const TABLES: &[&str] = &["tlog_heads", "tlog_tiles", "tlog_keys"];
