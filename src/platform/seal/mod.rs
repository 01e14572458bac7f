//! Sealing of personal data at rest, blind indexes to find it again, and keyed digests.
//!
//! One [`Keyring`] file holds versioned master keys; every purpose works with keys derived from them
//! (HKDF-SHA-256), so that a value sealed for one purpose opens for no other. What is sealed is bound to its
//! place (table, column, row) by associated data. Signing keys live in `jose`, not here.

mod keyring;
mod sealer;
mod settings;

pub use keyring::{Keyring, KeyringError};
pub use sealer::{Mac, OneTimeSeal, OpenError, Sealer};
pub use settings::KeySettings;
