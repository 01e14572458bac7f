//! Calls from this process to others: what is private, and which private addresses clients' URLs may lead to.

mod reach;
mod settings;

pub use settings::{Allowed, Outbound};

pub(crate) use reach::{is_loopback, is_private};
