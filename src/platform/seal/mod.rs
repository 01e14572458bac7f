//! Encryption ("sealing") of personal data at rest, blind indexes for lookups, and keyed digests.
//!
//! One [`Keyring`] file holds versioned master keys; every purpose works with keys derived from them
//! (HKDF-SHA-256), so that a value sealed for one purpose cannot be opened for another. A sealed value is bound to its
//! place (table, column, row) by associated data. Signing keys are in `jose`.

pub mod check;
mod keyring;
mod sealer;
mod settings;

pub use keyring::{Keyring, KeyringError};
pub use sealer::{Mac, OneTimeSeal, OpenError, Sealer};
pub use settings::KeySettings;
